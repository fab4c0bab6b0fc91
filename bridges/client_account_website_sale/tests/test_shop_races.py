from functools import partial

from odoo.tests import tagged

from odoo.addons.client_account_sale.tests.card_race import PRICE, CardRaceCase


@tagged("post_install", "-at_install")
class TestShopRaces(CardRaceCase):
    """The same cart paid in several tabs at once."""

    def _make_order_to_pay(self, client_id):
        [order_id] = self.race.make_orders(
            client_id, 1, PRICE, website_id=self._find_id("website", "default_website")
        )
        return order_id

    def _prepare_credit(self, session, order_id):
        form = session.read_form("/shop/checkout?try_skip_step=true")
        return f"/shop/payment/client_credit/{order_id}", form

    def _prepare_card(self, order_id):
        return f"/shop/payment/transaction/{order_id}", {
            "provider_id": self.provider_id,
        }

    def test_a_cart_paid_in_three_tabs_at_once_is_paid_once(self):
        client_id, account_id, login = self._make_portal_client(50.0)
        order_id = self._make_order_to_pay(client_id)
        session = self._sign_in_client(login)
        form = self._prepare_credit(session, order_id)
        answers = self._race([partial(session.open, *form)] * 3, "sale_order")
        for url, _text in answers:
            self.assertTrue(url.endswith("/shop/confirmation"), url)
        self._check_paid_with_credit(order_id)
        self.assertAlmostEqual(self._get_balance(account_id), 50.0 - PRICE)

    def test_carts_paid_by_saved_card_and_with_credit_at_once_are_paid_once(self):
        self._pay_many_in_both_ways()
