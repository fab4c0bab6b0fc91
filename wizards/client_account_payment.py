from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from ..utils import check_amount, check_date, in_plain_context
from .client_once_mixin import books_once


class ClientAccountPayment(models.TransientModel):
    """Receive money from a client or pay credit back, as a stock `account.payment`."""

    _name = "client.account.payment"
    _description = "Client Account Payment"
    _inherit = ["client.once.mixin"]
    _check_company_auto = True

    account_id = fields.Many2one(
        "client.account", string="Client", required=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="account_id.company_id")
    payment_type = fields.Selection(
        [("inbound", "Receive money"), ("outbound", "Pay credit back")],
        default="inbound",
        required=True,
    )
    amount = fields.Monetary()
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    date = fields.Date(default=fields.Date.context_today, required=True)
    journal_id = fields.Many2one(
        "account.journal",
        compute="_compute_journal_id",
        store=True,
        readonly=False,
        precompute=True,
        check_company=True,
        domain="[('type', 'in', ('bank', 'cash', 'credit'))]",
    )
    available_method_line_ids = fields.Many2many(
        "account.payment.method.line", compute="_compute_available_method_line_ids"
    )
    payment_method_line_id = fields.Many2one(
        "account.payment.method.line",
        string="Payment Method",
        compute="_compute_payment_method_line_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', available_method_line_ids)]",
    )
    memo = fields.Char(help="Shown in the client's history.")
    line_ids = fields.One2many(
        "client.account.payment.line",
        "payment_id",
        string="Pay Invoices",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    amount_remaining = fields.Monetary(
        string="Left as Credit",
        compute="_compute_amount_remaining",
        help="What stays as credit of the client, at today's rates.",
    )
    pay_more = fields.Boolean(
        string="Pay Back More",
        help="Pay back more than the open credit: the rest is owed by the client.",
    )
    exceeds_credit = fields.Boolean(compute="_compute_exceeds_credit")
    credit_available = fields.Monetary(
        string="Open Credit",
        compute="_compute_credit_available",
        currency_field="company_currency_id",
    )
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )

    # === Compute ===

    @api.depends("account_id", "journal_id")
    def _compute_currency_id(self):
        for wizard in self:
            # Sudo: officers need no right to journals to receive money in one.
            wizard.currency_id = (
                wizard.journal_id.sudo().currency_id
                or wizard.account_id.currency_id
                or self.env.company.currency_id
            )

    @api.depends("account_id")
    def _compute_journal_id(self):
        for wizard in self:
            # Sudo: officers need no right to journals to receive money in one.
            journals = self.env["account.journal"].sudo()
            if wizard.account_id:
                journals = journals.search(
                    [
                        *journals._check_company_domain(wizard.company_id),
                        ("type", "in", ("bank", "cash", "credit")),
                    ],
                    limit=1,
                )
            wizard.journal_id = journals

    @api.depends("journal_id", "payment_type")
    def _compute_available_method_line_ids(self):
        for wizard in self:
            wizard.available_method_line_ids = wizard._get_available_method_lines()

    @api.depends("journal_id", "payment_type")
    def _compute_payment_method_line_id(self):
        for wizard in self:
            wizard.payment_method_line_id = wizard._get_available_method_lines()[:1]

    def _get_available_method_lines(self):
        """Return the payment methods of the chosen journal."""
        # Sudo: officers need no right to journals to receive money in one.
        journal = self.journal_id.sudo()
        if not journal or not self.payment_type:
            return journal.inbound_payment_method_line_ids
        return journal._get_available_payment_method_lines(self.payment_type)

    @api.depends("account_id", "payment_type")
    def _compute_line_ids(self):
        for wizard in self:
            debts = self.env["account.move.line"]
            if wizard.payment_type == "inbound" and wizard.account_id:
                debts = wizard._search_debts()
            wizard.line_ids = [
                Command.clear(),
                *[
                    Command.create({"debit_line_id": debt.id, "sequence": position})
                    for position, debt in enumerate(debts)
                ],
            ]

    @api.depends("amount", "currency_id", "date", "line_ids.amount")
    def _compute_amount_remaining(self):
        for wizard in self:
            wizard.amount_remaining = wizard.amount - sum(
                wizard._convert_from(line.currency_id, line.amount)
                for line in wizard.line_ids
            )

    @api.constrains("account_id")
    def _check_account_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_officer()

    @api.depends("account_id")
    def _compute_credit_available(self):
        for wizard in self:
            wizard.credit_available = wizard.account_id.credit_available

    @api.depends("payment_type", "amount", "currency_id", "date", "account_id")
    def _compute_exceeds_credit(self):
        for wizard in self:
            wizard.exceeds_credit = (
                wizard.payment_type == "outbound" and wizard._is_more_than_credit()
            )

    def _is_more_than_credit(self):
        """Tell whether the amount is above the client's open credit."""
        currency = self.account_id.currency_id
        if not currency or not self.currency_id:
            return False
        amount = self.currency_id._convert(
            self.amount, currency, self.company_id, self.date or fields.Date.today()
        )
        return currency.compare_amounts(amount, self.account_id.credit_available) > 0

    def _convert_from(self, currency, amount):
        """Return an amount of another currency in the payment's."""
        return currency._convert(
            amount, self.currency_id, self.company_id, self.date or fields.Date.today()
        )

    def _search_debts(self):
        """Return the open debts on the account the payment will be on, oldest first."""
        # The lines are computed under sudo, which says nothing of the user's rights.
        self.account_id.sudo(False)._check_officer()
        # Sudo: officers need no right to read journal items of their clients.
        account = self.account_id.sudo()
        return (
            self.env["account.move.line"]
            .sudo()
            .search(
                account._get_open_items_domain()
                & self.env["account.move.line"]._get_open_item_domain(1)
                & Domain("account_id", "=", account._get_receivable_account().id)
            )
            ._sorted_for_allocation()
        )

    def _get_wizard_clients(self, vals):
        account = self.account_id or self.account_id.browse(
            vals.get("account_id") or []
        )
        return account.exists().partner_id

    # === Actions ===

    def action_oldest_first(self):
        """Fill in the amounts oldest first, as far as the money goes."""
        self._check_one_wizard()
        self.account_id._check_officer()
        left = self.amount
        for line in self.line_ids:
            due = self._convert_from(line.currency_id, line.amount_open)
            if self.currency_id.compare_amounts(due, left) <= 0:
                line.amount = line.amount_open
            else:
                line.amount = self.currency_id._convert(
                    left, line.currency_id, self.company_id, self.date
                )
            left -= min(due, left)
        return self._reopen()

    def action_clear(self):
        """Set all amounts to zero: the money stays as credit."""
        self._check_one_wizard()
        self.account_id._check_officer()
        self.line_ids.amount = 0.0
        return self._reopen()

    @books_once
    def action_confirm(self):
        """Book the payment and allocate it as typed.

        :return: an action that says what was booked
        :raise UserError: when a value is refused; nothing is booked
        """
        self.account_id._check_officer()
        self._check_payment()
        allocations = self._get_allocations()
        # Sudo: officers need no right to make payments; what is booked is fixed.
        payment_sudo = self._create_payment_sudo()
        item = payment_sudo.move_id.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        if self.payment_type == "outbound":
            item._pay_back_credits()
        elif allocations:
            item._allocate_amounts(
                [(item, debit, amount) for debit, amount in allocations]
            )
        return payment_sudo.move_id._get_client_done_action(self.date)

    def _check_payment(self):
        """Make sure the payment can be booked.

        :raise UserError: otherwise
        """
        name = self.account_id.display_name
        check_amount(self.env, name, self.amount, self.currency_id)
        check_date(self.env, name, self.date)
        # Sudo: officers need no right to journals to receive money in one.
        journal = self.journal_id.sudo()
        if journal.type not in ("bank", "cash", "credit"):
            raise UserError(
                self.env._("Choose a bank or cash journal for the payment of %s.", name)
            )
        if self.payment_method_line_id not in self._get_available_method_lines():
            raise UserError(
                self.env._(
                    "Choose a payment method of %(journal)s for the payment of "
                    "%(client)s.",
                    journal=journal.display_name,
                    client=name,
                )
            )
        if self.payment_type == "outbound" and self.account_id.credit_available <= 0:
            raise UserError(
                self.env._(
                    "%s has no open credit to pay back. Issue a credit first.", name
                )
            )
        if self.exceeds_credit and not self.pay_more:
            raise UserError(
                self.env._(
                    "%(client)s has %(credit)s in credit. Pay back that much or less, "
                    "or tick “Pay Back More”: the rest is owed by the client.",
                    client=name,
                    credit=self.account_id.currency_id.format(
                        self.account_id.credit_available
                    ),
                )
            )

    def _get_allocations(self):
        """Return the typed allocations, checked against what is due.

        :return: list of (debit item, amount in its currency)
        :raise UserError: when one does not belong here, or too much is allocated
        """
        name = self.account_id.display_name
        allocations = []
        for line in self.line_ids.filtered("amount"):
            # Sudo: officers need no right to read journal items of their clients.
            debit = line.debit_line_id.sudo()
            if not debit._belongs_to(self.account_id):
                raise UserError(
                    self.env._(
                        "Choose an open invoice or charge of %s in each line with an "
                        "amount.",
                        name,
                    )
                )
            amount = check_amount(self.env, name, line.amount, debit.currency_id)
            debit._check_amount_due(amount)
            allocations.append((debit, amount))
        if self.currency_id.compare_amounts(self.amount_remaining, 0) < 0 and all(
            debit.currency_id == self.currency_id for debit, _amount in allocations
        ):
            raise UserError(
                self.env._(
                    "%(client)s pays %(amount)s, but %(more)s more is allocated. "
                    "Lower an allocated amount or raise the payment.",
                    client=name,
                    amount=self.currency_id.format(self.amount),
                    more=self.currency_id.format(-self.amount_remaining),
                )
            )
        return allocations

    def _create_payment_sudo(self):
        """Make and post the payment, always with its journal entry.

        :return: the `account.payment`, under sudo
        """
        payments_sudo = in_plain_context(self.env["account.payment"].sudo())
        payments_sudo = payments_sudo.with_company(self.company_id)
        if not self.payment_method_line_id.sudo().payment_account_id:
            # Without an account the payment would book no entry, so give no credit.
            payments_sudo = payments_sudo.with_context(force_payment_move=True)
        payment_sudo = payments_sudo.create(self._prepare_payment_vals())
        payment_sudo = payment_sudo.with_context(force_payment_move=False)
        payment_sudo.action_post()
        if self.payment_type == "inbound":
            payment_sudo.move_id.client_account_credit = True
        payment_sudo.move_id._tell_moved_dates([self.date])
        return payment_sudo

    def _prepare_payment_vals(self):
        """Return the values of the payment.

        Hook: override to add fields.
        """
        return {
            "payment_type": self.payment_type,
            "partner_type": "customer",
            "partner_id": self.account_id.partner_id.id,
            "amount": self.currency_id.round(self.amount),
            "currency_id": self.currency_id.id,
            "date": self.date,
            "journal_id": self.journal_id.id,
            "payment_method_line_id": self.payment_method_line_id.id,
            "memo": self.memo and self.memo[:120],
        }

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Receive a Payment")
            if self.payment_type == "inbound"
            else self.env._("Pay Credit Back"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }
