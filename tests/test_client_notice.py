from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..models.client_account_alert import BATCH_SIZE
from .common import ClientAccountRequestCommon


class NoticeCommon(ClientAccountRequestCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Tests on a real server leave clients behind: about these nobody is told, so
        # that the job has time for ours.
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE client_account SET state = 'not_granted',"
            " negative_balance = 'allowed', low_balance_client = 'off',"
            " low_balance_manager = 'off', limit_exceeded_told = FALSE,"
            " limit_early_told = FALSE, low_balance_client_told = FALSE,"
            " low_balance_manager_told = FALSE WHERE id <> %s",
            [cls.account.id],
        )
        cls.env.invalidate_all()
        cls.company.client_credit_application = "manual"
        cls.company.email = "studio@example.com"
        cls.client.email = "ada@example.com"
        cls.manager = cls._make_user(
            "cn_manager", cls.VIEWER, email="manager@example.com"
        )
        cls.client.user_id = cls.manager
        cls.job = cls.env.ref("client_account.ir_cron_client_notices")

    def _run(self):
        """Run the job as the scheduler does; answer what it logged about Ada."""
        before = self.account.notice_ids
        with self.enter_registry_test_mode():
            self.job.method_direct_trigger()
        self.env.invalidate_all()
        return self.account.notice_ids - before

    def _set_balance(self, amount, partner=None):
        """Bring the client's balance to an amount by a credit or a charge."""
        account = self._get_account(partner or self.client)
        difference = round(amount - account.balance, 2)
        if difference > 0:
            account.issue_credit(difference, "Top-up")
        elif difference < 0:
            account.charge(-difference, "Lesson")
        self.assertEqual(account.balance, amount)

    def _watch_client(self, threshold=50, **values):
        self.account.write(
            {
                "low_balance_client": "on",
                "low_balance_client_threshold": threshold,
                **values,
            }
        )

    def _get_mails(self, notices):
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("mail_message_id", "in", notices.sudo().message_ids.ids)])
        )

    def _get_limit_activities(self):
        return self.account.activity_ids.filtered(
            lambda activity: (
                activity.activity_type_id
                == self.env.ref("client_account.mail_activity_type_limit_exceeded")
            )
        )


