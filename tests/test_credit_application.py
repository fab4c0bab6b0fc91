import logging
from contextlib import contextmanager
from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.account_payment.tests.common import AccountPaymentCommon

from .common import ClientAccountCommon

_logger = logging.getLogger(__name__)


class CreditApplicationCommon(ClientAccountCommon):
    def _get_left(self, credit):
        """Return what is left of a credit entry."""
        return -sum(self._get_receivable(credit).mapped("amount_residual"))

    @contextmanager
    def _by_hand(self):
        """Set up documents that nothing is applied to yet."""
        policy = self.account.credit_application
        self.account.credit_application = "manual"
        yield
        self.account.credit_application = policy

    def assertResiduals(self, moves, residuals):
        self.assertEqual([move.amount_residual for move in moves], residuals)


@tagged("post_install", "-at_install")
class TestCreditApplication(CreditApplicationCommon):
    # === Policies ===

    def test_next_invoice_takes_what_is_left_of_a_credit(self):
        """Case 2: credit 250, 100 set by hand, the next invoice of 120 takes 120."""
        first = self._make_invoice(180)
        credit = self._issue_credit(250)
        self._get_receivable(credit)._allocate(self._get_receivable(first), 100)
        invoice = self._make_invoice(120)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_left(credit), 30.0)
        self.assertResiduals([first], [80.0])
        self.assertEqual(self.account.balance, -50.0)
        self.assertEqual(self._get_ledger_balance(), -50.0)

    def test_by_hand_an_invoice_takes_nothing(self):
        """Case 2: with `manual` the next invoice takes nothing."""
        self.account.credit_application = "manual"
        credit, payment = self._issue_credit(150), self._make_payment(50)
        invoice = self._make_invoice(120)
        self.assertEqual(invoice.payment_state, "not_paid")
        self.assertEqual(self._get_left(credit), 150.0)
        self.assertEqual(self._get_left(payment.move_id), 50.0)

    def test_native_payment_is_not_taken_by_the_next_invoice(self):
        """Case 2: with `next` a native payment on account is not taken."""
        payment = self._make_payment(50)
        refund = self._make_invoice(20, move_type="out_refund")
        invoice = self._make_invoice(120)
        self.assertEqual(invoice.payment_state, "not_paid")
        self.assertEqual(self._get_left(payment.move_id), 50.0)
        self.assertEqual(self._get_left(refund), 20.0)

    def test_native_payment_is_taken_with_all(self):
        """Case 2: with `all` a native payment is taken, and a credit note too."""
        self.account.credit_application = "all"
        payment = self._make_payment(50)
        refund = self._make_invoice(20, move_type="out_refund")
        invoice = self._make_invoice(120)
        self.assertEqual(invoice.amount_residual, 50.0)
        self.assertEqual(self._get_left(payment.move_id), 0.0)
        self.assertEqual(self._get_left(refund), 0.0)

    def test_payment_through_the_account_is_taken_by_the_next_invoice(self):
        wizard = self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "amount": 70,
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        wizard.action_confirm()
        self.assertEqual(self.account.credit_available, 70.0)
        invoice = self._make_invoice(120)
        self.assertEqual(invoice.amount_residual, 50.0)

    def test_charge_takes_credit_as_an_invoice_does(self):
        credit = self._issue_credit(50)
        charge = self.env["account.move"].browse(self.account.charge(30, "Late fee"))
        self.assertTrue(self._get_receivable(charge).reconciled)
        self.assertEqual(self._get_left(credit), 20.0)

    def test_policy_of_the_company_binds_accounts_without_their_own(self):
        self.company.client_credit_application = "manual"
        self._issue_credit(50)
        self.assertResiduals([self._make_invoice(20)], [20.0])
        self.company.client_credit_application = "next"
        self.assertResiduals([self._make_invoice(20)], [0.0])

    def test_policy_of_the_account_overrides_the_companys(self):
        self.company.client_credit_application = "all"
        self.account.credit_application = "manual"
        self._issue_credit(50)
        self._issue_credit(50, partner=self.other_client)
        own = self._make_invoice(20)
        other = self._make_invoice(20, partner=self.other_client)
        self.assertResiduals([own, other], [20.0, 0.0])
        self.account.credit_application = False
        self.assertResiduals([self._make_invoice(20)], [0.0])

    def test_policy_binds_a_biller_who_may_not_see_the_account(self):
        """The policy is the client's, whoever posts."""
        self._issue_credit(50)
        biller = self._make_user("biller", "account.group_account_invoice")
        invoice = self._make_invoice(20, post=False)
        invoice.with_user(biller).action_post()
        self.assertEqual(invoice.payment_state, "paid")

    def test_new_credit_stays_with_next_while_invoices_are_open(self):
        """With `next` only posting an invoice applies credit."""
        invoice = self._make_invoice(20)
        credit = self._issue_credit(50)
        self.assertResiduals([invoice], [20.0])
        self.assertEqual(self._get_left(credit), 50.0)

    def test_new_credit_goes_to_open_invoices_oldest_first_with_all(self):
        """Case 5: due today 100, yesterday 50, tomorrow 10; credit 120."""
        self.account.credit_application = "all"
        invoices = self._make_case_5()
        self._issue_credit(120)
        self.assertResiduals(invoices, [30.0, 0.0, 10.0])

    def test_new_credit_note_goes_to_open_invoices_with_all(self):
        """Case 5: a credit note does the same as a credit."""
        self.account.credit_application = "all"
        invoices = self._make_case_5()
        self._make_invoice(120, move_type="out_refund")
        self.assertResiduals(invoices, [30.0, 0.0, 10.0])

    def test_new_invoice_lets_older_ones_go_first_with_all(self):
        self.account.credit_application = "all"
        with self._by_hand():
            older = self._make_invoice(50, date_due="2024-01-01")
            credit = self._issue_credit(70)
        newer = self._make_invoice(40)
        self.assertResiduals([older, newer], [0.0, 20.0])
        self.assertEqual(self._get_left(credit), 0.0)

    def test_credits_are_taken_oldest_first(self):
        self.account.credit_application = "manual"
        newer = self._issue_credit(50, date="2024-02-01")
        older = self._issue_credit(50, date="2024-01-01")
        self._make_invoice(70)
        self.assertEqual(self.account.apply_credits(), 70.0)
        self.assertEqual([self._get_left(older), self._get_left(newer)], [0.0, 30.0])

    def test_many_invoices_posted_at_once_share_one_credit(self):
        credit = self._issue_credit(120)
        invoices = [
            self._make_invoice(amount, post=False, date_due=due)
            for amount, due in (
                (100, "2024-01-02"),
                (50, "2024-01-01"),
                (10, "2024-01-03"),
            )
        ]
        self.env["account.move"].union(*invoices).action_post()
        self.assertResiduals(invoices, [30.0, 0.0, 10.0])
        self.assertEqual(self._get_left(credit), 0.0)

    def test_invoices_of_several_clients_take_their_own_credit(self):
        self._issue_credit(30)
        self._issue_credit(40, partner=self.other_client)
        invoices = [
            self._make_invoice(50, post=False),
            self._make_invoice(50, post=False, partner=self.other_client),
            self._make_invoice(50, post=False, partner=self.partner_a),
        ]
        self.env["account.move"].union(*invoices).action_post()
        self.assertResiduals(invoices, [20.0, 10.0, 50.0])

    def test_future_invoice_takes_no_credit_before_it_posts(self):
        credit = self._issue_credit(50)
        invoice = self._make_invoice(20, post=False, invoice_date="2999-01-01")
        invoice._post(soft=True)
        self.assertEqual(invoice.state, "draft")
        self.assertEqual(self._get_left(credit), 50.0)

    def test_credit_of_another_company_is_left_alone(self):
        other = self.setup_other_company(name="Second School")["company"]
        self.env.user.company_ids |= other
        env = self.env(
            context=dict(
                self.env.context, allowed_company_ids=(other | self.company).ids
            )
        )
        account = env["client.account"]._get_or_create(self.client, other)
        account.issue_credit(50, "Moved there")
        self.company.client_credit_application = "all"
        invoice = self._make_invoice(20)
        self.assertEqual(invoice.amount_residual, 20.0)
        self.assertEqual(account.balance, 50.0)
        self._issue_credit(50)
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertEqual(account.balance, 50.0)

    def test_policies_of_two_companies_are_kept_apart_in_one_posting(self):
        """What `all` takes in one company, `next` leaves in the other."""
        other = self.setup_other_company(name="Second School")
        self.env.user.company_ids |= other["company"]
        self.company.client_credit_application = "all"
        other["company"].client_credit_application = "next"
        env = self.env(
            context=dict(
                self.env.context,
                allowed_company_ids=(self.company | other["company"]).ids,
            )
        )
        self._make_payment(50)
        payment = env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.client.id,
                "amount": 50,
                "journal_id": other["default_journal_bank"].id,
            }
        )
        payment.action_post()
        own = self._make_invoice(50, post=False).with_env(env)
        foreign = env["account.move"].create(
            {
                "move_type": "out_invoice",
                "company_id": other["company"].id,
                "partner_id": self.client.id,
                "invoice_date": self.today,
                "invoice_line_ids": [
                    Command.create({"name": "Lessons", "price_unit": 50, "tax_ids": []})
                ],
            }
        )
        (own | foreign)._post(soft=False)
        self.assertResiduals([own, foreign], [0.0, 50.0])
        self.assertEqual(self._get_left(payment.move_id), 50.0)

    # === Order, and what is passed over ===

    def _make_case_5(self):
        """Make invoices of 100 due today, 50 due yesterday and 10 due tomorrow."""
        with self._by_hand():
            return [
                self._make_invoice(
                    amount,
                    date_due=self.today + timedelta(days=days),
                )
                for amount, days in ((100, 0), (50, -1), (10, 1))
            ]

    def test_debts_are_paid_by_due_date(self):
        """Case 5: 50, then 70 of the 100, nothing to the 10."""
        self.account.credit_application = "manual"
        invoices = self._make_case_5()
        credit = self._issue_credit(120)
        self.assertEqual(self.account.apply_credits(), 120.0)
        self.assertResiduals(invoices, [30.0, 0.0, 10.0])
        self.assertEqual(self._get_left(credit), 0.0)
        self.assertEqual(self.account.apply_credits(), 0.0)

    def test_debts_of_one_day_are_paid_by_number(self):
        """A plain reconcile takes the smallest first; the number decides here."""
        self.account.credit_application = "manual"
        invoices = [
            self._make_invoice(amount, date_due="2024-01-01") for amount in (90, 50, 10)
        ]
        self.assertEqual(
            sorted(invoice.name for invoice in invoices),
            [invoice.name for invoice in invoices],
        )
        self._issue_credit(120)
        self.account.apply_credits()
        self.assertResiduals(invoices, [0.0, 20.0, 10.0])

    def test_whole_invoices_only(self):
        """Case 6: 14.90 does not cover 15.00: nothing; with 15.00 all is applied."""
        self.account.credit_application = "manual"
        invoice = self._make_invoice(15)
        self._issue_credit(14.90)
        self.assertEqual(self.account._apply_credits(full_only=True), 0.0)
        self.assertResiduals([invoice], [15.0])
        self._issue_credit(0.10)
        self.assertEqual(self.account._apply_credits(full_only=True), 15.0)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.balance, 0.0)

    def test_whole_invoices_only_goes_on_to_one_that_fits(self):
        """Case 6: a debt too large does not block the smaller ones after it."""
        self.account.credit_application = "manual"
        large = self._make_invoice(15, date_due="2024-01-01")
        small = self._make_invoice(14, date_due="2024-01-02")
        credit = self._issue_credit(14.90)
        self.assertEqual(self.account._apply_credits(full_only=True), 14.0)
        self.assertResiduals([large, small], [15.0, 0.0])
        self.assertAlmostEqual(self._get_left(credit), 0.90)

    def test_blocked_invoice_is_passed_over(self):
        self.account.credit_application = "manual"
        blocked = self._make_invoice(50, date_due="2024-01-01")
        plain = self._make_invoice(50)
        blocked.action_toggle_block_payment()
        self._issue_credit(100)
        self.assertEqual(self.account.apply_credits(), 50.0)
        self.assertResiduals([blocked, plain], [50.0, 0.0])
        blocked.action_toggle_block_payment()
        self.assertEqual(self.account.apply_credits(), 50.0)
        self.assertResiduals([blocked, plain], [0.0, 0.0])

    def test_blocked_invoice_is_passed_over_with_all(self):
        self.account.credit_application = "all"
        blocked = self._make_invoice(50, date_due="2024-01-01")
        plain = self._make_invoice(50)
        blocked.action_toggle_block_payment()
        self._issue_credit(70)
        self.assertResiduals([blocked, plain], [50.0, 0.0])

    # === Payments ===

    def test_registered_payment_pays_its_own_invoice(self):
        """While a payment is posted nothing else is applied, whatever the policy."""
        for policy in ("manual", "next", "all"):
            with self.subTest(policy=policy):
                client = self.env["res.partner"].create({"name": f"Client {policy}"})
                account = self._get_account(client)
                account.credit_application = "manual"
                older = self._make_invoice(100, partner=client, date_due="2024-01-01")
                invoice = self._make_invoice(100, partner=client)
                credit = self._issue_credit(40, partner=client)
                account.credit_application = policy
                payment = self._register_payment(invoice)
                self.assertResiduals([older, invoice], [100.0, 0.0])
                self.assertEqual(invoice.payment_state, "paid")
                self.assertEqual(self._get_left(payment.move_id), 0.0)
                self.assertEqual(self._get_left(credit), 40.0)

    def test_registered_part_leaves_the_rest_open(self):
        self.account.credit_application = "all"
        with self._by_hand():
            invoice = self._make_invoice(100)
            credit = self._issue_credit(40)
        payment = self._register_payment(invoice, amount=60)
        self.assertEqual(invoice.amount_residual, 40.0)
        self.assertEqual(self._get_left(payment.move_id), 0.0)
        self.assertEqual(self._get_left(credit), 40.0)

    def test_native_payment_waits_on_account_with_all(self):
        """Posting a payment applies nothing; the next invoice takes it."""
        self.account.credit_application = "all"
        invoice = self._make_invoice(30)
        payment = self._make_payment(50)
        self.assertResiduals([invoice], [30.0])
        newer = self._make_invoice(10)
        self.assertResiduals([invoice, newer], [0.0, 0.0])
        self.assertEqual(self._get_left(payment.move_id), 10.0)

    def test_payment_posted_beside_an_invoice_waits_for_its_own_with_all(self):
        """Who posts a payment decides where it goes, also in one batch."""
        self.account.credit_application = "all"
        payment = self._make_payment(50)
        payment.action_draft()
        invoice = self._make_invoice(50, post=False)
        (invoice | payment.move_id)._post(soft=False)
        self.assertEqual(payment.move_id.state, "posted")
        self.assertResiduals([invoice], [50.0])
        self.assertEqual(self._get_left(payment.move_id), 50.0)
        self.assertEqual(self.account.apply_credits(), 50.0)

    def test_reversal_goes_to_the_invoice_it_reverses_with_all(self):
        self.account.credit_application = "all"
        older = self._make_invoice(100, date_due="2024-01-01")
        invoice = self._make_invoice(100)
        refund = invoice._reverse_moves(cancel=True)
        self.assertResiduals([older, invoice], [100.0, 0.0])
        self.assertEqual(invoice.payment_state, "reversed")
        self.assertEqual(self._get_left(refund), 0.0)

    # === Reset to draft ===

    def test_reset_and_posted_again_takes_the_account_credit_again(self):
        """Case 17: reset to draft frees account credit, posting takes it again."""
        credit = self._issue_credit(100)
        invoice = self._make_invoice(80)
        self.assertEqual(self._get_left(credit), 20.0)
        invoice.button_draft()
        self.assertEqual(self._get_left(credit), 100.0)
        self.assertEqual(self.account.ledger_difference, 0.0)
        invoice.action_post()
        self.assertEqual(self._get_left(credit), 20.0)
        self.assertEqual(invoice.payment_state, "paid")

    def test_reset_leaves_the_payment_and_frees_the_credit_beside_it(self):
        """Case 17: 30 of account credit is free again, 50 registered stay."""
        credit = self._issue_credit(30)
        invoice = self._make_invoice(80)
        payment = self._register_payment(invoice)
        self.assertEqual(payment.amount, 50.0)
        invoice.button_draft()
        self.assertEqual(self._get_left(credit), 30.0)
        self.assertEqual(self._get_left(payment.move_id), 0.0)
        self.assertRecordValues(
            self.account,
            [{"balance": 30.0, "ledger_balance": 80.0, "ledger_difference": 50.0}],
        )

    def test_drafts_newer_credit_is_not_taken_by_another_invoice(self):
        """What a draft holds is not open."""
        invoice = self._make_invoice(80)
        self._register_payment(invoice)
        self.company.client_credit_application = "all"
        invoice.button_draft()
        other = self._make_invoice(20)
        self.assertEqual(other.amount_residual, 20.0)


