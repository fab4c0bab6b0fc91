"""Clients who pay their orders online, on a real server.

For the tests of this addon and of the shop's.
"""

import re
import urllib.parse
import urllib.request
import uuid
from functools import partial

from odoo.sql_db import db_connect
from odoo.tests import get_db_name

from odoo.addons.client_account.tests.server import CALL_TIMEOUT, JsonClient, JsonFault
from odoo.addons.client_account.tests.server_case import ADMIN, ServerCase

from .order_race import ACCOUNT, MOVE, ORDER, OrderRace

PRICE = 20.0
# How many orders are paid in both ways at once.
ROUNDS = 4

# The provider takes the money of a saved card within the call, as real ones do. What it
# takes it does not give back when the call is run again: a sequence counts it.
PROVIDER_SQL = """
    CREATE SEQUENCE client_race_charges;
    CREATE FUNCTION client_race_charge() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM nextval('client_race_charges');
            NEW.state = 'done';
            RETURN NEW;
        END $$;
    CREATE TRIGGER client_race_charge BEFORE INSERT ON payment_transaction
       FOR EACH ROW WHEN (NEW.operation = 'online_token')
       EXECUTE FUNCTION client_race_charge();
"""
NO_PROVIDER_SQL = """
    DROP TRIGGER IF EXISTS client_race_charge ON payment_transaction;
    DROP FUNCTION IF EXISTS client_race_charge();
    DROP SEQUENCE IF EXISTS client_race_charges;
"""


class PortalClient(JsonClient):
    """A client with a session in the portal and the shop."""

    def open(self, path, form=None):
        """Open a page, or send a form, and return its address and text."""
        request = urllib.request.Request(
            self.server.url + path, form and urllib.parse.urlencode(form).encode()
        )
        with self._opener.open(request, timeout=CALL_TIMEOUT) as page:
            return page.url, page.read().decode()

    def read_form(self, path):
        """Return the fields of a page's form that pays with credit."""
        _url, text = self.open(path)
        fields = r'name="(csrf_token|total|credit)"\s+value="([^"]*)"'
        return dict(re.findall(fields, text))

    def pay_by_card(self, path, **params):
        """Press “Pay” with a saved card; return the refusal in words, or None.

        :param str path: of the order's own route
        """
        try:
            self._post(
                path,
                {
                    "access_token": None,
                    "payment_method_id": None,
                    "flow": "token",
                    "tokenization_requested": False,
                    "landing_route": "/my",
                    **params,
                },
            )
        except JsonFault as fault:
            return fault.message
        return None

    def wait_for_booking(self):
        """Have the card's money booked, as the page after the payment does."""
        for _try in range(5):
            try:
                return self._post("/payment/status/poll", {})
            except JsonFault as fault:
                if "retry" not in fault.message:
                    raise
        raise AssertionError("What the card paid was not booked.")


