from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Command
from odoo.tools import SQL, format_date

from ..const import KEY_LOCK, MAX_ITEM_REASON
from ..utils import check_amount, check_date, check_reason, clean_text, in_plain_context


class ClientAccount(models.Model):
    """Credits issued to clients and amounts charged to them."""

    _inherit = "client.account"

    # === Public API ===

    def issue_credit(self, amount, reason, date=None, key=None, date_expiry=None):
        """Give one client a credit, usable on invoices at once.

        :param float amount: company currency, above zero
        :param str reason: shown in the client's history
        :param date: accounting date, today when empty; Odoo moves one in a locked
            period to the end of the first open month (year, where the journal's numbers
            run through the year), or to today where that comes first
        :param str key: makes a repeat harmless: asked for the same with the same key
            again, it answers the first entry; asked for anything else, it is an error
        :param date_expiry: the last day it is usable; empty: as many days as the
            company gives credits, for good where it gives them none
        :return: id of the posted `account.move`
        :rtype: int
        :raise UserError: when a value is refused; nothing is booked
        """
        return self._adjust_once(
            "credit", amount, reason, date=date, key=key, date_expiry=date_expiry
        ).id

    def charge(self, amount, reason, date=None, date_due=None, key=None):
        """Charge one client an amount, owed from `date_due` on.

        :param float amount: company currency, above zero
        :param str reason: shown in the client's history
        :param date: accounting date, today when empty
        :param date_due: `date` when empty
        :param str key: makes a repeat harmless, see `issue_credit`
        :return: id of the posted `account.move`
        :rtype: int
        :raise UserError: when a value is refused; nothing is booked
        """
        return self._adjust_once(
            "charge", amount, reason, date=date, date_due=date_due, key=key
        ).id

    # === Checks ===

    def _adjust_once(self, kind, amount, reason, key=None, **dates):
        """Book an adjustment of one account, or return the one its key has booked.

        :param dates: see `_prepare_adjustment`
        :return: `account.move`
        """
        self._check_officer()
        self._check_one()
        return self._book_once(
            self._prepare_adjustment(kind, amount, reason, **dates),
            key,
            lambda values: self._create_adjustments(
                [(self, self._with_expiry_date(values))]
            ),
        )

    def _book_once(self, values, key, book):
        """Book what one account is asked for, or return what its key has booked.

        :param dict values: kind, amount, reason, date, date_due and what `book` needs
        :param str key: None for none
        :param book: function that books the values, with the key where there is one
        :return: `account.move`
        :raise UserError: when the key has booked other values
        """
        # Over RPC, False says that there is none.
        if key is None or key is False:
            return book(values)
        key = self._check_key(key)
        move = self._find_adjustment(key, locked=True)
        if move:
            move._check_same_adjustment(self, values)
            return move
        return book(dict(values, key=key))

    def _with_expiry_date(self, values):
        """Return the values of an adjustment with the last day that a credit has where
        nobody asked for another.

        What was asked is kept with the key, and not what follows from the settings.

        :param dict values: from `_prepare_adjustment`, with `key` perhaps
        """
        if values["kind"] != "credit" or values["date_expiry"]:
            return values
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        return {
            **values,
            "asked": self._get_asked_values(values),
            "date_expiry": company._get_client_expiry_date(values["date"]),
        }

    def _check_key(self, key):
        """Return the key as text.

        :raise UserError: when it is no text of 1 to 200 characters
        """
        if (
            not isinstance(key, str)
            or not key.strip()
            or len(key) > 200
            or clean_text(key) != key
        ):
            raise UserError(
                self.env._(
                    "The key of an adjustment of %(client)s must be a text of 1 to 200 "
                    "characters. Send one that names what is booked, or none.",
                    client=self.display_name,
                )
            )
        return key.strip()

    def _find_adjustment(self, key, locked=False):
        """Return the adjustment this key has booked in the account's company.

        :param bool locked: whether to wait for others who book with this key
        :raise ConcurrencyError: when one of them just has, which Odoo tries again
        """
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        if locked:
            self.env.execute_query(
                SQL(
                    "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
                    KEY_LOCK,
                    f"{company.id}/{key}",
                )
            )
        # Sudo: the key is unique in the company, whoever used it.
        move = (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("client_adjustment_key", "=", key),
                    ("company_id", "=", company.id),
                ],
                limit=1,
            )
        )
        if (
            locked
            and not move
            and self._fetch_fresh_rows(
                SQL(
                    "SELECT id FROM account_move"
                    " WHERE client_adjustment_key = %s AND company_id = %s",
                    key,
                    company.id,
                )
            )
        ):
            raise ConcurrencyError(
                self.env._("The key %s was used by somebody else just now.", key)
            )
        return move.sudo(self.env.su)

    def _prepare_adjustment(
        self, kind, amount, reason, date=None, date_due=None, date_expiry=None
    ):
        """Check the values of an adjustment of one account.

        :return: dict of kind, amount, reason, date, date_due and date_expiry, for
            `_create_adjustments`
        :raise UserError: when a value is refused
        """
        self.ensure_one()
        name = self.display_name
        given_date = check_date(self.env, name, date)
        given_due = check_date(self.env, name, date_due)
        given_expiry = check_date(self.env, name, date_expiry)
        if problem := self._get_order_problem(
            name, given_date, given_due, given_expiry
        ):
            raise UserError(problem)
        return {
            "kind": kind,
            "amount": check_amount(self.env, name, amount, self.currency_id),
            "reason": check_reason(self.env, name, reason),
            "date": given_date,
            "date_due": given_due,
            "date_expiry": given_expiry,
        }

    @api.model
    def _get_order_problem(self, client_name, date, date_due, date_expiry):
        """Return which date of an adjustment lies before its date, in words.

        :param str client_name: the client the sentence names
        :param date: today when empty
        :return: a sentence; an empty text where none does
        """
        date = date or fields.Date.context_today(self)
        values = {"client": client_name, "date": format_date(self.env, date)}
        if date_due and date_due < date:
            return self.env._(
                "The due date of the charge for %(client)s lies before its date. "
                "Choose a due date on or after %(date)s.",
                **values,
            )
        if date_expiry and date_expiry < date:
            return self.env._(
                "The last day of the credit for %(client)s lies before its date. "
                "Choose a day on or after %(date)s.",
                **values,
            )
        return ""

    # === Approval of high credits ===

    def _needs_credit_approval(self, amount):
        """Tell whether a credit to one account is asked for instead of booked.

        Above the amount of the company it is an approver's to give, and an own request
        only where approvers may approve theirs.

        :param float amount: company currency, taxes included
        """
        self.ensure_one()
        # Sudo: who decides is the company's choice, not the user's to read.
        company = self.sudo().company_id
        if self.env.su or not company.client_credit_approval:
            return False
        above = company.client_credit_approval_above
        if self.currency_id.compare_amounts(amount, above) <= 0:
            return False
        return not (
            company.client_request_self_approval
            and self.env.user in company._get_client_approvers()
        )

    def _get_credit_approval_problem(self, amount):
        """Return why the present user may not give one account a credit, in words.

        :param float amount: company currency, taxes included
        :return: a sentence; an empty text where it is not to be asked for
        """
        if not self._needs_credit_approval(amount):
            return ""
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        return self.env._(
            "A credit of %(amount)s to %(client)s is above %(above)s and needs "
            "an approver. Ask for it with an account request: it is booked "
            "when it is approved.",
            amount=self.currency_id.format(amount),
            client=self.display_name,
            above=self.currency_id.format(company.client_credit_approval_above),
        )

    def _check_credit_approval(self, amount):
        """Make sure the present user may give one account a credit.

        :param float amount: company currency, taxes included
        :raise UserError: when it has to be asked for
        """
        if problem := self._get_credit_approval_problem(amount):
            raise UserError(problem)

    # === Booking ===

    @api.model
    def _create_adjustments(self, adjustments, anyway=""):
        """Book and post adjustments in one batch.

        :param adjustments: list of (account, values of `_prepare_adjustment`)
        :param str anyway: why an approver charges against the balance policies
        :return: the posted `account.move` in the same order
        :raise UserError: when a credit needs an approver
        """
        for account, values in adjustments:
            if values["kind"] == "credit":
                account._check_credit_approval(values["amount"])
        # Sudo: officers need no right to make journal entries; what is booked is fixed.
        moves_sudo = in_plain_context(self.env["account.move"].sudo()).create(
            [
                account._prepare_adjustment_move_vals(values)
                for account, values in adjustments
            ]
        )
        if anyway:
            moves_sudo = moves_sudo._with_post_anyway(anyway)
        moves_sudo._post(soft=False)
        moves_sudo._tell_moved_dates(
            [values["date"] for _account, values in adjustments]
        )
        moves_sudo._log_adjustments([account for account, _values in adjustments])
        return moves_sudo.sudo(self.env.su)

    def _prepare_adjustment_move_vals(self, values):
        """Return the values of the entry of one adjustment.

        Hook: override to book to other accounts or to fill more fields.

        :param dict values: from `_prepare_adjustment`, with `key` perhaps
        """
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        journal, account = company._get_client_adjustment_settings(values["kind"])
        date = values["date"] or fields.Date.context_today(self)
        reason = values["reason"]
        return {
            "move_type": "entry",
            "journal_id": journal.id,
            "company_id": company.id,
            "partner_id": self.partner_id.id,
            "date": date,
            # The database indexes the reference, and an index row has room for 2,700
            # bytes.
            "ref": self._build_adjustment_ref(reason, values.get("key")),
            "client_adjustment": values["kind"],
            "client_adjustment_reason": reason,
            "client_adjustment_reason_id": values.get("reason_id"),
            "client_adjustment_key": values.get("key"),
            "client_adjustment_asked": values.get("asked")
            or self._get_asked_values(values),
            "client_expiry_date": values.get("date_expiry"),
            "client_account_credit": values["kind"] == "credit",
            "line_ids": [
                Command.create(vals)
                for vals in self._prepare_adjustment_line_vals(values, account, date)
            ],
        }

    @api.model
    def _get_asked_values(self, values):
        """Return what a repeat of the key is compared with, None without a key.

        :param dict values: from `_prepare_adjustment`, with `key` perhaps
        :return: amount, reason and the dates that were asked for, as texts
        """
        if not values.get("key"):
            return None
        return {
            name: fields.Date.to_string(value) if name.startswith("date") else value
            for name, value in values.items()
            if name in ("amount", "reason", "date", "date_due", "date_expiry") and value
        }

    @api.model
    def _build_adjustment_ref(self, reason, key=None):
        """Return the reference of an adjustment: its reason, and its key for good.

        It is read again where the addon is installed anew, see
        `account.move._rebuild_adjustments`.
        """
        reference = reason.splitlines()[0][:120]
        return f"{reference} [key: {key}]" if key else reference

    def _prepare_adjustment_line_vals(self, values, account, date):
        """Return the values of the two items of an adjustment: receivable, then the
        other.

        :param account: the `account.account` against receivable
        :param date: the accounting date asked for
        """
        self.ensure_one()
        sign = -1 if values["kind"] == "credit" else 1
        common = {
            "partner_id": self.partner_id.id,
            "currency_id": self.currency_id.id,
            "name": values["reason"][:MAX_ITEM_REASON],
        }
        return [
            {
                **common,
                "account_id": self._get_receivable_account().id,
                "balance": sign * values["amount"],
                "amount_currency": sign * values["amount"],
                "date_maturity": values["date_due"] or date,
            },
            {
                **common,
                "account_id": account.id,
                "balance": -sign * values["amount"],
                "amount_currency": -sign * values["amount"],
            },
        ]

    # === Actions ===

    def action_issue_credit(self):
        """Open the wizard that issues a credit to these accounts."""
        return self._open_adjustment_wizard("credit", self.env._("Issue a Credit"))

    def action_charge(self):
        """Open the wizard that charges an amount to these accounts."""
        return self._open_adjustment_wizard("charge", self.env._("Charge an Amount"))

    def _open_adjustment_wizard(self, kind, title):
        self._check_officer()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "client.account.adjustment",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_account_ids": [Command.set(self.ids)],
                "default_kind": kind,
                "client_kind_fixed": True,
            },
        }

    # === Chatter ===

    @api.model
    def _log_acts(self, acts):
        """Write in the chatter of accounts what was done, as the present user.

        Nobody is notified of it: that is for notices.

        :param acts: (account, sentence), one after another; an account may come again
        """
        bodies = {}
        for account, sentence in acts:
            bodies.setdefault(account, []).append(sentence)
        # Sudo: what was done is logged, whoever may write on accounts.
        accounts_sudo = self.browse(account.id for account in bodies).sudo()
        if accounts_sudo:
            accounts_sudo._message_log_batch(
                {
                    account.id: Markup("<br/>").join(sentences)
                    for account, sentences in bodies.items()
                }
            )
