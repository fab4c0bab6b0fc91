from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import format_date

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestPaymentWizard(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.company_data["default_journal_bank"]
        cls.cash = cls.company_data["default_journal_cash"]
        cls.officer = cls._make_user(
            "officer", "client_account.group_client_account_officer"
        )

    def _make_wizard(self, amount, account=None, **values):
        """Make a wizard that would receive money at the bank."""
        return self.env["client.account.payment"].create(
            {
                "account_id": (account or self.account).id,
                "amount": amount,
                "journal_id": self.bank.id,
                **values,
            }
        )

    def _get_payment(self, partner=None):
        """Return the newest payment of the client."""
        return self.env["account.payment"].search(
            [("partner_id", "=", (partner or self.client).id)],
            order="id desc",
            limit=1,
        )

    def _allocate(self, wizard, amounts):
        """Type amounts beside documents: {document: amount}."""
        for line in wizard.line_ids:
            line.amount = amounts.get(line.debit_line_id.move_id, 0)

    def _with_enterprise_states(self):
        """Make invoices wait in payment, as where a bank reconciles them."""
        moves = self.env.registry["account.move"]
        return patch.object(
            moves, "_get_invoice_in_payment_state", lambda self: "in_payment"
        )

    # === Receiving ===

    def test_money_is_left_as_credit(self):
        action = self.account.action_receive_payment()
        wizards = self.env[action["res_model"]].with_context(**action["context"])
        with Form(wizards) as form:
            form.amount = 250
            form.journal_id = self.bank
            form.memo = "Term fee, autumn"
            self.assertEqual(form.amount_remaining, 250)
            self.assertEqual(
                form.payment_method_line_id, self.inbound_payment_method_line
            )
        form.record.action_confirm()
        payment = self._get_payment()
        self.assertRecordValues(
            payment,
            [
                {
                    "payment_type": "inbound",
                    "partner_type": "customer",
                    "amount": 250,
                    "date": self.today,
                    "journal_id": self.bank.id,
                    "payment_method_line_id": self.inbound_payment_method_line.id,
                    "memo": "Term fee, autumn",
                    "company_id": self.company.id,
                }
            ],
        )
        self.assertRecordValues(
            payment.move_id,
            [
                {
                    "state": "posted",
                    "client_account_credit": True,
                    "client_adjustment": False,
                }
            ],
        )
        self.assertEqual(self.account.balance, 250)
        self.assertEqual(self._get_ledger_balance(), 250)

    def test_journal_method_and_date_are_those_chosen(self):
        method = self.cash.inbound_payment_method_line_ids[0]
        day = self.today - timedelta(days=3)
        self._make_wizard(
            40, journal_id=self.cash.id, payment_method_line_id=method.id, date=day
        ).action_confirm()
        self.assertRecordValues(
            self._get_payment(),
            [
                {
                    "journal_id": self.cash.id,
                    "payment_method_line_id": method.id,
                    "date": day,
                }
            ],
        )

    def test_date_in_a_locked_period_is_moved_and_said_so(self):
        asked = self.today.replace(day=1) - timedelta(days=1)
        self.company.sudo().fiscalyear_lock_date = asked
        action = self._make_wizard(40, date=asked).action_confirm()
        move = self._get_payment().move_id
        self.assertGreater(move.date, asked)
        message = action["params"]["message"]
        self.assertIn(move.name, message)
        self.assertIn(format_date(self.env, move.date), message)
        chatter = " ".join(move.message_ids.mapped("body"))
        self.assertIn(format_date(self.env, asked), chatter)
        silent = self._make_wizard(40).action_confirm()
        self.assertFalse(silent["params"]["sticky"])

    def test_exact_amounts_go_to_the_chosen_debts(self):
        first, second, third = (self._make_invoice(amount) for amount in (180, 150, 20))
        wizard = self._make_wizard(250)
        self.assertEqual(wizard.line_ids.debit_line_id.move_id, first | second | third)
        self._allocate(wizard, {first: 100, second: 149.99})
        self.assertAlmostEqual(wizard.amount_remaining, 0.01)
        wizard.action_confirm()
        self.assertRecordValues(
            first | second | third,
            [
                {"amount_residual": 80, "payment_state": "partial"},
                {"amount_residual": 0.01, "payment_state": "partial"},
                {"amount_residual": 20, "payment_state": "not_paid"},
            ],
        )
        self.assertEqual(self.account.credit_available, 0.01)

    def test_charges_are_paid_too(self):
        charge = self.env["account.move"].browse(self.account.charge(30, "Window"))
        wizard = self._make_wizard(50)
        self._allocate(wizard, {charge: 30})
        wizard.action_confirm()
        self.assertEqual(self._get_receivable(charge).amount_residual, 0)
        self.assertEqual(self.account.balance, 20)

    def test_oldest_first_and_clear(self):
        """Case 5, with money: by due date, then as far as it goes."""
        today = self._make_invoice(100)
        late = self._make_invoice(50, date_due=self.today - timedelta(days=1))
        future = self._make_invoice(10, date_due=self.today + timedelta(days=1))
        wizard = self._make_wizard(120)
        action = wizard.action_oldest_first()
        self.assertEqual(
            (action["res_model"], action["res_id"]), (wizard._name, wizard.id)
        )
        self.assertEqual(wizard.line_ids.debit_line_id.move_id, today | late | future)
        self.assertRecordValues(
            wizard.line_ids.sorted("date_due"),
            [
                {"document_name": late.name, "amount_open": 50, "amount": 50},
                {"document_name": today.name, "amount_open": 100, "amount": 70},
                {"document_name": future.name, "amount_open": 10, "amount": 0},
            ],
        )
        self.assertEqual(wizard.amount_remaining, 0)
        wizard.action_clear()
        self.assertEqual(wizard.line_ids.mapped("amount"), [0, 0, 0])
        self.assertEqual(wizard.amount_remaining, 120)
        wizard.action_oldest_first()
        wizard.action_confirm()
        self.assertEqual((late | today | future).mapped("amount_residual"), [0, 30, 10])

    def test_default_amount_of_the_payment_is_not_put_on_its_invoices(self):
        invoice = self._make_invoice(100)
        wizard = (
            self.env["client.account.payment"]
            .with_context(default_account_id=self.account.id, default_amount=30)
            .create({"journal_id": self.bank.id})
        )
        self.assertEqual(wizard.amount, 30)
        self.assertEqual(wizard.line_ids.mapped("amount"), [0])
        wizard.action_confirm()
        self.assertEqual(invoice.amount_residual, 100)
        self.assertEqual(self.account.credit_available, 30)

    def test_debts_of_contacts_are_offered_and_of_others_not(self):
        contact = self.env["res.partner"].create(
            {"name": "Secretary", "parent_id": self.client.id}
        )
        invoice = self._make_invoice(100, partner=contact)
        self._make_invoice(100, partner=self.other_client)
        self._make_invoice(100, post=False)
        wizard = self._make_wizard(50)
        self.assertEqual(wizard.line_ids.debit_line_id.move_id, invoice)

    def test_refused_when_more_is_allocated_than_paid(self):
        first, second = self._make_invoice(60), self._make_invoice(60)
        wizard = self._make_wizard(100)
        self._allocate(wizard, {first: 60, second: 40.01})
        with self.assertRefused("Ada Piano School", "100.00", "0.01 more"):
            wizard.action_confirm()
        self._allocate(wizard, {first: 60, second: 40})
        wizard.action_confirm()
        self.assertEqual((first | second).mapped("amount_residual"), [0, 20])

    def test_refused_when_more_is_allocated_than_due(self):
        invoice = self._make_invoice(60)
        wizard = self._make_wizard(100)
        self._allocate(wizard, {invoice: 60.01})
        with self.assertRefused("Ada Piano School", invoice.name, "60.00"):
            wizard.action_confirm()
        self._allocate(wizard, {invoice: 60})
        wizard.action_confirm()
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_when_a_debt_of_another_client_is_slipped_in(self):
        theirs = self._make_invoice(60, partner=self.other_client)
        own = self._make_invoice(60)
        wizard = self._make_wizard(100)
        line = wizard.line_ids
        line.debit_line_id = self._get_receivable(theirs)
        line.amount = 60
        with self.assertRaises(UserError) as refusal:
            wizard.action_confirm()
        self.assertIn("invoice or charge of Ada Piano School", str(refusal.exception))
        self.assertFalse(self._get_payment())
        self.assertEqual(theirs.amount_residual, 60)
        line.debit_line_id = self._get_receivable(own)
        wizard.action_confirm()
        self.assertEqual(own.payment_state, "paid")

    def test_amounts_for_the_same_invoice_add_up(self):
        invoice = self._make_invoice(100)
        item = self._get_receivable(invoice)
        wizard = self._make_wizard(100)
        wizard.line_ids = [
            Command.clear(),
            Command.create({"debit_line_id": item.id, "amount": 30}),
            Command.create({"debit_line_id": item.id, "amount": 25}),
        ]
        wizard.action_confirm()
        self.assertEqual(invoice.amount_residual, 45)
        self.assertEqual(self.account.credit_available, 45)

    def test_refused_without_a_bank_or_cash_journal_or_a_method_of_it(self):
        wizard = self._make_wizard(100)
        wizard.journal_id = self.company_data["default_journal_misc"]
        with self.assertRefused("Ada Piano School", "bank or cash journal"):
            wizard.action_confirm()
        wizard.journal_id = self.bank
        wizard.payment_method_line_id = self.cash.inbound_payment_method_line_ids[0]
        with self.assertRefused("Ada Piano School", self.bank.name, "payment method"):
            wizard.action_confirm()
        wizard.payment_method_line_id = self.outbound_payment_method_line
        with self.assertRefused("payment method"):
            wizard.action_confirm()
        wizard.payment_method_line_id = self.inbound_payment_method_line
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 100)

    def test_money_pays_what_account_credit_may_not(self):
        self.product_a.client_not_payable_with_credit = True
        invoice = self._make_invoice(
            100,
            invoice_line_ids=[
                Command.create(
                    {"product_id": self.product_a.id, "price_unit": 100, "tax_ids": []}
                )
            ],
        )
        credit = self._get_receivable(self._issue_credit(100))
        with self.assertRefused("not payable with account credit"):
            credit._allocate(self._get_receivable(invoice), 10)
        wizard = self._make_wizard(60)
        self._allocate(wizard, {invoice: 60})
        wizard.action_confirm()
        self.assertEqual(invoice.amount_residual, 40)
        self.assertEqual(self.account.credit_available, 100)

    def test_rest_goes_to_the_next_invoice_by_policy(self):
        """Case 2, with money received through the account."""
        self._make_wizard(250).action_confirm()
        invoice = self._make_invoice(120)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.credit_available, 130)

    # === Currencies ===

    def test_payment_of_a_foreign_invoice(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        invoice = self._make_invoice(100, currency_id=euro.id)
        wizard = self._make_wizard(120)
        self.assertRecordValues(
            wizard.line_ids, [{"amount_open": 100, "currency_id": euro.id}]
        )
        self._allocate(wizard, {invoice: 50})
        self.assertEqual(wizard.amount_remaining, 20)
        wizard.action_confirm()
        self.assertEqual(invoice.amount_residual, 50)
        self.assertEqual(self.account.credit_available, 20)

    def test_oldest_first_over_foreign_invoices(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        old = self._make_invoice(30, date_due=self.today - timedelta(days=5))
        foreign = self._make_invoice(100, currency_id=euro.id)
        wizard = self._make_wizard(130)
        wizard.action_oldest_first()
        self.assertEqual(wizard.amount_remaining, 0)
        wizard.action_confirm()
        self.assertEqual(old.amount_residual, 0)
        self.assertEqual(foreign.amount_residual, 50)

    def test_payment_in_a_foreign_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        invoice = self._make_invoice(150)
        wizard = self._make_wizard(100, currency_id=euro.id)
        self._allocate(wizard, {invoice: 150})
        self.assertEqual(wizard.amount_remaining, 25)
        wizard.action_confirm()
        self.assertRecordValues(
            self._get_payment(), [{"currency_id": euro.id, "amount": 100}]
        )
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.credit_available, 50)

    def test_refused_when_more_than_paid_goes_to_a_foreign_invoice(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        invoice = self._make_invoice(100, currency_id=euro.id)
        wizard = self._make_wizard(120)
        self._allocate(wizard, {invoice: 60.01})
        with self.assertRaises(UserError) as refusal:
            wizard.action_confirm()
        self.assertIn("Ada Piano School", str(refusal.exception))
        self.assertFalse(self._get_payment())
        self._allocate(wizard, {invoice: 60})
        wizard.action_confirm()
        self.assertEqual(invoice.amount_residual, 40)

    # === Paying back ===

    def test_credit_is_paid_back(self):
        self._make_wizard(100).action_confirm()
        action = self.account.action_pay_back()
        wizards = self.env[action["res_model"]].with_context(**action["context"])
        with Form(wizards) as form:
            form.amount = 60
            form.journal_id = self.bank
            self.assertEqual(form.credit_available, 100)
        self.assertFalse(form.record.line_ids)
        form.record.action_confirm()
        self.assertRecordValues(
            self._get_payment(), [{"payment_type": "outbound", "amount": 60}]
        )
        self.assertFalse(self._get_payment().move_id.client_account_credit)
        self.assertRecordValues(
            self.account, [{"balance": 40, "credit_available": 40, "amount_owed": 0}]
        )

    def test_oldest_credit_is_paid_back_first(self):
        old = self._issue_credit(30, date=self.today - timedelta(days=9))
        new = self._issue_credit(30)
        self._make_wizard(40, payment_type="outbound").action_confirm()
        self.assertEqual(self._get_receivable(old).amount_residual, 0)
        self.assertEqual(self._get_receivable(new).amount_residual, -20)

    def test_paying_back_what_is_spent_leaves_it_owed(self):
        """Case 9: paid 10, 5 spent, 10 paid back: credit 0 and 5 owed."""
        invoice = self._make_invoice(5)
        wizard = self._make_wizard(10)
        self._allocate(wizard, {invoice: 5})
        wizard.action_confirm()
        self.assertEqual(self.account.credit_available, 5)
        self._make_wizard(10, payment_type="outbound", pay_more=True).action_confirm()
        self.assertRecordValues(
            self.account, [{"credit_available": 0, "amount_owed": 5, "balance": -5}]
        )
        self.assertEqual(self._get_ledger_balance(), -5)
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_to_pay_back_without_credit(self):
        self._make_invoice(50)
        wizard = self._make_wizard(10, payment_type="outbound")
        with self.assertRefused("Ada Piano School", "no open credit"):
            wizard.action_confirm()
        self._issue_credit(20)
        wizard.action_confirm()
        self.assertEqual(self.account.credit_available, 10)

    def test_credit_of_another_client_is_not_paid_back(self):
        self._issue_credit(50, partner=self.other_client)
        self._issue_credit(10)
        self._make_wizard(30, payment_type="outbound", pay_more=True).action_confirm()
        self.assertEqual(self._get_account(self.other_client).credit_available, 50)
        self.assertRecordValues(self.account, [{"credit_available": 0, "balance": -20}])

    # === Both editions ===

    def test_entry_is_made_without_an_account_on_the_method(self):
        for enterprise in (False, True):
            with self.subTest(enterprise=enterprise):
                self.inbound_payment_method_line.payment_account_id = False
                invoice = self._make_invoice(60)
                wizard = self._make_wizard(100)
                self._allocate(wizard, {invoice: 60})
                credit = self.account.credit_available
                if enterprise:
                    with self._with_enterprise_states():
                        wizard.action_confirm()
                else:
                    wizard.action_confirm()
                payment = self._get_payment()
                self.assertEqual(payment.move_id.state, "posted")
                self.assertTrue(payment.move_id.client_account_credit)
                self.assertEqual(invoice.amount_residual, 0)
                self.assertEqual(self.account.credit_available - credit, 40)
                self._make_wizard(
                    self.account.credit_available, payment_type="outbound"
                ).action_confirm()

    def test_account_of_the_method_is_kept_with_enterprise_states(self):
        transit = self.inbound_payment_method_line.payment_account_id
        self.assertTrue(transit)
        invoice = self._make_invoice(60)
        with self._with_enterprise_states():
            wizard = self._make_wizard(100)
            self._allocate(wizard, {invoice: 60})
            wizard.action_confirm()
            self.assertEqual(invoice.payment_state, "in_payment")
        items = self._get_payment().move_id.line_ids
        self.assertRecordValues(
            items.sorted("balance"),
            [
                {
                    "account_id": self.company_data["default_account_receivable"].id,
                    "balance": -100,
                },
                {"account_id": transit.id, "balance": 100},
            ],
        )
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(self.account.credit_available, 40)

    def test_credit_is_paid_back_without_an_account_on_the_method(self):
        self._issue_credit(50)
        self.outbound_payment_method_line.payment_account_id = False
        with self._with_enterprise_states():
            self._make_wizard(30, payment_type="outbound").action_confirm()
        self.assertEqual(self._get_payment().move_id.state, "posted")
        self.assertEqual(self.account.credit_available, 20)

    # === Companies and roles ===

    def test_payment_is_in_the_accounts_company_whatever_company_is_open(self):
        other = self.setup_other_company()["company"]
        wizard = (
            self.env["client.account.payment"]
            .with_context(allowed_company_ids=[other.id, self.company.id])
            .create({"account_id": self.account.id, "amount": 100})
        )
        self.assertEqual(wizard.journal_id.company_id, self.company)
        wizard.action_confirm()
        self.assertEqual(self._get_payment().company_id, self.company)
        self.assertEqual(self.account.balance, 100)

    def test_refused_with_the_journal_of_another_company(self):
        other = self.setup_other_company()
        with self.assertRefused():
            self._make_wizard(
                100, journal_id=other["default_journal_bank"].id
            ).action_confirm()
        self._make_wizard(100).action_confirm()
        self.assertEqual(self.account.balance, 100)

    def test_officer_without_accounting_rights_receives_and_pays_back(self):
        invoice = self._make_invoice(60)
        account = self.account.with_user(self.officer)
        for action, amount in (
            (account.action_receive_payment(), 100),
            (account.action_pay_back(), 30),
        ):
            wizards = self.env[action["res_model"]].with_user(self.officer)
            self.env.invalidate_all()
            with Form(wizards.with_context(**action["context"])) as form:
                form.amount = amount
            self.env.invalidate_all()
            if form.record.payment_type == "inbound":
                form.record.action_oldest_first()
            form.record.action_confirm()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.balance, 10)

    def test_refused_to_whoever_is_no_officer(self):
        viewer = self._make_user("viewer", "client_account.group_client_account_viewer")
        account = self.account.with_user(viewer)
        wizard = self._make_wizard(100)
        for call in (
            account.action_receive_payment,
            account.action_pay_back,
            wizard.with_user(viewer).action_confirm,
            lambda: wizard.with_user(viewer).create(
                {"account_id": account.id, "amount": 5}
            ),
        ):
            with self.assertRefused(exception=AccessError):
                call()
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 100)

    def test_refused_to_confirm_the_wizard_of_another_officer(self):
        wizard = self._make_wizard(100)
        self.env.invalidate_all()
        with self.assertRefused(exception=AccessError):
            wizard.with_user(self.officer).action_confirm()
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 100)
