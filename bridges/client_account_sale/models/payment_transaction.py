from odoo import fields, models

from odoo.addons.client_account.exceptions import BalanceRefused


class PaymentTransaction(models.Model):
    """Money taken online for orders, which confirms them."""

    _inherit = "payment.transaction"

    sale_order_ids = fields.Many2many(written_by="provider")

    def _check_amount_and_confirm_order(self):
        """Override of `sale` to book money that was taken also where it is not enough
        for its order under the client's policies, which stays a quotation then."""
        confirmed = self.env["sale.order"]
        for transaction in self:
            parent = super(PaymentTransaction, transaction)
            try:
                with self.env.cr.savepoint():
                    confirmed |= parent._check_amount_and_confirm_order()
            except BalanceRefused:
                transaction.sale_order_ids._tell_left_quotation()
        return confirmed
