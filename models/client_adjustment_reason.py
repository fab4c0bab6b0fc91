from odoo import fields, models


class ClientAdjustmentReason(models.Model):
    """The short list of reasons a company gives credits and charges for, to choose from
    and to analyse by; the text beside it stays free."""

    _name = "client.adjustment.reason"
    _description = "Reason of Credits and Charges"
    _order = "sequence, name, id"

    name = fields.Char(string="Reason", required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        ondelete="cascade",
        index=True,
        help="Empty: for all companies.",
    )
