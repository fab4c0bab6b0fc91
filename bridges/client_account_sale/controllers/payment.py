from odoo.exceptions import ValidationError
from odoo.http import request

from odoo.addons.payment.controllers.portal import PaymentPortal


class ClientOrderPayment(PaymentPortal):
    """Orders that are confirmed before they are paid, as with payment on delivery."""

    def _create_transaction(
        self, provider_id, *args, custom_create_values=None, **kwargs
    ):
        """Override of `payment` to refuse an order before its payment is begun.

        Within the payment it would be refused each time that it is looked at, and the
        client would wait. Orders that money confirms are not refused.
        """
        orders = self._get_client_orders(custom_create_values)
        # Sudo: visitors pay too.
        provider = request.env["payment.provider"].sudo().browse(int(provider_id))
        if orders and provider.exists() and provider._confirms_unpaid_orders():
            self._check_client_orders(orders)
        return super()._create_transaction(
            provider_id, *args, custom_create_values=custom_create_values, **kwargs
        )

    def _get_client_orders(self, custom_create_values):
        """Return the orders that a transaction is to be made for, under sudo."""
        transactions = request.env["payment.transaction"].sudo()
        field = transactions._fields["sale_order_ids"]
        commands = (custom_create_values or {}).get("sale_order_ids") or []
        ids = field.convert_to_cache(commands, transactions)
        return request.env["sale.order"].sudo().browse(ids).exists()

    def _check_client_orders(self, orders):
        """Make sure the policies of clients let orders be confirmed unpaid.

        :raise ValidationError: otherwise, without a figure
        """
        for order in orders:
            if order.state == "sale":
                continue
            missing = order._get_missing_amount(order._get_client_account())
            if order.company_id.currency_id.compare_amounts(missing, 0) > 0:
                raise ValidationError(
                    request.env._(
                        "%s cannot be paid later. Choose another payment method, or "
                        "contact us.",
                        order.name,
                    )
                )
