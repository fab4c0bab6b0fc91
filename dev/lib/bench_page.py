"""Measure what opening a client's pages costs, for the heaviest and the lightest one.

Beside them, what it takes to fill in thousands of amounts against what plain Odoo takes
to open its window for a payment of the same invoices.

Usage: bench_page.py CONFIG ROUNDS LOPSIDED SHARED

In the first database one client holds most of the books, in the second many share them.
The pages of both clients are opened in the same rounds, in an order of chance,
each time in a transaction of its own with nothing in cache.
"""

import sys

from bench_tools import (
    Database,
    print_load,
    print_ratio,
    recorded_queries,
    run_rounds,
    start_odoo,
    timed,
)

# What the web client asks for of the lists on a page: the first rows.
ROWS = 10
ITEM_FIELDS = ("date", "date_maturity", "move_name", "balance", "amount_residual")


def get_list(*names):
    """Return the specification of a list on a page."""
    return {"fields": {name: {} for name in names}, "limit": ROWS}


LISTS = {
    "debit_line_ids": get_list(*ITEM_FIELDS),
    "credit_line_ids": get_list(*ITEM_FIELDS, "client_credit_reason"),
    "history_line_ids": get_list(*ITEM_FIELDS, "client_history_balance"),
}
ACCOUNT_PAGE = {
    **{
        name: {}
        for name in (
            *("state", "balance", "amount_owed", "credit_available", "profile"),
            *("has_more_lines", "pay_later_disabled", "saved_methods"),
        )
    },
    **LISTS,
}
# The graph is asked for once the page is shown.
GRAPH = {"balance_graph": {}}
WINDOW = {
    **{
        name: {}
        for name in (
            *("credit_line_id", "debit_line_id", "partner_id", "document_name"),
            *("currency_id", "amount_open", "amount_remaining", "problem"),
            *("full_only", "search_text", "has_more_lines", "has_later_instalment"),
        )
    },
    "line_ids": get_list(
        *("debit_line_id", "credit_line_id", "document_name", "document_reason"),
        *("date", "date_due", "amount_open", "amount", "currency_id"),
    ),
}
# How many amounts are filled in, and a tenth of them.
FILLED = 3000
CONTACT_PAGE = {
    **{
        name: {}
        for name in (
            *("display_name", "client_balance", "client_profile"),
            *("client_negative_balance", "client_pay_later_origin"),
            "client_saved_methods",
        )
    },
    **{f"client_{name}": spec for name, spec in LISTS.items()},
}


