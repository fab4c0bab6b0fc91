"""Fill a database with the books of many clients.

Usage: bench_books.py CONFIG DATABASE OPEN:SETTLED:CLIENTS...

Each argument makes so many clients with so many open and settled receivable items each
on the average. One in ten open items is a credit; the settled ones are invoices, each
with the entry that pays it. Odoo books one document of each kind; all others are copies
of its rows, by SQL, with other clients, dates, amounts and numbers: Odoo would take
many hours to book a million items.
"""

import sys
from datetime import date

from bench_tools import Database, start_odoo

from odoo.fields import Command
from odoo.tools import SQL

KINDS = ("invoice", "credit", "paid", "payment")
PATTERN_AMOUNT = 10

# Around the average, the open items of a client go from none to twice as many.
CLIENTS_SQL = """
    INSERT INTO client (open, pairs)
    SELECT CASE WHEN %(count)s = 1 THEN %(open)s
                ELSE number %% (2 * %(open)s + 1) END,
           number * %(pairs)s / %(count)s - (number - 1) * %(pairs)s / %(count)s
      FROM generate_series(1, %(count)s::bigint) number
"""
# In the order of their dates, so that the items of a client lie far apart, as in books
# that grew. `number` stands for a document, `pair` for a paid invoice and its payment.
DOCUMENTS_SQL = """
    CREATE TEMP TABLE document AS
    SELECT row_number() OVER (ORDER BY date, random()) AS number, item.*
      FROM (
        SELECT partner_id, NULL::bigint AS pair, 1 + floor(random() * 20) AS factor,
               CASE WHEN (partner_id + turn) % 10 = 0 THEN 'credit'
                    ELSE 'invoice' END AS kind,
               CURRENT_DATE - floor(random() * 120)::integer AS date
          FROM client, generate_series(1, open) turn
         UNION ALL
        SELECT partner_id, pair, factor, kind,
               start + CASE kind WHEN 'payment' THEN 20 ELSE 0 END
          FROM (
            SELECT partner_id, row_number() OVER () AS pair,
                   1 + floor(random() * 20) AS factor,
                   CURRENT_DATE - 50 - floor(random() * 680)::integer AS start
              FROM client, generate_series(1, pairs)
          ) settled, unnest(ARRAY['paid', 'payment']) kind
      ) item
"""


def get_receivable(move):
    """Return the item of a document that is the client's."""
    return move.line_ids.filtered(
        lambda line: line.account_id.account_type == "asset_receivable"
    )


class Patterns:
    """The documents that are copied, one of each kind, and their client."""

    def __init__(self, env):
        self.env = env
        self.partner = env["res.partner"].create(
            {"name": "Pattern", "email": "pattern@example.com", "ref": "Pattern"}
        )
        self.moves = {kind: self.book_invoice() for kind in ("invoice", "paid")}
        receivable = get_receivable(self.moves["invoice"]).account_id
        for kind in ("credit", "payment"):
            self.moves[kind] = self.book_payment(receivable)
        self.pair = get_receivable(self.moves["paid"] | self.moves["payment"])
        self.pair.reconcile()
        env.flush_all()

    def book_invoice(self):
        """Return a posted invoice that has no tax, and so two items."""
        line = {"name": "Lesson", "price_unit": PATTERN_AMOUNT, "tax_ids": False}
        return self.book(
            move_type="out_invoice",
            invoice_date=date.today(),
            invoice_line_ids=[Command.create(line)],
        )

    def book_payment(self, receivable):
        """Return a posted entry of money received."""
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.env.company.id)], limit=1
        )
        items = (
            {"account_id": receivable.id, "credit": PATTERN_AMOUNT},
            {"account_id": bank.default_account_id.id, "debit": PATTERN_AMOUNT},
        )
        return self.book(
            journal_id=bank.id,
            line_ids=[
                Command.create({"partner_id": self.partner.id, **item})
                for item in items
            ],
        )

    def book(self, **values):
        """Return a posted document of the pattern's client."""
        values["partner_id"] = self.partner.id
        move = self.env["account.move"].create(values)
        move.action_post()
        return move


