from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.http_routing.tests.common import MockRequest

from ..exceptions import BalanceRefused
from .common import ClientAccountRequestCommon


class BalanceGateCommon(ClientAccountRequestCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_negative_balance = "prevented"
        cls.company.client_credit_application = "manual"
        cls.biller = cls._make_user("bg_biller", "account.group_account_invoice")

    def _assert_posted(self, *moves):
        for move in moves:
            self.assertEqual(move.state, "posted", move.display_name)

    def _make_transaction(self, invoice, state):
        """Make a transaction of an invoice in a state, without any provider's flow."""
        provider = self.env["payment.provider"].create(
            {"name": "Card", "company_id": self.company.id}
        )
        provider.support_manual_capture = "partial"
        return self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment.payment_method_unknown").id,
                "amount": invoice.amount_total,
                "currency_id": invoice.currency_id.id,
                "partner_id": invoice.partner_id.id,
                "invoice_ids": [Command.set(invoice.ids)],
                "state": state,
            }
        )


@tagged("post_install", "-at_install")
class TestBalanceGate(BalanceGateCommon):
    """What is refused, what is not, and what the refusal says."""

    def test_up_to_the_limit_and_no_further(self):
        """Case 18: limit 100, balance 0: an invoice of 100 posts, 0.01 is refused."""
        self._grant(100)
        self._assert_posted(self._make_invoice(100))
        with self.assertRefused(
            "0.01 cannot be posted",
            "Ada Piano School has .*100.00 owed",
            "limit in force is .*100.00",
            "so .*0.01 is missing",
            "request an update",
            exception=BalanceRefused,
        ):
            invoice = self._make_invoice(0.01, post=False)
            # What is made is no part of what is refused.
            before = self._get_books()
            try:
                with self.env.cr.savepoint():
                    invoice.action_post()
            finally:
                self.assertEqual(self._get_books(), before)
                self.assertEqual(invoice.state, "draft")
                invoice.unlink()
        self.assertEqual(self.account.balance, -100)

    def _assert_gate(self, invoice, *patterns):
        """Check that posting is refused in these words and changes nothing."""
        with self.assertRaises(BalanceRefused) as refused, self.env.cr.savepoint():
            invoice.action_post()
        for pattern in patterns:
            self.assertRegex(str(refused.exception), pattern)
        self.env.invalidate_all()
        self.assertEqual(set(invoice.mapped("state")), {"draft"})
        return refused.exception

    def test_prepaid_without_any_limit(self):
        """Case 19: nobody granted a limit, or one of zero: the client pays up front."""
        invoice = self._make_invoice(10, post=False)
        self._assert_gate(invoice, "a balance of zero", "10.00 is missing")
        self.account._set_limit(0)
        self._assert_gate(invoice)
        self._issue_credit(9.99)
        self._assert_gate(invoice, "9.99 in credit", "0.01 is missing")
        self._issue_credit(0.01)
        invoice.action_post()
        self._assert_posted(invoice)
        self.assertEqual(self.account.balance, 0)

    def test_committed_amounts_are_spoken_for(self):
        """What is ordered already is not there for another invoice."""
        self._grant(100)
        with self._committed({self.account: 60}):
            self._assert_gate(self._make_invoice(41, post=False), "1.00 is missing")
            self._assert_posted(self._make_invoice(40))

    def test_suspended_limit_is_not_in_force(self):
        """Case 19: a suspended account keeps its limit and has none in force."""
        self._grant(100)
        self.account.action_suspend("Late")
        invoice = self._make_invoice(10, post=False)
        self._assert_gate(invoice, "10.00 is missing")
        self.assertEqual(self.account.credit_limit, 100)
        self.account.action_resume("Paid")
        invoice.action_post()
        self._assert_posted(invoice)

    def test_allowed_by_the_account(self):
        self.account.negative_balance = "allowed"
        self._assert_posted(self._make_invoice(1000))
        # And the other way round.
        self.company.client_negative_balance = "allowed"
        self.account.negative_balance = "prevented"
        self._assert_gate(self._make_invoice(1, post=False))
        self._assert_posted(self._make_invoice(1000, partner=self.other_client))

    def test_charges_and_receipts_too(self):
        with self.assertRefused("The charge of .*5.00 cannot be posted"):
            with self.env.cr.savepoint():
                self.account.charge(5, "Book")
        receipt = self._make_invoice(5, post=False, move_type="out_receipt")
        self._assert_gate(receipt)
        self._issue_credit(10)
        self.account.charge(5, "Book")
        receipt.action_post()
        self.assertEqual(self.account.balance, 0)

    def test_credits_payments_and_other_entries_are_never_refused(self):
        self.account.negative_balance = "allowed"
        self._make_invoice(100)
        self.account.negative_balance = "prevented"
        self._make_invoice(30, move_type="out_refund")
        self._issue_credit(10)
        self._make_payment(20)
        self._make_payment(40, payment_type="outbound")
        self.assertEqual(self.account.balance, -80)
        bill = self._make_invoice(50, move_type="in_invoice")
        self._assert_posted(bill)

    def test_foreign_invoice_counts_once(self):
        """Case 20: EUR 100 at a rate of 2 counts 200, not 400."""
        self._set_rate(self.today, 0.5)
        self._grant(200)
        invoice = self._make_invoice(100, post=False, currency_id=self.eur.id)
        invoice.action_post()
        self._assert_posted(invoice)
        self.assertEqual(self.account.balance, -200)
        more = self._make_invoice(0.01, post=False, currency_id=self.eur.id)
        self._assert_gate(more, "of \\$.0.02 cannot", "0.02 is missing")

    def test_child_contact_counts_for_the_client(self):
        """Case 22."""
        child = self.env["res.partner"].create(
            {"name": "Ada Junior", "parent_id": self.client.id, "type": "contact"}
        )
        self._grant(100)
        self._assert_posted(self._make_invoice(60, partner=child))
        self._assert_gate(
            self._make_invoice(60, partner=child, post=False),
            "Ada Piano School has .*60.00 owed",
            "20.00 is missing",
        )

    def test_future_invoice_is_checked_when_it_posts(self):
        """Case 22: a future-dated soft post is not checked until it posts."""
        day = self.today + timedelta(days=3)
        invoice = self._make_invoice(
            50, post=False, date_due=day, invoice_date=day, date=day
        )
        invoice._post(soft=True)
        self.assertEqual((invoice.state, invoice.auto_post), ("draft", "at_date"))
        with freeze_time(day), self.enter_registry_test_mode():
            job = self.env.ref("account.ir_cron_auto_post_draft_entry")
            job.method_direct_trigger()
            self.assertEqual(invoice.state, "draft")
            self.assertIn("50.00 is missing", invoice.message_ids[0].body)
            self._issue_credit(50)
            job.method_direct_trigger()
        self._assert_posted(invoice)

    def test_raised_after_the_check(self):
        """Case 23: a line added before it is posted again is checked again."""
        self._grant(100)
        invoice = self._make_invoice(80)
        invoice.button_draft()
        invoice.invoice_line_ids = [
            Command.create({"name": "More", "price_unit": 30, "tax_ids": []})
        ]
        self._assert_gate(invoice, "110.00 cannot", "10.00 is missing")
        invoice.invoice_line_ids[-1].price_unit = 20
        invoice.action_post()
        self._assert_posted(invoice)

    def test_raised_charge_is_checked_lowered_is_not(self):
        self._grant(100)
        charge = self.env["account.move"].browse(self.account.charge(80, "Book"))
        values = self.account._prepare_adjustment("charge", 101, "Book")
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            charge._modify_adjustment(values)
        self.account.action_suspend("Late")
        charge._modify_adjustment({**values, "amount": 40.0})
        self.assertEqual(self.account.balance, -40)

    def test_money_taken_always_posts(self):
        """Case 24: a document whose card payment is authorized or done posts."""
        for state in ("done", "authorized"):
            invoice = self._make_invoice(70, post=False)
            self._make_transaction(invoice, state)
            invoice.action_post()
            self._assert_posted(invoice)
        for state in ("draft", "pending", "cancel", "error"):
            invoice = self._make_invoice(70, post=False)
            self._make_transaction(invoice, state)
            self._assert_gate(invoice)

    def test_paid_draft_posts(self):
        """A payment may be matched to a draft; nothing more is owed by posting."""
        self._grant(100)
        invoice = self._make_invoice(100)
        payment = self._make_payment(100)
        lines = self._get_receivable(invoice) | self._get_receivable(payment.move_id)
        lines.reconcile()
        invoice.button_draft()
        self.account.action_suspend("Late")
        invoice.action_post()
        self._assert_posted(invoice)
        self.assertEqual(self.account.balance, 0)

    def test_nothing_to_pay_posts_whatever_is_owed(self):
        self.account.negative_balance = "allowed"
        self._make_invoice(100)
        self.account.negative_balance = "prevented"
        self._assert_posted(self._make_invoice(0))

    def test_batch_of_three_by_hand(self):
        """Case 25: fits, too much, fits: all three are refused, the one is named."""
        self._grant(100)
        invoices = self.env["account.move"]
        for amount in (40, 80, 60):
            invoices |= self._make_invoice(amount, post=False)
        message = str(self._assert_gate(invoices))
        self.assertRegex(message, rf"\* {invoices[1].id}\).*80.00 cannot")
        self.assertIn("20.00 is missing", message)
        for fits in (invoices[0], invoices[2]):
            self.assertNotIn(f"* {fits.id})", message)

    def test_batch_of_three_by_the_job(self):
        """Case 25: the job posts the two that fit."""
        self._grant(100)
        invoices = self.env["account.move"]
        for amount in (40, 80, 60):
            invoices |= self._make_invoice(amount, post=False, auto_post="at_date")
        with self.enter_registry_test_mode():
            self.env.ref(
                "account.ir_cron_auto_post_draft_entry"
            ).method_direct_trigger()
        self.assertEqual(
            invoices.mapped("state"),
            ["posted", "draft", "posted"],
            self.account.balance,
        )
        self.assertEqual(self.account.balance, -100)

    def test_judged_within_a_made_up_request(self):
        """Tests of other modules call what is judged with a request that may open no
        cursor on theirs."""
        invoice = self._make_invoice(50, post=False)
        with self.enter_registry_test_mode(), MockRequest(self.env):
            self._assert_gate(invoice, "50.00 is missing")
            self._issue_credit(50)
            invoice.action_post()
        self._assert_posted(invoice)

    def test_clients_and_companies_in_one_batch(self):
        self._grant(100)
        self.account.copy_data()
        other = self._make_invoice(10, partner=self.other_client, post=False)
        invoices = self._make_invoice(100, post=False) | other
        message = str(self._assert_gate(invoices, "Bela Chess Club"))
        self.assertNotIn("Ada", message)
        self._issue_credit(10, partner=self.other_client)
        invoices.action_post()
        self._assert_posted(*invoices)

    def test_batch_with_documents_of_other_kinds(self):
        """A bill and an entry have no receivable item."""
        for policy in ("negative_balance", "pay_later"):
            self.account.write({policy: {"pay_later": "disabled"}.get(policy)})
            self._issue_credit(10)
            moves = self._make_invoice(10, post=False)
            moves |= self._make_invoice(5, post=False, move_type="in_invoice")
            accounts = self.company_data
            moves |= self.env["account.move"].create(
                {
                    "line_ids": [
                        Command.create(
                            {"account_id": account.id, "debit": debit, "credit": credit}
                        )
                        for account, debit, credit in (
                            (accounts["default_account_expense"], 7, 0),
                            (accounts["default_account_revenue"], 0, 7),
                        )
                    ]
                }
            )
            moves.action_post()
            self._assert_posted(*moves)

    def test_repeated_with_a_key_after_a_refusal(self):
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            self.account.charge(10, "Book", key="k1")
        self._issue_credit(10)
        first = self.account.charge(10, "Book", key="k1")
        self.assertEqual(self.account.charge(10, "Book", key="k1"), first)
        self.assertEqual(self.account.balance, 0)

    def test_refusal_offers_a_request(self):
        invoice = self._make_invoice(10, post=False).with_user(self.biller)
        _message, actions = self._assert_gate(invoice).args
        self.assertEqual(actions["request"]["res_model"], "client.account.request")
        context = actions["request"]["context"]
        self.assertEqual(context["default_partner_id"], self.client.id)
        self.assertFalse(actions["post_anyway"])
        request = self._submit_request(50)
        _message, actions = self._assert_gate(invoice.with_user(self.biller)).args
        self.assertEqual(actions["request"]["res_id"], request.id)

    def test_refusal_tells_figures_to_those_who_may_see_them(self):
        """Posted on behalf of somebody without the right, nothing is told."""
        invoice = self._make_invoice(12.34, post=False).with_user(self.seller).sudo()
        message = str(self._assert_gate(invoice))
        self.assertIn("Ada Piano School", message)
        self.assertNotRegex(message, r"\d\.\d\d")

    def test_who_may_not_post_still_may_not(self):
        self._issue_credit(10)
        invoice = self._make_invoice(10, post=False)
        with self.assertRaises(AccessError):
            invoice.with_user(self.officer).action_post()

    def test_what_posting_asks_the_database(self):
        """At most three queries more than without a policy, see `dev/bench posting`."""
        self._grant(10000)

        def count():
            invoice = self._make_invoice(1, post=False)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            invoice._post()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count()
        prevented = count()
        self.account.negative_balance = "allowed"
        self.env.flush_all()
        self.assertLessEqual(prevented, count() + 1)


