from odoo.tests import tagged

from .common import ShopCase


class ShopTours:
    """What clients do in the shop, by clicking only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The provider's own page: it leads to the account, before anything is known.
        cls.provider.redirect_form_view_id.arch = (
            "<form action='/my/client_account' method='get'/>"
        )

    def _start(self, tour):
        self.start_tour(
            self.lesson.website_url,
            f"client_account_website_sale_{tour}",
            login=self.portal_user.login,
        )
        [order] = self.env["sale.order"].search([("website_id", "=", self.website.id)])
        return order

    def test_a_lesson_is_paid_with_credit(self):
        self._issue_credit(150)
        order = self._start("credit")
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.invoice_ids.payment_state, "paid")
        self.assertEqual(self.account.balance, 40.0)

    def test_of_a_part_the_rest_is_paid_on_the_invoice(self):
        self._issue_credit(40)
        order = self._start("part")
        self.assertEqual(order.state, "sale")
        invoice = order.invoice_ids
        [transaction] = self.env["payment.transaction"].search(
            [("invoice_ids", "=", invoice.id)]
        )
        self.assertEqual(transaction.amount, 70.0)
        self._finish(transaction)
        self.assertEqual(invoice.amount_residual, 0.0)
        self.assertEqual(self.account.balance, 0.0)


@tagged("post_install", "-at_install")
class TestShopToursDesktop(ShopTours, ShopCase):
    browser_size = "1200x900"


@tagged("post_install", "-at_install")
class TestShopToursTelephone(ShopTours, ShopCase):
    browser_size = "360x740"
    touch_enabled = True
