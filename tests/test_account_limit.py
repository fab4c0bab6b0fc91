from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestSuspension(ClientAccountRequestCommon):
    def test_suspended_means_no_limit_in_force(self):
        """Case 19: the limit stays on record, 0 is in force."""
        self._grant(100)
        self._make_invoice(30)
        account = self.account.with_user(self.officer)
        self.assertIs(account.action_suspend("Two invoices are overdue"), True)
        self.assertRecordValues(
            account,
            [
                {
                    "state": "suspended",
                    "state_reason": "Two invoices are overdue",
                    "credit_limit": 100.0,
                    "limit_in_force": 0.0,
                    "available": -30.0,
                }
            ],
        )
        self.assertIs(account.action_resume("All is paid"), True)
        self.assertRecordValues(
            account,
            [
                {
                    "state": "granted",
                    "state_reason": False,
                    "credit_limit": 100.0,
                    "limit_in_force": 100.0,
                }
            ],
        )
        notes = " ".join(account.message_ids.mapped("body"))
        self.assertIn("Two invoices are overdue", notes)
        self.assertIn("All is paid", notes)
        self.assertEqual(account.message_ids[0].author_id, self.officer.partner_id)

    def test_many_are_suspended_at_once(self):
        other = self._get_account(self.other_client)
        accounts = (self.account | other).with_user(self.officer)
        self._grant(100)
        with self.assertRefused("Bela Chess Club", "nothing to suspend"):
            accounts.action_suspend("Why")
        self.assertEqual(self.account.state, "granted")
        self._grant(50, partner=self.other_client)
        accounts.action_suspend("Why")
        self.assertEqual(accounts.mapped("state"), ["suspended"] * 2)
        self.assertTrue(accounts.browse().action_suspend("Why"))

    def test_refused_without_a_reason(self):
        self._grant(100)
        account = self.account.with_user(self.officer)
        for blank in ("", " \n", None, False, 5, "\u200b"):
            with self.subTest(blank=blank), self.assertRefused("Give a reason"):
                account.action_suspend(blank)
        self.assertEqual(account.state, "granted")

    def test_refused_twice_and_in_other_states(self):
        account = self.account.with_user(self.officer)
        for call in (account.action_suspend, account.action_resume):
            with self.assertRefused():
                call("Why")
        self._grant(100)
        with self.assertRefused("is not suspended"):
            account.action_resume("Why")
        account.action_suspend("Why")
        with self.assertRefused("nothing to suspend"):
            account.action_suspend("Why")

    def test_only_officers_suspend(self):
        self._grant(100)
        sister = self.env["res.company"].create({"name": "Sister"})
        stranger = self._make_user("al_sister", self.OFFICER, company=sister)
        for user in (self.seller, self.viewer, self.portal, stranger):
            account = self.account.with_user(user)
            for call in (
                lambda account=account: account.action_suspend("Why"),
                lambda account=account: account.action_open_suspension(),
                lambda user=user: (
                    self.env["client.account.suspension"]
                    .with_user(user)
                    .create({"account_ids": self.account.ids, "reason": "Why"})
                    .action_confirm()
                ),
            ):
                with (
                    self.subTest(user=user.login),
                    self.assertRefused(exception=AccessError),
                ):
                    call()
        self.assertEqual(self.account.state, "granted")

    def test_wizard_asks_why(self):
        self._grant(100)
        account = self.account.with_user(self.officer)
        for state in ("suspended", "granted"):
            action = account.action_open_suspension()
            form = Form(
                self.env["client.account.suspension"]
                .with_user(self.officer)
                .with_context(**action["context"])
            )
            form.reason = "Because"
            form.save().action_confirm()
            self.assertEqual(account.state, state)

    def test_approval_leaves_the_suspension(self):
        self._grant(100)
        self.account.action_suspend("Overdue")
        request = self._submit_request(300)
        self.assertEqual(request.sudo().kind, "raise")
        request.with_user(self.leader).action_approve()
        self.assertRecordValues(
            self.account,
            [
                {
                    "state": "suspended",
                    "state_reason": "Overdue",
                    "credit_limit": 300.0,
                    "limit_in_force": 0.0,
                }
            ],
        )


