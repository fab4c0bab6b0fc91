import re

from odoo.http import root
from odoo.tests import tagged

from odoo.addons.client_account_sale.tests.test_order_portal_security import CHANGES

from .common import CONFIRMATION, PAYMENT, ShopCase

MARKER = "ZEBRA-SECRET"


@tagged("post_install", "-at_install")
class TestShopSecurity(ShopCase):
    """Who else could pay a cart with a client's credit, or learn of either: the
    client's own cart is the positive control."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._issue_credit(150, reason=MARKER)
        cls._issue_credit(300, partner=cls.other_client)
        cls.cart = cls._make_cart()
        cls.others = cls._make_cart(partner_id=cls.other_client.id)

    def _get_state(self):
        """Return what nobody else may change."""
        self.env.invalidate_all()
        return (
            self.cart.state,
            self.cart.invoice_ids.ids,
            self.account.balance,
            self.others.state,
            self.others.invoice_ids.ids,
            self._get_account(self.other_client).balance,
        )

    def test_another_clients_order_id_pays_nothing(self):
        before = self._get_state()
        for user, order_id in (
            (self.portal_user, self.others.id),
            (self.other_user, self.cart.id),
            (self.portal_user, 2**31 - 1),
            (self.portal_user, 2**70),
            (self.portal_user, 0),
        ):
            with self.subTest(user=user.login, order_id=order_id):
                self._sign_in(user)
                answer = self._pay_cart(order_id, sign_in=False)
                self.assertLeadsTo(answer, PAYMENT)
                self.assertEqual(self._get_state(), before)
                page = self.url_open(PAYMENT).text
                self.assertIn("Your cart has changed", page)
                self.assertNotIn(MARKER, page)
        self._sign_in(self.portal_user)
        self.assertLeadsTo(self._pay_cart(self.cart, sign_in=False), CONFIRMATION)

    def _fill_cart(self):
        """Put a lesson in the cart of the session as the shop's pages do."""
        answer = self.url_open(
            "/shop/cart/add",
            json={
                "jsonrpc": "2.0",
                "method": "call",
                "params": {
                    "product_template_id": self.lesson.product_tmpl_id.id,
                    "product_id": self.lesson.id,
                    "quantity": 1,
                },
            },
        ).json()
        self.assertIn("result", answer)
        return self.env["sale.order"].search([], order="id desc", limit=1)

    def test_a_visitor_is_offered_nothing_and_pays_with_nothing(self):
        before = self._get_state()
        self._sign_in(False)
        cart = self._fill_cart()
        self.assertEqual(cart.website_id, self.website)
        # As if the visitor had given the client's own address.
        cart.partner_id = self.client
        cart.partner_invoice_id = self.client
        page = self.url_open(PAYMENT)
        self.assertIn(self.lesson.name, page.text)
        self.assertFalse(self._read_form(page))
        self.assertNotIn("credit", self._read_words(page).lower())
        token = re.search(r'csrf_token: "([^"]+)"', page.text)[1]
        for order in cart | self.cart:
            answer = self._pay_cart(order, sign_in=False, csrf=False, csrf_token=token)
            self.assertIn("/web/login", answer.headers["Location"])
        self.assertEqual(cart.state, "draft")
        self.assertEqual(self._get_state(), before)

    def test_who_signs_in_with_a_visitors_cart_pays_it_with_own_credit(self):
        self._sign_in(False)
        cart = self._fill_cart()
        self.cart.action_cancel()
        cart.partner_id = self.client
        self.assertLeadsTo(self._pay_cart(cart), CONFIRMATION)
        self.assertEqual(cart.invoice_ids.partner_id, self.client)

    def test_the_confirmation_says_of_credit_to_the_client_alone(self):
        """A session goes on when somebody else signs in, and with it its last order."""
        self._pay_cart(self.cart)
        self.assertIn("110.00 was paid with your credit", self._read_confirmation())
        for user in (self.other_user, False):
            self._sign_in(user)
            self.session["sale_last_order_id"] = self.cart.id
            root.session_store.save(self.session)
            words = self._read_confirmation()
            self.assertIn(self.cart.name, words)
            self.assertNotIn("with your credit", words)

    def test_after_a_session_has_expired_the_cart_is_shown(self):
        before = self._get_state()
        self._sign_in(False)
        answer = self._pay_cart(self.cart, sign_in=False)
        location = answer.headers["Location"]
        self.assertIn("/web/login", location)
        self.assertIn("client_credit", location)
        self._sign_in(self.portal_user)
        answer = self.url_open(
            f"{PAYMENT}/client_credit/{self.cart.id}", allow_redirects=False
        )
        self.assertLeadsTo(answer, PAYMENT)
        self.assertEqual(self._get_state(), before)

    def test_neither_by_get_nor_without_csrf(self):
        before = self._get_state()
        self._sign_in(self.portal_user)
        path = f"{PAYMENT}/client_credit/{self.cart.id}?total=110.00&credit=110.00"
        self.assertEqual(self.url_open(path).status_code, 200)
        for values in ({}, {"csrf_token": "forged"}):
            answer = self._pay_cart(self.cart, csrf=False, **values)
            self.assertEqual(answer.status_code, 400)
        self.assertEqual(self._get_state(), before)

    def test_changed_amounts_pay_nothing(self):
        before = self._get_state()
        self._open_payment()
        for change in CHANGES:
            with self.subTest(**change):
                answer = self._pay_cart(self.cart, sign_in=False, **change)
                self.assertLeadsTo(answer, PAYMENT)
                self.assertEqual(self._get_state(), before)

    def test_what_else_is_sent_decides_nothing(self):
        other_account = self._get_account(self.other_client)
        answer = self._pay_cart(
            self.cart,
            partner_id=self.other_client.id,
            account_id=other_account.id,
            amount="1.00",
            access_token=self.others._portal_ensure_token(),
            company_id="1",
        )
        self.assertLeadsTo(answer, CONFIRMATION)
        self.assertEqual(self.account.balance, 40.0)
        self.assertEqual(other_account.balance, 300.0)

    def test_a_second_contact_pays_with_the_clients_credit(self):
        contact = self.client.create(
            {"name": "Second Contact", "parent_id": self.client.id, "email": "c@x.org"}
        )
        user = self._make_portal_user("portal_contact", contact)
        cart = self._make_cart(partner_id=contact.id)
        self.assertEqual(self._get_shop_form(user)["credit"], "110.00")
        self.assertLeadsTo(self._pay_cart(cart, user), CONFIRMATION)
        self.assertEqual(cart.invoice_ids.payment_state, "paid")
        self.assertEqual(self.account.balance, 40.0)
        self.assertEqual(self.cart.state, "draft", "each contact has its own")

    def test_an_employee_pays_with_no_clients_credit(self):
        employee = self._make_user(
            "shop_employee", "sales_team.group_sale_salesman_all_leads"
        )
        employee.password = "shop_employee"
        employee.partner_id.write(
            {name: self.client[name] for name in ("street", "zip", "city", "phone")}
            | {"country_id": self.client.country_id.id, "email": "e@example.com"}
        )
        own = self._make_cart(partner_id=employee.partner_id.id)
        before = self._get_state()
        page = self._open_payment(employee)
        self.assertIn(self.lesson.name, page.text)
        self.assertFalse(self._read_form(page))
        for order, status in ((own, 404), (self.cart, 303), (self.others, 303)):
            answer = self._pay_cart(order, employee, sign_in=False)
            self.assertEqual(answer.status_code, status)
        self.assertEqual(own.state, "draft")
        self.assertEqual(self._get_state(), before)

    def test_another_companys_shop_takes_no_credit_of_this_one(self):
        before = self._get_state()
        other = self.setup_other_company(name="Second School")["company"]
        self.env.user.company_ids |= other
        self.portal_user.company_ids |= other
        self.website.company_id = other
        cart = self._make_cart(
            product=self.plain, company_id=other.id, partner_id=self.client.id
        )
        page = self._open_payment()
        self.assertIn(self.plain.name, page.text)
        self.assertFalse(self._read_form(page))
        for order in cart | self.cart:
            self._pay_cart(order, sign_in=False, total="100.00", credit="100.00")
        self.assertEqual(cart.state, "draft")
        self.assertEqual(self._get_state(), before)
