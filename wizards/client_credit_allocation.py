from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..utils import check_amount, in_plain_context
from .client_once_mixin import books_once
from .client_open_lines_mixin import ALL_ITEMS


class ClientCreditAllocation(models.TransientModel):
    """Set one credit against many debts or, from an invoice, many credits to it."""

    _name = "client.credit.allocation"
    _description = "Client Credit Allocation"
    _inherit = ["client.once.mixin", "client.open.lines.mixin"]

    credit_line_id = fields.Many2one(
        "account.move.line", string="Credit", ondelete="cascade"
    )
    debit_line_id = fields.Many2one(
        "account.move.line", string="Invoice", ondelete="cascade"
    )
    partner_id = fields.Many2one(
        "res.partner", string="Client", compute="_compute_item"
    )
    document_name = fields.Char(string="Document", compute="_compute_item")
    document_reason = fields.Char(string="Reason", compute="_compute_item")
    date_due = fields.Date(string="Due Date", compute="_compute_item")
    has_later_instalment = fields.Boolean(compute="_compute_item")
    currency_id = fields.Many2one("res.currency", compute="_compute_item")
    amount_open = fields.Monetary(
        string="To Allocate",
        compute="_compute_item",
        help="In the document's own currency.",
    )
    line_ids = fields.One2many(
        "client.credit.allocation.line",
        "allocation_id",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    full_only = fields.Boolean(
        string="Whole Invoices Only",
        help="“Earliest Due First” leaves out what the credit does not cover whole, "
        "and confirming refuses a part of an invoice.",
    )
    amount_remaining = fields.Monetary(
        string="Remaining",
        compute="_compute_amount_remaining",
        help="What is left of the credit, or due on the invoice, after these amounts.",
    )
    problem = fields.Char(compute="_compute_amount_remaining")
    # Why there is no document to choose, and what to do.
    nothing_open = fields.Char(compute="_compute_nothing_open")

    # === Compute ===

    @api.depends("credit_line_id", "debit_line_id")
    def _compute_item(self):
        for wizard in self:
            # Sudo: officers need no right to read journal items of their clients.
            item = wizard._get_item().sudo()
            if item.account_type == "asset_receivable" and item.partner_id:
                wizard._check_may_see(item._get_client_account())
            else:
                # Nothing of an item a caller sent: confirming refuses it in words.
                item = item.browse()
            wizard.partner_id = item.partner_id.commercial_partner_id
            wizard.document_name = item.move_id.name
            wizard.document_reason = item.client_credit_reason
            wizard.currency_id = item.currency_id or self.env.company.currency_id
            wizard.amount_open = abs(item.amount_residual_currency)
            wizard.date_due = wizard.debit_line_id and item.date_maturity
            wizard.has_later_instalment = bool(
                wizard.debit_line_id and item.move_id._get_client_debts() - item._origin
            )

    @api.depends("credit_line_id", "debit_line_id")
    def _compute_line_ids(self):
        for wizard in self:
            wizard.line_ids = wizard._get_first_lines()

    def _get_line_key(self):
        """Override of `client.open.lines.mixin`: the side it was not opened from."""
        return "debit_line_id" if self.credit_line_id else "credit_line_id"

    @api.depends("line_ids.amount", "credit_line_id", "debit_line_id")
    def _compute_amount_remaining(self):
        """Run the engine over the amounts typed, without booking them."""
        for wizard in self:
            wizard.problem = False
            wizard.amount_remaining = wizard.amount_open
            if not wizard._get_item():
                continue
            try:
                wizard.amount_remaining = wizard._simulate_remaining()
            except UserError as error:
                # What is too much stays visible, below zero.
                wizard.amount_remaining = wizard.amount_open - wizard._sum_typed()
                wizard.problem = str(error)

    @api.depends("line_ids", "search_text", "credit_line_id", "debit_line_id")
    def _compute_nothing_open(self):
        for wizard in self:
            empty = not wizard.line_ids and not wizard.search_text
            # Nothing of an item a caller sent: confirming refuses it in words.
            wizard.nothing_open = (
                empty and wizard.partner_id and wizard._get_nothing_open_message()
            )

    def _get_nothing_open_message(self):
        """Return that there is no document to choose, in words."""
        values = {
            "client": self.partner_id.display_name,
            "document": self.document_name,
        }
        if self.credit_line_id:
            return self.env._(
                "No invoice or charge of %(client)s is open that %(document)s could "
                "pay. It stays on the account until there is one.",
                **values,
            )
        return self.env._(
            "No credit of %(client)s is open that could pay %(document)s. Issue a "
            "credit or receive a payment first.",
            **values,
        )

    def _sum_typed(self):
        """Return what is typed beside the documents, in the item's currency."""
        day = fields.Date.context_today(self)
        company = self._get_item().sudo().company_id
        return sum(
            line.currency_id._convert(line.amount, self.currency_id, company, day)
            for line in self.line_ids.filtered("currency_id")
        )

    def _simulate_remaining(self):
        """Return what is left of the credit, or due on the invoice, after the amounts.

        :raise UserError: when the amounts do not fit
        """
        item = self._get_item().sudo()._origin
        engine = in_plain_context(item)
        values = self._get_item_values()
        for credit, debit, amount in self._get_checked_allocations():
            if self.debit_line_id:
                engine._simulate_allocation(
                    credit._get_residual_values(), values, amount
                )
            else:
                engine._simulate_allocation(
                    values, debit._get_residual_values(), amount
                )
        return item.currency_id.round(abs(values["amount_residual_currency"]))

    def _get_item_values(self):
        """Return what the window's own item has to give or take, as the engine takes
        it."""
        return self._get_item().sudo()._origin._get_residual_values()

    def _check_pair(self, credit, debit):
        """Make sure a credit and a debt fit each other.

        :raise UserError: otherwise
        """
        credit._check_allocation_pair(debit)

    def _fill_line(self, line):
        """Set beside a document what is due on it, as far as there is still something
        to give.

        :param line: the `client.credit.allocation.line`, with no amount
        """
        credit, debit = (item._origin for item in line._get_pair())
        # Nothing of an item a caller sent: confirming refuses it in words.
        if not credit._is_same_client(debit):
            return
        self._check_may_see(credit._get_client_account())
        engine = in_plain_context(credit)
        values = {
            item: item._get_residual_values() for item in (credit | debit) if item
        }
        own = self._get_item().sudo()._origin
        values[own] = self._get_item_values()
        for other in self.line_ids.filtered("amount") - line:
            pair = [item._origin for item in other._get_pair()]
            for item in pair:
                values.setdefault(item, item._get_residual_values())
            engine._simulate_allocation(*(values[item] for item in pair), other.amount)
        if not any(engine._is_settled(values[item]) for item in (credit, debit)):
            line.amount = engine._simulate_allocation(values[credit], values[debit])

    def _get_checked_allocations(self):
        """Return what is typed, each debt with no more than is due on it.

        :return: list of (credit item, debit item, amount in the debit item's currency)
        :raise UserError: when an amount is none, or too much is typed for a debt
        """
        allocations = []
        asked = defaultdict(float)
        for line in self.line_ids.filtered("amount"):
            credit, debit = (item._origin for item in line._get_pair())
            self._check_pair(credit, debit)
            amount = check_amount(
                self.env, debit._get_client_name(), line.amount, debit.currency_id
            )
            asked[debit] += amount
            allocations.append((credit, debit, amount))
        for debit, amount in asked.items():
            debit._check_amount_due(amount)
        if self.full_only:
            self._check_covers(asked)
        return allocations

    def _get_item(self):
        """Return the item the wizard was opened from."""
        self.ensure_one()
        return self.credit_line_id or self.debit_line_id

    def _search_line_items(self, limit=ALL_ITEMS):
        """Override of `client.open.lines.mixin`: what fits the window's own item."""
        # Sudo: officers need no right to read journal items of their clients.
        item = self._get_item().sudo()._origin
        if item.account_type != "asset_receivable" or not item.partner_id:
            return item.browse()
        account = item._get_client_account()
        self._check_may_see(account)
        account = account.sudo()
        ids = account._fetch_first_open_item_ids(
            1 if self.credit_line_id else -1,
            limit,
            scope={**account._get_whole_scope(), "accounts": item.account_id.ids},
            condition=SQL("%s AND %s", self._get_fitting_sql(), self._get_search_sql()),
        )
        return item.browse(ids)._sorted_for_allocation()

    def _get_fitting_sql(self):
        """Return the condition that a document is not being paid already and, of a
        debt, may be paid with credit.

        :return: `SQL` on the alias `line` of account_move_line
        """
        if self.debit_line_id:
            return self._get_payable_sql()
        return SQL(
            "%s AND NOT %s",
            self._get_payable_sql(),
            self.env["account.move"]._get_credit_excluded_sql(SQL("line.move_id")),
        )

    def _get_preset_amounts(self):
        """Override of `client.open.lines.mixin`: what the credit gives to the documents
        that were ticked before, the earliest due first."""
        ids = self._get_ticked_ids()
        # Sudo: officers need no right to read journal items of their clients.
        credit = self.credit_line_id.sudo()._origin
        if not ids or not credit:
            return {}
        debits = self._search_line_items().filtered(lambda line: line.id in ids)
        plan = credit._plan_allocations(credit, debits)
        return {debit: amount for _credit, debit, amount in plan}

    def _check_may_see(self, account):
        """Make sure the user may act on the client whose items the wizard shows.

        The lines are computed under sudo, which says nothing of the user's own rights.

        :raise AccessError: otherwise
        """
        account.sudo(False)._check_officer()

    def _get_wizard_clients(self, vals):
        return self.env["res.partner"].union(
            *(
                wizard._get_item().sudo().partner_id.commercial_partner_id
                for wizard in self
            )
        )

    # === Actions ===

    def action_oldest_first(self):
        """Fill in the amounts earliest due first, as far as the credit goes."""
        self._check_one_wizard()
        self._check_item()
        self._write_planned(self._plan_oldest_first())
        return self._reopen()

    def _plan_oldest_first(self):
        """Return what the documents get, earliest due first, {item: amount}."""
        # Sudo: officers need no right to read journal items of their clients.
        own, others = self._get_item().sudo()._origin, self._get_items_to_fill()
        credits, debits = (own, others) if self.credit_line_id else (others, own)
        if self.full_only:
            debits = debits._filter_creditable()
            plan = own._plan_allocations(credits, debits, full_only=True)
        else:
            # Of thousands only those the credit goes to are looked at.
            plan = own._plan_groups(credits, debits._iterate_creditable())
        side = 1 if self.credit_line_id else 0
        return {pair[side]: pair[2] for pair in plan}

    def action_clear(self):
        """Set all amounts to zero."""
        self._check_one_wizard()
        self._check_item()
        self._write_planned({})
        return self._reopen()

    def action_show_more(self):
        """Show more of the documents that are found."""
        self._check_one_wizard()
        self._check_item()
        self._show_more_lines()
        return self._reopen()

    @books_once
    def action_allocate(self):
        """Set the amounts typed against the invoices, and close.

        :raise UserError: when an amount is refused; nothing is booked
        """
        self._check_item()
        allocations = self._get_checked_allocations()
        if not allocations:
            raise UserError(
                self.nothing_open
                or self.env._(
                    "Enter an amount for %(client)s beside at least one document, or "
                    "choose “Earliest Due First”.",
                    client=self.partner_id.display_name,
                )
            )
        debits = allocations[0][1].union(*(debit for _credit, debit, _a in allocations))
        if excluded := debits.move_id._filter_credit_excluded():
            debit = debits.filtered(lambda line: line.move_id in excluded)[0]
            raise UserError(debit._get_credit_excluded_message())
        partials = self._book(allocations)
        return self._get_done_action(
            self._get_done_message(partials),
            self.env["account.move"],
            offers=[(self.env._("Undo"), self, "action_undo")],
        )

    def _book(self, allocations):
        """Allocate what was typed.

        :param allocations: from `_get_checked_allocations`
        :return: the `account.partial.reconcile` made, under sudo
        """
        # Sudo: allocating is the officer's right, journal items need not be.
        partials = self.env["account.move.line"].sudo()._allocate_amounts(allocations)
        self._keep_booked(self.env["account.move"], partials)
        return partials

    def _get_done_message(self, partials):
        """Return what was done, in a sentence; the chatter keeps each part."""
        # Sudo: officers need no right to read journal items of their clients.
        account = self._get_item().sudo()._get_client_account()
        account._log_acts(
            [
                (
                    account,
                    self.env._(
                        "%(amount)s of %(credit)s allocated to %(document)s.",
                        amount=partial.debit_currency_id.format(
                            partial.debit_amount_currency
                        ),
                        credit=partial.credit_move_id.move_id.display_name,
                        document=partial.debit_move_id.move_id.display_name,
                    ),
                )
                for partial in partials
            ]
        )
        documents = partials.debit_move_id.move_id | partials.credit_move_id.move_id
        others = documents - self._get_item().sudo().move_id
        return (
            self.env._(
                "%(document)s of %(client)s allocated to %(others)s.",
                document=self.document_name,
                client=self.partner_id.display_name,
                others=", ".join(others.mapped("display_name")[:5]),
            )
            if self.credit_line_id
            else self.env._(
                "%(others)s allocated to %(document)s of %(client)s.",
                document=self.document_name,
                client=self.partner_id.display_name,
                others=", ".join(others.mapped("display_name")[:5]),
            )
        )

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: remove the allocations."""
        return self._undo_allocations(partials_sudo, self.partner_id.display_name)

    def _check_covers(self, asked):
        """Make sure amounts cover whole invoices, with all of their instalments.

        :param dict asked: {debit item: amount in its currency}
        :raise UserError: otherwise
        """
        for move in {debit.move_id: True for debit in asked}:
            debts = move._get_client_debts()
            amount = sum(asked.get(debt, 0.0) for debt in debts)
            due = sum(debts.mapped("amount_residual_currency"))
            if move.currency_id.compare_amounts(amount, due) == 0:
                continue
            raise UserError(
                self.env._(
                    "%(amount)s does not cover %(document)s of %(client)s whole. Enter "
                    "%(due)s or untick “Whole Invoices Only”.",
                    amount=move.currency_id.format(amount),
                    document=move.display_name,
                    client=self.partner_id.display_name,
                    due=move.currency_id.format(due),
                )
            )

    def _check_item(self):
        """Make sure the wizard has exactly one side and the user may act on its client.

        :raise UserError: when it has none or both
        """
        if bool(self.credit_line_id) == bool(self.debit_line_id):
            raise UserError(
                self.env._(
                    "Open this window from one credit or from one invoice of a client."
                )
            )
        # Sudo: officers need no right to read journal items of their clients.
        account = self._get_item().sudo()._get_client_account()
        account.sudo(self.env.su)._check_officer()

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Allocate Credit"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }
