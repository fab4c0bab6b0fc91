from odoo import api, fields, models


class ClientCreditBatchReverse(models.TransientModel):
    """Ask why all that bulk credits have booked is taken back."""

    _name = "client.credit.batch.reverse"
    _description = "Reverse Bulk Credits"

    batch_id = fields.Many2one(
        "client.credit.batch", string="Bulk Credits", required=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="batch_id.currency_id")
    # Not as superuser: it is shown to those who may see the document.
    amount = fields.Monetary(
        related="batch_id.amount_booked",
        related_sudo=False,
        help="What is taken back.",
    )
    reason = fields.Text(help="Shown on the entries and in the accounts' chatter.")

    @api.constrains("batch_id")
    def _check_batch_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.batch_id.sudo(False).check_access("write")

    def action_reverse(self):
        """Take back what the document has booked, and close.

        :return: an action that closes the window
        """
        self.ensure_one()
        self.batch_id.action_reverse(self.reason)
        return {"type": "ir.actions.act_window_close"}
