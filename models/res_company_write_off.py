from odoo import fields, models
from odoo.exceptions import RedirectWarning

from ..const import ADJUSTMENT_ACCOUNT_DOMAIN


class ResCompany(models.Model):
    """What a company writes off of open documents, where and why."""

    _inherit = "res.company"

    client_write_off_limit = fields.Monetary(
        tracking=True,
        string="Write Off up to",
        help="What is open on a document of a client up to this amount may be written "
        "off. Zero: nothing is.",
    )
    client_write_off_account_id = fields.Many2one(
        "account.account",
        string="Loss of Write-Offs",
        check_company=True,
        domain=ADJUSTMENT_ACCOUNT_DOMAIN,
        help="Account debited when what a client owes is written off.",
    )
    client_write_off_gain_account_id = fields.Many2one(
        "account.account",
        string="Gain of Write-Offs",
        check_company=True,
        domain=ADJUSTMENT_ACCOUNT_DOMAIN,
        help="Account credited when what a client has in credit is written off.",
    )
    client_write_off_reason = fields.Char(
        string="Reason of Write-Offs",
        default=lambda self: self.env._("Small difference written off"),
        help="Shown in the client's history.",
    )

    _client_write_off_limit_positive = models.Constraint(
        "CHECK(client_write_off_limit >= 0)",
        "The amount up to which small differences are written off is zero or above.",
    )

    def _get_write_off_settings(self):
        """Return where and why this company writes off small differences.

        :return: tuple of `account.journal`, the `account.account` of what clients owe,
            that of what they have in credit, and the reason
        :raise RedirectWarning: when one is not set, with a button to the settings
        """
        self.ensure_one()
        # Sudo: what is booked where is the company's choice, not the user's to read.
        company = self.root_id.sudo()
        settings = (
            company.client_adjustment_journal_id,
            company.client_write_off_account_id,
            company.client_write_off_gain_account_id,
            company.client_write_off_reason,
        )
        if not all(settings):
            raise RedirectWarning(
                self.env._(
                    "%(company)s has no journal, account or reason to write off small "
                    "differences with. Choose them in the settings, under Client "
                    "Accounts.",
                    company=company.display_name,
                ),
                self.env.ref("account.action_account_config").id,
                self.env._("Open the settings"),
            )
        return settings
