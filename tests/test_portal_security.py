import json
import re
from itertools import product

from odoo.tests import tagged

from .portal_case import PortalCase

MARKER = "ZEBRA-SECRET"

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
        cls.asked = cls._ask(cls.account, f"Ten lessons {MARKER}")
        cls._get_account(cls.other_client).issue_credit(7, "Own")
        cls.other_client.email = "bela@example.com"
        cls.others = cls._ask(cls._get_account(cls.other_client), "Own lessons")
        cls.card = cls.env["payment.token"].create(
            {
                "provider_id": cls.provider.id,
                "payment_method_id": cls.method.id,
                "partner_id": cls.client.id,
                "provider_ref": "ref",
                "payment_details": MARKER,
            }
        )
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

    def _make_second_contact(self):
        """Return a user of another contact of the client: it shares the account, and
        not what is the first one's own, such as saved cards."""
        contact = self.env["res.partner"].create(
            {
                "name": "Second",
                "parent_id": self.client.id,
                "email": "second@example.com",
            }
        )
        return self._make_portal_user("portal_second", contact)

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
                self.assertEqual(MARKER in self.url_open(path).text, shows)
        rows = 0
        for actor, user in self.actors.items():
            self._sign_in(user)
            for path in paths:
                rows += 1
                with self.subTest(actor=actor, path=path):
                    answer = self.url_open(path)
                    self.assertNotIn(MARKER, answer.text)
                    self.assertLess(answer.status_code, 500)
        self.assertGreaterEqual(rows, 100)

    def test_pages_of_a_second_contact(self):
        """The account is the client's, whichever of its contacts looks at it; the card
        is the first one's alone."""
        self._sign_in(self._make_second_contact())
        for path, shows in self._get_paths().items():
            of_first = "topup?amount" in path or path.endswith("/auto")
            # Odoo's own page of an invoice is for whom it was sent to.
            of_first = of_first or path.startswith("/my/invoices")
            with self.subTest(path=path):
                answer = self.url_open(path)
                self.assertEqual(MARKER in answer.text, shows and not of_first)
                self.assertLess(answer.status_code, 500)

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
        }

    def _resolve(self, change, routes):
        """Return a change with the ids and tokens that its words stand for."""
        words = {
            "client": self.client.id,
            "account": self.account.id,
            "foreign": self.foreign_provider.id,
            "card": self.card.id,
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
        elif path.startswith("/invoice"):
            self.assertEqual(transaction.invoice_ids, self.invoice)
            self.assertLessEqual(transaction.amount, 80)
            self.assertFalse(transaction.client_account_id)
        else:
            self.assertTrue(is_client)
            self.assertEqual(transaction.client_account_id, self.account)
            self.assertEqual(transaction.amount, 50 if "topup" in path else 30)

    def test_payments(self):
        routes = self._get_payment_routes()
        before = self._get_state()
        transactions = self.env["payment.transaction"]
        rows = 0
        actors = {"client": self.portal_user, **self.actors}
        for actor, user in actors.items():
            self._sign_in(user)
            for (path, sent), change in product(routes.items(), CHANGES):
                rows += 1
                with self.subTest(actor=actor, path=path, change=change):
                    known = transactions.search([])
                    is_client = actor == "client"
                    change = self._resolve(change, routes)
                    answer = self._call(path, **{**sent, **change})
                    begun = transactions.search([]) - known
                    if is_client and not change:
                        self.assertEqual(len(begun), 1, answer)
                    for transaction in begun:
                        # The card of the client is the client's own to pay with.
                        if is_client and transaction.token_id == self.card:
                            continue
                        self._check_payment(transaction, path, is_client)
                    if not begun:
                        self.assertIn("error", answer)
                    self.assertNotIn(MARKER, json.dumps(answer))
                    # Only so many may be begun in an hour.
                    begun._write({"create_date": "2020-01-01"})
        self.assertGreaterEqual(rows, 250)
        after = self._get_state()
        self.assertEqual(
            {**after, "payments": 0}, {**before, "payments": 0}, "nothing is booked"
        )

    def test_payments_of_a_second_contact(self):
        """What a second contact pays is the client's; with the first one's card it pays
        nothing, nor by tokens made for the first one's session."""
        user = self._make_second_contact()
        routes = self._get_payment_routes()
        own = {
            path: {**sent, "access_token": self._get_own_token(path, user, sent)}
            for path, sent in routes.items()
        }
        before = self._get_state()
        transactions = self.env["payment.transaction"]
        self._sign_in(user)
        rows = 0
        for (path, sent), change in product(own.items(), CHANGES):
            rows += 1
            with self.subTest(path=path, change=change):
                known = transactions.search([])
                change = self._resolve(change, routes)
                answer = self._call(path, **{**sent, **change})
                begun = transactions.search([]) - known
                if not change:
                    self.assertEqual(len(begun), 1, answer)
                for transaction in begun:
                    self._check_payment(transaction, path, True)
                    self.assertEqual(
                        transaction.partner_id.commercial_partner_id, self.client
                    )
                if not begun:
                    self.assertIn("error", answer)
                begun._write({"create_date": "2020-01-01"})
        self.assertEqual(rows, len(own) * len(CHANGES))
        after = self._get_state()
        self.assertEqual({**after, "payments": 0}, {**before, "payments": 0})
        self.assertEqual(after["payments"], before["payments"])

    def _get_own_token(self, path, user, sent):
        """Return the token that a user's own page has for a route of payments."""
        if path.startswith("/invoice"):
            return sent["access_token"]
        page = path.removesuffix("/transaction")
        return self._get_token(f"{page}?amount=50" if "topup" in page else page, user)

    # === Forms ===

    def test_forms_of_a_second_contact(self):
        """It pays with the account's credit, and charges nothing to another's card."""
        user = self._make_second_contact()
        before = self._get_state()
        consent = self.account._get_auto_consent(self.card, 50, 200)
        self._post_as(
            user,
            "/auto",
            {
                "step": "agree",
                "token_id": str(self.card.id),
                "threshold": "50",
                "maximum": "200",
                "consent": consent,
            },
        )
        self.assertEqual(self._get_state(), before)
        self._post_as(user, f"/pay/{self.invoice.id}", {"amount": "20", "due": "80"})
        self.assertEqual(self._get_state()["due"], 60)

    def test_forms(self):
        forms = {
            f"/pay/{self.invoice.id}": {"amount": "20", "due": "80"},
            "/application": {"applies": "1"},
            "/company": {"company_id": str(self.company.id)},
            "/auto": {
                "step": "agree",
                "token_id": str(self.card.id),
                "threshold": "50",
                "maximum": "200",
                "consent": self.account._get_auto_consent(self.card, 50, 200),
            },
        }
        self._sign_in(self.portal_user)
        page = self.url_open("/my/security").text
        stolen = re.search(r'csrf_token: "([^"]+)"', page)[1]
        before = self._get_state()
        rows = 0
        for actor, user in self.actors.items():
            for (path, data), csrf in product(forms.items(), (None, stolen, "own")):
                rows += 1
                with self.subTest(actor=actor, path=path, csrf=csrf):
                    if csrf == "own":
                        answer = self._post_as(user, path, data)
                    else:
                        self._sign_in(user)
                        sent = {**data, **({"csrf_token": csrf} if csrf else {})}
                        answer = self.url_open(
                            self.home + path, data=sent, allow_redirects=False
                        )
                    self.assertNotIn(MARKER, answer.text)
                    self.assertEqual(self._get_state(), before)
        # Nothing happens by opening an address, even for the client.
        for actor, user in {"client": self.portal_user, **self.actors}.items():
            self._sign_in(user)
            for path, data in forms.items():
                rows += 1
                with self.subTest(actor=actor, path=path, how="GET"):
                    query = "&".join(f"{name}={value}" for name, value in data.items())
                    self.url_open(f"{self.home}{path}?{query}")
                    self.assertEqual(self._get_state(), before)
        self.assertGreaterEqual(rows, 60)
        # The positive control: the client does each of them.
        for path, data in forms.items():
            self.assertEqual(self._post(path, data).status_code, 303)
        after = self._get_state()
        self.assertEqual(after["due"], 60)
        self.assertEqual(after["application"], "next")
        self.assertEqual(after["card"], self.card.id)

    def _post_as(self, user, path, data):
        """Send a form with the actor's own CSRF token."""
        self._sign_in(user)
        page = self.url_open("/my/security" if user else "/web/login").text
        token = re.search(r'csrf_token: "([^"]+)"', page)
        return self.url_open(
            self.home + path,
            data={**data, "csrf_token": token[1] if token else "x"},
            allow_redirects=False,
        )
