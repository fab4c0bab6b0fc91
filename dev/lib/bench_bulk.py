"""Measure what many credits, checks and allocations at once cost.

Usage: bench_bulk.py CONFIG LINES ROUNDS PLAIN ADDON

The databases hold the same; the addon is installed in the last one only. Both are open
in this process and act in turn. What is measured is rolled back, but for the memory.
"""

import gc
import sys

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

CREDITS = 1000
ALLOCATIONS = 5000
PORTION_LINES = (2000, 10000)
MORE_CREDITS = 1.15
MORE_ALLOCATIONS = 1.3
QUERIES_PER_THOUSAND = 20
# What the memory of a process may grow between the smaller and the larger number of
# lines: the allocator's own waste.
MORE_MEMORY_MB = 40


def make_clients(env, count, name):
    return env["res.partner"].create(
        [{"name": f"{name} {number:05}"} for number in range(count)]
    )


# === Credits against bare entries ===


def book_bare_entries(database, keep=False):
    """Return the seconds of creating and posting bare entries in one batch, in Odoo
    without the addon.

    :param keep: whether they stay
    """
    with database.begin(database.user_id) as env:
        clients = make_clients(env, CREDITS, "Bare")
        company = env.company
        journal = env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", company.id)], limit=1
        )
        receivable = clients[0].property_account_receivable_id
        other = env["account.account"].search(
            [("account_type", "=", "expense")], limit=1
        )
        today = fields.Date.today()
        env.flush_all()
        env.invalidate_all()

        def act():
            moves = env["account.move"].create(
                [
                    {
                        "move_type": "entry",
                        "journal_id": journal.id,
                        "partner_id": client.id,
                        "date": today,
                        "ref": "Class cancelled",
                        "line_ids": [
                            Command.create(
                                {
                                    "account_id": account.id,
                                    "partner_id": client.id,
                                    "name": "Class cancelled",
                                    "balance": balance,
                                }
                            )
                            for account, balance in ((receivable, -20), (other, 20))
                        ],
                    }
                    for client in clients
                ]
            )
            moves._post(soft=False)
            # All that a commit would still write, such as what is tracked: the addon
            # writes that before it takes the locks of clients.
            env.cr.flush()

        seconds = timed(act)
        if not keep:
            env.cr.rollback()
    return seconds


def make_batch(env, clients, kind="credit"):
    return env["client.credit.batch"].create(
        {
            "kind": kind,
            "reason": "Class cancelled",
            "line_ids": [
                Command.create({"partner_id": client.id, "amount": 20})
                for client in clients
            ],
        }
    )


def book_batch(database, keep=False):
    """Return the seconds of checking and booking as many bulk credits.

    :param keep: whether they stay
    """
    with database.begin(database.user_id) as env:
        env.company.client_batch_at_once = CREDITS
        batch = make_batch(env, make_clients(env, CREDITS, "Bulk"))
        env.flush_all()
        env.invalidate_all()

        def act():
            batch.action_run()
            env.cr.flush()

        seconds = timed(act)
        if batch.done_count != CREDITS:
            raise AssertionError("Not all was booked: nothing was measured.")
        if not keep:
            env.cr.rollback()
    return seconds


def measure_credits(plain, addon, rounds):
    """Print what bulk credits cost against bare entries."""
    # In empty tables Odoo looks for the last number of a journal in a way that gets
    # slower with each entry of the round.
    book_bare_entries(plain, keep=True)
    book_batch(addon, keep=True)
    for database in (plain, addon):
        database.settle()
    print(f"{CREDITS} credits, {rounds} rounds:")
    results = run_rounds(
        {
            "bare": lambda: book_bare_entries(plain),
            "bulk": lambda: book_batch(addon),
        },
        rounds,
        warm_up=1,
    )
    print_ratio(
        "To bare entries in one batch", results["bulk"], results["bare"], MORE_CREDITS
    )


# === Checking ===


def measure_checking(database, lines):
    """Print how many queries checking imported lines takes."""
    with database.begin(database.user_id) as env:
        clients = make_clients(env, lines, "Imported")
        batch = make_batch(env, [], "charge")
        model = env["client.credit.batch.line"].with_context(default_batch_id=batch.id)
        model.create(
            [
                {"client": client.name if number % 50 else "Nobody", "amount": number}
                for number, client in enumerate(clients)
            ]
        )
        env.flush_all()
        env.invalidate_all()
        before = env.cr.sql_log_count
        seconds = timed(batch.action_check)
        queries = (env.cr.sql_log_count - before) * 1000 / lines
        print(
            f"Checking {lines} imported lines: {queries:.1f} queries per 1,000, "
            f"{batch.problem_count} with a problem, in {seconds:.1f} s; "
            f"{verdict(queries, QUERIES_PER_THOUSAND)}",
            flush=True,
        )
        env.cr.rollback()


