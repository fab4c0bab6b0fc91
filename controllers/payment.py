from markupsafe import Markup
from werkzeug.exceptions import BadRequest, NotFound

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.http import request, route
from odoo.tools import consteq

from odoo.addons.account_payment.controllers.payment import PaymentPortal
from odoo.addons.payment import utils as payment_utils

from ..utils import get_amount_problem, is_real_number, parse_typed_amount
from .portal import PAGE, get_amount_example, get_portal_context

FLOWS = ("redirect", "direct", "token")

# What a caller may send of a payment. Client, company, currency and where to go on to
# come from the session and the account, never from the request.
TAKEN_FROM_ACCOUNT = (
    "currency_id",
    "partner_id",
    "reference_prefix",
    "payment_reference",
    "landing_route",
    "is_validation",
)


# The page that a payment began on, by what it is for; otherwise that of top-ups.
BEGUN_ON = {"charges": "client_account_charges", "request": "client_account_request"}


class ClientAccountPayment(PaymentPortal):
    """Online payments on an account, by Odoo's own payment form."""

    # === Top-up ===

    @route(
        "/my/client_account/topup",
        auth="user",
        methods=["GET"],
        **PAGE,
    )
    def client_top_up(self, amount=None, **kwargs):
        """Ask for an amount or, with one, how it is paid."""
        _account, company = self._get_client_top_up_context()
        chosen = company._parse_top_up(amount)
        problem = company._get_top_up_problem(chosen) if amount else ""
        values = {
            "page_name": "client_account_topup",
            "company": company,
            "currency": company.currency_id,
            "presets": company._get_top_up_presets(),
            "credit_words": request.env._("Credit with %s.", company.name),
            "amount_label": request.env._(
                "Another amount (%s)", company.currency_id.name
            ),
            "typed": amount,
            "problem": problem,
            "amount": None,
        }
        if chosen and not problem:
            partner = request.env.user.partner_id
            values |= self._get_client_form(
                company,
                partner,
                chosen,
                self._make_client_token("top_up", company, partner, chosen),
                "/my/client_account/topup/transaction",
            )
        return request.render("client_account.portal_top_up", values)

    @route("/my/client_account/topup/transaction", type="jsonrpc", auth="user")
    def client_top_up_transaction(self, amount=None, access_token=None, **kwargs):
        """Begin the payment of a top-up.

        :return: the values Odoo's payment form goes on with
        """
        account, company = self._get_client_top_up_context()
        partner = request.env.user.partner_id
        amount = self._check_client_amount(amount, company.currency_id)
        if problem := company._get_top_up_problem(amount):
            raise UserError(problem)
        self._check_client_token(access_token, "top_up", company, partner, amount)
        if not account:
            # Sudo: the account of the client who pays, opened with the first payment.
            accounts = request.env["client.account"].sudo()
            account = accounts._get_or_create(partner.commercial_partner_id, company)
        return self._begin_client_payment(account, partner, amount, "top_up", kwargs)

    @route(
        "/my/client_account/topup/done",
        auth="public",
        methods=["GET"],
        **PAGE,
    )
    def client_payment_done(self, tx_id=None, access_token=None, **kwargs):
        """Show what became of an online payment on an account, to whoever made it."""
        transaction = request.env["payment.transaction"]
        if tx_id and tx_id.isdecimal() and len(tx_id) < 10:
            # Sudo: whose it is the token says.
            transaction = transaction.sudo().browse(int(tx_id)).exists()
        if not transaction.client_account_id or not payment_utils.check_access_token(
            access_token, "done", transaction.id, transaction.partner_id.id
        ):
            raise NotFound()
        return request.render(
            "client_account.portal_payment_done",
            {
                "page_name": BEGUN_ON.get(
                    transaction.client_purpose, "client_account_topup"
                ),
                "tx": transaction,
                "is_signed_in": not request.env.user._is_public(),
            },
        )

    def _get_client_top_up_context(self):
        """Return the account and the company of the login, where it may top up.

        :raise NotFound: where policies say otherwise
        """
        account, company = get_portal_context()
        policy = (
            account._get_policy("top_up_policy")
            if account
            else company.client_top_up_policy
        )
        if policy != "allowed":
            raise NotFound()
        return account, company

    # === Charges ===

    @route(
        "/my/client_account/charges",
        auth="user",
        methods=["GET"],
        **PAGE,
    )
    def client_charges(self, **kwargs):
        """Show the charges that are due, and how they are paid."""
        account, company, debts, amount = self._get_client_charges_context()
        partner = request.env.user.partner_id
        values = {
            "page_name": "client_account_charges",
            "company": company,
            "currency": account.currency_id,
            "debts": debts,
            "amount": None,
        }
        if amount > 0:
            values |= self._get_client_form(
                company,
                partner,
                amount,
                self._make_client_token("charges", company, partner, amount),
                "/my/client_account/charges/transaction",
            )
        return request.render("client_account.portal_charges", values)

    @route("/my/client_account/charges/transaction", type="jsonrpc", auth="user")
    def client_charges_transaction(self, amount=None, access_token=None, **kwargs):
        """Begin the payment of the charges that are due.

        :return: the values Odoo's payment form goes on with
        """
        account, company, debts, due = self._get_client_charges_context()
        partner = request.env.user.partner_id
        amount = self._check_client_amount(amount, account.currency_id)
        self._check_client_token(access_token, "charges", company, partner, amount)
        if account.currency_id.compare_amounts(amount, due):
            raise UserError(
                request.env._(
                    "What is due has changed: %s. Reload the page before you pay.",
                    account.currency_id.format(due),
                )
            )
        return self._begin_client_payment(
            account,
            partner,
            amount,
            "charges",
            kwargs,
            client_line_ids=[Command.set(debts.ids)],
        )

    def _get_client_charges_context(self):
        """Return the account of the login, its company, the charges due and their sum.

        :raise NotFound: where they are not paid online
        """
        account, company = get_portal_context()
        if not account or not company.client_charges_online:
            raise NotFound()
        debts = account._get_charges_due()
        amount = account.currency_id.round(sum(debts.mapped("amount_residual")))
        return account, company, debts, amount

    # === Automatic top-up ===

    @route(
        "/my/client_account/auto",
        auth="user",
        methods=["GET", "POST"],
        **PAGE,
    )
    def client_auto_top_up(self, **post):
        """Show, and switch on or off, that a saved card is charged by itself.

        A charge is agreed to in two steps: the amounts, then the words about them.
        """
        account, company = get_portal_context()
        # What was agreed to is revoked at any time.
        may_switch_on = account and account._get_policy("top_up_policy") == "allowed"
        if not may_switch_on and not account.auto_token_id:
            raise NotFound()
        partner = request.env.user.partner_id
        _providers, _methods, tokens = self._get_client_means(
            company, partner, company.client_top_up_minimum, company.currency_id, True
        )
        values = {
            "page_name": "client_account_auto",
            "account": account,
            "company": company,
            "currency": company.currency_id,
            "tokens": tokens,
            "threshold_label": request.env._(
                "When less than this is available (%s)", company.currency_id.name
            ),
            "maximum_label": request.env._(
                "At most a month (%s)", company.currency_id.name
            ),
            "typed": post,
            "problem": "",
            "consent": "",
        }
        if request.httprequest.method == "POST":
            if post.get("step") == "off":
                account._switch_auto_off(
                    request.env._("%s switched it off.", request.env.user.name)
                )
                return request.redirect(
                    "/my/client_account/auto" if may_switch_on else "/my/client_account"
                )
            if not may_switch_on:
                raise NotFound()
            try:
                if self._take_client_auto_step(account, tokens, post, values):
                    return request.redirect("/my/client_account/auto")
            except UserError as error:
                values["problem"] = str(error)
        return request.render("client_account.portal_auto", values)

    def _take_client_auto_step(self, account, tokens, post, values):
        """Show the words about what was typed or, agreed to, switch it on.

        :param dict values: of the page, which gets the words
        :return: whether it was switched on
        :raise UserError: when something typed is refused
        """
        token = tokens.filtered(lambda item: str(item.id) == post.get("token_id"))
        if not token:
            raise UserError(request.env._("Choose one of your saved cards."))
        amounts = [
            parse_typed_amount(post.get(name), account.currency_id)
            for name in ("threshold", "maximum")
        ]
        if None in amounts:
            raise UserError(get_amount_example())
        amounts = account._check_auto_values(*amounts)
        consent = account._get_auto_consent(token, *amounts)
        # Agreed to is what was read, word for word.
        if post.get("step") == "agree" and post.get("consent") == consent:
            account._switch_auto_on(token, *amounts)
            return True
        values["consent"] = consent
        return False

    # === Requests to pay in advance ===

    @route(
        "/my/client_account/request/<int:request_id>",
        auth="public",
        methods=["GET"],
        **PAGE,
    )
    def client_credit_request(self, request_id, access_token=None, **kwargs):
        """Show what a client is asked to pay in advance, to whoever has the link."""
        asked, partner, is_client = self._get_client_request_context(
            request_id, access_token
        )
        values = {
            "page_name": "client_account_request",
            "asked": asked,
            "company": asked.company_id,
            "currency": asked.currency_id,
            "asked_words": request.env._(
                "%(company)s asks %(client)s to pay in advance:",
                company=asked.company_id.name,
                client=Markup("<strong>%s</strong>") % asked.partner_id.name,
            ),
            "problem": asked._get_pay_problem(),
            "amount": None,
        }
        if not values["problem"]:
            values |= self._get_client_form(
                asked.company_id,
                partner,
                asked.amount_left,
                asked.access_token,
                f"/my/client_account/request/{asked.id}/transaction",
                may_save=is_client,
            )
        return request.render("client_account.portal_credit_request", values)

    @route(
        "/my/client_account/request/<int:request_id>/transaction",
        type="jsonrpc",
        auth="public",
    )
    def client_credit_request_transaction(
        self, request_id, access_token=None, amount=None, **kwargs
    ):
        """Begin the payment of what a client is asked for: its amount, which is the one
        that the page has shown.

        :return: the values Odoo's payment form goes on with
        """
        asked, partner, is_client = self._get_client_request_context(
            request_id, access_token
        )
        if problem := asked._get_pay_problem():
            raise UserError(problem)
        currency, due = asked.currency_id, asked.amount_left
        if amount is not None and currency.compare_amounts(
            self._check_client_amount(amount, currency), due
        ):
            raise UserError(
                request.env._(
                    "What is due has changed: %s. Reload the page before you pay.",
                    currency.format(due),
                )
            )
        return self._begin_client_payment(
            asked.account_id,
            partner,
            due,
            "request",
            kwargs,
            may_save=is_client,
            client_request_id=asked.id,
        )

    def _get_client_request_context(self, request_id, access_token):
        """Return what is asked under sudo, who pays, and whether that is the client
        signed in.

        :raise NotFound: without the link, for anybody but the client
        """
        # Sudo: the link says who may see it, or the login of the client.
        asked = request.env["client.credit.request"].sudo().browse(request_id).exists()
        user = request.env.user
        client = asked.partner_id
        is_client = (
            not user._is_public()
            and bool(client)
            and user.partner_id.commercial_partner_id == client
        )
        has_link = bool(
            asked.access_token
            and isinstance(access_token, str)
            and consteq(asked.access_token, access_token)
        )
        if not asked or not asked.sent_on or not (has_link or is_client):
            raise NotFound()
        payer = asked.account_id._get_notice_contact()
        return asked, payer if user._is_public() else user.partner_id, is_client

    # === Odoo's own payment of an invoice ===

    @route()
    def invoice_transaction(self, invoice_id, access_token=None, **kwargs):
        """Override of `account_payment` to take no more than is due, no other company's
        provider, nobody else's card, and to lead nowhere else."""
        try:
            invoice_sudo = self._document_check_access(
                "account.move", invoice_id, access_token
            )
        except AccessError as error:
            raise ValidationError(
                request.env._("The access token is invalid.")
            ) from error
        amount = kwargs.get("amount")
        currency = invoice_sudo.currency_id
        if invoice_sudo.move_type != "entry" or invoice_sudo.client_adjustment:
            # On an entry that is no charge Odoo takes any amount; a charge is paid on
            # a page of its own.
            self._check_client_due(amount, invoice_sudo.amount_residual, currency)
        is_public = request.env.user._is_public()
        partner = invoice_sudo.partner_id if is_public else request.env.user.partner_id
        self._check_client_means(
            kwargs,
            invoice_sudo.company_id,
            partner,
            amount,
            currency,
            may_save=not is_public,
        )
        kwargs["landing_route"] = invoice_sudo.get_portal_url()
        return super().invoice_transaction(
            invoice_id, access_token=access_token, **kwargs
        )

    @route()
    def overdue_invoices_transaction(self, payment_reference, **kwargs):
        """Override of `account_payment`, likewise for all that is overdue."""
        partner = request.env.user.partner_id
        invoices = request.env["account.move"]
        if not request.env.user._is_public():
            invoices = invoices.search(self._get_overdue_invoices_domain())
        amount, currency = kwargs.get("amount"), invoices[:1].currency_id
        due = sum(invoices.mapped("amount_residual"))
        if invoices:
            self._check_client_due(amount, due, currency)
            # Sudo: providers are looked for in a company that clients may not read.
            self._check_client_means(
                kwargs,
                invoices[0].company_id.sudo(),
                partner,
                amount,
                currency,
                may_save=True,
            )
        kwargs["landing_route"] = "/my/invoices/"
        return super().overdue_invoices_transaction(payment_reference, **kwargs)

    def _check_client_due(self, amount, due, currency):
        """Make sure no more is paid than is due.

        :raise ValidationError: otherwise
        """
        if (
            not is_real_number(amount)
            or amount <= 0
            or currency.compare_amounts(amount, due) > 0
        ):
            raise ValidationError(
                request.env._(
                    "%s is due. Enter that amount or less.", currency.format(due)
                )
            )

    # === Parts ===

    def _get_client_form(
        self, company, partner, amount, access_token, transaction_route, may_save=True
    ):
        """Return what Odoo's payment form needs.

        :param company: `res.company` that is paid
        :param partner: `res.partner` who pays
        :param may_save: whether the payer's saved cards are offered, and new ones saved
        """
        report = {}
        currency = company.currency_id
        providers, methods, tokens = self._get_client_means(
            company, partner, amount, currency, may_save, report
        )
        show_save = self._compute_show_tokenize_input_mapping(providers)
        return {
            "company_mismatch": not self._can_partner_pay_in_company(partner, company),
            "expected_company": company,
            "show_tokenize_input_mapping": {
                provider_id: may_save and shown
                for provider_id, shown in show_save.items()
            },
            "amount": amount,
            "currency": currency,
            "partner_id": partner.id,
            "providers_sudo": providers,
            "payment_methods_sudo": methods,
            "tokens_sudo": tokens,
            "availability_report": report,
            "transaction_route": transaction_route,
            "landing_route": "/my/client_account",
            "access_token": access_token,
        }

    def _get_client_means(
        self, company, partner, amount, currency, may_save, report=None
    ):
        """Return the providers, methods and saved cards that may be paid with, under
        sudo; staff alone is offered providers that are not published."""
        # Sudo: who pays may read neither providers nor methods.
        providers = (
            request.env["payment.provider"]
            .sudo()
            ._get_compatible_providers(
                company.id, partner.id, amount, currency_id=currency.id, report=report
            )
        )
        if not request.env.user._is_internal():
            providers = providers.filtered("is_published")
        methods = (
            request.env["payment.method"]
            .sudo()
            ._get_compatible_payment_methods(
                providers.ids, partner.id, currency_id=currency.id, report=report
            )
        )
        tokens = request.env["payment.token"].sudo()
        if may_save:
            tokens = tokens._get_available_tokens(providers.ids, partner.id)
        return providers, methods, tokens

    def _check_client_means(self, kwargs, company, partner, amount, currency, may_save):
        """Make sure a payment goes by what its form offers.

        :param dict kwargs: as sent; what may not be asked for is taken out
        :raise BadRequest: otherwise
        """
        providers, methods, tokens = self._get_client_means(
            company, partner, amount, currency, may_save
        )
        flow = kwargs.get("flow")
        if flow not in FLOWS:
            raise BadRequest()
        if flow == "token":
            known = kwargs.get("token_id") in tokens.ids
        else:
            known = (
                kwargs.get("provider_id") in providers.ids
                and kwargs.get("payment_method_id") in methods.ids
            )
        if not known:
            raise BadRequest()
        if flow == "token":
            token = tokens.filtered(lambda item: item.id == kwargs["token_id"])
            kwargs["provider_id"] = token.provider_id.id
        kwargs["tokenization_requested"] = bool(
            may_save and kwargs.get("tokenization_requested") is True
        )

    def _begin_client_payment(
        self, account, partner, amount, purpose, kwargs, may_save=True, **values
    ):
        """Make the transaction of a payment on an account.

        :param account: `client.account` under sudo that the money is for
        :param partner: `res.partner` who pays
        :param str purpose: a value of `client_purpose`
        :param dict kwargs: as sent
        :param values: more of the transaction
        :return: the values Odoo's payment form goes on with
        """
        kwargs = {
            name: value
            for name, value in kwargs.items()
            if name not in TAKEN_FROM_ACCOUNT
        }
        self._validate_transaction_kwargs(kwargs)
        currency = account.currency_id
        self._check_client_means(
            kwargs, account.company_id, partner, amount, currency, may_save
        )
        account._check_open_transactions()
        transaction = self._create_transaction(
            amount=amount,
            currency_id=currency.id,
            partner_id=partner.id,
            landing_route="/my/client_account/topup/done",
            custom_create_values={
                "client_account_id": account.id,
                "client_purpose": purpose,
                **values,
            },
            **{
                name: kwargs.get(name)
                for name in (
                    "provider_id",
                    "payment_method_id",
                    "token_id",
                    "flow",
                    "tokenization_requested",
                )
            },
        )
        token = payment_utils.generate_access_token(
            "done", transaction.id, transaction.partner_id.id
        )
        transaction.landing_route += f"?tx_id={transaction.id}&access_token={token}"
        return transaction._get_processing_values()

    def _check_client_amount(self, amount, currency):
        """Return an amount that a payment form sent.

        :raise BadRequest: when it is no number, or finer than the currency
        """
        if get_amount_problem(request.env, "", amount, currency):
            raise BadRequest()
        return currency.round(float(amount))

    def _make_client_token(self, purpose, company, partner, amount):
        """Return the token that ties an amount to its purpose, payer and company."""
        return payment_utils.generate_access_token(
            "client_account", purpose, company.id, partner.id, f"{amount:.6f}"
        )

    def _check_client_token(self, access_token, purpose, company, partner, amount):
        """Make sure an amount is the one that a page showed.

        :raise BadRequest: otherwise
        """
        expected = self._make_client_token(purpose, company, partner, amount)
        if not isinstance(access_token, str) or not consteq(access_token, expected):
            raise BadRequest()
