"""Measure what orders cost: what clients have committed, confirming, the profile.

Usage: bench_orders.py CONFIG ROUNDS OPERATIONS PLAIN CONTROL ADDON

The databases hold the same orders, see `bench_orders_books.py`; the glue to orders is
installed in the last one only, and the first two are alike: how far their ratio is from
1 is what the measure itself is off. What is compared runs in the same rounds, in an
order that chance decides. At the end many callers confirm, change, cancel and invoice
orders of one client at once, and add their own invoices.
"""

import statistics
import sys
from functools import partial

from bench_tools import (
    Database,
    print_load,
    print_ratio,
    recorded_queries,
    run_rounds,
    start_odoo,
    timed,
    verdict,
)

from odoo.fields import Command
from odoo.tools import SQL

CALLERS = 16
HIGH_LIMIT = 1e10
RACE_LIMIT = 300.0
ADMIN = ("admin", "admin")

# What one would write by hand for the same answer, in one company and one currency.
LEAN_SQL = """
    SELECT partner_id, SUM(amount) FROM (
        SELECT contact.commercial_partner_id AS partner_id,
               SUM(CASE
                   WHEN line.is_downpayment THEN -COALESCE(invoiced.total, 0)
                   WHEN line.product_uom_qty = 0
                   THEN GREATEST(line.untaxed_amount_to_invoice, 0)
                   ELSE line.price_total / line.product_uom_qty
                        * GREATEST(line.product_uom_qty
                                   - COALESCE(invoiced.quantity, 0), 0)
                   END) AS amount
          FROM sale_order sale
          JOIN res_partner contact ON contact.id = sale.partner_invoice_id
          JOIN sale_order_line line
            ON line.order_id = sale.id AND line.state = 'sale'
           AND line.display_type IS NULL
           AND (line.price_subtotal IS DISTINCT FROM line.untaxed_amount_invoiced
                OR line.qty_invoiced IS DISTINCT FROM line.product_uom_qty
                OR line.qty_delivered > line.product_uom_qty)
          LEFT JOIN LATERAL (
            SELECT SUM(item.quantity) AS quantity, SUM(item.price_total) AS total
              FROM sale_order_line_invoice_rel link
              JOIN account_move_line item ON item.id = link.invoice_line_id
             WHERE link.order_line_id = line.id AND item.parent_state = 'posted'
          ) invoiced ON TRUE
         WHERE contact.commercial_partner_id = ANY(%(clients)s)
         GROUP BY sale.id, contact.commercial_partner_id
      ) sums
     WHERE amount > 0
     GROUP BY 1
"""


def prepare(database):
    """Return {who: id of a draft order}, of a client with many orders and of another
    with few, after the policy was switched on where there is one."""
    with database.begin(database.user_id) as env:
        clients = env["res.partner"].search([("ref", "=", "orders")], order="id")
        product = env["product.product"].search([("name", "=", "Bench")], limit=1)
        line = {"product_id": product.id, "price_unit": 10.0, "tax_ids": []}
        drafts = {}
        for who, client in (("few", clients[1]), ("many", clients[0])):
            drafts[who] = (
                env["sale.order"]
                .create(
                    {
                        "partner_id": client.id,
                        "order_line": [Command.create(line) for _number in range(3)],
                    }
                )
                .id
            )
        if "client.account" in env:
            accounts = env["client.account"].sudo()
            accounts._get_or_create(clients, env.company)
            env.company.sudo().client_negative_balance = "prevented"
            for account in accounts.search([]):
                account._set_limit(HIGH_LIMIT, "granted")
        return drafts


# === Committed ===


def ask_committed(env, clients):
    """Return what clients have committed, by the addon's own query."""
    return env.execute_query(
        SQL(
            "SELECT partner_id, SUM(amount) FROM (%s) committed"
            " WHERE partner_id = ANY(%s) GROUP BY 1",
            env["client.account"]._get_committed_sql(),
            clients,
        )
    )


def measure_committed(database, rounds):
    """Compare what 500 clients have committed with the bare query."""
    with database.begin() as env:
        clients = env["res.partner"].search([("ref", "=", "orders")]).ids
        count = env["sale.order"].search_count([])

    def lean(env):
        env.cr.execute(LEAN_SQL, {"clients": clients})
        return env.cr.fetchall()

    with database.begin() as env:
        answers = [
            {row[0]: round(float(row[1]), 2) for row in rows}
            for rows in (ask_committed(env, clients), lean(env))
        ]
        if answers[0] != answers[1]:
            raise AssertionError("The two queries do not answer the same.")

    def measure(act):
        with database.begin() as env:
            return timed(act, env)

    print(f"What {len(clients)} clients have committed, among {count} orders:")
    seconds = run_rounds(
        {
            "addon": lambda: measure(lambda env: ask_committed(env, clients)),
            "lean": lambda: measure(lean),
        },
        rounds,
    )
    print(f"  The bare query: {1000 * statistics.median(seconds['lean']):.1f} ms")
    print_ratio("The addon's to it", seconds["addon"], seconds["lean"], 1.3)