# === Memory ===


def get_memory():
    """Return the memory of this process that is in use, in megabytes."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def measure_memory(database, most):
    """Print how the memory grows with the lines that the job books in portions."""
    peaks = []
    for lines in (*PORTION_LINES[:1], *PORTION_LINES):
        lines = min(lines, most)
        with database.begin(database.user_id) as env:
            env.company.client_batch_at_once = 0
            batch = make_batch(env, make_clients(env, lines, "Portion"))
            batch.action_run()
            batch_id = batch.id
        before = get_memory()
        peak = before
        with database.begin() as env:
            native = type(env["client.credit.batch"])._work_in_job

            def work(records, native=native):
                nonlocal peak
                done = native(records)
                peak = max(peak, get_memory())
                return done

            type(env["client.credit.batch"])._work_in_job = work
            try:
                while env["client.credit.batch"].browse(batch_id).state == "running":
                    env["client.credit.batch"]._cron_run()
            finally:
                type(env["client.credit.batch"])._work_in_job = native
            env.invalidate_all()
            if env["client.credit.batch"].browse(batch_id).done_count != lines:
                raise AssertionError("Not all was booked: nothing was measured.")
        peaks.append(peak - before)
        print(f"  {lines} lines in portions: {peaks[-1]:.0f} MB more", flush=True)
    print(
        f"Memory from {PORTION_LINES[0]} to {min(PORTION_LINES[1], most)} lines: "
        f"{peaks[2] - peaks[1]:.0f} MB more; "
        f"{verdict(peaks[2] - peaks[1], MORE_MEMORY_MB)}",
        flush=True,
    )


# === Allocations ===


def make_open_items(env):
    """Return clients who each have an open credit and an open charge of as much."""
    env.company.client_credit_application = "manual"
    clients = make_clients(env, ALLOCATIONS, "Open")
    accounts = env["client.account"]._get_or_create(clients, env.company)
    for kind in ("charge", "credit"):
        for start in range(0, ALLOCATIONS, 100):
            part = accounts[start : start + 100]
            part._create_adjustments(
                [
                    (account, account._prepare_adjustment(kind, 20, "Class"))
                    for account in part
                ]
            )
    return accounts


def allocate_in_bulk(database, account_ids):
    """Return the seconds of planning and applying all of it."""
    with database.begin(database.user_id) as env:
        batch = env["client.credit.allocation.batch"].create(
            {"account_ids": [Command.set(account_ids)]}
        )
        env.flush_all()
        env.invalidate_all()

        def act():
            batch.action_run()
            # The job's work, here in one transaction.
            while batch.state == "running":
                batch._work()
            env.flush_all()

        seconds = timed(act)
        if batch.done_count != len(account_ids):
            raise AssertionError("Not all was allocated: nothing was measured.")
        env.cr.rollback()
    return seconds


def reconcile_plainly(database, account_ids):
    """Return the seconds of as many plain calls of `reconcile`."""
    with database.begin(database.user_id) as env:
        partners = env["client.account"].browse(account_ids).partner_id
        items = env["account.move.line"].search(
            [
                ("partner_id", "in", partners.ids),
                ("account_type", "=", "asset_receivable"),
                ("reconciled", "=", False),
            ]
        )
        pairs = list(items.grouped("partner_id").values())
        env.flush_all()

        def act():
            for pair in pairs:
                pair.reconcile()
            env.flush_all()

        seconds = timed(act)
        env.cr.rollback()
    return seconds


def measure_allocations(database, rounds):
    """Print what a bulk allocation costs against plain calls."""
    with database.begin(database.user_id) as env:
        account_ids = make_open_items(env).ids
    database.settle()
    print(f"{ALLOCATIONS} allocations, {rounds} rounds:")
    results = run_rounds(
        {
            "plain": lambda: reconcile_plainly(database, account_ids),
            "bulk": lambda: allocate_in_bulk(database, account_ids),
        },
        rounds,
        warm_up=0,
    )
    print_ratio(
        "To as many plain calls of reconcile",
        results["bulk"],
        results["plain"],
        MORE_ALLOCATIONS,
    )


def main(config, lines, rounds, plain, addon):
    """Print the figures."""
    start_odoo(config)
    plain, addon = Database(plain), Database(addon)
    lines, rounds = int(lines), int(rounds)
    print_load()
    measure_checking(addon, lines)
    measure_credits(plain, addon, rounds)
    measure_memory(addon, lines)
    measure_allocations(addon, rounds)
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
