from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    client_judge_completion = fields.Boolean(
        string="Judge Tasks When Done",
        help="A task or milestone is not marked as done when what it costs would take "
        "its client below the limit, where negative balances are prevented.",
    )

    def _get_client_decisions(self):
        """Override of `client_account` to leave this to approvers."""
        return (*super()._get_client_decisions(), "client_judge_completion")
