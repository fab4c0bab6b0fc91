import logging
from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Command
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, split_every

from ..const import DECIDED_STATES, LIMIT_EXCEEDED_ACTIVITY, THRESHOLDS, VIEWER

_logger = logging.getLogger(__name__)

# Accounts handled in one transaction: what a kill or a fault costs, and what is held in
# memory at a time.
BATCH_SIZE = 20

# Kind of notice: the field of the account that says that it was given.
TOLD_FIELDS = {
    "low_balance_client": "low_balance_client_told",
    "low_balance_manager": "low_balance_manager_told",
    "limit_exceeded": "limit_exceeded_told",
    "limit_early": "limit_early_told",
}

# Writing these may bring an account below a threshold or above its limit.
NOTICE_FIELDS = {
    "state",
    "credit_limit",
    "negative_balance",
    *THRESHOLDS,
    *THRESHOLDS.values(),
}

CRON = "client_account.ir_cron_client_notices"


class ClientAccount(models.Model):
    """Who is told, and when, that what a client has left becomes too little.

    All notices are edge-triggered: one when the amount crosses, none until it is back.
    """

    _inherit = "client.account"

    notice_ids = fields.One2many(
        "client.account.notice", "account_id", string="Notices", copy=False
    )
    # What was told already; false again once the amount is back.
    low_balance_client_told = fields.Boolean(
        string="Client Told of Low Balance",
        readonly=True,
        copy=False,
        technical=True,
        written_by="workflow",
    )
    low_balance_manager_told = fields.Boolean(
        string="Manager Told of Low Balance",
        readonly=True,
        copy=False,
        technical=True,
        written_by="workflow",
    )
    limit_exceeded_told = fields.Boolean(
        string="Leader Told of Exceeded Limit",
        readonly=True,
        copy=False,
        technical=True,
        written_by="workflow",
    )
    limit_early_told = fields.Boolean(
        string="Leader Told Early of the Limit",
        readonly=True,
        copy=False,
        technical=True,
        written_by="workflow",
    )

    # === Waking the job ===

    def write(self, vals):
        """Override of the ORM to have accounts looked at that may cross a threshold."""
        result = super().write(vals)
        if not NOTICE_FIELDS.isdisjoint(vals):
            self._trigger_notices()
        return result

    @api.model
    def _trigger_notices(self, at_once=False):
        """Have the job look at the accounts within the next minute or two.

        Called where items, policies or limits of clients change. Whatever changes in
        one minute is looked at in one run.

        :param bool at_once: not to wait for what else changes in this minute
        """
        cron_id = self.env["ir.model.data"]._xmlid_to_res_id(
            CRON, raise_if_not_found=False
        )
        if not cron_id:
            return
        # Not by the ORM: this is part of every posting, and would cost it four times as
        # much.
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO ir_cron_trigger (cron_id, call_at, create_uid, create_date)
                SELECT %(cron)s, %(moment)s, %(user)s, now() AT TIME ZONE 'UTC'
                 WHERE NOT EXISTS (
                    SELECT FROM ir_cron_trigger
                     WHERE cron_id = %(cron)s AND call_at = %(moment)s)
                """,
                cron=cron_id,
                moment=fields.Datetime.now().replace(second=0)
                + timedelta(minutes=0 if at_once else 1),
                user=self.env.uid,
            )
        )

    # === The job ===

    @api.model
    def _cron_send_notices(self):
        """Tell clients and staff about the accounts that crossed a threshold or limit.

        One query finds them among all accounts. Each batch is a transaction of its own,
        with what was told, so that a job that is killed goes on where it was.
        """
        self.env["client.account.notice"]._queue_again()
        notices = self.env["client.account.notice"]
        crossed = self._fetch_crossed_ids()
        crossed = list(dict.fromkeys([*crossed, *notices._fetch_mailable_ids()]))
        cron = self.env["ir.cron"]
        seconds_left = cron._commit_progress(remaining=len(crossed))
        for batch in split_every(BATCH_SIZE, crossed):
            if seconds_left <= 0:
                break
            self.browse(batch)._send_notices_safely()
            # What was rendered is in no one's way any more.
            self.env.invalidate_all()
            seconds_left = cron._commit_progress(len(batch))

    def _send_notices_safely(self):
        """Tell about these accounts; one that fails stops no other."""
        try:
            self._send_notices()
            self.env.flush_all()
            return
        except Exception:
            self.env.cr.rollback()
            _logger.info("Telling about accounts %s one by one.", self.ids)
        for account in self:
            try:
                account._send_notices()
                self.env.cr.commit()  # pylint: disable=invalid-commit
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Somebody posted meanwhile, which is no fault: the next run tells.
                self.env.cr.rollback()
            except Exception as fault:
                self.env.cr.rollback()
                _logger.exception("Nobody was told about account %s.", account.id)
                account._log_failed_notices(fault)
                self.env.cr.commit()  # pylint: disable=invalid-commit

    @api.model
    def _fetch_crossed_ids(self):
        """Return the ids of the accounts about which something new is to be told, or
        to be forgotten, in one query over all of them.
        """
        self.flush_model()
        self.env["res.company"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT account.id
                  FROM client_account account
                  JOIN res_company company ON company.id = account.company_id
                  LEFT JOIN (%(items)s) figures
                    ON figures.partner_id = account.partner_id
                   AND figures.company_id = account.company_id
                 CROSS JOIN LATERAL (
                    SELECT COALESCE(figures.balance, 0) AS balance,
                           COALESCE(figures.committed, 0) AS committed,
                           %(limit)s AS allowed
                 ) sums
                 CROSS JOIN LATERAL (
                    SELECT %(low_client)s AS low_client,
                           %(low_manager)s AS low_manager,
                           %(limited)s AND sums.balance < -sums.allowed AS exceeded,
                           sums.allowed > 0
                               AND company.client_limit_warning_share > 0
                               AND -sums.balance * 100 >= sums.allowed
                                   * company.client_limit_warning_share::numeric
                               AS early
                 ) wanted
                 CROSS JOIN LATERAL (
                    SELECT COALESCE(account.low_balance_client_told, FALSE)
                               AS low_client,
                           COALESCE(account.low_balance_manager_told, FALSE)
                               AS low_manager,
                           COALESCE(account.limit_exceeded_told, FALSE) AS exceeded,
                           COALESCE(account.limit_early_told, FALSE) AS early
                 ) told
                 WHERE wanted.low_client <> told.low_client
                    OR wanted.low_manager <> told.low_manager
                    OR wanted.exceeded <> told.exceeded
                    OR wanted.early <> told.early
                 ORDER BY account.id
                """,
                items=self._get_open_items_sql(),
                limit=self._get_limit_in_force_sql(SQL("account")),
                limited=self._get_limited_sql(),
                low_client=self._get_low_balance_sql("low_balance_client"),
                low_manager=self._get_low_balance_sql("low_balance_manager"),
            )
        )
        return [account_id for (account_id,) in rows]

    @api.model
    def _get_limited_sql(self):
        """Return whether an account has a limit to exceed, zero perhaps.

        Somebody decided one, or nobody did and the policy prevents debts.

        :return: `SQL` on the aliases `account` and `company` as `_get_policy_sql`
        """
        return SQL(
            "(account.state IN %s OR (account.state = 'not_granted'"
            " AND %s = 'prevented'))",
            DECIDED_STATES,
            self._get_policy_sql("negative_balance"),
        )

    def _is_limited(self):
        """Tell whether one account has a limit to exceed, see `_get_limited_sql`."""
        self.ensure_one()
        return self.state in DECIDED_STATES or (
            self.state == "not_granted"
            and self._get_policy("negative_balance") == "prevented"
        )

    @api.model
    def _get_low_balance_sql(self, policy):
        """Return whether what is available is below the threshold of a policy."""
        return SQL(
            "(%(switch)s = 'on' AND sums.balance + sums.allowed - sums.committed"
            " < COALESCE(%(threshold)s, 0))",
            switch=self._get_policy_sql(policy),
            threshold=self._get_policy_sql(f"{policy}_threshold"),
        )

    # === What is to be told ===

    def _get_wanted_notices(self):
        """Return what holds for these accounts now, and so is to be told once.

        :return: {account: {kind: (threshold, amount)}}, company currency; for the
            limits both are amounts owed
        """
        figures = self._fetch_figures()
        wanted = {}
        for account in self:
            balance, *_sums, limit, available, _usage = figures[account.id]
            compare = account.currency_id.compare_amounts
            kinds = wanted[account] = {}
            for kind in ("low_balance_client", "low_balance_manager"):
                threshold = account._get_policy(f"{kind}_threshold")
                if (
                    account._get_policy(kind) == "on"
                    and compare(available, threshold) < 0
                ):
                    kinds[kind] = threshold, available
            if account._is_limited() and compare(balance, -limit) < 0:
                kinds["limit_exceeded"] = limit, -balance
            early = limit * account.company_id.client_limit_warning_share / 100
            if early > 0 and compare(-balance, early) >= 0:
                kinds["limit_early"] = early, -balance
        return wanted

    def _send_notices(self):
        """Tell what is new about these accounts, and forget what is over.

        The accounts' rows are written last: who posts meanwhile need not wait while
        mails are written. Of two jobs at once, the other fails to serialize.
        """
        flags = defaultdict(self.browse)
        notices = self.env["client.account.notice"]
        wanted = self._get_wanted_notices()
        self._mail_waiting(wanted)
        for account, kinds in wanted.items():
            told = {kind for kind, name in TOLD_FIELDS.items() if account[name]}
            if told == kinds.keys():
                continue
            flags[frozenset(kinds)] |= account
            if "limit_exceeded" in told - kinds.keys():
                account.activity_unlink([LIMIT_EXCEEDED_ACTIVITY])
            fresh = kinds.keys() - told
            if "limit_exceeded" in kinds:
                # One message about the limit is enough.
                fresh -= {"limit_early"}
            notices |= account._create_notices({kind: kinds[kind] for kind in fresh})
        notices._mail_clients()
        notices._notify_staff()
        for kinds, accounts in flags.items():
            accounts._as_workflow().write(
                {name: kind in kinds for kind, name in TOLD_FIELDS.items()}
            )

    def _mail_waiting(self, wanted):
        """Mail the notices that waited for an address; those that hold no longer go.

        :param wanted: from `_get_wanted_notices`
        """
        notices = self.notice_ids.filtered_domain(
            self.env["client.account.notice"]._get_unmailed_domain()
        )
        for notice in notices:
            account = notice.account_id
            if notice.kind not in wanted[account]:
                notice.write(
                    {
                        "state": "not_sent",
                        "failure_reason": self.env._(
                            "%s The balance was back before there was an address.",
                            notice.failure_reason,
                        ),
                    }
                )
                continue
            threshold, amount = wanted[account][notice.kind]
            notice.write(
                {
                    "threshold": account.currency_id.round(threshold),
                    "amount": account.currency_id.round(amount),
                    **account._prepare_recipients(notice.kind),
                }
            )
            notice._mail_clients()

    def _create_notices(self, kinds):
        """Log what one account's readers are to be told.

        :param kinds: {kind: (threshold, amount)}
        :return: `client.account.notice`, in the order of the kinds
        """
        self.ensure_one()
        return self.env["client.account.notice"].create(
            [
                {
                    "account_id": self.id,
                    "kind": kind,
                    "threshold": self.currency_id.round(kinds[kind][0]),
                    "amount": self.currency_id.round(kinds[kind][1]),
                    **self._prepare_recipients(kind),
                }
                for kind in TOLD_FIELDS
                if kind in kinds
            ]
        )

    def _prepare_recipients(self, kind):
        """Return who is told a kind of notice of one account, and whether amounts.

        Nobody learns an amount who may not see balances: neither a client to whom they
        are hidden nor a salesperson without the right.
        """
        self.ensure_one()
        if kind == "low_balance_client":
            recipients = self._get_notice_contact()
            hidden = self._get_policy("balance_visibility") == "hidden"
        else:
            users = self._get_notified_users(kind)
            recipients = users.partner_id
            hidden = not all(user.has_group(VIEWER) for user in users)
        return {
            "recipient_ids": [Command.set(recipients.ids)],
            "amount_hidden": hidden,
        }

    def _get_notice_contact(self):
        """Return the contact of one client whom notices go to: that for invoices, where
        it has an address, else the client."""
        self.ensure_one()
        client = self.partner_id
        contact = client.browse(client.address_get(["invoice"])["invoice"])
        return contact if contact.active and contact.email else client

    def _get_notified_users(self, kind):
        """Return the users who are told a kind of notice of one account.

        The manager of a client is the salesperson, or else whoever decides about
        accounts; limits are the business of the latter alone.
        """
        self.ensure_one()
        manager = self.partner_id.user_id
        if (
            kind == "low_balance_manager"
            and manager.active
            and not manager.share
            and manager.company_ids & self.company_id._get_client_companies()
        ):
            return manager
        return self.company_id._get_client_deciders()

    def _log_failed_notices(self, fault):
        """Log that telling about one account failed, and why, without trying again.

        :param fault: the exception
        """
        self.ensure_one()
        kinds = self._get_wanted_notices()[self]
        fresh = {
            kind: values
            for kind, values in kinds.items()
            if not self[TOLD_FIELDS[kind]]
        }
        notices = self._create_notices(fresh)
        notices.write({"state": "failed", "failure_reason": str(fault)[:1000]})
        self._as_workflow().write(
            {name: kind in kinds for kind, name in TOLD_FIELDS.items()}
        )
