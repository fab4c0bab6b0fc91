from odoo import api, models


class ProjectProject(models.Model):
    _name = "project.project"
    _inherit = ["project.project", "client.payer.mixin"]

    @api.depends(
        "sale_line_id.order_id.partner_invoice_id",
        "sale_line_id.company_id",
        "partner_id",
        "company_id",
    )
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_client_account_id(self):
        return super()._compute_client_account_id()

    def _get_client_payer(self):
        """Override of `client.payer.mixin`."""
        self.ensure_one()
        return self._get_payer_of(
            self.sale_line_id.order_id, self.partner_id, self.company_id
        )
