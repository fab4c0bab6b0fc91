from odoo.fields import Command
from odoo.tests import tagged

from .test_allocation import AllocationCommon


@tagged("post_install", "-at_install")
class TestAllocationCurrency(AllocationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.eur = cls.setup_other_currency(
            "EUR",
            rates=[("2024-01-01", 0.8), ("2024-02-01", 1.0), ("2024-03-01", 0.5)],
        )

    def _make_refund(self, amount, date, currency, **values):
        """Make a credit note in a currency on a date."""
        return self._make_invoice(
            amount,
            move_type="out_refund",
            date_due=date,
            currency_id=currency.id,
            **values,
        )

    def _get_exchange_lines(self):
        """Return the client's receivable items of exchange entries."""
        return self.env["account.move.line"].search(
            [
                ("journal_id", "=", self.company.currency_exchange_journal_id.id),
                ("account_type", "=", "asset_receivable"),
                ("partner_id", "=", self.client.id),
                ("parent_state", "=", "posted"),
            ]
        )

    def assertUndoneWithoutLeftovers(self, credit, left, invoice, due):
        """Check that no trace of an allocation is left."""
        self.assertEqual(self._get_left(credit), left)
        self.assertEqual(invoice.amount_residual, due)
        self.assertEqual(invoice.payment_state, "not_paid")
        lines = self._get_exchange_lines()
        self.assertAlmostEqual(sum(lines.mapped("balance")), 0.0)
        self.assertFalse(lines.filtered("amount_residual"))

    # === Foreign currency ===

    def test_eur_credit_on_usd_invoice_after_the_rate_rose(self):
        """Case 13: 80 EUR were 100.00 USD; 50.00 USD now take 50 EUR of it."""
        credit = self._make_refund(80, "2024-01-10", self.eur)
        invoice = self._make_invoice(77.77, date_due="2024-02-10")
        self.assertLedgerAgrees(22.23)
        partial = self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.amount_residual, 27.77)
        self.assertEqual(self._get_left(credit), 30.0)
        self.assertEqual(self._get_receivable(credit).amount_residual, -37.5)
        self.assertEqual(partial.exchange_move_id.state, "posted")
        self.assertLedgerAgrees(22.23 - 12.5)
        exchange = partial.exchange_move_id
        self._undo(partial)
        self.assertTrue(exchange.reversal_move_ids)
        self.assertUndoneWithoutLeftovers(credit, 80.0, invoice, 77.77)
        self.assertLedgerAgrees(22.23)

    def test_eur_credit_on_usd_invoice_after_the_rate_fell(self):
        """Case 13: the exchange entry carries a part of what the invoice falls by."""
        credit = self._make_refund(80, "2024-01-10", self.eur)
        invoice = self._make_invoice(77.77, date_due="2024-03-10")
        partial = self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.amount_residual, 27.77)
        self.assertEqual(self._get_left(credit), 55.0)
        self.assertEqual(partial.amount, 31.25)
        exchange = partial.exchange_move_id
        self.assertEqual(exchange.state, "posted")
        self.assertLedgerAgrees(22.23 + 18.75)
        self._undo(partial)
        self.assertTrue(exchange.reversal_move_ids)
        self.assertUndoneWithoutLeftovers(credit, 80.0, invoice, 77.77)
        self.assertLedgerAgrees(22.23)

    def test_eur_credit_pays_a_usd_invoice_in_two_slices(self):
        """Case 13: the last slice takes all there is, exchange difference included."""
        credit = self._make_refund(80, "2024-01-10", self.eur)
        invoice = self._make_invoice(77.77, date_due="2024-03-10")
        partials = self._allocate(credit, invoice, 33.34)
        self.assertEqual(invoice.amount_residual, 44.43)
        partials |= self._allocate(credit, invoice, 44.43)
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertEqual(invoice.payment_state, "reversed")
        self._undo(partials[0])
        self.assertEqual(invoice.amount_residual, 33.34)
        self._undo(partials[1])
        self.assertUndoneWithoutLeftovers(credit, 80.0, invoice, 77.77)

    def test_eur_payment_on_usd_invoice_keeps_the_payments_rate(self):
        """Case 13: money received counts at its own rate; nothing is left to adjust."""
        payment = self._make_payment(80, currency_id=self.eur.id, date="2024-01-10")
        invoice = self._make_invoice(77.77, date_due="2024-03-10")
        partial = self._allocate(payment.move_id, invoice, 50)
        self.assertEqual(invoice.amount_residual, 27.77)
        self.assertEqual(self._get_left(payment.move_id), 40.0)
        self.assertFalse(partial.exchange_move_id)
        self._undo(partial)
        self.assertUndoneWithoutLeftovers(payment.move_id, 80.0, invoice, 77.77)

    def test_usd_credit_on_eur_invoice_is_exact_in_eur(self):
        credit = self._issue_credit(500, date="2024-02-10")
        invoice = self._make_invoice(
            100, date_due="2024-03-10", currency_id=self.eur.id
        )
        first = self._allocate(credit, invoice, 33.33)
        self.assertEqual(invoice.amount_residual, 66.67)
        second = self._allocate(credit, invoice, 66.67)
        self.assertRecordValues(
            self._get_receivable(invoice),
            [{"amount_residual": 0.0, "amount_residual_currency": 0.0}],
        )
        self.assertEqual(invoice.payment_state, "paid")
        self._undo(second)
        self._undo(first)
        self.assertUndoneWithoutLeftovers(credit, 500.0, invoice, 100.0)

    def test_eur_credit_on_eur_invoice_is_exact_across_rates(self):
        credit = self._make_refund(100, "2024-01-10", self.eur)
        invoice = self._make_invoice(80, date_due="2024-03-10", currency_id=self.eur.id)
        partials = self._allocate(credit, invoice, 26.67)
        partials |= self._allocate(credit, invoice, 26.67)
        partials |= self._allocate(credit, invoice, 26.66)
        self.assertRecordValues(
            self._get_receivable(invoice) | self._get_receivable(credit),
            [
                {"amount_residual": 0.0, "amount_residual_currency": 0.0},
                # Each slice is rounded at the credit's rate: 33.34 twice and 33.33.
                {"amount_residual": -24.99, "amount_residual_currency": -20.0},
            ],
        )
        self._undo(partials)
        self.assertUndoneWithoutLeftovers(credit, 100.0, invoice, 80.0)

    def test_foreign_invoice_counts_once_at_its_own_rate(self):
        """Case 20: EUR 100 = USD 200 counts 200, and falls by what is allocated."""
        invoice = self._make_invoice(
            100, date_due="2024-03-10", currency_id=self.eur.id
        )
        self.assertEqual(self.account.amount_owed, 200.0)
        self.assertLedgerAgrees(-200.0)
        credit = self._make_refund(40, "2024-03-10", self.eur)
        self.assertLedgerAgrees(-120.0)
        self._allocate(credit, invoice, 40)
        self.assertEqual(self.account.amount_owed, 120.0)
        self.assertEqual(self.account.credit_available, 0.0)
        self.assertLedgerAgrees(-120.0)

    def test_refused_when_more_is_asked_than_a_foreign_credit_has_left(self):
        credit = self._make_refund(80, "2024-01-10", self.eur)
        invoice = self._make_invoice(200, date_due="2024-02-10")
        with self.assertRefused("more than .* has left"):
            self._allocate(credit, invoice, 80.01)
        self._allocate(credit, invoice, 80)
        self.assertEqual(invoice.amount_residual, 120.0)
        self.assertTrue(self._get_receivable(credit).reconciled)

    # === Rounding ===

    def test_refused_when_the_amount_rounds_to_nothing(self):
        """Case 12: JPY 0.4 and EUR 0.004 round to nothing, EUR 0.005 is too fine."""
        jpy = self.setup_other_currency("JPY", rates=[("2024-01-01", 100.0)])
        for currency, refused, exact in (
            (jpy, (0.4, 0.5, 10.5), 1),
            (self.eur, (0.004, 0.005, 1.005), 0.01),
        ):
            credit = self._make_refund(1000, "2024-02-10", currency)
            invoice = self._make_invoice(
                1000, date_due="2024-02-10", currency_id=currency.id
            )
            for amount in refused:
                with (
                    self.subTest(currency=currency.name, amount=amount),
                    self.assertRefused("finer"),
                ):
                    self._allocate(credit, invoice, amount)
            self._allocate(credit, invoice, exact)
            self.assertEqual(invoice.amount_residual, 1000 - exact)

    def test_three_decimals_are_kept(self):
        """Case 11: 18,230.000 less 17,592.415 leaves 637.585."""
        kwd = self.setup_other_currency("KWD", rates=[("2024-01-01", 0.3)])
        self.assertEqual(kwd.rounding, 0.001)
        invoice = self._make_invoice(
            18230.000, date_due="2024-02-10", currency_id=kwd.id
        )
        credit = self._make_refund(20000.000, "2024-02-10", kwd)
        self._allocate(credit, invoice, 17592.415)
        self.assertEqual(invoice.amount_residual, 637.585)
        self.assertEqual(self._get_left(credit), 2407.585)
        with self.assertRefused("finer"):
            self._allocate(credit, invoice, 637.5845)
        with self.assertRefused("more than the"):
            self._allocate(credit, invoice, 637.586)
        self._allocate(credit, invoice, 637.585)
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertTrue(self._get_receivable(invoice).reconciled)

    def test_company_with_three_decimals_keeps_them(self):
        """Case 11: in the company's own currency too, through the account."""
        kwd = self.setup_other_currency("KWD", rates=[])
        company = self.setup_other_company(name="Kuwait School", currency_id=kwd.id)[
            "company"
        ]
        company.client_credit_application = "manual"
        self.env.user.company_ids |= company
        account = self.env(
            context=dict(self.env.context, allowed_company_ids=company.ids)
        )["client.account"]._get_or_create(self.client, company)
        charge = account.env["account.move"].browse(account.charge(18230.000, "Tours"))
        credit = account.env["account.move"].browse(
            account.issue_credit(17592.415, "Tour cancelled")
        )
        self._allocate(credit, charge, 17592.415)
        self.assertEqual(self._get_receivable(charge).amount_residual, 637.585)
        self.assertEqual(account.balance, -637.585)
        self.assertTrue(self._get_receivable(credit).reconciled)

    def test_drift_of_adding_floats_is_no_residue(self):
        """Case 11: a drift of 1e-14 between residual and request."""
        credit, invoice = self._issue_credit(200), self._make_invoice(100)
        drifted = 100 + 1.5e-14
        self.assertNotEqual(drifted, 100.0)
        self._allocate(credit, invoice, drifted)
        self.assertRecordValues(
            invoice, [{"amount_residual": 0.0, "payment_state": "paid"}]
        )
        self.assertEqual(self._get_left(credit), 100.0)
        small = self._make_invoice(0.3)
        self.assertNotEqual(0.1 + 0.2, 0.3)
        self._allocate(credit, small, 0.1 + 0.2)
        self.assertEqual(small.payment_state, "paid")
        self.assertEqual(self._get_left(credit), 99.7)

    def test_figures_of_the_documents_win_over_a_rate_on_the_sum(self):
        """Case 11: (1357.13, 1357.13, 2714.25) x 1.35: 7,328.50 one by one, yet the
        credit of the sum is 7,328.49. Nothing stays open on either side."""
        cad = self.setup_other_currency("CAD", rates=[("2024-01-01", 1 / 1.35)])
        amounts = (1357.13, 1357.13, 2714.25)
        invoices = [
            self._make_invoice(amount, date_due="2024-02-10", currency_id=cad.id)
            for amount in amounts
        ]
        items = self._get_receivable(self.env["account.move"].union(*invoices))
        self.assertAlmostEqual(sum(items.mapped("balance")), 7328.50)
        credit = self._make_refund(5428.51, "2024-02-10", cad)
        items |= self._get_receivable(credit)
        self.assertEqual(self._get_receivable(credit).balance, -7328.49)
        for invoice, amount in zip(invoices, amounts, strict=True):
            self._allocate(credit, invoice, amount)
        self.assertRecordValues(
            items,
            [{"amount_residual": 0.0, "amount_residual_currency": 0.0}] * 4,
        )
        self.assertEqual({invoice.amount_residual for invoice in invoices}, {0.0})
        self.assertLedgerAgrees(0.0)

    def test_credit_in_company_currency_leaves_no_residue_of_rounding(self):
        """Case 11: 7,328.50 of credit pays the 5,428.51 whole, in three slices too."""
        cad = self.setup_other_currency("CAD", rates=[("2024-01-01", 1 / 1.35)])
        for slices in ([5428.51], [1357.13, 1357.13, 2714.25]):
            with self.subTest(slices=slices):
                invoice = self._make_invoice(
                    [1357.13, 1357.13, 2714.25],
                    date_due="2024-02-10",
                    currency_id=cad.id,
                )
                credit = self._issue_credit(7328.50, date="2024-02-10")
                for amount in slices:
                    self._allocate(credit, invoice, amount)
                self.assertRecordValues(
                    self._get_receivable(invoice),
                    [{"amount_residual": 0.0, "amount_residual_currency": 0.0}],
                )
                self.assertEqual(invoice.payment_state, "paid")
                self.account.apply_credits()
                self.assertEqual(self._get_ledger_balance(), self.account.balance)


