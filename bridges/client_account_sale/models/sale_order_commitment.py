from odoo import api, fields, models
from odoo.tools import SQL

from .sale_order_line import OPEN_LINE

# What the query of committed amounts reads, by model.
READ_FIELDS = {
    "sale.order": (
        *("partner_invoice_id", "company_id", "currency_id", "currency_rate"),
        "amount_total",
    ),
    "sale.order.line": (
        *("order_id", "state", "display_type", "is_downpayment", "product_id"),
        *("product_uom_id", "product_uom_qty", "qty_delivered", "qty_invoiced"),
        *("price_subtotal", "price_total"),
        *("untaxed_amount_invoiced", "client_unit_total"),
    ),
    "account.move": ("state", "move_type", "payment_state", "invoice_currency_rate"),
    "account.move.line": (
        *("move_id", "currency_id", "product_uom_id", "quantity", "price_total"),
    ),
    "product.template": ("invoice_policy",),
    "res.company": ("parent_path", "client_judged_documents"),
    "res.partner": ("commercial_partner_id",),
    "uom.uom": ("factor",),
}


class SaleOrder(models.Model):
    """What orders have committed: what is confirmed and not invoiced yet.

    Odoo's own figures do not say it: they count a posted down payment twice, and know
    nothing of what is not delivered yet.
    """

    _inherit = "sale.order"

    client_company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Currency of the Company"
    )
    client_committed = fields.Monetary(
        string="Committed",
        currency_field="client_company_currency_id",
        compute="_compute_client_committed",
        help="What of this order is confirmed and not on a posted invoice yet, taxes "
        "included, in the company's currency.",
    )

    @api.depends("state", "order_line", "partner_invoice_id", "amount_total")
    def _compute_client_committed(self):
        amounts = self._origin._fetch_committed()
        for order in self:
            _key, amount, _amount_currency = amounts.get(
                order._origin.id, (None, 0.0, 0.0)
            )
            order.client_committed = amount

    @api.model
    def _get_committed_orders_sql(self, condition, posted=None, is_lean=True):
        """Return what each confirmed order has committed.

        It is what was ordered, or delivered beyond that where deliveries are invoiced,
        less what is on posted invoices, by quantity at the price of the order; less
        down payments that are posted and not settled, and less what is taken back. Of
        what nothing is invoiced yet it is the total: taxes may be rounded for the whole
        order, and its lines add up to another amount. The client is who is invoiced.

        `OFFSET 0` keeps what is asked once from being written out, and planned, for
        each use of its answer.

        :param SQL condition: on the aliases `sale` of sale_order and `contact` of its
            invoice address
        :param SQL posted: which documents count as posted, on the alias `document`
        :param bool is_lean: whether to pass over lines that are invoiced to the end,
            which only holds for documents that are really posted
        :return: `SQL` of a query with columns order_id, partner_id (commercial
            partner), company_id (root), amount (above zero, company currency) and
            amount_currency
        """
        return SQL(
            """
            SELECT sums.order_id, sums.partner_id,
                   split_part(branch.parent_path, '/', 1)::integer AS company_id,
                   whole.amount_currency,
                   whole.amount_currency / COALESCE(NULLIF(sums.rate, 0), 1) AS amount
              FROM (
                SELECT sale.id AS order_id, contact.commercial_partner_id AS partner_id,
                       sale.company_id AS branch_id, sale.currency_rate AS rate,
                       sale.amount_total AS total,
                       BOOL_AND(invoiced.quantity IS NULL
                                AND owed.quantity = line.product_uom_qty) AS untouched,
                       SUM(CASE
                           WHEN line.is_downpayment AND line.product_uom_qty = 0
                           THEN line.client_unit_total * owed.quantity
                                - COALESCE(invoiced.total, 0)
                           WHEN line.product_uom_qty < 0
                           THEN line.price_total / line.product_uom_qty * LEAST(
                               owed.quantity - COALESCE(invoiced.quantity, 0), 0)
                           WHEN line.product_uom_qty = 0
                           THEN line.client_unit_total * GREATEST(
                               owed.quantity - COALESCE(invoiced.quantity, 0), 0)
                           ELSE line.price_total / line.product_uom_qty * GREATEST(
                               owed.quantity - COALESCE(invoiced.quantity, 0), 0)
                           END) AS amount_currency
                  FROM sale_order sale
                  JOIN res_partner contact ON contact.id = sale.partner_invoice_id
                  JOIN sale_order_line line ON line.order_id = sale.id AND %(is_open)s
                  LEFT JOIN LATERAL (%(invoiced)s) invoiced ON TRUE
                 CROSS JOIN LATERAL (SELECT
                       CASE WHEN line.qty_delivered > line.product_uom_qty
                             AND %(by_delivery)s
                            THEN line.qty_delivered
                            ELSE line.product_uom_qty END AS quantity
                       OFFSET 0) owed
                 WHERE %(condition)s
                 GROUP BY sale.id, contact.commercial_partner_id
              ) sums
             CROSS JOIN LATERAL (SELECT
                   CASE WHEN sums.untouched AND sums.total <> sums.amount_currency
                         AND NOT EXISTS (
                             SELECT FROM sale_order_line line
                              WHERE line.order_id = sums.order_id
                                AND line.display_type IS NULL AND NOT (%(is_open)s))
                        THEN sums.total
                        ELSE sums.amount_currency END AS amount_currency
                   OFFSET 0) whole
              JOIN res_company branch ON branch.id = sums.branch_id
             WHERE whole.amount_currency > 0
            """,
            is_open=SQL(OPEN_LINE.format(alias="line."))  # pylint: disable=sql-injection
            if is_lean
            else SQL("line.state = 'sale' AND line.display_type IS NULL"),
            # Only where it matters: each join costs more to plan than to do.
            by_delivery=SQL(
                "EXISTS (SELECT FROM product_product product"
                " JOIN product_template template"
                " ON template.id = product.product_tmpl_id"
                " WHERE product.id = line.product_id"
                " AND template.invoice_policy = 'delivery')"
            ),
            invoiced=self._get_invoiced_sql(posted),
            condition=condition,
            to_flush=[
                self.env[model]._fields[name]
                for model, names in READ_FIELDS.items()
                for name in names
            ],
        )

    @api.model
    def _get_invoiced_sql(self, posted=None):
        """Return what of a line is on posted documents, credit notes taken off.

        Hook: a glue addon adds what bills orders otherwise, as tills do.

        :param SQL posted: see `_get_committed_orders_sql`
        :return: `SQL` of a query with columns quantity (in the line's unit) and total
            (in the order's currency), on the aliases `line` and `sale`
        """
        return SQL(
            """
            SELECT SUM(CASE document.move_type WHEN 'out_refund' THEN -1 ELSE 1 END
                       * item.quantity
                       * CASE WHEN item.product_uom_id = line.product_uom_id THEN 1
                              ELSE COALESCE((
                                  SELECT theirs.factor / NULLIF(ours.factor, 0)
                                    FROM uom_uom theirs, uom_uom ours
                                   WHERE theirs.id = item.product_uom_id
                                     AND ours.id = line.product_uom_id), 1) END
                   ) AS quantity,
                   SUM(CASE document.move_type WHEN 'out_refund' THEN -1 ELSE 1 END
                       * item.price_total
                       * CASE WHEN item.currency_id = sale.currency_id THEN 1
                              ELSE sale.currency_rate
                                   / NULLIF(document.invoice_currency_rate, 0) END
                   ) AS total
              FROM sale_order_line_invoice_rel link
              JOIN account_move_line item ON item.id = link.invoice_line_id
              JOIN account_move document ON document.id = item.move_id
             WHERE link.order_line_id = line.id AND (%s)
            """,
            posted
            or SQL(
                "document.state = 'posted'"
                " OR document.payment_state = 'invoicing_legacy'"
            ),
        )

    def _reckon_committed(self):
        """Return what these orders, which were just confirmed, have committed.

        It is what `_fetch_committed` returns, of the records that confirming has read
        anyway: without a query, and without writing them before the rest of it. Those
        with documents already are fetched.

        :return: see `_fetch_committed`
        """
        committed = {}
        invoiced = self.filtered(lambda order: order._is_billed_in_part())
        for order in self - invoiced:
            amount = order._reckon_uninvoiced()
            if amount > 0:
                client = order.partner_invoice_id.commercial_partner_id
                key = (client.id, order.company_id.root_id.id)
                rate = order.currency_rate or 1.0
                committed[order.id] = (key, amount / rate, amount)
        return {**committed, **invoiced._fetch_committed()}

    def _is_billed_in_part(self):
        """Tell whether something of one order may be on a document already.

        Hook: see `_get_invoiced_sql`.
        """
        self.ensure_one()
        return bool(self.order_line.invoice_lines)

    def _reckon_uninvoiced(self):
        """Return what one order comes to of which nothing is invoiced.

        :return: currency of the order
        """
        self.ensure_one()
        lines = self.order_line.filtered(lambda line: not line.display_type)
        owed = {line: line._get_quantity_owed() for line in lines}
        if all(line.product_uom_qty == quantity for line, quantity in owed.items()):
            return self.amount_total
        return sum(
            quantity
            * (
                line.price_total / line.product_uom_qty
                if line.product_uom_qty
                else line.client_unit_total
            )
            for line, quantity in owed.items()
        )

    def _fetch_committed(self, posted=None):
        """Return what these orders have committed.

        :param SQL posted: see `_get_committed_orders_sql`
        :return: {order id: ((partner id, root company id), amount in company currency,
            amount in the order's currency)}, without orders that have nothing
        """
        if not self.ids:
            return {}
        rows = self.env.execute_query(
            SQL(
                "SELECT order_id, partner_id, company_id, amount::float,"
                " amount_currency::float FROM (%s) committed",
                self._get_committed_orders_sql(
                    SQL("sale.id = ANY(%s)", self.ids), posted, is_lean=not posted
                ),
            )
        )
        return {row[0]: (row[1:3], row[3], row[4]) for row in rows}

    def _fetch_committed_with(self, more=(), less=()):
        """Return what these orders would have committed, see `_fetch_committed`, were
        some documents posted and others not.

        :param more: ids of `account.move` that count as posted
        :param less: ids of those that do not
        """
        if not more and not less:
            return self._fetch_committed()
        return self._fetch_committed(
            SQL(
                "(document.state = 'posted' OR document.id = ANY(%s)"
                " OR document.payment_state = 'invoicing_legacy')"
                " AND document.id <> ALL(%s)",
                list(more),
                list(less),
            )
        )
