from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientOrderCommon


@tagged("post_install", "-at_install")
class TestCommitted(ClientOrderCommon):
    """What is confirmed and not invoiced yet, state by state."""

    def test_a_quotation_commits_nothing(self):
        self._make_order()
        self.assertEqual(self._get_committed(), 0.0)

    def test_a_confirmed_order_commits_its_total(self):
        self.account._set_limit(200, "granted")
        order = self._confirm_order()
        self.assertEqual(self._get_committed(), 110.0)
        self.assertEqual(order.client_committed, 110.0)
        self.assertEqual(self.account.available, 90.0)
        self.assertEqual(self.account.balance, 0.0)

    def test_a_sent_quotation_commits_nothing_and_a_cancelled_order_neither(self):
        order = self._make_order()
        order.action_quotation_sent()
        self.assertEqual(self._get_committed(), 0.0)
        order.action_confirm()
        self.assertEqual(self._get_committed(), 110.0)
        order._action_cancel()
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self.account.available, 0.0)

    def test_a_locked_order_commits_as_before(self):
        order = self._confirm_order()
        order.action_lock()
        self.assertEqual(self._get_committed(), 110.0)

    def test_a_draft_invoice_releases_nothing_and_a_posted_one_its_part(self):
        order = self._confirm_order(10, price=10)
        invoice = self._invoice(order, post=False)
        self.assertEqual(self._get_committed(), 110.0)
        invoice.invoice_line_ids.filtered("product_id").quantity = 4
        self.assertEqual(self._get_committed(), 110.0)
        invoice.action_post()
        self.assertEqual(self._get_committed(), 66.0)
        self.assertEqual(self.account.available, -110.0)
        self._invoice(order)
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self.account.balance, -110.0)

    def test_a_down_payment_and_the_final_invoice(self):
        order = self._confirm_order()
        down = self._pay_down(order, 55, post=False)
        self.assertEqual(self._get_committed(), 110.0)
        down.action_post()
        self.assertEqual(self._get_committed(), 55.0)
        final = self._invoice(order, post=False)
        self.assertEqual(final.amount_total, 55.0)
        self.assertEqual(self._get_committed(), 55.0)
        final.action_post()
        self.assertEqual(self._get_committed(), 0.0)

    def test_what_is_not_delivered_is_committed_and_what_is_beyond_too(self):
        order = self._confirm_order(10, product=self.book, price=10)
        self.assertEqual(self._get_committed(), 110.0)
        order.order_line.qty_delivered = 4
        self.assertEqual(self._get_committed(), 110.0)
        self._invoice(order)
        self.assertEqual(self._get_committed(), 66.0)
        order.order_line.qty_delivered = 12
        self.assertEqual(self._get_committed(), 88.0)
        self._invoice(order)
        self.assertEqual(self._get_committed(), 0.0)
        order.order_line.qty_delivered = 13
        self.assertEqual(self._get_committed(), 11.0)

    def test_delivered_beyond_the_order_counts_where_deliveries_are_invoiced(self):
        order = self._confirm_order(10, price=10)
        order.order_line.qty_delivered = 12
        self.assertEqual(self._get_committed(), 110.0)

    def test_discounts_by_line_and_of_the_whole(self):
        self._confirm_order([{"discount": 10}])
        self.assertEqual(self._get_committed(), 99.0)
        order = self._confirm_order(
            [{"discount": 0}, {"price_unit": -30}], partner_id=self.other_client.id
        )
        other = self._get_account(self.other_client)
        self.assertEqual(self._get_committed(other), 77.0)
        self._invoice(order)
        self.assertEqual(self._get_committed(other), 0.0)

    def test_an_order_in_euro_counts_at_the_rate_of_its_day(self):
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": self.eur.id}
        )
        self._set_rate("2020-01-01", 0.5)
        order = self._confirm_order(
            product=self.plain, pricelist_id=pricelist.id, currency_id=self.eur.id
        )
        self.assertEqual(order.currency_id, self.eur)
        self.assertEqual(self._get_committed(), 200.0)
        self._set_rate(fields.Date.today(), 0.25)
        self.assertEqual(self._get_committed(), 200.0)
        self._prevent(200)
        invoice = self._invoice(order)
        self.assertEqual(invoice.state, "posted", "not refused for the rate")
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self.account.balance, -400.0)

    def test_dozens_ordered_and_units_invoiced(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        order = self._confirm_order([{"product_uom_id": dozen.id, "price_unit": 120}])
        self.assertEqual(self._get_committed(), 132.0)
        invoice = self._invoice(order, post=False)
        line = invoice.invoice_line_ids.filtered("product_id")
        line.product_uom_id = self.env.ref("uom.product_uom_unit")
        line.write({"quantity": 6, "price_unit": 10, "tax_ids": self.tax.ids})
        invoice.action_post()
        self.assertEqual(invoice.amount_total, 66.0)
        self.assertEqual(self._get_committed(), 66.0)

    def test_invoiced_cheaper_leaves_nothing(self):
        order = self._confirm_order()
        invoice = self._invoice(order, post=False)
        invoice.invoice_line_ids.filtered("product_id").price_unit = 80
        invoice.action_post()
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self.account.balance, -88.0)

    def test_half_invoiced_at_twice_the_price_leaves_the_other_half(self):
        order = self._confirm_order(10, price=10)
        invoice = self._invoice(order, post=False)
        invoice.invoice_line_ids.filtered("product_id").write(
            {"quantity": 5, "price_unit": 20}
        )
        invoice.action_post()
        self.assertEqual(self._get_committed(), 55.0)

    def test_a_credit_note_opens_the_order_again(self):
        order = self._confirm_order(10, price=10)
        invoice = self._invoice(order, post=False)
        invoice.invoice_line_ids.filtered("product_id").quantity = 6
        invoice.action_post()
        self.assertEqual(self._get_committed(), 44.0)
        invoice._reverse_moves(cancel=True)
        self.assertEqual(self._get_committed(), 110.0)
        self.assertEqual(self.account.balance, 0.0)

    def test_who_is_invoiced_has_committed(self):
        payer = self.env["res.partner"].create(
            {"name": "Accounts", "parent_id": self.other_client.id, "type": "invoice"}
        )
        order = self._confirm_order(partner_invoice_id=payer.id)
        other = self._get_account(self.other_client)
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self._get_committed(other), 110.0)
        order.partner_invoice_id = self.client
        self.assertEqual(self._get_committed(), 110.0)
        self.assertEqual(self._get_committed(other), 0.0)

    def test_expenses_without_an_ordered_quantity(self):
        order = self._confirm_order()
        order.order_line = [
            Command.create(
                {
                    "product_id": self.book.id,
                    "product_uom_qty": 0,
                    "price_unit": 20,
                    "is_expense": True,
                    "tax_ids": [],
                }
            )
        ]
        self.assertEqual(self._get_committed(), 110.0)
        order.order_line[1].qty_delivered = 3
        self.assertEqual(self._get_committed(), 170.0)

    def test_what_nothing_is_ordered_of_counts_with_its_taxes(self):
        """As its invoice will, whether taxes are added or in the price."""
        line = {"product_uom_qty": 0, "qty_delivered": 3, "product_id": self.book.id}
        order = self._confirm_order([{**line, "discount": 10}])
        self.assertEqual(self._get_committed(), 297.0)
        self.tax.price_include_override = "tax_included"
        included = self._confirm_order([line])
        self.assertEqual(self._get_committed(), 597.0)
        for invoiced in (order, included):
            invoice = self._invoice(invoiced)
            self.assertFalse(invoiced._fetch_committed())
        self.assertEqual(invoice.amount_total, 300.0)
        self.assertEqual(self._get_committed(), 0.0)

    def test_what_is_taken_back_counts_less(self):
        lines = [
            {"product_uom_qty": 2, "price_unit": 50},
            {"product_uom_qty": -1, "price_unit": 50},
        ]
        order = self._confirm_order(lines, product=self.plain)
        self.assertEqual(self._get_committed(), order.amount_total)
        self.assertEqual(order.amount_total, 50.0)
        # What is back only once it is delivered counts then.
        book = self._make_product(
            "Lent", invoice_policy="delivery", taxes_id=[Command.clear()]
        )
        lent = self._confirm_order(lines, product=book)
        self.assertEqual(self._get_committed(), 150.0)
        lent.order_line[1].qty_delivered = -1
        self.assertEqual(self._get_committed(), 100.0)
        self._invoice(order)
        self.assertFalse(order._fetch_committed())

    def test_the_total_counts_where_taxes_are_rounded_for_the_whole_order(self):
        """Its lines add up to a cent more, or less."""
        self.company.tax_calculation_rounding_method = "round_globally"
        self.tax.amount = 21
        for price, total in ((0.27, 0.98), (1.11, 4.03)):
            order = self._confirm_order([{"price_unit": price}] * 3)
            self.assertNotEqual(
                round(sum(order.order_line.mapped("price_total")), 2), total
            )
            self.assertEqual(order.client_committed, total)
            self.assertEqual(order._reckon_committed(), order._fetch_committed())
            invoice = self._invoice(order)
            self.assertEqual(invoice.amount_total, total)
            self.assertFalse(order._fetch_committed())
        mixed = self._confirm_order([{"price_unit": 0.27}] * 3)
        self._pay_down(mixed, 0.5)
        self.assertAlmostEqual(mixed.client_committed, 0.49)

    def test_a_branch_shares_the_account_and_other_companies_do_not(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        self.env.user.company_ids += branch
        self._confirm_order()
        orders = self.env["sale.order"].with_company(branch)
        order = orders.create(
            {
                "partner_id": self.client.id,
                "company_id": branch.id,
                "order_line": [
                    Command.create(
                        {"product_id": self.plain.id, "price_unit": 5, "tax_ids": []}
                    )
                ],
            }
        )
        order.action_confirm()
        self.assertEqual(self._get_committed(), 115.0)
        foreign = self.setup_other_company(name="Sister")["company"]
        other = self._get_account(self.client, foreign)
        self.assertEqual(self._get_committed(other), 0.0)

    def test_none_one_and_many_orders(self):
        self.assertEqual(self.env["sale.order"]._fetch_committed(), {})
        orders = self._make_order() | self._make_order(2) | self._make_order(3)
        orders.action_confirm()
        self.assertEqual(self._get_committed(), 660.0)
        self.assertEqual(orders.mapped("client_committed"), [110.0, 220.0, 330.0])
        amounts = (
            self.account | self._get_account(self.other_client)
        )._get_committed_amounts()
        self.assertEqual(list(amounts), [self.account])

    def test_the_index_says_what_the_query_says(self):
        """What is invoiced to the end is in none of both."""
        order = self._confirm_order()
        self._invoice(order)
        exact = order._fetch_committed_with(less=[0])
        self.assertEqual(exact, order._fetch_committed())
        self.env.cr.execute(
            "SELECT indexdef FROM pg_indexes"
            " WHERE indexname = 'sale_order_line__client_open_idx'"
            " OR indexname = 'sale_order_line_client_open_idx'"
        )
        [(definition,)] = self.env.cr.fetchall()
        self.assertIn("price_subtotal IS DISTINCT FROM", definition)

    # === Company choice ===

    def test_where_invoices_alone_are_judged_orders_do_not_count(self):
        self._confirm_order()
        self.company.client_judged_documents = "invoices"
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self.account.available, 0.0)
        self.company.client_judged_documents = "orders"
        self.assertEqual(self._get_committed(), 110.0)
        self.assertEqual(self.account.available, -110.0)

    def test_figures_are_sorted_and_searched_with_what_is_committed(self):
        self._confirm_order()
        accounts = self.env["client.account"]
        found = accounts.search([("available", "<", 0)])
        self.assertEqual(found, self.account)
        self.assertEqual(accounts.search([("available", "=", -110)]), self.account)
