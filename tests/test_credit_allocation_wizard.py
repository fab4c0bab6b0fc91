from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .test_allocation import AllocationCommon


@tagged("post_install", "-at_install")
class TestCreditAllocationWizard(AllocationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user(
            "allocation_officer", "client_account.group_client_account_officer"
        )
        cls.viewer = cls._make_user(
            "allocation_viewer", "client_account.group_client_account_viewer"
        )
        cls.credit = cls._issue_credit(120)
        cls.first = cls._make_invoice(100, date_due="2024-01-02")
        cls.second = cls._make_invoice(50, date_due="2024-01-01")
        cls.third = cls._make_invoice(10, date_due="2024-01-03")

    def _open(self, credit=None, invoice=None, user=None, **values):
        """Open the wizard as a user, from a credit or from an invoice."""
        key = "credit_line_id" if credit else "debit_line_id"
        item = self._get_receivable(credit or invoice)
        wizards = self.env["client.credit.allocation"]
        if user:
            wizards = wizards.with_user(user)
        return wizards.create({key: item.id, **values})

    def _get_line(self, wizard, move):
        """Return the wizard's line for a document."""
        item = self._get_receivable(move)
        return wizard.line_ids.filtered(
            lambda line: item in (line.sudo().debit_line_id, line.sudo().credit_line_id)
        )

    def _type(self, wizard, move, amount):
        self._get_line(wizard, move).amount = amount

    def assertResiduals(self, residuals):
        invoices = self.first | self.second | self.third
        self.assertEqual(invoices.mapped("amount_residual"), residuals)

    # === From a credit ===

    def test_wizard_of_a_credit_lists_its_clients_debts_oldest_first(self):
        self._make_invoice(70, partner=self.other_client)
        self._make_invoice(70, post=False)
        wizard = self._open(credit=self.credit)
        self.assertEqual(
            wizard.line_ids.debit_line_id.move_id.ids,
            (self.second | self.first | self.third).ids,
        )
        self.assertEqual(wizard.partner_id, self.client)
        self.assertEqual(wizard.document_name, self.credit.name)
        self.assertEqual(wizard.document_reason, "Class cancelled")
        self.assertEqual(wizard.amount_open, 120.0)
        self.assertEqual(wizard.line_ids.mapped("amount_open"), [50.0, 100.0, 10.0])

    def test_typed_amounts_are_allocated_exactly(self):
        wizard = self._open(credit=self.credit)
        self._type(wizard, self.first, 33.33)
        self._type(wizard, self.third, 10)
        result = wizard.action_allocate()
        self.assertEqual(
            result["params"]["next"]["type"], "ir.actions.act_window_close"
        )
        self.assertResiduals([66.67, 50.0, 0.0])
        self.assertEqual(self._get_left(self.credit), 76.67)
        self.assertLedgerAgrees(-40.0)

    def test_remainder_runs_along_while_typing(self):
        with Form(
            self.env["client.credit.allocation"].with_context(
                default_credit_line_id=self._get_receivable(self.credit).id
            )
        ) as form:
            self.assertEqual(form.amount_remaining, 120.0)
            with form.line_ids.edit(0) as line:
                line.amount = 50
            self.assertEqual(form.amount_remaining, 70.0)
            with form.line_ids.edit(1) as line:
                line.amount = 69.99
            self.assertEqual(form.amount_remaining, 0.01)
            self.assertFalse(form.problem)
            with form.line_ids.edit(0) as line:
                line.amount = 0
            self.assertEqual(form.amount_remaining, 50.01)

    def test_remainder_says_what_does_not_fit(self):
        wizard = self._open(credit=self.credit)
        self._type(wizard, self.first, 100.01)
        self.assertRegex(wizard.problem, "more than the .* due")
        with self.assertRefused("finer"):
            self._type(wizard, self.first, 0.001)
        self._type(wizard, self.first, 100)
        self.assertFalse(wizard.problem)
        self._type(wizard, self.second, 20.01)
        self.assertRegex(wizard.problem, "more than .* has left")
        self._type(wizard, self.second, 20)
        self.assertFalse(wizard.problem)
        self.assertEqual(wizard.amount_remaining, 0.0)

    def test_remainder_of_a_foreign_credit_is_in_its_currency(self):
        eur = self.setup_other_currency(
            "EUR", rates=[("2024-01-01", 0.8), ("2024-02-01", 0.5)]
        )
        credit = self._make_invoice(
            100, move_type="out_refund", date_due="2024-01-10", currency_id=eur.id
        )
        foreign = self._make_invoice(40, date_due="2024-02-10", currency_id=eur.id)
        wizard = self._open(credit=credit)
        self.assertEqual(wizard.currency_id, eur)
        self.assertEqual(wizard.amount_remaining, 100.0)
        self._type(wizard, foreign, 40)
        self.assertEqual(wizard.amount_remaining, 60.0)
        self._type(wizard, self.second, 25)
        self.assertEqual(wizard.amount_remaining, 40.0)
        wizard.action_allocate()
        self.assertEqual(self._get_left(credit), 40.0)
        self.assertEqual(foreign.amount_residual, 0.0)
        self.assertResiduals([100.0, 25.0, 10.0])

    def test_remainder_of_a_foreign_invoice_is_in_its_currency(self):
        eur = self.setup_other_currency("EUR", rates=[("2024-01-01", 0.5)])
        invoice = self._make_invoice(100, date_due="2024-01-10", currency_id=eur.id)
        wizard = self._open(invoice=invoice)
        self.assertEqual(wizard.amount_remaining, 100.0)
        self._type(wizard, self.credit, 33.33)
        self.assertEqual(wizard.amount_remaining, 66.67)
        wizard.action_allocate()
        self.assertEqual(invoice.amount_residual, 66.67)
        self.assertEqual(self._get_left(self.credit), 53.34)

    def test_oldest_first_fills_in_as_far_as_the_credit_goes(self):
        """Case 5: 50, then 70 of the 100, nothing to the 10."""
        wizard = self._open(credit=self.credit)
        result = wizard.action_oldest_first()
        self.assertEqual(result["res_id"], wizard.id)
        self.assertEqual(wizard.line_ids.mapped("amount"), [50.0, 70.0, 0.0])
        self.assertEqual(wizard.amount_remaining, 0.0)
        self.assertResiduals([100.0, 50.0, 10.0])
        wizard.action_allocate()
        self.assertResiduals([30.0, 0.0, 10.0])

    def test_oldest_first_replaces_what_was_typed(self):
        wizard = self._open(credit=self.credit)
        self._type(wizard, self.third, 10)
        wizard.action_oldest_first()
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [50.0, 70.0, 0.0])

    def test_oldest_first_passes_a_blocked_invoice_over(self):
        self.second.action_toggle_block_payment()
        wizard = self._open(credit=self.credit)
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [0.0, 100.0, 10.0])

    def test_clear_sets_all_amounts_to_zero(self):
        wizard = self._open(credit=self.credit)
        wizard.action_oldest_first()
        wizard.action_clear()
        self.assertEqual(wizard.line_ids.mapped("amount"), [0.0, 0.0, 0.0])
        self.assertEqual(wizard.amount_remaining, 120.0)
        with self.assertRefused("Enter an amount"):
            wizard.action_allocate()

    def test_whole_invoices_only_fills_in_what_is_covered_whole(self):
        """Case 6: the 100 is not covered after the 50, the 10 is."""
        wizard = self._open(credit=self.credit, full_only=True)
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [50.0, 0.0, 10.0])
        wizard.action_allocate()
        self.assertResiduals([100.0, 0.0, 0.0])
        self.assertEqual(self._get_left(self.credit), 60.0)

    def test_refused_when_whole_invoices_only_and_a_part_is_typed(self):
        """Case 6: 14.90 of 15.00 is refused, 15.00 goes through."""
        invoice = self._make_invoice(15)
        wizard = self._open(credit=self.credit, full_only=True)
        self._type(wizard, invoice, 14.90)
        with self.assertRefused("does not cover"):
            wizard.action_allocate()
        self._type(wizard, invoice, 15)
        wizard.action_allocate()
        self.assertEqual(invoice.payment_state, "paid")

    def _make_instalments(self, *shares):
        """Make an invoice of 100 due in several parts, in percent."""
        terms = self.env["account.payment.term"].create(
            {
                "name": "In parts",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": share, "nb_days": days}
                    )
                    for days, share in enumerate(shares)
                ],
            }
        )
        return self._make_invoice(
            100, invoice_date_due=False, invoice_payment_term_id=terms.id
        )

    def test_whole_invoices_only_judges_the_invoice_not_its_instalments(self):
        """Nothing below 100 of a 30/70 invoice of 100."""
        invoice = self._make_instalments(30, 70)
        items = self._get_receivable(invoice)
        self.assertEqual(items.mapped("balance"), [30.0, 70.0])
        credit = self._issue_credit(99)
        wizard = self._open(credit=credit, full_only=True)
        lines = wizard.line_ids.filtered(lambda line: line.debit_line_id in items)
        wizard.action_oldest_first()
        self.assertEqual(lines.mapped("amount"), [0.0, 0.0])
        wizard.line_ids.amount = 0
        lines[0].amount = 30
        with self.assertRefused("does not cover", "100.00"):
            wizard.action_allocate()
        lines[1].amount = 69
        with self.assertRefused("does not cover", "100.00"):
            wizard.action_allocate()
        self.assertEqual(invoice.amount_residual, 100.0)

    def test_whole_invoices_only_pays_all_instalments(self):
        (self.first | self.second | self.third).button_cancel()
        invoice = self._make_instalments(30, 70)
        wizard = self._open(credit=self._issue_credit(100), full_only=True)
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [30.0, 70.0])
        wizard.action_allocate()
        self.assertEqual(invoice.payment_state, "paid")

    def test_whole_invoices_only_refuses_one_instalment_of_an_invoice(self):
        """From the invoice, the window shows one instalment: that is not the whole."""
        invoice = self._make_instalments(30, 70)
        action = invoice.action_allocate_client_credit()
        wizard = self.env[action["res_model"]].with_context(**action["context"])
        wizard = wizard.create({"full_only": True})
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [0.0])
        self._type(wizard, self.credit, 30)
        with self.assertRefused("does not cover", "100.00"):
            wizard.action_allocate()

    def test_whole_invoices_only_on_demand_judges_the_invoice(self):
        (self.first | self.second | self.third).button_cancel()
        invoice = self._make_instalments(30, 70)
        self.credit.button_cancel()
        self._issue_credit(99)
        self.assertEqual(self.account._apply_credits(full_only=True), 0.0)
        self._issue_credit(1)
        self.assertEqual(self.account._apply_credits(full_only=True), 100.0)
        self.assertEqual(invoice.payment_state, "paid")

    def test_whole_invoice_covered_by_two_credits_counts_as_whole(self):
        """Case 6: what counts is the sum of what is set against the invoice."""
        other = self._issue_credit(5)
        invoice = self._make_invoice(125)
        wizard = self._open(invoice=invoice, full_only=True)
        self._type(wizard, self.credit, 120)
        with self.assertRefused("does not cover"):
            wizard.action_allocate()
        self._type(wizard, other, 5)
        wizard.action_allocate()
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_when_more_is_typed_than_the_credit_has_left(self):
        wizard = self._open(credit=self.credit)
        self._type(wizard, self.first, 100)
        self._type(wizard, self.second, 20.01)
        with self.assertRefused("more than .* has left"):
            wizard.action_allocate()
        self._type(wizard, self.second, 20)
        wizard.action_allocate()
        self.assertResiduals([0.0, 30.0, 10.0])

    def test_refused_when_more_is_typed_than_is_due(self):
        wizard = self._open(credit=self.credit)
        self._type(wizard, self.third, 10.01)
        with self.assertRefused("more than the .*10.00.* due"):
            wizard.action_allocate()
        self._type(wizard, self.third, 10)
        wizard.action_allocate()
        self.assertResiduals([100.0, 50.0, 0.0])

    def test_line_that_comes_twice_adds_up(self):
        """A caller may send a document twice; no more than asked is matched."""
        item = self._get_receivable(self.first)
        wizard = self._open(
            credit=self.credit,
            line_ids=[
                Command.create({"debit_line_id": item.id, "amount": 10}),
                Command.create({"debit_line_id": item.id, "amount": 15}),
            ],
        )
        self.assertEqual(wizard.amount_remaining, 95.0)
        wizard.action_allocate()
        self.assertResiduals([75.0, 50.0, 10.0])
        self.assertEqual(self._get_left(self.credit), 95.0)

    def test_refused_when_another_clients_invoice_is_smuggled_in(self):
        foreign = self._make_invoice(50, partner=self.other_client)
        own = self._open(credit=self.credit)
        wizard = self._open(
            credit=self.credit,
            user=self.officer,
            line_ids=[
                Command.create(
                    {"debit_line_id": self._get_receivable(foreign).id, "amount": 10}
                )
            ],
        )
        self.assertEqual(wizard.line_ids.document_name, False)
        self.assertEqual(wizard.line_ids.amount_open, 0.0)
        with self.assertRefused("belongs to"):
            wizard.action_allocate()
        self._type(own, self.first, 10)
        own.action_allocate()
        self.assertResiduals([90.0, 50.0, 10.0])
        self.assertEqual(foreign.amount_residual, 50.0)

    def test_refused_when_two_windows_pay_the_same_invoice(self):
        """Each window books once; the second finds nothing due."""
        wizards = [self._open(credit=self.credit) for _window in range(2)]
        for wizard in wizards:
            self._type(wizard, self.first, 100)
        wizards[0].action_allocate()
        with self.assertRefused("Nothing is due"):
            wizards[1].action_allocate()

    def test_refused_when_the_wizard_has_no_side_or_both(self):
        both = self._open(credit=self.credit)
        both.debit_line_id = self._get_receivable(self.first)
        with self.assertRefused("from one credit or from one invoice"):
            both.action_oldest_first()
        with self.assertRefused("from one credit or from one invoice"):
            self.env["client.credit.allocation"].create({}).action_allocate()
        wizard = self._open(credit=self.credit)
        wizard.action_oldest_first()
        self.assertEqual(wizard.amount_remaining, 0.0)

    # === From an invoice ===

    def test_wizard_of_an_invoice_lists_the_clients_open_credits(self):
        older = self._issue_credit(30, date="2024-01-01")
        payment = self._make_payment(20, date="2024-02-01")
        self._issue_credit(40, partner=self.other_client)
        wizard = self._open(invoice=self.first)
        self.assertEqual(
            wizard.line_ids.credit_line_id.move_id.ids,
            (older | payment.move_id | self.credit).ids,
        )
        self.assertEqual(wizard.amount_open, 100.0)
        self.assertEqual(wizard.line_ids.mapped("amount_open"), [30.0, 20.0, 120.0])

    def test_many_credits_are_set_against_one_invoice(self):
        older = self._issue_credit(30, date="2024-01-01")
        wizard = self._open(invoice=self.first)
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [30.0, 70.0])
        self._type(wizard, self.credit, 45)
        self.assertEqual(wizard.amount_remaining, 25.0)
        wizard.action_allocate()
        self.assertResiduals([25.0, 50.0, 10.0])
        self.assertEqual(self._get_left(older), 0.0)
        self.assertEqual(self._get_left(self.credit), 75.0)

    def test_refused_when_credits_are_more_than_the_invoice(self):
        older = self._issue_credit(30, date="2024-01-01")
        wizard = self._open(invoice=self.first)
        self._type(wizard, self.credit, 100)
        self._type(wizard, older, 0.01)
        with self.assertRefused("more than the .*100.00.* due"):
            wizard.action_allocate()
        self.assertTrue(wizard.problem)
        self._type(wizard, self.credit, 99.99)
        self.assertFalse(wizard.problem)
        wizard.action_allocate()
        self.assertResiduals([0.0, 50.0, 10.0])
        self.assertEqual(self._get_left(older), 29.99)

    # === Buttons ===

    def test_button_of_a_credit_opens_the_wizard(self):
        action = self._get_receivable(self.credit).action_assign_client_credit()
        wizard = (
            self.env[action["res_model"]].with_context(**action["context"]).create({})
        )
        self.assertEqual(wizard.credit_line_id, self._get_receivable(self.credit))
        self.assertEqual(len(wizard.line_ids), 3)

    def test_refused_when_the_button_is_pressed_on_no_open_credit(self):
        with self.assertRefused("no credit left"):
            self._get_receivable(self.first).action_assign_client_credit()
        self._get_receivable(self.credit).action_assign_client_credit()

    # === Roles ===

    def test_officer_allocates_and_takes_off(self):
        """An officer needs no right to journal items."""
        lines = self.env["account.move.line"].with_user(self.officer)
        self.assertFalse(lines.has_access("read"))
        wizard = self._open(credit=self.credit, user=self.officer)
        wizard.action_oldest_first()
        wizard.action_allocate()
        self.assertResiduals([30.0, 0.0, 10.0])
        partials = self.credit._get_client_allocations()
        self.assertTrue(
            partials.with_user(self.officer).action_remove_client_allocation()
        )
        self.assertResiduals([100.0, 50.0, 10.0])

    def test_refused_when_a_viewer_opens_the_wizard(self):
        with self.assertRefused(exception=AccessError):
            self._open(credit=self.credit, user=self.viewer)
        self.assertEqual(
            len(self._open(credit=self.credit, user=self.officer).line_ids), 3
        )

    def test_refused_when_a_viewer_presses_the_buttons(self):
        """Not even with a wizard somebody else opened."""
        wizard = self._open(credit=self.credit)
        self._type(wizard, self.first, 10)
        for name in ("action_oldest_first", "action_clear", "action_allocate"):
            with self.subTest(name=name), self.assertRefused(exception=AccessError):
                getattr(wizard.with_user(self.viewer), name)()
        wizard.action_allocate()
        self.assertResiduals([90.0, 50.0, 10.0])

    def test_refused_when_an_officer_uses_anothers_wizard(self):
        wizard = self._open(credit=self.credit)
        wizard.action_oldest_first()
        self.env.invalidate_all()
        with self.assertRefused(exception=AccessError):
            wizard.with_user(self.officer).action_allocate()
        wizard.action_allocate()
        self.assertResiduals([30.0, 0.0, 10.0])

    def test_refused_when_a_viewer_takes_an_allocation_off(self):
        partial = self._allocate(self.credit, self.first, 40)
        with self.assertRefused("Only officers", exception=AccessError):
            partial.with_user(self.viewer).action_remove_client_allocation()
        partial.with_user(self.officer).action_remove_client_allocation()
        self.assertResiduals([100.0, 50.0, 10.0])

    def test_refused_when_the_officer_is_of_another_company(self):
        other = self.setup_other_company(name="Second School")["company"]
        stranger = self._make_user(
            "allocation_stranger",
            "client_account.group_client_account_officer",
            company=other,
            company_ids=[Command.set(other.ids)],
        )
        partial = self._allocate(self.credit, self.third, 10)
        for values in ({}, {"line_ids": []}):
            with self.subTest(values=values), self.assertRaises(AccessError):
                wizard = self._open(credit=self.credit, user=stranger, **values)
                wizard.read(["document_name", "amount_open", "line_ids"])
        with self.assertRefused(exception=AccessError):
            partial.with_user(stranger).action_remove_client_allocation()
        partial.with_user(self.officer).action_remove_client_allocation()
        self.assertResiduals([100.0, 50.0, 10.0])

    # === Undo ===

    def test_undo_returns_the_amount_and_says_so(self):
        partial = self._allocate(self.credit, self.first, 40)
        self.assertTrue(partial.action_remove_client_allocation())
        self.assertResiduals([100.0, 50.0, 10.0])
        self.assertEqual(self._get_left(self.credit), 120.0)
        self.assertRegex(self.first.message_ids[:1].body, "40.00.*was removed")
        self.assertLedgerAgrees(-40.0)

    def test_undo_twice_is_harmless(self):
        partial = self._allocate(self.credit, self.first, 40)
        kept = self._allocate(self.credit, self.second, 50)
        partial.action_remove_client_allocation()
        self.assertTrue(partial.action_remove_client_allocation())
        self.assertTrue(kept.exists())
        self.assertResiduals([100.0, 0.0, 10.0])

    def test_many_allocations_are_undone_at_once(self):
        wizard = self._open(credit=self.credit)
        wizard.action_oldest_first()
        wizard.action_allocate()
        partials = self.credit._get_client_allocations()
        self.assertEqual(len(partials), 2)
        partials.action_remove_client_allocation()
        self.assertResiduals([100.0, 50.0, 10.0])
        partials.browse().action_remove_client_allocation()

    def test_undo_from_the_wizard_in_every_order(self):
        """Case 4: the first, the middle and the last allocation undone first."""
        for first_undone in range(3):
            with self.subTest(first_undone=first_undone):
                wizard = self._open(credit=self.credit)
                for invoice, amount in (
                    (self.first, 61.11),
                    (self.second, 48.89),
                    (self.third, 10),
                ):
                    self._type(wizard, invoice, amount)
                wizard.action_allocate()
                self.assertResiduals([38.89, 1.11, 0.0])
                partials = list(self.credit._get_client_allocations().sorted("id"))
                partials.insert(0, partials.pop(first_undone))
                for partial in partials:
                    partial.action_remove_client_allocation()
                    self.assertLedgerAgrees(-40.0)
                self.assertResiduals([100.0, 50.0, 10.0])
                self.assertEqual(self._get_left(self.credit), 120.0)

    def test_refused_when_the_matching_is_no_clients(self):
        """A vendor's matching is undone from its journal items."""
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": self.partner_a.id,
                "invoice_date": self.today,
                "invoice_line_ids": [
                    Command.create({"name": "Piano", "price_unit": 50, "tax_ids": []})
                ],
            }
        )
        bill.action_post()
        self._register_payment(bill)
        partial = bill.line_ids.matched_debit_ids
        self.assertEqual(len(partial), 1)
        with self.assertRefused("no invoice or charge of a client"):
            partial.action_remove_client_allocation()
        own = self._allocate(self.credit, self.first, 40)
        own.action_remove_client_allocation()
        self.assertResiduals([100.0, 50.0, 10.0])
        self.assertEqual(bill.payment_state, "paid")

    def test_refused_when_a_stranger_opens_the_payment_wizard(self):
        """Neither does the wizard that receives money show another company's items."""
        other = self.setup_other_company(name="Second School")["company"]
        stranger = self._make_user(
            "payment_stranger",
            "client_account.group_client_account_officer",
            company=other,
            company_ids=[Command.set(other.ids)],
        )
        account = self._get_account(self.client)
        item = self._get_receivable(self.first)
        for user, shown in ((stranger, None), (self.officer, self.first.name)):
            for lines in (None, [Command.create({"debit_line_id": item.id})]):
                values = {"account_id": account.id, "amount": 10}
                if lines:
                    values["line_ids"] = lines
                wizards = self.env["client.account.payment"].with_user(user)
                if shown:
                    names = wizards.create(values).line_ids.mapped("document_name")
                    self.assertIn(shown, names)
                else:
                    with self.assertRaises(AccessError):
                        wizards.create(values)

    def test_payment_wizard_shows_nothing_of_another_clients_item(self):
        foreign = self._make_invoice(50, partner=self.other_client)
        wizard = (
            self.env["client.account.payment"]
            .with_user(self.officer)
            .create(
                {
                    "account_id": self.account.id,
                    "amount": 10,
                    "line_ids": [
                        Command.create({"debit_line_id": self._get_receivable(move).id})
                        for move in (foreign, self.first)
                    ],
                }
            )
        )
        self.assertEqual(
            wizard.line_ids.mapped("document_name"), [False, self.first.name]
        )
        self.assertEqual(wizard.line_ids.mapped("amount_open"), [0.0, 100.0])

    # === A tick beside each document ===

    def _open_form(self, **context):
        return Form(self.env["client.credit.allocation"].with_context(**context))

    def test_tick_fills_in_what_is_due_as_far_as_the_credit_goes(self):
        credit = self._get_receivable(self.credit).id
        with self._open_form(default_credit_line_id=credit) as form:
            for index, amount in ((0, 50.0), (1, 70.0), (2, 0.0)):
                with form.line_ids.edit(index) as line:
                    line.is_ticked = True
                    self.assertEqual(line.amount, amount)
                    self.assertEqual(line.is_ticked, bool(amount))
            with form.line_ids.edit(0) as line:
                line.is_ticked = False
                self.assertEqual(line.amount, 0.0)
            with form.line_ids.edit(2) as line:
                line.is_ticked = True
                self.assertEqual(line.amount, 10.0)
            self.assertEqual(form.amount_remaining, 40.0)
        form.record.action_allocate()
        self.assertResiduals([30.0, 50.0, 0.0])

    def test_tick_of_credits_for_an_invoice(self):
        self._issue_credit(20)
        debit = self._get_receivable(self.first).id
        with self._open_form(default_debit_line_id=debit) as form:
            for index in (0, 1):
                with form.line_ids.edit(index) as line:
                    line.is_ticked = True
            self.assertEqual(form.amount_remaining, 0.0)
        self.assertEqual(sum(form.record.line_ids.mapped("amount")), 100.0)

    # === Move ===

    def _give(self, move, amount, credit=None):
        return self._get_receivable(credit or self.credit)._allocate(
            self._get_receivable(move), amount
        )

    def _open_move(self, partial, user=None):
        action = partial.with_user(user or self.officer).action_move_client_allocation()
        return (
            self.env[action["res_model"]]
            .with_user(user or self.officer)
            .with_context(**action["context"])
            .create({})
        )

    def test_part_moves_to_another_invoice_in_one_step(self):
        partial = self._give(self.first, 100)
        wizard = self._open_move(partial)
        self.assertEqual(wizard.amount_open, 100.0)
        self.assertEqual(wizard.source_name, self.first.display_name)
        self.assertNotIn(self.first, wizard.sudo().line_ids.debit_line_id.move_id)
        self._type(wizard, self.second, 40)
        self.assertEqual(wizard.amount_remaining, 60.0)
        answer = wizard.action_allocate()
        self.assertResiduals([40.0, 10.0, 10.0])
        self.assertEqual(self._get_left(self.credit), 20.0)
        self.assertIn("moved from", answer["params"]["message"])
        self.assertEqual(wizard.action_allocate(), answer)
        self.assertResiduals([40.0, 10.0, 10.0])
        wizard.action_undo()
        self.assertResiduals([0.0, 50.0, 10.0])
        self.assertLedgerAgrees(-40.0)
        with self.assertRefused("nothing of this window left to undo"):
            wizard.action_undo()

    def test_part_moves_whole_from_a_credit_that_is_used_up(self):
        partial = self._give(self.first, 80)
        self._give(self.second, 40)
        wizard = self._open_move(partial)
        title = partial.action_move_client_allocation()["name"]
        self.assertEqual(wizard.action_oldest_first()["name"], title)
        self.assertEqual(
            {line.document_name: line.amount for line in wizard.line_ids},
            {self.second.name: 10.0, self.third.name: 10.0},
        )
        wizard.action_allocate()
        self.assertResiduals([40.0, 0.0, 0.0])
        self.assertEqual(self._get_left(self.credit), 0.0)

    def test_where_nothing_is_open_the_window_says_so(self):
        partial = self._give(self.first, 100)
        for invoice in (self.second, self.third):
            self._give(
                invoice,
                invoice.amount_residual,
                credit=self._issue_credit(invoice.amount_residual),
            )
        owing = self._make_invoice(25, partner=self.other_client)
        for wizard, words in (
            (self._open_move(partial), "No other invoice or charge"),
            (self._open(credit=self.credit), "No invoice or charge"),
            (self._open(invoice=owing), "No credit"),
        ):
            with self.subTest(words=words):
                self.assertIn(words, wizard.nothing_open)
                self.assertIn(wizard.partner_id.display_name, wizard.nothing_open)
                wizard.action_oldest_first()
                with self.assertRefused(words):
                    wizard.action_allocate()
        another = self._make_invoice(5)
        wizard = self._open_move(partial)
        self.assertFalse(wizard.nothing_open)
        self.assertEqual(wizard.line_ids.debit_line_id.move_id, another)
        wizard.search_text = "no such document"
        wizard._onchange_search_text()
        self.assertFalse(wizard.nothing_open)

    def test_no_more_moves_than_the_part_has(self):
        partial = self._give(self.first, 30)
        wizard = self._open_move(partial)
        self._type(wizard, self.second, 30.01)
        self.assertEqual(wizard.amount_remaining, -0.01)
        with self.assertRefused("30.01"), self.cr.savepoint():
            wizard.action_allocate()
        self.assertEqual(partial.exists().amount, 30.0)
        self.assertResiduals([70.0, 50.0, 10.0])

    def test_part_that_is_gone_or_anothers_is_refused(self):
        partial = self._give(self.first, 30)
        wizard = self._open_move(partial)
        self._type(wizard, self.second, 30)
        partial.action_remove_client_allocation()
        with self.assertRefused("Open the credit again"):
            wizard.action_allocate()
        other = self._issue_credit(30)
        partial = self._give(self.first, 30, credit=other)
        wizard = self._open(credit=self.credit, source_line_id=partial.debit_move_id.id)
        self._type(wizard, self.second, 10)
        with self.assertRefused("Open the credit again"):
            wizard.action_allocate()

    def test_viewer_moves_nothing(self):
        partial = self._give(self.first, 30)
        with self.assertRefused(exception=AccessError):
            partial.with_user(self.viewer).action_move_client_allocation()

    def test_foreign_part_moves_and_comes_back(self):
        eur = self.env.ref("base.EUR")
        eur.active = True
        self.env["res.currency.rate"].create(
            {
                "name": "2020-01-01",
                "rate": 0.8,
                "currency_id": eur.id,
                "company_id": self.company.id,
            }
        )
        first = self._make_invoice(40, currency_id=eur.id)
        second = self._make_invoice(32, currency_id=eur.id)
        partial = self._give(first, 40)
        wizard = self._open_move(partial)
        self._type(wizard, second, 12.5)
        wizard.action_allocate()
        self.assertEqual(first.amount_residual, 12.5)
        self.assertEqual(second.amount_residual, 19.5)
        wizard.action_undo()
        self.assertEqual(first.amount_residual, 0.0)
        self.assertEqual(second.amount_residual, 32.0)

    def test_nothing_of_other_clients_by_a_tick_or_a_source(self):
        other = self._make_invoice(77, partner=self.other_client)
        others = self._issue_credit(77, partner=self.other_client)
        wizard = self._open(credit=self.credit, user=self.officer)
        line = wizard.line_ids.new(
            {
                "allocation_id": wizard.id,
                "debit_line_id": self._get_receivable(other).id,
                "is_ticked": True,
            }
        )
        wizard._fill_line(line)
        self.assertFalse(line.amount)
        sister = self.setup_other_company(name="Sister")["company"]
        self._get_receivable(others)._allocate(self._get_receivable(other), 20)
        outsider = self._make_user(
            "allocation_outsider",
            "client_account.group_client_account_officer",
            company=sister,
        )
        windows = self.env["client.credit.allocation"].with_user(outsider)
        window = windows.new(
            {
                "credit_line_id": self._get_receivable(others).id,
                "source_line_id": self._get_receivable(other).id,
            }
        )
        with self.assertRefused(exception=AccessError):
            window.source_name.strip()
