from odoo import api, models


class AccountChartTemplate(models.AbstractModel):
    """The till of the demo company: its methods need a chart of accounts."""

    _inherit = "account.chart.template"

    @api.model
    def _load_client_demo(self):
        """Override of `client_account` to make the tutoring company's till ready, once
        there are accounts to book on."""
        if not super()._load_client_demo():
            return False
        till = self.env.ref("client_account_pos.demo_till", raise_if_not_found=False)
        company = self.env.ref("base.main_company")
        self._sell_demo_rewards()
        if till and not till.payment_method_ids.filtered("client_is_account"):
            company._setup_client_till()
            self.with_company(company)._equip_demo_till(till)
        return True

    def _sell_demo_rewards(self):
        """Have tills sell the demo lesson that session credits pay: with *Loyalty* no
        till opens that does not sell what a program gives."""
        lesson = self.env.ref(
            "client_account_loyalty.demo_lesson", raise_if_not_found=False
        )
        if lesson:
            lesson.available_in_pos = True

    def _equip_demo_till(self, till):
        """Have the till take cash and clients' accounts."""
        company = self.env.company
        methods = self.env["pos.payment.method"]
        cash = methods.create(
            {
                "name": self.env._("Cash"),
                "company_id": company.id,
                "journal_id": self.env["account.journal"]
                .create(
                    {
                        "name": self.env._("Cash, Reception Desk"),
                        "type": "cash",
                        "code": "CADSK",
                        "company_id": company.id,
                    }
                )
                .id,
            }
        )
        account = methods.search(
            [("client_is_account", "=", True), ("company_id", "=", company.id)], limit=1
        )
        till.payment_method_ids = cash | account
