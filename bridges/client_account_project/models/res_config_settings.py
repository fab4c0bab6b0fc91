from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    client_judge_completion = fields.Boolean(
        related="company_id.client_judge_completion", readonly=False
    )