@tagged("post_install", "-at_install")
class TestAllocationCashBasis(AllocationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.tax_exigibility = True
        accounts = cls.env["account.account"].create(
            [
                {
                    "code": "cab.base",
                    "name": "Cash basis base",
                    "account_type": "income",
                },
                {
                    "code": "cab.transition",
                    "name": "Tax waiting for payment",
                    "account_type": "liability_current",
                    "reconcile": True,
                },
                {
                    "code": "cab.tax",
                    "name": "Tax due",
                    "account_type": "liability_current",
                },
            ]
        )
        cls.company.account_cash_basis_base_account_id = accounts[0]
        cls.transition_account, cls.tax_account = accounts[1], accounts[2]
        repartition = [
            Command.create({"repartition_type": "base"}),
            Command.create(
                {"repartition_type": "tax", "account_id": cls.tax_account.id}
            ),
        ]
        cls.tax = cls.env["account.tax"].create(
            {
                "name": "10% on payment",
                "amount": 10,
                "tax_exigibility": "on_payment",
                "cash_basis_transition_account_id": cls.transition_account.id,
                "invoice_repartition_line_ids": repartition,
                "refund_repartition_line_ids": repartition,
            }
        )

    def _get_tax(self, account):
        """Return what is booked on a tax account, as an amount above zero."""
        [(total,)] = self.env["account.move.line"]._read_group(
            [("account_id", "=", account.id), ("parent_state", "=", "posted")],
            [],
            ["balance:sum"],
        )
        return -total

    def test_cash_basis_tax_moves_with_each_allocation(self):
        """Case 14: 44 of 110 moves 4.00 of tax, the rest 6.00; undo reverses both."""
        invoice = self._make_invoice(100, post=False)
        invoice.invoice_line_ids.tax_ids = self.tax
        invoice.action_post()
        credit = self._issue_credit(200)
        self.assertEqual(invoice.amount_total, 110.0)
        self.assertEqual(self._get_tax(self.transition_account), 10.0)
        first = self._allocate(credit, invoice, 44)
        self.assertEqual(self._get_tax(self.tax_account), 4.0)
        self.assertEqual(self._get_tax(self.transition_account), 6.0)
        second = self._allocate(credit, invoice, 66)
        self.assertEqual(self._get_tax(self.tax_account), 10.0)
        self.assertEqual(self._get_tax(self.transition_account), 0.0)
        self.assertEqual(invoice.payment_state, "paid")
        self._undo(first)
        self.assertEqual(self._get_tax(self.tax_account), 6.0)
        self._undo(second)
        self.assertEqual(self._get_tax(self.tax_account), 0.0)
        self.assertEqual(self._get_tax(self.transition_account), 10.0)
        self.assertEqual(invoice.amount_residual, 110.0)
        self.assertLedgerAgrees(90.0)
