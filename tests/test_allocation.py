from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon


class AllocationCommon(ClientAccountCommon):
    """Credit is set by hand only, so that a test decides about every cent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"

    def _allocate(self, credit, invoice, amount):
        """Set an amount of a credit entry against an invoice of one installment."""
        return self._get_receivable(credit)._allocate(
            self._get_receivable(invoice), amount
        )

    def _get_left(self, credit):
        """Return what is left of a credit entry, in its own currency."""
        return -sum(self._get_receivable(credit).mapped("amount_residual_currency"))

    def _undo(self, partials):
        """Take allocations off as the button does."""
        return partials.action_remove_client_allocation()

    def assertLedgerAgrees(self, balance, partner=None):
        """Check the balance of an account, and that the ledger says the same."""
        account = self._get_account(partner or self.client)
        self.assertAlmostEqual(account.balance, balance)
        self.assertAlmostEqual(self._get_ledger_balance(partner), balance)
        self.assertAlmostEqual(account.ledger_difference, 0.0)


@tagged("post_install", "-at_install")
class TestAllocation(AllocationCommon):
    # === Exact amounts ===

    def test_credit_is_split_over_two_invoices(self):
        """Case 1: credit 250, invoices 180 and 150: 100 to the first, 150 next."""
        credit = self._issue_credit(250)
        first, second = self._make_invoice(180), self._make_invoice(150)
        self._allocate(credit, first, 100)
        self._allocate(credit, second, 150)
        self.assertRecordValues(
            first | second,
            [
                {"amount_residual": 80.0, "payment_state": "partial"},
                {"amount_residual": 0.0, "payment_state": "paid"},
            ],
        )
        self.assertTrue(self._get_receivable(credit).reconciled)
        self.assertLedgerAgrees(-80.0)

    def test_allocation_answers_the_partial_with_the_exact_amount(self):
        credit, invoice = self._issue_credit(70), self._make_invoice(100)
        partial = self._allocate(credit, invoice, 12.34)
        self.assertRecordValues(
            partial,
            [
                {
                    "amount": 12.34,
                    "debit_amount_currency": 12.34,
                    "credit_amount_currency": 12.34,
                    "debit_move_id": self._get_receivable(invoice).id,
                    "credit_move_id": self._get_receivable(credit).id,
                    "exchange_move_id": False,
                }
            ],
        )
        self.assertFalse(partial.full_reconcile_id)

    def test_each_of_two_allocations_of_one_pair_is_answered_alone(self):
        credit, invoice = self._issue_credit(70), self._make_invoice(100)
        first = self._allocate(credit, invoice, 10)
        second = self._allocate(credit, invoice, 20)
        self.assertEqual(first.mapped("amount"), [10.0])
        self.assertEqual(second.mapped("amount"), [20.0])
        self.assertEqual(invoice.amount_residual, 70.0)

    def test_whole_credit_on_whole_invoice_is_a_full_reconcile(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(100)
        partial = self._allocate(credit, invoice, 100)
        lines = self._get_receivable(credit) | self._get_receivable(invoice)
        self.assertTrue(partial.full_reconcile_id)
        self.assertEqual(partial.full_reconcile_id.reconciled_line_ids, lines)
        self.assertEqual(invoice.payment_state, "paid")

    def test_amount_is_taken_off_and_given_to_an_older_invoice(self):
        """Case 3: 120 is taken off the newer invoice and goes to an older one."""
        credit = self._issue_credit(250)
        older = self._make_invoice(150, date_due="2024-01-01")
        newer = self._make_invoice(120)
        partial = self._allocate(credit, newer, 120)
        self._undo(partial)
        self._allocate(credit, older, 120)
        self.assertRecordValues(
            older | newer,
            [
                {"amount_residual": 30.0, "payment_state": "partial"},
                {"amount_residual": 120.0, "payment_state": "not_paid"},
            ],
        )
        self.assertEqual(self._get_left(credit), 130.0)
        self.assertLedgerAgrees(-20.0)

    def test_every_order_of_undoing_brings_back_the_residuals(self):
        """Case 4: three allocations of one credit, undone in each of the six orders."""
        credit = self._issue_credit(100)
        invoices = [self._make_invoice(amount) for amount in (33.33, 50, 41.27)]
        for order in (
            (0, 1, 2),
            (0, 2, 1),
            (1, 0, 2),
            (1, 2, 0),
            (2, 0, 1),
            (2, 1, 0),
        ):
            with self.subTest(order=order):
                partials = [
                    self._allocate(credit, invoice, amount)
                    for invoice, amount in zip(
                        invoices, (33.33, 25.40, 41.27), strict=True
                    )
                ]
                self.assertTrue(self._get_receivable(credit).reconciled)
                left = 0.0
                for index in order:
                    left += partials[index].amount
                    self._undo(partials[index])
                    self.assertAlmostEqual(self._get_left(credit), left)
                    self.assertLedgerAgrees(-24.60)
                self.assertEqual(
                    [invoice.amount_residual for invoice in invoices],
                    [33.33, 50.0, 41.27],
                )
                self.assertEqual(
                    {invoice.payment_state for invoice in invoices}, {"not_paid"}
                )
                self.assertEqual(self._get_left(credit), 100.0)
                self.assertFalse(credit._get_client_allocations())

    def test_cancelled_invoice_gives_its_credit_back(self):
        """Case 8: credit 200, invoices 100 and 50; cancelling the first leaves 150."""
        credit = self._issue_credit(200)
        first, second = self._make_invoice(100), self._make_invoice(50)
        self._allocate(credit, first, 100)
        self._allocate(credit, second, 50)
        first.button_cancel()
        self.assertEqual(self._get_left(credit), 150.0)
        self.assertEqual(second.payment_state, "paid")
        self.assertLedgerAgrees(150.0)

    def test_refused_when_a_credit_partly_spent_is_deleted(self):
        """Case 8: deleting a credit of which 50 is spent is refused."""
        credit, spare = self._issue_credit(200), self._issue_credit(30)
        invoice = self._make_invoice(50)
        self._allocate(credit, invoice, 50)
        with self.assertRefused("allocated to"):
            credit.action_client_adjustment_delete()
        spare.action_client_adjustment_delete()
        self.assertEqual(spare.state, "cancel")
        self.assertEqual(credit.state, "posted")
        self.assertLedgerAgrees(150.0)

    def test_credit_is_deleted_after_its_allocations_are_released(self):
        """Case 8: or the allocations are released first, as the user says."""
        credit, invoice = self._issue_credit(200), self._make_invoice(50)
        self._allocate(credit, invoice, 50)
        credit.action_client_adjustment_release_delete()
        self.assertEqual(credit.state, "cancel")
        self.assertEqual(invoice.payment_state, "not_paid")
        self.assertLedgerAgrees(-50.0)

    def test_refund_after_spending_leaves_a_debt_not_a_negative_credit(self):
        """Case 9: paid 10, 5 spent, 10 refunded: credit 0 and 5 owed."""
        payment = self._make_payment(10)
        self._allocate(payment.move_id, self._make_invoice(5), 5)
        wizard = self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "payment_type": "outbound",
                "amount": 10,
                "pay_more": True,
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        wizard.action_confirm()
        self.assertRecordValues(
            self.account,
            [{"credit_available": 0.0, "amount_owed": 5.0, "balance": -5.0}],
        )
        self.assertEqual(self._get_ledger_balance(), -5.0)

    def test_small_credit_leaves_a_small_rest_unpaid(self):
        """Case 10: a credit of 0.60 applies; an invoice with 0.80 left is not paid."""
        credit, invoice = self._issue_credit(0.60), self._make_invoice(1.40)
        self._allocate(credit, invoice, 0.60)
        self.assertRecordValues(
            invoice, [{"amount_residual": 0.80, "payment_state": "partial"}]
        )
        self.assertTrue(self._get_receivable(credit).reconciled)
        self.assertLedgerAgrees(-0.80)

    def test_installments_take_credit_in_their_order(self):
        """Case 15: 30/70: 50 goes 30 to the first and 20 to the second."""
        invoice = self._make_installments()
        first, second = self._get_receivable(invoice)
        credit = self._get_receivable(self._issue_credit(50))
        self.assertEqual(self.account.apply_credits(), 50.0)
        self.assertTrue(credit.reconciled)
        self.assertEqual([first.amount_residual, second.amount_residual], [0.0, 50.0])
        self.assertEqual(invoice.payment_state, "partial")

    def test_later_installment_takes_credit_before_the_first(self):
        """Case 15: by hand any installment may be paid first, to its amount."""
        invoice = self._make_installments()
        first, second = self._get_receivable(invoice)
        credit = self._get_receivable(self._issue_credit(100))
        with self.assertRefused("more than the .*70.00"):
            credit._allocate(second, 70.01)
        credit._allocate(second, 70)
        self.assertEqual([first.amount_residual, second.amount_residual], [30.0, 0.0])
        self.assertEqual(credit.amount_residual, -30.0)

    def test_credit_above_the_amount_due_stays_credit(self):
        """Case 15: over-crediting leaves the rest as credit."""
        credit, invoice = self._issue_credit(150), self._make_invoice(100)
        self.assertEqual(self.account.apply_credits(), 100.0)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_left(credit), 50.0)
        self.assertLedgerAgrees(50.0)

    def _make_installments(self):
        """Make an invoice of 100 due 30 at once and 70 a month later."""
        term = self.env["account.payment.term"].create(
            {
                "name": "30 now, 70 in a month",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 30, "nb_days": 0}
                    ),
                    Command.create(
                        {"value": "percent", "value_amount": 70, "nb_days": 30}
                    ),
                ],
            }
        )
        invoice = self._make_invoice(100, invoice_payment_term_id=term.id)
        self.assertEqual(
            self._get_receivable(invoice).mapped("amount_residual"), [30.0, 70.0]
        )
        return invoice

    def test_same_credit_cannot_be_spent_twice(self):
        """Case 16: the same 100 to two invoices of 80: 80 and 20, never 160."""
        credit = self._issue_credit(100)
        first, second = self._make_invoice(80), self._make_invoice(80)
        self._allocate(credit, first, 80)
        with self.assertRefused("more than .* has left"):
            self._allocate(credit, second, 80)
        self._allocate(credit, second, 20)
        self.assertEqual([first.amount_residual, second.amount_residual], [0.0, 60.0])
        self.assertLedgerAgrees(-60.0)

    def test_reset_to_draft_frees_account_credit(self):
        """Case 17: the account credit is free again, ledger and residuals agree."""
        credit, invoice = self._issue_credit(100), self._make_invoice(80)
        self._allocate(credit, invoice, 80)
        invoice.button_draft()
        self.assertEqual(self._get_left(credit), 100.0)
        self.assertFalse(credit._get_client_allocations())
        self.assertLedgerAgrees(100.0)
        self.assertIn("was removed", invoice.message_ids[:1].body)
        self.assertIn("free again", credit.message_ids[:1].body)

    def test_reset_to_draft_leaves_a_registered_payment_on_the_invoice(self):
        """Case 17: "matched to drafts" makes up the difference to the ledger."""
        invoice = self._make_invoice(80)
        payment = self._register_payment(invoice)
        invoice.button_draft()
        self.assertTrue(self._get_receivable(payment.move_id).reconciled)
        self.assertRecordValues(
            self.account,
            [{"balance": 0.0, "ledger_balance": 80.0, "ledger_difference": 80.0}],
        )
        invoice.action_post()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertLedgerAgrees(0.0)

    # === Refused ===

    def test_refused_when_the_invoice_is_another_clients(self):
        credit = self._issue_credit(100)
        own = self._make_invoice(50)
        foreign = self._make_invoice(50, partner=self.other_client)
        with self.assertRefused("belongs to Ada.*same client"):
            self._allocate(credit, foreign, 50)
        self._allocate(credit, own, 50)
        self.assertEqual(own.payment_state, "paid")

    def test_contact_of_the_client_takes_its_credit(self):
        contact = self.env["res.partner"].create(
            {"name": "Ada's front desk", "parent_id": self.client.id}
        )
        credit = self._issue_credit(100)
        invoice = self._make_invoice(50, partner=contact)
        self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertLedgerAgrees(50.0)

    def test_refused_when_the_invoice_is_on_another_receivable_account(self):
        credit, near = self._issue_credit(100), self._make_invoice(50)
        receivable = self.company_data["default_account_receivable"]
        self.client.property_account_receivable_id = self.copy_account(receivable)
        far = self._make_invoice(50)
        with self.assertRefused("receivable account"):
            self._allocate(credit, far, 50)
        self._allocate(credit, near, 50)
        self.assertEqual(near.payment_state, "paid")

    def test_refused_when_the_invoice_is_a_draft(self):
        credit = self._issue_credit(100)
        invoice = self._make_invoice(50, post=False)
        with self.assertRefused("INV|not posted|Nothing is due"):
            self._allocate(credit, invoice, 50)
        invoice.action_post()
        self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_when_the_credit_was_reset_to_draft(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(50)
        credit.sudo().button_draft()
        with self.assertRefused("not posted"):
            self._allocate(credit, invoice, 50)
        credit.sudo().action_post()
        self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_when_the_amount_is_none(self):
        """Cases 12 and 29: zero, below zero, no number, finer than the cent."""
        credit, invoice = self._issue_credit(100), self._make_invoice(50)
        for amount, words in (
            (0, "above zero"),
            (-0.0, "above zero"),
            (-10, "above zero"),
            (float("nan"), "not a number"),
            (float("inf"), "not a number"),
            (float("-inf"), "not a number"),
            (True, "not a number"),
            ("10", "not a number"),
            (None, "not a number"),
            ([10], "not a number"),
            (1e13, "too large"),
            (10**30, "too large"),
            (0.005, "finer"),
            (0.004, "finer"),
            (10.001, "finer"),
        ):
            with self.subTest(amount=amount), self.assertRefused(words):
                self._allocate(credit, invoice, amount)
        self._allocate(credit, invoice, 0.01)
        self.assertEqual(invoice.amount_residual, 49.99)

    def test_refused_when_more_is_asked_than_is_due(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(50)
        with self.assertRefused("more than the .*50.00.* due"):
            self._allocate(credit, invoice, 50.01)
        self._allocate(credit, invoice, 50.00)
        self.assertEqual(self._get_left(credit), 50.0)

    def test_refused_when_more_is_asked_than_the_credit_has_left(self):
        credit, invoice = self._issue_credit(50), self._make_invoice(100)
        with self.assertRefused("more than .* has left"):
            self._allocate(credit, invoice, 50.01)
        self._allocate(credit, invoice, 50.00)
        self.assertEqual(invoice.amount_residual, 50.0)

    def test_refused_when_the_invoice_is_paid_already(self):
        credit, other = self._issue_credit(100), self._make_invoice(10)
        invoice = self._make_invoice(50)
        self._allocate(credit, invoice, 50)
        with self.assertRefused("Nothing is due"):
            self._allocate(credit, invoice, 1)
        self._allocate(credit, other, 1)
        self.assertEqual(other.amount_residual, 9.0)

    def test_refused_when_the_sides_are_swapped(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(50)
        with self.assertRefused("is no open credit"):
            self._allocate(invoice, credit, 50)
        with self.assertRefused("Nothing is due"):
            self._allocate(credit, credit, 50)
        self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_when_the_items_are_not_receivable(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(50)
        income = invoice.line_ids.filtered(lambda line: line.display_type == "product")
        expense = credit.line_ids - self._get_receivable(credit)
        with self.assertRefused("is no open credit"):
            income._allocate(self._get_receivable(invoice), 50)
        with self.assertRefused("Nothing is due"):
            self._get_receivable(credit)._allocate(expense, 50)
        self._allocate(credit, invoice, 50)
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_when_the_invoice_is_another_companys(self):
        other = self.setup_other_company(name="Second School")
        self.env.user.company_ids |= other["company"]
        credit, own = self._issue_credit(100), self._make_invoice(50)
        company_env = self.env(
            context=dict(
                self.env.context,
                allowed_company_ids=(other["company"] | self.company).ids,
            )
        )
        invoice = (
            self.env["account.move"]
            .with_env(company_env)
            .create(
                {
                    "move_type": "out_invoice",
                    "company_id": other["company"].id,
                    "partner_id": self.client.id,
                    "invoice_date": self.today,
                    "invoice_line_ids": [
                        Command.create(
                            {"name": "Lessons", "price_unit": 50, "tax_ids": []}
                        )
                    ],
                }
            )
        )
        invoice.action_post()
        self.assertEqual(invoice.company_id, other["company"])
        with self.assertRefused("same company"):
            self._allocate(credit, invoice, 50)
        self._allocate(credit, own, 50)
        self.assertEqual(invoice.amount_residual, 50.0)
        self.assertEqual(own.payment_state, "paid")

    def test_one_credit_and_one_invoice_at_a_time(self):
        credits = self._get_receivable(self._issue_credit(10))
        credits |= self._get_receivable(self._issue_credit(10))
        invoice = self._get_receivable(self._make_invoice(50))
        with self.assertRefused("Expected singleton", exception=ValueError):
            credits._allocate(invoice, 10)
        with self.assertRefused("Expected singleton", exception=ValueError):
            credits.browse()._allocate(invoice, 10)
        credits[0]._allocate(invoice, 10)
        self.assertEqual(invoice.amount_residual, 40.0)

    def test_same_pair_twice_in_one_run_is_never_more_than_asked(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(100)
        lines = self._get_receivable(credit), self._get_receivable(invoice)
        lines[0]._allocate_amounts([(*lines, 10), (*lines, 15)])
        self.assertEqual(invoice.amount_residual, 75.0)
        self.assertEqual(self._get_left(credit), 75.0)

    def test_refused_run_books_none_of_its_allocations(self):
        credit = self._issue_credit(100)
        first, second = self._make_invoice(80), self._make_invoice(80)
        item = self._get_receivable(credit)
        pairs = [
            (item, self._get_receivable(first), 80),
            (item, self._get_receivable(second), 20.01),
        ]
        with self.assertRefused("more than .* has left"):
            item._allocate_amounts(pairs)
        pairs[1] = (*pairs[1][:2], 20)
        self.assertEqual(item._allocate_amounts(pairs).mapped("amount"), [80.0, 20.0])

    # === Fake context ===

    def test_plain_dict_in_the_context_changes_nothing(self):
        """A caller from outside can send a dict, but no object of our class."""
        credit, invoice = self._issue_credit(100), self._make_invoice(80)
        lines = self._get_receivable(credit), self._get_receivable(invoice)
        fake = {(lines[1].id, lines[0].id): 10.0}
        (lines[0] | lines[1]).with_context(client_allocation_caps=fake).reconcile()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(fake, {(lines[1].id, lines[0].id): 10.0})

    def test_plain_dict_in_the_context_lifts_no_cap(self):
        credit, invoice = self._issue_credit(100), self._make_invoice(80)
        lines = self._get_receivable(credit), self._get_receivable(invoice)
        fake = {(lines[1].id, lines[0].id): 80.0}
        lines[0].with_context(client_allocation_caps=fake)._allocate(lines[1], 10)
        self.assertEqual(invoice.amount_residual, 70.0)

    def test_plain_reconcile_takes_all_there_is(self):
        """The engine is Odoo's wherever nobody asks for an amount."""
        credit, invoice = self._issue_credit(100), self._make_invoice(80)
        (self._get_receivable(credit) | self._get_receivable(invoice)).reconcile()
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self._get_left(credit), 20.0)


