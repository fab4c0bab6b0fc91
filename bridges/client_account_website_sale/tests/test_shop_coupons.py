import re

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import CONFIRMATION, PAYMENT, ShopCase


@tagged("post_install", "-at_install")
class TestShopCoupons(ShopCase):
    """Carts with a coupon, paid with account credit."""

    def _make_coupon(self, discount, code="LESSONS"):
        """Make a coupon that takes a percentage off one order."""
        program = self.env["loyalty.program"].create(
            {
                "name": f"{discount} % off",
                "program_type": "coupons",
                "applies_on": "current",
                "trigger": "with_code",
                "company_id": self.company.id,
                "rule_ids": [Command.create({})],
                "reward_ids": [
                    Command.create(
                        {
                            "reward_type": "discount",
                            "discount": discount,
                            "discount_mode": "percent",
                            "discount_applicability": "order",
                            "required_points": 1,
                        }
                    )
                ],
            }
        )
        return self.env["loyalty.card"].create(
            {"program_id": program.id, "points": 1, "code": code}
        )

    def _redeem(self, cart, coupon):
        rewards = cart._try_apply_code(coupon.code)
        cart._apply_program_reward(rewards[coupon], coupon)
        cart._update_programs_and_rewards()

    def test_what_the_coupon_leaves_is_paid_once(self):
        self._issue_credit(150)
        cart = self._make_cart()
        coupon = self._make_coupon(50)
        form = self._get_shop_form()
        self._redeem(cart, coupon)
        # The page was opened before the coupon was.
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), PAYMENT)
        self.assertEqual((cart.state, self.account.balance), ("draft", 150.0))
        form = self._read_form(self.url_open(PAYMENT))
        self.assertEqual(form, {"total": "55.00", "credit": "55.00"})
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), CONFIRMATION)
        self.assertRecordValues(
            cart.invoice_ids,
            [{"state": "posted", "payment_state": "paid", "amount_total": 55.0}],
        )
        self.assertEqual((self.account.balance, self._get_committed()), (95.0, 0.0))
        self.assertEqual(coupon.points, 0)

    def test_a_coupon_for_all_of_it_needs_no_credit(self):
        self._issue_credit(150)
        cart = self._make_cart()
        coupon = self._make_coupon(100)
        form = self._get_shop_form()
        self._redeem(cart, coupon)
        self.assertEqual(cart.amount_total, 0.0)
        page = self.url_open(PAYMENT)
        self.assertFalse(self._read_form(page))
        for values in (form, {"total": "0.00", "credit": "0.00"}):
            self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **values), PAYMENT)
            self.assertEqual(cart.state, "draft")
        self.url_open("/shop/payment/validate")
        self.assertEqual(cart.state, "sale")
        self.assertEqual((self.account.balance, coupon.points), (150.0, 0))

    def test_a_coupon_that_is_over_since_the_page_pays_nothing(self):
        self._issue_credit(150)
        cart = self._make_cart()
        coupon = self._make_coupon(50)
        self._redeem(cart, coupon)
        form = self._get_shop_form()
        self.assertEqual(form["total"], "55.00")
        coupon.expiration_date = fields.Date.to_date("2020-01-01")
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), PAYMENT)
        self.assertEqual((cart.state, self.account.balance), ("draft", 150.0))
        page = self.url_open(PAYMENT)
        self.assertRegex(self._read_words(page), "reward was changed or has expired")
        # As it asks for: the page is refreshed.
        form = self._read_form(self.url_open(PAYMENT))
        self.assertEqual(form, {"total": "110.00", "credit": "110.00"})
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), CONFIRMATION)
        self.assertEqual(self.account.balance, 40.0)

    def test_one_coupon_in_two_carts_is_used_once(self):
        self._issue_credit(300)
        contact = self.client.create(
            {"name": "Second Contact", "parent_id": self.client.id, "email": "c@x.org"}
        )
        user = self._make_portal_user("portal_contact", contact)
        coupon = self._make_coupon(50)
        carts = self._make_cart() | self._make_cart(partner_id=contact.id)
        for cart in carts:
            self._redeem(cart, coupon)
        self.assertEqual(carts.mapped("amount_total"), [55.0, 55.0])
        values = {"total": "55.00", "credit": "55.00"}
        self._open_payment()
        self._pay_cart(carts[0], sign_in=False, **values)
        self._open_payment(user)
        self._pay_cart(carts[1], sign_in=False, **values)
        self.assertEqual(carts.mapped("state"), ["sale", "draft"])
        self.assertEqual((self.account.balance, coupon.points), (245.0, 0))

    def test_a_visitor_who_signs_in_pays_the_cart_once(self):
        """With an older cart of the same client beside it."""
        self._issue_credit(500)
        older = self._make_cart(date_order="2020-01-01 10:00:00")
        self._sign_in(False)
        answer = self.url_open(
            "/shop/cart/add",
            json={
                "jsonrpc": "2.0",
                "method": "call",
                "params": {
                    "product_template_id": self.lesson.product_tmpl_id.id,
                    "product_id": self.lesson.id,
                    "quantity": 2,
                },
            },
        )
        self.assertIn("result", answer.json())
        cart = self.env["sale.order"].search([], order="id desc", limit=1)
        page = self.url_open("/web/login").text
        token = re.search(r'csrf_token: "([^"]+)"', page)[1]
        login = self.portal_user.login
        self.url_open(
            "/web/login",
            data={"login": login, "password": login, "csrf_token": token},
        )
        page = self.url_open(PAYMENT)
        self.assertEqual(cart.partner_id, self.client)
        form = self._read_form(page)
        self.assertEqual(float(form["total"]), cart.amount_total)
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), CONFIRMATION)
        self.assertEqual((cart.state, older.state), ("sale", "draft"))
        self.assertEqual(cart.invoice_ids.partner_id, self.client)
        self.assertEqual(self.account.balance, 500 - cart.amount_total)