@tagged("post_install", "-at_install")
class TestLowBalance(NoticeCommon):
    def test_one_mail_each_time_it_crosses(self):
        """Case 35: 80 to 40 one, to 30 none, to 60 armed again, to 49 one.

        Back at the threshold itself is back: the next time below is told again.
        """
        self._watch_client()
        for balance, expected in (
            (80, 0),
            (40, 1),
            (30, 0),
            (60, 0),
            (49, 1),
            (50, 0),
            (49, 1),
        ):
            self._set_balance(balance)
            notices = self._run()
            with self.subTest(balance=balance):
                self.assertEqual(len(notices), expected)
                self.assertEqual(len(self._get_mails(notices)), expected)
                self.assertFalse(self._run(), "twice in a row")
        self.assertRecordValues(
            self.account.notice_ids,
            [
                {"kind": "low_balance_client", "threshold": 50, "amount": 49},
                {"kind": "low_balance_client", "threshold": 50, "amount": 49},
                {"kind": "low_balance_client", "threshold": 50, "amount": 40},
            ],
        )

    def test_committed_amounts_are_not_available(self):
        """The job's one query knows of them, for clients without items too."""
        self._watch_client()
        self._set_balance(80)
        other = self._get_account(self.other_client)
        other.write({"low_balance_client": "on", "low_balance_client_threshold": -5})
        self.assertFalse(self._run())
        with self._committed({self.account: 31, other: 5.01}):
            self.assertTrue(self._run())
            self.assertEqual(other.notice_ids.mapped("amount"), [-5.01])

    def test_hovering_within_one_run(self):
        """Case 35: 50, 49, 50, 49 within one run: one."""
        self._watch_client()
        for balance in (50, 49, 50, 49):
            self._set_balance(balance)
        self.assertEqual(len(self._run()), 1)
        for balance in (50, 49):
            self._set_balance(balance)
        self.assertFalse(self._run())

    def test_below_already(self):
        """Case 36: switched on, or the threshold raised, while below: one."""
        self._set_balance(40)
        self.assertFalse(self._run())
        self._watch_client(30)
        self.assertFalse(self._run())
        self._watch_client(50)
        self.assertEqual(len(self._run()), 1)
        self._watch_client(60)
        self.assertFalse(self._run())
        self.account.low_balance_client = "off"
        self.assertFalse(self._run())
        self.account.low_balance_client = "on"
        self.assertEqual(len(self._run()), 1)

    def test_limit_in_force_is_available_too(self):
        self._watch_client()
        self._grant(100)
        self._set_balance(-40)
        self.assertFalse(self._run())
        self.account.action_suspend("Late")
        [notice] = self._run().filtered(lambda item: item.kind == "low_balance_client")
        self.assertEqual(notice.amount, -40)

    def test_threshold_of_the_company(self):
        """A threshold of the account counts only where its own switch is set."""
        self.company.write(
            {
                "client_low_balance_client": "on",
                "client_low_balance_client_threshold": 20,
            }
        )
        self.account.low_balance_client_threshold = 500
        self._set_balance(30)
        self.assertFalse(self._run())
        self.account.low_balance_client = "on"
        self.assertEqual(self._run().threshold, 500)
        self.account.low_balance_client = "off"
        self._set_balance(5)
        self.assertFalse(self._run())

    def test_client_and_manager_are_independent(self):
        """Case 36: thresholds of their own, each with one message."""
        self._watch_client(
            50, low_balance_manager="on", low_balance_manager_threshold=80
        )
        self._set_balance(90)
        self.assertFalse(self._run())
        self._set_balance(70)
        [notice] = self._run()
        self.assertEqual(notice.kind, "low_balance_manager")
        self.assertEqual(notice.recipient_ids, self.manager.partner_id)
        self._set_balance(40)
        [notice] = self._run()
        self.assertEqual(notice.kind, "low_balance_client")
        self.assertEqual(notice.recipient_ids, self.client)

    def test_mail_to_the_client(self):
        self.client.lang = "en_US"
        self._watch_client()
        self._set_balance(40)
        [notice] = self._run()
        mail = self._get_mails(notice)
        self.assertEqual(mail.recipient_ids, self.client)
        self.assertIn("running low", mail.subject)
        self.assertIn("40.00", mail.body_html)
        self.assertIn("/my/client_account", mail.body_html)
        self.assertIn("manager@example.com", mail.reply_to)
        self.assertEqual(notice.state, "waiting")
        sent = self._open_mail_server()
        mail.send()
        self.assertEqual((mail.state, notice.state), ("sent", "delivered"))
        self.assertEqual(len(sent), 1)

    def test_mail_tells_no_amount_to_a_client_who_may_not_see_it(self):
        self._watch_client(balance_visibility="hidden")
        self._set_balance(41.25)
        notice = self._run()
        mail = self._get_mails(notice)
        self.assertTrue(notice.amount_hidden)
        self.assertIn("running low", mail.body_html)
        self.assertNotRegex(mail.body_html, r"\d\.\d\d")
        self.assertNotIn("/my/client_account", mail.body_html)

    def test_used_up_and_below(self):
        self._watch_client()
        for balance, words in ((0, "is used up"), (-5, "more than that")):
            self._set_balance(60)
            self._run()
            self._set_balance(balance)
            body = self._get_mails(self._run()).body_html
            self.assertIn(words, body)
            self.assertEqual("You owe" in body, balance < 0)
            self.assertEqual("add to your balance" in body, balance >= 0)

    def test_mail_says_what_is_owed_and_overdue(self):
        self._watch_client(credit_application="manual")
        self._set_balance(60)
        self._run()
        self._make_invoice(45, date_due="2020-01-31")
        body = self._get_mails(self._run()).body_html
        self.assertRegex(body, r"(?s)15\.00.*left to spend")
        self.assertNotIn("You owe", body)
        self._make_invoice(30, date_due="2999-01-31")
        self.account.low_balance_client_threshold = 60
        self._set_balance(70)
        self._run()
        self._make_invoice(90, date_due="2999-01-31")
        body = self._get_mails(self._run()).body_html
        self.assertRegex(body, r"(?s)You owe .*20\.00")
        self.assertNotIn("is overdue", body)

    def test_nobody_to_mail_to(self):
        """Case 36: no address: the run goes on and says so on the account."""
        clients = self.client | self.other_client
        self.client.email = False
        self.other_client.email = "bela@example.com"
        self.company.write(
            {
                "client_low_balance_client": "on",
                "client_low_balance_client_threshold": 50,
            }
        )
        for client in clients:
            self._set_balance(10, partner=client)
        notice = self._run()
        self.assertEqual(notice.state, "waiting")
        self.assertIn("no e-mail address", notice.failure_reason)
        self.assertEqual(len(self._get_account(self.other_client).notice_ids), 1)
        self.assertFalse(self._run())

    def test_notice_waits_for_an_address_while_it_holds(self):
        """It goes out once there is an address, once, with the amount of that day."""
        self.client.email = False
        self._watch_client()
        self._set_balance(10)
        notice = self._run()
        self.assertFalse(self._get_mails(notice))
        self._set_balance(8)
        self.assertFalse(self._run())
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", self.job.id)])
        triggers.unlink()
        self.client.email = "late@example.com"
        self.assertTrue(
            self.env["ir.cron.trigger"].search([("cron_id", "=", self.job.id)])
        )
        for _twice in range(2):
            self.assertFalse(self._run())
            self.assertEqual(len(self._get_mails(notice)), 1)
        self.assertEqual(notice.amount, 8)
        self.assertFalse(notice.failure_reason)

    def test_notice_that_holds_no_longer_is_not_sent(self):
        self.client.email = False
        self._watch_client()
        self._set_balance(10)
        notice = self._run()
        self._set_balance(70)
        self.client.email = "late@example.com"
        self.assertFalse(self._run())
        self.assertEqual(notice.state, "not_sent")
        self.assertIn("balance was back", notice.failure_reason)
        self.assertFalse(self._get_mails(notice))
        self._set_balance(9)
        self.assertEqual(len(self._get_mails(self._run())), 1)

    def test_notice_waits_for_a_client_to_be_restored(self):
        self._watch_client()
        self._set_balance(10)
        self.client.active = False
        notice = self._run()
        self.assertIn("archived", notice.failure_reason)
        self.assertFalse(self._run())
        self.client.active = True
        self.assertFalse(self._run())
        self.assertEqual(len(self._get_mails(notice)), 1)

    def test_contact_for_invoices_is_written_to(self):
        contact = self.env["res.partner"].create(
            {
                "name": "Ada's bookkeeper",
                "parent_id": self.client.id,
                "type": "invoice",
                "email": "books@example.com",
            }
        )
        self._watch_client()
        self._set_balance(10)
        notice = self._run()
        self.assertEqual(notice.recipient_ids, contact)
        self.assertEqual(self._get_mails(notice).recipient_ids, contact)
        contact.email = False
        self._set_balance(60)
        self._run()
        self._set_balance(10)
        notice = self._run()
        self.assertEqual(self._get_mails(notice).recipient_ids, self.client)

    def test_address_of_a_new_contact_is_enough(self):
        self.client.email = False
        self._watch_client()
        self._set_balance(10)
        notice = self._run()
        contact = self.env["res.partner"].create(
            {
                "name": "Ada's bookkeeper",
                "parent_id": self.client.id,
                "type": "invoice",
                "email": "books@example.com",
            }
        )
        self._run()
        self.assertEqual(self._get_mails(notice).recipient_ids, contact)

    def test_mail_server_down(self):
        """Case 38: the invoice posts, the mail waits and is sent once."""
        self._watch_client()
        self._make_invoice(10)
        notice = self._run()
        mail = self._get_mails(notice)
        self._open_mail_server(fault=OSError("The server is down."))
        mail.send()
        self.assertEqual((mail.state, notice.state), ("exception", "waiting"))
        self.assertIn("The server is down", notice.failure_reason)
        # The next run has Odoo try again, and tells nothing twice.
        self.assertFalse(self._run())
        self.assertEqual(mail.state, "outgoing")
        sent = self._open_mail_server()
        mail.send()
        self.assertFalse(self._run())
        mail.send()
        self.assertEqual(len(sent), 1)
        self.assertEqual((notice.state, notice.failure_reason), ("delivered", False))

    def _open_mail_server(self, fault=None):
        """Have a mail server take mails, or none: answer the list of those taken."""
        taken = []

        def connect(server, *args, **options):
            if fault:
                raise fault

        def send_email(server, message, *args, **options):
            taken.append(message["To"])
            return "<id@example.com>"

        servers = type(self.env["ir.mail_server"])
        self.patch(servers, "_disable_send", lambda server: False)
        self.patch(servers, "_connect__", connect)
        self.patch(servers, "send_email", send_email)
        return taken

    def test_manager_is_told_in_the_inbox_or_by_mail(self):
        self.account.write(
            {"low_balance_manager": "on", "low_balance_manager_threshold": 50}
        )
        for preference, mails in (("inbox", 0), ("email", 1)):
            self.manager.notification_type = preference
            self._set_balance(60)
            self._run()
            self._set_balance(40)
            [notice] = self._run()
            notification = notice.sudo().message_ids.notification_ids
            with self.subTest(preference=preference):
                self.assertEqual(notification.res_partner_id, self.manager.partner_id)
                self.assertEqual(notification.notification_type, preference)
                self.assertEqual(len(self._get_mails(notice)), mails)
                body = str(notice.sudo().message_ids.body)
                self.assertIn("40.00", body)
                self.assertIn(f"client.account&amp;res_id={self.account.id}", body)
                self.assertEqual(
                    notice.state, "delivered" if preference == "inbox" else "waiting"
                )

    def test_manager_without_the_right_hears_no_amount(self):
        self.client.user_id = self.seller
        self.account.write(
            {"low_balance_manager": "on", "low_balance_manager_threshold": 50}
        )
        self._set_balance(41.25)
        [notice] = self._run()
        message = notice.sudo().message_ids
        self.assertEqual(
            (message.model, message.res_id), ("res.partner", self.client.id)
        )
        self.assertNotRegex(str(message.body) + message.subject, r"\d\.\d\d")
        self.assertIn("Ada Piano School", str(message.body))
        with self.assertRaises(AccessError):
            notice.with_user(self.seller).read(["amount"])

    def test_leader_where_there_is_no_manager(self):
        self.client.user_id = False
        self.account.write(
            {"low_balance_manager": "on", "low_balance_manager_threshold": 50}
        )
        self._set_balance(40)
        self.assertEqual(self._run().recipient_ids, self.leader.partner_id)
        self.leader.active = False
        self._set_balance(60)
        self._run()
        self._set_balance(40)
        approvers = self.company._get_client_approvers()
        (approvers - self.approver).notification_type = "inbox"
        notice = self._run()
        self.assertEqual(notice.recipient_ids, approvers.partner_id)
        self.assertEqual(len(notice.sudo().message_ids), len(approvers))
        # One of them has it by e-mail, which is still to be sent.
        self.assertEqual(notice.state, "waiting")
        self._open_mail_server()
        self._get_mails(notice).send()
        self.assertEqual(notice.state, "delivered")

    def test_salesperson_of_another_company_is_no_manager(self):
        stranger = self._make_user(
            "cn_elsewhere",
            self.VIEWER,
            company=self.setup_other_company(name="Elsewhere")["company"],
        )
        self.client.user_id = stranger
        self.account.write(
            {"low_balance_manager": "on", "low_balance_manager_threshold": 50}
        )
        self._set_balance(40)
        self.assertEqual(self._run().recipient_ids, self.leader.partner_id)

    def test_second_company_and_currency(self):
        euros = self.setup_other_company(name="Sister", currency_id=self.eur.id)
        company = euros["company"]
        company.write(
            {
                "client_low_balance_client": "on",
                "client_low_balance_client_threshold": 50,
            }
        )
        account = self._get_account(self.client, company)
        self._set_balance(10)
        self.assertFalse(self._run())
        [notice] = account.notice_ids
        self.assertEqual((notice.currency_id, notice.amount), (self.eur, 0))
        self.assertIn("Sister", self._get_mails(notice).subject)

    def test_zero_accounts_and_many(self):
        """More than a batch; each client gets one mail."""
        self.assertFalse(self._run())
        count = BATCH_SIZE + 5
        clients = self.env["res.partner"].create(
            [
                {"name": f"Client {index}", "email": f"client{index}@example.com"}
                for index in range(count)
            ]
        )
        accounts = self._get_account(clients)
        accounts.write({"low_balance_client": "on", "low_balance_client_threshold": 1})
        self._run()
        for _again in range(2):
            self.assertEqual(set(accounts.mapped(lambda one: len(one.notice_ids))), {1})
            self.assertEqual(len(self._get_mails(accounts.notice_ids)), count)
            self._run()

    def test_posting_meanwhile_is_no_fault(self):
        """What fails to serialize is told by the next run, not logged as failed."""
        self._watch_client()
        self._set_balance(40)
        model = type(self.env["client.account"])
        conflict = patch.object(
            model, "_send_notices", side_effect=SerializationFailure
        )
        with conflict:
            self.assertFalse(self._run())
        self.assertFalse(self.account.low_balance_client_told)
        self.assertEqual(len(self._run()), 1)

    def test_one_bad_client_stops_nobody(self):
        clients = self.client | self.other_client
        self.other_client.email = "bela@example.com"
        self.company.write(
            {
                "client_low_balance_client": "on",
                "client_low_balance_client_threshold": 50,
            }
        )
        for client in clients:
            self._set_balance(10, partner=client)
        model = type(self.env["client.account.notice"])
        original = model._mail_clients

        def mail_clients(notices):
            if self.client in notices.partner_id:
                raise ValueError("A template that does not render")
            return original(notices)

        with (
            patch.object(model, "_mail_clients", mail_clients),
            self.assertLogs(
                "odoo.addons.client_account.models.client_account_alert", "ERROR"
            ),
        ):
            notice = self._run()
        self.assertEqual(notice.state, "failed")
        self.assertIn("does not render", notice.failure_reason)
        self.assertEqual(
            self._get_account(self.other_client).notice_ids.state, "waiting"
        )


