from odoo import api, models


class ResCompany(models.Model):
    _inherit = "res.company"

    @api.model
    def _setup_client_tills(self):
        """Give all companies with a chart the method of the till, see
        `_setup_client_till`."""
        # Sudo: set-up runs for whoever installs.
        companies = self.sudo().search([("chart_template", "!=", False)])
        self.sudo().search([("id", "child_of", companies.ids)])._setup_client_till()

    def _setup_client_till(self):
        """Give each of these companies that has a chart the payment method "Client
        account", which no till uses until somebody says so.

        One that was renamed or archived is the company's own decision: it stays.
        """
        # Sudo: set-up runs for whoever loads a chart.
        methods = self.env["pos.payment.method"].sudo().with_context(active_test=False)
        companies = self.sudo().filtered(lambda company: company.root_id.chart_template)
        had = methods.search(
            [
                ("client_is_account", "=", True),
                ("company_id", "in", companies.ids),
            ]
        ).company_id
        methods.create(
            [
                {
                    "name": self.env._("Client Account"),
                    "company_id": company.id,
                    "client_is_account": True,
                    "split_transactions": True,
                }
                for company in companies - had
            ]
        )
