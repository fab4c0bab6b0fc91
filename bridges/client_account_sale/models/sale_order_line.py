from odoo import api, fields, models
from odoo.tools.sql import column_exists, create_column

from odoo.addons.client_account.utils import get_unit_total, with_defaults

from ..utils import follow_again

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
        *("untaxed_amount_invoiced", "client_unit_total", "invoice_lines"),
    )
)

# What follows from the rest and what an order has committed is read from. Odoo takes it
# from any caller all the same, and a line that says it is invoiced commits nothing.
FOLLOWING_FIELDS = (
    *("state", "price_subtotal", "price_total", "price_tax", "qty_invoiced"),
    *("untaxed_amount_invoiced", "client_unit_total"),
)


class SaleOrderLine(models.Model):
    """Lines of confirmed orders: what is still to be invoiced is committed."""

    _inherit = "sale.order.line"

    # Serves `sale.order._get_committed_orders_sql`, from the index alone: the planner
    # takes most lines for open ones, and would read all that there ever were.
    _client_open_idx = models.Index(
        "(order_id) INCLUDE (id, product_id, product_uom_id, product_uom_qty, "
        "qty_delivered, price_total, client_unit_total, is_downpayment) "
        f"WHERE {OPEN_LINE.format(alias='')}"
    )

    # Only where nothing is ordered, as of expenses: the totals say nothing there of
    # what is delivered.
    client_unit_total = fields.Float(
        string="Price of a Unit, Taxes Included",
        digits=0,
        compute="_compute_client_unit_total",
        store=True,
        copy=False,
    )

    def _auto_init(self):
        """Override of the ORM to compute what is new of the lines that need it alone,
        not of each line that there ever was."""
        field = self._fields["client_unit_total"]
        if not column_exists(self.env.cr, self._table, field.name):
            create_column(self.env.cr, self._table, field.name, "numeric")
            self.env.cr.execute(
                "SELECT id FROM sale_order_line"
                " WHERE product_uom_qty = 0 AND display_type IS NULL"
            )
            lines = self.browse(line_id for (line_id,) in self.env.cr.fetchall())
            self.env.add_to_compute(field, lines)
        return super()._auto_init()

    @api.depends("product_uom_qty", "price_unit", "discount", "tax_ids")
    def _compute_client_unit_total(self):
        for line in self:
            is_priced = line.product_uom_qty or line.display_type
            line.client_unit_total = 0.0 if is_priced else get_unit_total(line)

    def _get_quantity_owed(self):
        """Return what is to be invoiced in the end of one line, of which nothing is;
        below zero of what is taken back."""
        self.ensure_one()
        quantity = self.product_uom_qty
        if self.product_id.invoice_policy == "delivery":
            quantity = max(quantity, self.qty_delivered)
        return min(quantity, 0.0) if self.product_uom_qty < 0 else max(quantity, 0.0)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to have the clients judged whose orders grow."""
        order_ids = {
            vals.get("order_id") for vals in with_defaults(self, vals_list, "order_id")
        }
        orders = self.env["sale.order"].browse(filter(None, order_ids))
        with orders._watching_commitments():
            lines = super().create(vals_list)
            follow_again(
                lines, {name for vals in vals_list for name in vals}, FOLLOWING_FIELDS
            )
        return lines

    def write(self, vals):
        """Override of the ORM to have the clients judged whose orders grow."""
        if COMMITTING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        orders = self.order_id | self.order_id.browse(vals.get("order_id") or ())
        with orders._watching_commitments():
            result = super().write(vals)
            follow_again(self, vals, FOLLOWING_FIELDS)
        return result

    def unlink(self):
        """Override of the ORM to have the clients judged whose orders grow: a line that
        goes may be a discount."""
        with self.order_id._watching_commitments():
            return super().unlink()
