from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from ..exceptions import BalanceRefused
from .common import ClientAccountRequestCommon


class TransferCommon(ClientAccountRequestCommon):
    """A giver with 100 of credit, and a receiver."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receiver = cls._get_account(cls.other_client)
        cls.credit = cls._issue_credit(100)
        cls.credit_line = cls._get_receivable(cls.credit)

    def _transfer(self, amount=40, reason="Lessons of the sister", **values):
        """Move credit from the giver to the receiver and return the entry."""
        moves = self.env["account.move"]
        return moves.browse(
            self.account.transfer_credit(self.receiver, amount, reason, **values)
        )

    def _get_items(self, move):
        """Return the giver's and the receiver's item of a transfer."""
        items = self._get_receivable(move)
        return items.filtered(lambda line: line.balance > 0), items.filtered(
            lambda line: line.balance < 0
        )

    def assertBalances(self, giver, receiver):
        """Check both balances, by the figures and by the ledger."""
        self.env.invalidate_all()
        self.assertEqual(
            (self.account.balance, self.receiver.balance), (giver, receiver)
        )
        self.assertEqual(self._get_ledger_balance(), giver)
        self.assertEqual(self._get_ledger_balance(self.other_client), receiver)


@tagged("post_install", "-at_install")
class TestTransfer(TransferCommon):
    # === What is booked ===

    def test_one_entry_takes_from_one_and_gives_to_the_other(self):
        move = self._transfer(40)
        self.assertRecordValues(
            move,
            [
                {
                    "state": "posted",
                    "move_type": "entry",
                    "journal_id": self.company.client_adjustment_journal_id.id,
                    "date": self.today,
                    "partner_id": self.other_client.id,
                    "ref": "Lessons of the sister",
                    "client_adjustment": "transfer",
                    "client_adjustment_open": True,
                    "client_account_credit": True,
                }
            ],
        )
        receivable = self.company_data["default_account_receivable"]
        self.assertRecordValues(
            move.line_ids.sorted("balance"),
            [
                {
                    "partner_id": self.other_client.id,
                    "account_id": receivable.id,
                    "balance": -40,
                    "amount_residual": -40,
                },
                {
                    "partner_id": self.client.id,
                    "account_id": receivable.id,
                    "balance": 40,
                    "amount_residual": 0,
                },
            ],
        )
        self.assertEqual(self.credit_line.amount_residual, -60)
        self.assertBalances(60, 40)
        self.assertEqual(self.account.ledger_difference, 0)
        self.assertEqual(self.account.amount_owed, 0)
        self.assertEqual(self.receiver.credit_available, 40)

    def test_oldest_credits_go_first(self):
        older = self._issue_credit(30, date=self.today - timedelta(days=9))
        payment = self._make_payment(50, date=self.today - timedelta(days=5))
        giver, _receiver = self._get_items(self._transfer(70))
        self.assertEqual(self._get_receivable(older).amount_residual, 0)
        self.assertEqual(self._get_receivable(payment.move_id).amount_residual, -10)
        self.assertEqual(self.credit_line.amount_residual, -100)
        self.assertTrue(giver.reconciled)

    def test_all_of_it_goes(self):
        self._transfer(100)
        self.assertBalances(0, 100)
        self.assertTrue(self.credit_line.reconciled)

    def test_twice_in_a_row_moves_twice(self):
        first, second = self._transfer(40), self._transfer(40)
        self.assertNotEqual(first, second)
        self.assertBalances(20, 80)

    def test_account_may_come_as_an_id(self):
        move_id = self.account.transfer_credit(self.receiver.id, 40, "By number")
        self.assertIsInstance(move_id, int)
        self.assertBalances(60, 40)

    def test_received_credit_goes_to_the_next_invoice(self):
        self._transfer(40)
        invoice = self._make_invoice(30, partner=self.other_client)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertBalances(60, 10)

    def test_received_credit_goes_to_open_invoices_where_policy_says_so(self):
        invoice = self._make_invoice(30, partner=self.other_client)
        self.receiver.credit_application = "all"
        self._transfer(40)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertBalances(60, 10)

    def test_received_credit_may_be_moved_on(self):
        self._transfer(40)
        third = self._get_account(self.env["res.partner"].create({"name": "Cem"}))
        self.receiver.transfer_credit(third, 40, "To the brother")
        self.assertBalances(60, 0)
        self.assertEqual(third.balance, 40)

    def test_giver_s_item_is_no_debt(self):
        self.company.client_charges_online = True
        self.account.credit_application = "all"
        self._transfer(100)
        self.assertFalse(self.account._get_charges_due())
        self.assertFalse(self.account._get_portal_debts())
        self.assertFalse(
            self.account._has_charges_due(self.account._get_portal_debts())
        )
        self.assertFalse(self.account.debit_line_ids)
        charge = self.env["account.move"].browse(self.account.charge(5, "Book"))
        self.assertEqual(self.account._get_charges_due(), self._get_receivable(charge))

    def test_each_stands_on_the_receivable_account_of_its_client(self):
        receivable = self.copy_account(self.company_data["default_account_receivable"])
        self.other_client.property_account_receivable_id = receivable
        giver, receiver = self._get_items(self._transfer(40))
        self.assertEqual(receiver.account_id, receivable)
        self.assertNotEqual(giver.account_id, receivable)
        self.assertBalances(60, 40)

    def test_contacts_share_the_account_of_their_company(self):
        child = self.env["res.partner"].create(
            {"name": "Secretary", "parent_id": self.other_client.id}
        )
        self.assertEqual(self._get_account(child), self.receiver)
        self.account.transfer_credit(self._get_account(child), 40, "To the office")
        self.assertBalances(60, 40)

    def test_high_credit_needs_no_approver(self):
        self.company.write(
            {"client_credit_approval": True, "client_credit_approval_above": 10}
        )
        account = self.account.with_user(self.officer)
        self.assertTrue(account._needs_credit_approval(90))
        self.assertTrue(account.transfer_credit(self.receiver, 90, "All of it"))

    # === Foreign currency ===

    def test_credit_in_another_currency_is_moved_in_the_company_s(self):
        self._set_rate("2020-01-01", 0.5)
        account = self._get_account(self.env["res.partner"].create({"name": "Eve"}))
        payment = self._make_payment(
            50, partner=account.partner_id, currency_id=self.eur.id
        )
        self.assertEqual(account.balance, 100)
        self.assertEqual(account._get_movable_credit().left, 100)
        account.transfer_credit(self.receiver, 60, "Half and more")
        item = self._get_receivable(payment.move_id)
        self.assertEqual(item.amount_residual, -40)
        self.assertEqual(item.amount_residual_currency, -20)
        self.assertEqual((account.balance, self.receiver.balance), (40, 60))
        self.assertEqual(account.amount_owed, 0)

    def test_credit_in_another_currency_that_has_lost_worth(self):
        """What the books say is moved, and nothing is left as a debt."""
        self._set_rate("2020-01-01", 0.5)
        account = self._get_account(self.env["res.partner"].create({"name": "Eve"}))
        self._make_payment(
            50,
            partner=account.partner_id,
            currency_id=self.eur.id,
            date=self.today - timedelta(days=30),
        )
        self._set_rate(self.today, 0.8)
        account.transfer_credit(self.receiver, 60, "At other rates")
        self.assertEqual(account.amount_owed, 0)
        self.assertEqual(self.receiver.balance, 60)
        self.assertEqual(
            self.company.currency_id.round(
                account.balance - self._get_ledger_balance(account.partner_id)
            ),
            0,
        )

    # === Refused ===

    def test_refused_when_there_is_less_credit(self):
        with self.assertRefused("more than the open credit", r"\$.100\.00"):
            self._transfer(100.01)
        self._transfer(100)
        with self.assertRefused("Ada Piano School has no open credit to move"):
            self._transfer(0.01)
        self.assertBalances(0, 100)

    def test_debts_beside_the_credit_do_not_count(self):
        self.account.credit_application = "manual"
        self._make_invoice(80)
        self._transfer(100)
        self.assertBalances(-80, 100)

    def test_refused_for_credit_dated_ahead(self):
        self._issue_credit(50, date=self.today + timedelta(days=7))
        with self.assertRefused("more than the open credit", r"50\.00 more is dated"):
            self._transfer(120)
        self._transfer(100)
        self.assertBalances(50, 100)

    def test_refused_across_receivable_accounts(self):
        receivable = self.copy_account(self.company_data["default_account_receivable"])
        self.client.property_account_receivable_id = receivable
        with self.assertRefused(
            "has no open credit", r"100\.00 more stands on another receivable account"
        ):
            self._transfer(40)
        self._issue_credit(10)
        self._transfer(10)
        self.assertBalances(100, 10)

    def test_refused_amounts(self):
        for amount in (0, -5, 0.001, 1e13, float("nan"), True, None, "40"):
            with self.subTest(amount=amount), self.assertRefused("Ada Piano School"):
                self._transfer(amount)
        self.assertBalances(100, 0)

    def test_refused_reasons(self):
        for reason in ("", "  ", None, False, 7, "x" * 2001):
            with self.subTest(reason=reason), self.assertRefused("Ada Piano School"):
                self._transfer(40, reason)
        self._transfer(40, "x" * 2000)

    def test_refused_to_itself(self):
        for same in (self.account, self.account.id):
            with self.assertRefused("Ada Piano School's already"):
                self.account.transfer_credit(same, 40, "To myself")

    def test_refused_receivers(self):
        both = self.account | self.receiver
        for receiver in (
            *(None, False, True, 0, -1, 2**40, "7", [], [self.receiver.id]),
            *(self.client, self.account.browse(), both, self.account.browse(2**30)),
        ):
            with self.subTest(receiver=receiver):
                with self.assertRefused("Choose the one account"):
                    self.account.transfer_credit(receiver, 40, "To whom?")

    def test_one_giver_at_a_time(self):
        with self.assertRefused("Select one client only"):
            (self.account | self.receiver).transfer_credit(self.receiver, 4, "Both")
        with self.assertRefused("Select one client only"):
            self.account.browse().transfer_credit(self.receiver, 4, "Nobody")

    def test_refused_to_a_closed_account(self):
        self.receiver._set_limit(0, "closed")
        with self.assertRefused("account of Bela Chess Club is closed"):
            self._transfer(40)

    def test_credit_leaves_a_closed_account(self):
        self.account._set_limit(0, "closed")
        self._transfer(100)
        self.assertBalances(0, 100)

    def test_refused_to_another_company(self):
        other = self.setup_other_company()["company"]
        account = self._get_account(self.other_client, other)
        with self.assertRefused("different companies"):
            self.account.transfer_credit(account, 40, "Abroad")
        with self.assertRefused(exception=AccessError):
            self.account.with_user(self.officer).transfer_credit(account, 40, "Abroad")
        # Whatever rights the record came with.
        with self.assertRefused(exception=AccessError):
            self.account.with_user(self.officer).transfer_credit(
                account.sudo(), 40, "Abroad"
            )

    def test_branch_moves_credit_of_its_root(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        clerk = self._make_user("transfer_clerk", self.OFFICER, company=branch)
        account = self.account.with_user(clerk).with_context(
            allowed_company_ids=branch.ids
        )
        move = self.env["account.move"].browse(
            account.transfer_credit(self.receiver.id, 40, "From the branch")
        )
        self.assertEqual(move.company_id, self.company)

    def test_roles(self):
        for user in (self.seller, self.viewer, self.portal):
            account = self.account.with_user(user)
            for call in (
                lambda account=account: account.transfer_credit(
                    self.receiver.id, 40, "No"
                ),
                account.action_transfer_credit,
            ):
                with self.subTest(user=user.login):
                    with self.assertRefused(exception=AccessError):
                        call()
        for user in (self.officer, self.leader):
            account = self.account.with_user(user)
            self.assertTrue(account.transfer_credit(self.receiver.id, 10, "Yes"))
        self.assertBalances(80, 20)

    # === The gate ===

    def test_gate_guards_the_giver(self):
        self.account.credit_application = "manual"
        self._make_invoice(70)
        self.account.negative_balance = "prevented"
        with (
            self.assertRaisesRegex(BalanceRefused, "The move of credit.*Ada"),
            self.env.cr.savepoint(),
        ):
            self._transfer(31)
        self._transfer(30)
        self.assertBalances(0, 30)

    def test_gate_lets_through_within_the_limit(self):
        self.account.credit_application = "manual"
        self._make_invoice(70)
        self.account.negative_balance = "prevented"
        self.account._set_limit(50)
        self._transfer(80)
        self.assertBalances(-50, 80)
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            self._transfer(1)

    def test_gate_does_not_look_at_the_receiver(self):
        self._make_invoice(70, partner=self.other_client)
        self.receiver.negative_balance = "prevented"
        self._transfer(40)
        self.assertBalances(60, -30)

    def test_paying_up_front_does_not_hinder(self):
        self.account.pay_later = self.receiver.pay_later = "disabled"
        move = self._transfer(40)
        self.assertBalances(60, 40)
        move.with_user(self.officer).action_client_adjustment_delete()
        self.assertBalances(100, 0)

    def test_committed_credit_stays(self):
        self.account.negative_balance = "prevented"
        with self._committed({self.account: 80}):
            with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
                self._transfer(21)
            self._transfer(20)

    # === Keys ===

    def test_key_books_once(self):
        move = self._transfer(40, key="family-1")
        self.assertEqual(move.ref, "Lessons of the sister [key: family-1]")
        self.assertEqual(move.display_name, f"{move.name} (Lessons of the sister)")
        self.assertEqual(self._transfer(40, key="family-1"), move)
        self.assertEqual(self._transfer(40, key=" family-1 "), move)
        self.assertBalances(60, 40)
        self._transfer(60, key="family-2")
        # Nothing is left by now, and the answer is the same.
        self.receiver._set_limit(0, "closed")
        self.assertEqual(self._transfer(40, key="family-1"), move)

    def test_key_with_other_values_is_refused(self):
        self._transfer(40, key="family-1")
        third = self._get_account(self.env["res.partner"].create({"name": "Cem"}))
        self._issue_credit(100, partner=self.other_client)
        for call in (
            lambda: self._transfer(41, key="family-1"),
            lambda: self._transfer(40, "Another reason", key="family-1"),
            lambda: self.account.transfer_credit(
                third, 40, "Lessons of the sister", key="family-1"
            ),
            lambda: self.receiver.transfer_credit(
                self.account, 40, "Lessons of the sister", key="family-1"
            ),
            lambda: self.receiver.issue_credit(
                40, "Lessons of the sister", key="family-1"
            ),
        ):
            with self.assertRefused("family-1", "with other values"):
                call()
        self.account.issue_credit(5, "Plain", key="plain")
        with self.assertRefused("plain", "with other values"):
            self._transfer(5, "Plain", key="plain")

    def test_refused_keys(self):
        for key in ("", " ", 7, "x" * 201, "a\x00b"):
            with self.subTest(key=key), self.assertRefused("key"):
                self._transfer(40, key=key)
        self._transfer(40, key=False)
        self._transfer(40, key=None)
        self.assertBalances(20, 80)

    def test_key_of_a_deleted_transfer_is_refused(self):
        self._transfer(40, key="family-1").action_client_adjustment_delete()
        with self.assertRefused("family-1", "deleted since"):
            self._transfer(40, key="family-1")

    def test_marks_and_keys_are_rebuilt_from_the_books(self):
        moves = self._transfer(40, key="family-1") | self._transfer(5)
        deleted = self._transfer(7, key="gone")
        deleted.action_client_adjustment_delete()
        moves |= deleted
        names = [
            "client_adjustment",
            "client_adjustment_reason",
            "client_adjustment_key",
            "client_account_credit",
        ]
        before = moves.read(names)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET client_adjustment = NULL,"
            " client_adjustment_reason = NULL, client_adjustment_key = NULL,"
            " client_adjustment_asked = NULL, client_account_credit = NULL"
            " WHERE id = ANY(%s)",
            [moves.ids],
        )
        self.env.invalidate_all()
        moves._rebuild_adjustments()
        self.assertEqual(moves.read(names), before)
        self.assertEqual(self._transfer(40, key="family-1"), moves[0])
        with self.assertRefused("other values"):
            self._transfer(41, key="family-1")

    def test_entry_by_hand_between_clients_is_not_rebuilt_as_a_transfer(self):
        receivable = self.company_data["default_account_receivable"]
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.company.client_adjustment_journal_id.id,
                "line_ids": [
                    Command.create(
                        {
                            "partner_id": client.id,
                            "account_id": receivable.id,
                            "balance": balance,
                        }
                    )
                    for client, balance in ((self.client, 9), (self.other_client, -9))
                ],
            }
        )
        entry.action_post()
        entry._rebuild_adjustments()
        self.assertFalse(entry.client_adjustment)
