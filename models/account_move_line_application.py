from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class AccountMoveLine(models.Model):
    """Credit that is applied by itself, as policies say, or all of it on demand."""

    _inherit = "account.move.line"

    def _apply_to(self, debits, full_only=False):
        """Apply these credit items of one client to debit items, oldest first.

        Debts that policies pass over are left out, see `_without_credit_exclusion`, and
        credits dated ahead.

        :param debits: open debit items of the same client
        :param bool full_only: leave out debts the credits do not cover whole
        :return: the amount applied, company currency
        """
        plan = self._plan_application(debits, full_only=full_only)
        return self._reconcile_planned(plan)

    def _plan_application(self, debits, full_only=False):
        """Plan what `_apply_to` applies, see there.

        :return: list of (credit item, debit item, amount in the debit item's currency)
        """
        credits = self._filter_begun()
        if not credits or not debits:
            return []
        return self._plan_allocations(
            credits._sorted_for_allocation(),
            debits._filter_creditable()._sorted_for_allocation(),
            full_only=full_only,
        )

    def _filter_begun(self):
        """Return the items whose date has come, and whose last day is not over: no
        other credit is applied by itself.

        Whoever wants it earlier allocates it by hand.
        """
        today = fields.Date.context_today(self)
        return self.filtered(lambda line: line.date <= today)._filter_unexpired()

    @api.model
    def _get_begun_domain(self):
        """Return the domain of the items that `_filter_begun` returns.

        Item by item: all the credits that ever expired are not looked at.
        """
        today = fields.Date.context_today(self)
        expiry = self.env["account.move"]._fields["client_expiry_date"]
        return Domain("date", "<=", today) & Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "NOT EXISTS (SELECT FROM account_move expiring"
                " WHERE expiring.id = %s AND expiring.client_expiry_date < %s)",
                SQL.identifier(alias, "move_id"),
                today,
                to_flush=(expiry,),
            )
        )

    def _pay_back_credits(self):
        """Set this debit item of an outbound payment against its client's credits.

        What is paid beyond the credit left is owed by the client.
        """
        self.ensure_one()
        return self._reconcile_planned(
            self._plan_allocations(self._search_open_credits(), self)
        )

    def _apply_credits_by_policy(self, policies):
        """Apply credit to just posted receivable items as their clients' policies say.

        :param policies: {client key: value of `credit_application`} of the clients who
            may have credit
        """
        # Sudo: the policy binds whoever posts, whatever they may see.
        lines = self.sudo().filtered(
            lambda line: not line.reconciled and line._get_client_key() in policies
        )
        debts = lines.filtered(
            lambda line: (
                line._get_open_sign() > 0 and line.move_id._takes_credit_by_itself()
            )
        )
        givers = lines.filtered(
            lambda line: (
                line._get_open_sign() < 0 and line.move_id._gives_credit_by_itself()
            )
        )._filter_begun()
        policies = {key: policies[key] for key in (debts | givers)._group_by_client()}
        credits = lines._search_credits_by_policy(policies, debts, givers)
        open_debts = lines._search_debts_by_policy(policies, debts, credits)
        if not open_debts:
            return
        credits_by_key = credits._group_by_client()
        plan = []
        payable = open_debts._filter_creditable()
        for key, client_debts in payable._group_by_client().items():
            plan += lines._plan_allocations(
                credits_by_key[key]._sorted_for_allocation(),
                client_debts._sorted_for_allocation(),
            )
        lines._reconcile_planned(plan)

    def _search_credits_by_policy(self, policies, debts, givers):
        """Return the open credits that policies apply now.

        :param policies: {client key: value of `credit_application`}
        :param debts: the debts just posted
        :param givers: the credits just posted that may be applied at once
        """
        indebted = debts._group_by_client()
        clients_next = {key[0] for key in indebted if policies[key] == "next"}
        clients_all = {key[0] for key, policy in policies.items() if policy == "all"}
        if not clients_next and not clients_all:
            return self.browse()
        credits = self.search(
            self._get_open_credits_domain(clients_next | clients_all)
            & self._get_begun_domain()
            & (
                Domain("move_id.client_account_credit", "=", True)
                | Domain(
                    "partner_id.commercial_partner_id",
                    "in",
                    [client.id for client in clients_all],
                )
            )
        )
        credits -= self._filter_open_credits() - givers
        if not clients_all:
            # They are account credits, all of them: no need to look.
            return credits.filtered(lambda line: line._get_client_key() in policies)
        return credits.filtered(
            lambda line: (
                policies.get(line._get_client_key()) == "all"
                or (
                    policies.get(line._get_client_key()) == "next"
                    and line.move_id.client_account_credit
                )
            )
        )

    def _search_debts_by_policy(self, policies, debts, credits):
        """Return the open debts of clients with credit that policies apply it to.

        :param policies: {client key: value of `credit_application`}
        :param debts: the debts just posted
        :param credits: from `_search_credits_by_policy`
        """
        keys = set(credits._group_by_client())
        found = debts.filtered(lambda line: line._get_client_key() in keys)
        if clients_all := {key[0] for key in keys if policies[key] == "all"}:
            found |= self.search(
                self._get_open_items_domain(clients_all) & self._get_open_item_domain(1)
            ).filtered(lambda line: policies.get(line._get_client_key()) == "all")
        return found

    @api.model
    def _get_open_items_domain(self, clients):
        """Return the domain of the open receivable items of clients, in any company,
        for searching, see `client.account._build_items_domain`."""
        ids = [client.id for client in clients]
        accounts = self.env["client.account"]
        items = Domain.custom(
            to_sql=lambda model, alias, query: accounts._get_client_items_sql(
                SQL.identifier(alias), ids
            )
        )
        return items & self._get_open_item_domain()

    @api.model
    def _get_open_credits_domain(self, clients):
        """Return the domain of the open credits of clients, in any company."""
        return self._get_open_items_domain(clients) & self._get_open_item_domain(-1)

    def _search_open_credits(self, limit=None):
        """Return the open credits that fit this debit item."""
        self.ensure_one()
        credits = self.search(
            self._get_open_credits_domain(self.partner_id.commercial_partner_id)
            & Domain("account_id", "=", self.account_id.id)
            & Domain("company_id", "child_of", self.company_id.sudo().root_id.id),
            limit=limit,
        )
        return credits._sorted_for_allocation()
