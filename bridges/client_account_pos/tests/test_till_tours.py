from odoo.tests import HttpCase, tagged

from .common import ClientTillCommon


class TillTourCommon(ClientTillCommon, HttpCase):
    """Tours of a cashier who sees figures."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seeing_cashier.password = "till_seeing"
        # Others' products are in the way on the screen.
        others = cls.env["product.template"].search(
            [("id", "not in", (cls.book | cls.plan).product_tmpl_id.ids)]
        )
        others.available_in_pos = False

    def _start_till_tour(self, tour):
        self.env.flush_all()
        self.start_tour(
            f"/pos/ui/{self.till.id}", tour, login="till_seeing", timeout=240
        )


class TillCreditTour:
    """Credit sold, spent and refunded, at one width."""

    def test_credit_is_sold_spent_and_refunded(self):
        self._prevent(0)
        self._start_till_tour("client_account_pos_credit")
        # Two lots of cash for the account, a book from it, another for 10.00 in cash
        # beside it, and the first given back.
        self.assertFigures(95, 45)
        self._close()
        self.assertFigures(45, 45)
        self.assertNothingBesideCredit()


@tagged("post_install", "-at_install")
class TestTillTours(TillCreditTour, TillTourCommon):
    browser_size = "1200x900"

    def test_without_a_connection_the_account_does_not_pay(self):
        self._issue_credit(40)
        self._prevent(0)
        self._start_till_tour("client_account_pos_offline")
        orders = self.till_session.order_ids
        self.assertEqual(set(orders.mapped("state")), {"paid"})
        on_account = orders.filtered("client_on_account")
        self.assertEqual(on_account.mapped("client_on_account"), [30])
        self.assertEqual(len(orders), 3)
        self.assertFigures(40, 10)


@tagged("post_install", "-at_install")
class TestTillToursOnTablet(TillCreditTour, TillTourCommon):
    browser_size = "800x1100"
