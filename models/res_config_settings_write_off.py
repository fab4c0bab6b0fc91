from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    client_write_off_limit = fields.Monetary(
        related="company_id.client_write_off_limit",
        currency_field="currency_id",
        readonly=False,
    )
    client_write_off_account_id = fields.Many2one(
        related="company_id.client_write_off_account_id", readonly=False
    )
    client_write_off_gain_account_id = fields.Many2one(
        related="company_id.client_write_off_gain_account_id", readonly=False
    )
    client_write_off_reason = fields.Char(
        related="company_id.client_write_off_reason", readonly=False
    )