@tagged("post_install", "-at_install")
class TestLimitNotices(NoticeCommon):
    def test_limit_exceeded_once(self):
        """Case 37: exceeded twice without coming back: one activity and message."""
        self._grant(100)
        self._set_balance(-120)
        [notice] = self._run()
        self.assertRecordValues(
            notice,
            [{"kind": "limit_exceeded", "threshold": 100, "amount": 120}],
        )
        self.assertEqual(notice.recipient_ids, self.leader.partner_id)
        self.assertIn("120.00", str(notice.sudo().message_ids.body))
        [activity] = self._get_limit_activities()
        self.assertEqual(activity.user_id, self.leader)
        self.assertIn("120.00", activity.summary)
        self._set_balance(-150)
        self.assertFalse(self._run())
        # Suspended in between: still one.
        self.account.action_suspend("Late")
        self.assertFalse(self._run())
        self.account.action_resume("Talked")
        self.assertFalse(self._run())
        self.assertEqual(self._get_limit_activities(), activity)
        # Back within the limit: nothing to do any more; and again.
        self._set_balance(-100)
        self.assertFalse(self._run())
        self.assertFalse(self._get_limit_activities())
        self._set_balance(-100.01)
        self.assertEqual(len(self._run()), 1)
        self.assertEqual(len(self._get_limit_activities()), 1)

    def test_one_message_in_all(self):
        """The activity notifies nobody beside the message."""
        self.leader.notification_type = "inbox"
        self._grant(100)
        self._set_balance(-120)
        self._run()
        notifications = (
            self.env["mail.notification"]
            .sudo()
            .search(
                [
                    ("mail_message_id.model", "=", "client.account"),
                    ("mail_message_id.res_id", "=", self.account.id),
                    ("res_partner_id", "=", self.leader.partner_id.id),
                ]
            )
        )
        self.assertEqual(len(notifications), 1)

    def test_nobody_granted_a_limit(self):
        """Case 19: no limit notices for an account nobody granted."""
        self._set_balance(-500)
        self.assertFalse(self._run())
        self.account._set_limit(0, "closed")
        self.assertFalse(self._run())
        self.account._set_limit(0)
        self.assertEqual(self._run().kind, "limit_exceeded")

    def test_early_word(self):
        self._grant(100)
        for balance, expected in (
            (-79.99, []),
            (-80, ["limit_early"]),
            (-90, []),
            (-79, []),
            (-100, ["limit_early"]),
            (-101, ["limit_exceeded"]),
            (-100, []),
            (-10, []),
            # Both at once: the later one says it all.
            (-150, ["limit_exceeded"]),
        ):
            self._set_balance(balance)
            with self.subTest(balance=balance):
                self.assertEqual(self._run().mapped("kind"), expected)
        self.assertFalse(self._run())

    def test_share_of_the_company(self):
        self.company.client_limit_warning_share = 50
        self._grant(100)
        self._set_balance(-50)
        [notice] = self._run()
        self.assertEqual((notice.threshold, notice.amount), (50, 50))
        self.company.client_limit_warning_share = 0
        self.assertFalse(self._run())
        self._set_balance(-100)
        self.assertFalse(self._run())

    def test_several_things_told_to_one_user_in_one_message(self):
        self.client.user_id = self.leader
        self.account.write(
            {"low_balance_manager": "on", "low_balance_manager_threshold": 50}
        )
        self._grant(100)
        self._set_balance(-120)
        notices = self._run()
        self.assertEqual(
            set(notices.mapped("kind")), {"low_balance_manager", "limit_exceeded"}
        )
        self.assertEqual(len(notices.sudo().message_ids), 1)

    def test_nobody_to_decide(self):
        self._grant(100)
        self._set_balance(-120)
        users = self.company._get_client_approvers()
        self.patch(
            type(self.company), "_get_client_deciders", lambda company: users.browse()
        )
        notice = self._run()
        self.assertEqual(notice.state, "not_sent")
        self.assertIn("Nobody may decide", notice.failure_reason)


