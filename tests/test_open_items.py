import random

from odoo.fields import Command
from odoo.tests import tagged

from .test_allocation import AllocationCommon

# Worth of one USD, the same at all times.
RATES = {"JPY": 151.37, "IDR": 16281.0, "INR": 83.21, "EUR": 0.9137}


@tagged("post_install", "-at_install")
class TestOpenItems(AllocationCommon):
    """An item is open as long as either residual is, as Odoo has it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currencies = {
            code: cls.setup_other_currency(
                code,
                rates=[("2020-01-01", rate)],
                rounding=1.0 if code in ("JPY", "IDR") else 0.01,
            )
            for code, rate in RATES.items()
        }

    def _make_in(self, code, amount, **values):
        return self._make_invoice(
            amount, currency_id=self.currencies[code].id, **values
        )

    def _open_window(self, credit):
        return self.env["client.credit.allocation"].create(
            {"credit_line_id": self._get_receivable(credit).id}
        )

    def assertSettled(self, move):
        items = self._get_receivable(move)
        self.assertEqual(items.mapped("amount_residual"), [0.0] * len(items))
        self.assertEqual(items.mapped("amount_residual_currency"), [0.0] * len(items))
        self.assertEqual(items.mapped("reconciled"), [True] * len(items))

    # === Worth nothing in the company's currency ===

    def test_fifty_rupiah_are_due_in_dollars(self):
        """Case 42: 0.00 USD, listed, allocated, paid."""
        invoice, credit = self._make_in("IDR", 50), self._issue_credit(10)
        item = self._get_receivable(invoice)
        self.assertEqual((item.amount_residual, invoice.amount_residual), (0.0, 50.0))
        self.assertEqual(self.account.debit_line_ids, item)
        self.assertEqual(self.account.credit_line_ids, self._get_receivable(credit))
        window = self._open_window(credit)
        self.assertEqual(window.line_ids.debit_line_id, item)
        window.action_oldest_first()
        self.assertEqual(window.line_ids.amount, 50.0)
        window.action_allocate()
        self.assertSettled(invoice)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.credit_available, 10.0)
        self.assertFalse(self.account.debit_line_ids)

    def test_fifty_rupiah_are_paid_by_themselves(self):
        """By policy, on demand, and from the invoice."""
        self._issue_credit(10)
        by_hand, applied = self._make_in("IDR", 50), self._make_in("IDR", 40)
        self.assertTrue(by_hand.client_credit_usable)
        action = by_hand.action_allocate_client_credit()
        window = self.env[action["res_model"]].with_context(**action["context"])
        window = window.create({})
        window.action_oldest_first()
        window.action_allocate()
        self.assertSettled(by_hand)
        self.account.apply_credits()
        self.assertSettled(applied)
        self.account.credit_application = "next"
        self.assertSettled(self._make_in("IDR", 30))

    def test_fifty_rupiah_are_received(self):
        invoice = self._make_in("IDR", 50)
        window = self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "amount": 50,
                "currency_id": self.currencies["IDR"].id,
            }
        )
        self.assertEqual(window.line_ids.debit_line_id, self._get_receivable(invoice))
        window.line_ids.amount = 50
        window.action_confirm()
        self.assertSettled(invoice)
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))

    def test_a_credit_note_of_fifty_rupiah_is_used(self):
        refund = self._make_in("IDR", 50, move_type="out_refund")
        invoice = self._make_in("IDR", 20)
        self.assertEqual(self.account.credit_line_ids, self._get_receivable(refund))
        self._allocate(refund, invoice, 20)
        self.assertSettled(invoice)
        self.assertEqual(refund.amount_residual, 30.0)
        other = self._make_in("IDR", 100)
        self.account.apply_credits()
        self.assertSettled(refund)
        self.assertEqual(other.amount_residual, 70.0)

    def test_a_merge_keeps_fifty_rupiah_in_mind(self):
        self._make_in("IDR", 50)
        self.assertEqual(self.client._get_owing_companies(), self.company)

    # === Slices ===

    def test_the_last_of_ten_slices_is_accepted(self):
        """Case 42: rounding took the rest in dollars before the last slice."""
        invoice, credit = self._make_in("JPY", 10), self._issue_credit(10)
        for _slice in range(10):
            self._allocate(credit, invoice, 1)
        self.assertSettled(invoice)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertLedgerAgrees(self.account.balance)

    def test_slices_of_a_dollar_credit_add_up(self):
        """At a constant rate nothing is left, whatever the slices."""
        generator = random.Random(7)
        for code in ("JPY", "IDR", "INR", "EUR"):
            for trial in range(12):
                with self.subTest(code=code, trial=trial):
                    amount = generator.choice((10, 33.33, 100, 250.01, 7.77))
                    self._check_slices(generator, code, amount)

    def test_slices_of_a_credit_note_in_the_invoices_currency_add_up(self):
        """At a constant rate there is no exchange difference to book."""
        generator = random.Random(11)
        exchanges = self.company.currency_exchange_journal_id
        before = self.env["account.move"].search_count(
            [("journal_id", "=", exchanges.id)]
        )
        for code in ("JPY", "IDR"):
            for trial in range(8):
                with self.subTest(code=code, trial=trial):
                    amount = generator.choice((0.05, 10, 33.33, 100))
                    total = self.currencies[code].round(amount * RATES[code])
                    refund = self._make_in(code, total, move_type="out_refund")
                    self._check_slices(generator, code, amount, refund)
                    self.assertSettled(refund)
        after = self.env["account.move"].search_count(
            [("journal_id", "=", exchanges.id)]
        )
        self.assertEqual(after, before)

    def test_a_credit_smaller_than_the_invoice_leaves_nothing(self):
        """What “Earliest Due First” takes after some slices uses the credit up."""
        generator = random.Random(13)
        for code in ("JPY", "IDR"):
            currency = self.currencies[code]
            for trial in range(10):
                with self.subTest(code=code, trial=trial):
                    amount = generator.choice((10, 33.33, 7.77))
                    invoice = self._make_in(code, currency.round(200 * RATES[code]))
                    credit = self._issue_credit(amount)
                    for _slice in range(generator.randint(1, 5)):
                        part = amount * RATES[code] * generator.uniform(0.02, 0.15)
                        self._allocate(credit, invoice, currency.round(part))
                    window = self._open_window(credit)
                    window.line_ids.filtered(
                        lambda line, invoice=invoice: (
                            line.debit_line_id.move_id != invoice
                        )
                    ).unlink()
                    window.action_oldest_first()
                    window.action_allocate()
                    self.assertSettled(credit)
                    paid = invoice.amount_total - invoice.amount_residual
                    self.assertAlmostEqual(
                        paid, amount * RATES[code], delta=0.02 * RATES[code]
                    )
                    due = self._get_receivable(invoice)
                    self.assertAlmostEqual(
                        due.amount_residual, due.balance - amount, places=2
                    )

    def test_twenty_paise_are_due_in_yen(self):
        """Case 42, in a company whose own currency is the coarse one."""
        yen = self.currencies["JPY"]
        company = self.setup_other_company(name="Kyoto School", currency_id=yen.id)[
            "company"
        ]
        company.client_credit_application = "manual"
        self.env.user.company_ids |= company
        rupee = self.currencies["INR"]
        self.env["res.currency.rate"].create(
            {
                "name": "2020-01-01",
                "rate": 0.55,
                "currency_id": rupee.id,
                "company_id": company.id,
            }
        )
        account = self.env(
            context=dict(self.env.context, allowed_company_ids=company.ids)
        )["client.account"]._get_or_create(self.client, company)
        invoice = account.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.client.id,
                "currency_id": rupee.id,
                "invoice_date": self.today,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Lessons", "price_unit": 0.2, "tax_ids": []}
                    )
                ],
            }
        )
        invoice.action_post()
        item = self._get_receivable(invoice)
        self.assertEqual((item.balance, item.amount_currency), (0.0, 0.2))
        self.assertEqual(account.debit_line_ids, item)
        account.issue_credit(10, "Class cancelled")
        account.apply_credits()
        self.assertSettled(invoice)
        self.assertEqual(invoice.payment_state, "paid")

    def _check_slices(self, generator, code, amount, credit=None):
        currency = self.currencies[code]
        total = currency.round(amount * RATES[code])
        invoice = self._make_in(code, total)
        credit = credit or self._issue_credit(amount)
        left = total
        for _slice in range(generator.randint(1, 8)):
            part = currency.round(left * generator.uniform(0.05, 0.6))
            if part:
                self._allocate(credit, invoice, part)
                left = currency.round(left - part)
        self._allocate(credit, invoice, left)
        self.assertSettled(invoice)
        if credit.client_adjustment:
            due = self._get_receivable(invoice).balance
            self.assertAlmostEqual(self._get_left(credit), amount - due)
