from inspect import ismethod
from types import SimpleNamespace

from psycopg2.pool import PoolError

from odoo import api, models
from odoo.exceptions import ConcurrencyError, MissingError, UserError
from odoo.tools import SQL

from ..const import CLIENT_LOCK, COMPANY_LOCK, OFFICER, TERMS, VIEWER
from ..exceptions import get_meeting_message
from ..utils import NOTHING, Worth
from .client_anyway_mixin import PostAnyway

# So many items are written before their clients' locks are taken.
MANY_ITEMS = 20


class ClientAccount(models.Model):
    """The gate against negative balances: clients are judged here, whatever asks.

    Which documents it stands before, and how their refusal reads, is said in
    `account_move_gate`; what was touched is noted by `client_account_watch`.

    Two who lower one client's balance at once meet at a lock, late; the second reads
    what the first has committed with a cursor of its own, as the lock leaves the old
    snapshot of its transaction, and writes no row that would make it fail.
    """

    _inherit = "client.account"

    def write(self, vals):
        """Override of the ORM to have whoever posts see the terms that change here."""
        if not TERMS.isdisjoint(vals):
            self._lock_clients()
            terms = self._get_watch().terms
            # Sudo: terms are kept to judge by them, whatever the user may read.
            for account in self.sudo():
                limit = account.credit_limit if account.state == "granted" else 0.0
                policy = account._get_policy("negative_balance")
                terms.setdefault((self._name, account.id), (policy, limit))
        return super().write(vals)

    # === What posting knows of accounts ===

    @api.model
    def _get_posting_columns(self):
        """Return what posting needs to know of an account, by name.

        Hook: a glue addon adds what it wants to find on each posting.

        :return: {name: `SQL`} on the aliases `account` of client_account and `company`
            of the res_company of its root
        """
        moves = self.env["account.move"]._fields
        names = ("credit_application", "negative_balance", "pay_later")
        return {
            "account_id": SQL("account.id"),
            **{name: self._get_policy_sql(name) for name in names},
            "limit_in_force": self._get_limit_in_force_sql(SQL("account")),
            # Whether the client ever had an account credit, posted or not.
            "has_credits": SQL(
                "EXISTS (SELECT FROM account_move"
                " WHERE commercial_partner_id = account.partner_id"
                " AND client_account_credit)",
                to_flush=(
                    moves["client_account_credit"],
                    moves["commercial_partner_id"],
                ),
            ),
            # Whether anybody is told when the balance falls.
            "is_watched": SQL(
                "(%s OR %s = 'on' OR %s = 'on')",
                self._get_limited_sql(),
                self._get_policy_sql("low_balance_client"),
                self._get_policy_sql("low_balance_manager"),
            ),
        }

    @api.model
    def _get_postings(self, keys, locked=()):
        """Return what posting needs to know of clients' accounts, made where missing.

        :param keys: {(`res.partner` client, `res.company` root)}
        :param locked: those of them whose balance this transaction lowers
        :return: {key: posting}, each with the attributes of `_get_posting_columns`;
            amounts in company currency
        """
        postings = self._fetch_postings(keys, locked)
        missing = keys - postings.keys()
        for root in {root for _client, root in missing}:
            clients = self.env["res.partner"].union(
                *(client for client, company in missing if company == root)
            )
            self._get_or_create(clients, root)
        if missing:
            postings.update(self._fetch_postings(missing, missing & set(locked)))
        return postings

    @api.model
    def _fetch_postings(self, keys, locked=()):
        """Return {key: posting} of the accounts there are, see `_get_postings`."""
        if not keys:
            return {}
        columns = self._get_posting_columns()
        rows = self.env.execute_query(
            SQL(
                """
                WITH posting AS MATERIALIZED (
                    SELECT account.partner_id, account.company_id, %(columns)s
                      FROM client_account account
                      JOIN res_company company ON company.id = account.company_id
                     WHERE (account.partner_id, account.company_id) IN %(keys)s
                ), locked AS MATERIALIZED (%(lock)s)
                SELECT posting.*
                  FROM (SELECT COUNT(*) FROM locked) held
                 CROSS JOIN posting
                """,
                columns=SQL(", ").join(
                    SQL("%s AS %s", value, SQL.identifier(name))
                    for name, value in columns.items()
                ),
                keys=tuple((client.id, root.id) for client, root in keys),
                lock=self._get_lock_sql(locked),
            )
        )
        found = {
            row[:2]: SimpleNamespace(**dict(zip(columns, row[2:], strict=True)))
            for row in rows
        }
        return {
            (client, root): found[client.id, root.id]
            for client, root in keys
            if (client.id, root.id) in found
        }

    @api.model
    def _get_worth_sql(self, committed=None):
        """Return what the open items of a client are worth, less what is committed.

        Account by account, see `_get_client_ledger_sql`.

        :param SQL committed: what counts as committed, see `_get_committed_sql`, which
            is asked by default
        :return: `SQL` of a query with columns open and crosses, whether items may be
            matched elsewhere, so that the ledger differs; on an alias `posting` with
            columns partner_id and company_id
        """
        lines = self.env["account.move.line"]._fields
        return SQL(
            """
            SELECT -COALESCE(SUM(item.residual), 0) - COALESCE((
                    SELECT SUM(amount) FROM (%(committed)s) committed
                     WHERE committed.partner_id = posting.partner_id
                       AND committed.company_id = posting.company_id), 0) AS open,
                   COALESCE(BOOL_OR(item.crosses), FALSE) AS crosses
              FROM res_partner contact
             CROSS JOIN LATERAL (
                SELECT SUM(open.residual) AS residual,
                       EXISTS (SELECT FROM account_move_line marked
                                WHERE marked.partner_id = contact.id
                                  AND marked.client_crossing) AS crosses
                  FROM account_account account
                 CROSS JOIN LATERAL (
                    SELECT SUM(line.amount_residual) AS residual
                      FROM account_move_line line
                     WHERE line.partner_id = contact.id
                       AND line.account_id = account.id
                       AND %(is_open)s
                       AND line.company_id = ANY(ARRAY(
                           SELECT id FROM res_company
                            WHERE split_part(parent_path, '/', 1)::integer
                                  = posting.company_id))
                 ) open
                 WHERE account.account_type = 'asset_receivable'
             ) item
             WHERE contact.commercial_partner_id = posting.partner_id
            """,
            is_open=self._get_open_item_sql(),
            committed=committed or self._get_committed_sql(),
            to_flush=(
                lines["partner_id"],
                lines["company_id"],
                self.env["res.partner"]._fields["commercial_partner_id"],
                self.env["res.company"]._fields["parent_path"],
            ),
        )

    @api.model
    def _read_worth(self, key, row, fetch):
        """Return the `Worth` that a row of `_get_worth_sql` stands for.

        :param key: (`res.partner` client, `res.company` root)
        :param row: open and crosses
        :param fetch: function that returns the rows of a query, where the row is from
        """
        is_open, crosses = row
        difference = 0.0
        if crosses:
            client, root = key
            query = self._get_ledger_difference_sql(client.ids, root.ids)
            [(difference,)] = fetch(query) or [(0.0,)]
        return Worth(float(is_open), float(is_open) + float(difference))

    # === Exact without conflicts ===

    @api.model
    def _get_lock_sql(self, keys, wait=True):
        """Return the query that waits for the locks of clients, in the order of ids,
        and takes their companies' as everybody may who changes no policy.

        Rows of the clients come before their locks, whoever takes both.

        :param keys: {(`res.partner` client, `res.company` root)}
        :param bool wait: otherwise it answers, row by row, whether each was free
        """
        if not keys:
            return SQL("SELECT 1 WHERE FALSE")
        return SQL(
            """
            SELECT CASE WHEN wanted.client_id IS NULL
                        THEN %(share)s(%(company)s, wanted.root_id)
                        ELSE %(take)s(%(client)s, hashtext(
                            wanted.client_id || '/' || wanted.root_id)) END
              FROM (SELECT * FROM unnest(%(clients)s::integer[], %(roots)s::integer[])
                    wanted(client_id, root_id)
                     ORDER BY client_id NULLS FIRST, root_id) wanted
            """,
            share=SQL.identifier(
                f"pg_{'' if wait else 'try_'}advisory_xact_lock_shared"
            ),
            take=SQL.identifier(f"pg_{'' if wait else 'try_'}advisory_xact_lock"),
            company=COMPANY_LOCK,
            client=CLIENT_LOCK,
            clients=[None for _root in {root for _client, root in keys}]
            + [client.id for client, _root in keys],
            roots=[root.id for root in {root for _client, root in keys}]
            + [root.id for _client, root in keys],
            # What posting writes on the client itself, as whoever moves it does.
            to_flush=self.env["res.partner"]._fields["customer_rank"],
        )

    def _lock_clients(self):
        """Wait for the locks of these accounts: called before a limit or policy of
        theirs is lowered, or what they have committed grows."""
        # Sudo: a branch's user need not read the root company.
        accounts = self.sudo()
        self._lock_keys(
            {(account.partner_id, account.company_id) for account in accounts}
        )

    @api.model
    def _lock_keys(self, keys):
        """Wait for the locks of clients who may have no account yet.

        Whoever goes on to write rows of several clients takes all locks here first:
        one after the other, two would wait for each other.

        :param keys: {(`res.partner` client, `res.company` root)}
        """
        if keys:
            self.env.execute_query(self._get_lock_sql(keys))

    @api.model
    def _lock_keys_at_once(self, keys):
        """Take the locks of clients where all are free: for whoever holds rows already
        that others write under these locks, who would wait for one another.

        :param keys: {(`res.partner` client, `res.company` root)}
        :raise ConcurrencyError: when one is taken, which Odoo tries again
        """
        if not keys:
            return
        rows = self.env.execute_query(self._get_lock_sql(keys, wait=False))
        if not all(taken for (taken,) in rows):
            raise ConcurrencyError(get_meeting_message(self.env))

    def _touch(self):
        """Override of `client.touched.mixin` to take the lock before the row.

        Whoever writes a policy does, and two who took them in either order would wait
        for each other.
        """
        self._lock_clients()
        return super()._touch()

    @api.model
    def _lock_companies(self, companies):
        """Wait until nobody lowers a balance in root companies: called before their
        policies change."""
        for company_id in sorted(companies.ids):
            self.env.execute_query(
                SQL("SELECT pg_advisory_xact_lock(%s, %s)", COMPANY_LOCK, company_id)
            )

    @api.model
    def _fetch_fresh(self, keys):
        """Return what others have committed about clients, as of now.

        Under the lock that is what there will be beside this transaction.

        :param keys: {(`res.partner` client, `res.company` root)}
        :return: {key: (negative_balance, limit_in_force, worth or None)}, without those
            that only this transaction knows
        :raise ConcurrencyError: when one of them is no client any more, as somebody
            else just moved it below another one, which Odoo tries again
        """
        names = self._get_posting_columns()
        query = SQL(
            """
            SELECT posting.*, worth.*
              FROM (
                SELECT account.partner_id, account.company_id,
                       client.commercial_partner_id,
                       %(policy)s AS negative_balance, %(limit)s AS limit_in_force
                  FROM client_account account
                  JOIN res_company company ON company.id = account.company_id
                  JOIN res_partner client ON client.id = account.partner_id
                 WHERE (account.partner_id, account.company_id) IN %(keys)s
              ) posting
              LEFT JOIN LATERAL (%(worth)s) worth
                   ON posting.negative_balance = 'prevented'
            """,
            policy=names["negative_balance"],
            limit=names["limit_in_force"],
            keys=tuple((client.id, root.id) for client, root in keys),
            worth=self._get_worth_sql(),
        )
        rows = {row[:2]: row[2:] for row in self._fetch_fresh_rows(query)}
        fresh = {}
        for client, root in keys:
            if row := rows.get((client.id, root.id)):
                owner_id, policy, limit, *worth = row
                self._check_same_client(client, owner_id)
                if worth[0] is not None:
                    key = client, root
                    worth = self._read_worth(key, worth, self._fetch_fresh_rows)
                else:
                    worth = None
                fresh[client, root] = (policy, limit, worth)
        if unknown := {client for client, _root in keys - fresh.keys()}:
            # Whoever moves a client who has no account yet meets none, either.
            self._check_same_contacts(self.env["res.partner"].union(*unknown))
        return fresh

    @api.model
    def _check_same_client(self, contact, client_id):
        """Make sure that a contact counts for the client that this transaction takes
        it for: what is asked of one client would be taken of another.

        :param contact: `res.partner`
        :param int client_id: of its client as others have committed it
        :raise ConcurrencyError: otherwise, which Odoo tries again; not where this
            transaction itself moves the contact
        """
        if (
            client_id != contact.commercial_partner_id.id
            and contact.id not in self._get_watch().moved
        ):
            raise ConcurrencyError(get_meeting_message(self.env))

    @api.model
    def _check_same_clients(self, judged, changes):
        """Make sure that contacts with items of their own count for the clients that
        are judged, see `_check_same_client`.

        :param judged: client keys
        :param changes: from `_take_changes`
        """
        # Sudo: whose items these are is looked at to judge, not shown.
        items = self.env["account.move.line"].sudo()
        items = items.browse({item_id for key in judged for item_id in changes[key]})
        try:
            contacts = items.partner_id
        except MissingError:
            contacts = items.exists().partner_id
        # Of clients themselves it is known.
        contacts = contacts.filtered(
            lambda contact: contact.commercial_partner_id != contact
        )
        if contacts:
            self._check_same_contacts(contacts)

    @api.model
    def _check_same_contacts(self, contacts):
        """Make sure that contacts count for the clients that this transaction takes
        them for, see `_check_same_client`."""
        query = SQL(
            "SELECT id, commercial_partner_id FROM res_partner WHERE id = ANY(%s)",
            contacts.ids,
        )
        for contact_id, client_id in self._fetch_fresh_rows(query):
            self._check_same_client(contacts.browse(contact_id), client_id)

    @api.model
    def _fetch_fresh_rows(self, query):
        """Return the rows of a query as others have committed them by now.

        Within a test that shares its cursor, for which it has replaced this method of
        the registry, there are no others; nor while addons are installed, whose tables
        nobody else sees yet.

        :param SQL query: to be run on a cursor of its own
        :raise ConcurrencyError: when all connections are taken, which Odoo tries again
        """
        registry = self.env.registry
        if not registry.ready or not ismethod(registry.cursor):
            return []
        try:
            cursor = registry.cursor()
        except PoolError as fault:
            raise ConcurrencyError(
                self.env._("All connections to the database are taken.")
            ) from fault
        with cursor:
            cursor.execute(query)
            return cursor.fetchall()

    @api.model
    def _lock_all(self, amounts):
        """Wait for the locks of clients of whom some are not asked about, so that all
        are taken in one order: others are judged with them all the same.

        :param dict amounts: {(`res.partner` client, `res.company` root): amount}, none
            is asked about at zero and below; company currency
        """
        if any(
            key[1].currency_id.compare_amounts(amount, 0) <= 0
            for key, amount in amounts.items()
        ):
            self._lock_keys(set(amounts))

    # === Judging ===

    @api.model
    def _judge_watched(self, keys=()):
        """Judge the clients whose balance has fallen since it was last asked.

        :param keys: {client key} of whom the postings are wanted, too
        :return: {client key: posting} of all of them, see `_get_postings`
        :raise BalanceRefused: when one is below the limit, and below what it was
        """
        watch = self._get_watch()
        pending = watch.pending
        try:
            return self._judge_changes(self._take_changes(), keys)
        except Exception:
            # Whoever catches it without undoing it is judged again before the commit.
            watch.pending = {**watch.pending, **pending}
            raise

    @api.model
    def _judge_changes(self, changes, keys):
        """Judge what has changed, see `_judge_watched`.

        :param changes: from `_take_changes`
        """
        released = self._get_released_judged(changes)
        fallen = {
            key
            for key, items in changes.items()
            if sum(items.values(), released[key]).is_less(key[1].currency_id)
        }
        if sum(map(len, changes.values())) > MANY_ITEMS:
            # What is written and tracked of many documents takes seconds: others do not
            # wait for the locks meanwhile.
            self.env.cr.flush()
        postings = self._get_postings(fallen | set(keys), fallen)
        judged = {
            key
            for key in fallen
            if sum(self._get_untold(key, changes[key]).values(), released[key]).is_less(
                key[1].currency_id
            )
        }
        for key in fallen - judged:
            self._tell_fallen(key, changes[key], postings[key])
        fresh = self._fetch_fresh(judged) if judged else {}
        self._check_same_clients(judged, changes)
        refusals = []
        for key in sorted(judged, key=lambda key: (key[1].id, key[0].id)):
            terms = self._get_terms(key, postings[key], fresh.get(key))
            if terms.negative_balance != "prevented":
                continue
            refusals += self._judge_client(key, changes[key], released[key], terms)
        self.env["account.move"]._refuse(refusals)
        return postings

    @api.model
    def _tell_fallen(self, key, changes, posting):
        """Say who has left a client with too little by what is not refused, and have
        the account's leader hear it at once.

        :param key: (`res.partner` client, `res.company` root)
        :param changes: {item id: `Worth`} of what has changed
        :param posting: from `_get_postings`
        """
        compare = key[1].currency_id.compare_amounts
        if posting.negative_balance != "prevented":
            return
        worth = self._measure(key)
        if compare(min(worth), -posting.limit_in_force) >= 0:
            return
        # Sudo: the chatter is for those who may read the account; so are the documents.
        account = self.sudo().browse(posting.account_id)
        lines = self.env["account.move.line"].sudo().browse(changes).exists()
        change = min(sum(changes.values(), NOTHING))
        account.message_post(
            body=self.env._(
                "%(user)s took %(amount)s from this account: %(documents)s. It is "
                "%(balance)s now.",
                user=self.env.user.name,
                amount=account.currency_id.format(-change),
                documents=", ".join(lines.move_id.mapped("display_name")[:5])
                or self.env._("items that were deleted"),
                balance=account._format_balance(min(worth)),
            )
        )
        self._trigger_notices(at_once=True)

    @api.model
    def _get_terms(self, key, posting, fresh):
        """Return under which terms a client is judged.

        Others' policies and limits count as they are committed now, those that this
        transaction itself has written as written. What the client has is what others
        have committed and what this transaction has changed.

        :return: posting with `worth`, what all items of the client are worth
        """
        terms = SimpleNamespace(**vars(posting), worth=None)
        worth = None
        if fresh:
            policy, limit, worth = fresh
            if not self._has_own_terms(key, posting):
                terms.negative_balance, terms.limit_in_force = policy, limit
        if terms.negative_balance != "prevented":
            return terms
        if fresh and worth is None:
            # Only this transaction has the policy.
            worth = self._measure_fresh(key)
        # Nobody else knows of a client who was opened in this transaction.
        terms.worth = (
            self._measure(key) if worth is None else worth + self._get_own_change(key)
        )
        return terms

    @api.model
    def _measure(self, key, committed=None):
        """Return what all items of a client are worth in this transaction.

        :param SQL committed: see `_get_worth_sql`
        """
        [row] = self.env.execute_query(self._get_measure_sql(key, committed))
        return self._read_worth(key, row, self.env.execute_query)

    @api.model
    def _measure_fresh(self, key, committed=None):
        """Return what all items of a client are worth as committed by now, None where
        nobody else can tell.

        :param SQL committed: see `_get_worth_sql`
        """
        for row in self._fetch_fresh_rows(self._get_measure_sql(key, committed)):
            return self._read_worth(key, row, self._fetch_fresh_rows)
        return None

    @api.model
    def _get_measure_sql(self, key, committed=None):
        """Return the query of what all items of a client are worth."""
        client, root = key
        return SQL(
            "SELECT worth.* FROM (SELECT %s AS partner_id, %s AS company_id)"
            " posting, LATERAL (%s) worth",
            client.id,
            root.id,
            self._get_worth_sql(committed),
        )

    @api.model
    def _has_own_terms(self, key, posting):
        """Tell whether this transaction itself has changed policy or limit."""
        root = key[1]
        watch = self._get_watch()
        before = watch.terms.get(("client.account", posting.account_id))
        if before and before != (posting.negative_balance, posting.limit_in_force):
            return True
        policy = root.client_negative_balance
        return watch.terms.get(("res.company", root.id), policy) != policy

    @api.model
    def _judge_client(self, key, changes, released, terms):
        """Return why a client may not have less, empty where that may be.

        :param key: (`res.partner` client, `res.company` root)
        :param changes: {item id: `Worth`} of what has changed
        :param released: `Worth` of what the documents had committed before, judged
        :param terms: from `_get_terms`
        :return: list of refusals, see `account.move._get_balance_refusals`
        """
        _client, root = key
        compare = root.currency_id.compare_amounts
        change = sum(changes.values(), released)
        floor = -terms.limit_in_force
        short = [
            worth
            for worth, changed in zip(terms.worth, change, strict=True)
            if compare(worth, floor) < 0 and compare(changed, 0) < 0
        ]
        if not short:
            return []
        # Sudo: the policy binds whoever acts, whatever they may see.
        moves = self.env["account.move"].sudo()
        debts = moves._group_changes(self._get_untold(key, changes))
        grants = moves._get_balance_grants(key, debts, terms.worth)
        if compare(min(short) + sum(grants.values()), floor) >= 0:
            return []
        return moves._get_balance_refusals(
            self.sudo().browse(terms.account_id),
            min(short),
            terms.limit_in_force,
            debts,
            grants,
        )

    # === Asking ===

    @api.model
    def _check_available(self, amounts, counted=None):
        """Judge what is no journal entry as one would be: orders, tasks, tills.

        It goes by what is available, the balance and the limit in force less what is
        committed already, under the lock of the clients. Whoever asks raises
        `BalanceRefused` with the answers, or shows them.

        An approver lets it pass by a `PostAnyway` in the context, which is logged on
        the account.

        :param dict amounts: {account: amount to be added to the debt or committed},
            company currency
        :param dict counted: {account: how much the client has less already by what is
            asked about}, as for an order that was written as confirmed before it is
            judged; company currency
        :return: {account: sentence that says why not}, empty where all fit
        """
        # Sudo: whoever asks about an order need not read accounts.
        keys = {
            account: (account.sudo().partner_id, account.sudo().company_id)
            for account in amounts
        }
        refusals, _postings = self._check_available_to(
            {keys[account]: amount for account, amount in amounts.items()},
            {keys[account]: amount for account, amount in (counted or {}).items()},
        )
        return {
            account: refusals[key] for account, key in keys.items() if key in refusals
        }

    @api.model
    def _check_available_to(self, amounts, counted):
        """Judge as `_check_available`, by client keys: the accounts, which are made
        where missing, are read with all else that is needed of them.

        :param dict amounts: {(`res.partner` client, `res.company` root): amount}
        :param dict counted: likewise
        :return: ({client key: sentence that says why not}, {client key: posting of
            `_get_postings`} of those with an amount above zero)
        """
        asked = {
            key: amount
            for key, amount in amounts.items()
            if key[1].currency_id.compare_amounts(amount, 0) > 0
        }
        if not asked:
            return {}, {}
        postings = self._get_postings(set(asked), set(asked))
        fresh = self._fetch_fresh(set(asked))
        refusals = {}
        anyway = self.env.context.get("client_post_anyway")
        for key, amount in asked.items():
            terms = self._get_terms(key, postings[key], fresh.get(key))
            if terms.negative_balance != "prevented":
                continue
            balance = min(terms.worth) + counted.get(key, 0.0)
            compare = key[1].currency_id.compare_amounts
            if compare(balance - amount, -terms.limit_in_force) >= 0:
                continue
            # Sudo: whoever asks need not read accounts.
            account = self.sudo().browse(terms.account_id)
            if isinstance(anyway, PostAnyway):
                account._log_passed_anyway(amount, anyway.reason)
                continue
            refusals[key] = account._get_available_message(
                amount, balance, terms.limit_in_force
            )
        return refusals, postings

    def _measure_beside_others(self):
        """Return what one account, which is locked, has by what others have committed
        to the database and by what this transaction has changed: all its items, less
        what is committed.

        :rtype: float
        :return: company currency
        """
        self.ensure_one()
        key = self.partner_id, self.company_id
        fresh = self._measure_fresh(key)
        if fresh is None:
            return min(self._measure(key))
        return min(fresh + self._get_own_change(key))

    def _log_passed_anyway(self, amount, reason):
        """Log that an approver let an amount of one account pass against its policy.

        :param float amount: company currency
        :raise AccessError: when the user is no approver where the account is
        """
        self.ensure_one()
        self.env["account.move"]._check_may_post_anyway(self.company_id)
        self.message_post(
            body=self.env._(
                "%(user)s let %(amount)s pass against the policies: %(reason)s",
                user=self.env.user.name,
                amount=self.currency_id.format(amount),
                reason=reason,
            )
        )

    def _get_available_message(self, amount, balance, limit):
        """Return why one client has too little for an amount, in words.

        :param float amount: what is asked for, company currency
        :param float balance: less what is committed, company currency
        :param float limit: in force, company currency
        """
        self.ensure_one()
        if not self.env.user.has_group(VIEWER):
            return self.env._(
                "The balance policy of %s does not allow this amount. Ask the "
                "accounting group, or request an update of the account.",
                self.display_name,
            )
        currency = self.currency_id
        return self.env._(
            "%(amount)s is more than %(client)s has available: with %(balance)s and a "
            "limit in force of %(limit)s, %(shortfall)s is missing. Receive a payment, "
            "issue a credit or request an update of the account.",
            amount=currency.format(amount),
            client=self.display_name,
            balance=self._format_balance(balance),
            limit=currency.format(limit),
            shortfall=currency.format(currency.round(amount - balance - limit)),
        )

    # === In words ===

    def _format_balance(self, balance):
        """Return a balance of one account in words, never as a bare sign.

        :param float balance: company currency
        """
        self.ensure_one()
        currency = self.currency_id
        if currency.is_zero(balance):
            return self.env._("a balance of zero")
        if balance > 0:
            return self.env._("%s in credit", currency.format(balance))
        return self.env._("%s owed", currency.format(-balance))

    def _get_refusal_receive_action(self):
        """Return the window in which a refused user receives money from one client,
        False where the user may not."""
        self.ensure_one()
        account = self.sudo(False)
        if not self.env.user.has_group(OFFICER) or not account.has_access("write"):
            return False
        return {**account.action_receive_payment(), "views": [[False, "form"]]}

    def _get_refusal_request_action(self):
        """Return the window in which a refused user requests an update of one account.

        :return: a window action, False where the user may not ask, or somebody else's
            request waits already
        """
        self.ensure_one()
        if not self.env.user.has_group("base.group_user"):
            return False
        client = self.partner_id.sudo(False)
        if not client.has_access("read"):
            return False
        try:
            action = client._open_client_request(self.company_id)
        except UserError:
            return False
        return {"views": [[False, "form"]], **action}
