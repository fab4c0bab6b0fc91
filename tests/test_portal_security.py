import json
import re
from itertools import product

from odoo.tests import tagged

from .portal_case import PortalCase

MARKER = "ZEBRA-SECRET"
# On the card of the client's second contact.
SECOND_MARKER = "OKAPI-SECRET"

OVERDUE = "/invoice/transaction/overdue"

# What somebody else could try to send with a payment.
CHANGES = (
    {},
    {"amount": 0.01},
    {"amount": 99999},
    {"amount": "50"},
    {"amount": -50},
    {"partner_id": "client"},
    {"currency_id": 1},
    {"provider_id": "foreign"},
    {"flow": "xyz"},
    {"flow": "token", "token_id": "card"},
    {"flow": "token", "token_id": "second card"},
    {"reference_prefix": "FORGED"},
    {"landing_route": "https://example.com"},
    {"is_validation": True},
    {"custom_create_values": {"state": "done"}},
    {"client_account_id": "account"},
    {"client_purpose": "top_up"},
    {"access_token": "request"},
    {"access_token": "invoice"},
    {"access_token": "top_up"},
    {"access_token": None},
)


@tagged("post_install", "-at_install")
class TestPortalSecurity(PortalCase):
    """Who else reaches what is a client's: a table of actor x route x change.

    The client has a marker in everything. Each route has its positive control: the
    client sees the marker there, or the payment goes through.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client.email = "ada@example.com"
        cls.company.write(
            {"client_charges_online": True, "client_choose_application": True}
        )
        cls.account.credit_application = "manual"
        cls.account.charge(30, f"Charge {MARKER}")
        cls.account.issue_credit(45, f"Credit {MARKER}")
        cls.invoice = cls._make_invoice(80, ref=MARKER)
        cls.invoice.invoice_line_ids.name = MARKER
        cls.invoice_token = cls.invoice._portal_ensure_token()
        cls.overdue = cls._make_invoice(25, date_due="2024-01-01")
        cls.asked = cls._ask(cls.account, f"Ten lessons {MARKER}")
        cls._get_account(cls.other_client).issue_credit(7, "Own")
        cls.other_client.email = "bela@example.com"
        cls.others = cls._ask(cls._get_account(cls.other_client), "Own lessons")
        cls.card = cls._make_card(cls.client, MARKER)
        # Another contact of the client: it shares the account, and not what is the
        # first one's own, such as saved cards.
        contact = cls.env["res.partner"].create(
            {
                "name": "Second",
                "parent_id": cls.client.id,
                "email": "second@example.com",
            }
        )
        cls.second_user = cls._make_portal_user("portal_second", contact)
        cls.second_card = cls._make_card(contact, SECOND_MARKER)
        cls.done = cls._make_transaction(50, reference=f"TX-{MARKER}")
        foreign = cls.setup_other_company(name="Sister")["company"]
        cls.foreign_provider = cls._make_provider(foreign)
        new = cls.env["res.partner"].create({"name": "New", "email": "n@example.com"})
        employee = cls._make_user("portal_employee", "base.group_user")
        employee.password = "portal_employee"
        cls.actors = {
            "other client": cls.other_user,
            "client without account": cls._make_portal_user("portal_new", new),
            "employee": employee,
            "visitor": False,
        }

    @classmethod
    def _ask(cls, account, text):
        asked = cls.env["client.credit.request"].create(
            {"account_id": account.id, "amount": 120, "text": text}
        )
        asked.action_send()
        return asked

    @classmethod
    def _make_card(cls, partner, details):
        return cls.env["payment.token"].create(
            {
                "provider_id": cls.provider.id,
                "payment_method_id": cls.method.id,
                "partner_id": partner.id,
                "provider_ref": f"ref {partner.id}",
                "payment_details": details,
            }
        )

    def _get_state(self):
        """Return what nobody else may change of the client."""
        self.env.invalidate_all()
        account = self.account
        return {
            "balance": account.balance,
            "owed": account.amount_owed,
            "application": account.credit_application,
            "card": account.auto_token_id.id,
            "due": self.invoice.amount_residual,
            "asked": self.asked.state,
            "payments": self.env["payment.transaction"].search_count(
                [("token_id", "=", self.card.id)]
            ),
        }

    # === Pages ===

    def _get_paths(self):
        """Return the addresses of the client's pages, and whether the client finds the
        marker there."""
        home = self.home
        line = self.account._get_portal_history()["lines"][0]
        key = f"{line['date']}_{line['id']}"
        asked, invoice = self.asked, self.invoice
        return {
            home: True,
            f"{home}?before=2030-01-01_{line['id']}": True,
            f"{home}?before={key}": True,
            f"{home}?after=2000-01-01_1": True,
            f"{home}?from=2020-01-01&to=2030-01-01": True,
            f"{home}?account_id={self.account.id}": True,
            f"{home}?partner_id={self.client.id}": True,
            f"{home}?company_id={self.company.id}": True,
            f"{home}/topup": False,
            # The client's saved card is offered.
            f"{home}/topup?amount=50": True,
            f"{home}/topup?amount=50&partner_id={self.client.id}": True,
            f"{home}/topup/done?tx_id={self.done.id}": False,
            f"{home}/topup/done?tx_id={self.done.id}&access_token=x": False,
            f"{home}/topup/done?tx_id={self.done.id}"
            f"&access_token={asked.access_token}": False,
            f"{home}/charges": True,
            f"{home}/charges?account_id={self.account.id}": True,
            f"{home}/auto": True,
            f"{home}/statement?account_id={self.account.id}": True,
            f"{home}/request/{asked.id}": True,
            f"{home}/request/{asked.id}?access_token=": True,
            f"{home}/request/{asked.id}?access_token=x": True,
            f"{home}/request/{asked.id}?access_token={self.invoice_token}": True,
            f"{home}/request/{asked.id}?access_token={self.others.access_token}": True,
            f"/my/invoices/{invoice.id}": True,
            f"/my/invoices/{invoice.id}?access_token={asked.access_token}": True,
            f"/report/html/client_account.report_statement/{self.account.id}": False,
            f"/report/pdf/client_account.report_statement/{self.account.id}": False,
        }

    def test_pages(self):
        paths = self._get_paths()
        self._sign_in(self.portal_user)
        for path, shows in paths.items():
            with self.subTest(actor="client", path=path):
                text = self.url_open(path).text
                self.assertEqual(MARKER in text, shows)
                self.assertNotIn(SECOND_MARKER, text)
        rows = 0
        for actor, user in self.actors.items():
            self._sign_in(user)
            for path in paths:
                rows += 1
                with self.subTest(actor=actor, path=path):
                    answer = self.url_open(path)
                    self.assertNotIn(MARKER, answer.text)
                    self.assertNotIn(SECOND_MARKER, answer.text)
                    self.assertLess(answer.status_code, 500)
        self.assertGreaterEqual(rows, 100)

    def test_pages_of_a_second_contact(self):
        """The account is the client's, whichever of its contacts looks at it; each is
        offered its own card alone."""
        self._sign_in(self.second_user)
        for path, shows in self._get_paths().items():
            offers_cards = "topup?amount" in path or path.endswith("/auto")
            # On Odoo's own page of an invoice the cards alone are marked.
            is_invoice = path.startswith("/my/invoices")
            offers_cards = offers_cards or is_invoice
            with self.subTest(path=path):
                answer = self.url_open(path)
                self.assertLess(answer.status_code, 500)
                self.assertEqual(MARKER in answer.text, shows and not offers_cards)
                if offers_cards:
                    self.assertIn(SECOND_MARKER, answer.text)
                if is_invoice:
                    self.assertIn(self.invoice.name, answer.text)

    # === Payments ===

    def _get_payment_routes(self):
        """Return the routes that begin payments, with what the client sends."""
        own = self.portal_user
        return {
            "/topup/transaction": {
                "amount": 50,
                "access_token": self._get_token("/topup?amount=50", own),
            },
            "/charges/transaction": {
                "amount": 30,
                "access_token": self._get_token("/charges", own),
            },
            f"/request/{self.asked.id}/transaction": {
                "amount": 120,
                "access_token": self._get_token(f"/request/{self.asked.id}", own),
            },
            f"/invoice/transaction/{self.invoice.id}": {
                "amount": 80,
                "access_token": self.invoice_token,
            },
            OVERDUE: {"amount": 25, "payment_reference": "x"},
        }

    def _resolve(self, change, routes):
        """Return a change with the ids and tokens that its words stand for."""
        words = {
            "client": self.client.id,
            "account": self.account.id,
            "foreign": self.foreign_provider.id,
            "card": self.card.id,
            "second card": self.second_card.id,
            "request": self.asked.access_token,
            "invoice": self.invoice_token,
            "top_up": routes["/topup/transaction"]["access_token"],
        }
        return {
            name: words.get(value, value)
            if isinstance(value, str) and name != "client_purpose"
            else value
            for name, value in change.items()
        }

    def _check_payment(self, transaction, path, is_client):
        """Make sure that a payment is one that its payer may begin."""
        self.assertEqual(transaction.state, "draft")
        self.assertEqual(transaction.provider_id, self.provider)
        self.assertEqual(transaction.currency_id, self.company.currency_id)
        self.assertFalse(transaction.token_id)
        self.assertFalse("FORGED" in transaction.reference)
        self.assertTrue(transaction.landing_route.startswith("/my/"))
        if path.startswith("/request"):
            self.assertEqual(transaction.client_account_id, self.account)
            self.assertEqual(transaction.amount, 120)
            self.assertEqual(transaction.client_purpose, "request")
        elif path == OVERDUE:
            self.assertTrue(is_client)
            self.assertEqual(transaction.invoice_ids, self.overdue)
            self.assertLessEqual(transaction.amount, 25)
            self.assertFalse(transaction.client_account_id)
        elif path.startswith("/invoice"):
            self.assertEqual(transaction.invoice_ids, self.invoice)
            self.assertLessEqual(transaction.amount, 80)
            self.assertFalse(transaction.client_account_id)
        else:
            self.assertTrue(is_client)
            self.assertEqual(transaction.client_account_id, self.account)
            self.assertEqual(transaction.amount, 50 if "topup" in path else 30)

    def _try_payments(self, user, routes, changed, own_card=None):
        """Begin the payments of each route with each change, and check what begins.

        :param dict routes: what is sent to each route
        :param dict changed: what the client sends, whose tokens are tried
        :param own_card: `payment.token` of the user, where the user is of the client
        :return: how many were tried, and the routes where something begins unchanged
            and with the user's own card
        """
        transactions = self.env["payment.transaction"]
        plain, with_card = set(), set()
        self._sign_in(user)
        for (path, sent), words in product(routes.items(), CHANGES):
            with self.subTest(user=user and user.login, path=path, change=words):
                known = transactions.search([])
                change = self._resolve(words, changed)
                answer = self._call(path, **{**sent, **change})
                begun = transactions.search([]) - known
                if begun and not change:
                    plain.add(path)
                if own_card and change.get("token_id") == own_card.id:
                    # Each pays with a card of its own, whatever becomes of it here.
                    self.assertEqual(begun.token_id, own_card, answer)
                    self.assertEqual(begun.partner_id, user.partner_id)
                    with_card.add(path)
                else:
                    for transaction in begun:
                        self._check_payment(transaction, path, bool(own_card))
                if not begun:
                    self.assertIn("error", answer)
                for marker in (MARKER, SECOND_MARKER):
                    self.assertNotIn(marker, json.dumps(answer))
                # Only so many may be begun in an hour.
                begun._write({"create_date": "2020-01-01"})
        return len(routes) * len(CHANGES), plain, with_card

    def test_payments(self):
        routes = self._get_payment_routes()
        before = self._get_state()
        rows, plain, with_card = self._try_payments(
            self.portal_user, routes, routes, self.card
        )
        self.assertEqual(plain, set(routes))
        self.assertEqual(with_card, set(routes))
        for user in self.actors.values():
            tried, _plain, _with_card = self._try_payments(user, routes, routes)
            rows += tried
        self.assertGreaterEqual(rows, 500)
        after = self._get_state()
        self.assertEqual(
            {**after, "payments": 0}, {**before, "payments": 0}, "nothing is booked"
        )

    def test_payments_of_a_second_contact(self):
        """What a second contact pays is the client's; with the first one's card it pays
        nothing, nor by tokens made for the first one's session."""
        user = self.second_user
        routes = self._get_payment_routes()
        own = {
            path: {**sent, "access_token": self._get_own_token(path, user, sent)}
            for path, sent in routes.items()
        }
        # What is overdue is asked for by Odoo from whom each invoice is addressed to.
        self.assertIn("error", self._call_as(user, OVERDUE, **own.pop(OVERDUE)))
        before = self._get_state()
        _rows, plain, with_card = self._try_payments(
            user, own, routes, self.second_card
        )
        self.assertEqual(plain, set(own))
        self.assertEqual(with_card, set(own))
        self.assertEqual(self._get_state(), before)
        self.overdue = self._make_invoice(
            25, partner_id=user.partner_id.id, date_due="2024-01-01"
        )
        _rows, plain, with_card = self._try_payments(
            user, {OVERDUE: routes[OVERDUE]}, routes, self.second_card
        )
        self.assertEqual((plain, with_card), ({OVERDUE}, {OVERDUE}))

    def _call_as(self, user, path, **params):
        self._sign_in(user)
        return self._call(path, **params)

    def _get_own_token(self, path, user, sent):
        """Return the token that a user's own page has for a route of payments."""
        if path.startswith("/invoice"):
            return sent.get("access_token")
        page = path.removesuffix("/transaction")
        return self._get_token(f"{page}?amount=50" if "topup" in page else page, user)

    # === Forms ===

    def _get_forms(self, card):
        """Return the forms of the client's pages, with what is sent by them."""
        return {
            f"/pay/{self.invoice.id}": {"amount": "20", "due": "80"},
            "/application": {"applies": "1"},
            "/company": {"company_id": str(self.company.id)},
            "/auto": {
                "step": "agree",
                "token_id": str(card.id),
                "threshold": "50",
                "maximum": "200",
                "consent": self.account._get_auto_consent(card, 50, 200),
            },
        }

    def _get_csrf(self, user):
        """Return the CSRF token of an actor's own session."""
        self._sign_in(user)
        page = self.url_open("/my/security" if user else "/web/login").text
        token = re.search(r'csrf_token: "([^"]+)"', page)
        return token[1] if token else "x"

    def _try_forms(self, user, forms, tokens):
        """Send forms with CSRF tokens that are not the user's own, and open their
        addresses: nothing happens.

        :return: how many rows were tried
        """
        before = self._get_state()
        self._sign_in(user)
        name = user and user.login
        for (path, data), csrf in product(forms.items(), tokens):
            with self.subTest(user=name, path=path, csrf=csrf):
                sent = {**data, **({"csrf_token": csrf} if csrf else {})}
                answer = self.url_open(
                    self.home + path, data=sent, allow_redirects=False
                )
                self.assertNotIn(MARKER, answer.text)
                self.assertEqual(self._get_state(), before)
        for path, data in forms.items():
            with self.subTest(user=name, path=path, how="GET"):
                query = "&".join(f"{key}={value}" for key, value in data.items())
                self.url_open(f"{self.home}{path}?{query}")
                self.assertEqual(self._get_state(), before)
        return len(forms) * (len(tokens) + 1)

    def _post_as(self, user, path, data):
        """Send a form with the actor's own CSRF token."""
        csrf = self._get_csrf(user)
        return self.url_open(
            self.home + path,
            data={**data, "csrf_token": csrf},
            allow_redirects=False,
        )

    def test_forms(self):
        forms = self._get_forms(self.card)
        stolen = self._get_csrf(self.portal_user)
        before = self._get_state()
        rows = 0
        for actor, user in self.actors.items():
            rows += self._try_forms(user, forms, (None, stolen))
            for path, data in forms.items():
                rows += 1
                with self.subTest(actor=actor, path=path):
                    answer = self._post_as(user, path, data)
                    self.assertNotIn(MARKER, answer.text)
                    self.assertEqual(self._get_state(), before)
        # Nothing happens by opening an address, even for the client.
        rows += self._try_forms(self.portal_user, forms, (None, "x"))
        self.assertGreaterEqual(rows, 60)
        self._check_forms(self.portal_user, forms, self.card)

    def test_forms_of_a_second_contact(self):
        """It does with the account what the first one does, and charges nothing to
        another's card."""
        user = self.second_user
        forms = self._get_forms(self.second_card)
        stolen = self._get_csrf(self.portal_user)
        self._try_forms(user, forms, (None, stolen))
        before = self._get_state()
        others = self._get_forms(self.card)["/auto"]
        self._post_as(user, "/auto", others)
        self.assertEqual(self._get_state(), before)
        self._post_as(self.portal_user, "/auto", forms["/auto"])
        self.assertEqual(self._get_state(), before, "nor does the first with the other")
        self._check_forms(user, forms, self.second_card)

    def _check_forms(self, user, forms, card):
        """The positive control: each form does what it is for."""
        for path, data in forms.items():
            self.assertEqual(self._post_as(user, path, data).status_code, 303)
        after = self._get_state()
        self.assertEqual(after["due"], 60)
        self.assertEqual(after["application"], "next")
        self.assertEqual(after["card"], card.id)
        # The login that it was agreed to by need not be the one that revokes it.
        self._post_as(user, "/auto", {"step": "off"})
        self.assertFalse(self._get_state()["card"])
