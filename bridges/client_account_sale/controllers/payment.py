from odoo.exceptions import ValidationError
from odoo.http import request
from odoo.tools import SQL

from odoo.addons.payment.controllers.portal import PaymentPortal


class ClientOrderPayment(PaymentPortal):
    """Orders that are to be paid later: on delivery, or by wire transfer."""

    def _create_transaction(
        self, provider_id, *args, custom_create_values=None, **kwargs
    ):
        """Override of `payment` to refuse an order before its payment is begun.

        Within the payment it would be refused each time that it is looked at, and the
        client would wait. Orders that money confirms are not refused. Who pays up front
        is offered no wire transfer, and gets none by asking for it. What was paid with
        credit meanwhile, or is due on an invoice, is not paid again.
        """
        if orders := self._get_client_orders(custom_create_values):
            self._write_orders(orders)
            self._check_not_invoiced(orders)
            # Sudo: visitors pay too.
            provider = request.env["payment.provider"].sudo().browse(provider_id)
            if provider.exists() and provider.code == "custom":
                self._check_client_orders(orders, provider)
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

    def _write_orders(self, orders):
        """Write the rows of orders before money is taken for them.

        A transaction is none of an order's columns: without this, who pays the order
        with credit at the same time would see neither it nor a conflict. So the later
        of the two waits, is run again and sees what the other has done.
        """
        request.env.cr.execute(
            SQL(
                "UPDATE sale_order SET write_date = write_date WHERE id IN %s",
                tuple(orders.ids),
            )
        )

    def _check_not_invoiced(self, orders):
        """Make sure orders are not invoiced in full.

        :raise ValidationError: otherwise
        """
        for order in orders:
            if order._is_invoiced_in_full():
                raise ValidationError(
                    request.env._(
                        "%s is invoiced already. Pay what is left on its invoice.",
                        order.name,
                    )
                )

    def _check_client_orders(self, orders, provider):
        """Make sure the policies of clients let orders be paid later.

        :param provider: `payment.provider` that takes no money, under sudo
        :raise ValidationError: otherwise, without a figure
        """
        for order in orders:
            if not order._may_be_paid_later(provider):
                raise ValidationError(
                    request.env._(
                        "%s cannot be paid later. Choose another payment method, or "
                        "contact us.",
                        order.name,
                    )
                )
