from datetime import timedelta

from odoo.tests import HttpCase, tagged

from .common import ClientAccountCommon, ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestTours(ClientAccountCommon, HttpCase):
    def test_credit_of_250_is_given_to_two_invoices_by_clicking(self):
        """The opening scenario: 250 = 100 + 150, and all three figures are right."""
        first = self._make_invoice(180, date_due=self.today - timedelta(days=20))
        second = self._make_invoice(150, date_due=self.today - timedelta(days=10))
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_account_allocation",
            login=self.env.user.login,
        )
        self.assertRecordValues(
            first + second,
            [
                {"amount_residual": 80.0, "payment_state": "partial"},
                {"amount_residual": 0.0, "payment_state": "paid"},
            ],
        )
        self.assertRecordValues(
            self.account,
            [{"balance": -80.0, "amount_owed": 80.0, "credit_available": 0.0}],
        )

    def test_refused_invoice_is_posted_once_there_is_credit(self):
        """A policy is set to prevented, an invoice refused with the shortfall named, a
        credit issued, and the same invoice posted and paid by the credit."""
        invoice = self._make_invoice(120, post=False)
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_account_gate",
            login=self.env.user.login,
        )
        self.assertRecordValues(
            invoice,
            [{"state": "posted", "payment_state": "paid", "amount_residual": 0.0}],
        )
        self.assertRecordValues(
            self.account, [{"negative_balance": "prevented", "balance": 0.0}]
        )

    def test_everything_is_done_from_the_profile(self):
        """A credit is issued and undone, money received for one invoice and for all."""
        first = self._make_invoice(180, date_due=self.today - timedelta(days=20))
        second = self._make_invoice(150, date_due=self.today + timedelta(days=10))
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_account_profile",
            login=self.env.user.login,
        )
        self.assertRecordValues(
            first + second, [{"amount_residual": 0.0}, {"amount_residual": 0.0}]
        )
        self.assertRecordValues(
            self.account, [{"balance": 0.0, "credit_available": 0.0}]
        )
        credit = self.env["account.move"].search([("client_adjustment", "=", "credit")])
        self.assertEqual(credit.mapped("state"), ["cancel"])

    def test_everything_is_done_by_keyboard(self):
        """A credit is issued, undone, issued again and allocated; all that is owed is
        received, a document opened and a limit requested, without a mouse."""
        leader = self._make_user(
            "kb_leader", "client_account.group_client_account_approver"
        )
        self.company.client_account_leader_id = leader
        first = self._make_invoice(180, date_due=self.today - timedelta(days=20))
        second = self._make_invoice(150, date_due=self.today + timedelta(days=10))
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_account_keyboard",
            login=self.env.user.login,
        )
        self.assertRecordValues(
            first + second, [{"amount_residual": 0.0}, {"amount_residual": 0.0}]
        )
        credits = self.env["account.move"].search(
            [("client_adjustment", "=", "credit")], order="id"
        )
        self.assertRecordValues(
            credits,
            [
                {
                    "state": "cancel",
                    "client_adjustment_reason": "two classes cancelled",
                },
                {"state": "posted", "client_adjustment_reason": "one class cancelled"},
            ],
        )
        credit = self._get_receivable(credits[1])
        self.assertEqual(
            credit.matched_debit_ids.debit_move_id.move_id, first, "not the one typed"
        )
        self.assertRecordValues(
            self.account.request_ids,
            [{"state": "submitted", "requested_limit": 900.0}],
        )

    def _make_pupils(self, count):
        return self.env["res.partner"].create(
            [{"name": f"Bulk pupil {number:02}"} for number in range(1, count + 1)]
        )

    def test_thirty_clients_are_credited_and_it_is_taken_back(self):
        """Thirty credits of 20, one of them 35; one allocated; the whole reversed."""
        pupils = self._make_pupils(30)
        invoice = self._make_invoice(20, pupils[4])
        self.start_tour(
            "/odoo/clients", "client_account_bulk_credits", login=self.env.user.login
        )
        batch = self.env["client.credit.batch"].search([], limit=1)
        self.assertRecordValues(
            batch, [{"state": "cancelled", "done_count": 30, "amount_booked": 0.0}]
        )
        self.assertEqual(sorted(batch.line_ids.mapped("amount"))[-2:], [20.0, 35.0])
        self.assertEqual(invoice.amount_residual, 20.0)
        allocation = self.env["client.credit.allocation.batch"].search([], limit=1)
        self.assertRecordValues(allocation.line_ids, [{"amount_done": 20.0}])
        self.assertEqual(
            [self._get_ledger_balance(pupil) for pupil in pupils[3:6]], [0, -20, 0]
        )

    def test_a_file_with_bad_lines_is_mended_and_booked(self):
        pupils = self._make_pupils(4)
        self.start_tour(
            "/odoo/client-bulk-credits",
            "client_account_bulk_import",
            login=self.env.user.login,
        )
        self.assertEqual(
            [self._get_ledger_balance(pupil) for pupil in pupils], [40, 4, 35, 20]
        )

    def test_every_view_of_the_accounts_draws(self):
        for amount, days in ((180, 20), (150, 10)):
            self._make_invoice(amount, date_due=self.today - timedelta(days=days))
        self.account._set_limit(100)
        self.start_tour(
            "/odoo/action-client_account.client_account_action",
            "client_account_views",
            login=self.env.user.login,
        )


