"""Many tills at the account of one client at once, on a real server.

For tests, with as many orders as they like.
"""

import random
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from odoo import fields

from odoo.addons.client_account.tests.server import JsonClient, JsonFault

ORDER, SESSION, CONFIG = "pos.order", "pos.session", "pos.config"
METHOD, MOVE = "pos.payment.method", "account.move"
SEED = 19
# What callers do of chance, and how often: ask and send, send without having asked, as
# no till of ours does, and invoice in the back office.
KINDS = {"sell": 4, "send": 1, "invoice": 1}

OWED_SQL = """
    SELECT COALESCE(SUM(line.balance), 0) FROM account_move_line line
      JOIN account_account chart ON chart.id = line.account_id
     WHERE line.partner_id = %s AND chart.account_type = 'asset_receivable'
       AND line.parent_state = 'posted'
"""
ON_ACCOUNT_SQL = """
    SELECT COALESCE(SUM(payment.amount), 0) FROM pos_payment payment
      JOIN pos_order ticket ON ticket.id = payment.pos_order_id
      JOIN pos_session session ON session.id = ticket.session_id
     WHERE ticket.partner_id = %s AND ticket.state IN ('paid', 'done')
       AND ticket.account_move IS NULL
       AND session.state <> 'closed' AND payment.payment_method_id = %s
"""


def is_account_refusal(fault):
    """Tell whether a call was refused by the client's policy."""
    return fault.name.endswith("BalanceRefused")


class TillRace:
    """Calls to one server by tills of the main company.

    :param server: a running `OdooServer`
    :param tuple login: name and password of who makes tills and sells
    :param query: function that returns the rows of a query, in a transaction of its own
    """

    def __init__(self, server, login, query):
        # What answers nothing is a fault over XML-RPC.
        self.admin = JsonClient(server, *login)
        self.query = query
        self.lock = threading.Lock()
        [self.method_id] = self.admin.call(
            METHOD, "search", [("client_is_account", "=", True), ("company_id", "=", 1)]
        )
        product_id = self.admin.call(
            "product.product",
            "create",
            {"name": "Race", "type": "service", "available_in_pos": True},
        )
        self.product_id = product_id

    def open_session(self):
        """Make a till that takes clients' accounts, and open it; return the session."""
        config_id = self.admin.call(
            CONFIG,
            "create",
            {
                "name": f"Race {uuid.uuid4().hex[:8]}",
                "payment_method_ids": [(6, 0, [self.method_id])],
            },
        )
        self.admin.call(CONFIG, "open_ui", [config_id])
        [config] = self.admin.call(CONFIG, "read", [config_id], ["current_session_id"])
        session_id = config["current_session_id"][0]
        self.admin.call(SESSION, "set_opening_control", [session_id], 0, None)
        return session_id

    def build_order(self, session_id, client_id, amount):
        """Return the data of an order that the account pays, as the till sends it."""
        line = {
            "product_id": self.product_id,
            "qty": 1,
            "price_unit": amount,
            "price_subtotal": amount,
            "price_subtotal_incl": amount,
            "tax_ids": [(6, 0, [])],
            "discount": 0.0,
            "pack_lot_ids": [],
        }
        payment = {"amount": amount, "payment_method_id": self.method_id}
        return {
            "uuid": str(uuid.uuid4()),
            "access_token": str(uuid.uuid4()),
            "session_id": session_id,
            "partner_id": client_id,
            "state": "paid",
            "date_order": fields.Datetime.to_string(fields.Datetime.now()),
            "amount_total": amount,
            "amount_paid": amount,
            "amount_tax": 0.0,
            "amount_return": 0.0,
            "to_invoice": False,
            "lines": [(0, 0, line)],
            "payment_ids": [(0, 0, payment)],
        }

    def request(self, order):
        """Ask for an order before its receipt; return the refusal in words."""
        amount = order["amount_total"]
        answer = self.admin.call(
            SESSION,
            "client_request_account",
            [order["session_id"]],
            order["uuid"],
            order["partner_id"],
            amount,
            [self.product_id],
        )
        return answer["refusal"]

    def send(self, order):
        """Send a paid order; return its id."""
        answer = self.admin.call(ORDER, "sync_from_ui", [order])
        return answer["pos.order"][0]["id"]

    def sell(self, order):
        """Ask and send, as a till does; return the refusal in words."""
        refusal = self.request(order)
        if not refusal:
            self.send(order)
        return refusal

    def make_invoice(self, client_id, amount):
        """Post an invoice in the back office."""
        line = {"name": "Race", "price_unit": amount, "tax_ids": []}
        values = {
            "move_type": "out_invoice",
            "partner_id": client_id,
            "invoice_payment_term_id": False,
            "invoice_line_ids": [(0, 0, line)],
        }
        move_id = self.admin.call(MOVE, "create", values)
        self.admin.call(MOVE, "action_post", [move_id])

    # === Operations of chance ===

    def run(self, client_id, session_ids, callers, operations):
        """Have callers at work at once at several tills, and beside them.

        :return: Counter of (kind, "done" or "refused")
        """
        outcomes = Counter()

        def work(number):
            dice = random.Random(SEED + number)
            session_id = session_ids[number % len(session_ids)]
            for _turn in range(operations // callers):
                [kind] = dice.choices(list(KINDS), list(KINDS.values()))
                amount = dice.choice((5, 10, 20))
                is_refused = self.act(kind, session_id, client_id, amount)
                with self.lock:
                    outcomes[kind, "refused" if is_refused else "done"] += 1

        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(work, range(callers)))
        return outcomes

    def act(self, kind, session_id, client_id, amount):
        """Do one operation, and tell whether it was refused."""
        try:
            if kind == "invoice":
                self.make_invoice(client_id, amount)
                return False
            order = self.build_order(session_id, client_id, amount)
            if kind == "sell":
                return bool(self.sell(order))
            self.send(order)
        except JsonFault as fault:
            if not is_account_refusal(fault):
                raise
            return True
        return False

    def reckon(self, client_id):
        """Return what a client owes and has on account, without the addon's queries."""
        owed = self.query(OWED_SQL, client_id)[0][0]
        on_account = self.query(ON_ACCOUNT_SQL, client_id, self.method_id)[0][0]
        return float(owed) + float(on_account)