# === Confirming ===


def confirm(database, order_id):
    """Return the seconds and the number of queries of confirming one order.

    In a transaction of its own, all that a commit would still write included, and
    rolled back, so that every round confirms the same order.
    """
    with database.begin(database.user_id) as env:
        order = env["sale.order"].browse(order_id)

        def act():
            order.action_confirm()
            env.cr.flush()

        before = env.cr.sql_log_count
        seconds = timed(act)
        queries = env.cr.sql_log_count - before
        if order.state != "sale":
            raise AssertionError("The order was not confirmed: nothing was measured.")
        env.cr.rollback()
    return seconds, queries


def measure_confirming(databases, drafts, rounds):
    """Compare confirming an order with plain Odoo."""
    for who in ("few", "many"):
        print(f"Confirming an order of a client with {who} orders, {rounds} rounds:")
        results = run_rounds(
            {
                name: partial(confirm, database, drafts[name][who])
                for name, database in databases.items()
            },
            rounds,
        )
        seconds = {name: [row[0] for row in rows] for name, rows in results.items()}
        queries = {name: rows[-1][1] for name, rows in results.items()}
        print_ratio("With the addon", seconds["addon"], seconds["plain"], 1.05)
        print_ratio("Control, Odoo twice", seconds["control"], seconds["plain"])
        print(
            f"  Queries: {queries['addon']} with the addon, {queries['plain']} without;"
            f" {1000 * statistics.median(seconds['plain']):.1f} ms without",
            flush=True,
        )


# === Profile ===


def measure_profile(database):
    """Count the queries of the profile, of a client with many orders and with few."""
    counts = {}
    with database.begin() as env:
        clients = env["res.partner"].search([("ref", "=", "orders")], order="id")
        accounts = {
            who: env["client.account"]._get_or_create(client, env.company).id
            for who, client in (("few", clients[1]), ("many", clients[0]))
        }
    for _turn in range(2):
        for who, account_id in accounts.items():
            with database.begin(database.user_id) as env, recorded_queries() as queries:
                account = env["client.account"].browse(account_id)
                account.read(["profile", "order_ids"])
                account.order_ids.read(["name", "client_committed"])
                counts[who] = len(queries)
    print(
        f"Queries of the profile and its orders: {counts['many']} with many orders; "
        f"{verdict(counts['many'], counts['few'])} with few"
    )


# === Races ===


def race(database, operations):
    """Have callers at one client's orders and invoices, and say whether it adds up."""
    from odoo.addons.client_account.tests.server import OdooServer
    from odoo.addons.client_account_sale.tests.order_race import OrderRace

    def query(text, *params):
        with database.registry.cursor() as cr:
            cr.execute(text, params)
            return cr.fetchall()

    with database.begin() as env:
        company = env.ref("base.user_admin").company_id
        client = env["res.partner"].create({"name": "Race", "customer_rank": 1})
        account = env["client.account"]._get_or_create(client, company)
        account.negative_balance = "prevented"
        account._set_limit(RACE_LIMIT, "granted")
        ids = client.id, account.id
    server = OdooServer(database.name)
    try:
        server.start(*ADMIN)
        callers = OrderRace(server, ADMIN, query)
        outcomes, lowest = callers.run(*ids, CALLERS, operations)
        available = callers.get_available(ids[1])
        expected = RACE_LIMIT - callers.reckon(ids[0])
    finally:
        server.close()
    print(f"{operations} operations by {CALLERS} callers on one client's orders:")
    for (kind, outcome), number in sorted(outcomes.items()):
        print(f"  {number} times {kind} {outcome}")
    print(f"  The least that was ever available: {lowest:.2f}; {verdict(-lowest, 0)}")
    print(
        f"  Available at the end: {available:.2f}, reckoned by hand {expected:.2f}; "
        f"{verdict(abs(available - expected), 0)}",
        flush=True,
    )


def main(config, rounds, operations, plain, control, addon):
    """Print the figures."""
    start_odoo(config)
    databases = {"plain": plain, "control": control, "addon": addon}
    databases = {label: Database(name) for label, name in databases.items()}
    drafts = {label: prepare(database) for label, database in databases.items()}
    print_load()
    measure_committed(databases["addon"], int(rounds))
    measure_confirming(databases, drafts, int(rounds))
    measure_profile(databases["addon"])
    race(databases["addon"], int(operations))
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
