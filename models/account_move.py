from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import format_date

from ..utils import in_plain_context
from .client_account import VIEWER
from .client_account_limit import DECIDED_STATES

# Fields that only this addon's own code writes, under sudo.
ADJUSTMENT_FIELDS = frozenset(
    (
        "client_adjustment",
        "client_adjustment_reason",
        "client_adjustment_key",
        "client_account_credit",
        "client_anyway_reason",
        "client_anyway_user_id",
        "client_anyway_date",
    )
)
# They are read together and by themselves: each field with groups among those that are
# always read costs posting a look at the user's groups.
MARKS = "client_account"
# In the context while an adjustment is posted again with its allocations still to be
# put back: being an object, no RPC caller can send it.
_HOLD_CREDITS = object()


class AccountMove(models.Model):
    _inherit = "account.move"

    client_adjustment = fields.Selection(
        [("credit", "Credit"), ("charge", "Charge")],
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        index="btree_not_null",
        help="Says that this document was made through the client's account.",
    )
    client_adjustment_reason = fields.Text(
        string="Reason of the Adjustment",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
    )
    client_adjustment_key = fields.Char(
        string="Key of the Adjustment",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="Given by whoever made the adjustment, so that a repeat books nothing.",
    )
    client_account_credit = fields.Boolean(
        string="Account Credit",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="A credit given or received through the client's account. What is left "
        "of it goes to the client's next invoice.",
    )
    client_adjustment_open = fields.Boolean(
        compute="_compute_client_adjustment_open",
        groups=VIEWER,
        help="An adjustment that was not deleted.",
    )
    client_adjustment_allocated = fields.Boolean(
        compute="_compute_client_adjustment_allocated", groups=VIEWER
    )
    client_credit_usable = fields.Boolean(
        compute="_compute_client_credit_usable",
        groups=VIEWER,
        help="The client has open credit, and this invoice is open.",
    )

    # Serves `client.account._fetch_posting_terms`: whether there is anything to apply.
    _client_account_credit_idx = models.Index(
        "(commercial_partner_id) WHERE client_account_credit"
    )
    _client_adjustment_key_unique = models.UniqueIndex(
        "(company_id, client_adjustment_key) WHERE client_adjustment_key IS NOT NULL",
        "This key has booked an adjustment already. Use another key for another "
        "adjustment.",
    )

    # === Compute ===

    @api.depends("client_adjustment", "state", "reversal_move_ids.state")
    def _compute_client_adjustment_open(self):
        for move in self:
            reversed_by = move.reversal_move_ids.filtered(
                lambda entry: entry.state == "posted"
            )
            move.client_adjustment_open = (
                bool(move.client_adjustment)
                and move.state == "posted"
                and not reversed_by
            )

    @api.depends("line_ids.matched_debit_ids", "line_ids.matched_credit_ids")
    def _compute_client_adjustment_allocated(self):
        for move in self:
            move.client_adjustment_allocated = bool(move._get_client_allocations())

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

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to leave the marks of adjustments to the addon."""
        if self.env.su:
            return super().create(vals_list)
        for vals in vals_list:
            self._check_no_adjustment_field(vals)
        return super().create(vals_list)

    @api.model
    def default_get(self, fields):
        """Override of the ORM to take no mark from a context or a personal default."""
        names = [name for name in fields if name not in ADJUSTMENT_FIELDS]
        return super().default_get(names)

    def write(self, vals):
        """Override of the ORM to keep the marks of adjustments to the addon's own code.

        Figures of client accounts are forgotten where a document changes them.
        """
        if not self.env.su:
            self._check_no_adjustment_field(vals)
        posted = self.browse()
        if "state" in vals:
            posted = self.filtered(lambda move: move.state == "posted")
        fresh = self - posted if vals.get("state") == "posted" else self.browse()
        # Outside of posting: whatever else writes this state is looked at all the same.
        unnoted = self._get_noted_debts() is None
        terms = fresh._touch_client_accounts() if unnoted else {}
        if vals.get("state") in ("draft", "cancel"):
            # Who posts against these credits meanwhile must not miss that they go.
            posted._touch_client_accounts(leaving=True)
        result = super().write(vals)
        if fresh:
            fresh._note_or_check_debts(terms)
        if not {"state", "partner_id", "commercial_partner_id"}.isdisjoint(vals):
            self.env["client.account"]._invalidate_figures()
        # Posting tells by itself.
        if vals.get("state") in ("draft", "cancel") and self._get_receivable_items():
            self.env["client.account"]._trigger_notices()
        return result

    def _check_no_adjustment_field(self, vals):
        """Refuse to mark documents as adjustments, or as paid online, by hand.

        :raise UserError: when the values hold such a mark
        """
        if "transaction_ids" in vals and not self.env.user.has_group(
            "base.group_system"
        ):
            raise UserError(
                self.env._(
                    "The transactions of an invoice are set by the payment provider "
                    "only. Register a payment instead."
                )
            )
        if refused := ADJUSTMENT_FIELDS.intersection(vals):
            raise UserError(
                self.env._(
                    "%(fields)s are set by the client's account only. Issue a credit "
                    "or a charge from there.",
                    fields=", ".join(
                        self._fields[name].string for name in sorted(refused)
                    ),
                )
            )

    def _post(self, soft=True):
        """Override of `account`, the one choke point of posting.

        It opens the accounts of new clients, keeps the balance within what their
        policies allow, and applies credit as those say.

        :raise BalanceRefused: when a policy does not let a document through
        """
        moves, anyway = self._take_post_anyway()
        terms = moves._touch_client_accounts()
        with moves._note_debts() as debts:
            posted = super(AccountMove, moves)._post(soft=soft)
        receivables = posted._get_posted_receivable_items()
        if receivables:
            accounts = self.env["client.account"]
            accounts._invalidate_figures()
            terms.update(receivables._touch_missing_client_accounts(terms))
            posted._check_balances(terms, debts, anyway)
            if self.env.context.get("client_credits_held") is not _HOLD_CREDITS:
                posted._pay_up_front(terms, anyway)
                receivables._apply_credits_by_policy(
                    {
                        key: posting.credit_application
                        for key, posting in terms.items()
                        # Nothing to look for where there never was any.
                        if posting.has_credits or posting.credit_application == "all"
                    }
                )
            if any(posting.is_watched for posting in terms.values()):
                accounts._trigger_notices()
        return posted

    def button_draft(self):
        """Override of `account` to free account credit matched to what is reset.

        Odoo 19 leaves a reset document matched. A payment registered for that very
        document stays on it; a credit of the account is free to go elsewhere again.
        """
        self._release_account_credits()
        self._forget_post_anyway()
        return super().button_draft()

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
                    "The account credit %s was taken off: one of the two was reset.",
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
        """Override of `account` to read the limit from the client's account.

        Odoo's own limit cannot say 0 or "suspended" and is not read. Amounts are in the
        currency of the record's company. Who may not see figures gets none.

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
        if account.state not in (*DECIDED_STATES, "closed"):
            # Nobody decided about a limit, so there is none to pass.
            return ""
        committed = account._get_committed_amounts().get(account, 0.0)
        exposure = current_amount - account.balance + max(committed - exclude_amount, 0)
        limit = account.limit_in_force
        if account.currency_id.compare_amounts(exposure, limit) <= 0:
            return ""
        return account._get_limit_warning(exposure, limit)

    def _get_warning_account(self, record):
        """Return the account of a document's client in its company, under sudo."""
        # Sudo: the banner is for whoever makes the document.
        client = record.sudo().partner_id.commercial_partner_id
        return (
            self.env["client.account"]
            .sudo()
            .search(
                [
                    ("partner_id", "=", client.id),
                    ("company_id", "=", record.sudo().company_id.root_id.id),
                ],
                limit=1,
            )
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
                and line.amount_residual > 0
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

        Not those that are blocked, wait for a payment transaction, or hold a product
        that is not payable with account credit.
        """
        # Sudo: transactions and products are read to decide, not shown.
        moves_sudo = moves.sudo()
        waiting = moves_sudo.filtered(
            lambda move: (
                move.payment_state == "blocked"
                or any(
                    transaction.state in ("pending", "authorized", "done")
                    for transaction in move.transaction_ids
                )
            )
        )
        return moves - waiting.sudo(self.env.su) - moves._filter_credit_excluded()

    def _filter_credit_excluded(self):
        """Return the documents that hold a product not payable with account credit."""
        # Sudo: products are read to decide, not shown.
        lines = (
            self.env["account.move.line"]
            .sudo()
            .search(
                Domain("move_id", "in", self.ids)
                & Domain("product_id.not_payable_with_credit", "=", True)
                & Domain("display_type", "=", "product")
            )
            if self
            else self.env["account.move.line"]
        )
        return self.browse(lines.move_id.ids)

    def _tell_moved_dates(self, dates):
        """Say so on each entry that was posted on another date than was asked for.

        :param dates: for each entry the date asked for, or None
        """
        for move, date in zip(self, dates, strict=True):
            if date and move.date != date:
                move.message_post(
                    body=self.env._(
                        "The books are closed on %(asked)s: this entry is booked on "
                        "%(booked)s instead.",
                        asked=format_date(self.env, date),
                        booked=format_date(self.env, move.date),
                    )
                )

    def _get_client_done_action(self, date):
        """Return the action of a wizard that booked these: the real date if it moved.

        The window closes, so that the user stays on the client; `infos` names the
        documents for callers.

        :param date: the date asked for, or None
        """
        close = {
            "type": "ir.actions.act_window_close",
            "infos": {"res_model": self._name, "res_ids": self.ids},
        }
        # Sudo: officers need no right to read journal entries; they made these.
        moved = self.sudo().filtered(lambda move: date and move.date != date)
        if not moved:
            return close
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "message": self.env._(
                    "The books are closed on that date: %(moves)s booked on %(date)s "
                    "instead.",
                    moves=", ".join(moved.mapped("name")[:5]),
                    date=format_date(self.env, moved[0].date),
                ),
                "next": close,
            },
        }

    def _get_receivable_items(self):
        """Return the receivable items of these documents."""
        return self.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    def _check_same_adjustment(self, account, values):
        """Make sure a key that is repeated repeats the same adjustment.

        :param account: the `client.account` it is repeated for
        :param dict values: from `client.account._prepare_adjustment`
        :raise UserError: when a value differs, or the adjustment was deleted since
        """
        self.ensure_one()
        move_sudo = self.sudo()
        if not move_sudo.client_adjustment_open:
            raise UserError(
                self.env._(
                    "The key %(key)s has booked %(move)s, which was deleted since. Use "
                    "another key for another adjustment of %(client)s.",
                    key=move_sudo.client_adjustment_key,
                    move=move_sudo.display_name,
                    client=account.display_name,
                )
            )
        lines = move_sudo._get_receivable_items()
        date_moved = values["date"] and move_sudo._get_violated_lock_dates(
            values["date"], False
        )
        same = (
            move_sudo.client_adjustment == values["kind"]
            and move_sudo.commercial_partner_id == account.sudo().partner_id
            and move_sudo.client_adjustment_reason == values["reason"]
            and account.currency_id.compare_amounts(
                abs(sum(lines.mapped("balance"))), values["amount"]
            )
            == 0
            and (not values["date"] or values["date"] == move_sudo.date or date_moved)
            and (
                not values["date_due"]
                or values["date_due"] in lines.mapped("date_maturity")
            )
        )
        if not same:
            raise UserError(
                self.env._(
                    "The key %(key)s has booked %(move)s with other values already. "
                    "Use another key for another adjustment of %(client)s.",
                    key=move_sudo.client_adjustment_key,
                    move=move_sudo.display_name,
                    client=account.display_name,
                )
            )

    # === Modify and delete adjustments ===

    def action_client_adjustment_modify(self):
        """Open the wizard that changes amount, date or reason of an adjustment."""
        self._check_one_document()
        self._check_adjustment()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Modify %s", self.display_name),
            "res_model": "client.account.adjustment",
            "view_mode": "form",
            "target": "new",
            "context": self._prepare_modify_defaults(),
        }

    def _prepare_modify_defaults(self):
        """Return what the wizard that modifies this adjustment starts from."""
        # Sudo: officers need no right to read journal entries; this is an adjustment.
        move_sudo = self.sudo()
        items = move_sudo._get_receivable_items()
        return {
            "default_move_id": self.id,
            "default_account_ids": [Command.set(move_sudo._get_client_account().ids)],
            "default_kind": move_sudo.client_adjustment,
            "default_amount": abs(sum(items.mapped("balance"))),
            "default_reason": move_sudo.client_adjustment_reason,
            "default_date": move_sudo.date,
            "default_date_due": items[:1].date_maturity,
        }

    def action_client_adjustment_delete(self):
        """Delete adjustments of which nothing is allocated.

        :raise UserError: when a part is allocated
        """
        self._check_adjustment()
        # Sudo: officers need no right to read journal entries; these are adjustments.
        for move in self.sudo():
            if allocated := move._get_client_allocations():
                documents = (
                    allocated.debit_move_id.move_id | allocated.credit_move_id.move_id
                ) - move
                raise UserError(
                    self.env._(
                        "%(move)s is allocated to %(documents)s. Take it off there "
                        "first, or choose “Release and Delete”.",
                        move=move.display_name,
                        documents=", ".join(documents.mapped("display_name")),
                    )
                )
        return self._delete_adjustments()

    def action_client_adjustment_release_delete(self):
        """Release what is allocated of adjustments, then delete them."""
        self._check_adjustment()
        return self._delete_adjustments()

    def _delete_adjustments(self):
        """Cancel adjustments, or reverse them where the books are locked.

        :return: True
        """
        # Sudo: officers need no right to change journal entries; these are adjustments.
        for move in in_plain_context(self.sudo()):
            move._get_client_allocations().unlink()
            if move._is_adjustment_locked():
                reversal = move._reverse_moves(
                    [
                        {
                            "date": fields.Date.context_today(move),
                            "ref": self.env._("Deletion of %s", move.name),
                        }
                    ],
                    cancel=True,
                )
                move.message_post(
                    body=self.env._(
                        "The books are locked on %(date)s: deleted by the reversal "
                        "%(reversal)s.",
                        date=format_date(self.env, move.date),
                        reversal=reversal.display_name,
                    )
                )
            else:
                move.button_cancel()
        return True

    def _is_adjustment_locked(self):
        """Tell whether this entry can no longer be cancelled, only reversed."""
        self.ensure_one()
        return bool(
            self.inalterable_hash
            or self._get_violated_lock_dates(self.date, self._affect_tax_report())
        )

    def _check_adjustment(self):
        """Make sure the user may change these documents as adjustments.

        :raise UserError: when one is no posted adjustment
        """
        for move in self:
            # Sudo: whoever may not read it gets the same answer as for any other entry.
            move_sudo = move.sudo().exists()
            if not move_sudo.client_adjustment_open:
                raise UserError(
                    self.env._(
                        "%s is no posted adjustment of a client account, or was "
                        "deleted by a reversal. Open a credit or charge from the "
                        "client's account.",
                        move_sudo.display_name or self.env._("This entry"),
                    )
                )
            move_sudo._get_client_account().sudo(self.env.su)._check_officer()

    def _check_one_document(self):
        """Make sure this is one document.

        :raise UserError: otherwise
        """
        if len(self) != 1:
            raise UserError(
                self.env._(
                    "Choose exactly one document: this concerns %s.",
                    ", ".join(self.mapped("display_name")[:5]) or self.env._("none"),
                )
            )

    def _get_client_account(self):
        """Return the account of this document's client in its company."""
        self.ensure_one()
        return self.env["client.account"]._get_or_create(
            self.commercial_partner_id, self.company_id
        )

    def _modify_adjustment(self, values):
        """Give an adjustment other values; what is allocated stays allocated.

        :param dict values: from `client.account._prepare_adjustment`
        :raise UserError: when the books are locked, or more is allocated than the
            amount
        """
        self.ensure_one()
        self._check_adjustment()
        # Sudo: officers need no right to change journal entries; this is an adjustment.
        move = in_plain_context(self.sudo())
        if values["reason"] != move.client_adjustment_reason:
            move.write(
                {
                    "client_adjustment_reason": values["reason"],
                    "ref": values["reason"].splitlines()[0][:120],
                }
            )
            lines = (
                move.line_ids if move.move_type == "entry" else move.invoice_line_ids
            )
            lines.write({"name": values["reason"][:250]})
        if not move._is_adjustment_changed(values):
            return
        move._check_adjustment_modifiable(values)
        allocations = move._get_adjustment_allocations()
        move._get_client_allocations().unlink()
        raised = move._is_charge_raised(values)
        move.button_draft()
        move._rewrite_adjustment(values)
        held = move.with_context(client_credits_held=_HOLD_CREDITS)
        if not raised:
            # What lowers a debt is right also where the balance is too low as it is.
            held = held._with_post_anyway(None)
        held._post(soft=False)
        move._tell_moved_dates([values["date"]])
        if allocations:
            # Sudo: putting back is part of the change, which the officer may make.
            self.env["account.move.line"].sudo()._allocate_amounts(allocations)
        if raised:
            move._pay_up_front(move._touch_client_accounts())

    def _is_adjustment_changed(self, values):
        """Tell whether amount or dates differ from those of this adjustment."""
        lines = self._get_receivable_items()
        date = values["date"] or self.date
        return (
            self.company_currency_id.compare_amounts(
                abs(sum(lines.mapped("balance"))), values["amount"]
            )
            != 0
            or date != self.date
            or (
                self.client_adjustment == "charge"
                and (values["date_due"] or date) not in lines.mapped("date_maturity")
            )
        )

    def _is_charge_raised(self, values):
        """Tell whether this is a charge whose amount or time to pay becomes more."""
        lines = self._get_receivable_items()
        due = values["date_due"] or values["date"] or self.date
        return self.client_adjustment == "charge" and (
            self.company_currency_id.compare_amounts(
                values["amount"], abs(sum(lines.mapped("balance")))
            )
            > 0
            or due > max(lines.mapped("date_maturity"))
        )

    def _check_adjustment_modifiable(self, values):
        """Make sure amount and date of this adjustment may still change.

        :raise UserError: when it is no plain entry, is locked, or too much is allocated
        """
        if self.move_type != "entry":
            raise UserError(
                self.env._(
                    "%s is a credit note or invoice. Reset it to draft to change it.",
                    self.display_name,
                )
            )
        if self._is_adjustment_locked():
            raise UserError(
                self.env._(
                    "The books are locked on %(date)s, so %(move)s can no longer "
                    "change. Delete it, which books a reversal, and make a new one.",
                    date=format_date(self.env, self.date),
                    move=self.display_name,
                )
            )
        line = self._get_receivable_items()
        allocated = abs(line.balance - line.amount_residual)
        if line.company_currency_id.compare_amounts(values["amount"], allocated) < 0:
            raise UserError(
                self.env._(
                    "%(allocated)s of %(move)s is allocated already. Enter at least "
                    "that amount, or take some of it off first.",
                    allocated=line.company_currency_id.format(allocated),
                    move=self.display_name,
                )
            )

    def _get_adjustment_allocations(self):
        """Return what is allocated of an adjustment, to allocate it so again.

        :return: list of (credit item, debit item, amount in the debit item's currency)
        """
        partials = self._get_client_allocations()
        items = partials.debit_move_id | partials.credit_move_id
        exchanges = items.move_id._filter_exchange_differences()
        return [
            (
                partial.credit_move_id,
                partial.debit_move_id,
                partial.debit_amount_currency,
            )
            for partial in partials
            if partial.debit_move_id.move_id not in exchanges
            and partial.credit_move_id.move_id not in exchanges
        ]

    def _filter_exchange_differences(self):
        """Return those of these entries that book an exchange difference."""
        if not self:
            return self
        # Sudo: partials are read to decide, not shown.
        partials = self.env["account.partial.reconcile"].sudo()
        found = partials.search([("exchange_move_id", "in", self.ids)])
        return self & self.browse(found.exchange_move_id.ids)

    def _rewrite_adjustment(self, values):
        """Write other values on the draft entry of an adjustment."""
        receivable = self._get_receivable_items()
        other = self.line_ids - receivable
        sign = -1 if self.client_adjustment == "credit" else 1
        amount = values["amount"]
        date = values["date"] or self.date
        if not self.new({"date": date}, origin=self)._sequence_matches_date():
            # A number of another period: posting gives one of this period.
            self.name = False
        self.write(
            {
                "date": date,
                "line_ids": [
                    Command.update(
                        receivable.id,
                        {
                            "balance": sign * amount,
                            "amount_currency": sign * amount,
                            "date_maturity": values["date_due"] or date,
                        },
                    ),
                    Command.update(
                        other.id,
                        {"balance": -sign * amount, "amount_currency": -sign * amount},
                    ),
                ],
            }
        )

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
