from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import MissingError

from odoo.addons.client_account.exceptions import BalanceRefused

from ..utils import follow_again

# Writing these on an order may change what it has committed, or whose it is.
COMMITTING_FIELDS = frozenset(
    (
        *("state", "partner_id", "partner_invoice_id", "company_id", "order_line"),
        *("date_order", "currency_id", "currency_rate", "pricelist_id"),
        "amount_total",
    )
)

# What follows from the rest and what an order has committed is read from. Odoo takes it
# from any caller all the same: the rate follows from the day, and the invoice is at
# another; the total from the lines.
FOLLOWING_FIELDS = ("currency_rate", "amount_total")

# Where the watch of a transaction is kept among the notes of the core's.
WATCH = "client_account_sale"


class OrderWatch:
    """What one transaction has touched of the commitments of orders."""

    def __init__(self):
        # How many operations are under way, one within the other.
        self.depth = 0
        # {order id: what `_fetch_committed` answers, or None}, before the operations
        # that are not judged yet, and before the transaction.
        self.pending = {}
        self.origin = {}
        # {order id: what it has now} of those that are being judged.
        self.known = {}
        # {order id: the reason why an approver confirms it anyway}
        self.anyway = {}


class SaleOrder(models.Model):
    """The gate of orders: they are judged when they are confirmed, and when they grow
    after that, whatever route does it.

    Confirming is a write of the state in the end, as is each of the routes that lead
    there; lines grow by their own create and write. What others have taken meanwhile is
    known by the core, under its lock.
    """

    _inherit = "sale.order"

    client_anyway_reason = fields.Text(string="Confirmed Anyway Because")
    client_anyway_user_id = fields.Many2one(string="Confirmed Anyway by")
    client_anyway_date = fields.Datetime(string="Confirmed Anyway on")

    # === Choke points ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to judge what is made as confirmed."""
        with self.browse()._watching_commitments() as watch:
            orders = super().create(vals_list)
            for order in orders:
                watch.pending[order.id] = watch.origin[order.id] = None
            follow_again(
                orders, {name for vals in vals_list for name in vals}, FOLLOWING_FIELDS
            )
            orders.filtered(lambda order: order.state == "sale")._mark_first_orders()
        return orders

    def write(self, vals):
        """Override of the ORM to judge what is confirmed, and what grows after that."""
        if COMMITTING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        state = vals.get("state", "sale")
        before = self.filtered(lambda order: order.state == "sale")
        with self._watching_commitments():
            if "state" in vals and state == "sale":
                (self - before)._mark_first_orders()
            result = super().write(vals)
            follow_again(self, vals, FOLLOWING_FIELDS)
            if state != "sale":
                before._forget_confirmation()
        return result

    def unlink(self):
        """Override of the ORM to forget the figures of what goes."""
        with self._watching_commitments():
            return super().unlink()

    def _mark_first_orders(self):
        """Mark those of these orders that are confirmed as the first of a client that
        is not payable with credit."""
        first = self.filtered(lambda order: order._is_first_order())
        if first:
            # Sudo: this field is the addon's own to write.
            first.sudo().write({"client_first_order": True})

    def _forget_confirmation(self):
        """Take off orders that are confirmed no longer what confirmed them."""
        self._forget_anyway()
        # Sudo: this field is the addon's own to write.
        if first := self.sudo().filtered("client_first_order"):
            first.write({"client_first_order": False})

    # === Watching ===

    @api.model
    def _get_order_watch(self):
        """Return the watch of orders of this transaction."""
        notes = self.env["client.account"]._get_watch().notes
        return notes.setdefault(WATCH, OrderWatch())

    @contextmanager
    def _watching_commitments(self):
        """Watch an operation on these orders; when the outermost ends, clients are
        judged whose orders have grown.

        What an operation that failed has left is judged before the commit.

        :return: the `OrderWatch`
        """
        watch = self._get_order_watch()
        watch.depth += 1
        try:
            self._note_commitments(watch)
            yield watch
            if watch.depth == 1:
                self._judge_commitments()
        finally:
            watch.depth -= 1
            if not watch.depth and watch.pending:
                self._judge_commitments_before_commit()

    def _note_commitments(self, watch):
        """Note what these orders have committed before they are touched."""
        # Sudo: the policy binds whoever acts, whatever they may see.
        orders = self.sudo().browse(set(self._origin.ids) - watch.pending.keys())
        confirmed = orders.filtered(lambda order: order.state == "sale")
        amounts = confirmed._fetch_committed()
        origins = amounts
        if confirmed and (own := self._get_own_documents()):
            origins = confirmed._fetch_committed_with(less=own)
        for order_id in orders.ids:
            watch.pending[order_id] = amounts.get(order_id)
            watch.origin.setdefault(order_id, origins.get(order_id))

    @api.model
    def _get_own_documents(self):
        """Return the ids of the documents whose items count by this transaction only:
        for others, they are not posted yet."""
        origin = self.env["client.account"]._get_watch().origin
        item_ids = [item_id for item_id, before in origin.items() if before is None]
        # Sudo: items are looked at to judge, not shown.
        items = self.env["account.move.line"].sudo().browse(item_ids).exists()
        return items.move_id.ids

    def _judge_commitments_before_commit(self):
        """Have judged before the commit what no operation has judged."""
        orders = self.env["sale.order"]

        def judge():
            watch = orders._get_order_watch()
            if watch.pending and not watch.depth:
                orders._judge_commitments()

        self.env["client.account"]._insist_before_commit(judge)

    # === Judging ===

    @api.model
    def _judge_commitments(self):
        """Judge the clients whose orders have grown since it was last asked.

        :raise BalanceRefused: when one may not commit that much
        """
        watch = self._get_order_watch()
        pending, watch.pending = watch.pending, {}
        try:
            watch.known = self._get_commitments(pending)
            growths = self._get_growths(pending, watch.known)
            if growths:
                self.env["client.account"]._invalidate_figures()
            if grown := {key: parts for key, parts in growths.items() if parts}:
                self.env["sale.order"]._judge_growths(grown)
            self._limit_restored(pending, watch.known)
        except Exception:
            # Whoever catches it without undoing it is judged again before the commit.
            watch.pending = {**watch.pending, **pending}
            raise
        finally:
            watch.known = {}

    @api.model
    def _get_commitments(self, before):
        """Return what orders have committed now.

        :param before: {order id: what it had, or None}
        :return: {order id: what it has, or None}, of `_fetch_committed`
        """
        # Sudo: the policy binds whoever acts, whatever they may see.
        orders = self.env["sale.order"].sudo().browse(before)
        try:
            confirmed = orders.filtered(lambda order: order.state == "sale")
        except MissingError:
            orders = orders.exists()
            confirmed = orders.filtered(lambda order: order.state == "sale")
        had = confirmed.filtered(lambda order: before[order.id])
        after = {**had._fetch_committed(), **(confirmed - had)._reckon_committed()}
        return {order_id: after.get(order_id) for order_id in before}

    @api.model
    def _get_growths(self, before, after):
        """Return by how much orders have grown, by client.

        :param before: {order id: what it had, of `_fetch_committed`, or None}
        :param after: likewise, what it has now
        :return: {(client id, root id): {order: (amount before, amount now)}}, the
            orders that take more of a client who has more committed in sum; none for a
            client who has less; company currency
        """
        # Sudo: as above.
        orders = self.env["sale.order"].sudo()
        sums, parts = defaultdict(float), defaultdict(dict)
        for order_id, had in before.items():
            has = after[order_id]
            if had == has:
                continue
            order = orders.browse(order_id)
            if had:
                sums[had[0]] -= had[1]
            if has:
                key, amount, _amount_currency = has
                sums[key] += amount
                kept = had[1] if had and had[0] == key else 0.0
                if amount > kept:
                    parts[key][order] = (kept, amount)
        return {
            key: parts[key] if self._is_above_zero(key, amount) else {}
            for key, amount in sums.items()
        }

    @api.model
    def _is_above_zero(self, key, amount):
        # Sudo: a branch's user need not read the root company.
        root = self.env["res.company"].sudo().browse(key[1])
        return root.currency_id.compare_amounts(amount, 0) > 0

    @api.model
    def _judge_growths(self, growths):
        """Judge orders that have grown.

        :param growths: of `_get_growths`
        :raise BalanceRefused: when one may not
        """
        accounts = self.env["client.account"]
        asked, counted, orders = {}, {}, {}
        for (client_id, root_id), parts in sorted(
            growths.items(), key=lambda item: item[0]
        ):
            # Sudo: a branch's user need not read the root company.
            root = self.env["res.company"].sudo().browse(root_id)
            if root.client_judged_documents == "invoices":
                continue
            key = self.env["res.partner"].browse(client_id), root
            orders[key] = parts
            counted[key] = sum(now - had for had, now in parts.values())
            asked[key] = sum(
                order._get_ungranted_amount(*part)
                for order, part in orders[key].items()
            )
        # Money may have been taken for some.
        accounts._lock_all(asked)
        refusals, postings = accounts._check_available_to(asked, counted)
        if any(posting.is_watched for posting in postings.values()):
            accounts._trigger_notices()
        refused = []
        for key, posting in postings.items():
            account = accounts.browse(posting.account_id)
            reason = refusals.get(key) or (
                posting.pay_later == "disabled"
                and self._get_up_front_refusal(account, orders[key], counted[key])
            )
            if reason:
                refused.append((self.union(*orders[key]), account.sudo(), reason))
        self._refuse_growth(refused)

    def _get_ungranted_amount(self, had, has):
        """Return by how much one order has grown beyond the money taken for it.

        :param float had: committed before, company currency
        :param float has: committed now, company currency
        """
        self.ensure_one()
        return has - max(had, min(has, self._get_taken_amount()))

    def _get_taken_amount(self):
        """Return how much money was taken for one order, or promised by a provider,
        that the balance does not know yet.

        As `account.move._get_taken_amount`: what is booked as a payment is credit in
        the balance, and what posted invoices have used is gone.

        :return: company currency
        :rtype: float
        """
        if not self:
            return 0.0
        self.ensure_one()
        taken = 0.0
        # Sudo: transactions are read to decide, not shown.
        order_sudo = self.sudo()
        for transaction in order_sudo.transaction_ids:
            amount = transaction.currency_id._convert(
                transaction._get_taken_amount(),
                order_sudo.company_id.currency_id,
                order_sudo.company_id,
                order_sudo.date_order,
            )
            used = sum(
                transaction.invoice_ids.filtered(
                    lambda move: move.state == "posted"
                ).mapped("amount_total_signed")
            )
            others = transaction.sale_order_ids - order_sudo
            used += sum(others.mapped("client_committed"))
            taken += max(amount - max(used, 0.0), 0.0)
        return taken

    def _are_orders_judged(self):
        """Tell whether the company of one order has orders judged."""
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        root = self.company_id.sudo().root_id
        return root.client_judged_documents != "invoices"

    # === Paying up front ===

    @api.model
    def _get_up_front_refusal(self, account, parts, counted):
        """Return why orders of a client who pays up front may not grow, in words.

        Credit that is not needed elsewhere pays them, as does money taken for them.

        :param account: `client.account`
        :param parts: {order: (committed before, committed now)}
        :param float counted: by how much the client has less already
        :return: an empty text where they may
        """
        amounts = {True: 0.0, False: 0.0}
        for order, part in parts.items():
            amount = order._get_ungranted_amount(*part)
            amounts[order._is_credit_excluded()] += amount
        # Sudo: a branch's user need not read the root company.
        account_sudo = account.sudo()
        compare = account_sudo.currency_id.compare_amounts
        if compare(sum(amounts.values()), 0) <= 0:
            return ""
        spendable = account_sudo._measure_beside_others() + counted
        missing = amounts[True] + max(amounts[False] - max(spendable, 0.0), 0.0)
        if compare(missing, 0) <= 0:
            return ""
        if not account._may_show_figures():
            return self.env._(
                "%s pays up front. Ask the accounting group, or request an update of "
                "the account.",
                account_sudo.display_name,
            )
        return self.env._(
            "%(client)s pays up front, and %(missing)s is neither paid nor covered by "
            "credit that can pay it. Receive a payment, issue a credit or request an "
            "update of the account.",
            client=account_sudo.display_name,
            missing=account_sudo.currency_id.format(missing),
        )

    # === Refusing, and confirming anyway ===

    @api.model
    def _refuse_growth(self, refused):
        """Refuse orders, or log that an approver confirms them anyway.

        :param refused: list of (orders, account under sudo, reason in words)
        :raise BalanceRefused: when nobody confirms one anyway
        """
        anyway = self._get_order_watch().anyway
        left = []
        for orders, account, reason in refused:
            if anyway.keys() >= set(orders.ids):
                for order in orders:
                    order.sudo(False)._log_confirm_anyway(account, anyway[order.id])
            else:
                left.append((orders, account, reason))
        if not left:
            return
        messages = [
            orders._get_growth_message(account, reason)
            for orders, account, reason in left
        ]
        raise BalanceRefused(
            "\n\n".join(messages),
            self._get_refusal_actions(left),
            title=self.env._("Not Confirmed"),
        )

    def _get_growth_message(self, account, reason):
        """Return the refusal of orders of one client, in words.

        :param account: `client.account` under sudo
        :param str reason: a sentence
        """
        if not account._is_asked_by_staff():
            # Neither figures nor whose account it is: it is shown to whoever has the
            # link of the order.
            return self.env._(
                "%(orders)s cannot be confirmed online now. Please contact "
                "%(company)s.",
                orders=", ".join(self.mapped("name")),
                company=account.company_id.name,
            )
        return self.env._(
            "%(orders)s cannot be confirmed or changed this way. %(reason)s",
            orders=", ".join(self.mapped("name")),
            reason=reason,
        )

    @api.model
    def _get_refusal_actions(self, refused):
        """Return what a refused user can do, see `BalanceRefused`."""
        account = refused[0][1]
        if not account._is_asked_by_staff():
            return {}
        orders = self.union(*(orders for orders, _account, _reason in refused))
        return {
            "request": account._get_refusal_request_action(),
            "receive": account._get_refusal_receive_action(),
            "post_anyway": orders.sudo(False)._get_confirm_anyway_action(),
        }

    def _get_confirm_anyway_action(self):
        """Return the window in which an approver confirms these orders anyway.

        :return: a window action, False where there is none for this user, or for orders
            that were just made or confirmed before
        """
        # Sudo: a branch's user need not read the root company.
        roots = self.sudo().company_id.root_id
        origin = self._get_order_watch().origin
        kept = all(
            order.create_date < self.env.cr.now() and not origin.get(order.id)
            for order in self
        )
        if not kept or not self.env["res.partner"]._may_decide_in(roots):
            return False
        return self.env["client.account.post.anyway"]._get_window(
            self, self.env._("Confirm Anyway")
        )

    def action_client_post_anyway(self, reason):
        """Confirm orders that their clients' policies refuse.

        :param str reason: logged in the chatter, on the order and on the account
        :return: True
        :raise AccessError: when the user is no approver where the accounts are, or may
            not write the orders
        :raise UserError: when the reason is blank, or an order is no quotation
        """
        reason = self._check_anyway(reason, self.company_id)
        anyway = self._get_order_watch().anyway
        anyway.update(dict.fromkeys(self.ids, reason))
        try:
            self.action_confirm()
        finally:
            for order_id in self.ids:
                anyway.pop(order_id, None)
        return True

    def _log_confirm_anyway(self, account, reason):
        """Log that one order was confirmed against a policy, by whom and why.

        :param account: its `client.account` under sudo
        """
        self.ensure_one()
        self._mark_anyway(reason)
        # Sudo: whoever may confirm this may say why.
        order_sudo = self.sudo()
        order_sudo.message_post(
            body=self.env._(
                "%(user)s confirmed this against the client's policies: %(reason)s",
                user=self.env.user.name,
                reason=reason,
            )
        )
        account.message_post(
            body=self.env._(
                "%(order)s was confirmed against the policies by %(user)s: %(reason)s",
                order=order_sudo.name,
                user=self.env.user.name,
                reason=reason,
            )
        )

    def _tell_left_quotation(self):
        """Say on orders that money that was taken for them does not confirm them."""
        for order in self:
            order.message_post(
                body=self.env._(
                    "Money was taken for this quotation and is booked as credit. It is "
                    "not enough to confirm it under the client's policies: confirm it "
                    "once there is more, or have an approver confirm it anyway."
                )
            )
