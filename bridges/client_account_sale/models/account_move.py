from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class AccountMove(models.Model):
    """Invoices of orders: they release what their orders had committed."""

    _inherit = "account.move"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to leave to Odoo what was settled elsewhere."""
        for vals in vals_list:
            self.browse()._check_not_settled_elsewhere(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to leave to Odoo what was settled elsewhere."""
        self._check_not_settled_elsewhere(vals)
        return super().write(vals)

    def _check_not_settled_elsewhere(self, vals):
        """Refuse to say of a document that it was settled before the books were kept
        here: its order would count as invoiced, and it is in no balance.

        :raise UserError: when that is written by anybody but Odoo itself
        """
        if vals.get("payment_state") == "invoicing_legacy" and not self.env.su:
            raise UserError(
                self.env._(
                    "The payment status of %s follows from what it is matched with. "
                    "Match a payment or a credit with it instead.",
                    ", ".join(move.display_name for move in self[:5])
                    or self.env._("a new document"),
                )
            )

    def _get_released_amounts(self):
        """Override of `client_account`: what an order has committed is taken off the
        debt that its own invoice adds.

        So an order's own invoice is accepted however the limit has changed since, and
        whatever the rate has done: what is in the order's currency counts at the rate
        of the invoice. A document that was posted before this transaction has released
        its part already.
        """
        released = super()._get_released_amounts()
        orders = self.sudo().line_ids.sale_line_ids.order_id
        orders = orders.filtered(lambda order: order._are_orders_judged())
        if not orders:
            return released
        own = set(orders._get_own_documents()) & set(self.ids)
        before = orders._fetch_committed_with(less=own)
        for key, amount in self._compare_commitments(before, orders._fetch_committed()):
            released[key] = released.get(key, 0.0) + amount
        return released

    def _get_released_ahead(self, account):
        """Override of `client_account`: what posting this draft would release."""
        released = super()._get_released_ahead(account)
        orders = self.sudo().line_ids.sale_line_ids.order_id
        orders = orders.filtered(lambda order: order._are_orders_judged())
        if orders:
            after = orders._fetch_committed_with(more=self._origin.ids)
            amounts = self._compare_commitments(orders._fetch_committed(), after)
            released += sum(
                amount
                for (client, root), amount in amounts
                if client == account.partner_id and root == account.company_id
            )
        return released

    def _compare_commitments(self, before, after):
        """Return what orders have committed less by these documents.

        :param before: without them, of `sale.order._fetch_committed`
        :param after: with them, likewise
        :return: list of ((client, root company), amount), company currency
        """
        moves = self.sudo()
        rates = {}
        for move in moves:
            for order in move.line_ids.sale_line_ids.order_id:
                if move.currency_id == order.currency_id:
                    rates.setdefault(order.id, set()).add(move.invoice_currency_rate)
        amounts = []
        for order_id, (key, amount, amount_currency) in before.items():
            _key, left, left_currency = after.get(order_id, (key, 0.0, 0.0))
            less = amount - left
            order_rates = rates.get(order_id, ())
            if len(order_rates) == 1 and (rate := next(iter(order_rates))):
                less = (amount_currency - left_currency) / rate
            client = self.env["res.partner"].browse(key[0])
            # Sudo: a branch's user need not read the root company.
            root = self.env["res.company"].sudo().browse(key[1])
            if root.currency_id.compare_amounts(less, 0) > 0:
                amounts.append(((client, root), less))
        return amounts

    def _tells_what_happened(self):
        """Override of `client_account`: where orders alone are judged, invoices are
        told."""
        # Sudo: a branch's user need not read the root company.
        root = self.company_id.sudo().root_id
        return super()._tells_what_happened() or (
            root.client_judged_documents == "orders"
            and self.is_sale_document(include_receipts=True)
        )

    def _get_warning_account(self, record):
        """Override of `client_account`: of an order it is the account of the payer."""
        if record._name == "sale.order":
            return record._get_client_account()
        return super()._get_warning_account(record)

    def _get_partner_credit_warning_exclude_amount(self):
        """Override of `sale` to reckon as the client's account does, once somebody has
        decided about its limit."""
        account = self._get_warning_account(self)
        if not account._is_limit_decided():
            return super()._get_partner_credit_warning_exclude_amount()
        return self._get_released_ahead(account)

    def _get_credit_excluded_sql(self, move_id):
        """Override of `client_account` to take no credit for a client's first order,
        where the company takes none."""
        lines = self.env["account.move.line"]._fields
        return SQL(
            "(%s OR EXISTS (SELECT FROM account_move_line part"
            " JOIN sale_order_line_invoice_rel link ON link.invoice_line_id = part.id"
            " JOIN sale_order_line ordered ON ordered.id = link.order_line_id"
            " JOIN sale_order sale ON sale.id = ordered.order_id"
            " WHERE part.move_id = %s AND sale.client_first_order OFFSET 0))",
            super()._get_credit_excluded_sql(move_id),
            move_id,
            to_flush=[
                lines["move_id"],
                self.env["sale.order"]._fields["client_first_order"],
                self.env["sale.order.line"]._fields["order_id"],
            ],
        )
