from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import format_date

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestDuplicatePayment(ClientAccountCommon):
    """A payment that looks like one already booked is pointed out before it is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.company_data["default_journal_bank"]
        cls.cash = cls.company_data["default_journal_cash"]
        cls.officer = cls._make_user(
            "officer", "client_account.group_client_account_officer"
        )
        cls.account.credit_application = "manual"

    def _make_window(self, amount=50, memo="Term fee", account=None, **values):
        return (
            self.env["client.account.payment"]
            .with_user(self.officer)
            .create(
                {
                    "account_id": (account or self.account).id,
                    "amount": amount,
                    "journal_id": self.bank.id,
                    "memo": memo,
                    **values,
                }
            )
        )

    def _get_payments(self):
        return self.env["account.payment"].search(
            [("partner_id", "=", self.client.id)], order="id"
        )

    def _book(self, **values):
        """Receive a payment and return it."""
        self._make_window(**values).action_confirm()
        return self._get_payments()[-1]

    def assertNotPointedOut(self, window):
        self.assertFalse(window.duplicate_warning)
        self.assertFalse(window.needs_book_anyway)

    def assertPointedOut(self, window, payments):
        for payment in payments:
            self.assertIn(payment.name, window.duplicate_warning)
        self.assertIn(self.client.name, window.duplicate_warning)
        self.assertIn(
            window.currency_id.format(window.amount), window.duplicate_warning
        )
        self.assertIn(format_date(self.env, window.date), window.duplicate_warning)

    # === Pointed out ===

    def test_first_payment_is_like_none(self):
        window = self._make_window()
        self.assertNotPointedOut(window)
        window.action_confirm()
        # Nor like itself, once it is booked.
        window.invalidate_recordset()
        self.assertNotPointedOut(window)

    def test_same_payment_is_pointed_out_before_it_is_booked(self):
        payment = self._book()
        action = self.account.with_user(self.officer).action_receive_payment()
        windows = self.env[action["res_model"]].with_user(self.officer)
        form = Form(windows.with_context(**action["context"]))
        form.amount = 50
        self.assertFalse(form.duplicate_warning)
        form.memo = "Term fee"
        self.assertIn(payment.name, form.duplicate_warning)
        self.assertTrue(form.needs_book_anyway)
        form.amount = 49.99
        self.assertFalse(form.duplicate_warning)
        form.amount = 50
        form.book_anyway = True
        form.save().action_confirm()
        self.assertEqual(self._get_payments().mapped("amount"), [50, 50])

    def test_both_earlier_payments_are_named(self):
        first = self._book()
        second = self._book(book_anyway=True)
        self.assertPointedOut(self._make_window(), first | second)

    def test_same_journal_is_not_needed(self):
        payment = self._book()
        self.assertPointedOut(self._make_window(journal_id=self.cash.id), payment)

    def test_native_payment_and_one_of_a_contact_are_found(self):
        contact = self.env["res.partner"].create(
            {"name": "Parent", "parent_id": self.client.id, "type": "invoice"}
        )
        native = self._make_payment(50, partner=contact, memo=" Term fee ")
        self.assertPointedOut(self._make_window(), native)

    def test_anything_else_is_another_payment(self):
        self._book()
        eur = self.setup_other_currency("EUR", rates=[("2024-01-01", 1.0)])
        for values in (
            {"amount": 50.01},
            {"memo": "Term fee, spring"},
            {"memo": False},
            {"date": self.today - timedelta(days=1)},
            {"account": self._get_account(self.other_client)},
            {"currency_id": eur.id},
        ):
            with self.subTest(values=values):
                self.assertNotPointedOut(self._make_window(**values))

    def test_long_memos_are_compared_as_they_are_booked(self):
        payment = self._book(memo="x" * 130)
        self.assertPointedOut(self._make_window(memo="x" * 125), payment)

    def test_cancelled_and_draft_payments_are_like_none(self):
        payment = self._book()
        payment.action_cancel()
        self.assertNotPointedOut(self._make_window())
        payment.action_draft()
        self.assertNotPointedOut(self._make_window())
        payment.action_post()
        self.assertPointedOut(self._make_window(), payment)

    def test_undone_payment_may_be_booked_again(self):
        window = self._make_window()
        window.action_confirm()
        window.action_undo()
        again = self._make_window()
        self.assertNotPointedOut(again)
        again.action_confirm()
        self.assertEqual(self.account.balance, 50.0)

    def test_payment_on_several_accounts_counts_with_its_sum(self):
        other = self.company_data["default_account_receivable"].copy()
        first = self._make_invoice(30)
        self.client.property_account_receivable_id = other
        second = self._make_invoice(20)
        self.client.property_account_receivable_id = self.company_data[
            "default_account_receivable"
        ]
        window = self._make_window()
        for line in window.sudo().line_ids:
            line.amount = line.amount_open
        window.action_confirm()
        payments = self._get_payments()
        self.assertEqual(sorted(payments.mapped("amount")), [20, 30])
        self.assertFalse((first | second).filtered("amount_residual"))
        self.assertPointedOut(self._make_window(), payments)

    def test_payment_of_another_company_is_like_none(self):
        payment = self._book()
        sister = self.setup_other_company(name="Sister")["company"]
        account = self._get_account(self.client, sister)
        window = (
            self.env["client.account.payment"]
            .with_company(sister)
            .create({"account_id": account.id, "amount": 50, "memo": "Term fee"})
        )
        self.assertEqual(window.currency_id, payment.currency_id)
        self.assertNotPointedOut(window)

    # === Paid back ===

    def test_credit_paid_back_twice_is_pointed_out(self):
        self._issue_credit(200)
        payment = self._book(payment_type="outbound")
        self.assertEqual(payment.payment_type, "outbound")
        window = self._make_window(payment_type="outbound")
        self.assertPointedOut(window, payment)
        with self.assertRefused(payment.name, "Book It Anyway"):
            window.action_confirm()
        # Money that comes in is another payment than money that goes out.
        self.assertNotPointedOut(self._make_window())

    # === Refused without a tick ===

    def test_refused_with_the_same_memo_and_no_tick(self):
        payment = self._book()
        window = self._make_window()
        with self.assertRefused(payment.name, self.client.name, "Book It Anyway"):
            window.action_confirm()
        window.book_anyway = True
        window.action_confirm()
        self.assertEqual(self.account.balance, 100.0)

    def test_confirmed_twice_it_is_one_payment(self):
        window = self._make_window()
        answer = window.action_confirm()
        self.assertEqual(window.action_confirm(), answer)
        self.assertEqual(self.account.balance, 50.0)

    def test_without_a_memo_it_is_pointed_out_and_not_refused(self):
        payment = self._book(memo=False)
        window = self._make_window(memo="")
        self.assertPointedOut(window, payment)
        self.assertFalse(window.needs_book_anyway)
        window.action_confirm()
        self.assertEqual(self.account.balance, 100.0)

    # === Roles ===

    def test_viewer_learns_of_no_payment(self):
        self._book()
        viewer = self._make_user("viewer", "client_account.group_client_account_viewer")
        plain = self._make_user("plain", "base.group_user")
        for user in viewer | plain:
            windows = self.env["client.account.payment"].with_user(user)
            with self.assertRefused(exception=AccessError):
                windows.create({"account_id": self.account.id, "amount": 50})
            with self.assertRaises(AccessError):
                windows.onchange(
                    {
                        "account_id": self.account.id,
                        "amount": 50,
                        "memo": "Term fee",
                        "line_ids": [Command.clear()],
                    },
                    ["memo"],
                    {"memo": {}, "duplicate_warning": {}},
                )

    def test_officer_of_another_company_learns_of_no_payment(self):
        self._book()
        sister = self.setup_other_company(name="Sister")["company"]
        stranger = self._make_user(
            "stranger", "client_account.group_client_account_officer", company=sister
        )
        windows = self.env["client.account.payment"].with_user(stranger)
        with self.assertRaises(AccessError):
            windows.onchange(
                {"account_id": self.account.id, "amount": 50, "memo": "Term fee"},
                ["memo"],
                {"memo": {}, "duplicate_warning": {}},
            )


@tagged("post_install", "-at_install")
class TestDuplicatePaymentTour(ClientAccountCommon, HttpCase):
    def test_second_payment_is_pointed_out_on_the_screen(self):
        """To an officer without any right of accounting."""
        officer = self._make_user(
            "officer", "client_account.group_client_account_officer"
        )
        self._make_payment(50, memo="Term fee")
        self.start_tour(
            f"/odoo/client.account/{self.account.id}",
            "client_account_duplicate_payment",
            login=officer.login,
        )
        self.assertEqual(self.account.balance, 100.0)
