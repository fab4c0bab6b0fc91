from datetime import timedelta
from unittest.mock import MagicMock, patch

from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientAccountCommon

OFFICER = "client_account.group_client_account_officer"
VIEWER = "client_account.group_client_account_viewer"
JOB = "client_account.ir_cron_credit_batches"


class CreditBatchCommon(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user("cb_officer", OFFICER)
        cls.clients = cls.env["res.partner"].create(
            [{"name": f"Pupil {number:02}"} for number in range(5)]
        )

    @classmethod
    def _make_batch(cls, lines=None, user=None, **values):
        """Make bulk credits of 20 for each client, unless lines are given."""
        if lines is None:
            lines = [{"partner_id": client.id, "amount": 20} for client in cls.clients]
        return (
            cls.env["client.credit.batch"]
            .with_user(user or cls.officer)
            .create(
                {
                    "kind": "credit",
                    "reason": "Class cancelled",
                    "line_ids": [Command.create(line) for line in lines],
                    **values,
                }
            )
        )

    def _run_job(self):
        with self.enter_registry_test_mode():
            self.env.ref(JOB).method_direct_trigger()
        self.env.invalidate_all()

    def _get_balances(self, clients=None):
        return [self._get_ledger_balance(client) for client in clients or self.clients]


@tagged("post_install", "-at_install")
class TestCreditBatch(CreditBatchCommon):
    """Many credits or charges in one document."""

    # === Booking ===

    def test_few_lines_are_booked_at_once(self):
        batch = self._make_batch()
        self.assertIs(batch.action_run(), True)
        self.assertEqual(batch.state, "done")
        self.assertEqual(self._get_balances(), [20.0] * 5)
        moves = batch.sudo().line_ids.move_id
        self.assertEqual(len(moves), 5)
        self.assertEqual(set(moves.mapped("state")), {"posted"})
        self.assertEqual(
            set(moves.mapped("client_adjustment_reason")), {"Class cancelled"}
        )
        self.assertEqual(batch.amount_booked, 100.0)
        self.assertEqual(batch.done_count, 5)

    def test_run_again_books_nothing_more(self):
        batch = self._make_batch()
        batch.action_run()
        books = self._get_books()
        self.assertIs(batch.action_run(), True)
        self.assertEqual(self._get_books(), books)
        self.assertEqual(batch.state, "done")

    def test_lines_say_otherwise(self):
        day = self.today - timedelta(days=3)
        batch = self._make_batch(
            [
                {"partner_id": self.client.id, "amount": 20},
                {
                    "partner_id": self.other_client.id,
                    "amount": 35,
                    "reason": "Two classes",
                    "date": day,
                },
            ],
            date=self.today,
        )
        batch.action_run()
        self.assertRecordValues(
            batch.sudo().line_ids.move_id,
            [
                {"client_adjustment_reason": "Class cancelled", "date": self.today},
                {"client_adjustment_reason": "Two classes", "date": day},
            ],
        )

    def test_charges_with_a_due_date(self):
        due = self.today + timedelta(days=14)
        batch = self._make_batch(kind="charge", date_due=due)
        batch.action_run()
        self.assertEqual(self._get_balances(), [-20.0] * 5)
        items = batch.sudo().line_ids.move_id._get_receivable_items()
        self.assertEqual(set(items.mapped("date_maturity")), {due})

    def test_a_contact_stands_for_its_client(self):
        child = self.env["res.partner"].create(
            {"name": "Daughter", "parent_id": self.client.id}
        )
        batch = self._make_batch([{"partner_id": child.id, "amount": 20}])
        batch.action_run()
        self.assertEqual(self._get_ledger_balance(), 20.0)
        self.assertEqual(batch.sudo().line_ids.move_id.partner_id, self.client)

    def test_one_amount_for_all_then_each_editable(self):
        form = Form(self.env["client.credit.batch"].with_user(self.officer))
        form.reason = "Strike"
        for client in self.clients[:3]:
            with form.line_ids.new() as line:
                line.partner_id = client
        form.amount = 20
        with form.line_ids.edit(1) as line:
            self.assertEqual(line.amount, 20.0)
            line.amount = 35
        batch = form.save()
        self.assertEqual(batch.line_ids.mapped("amount"), [20.0, 35.0, 20.0])
        batch.action_run()
        self.assertEqual(self._get_balances(self.clients[:3]), [20.0, 35.0, 20.0])

    def test_credits_are_applied_as_policies_say(self):
        self.company.client_credit_application = "all"
        invoice = self._make_invoice(50, self.clients[0])
        self._make_batch().action_run()
        self.assertEqual(invoice.amount_residual, 30.0)

    # === Checking ===

    def test_each_bad_line_says_what_is_wrong(self):
        foreign = self.env["res.company"].create({"name": "Elsewhere"})
        elsewhere = self.env["res.partner"].create(
            {"name": "Stranger", "company_id": foreign.id}
        )
        cases = [
            ({"amount": 20}, "Choose the client"),
            ({"client": "Nobody at all", "amount": 20}, "No client is called"),
            ({"partner_id": self.client.id, "amount": 0}, "above zero"),
            ({"partner_id": self.client.id, "amount": -5}, "above zero"),
            ({"partner_id": self.client.id, "amount": 1.005}, "finer"),
            (
                {"partner_id": self.client.id, "amount": 5, "date": "2199-01-01"},
                "not a valid accounting date",
            ),
            ({"partner_id": elsewhere.id, "amount": 5}, "Stranger|may not see"),
        ]
        batch = self._make_batch([vals for vals, _problem in cases])
        books = self._get_books()
        self.assertIs(batch.action_check(), True)
        for line, (_vals, problem) in zip(batch.line_ids, cases, strict=True):
            self.assertRegex(line.problem or "", problem)
            self.assertEqual(line.state, "problem")
        self.assertEqual(self._get_books(), books)
        with self.assertRefused("No line of BULK/.* can be booked"):
            batch.action_run()

    def test_a_reason_is_needed_on_the_line_or_above(self):
        batch = self._make_batch(
            [
                {"partner_id": self.client.id, "amount": 5},
                {"partner_id": self.other_client.id, "amount": 5, "reason": "Sorry"},
            ],
            reason=False,
        )
        batch.action_check()
        self.assertRegex(batch.line_ids[0].problem, "Give a reason for Ada")
        self.assertFalse(batch.line_ids[1].problem)

    def test_good_lines_need_not_wait(self):
        batch = self._make_batch(
            [
                {"partner_id": self.client.id, "amount": 20},
                {"partner_id": self.other_client.id, "amount": 0},
            ]
        )
        batch.action_run()
        self.assertEqual(batch.state, "done")
        self.assertEqual(self._get_ledger_balance(), 20.0)
        bad = batch.line_ids[1]
        self.assertFalse(bad.is_done)
        self.assertRegex(bad.problem, "above zero")
        books = self._get_books()
        self.assertIs(batch.action_run(), True)
        self.assertEqual(self._get_books(), books)
        # Mended, the sentence goes, and it is booked by itself.
        bad.amount = 12
        self.assertFalse(bad.problem)
        batch.action_run()
        self.assertEqual(self._get_ledger_balance(), 20.0)
        self.assertEqual(self._get_ledger_balance(self.other_client), 12.0)

    def test_the_same_line_twice_is_pointed_out(self):
        line = {"partner_id": self.client.id, "amount": 20}
        batch = self._make_batch([line, {**line, "amount": 21}, line])
        batch.action_check()
        problems = batch.line_ids.mapped("problem")
        self.assertEqual(problems[:2], [False, False])
        self.assertRegex(problems[2], "same line is there already: .*20.00 for Ada")
        # The tick is called as the screen calls it.
        self.assertIn(batch.line_ids._fields["is_meant"].string, problems[2])
        batch.line_ids[2].is_meant = True
        self.assertFalse(batch.line_ids[2].problem)
        batch.action_run()
        self.assertEqual(self._get_ledger_balance(), 61.0)

    def test_twins_are_those_that_book_the_same(self):
        line = {"partner_id": self.client.id, "amount": 20}
        yesterday = self.today - timedelta(days=1)
        batch = self._make_batch(
            [
                line,
                {**line, "reason": "Class cancelled"},
                {**line, "date": self.today},
                {**line, "reason": "Another class"},
                {**line, "date": yesterday},
            ]
        )
        batch.action_check()
        self.assertEqual(
            [bool(problem) for problem in batch.line_ids.mapped("problem")],
            [False, True, True, False, False],
        )

    def test_clients_made_just_now_are_not_taken_for_one(self):
        clients = self.env["res.partner"].create(
            [{"name": f"New {number}"} for number in range(1010)]
        )
        batch = self._make_batch(
            [{"partner_id": client.id, "amount": 20} for client in clients]
        )
        batch.action_check()
        self.assertEqual(batch.problem_count, 0)

    def test_what_policies_refuse_is_said_before(self):
        self.account.negative_balance = "prevented"
        self._issue_credit(30)
        batch = self._make_batch(
            [
                {"partner_id": self.client.id, "amount": 20},
                {"partner_id": self.client.id, "amount": 11},
                {"partner_id": self.client.id, "amount": 10},
                {"partner_id": self.other_client.id, "amount": 500},
            ],
            kind="charge",
        )
        batch.action_check()
        problems = batch.line_ids.mapped("problem")
        self.assertRegex(problems[1], "11.00 is more than Ada.* has available")
        self.assertEqual([problems[0], problems[2], problems[3]], [False] * 3)
        batch.action_run()
        self.assertEqual(self._get_ledger_balance(), 0.0)
        self.assertEqual(batch.done_count, 3)

    def test_a_client_without_account_goes_by_the_companys_policy(self):
        self.company.client_negative_balance = "prevented"
        batch = self._make_batch(
            [{"partner_id": self.clients[0].id, "amount": 20}], kind="charge"
        )
        batch.action_check()
        self.assertRegex(batch.line_ids.problem, "20.00 is missing")

    def test_who_pays_up_front_is_charged_what_credit_covers(self):
        self.account.pay_later = "disabled"
        self._issue_credit(15)
        lines = [
            {"partner_id": self.client.id, "amount": 10},
            {"partner_id": self.client.id, "amount": 6},
        ]
        batch = self._make_batch(lines, kind="charge")
        batch.action_run()
        self.assertRegex(batch.line_ids[1].problem, "pays up front")
        self.assertEqual(self._get_ledger_balance(), 5.0)

    def test_a_credit_above_the_companys_amount_is_asked_for(self):
        self.company.client_credit_approval = True
        self.company.client_credit_approval_above = 50
        batch = self._make_batch(
            [
                {"partner_id": self.client.id, "amount": 50},
                {"partner_id": self.other_client.id, "amount": 51},
            ]
        )
        batch.action_run()
        self.assertFalse(batch.line_ids[0].problem)
        self.assertRegex(batch.line_ids[1].problem, "needs an approver")
        self.assertEqual(self._get_ledger_balance(self.other_client), 0.0)

    def test_a_line_refused_while_booking_stops_no_other(self):
        """What checking cannot know is said when it is booked."""
        batch = self._make_batch()
        bad = batch.line_ids[2]
        native = type(self.account)._prepare_adjustment_move_vals

        def refuse(account, values):
            if account.partner_id == bad.partner_id:
                raise UserError(self.env._("Not today."))
            return native(account, values)

        with patch.object(
            self.registry["client.account"], "_prepare_adjustment_move_vals", refuse
        ):
            batch.action_run()
        self.assertEqual(
            batch.line_ids.mapped("is_done"), [True, True, False, True, True]
        )
        self.assertEqual(bad.problem, "Not today.")
        self.assertEqual(batch.state, "done")
        batch.action_run()
        self.assertEqual(self._get_balances(), [20.0] * 5)

    def test_checking_costs_no_more_for_more_lines(self):
        def count(number):
            clients = self.env["res.partner"].create(
                [{"name": f"Client {number} {index}"} for index in range(number)]
            )
            batch = self._make_batch(
                [
                    {"partner_id": client.id, "amount": index % 3}
                    for index, client in enumerate(clients)
                ],
                kind="charge",
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            batch.action_check()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(1)
        few, many = count(10), count(500)
        self.assertLessEqual(many, few + 3)
        self.assertLess(many, 20)

    # === Who is meant ===

    def test_clients_are_found_by_what_a_file_says(self):
        self.client.write({"ref": "C-17", "email": "Ada <ada@example.com>"})
        self.other_client.vat = "US987"
        cases = {
            "c-17": self.client,
            "ADA@example.com": self.client,
            "US987": self.other_client,
            "bela chess club": self.other_client,
        }
        batch = self._make_batch([{"client": text, "amount": 5} for text in cases])
        self.assertEqual(
            batch.line_ids.mapped("partner_id.name"),
            [client.name for client in dict.fromkeys(cases.values())],
        )
        for line in batch.line_ids:
            self.assertEqual(line.partner_id, cases[line.client])

    def test_a_name_of_two_clients_is_asked_about(self):
        self.env["res.partner"].create({"name": "Bela Chess Club"})
        batch = self._make_batch([{"client": "Bela Chess Club", "amount": 5}])
        batch.action_check()
        line = batch.line_ids
        self.assertFalse(line.partner_id)
        self.assertRegex(line.problem, "may be Bela Chess Club, Bela Chess Club")
        line.partner_id = self.other_client
        self.assertFalse(line.problem)
        batch.action_run()
        self.assertEqual(self._get_ledger_balance(self.other_client), 5.0)

    def test_a_file_is_imported_by_odoos_own_import(self):
        batch = self._make_batch([])
        action = batch.action_import_lines()
        self.assertEqual(action["tag"], "import")
        lines = self.env[action["params"]["active_model"]]
        result = (
            lines.with_user(self.officer)
            .with_context(**action["params"]["context"])
            .load(
                ["client", "amount", "reason"],
                [
                    ["Ada Piano School", "20", "Ill"],
                    ["Nobody", "20", ""],
                    ["Bela Chess Club", "-3", ""],
                ],
            )
        )
        self.assertFalse(result["messages"])
        self.assertEqual(
            batch.line_ids.mapped("state"), ["ready", "problem", "problem"]
        )

    def test_from_the_lists_of_contacts_and_accounts(self):
        child = self.env["res.partner"].create(
            {"name": "Daughter", "parent_id": self.client.id}
        )
        contacts = (child | self.client | self.other_client).with_user(self.officer)
        action = contacts.action_create_client_batch()
        batch = self.env["client.credit.batch"].browse(action["res_id"])
        self.assertEqual(batch.line_ids.partner_id, self.client | self.other_client)
        account = self._get_account(self.other_client)
        action = (self.account | account).with_user(self.officer).action_create_batch()
        batch = self.env["client.credit.batch"].browse(action["res_id"])
        self.assertEqual(batch.line_ids.partner_id, self.client | self.other_client)
        self.assertEqual(batch.company_id, self.company)
        with self.assertRefused("Choose at least one"):
            self.env["res.partner"].with_user(self.officer).action_create_client_batch()

    # === Copying, cancelling, changing ===

    def test_a_copy_is_new(self):
        batch = self._make_batch(date=self.today)
        batch.action_run()
        copy = batch.copy()
        self.assertNotEqual(copy.name, batch.name)
        self.assertEqual(copy.state, "draft")
        self.assertFalse(copy.date)
        self.assertEqual(copy.line_ids.mapped("amount"), [20.0] * 5)
        self.assertFalse(copy.line_ids.move_id)
        copy.action_run()
        self.assertEqual(self._get_balances(), [40.0] * 5)

    def test_what_is_booked_no_longer_changes(self):
        batch = self._make_batch()
        batch.action_run()
        line = batch.line_ids[0]
        with self.assertRefused("Pupil 00 of BULK/.* is done"):
            line.amount = 99
        with self.assertRefused("is done"):
            line.unlink()
        with self.assertRefused("has begun"):
            batch.reason = "Another"
        with self.assertRefused("has begun"):
            batch.write({"line_ids": [Command.create({"partner_id": self.client.id})]})
        with self.assertRefused("has begun"):
            batch.unlink()

    def test_nobody_writes_what_the_document_keeps(self):
        batch = self._make_batch()
        move = self._issue_credit(5)
        line = batch.line_ids[0]
        for record, values in (
            (batch, {"state": "done"}),
            (batch, {"name": "X"}),
            (batch, {"reverse_reason": "X"}),
            (line, {"move_id": move.id}),
            (line, {"is_done": True}),
            (line, {"problem": "X"}),
            (line, {"is_waiting": True}),
        ):
            with self.assertRefused("kept automatically"):
                record.write(values)
        with self.assertRefused("kept automatically"):
            self._make_batch([{"partner_id": self.client.id, "is_done": True}])

    def test_amounts_are_numbers(self):
        for amount in (True, float("nan"), float("inf"), "12"):
            with self.assertRefused("is not a number"):
                self._make_batch([{"partner_id": self.client.id, "amount": amount}])

    def test_a_draft_is_cancelled_and_taken_up_again(self):
        batch = self._make_batch()
        self.assertIs(batch.action_cancel(), True)
        self.assertEqual(batch.state, "cancelled")
        with self.assertRefused("is cancelled"):
            batch.action_run()
        batch.action_draft()
        batch.action_run()
        self.assertEqual(self._get_balances(), [20.0] * 5)
        with self.assertRefused("is done. Reverse it"):
            batch.action_cancel()

    # === Reversing ===

    def test_a_whole_batch_is_reversed(self):
        invoice = self._make_invoice(50, self.clients[0])
        batch = self._make_batch()
        batch.action_run()
        credit = batch.sudo().line_ids[0].move_id._get_receivable_items()
        credit._allocate(self._get_receivable(invoice), 20)
        self.assertEqual(invoice.amount_residual, 30.0)
        self.assertIs(batch.action_reverse("Wrong day"), True)
        self.assertEqual(batch.state, "cancelled")
        self.assertEqual(invoice.amount_residual, 50.0)
        self.assertEqual(self._get_balances(), [-50.0, 0, 0, 0, 0])
        self.assertEqual(set(batch.line_ids.mapped("state")), {"reversed"})
        self.assertEqual(batch.amount_booked, 0.0)
        books = self._get_books()
        notes = len(batch.message_ids)
        batch.action_reverse("Another day")
        self.assertEqual(self._get_books(), books)
        self.assertEqual(batch.reverse_reason, "Wrong day")
        self.assertEqual(len(batch.message_ids), notes)
        with self.assertRefused("cancelled|reversed"):
            batch.action_run()
        with self.assertRefused("was reversed"):
            batch.action_draft()

    def test_reversing_needs_a_reason(self):
        batch = self._make_batch()
        batch.action_run()
        with self.assertRefused("Give a reason"):
            batch.action_reverse("  ")
        wizard = (
            self.env["client.credit.batch.reverse"]
            .with_user(self.officer)
            .create({"batch_id": batch.id, "reason": "Wrong day"})
        )
        wizard.action_reverse()
        self.assertEqual(self._get_balances(), [0.0] * 5)

    def test_reversing_leaves_what_was_deleted_already(self):
        batch = self._make_batch()
        batch.action_run()
        batch.line_ids[0].move_id.with_user(
            self.officer
        ).action_client_adjustment_delete()
        batch.action_reverse("Wrong day")
        self.assertEqual(self._get_balances(), [0.0] * 5)

    def test_reversing_in_locked_books(self):
        batch = self._make_batch(date=self.today - timedelta(days=40))
        batch.action_run()
        self.company.fiscalyear_lock_date = self.today - timedelta(days=20)
        batch.action_reverse("Wrong day")
        self.assertEqual(self._get_balances(), [0.0] * 5)
        reversals = batch.sudo().line_ids.move_id.reversal_move_ids
        self.assertEqual(len(reversals), 5)

    # === Who may ===

    def test_officers_alone_book(self):
        batch = self._make_batch()
        for groups in (VIEWER, "base.group_user"):
            user = self._make_user(f"cb_{groups.split('.')[0]}_{groups[-6:]}", groups)
            for method, args in (
                ("action_check", ()),
                ("action_run", ()),
                ("action_cancel", ()),
                ("action_draft", ()),
                ("action_reverse", ("Because",)),
            ):
                with self.assertRefused(".", exception=AccessError):
                    getattr(batch.with_user(user), method)(*args)
            with self.assertRefused(".", exception=AccessError):
                self._make_batch(user=user)

    def test_another_companys_officer_sees_nothing(self):
        other = self._create_company(name="Other Company")
        user = self._make_user("cb_other", OFFICER, company=other)
        batch = self._make_batch()
        self.assertFalse(
            self.env["client.credit.batch"]
            .with_user(user)
            .search([("id", "=", batch.id)])
        )
        with self.assertRefused(".", exception=AccessError):
            batch.with_user(user).action_run()

    def test_a_branch_books_in_the_root_company(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        user = self._make_user("cb_branch", OFFICER, company=branch)
        batch = self._make_batch(user=user, company_id=branch.id)
        self.assertEqual(batch.company_id.id, self.company.id)
        batch.action_run()
        self.assertEqual(self._get_balances(), [20.0] * 5)

    def test_in_another_currency_of_the_company(self):
        other = self._create_company(name="Euro Company")
        other.currency_id = self.env.ref("base.EUR")
        user = self._make_user("cb_euro", OFFICER, company=other)
        batch = self._make_batch(user=user, company_id=other.id)
        batch.action_run()
        self.assertEqual(batch.currency_id, self.env.ref("base.EUR"))
        account = self._get_account(self.clients[0], other)
        self.assertEqual(account.balance, 20.0)
        self.assertEqual(self._get_account(self.clients[0]).balance, 0.0)


@tagged("post_install", "-at_install")
class TestCreditBatchJob(CreditBatchCommon):
    """Documents of many lines are worked through in portions."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_batch_at_once = 3

    def test_many_lines_are_booked_by_the_job(self):
        batch = self._make_batch()
        batch.action_run()
        self.assertEqual(batch.state, "running")
        self.assertEqual(self._get_balances(), [0.0] * 5)
        self.assertEqual(batch.progress, 0.0)
        # Pressed twice: it goes on.
        self.assertIs(batch.action_run(), True)
        self._run_job()
        self.assertEqual(batch.state, "done")
        self.assertEqual(batch.progress, 100.0)
        self.assertEqual(self._get_balances(), [20.0] * 5)
        moves = batch.sudo().line_ids.move_id
        self.assertEqual(moves.create_uid, self.officer)
        self._run_job()
        self.assertEqual(self._get_balances(), [20.0] * 5)

    def test_each_portion_is_told(self):
        batch = self._make_batch()
        batch.action_run()
        sent = []

        def keep(records, kind, message, **_values):
            sent.append((records, kind, message["progress"], message["state"]))

        with (
            patch("odoo.addons.client_account.models.client_batch_mixin.PORTION", 2),
            patch.object(self.registry["client.credit.batch"], "_bus_send", keep),
        ):
            self._run_job()
        self.assertEqual([item[2] for item in sent], [40.0, 80.0, 100.0])
        self.assertEqual([item[3] for item in sent], ["running", "running", "done"])

    def test_cancelled_after_the_portion(self):
        batch = self._make_batch()
        batch.action_run()
        native = self.registry["client.credit.batch"]._work

        def work(records):
            done = native(records)
            if records.done_count == 2:
                records.action_cancel()
            return done

        with (
            patch("odoo.addons.client_account.models.client_batch_mixin.PORTION", 2),
            patch.object(self.registry["client.credit.batch"], "_work", work),
        ):
            self._run_job()
        self.assertEqual(batch.state, "cancelled")
        self.assertEqual(self._get_balances(), [20.0, 20.0, 0.0, 0.0, 0.0])
        batch.action_draft()
        batch.action_run()
        self._run_job()
        self.assertEqual(self._get_balances(), [20.0] * 5)

    def test_reversed_by_the_job(self):
        batch = self._make_batch()
        batch.action_run()
        self._run_job()
        batch.action_reverse("Wrong day")
        self.assertEqual(batch.state, "running")
        self.assertEqual(self._get_balances(), [20.0] * 5)
        self._run_job()
        self.assertEqual(batch.state, "cancelled")
        self.assertEqual(self._get_balances(), [0.0] * 5)

    def test_nothing_changes_while_it_runs(self):
        batch = self._make_batch()
        batch.action_run()
        with self.assertRefused("is running"):
            batch.line_ids[0].amount = 3
        with self.assertRefused("is running"):
            batch.line_ids[0].unlink()
        with self.assertRefused("is running"):
            batch.action_check()
        with self.assertRefused("is running"):
            batch.action_reverse("Because")

    def test_who_lost_the_right_books_nothing(self):
        batch = self._make_batch()
        batch.action_run()
        self.officer.group_ids = [
            Command.set(self.env.ref("base.group_user").ids),
        ]
        self._run_job()
        self.assertEqual(self._get_balances(), [0.0] * 5)

    def test_a_line_that_crashes_stops_no_other(self):
        batch = self._make_batch()
        batch.action_run()
        bad = batch.line_ids[1].partner_id
        native = type(self.account)._prepare_adjustment_move_vals
        # Its text is more than its words.
        fault = RedirectWarning(words := "Broken addon", 7, "Go there")

        def crash(account, values):
            if account.partner_id == bad:
                raise fault
            return native(account, values)

        with (
            patch.object(
                self.registry["client.account"], "_prepare_adjustment_move_vals", crash
            ),
            self.assertLogs("odoo.addons.client_account", "ERROR"),
        ):
            self._run_job()
        self.assertEqual(batch.state, "done")
        self.assertEqual(self._get_balances(), [20.0, 0.0, 20.0, 20.0, 20.0])
        self.assertEqual(batch.line_ids[1].problem, words)

    def test_the_channel_is_for_who_may_see_it(self):
        batch = self._make_batch()
        channel = f"client.credit.batch_{batch.id}"
        plain = self._make_user("cb_plain", "base.group_user")
        for user, heard in ((self.officer, True), (plain, False)):
            channels = self._build_channels(user, [channel, "client.credit.batch_x"])
            records = [item for item in channels if not isinstance(item, str)]
            self.assertEqual(any(item == batch for item in records), heard)
            texts = [item for item in channels if isinstance(item, str)]
            self.assertNotIn(channel, texts)

    def _build_channels(self, user, channels):
        """Return what a user's screen that asks for channels listens to."""
        websockets = self.env["ir.websocket"].with_user(user)
        target = "odoo.addons.bus.models.ir_websocket"
        fake = MagicMock()
        fake.session.uid = user.id
        fake.cookies = {}
        fake.httprequest.cookies = {}
        with patch(f"{target}.wsrequest", fake), patch(f"{target}.request", None):
            return websockets._build_bus_channel_list(channels)
