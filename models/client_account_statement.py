from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL, format_date

from ..const import AGEING, OFFICER
from ..utils import check_date


class ClientAccount(models.Model):
    """The statement of a client account: what moved in some time, and what was open at
    its end, as it was then."""

    _inherit = "client.account"

    def _check_statement_access(self):
        """Make sure the user may read every movement of these accounts.

        :raise AccessError: otherwise
        """
        self.check_access("read")
        items = self.env["account.move.line"]
        if not self.env.user.has_group(OFFICER) and not items.has_access("read"):
            raise AccessError(
                self.env._(
                    "Only officers of client accounts and those who may read journal "
                    "items print statements. Ask an administrator for the right."
                )
            )

    @api.model
    def _get_statement_dates(self, date_from=None, date_to=None):
        """Return from when to when a statement runs: three months by default.

        :param date_from: the first day, or None
        :param date_to: the last day, or None for today; later ones are allowed
        """
        name = self.env._("the statement")
        date_to = check_date(
            self.env, name, date_to, default=fields.Date.context_today(self)
        )
        date_from = check_date(
            self.env, name, date_from, default=date_to - relativedelta(months=3, day=1)
        )
        return min(date_from, date_to), date_to

    def _get_statement(self, date_from, date_to):
        """Return the statement of one account.

        What was settled after the last day counts as open, as it was then.

        :return: dict of `opening`, `closing` (balances of the ledger), `lines` (see
            `_fetch_statement_lines`, each with the running `balance`), `ageing` ({name
            of AGEING: amount}), `credit` (not allocated then), `overdue` (less that
            credit), `due` (see `_fetch_statement_open`); company currency, balances
            above zero: in credit
        """
        self.ensure_one()
        lines = self._fetch_statement_lines(date_from)
        moved = sum(line["change"] for line in lines)
        # From the end back, for what is older not to be read again.
        opening = balance = self.currency_id.round(self.ledger_balance - moved)
        shown = []
        for line in lines:
            if line["date"] > date_to:
                break
            balance = self.currency_id.round(balance + line["change"])
            shown.append({**line, "balance": balance})
        items = self._fetch_statement_open(date_to, is_last=len(shown) == len(lines))
        ageing = self._get_statement_ageing(items, date_to)
        credit = -sum(item["open"] for item in items if item["open"] < 0)
        overdue = sum(ageing.values()) - ageing["amount_not_due"]
        return {
            "opening": opening,
            "closing": balance,
            "lines": shown,
            "due": [item for item in items if item["open"] > 0],
            "ageing": ageing,
            "credit": credit,
            "overdue": self.currency_id.round(max(overdue - credit, 0.0)),
        }

    def _format_period(self, date_from, date_to):
        """Return the days of a statement in words."""
        return self.env._(
            "%(date_from)s to %(date_to)s",
            date_from=format_date(self.env, date_from),
            date_to=format_date(self.env, date_to),
        )

    def _format_how_to_pay(self, statement):
        """Return in whole sentences what one client who owes something is to pay.

        :param dict statement: of `_get_statement`
        """
        self.ensure_one()

        def emphasize(amount):
            return Markup("<strong>%s</strong>") % self.currency_id.format(amount)

        sentences = [
            self.env._(
                "Please pay %(amount)s and name %(reference)s with the payment.",
                amount=emphasize(-statement["closing"]),
                reference=self.partner_id.ref or self.partner_id.name,
            )
        ]
        if statement["overdue"]:
            sentences.append(
                self.env._("%s of it is overdue.", emphasize(statement["overdue"]))
            )
        return Markup(" ").join(sentences)

    def _fetch_statement_lines(self, date_from):
        """Return what moved on one account since a day, the oldest first.

        :return: list of dicts with date, document, adjustment, reason, is_payment, due,
            change (company currency, above zero: credited), currency_id and
            amount_currency
        """
        self.env["account.move"].flush_model()
        self.env["account.move.line"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT line.date, line.move_name AS document,
                       move.client_adjustment AS adjustment,
                       CASE WHEN line.balance > 0 THEN line.date_maturity END AS due,
                       %(reason)s AS reason,
                       move.origin_payment_id IS NOT NULL AS is_payment,
                       -line.balance::float AS change,
                       line.currency_id, -line.amount_currency::float AS amount_currency
                  FROM %(ledger)s
                  JOIN account_move move ON move.id = line.move_id
                 ORDER BY line.date, line.id
                """,
                reason=self._get_item_reason_sql(),
                ledger=self._get_ledger_sql(SQL("line.date >= %s", date_from)),
            )
        )
        return self._word_items(rows)

    @api.model
    def _get_item_reason_sql(self):
        """Return what a client reads an item was for, on one line: of a payment its
        memo, and not the method that Odoo names its items by.

        :return: `SQL` on the aliases `line` and `move`
        """
        return SQL(
            "split_part(COALESCE(NULLIF(move.client_adjustment_reason, ''),"
            " NULLIF(move.ref, ''), CASE WHEN move.origin_payment_id IS NULL"
            " THEN NULLIF(line.name, line.move_name) END, ''), E'\n', 1)"
        )

    def _fetch_statement_open(self, day, is_last=False):
        """Return the items of one account that were open at the end of a day, the
        earliest due first.

        A match counts from the later of its two dates on.

        :param bool is_last: whether nothing is dated later
        :return: list of dicts with document, date, due and open (company currency,
            above zero: owed)
        """
        self.env["account.move.line"].flush_model()
        self.env["account.partial.reconcile"].flush_model()
        if is_last and day >= fields.Date.context_today(self):
            # As the figures of the account say it, reading nothing that is settled.
            is_open, amount = self._get_open_item_sql(), SQL("line.amount_residual")
        else:
            is_open = SQL("line.date <= %s", day)
            amount = SQL("line.balance + %s", self._get_matched_by_sql(day))
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT *
                  FROM (
                    SELECT line.id, line.move_name AS document, line.date,
                           COALESCE(line.date_maturity, line.date) AS due,
                           (%(amount)s)::float AS open
                      FROM %(ledger)s
                  ) item
                 WHERE abs(open) >= %(least)s
                 ORDER BY due, id
                """,
                amount=amount,
                ledger=self._get_ledger_sql(is_open),
                least=self.currency_id.rounding / 2,
            )
        )

    @api.model
    def _get_matched_by_sql(self, day):
        """Return what was matched of an item by the end of a day, with the sign that
        takes it off the item's balance."""
        return SQL(
            """
            (SELECT COALESCE(SUM(amount), 0)
               FROM (
                SELECT -amount AS amount FROM account_partial_reconcile
                 WHERE debit_move_id = line.id AND max_date <= %(day)s
                 UNION ALL
                SELECT amount FROM account_partial_reconcile
                 WHERE credit_move_id = line.id AND max_date <= %(day)s
               ) matched)
            """,
            day=day,
        )

    def _get_statement_ageing(self, items, day):
        """Return the open debts among items by how old they were on a day.

        :param items: from `_fetch_statement_open`
        :return: {name of AGEING: amount in company currency}
        """
        sums = dict.fromkeys(AGEING, 0.0)
        for item in items:
            age = (day - item["due"]).days
            for name, (least, most) in AGEING.items():
                if (
                    item["open"] > 0
                    and (least is None or age >= least)
                    and (most is None or age <= most)
                ):
                    sums[name] += item["open"]
        return {name: self.currency_id.round(amount) for name, amount in sums.items()}

    def _get_statement_language(self):
        """Return the language one client's statement is in."""
        # Sudo: the contact's language is no secret to whoever prints the statement.
        return self.sudo().partner_id.lang or self.env.lang

    # === Actions ===

    def action_open_statement(self):
        """Open the window that prints or mails the statements of these accounts."""
        self._check_statement_access()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Statement"),
            "res_model": "client.account.statement",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_account_ids": self.ids},
        }