@tagged("post_install", "-at_install")
class TestLapse(ClientAccountRequestCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cron = cls.env.ref("client_account.ir_cron_lapse_limits")

    def _run_job(self, date):
        """Run the daily job on a day."""
        self.env.flush_all()
        with freeze_time(date), self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        self.env.invalidate_all()

    def _get_notes(self, account=None):
        account = account or self.account
        return [note for note in account.message_ids.mapped("body") if "lapsed" in note]

    def _get_announcements(self, account=None):
        """Return all announcements ever made, those done with too."""
        account = account or self.account
        return (
            self.env["mail.activity"]
            .with_context(active_test=False)
            .search([("res_model", "=", account._name), ("res_id", "=", account.id)])
        )

    def test_limit_lapses_to_the_former_one_once(self):
        self._grant(100)
        until = self.today + timedelta(days=60)
        self._grant(500, limit_until=until)
        self.assertEqual(self.account.limit_until, until)
        self._run_job(until)
        self.assertEqual(self.account.credit_limit, 500.0)
        self._run_job(until + timedelta(days=1))
        self.assertRecordValues(
            self.account,
            [
                {
                    "state": "granted",
                    "credit_limit": 100.0,
                    "limit_until": False,
                    "limit_in_force": 100.0,
                }
            ],
        )
        self.assertEqual(len(self._get_notes()), 1)
        self.assertIn("500.00", self._get_notes()[0])
        self._grant(700)
        self._run_job(until + timedelta(days=2))
        self.assertEqual(self.account.credit_limit, 700.0)
        self.assertEqual(len(self._get_notes()), 1)

    def test_first_limit_lapses_to_none(self):
        self._grant(500, limit_until=self.today)
        self._run_job(self.today + timedelta(days=1))
        self.assertRecordValues(
            self.account,
            [{"state": "not_granted", "credit_limit": 0.0, "limit_request_id": False}],
        )

    def test_limits_for_a_time_within_one_another(self):
        """100; 500 until day 90; 800 until day 30; then 500, and 100 at last."""
        base = self._grant(100)
        day_90 = self.today + timedelta(days=90)
        day_30 = self.today + timedelta(days=30)
        longer = self._grant(500, limit_until=day_90)
        self._grant(800, limit_until=day_30)
        self._run_job(day_30 + timedelta(days=1))
        self.assertRecordValues(
            self.account,
            [
                {
                    "credit_limit": 500.0,
                    "limit_until": day_90,
                    "limit_request_id": longer.id,
                }
            ],
        )
        self._run_job(day_90 + timedelta(days=1))
        self.assertRecordValues(
            self.account,
            [
                {
                    "credit_limit": 100.0,
                    "limit_until": False,
                    "limit_request_id": base.id,
                }
            ],
        )

    def test_former_limit_that_is_over_too_does_not_return(self):
        self._grant(100)
        self._grant(500, limit_until=self.today + timedelta(days=10))
        self._grant(800, limit_until=self.today + timedelta(days=20))
        self._run_job(self.today + timedelta(days=21))
        self.assertEqual(self.account.credit_limit, 100.0)
        self.assertFalse(self.account.limit_until)

    def test_suspension_neither_lapses_nor_returns(self):
        self._grant(100)
        self._grant(500, limit_until=self.today)
        self.account.action_suspend("Overdue")
        self._run_job(self.today + timedelta(days=1))
        self.assertEqual(self.account.state, "suspended")
        self.assertEqual(self.account.credit_limit, 100.0)
        self._grant(500, limit_until=self.today + timedelta(days=5))
        self.account.action_resume("Paid")
        self._run_job(self.today + timedelta(days=6))
        self.assertEqual(self.account.state, "granted")
        self.assertEqual(self.account.credit_limit, 100.0)

    def test_permanent_limit_ends_the_time(self):
        self._grant(500, limit_until=self.today + timedelta(days=5))
        self._grant(500)
        self.assertFalse(self.account.limit_until)
        self._run_job(self.today + timedelta(days=6))
        self.assertEqual(self.account.credit_limit, 500.0)

    def test_leader_is_told_thirty_days_ahead_once(self):
        self._grant(100)
        until = self.today + timedelta(days=60)
        self._grant(500, limit_until=until)
        self._run_job(until - timedelta(days=31))
        self.assertFalse(self._get_announcements())
        for _run in range(2):
            self._run_job(until - timedelta(days=30))
        activity = self._get_announcements()
        self.assertRecordValues(
            activity, [{"user_id": self.leader.id, "date_deadline": until}]
        )
        self.assertIn("500.00", activity.summary)
        activity.action_feedback("Seen")
        self._run_job(until - timedelta(days=1))
        self.assertEqual(self._get_announcements(), activity)
        # Another limit is another announcement.
        self._grant(600, limit_until=until)
        self._run_job(until - timedelta(days=1))
        self.assertEqual(len(self._get_announcements()), 2)
        self._run_job(until + timedelta(days=1))
        self.assertEqual(self.account.credit_limit, 100.0)
        self.assertFalse(self.account.activity_ids)

    def test_announced_once_there_is_somebody_to_tell(self):
        until = self.today + timedelta(days=9)
        self._grant(500, limit_until=until)
        self.patch(
            self.env.registry["res.company"],
            "_get_client_deciders",
            lambda company: self.leader.browse(),
        )
        self._run_job(self.today)
        self.assertFalse(self.account.limit_lapse_told)
        self.patch(
            self.env.registry["res.company"],
            "_get_client_deciders",
            lambda company: self.leader,
        )
        self._run_job(self.today)
        self.assertEqual(len(self._get_announcements()), 1)

    def test_one_bad_account_stops_no_other(self):
        other = self._get_account(self.other_client)
        for client in (self.client, self.other_client):
            self._grant(500, partner=client, limit_until=self.today)
        lapse = self.env.registry["client.account"]._lapse_limit
        bad = self.account

        def fail_for_one(account, today):
            if account.id == bad.id:
                raise ValueError("Broken")
            return lapse(account, today)

        self.patch(self.env.registry["client.account"], "_lapse_limit", fail_for_one)
        with self.assertLogs("odoo.addons.client_account", "ERROR") as logs:
            self._run_job(self.today + timedelta(days=1))
        self.assertIn("did not lapse", logs.output[0])
        self.assertEqual(bad.credit_limit, 500.0)
        self.assertEqual(other.state, "not_granted")

    def test_refused_in_the_past(self):
        request = self._submit_request(500, limit_until=self.today)
        with freeze_time(self.today + timedelta(days=1)):
            with self.assertRefused("is past"):
                request.with_user(self.leader).action_approve()
            request.with_user(self.leader).limit_until = self.today + timedelta(days=9)
            request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.limit_until, self.today + timedelta(days=9))


