from datetime import timedelta
from random import Random
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon


class PaymentCommon(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.bank = cls.company_data["default_journal_bank"]
        cls.old_receivable = cls.company_data["default_account_receivable"]
        cls.new_receivable = cls.old_receivable.copy()
        cls.currencies = {}
        for name in ("EUR", "GBP", "JPY"):
            currency = cls.env["res.currency"].with_context(active_test=False)
            cls.currencies[name] = currency.search([("name", "=", name)])
            cls.currencies[name].active = True
        cls.eur = cls.currencies["EUR"]

    def _set_rate(self, currency, date, rate):
        """Say how many of a currency one USD is from a day on."""
        rates = self.env["res.currency.rate"]
        domain = [
            ("currency_id", "=", currency.id),
            ("name", "=", date),
            ("company_id", "=", self.company.id),
        ]
        values = {
            "name": date,
            "rate": rate,
            "currency_id": currency.id,
            "company_id": self.company.id,
        }
        if existing := rates.search(domain):
            existing.rate = rate
        else:
            rates.create(values)

    def _open_window(self, payment_type="inbound", **values):
        return self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "journal_id": self.bank.id,
                "payment_type": payment_type,
                **values,
            }
        )

    def _type(self, wizard, amounts):
        """Type amounts beside documents: {document: amount}."""
        for line in wizard.line_ids:
            line.amount = amounts.get(line.debit_line_id.move_id, 0)

    def _get_documents(self, wizard):
        return wizard.line_ids.debit_line_id.move_id

    def _move_client(self):
        """Give the client another receivable account than its items have."""
        self.client.property_account_receivable_id = self.new_receivable


@tagged("post_install", "-at_install")
class TestOtherReceivable(PaymentCommon):
    """Case 39: what stands on a former account is received and paid back there."""

    def test_credit_on_a_former_account_is_paid_back_once(self):
        self.account.issue_credit(100, "Goodwill")
        self._move_client()
        wizard = self._open_window("outbound")
        self.assertEqual((wizard.credit_available, wizard.amount), (100, 100))
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 0)
        self.assertEqual(self.account.amount_owed, 0)
        again = self._open_window("outbound", amount=100)
        with self.assertRefused("has no open credit to pay back"):
            again.action_confirm()

    def test_credits_on_two_accounts_are_paid_back_by_a_payment_each(self):
        self.account.issue_credit(100, "Goodwill")
        self._move_client()
        self.account.issue_credit(50, "Goodwill")
        self._open_window("outbound", amount=120).action_confirm()
        payments = self.env["account.payment"].search(
            [("partner_id", "=", self.client.id)], order="amount"
        )
        self.assertEqual(payments.mapped("amount"), [20, 100])
        self.assertEqual(
            payments.destination_account_id, self.new_receivable | self.old_receivable
        )
        self.assertEqual((self.account.balance, self.account.amount_owed), (30, 0))

    def test_debt_on_a_former_account_is_received_there(self):
        old = self._make_invoice(60)
        self._move_client()
        new = self._make_invoice(40)
        wizard = self._open_window(amount=110)
        self.assertEqual(self._get_documents(wizard), old | new)
        self._type(wizard, {old: 60, new: 40})
        self.assertEqual(wizard.amount_remaining, 10)
        wizard.action_confirm()
        self.assertEqual((old | new).mapped("payment_state"), ["paid", "paid"])
        self.assertEqual((self.account.balance, self.account.amount_owed), (10, 0))
        payments = self.env["account.payment"].search(
            [("partner_id", "=", self.client.id)], order="amount"
        )
        self.assertEqual(payments.mapped("amount"), [50, 60])

    def test_debt_alone_on_a_former_account_leaves_no_credit_beside_it(self):
        old = self._make_invoice(60)
        self._move_client()
        wizard = self._open_window(amount=60)
        wizard.action_oldest_first()
        wizard.action_confirm()
        self.assertEqual(old.payment_state, "paid")
        self.assertEqual((self.account.balance, self.account.credit_available), (0, 0))

    def test_foreign_credit_is_worth_what_it_is_on_the_day(self):
        """Case 40: 80 EUR at 1.25; 90.00 at 1.125 and 112.00 at 1.40."""
        yesterday = self.today - timedelta(days=1)
        for rate, worth in ((1.125, 90.0), (1.40, 112.0)):
            self._set_rate(self.eur, yesterday, 1 / 1.25)
            self._set_rate(self.eur, self.today, 1 / rate)
            refund = self._make_invoice(
                80,
                move_type="out_refund",
                currency_id=self.eur.id,
                invoice_date=yesterday,
                date=yesterday,
            )
            self.assertEqual(refund.amount_total_signed, -100)
            wizard = self._open_window("outbound")
            self.assertEqual((wizard.credit_available, wizard.amount), (worth, worth))
            more = self._open_window("outbound", amount=worth + 0.01)
            self.assertTrue(more.exceeds_credit)
            wizard.action_confirm()
            self.assertEqual(refund.amount_residual, 0)
            self.assertEqual((self.account.balance, self.account.amount_owed), (0, 0))


