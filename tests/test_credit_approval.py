from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestCreditApproval(ClientAccountRequestCommon):
    """Credits above an amount are asked for, and booked when they are approved."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"client_credit_approval": True, "client_credit_approval_above": 200}
        )
        cls.product = cls.env["product.product"].create(
            {
                "name": "Cancelled class",
                "taxes_id": [
                    Command.set(
                        cls.env["account.tax"]
                        .create({"name": "Ten percent", "amount": 10})
                        .ids
                    )
                ],
            }
        )

    def _make_window(self, amount, user=None, accounts=None, **values):
        return (
            self.env["client.account.adjustment"]
            .with_user(user or self.officer)
            .create(
                {
                    "account_ids": [Command.set((accounts or self.account).ids)],
                    "kind": "credit",
                    "amount": amount,
                    "reason": "Term cancelled",
                    **values,
                }
            )
        )

    def _get_requests(self):
        return self.env["client.account.request"].search([("subject", "=", "credit")])

    def _get_credits(self):
        return self.env["account.move"].search(
            [("client_adjustment", "=", "credit"), ("state", "=", "posted")]
        )

    def test_up_to_the_amount_it_is_booked(self):
        window = self._make_window(200)
        self.assertFalse(window.approval_note)
        window.action_confirm()
        self.assertEqual(self.account.balance, 200)
        self.assertFalse(self._get_requests())

    def test_above_it_is_asked_for_and_booked_when_approved(self):
        window = self._make_window(200.01)
        self.assertRegex(window.approval_note, r"above .*200\.00.* needs an approver")
        answer = window.action_confirm()
        request = self._get_requests()
        self.assertEqual(answer["infos"]["res_ids"], request.ids)
        self.assertRegex(answer["params"]["message"], r"ar_leader.* approves")
        self.assertFalse(self._get_credits())
        self.assertEqual(self.account.balance, 0)
        self.assertRecordValues(
            request.sudo(),
            [
                {
                    "state": "submitted",
                    "kind": "credit",
                    "requested_credit": 200.01,
                    "granted_credit": 200.01,
                    "credit_reason": "Term cancelled",
                    "requested_by_id": self.officer.id,
                    "approver_id": self.leader.id,
                }
            ],
        )
        self.assertIn("200.01", self._get_activities(request).summary)
        request.with_user(self.leader).action_approve()
        move = self._get_credits()
        self.assertEqual(request.credit_move_id, move)
        self.assertEqual(move.client_adjustment_reason, "Term cancelled")
        self.assertEqual(self.account.balance, 200.01)
        self.assertIn("200.01", self._get_outcome_mails(request).body_html)
        self.assertEqual(self.account.state, "not_granted")

    def test_confirmed_twice_it_is_asked_for_once(self):
        window = self._make_window(500)
        self.assertEqual(window.action_confirm(), window.action_confirm())
        request = self._get_requests()
        self.assertEqual(len(request), 1)
        request.with_user(self.leader).action_approve()
        with self.assertRefused("does not wait for a decision"):
            request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.balance, 500)

    def test_approver_grants_less(self):
        self._make_window(500).action_confirm()
        request = self._get_requests().with_user(self.leader)
        request.granted_credit = 300
        request.action_approve()
        self.assertEqual(self.account.balance, 300)
        body = self._get_outcome_mails(request).body_html
        self.assertRegex(body, r"(?s)300\.00.*asked for.*500\.00")

    def test_nothing_is_granted_for_zero(self):
        self._make_window(500).action_confirm()
        request = self._get_requests().with_user(self.leader)
        request.granted_credit = 0
        with self.assertRefused("above zero"):
            request.action_approve()
        self.assertEqual(request.state, "submitted")
        self.assertFalse(self._get_credits())

    def test_rejected_books_nothing(self):
        self._make_window(500).action_confirm()
        request = self._get_requests()
        self._reject(request, "Too much")
        self.assertFalse(self._get_credits())
        self.assertIn("Too much", self._get_outcome_mails(request).body_html)

    def test_asked_by_whoever_deals_with_the_client(self):
        request = self._submit_request(
            requested_credit=80, credit_reason="Two lessons cancelled"
        )
        self.assertEqual(request.subject, "credit")
        with self.assertRefused(exception=AccessError):
            request.read(["credit_move_id"])
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.balance, 80)
        self.assertEqual(
            self._get_credits().client_adjustment_reason, "Two lessons cancelled"
        )

    def test_form_of_a_salesperson(self):
        requests = self.env["client.account.request"].with_user(self.seller)
        with Form(requests) as form:
            form.partner_id = self.client
            form.subject = "credit"
            form.requested_credit = 60
            form.credit_reason = "Ill"
            form.reason = "The teacher was ill"
        form.record.action_submit()
        self.assertEqual(form.record.granted_credit, 60)

    def test_without_amount_or_reason_nothing_is_asked(self):
        request = self._make_request(subject="credit", credit_reason="Ill")
        with self.assertRefused("above zero"):
            request.action_submit()
        request.write({"requested_credit": 50, "credit_reason": " "})
        with self.assertRefused("reason"):
            request.action_submit()

    def test_amounts_of_the_currency_only(self):
        for amount in (-5, 1e12, 0.001, float("nan"), True, "20"):
            with self.subTest(amount), self.assertRefused():
                self._make_request(requested_credit=amount, credit_reason="Ill")

    def test_beside_a_limit_and_another_credit(self):
        limit = self._submit_request(500)
        first = self._submit_request(requested_credit=80, credit_reason="One")
        second = self._submit_request(requested_credit=90, credit_reason="Two")
        self.assertEqual(self._open_request(), limit)
        self.assertEqual(set((first | second).mapped("state")), {"submitted"})
        boxes = {
            box["name"]: box
            for box in self.account.with_user(self.officer).profile["boxes"]
        }
        lines = {name: str(boxes[name]["lines"]) for name in ("credit", "limit")}
        self.assertIn(second.name, lines["credit"])
        self.assertIn(limit.name, lines["limit"])

    def test_approvers_ask_too_unless_they_may_approve_their_own(self):
        self._make_window(500, self.leader).action_confirm()
        request = self._get_requests()
        self.assertEqual(request.state, "submitted")
        with self.assertRefused("cannot decide"):
            request.with_user(self.leader).action_approve()
        self.company.client_request_self_approval = True
        self._make_window(700, self.leader).action_confirm()
        self.assertEqual(self.account.balance, 700)

    def test_by_the_api(self):
        account = self.account.with_user(self.officer)
        with self.assertRefused("200.00", "account request"):
            account.issue_credit(250, "Term cancelled", key="k1")
        account.issue_credit(200, "Term cancelled", key="k1")
        account.charge(900, "Term")
        self.assertEqual(self.account.balance, -700)

    def test_raised_later(self):
        move = self._make_window(150).action_confirm()["infos"]["res_ids"]
        wizard = self.env["client.account.adjustment"].with_user(self.officer)

        def modify(amount, reason="Term cancelled"):
            return wizard.create(
                {"move_id": move[0], "amount": amount, "reason": reason}
            ).action_confirm()

        with self.assertRefused("needs an approver"):
            modify(250)
        modify(180)
        self.company.client_credit_approval_above = 100
        modify(180, "Another reason")
        modify(120)
        self.assertEqual(self.account.balance, 120)

    def test_credit_note_counts_with_its_taxes(self):
        values = {"document": "invoice", "product_id": self.product.id}
        self._make_window(180, **values).action_confirm()
        self.assertEqual(self.account.balance, 198)
        window = self._make_window(190, **values)
        self.assertEqual(window.amount_total, 209)
        self.assertTrue(window.approval_note)
        # Whatever calls it: the document's own total is what counts.
        with self.assertRefused("needs an approver"), self.cr.savepoint():
            window._create_documents()
        window.action_confirm()
        self.assertEqual(self.account.balance, 198)
        request = self._get_requests()
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.credit_move_id.move_type, "out_refund")
        self.assertEqual(self.account.balance, 407)

    def test_the_last_day_that_was_asked_for_is_booked(self):
        today = fields.Date.context_today(self.account)
        day = today + timedelta(days=5)
        self.company.client_expiry_days = 30
        self._make_window(500, date_expiry=day).action_confirm()
        self._make_window(600).action_confirm()
        usual, asked = self._get_requests()
        self.assertEqual(asked.credit_date_expiry, day)
        self.assertFalse(usual.credit_date_expiry)
        (asked | usual).with_user(self.leader).action_approve()
        self.assertEqual(asked.credit_move_id.client_expiry_date, day)
        self.assertEqual(
            usual.credit_move_id.client_expiry_date, today + timedelta(days=30)
        )

    def test_dated_back_stays_dated_back(self):
        today = fields.Date.context_today(self.account)
        day = today - timedelta(days=3)
        self._make_window(500, date=day).action_confirm()
        self._make_window(600, date=today).action_confirm()
        later, dated = self._get_requests()
        self.assertEqual(dated.credit_date, day)
        self.assertFalse(later.credit_date)
        (dated | later).with_user(self.leader).action_approve()
        self.assertEqual(dated.credit_move_id.date, day)
        self.assertEqual(later.credit_move_id.date, today)

    def test_many_clients_at_once(self):
        accounts = self._get_account(self.client | self.other_client)
        answer = self._make_window(500, accounts=accounts).action_confirm()
        self.assertIn("2 credits", answer["params"]["message"])
        self.assertEqual(self._get_requests().account_id, accounts)

    def test_charges_need_nobody(self):
        self._make_window(900, kind="charge").action_confirm()
        self.assertEqual(self.account.balance, -900)

    def test_only_approvers_set_the_amount(self):
        user = self._make_user("ar_admin", "base.group_system")
        user.group_ids -= self.env.ref(self.APPROVER)
        for vals in (
            {"client_credit_approval": False},
            {"client_credit_approval_above": 9000},
        ):
            with self.subTest(vals), self.assertRefused(exception=AccessError):
                self.company.with_user(self.officer).sudo(False).write(vals)

    def test_another_company(self):
        other = self.setup_other_company(name="Sister")["company"]
        account = self._get_account(self.client, other)
        self.officer.company_ids |= other
        window = self._make_window(5000, accounts=account)
        window.action_confirm()
        self.assertEqual(account.balance, 5000)

    def test_what_is_booked_is_nobodys_to_write(self):
        move = self._make_invoice(10)
        request = self._submit_request(requested_credit=80, credit_reason="One")
        for user in (self.seller, self.leader):
            with self.subTest(user.name), self.assertRefused(exception=Exception):
                request.with_user(user).write({"credit_move_id": move.id})
        with self.assertRefused():
            request.with_user(self.leader).write({"requested_credit": 500})
