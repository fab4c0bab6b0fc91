from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ..models.client_account_figures import FIGURES
from ..models.res_partner import PARTNER_FIGURES
from .common import ClientAccountCommon

VIEWER = "client_account.group_client_account_viewer"
OFFICER = "client_account.group_client_account_officer"
APPROVER = "client_account.group_client_account_approver"

# Methods a caller from outside can reach, each with a way to call it in a test. A new
# public method belongs here on purpose or gets an underscore.
PUBLIC_METHODS = {
    ("account.move", "action_allocate_client_credit"),
    ("account.move", "action_client_adjustment_delete"),
    ("account.move", "action_client_adjustment_modify"),
    ("account.move", "action_client_adjustment_release_delete"),
    ("account.move", "action_client_post_anyway"),
    ("account.move.line", "action_assign_client_credit"),
    ("account.move.line", "action_delete_client_adjustment"),
    ("account.move.line", "action_modify_client_adjustment"),
    ("account.move.line", "action_open_client_document"),
    ("account.move.line", "action_release_delete_client_adjustment"),
    ("account.partial.reconcile", "action_move_client_allocation"),
    ("account.partial.reconcile", "action_remove_client_allocation"),
    ("client.account", "action_apply_credits"),
    ("client.account", "action_charge"),
    ("client.account", "action_issue_credit"),
    ("client.account", "action_pay_back"),
    ("client.account", "action_open_suspension"),
    ("client.account", "action_receive_payment"),
    ("client.account", "action_request_update"),
    ("client.account", "action_resume"),
    ("client.account", "action_suspend"),
    ("client.account", "action_view_credits"),
    ("client.account", "action_view_items"),
    ("client.account", "action_view_open_items"),
    ("client.account", "action_view_partner"),
    ("client.account", "apply_credits"),
    ("client.account", "charge"),
    ("client.account", "issue_credit"),
    ("client.account.adjustment", "action_confirm"),
    ("client.account.payment", "action_clear"),
    ("client.account.payment", "action_show_more"),
    ("client.account.payment", "action_confirm"),
    ("client.account.payment", "action_oldest_first"),
    ("client.account.post.anyway", "action_post_anyway"),
    ("client.account.request", "action_approve"),
    ("client.account.request", "action_delegate"),
    ("client.account.request", "action_open_delegate"),
    ("client.account.request", "action_open_reject"),
    ("client.account.request", "action_submit"),
    ("client.account.request", "action_view_account"),
    ("client.account.request", "action_view_credit"),
    ("client.account.request", "action_withdraw"),
    ("client.account.request.delegate", "action_delegate"),
    ("client.account.request.reject", "action_reject"),
    ("client.account.suspension", "action_confirm"),
    ("client.credit.allocation", "action_allocate"),
    ("client.credit.allocation", "action_clear"),
    ("client.credit.allocation", "action_show_more"),
    ("client.credit.allocation", "action_oldest_first"),
    ("res.partner", "action_client_charge"),
    ("res.partner", "action_client_issue_credit"),
    ("res.partner", "action_client_pay_back"),
    ("res.partner", "action_client_receive_payment"),
    ("res.partner", "action_client_request_update"),
    ("res.partner", "action_open_client_account"),
    ("account.move", "action_open_client_deletion"),
    ("account.move", "action_view_client_account"),
    ("account.move.line", "action_allocate_client_credit"),
    ("account.move.line", "action_open_client_credit"),
    ("account.move.line", "action_open_client_deletion"),
    ("account.move.line", "action_receive_client_payment"),
    ("client.account", "action_allocate_credit"),
    ("client.account", "action_new_invoice"),
    ("client.account", "action_open_application"),
    ("client.account", "action_open_statement"),
    ("client.account.adjustment", "action_allocate_now"),
    ("client.account.adjustment", "action_undo"),
    ("client.account.deletion", "action_delete"),
    ("client.account.payment", "action_fill_all"),
    ("client.account.payment", "action_fill_overdue"),
    ("client.account.payment", "action_send_receipt"),
    ("client.account.payment", "action_undo"),
    ("client.account.statement", "action_print"),
    ("client.account.statement", "action_send"),
    ("client.credit.allocation", "action_undo"),
    ("client.credit.application", "action_apply"),
    ("client.credit.application", "action_undo"),
    ("account.move.line", "action_write_off_client_rest"),
    ("client.account", "action_write_off"),
    ("client.account.write.off", "action_confirm"),
    ("client.account.write.off", "action_undo"),
    ("client.account", "action_ask_payment"),
    ("client.account", "action_open_offset"),
    ("client.account", "action_transfer_credit"),
    ("client.account", "set_off_bills"),
    ("client.account", "transfer_credit"),
    ("client.account.offset", "action_confirm"),
    ("client.account.offset", "action_undo"),
    ("client.account.transfer", "action_confirm"),
    ("client.account.transfer", "action_undo"),
    ("client.credit.request", "action_cancel"),
    ("client.credit.request", "action_send"),
    ("client.credit.request.send", "action_send"),
    ("client.credit.request.send", "action_undo"),
    ("client.account", "action_bulk_allocate"),
    ("client.account", "action_create_batch"),
    ("client.credit.allocation.batch", "action_cancel"),
    ("client.credit.allocation.batch", "action_check"),
    ("client.credit.allocation.batch", "action_draft"),
    ("client.credit.allocation.batch", "action_plan"),
    ("client.credit.allocation.batch", "action_run"),
    ("client.credit.allocation.batch", "action_view_lines"),
    ("client.credit.batch", "action_allocate"),
    ("client.credit.batch", "action_cancel"),
    ("client.credit.batch", "action_check"),
    ("client.credit.batch", "action_draft"),
    ("client.credit.batch", "action_import_lines"),
    ("client.credit.batch", "action_open_reversal"),
    ("client.credit.batch", "action_reverse"),
    ("client.credit.batch", "action_run"),
    ("client.credit.batch", "action_view_lines"),
    ("client.credit.batch", "action_view_moves"),
    ("client.credit.batch.reverse", "action_reverse"),
    ("res.partner", "action_create_client_batch"),
    ("res.partner", "action_client_new_invoice"),
    ("res.partner", "action_client_view_credits"),
    ("res.partner", "action_client_view_items"),
}
WIZARDS = (
    "client.account.adjustment",
    "client.account.offset",
    "client.account.payment",
    "client.account.payment.line",
    "client.account.post.anyway",
    "client.account.request.delegate",
    "client.account.request.reject",
    "client.account.suspension",
    "client.account.transfer",
    "client.account.write.off",
    "client.account.write.off.line",
    "client.credit.allocation",
    "client.credit.allocation.line",
)


