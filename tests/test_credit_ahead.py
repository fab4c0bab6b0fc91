import json
from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import format_date

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestCreditAhead(ClientAccountCommon):
    """A credit dated ahead is never applied by itself before its date."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.later = cls.today + timedelta(days=60)

    def assertNothingApplied(self, invoice, credit):
        self.assertEqual(invoice.amount_residual, 30.0)
        self.assertEqual(self._get_receivable(credit).amount_residual, -30.0)

    def test_it_waits_for_its_date(self):
        """Case 47: by policy, whichever comes first, and on demand."""
        credit = self._issue_credit(30, date=self.later)
        for policy in ("next", "all"):
            self.account.credit_application = policy
            self.assertNothingApplied(self._make_invoice(30), credit)
        self.assertEqual(self.account.apply_credits(), 0.0)

    def test_it_is_not_applied_when_it_is_issued(self):
        self.account.credit_application = "all"
        invoice = self._make_invoice(30)
        credit = self._issue_credit(30, date=self.later)
        self.assertNothingApplied(invoice, credit)

    def test_a_payment_and_a_credit_note_wait_too(self):
        self.account.credit_application = "all"
        self._make_payment(20, date=self.later)
        self._make_invoice(10, move_type="out_refund", invoice_date=self.later)
        self.assertEqual(self._make_invoice(30).amount_residual, 30.0)

    def test_it_does_not_pay_up_front(self):
        self.account.credit_application = "manual"
        self.account.pay_later = "disabled"
        credit = self._issue_credit(30, date=self.later)
        with self.assertRaisesRegex(Exception, "pays up front"):
            self._make_invoice(30)
        self.assertEqual(self._get_receivable(credit).amount_residual, -30.0)

    def test_it_goes_to_an_invoice_of_its_day(self):
        self._issue_credit(30, date=self.later)
        with freeze_time(self.later):
            self.env.invalidate_all()
            self.assertFalse(self.account.credit_ahead)
            self.assertEqual(self._make_invoice(30).payment_state, "paid")

    def test_it_may_be_allocated_by_hand(self):
        invoice = self._make_invoice(30)
        credit = self._issue_credit(30, date=self.later)
        item = self._get_receivable(credit)
        item._allocate(self._get_receivable(invoice), 30)
        self.assertEqual(invoice.payment_state, "paid")

    def test_it_stands_apart_and_figures_graph_and_history_agree(self):
        """Case 47: balance, last point of the graph and last line say the same."""
        self._issue_credit(30, date=self.later)
        self._issue_credit(5, date=self.later + timedelta(days=400))
        self._issue_credit(7)
        self.assertRecordValues(
            self.account,
            [{"balance": 42.0, "credit_available": 42.0, "ledger_balance": 42.0}],
        )
        days = [
            format_date(self.env, self.later, date_format="d MMM"),
            format_date(
                self.env, self.later + timedelta(days=400), date_format="d MMM y"
            ),
        ]
        amounts = [self.company.currency_id.format(amount) for amount in (30, 5)]
        self.assertEqual(
            self.account.credit_ahead,
            f"{amounts[0]} from {days[0]}, {amounts[1]} from {days[1]}",
        )
        self._make_invoice(40)
        self.assertEqual(self.account.balance, 2.0)
        points = json.loads(self.account.balance_graph)[0]["values"]
        self.assertEqual(points[-1]["y"], 2.0)
        self.assertEqual(self.account.history_line_ids[0].client_history_balance, 2.0)
