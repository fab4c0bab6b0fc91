import uuid

from odoo import fields
from odoo.fields import Command

from odoo.addons.client_account.exceptions import BalanceRefused
from odoo.addons.client_account.tests.common import ClientAccountRequestCommon

POS_USER = "base.group_user,point_of_sale.group_pos_user"
VIEWER = "client_account.group_client_account_viewer"


class ClientTillCommon(ClientAccountRequestCommon):
    """A till that takes cash and clients' accounts, and cashiers without any right to
    accounting, who may see figures or not."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("point_of_sale.group_pos_manager")
        cls.method = cls._get_account_method(cls.company)
        cls.book = cls._make_product("Book")
        cls.plan = cls._make_product("Plan", client_not_payable_with_credit=True)
        cls.cash = cls._make_cash_method("Cash", "CSH9")
        cls.till = cls._make_till("Desk", cls.cash)
        cls.till_session = cls._open_session(cls.till)
        cls.cashier = cls._make_user("till_cashier", POS_USER)
        cls.seeing_cashier = cls._make_user("till_seeing", f"{POS_USER},{VIEWER}")

    # === Fixtures ===

    @classmethod
    def _get_account_method(cls, company):
        """Return the payment method "Client Account" of a company."""
        return cls.env["pos.payment.method"].search(
            [("client_is_account", "=", True), ("company_id", "=", company.id)]
        )

    @classmethod
    def _make_product(cls, name, price=30.0, **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "consu",
                "list_price": price,
                "available_in_pos": True,
                "taxes_id": [Command.clear()],
                **values,
            }
        )

    @classmethod
    def _make_cash_method(cls, name, code, **values):
        journal = cls.env["account.journal"].create(
            {
                "name": name,
                "type": "cash",
                "code": code,
                "company_id": cls.company.id,
                **values,
            }
        )
        return cls.env["pos.payment.method"].create(
            {
                "name": name,
                "journal_id": journal.id,
                "company_id": journal.company_id.id,
            }
        )

    @classmethod
    def _make_till(cls, name, methods, **values):
        methods |= cls._get_account_method(methods.company_id)
        # A till takes the journals of the company that is open.
        configs = cls.env["pos.config"].with_company(methods.company_id)
        return configs.create(
            {
                "name": name,
                "company_id": methods.company_id.id,
                "payment_method_ids": [Command.set(methods.ids)],
                **values,
            }
        )

    @classmethod
    def _open_session(cls, till):
        till.with_company(till.company_id).open_ui()
        session = till.current_session_id
        session.set_opening_control(0, None)
        return session

    @classmethod
    def _prevent(cls, limit=0.0, account=None):
        """Have the balance of a client prevented from going below a limit."""
        account = account or cls.account
        account.negative_balance = "prevented"
        account._set_limit(limit, "granted")

    # === Orders ===

    def _build_order(self, payments, lines=None, session=None, client=None, **values):
        """Return the data of a paid order as the till sends it.

        :param payments: list of (method, amount)
        :param lines: list of (product, quantity, price), by default a book at the price
            of what is paid
        """
        session = session or self.till_session
        paid = sum(amount for _method, amount in payments)
        if lines is None:
            lines = [(self.book, 1, paid)]
        total = sum(quantity * price for _product, quantity, price in lines)
        return {
            "uuid": str(uuid.uuid4()),
            "access_token": str(uuid.uuid4()),
            "session_id": session.id,
            "company_id": session.company_id.id,
            "partner_id": (client or self.client).id,
            "user_id": self.env.uid,
            "state": "paid",
            "date_order": fields.Datetime.to_string(fields.Datetime.now()),
            "amount_total": total,
            "amount_paid": paid,
            "amount_tax": 0.0,
            "amount_return": 0.0,
            "to_invoice": False,
            "is_refund": False,
            # The till sends every field that it knows of, also those it is only told.
            "account_move": False,
            "client_balance_after": False,
            "pricelist_id": False,
            "fiscal_position_id": False,
            "lines": [
                Command.create(
                    {
                        "product_id": product.id,
                        "qty": quantity,
                        "price_unit": price,
                        "price_subtotal": quantity * price,
                        "price_subtotal_incl": quantity * price,
                        "tax_ids": [Command.clear()],
                        "discount": 0.0,
                        "pack_lot_ids": [],
                    }
                )
                for product, quantity, price in lines
            ],
            "payment_ids": [
                Command.create(
                    {
                        "amount": amount,
                        "name": fields.Datetime.to_string(fields.Datetime.now()),
                        "payment_method_id": method.id,
                    }
                )
                for method, amount in payments
            ],
            **values,
        }

    def _sync(self, *orders, user=None):
        """Send orders as the till does, and return them."""
        model = self.env["pos.order"].with_user(user or self.cashier)
        model.sync_from_ui([dict(order) for order in orders])
        return self.env["pos.order"].search(
            [("uuid", "in", [order["uuid"] for order in orders])]
        )

    def _sell(self, payments, user=None, **values):
        """Sell an order at the till, see `_build_order`; an amount alone is paid with
        the account."""
        if not isinstance(payments, list):
            payments = [(self.method, payments)]
        return self._sync(self._build_order(payments, **values), user=user)

    def _top_up(self, amount, purpose="top_up", **values):
        """Receive cash for the account, without a sale."""
        return self._sell(
            [(self.method, -amount), (self.cash, amount)],
            lines=[],
            client_purpose=purpose,
            **values,
        )

    def _request(self, order, user=None, session=None):
        """Ask as the till does before the receipt; return why not, in words."""
        amount = sum(
            command[2]["amount"]
            for command in order["payment_ids"]
            if command[2]["payment_method_id"] == self.method.id
        )
        session = (session or self.till_session).with_user(user or self.cashier)
        products = [command[2]["product_id"] for command in order["lines"]]
        answer = session.client_request_account(
            order["uuid"], order["partner_id"], amount, products
        )
        return answer["refusal"]

    def _close(self, session=None):
        """Close a session as the till does."""
        session = (session or self.till_session).with_user(self.cashier)
        session.post_closing_cash_details(session.cash_register_balance_end)
        answer = session.close_session_from_ui()
        self.assertTrue(answer["successful"], answer)

    # === Checks ===

    def _get_committed(self, account=None):
        account = account or self.account
        self.env.flush_all()
        return round(account._get_committed_amounts().get(account, 0.0), 2)

    def assertFigures(self, balance, available=None, account=None):
        """Check what an account has, by the ledger and in sum."""
        account = account or self.account
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertAlmostEqual(account.balance, balance)
        if available is not None:
            self.assertAlmostEqual(account.available, available)

    def assertNothingBesideCredit(self, client=None):
        """Check that a client's debts and credits are not open beside each other."""
        items = self.env["account.move.line"].search(
            [
                ("partner_id", "=", (client or self.client).id),
                ("account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
            ]
        )
        signs = {residual > 0 for residual in items.mapped("amount_residual")}
        self.assertLessEqual(len(signs), 1, items.mapped("amount_residual"))

    def assertOrderRefused(self, call, *patterns):
        """Check that a call is refused, and roll back what it did."""
        with self.assertRaises(BalanceRefused) as caught, self.env.cr.savepoint():
            call()
        for pattern in patterns:
            self.assertRegex(str(caught.exception), pattern)
        return str(caught.exception)
