from odoo import api, fields, models

from odoo.addons.client_account.const import VIEWER


class SaleOrder(models.Model):
    """Orders of clients: what they pay with, and how their account stands."""

    _name = "sale.order"
    # First comes what refuses, before others write.
    _inherit = ["client.anyway.mark.mixin", "sale.order"]

    # A transaction says that money was taken.
    transaction_ids = fields.Many2many(written_by="provider")

    client_first_order = fields.Boolean(
        string="First Order of the Client",
        readonly=True,
        copy=False,
        help="It was confirmed as the client's first order, and the company takes no "
        "account credit for that.",
        written_by="addon",
    )
    client_account_words = fields.Char(
        string="Client's Balance",
        compute="_compute_client_account_words",
        groups=VIEWER,
        help="How the account of whoever is invoiced stands.",
    )
    client_confirmation_preview = fields.Char(
        compute="_compute_client_account_words",
        groups=VIEWER,
        help="What is missing to confirm this quotation.",
    )

    # === The client's account ===

    def _get_client_account(self):
        """Return the account of whoever one order is invoiced to, under sudo; none
        where it is yet to open."""
        self.ensure_one()
        # Sudo: policies bind whoever orders, whatever they may see.
        order_sudo = self.sudo()
        return order_sudo.env["client.account"]._find_accounts(
            order_sudo.partner_invoice_id, order_sudo.company_id
        )

    def _get_client_policy(self, name):
        """Return the policy in force for whoever one order is invoiced to."""
        self.ensure_one()
        return self.env["client.account"]._get_client_policy(
            # Sudo: as above.
            self.sudo().partner_invoice_id,
            self.company_id,
            name,
        )

    def _pays_up_front(self):
        """Tell whether the client of one order pays before it is confirmed."""
        self.ensure_one()
        return (
            bool(self.partner_invoice_id)
            and self._get_client_policy("pay_later") == "disabled"
        )

    def _is_first_order(self):
        """Tell whether one order is its client's first, where that matters."""
        self.ensure_one()
        # Sudo: other salespeople's orders count too, and are not shown.
        order_sudo = self.sudo()
        root = order_sudo.company_id.root_id
        if not root.client_first_order_without_credit:
            return False
        client = order_sudo.partner_invoice_id.commercial_partner_id
        return not order_sudo.search_count(
            [
                ("partner_invoice_id.commercial_partner_id", "=", client.id),
                ("company_id", "child_of", root.id),
                ("state", "=", "sale"),
                ("id", "not in", order_sudo._origin.ids),
            ],
            limit=1,
        )

    def _is_credit_excluded(self):
        """Tell whether one order is not payable with account credit: it holds a product
        that is not, or is the client's first order."""
        self.ensure_one()
        # Sudo: products are read to decide, not shown.
        order_sudo = self.sudo()
        products = order_sudo.order_line.product_id
        return (
            any(products.mapped("client_not_payable_with_credit"))
            or order_sudo.client_first_order
            or (order_sudo.state != "sale" and order_sudo._is_first_order())
        )

    # === Paying up front ===

    @api.depends("partner_invoice_id")
    def _compute_require_payment(self):
        """Override of `sale` to ask whoever pays up front for payment."""
        result = super()._compute_require_payment()
        for order in self:
            if order._pays_up_front():
                order.require_payment = True
        return result

    @api.depends("partner_invoice_id")
    def _compute_prepayment_percent(self):
        """Override of `sale` to ask whoever pays up front for all of it."""
        result = super()._compute_prepayment_percent()
        for order in self:
            if order._pays_up_front():
                order.prepayment_percent = 1.0
        return result

    @api.depends("partner_invoice_id")
    def _compute_payment_term_id(self):
        """Override of `sale` to offer who pays up front immediate payment only."""
        result = super()._compute_payment_term_id()
        for order in self:
            term = order.payment_term_id
            if term and not term._is_immediate() and order._pays_up_front():
                order.payment_term_id = False
        return result

    # === What confirming will do ===

    @api.depends_context("lang")
    @api.depends(
        "state", "partner_invoice_id", "company_id", "amount_total", "currency_rate"
    )
    def _compute_client_account_words(self):
        """Say how the account stands, and before anybody presses Confirm what is
        missing."""
        for order in self:
            account = order._get_client_account()
            order.client_account_words = bool(account) and order._get_account_words(
                account
            )
            order.client_confirmation_preview = (
                order.state in ("draft", "sent")
                and bool(order.partner_invoice_id)
                and order._get_confirmation_preview(account)
            )

    @api.model
    def _get_account_words(self, account):
        """Return how an account stands, in a sentence.

        :param account: `client.account` under sudo
        """
        return self.env._(
            "%(client)s: %(balance)s, available: %(available)s.",
            client=account.display_name,
            balance=account._format_balance(account.balance),
            available=account._format_available(),
        )

    def _get_confirmation_preview(self, account):
        """Return what confirming one quotation would be refused for, in words.

        :param account: `client.account` under sudo, none where it is yet to open
        :return: False where nothing is missing
        """
        self.ensure_one()
        missing = self._get_missing_amount(account)
        currency = self.company_id.currency_id
        if currency.compare_amounts(missing, 0) <= 0:
            return False
        return self.env._(
            "Confirming this quotation would be refused: %s is missing under the "
            "client's policy.",
            currency.format(currency.round(missing)),
        )

    def _get_missing_amount(self, account):
        """Return how much is missing to confirm one quotation.

        :param account: `client.account` under sudo, none where it is yet to open
        :return: company currency; zero or below where nothing is
        """
        self.ensure_one()
        if not self._are_orders_judged():
            return 0.0
        return max(
            self._get_missing_balance(account), self._get_missing_up_front(account)
        )

    def _get_missing_balance(self, account):
        """Return how much one quotation would take a balance below what the policy
        prevents.

        :param account: as of `_get_missing_amount`
        :return: company currency; zero or below where nothing is, or nothing prevented
        """
        self.ensure_one()
        if self._get_client_policy("negative_balance") != "prevented":
            return 0.0
        return self._get_amount_not_taken() - account.available

    def _get_missing_up_front(self, account):
        """Return how much of one quotation its client, who pays up front, has neither
        paid nor credit for.

        :param account: as of `_get_missing_amount`
        :return: company currency; zero or below where nothing is, or who pays later
        """
        self.ensure_one()
        if not self._pays_up_front():
            return 0.0
        spendable = account.available - account.limit_in_force
        if self._is_credit_excluded():
            spendable = 0.0
        return self._get_amount_not_taken() - max(spendable, 0.0)

    def _get_amount_not_taken(self):
        """Return what one quotation comes to beyond the money taken for it, in company
        currency."""
        self.ensure_one()
        amount = self.amount_total / (self.currency_rate or 1.0)
        return amount - min(self._origin._get_taken_amount(), amount)

    def _may_be_paid_later(self, provider):
        """Tell whether the client's policies let one order be paid later.

        Who pays up front has credit for all of it, also where the company has only
        invoices judged: none of them is there yet.

        :param provider: `payment.provider` that takes no money, under sudo
        """
        self.ensure_one()
        if not provider._confirms_unpaid_orders():
            return not self._pays_up_front()
        if self.state == "sale":
            return True
        account = self._get_client_account()
        missing = max(
            self._get_missing_amount(account), self._get_missing_up_front(account)
        )
        return self.company_id.currency_id.compare_amounts(missing, 0) <= 0

    def _compute_partner_credit_warning(self):
        """Override of `sale` to warn whatever the company's native switch says, once
        somebody has decided about the client's limit.

        Who reads that confirming would be refused is not warned of the same as well.
        """
        result = super()._compute_partner_credit_warning()
        moves = self.env["account.move"]
        reads_refusals = self.env.user.has_group(VIEWER)
        for order in self.filtered(lambda order: order.state in ("draft", "sent")):
            if reads_refusals and order.client_confirmation_preview:
                order.partner_credit_warning = ""
            elif (
                not order.company_id.account_use_credit_limit
                and order._get_client_account()._is_limit_decided()
            ):
                order.partner_credit_warning = moves._build_credit_warning_message(
                    # Sudo: the banner is for whoever makes the order.
                    order.sudo(),
                    current_amount=order.amount_total / (order.currency_rate or 1.0),
                )
        return result

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of an order are set by Odoo itself only. Register a payment, "
            "or confirm the order in its own window instead.",
            fields=self._get_protected_labels(names),
        )

    # === Actions ===

    def action_view_client_account(self):
        """Open the account of whoever one order is invoiced to."""
        self.ensure_one()
        self.check_access("read")
        account = self.env["client.account"]._get_or_create(
            self.partner_invoice_id, self.company_id
        )
        account.check_access("read")
        return account._get_records_action()
