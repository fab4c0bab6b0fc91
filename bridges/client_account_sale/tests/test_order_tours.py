from odoo.tests import HttpCase, tagged

from .common import ClientOrderCommon


@tagged("post_install", "-at_install")
class TestOrderTours(ClientOrderCommon, HttpCase):
    def test_a_refused_order_is_confirmed_anyway(self):
        """An order of 110 on a limit of 100 is refused, and confirmed with a reason."""
        self._prevent(100)
        order = self._make_order()
        self.env.flush_all()
        # The browser's requests share the test's transaction: it was made before.
        self.env.cr.execute(
            "UPDATE sale_order SET create_date = create_date - interval '1 hour'"
            " WHERE id = %s",
            [order.id],
        )
        self.env.invalidate_all()
        self.selling_approver.password = "order_approver"
        self.start_tour(
            f"/odoo/sales/{order.id}", "client_account_sale", login="order_approver"
        )
        self.assertRecordValues(
            order,
            [
                {
                    "state": "sale",
                    "client_anyway_reason": "Agreed with the client by telephone",
                    "client_anyway_user_id": self.selling_approver.id,
                }
            ],
        )
        self.assertEqual(self.account.available, -10.0)
