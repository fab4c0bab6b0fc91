from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ClientAccountCommon
from .test_credit_batch import OFFICER, CreditBatchCommon

PORTION = "odoo.addons.client_account.models.client_batch_mixin.PORTION"
LOG = "odoo.addons.client_account.models.client_batch_mixin"


@tagged("post_install", "-at_install")
class TestBulkAttacks(CreditBatchCommon):
    """What bulk credits answer to odd orders of steps, odd values and odd users."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_batch_at_once = 0

    @contextmanager
    def _stopping(self, after=2):
        """Have documents cancelled by somebody as soon as so many lines are done."""
        batches = self.registry["client.credit.batch"]
        native = batches._work

        def work(records):
            done = native(records)
            if records.done_count == after:
                records.action_cancel()
            return done

        with patch(PORTION, after), patch.object(batches, "_work", work):
            yield

    def _make_stopped(self, **values):
        """Make bulk credits of which two lines are done, and three still wait."""
        batch = self._make_batch(**values)
        batch.action_run()
        with self._stopping():
            self._run_job()
        self.assertEqual(batch.state, "cancelled")
        return batch

    def _get_notes(self, batch):
        return " ".join(batch.sudo().message_ids.mapped("body"))

    # === Stopped midway ===

    def test_a_line_that_waited_and_is_wrong_now_is_not_booked(self):
        batch = self._make_stopped()
        batch.action_draft()
        line, twin = batch.line_ids[3:]
        line.partner_id = twin.partner_id
        batch.action_run()
        self._run_job()
        self.assertEqual(batch.state, "done")
        self.assertRegex(twin.problem, "The same line is there already")
        self.assertEqual(self._get_balances(), [20.0, 20.0, 20.0, 0.0, 20.0])
        self.assertEqual(batch.progress, 100.0)

    def test_only_what_was_booked_is_reversed(self):
        batch = self._make_stopped()
        batch.action_reverse("Wrong day")
        self._run_job()
        self.assertEqual(self._get_balances(), [0.0] * 5)
        self.assertEqual(batch.line_ids.mapped("is_reversed"), [True] * 2 + [False] * 3)
        self.assertRegex(self._get_notes(batch), "2 lines reversed")

    def test_kind_and_company_stay_once_a_line_is_done(self):
        other = self._create_company(name="Other Company")
        self.officer.company_ids += other
        batch = self._make_stopped()
        batch.action_draft()
        for vals in ({"kind": "charge"}, {"company_id": other.id}):
            with self.assertRefused("2 lines of BULK/.* are done"):
                batch.write(vals)
        batch.reason = "Teacher was ill"
        batch.action_run()
        self._run_job()
        self.assertEqual(self._get_balances(), [20.0] * 5)

    def test_what_was_deleted_by_hand_is_no_longer_booked(self):
        self.company.client_batch_at_once = 200
        batch = self._make_batch()
        batch.action_run()
        move = batch.line_ids[0].move_id.with_user(self.officer)
        move.action_client_adjustment_delete()
        self.assertEqual(batch.amount_booked, 80.0)
        self.assertEqual(batch.line_ids[0].state, "reversed")
        batch.action_run()
        self.assertEqual(self._get_balances(), [0.0, 20.0, 20.0, 20.0, 20.0])

    def test_what_cannot_be_reversed_says_why(self):
        self.company.client_batch_at_once = 200
        batch = self._make_batch()
        batch.action_run()
        giver = self._get_account(self.clients[0]).with_user(self.officer)
        transfer = self.env["account.move"].browse(
            giver.transfer_credit(self.account.id, 20, "Family")
        )
        batch.action_reverse("Wrong day")
        self.assertEqual(batch.problem_count, 1)
        self.assertEqual(batch.ready_count, 0)
        self.assertEqual(batch.line_ids[0].state, "problem")
        self.assertRegex(batch.line_ids[0].problem, "moved to another client")
        self.assertRegex(self._get_notes(batch), "4 lines reversed, 1 with a problem")
        transfer.with_user(self.officer).action_client_adjustment_delete()
        batch.action_reverse("Wrong day")
        self.assertFalse(batch.problem_count)
        self.assertEqual(set(batch.line_ids.mapped("state")), {"reversed"})
        self.assertEqual(self._get_balances(), [0.0] * 5)

    # === In whose name ===

    def _run_job_beside_another(self, batch):
        """Run the job with another officer's document behind one; return that."""
        other = self._make_batch(user=self._make_user("ba_second", OFFICER))
        other.action_run()
        self._run_job()
        return other

    def test_who_lost_the_right_stops_nobody(self):
        batch = self._make_batch()
        batch.action_run()
        self.officer.group_ids = [Command.set(self.env.ref("base.group_user").ids)]
        other = self._run_job_beside_another(batch)
        self.assertEqual(other.state, "done")
        self.assertEqual(self._get_balances(), [20.0] * 5)
        self.assertEqual(batch.sudo().state, "cancelled")
        self.assertRegex(self._get_notes(batch), "cb_officer .* may no longer")

    def test_who_lost_the_company_stops_nobody(self):
        batch = self._make_batch()
        batch.action_run()
        other = self._create_company(name="Other Company")
        self.officer.write(
            {"company_ids": [Command.set(other.ids)], "company_id": other.id}
        )
        other = self._run_job_beside_another(batch)
        self.assertEqual(other.state, "done")
        self.assertEqual(batch.sudo().state, "cancelled")
        batch = batch.with_user(other.run_by_id)
        batch.action_draft()
        batch.line_ids.is_meant = True
        batch.action_run()
        self._run_job()
        self.assertEqual(self._get_balances(), [40.0] * 5)

    def test_one_that_cannot_end_stops_nobody(self):
        batch = self._make_batch()
        batch.action_run()
        batches = self.registry["client.credit.batch"]
        native = batches._finish

        def finish(records):
            if records == batch:
                raise ValueError("Broken addon")
            return native(records)

        with patch.object(batches, "_finish", finish), mute_logger(LOG):
            other = self._run_job_beside_another(batch)
        self.assertEqual(other.state, "done")
        self.assertEqual(batch.state, "running")
        self._run_job()
        self.assertEqual(batch.state, "done")
        self.assertEqual(self._get_balances(), [40.0] * 5)

    def test_a_fault_without_words_is_told(self):
        batch = self._make_batch()
        batch.action_run()
        with (
            patch.object(
                self.registry["client.account"],
                "_prepare_adjustment_move_vals",
                side_effect=AssertionError,
            ),
            mute_logger(LOG),
        ):
            self._run_job()
        self.assertEqual(set(batch.line_ids.mapped("state")), {"problem"})
        self.assertRegex(batch.line_ids[0].problem, "AssertionError.*server's log")

    # === Checked before it is booked ===

    def test_a_last_day_before_the_date_is_said_before(self):
        batch = self._make_batch(date_expiry=self.today - timedelta(days=5))
        batch.action_check()
        self.assertEqual(batch.problem_count, 5)
        self.assertRegex(batch.line_ids[0].problem, "last day of the credit .* before")
        batch.date_expiry = "1960-01-01"
        batch.action_check()
        self.assertRegex(batch.line_ids[0].problem, "accounting date")
        batch.date_expiry = self.today
        batch.action_check()
        self.assertFalse(batch.problem_count)

    def test_lines_of_several_documents_change_at_once(self):
        batches = self._make_batch() | self._make_batch()
        batches.action_check()
        batches.line_ids.write({"amount": 0.001})
        self.assertEqual(batches.mapped("problem_count"), [5, 5])

    def test_whatever_is_sent_for_a_client_is_a_text(self):
        sent = (5, 1.5, True, ["x"], {"name": "x"})
        batch = self._make_batch([{"client": client, "amount": 4} for client in sent])
        batch.action_check()
        self.assertEqual(batch.line_ids.mapped("client"), [str(text) for text in sent])
        for line in batch.line_ids:
            self.assertRegex(line.problem, "No client is called")

    def test_the_amount_for_each_is_an_amount(self):
        for amount in (True, float("nan"), float("inf"), "12", -5, 1e13):
            with self.assertRefused("is no amount"):
                self._make_batch(amount=amount)
            with self.assertRefused("is no amount"):
                self._make_batch().amount = amount
        batch = self._make_batch(reason="Class\x00 cancelled")
        self.assertEqual(batch.reason, "Class cancelled")

    # === Companies ===

    def test_a_branch_stands_for_its_root_by_whichever_route(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        user = self._make_user("ba_branch", OFFICER, company=branch)
        batch = self._make_batch(user=user)
        batch.company_id = branch.id
        self.assertEqual(batch.company_id.id, self.company.id)
        for model in ("client.credit.batch", "client.credit.allocation.batch"):
            batch = (
                self.env[model]
                .with_user(user)
                .with_context(default_company_id=branch.id)
                .create({})
            )
            self.assertEqual(batch.company_id.id, self.company.id)

    def test_a_contact_that_may_not_be_seen_stops_no_other_line(self):
        other = self._create_company(name="Other Company")
        both = self._make_user("ba_both", OFFICER)
        both.company_ids += other
        hidden = self.env["res.partner"].create(
            {"name": "Secret Pupil", "company_id": other.id}
        )
        batch = self._make_batch(
            [
                {"partner_id": hidden.id, "amount": 5},
                {"partner_id": self.client.id, "amount": 5},
            ],
            user=both,
        ).with_user(self.officer)
        line = batch.line_ids[0]
        self.env.invalidate_all()
        batch.action_check()
        self.assertRegex(line.problem, "may not see the contact")
        self.env.invalidate_all()
        self.assertNotIn("Secret", line.display_name)
        line.amount = 6
        batch.action_run()
        self._run_job()
        self.assertEqual(self._get_ledger_balance(), 5.0)

    def test_another_companys_officer_learns_no_amounts(self):
        spy = self._make_user(
            "ba_spy", OFFICER, company=self._create_company(name="Other Company")
        )
        batch = self._make_batch(amount=77)
        env = self.env(user=spy, context={})
        self.env.invalidate_all()
        windows = env["client.credit.batch.reverse"]
        with self.assertRefused(".", exception=AccessError):
            windows.create({"batch_id": batch.id})
        self.env.invalidate_all()
        with self.assertRefused(".", exception=AccessError):
            windows.onchange({"batch_id": batch.id}, ["batch_id"], {"amount": {}})
        for user, value in ((self.officer, {"amount": 77.0}), (spy, {})):
            self.env.invalidate_all()
            lines = self.env["client.credit.batch.line"].with_user(user)
            answer = lines.with_context(
                allowed_company_ids=user.company_ids.ids
            ).onchange({"batch_id": batch.id}, ["batch_id"], {"amount": {}})
            self.assertEqual(answer["value"], value)


@tagged("post_install", "-at_install")
class TestBulkAllocationAttacks(ClientAccountCommon):
    """Lines of a bulk allocation that a caller makes by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.officer = cls._make_user("ba_officer", OFFICER)
        cls.credit = cls._get_receivable(cls._issue_credit(60))
        cls.debit = cls._get_receivable(cls._make_invoice(100))
        cls.batch = (
            cls.env["client.credit.allocation.batch"]
            .with_user(cls.officer)
            .create({"account_ids": [Command.set(cls.account.ids)]})
        )
        cls.line_vals = {
            "account_id": cls.account.id,
            "credit_line_id": cls.credit.id,
            "debit_line_id": cls.debit.id,
        }

    def _make_lines(self, *lines, env=None):
        lines = [Command.create({**self.line_vals, **vals}) for vals in lines]
        if env is None:
            self.batch.write({"line_ids": lines})
            return self.batch.line_ids
        return (
            env["client.credit.allocation.batch"].create({"line_ids": lines}).line_ids
        )

    def test_the_same_pair_twice_takes_the_sum(self):
        lines = self._make_lines({"amount": 30}, {"amount": 20})
        self.batch.action_run()
        self.assertEqual(lines.mapped("amount_done"), [30.0, 20.0])
        self.assertEqual(self.debit.amount_residual, 50.0)

    def test_a_callers_context_writes_nothing_protected(self):
        for name, value in (
            ("problem", "Call 555"),
            ("is_done", "1"),
            ("amount_done", "5"),
            ("state", "done"),
        ):
            env = self.env(
                user=self.officer,
                context={"allowed_company_ids": self.company.ids},
            )
            env = env(context={**env.context, f"default_{name}": value})
            try:
                with self.env.cr.savepoint():
                    line = self._make_lines({"amount": 5}, env=env)
            except UserError:
                continue
            self.assertFalse(line.is_done)
            self.assertFalse(line.problem)
            self.assertFalse(line.amount_done)

    def test_another_companys_officer_learns_nothing(self):
        spy = self._make_user(
            "ba_spy", OFFICER, company=self._create_company(name="Other Company")
        )
        env = self.env(user=spy, context={})
        self.env.invalidate_all()
        with self.assertRefused(".", exception=AccessError):
            self._make_lines({"amount": 5}, env=env)
        self.env.invalidate_all()
        answer = env["client.credit.allocation.batch.line"].onchange(
            {**self.line_vals, "batch_id": self.batch.id},
            ["batch_id", *self.line_vals],
            {
                name: {}
                for name in (
                    "display_name",
                    "credit_name",
                    "credit_left",
                    "debit_name",
                    "amount_open",
                )
            },
        )
        self.assertFalse(any(answer["value"].values()))

    def test_items_that_are_none_of_a_client_are_not_named(self):
        bill = self._create_invoice_one_line(
            price_unit=9,
            move_type="in_invoice",
            partner_id=self.other_client,
            post=True,
        )
        item = bill.line_ids.filtered(
            lambda line: line.account_type == "liability_payable"
        )
        with self.assertRefused("of Ada Piano School only"):
            self._make_lines({"amount": 5, "credit_line_id": item.id})
