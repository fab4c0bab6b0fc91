from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def _check_client_undo(self):
        """Make sure one payment may still be cancelled, as the window that booked it
        offers.

        :raise UserError: when the bank has confirmed it, or its books are closed
        """
        self.ensure_one()
        others = self.move_id.line_ids - self.move_id._get_receivable_items()
        if others.matched_debit_ids | others.matched_credit_ids:
            raise UserError(
                self.env._(
                    "%s is matched with a bank statement. Undo that first, or pay the "
                    "amount back.",
                    self.display_name,
                )
            )
        if self.move_id._is_adjustment_locked():
            raise UserError(
                self.env._(
                    "The books are closed on %(date)s: %(payment)s stays. Book the "
                    "opposite payment instead.",
                    date=format_date(self.env, self.date),
                    payment=self.display_name,
                )
            )
