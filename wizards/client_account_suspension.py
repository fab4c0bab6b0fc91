from odoo import fields, models


class ClientAccountSuspension(models.TransientModel):
    _name = "client.account.suspension"
    _description = "Suspend or Resume Client Accounts"

    account_ids = fields.Many2many("client.account", string="Clients")
    kind = fields.Selection(
        [("suspend", "Suspend"), ("resume", "Resume")], default="suspend", required=True
    )
    reason = fields.Text(help="Logged on the account.")

    def action_confirm(self):
        """Suspend or resume the accounts.

        :return: an action that closes the window
        :raise UserError: when the reason is blank, or an account is in another state
        """
        self.ensure_one()
        if self.kind == "suspend":
            self.account_ids.action_suspend(self.reason)
        else:
            self.account_ids.action_resume(self.reason)
        return {"type": "ir.actions.act_window_close"}
