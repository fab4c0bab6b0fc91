from odoo import api, models

from odoo.addons.client_account.utils import with_defaults

from ..utils import follow_again

# Writing these on a posted line may change what its order has committed.
COUNTING_FIELDS = frozenset(
    (
        *("move_id", "sale_line_ids", "quantity", "product_uom_id", "price_unit"),
        *("discount", "tax_ids", "price_subtotal", "price_total"),
    )
)

# What follows from the rest and what an order has committed is read from.
FOLLOWING_FIELDS = ("price_subtotal", "price_total")


class AccountMoveLine(models.Model):
    """Lines of posted invoices: what an order has committed falls by them, so that it
    grows where they are changed."""

    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to have the clients judged whose orders grow: a negative
        line that is added to a posted invoice takes back what was invoiced."""
        orders = self.env["sale.order"].union(
            *(
                self.browse()._get_counted_orders(vals)
                for vals in with_defaults(self, vals_list, "move_id", "sale_line_ids")
            )
        )
        with orders._watching_commitments():
            lines = super().create(vals_list)
            follow_again(
                lines, {name for vals in vals_list for name in vals}, FOLLOWING_FIELDS
            )
        return lines

    def write(self, vals):
        """Override of the ORM to have the clients judged whose orders grow."""
        if COUNTING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        with self._get_counted_orders(vals)._watching_commitments():
            result = super().write(vals)
            follow_again(self, vals, FOLLOWING_FIELDS)
        return result

    def unlink(self):
        """Override of the ORM to have the clients judged whose orders grow."""
        with self._get_counted_orders({})._watching_commitments():
            return super().unlink()

    def _get_counted_orders(self, vals):
        """Return the orders whose invoiced lines these are, or become, where they are
        posted.

        :param dict vals: what is about to be written
        """
        # Sudo: the policy binds whoever acts, whatever they may see.
        lines = self.sudo()
        counted = lines.filtered(lambda line: line.parent_state == "posted")
        orders = counted.sale_line_ids.order_id
        if "sale_line_ids" in vals:
            moves = counted.move_id | lines.move_id.browse(vals.get("move_id") or ())
            if any(move.state == "posted" for move in moves):
                linked = lines.new({"sale_line_ids": vals["sale_line_ids"]})
                orders |= linked.sale_line_ids._origin.order_id
        return orders