class PortalRaceCase(ServerCase):
    """Clients with credit who sign in, and their orders."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.race = OrderRace(cls.server, ADMIN, cls._query)
        # The shop has prices of its own.
        product_ids = [cls.race.product_id]
        cls.admin.call("product.product", "write", product_ids, {"list_price": PRICE})

    @classmethod
    def _find_id(cls, module, name):
        [(res_id,)] = cls._query(
            "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s",
            module,
            name,
        )
        return res_id

    def _make_portal_client(self, credit):
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
        self.admin.call(ACCOUNT, "issue_credit", [account_id], credit, "Race")
        login = f"race_{client_id}"
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

    def _sign_in_client(self, login):
        return PortalClient(self.server, login, login)

    def _get_balance(self, account_id):
        [account] = self.admin.call(ACCOUNT, "read", [account_id], ["balance"])
        return account["balance"]


class CardRaceCase(PortalRaceCase):
    """Clients with saved cards, and a provider that takes money from them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        call = cls.admin.call
        cls.method_id = cls._find_id("payment", "payment_method_unknown")
        cls.provider_id = call(
            "payment.provider",
            "create",
            {
                "name": f"Race {uuid.uuid4().hex[:8]}",
                "code": "none",
                "state": "test",
                "is_published": True,
                "allow_tokenization": True,
                "payment_method_ids": [(6, 0, [cls.method_id])],
            },
        )
        call(
            "payment.method",
            "write",
            [cls.method_id],
            {"active": True, "support_tokenization": True},
        )
        cls.addClassCleanup(
            call, "payment.provider", "write", [cls.provider_id], {"state": "disabled"}
        )
        [journal] = call(
            "account.journal",
            "search_read",
            [("type", "=", "bank"), ("company_id", "=", 1)],
            ["inbound_payment_method_line_ids"],
            limit=1,
        )
        line_ids = journal["inbound_payment_method_line_ids"][:1]

        def book_with(provider_id):
            call(
                "account.payment.method.line",
                "write",
                line_ids,
                {"payment_provider_id": provider_id},
            )

        book_with(cls.provider_id)
        cls.addClassCleanup(book_with, False)
        cls._execute(NO_PROVIDER_SQL + PROVIDER_SQL)
        cls.addClassCleanup(cls._execute, NO_PROVIDER_SQL)

    @classmethod
    def _execute(cls, query):
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(query)

    # === To be said by each route ===

    def _make_order_to_pay(self, client_id):
        """Make an order that its client can pay now, and return its id."""
        raise NotImplementedError

    def _prepare_credit(self, session, order_id):
        """Return path and form that pay an order with credit."""
        raise NotImplementedError

    def _prepare_card(self, order_id):
        """Return path and parameters that pay an order with the saved card."""
        raise NotImplementedError

    # === Racing ===

    def _save_card(self, client_id):
        return self.admin.call(
            "payment.token",
            "create",
            {
                "provider_id": self.provider_id,
                "payment_method_id": self.method_id,
                "partner_id": client_id,
                "provider_ref": "race",
                "payment_details": "4242",
            },
        )

    def _count_charges(self):
        """Return how often the provider has taken money."""
        [(count,)] = self._query(
            "SELECT last_value - 1 + is_called::int FROM client_race_charges"
        )
        return count

    def _pay_many_in_both_ways(self):
        """Pay each of many orders by saved card and with credit at once, and look what
        became of it.

        Both have read before either has written. Whoever writes first pays, and the
        other is refused: the card before it is charged.
        """
        credit = PRICE * ROUNDS
        client_id, account_id, login = self._make_portal_client(credit)
        token_id = self._save_card(client_id)
        for number in range(ROUNDS):
            by_card, by_credit = (self._sign_in_client(login) for _session in range(2))
            order_id = self._make_order_to_pay(client_id)
            form = self._prepare_credit(by_credit, order_id)
            path, params = self._prepare_card(order_id)
            charges = self._count_charges()
            # Nobody else may even refer to an order.
            refusal, _page = self._race(
                [
                    partial(by_card.pay_by_card, path, token_id=token_id, **params),
                    partial(by_credit.open, *form),
                ],
                "sale_order",
                "EXCLUSIVE",
            )
            charges = self._count_charges() - charges
            with self.subTest(number=number, refusal=refusal):
                if refusal is None:
                    self.assertEqual(charges, 1, "The card was not charged once.")
                    by_card.wait_for_booking()
                    self._check_paid_by_card(order_id)
                else:
                    self.assertEqual(charges, 0, "A refused card was charged.")
                    self._check_paid_with_credit(order_id)
                    credit -= PRICE
            self.assertAlmostEqual(self._get_balance(account_id), credit)

    def _get_taken(self, order_id):
        """Return what was taken by card for an order, and what is booked of it."""
        return self._query(
            """
            SELECT transaction.amount, payment.amount, move.state
              FROM payment_transaction transaction
              JOIN sale_order_transaction_rel rel ON rel.transaction_id = transaction.id
              LEFT JOIN account_payment payment
                ON payment.payment_transaction_id = transaction.id
              LEFT JOIN account_move move ON move.id = payment.move_id
             WHERE rel.sale_order_id = %s
            """,
            order_id,
        )

    def _check_paid_with_credit(self, order_id):
        self.assertFalse(self._get_taken(order_id))
        self._check_invoice_paid(order_id)

    def _check_paid_by_card(self, order_id):
        self.assertEqual(self._get_taken(order_id), [(PRICE, PRICE, "posted")])
        [order] = self.admin.call(ORDER, "read", [order_id], ["invoice_ids"])
        self.assertFalse(order["invoice_ids"], "Credit has invoiced it too.")
        move_id = self.race.make_own_invoice(order_id)
        self.race.session.call(MOVE, "action_post", [move_id])
        self._check_invoice_paid(order_id)

    def _check_invoice_paid(self, order_id):
        """Make sure an order is confirmed, and its one invoice paid."""
        [order] = self.admin.call(ORDER, "read", [order_id], ["state", "invoice_ids"])
        self.assertEqual(order["state"], "sale")
        [invoice_id] = order["invoice_ids"]
        [invoice] = self.admin.call(
            MOVE, "read", [invoice_id], ["state", "amount_total", "amount_residual"]
        )
        self.assertEqual(invoice["state"], "posted")
        self.assertEqual(
            (invoice["amount_total"], invoice["amount_residual"]), (PRICE, 0)
        )
