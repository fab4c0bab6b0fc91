from odoo import api, fields, models

from ..utils import check_length, clean_reason


class ClientAccountDeletion(models.TransientModel):
    """Delete a credit or charge, after saying which invoices open again."""

    _name = "client.account.deletion"
    _description = "Delete a Credit or Charge"

    move_id = fields.Many2one(
        "account.move", string="Adjustment", required=True, ondelete="cascade"
    )
    summary = fields.Text(compute="_compute_summary")
    is_allocated = fields.Boolean(compute="_compute_summary")
    reason = fields.Text(help="Logged on the document and on the client's account.")

    @api.depends("move_id")
    def _compute_summary(self):
        for wizard in self:
            wizard.move_id._check_adjustment()
            # Sudo: officers need no right to read journal entries.
            move_sudo = wizard.move_id.sudo()
            wizard.is_allocated = bool(move_sudo._get_adjustment_uses())
            wizard.summary = "\n".join(wizard._get_sentences(move_sudo))

    def _get_sentences(self, move_sudo):
        """Return what deleting does, sentence by sentence."""
        sentences = [move_sudo._get_deletion_sentence()]
        for partial in move_sudo._get_allocations_opened():
            other = partial._get_documents() - move_sudo
            sentences.append(
                self.env._(
                    "%(document)s is open again with %(amount)s more.",
                    document=other.display_name,
                    amount=partial.company_currency_id.format(partial.amount),
                )
            )
        for entry in move_sudo._get_write_offs():
            sentences.append(
                self.env._(
                    "%(entry)s, which wrote off %(amount)s of it, goes too.",
                    entry=entry.display_name,
                    amount=entry._format_adjustment(),
                )
            )
        if move_sudo._is_adjustment_locked():
            sentences.append(
                self.env._("The books are locked on its date: it is reversed today.")
            )
        return sentences

    def action_delete(self):
        """Delete the adjustment, removing first what is allocated of it.

        :return: an action that closes the window
        :raise UserError: when it is no posted adjustment
        """
        self.ensure_one()
        self.move_id._check_adjustment()
        reason = clean_reason(self.reason)
        check_length(self.env, self.move_id.sudo().display_name, reason)
        self.move_id._delete_adjustments(reason)
        return {"type": "ir.actions.act_window_close"}
