from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.client_account.const import VIEWER
from odoo.addons.client_account.utils import in_plain_context


class AccountMove(models.Model):
    """Documents of tills: they release what was on account there."""

    _inherit = "account.move"

    def _get_released_amounts(self):
        """Override of `client_account`: what closing or invoicing takes was taken at
        the till already.

        A document that was posted before this transaction has released its part.
        """
        released = super()._get_released_amounts()
        notes = self.env["pos.order"]._get_till_watch().released
        for move_id in notes.keys() & set(self.ids):
            for (client_id, root_id), amount in notes[move_id].items():
                client = self.env["res.partner"].browse(client_id)
                # Sudo: a branch's user need not read the root company.
                root = self.env["res.company"].sudo().browse(root_id)
                key = client, root
                released[key] = released.get(key, 0.0) + amount
        return released

    def _gives_credit_by_itself(self):
        """Override of `client_account`: what was given at a till may be applied at
        once, as policies say."""
        # Sudo: marks are read to decide, not shown.
        move_sudo = self.sudo()
        return super()._gives_credit_by_itself() or (
            move_sudo.client_account_credit and bool(move_sudo.pos_payment_ids)
        )

    def _get_credit_excluded_sql(self, move_id):
        """Override of `client_account`: the entry of a closed session may hold any
        product, and what it has clients owe may be paid with credit: no other was sold
        on account."""
        return SQL(
            "(%s AND NOT EXISTS (SELECT FROM pos_session till"
            " WHERE till.move_id = %s OFFSET 0))",
            super()._get_credit_excluded_sql(move_id),
            move_id,
            to_flush=[self.env["pos.session"]._fields["move_id"]],
        )

    def _get_pay_later_message(self, account):
        """Override of `client_account`: the credit that pays a document may have been
        spent at tills already, and is not there when their sessions are closed."""
        message = super()._get_pay_later_message(account)
        missing = account._get_missing_at_tills()
        if message or account.currency_id.compare_amounts(missing, 0) <= 0:
            return message
        values = {
            "document": self._get_refused_name(),
            "client": account.display_name,
        }
        if not self.env.user.has_group(VIEWER):
            return self.env._(
                "%(document)s cannot be posted: %(client)s pays up front, and the "
                "credit was spent at tills already. Ask the accounting group, or "
                "request an update of the account.",
                **values,
            )
        return self.env._(
            "%(document)s cannot be posted: %(client)s pays up front, and %(missing)s "
            "of the credit was spent at tills already. Receive a payment, issue a "
            "credit or request an update of the account.",
            missing=account.currency_id.format(missing),
            **values,
        )

    # === What tills book ===

    def _get_till_receivables(self, sign):
        """Return the open items of clients in these documents.

        :param int sign: 1 for debts, -1 for credits
        """
        return self._get_receivable_items().filtered(
            lambda item: item.partner_id and item._get_open_sign() == sign
        )

    def _pay_debts_of_client(self):
        """Set the money that this entry brings against what its client owes, the oldest
        first. What is left is account credit.

        It is money, so it also pays what account credit does not.
        """
        self.ensure_one()
        for credit in self._get_till_receivables(-1):
            lines = in_plain_context(self.env["account.move.line"])
            debts = lines.search(
                lines._get_open_items_domain(credit.partner_id.commercial_partner_id)
                & lines._get_open_item_domain(1)
                & Domain("account_id", "=", credit.account_id.id)
                & Domain("company_id", "child_of", credit.company_id.root_id.id)
                & Domain("move_id.payment_state", "not in", ("blocked", "in_payment"))
                & Domain.custom(to_sql=self._get_not_waiting_sql)
            )
            lines._reconcile_planned(
                lines._plan_allocations(credit, debts._sorted_for_allocation())
            )
        if self._get_till_receivables(-1):
            self.client_account_credit = True

    @api.model
    def _get_not_waiting_sql(self, _model, alias, _query):
        """Return the condition that no other money for a debt is on its way.

        :param str alias: of account_move_line
        :rtype: SQL
        """
        transactions = self.env["payment.transaction"]
        return SQL(
            "NOT (%s OR %s)",
            transactions._get_waiting_line_sql(SQL.identifier(alias, "id")),
            transactions._get_waiting_invoice_sql(SQL.identifier(alias, "move_id")),
        )

    def _pay_with_credit_of_client(self):
        """Set what clients owe by these documents against their credits, the oldest
        first: the account was to pay it, whatever policy says."""
        for debt in self._get_till_receivables(1)._sorted_for_allocation():
            debt._search_open_credits()._apply_to(debt)

    def _settle_reversals(self, closing, invoice):
        """Set what these entries take back of closed sessions: against what is owed by
        those still, and where that was paid, against the invoice that takes its place.

        :param closing: `account.move` of the sessions
        :param invoice: posted `account.move`
        """
        self._pay_debts_in(closing)
        self._pay_debts_in(invoice)
        # Of a refund it is the other way round.
        (self | invoice)._pay_with_credit_of_client()

    def _pay_debts_in(self, documents):
        """Set what these documents give to clients against what the same clients owe by
        others.

        :param documents: `account.move`
        """
        for credit in self._get_till_receivables(-1):
            debts = documents._get_till_receivables(1).filtered(
                lambda debt, credit=credit: (
                    debt._get_client_key() == credit._get_client_key()
                    and debt.account_id == credit.account_id
                )
            )
            credit._apply_to(debts)

    def _take_back_given(self):
        """Take back what this entry gave to an account at a till whose session is not
        closed, as a credit note gives it now."""
        self.ensure_one()
        [payment] = self.pos_payment_ids
        reversal = self._reverse_moves([{"date": self.date, "ref": self.ref}])
        # Odoo matches both, as far as the credit is not spent.
        reversal._post(soft=False)
        payment.account_move_id = False
        reversal._pay_with_credit_of_client()
