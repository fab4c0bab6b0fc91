from odoo.tests import tagged

from odoo.addons.client_account_pos.tests.test_till_tours import TillTourCommon

from .test_till_orders import TillOrdersCommon


class TillOrderTour:
    """A till settles orders on account, at one width."""

    def test_orders_are_settled_on_account(self):
        whole = self._make_order(4)
        parted = self._make_order()
        self._prevent(150)
        self.assertFigures(0, 10)
        self._start_till_tour("client_account_pos_sale_settle")
        self.assertEqual((whole | parted).mapped("client_committed"), [0, 0])
        self.assertFigures(0, 0)
        self._close()
        self.assertFigures(-150, 0)
        self.assertEqual(parted.order_line.qty_delivered, 10)


@tagged("post_install", "-at_install")
class TestTillOrderTours(TillOrderTour, TillOrdersCommon, TillTourCommon):
    browser_size = "1200x900"


@tagged("post_install", "-at_install")
class TestTillOrderToursOnTablet(TillOrderTour, TillOrdersCommon, TillTourCommon):
    browser_size = "1024x768"
