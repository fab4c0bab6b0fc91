from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import format_date

from .test_write_off import APPROVER, OFFICER, VIEWER, WriteOffCommon


@tagged("post_install", "-at_install")
class TestWriteOffRules(WriteOffCommon):
    """Twice, undone, in locked books, before the gate, by whom and in which company."""

    # === Twice, and undone ===

    def test_confirmed_twice_it_is_written_off_once(self):
        self._make_rest(0.02)
        window = self._make_window()
        answer = window.action_confirm()
        books = self._get_books()
        self.env.invalidate_all()
        self.assertEqual(window.action_confirm(), answer)
        self.assertEqual(self._get_books(), books)

    def test_two_windows_write_off_once(self):
        self._make_rest(0.02)
        first, second = self._make_window(), self._make_window()
        first.action_confirm()
        with self.assertRefused("Nothing is open any more"):
            second.action_confirm()

    def test_undone(self):
        debt, credit = self._make_rest(0.02), self._issue_credit(0.01)
        window = self._make_window()
        action = window.action_confirm()
        entries = self.env["account.move"].browse(action["infos"]["res_ids"])
        self.assertEqual(action["params"]["offers"][0]["method"], "action_undo")
        window.action_undo()
        self.assertEqual(set(entries.mapped("state")), {"cancel"})
        self.assertAlmostEqual(debt.amount_residual, 0.02)
        self.assertEqual(self._get_receivable(credit).amount_residual, -0.01)
        self.assertAlmostEqual(self.account.balance, -0.01)
        with self.assertRefused("nothing of this window left"):
            window.action_undo()
        # And written off again.
        self.assertEqual(len(self._write_off()), 2)

    def test_what_was_written_off_goes_with_its_document(self):
        credit = self._issue_credit(20)
        charge = self.env["account.move"].browse(self.account.charge(30, "Book"))
        item, debt = self._get_receivable(credit), self._get_receivable(charge)
        if debt.matched_credit_ids:
            debt.matched_credit_ids.unlink()
        item._allocate(debt, 19.99)
        [entry], _rests = self.account._write_off([(self.account, credit)])
        self.assertAlmostEqual(self.account.balance, -10.01)
        window = (
            self.env["client.account.deletion"]
            .with_user(self._make_user("wo_deleter", OFFICER))
            .create({"move_id": credit.id})
        )
        self.assertIn(f"{entry.display_name}, which wrote off", window.summary)
        self.assertNotIn(f"{entry.display_name} is open again", window.summary)
        window.action_delete()
        self.assertEqual(entry.state, "cancel")
        self.assertAlmostEqual(self._get_ledger_balance(), -30.0)

    def test_undone_by_a_reversal_where_the_books_are_locked(self):
        debt = self._make_rest(0.02, date_due=self.today - timedelta(days=70))
        day = self.today - timedelta(days=65)
        window = self._make_window(date=day)
        action = window.action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        self.assertEqual(entry.date, day)
        self.company.sudo().fiscalyear_lock_date = day
        window.action_undo()
        self.assertEqual(entry.state, "posted")
        self.assertEqual(entry.reversal_move_ids.state, "posted")
        self.assertAlmostEqual(debt.amount_residual, 0.02)
        self.assertAlmostEqual(self.account.balance, -0.02)

    def test_not_undone_where_somebody_has_gone_on(self):
        debt = self._make_rest(0.02)
        window = self._make_window()
        window.action_confirm()
        self._get_receivable(debt).matched_credit_ids.filtered(
            lambda part: part.credit_move_id.move_id.client_write_off
        ).unlink()
        with self.assertRefused("allocated anew"):
            window.action_undo()
        other = self._make_rest(0.03)
        window = self._make_window(
            line_ids=[
                Command.create({"account_id": self.account.id, "move_id": other.id})
            ]
        )
        action = window.action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        entry.button_draft()
        with self.assertRefused(entry.name, "reset or reversed"):
            window.action_undo()

    def test_write_off_is_never_deleted(self):
        self._make_rest(0.02)
        window = self._make_window()
        action = window.action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        window.action_undo()
        self.assertEqual(entry.state, "cancel")
        biller = self._make_user("wo_manager", "account.group_account_manager")
        with self.assertRefused("never deleted"):
            entry.with_user(biller).with_context(force_delete=True).unlink()

    # === Dates ===

    def test_date_in_a_locked_period_is_moved_and_said_so(self):
        self._make_rest(0.02)
        asked = self.today.replace(day=1) - timedelta(days=1)
        self.company.sudo().fiscalyear_lock_date = asked
        action = self._make_window(date=asked).action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        self.assertGreater(entry.date, asked)
        message = action["params"]["message"]
        self.assertIn(format_date(self.env, entry.date), message)
        chatter = " ".join(entry.message_ids.mapped("body"))
        self.assertIn(format_date(self.env, asked), chatter)

    # === The gate ===

    def test_prevented_client_s_debt_is_written_off(self):
        self._make_rest(0.02)
        self.company.client_negative_balance = "prevented"
        self.assertAlmostEqual(self.account.balance, -0.02)
        self._write_off()
        self.assertEqual(self.account.balance, 0.0)

    def test_prevented_client_s_credit_is_told_as_a_credit_that_is_lowered(self):
        """It takes what the client had in credit: told, as where a credit is lowered,
        and not refused."""
        self._make_invoice(50)
        self._issue_credit(0.02)
        self.company.client_negative_balance = "prevented"
        entry = self._write_off()
        self.assertEqual(self.account.balance, -50.0)
        chatter = " ".join(self.account.message_ids.mapped("body"))
        self.assertRegex(chatter, rf"0\.02 from this account: {entry.name}")

    def test_client_who_pays_up_front_is_not_charged(self):
        self._issue_credit(30)
        small = self._issue_credit(0.02)
        self.account.pay_later = "disabled"
        self._write_off()
        self.assertClosed(self._get_receivable(small))
        self.assertEqual(self.account.balance, 30.0)

    # === Roles and companies ===

    def test_viewer_and_employee_write_nothing_off(self):
        invoice = self._make_rest(0.02)
        window = self._make_window()
        for login, groups in (("wo_viewer", VIEWER), ("wo_plain", "base.group_user")):
            user = self._make_user(login, groups)
            accounts = self.account.with_user(user)
            item = self._get_receivable(invoice).with_user(user)
            for call in (
                accounts.action_write_off,
                item.action_write_off_client_rest,
                window.with_user(user).action_confirm,
                lambda user=user: self._make_window(user=user),
                lambda accounts=accounts: accounts._write_off([(accounts, invoice)]),
            ):
                with (
                    self.subTest(user=login),
                    self.assertRefused(exception=AccessError),
                ):
                    call()
        window.action_confirm()
        self.assertEqual(invoice.amount_residual, 0.0)

    def test_approver_and_biller_write_off(self):
        for login, groups in (
            ("wo_approver", APPROVER),
            ("wo_biller", "account.group_account_invoice"),
        ):
            invoice = self._make_rest(0.02)
            user = self._make_user(login, groups)
            entry = self._write_off(user=user)
            self.assertEqual(invoice.amount_residual, 0.0)
            self.assertIn(
                user.partner_id, self.account.message_ids.author_id, entry.name
            )

    def test_other_company_s_documents_are_out_of_reach(self):
        invoice = self._make_rest(0.02)
        sister = self.setup_other_company(name="Sister")["company"]
        self._set_write_off(sister, 5)
        stranger = self._make_user("wo_stranger", OFFICER, company=sister)
        with self.assertRefused(exception=AccessError):
            self._make_window(user=stranger)
        account = self._get_account(self.client, sister)
        window = self._make_window(
            account,
            user=stranger,
            line_ids=[
                Command.create({"account_id": account.id, "move_id": invoice.id})
            ],
        )
        self.assertFalse(window.line_ids.document_name)
        with self.assertRefused("Nothing is open any more on what was chosen"):
            window.action_confirm()
        with self.assertRefused(exception=AccessError):
            self._make_window(
                account,
                user=stranger,
                line_ids=[
                    Command.create(
                        {"account_id": self.account.id, "move_id": invoice.id}
                    )
                ],
            )
        with self.assertRefused(exception=AccessError):
            self._get_receivable(invoice).with_user(
                stranger
            ).action_write_off_client_rest()

    def test_each_company_has_its_own_limit(self):
        self._make_rest(0.02)
        sister = self.setup_other_company(name="Sister")["company"]
        _loss, gain = self._set_write_off(sister, 5)
        account = self._get_account(self.client, sister).with_company(sister)
        credit = self.env["account.move"].browse(account.issue_credit(4, "Sorry"))
        window = (
            self.env["client.account.write.off"]
            .with_company(sister)
            .create({"account_ids": [Command.set(account.ids)]})
        )
        self.assertEqual(self._get_offered(window), {credit: 4.0})
        action = window.action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        self.assertEqual(entry.company_id, sister)
        self.assertIn(gain, entry.line_ids.account_id)
        self.assertEqual(account.balance, 0.0)
        self.assertAlmostEqual(self.account.balance, -0.02)

    def test_accounts_of_two_companies_are_refused_at_once(self):
        self._make_rest(0.02)
        sister = self.setup_other_company(name="Sister")["company"]
        self._set_write_off(sister, 5)
        account = self._get_account(self.client, sister)
        account.with_company(sister).issue_credit(4, "Sorry")
        window = self.env["client.account.write.off"].create(
            {"account_ids": [Command.set((self.account | account).ids)]}
        )
        with self.assertRefused("several companies"):
            window.action_confirm()

    def test_document_of_another_client_is_none_of_the_account_s(self):
        other = self._make_rest(0.02, self.other_client)
        window = self._make_window(
            line_ids=[
                Command.create({"account_id": self.account.id, "move_id": other.id})
            ]
        )
        self.assertEqual(window.line_ids.amount, 0.0)
        with self.assertRefused("Nothing is open"):
            window.action_confirm()

    def test_branch_s_document_is_written_off_by_the_root(self):
        self.company.write({"child_ids": [Command.create({"name": "North"})]})
        self.cr.precommit.run()
        branch = self.company.child_ids
        self.env.user.company_ids |= branch
        invoice = self._make_invoice(0.02, company_id=branch.id)
        self.assertEqual(invoice.company_id, branch)
        entry = self._write_off()
        self.assertEqual(entry.company_id, self.company)
        self.assertClosed(self._get_receivable(invoice))

    # === Installing again ===

    def test_marks_are_found_again_when_the_addon_is_installed_anew(self):
        self._make_rest(0.02)
        credit = self._issue_credit(7, key="k")
        entry = self._write_off()
        self.env.flush_all()
        self.env.cr.execute(
            """
            UPDATE account_move SET client_adjustment = NULL, client_write_off = NULL,
                   client_adjustment_reason = NULL, client_account_credit = NULL,
                   client_adjustment_key = NULL
             WHERE id = ANY(%s)
            """,
            [(entry | credit).ids],
        )
        self.env.invalidate_all()
        for _time in range(2):
            self.env["account.move"]._rebuild_adjustments()
            self.assertRecordValues(
                entry | credit,
                [
                    {
                        "client_write_off": True,
                        "client_adjustment": False,
                        "client_adjustment_reason": "Cents that nobody pays",
                        "client_account_credit": False,
                        "client_adjustment_key": False,
                    },
                    {
                        "client_write_off": False,
                        "client_adjustment": "credit",
                        "client_adjustment_reason": "Class cancelled",
                        "client_account_credit": True,
                        "client_adjustment_key": "k",
                    },
                ],
            )


@tagged("post_install", "-at_install")
class TestWriteOffTour(WriteOffCommon, HttpCase):
    def test_small_differences_are_written_off_by_clicking(self):
        """By an officer without any right of accounting."""
        kept, undone = self._make_rest(0.02), self._make_rest(0.03, self.other_client)
        self.start_tour(
            "/odoo/action-client_account.client_account_action",
            "client_account_write_off",
            login=self.officer.login,
        )
        entry = self.env["account.move"].search([("client_write_off", "=", True)])
        self.assertRecordValues(
            entry, [{"state": "cancel", "partner_id": self.other_client.id}]
        )
        self.assertAlmostEqual(kept.amount_residual, 0.02)
        self.assertAlmostEqual(undone.amount_residual, 0.03)


@tagged("post_install", "-at_install")
class TestWriteOffOnATelephone(WriteOffCommon, HttpCase):
    browser_size = "390x844"
    touch_enabled = True

    def test_small_differences_are_in_sight(self):
        self._make_rest(0.02)
        self.start_tour(
            "/odoo/action-client_account.client_account_write_off_action",
            "client_account_write_off_telephone",
            login=self.officer.login,
        )