class Pages:
    """The pages of the heaviest and of the lightest client of a database."""

    def __init__(self, name):
        self.database = Database(name)
        with self.database.begin() as env:
            env.cr.execute(
                """
                SELECT account.id
                  FROM client_account account
                  JOIN account_move_line line ON line.partner_id = account.partner_id
                   AND line.parent_state = 'posted'
                  JOIN account_account chart ON chart.id = line.account_id
                   AND chart.account_type = 'asset_receivable'
                 GROUP BY 1
                HAVING COUNT(*) >= 8 AND BOOL_OR(line.amount_residual < 0)
                   AND BOOL_OR(line.amount_residual > 0)
                 ORDER BY COUNT(*)
                """
            )
            ids = [account_id for (account_id,) in env.cr.fetchall()]
            self.account_ids = {"lightest": ids[0], "heaviest": ids[-1]}
            accounts = env["client.account"].browse(self.account_ids.values())
            for label, account in zip(self.account_ids, accounts, strict=True):
                items = env["account.move.line"].search_count(
                    account._get_items_domain()
                )
                print(f"  The {label} client has {items} receivable items.")

    def open_account(self, account):
        """Open the page of an account."""
        account.web_read(ACCOUNT_PAGE)

    def open_contact(self, account):
        """Open the contact of a client."""
        account.partner_id.web_read(CONTACT_PAGE)

    def open_graph(self, account):
        """Load the graph on the page of an account."""
        account.web_read(GRAPH)

    def open_window(self, account):
        """Open the window that allocates a credit of a client."""
        credit = account.credit_line_ids[:1]
        windows = account.env["client.credit.allocation"]
        windows.with_context(default_credit_line_id=credit.id).onchange({}, [], WINDOW)

    def fill_in(self, count, act):
        """Return the seconds and queries that filling in so many amounts takes.

        :param act: called with the account and its first open debts, returns what is
            measured
        """
        with self.database.begin(self.database.user_id) as env:
            account = env["client.account"].browse(self.account_ids["heaviest"])
            debts = env["account.move.line"].browse(
                account._fetch_first_open_item_ids(1, count)
            )
            measured = act(account, debts)
            env.flush_all()
            env.invalidate_all()
            with recorded_queries() as queries:
                seconds = timed(measured)
            env.cr.rollback()
        return seconds, len(queries)

    def fill_window(self, account, debts):
        """Return what fills the window of a credit that pays debts, and reads it."""
        amount = sum(debts.mapped("amount_residual"))
        credit = account.env["account.move"].browse(
            account.issue_credit(amount, "Term")
        )
        window = account.env["client.credit.allocation"].create(
            {"credit_line_id": credit._get_receivable_items().id}
        )

        def fill():
            window.action_oldest_first()
            window.web_read(WINDOW)

        return fill

    def fill_register(self, account, debts):
        """Return what opens plain Odoo's window for a payment of debts."""
        register = account.env["account.payment.register"].with_context(
            active_model="account.move.line", active_ids=debts.ids
        )
        names = ("amount", "currency_id", "journal_id", "payment_difference")

        def fill():
            register.create({}).web_read({name: {} for name in names})

        return fill

    def compare_filling(self, rounds):
        """Print how filling in amounts compares with plain Odoo's window."""
        for _round in range(2):
            counts = [
                self.fill_in(count, self.fill_window)[1]
                for count in (FILLED // 10, FILLED)
            ]
        print(
            f"  Earliest Due First: {counts[1]} queries for {FILLED} amounts, "
            f"{counts[0]} for {FILLED // 10}."
        )
        seconds = run_rounds(
            {
                name: lambda act=act: self.fill_in(FILLED, act)[0]
                for name, act in (
                    ("addon", self.fill_window),
                    ("plain", self.fill_register),
                )
            },
            rounds,
        )
        print_ratio(
            f"Earliest Due First for {FILLED}, to plain Odoo's payment window",
            seconds["addon"],
            seconds["plain"],
            1.0,
        )

    def measure(self, act, label):
        """Return the seconds that a page of a client takes."""
        with self.database.begin(self.database.user_id) as env:
            account = env["client.account"].browse(self.account_ids[label])
            return timed(act, account)

    def count(self, act, label):
        """Return the number of queries that a page of a client takes."""
        with self.database.begin(self.database.user_id) as env:
            account = env["client.account"].browse(self.account_ids[label])
            with recorded_queries() as queries:
                act(account)
            return len(queries)

    def compare(self, title, act, rounds):
        """Print how a page of the heaviest client compares with the lightest's."""
        counts = {label: self.count(act, label) for label in self.account_ids}
        counts = {label: self.count(act, label) for label in counts}
        seconds = run_rounds(
            {
                label: lambda label=label: self.measure(act, label)
                for label in self.account_ids
            },
            rounds,
        )
        print(
            f"  {title}: {counts['heaviest']} queries for the heaviest client, "
            f"{counts['lightest']} for the lightest."
        )
        print_ratio(
            f"{title}, heaviest to lightest",
            seconds["heaviest"],
            seconds["lightest"],
            1.5,
        )


def main(config, rounds, lopsided, shared):
    """Print the figures."""
    start_odoo(config)
    print_load()
    for title, name in (
        ("One client holds most of the books:", lopsided),
        ("Many clients share the books:", shared),
    ):
        print(title)
        pages = Pages(name)
        pages.compare("Account", pages.open_account, int(rounds))
        pages.compare("Contact", pages.open_contact, int(rounds))
        pages.compare("Allocation window", pages.open_window, int(rounds))
        pages.compare("Graph, after the page", pages.open_graph, int(rounds))
        pages.compare_filling(int(rounds))
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
