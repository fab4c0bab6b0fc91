import logging
import os
import random
from itertools import product

from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon

_logger = logging.getLogger(__name__)

RATES = {
    "EUR": (("2024-01-01", 0.8), ("2024-02-01", 0.9137), ("2024-03-01", 1.07)),
    "GBP": (("2024-01-01", 0.71), ("2024-02-01", 0.83), ("2024-03-01", 0.6543)),
    "JPY": (("2024-01-01", 147.31), ("2024-02-01", 109.5), ("2024-03-01", 158.2)),
}
DATES = ("2024-01-10", "2024-02-10", "2024-03-10")
# Each pair of a credit's and an invoice's currency comes so many times, in one to four
# slices: 50 allocations for each currency of the credit, 200 in all.
ROUNDS = 5
SLICES = (1, 2, 3, 4)


@tagged("post_install", "-at_install")
class TestAllocationRandom(ClientAccountCommon):
    """Random amounts, currencies, dates and slices.

    The seed is logged; CLIENT_ACCOUNT_TEST_SEED sets it, to see a failure again.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.currencies = [cls.company.currency_id] + [
            cls.setup_other_currency(code, rates=rates) for code, rates in RATES.items()
        ]
        cls.clients = cls.env["res.partner"].create(
            [{"name": f"Client {number}"} for number in range(ROUNDS)]
        )
        cls.seed = int(
            os.environ.get("CLIENT_ACCOUNT_TEST_SEED")
            or random.SystemRandom().getrandbits(32)
        )
        _logger.info("CLIENT_ACCOUNT_TEST_SEED=%s", cls.seed)

    # === Making the documents ===

    def _draw_amount(self, currency, low, high):
        """Draw an amount from `low` to `high`, given in the company's currency."""
        rate = currency._get_conversion_rate(
            self.company.currency_id, currency, self.company, "2024-01-10"
        )
        return currency.round(self.random.uniform(low, high) * rate)

    def _prepare_document(self, move_type, client, currency, amount):
        date = self.random.choice(DATES)
        return {
            "move_type": move_type,
            "partner_id": client.id,
            "currency_id": currency.id,
            "invoice_date": date,
            "invoice_date_due": date,
            "invoice_payment_term_id": False,
            "invoice_line_ids": [
                Command.create({"name": "Lessons", "price_unit": amount, "tax_ids": []})
            ],
        }

    def _prepare_payment(self, client, currency, amount):
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": client.id,
            "currency_id": currency.id,
            "amount": amount,
            "date": self.random.choice(DATES),
            "journal_id": self.company_data["default_journal_bank"].id,
        }

    def _make_pairs(self, credit_currency):
        """Return random pairs of a credit and a debit item, and a number of slices.

        A credit is a payment or a credit note, large enough whatever the rates.
        """
        pairs = list(product(self.clients, self.currencies))
        invoices = self.env["account.move"].create(
            [
                self._prepare_document(
                    "out_invoice", client, currency, self._draw_amount(currency, 5, 300)
                )
                for client, currency in pairs
            ]
        )
        kinds = [self.random.choice(("payment", "refund")) for _pair in pairs]
        payments = self.env["account.payment"].create(
            [
                self._prepare_payment(
                    client,
                    credit_currency,
                    self._draw_amount(credit_currency, 500, 900),
                )
                for kind, (client, _currency) in zip(kinds, pairs, strict=True)
                if kind == "payment"
            ]
        )
        refunds = self.env["account.move"].create(
            [
                self._prepare_document(
                    "out_refund",
                    client,
                    credit_currency,
                    self._draw_amount(credit_currency, 500, 900),
                )
                for kind, (client, _currency) in zip(kinds, pairs, strict=True)
                if kind == "refund"
            ]
        )
        self._analyze()
        (invoices | refunds).action_post()
        payments.action_post()
        sources = {"payment": iter(payments.move_id), "refund": iter(refunds)}
        slices = list(SLICES) * ROUNDS
        self.random.shuffle(slices)
        return [
            (
                self._get_receivable(next(sources[kind])),
                self._get_receivable(invoice),
                number,
            )
            for kind, invoice, number in zip(kinds, invoices, slices, strict=True)
        ]

    def _draw_slices(self, debit, number):
        """Return so many amounts that are the whole debt, or less in one of three."""
        currency = debit.currency_id
        due = debit.amount_residual_currency
        if self.random.random() < 1 / 3:
            due = currency.round(due * self.random.uniform(0.3, 0.95))
        slices = []
        for _number in range(number - 1):
            slices.append(currency.round(due * self.random.uniform(0.05, 0.5)))
            due = currency.round(due - slices[-1])
        return [*slices, due]

    def _analyze(self):
        """Tell the planner what this transaction made.

        Else autovacuum tells it that the tables are empty, and Odoo's own query for the
        payments of an invoice takes minutes.
        """
        self.env.flush_all()
        self.env.cr.execute(
            "ANALYZE account_move, account_move_line, account_partial_reconcile,"
            " account_payment"
        )

    # === Checking ===

    def assertLedger(self, client, label):
        """Check that account, open residuals and ledger say the same."""
        account = self._get_account(client)
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT -SUM(line.amount_residual), -SUM(line.balance)
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE account.account_type = 'asset_receivable'
               AND line.parent_state = 'posted'
               AND line.partner_id = %s
            """,
            [client.id],
        )
        residuals, ledger = map(float, self.env.cr.fetchone())
        self.assertAlmostEqual(residuals, ledger, 6, label)
        self.assertAlmostEqual(account.balance, ledger, 6, label)
        self.assertAlmostEqual(account.ledger_difference, 0.0, 6, label)

    def _get_state(self, credit, debit):
        """Return what undoing must bring back."""
        account = self._get_account(debit.partner_id)
        lines = credit | debit
        return (
            lines.mapped("amount_residual"),
            lines.mapped("amount_residual_currency"),
            lines.mapped("reconciled"),
            lines.mapped("matching_number"),
            debit.move_id.payment_state,
            debit.move_id.amount_residual,
            account.balance,
            account.amount_owed,
            account.credit_available,
            account.ledger_balance,
        )

    def _allocate_slice(self, credit, debit, amount, label):
        """Allocate one slice and check everything it moves."""
        currency = debit.currency_id
        before = debit.amount_residual_currency
        left = credit.amount_residual_currency
        partial = credit._allocate(debit, amount)
        after = debit.amount_residual_currency
        self.assertEqual(len(partial), 1, label)
        self.assertEqual(currency.compare_amounts(before - after, amount), 0, label)
        self.assertEqual(debit.move_id.amount_residual, after, label)
        self.assertLess(credit.amount_residual_currency, 0, label)
        self.assertGreater(credit.amount_residual_currency, left, label)
        self.assertPaymentState(credit, debit, label)
        self.assertLedger(debit.partner_id, label)
        return partial

    def assertPaymentState(self, credit, debit, label):
        if not debit.currency_id.is_zero(debit.amount_residual_currency):
            state = "partial"
        elif credit.move_id.move_type == "out_refund":
            state = "reversed"
        else:
            state = "paid"
        self.assertEqual(debit.move_id.payment_state, state, label)
        self.assertEqual(debit.reconciled, state != "partial", label)
        if debit.reconciled:
            self.assertEqual(debit.amount_residual, 0.0, label)

    def _undo(self, partials, credit, debit, label):
        """Take the slices off in random order and check the ledger after each."""
        partials = list(partials)
        self.random.shuffle(partials)
        for partial in partials:
            due = debit.amount_residual_currency
            partial.action_remove_client_allocation()
            self.assertGreater(debit.amount_residual_currency, due, label)
            self.assertLedger(debit.partner_id, label)
        self.assertFalse((credit | debit).matched_debit_ids, label)
        self.assertFalse((credit | debit).matched_credit_ids, label)
        self.assertFalse((credit | debit).full_reconcile_id, label)

    def assertNoExchangeLeft(self, client, label):
        """Check that exchange entries net to nil and none is left open."""
        lines = self.env["account.move.line"].search(
            [
                ("journal_id", "=", self.company.currency_exchange_journal_id.id),
                ("account_type", "=", "asset_receivable"),
                ("partner_id", "=", client.id),
                ("parent_state", "=", "posted"),
            ]
        )
        self.assertAlmostEqual(sum(lines.mapped("balance")), 0.0, 6, label)
        self.assertFalse(lines.filtered("amount_residual"), label)
        return len(lines)

    def _run_random_allocations(self, currency):
        """Allocate credits of one currency, and undo two pairs of three at once.

        :return: number of items that exchange entries booked
        """
        # A draw of its own for each currency, so that one test alone repeats it.
        self.random = random.Random(f"{self.seed} {currency.name}")
        allocations = 0
        kept = self.env["account.partial.reconcile"]
        for number, (credit, debit, slices) in enumerate(self._make_pairs(currency)):
            if number % 8 == 0:
                self._analyze()
            label = (
                f"seed {self.seed}, pair {number}: "
                f"{credit.move_name} {credit.currency_id.name} of {credit.date}, "
                f"{debit.move_name} {debit.currency_id.name} of {debit.date}"
            )
            before = self._get_state(credit, debit)
            partials = self.env["account.partial.reconcile"]
            for amount in self._draw_slices(debit, slices):
                partials |= self._allocate_slice(
                    credit, debit, amount, f"{label}, slice {amount}"
                )
                allocations += 1
            if self.random.random() < 2 / 3:
                self._undo(partials, credit, debit, label)
                self.assertEqual(self._get_state(credit, debit), before, label)
            else:
                kept |= partials
        self.assertEqual(allocations, sum(SLICES) * ROUNDS)
        kept.action_remove_client_allocation()
        return sum(self._check_all_undone(client) for client in self.clients)

    def _check_all_undone(self, client):
        """Check that nothing of a client is matched any more."""
        label = f"seed {self.seed}, {client.name}"
        self.assertLedger(client, label)
        return self.assertNoExchangeLeft(client, label)

    def test_random_allocations_of_credits_in_usd(self):
        """Cases 1, 4, 11 and 13 with amounts nobody chose."""
        with self.subTest(seed=self.seed):
            self.assertTrue(self._run_random_allocations(self.currencies[0]))

    def test_random_allocations_of_credits_in_eur(self):
        """Cases 1, 4, 11 and 13 with amounts nobody chose."""
        with self.subTest(seed=self.seed):
            self.assertTrue(self._run_random_allocations(self.currencies[1]))

    def test_random_allocations_of_credits_in_gbp(self):
        """Cases 1, 4, 11 and 13 with amounts nobody chose."""
        with self.subTest(seed=self.seed):
            self.assertTrue(self._run_random_allocations(self.currencies[2]))

    def test_random_allocations_of_credits_in_jpy(self):
        """Cases 1, 4, 11 and 13 with amounts nobody chose."""
        with self.subTest(seed=self.seed):
            self.assertTrue(self._run_random_allocations(self.currencies[3]))
