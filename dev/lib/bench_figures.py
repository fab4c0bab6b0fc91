"""Measure what the figures of accounts cost, for 1,000 accounts and for a whole list.

Usage: bench_figures.py CONFIG ROUNDS DATABASE

What is compared runs in the same rounds, in an order that chance decides, each time in
a transaction of its own with nothing in cache.
"""

import contextlib
import random
import sys

from bench_tools import (
    SEED,
    Database,
    print_load,
    print_ratio,
    recorded_queries,
    run_rounds,
    start_odoo,
    timed,
    verdict,
)

ACCOUNTS = 1000
PAGE = 80
QUERIES = 2

# What one would write by hand for the same answer, contacts counted for their client.
BARE_SQL = """
    SELECT contact.commercial_partner_id,
           -SUM(item.amount_residual) AS balance,
           SUM(item.amount_residual) FILTER (WHERE item.amount_residual > 0) AS owed,
           SUM(item.amount_residual) FILTER (
               WHERE item.amount_residual > 0
                 AND item.date_maturity < CURRENT_DATE) AS overdue,
           -SUM(item.amount_residual) FILTER (WHERE item.amount_residual < 0) AS credit
      FROM account_move_line item
      JOIN res_partner contact ON contact.id = item.partner_id
      JOIN account_account account ON account.id = item.account_id
     WHERE contact.commercial_partner_id = ANY(%(partners)s)
       AND account.account_type = 'asset_receivable'
       AND item.parent_state = 'posted'
       AND item.amount_residual <> 0
     GROUP BY 1
"""
# The least there is, for clients known to have no contacts and one company's accounts
# known by their ids: what an answer from the index alone takes.
LEAST_SQL = """
    SELECT partner_id,
           -SUM(amount_residual) AS balance,
           SUM(amount_residual) FILTER (WHERE amount_residual > 0) AS owed,
           SUM(amount_residual) FILTER (
               WHERE amount_residual > 0 AND date_maturity < CURRENT_DATE) AS overdue,
           -SUM(amount_residual) FILTER (WHERE amount_residual < 0) AS credit
      FROM account_move_line
     WHERE partner_id = ANY(%(partners)s)
       AND account_id = ANY(%(receivables)s)
       AND parent_state = 'posted'
       AND amount_residual <> 0
     GROUP BY partner_id
"""


class Benchmark:
    """The database, and the accounts that are read in it."""

    def __init__(self, database):
        # Only once Odoo has read its configuration does it find the addon.
        from odoo.addons.client_account.models.client_account_figures import FIGURES

        self.figures = list(FIGURES)
        self.database = database
        with database.begin() as env:
            accounts = env["client.account"].search(
                [("partner_id.ref", "like", "settled")]
            )
            count = min(ACCOUNTS, len(accounts))
            chosen = random.Random(SEED).sample(accounts.ids, count)
            self.account_ids = chosen
            self.partner_ids = accounts.browse(chosen).partner_id.ids
            receivables = env["account.account"].search(
                [("account_type", "=", "asset_receivable")]
            )
            self.values = {
                "partners": self.partner_ids,
                "receivables": receivables.ids,
            }
            items = env["account.move.line"].search_count([])
            print(f"{len(accounts)} clients with accounts, {items} journal items.")

    @contextlib.contextmanager
    def begin(self):
        """Open a transaction of the administrator; no record is in cache but their own.

        User and company are, as they are in a request of the web client by the time
        that it comes to the records.
        """
        with self.database.begin(self.database.user_id) as env:
            env.user.mapped("tz")
            env.company.mapped("name")
            yield env

    def measure(self, act):
        """Return the seconds of an act."""
        with self.begin() as env:
            return timed(act, env)

    def record(self, act):
        """Return the queries of an act, with their values."""
        with self.begin() as env, recorded_queries() as queries:
            act(env)
            return list(queries)

    def send(self, queries):
        """Return an act that sends queries as they are and takes all rows."""

        def act(env):
            # The cursor of psycopg2 itself, without Odoo's.
            cursor = env.cr._cnx.cursor()
            for query, params in queries:
                cursor.execute(query, params)
                cursor.fetchall()
            cursor.close()

        return act

    # -- what is measured ---------------------------------------------------

    def read_figures(self, env):
        """Read all figures, as a list or an export does."""
        env["client.account"].browse(self.account_ids).read(self.figures)

    def read_native(self, env):
        """Read what Odoo itself has to offer about the same clients."""
        env["res.partner"].browse(self.partner_ids).read(["credit", "credit_limit"])

    def search_page(self, env):
        """Find the accounts of the first page sorted by balance."""
        env["client.account"].search([], order="balance", limit=PAGE)

    def open_page(self, env):
        """Do what the web client asks for when a list is opened."""
        specification = {name: {} for name in ("partner_id", "state", *self.figures)}
        specification["partner_id"] = {"fields": {"display_name": {}}}
        env["client.account"].web_search_read(
            [], specification, order="balance", limit=PAGE, count_limit=10001
        )


def main(config, rounds, database):
    """Print the figures."""
    start_odoo(config)
    bench = Benchmark(Database(database))
    rounds = int(rounds)
    # Once before, so that rights and settings are in the caches of the registry.
    bench.record(bench.read_figures)
    queries = bench.record(bench.read_figures)
    print_load()

    count = len(bench.account_ids)
    print(f"All {len(bench.figures)} figures of {count} accounts, {rounds} rounds:")
    print(f"  Queries: {len(queries)}; {verdict(len(queries), QUERIES)}")
    acts = {
        "bare": bench.send([(BARE_SQL, bench.values)]),
        "least": bench.send([(LEAST_SQL, bench.values)]),
        "items": bench.send([row for row in queries if "account_move_line" in row[0]]),
        "queries": bench.send(queries),
        "read": bench.read_figures,
        "native": bench.read_native,
    }
    seconds = measure_all(bench, acts, rounds)
    bare = seconds["bare"]
    print_ratio("Their SQL to a bare grouped query", seconds["items"], bare, 1.3)
    print_ratio("All queries of read() to it", seconds["queries"], bare)
    print_ratio("read() to it", seconds["read"], bare, 3)
    print_ratio("Odoo's credit and credit_limit to it", seconds["native"], bare)
    print_ratio("It to one from the index alone", bare, seconds["least"])

    print(f"The list sorted by balance, first {PAGE}, {rounds} rounds:")
    queries = bench.record(bench.search_page)
    acts = {
        "bare": bench.send(queries),
        "search": bench.search_page,
        "open": bench.open_page,
    }
    seconds = measure_all(bench, acts, rounds)
    bare = seconds["bare"]
    print_ratio("search() to its SQL sent bare", seconds["search"], bare, 1.5)
    print_ratio("Opening the list to that SQL", seconds["open"], bare, 1.5)
    print_load()


def measure_all(bench, acts, rounds):
    """Return {name: the seconds of each round}."""
    return run_rounds(
        {name: lambda act=act: bench.measure(act) for name, act in acts.items()},
        rounds,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
