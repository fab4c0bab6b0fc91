from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.client_account.exceptions import BalanceRefused

from .common import ClientOrderCommon


@tagged("post_install", "-at_install")
class TestOrderGate(ClientOrderCommon):
    """Orders judged when they are confirmed, and when they grow after that."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._prevent(100)

    def _set_past(self, *orders):
        """Have orders look as if an earlier transaction had made them."""
        self.env.flush_all()
        for order in orders:
            self.env.cr.execute(
                "UPDATE sale_order SET create_date = create_date - interval '1 hour'"
                " WHERE id = %s",
                [order.id],
            )
        self.env.invalidate_all()

    # === Routes of confirming ===

    def test_an_order_within_the_limit_is_confirmed(self):
        order = self._confirm_order(product=self.plain)
        self.assertEqual(order.state, "sale")
        self.assertEqual(self.account.available, 0.0)

    def test_the_button_is_refused_with_what_is_missing(self):
        order = self._make_order()
        refusal = self.assertOrderRefused(
            order.action_confirm,
            order.name,
            r"\$.110\.00 is more than Ada Piano School has available",
            r"\$.10\.00 is missing",
        )
        self.assertEqual(refusal.args[2], "Not Confirmed")
        self.assertEqual(order.state, "draft")
        self.assertEqual(self._get_committed(), 0.0)

    def test_every_other_route_is_refused(self):
        order = self._make_order()
        routes = {
            "raw write": lambda: order.write({"state": "sale"}),
            "assignment": lambda: setattr(order, "state", "sale"),
            "_validate_order": order._validate_order,
            "superuser": lambda: order.sudo().action_confirm(),
            "salesperson": order.with_user(self.salesperson).action_confirm,
            "web_save": lambda: order.web_save({"state": "sale"}, {}),
            "create": lambda: self._make_order(state="sale"),
            "import": lambda: self.env["sale.order"].load(
                ["partner_id/.id", "state", "order_line/product_id/.id"],
                [[str(self.client.id), "Sales Order", str(self.lesson.id)]],
            ),
        }
        for name, route in routes.items():
            with self.subTest(name):
                if name == "import":
                    self.assertTrue(route()["messages"])
                else:
                    self.assertOrderRefused(route)
                self.assertEqual(order.state, "draft")
                self.assertEqual(self._get_committed(), 0.0)

    def test_orders_confirmed_together_are_judged_together(self):
        first, second = self._make_order(price=50), self._make_order(price=50)
        self.assertOrderRefused((first | second).action_confirm, first.name)
        first.action_confirm()
        self.assertOrderRefused(second.action_confirm, second.name)
        other = self._make_order(partner_id=self.other_client.id)
        other.action_confirm()
        self.assertEqual(other.state, "sale", "nothing prevents it")

    def test_locks_are_taken_in_one_order_whether_money_was_taken_or_not(self):
        """Asked about first and granted afterwards, two would wait for each other."""
        paid = self._make_order(price=10, partner_id=self.client.id)
        owed = self._make_order(price=10, partner_id=self.other_client.id)
        accounts, orders = type(self.account), type(paid)
        lock, amount = accounts._get_lock_sql, orders._get_ungranted_amount
        taken = []

        def note_lock(model, keys):
            if keys:
                taken.append({client.id for client, _root in keys})
            return lock(model, keys)

        def grant(order, had, has):
            return 0.0 if order == paid else amount(order, had, has)

        with (
            patch.object(accounts, "_get_lock_sql", note_lock),
            patch.object(orders, "_get_ungranted_amount", grant),
        ):
            (paid | owed).action_confirm()
        self.assertEqual(taken[0], {self.client.id, self.other_client.id})

    def test_none_is_confirmed_without_a_fault(self):
        self.assertTrue(self.env["sale.order"].action_confirm())

    def test_confirming_again_is_odoos_own_refusal(self):
        order = self._confirm_order(price=50)
        with self.assertRaises(UserError) as caught:
            order.action_confirm()
        self.assertNotIsInstance(caught.exception, BalanceRefused)
        self.assertEqual(self._get_committed(), 55.0)

    # === Growth ===

    def test_growth_of_a_confirmed_order_is_refused_by_every_route(self):
        order = self._confirm_order(price=80, product=self.plain)
        line = order.order_line
        new = {"product_id": self.plain.id, "price_unit": 30, "order_id": order.id}
        lines = self.env["sale.order.line"]
        routes = {
            "price": lambda: line.write({"price_unit": 101}),
            "quantity": lambda: line.write({"product_uom_qty": 2}),
            "command": lambda: order.write(
                {"order_line": [Command.update(line.id, {"product_uom_qty": 2})]}
            ),
            "new command": lambda: order.write({"order_line": [Command.create(new)]}),
            "raw create": lambda: lines.create(new),
            "tax": lambda: line.write(
                {"tax_ids": self.tax.copy({"name": "Thirty", "amount": 30}).ids}
            ),
            "delivered": lambda: self._deliver(order),
            "salesperson": lambda: line.with_user(self.salesperson).write(
                {"price_unit": 101}
            ),
        }
        for name, route in routes.items():
            with self.subTest(name):
                self.assertOrderRefused(route)
                self.assertEqual(self._get_committed(), 80.0)
        line.price_unit = 100
        self.assertEqual(self._get_committed(), 100.0)

    def _deliver(self, order):
        """Deliver by hand beyond what was ordered, where deliveries are invoiced."""
        self.plain.invoice_policy = "delivery"
        order.order_line.qty_delivered = 2

    def test_what_follows_from_the_rest_is_not_written_by_hand(self):
        """Odoo takes it from any caller; a line that says it is invoiced, or of no
        worth, would leave room for another order."""
        order = self._confirm_order(price=80, product=self.plain)
        order = order.with_user(self.salesperson)
        lies = (
            {"state": "cancel"},
            {"qty_invoiced": 1, "untaxed_amount_invoiced": 80},
            {"price_total": 0},
            {"price_subtotal": 0, "price_tax": 0, "price_total": 0},
            {"client_unit_total": 0},
            {"is_downpayment": True},
        )
        for lie in lies:
            with self.subTest(lie):
                order.order_line.write(lie)
                self.assertEqual(self._get_committed(), 80.0)
                order.write({"order_line": [Command.update(order.order_line.id, lie)]})
                self.assertEqual(self._get_committed(), 80.0)
        for lie in ({"currency_rate": 1000}, {"amount_total": 1}):
            order.write(lie)
            self.assertEqual(self._get_committed(), 80.0)
        for lie in ({"price_total": 0}, {"qty_invoiced": 1}, {"state": "draft"}):
            with self.subTest(lie, made_with=True):
                new = {"product_id": self.plain.id, "price_unit": 30, **lie}
                self.assertOrderRefused(
                    lambda new=new: order.write({"order_line": [Command.create(new)]})
                )
        self.assertOrderRefused(
            lambda: self._make_order(
                user=self.salesperson, state="sale", currency_rate=1000
            )
        )

    def test_what_follows_from_the_rest_is_taken_from_no_default(self):
        """A caller names it in the context, or for itself in `ir.default`."""
        new = {"product_id": self.plain.id, "price_unit": 120}
        lies = (
            {"state": "draft"},
            {"qty_invoiced": 1, "untaxed_amount_invoiced": 120},
            {"price_total": 0},
            {"price_subtotal": 0, "price_tax": 0, "price_total": 0},
            {"client_unit_total": 0},
            {"amount_total": 0},
            {"currency_rate": 1000},
        )
        for lie in lies:
            defaults = {f"default_{name}": value for name, value in lie.items()}
            orders = self.env["sale.order"].with_user(self.salesperson)
            with self.subTest(lie):
                order = orders.with_context(**defaults).create(
                    {
                        "partner_id": self.client.id,
                        "order_line": [Command.create(new)],
                    }
                )
                self.assertOrderRefused(
                    order.with_user(self.salesperson).action_confirm
                )
                self.assertEqual(order.amount_total, 120.0)
                self.assertEqual(order.order_line.price_total, 120.0)

    def test_lines_are_judged_whose_order_the_context_names(self):
        order = self._confirm_order(price=80, product=self.plain)
        lines = self.env["sale.order.line"].with_user(self.salesperson)
        new = {"product_id": self.plain.id, "price_unit": 30}
        self.assertOrderRefused(
            lambda: lines.with_context(default_order_id=order.id).create(new)
        )
        self.assertEqual(self._get_committed(), 80.0)

    def test_what_is_delivered_unordered_is_not_hidden_as_a_down_payment(self):
        order = self._confirm_order(
            [{"product_uom_qty": 0, "qty_delivered": 1, "product_id": self.book.id}],
            price=80,
        )
        order = order.with_user(self.salesperson)
        for lie in ({"is_downpayment": True}, {"client_unit_total": 0}):
            order.order_line.write(lie)
            self.assertEqual(self._get_committed(), 88.0)

    def test_nobody_says_by_hand_that_an_invoice_was_settled_elsewhere(self):
        """Its order would count as invoiced, and the draft is in no balance."""
        order = self._confirm_order(price=80, product=self.plain)
        draft = self._invoice(order, post=False)
        biller = self._make_user("order_biller", "account.group_account_invoice")
        lie = {"payment_state": "invoicing_legacy"}
        with self.assertRaisesRegex(UserError, "payment status"):
            draft.with_user(biller).write(lie)
        with self.assertRaisesRegex(UserError, "a new document"):
            draft.with_user(biller).create(
                {"move_type": "out_invoice", "partner_id": self.client.id, **lie}
            )
        self.assertEqual(self._get_committed(), 80.0)
        draft.with_user(biller).action_toggle_block_payment()
        self.assertEqual(draft.payment_state, "blocked")

    def test_a_discount_that_goes_is_growth(self):
        order = self._confirm_order(
            [{"discount": 0}, {"price_unit": -30}], product=self.plain
        )
        self.assertEqual(self._get_committed(), 70.0)
        order.order_line[0].price_unit = 130
        with self.assertRaises(UserError), self.env.cr.savepoint():
            order.order_line[1].unlink()
        self.assertOrderRefused(lambda: order.order_line[1].write({"price_unit": 0}))

    def test_what_takes_and_gives_in_one_operation_is_judged_as_one(self):
        order = self._confirm_order(
            [{"price_unit": 60}, {"price_unit": 40}], product=self.plain
        )
        first, second = order.order_line
        order.write(
            {
                "order_line": [
                    Command.update(first.id, {"price_unit": 90}),
                    Command.update(second.id, {"price_unit": 10}),
                ]
            }
        )
        self.assertEqual(self._get_committed(), 100.0)

    def test_an_order_that_shrinks_is_never_refused(self):
        order = self._confirm_order(product=self.plain)
        self.account._set_limit(0, "granted")
        order.order_line.price_unit = 90
        self.assertEqual(self._get_committed(), 90.0)
        self.assertOrderRefused(lambda: order.order_line.write({"price_unit": 91}))

    def test_another_payer_is_judged(self):
        other = self._get_account(self.other_client)
        order = self._confirm_order(product=self.plain)
        self._prevent(99, other)
        self.assertOrderRefused(
            lambda: order.write({"partner_invoice_id": self.other_client.id}),
            "Bela Chess Club",
        )
        self.assertOrderRefused(
            lambda: order.write({"partner_id": self.other_client.id})
        )
        other._set_limit(100, "granted")
        order.partner_invoice_id = self.other_client
        self.assertEqual(self._get_committed(), 0.0)
        self.assertEqual(self._get_committed(other), 100.0)

    def test_orders_of_a_contact_that_comes_to_be_another_clients_are_judged(self):
        """By being put under it, or merged into one of its contacts."""
        mover = self._make_user(
            "order_mover",
            "sales_team.group_sale_salesman_all_leads,base.group_partner_manager",
        )
        family, other = self.env["res.partner"].create(
            [
                {"name": "Family", "is_company": True},
                {"name": "Pupil", "parent_id": self.client.id},
            ]
        )
        pupil = family.create({"name": "Pupil", "parent_id": family.id})
        order = self._confirm_order(partner_id=pupil.id)
        self.assertEqual(order.partner_invoice_id, pupil)
        self._prevent(100)
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(mover)
        routes = (
            lambda: pupil.with_user(mover).write({"parent_id": self.client.id}),
            lambda: wizard.sudo()._merge([pupil.id, other.id], other),
        )
        for number, route in enumerate(routes):
            with self.subTest(number):
                self.assertOrderRefused(route, order.name)
                self.assertEqual(self._get_committed(), 0.0)
        # Of the same client's, and with enough, it is nobody's business.
        sibling = family.create({"name": "Sibling", "parent_id": family.id})
        pupil.with_user(mover).parent_id = sibling
        self._prevent(110)
        routes[0]()
        self.assertEqual(self._get_committed(), 110.0)

    def test_an_approver_moves_contacts_with_their_orders(self):
        self.selling_approver.group_ids += self.env.ref("base.group_partner_manager")
        family = self.env["res.partner"].create({"name": "Family", "is_company": True})
        pupil = family.create({"name": "Pupil", "parent_id": family.id})
        self._confirm_order(partner_id=pupil.id)
        self._prevent(0)
        pupil.with_user(self.selling_approver).parent_id = self.client
        self.assertEqual(self._get_committed(), 110.0)

    def test_who_catches_a_refusal_does_not_keep_the_order(self):
        order = self._make_order()
        with suppress(BalanceRefused):
            order.action_confirm()
        self.assertEqual(order.state, "sale", "nothing was rolled back")
        refusals = 0
        for _try in range(2):
            # As with the commit, and with each savepoint that begins.
            try:
                self.env.cr.precommit.run()
            except BalanceRefused:
                refusals += 1
        order._get_order_watch().pending.clear()
        self.assertEqual(refusals, 2, "It would have been committed.")

    # === Invoices of orders ===

    def test_exactly_enough_is_enough_however_taxes_are_rounded(self):
        self.company.tax_calculation_rounding_method = "round_globally"
        self.tax.amount = 21
        for price, total in ((0.27, 0.98), (1.11, 4.03)):
            order = self._make_order([{"price_unit": price}] * 3)
            self._prevent(total - 0.01)
            self.assertOrderRefused(order.action_confirm)
            self._prevent(total)
            order.action_confirm()
            self._invoice(order)
            self.assertEqual(self.account.available, 0.0)
            self._issue_credit(total)

    def test_an_orders_own_invoice_is_accepted_after_the_limit_fell(self):
        order = self._confirm_order(product=self.plain)
        self.account._set_limit(10, "granted")
        invoice = self._invoice(order)
        self.assertEqual(invoice.state, "posted")
        self.assertEqual(self.account.available, -90.0)

    def test_an_invoice_that_is_raised_is_refused_for_the_difference(self):
        self.account._set_limit(80, "granted")
        order = self._confirm_order(price=80, product=self.plain)
        invoice = self._invoice(order, post=False)
        invoice.invoice_line_ids.filtered("product_id").price_unit = 90
        with self.assertRefused(r"\$.10\.00 is missing", exception=BalanceRefused):
            with self.env.cr.savepoint():
                invoice.action_post()

    def test_another_invoice_is_refused_while_all_is_committed(self):
        self._confirm_order(product=self.plain)
        invoice = self._make_invoice(1, post=False)
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.action_post()

    def test_down_payment_and_final_invoice_pass(self):
        order = self._confirm_order(product=self.plain)
        self._pay_down(order, 50)
        self.assertEqual(self.account.available, 0.0)
        self._invoice(order)
        self.assertEqual(self.account.available, 0.0)
        self.assertEqual(self.account.balance, -100.0)

    def test_delivered_goods_are_invoiced_whatever_the_limit(self):
        self.book.taxes_id = False
        order = self._confirm_order(10, price=10, product=self.book)
        order.order_line.qty_delivered = 10
        self.account._set_limit(0, "granted")
        self.assertEqual(self._invoice(order).state, "posted")

    def test_an_invoice_of_an_order_for_somebody_else_releases_nothing_of_theirs(self):
        order = self._confirm_order(product=self.plain)
        other = self._get_account(self.other_client)
        self._prevent(50, other)
        invoice = self._invoice(order, post=False)
        invoice.partner_id = self.other_client
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.action_post()

    def test_the_draft_says_that_nothing_is_missing_for_its_own_order(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice(order, post=False)
        self.assertFalse(invoice.client_posting_preview)
        self.assertFalse(invoice.partner_credit_warning)
        invoice.invoice_line_ids.filtered("product_id").price_unit = 110
        self.assertIn("10.00 is missing", invoice.client_posting_preview)

    # === Documents that go ===

    def _invoice_at(self, order, price, post=True):
        """Invoice an order at another price than it was ordered at."""
        invoice = self._invoice(order, post=False)
        invoice.invoice_line_ids.filtered("product_id").price_unit = price
        if post:
            invoice.action_post()
        return invoice

    def _post_at(self, invoice, price):
        """Reset an invoice, and post it again at a price."""
        if invoice.state == "posted":
            invoice.button_draft()
        invoice.invoice_line_ids.filtered("product_id").price_unit = price
        invoice.action_post()

    def test_what_an_invoice_gave_back_is_judged_with_the_next(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice_at(order, 0)
        self._confirm_order(price=100, product=self.plain)
        invoice.button_draft()
        self.assertEqual(order.client_restored, 100.0)
        self.assertEqual(self.account.available, -100.0, "It is told, not refused.")
        self.assertOrderRefused(
            lambda: self._post_at(invoice, 100), r"\$.100\.00 is missing"
        )
        self.assertOrderRefused(lambda: self._post_at(invoice, 1))
        self._post_at(invoice, 0)
        self.assertEqual(invoice.state, "posted", "It takes no more than it had.")
        self.assertEqual(order.client_restored, 0.0)
        self.assertEqual(self.account.available, 0.0)

    def test_another_invoice_in_the_place_of_one_that_was_reset_is_judged(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice_at(order, 0)
        self._confirm_order(price=100, product=self.plain)
        invoice.button_draft()
        invoice.button_cancel()
        again = self._invoice(order, post=False)
        self.assertIn("100.00 is missing", again.client_posting_preview)
        self.assertOrderRefused(again.action_post)

    def test_a_credit_note_for_less_than_it_gives_back_is_judged_with_the_next(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice_at(order, 0)
        self._confirm_order(price=100, product=self.plain)
        invoice._reverse_moves([{}])._post(soft=False)
        self.assertEqual(order.client_restored, 100.0)
        self.assertOrderRefused(self._invoice(order, post=False).action_post)

    def test_an_invoice_to_somebody_else_gives_nothing_back_that_was_judged(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice(order, post=False)
        invoice.partner_id = self.other_client
        invoice.action_post()
        self._confirm_order(price=100, product=self.plain)
        invoice.button_draft()
        self.assertEqual(order.client_restored, 100.0)
        invoice.partner_id = self.client
        self.assertOrderRefused(invoice.action_post)

    def test_a_correction_takes_what_it_had(self):
        """At the limit: nothing of it is taken anew."""
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice_at(order, 80)
        self._confirm_order(price=20, product=self.plain)
        invoice.button_draft()
        self.assertEqual(order.client_restored, 20.0)
        invoice.ref = "Corrected"
        self.assertOrderRefused(lambda: self._post_at(invoice, 81))
        self._post_at(invoice, 80)
        self.assertEqual(self.account.available, 0.0)
        self._post_at(invoice, 60)
        self._post_at(invoice, 80)
        self.assertEqual(self.account.available, 0.0)

    def test_an_invoice_that_is_credited_and_made_anew_passes(self):
        order = self._confirm_order(2, price=50, product=self.plain)
        invoice = self._invoice(order)
        invoice._reverse_moves([{}], cancel=True)
        self.assertEqual(order.client_restored, 0.0)
        self.account._set_limit(10, "granted")
        self.assertEqual(self._invoice(order).state, "posted")

    def test_each_part_of_what_was_given_back_is_judged_once(self):
        self.account._set_limit(150, "granted")
        order = self._confirm_order(2, price=50, product=self.plain)
        invoice = self._invoice(order, post=False)
        line = invoice.invoice_line_ids.filtered("product_id")
        line.write({"quantity": 1, "price_unit": 0})
        invoice.action_post()
        self._confirm_order(price=50, product=self.plain)
        invoice.button_draft()
        self.assertEqual(order.client_restored, 50.0)
        line.price_unit = 50
        invoice.action_post()
        self.assertEqual(order.client_restored, 0.0)
        self.account._set_limit(10, "granted")
        self.assertEqual(self._invoice(order).state, "posted", "judged when ordered")

    def test_a_reset_down_payment_and_final_invoice_pass_again(self):
        order = self._confirm_order(product=self.plain)
        down = self._pay_down(order, 30)
        final = self._invoice(order)
        self.account._set_limit(10, "granted")
        for invoice in (final, down):
            with self.subTest(invoice.name):
                invoice.button_draft()
                self.assertEqual(order.client_restored, 0.0)
                invoice.action_post()

    def test_what_was_given_back_goes_with_the_order(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice_at(order, 0)
        self._confirm_order(price=100, product=self.plain)
        invoice.button_draft()
        order.order_line.price_unit = 30
        self.assertEqual(order.client_restored, 30.0, "no more than is committed")
        order._action_cancel()
        self.assertEqual(order.client_restored, 0.0)
        order.action_draft()
        self.assertOrderRefused(order.action_confirm)

    def test_nobody_writes_what_was_given_back(self):
        order = self._confirm_order(product=self.plain)
        with self.assertRaises(UserError):
            order.with_user(self.selling_approver).client_restored = -100

    def test_posted_invoices_are_not_changed_to_commit_more(self):
        order = self._confirm_order(product=self.plain)
        invoice = self._invoice_at(order, 0)
        self._confirm_order(price=100, product=self.plain)
        line = invoice.invoice_line_ids.filtered("product_id")
        for values in (
            {"quantity": 0},
            {"quantity": -1},
            {"sale_line_ids": [Command.clear()]},
        ):
            with self.subTest(values=values):
                self.assertOrderRefused(lambda values=values: line.write(values))
        self.assertOrderRefused(
            lambda: order.order_line.write({"invoice_lines": [Command.clear()]})
        )
        with self.subTest("a negative line"):
            self.assertOrderRefused(
                lambda: line.copy(
                    {
                        "move_id": invoice.id,
                        "quantity": -1,
                        "sale_line_ids": [Command.set(order.order_line.ids)],
                    }
                )
            )

    def test_amounts_of_invoice_lines_are_not_written_by_hand(self):
        self.account._set_limit(100, "granted")
        order = self._confirm_order(product=self.plain)
        biller = self._make_user("order_biller", "account.group_account_invoice")
        for post in (False, True):
            with self.subTest(post=post):
                down = self._pay_down(order, 10, post)
                line = down.invoice_line_ids.filtered("sale_line_ids")
                line.with_user(biller).write({"price_total": 90, "price_subtotal": 90})
                self.env.flush_all()
                self.assertEqual(line.price_total, 10.0)
                self.assertEqual(line.price_subtotal, 10.0)
                if not post:
                    down.action_post()
        self.assertEqual(self.account.available, 0.0)

    # === Company choice ===

    def test_invoices_only_lets_orders_pass_and_refuses_their_invoice(self):
        self.company.client_judged_documents = "invoices"
        order = self._confirm_order()
        self.assertEqual(order.state, "sale")
        invoice = self._invoice(order, post=False)
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            invoice.action_post()

    def test_orders_only_refuses_orders_and_lets_invoices_pass(self):
        self.company.client_judged_documents = "orders"
        self.assertOrderRefused(self._make_order().action_confirm)
        draft = self._make_invoice(500, post=False)
        self.assertFalse(draft.client_posting_preview)
        draft.action_post()
        self.assertEqual(self.account.balance, -500.0)
        self.assertOrderRefused(self._make_order(price=1).action_confirm)

    def test_only_approvers_choose_what_is_judged(self):
        manager = self._make_user("order_admin", "base.group_erp_manager")
        company = self.company.with_user(manager)
        for name, value in (
            ("client_judged_documents", "invoices"),
            ("client_first_order_without_credit", True),
        ):
            with self.subTest(name), self.assertRaises(AccessError):
                company.write({name: value})
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        with self.assertRaises(UserError):
            branch.client_judged_documents = "orders"

    # === Who learns what ===

    def test_nobody_learns_a_figure_from_a_refusal_without_the_right(self):
        self.env.flush_all()
        order = self._make_order()
        for user in (self.salesperson, self.env.ref("base.user_root")):
            with self.subTest(user.login):
                refusal = self.assertOrderRefused(order.with_user(user).action_confirm)
                self.assertNotRegex(str(refusal), r"10\.00|100\.00|missing")
                self.assertFalse(refusal.args[1].get("receive"))
                self.assertFalse(refusal.args[1].get("post_anyway"))
        root = order.with_user(self.env.ref("base.user_root"))
        self.assertOrderRefused(root.action_confirm, "contact")
        self.assertOrderRefused(
            order.with_user(self.selling_viewer).action_confirm, r"10\.00 is missing"
        )

    def test_figures_on_the_order_are_for_who_may_see_them(self):
        order = self._make_order()
        shown = order.with_user(self.selling_viewer)
        self.assertIn("available: $\xa0100.00", shown.client_account_words)
        self.assertIn("10.00 is missing", shown.client_confirmation_preview)
        with self.assertRaises(AccessError):
            _words = order.with_user(self.salesperson).client_account_words
        small = self._make_order(price=10).with_user(self.selling_viewer)
        self.assertFalse(small.client_confirmation_preview)
        confirmed = self._confirm_order(price=10)
        self.assertFalse(confirmed.client_confirmation_preview)

    def test_the_banner_warns_of_the_limit(self):
        """Not of what another banner says already."""
        order = self._make_order()
        shown = order.with_user(self.selling_viewer)
        self.assertTrue(shown.client_confirmation_preview)
        self.assertFalse(shown.partner_credit_warning)
        self.account.negative_balance = "allowed"
        self.env.invalidate_all()
        self.assertIn("Ada", shown.partner_credit_warning)
        self.env.invalidate_all()
        self.assertFalse(
            order.with_user(self.salesperson).partner_credit_warning, "no right"
        )

    # === Confirming anyway ===

    def test_an_approver_confirms_anyway_with_a_reason(self):
        order = self._make_order()
        self._set_past(order)
        mine = order.with_user(self.selling_approver)
        refusal = self.assertOrderRefused(mine.action_confirm)
        action = refusal.args[1]["post_anyway"]
        self.assertEqual(action["name"], "Confirm Anyway")
        wizards = self.env["client.account.post.anyway"].with_user(
            self.selling_approver
        )
        wizard = wizards.with_context(**action["context"]).create(
            {"reason": "Agreed by phone"}
        )
        self.assertEqual(wizard.record_names, order.name)
        wizard.action_post_anyway()
        self.assertRecordValues(
            order,
            [
                {
                    "state": "sale",
                    "client_anyway_reason": "Agreed by phone",
                    "client_anyway_user_id": self.selling_approver.id,
                }
            ],
        )
        self.assertTrue(order.client_anyway_date)
        for record in (order, self.account):
            bodies = " ".join(record.message_ids.mapped("body"))
            self.assertIn("Agreed by phone", bodies)
        self.assertEqual(self.account.available, -10.0)
        order._action_cancel()
        self.assertFalse(order.client_anyway_reason)
        order.action_draft()
        self.assertOrderRefused(mine.action_confirm)

    def test_nobody_else_confirms_anyway(self):
        order = self._make_order()
        self._set_past(order)
        for user in (self.salesperson, self.selling_viewer, self.officer):
            with self.subTest(user.login), self.assertRaises(AccessError):
                order.with_user(user).action_client_post_anyway("Please")
        with self.assertRaises(AccessError):
            order.with_user(self.approver).action_client_post_anyway("No salesperson")
        mine = order.with_user(self.selling_approver)
        for reason in ("", "  ", None, 5):
            with self.assertRaises(UserError):
                mine.action_client_post_anyway(reason)
        with self.assertRaises(UserError):
            mine.action_client_post_anyway("x" * 2001)
        self.assertEqual(order.state, "draft")
        self.assertFalse(self.env["sale.order"]._get_order_watch().anyway)

    def test_what_was_confirmed_anyway_is_not_written_by_hand(self):
        order = self._make_order()
        for name, value in (
            ("client_anyway_reason", "Forged"),
            ("client_anyway_user_id", self.approver.id),
            ("client_first_order", True),
            ("transaction_ids", []),
        ):
            with self.subTest(name), self.assertRaises(UserError):
                order.with_user(self.salesperson).write({name: value})
        with self.assertRaises(UserError):
            self._make_order(client_anyway_reason="Forged", user=self.salesperson)

    def test_no_context_key_opens_the_gate(self):
        order = self._make_order()
        for key in ("client_post_anyway", "bypass_risk", "client_account_approved"):
            with self.subTest(key):
                self.assertOrderRefused(
                    order.with_context(**{key: True}).action_confirm
                )

    # === Paying up front ===

    def test_who_pays_up_front_is_asked_for_payment(self):
        self.account.pay_later = "disabled"
        self.account.negative_balance = "allowed"
        term = self.env.ref("account.account_payment_term_30days")
        self.client.property_payment_term_id = term
        order = self._make_order()
        self.assertTrue(order.require_payment)
        self.assertEqual(order.prepayment_percent, 1.0)
        self.assertFalse(order.payment_term_id)
        self.assertOrderRefused(order.action_confirm, r"110\.00 is neither paid")
        self.assertIn("110.00 is missing", order.client_confirmation_preview)
        other = self._make_order(partner_id=self.other_client.id)
        self.assertEqual(other.require_payment, self.company.portal_confirmation_pay)

    def test_credit_that_covers_it_counts_as_paid(self):
        self.account.pay_later = "disabled"
        self._issue_credit(150)
        order = self._make_order()
        self.assertFalse(order.client_confirmation_preview)
        order.action_confirm()
        self.assertOrderRefused(
            self._make_order().action_confirm, r"70\.00 is neither paid"
        )
        invoice = self._invoice(order)
        self.assertEqual(invoice.payment_state, "paid")

    def test_credit_does_not_pay_what_is_not_payable_with_it(self):
        self.account.pay_later = "disabled"
        self._issue_credit(500)
        self.lesson.client_not_payable_with_credit = True
        order = self._make_order()
        self.assertOrderRefused(order.action_confirm, r"110\.00 is neither paid")

    def test_the_first_order_is_not_payable_with_credit(self):
        self.company.client_first_order_without_credit = True
        self._issue_credit(500)
        first = self._make_order(price=50)
        self.assertTrue(first._is_credit_excluded())
        first.action_confirm()
        self.assertTrue(first.client_first_order)
        invoice = self._invoice(first)
        self.assertEqual(invoice.payment_state, "not_paid")
        with self.assertRaises(UserError):
            invoice.action_allocate_client_credit()
        second = self._make_order(price=50)
        self.assertFalse(second._is_credit_excluded())
        second.action_confirm()
        self.assertFalse(second.client_first_order)
        self.assertEqual(self._invoice(second).payment_state, "paid")

    # === Expired approvals, second company ===

    def test_another_company_judges_by_its_own_account(self):
        foreign = self.setup_other_company(name="Sister")["company"]
        self.env.user.company_ids += foreign
        order = (
            self.env["sale.order"]
            .with_company(foreign)
            .create(
                {
                    "partner_id": self.client.id,
                    "company_id": foreign.id,
                    "order_line": [
                        Command.create(
                            {
                                "product_id": self.plain.id,
                                "price_unit": 900,
                                "tax_ids": [],
                            }
                        )
                    ],
                }
            )
        )
        order.action_confirm()
        self.assertEqual(order.state, "sale")
        self.assertEqual(self._get_committed(), 0.0)

    def test_an_order_in_euro_is_judged_in_company_currency(self):
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": self.eur.id}
        )
        self._set_rate(fields.Date.today() - timedelta(days=1), 0.5)
        order = self._make_order(product=self.plain, pricelist_id=pricelist.id)
        self.assertOrderRefused(order.action_confirm, r"100\.00 is missing")
        order.order_line.price_unit = 50
        order.action_confirm()
        self.assertEqual(self.account.available, 0.0)

    def test_what_an_order_in_euro_got_back_is_judged_at_the_invoices_rate(self):
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": self.eur.id}
        )
        self._set_rate(fields.Date.today() - timedelta(days=1), 0.5)
        order = self._confirm_order(
            price=50, product=self.plain, pricelist_id=pricelist.id
        )
        invoice = self._invoice_at(order, 30)
        self._confirm_order(price=40, product=self.plain)
        invoice.button_draft()
        self.assertEqual(order.client_restored, 20.0, "Euro")
        self.assertOrderRefused(
            lambda: self._post_at(invoice, 50), r"\$.40\.00 is missing"
        )
        self._post_at(invoice, 30)
        self.assertEqual(self.account.available, 0.0)
