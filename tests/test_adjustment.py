from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import format_date, mute_logger

from .common import ClientAccountCommon


class AdjustmentCommon(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.journal = cls.company.client_adjustment_journal_id
        cls.locked_until = cls.today.replace(day=1) - timedelta(days=1)
        cls.locked_date = cls.locked_until - timedelta(days=3)
        cls.officer = cls._make_user(
            "officer", "client_account.group_client_account_officer"
        )

    @classmethod
    def _charge(cls, amount, reason="Broken window", **values):
        """Charge the client an amount and return its entry."""
        return cls.env["account.move"].browse(
            cls.account.charge(amount, reason, **values)
        )

    def _lock_books(self):
        """Close the books up to the end of last month."""
        self.company.sudo().fiscalyear_lock_date = self.locked_until

    def _get_chatter(self, record):
        """Return all that the chatter of a record says."""
        return " ".join(record.sudo().message_ids.mapped("body"))


@tagged("post_install", "-at_install")
class TestAdjustment(AdjustmentCommon):
    # === What is booked ===

    def test_credit_is_booked_against_the_credit_account(self):
        move = self._issue_credit(45, reason="Class of Monday cancelled")
        self.assertRecordValues(
            move,
            [
                {
                    "state": "posted",
                    "move_type": "entry",
                    "journal_id": self.journal.id,
                    "company_id": self.company.id,
                    "date": self.today,
                    "partner_id": self.client.id,
                    "client_adjustment": "credit",
                    "client_adjustment_reason": "Class of Monday cancelled",
                    "client_adjustment_key": False,
                    "client_account_credit": True,
                }
            ],
        )
        self.assertRecordValues(
            move.line_ids.sorted("balance"),
            [
                {
                    "account_id": self.company_data["default_account_receivable"].id,
                    "partner_id": self.client.id,
                    "balance": -45,
                    "amount_residual": -45,
                },
                {
                    "account_id": self.company.client_credit_account_id.id,
                    "partner_id": self.client.id,
                    "balance": 45,
                    "amount_residual": 0,
                },
            ],
        )
        self.assertEqual(self.account.balance, 45)
        self.assertEqual(self._get_ledger_balance(), 45)

    def test_charge_is_booked_against_the_charge_account(self):
        move = self._charge(30, reason="Broken window")
        self.assertRecordValues(
            move.line_ids.sorted("balance"),
            [
                {
                    "account_id": self.company.client_charge_account_id.id,
                    "balance": -30,
                },
                {
                    "account_id": self.company_data["default_account_receivable"].id,
                    "balance": 30,
                },
            ],
        )
        self.assertRecordValues(
            move,
            [
                {
                    "state": "posted",
                    "journal_id": self.journal.id,
                    "client_adjustment": "charge",
                    "client_account_credit": False,
                }
            ],
        )
        self.assertRecordValues(self.account, [{"balance": -30, "amount_owed": 30}])

    def test_reason_stands_on_the_entry_and_in_the_history(self):
        move = self._issue_credit(45, reason="  Teacher was ill\nReplaced in May  ")
        self.assertEqual(
            move.client_adjustment_reason, "Teacher was ill\nReplaced in May"
        )
        self.assertEqual(move.ref, "Teacher was ill")
        history = self.account.history_line_ids
        self.assertRecordValues(
            history,
            [{"client_credit_reason": "Teacher was ill", "client_history_change": 45}],
        )

    def test_charge_is_due_on_its_due_date(self):
        due = self.today + timedelta(days=14)
        move = self._charge(30, date_due=due)
        self.assertEqual(self._get_receivable(move).date_maturity, due)
        self.assertEqual(move.date, self.today)
        self.assertEqual(self.account.amount_overdue, 0)

    def test_charge_without_due_date_is_due_on_its_date(self):
        yesterday = self.today - timedelta(days=1)
        move = self._charge(30, date=yesterday)
        self.assertEqual(self._get_receivable(move).date_maturity, yesterday)
        self.assertEqual(self.account.amount_overdue, 30)

    def test_refused_when_due_date_lies_before_the_date(self):
        yesterday = self.today - timedelta(days=1)
        with self.assertRefused("Ada Piano School", format_date(self.env, self.today)):
            self.account.charge(30, "Window", date_due=yesterday)
        with self.assertRefused("Ada Piano School"):
            self.account.charge(
                30, "Window", date=self.today + timedelta(days=2), date_due=self.today
            )
        self.assertTrue(
            self.account.charge(30, "Window", date=yesterday, date_due=yesterday)
        )

    def test_dates_may_come_as_text(self):
        move = self._charge(30, date="2020-02-29", date_due="2020-03-31")
        self.assertEqual(move.date, fields.Date.to_date("2020-02-29"))
        self.assertEqual(
            self._get_receivable(move).date_maturity, fields.Date.to_date("2020-03-31")
        )

    def test_date_in_the_future_is_kept_and_posted(self):
        future = self.today + timedelta(days=40)
        for move in (
            self._issue_credit(10, date=future),
            self._charge(10, date=future),
        ):
            self.assertRecordValues(move, [{"date": future, "state": "posted"}])

    def test_date_in_a_locked_period_is_moved_and_said_so(self):
        self._lock_books()
        move = self._issue_credit(45, date=self.locked_date)
        self.assertGreater(move.date, self.locked_until)
        self.assertLessEqual(move.date, self.today)
        chatter = self._get_chatter(move)
        self.assertIn(format_date(self.env, self.locked_date), chatter)
        self.assertIn(format_date(self.env, move.date), chatter)

    def test_date_in_an_open_period_is_kept_in_silence(self):
        move = self._issue_credit(45, date=self.locked_date)
        self.assertEqual(move.date, self.locked_date)
        self.assertNotIn(
            format_date(self.env, self.locked_date), self._get_chatter(move)
        )

    # === Whose receivable, which company ===

    def test_credit_goes_to_the_clients_own_receivable_account(self):
        receivable = self.copy_account(self.company_data["default_account_receivable"])
        self.client.property_account_receivable_id = receivable
        move = self._issue_credit(45)
        self.assertEqual(self._get_receivable(move).account_id, receivable)
        self.assertEqual(self._get_receivable(self._charge(5)).account_id, receivable)

    def test_contact_shares_the_account_of_its_company(self):
        contact = self.env["res.partner"].create(
            {"name": "Secretary", "parent_id": self.client.id, "type": "invoice"}
        )
        move = self._issue_credit(45, partner=contact)
        self.assertEqual(move.partner_id, self.client)
        self.assertEqual(move.line_ids.partner_id, self.client)
        self.assertEqual(self.account.balance, 45)

    def test_entry_is_in_the_accounts_company_whatever_company_is_open(self):
        other = self.setup_other_company()["company"]
        account = self.account.with_context(
            allowed_company_ids=[other.id, self.company.id]
        )
        self.assertEqual(account.env.company, other)
        move = self.env["account.move"].browse(account.issue_credit(45, "Cancelled"))
        self.assertEqual(move.company_id, self.company)
        self.assertEqual(move.journal_id, self.journal)
        self.assertEqual(
            self._get_receivable(move).account_id,
            self.company_data["default_account_receivable"],
        )
        self.assertEqual(self._get_account(self.client, other).balance, 0)
        self.assertEqual(self.account.balance, 45)

    def test_each_company_books_in_its_own_journal_and_currency(self):
        other = self.setup_other_company(
            currency_id=self.setup_other_currency("EUR").id
        )["company"]
        account = self._get_account(self.client, other)
        move = self.env["account.move"].browse(account.issue_credit(45, "Cancelled"))
        self.assertRecordValues(
            move,
            [
                {
                    "company_id": other.id,
                    "journal_id": other.client_adjustment_journal_id.id,
                    "currency_id": self.env.ref("base.EUR").id,
                }
            ],
        )
        self.assertEqual(account.balance, 45)
        self.assertEqual(self.account.balance, 0)

    def test_refused_to_an_officer_without_the_accounts_company(self):
        other = self.setup_other_company()["company"]
        stranger = self._make_user(
            "stranger", "client_account.group_client_account_officer", company=other
        )
        account = self.account.with_user(stranger).with_context(
            allowed_company_ids=other.ids
        )
        with self.assertRefused(exception=AccessError):
            account.issue_credit(45, "Cancelled")
        stranger.company_ids += self.company
        account = account.with_context(allowed_company_ids=[other.id, self.company.id])
        self.assertTrue(account.issue_credit(45, "Cancelled"))

    def test_branch_shares_the_account_of_its_root(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        self.assertEqual(self._get_account(self.client, branch), self.account)
        clerk = self._make_user(
            "clerk", "client_account.group_client_account_officer", company=branch
        )
        account = self.account.with_user(clerk).with_context(
            allowed_company_ids=branch.ids
        )
        move = self.env["account.move"].browse(account.issue_credit(45, "Cancelled"))
        self.assertRecordValues(
            move, [{"company_id": self.company.id, "journal_id": self.journal.id}]
        )
        self.assertEqual(self.account.balance, 45)

    # === Roles ===

    def test_refused_to_whoever_is_no_officer(self):
        for login, groups in (
            ("employee", "base.group_user"),
            ("viewer", "client_account.group_client_account_viewer"),
            ("guest", "base.group_portal"),
        ):
            account = self.account.with_user(self._make_user(login, groups))
            for call in (account.issue_credit, account.charge):
                with self.subTest(login=login, call=call.__name__):
                    with self.assertRefused(exception=AccessError):
                        call(45, "Cancelled")

    def test_officer_needs_no_accounting_right(self):
        account = self.account.with_user(self.officer)
        self.assertFalse(self.officer.has_group("account.group_account_invoice"))
        self.assertIsInstance(account.issue_credit(45, "Cancelled"), int)
        self.assertIsInstance(account.charge(15, "Window"), int)
        self.assertEqual(self.account.balance, 30)

    def test_one_account_at_a_time(self):
        both = self.account | self._get_account(self.other_client)
        with self.assertRefused("Select one client only"):
            both.issue_credit(45, "Cancelled")
        with self.assertRefused("Select one client only"):
            self.account.browse().charge(45, "Window")
        self.assertTrue(self.account.charge(45, "Window"))

    def test_refused_when_the_company_has_no_journal_or_account(self):
        self.company.client_credit_account_id = False
        with self.assertRaisesRegex(Exception, "has no journal or account"):
            self.account.issue_credit(45, "Cancelled")
        self.assertTrue(self.account.charge(45, "Window"))

    # === Marks of adjustments ===

    def test_refused_to_mark_a_document_as_an_adjustment_by_hand(self):
        move = self._make_invoice(10, post=False)
        for vals in (
            {"client_adjustment": "credit"},
            {"client_account_credit": True},
            {"client_adjustment_key": "stolen"},
            {"client_adjustment_reason": "Because"},
        ):
            with self.assertRefused("client's account"):
                move.write(vals)
            with self.assertRefused("client's account"):
                self._make_invoice(10, post=False, **vals)
        marked = self.env["account.move"].with_context(
            default_client_adjustment="credit", default_client_account_credit=True
        )
        self.assertRecordValues(
            marked.create({"move_type": "entry"}),
            [{"client_adjustment": False, "client_account_credit": False}],
        )

    def test_copy_of_an_adjustment_is_none(self):
        move = self._issue_credit(45, key="class-1")
        self.assertRecordValues(
            move.copy(),
            [
                {
                    "client_adjustment": False,
                    "client_adjustment_key": False,
                    "client_account_credit": False,
                }
            ],
        )


@tagged("post_install", "-at_install")
class TestAdjustmentKey(AdjustmentCommon):
    def test_key_used_twice_books_once_and_answers_the_first(self):
        """Case 26: the same key twice is one entry."""
        first = self.account.issue_credit(45, "Cancelled", key="class-1")
        booked = self._get_books()
        self.assertEqual(
            self.account.issue_credit(45, "Cancelled", key="class-1"), first
        )
        self.assertEqual(
            self.account.issue_credit(45.0, " Cancelled ", key=" class-1 "), first
        )
        self.assertEqual(self._get_books(), booked)
        self.assertEqual(self.account.balance, 45)

    def test_key_of_a_charge_used_twice_books_once(self):
        """Case 26, for charges with dates."""
        dates = {"date": self.today, "date_due": self.today + timedelta(days=9)}
        first = self.account.charge(45, "Window", key="w", **dates)
        self.assertEqual(self.account.charge(45, "Window", key="w", **dates), first)
        self.assertEqual(self.account.balance, -45)

    def test_repeat_by_another_officer_answers_the_first(self):
        first = self.account.issue_credit(45, "Cancelled", key="class-1")
        account = self.account.with_user(self.officer)
        self.assertEqual(account.issue_credit(45, "Cancelled", key="class-1"), first)

    def test_different_keys_book_different_entries(self):
        first = self.account.issue_credit(45, "Cancelled", key="class-1")
        self.assertNotEqual(
            self.account.issue_credit(45, "Cancelled", key="class-2"), first
        )
        self.assertEqual(self.account.balance, 90)

    def test_no_key_books_every_time(self):
        for nothing in ({}, {"key": None}, {"key": False}):
            self.account.issue_credit(45, "Cancelled", **nothing)
        self.assertEqual(self.account.balance, 135)

    def test_refused_when_a_key_comes_with_other_values(self):
        """Case 26: the same key with another value is an error that says so."""
        other = self._get_account(self.other_client)
        day = self.today - timedelta(days=1)
        given = {"amount": 45, "reason": "Cancelled", "date": day, "key": "class-1"}
        first = self.env["account.move"].browse(self.account.issue_credit(**given))
        for call in (
            lambda: self.account.issue_credit(**dict(given, amount=45.01)),
            lambda: self.account.issue_credit(**dict(given, reason="Moved")),
            lambda: self.account.issue_credit(**dict(given, date=self.today)),
            lambda: self.account.charge(**given),
            lambda: other.issue_credit(**given),
        ):
            with self.assertRefused("class-1", first.name, "other values"):
                call()
        self.assertEqual(self.account.issue_credit(**given), first.id)

    def test_refused_when_the_key_of_a_charge_comes_with_another_due_date(self):
        due = self.today + timedelta(days=9)
        first = self.account.charge(45, "Window", date_due=due, key="w")
        with self.assertRefused("other values"):
            self.account.charge(45, "Window", date_due=due + timedelta(days=1), key="w")
        self.assertEqual(
            self.account.charge(45, "Window", date_due=due, key="w"), first
        )

    def test_repeat_after_the_lock_was_lifted_answers_the_first(self):
        """Case 46: what was asked is compared, not what Odoo made of it."""
        self._lock_books()
        given = {"amount": 45, "reason": "Cancelled", "key": "class-1"}
        first = self.account.issue_credit(date=self.locked_date, **given)
        move = self.env["account.move"].browse(first)
        self.assertGreater(move.date, self.locked_date)
        self.company.sudo().fiscalyear_lock_date = False
        same = self.account.issue_credit(date=self.locked_date, **given)
        self.assertEqual(same, first)
        with self.assertRefused("class-1", "other values"):
            self.account.issue_credit(date=self.locked_date, **dict(given, amount=46))
        with self.assertRefused("class-1", "other values"):
            self.account.issue_credit(date=move.date, **given)

    def test_repeat_of_a_charge_whose_date_was_moved_past_its_due_date(self):
        """Case 46, with the due date that was asked for."""
        self._lock_books()
        given = {
            "amount": 45,
            "reason": "Window",
            "date": self.locked_date,
            "date_due": self.locked_date + timedelta(days=1),
            "key": "w",
        }
        first = self.account.charge(**given)
        self.company.sudo().fiscalyear_lock_date = False
        self.assertEqual(self.account.charge(**given), first)
        with self.assertRefused("other values"):
            self.account.charge(**dict(given, date_due=self.today))

    def test_repeat_after_the_adjustment_was_modified_answers_the_first(self):
        """What was asked has not changed."""
        given = {"amount": 45, "reason": "Cancelled", "key": "class-1"}
        first = self.account.issue_credit(**given)
        move = self.env["account.move"].browse(first)
        action = move.action_client_adjustment_modify()
        wizard = self.env[action["res_model"]].with_context(**action["context"])
        wizard.create({"amount": 40, "reason": "Moved"}).action_confirm()
        self.assertEqual(self.account.issue_credit(**given), first)
        self.assertEqual(self.account.balance, 40)

    def test_a_locked_date_moves_to_the_end_of_the_first_open_month(self):
        """As `issue_credit` promises it: Odoo's own rule."""
        self.company.sudo().fiscalyear_lock_date = "2025-01-10"
        self._issue_credit(1, date="2025-02-01")
        move = self._issue_credit(45, date="2025-01-05")
        self.assertEqual(move.date, fields.Date.to_date("2025-01-31"))

    def test_repeat_of_a_date_that_was_moved_answers_the_first(self):
        self._lock_books()
        given = {"date": self.locked_date, "key": "class-1"}
        first = self.account.issue_credit(45, "Cancelled", **given)
        self.assertEqual(self.account.issue_credit(45, "Cancelled", **given), first)

    def test_key_in_another_company_is_another_entry(self):
        other = self.setup_other_company()["company"]
        first = self.account.issue_credit(45, "Cancelled", key="class-1")
        account = self._get_account(self.client, other)
        second = account.issue_credit(45, "Cancelled", key="class-1")
        self.assertNotEqual(second, first)
        self.assertEqual(account.issue_credit(45, "Cancelled", key="class-1"), second)
        self.assertEqual(self.account.balance, 45)

    def test_refused_when_a_key_is_blank_or_no_text(self):
        for key in ("", "   ", "\n", 7, 0, True, ["a"], [], b"a", "x" * 201, "a\x00b"):
            with self.subTest(key=key):
                with self.assertRefused("Ada Piano School", "key"):
                    self.account.issue_credit(5, "Cancelled", key=key)
        self.assertTrue(self.account.issue_credit(5, "Cancelled", key="x" * 200))

    def test_unique_index_backs_the_key(self):
        first = self._issue_credit(45, key="class-1")
        second = self._issue_credit(45, key="class-2")
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"):
            second.sudo().client_adjustment_key = "class-1"
            self.env.flush_all()
        second.sudo().client_adjustment_key = "class-3"
        self.env.flush_all()
        self.assertEqual(first.client_adjustment_key, "class-1")

    def test_bad_values_are_refused_before_the_key_is_looked_up(self):
        self.account.issue_credit(45, "Cancelled", key="class-1")
        with self.assertRefused("above zero"):
            self.account.issue_credit(-45, "Cancelled", key="class-1")


@tagged("post_install", "-at_install")
class TestAdjustmentModify(AdjustmentCommon):
    def _open_modify(self, move, **values):
        """Open the wizard that modifies an adjustment, as its button does."""
        action = move.action_client_adjustment_modify()
        return (
            self.env[action["res_model"]]
            .with_context(**action["context"])
            .create(values)
        )

    def _modify(self, move, **values):
        """Modify an adjustment through the wizard."""
        return self._open_modify(move, **values).action_confirm()

    def test_wizard_starts_from_the_adjustment(self):
        due = self.today + timedelta(days=9)
        move = self._charge(45, reason="Window", date_due=due)
        with Form(
            self.env["client.account.adjustment"].with_context(
                **move.action_client_adjustment_modify()["context"]
            )
        ) as form:
            self.assertEqual(form.kind, "charge")
            self.assertEqual(form.amount, 45)
            self.assertEqual(form.reason, "Window")
            self.assertEqual(form.date, self.today)
            self.assertEqual(form.date_due, due)
            self.assertEqual(form.account_ids[:], self.account)
        form.record.action_confirm()
        self.assertRecordValues(move, [{"amount_total": 45, "state": "posted"}])

    def test_amount_of_a_credit_changes(self):
        move = self._issue_credit(45)
        number = move.name
        self._modify(move, amount=60)
        self.assertRecordValues(move, [{"state": "posted", "name": number}])
        self.assertEqual(self._get_receivable(move).balance, -60)
        self.assertEqual(self.account.balance, 60)

    def test_amount_of_a_charge_changes(self):
        move = self._charge(45)
        self._modify(move, amount=20.5)
        self.assertEqual(self._get_receivable(move).balance, 20.5)
        self.assertEqual(self.account.balance, -20.5)

    def test_reason_changes_without_touching_the_allocation(self):
        invoice = self._make_invoice(30)
        move = self._issue_credit(45)
        partial = self._get_receivable(move)._allocate(
            self._get_receivable(invoice), 30
        )
        self._modify(move, reason="Teacher ill\nsecond line")
        self.assertEqual(partial.exists(), partial)
        self.assertRecordValues(
            move,
            [
                {
                    "client_adjustment_reason": "Teacher ill\nsecond line",
                    "ref": "Teacher ill",
                    "state": "posted",
                }
            ],
        )
        self.assertEqual(self._get_receivable(move).client_credit_reason, "Teacher ill")

    def test_date_changes_to_another_period(self):
        for day in (self.locked_date, self.today - timedelta(days=400)):
            move = self._issue_credit(45)
            self._modify(move, date=day)
            self.assertRecordValues(move, [{"state": "posted", "date": day}])
            self.assertTrue(move._sequence_matches_date())
            self.assertEqual(self._get_receivable(move).date_maturity, day)

    def test_date_changed_within_the_period_keeps_the_number(self):
        move = self._issue_credit(45, date="2020-05-10")
        number = move.name
        self._modify(move, date="2020-05-20", amount=50)
        self.assertRecordValues(
            move, [{"name": number, "date": fields.Date.to_date("2020-05-20")}]
        )

    def test_due_date_of_a_charge_changes(self):
        move = self._charge(45)
        due = self.today + timedelta(days=30)
        self._modify(move, date_due=due)
        self.assertEqual(self._get_receivable(move).date_maturity, due)
        self._modify(move, date_due=False)
        self.assertEqual(self._get_receivable(move).date_maturity, self.today)

    def test_allocated_part_stays_allocated_to_the_cent(self):
        invoices = [self._make_invoice(amount) for amount in (33.33, 66.67, 80)]
        move = self._issue_credit(150)
        for invoice, amount in zip(invoices, (33.33, 10.01, 0.07), strict=True):
            self._get_receivable(move)._allocate(self._get_receivable(invoice), amount)
        for amount in (200, 43.42, 43.41):
            self._modify(move, amount=amount)
            self.assertEqual(
                [invoice.amount_residual for invoice in invoices], [0, 56.66, 79.93]
            )
            self.assertAlmostEqual(
                self._get_receivable(move).amount_residual, 43.41 - amount
            )
        self.assertEqual(invoices[0].payment_state, "paid")

    def test_refused_below_the_allocated_part(self):
        invoice = self._make_invoice(30)
        move = self._issue_credit(45)
        self._get_receivable(move)._allocate(self._get_receivable(invoice), 20)
        wizard = self._open_modify(move, amount=19.99)
        self.assertEqual(wizard.allocated_amount, 20)
        with self.assertRefused(move.name, "20.00"):
            wizard.action_confirm()
        self.assertEqual(invoice.amount_residual, 10)
        self.assertEqual(self._get_receivable(move).balance, -45)
        wizard.amount = 20
        wizard.action_confirm()
        self.assertEqual(self._get_receivable(move).balance, -20)
        self.assertEqual(invoice.amount_residual, 10)

    def test_allocated_part_of_a_charge_stays_allocated(self):
        charge = self._charge(45)
        credit = self._issue_credit(20)
        self._get_receivable(credit)._allocate(self._get_receivable(charge), 12.34)
        self._modify(charge, amount=50)
        self.assertEqual(self._get_receivable(charge).amount_residual, 37.66)
        with self.assertRefused(charge.name):
            self._modify(charge, amount=12.33)
        self._modify(charge, amount=12.34)
        self.assertEqual(self._get_receivable(charge).amount_residual, 0)
        self.assertAlmostEqual(self._get_receivable(credit).amount_residual, -7.66)

    def test_foreign_invoice_stays_allocated_to_the_cent(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.8)])
        invoice = self._make_invoice(100, currency_id=euro.id)
        move = self._issue_credit(100)
        self._get_receivable(move)._allocate(self._get_receivable(invoice), 33.33)
        self._modify(move, amount=60)
        self.assertAlmostEqual(invoice.amount_residual, 66.67)
        self._modify(move, amount=41.66)
        self.assertAlmostEqual(invoice.amount_residual, 66.67)
        with self.assertRefused(move.name):
            self._modify(move, amount=41.6)

    def test_parts_of_one_foreign_invoice_stay_as_they_were(self):
        """Allocated twice, and modified to exactly what is allocated: accepted."""
        euro = self.setup_other_currency(
            "EUR", rates=[("1900-01-01", 0.9137), ("2024-02-01", 0.8731)]
        )
        for date_due in ("2024-01-10", "2024-03-10"):
            for amounts in ((33.33, 21.17), (0.01, 0.02), (7.77, 13.13, 5.05, 61.3)):
                with self.subTest(date_due=date_due, amounts=amounts):
                    self._check_parts_stay(euro, date_due, amounts)

    def _check_parts_stay(self, euro, date_due, amounts):
        invoice = self._make_invoice(100, currency_id=euro.id, date_due=date_due)
        move = self._issue_credit(200)
        item = self._get_receivable(move)
        for amount in amounts:
            item._allocate(self._get_receivable(invoice), amount)
        left = invoice.amount_residual
        parts = item.client_allocation_ids
        self.assertEqual(len(parts), len(amounts))
        values = parts.mapped("amount"), parts.mapped("debit_amount_currency")
        allocated = self._open_modify(move).allocated_amount
        self._modify(move, amount=allocated)
        parts = item.client_allocation_ids
        self.assertEqual(
            (parts.mapped("amount"), parts.mapped("debit_amount_currency")), values
        )
        self.assertEqual(item.amount_residual, 0)
        self.assertEqual(invoice.amount_residual, left)

    def test_refused_in_words_when_the_rates_of_a_date_do_not_cover_the_parts(self):
        euro = self.setup_other_currency(
            "EUR", rates=[("1900-01-01", 0.9), ("2024-02-01", 0.5)]
        )
        invoice = self._make_invoice(90, currency_id=euro.id, date_due="2024-01-10")
        move = self._issue_credit(100, date="2024-01-20")
        self._get_receivable(move)._allocate(self._get_receivable(invoice), 90)
        with (
            self.assertRaisesRegex(UserError, "no longer covers what is allocated"),
            self.env.cr.savepoint(),
        ):
            self._modify(move, date="2024-02-20")
        self.assertEqual(invoice.payment_state, "paid")

    def test_refused_in_words_when_the_entry_was_split(self):
        """An accountant split the credit over two receivable items."""
        move = self._issue_credit(45)
        item = self._get_receivable(move)
        move.button_draft()
        move.write(
            {
                "line_ids": [
                    Command.update(item.id, {"balance": -20, "amount_currency": -20}),
                    Command.create(
                        {
                            "account_id": item.account_id.id,
                            "partner_id": self.client.id,
                            "balance": -25,
                            "amount_currency": -25,
                        }
                    ),
                ]
            }
        )
        move.action_post()
        wizard = self._open_modify(move, amount=50)
        with self.assertRefused(move.name, "split over several items"):
            wizard.action_confirm()
        self._modify(move, reason="Teacher ill")
        self.assertEqual(move.client_adjustment_reason, "Teacher ill")
        self.assertEqual(self.account.balance, 45)

    def test_raised_credit_is_not_applied_elsewhere_by_itself(self):
        first = self._make_invoice(10)
        self.account.credit_application = "all"
        self._make_invoice(500)
        move = self._issue_credit(10)
        self.assertEqual(first.payment_state, "paid")
        self._modify(move, amount=30)
        self.assertEqual(self._get_receivable(move).amount_residual, -20)
        self.assertEqual(first.payment_state, "paid")

    def test_refused_when_the_books_are_locked(self):
        move = self._issue_credit(45, date=self.locked_date)
        self._modify(move, amount=50)
        self._lock_books()
        with self.assertRefused(move.name, format_date(self.env, self.locked_date)):
            self._modify(move, amount=60)
        self.assertEqual(self._get_receivable(move).balance, -50)

    def test_refused_when_the_entry_is_hashed(self):
        self.journal.restrict_mode_hash_table = True
        move = self._issue_credit(45)
        self.assertTrue(move.inalterable_hash)
        with self.assertRefused(move.name):
            self._modify(move, amount=60)
        self.assertEqual(self.account.balance, 45)

    def test_date_moved_out_of_a_locked_period_is_said(self):
        move = self._issue_credit(45)
        self._lock_books()
        action = self._modify(move, date=self.locked_date)
        self.assertGreater(move.date, self.locked_until)
        self.assertIn(format_date(self.env, self.locked_date), self._get_chatter(move))
        self.assertIn(format_date(self.env, move.date), action["params"]["message"])

    def test_refused_when_the_values_are_bad(self):
        move = self._issue_credit(45)
        for values in ({"amount": 0}, {"reason": "  "}, {"reason": False}):
            with self.assertRefused("Ada Piano School"):
                self._modify(move, **values)
        self._modify(move, amount=44, reason="Less")
        self.assertEqual(self.account.balance, 44)

    def test_modify_cannot_turn_a_credit_into_a_charge(self):
        move = self._issue_credit(45)
        self._modify(move, kind="charge", amount=50)
        self.assertRecordValues(move, [{"client_adjustment": "credit"}])
        self.assertEqual(self.account.balance, 50)

    def test_modify_cannot_move_an_adjustment_to_another_client(self):
        move = self._issue_credit(45)
        other = self._get_account(self.other_client)
        self._modify(move, account_ids=[Command.set(other.ids)], amount=50)
        self.assertEqual(self.account.balance, 50)
        self.assertEqual(other.balance, 0)

    def test_refused_to_modify_what_is_no_adjustment(self):
        invoice = self._make_invoice(45)
        with self.assertRefused(invoice.display_name):
            invoice.action_client_adjustment_modify()
        wizard = self.env["client.account.adjustment"].create(
            {"move_id": invoice.id, "amount": 5, "reason": "Hijack"}
        )
        with self.assertRefused(invoice.display_name):
            wizard.action_confirm()

    def test_officer_without_accounting_rights_modifies_through_the_form(self):
        move = self._issue_credit(45).with_user(self.officer)
        context = move.action_client_adjustment_modify()["context"]
        wizards = self.env["client.account.adjustment"].with_user(self.officer)
        with Form(wizards.with_context(**context)) as form:
            form.amount = 50
        form.record.action_confirm()
        self.assertEqual(self.account.balance, 50)

    def test_refused_to_modify_or_delete_as_viewer(self):
        move = self._issue_credit(45)
        viewer = self._make_user("viewer", "client_account.group_client_account_viewer")
        for name in (
            "action_client_adjustment_modify",
            "action_client_adjustment_delete",
            "action_client_adjustment_release_delete",
        ):
            with self.assertRefused(exception=AccessError):
                getattr(move.with_user(viewer), name)()
        move.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(self.account.balance, 0)


