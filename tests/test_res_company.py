from odoo.exceptions import RedirectWarning, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon

SETTINGS = {
    "client_adjustment_journal_id",
    "client_credit_account_id",
    "client_charge_account_id",
}


@tagged("post_install", "-at_install")
class TestResCompany(ClientAccountCommon):
    def _make_company(self, chart=None, **values):
        """Make a company with a chart of accounts, or without one."""
        count = self.env["res.company"].search_count([])
        company = self.env["res.company"].create({"name": f"Fresh {count}", **values})
        self.env.user.company_ids |= company
        if chart:
            self.env["account.chart.template"].try_loading(
                chart, company=company, install_demo=False
            )
        return company

    def _require_module(self, name):
        module = self.env["ir.module.module"].search([("name", "=", name)])
        self.assertEqual(
            module.state,
            "installed",
            f"This test needs {name}: dev/test installs it with the addon.",
        )

    def _read_settings(self, company):
        return {name: company[name] for name in SETTINGS}

    def _clear_settings(self, company):
        company.write(dict.fromkeys(SETTINGS, False))

    def assertSetUp(self, company):
        """Check what is set, and that a credit and a charge are booked with it."""
        journal = company.client_adjustment_journal_id
        self.assertRecordValues(
            journal,
            [
                {
                    "type": "general",
                    "code": "CLADJ",
                    "company_id": company.id,
                    "show_on_dashboard": False,
                    "active": True,
                }
            ],
        )
        expected = {
            "client_credit_account_id": "expense",
            "client_charge_account_id": "income_other",
        }
        special = company._get_special_accounts()
        for name, account_type in expected.items():
            self.assertEqual(company[name].account_type, account_type)
            self.assertIn(company, company[name].company_ids)
            self.assertNotIn(company[name], special)
        account = self._get_account(self.client, company).with_company(company)
        moves = self.env["account.move"].browse(
            [account.issue_credit(30, "Sorry"), account.charge(12, "Book")]
        )
        self.assertEqual(moves.journal_id, journal)
        self.assertEqual(moves.company_id, company)
        for move, name in zip(moves, expected, strict=True):
            others = move.line_ids.filtered(
                lambda line: line.account_type != "asset_receivable"
            )
            self.assertEqual(others.account_id, company[name])
        self.assertEqual(account.balance, 18.0)

    # === Charts ===

    def test_company_in_a_currency_that_nobody_used_yet(self):
        currency = self.env["res.currency"].search([("active", "=", False)], limit=1)
        company = self.env["res.company"].create(
            {"name": "Abroad", "currency_id": currency.id}
        )
        self.assertTrue(company.currency_id.active)
        self.assertEqual(company._get_top_up_presets(), [20, 50, 100])

    def test_company_in_a_currency_coarser_than_the_presets(self):
        currency = self.env["res.currency"].create(
            {"name": "XCO", "symbol": "c", "rounding": 50}
        )
        company = self.env["res.company"].create(
            {"name": "Coarse", "currency_id": currency.id}
        )
        self.assertEqual(company._get_top_up_presets(), [50, 100])
        with self.assertRefused("“20” is no amount", exception=ValidationError):
            company.client_top_up_presets = "20, 50"

    def test_company_with_the_generic_chart_is_set_up(self):
        self.assertEqual(self.company.chart_template, "generic_coa")
        self.assertSetUp(self.company)

    def test_new_company_is_set_up_when_a_chart_is_loaded(self):
        company = self._make_company()
        self.assertFalse(any(self._read_settings(company).values()))
        self.env["account.chart.template"].try_loading(
            "generic_coa", company=company, install_demo=False
        )
        self.assertSetUp(company)

    def test_company_with_a_german_chart_is_set_up(self):
        self._require_module("l10n_de")
        company = self._make_company("de_skr03", country_id=self.env.ref("base.de").id)
        self.assertEqual(company.chart_template, "de_skr03")
        self.assertSetUp(company)

    def test_company_with_a_belgian_chart_is_set_up(self):
        self._require_module("l10n_be")
        company = self._make_company("be_comp", country_id=self.env.ref("base.be").id)
        self.assertEqual(company.chart_template, "be_comp")
        self.assertSetUp(company)

    def test_companies_there_were_before_are_set_up_at_install(self):
        company = self._make_company("generic_coa")
        bare = self._make_company()
        companies = self.company | company | bare
        self._clear_settings(companies)
        companies.client_adjustment_journal_id.unlink()
        self.env["res.company"].search([])._setup_client_adjustments()
        self.assertSetUp(self.company)
        self.assertSetUp(company)
        self.assertFalse(any(self._read_settings(bare).values()))

    def test_no_company_is_set_up_for_none(self):
        before = self._read_settings(self.company)
        self.env["res.company"]._setup_client_adjustments()
        self.assertEqual(self._read_settings(self.company), before)

    def test_branch_uses_what_its_root_has(self):
        self.company.write({"child_ids": [Command.create({"name": "North"})]})
        self.cr.precommit.run()
        branch = self.company.child_ids
        branch._setup_client_adjustments()
        self.assertFalse(any(self._read_settings(branch).values()))
        for kind, name in (
            ("credit", "client_credit_account_id"),
            ("charge", "client_charge_account_id"),
        ):
            self.assertEqual(
                branch._get_client_adjustment_settings(kind),
                (self.company.client_adjustment_journal_id, self.company[name]),
            )
        # Setting up a branch sets up its root.
        self._clear_settings(self.company)
        branch._setup_client_adjustments()
        self.assertTrue(all(self._read_settings(self.company).values()))

    # === Twice, and what the user chose ===

    def test_set_up_twice_changes_nothing(self):
        before = self._read_settings(self.company)
        journals = self.env["account.journal"].search_count([])
        accounts = self.env["account.account"].search_count([])
        self.company._setup_client_adjustments()
        self.assertEqual(self._read_settings(self.company), before)
        # Also when the settings were emptied: the same is found again, not made again.
        self._clear_settings(self.company)
        self.company._setup_client_adjustments()
        self.assertEqual(self._read_settings(self.company), before)
        self.assertEqual(self.env["account.journal"].search_count([]), journals)
        self.assertEqual(self.env["account.account"].search_count([]), accounts)

    def test_archived_journal_is_not_made_twice(self):
        journal = self.company.client_adjustment_journal_id
        journal.active = False
        self._clear_settings(self.company)
        self.company._setup_client_adjustments()
        self.assertEqual(self.company.client_adjustment_journal_id, journal)

    def test_what_the_user_chose_stays(self):
        journal = self.company_data["default_journal_misc"]
        chosen = self.company_data["default_account_revenue"].copy()
        self.company.write(
            {
                "client_adjustment_journal_id": journal.id,
                "client_credit_account_id": chosen.id,
                "client_charge_account_id": False,
            }
        )
        self.company._setup_client_adjustments()
        self.assertEqual(self.company.client_adjustment_journal_id, journal)
        self.assertEqual(self.company.client_credit_account_id, chosen)
        self.assertEqual(
            self.company.client_charge_account_id.account_type, "income_other"
        )
        credit = self._issue_credit(5)
        self.assertEqual(credit.journal_id, journal)
        self.assertIn(chosen, credit.line_ids.account_id)

    # === Accounts of a type ===

    def _search_accounts(self, company, account_type):
        accounts = self.env["account.account"].with_company(company)
        return accounts.search(
            [
                *accounts._check_company_domain(company),
                ("account_type", "=", account_type),
            ]
        )

    def test_account_is_made_where_the_chart_has_none_of_its_type(self):
        company = self._make_company("generic_coa")
        self._clear_settings(company)
        for account_type, name, field_name in (
            ("income_other", "Client Charges", "client_charge_account_id"),
            ("expense", "Client Credits", "client_credit_account_id"),
        ):
            with self.subTest(account_type=account_type):
                company[field_name] = False
                group = account_type.split("_")[0]
                other_type = "income" if group == "income" else "expense_direct_cost"
                found = self._search_accounts(company, account_type)
                found.write({"account_type": other_type})
                company._setup_client_adjustments()
                made = company[field_name].with_company(company)
                self.assertNotIn(made, found)
                self.assertEqual(made.name, name)
                self.assertEqual(made.account_type, account_type)
                self.assertTrue(made.code)
                self.assertEqual(made.company_ids, company)
                company._setup_client_adjustments()
                self.assertEqual(self._search_accounts(company, account_type), made)
        self.assertSetUp(company)

    def test_accounts_odoo_books_to_are_passed_over(self):
        company = self._make_company("generic_coa")
        self._clear_settings(company)
        first = self._search_accounts(company, "income_other")[:1] or self.env[
            "account.account"
        ].with_company(company).create(
            {
                "name": "Other income",
                "code": "400001",
                "account_type": "income_other",
                "company_ids": company.ids,
            }
        )
        company.income_currency_exchange_account_id = first
        company._setup_client_adjustments()
        self.assertNotEqual(company.client_charge_account_id, first)
        self.assertEqual(company.client_charge_account_id.account_type, "income_other")
        # Free again, it is the first one.
        company.income_currency_exchange_account_id = False
        others = self._search_accounts(company, "income_other") - first
        others -= company._get_special_accounts()
        company.client_charge_account_id = False
        company._setup_client_adjustments()
        self.assertEqual(
            company.client_charge_account_id,
            (first | others).sorted(lambda account: account.with_company(company).code)[
                :1
            ],
        )

    # === Nothing set ===

    def assertSentToSettings(self, account):
        """Check that credits and charges are refused with a way to the settings."""
        for call in (
            lambda: account.issue_credit(10, "Sorry"),
            lambda: account.charge(10, "Book"),
            lambda: account.issue_credit(10, "Sorry", key="k"),
        ):
            before = self._get_books()
            with self.assertRaises(RedirectWarning) as caught:
                call()
            message, action_id, button = caught.exception.args[:3]
            self.assertIn(account.company_id.name, message)
            self.assertEqual(
                action_id, self.env.ref("account.action_account_config").id
            )
            self.assertTrue(button)
            self.assertEqual(self._get_books(), before)

    def test_refused_when_the_company_has_no_chart(self):
        company = self._make_company()
        self.assertFalse(company.chart_template)
        account = self._get_account(self.client, company).with_company(company)
        self.assertSentToSettings(account)
        self.env["account.chart.template"].try_loading(
            "generic_coa", company=company, install_demo=False
        )
        self.assertSetUp(company)

    def test_refused_when_a_setting_is_empty(self):
        self.company.client_adjustment_journal_id = False
        self.assertSentToSettings(self.account)
        self.company._setup_client_adjustments()
        self.assertTrue(self._issue_credit(10))

    def test_refused_when_the_account_of_that_kind_is_empty(self):
        self.company.client_credit_account_id = False
        with self.assertRefused(self.company.name, exception=RedirectWarning):
            self.account.issue_credit(10, "Sorry")
        self.assertTrue(self.account.charge(10, "Book"))

    # === Settings ===

    def test_settings_write_to_the_company(self):
        settings = self.env["res.config.settings"].create(
            {"client_credit_application": "all"}
        )
        settings.client_adjustment_journal_id = self.company_data[
            "default_journal_misc"
        ]
        settings.execute()
        self.assertEqual(self.company.client_credit_application, "all")
        self.assertEqual(
            self.company.client_adjustment_journal_id,
            self.company_data["default_journal_misc"],
        )

    def test_new_company_applies_account_credits_to_the_next_invoice(self):
        self.assertEqual(self._make_company().client_credit_application, "next")

    def test_bounds_are_amounts(self):
        for name in (
            "client_credit_approval_above",
            "client_top_up_maximum",
            "client_top_up_minimum",
            "client_two_approvers_above",
        ):
            for value in (float("nan"), float("inf"), 1e12, "5"):
                with (
                    self.subTest(name=name, value=value),
                    self.assertRefused(exception=ValidationError),
                ):
                    self.company.write({name: value})
        self.company.write({"client_top_up_minimum": 0, "client_top_up_maximum": 40})
        self.assertEqual(self.company._get_top_up_presets(), [20])

    def test_suggested_top_ups_are_amounts(self):
        with self.assertRefused("abc", exception=ValidationError):
            self.company.client_top_up_presets = "20, abc"
        currency = self.env["res.currency"].search([("active", "=", False)], limit=1)
        with self.assertRefused("abc", exception=ValidationError):
            self.env["res.company"].create(
                {
                    "name": "Abroad",
                    "currency_id": currency.id,
                    "client_top_up_presets": "20, abc",
                }
            )
