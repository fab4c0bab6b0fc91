import logging
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, float_round, format_date

from ..utils import check_amount, clean_reason, in_plain_context, is_real_number

_logger = logging.getLogger(__name__)

# States in which somebody has decided about a limit that stands on record.
DECIDED_STATES = ("granted", "suspended")

# How long ahead the leader is told that a limit lapses.
LAPSE_NOTICE_DAYS = 30

# The rule of the suggested limit, see `_get_suggested_limit`.
SUGGESTION_MONTHS = 6
SUGGESTION_FACTOR = 1.5
SUGGESTION_STEP = 100
SUGGESTION_HISTORY_MONTHS = 3
LATE_DAYS = 30


class ClientAccount(models.Model):
    """The limit of a client account: who decides, suspension, lapse, suggestion."""

    _inherit = "client.account"

    state_reason = fields.Text(
        string="Reason of the Suspension", readonly=True, copy=False
    )
    limit_until = fields.Date(
        string="Limit Granted Until",
        readonly=True,
        tracking=True,
        copy=False,
        index="btree_not_null",
        help="The last day of a limit granted for a time. The next day it lapses to "
        "the former limit. Empty: it stays until somebody decides anew.",
    )
    limit_request_id = fields.Many2one(
        "client.account.request",
        string="Limit Granted by",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
    )
    limit_lapse_told = fields.Boolean(
        string="Lapse Announced",
        readonly=True,
        copy=False,
        help="The account leader was told that the limit is about to lapse.",
    )
    request_ids = fields.One2many(
        "client.account.request", "account_id", string="Account Requests", copy=False
    )

    # === Deciding ===

    def _set_limit(self, limit, state="granted", request=None):
        """Set the limit and the state of these accounts: the only way either changes.

        :param float limit: company currency, zero or above
        :param str state: the new `state`
        :param request: the `client.account.request` that grants the limit, whose
            `limit_until` it has; None for a limit without an end
        :raise UserError: when the limit is no amount of the currency
        """
        request = request or self.env["client.account.request"]
        for account in self:
            account._as_workflow().write(
                {
                    "credit_limit": account._check_limit(limit),
                    "state": state,
                    "limit_until": request.limit_until,
                    "limit_request_id": request.id,
                    "limit_lapse_told": False,
                    **({"state_reason": False} if state != "suspended" else {}),
                }
            )

    def _check_limit(self, limit):
        """Return a limit as the exact amount of the account's currency.

        Zero is a decision too: the client pays up front.

        :raise UserError: when it is no amount of the currency
        """
        self.ensure_one()
        if is_real_number(limit) and limit == 0:
            return 0.0
        return check_amount(self.env, self.display_name, limit, self.currency_id)

    def _get_limit_warning(self, exposure, limit):
        """Return the banner of a document that takes one client over the limit.

        :param float exposure: what the client would owe, company currency
        :param float limit: the limit in force, company currency
        """
        values = {
            "client": self.display_name,
            "owed": self.currency_id.format(exposure),
            "limit": self.currency_id.format(limit),
        }
        if self.state == "suspended":
            return self.env._(
                "The account of %(client)s is suspended, and with this document the "
                "client owes %(owed)s. Resume the account, or ask for payment first.",
                **values,
            )
        return self.env._(
            "With this document %(client)s owes %(owed)s, more than the limit of "
            "%(limit)s. Request an update of the account, or ask for payment first.",
            **values,
        )

    # === Suspending ===

    def action_suspend(self, reason):
        """Suspend accounts: their limit stays on record, but none is in force.

        :param str reason: logged in the chatter
        :return: True
        :raise UserError: when the reason is blank, or an account is not granted
        :raise AccessError: when not an officer
        """
        return self._change_state("granted", "suspended", reason)

    def action_resume(self, reason):
        """Put the limits of suspended accounts in force again.

        :param str reason: logged in the chatter
        :return: True
        :raise UserError: when the reason is blank, or an account is not suspended
        :raise AccessError: when not an officer
        """
        return self._change_state("suspended", "granted", reason)

    def _change_state(self, old, new, reason):
        """Suspend or resume accounts, see `action_suspend` and `action_resume`."""
        self = in_plain_context(self)  # noqa: PLW0642
        self._check_officer()
        names = ", ".join(self.mapped("display_name")[:5]) or self.env._("no client")
        reason = clean_reason(reason)
        if not reason:
            raise UserError(
                self.env._(
                    "Give a reason for %s: it is logged on the account.",
                    names,
                )
            )
        self._touch()
        # Whoever else changed one of them meanwhile made this call start again.
        if wrong := self.filtered(lambda account: account.state != old):
            raise UserError(wrong._get_wrong_state_message(new))
        self._as_workflow().write(
            {"state": new, "state_reason": reason if new == "suspended" else False}
        )
        for account in self:
            account.message_post(body=account._get_state_note(new, reason))
        return True

    def _get_wrong_state_message(self, new):
        """Return why these accounts cannot be suspended or resumed."""
        names = ", ".join(self.mapped("display_name")[:5])
        if new == "suspended":
            return self.env._(
                "No limit is in force for %s, so there is nothing to suspend.", names
            )
        return self.env._("The account of %s is not suspended.", names)

    def _get_state_note(self, new, reason):
        """Return what the chatter says of a suspension or its end."""
        if new == "suspended":
            return self.env._(
                "The account is suspended, no limit is in force: %s", reason
            )
        return self.env._("The limit is in force again: %s", reason)

    def action_open_suspension(self):
        """Open the wizard that asks why accounts are suspended, or resumed."""
        self._check_officer()
        resume = bool(self) and all(account.state == "suspended" for account in self)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Resume") if resume else self.env._("Suspend"),
            "res_model": "client.account.suspension",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_account_ids": [fields.Command.set(self.ids)],
                "default_kind": "resume" if resume else "suspend",
            },
        }

    # === Moving to another client ===

    def _is_in_use(self):
        """Tell whether a balance, a limit or an open request stands on one account."""
        return bool(
            self.amount_owed
            or self.credit_available
            or self.state in DECIDED_STATES
            or self.request_ids._find_open_request(self)
        )

    def _leave_to_new_clients(self):
        """Close these accounts, as their items now stand on another client's.

        Limits stay as decided: that of the other client does not change.
        """
        for account in self:
            client = account.partner_id.commercial_partner_id
            if client == account.partner_id:
                continue
            target = account._get_or_create(client, account.company_id).sudo()
            waiting = account.request_ids._find_open_request(account)
            account._hand_on_requests(waiting, target)
            note = account._get_moved_note(client)
            target.message_post(body=note)
            account.message_post(body=note)
            if account.state != "closed":
                account._set_limit(0, "closed")

    def _hand_on_requests(self, requests, target):
        """Let requests about one account be about another one.

        :raise UserError: when requests about both wait for a decision
        """
        waiting = requests._find_open_request(target)
        if waiting and requests._find_open_request(self):
            raise UserError(waiting._get_open_request_message())
        # Who agreed has agreed about this client, not about the other one.
        requests.filtered(lambda item: item.state == "submitted")._withdraw_agreements()
        requests._as_workflow().write(
            {"account_id": target.id, "partner_id": target.partner_id.id}
        )

    def _get_moved_note(self, client):
        """Return what the chatter says of one account whose items move to a client."""
        states = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "The journal items of %(old)s now count for %(new)s. The account of "
            "%(old)s (%(state)s, limit %(limit)s) is closed; the limit of %(new)s "
            "stays as it was decided.",
            old=self.partner_id.display_name,
            new=client.display_name,
            state=states[self.state],
            limit=self.currency_id.format(self.credit_limit),
        )

    def _merge_into(self, target):
        """Hand one account's requests and messages on to the account it merges into.

        The limit of `target` stays as decided; where nobody decided one, it takes this
        account's decision, which would be lost otherwise.

        :param target: the `client.account` that stays
        :raise UserError: when requests about both wait for a decision
        """
        self._hand_on_requests(self.request_ids, target)
        target.message_post(body=self._get_merged_note(target))
        if self._decides_for(target):
            target._set_limit(self.credit_limit, self.state, self.limit_request_id)
            target._as_workflow().write({"state_reason": self.state_reason})
        self.notice_ids.write({"account_id": target.id})
        # Messages, files, activities and followers go along, as with merged contacts.
        wizard = self.env["base.partner.merge.automatic.wizard"]
        wizard._update_reference_fields_generic(self._name, self, target)
        self.invalidate_recordset()
        self.unlink()

    def _decides_for(self, target):
        """Tell whether a target nobody decided about takes this account's limit."""
        return target.state == "not_granted" and self.state in DECIDED_STATES

    def _get_merged_note(self, target):
        """Return what the chatter says of one account that merges into another."""
        states = dict(self._fields["state"]._description_selection(self.env))
        values = {
            "old": self.partner_id.display_name,
            "state": states[self.state],
            "limit": self.currency_id.format(self.credit_limit),
            "owed": self.currency_id.format(self.amount_owed),
            "credit": self.currency_id.format(self.credit_available),
        }
        if self._decides_for(target):
            return self.env._(
                "%(old)s was merged into this client: %(owed)s owed and %(credit)s in "
                "credit moved here, and the decision about the limit, %(limit)s "
                "(%(state)s).",
                **values,
            )
        return self.env._(
            "%(old)s was merged into this client: %(owed)s owed and %(credit)s in "
            "credit moved here. The limit here stays as decided; that of %(old)s, "
            "%(limit)s (%(state)s), is gone.",
            **values,
        )

    # === Lapsing ===

    @api.model
    def _cron_lapse_limits(self):
        """Lapse the limits whose day has come, and announce those that soon will.

        Each account is a transaction of its own; one that fails stops no other and is
        tried again the next day.
        """
        domain = self._get_lapse_domain()
        accounts = self.search(domain)
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(accounts))
        for account in accounts:
            try:
                locked = account.try_lock_for_update().filtered_domain(domain)
                locked._lapse_or_announce()
            except Exception:
                self.env.cr.rollback()
                _logger.exception("The limit of account %s did not lapse.", account.id)
            if not cron._commit_progress(1):
                break

    @api.model
    def _get_lapse_domain(self):
        """Return the domain of the accounts the daily job has to look at."""
        today = fields.Date.context_today(self)
        return Domain("state", "in", DECIDED_STATES) & (
            Domain("limit_until", "<", today)
            | (
                Domain("limit_until", "<=", today + timedelta(days=LAPSE_NOTICE_DAYS))
                & Domain("limit_lapse_told", "=", False)
            )
        )

    def _lapse_or_announce(self):
        """Lapse these accounts' limits, or tell the leader that they are about to."""
        today = fields.Date.context_today(self)
        for account in self:
            if account.limit_until < today:
                account._lapse_limit(today)
            else:
                account._announce_lapse()

    def _lapse_limit(self, today):
        """Bring one account's limit back to the former one, and say so."""
        lapsed, until = self.credit_limit, self.limit_until
        limit, state, request = self._get_former_limit(today)
        self._set_limit(limit, state, request)
        self.activity_unlink(["client_account.mail_activity_type_limit_lapse"])
        self.message_post(
            body=self.env._(
                "The limit of %(lapsed)s was granted until %(until)s and lapsed. The "
                "limit is %(limit)s again.",
                lapsed=self.currency_id.format(lapsed),
                until=format_date(self.env, until),
                limit=self.currency_id.format(limit),
            )
        )

    def _get_former_limit(self, today):
        """Return what one account's limit lapses to.

        What it was before may have been granted for a time that is over, too.

        :return: (limit, state, the `client.account.request` that granted it)
        """
        request = self.limit_request_id
        former = self.env["client.account.request"]
        limit, state = 0.0, "not_granted"
        while request:
            limit, state = request.previous_limit, request.previous_state
            former = request.previous_request_id
            if not former.limit_until or former.limit_until >= today:
                break
            request = former
        if state in DECIDED_STATES:
            # A suspension is no part of the limit: it neither lapses nor returns.
            state = self.state
        return limit, state, former

    def _announce_lapse(self):
        """Tell the leader once that one account's limit is about to lapse."""
        deciders = self.company_id._get_client_deciders()
        for user in deciders:
            account = self.with_context(lang=user.lang)
            limit = self.currency_id.format(self.credit_limit)
            account.activity_schedule(
                "client_account.mail_activity_type_limit_lapse",
                date_deadline=self.limit_until,
                user_id=user.id,
                summary=account.env._("The limit of %s lapses", limit),
                note=account.env._(
                    "The limit of %(limit)s for %(client)s was granted until "
                    "%(until)s. Request an update if it is to stay.",
                    limit=limit,
                    client=self.display_name,
                    until=format_date(account.env, self.limit_until),
                ),
            )
        self._as_workflow().write({"limit_lapse_told": bool(deciders)})

    # === What the approver decides on ===

    def _get_credit_history(self):
        """Return how these clients were invoiced and paid, in company currency.

        :return: {account: dict} with `invoiced_total` (customer invoices less credit
            notes), `client_since` (date of the first), `invoiced_recent` (of the last
            six months), `late_recent` (the part of that paid, or still open, more than
            30 days after its due date) and `days_late` (the average of the items that
            fell due in the last twelve months, up to today for what is open)
        """
        self.env.flush_all()
        today = fields.Date.context_today(self)
        history = {}
        for account in self:
            invoiced = account._fetch_invoiced(today)
            history[account] = {**invoiced, **account._fetch_lateness(today)}
        return history

    def _fetch_invoiced(self, today):
        """Return what one client was invoiced, see `_get_credit_history`."""
        # Sudo: the account's readers need not read invoices.
        moves = self.env["account.move"].sudo()
        domain = (
            Domain("partner_id.commercial_partner_id", "=", self.partner_id.id)
            & Domain("company_id", "child_of", self.company_id.id)
            & Domain("move_type", "in", ("out_invoice", "out_receipt", "out_refund"))
            & Domain("state", "=", "posted")
        )
        [(total, since)] = moves._read_group(
            domain, [], ["amount_total_signed:sum", "invoice_date:min"]
        )
        start = today - relativedelta(months=SUGGESTION_MONTHS)
        [(recent,)] = moves._read_group(
            domain & Domain("invoice_date", ">", start), [], ["amount_total_signed:sum"]
        )
        return {
            "invoiced_total": total or 0.0,
            "client_since": since or False,
            "invoiced_recent": recent or 0.0,
        }

    def _fetch_lateness(self, today):
        """Return how late one client pays, see `_get_credit_history`."""
        [(days_late, late_recent)] = self.env.execute_query(
            SQL(
                """
                SELECT AVG(GREATEST(item.settled_on - item.due, 0))
                           FILTER (WHERE item.due >= %(year)s AND item.due < %(today)s),
                       SUM(item.late) FILTER (WHERE item.invoiced > %(recent)s)
                  FROM (%(items)s) item
                """,
                today=today,
                year=today - relativedelta(months=12),
                recent=today - relativedelta(months=SUGGESTION_MONTHS),
                items=self._get_lateness_sql(today),
            )
        )
        return {
            "days_late": float(days_late or 0.0),
            "late_recent": float(late_recent or 0.0),
        }

    def _get_lateness_sql(self, today):
        """Return when one client's invoices of the last twelve months were settled.

        What a credit note settles was not paid late: it was not owed.

        :return: `SQL` of a query with columns due, invoiced, settled_on (today where
            the item is open) and late, the amount paid or open more than 30 days after
            its due date
        """
        return SQL(
            """
            SELECT due.day AS due,
                   COALESCE(move.invoice_date, move.date) AS invoiced,
                   CASE WHEN line.amount_residual <> 0 THEN %(today)s
                        ELSE COALESCE(paid.last, line.date) END AS settled_on,
                   COALESCE(paid.late, 0) + CASE
                       WHEN %(today)s > due.day + %(late)s
                       THEN GREATEST(line.amount_residual, 0) ELSE 0 END AS late
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
              JOIN res_partner contact ON contact.id = line.partner_id
              CROSS JOIN LATERAL (
                SELECT COALESCE(line.date_maturity, line.date) AS day) due
              CROSS JOIN LATERAL (
                SELECT MAX(part.max_date) AS last,
                       SUM(part.amount) FILTER (WHERE
                           part.max_date > due.day + %(late)s) AS late
                  FROM account_partial_reconcile part
                  JOIN account_move_line other ON other.id = part.credit_move_id
                  JOIN account_move by ON by.id = other.move_id
                 WHERE part.debit_move_id = line.id AND by.move_type <> 'out_refund'
              ) paid
             WHERE move.move_type IN ('out_invoice', 'out_receipt')
               AND line.parent_state = 'posted'
               AND line.balance > 0
               AND account.account_type = 'asset_receivable'
               AND contact.commercial_partner_id = %(partner)s
               AND move.company_id = ANY(%(companies)s)
               AND (line.date_maturity >= %(year)s OR move.invoice_date > %(year)s)
            """,
            today=today,
            late=LATE_DAYS,
            partner=self.partner_id.id,
            companies=self.company_id._get_client_companies().ids,
            year=today - relativedelta(months=12),
        )

    def _get_suggested_limit(self, history):
        """Return the limit that one client's history speaks for.

        One and a half times the average monthly invoiced total of the last six months,
        times one less the share of it paid more than 30 days late, rounded down to 100;
        0 under three months of history. Hook: override to suggest by another rule; the
        help of `client.account.request.suggested_limit` tells it to the approver.

        :param dict history: this account's, from `_get_credit_history`
        :return: company currency, zero or above
        :rtype: float
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        since, invoiced = history["client_since"], history["invoiced_recent"]
        young = today - relativedelta(months=SUGGESTION_HISTORY_MONTHS)
        if not since or since > young or invoiced <= 0:
            return 0.0
        late_share = min(history["late_recent"] / invoiced, 1.0)
        limit = SUGGESTION_FACTOR * invoiced / SUGGESTION_MONTHS * (1 - late_share)
        return float_round(
            self.currency_id.round(limit),
            precision_rounding=SUGGESTION_STEP,
            rounding_method="DOWN",
        )

    # === Requests ===

    def action_request_update(self):
        """Open a request to change one account, the user's draft where there is one."""
        self._check_one()
        self.check_access("read")
        return self.partner_id._open_client_request(self.company_id)

    def unlink(self):
        """Override of the ORM to delete the requests of accounts with them.

        A request that was ever submitted keeps its client, see
        `res.partner._check_no_client_account_decided`.
        """
        self.check_access("unlink")
        # Sudo: what goes with the account is nobody's to keep.
        self.sudo().request_ids.unlink()
        return super().unlink()
