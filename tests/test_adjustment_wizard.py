from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import format_date

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestAdjustmentWizard(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_account = cls._get_account(cls.other_client)
        cls.both = cls.account | cls.other_account
        cls.officer = cls._make_user(
            "officer", "client_account.group_client_account_officer"
        )

    def _make_wizard(self, accounts=None, **values):
        """Make a wizard that would issue a credit of 25 to each account."""
        return self.env["client.account.adjustment"].create(
            {
                "account_ids": [
                    Command.set((self.account if accounts is None else accounts).ids)
                ],
                "amount": 25,
                "reason": "Class cancelled",
                **values,
            }
        )

    def _get_moves(self, accounts=None):
        """Return the adjustments booked for these accounts, one per client."""
        return self.env["account.move"].search(
            [
                ("client_adjustment", "!=", False),
                ("partner_id", "in", (accounts or self.account).partner_id.ids),
            ],
            order="id",
        )

    def _lock_books(self):
        """Close the books up to the end of last month; return a day in there."""
        locked_until = self.today.replace(day=1) - timedelta(days=1)
        self.company.sudo().fiscalyear_lock_date = locked_until
        return locked_until - timedelta(days=3)

    def _count_queries(self, call):
        """Return how many queries a call makes, from an empty cache."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        call()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    # === Adjustment entries ===

    def test_credit_through_the_button_and_the_form(self):
        action = self.account.action_issue_credit()
        wizards = self.env[action["res_model"]].with_context(**action["context"])
        with Form(wizards) as form:
            self.assertEqual(form.kind, "credit")
            self.assertEqual(form.document, "entry")
            self.assertEqual(form.date, self.today)
            self.assertEqual(form.account_ids[:], self.account)
            form.amount = 45
            form.reason = "Teacher ill"
        result = form.record.action_confirm()
        self.assertEqual(
            result["params"]["next"]["type"], "ir.actions.act_window_close"
        )
        self.assertRecordValues(
            self._get_moves(),
            [
                {
                    "state": "posted",
                    "move_type": "entry",
                    "client_adjustment": "credit",
                    "client_adjustment_reason": "Teacher ill",
                    "client_account_credit": True,
                }
            ],
        )
        self.assertEqual(self.account.balance, 45)

    def test_charge_through_the_button_and_the_form(self):
        due = self.today + timedelta(days=7)
        action = self.account.action_charge()
        wizards = self.env[action["res_model"]].with_context(**action["context"])
        with Form(wizards) as form:
            form.amount = 45
            form.reason = "Window"
            form.date_due = due
        form.record.action_confirm()
        move = self._get_moves()
        self.assertRecordValues(
            move, [{"client_adjustment": "charge", "client_account_credit": False}]
        )
        self.assertEqual(self._get_receivable(move).date_maturity, due)
        self.assertEqual(self.account.balance, -45)

    def test_each_of_many_clients_gets_an_entry_of_its_own(self):
        self._make_wizard(self.both).action_confirm()
        self.assertRecordValues(
            self._get_moves(self.both).sorted(lambda move: move.partner_id.name),
            [
                {"partner_id": self.client.id, "amount_total": 25, "state": "posted"},
                {
                    "partner_id": self.other_client.id,
                    "amount_total": 25,
                    "state": "posted",
                },
            ],
        )
        self.assertEqual(self.both.mapped("balance"), [25, 25])

    def test_many_clients_are_charged_at_once(self):
        self._make_wizard(self.both, kind="charge").action_confirm()
        self.assertEqual(self.both.mapped("balance"), [-25, -25])

    def test_due_date_of_a_credit_is_ignored(self):
        self._make_wizard(date_due=self.today - timedelta(days=9)).action_confirm()
        self.assertEqual(
            self._get_receivable(self._get_moves()).date_maturity, self.today
        )

    def test_refused_without_a_client(self):
        wizard = self._make_wizard(self.account.browse())
        with self.assertRefused("Choose at least one client"):
            wizard.action_confirm()
        wizard.account_ids = self.account
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 25)

    def test_refused_for_accounts_of_two_companies(self):
        other = self._get_account(self.client, self.setup_other_company()["company"])
        for document in ("entry", "invoice"):
            wizard = self._make_wizard(self.account | other, document=document)
            with self.assertRefused("Ada Piano School", "one company"):
                wizard.action_confirm()
        self._make_wizard(other).action_confirm()
        self.assertEqual(other.balance, 25)

    def test_refused_when_the_due_date_lies_before_the_date(self):
        yesterday = self.today - timedelta(days=1)
        for document in ("entry", "invoice"):
            wizard = self._make_wizard(
                kind="charge",
                date_due=yesterday,
                document=document,
                product_id=self.product_a.id,
            )
            with (
                self.subTest(document=document),
                self.assertRefused("Ada Piano School", "due date"),
            ):
                wizard.action_confirm()
            wizard.date_due = self.today
            wizard.action_confirm()
        self.assertEqual(len(self._get_moves()), 2)

    def test_nobody_is_credited_when_one_client_is_refused(self):
        self.other_client.property_account_receivable_id = False
        self.env["ir.default"].sudo().search(
            [("field_id.name", "=", "property_account_receivable_id")]
        ).unlink()
        self.client.property_account_receivable_id = self.company_data[
            "default_account_receivable"
        ]
        wizard = self._make_wizard(self.both)
        with self.assertRefused("Bela Chess Club", "receivable account"):
            wizard.action_confirm()
        wizard.account_ids = self.account
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 25)

    def test_moved_date_is_said_by_the_wizard_and_in_the_chatter(self):
        asked = self._lock_books()
        action = self._make_wizard(self.both, date=asked).action_confirm()
        moves = self._get_moves(self.both)
        for move in moves:
            self.assertGreater(move.date, asked)
            self.assertIn(move.name, action["params"]["message"])
            chatter = " ".join(move.message_ids.mapped("body"))
            self.assertIn(format_date(self.env, asked), chatter)
        self.assertIn(format_date(self.env, moves[0].date), action["params"]["message"])
        self.assertEqual(
            action["params"]["next"]["type"], "ir.actions.act_window_close"
        )

    def test_moved_date_of_an_invoice_is_said_by_the_wizard(self):
        asked = self._lock_books()
        action = self._make_wizard(
            kind="charge", date=asked, document="invoice", product_id=self.product_a.id
        ).action_confirm()
        move = self._get_moves()
        self.assertGreater(move.date, asked)
        self.assertIn(format_date(self.env, move.date), action["params"]["message"])
        chatter = " ".join(move.message_ids.mapped("body"))
        self.assertIn(format_date(self.env, asked), chatter)

    def test_company_is_the_accounts_whatever_company_is_open(self):
        other = self.setup_other_company()["company"]
        wizards = self.env["client.account.adjustment"].with_context(
            allowed_company_ids=[other.id, self.company.id]
        )
        for document in ("entry", "invoice"):
            wizard = wizards.create(
                {
                    "account_ids": [Command.set(self.account.ids)],
                    "amount": 25,
                    "reason": "Class cancelled",
                    "document": document,
                    "product_id": self.product_a.id,
                }
            )
            self.assertEqual(wizard.company_id, self.company)
            wizard.action_confirm()
        moves = self._get_moves()
        self.assertEqual(len(moves), 2)
        self.assertEqual(moves.company_id, self.company)

    def test_hundreds_of_clients_take_few_queries_each(self):
        """The queries for each client are those of plain Odoo, or few more."""
        names = [{"name": f"Client {number}"} for number in range(170)]
        accounts = self._get_account(self.env["res.partner"].create(names))
        # The first call fills caches that all share.
        self._make_wizard(accounts[:10]).action_confirm()
        # Statistics that say these tables are empty, as after many rolled back tests,
        # lead Odoo's own query for the payments of entries through all pairs of items.
        self.env.cr.execute("ANALYZE account_move, account_move_line")
        few, many = (
            self._count_queries(self._make_wizard(batch).action_confirm)
            for batch in (accounts[10:40], accounts[40:170])
        )
        self.assertEqual(sum(accounts.mapped("balance")), 170 * 25)
        plain_few, plain_many = (
            self._count_queries(
                self._get_moves(accounts)[:size].copy({"partner_id": False})._post
            )
            for size in (30, 60)
        )
        plain = (plain_many - plain_few) / 30
        self.assertLessEqual((many - few) / 100, plain + 1)

    # === Credit notes and invoices ===

    def test_credit_note_has_the_product_and_its_taxes(self):
        with Form(
            self.env["client.account.adjustment"].with_context(
                **self.account.action_issue_credit()["context"]
            )
        ) as form:
            form.document = "invoice"
            form.product_id = self.product_a
            form.amount = 100
            form.reason = "Course cancelled"
            self.assertEqual(form.tax_ids[:], self.tax_sale_a)
            self.assertEqual(form.amount_total, 115)
        form.record.action_confirm()
        move = self._get_moves()
        self.assertRecordValues(
            move,
            [
                {
                    "move_type": "out_refund",
                    "state": "posted",
                    "amount_untaxed": 100,
                    "amount_tax": 15,
                    "amount_total": 115,
                    "invoice_date": self.today,
                    "client_adjustment": "credit",
                    "client_adjustment_reason": "Course cancelled",
                    "client_account_credit": True,
                }
            ],
        )
        self.assertRecordValues(
            move.invoice_line_ids,
            [{"product_id": self.product_a.id, "name": "Course cancelled"}],
        )
        self.assertEqual(self.account.balance, 115)

    def test_charge_with_a_product_is_an_invoice_due_on_its_due_date(self):
        due = self.today + timedelta(days=7)
        self._make_wizard(
            kind="charge",
            document="invoice",
            product_id=self.product_a.id,
            date_due=due,
        ).action_confirm()
        move = self._get_moves()
        self.assertRecordValues(
            move,
            [
                {
                    "move_type": "out_invoice",
                    "state": "posted",
                    "amount_total": 28.75,
                    "invoice_date_due": due,
                    "client_account_credit": False,
                }
            ],
        )
        self.assertEqual(self.account.balance, -28.75)

    def test_total_shows_taxes_for_documents_only(self):
        wizard = self._make_wizard(amount=100, product_id=self.product_a.id)
        self.assertEqual(wizard.amount_total, 100)
        wizard.document = "invoice"
        self.assertEqual(wizard.amount_total, 115)
        wizard.tax_ids = False
        self.assertEqual(wizard.amount_total, 100)
        wizard.action_confirm()
        self.assertEqual(self._get_moves().amount_total, 100)

    def test_total_is_that_of_the_document_under_global_rounding(self):
        """Case 48: 10.07 with 5 and 9.975 % is 11.57, not 11.58."""
        taxes = self.env["account.tax"].create(
            [
                {"name": f"{rate} %", "amount": rate, "company_id": self.company.id}
                for rate in (5, 9.975)
            ]
        )
        for method, total in (("round_globally", 11.57), ("round_per_line", 11.57)):
            self.company.tax_calculation_rounding_method = method
            for kind in ("credit", "charge"):
                with self.subTest(method=method, kind=kind):
                    wizard = self._make_wizard(
                        amount=10.07,
                        kind=kind,
                        document="invoice",
                        product_id=self.product_a.id,
                        tax_ids=[Command.set(taxes.ids)],
                    )
                    shown = wizard.amount_total
                    wizard.action_confirm()
                    move = self._get_moves()[-1]
                    self.assertEqual(shown, move.amount_total)
                    self.assertEqual(shown, total)

    def test_total_shows_before_a_client_is_chosen(self):
        with Form(self.env["client.account.adjustment"]) as form:
            form.document = "invoice"
            form.product_id = self.product_a
            form.amount = 10
            form.reason = "Class cancelled"
            self.assertEqual(form.amount_total, 11.5)

    def test_total_equals_the_document_with_a_tax_in_the_price(self):
        tax = self.tax_sale_a.copy(
            {"name": "Included", "price_include_override": "tax_included"}
        )
        wizard = self._make_wizard(
            amount=33.33, document="invoice", product_id=self.product_a.id
        )
        wizard.tax_ids = tax | self.tax_sale_b
        total = wizard.amount_total
        wizard.action_confirm()
        self.assertEqual(self._get_moves().amount_total, total)

    def test_refused_without_a_product_for_a_document(self):
        wizard = self._make_wizard(self.both, document="invoice")
        with self.assertRefused("product", "Ada Piano School", "Bela Chess Club"):
            wizard.action_confirm()
        wizard.product_id = self.product_a
        wizard.action_confirm()
        self.assertEqual(len(self._get_moves(self.both)), 2)

    def test_credit_note_of_another_client_each(self):
        self._make_wizard(
            self.both, document="invoice", product_id=self.product_a.id
        ).action_confirm()
        self.assertEqual(self.both.mapped("balance"), [28.75, 28.75])

    def test_document_is_changed_by_a_reset_and_not_by_the_wizard(self):
        self.client.property_payment_term_id = self.pay_terms_b
        self._make_wizard(
            kind="charge", document="invoice", product_id=self.product_a.id
        ).action_confirm()
        move = self._get_moves()
        self.assertEqual(len(self._get_receivable(move)), 2)
        context = move.action_client_adjustment_modify()["context"]
        wizards = self.env["client.account.adjustment"].with_context(**context)
        with self.assertRefused(move.name, "Reset it to draft"):
            wizards.create({"amount": 30}).action_confirm()
        wizards.create({"reason": "Other words"}).action_confirm()
        self.assertEqual(move.client_adjustment_reason, "Other words")
        self.assertRecordValues(
            move.invoice_line_ids, [{"name": "Other words", "price_unit": 25}]
        )
        self.assertEqual(
            move.line_ids.filtered("tax_line_id").mapped("name"), [self.tax_sale_a.name]
        )

    def test_credit_note_is_deleted(self):
        self._make_wizard(
            document="invoice", product_id=self.product_a.id
        ).action_confirm()
        move = self._get_moves()
        move.action_client_adjustment_delete()
        self.assertEqual(move.state, "cancel")
        self.assertEqual(self.account.balance, 0)

    # === Roles ===

    def test_officer_without_accounting_rights_uses_the_form(self):
        for document in ("entry", "invoice"):
            account = self.account.with_user(self.officer)
            context = account.action_issue_credit()["context"]
            wizards = self.env["client.account.adjustment"].with_user(self.officer)
            self.env.invalidate_all()
            with Form(wizards.with_context(**context)) as form:
                form.amount = 25
                form.reason = "Class cancelled"
                form.document = document
                if document == "invoice":
                    form.product_id = self.product_a
            form.record.action_confirm()
        self.assertEqual(self.account.balance, 25 + 28.75)

    def test_refused_to_whoever_is_no_officer(self):
        viewer = self._make_user("viewer", "client_account.group_client_account_viewer")
        account = self.account.with_user(viewer)
        wizard = self._make_wizard()
        for call in (
            account.action_issue_credit,
            account.action_charge,
            lambda: wizard.with_user(viewer).action_confirm(),
            lambda: wizard.with_user(viewer).create(
                {"account_ids": [Command.set(account.ids)], "amount": 5}
            ),
        ):
            with self.assertRefused(exception=AccessError):
                call()
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 25)

    def test_refused_to_confirm_the_wizard_of_another_officer(self):
        wizard = self._make_wizard()
        self.env.invalidate_all()
        with self.assertRefused(exception=AccessError):
            wizard.with_user(self.officer).action_confirm()
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 25)

    def test_refused_for_an_account_of_a_company_out_of_reach(self):
        other = self._get_account(self.client, self.setup_other_company()["company"])
        wizards = self.env["client.account.adjustment"].with_user(self.officer)
        values = {"amount": 25, "reason": "Class cancelled"}
        with self.assertRefused(exception=AccessError):
            wizards.create(
                {**values, "account_ids": [Command.set(other.ids)]}
            ).action_confirm()
        wizards.create(
            {**values, "account_ids": [Command.set(self.account.ids)]}
        ).action_confirm()
        self.assertRecordValues(self.account | other, [{"balance": 25}, {"balance": 0}])

    # === Reasons to choose from ===

    def test_chosen_reason_fills_the_text_and_is_kept(self):
        cancelled, goodwill = self.env["client.adjustment.reason"].create(
            [{"name": "Cancelled class"}, {"name": "Goodwill"}]
        )
        action = self.account.action_issue_credit()
        form = Form(self.env[action["res_model"]].with_context(**action["context"]))
        form.amount = 45
        form.reason_id = cancelled
        self.assertEqual(form.reason, "Cancelled class")
        form.reason_id = goodwill
        self.assertEqual(form.reason, "Goodwill")
        form.reason = "Goodwill after the flood"
        form.reason_id = cancelled
        self.assertEqual(form.reason, "Goodwill after the flood")
        form.save().action_confirm()
        move = self._get_moves()
        self.assertEqual(move.client_adjustment_reason_id, cancelled)
        self.assertEqual(move.client_adjustment_reason, "Goodwill after the flood")
        window = Form(
            self.env["client.account.adjustment"].with_context(
                **move.action_client_adjustment_modify()["context"]
            )
        )
        self.assertEqual(window.reason_id, cancelled)
        window.reason_id = goodwill
        window.save().action_confirm()
        self.assertEqual(move.client_adjustment_reason_id, goodwill)
        with self.assertRaises(UserError):
            move.sudo(False).client_adjustment_reason_id = cancelled
        groups = self.env["account.move"]._read_group(
            [("client_adjustment", "!=", False), ("id", "in", move.ids)],
            ["client_adjustment_reason_id", "create_uid"],
            ["amount_total:sum"],
        )
        self.assertEqual(groups, [(goodwill, self.env.user, 45.0)])

    def test_reasons_are_the_approvers_to_keep_and_of_their_company(self):
        reasons = self.env["client.adjustment.reason"]
        officer = self._make_user(
            "reason_officer", "client_account.group_client_account_officer"
        )
        approver = self._make_user(
            "reason_approver", "client_account.group_client_account_approver"
        )
        with self.assertRaises(AccessError):
            reasons.with_user(officer).create({"name": "Mine"})
        other = self.setup_other_company()["company"]
        reason = reasons.create({"name": "Theirs", "company_id": other.id})
        self.assertNotIn(reason, reasons.with_user(officer).search([]))
        self.assertTrue(reasons.with_user(approver).create({"name": "Ours"}))
        with self.assertRaises(UserError):
            self._make_wizard(self.account, reason_id=reason.id)
