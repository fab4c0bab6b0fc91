import re

from dateutil.relativedelta import relativedelta
from werkzeug.exceptions import NotFound

from odoo import fields
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import content_disposition, request, route

from odoo.addons.account_payment.controllers.portal import PortalAccount

from ..utils import (
    format_typed_amount,
    get_date_problem,
    parse_amount,
    parse_typed_amount,
)

# What the routes of pages have in common.
PAGE = {"type": "http", "website": True, "sitemap": False}

# Where the session keeps which company's account is looked at, and what is to be said
# on the next page.
COMPANY_KEY = "client_account_company"
MESSAGE_KEY = "client_account_outcome"

LINE_KEY = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d{1,9})")


def get_portal_context():
    """Return the account of the login under sudo, none where it is yet to open, and its
    root company.

    :raise NotFound: where the policy hides the account: nothing says that there is one
    """
    partner = request.env.user.partner_id
    accounts = request.env["client.account"]._get_portal_accounts(partner)
    chosen = request.session.get(COMPANY_KEY)
    account = accounts.filtered(lambda item: item.company_id.id == chosen)
    account = account or accounts[:1]
    if account:
        return account, account.company_id
    # Sudo: a branch's user need not read the root company.
    company = request.env.company.sudo().root_id
    hidden = accounts._find_accounts(partner, company)
    if hidden or company.client_balance_visibility == "hidden":
        raise NotFound()
    return accounts, company


def leave_message(text, is_refusal):
    """Keep a sentence for the next page, which says it once, see `take_message`."""
    kind = "warning" if is_refusal else "success"
    request.session[MESSAGE_KEY] = {"text": text, "kind": kind}


def take_message():
    """Return what is to be said on this page, as the template `portal_message` says it;
    None for nothing."""
    return request.session.pop(MESSAGE_KEY, None)


def get_amount_example():
    """Return what to type where an amount is asked for and something else was typed."""
    return request.env._("Enter an amount above zero, such as 25.00.")


def parse_day(text):
    """Return the day that an address names, None for none."""
    if not text or get_date_problem(request.env, "", text):
        return None
    return fields.Date.to_date(text)


def parse_key(text):
    """Return the (day, id) of a line of the history that an address names, or None."""
    match = LINE_KEY.fullmatch(text or "")
    day = match and parse_day(match[1])
    return (day, int(match[2])) if day else None


