from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    client_judged_documents = fields.Selection(
        related="company_id.client_judged_documents", readonly=False
    )
    client_first_order_without_credit = fields.Boolean(
        related="company_id.client_first_order_without_credit", readonly=False
    )
