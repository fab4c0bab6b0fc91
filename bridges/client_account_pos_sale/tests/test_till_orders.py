from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.client_account_pos.tests.common import ClientTillCommon


class TillOrdersCommon(ClientTillCommon):
    """A till that settles orders for a client."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("sales_team.group_sale_manager")
        sales = "sales_team.group_sale_salesman_all_leads"
        cls.salesperson = cls._make_user("till_seller", sales)
        # Odoo has no other confirm what is ordered.
        cls.cashier.group_ids += cls.env.ref(sales)
        cls.seeing_cashier.group_ids += cls.env.ref(sales)
        cls.book.invoice_policy = "order"
        cls.till.down_payment_product_id = cls._make_product("Down Payment", 0)

    def _make_order(self, quantity=10, price=10.0, confirm=True, **values):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.client.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.book.id,
                            "product_uom_qty": quantity,
                            "price_unit": price,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
                **values,
            }
        )
        if confirm:
            order.action_confirm()
        return order


@tagged("post_install", "-at_install")
class TestTillOrders(TillOrdersCommon):
    """Orders that a till settles, whole or in part, in cash or on account."""

    def _build_settlement(self, order, quantity=10, method=None, **values):
        """Return what the till sends that settles some of an order's only line."""
        line = order.order_line[0]
        amount = quantity * line.price_unit
        data = self._build_order(
            [(method or self.method, amount)],
            lines=[(self.book, quantity, line.price_unit)],
            **values,
        )
        data["lines"][0][2].update(
            sale_order_origin_id=order.id, sale_order_line_id=line.id
        )
        return data

    def _settle(self, order, *args, **values):
        return self._sync(self._build_settlement(order, *args, **values))

    def _pay_down(self, order, amount, method=None):
        """Take a down payment at the till, of which the order has no line yet."""
        product = self.till.down_payment_product_id
        data = self._build_order(
            [(method or self.cash, amount)], lines=[(product, 1, amount)]
        )
        data["lines"][0][2]["sale_order_origin_id"] = order.id
        return self._sync(data)

    def _ask(self, data, settled=None):
        """Ask as the till does before the receipt; return why not, in words."""
        amount = sum(command[2]["amount"] for command in data["payment_ids"])
        lines = [command[2] for command in data["lines"]]
        if settled is None:
            settled = [
                [line["sale_order_origin_id"], line["price_subtotal_incl"]]
                for line in lines
                if "sale_order_origin_id" in line
            ]
        return self.till_session.with_user(self.cashier).client_request_account(
            data["uuid"],
            data["partner_id"],
            amount,
            [line["product_id"] for line in lines],
            settled,
        )["refusal"]

    # === What is committed ===

    def test_what_is_settled_in_cash_is_committed_no_longer(self):
        order = self._make_order()
        self._settle(order, 4, self.cash)
        self.assertEqual(order.client_committed, 60)
        self.assertEqual(self._get_committed(), 60)
        self._settle(order, 6, self.cash)
        self.assertEqual(self._get_committed(), 0)

    def test_what_is_settled_on_account_counts_once(self):
        order = self._make_order()
        self._settle(order, 4)
        self.assertEqual(order.client_committed, 60)
        self.assertEqual(self._get_committed(), 100)
        self._close()
        self.assertFigures(-40, -100)

    def test_dozens_are_settled_in_units(self):
        order = self._make_order(confirm=False)
        order.order_line.write(
            {"product_uom_id": self.env.ref("uom.product_uom_dozen").id}
        )
        order.order_line.write({"product_uom_qty": 1, "price_unit": 120})
        order.action_confirm()
        data = self._build_settlement(order, 3, self.cash)
        self._sync(data)
        self.assertEqual(order.client_committed, 90)

    def test_a_down_payment_at_the_till_is_paid(self):
        order = self._make_order()
        self._pay_down(order, 30)
        self.assertEqual(order.client_committed, 70)
        # Also where it comes before the rest is confirmed.
        quotation = self._make_order(confirm=False)
        self._pay_down(quotation, 30)
        self.assertEqual(quotation.state, "sale")
        self.assertEqual(quotation.client_committed, 70)

    def test_what_a_ticket_settles_no_longer_is_committed_again(self):
        order = self._make_order()
        ticket = self._settle(order, 10, self.cash)
        self._prevent(50)
        writes = (
            lambda: ticket.lines.with_user(self.cashier).write({"qty": 1}),
            lambda: ticket.lines.with_user(self.cashier).write(
                {"sale_order_line_id": False}
            ),
        )
        for number, write in enumerate(writes):
            with self.subTest(number):
                self.assertOrderRefused(write)
                self.assertEqual(self._get_committed(), 0)

    def test_returns_are_judged_whose_order_line_the_context_names(self):
        order = self._make_order()
        ticket = self._settle(order, 10, self.cash)
        self._prevent(50)
        [line] = ticket.lines
        lines = line.with_user(self.cashier)
        [values] = line.copy_data({"qty": -10, "price_subtotal_incl": -100})
        line_id = values.pop("sale_order_line_id")
        self.assertOrderRefused(
            lambda: lines.with_context(default_sale_order_line_id=line_id).create(
                values
            )
        )
        self.assertEqual(self._get_committed(), 0)

    # === What is judged ===

    def test_an_order_is_settled_on_account_though_it_uses_the_limit_up(self):
        self._prevent(100)
        order = self._make_order()
        data = self._build_settlement(order)
        self.assertEqual(self._ask(data), "")
        self.assertFigures(0, 0)
        self._sync(data)
        self.assertFigures(0, 0)
        self._close()
        self.assertFigures(-100, 0)

    def test_what_goes_beyond_the_order_is_asked_for(self):
        self._prevent(100)
        order = self._make_order()
        data = self._build_settlement(order, 11)
        self.assertNotEqual(self._ask(data), "")
        self.assertOrderRefused(lambda: self._sync(data))
        self._prevent(110)
        self.assertEqual(self._ask(data), "")
        self._sync(data)
        self.assertFigures(0, 0)

    def test_nothing_is_settled_of_what_is_not_the_clients(self):
        """Nor more than there is of an order, whatever the till says."""
        self._prevent(100)
        other = self._make_order(partner_id=self.other_client.id)
        quotation = self._make_order(confirm=False)
        order = self._make_order()
        data = self._build_order([(self.method, 101)])
        for settled in (
            [],
            [[other.id, 1000.0]],
            [[quotation.id, 1000.0]],
            [[order.id, 1000.0]],
            [[order.id, -1000.0], [order.id, 1.0]],
        ):
            with self.subTest(settled):
                self.assertNotEqual(self._ask(data, settled), "")

    def test_what_is_settled_is_shown_as_available_for_it(self):
        self._prevent(100)
        order = self._make_order()
        other = self._make_order(partner_id=self.other_client.id)
        session = self.till_session.with_user(self.seeing_cashier)
        for settled, available in (
            ([], "0.00"),
            ([[order.id, 40.0]], "40.00"),
            ([[order.id, 1000.0]], "100.00"),
            ([[other.id, 40.0]], "0.00"),
        ):
            with self.subTest(settled):
                [figures] = session.client_get_figures(
                    self.client.ids, settled
                ).values()
                self.assertRegex(figures["available"], rf"(^|\D){available}")

    def test_a_false_word_of_the_till_lets_nothing_pass(self):
        """What it says is settled, and is not as the order arrives, is judged."""
        self._prevent(100)
        order = self._make_order()
        data = self._build_order([(self.method, 90)])
        self.assertEqual(self._ask(data, [[order.id, 90.0]]), "")
        self.assertOrderRefused(lambda: self._sync(data))

    def test_a_till_confirms_what_policies_allow(self):
        """It took money, so it is told and not refused: the order stays a quotation."""
        self._prevent(50)
        order = self._make_order(confirm=False)
        ticket = self._pay_down(order, 30)
        self.assertEqual((ticket.state, order.state), ("paid", "draft"))
        self.assertRegex(order.message_ids[0].body, "A till took money")
        self._prevent(70)
        order.action_confirm()
        self.assertFigures(0, 0)

    def test_what_is_added_after_a_till_took_money_is_judged(self):
        self._prevent(100)
        order = self._make_order()
        self._pay_down(order, 1)
        self.assertFigures(0, 1)
        line = order.order_line[0].with_user(self.salesperson)
        self.assertOrderRefused(lambda: line.write({"product_uom_qty": 100}))
        order._action_cancel()
        order.action_draft()
        line.product_uom_qty = 100
        self.assertOrderRefused(order.with_user(self.salesperson).action_confirm)

    def test_no_context_key_says_that_a_till_confirms(self):
        self._prevent(0)
        order = self._make_order(confirm=False).with_user(self.salesperson)
        self.assertOrderRefused(order.with_context(client_at_till=True).action_confirm)
