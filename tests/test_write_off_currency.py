import random

from odoo.fields import Command
from odoo.tests import tagged

from .portal_case import OnlinePaymentCommon
from .test_write_off import WriteOffCommon


@tagged("post_install", "-at_install")
class TestWriteOffCurrency(WriteOffCommon):
    """Both residuals of an item are closed, at whatever rates it came to be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.eur = cls.setup_other_currency(
            "EUR", rates=[("2024-01-01", 0.8), ("2024-02-01", 1.0), ("2024-03-01", 0.5)]
        )
        cls.company.client_write_off_limit = 1

    def _count_exchanges(self):
        return self.env["account.move"].search_count(
            [("journal_id", "=", self.company.currency_exchange_journal_id.id)]
        )

    def _make_item(self, balance, amount, currency):
        """Return an open receivable item of an entry, with just these residuals."""
        move = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": "2024-02-10",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": self.client.id,
                            "currency_id": currency.id,
                            "balance": sign * balance,
                            "amount_currency": sign * amount,
                        }
                    )
                    for account, sign in (
                        (self.company_data["default_account_receivable"], 1),
                        (self.company_data["default_account_revenue"], -1),
                    )
                ],
            }
        )
        move.action_post()
        return self._get_receivable(move)

    def test_rest_is_judged_in_company_currency(self):
        small = self._make_invoice(0.8, date_due="2024-01-10", currency_id=self.eur.id)
        large = self._make_invoice(0.81, date_due="2024-01-10", currency_id=self.eur.id)
        self.assertEqual(small.amount_residual_signed, 1.0)
        self.assertEqual(large.amount_residual_signed, 1.01)
        self.assertEqual(self._get_offered(self._make_window()), {small: 1.0})
        entry = self._write_off()
        self.assertRecordValues(
            self._get_receivable(entry),
            [{"balance": -1.0, "amount_currency": -0.8, "currency_id": self.eur.id}],
        )
        self.assertClosed(self._get_receivable(small | entry))
        self.assertEqual(self._count_exchanges(), 0)
        self.assertEqual(large.amount_residual, 0.81)

    def test_rest_of_an_invoice_paid_at_another_rate(self):
        invoice = self._make_invoice(80, date_due="2024-01-10", currency_id=self.eur.id)
        payment = self._make_payment(79.9, currency_id=self.eur.id, date="2024-03-10")
        credit = self._get_receivable(payment.move_id)
        item = self._get_receivable(invoice)
        credit._allocate(item, 79.9)
        exchanges = self._count_exchanges()
        left = item.amount_residual
        self.assertAlmostEqual(item.amount_residual_currency, 0.1)
        entry = self._write_off()
        self.assertClosed(item | self._get_receivable(entry))
        self.assertEqual(self._get_receivable(entry).balance, -left)
        self.assertEqual(self._count_exchanges(), exchanges)
        self.assertEqual(self.account.balance, 0.0)

    def test_rests_at_any_rate_are_closed(self):
        """Also what is open in one currency only, and what is at a rate of its own."""
        chance = random.Random(19)
        idr = self.setup_other_currency("IDR", rates=[("2024-01-01", 16000.0)])
        rests = [(0.0, 50.0, idr), (0.0, -50.0, idr), (0.31, 0.0, self.eur)]
        rests += [
            (
                sign * chance.randint(1, 99) / 100,
                sign * chance.randint(1, 999) / 100,
                eur,
            )
            for sign, eur in ((1, self.eur), (-1, self.eur)) * 15
        ]
        items = self.env["account.move.line"].union(
            *(self._make_item(*rest) for rest in rests)
        )
        self.assertEqual(len(self._make_window().line_ids), len(rests))
        ledger = self._get_ledger_balance()
        entries = self._write_off()
        self.assertClosed(items | self._get_receivable(entries))
        self.assertEqual(self._count_exchanges(), 0)
        self.assertEqual(self.account.balance, 0.0)
        self.assertNotEqual(ledger, 0.0)
        self.assertAlmostEqual(self._get_ledger_balance(), 0.0)

    def test_residuals_of_different_signs_are_left_alone(self):
        item = self._make_item(0.31, 0.1, self.eur)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move_line SET amount_residual_currency = -0.1"
            " WHERE id = %s",
            [item.id],
        )
        self.env.invalidate_all()
        self.assertFalse(self._make_window().line_ids)
        with self.assertRefused("owed in one currency"):
            item.with_user(self.officer).action_write_off_client_rest()

    def test_undone_in_another_currency(self):
        item = self._make_item(0.31, 0.1, self.eur)
        window = self._make_window()
        window.action_confirm()
        self.assertClosed(item)
        window.action_undo()
        self.assertRecordValues(
            item, [{"amount_residual": 0.31, "amount_residual_currency": 0.1}]
        )


@tagged("post_install", "-at_install")
class TestWriteOffOnline(WriteOffCommon, OnlinePaymentCommon):
    """What an online payment is on its way for stays open."""

    def test_invoice_with_a_payment_on_its_way_is_passed_over(self):
        invoice = self._make_invoice(0.02)
        transaction = self._make_transaction(
            0.02, purpose=False, invoice_ids=[Command.set(invoice.ids)]
        )
        self.provider.support_manual_capture = "full_only"
        self.assertEqual(len(self._make_window().line_ids), 1)
        for state in ("pending", "authorized", "done"):
            transaction.sudo().state = state
            with self.subTest(state=state):
                self.assertFalse(self._make_window().line_ids)
                item = self._get_receivable(invoice).with_user(self.officer)
                with self.assertRefused(invoice.name, "blocked, or a payment"):
                    item.action_write_off_client_rest()
        transaction.sudo().state = "cancel"
        self._write_off()
        self.assertEqual(invoice.amount_residual, 0.0)

    def test_charge_with_a_payment_on_its_way_is_passed_over(self):
        charge = self.env["account.move"].browse(self.account.charge(0.02, "Book"))
        transaction = self._make_transaction(
            0.02,
            "charges",
            client_line_ids=[Command.set(self._get_receivable(charge).ids)],
        )
        window = self._make_window()
        self.assertEqual(len(window.line_ids), 1)
        self._finish(transaction, "pending")
        self.assertFalse(self._make_window().line_ids)
        with self.assertRefused("blocked, or a payment"):
            window.action_confirm()

    def test_what_an_online_payment_has_left_is_written_off(self):
        invoice = self._make_invoice(10)
        transaction = self._make_transaction(
            9.98, purpose=False, invoice_ids=[Command.set(invoice.ids)]
        )
        self._finish(transaction)
        self.assertEqual(transaction.state, "done")
        self.assertAlmostEqual(invoice.amount_residual, 0.02)
        self._write_off()
        self.assertEqual(invoice.amount_residual, 0.0)
