import html
import json
import re
from datetime import timedelta

from odoo.tests import tagged

from .portal_case import PortalCase

MARKER = "ZEBRA-SECRET"


@tagged("post_install", "-at_install")
class TestPortal(PortalCase):
    """The page of a client, over HTTP."""

    # === The page ===

    def test_empty(self):
        text = self._get_text()
        self.assertIn("balance of zero", text)
        self.assertIn("Nothing is owed", text)
        new = self.env["res.partner"].create({"name": "New Client"})
        user = self._make_portal_user("portal_new", new)
        self.assertIn("Nothing is booked", self._get_text(user=user))
        self.assertIn("Top Up", self._get_text("/topup", user=user))
        self.assertFalse(self.env["client.account"]._find_accounts(new, self.company))

    def test_page_says_everything(self):
        self.company.client_charges_online = False
        self._make_invoice(180, date_due=self.today - timedelta(days=20))
        self.account.charge(20, "Late cancellation")
        self.account.issue_credit(50, "Class of Monday cancelled")
        text = self._get_text()
        self.assertIn("150.00 owed", text.replace("$ ", "").replace("$", ""))
        self.assertIn("overdue", text)
        self.assertIn("Class of Monday cancelled", text)
        self.assertIn("Late cancellation", text)
        self.assertIn("Charges are paid at the desk", text)

    def test_charges_due_behind_many_invoices(self):
        self.assertFalse(
            self.account._has_charges_due(self.account._get_portal_debts())
        )
        for _number in range(11):
            self._make_invoice(1, date_due="2024-01-01")
        debts = self.account._get_portal_debts()
        self.assertFalse(self.account._has_charges_due(debts))
        self.account.charge(20, "Late cancellation")
        debts = self.account._get_portal_debts()
        self.assertEqual(len(debts), 11)
        self.assertTrue(self.account._has_charges_due(debts))
        self.assertEqual(
            self.account._get_charges_due().mapped("amount_residual"), [20]
        )

    def test_card_on_the_home(self):
        self.account.issue_credit(45, "Cancelled")
        self._sign_in(self.portal_user)
        home = self.url_open("/my/home").text
        self.assertIn("in credit", home)
        self.assertIn('href="/my/client_account"', home)
        self.account.balance_visibility = "hidden"
        home = self.url_open("/my/home").text
        self.assertNotIn("in credit", home)
        self.assertNotIn("/my/client_account", home)

    def test_card_of_who_has_no_account_yet(self):
        new = self.env["res.partner"].create({"name": "New Client"})
        employee = self._make_user("portal_staff", "base.group_user")
        employee.password = employee.login
        for user, shown in (
            (self._make_portal_user("portal_new", new), True),
            (employee, False),
        ):
            self._sign_in(user)
            home = self.url_open("/my/home").text
            self.assertEqual('href="/my/client_account"' in home, shown)

    def test_hidden_says_nothing(self):
        self.company.client_charges_online = True
        self.account.balance_visibility = "hidden"
        self.account.charge(20, "Lesson")
        for path in (
            "",
            "/topup",
            "/topup?amount=50",
            "/charges",
            "/statement",
            "?before=2999-01-01_1",
        ):
            with self.subTest(path):
                self.assertEqual(self._get(path).status_code, 404)

    def test_balance_shows_no_history(self):
        self.account.balance_visibility = "balance"
        self.account.issue_credit(45, "Cancelled class")
        text = self._get_text()
        self.assertIn("45.00", text)
        self.assertNotIn("Cancelled class", text)
        self.assertNotIn("History", text)
        self.assertEqual(self._get("/statement").status_code, 404)

    def test_top_up_is_forbidden(self):
        self.account.top_up_policy = "forbidden"
        self.assertNotIn("Top Up", self._get_text())
        self.assertEqual(self._get("/topup").status_code, 404)

    def test_signed_out_is_asked_to_sign_in(self):
        self.authenticate(None, None)
        for path in ("", "/topup", "/charges", "/statement"):
            answer = self.url_open(self.home + path)
            self.assertIn("/web/login", answer.url)

    def test_contact_of_the_client_sees_the_clients_account(self):
        self.client.is_company = True
        contact = self.env["res.partner"].create(
            {"name": "Cara", "parent_id": self.client.id}
        )
        user = self._make_portal_user("portal_contact", contact)
        self.account.issue_credit(45, "Cancelled class")
        self.assertIn("Cancelled class", self._get_text(user=user))

    def test_company_is_chosen(self):
        other = self.setup_other_company(name="Sister")["company"]
        account = self._get_account(self.client, other)
        account.issue_credit(77, "Of the sister")
        self.account.issue_credit(45, "Of the first")
        first = self._get_text()
        self.assertIn("Of the first", first)
        self.assertNotIn("Of the sister", first)
        self._post("/company", {"company_id": str(other.id)})
        # The session keeps the choice.
        page = self.url_open(self.home).text
        self.assertIn("Of the sister", page)
        self.assertEqual(
            self._post("/company", {"company_id": "999999"}).status_code, 404
        )

    # === History ===

    def test_history_by_pages(self):
        moves = [
            self.account.issue_credit(number, f"Number {number}.")
            for number in range(1, 46)
        ]
        self.assertEqual(len(moves), 45)
        page = self._get()
        self.assertIn("Number 45.", page.text)
        self.assertNotIn("Number 25.", page.text)
        seen = [self._get_shown(page.text)]
        while older := self._get_link(page.text, "Older Entries"):
            page = self.url_open(older)
            seen.append(self._get_shown(page.text))
            self.assertLess(len(seen), 5, "the same page again")
        self.assertEqual(sum(seen, []), list(range(45, 0, -1)))
        newer = self._get_link(page.text, "Newer Entries")
        self.assertEqual(self._get_shown(self.url_open(newer).text), seen[1])

    def _get_shown(self, page):
        return [int(number) for number in re.findall(r"Number (\d+)\.", page)]

    def _get_link(self, page, label):
        found = re.search(rf'href="([^"]+)"[^>]*>{label}<', page)
        return found and html.unescape(found[1])

    def test_balance_after_each_line_and_parts(self):
        account = self.account
        account.credit_application = "manual"
        credit = account.issue_credit(100, "Credit")
        invoice = self._make_invoice(60)
        self._get_receivable(self.env["account.move"].browse(credit))._allocate(
            self._get_receivable(invoice), 60
        )
        history = account._get_portal_history()
        self.assertEqual([line["balance"] for line in history["lines"]], [40, 100])
        parts = history["lines"][1]["parts"]
        self.assertEqual(parts, [{"document": invoice.name, "amount": 60}])
        self.assertEqual(history["lines"][1]["left"], 40)

    def test_what_was_paid_is_told_by_its_memo(self):
        """What Odoo calls the method, in the language of whoever booked it, tells a
        client nothing."""
        self._make_payment(30)
        self._make_payment(20, memo="Lessons of May")
        self.assertEqual(
            [line["reason"] for line in self.account._get_portal_history()["lines"]],
            ["Lessons of May", "Payment"],
        )
        statement = self.account._get_statement(self.today, self.today)
        self.assertEqual(
            [line["reason"] for line in statement["lines"]],
            ["Payment", "Lessons of May"],
        )

    def test_until_when_credit_is_usable(self):
        day = self.today + timedelta(days=40)
        self.account.issue_credit(10, "Strike", date_expiry=day)
        self.account.issue_credit(10, "Ill")
        text = self._get_text()
        self.assertEqual(text.count("usable until"), 1)
        self.assertIn(f"{day:%m/%d/%Y}", text)

    def test_history_of_days(self):
        self.account.issue_credit(10, "Before", date="2024-01-01")
        self.account.issue_credit(20, "Within", date="2024-02-01")
        self.account.issue_credit(30, "After", date="2024-03-01")
        text = self._get_text("?from=2024-01-15&to=2024-02-15")
        self.assertIn("Within", text)
        self.assertNotIn("Before", text)
        self.assertNotIn("After", text)
        for path in ("?from=x&to=2024-99-99", "?before=x", "?after=2024-01-01_x"):
            self.assertEqual(self._get(path).status_code, 200)

    def test_balances_agree_on_every_page(self):
        for number in range(1, 46):
            self.account.issue_credit(number, f"Number {number}.")
        balances, before = [], None
        while True:
            history = self.account._get_portal_history(before=before)
            balances += [line["balance"] for line in history["lines"]]
            if not history["older"]:
                break
            last = history["lines"][-1]
            before = (last["date"], last["id"])
        sums = [number * (number + 1) / 2 for number in range(45, 0, -1)]
        self.assertEqual(balances, sums)
        first = history["lines"][-1]
        history = self.account._get_portal_history(after=(first["date"], first["id"]))
        self.assertEqual(history["lines"][-1]["balance"], 3)
        today = history["lines"][0]["date"]
        history = self.account._get_portal_history(date_from=today)
        self.assertEqual(history["lines"][0]["balance"], sums[0])

    def test_same_queries_for_a_long_history(self):
        def count():
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            account = self.account.sudo()
            account._get_portal_page(account._get_portal_history())
            return self.env.cr.sql_log_count - before

        for number in range(25):
            self.account.issue_credit(number + 1, "Lesson")
        count()
        few = count()
        for number in range(60):
            self.account.issue_credit(number + 1, "Lesson")
        # Where they went is one query for all of them.
        for _number in range(5):
            self._make_invoice(7)
        count()
        self.assertEqual(count(), few)

    def test_statement(self):
        self.account.issue_credit(45, "Cancelled class")
        answer = self._get("/statement?from=2024-01-01&to=2030-01-01")
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.headers["Content-Type"], "application/pdf")
        for query in ("?from=x", "?from=9999-01-01&to=0001-01-01"):
            self.assertEqual(self._get(f"/statement{query}").status_code, 200)

    # === Top-up ===

    def test_top_up(self):
        self.assertIn("100.00", self._get_text("/topup"))
        token = self._get_token("/topup?amount=50")
        answer = self._call("/topup/transaction", amount=50, access_token=token)
        self.assertIn("result", answer, answer)
        [transaction] = self._get_transactions()[:1]
        self.assertEqual(transaction.amount, 50)
        self.assertEqual(transaction.client_account_id, self.account)
        self.assertEqual(transaction.client_purpose, "top_up")
        self.assertEqual(transaction.partner_id, self.client)
        self.assertTrue(
            transaction.landing_route.startswith("/my/client_account/topup/done?")
        )
        self.assertIn(
            "has not been processed", self.url_open(transaction.landing_route).text
        )
        self._finish(transaction)
        self.assertEqual(self.account.balance, 50)
        self.assertIn("Received and credited", self._get_text())

    def test_amounts_that_are_none(self):
        for typed in ("0", "-5", "1e2", "%2050", "4", "1001", "nan", "abc", "5.001"):
            with self.subTest(typed):
                answer = self._get(f"/topup?amount={typed}")
                self.assertEqual(answer.status_code, 200)
                self.assertNotIn("data-access-token", answer.text)
        self.assertTrue(self._get_token("/topup?amount=50,5"))

    def test_amounts_in_another_language(self):
        """Who writes amounts with a comma, and thousands with a point, is not misread;
        what is offered to them looks as they write."""
        self.company.client_top_up_presets = "20, 50"
        self._use_german()
        for typed, amount in (
            ("50,5", "50,50"),
            ("50.50", "50,50"),
            ("1.000", "1.000,00"),
            ("1.000,00", "1.000,00"),
            ("1000.00", "1.000,00"),
        ):
            with self.subTest(typed):
                self.assertIn(
                    "data-access-token", self._get(f"/topup?amount={typed}").text
                )
                self.assertIn(amount, self._get_text(f"/topup?amount={typed}"))
        for typed in ("5,000", "1.000.00", "1,000.00", "50.5000", "1.00,00"):
            with self.subTest(typed):
                answer = self._get(f"/topup?amount={typed}")
                self.assertNotIn("data-access-token", answer.text)
        self.account.credit_application = "manual"
        self.account.issue_credit(1250.5, "Cancelled")
        invoice = self._make_invoice(2000)
        page = self.url_open(f"/my/invoices/{invoice.id}").text
        self.assertRegex(page, r'name="amount"[^>]*value="1250,50"')
        self._pay(invoice, "1.250,50", due="2000.00")
        self.assertEqual(invoice.amount_residual, 749.5)

    def _use_german(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.portal_user.lang = "de_DE"

    def test_changed_values_are_refused(self):
        token = self._get_token("/topup?amount=50")
        before = self._get_transactions()
        other_provider = self._make_provider(
            self.setup_other_company(name="Sister")["company"]
        )
        for params in (
            {"amount": 60},
            {"amount": "50"},
            {"amount": True},
            {"amount": 50.001},
            {"amount": None},
            {"access_token": "x"},
            {"access_token": None},
            {"provider_id": other_provider.id},
            {"provider_id": 0},
            {"payment_method_id": 0},
            {"flow": "xyz"},
            {"flow": "token", "token_id": 1},
            {"client_account_id": 1},
            {"custom_create_values": {"state": "done"}},
            {"reference": "x"},
        ):
            with self.subTest(params):
                values = {"amount": 50, "access_token": token, **params}
                answer = self._call("/topup/transaction", **values)
                self.assertIn("error", answer)
        self.assertEqual(self._get_transactions(), before)

    def test_what_comes_from_the_session_is_not_taken(self):
        token = self._get_token("/topup?amount=50")
        answer = self._call(
            "/topup/transaction",
            amount=50,
            access_token=token,
            partner_id=self.other_client.id,
            currency_id=self.env.ref("base.EUR").id,
            reference_prefix="X",
        )
        self.assertIn("result", answer, answer)
        [transaction] = self._get_transactions()[:1]
        self.assertEqual(transaction.partner_id, self.client)
        self.assertEqual(transaction.currency_id, self.company.currency_id)
        self.assertFalse(transaction.reference.startswith("X"))

    def test_anothers_token_of_an_amount_is_refused(self):
        token = self._get_token("/topup?amount=50")
        self._sign_in(self.other_user)
        answer = self._call("/topup/transaction", amount=50, access_token=token)
        self.assertIn("error", answer)

    def test_cards_of_another_contact_are_refused(self):
        def make_card(partner):
            return self.env["payment.token"].create(
                {
                    "provider_id": self.provider.id,
                    "payment_method_id": self.method.id,
                    "partner_id": partner.id,
                    "provider_ref": partner.name,
                    "payment_details": "4242",
                }
            )

        self.client.is_company = True
        contact = self.env["res.partner"].create(
            {"name": "Cara", "parent_id": self.client.id}
        )
        token = self._get_token("/topup?amount=50")
        for partner in (contact, self.other_client):
            answer = self._call(
                "/topup/transaction",
                amount=50,
                access_token=token,
                flow="token",
                token_id=make_card(partner).id,
            )
            self.assertIn("error", answer)
        answer = self._call(
            "/topup/transaction",
            amount=50,
            access_token=token,
            flow="token",
            token_id=make_card(self.client).id,
        )
        self.assertNotIn("BadRequest", json.dumps(answer))

    def test_no_more_than_ten_are_begun_in_an_hour(self):
        token = self._get_token("/topup?amount=50")
        for _number in range(10):
            self._call("/topup/transaction", amount=50, access_token=token)
        count = len(self._get_transactions())
        answer = self._call("/topup/transaction", amount=50, access_token=token)
        self.assertIn("Too many payments", json.dumps(answer))
        self.assertEqual(len(self._get_transactions()), count)

    def test_done_page_is_for_whoever_paid(self):
        transaction = self._make_transaction(50, reference=MARKER)
        for path in (
            f"/topup/done?tx_id={transaction.id}&access_token=x",
            f"/topup/done?tx_id={transaction.id}",
            "/topup/done?tx_id=abc",
            "/topup/done",
        ):
            answer = self._get(path, user=self.other_user)
            self.assertEqual(answer.status_code, 404)
            self.assertNotIn(MARKER, answer.text)

    # === Charges ===

    def test_charges_online(self):
        self.account.charge(30, "Lesson of Tuesday")
        self.assertEqual(self._get("/charges").status_code, 404)
        self.company.client_charges_online = True
        self.assertIn("Lesson of Tuesday", self._get_text("/charges"))
        token = self._get_token("/charges")
        answer = self._call("/charges/transaction", amount=30, access_token=token)
        self.assertIn("result", answer, answer)
        [transaction] = self._get_transactions()[:1]
        self.assertEqual(transaction.client_line_ids, self.account._get_charges_due())
        self.assertRegex(
            self.url_open(transaction.landing_route).text,
            r'breadcrumb-item active"[^>]*>Open Charges',
        )
        self.account.charge(5, "Another")
        answer = self._call("/charges/transaction", amount=30, access_token=token)
        self.assertIn("has changed", json.dumps(answer))
        self._finish(transaction)
        self.assertEqual(self.account.balance, -5)
        self.assertEqual(self.account.credit_available, 0)

    # === Invoices ===

    def _pay(self, invoice, amount, due=None, **kwargs):
        due = invoice.amount_residual if due is None else due
        return self._post(
            f"/pay/{invoice.id}", {"amount": str(amount), "due": str(due)}, **kwargs
        )

    def test_invoice_is_paid_with_credit(self):
        self.account.credit_application = "manual"
        self.account.issue_credit(50, "Cancelled")
        invoice = self._make_invoice(80)
        self._sign_in(self.portal_user)
        page = self.url_open(f"/my/invoices/{invoice.id}").text
        self.assertIn("Pay With Credit", page)
        answer = self._pay(invoice, 20)
        self.assertEqual(answer.status_code, 303)
        self.assertEqual(invoice.amount_residual, 60)
        page = self.url_open(f"/my/invoices/{invoice.id}").text
        self.assertRegex(page, r"alert-success[^>]*>[^<]*20\.00 paid with your credit")
        self.assertLess(
            page.index("paid with your credit"),
            page.index("o_portal_sidebar_content"),
            "first on a telephone, where the sidebar is above the page",
        )
        # The same form sent again.
        self._pay(invoice, 20, due=80)
        self.assertEqual(invoice.amount_residual, 60)
        page = self.url_open(f"/my/invoices/{invoice.id}").text
        refusal = r"alert-warning[^>]*>What is due on"
        self.assertRegex(page, refusal)
        page = self.url_open(f"/my/invoices/{invoice.id}").text
        self.assertNotRegex(page, refusal, "said once")
        self._pay(invoice, 30)
        self.assertEqual(invoice.payment_state, "partial")
        self.assertEqual(self.account.credit_available, 0)

    def test_credit_used_is_confirmed_by_mail(self):
        self.client.email = "ada@example.com"
        self.account.credit_application = "manual"
        self.account.issue_credit(50, "Cancelled")
        invoice = self._make_invoice(80)
        self._pay(invoice, 20)
        mail = (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", "account.move"), ("res_id", "=", invoice.id)])
        )
        self.assertEqual(mail.recipient_ids, self.client)
        self.assertIn("20.00", mail.subject)
        self.assertRegex(mail.body_html, r"(?s)60\.00.*still to be paid")

    def test_reasons_are_shown_as_text(self):
        """Case 30."""
        self.account.issue_credit(5, "<script>alert(1)</script> {{ 1 + 1 }} ${7*7} 🎻")
        page = self._get().text
        self.assertIn(
            "&lt;script&gt;alert(1)&lt;/script&gt; {{ 1 + 1 }} ${7*7} 🎻", page
        )
        self.assertNotIn("<script>alert(1)", page)

    def test_language_of_the_page(self):
        self.assertIn('lang="en-US"', self._get().text)

    def test_invoice_is_not_paid(self):
        self.account.credit_application = "manual"
        self.account.issue_credit(50, "Cancelled")
        invoice = self._make_invoice(80)
        for amount in ("50.01", "0", "-5", "1e1", "abc", "", "81"):
            self._pay(invoice, amount)
        self.assertEqual(self._pay(invoice, 20, csrf=False).status_code, 400)
        self.assertEqual(self._pay(invoice, 20, user=self.other_user).status_code, 404)
        other = self._make_invoice(80, partner=self.other_client)
        self.assertEqual(self._pay(other, 20).status_code, 404)
        self.assertIn(
            self.url_open(f"{self.home}/pay/{invoice.id}").status_code, (404, 405)
        )
        self.account.balance_visibility = "hidden"
        self.assertEqual(self._pay(invoice, 20).status_code, 404)
        self.assertEqual(invoice.amount_residual, 80)
        page = self.url_open(f"/my/invoices/{invoice.id}").text
        self.assertNotIn("Pay With Credit", page)

    def test_product_not_payable_with_credit(self):
        self.account.credit_application = "manual"
        self.account.issue_credit(50, "Cancelled")
        product = self.env["product.product"].create(
            {"name": "Plan", "client_not_payable_with_credit": True}
        )
        invoice = self._make_invoice(80, post=False)
        invoice.invoice_line_ids.product_id = product
        invoice.invoice_line_ids.write({"price_unit": 80, "tax_ids": False})
        invoice.action_post()
        self._pay(invoice, 20)
        self.assertEqual(invoice.amount_residual, 80)

    def test_stock_route_takes_what_is_due_only(self):
        invoice = self._make_invoice(80)
        token = invoice._portal_ensure_token()
        other_provider = self._make_provider(
            self.setup_other_company(name="Sister")["company"]
        )
        for user in (self.portal_user, None):
            self._sign_in(user)
            for params in (
                {"amount": 80.01},
                {"amount": 0},
                {"amount": -1},
                {"amount": "80"},
                {"amount": 80, "provider_id": other_provider.id},
                {"amount": 80, "flow": "xyz"},
                {"amount": 80, "flow": "token", "token_id": 1},
                {"amount": 80, "access_token": "x"},
            ):
                if user and "access_token" in params:
                    continue
                with self.subTest(user=user, params=params):
                    answer = self._call(
                        f"/invoice/transaction/{invoice.id}",
                        **{"access_token": token, **params},
                    )
                    self.assertIn("error", answer)
            answer = self._call(
                f"/invoice/transaction/{invoice.id}",
                amount=80,
                access_token=token,
                tokenization_requested=True,
            )
            self.assertIn("result", answer, answer)
            [transaction] = self._get_transactions()[:1]
            self.assertEqual(transaction.tokenize, bool(user))
            self.assertIn(f"/my/invoices/{invoice.id}", transaction.landing_route)

    def test_stock_route_takes_nothing_for_a_charge(self):
        """It is paid on a page of its own, where the company allows that."""
        charge = self.env["account.move"].browse(
            self.account.charge(20, "Late cancellation")
        )
        token = charge._portal_ensure_token()
        for user in (self.portal_user, None):
            self._sign_in(user)
            for amount in (20, 20.01):
                with self.subTest(user=user, amount=amount):
                    answer = self._call(
                        f"/invoice/transaction/{charge.id}",
                        amount=amount,
                        access_token=token,
                    )
                    self.assertIn("error", answer)

    def test_stock_route_of_what_is_overdue(self):
        self._make_invoice(80, date_due="2024-01-01")
        other_provider = self._make_provider(
            self.setup_other_company(name="Sister")["company"]
        )
        self._sign_in(self.portal_user)
        path = "/invoice/transaction/overdue"
        for params in (
            {"amount": 80.01},
            {"amount": "80"},
            {"amount": 80, "provider_id": other_provider.id},
            {"amount": 80, "flow": "token", "token_id": 1},
        ):
            with self.subTest(params):
                answer = self._call(path, payment_reference="x", **params)
                self.assertIn("error", answer)
        answer = self._call(path, payment_reference="x", amount=80)
        self.assertIn("result", answer, answer)
        [transaction] = self._get_transactions()[:1]
        self.assertEqual(transaction.landing_route, "/my/invoices/")

    # === Use of credit ===

    def test_client_chooses_the_use_of_credit(self):
        self.assertEqual(self._post("/application", {"applies": "0"}).status_code, 404)
        self.company.client_choose_application = True
        self.assertIn("pays new invoices by itself", self._get_text())
        self._post("/application", {"applies": "0"})
        self.assertEqual(self.account.credit_application, "manual")
        self.assertIn(
            self.portal_user.name, str(self.account.message_ids.mapped("body"))
        )
        self._post("/application", {"applies": "1"})
        self.assertEqual(self.account._get_policy("credit_application"), "next")

    # === Requests to pay in advance ===

    def _ask(self, **values):
        self.client.email = "ada@example.com"
        asked = self.env["client.credit.request"].create(
            {
                "account_id": self.account.id,
                "amount": 120,
                "text": f"Ten lessons {MARKER}",
                **values,
            }
        )
        asked.action_send()
        return asked

    def test_request_is_paid_by_its_client(self):
        asked = self._ask()
        asked.date_due = self.today + timedelta(days=7)
        self.assertIn(f"{MARKER} Due ", self._get_text())
        self.assertIn(MARKER, self._get_text(f"/request/{asked.id}"))
        token = self._get_token(f"/request/{asked.id}")
        begun = self._get_transactions()
        for amount in (1, 119.999, "120", True):
            answer = self._call(
                f"/request/{asked.id}/transaction", amount=amount, access_token=token
            )
            self.assertIn("error", answer, amount)
        self.assertEqual(self._get_transactions(), begun)
        answer = self._call(
            f"/request/{asked.id}/transaction", amount=120, access_token=token
        )
        self.assertIn("result", answer, answer)
        [transaction] = self._get_transactions()[:1]
        self.assertEqual(transaction.amount, 120)
        self._finish(transaction)
        self.assertEqual(asked.state, "paid")
        self.assertEqual(self.account.balance, 120)
        self.assertIn("paid already", self._get_text(f"/request/{asked.id}"))
        answer = self._call(f"/request/{asked.id}/transaction", access_token=token)
        self.assertIn("error", answer)

    def test_request_that_changed_since_the_page_takes_nothing(self):
        """Nobody pays another amount than the page has shown."""
        asked = self._ask()
        token = self._get_token(f"/request/{asked.id}")
        path = f"/request/{asked.id}/transaction"
        asked.amount = 150
        answer = self._call(path, amount=120, access_token=token)
        self.assertIn("has changed", answer["error"]["data"]["message"])
        self.assertFalse(asked.transaction_ids)
        self.assertIn("result", self._call(path, amount=150, access_token=token))

    def test_of_a_request_the_rest_is_paid(self):
        asked = self._ask()
        self._finish(self._make_transaction(50, "request", client_request_id=asked.id))
        self.assertIn("70.00", self._get_text(f"/request/{asked.id}"))
        self.assertIn("70.00", self._get_text())
        token = self._get_token(f"/request/{asked.id}")
        path = f"/request/{asked.id}/transaction"
        self.assertIn("error", self._call(path, amount=120, access_token=token))
        self.assertIn("result", self._call(path, amount=70, access_token=token))
        self._finish(self._get_transactions()[:1])
        self.assertEqual(asked.state, "paid")
        self.assertEqual(self.account.balance, 120)

    def test_request_is_paid_by_anybody_with_the_link(self):
        asked = self._ask()
        link = f"/request/{asked.id}?access_token={asked.access_token}"
        for user in (self.other_user, False):
            self._sign_in(user)
            self.assertIn(MARKER, self.url_open(self.home + link).text)
            answer = self._call(
                f"/request/{asked.id}/transaction",
                access_token=asked.access_token,
                tokenization_requested=True,
            )
            self.assertIn("result", answer, answer)
            [transaction] = self._get_transactions()[:1]
            self.assertEqual(transaction.client_account_id, self.account)
            self.assertFalse(transaction.tokenize)
            for path in (f"/request/{asked.id}", f"/request/{asked.id}?access_token=x"):
                answer = self.url_open(self.home + path)
                self.assertEqual(answer.status_code, 404)
                self.assertNotIn(MARKER, answer.text)

    def test_request_is_paid_under_hidden_too(self):
        asked = self._ask()
        self.account.balance_visibility = "hidden"
        self.assertIn(MARKER, self._get_text(f"/request/{asked.id}"))

    # === Security ===

    def test_nothing_of_another_client_is_shown(self):
        self.account.issue_credit(45, MARKER)
        self.account.charge(5, MARKER)
        self.company.client_charges_online = True
        self._get_account(self.other_client).issue_credit(1, "Own")
        key = self.account._get_portal_history()["lines"][0]
        for path in (
            "",
            f"?before={key['date']}_{key['id']}",
            f"?after=2000-01-01_{key['id']}",
            f"?company_id={self.company.id}&account_id={self.account.id}",
            f"?partner_id={self.client.id}",
            "/charges",
            "/topup?amount=50",
        ):
            with self.subTest(path):
                answer = self._get(path, user=self.other_user)
                self.assertNotIn(MARKER, answer.text)
                self.assertIn(answer.status_code, (200,))
        self.assertIn(MARKER, self._get().text)

    def test_nothing_by_rpc(self):
        self._sign_in(self.portal_user)
        for model in (
            "client.account",
            "client.credit.request",
            "client.credit.request.send",
            "payment.transaction",
        ):
            answer = self.url_open(
                "/web/dataset/call_kw",
                json={
                    "jsonrpc": "2.0",
                    "params": {
                        "model": model,
                        "method": "search_read",
                        "args": [[]],
                        "kwargs": {},
                    },
                },
            ).json()
            self.assertIn("error", answer, model)
