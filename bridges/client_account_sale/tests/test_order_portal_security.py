from odoo.tests import tagged

from .test_order_portal import OrderPortalCase

MARKER = "ZEBRA-SECRET"

# What somebody could send instead of what the page has, and what it is answered with.
CHANGES = (
    {"total": "1.00"},
    {"total": "0.01", "credit": "0.01"},
    {"credit": "0.01"},
    {"credit": "109.99"},
    {"credit": "150.00"},
    {"credit": "-110.00"},
    {"credit": "1e2"},
    {"credit": "NaN"},
    {"credit": ""},
    {"total": ""},
    {"total": "110.001"},
)
# What is not taken from the request at all.
IGNORED = (
    {"partner_id": "1"},
    {"account_id": "1"},
    {"company_id": "1"},
    {"state": "cancel"},
    {"amount": "1.00"},
)


@tagged("post_install", "-at_install")
class TestOrderPortalSecurity(OrderPortalCase):
    """Who else could pay a client's quotation with its credit, or learn of either: a
    table of actor x way x change, with the client's own as the positive control."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._issue_credit(150, reason=MARKER)
        cls._issue_credit(300, partner=cls.other_client)
        cls.order = cls._send_order()
        cls.token = cls.order._portal_ensure_token()
        cls.others = cls._send_order(partner_id=cls.other_client.id)
        employee = cls._make_user(
            "order_employee", "sales_team.group_sale_salesman_all_leads"
        )
        employee.password = "order_employee"
        cls.actors = {
            "other client": cls.other_user,
            "employee": employee,
            "visitor": False,
        }

    def _get_state(self):
        """Return what nobody else may change."""
        self.env.invalidate_all()
        return (
            self.order.state,
            self.order.invoice_ids.ids,
            self.account.balance,
            self.others.state,
            self._get_account(self.other_client).balance,
        )

    def test_nobody_else_pays_it(self):
        before = self._get_state()
        for name, user in self.actors.items():
            for values in ({}, {"access_token": self.token}):
                with self.subTest(name, **values):
                    answer = self._pay_order(self.order, user, **values)
                    if user:
                        self.assertEqual(answer.status_code, 404)
                    else:
                        self.assertIn("/web/login", answer.headers["Location"])
                    self.assertNotIn(MARKER, answer.text)
                    self.assertEqual(self._get_state(), before)

    def test_nobody_else_sees_the_credit_by_the_link(self):
        for name, user in self.actors.items():
            with self.subTest(name):
                page = self._open_order(self.order, user, token=self.token).text
                self.assertIn(self.order.name, page)
                self.assertNotIn("o_client_pay_order", page)
        page = self._open_order(self.order, token=self.token).text
        self.assertIn("o_client_pay_order", page)

    def test_a_second_contact_pays_with_the_clients_credit(self):
        contact = self.client.create({"name": "Second", "parent_id": self.client.id})
        user = self._make_portal_user("portal_contact", contact)
        before = self._get_state()
        self.assertEqual(self._pay_order(self.others, user).status_code, 404)
        for change in CHANGES:
            with self.subTest(**change):
                self._pay_order(self.order, user, **change)
                self.assertEqual(self._get_state(), before)
        self._pay_order(self.order, user, csrf=False)
        self.assertEqual(self._get_state(), before)
        form = {"total": "110.00", "credit": "110.00"}
        self.assertEqual(self._get_form(self.order, user=user), form)
        self.assertEqual(self._pay_order(self.order, user).status_code, 303)
        self.env.invalidate_all()
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(self.order.invoice_ids.payment_state, "paid")
        self.assertEqual(self.account.balance, 40.0)

    def test_the_client_pays_no_other_clients_order(self):
        before = self._get_state()
        token = self.others._portal_ensure_token()
        for order_id in (self.others.id, 2**31 - 1, 0):
            for values in ({}, {"access_token": token}):
                answer = self._post(
                    f"/order/{order_id}",
                    {"total": "110.00", "credit": "110.00", **values},
                )
                self.assertEqual(answer.status_code, 404)
        self.assertEqual(self._get_state(), before)

    def test_who_ordered_for_another_payer_pays_with_no_credit(self):
        """The client sees the order, and it is invoiced to somebody else."""
        order = self._send_order(partner_invoice_id=self.other_client.id)
        before = self._get_state()
        self.assertFalse(self._get_form(order))
        self.assertEqual(self._pay_order(order).status_code, 404)
        self.assertEqual(order.state, "sent")
        self.assertEqual(self._get_state(), before)

    def test_neither_by_get_nor_without_csrf(self):
        before = self._get_state()
        self._sign_in(self.portal_user)
        path = f"{self.home}/order/{self.order.id}"
        answer = self.url_open(f"{path}?total=110.00&credit=110.00")
        self.assertIn(answer.status_code, (404, 405))
        answer = self._pay_order(self.order, csrf=False)
        self.assertEqual(answer.status_code, 400)
        answer = self._pay_order(self.order, csrf=False, csrf_token="forged")
        self.assertEqual(answer.status_code, 400)
        self.assertEqual(self._get_state(), before)

    def test_changed_amounts_pay_nothing(self):
        before = self._get_state()
        for change in CHANGES:
            with self.subTest(**change):
                answer = self._pay_order(self.order, **change)
                self.assertEqual(answer.status_code, 303)
                self.assertEqual(self._get_state(), before)
        self.order.order_line.price_unit = 120
        self._pay_order(self.order)
        self.assertEqual(self.order.state, "sent", "it is another amount now")

    def test_what_else_is_sent_decides_nothing(self):
        for change in IGNORED:
            with self.subTest(**change):
                order = self._send_order(price=10)
                before = self.account.balance
                self._pay_order(order, total="11.00", credit="11.00", **change)
                self.env.invalidate_all()
                self.assertEqual(order.state, "sale")
                self.assertEqual(self.account.balance, before - 11)

    def test_sent_again_it_pays_nothing_more(self):
        self._pay_order(self.order)
        after = self._get_state()
        self.assertEqual(after[2], 40.0)
        for _turn in range(3):
            self._pay_order(self.order)
            self.assertEqual(self._get_state(), after)
        self._issue_credit(500)
        self._pay_order(self.order)
        self.assertEqual(len(self.order.invoice_ids), 1)

    def test_credit_that_is_gone_meanwhile_pays_nothing(self):
        form = self._get_form(self.order)
        self._make_invoice(100)
        before = self._get_state()
        self._pay_order(self.order, **form)
        self.assertEqual(self._get_state(), before)
