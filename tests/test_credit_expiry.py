from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientAccountCommon

JOB = "client_account.ir_cron_expire_credits"
OFFICER = "client_account.group_client_account_officer"


@tagged("post_install", "-at_install")
class TestCreditExpiry(ClientAccountCommon):
    """Credits that expire: told ahead, spent first, booked back once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.officer = cls._make_user("ce_officer", OFFICER)
        cls.yesterday = cls.today - timedelta(days=1)
        cls.past = cls.today - timedelta(days=30)

    def _expire_credit(self, amount=50, partner=None, **values):
        """Issue a credit whose last day was yesterday."""
        return self._issue_credit(
            amount, partner, date=self.past, date_expiry=self.yesterday, **values
        )

    def _run_job(self):
        with self.enter_registry_test_mode():
            self.env.ref(JOB).method_direct_trigger()
        self.env.invalidate_all()

    def _get_expiries(self, credit):
        return self.env["account.move"].search(
            [("client_expired_move_id", "=", credit.id)]
        )

    # === The last day ===

    def test_as_long_as_the_company_says(self):
        self.company.client_expiry_days = 90
        credit = self._issue_credit(50)
        self.assertEqual(credit.client_expiry_date, self.today + timedelta(days=90))
        charge = self.account.charge(5, "Book")
        self.assertFalse(self.env["account.move"].browse(charge).client_expiry_date)

    def test_for_good_where_nobody_says_otherwise(self):
        self.assertFalse(self._issue_credit(50).client_expiry_date)

    def test_the_window_starts_with_the_days_of_the_reason(self):
        self.company.client_expiry_days = 90
        reason = self.env["client.adjustment.reason"].create(
            {"name": "Strike", "expiry_days": 7}
        )
        windows = self.env["client.account.adjustment"].with_user(self.officer)
        with Form(
            windows.with_context(default_account_ids=[Command.set(self.account.ids)])
        ) as form:
            form.amount = 20
            form.reason = "Strike of the trains"
            self.assertEqual(form.date_expiry, self.today + timedelta(days=90))
            form.reason_id = reason
            self.assertEqual(form.date_expiry, self.today + timedelta(days=7))
            form.date_expiry = self.today + timedelta(days=3)
        answer = form.record.action_confirm()
        [move_id] = answer["infos"]["res_ids"]
        move = self.env["account.move"].browse(move_id)
        self.assertEqual(move.client_expiry_date, self.today + timedelta(days=3))

    def test_nobody_gives_a_credit_that_has_expired(self):
        with self.assertRefused("last day of the credit for Ada .* before its date"):
            self.account.issue_credit(5, "Late", date_expiry=self.yesterday)

    def test_a_repeat_of_a_key_goes_by_what_was_asked(self):
        self.company.client_expiry_days = 90
        move_id = self.account.issue_credit(5, "Ill", key="K1")
        self.company.client_expiry_days = 10
        self.assertEqual(self.account.issue_credit(5, "Ill", key="K1"), move_id)
        day = self.today + timedelta(days=4)
        with self.assertRefused("with other values already"):
            self.account.issue_credit(5, "Ill", key="K1", date_expiry=day)

    def test_the_last_day_is_modified(self):
        credit = self._expire_credit()
        action = credit.with_user(self.officer).action_client_adjustment_modify()
        windows = self.env[action["res_model"]].with_user(self.officer)
        with Form(windows.with_context(**action["context"])) as form:
            self.assertEqual(form.date_expiry, self.yesterday)
            form.date_expiry = self.today + timedelta(days=5)
        form.record.action_confirm()
        self.assertEqual(credit.client_expiry_date, self.today + timedelta(days=5))
        self._run_job()
        self.assertEqual(self._get_ledger_balance(), 50.0)

    def test_bulk_credits_expire_too(self):
        day = self.today + timedelta(days=20)
        batch = self.env["client.credit.batch"].create(
            {
                "reason": "Strike",
                "date_expiry": day,
                "line_ids": [
                    Command.create({"partner_id": self.client.id, "amount": 5})
                ],
            }
        )
        batch.action_run()
        self.assertEqual(batch.line_ids.move_id.client_expiry_date, day)

    # === Spent first ===

    def test_expiring_credits_are_spent_first(self):
        lasting = self._issue_credit(30, date=self.past)
        late = self._issue_credit(30, date_expiry=self.today + timedelta(days=9))
        soon = self._issue_credit(30, date_expiry=self.today + timedelta(days=2))
        self._make_invoice(45)
        self.account.apply_credits()
        self.assertEqual(
            [
                -self._get_receivable(credit).amount_residual
                for credit in (soon, late, lasting)
            ],
            [0.0, 15.0, 30.0],
        )

    def test_what_has_expired_is_not_applied_by_itself(self):
        self.company.client_credit_application = "next"
        self._expire_credit()
        self.assertEqual(self._make_invoice(45).amount_residual, 45.0)

    # === Booked back ===

    def test_the_unused_rest_is_booked_back_once(self):
        credit = self._expire_credit()
        invoice = self._make_invoice(20)
        self._get_receivable(credit)._allocate(self._get_receivable(invoice), 20)
        self._run_job()
        entry = self._get_expiries(credit)
        self.assertEqual(self._get_receivable(entry).balance, 30.0)
        self.assertTrue(self._get_receivable(entry).reconciled)
        self.assertTrue(self._get_receivable(credit).reconciled)
        self.assertEqual(self._get_ledger_balance(), 0.0)
        self.assertEqual(invoice.amount_residual, 0.0)
        other = credit.line_ids - self._get_receivable(credit)
        self.assertEqual(
            (entry.line_ids - self._get_receivable(entry)).account_id, other.account_id
        )
        self.assertEqual(entry.date, self.today)
        self.assertRegex(entry.client_adjustment_reason, "Expired on .*Class cancelled")
        self.assertRegex(
            self.account.message_ids[0].body, "30.00 of CLADJ.* expired on"
        )
        self._run_job()
        self.assertEqual(len(self._get_expiries(credit)), 1)
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_on_its_last_day_it_is_usable(self):
        credit = self._issue_credit(50, date_expiry=self.today)
        self._run_job()
        self.assertFalse(self._get_expiries(credit))
        self.company.client_credit_application = "next"
        self.assertEqual(self._make_invoice(45).amount_residual, 0.0)

    def test_it_is_booked_back_whatever_the_policies(self):
        self._expire_credit()
        self.account.negative_balance = "prevented"
        self.account.pay_later = "disabled"
        self._run_job()
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_other_credit_does_not_pay_what_expired(self):
        self.company.client_credit_application = "all"
        other = self._issue_credit(70)
        credit = self._expire_credit()
        self._run_job()
        self.assertEqual(self._get_receivable(other).amount_residual, -70.0)
        self.assertTrue(self._get_receivable(credit).reconciled)

    def test_one_portion_after_another(self):
        clients = self.env["res.partner"].create([{"name": f"C{n}"} for n in range(5)])
        credits = [self._expire_credit(5 + n, c) for n, c in enumerate(clients)]
        with patch("odoo.addons.client_account.models.account_move_expiry.PORTION", 2):
            self._run_job()
        for credit in credits:
            self.assertEqual(len(self._get_expiries(credit)), 1)

    def test_one_that_fails_stops_no_other(self):
        bad, good = self._expire_credit(5), self._expire_credit(6, self.other_client)
        native = self.registry["account.move.line"]._prepare_expiry_vals

        def fail(line):
            if line.move_id == bad:
                raise ValueError("Broken addon")
            return native(line)

        with (
            patch.object(
                self.registry["account.move.line"], "_prepare_expiry_vals", fail
            ),
            self.assertLogs("odoo.addons.client_account", "ERROR"),
        ):
            self._run_job()
        self.assertTrue(self._get_expiries(good))
        self.assertFalse(self._get_expiries(bad))
        self._run_job()
        self.assertTrue(self._get_expiries(bad))

    def test_kept_for_an_invoice_that_was_due_before(self):
        credit = self._expire_credit()
        invoice = self._make_invoice(20, date_due=self.yesterday)
        self.company.client_expiry_waits = True
        self._run_job()
        self.assertFalse(self._get_expiries(credit))
        self._get_receivable(credit)._allocate(self._get_receivable(invoice), 20)
        self._run_job()
        self.assertEqual(self._get_receivable(self._get_expiries(credit)).balance, 30.0)

    def test_not_kept_for_what_it_could_not_pay(self):
        credit = self._expire_credit()
        self._make_invoice(20, date_due=self.today)
        self._make_invoice(20, self.other_client, date_due=self.yesterday)
        self.company.client_expiry_waits = True
        self._run_job()
        self.assertTrue(self._get_expiries(credit))

    def test_not_kept_where_the_company_does_not_say_so(self):
        credit = self._expire_credit()
        self._make_invoice(20, date_due=self.yesterday)
        self._run_job()
        self.assertTrue(self._get_expiries(credit))

    def test_deleting_an_expired_credit_takes_both(self):
        credit = self._expire_credit()
        self._run_job()
        credit.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(credit.state, "cancel")
        self.assertEqual(self._get_expiries(credit).state, "cancel")
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_moved_credit_keeps_its_last_day(self):
        days = [self.today + timedelta(days=number) for number in (3, 9)]
        for day in days:
            self._issue_credit(10, date_expiry=day)
        receiver = self._get_account(self.other_client)
        moves = self.env["account.move"]
        move = moves.browse(self.account.transfer_credit(receiver, 15, "Brother"))
        self.assertEqual(move.client_expiry_date, days[1])
        self._issue_credit(10)
        move = moves.browse(self.account.transfer_credit(receiver, 12, "Brother"))
        self.assertFalse(move.client_expiry_date)

    def test_money_paid_does_not_expire(self):
        self.company.client_expiry_days = 1
        payment = self._make_payment(50)
        self.assertFalse(payment.move_id.client_expiry_date)

    def test_nobody_writes_the_last_day(self):
        credit = self._expire_credit()
        accountant = self._make_user("ce_accountant", "account.group_account_manager")
        with self.assertRefused("set by the client's account only"):
            credit.with_user(accountant).client_expiry_date = False

    # === Told ahead ===

    def _get_mails(self, credit):
        items = self._get_receivable(credit)
        return self.env["mail.mail"].search(
            [("model", "=", "account.move.line"), ("res_id", "in", items.ids)]
        )

    def test_the_client_is_told_once(self):
        self.client.email = "ada@example.com"
        self.company.client_expiry_notice_days = 5
        near = self._issue_credit(50, date_expiry=self.today + timedelta(days=5))
        far = self._issue_credit(50, date_expiry=self.today + timedelta(days=6))
        self._run_job()
        self._run_job()
        mail = self._get_mails(near)
        self.assertEqual(len(mail), 1)
        self.assertIn("50.00", mail.body_html)
        self.assertEqual(mail.recipient_ids, self.client)
        self.assertFalse(self._get_mails(far))

    def test_not_told_who_may_not_know_or_has_no_address(self):
        self.company.client_expiry_notice_days = 5
        day = self.today + timedelta(days=5)
        credit = self._issue_credit(50, date_expiry=day)
        self._run_job()
        self.assertFalse(self._get_mails(credit))
        self.client.email = "ada@example.com"
        self.account.balance_visibility = "hidden"
        self._run_job()
        self.assertFalse(self._get_mails(credit))
        self.account.balance_visibility = "balance"
        self._run_job()
        self.assertEqual(len(self._get_mails(credit)), 1)


@tagged("post_install", "-at_install")
class TestBookedBack(ClientAccountCommon):
    """What was booked back of a credit stays as it is, and together with it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.officer = cls._make_user("bb_officer", OFFICER)
        cls.accountant = cls._make_user("bb_accountant", "account.group_account_user")
        yesterday = cls.today - timedelta(days=1)
        cls.credit = cls._issue_credit(
            50, date=cls.today - timedelta(days=30), date_expiry=yesterday
        )
        cls.credit.sudo()._expire()
        cls.expiry = cls.env["account.move"].search(
            [("client_expired_move_id", "=", cls.credit.id)]
        )

    def test_what_was_booked_back_is_no_charge_to_be_raised(self):
        self.company.client_negative_balance = "prevented"
        expiry = self.expiry.with_user(self.officer)
        values = self.account._prepare_adjustment("charge", 500, "More")
        for call in (
            expiry.action_client_adjustment_modify,
            lambda: expiry._modify_adjustment({**values, "reason_id": False}),
            self.expiry.with_user(self.accountant).button_draft,
        ):
            with self.assertRefused("booked back what was left of"):
                call()
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_it_is_not_taken_off_the_credit_without_a_word(self):
        part = self._get_receivable(self.credit).matched_debit_ids
        with self.assertRefused("booked back what was left of"):
            part.with_user(self.officer).action_remove_client_allocation()
        with self.assertRefused("booked back what was left of"):
            part.with_user(self.accountant).unlink()

    def test_a_credit_is_not_reset_without_what_was_booked_back(self):
        for method in ("button_draft", "button_cancel"):
            with self.assertRefused("Modify or delete the credit"):
                getattr(self.credit.with_user(self.accountant), method)()
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_deleted_it_is_booked_back_once_more(self):
        self.expiry.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(self._get_ledger_balance(), 50.0)
        self.credit.sudo()._expire()
        self.assertEqual(self._get_ledger_balance(), 0.0)
        self.credit.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_the_last_day_is_put_off_afterwards(self):
        credit = self.credit.with_user(self.officer)
        values = self.account._prepare_adjustment(
            "credit", 70, "Class cancelled", self.credit.date, None, self.today
        )
        credit._modify_adjustment({**values, "reason_id": False})
        self.assertEqual(self._get_ledger_balance(), 20.0)
        self.expiry.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(self._get_ledger_balance(), 70.0)

    def test_modified_by_a_script_it_keeps_its_last_day(self):
        last = self.today + timedelta(days=9)
        credit = self._issue_credit(50, date_expiry=last)
        windows = self.env["client.account.adjustment"].with_user(self.officer)
        vals = {
            "move_id": credit.id,
            "account_ids": [Command.set(self.account.ids)],
            "kind": "credit",
            "amount": 60,
            "reason": "Class cancelled",
            "date": self.today,
        }
        windows.create(vals).action_confirm()
        self.assertEqual(credit.amount_total, 60.0)
        self.assertEqual(credit.client_expiry_date, last)
        windows.create({**vals, "date_expiry": False}).action_confirm()
        self.assertFalse(credit.client_expiry_date)