@tagged("post_install", "-at_install")
class TestWaysAround(BalanceGateCommon):
    """What whoever invoices might try by RPC, or do without a thought."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account._set_limit(100)
        cls._make_invoice(50)
        cls.invoice = cls._make_invoice(150, post=False)

    def _assert_kept(self):
        self.env.invalidate_all()
        self.assertEqual(self.invoice.state, "draft")
        self.assertEqual(self.account.balance, -50)

    def test_state_written_without_posting(self):
        invoice = self.invoice.with_user(self.biller)
        for call in (
            lambda: invoice.write({"state": "posted"}),
            lambda: invoice.web_save({"state": "posted"}, {}),
        ):
            with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
                call()
            self._assert_kept()

    def test_computed_fields_of_items(self):
        line = self._get_receivable(self.invoice).with_user(self.biller)
        for name, value in (
            ("parent_state", "posted"),
            ("amount_residual", 0),
            ("amount_residual_currency", 0),
            ("reconciled", True),
        ):
            with self.subTest(field=name), self.assertRefused("follow from its entry"):
                line.write({name: value})
            with self.subTest(field=name), self.assertRefused("follow from its entry"):
                line.create({"move_id": self.invoice.id, name: value})
        self._assert_kept()

    def test_transactions_forged(self):
        abandoned = self._make_transaction(self.invoice, "cancel")
        done = self._make_transaction(self._make_invoice(0.01, post=False), "done")
        vals = {
            "provider_id": done.provider_id.id,
            "payment_method_id": done.payment_method_id.id,
            "reference": "Forged",
            "amount": 0.01,
            "currency_id": self.invoice.currency_id.id,
            "partner_id": self.client.id,
        }
        env = self.env(user=self.biller)
        transactions = env["payment.transaction"]
        invoice = self.invoice.with_user(self.biller)
        for call in (
            lambda: transactions.create({**vals, "state": "done"}),
            lambda: transactions.create(
                {**vals, "invoice_ids": [Command.set(self.invoice.ids)]}
            ),
            lambda: abandoned.with_user(self.biller).write({"state": "done"}),
            lambda: done.with_user(self.biller).write(
                {"invoice_ids": [Command.link(self.invoice.id)]}
            ),
            lambda: invoice.write({"transaction_ids": [Command.link(done.id)]}),
            lambda: invoice.write(
                {"transaction_ids": [Command.create({**vals, "state": "done"})]}
            ),
            lambda: invoice.copy({"transaction_ids": [Command.link(done.id)]}),
        ):
            with self.assertRefused("Register a payment instead"):
                call()
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.action_post()
        self._assert_kept()

    def test_open_credit_note_reversed(self):
        """A reversal is matched while it is posted, and takes the balance down."""
        self._make_invoice(100, partner=self.other_client, post=False)
        refund = self._make_invoice(50, move_type="out_refund")
        self._make_invoice(100)
        self.assertEqual(self.account.balance, -100)
        for cancel in (True, False):
            with self.subTest(cancel=cancel), self.assertRaises(BalanceRefused):
                with self.env.cr.savepoint():
                    reversal = refund._reverse_moves(cancel=cancel)
                    if reversal.state == "draft":
                        reversal.action_post()
        self.env.invalidate_all()
        self.assertEqual(self.account.balance, -100)

    def test_state_written_again_changes_nothing(self):
        self.account.action_suspend("Late")
        posted = self.env["account.move"].search(
            [("partner_id", "=", self.client.id), ("state", "=", "posted")], limit=1
        )
        posted.write({"state": "posted"})
        self.assertEqual(self.account.balance, -50)


@tagged("post_install", "-at_install")
class TestGateCompanies(BalanceGateCommon):
    """Case 21: whatever company the user has open."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.setup_other_company(name="Other Studio")
        cls.other_company = cls.other["company"]
        cls.branch = cls.env["res.company"].create(
            {"name": "Branch", "parent_id": cls.company.id}
        )
        # Odoo gives branches their chart at the end of the transaction.
        cls.env.cr.precommit.run()
        cls.env.user.company_ids |= cls.branch

    def test_policy_and_limit_are_the_invoice_company_s(self):
        self._grant(100)
        self.other_company.client_negative_balance = "prevented"
        there = self._make_invoice(
            10,
            post=False,
            company_id=self.other_company.id,
            journal_id=self.other["default_journal_sale"].id,
        )
        here = self._make_invoice(100, post=False)
        for company in (self.company, self.other_company):
            with self.subTest(company=company.name):
                with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
                    self._open(there, company).action_post()
        self._open(here, self.other_company).action_post()
        self._assert_posted(here)
        self.other_company.client_negative_balance = "allowed"
        self._open(there, self.company).action_post()
        self._assert_posted(there)

    def _open(self, moves, company):
        """Return the documents with this company first of those the user has open."""
        companies = company | self.company | self.other_company
        return moves.with_context(allowed_company_ids=companies.ids)

    def test_branches_share_the_account_of_the_root(self):
        self._grant(100)
        self._assert_posted(self._make_invoice(60))
        invoice = self._make_invoice(60, post=False, company_id=self.branch.id)
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.with_company(self.branch).action_post()
        # The branch's own setting is not asked.
        self.branch.client_negative_balance = "allowed"
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.action_post()
        self.company.client_negative_balance = "allowed"
        invoice.action_post()
        self._assert_posted(invoice)


