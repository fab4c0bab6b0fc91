from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..models.client_account_page import PAGE_LENGTH
from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestAccountPage(ClientAccountCommon):
    """The page of an account: the ledger without its settled items, and its lists."""

    def setUp(self):
        super().setUp()
        self.other_account = self._get_account(self.other_client)

    def assertLedger(self, *accounts):
        """Compare the ledger's balance of accounts with the sum of all their items."""
        self.env.invalidate_all()
        for account in accounts or (self.account, self.other_account):
            self.assertEqual(
                account.currency_id.round(account.ledger_balance),
                account.currency_id.round(self._get_ledger_balance(account.partner_id)),
                account.partner_id.name,
            )

    def _match(self, amount=70):
        """Match a credit of the client with an invoice of their own."""
        invoice = self._make_invoice(100)
        credit = self._issue_credit(amount)
        self._get_receivable(credit | invoice).reconcile()
        self.assertLedger()
        self.assertEqual(self.account.ledger_difference, 0.0)
        return invoice, credit

    def _get_marked(self):
        return self.env["account.move.line"].search([("client_crossing", "=", True)])

    # === Ledger ===

    def test_what_one_client_settles_is_not_marked(self):
        self._match()
        self._register_payment(self._make_invoice(20))
        self.assertFalse(self._get_marked())

    def test_item_given_to_another_client(self):
        invoice, credit = self._match()
        self._get_receivable(invoice).partner_id = self.other_client
        self.assertLedger()
        self.assertEqual(self.account.ledger_difference, 70.0)
        self.assertEqual(self._get_marked(), self._get_receivable(invoice | credit))
        self._get_receivable(invoice).partner_id = self.client
        self.assertLedger()
        self.assertEqual(self.account.ledger_difference, 0.0)

    def test_account_that_is_receivable_no_longer_and_again(self):
        other = self.company_data["default_account_receivable"].copy()
        self.client.property_account_receivable_id = other
        self._match()
        other.account_type = "liability_payable"
        self.assertLedger()
        self.assertEqual(self.account.ledger_balance, 0.0)
        other.account_type = "asset_receivable"
        self.assertLedger()

    def test_contact_moved_under_another_client(self):
        branch = self.env["res.partner"].create(
            {"name": "Ada South", "parent_id": self.client.id}
        )
        invoice = self._make_invoice(100, partner=branch)
        credit = self._issue_credit(70)
        self._get_receivable(invoice).partner_id = branch
        self._get_receivable(credit | invoice).reconcile()
        self.assertLedger()
        branch.parent_id = self.other_client
        self.assertLedger()
        self.assertEqual(self.account.ledger_difference, 70.0)

    def test_contact_merged_into_another_client(self):
        branch = self.env["res.partner"].create(
            {"name": "Ada South", "parent_id": self.client.id}
        )
        invoice = self._make_invoice(100)
        self._get_receivable(invoice).partner_id = branch
        self._get_receivable(self._issue_credit(70) | invoice).reconcile()
        self.assertLedger()
        # Or the contact's company becomes its own.
        self.other_client.is_company = True
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((branch | self.other_client).ids, self.other_client, False)
        self.assertLedger()
        self.assertEqual(self.account.ledger_difference, 70.0)

    def test_credit_and_invoice_both_reset_and_one_posted_again(self):
        credit = self._make_invoice(70, move_type="out_refund")
        invoice = self._make_invoice(100)
        self._get_receivable(credit | invoice).reconcile()
        (credit | invoice).button_draft()
        self.assertLedger()
        invoice.action_post()
        self.assertLedger()

    def test_net_marks_what_was_missed_and_says_so(self):
        invoice, credit = self._match()
        self.env.flush_all()
        items = self._get_receivable(invoice | credit)
        self.env.cr.execute(
            "UPDATE account_move_line SET partner_id = %s WHERE id = ANY(%s)",
            [self.other_client.id, self._get_receivable(invoice).ids],
        )
        self.env.invalidate_all()
        with self.assertLogs("odoo.addons.client_account", "WARNING") as logs:
            self.env["client.account"]._cron_open_missing_accounts()
        self.assertIn("were not marked", logs.output[-1])
        self.assertEqual(self._get_marked(), items)
        self.assertLedger()
        with mute_logger("odoo.addons.client_account"):
            marked = items._mark_crossing_where(SQL("TRUE"))
        self.assertEqual(marked, [])

    def test_second_company_keeps_its_own(self):
        other = self.setup_other_company(name="Second School")["company"]
        invoice, _credit = self._match()
        self._get_receivable(invoice).partner_id = self.other_client
        account = self._get_account(self.client, other)
        self.assertEqual(account.ledger_difference, 0.0)
        self.assertEqual(account.ledger_balance, 0.0)

    def test_difference_in_a_foreign_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        invoice = self._make_invoice(50, partner=self.other_client, currency_id=euro.id)
        credit = self._issue_credit(70)
        self._get_receivable(credit | invoice).reconcile()
        self.assertLedger()
        self.assertEqual(self.account.ledger_difference, 70.0)

    # === Lists ===

    def test_lists_show_the_first_of_many(self):
        move = self.env["account.move"]
        for number in range(PAGE_LENGTH + 2):
            move |= self._make_invoice(
                number + 1, date_due=f"2024-03-{number // 2 + 1:02}"
            )
        items = self._get_receivable(move)
        shown = self.account.debit_line_ids
        self.assertEqual(
            shown,
            items.sorted(lambda line: (line.date_maturity, line.move_name))[
                :PAGE_LENGTH
            ],
        )
        self.assertTrue(self.account.has_more_lines)
        self.assertEqual(len(self.account.history_line_ids), PAGE_LENGTH)
        action = self.account.action_view_open_items()
        self.assertEqual(action["context"], {"search_default_open": 1})
        found = self.env[action["res_model"]].search(
            [*action["domain"], ("reconciled", "=", False)]
        )
        self.assertEqual(found, found & items)
        self.assertEqual(len(found), PAGE_LENGTH + 2)

    def test_lists_show_all_of_few(self):
        self._make_invoice(10)
        self._issue_credit(5)
        self.assertFalse(self.account.has_more_lines)
        self.assertEqual(len(self.account.debit_line_ids), 1)
        self.assertEqual(len(self.account.credit_line_ids), 1)

    def test_page_takes_as_many_queries_for_many_items_as_for_few(self):
        names = ["ledger_balance", "debit_line_ids", "credit_line_ids"]
        names += ["history_line_ids", "balance_graph", "credit_ahead", "available"]

        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.account.read(names)
            return self.env.cr.sql_log_count - before

        self._make_invoice(1)
        self._issue_credit(3, date="2024-01-01")
        count()
        few = count()
        for amount in range(1, 12):
            self._make_invoice(amount, date_due="2024-02-01")
        self._match(5)
        self.assertEqual(count(), few)
