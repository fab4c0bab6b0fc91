from odoo import fields, models


class PosSession(models.Model):
    """What the till asks about orders that it settles."""

    _inherit = "pos.session"

    def _get_settled_amount(self, client, settled):
        """Override of `client_account_pos`: of each order of the client at most what it
        has committed."""
        amount = super()._get_settled_amount(client, settled)
        by_order = {}
        for order_id, price in settled:
            by_order[order_id] = by_order.get(order_id, 0.0) + price
        # Sudo: what they have committed is looked at to decide, not shown.
        orders_sudo = self.env["sale.order"].sudo().browse(by_order).exists()
        orders_sudo = orders_sudo.filtered(lambda order: order._are_orders_judged())
        company = self.company_id
        for order_id, (key, worth, _amount) in orders_sudo._fetch_committed().items():
            # Sudo: a branch's user need not read the root company.
            if key == (client.id, company.sudo().root_id.id):
                committed = company.currency_id._convert(
                    worth, self.currency_id, company, fields.Datetime.now()
                )
                amount += min(committed, max(by_order[order_id], 0.0))
        return amount
