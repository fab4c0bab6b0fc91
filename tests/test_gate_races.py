import threading
import uuid
import xmlrpc.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from odoo import fields
from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged
from odoo.tools import SQL

from ..const import CLIENT_LOCK
from .server import CALL_TIMEOUT, is_busy, is_refusal
from .server_case import ServerCase

REQUEST = "client.account.request"
CALLERS = 16
LIMIT = 100.0
# So many callers charge one account at a time, so many times each.
SQUAD = 4
CHARGE = 10.0
ACCOUNTS = 126
# A caller that comes last of sixteen has to repeat often; one that never gets an answer
# is a fault.
MOST_REPEATS = 60


@tagged("post_install", "-at_install")
class TestGateRaces(ServerCase):
    """The gate against negative balances with many callers at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        [(cls.company_id,)] = cls._query(
            "SELECT company_id FROM res_users WHERE id = %s", cls.admin.uid
        )
        cls._write_company(client_negative_balance="prevented")
        cls.addClassCleanup(cls._write_company, client_negative_balance="allowed")
        cls.officer = cls._sign_in(
            "gate_officer", "gate officer", "group_client_account_officer"
        )
        cls.approver = cls._sign_in(
            "gate_approver", "gate approver", "group_client_account_approver"
        )

    @classmethod
    def _write_company(cls, **values):
        cls.admin.call("res.company", "write", [cls.company_id], values)

    # === Fixtures ===

    def _make_clients(self, count):
        """Make clients that are customers already.

        The first document of a new one writes the contact, too, which would keep
        documents apart that the gate has to.
        """
        client_ids = super()._make_clients(count)
        self.admin.call("res.partner", "write", client_ids, {"customer_rank": 1})
        return client_ids

    def _make_limited_clients(self, count, limit=LIMIT):
        """Make clients with a limit that an approver granted.

        :return: {client id: account id}
        """
        client_ids = self._make_clients(count)
        self._approve_limit(client_ids, limit)
        return dict(self._fetch_accounts(client_ids))

    def _request_limit(self, client_ids, limit):
        """Request a limit for clients, and return the requests' ids."""
        vals_list = [
            {"partner_id": client_id, "requested_limit": limit, "reason": "Trusted"}
            for client_id in client_ids
        ]
        request_ids = self.admin.call(REQUEST, "create", vals_list)
        self.admin.call(REQUEST, "action_submit", request_ids)
        return request_ids

    def _approve_limit(self, client_ids, limit):
        request_ids = self._request_limit(client_ids, limit)
        self.approver.call(REQUEST, "action_approve", request_ids)

    def _make_documents(self, client_ids, amount, **values):
        """Make a draft for each client named, and return their ids."""
        return self.admin.call(
            "account.move",
            "create",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": client_id,
                    "invoice_payment_term_id": False,
                    **values,
                    "invoice_line_ids": [
                        (
                            0,
                            0,
                            {"name": "Lessons", "price_unit": amount, "tax_ids": []},
                        )
                    ],
                }
                for client_id in client_ids
            ],
        )

    def _get_other_sales_journal(self):
        """Return the id of a second journal: invoices of one wait for each other."""
        journals = self.admin.call(
            "account.journal", "search", [("code", "=", "GATE")], limit=1
        )
        if journals:
            return journals[0]
        return self.admin.call(
            "account.journal",
            "create",
            {"name": "Gate Sales", "code": "GATE", "type": "sale"},
        )

    def _receive_payment(self, client_id, amount):
        """Receive a payment on account in Odoo's own way, and return its id."""
        payment_id = self.admin.call(
            "account.payment",
            "create",
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": client_id,
                "amount": amount,
            },
        )
        self._act("account.payment", "action_post", [payment_id])
        return payment_id

    def _open_account(self, client_id):
        """Return the id of a client's account."""
        action = self.officer.call(
            "res.partner", "action_open_client_account", [client_id]
        )
        return action["res_id"]

    def _act(self, *args):
        """Call a method that need not answer, as the web client does."""
        if not hasattr(self, "_browser"):
            self._browser = self.server.open_session("admin", "admin")
        return self._browser.call(*args)

    def _prepare_post(self, invoice_id):
        return partial(
            self.admin.call_until_answered, "account.move", "action_post", [invoice_id]
        )

    # === Reading the books ===

    def _fetch_accounts(self, client_ids):
        return self._query(
            "SELECT partner_id, id FROM client_account"
            " WHERE partner_id = ANY(%s) AND company_id = %s ORDER BY partner_id",
            client_ids,
            self.company_id,
        )

    def _fetch_debts(self, client_ids):
        """Return {client id: what the ledger says that the client owes}."""
        rows = self._query(
            """
            SELECT client.id, COALESCE(SUM(line.balance), 0)::float
              FROM res_partner client
              LEFT JOIN (account_move_line line
                    JOIN account_account account ON account.id = line.account_id
                     AND account.account_type = 'asset_receivable')
                ON line.partner_id = client.id AND line.parent_state = 'posted'
             WHERE client.id = ANY(%s)
             GROUP BY client.id
            """,
            list(client_ids),
        )
        return dict(rows)

    def _fetch_debt(self, client_id):
        return self._fetch_debts([client_id])[client_id]

    def _fetch_charges(self, keys):
        """Return {key: id of its posted entry}."""
        rows = self._query(
            "SELECT client_adjustment_key, id FROM account_move"
            " WHERE client_adjustment_key = ANY(%s) AND state = 'posted'",
            list(keys),
        )
        self.assertEqual(len(dict(rows)), len(rows))
        return dict(rows)

    def _fetch_documents(self, ids):
        """Return (state, payment state, open amount) of documents, in this order."""
        rows = self._query(
            "SELECT id, state, payment_state, amount_residual::float"
            " FROM account_move WHERE id = ANY(%s)",
            list(ids),
        )
        found = {row[0]: row[1:] for row in rows}
        return [found[move_id] for move_id in ids]

    @contextmanager
    def _watch(self, client_ids, limit):
        """Look all the time whether a client is past a limit that never changes."""
        past, samples, done = [], [0], threading.Event()

        def look():
            while not done.wait(0.2):
                debts = self._fetch_debts(client_ids)
                past.extend(item for item in debts.items() if item[1] > limit)
                samples[0] += 1

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(look)
            try:
                yield
            finally:
                done.set()
            watching.result(CALL_TIMEOUT)
        self.assertEqual(past, [])
        self.assertGreater(samples[0], 0)

    # === Charges ===

    def _charge(self, account_id, key, outcomes, amount=CHARGE):
        """Charge until there is an answer; count how each call ended.

        :param outcomes: `Counter` of calls by how they ended
        :return: id of the entry, None where it was refused
        """
        for _repeat in range(MOST_REPEATS):
            try:
                move_id = self.officer.call(
                    "client.account",
                    "charge",
                    [account_id],
                    amount,
                    "Lesson",
                    None,
                    None,
                    key,
                )
            except xmlrpc.client.Fault as fault:
                if is_refusal(fault):
                    self.assertIn("cannot be posted", fault.faultString)
                    outcomes["refused"] += 1
                    return None
                if not is_busy(fault):
                    raise
                outcomes["busy"] += 1
            else:
                outcomes["booked"] += 1
                return move_id
        raise AssertionError(f"The charge {key} got no answer.")

    def _charge_in_parallel(self, orders, amount=CHARGE):
        """Let each caller charge accounts in an order of its own.

        :param orders: account ids for each caller
        :return: outcomes and {key: (account id, id of the entry or None)}
        """
        outcomes, answers = Counter(), {}

        def run(account_ids):
            counted = Counter()
            for account_id in account_ids:
                key = f"gate-{uuid.uuid4()}"
                move_id = self._charge(account_id, key, counted, amount)
                answers[key] = account_id, move_id
            return counted

        with ThreadPoolExecutor(len(orders)) as pool:
            for counted in pool.map(run, orders):
                outcomes += counted
        return outcomes, answers

    def _assert_charges_agree(self, accounts, outcomes, answers, each):
        """Check that what is booked is what was answered, and each account is full.

        :param accounts: {client id: account id}
        :param float each: what each client owes in the end
        """
        booked = {key: move_id for key, (_id, move_id) in answers.items() if move_id}
        self.assertEqual(self._fetch_charges(answers), booked)
        self.assertEqual(len(set(booked.values())), len(booked))
        self.assertEqual(outcomes["booked"], len(booked))
        self.assertEqual(outcomes["booked"] + outcomes["refused"], len(answers))
        debts = self._fetch_debts(accounts)
        self.assertEqual(debts, dict.fromkeys(accounts, each))
        self.assertEqual(sum(debts.values()), CHARGE * outcomes["booked"])

    def test_two_thousand_charges_at_once_never_pass_the_limit(self):
        """Case 18: sixteen callers, and an answer for each of their charges."""
        accounts = self._make_limited_clients(ACCOUNTS)
        ids = list(accounts.values())
        # The callers of a squad are at the same account at the same time.
        step = len(ids) // (CALLERS // SQUAD)
        orders = []
        for caller in range(CALLERS):
            start = caller // SQUAD * step
            orders.append(ids[start:] + ids[:start])
        with self._watch(accounts, LIMIT):
            outcomes, answers = self._charge_in_parallel(orders)
        self.assertGreaterEqual(len(answers), 2000)
        self.assertEqual(outcomes["booked"], 10 * ACCOUNTS, outcomes)
        self._assert_charges_agree(accounts, outcomes, answers, LIMIT)

    def test_sixteen_callers_at_one_account_never_pass_the_limit(self):
        """Case 18: all sixteen have begun before any of them has booked.

        A key writes the account's row by itself; without one the gate has to.
        """
        accounts = self._make_limited_clients(2)
        for (client_id, account_id), keyed in zip(
            accounts.items(), (True, False), strict=True
        ):
            outcomes = Counter()
            calls = [
                partial(
                    self._charge,
                    account_id,
                    f"gate-{uuid.uuid4()}" if keyed else None,
                    outcomes,
                )
                for _caller in range(CALLERS)
            ]
            with self._watch([client_id], LIMIT):
                move_ids = self._race(calls, "account_move")
            self.assertEqual(self._fetch_debt(client_id), LIMIT)
            self.assertEqual(len(set(move_ids) - {None}), LIMIT / CHARGE)
            self.assertEqual(outcomes["refused"], CALLERS - LIMIT / CHARGE)

    # === Invoices ===

    def _post_at_once(self, invoice_ids):
        """Post invoices at once, all begun before any is posted.

        :return: whether each was posted, in this order
        """
        answers = self._race(
            [self._prepare_post(invoice_id) for invoice_id in invoice_ids],
            "account_move",
        )
        for refusal in self._get_refusals(answers):
            self.assertIn("cannot be posted", refusal)
        posted = [not isinstance(answer, xmlrpc.client.Fault) for answer in answers]
        states = [state for state, *_rest in self._fetch_documents(invoice_ids)]
        self.assertEqual(states, ["posted" if done else "draft" for done in posted])
        return posted

    def _make_pairs(self, client_ids, amount, **values):
        """Make two drafts for each client, in journals that do not wait for each other.

        :return: list of pairs of invoice ids
        """
        other = self._get_other_sales_journal()
        return list(
            zip(
                self._make_documents(client_ids, amount, **values),
                self._make_documents(client_ids, amount, journal_id=other, **values),
                strict=True,
            )
        )

    def _assert_one_of_each_pair_posts(self, pairs):
        """Check that one invoice of each pair posts, and the other is refused.

        Pair by pair: many at once have to wait for a number in their journal, and start
        again with what was posted meanwhile.
        """
        for pair in pairs:
            self.assertCountEqual(self._post_at_once(pair), [True, False])

    def test_of_two_invoices_at_once_one_posts(self):
        """Case 18: 80 twice against a limit of 100, for twenty clients."""
        accounts = self._make_limited_clients(20)
        pairs = self._make_pairs(list(accounts), 80.0)
        with self._watch(accounts, LIMIT):
            self._assert_one_of_each_pair_posts(pairs)
        self.assertEqual(self._fetch_debts(accounts), dict.fromkeys(accounts, 80.0))

    def test_of_two_invoices_of_new_clients_at_once_one_posts(self):
        """The accounts do not exist yet when the race starts."""
        client_ids = self._make_clients(5)
        for client_id in client_ids:
            self._receive_payment(client_id, LIMIT)
        self._forget_accounts(client_ids)
        self._assert_one_of_each_pair_posts(self._make_pairs(client_ids, 80.0))
        self.assertEqual(
            self._fetch_debts(client_ids), dict.fromkeys(client_ids, 80.0 - LIMIT)
        )
        self.assertEqual(
            [client_id for client_id, _id in self._fetch_accounts(client_ids)],
            sorted(client_ids),
        )

    def _forget_accounts(self, client_ids):
        """Take the accounts away that came with what clients have."""
        self._query(
            "DELETE FROM client_account WHERE partner_id = ANY(%s) RETURNING id",
            client_ids,
        )

    def test_invoices_of_new_clients_without_credit_are_all_refused(self):
        client_ids = self._make_clients(8)
        pairs = self._make_pairs(client_ids, 0.01)
        posted = self._post_at_once([item for pair in pairs for item in pair])
        self.assertEqual(posted, [False] * len(posted))

    def test_sixteen_callers_posting_invoices_never_pass_the_limit(self):
        """Case 18 with invoices: ten of sixteen post for each client."""
        accounts = self._make_limited_clients(2)
        pairs = [
            pair
            for client_id in accounts
            for pair in self._make_pairs([client_id] * (CALLERS // 2), CHARGE)
        ]
        invoice_ids = [item for pair in pairs for item in pair]
        # Each caller is at another client than its neighbours, and all meet all.
        with self._watch(accounts, LIMIT), ThreadPoolExecutor(CALLERS) as pool:
            answers = list(
                pool.map(lambda item: self._prepare_post(item)(), invoice_ids)
            )
        for refusal in self._get_refusals(answers):
            self.assertIn("cannot be posted", refusal)
        self.assertEqual(len(self._get_refusals(answers)), 6 * len(accounts))
        self.assertEqual(self._fetch_debts(accounts), dict.fromkeys(accounts, LIMIT))

    def test_an_invoice_and_charges_at_once_never_pass_the_limit(self):
        """Documents of different kinds meet at the same account."""
        accounts = self._make_limited_clients(4)
        for client_id, account_id in accounts.items():
            [pair] = self._make_pairs([client_id], 80.0)
            charge = partial(
                self.officer.call_until_answered,
                "client.account",
                "charge",
                [account_id],
                80.0,
                "Lesson",
            )
            calls = [*(self._prepare_post(item) for item in pair), charge, charge]
            answers = self._race(calls, "account_move")
            self.assertEqual(len(self._get_refusals(answers)), 3)
            self.assertEqual(self._fetch_debt(client_id), 80.0)

    # === A limit that goes down ===

    def _lower_while_charging(self, accounts, lower, least):
        """Charge two accounts all the time while one's limit in force goes down.

        :param lower: function without arguments that lowers it
        :param float least: the limit in force from then on
        """
        [client_id], [account_id] = accounts.keys(), accounts.values()
        lowered, outcomes = threading.Event(), Counter()

        def charge():
            counted = Counter()
            # Some more after it is down: all are refused that do not fit any more.
            for _extra in range(2):
                while True:
                    # Without a key, which would write the account's row by itself.
                    self._charge(account_id, None, counted)
                    if lowered.is_set() or counted["refused"]:
                        break
            return counted

        with ThreadPoolExecutor(5) as pool:
            charging = [pool.submit(charge) for _caller in range(4)]
            try:
                self._wait_until(
                    lambda: self._fetch_debt(client_id) >= 3 * CHARGE,
                    "Charges should be under way.",
                )
                answer = lower()
                then = self._fetch_debt(client_id)
            finally:
                lowered.set()
            for future in charging:
                outcomes += future.result(2 * CALL_TIMEOUT)
        self.assertIs(answer, True)
        # What was booked before stays; nothing is booked that does not fit.
        self.assertEqual(self._fetch_debt(client_id), max(then, least))
        self.assertEqual(self._fetch_debt(client_id), CHARGE * outcomes["booked"])
        return outcomes

    def test_charges_while_the_account_is_suspended_stop_there(self):
        accounts = self._make_limited_clients(1, 1000.0)
        suspend = partial(
            self.officer.call_until_answered,
            "client.account",
            "action_suspend",
            list(accounts.values()),
            "Late with payment",
        )
        self._lower_while_charging(accounts, suspend, 0.0)

    def test_charges_while_the_limit_is_lowered_stop_there(self):
        for limit in (20.0, 80.0):
            accounts = self._make_limited_clients(1, 1000.0)
            request_ids = self._request_limit(list(accounts), limit)
            approve = partial(
                self.approver.call_until_answered,
                REQUEST,
                "action_approve",
                request_ids,
            )
            self._lower_while_charging(accounts, approve, limit)

    def _hold_client(self, holder, client_id):
        """Take the lock of a client, as whoever lowers a balance does."""
        holder.execute(self._get_lock_query(client_id))

    def _get_lock_query(self, client_id, name="pg_advisory_xact_lock"):
        """Return the query that takes the lock of a client.

        :param str name: the function that takes it
        """
        return SQL(
            "SELECT %s(%s, hashtext(%s))",
            SQL.identifier(name),
            CLIENT_LOCK,
            f"{client_id}/{self.company_id}",
        )

    @contextmanager
    def _waiting(self, client_id, user, *call):
        """Have a call wait for the lock of a client, and answer afterwards.

        :return: the cursor that holds the lock
        """
        with (
            ThreadPoolExecutor(1) as pool,
            db_connect(get_db_name()).cursor() as holder,
        ):
            self._hold_client(holder, client_id)
            try:
                waiting = pool.submit(user.call_until_answered, *call)
                self._wait_for_waiting(1, [waiting])
                yield holder
            finally:
                holder.rollback()
            self.assertFalse(self._get_refusals([waiting.result(timeout=CALL_TIMEOUT)]))

    def _get_written_tables(self, *tables):
        """Return which of these tables somebody has written to, or locked rows of, in
        a transaction that goes on; other databases have tables of the same ids."""
        rows = self._query(
            "SELECT DISTINCT relation::regclass::text FROM pg_locks"
            " JOIN pg_database held ON held.oid = pg_locks.database"
            " WHERE relation::regclass::text = ANY(%s) AND granted"
            " AND mode IN ('RowShareLock', 'RowExclusiveLock')"
            " AND held.datname = current_database()",
            list(tables),
        )
        return [name for (name,) in rows]

    def test_whoever_changes_terms_waits_without_holding_the_account(self):
        """Each takes the lock before the row, or two would wait for each other."""
        accounts = self._make_limited_clients(1, 1000.0)
        [(client_id, account_id)] = accounts.items()
        [new_id] = self._make_clients(1)
        request_ids = self._request_limit([client_id], 20.0)
        policy = {"client_negative_balance": "prevented"}
        account, partner = "client.account", "res.partner"
        calls = [
            (client_id, self.officer, account, "action_suspend", [account_id], "Late"),
            (client_id, self.officer, account, "action_resume", [account_id], "Paid"),
            (client_id, self.approver, REQUEST, "action_approve", request_ids),
            (client_id, self.admin, partner, "write", [client_id], policy),
            # The account is made with it.
            (new_id, self.admin, partner, "write", [new_id], policy),
        ]
        for held_id, user, *call in calls:
            with self.subTest(call=call), self._waiting(held_id, user, *call):
                held = self._get_written_tables(
                    "client_account", "client_account_request"
                )
                self.assertEqual(held, [])

    def test_a_request_is_submitted_without_holding_it_before_its_client(self):
        [client_id] = self._make_limited_clients(1)
        request_ids = self.admin.call(
            REQUEST,
            "create",
            [{"partner_id": client_id, "requested_limit": 20.0, "reason": "Trusted"}],
        )
        with self._waiting(
            client_id, self.admin, REQUEST, "action_submit", request_ids
        ):
            held = self._get_written_tables("client_account_request")
            self.assertEqual(held, [])

    def test_a_limit_lapses_without_holding_the_account_before_its_client(self):
        [(client_id, account_id)] = self._make_limited_clients(1).items()
        yesterday = fields.Date.today() - timedelta(days=1)
        self._query(
            "UPDATE client_account SET limit_until = %s WHERE id = %s RETURNING id",
            yesterday,
            account_id,
        )
        [(cron_id,)] = self._query(
            "SELECT res_id FROM ir_model_data WHERE module = 'client_account'"
            " AND name = 'ir_cron_lapse_limits'"
        )
        with self._waiting(
            client_id, self.admin, "ir.cron", "method_direct_trigger", [cron_id]
        ):
            self.assertEqual(self._get_written_tables("client_account"), [])
        [(limit,)] = self._query(
            "SELECT credit_limit::float FROM client_account WHERE id = %s", account_id
        )
        self.assertEqual(limit, 0.0)

    def test_clients_are_waited_for_in_one_order_whoever_asks(self):
        """Documents of several clients take their locks in the order of ids; whoever
        took them in another would wait for those who wait for them."""
        first_id, second_id = sorted(self._make_limited_clients(2, 1000.0))
        request_ids = self._request_limit([first_id, second_id], 20.0)
        policy = {"client_negative_balance": "prevented"}
        calls = [
            (self.approver, REQUEST, "action_approve", request_ids[::-1]),
            (self.admin, "res.partner", "write", [second_id, first_id], policy),
        ]
        for user, *call in calls:
            with (
                self.subTest(call=call),
                self._waiting(first_id, user, *call) as holder,
            ):
                holder.execute(
                    self._get_lock_query(second_id, "pg_try_advisory_xact_lock")
                )
                [(is_free,)] = holder.fetchall()
                self.assertTrue(is_free)

    # === Paying up front ===

    def test_two_invoices_of_who_pays_up_front_share_no_credit(self):
        """80 twice against a credit of 100: one posts and is paid, the other waits."""
        client_ids = self._make_clients(6)
        for number, client_id in enumerate(client_ids):
            if number % 2:
                self._receive_payment(client_id, LIMIT)
            else:
                self._issue_credit(client_id, LIMIT)
        account_ids = [row[1] for row in self._fetch_accounts(client_ids)]
        self.officer.call(
            "client.account",
            "write",
            account_ids,
            # The balance would refuse the second one, too.
            {"pay_later": "disabled", "negative_balance": "allowed"},
        )
        pairs = self._make_pairs(client_ids, 80.0)
        self._assert_one_of_each_pair_posts(pairs)
        for pair in pairs:
            self.assertCountEqual(
                self._fetch_documents(pair),
                [("posted", "paid", 0.0), ("draft", "not_paid", 80.0)],
            )
        self.assertEqual(
            self._fetch_debts(client_ids), dict.fromkeys(client_ids, 80.0 - LIMIT)
        )

    def _issue_credit(self, client_id, amount):
        """Issue a credit, and return its id."""
        account_id = self._open_account(client_id)
        return self.officer.call(
            "client.account", "issue_credit", [account_id], amount, "Class cancelled"
        )

    # === Credit that goes away ===

    def _prepare_pay_back(self, client_id, amount):
        wizard_id = self.officer.call(
            "client.account.payment",
            "create",
            {
                "account_id": self._open_account(client_id),
                "payment_type": "outbound",
                "amount": amount,
            },
        )
        return partial(
            self.officer.call_until_answered,
            "client.account.payment",
            "action_confirm",
            [wizard_id],
        )

    def _prepare_delete(self, credit_id):
        return partial(
            self.officer.call_until_answered,
            "account.move",
            "action_client_adjustment_delete",
            [credit_id],
        )

    def test_a_credit_is_used_or_goes_away_never_both(self):
        """Credits are deleted or paid back while invoices are posted against them."""
        client_ids = self._make_clients(8)
        invoice_ids = self._make_documents(client_ids, 80.0)
        calls = []
        for number, client_id in enumerate(client_ids):
            credit_id = self._issue_credit(client_id, LIMIT)
            calls.append(self._prepare_post(invoice_ids[number]))
            if number % 2:
                calls.append(self._prepare_pay_back(client_id, LIMIT))
            else:
                calls.append(self._prepare_delete(credit_id))
        with self._watch(client_ids, 0.0):
            answers = self._race(calls, "account_move")
        debts = self._fetch_debts(client_ids)
        for number, (client_id, pair) in enumerate(
            zip(client_ids, zip(answers[::2], answers[1::2], strict=True), strict=True)
        ):
            [refusal] = self._get_refusals(pair)
            posted = not isinstance(pair[0], xmlrpc.client.Fault)
            self.assertRegex(refusal, "allocated|in credit" if posted else "posted")
            self.assertEqual(debts[client_id], -20.0 if posted else 0.0, number)

    def _post_while(self, invoice_id, action):
        """Post an invoice, held up after it has begun, while something else is done.

        :param action: function without arguments
        :return: whether the action was done before the invoice was, whether the invoice
            posted, and the action's answer
        """
        with (
            ThreadPoolExecutor(2) as pool,
            db_connect(get_db_name()).cursor() as holder,
        ):
            holder.execute(
                "SELECT id FROM account_move WHERE id = %s FOR UPDATE", [invoice_id]
            )
            try:
                posting = pool.submit(self._prepare_post(invoice_id))
                self._wait_for_waiting(1, [posting])
                acting = pool.submit(action)
                self._wait_until(
                    lambda: acting.done() or self._count_waiting() >= 2,
                    "The action should end, or wait for the invoice.",
                )
                first = acting.done()
            finally:
                holder.rollback()
            answer = posting.result(2 * CALL_TIMEOUT)
            outcome = acting.result(2 * CALL_TIMEOUT)
        if refusals := self._get_refusals([answer]):
            self.assertIn("cannot be posted", refusals[0])
        return first, not refusals, outcome

    def _make_credit_note(self, client_id):
        [refund_id] = self._make_documents([client_id], LIMIT, move_type="out_refund")
        self.admin.call("account.move", "action_post", [refund_id])
        return refund_id

    def _prepare_lower_credit(self, client_id):
        credit_id = self._issue_credit(client_id, LIMIT)
        action = self.officer.call(
            "account.move", "action_client_adjustment_modify", [credit_id]
        )
        wizard_id = self.officer.call(
            "client.account.adjustment",
            "create",
            {"amount": 10.0},
            context=action["context"],
        )
        return partial(
            self.officer.call_until_answered,
            "client.account.adjustment",
            "action_confirm",
            [wizard_id],
        )

    def _prepare_act(self, model, method, record_id):
        return partial(self._act, model, method, [record_id])

    def _assert_not_overlooked(self, prepare):
        """Check that no invoice posts against a credit that went away meanwhile.

        :param prepare: gives a client a credit; returns what takes it away
        """
        [client_id] = self._make_clients(1)
        action = prepare(client_id)
        self.officer.call(
            "client.account",
            "write",
            [self._open_account(client_id)],
            {"credit_application": "manual"},
        )
        [invoice_id] = self._make_documents([client_id], 80.0)
        first, posted, _answer = self._post_while(invoice_id, action)
        self.assertNotEqual(first, posted, "The invoice overlooked it.")
        if not posted:
            self.assertLessEqual(self._fetch_debt(client_id), 0.0)

    def test_a_credit_deleted_meanwhile_is_not_overlooked(self):
        self._assert_not_overlooked(
            lambda client_id: self._prepare_delete(self._issue_credit(client_id, LIMIT))
        )

    def test_a_credit_paid_back_meanwhile_is_not_overlooked(self):
        def prepare(client_id):
            self._issue_credit(client_id, LIMIT)
            return self._prepare_pay_back(client_id, LIMIT)

        self._assert_not_overlooked(prepare)

    def test_a_credit_lowered_meanwhile_is_not_overlooked(self):
        self._assert_not_overlooked(self._prepare_lower_credit)

    def test_a_payment_taken_back_meanwhile_is_not_overlooked(self):
        for method in ("action_draft", "action_cancel"):
            with self.subTest(method=method):
                self._assert_not_overlooked(
                    lambda client_id, method=method: self._prepare_act(
                        "account.payment",
                        method,
                        self._receive_payment(client_id, LIMIT),
                    )
                )

    def test_a_credit_note_taken_back_meanwhile_is_not_overlooked(self):
        for method in ("button_draft", "button_cancel"):
            with self.subTest(method=method):
                self._assert_not_overlooked(
                    lambda client_id, method=method: self._prepare_act(
                        "account.move", method, self._make_credit_note(client_id)
                    )
                )
