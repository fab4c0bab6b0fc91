from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestBooksOnce(ClientAccountCommon):
    """A window books once; two windows with the same values are two bookings."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user(
            "officer", "client_account.group_client_account_officer"
        )
        cls.account.credit_application = "manual"

    def _make_adjustment_window(self, **values):
        return (
            self.env["client.account.adjustment"]
            .with_user(self.officer)
            .create(
                {
                    "account_ids": [Command.set(self.account.ids)],
                    "amount": 25,
                    "reason": "Class cancelled",
                    **values,
                }
            )
        )

    def _make_payment_window(self, **values):
        return (
            self.env["client.account.payment"]
            .with_user(self.officer)
            .create({"account_id": self.account.id, "amount": 50, **values})
        )

    def assertBooksOnce(self, window, method, balance):
        """Check that a window confirmed three times books once and says the same."""
        answers = []
        for _time in range(3):
            # What a call finds, it has from the database.
            self.env.flush_all()
            self.env.invalidate_all()
            answers.append(getattr(window, method)())
            if len(answers) == 1:
                books = self._get_books()
        self.assertTrue(answers[0])
        self.assertEqual(answers, [answers[0]] * 3)
        self.assertEqual(self._get_books(), books)
        self.assertEqual(self.account.balance, balance)

    def test_credit(self):
        window = self._make_adjustment_window()
        self.assertBooksOnce(window, "action_confirm", 25.0)

    def test_charge(self):
        window = self._make_adjustment_window(kind="charge")
        self.assertBooksOnce(window, "action_confirm", -25.0)

    def test_credit_note(self):
        window = self._make_adjustment_window(
            document="invoice", product_id=self.product_a.id, tax_ids=[Command.clear()]
        )
        self.assertBooksOnce(window, "action_confirm", 25.0)

    def test_adjustment_of_a_date_that_moved(self):
        """The second answer names the real date as the first does."""
        self.company.fiscalyear_lock_date = "2026-01-31"
        window = self._make_adjustment_window(date="2026-01-15")
        self.assertBooksOnce(window, "action_confirm", 25.0)
        self.assertEqual(window.action_confirm()["params"]["type"], "warning")

    def test_modified_adjustment(self):
        """Confirmed again, a modification does not undo what was done since."""
        move = self._issue_credit(40)
        window = self._make_adjustment_window(move_id=move.id, amount=30)
        window.action_confirm()
        self._make_adjustment_window(move_id=move.id, amount=20).action_confirm()
        self.assertBooksOnce(window, "action_confirm", 20.0)

    def test_receive(self):
        """Case 41: three calls on one window of 50 make 50."""
        invoice = self._make_invoice(80)
        window = self._make_payment_window()
        window.line_ids.amount = 50
        self.assertBooksOnce(window, "action_confirm", -30.0)
        self.assertEqual(invoice.amount_residual, 30.0)

    def test_pay_back(self):
        self._issue_credit(100)
        window = self._make_payment_window(payment_type="outbound", amount=40)
        self.assertBooksOnce(window, "action_confirm", 60.0)

    def test_allocate(self):
        invoice, credit = self._make_invoice(80), self._issue_credit(100)
        window = (
            self.env["client.credit.allocation"]
            .with_user(self.officer)
            .create({"credit_line_id": self._get_receivable(credit).id})
        )
        window.line_ids.amount = 30
        self.assertBooksOnce(window, "action_allocate", 20.0)
        self.assertEqual(invoice.amount_residual, 50.0)

    def test_two_windows_with_equal_values_book_twice(self):
        """Case 41."""
        for window in [self._make_payment_window() for _time in range(2)]:
            window.action_confirm()
        for window in [self._make_adjustment_window() for _time in range(2)]:
            window.action_confirm()
        self.assertEqual(self.account.balance, 150.0)

    def test_a_copy_of_a_window_that_booked_books_too(self):
        window = self._make_adjustment_window()
        window.action_confirm()
        window.with_user(self.env.user).copy().action_confirm()
        self.assertEqual(self.account.balance, 50.0)

    def test_a_refused_window_may_be_confirmed_again(self):
        window = self._make_adjustment_window(reason=False)
        with self.assertRefused("Give a reason for Ada Piano School"):
            window.action_confirm()
        window.reason = "Class cancelled"
        self.assertBooksOnce(window, "action_confirm", 25.0)

    def test_refused_to_change_what_is_booked(self):
        """Other values confirmed again would seem to be booked."""
        window = self._make_payment_window()
        window.action_confirm()
        with self.assertRefused("has booked for Ada Piano School already"):
            window.amount = 60
