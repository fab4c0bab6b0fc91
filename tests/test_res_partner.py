from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from ..models.res_partner import PARTNER_FIGURES
from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestResPartner(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.contact = cls.env["res.partner"].create(
            {"name": "Cleo", "parent_id": cls.client.id}
        )
        cls.stranger = cls.env["res.partner"].create({"name": "Stranger"})
        cls.partners = cls.client | cls.contact | cls.other_client | cls.stranger

    def _search(self, leaf):
        return self.partners.search([("id", "in", self.partners.ids), leaf])

    # === The account ===

    def test_account_of_client_and_contact_is_one(self):
        self.assertEqual(self.client.client_account_id, self.account)
        self.assertEqual(self.contact.client_account_id, self.account)
        self.assertFalse(self.stranger.client_account_id)
        self.assertEqual(self.client.client_account_ids, self.account)
        self.assertFalse(self.contact.client_account_ids)

    def test_account_shows_as_soon_as_it_is_made(self):
        self.assertFalse(self.stranger.client_account_id)
        self.assertFalse(self.stranger.client_account_ids)
        account = self._get_account(self.stranger)
        self.assertEqual(self.stranger.client_account_id, account)
        self.assertEqual(self.stranger.client_account_ids, account)

    def test_account_follows_the_parent(self):
        self.assertEqual(self.contact.client_account_id, self.account)
        self.contact.parent_id = self.stranger
        self.assertFalse(self.contact.client_account_id)
        self.contact.parent_id = self.client
        self.assertEqual(self.contact.client_account_id, self.account)

    def test_account_is_the_current_company_s(self):
        other_company = self.env["res.company"].create({"name": "Sister"})
        self.env.user.company_ids |= other_company
        client = self.client.with_company(other_company)
        self.assertFalse(client.client_account_id)
        account = self._get_account(self.client, other_company)
        self.assertEqual(client.client_account_id, account)
        self.assertEqual(self.client.client_account_id, self.account)
        self.assertEqual(self.client.client_account_ids, self.account | account)

    def test_search_by_account(self):
        client_and_contact = self.client | self.contact
        other_account = self._get_account(self.other_client)
        for leaf, expected in (
            (("client_account_id", "=", self.account.id), client_and_contact),
            (
                ("client_account_id", "!=", self.account.id),
                self.partners - client_and_contact,
            ),
            (("client_account_id", "=", False), self.stranger),
            (("client_account_id", "!=", False), self.partners - self.stranger),
            (
                ("client_account_id", "in", [self.account.id, False]),
                client_and_contact | self.stranger,
            ),
            (
                ("client_account_id", "not in", [other_account.id, False]),
                client_and_contact,
            ),
            (
                ("client_account_id.state", "=", "not_granted"),
                self.partners - self.stranger,
            ),
            (("client_account_id", "in", []), self.partners[:0]),
        ):
            with self.subTest(leaf=leaf):
                self.assertEqual(self._search(leaf), expected.sorted())

    # === Policy ===

    def test_policy_is_the_account_s(self):
        self.account.credit_application = "all"
        self.assertEqual(self.client.client_credit_application, "all")
        self.assertEqual(self.contact.client_credit_application, "all")
        self.assertFalse(self.other_client.client_credit_application)
        self.account.credit_application = False
        self.assertFalse(self.client.client_credit_application)

    def test_policy_written_on_the_client_makes_the_account(self):
        self.assertFalse(self.stranger.client_account_id)
        self.stranger.client_credit_application = "all"
        account = self.stranger.client_account_id
        self.assertEqual(account.credit_application, "all")
        self.assertEqual(account.company_id, self.company)
        self.assertEqual(self.stranger.client_credit_application, "all")

    def test_policy_written_on_a_contact_is_its_client_s(self):
        self.contact.client_credit_application = "next"
        self.assertEqual(self.account.credit_application, "next")
        self.assertEqual(self.client.client_credit_application, "next")

    def test_policy_written_on_many(self):
        clients = self.client | self.other_client | self.stranger
        clients.client_credit_application = "manual"
        self.assertEqual(
            clients.client_account_id.mapped("credit_application"), ["manual"] * 3
        )
        clients.write({"client_credit_application": False})
        self.assertFalse(any(clients.mapped("client_credit_application")))

    def test_policy_is_typed_on_the_form(self):
        with Form(self.stranger) as form:
            form.client_credit_application = "all"
        self.assertEqual(self.stranger.client_account_id.credit_application, "all")

    def test_policy_given_to_a_new_client(self):
        client = self.env["res.partner"].create(
            {"name": "New", "client_credit_application": "all"}
        )
        self.assertEqual(client.client_account_id.credit_application, "all")

    def test_search_by_policy(self):
        self.account.credit_application = "all"
        self._get_account(self.other_client).credit_application = "next"
        undecided = self.stranger
        with_all = self.client | self.contact
        for leaf, expected in (
            (("client_credit_application", "=", "all"), with_all),
            (("client_credit_application", "!=", "all"), self.partners - with_all),
            (("client_credit_application", "=", False), undecided),
            (("client_credit_application", "!=", False), self.partners - undecided),
            (("client_credit_application", "in", ["all", False]), with_all | undecided),
            (
                ("client_credit_application", "in", ["all", "next"]),
                self.partners - undecided,
            ),
            (("client_credit_application", "not in", ["next", False]), with_all),
        ):
            with self.subTest(leaf=leaf):
                self.assertEqual(self._search(leaf), expected.sorted())

    # === Figures ===

    def test_figures_of_unsaved_contacts_are_zero(self):
        self._make_invoice(10)
        unsaved = self.env["res.partner"].new({"name": "New"})
        self.assertEqual(
            [unsaved[name] for name in PARTNER_FIGURES], [0.0] * len(PARTNER_FIGURES)
        )
        self.assertEqual(unsaved.client_account_currency_id, self.company.currency_id)

    def test_figures_of_many_are_each_one_s(self):
        self._make_invoice(10)
        self._make_invoice(20, partner=self.other_client)
        self.assertEqual(
            self.partners.mapped("client_balance"), [-10.0, -10.0, -20.0, 0.0]
        )

    def test_figures_of_an_archived_client_are_read_too(self):
        self._make_invoice(10)
        self.client.active = False
        self.env.invalidate_all()
        self.assertEqual(self.client.client_balance, -10.0)
        self.assertEqual(self.account.balance, -10.0)

    # === Actions ===

    def test_client_opens_its_account(self):
        action = self.contact.action_open_client_account()
        self.assertEqual(action["res_model"], "client.account")
        self.assertEqual(action["res_id"], self.account.id)
        action = self.stranger.action_open_client_account()
        self.assertEqual(action["res_id"], self.stranger.client_account_id.id)
        self.assertTrue(action["res_id"])

    def test_adjustment_is_opened_for_many_clients(self):
        for action, kind in (
            (self.partners.action_client_issue_credit(), "credit"),
            (self.partners.action_client_charge(), "charge"),
        ):
            self.assertEqual(action["res_model"], "client.account.adjustment")
            self.assertEqual(action["context"]["default_kind"], kind)
            accounts = self.partners.client_account_id
            self.assertEqual(len(accounts), 3)
            [[_command, _id, ids]] = action["context"]["default_account_ids"]
            self.assertEqual(set(ids), set(accounts.ids))

    def test_payment_is_opened_for_one_client(self):
        for action, payment_type in (
            (self.contact.action_client_receive_payment(), "inbound"),
            (self.contact.action_client_pay_back(), "outbound"),
        ):
            self.assertEqual(action["res_model"], "client.account.payment")
            self.assertEqual(action["context"]["default_account_id"], self.account.id)
            self.assertEqual(action["context"]["default_payment_type"], payment_type)
        with self.assertRaisesRegex(UserError, "Select one client only"):
            (self.client | self.other_client).action_client_receive_payment()

    def test_refused_to_delete_a_client_somebody_decided_about(self):
        client = self._get_account(self.stranger).partner_id
        client.client_account_id._set_limit(10)
        with self.assertRefused(client.name):
            client.unlink()
        self.assertTrue(client.exists())
        self.assertEqual(client.client_limit_in_force, 10.0)

    def test_client_nobody_decided_about_is_deleted_with_its_account(self):
        account = self._get_account(self.stranger)
        self.stranger.unlink()
        self.assertFalse(account.exists())
        self.assertTrue(self.account.exists())
