import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request

from odoo.tests import tagged

from .server import CALL_TIMEOUT, JsonClient, JsonFault
from .server_case import ServerCase

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
