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
    expiry_days = fields.Integer(
        string="Usable for (Days)",
        help="Credits for this reason expire after so many days. Zero: as the company "
        "has it.",
    )
    company_id = fields.Many2one(
        "res.company",
        ondelete="cascade",
        index=True,
        help="Empty: for all companies.",
    )

    _expiry_days_range = models.Constraint(
        "CHECK(expiry_days >= 0 AND expiry_days <= 3650)",
        "Credits are usable for between 0 and 3,650 days.",
    )
