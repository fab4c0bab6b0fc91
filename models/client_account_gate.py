from collections import namedtuple

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..const import DECIDED_STATES

# What posting needs to know of an account, see `_touch_for_posting`.
PostingTerms = namedtuple(
    "PostingTerms",
    (
        "account_id",
        "credit_application",
        "negative_balance",
        "pay_later",
        "limit_in_force",
        # Whether the client ever had an account credit, posted or not.
        "has_credits",
        # Whether anybody is told when the balance falls.
        "is_watched",
    ),
)


class ClientAccount(models.Model):
    """The gate against negative balances, as far as the account goes.

    Which documents it stands before is said in `account_move_gate`.
    """

    _inherit = "client.account"

    @api.model
    def _touch_for_posting(self, keys, debtors):
        """Return what posting needs to know of clients' accounts, made where missing.

        The rows of those who may not go into debt freely are written first, in the same
        statement: of two who post at once, the loser gets a serialization failure,
        which Odoo retries. A lock would keep the old snapshot, and both would read the
        balance before. Never catch database errors around it.

        :param keys: {(`res.partner` client, `res.company` root)}
        :param debtors: `res.partner`, the clients who will owe more
        :return: {key: `PostingTerms`}, amounts in company currency
        """
        terms = self._fetch_posting_terms(keys, debtors)
        missing = keys - terms.keys()
        for root in {root for _client, root in missing}:
            clients = self.env["res.partner"].union(
                *(client for client, company in missing if company == root)
            )
            self._get_or_create(clients, root)
        if missing:
            terms.update(self._fetch_posting_terms(missing, debtors))
        return terms

    @api.model
    def _fetch_posting_terms(self, keys, debtors):
        """Return {key: `PostingTerms`} of the accounts there are, see
        `_touch_for_posting`."""
        account, company = self._fields, self.env["res.company"]._fields
        moves = self.env["account.move"]._fields
        policies = (
            "credit_application",
            "negative_balance",
            "pay_later",
            "low_balance_client",
            "low_balance_manager",
        )
        rows = self.env.execute_query(
            SQL(
                """
                WITH terms AS (
                    SELECT account.id, account.partner_id, account.company_id,
                           COALESCE(account.credit_application,
                                    company.credit_application) AS credit_application,
                           COALESCE(account.negative_balance,
                                    company.negative_balance) AS negative_balance,
                           COALESCE(account.pay_later, company.pay_later) AS pay_later,
                           CASE WHEN account.state = 'granted'
                                THEN account.credit_limit ELSE 0 END AS limit_in_force,
                           EXISTS (
                               SELECT FROM account_move
                                WHERE commercial_partner_id = account.partner_id
                                  AND client_account_credit) AS has_credits,
                           account.state IN %(decided)s
                               OR COALESCE(account.low_balance_client,
                                           company.low_balance_client) = 'on'
                               OR COALESCE(account.low_balance_manager,
                                           company.low_balance_manager) = 'on'
                               AS is_watched
                      FROM client_account account
                      JOIN res_company company ON company.id = account.company_id
                     WHERE account.partner_id = ANY(%(clients)s)
                       AND account.company_id = ANY(%(roots)s)
                ), touched AS (
                    UPDATE client_account
                       SET lock_version = lock_version + 1
                      FROM terms
                     WHERE client_account.id = terms.id
                       AND terms.partner_id = ANY(%(debtors)s)
                       AND (terms.negative_balance = 'prevented'
                            OR terms.pay_later = 'disabled')
                )
                SELECT partner_id, company_id, id, credit_application,
                       negative_balance, pay_later, limit_in_force, has_credits,
                       is_watched
                  FROM terms
                """,
                clients=[client.id for client, _root in keys],
                roots=list({root.id for _client, root in keys}),
                debtors=debtors.ids,
                decided=DECIDED_STATES,
                to_flush=(
                    *(account[name] for name in (*policies, "state", "credit_limit")),
                    *(company[name] for name in policies),
                    moves["client_account_credit"],
                    moves["commercial_partner_id"],
                ),
            )
        )
        found = {(row[0], row[1]): PostingTerms(*row[2:]) for row in rows}
        self.invalidate_model(["lock_version"], flush=False)
        return {
            (client, root): found[client.id, root.id]
            for client, root in keys
            if (client.id, root.id) in found
        }

    @api.model
    def _fetch_balances(self, clients, root):
        """Return the balances of clients in a root company with its branches.

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
                       AND line.amount_residual <> 0
                       AND line.parent_state = 'posted'
                       AND line.account_id = ANY(ARRAY(
                               SELECT id FROM account_account
                                WHERE account_type = 'asset_receivable'))
                       AND line.company_id = ANY(ARRAY(
                               SELECT id FROM res_company
                                WHERE parent_path LIKE %(branches)s))
                 ) item
                 WHERE contact.commercial_partner_id = ANY(%(clients)s)
                 GROUP BY 1
                """,
                clients=clients.ids,
                branches=f"{root.id}/%",
                to_flush=(
                    lines["amount_residual"],
                    lines["parent_state"],
                    lines["account_id"],
                    lines["partner_id"],
                    lines["company_id"],
                    self.env["account.account"]._fields["account_type"],
                    self.env["res.partner"]._fields["commercial_partner_id"],
                    self.env["res.company"]._fields["parent_path"],
                ),
            )
        )
        balances = {client_id: float(balance or 0) for client_id, balance in rows}
        return {client: balances.get(client.id, 0.0) for client in clients}

    def _format_balance(self, balance):
        """Return a balance of one account in words, never as a bare sign.

        :param float balance: company currency
        """
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