@tagged("post_install", "-at_install")
class TestPreventedWithoutLimit(NoticeCommon):
    """Under `prevented`, a client about whom nobody decided has a limit of zero."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_account_leader_id = cls.leader

    def test_bounced_payment_is_told_once(self):
        """Case 49: balance 0, a payment of 50 bounces: "50.00 owed", once."""
        for record, name in (
            (self.account, "negative_balance"),
            (self.company, "client_negative_balance"),
        ):
            record[name] = "prevented"
            payment = self._make_payment(50)
            invoice = self._make_invoice(50)
            lines = payment.move_id.line_ids | invoice.line_ids
            lines.filtered(
                lambda line: line.account_type == "asset_receivable"
            ).reconcile()
            self.assertEqual(self.account.balance, 0)
            self.assertFalse(self._run())
            payment.move_id.line_ids.remove_move_reconcile()
            payment.action_draft()
            payment.action_cancel()
            self.assertEqual(self.account.balance, -50)
            notice = self._run()
            self.assertEqual(notice.kind, "limit_exceeded")
            self.assertEqual((notice.threshold, notice.amount), (0, 50))
            self.assertFalse(self._run())
            self.assertEqual(len(self._get_limit_activities()), 1)
            record[name] = "allowed" if record == self.company else False
            self._run()
            self.assertFalse(self._get_limit_activities())
            self._set_balance(0)

    def test_switching_the_policy_on_wakes_the_job(self):
        self._set_balance(-5)
        self.assertFalse(self._run())
        self.account.negative_balance = "prevented"
        self.assertEqual(self._run().kind, "limit_exceeded")

    def test_deleted_credit_is_told(self):
        self.account.negative_balance = "prevented"
        credit = self.env["account.move"].browse(self.account.issue_credit(20, "Ill"))
        self.account.credit_application = "next"
        self._make_invoice(20)
        credit.action_client_adjustment_release_delete()
        self.assertEqual(self._run().amount, 20)


@tagged("post_install", "-at_install")
class TestNoticeJob(NoticeCommon):
    """What wakes the job, and who may see the log."""

    def _wakes(self, change):
        """Return how many times a change wakes the job that nothing else has woken."""
        triggers = self.env["ir.cron.trigger"]
        domain = [("cron_id", "=", self.job.id)]
        triggers.search(domain).unlink()
        change()
        self.env.flush_all()
        return triggers.search_count(domain)

    def test_what_wakes_it(self):
        invoice = self._make_invoice(10, post=False)
        # Nobody is told anything about this client.
        self.assertEqual(self._wakes(invoice.action_post), 0)
        invoice.button_draft()
        self._watch_client()
        self.assertEqual(self._wakes(invoice.action_post), 1)
        self.assertEqual(self._wakes(invoice.button_draft), 1)
        for change in (
            lambda: self.account.issue_credit(5, "Sorry"),
            lambda: self._make_payment(5),
            lambda: self.account._set_limit(5),
            lambda: self._watch_client(20),
            lambda: self.company.write({"client_low_balance_manager": "on"}),
        ):
            self.assertEqual(self._wakes(change), 1)
        bill = self._make_invoice(10, post=False, move_type="in_invoice")
        self.assertEqual(self._wakes(bill.action_post), 0)
        self.assertEqual(self._wakes(lambda: self.client.write({"name": "Ada"})), 0)

    def test_once_in_a_transaction(self):
        self._watch_client()

        def charge_thrice():
            for _time in range(3):
                self.account.charge(5, "Book")

        def charge_after_one_that_is_rolled_back():
            with self.env.cr.savepoint() as savepoint:
                self.account.charge(5, "Book")
                savepoint.rollback()
            self.env.invalidate_all()
            self.account.charge(5, "Book")

        self.assertEqual(self._wakes(charge_thrice), 1)
        self.assertEqual(self._wakes(charge_after_one_that_is_rolled_back), 1)

    def test_one_query_over_all_accounts(self):
        self._watch_client()
        self.account.flush_recordset()
        self.env["client.account"]._fetch_crossed_ids()
        with self.assertQueryCount(1):
            found = self.env["client.account"]._fetch_crossed_ids()
        self.assertIn(self.account.id, found)

    def test_every_15_minutes(self):
        self.assertEqual(
            (self.job.interval_number, self.job.interval_type), (15, "minutes")
        )

    def test_log_is_nobody_s_to_write(self):
        self._watch_client()
        self._set_balance(10)
        notice = self._run()
        self.assertEqual(notice.with_user(self.viewer).amount, 10)
        for user in (self.viewer, self.officer, self.approver):
            log = notice.with_user(user)
            for call in (
                lambda log=log: log.write({"amount": 1}),
                lambda log=log: log.copy(),
                lambda log=log: log.unlink(),
            ):
                with self.assertRaises(AccessError):
                    call()
        with self.assertRaises(AccessError):
            notice.with_user(self.seller).read(["kind"])
        stranger = self._make_user(
            "cn_stranger",
            self.APPROVER,
            company=self.setup_other_company(name="Elsewhere")["company"],
        )
        self.assertFalse(
            self.env["client.account.notice"].with_user(stranger).search([])
        )

    def test_date_is_now(self):
        self._watch_client()
        self._set_balance(10)
        moment = fields.Datetime.now()
        self.assertLessEqual(abs((self._run().date - moment).total_seconds()), 60)
