from odoo import api, fields, models

from ..const import VIEWER

# The lists of the account as fields of its client: name here, name there.
PROFILE_LISTS = {
    "client_debit_line_ids": "debit_line_ids",
    "client_credit_line_ids": "credit_line_ids",
    "client_history_line_ids": "history_line_ids",
    "client_request_ids": "request_ids",
    "client_notice_ids": "notice_ids",
    "client_saved_methods": "saved_methods",
}


class ResPartner(models.Model):
    """The profile of a client's account in the current company, on its contact."""

    _inherit = "res.partner"

    client_profile = fields.Json(
        string="Account Profile",
        compute="_compute_client_profile",
        groups="base.group_user",
        copy=False,
    )
    client_debit_line_ids = fields.Many2many(
        "account.move.line",
        string="Open Client Invoices",
        compute="_compute_client_profile_lists",
        compute_sudo=True,
        groups=VIEWER,
        copy=False,
    )
    client_credit_line_ids = fields.Many2many(
        "account.move.line",
        string="Open Client Credits",
        compute="_compute_client_profile_lists",
        compute_sudo=True,
        groups=VIEWER,
        copy=False,
    )
    client_history_line_ids = fields.Many2many(
        "account.move.line",
        string="Client Account History",
        compute="_compute_client_profile_lists",
        compute_sudo=True,
        groups=VIEWER,
        copy=False,
    )
    client_request_ids = fields.Many2many(
        "client.account.request",
        string="Client Account Requests",
        compute="_compute_client_profile_lists",
        compute_sudo=True,
        groups=VIEWER,
        copy=False,
    )
    client_notice_ids = fields.Many2many(
        "client.account.notice",
        string="Client Account Notices",
        compute="_compute_client_profile_lists",
        compute_sudo=True,
        groups=VIEWER,
        copy=False,
    )
    client_saved_methods = fields.Text(
        string="Saved Client Payment Methods",
        compute="_compute_client_profile_lists",
        compute_sudo=True,
        groups=VIEWER,
        copy=False,
    )

    @api.depends_context("uid", "lang", "tz", "company", "allowed_company_ids")
    @api.depends("commercial_partner_id")
    def _compute_client_profile(self):
        for partner in self:
            account = partner._origin._get_profile_account()
            if account._origin:
                partner._share_client_figures(account)
            partner.client_profile = account._get_profile() if account else False

    @api.depends_context("uid", "lang", "company", "allowed_company_ids")
    @api.depends("commercial_partner_id")
    def _compute_client_profile_lists(self):
        """Take the account's, those of them that the user may read."""
        for partner in self:
            for name, list_name in PROFILE_LISTS.items():
                shown = partner.client_account_id[list_name]
                if isinstance(shown, models.BaseModel):
                    shown = shown.sudo(False)._filtered_access("read")
                partner[name] = shown

    def _share_client_figures(self, account):
        """Give an account the figures that its contact's page shows beside the profile:
        of a client with many open items they cost more than all else.

        :param account: the `client.account` of this contact in the current company
        """
        figures = self.env["res.partner"]._get_client_figure_names()
        for name, figure in figures.items():
            account._fields[figure]._insert_cache(account, [self[name]])

    def _get_profile_account(self):
        """Return the account the profile of one contact is about, for the present user.

        Where there is none yet, or the user may not see it, it is one that is not
        stored: who may see no figures needs no account to ask for one.
        """
        accounts = self.env["client.account"]
        if not self:
            return accounts
        client = self.commercial_partner_id
        if accounts._may_see_figures() and (
            account := accounts._find_accounts(client, self.env.company)
        ):
            return account
        return accounts.new(
            # Sudo: a branch's user need not read the root company.
            {"partner_id": client.id, "company_id": self.env.company.sudo().root_id.id}
        )

    @api.model
    def _invalidate_client_figures(self):
        """Override to forget the profile with the figures it shows."""
        result = super()._invalidate_client_figures()
        self.env["res.partner"].invalidate_model(
            ["client_profile", *PROFILE_LISTS], flush=False
        )
        return result
