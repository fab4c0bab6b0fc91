import contextlib
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request

from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged

from .server import CALL_TIMEOUT, JsonClient, JsonFault
from .server_case import ADMIN, ServerCase

# As many at once as a server has connections for.
CLIENTS = 5
ROUNDS = 20
NOTIFICATIONS = 11
PASSWORD = "portal-race"


class PortalClient(JsonClient):
    """A client with a session in the portal."""

    def open_page(self, path):
        """Return the text of a page."""
        request = Request(self.server.url + path)
        with self._opener.open(request, timeout=CALL_TIMEOUT) as response:
            return response.read().decode()

    def begin_top_up(self, amount, provider_id, method_id):
        """Begin a top-up as the payment form does."""
        page = self.open_page(f"/my/client_account/topup?amount={amount}")
        token = re.search(r'data-access-token="([^"]+)"', page)[1]
        self._post(
            "/my/client_account/topup/transaction",
            {
                "amount": amount,
                "access_token": token,
                "provider_id": provider_id,
                "payment_method_id": method_id,
                "token_id": None,
                "flow": "redirect",
                "tokenization_requested": False,
            },
        )

    def notify(self):
        """Have the transaction of the session post-processed, as its page does again
        and again; return whether it was."""
        try:
            return bool(self._post("/payment/status/poll", {}))
        except HTTPError as error:
            # The server has no connection left for so many at once: a notification
            # that is lost, as others are.
            if error.code != 500:
                raise
            return False
        except JsonFault as fault:
            if "retry" in str(fault):
                return False
            raise

    def pay_with_credit(self, invoice_id, amount, due):
        """Send the form that pays an invoice with credit, as it was shown."""
        page = self.open_page("/my/security")
        token = re.search(r'csrf_token: "([^"]+)"', page)[1]
        data = {"csrf_token": token, "amount": str(amount), "due": str(due)}
        request = Request(
            f"{self.server.url}/my/client_account/pay/{invoice_id}",
            urlencode(data).encode(),
        )
        with self._opener.open(request, timeout=CALL_TIMEOUT) as response:
            return response.read().decode()

    def pay(self, case, amount):
        """Top up: begun, taken by the provider, and notified of many times at once."""
        self.begin_top_up(amount, case.provider_id, case.method_id)
        [(transaction_id,)] = case._query(
            "SELECT MAX(transaction.id) FROM payment_transaction transaction"
            " JOIN res_users ON res_users.partner_id = transaction.partner_id"
            " WHERE res_users.id = %s",
            self.uid,
        )
        case.admin.call_until_answered(
            "payment.transaction", "write", [transaction_id], {"state": "done"}
        )
        with ThreadPoolExecutor(NOTIFICATIONS) as pool:
            answers = [
                future.result()
                for future in [pool.submit(self.notify) for _n in range(NOTIFICATIONS)]
            ]
        while not any(answers):
            answers = [self.notify()]
        return transaction_id