class Books:
    """The copies of the patterns."""

    def __init__(self, patterns, sizes):
        self.patterns = patterns
        self.cr = patterns.env.cr
        self.sizes = sizes
        # What the ids of the copies start after.
        self.bases = {
            name: self.fetch_last_id(patterns.env[name])
            for name in (
                "res.partner",
                "account.move",
                "account.move.line",
                "account.full.reconcile",
            )
        }

    def fetch_last_id(self, model):
        """Return the highest id in a table."""
        table = SQL.identifier(model._table)
        [(last,)] = model.env.execute_query(SQL("SELECT MAX(id) FROM %s", table))
        return last

    def make(self):
        """Insert clients, documents and how they were settled."""
        self.copy_clients()
        self.cr.execute("SELECT setseed(0.19)")
        self.cr.execute(DOCUMENTS_SQL)
        self.cr.execute("ANALYZE document")
        self.copy_full_reconciles()
        for kind in KINDS:
            self.copy_documents(kind)
        self.copy_partials()
        for name in self.bases:
            self.advance_sequence(self.patterns.env[name])

    def copy_clients(self):
        """Insert the clients; their reference says what they have."""
        self.cr.execute(
            "CREATE TEMP TABLE client (partner_id serial, open int, pairs int)"
        )
        base = self.bases["res.partner"]
        self.cr.execute("SELECT setval('client_partner_id_seq', %s)", [base])
        for average, settled, count in self.sizes:
            pairs = settled * count // 2
            values = {"open": average, "pairs": pairs, "count": count}
            self.cr.execute(CLIENTS_SQL, values)
        name = SQL("'Client ' || lpad(source.partner_id::text, 7, '0')")
        email = SQL("'client' || source.partner_id || '@example.com'")
        self.copy_row(
            self.patterns.partner,
            SQL("SELECT * FROM client"),
            id=SQL("source.partner_id"),
            commercial_partner_id=SQL("source.partner_id"),
            name=name,
            complete_name=name,
            ref=SQL("source.open || ' open, ' || 2 * source.pairs || ' settled'"),
            email=email,
            email_normalized=email,
        )

    def copy_documents(self, kind):
        """Insert the documents of one kind and their items."""
        move = self.patterns.moves[kind]
        source = SQL("SELECT * FROM document WHERE kind = %s", kind)
        prefix = SQL("to_char(source.date, %s)", f'"{move.journal_id.code}/"YYYY/')
        name = SQL("(%s || lpad(source.number::text, 7, '0'))", prefix)
        move_id = SQL("(%s + source.number)", self.bases["account.move"])
        invoice = move.move_type == "out_invoice"
        due = SQL("source.date + 30") if invoice else SQL("source.date")
        dates = {"date": SQL("source.date")}
        if invoice:
            dates["invoice_date"] = SQL("source.date")
        self.copy_row(
            move,
            source,
            **dates,
            id=move_id,
            invoice_date_due=due if invoice else SQL("NULL"),
            name=name,
            payment_reference=name if invoice else SQL("NULL"),
            sequence_prefix=prefix,
            sequence_number=SQL("source.number"),
        )
        receivable = get_receivable(move)
        for item in move.line_ids:
            own = {}
            if item == receivable:
                own = {"date_maturity": due, **self.get_matching_values(kind)}
            self.copy_row(
                item,
                source,
                **dates,
                **own,
                id=self.get_item_id(item == receivable, SQL("source.number")),
                move_id=move_id,
                move_name=name,
            )

    def get_item_id(self, is_receivable, number):
        """Return the SQL of the id of one of the two items of a document."""
        base = self.bases["account.move.line"]
        return SQL("(%s + 2 * %s)", base - int(is_receivable), number)

    def get_full_id(self):
        """Return the SQL of the id of what holds a paid invoice and its payment."""
        return SQL("(%s + source.pair)", self.bases["account.full.reconcile"])

    def get_matching_values(self, kind):
        """Return what a settled item knows of what it was matched with."""
        if kind not in ("paid", "payment"):
            return {}
        full_id = self.get_full_id()
        return {
            "full_reconcile_id": full_id,
            "matching_number": SQL("%s::text", full_id),
        }

    def copy_full_reconciles(self):
        """Insert what holds each paid invoice and its payment."""
        source = SQL("SELECT * FROM document WHERE kind = 'paid'")
        full = self.patterns.pair.full_reconcile_id
        self.copy_row(full, source, id=self.get_full_id())

    def copy_partials(self):
        """Insert how each paid invoice was matched with its payment."""
        source = SQL(
            """
            SELECT paid.pair, paid.factor, payment.date,
                   paid.number AS paid, payment.number AS payment
              FROM document paid
              JOIN document payment ON payment.pair = paid.pair
             WHERE paid.kind = 'paid' AND payment.kind = 'payment'
            """
        )
        partial = self.patterns.pair.matched_credit_ids
        self.copy_row(
            partial,
            source,
            id=SQL("nextval(pg_get_serial_sequence(%s, 'id'))", partial._table),
            debit_move_id=self.get_item_id(True, SQL("source.paid")),
            credit_move_id=self.get_item_id(True, SQL("source.payment")),
            full_reconcile_id=self.get_full_id(),
            max_date=SQL("source.date"),
        )

    def copy_row(self, record, source, **values):
        """Insert a copy of a record's row for each row of a query.

        The copies are those of the query's client, and amounts are multiplied by its
        factor.

        :param SQL source: the query, called `source` in the values
        :param values: {column: SQL in place of what the record has}
        """
        columns, expressions = [], []
        for name, field in record._fields.items():
            if not field.store or not field.column_type:
                continue
            columns.append(SQL.identifier(name))
            expression = SQL("pattern.%s", SQL.identifier(name))
            if field.type == "monetary" or name == "price_unit":
                expression = SQL("%s * source.factor", expression)
            elif field.comodel_name == "res.partner" and record[name]:
                expression = SQL("source.partner_id")
            expressions.append(values.get(name, expression))
        self.cr.execute(
            SQL(
                "INSERT INTO %(table)s (%(columns)s) SELECT %(expressions)s"
                " FROM %(table)s pattern, (%(source)s) source"
                " WHERE pattern.id = %(id)s",
                table=SQL.identifier(record._table),
                columns=SQL(", ").join(columns),
                expressions=SQL(", ").join(expressions),
                source=source,
                id=record.id,
            )
        )

    def advance_sequence(self, model):
        """Let the next record come after the copies."""
        self.cr.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)",
            [model._table, self.fetch_last_id(model)],
        )


def main(config, database, *sizes):
    """Fill the database."""
    start_odoo(config)
    with Database(database).begin() as env:
        sizes = [tuple(map(int, size.split(":"))) for size in sizes]
        Books(Patterns(env), sizes).make()


if __name__ == "__main__":
    main(*sys.argv[1:])
