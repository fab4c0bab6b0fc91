from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestOffset(ClientAccountRequestCommon):
    """What a client owes set off against bills of the same contact."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_payable_offset = True
        cls.company.client_credit_application = "manual"
        cls.biller = cls._make_user("offset_biller", "account.group_account_invoice")
        cls.payable = cls.company_data["default_account_payable"]
        cls.receivable = cls.company_data["default_account_receivable"]

    @classmethod
    def _make_bill(cls, amount, partner=None, days=0, post=True, **values):
        """Make a bill without taxes, due some days from now."""
        bill = cls.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": (partner or cls.client).id,
                "invoice_date": cls.today - timedelta(days=60),
                "invoice_date_due": cls.today + timedelta(days=days),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Hall", "price_unit": amount, "tax_ids": []}
                    )
                ],
                **values,
            }
        )
        if post:
            bill.action_post()
        return bill

    def _set_off(self, amount=None, user=None):
        """Set off for the client and return the entry."""
        account = self.account.with_user(user or self.biller)
        move_id = account.set_off_bills(amount)
        self.assertIsInstance(move_id, int)
        self.env.invalidate_all()
        return self.env["account.move"].browse(move_id)

    def _open_window(self, user=None, **values):
        return (
            self.env["client.account.offset"]
            .with_user(user or self.biller)
            .create({"account_id": self.account.id, **values})
        )

    def _get_residuals(self, *moves):
        self.env.invalidate_all()
        return [move.amount_residual for move in moves]

    # === What is booked ===

    def test_one_entry_closes_both_sides(self):
        invoice = self._make_invoice(100)
        bill = self._make_bill(70, ref="F-2026/12")
        move = self._set_off()
        self.assertRecordValues(
            move,
            [
                {
                    "state": "posted",
                    "journal_id": self.company.client_adjustment_journal_id.id,
                    "partner_id": self.client.id,
                    "client_adjustment": "offset",
                    "client_adjustment_reason": "F-2026/12",
                    "client_account_credit": False,
                }
            ],
        )
        self.assertRecordValues(
            move.line_ids.sorted("balance"),
            [
                {
                    "account_id": self.receivable.id,
                    "partner_id": self.client.id,
                    "balance": -70,
                    "reconciled": True,
                },
                {
                    "account_id": self.payable.id,
                    "partner_id": self.client.id,
                    "balance": 70,
                    "reconciled": True,
                },
            ],
        )
        self.assertEqual(self._get_residuals(invoice, bill), [30, 0])
        self.assertEqual(self.account.balance, -30)
        self.assertEqual(self._get_ledger_balance(), -30)
        self.assertEqual(self.account.ledger_difference, 0)

    def test_earliest_due_first_in_exact_parts(self):
        late = self._make_invoice(60, date_due=self.today + timedelta(days=9))
        early = self._make_invoice(50, date_due=self.today - timedelta(days=9))
        last, first = self._make_bill(80, days=9), self._make_bill(45, days=-9)
        self._set_off(75)
        self.assertEqual(self._get_residuals(early, late), [0, 35])
        self.assertEqual(self._get_residuals(first, last), [0, 50])
        self._set_off(0.01)
        self.assertEqual(self._get_residuals(late, last), [34.99, 49.99])
        self._set_off()
        self.assertEqual(self._get_residuals(late, last), [0, 15])
        with self.assertRefused("nothing to set off for Ada Piano School"):
            self._set_off()

    def test_charges_and_many_accounts_in_one_entry(self):
        self.account.charge(20, "Book")
        self._make_invoice(30)
        other_receivable = self.copy_account(self.receivable)
        other_payable = self.copy_account(self.payable)
        self._make_bill(25)
        self.client.write(
            {
                "property_account_receivable_id": other_receivable.id,
                "property_account_payable_id": other_payable.id,
            }
        )
        self._make_invoice(15)
        self._make_bill(35)
        move = self._set_off()
        self.assertEqual(
            {line.account_id: line.balance for line in move.line_ids},
            {
                self.receivable: -50.0,
                other_receivable: -10.0,
                self.payable: 25.0,
                other_payable: 35.0,
            },
        )
        self.assertTrue(all(move.line_ids.mapped("reconciled")))
        self.assertEqual(self.account.balance, -5)

    def test_many_documents_of_contacts_of_the_client(self):
        contact = self.env["res.partner"].create(
            {"name": "Secretary", "parent_id": self.client.id}
        )
        for _number in range(5):
            self._make_invoice(10, partner=contact)
            self._make_bill(8, partner=contact)
        self.assertEqual(self._set_off().client_adjustment, "offset")
        self.assertEqual(self.account.balance, -10)

    def test_credit_is_no_debt(self):
        self._issue_credit(500)
        self._make_bill(70)
        with self.assertRefused("nothing to set off"):
            self._set_off()

    def test_only_posted_bills_of_the_same_contact(self):
        self._make_invoice(100)
        self._make_bill(70, post=False)
        self._make_bill(70, partner=self.other_client)
        self._make_bill(70).payment_state = "blocked"
        refund = self._make_bill(70, move_type="in_refund")
        self.assertEqual(refund.state, "posted")
        with self.assertRefused("nothing to set off"):
            self._set_off()
        self._make_bill(5)
        self._set_off()
        self.assertEqual(self.account.balance, -95)

    def test_what_is_passed_over_by_credit_is_passed_over(self):
        product = self.product_a
        product.client_not_payable_with_credit = True
        first = self._make_invoice(100, post=False)
        first.invoice_line_ids.product_id = product
        first.invoice_line_ids.write({"price_unit": 100, "tax_ids": [Command.clear()]})
        first.action_post()
        blocked = self._make_invoice(10)
        blocked.action_toggle_block_payment()
        self._make_bill(200)
        with self.assertRefused("nothing to set off"):
            self._set_off()

    def test_other_companies_are_left_alone(self):
        other = self.setup_other_company()["company"]
        other.client_payable_offset = True
        self._make_invoice(100)
        bill = (
            self.env["account.move"]
            .with_company(other)
            .create(
                {
                    "move_type": "in_invoice",
                    "partner_id": self.client.id,
                    "invoice_date": self.today,
                    "invoice_line_ids": [
                        Command.create(
                            {"name": "Hall", "price_unit": 70, "tax_ids": []}
                        )
                    ],
                }
            )
        )
        bill.action_post()
        self.assertEqual(bill.company_id, other)
        with self.assertRefused("nothing to set off"):
            self._set_off()

    # === Foreign currency ===

    def test_foreign_items_close_whole(self):
        self._set_rate("2020-01-01", 0.5)
        invoice = self._make_invoice(50, currency_id=self.eur.id)
        bill = self._make_bill(130)
        move = self._set_off()
        self.assertEqual(self._get_residuals(invoice, bill), [0, 30])
        items = move.line_ids.filtered(lambda line: line.currency_id == self.eur)
        self.assertRecordValues(items, [{"balance": -100, "amount_currency": -50}])
        self.assertTrue(all(move.line_ids.mapped("reconciled")))
        exchanges = self._get_receivable(invoice).matched_credit_ids.exchange_move_id
        self.assertFalse(exchanges)

    def test_foreign_items_that_do_not_close_are_left_out(self):
        self._set_rate("2020-01-01", 0.5)
        invoice = self._make_invoice(50, currency_id=self.eur.id)
        bill = self._make_bill(70)
        with self.assertRefused("nothing to set off", "Left out.*" + invoice.name):
            self._set_off()
        plain = self._make_invoice(40, date_due=self.today + timedelta(days=3))
        window = self._open_window()
        self.assertEqual(window.amount, 40)
        self.assertIn(invoice.name, window.note)
        window.action_confirm()
        self.assertEqual(self._get_residuals(invoice, plain, bill), [50, 0, 30])

    def test_foreign_items_on_both_sides_at_other_rates(self):
        self._set_rate("2020-01-01", 0.5)
        self._set_rate(self.today, 0.4)
        invoice = self._make_invoice(40, currency_id=self.eur.id)
        # Of sixty days ago, at 0.5.
        bill = self._make_bill(50, currency_id=self.eur.id)
        move = self._set_off()
        self.assertEqual(self._get_residuals(invoice, bill), [0, 0])
        self.assertEqual(sum(move.line_ids.mapped("debit")), 100)

    # === Refused ===

    def test_refused_amounts(self):
        self._make_invoice(100)
        self._make_bill(70)
        for amount in (0, -5, 0.001, 1e13, float("nan"), True, "40"):
            with self.subTest(amount=amount), self.assertRefused("Ada Piano School"):
                self._set_off(amount)
        with self.assertRefused("70.01 cannot be set off", "70.00 can"):
            self._set_off(70.01)
        self.assertEqual(self.account.balance, -100)
        self._set_off(False)
        self.assertEqual(self.account.balance, -30)

    def test_refused_where_the_company_does_not_allow_it(self):
        self._make_invoice(100)
        self._make_bill(70)
        self.company.client_payable_offset = False
        account = self.account.with_user(self.biller)
        self.assertFalse(account.can_set_off)
        for call in (account.set_off_bills, account.action_open_offset):
            with self.assertRefused("does not set bills off"):
                call()
        with self.assertRefused("does not set bills off"):
            self._open_window()

    def test_off_by_default_and_a_setting(self):
        other = self.setup_other_company()["company"]
        self.assertFalse(other.client_payable_offset)
        settings = self.env["res.config.settings"].create({})
        self.assertTrue(settings.client_payable_offset)
        settings.client_payable_offset = False
        settings.execute()
        self.assertFalse(self.company.client_payable_offset)
        admin = self._make_user("offset_admin", "base.group_erp_manager")
        with self.assertRaisesRegex(AccessError, "Only approvers"):
            self.company.with_user(admin).client_payable_offset = True

    def test_roles(self):
        self._make_invoice(100)
        self._make_bill(70)
        for user in (self.seller, self.viewer, self.officer, self.leader, self.portal):
            account = self.account.with_user(user)
            for call in (account.set_off_bills, account.action_open_offset):
                with self.subTest(user=user.login):
                    with self.assertRefused(exception=AccessError):
                        call()
            with self.assertRefused(exception=AccessError):
                self._open_window(user=user)
        for user in (self.officer, self.leader):
            self.assertFalse(self.account.with_user(user).can_set_off)
        self.assertTrue(self.account.with_user(self.biller).can_set_off)
        move = self._set_off()
        for user in (self.viewer, self.officer, self.leader):
            with self.assertRefused(exception=AccessError):
                move.with_user(user).action_client_adjustment_delete()
        move.with_user(self.biller).action_client_adjustment_delete()
        self.assertEqual(move.state, "cancel")

    def test_refused_to_a_biller_of_another_company(self):
        self._make_invoice(100)
        self._make_bill(70)
        other = self.setup_other_company()["company"]
        stranger = self._make_user(
            "offset_stranger", "account.group_account_invoice", company=other
        )
        with self.assertRefused(exception=AccessError):
            self.account.with_user(stranger).set_off_bills()

    def test_one_account_at_a_time(self):
        both = self.account | self._get_account(self.other_client)
        with self.assertRefused("Select one client only"):
            both.with_user(self.biller).set_off_bills()
        with self.assertRefused("Select one client only"):
            self.account.browse().with_user(self.biller).set_off_bills()

    def test_offered_where_both_sides_are_open(self):
        account = self.account.with_user(self.biller)
        self.assertFalse(account.can_set_off)
        bill = self._make_bill(70)
        self.env.invalidate_all()
        self.assertFalse(account.can_set_off)
        self._make_invoice(100)
        self.env.invalidate_all()
        self.assertTrue(account.can_set_off)
        self._set_off()
        self.assertFalse(account.can_set_off)
        self.assertEqual(bill.amount_residual, 0)

    # === What is told ===

    def test_chatter_and_histories_tell_it(self):
        self._make_invoice(100)
        self._make_bill(70, ref="F-2026/12")
        move = self._set_off()
        chatter = " ".join(self.account.message_ids.mapped("body"))
        self.assertRegex(chatter, f"70.00 set off with {move.name} against F-2026/12")
        self.assertRecordValues(
            self.account.history_line_ids[0],
            [
                {
                    "client_credit_source": "offset",
                    "client_credit_reason": "Set off against bills: F-2026/12",
                    "client_history_change": 70,
                }
            ],
        )
        words = "Set off against your bills: F-2026/12"
        statement = self.account._get_statement(self.today, self.today)
        self.assertEqual(statement["lines"][-1]["reason"], words)
        history = self.account.sudo()._get_portal_history()
        self.assertEqual(history["lines"][0]["reason"], words)

    # === Taking back ===

    def test_deleting_opens_both_sides(self):
        invoice, bill = self._make_invoice(100), self._make_bill(70)
        move = self._set_off()
        wizard = (
            self.env["client.account.deletion"]
            .with_user(self.biller)
            .create({"move_id": move.id})
        )
        self.assertIn("is no longer set off", wizard.summary)
        for document in (invoice, bill):
            self.assertIn(f"{document.name} is open again with", wizard.summary)
        self.assertFalse(wizard.is_allocated)
        wizard.action_delete()
        self.assertEqual(move.state, "cancel")
        self.assertEqual(self._get_residuals(invoice, bill), [100, 70])
        self.assertEqual(self.account.balance, -100)

    def test_deleted_by_a_reversal_where_the_books_are_locked(self):
        invoice, bill = self._make_invoice(100), self._make_bill(70)
        move = self._set_off()
        self.env.flush_all()
        for table, column in (("account_move", "id"), ("account_move_line", "move_id")):
            self.env.cr.execute(
                f"UPDATE {table} SET date = %s WHERE {column} = %s",
                [self.today - timedelta(days=1), move.id],
            )
        self.env.invalidate_all()
        self.company.sudo().fiscalyear_lock_date = self.today - timedelta(days=1)
        move.with_user(self.biller).action_client_adjustment_delete()
        self.assertEqual(move.state, "posted")
        self.assertTrue(move.reversal_move_ids)
        self.assertEqual(self._get_residuals(invoice, bill), [100, 70])
        self.assertEqual(self.account.balance, -100)

    def test_refused_to_take_a_part_off_or_change(self):
        invoice, bill = self._make_invoice(100), self._make_bill(70)
        move = self._set_off()
        for call in (
            self._get_receivable(
                invoice
            ).matched_credit_ids.action_remove_client_allocation,
            bill.line_ids.remove_move_reconcile,
            move.button_draft,
            move.button_cancel,
            move.action_client_adjustment_modify,
        ):
            with self.assertRefused("set off bills and stays as it is. Delete it"):
                call()
        self.assertEqual(self._get_residuals(invoice, bill), [30, 0])

    def test_window_books_once_and_undoes_it(self):
        invoice, bill = self._make_invoice(100), self._make_bill(70)
        action = self.account.with_user(self.biller).action_open_offset()
        form = Form(
            self.env["client.account.offset"]
            .with_user(self.biller)
            .with_context(**action["context"])
        )
        self.assertEqual(
            (form.amount_debts, form.amount_bills, form.amount), (100, 70, 70)
        )
        form.amount = 60
        self.assertRegex(form.preview, "now .*100.00 owed, then .*40.00 owed")
        window = form.save()
        answers = [window.action_confirm() for _time in range(3)]
        self.assertEqual(answers, [answers[0]] * 3)
        self.assertRegex(
            answers[0]["params"]["message"],
            "60.00 of Ada Piano School set off. Balance: .*40.00 owed",
        )
        self.assertEqual(self._get_residuals(invoice, bill), [40, 10])
        window.action_undo()
        self.assertEqual(self._get_residuals(invoice, bill), [100, 70])
        with self.assertRefused("nothing of this window left"):
            window.action_undo()

    def test_windows_are_their_maker_s(self):
        self._make_invoice(100)
        self._make_bill(70)
        colleague = self._make_user("offset_colleague", "account.group_account_invoice")
        window = self._open_window(amount=10)
        with self.assertRefused(exception=AccessError):
            window.with_user(colleague).action_confirm()
        window.action_confirm()
        self.assertEqual(self.account.balance, -90)

    def test_marks_are_rebuilt_from_the_books(self):
        self._make_invoice(100)
        self._make_bill(70, ref="F-2026/12")
        move = self._set_off()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET client_adjustment = NULL,"
            " client_adjustment_reason = NULL, client_account_credit = NULL"
            " WHERE id = %s",
            [move.id],
        )
        self.env.invalidate_all()
        move._rebuild_adjustments()
        self.assertRecordValues(
            move,
            [
                {
                    "client_adjustment": "offset",
                    "client_adjustment_reason": "F-2026/12",
                    "client_account_credit": False,
                }
            ],
        )
