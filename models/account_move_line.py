from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import VIEWER
from ..utils import Worth

# Signs of the columns that show credits as amounts above zero.
CREDIT_COLUMNS = {
    "client_credit_amount": "balance",
    "client_credit_left": "amount_residual",
}


# Writing these changes a client's balance, or only how much of it is overdue.
BALANCE_FIELDS = frozenset(
    (
        "partner_id",
        "account_id",
        "company_id",
        "balance",
        "debit",
        "credit",
        "amount_currency",
    )
)
FIGURE_FIELDS = BALANCE_FIELDS | {"date_maturity", "date", "parent_state"}


# Writing these on a posted item may make it another client's.
CLIENT_FIELDS = frozenset(("partner_id", "account_id", "move_id"))


# In the cursor's cache it spares the next `write` the descriptions it does not look at.
SPARED = "client_account_spared_descriptions"


class AccountMoveLine(models.Model):
    """Journal items as the lists of credits, debts and history show them."""

    _name = "account.move.line"
    # First comes what refuses, before others write.
    _inherit = ["client.protected.mixin", "account.move.line"]

    # They follow from the books and balances are read from them, but Odoo takes them
    # from any caller.
    parent_state = fields.Selection(written_by="addon")
    amount_residual = fields.Monetary(written_by="addon")
    amount_residual_currency = fields.Monetary(written_by="addon")
    reconciled = fields.Boolean(written_by="addon")

    client_credit_source = fields.Selection(
        [
            ("adjustment", "Credit"),
            ("transfer", "Moved Credit"),
            ("offset", "Set Off"),
            ("payment", "Payment"),
            ("refund", "Credit Note"),
            ("write_off", "Write-Off"),
            ("other", "Other Entry"),
        ],
        string="Source",
        compute="_compute_client_credit_source",
        groups=VIEWER,
    )
    client_credit_reason = fields.Char(
        string="Reason",
        compute="_compute_client_credit_source",
        groups=VIEWER,
    )
    client_adjustment_open = fields.Boolean(
        related="move_id.client_adjustment_open", groups=VIEWER
    )
    client_credit_amount = fields.Monetary(
        string="Credit Amount",
        compute="_compute_client_credit_amounts",
        groups=VIEWER,
        currency_field="company_currency_id",
        aggregator="sum",
    )
    client_credit_left = fields.Monetary(
        string="Remaining",
        compute="_compute_client_credit_amounts",
        groups=VIEWER,
        currency_field="company_currency_id",
        aggregator="sum",
    )
    client_allocation_ids = fields.Many2many(
        "account.partial.reconcile",
        string="Allocations",
        compute="_compute_client_allocation_ids",
        groups=VIEWER,
        help="Parts of this credit set against invoices and charges.",
    )
    client_credit_assigned = fields.Char(
        string="Allocated to",
        compute="_compute_client_allocation_ids",
        groups=VIEWER,
    )
    client_history_balance = fields.Monetary(
        string="Running Balance",
        compute="_compute_client_history_balance",
        groups=VIEWER,
        currency_field="company_currency_id",
        help="The client's balance after this item. Above zero: in credit.",
    )
    client_history_change = fields.Monetary(
        string="Change",
        compute="_compute_client_credit_amounts",
        groups=VIEWER,
        currency_field="company_currency_id",
        help="What this item adds to the client's balance.",
    )

    client_crossing = fields.Boolean(
        string="Matched Across Clients",
        readonly=True,
        copy=False,
        groups=VIEWER,
        technical=True,
        written_by="addon",
        help="Matched to a draft or to another client's item: looked at for what the "
        "sum of the client's items is above the open ones.",
    )

    # Serves `client.account._fetch_ledger_difference`: few items are in it.
    _client_crossing_idx = models.Index("(partner_id) WHERE client_crossing")

    # Serves `client.account._get_item_sums_sql` and the search for open credits: it
    # holds open items only, so that settled history costs nothing, and gives the first
    # ones by due date without sorting them.
    _client_open_items_idx = models.Index(
        "(partner_id, account_id, date_maturity, id) INCLUDE (company_id, "
        "amount_residual, amount_residual_currency, date) WHERE (amount_residual <> 0 "
        "OR amount_residual_currency <> 0) AND parent_state = 'posted'"
    )

    # Serves the history of a client: its newest items, what moved lately, and the sum,
    # from the index alone.
    _client_history_idx = models.Index(
        "(partner_id, account_id, date DESC, id DESC) INCLUDE (company_id, balance) "
        "WHERE parent_state = 'posted'"
    )

    # === Compute ===

    @api.depends_context("lang")
    @api.depends(
        "balance",
        "name",
        "move_id.client_adjustment",
        "move_id.client_adjustment_reason",
        "move_id.client_write_off",
        "move_id.move_type",
        "move_id.name",
        "move_id.origin_payment_id",
        "move_id.ref",
    )
    def _compute_client_credit_source(self):
        for line in self:
            move = line.move_id
            if move.client_adjustment in ("transfer", "offset"):
                line.client_credit_source = move.client_adjustment
            elif move.client_adjustment:
                line.client_credit_source = "adjustment"
            elif move.origin_payment_id:
                line.client_credit_source = "payment"
            elif move.move_type == "out_refund":
                line.client_credit_source = "refund"
            elif move.client_write_off:
                line.client_credit_source = "write_off"
            else:
                line.client_credit_source = "other"
            reason = (
                line._get_adjustment_words()
                or move.client_adjustment_reason
                or move.ref
                or line.name
                or ""
            )
            # An invoice's item is named after the invoice, which stands beside it.
            line.client_credit_reason = (
                "" if reason == move.name else reason.split("\n")[0][:250]
            )

    @api.depends("balance", "amount_residual")
    def _compute_client_credit_amounts(self):
        for line in self:
            line.client_credit_amount = -line.balance
            line.client_credit_left = -line.amount_residual
            line.client_history_change = -line.balance

    @api.depends("matched_debit_ids.debit_move_id")
    def _compute_client_allocation_ids(self):
        """Leave out what only books an exchange difference of an allocation."""
        documents = self.matched_debit_ids.debit_move_id.move_id
        exchanges = documents._filter_exchange_differences()
        for line in self:
            allocations = line.matched_debit_ids.filtered(
                lambda partial: partial.debit_move_id.move_id not in exchanges
            )
            line.client_allocation_ids = allocations
            line.client_credit_assigned = ", ".join(
                document.name or "" for document in allocations.debit_move_id.move_id
            )

    @api.depends("balance", "parent_state", "date", "partner_id")
    def _compute_client_history_balance(self):
        """Compute the client's balance after each item, newest last.

        One window per client runs over the items since the oldest one asked for, back
        from the closing balance.
        """
        by_account = defaultdict(self.browse)
        for line in self._origin.filtered("partner_id"):
            by_account[
                line.partner_id.commercial_partner_id, line.company_id.root_id
            ] += line
        balances = {}
        for (client, root), lines in by_account.items():
            balances |= self._fetch_history_balances(client, root, lines)
        for line in self:
            line.client_history_balance = balances.get(line._origin.id, 0.0)

    @api.model
    def _fetch_history_balances(self, client, root, lines):
        """Return {item id: balance of the client after it} for items of one client."""
        # Sudo: a reader of some items sees the balance of all, as on the account.
        accounts = self.env["client.account"].sudo()
        account = accounts._find_accounts(client, root)
        oldest = min(lines, key=lambda line: (line.date, line.id))
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id, later
                  FROM (
                    SELECT line.id, line.balance - SUM(line.balance)
                           OVER (ORDER BY line.date DESC, line.id DESC) AS later
                      FROM %s
                  ) running
                 WHERE id = ANY(%s)
                """,
                accounts._get_client_ledger_sql(
                    client.ids,
                    root.ids,
                    SQL("(line.date, line.id) >= (%s, %s)", oldest.date, oldest.id),
                ),
                lines.ids,
            )
        )
        return {
            line_id: account.ledger_balance - float(later) for line_id, later in rows
        }

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of the ORM to sort and sum the columns of the list of credits."""
        if field_expr in CREDIT_COLUMNS:
            self._check_field_access(self._fields[field_expr], "read")
            return SQL(
                "(-%s)", super()._field_to_sql(alias, CREDIT_COLUMNS[field_expr], query)
            )
        return super()._field_to_sql(alias, field_expr, query)

    # === CRUD ===

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Override of the ORM to describe no field where `write` has none in mind.

        For its tracking, Odoo asks in each write for the descriptions of the tracked
        fields written. Where there are none that means all, which nobody looks at:
        posting an invoice takes 1.10 to 1.14 of plain Odoo's time with it, and 0.95 to
        1.02 without (`dev/bench posting`).
        """
        # Once, so that what is called from there gets its own.
        if self.env.cr.cache.pop(SPARED, False) and not allfields:
            return {}
        return super().fields_get(allfields, attributes)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to keep the figures of client accounts fresh."""
        accounts = self.env["client.account"]
        with accounts._watching():
            lines = super().create(vals_list)
            posted = lines.filtered(lambda line: line.parent_state == "posted")
            if posted:
                accounts._note_new_items(posted)
                accounts._invalidate_figures()
                posted._open_client_accounts()
        return lines

    def write(self, vals):
        """Override of the ORM to keep the figures of client accounts fresh, and to have
        the clients judged whose items are touched."""
        # Whatever is written: what follows from it may not be among the values. With
        # another entry, drafts too: it may be a posted one.
        counting = self
        if "move_id" not in vals:
            counting = self.filtered(lambda line: line.parent_state == "posted")
        if not counting and FIGURE_FIELDS.isdisjoint(vals):
            with self._sparing_descriptions():
                return super().write(vals)
        accounts = self.env["client.account"]
        with accounts._watching():
            accounts._note_items(counting)
            with self._sparing_descriptions():
                result = super().write(vals)
            if not (FIGURE_FIELDS | CLIENT_FIELDS).isdisjoint(vals):
                accounts._invalidate_figures()
            if not CLIENT_FIELDS.isdisjoint(vals):
                self._open_client_accounts()
                if counting:
                    counting._mark_crossing()
        if not BALANCE_FIELDS.isdisjoint(vals) and any(
            line.account_type == "asset_receivable" for line in counting
        ):
            accounts._trigger_notices()
        return result

    @contextmanager
    def _sparing_descriptions(self):
        """Write within as Odoo does, but for the descriptions, see `fields_get`.

        Not by the context: each write would have an environment of its own, which lives
        as long as its tracking, and every other is looked for among all of them. 1,000
        entries took twice as long.
        """
        cache = self.env.cr.cache
        cache[SPARED] = True
        try:
            yield
        finally:
            cache.pop(SPARED, None)

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of a journal item follow from its entry and what it is matched "
            "with. Post the entry or match the item instead.",
            fields=self._get_protected_labels(names),
        )

    def unlink(self):
        """Override of the ORM to keep the figures of client accounts fresh, and what
        stands in the ledger of a client where it is."""
        self._check_raw_unlink()
        accounts = self.env["client.account"]
        posted = self.filtered(lambda line: line.parent_state == "posted")
        with accounts._watching():
            accounts._note_items(posted)
            result = super().unlink()
            accounts._invalidate_figures()
        return result

    def _check_raw_unlink(self):
        """Refuse to delete posted items of clients, which Odoo does for the lines of a
        bank statement alone.

        :raise UserError: otherwise
        """
        if self.env.su:
            return
        # Sudo: whose items these are is looked at to decide, not shown.
        for item in self.sudo():
            if item._get_worth() and not item.move_id._is_bank_line():
                item.move_id._refuse_deletion()

    # === What Odoo itself books and matches ===

    @api.model
    def _create_exchange_difference_moves(self, exchange_diff_values_list):
        """Override of `account`: what these entries book, the rates have done."""
        with self.env["client.account"]._get_watch().within("exchanges"):
            return super()._create_exchange_difference_moves(exchange_diff_values_list)

    @api.model
    def _reconcile_plan(self, reconciliation_plan):
        """Override of `account`: what its engine matches it has looked at itself."""
        with self.env["client.account"]._get_watch().within("engine"):
            return super()._reconcile_plan(reconciliation_plan)

    def reconcile(self):
        """Override of `account` to match nothing with what was left in draft."""
        left = self.env["account.move"]._get_left_in_draft()
        lines = self.filtered(lambda line: line.move_id not in left) if left else self
        return super(AccountMoveLine, lines).reconcile()

    # === Worth ===

    def _get_worth(self):
        """Return for whom this item counts, and what it is worth for their balance.

        :return: (client key, `Worth`); None where it does not count for a client
        """
        self.ensure_one()
        if (
            self.parent_state != "posted"
            or self.account_type != "asset_receivable"
            or not self.partner_id
        ):
            return None
        return self._get_client_key(), Worth(-self.amount_residual, -self.balance)

    # === Open items ===

    def _get_open_sign(self):
        """Return 1 for an open debt, -1 for an open credit, 0 for what is settled.

        Either residual keeps an item open: 50 IDR are 0.00 USD and still due.
        """
        self.ensure_one()
        residual = self.amount_residual or self.amount_residual_currency
        return (residual > 0) - (residual < 0)

    def _filter_open_debts(self):
        """Return the debts among these items that are open."""
        return self.filtered(lambda line: line._get_open_sign() > 0)

    def _filter_open_credits(self):
        """Return the credits among these items that are open."""
        return self.filtered(lambda line: line._get_open_sign() < 0)

    @api.model
    def _get_open_item_domain(self, sign=0):
        """Return the domain of open items, see `_get_open_sign`.

        Each of its terms implies the condition of the index `_client_open_items_idx`,
        which `!=` does not, as the ORM lets it pass what is empty.

        :param int sign: 1 for debts only, -1 for credits only, 0 for both
        """
        if not sign:
            return self._get_open_item_domain(1) | self._get_open_item_domain(-1)
        operator = ">" if sign > 0 else "<"
        return Domain("amount_residual", operator, 0) | (
            Domain("amount_residual", "=", 0)
            & Domain("amount_residual_currency", operator, 0)
        )

    def _open_client_accounts(self):
        """Open the accounts of clients whose first posted receivable item is among
        these: posting is not the only way that one comes about."""
        items = self.filtered(
            lambda line: (
                line.parent_state == "posted"
                and line.account_type == "asset_receivable"
                and line.partner_id
            )
        )
        # Sudo: a branch's user need not read the root company.
        for root, lines in items.grouped(
            lambda line: line.company_id.sudo().root_id
        ).items():
            self.env["client.account"]._get_or_create(lines.partner_id, root)

    # === Matched elsewhere ===

    def _mark_crossing(self):
        """Mark these items, and those they are matched with, where the two do not count
        for the same client account.

        It is called where items are matched or become another's. The mark says where to
        look, not what is found there: one too many does no harm.
        """
        self.env["account.move.line"]._mark_crossing_where(
            SQL(
                "part.debit_move_id = ANY(%(items)s)"
                " OR part.credit_move_id = ANY(%(items)s)",
                items=self.ids,
            )
        )

    @api.model
    def _mark_crossing_where(self, condition):
        """Mark matched items that do not count for the same client account.

        :param SQL condition: on the aliases part, debit and credit of a match
        :return: ids of the items that were not marked before
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                UPDATE account_move_line
                   SET client_crossing = TRUE
                 WHERE client_crossing IS NOT TRUE
                   AND id IN (
                     SELECT unnest(ARRAY[debit.id, credit.id])
                       FROM account_partial_reconcile part
                       JOIN account_move_line debit ON debit.id = part.debit_move_id
                       JOIN account_move_line credit ON credit.id = part.credit_move_id
                      CROSS JOIN LATERAL (%(debit)s) debtor
                      CROSS JOIN LATERAL (%(credit)s) creditor
                      WHERE (%(condition)s)
                        AND (debtor.receivable OR creditor.receivable)
                        AND (debtor.client = creditor.client) IS NOT TRUE)
             RETURNING id
                """,
                debit=self._get_crossing_end_sql(SQL("debit")),
                credit=self._get_crossing_end_sql(SQL("credit")),
                condition=condition,
            )
        )
        self.invalidate_model(["client_crossing"], flush=False)
        return [item_id for (item_id,) in rows]

    @api.model
    def _get_crossing_end_sql(self, item):
        """Return a query of one row about an item of a match: receivable, whether it is
        one, and client, for whose account it counts.

        :param SQL item: alias of account_move_line
        """
        return SQL(
            """
            SELECT chart.account_type = 'asset_receivable' AS receivable,
                   CASE WHEN chart.account_type = 'asset_receivable'
                         AND %(item)s.parent_state = 'posted'
                        THEN contact.commercial_partner_id || '/'
                             || split_part(branch.parent_path, '/', 1)
                   END AS client
              FROM account_account chart
              JOIN res_company branch ON branch.id = %(item)s.company_id
              LEFT JOIN res_partner contact ON contact.id = %(item)s.partner_id
             WHERE chart.id = %(item)s.account_id
            """,
            item=item,
        )

    # === Clients ===

    def _get_client_key(self):
        """Return what tells this item's client account: commercial partner, root
        company."""
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        return self.partner_id.commercial_partner_id, self.company_id.sudo().root_id

    def _group_by_client(self):
        """Return {client key: items} of these items, see `_get_client_key`."""
        groups = defaultdict(self.browse)
        for line in self:
            groups[line._get_client_key()] |= line
        return groups

    def _get_client_account(self):
        """Return the account of this item's client.

        :raise UserError: when it has none
        """
        self.ensure_one()
        if not self.partner_id:
            raise UserError(
                self.env._(
                    "%s names no client. Choose an invoice, charge or credit of a "
                    "client.",
                    self.move_id.display_name or self.env._("This document"),
                )
            )
        return self.env["client.account"]._get_or_create(
            self.partner_id.commercial_partner_id, self.company_id
        )

    # === Actions ===

    def action_open_client_document(self):
        """Open the document of one item."""
        self.ensure_one()
        return self.move_id._get_records_action()

    def action_modify_client_adjustment(self):
        """Open the wizard that changes the adjustment of one item."""
        return self._get_adjustment().action_client_adjustment_modify()

    def action_delete_client_adjustment(self):
        """Delete the adjustment of one item, of which nothing is allocated."""
        return self._get_adjustment().action_client_adjustment_delete()

    def action_release_delete_client_adjustment(self):
        """Remove what is allocated of the adjustment of one item, then delete it."""
        return self._get_adjustment().action_client_adjustment_release_delete()

    def action_open_client_deletion(self):
        """Open the window that deletes the adjustment of one item."""
        return self._get_adjustment().action_open_client_deletion()

    def action_open_client_credit(self):
        """Open one credit with what is allocated of it."""
        self.ensure_one()
        view = self.env.ref("client_account.account_move_line_view_form_client_credit")
        return {
            **self._get_records_action(),
            "views": [[view.id, "form"]],
            "name": self.env._("Client Credit"),
        }

    def action_receive_client_payment(self):
        """Open the window that receives money for these open items of one client."""
        account = self._get_one_client_account()
        action = account.action_receive_payment()
        action["context"]["client_paid_item_ids"] = self.ids
        return action

    def action_allocate_client_credit(self):
        """Open the window that allocates the credit of one client to these items."""
        account = self._get_one_client_account()
        # Sudo: as in `_get_one_client_account`. Credit pays on its own account alone.
        accounts = self.sudo().account_id
        scope = {**account._get_whole_scope(), "accounts": accounts.ids}
        action = account._open_first_credit(scope)
        action["context"]["client_paid_item_ids"] = self.ids
        return action

    def _get_one_client_account(self):
        """Return the account of the one client of these items.

        :raise UserError: when they are of several clients, or none is ticked
        """
        # Sudo: officers need no right to read journal items of their clients.
        keys = list(self.sudo()._group_by_client())
        if len(keys) != 1:
            raise UserError(
                self.env._("Tick open invoices or charges of one client first.")
            )
        account = self.env["client.account"]._get_or_create(*keys[0])
        account.sudo(self.env.su)._check_officer()
        return account.sudo(self.env.su)

    def _get_adjustment(self):
        """Return the document of these items, which checks what the user may do."""
        # Sudo: officers need no right to read journal items of their clients.
        return self.sudo().move_id.sudo(self.env.su)
