from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.client_account.utils import Worth


class ClientAccount(models.Model):
    """What clients have taken on account at tills, as the gate and the figures know
    it."""

    _inherit = "client.account"

    @api.model
    def _get_committed_sql(self):
        """Override to add what is sold on account in sessions that are not closed, and
        what tills were just allowed."""
        return SQL(
            "%s UNION ALL SELECT partner_id, company_id, amount FROM (%s) tickets"
            " UNION ALL %s",
            super()._get_committed_sql(),
            self.env["pos.order"]._get_committed_tickets_sql(),
            self.env["client.till.grant"]._get_granted_sql(),
        )

    @api.model
    def _get_own_change(self, key):
        """Override to count what this transaction itself has sold to a client on
        account, and what it had been allowed for that."""
        change = super()._get_own_change(key)
        watch = self.env["pos.order"]._get_till_watch()
        if not watch.origin and not watch.grants:
            return change
        ids = key[0].id, key[1].id
        # Sudo: the policy binds whoever acts, whatever they may see.
        orders = self.env["pos.order"].sudo().browse(watch.origin).exists()
        # Sudo: what tills were allowed is the addon's own.
        amount = self.env["client.till.grant"].sudo()._get_own_change(ids)
        for before in watch.origin.values():
            amount += before[1] if before and before[0] == ids else 0.0
        for now in orders._reckon_on_account().values():
            amount -= now[1] if now[0] == ids else 0.0
        return change + Worth(amount, amount)

    @api.model
    def _invalidate_figures(self):
        """Override to forget the tills' orders with the figures."""
        result = super()._invalidate_figures()
        self.env["pos.order"].invalidate_model(["client_on_account"], flush=False)
        return result

    # === Paying up front ===

    def _get_till_up_front_refusal(self, amount):
        """Return why one client, who pays up front, may not take an amount that is
        counted in the balance already, in words.

        :param float amount: company currency
        :return: an empty text where it may be: credit pays it
        """
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        account_sudo = self.sudo()
        currency = account_sudo.currency_id
        credit = max(account_sudo._measure_beside_others() + amount, 0.0)
        missing = currency.round(amount - credit)
        if currency.compare_amounts(missing, 0) <= 0:
            return ""
        if not self.env["pos.order"]._may_show_till_figures():
            return self.env._(
                "%s pays up front, and there is not enough credit. Choose another "
                "payment method, or ask the accounting group.",
                account_sudo.display_name,
            )
        return self.env._(
            "%(client)s pays up front, and %(missing)s is not covered by credit. "
            "Choose another payment method for it, or add credit first.",
            client=account_sudo.display_name,
            missing=currency.format(missing),
        )

    def _get_missing_at_tills(self):
        """Return how much of what one client has taken at tills, and what tills were
        just allowed, open credits do not cover any longer.

        :return: company currency; below zero where credit is left
        """
        self.ensure_one()
        key = self.partner_id.id, self.company_id.id
        taken = sum(float(amount) for *_ids, amount in self._fetch_tickets())
        # Sudo: what tills were allowed is the addon's own.
        grants_sudo = self.env["client.till.grant"].sudo()
        taken += grants_sudo._get_allowed_amount(key)
        if not taken:
            return 0.0
        credits = self.env["account.move.line"].search(
            self._get_items_domain()
            & self.env["account.move.line"]._get_open_item_domain(-1)
        )
        return self.currency_id.round(taken + sum(credits.mapped("amount_residual")))

    # === Who is told ===

    def _tell_taken_at_till(self, orders, balance):
        """Tell who decides about one account what was taken from it at a till while
        the line was broken, which leaves it with too little.

        :param orders: `pos.order` under sudo
        :param float balance: less what is committed, company currency
        """
        self.ensure_one()
        self.message_post(
            body=self.env._(
                "%(orders)s arrived late from %(tills)s. It was allowed before the "
                "connection was lost, so it is accepted. With everything on account "
                "this is %(balance)s now, which is beyond the limit.",
                orders=", ".join(order.pos_reference or order.name for order in orders),
                tills=", ".join(orders.config_id.mapped("name")),
                balance=self._format_balance(balance),
            ),
            partner_ids=self.company_id._get_client_deciders().partner_id.ids,
        )
        self._trigger_notices(at_once=True)

    # === What the till shows ===

    def _get_till_figures(self, session, settled):
        """Return how these accounts stand, with what is on account at tills.

        :param session: `pos.session` of the till that asks
        :param list settled: as of `client_get_figures`
        :return: {account: {`words`: the balance in words, `available`: likewise,
            `owed`: amount in the till's currency}}
        """
        # Sudo: a branch's user need not read the root company.
        currency = self.sudo().company_id.currency_id
        today = fields.Date.context_today(self)
        return {
            account: {
                "words": account._format_balance(balance),
                "available": account._format_available(
                    session._convert_to_company(
                        session._get_settled_amount(account.partner_id, settled)
                    )
                ),
                "owed": currency._convert(
                    max(-balance, 0.0), session.currency_id, session.company_id, today
                ),
            }
            for account, balance in self._get_balances_at_tills().items()
        }

    def _get_balances_at_tills(self):
        """Return the balances of these accounts with what is on account at tills.

        :return: {account: amount in company currency}
        """
        on_account = defaultdict(float)
        for _order_id, *key, amount in self._fetch_tickets():
            on_account[tuple(key)] += float(amount)
        return {
            # Sudo: a branch's user need not read the root company.
            account: account.balance
            - on_account[account.partner_id.id, account.sudo().company_id.id]
            for account in self
        }
