"""Measure what posting a customer invoice costs with the addon and without it.

Usage: bench_posting.py CONFIG PAIRS PLAIN CONTROL ADDON

The databases hold the same books; the addon is installed in the last one only, and the
first two are alike: how far their ratio is from 1 is what the measure itself is off.
All three are open in this process and post in turn, in an order that chance decides.
"""

import statistics
import sys
from functools import partial

from bench_tools import (
    Database,
    print_load,
    print_ratio,
    run_rounds,
    start_odoo,
    timed,
    verdict,
)

from odoo import fields
from odoo.fields import Command

# What the client has, as `bench_books.py` notes it on them, and the ratio aimed at.
HISTORIES = {
    "0 open, 0 settled": 1.05,
    "20000 open, 0 settled": 1.10,
    "0 open, 200000 settled": 1.05,
}
MORE_QUERIES = 3
HIGH_LIMIT = 1e10


def switch_policy_on(env):
    """Let the gate watch the clients, with a limit that lets every invoice pass."""
    env.company.client_negative_balance = "prevented"
    for account in env["client.account"].search([]):
        account._set_limit(HIGH_LIMIT, "granted")


def make_drafts(database):
    """Return {history: id of a draft invoice of the client who has it}."""
    with database.begin(database.user_id) as env:
        drafts = {}
        for history in HISTORIES:
            line = {"name": "Lessons", "quantity": 4, "price_unit": 30}
            drafts[history] = env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": env["res.partner"].search([("ref", "=", history)]).id,
                    "invoice_date": fields.Date.today(),
                    "invoice_line_ids": [Command.create(line)],
                }
            )
        if "client.account" in env:
            # The client without items has no account before this invoice.
            partners = env["res.partner"].browse(
                move.partner_id.id for move in drafts.values()
            )
            env["client.account"].sudo()._get_or_create(partners, env.company)
            switch_policy_on(env(su=True))
        return {history: move.id for history, move in drafts.items()}


def post(database, move_id):
    """Return the seconds and the number of queries of posting one draft.

    It is posted in a transaction of its own, all that a commit would still write
    included, and rolled back: so the client's history stays as long as it is, and every
    round posts the same draft. The commit itself costs the same with and without the
    addon; leaving it out makes the ratio the more severe.
    """
    with database.begin(database.user_id) as env:
        move = env["account.move"].browse(move_id)

        def act():
            move.action_post()
            env.cr.flush()

        before = env.cr.sql_log_count
        seconds = timed(act)
        queries = env.cr.sql_log_count - before
        if move.state != "posted":
            raise AssertionError("The invoice was not posted: nothing was measured.")
        env.cr.rollback()
    return seconds, queries


def report(results, target):
    """Print the ratios and queries of one history."""
    seconds = {name: [row[0] for row in rows] for name, rows in results.items()}
    queries = {
        name: statistics.median(row[1] for row in rows)
        for name, rows in results.items()
    }
    print_ratio("With the addon", seconds["addon"], seconds["plain"], target)
    print_ratio("Control, Odoo twice", seconds["control"], seconds["plain"])
    more = queries["addon"] - queries["plain"]
    print(
        f"  Queries: {queries['addon']:g} with the addon, {queries['plain']:g} without:"
        f" {more:g} more; {verdict(more, MORE_QUERIES)}",
        flush=True,
    )


def main(config, pairs, plain, control, addon):
    """Print the figures of each history."""
    start_odoo(config)
    databases = {"plain": plain, "control": control, "addon": addon}
    databases = {label: Database(name) for label, name in databases.items()}
    drafts = {label: make_drafts(database) for label, database in databases.items()}
    print_load()
    for history, target in HISTORIES.items():
        print(f"Posting an invoice of a client with {history} items, {pairs} pairs:")
        measures = {
            label: partial(post, database, drafts[label][history])
            for label, database in databases.items()
        }
        report(run_rounds(measures, int(pairs)), target)
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
