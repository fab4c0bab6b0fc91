from datetime import timedelta
from unittest.mock import patch

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time
from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from ..const import MAX_REASON
from .common import ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestAccountRequest(ClientAccountRequestCommon):
    # === Normal flow ===

    def test_request_starts_as_a_draft(self):
        request = self._make_request(500)
        self.assertRecordValues(
            request.sudo(),
            [
                {
                    "state": "draft",
                    "kind": "open",
                    "partner_id": self.client.id,
                    "account_id": self.account.id,
                    "company_id": self.company.id,
                    "requested_by_id": self.seller.id,
                    "granted_limit": 0.0,
                }
            ],
        )
        self.assertRegex(request.name, r"^REQ/\d{4}/\d{4,}$")

    def test_submitted_request_waits_for_the_leader(self):
        request = self._make_request(500)
        self.assertIs(request.action_submit(), True)
        self.assertRecordValues(
            request,
            [
                {
                    "state": "submitted",
                    "granted_limit": 500.0,
                    "approver_id": self.leader.id,
                }
            ],
        )
        self.assertEqual(self.account.state, "not_granted")

    def test_outcome_is_read_whole_in_the_chatter(self):
        request = self._submit_request(500)
        self._reject(request, "Pays late")
        [mail] = self._get_outcome_mails(request)
        body = mail.mail_message_id.body
        self.assertIn("Pays late", body)
        self.assertNotIn("<table", body)
        self.assertNotIn("display: none", body)
        self.assertIn("<table", mail.body_html)

    def test_approved_request_opens_the_account(self):
        request = self._submit_request(500)
        self.assertIs(request.with_user(self.leader).action_approve(), True)
        self.assertRecordValues(
            request.sudo(),
            [
                {
                    "state": "approved",
                    "kind": "open",
                    "decided_by_id": self.leader.id,
                    "previous_state": "not_granted",
                    "previous_limit": 0.0,
                    "agreed_by_ids": [],
                }
            ],
        )
        self.assertTrue(request.decided_on)
        self.assertRecordValues(
            self.account,
            [
                {
                    "state": "granted",
                    "credit_limit": 500.0,
                    "limit_in_force": 500.0,
                    "limit_request_id": request.id,
                    "limit_until": False,
                }
            ],
        )
        notes = self.account.message_ids.mapped("body")
        self.assertTrue(any("was approved by" in note for note in notes), notes)

    def test_request_is_created_by_account_or_by_client(self):
        requests = self.env["client.account.request"].with_user(self.seller)
        contact = self.env["res.partner"].create(
            {"name": "Cleo", "parent_id": self.client.id}
        )
        for vals in (
            {"account_id": self.account.id},
            {"partner_id": self.client.id},
            {"partner_id": contact.id},
            {"account_id": self.account.id, "partner_id": contact.id},
        ):
            request = requests.create({**vals, "requested_limit": 5, "reason": "Why"})
            self.assertEqual(request.account_id.id, self.account.id)
            self.assertEqual(request.partner_id, self.client)
        with self.assertRefused("is not that of Bela"):
            requests.create(
                {"account_id": self.account.id, "partner_id": self.other_client.id}
            )
        with self.assertRefused("Choose the client"):
            requests.create({"requested_limit": 5})

    def test_request_makes_the_account_of_a_new_client(self):
        client = self.env["res.partner"].create({"name": "New Client"})
        request = self._make_request(5, partner=client)
        self.assertEqual(request.sudo().account_id.partner_id, client)
        self.assertEqual(request.sudo().account_id.company_id, self.company)
        self.assertEqual(request.sudo().account_id.state, "not_granted")

    def test_approver_grants_another_amount(self):
        request = self._submit_request(500).with_user(self.leader)
        request.write({"granted_limit": 300})
        request.action_approve()
        self.assertEqual(request.requested_limit, 500.0)
        self.assertEqual(request.granted_limit, 300.0)
        self.assertEqual(self.account.credit_limit, 300.0)

    def test_zero_is_a_limit(self):
        request = self._submit_request(0)
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.state, "granted")
        self.assertEqual(self.account.credit_limit, 0.0)

    def test_kind_is_derived_and_kept(self):
        self._grant(100)
        for amount, kind in ((200, "raise"), (50, "lower"), (100, "terms")):
            with self.subTest(amount=amount):
                self.assertEqual(self._make_request(amount).sudo().kind, kind)
        request = self._submit_request(200)
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.sudo().kind, "raise")
        self._grant(900)
        self.assertEqual(request.sudo().kind, "raise")
        self.assertEqual(request.sudo().previous_limit, 100.0)

    def test_terms_change_in_all_branches_and_leave_the_limit(self):
        self._grant(100)
        self.company.write({"child_ids": [Command.create({"name": "North"})]})
        self.cr.precommit.run()
        branch = self.company.child_ids
        term = self.env.ref("account.account_payment_term_30days")
        request = self._make_request(payment_term_id=term.id)
        self.assertEqual((request.subject, request.sudo().kind), ("terms", "terms"))
        request.action_submit()
        request.with_user(self.leader).action_approve()
        for company in self.company | branch:
            client = self.client.with_company(company)
            self.assertEqual(client.property_payment_term_id, term)
        self.assertEqual(self.account.credit_limit, 100.0)
        self.assertFalse(request.sudo().previous_payment_term_id)
        # With the limit, too.
        other = self.env.ref("account.account_payment_term_15days")
        request = self._submit_request(150, payment_term_id=other.id)
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.client.property_payment_term_id, other)
        self.assertEqual(request.sudo().previous_payment_term_id, term)
        self.assertEqual(self.account.credit_limit, 150.0)

    def test_account_is_closed_and_opened_again(self):
        self._grant(100)
        request = self._make_request(subject="close")
        self.assertEqual(request.sudo().kind, "close")
        request.action_submit()
        request.with_user(self.leader).action_approve()
        self.assertRecordValues(
            self.account,
            [{"state": "closed", "credit_limit": 0.0, "limit_in_force": 0.0}],
        )
        self.assertEqual(request.sudo().previous_limit, 100.0)
        request = self._submit_request(80)
        self.assertEqual(request.sudo().kind, "open")
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.state, "granted")

    def test_what_the_form_no_longer_shows_is_not_asked(self):
        """A date and terms filled in before the subject changed grant nothing."""
        self._grant(100)
        term = self.env.ref("account.account_payment_term_30days")
        asked = {"payment_term_id": term.id, "limit_until": self.today}
        request = self._submit_request(subject="terms", **asked)
        self.assertFalse(request.limit_until)
        request.action_withdraw()
        request = self._submit_request(subject="close", **asked)
        self.assertFalse(request.payment_term_id)
        request.with_user(self.leader).write({"payment_term_id": term.id})
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.state, "closed")
        self.assertFalse(self.client.property_payment_term_id)

    def test_personal_defaults_decide_nothing(self):
        """`ir.default` is public and anybody's."""
        defaults = self.env["ir.default"].with_user(self.seller)
        for name, value in (
            ("agreed_by_ids", self.leader.ids),
            ("approver_id", self.other_seller.id),
            ("state", "approved"),
            ("granted_limit", 900.0),
            ("requested_by_id", self.other_seller.id),
        ):
            defaults.set("client.account.request", name, value, user_id=True)
        request = self._make_request(5)
        self.assertRecordValues(
            request,
            [
                {
                    "agreed_by_ids": [],
                    "approver_id": False,
                    "state": "draft",
                    "granted_limit": 0.0,
                    "requested_by_id": self.seller.id,
                }
            ],
        )
        self.assertEqual(request.default_get(["state"]), {"state": "draft"})

    def test_template_says_nothing_of_a_request_in_another_state(self):
        """Anybody may send a template about a record of their own."""
        request = self._make_request(5)
        for state in ("approved", "rejected", "withdrawn"):
            template = self.env.ref(f"client_account.mail_template_request_{state}")
            body = template._render_field("body_html", request.ids)[request.id]
            self.assertNotIn("your request", body)

    def test_context_of_the_caller_silences_nobody(self):
        context = {
            "mail_activity_automation_skip": True,
            "default_state": "cancel",
            "active_test": False,
        }
        request = self._make_request(5)
        request.with_context(**context).action_submit()
        self.assertEqual(self._get_activities(request).user_id, self.leader)
        decision = request.with_user(self.leader).with_context(**context)
        with self.assertRefused("is no approver"):
            decision.action_delegate(self.gone.id)
        decision.action_approve()
        self.assertFalse(self._get_activities(request))
        self.assertEqual(self._get_outcome_mails(request).state, "outgoing")

    def test_request_about_another_company_s_client_is_refused(self):
        sister = self.env["res.company"].create({"name": "Sister"})
        client = self.env["res.partner"].create(
            {"name": "Theirs", "company_id": sister.id}
        )
        self.seller.company_ids |= sister
        requests = self.env["client.account.request"].with_user(self.seller)
        requests = requests.with_context(
            allowed_company_ids=(self.company | sister).ids
        )
        with self.assertRefused("a client of Sister only"):
            requests.create({"partner_id": client.id, "reason": "Why"})

    def test_portal_user_learns_of_no_request(self):
        self.portal.partner_id.parent_id = False
        self._submit_request(5, partner=self.portal.partner_id)
        with self.assertRefused(exception=AccessError):
            self.portal.partner_id.with_user(self.portal).action_client_request_update()

    def test_deleted_template_blocks_no_decision(self):
        self.env.ref("client_account.mail_template_request_approved").unlink()
        request = self._submit_request(5)
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.state, "approved")

    def test_draft_is_deleted_and_a_submitted_request_stays(self):
        request = self._make_request(5)
        request.unlink()
        self.assertFalse(request.exists())
        request = self._submit_request(5)
        with self.assertRefused("was submitted and stays on record"):
            request.unlink()
        request.action_withdraw()
        with self.assertRefused("stays on record"):
            request.sudo().unlink()

    def test_request_is_made_on_the_form(self):
        requests = self.env["client.account.request"]
        for user in (self.seller, self.officer, self.leader):
            with self.subTest(user=user.login):
                form = Form(requests.with_user(user))
                form.partner_id = self.client
                form.requested_limit = 70
                form.reason = "Books every week"
                request = form.save()
                self.assertEqual(request.requested_by_id, user)
                self.assertEqual(request.requested_limit, 70.0)
                self.assertEqual(request.with_user(user).is_requester, True)

    def test_approver_decides_on_the_form(self):
        request = self._submit_request(500)
        with Form(request.with_user(self.leader)) as form:
            self.assertEqual(form.suggested_limit, 0.0)
            form.granted_limit = 450
        self.assertEqual(request.granted_limit, 450.0)
        with self.assertRaises(AssertionError):
            Form(request).granted_limit = 5

    # === Refused ===

    def test_refused_to_submit(self):
        for vals, message in (
            ({"requested_limit": 5, "reason": "  "}, "Say in REQ"),
            ({"requested_limit": 5, "reason": False}, "Say in REQ"),
            ({"subject": "terms"}, "Choose the payment terms"),
            (
                {"requested_limit": 5, "limit_until": self.today - timedelta(days=1)},
                "is past",
            ),
        ):
            with self.subTest(vals=vals):
                request = self._make_request(**vals)
                with self.assertRefused(message):
                    request.action_submit()
                self.assertEqual(request.state, "draft")

    def test_refused_to_ask_for_what_there_is(self):
        term = self.env.ref("account.account_payment_term_30days")
        self.client.property_payment_term_id = term
        for vals in ({"subject": "close"}, {"payment_term_id": term.id}):
            request = self._make_request(user=self.viewer, **vals)
            with self.subTest(vals=vals), self.assertRefused("has already"):
                request.action_submit()
        self._grant(100)
        request = self._make_request(100, user=self.viewer)
        with self.assertRefused("has already"):
            request.action_submit()
        request.limit_until = self.today + timedelta(days=9)
        request.action_submit()
        self.assertEqual(request.state, "submitted")

    def test_refusal_tells_no_limit_to_who_may_not_see_it(self):
        self._grant(100)
        for vals in ({"requested_limit": 100}, {"subject": "close"}):
            request = self._make_request(**vals)
            request.action_submit()
            self.assertEqual(request.state, "submitted")
            request.action_withdraw()
        term = self.env.ref("account.account_payment_term_30days")
        request = self._submit_request(payment_term_id=term.id)
        self.assertEqual(request.granted_limit, 0.0)
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.credit_limit, 100.0)

    def test_one_open_request_per_account(self):
        first = self._submit_request(100)
        second = self._make_request(200)
        with self.assertRefused(first.name, "of ar_seller", "waits for a decision"):
            second.action_submit()
        with self.assertRefused("waits for a decision"):
            self._make_request(300, user=self.officer).action_submit()
        # Another client's, or another company's, is another account.
        self._submit_request(100, partner=self.other_client)
        first.with_user(self.leader).action_approve()
        second.action_submit()
        self.assertEqual(second.state, "submitted")

    def test_submitted_twice(self):
        request = self._submit_request(100)
        with self.assertRefused("was submitted already"):
            request.action_submit()
        self.assertEqual(len(self._get_activities(request)), 1)

    def test_decided_twice(self):
        for decide in ("action_approve", "_reject"):
            request = self._submit_request(100, partner=self.other_client)
            decision = request.with_user(self.leader)
            args = ("No",) if decide == "_reject" else ()
            getattr(decision, decide)(*args)
            mails = self._get_outcome_mails(request)
            self.assertEqual(len(mails), 1)
            for again, args in (
                ("action_approve", ()),
                ("_reject", ("No",)),
                ("action_delegate", (self.approver.id,)),
            ):
                with self.assertRefused("does not wait for a decision"):
                    getattr(decision, again)(*args)
            with self.assertRefused("does not wait for a decision"):
                request.action_withdraw()
            # Whoever saves another amount on a page that is out of date is told so.
            with self.assertRefused("cannot be written here"):
                decision.write({"granted_limit": 5})
            self.assertEqual(self._get_outcome_mails(request), mails)
            self._get_account(self.other_client)._set_limit(0, "not_granted")

    def test_only_approvers_decide(self):
        request = self._submit_request(100)
        for user, exception in (
            (self.seller, UserError),
            (self.officer, UserError),
            (self.viewer, AccessError),
            (self.portal, AccessError),
        ):
            decision = request.with_user(user)
            with self.subTest(user=user.login):
                for call in (
                    decision.action_approve,
                    lambda decision=decision: decision._reject("No"),
                    lambda decision=decision: decision.action_delegate(
                        self.approver.id
                    ),
                ):
                    with self.assertRefused(exception=exception):
                        call()
        self.assertEqual(request.state, "submitted")
        self.assertEqual(self.account.state, "not_granted")
        # The group alone is enough, and so is that of the accounting managers.
        for user in (
            self.approver,
            self._make_user("ar_manager", "account.group_account_manager"),
            self._make_user("ar_admin", "base.group_system"),
        ):
            self.assertFalse(request._get_cannot_approve_reason(user), user.login)

    def test_nobody_decides_about_their_own(self):
        request = self._submit_request(100, user=self.leader)
        self.assertFalse(request.approver_id)
        own = request.with_user(self.leader)
        for call in (
            own.action_approve,
            lambda: own._reject("No"),
            lambda: own.write({"granted_limit": 5}),
            lambda: request.with_user(self.approver).action_delegate(self.leader.id),
            lambda: own.action_delegate(self.leader.id),
        ):
            with self.assertRefused("who cannot decide about it"):
                call()
        self.assertFalse(own.can_approve)
        self.company.client_request_self_approval = True
        self.env.invalidate_all()
        self.assertTrue(own.can_approve)
        own.action_approve()
        self.assertEqual(self.account.credit_limit, 100.0)

    def test_other_company_s_approver_decides_nothing(self):
        sister = self.env["res.company"].create({"name": "Sister"})
        stranger = self._make_user("ar_sister", self.APPROVER, company=sister)
        request = self._submit_request(100)
        with self.assertRefused(exception=AccessError):
            request.with_user(stranger).action_approve()
        with self.assertRefused("is no approver"):
            request.with_user(self.leader).action_delegate(stranger.id)
        self.assertTrue(request._get_cannot_decide_reason(stranger))
        # Nor does one of both companies who is asked from the other one see less.
        both = self._make_user(
            "ar_both",
            self.APPROVER,
            company=sister,
            company_ids=(sister | self.company).ids,
        )
        request.with_user(both).with_context(
            allowed_company_ids=(sister | self.company).ids
        ).action_approve()
        self.assertEqual(self.account.credit_limit, 100.0)

    def test_request_in_a_second_company_and_currency(self):
        other = self._create_company(name="Euro School", currency_id=self.eur.id)
        self.env.user.company_ids |= other
        seller = self._make_user("ar_euro", "base.group_user", company=other)
        approver = self._make_user("ar_euro_app", self.APPROVER, company=other)
        request = self._make_request(250, user=seller)
        self.assertEqual(request.company_id, other)
        self.assertEqual(request.currency_id, self.eur)
        request.action_submit()
        request.with_user(approver).action_approve()
        self.assertEqual(self._get_account(self.client, other).credit_limit, 250.0)
        self.assertEqual(self.account.state, "not_granted")
        with self.assertRefused("finer than EUR"):
            self._make_request(250.001, user=seller)

    def test_request_from_an_account_is_about_its_company(self):
        """Whatever company the user has open; the form does not send it."""
        other = self._create_company(name="Euro School")
        self.officer.company_ids |= other
        account = self._get_account(self.client, other).with_user(self.officer)
        account = account.with_context(allowed_company_ids=(self.company | other).ids)
        self.assertEqual(account.env.company, self.company)
        action = account.action_request_update()
        form = Form(account.request_ids.with_context(**action["context"]))
        form.requested_limit = 70
        form.reason = "Books every week"
        request = form.save()
        self.assertEqual(request.company_id, other)
        self.assertEqual(request.account_id, account)

    def test_branch_requests_for_the_root(self):
        self.company.write({"child_ids": [Command.create({"name": "North"})]})
        self.cr.precommit.run()
        seller = self._make_user(
            "ar_branch", "base.group_user", company=self.company.child_ids
        )
        request = self._make_request(50, user=seller)
        self.assertEqual(request.sudo().account_id, self.account)
        request.action_submit()
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.credit_limit, 50.0)

    def test_nobody_may_decide(self):
        request = self._make_request(100)
        self.patch(
            self.env.registry["res.company"],
            "_get_client_approvers",
            lambda company: self.leader.browse(),
        )
        with self.assertRefused("Nobody may decide"):
            request.action_submit()

    def test_amounts_are_refused_in_words(self):
        self._grant(100)
        for amount in (
            float("nan"),
            float("inf"),
            -1,
            True,
            "",
            "1e3",
            [5],
            1e13,
            0.001,
        ):
            with self.subTest(amount=amount), self.assertRefused():
                self._make_request(amount)
        request = self._submit_request(50)
        for amount in (float("nan"), -1, "9", True, 1e13, 0.001):
            with self.subTest(amount=amount), self.assertRefused():
                request.with_user(self.leader).write({"granted_limit": amount})
        self.assertEqual(request.granted_limit, 50.0)

    def test_limit_below_zero_is_refused_by_a_sentence_about_limits(self):
        request = self._submit_request(50)
        words = "The credit limit of Ada Piano School cannot be below zero"
        for call in (
            lambda: self._make_request(-1, partner=self.client),
            lambda: request.with_user(self.leader).write({"granted_limit": -1}),
            lambda: self.account._set_limit(-1),
        ):
            with self.assertRefused(words):
                call()

    def test_reason_is_text(self):
        hostile = "<script>alert(1)</script> {{ 7*7 }} ${7*7} \u202e \U0001f600\x00"
        request = self._submit_request(5, reason=hostile)
        self.assertNotIn("\x00", request.reason)
        activity = self._get_activities(request)
        self.assertIn("&lt;script&gt;", activity.note)
        self.assertNotIn("<script>", activity.note)
        request.with_user(self.leader)._reject(hostile)
        self.assertIn("{{ 7*7 }}", request.rejection_reason)
        body = self._get_outcome_mails(request).body_html
        self.assertIn("&lt;script&gt;", body)
        self.assertIn("{{ 7*7 }}", body)
        self.assertNotIn("49", body)

    def test_refused_to_give_a_longer_reason(self):
        """2,000 characters are taken, one more is not, by whoever gives a reason."""
        longest, longer = "x" * MAX_REASON, "x" * (MAX_REASON + 1)
        with self.assertRefused("Ada Piano School", "Shorten it to 2000"):
            self._make_request(5, reason=longer)
        request = self._submit_request(5, reason=longest)
        with self.assertRefused("Ada Piano School", "Shorten it to 2000"):
            request.with_user(self.leader)._reject(longer)
        request.with_user(self.leader).action_approve()
        for change in (self.account.action_suspend, self.account.action_resume):
            with self.assertRefused("Ada Piano School", "Shorten it to 2000"):
                change(longer)
            change(longest)

    def test_requests_and_files_of_one_person_in_a_day(self):
        """Those of others, and of yesterday, do not count."""
        module = "odoo.addons.client_account.models"
        with (
            patch(f"{module}.client_account_request.MAX_REQUESTS_A_DAY", 2),
            patch(f"{module}.ir_attachment.MAX_FILES_A_DAY", 2),
        ):
            request = self._make_request(5)
            old = self._make_request(5, partner=self.other_client)
            with self.assertRefused("ar_seller", "the most"):
                self._make_request(5)
            self._make_request(5, user=self.other_seller)
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE client_account_request"
                " SET create_date = create_date - interval '25 hours' WHERE id = %s",
                [old.id],
            )
            self._make_request(5)
            files = self.env["ir.attachment"].with_user(self.seller)
            values = {
                "name": "Letter",
                "res_model": request._name,
                "res_id": request.id,
            }
            files.create([values, values])
            in_context = files.with_context(default_res_model=request._name)
            loose = files.create(
                {"name": "Letter", "res_model": "mail.compose.message"}
            )
            by_message = request.with_user(self.seller).message_post
            for attach in (
                lambda: files.create(values),
                lambda: in_context.create({"name": "Letter", "res_id": request.id}),
                lambda: by_message(attachment_ids=loose.ids),
                lambda: by_message(attachments=[("Letter", b"Dear")]),
            ):
                with (
                    self.assertRefused("attached more than 2 files"),
                    self.env.cr.savepoint(),
                ):
                    attach()

    def test_chatter_tells_no_limit_before_it_is_granted(self):
        request = self._make_request(500).with_context(
            tracking_disable=False, mail_notrack=False
        )
        request.action_submit()
        self.env.flush_all()
        self.env.cr.precommit.run()
        values = request.sudo().message_ids.tracking_value_ids
        self.assertNotIn("granted_limit", values.field_id.mapped("name"))

    def test_approving_another_amount_asks_once(self):
        """Case 51: the button that grants what was not asked, or zero, asks first."""
        view = self.env.ref("client_account.client_account_request_view_form")
        arch = etree.fromstring(view.arch)
        buttons = [
            button
            for button in arch.iter("button")
            if button.get("name") == "action_approve"
        ]
        for granted, asked, question in (
            (100, 100, None),
            (50, 100, "not the one requested"),
            (0, 100, "limit of zero"),
            (0, 0, "limit of zero"),
        ):
            values = {
                "can_approve": True,
                "subject": "limit",
                "granted_limit": granted,
                "requested_limit": asked,
            }
            [shown] = [
                button
                for button in buttons
                if not safe_eval(button.get("invisible"), values)
            ]
            if question:
                self.assertIn(question, shown.get("confirm"))
            else:
                self.assertIsNone(shown.get("confirm"))

    # === Who is asked ===

    def test_leader_is_asked_in_activities_and_inbox(self):
        self.leader.notification_type = "inbox"
        request = self._submit_request(100)
        activity = self._get_activities(request)
        self.assertRecordValues(
            activity, [{"user_id": self.leader.id, "date_deadline": self.today}]
        )
        self.assertIn("100.00", activity.summary)
        self.assertIn(self.seller.name, activity.note)
        self.assertTrue(self._get_inbox(request, self.leader))
        groups = self.env["res.users"].with_user(self.leader)._get_activity_groups()
        counts = {group["model"]: group["total_count"] for group in groups}
        self.assertEqual(counts["client.account.request"], 1)

    def test_every_approver_is_asked_without_a_leader(self):
        everyone = self.company._get_client_approvers()
        self.assertLessEqual(self.leader | self.approver, everyone)
        for number, prepare in enumerate(
            (
                lambda: self.company.write({"client_account_leader_id": False}),
                lambda: self.company.write(
                    {"client_account_leader_id": self.officer.id}
                ),
                lambda: self.company.write({"client_account_leader_id": self.gone.id}),
            )
        ):
            prepare()
            client = self.env["res.partner"].create({"name": f"Client {number}"})
            request = self._submit_request(100, partner=client)
            self.assertFalse(request.approver_id)
            self.assertEqual(self._get_activities(request).user_id, everyone)

    def test_delegated_to_another_approver(self):
        self.approver.notification_type = "inbox"
        request = self._submit_request(100)
        for target, message in (
            (self.officer, "is no approver"),
            (self.seller, "is no approver"),
            (self.portal, "is no approver"),
            (self.gone, "is no approver"),
        ):
            with self.subTest(user=target.login), self.assertRefused(message):
                request.with_user(self.leader).action_delegate(target.id)
        for target in (0, -1, 2**30, 2**40, "x", True, None, [self.approver.id]):
            with self.subTest(target=target), self.assertRefused("Choose the approver"):
                request.with_user(self.leader).action_delegate(target)
        self.assertIs(
            request.with_user(self.leader).action_delegate(self.approver.id), True
        )
        self.assertEqual(request.approver_id, self.approver)
        self.assertEqual(self._get_activities(request).user_id, self.approver)
        self.assertTrue(self._get_inbox(request, self.approver))
        request.with_user(self.approver).action_approve()
        self.assertEqual(self.account.credit_limit, 100.0)

    def test_assignee_who_left_is_replaced(self):
        """Case 33: the request can be handed on, and never decides itself."""
        request = self._submit_request(100)
        self.leader.active = False
        self.assertEqual(request.state, "submitted")
        with self.assertRefused("is no approver"):
            request.with_user(self.leader).action_approve()
        self.assertIn(self.approver.name, request.decision_note)
        request.with_user(self.approver).action_delegate(self.approver.id)
        request.with_user(self.approver).action_approve()
        self.assertEqual(request.decided_by_id, self.approver)

    def test_activity_done_decides_nothing(self):
        request = self._submit_request(100)
        self._get_activities(request).with_user(self.leader).action_feedback("Fine")
        self.assertEqual(request.state, "submitted")
        self.assertEqual(self.account.state, "not_granted")

    def test_activities_close_with_the_decision(self):
        self.company.client_account_leader_id = False
        for decide in (
            lambda request: request.with_user(self.approver).action_approve(),
            lambda request: request.with_user(self.approver)._reject("No"),
            lambda request: request.action_withdraw(),
        ):
            request = self._submit_request(100)
            self.assertGreater(len(self._get_activities(request)), 1)
            decide(request)
            self.assertFalse(self._get_activities(request))
            self.account._set_limit(0, "not_granted")

    # === The requester hears ===

    def test_outcome_is_mailed_with_the_reason(self):
        """Case 33: without a reason, or with blanks, nothing is rejected."""
        for blank in ("", "  \n\t", False, None, "\u200b"):
            request = self._open_request() or self._submit_request(100)
            with self.subTest(blank=blank), self.assertRefused("Give a reason"):
                request.with_user(self.leader)._reject(blank)
            self.assertEqual(request.state, "submitted")
        self._reject(request, "Two invoices\nare overdue")
        self.assertEqual(request.state, "rejected")
        self.assertEqual(request.rejection_reason, "Two invoices\nare overdue")
        mail = self._get_outcome_mails(request)
        self.assertEqual(len(mail), 1)
        self.assertEqual(mail.recipient_ids, self.seller.partner_id)
        self.assertIn("rejected", mail.subject)
        self.assertIn("are overdue", mail.body_html)
        self.assertEqual(self.account.state, "not_granted")

    def test_outcome_is_one_mail_whatever_the_preference(self):
        for preference in ("email", "inbox"):
            self.seller.notification_type = preference
            request = self._submit_request(100)
            request.with_user(self.leader).action_approve()
            mails = self._get_outcome_mails(request)
            self.assertEqual(len(mails), 1)
            self.assertIn("approved", mails.subject)
            self.assertIn("100.00", mails.body_html)
            self.assertEqual(
                bool(self._get_inbox(request, self.seller)), preference == "inbox"
            )
            self.account._set_limit(0, "not_granted")

    def test_outcome_is_in_the_requester_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.seller.lang = "fr_FR"
        template = self.env.ref("client_account.mail_template_request_rejected")
        template.with_context(lang="fr_FR").subject = "Refus de {{ object.name }}"
        request = self._submit_request(100)
        self._reject(request, "Non")
        self.assertEqual(
            self._get_outcome_mails(request).subject, f"Refus de {request.name}"
        )

    def test_requester_without_an_address(self):
        self.seller.email = False
        request = self._submit_request(100)
        request.with_user(self.leader).action_approve()
        self.assertFalse(self._get_outcome_mails(request))
        notes = request.sudo().message_ids.mapped("body")
        self.assertTrue(any("no e-mail address" in note for note in notes), notes)

    def test_mail_server_down_rolls_nothing_back(self):
        def fail(*args, **kwargs):
            raise OSError("connection refused")

        self.patch(self.env.registry["ir.mail_server"], "send_email", fail)
        self.patch(self.env.registry["ir.mail_server"], "_connect__", fail)
        request = self._submit_request(100)
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.credit_limit, 100.0)
        self.assertEqual(len(self._get_outcome_mails(request)), 1)

    def test_withdrawn_by_the_requester(self):
        request = self._submit_request(100)
        for user in (self.leader, self.officer):
            with self.assertRefused("Only", exception=AccessError):
                request.with_user(user).action_withdraw()
        self.assertIs(request.action_withdraw(), True)
        self.assertEqual(request.state, "withdrawn")
        self.assertEqual(len(self._get_outcome_mails(request)), 1)
        self._submit_request(100)

    # === Two approvers ===

    def test_two_approvers_agree_above_the_amount(self):
        self.company.write(
            {"client_two_approvers": True, "client_two_approvers_above": 1000}
        )
        request = self._submit_request(1000)
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.state, "approved")
        request = self._submit_request(1000.01)
        self.assertIn("Two approvers", request.decision_note)
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.state, "submitted")
        self.assertEqual(self.account.credit_limit, 1000.0)
        self.assertEqual(request.agreed_by_ids, self.leader)
        self.assertFalse(self._get_outcome_mails(request))
        self.assertIn(f"{self.leader.name} agreed", request.decision_note)
        self.assertIn(self.approver.name, request.decision_note)
        self.assertNotIn(self.leader, self._get_activities(request).user_id)
        self.assertIn(self.approver, self._get_activities(request).user_id)
        with self.assertRefused("agreed to .* already"):
            request.with_user(self.leader).action_approve()
        with self.assertRefused("agreed to .* already"):
            request.with_user(self.approver).action_delegate(self.leader.id)
        request.with_user(self.approver).action_approve()
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.agreed_by_ids, self.leader | self.approver)
        self.assertEqual(self.account.credit_limit, 1000.01)
        self.assertEqual(len(self._get_outcome_mails(request)), 1)

    def test_agreement_is_to_one_amount(self):
        self.company.write(
            {"client_two_approvers": True, "client_two_approvers_above": 100}
        )
        request = self._submit_request(500)
        request.with_user(self.leader).action_approve()
        request.with_user(self.approver).write({"granted_limit": 5000})
        self.assertFalse(request.agreed_by_ids)
        request.with_user(self.approver).action_approve()
        self.assertEqual(request.state, "submitted")
        self.assertEqual(self.account.state, "not_granted")
        request.with_user(self.leader).action_approve()
        self.assertEqual(self.account.credit_limit, 5000.0)

    def test_agreement_lapses_with_the_right(self):
        self.company.write(
            {"client_two_approvers": True, "client_two_approvers_above": 100}
        )
        request = self._submit_request(500)
        request.with_user(self.leader).action_approve()
        self.leader.active = False
        request.with_user(self.approver).action_approve()
        self.assertEqual(request.state, "submitted")
        self.assertEqual(request.agreed_by_ids, self.approver)

    def test_who_agreed_decides_once_one_is_enough(self):
        self.company.write(
            {"client_two_approvers": True, "client_two_approvers_above": 100}
        )
        request = self._submit_request(500)
        request.with_user(self.leader).action_approve()
        self.company.client_two_approvers = False
        request.with_user(self.leader).action_approve()
        self.assertEqual(request.state, "approved")

    def test_second_approver_rejects(self):
        self.company.write(
            {"client_two_approvers": True, "client_two_approvers_above": 100}
        )
        request = self._submit_request(500)
        request.with_user(self.leader).action_approve()
        request.with_user(self.approver)._reject("Too much")
        self.assertEqual(request.state, "rejected")
        self.assertEqual(self.account.state, "not_granted")

    # === Who sees it ===

    def test_requester_officers_and_approvers_see_it(self):
        request = self._make_request(100)
        for user, sees in (
            (self.seller, True),
            (self.officer, True),
            (self.leader, True),
            (self.viewer, False),
            (self.other_seller, False),
        ):
            with self.subTest(user=user.login):
                found = request.with_user(user).search([("id", "=", request.id)])
                self.assertEqual(bool(found), sees)
        with self.assertRaises(AccessError):
            request.with_user(self.portal).search([])

    def test_requester_learns_no_figure(self):
        self._grant(100)
        self._make_invoice(40)
        request = self._submit_request(200)
        fields_get = request.fields_get()
        for name in (
            "kind",
            "balance",
            "amount_owed",
            "amount_overdue",
            "present_limit",
            "limit_usage",
            "days_late",
            "invoiced_total",
            "client_since",
            "client_age",
            "suggested_limit",
            "account_state",
            "previous_limit",
            "previous_state",
            "previous_payment_term_id",
        ):
            with self.subTest(field=name):
                self.assertNotIn(name, fields_get)
                for route, call in (
                    ("read", lambda name=name: request.read([name])),
                    (
                        "search",
                        lambda name=name: request.search([(name, "!=", False)]),
                    ),
                    ("order", lambda name=name: request.search([], order=name)),
                    ("group", lambda name=name: request._read_group([], [name])),
                    ("export", lambda name=name: request.export_data([name])),
                ):
                    with (
                        self.subTest(route=route),
                        self.assertRefused(exception=(UserError, ValueError)),
                    ):
                        call()
        # The approver sees them all.
        decision = request.with_user(self.leader)
        self.assertEqual(decision.balance, -40.0)
        self.assertEqual(decision.present_limit, 100.0)
        self.assertEqual(decision.kind, "raise")
        # What is stored can be searched, sorted and grouped by who may read it.
        for name in ("kind", "previous_state"):
            self.assertTrue(decision.search([(name, "!=", "x")], order=name))
            self.assertTrue(decision._read_group([], [name]))

    def test_requester_learns_no_figure_through_the_account(self):
        self._grant(100)
        request = self._submit_request(200)
        for path in ("account_id.balance", "account_id.credit_limit"):
            for call in (
                lambda path=path: request.search([(path, ">", 0)]),
                lambda path=path: request.search([], order=path),
                lambda path=path: request._read_group([], [path]),
                lambda path=path: request.export_data([path.replace(".", "/")]),
            ):
                with (
                    self.subTest(path=path),
                    self.assertRefused(exception=(UserError, ValueError)),
                ):
                    call()

    def test_requester_asks_only_for_clients_they_see(self):
        hidden = self.env["res.partner"].create({"name": "Hidden"})
        self.env["ir.rule"].create(
            {
                "name": "Hidden",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": f"[('id', '!=', {hidden.id})]",
                "groups": [Command.link(self.env.ref("base.group_user").id)],
            }
        )
        with self.assertRefused(exception=AccessError):
            self._make_request(5, partner=hidden)
        with self.assertRefused(exception=AccessError):
            self._make_request(
                5, account_id=self._get_account(hidden).id, partner_id=False
            )
        self._make_request(5, partner=self.client)

    def test_attachments_are_read_by_whom_the_request_is(self):
        request = self._make_request(100)
        attachment = (
            self.env["ir.attachment"]
            .with_user(self.seller)
            .create(
                {
                    "name": "contract.txt",
                    "raw": b"Ten lessons a month",
                    "res_model": request._name,
                    "res_id": request.id,
                }
            )
        )
        request.action_submit()
        for user in (self.leader, self.officer):
            self.assertEqual(
                attachment.with_user(user).raw, b"Ten lessons a month", user.login
            )
        for user in (self.other_seller, self.portal):
            with self.assertRaises(AccessError):
                attachment.with_user(user).read(["raw"])
        request.with_user(self.leader).action_approve()
        with self.assertRaises(AccessError):
            attachment.with_user(self.seller).unlink()

    def test_requester_may_still_comment_after_the_decision(self):
        request = self._submit_request(100)
        request.with_user(self.leader).action_approve()
        message = request.message_post(body="Thank you")
        self.assertEqual(message.author_id, self.seller.partner_id)

    # === From the client's pages ===

    def test_update_is_requested_from_the_client_s_pages(self):
        action = self.client.with_user(self.seller).action_client_request_update()
        self.assertNotIn("res_id", action)
        form = Form(
            self.env["client.account.request"]
            .with_user(self.seller)
            .with_context(**action["context"])
        )
        self.assertEqual(form.partner_id, self.client)
        draft = self._make_request(5)
        action = self.client.with_user(self.seller).action_client_request_update()
        self.assertEqual(action["res_id"], draft.id)
        draft.action_submit()
        for user in (self.seller, self.officer):
            action = self.client.with_user(user).action_client_request_update()
            self.assertEqual(action["res_id"], draft.id)
        action = self.account.with_user(self.officer).action_request_update()
        self.assertEqual(action["res_id"], draft.id)
        with self.assertRefused(draft.name, "waits for a decision"):
            self.client.with_user(self.other_seller).action_client_request_update()

    def test_account_lists_its_requests_newest_first(self):
        first = self._submit_request(100)
        first.action_withdraw()
        second = self._submit_request(200)
        self.assertEqual(
            self.account.with_user(self.officer).request_ids.ids,
            [second.id, first.id],
        )


