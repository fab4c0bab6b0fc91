from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    client_adjustment_journal_id = fields.Many2one(
        related="company_id.client_adjustment_journal_id", readonly=False
    )
    client_credit_account_id = fields.Many2one(
        related="company_id.client_credit_account_id", readonly=False
    )
    client_charge_account_id = fields.Many2one(
        related="company_id.client_charge_account_id", readonly=False
    )
    credit_application = fields.Selection(
        related="company_id.credit_application", readonly=False
    )
    client_account_leader_id = fields.Many2one(
        related="company_id.client_account_leader_id", readonly=False
    )
    client_request_self_approval = fields.Boolean(
        related="company_id.client_request_self_approval", readonly=False
    )
    client_two_approvers = fields.Boolean(
        related="company_id.client_two_approvers", readonly=False
    )
    client_two_approvers_above = fields.Monetary(
        related="company_id.client_two_approvers_above",
        currency_field="currency_id",
        readonly=False,
    )
