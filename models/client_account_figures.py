from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import AGEING
from ..utils import is_real_number

# What the ledger says of an account. None is stored; see `_compute_figures`.
FIGURES = (
    "balance",
    "amount_owed",
    "amount_overdue",
    "credit_available",
    "limit_in_force",
    "available",
    "limit_usage",
)

# Finer than any currency: what is left of adding floats goes, at no cost to speak of.
DRIFT_DIGITS = 6

# Balance, owed, overdue, credit and committed of a client who has none of them.
NO_ITEMS = (0.0, 0.0, 0.0, 0.0, 0.0)


class ClientAccount(models.Model):
    """What the ledger says of client accounts: figures and search in SQL."""

    _inherit = "client.account"

    # === Figures, derived from posted receivable items ===
    balance = fields.Monetary(
        compute="_compute_figures",
        search="_search_balance",
        aggregator="sum",
        help="Credit available less amount owed.",
    )
    amount_owed = fields.Monetary(
        compute="_compute_figures",
        search="_search_amount_owed",
        string="Owed",
        aggregator="sum",
        help="Open invoices, charges and other debts.",
    )
    amount_overdue = fields.Monetary(
        compute="_compute_figures",
        search="_search_amount_overdue",
        string="Overdue",
        aggregator="sum",
        help="The part of the amount owed that is past its due date.",
    )
    credit_available = fields.Monetary(
        compute="_compute_figures",
        search="_search_credit_available",
        string="Credit",
        aggregator="sum",
        help="Credits, payments on account and credit notes not used yet.",
    )
    limit_in_force = fields.Monetary(
        string="Limit in Force",
        compute="_compute_figures",
        search="_search_limit_in_force",
        aggregator="sum",
        help="The credit limit while the account is granted, else zero.",
    )
    available = fields.Monetary(
        compute="_compute_figures",
        search="_search_available",
        aggregator="sum",
        help="What the client can still spend: the balance plus the limit in force, "
        "less what is committed already.",
    )
    limit_usage = fields.Float(
        compute="_compute_figures",
        search="_search_limit_usage",
        string="Limit Usage (%)",
        digits=(16, 1),
        aggregator="avg",
        help="The share of the limit in force that is taken up. "
        "Empty without a limit in force.",
    )

    # === Compute: figures ===

    @api.depends("partner_id", "company_id", "state", "credit_limit")
    def _compute_figures(self):
        """Compute all figures in one query for the whole recordset.

        The values go into the cache in one call per field: assigning them record by
        record costs several times the query.
        """
        rows = self._origin._fetch_figures()
        nothing = (0.0,) * len(FIGURES)
        # The id of a record that is being edited is false and knows the saved one's.
        figures = [rows.get(item or item.origin, nothing) for item in self._ids]
        for index, name in enumerate(FIGURES):
            self._fields[name]._insert_cache(self, [row[index] for row in figures])

    def _fetch_figures(self):
        """Return the figures of these accounts, the open items from one query.

        Identity and limits are taken from the cache of their fields in one go: record
        by record they would cost more than the query.

        :return: {account id: values in the order of FIGURES}, in company currency
        """
        self.fetch(["partner_id", "company_id", "state", "credit_limit"])
        partners, companies, states, limits = (
            self._fields[name]._get_cache(self.env)
            for name in ("partner_id", "company_id", "state", "credit_limit")
        )
        items = self._fetch_open_items(self.partner_id)
        rows = {}
        for account_id in self._ids:
            balance, owed, overdue, credit, committed = items.get(
                (partners.get(account_id), companies.get(account_id)), NO_ITEMS
            )
            granted = states.get(account_id) == "granted"
            limit = (granted and limits.get(account_id)) or 0.0
            available = balance + limit - committed
            usage = round(-100 * balance / limit, 1) if limit and balance < 0 else 0.0
            rows[account_id] = (
                balance,
                owed,
                overdue,
                credit,
                limit,
                round(available, DRIFT_DIGITS),
                usage,
            )
        return rows

    @api.model
    def _fetch_open_items(self, clients):
        """Return the sums of the open items of clients, in all their companies, and
        what they have committed.

        Sums of contacts and branches come apart from the database and are added here:
        grouping twice would cost as much as the sums.

        :param clients: `res.partner`, commercial partners
        :return: {(partner id, root company id): (balance, owed, overdue, credit,
            committed)}
        """
        if not clients:
            return {}
        rows = self.env.execute_query(self._get_branch_sums_sql(clients.ids))
        items = {}
        for partner_id, company_id, *sums in rows:
            key = partner_id, company_id
            sums = [amount or 0.0 for amount in sums]
            if key in items:
                pairs = zip(items[key], sums, strict=True)
                sums = [round(sum(pair), DRIFT_DIGITS) for pair in pairs]
            items[key] = sums
        return items

    @api.model
    def _get_committed_sql(self):
        """Return what clients have promised to take but were not invoiced for.

        Hook for glue to orders and the like, who add theirs with UNION ALL; the core
        knows of none. Whoever changes what it answers calls `_invalidate_figures` and
        `_trigger_notices`.

        :return: `SQL` of a query with columns partner_id (commercial partner),
            company_id (root) and amount (above zero, company currency)
        """
        return SQL(
            "SELECT NULL::integer AS partner_id, NULL::integer AS company_id,"
            " 0::numeric AS amount WHERE FALSE"
        )

    def _get_committed_amounts(self):
        """Return what each of these accounts has committed, see `_get_committed_sql`.

        :return: {account: amount}, company currency; accounts with nothing are left out
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT account.id, SUM(committed.amount)
                  FROM client_account account
                  JOIN (%s) committed ON committed.partner_id = account.partner_id
                                     AND committed.company_id = account.company_id
                 WHERE account.id = ANY(%s)
                 GROUP BY 1
                """,
                self._get_committed_sql(),
                self.ids,
            )
        )
        return {self.browse(account_id): float(amount) for account_id, amount in rows}

    @api.model
    def _invalidate_figures(self):
        """Forget the figures in cache: called where receivable items change.

        The figures depend on all items of a client, which `@api.depends` cannot name.
        """
        self.env["client.account"].invalidate_model(
            [*FIGURES, *AGEING, "ledger_balance", "ledger_difference", "balance_graph"]
            + ["credit_ahead", "debit_line_ids", "credit_line_ids", "has_more_lines"]
            + ["history_line_ids", "profile"],
            flush=False,
        )
        self.env["res.partner"]._invalidate_client_figures()
        self.env["client.account.request"]._invalidate_figures()

    # === SQL ===

    @api.model
    def _get_open_items_sql(self, partner_ids=None):
        """Return the open receivable items summed by client and root company.

        :param partner_ids: ids of commercial partners, None for all
        :return: `SQL` of a query with columns partner_id, company_id, balance,
            amount_owed, amount_overdue, credit_available and committed
        """
        return SQL(
            """
            SELECT partner_id, company_id, SUM(balance) AS balance,
                   SUM(amount_owed) AS amount_owed,
                   SUM(amount_overdue) AS amount_overdue,
                   SUM(credit_available) AS credit_available,
                   SUM(committed) AS committed
              FROM (%s) client
             GROUP BY 1, 2
            """,
            self._get_branch_sums_sql(partner_ids),
        )

    @api.model
    def _get_branch_sums_sql(self, partner_ids=None):
        """Return what `_get_open_items_sql` does before it adds up: a client has a row
        for each contact and branch with open items, and for what it has committed.

        :param partner_ids: ids of commercial partners, None for all
        """
        committers = SQL("TRUE")
        if partner_ids is not None:
            committers = SQL("partner_id = ANY(%s)", list(partner_ids))
        return SQL(
            """
            SELECT contact.commercial_partner_id AS partner_id,
                   split_part(branch.parent_path, '/', 1)::integer AS company_id,
                   item.balance, item.amount_owed, item.amount_overdue,
                   item.credit_available, 0 AS committed
              FROM %(items)s
              JOIN res_company branch ON branch.id = item.company_id
             UNION ALL
            SELECT partner_id, company_id, 0, 0, 0, 0, amount
              FROM (%(committed)s) committed
             WHERE %(committers)s
            """,
            items=self._get_contact_sums_sql(partner_ids),
            committed=self._get_committed_sql(),
            committers=committers,
            to_flush=self.env["res.company"]._fields["parent_path"],
        )

    @api.model
    def _get_contact_sums_sql(self, partner_ids=None):
        """Return the contacts of clients, `contact`, with the sums of their open items,
        `item`, to select from.

        :param partner_ids: ids of commercial partners, None for all
        """
        to_flush = self.env["res.partner"]._fields["commercial_partner_id"]
        if partner_ids is None:
            return SQL(
                "(%s) item JOIN res_partner contact ON contact.id = item.partner_id",
                self._get_item_sums_sql(SQL("TRUE")),
                to_flush=to_flush,
            )
        accounts, condition = SQL(), SQL("line.partner_id = contact.id")
        if len(partner_ids) == 1:
            # One client may hold most of the ledger, and be owed much on other
            # accounts: the receivable ones are looked up one by one. For many clients
            # that would take longer than to pass over the others.
            accounts = SQL(
                "CROSS JOIN (SELECT id FROM account_account"
                " WHERE account_type = 'asset_receivable') account"
            )
            condition = SQL("%s AND line.account_id = account.id", condition)
        return SQL(
            "(SELECT id, commercial_partner_id FROM res_partner"
            " WHERE commercial_partner_id = ANY(%(partners)s) OFFSET 0) contact"
            " %(accounts)s CROSS JOIN LATERAL (%(items)s) item",
            partners=list(partner_ids),
            accounts=accounts,
            items=self._get_item_sums_sql(condition),
            to_flush=to_flush,
        )

    @api.model
    def _get_item_sums_sql(self, condition):
        """Return the open receivable items summed by contact and branch.

        Its conditions are those of the index
        `account.move.line._client_open_items_idx`, so that settled history costs
        nothing.

        :param SQL condition: on the alias `line` of the items
        """
        lines = self.env["account.move.line"]._fields
        return SQL(
            """
            SELECT partner_id, company_id,
                   COALESCE(credit, 0) - COALESCE(owed, 0) AS balance,
                   COALESCE(owed, 0) AS amount_owed, overdue AS amount_overdue,
                   COALESCE(credit, 0) AS credit_available
              FROM (
                SELECT line.partner_id, line.company_id,
                       SUM(line.amount_residual)
                           FILTER (WHERE line.amount_residual > 0) AS owed,
                       SUM(line.amount_residual)
                           FILTER (WHERE line.amount_residual > 0
                                   AND COALESCE(line.date_maturity, line.date)
                                       < %(today)s) AS overdue,
                       -SUM(line.amount_residual)
                           FILTER (WHERE line.amount_residual < 0) AS credit
                  FROM account_move_line line
                 WHERE %(is_open)s AND %(condition)s
                 GROUP BY 1, 2
              ) sums
            """,
            today=fields.Date.context_today(self),
            is_open=self._get_open_item_sql(),
            condition=condition,
            to_flush=(
                lines["partner_id"],
                lines["company_id"],
                lines["date_maturity"],
                lines["date"],
            ),
        )

    @api.model
    def _get_open_item_sql(self, sign=0):
        """Return the condition that an item is an open receivable one.

        The only place that says so in SQL; `account.move.line._get_open_item_domain`
        says it in a domain. It is what the index `_client_open_items_idx` of journal
        items holds, so that settled history costs nothing. Either residual keeps an
        item open: 50 IDR are 0.00 USD and still due.

        :param int sign: 1 for debts only, -1 for credits only, 0 for both
        :return: `SQL` on the alias `line` of account_move_line
        """
        lines = self.env["account.move.line"]._fields
        signed = SQL("TRUE")
        if sign:
            operator = SQL(">" if sign > 0 else "<")
            signed = SQL(
                "(line.amount_residual %(operator)s 0 OR line.amount_residual = 0"
                " AND line.amount_residual_currency %(operator)s 0)",
                operator=operator,
            )
        return SQL(
            "(line.amount_residual <> 0 OR line.amount_residual_currency <> 0)"
            " AND line.parent_state = 'posted'"
            " AND line.account_id = ANY(ARRAY(SELECT id FROM account_account"
            " WHERE account_type = 'asset_receivable')) AND %s",
            signed,
            to_flush=(
                lines["amount_residual"],
                lines["amount_residual_currency"],
                lines["parent_state"],
                lines["account_id"],
                self.env["account.account"]._fields["account_type"],
            ),
        )

    @api.model
    def _get_client_items_sql(self, alias, client_ids, root_ids=None):
        """Return the condition that an item is a posted receivable one of clients.

        Ids are found first, once each, and compared with the leading columns of the
        indexes of journal items: a client's pages read nothing of other clients,
        however the ledger is shared between them.

        :param SQL alias: of account_move_line
        :param client_ids: ids of commercial partners
        :param root_ids: ids of root companies, None for all
        """
        lines = self.env["account.move.line"]._fields
        return SQL(
            "(%(alias)s.partner_id = ANY(ARRAY(SELECT id FROM res_partner"
            " WHERE commercial_partner_id = ANY(%(clients)s)))"
            " AND %(alias)s.account_id = ANY(ARRAY(SELECT id FROM account_account"
            " WHERE account_type = 'asset_receivable'))"
            " AND %(alias)s.parent_state = 'posted' AND %(companies)s)",
            alias=alias,
            clients=list(client_ids),
            companies=self._get_root_companies_sql(alias, root_ids),
            to_flush=(
                lines["partner_id"],
                lines["account_id"],
                lines["parent_state"],
                self.env["account.account"]._fields["account_type"],
                self.env["res.partner"]._fields["commercial_partner_id"],
            ),
        )

    @api.model
    def _get_root_companies_sql(self, alias, root_ids):
        """Return the condition that an item is in root companies or their branches.

        :param SQL alias: of account_move_line
        :param root_ids: ids of root companies, None for all
        """
        if root_ids is None:
            return SQL("TRUE")
        return SQL(
            "%s.company_id = ANY(ARRAY(SELECT id FROM res_company"
            " WHERE split_part(parent_path, '/', 1)::integer = ANY(%s)))",
            alias,
            list(root_ids),
            to_flush=(
                self.env["account.move.line"]._fields["company_id"],
                self.env["res.company"]._fields["parent_path"],
            ),
        )

    @api.model
    def _get_client_ledger_sql(self, client_ids, root_ids, condition, by_date=False):
        """Return the items of `_get_client_items_sql` to select from, as `line`.

        Each contact and receivable account gives its own, from the beginning or the end
        of their index: compared with all accounts at once, a date would be looked up
        among everything a contact ever had, where statistics expect little of it.
        Nothing makes one search of them again: not the planner either (OFFSET 0).

        :param client_ids: ids of commercial partners
        :param root_ids: ids of root companies, None for all
        :param SQL condition: on the alias `line` of account_move_line
        :param bool by_date: whether to sum them up where they are found, as `date` and
            `balance`: of many that takes half the time
        """
        lines = self.env["account.move.line"]._fields
        columns, grouping = SQL("*"), SQL("OFFSET 0")
        if by_date:
            columns = SQL("line.date, SUM(line.balance) AS balance")
            grouping = SQL("GROUP BY line.date")
        return SQL(
            """
            (SELECT id FROM res_partner WHERE commercial_partner_id = ANY(%(clients)s)
            ) contact
             CROSS JOIN (
                SELECT id FROM account_account WHERE account_type = 'asset_receivable'
              ) account
             CROSS JOIN LATERAL (
                SELECT %(columns)s
                  FROM account_move_line line
                 WHERE line.partner_id = contact.id
                   AND line.account_id = account.id
                   AND line.parent_state = 'posted'
                   AND %(companies)s
                   AND %(condition)s
                %(grouping)s
              ) line
            """,
            columns=columns,
            grouping=grouping,
            clients=list(client_ids),
            companies=self._get_root_companies_sql(SQL("line"), root_ids),
            condition=condition,
            to_flush=(
                lines["partner_id"],
                lines["account_id"],
                lines["parent_state"],
                lines["date"],
                lines["balance"],
                self.env["account.account"]._fields["account_type"],
                self.env["res.partner"]._fields["commercial_partner_id"],
            ),
        )

    @api.model
    def _get_limit_in_force_sql(self, account):
        """Return the limit in force of an account, zero where there is none.

        :param SQL account: alias of client_account, of a LEFT JOIN perhaps
        """
        return SQL(
            "COALESCE(CASE WHEN %(account)s.state = 'granted'"
            " THEN %(account)s.credit_limit END, 0)",
            account=account,
            to_flush=(self._fields["state"], self._fields["credit_limit"]),
        )

    @api.model
    def _figure_to_sql(self, name, account, figures):
        """Return the SQL of a figure.

        :param str name: one of FIGURES
        :param SQL account: alias of the row of client_account
        :param SQL figures: alias of the row of `_get_open_items_sql`
        """
        limit = self.env["client.account"]._get_limit_in_force_sql(account)
        if name == "limit_in_force":
            return limit
        if name == "available":
            return SQL(
                "(COALESCE(%(sums)s.balance - %(sums)s.committed, 0) + %(limit)s)",
                sums=figures,
                limit=limit,
            )
        if name == "limit_usage":
            return SQL(
                "COALESCE(ROUND(100 * GREATEST(-%s.balance, 0) / NULLIF(%s, 0), 1), 0)",
                figures,
                limit,
            )
        return SQL("COALESCE(%s.%s, 0)", figures, SQL.identifier(name))

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of the ORM to sort, group, sum and search by the figures."""
        if field_expr not in FIGURES or query is None:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        figures = self._join_sums(query, alias, "figures", self._get_open_items_sql)
        return self._figure_to_sql(field_expr, SQL.identifier(alias), figures)

    @api.model
    def _join_sums(self, query, alias, name, get_sql):
        """Join sums by client and root company to a query of accounts.

        Once for all figures of the query: some sums depend on the clock, and a join
        that stands there with another time is refused.

        :param str alias: of client_account in the query
        :param str name: of the sums
        :param get_sql: called without arguments, returns their `SQL`
        :return: `SQL` of the alias of the sums
        """
        sums = query.make_alias(alias, name)
        if sums not in query._joins:
            query.add_join(
                "LEFT JOIN",
                sums,
                SQL("(%s)", get_sql()),
                SQL(
                    "%(sums)s.partner_id = %(account)s.partner_id"
                    " AND %(sums)s.company_id = %(account)s.company_id",
                    sums=SQL.identifier(sums),
                    account=SQL.identifier(alias),
                ),
            )
        return SQL.identifier(sums)

    def _read_group_select(self, aggregate_spec, query):
        """Override of the ORM to leave out of the usage what has no limit in force."""
        select = super()._read_group_select(aggregate_spec, query)
        if aggregate_spec != "limit_usage:avg":
            return select
        limit = self._field_to_sql(self._table, "limit_in_force", query)
        return SQL("%s FILTER (WHERE %s > 0)", select, limit)

    # === Search ===

    @api.model
    def _get_figure_domain(self, name, operator, value):
        """Return the domain `name operator value` for a field that has only SQL.

        :raise UserError: when a value is no number
        """
        if operator not in ("in", "<", ">", "<=", ">="):
            return NotImplemented
        values = list(value) if operator == "in" else [value]
        if any(item and not is_real_number(item) for item in values):
            raise UserError(
                self.env._(
                    "Balances and limits of clients are searched by numbers. Enter an "
                    "amount such as 25.00."
                )
            )
        values = [item or 0.0 for item in values]
        value = values if operator == "in" else values[0]
        if operator == "in":
            if not value:
                return Domain.FALSE
            value = tuple(value)
        sql_operator = SQL({"in": "IN"}.get(operator, operator))  # pylint: disable=sql-injection

        def to_sql(model, alias, query):
            return SQL(
                "%s %s %s", model._field_to_sql(alias, name, query), sql_operator, value
            )

        return Domain.custom(to_sql=to_sql)

    def _search_balance(self, operator, value):
        return self._get_figure_domain("balance", operator, value)

    def _search_amount_owed(self, operator, value):
        return self._get_figure_domain("amount_owed", operator, value)

    def _search_amount_overdue(self, operator, value):
        return self._get_figure_domain("amount_overdue", operator, value)

    def _search_credit_available(self, operator, value):
        return self._get_figure_domain("credit_available", operator, value)

    def _search_limit_in_force(self, operator, value):
        return self._get_figure_domain("limit_in_force", operator, value)

    def _search_available(self, operator, value):
        return self._get_figure_domain("available", operator, value)

    def _search_limit_usage(self, operator, value):
        return self._get_figure_domain("limit_usage", operator, value)
