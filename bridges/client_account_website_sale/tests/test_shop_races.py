import re
import urllib.parse
import urllib.request
from functools import partial

from odoo.tests import tagged

from odoo.addons.client_account.tests.server import CALL_TIMEOUT, JsonClient
from odoo.addons.client_account.tests.server_case import ADMIN, ServerCase
from odoo.addons.client_account_sale.tests.order_race import ACCOUNT, ORDER, OrderRace


@tagged("post_install", "-at_install")
class TestShopRaces(ServerCase):
    """The same cart paid in several tabs at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.race = OrderRace(cls.server, ADMIN, cls._query)

    def _find_id(self, module, name):
        [(res_id,)] = self._query(
            "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s",
            module,
            name,
        )
        return res_id

    def _make_client_with_credit(self, amount):
        """Make a client who signs in and has credit; return contact, account, login."""
        [client_id] = self._make_clients(1)
        self.admin.call(
            "res.partner",
            "write",
            [client_id],
            {
                "customer_rank": 1,
                "email": "race@example.com",
                "phone": "+32 2 555 01 00",
                "street": "Lesson Lane 1",
                "zip": "1000",
                "city": "Brussels",
                "country_id": self._find_id("base", "be"),
                # A policy of its own makes the account.
                "client_negative_balance": "allowed",
            },
        )
        [account_id] = self.admin.call(
            ACCOUNT, "search", [("partner_id", "=", client_id)]
        )
        self.admin.call(ACCOUNT, "issue_credit", [account_id], amount, "Race")
        login = f"shop_{client_id}"
        self.admin.call(
            "res.users",
            "create",
            {
                "login": login,
                "password": login,
                "partner_id": client_id,
                "group_ids": [(6, 0, [self._find_id("base", "group_portal")])],
            },
            context={"no_reset_password": True},
        )
        return client_id, account_id, login

    def _open(self, session, path, data=None):
        """Open a page, or send a form, and return its address and text."""
        request = urllib.request.Request(
            self.server.url + path, data and urllib.parse.urlencode(data).encode()
        )
        with session._opener.open(request, timeout=CALL_TIMEOUT) as page:
            return page.url, page.read().decode()

    def _pay(self, session, order_id, form):
        """Press “Pay With Credit”, and return where it leads to."""
        url, _text = self._open(
            session, f"/shop/payment/client_credit/{order_id}", form
        )
        return url

    def test_a_cart_paid_in_three_tabs_at_once_is_paid_once(self):
        client_id, account_id, login = self._make_client_with_credit(50.0)
        [order_id] = self.race.make_orders(
            client_id, 1, 20, website_id=self._find_id("website", "default_website")
        )
        session = JsonClient(self.server, login, login)
        url, text = self._open(session, "/shop/checkout?try_skip_step=true")
        self.assertTrue(url.endswith("/shop/payment"), url)
        form = dict(
            re.findall(r'name="(csrf_token|total|credit)"\s+value="([^"]*)"', text)
        )
        self.assertEqual(form["total"], form["credit"])
        answers = self._race(
            [partial(self._pay, session, order_id, form)] * 3, "sale_order"
        )
        for url in answers:
            self.assertTrue(url.endswith("/shop/confirmation"), url)
        [order] = self.admin.call(ORDER, "read", [order_id], ["state", "invoice_ids"])
        self.assertEqual(order["state"], "sale")
        self.assertEqual(len(order["invoice_ids"]), 1)
        [account] = self.admin.call(ACCOUNT, "read", [account_id], ["balance"])
        self.assertAlmostEqual(account["balance"], 50.0 - float(form["total"]))
