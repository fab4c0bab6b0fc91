from odoo import api, models

from odoo.addons.client_account.utils import with_defaults

# Writing these changes what is settled of an order.
SETTLING_FIELDS = frozenset(
    ("order_id", "product_id", "qty", "price_subtotal_incl", "sale_order_line_id")
)


class PosOrderLine(models.Model):
    """Lines of tills' orders: what they no longer settle is committed again."""

    _inherit = "pos.order.line"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to judge what is settled no longer, as by a return."""
        lines = self._browse_settled(
            *with_defaults(self, vals_list, "sale_order_line_id")
        )
        with lines.order_id._watching_commitments():
            return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to judge what is settled no longer."""
        if SETTLING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        # Sudo: what orders have committed is looked at to judge, not shown.
        lines = self.sudo().sale_order_line_id | self._browse_settled(vals)
        with lines.order_id._watching_commitments():
            return super().write(vals)

    def unlink(self):
        """Override of the ORM to judge what is settled no longer."""
        # Sudo: as above.
        with self.sudo().sale_order_line_id.order_id._watching_commitments():
            return super().unlink()

    @api.model
    def _browse_settled(self, *vals_list):
        """Return the order lines that values of these name, under sudo."""
        # Sudo: as above.
        lines_sudo = self.env["sale.order.line"].sudo()
        ids = {vals.get("sale_order_line_id") for vals in vals_list}
        return lines_sudo.browse(filter(None, ids)).exists()