@tagged("post_install", "-at_install")
class TestBanner(ClientAccountRequestCommon):
    """Odoo's own banner reads the client's account."""

    def _get_warning(self, amount, **values):
        return self._make_invoice(amount, post=False, **values).partner_credit_warning

    def test_banner_reads_the_account_whatever_the_native_switch_says(self):
        self._grant(100)
        for switch in (False, True):
            self.company.account_use_credit_limit = switch
            with self.subTest(switch=switch):
                self.assertFalse(self._get_warning(100))
                warning = self._get_warning(100.01)
                self.assertIn("Ada Piano School", warning)
                self.assertIn("100.01", warning)
                self.assertIn("100.00", warning)

    def test_native_limit_is_read_until_somebody_decides(self):
        """Case 50: native limit 500, nobody decided: Odoo's own banner at 501."""
        self.company.account_use_credit_limit = True
        self.client.credit_limit = 500
        self.assertFalse(self._get_warning(500))
        self.assertIn("501", self._get_warning(501))
        self.assertIn("reached its credit limit", self._get_warning(501))
        self.company.account_use_credit_limit = False
        self.assertFalse(self._get_warning(501))
        self._grant(1000)
        self.assertFalse(self._get_warning(501))

    def test_default_of_the_company_is_read_until_somebody_decides(self):
        self.company.account_use_credit_limit = True
        self.env["ir.default"].set(
            "res.partner", "credit_limit", 50, company_id=self.company.id
        )
        self.env.invalidate_all()
        self.assertTrue(self._get_warning(51))
        self._grant(100)
        self.assertFalse(self._get_warning(51))

    def test_native_limit_of_a_decided_account_is_not_written(self):
        """Case 50: limit 100 granted; 500 written natively, by import too: refused."""
        self.client.credit_limit = 300
        self._grant(100)
        words = ("Ada Piano School", "Request an update")
        for values in (
            {"credit_limit": 500},
            {"credit_limit": 0},
            {"use_partner_credit_limit": False},
        ):
            with self.assertRefused(*words):
                self.client.write(values)
            with self.assertRefused(*words):
                self.client.sudo().write(values)
        rows = [[str(self.client.id), "500"]]
        answer = self.env["res.partner"].load([".id", "credit_limit"], rows)
        self.assertFalse(answer["ids"])
        self.assertIn("Request an update", answer["messages"][0]["message"])
        self.assertEqual(self.client.credit_limit, 300)
        self.assertEqual(self.account.limit_in_force, 100)
        # What does not change anything is no change: a form may send it all the same.
        self.client.write({"credit_limit": 300, "comment": "Fine"})
        self.other_client.credit_limit = 500

    def test_merging_takes_no_native_limit_over(self):
        self._grant(100)
        self.other_client.credit_limit = 500
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.client | self.other_client).ids, self.client
        )
        self.assertEqual(self.account.limit_in_force, 100)

    def test_balance_counts(self):
        self._grant(100)
        self._make_invoice(60)
        self.assertFalse(self._get_warning(40))
        self.assertIn("100.01", self._get_warning(40.01))
        self._issue_credit(50)
        self.assertFalse(self._get_warning(50))

    def test_zero_is_a_limit_and_nobody_s_is_none(self):
        self.assertFalse(self._get_warning(999999))
        self._grant(0)
        self.assertTrue(self._get_warning(0.01))

    def test_suspended_account_has_none_in_force(self):
        self._grant(100)
        self.account.action_suspend("Overdue")
        self.assertIn("is suspended", self._get_warning(5))

    def test_contact_and_branch_use_the_client_s_account(self):
        self._grant(100)
        contact = self.env["res.partner"].create(
            {"name": "Cleo", "parent_id": self.client.id}
        )
        self.assertTrue(self._get_warning(101, partner=contact))

    def test_foreign_document_counts_once(self):
        """Case 20: EUR 100 = USD 200 counts 200."""
        self._set_rate("2020-01-01", 0.5)
        self._grant(200)
        self.assertFalse(self._get_warning(100, currency_id=self.eur.id))
        self.assertIn("202.00", self._get_warning(101, currency_id=self.eur.id))

    def test_limit_is_the_document_s_company_s(self):
        """Case 21: whatever company the user has open."""
        other = self._create_company(name="Euro School")
        self.env.user.company_ids |= other
        self._get_account(self.client, other)._set_limit(5)
        invoice = self._make_invoice(50, post=False).with_context(
            allowed_company_ids=(other | self.company).ids
        )
        self.assertEqual(invoice.env.company, other)
        self.assertFalse(invoice.partner_credit_warning)
        self._grant(10)
        self.env.invalidate_all()
        self.assertTrue(invoice.partner_credit_warning)

    def test_figures_only_for_who_may_see_them(self):
        """An order's banner calls the same method under sudo."""
        self._grant(100)
        moves = self.env["account.move"]
        invoice = self._make_invoice(500, post=False)
        for user, sees in ((self.seller, False), (self.viewer, True)):
            warning = moves.with_user(user)._build_credit_warning_message(
                invoice.sudo(), current_amount=500
            )
            self.assertEqual(bool(warning), sees)
            self.assertEqual("500.00" in warning, sees)

    def test_committed_amount_is_not_counted_twice(self):
        self._grant(100)
        account = self.account
        build = self.env["account.move"]._build_credit_warning_message
        invoice = self._make_invoice(50, post=False)
        with self._committed({account: 60.0}):
            self.assertTrue(build(invoice, current_amount=50))
            self.assertFalse(build(invoice, current_amount=50, exclude_amount=50))
            self.assertFalse(build(invoice, current_amount=100, exclude_amount=60))

    def test_native_limit_is_hidden_once_somebody_decided(self):
        self.company.account_use_credit_limit = True
        view = "account.view_partner_property_form"
        with Form(self.client, view=view) as form:
            form.use_partner_credit_limit = True
            form.credit_limit = 50
        self.assertEqual(self.client.credit_limit, 50)
        self._grant(100)
        form = Form(self.client, view=view)
        for name in ("use_partner_credit_limit", "credit_limit"):
            with self.subTest(name=name), self.assertRaises(AssertionError):
                setattr(form, name, 5)

    def test_native_settings_stay(self):
        form = Form(
            self.env["res.config.settings"],
            view="account.res_config_settings_view_form",
        )
        form.account_use_credit_limit = True
        form.account_default_credit_limit = 5


