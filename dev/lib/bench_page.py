"""Measure what opening a client's pages costs, for the heaviest and the lightest one.

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
ROWS = 40
ITEM_FIELDS = ("date", "date_maturity", "move_name", "balance", "amount_residual")


def get_list(*names):
    """Return the specification of a list on a page."""
    return {"fields": {name: {} for name in names}, "limit": ROWS}


ACCOUNT_PAGE = {
    **{
        name: {}
        for name in (
            *("state", "credit_limit", "balance", "amount_owed", "amount_overdue"),
            *("credit_available", "limit_in_force", "available", "limit_usage"),
            *("ledger_balance", "ledger_difference", "credit_ahead", "balance_graph"),
        )
    },
    "debit_line_ids": get_list(*ITEM_FIELDS),
    "credit_line_ids": get_list(*ITEM_FIELDS, "client_credit_reason"),
    "history_line_ids": get_list(*ITEM_FIELDS, "client_history_balance"),
}
CONTACT_PAGE = {
    name: {}
    for name in (
        *("display_name", "client_balance", "client_amount_owed"),
        *("client_amount_overdue", "client_available", "client_limit_in_force"),
        *("client_negative_balance", "client_pay_later_origin"),
    )
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
                 GROUP BY 1 HAVING COUNT(*) >= 8 ORDER BY COUNT(*)
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
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
