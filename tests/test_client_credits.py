from ast import literal_eval
from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tests import Form, tagged

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestClientCredits(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.credit_application = "manual"
        cls.lines = cls.env["account.move.line"]

    def _search_credits(self, domain=(), order=None):
        """Search as the list of Client Credits does, in this company."""
        action = self.env.ref("client_account.client_credit_action")
        return self.lines.search(
            Domain(literal_eval(action.domain))
            & Domain("company_id", "=", self.company.id)
            & Domain(domain),
            order=order,
        )

    def _make_refund(self, amount):
        """Make a native credit note of the client."""
        return self._make_invoice(amount, move_type="out_refund", ref="Book returned")

    def test_list_holds_credits_of_every_source_and_no_debts(self):
        self._make_invoice(500)
        self.account.charge(40, "Window")
        self._make_invoice(30, move_type="out_refund", post=False)
        moves = (
            self._issue_credit(10)
            | self._make_payment(20).move_id
            | self._make_refund(30)
        )
        self.assertEqual(self._search_credits().move_id, moves)

    def test_source_and_reason_say_where_a_credit_comes_from(self):
        other = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "ref": "Opening balance",
                "line_ids": [
                    (0, 0, {**values, "partner_id": self.client.id})
                    for values in (
                        {
                            "account_id": self.company_data[
                                "default_account_receivable"
                            ].id,
                            "credit": 40,
                        },
                        {
                            "account_id": self.company_data[
                                "default_account_revenue"
                            ].id,
                            "debit": 40,
                        },
                    )
                ],
            }
        )
        other.action_post()
        expected = {
            self._issue_credit(10, reason="Teacher ill\nTwice"): (
                "adjustment",
                "Teacher ill",
            ),
            self._make_payment(20, memo="Bank transfer").move_id: (
                "payment",
                "Bank transfer",
            ),
            self._make_refund(30): ("refund", "Book returned"),
            other: ("other", "Opening balance"),
        }
        for move, (source, reason) in expected.items():
            self.assertRecordValues(
                self._get_receivable(move),
                [{"client_credit_source": source, "client_credit_reason": reason}],
            )

    def test_amount_left_and_assigned_follow_allocations(self):
        item = self._get_receivable(self._issue_credit(250))
        self.assertRecordValues(
            item,
            [
                {
                    "client_credit_amount": 250,
                    "client_credit_left": 250,
                    "client_credit_assigned": "",
                }
            ],
        )
        invoices = self._make_invoice(180) | self._make_invoice(150)
        for invoice, amount in zip(invoices, (100, 150), strict=True):
            item._allocate(self._get_receivable(invoice), amount)
        self.assertRecordValues(
            item, [{"client_credit_amount": 250, "client_credit_left": 0}]
        )
        self.assertEqual(
            set(item.client_credit_assigned.split(", ")), set(invoices.mapped("name"))
        )
        self.assertNotIn(item, self._search_credits([("reconciled", "=", False)]))
        self.assertIn(item, self._search_credits([("reconciled", "=", True)]))

    def test_foreign_credit_is_shown_in_company_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        payment = self._make_payment(100, currency_id=euro.id)
        self.assertRecordValues(
            self._get_receivable(payment.move_id),
            [
                {
                    "client_credit_amount": 200,
                    "client_credit_left": 200,
                    "amount_residual_currency": -100,
                }
            ],
        )

    def test_sums_are_those_of_the_rows(self):
        first, second = self._issue_credit(250), self._issue_credit(50)
        self._issue_credit(7, partner=self.other_client)
        invoice = self._make_invoice(100)
        self._get_receivable(first)._allocate(self._get_receivable(invoice), 99.99)
        credits = self._search_credits()
        self.assertEqual(len(credits), 3)
        groups = self.lines._read_group(
            [("id", "in", credits.ids)],
            ["partner_id"],
            ["client_credit_amount:sum", "client_credit_left:sum"],
            order="client_credit_left:sum desc",
        )
        self.assertEqual(
            groups, [(self.client, 300, 200.01), (self.other_client, 7, 7)]
        )
        self.assertEqual(second.state, "posted")
        (total,) = self.lines.formatted_read_group(
            [("id", "in", credits.ids)], [], ["client_credit_left:sum"]
        )
        self.assertEqual(total["client_credit_left:sum"], 207.01)

    def test_list_is_sorted_by_amount_and_by_what_is_left(self):
        small, large, middle = (self._issue_credit(amount) for amount in (10, 90, 50))
        invoice = self._make_invoice(85)
        self._get_receivable(large)._allocate(self._get_receivable(invoice), 85)
        for order, expected in (
            ("client_credit_amount", small + middle + large),
            ("client_credit_amount desc", large + middle + small),
            ("client_credit_left", large + small + middle),
            ("client_credit_left desc", middle + small + large),
        ):
            with self.subTest(order=order):
                # Records compare equal in any order, lists do not.
                self.assertEqual(
                    self._search_credits(order=order).move_id.ids, expected.ids
                )

    def test_form_takes_an_assignment_off(self):
        """Case 3: what is taken off goes back to the credit and can go elsewhere."""
        newer, older = (
            self._make_invoice(120),
            self._make_invoice(200, date_due=self.today - timedelta(days=30)),
        )
        item = self._get_receivable(self._issue_credit(120))
        item._allocate(self._get_receivable(newer), 120)
        with Form(
            item, view="client_account.account_move_line_view_form_client_credit"
        ) as form:
            self.assertEqual(form.client_credit_left, 0)
            self.assertEqual(len(form.client_allocation_ids), 1)
        self.assertTrue(item.matched_debit_ids.action_remove_client_allocation())
        self.assertEqual(newer.payment_state, "not_paid")
        self.assertRecordValues(
            item, [{"client_credit_left": 120, "client_credit_assigned": ""}]
        )
        item._allocate(self._get_receivable(older), 120)
        self.assertEqual(older.amount_residual, 80)
        self.assertEqual(item.client_credit_assigned, older.name)

    def test_assign_opens_the_wizard_for_this_credit(self):
        invoice = self._make_invoice(100)
        item = self._get_receivable(self._issue_credit(60))
        action = item.action_assign_client_credit()
        wizard = (
            self.env[action["res_model"]].with_context(**action["context"]).create({})
        )
        self.assertRecordValues(
            wizard, [{"credit_line_id": item.id, "amount_remaining": 60}]
        )
        wizard.line_ids.amount = 45
        wizard.action_allocate()
        self.assertEqual(invoice.amount_residual, 55)
        self.assertEqual(item.client_credit_left, 15)

    def test_refused_to_assign_a_used_credit_or_a_debt(self):
        invoice = self._make_invoice(100)
        used = self._get_receivable(self._issue_credit(60))
        used._allocate(self._get_receivable(invoice), 60)
        for item in (used, self._get_receivable(invoice)):
            with self.assertRefused(
                item.move_id.name, "Ada Piano School", "no credit left", "Choose"
            ):
                item.action_assign_client_credit()
        used.matched_debit_ids.action_remove_client_allocation()
        self.assertTrue(used.action_assign_client_credit())

    def test_buttons_modify_and_delete_the_credit(self):
        item = self._get_receivable(self._issue_credit(60))
        action = item.action_modify_client_adjustment()
        self.assertEqual(action["context"]["default_move_id"], item.move_id.id)
        self.assertEqual(item.action_open_client_document()["res_id"], item.move_id.id)
        item.action_delete_client_adjustment()
        self.assertEqual(item.move_id.state, "cancel")
        self.assertNotIn(item, self._search_credits())

    def test_button_releases_and_deletes_the_credit(self):
        invoice = self._make_invoice(100)
        item = self._get_receivable(self._issue_credit(60))
        item._allocate(self._get_receivable(invoice), 60)
        with self.assertRefused(invoice.name):
            item.action_delete_client_adjustment()
        item.action_release_delete_client_adjustment()
        self.assertEqual(item.move_id.state, "cancel")
        self.assertEqual(invoice.amount_residual, 100)

    def test_refused_to_modify_or_delete_a_native_credit(self):
        item = self._get_receivable(self._make_payment(20).move_id)
        for method in (
            item.action_modify_client_adjustment,
            item.action_delete_client_adjustment,
            item.action_release_delete_client_adjustment,
        ):
            with self.assertRefused("no posted adjustment"):
                method()
        self.assertEqual(item.client_credit_left, 20)

    def test_reader_of_the_books_may_not_assign_or_take_off(self):
        reader = self._make_user("reader", "account.group_account_readonly")
        invoice = self._make_invoice(100)
        item = self._get_receivable(self._issue_credit(60))
        item._allocate(self._get_receivable(invoice), 20)
        self.assertEqual(item.with_user(reader).client_credit_left, 40)
        with self.assertRefused(exception=AccessError):
            item.with_user(reader).action_assign_client_credit()
        with self.assertRefused(exception=AccessError):
            item.with_user(reader).matched_debit_ids.action_remove_client_allocation()
        clerk = self._make_user("clerk", "account.group_account_invoice")
        item.with_user(clerk).matched_debit_ids.action_remove_client_allocation()
        self.assertEqual(item.client_credit_left, 60)
