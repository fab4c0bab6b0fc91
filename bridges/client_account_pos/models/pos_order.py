from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.client_account.const import VIEWER

from ..const import PURPOSES

# What the query of what is on account reads, by model.
READ_FIELDS = {
    "pos.order": (
        *("state", "partner_id", "company_id", "session_id", "account_move"),
        "currency_rate",
    ),
    "pos.payment": ("pos_order_id", "payment_method_id", "amount", "account_move_id"),
    "pos.session": ("state",),
    "res.company": ("parent_path", "currency_id"),
    "res.partner": ("commercial_partner_id",),
}


class PosOrder(models.Model):
    """Orders that the client's account pays: what of them is owed, and is not in the
    books until the session is closed."""

    _inherit = "pos.order"

    client_purpose = fields.Selection(
        PURPOSES,
        string="Money Received For",
        copy=False,
        help="Why money came in without a sale.",
    )
    client_company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Currency of the Company"
    )
    client_on_account = fields.Monetary(
        string="On Account",
        currency_field="client_company_currency_id",
        compute="_compute_client_on_account",
        groups=VIEWER,
        help="What of this order the client's account pays, in the company's currency. "
        "It counts against the limit until the session is closed.",
    )
    client_balance_after = fields.Char(
        string="Account After This",
        copy=False,
        groups=VIEWER,
        help="How the client's account stood after this order, for the receipt.",
    )

    @api.depends("state", "payment_ids.amount", "payment_ids.payment_method_id")
    def _compute_client_on_account(self):
        amounts = self._reckon_on_account()
        for order in self:
            _key, amount = amounts.get(order.id, (None, 0.0))
            order.client_on_account = amount

    # === On account ===

    def _get_account_payments(self):
        """Return the payments of these orders that the client's account makes, or gets,
        and that are not booked yet."""
        return self.payment_ids.filtered(
            lambda payment: (
                payment.payment_method_id._takes_from_account()
                and not payment._get_given_moves()
            )
        )

    def _reckon_on_account(self):
        """Return what these orders have taken on account, in the books already or not.

        :return: {order id: ((client id, root company id), amount above zero in company
            currency)}, without those that have taken nothing
        """
        amounts = {}
        for order in self:
            client = order.partner_id.commercial_partner_id
            if not client or order.state not in ("paid", "done"):
                continue
            amount = order._convert_till_amount(
                sum(order._get_account_payments().mapped("amount"))
            )
            if amount > 0:
                amounts[order.id] = (client.id, order.company_id.root_id.id), amount
        return amounts

    def _convert_till_amount(self, amount):
        """Return an amount of one order in the currency of its company."""
        self.ensure_one()
        currency = self.company_id.currency_id
        return currency.round(amount / (self.currency_rate or 1.0))

    @api.model
    def _get_committed_tickets_sql(self, condition=None):
        """Return what each order has on account in sessions that are not closed.

        Those that are invoiced are in the books already. It is what closing will have
        the client owe.

        :param SQL condition: on the alias `ticket` of pos_order
        :return: `SQL` of a query with columns order_id, partner_id (commercial
            partner), company_id (root) and amount (above zero, company currency)
        """
        methods = self.env["pos.payment.method"]
        return SQL(
            """
            SELECT ticket.id AS order_id, contact.commercial_partner_id AS partner_id,
                   split_part(branch.parent_path, '/', 1)::integer AS company_id,
                   ROUND(SUM(payment.amount)::numeric
                         / COALESCE(NULLIF(ticket.currency_rate, 0), 1)::numeric,
                         currency.decimal_places) AS amount
              FROM pos_session session
              JOIN pos_order ticket ON ticket.session_id = session.id
              JOIN pos_payment payment ON payment.pos_order_id = ticket.id
              JOIN pos_payment_method method ON method.id = payment.payment_method_id
              JOIN res_partner contact ON contact.id = ticket.partner_id
              JOIN res_company branch ON branch.id = ticket.company_id
              JOIN res_currency currency ON currency.id = branch.currency_id
             WHERE session.state <> 'closed'
               AND ticket.state IN ('paid', 'done')
               AND ticket.account_move IS NULL
               AND (payment.account_move_id IS NULL OR payment.amount > 0)
               AND %(takes)s AND (%(condition)s)
             GROUP BY ticket.id, contact.commercial_partner_id, branch.parent_path,
                      currency.decimal_places
            HAVING SUM(payment.amount) > 0
            """,
            takes=methods._get_account_condition("method"),
            condition=condition or SQL("TRUE"),
            to_flush=[
                self.env[model]._fields[name]
                for model, names in READ_FIELDS.items()
                for name in names
            ],
        )

    def _fetch_committed_tickets(self):
        """Return what these orders have committed.

        :return: {(client id, root company id): amount in company currency}
        """
        if not self.ids:
            return {}
        rows = self.env.execute_query(
            SQL(
                "SELECT partner_id, company_id, SUM(amount)::float FROM (%s) tickets"
                " GROUP BY partner_id, company_id",
                self._get_committed_tickets_sql(SQL("ticket.id = ANY(%s)", self.ids)),
            )
        )
        return {row[:2]: row[2] for row in rows}

    # === What the till reads ===

    @api.model
    def _may_show_till_figures(self):
        """Tell whether an answer to the till may name balances and limits."""
        return self.env.user.has_group(VIEWER)
