from odoo import api, models

# Which lines may still be committed, as the condition of an index. What is invoiced to
# the end, as most of it is sooner or later, is in none of both: see
# `sale.order._get_committed_orders_sql`.
OPEN_LINE = (
    "{alias}state = 'sale' AND {alias}display_type IS NULL"
    " AND ({alias}price_subtotal IS DISTINCT FROM {alias}untaxed_amount_invoiced"
    " OR {alias}qty_invoiced IS DISTINCT FROM {alias}product_uom_qty"
    " OR {alias}qty_delivered > {alias}product_uom_qty)"
)

# Writing these on a line may change what its order has committed. What else changes it
# is computed: what was delivered or invoiced has happened already.
COMMITTING_FIELDS = frozenset(
    (
        *("order_id", "product_id", "product_uom_id", "product_uom_qty", "price_unit"),
        *("discount", "tax_ids", "qty_delivered", "is_downpayment", "state"),
        *("technical_price_unit", "extra_tax_data", "combo_item_id"),
        *("price_subtotal", "price_total", "price_tax", "qty_invoiced"),
        *("untaxed_amount_invoiced", "untaxed_amount_to_invoice", "invoice_lines"),
    )
)

# What follows from the rest and what an order has committed is read from. Odoo takes it
# from any caller all the same, and a line that says it is invoiced commits nothing.
FOLLOWING_FIELDS = (
    *("state", "price_subtotal", "price_total", "price_tax", "qty_invoiced"),
    *("untaxed_amount_invoiced", "untaxed_amount_to_invoice"),
)


class SaleOrderLine(models.Model):
    """Lines of confirmed orders: what is still to be invoiced is committed."""

    _inherit = "sale.order.line"

    # Serves `sale.order._get_committed_orders_sql`.
    _client_open_idx = models.Index(f"(order_id) WHERE {OPEN_LINE.format(alias='')}")

    def _get_quantity_owed(self):
        """Return what is to be invoiced in the end of one line, of which nothing is."""
        self.ensure_one()
        quantity = self.product_uom_qty
        if self.product_id.invoice_policy == "delivery":
            quantity = max(quantity, self.qty_delivered)
        return max(quantity, 0.0)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to have the clients judged whose orders grow."""
        order_ids = {vals.get("order_id") for vals in vals_list}
        orders = self.env["sale.order"].browse(filter(None, order_ids))
        with orders._watching_commitments():
            lines = super().create(vals_list)
            lines._follow_again({name for vals in vals_list for name in vals})
        return lines

    def write(self, vals):
        """Override of the ORM to have the clients judged whose orders grow."""
        if COMMITTING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        orders = self.order_id | self.order_id.browse(vals.get("order_id") or ())
        with orders._watching_commitments():
            result = super().write(vals)
            self._follow_again(vals)
        return result

    def _follow_again(self, names):
        """Compute anew what a caller has written on these lines that follows from the
        rest.

        :param names: of the fields that were written
        """
        if self.env.su:
            return
        for name in FOLLOWING_FIELDS:
            if name in names:
                self.env.add_to_compute(self._fields[name], self)

    def unlink(self):
        """Override of the ORM to have the clients judged whose orders grow: a line that
        goes may be a discount."""
        with self.order_id._watching_commitments():
            return super().unlink()
