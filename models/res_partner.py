from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import VIEWER

# The figures of the account as fields of its client: name here, name there.
PARTNER_FIGURES = {
    "client_balance": "balance",
    "client_amount_owed": "amount_owed",
    "client_amount_overdue": "amount_overdue",
    "client_credit_available": "credit_available",
    "client_limit_in_force": "limit_in_force",
    "client_available": "available",
    "client_limit_usage": "limit_usage",
}


class ResPartner(models.Model):
    _inherit = "res.partner"

    client_account_ids = fields.One2many(
        "client.account",
        "partner_id",
        string="Accounts by Company",
        groups=VIEWER,
        copy=False,
    )
    client_account_id = fields.Many2one(
        "client.account",
        compute="_compute_client_account_id",
        search="_search_client_account_id",
        groups=VIEWER,
        copy=False,
        help="The client's account in the current company.",
    )
    client_account_currency_id = fields.Many2one(
        "res.currency",
        string="Account Currency",
        compute="_compute_client_account_currency_id",
        groups=VIEWER,
        copy=False,
    )

    # === Figures: plain computed fields with their own SQL, in the current company ===
    client_balance = fields.Monetary(
        compute="_compute_client_figures",
        search="_search_client_balance",
        currency_field="client_account_currency_id",
        aggregator="sum",
        groups=VIEWER,
        copy=False,
        help="Credit available less amount owed.",
    )
    client_amount_owed = fields.Monetary(
        string="Client Owes",
        compute="_compute_client_figures",
        search="_search_client_amount_owed",
        currency_field="client_account_currency_id",
        aggregator="sum",
        groups=VIEWER,
        copy=False,
    )
    client_amount_overdue = fields.Monetary(
        string="Client Overdue",
        compute="_compute_client_figures",
        search="_search_client_amount_overdue",
        currency_field="client_account_currency_id",
        aggregator="sum",
        groups=VIEWER,
        copy=False,
    )
    client_credit_available = fields.Monetary(
        string="Client Credit",
        compute="_compute_client_figures",
        search="_search_client_credit_available",
        currency_field="client_account_currency_id",
        aggregator="sum",
        groups=VIEWER,
        copy=False,
    )
    client_limit_in_force = fields.Monetary(
        string="Client Limit in Force",
        compute="_compute_client_figures",
        search="_search_client_limit_in_force",
        currency_field="client_account_currency_id",
        aggregator="sum",
        groups=VIEWER,
        copy=False,
    )
    client_available = fields.Monetary(
        compute="_compute_client_figures",
        search="_search_client_available",
        currency_field="client_account_currency_id",
        aggregator="sum",
        groups=VIEWER,
        copy=False,
        help="What the client can still spend: the balance plus the limit in force, "
        "less what is committed already.",
    )
    client_limit_usage = fields.Float(
        string="Client Limit Usage (%)",
        compute="_compute_client_figures",
        search="_search_client_limit_usage",
        digits=(16, 1),
        aggregator="avg",
        groups=VIEWER,
        copy=False,
    )

    # === Compute ===

    @api.depends_context("company")
    @api.depends("client_account_ids", "commercial_partner_id")
    def _compute_client_account_id(self):
        accounts = self.env["client.account"]._find_accounts(self, self.env.company)
        by_client = {account.partner_id: account for account in accounts}
        for partner in self:
            partner.client_account_id = by_client.get(
                partner.commercial_partner_id._origin
            )

    @api.depends_context("company")
    def _compute_client_account_currency_id(self):
        # Sudo: a branch's user need not read the root company.
        self.client_account_currency_id = self.env.company.root_id.sudo().currency_id

    @api.depends_context("company")
    @api.depends("commercial_partner_id")
    def _compute_client_figures(self):
        rows = self._origin._fetch_client_figures()
        columns = {name: [] for name in PARTNER_FIGURES}
        for partner in self:
            figures = rows.get(partner._origin.id)
            for name in PARTNER_FIGURES:
                columns[name].append(figures[name] if figures else 0.0)
        for name, values in columns.items():
            self._fields[name]._insert_cache(self, values)

    @api.model
    def _get_client_figure_names(self):
        """Return {field of the contact: field of the account} of the figures."""
        return PARTNER_FIGURES

    def _fetch_client_figures(self):
        """Return {partner id: {field: value}} of the figures, in one query.

        Amounts are in the currency of the current company's root.
        """
        if not self.ids:
            return {}
        query = (
            self.env["res.partner"]
            .with_context(active_test=False)
            ._search([("id", "in", self.ids)], bypass_access=True)
        )
        # Sudo: the figures' own groups say who may see them.
        partners = self.sudo()
        columns = SQL(", ").join(
            SQL(
                "%s AS %s",
                partners._client_figure_to_sql(
                    query.table, name, query, self.commercial_partner_id.ids
                ),
                SQL.identifier(name),
            )
            for name in PARTNER_FIGURES
        )
        rows = self.env.execute_query_dict(query.select(SQL("res_partner.id"), columns))
        return {
            row.pop("id"): {name: value or 0.0 for name, value in row.items()}
            for row in rows
        }

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of the ORM to sort, group, sum and search by the figures."""
        if field_expr == "client_account_currency_id":
            # What the web client asks for beside sums of money.
            self._check_field_access(self._fields[field_expr], "read")
            # Sudo: a branch's user need not read the root company.
            currency = self.env.company.root_id.sudo().currency_id
            return SQL("%s::integer", currency.id)
        if field_expr not in PARTNER_FIGURES or query is None:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        return self._client_figure_to_sql(alias, field_expr, query)

    def _read_group_select(self, aggregate_spec, query):
        """Override of the ORM to leave out of the usage what has no limit in force."""
        select = super()._read_group_select(aggregate_spec, query)
        if aggregate_spec != "client_limit_usage:avg":
            return select
        limit = self._field_to_sql(self._table, "client_limit_in_force", query)
        return SQL("%s FILTER (WHERE %s > 0)", select, limit)

    @api.model
    def _client_figure_to_sql(self, alias, name, query, client_ids=None):
        """Return the SQL of a figure of the partner, joining what it needs.

        Sums are joined once for all figures of the query, see
        `client.account._join_sums`.

        :param client_ids: ids of the only clients there are in the query, None for any
        """
        accounts = self.env["client.account"]
        root_id = self.env.company.root_id.id
        client = SQL.identifier(
            alias,
            "commercial_partner_id",
            to_flush=self._fields["commercial_partner_id"],
        )
        for link, get_table in (
            (
                "client_figures",
                lambda: SQL("(%s)", accounts._get_open_items_sql(client_ids)),
            ),
            ("client_account", lambda: SQL.identifier("client_account")),
        ):
            joined = query.make_alias(alias, link)
            if joined in query._joins:
                continue
            query.add_join(
                "LEFT JOIN",
                joined,
                get_table(),
                SQL(
                    "%(joined)s.partner_id = %(client)s AND %(joined)s.company_id = "
                    "%(root)s",
                    joined=SQL.identifier(joined),
                    client=client,
                    root=root_id,
                ),
            )
        return accounts._figure_to_sql(
            PARTNER_FIGURES[name],
            SQL.identifier(query.make_alias(alias, "client_account")),
            SQL.identifier(query.make_alias(alias, "client_figures")),
        )

    # === Search ===

    @api.model
    def _search_client_account_id(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        link = "commercial_partner_id.client_account_ids"
        in_company = Domain("company_id", "=", self.env.company.root_id.id)
        if operator == "any":
            return Domain(link, "any", in_company & Domain(value))
        ids = [account_id for account_id in value if account_id]
        domain = Domain(link, "any", in_company & Domain("id", "in", ids))
        if False in value:
            domain |= ~Domain(link, "any", in_company)
        return domain

    def _search_client_figure(self, name, operator, value):
        """Return the domain of the partners whose figure compares so to `value`."""
        return self.env["client.account"]._get_figure_domain(name, operator, value)

    def _search_client_balance(self, operator, value):
        return self._search_client_figure("client_balance", operator, value)

    def _search_client_amount_owed(self, operator, value):
        return self._search_client_figure("client_amount_owed", operator, value)

    def _search_client_amount_overdue(self, operator, value):
        return self._search_client_figure("client_amount_overdue", operator, value)

    def _search_client_credit_available(self, operator, value):
        return self._search_client_figure("client_credit_available", operator, value)

    def _search_client_limit_in_force(self, operator, value):
        return self._search_client_figure("client_limit_in_force", operator, value)

    def _search_client_available(self, operator, value):
        return self._search_client_figure("client_available", operator, value)

    def _search_client_limit_usage(self, operator, value):
        return self._search_client_figure("client_limit_usage", operator, value)

    @api.model
    def _asset_difference_search(self, account_type, operator, operand):
        """Override of `account` to let only those search what is due who may read it.

        What has a search method of its own is answered to anybody otherwise.
        """
        name = "credit" if account_type == "asset_receivable" else "debit"
        self._check_field_access(self._fields[name], "read")
        return super()._asset_difference_search(account_type, operator, operand)

    # === Cache ===

    @api.model
    def _invalidate_client_figures(self):
        """Forget the figures in cache, see `client.account._invalidate_figures`."""
        self.env["res.partner"].invalidate_model(list(PARTNER_FIGURES), flush=False)

    @api.model
    def _invalidate_client_accounts(self):
        """Forget which accounts there are: called where some were made by SQL."""
        self.env["res.partner"].invalidate_model(
            ["client_account_ids", "client_account_id"], flush=False
        )
        self._invalidate_client_figures()

    # === Moving clients: guards ===

    def _check_no_client_account_decided(self):
        """Keep clients about whose account something was decided, or requested.

        :raise UserError: when one of these contacts is such a client
        """
        # Sudo: who deletes a contact need not see its account.
        accounts_sudo = self.sudo().client_account_ids
        if requests := accounts_sudo.request_ids.filtered(
            lambda request: request.state != "draft"
        ):
            raise UserError(
                self.env._(
                    "There are account requests about %(clients)s. Archive the contact "
                    "instead of deleting it.",
                    clients=", ".join(requests.partner_id.mapped("display_name")[:5]),
                )
            )
        if decided := accounts_sudo.filtered(lambda item: item.state != "not_granted"):
            raise UserError(
                self.env._(
                    "A credit limit was decided for %(clients)s. Archive the contact "
                    "instead of deleting it.",
                    clients=", ".join(decided.partner_id.mapped("display_name")[:5]),
                )
            )

    def unlink(self):
        """Override of the ORM to delete the clients' accounts with their messages.

        Where there are journal items, Odoo itself keeps the contact.
        """
        self.check_access("unlink")
        self._check_no_client_account_decided()
        # Sudo: accounts are nobody's to delete but go with their client.
        self.sudo().client_account_ids.unlink()
        return super().unlink()

    # === Actions ===

    def _get_or_create_client_account(self):
        """Return the account of these contacts' clients in the current company."""
        return self.env["client.account"]._get_or_create(self, self.env.company)

    def action_client_request_update(self):
        """Open a request about one client's account: to open it or to change it."""
        self.ensure_one()
        return self._open_client_request(self.env.company)

    def _open_client_request(self, company):
        """Open the request about one client that the user is to go on with.

        That is the one that waits for a decision, the user's own draft, or a new one.

        :param company: `res.company`, a branch stands for its root
        :return: a window action
        :raise UserError: when a request waits that the user may not see
        """
        self.ensure_one()
        requests = self.env["client.account.request"]
        requests.check_access("create")
        self.check_access("read")
        account = self.env["client.account"]._get_or_create(self, company)
        waiting = requests._find_open_request(account).sudo(self.env.su)
        if waiting and not waiting.has_access("read"):
            raise UserError(waiting.sudo()._get_open_request_message())
        draft = requests.search(
            [
                ("account_id", "=", account.id),
                ("state", "=", "draft"),
                ("requested_by_id", "=", self.env.uid),
            ],
            limit=1,
        )
        if request := waiting or draft:
            return request._get_records_action()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Request an Update"),
            "res_model": "client.account.request",
            "view_mode": "form",
            "context": {
                "default_partner_id": self.commercial_partner_id.id,
                # Sudo: a branch's user need not read the root company.
                "default_company_id": company.sudo().root_id.id,
            },
        }

    def action_open_client_account(self):
        """Open the account of one client, made when there is none."""
        self.ensure_one()
        account = self._get_or_create_client_account()
        account.check_access("read")
        return account._get_records_action()

    def action_client_issue_credit(self):
        """Open the wizard that issues a credit to these clients."""
        return self._get_or_create_client_account().action_issue_credit()

    def action_client_charge(self):
        """Open the wizard that charges an amount to these clients."""
        return self._get_or_create_client_account().action_charge()

    def action_client_receive_payment(self):
        """Open the wizard that receives money from one client."""
        return self._get_or_create_client_account().action_receive_payment()

    def action_create_client_batch(self):
        """Make bulk credits for these contacts in the current company, and open them.

        :return: a window action
        """
        return self.env["client.credit.batch"]._open_for(self, self.env.company)

    def action_client_view_items(self):
        """Open all posted receivable items of one client in the current company."""
        return self._get_or_create_client_account().action_view_items()

    def action_client_view_credits(self):
        """Open all credits of one client in the current company, used up or not."""
        return self._get_or_create_client_account().action_view_credits()

    def action_client_new_invoice(self):
        """Open a new invoice of one client."""
        return self._get_or_create_client_account().action_new_invoice()

    def action_client_pay_back(self):
        """Open the wizard that pays credit back to one client."""
        return self._get_or_create_client_account().action_pay_back()
