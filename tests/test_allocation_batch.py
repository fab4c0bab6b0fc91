from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientAccountCommon

OFFICER = "client_account.group_client_account_officer"
VIEWER = "client_account.group_client_account_viewer"
JOB = "client_account.ir_cron_allocation_batches"


@tagged("post_install", "-at_install")
class TestAllocationBatch(ClientAccountCommon):
    """The credits of many clients are allocated, after a preview."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.officer = cls._make_user("ab_officer", OFFICER)
        cls.early = cls._make_invoice(100, date_due=cls.today - timedelta(days=9))
        cls.late = cls._make_invoice(60, date_due=cls.today - timedelta(days=2))
        cls.credit = cls._issue_credit(60)
        cls.small = cls._issue_credit(30)
        cls.other = cls._make_invoice(40, cls.other_client)
        cls.other_credit = cls._issue_credit(55, cls.other_client)
        cls.both = cls.account | cls._get_account(cls.other_client)

    def _make_batch(self, rule="exact", accounts=None, user=None):
        return (
            self.env["client.credit.allocation.batch"]
            .with_user(user or self.officer)
            .create(
                {
                    "rule": rule,
                    "account_ids": [Command.set((accounts or self.both).ids)],
                }
            )
        )

    def _get_plan(self, batch):
        return [
            (line.credit_name, line.debit_line_id.sudo().move_id, line.amount)
            for line in batch.line_ids
        ]

    def _run_job(self):
        with self.enter_registry_test_mode():
            self.env.ref(JOB).method_direct_trigger()
        self.env.invalidate_all()

    def test_exact_matches_come_first(self):
        batch = self._make_batch()
        books = self._get_books()
        self.assertIs(batch.action_plan(), True)
        self.assertEqual(self._get_books(), books)
        self.assertEqual(
            self._get_plan(batch),
            [
                (self.credit.name, self.late, 60.0),
                (self.small.name, self.early, 30.0),
                (self.other_credit.name, self.other, 40.0),
            ],
        )
        self.assertIs(batch.action_run(), True)
        self.assertEqual(batch.state, "done")
        self.assertEqual(
            [move.amount_residual for move in (self.early, self.late, self.other)],
            [70.0, 0.0, 0.0],
        )
        self.assertEqual(batch.line_ids.mapped("amount_done"), [60.0, 30.0, 40.0])

    def test_earliest_due_only(self):
        batch = self._make_batch("earliest")
        batch.action_run()
        self.assertEqual(self.early.amount_residual, 10.0)
        self.assertEqual(self.late.amount_residual, 60.0)

    def test_only_where_it_covers_the_invoice(self):
        batch = self._make_batch("full")
        batch.action_run()
        self.assertEqual(self.early.amount_residual, 100.0)
        self.assertEqual(self.late.amount_residual, 0.0)
        self.assertEqual(self.other.amount_residual, 0.0)

    def test_an_invoice_of_instalments_matches_as_a_whole(self):
        client = self.env["res.partner"].create({"name": "Instalments"})
        term = self.env["account.payment.term"].create(
            {
                "name": "30/70",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 30, "nb_days": 0}
                    ),
                    Command.create(
                        {"value": "percent", "value_amount": 70, "nb_days": 30}
                    ),
                ],
            }
        )
        early = self._make_invoice(50, client, date_due=self.today - timedelta(days=9))
        invoice = self._make_invoice(
            200, client, invoice_payment_term_id=term.id, invoice_date_due=False
        )
        self._issue_credit(200, client)
        self._make_batch(accounts=self._get_account(client)).action_run()
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertEqual(early.amount_residual, 50.0)

    def test_changed_before_it_is_applied(self):
        batch = self._make_batch()
        batch.action_plan()
        batch.line_ids[0].amount = 25
        batch.line_ids[1].unlink()
        batch.action_run()
        self.assertEqual(self.late.amount_residual, 35.0)
        self.assertEqual(self.early.amount_residual, 100.0)

    def test_what_changed_meanwhile_is_computed_again(self):
        batch = self._make_batch()
        batch.action_plan()
        credit = self._get_receivable(self.credit)
        credit._allocate(self._get_receivable(self.early), 45)
        self.account.apply_credits()
        self._make_payment(39, self.other_client)
        payment = self.env["account.move.line"].search(
            [
                ("partner_id", "=", self.other_client.id),
                ("amount_residual", "=", -39),
            ]
        )
        payment._allocate(self._get_receivable(self.other), 39)
        batch.action_run()
        first, second, third = batch.line_ids
        self.assertRegex(first.problem, "no open credit|Nothing is left")
        self.assertTrue(second.problem)
        self.assertEqual((third.is_done, third.amount_done), (True, 1.0))
        self.assertEqual(self.other.amount_residual, 0.0)
        self.assertEqual(self._get_ledger_balance(), -70.0)

    def test_lines_share_what_is_left(self):
        """Two lines of one credit never take more than it has."""
        batch = self._make_batch("earliest")
        batch.action_plan()
        first = batch.line_ids.filtered(lambda line: line.account_id == self.account)[0]
        first.copy({"batch_id": batch.id, "amount": 60})
        batch.action_run()
        self.assertEqual(self.early.amount_residual, 10.0)
        self.assertEqual(
            sum(batch.line_ids.filtered("is_done").mapped("amount_done")), 130.0
        )

    def test_applied_twice(self):
        batch = self._make_batch()
        batch.action_run()
        books = self._get_books()
        self.assertIs(batch.action_run(), True)
        self.assertEqual(self._get_books(), books)

    def test_nothing_fits(self):
        client = self.env["res.partner"].create({"name": "Nobody"})
        with self.assertRefused("no open credit that fits"):
            self._make_batch(accounts=self._get_account(client)).action_run()

    def test_all_clients_of_the_company(self):
        batch = (
            self.env["client.credit.allocation.batch"]
            .with_user(self.officer)
            .create({"company_id": self.company.id})
        )
        batch.action_plan()
        self.assertEqual(len(batch.line_ids), 3)

    def test_another_rule_needs_another_preview(self):
        batch = self._make_batch()
        batch.action_plan()
        batch.rule = "full"
        self.assertFalse(batch.line_ids)

    def test_what_is_excluded_gets_no_credit(self):
        product = self.env["product.product"].create(
            {"name": "First month", "client_not_payable_with_credit": True}
        )
        self.late.button_draft()
        self.late.invoice_line_ids.product_id = product
        self.late.action_post()
        batch = self._make_batch()
        batch.action_plan()
        self.assertNotIn(self.late, batch.sudo().line_ids.debit_line_id.move_id)

    def test_excluded_after_the_preview(self):
        batch = self._make_batch()
        batch.action_plan()
        self.late.payment_state = "blocked"
        batch.action_run()
        self.assertTrue(batch.line_ids[0].problem)
        self.assertEqual(self.late.amount_residual, 60.0)

    def test_in_a_foreign_currency(self):
        eur = self.setup_other_currency("EUR", rates=[(self.today, 0.5)])
        client = self.env["res.partner"].create({"name": "Euro"})
        invoice = self._make_invoice(50, client, currency_id=eur.id)
        self._issue_credit(60, client)
        batch = self._make_batch(accounts=self._get_account(client))
        batch.action_run()
        self.assertEqual(batch.line_ids.currency_id, eur)
        self.assertEqual(batch.line_ids.amount_done, 30.0)
        self.assertEqual(invoice.amount_residual, 20.0)

    def test_another_clients_items_are_refused(self):
        batch = self._make_batch()
        batch.action_plan()
        line = batch.line_ids[0]
        line.copy(
            {
                "batch_id": batch.id,
                "debit_line_id": self._get_receivable(self.other).id,
                "amount": 5,
            }
        )
        batch.action_run()
        bad = batch.line_ids - batch.line_ids.filtered("is_done")
        self.assertRegex(bad.problem, "of Ada Piano School only")
        self.assertFalse(bad.debit_name)

    def test_officers_alone_allocate(self):
        batch = self._make_batch()
        batch.action_plan()
        viewer = self._make_user("ab_viewer", VIEWER)
        plain = self._make_user("ab_plain", "base.group_user")
        for user in (viewer, plain):
            for method in ("action_plan", "action_run", "action_cancel"):
                with self.assertRefused(".", exception=AccessError):
                    getattr(batch.with_user(user), method)()

    def test_from_the_list_of_accounts(self):
        action = self.both.with_user(self.officer).action_bulk_allocate()
        batch = self.env["client.credit.allocation.batch"].browse(action["res_id"])
        self.assertEqual(len(batch.line_ids), 3)

    def test_many_lines_by_the_job(self):
        self.company.client_batch_at_once = 1
        batch = self._make_batch()
        batch.action_run()
        self.assertEqual(batch.state, "running")
        self.assertEqual(self.late.amount_residual, 60.0)
        with patch("odoo.addons.client_account.models.client_batch_mixin.PORTION", 1):
            self._run_job()
        self.assertEqual(batch.state, "done")
        self.assertEqual(self.late.amount_residual, 0.0)
        self.assertEqual(self.early.amount_residual, 70.0)
