from odoo import fields, models


class ClientAccountRequestReject(models.TransientModel):
    _name = "client.account.request.reject"
    _description = "Reject an Account Request"

    request_id = fields.Many2one(
        "client.account.request", required=True, ondelete="cascade"
    )
    reason = fields.Text(help="Mailed to the requester.")

    def action_reject(self):
        """Reject the request; the requester hears the reason.

        :return: an action that closes the window
        :raise UserError: when the reason is blank, or the user may not decide
        """
        self.ensure_one()
        self.request_id._reject(self.reason)
        return {"type": "ir.actions.act_window_close"}
