from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..utils import in_plain_context


class AccountMove(models.Model):
    """Adjustments that are deleted, and what of them stands in the way."""

    _inherit = "account.move"

    def action_client_adjustment_delete(self):
        """Delete adjustments of which nothing is allocated.

        :raise UserError: when a part is allocated
        """
        self._check_adjustment()
        # Sudo: officers need no right to read journal entries; these are adjustments.
        for move in self.sudo():
            if documents := move._get_allocated_documents():
                raise UserError(
                    self.env._(
                        "%(move)s is allocated to %(documents)s. Remove it there "
                        "first, or choose “Remove and Delete”.",
                        move=move.display_name,
                        documents=", ".join(documents.mapped("display_name")),
                    )
                )
        return self._delete_adjustments()

    def action_client_adjustment_release_delete(self):
        """Remove what is allocated of adjustments, then delete them."""
        self._check_adjustment()
        return self._delete_adjustments()

    def action_open_client_deletion(self):
        """Open the window that deletes one adjustment, and says what that does."""
        self._check_one_document()
        self._check_adjustment()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Delete %s", self.sudo().display_name),
            "res_model": "client.account.deletion",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_move_id": self.id},
        }

    def _get_allocated_documents(self):
        """Return the documents that these are allocated to."""
        return self._get_adjustment_uses()._get_documents() - self

    def _get_own_allocations(self):
        """Return the allocations that these documents made in the step that booked
        them, and that stay as long as they do.

        :return: `account.partial.reconcile`
        """
        return self.env["account.partial.reconcile"]

    def _get_adjustment_uses(self):
        """Return the allocations that somebody, or a policy, has made of these."""
        return self._get_client_allocations() - self._get_own_allocations()

    def _get_allocations_opened(self):
        """Return the allocations whose documents are open again once these go."""
        return self._get_adjustment_uses()

    def _get_deletion_sentence(self):
        """Return that deleting takes this adjustment away, in words."""
        values = {
            "move": self.display_name,
            "amount": self._format_adjustment(),
            "client": self.commercial_partner_id.display_name,
        }
        if self.client_adjustment == "credit":
            return self.env._(
                "The credit %(move)s of %(amount)s of %(client)s goes.", **values
            )
        return self.env._(
            "The charge %(move)s of %(amount)s of %(client)s goes.", **values
        )

    def _delete_adjustments(self, reason=""):
        """Cancel adjustments, or reverse them where the books are locked.

        :param str reason: why, for the chatter of the documents and accounts
        :return: True
        """
        # Sudo: officers need no right to change journal entries; these are adjustments.
        for move in in_plain_context(self.sudo()):
            move._check_none_moved()
            move._log_deleted(reason)
            # What was booked back of a credit goes with it, and what was written off.
            entries = move._get_expiry_entries() | move._get_write_offs()
            move._get_client_allocations().unlink()
            entries._delete_adjustments(reason)
            if move._is_adjustment_locked():
                move._reverse_adjustment()
            else:
                move.button_cancel()
            move.client_batch_line_ids._set_reversed()
        return True

    def _log_deleted(self, reason):
        """Write on the document and its account that this adjustment is deleted."""
        documents = self._get_allocations_opened()._get_documents() - self
        note = " ".join(
            filter(
                None,
                (
                    self.env._(
                        "%(move)s of %(amount)s deleted.",
                        move=self.name,
                        amount=self._format_adjustment(),
                    ),
                    documents
                    and self.env._(
                        "Open again: %s.", ", ".join(documents.mapped("display_name"))
                    ),
                    reason,
                ),
            )
        )
        self._message_log(body=note)
        self.env["client.account"]._log_acts(
            [(account, note) for account in self._get_adjustment_accounts()]
        )

    def _reverse_adjustment(self):
        """Reverse this adjustment, whose books are locked, today."""
        reversal = self._reverse_moves(
            [
                {
                    "date": fields.Date.context_today(self),
                    "ref": self.env._("Deletion of %s", self.name),
                }
            ],
            cancel=True,
        )
        self.message_post(
            body=self.env._(
                "The books are locked on %(date)s: deleted by the reversal "
                "%(reversal)s.",
                date=format_date(self.env, self.date),
                reversal=reversal.display_name,
            )
        )

    def _is_adjustment_locked(self):
        """Tell whether this entry can no longer be cancelled, only reversed."""
        self.ensure_one()
        return bool(
            self.inalterable_hash
            or self._get_violated_lock_dates(self.date, self._affect_tax_report())
        )
