from werkzeug.exceptions import NotFound

from odoo.exceptions import UserError
from odoo.http import request, route

from odoo.addons.client_account.controllers.portal import (
    PAGE,
    leave_message,
    take_message,
)
from odoo.addons.client_account_sale.controllers.portal import (
    find_order_account,
    try_order,
)
from odoo.addons.website_sale.controllers.main import WebsiteSale
from odoo.addons.website_sale.controllers.payment import PaymentPortal

# The shop's pages of the last two steps.
PAYMENT, CONFIRMATION = "/shop/payment", "/shop/confirmation"


class ClientShop(WebsiteSale, PaymentPortal):
    """Carts that clients pay with account credit."""

    # === Payment ===

    def _get_shop_payment_values(self, order, **kwargs):
        """Override of `website_sale` to offer the credit that a cart may be paid
        with."""
        values = super()._get_shop_payment_values(order, **kwargs)
        account = find_order_account(order)
        values["client_order_credit"] = account and order._get_portal_credit(account)
        values["client_asks_for_terms"] = self._asks_for_terms()
        values["client_message"] = take_message()
        return values

    @route(
        "/shop/payment/client_credit/<int:order_id>",
        auth="user",
        methods=["GET", "POST"],
        **PAGE,
    )
    def shop_payment_client_credit(
        self, order_id, total=None, credit=None, terms=None, **kwargs
    ):
        """Pay the cart with account credit, and show the order, or why it is not paid.

        Who had to sign in again is sent here without the form, and sees the cart.
        """
        if request.httprequest.method == "GET":
            return request.redirect(PAYMENT)
        order_sudo = request.cart
        if order_sudo.id != order_id:
            return self._redirect_from_other_cart(order_id)
        if redirection := self._check_cart_and_addresses(order_sudo):
            return redirection
        account = find_order_account(order_sudo)
        if not account:
            raise NotFound()
        problem, invoice = self._get_cart_problem(order_sudo), None
        if not terms and self._asks_for_terms():
            problem = request.env._(
                "Agree to the terms and conditions before you pay with your credit."
            )
        if not problem:
            problem, invoice = try_order(account, order_sudo, total, credit)
        if not invoice:
            leave_message(problem, is_refusal=True)
            return request.redirect(PAYMENT)
        request.session["sale_last_order_id"] = order_sudo.id
        request.website.sale_reset()
        return request.redirect(CONFIRMATION)

    def _asks_for_terms(self):
        """Tell whether the shop has its terms agreed to before anything is paid."""
        return request.website.is_view_active(
            "website_sale.accept_terms_and_conditions"
        )

    def _redirect_from_other_cart(self, order_id):
        """Redirect who sent the form of what is not the cart any longer: it is paid
        already, or was given up for another one."""
        last_id = request.session.get("sale_last_order_id")
        # Sudo: the session's own order, as on the page of its confirmation.
        last_order_sudo = request.env["sale.order"].sudo().browse(last_id).exists()
        if last_order_sudo.id == order_id and last_order_sudo.state == "sale":
            return request.redirect(CONFIRMATION)
        if request.cart:
            leave_message(
                request.env._(
                    "Your cart has changed. Look at it again before you pay."
                ),
                is_refusal=True,
            )
        return request.redirect(PAYMENT)

    def _get_cart_problem(self, order_sudo):
        """Return why a cart may not be paid whatever pays it, in a sentence, or
        None."""
        transactions = request.env["payment.transaction"].sudo()
        try:
            with request.env.cr.savepoint():
                order_sudo._check_cart_is_ready_to_be_paid()
                # What other addons check of a cart, they check here.
                self._validate_transaction_for_order(transactions, order_sudo)
        except UserError as error:
            return str(error)
        errors = self._get_shop_payment_errors(order_sudo)
        return " ".join(errors[0]) if errors else None

    # === Confirmation ===

    def _prepare_shop_payment_confirmation_values(self, order):
        """Override of `website_sale` to say what was paid with credit, and what is
        left."""
        values = super()._prepare_shop_payment_confirmation_values(order)
        if find_order_account(order):
            values["client_paid_words"] = order._get_paid_words()
            values["client_due_words"] = order._get_due_words()
        return values
