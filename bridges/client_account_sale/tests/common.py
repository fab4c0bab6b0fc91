from odoo.fields import Command

from odoo.addons.client_account.exceptions import BalanceRefused
from odoo.addons.client_account.tests.common import ClientAccountRequestCommon


class ClientOrderCommon(ClientAccountRequestCommon):
    """A client who orders lessons of 100.00 and a tax of 10 %."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("sales_team.group_sale_manager")
        cls.tax = cls.env["account.tax"].create(
            {"name": "Ten", "amount": 10.0, "company_id": cls.company.id}
        )
        cls.lesson = cls._make_product("Lesson")
        cls.book = cls._make_product("Book", invoice_policy="delivery")
        cls.plain = cls._make_product("Plain", taxes_id=[Command.clear()])
        cls.salesperson = cls._make_user(
            "order_seller", "sales_team.group_sale_salesman_all_leads"
        )
        cls.selling_viewer = cls._make_user(
            "order_viewer",
            "sales_team.group_sale_salesman_all_leads,"
            "client_account.group_client_account_viewer",
        )
        cls.selling_approver = cls._make_user(
            "order_approver",
            "sales_team.group_sale_salesman_all_leads,"
            "client_account.group_client_account_approver",
        )

    @classmethod
    def _make_product(cls, name, **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "service",
                "list_price": 100.0,
                "invoice_policy": "order",
                "taxes_id": [Command.set(cls.tax.ids)],
                **values,
            }
        )

    @classmethod
    def _make_order(cls, quantity=1, product=None, price=100.0, user=None, **values):
        """Make a quotation; `quantity` may be a list of lines' values."""
        lines = quantity if isinstance(quantity, list) else [{}]
        orders = cls.env["sale.order"].with_user(user or cls.env.user)
        return orders.create(
            {
                "partner_id": cls.client.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": (product or cls.lesson).id,
                            "product_uom_qty": 1 if line else quantity,
                            "price_unit": price,
                            **line,
                        }
                    )
                    for line in lines
                ],
                **values,
            }
        )

    @classmethod
    def _confirm_order(cls, *args, **values):
        order = cls._make_order(*args, **values)
        order.action_confirm()
        return order

    @classmethod
    def _invoice(cls, order, post=True, **lines):
        """Invoice what can be of an order."""
        invoice = order._create_invoices(final=True)
        if post:
            invoice.action_post()
        return invoice

    @classmethod
    def _pay_down(cls, order, amount, post=True):
        """Invoice a down payment of a fixed amount, taxes included."""
        wizard = cls.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": [Command.set(order.ids)],
                "advance_payment_method": "fixed",
                "fixed_amount": amount,
            }
        )
        invoice = wizard._create_invoices(order)
        if post:
            invoice.action_post()
        return invoice

    @classmethod
    def _prevent(cls, limit=0.0, account=None):
        """Have the balance of a client prevented from going below a limit."""
        account = account or cls.account
        account.negative_balance = "prevented"
        account._set_limit(limit, "granted")

    def _get_committed(self, account=None):
        account = account or self.account
        self.env.flush_all()
        return round(account._get_committed_amounts().get(account, 0.0), 2)

    def assertOrderRefused(self, call, *patterns):
        """Check that a call is refused, and that the database is as before."""
        with self.assertRaises(BalanceRefused) as caught, self.env.cr.savepoint():
            call()
        for pattern in patterns:
            self.assertRegex(str(caught.exception), pattern)
        return caught.exception
