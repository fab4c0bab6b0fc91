from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL, float_round

# The rule of the suggested limit, see `_get_suggested_limit`.
SUGGESTION_MONTHS = 6

SUGGESTION_FACTOR = 1.5

SUGGESTION_STEP = 100

SUGGESTION_HISTORY_MONTHS = 3

LATE_DAYS = 30


class ClientAccount(models.Model):
    """How clients were invoiced and paid: what the approver decides on."""

    _inherit = "client.account"

    def _get_credit_history(self):
        """Return how these clients were invoiced and paid, in company currency.

        :return: {account: dict} with `invoiced_total` (customer invoices less credit
            notes), `client_since` (date of the first), `invoiced_recent` (of the last
            six months), `late_recent` (the part of that paid, or still open, more than
            30 days after its due date) and `days_late` (the average of the items that
            fell due in the last twelve months, up to today for what is open)
        """
        self.env.flush_all()
        today = fields.Date.context_today(self)
        history = {}
        for account in self:
            invoiced = account._fetch_invoiced(today)
            history[account] = {**invoiced, **account._fetch_lateness(today)}
        return history

    def _fetch_invoiced(self, today):
        """Return what one client was invoiced, see `_get_credit_history`."""
        self.ensure_one()
        # Sudo: the account's readers need not read invoices.
        moves = self.env["account.move"].sudo()
        domain = (
            Domain("partner_id.commercial_partner_id", "=", self.partner_id.id)
            & Domain("company_id", "child_of", self.company_id.id)
            & Domain("move_type", "in", ("out_invoice", "out_receipt", "out_refund"))
            & Domain("state", "=", "posted")
        )
        [(total, since)] = moves._read_group(
            domain, [], ["amount_total_signed:sum", "invoice_date:min"]
        )
        start = today - relativedelta(months=SUGGESTION_MONTHS)
        [(recent,)] = moves._read_group(
            domain & Domain("invoice_date", ">", start), [], ["amount_total_signed:sum"]
        )
        return {
            "invoiced_total": total or 0.0,
            "client_since": since or False,
            "invoiced_recent": recent or 0.0,
        }

    def _fetch_lateness(self, today):
        """Return how late one client pays, see `_get_credit_history`."""
        self.ensure_one()
        [(days_late, late_recent)] = self.env.execute_query(
            SQL(
                """
                SELECT AVG(GREATEST(item.settled_on - item.due, 0))
                           FILTER (WHERE item.due >= %(year)s AND item.due < %(today)s),
                       SUM(item.late) FILTER (WHERE item.invoiced > %(recent)s)
                  FROM (%(items)s) item
                """,
                today=today,
                year=today - relativedelta(months=12),
                recent=today - relativedelta(months=SUGGESTION_MONTHS),
                items=self._get_lateness_sql(today),
            )
        )
        return {
            "days_late": float(days_late or 0.0),
            "late_recent": float(late_recent or 0.0),
        }

    def _get_lateness_sql(self, today):
        """Return when one client's invoices of the last twelve months were settled.

        What a credit note settles was not paid late: it was not owed.

        :return: `SQL` of a query with columns due, invoiced, settled_on (today where
            the item is open) and late, the amount paid or open more than 30 days after
            its due date
        """
        self.ensure_one()
        return SQL(
            """
            SELECT due.day AS due,
                   COALESCE(move.invoice_date, move.date) AS invoiced,
                   CASE WHEN line.reconciled IS NOT TRUE THEN %(today)s
                        ELSE COALESCE(paid.last, line.date) END AS settled_on,
                   COALESCE(paid.late, 0) + CASE
                       WHEN %(today)s > due.day + %(late)s
                       THEN GREATEST(line.amount_residual, 0) ELSE 0 END AS late
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN account_account account ON account.id = line.account_id
              JOIN res_partner contact ON contact.id = line.partner_id
              CROSS JOIN LATERAL (
                SELECT COALESCE(line.date_maturity, line.date) AS day) due
              CROSS JOIN LATERAL (
                SELECT MAX(part.max_date) AS last,
                       SUM(part.amount) FILTER (WHERE
                           part.max_date > due.day + %(late)s) AS late
                  FROM account_partial_reconcile part
                  JOIN account_move_line other ON other.id = part.credit_move_id
                  JOIN account_move by ON by.id = other.move_id
                 WHERE part.debit_move_id = line.id AND by.move_type <> 'out_refund'
              ) paid
             WHERE move.move_type IN ('out_invoice', 'out_receipt')
               AND line.parent_state = 'posted'
               AND line.balance > 0
               AND account.account_type = 'asset_receivable'
               AND contact.commercial_partner_id = %(partner)s
               AND move.company_id = ANY(%(companies)s)
               AND (line.date_maturity >= %(year)s OR move.invoice_date > %(year)s)
            """,
            today=today,
            late=LATE_DAYS,
            partner=self.partner_id.id,
            companies=self.company_id._get_client_companies().ids,
            year=today - relativedelta(months=12),
        )

    def _get_suggested_limit(self, history):
        """Return the limit that one client's history speaks for.

        One and a half times the average monthly invoiced total of the last six months,
        times one less the share of it paid more than 30 days late, rounded down to 100;
        0 under three months of history. Hook: override to suggest by another rule; the
        help of `client.account.request.suggested_limit` tells it to the approver.

        :param dict history: this account's, from `_get_credit_history`
        :return: company currency, zero or above
        :rtype: float
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        since, invoiced = history["client_since"], history["invoiced_recent"]
        young = today - relativedelta(months=SUGGESTION_HISTORY_MONTHS)
        if not since or since > young or invoiced <= 0:
            return 0.0
        late_share = min(history["late_recent"] / invoiced, 1.0)
        limit = SUGGESTION_FACTOR * invoiced / SUGGESTION_MONTHS * (1 - late_share)
        return float_round(
            self.currency_id.round(limit),
            precision_rounding=SUGGESTION_STEP,
            rounding_method="DOWN",
        )
