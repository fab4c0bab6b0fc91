from odoo import api, fields, models

from ..const import VIEWER


class MoneyReceived:
    """In the context it says which money was received for the drafts that are posted;
    being an object, no RPC caller can send it.

    :param item: the credit `account.move.line` of the payment
    """

    def __init__(self, item):
        self.item = item


class AccountMove(models.Model):
    """The gate for clients who pay up front: credit pays at once what is posted."""

    _inherit = "account.move"

    def _pay_up_front(self, postings):
        """Pay posted documents of clients who pay up front with their open credit.

        :param postings: {client key: posting}
        :raise BalanceRefused: when credit does not pay one at once, or it has other
            payment terms than immediate, and nobody posts it anyway
        """
        refused = []
        gated = self._group_gated_documents(postings, "pay_later", "disabled")
        # Sudo: the policy binds whoever posts, whatever they may see.
        accounts = self.env["client.account"].sudo()
        for key, moves in gated.items():
            account = accounts.browse(postings[key].account_id)
            for move in moves.sudo():
                if items := move._get_client_debts():
                    items[0]._search_open_credits()._apply_to(items)
                    move._take_money_received()
                if move._is_money_taken():
                    continue
                if message := move._get_pay_later_message(account):
                    refused.append((move, account, message))
        self._refuse(refused)

    def _with_money_received(self, item):
        """Return these drafts in a context in which money pays them when posted.

        :param item: the credit item of a payment that was made for them
        """
        return self.with_context(client_money_received=MoneyReceived(item))

    def _take_money_received(self):
        """Pay one document with the money that it is posted for, if there is any.

        Money may pay what account credit may not.
        """
        self.ensure_one()
        received = self.env.context.get("client_money_received")
        if isinstance(received, MoneyReceived):
            lines = self.env["account.move.line"].sudo()
            debts = self._get_client_debts()
            lines._reconcile_planned(lines._plan_allocations(received.item, debts))

    def _get_posting_day(self):
        """Return today, until which what is due is immediate, also where one document
        is dated back.

        Without a date it is due on the day it was made, and whoever made it may have
        the next day already.
        """
        self.ensure_one()
        maker = self.with_context(tz=self.create_uid.tz)
        return max(fields.Date.context_today(self), fields.Date.context_today(maker))

    def _get_pay_later_message(self, account):
        """Return why one document of a client who pays up front is refused, in words.

        :param account: `client.account` under sudo
        :return: an empty text where it is not
        """
        self.ensure_one()
        missing = self._get_debt_added()
        due = max(self._get_receivable_items().mapped("date_maturity"))
        is_later = due > max(self.invoice_date or self.date, self._get_posting_day())
        if not is_later and account.currency_id.compare_amounts(missing, 0) <= 0:
            return ""
        values = {
            "document": self._get_refused_name(),
            "client": account.display_name,
        }
        if is_later:
            return self.env._(
                "%(document)s cannot be posted: %(client)s pays up front, so only "
                "immediate payment is possible. Choose the payment terms “Immediate "
                "Payment”, or request an update of the account.",
                **values,
            )
        if not self.env.user.has_group(VIEWER):
            return self.env._(
                "%(document)s cannot be posted: %(client)s pays up front. Ask the "
                "accounting group, or request an update of the account.",
                **values,
            )
        return self.env._(
            "%(document)s cannot be posted: %(client)s pays up front, and "
            "%(missing)s is not covered by credit that can pay it. Receive a payment, "
            "issue a credit or request an update of the account.",
            missing=account.currency_id.format(missing),
            **values,
        )

    @api.depends("partner_id")
    def _compute_invoice_payment_term_id(self):
        """Override of `account` to offer who pays up front immediate payment only."""
        result = super()._compute_invoice_payment_term_id()
        for move in self:
            if (
                move.invoice_payment_term_id
                and not move.invoice_payment_term_id._is_immediate()
                and move.is_sale_document(include_receipts=True)
                and self.env["client.account"]._get_client_policy(
                    move.partner_id, move.company_id, "pay_later"
                )
                == "disabled"
            ):
                move.invoice_payment_term_id = False
        return result
