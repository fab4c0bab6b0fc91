from odoo import models


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
        return result
