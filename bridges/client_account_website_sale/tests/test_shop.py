import re

from odoo.tests import tagged

from .common import CONFIRMATION, PAYMENT, ShopCase


@tagged("post_install", "-at_install")
class TestShop(ShopCase):
    """Carts paid with account credit."""

    def test_a_cart_is_paid_with_credit(self):
        self._issue_credit(150)
        cart = self._make_cart()
        self.assertEqual(self._get_shop_form(), {"total": "110.00", "credit": "110.00"})
        self.assertLeadsTo(self._pay_cart(cart), CONFIRMATION)
        self.assertEqual(cart.state, "sale")
        self.assertRecordValues(
            cart.invoice_ids,
            [{"state": "posted", "payment_state": "paid", "amount_total": 110.0}],
        )
        self.assertEqual(self.account.balance, 40.0)
        self.assertEqual(self._get_committed(), 0.0)
        words = self._read_confirmation()
        self.assertIn("110.00 was paid with your credit", words)
        self.assertIn("Thank you for your order", words)
        self.assertNotIn("left to pay", words)
        self.assertFalse(self.url_open("/shop/cart").text.count(cart.name))

    def test_of_a_part_the_rest_is_due_on_the_invoice(self):
        self._issue_credit(40)
        cart = self._make_cart()
        form = self._get_shop_form()
        self.assertEqual(form, {"total": "110.00", "credit": "40.00"})
        self.assertLeadsTo(self._pay_cart(cart, **form), CONFIRMATION)
        self.assertEqual(cart.state, "sale")
        self.assertEqual(cart.invoice_ids.amount_residual, 70.0)
        self.assertEqual(self.account.balance, -70.0)
        words = self._read_confirmation()
        self.assertIn("40.00 was paid with your credit", words)
        self.assertRegex(words, "70.00 is left to pay on the invoice")
        page = self.url_open(CONFIRMATION).text
        path = f"/my/invoices/{cart.invoice_ids.id}"
        self.assertIn(f'href="{path}"', page)
        self.assertIn("Pay Now", self.url_open(path).text)

    def test_pressed_twice_it_is_paid_once(self):
        self._issue_credit(500)
        cart = self._make_cart()
        self._open_payment()
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False), CONFIRMATION)
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False), CONFIRMATION)
        self.assertEqual(len(cart.invoice_ids), 1)
        self.assertEqual(self.account.balance, 390.0)

    def test_pressed_twice_it_pays_no_other_cart(self):
        """An older cart of the same amount is taken up once the first is paid."""
        self._issue_credit(500)
        older = self._make_cart(date_order="2020-01-01 10:00:00")
        cart = self._make_cart()
        self._open_payment()
        self._pay_cart(cart, sign_in=False)
        self.assertEqual(self._read_form(self.url_open(PAYMENT))["total"], "110.00")
        self._pay_cart(cart, sign_in=False)
        self.assertEqual((cart.state, older.state), ("sale", "draft"))
        self.assertEqual(self.account.balance, 390.0)

    def test_a_cart_that_changed_in_another_tab_is_not_paid(self):
        self._issue_credit(500)
        cart = self._make_cart()
        form = self._get_shop_form()
        cart.order_line.product_uom_qty = 2
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), PAYMENT)
        self.assertEqual(cart.state, "draft")
        page = self.url_open(PAYMENT)
        self.assertIn("has changed. Look at it again before you pay", page.text)
        self.assertEqual(self._read_form(page)["total"], "220.00")
        self.assertNotIn("has changed", self.url_open(PAYMENT).text)

    def test_credit_that_is_gone_meanwhile_pays_nothing(self):
        self._issue_credit(150)
        cart = self._make_cart()
        form = self._get_shop_form()
        self._make_invoice(100)
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False, **form), PAYMENT)
        self.assertEqual(cart.state, "draft")
        self.assertFalse(cart.invoice_ids)

    def test_nothing_is_offered_without_credit(self):
        cart = self._make_cart()
        page = self._open_payment()
        self.assertIn(cart.order_line.name, page.text)
        self.assertFalse(self._read_form(page))
        self.assertNotIn("credit", self._read_words(page).lower())
        self.assertLeadsTo(self._pay_cart(cart), PAYMENT)
        self.assertEqual(cart.state, "draft")

    def test_hidden_accounts_pay_nothing_and_nothing_is_said(self):
        self._issue_credit(500)
        cart = self._make_cart()
        for visibility in ("balance", "history"):
            self.account.balance_visibility = visibility
            self.assertTrue(self._get_shop_form())
        self.account.balance_visibility = "hidden"
        page = self._open_payment()
        self.assertFalse(self._read_form(page))
        self.assertNotIn("credit", self._read_words(page).lower())
        self.assertEqual(self._pay_cart(cart).status_code, 404)
        self.assertEqual(cart.state, "draft")
        self.account.balance_visibility = "balance"
        self._open_payment()
        self._pay_cart(cart, sign_in=False)
        self.account.balance_visibility = "hidden"
        self.assertNotIn("with your credit", self._read_confirmation())

    def test_what_is_not_payable_with_credit_is_not_offered(self):
        self._issue_credit(500)
        cart = self._make_cart()
        self.lesson.client_not_payable_with_credit = True
        self.assertFalse(self._get_shop_form())
        self._pay_cart(cart)
        self.assertEqual(cart.state, "draft")
        self.lesson.client_not_payable_with_credit = False
        self.company.client_first_order_without_credit = True
        self.assertFalse(self._get_shop_form())
        self._pay_cart(cart)
        self.assertEqual(cart.state, "draft")
        self._confirm_order(product=self.plain)
        self._open_payment()
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False), CONFIRMATION)

    def test_a_part_is_not_offered_to_who_pays_first(self):
        self._issue_credit(40)
        self.account.pay_later = "disabled"
        cart = self._make_cart()
        self.assertFalse(self._get_shop_form())
        self._pay_cart(cart, credit="40.00")
        self.assertEqual(cart.state, "draft")
        self._issue_credit(70)
        self.assertEqual(self._get_shop_form()["credit"], "110.00")
        self.assertLeadsTo(self._pay_cart(cart), CONFIRMATION)
        self.assertEqual(cart.invoice_ids.payment_state, "paid")

    def test_a_part_is_not_offered_where_orders_are_paid_to_be_confirmed(self):
        self.company.portal_confirmation_pay = True
        self._issue_credit(40)
        cart = self._make_cart()
        self.assertFalse(self._get_shop_form())
        self._pay_cart(cart, credit="40.00")
        self.assertEqual(cart.state, "draft")
        self._issue_credit(70)
        self.assertEqual(self._get_shop_form()["credit"], "110.00")

    def test_a_part_is_judged_and_refused_without_a_figure(self):
        self._prevent(50)
        self._issue_credit(40)
        cart = self._make_cart()
        self._open_payment()
        answer = self._pay_cart(cart, sign_in=False, credit="40.00")
        self.assertLeadsTo(answer, PAYMENT)
        self.assertEqual(cart.state, "draft")
        self.assertFalse(cart.invoice_ids)
        page = self.url_open(PAYMENT).text
        self.assertIn("cannot be confirmed online now", page)
        self.assertNotIn("limit in force", page)
        self.account._set_limit(70, "granted")
        self._pay_cart(cart, sign_in=False, credit="40.00")
        self.assertEqual(cart.state, "sale")
        self.assertEqual(self.account.available, 0.0)

    def test_a_cart_in_euro_is_paid_with_credit(self):
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": self.eur.id}
        )
        self._set_rate("2020-01-01", 0.5)
        self._issue_credit(300)
        cart = self._make_cart(product=self.plain, pricelist_id=pricelist.id)
        self.client.property_product_pricelist = pricelist
        form = self._get_shop_form()
        self.assertEqual(cart.currency_id, self.eur)
        self.assertEqual(form["total"], form["credit"])
        self.assertEqual(float(form["total"]), cart.amount_total)
        before = self.account.balance
        self._pay_cart(cart, sign_in=False, **form)
        self.assertEqual(cart.invoice_ids.payment_state, "paid")
        self.assertAlmostEqual(
            self.account.balance, before - cart.amount_total / cart.currency_rate
        )
        self.assertIn(f"{form['total']} € was paid with", self._read_confirmation())

    def test_a_cart_of_nothing_needs_no_credit(self):
        self._prevent(0)
        self._issue_credit(40)
        self.lesson.list_price = 0
        cart = self._make_cart(price=0)
        page = self._open_payment()
        self.assertFalse(self._read_form(page))
        answer = self._pay_cart(cart, sign_in=False, total="0.00", credit="0.00")
        self.assertLeadsTo(answer, PAYMENT)
        self.assertEqual(cart.state, "draft")
        self.url_open("/shop/payment/validate")
        self.assertEqual(cart.state, "sale")
        self.assertEqual(self.account.balance, 40.0)

    def test_the_terms_are_agreed_to_where_the_shop_asks_for_it(self):
        self._issue_credit(150)
        cart = self._make_cart()
        self.assertNotIn('name="terms"', self._open_payment().text)
        self.env.ref("website_sale.accept_terms_and_conditions").sudo().active = True
        page = self._open_payment().text
        form = re.search(r"(?s)<form[^>]*o_client_pay_order.*?</form>", page)[0]
        self.assertRegex(form, r'<input[^>]*name="terms"[^>]*required="required"')
        self.assertIn('href="/terms"', form)
        for values in ({}, {"terms": ""}):
            answer = self._pay_cart(cart, sign_in=False, **values)
            self.assertLeadsTo(answer, PAYMENT)
            self.assertEqual(cart.state, "draft")
            self.assertFalse(cart.invoice_ids)
            self.assertIn("Agree to the terms", self.url_open(PAYMENT).text)
        answer = self._pay_cart(cart, sign_in=False, terms="1")
        self.assertLeadsTo(answer, CONFIRMATION)
        self.assertEqual(cart.state, "sale")

    def test_an_old_cart_is_paid_with_credit(self):
        """A cart is no offer that ends: a card pays it, too."""
        self._issue_credit(150)
        cart = self._make_cart(validity_date="2020-01-01")
        self.assertTrue(cart.is_expired)
        self.assertEqual(self._get_shop_form()["credit"], "110.00")
        cart.action_quotation_sent()
        account = self.account.sudo()
        self.assertFalse(cart.sudo()._get_portal_credit(account), "an offer ends")
        cart.state = "draft"
        self.assertLeadsTo(self._pay_cart(cart), CONFIRMATION)
        self.assertEqual(cart.invoice_ids.payment_state, "paid")