@tagged("post_install", "-at_install")
class TestMovedClients(ClientAccountRequestCommon):
    """Case 34: a contact manager moves no balance, no limit and no open request."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = "base.group_user,base.group_partner_manager"
        cls.manager = cls._make_user("al_contacts", groups)
        cls.chief = cls._make_user("al_chief", f"{groups},{cls.APPROVER}")
        cls.parent = cls.env["res.partner"].create(
            {"name": "Holding", "is_company": True}
        )
        cls.other_account = cls._get_account(cls.other_client)
        cls.company.client_credit_application = "manual"

    def _merge(self, user, source, target):
        """Merge one contact into another."""
        self.env.flush_all()
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(user)
        wizard.create({})._merge(
            (source | target).ids, target.with_user(user), extra_checks=False
        )

    def _get_ways(self, user):
        """Yield the ways to take the client elsewhere."""
        client = self.client.with_user(user)
        yield "parent", lambda: client.write({"parent_id": self.parent.id})
        yield "web_save", lambda: client.web_save({"parent_id": self.parent.id}, {})
        yield (
            "commercial",
            lambda: client.write({"commercial_partner_id": self.parent.id}),
        )
        yield (
            "child_ids",
            lambda: self._link_child(user),
        )
        yield (
            "load",
            lambda: self._load(user),
        )
        yield "merge", lambda: self._merge(user, self.client, self.other_client)
        yield (
            "merge button",
            lambda: (
                self.env["base.partner.merge.automatic.wizard"]
                .with_user(user)
                .create(
                    {
                        "partner_ids": (self.client | self.other_client).ids,
                        "dst_partner_id": self.other_client.id,
                    }
                )
                .action_merge()
            ),
        )

    def _link_child(self, user):
        """Give the parent a child, on whom the ORM writes as the caller's user."""
        transaction = self.env.transaction
        self.patch(transaction, "default_env", self.env(user=user))
        self.parent.with_user(user).write({"child_ids": [Command.link(self.client.id)]})

    def _load(self, user):
        """Import a parent; refusals come back as messages."""
        result = self.client.with_user(user).load(
            [".id", "parent_id/.id"], [[str(self.client.id), str(self.parent.id)]]
        )
        if result["messages"]:
            raise UserError(result["messages"][0]["message"])

    def _assert_kept(self):
        for name, call in self._get_ways(self.manager):
            with (
                self.subTest(way=name),
                self.assertRefused("cannot be merged or moved"),
            ):
                call()
            self.env.invalidate_all()
            self.assertEqual(self.client.commercial_partner_id, self.client)
            self.assertEqual(self.account.partner_id, self.client)

    def test_refused_while_something_is_owed(self):
        self._make_invoice(100)
        self._assert_kept()

    def test_refused_while_there_is_credit(self):
        self._issue_credit(100)
        self._assert_kept()

    def test_refused_while_owed_and_credit_make_zero(self):
        self._make_invoice(100)
        self._issue_credit(100)
        self.assertEqual(self.account.balance, 0.0)
        self._assert_kept()

    def test_refused_while_there_is_a_limit(self):
        self._grant(100)
        self._assert_kept()
        self.account.action_suspend("Overdue")
        self._assert_kept()

    def test_refused_while_a_request_is_open(self):
        self._submit_request(100)
        self._assert_kept()

    def test_request_of_a_client_who_was_moved(self):
        request = self._make_request(100)
        self.client.sudo().with_user(
            self.env.ref("base.user_root")
        ).parent_id = self.parent
        self.assertEqual(self.client.commercial_partner_id, self.parent)
        self.assertEqual(self.account.state, "not_granted")
        self.assertFalse(self.parent.client_account_ids)
        with self.assertRefused("is a contact of Holding now"):
            request.action_submit()

    def test_contact_manager_learns_nothing_from_a_refusal(self):
        """Whether a balance or limit stands on a client's account, the answer is the
        same; contacts that are no clients are merged."""
        self.manager.company_ids |= self.company
        answers = set()
        for grant in (False, True):
            if grant:
                self._grant(100, partner=self.client)
            with self.assertRaises(UserError) as refused, self.env.cr.savepoint():
                self._merge(self.manager, self.client, self.other_client)
            answers.add(str(refused.exception))
        self.assertEqual(len(answers), 1)
        contacts = self.env["res.partner"].create([{"name": "Cleo"}, {"name": "Dido"}])
        self._merge(self.manager, *contacts)
        self.assertFalse(contacts[0].exists())

    def test_other_changes_of_a_client_go_through(self):
        self._grant(100)
        client = self.client.with_user(self.manager)
        client.write({"name": "Ada & Co", "parent_id": False})
        client.write({"is_company": True})
        client.write({"company_type": "company"})
        contact = self.env["res.partner"].create(
            {"name": "Cleo", "parent_id": self.client.id}
        )
        contact.with_user(self.manager).parent_id = self.parent
        self.assertEqual(contact.commercial_partner_id, self.parent)

    def test_contact_on_whom_items_stand_is_kept(self):
        contact = self.env["res.partner"].create(
            {"name": "Cleo", "parent_id": self.client.id}
        )
        line = self._get_receivable(self._make_invoice(100))
        self.env.cr.execute(
            "UPDATE account_move_line SET partner_id = %s WHERE id = %s",
            [contact.id, line.id],
        )
        self.env.invalidate_all()
        for vals in ({"parent_id": self.parent.id}, {"parent_id": False}):
            with self.assertRefused("Cleo"):
                contact.with_user(self.manager).write(vals)

    def test_other_company_s_approver_moves_nothing(self):
        sister = self.env["res.company"].create({"name": "Sister"})
        groups = f"{self.APPROVER},base.group_partner_manager"
        self.manager = self._make_user("al_sister", groups, company=sister)
        self._make_invoice(100)
        self._assert_kept()
        self._grant(100)
        self._assert_kept()

    def test_approver_gives_a_parent_and_limits_stay(self):
        self._grant(100)
        self._get_account(self.parent)._set_limit(40)
        self._make_invoice(30)
        self.client.with_user(self.chief).parent_id = self.parent
        target = self._get_account(self.parent)
        self.assertRecordValues(
            target, [{"state": "granted", "credit_limit": 40.0, "balance": -30.0}]
        )
        self.assertRecordValues(
            self.account, [{"state": "closed", "credit_limit": 0.0, "balance": 0.0}]
        )
        for account in (target, self.account):
            self.assertIn("now count for", account.message_ids[0].body)
            self.assertIn("100.00", account.message_ids[0].body)

    def test_who_moves_a_client_meets_what_others_have_booked_alone(self):
        """Not what stands as it was for others and was settled before in the same
        transaction; it is asked anew each time."""
        client = self.client.with_user(self.chief)
        accounts = self.registry["client.account"]
        invoice = self._make_invoice(30)
        self.env.flush_all()
        query = self.client._get_booked_sql(self.client)
        committed = self.env.execute_query(query)
        self.env["client.account"]._get_watch().origin.clear()
        self._make_payment(30)
        self.account.apply_credits()
        self.assertEqual(invoice.amount_residual, 0)
        self.assertNotEqual(set(self.env.execute_query(query)), set(committed))
        theirs = list(committed)

        def fetch(_accounts, asked):
            return theirs if asked.code == query.code else []

        with patch.object(accounts, "_fetch_fresh_rows", fetch):
            client.parent_id = self.parent
            client.parent_id = False
            theirs.append(("item", 0))
            with self.assertRaises(ConcurrencyError):
                client.parent_id = self.parent

    def test_approver_moves_an_open_request_along(self):
        request = self._submit_request(100)
        self.client.with_user(self.chief).parent_id = self.parent
        self.assertEqual(request.partner_id, self.parent)
        request.with_user(self.leader).action_approve()
        self.assertEqual(self._get_account(self.parent).credit_limit, 100.0)
        self.assertEqual(self.account.state, "closed")

    def test_agreement_about_one_client_is_none_about_another(self):
        self.company.write(
            {"client_two_approvers": True, "client_two_approvers_above": 50}
        )
        request = self._submit_request(100)
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.agreed_by_ids, self.leader)
        self._merge(self.chief, self.client, self.other_client)
        self.assertEqual(request.partner_id, self.other_client)
        self.assertFalse(request.agreed_by_ids)

    def test_refusals_name_no_client_to_outsiders(self):
        self._submit_request(100)
        for call in (
            lambda: self.client.with_user(self.seller).write({"is_company": False}),
            lambda: self.client.with_user(self.seller).unlink(),
            lambda: self.account.with_user(self.seller).write({"state": "closed"}),
            lambda: self.account.with_user(self.seller).unlink(),
        ):
            with self.assertRefused(exception=AccessError):
                call()

    def test_approver_merges_and_limits_stay(self):
        request = self._grant(100)
        self._grant(70, partner=self.other_client)
        self._make_invoice(30)
        attachment = self.env["ir.attachment"].create(
            {
                "name": "contract.txt",
                "raw": b"Contract",
                "res_model": "client.account",
                "res_id": self.account.id,
            }
        )
        notices = self.env["client.account.notice"].sudo()
        notice = notices.create(
            {"account_id": self.account.id, "kind": "limit_early"}
        ).sudo(False)
        self._merge(self.chief, self.client, self.other_client)
        self.assertEqual(attachment.res_id, self.other_account.id)
        self.assertEqual(notice.account_id, self.other_account)
        self.assertFalse(self.account.exists())
        self.assertRecordValues(
            self.other_account,
            [{"state": "granted", "credit_limit": 70.0, "balance": -30.0}],
        )
        self.assertEqual(request.account_id, self.other_account)
        self.assertEqual(request.partner_id, self.other_client)
        notes = " ".join(self.other_account.message_ids.mapped("body"))
        self.assertIn("was merged into this client", notes)
        self.assertIn("30.00", notes)
        self.assertIn("100.00", notes)
        # What was said on the account that is gone is not lost.
        self.assertIn("was approved by", notes)

    def test_merged_decision_is_kept_where_nobody_decided(self):
        until = self.today + timedelta(days=9)
        request = self._grant(100, limit_until=until)
        self._merge(self.chief, self.client, self.other_client)
        self.assertRecordValues(
            self.other_account,
            [
                {
                    "state": "granted",
                    "credit_limit": 100.0,
                    "limit_until": until,
                    "limit_request_id": request.id,
                }
            ],
        )

    def test_merged_suspension_keeps_its_reason(self):
        self._grant(100)
        self.account.action_suspend("Two invoices are overdue")
        self._merge(self.chief, self.client, self.other_client)
        self.assertRecordValues(
            self.other_account,
            [{"state": "suspended", "state_reason": "Two invoices are overdue"}],
        )

    def test_company_merged_into_a_contact_takes_its_limit_along(self):
        """The contact becomes a client of its own, not the company above it."""
        above = self.env["res.partner"].create({"name": "Above", "is_company": True})
        contact = self.env["res.partner"].create({"name": "Bob", "parent_id": above.id})
        self.client.is_company = True
        self._grant(100)
        self._make_invoice(30)
        self._merge(self.chief, self.client, contact)
        self.assertEqual(contact.commercial_partner_id, contact)
        self.assertRecordValues(
            self._get_account(contact),
            [{"state": "granted", "credit_limit": 100.0, "balance": -30.0}],
        )
        self.assertFalse(above.client_account_ids)

    def test_merge_refused_while_both_have_an_open_request(self):
        first = self._submit_request(100)
        self._merge(self.chief, self.client, self.other_client)
        self.assertEqual(first.account_id, self.other_account)
        self.assertEqual(first.state, "submitted")
        third = self.env["res.partner"].create({"name": "Third"})
        self._submit_request(5, partner=third)
        with self.assertRefused("waits for a decision"):
            self._merge(self.chief, third, self.other_client)

    def test_merge_of_three_in_two_companies(self):
        other = self._create_company(name="Euro School")
        self.chief.company_ids |= other
        elsewhere = self._get_account(self.client, other)
        elsewhere._set_limit(9)
        third = self.env["res.partner"].create({"name": "Third"})
        self._get_account(third)._set_limit(33)
        self._grant(100)
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(self.chief)
        wizard.create({})._merge(
            (self.client | third | self.other_client).ids,
            self.other_client.with_user(self.chief),
            extra_checks=False,
        )
        self.assertIn(self.other_account.credit_limit, (100.0, 33.0))
        self.assertEqual(self._get_account(self.other_client, other).credit_limit, 9.0)

    def test_client_with_requests_is_not_deleted(self):
        client = self.env["res.partner"].create({"name": "Short"})
        self._make_request(5, partner=client)
        client.with_user(self.manager).unlink()
        self.assertFalse(client.exists())
        client = self.env["res.partner"].create({"name": "Long"})
        self._submit_request(5, partner=client)
        with self.assertRefused("account requests about Long"):
            client.with_user(self.manager).unlink()
