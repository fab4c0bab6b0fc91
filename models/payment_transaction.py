from odoo import fields, models


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
