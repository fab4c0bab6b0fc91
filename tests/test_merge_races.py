import itertools
import uuid
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged

from ..const import KEY_LOCK
from .server import CALL_TIMEOUT
from .server_case import ServerCase

ACCOUNT, MERGE = "client.account", "base.partner.merge.automatic.wizard"
LIMIT = 100.0


@tagged("post_install", "-at_install")
class TestMergeRaces(ServerCase):
    """Clients that are merged, or moved below another one, while others book."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        [(cls.company_id,)] = cls._query(
            "SELECT company_id FROM res_users WHERE id = %s", cls.admin.uid
        )
        cls.approver = cls._sign_in(
            "merge_approver", "merge approver", "group_client_account_approver"
        )

    def setUp(self):
        super().setUp()
        self.begun = len(self.server.read_log())

    # === Fixtures ===

    def _open_accounts(self, client_ids, policy):
        """Open the accounts of clients with a policy; return their ids."""
        self.admin.call(
            "res.partner",
            "write",
            client_ids,
            {"client_negative_balance": policy, "customer_rank": 1},
        )
        rows = self._query(
            "SELECT partner_id, id FROM client_account"
            " WHERE partner_id = ANY(%s) AND company_id = %s",
            client_ids,
            self.company_id,
        )
        return [dict(rows)[client_id] for client_id in client_ids]

    def _grant(self, client_ids, limit):
        request = "client.account.request"
        ids = self.admin.call(
            request,
            "create",
            [
                {"partner_id": client_id, "requested_limit": limit, "reason": "Race"}
                for client_id in client_ids
            ],
        )
        self.admin.call(request, "action_submit", ids)
        self.approver.call(request, "action_approve", ids)

    def _make_invoices(self, client_ids, amount):
        line = {"name": "Race", "price_unit": amount, "tax_ids": []}
        return self.admin.call(
            "account.move",
            "create",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": client_id,
                    "invoice_payment_term_id": False,
                    "invoice_line_ids": [(0, 0, line)],
                }
                for client_id in client_ids
            ],
        )

    def _prepare_charge(self, account_id, amount, key=None):
        return partial(
            self._call,
            ACCOUNT,
            "charge",
            [account_id],
            amount,
            "Race",
            None,
            None,
            key or f"merge-{uuid.uuid4()}",
        )

    def _prepare_post(self, invoice_id):
        return partial(self._call, "account.move", "action_post", [invoice_id])

    def _prepare_merge(self, source_id, target_id):
        wizard_id = self.admin.call(
            MERGE,
            "create",
            {
                "partner_ids": [(6, 0, [source_id, target_id])],
                "dst_partner_id": target_id,
            },
        )
        return partial(self._call, MERGE, "action_merge", [wizard_id])

    def _call(self, *call):
        """Call until there is an answer; that a record is gone is one, too."""
        try:
            return self.admin.call_until_answered(*call)
        except xmlrpc.client.Fault as fault:
            if "does not exist" in fault.faultString:
                return fault
            raise

    def _prepare_move(self, client_id, parent_id):
        return partial(
            self._call, "res.partner", "write", [client_id], {"parent_id": parent_id}
        )

    # === Reading the books ===

    def _fetch_debt(self, client_id):
        [(debt,)] = self._query(
            """
            SELECT COALESCE(SUM(line.balance), 0)::float
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
              JOIN res_partner contact ON contact.id = line.partner_id
             WHERE contact.commercial_partner_id = %s
               AND account.account_type = 'asset_receivable'
               AND line.parent_state = 'posted'
            """,
            client_id,
        )
        return debt

    def _while_charging(self, account_id, amount, act):
        """Charge an account, held up once it has begun, while something else is done.

        :param act: function without arguments
        :return: the answer to the charge
        """
        key = f"merge-{uuid.uuid4()}"
        with (
            ThreadPoolExecutor(1) as pool,
            db_connect(get_db_name()).cursor() as holder,
        ):
            holder.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
                [KEY_LOCK, f"{self.company_id}/{key}"],
            )
            charging = pool.submit(self._prepare_charge(account_id, amount, key))
            try:
                self._wait_for_waiting(1, [charging])
                act()
            finally:
                holder.rollback()
            return charging.result(2 * CALL_TIMEOUT)

    # === Tests ===

    def test_a_charge_begun_before_its_client_moved_is_judged_with_the_new_one(self):
        """One may owe and the other may not: who charges saw the first one alone."""
        own_id, other_id = self._make_clients(2)
        [own] = self._open_accounts([own_id], "allowed")
        self._open_accounts([other_id], "prevented")
        self._prepare_charge(own, 5.0)()
        move = self._prepare_move(own_id, other_id)
        answer = self._while_charging(own, 50.0, move)
        [refusal] = self._get_refusals([answer])
        self.assertIn("cannot be posted", refusal)
        self.assertEqual(self._fetch_debt(other_id), 5.0)

    def _prepare_round(self, own_id, other_id):
        """Give two clients a limit, one a debt of 10, and prepare to post invoices and
        charges of 40: two of four fit each of them."""
        ids = [own_id, other_id]
        accounts = self._open_accounts(ids, "prevented")
        self._grant(ids, LIMIT)
        self._prepare_charge(accounts[0], 10.0)()
        invoice_ids = self._make_invoices([*ids, *ids], 40.0)
        return [
            *(self._prepare_post(invoice_id) for invoice_id in invoice_ids),
            *(self._prepare_charge(account_id, 40.0) for account_id in accounts * 2),
        ]

    def test_contacts_are_merged_while_others_book_without_a_deadlock(self):
        """Who posts holds rows and waits for the lock; who merges does not wait for
        rows while it has the lock."""
        own_id, other_id = self._make_clients(2)
        calls = self._prepare_round(own_id, other_id)
        calls.append(self._prepare_merge(own_id, other_id))
        *answers, merged = self._race(calls, "account_move_line")
        self.assertNotIn("deadlock detected", self.server.read_log()[self.begun :])
        self.assertNotIsInstance(merged, xmlrpc.client.Fault)
        refusals = self._get_refusals(answers)
        booked = len(answers) - len(refusals)
        debt = self._fetch_debt(other_id)
        self.assertEqual(debt, 10.0 + 40.0 * booked, refusals)
        # As much as both may owe, where all of it was booked before.
        self.assertLessEqual(debt, 2 * LIMIT)

    def test_terms_are_approved_while_the_contact_moves_without_a_deadlock(self):
        """Both write the contact and take its client's lock, in one order."""
        own_ids, other_ids = self._make_clients(6), self._make_clients(6)
        self._open_accounts([*own_ids, *other_ids], "allowed")
        [(term_id,)] = self._query("SELECT MIN(id) FROM account_payment_term")
        request = "client.account.request"
        values = {"subject": "terms", "payment_term_id": term_id, "reason": "Race"}
        request_ids = self.admin.call(
            request, "create", [{"partner_id": own_id, **values} for own_id in own_ids]
        )
        self.admin.call(request, "action_submit", request_ids)
        calls = []
        for own_id, other_id, request_id in zip(
            own_ids, other_ids, request_ids, strict=True
        ):
            calls.append(self._prepare_move(own_id, other_id))
            calls.append(
                partial(
                    self.approver.call_until_answered,
                    request,
                    "action_approve",
                    [request_id],
                )
            )
        self._race(calls, "res_partner")
        self.assertNotIn("deadlock detected", self.server.read_log()[self.begun :])

    def test_a_new_client_is_not_moved_while_its_first_charge_is_booked(self):
        """Neither who moves it nor who charges it finds an account of the client."""
        group_ids = [
            group_id
            for (group_id,) in self._query(
                "SELECT res_id FROM ir_model_data WHERE module = 'base'"
                " AND name IN ('group_user', 'group_partner_manager')"
            )
        ]
        manager = self._sign_in(
            "merge_contacts",
            "merge contacts",
            "group_user",
            "base",
            group_ids=[(6, 0, group_ids)],
        )
        # Held before the charge is looked at, and once it has its client's lock.
        for table, rank in itertools.product(
            ("account_move", "client_account"), (1, 0)
        ):
            own_id, other_id = self._make_clients(2)
            self._open_accounts([other_id], "prevented")
            self.admin.call("res.partner", "write", [own_id], {"customer_rank": rank})
            post = self._prepare_post(*self._make_invoices([own_id], 50.0))
            move = partial(
                manager.call_until_answered,
                "res.partner",
                "write",
                [own_id],
                {"parent_id": other_id},
            )
            with (
                self.subTest(table=table, rank=rank),
                ThreadPoolExecutor(2) as pool,
                db_connect(get_db_name()).cursor() as holder,
            ):
                self._hold(holder, table)
                posting = pool.submit(post)
                self._wait_for_waiting(1, [posting])
                moving = pool.submit(move)
                self._wait_until(
                    lambda moving=moving: moving.done() or self._count_waiting() > 1,
                    "Who moves the client should wait, or be through.",
                )
                holder.rollback()
                answers = [
                    future.result(2 * CALL_TIMEOUT) for future in (posting, moving)
                ]
                self.assertEqual(len(self._get_refusals(answers)), 1, answers)
                self.assertEqual(self._fetch_debt(other_id), 0.0)