@tagged("post_install", "-at_install")
class TestSecurity(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        # Whoever may export does, so that only what is exported is refused.
        export = "base.group_allow_export"
        cls.viewer = cls._make_user("ca_viewer", f"{VIEWER},{export}")
        # None of them has any right of accounting.
        cls.officer = cls._make_user("ca_officer", OFFICER)
        cls.approver = cls._make_user("ca_approver", APPROVER)
        cls.plain = cls._make_user("ca_plain", f"base.group_user,{export}")
        cls.portal = cls._make_user("ca_portal", "base.group_portal")
        cls.contact_manager = cls._make_user(
            "ca_contacts", "base.group_user,base.group_partner_manager"
        )
        cls.biller = cls._make_user(
            "ca_biller",
            "account.group_account_invoice,base.group_partner_manager",
        )
        cls.past = cls.today - timedelta(days=3)
        cls.invoice = cls._make_invoice(100, date_due=cls.past)
        cls.credit = cls._issue_credit(30)
        cls.request = cls.env["client.account.request"].create(
            {
                "partner_id": cls.env["res.partner"].create({"name": "Cem"}).id,
                "requested_limit": 200,
                "reason": "Books every week",
            }
        )
        cls.debit_line = cls._get_receivable(cls.invoice)
        cls.credit_line = cls._get_receivable(cls.credit)
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.env.invalidate_all()

    def _get_posted(self, kind, amount):
        """Return the posted adjustment of this kind and amount."""
        return self.env["account.move"].search(
            [
                ("client_adjustment", "=", kind),
                ("amount_total", "=", amount),
                ("state", "=", "posted"),
            ]
        )

    # === Groups ===

    def test_groups_imply_one_another(self):
        for group, implied in (
            (OFFICER, VIEWER),
            (APPROVER, OFFICER),
            (VIEWER, "base.group_user"),
            ("account.group_account_readonly", VIEWER),
            ("account.group_account_invoice", OFFICER),
            ("account.group_account_manager", APPROVER),
        ):
            with self.subTest(group=group):
                self.assertIn(
                    self.env.ref(implied), self.env.ref(group).all_implied_ids
                )

    def test_groups_do_not_imply_more(self):
        for group, other in (
            (VIEWER, OFFICER),
            (OFFICER, APPROVER),
            ("account.group_account_readonly", OFFICER),
            ("account.group_account_invoice", APPROVER),
            ("base.group_user", VIEWER),
        ):
            with self.subTest(group=group):
                self.assertNotIn(
                    self.env.ref(other), self.env.ref(group).all_implied_ids
                )

    def test_groups_give_no_right_of_accounting(self):
        accounting = self.env["res.groups"].union(
            *(
                self.env.ref(f"account.group_account_{name}")
                for name in ("readonly", "invoice", "basic", "user", "manager")
            )
        )
        for group in (VIEWER, OFFICER, APPROVER):
            self.assertFalse(self.env.ref(group).all_implied_ids & accounting, group)

    # === Companies ===

    def test_branch_user_sees_the_account_of_the_root(self):
        self.company.write({"child_ids": [Command.create({"name": "North"})]})
        self.cr.precommit.run()
        branch = self.company.child_ids
        user = self._make_user("ca_branch", VIEWER, company=branch)
        self.assertEqual(user.company_ids, branch)
        account = self.account.with_user(user).with_company(branch)
        self.assertEqual(account.search([("id", "=", account.id)]), account)
        self.assertEqual(account.balance, -70.0)
        self.assertEqual(account.ledger_balance, -70.0)
        client = self.client.with_user(user).with_company(branch)
        self.assertEqual(client.client_account_id, account)
        self.assertEqual(client.client_balance, -70.0)

    def test_user_of_another_company_does_not_see_the_account(self):
        other_company = self.env["res.company"].create({"name": "Sister"})
        user = self._make_user("ca_sister", APPROVER, company=other_company)
        account = self.account.with_user(user)
        self.assertFalse(account.search([("id", "=", account.id)]))
        with self.assertRaises(AccessError):
            account.read(["balance"])
        with self.assertRefused(exception=AccessError):
            account.issue_credit(10, "Not mine")
        with self.assertRefused(exception=AccessError):
            account.write({"credit_application": "all"})
        client = self.client.with_user(user)
        self.assertFalse(client.client_account_id)
        self.assertEqual(client.client_balance, 0.0)
        self.assertFalse(client.search([("client_balance", "<", 0)]))
        colleague = self.account.with_user(self.approver)
        self.assertEqual(colleague.search([("id", "=", account.id)]), account)
        self.assertTrue(colleague.issue_credit(10, "Mine"))

    # === Nobody else reaches anything ===

    def _outsiders(self):
        return (self.plain | self.portal | self.env.ref("base.public_user")).sudo()

    def test_outsiders_reach_no_account(self):
        for user in self._outsiders():
            account = self.account.with_user(user)
            for call in (
                lambda account=account: account.search([]),
                lambda account=account: account.search_count([]),
                lambda account=account: account.read(["balance"]),
                lambda account=account: account.web_read({"balance": {}}),
                lambda account=account: account._read_group([], ["state"], ["__count"]),
                lambda account=account: account.formatted_read_group(
                    [], ["state"], ["balance:sum"]
                ),
                lambda account=account: account.name_search("Ada"),
                lambda account=account: account.create({"partner_id": 1}),
                lambda account=account: account.write({"credit_application": "all"}),
                lambda account=account: account.unlink(),
                lambda account=account: account.issue_credit(1, "Gift"),
                lambda account=account: account.charge(1, "Gift"),
                lambda account=account: account.apply_credits(),
                lambda account=account: account.action_view_credits(),
                lambda account=account: account.action_view_items(),
            ):
                with (
                    self.subTest(user=user.login),
                    self.assertRefused(exception=AccessError),
                ):
                    call()
        with self.assertRefused(exception=AccessError):
            self.account.with_user(self.plain).export_data(["balance"])
        account = self.account.with_user(self.viewer)
        self.assertEqual(account.export_data(["balance"])["datas"], [[-70.0]])

    def test_outsiders_reach_no_wizard(self):
        for user in self._outsiders() | self.viewer:
            for model in WIZARDS:
                wizards = self.env[model].with_user(user)
                with self.subTest(user=user.login, model=model):
                    with self.assertRefused(exception=AccessError):
                        wizards.create({})
                    with self.assertRefused(exception=AccessError):
                        wizards.search([])

    def test_wizards_are_their_maker_s(self):
        wizard = (
            self.env["client.account.adjustment"]
            .with_user(self.officer)
            .create({"account_ids": self.account.ids, "amount": 5, "reason": "Mine"})
        )
        colleague = self._make_user("ca_officer_2", OFFICER)
        with self.assertRefused(exception=AccessError):
            wizard.with_user(colleague).action_confirm()
        wizard.action_confirm()
        self.assertTrue(self._get_posted("credit", 5))

    def test_outsiders_reach_no_figure_of_a_contact(self):
        for user in self._outsiders() - self.env.ref("base.public_user"):
            client = self.client.with_user(user).sudo(False)
            for name in [*PARTNER_FIGURES, "client_account_id", "client_account_ids"]:
                with self.subTest(user=user.login, field=name):
                    self.assertNotIn(name, client.fields_get())
                    for call in (
                        lambda name=name, client=client: client.read([name]),
                        lambda name=name, client=client: client.web_read({name: {}}),
                        lambda name=name, client=client: client[name],
                        lambda name=name, client=client: client.search(
                            [(name, "!=", False)]
                        ),
                        lambda name=name, client=client: client.search(
                            [(f"parent_id.{name}", "!=", False)]
                        ),
                        lambda name=name, client=client: client.search([], order=name),
                        lambda name=name, client=client: client.web_search_read(
                            [], {"name": {}}, order=f"{name} desc"
                        ),
                        lambda name=name, client=client: client._read_group(
                            [], [name], ["__count"]
                        ),
                        lambda name=name, client=client: client.export_data([name]),
                        lambda name=name, user=user: (
                            self.env["res.users"]
                            .with_user(user)
                            .search([(name, "!=", 0)])
                        ),
                    ):
                        with self.assertRefused(exception=UserError):
                            call()

    def test_outsiders_sum_no_figure_of_a_contact(self):
        for user in self.plain | self.portal:
            for name in PARTNER_FIGURES:
                with self.subTest(user=user.login, field=name):
                    with self.assertRefused(exception=AccessError):
                        self.client.with_user(user)._read_group([], [], [f"{name}:sum"])
        [(total,)] = self.client.with_user(self.viewer)._read_group(
            [("id", "=", self.client.id)], [], ["client_balance:sum"]
        )
        self.assertEqual(total, -70.0)

    def test_viewer_reads_figures_without_any_right_of_accounting(self):
        account = self.account.with_user(self.viewer)
        self.assertEqual(account.read([*FIGURES])[0]["balance"], -70.0)
        self.assertEqual(account.ledger_balance, -70.0)
        self.assertTrue(account.balance_graph)
        client = self.client.with_user(self.viewer)
        self.assertEqual(client.read([*PARTNER_FIGURES])[0]["client_balance"], -70.0)
        self.assertIn(client, client.search([("client_balance", "<", 0)]))
        self.assertTrue(client.search([], order="client_balance", limit=1))
        self.assertEqual(client.export_data(["client_balance"])["datas"], [[-70.0]])
        self.assertTrue(client._read_group([], ["client_balance"], ["__count"]))

    def test_account_opens_without_any_right_of_accounting(self):
        for user in (self.viewer, self.officer, self.approver):
            with self.subTest(user=user.login):
                self.env.invalidate_all()
                with Form(self.account.with_user(user)) as form:
                    self.assertEqual(form.balance, -70.0)

    def test_client_opens_without_any_right_of_accounting(self):
        for user in (self.plain, self.viewer, self.officer):
            with self.subTest(user=user.login):
                self.env.invalidate_all()
                form = Form(self.client.with_user(user))
                self.assertEqual(form.name, self.client.name)

    def test_fields_on_contacts_have_groups_and_are_not_copied(self):
        partners = self.env["res.partner"]
        names = [name for name in partners._fields if name.startswith("client_")]
        self.assertLessEqual(set(PARTNER_FIGURES), set(names))
        # Who sees Odoo's own limit sees whether it counts, and nothing more.
        native = partners._fields["credit_limit"].groups
        for name in names:
            groups = {
                "client_limit_decided": native,
                # It has figures for viewers only, see `test_profile`.
                "client_profile": "base.group_user",
            }.get(name, VIEWER)
            self.assertEqual(partners._fields[name].groups, groups, name)
            self.assertFalse(partners._fields[name].copy, name)
        labels = [
            description["string"] for description in partners.fields_get(names).values()
        ]
        self.assertEqual(len(labels), len(names))
        self.assertEqual(len(set(labels)), len(names), labels)

    def test_contact_manager_duplicates_a_client(self):
        self.account._set_limit(50)
        self.account.credit_application = "all"
        copies = self.client
        for user in (self.contact_manager, self.biller):
            copies |= self.client.with_user(user).copy().sudo(False)
        copies -= self.client
        self.assertEqual(len(copies), 2)
        self.assertFalse(
            self.env["client.account"].search([("partner_id", "in", copies.ids)])
        )
        self.assertEqual(self.account.credit_limit, 50.0)

    # === Decisions move by the workflow only ===

    def _protected_values(self):
        euro = self.env.ref("base.EUR")
        sister = self.env["res.company"].create({"name": "Sister"})
        return {
            "state": "granted",
            "state_reason": "Forged",
            "credit_limit": 5000.0,
            "limit_until": "2099-12-31",
            "limit_request_id": self.request.id,
            "limit_lapse_told": True,
            "low_balance_client_told": True,
            "low_balance_manager_told": True,
            "limit_exceeded_told": True,
            "limit_early_told": True,
            "partner_id": self.other_client.id,
            "company_id": sister.id,
            "currency_id": euro.id,
            "lock_version": 7,
            "auto_token_id": 1,
            "auto_threshold": 5000.0,
            "auto_maximum": 5000.0,
            "auto_minimum": 5000.0,
            "auto_consent": "Forged",
            "auto_consent_on": "2026-01-01 00:00:00",
            "auto_consent_by_id": self.other_client.id,
            "auto_declines": 7,
            "auto_paused_until": "2026-01-01 00:00:00",
        }

    def _deciders(self):
        return self.viewer | self.officer | self.approver | self.env.user

    def _read_protected(self):
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT state, state_reason, credit_limit, limit_until, limit_request_id,
                   limit_lapse_told, low_balance_client_told,
                   low_balance_manager_told, limit_exceeded_told, limit_early_told,
                   partner_id, company_id, currency_id, lock_version, auto_token_id,
                   auto_threshold, auto_maximum, auto_minimum, auto_consent,
                   auto_consent_on,
                   auto_consent_by_id, auto_declines, auto_paused_until
              FROM client_account WHERE id = %s
            """,
            [self.account.id],
        )
        return self.env.cr.fetchall()

    def test_every_decision_is_covered(self):
        self.assertEqual(
            set(self._protected_values()),
            self.env["client.account"]._get_fields_written_by("workflow", "creator"),
        )

    def test_refused_to_write_a_decision(self):
        """Case 31: state and limit through write and web_save."""
        before = self._read_protected()
        values = self._protected_values()
        for user in self._deciders():
            for name, value in values.items():
                account = self.account.with_user(user)
                for forged in ({}, {"client_account_approved": True}):
                    account = account.with_context(**forged)
                    with self.subTest(user=user.login, field=name):
                        with self.assertRefused(exception=(AccessError, UserError)):
                            account.write({name: value})
                        with self.assertRefused(exception=(AccessError, UserError)):
                            account.write({"credit_application": "all", name: value})
                        with self.assertRefused(exception=(AccessError, UserError)):
                            account.web_save({name: value}, {})
                        with self.assertRefused(exception=(AccessError, UserError)):
                            account[name] = value
                        self.assertEqual(self._read_protected(), before)
        self.account._set_limit(5000)
        self.assertEqual(self.account.credit_limit, 5000.0)
        self.assertEqual(self.account.state, "granted")
        self.account.with_user(self.officer).write({"credit_application": "all"})
        self.assertEqual(self.account.credit_application, "all")

    def test_refused_whatever_the_context_claims(self):
        """Case 31: only the very object of the addon stands for the workflow."""
        for claim in (True, 1, "x", {}, "<object object>", object(), [1]):
            for user in (self.approver, self.env.user):
                account = self.account.with_user(user).with_context(
                    client_account_approved=claim
                )
                with self.subTest(claim=claim), self.assertRefused("only by approval"):
                    account.write({"state": "granted", "credit_limit": 10})
                with self.assertRefused(exception=(AccessError, UserError)):
                    account.create(
                        {
                            "partner_id": self.other_client.id,
                            "company_id": self.company.id,
                            "state": "granted",
                        }
                    )
        self.assertEqual(self.account.state, "not_granted")
        self.account._set_limit(10)
        self.assertEqual(self.account.state, "granted")

    def test_approval_does_not_leak(self):
        contexts = []
        accounts = self.env.registry["client.account"]
        origin = accounts._write

        def remember(records, vals):
            contexts.append(dict(records.env.context))
            return origin(records, vals)

        self.patch(accounts, "_write", remember)
        self.account._set_limit(10)
        self.env.flush_all()
        self.assertNotIn("client_account_approved", self.account.env.context)
        for context in contexts:
            self.assertNotIn("client_account_approved", context)

    def test_refused_to_create_a_decided_account(self):
        """Case 31: through create and web_save, also of the superuser's."""
        values = self._protected_values()
        partner = self.env["res.partner"].create({"name": "Jon"})
        base = {"partner_id": partner.id, "company_id": self.company.id}
        for name in values.keys() - {"partner_id", "company_id"}:
            for user in self._deciders():
                accounts = self.env["client.account"].with_user(user)
                with self.subTest(user=user.login, field=name):
                    with self.assertRefused(exception=(AccessError, UserError)):
                        accounts.create({**base, name: values[name]})
                    with self.assertRefused(exception=(AccessError, UserError)):
                        accounts.web_save({**base, name: values[name]}, {})
            with self.assertRefused("only by approval"):
                self.env["client.account"].sudo().create({**base, name: values[name]})
        accounts = self.env["client.account"]
        self.assertFalse(accounts.search([("partner_id", "=", partner.id)]))
        account = accounts.sudo().create(base)
        self.assertEqual(account.state, "not_granted")

    def test_no_one_creates_or_deletes_an_account_by_hand(self):
        partner = self.env["res.partner"].create({"name": "Jon"})
        values = {"partner_id": partner.id, "company_id": self.company.id}
        for user in self._deciders():
            accounts = self.env["client.account"].with_user(user)
            with self.subTest(user=user.login):
                with self.assertRefused(exception=AccessError):
                    accounts.create(values)
                with self.assertRefused(exception=AccessError):
                    self.account.with_user(user).unlink()
        self.assertTrue(self.account.exists())
        self.assertTrue(self._get_account(partner))

    def test_context_defaults_decide_nothing(self):
        """Case 31: through `default_*`."""
        partner = self.env["res.partner"].create({"name": "Jon"})
        defaults = {
            f"default_{name}": value for name, value in self._protected_values().items()
        }
        account = (
            self.env["client.account"]
            .sudo()
            .with_context(**defaults)
            .create({"partner_id": partner.id, "company_id": self.company.id})
        )
        self.assertRecordValues(
            account,
            [
                {
                    "state": "not_granted",
                    "credit_limit": 0.0,
                    "lock_version": 0,
                    "partner_id": partner.id,
                    "company_id": self.company.id,
                    "currency_id": self.company.currency_id.id,
                }
            ],
        )
        client = self.env["res.partner"].create({"name": "Kim"})
        accounts = self.env["client.account"].with_context(**defaults)
        made = accounts._get_or_create(client, self.company)
        self.assertEqual((made.state, made.credit_limit), ("not_granted", 0.0))

    def test_refused_to_import_a_decision(self):
        """Case 31: through load."""
        before = self._read_protected()
        rows = [[str(self.account.id), "5000"]]
        for user in self._deciders():
            accounts = self.env["client.account"].with_user(user)
            for names in ([".id", "credit_limit"], [".id", "lock_version"]):
                with self.subTest(user=user.login, names=names):
                    result = accounts.load(names, rows)
                    self.assertFalse(result["ids"])
                    self.assertTrue(result["messages"])
                    self.assertEqual(self._read_protected(), before)
        rows = [[str(self.account.id), "By hand only"]]
        result = (
            self.env["client.account"]
            .with_user(self.officer)
            .load([".id", "credit_application"], rows)
        )
        self.assertEqual(result["ids"], self.account.ids)
        self.assertEqual(self.account.credit_application, "manual")

    def test_refused_to_copy_an_account(self):
        """Case 31: through copy."""
        self.account._set_limit(50)
        count = self.env["client.account"].search_count([])
        values = {"partner_id": self.other_client.id, "company_id": self.company.id}
        for user in self._deciders():
            with self.subTest(user=user.login):
                with self.assertRefused(exception=(AccessError, UserError)):
                    self.account.with_user(user).copy(values)
                with self.assertRefused(exception=(AccessError, UserError)):
                    self.account.with_user(user).copy({**values, "credit_limit": 9})
        self.assertEqual(self.env["client.account"].search_count([]), count)
        # Even where the superuser's code copies, the decision stays behind.
        copied = self.account.sudo().copy(values)
        self.assertEqual((copied.state, copied.credit_limit), ("not_granted", 0.0))

    def test_refused_through_the_contact(self):
        """Case 31: through a one2many command on the partner."""
        before = self._read_protected()
        other = self._get_account(self.other_client)
        commands = (
            Command.create({"company_id": self.company.id, "state": "granted"}),
            Command.create({"company_id": self.company.id}),
            Command.update(self.account.id, {"credit_limit": 5000}),
            Command.update(self.account.id, {"state": "granted"}),
            Command.delete(self.account.id),
            Command.unlink(self.account.id),
            Command.link(other.id),
            Command.clear(),
            Command.set(other.ids),
        )
        users = self._deciders() | self.contact_manager | self.biller
        for user in users:
            client = self.client.with_user(user)
            for command in commands:
                with (
                    self.subTest(user=user.login, command=command),
                    self.assertRefused(exception=(AccessError, UserError)),
                ):
                    client.write({"client_account_ids": [command]})
                self.assertEqual(self._read_protected(), before)
        self.assertEqual(other.partner_id, self.other_client)

    def test_native_limit_changes_nothing(self):
        self.account._set_limit(50)
        self._set_native_limit(self.client, 9999)
        self.assertEqual(self.client.with_company(self.company).credit_limit, 9999)
        self.assertEqual(self.account.credit_limit, 50.0)
        self.assertEqual(self.account.limit_in_force, 50.0)

    def test_policy_is_the_officer_s(self):
        viewer = self._make_user("ca_viewer_2", f"{VIEWER},base.group_partner_manager")
        officer = self._make_user(
            "ca_officer_2", f"{OFFICER},base.group_partner_manager"
        )
        for user in (viewer, self.viewer, self.contact_manager):
            with self.assertRefused(exception=AccessError):
                self.client.with_user(user).client_credit_application = "all"
            with self.assertRefused(exception=AccessError):
                self.account.with_user(user).credit_application = "all"
            self.env.invalidate_all()
        self.client.with_user(officer).client_credit_application = "all"
        self.assertEqual(self.account.credit_application, "all")

    # === Marks on documents ===

    def _get_marks(self):
        return {
            "client_adjustment": "credit",
            "client_adjustment_reason": "Forged",
            "client_adjustment_key": "forged",
            "client_adjustment_asked": {"amount": 1},
            "client_adjustment_reason_id": self.env["client.adjustment.reason"]
            .create({"name": "Goodwill"})
            .id,
            "client_account_credit": True,
            "client_transaction_id": 1,
            "client_anyway_reason": "Forged",
            "client_anyway_user_id": self.officer.id,
            "client_anyway_date": "2026-01-01 00:00:00",
            "client_write_off": True,
            "client_expiry_date": "2099-01-01",
            "client_expiry_told": True,
            "client_expired_move_id": self.credit.id,
            "client_former": [[self.client.id, 1000000.0, -1000000.0, -1000000.0]],
        }

    def _prepare_invoice(self):
        return {
            "move_type": "out_invoice",
            "partner_id": self.client.id,
            "invoice_line_ids": [
                Command.create({"name": "Lesson", "price_unit": 10, "tax_ids": []})
            ],
        }

    def test_marks_are_covered(self):
        self.assertEqual(
            set(self._get_marks()),
            self.env["account.move"]._get_fields_written_by("addon"),
        )

    def test_refused_to_mark_a_document(self):
        moves = self.env["account.move"].with_user(self.biller)
        invoice = moves.create(self._prepare_invoice())
        for name, value in self._get_marks().items():
            for users in (invoice, invoice.with_user(self.env.user)):
                with self.subTest(field=name):
                    with self.assertRefused("set by the client's account only"):
                        moves.create({**self._prepare_invoice(), name: value})
                    with self.assertRefused("set by the client's account only"):
                        users.write({name: value})
                    with self.assertRefused("set by the client's account only"):
                        users.web_save({name: value}, {})
                    with self.assertRefused("set by the client's account only"):
                        users.copy({name: value})
            self.assertFalse(invoice[name])
            result = moves.load([".id", name], [[str(invoice.id), str(value)]])
            self.assertFalse(result["ids"])
        invoice.write({"ref": "Fine"})
        self.assertEqual(invoice.ref, "Fine")

    def test_context_defaults_mark_no_document(self):
        defaults = {
            f"default_{name}": value for name, value in self._get_marks().items()
        }
        for user in (self.biller, self.env.user):
            moves = self.env["account.move"].with_user(user).with_context(**defaults)
            invoice = moves.create(self._prepare_invoice())
            for name in self._get_marks():
                self.assertFalse(invoice[name], name)

    def test_personal_defaults_mark_no_document(self):
        """`ir.default` is public and anybody's."""
        defaults = self.env["ir.default"].with_user(self.biller)
        for name, value in self._get_marks().items():
            defaults.set("account.move", name, value, user_id=True)
        moves = self.env["account.move"].with_user(self.biller)
        invoice = moves.create(self._prepare_invoice())
        for name in self._get_marks():
            self.assertFalse(invoice[name], name)

    def test_context_defaults_mark_nothing_booked_for_an_officer(self):
        """Documents made under sudo take no mark from the caller's context either."""
        defaults = {
            "default_client_adjustment": "credit",
            "default_client_adjustment_reason": "Forged",
        }
        wizard = (
            self.env["client.account.payment"]
            .with_user(self.officer)
            .with_context(**defaults)
            .create({"account_id": self.account.id, "amount": 12})
        )
        wizard.action_confirm()
        payment = self.env["account.payment"].search(
            [("partner_id", "=", self.client.id), ("amount", "=", 12)]
        )
        self.assertTrue(payment.move_id.client_account_credit)
        self.assertFalse(payment.move_id.client_adjustment)
        self.assertFalse(payment.move_id.client_adjustment_reason)

    def test_refused_to_mark_a_bank_line(self):
        """A bank line writes its entry's fields as its own."""
        lines = self.env["account.bank.statement.line"]
        values = {
            "journal_id": self.company_data["default_journal_bank"].id,
            "payment_ref": "Bank",
            "amount": 10,
        }
        for name, value in self._get_marks().items():
            with self.subTest(field=name):
                with self.assertRefused("set by the client's account only"):
                    lines.create({**values, name: value})
        line = lines.create(values)
        with self.assertRefused("set by the client's account only"):
            line.write({"client_account_credit": True})
        self.assertFalse(line.move_id.client_account_credit)

    def test_copied_adjustment_carries_no_mark(self):
        copied = self.credit.copy()
        self.assertTrue(self.credit.client_account_credit)
        for name in self._get_marks():
            self.assertFalse(copied[name], name)

    # === Public methods ===

    def _find_public_methods(self):
        """Return the public methods this addon introduces, as (model, name)."""
        prefix = "odoo.addons.client_account."
        found = set()
        for model_name, model_class in self.env.registry.items():
            if model_class._abstract:
                # No records: the models that inherit from it are looked at.
                continue
            own = [
                cls
                for cls in model_class.__mro__
                if cls.__module__.startswith((f"{prefix}models", f"{prefix}wizards"))
            ]
            others = [cls for cls in model_class.__mro__[1:] if cls not in own]
            for name in {name for cls in own for name in vars(cls)}:
                value = getattr(model_class, name, None)
                if (
                    not name.startswith("_")
                    and name not in model_class._fields
                    and callable(value)
                    and not getattr(value, "_api_private", False)
                    and not any(name in vars(cls) for cls in others)
                ):
                    found.add((model_name, name))
        return found

    def test_public_methods_are_an_allow_list(self):
        self.assertEqual(self._find_public_methods(), PUBLIC_METHODS)

    def _call(self, records, name, *args, user=None):
        """Return ((model, name), answer) of a call that starts with nothing in cache.

        What is in memory is not checked again, so a call would pass that is refused to
        a caller from outside.
        """
        records = records.with_user(user or self.officer)
        # As the user, like at the end of a request: what is still to be computed, such
        # as a wizard's lines, belongs to whoever computes it.
        records.env.flush_all()
        self.env.invalidate_all()
        return (records._name, name), getattr(records, name)(*args)

    def _call_public_methods(self):
        """Yield ((model, name), answer) of each public method, called by an officer."""
        for name in ("issue_credit", "charge"):
            yield self._call(self.account, name, 5, "Call")
        for name in (
            "action_issue_credit",
            "action_charge",
            "action_receive_payment",
            "action_pay_back",
            "action_view_credits",
            "action_view_items",
            "action_view_open_items",
            "action_view_partner",
            "action_allocate_credit",
            "action_open_application",
            "action_open_statement",
        ):
            yield self._call(self.account, name)
        for name in (
            "action_client_issue_credit",
            "action_client_charge",
            "action_client_receive_payment",
            "action_client_pay_back",
            "action_open_client_account",
            "action_client_view_credits",
            "action_client_view_items",
        ):
            yield self._call(self.client, name)
        for name in (
            "action_client_adjustment_modify",
            "action_open_client_deletion",
            "action_client_adjustment_delete",
            "action_client_adjustment_release_delete",
        ):
            yield self._call(self._issue_credit(1), name)
        for name in (
            "action_assign_client_credit",
            "action_modify_client_adjustment",
            "action_open_client_deletion",
            "action_delete_client_adjustment",
            "action_release_delete_client_adjustment",
        ):
            yield self._call(self._get_receivable(self._issue_credit(1)), name)
        # What starts from a document is for those who may read it.
        for records, name in (
            (self.credit_line, "action_open_client_document"),
            (self.credit_line, "action_open_client_credit"),
            (self.invoice, "action_view_client_account"),
            (self.invoice, "action_allocate_client_credit"),
            (self.account, "action_new_invoice"),
            (self.client, "action_client_new_invoice"),
        ):
            yield self._call(records, name, user=self.biller)
        for name in ("action_receive_client_payment", "action_allocate_client_credit"):
            yield self._call(self.debit_line, name)
        item = self._get_receivable(self._issue_credit(1))
        partial = item._allocate(self.debit_line, 1)
        yield self._call(partial, "action_move_client_allocation")
        yield self._call(partial, "action_remove_client_allocation")
        wizard = self.env["client.credit.application"].with_user(self.officer)
        wizard = wizard.create({"account_id": self.account.id})
        for name in ("action_apply", "action_undo"):
            yield self._call(wizard, name)
        yield from self._call_wizards()
        for name in ("apply_credits", "action_apply_credits"):
            yield self._call(self.account, name)
        yield from self._call_decisions()

    def _call_decisions(self):
        self.account._set_limit(50)
        for name in ("action_suspend", "action_resume"):
            yield self._call(self.account, name, "Call")
        yield self._call(self.account, "action_open_suspension")
        yield self._call(self.account, "action_request_update")
        yield self._call(self.client, "action_client_request_update")
        wizard = self.env["client.account.suspension"].with_user(self.officer)
        yield self._call(
            wizard.create({"account_ids": self.account.ids, "reason": "Call"}),
            "action_confirm",
        )
        for name in ("action_approve", "action_withdraw", "action_view_account"):
            yield self._call_request(name)
        approver = self.approver
        self.company.client_account_leader_id = self._make_user("ca_lead", APPROVER)
        for name in ("action_open_delegate", "action_open_reject"):
            yield self._call_request(name)
        yield self._call_request("action_delegate", approver.id)
        credit = self._submit_credit_request()
        yield self._call(credit, "action_view_credit", user=approver)
        for model, name, vals in (
            ("delegate", "action_delegate", {"user_id": approver.id}),
            ("reject", "action_reject", {"reason": "Call"}),
        ):
            request = self._submit_request()
            yield self._call(
                self.env[f"client.account.request.{model}"]
                .with_user(approver)
                .create({"request_id": request.id, **vals}),
                name,
                user=approver,
            )
            if request.state == "submitted":
                request.action_withdraw()
        request = self.request.copy()
        yield self._call(request, "action_submit", user=self.env.user)
        yield from self._call_post_anyway()

    def _call_post_anyway(self):
        user = self._make_user("ca_poster", f"{APPROVER},account.group_account_invoice")
        invoice = self._make_invoice(1, post=False)
        yield self._call(invoice, "action_client_post_anyway", "Call", user=user)
        wizard = self.env["client.account.post.anyway"].with_user(user)
        invoice = self._make_invoice(1, post=False)
        yield self._call(
            wizard.create({"move_ids": invoice.ids, "reason": "Call"}),
            "action_post_anyway",
            user=user,
        )

    def _submit_request(self):
        """Return a submitted request of the tests' own user."""
        request = self.request.copy()
        request.action_submit()
        return request

    def _submit_credit_request(self):
        """Return the approved request for a credit."""
        request = self.env["client.account.request"].create(
            {
                "partner_id": self.client.id,
                "requested_credit": 5,
                "credit_reason": "Call",
                "reason": "Call",
            }
        )
        request.action_submit()
        request.with_user(self.approver).action_approve()
        return request

    def _call_request(self, name, *args):
        """Call a method of a submitted request, which is withdrawn then."""
        request = self._submit_request()
        user = self.env.user if name == "action_withdraw" else self.approver
        answer = self._call(request, name, *args, user=user)
        if request.state == "submitted":
            request.action_withdraw()
        if request.state == "approved":
            request.account_id._set_limit(0, "not_granted")
        return answer

    def _call_wizards(self):
        env = self.env(user=self.officer)
        wizard = env["client.account.adjustment"].create(
            {"account_ids": self.account.ids, "amount": 5, "reason": "Call"}
        )
        for name in ("action_confirm", "action_allocate_now", "action_undo"):
            yield self._call(wizard, name)
        wizard = env["client.account.deletion"].create(
            {"move_id": self._issue_credit(1).id}
        )
        yield self._call(wizard, "action_delete")
        wizard = env["client.account.statement"].create(
            {"account_ids": self.account.ids}
        )
        for name in ("action_print", "action_send"):
            yield self._call(wizard, name)
        wizard = env["client.account.payment"].create(
            {"account_id": self.account.id, "amount": 5}
        )
        for name in (
            "action_show_more",
            "action_fill_overdue",
            "action_fill_all",
            "action_oldest_first",
            "action_clear",
            "action_confirm",
        ):
            yield self._call(wizard, name)
        biller_wizard = wizard.with_user(self.biller).create(
            {"account_id": self.account.id, "amount": 5}
        )
        biller_wizard.action_confirm()
        yield self._call(biller_wizard, "action_send_receipt", user=self.biller)
        yield self._call(wizard, "action_undo")
        yield from self._call_transfers()
        wizard = env["client.credit.allocation"].create(
            {"credit_line_id": self.credit_line.id}
        )
        for name in (
            "action_show_more",
            "action_clear",
            "action_oldest_first",
            "action_allocate",
            "action_undo",
        ):
            yield self._call(wizard, name)

        yield from self._call_write_offs()
        yield from self._call_requests_to_pay()
        yield from self._call_batches()

    def _call_batches(self):
        yield self._call(self.account, "action_create_batch")
        yield self._call(self.account, "action_bulk_allocate")
        yield self._call(self.client, "action_create_client_batch")
        batch = self.env["client.credit.batch"].create(
            {
                "reason": "Call",
                "line_ids": [
                    Command.create({"partner_id": self.client.id, "amount": 1})
                ],
            }
        )
        for name in (
            "action_import_lines",
            "action_check",
            "action_cancel",
            "action_draft",
            "action_run",
            "action_allocate",
            "action_open_reversal",
            "action_view_lines",
            "action_view_moves",
        ):
            yield self._call(batch, name)
        wizard = self.env["client.credit.batch.reverse"].with_user(self.officer)
        yield self._call(
            wizard.create({"batch_id": batch.id, "reason": "Call"}), "action_reverse"
        )
        yield self._call(batch, "action_reverse", "Call")
        self._issue_credit(1)
        allocation = self.env["client.credit.allocation.batch"].create({})
        for name in (
            "action_plan",
            "action_check",
            "action_cancel",
            "action_draft",
            "action_view_lines",
            "action_run",
        ):
            yield self._call(allocation, name)

    def _call_write_offs(self):
        self.company.write(
            {
                "client_write_off_limit": 0.05,
                "client_write_off_account_id": self.company.client_credit_account_id.id,
                "client_write_off_gain_account_id": (
                    self.company.client_charge_account_id.id
                ),
            }
        )
        item = self._get_receivable(self._make_invoice(0.02))
        yield self._call(item, "action_write_off_client_rest")
        yield self._call(self.account, "action_write_off")
        wizard = self.env["client.account.write.off"].with_user(self.officer)
        wizard = wizard.create({"account_ids": self.account.ids})
        for name in ("action_confirm", "action_undo"):
            yield self._call(wizard, name)

    def _call_transfers(self):
        receiver = self._get_account(self.other_client)
        yield self._call(self.account, "transfer_credit", receiver.id, 1, "Call")
        yield self._call(self.account, "action_transfer_credit")
        wizard = (
            self.env["client.account.transfer"]
            .with_user(self.officer)
            .create(
                {
                    "account_id": self.account.id,
                    "partner_id": self.other_client.id,
                    "amount": 1,
                    "reason": "Call",
                }
            )
        )
        for name in ("action_confirm", "action_undo"):
            yield self._call(wizard, name)
        yield from self._call_offsets()

    def _call_offsets(self):
        self.company.client_payable_offset = True
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": self.client.id,
                "invoice_date": self.today,
                "invoice_line_ids": [
                    Command.create({"name": "Hall", "price_unit": 9, "tax_ids": []})
                ],
            }
        )
        bill.action_post()
        yield self._call(self.account, "set_off_bills", 1, user=self.biller)
        yield self._call(self.account, "action_open_offset", user=self.biller)
        wizard = (
            self.env["client.account.offset"]
            .with_user(self.biller)
            .create({"account_id": self.account.id, "amount": 1})
        )
        for name in ("action_confirm", "action_undo"):
            yield self._call(wizard, name, user=self.biller)

    def _call_requests_to_pay(self):
        self.client.email = "ada@example.com"
        yield self._call(self.account, "action_ask_payment")
        env = self.env(user=self.officer)
        wizard = env["client.credit.request.send"].create(
            {"account_ids": self.account.ids, "amount": 5, "text": "Call"}
        )
        for name in ("action_send", "action_undo"):
            yield self._call(wizard, name)
        asked = env["client.credit.request"].create(
            {"account_id": self.account.id, "amount": 5, "text": "Call"}
        )
        for name in ("action_send", "action_cancel"):
            yield self._call(asked, name)

    def test_public_methods_answer_an_officer_with_something(self):
        """None would make XML-RPC answer an error after the work was committed."""
        called = set()
        for method, answer in self._call_public_methods():
            self.assertIsNotNone(answer, method)
            called.add(method)
        self.assertEqual(called, PUBLIC_METHODS)

    # === What an officer without any right of accounting does ===

    def test_officer_issues_a_credit(self):
        self.assertFalse(self.officer.has_group("account.group_account_readonly"))
        account = self.account.with_user(self.officer)
        move = self.env["account.move"].browse(account.issue_credit(12.5, "Sorry"))
        self.assertRecordValues(
            move, [{"state": "posted", "client_adjustment": "credit"}]
        )
        self.assertEqual(account.balance, -57.5)

    def test_officer_charges_an_amount(self):
        account = self.account.with_user(self.officer)
        move = self.env["account.move"].browse(account.charge(12.5, "Book"))
        self.assertRecordValues(
            move, [{"state": "posted", "client_adjustment": "charge"}]
        )
        self.assertEqual(account.balance, -82.5)

    def test_officer_applies_credits(self):
        account = self.account.with_user(self.officer)
        self.assertEqual(account.apply_credits(), 30.0)
        self.assertEqual(self.invoice.amount_residual, 70.0)

    def test_officer_uses_the_adjustment_wizard(self):
        wizards = self.env["client.account.adjustment"].with_user(self.officer)
        for kind, amount in (("credit", 3), ("charge", 4)):
            wizards.create(
                {
                    "account_ids": self.account.ids,
                    "kind": kind,
                    "amount": amount,
                    "reason": "Wizard",
                }
            ).action_confirm()
            self.assertEqual(self._get_posted(kind, amount).partner_id, self.client)
        self.assertEqual(self.account.balance, -71.0)

    def test_officer_receives_money_and_pays_it_back(self):
        wizards = self.env["client.account.payment"].with_user(self.officer)
        wizard = wizards.create({"account_id": self.account.id, "amount": 45})
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.amount, 45.0)
        wizard.action_confirm()
        self.assertEqual(self.invoice.amount_residual, 55.0)
        self.assertEqual(self.account.balance, -25.0)
        wizard = wizards.create(
            {
                "account_id": self.account.id,
                "amount": 30,
                "payment_type": "outbound",
            }
        )
        wizard.action_confirm()
        self.assertEqual(self.account.credit_available, 0.0)
        self.assertEqual(self.account.balance, -55.0)

    def test_officer_allocates_a_credit_from_either_side(self):
        wizards = self.env["client.credit.allocation"].with_user(self.officer)
        wizard = wizards.create({"credit_line_id": self.credit_line.id})
        wizard.line_ids.amount = 10
        wizard.action_allocate()
        self.assertEqual(self.invoice.amount_residual, 90.0)
        wizard = wizards.create({"debit_line_id": self.debit_line.id})
        wizard.action_oldest_first()
        self.assertEqual(wizard.line_ids.amount, 20.0)
        wizard.action_allocate()
        self.assertEqual(self.invoice.amount_residual, 70.0)

    def test_officer_takes_an_allocation_off(self):
        partial = self.credit_line._allocate(self.debit_line, 10)
        partial.with_user(self.officer).action_remove_client_allocation()
        self.assertEqual(self.invoice.amount_residual, 100.0)

    def test_officer_modifies_an_adjustment(self):
        credit = self.credit.with_user(self.officer)
        action = credit.action_client_adjustment_modify()
        wizard = (
            self.env["client.account.adjustment"]
            .with_user(self.officer)
            .with_context(**action["context"])
            .create({"amount": 42, "reason": "More"})
        )
        wizard.action_confirm()
        self.assertEqual(self.credit.amount_total, 42.0)
        self.assertEqual(self.credit.client_adjustment_reason, "More")
        self.assertEqual(self.account.balance, -58.0)

    def test_officer_deletes_an_adjustment(self):
        self.credit.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(self.credit.state, "cancel")
        self.assertEqual(self.account.balance, -100.0)

    def test_officer_releases_and_deletes_an_adjustment(self):
        self.credit_line._allocate(self.debit_line, 10)
        credit = self.credit.with_user(self.officer)
        with self.assertRefused("allocated"):
            credit.action_client_adjustment_delete()
        credit.action_client_adjustment_release_delete()
        self.assertEqual(self.account.balance, -100.0)

    def test_refused_when_a_viewer_acts(self):
        partial = self.credit_line._allocate(self.debit_line, 10)
        for user in (self.viewer, self.plain):
            account = self.account.with_user(user)
            credit = self.credit.with_user(user)
            item = self.credit_line.with_user(user)
            client = self.client.with_user(user)
            for call in (
                lambda account=account: account.issue_credit(1, "No"),
                lambda account=account: account.charge(1, "No"),
                lambda account=account: account.apply_credits(),
                lambda account=account: account.action_apply_credits(),
                lambda account=account: account.action_issue_credit(),
                lambda account=account: account.action_charge(),
                lambda account=account: account.action_receive_payment(),
                lambda account=account: account.action_pay_back(),
                lambda account=account: account.action_write_off(),
                lambda item=item: item.action_write_off_client_rest(),
                lambda client=client: client.action_client_issue_credit(),
                lambda client=client: client.action_client_charge(),
                lambda client=client: client.action_client_receive_payment(),
                lambda client=client: client.action_client_pay_back(),
                lambda credit=credit: credit.action_client_adjustment_modify(),
                lambda credit=credit: credit.action_client_adjustment_delete(),
                lambda credit=credit: credit.action_client_adjustment_release_delete(),
                lambda item=item: item.action_modify_client_adjustment(),
                lambda item=item: item.action_delete_client_adjustment(),
                lambda item=item: item.action_release_delete_client_adjustment(),
                lambda item=item: item.action_assign_client_credit(),
                lambda user=user: self.invoice.with_user(
                    user
                ).action_allocate_client_credit(),
                lambda user=user: partial.with_user(
                    user
                ).action_remove_client_allocation(),
            ):
                with (
                    self.subTest(user=user.login),
                    self.assertRefused(exception=AccessError),
                ):
                    call()
        self.assertEqual(self.credit.state, "posted")

    def test_refused_when_a_document_is_no_adjustment(self):
        for move in (self.invoice, self._make_payment(5).move_id):
            for user in (self.officer, self.env.user):
                entry = move.with_user(user)
                for name in (
                    "action_client_adjustment_modify",
                    "action_client_adjustment_delete",
                    "action_client_adjustment_release_delete",
                ):
                    with self.assertRefused("no posted adjustment"):
                        getattr(entry, name)()
        self.credit.with_user(self.officer).action_client_adjustment_delete()
        self.assertEqual(self.credit.state, "cancel")
