from types import SimpleNamespace

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class ClientAccount(models.Model):
    """The gate against negative balances, as far as the account goes.

    Which documents it stands before is said in `account_move_gate`.
    """

    _inherit = "client.account"

    @api.model
    def _get_posting_columns(self):
        """Return what posting needs to know of an account, by name.

        Hook: a glue addon adds what it wants to find on each posting.

        :return: {name: `SQL`} on the aliases `account` of client_account and `company`
            of the res_company of its root
        """
        moves = self.env["account.move"]._fields
        names = ("credit_application", "negative_balance", "pay_later")
        return {
            "account_id": SQL("account.id"),
            **{name: self._get_policy_sql(name) for name in names},
            "limit_in_force": self._get_limit_in_force_sql(SQL("account")),
            # Whether the client ever had an account credit, posted or not.
            "has_credits": SQL(
                "EXISTS (SELECT FROM account_move"
                " WHERE commercial_partner_id = account.partner_id"
                " AND client_account_credit)",
                to_flush=(
                    moves["client_account_credit"],
                    moves["commercial_partner_id"],
                ),
            ),
            # Whether anybody is told when the balance falls.
            "is_watched": SQL(
                "(%s OR %s = 'on' OR %s = 'on')",
                self._get_limited_sql(),
                self._get_policy_sql("low_balance_client"),
                self._get_policy_sql("low_balance_manager"),
            ),
        }

    @api.model
    def _touch_for_posting(self, keys, debtors):
        """Return what posting needs to know of clients' accounts, made where missing.

        The rows of those who may not go into debt freely are written first, in the same
        statement: of two who post at once, the loser gets a serialization failure,
        which Odoo retries. A lock would keep the old snapshot, and both would read the
        balance before. Never catch database errors around it.

        :param keys: {(`res.partner` client, `res.company` root)}
        :param debtors: `res.partner`, the clients who will owe more
        :return: {key: posting}, each with the attributes of `_get_posting_columns`;
            amounts in company currency
        """
        postings = self._fetch_postings(keys, debtors)
        missing = keys - postings.keys()
        for root in {root for _client, root in missing}:
            clients = self.env["res.partner"].union(
                *(client for client, company in missing if company == root)
            )
            self._get_or_create(clients, root)
        if missing:
            postings.update(self._fetch_postings(missing, debtors))
        return postings

    @api.model
    def _fetch_postings(self, keys, debtors):
        """Return {key: posting} of the accounts there are, see `_touch_for_posting`."""
        columns = self._get_posting_columns()
        rows = self.env.execute_query(
            SQL(
                """
                WITH posting AS (
                    SELECT account.partner_id, account.company_id, %(columns)s
                      FROM client_account account
                      JOIN res_company company ON company.id = account.company_id
                     WHERE account.partner_id = ANY(%(clients)s)
                       AND account.company_id = ANY(%(roots)s)
                ), touched AS (
                    UPDATE client_account
                       SET lock_version = lock_version + 1
                      FROM posting
                     WHERE client_account.id = posting.account_id
                       AND posting.partner_id = ANY(%(debtors)s)
                       AND (posting.negative_balance = 'prevented'
                            OR posting.pay_later = 'disabled')
                )
                SELECT * FROM posting
                """,
                columns=SQL(", ").join(
                    SQL("%s AS %s", value, SQL.identifier(name))
                    for name, value in columns.items()
                ),
                clients=[client.id for client, _root in keys],
                roots=list({root.id for _client, root in keys}),
                debtors=debtors.ids,
            )
        )
        found = {
            row[:2]: SimpleNamespace(**dict(zip(columns, row[2:], strict=True)))
            for row in rows
        }
        self.invalidate_model(["lock_version"], flush=False)
        return {
            (client, root): found[client.id, root.id]
            for client, root in keys
            if (client.id, root.id) in found
        }

    @api.model
    def _fetch_balances(self, clients, root):
        """Return the balances of clients in a root company with its branches, less
        what they have committed.

        Only the sum that the gate asks for, and client by client: with the other sums
        it would cost thrice as much for a client with many open items.

        :param clients: `res.partner`, commercial partners
        :param root: `res.company`
        :return: {client: balance}, company currency
        """
        lines = self.env["account.move.line"]._fields
        rows = self.env.execute_query(
            SQL(
                """
                SELECT contact.commercial_partner_id, -SUM(item.residual)
                  FROM res_partner contact
                 CROSS JOIN LATERAL (
                    SELECT SUM(line.amount_residual) AS residual
                      FROM account_move_line line
                     WHERE line.partner_id = contact.id
                       AND %(is_open)s
                       AND line.company_id = ANY(ARRAY(
                               SELECT id FROM res_company
                                WHERE parent_path LIKE %(branches)s))
                 ) item
                 WHERE contact.commercial_partner_id = ANY(%(clients)s)
                 GROUP BY 1
                 UNION ALL
                SELECT partner_id, -SUM(amount)
                  FROM (%(committed)s) committed
                 WHERE partner_id = ANY(%(clients)s) AND company_id = %(root)s
                 GROUP BY 1
                """,
                clients=clients.ids,
                root=root.id,
                branches=f"{root.id}/%",
                is_open=self._get_open_item_sql(),
                committed=self._get_committed_sql(),
                to_flush=(
                    lines["partner_id"],
                    lines["company_id"],
                    self.env["res.partner"]._fields["commercial_partner_id"],
                    self.env["res.company"]._fields["parent_path"],
                ),
            )
        )
        balances = dict.fromkeys(clients, 0.0)
        for client_id, balance in rows:
            balances[clients.browse(client_id)] += float(balance or 0)
        return balances

    def _format_balance(self, balance):
        """Return a balance of one account in words, never as a bare sign.

        :param float balance: company currency
        """
        self.ensure_one()
        currency = self.currency_id
        if currency.is_zero(balance):
            return self.env._("a balance of zero")
        if balance > 0:
            return self.env._("%s in credit", currency.format(balance))
        return self.env._("%s owed", currency.format(-balance))

    def _get_refusal_request_action(self):
        """Return the window in which a refused user requests an update of one account.

        :return: a window action, False where the user may not ask, or somebody else's
            request waits already
        """
        self.ensure_one()
        if not self.env.user.has_group("base.group_user"):
            return False
        client = self.partner_id.sudo(False)
        if not client.has_access("read"):
            return False
        try:
            action = client._open_client_request(self.company_id)
        except UserError:
            return False
        return {"views": [[False, "form"]], **action}
