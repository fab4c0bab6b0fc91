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


class SaleOrderLine(models.Model):
    """Lines of confirmed orders: what is still to be invoiced is committed."""

    _inherit = "sale.order.line"

    # Serves `sale.order._get_committed_orders_sql`.
    _client_open_idx = models.Index(f"(order_id) WHERE {OPEN_LINE.format(alias='')}")

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to have the clients judged whose orders grow."""
        order_ids = {vals.get("order_id") for vals in vals_list}
        orders = self.env["sale.order"].browse(filter(None, order_ids))
        with orders._watching_commitments():
            return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to have the clients judged whose orders grow."""
        if COMMITTING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        orders = self.order_id | self.order_id.browse(vals.get("order_id") or ())
        with orders._watching_commitments():
            return super().write(vals)

    def unlink(self):
        """Override of the ORM to have the clients judged whose orders grow: a line that
        goes may be a discount."""
        with self.order_id._watching_commitments():
            return super().unlink()
