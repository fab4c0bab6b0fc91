"""Many callers at the orders and invoices of one client, on a real server.

For tests and for `dev/bench orders`.
"""

import random
import threading
import time
import xmlrpc.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from odoo.addons.client_account.tests.server import JsonClient, is_busy, is_refusal

ORDER, LINE, MOVE = "sale.order", "sale.order.line", "account.move"
ACCOUNT, WIZARD = "client.account", "sale.advance.payment.inv"
SEED = 19
# A caller that comes last of sixteen has to repeat often.
MOST_REPEATS = 60
# What callers do of chance, and how often.
KINDS = {"order": 2, "grow": 1, "cancel": 1, "bill": 1, "invoice": 1}

OWED_SQL = """
    SELECT COALESCE(SUM(line.balance), 0) FROM account_move_line line
      JOIN account_account chart ON chart.id = line.account_id
     WHERE line.partner_id = %s AND chart.account_type = 'asset_receivable'
       AND line.parent_state = 'posted'
"""
ORDERED_SQL = """
    SELECT COALESCE(SUM(line.price_total), 0) FROM sale_order_line line
      JOIN sale_order sale ON sale.id = line.order_id
     WHERE sale.partner_invoice_id = %s AND sale.state = 'sale'
       AND NOT EXISTS (
           SELECT FROM sale_order_line_invoice_rel link
             JOIN account_move_line item ON item.id = link.invoice_line_id
            WHERE link.order_line_id = line.id AND item.parent_state = 'posted')
"""


class OrderRace:
    """Calls to one server about orders without taxes.

    :param server: a running `OdooServer`
    :param tuple login: name and password of who makes and invoices orders
    :param query: function that returns the rows of a query, in a transaction of its own
    """

    def __init__(self, server, login, query):
        self.admin = server.sign_in(*login)
        # What answers nothing, or False within, is a fault over XML-RPC.
        self.session = JsonClient(server, *login)
        self.query = query
        self.product_id = self.admin.call(
            "product.product", "create", {"name": "Race", "type": "service"}
        )
        self.lock = threading.Lock()

    # === Fixtures ===

    def make_orders(self, client_id, count, price, **values):
        """Make quotations of one line each, and return their ids."""
        line = {
            "product_id": self.product_id,
            "price_unit": price,
            "tax_ids": [(6, 0, [])],
        }
        values = {"partner_id": client_id, "order_line": [(0, 0, line)], **values}
        return self.admin.call(ORDER, "create", [values] * count)

    def make_invoices(self, client_id, count, price):
        """Make drafts that belong to no order, and return their ids."""
        line = {"name": "Race", "price_unit": price, "tax_ids": []}
        values = {
            "move_type": "out_invoice",
            "partner_id": client_id,
            "invoice_payment_term_id": False,
            "invoice_line_ids": [(0, 0, line)],
        }
        return self.admin.call(MOVE, "create", [values] * count)

    def make_own_invoice(self, order_id):
        """Make the draft invoice of a confirmed order, and return its id."""
        wizard_id = self.admin.call(
            WIZARD,
            "create",
            {
                "advance_payment_method": "delivered",
                "sale_order_ids": [(6, 0, [order_id])],
            },
        )
        self.session.call(WIZARD, "create_invoices", [wizard_id])
        [order] = self.admin.call(ORDER, "read", [order_id], ["invoice_ids"])
        return order["invoice_ids"][0]

    # === Calls ===

    def call(self, model, method, *args):
        """Call until it is answered; return the answer, or the `Fault` that refuses."""
        for _repeat in range(MOST_REPEATS):
            try:
                return self.admin.call(model, method, *args)
            except xmlrpc.client.Fault as fault:
                if is_refusal(fault):
                    return fault
                if not is_busy(fault):
                    raise
        raise AssertionError("A caller was never answered.")

    def get_available(self, account_id):
        """Return what the account says is available."""
        [account] = self.admin.call(ACCOUNT, "read", [account_id], ["available"])
        return account["available"]

    def reckon(self, client_id):
        """Return what a client owes and has ordered, without the addon's queries."""
        return sum(
            float(self.query(query, client_id)[0][0])
            for query in (OWED_SQL, ORDERED_SQL)
        )

    # === Operations of chance ===

    def run(self, client_id, account_id, callers, operations):
        """Have callers at work at once while somebody looks all the time.

        :return: (Counter of outcomes, the least that was ever available)
        """
        stop, outcomes = threading.Event(), Counter()

        def work(number):
            dice, confirmed = random.Random(SEED + number), []
            for _turn in range(operations // callers):
                [kind] = dice.choices(list(KINDS), list(KINDS.values()))
                if kind != "invoice" and not confirmed:
                    kind = "order"
                answer = self.act(kind, dice, client_id, confirmed)
                refused = isinstance(answer, xmlrpc.client.Fault)
                with self.lock:
                    outcomes[kind, "refused" if refused else "done"] += 1

        def watch():
            lowest = [self.get_available(account_id)]
            while not stop.is_set():
                lowest.append(self.get_available(account_id))
                time.sleep(0.005)
            return min(lowest)

        with ThreadPoolExecutor(callers + 1) as pool:
            watcher = pool.submit(watch)
            try:
                list(pool.map(work, range(callers)))
            finally:
                stop.set()
            return outcomes, watcher.result()

    def act(self, kind, dice, client_id, confirmed):
        """Do one operation, and return the answer.

        :param confirmed: ids of orders that this caller has confirmed
        """
        price = dice.choice((5, 10, 20))
        if kind == "order":
            [order_id] = self.make_orders(client_id, 1, price)
            answer = self.call(ORDER, "action_confirm", [order_id])
            if answer is True:
                confirmed.append(order_id)
            return answer
        if kind == "invoice":
            move_ids = self.make_invoices(client_id, 1, price)
            return self.call(MOVE, "action_post", move_ids)
        order_id = confirmed[dice.randrange(len(confirmed))]
        if kind == "grow":
            line_ids = self.admin.call(LINE, "search", [("order_id", "=", order_id)])
            return self.call(LINE, "write", line_ids, {"price_unit": price + 10})
        confirmed.remove(order_id)
        if kind == "cancel":
            return self.call(ORDER, "write", [order_id], {"state": "cancel"})
        return self.call(MOVE, "action_post", [self.make_own_invoice(order_id)])
