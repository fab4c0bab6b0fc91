from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..const import MARKS, VIEWER

# Writing these on a document may change what its clients owe: of these the fields of
# its items follow.
WATCHED_FIELDS = frozenset(
    (
        *("state", "move_type", "partner_id", "commercial_partner_id", "company_id"),
        *("currency_id", "invoice_currency_rate", "line_ids", "invoice_line_ids"),
        *("date", "invoice_date", "invoice_date_due", "invoice_payment_term_id"),
        *("journal_id", "fiscal_position_id", "invoice_cash_rounding_id"),
        "reversed_entry_id",
    )
)


class AccountMove(models.Model):
    """Documents of clients: what is posted and reset, and the banner of the limit."""

    _name = "account.move"
    # First comes what refuses, before others write.
    _inherit = ["client.anyway.mark.mixin", "account.move"]

    # A transaction says that money was taken.
    transaction_ids = fields.Many2many(written_by="provider")

    client_account_credit = fields.Boolean(
        string="Account Credit",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="A credit given or received through the client's account. What is left "
        "of it goes to the client's next invoice.",
        written_by="addon",
    )
    client_credit_usable = fields.Boolean(
        compute="_compute_client_credit_usable",
        groups=VIEWER,
        help="The client has open credit, and this invoice is open.",
    )

    client_paid_with = fields.Char(
        string="Paid with Account Credit",
        compute="_compute_client_paid_with",
        groups=VIEWER,
        help="The account credits that this invoice is paid with.",
    )

    client_transaction_id = fields.Many2one(
        "payment.transaction",
        string="Paid Online With",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        ondelete="set null",
        help="The online payment on the account that this entry books.",
        written_by="addon",
    )
    # Money that was taken once is booked once, whatever notifies of it how often.
    _client_transaction_unique = models.UniqueIndex(
        "(client_transaction_id) WHERE client_transaction_id IS NOT NULL",
        "This online payment is booked already.",
    )

    # Serves `client.account._fetch_postings`: whether there is anything to apply.
    _client_account_credit_idx = models.Index(
        "(commercial_partner_id) WHERE client_account_credit"
    )

    # === Compute ===

    @api.depends("state", "payment_state", "move_type", "commercial_partner_id")
    def _compute_client_credit_usable(self):
        for move in self:
            debts = move._get_client_debts()
            move.client_credit_usable = (
                bool(debts)
                and bool(debts[:1]._search_open_credits(limit=1))
                and not move._filter_credit_excluded()
            )

    # === Create, post, reset ===

    @api.depends("line_ids.matched_credit_ids", "state", "move_type")
    def _compute_client_paid_with(self):
        for move in self:
            credits = move._get_posted_receivable_items().matched_credit_ids
            documents = credits.credit_move_id.move_id
            move.client_paid_with = move.is_sale_document(
                include_receipts=True
            ) and ", ".join(documents.filtered("client_account_credit").mapped("name"))

    def write(self, vals):
        """Override of the ORM to forget the figures that a document changes, and to
        have the clients judged whose items it touches."""
        if WATCHED_FIELDS.isdisjoint(vals):
            return super().write(vals)
        self._check_raw_write(vals)
        accounts = self.env["client.account"]
        posted = self.filtered(lambda move: move.state == "posted")
        leaving = posted if vals.get("state", "posted") != "posted" else self.browse()
        with accounts._watching() as watch:
            # Drafts too: what is written while they are posted was not before.
            accounts._note_items(self.line_ids if "state" in vals else posted.line_ids)
            leaving._keep_former()
            # What is reset stood for something that has happened: told, not refused.
            with accounts._telling(leaving._filter_not_taken_back().line_ids):
                result = super().write(vals)
            if vals.get("state") == "posted":
                drafts = self - posted
                drafts._tell_what_happened()
                # Written by hand it is no way round what posting looks at.
                receivables = drafts._get_posted_receivable_items()
                if receivables and not watch.posting:
                    drafts._settle_posted(receivables)
            if "invoice_currency_rate" in vals and posted:
                keys = set(posted._get_posted_receivable_items()._group_by_client())
                posted._check_own_rates(accounts._get_postings(keys))
            accounts._invalidate_figures()
            if leaving:
                leaving.line_ids._mark_crossing()
        # Posting tells by itself.
        if leaving and self._get_receivable_items():
            accounts._trigger_notices()
        return result

    def _tell_what_happened(self):
        """Have it told, not refused, what those of these documents take that stand for
        what has happened already."""
        for move in self:
            if move._tells_what_happened():
                self.env["client.account"]._tell_losses(move.line_ids.ids, {})

    def unlink(self):
        """Override of the ORM to have the clients judged whose posted items go."""
        self._check_raw_unlink()
        accounts = self.env["client.account"]
        posted = self.filtered(lambda move: move.state == "posted")
        if not posted:
            return super().unlink()
        with accounts._watching():
            accounts._note_items(posted.line_ids)
            return super().unlink()

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        if "transaction_ids" in names:
            return self.env._(
                "The transactions of an invoice are set by the payment provider only. "
                "Register a payment instead."
            )
        return self.env._(
            "%(fields)s are set by the client's account only. Issue a credit or charge "
            "an amount from there.",
            fields=self._get_protected_labels(names),
        )

    def _post(self, soft=True):
        """Override of `account`, the one choke point of posting.

        It opens the accounts of new clients, keeps the balance within what their
        policies allow, and applies credit as those say.

        :raise BalanceRefused: when a policy does not let a document through
        """
        moves, anyway = self._take_post_anyway()
        accounts = self.env["client.account"]
        with accounts._watching() as watch:
            if anyway:
                watch.anyway.update(dict.fromkeys(moves.ids, anyway))
            with watch.within("posting"):
                posted = super(AccountMove, moves)._post(soft=soft)
            receivables = posted._get_posted_receivable_items()
            if receivables:
                accounts._invalidate_figures()
                posted._settle_posted(receivables)
        return posted

    def _settle_posted(self, receivables):
        """Judge the clients of documents just posted, and apply credit as their
        policies say.

        :param receivables: the posted items of clients of these documents
        :raise BalanceRefused: when a policy does not let a document through
        """
        accounts = self.env["client.account"]
        keys = set(receivables._group_by_client())
        if accounts._get_watch().depth == 1:
            postings = accounts._judge_watched(keys)
        else:
            # Part of another operation, whose end judges.
            postings = accounts._get_postings(keys)
        self._check_own_rates(postings)
        if not self._are_credits_held():
            self._pay_up_front(postings)
            receivables._apply_credits_by_policy(
                {
                    key: posting.credit_application
                    for key, posting in postings.items()
                    # Nothing to look for where there never was any.
                    if key in keys
                    and (posting.has_credits or posting.credit_application == "all")
                }
            )
        if any(posting.is_watched for posting in postings.values()):
            accounts._trigger_notices()

    def button_draft(self):
        """Override of `account` to free account credit matched to what is reset.

        Odoo 19 leaves a reset document matched. A payment registered for that very
        document stays on it; a credit of the account is free to go elsewhere again.
        """
        self._release_account_credits()
        result = super().button_draft()
        self._forget_anyway()
        return result

    def _release_account_credits(self):
        """Undo the allocations of account credits to, or of, these documents."""
        # Sudo: the marks of credits are read to decide, not shown.
        partials = (
            self.sudo()
            ._get_client_allocations()
            .filtered(
                lambda partial: partial.credit_move_id.move_id.client_account_credit
            )
        )
        if not partials:
            return
        allocations = [
            (partial.credit_move_id.move_id, partial.debit_move_id.move_id)
            for partial in partials
        ]
        partials.unlink()
        for credit, debt in allocations:
            credit.message_post(
                body=self.env._(
                    "The part allocated to %s is free again: one of the two was reset.",
                    debt.display_name,
                )
            )
            debt.message_post(
                body=self.env._(
                    "The allocation of the account credit %s was removed: one of the "
                    "two was reset.",
                    credit.display_name,
                )
            )

    # === Credit limit banner ===

    def _compute_partner_credit_warning(self):
        """Override of `account` to warn whatever the company's native switch says.

        The limit is the client account's, which has no switch.
        """
        result = super()._compute_partner_credit_warning()
        for move in self:
            if (
                move.state == "draft"
                and move.move_type == "out_invoice"
                and not move.company_id.account_use_credit_limit
                and self._get_warning_account(move)._is_limit_decided()
            ):
                own_currency = move.currency_id == move.company_currency_id
                total = "total_amount_currency" if own_currency else "total_amount"
                move.partner_credit_warning = self._build_credit_warning_message(
                    move,
                    current_amount=move.tax_totals[total],
                    exclude_amount=move._get_partner_credit_warning_exclude_amount(),
                )
        return result

    def _build_credit_warning_message(
        self, record, current_amount=0.0, exclude_current=False, exclude_amount=0.0
    ):
        """Override of `account` to read the limit from the client's account, once
        somebody decided about it.

        Odoo's own limit cannot say 0 or "suspended". Until then it warns as before.
        Amounts are in the currency of the record's company. Who may not see figures
        gets none.

        :param record: the document, with partner_id and company_id; an order, too
        :param float current_amount: what the document adds to what the client owes
        :param float exclude_amount: the part of it that is committed already
        :return: the warning, empty while the client stays within the limit
        :rtype: str
        """
        if not self.env.user.has_group(VIEWER):
            # Whether it shows, while the document's total changes, would tell the
            # figures to the cent.
            return ""
        account = self._get_warning_account(record)
        if not account._is_limit_decided():
            return super()._build_credit_warning_message(
                record,
                current_amount=current_amount,
                exclude_current=exclude_current,
                exclude_amount=exclude_amount,
            )
        committed = account._get_committed_amounts().get(account, 0.0)
        exposure = current_amount - account.balance + max(committed - exclude_amount, 0)
        limit = account.limit_in_force
        if account.currency_id.compare_amounts(exposure, limit) <= 0:
            return ""
        return account._get_limit_warning(exposure, limit)

    def _get_warning_account(self, record):
        """Return the account of a document's client in its company, under sudo."""
        # Sudo: the banner is for whoever makes the document.
        record_sudo = record.sudo()
        accounts_sudo = self.env["client.account"].sudo()
        return accounts_sudo._find_accounts(
            record_sudo.partner_id, record_sudo.company_id
        )

    # === Client accounts ===

    def _get_posted_receivable_items(self):
        """Return the receivable items of clients of these documents that are posted."""
        return self.line_ids.filtered(
            lambda line: (
                line.account_type == "asset_receivable"
                and line.partner_id
                and line.parent_state == "posted"
            )
        )

    def _get_client_allocations(self):
        """Return the partials of these documents' receivable items."""
        lines = self._get_receivable_items()
        return lines.matched_debit_ids | lines.matched_credit_ids

    def _get_client_debts(self):
        """Return the open debts of these documents, in the order of payment."""
        return self.line_ids.filtered(
            lambda line: (
                line.account_type == "asset_receivable"
                and line.parent_state == "posted"
                and line._get_open_sign() > 0
            )
        )._sorted_for_allocation()

    def _takes_credit_by_itself(self):
        """Tell whether policies apply credit to this document when it is posted."""
        self.ensure_one()
        return (
            self.move_type in ("out_invoice", "out_receipt")
            or self.client_adjustment == "charge"
        )

    def _gives_credit_by_itself(self):
        """Tell whether this document's credit may be applied when it is posted.

        Never a payment's: who registers one reconciles it right after.
        """
        self.ensure_one()
        return self.move_type == "out_refund" or self.client_adjustment == "credit"

    @api.model
    def _without_credit_exclusion(self, moves):
        """Return those of `moves` that policies and `apply_credits` may give credit to.

        Not those that are blocked, being paid, wait for a payment transaction of their
        own or on the account, or hold a product that is not payable with account
        credit.
        """
        # Sudo: transactions and products are read to decide, not shown.
        moves_sudo = moves.sudo()
        waiting = moves_sudo.filtered(
            lambda move: (
                move.payment_state in ("blocked", "in_payment")
                or any(
                    transaction.state in ("pending", "authorized", "done")
                    for transaction in move.transaction_ids
                )
            )
        )
        # In one query, as it is asked at each posting with credit.
        transactions = self.env["payment.transaction"]
        passed_over = moves._filter_by_sql(
            SQL(
                "%s OR EXISTS (SELECT FROM account_move_line line"
                " WHERE line.move_id = account_move.id AND %s)",
                self._get_credit_excluded_sql(SQL("account_move.id")),
                transactions._get_waiting_line_sql(SQL("line.id")),
            )
        )
        return moves - waiting.sudo(self.env.su) - passed_over

    def _filter_credit_excluded(self):
        """Return the documents that hold a product not payable with account credit."""
        return self._filter_by_sql(
            self._get_credit_excluded_sql(SQL("account_move.id"))
        )

    def _filter_by_sql(self, condition):
        """Return the documents that a condition holds for.

        :param SQL condition: on account_move
        """
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM account_move WHERE id = ANY(%s) AND (%s)",
                self._origin.ids,
                condition,
            )
        )
        found = {move_id for (move_id,) in rows}
        return self.filtered(lambda move: move._origin.id in found)

    @api.model
    def _get_credit_excluded_sql(self, move_id):
        """Return the condition that a document holds a product not payable with account
        credit, see `_filter_credit_excluded`.

        Looked at document by document (OFFSET 0): of a client with thousands open, only
        as many as are shown. Joined, the planner would read and sort them all.

        :param SQL move_id: of the document
        """
        lines = self.env["account.move.line"]._fields
        return SQL(
            "EXISTS (SELECT FROM account_move_line part"
            " JOIN product_product product ON product.id = part.product_id"
            " JOIN product_template template ON template.id = product.product_tmpl_id"
            " WHERE part.move_id = %s AND part.display_type = 'product'"
            " AND template.client_not_payable_with_credit OFFSET 0)",
            move_id,
            to_flush=[
                lines["move_id"],
                lines["product_id"],
                lines["display_type"],
                self.env["product.template"]._fields["client_not_payable_with_credit"],
            ],
        )

    def _get_receivable_items(self):
        """Return the receivable items of these documents."""
        return self.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    # === Modify and delete adjustments ===

    def _get_client_account(self):
        """Return the account of this document's client in its company."""
        self.ensure_one()
        return self.env["client.account"]._get_or_create(
            self.commercial_partner_id, self.company_id
        )

    def _filter_exchange_differences(self):
        """Return those of these entries that book an exchange difference."""
        if not self:
            return self
        # Sudo: partials are read to decide, not shown.
        partials = self.env["account.partial.reconcile"].sudo()
        found = partials.search([("exchange_move_id", "in", self.ids)])
        return self & self.browse(found.exchange_move_id.ids)

    # === Actions on invoices ===

    def action_allocate_client_credit(self):
        """Open the wizard that gives this invoice credits of its client."""
        self._check_one_document()
        debts = self._get_client_debts()
        if debts and self._filter_credit_excluded():
            raise UserError(debts[0]._get_credit_excluded_message())
        if not debts:
            raise UserError(
                self.env._(
                    "Nothing is due on %s. Choose an open invoice of the client.",
                    self.display_name,
                )
            )
        return debts[0]._open_allocation_wizard("default_debit_line_id")

    def action_view_client_account(self):
        """Open the account of one document's client."""
        self._check_one_document()
        self.check_access("read")
        account = self._get_client_account()
        account.check_access("read")
        return account._get_records_action()
