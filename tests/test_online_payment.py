from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .portal_case import OnlinePaymentCommon


@tagged("post_install", "-at_install")
class TestOnlinePayment(OnlinePaymentCommon):
    """What is booked when money is paid online on an account."""

    def _get_credit(self, transaction):
        return self._get_receivable(transaction.payment_id.move_id)

    def test_top_up_is_account_credit_once(self):
        transaction = self._make_transaction(50)
        self._finish(transaction)
        self.assertEqual(self.account.balance, 50)
        move = transaction.payment_id.move_id
        self.assertTrue(move.client_account_credit)
        self.assertEqual(move.client_transaction_id, transaction)
        for _again in range(3):
            transaction._post_process()
        self.assertEqual(self.account.balance, 50)
        self.assertIn("paid online by", str(self.account.message_ids.mapped("body")))

    def test_credit_pays_the_next_invoice(self):
        self._finish(self._make_transaction(50))
        invoice = self._make_invoice(80)
        self.assertEqual(invoice.amount_residual, 30)

    def test_open_invoices_are_paid_where_the_policy_says_so(self):
        invoice = self._make_invoice(30)
        self._finish(self._make_transaction(50))
        self.assertEqual(invoice.amount_residual, 30)
        self.account.credit_application = "all"
        self._finish(self._make_transaction(10))
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.credit_available, 30)

    def test_states(self):
        transaction = self._make_transaction(50)
        self._finish(transaction, "pending")
        self.assertEqual(self.account.balance, 0)
        self._finish(transaction)
        self.assertEqual(self.account.balance, 50)
        failed = self._make_transaction(20)
        self._finish(failed, "error")
        self.assertEqual(self.account.balance, 50)
        # A late success: the money was taken.
        self._finish(failed)
        self.assertEqual(self.account.balance, 70)
        self._finish(self._make_transaction(20), "cancel")
        self.assertEqual(self.account.balance, 70)

    def test_whoever_pays_it_is_the_clients(self):
        transaction = self._make_transaction(50, partner_id=self.other_client.id)
        self._finish(transaction)
        self.assertEqual(self.account.balance, 50)
        self.assertEqual(self._get_account(self.other_client).balance, 0)
        self.assertEqual(self._get_credit(transaction).partner_id, self.client)

    def test_booked_whatever_the_policies_say(self):
        transaction = self._make_transaction(50)
        self.account.top_up_policy = "forbidden"
        self.account.balance_visibility = "hidden"
        self._finish(transaction)
        self.assertEqual(self.account.balance, 50)

    def test_refund_closes_against_its_top_up(self):
        transaction = self._make_transaction(50)
        self._finish(transaction)
        refund = transaction._create_child_transaction(20, is_refund=True)
        self.assertEqual(refund.client_account_id, self.account)
        self._finish(refund)
        self.assertEqual(self.account.balance, 30)
        self.assertEqual(self.account.amount_owed, 0)
        self.assertEqual(self.account.credit_available, 30)
        self.assertFalse(self.account.activity_ids)

    def test_refund_of_what_is_spent_is_owed_and_told(self):
        transaction = self._make_transaction(50)
        self._finish(transaction)
        invoice = self._make_invoice(40)
        refund = transaction._create_child_transaction(50, is_refund=True)
        self._finish(refund)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.amount_owed, 40)
        self.assertIn("40.00", self.account.activity_ids[:1].note)

    def test_charges_are_paid_exactly_the_earliest_due_first(self):
        account = self.account
        account.credit_application = "manual"
        late = account.charge(30, "Late", date_due="2030-02-01")
        early = account.charge(20, "Early", date_due="2030-01-01")
        other = account.charge(5, "Other", date_due="2020-01-01", date="2020-01-01")
        moves = self.env["account.move"].browse([late, early, other])
        debts = self._get_receivable(moves[0]) | self._get_receivable(moves[1])
        transaction = self._make_transaction(
            40, "charges", client_line_ids=[Command.set(debts.ids)]
        )
        self._finish(transaction)
        residuals = [self._get_receivable(move).amount_residual for move in moves]
        self.assertEqual(residuals, [10, 0, 5])

    def test_charges_on_another_receivable_account(self):
        charges = self.env["account.move"].browse(
            [self.account.charge(30, "Before"), self.account.charge(20, "Too")]
        )
        other = (
            charges[0]
            .line_ids.account_id.filtered(
                lambda account: account.account_type == "asset_receivable"
            )
            .copy({"code": "121999"})
        )
        self.client.property_account_receivable_id = other
        charges |= charges.browse(self.account.charge(5, "After"))
        debts = self.account._get_charges_due()
        self.assertEqual(debts.mapped("amount_residual"), [30, 20])
        self._finish(
            self._make_transaction(
                50, "charges", client_line_ids=[Command.set(debts.ids)]
            )
        )
        self.assertEqual(debts.mapped("amount_residual"), [0, 0])
        self.assertEqual(self.account._get_charges_due().mapped("amount_residual"), [5])
        # A refund closes on the account that its money is on.
        top_up = self._make_transaction(50, reference="other")
        self.account.credit_application = "manual"
        self._finish(top_up)
        self.client.property_account_receivable_id = debts.account_id
        self._finish(top_up._create_child_transaction(50, is_refund=True))
        self.assertEqual(self.account.credit_available, 0)
        self.assertEqual(self.account.amount_owed, 5)

    def test_charge_in_another_currency_is_not_paid_online(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        receipt = self._make_invoice(
            40, move_type="out_receipt", currency_id=euro.id, post=True
        )
        self.assertEqual(receipt.state, "posted")
        self.assertFalse(self.account._get_charges_due())

    def test_debts_whose_money_is_on_its_way_are_passed_over(self):
        charge = self.env["account.move"].browse(self.account.charge(30, "Lesson"))
        debt = self._get_receivable(charge)
        transaction = self._make_transaction(
            30, "charges", client_line_ids=[Command.set(debt.ids)]
        )
        self.assertEqual(self.account._get_charges_due(), debt)
        transaction._set_pending()
        self.assertFalse(self.account._get_charges_due())
        self.account.issue_credit(30, "Cancelled")
        self.account.apply_credits()
        self.assertEqual(debt.amount_residual, 30)
        transaction._set_canceled()
        self.account.apply_credits()
        self.assertEqual(debt.amount_residual, 0)

    def test_debts_for_which_a_wire_transfer_was_chosen_stay_due(self):
        """It may never come: they are paid otherwise, and what comes is credit."""
        charge = self.env["account.move"].browse(self.account.charge(30, "Lesson"))
        debt = self._get_receivable(charge)
        wire = self._make_wire_provider()
        values = {"client_line_ids": [Command.set(debt.ids)]}
        transaction = self._make_transaction(
            30, "charges", provider_id=wire.id, **values
        )
        transaction._set_pending()
        self.assertEqual(self.account._get_charges_due(), debt)
        self._finish(self._make_transaction(30, "charges", **values))
        self.assertEqual((debt.amount_residual, self.account.balance), (0, 0))
        self.assertFalse(self.account._get_charges_due())

    def test_money_for_what_is_paid_already_stays_credit(self):
        charge = self.env["account.move"].browse(self.account.charge(30, "Lesson"))
        debt = self._get_receivable(charge)
        transaction = self._make_transaction(
            30, "charges", client_line_ids=[Command.set(debt.ids)]
        )
        self.account.issue_credit(30, "Cancelled")
        self.account.apply_credits()
        self._finish(transaction)
        self.assertEqual(self.account.credit_available, 30)

    def test_protected_from_callers(self):
        biller = self._make_user("op_biller", "account.group_account_invoice")
        transaction = self._make_transaction(50)
        other = self._get_account(self.other_client)
        for vals in (
            {"client_account_id": other.id},
            {"client_purpose": "request"},
            {"client_line_ids": [Command.clear()]},
            {"client_request_id": False},
        ):
            with self.subTest(vals), self.assertRefused():
                transaction.with_user(biller).write(vals)

    def test_money_taken_that_is_not_booked_is_told_once(self):
        transaction = self._make_transaction(50)
        self._finish(transaction, "cancel")
        for _twice in range(2):
            transaction._set_done()
        self.assertEqual(transaction.state, "cancel")
        leaders = self.company._get_client_deciders()
        self.assertEqual(len(self.account.activity_ids), len(leaders))
        self.assertIn("50.00", self.account.activity_ids[:1].note)
        self.assertEqual(self.account.balance, 0)
        stuck = self._make_transaction(20, reference="stuck")
        stuck.write({"state": "done", "last_state_change": "2020-01-01"})
        for _twice in range(2):
            self.env["client.account"]._tell_stale_charges()
        self.assertEqual(len(self.account.activity_ids), 2 * len(leaders))

    def test_same_transaction_is_not_booked_by_two_moves(self):
        transaction = self._make_transaction(50)
        self._finish(transaction)
        copied = transaction.payment_id.move_id.copy()
        self.assertFalse(copied.client_transaction_id)


@tagged("post_install", "-at_install")
class TestCreditRequest(OnlinePaymentCommon):
    """Clients who are asked to pay in advance."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user(
            "cr_officer", "client_account.group_client_account_officer"
        )
        cls.viewer = cls._make_user(
            "cr_viewer", "client_account.group_client_account_viewer"
        )
        cls.client.email = "ada@example.com"

    def _ask(self, amount=120, send=True, **values):
        asked = (
            self.env["client.credit.request"]
            .with_user(self.officer)
            .create(
                {
                    "account_id": self.account.id,
                    "amount": amount,
                    "text": "Ten lessons",
                    **values,
                }
            )
        )
        if send:
            self.assertIs(asked.action_send(), True)
        return asked

    def _get_mails(self, asked):
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", asked._name), ("res_id", "=", asked.id)])
        )

    def _pay(self, asked, state="done"):
        transaction = self._make_transaction(
            asked.amount, "request", client_request_id=asked.id
        )
        self._finish(transaction, state)
        return transaction

    def test_client_is_asked_by_mail_with_a_link(self):
        asked = self._ask(date_due="2030-01-31")
        self.assertEqual(asked.state, "open")
        [mail] = self._get_mails(asked)
        self.assertEqual(mail.recipient_ids, self.client)
        self.assertIn("120.00", mail.subject)
        self.assertIn("Ten lessons", mail.body_html)
        self.assertIn(
            f"/my/client_account/request/{asked.id}?access_token=", mail.body_html
        )

    def test_state_follows_the_payments(self):
        asked = self._ask()
        transaction = self._make_transaction(120, "request", client_request_id=asked.id)
        self.assertEqual(asked.state, "open")
        self._finish(transaction, "pending")
        self.assertEqual(asked.state, "pending")
        self._finish(transaction, "cancel")
        self.assertEqual(asked.state, "open")
        self._pay(asked)
        self.assertEqual(asked.state, "paid")
        self.assertEqual(self.account.balance, 120)

    def test_a_new_form_opens_before_a_client_is_chosen(self):
        form = Form(self.env["client.credit.request"].with_user(self.officer))
        self.assertEqual(form.amount_left, 0)

    def test_paid_in_full_once_all_of_it_is(self):
        """Asked for more while the client was paying what had been asked for."""
        asked = self._ask()
        begun = self._make_transaction(120, "request", client_request_id=asked.id)
        asked.amount = 150
        self._finish(begun)
        self.assertRecordValues(
            asked, [{"state": "open", "amount": 150, "amount_left": 30}]
        )
        asked.action_send()
        self.assertIn("30.00", self._get_mails(asked)[0].subject)
        self._finish(self._make_transaction(30, "request", client_request_id=asked.id))
        self.assertRecordValues(asked, [{"state": "paid", "amount_left": 0}])
        self.assertEqual(self.account.balance, 150)

    def test_paid_where_less_is_asked_for_meanwhile(self):
        asked = self._ask()
        begun = self._make_transaction(120, "request", client_request_id=asked.id)
        asked.amount = 80
        self._finish(begun)
        self.assertRecordValues(asked, [{"state": "paid", "amount_left": 0}])
        self.assertEqual(self.account.balance, 120)

    def test_paid_twice_at_once_is_booked_twice(self):
        asked = self._ask()
        begun = [
            self._make_transaction(
                120, "request", client_request_id=asked.id, reference=f"tab {number}"
            )
            for number in range(2)
        ]
        for transaction in begun:
            self._finish(transaction)
        self.assertRecordValues(asked, [{"state": "paid", "amount_left": 0}])
        self.assertEqual(self.account.balance, 240)

    def test_what_is_captured_is_paid(self):
        self._support_capture()
        asked = self._ask()
        reserved = self._make_transaction(120, "request", client_request_id=asked.id)
        reserved._set_authorized()
        self.assertRecordValues(asked, [{"state": "pending", "amount_left": 120}])
        captured = reserved._create_child_transaction(50)
        self._finish(captured)
        self.assertRecordValues(asked, [{"state": "pending", "amount_left": 70}])
        self._finish(reserved._create_child_transaction(70), "cancel")
        self.assertEqual(reserved.state, "done")
        self.assertRecordValues(asked, [{"state": "open", "amount_left": 70}])
        self.assertEqual(self.account.balance, 50)

    def test_given_back_it_stays_paid(self):
        asked = self._ask()
        transaction = self._pay(asked)
        refund = transaction._create_child_transaction(20, is_refund=True)
        self._finish(refund)
        self.assertRecordValues(asked, [{"state": "paid", "amount_left": 0}])
        self.assertEqual(self.account.balance, 100)

    def test_a_wire_transfer_that_was_chosen_blocks_nothing(self):
        """It may never come, or be booked from the bank: nobody cancels it."""
        asked = self._ask()
        wire = self._make_wire_provider()
        transaction = self._make_transaction(
            120, "request", client_request_id=asked.id, provider_id=wire.id
        )
        transaction._set_pending()
        self.assertEqual(asked.state, "pending")
        self.assertFalse(asked._get_pay_problem())
        with self.assertRefused("no longer open"):
            asked.amount = 5
        self.assertIs(asked.action_cancel(), True)
        self.assertEqual(asked.state, "cancelled")
        self._pay(asked, "pending")
        self.assertEqual(asked.state, "pending")
        with self.assertRefused("no longer open"):
            asked.action_cancel()
        transaction._set_done()
        self.assertEqual(asked.state, "paid")

    def test_paid_or_cancelled_is_not_asked_again(self):
        paid = self._ask()
        self._pay(paid)
        cancelled = self._ask()
        cancelled.action_cancel()
        for asked in (paid, cancelled):
            for call in (
                asked.action_send,
                asked.action_cancel,
                lambda asked=asked: asked.write({"amount": 5}),
            ):
                with self.assertRefused("no longer open"):
                    call()
        # Money that was taken is booked and says so.
        self._pay(cancelled)
        self.assertEqual(cancelled.state, "paid")

    def test_values_that_are_refused(self):
        for vals in (
            {"amount": 0},
            {"amount": -5},
            {"amount": float("nan")},
            {"amount": 0.001},
            {"text": "  "},
            {"text": "x" * 2001},
            {"date_due": "0001-01-01"},
            {"state": "paid"},
            # Stored, and the account's alone.
            {"partner_id": self.other_client.id},
            {"company_id": self.company.id},
            {"sent_on": "2020-01-01"},
        ):
            with self.subTest(vals), self.assertRefused(exception=UserError):
                self._ask(**vals, send=False)
        with self.assertRefused(exception=AccessError):
            self.env["client.credit.request"].with_user(self.viewer).create(
                {"account_id": self.account.id, "amount": 5, "text": "Lesson"}
            )
        asked = self._ask()
        with self.assertRefused("stays its client's"):
            asked.account_id = self._get_account(self.other_client)
        with self.assertRefused("stays on record"):
            asked.unlink()

    def test_without_an_address_nobody_is_asked(self):
        self.client.email = False
        with self.assertRefused("no e-mail address"):
            self._ask()

    def test_reminded_once_when_it_is_due(self):
        due = self._ask(date_due=self.today)
        later = self._ask(date_due="2030-01-31")
        paid = self._ask(date_due=self.today)
        self._pay(paid)
        for _twice in range(2):
            with self.enter_registry_test_mode():
                self.env.ref(
                    "client_account.ir_cron_remind_credit_requests"
                ).method_direct_trigger()
        self.assertEqual(len(self._get_mails(due)), 2)
        self.assertEqual(len(self._get_mails(later)), 1)
        self.assertEqual(len(self._get_mails(paid)), 1)

    def test_window_asks_many_once_and_takes_it_back(self):
        self.other_client.email = "bela@example.com"
        accounts = self.account | self._get_account(self.other_client)
        action = accounts.with_user(self.officer).action_ask_payment()
        windows = (
            self.env[action["res_model"]]
            .with_user(self.officer)
            .with_context(**action["context"])
        )
        with Form(windows) as form:
            form.amount = 60
            form.text = "Five lessons"
        window = form.record
        self.assertEqual(window.action_send(), window.action_send())
        asked = self.env["client.credit.request"].search(
            [("account_id", "in", accounts.ids)]
        )
        self.assertEqual(asked.account_id, accounts)
        self.assertEqual(asked.mapped("amount"), [60, 60])
        window.action_undo()
        self.assertEqual(set(asked.mapped("state")), {"cancelled"})