@tagged("post_install", "-at_install")
class TestRequestTours(ClientAccountRequestCommon, HttpCase):
    def _start(self, tour, user, url):
        """Run a tour as a user whose password is the login."""
        self.start_tour(url, f"client_account_request_{tour}", login=user.login)

    def test_request_is_delegated_rejected_and_made_again(self):
        """A salesperson asks, the leader delegates, the approver rejects with a reason,
        the salesperson sees it and asks again, and the limit stands on the account."""
        for amount, days in ((180, 20), (150, 10)):
            self._make_invoice(amount, date_due=self.today - timedelta(days=days))
        (self.seller | self.leader | self.approver).notification_type = "inbox"
        contact, inbox = (
            f"/odoo/res.partner/{self.client.id}",
            "/odoo/discuss?active_id=mail.box_inbox",
        )
        self._start("ask", self.seller, contact)
        request = self._open_request()
        self.assertEqual(request.requested_by_id, self.seller)
        self._start("delegate", self.leader, inbox)
        self.assertEqual(request.approver_id, self.approver)
        self._start("reject", self.approver, "/odoo")
        self.assertRecordValues(
            request,
            [
                {
                    "state": "rejected",
                    "decided_by_id": self.approver.id,
                    "rejection_reason": "Two invoices are overdue",
                }
            ],
        )
        self.assertEqual(len(self._get_outcome_mails(request)), 1)
        self._start("hear", self.seller, inbox)
        self._start("ask_again", self.seller, contact)
        self._start("approve", self.leader, "/odoo/account-requests-to-approve")
        self.assertRecordValues(
            self.account, [{"state": "granted", "credit_limit": 350.0}]
        )

    def test_request_is_decided_on_the_clients_page(self):
        """A request is delegated, rejected and made again, approved and exceeded: each
        decision from the list of requests on the client's page."""
        (self.seller | self.leader | self.approver).notification_type = "inbox"
        contact = f"/odoo/res.partner/{self.client.id}"
        self._start("ask", self.seller, contact)
        first = self._open_request()
        self._start("delegate", self.leader, "/odoo/discuss?active_id=mail.box_inbox")
        self._start("reject_there", self.approver, contact)
        self.assertRecordValues(
            first,
            [
                {
                    "state": "rejected",
                    "decided_by_id": self.approver.id,
                    "rejection_reason": "Too much for a first year",
                }
            ],
        )
        self._start("ask_again", self.seller, contact)
        second = self._open_request()
        self._start("approve_there", self.leader, contact)
        self.assertRecordValues(
            second, [{"state": "approved", "decided_by_id": self.leader.id}]
        )
        self.assertRecordValues(
            self.account, [{"credit_limit": 400.0, "balance": -390.0}]
        )

    def test_staff_without_rights_asks_from_the_menu(self):
        self._make_invoice(330)
        self.start_tour(
            "/odoo/clients", "client_account_profile_staff", login=self.seller.login
        )

    def test_every_view_of_the_requests_draws(self):
        self._make_request(5)
        self._submit_request(5, partner=self.other_client)
        for state in ("approved", "rejected", "withdrawn"):
            client = self.env["res.partner"].create({"name": f"Client {state}"})
            request = self._submit_request(5, partner=client)
            if state == "approved":
                request.with_user(self.leader).action_approve()
            elif state == "rejected":
                self._reject(request, "No")
            else:
                request.action_withdraw()
        self._start("views", self.leader, "/odoo/account-requests")


@tagged("post_install", "-at_install")
class TestTelephoneTours(ClientAccountRequestCommon, HttpCase):
    browser_size = "390x844"
    touch_enabled = True

    def test_every_figure_is_in_sight_on_a_telephone(self):
        for amount, days in ((180, 20), (150, 10)):
            self._make_invoice(amount, date_due=self.today - timedelta(days=days))
        self.account.issue_credit(250, "Two classes cancelled by the teacher")
        self._submit_request(900)
        self.start_tour(
            "/odoo/clients", "client_account_telephone", login=self.env.user.login
        )


@tagged("post_install", "-at_install")
class TestDeskTours(ClientAccountCommon, HttpCase):
    browser_size = "1400x900"

    def test_nothing_is_cut_off_in_lists(self):
        for path in (
            "client-adjustment-reasons",
            "client-bulk-credits",
            "client-bulk-allocation",
        ):
            with self.subTest(path):
                self.start_tour(
                    f"/odoo/{path}",
                    "client_account_list_is_whole",
                    login=self.env.user.login,
                )

    def test_figures_of_the_profile_are_whole(self):
        self._make_invoice(1234567.89, date_due=self.today - timedelta(days=20))
        self.start_tour(
            f"/odoo/client-accounts/{self.account.id}",
            "client_account_profile_is_whole",
            login=self.env.user.login,
        )
