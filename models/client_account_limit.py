import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ..const import DECIDED_STATES, MAX_REASON
from ..exceptions import MEETINGS
from ..utils import (
    check_length,
    check_limit,
    clean_reason,
    come_again,
    in_plain_context,
)

_logger = logging.getLogger(__name__)

# How long ahead the leader is told that a limit lapses.
LAPSE_NOTICE_DAYS = 30


class ClientAccount(models.Model):
    """The limit of a client account: who decides, suspension, lapse, suggestion."""

    _inherit = "client.account"

    state_reason = fields.Text(
        string="Reason of the Suspension",
        readonly=True,
        copy=False,
        written_by="workflow",
    )
    limit_until = fields.Date(
        string="Limit Granted Until",
        readonly=True,
        tracking=True,
        copy=False,
        index="btree_not_null",
        help="The last day of a limit granted for a time. The next day it lapses to "
        "the former limit. Empty: it stays until somebody decides anew.",
        written_by="workflow",
    )
    limit_request_id = fields.Many2one(
        "client.account.request",
        string="Limit Granted by",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        written_by="workflow",
    )
    limit_lapse_told = fields.Boolean(
        string="Lapse Announced",
        readonly=True,
        copy=False,
        help="The account leader was told that the limit is about to lapse.",
        technical=True,
        written_by="workflow",
    )
    request_ids = fields.One2many(
        "client.account.request", "account_id", string="Account Requests", copy=False
    )

    _state_reason_length = models.Constraint(
        f"CHECK(char_length(state_reason) <= {MAX_REASON})",
        "The reason of a suspension has 2,000 characters at most.",
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

    @api.model
    def _leave_native_limits(self):
        """Write decided limits to Odoo's own field, by SQL as the ORM refuses it.

        Odoo's own limit knows neither zero nor suspended ones: there it has none, so
        that none comes back which was granted before. Run at uninstall.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE res_partner partner
                   SET credit_limit = COALESCE(partner.credit_limit, '{}'::jsonb)
                       || limits.by_company
                  FROM (
                    SELECT partner_id, jsonb_object_agg(
                               company_id::text,
                               CASE state WHEN 'granted' THEN credit_limit ELSE 0 END
                           ) AS by_company
                      FROM client_account
                     WHERE state <> 'not_granted'
                     GROUP BY partner_id
                  ) limits
                 WHERE partner.id = limits.partner_id
                """
            )
        )
        self.env["res.partner"].invalidate_model(["credit_limit"], flush=False)

    def _is_limit_decided(self):
        """Tell whether somebody decided about the limit of any of these accounts.

        Until then Odoo's own limit of the client counts as without this addon.
        """
        return any(account.state != "not_granted" for account in self)

    def _check_limit(self, limit):
        """Return a limit as the exact amount of the account's currency.

        Zero is a decision too: the client pays up front.

        :raise UserError: when it is no amount of the currency
        """
        self.ensure_one()
        return check_limit(self.env, self.display_name, limit, self.currency_id)

    def _get_limit_warning(self, exposure, limit):
        """Return the banner of a document that takes one client over the limit.

        :param float exposure: what the client would owe, company currency
        :param float limit: the limit in force, company currency
        """
        self.ensure_one()
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
        self = in_plain_context(self)
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
        check_length(self.env, names, reason)
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

    # === Lapsing ===

    @api.model
    def _cron_lapse_limits(self):
        """Lapse the limits whose day has come, and announce those that soon will.

        Each account is a transaction of its own; one that fails stops no other and is
        tried again the next day, or in a minute where somebody else was at it.
        """
        domain = self._get_lapse_domain()
        accounts = self.search(domain)
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(accounts))
        met = False
        for account in accounts:
            try:
                # As all others do, before the row.
                account._lock_clients()
                locked = account.try_lock_for_update()
                met = met or not locked
                locked.filtered_domain(domain)._lapse_or_announce()
                self.env.flush_all()
            except MEETINGS:
                self.env.cr.rollback()
                met = True
            except Exception:
                self.env.cr.rollback()
                _logger.exception("The limit of account %s did not lapse.", account.id)
            if not cron._commit_progress(1):
                break
        if met:
            come_again(self.env, "client_account.ir_cron_lapse_limits")

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
        self.ensure_one()
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
        self.ensure_one()
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
        self.ensure_one()
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
