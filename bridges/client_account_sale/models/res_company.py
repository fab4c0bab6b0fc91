from odoo import api, fields, models

from ..const import JUDGED_DOCUMENTS

DECISIONS = ("client_judged_documents", "client_first_order_without_credit")


class ResCompany(models.Model):
    _inherit = "res.company"

    client_judged_documents = fields.Selection(
        JUDGED_DOCUMENTS,
        string="Judged Under the Balance Policy",
        default="both",
        required=True,
        tracking=True,
        help="Orders and invoices: an order is judged when it is confirmed and counts "
        "against the limit until it is invoiced; its own invoice is accepted then.\n"
        "Orders only: invoices are not refused, whatever the balance.\n"
        "Invoices only: orders neither count nor are refused.",
    )
    client_first_order_without_credit = fields.Boolean(
        string="First Order Without Account Credit",
        tracking=True,
        help="The first order of a client is not payable with account credit, as the "
        "first payment of a plan.",
    )

    @api.model
    def _get_client_decisions(self):
        """Override to leave these to approvers."""
        return (*super()._get_client_decisions(), *DECISIONS)

    def write(self, vals):
        """Override of the ORM to have nobody judged by what changes meanwhile, and to
        forget the figures that orders count in."""
        if "client_judged_documents" not in vals:
            return super().write(vals)
        accounts = self.env["client.account"]
        accounts._lock_companies(self)
        result = super().write(vals)
        accounts._invalidate_figures()
        accounts._trigger_notices()
        return result
