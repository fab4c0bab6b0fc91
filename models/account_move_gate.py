from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..const import MARKS, MAX_REASON, VIEWER
from ..exceptions import BalanceRefused
from ..utils import check_length, clean_reason

# Where the debts of what is being posted are noted, for the transaction alone.
NOTED_DEBTS = "client_account_noted_debts"


class PostAnyway:
    """In the context it lets documents past the gate; being an object, no RPC caller
    can send it.

    :param reason: why an approver posts anyway; None for what lowers a debt
    """

    def __init__(self, reason):
        self.reason = reason


class MoneyReceived:
    """In the context it says which money was received for the drafts that are posted;
    being an object, no RPC caller can send it.

    :param item: the credit `account.move.line` of the payment
    """

    def __init__(self, item):
        self.item = item


class AccountMove(models.Model):
    """The gate of client accounts: which documents their policies let through."""

    _inherit = "account.move"

    client_anyway_reason = fields.Text(
        string="Posted Anyway Because",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="Why an approver posted this document against the client's policies.",
        written_by="addon",
    )
    client_anyway_user_id = fields.Many2one(
        "res.users",
        string="Posted Anyway by",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        written_by="addon",
    )
    client_anyway_date = fields.Datetime(
        string="Posted Anyway on",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        written_by="addon",
    )

    _client_anyway_reason_length = models.Constraint(
        f"CHECK(char_length(client_anyway_reason) <= {MAX_REASON})",
        "The reason for posting anyway has 2,000 characters at most.",
    )

    # === The rows of the accounts ===

    def _touch_client_accounts(self, leaving=False):
        """Write the accounts' rows that these documents may take further into debt.

        Documents that take credit away count too, paying it back for instance: they
        are not refused, but who posts meanwhile must not miss them.

        :param bool leaving: whether the documents are no longer to be posted, so that
            it is their credits that go
        :return: {client key: posting}, see `client.account._touch_for_posting`
        """
        sign = -1 if leaving else 1
        keys, debtors = set(), self.env["res.partner"]
        for move in self:
            # Sudo: a branch's user need not read the root company.
            root = move.company_id.sudo().root_id
            for line in move._get_receivable_items():
                if client := line.partner_id.commercial_partner_id:
                    keys.add((client, root))
                    if sign * line.balance > 0:
                        debtors |= client
        if not keys:
            return {}
        return self.env["client.account"]._touch_for_posting(keys, debtors)

    # === What posting adds to debts ===

    @contextmanager
    def _note_debts(self):
        """Note, while documents are posted, what each adds to what its client owes.

        It is noted when the state is written: what is matched in the further course of
        posting is paid by credit that the balance has already, and takes it down all
        the same. Not in the context, which goes on to whatever posting makes.

        :return: {id of a document: amount}, company currency, filled meanwhile
        """
        data = self.env.cr.precommit.data
        before, data[NOTED_DEBTS] = data.get(NOTED_DEBTS), {}
        try:
            yield data[NOTED_DEBTS]
        finally:
            data[NOTED_DEBTS] = before

    def _get_noted_debts(self):
        """Return where debts are noted now, None where nothing is being posted."""
        return self.env.cr.precommit.data.get(NOTED_DEBTS)

    def _note_or_check_debts(self, postings):
        """Note what these documents, whose state is posted now, add to debts.

        Where nothing is being posted but only the state was written, look at it here.

        :param postings: {client key: posting}, for that case
        :raise BalanceRefused: when a policy does not let a document through
        """
        debts = {move.id: move._get_debt_added() for move in self}
        noted = self._get_noted_debts()
        if noted is not None:
            noted.update(debts)
            return
        self._check_balances(postings, debts)
        self._pay_up_front(postings)

    # === Gate: the balance ===

    def _is_balance_gated(self):
        """Tell whether policies may refuse this document.

        Neither entries of payments, exchange differences and cash-basis taxes nor any
        other entry: they say what happened already.
        """
        self.ensure_one()
        # Sudo: the policy binds whoever posts, whatever they may see.
        return self.sudo()._takes_credit_by_itself()

    def _has_taken_payment(self):
        """Tell whether money for this document was taken, or promised by a provider.

        Refusing it would leave the money without a document.
        """
        self.ensure_one()
        # Sudo: transactions are read to decide, not shown.
        return any(
            transaction.state in ("authorized", "done")
            for transaction in self.sudo().transaction_ids
        )

    def _get_debt_added(self):
        """Return what is open on this document and so adds to what its client owes.

        Nothing where it is paid already: a payment may be matched to a draft.

        :rtype: float
        :return: company currency
        """
        self.ensure_one()
        return sum(self._get_receivable_items().mapped("amount_residual"))

    def _group_gated_documents(self, postings, debts, policy, value):
        """Return the documents that policies may refuse by client.

        :param postings: {client key: posting}
        :param debts: {id of a document: what it adds to the debt}
        :param str policy: `negative_balance` or `pay_later`
        :param str value: the value of it that has documents looked at
        :return: {client key: documents that add to the client's debt}
        """
        documents = defaultdict(self.browse)
        for move in self:
            if debts.get(move.id, 0) <= 0 or not move._is_balance_gated():
                continue
            key = move._get_receivable_items()[0]._get_client_key()
            if key in postings and getattr(postings[key], policy) == value:
                documents[key] |= move
        return documents

    def _check_balances(self, postings, debts, anyway=None):
        """Refuse posted documents that take a client's balance below the limit.

        :param postings: {client key: posting}
        :param debts: {id of a document: what it adds to the debt}, company currency
        :param anyway: the `PostAnyway` of an approver, None otherwise
        :raise BalanceRefused: when a document does, and nobody posts it anyway
        """
        gated = self._group_gated_documents(
            postings, debts, "negative_balance", "prevented"
        )
        # Sudo: the policy binds whoever posts, whatever they may see.
        accounts = self.env["client.account"].sudo()
        refused = []
        for root in {root for _client, root in gated}:
            clients = self.env["res.partner"].union(
                *(client for client, company in gated if company == root)
            )
            for client, balance in accounts._fetch_balances(clients, root).items():
                posting = postings[client, root]
                limit = posting.limit_in_force
                if root.currency_id.compare_amounts(balance, -limit) < 0:
                    account = accounts.browse(posting.account_id)
                    refused += gated[client, root]._get_balance_refusals(
                        account, balance, limit, debts
                    )
        self._refuse(refused, anyway)

    def _get_balance_refusals(self, account, balance, limit, debts):
        """Return the documents of one client that do not fit any more, and why.

        They are looked at in the order of posting, so that one that is too much does
        not take others with it. Those with money taken already go first and always fit.

        :param account: `client.account` under sudo
        :param float balance: with all these documents posted, company currency
        :param float limit: in force, company currency
        :param debts: {id of a document: what it adds to the debt}, company currency
        :return: list of (document, account, message)
        """
        taken = self.filtered(lambda move: move._has_taken_payment())
        balance += sum(debts[move.id] for move in self - taken)
        refusals = []
        for move in self - taken:
            amount = debts[move.id]
            left = balance - amount
            if account.currency_id.compare_amounts(left, -limit) >= 0:
                balance = left
                continue
            message = move._get_balance_message(account, balance, limit, amount)
            refusals.append((move, account, message))
        return refusals

    def _get_balance_message(self, account, balance, limit, amount):
        """Return why one document takes its client's balance too low, in words.

        :param account: `client.account` under sudo
        :param float balance: before this document, company currency
        :param float limit: in force, company currency
        :param float amount: what the document adds to the debt, company currency
        """
        self.ensure_one()
        if not self.env.user.has_group(VIEWER):
            return self.env._(
                "The balance policy of %(client)s does not allow to post "
                "%(document)s. Ask the accounting group, or request an update of the "
                "account.",
                client=account.display_name,
                document=self._get_refused_name(),
            )
        currency = account.currency_id
        return self.env._(
            "%(document)s of %(amount)s cannot be posted: %(client)s has %(balance)s, "
            "and the limit in force is %(limit)s, so %(shortfall)s is missing. Receive "
            "a payment, issue a credit or request an update of the account.",
            document=self._get_refused_name(),
            amount=currency.format(amount),
            client=account.display_name,
            balance=account._format_balance(balance),
            limit=currency.format(limit),
            shortfall=currency.format(currency.round(amount - balance - limit)),
        )

    def _get_refused_name(self):
        """Return how a refusal names this document, which stays the draft it was."""
        self.ensure_one()
        # Sudo: who charges a client need not read entries.
        move_sudo = self.sudo()
        if move_sudo.client_adjustment == "charge" and move_sudo.move_type == "entry":
            return self.env._("The charge")
        draft = move_sudo.new({"state": "draft", "name": False}, origin=move_sudo)
        return f"{draft.display_name} (* {self.id})"

    # === Gate: paying up front ===

    def _pay_up_front(self, postings, anyway=None):
        """Pay posted documents of clients who pay up front with their open credit.

        :param postings: {client key: posting}
        :param anyway: the `PostAnyway` of an approver, None otherwise
        :raise BalanceRefused: when credit does not pay one at once, or it has other
            payment terms than immediate, and nobody posts it anyway
        """
        refused = []
        debts = {move.id: move._get_debt_added() for move in self}
        gated = self._group_gated_documents(postings, debts, "pay_later", "disabled")
        # Sudo: the policy binds whoever posts, whatever they may see.
        accounts = self.env["client.account"].sudo()
        for key, moves in gated.items():
            account = accounts.browse(postings[key].account_id)
            for move in moves.sudo():
                if items := move._get_client_debts():
                    items[0]._search_open_credits()._apply_to(items)
                    move._take_money_received()
                if move._has_taken_payment():
                    continue
                if message := move._get_pay_later_message(account):
                    refused.append((move, account, message))
        self._refuse(refused, anyway)

    def _with_money_received(self, item):
        """Return these drafts in a context in which money pays them when posted.

        :param item: the credit item of a payment that was made for them
        """
        return self.with_context(client_money_received=MoneyReceived(item))

    def _take_money_received(self):
        """Pay one document with the money that it is posted for, if there is any.

        Money may pay what account credit may not.
        """
        self.ensure_one()
        received = self.env.context.get("client_money_received")
        if isinstance(received, MoneyReceived):
            lines = self.env["account.move.line"].sudo()
            debts = self._get_client_debts()
            lines._reconcile_planned(lines._plan_allocations(received.item, debts))

    def _get_posting_day(self):
        """Return today, until which what is due is immediate, also where one document
        is dated back.

        Without a date it is due on the day it was made, and whoever made it may have
        the next day already.
        """
        self.ensure_one()
        maker = self.with_context(tz=self.create_uid.tz)
        return max(fields.Date.context_today(self), fields.Date.context_today(maker))

    def _get_pay_later_message(self, account):
        """Return why one document of a client who pays up front is refused, in words.

        :param account: `client.account` under sudo
        :return: an empty text where it is not
        """
        self.ensure_one()
        missing = self._get_debt_added()
        due = max(self._get_receivable_items().mapped("date_maturity"))
        is_later = due > max(self.invoice_date or self.date, self._get_posting_day())
        if not is_later and account.currency_id.compare_amounts(missing, 0) <= 0:
            return ""
        values = {
            "document": self._get_refused_name(),
            "client": account.display_name,
        }
        if is_later:
            return self.env._(
                "%(document)s cannot be posted: %(client)s pays up front, so only "
                "immediate payment is possible. Choose the payment terms “Immediate "
                "Payment”, or request an update of the account.",
                **values,
            )
        if not self.env.user.has_group(VIEWER):
            return self.env._(
                "%(document)s cannot be posted: %(client)s pays up front. Ask the "
                "accounting group, or request an update of the account.",
                **values,
            )
        return self.env._(
            "%(document)s cannot be posted: %(client)s pays up front, and "
            "%(missing)s is not covered by credit that can pay it. Receive a payment, "
            "issue a credit or request an update of the account.",
            missing=account.currency_id.format(missing),
            **values,
        )

    @api.depends("partner_id")
    def _compute_invoice_payment_term_id(self):
        """Override of `account` to offer who pays up front immediate payment only."""
        result = super()._compute_invoice_payment_term_id()
        for move in self:
            if (
                move.invoice_payment_term_id
                and not move.invoice_payment_term_id._is_immediate()
                and move.is_sale_document(include_receipts=True)
                and self.env["client.account"]._get_client_policy(
                    move.partner_id, move.company_id, "pay_later"
                )
                == "disabled"
            ):
                move.invoice_payment_term_id = False
        return result

    # === Refusing, and posting anyway ===

    def _refuse(self, refused, anyway):
        """Refuse documents, or log that an approver posts them anyway.

        :param refused: list of (document, account under sudo, message)
        :param anyway: the `PostAnyway` of an approver, None otherwise
        """
        if not refused or (anyway and anyway.reason is None):
            return
        if anyway:
            for move, account, _message in refused:
                move._log_post_anyway(account, anyway.reason)
            return
        moves = self.browse(move.id for move, _account, _message in refused)
        account = refused[0][1]
        raise BalanceRefused(
            "\n\n".join(message for _move, _account, message in refused),
            {
                "request": account._get_refusal_request_action(),
                "post_anyway": moves._get_post_anyway_action(),
            },
        )

    def _log_post_anyway(self, account, reason):
        """Log that one document was posted against a policy, by whom and why.

        :param account: its `client.account` under sudo
        :raise AccessError: when the user is no approver where the account is
        """
        self.ensure_one()
        self._check_may_post_anyway(account.company_id)
        # Sudo: these fields are the addon's own to write.
        move_sudo = self.sudo()
        move_sudo.write(
            {
                "client_anyway_reason": reason,
                "client_anyway_user_id": self.env.uid,
                "client_anyway_date": fields.Datetime.now(),
            }
        )
        note = self.env._(
            "%(user)s posted this against the client's policies: %(reason)s",
            user=self.env.user.name,
            reason=reason,
        )
        move_sudo.message_post(body=note)
        account.message_post(
            body=self.env._(
                "%(document)s was posted against the policies by %(user)s: %(reason)s",
                document=move_sudo.name,
                user=self.env.user.name,
                reason=reason,
            )
        )

    def _check_may_post_anyway(self, companies):
        """Make sure the user is an approver of client accounts in companies.

        :raise AccessError: otherwise
        """
        if not self.env["res.partner"]._may_decide_in(companies.sudo().root_id):
            raise AccessError(
                self.env._(
                    "Only approvers of client accounts may post against a client's "
                    "policies. Request an update of the account instead."
                )
            )

    def _with_post_anyway(self, reason):
        """Return the documents in a context that lets the next posting pass."""
        return self.with_context(client_post_anyway=PostAnyway(reason))

    def _take_post_anyway(self):
        """Return the documents without what lets them past the gate, and that.

        Posting makes other documents, and returns actions that are turned into JSON.

        :return: (`account.move`, `PostAnyway` or None)
        """
        if "client_post_anyway" not in self.env.context:
            return self, None
        context = dict(self.env.context)
        anyway = context.pop("client_post_anyway")
        moves = self.with_context(context)  # pylint: disable=context-overridden
        return moves, anyway if isinstance(anyway, PostAnyway) else None

    def _forget_post_anyway(self):
        """Take the approval off what is a draft again: it was for what was posted."""
        # Sudo: these fields are the addon's own to write.
        posted_anyway = self.sudo().filtered("client_anyway_reason")
        posted_anyway.write(
            {
                "client_anyway_reason": False,
                "client_anyway_user_id": False,
                "client_anyway_date": False,
            }
        )

    def action_client_post_anyway(self, reason):
        """Post invoices that their clients' policies refuse.

        :param str reason: logged in the chatter, on the document and on the account
        :return: True
        :raise AccessError: when the user is no approver where the accounts are, or may
            not post
        :raise UserError: when the reason is blank, or a document is no draft
        """
        self.check_access("write")
        self._check_may_post_anyway(self.company_id)
        reason = clean_reason(reason)
        if not reason:
            raise UserError(
                self.env._(
                    "Give a reason to post %s anyway: it is logged on the document and "
                    "on the client's account.",
                    ", ".join(self.mapped("display_name")[:5]),
                )
            )
        check_length(self.env, ", ".join(self.mapped("display_name")[:5]), reason)
        self._with_post_anyway(reason)._post(soft=False)
        return True

    def _get_post_anyway_action(self):
        """Return the window in which an approver posts these documents anyway.

        :return: a window action, False where there is none for this user, or for
            documents that go with the refusal as they were just made
        """
        kept = all(move.create_date < self.env.cr.now() for move in self.sudo())
        may_decide = self.env["res.partner"]._may_decide_in(
            self.company_id.sudo().root_id
        )
        if not kept or not may_decide:
            return False
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Post Anyway"),
            "res_model": "client.account.post.anyway",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_move_ids": [fields.Command.set(self.ids)]},
        }
