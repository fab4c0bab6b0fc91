from datetime import timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import Form, tagged

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

    def test_contact_that_becomes_a_client_of_its_own(self):
        """Their own items stay with them, those of the client with the client."""
        person, child = self.env["res.partner"].create(
            [
                {"name": "Cleo Chess", "parent_id": self.client.id},
                {"name": "Dan Chess", "parent_id": self.client.id},
            ]
        )
        child.parent_id = person
        self._post_entry(self.receivable, child)
        self._assert_account(70, self.client)
        person.is_company = True
        self._assert_account(70, person)
        self._assert_account(0, self.client)

    def test_contact_that_comes_to_a_client_without_account(self):
        """All that is on it is settled, and it is in the new client's history."""
        invoice = self._make_invoice(70)
        (
            self._get_receivable(invoice)
            | self._post_entry(self.receivable, self.client)
        ).reconcile()
        self.client.parent_id = self.newcomer
        self._assert_account(0)

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

    NAMES = ("client_adjustment", "client_account_credit", "client_adjustment_key")

    def _install_again(self, *moves):
        """Lose what stands in the addon's own columns, and rebuild it.

        :param moves: ids of adjustments
        :return: the entries, and what is read of them before
        """
        moves = self.env["account.move"].browse(moves)
        before = moves.read(self.NAMES)
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
        moves._rebuild_adjustments()
        return moves, before

    def test_keys_and_marks_are_rebuilt_from_the_books(self):
        account = self.account
        credit = account.issue_credit(30, "Class cancelled\nby us", key="booking-1")
        charge = account.charge(20, "Late [key: x] fee", key="fee [2]")
        plain = account.issue_credit(5, "Goodwill")
        deleted = account.issue_credit(7, "Mistake", key="gone")
        self.env["account.move"].browse(deleted)._reverse_moves(cancel=True)
        moves, before = self._install_again(credit, charge, plain, deleted)
        self.assertEqual(moves.read(self.NAMES), before)
        self.assertEqual(
            account.issue_credit(30, "Class cancelled\nby us", key="booking-1"), credit
        )
        self.assertEqual(account.charge(20, "Late [key: x] fee", key="fee [2]"), charge)
        with self.assertRefused("booking-1"):
            account.issue_credit(31, "Class cancelled\nby us", key="booking-1")
        with self.assertRefused("deleted since"):
            account.issue_credit(7, "Mistake", key="gone")
        self.assertFalse(moves[3].reversal_move_ids.client_adjustment)

    def test_keys_of_long_and_odd_reasons_are_rebuilt(self):
        reasons = ("x" * 400, "One\u2028two", "y" * 121, "Two\r\nlines", "z [key: z]")
        booked = {
            reason: self.account.issue_credit(30, reason, key=f"key {number}")
            for number, reason in enumerate(reasons)
        }
        moves, before = self._install_again(*booked.values())
        self.assertEqual(moves.read(self.NAMES), before)
        for number, (reason, move) in enumerate(booked.items()):
            again = self.account.issue_credit(30, reason, key=f"key {number}")
            self.assertEqual(again, move)
        with self.assertRefused("with other values already"):
            self.account.issue_credit(30, "x" * 249 + "y", key="key 0")

    def test_keys_are_found_where_people_wrote_beside_them(self):
        """Another reference, item or journal, and a key in two references."""
        company = self.company
        other = self.company_data["default_journal_misc"]
        company.client_adjustment_journal_id = other
        own = self.account.issue_credit(5, "In another journal", key="own")
        company.client_adjustment_journal_id = (
            company._get_or_create_client_adjustment_journal()
        )
        renamed = self.account.issue_credit(5, "Item", key="renamed")
        shortened = self.account.issue_credit(5, "A long reason", key="shortened")
        first = self.account.issue_credit(5, "First", key="twice")
        second = self.account.issue_credit(5, "Second")
        moves = self.env["account.move"].browse([renamed, shortened, second])
        self._get_receivable(moves[0]).name = "A longer name than the reference has"
        moves[1].ref = "A [key: shortened]"
        moves[2].ref = "Second [key: twice]"
        moves, before = self._install_again(own, renamed, shortened, first, second)
        self.assertEqual(moves.read(self.NAMES), before)

    def test_granted_limits_are_left_to_odoo(self):
        self.account._set_limit(120)
        other = self._get_account(self.other_client)
        other._set_limit(80, "suspended")
        for client in (self.client, self.other_client):
            self._set_native_limit(client, 500)
        self.env["client.account"]._leave_native_limits()
        self.assertEqual(self.client.with_company(self.company).credit_limit, 120)
        self.assertEqual(self.other_client.with_company(self.company).credit_limit, 0)

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

    def test_form_import_and_mass_posting(self):
        terms = self.env.ref("account.account_payment_term_30days")
        self.client.property_payment_term_id = terms
        form = Form(
            self.env["account.move"].with_context(default_move_type="out_invoice")
        )
        form.partner_id = self.client
        form.invoice_date = self.yesterday
        with form.invoice_line_ids.new() as line:
            line.name = "Lessons"
            line.price_unit = 10
            line.tax_ids.clear()
        typed = form.save()
        result = self.env["account.move"].load(
            [
                "move_type",
                "partner_id/.id",
                "invoice_date",
                "invoice_line_ids/name",
                "invoice_line_ids/price_unit",
                "invoice_line_ids/tax_ids/.id",
            ],
            [["out_invoice", str(self.client.id), f"{self.yesterday}", "A", "10", ""]],
        )
        imported = self.env["account.move"].browse(result["ids"])
        invoices = typed | imported
        self.assertEqual(len(invoices), 2, result["messages"])
        self.env["validate.account.move"].with_context(
            active_model="account.move", active_ids=invoices.ids
        ).create({}).validate_move()
        self.assertEqual(invoices.mapped("payment_state"), ["paid", "paid"])
        self.assertEqual(
            self.account.balance, 100 - sum(invoices.mapped("amount_total"))
        )

    def test_no_date_typed_across_midnight(self):
        """It is due the day it was made, and posted the next; or made where it is the
        next day already."""
        tokyo, here = self.env.user.copy({"tz": "Asia/Tokyo"}), self.env.user
        here.tz = "UTC"
        for user in (here, tokyo):
            with freeze_time(f"{self.today} 23:50:00"):
                invoice = self._make_invoice(
                    40, post=False, invoice_date=False, invoice_date_due=False
                ).with_user(here)
                invoice = invoice.with_user(user).copy().with_user(here)
                if user == tokyo:
                    invoice.action_post()
            with freeze_time(f"{self.today + timedelta(days=1)} 00:10:00"):
                if user == here:
                    invoice.action_post()
            self.assertEqual((invoice.state, invoice.payment_state), ("posted", "paid"))

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
