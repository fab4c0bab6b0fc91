from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientAccountCommon

OFFICER = "client_account.group_client_account_officer"


@tagged("post_install", "-at_install")
class TestCallers(ClientAccountCommon):
    """What callers send: contexts, foreign records, dates and texts of any kind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user("callers_officer", OFFICER)
        cls.eur = cls.setup_other_currency("EUR", rates=[("2020-01-01", 0.5)])

    # === Contexts that bend Odoo's engine ===

    def test_rate_in_the_context_does_not_settle_a_foreign_invoice(self):
        invoice = self._make_invoice(1000, currency_id=self.eur.id)
        credit = self._get_receivable(self._issue_credit(1))
        bent = self.account.with_user(self.officer).with_context(
            forced_rate_from_register_payment=1000.0
        )
        self.assertEqual(bent.apply_credits(), 1.0)
        # 1.00 USD is 0.50 EUR.
        self.assertAlmostEqual(invoice.amount_residual, 999.5)
        self.assertEqual(credit.amount_residual, 0)

    def test_rate_in_the_context_does_not_stretch_an_allocation(self):
        invoice = self._make_invoice(1000, currency_id=self.eur.id)
        credit = self._get_receivable(self._issue_credit(1))
        wizards = self.env["client.credit.allocation"].with_user(self.officer)
        wizard = wizards.create({"credit_line_id": credit.id})
        wizard.line_ids.amount = 1000
        bent = wizard.with_context(forced_rate_from_register_payment=1000.0)
        with self.assertRefused("more than"):
            bent.action_allocate()
        wizard.line_ids.amount = 0.5
        bent.action_allocate()
        self.assertAlmostEqual(invoice.amount_residual, 999.5)

    def test_rate_in_the_context_does_not_bend_a_policy(self):
        self.account.credit_application = "all"
        invoice = self._make_invoice(1000, currency_id=self.eur.id)
        bent = self.account.with_user(self.officer).with_context(
            forced_rate_from_register_payment=1000.0
        )
        bent.issue_credit(1, "Class cancelled")
        self.assertAlmostEqual(invoice.amount_residual, 999.5)

    # === Records of others ===

    def _make_foreign_invoice(self):
        """Make an invoice of a client in a company the officer has no part in."""
        other = self.setup_other_company(name="Callers Company 2")["company"]
        return self._make_invoice(4321, partner=self.other_client, company_id=other.id)

    def test_payment_line_shows_nothing_of_a_foreign_item(self):
        item = self._get_receivable(self._make_foreign_invoice())
        own = self._get_receivable(self._make_invoice(40))
        wizards = self.env["client.account.payment"].with_user(self.officer)
        for shown in (item, own):
            wizard = wizards.create(
                {
                    "account_id": self.account.id,
                    "amount": 5,
                    "line_ids": [Command.create({"debit_line_id": shown.id})],
                }
            )
            line = wizard.line_ids
            expected = shown.move_id.name if shown == own else False
            self.assertEqual(line.document_name, expected)
            self.assertEqual(line.amount_open, 40 if shown == own else 0)

    def test_allocation_shows_nothing_of_an_item_that_is_no_receivable(self):
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": self.client.id,
                "invoice_date": self.today,
                "invoice_line_ids": [
                    Command.create({"name": "Rent", "price_unit": 777, "tax_ids": []})
                ],
            }
        )
        bill.action_post()
        payable = bill.line_ids.filtered(
            lambda line: line.account_type == "liability_payable"
        )
        credit = self._get_receivable(self._issue_credit(10))
        wizards = self.env["client.credit.allocation"].with_user(self.officer)
        hidden = wizards.create({"credit_line_id": payable.id})
        self.assertFalse(hidden.document_name)
        self.assertEqual(hidden.amount_open, 0)
        self.assertEqual(
            wizards.create({"credit_line_id": credit.id}).document_name,
            credit.move_id.name,
        )

    def test_adjustment_wizard_shows_nothing_of_a_document_that_is_none(self):
        wizards = self.env["client.account.adjustment"].with_user(self.officer)
        wizard = wizards.create({"move_id": self._make_invoice(40).id})
        self.assertEqual(wizard.allocated_amount, 0)
        with self.assertRefused("no posted adjustment"):
            wizard.action_confirm()

    def test_refusal_names_no_foreign_document(self):
        invoice = self._make_foreign_invoice()
        credit = self._get_receivable(self._issue_credit(10))
        with self.assertRaisesRegex(UserError, "same client") as refusal:
            credit._allocate(self._get_receivable(invoice), 1)
        self.assertNotIn(invoice.name, str(refusal.exception))
        self.assertNotIn(self.other_client.name, str(refusal.exception))

    def test_matching_without_client_is_not_undone_as_an_allocation(self):
        other = self.setup_other_company(name="Callers Company 3")["company"]
        receivable = self.env["account.account"].search(
            [("account_type", "=", "asset_receivable"), ("company_ids", "=", other.id)],
            limit=1,
        )
        entry = self.env["account.move"].create(
            {
                "company_id": other.id,
                "journal_id": self.env["account.journal"]
                .search([("type", "=", "general"), ("company_id", "=", other.id)])[:1]
                .id,
                "line_ids": [
                    Command.create({"account_id": receivable.id, "balance": amount})
                    for amount in (10, -10)
                ],
            }
        )
        entry.action_post()
        entry.line_ids.reconcile()
        partial = entry.line_ids.matched_debit_ids
        with self.assertRefused("no invoice or charge of a client"):
            partial.with_user(self.officer).action_remove_client_allocation()
        self.assertTrue(partial.exists())

    def test_exchange_difference_is_not_taken_off_alone(self):
        self.env["res.currency.rate"].create(
            {
                "currency_id": self.eur.id,
                "name": self.today,
                "rate": 1.0,
                "company_id": self.company.id,
            }
        )
        invoice = self._make_invoice(100)
        payment = self._make_payment(
            100, currency_id=self.eur.id, date=fields.Date.to_date("2021-01-01")
        )
        item = self._get_receivable(payment.move_id)
        item._allocate(self._get_receivable(invoice), 50)
        exchanges = item.matched_debit_ids - item.client_allocation_ids
        self.assertEqual(len(item.client_allocation_ids), 1)
        self.assertEqual(item.client_credit_assigned, invoice.name)
        for exchange in exchanges:
            with self.assertRefused("exchange difference"):
                exchange.action_remove_client_allocation()
        item.client_allocation_ids.action_remove_client_allocation()
        self.assertEqual(invoice.amount_residual, 100)

    def test_portal_user_reads_no_balance_from_an_own_invoice(self):
        portal = self._make_user("callers_portal", "base.group_portal")
        portal.partner_id.parent_id = self.client
        invoice = self._make_invoice(40)
        invoice.message_subscribe(portal.partner_id.ids)
        item = self._get_receivable(invoice).with_user(portal)
        self.assertEqual(item.read(["name"])[0]["id"], item.id)
        for name in (
            "client_history_balance",
            "client_credit_left",
            "client_credit_reason",
        ):
            with self.assertRaises(AccessError):
                item.read([name])
            with self.assertRaises(AccessError):
                item.web_read({name: {}})
        with self.assertRaises(AccessError):
            item.search([], order="client_credit_left")
        with self.assertRaises(AccessError):
            invoice.with_user(portal).read(["client_adjustment_key"])

    # === Values ===

    def test_refused_amounts_that_round_to_nothing(self):
        for amount in (1e-320, 1e-9, 5e-324):
            with self.assertRefused(self.client.name, "above zero"):
                self.account.issue_credit(amount, "Class cancelled")
        self.assertTrue(self.account.issue_credit(0.01, "Class cancelled"))

    def test_refused_dates_that_no_books_have(self):
        for date in (
            "0001-01-01",
            "9999-12-31",
            "2026-01-01zzzz",
            "2026-11-21 25:00:00",
            "２０２６-01-01",
            "20260101",
            20260101,
        ):
            with self.assertRefused(self.client.name, "is not a valid accounting date"):
                self.account.issue_credit(1, "Class cancelled", date=date)
            with self.assertRefused(self.client.name, "is not a valid accounting date"):
                self.account.charge(1, "Late", date_due=date)
        self.assertTrue(self.account.issue_credit(1, "Late", date="2026-01-01"))

    def test_refused_reason_without_anything_to_read(self):
        for reason in ("\u200b", "\u202e \u200d", "\x07"):
            with self.assertRefused(self.client.name, "reason"):
                self.account.issue_credit(1, reason)
        self.assertTrue(self.account.issue_credit(1, "🎹"))

    def test_key_of_a_deleted_adjustment_is_refused(self):
        first = self.account.issue_credit(5, "Class cancelled", key="deleted")
        again = self.account.issue_credit(5, "Class cancelled", key="deleted")
        self.assertEqual(first, again)
        self.env["account.move"].browse(first).action_client_adjustment_delete()
        with self.assertRefused("deleted", self.client.name):
            self.account.issue_credit(5, "Class cancelled", key="deleted")

    def test_several_or_no_accounts_are_refused_in_words(self):
        both = self.account | self._get_account(self.other_client)
        for accounts in (both, self.account.browse()):
            with self.assertRefused("Select one client only"):
                accounts.issue_credit(1, "Class cancelled")
            with self.assertRefused("Select one client only"):
                accounts.charge(1, "Late")
            with self.assertRefused("Select one client only"):
                accounts.action_receive_payment()

    def test_figures_are_searched_by_numbers_only(self):
        for value in ("abc", True, [1]):
            with self.assertRaisesRegex(UserError, "searched by numbers"):
                self.env["client.account"].search([("balance", ">", value)])
            with self.assertRaisesRegex(UserError, "searched by numbers"):
                self.env["res.partner"].search([("client_balance", ">", value)])
        self.assertTrue(self.env["client.account"].search([("balance", ">", -1)]))

    def test_payment_wizard_opens_without_a_client(self):
        wizard = self.env["client.account.payment"].new({})
        self.assertFalse(wizard.journal_id)

    def test_line_of_another_users_wizard_is_out_of_reach(self):
        self._make_invoice(40)
        credit = self._get_receivable(self._issue_credit(10))
        mine = self.env["client.credit.allocation"].create(
            {"credit_line_id": credit.id}
        )
        lines = self.env["client.credit.allocation.line"].with_user(self.officer)
        with self.assertRaises(AccessError):
            lines.create({"allocation_id": mine.id, "amount": 1})
        wizard = mine.with_user(self.officer).create({"credit_line_id": credit.id})
        self.assertTrue(lines.create({"allocation_id": wizard.id, "amount": 1}))


@tagged("post_install", "-at_install")
class TestForms(ClientAccountCommon):
    """What the screens do on their way to saving."""

    def test_editing_a_contact_keeps_its_policy(self):
        self.account.credit_application = "manual"
        self.env.user.group_ids += self.env.ref("base.group_partner_manager")
        with Form(self.client) as form:
            form.company_type = "company"
            form.company_type = "person"
            form.company_type = "company"
        self.assertEqual(self.account.credit_application, "manual")
        with Form(self.client) as form:
            form.client_credit_application = "all"
        self.assertEqual(self.account.credit_application, "all")

    def test_new_contact_has_no_account_until_something_is_decided(self):
        self.env.user.group_ids += self.env.ref("base.group_partner_manager")
        with Form(self.env["res.partner"]) as form:
            form.name = "Clara Choir"
        self.assertFalse(form.record.client_account_ids)
        with Form(form.record) as form:
            form.client_credit_application = "manual"
        self.assertEqual(form.record.client_account_ids.credit_application, "manual")

    def test_account_opens_for_a_viewer_who_may_read_no_items(self):
        self._make_invoice(40)
        viewer = self._make_user(
            "forms_viewer", "client_account.group_client_account_viewer"
        )
        [values] = self.account.with_user(viewer).read()
        self.assertEqual(values["balance"], -40)
        self.assertFalse(values["history_line_ids"])
        [values] = self.account.read(["history_line_ids", "debit_line_ids"])
        self.assertEqual(len(values["history_line_ids"]), 1)
        self.assertEqual(len(values["debit_line_ids"]), 1)

    def test_account_opens_with_items_of_a_branch_not_ticked(self):
        branch = self.env["res.company"].create(
            {"name": "Forms Branch", "parent_id": self.company.id}
        )
        self.env.user.company_ids += branch
        self._make_invoice(40)
        account = self.account.with_context(allowed_company_ids=branch.ids)
        [values] = account.read(["balance", "history_line_ids", "ledger_balance"])
        self.assertEqual(values["balance"], -40)
        self.assertEqual(values["ledger_balance"], -40)
        self.assertFalse(values["history_line_ids"])

    def test_typing_more_than_is_due_on_a_foreign_invoice_says_so(self):
        eur = self.setup_other_currency("EUR", rates=[("2020-01-01", 0.5)])
        invoice = self._make_invoice(100, currency_id=eur.id)
        for amount in (100, 50):
            self._make_payment(amount, currency_id=eur.id)
        wizard = self.env["client.credit.allocation"].create(
            {"debit_line_id": self._get_receivable(invoice).id}
        )
        for line, amount in zip(wizard.line_ids, (100, 10), strict=True):
            line.amount = amount
        self.assertIn("more than", wizard.problem)
        wizard.line_ids[1].amount = 0
        self.assertFalse(wizard.problem)
        self.assertEqual(wizard.amount_remaining, 0)

    def test_invoice_takes_the_taxes_of_the_clients_fiscal_position(self):
        tax = self.company_data["default_tax_sale"]
        position = self.env["account.fiscal.position"].create({"name": "Abroad"})
        untaxed = tax.copy(
            {
                "name": "Abroad",
                "amount": 0,
                "fiscal_position_ids": [Command.set(position.ids)],
                "original_tax_ids": [Command.set(tax.ids)],
            }
        )
        self.product_a.taxes_id = tax
        abroad = self._get_account(self.other_client)
        self.other_client.property_account_position_id = position
        wizard = self.env["client.account.adjustment"].create(
            {
                "account_ids": [Command.set((self.account | abroad).ids)],
                "kind": "charge",
                "document": "invoice",
                "product_id": self.product_a.id,
                "amount": 100,
                "reason": "Course book",
            }
        )
        self.assertEqual(wizard.tax_ids, tax)
        wizard.action_confirm()
        taxes = {
            move.partner_id: move.invoice_line_ids.tax_ids
            for move in self.env["account.move"].search(
                [("client_adjustment_reason", "=", "Course book")]
            )
        }
        self.assertEqual(taxes, {self.client: tax, self.other_client: untaxed})

    def test_paying_back_more_than_the_credit_wants_a_tick(self):
        """Case 9: what is paid back beyond the credit is owed."""
        self._make_payment(10)
        invoice = self._make_invoice(5)
        self.account.apply_credits()
        self.assertEqual(invoice.amount_residual, 0)
        wizard = self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "payment_type": "outbound",
                "amount": 10,
            }
        )
        self.assertTrue(wizard.exceeds_credit)
        with self.assertRefused(self.client.name, "Pay Back More"):
            wizard.action_confirm()
        wizard.pay_more = True
        wizard.action_confirm()
        self.assertRecordValues(
            self.account,
            [{"credit_available": 0.0, "amount_owed": 5.0, "balance": -5.0}],
        )

    def test_credit_is_not_offered_for_an_invoice_that_excludes_it(self):
        self._issue_credit(10)
        self.account.credit_application = "manual"
        self.product_a.client_not_payable_with_credit = True
        excluded = self._make_invoice(
            40,
            invoice_line_ids=[
                Command.create(
                    {
                        "product_id": self.product_a.id,
                        "price_unit": 40,
                        "tax_ids": [],
                    }
                )
            ],
        )
        self.assertFalse(excluded.client_credit_usable)
        with self.assertRefused(excluded.name, "not payable"):
            excluded.action_allocate_client_credit()
        plain = self._make_invoice(40)
        self.assertTrue(plain.client_credit_usable)
        self.assertTrue(plain.action_allocate_client_credit())

    def test_adjustment_deleted_by_a_reversal_is_open_no_more(self):
        move = self._issue_credit(10)
        self.assertTrue(move.client_adjustment_open)
        move._reverse_moves(cancel=True)
        self.assertFalse(move.client_adjustment_open)
        with self.assertRefused("deleted"):
            move.action_client_adjustment_modify()

    def test_window_says_which_instalment_it_is_about(self):
        self.account.credit_application = "manual"
        self._issue_credit(50)
        invoice = self._make_invoice(
            100, post=False, invoice_payment_term_id=self.pay_terms_b.id
        )
        invoice.invoice_payment_term_id = self.pay_terms_b
        invoice.action_post()
        context = invoice.action_allocate_client_credit()["context"]
        wizard = self.env["client.credit.allocation"].with_context(**context).create({})
        self.assertEqual(wizard.amount_open, 30)
        self.assertTrue(wizard.has_later_instalment)
        self.assertEqual(
            wizard.date_due, self._get_receivable(invoice)[0].date_maturity
        )
        context = self._make_invoice(40).action_allocate_client_credit()["context"]
        wizard = self.env["client.credit.allocation"].with_context(**context).create({})
        self.assertEqual(wizard.amount_open, 40)
        self.assertFalse(wizard.has_later_instalment)

    def test_oldest_first_plans_nothing_for_another_client(self):
        own = self._make_invoice(40)
        theirs = self._make_invoice(40, partner=self.other_client)
        wizard = self.env["client.credit.allocation"].create(
            {
                "credit_line_id": self._get_receivable(self._issue_credit(50)).id,
                "line_ids": [
                    Command.create({"debit_line_id": self._get_receivable(move).id})
                    for move in (theirs, own)
                ],
            }
        )
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.mapped("amount"), [0.0, 40.0])
