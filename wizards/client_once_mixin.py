from functools import wraps

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date


def books_once(confirm):
    """Let the method that confirms a window book once, and answer the same after."""

    @wraps(confirm)
    def confirm_once(self):
        self._check_one_wizard()
        self._lock_window()
        if not self.answer:
            # Sudo: what a window has booked is no caller's to write.
            self.sudo().answer = confirm(self)
        return self.answer

    return confirm_once


class ClientOnceMixin(models.AbstractModel):
    """Windows that book once: confirmed again, they answer what they have booked.

    An answer may be lost on its way, and a button pressed in two tabs. Two windows are
    two bookings, whatever their values. What a window has booked it can undo, as long
    as nobody has gone on from it.
    """

    _name = "client.once.mixin"
    _description = "Windows That Book Once"
    _inherit = ["client.protected.mixin", "client.amount.mixin"]

    answer = fields.Json(
        readonly=True,
        copy=False,
        help="What the window answered when it had booked.",
        written_by="addon",
    )
    booked = fields.Json(
        readonly=True,
        copy=False,
        help="The documents and allocations to undo; empty where nothing is.",
        written_by="addon",
    )

    def write(self, vals):
        """Override of the ORM to change nothing of what is booked already."""
        if vals.keys() - {"answer", "booked"} and any(wizard.answer for wizard in self):
            raise UserError(
                self.env._(
                    "This window has booked for %(client)s already. Close it and open "
                    "a new one to book more.",
                    client=self._get_sent_client_name({}),
                )
            )
        return super().write(vals)

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of a window are kept automatically. Open a new one for "
            "%(client)s.",
            fields=self._get_protected_labels(names),
            client=self._get_sent_client_name({}),
        )

    def _lock_window(self):
        """Have a second call at once wait for the first.

        Odoo's own lock fails at once and is not tried again. Here the second call fails
        once the first has written its answer, and Odoo repeats it, to find that.
        """
        self.check_access("write")
        self.flush_recordset()
        self.env.execute_query(
            SQL(
                "SELECT FROM %s WHERE id = %s FOR UPDATE",
                SQL.identifier(self._table),
                self.id,
            )
        )

    # === What was done ===

    def _get_done_action(self, message, moves, date=None, offers=()):
        """Return the action of a window that has booked: it says so and closes.

        :param str message: what was done, in a sentence
        :param moves: the booked `account.move`, which `infos` names for callers
        :param date: the date asked for, or None: another one is said
        :param offers: list of (label, record, public method) of what comes next
        """
        infos = {"res_model": moves._name, "res_ids": moves.ids}
        # Sudo: officers need no right to read journal entries; they made these.
        moved = moves.sudo().filtered(lambda move: date and move.date != date)
        if moved:
            message = "\n".join(
                (
                    message,
                    self.env._(
                        "The books are closed on that date: %(moves)s booked on "
                        "%(date)s instead.",
                        moves=", ".join(moved.mapped("name")[:5]),
                        date=format_date(self.env, moved[0].date),
                    ),
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "client_account_done",
            "infos": infos,
            "params": {
                "type": "warning" if moved else "success",
                "sticky": bool(moved),
                "message": message,
                "offers": [
                    {
                        "label": label,
                        "model": record._name,
                        "id": record.id,
                        "method": method,
                    }
                    for label, record, method in offers
                ],
                "next": {"type": "ir.actions.act_window_close", "infos": infos},
            },
        }

    # === Undo ===

    def _keep_booked(self, moves, partials=None):
        """Keep what this window has booked, for it to be undone.

        :param moves: the booked `account.move`
        :param partials: the `account.partial.reconcile` it made; by default all that
            their receivable items have now
        """
        moves_sudo = moves.sudo()
        if partials is None:
            partials = moves_sudo._get_client_allocations()
        # Sudo: what a window has booked is no caller's to write.
        self.sudo().booked = {"moves": moves.ids, "partials": partials.ids}

    def action_undo(self):
        """Undo what this window has booked, as each does in `_undo`.

        :return: an action that says what was undone
        :raise UserError: when nothing was booked, it was undone already, or somebody
            has gone on from it
        """
        self._check_one_wizard()
        self._lock_window()
        if not self.booked:
            raise UserError(
                self.env._(
                    "There is nothing of this window left to undo for %s.",
                    self._get_sent_client_name({}),
                )
            )
        # Sudo: officers need no right to read journal entries; this window made them.
        moves_sudo = self.env["account.move"].sudo().browse(self.booked["moves"])
        partials_sudo = self.env["account.partial.reconcile"].sudo()
        message = self._undo(
            moves_sudo.exists(), partials_sudo.browse(self.booked["partials"])
        )
        self.sudo().booked = False
        return self._get_done_action(message, self.env["account.move"])

    def _undo(self, moves_sudo, partials_sudo):
        """Undo what was booked; to be overridden.

        :return: the sentence that says so
        """
        raise NotImplementedError

    def _undo_adjustments(self, moves_sudo, partials_sudo):
        """Delete adjustments that nobody has gone on from.

        :return: the sentence that says so
        :raise UserError: when somebody has, or the user may not
        """
        moves = moves_sudo.sudo(self.env.su)
        moves._check_adjustment()
        self._check_same_allocations(moves_sudo, partials_sudo)
        moves._delete_adjustments(self.env._("Undone at once"))
        return self.env._("%s deleted again.", ", ".join(moves_sudo.mapped("name")[:5]))

    def _undo_allocations(self, partials_sudo, client_name):
        """Remove allocations that are all there still.

        :return: the sentence that says so
        :raise UserError: when one was removed since
        """
        if partials_sudo != partials_sudo.exists():
            raise UserError(
                self.env._(
                    "Some of what was allocated for %s has been removed since. Remove "
                    "the rest from the credit itself.",
                    client_name,
                )
            )
        partials_sudo.sudo(self.env.su).action_remove_client_allocation()
        return self.env._("The allocation for %s was removed again.", client_name)

    def _check_same_allocations(self, moves_sudo, partials_sudo):
        """Make sure that documents are allocated as they were when they were booked.

        :raise UserError: naming the documents that somebody has gone on from
        """
        if set(moves_sudo._get_client_allocations()) != set(partials_sudo):
            raise UserError(
                self.env._(
                    "%s was allocated anew since, so it is not undone. Remove or "
                    "delete it where it stands.",
                    ", ".join(moves_sudo.mapped("display_name")[:5]),
                )
            )

    def _format_new_balance(self, account):
        """Return the balance of one account as it is now, in a sentence."""
        account.invalidate_recordset(["balance"], flush=False)
        return self.env._("Balance: %s.", account._format_balance(account.balance))

    def _format_preview(self, account, change):
        """Return what an amount does to the balance of one account, in words.

        :param float change: company currency; above zero: more credit
        """
        return self.env._(
            "now %(before)s, then %(after)s",
            before=account._format_balance(account.balance),
            after=account._format_balance(account.balance + change),
        )
