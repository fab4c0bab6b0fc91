import http.client
import threading
import uuid
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged

from .server import CALL_TIMEOUT
from .server_case import ADMIN, ServerCase

OFFICERS = (("race_officer_1", "race officer 1"), ("race_officer_2", "race officer 2"))


@tagged("post_install", "-at_install")
class TestConcurrency(ServerCase):
    """Calls at once and kills, on a real server with real clients."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officers = [
            cls._sign_in(login, password, "group_client_account_officer")
            for login, password in OFFICERS
        ]
        cls.officer = cls.officers[0]

    # === Fixtures ===

    def _open_account(self, client_id):
        """Return the id of a client's account."""
        action = self.officer.call(
            "res.partner", "action_open_client_account", [client_id]
        )
        return action["res_id"]

    def _make_invoices(self, client_ids, amount, **values):
        """Make a draft for each client named, and return their ids."""
        return self.admin.call(
            "account.move",
            "create",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": client_id,
                    "invoice_date": "2026-01-15",
                    "invoice_date_due": "2026-01-15",
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

    def _issue_credit(self, client_id, amount):
        """Issue a credit and return the id of its receivable item."""
        move_id = self.officer.call(
            "client.account",
            "issue_credit",
            [self._open_account(client_id)],
            amount,
            "Class cancelled",
        )
        [(item_id,)] = self._query(
            """
            SELECT line.id
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE line.move_id = %s AND account.account_type = 'asset_receivable'
            """,
            move_id,
        )
        return item_id

    # === Reading the books ===

    def _fetch_residuals(self, client_id):
        """Return what is open on each receivable item of a client, credits first."""
        rows = self._query(
            """
            SELECT line.amount_residual
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE line.partner_id = %s AND line.parent_state = 'posted'
               AND account.account_type = 'asset_receivable'
             ORDER BY line.balance, line.amount_residual
            """,
            client_id,
        )
        return [float(residual) for (residual,) in rows]

    def _fetch_adjustments(self, key):
        """Return id and state of the entries booked under a key."""
        return self._query(
            "SELECT id, state FROM account_move WHERE client_adjustment_key = %s", key
        )

    def _fetch_allocated(self, item_id):
        """Return how much of a credit is allocated."""
        [(amount,)] = self._query(
            "SELECT COALESCE(SUM(amount), 0) FROM account_partial_reconcile"
            " WHERE credit_move_id = %s",
            item_id,
        )
        return float(amount)

    def _assert_residuals_agree(self, client_ids):
        """Check that what is open on each item is its amount less what is allocated."""
        wrong = self._query(
            """
            SELECT line.id, line.balance, line.amount_residual, allocated.amount
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
              CROSS JOIN LATERAL (
                SELECT COALESCE(SUM(
                    CASE WHEN debit_move_id = line.id THEN amount ELSE -amount END
                ), 0) AS amount
                  FROM account_partial_reconcile
                 WHERE line.id IN (debit_move_id, credit_move_id)
              ) allocated
             WHERE line.partner_id = ANY(%s)
               AND account.account_type = 'asset_receivable'
               AND line.amount_residual <> line.balance - allocated.amount
            """,
            client_ids,
        )
        self.assertEqual(wrong, [])
        disagreeing = self._query(
            """
            SELECT line.partner_id, SUM(line.balance), SUM(line.amount_residual)
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE line.partner_id = ANY(%s) AND line.parent_state = 'posted'
               AND account.account_type = 'asset_receivable'
             GROUP BY 1
            HAVING SUM(line.balance) <> SUM(line.amount_residual)
            """,
            client_ids,
        )
        self.assertEqual(disagreeing, [])

    # === Accounts ===

    def test_eight_callers_open_one_account_of_a_new_client(self):
        """One row, and all are shown the same one; contacts stand for their client."""
        [client_id] = self._make_clients(1)
        contact_id = self.admin.call(
            "res.partner", "create", {"name": "Contact", "parent_id": client_id}
        )
        calls = [
            partial(
                officer.call_until_answered,
                "res.partner",
                "action_open_client_account",
                [partner_id],
            )
            for officer in self.officers
            for partner_id in [client_id, contact_id] * 2
        ]
        actions = self._race(calls, "client_account")
        self.assertEqual(self._get_refusals(actions), [])
        rows = self._query(
            "SELECT id, partner_id FROM client_account WHERE partner_id IN (%s, %s)",
            client_id,
            contact_id,
        )
        self.assertEqual([partner_id for _id, partner_id in rows], [client_id])
        self.assertEqual([action["res_id"] for action in actions], [rows[0][0]] * 8)

    def test_eight_callers_issue_the_first_credit_of_a_new_client(self):
        """One account, and it holds the credit of each of them."""
        [client_id] = self._make_clients(1)

        def issue_credit(officer, number):
            action = officer.call_until_answered(
                "res.partner", "action_client_issue_credit", [client_id]
            )
            wizard_id = officer.call(
                "client.account.adjustment",
                "create",
                {"amount": 10.0, "reason": f"Class {number} cancelled"},
                context=action["context"],
            )
            return officer.call_until_answered(
                "client.account.adjustment", "action_confirm", [wizard_id]
            )

        calls = [
            partial(issue_credit, self.officers[number % 2], number)
            for number in range(8)
        ]
        answers = self._race(calls, "client_account")
        self.assertEqual(self._get_refusals(answers), [])
        self.assertEqual(self._fetch_residuals(client_id), [-10.0] * 8)
        [(count,)] = self._query(
            "SELECT COUNT(*) FROM client_account WHERE partner_id = %s", client_id
        )
        self.assertEqual(count, 1)

    # === Keys ===

    def test_sixteen_callers_with_one_key_book_one_credit(self):
        """Case 26: the same key is booked once, and each caller gets that entry."""
        [client_id] = self._make_clients(1)
        account_id = self._open_account(client_id)
        for number in range(3):
            key = f"race-{uuid.uuid4()}"
            calls = [
                partial(
                    self.officers[caller % 2].call_until_answered,
                    "client.account",
                    "issue_credit",
                    [account_id],
                    25.0,
                    "Class cancelled",
                    "2026-01-15",
                    key,
                )
                for caller in range(16)
            ]
            answers = self._race(calls, "account_move")
            [(move_id, state)] = self._fetch_adjustments(key)
            self.assertEqual(state, "posted")
            self.assertEqual(answers, [move_id] * 16)
            self.assertEqual(self._fetch_residuals(client_id), [-25.0] * (number + 1))

    def test_refused_when_one_key_comes_with_two_amounts_at_once(self):
        """Case 26: the same key with another amount is an error that says so."""
        [client_id] = self._make_clients(1)
        account_id = self._open_account(client_id)
        key = f"race-{uuid.uuid4()}"
        calls = [
            partial(
                self.officer.call_until_answered,
                "client.account",
                "issue_credit",
                [account_id],
                amount,
                "Class cancelled",
                key=key,
            )
            for amount in (25.0, 30.0)
        ]
        answers = self._race(calls, "account_move")
        [(move_id, _state)] = self._fetch_adjustments(key)
        self.assertIn(move_id, answers)
        [refusal] = self._get_refusals(answers)
        self.assertIn("with other values already", refusal)
        self.assertEqual(len(self._fetch_residuals(client_id)), 1)

    def test_refused_when_one_key_comes_for_two_clients_at_once(self):
        """Case 26: a key is one in the company, and has a lock of its own."""
        client_ids = self._make_clients(2)
        key = f"race-{uuid.uuid4()}"
        calls = [
            partial(
                self.officer.call_until_answered,
                "client.account",
                "issue_credit",
                [self._open_account(client_id)],
                25.0,
                "Class cancelled",
                key=key,
            )
            for client_id in client_ids
        ]
        answers = self._race(calls, "account_move")
        [(move_id, _state)] = self._fetch_adjustments(key)
        self.assertIn(move_id, answers)
        [refusal] = self._get_refusals(answers)
        self.assertRegex(refusal, "The key race-.* has booked .* with other values")
        residuals = [self._fetch_residuals(client_id) for client_id in client_ids]
        self.assertCountEqual(residuals, [[], [-25.0]])

    # === Windows ===

    def test_four_callers_confirm_one_window_and_book_one_payment(self):
        """Case 41: an answer that was lost, two tabs, a second call."""
        [client_id] = self._make_clients(1)
        account_id = self._open_account(client_id)
        window_ids = [
            self.officer.call(
                "client.account.payment",
                "create",
                {"account_id": account_id, "amount": 50.0},
            )
            for _window in range(2)
        ]
        confirm = partial(
            self.officer.call_until_answered,
            "client.account.payment",
            "action_confirm",
            window_ids[:1],
        )
        answers = self._race([confirm] * 4, "account_move")
        self.assertEqual(self._get_refusals(answers), [])
        self.assertEqual(answers, [answers[0]] * 4)
        self.assertEqual(self._fetch_residuals(client_id), [-50.0])
        self.assertEqual(confirm(), answers[0])
        # Another window with the same values is another booking.
        self.officer.call("client.account.payment", "action_confirm", window_ids[1:])
        self.assertEqual(self._fetch_residuals(client_id), [-50.0, -50.0])

    def test_a_window_confirmed_after_a_failure_books(self):
        """What was rolled back left no answer: the one that waited books."""
        [client_id] = self._make_clients(1)
        window_id = self.officer.call(
            "client.account.adjustment",
            "create",
            {
                "account_ids": [(6, 0, [self._open_account(client_id)])],
                "amount": 25.0,
                "reason": "Class cancelled",
            },
        )
        confirm = partial(
            self.officer.call_until_answered,
            "client.account.adjustment",
            "action_confirm",
            [window_id],
        )
        with (
            ThreadPoolExecutor(1) as pool,
            db_connect(get_db_name()).cursor() as holder,
        ):
            holder.execute(
                "SELECT FROM client_account_adjustment WHERE id = %s FOR UPDATE",
                (window_id,),
            )
            waiting = pool.submit(confirm)
            self._wait_for_waiting(1, [waiting])
            holder.rollback()
            answer = waiting.result(timeout=2 * CALL_TIMEOUT)
        self.assertEqual(self._fetch_residuals(client_id), [-25.0])
        self.assertEqual(confirm(), answer)

    # === Allocation ===

    def _open_wizard(self, officer, item_id, invoice_id, amount):
        """Open the wizard for a credit with one invoice's amount; return its id."""
        wizard_id = officer.call(
            "client.credit.allocation",
            "create",
            {},
            context={"default_credit_line_id": item_id},
        )
        [[line_id]] = self._query(
            """
            SELECT line.id
              FROM client_credit_allocation_line line
              JOIN account_move_line item ON item.id = line.debit_line_id
             WHERE line.allocation_id = %s AND item.move_id = %s
            """,
            wizard_id,
            invoice_id,
        )
        officer.call(
            "client.credit.allocation",
            "write",
            [wizard_id],
            {"line_ids": [(1, line_id, {"amount": amount})]},
        )
        return wizard_id

    def _prepare_allocations(self, client_ids, amounts):
        """Prepare two officers' wizards for each client with a credit of 100.

        Each officer is about to give an amount of it to another invoice of 80.

        :param amounts: one for each officer
        :return: the credits' items and, in pairs, the calls
        """
        invoice_ids = self._make_invoices(client_ids * 2, 80.0)
        self.admin.call("account.move", "action_post", invoice_ids)
        item_ids = [self._issue_credit(client_id, 100.0) for client_id in client_ids]
        count = len(client_ids)
        wizards = [
            (officer, self._open_wizard(officer, item_id, invoice_id, amount))
            for item_id, *pair in zip(
                item_ids, invoice_ids[:count], invoice_ids[count:], strict=True
            )
            for officer, invoice_id, amount in zip(
                self.officers, pair, amounts, strict=True
            )
        ]
        calls = [
            partial(
                officer.call_until_answered,
                "client.credit.allocation",
                "action_allocate",
                [wizard_id],
            )
            for officer, wizard_id in wizards
        ]
        return item_ids, calls

    def test_two_users_cannot_spend_one_credit_twice(self):
        """Case 16: 80 twice of a credit of 100 at once: one is given, one refused."""
        for _batch in range(2):
            client_ids = self._make_clients(10)
            item_ids, calls = self._prepare_allocations(client_ids, (80.0, 80.0))
            answers = self._race(calls, "account_partial_reconcile")
            self._assert_residuals_agree(client_ids)
            pairs = zip(answers[::2], answers[1::2], strict=True)
            for client_id, item_id, pair in zip(
                client_ids, item_ids, pairs, strict=True
            ):
                self.assertEqual(self._fetch_allocated(item_id), 80.0)
                self.assertEqual(self._fetch_residuals(client_id), [-20.0, 0.0, 80.0])
                [refusal] = self._get_refusals(pair)
                self.assertIn("has left", refusal)

    def test_two_users_split_one_credit_where_it_suffices(self):
        """Case 16: 80 and 20 of a credit of 100 at once: both are given."""
        client_ids = self._make_clients(5)
        item_ids, calls = self._prepare_allocations(client_ids, (80.0, 20.0))
        answers = self._race(calls, "account_partial_reconcile")
        self.assertEqual(self._get_refusals(answers), [])
        self._assert_residuals_agree(client_ids)
        for client_id, item_id in zip(client_ids, item_ids, strict=True):
            self.assertEqual(self._fetch_allocated(item_id), 100.0)
            self.assertEqual(self._fetch_residuals(client_id), [0.0, 0.0, 60.0])

    # === Posting ===

    def _get_other_sales_journal(self):
        """Return the id of a second journal: invoices of one wait for each other."""
        journals = self.admin.call(
            "account.journal", "search", [("code", "=", "RACE")], limit=1
        )
        if journals:
            return journals[0]
        return self.admin.call(
            "account.journal",
            "create",
            {"name": "Race Sales", "code": "RACE", "type": "sale"},
        )

    def _post_at_once(self, client_ids, item_ids, invoice_ids):
        """Post invoices at once; each client has two of 80 and a credit of 100."""
        calls = [
            partial(
                self.admin.call_until_answered,
                "account.move",
                "action_post",
                [invoice_id],
            )
            for invoice_id in invoice_ids
        ]
        answers = self._race(calls, "account_partial_reconcile")
        self.assertEqual(self._get_refusals(answers), [])
        self._assert_residuals_agree(client_ids)
        for client_id, item_id in zip(client_ids, item_ids, strict=True):
            self.assertEqual(self._fetch_allocated(item_id), 100.0)
            self.assertEqual(self._fetch_residuals(client_id), [0.0, 0.0, 60.0])

    def test_two_invoices_posted_at_once_share_one_credit(self):
        """Case 16: two invoices of 80 take 80 and 20 of a credit of 100."""
        client_ids = self._make_clients(5)
        item_ids = [self._issue_credit(client_id, 100.0) for client_id in client_ids]
        invoice_ids = self._make_invoices(client_ids, 80.0)
        other_ids = self._make_invoices(
            client_ids, 80.0, journal_id=self._get_other_sales_journal()
        )
        # Pair by pair: both have found the credit before either takes of it.
        for client_id, item_id, *pair in zip(
            client_ids, item_ids, invoice_ids, other_ids, strict=True
        ):
            self._post_at_once([client_id], [item_id], pair)

    def test_many_invoices_of_one_journal_posted_at_once_share_credits(self):
        """Case 16: the same where posting waits for the journal's next number."""
        client_ids = self._make_clients(5)
        item_ids = [self._issue_credit(client_id, 100.0) for client_id in client_ids]
        invoice_ids = self._make_invoices(client_ids * 2, 80.0)
        self._post_at_once(client_ids, item_ids, invoice_ids)

    # === Kills and lost answers ===

    def test_a_credit_whose_answer_was_lost_is_booked_once(self):
        """Case 26: the caller hung up before the answer came, and repeats the call."""
        [client_id] = self._make_clients(1)
        account_id = self._open_account(client_id)
        key = f"race-{uuid.uuid4()}"
        call = ("client.account", "issue_credit", [account_id], 25.0, "Class cancelled")
        body = xmlrpc.client.dumps(
            self.officer.prepare_arguments(*call, key=key), "execute_kw"
        )
        connection = http.client.HTTPConnection(
            urlsplit(self.server.url).netloc, timeout=CALL_TIMEOUT
        )
        connection.request("POST", "/xmlrpc/2/object", body)
        connection.close()
        self._wait_until(
            lambda: self._fetch_adjustments(key), "The credit should be booked."
        )
        [(move_id, state)] = self._fetch_adjustments(key)
        self.assertEqual(state, "posted")
        self.assertEqual(self.officer.call_until_answered(*call, key=key), move_id)
        self.assertEqual(self._fetch_residuals(client_id), [-25.0])

    def _start_issuing(self, keys_by_account, answers):
        """Start a caller for each account; one ends early when the server is gone.

        :param dict answers: filled with the answer to each key; keys in it are left out
        :return: the threads
        """

        def issue_credits(account_id, keys):
            for key in keys:
                if key in answers:
                    continue
                try:
                    answers[key] = self.officer.call_until_answered(
                        "client.account",
                        "issue_credit",
                        [account_id],
                        10.0,
                        "Class cancelled",
                        key=key,
                    )
                except (OSError, http.client.HTTPException):
                    return

        threads = [
            threading.Thread(target=issue_credits, args=item)
            for item in keys_by_account.items()
        ]
        for thread in threads:
            thread.start()
        return threads

    def _join(self, threads):
        for thread in threads:
            thread.join(2 * CALL_TIMEOUT)
            self.assertFalse(thread.is_alive())

    def _kill_in_the_middle(self):
        """Kill the server while entries are under way, made but without their items."""
        with db_connect(get_db_name()).cursor() as holder:
            self._hold(holder, "account_move_line")
            self._wait_for_waiting(1)
            self.server.kill()
            holder.rollback()

    def test_calls_repeated_after_a_kill_book_each_key_once(self):
        """Case 26: a server killed half way; what had no answer is called again."""
        client_ids = self._make_clients(6)
        keys_by_account = {
            self._open_account(client_id): [f"race-{uuid.uuid4()}" for _ in range(12)]
            for client_id in client_ids
        }
        keys = [key for keys in keys_by_account.values() for key in keys]
        answers = {}
        threads = self._start_issuing(keys_by_account, answers)
        try:
            self._wait_until(lambda: len(answers) >= 20, "20 calls should be answered.")
            self._kill_in_the_middle()
        finally:
            self.server.kill()
            self._join(threads)
        before = dict(answers)
        self.assertLess(len(before), len(keys), "Some calls should have no answer.")

        self.server.start(*ADMIN)
        self._join(self._start_issuing(keys_by_account, answers))
        booked = {key: self._fetch_adjustments(key) for key in keys}
        self.assertEqual(booked, {key: [(answers[key], "posted")] for key in keys})
        self.assertEqual({key: answers[key] for key in before}, before)
        for client_id in client_ids:
            self.assertEqual(self._fetch_residuals(client_id), [-10.0] * 12)
