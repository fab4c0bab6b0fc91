from odoo import api, fields, models

# Policies of two values are ticks on the screen: the setting ticked, the policy it
# sets, its value when ticked and when not.
TICKS = {
    "client_prevent_negative": ("client_negative_balance", "prevented", "allowed"),
    "client_pays_up_front": ("client_pay_later", "disabled", "allowed"),
    "client_allow_top_up": ("client_top_up_policy", "allowed", "forbidden"),
    "client_tell_client": ("client_low_balance_client", "on", "off"),
    "client_tell_manager": ("client_low_balance_manager", "on", "off"),
}


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
    group_client_account_staff = fields.Boolean(
        string="Staff May See Client Balances",
        implied_group="client_account.group_client_account_viewer",
        group="base.group_user",
        help="Every internal user sees the balance, debts and limit of clients.",
    )
    client_negative_balance = fields.Selection(
        related="company_id.client_negative_balance", readonly=False
    )
    client_pay_later = fields.Selection(
        related="company_id.client_pay_later", readonly=False
    )
    client_credit_application = fields.Selection(
        related="company_id.client_credit_application", readonly=False
    )
    client_top_up_policy = fields.Selection(
        related="company_id.client_top_up_policy", readonly=False
    )
    client_balance_visibility = fields.Selection(
        related="company_id.client_balance_visibility", readonly=False
    )
    client_low_balance_client = fields.Selection(
        related="company_id.client_low_balance_client", readonly=False
    )
    client_low_balance_client_threshold = fields.Monetary(
        related="company_id.client_low_balance_client_threshold",
        currency_field="currency_id",
        readonly=False,
    )
    client_low_balance_manager = fields.Selection(
        related="company_id.client_low_balance_manager", readonly=False
    )
    client_low_balance_manager_threshold = fields.Monetary(
        related="company_id.client_low_balance_manager_threshold",
        currency_field="currency_id",
        readonly=False,
    )
    client_prevent_negative = fields.Boolean(
        string="Prevent Negative Balances",
        compute="_compute_client_ticks",
        inverse="_inverse_client_ticks",
    )
    client_pays_up_front = fields.Boolean(
        string="Clients Pay up Front",
        compute="_compute_client_ticks",
        inverse="_inverse_client_ticks",
    )
    client_allow_top_up = fields.Boolean(
        string="Top-Up in the Portal",
        compute="_compute_client_ticks",
        inverse="_inverse_client_ticks",
    )
    client_tell_client = fields.Boolean(
        string="Low Balance: Tell the Client",
        compute="_compute_client_ticks",
        inverse="_inverse_client_ticks",
    )
    client_tell_manager = fields.Boolean(
        string="Low Balance: Tell the Manager",
        compute="_compute_client_ticks",
        inverse="_inverse_client_ticks",
    )
    client_limit_warning_share = fields.Float(
        related="company_id.client_limit_warning_share", readonly=False
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
    client_credit_approval = fields.Boolean(
        related="company_id.client_credit_approval", readonly=False
    )
    client_credit_approval_above = fields.Monetary(
        related="company_id.client_credit_approval_above",
        currency_field="currency_id",
        readonly=False,
    )

    client_expiry_days = fields.Integer(
        related="company_id.client_expiry_days", readonly=False
    )
    client_expiry_waits = fields.Boolean(
        related="company_id.client_expiry_waits", readonly=False
    )
    client_expiry_notice_days = fields.Integer(
        related="company_id.client_expiry_notice_days", readonly=False
    )
    client_batch_at_once = fields.Integer(
        related="company_id.client_batch_at_once", readonly=False
    )
    client_payable_offset = fields.Boolean(
        related="company_id.client_payable_offset", readonly=False
    )

    client_top_up_minimum = fields.Monetary(
        related="company_id.client_top_up_minimum",
        currency_field="currency_id",
        readonly=False,
    )
    client_top_up_maximum = fields.Monetary(
        related="company_id.client_top_up_maximum",
        currency_field="currency_id",
        readonly=False,
    )
    client_top_up_presets = fields.Char(
        related="company_id.client_top_up_presets", readonly=False
    )
    client_charges_online = fields.Boolean(
        related="company_id.client_charges_online", readonly=False
    )
    client_choose_application = fields.Boolean(
        related="company_id.client_choose_application", readonly=False
    )

    @api.depends(*{policy for policy, _on, _off in TICKS.values()})
    def _compute_client_ticks(self):
        for settings in self:
            for tick, (policy, ticked, _unticked) in TICKS.items():
                settings[tick] = settings[policy] == ticked

    def _inverse_client_ticks(self):
        """Write on the company what is ticked otherwise than it has."""
        for settings in self:
            for tick, (policy, ticked, unticked) in TICKS.items():
                value = ticked if settings[tick] else unticked
                if settings[policy] != value:
                    settings[policy] = value
