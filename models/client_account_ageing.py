from odoo import api, fields, models
from odoo.tools import SQL

from ..const import AGEING


class ClientAccount(models.Model):
    """How old the debts of client accounts are: the amount owed in five parts.

    They have a query of their own, so that whoever asks for none of them pays nothing.
    """

    _inherit = "client.account"

    amount_not_due = fields.Monetary(
        string="Not Due",
        compute="_compute_ageing",
        search="_search_amount_not_due",
        aggregator="sum",
        help="The part of the amount owed that is not past its due date.",
    )
    overdue_1_30 = fields.Monetary(
        string="1-30 Days",
        compute="_compute_ageing",
        search="_search_overdue_1_30",
        aggregator="sum",
        help="Overdue for 1 to 30 days.",
    )
    overdue_31_60 = fields.Monetary(
        string="31-60 Days",
        compute="_compute_ageing",
        search="_search_overdue_31_60",
        aggregator="sum",
        help="Overdue for 31 to 60 days.",
    )
    overdue_61_90 = fields.Monetary(
        string="61-90 Days",
        compute="_compute_ageing",
        search="_search_overdue_61_90",
        aggregator="sum",
        help="Overdue for 61 to 90 days.",
    )
    overdue_91 = fields.Monetary(
        string="Older",
        compute="_compute_ageing",
        search="_search_overdue_91",
        aggregator="sum",
        help="Overdue for more than 90 days.",
    )

    # === Compute ===

    @api.depends("partner_id", "company_id")
    def _compute_ageing(self):
        accounts = self._origin
        rows = {}
        if accounts:
            # Sudo: a branch's user need not read the root company.
            sums = self.env.execute_query(
                self._get_ageing_sql(accounts.sudo().partner_id.ids)
            )
            rows = {(client, root): amounts for client, root, *amounts in sums}
        nothing = (0.0,) * len(AGEING)
        for account in self:
            # Sudo: as above.
            key = account.partner_id.id, account.sudo().company_id.id
            amounts = rows.get(key, nothing)
            for name, amount in zip(AGEING, amounts, strict=True):
                account[name] = float(amount)

    # === SQL ===

    @api.model
    def _get_ageing_sql(self, partner_ids=None):
        """Return the open debts by how old they are, by client and root company.

        :param partner_ids: ids of commercial partners, None for all
        :return: `SQL` of a query with columns partner_id, company_id and those of
            AGEING
        """
        lines = self.env["account.move.line"]._fields
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
                   %(columns)s
              FROM account_move_line line
              JOIN res_partner contact ON contact.id = line.partner_id
              JOIN res_company branch ON branch.id = line.company_id
             WHERE %(is_open)s AND line.amount_residual > 0 AND %(partners)s
             GROUP BY 1, 2
            """,
            columns=self._get_ageing_columns(),
            is_open=self._get_open_item_sql(1),
            partners=partners,
            to_flush=(
                lines["partner_id"],
                lines["company_id"],
                lines["date_maturity"],
                lines["date"],
                self.env["res.partner"]._fields["commercial_partner_id"],
                self.env["res.company"]._fields["parent_path"],
            ),
        )

    @api.model
    def _get_ageing_columns(self):
        """Return the sums of the debts on the alias `line` by how old they are."""
        age = SQL(
            "(%s::date - COALESCE(line.date_maturity, line.date))",
            fields.Date.context_today(self),
        )
        return SQL(", ").join(
            SQL(
                "COALESCE(SUM(line.amount_residual) FILTER (WHERE"
                " %(age)s >= COALESCE(%(least)s, %(age)s)"
                " AND %(age)s <= COALESCE(%(most)s, %(age)s)), 0) AS %(name)s",
                age=age,
                least=least,
                most=most,
                name=SQL.identifier(name),
            )
            for name, (least, most) in AGEING.items()
        )

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of the ORM to sort, group, sum and search by age."""
        if field_expr not in AGEING or query is None:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        ageing = self._join_sums(query, alias, "ageing", self._get_ageing_sql)
        return SQL("COALESCE(%s.%s, 0)", ageing, SQL.identifier(field_expr))

    # === Search ===

    def _search_amount_not_due(self, operator, value):
        return self._get_figure_domain("amount_not_due", operator, value)

    def _search_overdue_1_30(self, operator, value):
        return self._get_figure_domain("overdue_1_30", operator, value)

    def _search_overdue_31_60(self, operator, value):
        return self._get_figure_domain("overdue_31_60", operator, value)

    def _search_overdue_61_90(self, operator, value):
        return self._get_figure_domain("overdue_61_90", operator, value)

    def _search_overdue_91(self, operator, value):
        return self._get_figure_domain("overdue_91", operator, value)
