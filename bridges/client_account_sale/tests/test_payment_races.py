from functools import partial

from odoo.tests import tagged

from .card_race import PRICE, CardRaceCase
from .order_race import ORDER


@tagged("post_install", "-at_install")
class TestPaymentRaces(CardRaceCase):
    """The same quotation paid in several tabs of the portal at once."""

    def _make_order_to_pay(self, client_id):
        [order_id] = self.race.make_orders(
            client_id, 1, PRICE, require_signature=False, require_payment=True
        )
        self.race.session.call(ORDER, "action_quotation_sent", [order_id])
        return order_id

    def _prepare_credit(self, session, order_id):
        form = session.read_form(f"/my/orders/{order_id}")
        return f"/my/client_account/order/{order_id}", form

    def _prepare_card(self, order_id):
        return f"/my/orders/{order_id}/transaction", {
            "provider_id": self.provider_id,
            "amount": PRICE,
        }

    def test_an_order_paid_twice_at_once_with_credit_is_paid_once(self):
        client_id, account_id, login = self._make_portal_client(50.0)
        order_id = self._make_order_to_pay(client_id)
        sessions = [self._sign_in_client(login) for _session in range(3)]
        forms = [self._prepare_credit(session, order_id) for session in sessions]
        self._race(
            [
                partial(session.open, *form)
                for session, form in zip(sessions, forms, strict=True)
            ],
            "sale_order",
        )
        self._check_paid_with_credit(order_id)
        self.assertEqual(self._get_balance(account_id), 30.0)

    def test_orders_paid_by_saved_card_and_with_credit_at_once_are_paid_once(self):
        self._pay_many_in_both_ways()
