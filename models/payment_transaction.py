from odoo import fields, models

from ..exceptions import BalanceRefused
from .account_move_gate import LeftInDraft


class PaymentTransaction(models.Model):
    """Money taken online, which lets a document past the gate."""

    _name = "payment.transaction"
    # First comes what refuses, before others write.
    _inherit = ["client.protected.mixin", "payment.transaction"]

    # Odoo lets whoever invoices write on transactions.
    state = fields.Selection(written_by="provider")
    invoice_ids = fields.Many2many(written_by="provider")

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "The state and the invoices of a payment transaction are set by the "
            "payment provider only. Register a payment instead."
        )

    def _post_process(self):
        """Override of `payment` to book money that was taken also where it is not
        enough for its document, which stays a draft then."""
        done = self.filtered(lambda transaction: transaction.state == "done")
        left = self.env["account.move"]
        for move in done.invoice_ids.filtered(lambda move: move.state == "draft"):
            try:
                with self.env.cr.savepoint():
                    move.action_post()
            except BalanceRefused as refusal:
                left |= move
                move._tell_left_in_draft(refusal)
        transactions = self
        if left:
            transactions = self.with_context(client_left_in_draft=LeftInDraft(left))
        return super(PaymentTransaction, transactions)._post_process()