@tagged("post_install", "-at_install")
class TestCreditApplicationQueries(CreditApplicationCommon):
    """Posting with credit costs few queries more than posting without."""

    COUNT = 50

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clients = cls.env["res.partner"].create(
            [{"name": f"Client {number}"} for number in range(2 * cls.COUNT)]
        )

    def _make_drafts(self, partners):
        """Make one draft invoice of 10 for each of these partners, repeats included."""
        return self.env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partner.id,
                    "invoice_date": self.today,
                    "invoice_date_due": self.today,
                    "invoice_payment_term_id": False,
                    "invoice_line_ids": [
                        Command.create(
                            {"name": "Lessons", "price_unit": 10, "tax_ids": []}
                        )
                    ],
                }
                for partner in partners
            ]
        )

    def _give_credits(self, partners, amount):
        accounts = self.env["client.account"]._get_or_create(partners, self.company)
        accounts._create_adjustments(
            [
                (account, account._prepare_adjustment("credit", amount, "Goodwill"))
                for account in accounts
            ]
        )

    def _count_posting_queries(self, moves):
        """Return how many queries posting takes, with a cold cache."""
        self.env.flush_all()
        self.env.invalidate_all()
        self.env.cr.flush()
        before = self.cr.sql_log_count
        moves.action_post()
        self.env.flush_all()
        return self.cr.sql_log_count - before

    def _measure(self, plain_partners, partners, credits, amount):
        """Return the queries of posting plainly, and with credit that pays all.

        Both are posted once before, as the first time fills caches of the registry.
        """
        self.env["client.account"]._get_or_create(
            self.env["res.partner"].union(*plain_partners), self.company
        )
        counts = []
        for _round in range(2):
            plain = self._make_drafts(plain_partners)
            paid = self._make_drafts(partners)
            self._give_credits(credits, amount)
            counts = [self._count_posting_queries(moves) for moves in (plain, paid)]
            self.assertEqual(set(plain.mapped("payment_state")), {"not_paid"})
            self.assertEqual(set(paid.mapped("payment_state")), {"paid"})
        _logger.info("%s: %s queries, %s with credit", self._testMethodName, *counts)
        return counts

    def test_fifty_invoices_of_fifty_clients(self):
        """50 invoices that all take credit: at most 1.25 times the plain queries."""
        with_credit, without = self.clients[: self.COUNT], self.clients[self.COUNT :]
        plain, count = self._measure(without, with_credit, with_credit, 10)
        self.assertLessEqual(count, 1.25 * plain, f"{count} queries against {plain}")

    def test_fifty_invoices_of_one_client(self):
        """50 invoices of one client that all take one credit: 1.25 times at most."""
        client, other = self.clients[0], self.clients[1]
        plain, count = self._measure(
            [other] * self.COUNT, [client] * self.COUNT, client, 10 * self.COUNT
        )
        self.assertLessEqual(count, 1.25 * plain, f"{count} queries against {plain}")

    def test_one_invoice(self):
        """One invoice that takes credit costs a fixed number of queries more."""
        plain, count = self._measure(
            self.clients[0], self.clients[1], self.clients[1], 10
        )
        self.assertLessEqual(count - plain, 35, f"{count} queries against {plain}")

    def test_invoices_without_credit_cost_the_same_however_many(self):
        """A client without credit pays a fixed number of queries for the policy."""
        self.env["client.account"]._get_or_create(self.clients, self.company)
        counts = {}
        for policy in ("manual", "manual", "next"):
            self.company.client_credit_application = policy
            counts[policy] = self._count_posting_queries(
                self._make_drafts(self.clients[: self.COUNT])
            )
        self.assertLessEqual(counts["next"] - counts["manual"], 3, counts)


