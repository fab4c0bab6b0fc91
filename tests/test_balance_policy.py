from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..const import POLICIES, THRESHOLDS
from .common import ClientAccountRequestCommon

# For each policy a value that is not the company's by default.
OTHER_VALUES = {
    "negative_balance": "prevented",
    "pay_later": "disabled",
    "credit_application": "all",
    "top_up_policy": "forbidden",
    "balance_visibility": "hidden",
    "low_balance_client": "on",
    "low_balance_manager": "on",
}


@tagged("post_install", "-at_install")
class TestBalancePolicy(ClientAccountRequestCommon):
    """What is in force for a client, where it comes from and who sets it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user(
            "bp_clerk", f"{cls.OFFICER},base.group_partner_manager"
        )
        cls.root = cls._make_user(
            "bp_root", "base.group_system,account.group_account_manager"
        )

    def test_defaults_change_nothing(self):
        """Of the policies only the application of credit is on by default."""
        company = self.env["res.company"].create({"name": "Fresh"})
        self.assertEqual(
            {name: company[f"client_{name}"] for name in POLICIES},
            {
                "negative_balance": "allowed",
                "pay_later": "allowed",
                "credit_application": "next",
                "top_up_policy": "allowed",
                "balance_visibility": "history",
                "low_balance_client": "off",
                "low_balance_manager": "off",
            },
        )
        self.assertEqual(company.client_limit_warning_share, 80)
        self.assertEqual(company.currency_id, self.env.company.currency_id)

    def test_every_policy_of_the_company_and_the_account(self):
        self.assertEqual(set(OTHER_VALUES), set(POLICIES))
        other = self._get_account(self.other_client)
        for name, value in OTHER_VALUES.items():
            with self.subTest(policy=name):
                self.assertFalse(self.account[name])
                default = self.company[f"client_{name}"]
                self.assertEqual(self.account._get_policy(name), default)
                self.account[name] = value
                self.assertEqual(
                    (self.account | other)._get_policies([name]),
                    {self.account: {name: value}, other: {name: default}},
                )
                self.account[name] = False
                self.company[f"client_{name}"] = value
                self.assertEqual(self.account._get_policy(name), value)

    def test_threshold_counts_with_its_own_switch(self):
        for name, switch in THRESHOLDS.items():
            self.company.write({f"client_{switch}": "on", f"client_{name}": 50})
            self.account[name] = 20
            self.assertEqual(self.account._get_policy(name), 50)
            self.account[switch] = "on"
            self.assertEqual(self.account._get_policy(name), 20)
            self.account[name] = 0
            self.assertEqual(self.account._get_policy(name), 0)

    def test_where_it_comes_from(self):
        self.company.client_negative_balance = "prevented"
        self.assertEqual(
            self.account.negative_balance_origin, "Company default: Prevented"
        )
        self.assertEqual(
            self.client.client_negative_balance_origin, "Company default: Prevented"
        )
        self.account.negative_balance = "allowed"
        self.assertEqual(self.account.negative_balance_origin, "This client: Allowed")
        self.account.write(
            {"low_balance_client": "on", "low_balance_client_threshold": 50}
        )
        self.assertRegex(
            self.client.client_low_balance_client_origin, "This client: below .*50.00"
        )
        self.company.write(
            {
                "client_low_balance_manager": "on",
                "client_low_balance_manager_threshold": 7,
            }
        )
        self.assertRegex(
            self.account.low_balance_manager_origin, "Company default: below .*7.00"
        )
        # A client without an account has the company's.
        partner = self.env["res.partner"].create({"name": "Nora"})
        self.assertEqual(
            partner.client_negative_balance_origin, "Company default: Prevented"
        )

    def test_policies_of_the_partner(self):
        """Written on a client without an account they open it."""
        for index, (name, value) in enumerate(OTHER_VALUES.items()):
            field = f"client_{name}"
            partner = self.env["res.partner"].create({"name": f"Client {index}"})
            with self.subTest(field=field):
                partners = self.env["res.partner"].with_user(self.clerk)
                partner.with_user(self.clerk)[field] = False
                self.assertFalse(partner.client_account_id)
                partner.with_user(self.clerk)[field] = value
                self.assertEqual(partner.client_account_id[name], value)
                self.assertEqual(partner[field], value)
                both = partner | self.other_client
                for operator, values, expected in (
                    ("in", [value], partner),
                    ("not in", [value], self.other_client),
                    ("in", [False], self.other_client),
                    ("not in", [False], partner),
                    ("in", [value, False], both),
                ):
                    found = partners.search([(field, operator, values)])
                    self.assertEqual(found & both, expected, (operator, values))

    def test_thresholds_of_the_partner(self):
        partner = self.other_client
        for name in THRESHOLDS:
            field = f"client_{name}"
            partner[field] = 12.5
            self.assertEqual(partner.client_account_id[name], 12.5)
            partners = self.env["res.partner"]
            both = partner | self.client
            for operator, value, expected in (
                ("=", 12.5, partner),
                ("=", 0, self.client),
                ("!=", 12.5, self.client),
                ("<", 5, self.client),
                (">", 5, partner),
                ("<=", 12.5, both),
                (">=", 0, both),
            ):
                found = partners.search([(field, operator, value)])
                self.assertEqual(found & both, expected, (operator, value))
            with self.assertRefused("searched by numbers"):
                partners.search([(field, ">", "much")])

    def test_contact_below_has_the_client_s(self):
        child = self.env["res.partner"].create(
            {"name": "Ada Junior", "parent_id": self.client.id, "type": "contact"}
        )
        child.with_user(self.clerk).client_negative_balance = "prevented"
        self.assertEqual(self.account.negative_balance, "prevented")
        self.assertEqual(child.client_negative_balance, "prevented")

    def test_bad_thresholds(self):
        for value in (1e12, -1e12, float("inf"), float("nan"), True, "12,5"):
            for record, prefix in ((self.account, ""), (self.company, "client_")):
                name = f"{prefix}low_balance_client_threshold"
                with self.subTest(value=value, record=record):
                    with self.assertRaises(ValidationError):
                        record.write({name: value})
        self.account.low_balance_client_threshold = -50
        self.assertEqual(self.account.low_balance_client_threshold, -50)

    @mute_logger("odoo.sql_db")
    def test_share_of_the_limit(self):
        for value in (-1, 101):
            with self.assertRaises(CheckViolation), self.env.cr.savepoint():
                self.company.client_limit_warning_share = value
                self.company.flush_recordset()
            self.company.invalidate_recordset()

    def test_who_sets_them(self):
        for user in (self.seller, self.viewer):
            with self.assertRefused(exception=AccessError):
                self.account.with_user(user).negative_balance = "prevented"
            with self.assertRefused(exception=AccessError):
                self.client.with_user(user).client_negative_balance = "prevented"
            with self.assertRefused(exception=AccessError):
                self.company.with_user(user).client_negative_balance = "prevented"
            self.env.invalidate_all()
        with self.assertRefused(exception=AccessError):
            self.company.with_user(self.clerk).client_negative_balance = "prevented"
        self.env.invalidate_all()
        self.account.with_user(self.officer).negative_balance = "prevented"
        self.assertEqual(self.account.negative_balance, "prevented")

    def test_change_is_logged_on_the_account(self):
        account = self.account.with_user(self.officer).with_context(
            tracking_disable=False, mail_notrack=False
        )
        account.negative_balance = "prevented"
        self.env.flush_all()
        self.env.cr.precommit.run()
        [tracking] = self.account.message_ids.sudo().tracking_value_ids.filtered(
            lambda value: value.field_id.name == "negative_balance"
        )
        self.assertEqual(tracking.new_value_char, "Prevented")

    def test_many_accounts_at_once(self):
        accounts = self._get_account(self.client | self.other_client)
        accounts.with_user(self.officer).web_save({"pay_later": "disabled"}, {})
        self.assertEqual(set(accounts.mapped("pay_later")), {"disabled"})

    def test_settings(self):
        settings = self.env["res.config.settings"].with_user(self.root)
        settings = settings.with_company(self.company)
        form = Form(settings)
        self.assertTrue(form.client_allow_top_up)
        form.client_prevent_negative = True
        form.client_tell_client = True
        form.client_low_balance_client_threshold = 25
        form.client_allow_top_up = False
        form.client_limit_warning_share = 60
        form.save().execute()
        self.assertRecordValues(
            self.company,
            [
                {
                    "client_negative_balance": "prevented",
                    "client_low_balance_client": "on",
                    "client_low_balance_client_threshold": 25,
                    "client_limit_warning_share": 60,
                    "client_top_up_policy": "forbidden",
                    "client_low_balance_manager": "off",
                    "client_pay_later": "allowed",
                }
            ],
        )
        self.assertEqual(self.account._get_policy("negative_balance"), "prevented")

    def test_company_of_another_currency(self):
        company = self.setup_other_company(name="Sister", currency_id=self.eur.id)[
            "company"
        ]
        company.write(
            {
                "client_low_balance_client": "on",
                "client_low_balance_client_threshold": 9,
            }
        )
        account = self._get_account(self.client, company)
        self.assertRegex(account.low_balance_client_origin, "below .*9.00.*€|€.*9.00")
        client = self.client.with_company(company)
        self.assertEqual(
            client.client_low_balance_client_origin, account.low_balance_client_origin
        )
        client.client_pay_later = "disabled"
        self.assertEqual(account.pay_later, "disabled")
        self.assertFalse(self.account.pay_later)
