"""Make the orders to measure on, in a database without the addon.

Usage: bench_orders_books.py CONFIG DATABASE

500 clients with 15,000 orders of three lines, of which one client has a fifth. One
order in ten is open, and some of those are invoiced in part. The rows of one confirmed
order are copied in SQL: the ORM would take hours.
"""

import sys

from bench_tools import Database, start_odoo

from odoo.fields import Command

CLIENTS = 500
ORDERS = 15000
LINES = 3
# One order in so many is the first client's; one in so many is open.
HEAVY, OPEN = 5, 10
INVOICED = 100
OWN_COLUMNS = ("id", "name", "partner_id", "partner_invoice_id", "partner_shipping_id")


def get_columns(env, table, left_out):
    """Return the columns of a table but those left out, as a list for SQL."""
    env.cr.execute(
        "SELECT quote_ident(column_name) FROM information_schema.columns"
        " WHERE table_name = %s AND table_schema = current_schema()"
        " AND column_name <> ALL(%s) ORDER BY 1",
        [table, list(left_out)],
    )
    return [name for (name,) in env.cr.fetchall()]


def make_first(env):
    """Return the clients, and one confirmed order."""
    clients = env["res.partner"].create(
        [
            {"name": f"Orders {number:03}", "ref": "orders", "customer_rank": 1}
            for number in range(CLIENTS)
        ]
    )
    product = env["product.product"].create({"name": "Bench", "type": "service"})
    line = {"product_id": product.id, "price_unit": 10.0, "tax_ids": []}
    order = env["sale.order"].create(
        {
            "partner_id": clients[0].id,
            "order_line": [Command.create(line) for _number in range(LINES)],
        }
    )
    order.action_confirm()
    env.flush_all()
    return clients, order


def copy_order(env, clients, order):
    """Copy the rows of an order and of its lines for all clients."""
    columns = ", ".join(get_columns(env, "sale_order", OWN_COLUMNS))
    env.cr.execute(
        f"""
        INSERT INTO sale_order (name, partner_id, partner_invoice_id,
                                partner_shipping_id, {columns})
        SELECT 'BENCH' || number, client, client, client, {columns}
          FROM sale_order, generate_series(1, %(count)s) number,
               LATERAL (SELECT (%(clients)s::integer[])[
                   CASE number %% %(heavy)s WHEN 0 THEN 1
                        ELSE 1 + number %% %(clients_count)s END] AS client) chosen
         WHERE sale_order.id = %(order)s
        """,
        {
            "count": ORDERS - 1,
            "clients": clients.ids,
            "clients_count": len(clients),
            "heavy": HEAVY,
            "order": order.id,
        },
    )
    names = get_columns(env, "sale_order_line", ("id", "order_id"))
    env.cr.execute(
        f"""
        INSERT INTO sale_order_line (order_id, {", ".join(names)})
        SELECT copied.id, {", ".join(f"line.{name}" for name in names)}
          FROM sale_order copied, sale_order_line line
         WHERE copied.name LIKE 'BENCH%%' AND line.order_id = %s
        """,
        [order.id],
    )
    # Most are invoiced to the end, as their stored figures say.
    env.cr.execute(
        """
        UPDATE sale_order_line
           SET qty_invoiced = product_uom_qty, qty_to_invoice = 0,
               untaxed_amount_invoiced = price_subtotal, untaxed_amount_to_invoice = 0,
               invoice_status = 'invoiced'
         WHERE order_id %% %s <> 0
        """,
        [OPEN],
    )
    env.invalidate_all()


def invoice_parts(env):
    """Invoice half of some of the open orders."""
    orders = env["sale.order"].search(
        [("order_line.qty_to_invoice", ">", 0)], limit=INVOICED
    )
    for order in orders:
        invoice = order._create_invoices()
        invoice.invoice_line_ids.quantity = 0.5
        invoice.action_post()


def main(config, name):
    """Make the books."""
    start_odoo(config)
    database = Database(name)
    with database.begin(database.user_id) as env:
        clients, order = make_first(env)
        copy_order(env, clients, order)
    with database.begin(database.user_id) as env:
        invoice_parts(env)


if __name__ == "__main__":
    main(*sys.argv[1:])
