from collections import defaultdict
from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import UserError

from odoo.addons.client_account.exceptions import BalanceRefused
from odoo.addons.client_account.utils import is_record_id

from ..utils import check_not_by_hand

# Writing these on an order may change what it has on account, or whose it is.
ACCOUNT_FIELDS = frozenset(
    ("state", "partner_id", "payment_ids", "lines", "date_order", "session_id")
)

# Only booking sets these.
BOOKED_FIELDS = frozenset(("account_move", "currency_rate"))

# Where an order is booked: settled once something of it is on account.
PLACE_FIELDS = frozenset(("session_id", "company_id"))

# Where the watch of a transaction is kept among the notes of the core's.
WATCH = "client_account_pos"


class TillWatch:
    """What one transaction has touched of what is on account at tills."""

    def __init__(self):
        # How many operations are under way, one within the other.
        self.depth = 0
        # {order id: what `_reckon_on_account` answers, or None}, before the operations
        # that are not judged yet, and before the transaction.
        self.pending = {}
        self.origin = {}
        # {id of a grant: ((client id, root id), amount counted before the transaction)}
        self.grants = {}
        # {id of a document: {(client id, root id): what it released}}
        self.released = {}


class PosOrder(models.Model):
    """The gate of the till: what is on account is judged when an order is paid, and
    when it grows after that, whatever route does it.

    The till asks before the receipt, see `pos.session.client_request_account`; what it
    was allowed then is accepted here, however late it arrives. What others have taken
    meanwhile is known by the core, under its lock.
    """

    _inherit = "pos.order"

    # === Choke points ===

    @api.model
    def sync_from_ui(self, orders):
        """Override of `point_of_sale` to take the locks of several clients in one order
        before the first is judged: two tills that send the same clients in orders of
        their own would wait for each other.

        Not where one is invoiced: who posts an invoice waits for the lock and holds the
        journal's number, which the till would wait for then.
        """
        keys = self._get_sent_client_keys(orders)
        if len(keys) > 1 and not any(order.get("to_invoice") for order in orders):
            self.env["client.account"]._lock_keys(keys)
        return super().sync_from_ui(orders)

    @api.model
    def _get_sent_client_keys(self, orders):
        """Return whose accounts orders may be on: {(`res.partner` client, root
        company)}, of those that are there.

        :param orders: as tills send them
        """
        sent = [
            (order.get("partner_id"), order.get("session_id"))
            for order in orders
            if order.get("state") != "draft"
        ]
        sent = [ids for ids in sent if all(map(is_record_id, ids))]
        # Sudo: only locks are taken.
        contacts = self.env["res.partner"].sudo()
        sessions = self.env["pos.session"].sudo()
        contacts = contacts.browse({partner_id for partner_id, _id in sent}).exists()
        sessions = sessions.browse({session_id for _id, session_id in sent}).exists()
        return {
            (
                contacts.browse(partner_id).commercial_partner_id,
                sessions.browse(session_id).company_id.root_id,
            )
            for partner_id, session_id in sent
            if partner_id in contacts._ids and session_id in sessions._ids
        }

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to judge what is made as paid."""
        for vals in vals_list:
            check_not_by_hand([self.browse()], vals, BOOKED_FIELDS)
        with self.browse()._watching_account() as watch:
            orders = super().create(vals_list)
            for order in orders:
                watch.pending[order.id] = watch.origin[order.id] = None
        return orders

    def write(self, vals):
        """Override of the ORM to judge what is paid, and what grows after that."""
        check_not_by_hand(self, vals, BOOKED_FIELDS)
        if not PLACE_FIELDS.isdisjoint(vals):
            # Sudo: what is on account is looked at to decide, not shown.
            on_account = self.browse(self.sudo()._reckon_on_account())
            check_not_by_hand(on_account, vals, PLACE_FIELDS)
        if "partner_id" in vals:
            self._check_client_stays(vals["partner_id"])
        if ACCOUNT_FIELDS.isdisjoint(vals):
            return super().write(vals)
        with self._watching_account():
            return super().write(vals)

    def _check_client_stays(self, partner_id):
        """Make sure that none of these orders leaves the client in whose books it is.

        :param partner_id: id of the `res.partner` whose they become, or nothing
        :raise UserError: otherwise
        """
        # Sudo: what is booked is looked at to decide, not shown.
        orders_sudo = self.sudo()
        client = orders_sudo.partner_id.browse(partner_id or ()).commercial_partner_id
        for order in orders_sudo.filtered("partner_id"):
            had = order.partner_id.commercial_partner_id
            if had != client and order._is_in_books_of_client():
                raise UserError(
                    self.env._(
                        "%(order)s is booked on the account of %(client)s already. "
                        "Refund it, and sell it to the other client in a new order.",
                        order=order.name,
                        client=had.display_name,
                    )
                )

    def _is_in_books_of_client(self):
        """Tell whether what the client's account pays of one order, or gets, is booked
        already."""
        self.ensure_one()
        if self.payment_ids._get_given_moves():
            return True
        is_booked = self.account_move or self.session_id.state == "closed"
        return bool(
            is_booked
            and self.state in ("paid", "done")
            and self._get_account_payments()
        )

    # === Watching ===

    @api.model
    def _get_till_watch(self):
        """Return the watch of tills of this transaction."""
        notes = self.env["client.account"]._get_watch().notes
        return notes.setdefault(WATCH, TillWatch())

    @contextmanager
    def _watching_account(self):
        """Watch an operation on these orders; when the outermost ends, clients are
        judged who have more on account.

        What an operation that failed has left is judged before the commit.

        :return: the `TillWatch`
        """
        watch = self._get_till_watch()
        watch.depth += 1
        try:
            self._note_on_account(watch)
            yield watch
            if watch.depth == 1:
                self._judge_on_account()
        finally:
            watch.depth -= 1
            if not watch.depth and watch.pending:
                self._judge_on_account_before_commit()

    def _note_on_account(self, watch):
        """Note what these orders have on account before they are touched."""
        # Sudo: the policy binds whoever acts, whatever they may see.
        orders = self.sudo().browse(set(self._origin.ids) - watch.pending.keys())
        amounts = orders._reckon_on_account()
        for order_id in orders.ids:
            watch.pending[order_id] = amounts.get(order_id)
            watch.origin.setdefault(order_id, amounts.get(order_id))

    @api.model
    def _judge_on_account_before_commit(self):
        """Have judged before the commit what no operation has judged."""
        orders = self.env["pos.order"]

        def judge():
            watch = orders._get_till_watch()
            if watch.pending and not watch.depth:
                orders._judge_on_account()

        self.env["client.account"]._insist_before_commit(judge)

    # === Judging ===

    @api.model
    def _judge_on_account(self):
        """Judge the clients who have more on account since it was last asked.

        :raise BalanceRefused: when one may not
        """
        watch = self._get_till_watch()
        pending, watch.pending = watch.pending, {}
        try:
            # Sudo: the policy binds whoever acts, whatever they may see.
            orders = self.env["pos.order"].sudo().browse(pending).exists()
            orders._check_account_may_pay()
            after = orders._reckon_on_account()
            if {**dict.fromkeys(pending), **after} != pending:
                self.env["client.account"]._invalidate_figures()
                orders._judge_growth(pending, after)
            orders._forget_grants()
        except Exception:
            # Whoever catches it without undoing it is judged again before the commit.
            watch.pending = {**watch.pending, **pending}
            raise

    def _check_account_may_pay(self):
        """Make sure that there is a client whose account pays these orders, or gets
        something, and that no account pays for what it gets as money.

        :raise BalanceRefused: otherwise
        """
        for order in self.filtered(lambda order: order.state in ("paid", "done")):
            amounts = order._get_account_payments().mapped("amount")
            signs = {order.currency_id.compare_amounts(amount, 0) for amount in amounts}
            if signs - {0} and not order.partner_id:
                raise BalanceRefused(
                    self.env._(
                        "%s is paid with an account. Choose the client whose account "
                        "it is.",
                        order.pos_reference or order.name,
                    ),
                    title=self.env._("Not Paid"),
                )
            if order.client_purpose and 1 in signs:
                raise BalanceRefused(
                    self.env._(
                        "%(order)s brings money for the account of %(client)s, which "
                        "cannot pay it itself. Choose another payment method.",
                        order=order.pos_reference or order.name,
                        client=order.partner_id.display_name,
                    ),
                    title=self.env._("Not Paid"),
                )

    def _judge_growth(self, before, after):
        """Judge those of these orders that have grown, and note on each how the account
        stands after it.

        :param before: {order id: what it had, of `_reckon_on_account`, or None}
        :param after: likewise, what it has now
        :raise BalanceRefused: when one may not
        """
        grown = {}
        for order in self:
            key, amount = after.get(order.id, (None, 0.0))
            had = before[order.id]
            kept = had[1] if had and had[0] == key else 0.0
            if amount > kept:
                grown[order] = amount - kept
        if not grown:
            return
        grants = self._take_grants(grown)
        asked = defaultdict(float)
        orders_by_key = defaultdict(self.browse)
        for order, growth in grown.items():
            allowed, products = grants.get(order, (0.0, order.lines.product_id[:0]))
            order._check_payable_with_account(products)
            key = order._get_client_key()
            orders_by_key[key] |= order
            asked[key] += max(growth - allowed, 0.0)
        refusals = self._get_account_refusals(dict(asked))
        self._refuse_on_account(orders_by_key, refusals)
        self._tell_late_arrivals(orders_by_key, grants)

    def _get_client_key(self):
        """Return whose account one order is on: (`res.partner` client, root company)"""
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        return self.partner_id.commercial_partner_id, self.sudo().company_id.root_id

    @api.model
    def _get_account_refusals(self, asked):
        """Return why clients may not take what is counted in their balance already.

        :param asked: {(`res.partner` client, `res.company` root): amount}, company
            currency
        :return: {key: sentence}, empty where all may
        """
        accounts = self.env["client.account"]
        # Some may have been allowed before.
        accounts._lock_all(asked)
        refusals, postings = accounts._check_available_to(asked, asked)
        for key, posting in postings.items():
            if key not in refusals and posting.pay_later == "disabled":
                account = accounts.browse(posting.account_id)
                if refusal := account._get_till_up_front_refusal(asked[key]):
                    refusals[key] = refusal
        if any(posting.is_watched for posting in postings.values()):
            accounts._trigger_notices()
        return refusals

    @api.model
    def _refuse_on_account(self, orders_by_key, refusals):
        """Refuse orders in words.

        :param orders_by_key: {client key: orders}
        :param refusals: {client key: sentence}
        :raise BalanceRefused: where there is one
        """
        if not refusals:
            return
        raise BalanceRefused(
            "\n\n".join(
                self.env._(
                    "%(orders)s cannot be paid with the account. %(reason)s",
                    orders=", ".join(
                        order.pos_reference or order.name
                        for order in orders_by_key[key]
                    ),
                    reason=reason,
                )
                for key, reason in refusals.items()
            ),
            title=self.env._("Not Paid"),
        )

    # === Not payable with account credit ===

    def _check_payable_with_account(self, allowed):
        """Make sure that the products of one order may be paid with the account; not
        what is given back in it.

        :param allowed: `product.product` that it was allowed to pay before
        :raise BalanceRefused: otherwise
        """
        self.ensure_one()
        # What a till sends may be below zero twice, and then it is sold.
        sold = self.lines.filtered(
            lambda line: not (line.qty < 0 <= line.price_unit and line.discount <= 100)
        ).product_id
        if refusal := self._get_products_refusal(sold - allowed):
            raise BalanceRefused(refusal, title=self.env._("Not Paid"))

    @api.model
    def _get_products_refusal(self, products):
        """Return why some products may not be paid with the account, in words.

        :param products: `product.product`
        :return: an empty text where they may
        """
        # Sudo: products are read to decide, not shown.
        excluded = products.sudo().filtered("client_not_payable_with_credit")
        if not excluded:
            return ""
        return self.env._(
            "%s cannot be paid with the client's account. Choose another payment "
            "method for the whole order, or sell it by itself.",
            ", ".join(excluded.mapped("name")),
        )

    # === What was allowed before ===

    @api.model
    def _take_grants(self, grown):
        """Use up what was allowed to orders before they arrived.

        :param grown: {order: amount by which it grew}
        :return: {order: (amount allowed in company currency, `product.product` that
            were looked at, where it allows the order whole)}
        """
        # Sudo: what tills were allowed is the addon's own.
        grants = self.env["client.till.grant"].sudo()
        found = grants._find_grants(order.uuid for order in grown)
        by_uuid = {grant.order_uuid: grant for grant in found}
        taken = {}
        for order in grown:
            grant = by_uuid.get(order.uuid)
            key = order._get_client_key()
            if grant and (grant.partner_id, grant.company_id) == key:
                covers = grant._covers(order)
                taken[order] = (
                    grown[order] if covers else grant.amount,
                    grant.product_ids if covers else grant.product_ids[:0],
                )
        found._withdraw()
        return taken

    def _forget_grants(self):
        """Forget what those of these orders were allowed that are paid: what they did
        not take is not to let them grow later."""
        paid = self.filtered(lambda order: order.state in ("paid", "done"))
        # Sudo: what tills were allowed is the addon's own.
        grants = self.env["client.till.grant"].sudo()
        if left := grants._find_grants(paid.mapped("uuid")):
            left._withdraw()

    @api.model
    def _tell_late_arrivals(self, orders_by_key, grants):
        """Tell where what was allowed before leaves a client with too little now, as it
        was taken while the line was broken.

        :param orders_by_key: {client key: orders}
        :param grants: {order: what it was allowed}
        """
        accounts = self.env["client.account"]
        late_by_key = {
            key: late
            for key, orders in orders_by_key.items()
            if (late := orders.filtered(lambda order: order in grants))
        }
        for key, posting in accounts._get_postings(set(late_by_key)).items():
            if posting.negative_balance != "prevented":
                continue
            # Sudo: the chatter is for those who may read the account.
            account = accounts.sudo().browse(posting.account_id)
            balance = account._measure_beside_others()
            compare = account.currency_id.compare_amounts
            if compare(balance, -posting.limit_in_force) < 0:
                account._tell_taken_at_till(late_by_key[key], balance)
