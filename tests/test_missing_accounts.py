from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestMissingAccounts(ClientAccountCommon):
    """An account opens with the first posted receivable item, however it came."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.receivable = cls.company_data["default_account_receivable"]
        cls.revenue = cls.company_data["default_account_revenue"]
        cls.newcomer = cls.env["res.partner"].create({"name": "Cleo Chess"})

    def _post_entry(self, account, partner, amount=70):
        """Post an entry of an amount on an account against revenue, credit first."""
        move = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": partner.id,
                            "credit": amount,
                        }
                    ),
                    Command.create({"account_id": self.revenue.id, "debit": amount}),
                ],
            }
        )
        move._post()
        return move.line_ids.filtered("credit")

    def _assert_account(self, amount, partner=None):
        """Check that there is one account, in list, search and sum at once."""
        partner = partner or self.newcomer
        accounts = self.env["client.account"].search([("partner_id", "=", partner.id)])
        self.assertEqual(len(accounts), 1)
        self.assertEqual(accounts.balance, amount)
        self.assertEqual(partner.client_balance, amount)
        mine = [("partner_id", "=", partner.id)]
        self.assertEqual(accounts.search([*mine, ("balance", "=", amount)]), accounts)
        [(total,)] = accounts._read_group(mine, [], ["balance:sum"])
        self.assertEqual(total, amount)

    def _assert_no_account(self):
        self.assertFalse(
            self.env["client.account"].search([("partner_id", "=", self.newcomer.id)])
        )

    def test_bank_line_put_on_receivable(self):
        """Case 43: a bank line of 70 moved from suspense after posting."""
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "payment_ref": "Cleo",
                "amount": 70,
            }
        )
        self._assert_no_account()
        _liquidity, suspense, _other = line._seek_for_lines()
        suspense.write(
            {"account_id": self.receivable.id, "partner_id": self.newcomer.id}
        )
        self._assert_account(70)

    def test_client_set_on_a_posted_item(self):
        item = self._post_entry(self.receivable, self.env["res.partner"])
        self._assert_no_account()
        item.partner_id = self.newcomer
        self._assert_account(70)

    def test_item_of_another_client(self):
        item = self._post_entry(self.receivable, self.client)
        item.partner_id = self.newcomer
        self._assert_account(70)
        self._assert_account(0, self.client)

    def test_item_moved_to_receivable(self):
        item = self._post_entry(
            self.company_data["default_account_expense"], self.newcomer
        )
        self._assert_no_account()
        item.account_id = self.receivable
        self._assert_account(70)

    def test_chart_account_that_becomes_receivable(self):
        account = self.env["account.account"].create(
            {
                "name": "Members",
                "code": "MEMBERS",
                "account_type": "asset_current",
                "reconcile": True,
            }
        )
        self._post_entry(account, self.newcomer)
        self._assert_no_account()
        account.account_type = "asset_receivable"
        self._assert_account(70)

    def test_item_added_to_a_posted_entry(self):
        entry = self._post_entry(self.receivable, self.client).move_id
        entry.sudo().with_context(
            check_move_validity=False, skip_readonly_check=True
        ).line_ids = [
            Command.create(
                {
                    "account_id": self.receivable.id,
                    "partner_id": self.newcomer.id,
                    "credit": 20,
                }
            ),
            Command.create({"account_id": self.revenue.id, "debit": 20}),
        ]
        self._assert_account(20)

    def test_daily_net_opens_what_is_missing_and_says_so(self):
        item = self._post_entry(self.receivable, self.client)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move_line SET partner_id = %s WHERE id = %s",
            [self.newcomer.id, item.id],
        )
        self.env.invalidate_all()
        accounts = self.env["client.account"]
        logger = "odoo.addons.client_account.models.client_account"
        with self.assertLogs(logger, "WARNING") as logs:
            accounts._cron_open_missing_accounts()
        self.assertIn("no account", logs.output[0])
        self._assert_account(70)
        with self.assertNoLogs(logger, "WARNING"):
            accounts._cron_open_missing_accounts()


@tagged("post_install", "-at_install")
class TestInstalledAgain(ClientAccountCommon):
    """What uninstalling leaves in the books, and installing again finds there."""

    def test_keys_and_marks_are_rebuilt_from_the_books(self):
        account = self.account
        credit = account.issue_credit(30, "Class cancelled\nby us", key="booking-1")
        charge = account.charge(20, "Late [key: x] fee", key="fee [2]")
        plain = account.issue_credit(5, "Goodwill")
        deleted = account.issue_credit(7, "Mistake", key="gone")
        moves = self.env["account.move"].browse([credit, charge, plain, deleted])
        moves[3]._reverse_moves(cancel=True)
        names = (
            "client_adjustment",
            "client_account_credit",
            "client_adjustment_key",
        )
        before = moves.read(names)
        self.env.flush_all()
        self.env.cr.execute(
            """
            UPDATE account_move
               SET client_adjustment = NULL, client_account_credit = NULL,
                   client_adjustment_reason = NULL, client_adjustment_key = NULL,
                   client_adjustment_asked = NULL
             WHERE id = ANY(%s)
            """,
            [moves.ids],
        )
        self.env.invalidate_all()
        self.env["account.move"]._rebuild_adjustments()
        self.assertEqual(moves.read(names), before)
        self.assertEqual(
            account.issue_credit(30, "Class cancelled\nby us", key="booking-1"), credit
        )
        self.assertEqual(account.charge(20, "Late [key: x] fee", key="fee [2]"), charge)
        with self.assertRefused("booking-1"):
            account.issue_credit(31, "Class cancelled\nby us", key="booking-1")
        reversal = moves[3].reversal_move_ids
        self.assertFalse(reversal.client_adjustment)

    def test_granted_limits_are_left_to_odoo(self):
        self.account._set_limit(120)
        other = self._get_account(self.other_client)
        other._set_limit(80, "suspended")
        self.env["client.account"]._leave_native_limits()
        self.assertEqual(self.client.with_company(self.company).credit_limit, 120)
        self.assertFalse(self.other_client.with_company(self.company).credit_limit)

    def test_uninstalling_says_what_goes(self):
        module = self.env["ir.module.module"].search([("name", "=", "client_account")])
        depended = self.env["ir.module.module"].search(
            [("name", "=", "account_payment")]
        )
        other = self.env["ir.module.module"].search([("name", "=", "base_import")])
        wizards = self.env["base.module.uninstall"]
        for modules, says in ((module, True), (depended, True), (other, False)):
            wizard = wizards.create({"module_ids": [Command.set(modules.ids)]})
            self.assertEqual(wizard.takes_client_accounts, says)


@tagged("post_install", "-at_install")
class TestDatedBack(ClientAccountCommon):
    """Case 44: due by the day it is posted is immediate."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.pay_later = "disabled"
        cls.yesterday = cls.today - timedelta(days=1)
        cls.account.issue_credit(100, "Top-up")

    def test_invoice_of_yesterday_is_posted_and_paid(self):
        invoice = self._make_invoice(
            40, invoice_date=self.yesterday, invoice_date_due=False
        )
        self.assertEqual((invoice.state, invoice.payment_state), ("posted", "paid"))
        self.assertEqual(self.account.balance, 60)

    def test_terms_that_end_today_are_immediate_and_later_ones_not(self):
        for days, posted in ((1, True), (2, False)):
            invoice = self._make_invoice(
                40,
                post=False,
                invoice_date=self.yesterday,
                invoice_date_due=self.yesterday + timedelta(days=days),
            )
            if posted:
                invoice.action_post()
                self.assertEqual(invoice.payment_state, "paid")
            else:
                with self.assertRefused("pays up front"), self.env.cr.savepoint():
                    invoice.action_post()

    def test_immediate_terms_of_the_contact_stay(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "At once",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 100, "nb_days": 0}
                    )
                ],
            }
        )
        later = terms.copy({"name": "Ten days"})
        later.line_ids.nb_days = 10
        for term, kept in ((terms, True), (later, False)):
            self.client.property_payment_term_id = term
            invoice = self.env["account.move"].create(
                {"move_type": "out_invoice", "partner_id": self.client.id}
            )
            self.assertEqual(invoice.invoice_payment_term_id == term, kept)


