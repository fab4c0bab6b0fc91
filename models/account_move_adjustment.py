from textwrap import shorten

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date

from ..const import MARKS, MAX_ITEM_REASON, MAX_REASON, VIEWER
from ..utils import in_plain_context

# In the context while an adjustment is posted again with its allocations still to be
# put back: being an object, no RPC caller can send it.
_HOLD_CREDITS = object()


class AccountMove(models.Model):
    """Adjustments that a client's account has booked, and their change."""

    _inherit = "account.move"

    client_adjustment = fields.Selection(
        [
            ("credit", "Credit"),
            ("charge", "Charge"),
            ("transfer", "Moved Credit"),
            ("offset", "Set Off"),
        ],
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        index="btree_not_null",
        help="Says that this document was made through the client's account.",
        written_by="addon",
    )
    client_adjustment_reason = fields.Text(
        string="Reason of the Adjustment",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        written_by="addon",
    )
    client_adjustment_reason_id = fields.Many2one(
        "client.adjustment.reason",
        string="Kind of Reason",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        index="btree_not_null",
        ondelete="restrict",
        help="The reason chosen from the company's list, to analyse by.",
        written_by="addon",
    )
    client_adjustment_key = fields.Char(
        string="Key of the Adjustment",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="Given by whoever made the adjustment, so that a repeat books nothing.",
        written_by="addon",
    )
    client_adjustment_asked = fields.Json(
        string="Values Asked with the Key",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="A repeat of the key is compared with them, whatever was booked.",
        written_by="addon",
    )
    client_adjustment_open = fields.Boolean(
        compute="_compute_client_adjustment_open",
        groups=VIEWER,
        help="An adjustment that was not deleted.",
    )
    client_adjustment_allocated = fields.Boolean(
        compute="_compute_client_adjustment_allocated", groups=VIEWER
    )
    _client_adjustment_key_unique = models.UniqueIndex(
        "(company_id, client_adjustment_key) WHERE client_adjustment_key IS NOT NULL",
        "This key has booked an adjustment already. Use another key for another "
        "adjustment.",
    )
    # Serves `client.account._has_charges_due`: the charges of one client.
    _client_charge_idx = models.Index(
        "(commercial_partner_id) WHERE client_adjustment = 'charge'"
    )
    _client_adjustment_reason_length = models.Constraint(
        f"CHECK(char_length(client_adjustment_reason) <= {MAX_REASON})",
        "The reason of an adjustment has 2,000 characters at most.",
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
            move.client_adjustment_allocated = bool(move._get_adjustment_uses())

    def _get_move_display_name(self, show_ref=False):
        """Override of `account` to leave the key of an adjustment out of its name: it
        is for callers, and says nothing to people."""
        # Sudo: who reads the name need not see what marks an adjustment.
        key = (
            show_ref
            and (self.ref or "").endswith("]")
            and self.sudo().client_adjustment_key
        )
        name = super()._get_move_display_name(show_ref and not key)
        if not key:
            return name
        reference = self.ref.removesuffix(f" [key: {key}]")
        return f"{name} ({shorten(reference, width=50)})"

    # === Chatter ===

    def _log_adjustments(self, accounts):
        """Write on the accounts of these adjustments that they were made.

        :param accounts: the `client.account` of each, in the same order
        """
        notes = [move._get_made_note() for move in self]
        self.env["client.account"]._log_acts(zip(accounts, notes, strict=True))

    def _get_made_note(self):
        """Return that this adjustment was made, in a sentence with its reason."""
        values = {
            "amount": self._format_adjustment(),
            "move": self.name,
            "reason": self.client_adjustment_reason,
        }
        if self.client_adjustment == "credit":
            return self.env._("%(amount)s credited with %(move)s: %(reason)s", **values)
        return self.env._("%(amount)s charged with %(move)s: %(reason)s", **values)

    def _format_adjustment(self):
        """Return the amount of this adjustment in words."""
        return self.company_currency_id.format(self._get_adjustment_amount())

    def _get_adjustment_amount(self):
        """Return the amount of this adjustment, company currency, above zero."""
        return abs(sum(self._get_receivable_items().mapped("balance")))

    def _get_adjustment_accounts(self):
        """Return the client accounts that this adjustment is of."""
        return self._get_client_account()

    # === Dates and keys ===

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
        asked = move_sudo._get_adjustment_asked()
        same = (
            move_sudo.client_adjustment == values["kind"]
            and move_sudo._is_adjustment_of(account, values)
            and move_sudo._is_reason_asked(values["reason"])
            and account.currency_id.compare_amounts(asked["amount"], values["amount"])
            == 0
            and all(
                not values[name] or fields.Date.to_string(values[name]) == asked[name]
                for name in ("date", "date_due", "date_expiry")
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

    def _is_adjustment_of(self, account, values):
        """Tell whether this adjustment is one account's as the values say.

        :param account: the `client.account` that books it
        :param dict values: see `_check_same_adjustment`
        """
        return self.commercial_partner_id == account.sudo().partner_id

    def _is_reason_asked(self, reason):
        """Tell whether this adjustment was asked for with a reason.

        Where that was not kept, its item has the beginning of it.
        """
        asked = self._get_adjustment_asked()["reason"]
        if not self.client_adjustment_asked and len(asked) == MAX_ITEM_REASON:
            return reason.startswith(asked)
        return reason == asked

    def _get_adjustment_asked(self):
        """Return with what values this adjustment was asked for.

        Odoo moves a date in a locked period, and an adjustment may be modified: what
        was not asked, or was booked before this was kept, is read from its entry.

        :return: dict of amount, reason, date and date_due, dates as texts
        """
        items = self._get_receivable_items()
        booked = {
            "amount": self._get_adjustment_amount(),
            "reason": self.client_adjustment_reason,
            "date": fields.Date.to_string(self.date),
            "date_due": fields.Date.to_string(items[:1].date_maturity),
            "date_expiry": fields.Date.to_string(self.client_expiry_date),
        }
        return booked | (self.client_adjustment_asked or {})

    # === Modify ===

    def action_client_adjustment_modify(self):
        """Open the wizard that changes amount, date or reason of an adjustment."""
        self._check_one_document()
        self._check_adjustment()
        self._check_may_change()
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
            "default_reason_id": move_sudo.client_adjustment_reason_id.id,
            "default_date": move_sudo.date,
            "default_date_due": items[:1].date_maturity,
            "default_date_expiry": move_sudo.client_expiry_date,
        }

    def _modify_adjustment(self, values):
        """Give an adjustment other values; what is allocated stays allocated.

        :param dict values: from `client.account._prepare_adjustment`
        :raise UserError: when the books are locked, or more is allocated than the
            amount
        """
        self.ensure_one()
        self._check_adjustment()
        self._check_may_change()
        # Sudo: officers need no right to change journal entries; this is an adjustment.
        move = in_plain_context(self.sudo())
        if values["reason"] != move.client_adjustment_reason:
            move.write(
                {
                    "client_adjustment_reason": values["reason"],
                    "ref": self.env["client.account"]._build_adjustment_ref(
                        values["reason"], move.client_adjustment_key
                    ),
                }
            )
            lines = (
                move.line_ids if move.move_type == "entry" else move.invoice_line_ids
            )
            lines.write({"name": values["reason"][:MAX_ITEM_REASON]})
        if "reason_id" in values:
            move.client_adjustment_reason_id = values["reason_id"]
        if (values["date_expiry"] or False) != move.client_expiry_date:
            move.write(
                {
                    "client_expiry_date": values["date_expiry"],
                    "client_expiry_told": False,
                }
            )
        before = move._format_adjustment()
        if not move._is_adjustment_changed(values):
            move._log_modified(before)
            return
        move._check_adjustment_modifiable(values)
        self._check_credit_raised(values)
        allocations = move._get_adjustment_allocations()
        move._get_client_allocations().unlink()
        raised = move._is_charge_raised(values)
        move.button_draft()
        move._rewrite_adjustment(values)
        # What lowers a debt is right also where the balance is too low as it is: the
        # gate knows what the charge has taken already.
        move._hold_credits()._post(soft=False)
        move._tell_moved_dates([values["date"]])
        move._allocate_again(allocations)
        move._log_modified(before)
        if raised:
            keys = set(move._get_posted_receivable_items()._group_by_client())
            move._pay_up_front(self.env["client.account"]._get_postings(keys))

    def _log_modified(self, before):
        """Write on the document and its account that this adjustment was modified.

        :param str before: its amount before, in words
        """
        note = self.env._(
            "%(move)s modified: %(before)s is %(after)s now. %(reason)s",
            move=self.name,
            before=before,
            after=self._format_adjustment(),
            reason=self.client_adjustment_reason,
        )
        self._message_log(body=note)
        self.env["client.account"]._log_acts([(self._get_client_account(), note)])

    def _hold_credits(self):
        """Return the documents in a context in which posting applies no credit."""
        return self.with_context(client_credits_held=_HOLD_CREDITS)

    def _are_credits_held(self):
        """Tell whether the next posting is to apply no credit, see `_hold_credits`."""
        return self.env.context.get("client_credits_held") is _HOLD_CREDITS

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

    def _check_credit_raised(self, values):
        """Make sure a credit that becomes more is the present user's to give.

        :raise UserError: when it needs an approver
        """
        # Sudo: officers need no right to read journal entries; this is an adjustment.
        move = self.sudo()
        before = abs(sum(move._get_receivable_items().mapped("balance")))
        account = move._get_client_account().sudo(self.env.su)
        if (
            move.client_adjustment == "credit"
            and account.currency_id.compare_amounts(values["amount"], before) > 0
        ):
            account._check_credit_approval(values["amount"])

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
        if len(line) != 1 or len(self.line_ids) != 2:
            raise UserError(
                self.env._(
                    "The entry of %(move)s was split over several items, so its amount "
                    "and date can no longer change here. Delete it and make a new one, "
                    "or change its entry in the accounting app.",
                    move=self.display_name,
                )
            )
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
            for partial in partials.sorted("id")
            if partial.debit_move_id.move_id not in exchanges
            and partial.credit_move_id.move_id not in exchanges
        ]

    def _allocate_again(self, allocations):
        """Allocate an adjustment as it was, each part by itself.

        :param allocations: from `_get_adjustment_allocations`
        :raise UserError: when one no longer fits, as the rates of another date are
            others
        """
        # Sudo: putting back is part of the change, which the officer may make.
        lines = self.env["account.move.line"].sudo()
        try:
            for allocation in allocations:
                lines._allocate_amounts([allocation])
        except UserError as error:
            raise UserError(
                self.env._(
                    "At the rates of %(date)s, %(move)s no longer covers what is "
                    "allocated of it. Keep its date or take some of it off first.",
                    date=format_date(self.env, self.date),
                    move=self.display_name,
                )
            ) from error

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

    # === Checks ===

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
            move_sudo._get_adjustment_accounts().sudo(self.env.su)._check_officer()

    def _get_keep_reason(self):
        """Return why this document is deleted only, and never changed, in words.

        :return: an empty text where it may change
        """
        self.ensure_one()
        return ""

    def _check_may_change(self):
        """Make sure these documents may be changed, not only deleted.

        :raise UserError: otherwise
        """
        # Sudo: officers need no right to read journal entries.
        for move in self.sudo():
            if reason := move._get_keep_reason():
                raise UserError(reason)

    def _check_one_document(self):
        """Make sure this is one document.

        :raise UserError: otherwise
        """
        if len(self) != 1:
            raise UserError(
                self.env._(
                    "Select one document only; these are selected: %s.",
                    ", ".join(self.mapped("display_name")[:5]) or self.env._("none"),
                )
            )
