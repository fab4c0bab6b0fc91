from contextlib import contextmanager, suppress
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from ..exceptions import BalanceRefused
from ..models.client_anyway_mixin import PostAnyway
from .test_balance_gate import BalanceGateCommon


@tagged("post_install", "-at_install")
class TestBalanceWatch(BalanceGateCommon):
    """Clients are judged by what an operation changes, whatever the operation is."""

    def assertBalanceRefused(self, act, *args, **kwargs):
        with self.assertRaises(BalanceRefused) as refused, self.env.cr.savepoint():
            act(*args, **kwargs)
        self.env.invalidate_all()
        return str(refused.exception)

    def _make_entry(self, amount, user=None, partner=None, **values):
        """Make an entry by hand that takes an amount from a client."""
        moves = self.env["account.move"].with_user(user or self.env.user)
        partner = partner or self.client
        return moves.create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": partner.id,
                            "balance": balance,
                        }
                    )
                    for account, balance in (
                        (self.company_data["default_account_receivable"], amount),
                        (self.company_data["default_account_revenue"], -amount),
                    )
                ],
                **values,
            }
        )

    # === Savepoints of other modules ===

    @contextmanager
    def _savepoints(self, name):
        """Have another module open savepoints around a method of documents."""
        model = self.env.registry["account.move"]
        method = getattr(model, name)

        def wrapped(self, *args, **kwargs):
            with self.env.cr.savepoint():
                pass
            with self.env.cr.savepoint():
                result = method(self, *args, **kwargs)
            self.env.cr.flush()
            with self.env.cr.savepoint():
                pass
            return result

        with patch.object(model, name, wrapped):
            yield

    def test_savepoints_of_other_modules_open_no_gate(self):
        """Case 56: refused all the same; posted anyway, the reason stands on it."""
        for name in ("write", "_post"):
            with self.subTest(name=name), self._savepoints(name):
                invoice = self._make_invoice(100, post=False)
                self.assertBalanceRefused(invoice.action_post)
                approver = self._make_user(
                    f"watch_approver{name}",
                    "account.group_account_invoice,"
                    "client_account.group_client_account_approver",
                )
                invoice.with_user(approver).action_client_post_anyway("By telephone")
                self.assertEqual(invoice.client_anyway_reason, "By telephone")
                self.assertEqual(invoice.state, "posted")
                self._issue_credit(100)

    def test_what_an_operation_left_is_judged_before_the_commit(self):
        """An operation that failed and was caught without a savepoint."""
        invoice = self._make_invoice(100, post=False)
        # Not by `assertRaises`, whose savepoint would undo it.
        with suppress(ZeroDivisionError), self.env["client.account"]._watching():
            invoice._post()
            raise ZeroDivisionError
        self.assertEqual(invoice.state, "posted")
        # No savepoint here: one would run it before it is asked for.
        refused = False
        try:
            self.env.cr.precommit.run()
        except BalanceRefused:
            refused = True
        self.assertTrue(refused)

    def test_refusal_that_is_caught_without_a_savepoint(self):
        """Another module goes on as if nothing had happened: not until the commit,
        however often it goes on."""
        invoice = self._make_invoice(100, post=False)
        commit = self.env.cr.precommit.run
        refusals = 0
        for act in (invoice.action_post, commit, commit):
            try:
                act()
            except BalanceRefused:
                refusals += 1
        self.assertEqual(refusals, 3)

    def test_part_that_is_rolled_back_counts_no_more(self):
        self._grant(100)
        for _round in range(3):
            with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
                self._make_invoice(100)
                raise ZeroDivisionError
        self._make_invoice(60)
        self.assertBalanceRefused(self._make_invoice, 41)
        self._make_invoice(40)

    # === Clients and companies ===

    def test_each_client_among_the_items_is_judged(self):
        """Two instalments of two clients."""
        term = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    Command.create({"value_amount": 50, "nb_days": days})
                    for days in (0, 30)
                ],
            }
        )
        self._grant(100)
        invoice = self._make_invoice(
            100, post=False, invoice_payment_term_id=term.id, invoice_date_due=False
        )
        invoice.action_post()
        item = self._get_receivable(invoice)[-1]
        message = self.assertBalanceRefused(
            item.write, {"partner_id": self.other_client.id}
        )
        self.assertIn("Bela Chess Club", message)
        self._issue_credit(50, partner=self.other_client)
        item.partner_id = self.other_client
        self.assertEqual(self.account.balance, -50)

    def test_second_company_does_not_count(self):
        other = self.setup_other_company(name="Second School")["company"]
        account = self._get_account(self.client, other)
        account.sudo().negative_balance = "prevented"
        self._issue_credit(100)
        self.assertEqual(
            set(self.env["client.account"]._check_available({account: 1.0})), {account}
        )
        self.assertFalse(self.env["client.account"]._check_available({self.account: 1}))

    def test_ledger_is_judged_as_well_as_what_is_open(self):
        """An invoice that a draft settles is not open, and is in the ledger."""
        self.account.negative_balance = "allowed"
        refund = self._make_invoice(100, move_type="out_refund")
        invoice = self._make_invoice(100)
        self._get_receivable(refund | invoice).reconcile()
        refund.button_draft()
        self.account.negative_balance = "prevented"
        self._grant(20)
        self.assertEqual((self.account.balance, self.account.ledger_balance), (0, -100))
        message = self.assertBalanceRefused(self._make_invoice, 10)
        self.assertIn("100.00 owed", message.replace("\xa0", ""))
        refund.action_post()
        self._make_invoice(10)

    # === Nothing is deleted ===

    def test_posted_items_and_adjustments_are_never_deleted(self):
        credit = self._issue_credit(50)
        entry = self._make_entry(-50)
        entry.action_post()
        keys = {"force_delete": True, "dynamic_unlink": True}
        for move in (credit, entry):
            move = move.with_user(self.biller).with_context(**keys)
            items = self._get_receivable(move)
            for act in (move.unlink, items.unlink, move.line_ids.unlink):
                with self.assertRaisesRegex(UserError, "never deleted"):
                    with self.env.cr.savepoint():
                        act()
        with self.assertRaisesRegex(UserError, "never deleted"):
            with self.env.cr.savepoint():
                draft = credit.with_user(self.biller)
                draft.button_draft()
                draft.with_context(**keys).unlink()
        self.assertEqual(self.account.balance, 100)

    def test_kind_of_what_was_posted_stays(self):
        entry = self._make_entry(-50)
        entry.action_post()
        entry.button_draft()
        with self.assertRaisesRegex(UserError, "stays the kind"):
            entry.with_user(self.biller).move_type = "out_invoice"

    # === What has happened is told ===

    def test_what_has_happened_is_told_with_who_did_it(self):
        credit = self._make_invoice(50, move_type="out_refund")
        payment = self._make_payment(50)
        self._make_invoice(100)
        for number, (act, balance) in enumerate(
            ((payment.action_draft, "50.00 owed"), (credit.button_draft, "100.00 owed"))
        ):
            with self.subTest(number=number):
                act()
                note = self.account.message_ids[0].body
                self.assertIn(self.env.user.name, note)
                self.assertIn(balance, str(note).replace("\xa0", "").replace("$", ""))

    def test_billing_user_s_entry_is_judged_an_accountant_s_is_not(self):
        entry = self._make_entry(10, user=self.biller)
        self.assertBalanceRefused(entry.action_post)
        accountant = self._make_user("watch_accountant", "account.group_account_user")
        entry.with_user(accountant).action_post()
        self.assertEqual(self.account.balance, -10)

    def test_reversal_takes_back_what_was_given_and_no_more(self):
        given = self._make_entry(-40)
        given.action_post()
        self._make_invoice(40)
        reversal = self._make_entry(41, user=self.biller, reversed_entry_id=given.id)
        self.assertBalanceRefused(reversal.action_post)
        reversal = self._make_entry(40, user=self.biller, reversed_entry_id=given.id)
        reversal.action_post()
        self.assertEqual(self.account.balance, -40)
        again = self._make_entry(40, user=self.biller, reversed_entry_id=given.id)
        self.assertBalanceRefused(again.action_post)

    # === Kept working ===

    def test_posted_again_for_no_more_than_it_had(self):
        """From before the policy, reset to correct a typo."""
        self.account.negative_balance = "allowed"
        invoice = self._make_invoice(100)
        self.account.negative_balance = "prevented"
        invoice.button_draft()
        invoice.ref = "Corrected"
        invoice.action_post()
        self.assertEqual(self.account.balance, -100)
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 101
        self.assertBalanceRefused(invoice.action_post)
        invoice.invoice_line_ids.price_unit = 90
        invoice.action_post()

    def test_posted_again_is_refused_where_the_room_was_used_meanwhile(self):
        self._grant(100)
        invoice = self._make_invoice(100)
        invoice.button_draft()
        self._make_invoice(100)
        self.assertBalanceRefused(invoice.action_post)

    def test_posted_again_for_another_client_is_refused(self):
        self.account.negative_balance = "allowed"
        invoice = self._make_invoice(100)
        self.account.negative_balance = "prevented"
        invoice.button_draft()
        invoice.partner_id = self.other_client
        self.assertBalanceRefused(invoice.action_post)

    def test_money_that_has_gone_since(self):
        invoice = self._make_invoice(100, post=False)
        payment = self._make_payment(100)
        invoice.action_post()
        payment.action_draft()
        invoice.button_draft()
        invoice.action_post()
        self.assertEqual(self.account.balance, -100)

    def test_money_taken_counts_by_its_amount(self):
        invoice = self._make_invoice(10000, post=False)
        self._make_transaction(invoice, "done").amount = 10
        message = self.assertBalanceRefused(invoice.action_post)
        self.assertIn("9,990.00 is missing", message)
        small = self._make_invoice(10, post=False)
        self._make_transaction(small, "done")
        small.action_post()
        self.assertBalanceRefused(self._make_invoice, 1)

    def test_money_that_is_not_enough_is_booked_and_the_document_left(self):
        journal = self.company_data["default_journal_bank"]
        line = journal.inbound_payment_method_line_ids[:1]
        for taken, state in ((10, "draft"), (10000, "posted")):
            invoice = self._make_invoice(10000, post=False)
            transaction = self._make_transaction(invoice, "done")
            transaction.amount = taken
            line.payment_provider_id = transaction.provider_id
            transaction.provider_id.invalidate_recordset(["journal_id"])
            with self.subTest(taken=taken):
                transaction._post_process()
                self.assertEqual(invoice.state, state)
                self.assertEqual(transaction.payment_id.amount, taken)
                told = "stays a draft" in str(invoice.message_ids.mapped("body"))
                self.assertEqual(told, state == "draft")
                self.assertEqual(self.account.balance, 10)

    def test_post_anyway_is_offered_for_drafts_alone(self):
        approver = self._make_user(
            "watch_billing_approver",
            "account.group_account_invoice,client_account.group_client_account_approver",
        )
        invoice = self._make_invoice(100, post=False)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET create_date = create_date - interval '1 day'"
            " WHERE id = %s",
            [invoice.id],
        )
        self.env.invalidate_all()
        self._get_account(self.other_client).negative_balance = "allowed"
        item = self._get_receivable(self._make_invoice(5, partner=self.other_client))
        for user, act, offered in (
            (approver, lambda: invoice.with_user(approver).action_post(), True),
            (self.biller, lambda: invoice.with_user(self.biller).action_post(), False),
            (
                approver,
                lambda: item.with_user(approver).write({"partner_id": self.client.id}),
                False,
            ),
        ):
            with self.assertRaises(BalanceRefused) as refused:
                with self.env.cr.savepoint():
                    act()
            self.env.invalidate_all()
            with self.subTest(user=user.login, offered=offered):
                actions = refused.exception.args[1]
                self.assertEqual(bool(actions["post_anyway"]), offered)

    # === What an own order had committed ===

    def test_an_order_s_own_invoice_releases_what_it_had_committed(self):
        """Committed 80 of 100: its own invoice of 80 fits, another of 30 does not; and
        so it is where the invoice is refused and posted again."""
        self._grant(100)
        invoice = self._make_invoice(80, post=False)
        moves = self.env.registry["account.move"]
        key = (self.client, self.company)

        def get_released(documents):
            return {key: 80.0} if invoice in documents else {}

        with patch.object(moves, "_get_released_amounts", get_released):
            with self._committed({self.account: 80}):
                self.assertBalanceRefused(self._make_invoice, 30)
            # Once it is posted, its order has nothing committed any more.
            invoice.action_post()
            self.assertBalanceRefused(self._make_invoice, 21)
            self._make_invoice(20)

    # === Rates ===

    def test_rate_of_somebody_s_own(self):
        euro = self.setup_other_currency("EUR", rates=[("2020-01-01", 0.5)])
        self._grant(1000)
        for rate, fits in ((0.54, True), (0.46, True), (0.6, False), (5, False)):
            invoice = self._make_invoice(1, post=False, currency_id=euro.id)
            invoice.invoice_currency_rate = rate
            with self.subTest(rate=rate):
                if fits:
                    invoice.with_user(self.biller).action_post()
                    continue
                with self.assertRaisesRegex(UserError, "tenth off"):
                    with self.env.cr.savepoint():
                        invoice.with_user(self.biller).action_post()
        invoice.action_post()

    # === Paying up front ===

    def test_allocation_of_who_pays_up_front_is_taken_off_by_approvers_only(self):
        self.account.negative_balance = "allowed"
        self.account.pay_later = "disabled"
        officer = self._make_user(
            "watch_officer",
            "account.group_account_invoice,client_account.group_client_account_officer",
        )
        credit = self._issue_credit(1000)
        invoice = self._make_invoice(1000)
        partial = credit._get_client_allocations()
        for act in (
            partial.with_user(officer).action_remove_client_allocation,
            partial.with_user(officer).unlink,
            self._get_receivable(invoice).with_user(officer).remove_move_reconcile,
        ):
            with self.assertRaisesRegex(UserError, "pays up front"):
                with self.env.cr.savepoint():
                    act()
        invoice.with_user(officer).button_draft()
        self.assertEqual(self.account.balance, 1000)

    # === Asking ===

    def test_check_available(self):
        accounts = self.env["client.account"]
        self._grant(100)
        self.assertEqual(accounts._check_available({}), {})
        self.assertEqual(accounts._check_available({self.account: 100}), {})
        self.assertEqual(accounts._check_available({self.account: 0}), {})
        refusals = accounts._check_available({self.account: 100.01})
        self.assertRegex(refusals[self.account], "0.01 is missing")
        other = self._get_account(self.other_client)
        refusals = accounts._check_available({self.account: 100, other: 5})
        self.assertEqual(set(refusals), {other})
        with self._committed({self.account: 60}):
            self.assertEqual(accounts._check_available({self.account: 40}), {})
            self.assertTrue(accounts._check_available({self.account: 41}))
        self.account.negative_balance = "allowed"
        self.assertEqual(accounts._check_available({self.account: 10**6}), {})

    def test_what_is_written_before_it_is_asked_about_counts_once(self):
        accounts = self.env["client.account"]
        self._grant(100)
        with self._committed({self.account: 100}):
            counted = {self.account: 40}
            self.assertEqual(accounts._check_available({self.account: 40}, counted), {})
            [refusal] = accounts._check_available({self.account: 41}, counted).values()
            self.assertRegex(refusal, "1.00 is missing")

    def test_a_draft_says_what_is_missing_beyond_what_it_releases(self):
        self._grant(100)
        invoice = self._make_invoice(90, post=False)
        moves = self.env.registry["account.move"]
        with (
            self._committed({self.account: 80}),
            patch.object(moves, "_get_released_ahead", lambda _move, _account: 70.0),
        ):
            self.assertFalse(invoice.client_posting_preview)
            invoice.invoice_line_ids.price_unit = 95
            self.assertIn("5.00 is missing", invoice.client_posting_preview)

    def test_glue_addons_note_what_they_like_until_the_transaction_ends(self):
        accounts = self.env["client.account"]
        accounts._get_watch().notes["orders"] = 5
        self.assertEqual(accounts._get_watch().notes, {"orders": 5})

    def test_approver_lets_pass_what_is_no_document(self):
        approver = self._make_user(
            "watch_decider", "client_account.group_client_account_approver"
        )
        passing = PostAnyway("By telephone")
        for user, passes in ((self.seller, False), (approver, True)):
            account = self.account.with_user(user).with_context(
                client_post_anyway=passing
            )
            if not passes:
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    account._check_available({account: 5})
                continue
            self.assertEqual(account._check_available({account: 5}), {})
            self.assertIn("By telephone", self.account.message_ids[0].body)
        # No caller can send it.
        account = self.account.with_context(client_post_anyway={"reason": "Forged"})
        self.assertTrue(account._check_available({account: 5}))

    def test_window_serves_whatever_model_asks(self):
        invoice = self._make_invoice(10, post=False)
        windows = self.env["client.account.post.anyway"].with_user(
            self._make_user(
                "watch_poster",
                "account.group_account_invoice,"
                "client_account.group_client_account_approver",
            )
        )
        action = windows._get_window(invoice)
        self.assertEqual(action["name"], "Post Anyway")
        self.assertEqual(windows._get_window(invoice, "Do It")["name"], "Do It")
        window = windows.with_context(**action["context"]).create({"reason": "Agreed"})
        window.action_post_anyway()
        self.assertEqual(invoice.state, "posted")
        for model, ids in (("res.partner", [1]), ("no.model", [1]), (invoice._name, 5)):
            window = windows.create({"res_model": model, "res_ids": ids, "reason": "x"})
            with self.subTest(model=model), self.assertRaises(UserError):
                with self.env.cr.savepoint():
                    window.action_post_anyway()

    def test_who_may_not_see_figures_gets_none(self):
        account = self.account.with_user(self.seller)
        [message] = account._check_available({account: 5}).values()
        self.assertNotRegex(message, r"\d")

    def test_refusal_takes_a_title(self):
        error = BalanceRefused("Too much.", {}, title="Not Confirmed")
        self.assertEqual(error.args, ("Too much.", {}, "Not Confirmed"))
        self.assertEqual(str(error), "Too much.")

    # === Before anybody presses Post ===

    def test_draft_says_what_posting_will_do(self):
        self.company.client_credit_application = "next"
        self._issue_credit(150)
        invoice = self._make_invoice(180, post=False)
        preview = (invoice.client_posting_preview or "").replace("\xa0", "")
        self.assertEqual(
            preview,
            "$150.00 of account credit will be applied; $30.00 stays due. "
            "$30.00 is missing under the client's policy.",
        )
        self.account.negative_balance = "allowed"
        invoice.invalidate_recordset()
        self.assertNotIn("missing", invoice.client_posting_preview)
        invoice.action_post()
        self.assertEqual(invoice.amount_residual, 30)
        self.assertFalse(invoice.client_posting_preview)
        self.assertFalse(
            self._make_invoice(
                5, post=False, partner=self.partner_b
            ).client_posting_preview
        )

    def test_draft_that_credit_pays_whole_says_that_nothing_stays_due(self):
        self.company.client_credit_application = "next"
        self._issue_credit(150)
        invoice = self._make_invoice(150, post=False)
        self.assertEqual(
            (invoice.client_posting_preview or "").replace("\xa0", ""),
            "$150.00 of account credit will be applied; nothing stays due.",
        )

    def test_draft_says_nothing_to_who_may_not_see_figures(self):
        moves = self.env["account.move"]
        field = moves._fields["client_posting_preview"]
        self.assertTrue(moves.with_user(self.biller)._has_field_access(field, "read"))
        self.assertFalse(moves.with_user(self.seller)._has_field_access(field, "read"))

    # === Who decides ===

    def test_only_approvers_write_what_goes_for_all_clients(self):
        admin = self._make_user("watch_admin", "base.group_erp_manager")
        company = self.company.with_user(admin)
        for name, value in (
            ("client_negative_balance", "allowed"),
            ("client_pay_later", "disabled"),
            ("client_request_self_approval", True),
            ("client_two_approvers", True),
        ):
            with self.assertRaisesRegex(AccessError, "Only approvers"):
                with self.env.cr.savepoint():
                    company.write({name: value})
        company.write({"client_negative_balance": "prevented", "sequence": 5})
        admin.group_ids |= self.env.ref("client_account.group_client_account_approver")
        company = company.with_context(tracking_disable=False, mail_notrack=False)
        company.client_negative_balance = "allowed"
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()
        logged = self.company.message_ids.tracking_value_ids.field_id.mapped("name")
        self.assertIn("client_negative_balance", logged)

    def test_requester_does_not_tick_off_that_it_waits(self):
        request = self._make_request(100, user=self.seller)
        request.action_submit()
        activity = request.sudo().activity_ids.with_user(self.seller)
        self.assertTrue(activity)
        for act in (activity.unlink, activity.action_done):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                act()
        with self.assertRaises(UserError), self.env.cr.savepoint():
            activity.write({"user_id": self.seller.id})
        self.assertTrue(request.sudo().activity_ids)