@tagged("post_install", "-at_install")
class TestAdjustmentDelete(AdjustmentCommon):
    def test_deleted_credit_is_cancelled(self):
        move = self._issue_credit(45)
        self.assertTrue(move.action_client_adjustment_delete())
        self.assertEqual(move.state, "cancel")
        self.assertEqual(self.account.balance, 0)
        self.assertEqual(self._get_ledger_balance(), 0)

    def test_many_are_deleted_at_once(self):
        self.account.credit_application = "manual"
        moves = self._issue_credit(45) | self._charge(20) | self._issue_credit(5)
        self.assertEqual(self.account.balance, 30)
        moves.action_client_adjustment_delete()
        self.assertEqual(moves.mapped("state"), ["cancel"] * 3)
        self.assertEqual(self.account.balance, 0)

    def test_none_is_deleted_when_one_of_many_is_allocated(self):
        invoice = self._make_invoice(10)
        free, spent = self._issue_credit(45), self._issue_credit(20)
        self._get_receivable(spent)._allocate(self._get_receivable(invoice), 10)
        moves = free | spent
        with self.assertRefused(spent.name):
            moves.action_client_adjustment_delete()
        self.assertEqual(moves.mapped("state"), ["posted"] * 2)

    def test_cancelled_invoice_frees_its_credit(self):
        """Case 8: credit 200, invoices 100 and 50 from it; 150 is left after one."""
        invoices = [self._make_invoice(100), self._make_invoice(50)]
        item = self._get_receivable(self._issue_credit(200))
        for invoice in invoices:
            item._allocate(self._get_receivable(invoice), invoice.amount_total)
        self.assertEqual(self.account.credit_available, 50)
        invoices[0].button_cancel()
        self.assertEqual(self.account.credit_available, 150)
        self.assertEqual(item.amount_residual, -150)
        self.assertEqual(invoices[1].payment_state, "paid")
        self.assertEqual(self._get_ledger_balance(), 150)

    def test_credit_that_is_spent_is_deleted_only_after_release(self):
        """Case 8: a credit of which 50 is spent is refused, or released first."""
        invoice = self._make_invoice(50)
        move = self._issue_credit(200)
        self._get_receivable(move)._allocate(self._get_receivable(invoice), 50)
        with self.assertRefused(move.name, invoice.name, "Remove and Delete"):
            move.action_client_adjustment_delete()
        self.assertEqual(move.state, "posted")
        self.assertEqual(invoice.payment_state, "paid")
        self.assertTrue(move.action_client_adjustment_release_delete())
        self.assertEqual(move.state, "cancel")
        self.assertRecordValues(
            invoice, [{"payment_state": "not_paid", "amount_residual": 50}]
        )
        self.assertEqual(self.account.balance, -50)
        self.assertEqual(self._get_ledger_balance(), -50)

    def test_charge_that_is_paid_is_released_and_deleted(self):
        charge, credit = self._charge(30), self._issue_credit(50)
        self._get_receivable(credit)._allocate(self._get_receivable(charge), 30)
        with self.assertRefused(credit.name):
            charge.action_client_adjustment_delete()
        charge.action_client_adjustment_release_delete()
        self.assertEqual(charge.state, "cancel")
        self.assertEqual(self.account.credit_available, 50)

    def test_deletion_where_the_books_are_locked_is_a_reversal(self):
        invoice = self._make_invoice(50)
        move = self._issue_credit(200, date=self.locked_date)
        self._get_receivable(move)._allocate(self._get_receivable(invoice), 50)
        self._lock_books()
        move.action_client_adjustment_release_delete()
        reversal = move.reversal_move_ids
        self.assertRecordValues(move, [{"state": "posted", "date": self.locked_date}])
        self.assertRecordValues(
            reversal,
            [{"state": "posted", "date": self.today, "client_adjustment": False}],
        )
        self.assertEqual(self._get_receivable(move).amount_residual, 0)
        self.assertEqual(self._get_receivable(reversal).amount_residual, 0)
        self.assertEqual(invoice.amount_residual, 50)
        self.assertEqual(self.account.balance, -50)
        self.assertEqual(self._get_ledger_balance(), -50)
        self.assertIn(reversal.name, self._get_chatter(move))

    def test_hashed_entry_is_deleted_by_a_reversal(self):
        self.account.credit_application = "manual"
        self.journal.restrict_mode_hash_table = True
        credit, charge = self._issue_credit(45), self._charge(10)
        self.assertTrue(credit.inalterable_hash)
        (credit | charge).action_client_adjustment_delete()
        self.assertEqual((credit | charge).mapped("state"), ["posted"] * 2)
        self.assertEqual(len((credit | charge).reversal_move_ids), 2)
        self.assertRecordValues(
            self.account, [{"balance": 0, "credit_available": 0, "amount_owed": 0}]
        )
        self.assertEqual(self._get_ledger_balance(), 0)

    def test_refused_to_delete_twice(self):
        cancelled = self._issue_credit(45)
        reversed_one = self._issue_credit(20, date=self.locked_date)
        self._lock_books()
        for move in (cancelled, reversed_one):
            move.action_client_adjustment_delete()
            with self.assertRefused(move.name):
                move.action_client_adjustment_delete()
            with self.assertRefused(move.name):
                move.action_client_adjustment_release_delete()
            with self.assertRefused(move.name):
                move.action_client_adjustment_modify()
        self.assertEqual(self.account.balance, 0)
        self.assertEqual(self._get_ledger_balance(), 0)

    def test_refused_to_delete_what_is_no_adjustment(self):
        invoice = self._make_invoice(45)
        for method in (
            invoice.action_client_adjustment_delete,
            invoice.action_client_adjustment_release_delete,
        ):
            with self.assertRefused(invoice.display_name):
                method()
        self.assertEqual(invoice.state, "posted")

    def test_nothing_to_delete_is_fine(self):
        self.assertTrue(self.env["account.move"].action_client_adjustment_delete())

    def test_reversal_of_a_charge_is_not_spent_by_policy(self):
        self.account.credit_application = "all"
        self.journal.restrict_mode_hash_table = True
        charge = self._charge(30)
        invoice = self._make_invoice(30)
        charge.action_client_adjustment_delete()
        self.assertEqual(self._get_receivable(charge).amount_residual, 0)
        self.assertEqual(invoice.amount_residual, 30)
        self.assertEqual(self.account.balance, -30)

    def test_released_credit_is_free_after_a_deletion_is_refused(self):
        invoice = self._make_invoice(50)
        move = self._issue_credit(200)
        self._get_receivable(move)._allocate(self._get_receivable(invoice), 50)
        with self.assertRaises(UserError):
            move.action_client_adjustment_delete()
        self._get_receivable(move).matched_debit_ids.action_remove_client_allocation()
        move.action_client_adjustment_delete()
        self.assertEqual(move.state, "cancel")
