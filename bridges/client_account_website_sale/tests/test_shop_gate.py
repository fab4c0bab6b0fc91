from unittest.mock import patch

from odoo.fields import Command
from odoo.http import root
from odoo.tests import tagged

from odoo.addons.website_sale.controllers.main import WebsiteSale

from .common import CONFIRMATION, PAYMENT, ShopCase


@tagged("post_install", "-at_install")
class TestShopGate(ShopCase):
    """What the policies of clients make of the shop's other ways to pay."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = cls._make_custom_provider("wire_transfer")
        cls.delivery = cls._make_custom_provider("cash_on_delivery")
        cls.on_site = cls._make_custom_provider("on_site")
        # The shop brings these two: without them the tests below would look at nothing.
        assert cls.wire and cls.delivery

    @classmethod
    def _make_custom_provider(cls, mode):
        """Make a provider that takes no money, none where Odoo's addon for it is not
        installed."""
        providers = cls.env["payment.provider"]
        if mode not in dict(providers._fields["custom_mode"].selection):
            return providers
        return providers.create(
            {
                "name": mode,
                "code": "custom",
                "custom_mode": mode,
                "state": "enabled",
                "is_published": True,
                "company_id": cls.company.id,
                "redirect_form_view_id": cls.provider.redirect_form_view_id.id,
                "payment_method_ids": [Command.set(cls.method.ids)],
            }
        )

    def _begin(self, cart, provider=None):
        """Choose a payment method as the client; return the refusal, or None where the
        payment begins."""
        self._sign_in(self.portal_user)
        answer = self._begin_transaction(cart, provider)
        if "error" not in answer:
            self.assertIn("result", answer)
            return None
        return answer["error"]["data"]["message"]

    def _finish_payment(self, cart, state="done"):
        [transaction] = cart.transaction_ids
        self._finish(transaction, state)

    def test_payment_on_delivery_is_refused_before_it_begins(self):
        self._prevent(50)
        cart = self._make_cart()
        for provider in self.delivery | self.on_site:
            error = self._begin(cart, provider)
            self.assertIn("cannot be paid later", error)
            self.assertNotRegex(error, "60|limit|owed")
            self.assertFalse(cart.transaction_ids)
        self.assertEqual(cart.state, "draft")
        self.account._set_limit(110, "granted")
        self.assertFalse(self._begin(cart, self.delivery))
        self._finish_payment(cart, "pending")
        self.assertEqual(cart.state, "sale")
        self.assertEqual(self.account.available, 0.0)

    def test_a_wire_transfer_is_judged_when_it_is_confirmed(self):
        self._prevent(50)
        cart = self._make_cart()
        self.assertFalse(self._begin(cart, self.wire))
        self._finish_payment(cart, "pending")
        self.assertEqual(cart.state, "sent")
        self.assertOrderRefused(cart.action_confirm)
        self.account._set_limit(110, "granted")
        cart.action_confirm()
        self.assertEqual(self.account.available, 0.0)

    def test_who_pays_first_gets_no_wire_transfer(self):
        self.account.pay_later = "disabled"
        cart = self._make_cart()
        page = self._open_payment()
        self.assertIn(f'data-provider-id="{self.provider.id}"', page.text)
        for provider in self.wire | self.delivery | self.on_site:
            self.assertNotIn(f'data-provider-id="{provider.id}"', page.text)
            self.assertIn("cannot be paid later", self._begin(cart, provider))
        self.assertFalse(cart.transaction_ids)
        self.assertFalse(self._begin(cart), "a card takes money")
        self.account.pay_later = "allowed"
        self.assertFalse(self._begin(cart, self.wire))

    def test_who_pays_first_does_so_where_orders_are_not_judged(self):
        self.company.client_judged_documents = "invoices"
        self.account.pay_later = "disabled"
        cart = self._make_cart()
        providers = self.delivery | self.on_site
        for provider in providers:
            self.assertIn("cannot be paid later", self._begin(cart, provider))
        self.assertFalse(cart.transaction_ids)
        self._issue_credit(110)
        for provider in providers:
            self.assertFalse(self._begin(cart, provider), "credit covers it")

    def test_what_a_card_pays_is_not_refused(self):
        self._prevent(0)
        self.account.pay_later = "disabled"
        cart = self._make_cart()
        self.assertFalse(self._begin(cart))
        self.url_open("/shop/checkout")
        self._finish_payment(cart)
        self.assertEqual(cart.state, "sale")
        self.assertEqual(self.account.available, 0.0)
        words = self._read_words(self.url_open("/shop/payment/validate"))
        self.assertIn(cart.name, words)
        self.assertNotIn("with your credit", words)

    def test_what_credit_has_paid_no_card_pays_again(self):
        """In a tab of the payment page that was left open."""
        self._issue_credit(40)
        cart = self._make_cart()
        self._pay_cart(cart, credit="40.00")
        self.assertEqual(cart.state, "sale")
        self.assertIn("Pay what is left on its invoice", self._begin(cart))
        self.assertFalse(cart.transaction_ids)

    def test_no_thanks_are_left_out_after_a_card_was_declined(self):
        for state in ("error", "cancel"):
            self._issue_credit(110)
            cart = self._make_cart()
            self._begin(cart)
            self._finish_payment(cart, state)
            self._pay_cart(cart, sign_in=False)
            self.assertEqual(cart.state, "sale")
            page = self.url_open(CONFIRMATION)
            self.assertNotIn("alert-danger", page.text)
            words = self._read_words(page)
            self.assertNotIn("Declined", words)
            self.assertEqual(words.count("Thank you for your order"), 1)

    def test_a_declined_card_is_told_where_no_credit_paid(self):
        cart = self._make_cart()
        self._begin(cart)
        self._finish_payment(cart, "error")
        self.session["sale_last_order_id"] = cart.id
        root.session_store.save(self.session)
        page = self.url_open(CONFIRMATION)
        self.assertIn("alert-danger", page.text)
        self.assertIn("Declined", self._read_words(page))

    def test_while_money_is_on_its_way_no_credit_pays(self):
        self._issue_credit(500)
        cart = self._make_cart()
        self._begin(cart)
        self.assertEqual(self._get_shop_form()["credit"], "110.00", "only a draft")
        self._finish_payment(cart, "pending")
        self.assertFalse(self._get_shop_form())
        self._pay_cart(cart)
        self.assertFalse(cart.invoice_ids)

    def test_what_is_not_ready_to_be_paid_is_paid_with_nothing(self):
        """Goods without a delivery method."""
        self._issue_credit(500)
        goods = self._make_product("Violin", type="consu")
        cart = self._make_cart(product=goods)
        self._sign_in(self.portal_user)
        self.assertLeadsTo(self._pay_cart(cart, sign_in=False), PAYMENT)
        self.assertEqual(cart.state, "draft")
        self.assertFalse(cart.invoice_ids)
        self.assertIn("No shipping method", self.url_open(PAYMENT).text)

    def test_what_the_shop_takes_no_money_for_is_paid_with_nothing(self):
        """As where no store was chosen to pick up the goods."""
        self._issue_credit(500)
        cart = self._make_cart()
        self._open_payment()
        errors = [("Sorry.", "Please choose a store.")]
        with patch.object(WebsiteSale, "_get_shop_payment_errors", return_value=errors):
            self.assertLeadsTo(self._pay_cart(cart, sign_in=False), PAYMENT)
        self.assertEqual(cart.state, "draft")
        self.assertFalse(cart.invoice_ids)
        self.assertIn("Sorry. Please choose a store.", self.url_open(PAYMENT).text)

    def test_credit_beside_a_card_is_told_apart(self):
        """The rest is paid by card, on the invoice's page or on the account's."""
        for account in (self.account, self.account.browse()):
            self._issue_credit(40)
            cart = self._make_cart()
            self._pay_cart(cart, credit="40.00")
            transaction = self._make_transaction(
                70,
                invoice_ids=[Command.set(cart.invoice_ids.ids)],
                client_purpose=False,
                client_account_id=account.id,
            )
            self._finish(transaction)
            self.assertFalse(transaction.sale_order_ids)
            self.assertEqual(cart.invoice_ids.amount_residual, 0.0)
            words = self._read_confirmation()
            self.assertIn("40.00 was paid with your credit", words)
            self.assertNotIn("left to pay", words)

    def test_credit_beside_money_that_a_clerk_registers_is_told_apart(self):
        self._issue_credit(40)
        cart = self._make_cart()
        self._pay_cart(cart, credit="40.00")
        invoice = cart.invoice_ids
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({"amount": 50})._create_payments()
        self.assertEqual(invoice.amount_residual, 20.0)
        words = self._read_confirmation()
        self.assertIn("40.00 was paid with your credit", words)
        self.assertIn("20.00 is left to pay", words)
        note = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        note.invoice_line_ids.price_unit = 10
        note.action_post()
        items = self._get_receivable(note) | self._get_receivable(invoice)
        items.filtered(lambda item: not item.reconciled).reconcile()
        self.assertEqual(invoice.amount_residual, 9.0)
        self.assertIn("40.00 was paid with your credit", self._read_confirmation())

    def test_credit_that_was_a_payment_on_account_is_credit(self):
        self._make_payment(60)
        self._issue_credit(60)
        cart = self._make_cart()
        self._pay_cart(cart)
        self.assertIn("110.00 was paid with your credit", self._read_confirmation())

    def test_credit_that_is_issued_for_the_rest_is_credit(self):
        self._issue_credit(40)
        cart = self._make_cart()
        self._pay_cart(cart, credit="40.00")
        credit = self._issue_credit(20)
        items = self._get_receivable(credit) | self._get_receivable(cart.invoice_ids)
        items.filtered(lambda item: not item.reconciled).reconcile()
        self.assertEqual(cart.invoice_ids.amount_residual, 50.0)
        self.assertIn("60.00 was paid with your credit", self._read_confirmation())
