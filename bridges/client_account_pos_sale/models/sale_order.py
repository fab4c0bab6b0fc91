from odoo import api, models
from odoo.tools import SQL

from odoo.addons.client_account.exceptions import BalanceRefused

# In the context it says that a till confirms orders that it has taken money for; being
# an object, no caller from outside can send it.
AT_TILL = object()

# What the query of what is settled reads, by model.
READ_FIELDS = {
    "pos.order": ("state", "currency_rate"),
    "pos.order.line": (
        *("order_id", "product_id", "qty", "price_subtotal_incl"),
        "sale_order_line_id",
    ),
    "product.template": ("uom_id",),
}


class SaleOrder(models.Model):
    """Orders that tills settle: what is settled is committed no longer."""

    _inherit = "sale.order"

    def action_confirm(self):
        """Override of `sale` to leave a quotation what a till has taken money for,
        where policies do not allow what is left: the money is taken."""
        if self.env.context.get("client_at_till") is not AT_TILL:
            return super().action_confirm()
        try:
            with self.env.cr.savepoint():
                result = super().action_confirm()
                self._judge_commitments()
                return result
        except BalanceRefused:
            self._tell_left_at_till()
            return False

    def _tell_left_at_till(self):
        """Say on orders that money that a till took for them does not confirm them."""
        # Sudo: who works at a till need not write here.
        for order in self.sudo():
            order.message_post(
                body=self.env._(
                    "A till took money for this quotation. What is left of it is more "
                    "than the client's policies allow: confirm it once there is more "
                    "credit, or have an approver confirm it anyway."
                )
            )

    def _is_billed_in_part(self):
        """Override of `client_account_sale`: tills settle orders without invoices."""
        # Sudo: salespeople need not see what tills have sold.
        return super()._is_billed_in_part() or bool(
            self.sudo().order_line.pos_order_line_ids
        )

    @api.model
    def _get_invoiced_sql(self, posted=None):
        """Override of `client_account_sale` to add what tills have settled of a line,
        returns taken off."""
        return SQL(
            """
            SELECT SUM(part.quantity) AS quantity, SUM(part.total) AS total
              FROM (%s
             UNION ALL
            SELECT SUM(sold.qty * CASE WHEN template.uom_id = line.product_uom_id THEN 1
                       ELSE COALESCE((SELECT theirs.factor / NULLIF(ours.factor, 0)
                                        FROM uom_uom theirs, uom_uom ours
                                       WHERE theirs.id = template.uom_id
                                         AND ours.id = line.product_uom_id), 1) END),
                   SUM(sold.price_subtotal_incl * COALESCE(
                       sale.currency_rate / NULLIF(ticket.currency_rate, 0), 1))
              FROM pos_order_line sold
              JOIN pos_order ticket ON ticket.id = sold.order_id
              JOIN product_product product ON product.id = sold.product_id
              JOIN product_template template ON template.id = product.product_tmpl_id
             WHERE sold.sale_order_line_id = line.id
               AND ticket.state NOT IN ('draft', 'cancel')) part
            """,
            super()._get_invoiced_sql(posted),
            to_flush=[
                self.env[model]._fields[name]
                for model, names in READ_FIELDS.items()
                for name in names
            ],
        )
