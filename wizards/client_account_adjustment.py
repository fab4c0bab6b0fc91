from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..const import APPROVER, MAX_ITEM_REASON
from ..utils import check_length, clean_reason, in_plain_context
from .client_once_mixin import books_once


class ClientAccountAdjustment(models.TransientModel):
    _name = "client.account.adjustment"
    _description = "Client Account Adjustment"
    _inherit = ["client.once.mixin", "client.reason.mixin"]
    _check_company_auto = True

    account_ids = fields.Many2many("client.account", string="Accounts")
    partner_ids = fields.Many2many(
        "res.partner",
        string="Clients",
        check_company=True,
        help="Any contacts: accounts open by themselves.",
    )
    move_id = fields.Many2one(
        "account.move", string="Adjustment to Modify", readonly=True, ondelete="cascade"
    )
    kind = fields.Selection(
        [("credit", "Issue a credit"), ("charge", "Charge an amount")],
        default="credit",
        required=True,
    )
    document = fields.Selection(
        [("entry", "Adjustment entry"), ("invoice", "Credit note or invoice")],
        default="entry",
        required=True,
        help="An adjustment entry has no taxes. Choose a credit note or invoice to "
        "book a product with its taxes.",
    )
    company_id = fields.Many2one("res.company", compute="_compute_company_id")
    currency_id = fields.Many2one(related="company_id.currency_id")
    amount = fields.Monetary(
        help="For each client; with a product, its price as on an invoice line."
    )
    anyway_reason = fields.Text(
        string="Charge Anyway Because",
        groups=APPROVER,
        help="An approver may charge against the client's balance policies. The reason "
        "is logged; empty: the policies count.",
    )
    date = fields.Date(default=fields.Date.context_today)
    date_due = fields.Date(
        string="Due Date",
        help="The charge is overdue after this date. Empty: after its date or, for an "
        "invoice, as the client's payment terms say.",
    )
    date_expiry = fields.Date(
        string="Usable Until",
        compute="_compute_date_expiry",
        store=True,
        readonly=False,
        help="What is left of the credit is booked back the day after. Empty: it does "
        "not expire.",
    )
    product_id = fields.Many2one(
        "product.product", check_company=True, domain="[('sale_ok', '=', True)]"
    )
    tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes",
        compute="_compute_tax_ids",
        store=True,
        readonly=False,
        check_company=True,
        domain="[('type_tax_use', '=', 'sale')]",
    )
    amount_total = fields.Monetary(
        string="Total with Taxes",
        compute="_compute_amount_total",
        help="For each client.",
    )
    allocated_amount = fields.Monetary(
        compute="_compute_allocated_amount",
        string="Allocated",
        help="The new amount may not be below this.",
    )

    preview = fields.Char(
        compute="_compute_preview", help="The balance now, and as it will be."
    )
    approval_note = fields.Char(
        compute="_compute_approval_note",
        help="Why this credit is asked for instead of booked.",
    )

    # === Compute ===

    @api.depends(
        "account_ids", "partner_ids", "kind", "amount", "amount_total", "move_id"
    )
    def _compute_preview(self):
        for wizard in self:
            wizard.preview = wizard.currency_id and wizard._get_preview()

    @api.depends_context("uid")
    @api.depends("account_ids", "partner_ids", "kind", "amount_total", "move_id")
    def _compute_approval_note(self):
        for wizard in self:
            wizard.approval_note = wizard._get_approval_note()

    def _get_approval_note(self):
        """Return that the credit needs an approver, or an empty text."""
        account = self.account_ids[:1] or self.env["client.account"].new(
            {"company_id": self.company_id.id}
        )
        total = self.amount_total
        # Sudo is what computes may run in: it is the user who confirms.
        if (
            self.move_id
            or self.kind != "credit"
            or not account.sudo(False)._needs_credit_approval(total)
        ):
            return ""
        # Sudo: a branch's user need not read the root company.
        above = self.sudo().company_id.client_credit_approval_above
        return self.env._(
            "A credit above %s needs an approver: this asks for it, and it is booked "
            "when it is approved.",
            self.currency_id.format(above),
        )

    def _get_preview(self):
        """Return what confirming does to the balances, in words."""
        accounts = self.account_ids._origin | self._find_accounts()
        # Accounts of contacts that have none yet are opened once it is confirmed.
        clients = accounts.partner_id | self.partner_ids._origin.commercial_partner_id
        count = len(clients)
        amount = self.amount_total if self.document == "invoice" else self.amount
        if len(accounts) == 1 and count == 1:
            accounts.sudo(False)._check_officer()
            sign = 1 if self.kind == "credit" else -1
            # Sudo: officers need no right to read journal entries.
            items = self.move_id.sudo()._get_receivable_items()
            return self._format_preview(
                accounts, sign * amount + sum(items.mapped("balance"))
            )
        if count == 1:
            return self.env._("one client, %s", self.currency_id.format(amount))
        return self.env._(
            "%(count)s clients, %(amount)s in all",
            count=count,
            amount=self.currency_id.format(count * amount),
        )

    def _find_accounts(self):
        """Return the accounts of the chosen contacts, those there are."""
        accounts = self.env["client.account"]
        return accounts._find_accounts(self.partner_ids._origin, self.company_id)

    @api.depends("account_ids")
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = (
                wizard.account_ids[:1].company_id or self.env.company.root_id
            )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to leave the last day of a credit that is modified as it
        is, where the caller says nothing of it."""
        wizards = super().create(vals_list)
        if "default_date_expiry" not in self.env.context:
            for wizard, vals in zip(wizards, vals_list, strict=True):
                if wizard.move_id and "date_expiry" not in vals:
                    wizard.date_expiry = wizard._get_kept_expiry_date()
        return wizards

    def _get_kept_expiry_date(self):
        """Return the last day of the credit that one window modifies."""
        # Sudo: officers need no right to read journal entries of their clients.
        move_sudo = self.move_id.sudo()
        account = self.env["client.account"]._find_accounts(
            move_sudo.commercial_partner_id, move_sudo.company_id
        )
        return move_sudo.client_expiry_date if account else False

    @api.depends("kind", "document", "date", "reason_id", "company_id", "move_id")
    def _compute_date_expiry(self):
        """Start with the company's days, or those of the reason."""
        for wizard in self:
            if wizard.move_id:
                # As it has been; whoever modifies it may write another.
                wizard.date_expiry = wizard.date_expiry
            elif wizard.kind == "credit" and wizard.document == "entry":
                # Sudo: a branch's user need not read the root company.
                wizard.date_expiry = wizard.sudo().company_id._get_client_expiry_date(
                    wizard.date, wizard.reason_id
                )
            else:
                wizard.date_expiry = False

    @api.depends("product_id", "company_id")
    def _compute_tax_ids(self):
        for wizard in self:
            wizard.tax_ids = wizard.product_id.taxes_id.filtered_domain(
                self.env["account.tax"]._check_company_domain(wizard.company_id)
            )

    @api.depends(
        "account_ids", "amount", "tax_ids", "document", "product_id", "kind", "date"
    )
    def _compute_amount_total(self):
        """Take the taxes of the first client: each has a fiscal position of its own."""
        for wizard in self:
            wizard.amount_total = wizard.amount
            if wizard.currency_id:
                account = wizard.account_ids[:1]._origin
                wizard.amount_total = wizard._compute_total(account)

    def _compute_total(self, account):
        """Return what is booked to the account of a client, taxes included.

        :param account: the `client.account`, empty perhaps while none is chosen
        """
        if self.document != "invoice":
            return self.amount
        # Sudo: officers need no right to make invoices; this one is never made.
        moves_sudo = in_plain_context(self.env["account.move"].sudo())
        values = {"amount": self.amount, "reason": "", "date": self.date}
        move_sudo = moves_sudo.with_company(self.company_id).new(
            self._build_document_vals(account, values | {"date_due": None})
        )
        lines, _tax_lines = move_sudo._get_rounded_base_and_tax_lines()
        taxes_sudo = self.env["account.tax"].sudo()
        totals = taxes_sudo._get_tax_totals_summary(
            lines, self.currency_id, self.company_id
        )
        return totals["total_amount_currency"]

    @api.depends("move_id")
    def _compute_allocated_amount(self):
        for wizard in self:
            move_sudo = wizard.move_id.sudo()._origin
            if not move_sudo.client_adjustment:
                # Nothing of a document a caller sent: confirming refuses it in words.
                move_sudo = move_sudo.browse()
            move_sudo.sudo(False)._check_adjustment()
            lines = move_sudo._get_receivable_items()
            wizard.allocated_amount = abs(
                sum(lines.mapped("balance")) - sum(lines.mapped("amount_residual"))
            )

    def _get_wizard_clients(self, vals):
        wizard = self
        names = ("account_ids", "partner_ids")
        if not self.account_ids and not self.partner_ids:
            wizard = self.new({name: vals[name] for name in names if vals.get(name)})
        return wizard.account_ids._origin.partner_id | wizard.partner_ids._origin

    # === Actions ===

    @books_once
    def action_confirm(self):
        """Book the adjustment for each client, or modify the one that was opened.

        :return: an action that says what was booked
        :raise UserError: when a value is refused; nothing is booked
        """
        if self.move_id:
            self.move_id._check_adjustment()
            # Sudo: officers need no right to read journal entries.
            account = self.move_id.sudo()._get_client_account().sudo(self.env.su)
            self.move_id._modify_adjustment(self._prepare_adjustment(account))
            return self._get_done_action(
                self._get_done_message(self.move_id, account), self.move_id, self.date
            )
        self._open_accounts()
        self._check_clients()
        self.account_ids._check_officer()
        if self._needs_approval():
            return self._ask_approval()
        moves = self._book()
        self._keep_booked(moves)
        return self._get_done_action(
            self._get_done_message(moves, self.account_ids),
            moves,
            self.date,
            self._get_offers(moves),
        )

    def _book(self):
        """Book the adjustment for each client.

        :return: the posted `account.move`
        """
        if self.document == "invoice":
            return self._create_documents()
        return self.account_ids._create_adjustments(
            [
                (account, self._prepare_adjustment(account))
                for account in self.account_ids
            ],
            anyway=self._get_anyway_reason(),
        )

    def _open_accounts(self):
        """Take the accounts of the chosen contacts to those that were chosen, made
        where missing."""
        if self.partner_ids:
            self.partner_ids.check_access("read")
            self.account_ids |= self.env["client.account"]._get_or_create(
                self.partner_ids, self.company_id
            )

    def _get_done_message(self, moves, accounts):
        """Return what was done, in a sentence."""
        # Sudo: officers need no right to read journal entries; they made these.
        items = moves.sudo()._get_receivable_items()
        amount = self.currency_id.format(abs(sum(items.mapped("balance"))))
        credited = moves.sudo()[:1].client_adjustment == "credit"
        if len(accounts) > 1:
            return (
                self.env._("%(amount)s credited to %(count)s clients.")
                if credited
                else self.env._("%(amount)s charged to %(count)s clients.")
            ) % {"amount": amount, "count": len(accounts)}
        return " ".join(
            (
                (
                    self.env._("%(amount)s credited to %(client)s.")
                    if credited
                    else self.env._("%(amount)s charged to %(client)s.")
                )
                % {"amount": amount, "client": accounts.display_name},
                self._format_new_balance(accounts),
            )
        )

    def _get_offers(self, moves):
        """Return what comes next, for `_get_done_action`."""
        offers = [(self.env._("Undo"), self, "action_undo")]
        credits = moves.sudo()._get_receivable_items()._filter_open_credits()
        if len(credits) == 1 and self.account_ids.amount_owed:
            offers.insert(0, (self.env._("Allocate now"), self, "action_allocate_now"))
        return offers

    def action_allocate_now(self):
        """Open the window that allocates the credit this one has issued."""
        self._check_one_wizard()
        # Sudo: officers need no right to read journal entries; this window made them.
        moves = self.env["account.move"].sudo().browse((self.booked or {}).get("moves"))
        credits = moves.exists()._get_receivable_items()._filter_open_credits()
        if len(credits) != 1:
            raise UserError(
                self.env._(
                    "Nothing is left of the credit of %s to allocate.",
                    self._get_sent_client_name({}),
                )
            )
        return credits.sudo(self.env.su).action_assign_client_credit()

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: delete the adjustments."""
        message = self._undo_adjustments(moves_sudo, partials_sudo)
        if len(self.account_ids) == 1:
            return f"{message} {self._format_new_balance(self.account_ids)}"
        return message

    def _get_anyway_reason(self):
        """Return why an approver charges against the policies, empty where nobody
        does."""
        approver = self.env.user.has_group(APPROVER)
        reason = clean_reason(self.anyway_reason) if approver else ""
        names = ", ".join(self.account_ids.mapped("display_name")[:5])
        check_length(self.env, names, reason)
        return reason

    def _check_clients(self):
        """Make sure there are clients, all of one company.

        :raise UserError: otherwise
        """
        if not self.account_ids:
            raise UserError(self.env._("Choose at least one client."))
        if len(self.account_ids.company_id) > 1:
            raise UserError(
                self.env._(
                    "%(clients)s have accounts in several companies. Choose clients "
                    "of one company at a time.",
                    clients=", ".join(self.account_ids.mapped("display_name")[:5]),
                )
            )

    def _prepare_adjustment(self, account):
        """Return the checked values of the adjustment of one client."""
        # Sudo: officers need no right to read journal entries.
        kind = self.move_id.sudo().client_adjustment or self.kind
        values = account._prepare_adjustment(
            kind,
            self.amount,
            self.reason,
            self.date,
            self.date_due if kind == "charge" else None,
            self.date_expiry if kind == "credit" else None,
        )
        return {**values, "reason_id": self.reason_id.id}

    # === Credits that need an approver ===

    def _needs_approval(self):
        """Tell whether the credit of any client is asked for instead of booked."""
        return self.kind == "credit" and any(
            account._needs_credit_approval(self._compute_total(account))
            for account in self.account_ids
        )

    def _ask_approval(self):
        """Ask the approvers for the credit of each client; nothing is booked.

        :return: an action that says so
        :raise UserError: when a value is refused
        """
        requests = self.env["client.account.request"].create(
            [self._prepare_request_vals(account) for account in self.account_ids]
        )
        requests.action_submit()
        # Sudo: who decides is the company's choice, not the user's to read.
        deciders = requests[:1].sudo()._get_deciders().mapped("name")
        values = {
            "amount": self.currency_id.format(self.amount),
            "client": self.account_ids[:1].display_name,
            "count": len(requests),
            "request": requests[:1].name,
            "deciders": ", ".join(deciders),
        }
        offers = []
        if len(requests) == 1:
            message = self.env._(
                "Asked for: %(request)s. %(amount)s are credited to %(client)s when "
                "%(deciders)s approves.",
                **values,
            )
            offers.append((self.env._("Withdraw"), requests, "action_withdraw"))
        else:
            message = self.env._(
                "Asked for: %(count)s credits of %(amount)s each. They are booked when "
                "%(deciders)s approves.",
                **values,
            )
        return self._get_done_action(message, requests, offers=offers)

    def _prepare_request_vals(self, account):
        """Return the values of the request for the credit of one client."""
        values = self._prepare_adjustment(account)
        today = fields.Date.context_today(self)
        document = self.document == "invoice"
        # Sudo: a branch's user need not read the root company.
        usual = self.sudo().company_id._get_client_expiry_date(
            self.date, self.reason_id
        )
        return {
            "account_id": account.id,
            "subject": "credit",
            "requested_credit": values["amount"],
            "reason": values["reason"],
            "credit_reason": values["reason"],
            "credit_reason_id": values["reason_id"],
            # What is dated today is booked on the day it is approved.
            "credit_date": values["date"] != today and values["date"],
            "credit_date_expiry": not document
            and values["date_expiry"] != usual
            and values["date_expiry"],
            "credit_product_id": document and self.product_id.id,
            "credit_tax_ids": [Command.set(self.tax_ids.ids if document else [])],
        }

    # === Credit notes and invoices ===

    def _create_documents(self):
        """Make and post a credit note or an invoice for each client.

        :return: the posted `account.move`
        """
        if not self.product_id:
            raise UserError(
                self.env._(
                    "Choose a product for the credit note or invoice of %s.",
                    ", ".join(self.account_ids.mapped("display_name")[:5]),
                )
            )
        if self.tax_ids.filtered(lambda tax: tax.type_tax_use != "sale"):
            raise UserError(
                self.env._(
                    "Choose sales taxes only for the credit note or invoice of %s.",
                    ", ".join(self.account_ids.mapped("display_name")[:5]),
                )
            )
        # Sudo: officers need no right to make invoices; what is booked is fixed.
        moves_sudo = (
            in_plain_context(self.env["account.move"].sudo())
            .with_company(self.company_id)
            .create(
                [self._prepare_document_vals(account) for account in self.account_ids]
            )
        )
        for account, move_sudo in zip(self.account_ids, moves_sudo, strict=True):
            if self.kind == "credit":
                account._check_credit_approval(move_sudo.amount_total)
        if anyway := self._get_anyway_reason():
            moves_sudo = moves_sudo._with_post_anyway(anyway)
        moves_sudo._post(soft=False)
        moves_sudo._tell_moved_dates([self.date] * len(moves_sudo))
        moves_sudo._log_adjustments(self.account_ids)
        return moves_sudo.sudo(self.env.su)

    def _prepare_document_vals(self, account):
        """Return the values of the credit note or invoice of one client.

        Hook: override to add lines or fields.
        """
        return self._build_document_vals(account, self._prepare_adjustment(account))

    def _build_document_vals(self, account, values):
        """Return the values of a credit note or invoice, see `_prepare_document_vals`.

        :param dict values: as of `client.account._prepare_adjustment`
        """
        reason = values["reason"]
        vals = {
            "move_type": "out_refund" if self.kind == "credit" else "out_invoice",
            "company_id": self.company_id.id,
            "partner_id": account.partner_id.id,
            "currency_id": self.currency_id.id,
            "invoice_date": values["date"] or fields.Date.context_today(self),
            "ref": reason.split("\n")[0][:120],
            "client_adjustment": self.kind,
            "client_adjustment_reason": reason,
            "client_adjustment_reason_id": values.get("reason_id"),
            "client_account_credit": self.kind == "credit",
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": self.product_id.id,
                        "name": reason[:MAX_ITEM_REASON],
                        "quantity": 1,
                        "price_unit": values["amount"],
                        "tax_ids": [Command.set(self._get_taxes(account).ids)],
                    }
                )
            ],
        }
        if due := values["date_due"]:
            vals.update(invoice_payment_term_id=False, invoice_date_due=due)
        return vals

    def _get_taxes(self, account):
        """Return the chosen taxes as the client's fiscal position maps them."""
        # Sudo: officers need no right to read fiscal positions.
        positions = self.env["account.fiscal.position"].sudo()
        position = positions.with_company(self.company_id)._get_fiscal_position(
            account.partner_id
        )
        return position.map_tax(self.tax_ids) if position else self.tax_ids
