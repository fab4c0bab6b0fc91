from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..utils import in_plain_context
from .client_open_lines_mixin import ALL_ITEMS, LINES_SHOWN


class ClientAccountPayment(models.TransientModel):
    """Receive money from a client or pay credit back, as a stock `account.payment`."""

    _name = "client.account.payment"
    _description = "Client Account Payment"
    _inherit = ["client.once.mixin", "client.open.lines.mixin"]
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
    amount = fields.Monetary(
        compute="_compute_amount", store=True, readonly=False, precompute=True
    )
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
        help="What stays as credit of the client, at the rates of the payment's day.",
    )
    discount_total = fields.Monetary(
        string="Early Payment Discount",
        compute="_compute_amount_remaining",
        help="Granted on the invoices that are paid in time, and booked with the "
        "payment.",
    )
    problem = fields.Char(compute="_compute_amount_remaining")
    # No monetary field: it is never booked, only kept beside the amount while a person
    # types, and checked there.
    credit_part = fields.Float(
        string="Kept as Credit",
        help="What of the amount is to stay as credit: the rest follows the lines.",
    )
    preview = fields.Char(
        compute="_compute_preview", help="The balance now, and as it will be."
    )
    confirm_label = fields.Char(compute="_compute_preview")
    pay_more = fields.Boolean(
        string="Pay Back More",
        help="Pay back more than the open credit: the rest is owed by the client.",
    )
    exceeds_credit = fields.Boolean(compute="_compute_exceeds_credit")
    credit_available = fields.Monetary(
        string="Open Credit",
        compute="_compute_credit_available",
        help="What the open credits are worth on the payment's day.",
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
            wizard.line_ids = wizard._get_first_lines()

    def _get_line_key(self):
        """Override of `client.open.lines.mixin`."""
        return "debit_line_id"

    @api.depends("account_id", "payment_type")
    def _compute_amount(self):
        """Offer all there is to pay back, and to receive what is owed where the window
        was opened to start from that."""
        for wizard in self:
            if wizard.payment_type == "outbound" and not wizard.amount:
                wizard.amount = wizard._get_credit_worth()
            elif wizard.payment_type == "inbound" and not wizard.amount:
                wizard.amount = wizard._sum_amounts(wizard._get_preset_amounts())

    @api.depends("amount", "currency_id", "date", "account_id", "payment_type")
    def _compute_preview(self):
        for wizard in self:
            wizard.preview = wizard.confirm_label = False
            account = wizard.account_id._origin
            if not account or not wizard.currency_id:
                continue
            amount = wizard.currency_id.format(wizard.amount)
            inbound = wizard.payment_type == "inbound"
            wizard.confirm_label = (
                self.env._("Receive %s", amount)
                if inbound
                else self.env._("Pay Back %s", amount)
            )
            change = wizard.currency_id._convert(
                wizard.amount,
                account.currency_id,
                wizard.company_id,
                wizard._get_date(),
            )
            account.sudo(False)._check_officer()
            wizard.preview = wizard._format_preview(
                account, change if inbound else -change
            )

    @api.depends("amount", "currency_id", "date", "account_id", "line_ids.amount")
    def _compute_amount_remaining(self):
        """Run the engine over the amounts typed, without booking them."""
        for wizard in self:
            wizard.problem = False
            wizard.discount_total = sum(
                line.discount for line in wizard.line_ids if line._takes_discount()
            )
            wizard.amount_remaining = wizard.amount
            if wizard.payment_type == "outbound" or not wizard.account_id:
                continue
            try:
                shares = wizard._simulate_shares(wizard._get_allocations())
                wizard.amount_remaining = wizard.currency_id.round(
                    wizard.amount + wizard.discount_total - sum(shares.values())
                )
            except UserError as error:
                wizard.problem = str(error)
                wizard.amount_remaining = wizard.amount - wizard._sum_typed()

    def _sum_typed(self):
        """Return what is typed beside the invoices, in the payment's currency."""
        return self._sum_in_currency(
            (line.currency_id, line.amount)
            for line in self.line_ids.filtered("currency_id")
        )

    def _sum_amounts(self, amounts):
        """Return what amounts for debts come to, in the payment's currency.

        :param amounts: {debit item: amount in its currency}
        """
        return self._sum_in_currency(
            (debit.currency_id, amount) for debit, amount in amounts.items()
        )

    def _sum_in_currency(self, amounts):
        """Return a sum in the payment's currency, at the rates of its day.

        :param amounts: (currency, amount), one after another
        """
        return sum(
            currency._convert(
                amount, self.currency_id, self.company_id, self._get_date()
            )
            for currency, amount in amounts
        )

    # === The total follows the lines, and the lines the total ===

    @api.onchange("amount")
    def _onchange_amount(self):
        """Set the amount against the documents shown, the earliest due first."""
        if self.payment_type != "inbound" or not self.currency_id:
            return
        typed = self.currency_id.round(self._sum_typed() + self.credit_part)
        if self.currency_id.compare_amounts(typed, self.amount) == 0:
            return
        lines = {line._get_debit(): line for line in self.line_ids.sorted("sequence")}
        lines.pop(self.env["account.move.line"], None)
        plan = self._plan_amounts(lines)
        for debit, line in lines.items():
            line.amount = plan.get(debit, 0.0)
        self._keep_credit_part(plan)

    @api.onchange("line_ids")
    def _onchange_line_ids(self):
        """Have the amount be what the lines come to, and what is to stay as credit."""
        if self.payment_type == "inbound" and self.currency_id:
            self.amount = self.currency_id.round(self._sum_typed() + self.credit_part)

    def _keep_credit_part(self, amounts):
        """Keep what of the amount is not set against a document.

        :param amounts: all that is, {debit item: amount in its currency}
        """
        rest = self.currency_id.round(self.amount - self._sum_amounts(amounts))
        self.credit_part = max(rest, 0.0)

    def _get_date(self):
        """Return the payment's day."""
        return self.date or fields.Date.context_today(self)

    @api.constrains("account_id")
    def _check_account_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_officer()

    @api.depends("account_id", "currency_id", "date", "payment_type")
    def _compute_credit_available(self):
        for wizard in self:
            wizard.credit_available = wizard._get_credit_worth()

    @api.depends("payment_type", "amount", "currency_id", "date", "account_id")
    def _compute_exceeds_credit(self):
        for wizard in self:
            wizard.exceeds_credit = (
                wizard.payment_type == "outbound"
                and bool(wizard.currency_id)
                and wizard.currency_id.compare_amounts(
                    wizard.amount, wizard._get_credit_worth()
                )
                > 0
            )

    # === What is open ===

    def _search_line_items(self, limit=ALL_ITEMS):
        """Override of `client.open.lines.mixin`: what money may be received for.

        Not what is being paid already; but drafts that wait for just this money.
        """
        # Sudo: officers need no right to read journal items of their clients.
        debts = self.env["account.move.line"].sudo()
        if self.payment_type != "inbound" or not self.account_id:
            return debts
        debts = debts.browse(
            self._fetch_open_item_ids(
                1,
                limit,
                SQL("%s AND %s", self._get_payable_sql(), self._get_search_sql()),
            )
        )
        debts = (debts | self._search_waiting_drafts())._sorted_for_allocation()
        return debts[:limit]

    def _get_preset_amounts(self):
        """Override of `client.open.lines.mixin`: those that were ticked before, or all
        that is owed where the window was opened to start from that.

        :return: {debit item: amount in its currency, less the early payment discount}
        """
        ids = self._get_ticked_ids()
        if self.payment_type != "inbound" or not self.account_id:
            return {}
        if ids:
            debts = self._search_payable(len(ids), SQL("line.id = ANY(%s)", ids))
        elif self.env.context.get("client_from_owed"):
            debts = self._search_payable(LINES_SHOWN + 1, SQL("TRUE"))
            if len(debts) > LINES_SHOWN:
                # “All” fills in thousands, which no window starts with.
                return {}
        else:
            return {}
        return {debit: self._get_net_due(debit) for debit in debts}

    def _search_payable(self, limit, condition):
        """Return the first open debts that money may be received for, under sudo."""
        # Sudo: officers need no right to read journal items of their clients.
        debts = self.env["account.move.line"].sudo()
        condition = SQL("%s AND %s", self._get_payable_sql(), condition)
        return debts.browse(self._fetch_open_item_ids(1, limit, condition))

    def _get_net_due(self, debit):
        """Return what pays a debt whole: less the early payment discount."""
        return debit.currency_id.round(
            debit.amount_residual_currency - self._get_discount(debit)
        )

    def _search_open_credits(self):
        """Return the open credits of the client, on whichever account, as they are
        applied.

        :return: `account.move.line` under sudo: officers need no right to read journal
            items of their clients
        """
        credits = self.env["account.move.line"].sudo()
        return credits.browse(
            self._fetch_open_item_ids(-1, ALL_ITEMS)
        )._sorted_for_allocation()

    def _fetch_open_item_ids(self, sign, limit, condition=None):
        """Return ids of the client's open items, see
        `client.account._fetch_first_open_item_ids`."""
        # The lines are computed under sudo, which says nothing of the user's rights.
        self.account_id.sudo(False)._check_officer()
        account = self.account_id.sudo()
        return account._fetch_first_open_item_ids(
            sign, limit, scope=account._get_whole_scope(), condition=condition
        )

    def _search_waiting_drafts(self):
        """Return the items of drafts that only money received for them can post.

        The client pays up front, and they hold a product not payable with credit.
        """
        account = self.account_id.sudo()
        if account._get_policy("pay_later") != "disabled":
            return self.env["account.move.line"].sudo()
        drafts = (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("commercial_partner_id", "=", account.partner_id.id),
                    ("company_id", "child_of", account.company_id.id),
                    ("move_type", "in", ("out_invoice", "out_receipt")),
                    ("state", "=", "draft"),
                ]
            )
        )
        return drafts._filter_credit_excluded()._get_receivable_items().sudo()

    def _get_credits_by_account(self):
        """Return {receivable account: open credits on it} of the client."""
        return self._search_open_credits().grouped("account_id")

    def _get_credit_worth(self, credits=None):
        """Return what credits are worth on the payment's day, in its currency.

        :param credits: credit items, None for all open ones of the client
        """
        if not self.account_id or not self.currency_id:
            return 0.0
        if credits is None:
            credits = self._search_open_credits()
        return self.currency_id.round(
            sum(
                credit.currency_id._convert(
                    -credit.amount_residual_currency,
                    self.currency_id,
                    self.company_id,
                    self._get_date(),
                )
                for credit in credits
            )
        )

    def _get_discount(self, debit):
        """Return the early payment discount that Odoo's own Pay would grant."""
        move = debit.move_id
        # Odoo would read all items of the document before it looks at the terms.
        if (
            not move.invoice_payment_term_id.early_discount
            or not move._is_eligible_for_early_payment_discount(
                self.currency_id, self.date
            )
        ):
            return 0.0
        return debit.currency_id.round(
            debit.amount_residual_currency - debit.discount_amount_currency
        )

    # === Actions ===

    def action_oldest_first(self):
        """Fill in the amounts earliest due first, as far as the money goes."""
        self._check_one_wizard()
        self.account_id._check_officer()
        amounts = self._plan_amounts(self._get_items_to_fill())
        self._keep_credit_part(amounts)
        self._write_planned(amounts)
        return self._reopen()

    def _plan_amounts(self, debits):
        """Return what the amount pays, in the order of the debts.

        :param debits: debit items, one after another
        :return: {debit item: amount in its currency}
        """
        lines = in_plain_context(self.env["account.move.line"].sudo())
        plain = self.company_id.sudo().currency_id
        left, money = self.amount, None
        amounts = {}
        for debit in debits:
            if self.currency_id.compare_amounts(left, 0) <= 0:
                break
            discount = self._get_discount(debit)
            net = debit.currency_id.round(debit.amount_residual_currency - discount)
            if discount and self.currency_id.compare_amounts(net, left) <= 0:
                amounts[debit] = net
                left -= net
                money = None
                continue
            money = money or self._get_money_values(left)
            amounts[debit] = lines._simulate_allocation(
                money, debit._get_residual_values()
            )
            left = -money["amount_residual_currency"]
            if debit.currency_id != plain or self.currency_id != plain:
                # What is left is converted again on its own.
                money = None
        return amounts

    def action_fill_all(self):
        """Receive all that is owed: fill in every open document."""
        return self._fill_whole(SQL("TRUE"))

    def action_fill_overdue(self):
        """Receive what is overdue: fill in every document past its due date."""
        return self._fill_whole(
            SQL(
                "COALESCE(line.date_maturity, line.date) < %s",
                fields.Date.context_today(self),
            )
        )

    def _fill_whole(self, condition):
        """Fill in what is due on each document, and the amount from that.

        :param SQL condition: on the alias `line` of the documents' items
        """
        self._check_one_wizard()
        self.account_id._check_officer()
        debts = self._search_payable(ALL_ITEMS, condition)
        amounts = {debit: self._get_net_due(debit) for debit in debts}
        self._write_planned(amounts)
        self.write(
            {
                "amount": self.currency_id.round(self._sum_amounts(amounts)),
                "credit_part": 0.0,
            }
        )
        return self._reopen()

    def action_clear(self):
        """Set all amounts to zero: the money stays as credit."""
        self._check_one_wizard()
        self.account_id._check_officer()
        self._keep_credit_part({})
        self._write_planned({})
        return self._reopen()

    def action_show_more(self):
        """Show more of the documents that are found."""
        self._check_one_wizard()
        self.account_id._check_officer()
        self._show_more_lines()
        return self._reopen()

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

    # === Simulation ===

    def _get_money_values(self, amount):
        """Return the residuals that the engine would take of money received.

        :param float amount: in the payment's currency
        """
        lines = in_plain_context(self.env["account.move.line"].sudo())
        company = self.company_id.sudo()
        balance = self.currency_id._convert(
            amount, company.currency_id, company, self._get_date()
        )
        move = lines.move_id.new(
            {
                "move_type": "entry",
                "company_id": company.id,
                "date": self._get_date(),
                # The engine takes other rates for payments than for entries.
                "origin_payment_id": self.env["account.payment"].sudo().new({}),
            }
        )
        line = lines.new(
            {
                "move_id": move,
                "company_id": company.id,
                "account_id": self.account_id._get_receivable_account().id,
                "partner_id": self.account_id.partner_id.id,
                "date": self._get_date(),
                "currency_id": self.currency_id.id,
                "amount_currency": -amount,
                "balance": -balance,
            }
        )
        return {
            "aml": line,
            "amount_residual": -balance,
            "amount_residual_currency": -amount,
            "parent_state": "posted",
        }

    def _simulate_shares(self, allocations):
        """Return what the allocations take of the money and the discounts.

        :param allocations: from `_get_allocations`
        :return: {receivable account: amount in the payment's currency}
        :raise UserError: when they take more than there is
        """
        shares = {}
        if not allocations:
            return shares
        lines = in_plain_context(self.env["account.move.line"].sudo())
        total = self.currency_id.round(self.amount + self.discount_total)
        money = self._get_money_values(total)
        for debit, amount, _discount in allocations:
            before = money["amount_residual_currency"]
            lines._simulate_allocation(money, debit._get_residual_values(), amount)
            taken = money["amount_residual_currency"] - before
            shares[debit.account_id] = self.currency_id.round(
                shares.get(debit.account_id, 0.0) + taken
            )
        return shares
