from werkzeug.exceptions import NotFound

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import request, route

from odoo.addons.client_account.controllers.portal import (
    PAGE,
    leave_message,
    take_message,
)
from odoo.addons.client_account.utils import parse_amount
from odoo.addons.sale.controllers.portal import CustomerPortal


def find_order_account(order_sudo):
    """Return the account that the login may pay one order with, under sudo; none for a
    visitor, another client, or where the policy hides the account."""
    user = request.env.user
    accounts = request.env["client.account"]
    if user._is_public():
        return accounts
    return accounts._get_portal_accounts(user.partner_id).filtered(
        lambda account: (
            account.partner_id == order_sudo.partner_invoice_id.commercial_partner_id
            and account.company_id == order_sudo.company_id.root_id
        )
    )


def try_order(account, order_sudo, total, credit):
    """Pay one order with credit for the login, where that is possible.

    :param account: of `find_order_account`
    :param str total: of the order when the login saw it, as sent by the form
    :param str credit: likewise, the credit that it was told is used
    :return: what became of it, in a sentence, and the `account.move`, or None where
        nothing was paid
    """
    currency = order_sudo.currency_id
    amounts = [parse_amount(text, currency) for text in (total, credit)]
    if None in amounts:
        return request.env._("Look at the order again before you pay."), None
    payer = request.env.user.partner_id
    try:
        with request.env.cr.savepoint():
            invoices = order_sudo._pay_with_credit(account, payer, *amounts)
    except UserError as error:
        return str(error), None
    message = request.env._(
        "%(order)s is confirmed, and %(amount)s paid with your credit.",
        order=order_sudo.name,
        amount=currency.format(amounts[1]),
    )
    return message, invoices[:1]


class ClientOrderPortal(CustomerPortal):
    """Quotations that clients pay with account credit."""

    @route()
    def portal_order_page(self, order_id, **kwargs):
        """Override of `sale` to offer the credit that a quotation may be paid with."""
        response = super().portal_order_page(order_id, **kwargs)
        order_sudo = getattr(response, "qcontext", {}).get("sale_order")
        if order_sudo:
            response.qcontext["client_message"] = take_message()
            account = find_order_account(order_sudo)
            response.qcontext["client_order_credit"] = (
                order_sudo._get_portal_credit(account) if account else 0.0
            )
        return response

    @route(
        "/my/client_account/order/<int:order_id>",
        auth="user",
        methods=["POST"],
        **PAGE,
    )
    def client_account_order(self, order_id, total=None, credit=None, **kwargs):
        """Pay a quotation with account credit, and show it or what is left to pay."""
        try:
            # Without a token: an order's link lets nobody spend its client's credit.
            order_sudo = self._document_check_access("sale.order", order_id)
        except (AccessError, MissingError) as error:
            raise NotFound() from error
        account = find_order_account(order_sudo)
        if not account:
            raise NotFound()
        message, invoice = try_order(account, order_sudo, total, credit)
        address = f"/my/orders/{order_sudo.id}"
        if invoice and invoice.amount_residual:
            address = f"/my/invoices/{invoice.id}"
        leave_message(message, is_refusal=not invoice)
        return request.redirect(address)