@tagged("post_install", "-at_install")
class TestAllocationExcluded(AllocationCommon):
    """Products that are not payable with account credit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.excluded_product = cls.env["product.product"].create(
            {"name": "First month", "client_not_payable_with_credit": True}
        )
        cls.excluded = cls._make_excluded_invoice()
        cls.credit = cls._issue_credit(200)

    @classmethod
    def _make_excluded_invoice(cls, amount=50, **values):
        invoice = cls._make_invoice([amount, 10], post=False, **values)
        invoice.invoice_line_ids[0].product_id = cls.excluded_product
        invoice.invoice_line_ids[0].write({"price_unit": amount, "tax_ids": False})
        invoice.action_post()
        return invoice

    def test_refused_when_an_excluded_invoice_is_allocated_to(self):
        plain = self._make_invoice(60)
        with self.assertRefused("not payable with account"):
            self._allocate(self.credit, self.excluded, 10)
        self._allocate(self.credit, plain, 10)
        self.assertEqual(plain.amount_residual, 50.0)

    def test_refused_when_the_exclusion_is_set_after_posting(self):
        plain = self._make_invoice(60, post=False)
        product = self.env["product.product"].create({"name": "Lesson"})
        plain.invoice_line_ids.product_id = product
        plain.invoice_line_ids.write({"price_unit": 60, "tax_ids": False})
        plain.action_post()
        self._allocate(self.credit, plain, 10)
        product.client_not_payable_with_credit = True
        with self.assertRefused("not payable with account"):
            self._allocate(self.credit, plain, 10)

    def test_refused_when_the_payment_widget_assigns_account_credit(self):
        plain = self._make_invoice(60)
        item = self._get_receivable(self.credit)
        with self.assertRefused("not payable with account"):
            self.excluded.js_assign_outstanding_line(item.id)
        plain.js_assign_outstanding_line(item.id)
        self.assertEqual(plain.payment_state, "paid")

    def test_refused_when_account_credit_is_plainly_reconciled(self):
        plain = self._make_invoice(60)
        item = self._get_receivable(self.credit)
        with self.assertRefused("not payable with account"):
            (item | self._get_receivable(self.excluded)).reconcile()
        (item | self._get_receivable(plain)).reconcile()
        self.assertEqual(plain.payment_state, "paid")

    def test_refused_when_one_of_many_reconciled_is_excluded(self):
        plain = self._make_invoice(60)
        items = self._get_receivable(self.credit) | self._get_receivable(plain)
        with self.assertRefused("not payable with account"):
            (items | self._get_receivable(self.excluded)).reconcile()
        items.reconcile()
        self.assertEqual(plain.payment_state, "paid")

    def test_applying_passes_an_excluded_invoice_over(self):
        plain = self._make_invoice(60)
        self.assertEqual(self.account.apply_credits(), 60.0)
        self.assertEqual(plain.payment_state, "paid")
        self.assertEqual(self.excluded.amount_residual, 60.0)
        self.assertEqual(self.account.apply_credits(), 0.0)

    def test_posting_an_excluded_invoice_takes_no_credit(self):
        self.account.credit_application = "next"
        excluded = self._make_excluded_invoice()
        plain = self._make_invoice(60)
        self.assertEqual(excluded.payment_state, "not_paid")
        self.assertEqual(plain.payment_state, "paid")

    def test_wizard_of_the_credit_leaves_an_excluded_invoice_out(self):
        plain = self._make_invoice(60)
        wizard = self.env["client.credit.allocation"].create(
            {"credit_line_id": self._get_receivable(self.credit).id}
        )
        self.assertEqual(wizard.line_ids.debit_line_id.move_id, plain)

    def test_refused_when_the_wizard_of_an_excluded_invoice_allocates(self):
        wizards = self.env["client.credit.allocation"]
        plain = self._make_invoice(60)
        wizard = wizards.create(
            {"debit_line_id": self._get_receivable(self.excluded).id}
        )
        wizard.line_ids[:1].amount = 10
        with self.assertRefused("not payable with account"):
            wizard.action_allocate()
        wizard = wizards.create({"debit_line_id": self._get_receivable(plain).id})
        wizard.line_ids[:1].amount = 10
        wizard.action_allocate()
        self.assertEqual(plain.amount_residual, 50.0)

    def test_registered_payment_pays_an_excluded_invoice(self):
        self._register_payment(self.excluded)
        self.assertEqual(self.excluded.payment_state, "paid")
        self.assertEqual(self._get_left(self.credit), 200.0)

    def test_money_received_through_the_account_pays_an_excluded_invoice(self):
        """The product refuses credit, not the money that is handed over for it."""
        wizard = self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "amount": 60,
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        wizard.line_ids.filtered(
            lambda line: line.debit_line_id.move_id == self.excluded
        ).amount = 60
        wizard.action_confirm()
        self.assertEqual(self.excluded.payment_state, "paid")
        self.assertEqual(self._get_left(self.credit), 200.0)

    def test_credit_note_cancels_an_excluded_invoice(self):
        """Reversing an invoice is no payment with account credit."""
        self.excluded._reverse_moves(cancel=True)
        self.assertEqual(self.excluded.payment_state, "reversed")
