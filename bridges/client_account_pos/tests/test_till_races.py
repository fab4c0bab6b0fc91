from functools import partial

from odoo.tests import tagged

from odoo.addons.client_account.tests.server_case import ADMIN, ServerCase

from .till_race import TillRace

REQUEST, ACCOUNT = "client.account.request", "client.account"
CALLERS = 16
LIMIT = 100.0
# More of both are for the long form, which is `TillRace.run` with other numbers.
TILLS = 3
FEW_CALLERS = 6
OPERATIONS = 60


@tagged("post_install", "-at_install")
class TestTillRaces(ServerCase):
    """Many tills, and the back office, at the limit of one client at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # First: a request is submitted where somebody may decide about it.
        cls.approver = cls._sign_in(
            "till_race", "till race", "group_client_account_approver"
        )
        cls.race = TillRace(cls.server, ADMIN, cls._query)
        cls.session_ids = [cls.race.open_session() for _till in range(TILLS)]

    def _make_limited_client(self):
        """Make a client with a limit; return the ids of contact and account."""
        [client_id] = self._make_clients(1)
        self.admin.call("res.partner", "write", [client_id], {"customer_rank": 1})
        request_id = self.admin.call(
            REQUEST,
            "create",
            {"partner_id": client_id, "requested_limit": LIMIT, "reason": "Race"},
        )
        self.admin.call(REQUEST, "action_submit", [request_id])
        self.approver.call(REQUEST, "action_approve", [request_id])
        [request] = self.admin.call(REQUEST, "read", [request_id], ["account_id"])
        account_id = request["account_id"][0]
        self.admin.call(
            ACCOUNT, "write", [account_id], {"negative_balance": "prevented"}
        )
        return client_id, account_id

    def _get_available(self, account_id):
        [account] = self.admin.call(ACCOUNT, "read", [account_id], ["available"])
        return account["available"]

    def _build_orders(self, client_id, count):
        return [
            self.race.build_order(
                self.session_ids[number % TILLS], client_id, LIMIT / 10
            )
            for number in range(count)
        ]

    def test_of_sixteen_orders_asked_about_at_once_ten_are_allowed(self):
        client_id, account_id = self._make_limited_client()
        orders = self._build_orders(client_id, CALLERS)
        refusals = self._race(
            [partial(self.race.request, order) for order in orders],
            "client_till_grant",
        )
        allowed = [
            order
            for order, refusal in zip(orders, refusals, strict=True)
            if not refusal
        ]
        self.assertEqual(len(allowed), 10)
        self.assertEqual(self._get_available(account_id), 0.0)
        for order in allowed:
            self.race.send(order)
        self.assertEqual(self._get_available(account_id), 0.0)
        self.assertEqual(self.race.reckon(client_id), LIMIT)

    def test_an_order_sent_again_counts_once(self):
        client_id, account_id = self._make_limited_client()
        [order] = self._build_orders(client_id, 1)
        self.assertEqual(self.race.request(order), "")
        self.race.send(order)
        self.race.send(order)
        self.assertEqual(self._get_available(account_id), LIMIT * 0.9)

    def test_tills_and_the_back_office_at_once_take_the_limit_and_no_more(self):
        client_id, account_id = self._make_limited_client()
        outcomes = self.race.run(client_id, self.session_ids, FEW_CALLERS, OPERATIONS)
        self.assertTrue(outcomes["sell", "refused"], outcomes)
        self.assertTrue(outcomes["sell", "done"], outcomes)
        taken = self.race.reckon(client_id)
        self.assertLessEqual(taken, LIMIT)
        self.assertGreater(taken, LIMIT - 5)
        self.assertEqual(self._get_available(account_id), LIMIT - taken)
