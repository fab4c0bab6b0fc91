from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.tools import SQL


class SaleOrder(models.Model):
    """What orders got back of their commitment by documents that went.

    A document that is reset, or a credit note, commits an order anew, which is not
    refused: it says what has happened. Mostly the debt falls by as much. Where it falls
    by less, as with an invoice at a lower price, nobody has judged the rest, and other
    orders may have taken its place: the order's next invoice is judged for it.
    """

    _inherit = "sale.order"

    client_restored = fields.Monetary(
        string="Committed Again",
        readonly=True,
        copy=False,
        technical=True,
        help="What documents that were reset or credited have committed anew beyond "
        "what they took off the debt. The next invoice is judged for it.",
        written_by="addon",
    )

    @contextmanager
    def _watching_restored(self):
        """Keep what of these orders is committed anew by what is done to their
        documents."""
        before = self._fetch_exposures()
        yield
        after = self._fetch_exposures()
        for order in self:
            grown = after.get(order.id, 0.0) - before.get(order.id, 0.0)
            if order.currency_id.compare_amounts(grown, 0) > 0:
                # Sudo: this field is the addon's own to write.
                order.sudo().client_restored += grown

    def _fetch_exposures(self):
        """Return what these orders have committed and what is on posted documents of
        theirs for the same client, which is the same before an invoice and after it.

        :return: {order id: amount in the order's currency}, without orders that have
            nothing
        """
        exposures = defaultdict(float)
        if not self.ids:
            return exposures
        for order_id, (_key, _amount, amount) in self._fetch_committed().items():
            exposures[order_id] += amount
        rows = self.env.execute_query(
            SQL(
                """
                SELECT sale.id, SUM(invoiced.total)::float
                  FROM sale_order sale
                  JOIN res_partner contact ON contact.id = sale.partner_invoice_id
                  JOIN sale_order_line line ON line.order_id = sale.id
                 CROSS JOIN LATERAL (%s) invoiced
                 WHERE sale.id = ANY(%s) AND invoiced.total IS NOT NULL
                 GROUP BY sale.id
                """,
                self._get_invoiced_sql(
                    SQL(
                        "document.state = 'posted' AND document.commercial_partner_id"
                        " = contact.commercial_partner_id"
                    )
                ),
                self.ids,
            )
        )
        for order_id, amount in rows:
            exposures[order_id] += amount
        return exposures

    def _take_restored(self, amount):
        """Say of one order that a part of what was committed anew is judged now.

        :param float amount: in the order's currency
        """
        self.ensure_one()
        # Sudo: this field is the addon's own to write.
        order_sudo = self.sudo()
        left = order_sudo.client_restored - max(amount, 0.0)
        order_sudo.client_restored = max(left, 0.0)

    @api.model
    def _limit_restored(self, before, after):
        """Keep of what was committed anew no more than is committed still.

        :param before: {order id: what it had, of `_fetch_committed`, or None}
        :param after: likewise, what it has now
        """
        # Sudo: as above.
        orders = self.sudo().browse(order_id for order_id in before if before[order_id])
        for order in orders.exists().filtered("client_restored"):
            _key, _amount, left = after[order.id] or (None, 0.0, 0.0)
            order._take_restored(order.client_restored - left)
