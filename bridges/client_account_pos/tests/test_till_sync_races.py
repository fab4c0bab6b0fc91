from concurrent.futures import ThreadPoolExecutor
from functools import partial

from odoo.tests import tagged

from odoo.addons.client_account.tests.server_case import ADMIN, ServerCase

from .till_race import ORDER, TillRace

ACCOUNT = "client.account"
TILLS = 4
CREDIT, SOLD, INVOICED = 100.0, 20.0, 10.0


@tagged("post_install", "-at_install")
class TestTillSyncRaces(ServerCase):
    """Tills that send the orders of several clients at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.race = TillRace(cls.server, ADMIN, cls._query)
        cls.session_ids = [cls.race.open_session() for _till in range(TILLS)]

    def _make_credited_clients(self, count):
        """Make clients who have credit, and may owe nothing."""
        client_ids = self._make_clients(count)
        values = {"client_negative_balance": "prevented", "customer_rank": 1}
        self.admin.call("res.partner", "write", client_ids, values)
        account_ids = self.admin.call(
            ACCOUNT, "search", [("partner_id", "in", client_ids)]
        )
        for account_id in account_ids:
            self.admin.call(ACCOUNT, "issue_credit", [account_id], CREDIT, "Race")
        return client_ids

    def _send(self, session_id, client_ids):
        """Send an order of each client in one call."""
        orders = [
            self.race.build_order(session_id, client_id, SOLD)
            for client_id in client_ids
        ]
        return self.race.admin.call(ORDER, "sync_from_ui", orders)

    def test_clients_sent_in_opposite_order_keep_no_till_waiting_for_another(self):
        client_ids = self._make_credited_clients(3)
        calls = [
            partial(self._send, session_id, client_ids[:: -1 if number % 2 else 1])
            for number, session_id in enumerate(self.session_ids)
        ]
        calls += [
            partial(self.race.make_invoice, client_id, INVOICED)
            for client_id in client_ids
        ]
        with ThreadPoolExecutor(len(calls)) as pool:
            list(pool.map(lambda call: call(), calls))
        self.assertNotIn("deadlock detected", self.server.read_log())
        left = TILLS * SOLD + INVOICED - CREDIT
        for client_id in client_ids:
            self.assertEqual(self.race.reckon(client_id), left)
