from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .portal_case import PortalCase
from .test_transfer import TransferCommon


@tagged("post_install", "-at_install")
class TestTransferAfter(TransferCommon):
    """What is told of moved credit, how it is taken back, and its window."""

    def _get_chatter(self, account):
        """Return all that the chatter of an account says."""
        return " ".join(account.sudo().message_ids.mapped("body"))

    def _open_window(self, user=None, **values):
        return (
            self.env["client.account.transfer"]
            .with_user(user or self.officer)
            .create(
                {
                    "account_id": self.account.id,
                    "partner_id": self.other_client.id,
                    "reason": "Lessons of the sister",
                    **values,
                }
            )
        )

    def _lock_books(self):
        """Close the books for good up to the day of the transfers, yesterday."""
        self.env.flush_all()
        self.company.sudo().fiscalyear_lock_date = self.today - timedelta(days=1)

    # === What is told ===

    def test_both_chatters_tell_it(self):
        move = self._transfer(40, "Sister's <b>lessons</b>")
        given, received = (
            self._get_chatter(self.account),
            self._get_chatter(self.receiver),
        )
        self.assertIn("40.00 of credit moved to Bela Chess Club", given)
        self.assertIn("40.00 of credit moved here from Ada Piano School", received)
        for chatter in (given, received):
            self.assertIn(move.name, chatter)
            self.assertIn("&lt;b&gt;lessons", chatter)

    def test_both_histories_tell_it(self):
        self._transfer(40)
        self.assertRecordValues(
            self.account.history_line_ids[0],
            [
                {
                    "client_credit_source": "transfer",
                    "client_credit_reason": "Credit moved to Bela Chess Club: "
                    "Lessons of the sister",
                    "client_history_change": -40,
                    "client_history_balance": 60,
                }
            ],
        )
        self.assertRecordValues(
            self.receiver.history_line_ids,
            [
                {
                    "client_credit_source": "transfer",
                    "client_credit_reason": "Credit moved from Ada Piano School: "
                    "Lessons of the sister",
                    "client_history_change": 40,
                    "client_history_balance": 40,
                }
            ],
        )

    def test_statements_tell_it_without_names(self):
        self._transfer(40)
        for account, words in (
            (self.account, "Credit moved to another account: Lessons of the sister"),
            (
                self.receiver,
                "Credit moved from another account: Lessons of the sister",
            ),
        ):
            statement = account._get_statement(self.today, self.today)
            self.assertEqual(statement["lines"][-1]["reason"], words)
            html = (
                self.env["ir.actions.report"]
                ._render_qweb_html("client_account.report_statement", account.ids, {})[
                    0
                ]
                .decode()
            )
            self.assertIn(words, html)
            other = (self.account | self.receiver) - account
            self.assertNotIn(other.display_name, html)

    def test_profile_offers_it_where_there_is_credit(self):
        def get_names(account):
            boxes = account.with_user(self.officer)._get_profile()["boxes"]
            [box] = [box for box in boxes if box["name"] == "credit"]
            return [button["name"] for button in box["buttons"]]

        self.assertIn("action_transfer_credit", get_names(self.account))
        self.assertNotIn("action_transfer_credit", get_names(self.receiver))
        self.assertNotIn(
            "action_transfer_credit",
            [
                button["name"]
                for box in self.account.with_user(self.viewer)._get_profile()["boxes"]
                for button in box["buttons"]
            ],
        )

    def test_it_is_no_credit_or_charge_to_analyse(self):
        move = self._transfer(40)
        action = self.env.ref("client_account.client_adjustment_analysis_action")
        domain = [("client_adjustment", "in", ("credit", "charge"))]
        self.assertEqual(action.domain, str(domain))
        self.assertNotIn(move, move.search(domain))
        self.assertIn(self.credit, move.search(domain))

    # === Deleting ===

    def test_deleted_while_nothing_is_used(self):
        move = self._transfer(40)
        self.assertFalse(move.client_adjustment_allocated)
        move.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(move.state, "cancel")
        self.assertEqual(self.credit_line.amount_residual, -100)
        self.assertBalances(100, 0)
        for account in (self.account, self.receiver):
            self.assertIn(f"{move.name} of", self._get_chatter(account))
            self.assertIn("40.00 deleted", self._get_chatter(account))

    def test_refused_to_delete_what_is_used(self):
        move = self._transfer(40)
        invoice = self._make_invoice(30, partner=self.other_client)
        self.assertTrue(move.client_adjustment_allocated)
        with self.assertRefused(f"is allocated to {invoice.name}"):
            move.action_client_adjustment_delete()
        move.action_client_adjustment_release_delete()
        self.assertEqual(invoice.amount_residual, 30)
        self.assertBalances(100, -30)

    def test_window_of_deletion_says_what_it_does(self):
        move = self._transfer(40)
        invoice = self._make_invoice(30, partner=self.other_client)
        wizard = (
            self.env["client.account.deletion"]
            .with_user(self.officer)
            .create({"move_id": move.id, "reason": "Wrong sister"})
        )
        self.assertRegex(
            wizard.summary,
            "40.00 that .* moved to Bela Chess Club is Ada Piano School's again",
        )
        self.assertIn(f"{invoice.name} is open again with", wizard.summary)
        self.assertTrue(wizard.is_allocated)
        wizard.action_delete()
        self.assertBalances(100, -30)
        self.assertIn("Wrong sister", self._get_chatter(self.account))

    def test_deleted_by_a_reversal_where_the_books_are_locked(self):
        move = self._transfer(40)
        move_date = self.today - timedelta(days=1)
        self.env.cr.execute(
            "UPDATE account_move SET date = %s WHERE id = %s", [move_date, move.id]
        )
        self.env.cr.execute(
            "UPDATE account_move_line SET date = %s WHERE move_id = %s",
            [move_date, move.id],
        )
        self.env.invalidate_all()
        self._lock_books()
        move.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(move.state, "posted")
        self.assertFalse(move.client_adjustment_open)
        self.assertTrue(move.reversal_move_ids)
        self.assertBalances(100, 0)
        self.assertEqual(self.account.ledger_difference, 0)
        self.assertEqual(self.receiver.ledger_difference, 0)
        self.assertEqual(self.account.credit_available, 100)
        items = self._get_receivable(move | move.reversal_move_ids)
        self.assertTrue(all(items.mapped("reconciled")))

    def test_reversed_by_an_accountant(self):
        move = self._transfer(40)
        with self.assertRefused("stays as it is. Delete it"):
            move._reverse_moves(cancel=True)
        move._reverse_moves().action_post()
        self.assertFalse(move.client_adjustment_open)
        self.assertBalances(100, 0)
        self.assertEqual(self.account.amount_owed, 0)
        self.assertEqual(self.account.ledger_difference, 0)
        self.assertEqual(self.receiver.ledger_difference, 0)
        with self.assertRefused("no posted adjustment"):
            move.action_client_adjustment_delete()

    def test_refused_to_delete_to_who_is_no_officer(self):
        move = self._transfer(40)
        for user in (self.seller, self.viewer):
            for name in (
                "action_client_adjustment_delete",
                "action_client_adjustment_release_delete",
                "action_open_client_deletion",
                "action_client_adjustment_modify",
            ):
                with self.subTest(user=user.login, name=name):
                    with self.assertRefused(exception=AccessError):
                        getattr(move.with_user(user), name)()

    def test_refused_to_delete_a_credit_that_was_moved(self):
        move = self._transfer(40)
        for name in (
            "action_client_adjustment_release_delete",
            "button_draft",
            "button_cancel",
        ):
            with self.subTest(name=name):
                with self.assertRefused(f"moved to another client with {move.name}"):
                    getattr(self.credit, name)()
        move.action_client_adjustment_delete()
        self.credit.action_client_adjustment_delete()
        self.assertBalances(0, 0)

    def test_refused_to_reset_a_payment_that_was_moved(self):
        payment = self._make_payment(50)
        move = self._transfer(140)
        with self.assertRefused(f"moved to another client with {move.name}"):
            payment.action_draft()
        move.action_client_adjustment_delete()
        payment.action_draft()
        self.assertBalances(100, 0)

    # === Changing ===

    def test_refused_to_modify(self):
        move = self._transfer(40)
        with self.assertRefused("stays as it is. Delete it"):
            move.action_client_adjustment_modify()
        giver, receiver = self._get_items(move)
        for item in (giver, receiver):
            with self.assertRefused("stays as it is"):
                item.action_modify_client_adjustment()
        wizard = self.env["client.account.adjustment"].create(
            {"move_id": move.id, "account_ids": self.receiver.ids, "amount": 10}
        )
        wizard.reason = "Less"
        with self.assertRefused("stays as it is"):
            wizard.action_confirm()
        self.assertBalances(60, 40)

    def test_refused_to_reset_by_hand(self):
        move = self._transfer(40)
        for name in ("button_draft", "button_cancel"):
            with self.assertRefused("stays as it is. Delete it"):
                getattr(move, name)()
        self.assertBalances(60, 40)

    def test_refused_to_take_the_giver_s_part_off(self):
        giver, _receiver = self._get_items(self._transfer(40))
        partial = giver.matched_credit_ids
        for call in (
            partial.with_user(self.officer).action_remove_client_allocation,
            partial.with_user(self.officer).action_move_client_allocation,
            partial.unlink,
            giver.remove_move_reconcile,
        ):
            with self.assertRefused("stays as it is"):
                call()
        self.assertBalances(60, 40)

    def test_receiver_s_part_is_taken_off_as_any_other(self):
        move = self._transfer(40)
        invoice = self._make_invoice(30, partner=self.other_client)
        _giver, receiver = self._get_items(move)
        receiver.matched_debit_ids.with_user(
            self.officer
        ).action_remove_client_allocation()
        self.assertEqual(invoice.amount_residual, 30)
        self.assertEqual(receiver.amount_residual, -40)

    def test_credit_that_was_moved_is_modified_as_far_as_it_fits(self):
        self._transfer(40)
        values = self.account._prepare_adjustment("credit", 50, "Less of it")
        self.credit._modify_adjustment(values)
        self.assertBalances(10, 40)
        self.assertEqual(self.account.amount_owed, 0)
        values = self.account._prepare_adjustment("credit", 39, "Too little")
        with self.assertRaisesRegex(UserError, "is allocated already"):
            self.credit._modify_adjustment(values)

    def test_money_paid_back_leaves_less_to_move(self):
        self.env["client.account.payment"].create(
            {"account_id": self.account.id, "payment_type": "outbound", "amount": 70}
        ).action_confirm()
        with self.assertRefused("more than the open credit"):
            self._transfer(31)
        self._transfer(30)
        self.assertBalances(0, 30)

    # === The window ===

    def test_window_starts_from_all_that_can_be_moved(self):
        self._issue_credit(50, date=self.today + timedelta(days=7))
        action = self.account.with_user(self.officer).action_transfer_credit()
        form = Form(
            self.env["client.account.transfer"]
            .with_user(self.officer)
            .with_context(**action["context"])
        )
        self.assertEqual(form.amount, 100)
        form.amount = 30
        self.assertRegex(
            form.preview, "now .*150.00 in credit, then .*120.00 in credit"
        )
        form.partner_id = self.other_client
        form.reason = "Lessons of the sister"
        form.save().action_confirm()
        self.assertBalances(120, 30)

    def test_window_opens_the_account_of_any_contact(self):
        contact = self.env["res.partner"].create({"name": "Cem"})
        answer = self._open_window(partner_id=contact.id, amount=40).action_confirm()
        account = self.env["client.account"].search([("partner_id", "=", contact.id)])
        self.assertEqual(account.balance, 40)
        self.assertRegex(
            answer["params"]["message"],
            "40.00 moved from Ada Piano School to Cem. Balance: .*60.00 in credit.",
        )

    def test_window_books_once_and_undoes_it(self):
        window = self._open_window(amount=40)
        answers = [window.action_confirm() for _time in range(3)]
        self.assertEqual(answers, [answers[0]] * 3)
        self.assertBalances(60, 40)
        [offer] = answers[0]["params"]["offers"]
        self.assertEqual(offer["method"], "action_undo")
        answer = window.action_undo()
        self.assertIn("deleted again", answer["params"]["message"])
        self.assertBalances(100, 0)
        with self.assertRefused("nothing of this window left"):
            window.action_undo()

    def test_undo_takes_back_what_policy_applied(self):
        invoice = self._make_invoice(30, partner=self.other_client)
        self.receiver.credit_application = "all"
        window = self._open_window(amount=40)
        window.action_confirm()
        self.assertEqual(invoice.amount_residual, 0)
        window.action_undo()
        self.assertEqual(invoice.amount_residual, 30)
        self.assertBalances(100, -30)

    def test_undo_is_refused_once_somebody_has_gone_on(self):
        window = self._open_window(amount=40)
        window.action_confirm()
        self._make_invoice(30, partner=self.other_client)
        with self.assertRefused("was allocated anew since"):
            window.action_undo()
        self.assertBalances(60, 10)

    def test_window_refuses_in_words(self):
        for values, words in (
            ({"partner_id": False}, "Choose the client that credit of Ada"),
            ({"partner_id": self.client.id}, "Ada Piano School's already"),
            ({"amount": 0}, "must be above zero"),
            ({"amount": 101}, "more than the open credit"),
            ({"reason": " "}, "Give a reason for Ada"),
        ):
            window = self._open_window(**{"amount": 10, **values})
            with self.subTest(words=words), self.assertRefused(words):
                window.action_confirm()
        with self.assertRefused("no amount"):
            self._open_window(amount=-4)
        self.assertBalances(100, 0)

    def test_window_is_for_officers_who_see_the_account(self):
        other = self.setup_other_company()["company"]
        stranger = self._make_user("transfer_stranger", self.OFFICER, company=other)
        for user in (self.seller, self.viewer, self.portal, stranger):
            with self.subTest(user=user.login):
                with self.assertRefused(exception=AccessError):
                    self._open_window(user=user, amount=10).action_confirm()
        window = self._open_window(amount=10)
        colleague = self._make_user("transfer_colleague", self.OFFICER)
        with self.assertRefused(exception=AccessError):
            window.with_user(colleague).action_confirm()
        self.assertBalances(100, 0)


@tagged("post_install", "-at_install")
class TestTransferPortal(PortalCase):
    """What clients read of credit that was moved."""

    def test_neither_client_learns_who_the_other_is(self):
        self.account.issue_credit(100, "Class cancelled")
        receiver = self._get_account(self.other_client)
        self.account.transfer_credit(receiver, 40, "Lessons go on")
        given = self._get_text()
        self.assertIn("Credit moved to another account: Lessons go on", given)
        self.assertNotIn("Bela", given)
        received = self._get_text(user=self.other_user)
        self.assertIn("Credit moved from another account: Lessons go on", received)
        self.assertNotIn("Ada", received)
        self.assertIn("Nothing is owed", given)
