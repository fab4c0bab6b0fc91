from odoo import api, models
from odoo.exceptions import UserError


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to let nobody make money taken by hand."""
        for vals in vals_list:
            self._check_not_taken_by_hand(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to let nobody make money taken by hand."""
        self._check_not_taken_by_hand(vals)
        return super().write(vals)

    def _check_not_taken_by_hand(self, vals):
        """Leave the state of transactions, and whose they are, to payment itself.

        A document with a done or authorized transaction is posted whatever the client's
        policies say, and Odoo lets whoever invoices write on transactions.

        :raise UserError: when somebody but an administrator does
        """
        if self.env.su or self.env.user.has_group("base.group_system"):
            return
        if vals.get("state", "draft") != "draft" or "invoice_ids" in vals:
            raise UserError(
                self.env._(
                    "The state and the invoices of a payment transaction are set by "
                    "the payment provider only. Register a payment instead."
                )
            )