@tagged("post_install", "-at_install")
class TestOnlineRaces(ServerCase):
    """Money that is notified of many times at once is booked once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        call = cls.admin.call
        form = call(
            "ir.ui.view", "create", {"type": "qweb", "arch": "<form method='post'/>"}
        )
        [(cls.method_id,)] = cls._query(
            "SELECT res_id FROM ir_model_data WHERE module = 'payment'"
            " AND name = 'payment_method_unknown'"
        )
        token = uuid.uuid4().hex[:8]
        cls.provider_id = call(
            "payment.provider",
            "create",
            {
                "name": f"Race {token}",
                "code": "none",
                "state": "test",
                "is_published": True,
                "redirect_form_view_id": form,
                "payment_method_ids": [(6, 0, [cls.method_id])],
            },
        )
        cls.addClassCleanup(
            call, "payment.provider", "write", [cls.provider_id], {"state": "disabled"}
        )
        call("payment.method", "write", [cls.method_id], {"active": True})
        [journal] = call(
            "account.journal",
            "search_read",
            [("type", "=", "bank"), ("company_id", "=", 1)],
            ["inbound_payment_method_line_ids"],
            limit=1,
        )
        line_id = journal["inbound_payment_method_line_ids"][0]
        call(
            "account.payment.method.line",
            "write",
            [line_id],
            {"payment_provider_id": cls.provider_id},
        )
        cls.addClassCleanup(
            call,
            "account.payment.method.line",
            "write",
            [line_id],
            {"payment_provider_id": False},
        )

    def _make_portal_clients(self, count):
        """Return clients with sessions in the portal."""
        [(group_id,)] = self._query(
            "SELECT res_id FROM ir_model_data WHERE module = 'base'"
            " AND name = 'group_portal'"
        )
        clients = []
        for partner_id in self._make_clients(count):
            login = f"race_{uuid.uuid4().hex[:8]}"
            self.admin.call(
                "res.users",
                "create",
                {
                    "login": login,
                    "password": PASSWORD,
                    "partner_id": partner_id,
                    "group_ids": [(6, 0, [group_id])],
                },
                context={"no_reset_password": True},
            )
            clients.append(PortalClient(self.server, login, PASSWORD))
        return clients

    def test_a_hundred_payments_with_eleven_notifications_each(self):
        clients = self._make_portal_clients(CLIENTS)

        def pay_again_and_again(number):
            return [
                clients[number].pay(self, 10 + number + turn) for turn in range(ROUNDS)
            ]

        with ThreadPoolExecutor(CLIENTS) as pool:
            paid = sum(pool.map(pay_again_and_again, range(CLIENTS)), [])
        self.assertEqual(len(set(paid)), CLIENTS * ROUNDS)
        rows = self._query(
            """
            SELECT transaction.id, transaction.amount, COUNT(move.id),
                   SUM(-line.balance), BOOL_AND(move.client_account_credit)
              FROM payment_transaction transaction
              LEFT JOIN account_move move
                ON move.client_transaction_id = transaction.id
              LEFT JOIN account_move_line line ON line.move_id = move.id
               AND line.partner_id = transaction.partner_id
               AND line.account_id IN (SELECT id FROM account_account
                                        WHERE account_type = 'asset_receivable')
             WHERE transaction.id = ANY(%s)
             GROUP BY 1, 2
            """,
            paid,
        )
        self.assertEqual(len(rows), CLIENTS * ROUNDS)
        for _transaction_id, amount, entries, booked, marked in rows:
            self.assertEqual((entries, booked, marked), (1, amount, True))
        payments = self._query(
            "SELECT COUNT(*) FROM account_payment"
            " WHERE payment_transaction_id = ANY(%s)",
            paid,
        )
        self.assertEqual(payments, [(CLIENTS * ROUNDS,)])

    def _get_account_id(self, client):
        [(account_id,)] = self._query(
            "SELECT account.id FROM client_account account JOIN res_users"
            " ON res_users.partner_id = account.partner_id WHERE res_users.id = %s"
            " AND account.company_id = 1",
            client.uid,
        )
        return account_id

    def test_the_same_form_sent_six_times_at_once_pays_once(self):
        [client] = self._make_portal_clients(1)
        partner_id = self.admin.call("res.users", "read", [client.uid], ["partner_id"])
        partner_id = partner_id[0]["partner_id"][0]
        [invoice_id] = self.admin.call(
            "account.move",
            "create",
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner_id,
                    "invoice_date": "2026-01-31",
                    "invoice_line_ids": [
                        (0, 0, {"name": "Lesson", "price_unit": 99, "tax_ids": []})
                    ],
                }
            ],
        )
        self.admin.call("account.move", "action_post", [invoice_id])
        account_id = self._get_account_id(client)
        self.admin.call("client.account", "issue_credit", [account_id], 80, "Cancelled")
        with ThreadPoolExecutor(6) as pool:
            list(
                pool.map(
                    lambda _number: client.pay_with_credit(invoice_id, 60, 99), range(6)
                )
            )
        [(due,)] = self._query(
            "SELECT amount_residual FROM account_move WHERE id = %s", invoice_id
        )
        self.assertEqual(due, 39)

    def test_killed_in_the_middle_of_a_charge_nothing_is_charged_twice(self):
        [client] = self._make_portal_clients(1)
        partner_id = self.admin.call("res.users", "read", [client.uid], ["partner_id"])
        partner_id = partner_id[0]["partner_id"][0]
        token_id = self.admin.call(
            "payment.token",
            "create",
            {
                "provider_id": self.provider_id,
                "payment_method_id": self.method_id,
                "partner_id": partner_id,
                "provider_ref": "ref",
                "payment_details": "4242",
            },
        )
        client.begin_top_up(20, self.provider_id, self.method_id)
        account_id = self._get_account_id(client)
        [(cron_id,)] = self._query(
            "SELECT res_id FROM ir_model_data WHERE module = 'client_account'"
            " AND name = 'ir_cron_auto_top_up'"
        )
        # As the portal writes it: nobody else may.
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(
                "UPDATE client_account SET auto_token_id = %s, auto_threshold = 50,"
                " auto_maximum = 200, auto_declines = 0, auto_paused_until = NULL"
                " WHERE id = %s",
                [token_id, account_id],
            )

        def run_job():
            admin = self.server.sign_in(*ADMIN)
            with contextlib.suppress(OSError, HTTPException):
                admin.call("ir.cron", "method_direct_trigger", [cron_id])

        with (
            ThreadPoolExecutor(1) as pool,
            db_connect(get_db_name()).cursor() as holder,
        ):
            # The charge is on record when it comes to say so in the chatter.
            self._hold(holder, "mail_message")
            future = pool.submit(run_job)
            self._wait_until(lambda: self._count_waiting() >= 1, "The job should wait.")
            self.server.kill()
            holder.rollback()
            future.result(timeout=CALL_TIMEOUT)
        self.server.start(*ADMIN)
        self.__class__.admin = self.server.sign_in(*ADMIN)
        for _twice in range(2):
            run_job()
        charges = self._query(
            "SELECT amount, state FROM payment_transaction"
            " WHERE client_account_id = %s AND client_purpose = 'auto'",
            account_id,
        )
        self.assertEqual(charges, [(50, "draft")])
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(
                "UPDATE client_account SET auto_token_id = NULL WHERE id = %s",
                [account_id],
            )
