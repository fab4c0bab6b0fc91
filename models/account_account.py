from odoo import models
from odoo.tools import SQL


class AccountAccount(models.Model):
    """Accounts of the chart that become receivable, or no longer are."""

    _inherit = "account.account"

    def write(self, vals):
        """Override of the ORM to open the accounts of clients whose items it has."""
        result = super().write(vals)
        if "account_type" in vals:
            accounts = self.env["client.account"]
            accounts._invalidate_figures()
            if vals["account_type"] == "asset_receivable":
                accounts._open_missing_accounts(self)
            accounts._trigger_notices()
            self.env["account.move.line"]._mark_crossing_where(
                SQL(
                    "debit.account_id = ANY(%(accounts)s)"
                    " OR credit.account_id = ANY(%(accounts)s)",
                    accounts=self.ids,
                )
            )
        return result
