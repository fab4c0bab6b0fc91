from collections import defaultdict

from odoo import api, fields, models

from ..const import MARKS, VIEWER
from ..exceptions import BalanceRefused


class LeftInDraft:
    """In the context it says which documents are not posted with money taken online,
    as it is not enough; being an object, no RPC caller can send it.

    :param moves: `account.move`
    """

    def __init__(self, moves):
        self.moves = moves


class AccountMove(models.Model):
    """The gate of client accounts: which documents their policies let through."""

    _inherit = "account.move"

    client_anyway_reason = fields.Text(string="Posted Anyway Because")
    client_anyway_user_id = fields.Many2one(string="Posted Anyway by")
    client_anyway_date = fields.Datetime(string="Posted Anyway on")
    client_former = fields.Json(
        string="Amounts Before the Reset",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="What the document took from its clients when it was posted last.",
        written_by="addon",
    )

    # === Gate: the balance ===

    def _is_balance_gated(self):
        """Tell whether policies may refuse this document.

        Neither entries of payments, exchange differences and cash-basis taxes nor any
        other entry: they say what happened already.
        """
        self.ensure_one()
        # Sudo: the policy binds whoever posts, whatever they may see.
        move_sudo = self.sudo()
        return move_sudo.is_sale_document(include_receipts=True) or (
            move_sudo.client_adjustment == "charge"
            and not move_sudo.client_expired_move_id
        )

    def _is_money_taken(self):
        """Tell whether money for all that is due on this document was taken."""
        self.ensure_one()
        taken = self._get_taken_amount()
        compare = self.company_currency_id.compare_amounts
        return taken > 0 and compare(taken, self._get_debt_added()) >= 0

    def _get_taken_amount(self):
        """Return how much money was taken for this document, or promised by a provider,
        that the balance does not know yet.

        Refusing it would leave the money without a document. Not what is booked as a
        payment, which is credit in the balance, nor what other documents of the same
        transaction have used.

        :return: company currency
        :rtype: float
        """
        self.ensure_one()
        taken = 0.0
        # Sudo: transactions are read to decide, not shown.
        for transaction in self.sudo().transaction_ids:
            amount = transaction.currency_id._convert(
                transaction._get_taken_amount(),
                self.company_currency_id,
                self.company_id,
                self.date or fields.Date.context_today(self),
            )
            others = (transaction.invoice_ids - self).filtered(
                lambda move: move.state == "posted"
            )
            used = sum(others.mapped("amount_total_signed"))
            taken += max(amount - max(used, 0.0), 0.0)
        return taken

    def _get_debt_added(self):
        """Return what is open on this document and so adds to what its client owes.

        Nothing where it is paid already: a payment may be matched to a draft.

        :rtype: float
        :return: company currency
        """
        self.ensure_one()
        return sum(self._get_receivable_items().mapped("amount_residual"))

    def _group_gated_documents(self, postings, policy, value):
        """Return the documents that policies may refuse by client.

        :param postings: {client key: posting}
        :param str policy: a policy
        :param str value: the value of it that has documents looked at
        :return: {client key: documents that add to the client's debt}
        """
        documents = defaultdict(self.browse)
        for move in self:
            if move._get_debt_added() <= 0 or not move._is_balance_gated():
                continue
            for key in move._get_receivable_items()._group_by_client():
                if key in postings and getattr(postings[key], policy) == value:
                    documents[key] |= move
        return documents

    def _get_released_amounts(self):
        """Return what these documents had committed before they were posted.

        Hook for glue to orders: what an order has committed is taken off the debt that
        its own invoice adds. The core knows of none.

        :return: {client key: amount}, company currency
        """
        return {}

    def _get_released_ahead(self, account):
        """Return what of one account's commitment this draft would release, posted.

        Hook, as `_get_released_amounts`, for what is said before anybody posts.

        :param account: `client.account` under sudo
        :rtype: float
        :return: company currency
        """
        self.ensure_one()
        return 0.0

    def _get_unjudged_ahead(self, account):
        """Return what of `_get_released_ahead` nobody has judged, so that posting takes
        it anew, see `client.account._get_released_judged`.

        :param account: `client.account` under sudo
        :rtype: float
        :return: company currency
        """
        self.ensure_one()
        return 0.0

    # === What a document had ===

    def _keep_former(self):
        """Keep what these documents, which are reset, take from their clients.

        A document may be posted again for no more than it had, where the client has
        no less than before it was reset: to correct a typo takes nothing.
        """
        accounts = self.env["client.account"]
        for move in self:
            # Sudo: marks are read to decide, not shown.
            if not move._is_balance_gated() or move.sudo().client_anyway_reason:
                # An approval was for what was posted then.
                continue
            former = []
            for key, items in move._get_receivable_items()._group_by_client().items():
                worth = accounts._measure(key) if key[0] else None
                if worth and (debt := sum(items.mapped("balance"))) > 0:
                    former.append([key[0].id, debt, *worth])
            # Sudo: this field is the addon's own to write.
            move.sudo().client_former = former or False

    def _get_former_grant(self, key, debt, lowest):
        """Return the part of a document's debt that it had before it was reset.

        :param key: (`res.partner` client, `res.company` root)
        :param float debt: what the document adds to the debt of the client now
        :param lowest: `Worth` of all items of the client with it
        """
        self.ensure_one()
        compare = key[1].currency_id.compare_amounts
        for client_id, former, *worth in self.client_former or []:
            if (
                client_id == key[0].id
                and compare(debt, former) <= 0
                and all(
                    compare(now, before) >= 0
                    for now, before in zip(lowest, worth, strict=True)
                )
            ):
                return debt
        return 0.0

    # === Refusals ===

    @api.model
    def _group_changes(self, changes):
        """Return {document: what its items add to the debt} of what is to be judged.

        :param changes: {item id: `Worth`} of one client, without what is told; what
            items were that are gone counts under no document
        """
        # Sudo: whose items these are is looked at to judge, not shown.
        lines = self.env["account.move.line"].sudo()
        documents = {line.id: line.move_id for line in lines.browse(changes).exists()}
        debts = defaultdict(float)
        for item_id, worth in changes.items():
            debts[documents.get(item_id, self.browse())] -= min(worth)
        return debts

    @api.model
    def _get_balance_grants(self, key, debts, worth):
        """Return how much of what is added to a client's debt is let through anyway:
        what money was taken for, and what a document had before it was reset.

        :param key: (`res.partner` client, `res.company` root)
        :param debts: from `_group_changes`
        :param worth: `Worth` of all items of the client with these changes
        :return: {document: amount}, company currency; under no document what was let
            through before
        """
        grants = {self.browse(): self._get_taken_before(key, debts)}
        for move, debt in debts.items():
            if move and debt > 0:
                grants[move] = max(
                    min(debt, move._get_taken_amount()),
                    move._get_former_grant(key, debt, worth),
                )
        return grants

    @api.model
    def _get_taken_before(self, key, debts):
        """Return how much of a client's debt is for documents posted before for which
        money was taken that is not booked yet.

        :param key: (`res.partner` client, `res.company` root)
        :param debts: from `_group_changes`, which are left out
        :return: company currency
        """
        # Sudo: transactions are read to decide, not shown.
        moves = self.sudo().search(
            [
                ("commercial_partner_id", "=", key[0].id),
                ("company_id", "child_of", key[1].id),
                ("state", "=", "posted"),
                ("payment_state", "in", ("not_paid", "partial")),
                ("transaction_ids.state", "in", ("authorized", "done")),
                ("id", "not in", [move.id for move in debts]),
            ]
        )
        return sum(
            min(max(move._get_debt_added(), 0.0), move._get_taken_amount())
            for move in moves
        )

    @api.model
    def _get_balance_refusals(self, account, balance, limit, debts, grants):
        """Return the documents of one client that do not fit any more, and why.

        They are looked at in the order of posting, so that one that is too much does
        not take others with it.

        :param account: `client.account` under sudo
        :param float balance: with all these documents posted, company currency
        :param float limit: in force, company currency
        :param debts: from `_group_changes`
        :param grants: from `_get_balance_grants`
        :return: list of (document, account, message)
        """
        compare = account.currency_id.compare_amounts
        debts = {move: debt for move, debt in debts.items() if compare(debt, 0) > 0}
        balance += grants[self.browse()] + sum(debts.values())
        refusals = []
        for move, debt in debts.items():
            amount = debt - (grants[move] if move else 0.0)
            left = balance - amount
            if compare(left, -limit) >= 0:
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
        if not self:
            return self.env._("This change")
        self.ensure_one()
        # Sudo: who charges a client need not read entries.
        move_sudo = self.sudo()
        if move_sudo.client_adjustment == "charge" and move_sudo.move_type == "entry":
            return self.env._("The charge")
        draft = move_sudo.new({"state": "draft", "name": False}, origin=move_sudo)
        return f"{draft.display_name} (* {self.id})"

    # === Money taken that is not enough ===

    def _get_left_in_draft(self):
        """Return those documents that stay drafts now, see `LeftInDraft`."""
        left = self.env.context.get("client_left_in_draft")
        return left.moves if isinstance(left, LeftInDraft) else self.browse()

    def action_post(self):
        """Override of `account` to leave in draft what the money taken cannot post."""
        return super(AccountMove, self - self._get_left_in_draft()).action_post()

    def _tell_left_in_draft(self, refusal):
        """Say on one document why it was not posted with the money taken for it.

        :param refusal: the `BalanceRefused`
        """
        self.ensure_one()
        self.message_post(
            body=self.env._(
                "Money was taken for this document and is booked as credit. It stays a "
                "draft: %s An approver may post it anyway.",
                refusal,
            )
        )

    # === Refusing, and posting anyway ===

    @api.model
    def _refuse(self, refused):
        """Refuse documents, or log that an approver posts them anyway.

        :param refused: list of (document, account under sudo, message)
        :raise BalanceRefused: when nobody posts one anyway
        """
        anyway = self.env["client.account"]._get_watch().anyway
        for move, account, _message in refused:
            if move.id in anyway:
                move.sudo(False)._log_post_anyway(account, anyway[move.id].reason)
        refused = [item for item in refused if item[0].id not in anyway]
        if not refused:
            return
        moves = self.browse(move.id for move, _account, _message in refused if move)
        account = refused[0][1]
        raise BalanceRefused(
            "\n\n".join(message for _move, _account, message in refused),
            {
                "request": account._get_refusal_request_action(),
                "receive": account._get_refusal_receive_action(),
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
        self._mark_anyway(reason)
        # Sudo: whoever may post this may say why.
        move_sudo = self.sudo()
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

    def action_client_post_anyway(self, reason):
        """Post invoices that their clients' policies refuse.

        :param str reason: logged in the chatter, on the document and on the account
        :return: True
        :raise AccessError: when the user is no approver where the accounts are, or may
            not post
        :raise UserError: when the reason is blank, or a document is no draft
        """
        reason = self._check_anyway(reason, self.company_id)
        self._with_post_anyway(reason)._post(soft=False)
        return True

    def _stays_draft(self):
        """Tell whether this document is a draft again once it is refused: not what goes
        with the refusal as it was just made, nor what was posted already."""
        origin = self.env["client.account"]._get_watch().origin
        return self.create_date < self.env.cr.now() and not any(
            origin.get(item.id, True) for item in self._get_receivable_items()
        )

    def _get_post_anyway_action(self):
        """Return the window in which an approver posts these documents anyway.

        :return: a window action, False where there is none for this user, or for
            documents that go with the refusal as they were just made
        """
        # Sudo: who charges a client need not read entries.
        kept = bool(self) and all(move._stays_draft() for move in self.sudo())
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
