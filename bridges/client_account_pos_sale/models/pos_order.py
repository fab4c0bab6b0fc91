from contextlib import contextmanager

from odoo import api, models

from .sale_order import AT_TILL


class PosOrder(models.Model):
    """Tills' orders that settle orders, which are committed for less by that."""

    _inherit = "pos.order"

    @api.model
    def sync_from_ui(self, orders):
        """Override of `point_of_sale` to know what is settled of orders as one judges
        what their settlement has on account, and to refuse no order that a till has
        taken money for."""
        settled = self._get_settled_orders(orders)
        with settled._watching_commitments():
            at_till = self.with_context(client_at_till=AT_TILL)
            return super(PosOrder, at_till).sync_from_ui(orders)

    @api.model
    def _get_settled_orders(self, orders):
        """Return the orders that tills' orders settle.

        :param orders: as tills send them
        :return: `sale.order` under sudo
        """
        lines = [
            command[-1]
            for order in orders
            for command in order.get("lines") or ()
            if isinstance(command[-1], dict)
        ]
        ids = {line.get("sale_order_origin_id") for line in lines}
        # Sudo: what they have committed is looked at to judge, not shown.
        orders_sudo = self.env["sale.order"].sudo()
        return orders_sudo.browse(filter(None, ids)).exists()

    @contextmanager
    def _watching_account(self):
        """Override to watch what orders have committed that these settle."""
        # Sudo: as above.
        orders_sudo = self.sudo().lines.sale_order_line_id.order_id
        with (
            orders_sudo._watching_commitments(),
            super()._watching_account() as watch,
        ):
            yield watch
