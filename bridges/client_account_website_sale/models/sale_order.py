from odoo import models


class SaleOrder(models.Model):
    """Carts that are paid with account credit, and what the shop says of them."""

    _inherit = "sale.order"

    def _is_offer_over(self):
        """Override of `client_account_sale`: a cart is no offer, however old it is.

        Its prices are those of the day, and a card pays it, too.
        """
        is_cart = self.website_id and self.state == "draft"
        return not is_cart and super()._is_offer_over()

    def _get_posted_invoices(self):
        """Return the posted invoices of one order."""
        self.ensure_one()
        return self.invoice_ids.filtered(
            lambda move: move.state == "posted" and move.move_type == "out_invoice"
        )

    def _get_paid_with_credit(self):
        """Return how much of one order was paid with account credit.

        That is what the client had before the order was invoiced, less the money that
        was taken online for the order, and account credits that were given since. Other
        items since are not credit: they are payments, online or not, or credit notes.

        :return: currency of the order
        :rtype: float
        """
        paid = 0.0
        payments = self.transaction_ids.payment_id
        for partial in self._get_posted_invoices().line_ids.matched_credit_ids:
            entry = partial.credit_move_id.move_id
            if partial.credit_move_id.id < partial.debit_move_id.id:
                is_credit = entry.origin_payment_id not in payments
            else:
                is_credit = (
                    entry.client_account_credit and not entry.client_transaction_id
                )
            if is_credit:
                paid += partial.debit_amount_currency
        return self.currency_id.round(paid)

    def _get_paid_words(self):
        """Return what of one order was paid with account credit, in a sentence; an
        empty text where nothing was."""
        paid = self._get_paid_with_credit()
        if self.currency_id.compare_amounts(paid, 0) <= 0:
            return ""
        return self.env._(
            "%s was paid with your credit.", self.currency_id.format(paid)
        )

    def _get_due_words(self):
        """Return what is left to pay of one order.

        :return: {`account.move` that is not paid in full: a sentence}
        """
        return {
            invoice: self.env._(
                "%(amount)s is left to pay on the invoice %(invoice)s.",
                amount=invoice.currency_id.format(invoice.amount_residual),
                invoice=invoice.name,
            )
            for invoice in self._get_posted_invoices()
            if invoice.amount_residual
        }
