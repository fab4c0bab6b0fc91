from odoo import api, models
from odoo.tools import SQL

from odoo.addons.client_account.const import VIEWER
from odoo.addons.client_account.utils import Worth


class ClientAccount(models.Model):
    """What clients have ordered, as the gate and the figures know it."""

    _inherit = "client.account"

    # === Committed ===

    @api.model
    def _get_committed_sql(self):
        """Override to add what is ordered and not invoiced yet, in companies that have
        orders judged."""
        return SQL(
            "%s UNION ALL SELECT orders.partner_id, orders.company_id, orders.amount"
            " FROM (%s) orders JOIN res_company root ON root.id = orders.company_id"
            " WHERE root.client_judged_documents <> 'invoices'",
            super()._get_committed_sql(),
            self.env["sale.order"]._get_committed_orders_sql(SQL("TRUE")),
        )

    @api.model
    def _get_own_change(self, key):
        """Override to count what this transaction itself has ordered for a client."""
        change = super()._get_own_change(key)
        orders = self.env["sale.order"]
        origin = orders._get_order_watch().origin
        if not origin or key[1].client_judged_documents == "invoices":
            return change
        # Sudo: the policy binds whoever acts, whatever they may see.
        own = orders._get_own_documents()
        known = {} if own else orders._get_order_watch().known
        touched = orders.sudo().browse(origin.keys() - known.keys())
        after = known | (
            touched and touched.exists()._fetch_committed_with(less=own) or {}
        )
        ids = key[0].id, key[1].id
        amount = 0.0
        for order_id, had in origin.items():
            has = after.get(order_id)
            amount += had[1] if had and had[0] == ids else 0.0
            amount -= has[1] if has and has[0] == ids else 0.0
        return change + Worth(amount, amount)

    @api.model
    def _get_released_judged(self, changes):
        """Override to leave out what orders got back from documents that went, which
        nobody has judged."""
        released = super()._get_released_judged(changes)
        for release in self._get_taking_documents(changes)._get_restored_releases():
            released[release.key] -= Worth(release.unjudged, release.unjudged)
        return released

    @api.model
    def _judge_changes(self, changes, keys):
        """Override to note that what orders got back is judged now."""
        postings = super()._judge_changes(changes, keys)
        items = (item_id for items in changes.values() for item_id in items)
        for release in self._get_documents(items)._get_restored_releases():
            release.order._take_restored(release.restored)
        return postings

    # === Words ===

    @api.model
    def _is_asked_by_staff(self):
        """Tell whether it is staff that is answered.

        Not the superuser: portal pages of an order act as that for whoever has its
        link.
        """
        user = self.env.user
        return user._is_internal() and not user._is_superuser()

    @api.model
    def _may_show_figures(self):
        """Tell whether an answer may name balances and limits."""
        return self._is_asked_by_staff() and self.env.user.has_group(VIEWER)

    def _get_available_message(self, amount, balance, limit):
        """Override to say that what is ordered counts in the balance, and to say
        nothing where it is unknown who reads it."""
        if not self._may_show_figures():
            return self.env._(
                "The balance policy of %s does not allow this amount. Ask the "
                "accounting group, or request an update of the account.",
                self.display_name,
            )
        currency = self.currency_id
        return self.env._(
            "%(amount)s is more than %(client)s has available: with %(balance)s once "
            "all orders are invoiced and a limit in force of %(limit)s, %(shortfall)s "
            "is missing. Receive a payment, issue a credit or request an update of the "
            "account.",
            amount=currency.format(amount),
            client=self.display_name,
            balance=self._format_balance(balance),
            limit=currency.format(limit),
            shortfall=currency.format(currency.round(amount - balance - limit)),
        )