@tagged("post_install", "-at_install")
class TestCreditHistory(ClientAccountRequestCommon):
    """What the approver decides on, on one day."""

    TODAY = "2026-07-15"

    @classmethod
    def setUpClass(cls):
        with freeze_time(cls.TODAY):
            super().setUpClass()

    def setUp(self):
        super().setUp()
        freezer = freeze_time(self.TODAY)
        freezer.start()
        self.addCleanup(freezer.stop)

    def _invoice(self, amount, date, days=0, **values):
        date = fields.Date.to_date(date)
        return self._make_invoice(
            amount, date_due=date + timedelta(days=days), invoice_date=date, **values
        )

    def _pay(self, invoice, amount, date):
        self._register_payment(invoice, amount=amount, payment_date=date)

    def _get_request(self):
        return self._make_request(10).with_user(self.leader)

    def test_client_without_history(self):
        self.assertRecordValues(
            self._get_request(),
            [
                {
                    "balance": 0.0,
                    "invoiced_total": 0.0,
                    "days_late": 0.0,
                    "client_since": False,
                    "client_age": "not invoiced yet",
                    "suggested_limit": 0.0,
                }
            ],
        )

    def test_suggestion_of_a_client_who_pays_in_time(self):
        for month in range(2, 8):
            invoice = self._invoice(1000, f"2026-{month:02}-10", days=10)
            if month < 7:
                self._pay(invoice, 1000, f"2026-{month:02}-15")
        request = self._get_request()
        self.assertRecordValues(
            request,
            [
                {
                    "balance": -1000.0,
                    "invoiced_total": 6000.0,
                    "days_late": 0.0,
                    "client_since": fields.Date.to_date("2026-02-10"),
                    "client_age": "5 months",
                    "suggested_limit": 1500.0,
                }
            ],
        )

    def test_late_share_lowers_the_suggestion(self):
        """6,000 in six months, 1,000 of it 31 days late and 500 still open."""
        self._pay(self._invoice(1000, "2026-02-01"), 1000, "2026-03-04")
        self._pay(self._invoice(1000, "2026-03-01"), 1000, "2026-03-31")
        self._pay(self._invoice(2000, "2026-04-01"), 1500, "2026-04-01")
        self._pay(self._invoice(2000, "2026-07-01"), 2000, "2026-07-01")
        request = self._get_request()
        # 1.5 * 1,000 * (1 - 1,500 / 6,000) = 1,125
        self.assertEqual(request.suggested_limit, 1100.0)
        # 31, 30, 105 and 0 days.
        self.assertEqual(request.days_late, 41.5)

    def test_under_three_months_of_history_nothing_is_suggested(self):
        self._invoice(6000, "2026-04-16")
        self.assertEqual(self._get_request().suggested_limit, 0.0)
        self._invoice(600, "2026-04-15")
        # 1.5 * 1,100 * (1 - 6,600 / 6,600), as all of it is 90 days late.
        self.assertEqual(self._get_request().suggested_limit, 0.0)

    def test_three_months_to_the_day(self):
        invoice = self._invoice(4000, "2026-04-15")
        self._pay(invoice, 4000, "2026-04-15")
        self.assertEqual(self._get_request().suggested_limit, 1000.0)

    def test_credit_note_takes_off_the_total_and_is_no_late_payment(self):
        paid = self._invoice(6000, "2026-03-01")
        self._pay(paid, 6000, "2026-03-01")
        cancelled = self._invoice(3000, "2026-03-01")
        note = self._make_invoice(3000, move_type="out_refund")
        (self._get_receivable(cancelled) | self._get_receivable(note)).reconcile()
        request = self._get_request()
        self.assertEqual(request.invoiced_total, 6000.0)
        self.assertEqual(request.suggested_limit, 1500.0)
        self.assertEqual(request.days_late, 0.0)

    def test_old_invoices_count_for_the_total_only(self):
        old = self._invoice(9999, "2024-01-15")
        self._pay(old, 9999, "2024-12-31")
        request = self._get_request()
        self.assertEqual(request.invoiced_total, 9999.0)
        self.assertEqual(request.days_late, 0.0)
        self.assertEqual(request.suggested_limit, 0.0)
        self.assertEqual(request.client_age, "2 years")

    def test_foreign_invoice_counts_in_company_currency(self):
        self._set_rate("2026-01-01", 0.5)
        invoice = self._invoice(3000, "2026-03-01", currency_id=self.eur.id)
        self._pay(invoice, 3000, "2026-03-01")
        self.assertEqual(self._get_request().invoiced_total, 6000.0)
        self.assertEqual(self._get_request().suggested_limit, 1500.0)

    def test_other_clients_drafts_and_companies_do_not_count(self):
        self._invoice(5000, "2026-03-01", partner=self.other_client)
        self._invoice(5000, "2026-03-01", post=False)
        self._invoice(5000, "2026-03-01").button_cancel()
        request = self._get_request()
        self.assertEqual(request.invoiced_total, 0.0)
        self.assertEqual(request.client_since, False)

    def test_suggestion_can_be_overridden(self):
        self.patch(
            self.env.registry["client.account"],
            "_get_suggested_limit",
            lambda account, history: 42.0 + history["invoiced_total"],
        )
        self._invoice(100, "2026-03-01")
        self.assertEqual(self._get_request().suggested_limit, 142.0)

    def test_help_tells_the_rule(self):
        text = self.env["client.account.request"].fields_get(["suggested_limit"])[
            "suggested_limit"
        ]["help"]
        for part in ("One and a half", "six months", "30 days late", "100", "three"):
            self.assertIn(part, text)

    def test_relative_age(self):
        for months, words in ((0, "less than a month"), (1, "1 month"), (23, "23 m")):
            date = fields.Date.to_date(self.TODAY) - relativedelta(months=months)
            client = self.env["res.partner"].create({"name": "Age"})
            self._invoice(10, date, partner=client)
            request = self._make_request(10, partner=client).with_user(self.leader)
            self.assertIn(words, request.client_age)
