import json
from collections import defaultdict
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Domain
from odoo.tools import SQL, format_date
from odoo.tools.date_utils import date_range

from ..utils import (
    MAX_AMOUNT,
    check_amount,
    check_date,
    check_reason,
    clean_text,
    in_plain_context,
    is_real_number,
)

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

# Balance, owed, overdue and credit of a client without open items.
NO_ITEMS = (0.0, 0.0, 0.0, 0.0)

VIEWER = "client_account.group_client_account_viewer"

# Fields that only the workflow writes, whatever a caller's rights.
PROTECTED_FIELDS = frozenset(
    (
        "partner_id",
        "company_id",
        "currency_id",
        "state",
        "state_reason",
        "credit_limit",
        "limit_until",
        "limit_request_id",
        "limit_lapse_told",
        "low_balance_client_told",
        "low_balance_manager_told",
        "limit_exceeded_told",
        "limit_early_told",
        "lock_version",
    )
)


# Writing these may bring an account below a threshold or above its limit.
NOTICE_FIELDS = frozenset(
    (
        "state",
        "credit_limit",
        "low_balance_client",
        "low_balance_client_threshold",
        "low_balance_manager",
        "low_balance_manager_threshold",
    )
)


class ClientAccount(models.Model):
    _name = "client.account"
    _description = "Client Account"
    # First comes what takes the approval out of the context before others write.
    _inherit = [
        "client.protected.mixin",
        "mail.thread",
        "mail.activity.mixin",
        "client.balance.policy.mixin",
    ]
    _order = "partner_id, id"
    _rec_name = "partner_id"
    _rec_names_search = ["partner_id"]

    _protected_fields = PROTECTED_FIELDS
    _protected_fields_on_create = frozenset(("partner_id", "company_id"))

    # === Identity ===
    partner_id = fields.Many2one(
        "res.partner",
        string="Client",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
        copy=False,
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
        copy=False,
        help="The root company; its branches share the account.",
    )
    # Stored so that lists can sum the figures by currency.
    currency_id = fields.Many2one(related="company_id.currency_id", store=True)
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")

    # === Decisions ===
    state = fields.Selection(
        [
            ("not_granted", "No Limit Granted"),
            ("granted", "Granted"),
            ("suspended", "Suspended"),
            ("closed", "Closed"),
        ],
        default="not_granted",
        required=True,
        readonly=True,
        tracking=True,
        copy=False,
        index=True,
    )
    credit_limit = fields.Monetary(
        readonly=True,
        tracking=True,
        copy=False,
        help="How far below zero the balance may go. Zero is a decision too: the "
        "client pays up front. It counts while the account is granted.",
    )
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
    balance_graph = fields.Text(compute="_compute_balance_graph")
    debit_line_ids = fields.Many2many(
        "account.move.line",
        compute="_compute_line_ids",
        compute_sudo=True,
        string="Open Invoices",
    )
    credit_line_ids = fields.Many2many(
        "account.move.line",
        compute="_compute_line_ids",
        compute_sudo=True,
        string="Credits",
    )
    history_line_ids = fields.Many2many(
        "account.move.line",
        compute="_compute_history_line_ids",
        compute_sudo=True,
        string="History",
    )

    _partner_company_unique = models.Constraint(
        "UNIQUE(partner_id, company_id)",
        "A client has one account per company.",
    )
    _credit_limit_range = models.Constraint(
        "CHECK(credit_limit >= 0 AND credit_limit < 1000000000000)",
        "A credit limit is zero or above, and below 1,000,000,000,000.",
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
        committed = {
            account.id: amount
            for account, amount in self._get_committed_amounts().items()
        }
        rows = {}
        for account_id in self._ids:
            balance, owed, overdue, credit = items.get(
                (partners.get(account_id), companies.get(account_id)), NO_ITEMS
            )
            granted = states.get(account_id) == "granted"
            limit = (granted and limits.get(account_id)) or 0.0
            available = balance + limit - committed.get(account_id, 0.0)
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
        """Return the sums of the open items of clients, in all their companies.

        Sums of contacts and branches come apart from the database and are added here:
        grouping twice would cost as much as the sums.

        :param clients: `res.partner`, commercial partners
        :return: {(partner id, root company id): (balance, owed, overdue, credit)}
        """
        if not clients:
            return {}
        contacts = self.env["res.partner"]._fields
        rows = self.env.execute_query(
            SQL(
                """
                WITH contact AS MATERIALIZED (
                    SELECT id, commercial_partner_id FROM res_partner
                     WHERE commercial_partner_id = ANY(%(partners)s)
                )
                SELECT contact.commercial_partner_id,
                       split_part(branch.parent_path, '/', 1)::integer,
                       item.balance, item.amount_owed, item.amount_overdue,
                       item.credit_available
                  FROM contact
                 CROSS JOIN LATERAL (%(items)s) item
                  JOIN res_company branch ON branch.id = item.company_id
                """,
                partners=clients.ids,
                # Contact by contact, for the index to find the accounts too.
                items=self._get_item_sums_sql(SQL("line.partner_id = contact.id")),
                to_flush=(
                    contacts["commercial_partner_id"],
                    self.env["res.company"]._fields["parent_path"],
                ),
            )
        )
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
    def _get_open_items_sql(self, partner_ids=None):
        """Return the open receivable items summed by client and root company.

        :param partner_ids: ids of commercial partners, None for all
        :return: `SQL` of a query with columns partner_id, company_id, balance,
            amount_owed, amount_overdue and credit_available
        """
        partners = SQL("TRUE")
        if partner_ids is not None:
            partners = SQL(
                "line.partner_id = ANY(ARRAY(SELECT id FROM res_partner"
                " WHERE commercial_partner_id = ANY(%s)))",
                list(partner_ids),
            )
        return SQL(
            """
            SELECT contact.commercial_partner_id AS partner_id,
                   split_part(branch.parent_path, '/', 1)::integer AS company_id,
                   SUM(item.balance) AS balance,
                   SUM(item.amount_owed) AS amount_owed,
                   SUM(item.amount_overdue) AS amount_overdue,
                   SUM(item.credit_available) AS credit_available
              FROM (%(items)s) item
              JOIN res_partner contact ON contact.id = item.partner_id
              JOIN res_company branch ON branch.id = item.company_id
             GROUP BY 1, 2
            """,
            items=self._get_item_sums_sql(partners),
            to_flush=(
                self.env["res.partner"]._fields["commercial_partner_id"],
                self.env["res.company"]._fields["parent_path"],
            ),
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
            SELECT line.partner_id, line.company_id,
                   -SUM(line.amount_residual) AS balance,
                   SUM(GREATEST(line.amount_residual, 0)) AS amount_owed,
                   SUM(GREATEST(line.amount_residual, 0)) FILTER (WHERE
                       COALESCE(line.date_maturity, line.date) < %(today)s)
                       AS amount_overdue,
                   SUM(GREATEST(-line.amount_residual, 0)) AS credit_available
              FROM account_move_line line
             WHERE line.amount_residual <> 0
               AND line.parent_state = 'posted'
               AND line.account_id = ANY(ARRAY(
                       SELECT id FROM account_account
                        WHERE account_type = 'asset_receivable'))
               AND %(condition)s
             GROUP BY 1, 2
            """,
            today=fields.Date.context_today(self),
            condition=condition,
            to_flush=(
                lines["amount_residual"],
                lines["parent_state"],
                lines["account_id"],
                lines["partner_id"],
                lines["company_id"],
                lines["date_maturity"],
                lines["date"],
                self.env["account.account"]._fields["account_type"],
            ),
        )

    @api.model
    def _figure_to_sql(self, name, account, figures):
        """Return the SQL of a figure.

        :param str name: one of FIGURES
        :param SQL account: alias of the row of client_account
        :param SQL figures: alias of the row of `_get_open_items_sql`
        """
        model_fields = self.env["client.account"]._fields
        limit = SQL(
            "COALESCE(CASE WHEN %(account)s.state = 'granted'"
            " THEN %(account)s.credit_limit END, 0)",
            account=account,
            to_flush=(model_fields["state"], model_fields["credit_limit"]),
        )
        if name == "limit_in_force":
            return limit
        if name == "available":
            return SQL("(COALESCE(%s.balance, 0) + %s)", figures, limit)
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
        figures = query.make_alias(alias, "figures")
        account = SQL.identifier(alias)
        query.add_join(
            "LEFT JOIN",
            figures,
            SQL("(%s)", self._get_open_items_sql()),
            SQL(
                "%(figures)s.partner_id = %(account)s.partner_id"
                " AND %(figures)s.company_id = %(account)s.company_id",
                figures=SQL.identifier(figures),
                account=account,
            ),
        )
        return self._figure_to_sql(field_expr, account, SQL.identifier(figures))

    def _read_group_select(self, aggregate_spec, query):
        """Override of the ORM to leave out of the usage what has no limit in force."""
        select = super()._read_group_select(aggregate_spec, query)
        if aggregate_spec != "limit_usage:avg":
            return select
        limit = self._field_to_sql(self._table, "limit_in_force", query)
        return SQL("%s FILTER (WHERE %s > 0)", select, limit)

    @api.model
    def _search_figure(self, name, operator, value):
        """Return the domain of the accounts whose figure compares so to `value`."""
        return self._get_figure_domain(name, operator, value)

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
        return self._search_figure("balance", operator, value)

    def _search_amount_owed(self, operator, value):
        return self._search_figure("amount_owed", operator, value)

    def _search_amount_overdue(self, operator, value):
        return self._search_figure("amount_overdue", operator, value)

    def _search_credit_available(self, operator, value):
        return self._search_figure("credit_available", operator, value)

    def _search_limit_in_force(self, operator, value):
        return self._search_figure("limit_in_force", operator, value)

    def _search_available(self, operator, value):
        return self._search_figure("available", operator, value)

    def _search_limit_usage(self, operator, value):
        return self._search_figure("limit_usage", operator, value)

    @api.model
    def _invalidate_figures(self):
        """Forget the figures in cache: called where receivable items change.

        The figures depend on all items of a client, which `@api.depends` cannot name.
        """
        self.env["client.account"].invalidate_model(
            [*FIGURES, "ledger_balance", "ledger_difference", "balance_graph"]
            + ["debit_line_ids", "credit_line_ids", "history_line_ids"],
            flush=False,
        )
        self.env["res.partner"]._invalidate_client_figures()
        self.env["client.account.request"]._invalidate_figures()

    # === Compute: details page ===

    @api.depends("partner_id", "company_id")
    def _compute_ledger_balance(self):
        lines = self.env["account.move.line"].sudo()
        for account in self:
            # Sudo: the account's readers need not read journal items.
            [(total,)] = lines._read_group(
                account._get_items_domain(), [], ["balance:sum"]
            )
            account.ledger_balance = -total
            account.ledger_difference = account.currency_id.round(
                account.ledger_balance - account.balance
            )

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_id", "company_id")
    def _compute_line_ids(self):
        for account in self:
            lines = account._search_readable_items(account._get_open_items_domain())
            lines = lines._sorted_for_allocation()
            account.debit_line_ids = lines.filtered(
                lambda line: line.amount_residual > 0
            )
            account.credit_line_ids = lines.filtered(
                lambda line: line.amount_residual < 0
            )

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_id", "company_id")
    def _compute_history_line_ids(self):
        """Take the newest items; the rest stands behind the button "All Items"."""
        for account in self:
            account.history_line_ids = account._search_readable_items(
                account._get_items_domain(), order="date desc, id desc", limit=40
            )

    def _search_readable_items(self, domain, **options):
        """Return the items of a domain that the user may read.

        Viewers may read none, and record rules hide those of other branches; figures
        and running balances take in all.
        """
        lines = self.env["account.move.line"].sudo(False)
        return lines.search(domain, **options) if lines.has_access("read") else lines

    @api.depends("partner_id", "company_id")
    def _compute_balance_graph(self):
        for account in self:
            points = account._get_balance_points()
            account.balance_graph = json.dumps(
                [
                    {
                        "values": [
                            {
                                "x": format_date(self.env, date, date_format="d MMM y"),
                                "y": balance,
                                "name": format_date(self.env, date),
                            }
                            for date, balance in points
                        ],
                        "title": "",
                        "key": self.env._("Balance"),
                        "area": True,
                        "color": "#875A7B",
                        "is_sample_data": False,
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
        movements = self._fetch_daily_movements()
        start = today - relativedelta(months=12)
        last = max([today, *movements])
        days = sorted({*date_range(start, today, timedelta(weeks=1)), today, last})
        points = []
        balance = 0.0
        pending = sorted(movements.items())
        for day in days:
            while pending and pending[0][0] <= day:
                balance += pending.pop(0)[1]
            points.append((day, self.currency_id.round(balance)))
        return points

    def _fetch_daily_movements(self):
        """Return {date: change of the balance} of all items of one account."""
        lines = self.env["account.move.line"]
        # Sudo: the account's readers need not read journal items.
        query = lines.sudo()._search(self._get_items_domain())
        rows = self.env.execute_query(
            SQL(
                "SELECT %(date)s, -SUM(%(balance)s) FROM %(source)s WHERE %(where)s "
                "GROUP BY 1",
                date=SQL.identifier(
                    lines._table, "date", to_flush=lines._fields["date"]
                ),
                balance=SQL.identifier(
                    lines._table, "balance", to_flush=lines._fields["balance"]
                ),
                source=query.from_clause,
                where=query.where_clause,
            )
        )
        return {day: float(change) for day, change in rows}

    # === CRUD ===

    def write(self, vals):
        """Override of the ORM to keep the figures of clients fresh."""
        result = super().write(vals)
        if not {"state", "credit_limit"}.isdisjoint(vals):
            self.env["res.partner"]._invalidate_client_figures()
        if not NOTICE_FIELDS.isdisjoint(vals):
            self._trigger_notices()
        return result

    def _get_protected_message(self, labels):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of a client account change only by approval: "
            "request an update for %(clients)s instead.",
            fields=labels,
            clients=", ".join(self.sudo().mapped("display_name")[:5])
            or self.env._("the client"),
        )

    # === Making accounts ===

    @api.model
    def _get_or_create(self, partners, company):
        """Return the accounts of these clients in a company, made where missing.

        Safe when two transactions make the same account at once: one waits for the
        other and, when that commits, fails to serialize and is retried by Odoo.

        :param partners: `res.partner`, contacts stand for their commercial partner
        :param company: `res.company`, a branch stands for its root
        :return: `client.account`, one for each commercial partner
        """
        clients = partners.commercial_partner_id
        # Sudo: a branch's user need not read the root company.
        root = company.sudo().root_id
        if not clients or not root:
            return self.browse()
        # Sudo: making the account is part of the document that needs it.
        domain = Domain("partner_id", "in", clients.ids) & Domain(
            "company_id", "=", root.id
        )
        accounts = self.sudo().search(domain)
        if missing := clients - accounts.partner_id:
            self._insert_accounts(
                SQL(
                    "SELECT id, %s FROM res_partner WHERE id = ANY(%s)",
                    root.id,
                    missing.ids,
                )
            )
            accounts = self.sudo().search(domain)
        return self.browse(accounts.ids)

    @api.model
    def _create_missing_accounts(self):
        """Make the accounts of all clients with receivable items or a native limit.

        A native credit limit above zero becomes the account's, granted. Run at install,
        in one statement.
        """
        self.env.flush_all()
        self._insert_accounts(
            SQL(
                """
                SELECT client.partner_id, client.company_id, limits.amount > 0,
                       COALESCE(limits.amount, 0)
                  FROM (
                    SELECT contact.commercial_partner_id AS partner_id,
                           split_part(branch.parent_path, '/', 1)::integer AS company_id
                      FROM account_move_line line
                      JOIN res_partner contact ON contact.id = line.partner_id
                      JOIN res_company branch ON branch.id = line.company_id
                      JOIN account_account account ON account.id = line.account_id
                     WHERE account.account_type = 'asset_receivable'
                       AND line.parent_state = 'posted'
                     UNION
                    SELECT partner.id, company.id
                      FROM res_partner partner
                      CROSS JOIN res_company company
                     WHERE partner.commercial_partner_id = partner.id
                       AND company.parent_id IS NULL
                       AND (partner.credit_limit ->> company.id::text)::numeric > 0
                  ) client
                  JOIN res_partner partner ON partner.id = client.partner_id
                  CROSS JOIN LATERAL (
                    SELECT LEAST(
                        GREATEST(
                            COALESCE(
                                partner.credit_limit ->> client.company_id::text,
                                %(defaults)s::jsonb ->> client.company_id::text
                            )::numeric,
                            0
                        ),
                        %(most)s
                    ) AS amount
                  ) limits
                """,
                most=MAX_AMOUNT - 1,
                defaults=json.dumps(self._get_native_default_limits()),
            ),
            with_limit=True,
        )

    @api.model
    def _get_native_default_limits(self):
        """Return {root company id: native limit of whoever has none of their own}.

        Odoo stores no limit on a partner where it equals the company's default.
        """
        # Sudo: run at install, for all companies.
        partners = self.env["res.partner"].sudo()
        native = partners._fields["credit_limit"]
        return {
            company.id: native.get_company_dependent_fallback(
                partners.with_company(company)
            )
            for company in self.env["res.company"].sudo().search([]).root_id
        }

    @api.model
    def _insert_accounts(self, source, with_limit=False):
        """Insert accounts for the rows of a query, leaving those there are.

        `INSERT ... ON CONFLICT` because a unique violation is not retried by Odoo while
        a serialization failure is. It names every column that has a default.

        :param SQL source: a query of partner id and company id and, with `with_limit`,
            whether the limit is granted and its amount
        """
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        self.env["res.company"].flush_model(["currency_id"])
        limit = (
            SQL(
                "CASE WHEN source.granted THEN 'granted' ELSE 'not_granted' END, "
                "source.amount"
            )
            if with_limit
            else SQL("'not_granted', 0")
        )
        columns = (
            SQL("source(partner_id, company_id, granted, amount)")
            if with_limit
            else SQL("source(partner_id, company_id)")
        )
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO client_account (
                    partner_id, company_id, currency_id, state, credit_limit,
                    lock_version, create_uid, create_date, write_uid, write_date )
                    SELECT source.partner_id, source.company_id, company.currency_id,
                    %(limit)s, 0, %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT
                    TIME ZONE 'UTC' FROM (%(source)s) AS %(columns)s JOIN res_company
                    company ON company.id = source.company_id ON CONFLICT (partner_id,
                    company_id) DO NOTHING
                """,
                limit=limit,
                uid=self.env.uid,
                source=source,
                columns=columns,
            )
        )
        self.env["res.partner"]._invalidate_client_accounts()

    def _get_committed_amounts(self):
        """Return what each account has promised but not been invoiced for.

        Hook for glue to orders and the like; the core knows of none. Searching and
        sorting by the available amount leave it out.

        :return: {account: amount above zero, company currency}
        """
        return {}

    # === Rights ===

    def _check_officer(self):
        """Make sure the user may act on these accounts' money.

        :raise AccessError: when not an officer, or an account is out of reach
        """
        if self.env.su:
            return
        if not self.env.user.has_group("client_account.group_client_account_officer"):
            raise AccessError(
                self.env._(
                    "Only officers of client accounts may give credits, charge, "
                    "allocate or suspend. Ask an administrator for the right “Client "
                    "Accounts: Officer”."
                )
            )
        self.check_access("write")

    def _check_one(self):
        """Make sure this is one account.

        :raise UserError: otherwise
        """
        if len(self) != 1:
            raise UserError(
                self.env._(
                    "Choose exactly one client: this concerns %s.",
                    ", ".join(self.mapped("display_name")[:5]) or self.env._("none"),
                )
            )

    # === Credits and charges ===

    def issue_credit(self, amount, reason, date=None, key=None):
        """Give one client a credit, usable on invoices at once.

        :param float amount: company currency, above zero
        :param str reason: shown in the client's history
        :param date: accounting date, today when empty; Odoo moves one in a locked
            period to the first open day
        :param str key: makes a repeat harmless: the same key again answers the first
            entry, with other values it is an error
        :return: id of the posted `account.move`
        :rtype: int
        :raise UserError: when a value is refused; nothing is booked
        """
        return self._adjust_once("credit", amount, reason, date=date, key=key).id

    def charge(self, amount, reason, date=None, date_due=None, key=None):
        """Charge one client an amount, owed from `date_due` on.

        :param float amount: company currency, above zero
        :param str reason: shown in the client's history
        :param date: accounting date, today when empty
        :param date_due: `date` when empty
        :param str key: makes a repeat harmless, see `issue_credit`
        :return: id of the posted `account.move`
        :rtype: int
        :raise UserError: when a value is refused; nothing is booked
        """
        return self._adjust_once(
            "charge", amount, reason, date=date, date_due=date_due, key=key
        ).id

    def _adjust_once(self, kind, amount, reason, date=None, date_due=None, key=None):
        """Book an adjustment of one account, or return the one its key has booked.

        :return: `account.move`
        """
        self._check_officer()
        self._check_one()
        values = self._prepare_adjustment(kind, amount, reason, date, date_due)
        # Over RPC, False says that there is none.
        if key is None or key is False:
            return self._create_adjustments([(self, values)])
        key = self._check_key(key)
        # Touch, then look: two calls with one key cannot both see nothing.
        self._touch()
        move = self._find_adjustment(key)
        if move:
            move._check_same_adjustment(self, values)
            return move
        return self._create_adjustments([(self, dict(values, key=key))])

    def _check_key(self, key):
        """Return the key as text.

        :raise UserError: when it is no text of 1 to 200 characters
        """
        if (
            not isinstance(key, str)
            or not key.strip()
            or len(key) > 200
            or clean_text(key) != key
        ):
            raise UserError(
                self.env._(
                    "The key of an adjustment of %(client)s must be a text of 1 to 200 "
                    "characters. Send one that names what is booked, or none.",
                    client=self.display_name,
                )
            )
        return key.strip()

    def _find_adjustment(self, key):
        """Return the adjustment this key has booked in the account's company."""
        # Sudo: the key is unique in the company, whoever used it.
        return (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("client_adjustment_key", "=", key),
                    ("company_id", "=", self.sudo().company_id.id),
                ],
                limit=1,
            )
            .sudo(self.env.su)
        )

    def _prepare_adjustment(self, kind, amount, reason, date=None, date_due=None):
        """Check the values of an adjustment of one account.

        :return: dict of kind, amount, reason, date and date_due, for
            `_create_adjustments`
        :raise UserError: when a value is refused
        """
        self.ensure_one()
        name = self.display_name
        today = fields.Date.context_today(self)
        given_date = check_date(self.env, name, date)
        given_due = check_date(self.env, name, date_due)
        if given_due and given_due < (given_date or today):
            raise UserError(
                self.env._(
                    "The due date of the charge for %(client)s lies before its date. "
                    "Choose a due date on or after %(date)s.",
                    client=name,
                    date=format_date(self.env, given_date or today),
                )
            )
        return {
            "kind": kind,
            "amount": check_amount(self.env, name, amount, self.currency_id),
            "reason": check_reason(self.env, name, reason),
            "date": given_date,
            "date_due": given_due,
        }

    @api.model
    def _create_adjustments(self, adjustments, anyway=""):
        """Book and post adjustments in one batch.

        :param adjustments: list of (account, values of `_prepare_adjustment`)
        :param str anyway: why an approver charges against the balance policies
        :return: the posted `account.move` in the same order
        """
        # Sudo: officers need no right to make journal entries; what is booked is fixed.
        moves_sudo = in_plain_context(self.env["account.move"].sudo()).create(
            [
                account._prepare_adjustment_move_vals(values)
                for account, values in adjustments
            ]
        )
        if anyway:
            moves_sudo = moves_sudo._with_post_anyway(anyway)
        moves_sudo._post(soft=False)
        moves_sudo._tell_moved_dates(
            [values["date"] for _account, values in adjustments]
        )
        return moves_sudo.sudo(self.env.su)

    def _prepare_adjustment_move_vals(self, values):
        """Return the values of the entry of one adjustment.

        Hook: override to book to other accounts or to fill more fields.

        :param dict values: from `_prepare_adjustment`, with `key` perhaps
        """
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        journal, account = company._get_client_adjustment_settings(values["kind"])
        date = values["date"] or fields.Date.context_today(self)
        reason = values["reason"]
        return {
            "move_type": "entry",
            "journal_id": journal.id,
            "company_id": company.id,
            "partner_id": self.partner_id.id,
            "date": date,
            # The database indexes the reference, and an index row has room for 2,700
            # bytes.
            "ref": reason.splitlines()[0][:120],
            "client_adjustment": values["kind"],
            "client_adjustment_reason": reason,
            "client_adjustment_key": values.get("key"),
            "client_account_credit": values["kind"] == "credit",
            "line_ids": [
                Command.create(vals)
                for vals in self._prepare_adjustment_line_vals(values, account, date)
            ],
        }

    def _prepare_adjustment_line_vals(self, values, account, date):
        """Return the values of the two items of an adjustment: receivable, then the
        other.

        :param account: the `account.account` against receivable
        :param date: the accounting date asked for
        """
        self.ensure_one()
        sign = -1 if values["kind"] == "credit" else 1
        common = {
            "partner_id": self.partner_id.id,
            "currency_id": self.currency_id.id,
            "name": values["reason"][:250],
        }
        return [
            {
                **common,
                "account_id": self._get_receivable_account().id,
                "balance": sign * values["amount"],
                "amount_currency": sign * values["amount"],
                "date_maturity": values["date_due"] or date,
            },
            {
                **common,
                "account_id": account.id,
                "balance": -sign * values["amount"],
                "amount_currency": -sign * values["amount"],
            },
        ]

    def _get_receivable_account(self):
        """Return the receivable account of one client.

        :raise UserError: when neither the client nor the company has one
        """
        self.ensure_one()
        company = self.sudo().company_id
        account = (
            self.partner_id.sudo().with_company(company).property_account_receivable_id
        )
        if not account:
            raise UserError(
                self.env._(
                    "%(client)s has no receivable account in %(company)s. "
                    "Choose one on the contact, or load a chart of accounts.",
                    client=self.display_name,
                    company=company.display_name,
                )
            )
        return account

    # === Applying credit ===

    def apply_credits(self):
        """Apply open credits to open debts, oldest first.

        Credits of any source are used, as this is an explicit order. Invoices that are
        blocked, wait for a payment transaction or hold a product not payable with
        account credit are passed over.

        :return: the amount applied, company currency
        :rtype: float
        """
        self._check_officer()
        return self._apply_credits()

    def _apply_credits(self, full_only=False):
        """Apply all open credits of these accounts, see `apply_credits`.

        :param bool full_only: only to debts the credits cover whole
        """
        applied = 0.0
        # Sudo: allocating is the officer's right, journal items need not be.
        lines = in_plain_context(self.env["account.move.line"].sudo())
        for account in self:
            open_lines = lines.search(account._get_open_items_domain())
            applied += open_lines.filtered(
                lambda line: line.amount_residual < 0
            )._apply_to(
                open_lines.filtered(lambda line: line.amount_residual > 0),
                full_only=full_only,
            )
        return applied

    @api.model
    def _build_items_domain(self, clients, roots):
        """Return the domain of all posted receivable items of clients in root
        companies."""
        return (
            Domain("partner_id.commercial_partner_id", "in", clients.ids)
            & Domain("company_id", "child_of", roots.ids)
            & Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("parent_state", "=", "posted")
        )

    def _get_items_domain(self):
        """Return the domain of all posted receivable items of these accounts."""
        return Domain.OR(
            self._build_items_domain(accounts.partner_id, root)
            for root, accounts in self.sudo().grouped("company_id").items()
        )

    def _get_open_items_domain(self):
        """Return the domain of the open receivable items of these accounts."""
        return self._get_items_domain() & Domain("amount_residual", "!=", 0)

    # === Actions ===

    def action_issue_credit(self):
        """Open the wizard that issues a credit to these accounts."""
        return self._open_adjustment_wizard("credit", self.env._("Issue a Credit"))

    def action_charge(self):
        """Open the wizard that charges an amount to these accounts."""
        return self._open_adjustment_wizard("charge", self.env._("Charge an Amount"))

    def _open_adjustment_wizard(self, kind, title):
        self._check_officer()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "client.account.adjustment",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_account_ids": [Command.set(self.ids)],
                "default_kind": kind,
            },
        }

    def action_receive_payment(self):
        """Open the wizard that receives money from one client."""
        return self._open_payment_wizard("inbound", self.env._("Receive a Payment"))

    def action_pay_back(self):
        """Open the wizard that pays credit back to one client."""
        return self._open_payment_wizard("outbound", self.env._("Pay Credit Back"))

    def _open_payment_wizard(self, payment_type, title):
        self._check_officer()
        self._check_one()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "client.account.payment",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_account_id": self.id,
                "default_payment_type": payment_type,
            },
        }

    def action_apply_credits(self):
        """Apply open credits to open debts and say how much was applied."""
        applied = defaultdict(float)
        for account in self:
            applied[account.currency_id] += account.apply_credits()
        amounts = ", ".join(
            currency.format(currency.round(amount))
            for currency, amount in applied.items()
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if any(applied.values()) else "warning",
                "message": self.env._("%(amount)s of credit applied.", amount=amounts)
                if any(applied.values())
                else self.env._("There is no open credit that fits an open invoice."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_view_items(self):
        """Open all posted receivable items of these accounts."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "client_account.client_account_items_action"
        )
        action["domain"] = list(self._get_items_domain())
        return action

    def action_view_partner(self):
        """Open the client of one account."""
        self._check_one()
        return self.partner_id._get_records_action()
