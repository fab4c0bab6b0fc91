from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import UniqueViolation

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .portal_case import PortalCase


@tagged("post_install", "-at_install")
class TestAutoTopUp(PortalCase):
    """A client's card is charged when little is available."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client.email = "ada@example.com"
        cls.token = cls.env["payment.token"].create(
            {
                "provider_id": cls.provider.id,
                "payment_method_id": cls.method.id,
                "partner_id": cls.client.id,
                "provider_ref": "ref",
                "payment_details": "4242",
            }
        )
        cls.company.client_top_up_minimum = 10
        cls.outcome = "done"

    def setUp(self):
        super().setUp()
        case = self

        def answer(transaction):
            case.sent.append(transaction.id)
            if case.outcome == "done":
                transaction._set_done()
            elif case.outcome == "error":
                transaction._set_error("Declined")
            elif case.outcome in ("pending", "authorized"):
                getattr(transaction, f"_set_{case.outcome}")()
            elif case.outcome == "refused":
                raise UserError(case.env._("The provider is off."))

        self.sent = []
        self.startPatcher(
            patch.object(
                type(self.env["payment.transaction"]), "_send_payment_request", answer
            )
        )

    def _switch_on(self, threshold=50, maximum=200):
        self.account.sudo()._switch_auto_on(self.token, threshold, maximum)

    def _answer(self, outcome):
        """Let the provider answer the next charges otherwise."""
        self.__class__.outcome = outcome
        self.addCleanup(setattr, self.__class__, "outcome", "done")

    def _run(self):
        with self.enter_registry_test_mode():
            self.env.ref("client_account.ir_cron_auto_top_up").method_direct_trigger()
        self.env.invalidate_all()

    def _get_charges(self):
        return self.env["payment.transaction"].search(
            [("client_purpose", "=", "auto")], order="id"
        )

    def _get_mails(self):
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", "payment.transaction")], order="id")
        )

    def test_the_whole_gap_is_charged_once(self):
        self._switch_on()
        self.account.issue_credit(20, "Start")
        self._run()
        self.assertEqual(self._get_charges().mapped("amount"), [30])
        self.assertEqual(self.account.balance, 50)
        self._run()
        self.assertEqual(len(self.sent), 1)
        [mail] = self._get_mails()
        self.assertIn("30.00", mail.subject)
        self.assertIn("as you agreed", mail.body_html)
        self.assertIn("50.00", mail.body_html)

    def test_nothing_without_consent_or_policy(self):
        self._run()
        self._switch_on()
        self.account.top_up_policy = "forbidden"
        self._run()
        self.assertFalse(self.sent)

    def test_least_top_up_and_monthly_maximum(self):
        self._switch_on(50, 75)
        self.account.issue_credit(45, "Start")
        self._run()
        self.assertEqual(self._get_charges().mapped("amount"), [10])
        self.account.charge(55, "Lessons")
        self._run()
        self.assertEqual(self._get_charges().mapped("amount"), [10, 50])
        self.account.charge(50, "Lessons")
        # 15 of the month are left of a gap of 50.
        self._run()
        self.assertEqual(self._get_charges()[2:].mapped("amount"), [15])
        self._run()
        self.assertEqual(len(self.sent), 3)
        with freeze_time(fields.Datetime.now() + timedelta(days=32)):
            self._run()
        self.assertEqual(self._get_charges()[3:].mapped("amount"), [35])

    def test_what_was_agreed_to_counts(self):
        self._switch_on()
        self.company.client_top_up_minimum = 100
        self.account.issue_credit(45, "Start")
        self._run()
        self.assertEqual(self._get_charges().mapped("amount"), [10])

    def test_client_who_is_archived_is_not_charged(self):
        self._switch_on()
        self.portal_user.active = False
        self.client.active = False
        self._run()
        self.assertFalse(self.sent)

    def test_revoked_where_top_up_is_forbidden_since(self):
        self._switch_on()
        self.account.top_up_policy = "forbidden"
        self.assertIn("It is on", self._get_text("/auto"))
        typed = {"token_id": str(self.token.id), "threshold": "60", "maximum": "900"}
        self.assertEqual(self._post("/auto", typed).status_code, 404)
        self._post("/auto", {"step": "off"})
        self.assertFalse(self.account.auto_token_id)
        self.assertEqual(self._get("/auto").status_code, 404)

    def test_declined_pauses_and_stops_after_three(self):
        self._switch_on()
        self._answer("error")
        now = fields.Datetime.now()
        for number in range(5):
            with freeze_time(now + timedelta(minutes=61 * number)):
                self._run()
            with freeze_time(now + timedelta(minutes=61 * number + 30)):
                self._run()
        self.assertEqual(len(self.sent), 3)
        self.assertFalse(self.account.auto_token_id)
        self.assertIn("declined 3 times", str(self.account.message_ids.mapped("body")))
        mails = self._get_mails()
        self.assertEqual(len(mails), 3)
        self.assertIn("could not be charged", mails[0].subject)
        self.assertNotIn("is off now", mails[0].body_html)
        self.assertIn("is off now", mails[2].body_html)
        # A declined charge that succeeds late is booked.
        self._finish(self._get_charges()[0])
        self.assertEqual(self.account.balance, 50)

    def test_provider_that_is_off_is_a_decline(self):
        self._switch_on()
        self._answer("refused")
        self._run()
        self.assertEqual(self._get_charges().state, "error")
        self.assertEqual(self.account.auto_declines, 1)

    @mute_logger("odoo.addons.client_account.models.client_account_auto_top_up")
    def test_one_bad_client_stops_nobody(self):
        other = self._get_account(self.other_client)
        card = self.token.copy({"partner_id": self.other_client.id})
        self._switch_on()
        other.sudo()._switch_auto_on(card, 50, 200)
        accounts = type(self.account)
        prepare = accounts._prepare_auto_charge

        def fail(account, amount):
            if account == self.account:
                raise ValueError(account.id)
            return prepare(account, amount)

        self.env.cr.flush()
        with (
            patch.object(accounts, "_prepare_auto_charge", fail),
            # A test's cursor has nothing else to go back to.
            patch.object(type(self.env.cr), "rollback"),
        ):
            self._run()
        self.assertEqual(self._get_charges().client_account_id, other)

    def test_none_while_one_is_open_and_staff_is_told(self):
        self._switch_on()
        self._answer("nothing")
        self._run()
        self._run()
        charge = self._get_charges()
        self.assertEqual(charge.state, "draft")
        self.assertEqual(len(self.sent), 1)
        self.assertFalse(self.account.activity_ids)
        charge._write({"create_date": fields.Datetime.now() - timedelta(hours=2)})
        for _twice in range(2):
            self._run()
        leader = self.company._get_client_deciders()[:1]
        self.assertEqual(
            len(
                self.account.activity_ids.filtered(lambda item: item.user_id == leader)
            ),
            1,
        )
        self.assertEqual(len(self.sent), 1)
        self._finish(charge)
        self.assertEqual(self.account.balance, 50)

    @mute_logger("odoo.sql_db")
    def test_database_keeps_one_at_a_time(self):
        self._make_transaction(10, "auto")
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self._make_transaction(10, "auto", reference="second")

    def test_card_deleted(self):
        self._switch_on()
        [info] = self.token.get_linked_records_info()
        self.assertEqual(info["url"], "/my/client_account/auto")
        self.token.active = False
        self.assertFalse(self.account.auto_token_id)
        self._run()
        self.assertFalse(self.sent)
        self.token.active = True
        self._run()
        self.assertFalse(self.sent)

    def _run_at(self, *moments):
        """Run the job at moments, of UTC, each time with nothing available."""
        for moment in moments:
            with freeze_time(moment):
                if self.account.balance > 0:
                    self.account.charge(self.account.balance, "Lessons")
                before = self._get_charges()
                self._run()
                charge = self._get_charges() - before
                # The database's clock is not frozen.
                charge._write({"create_date": fields.Datetime.now()})
                charge.invalidate_recordset()

    def assertChargedAt(self, *expected):
        self._run_at(*(moment for moment, _amount in expected))
        self.assertEqual(
            [(str(tx.create_date), tx.amount) for tx in self._get_charges()],
            [(moment, amount) for moment, amount in expected if amount],
        )

    def test_a_month_begins_with_its_first_second(self):
        self._switch_on(50, 50)
        self.assertChargedAt(
            ("2026-03-01 00:00:05", 50),
            ("2026-03-01 00:15:40", 0),
            ("2026-03-31 23:59:59", 0),
            ("2026-04-01 00:00:00", 50),
            ("2028-02-29 23:30:00", 50),
            ("2028-03-01 00:00:10", 50),
        )

    def test_a_month_is_one_of_whoever_agreed(self):
        """At the end of a month, whatever the clock of the server says, and where the
        clocks change."""
        for zone, moments in {
            # 13 hours ahead, 12 in winter.
            "Pacific/Auckland": (
                ("2025-12-31 10:59:59", 50),
                ("2025-12-31 11:00:00", 50),
                ("2026-01-01 00:30:00", 0),
                ("2026-01-31 10:30:00", 0),
                ("2026-01-31 11:30:00", 50),
                ("2026-06-30 11:59:00", 50),
                ("2026-06-30 12:00:00", 50),
            ),
            # 8 hours behind, 7 in summer; the clocks change on 1 November 2026.
            "America/Los_Angeles": (
                ("2026-10-31 23:30:00", 50),
                ("2026-11-01 06:59:59", 0),
                ("2026-11-01 07:00:00", 50),
                ("2026-12-01 07:59:00", 0),
                ("2026-12-01 08:00:00", 50),
            ),
        }.items():
            with self.subTest(zone):
                self._get_charges().unlink()
                self.client.tz = zone
                self._switch_on(50, 50)
                self.assertChargedAt(*moments)

    def test_a_month_of_the_company_where_the_client_has_no_time_zone(self):
        self.client.tz = False
        self.company.partner_id.tz = "America/Los_Angeles"
        self._switch_on(50, 50)
        self.assertChargedAt(
            ("2026-06-30 23:30:00", 50),
            ("2026-07-01 06:30:00", 0),
            ("2026-07-01 07:00:00", 50),
        )

    def test_money_taken_that_is_not_booked_is_not_taken_again(self):
        self._switch_on()

        def fail(transaction, **values):
            raise ValueError(transaction)

        with (
            mute_logger("odoo.addons.client_account.models.client_account_auto_top_up"),
            patch.object(
                type(self.env["payment.transaction"]), "_create_payment", fail
            ),
            patch.object(type(self.env.cr), "rollback"),
        ):
            for _thrice in range(3):
                self._run()
        charge = self._get_charges()
        self.assertEqual(len(self.sent), 1)
        self.assertRecordValues(charge, [{"state": "done", "payment_id": False}])
        charge._post_process()
        self.account.charge(20, "Lessons")
        self._run()
        self.assertEqual(self._get_charges().mapped("amount"), [50, 20])
        self.assertEqual(self.account.balance, 50)

    def test_nothing_while_a_top_up_by_hand_is_taken_and_not_booked(self):
        self._switch_on()
        top_up = self._make_transaction(60)
        top_up._set_done()
        self._run()
        self.assertFalse(self.sent)
        top_up._post_process()
        self.assertEqual(self.account.balance, 60)

    def test_declined_later_pauses_and_stops_after_three(self):
        """Some providers answer hours or days after they were asked."""
        self._switch_on()
        self._answer("pending")
        now = fields.Datetime.now()
        for number in range(5):
            with freeze_time(now + timedelta(minutes=61 * number)):
                self._run()
                pending = self._get_charges().filtered(lambda tx: tx.state == "pending")
                self.assertEqual(self.account.auto_declines, min(number, 3))
                for transaction in pending:
                    transaction._set_error("Declined")
                    transaction._post_process()
            with freeze_time(now + timedelta(minutes=61 * number + 30)):
                self._run()
        self.assertEqual(len(self.sent), 3)
        self.assertFalse(self.account.auto_token_id)
        self.assertIn("declined 3 times", str(self.account.message_ids.mapped("body")))
        mails = self._get_mails()
        self.assertEqual(len(mails), 3)
        self.assertIn("is off now", mails[2].body_html)

    def test_what_was_reserved_is_captured_and_counts_once(self):
        self._support_capture()
        self.provider.capture_manually = True
        self._switch_on(50, 120)
        self._answer("authorized")
        self._run()
        charge = self._get_charges()
        self.assertEqual(charge.state, "authorized")
        self._run()
        self.assertEqual(len(self.sent), 1)
        captured = charge._capture()
        captured._set_done()
        captured._post_process()
        self.assertEqual(charge.state, "done")
        self.assertEqual(self.account.balance, 50)
        self.account.charge(50, "Lessons")
        self._answer("done")
        self._run()
        self.assertEqual(len(self.sent), 2)
        self.assertEqual(self.account.balance, 50)

    def test_a_refund_under_way_is_no_charge_under_way(self):
        self._switch_on()
        self._run()
        charge = self._get_charges()
        self.account.charge(40, "Lessons")
        self._answer("pending")
        self._run()
        self.assertEqual(len(self.sent), 2)
        refund = charge._create_child_transaction(10, is_refund=True)
        self.assertEqual(refund.client_purpose, "auto")

    def test_whoever_has_left_the_client_is_not_charged(self):
        colleague = self.client.create(
            {"name": "Colleague", "parent_id": self.client.id, "email": "c@example.com"}
        )
        card = self.token.copy({"partner_id": colleague.id})
        self.account.sudo()._switch_auto_on(card, 50, 200)
        colleague.active = False
        self._run()
        self.assertFalse(self.sent)
        colleague.write({"active": True, "parent_id": self.other_client.id})
        self._run()
        self.assertFalse(self.sent)
        colleague.parent_id = self.client
        self._run()
        self.assertEqual(len(self.sent), 1)

    def test_nothing_where_the_client_sees_nothing_of_it(self):
        """Hidden, there is no page to stop it on."""
        self._switch_on()
        self.account.balance_visibility = "hidden"
        self._run()
        self.assertFalse(self.sent)
        self.account.balance_visibility = "balance"
        self._run()
        self.assertEqual(len(self.sent), 1)

    def test_no_more_than_the_provider_takes_at_once(self):
        self.provider.maximum_amount = 30
        self._switch_on()
        self._run()
        self._run()
        self.assertEqual(self._get_charges().mapped("amount"), [30, 20])
        self.assertEqual(self.account.balance, 50)

    def test_a_client_of_a_second_company(self):
        other = self.setup_other_company(name="Second School")["company"]
        other.client_top_up_minimum = 10
        provider = self._make_provider(other)
        journal = self.env["account.journal"].search(
            [("company_id", "=", other.id), ("type", "=", "bank")], limit=1
        )
        journal.inbound_payment_method_line_ids[:1].payment_provider_id = provider
        provider.invalidate_recordset(["journal_id"])
        account = self.account._get_or_create(self.client, other)
        card = self.token.copy({"provider_id": provider.id})
        account.sudo()._switch_auto_on(card, 50, 200)
        self._switch_on(30, 200)
        self._run()
        self.assertEqual(len(self.sent), 2)
        self.assertEqual((account.balance, self.account.balance), (50, 30))
        moves = self._get_charges().payment_id.move_id
        self.assertEqual(moves.company_id, other | self.company)

    def test_switched_on_and_off_in_the_portal(self):
        self.assertIn("When less than this", self._get_text("/auto"))
        typed = {"token_id": str(self.token.id), "threshold": "50", "maximum": "200"}
        answer = self._post("/auto", typed)
        self.assertFalse(self.account.auto_token_id)
        consent = self.account._get_auto_consent(self.token, 50, 200)
        self.assertIn("I Agree", answer.text)
        # Other words than were read are not agreed to.
        self._post("/auto", {**typed, "step": "agree", "consent": "x"})
        self._post(
            "/auto", {**typed, "maximum": "900", "step": "agree", "consent": consent}
        )
        self.assertFalse(self.account.auto_token_id)
        self._post("/auto", {**typed, "step": "agree", "consent": consent})
        self.assertRecordValues(
            self.account,
            [
                {
                    "auto_token_id": self.token.id,
                    "auto_threshold": 50,
                    "auto_maximum": 200,
                    "auto_consent": consent,
                    "auto_consent_by_id": self.client.id,
                }
            ],
        )
        self.assertIn("It is on", self._get_text("/auto"))
        self._post("/auto", {"step": "off"})
        self.assertFalse(self.account.auto_token_id)

    def test_refused_in_the_portal(self):
        other = self.token.copy({"partner_id": self.other_client.id})
        consent = self.account._get_auto_consent(self.token, 50, 200)
        for change in (
            {"token_id": str(other.id)},
            {"token_id": "x"},
            {"threshold": "-1"},
            {"threshold": "1e2"},
            {"maximum": "5"},
            {"maximum": ""},
        ):
            with self.subTest(change):
                typed = {
                    "token_id": str(self.token.id),
                    "threshold": "50",
                    "maximum": "200",
                    "step": "agree",
                    "consent": consent,
                    **change,
                }
                page = self._post("/auto", typed).text
                self.assertIn("alert-danger", page)
                self.assertNotIn("for Ada Piano School", page, "spoken to, not about")
        values = {"token_id": str(self.token.id), "threshold": "50", "maximum": "200"}
        self.assertEqual(self._post("/auto", values, csrf=False).status_code, 400)
        self.account.balance_visibility = "hidden"
        self.assertEqual(self._get("/auto").status_code, 404)
        self.assertFalse(self.account.auto_token_id)
