import math

from odoo import api, fields, models
from odoo.fields import Command
from odoo.tools import SQL
from odoo.tools.sql import escape_psql

# How many documents a window shows at first, and more at each press of the button.
LINES_SHOWN = 30

# More than any client has open.
ALL_ITEMS = 2**31 - 1


class ClientOpenLinesMixin(models.AbstractModel):
    """Windows with a line for each open document of a client, `line_ids`.

    A client may have thousands: as many are loaded as are shown, the earliest due
    first, and others are found by a search. Lines with an amount always stay.
    """

    _name = "client.open.lines.mixin"
    _description = "Windows With Open Documents"

    search_text = fields.Char(
        string="Search",
        help="A part of a document's number, reference or reason, or an amount that is "
        "open. Documents beside which an amount is typed stay.",
    )
    has_more_lines = fields.Boolean(compute="_compute_has_more_lines")

    # === What a window is of ===

    def _get_line_key(self):
        """Return the name of the field of the lines that holds a document's item."""
        raise NotImplementedError

    def _search_line_items(self, limit=ALL_ITEMS):
        """Return the first items that lines are for and that are searched for, in the
        order they are applied.

        :param int limit: how many at most
        :return: `account.move.line` under sudo: officers need no right to read journal
            items of their clients
        """
        raise NotImplementedError

    def _get_preset_amounts(self):
        """Return what the window starts with, {item: amount}; nothing by default."""
        return {}

    def _get_ticked_ids(self):
        """Return the ids of the items the window was opened for, as its caller ticked
        them; what is none is left out."""
        ids = self.env.context.get("client_paid_item_ids")
        if not isinstance(ids, list | tuple):
            return []
        return [item_id for item_id in ids if type(item_id) is int]

    # === Lines ===

    def _get_line_items(self):
        """Return the items that there are lines for, under sudo as they may be read."""
        return self.line_ids.sudo()[self._get_line_key()]._origin

    def _prepare_line(self, item):
        """Return the values of the line for an item."""
        # By due date, wherever in the list it is found.
        due = item.date_maturity or item.date
        return {self._get_line_key(): item.id, "sequence": due.toordinal()}

    def _get_first_lines(self):
        """Return the commands that show the first documents and nothing else, with
        the amounts the window starts with."""
        preset = self._get_preset_amounts()
        items = self._search_line_items(LINES_SHOWN).union(*preset)
        return [
            Command.clear(),
            *(
                Command.create(
                    {**self._prepare_line(item), "amount": preset.get(item, 0.0)}
                )
                for item in items
            ),
        ]

    def _get_items_to_fill(self):
        """Return the items that may be filled in, in the order they are applied: all
        that are found or, where all of them have been shown, those left of them."""
        items = self._search_line_items()
        if self.search_text or len(self.line_ids) >= LINES_SHOWN:
            return items
        return items & self._get_line_items()

    @api.onchange("search_text")
    def _onchange_search_text(self):
        """Show what is found, beside the lines with an amount."""
        lines = self.line_ids.filtered("amount")
        # Sudo: as in `_get_line_items`.
        kept = lines.sudo()[self._get_line_key()]._origin
        found = self._search_line_items(LINES_SHOWN + len(kept)) - kept
        found = found[:LINES_SHOWN]
        if self._get_line_items() == kept | found:
            # A window that opens shows them already.
            return
        for item in found:
            lines += lines.new(self._prepare_line(item))
        self.line_ids = lines.sorted("sequence")

    @api.depends("line_ids", "search_text")
    def _compute_has_more_lines(self):
        for wizard in self:
            shown = wizard._get_line_items()
            found = wizard._search_line_items(len(shown) + 1)
            wizard.has_more_lines = bool(found - shown)

    def _show_more_lines(self):
        """Add lines for more of the documents that are found."""
        shown = self._get_line_items()
        found = self._search_line_items(len(shown) + LINES_SHOWN) - shown
        self.line_ids = [
            Command.create(self._prepare_line(item)) for item in found[:LINES_SHOWN]
        ]

    def _write_planned(self, amounts):
        """Write the amounts that the engine has planned, which need no check, and add
        the lines there are none of yet: in as many queries for thousands as for one.

        :param amounts: {item: amount in its currency}; zero beside all others
        """
        self.ensure_one()
        self.check_access("write")
        key = self._get_line_key()
        self.env.flush_all()
        lines = {}
        for line in self.line_ids:
            # Sudo: as in `_get_line_items`.
            # Of a document that comes twice the first line is as good as any.
            lines.setdefault(line.sudo()[key]._origin, line)
        self._update_lines(
            {lines[item].id: amt for item, amt in amounts.items() if item in lines}
        )
        self._insert_lines(
            {item: amount for item, amount in amounts.items() if item not in lines}
        )
        self.invalidate_recordset()
        self.line_ids.invalidate_model()

    def _update_lines(self, amounts):
        """Write amounts on the lines there are, zero on all others.

        :param amounts: {line id: amount}
        """
        self.env.cr.execute(
            SQL(
                "UPDATE %s line SET amount = COALESCE(plan.amount, 0) FROM"
                " unnest(%s::integer[]) shown(id) LEFT JOIN"
                " unnest(%s::integer[], %s::numeric[]) plan(id, amount)"
                " ON plan.id = shown.id WHERE line.id = shown.id",
                SQL.identifier(self.line_ids._table),
                self.line_ids.ids,
                list(amounts),
                list(amounts.values()),
            )
        )

    def _insert_lines(self, amounts):
        """Add lines with amounts.

        :param amounts: {item: amount}
        """
        key = self._get_line_key()
        values = [self._prepare_line(item) for item in amounts]
        self.env.cr.execute(
            SQL(
                "INSERT INTO %(table)s (%(window)s, %(key)s, sequence, amount,"
                " create_uid, create_date, write_uid, write_date)"
                " SELECT %(id)s, item, sequence, amount, %(uid)s, now.now, %(uid)s,"
                " now.now FROM unnest(%(items)s::integer[], %(sequences)s::integer[],"
                " %(amounts)s::numeric[]) plan(item, sequence, amount),"
                " (SELECT now() AT TIME ZONE 'UTC') now(now)",
                table=SQL.identifier(self.line_ids._table),
                window=SQL.identifier(self._fields["line_ids"].inverse_name),
                key=SQL.identifier(key),
                id=self.id,
                uid=self.env.uid,
                items=[vals[key] for vals in values],
                sequences=[vals["sequence"] for vals in values],
                amounts=list(amounts.values()),
            )
        )

    # === Search ===

    @api.model
    def _get_payable_sql(self):
        """Return the condition that a document is not being paid already, see
        `account.move.line._get_being_paid_problem`.

        Looked at document by document (OFFSET 0), as far as the lines go, see
        `account.move._get_credit_excluded_sql`.

        :return: `SQL` on the alias `line` of account_move_line
        """
        return SQL(
            "NOT EXISTS (SELECT FROM account_move WHERE id = line.move_id"
            " AND payment_state = 'in_payment' OFFSET 0)",
            to_flush=self.env["account.move"]._fields["payment_state"],
        )

    def _get_search_sql(self):
        """Return the condition that a document is searched for.

        :return: `SQL` on the alias `line` of account_move_line
        """
        text = (self.search_text or "").strip()
        if not text:
            return SQL("TRUE")
        moves = self.env["account.move"]._fields
        found = SQL(
            "EXISTS (SELECT FROM account_move move WHERE move.id = line.move_id"
            " AND (move.name ILIKE %(text)s OR move.ref ILIKE %(text)s"
            " OR move.client_adjustment_reason ILIKE %(text)s))"
            " OR line.name ILIKE %(text)s",
            text=f"%{escape_psql(text)}%",
            to_flush=[
                moves[name] for name in ("name", "ref", "client_adjustment_reason")
            ],
        )
        amount = self._parse_amount(text)
        if amount is None:
            return SQL("(%s)", found)
        return SQL("(%s OR abs(line.amount_residual_currency) = %s)", found, amount)

    def _parse_amount(self, text):
        """Return the amount that a text is in the user's language, None for none."""
        language = self.env["res.lang"]._get_data(code=self.env.lang or "en_US")
        text = text.replace(language.thousands_sep or ",", "")
        text = text.replace(language.decimal_point or ".", ".")
        try:
            amount = float(text)
        except ValueError:
            return None
        return amount if math.isfinite(amount) else None