@tagged("post_install", "-at_install")
class TestCreditApplicationTransaction(CreditApplicationCommon, AccountPaymentCommon):
    """Invoices that wait for, or have, a payment transaction."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "all"

    def _make_transaction(self, invoice, state):
        """Make a card payment of the whole invoice in a state."""
        transaction = self._create_transaction(
            "redirect",
            reference=f"{invoice.id}-{state}",
            amount=invoice.amount_total,
            currency_id=invoice.currency_id.id,
            partner_id=invoice.partner_id.id,
            invoice_ids=[Command.set(invoice.ids)],
        )
        if state == "authorized":
            self.provider.support_manual_capture = "full_only"
            transaction._set_authorized()
        elif state != "draft":
            getattr(transaction, f"_set_{state}")()
        return transaction

    def test_pending_card_payment_keeps_a_new_credit_away(self):
        """Case 7: pending 100 on 100; credit 40 arrives: not applied, and still 40."""
        invoice = self._make_invoice(100)
        transaction = self._make_transaction(invoice, "pending")
        credit = self._issue_credit(40)
        self.assertEqual(invoice.amount_residual, 100.0)
        self.assertEqual(self.account.apply_credits(), 0.0)
        transaction._set_done()
        transaction._post_process()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_left(transaction.payment_id.move_id), 0.0)
        self.assertEqual(self._get_left(credit), 40.0)
        self.assertEqual(self.account.balance, 40.0)

    def test_states_of_a_transaction_that_keep_credit_away(self):
        """Case 7: pending, authorized and done; not draft, cancelled or in error."""
        for state, waits in (
            ("pending", True),
            ("authorized", True),
            ("done", True),
            ("draft", False),
            ("canceled", False),
        ):
            with self.subTest(state=state):
                client = self.env["res.partner"].create({"name": f"Client {state}"})
                invoice = self._make_invoice(100, partner=client)
                self._make_transaction(invoice, state)
                credit = self._issue_credit(40, partner=client)
                self.assertEqual(self._get_left(credit), 40.0 if waits else 0.0)
                self.assertEqual(invoice.amount_residual, 100.0 if waits else 60.0)

    def test_draft_with_a_pending_payment_takes_no_credit_when_posted(self):
        """Case 7: neither does an invoice that is posted while the payment waits."""
        self.company.client_credit_application = "next"
        credit = self._issue_credit(40)
        invoice = self._make_invoice(100, post=False)
        transaction = self._make_transaction(invoice, "pending")
        invoice.action_post()
        self.assertEqual(invoice.amount_residual, 100.0)
        transaction._set_done()
        transaction._post_process()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_left(credit), 40.0)

    def test_draft_that_a_payment_posts_is_paid_by_that_payment(self):
        """Case 7: the transaction posts the invoice, then pays it."""
        self.company.client_credit_application = "next"
        credit = self._issue_credit(40)
        invoice = self._make_invoice(100, post=False)
        transaction = self._make_transaction(invoice, "done")
        transaction._post_process()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_left(transaction.payment_id.move_id), 0.0)
        self.assertEqual(self._get_left(credit), 40.0)

    def test_failed_card_payment_lets_credit_in_again(self):
        """Case 7: once the payment is cancelled the credit may go there."""
        invoice = self._make_invoice(100)
        transaction = self._make_transaction(invoice, "pending")
        self._issue_credit(40)
        transaction._set_canceled()
        self.assertEqual(self.account.apply_credits(), 40.0)
        self.assertEqual(invoice.amount_residual, 60.0)

    def test_other_invoices_take_the_credit_meanwhile(self):
        """Case 7: only the waiting invoice is passed over."""
        waiting = self._make_invoice(100, date_due="2024-01-01")
        self._make_transaction(waiting, "pending")
        other = self._make_invoice(30)
        credit = self._issue_credit(40)
        self.assertResiduals([waiting, other], [100.0, 0.0])
        self.assertEqual(self._get_left(credit), 10.0)
