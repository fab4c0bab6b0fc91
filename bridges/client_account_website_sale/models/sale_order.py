from odoo import models


class SaleOrder(models.Model):
    """What the shop says of an order that was paid with account credit."""

    _inherit = "sale.order"

    def _get_posted_invoices(self):
        """Return the posted invoices of one order."""
        self.ensure_one()
        return self.invoice_ids.filtered(
            lambda move: move.state == "posted" and move.move_type == "out_invoice"
        )

    def _get_invoices_due(self):
        """Return the posted invoices of one order that are not paid in full."""
        return self._get_posted_invoices().filtered("amount_residual")

    def _get_paid_with_credit(self):
        """Return how much of one order was paid with account credit: what its invoices
        are paid with, less the money that was taken online for the order.

        :return: currency of the order
        :rtype: float
        """
        invoices = self._get_posted_invoices()
        paid = sum(
            invoice.amount_total - invoice.amount_residual for invoice in invoices
        )
        payments = self.transaction_ids.payment_id
        for partial in invoices.line_ids.matched_credit_ids:
            if partial.credit_move_id.move_id.origin_payment_id in payments:
                paid -= partial.debit_amount_currency
        return self.currency_id.round(paid)
