from odoo import api, models
from odoo.tools import SQL

from ..const import ADJUSTMENT_JOURNAL_CODE, MAX_REASON, WRITE_OFF_TAG


class AccountMove(models.Model):
    """Adjustments that stand in the books when the addon is installed again."""

    _inherit = "account.move"

    @api.model
    def _rebuild_adjustments(self):
        """Mark the adjustments and write-offs that stand in the books already.

        Uninstalling takes marks and keys away with their columns, and leaves the
        entries, in the journal of adjustments or with a key; a write-off is known by
        the end of its reference. What reverses another entry is the deletion of an
        adjustment. People may have written another reference or item since, and the
        same key twice: then the first entry has it.
        What moved credit, or set off bills, is told by what it has closed.
        Run at install, in one statement.
        """
        self.flush_model()
        self.env["account.move.line"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                WITH item AS (%(items)s), adjustment AS (%(adjustments)s),
                numbered AS (
                    SELECT *, row_number() OVER (
                        PARTITION BY company_id, key, is_write_off ORDER BY id)
                        AS number
                      FROM adjustment
                )
                UPDATE account_move move
                   SET client_adjustment = CASE WHEN NOT numbered.is_write_off
                           THEN numbered.kind END,
                       client_account_credit = numbered.kind IN ('credit', 'transfer')
                           AND NOT numbered.is_write_off,
                       client_write_off = numbered.is_write_off,
                       client_adjustment_reason = left(numbered.reason, %(most)s),
                       client_adjustment_key = CASE WHEN numbered.number = 1
                           AND NOT numbered.is_write_off
                           THEN NULLIF(numbered.key, '') END
                  FROM numbered
                 WHERE move.id = numbered.id
                """,
                items=self._get_entry_items_sql(),
                adjustments=self._get_left_adjustments_sql(),
                most=MAX_REASON,
            )
        )
        self.invalidate_model()

    @api.model
    def _get_entry_items_sql(self):
        """Return what entries book to clients.

        :return: `SQL` of a query with columns move_id, balance, debits_closed,
            credits_closed, clients (how many), reason, and before_key, with which the
            reference begins where it ends with a key
        """
        return SQL(
            """
            SELECT line.move_id, SUM(line.balance) AS balance,
                   bool_and(line.reconciled) FILTER (WHERE line.balance > 0)
                       AS debits_closed,
                   bool_and(line.reconciled) FILTER (WHERE line.balance < 0)
                       AS credits_closed,
                   COUNT(DISTINCT line.partner_id) AS clients,
                   MIN(line.name) AS reason,
                   left(substring(MIN(line.name) FROM '^[^\n\r]*'), 120)
                       || ' [key: ' AS before_key
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
             WHERE account.account_type = 'asset_receivable'
               AND line.partner_id IS NOT NULL
               AND line.journal_id IN (
                   SELECT id FROM account_journal WHERE type = 'general')
             GROUP BY line.move_id
            """
        )

    @api.model
    def _get_left_adjustments_sql(self):
        """Return the entries that are adjustments or write-offs and not marked.

        :return: `SQL` of a query with columns id, reason, company_id, is_write_off,
            kind and key, on a table `item` of `_get_entry_items_sql`
        """
        return SQL(
            """
            SELECT move.id, item.reason, move.company_id,
                   COALESCE(right(move.ref, length(%(write_off)s))
                       = %(write_off)s, FALSE) AS is_write_off,
                   CASE WHEN item.balance = 0 THEN 'transfer'
                        WHEN item.balance > 0 THEN 'charge'
                        WHEN other.pays AND (
                            item.credits_closed OR move.state = 'cancel')
                        THEN 'offset'
                        ELSE 'credit' END AS kind,
                   CASE WHEN starts_with(move.ref, item.before_key)
                             AND right(move.ref, 1) = ']'
                        THEN substr(move.ref, length(item.before_key) + 1,
                            length(move.ref) - length(item.before_key) - 1)
                        ELSE substring(move.ref FROM %(pattern)s)
                   END AS key
              FROM account_move move
              JOIN item ON item.move_id = move.id
              JOIN account_journal journal ON journal.id = move.journal_id
              CROSS JOIN LATERAL (
                SELECT COUNT(*) AS count,
                       bool_or(chart.account_type = 'liability_payable'
                               AND line.balance > 0) AS pays
                  FROM account_move_line line
                  JOIN account_account chart ON chart.id = line.account_id
                 WHERE line.move_id = move.id
              ) other
             WHERE move.move_type = 'entry'
               AND move.reversed_entry_id IS NULL
               AND move.client_adjustment IS NULL
               AND move.client_write_off IS NOT TRUE
               AND (item.balance <> 0 OR item.clients = 2
                    AND other.count = 2
                    AND (item.debits_closed OR move.state = 'cancel'))
               AND (journal.code = %(code)s OR move.ref ~ %(pattern)s
                    OR right(move.ref, length(%(write_off)s)) = %(write_off)s)
            """,
            code=ADJUSTMENT_JOURNAL_CODE,
            write_off=WRITE_OFF_TAG,
            pattern=r" \[key: (.+)\]$",
        )
