from odoo import api, models

from ..const import PROJECT_WORK_FIELDS


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

    def write(self, vals):
        """Override of `project` to judge tasks that are done and take the order line
        of their project over."""
        if PROJECT_WORK_FIELDS.isdisjoint(vals):
            return super().write(vals)
        done = self.env["project.task"]._search_done([("project_id", "in", self.ids)])
        before = done._get_done_pieces()
        result = super().write(vals)
        # They stay done with a refusal, so there is nothing to be done anyway.
        done._judge_done(before, are_new=True)
        return result

    def _get_client_payer(self):
        """Override of `client.payer.mixin`."""
        self.ensure_one()
        return self._get_payer_of(
            self.sale_line_id.order_id, self.partner_id, self.company_id
        )
