from odoo import fields, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    client_not_payable_with_credit = fields.Boolean(
        string="Not Payable with Account Credit",
        help="An invoice that holds this product cannot be paid with the client's "
        "account credit, as for the first payment of a plan.",
    )