@tagged("post_install", "-at_install")
class TestBeingPaid(PaymentCommon):
    """Where payments have no entry, an invoice that is in payment is left alone."""

    def _make_invoice_in_payment(self, amount):
        invoice = self._make_invoice(amount)
        method = self.bank.inbound_payment_method_line_ids[:1]
        method.payment_account_id = False
        register = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"payment_method_line_id": method.id})
        )
        register.action_create_payments()
        self.assertEqual(invoice.payment_state, "in_payment")
        self.assertEqual(invoice.amount_residual, amount)
        return invoice

    def test_nothing_of_ours_takes_it_again(self):
        moves = self.env.registry["account.move"]
        with patch.object(
            moves, "_get_invoice_in_payment_state", lambda self: "in_payment"
        ):
            invoice = self._make_invoice_in_payment(60)
            other = self._make_invoice(30)
            credit = self.env["account.move"].browse(
                self.account.issue_credit(100, "Goodwill")
            )
            item = credit._get_receivable_items()
            window = self._open_window(amount=60)
            self.assertEqual(self._get_documents(window), other)
            allocation = self.env["client.credit.allocation"].create(
                {"credit_line_id": item.id}
            )
            self.assertEqual(allocation.line_ids.debit_line_id.move_id, other)
            with self.assertRefused("is being paid already"):
                item._allocate(invoice._get_receivable_items(), 60)
            forged = self._open_window(
                amount=60,
                line_ids=[
                    Command.create(
                        {
                            "debit_line_id": invoice._get_receivable_items().id,
                            "amount": 60,
                        }
                    )
                ],
            )
            with self.assertRefused("is being paid already"):
                forged.action_confirm()
            self.assertEqual(self.account.apply_credits(), 30)
            self.account.credit_application = "all"
            self.account.issue_credit(5, "Goodwill")
            self._make_invoice(1)
            self.assertEqual(invoice.amount_residual, 60)
            self.assertEqual(invoice.payment_state, "in_payment")