@tagged("post_install", "-at_install")
class TestOwnCompany(ClientAccountCommon):
    def test_company_made_of_a_person_keeps_the_limit(self):
        self.account._set_limit(150)
        self.account.write({"negative_balance": "prevented"})
        self.account.issue_credit(10, "Goodwill")
        self.client.company_name = "Ada & Daughters"
        self.client.create_company()
        company = self.client.parent_id
        self.assertEqual(company.name, "Ada & Daughters")
        account = self._get_account(company)
        self.assertNotEqual(account, self.account)
        self.assertEqual((account.limit_in_force, account.balance), (150, 10))
        self.assertEqual(account.negative_balance, "prevented")
        self.assertEqual(self.account.state, "closed")

    def test_branch_has_no_policies_of_its_own(self):
        branch = self.env["res.company"].create(
            {"name": "North School", "parent_id": self.company.id}
        )
        for name, value in (
            ("client_negative_balance", "prevented"),
            ("client_two_approvers", True),
            ("client_account_leader_id", self.env.user.id),
        ):
            with self.assertRefused("North School is a branch"):
                branch.write({name: value})
            branch.write(
                {name: branch._fields[name].convert_to_write(branch[name], branch)}
            )
        with self.assertRefused("South School is a branch"), self.env.cr.savepoint():
            branch.create(
                {
                    "name": "South School",
                    "parent_id": self.company.id,
                    "client_pay_later": "disabled",
                }
            )
        self.company.client_negative_balance = "prevented"
        self.assertEqual(
            self._get_account(self.client, branch)._get_policy("negative_balance"),
            "prevented",
        )
