from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from odoo.addons.client_account.utils import in_plain_context


class SaleOrder(models.Model):
    """Quotations that clients pay with account credit in the portal.

    Everything runs under sudo, as it does in the portal: what a client may do is
    decided by these methods alone, for an account that the controller has found for the
    login.
    """

    _inherit = "sale.order"

    def _get_portal_credit(self, account):
        """Return how much of an account's credit pays one quotation.

        :param account: `client.account` of the login, under sudo
        :return: currency of the order; zero where it may not be paid with credit, or
            where that would not confirm it
        :rtype: float
        """
        self.ensure_one()
        if (
            self.state not in ("draft", "sent")
            or self._is_offer_over()
            or self._has_to_be_signed()
            or self.amount_total <= 0
            or self._has_transaction_under_way()
            or self._get_client_account() != account
            or self._is_credit_excluded()
        ):
            return 0.0
        currency = self.currency_id
        usable = min(self._get_usable_credit(account), self.amount_total)
        rest = currency.round(self.amount_total - usable)
        if currency.compare_amounts(rest, 0) > 0 and (
            self._pays_up_front()
            or currency.compare_amounts(usable, self._get_prepayment_required_amount())
            < 0
        ):
            # What is left has to be paid first: the terms do not allow a part.
            return 0.0
        if self._is_credit_refused(account):
            return 0.0
        return currency.round(usable)

    def _get_credit_words(self, credit):
        """Return in words what one order is confirmed and paid with.

        :param float credit: of `_get_portal_credit`
        """
        self.ensure_one()
        return self.env._(
            "Confirm this order and pay %s with your credit.",
            Markup("<strong>%s</strong>") % self.currency_id.format(credit),
        )

    def _is_credit_refused(self, account):
        """Tell whether the client's policies refuse one quotation also where credit
        pays it: as it is confirmed, or as its invoice is posted.

        :param account: `client.account` under sudo
        """
        self.ensure_one()
        missing = max(
            self._get_missing_amount(account), self._get_missing_balance(account)
        )
        return self.company_id.currency_id.compare_amounts(missing, 0) > 0

    def _is_offer_over(self):
        """Tell whether one quotation is an offer whose time has passed."""
        self.ensure_one()
        return self.is_expired

    def _is_invoiced_in_full(self):
        """Tell whether posted invoices claim all of one confirmed order.

        The invoice status does not: what is invoiced before it is delivered is “to
        invoice”. Amounts do not either, where taxes are rounded for the whole order.
        """
        self.ensure_one()
        _key, _amount, left = self._fetch_committed().get(self.id, (None, 0.0, 0.0))
        return (
            self.state == "sale"
            and any(invoice.state == "posted" for invoice in self.invoice_ids)
            and self.currency_id.compare_amounts(left, 0) <= 0
        )

    def _has_transaction_under_way(self):
        """Tell whether money is on its way or was taken for one order."""
        self.ensure_one()
        return any(
            transaction.state in ("pending", "authorized", "done")
            for transaction in self.transaction_ids
        )

    def _get_usable_credit(self, account):
        """Return what an account's open credits are worth in one order's currency.

        :param account: `client.account` under sudo
        """
        self.ensure_one()
        company = self.company_id
        partner = self.partner_invoice_id.with_company(company)
        lines = in_plain_context(self.env["account.move.line"])
        credits = lines.search(
            account._get_items_domain()
            & lines._get_open_item_domain(-1)
            & lines._get_begun_domain()
            & Domain("account_id", "=", partner.property_account_receivable_id.id)
        )
        day = fields.Date.context_today(self)
        usable = 0.0
        for credit in credits:
            if credit.currency_id == self.currency_id:
                usable -= credit.amount_residual_currency
            else:
                usable -= account.currency_id._convert(
                    credit.amount_residual, self.currency_id, company, day
                )
        return self.currency_id.round(usable)

    def _pay_with_credit(self, account, payer, total, shown):
        """Pay one quotation with account credit: it is confirmed, invoiced and posted,
        and the credit applied. What credit does not cover is due on the invoice.

        :param account: `client.account` of the login, under sudo
        :param payer: `res.partner` of the login
        :param float total: of the order when the client saw it, order currency
        :param float shown: the credit that the client was told is used
        :return: the posted `account.move`
        :raise UserError: when it is no longer so, or a policy does not let it through
        """
        self.ensure_one()
        self._check_pay_with_credit(account, total, shown)
        order = in_plain_context(self).with_company(self.company_id)
        order._validate_order()
        order._force_lines_to_invoice_policy_order()
        invoices = order._create_invoices(final=True)
        invoices._post(soft=False)
        for invoice in invoices:
            # Those that policies apply by themselves are applied already.
            if plan := account._get_usable_credit(invoice):
                lines = in_plain_context(self.env["account.move.line"])
                lines._allocate_amounts(plan)
        paid = sum(
            invoice.amount_total - invoice.amount_residual for invoice in invoices
        )
        self._check_paid_with_credit(invoices, paid, shown)
        invoices[:1].message_post(
            body=self.env._(
                "%(amount)s paid with account credit in the portal.",
                amount=self.currency_id.format(paid),
            ),
            author_id=payer.id,
        )
        account._mail_credit_used(invoices[:1], paid)
        return invoices

    def _check_pay_with_credit(self, account, total, shown):
        """Make sure that one quotation is what the client saw, see `_pay_with_credit`.

        :raise UserError: otherwise
        """
        if self.state == "sale":
            raise UserError(
                self.env._(
                    "%s is confirmed already. Nothing was paid again.", self.name
                )
            )
        if self._get_client_account() == account and self._is_credit_refused(account):
            # As the gate would say it.
            raise UserError(self._get_growth_message(account, ""))
        currency = self.currency_id
        usable = self._get_portal_credit(account)
        if (
            currency.compare_amounts(total, self.amount_total)
            or currency.compare_amounts(shown, usable)
            or currency.compare_amounts(usable, 0) <= 0
        ):
            raise UserError(
                self.env._(
                    "What is due on %s, or the credit that can pay it, has changed. "
                    "Look at it again before you pay.",
                    self.name,
                )
            )

    def _check_paid_with_credit(self, invoices, paid, shown):
        """Make sure that credit has paid what the client was told.

        :raise UserError: otherwise
        """
        if (
            self.state != "sale"
            or any(invoice.state != "posted" for invoice in invoices)
            or self.currency_id.compare_amounts(paid, shown) < 0
        ):
            raise UserError(
                self.env._(
                    "%s cannot be paid with your credit. The page shows what can.",
                    self.name,
                )
            )