@tagged("post_install", "-at_install")
class TestEarlyPayment(PaymentCommon):
    """Case 45: the discount for early payment, as Odoo's own Pay grants it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.terms = cls.env["account.payment.term"].create(
            {
                "name": "2 % in 10 days",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 100, "nb_days": 30}
                    )
                ],
            }
        )

    def _make_discounted(self, amount, days_ago):
        day = self.today - timedelta(days=days_ago)
        return self._make_invoice(
            amount,
            invoice_date=day,
            date=day,
            invoice_date_due=False,
            invoice_payment_term_id=self.terms.id,
        )

    def _get_booked(self, invoice):
        """Return what paying an invoice has booked, by account."""
        partials = invoice._get_receivable_items().matched_credit_ids
        lines = partials.credit_move_id.move_id.line_ids
        return sorted((line.account_id.id, line.balance) for line in lines)

    def _register(self, invoice):
        register = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": self.bank.id})
        )
        register.action_create_payments()

    def test_discount_is_granted_as_by_odoo(self):
        native = self._make_discounted(100, 5)
        self._register(native)
        invoice = self._make_discounted(100, 5)
        wizard = self._open_window(amount=98)
        self.assertEqual(wizard.line_ids.mapped("discount"), [2])
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [98])
        self.assertEqual((wizard.discount_total, wizard.amount_remaining), (2, 0))
        wizard.action_confirm()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_booked(invoice), self._get_booked(native))
        self.assertEqual(self.account.balance, 0)

    def test_no_discount_after_its_day_or_for_another_amount(self):
        late = self._make_discounted(100, 11)
        wizard = self._open_window(amount=98)
        self.assertEqual(wizard.line_ids.mapped("discount"), [0])
        self._type(wizard, {late: 98})
        wizard.action_confirm()
        self.assertEqual(late.amount_residual, 2)
        early = self._make_discounted(100, 5)
        wizard = self._open_window(amount=97)
        self._type(wizard, {early: 97})
        self.assertEqual(wizard.discount_total, 0)
        wizard.action_confirm()
        self.assertEqual(early.amount_residual, 3)


@tagged("post_install", "-at_install")
class TestPaidUpFront(PaymentCommon):
    """Money for a draft that only money can post."""

    def test_money_received_for_a_draft_posts_it(self):
        self.account.pay_later = "disabled"
        self.product_a.client_not_payable_with_credit = True
        draft = self._make_invoice(0, post=False)
        draft.invoice_line_ids = [
            Command.clear(),
            Command.create(
                {"product_id": self.product_a.id, "price_unit": 80, "tax_ids": []}
            ),
        ]
        self.account.issue_credit(100, "Goodwill")
        with self.assertRefused("pays up front"), self.env.cr.savepoint():
            draft.action_post()
        self.env.invalidate_all()
        wizard = self._open_window(amount=80)
        self.assertEqual(self._get_documents(wizard), draft)
        less = self._open_window(amount=79)
        self._type(less, {draft: 79})
        with self.assertRefused("pays up front"), self.env.cr.savepoint():
            less.action_confirm()
        self.env.invalidate_all()
        self._type(wizard, {draft: 80})
        wizard.action_confirm()
        self.assertEqual((draft.state, draft.payment_state), ("posted", "paid"))
        self.assertEqual(self.account.balance, 100)

    def test_refused_to_post_another_draft_by_receiving(self):
        """By RPC any item of the client may be sent; a draft is posted by who may."""
        draft = self._make_invoice(80, post=False)
        officer = self._make_user(
            "pa_officer", "client_account.group_client_account_officer"
        )
        for policy in (False, "disabled"):
            self.account.pay_later = policy
            wizard = self.env["client.account.payment"].with_user(officer)
            wizard = wizard.create(
                {
                    "account_id": self.account.id,
                    "amount": 80,
                    "line_ids": [
                        Command.create(
                            {
                                "debit_line_id": draft._get_receivable_items().id,
                                "amount": 80,
                            }
                        )
                    ],
                }
            )
            with self.assertRefused("is not posted"):
                wizard.action_confirm()
            self.assertEqual(draft.state, "draft")


@tagged("post_install", "-at_install")
class TestThirdCurrency(PaymentCommon):
    """What is filled in is accepted, and books what Odoo's own Pay does."""

    def _pay_as_odoo(self, invoice, currency, amount):
        register = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create(
                {
                    "journal_id": self.bank.id,
                    "currency_id": currency.id,
                    "amount": amount,
                    "payment_difference_handling": "open",
                }
            )
        )
        register.action_create_payments()

    def test_random_rates_and_currencies(self):
        random = Random(13)
        yesterday = self.today - timedelta(days=1)
        usd = self.company.currency_id
        for round_number in range(24):
            for currency in self.currencies.values():
                before = random.uniform(0.5, 1.5)
                before *= 150 if currency.name == "JPY" else 1
                moved = random.uniform(0.9, 1.1) if round_number % 2 else 1
                self._set_rate(currency, yesterday, before)
                self._set_rate(currency, self.today, before * moved)
            pool = [usd, *self.currencies.values()]
            owed, paid = random.choice(pool), random.choice(pool)
            total = owed.round(random.uniform(20, 2000))
            amount = paid.round(
                owed._convert(total, paid, self.company, self.today)
                * random.choice((0.4, 0.77, 1, 1.2))
            )
            values = {
                "currency_id": owed.id,
                "invoice_date": yesterday,
                "date": yesterday,
            }
            case = f"{round_number}: {amount} {paid.name} for {total} {owed.name}"
            with self.subTest(case=case):
                native = self._make_invoice(total, partner=self.other_client, **values)
                self._pay_as_odoo(native, paid, amount)
                client = self.env["res.partner"].create({"name": case})
                invoice = self._make_invoice(total, partner=client, **values)
                wizard = self._open_window(
                    account_id=self._get_account(client).id,
                    amount=amount,
                    currency_id=paid.id,
                )
                wizard.action_oldest_first()
                self.assertFalse(wizard.problem)
                shown = wizard.amount_remaining
                wizard.action_confirm()
                self.assertEqual(invoice.amount_residual, native.amount_residual)
                self.assertEqual(invoice.payment_state, native.payment_state)
                payment = self.env["account.payment"].search(
                    [("partner_id", "=", client.id)]
                )
                item = payment.move_id._get_receivable_items()
                self.assertEqual(-item.amount_residual_currency, shown)

    def test_date_is_the_payments(self):
        """The rate of the payment's day counts, not today's."""
        day = fields.Date.add(self.today, days=-3)
        self._set_rate(self.eur, day, 0.8)
        self._set_rate(self.eur, self.today, 0.5)
        invoice = self._make_invoice(
            80, currency_id=self.eur.id, invoice_date=day, date=day
        )
        wizard = self._open_window(amount=100, date=day)
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.amount, 80)
        wizard.action_confirm()
        self.assertEqual(invoice.payment_state, "paid")