@tagged("post_install", "-at_install")
class TestPostAnyway(BalanceGateCommon):
    """Who may post against the policies, and what is logged."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.billing_approver = cls._make_user(
            "bg_approver", f"{cls.APPROVER},account.group_account_invoice"
        )

    def _post_anyway(self, move, reason="Agreed by telephone", user=None):
        wizard = (
            self.env["client.account.post.anyway"]
            .with_user(user or self.billing_approver)
            .create({"move_ids": move.ids, "reason": reason})
        )
        return wizard.action_post_anyway()

    def test_approver_posts_anyway(self):
        invoice = self._make_invoice(25, post=False)
        self._post_anyway(invoice)
        self._assert_posted(invoice)
        self.assertRecordValues(
            invoice,
            [
                {
                    "client_anyway_reason": "Agreed by telephone",
                    "client_anyway_user_id": self.billing_approver.id,
                }
            ],
        )
        self.assertTrue(invoice.client_anyway_date)
        for record in (invoice, self.account):
            self.assertIn("Agreed by telephone", record.message_ids[0].body)
        # It was for this one only.
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            self._make_invoice(1)
        invoice.button_draft()
        self.assertFalse(invoice.client_anyway_reason)
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.action_post()

    def test_offered_to_approvers_only(self):
        invoice = self._make_invoice(25, post=False)
        self.env.cr.execute(
            "UPDATE account_move SET create_date = create_date - INTERVAL '1 minute'"
            " WHERE id = %s",
            [invoice.id],
        )
        invoice.invalidate_recordset()
        offered = {}
        for user in (self.biller, self.billing_approver):
            with self.assertRaises(BalanceRefused) as refused, self.env.cr.savepoint():
                invoice.with_user(user).action_post()
            offered[user] = refused.exception.args[1]["post_anyway"]
        self.assertFalse(offered[self.biller])
        action = offered[self.billing_approver]
        wizard = (
            self.env[action["res_model"]]
            .with_user(self.billing_approver)
            .with_context(**action["context"])
            .create({"reason": "Agreed"})
        )
        self.assertEqual(wizard.move_ids, invoice)

    def test_refused_without_a_reason_or_the_right(self):
        invoice = self._make_invoice(25, post=False)
        for reason in (False, "", "  ", "\u200b"):
            with self.subTest(reason=reason), self.assertRefused("Give a reason"):
                self._post_anyway(invoice, reason=reason)
        for user in (self.biller, self.officer, self.seller):
            with self.subTest(user=user.login):
                with self.assertRefused(exception=AccessError):
                    self._post_anyway(invoice, user=user)
                with self.assertRefused(exception=AccessError):
                    invoice.with_user(user).action_client_post_anyway("Agreed")
        stranger = self._make_user(
            "bg_stranger",
            f"{self.APPROVER},account.group_account_invoice",
            company=self.setup_other_company(name="Elsewhere")["company"],
        )
        with self.assertRefused(exception=AccessError):
            invoice.with_user(stranger).action_client_post_anyway("Agreed")
        self.assertEqual(invoice.state, "draft")

    def test_no_context_switches_the_gate_off(self):
        invoice = self._make_invoice(25, post=False).with_user(self.billing_approver)
        for claim in (True, "Agreed", {"reason": "Agreed"}, object()):
            for key in ("client_post_anyway", "client_credits_held"):
                forged = invoice.with_context(**{key: claim})
                with self.subTest(key=key, claim=claim):
                    with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
                        forged.action_post()
        self.assertEqual(invoice.state, "draft")

    def test_approval_does_not_leak(self):
        """What posting makes or returns holds no object that is no JSON."""
        invoice = self._make_invoice(25, post=False)
        contexts = []
        original = type(invoice).message_post

        def message_post(records, **values):
            contexts.append(records.env.context)
            return original(records, **values)

        with patch.object(type(invoice), "message_post", message_post):
            self._post_anyway(invoice)
        self.assertTrue(contexts)
        for context in contexts:
            self.assertNotIn("client_post_anyway", context)

    def test_what_is_not_refused_is_not_logged(self):
        self._issue_credit(25)
        invoice = self._make_invoice(25, post=False)
        self._post_anyway(invoice)
        self._assert_posted(invoice)
        self.assertFalse(invoice.client_anyway_reason)

    def test_charge_anyway(self):
        wizards = self.env["client.account.adjustment"]
        values = {
            "account_ids": (self.account | self._get_account(self.other_client)).ids,
            "kind": "charge",
            "amount": 15,
            "reason": "Book",
        }
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            wizards.with_user(self.approver).create(values).action_confirm()
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            wizards.with_user(self.officer).create(
                {**values, "anyway_reason": "Agreed"}
            )
        wizards.with_user(self.approver).create(
            {**values, "anyway_reason": "Agreed"}
        ).action_confirm()
        charges = self.env["account.move"].search(
            [("client_adjustment", "=", "charge"), ("amount_total", "=", 15)]
        )
        self.assertEqual(len(charges), 2)
        self.assertEqual(set(charges.mapped("client_anyway_reason")), {"Agreed"})
        self.assertEqual(self.account.balance, -15)

    def test_taken_off_by_nobody_s_hand(self):
        invoice = self._make_invoice(25, post=False)
        for name in ("reason", "user_id", "date"):
            with self.assertRefused("set by the client's account only"):
                invoice.with_user(self.billing_approver).write(
                    {f"client_anyway_{name}": False}
                )


@tagged("post_install", "-at_install")
class TestPayLater(BalanceGateCommon):
    """Clients who pay up front."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_negative_balance = "allowed"
        cls.account.pay_later = "disabled"

    def _assert_refused(self, invoice, *patterns):
        with self.assertRaises(BalanceRefused) as refused, self.env.cr.savepoint():
            invoice.action_post()
        for pattern in patterns:
            self.assertRegex(str(refused.exception), pattern)
        self.env.invalidate_all()
        self.assertEqual(invoice.state, "draft")

    def test_posts_with_enough_credit_and_is_paid(self):
        invoice = self._make_invoice(40, post=False)
        self._assert_refused(invoice, "pays up front", "40.00 is not covered")
        self._issue_credit(39)
        self._assert_refused(invoice, "1.00 is not covered")
        self._make_payment(1)
        invoice.action_post()
        self._assert_posted(invoice)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(self.account.balance, 0)

    def test_one_credit_pays_one_invoice(self):
        """Also where policies apply nothing by themselves."""
        self._issue_credit(100)
        self._make_invoice(80)
        self._assert_refused(self._make_invoice(80, post=False), "60.00 is not covered")
        self.assertEqual(self.account.balance, 20)

    def test_old_debt_does_not_take_the_credit(self):
        self.account.pay_later = "allowed"
        old = self._make_invoice(100)
        self.account.pay_later = "disabled"
        self._issue_credit(50)
        invoice = self._make_invoice(50)
        self.assertEqual((old.amount_residual, invoice.amount_residual), (100, 0))

    def test_limit_does_not_count(self):
        self._grant(1000)
        self._assert_refused(self._make_invoice(10, post=False))

    def test_posts_with_a_payment_made(self):
        for state in ("done", "authorized"):
            invoice = self._make_invoice(70, post=False)
            self._make_transaction(invoice, state)
            invoice.action_post()
            self._assert_posted(invoice)
        invoice = self._make_invoice(70, post=False)
        self._make_transaction(invoice, "pending")
        self._issue_credit(70)
        # Credit is not given to what waits for a card payment.
        self._assert_refused(invoice, "70.00 is not covered")

    def test_other_terms_than_immediate_are_refused(self):
        self._issue_credit(500)
        term = self.env.ref("account.account_payment_term_30days")
        invoice = self._make_invoice(10, post=False)
        invoice.invoice_payment_term_id = term
        self._assert_refused(invoice, "only immediate payment", "Immediate Payment")
        invoice.invoice_payment_term_id = self.env.ref(
            "account.account_payment_term_immediate"
        )
        invoice.action_post()
        self._assert_posted(invoice)
        later = self._make_invoice(
            10, post=False, date_due=self.today + timedelta(days=1)
        )
        self._assert_refused(later, "only immediate payment")
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            self.account.charge(5, "Book", date_due=self.today + timedelta(days=9))
        self.account.charge(5, "Book")

    def test_own_terms_of_the_contact_are_not_offered(self):
        term = self.env.ref("account.account_payment_term_30days")
        (self.client | self.other_client).property_payment_term_id = term
        moves = self.env["account.move"]
        for partner, expected in (
            (self.client, moves.invoice_payment_term_id),
            (self.other_client, term),
        ):
            invoice = moves.create(
                {"move_type": "out_invoice", "partner_id": partner.id}
            )
            self.assertEqual(invoice.invoice_payment_term_id, expected)

    def test_product_not_payable_with_credit(self):
        product = self.env["product.product"].create(
            {"name": "Entry fee", "client_not_payable_with_credit": True}
        )
        self._issue_credit(100)
        invoice = self._make_invoice(10, post=False)
        invoice.invoice_line_ids.product_id = product
        invoice.invoice_line_ids.price_unit = 10
        invoice.invoice_line_ids.tax_ids = False
        self._assert_refused(invoice, "10.00 is not covered by credit that can pay it")

    def test_approver_posts_anyway(self):
        invoice = self._make_invoice(10, post=False)
        invoice.action_client_post_anyway("Agreed")
        self._assert_posted(invoice)
        self.assertEqual(invoice.client_anyway_reason, "Agreed")

    def test_modified_charge_keeps_its_credit(self):
        self._issue_credit(30)
        charge = self.env["account.move"].browse(self.account.charge(20, "Book"))
        values = self.account._prepare_adjustment("charge", 25, "Book")
        charge._modify_adjustment(values)
        self.assertEqual(charge._get_receivable_items().amount_residual, 0)
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            charge._modify_adjustment({**values, "amount": 31.0})

    def test_company_default(self):
        self.company.client_pay_later = "disabled"
        self.account.pay_later = "allowed"
        self._assert_posted(self._make_invoice(10))
        partner = self.env["res.partner"].create({"name": "Nora"})
        self._assert_refused(self._make_invoice(10, partner=partner, post=False))

    def test_providers_to_be_paid_later_are_not_offered(self):
        wire = self.env["payment.provider"].create(
            {"name": "Wire", "company_id": self.company.id, "state": "test"}
        )
        providers = self.env["payment.provider"]
        # The code is that of `payment_custom`, on which this addon does not depend.
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE payment_provider SET code = 'custom' WHERE id = %s", [wire.id]
        )
        wire.invalidate_recordset()
        card = self.env["payment.provider"].create(
            {"name": "Card", "company_id": self.company.id, "state": "test"}
        )

        def offered(partner, report=None):
            return providers._get_compatible_providers(
                self.company.id, partner.id, 10, report=report
            )

        report = {}
        self.assertEqual(offered(self.client, report) & (wire | card), card)
        self.assertIn("pays up front", report["providers"][wire]["reason"])
        self.assertEqual(offered(self.other_client) & (wire | card), wire | card)
        self.account.pay_later = "allowed"
        self.assertEqual(offered(self.client) & (wire | card), wire | card)

    def test_refused_terms_for_everybody_who_posts(self):
        self._issue_credit(10)
        invoice = self._make_invoice(10, post=False)
        invoice.with_user(self.biller).action_post()
        self._assert_posted(invoice)

    def test_ribbon(self):
        self.assertTrue(self.account.pay_later_disabled)
        self.assertTrue(self.client.client_pay_later_disabled)
        self.assertFalse(self.other_client.client_pay_later_disabled)
        partners = self.env["res.partner"]
        found = partners.search([("client_pay_later_disabled", "=", True)])
        self.assertEqual(found & (self.client | self.other_client), self.client)
        self.company.client_pay_later = "disabled"
        self.account.pay_later = "allowed"
        found = partners.search([("client_pay_later_disabled", "=", True)])
        self.assertEqual(found & (self.client | self.other_client), self.other_client)


@tagged("post_install", "-at_install")
class TestRefusalError(BalanceGateCommon):
    def test_odoo_s_own_jobs_survive_it(self):
        error = BalanceRefused("Too much.", {"request": False})
        self.assertIsInstance(error, UserError)
        self.assertEqual(str(error), "Too much.")
        self.assertEqual(error.args, ("Too much.", {"request": False}))
