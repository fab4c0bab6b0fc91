from typing import Any, NamedTuple

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class Release(NamedTuple):
    """What documents release of what an order has committed."""

    order: Any
    # (`res.partner` client, `res.company` root)
    key: tuple
    # In company currency, and what of it nobody has judged.
    amount: float
    unjudged: float
    # The latter in the order's currency.
    restored: float


class AccountMove(models.Model):
    """Invoices of orders: they release what their orders had committed."""

    _inherit = "account.move"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to leave to Odoo what was settled elsewhere."""
        for vals in vals_list:
            self.browse()._check_not_settled_elsewhere(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to leave to Odoo what was settled elsewhere, and to keep
        what orders get back from documents that go."""
        self._check_not_settled_elsewhere(vals)
        if "state" not in vals:
            return super().write(vals)
        with self._get_orders_given_back(vals["state"])._watching_restored():
            return super().write(vals)

    def _get_orders_given_back(self, state):
        """Return the judged orders that may have more committed once these documents
        are in a state: posted ones that go, and credit notes that are posted.

        :param str state: which is about to be written
        """
        # Sudo: the policy binds whoever acts, whatever they may see.
        moves = self.sudo()
        if state == "posted":
            lines = moves.filtered(lambda move: move.state != "posted").line_ids
            lines = lines.filtered(
                lambda line: (
                    (line.quantity < 0) != (line.move_id.move_type == "out_refund")
                )
            )
        else:
            lines = moves.filtered(lambda move: move.state == "posted").line_ids
        return lines.sale_line_ids.order_id.filtered(
            lambda order: order.state == "sale" and order._are_orders_judged()
        )

    def _check_not_settled_elsewhere(self, vals):
        """Refuse to say of a document that it was settled before the books were kept
        here: its order would count as invoiced, and it is in no balance.

        :raise UserError: when that is written by anybody but Odoo itself
        """
        if vals.get("payment_state") == "invoicing_legacy" and not self.env.su:
            raise UserError(
                self.env._(
                    "The payment status of %s follows from what it is matched with. "
                    "Match a payment or a credit with it instead.",
                    ", ".join(move.display_name for move in self[:5])
                    or self.env._("a new document"),
                )
            )

    def _get_released_amounts(self):
        """Override of `client_account`: what an order has committed is taken off the
        debt that its own invoice adds.

        So an order's own invoice is accepted however the limit has changed since, and
        whatever the rate has done: what is in the order's currency counts at the rate
        of the invoice. A document that was posted before this transaction has released
        its part already.
        """
        released = super()._get_released_amounts()
        for release in self._get_releases(self._get_judged_orders()):
            amount = released.get(release.key, 0.0)
            released[release.key] = amount + release.amount
        return released

    def _get_released_ahead(self, account):
        """Override of `client_account`: what posting this draft would release."""
        released = super()._get_released_ahead(account)
        releases = self._get_releases_ahead(self._get_judged_orders(), account)
        return released + sum(release.amount for release in releases)

    def _get_unjudged_ahead(self, account):
        """Override of `client_account`: what orders got back from documents that
        went."""
        unjudged = super()._get_unjudged_ahead(account)
        orders = self._get_judged_orders().filtered("client_restored")
        releases = self._get_releases_ahead(orders, account)
        return unjudged + sum(release.unjudged for release in releases)

    def _get_judged_orders(self):
        """Return the orders of these documents, under sudo, where orders are judged."""
        # Sudo: the policy binds whoever posts, whatever they may see.
        orders = self.sudo().line_ids.sale_line_ids.order_id
        return orders.filtered(lambda order: order._are_orders_judged())

    def _get_releases(self, orders):
        """Return what these documents release of orders, as far as this transaction has
        posted them.

        :param orders: `sale.order` under sudo
        :return: list of `Release`
        """
        if not orders:
            return []
        own = set(orders._get_own_documents()) & set(self.ids)
        before = orders._fetch_committed_with(less=own)
        return self._compare_commitments(before, orders._fetch_committed())

    def _get_restored_releases(self):
        """Return those releases of these documents of which nobody has judged a part,
        see `_get_releases`."""
        orders = self._get_judged_orders().filtered("client_restored")
        return self._get_releases(orders)

    def _get_releases_ahead(self, orders, account):
        """Return what posting these drafts would release of orders of one client.

        :param orders: `sale.order` under sudo
        :param account: `client.account` under sudo
        :return: list of `Release`
        """
        if not orders:
            return []
        after = orders._fetch_committed_with(more=self._origin.ids)
        return [
            release
            for release in self._compare_commitments(orders._fetch_committed(), after)
            if release.key == (account.partner_id, account.company_id)
        ]

    def _compare_commitments(self, before, after):
        """Return what orders have committed less by these documents.

        :param before: without them, of `sale.order._fetch_committed`
        :param after: with them, likewise
        :return: list of `Release`
        """
        moves = self.sudo()
        rates = {}
        for move in moves:
            for order in move.line_ids.sale_line_ids.order_id:
                if move.currency_id == order.currency_id:
                    rates.setdefault(order.id, set()).add(move.invoice_currency_rate)
        releases = []
        for order_id, (key, amount, amount_currency) in before.items():
            _key, left, left_currency = after.get(order_id, (key, 0.0, 0.0))
            less, less_currency = amount - left, amount_currency - left_currency
            order_rates = rates.get(order_id, ())
            if len(order_rates) == 1 and (rate := next(iter(order_rates))):
                less = less_currency / rate
            client = self.env["res.partner"].browse(key[0])
            # Sudo: a branch's user need not read the root company, nor orders.
            root = self.env["res.company"].sudo().browse(key[1])
            order = self.env["sale.order"].sudo().browse(order_id)
            if root.currency_id.compare_amounts(less, 0) > 0:
                restored = min(order.client_restored, less_currency)
                unjudged = less * restored / less_currency
                key = client, root
                releases.append(Release(order, key, less, unjudged, restored))
        return releases

    def _tells_what_happened(self):
        """Override of `client_account`: where orders alone are judged, invoices are
        told."""
        # Sudo: a branch's user need not read the root company.
        root = self.company_id.sudo().root_id
        return super()._tells_what_happened() or (
            root.client_judged_documents == "orders"
            and self.is_sale_document(include_receipts=True)
        )

    def _get_warning_account(self, record):
        """Override of `client_account`: of an order it is the account of the payer."""
        if record._name == "sale.order":
            return record._get_client_account()
        return super()._get_warning_account(record)

    def _get_partner_credit_warning_exclude_amount(self):
        """Override of `sale` to reckon as the client's account does, once somebody has
        decided about its limit."""
        account = self._get_warning_account(self)
        if not account._is_limit_decided():
            return super()._get_partner_credit_warning_exclude_amount()
        return self._get_released_ahead(account)

    def _get_credit_excluded_sql(self, move_id):
        """Override of `client_account` to take no credit for a client's first order,
        where the company takes none."""
        lines = self.env["account.move.line"]._fields
        return SQL(
            "(%s OR EXISTS (SELECT FROM account_move_line part"
            " JOIN sale_order_line_invoice_rel link ON link.invoice_line_id = part.id"
            " JOIN sale_order_line ordered ON ordered.id = link.order_line_id"
            " JOIN sale_order sale ON sale.id = ordered.order_id"
            " WHERE part.move_id = %s AND sale.client_first_order OFFSET 0))",
            super()._get_credit_excluded_sql(move_id),
            move_id,
            to_flush=[
                lines["move_id"],
                self.env["sale.order"]._fields["client_first_order"],
                self.env["sale.order.line"]._fields["order_id"],
            ],
        )