class ClientAccountPortal(PortalAccount):
    """What clients see of their account: a card, the page, the statement, and their
    invoices paid with credit."""

    # === Home ===

    @route()
    def home(self, **kwargs):
        """Override of `portal` to say on the card how the account stands."""
        response = super().home(**kwargs)
        if hasattr(response, "qcontext"):
            response.qcontext["client_account_words"] = self._get_client_card_words()
        return response

    def _get_client_card_words(self):
        """Return the balance in words, None where there is no card."""
        try:
            account, _company = get_portal_context()
        except NotFound:
            return None
        if not account:
            # Staff is nobody's client as a rule.
            internal = request.env.user._is_internal()
            return not internal and request.env._(
                "Nothing in credit and nothing owed yet"
            )
        return account._format_balance(account.ledger_balance)

    # === The page ===

    @route(
        "/my/client_account",
        auth="user",
        methods=["GET"],
        **PAGE,
    )
    def client_account(self, before=None, after=None, **kwargs):
        """Show the account: its balance, what is open, and its history."""
        account, company = get_portal_context()
        accounts = request.env["client.account"]._get_portal_accounts(
            request.env.user.partner_id
        )
        date_from, date_to = (parse_day(kwargs.get(name)) for name in ("from", "to"))
        values = {
            "page_name": "client_account",
            "company": company,
            "account": account,
            "accounts": accounts,
            "client_message": take_message(),
            "date_from": date_from,
            "date_to": date_to,
        }
        if not account:
            values["can_top_up"] = company.client_top_up_policy == "allowed"
            values["empty_words"] = request.env._(
                "Nothing is booked on your account with %s yet.", company.display_name
            )
            return request.render("client_account.portal_account_empty", values)
        history = None
        if account._get_policy("balance_visibility") == "history":
            history = account._get_portal_history(
                parse_key(before), parse_key(after), date_from, date_to
            )
        values |= account._get_portal_page(history)
        values["invoice_urls"] = self._get_client_invoice_urls(values["debts"], history)
        return request.render("client_account.portal_account", values)

    def _get_client_invoice_urls(self, debts, history):
        """Return where the documents on the page are, those the login may see.

        :return: {id of the `account.move`: address}
        """
        ids = set(debts.move_id.ids)
        if history:
            ids.update(line["move_id"] for line in history["lines"])
        invoices = request.env["account.move"].search(
            [
                ("id", "in", list(ids)),
                ("move_type", "in", ("out_invoice", "out_refund")),
            ]
        )
        return {invoice.id: f"/my/invoices/{invoice.id}" for invoice in invoices}

    @route(
        "/my/client_account/company",
        auth="user",
        methods=["POST"],
        **PAGE,
    )
    def client_account_company(self, company_id=None, **kwargs):
        """Choose which company's account is looked at."""
        accounts = request.env["client.account"]._get_portal_accounts(
            request.env.user.partner_id
        )
        for account in accounts:
            if str(account.company_id.id) == company_id:
                request.session[COMPANY_KEY] = account.company_id.id
                return request.redirect("/my/client_account")
        raise NotFound()

    @route(
        "/my/client_account/application",
        auth="user",
        methods=["POST"],
        **PAGE,
    )
    def client_account_application(self, applies=None, **kwargs):
        """Switch on or off that credit pays new invoices by itself."""
        account, company = get_portal_context()
        if not account or not company.client_choose_application:
            raise NotFound()
        account._choose_application(applies == "1")
        return request.redirect("/my/client_account")

    @route(
        "/my/client_account/statement",
        auth="user",
        methods=["GET"],
        **PAGE,
    )
    def client_account_statement(self, **kwargs):
        """Download the statement of at most one year."""
        account, _company = get_portal_context()
        if not account or account._get_policy("balance_visibility") != "history":
            raise NotFound()
        date_from, date_to = account._get_statement_dates(
            parse_day(kwargs.get("from")), parse_day(kwargs.get("to"))
        )
        date_from = max(date_from, date_to - relativedelta(years=1))
        # Sudo: portal users print no reports; this is their own account's.
        reports = request.env["ir.actions.report"].sudo()
        content, _type = reports._render_qweb_pdf(
            "client_account.report_statement",
            account.ids,
            data={
                "date_from": fields.Date.to_string(date_from),
                "date_to": fields.Date.to_string(date_to),
            },
        )
        name = request.env._("Statement %s", fields.Date.to_string(date_to))
        return request.make_response(
            content,
            headers=[
                ("Content-Type", "application/pdf"),
                ("Content-Length", len(content)),
                ("Content-Disposition", content_disposition(f"{name}.pdf")),
            ],
        )

    # === Invoices ===

    def _invoice_get_page_view_values(self, invoice, access_token, **kwargs):
        """Override of `account` to offer the credit that an invoice may be paid
        with."""
        values = super()._invoice_get_page_view_values(invoice, access_token, **kwargs)
        values["client_message"] = take_message()
        values["client_usable_credit"] = 0.0
        if account := self._get_client_invoice_account(invoice):
            plan = account._get_usable_credit(invoice.sudo())
            values["client_usable_credit"] = invoice.currency_id.round(
                sum(amount for _credit, _debit, amount in plan)
            )
            values["client_usable_typed"] = format_typed_amount(
                values["client_usable_credit"], invoice.currency_id
            )
            values["client_usable_words"] = request.env._(
                "Pay with your credit: %s can be used",
                invoice.currency_id.format(values["client_usable_credit"]),
            )
        return values

    def _get_common_page_view_values(self, invoices_data, access_token=None, **kwargs):
        """Override of `account_payment` to offer no saved cards to whoever is not
        signed in, and to save none of theirs."""
        values = super()._get_common_page_view_values(
            invoices_data, access_token=access_token, **kwargs
        )
        if request.env.user._is_public():
            values["tokens_sudo"] = values["tokens_sudo"].browse()
            values["show_tokenize_input_mapping"] = dict.fromkeys(
                values["show_tokenize_input_mapping"], False
            )
        return values

    def _get_client_invoice_account(self, invoice):
        """Return the account that the login may pay an invoice with, under sudo."""
        user = request.env.user
        accounts = request.env["client.account"]
        if user._is_public():
            return accounts
        invoice_sudo = invoice.sudo()
        return accounts._get_portal_accounts(user.partner_id).filtered(
            lambda account: (
                account.partner_id == invoice_sudo.commercial_partner_id
                and account.company_id == invoice_sudo.company_id.root_id
            )
        )

    @route(
        "/my/client_account/pay/<int:invoice_id>",
        auth="user",
        methods=["POST"],
        **PAGE,
    )
    def client_account_pay(self, invoice_id, amount=None, due=None, **kwargs):
        """Pay an invoice with account credit, and show it again."""
        try:
            # Without a token: an invoice's link lets nobody spend its client's credit.
            invoice_sudo = self._document_check_access("account.move", invoice_id)
        except (AccessError, MissingError) as error:
            raise NotFound() from error
        account = self._get_client_invoice_account(invoice_sudo)
        if not account:
            raise NotFound()
        currency = invoice_sudo.currency_id
        amounts = [parse_typed_amount(amount, currency), parse_amount(due, currency)]
        if None in amounts:
            leave_message(get_amount_example(), is_refusal=True)
        else:
            self._try_client_pay(account, invoice_sudo, *amounts)
        return request.redirect(f"/my/invoices/{invoice_sudo.id}")

    def _try_client_pay(self, account, invoice_sudo, amount, due):
        """Pay an invoice with credit, and leave for its page what became of it."""
        try:
            with request.env.cr.savepoint():
                account._pay_with_credit(invoice_sudo, amount, due)
        except UserError as error:
            leave_message(str(error), is_refusal=True)
            return
        paid = invoice_sudo.currency_id.format(amount)
        leave_message(
            request.env._("%s paid with your credit.", paid), is_refusal=False
        )
