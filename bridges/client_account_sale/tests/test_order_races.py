from concurrent.futures import ThreadPoolExecutor
from functools import partial

from odoo.tests import tagged

from odoo.addons.client_account.tests.server import CALL_TIMEOUT
from odoo.addons.client_account.tests.server_case import ADMIN, ServerCase

from .order_race import ACCOUNT, LINE, MOVE, ORDER, OrderRace

REQUEST = "client.account.request"
CALLERS = 16
LIMIT = 100.0
# The long form is `dev/bench orders`.
FEW_CALLERS = 4
OPERATIONS = 120


@tagged("post_install", "-at_install")
class TestOrderRaces(ServerCase):
    """Orders confirmed and growing at once against one limit, invoices beside them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # First: a request is submitted where somebody may decide about it.
        cls.approver = cls._sign_in(
            "order_race", "order race", "group_client_account_approver"
        )
        cls.race = OrderRace(cls.server, ADMIN, cls._query)

    # === Fixtures ===

    def _make_limited_client(self, limit=LIMIT):
        """Make a client with a limit; return the ids of contact and account."""
        [client_id] = self._make_clients(1)
        self.admin.call("res.partner", "write", [client_id], {"customer_rank": 1})
        request_id = self.admin.call(
            REQUEST,
            "create",
            {"partner_id": client_id, "requested_limit": limit, "reason": "Race"},
        )
        self.admin.call(REQUEST, "action_submit", [request_id])
        self.approver.call(REQUEST, "action_approve", [request_id])
        [request] = self.admin.call(REQUEST, "read", [request_id], ["account_id"])
        account_id = request["account_id"][0]
        self.admin.call(
            ACCOUNT, "write", [account_id], {"negative_balance": "prevented"}
        )
        return client_id, account_id

    def _call_at_once(self, calls):
        """Make calls at once, and return their answers in the same order."""
        with ThreadPoolExecutor(len(calls)) as pool:
            futures = [pool.submit(call) for call in calls]
            return [future.result(timeout=2 * CALL_TIMEOUT) for future in futures]

    def _prepare(self, model, method, ids, *args):
        """Return one call for each record."""
        return [partial(self.race.call, model, method, [id_], *args) for id_ in ids]

    # === Races ===

    def test_of_sixteen_orders_confirmed_at_once_ten_are(self):
        client_id, account_id = self._make_limited_client()
        order_ids = self.race.make_orders(client_id, CALLERS, 10)
        answers = self._race(
            self._prepare(ORDER, "action_confirm", order_ids), "sale_order"
        )
        self.assertEqual(len(self._get_refusals(answers)), CALLERS - 10)
        confirmed = self.admin.call(
            ORDER, "search_count", [("id", "in", order_ids), ("state", "=", "sale")]
        )
        self.assertEqual(confirmed, 10)
        self.assertEqual(self.race.get_available(account_id), 0.0)

    def test_orders_that_grow_beside_invoices_take_exactly_the_limit(self):
        client_id, account_id = self._make_limited_client(140)
        order_ids = self.race.make_orders(client_id, 4, 10)
        self.admin.call(ORDER, "action_confirm", order_ids)
        self.assertEqual(self.race.get_available(account_id), 100.0)
        line_ids = self.admin.call(LINE, "search", [("order_id", "in", order_ids)])
        move_ids = self.race.make_invoices(client_id, 8, 10)
        answers = self._call_at_once(
            self._prepare(LINE, "write", line_ids, {"price_unit": 30})
            + self._prepare(MOVE, "action_post", move_ids)
        )
        self.assertTrue(self._get_refusals(answers))
        self.assertEqual(self.race.get_available(account_id), 0.0)

    def test_own_invoices_beside_new_orders_are_never_refused(self):
        client_id, account_id = self._make_limited_client()
        order_ids = self.race.make_orders(client_id, 10, 10)
        self.admin.call(ORDER, "action_confirm", order_ids)
        more_ids = self.race.make_orders(client_id, 6, 10)
        move_ids = [self.race.make_own_invoice(order_id) for order_id in order_ids]
        own = self._prepare(MOVE, "action_post", move_ids)
        new = self._prepare(ORDER, "action_confirm", more_ids)
        answers = self._call_at_once(own + new)
        self.assertFalse(self._get_refusals(answers[: len(own)]))
        self.assertEqual(len(self._get_refusals(answers[len(own) :])), len(new))
        self.assertEqual(self.race.get_available(account_id), 0.0)

    def test_mixed_operations_are_never_below_the_limit_and_add_up(self):
        """Orders confirmed, grown, cancelled and invoiced, and invoices of their own;
        somebody looks all the time."""
        client_id, account_id = self._make_limited_client()
        outcomes, lowest = self.race.run(client_id, account_id, FEW_CALLERS, OPERATIONS)
        self.assertGreaterEqual(lowest, 0.0)
        self.assertTrue(outcomes["order", "refused"], "the limit was reached")
        self.assertFalse(outcomes["bill", "refused"], "an order's own invoice")
        self.assertEqual(
            self.race.get_available(account_id), LIMIT - self.race.reckon(client_id)
        )
