from functools import wraps

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


def books_once(confirm):
    """Let the method that confirms a window book once, and answer the same after."""

    @wraps(confirm)
    def confirm_once(self):
        self._check_one_wizard()
        self._lock_window()
        if not self.answer:
            self.answer = confirm(self)
        return self.answer

    return confirm_once


class ClientOnceMixin(models.AbstractModel):
    """Windows that book once: confirmed again, they answer what they have booked.

    An answer may be lost on its way, and a button pressed in two tabs. Two windows are
    two bookings, whatever their values.
    """

    _name = "client.once.mixin"
    _description = "Windows That Book Once"
    _inherit = ["client.amount.mixin"]

    answer = fields.Json(
        readonly=True, copy=False, help="What the window answered when it had booked."
    )

    def write(self, vals):
        """Override of the ORM to change nothing of what is booked already."""
        if vals.keys() - {"answer"} and any(wizard.answer for wizard in self):
            raise UserError(
                self.env._(
                    "This window has booked for %(client)s already. Close it and open "
                    "a new one to book more.",
                    client=self._get_sent_client_name({}),
                )
            )
        return super().write(vals)

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
