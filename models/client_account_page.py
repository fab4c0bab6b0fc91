import json
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL, format_date
from odoo.tools.date_utils import date_range

# How many items the lists on the page of an account show each; the rest stands behind
# the buttons that open the whole list.
PAGE_LENGTH = 40


class ClientAccount(models.Model):
    """What the page of an account shows beside its figures: lists, history, graph."""

    _inherit = "client.account"

    # === Details page ===
    ledger_balance = fields.Monetary(
        compute="_compute_ledger_balance",
        help="The sum of all posted receivable items: the last line of the history.",
    )
    ledger_difference = fields.Monetary(
        compute="_compute_ledger_balance",
        string="Matched to drafts / other clients",
        help="Amounts matched to a draft or to another client's documents. The balance "
        "leaves them out, the history does not.",
    )
    credit_ahead = fields.Char(
        string="Dated Ahead",
        compute="_compute_credit_ahead",
        help="The part of the credit that is dated ahead. It is part of the balance, "
        "and is not applied by itself before its date.",
    )
    balance_graph = fields.Text(compute="_compute_balance_graph")
    debit_line_ids = fields.Many2many(
        "account.move.line",
        compute="_compute_line_ids",
        compute_sudo=True,
        string="Open Invoices",
        help="The first 40 by due date.",
    )
    credit_line_ids = fields.Many2many(
        "account.move.line",
        compute="_compute_line_ids",
        compute_sudo=True,
        string="Credits",
        help="The first 40 by date.",
    )
    has_more_lines = fields.Boolean(compute="_compute_line_ids", compute_sudo=True)
    history_line_ids = fields.Many2many(
        "account.move.line",
        compute="_compute_history_line_ids",
        compute_sudo=True,
        string="History",
        help="The newest 40.",
    )

    # === Compute: the ledger ===

    @api.depends("partner_id", "company_id")
    def _compute_ledger_balance(self):
        """Add what is matched elsewhere to the open items: that is the sum of all
        items, and reads none of the settled ones."""
        for account in self:
            account.ledger_difference = account.currency_id.round(
                account._fetch_ledger_difference()
            )
            account.ledger_balance = account.currency_id.round(
                account.balance + account.ledger_difference
            )

    def _fetch_ledger_difference(self):
        """Return by how much the sum of one account's items is above the open items.

        A match of two items of the client takes as much from the one's residual as from
        the other's. What remains are items matched to a draft or to another client's.

        :return: company currency
        """
        self.ensure_one()
        # Sudo, here and below: a branch's user need not read the root company.
        [(difference,)] = self.env.execute_query(
            self._get_ledger_difference_sql(
                self.partner_id.ids, self.sudo().company_id.ids
            )
        )
        return float(difference)

    @api.model
    def _get_ledger_difference_sql(self, client_ids, root_ids):
        """Return the query of what `_fetch_ledger_difference` answers for one client.

        :param client_ids: the id of the commercial partner, in a list
        :param root_ids: the id of the root company, in a list
        """
        partials = self.env["account.partial.reconcile"]._fields
        return SQL(
            """
            SELECT COALESCE(SUM(part.amount), 0)
              FROM account_move_line line
             CROSS JOIN LATERAL (
                SELECT -amount AS amount, credit_move_id AS other_id
                  FROM account_partial_reconcile WHERE debit_move_id = line.id
                 UNION ALL
                SELECT amount, debit_move_id
                  FROM account_partial_reconcile WHERE credit_move_id = line.id
              ) part
              JOIN account_move_line other ON other.id = part.other_id
             WHERE line.client_crossing AND %s AND NOT %s
            """,
            self._get_client_items_sql(SQL("line"), client_ids, root_ids),
            self._get_client_items_sql(SQL("other"), client_ids, root_ids),
            to_flush=(
                partials["amount"],
                partials["debit_move_id"],
                partials["credit_move_id"],
            ),
        )

    @api.depends_context("lang")
    @api.depends("partner_id", "company_id")
    def _compute_credit_ahead(self):
        for account in self:
            account.credit_ahead = ", ".join(
                self.env._(
                    "%(amount)s from %(date)s",
                    amount=account.currency_id.format(amount),
                    date=account._format_day_ahead(day),
                )
                for day, amount in account._fetch_credit_ahead()
            )

    def _fetch_credit_ahead(self):
        """Return what is left of the credits of one account that are dated ahead.

        :return: list of (day, amount in company currency), in order of day
        """
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT line.date, -SUM(line.amount_residual) FROM %s GROUP BY 1"
                " ORDER BY 1",
                self._get_ledger_sql(
                    SQL(
                        "%s AND line.date > %s",
                        self._get_open_item_sql(-1),
                        fields.Date.context_today(self),
                    )
                ),
                to_flush=self.env["account.move.line"]._fields["date"],
            )
        )
        return [(day, float(amount)) for day, amount in rows]

    def _format_day_ahead(self, day):
        """Return a day to come without its year, which is said where it is not next."""
        near = day < fields.Date.context_today(self) + relativedelta(years=1)
        return format_date(self.env, day, date_format="d MMM" if near else "d MMM y")

    # === Compute: lists ===

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_id", "company_id")
    def _compute_line_ids(self):
        """Take the first items; the rest stands behind the buttons of the lists."""
        for account in self:
            account.has_more_lines = False
            for name, sign in (("debit_line_ids", 1), ("credit_line_ids", -1)):
                ids = account._fetch_first_open_item_ids(sign, PAGE_LENGTH + 1)
                account.has_more_lines |= len(ids) > PAGE_LENGTH
                account[name] = account._filter_readable_items(ids[:PAGE_LENGTH])

    def _fetch_first_open_item_ids(self, sign, limit, scope=None, condition=None):
        """Return the ids of the first open items of one account by due date, as they
        are applied.

        Each contact and receivable account gives its own first ones, from the beginning
        of their index, with all that are due on the last one's day.

        :param int sign: 1 for debts, -1 for credits
        :param int limit: how many at most
        :param dict scope: from `_get_page_scope`, which it is by default
        :param SQL condition: on the alias `line` of the items
        """
        self.ensure_one()
        self.env["account.move.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.id
                  FROM unnest(%(contacts)s) contact, unnest(%(accounts)s) account,
               LATERAL (
                    SELECT line.id
                      FROM account_move_line line
                     WHERE line.partner_id = contact
                       AND line.account_id = account
                       AND line.company_id = ANY(%(companies)s)
                       AND %(is_open)s
                       AND %(condition)s
                     ORDER BY line.date_maturity
                     FETCH FIRST %(limit)s ROWS WITH TIES
                  ) item
                  JOIN account_move_line line ON line.id = item.id
                 ORDER BY line.date_maturity, line.date, line.move_name, line.id
                 LIMIT %(limit)s
                """,
                **(scope or self._get_page_scope()),
                is_open=self._get_open_item_sql(sign),
                limit=limit,
                condition=condition or SQL("TRUE"),
            )
        )
        return [item_id for (item_id,) in rows]

    def _get_page_scope(self):
        """Return where the lists of one account look: in the user's companies."""
        scope = self._get_whole_scope()
        return {
            **scope,
            "companies": list(set(scope["companies"]) & set(self.env.companies.ids)),
        }

    def _get_whole_scope(self):
        """Return the ids of all contacts, receivable accounts and companies where the
        items of one account may be."""
        self.ensure_one()
        # Sudo: whose items count is not for the reader's rights to say.
        return {
            "contacts": self._search_contacts().ids,
            "accounts": self._search_receivable_accounts().ids,
            "companies": self.sudo().company_id._get_client_companies().ids,
        }

    def _filter_readable_items(self, ids):
        """Return the items with these ids that the user may read.

        Viewers may read none, and record rules hide those of other branches; figures
        and running balances take in all.
        """
        lines = self.env["account.move.line"].sudo(False)
        return lines.browse(ids)._filtered_access("read")

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_id", "company_id")
    def _compute_history_line_ids(self):
        """Take the newest items; the rest stands behind the button "All Items"."""
        for account in self:
            account.history_line_ids = account._filter_readable_items(
                account._fetch_newest_item_ids(PAGE_LENGTH)
            )

    def _fetch_newest_item_ids(self, limit):
        """Return the ids of the newest items of one account in the user's companies.

        Each contact and receivable account gives its own newest ones, from the end of
        their index.
        """
        self.ensure_one()
        self.env["account.move.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT item.id
                  FROM unnest(%(contacts)s) contact, unnest(%(accounts)s) account,
               LATERAL (
                    SELECT line.id, line.date
                      FROM account_move_line line
                     WHERE line.partner_id = contact
                       AND line.account_id = account
                       AND line.parent_state = 'posted'
                       AND line.company_id = ANY(%(companies)s)
                     ORDER BY line.date DESC, line.id DESC
                     LIMIT %(limit)s
                  ) item
                 ORDER BY item.date DESC, item.id DESC
                 LIMIT %(limit)s
                """,
                **self._get_page_scope(),
                limit=limit,
            )
        )
        return [item_id for (item_id,) in rows]

    # === Compute: graph ===

    @api.depends("partner_id", "company_id")
    def _compute_balance_graph(self):
        for account in self:
            points = account._get_balance_points()
            account.balance_graph = json.dumps(
                [
                    {
                        "key": self.env._("Balance"),
                        "values": [
                            {
                                "x": format_date(self.env, date, date_format="d MMM y"),
                                "y": balance,
                                "words": account._format_balance(balance),
                            }
                            for date, balance in points
                        ],
                    }
                ]
            )

    def _get_balance_points(self):
        """Return the balance of one account week by week over twelve months.

        The widget draws its points at equal distances, so they are a week apart; the
        last one is today, or the last movement when that is later, and equals the
        closing balance of the history.

        :return: list of (date, balance in company currency), in order of date
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        start = today - relativedelta(months=12)
        movements = self._fetch_daily_movements(start)
        last = max([today, *movements])
        days = sorted({*date_range(start, today, timedelta(weeks=1)), today, last})
        points = []
        # From the end back, for what is older not to be read again.
        balance = self.ledger_balance - sum(movements.values())
        pending = sorted(movements.items())
        for day in days:
            while pending and pending[0][0] <= day:
                balance += pending.pop(0)[1]
            points.append((day, self.currency_id.round(balance)))
        return points

    def _fetch_daily_movements(self, start):
        """Return {date: change of the balance} of the items of one account from a day
        on."""
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT line.date, -SUM(line.balance) FROM %s GROUP BY 1",
                self._get_ledger_sql(SQL("line.date >= %s", start), by_date=True),
            )
        )
        return {day: float(change) for day, change in rows}

    def _get_ledger_sql(self, condition, by_date=False):
        """Return the items of one account to select from, as `line`, see
        `_get_client_ledger_sql`.

        :param SQL condition: on the alias `line` of account_move_line
        """
        # Sudo: a branch's user need not read the root company.
        return self._get_client_ledger_sql(
            self.partner_id.ids, self.sudo().company_id.ids, condition, by_date
        )
