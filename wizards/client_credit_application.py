from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from .client_once_mixin import books_once

# More pairs than anybody reads: the rest is applied when the window is opened again.
MOST_PAIRS = 200


class ClientCreditApplication(models.TransientModel):
    """Show which credit would go to which debt of one client, to be changed and then
    applied."""

    _name = "client.credit.application"
    _description = "Apply Credits"
    _inherit = ["client.once.mixin"]

    account_id = fields.Many2one(
        "client.account", string="Client", required=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="account_id.currency_id")
    line_ids = fields.One2many(
        "client.credit.application.line",
        "application_id",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    total = fields.Monetary(
        compute="_compute_total", help="Applied in all, in company currency."
    )

    @api.depends("account_id")
    def _compute_line_ids(self):
        for wizard in self:
            # Computed under sudo, which says nothing of the user's own rights.
            wizard.account_id.sudo(False)._check_officer()
            wizard.line_ids = [
                Command.clear(),
                *(
                    Command.create(
                        {
                            "credit_line_id": credit.id,
                            "debit_line_id": debit.id,
                            "amount": amount,
                        }
                    )
                    for credit, debit, amount in wizard.account_id._plan_credits()[
                        :MOST_PAIRS
                    ]
                ),
            ]

    @api.constrains("account_id")
    def _check_account_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_officer()

    @api.depends("line_ids.amount")
    def _compute_total(self):
        for wizard in self:
            company = wizard.account_id.sudo().company_id
            wizard.total = sum(
                line.currency_id._convert(
                    line.amount,
                    wizard.currency_id,
                    company,
                    fields.Date.context_today(wizard),
                )
                for line in wizard.line_ids.filtered("currency_id")
            )

    @books_once
    def action_apply(self):
        """Allocate the amounts as they are shown.

        :return: an action that says what was applied
        :raise UserError: when an amount is refused; nothing is booked
        """
        self.account_id._check_officer()
        allocations = [
            (line._get_item("credit"), line._get_item("debit"), line.amount)
            for line in self.line_ids.filtered("amount")
        ]
        name = self.account_id.display_name
        if not allocations:
            raise UserError(
                self.env._("No amount of credit is left to apply for %s.", name)
            )
        if not all(credit and debit for credit, debit, _amount in allocations):
            raise UserError(
                self.env._("Choose credits and open documents of %s only.", name)
            )
        debits = allocations[0][1].union(*(debit for _credit, debit, _a in allocations))
        if excluded := debits.move_id._filter_credit_excluded():
            debit = debits.filtered(lambda line: line.move_id in excluded)[0]
            raise UserError(debit._get_credit_excluded_message())
        # Sudo: allocating is the officer's right, journal items need not be.
        lines = self.env["account.move.line"].sudo()
        partials = lines._allocate_amounts(allocations)
        self._keep_booked(self.env["account.move"], partials)
        message = self.env._(
            "%(amount)s of credit applied for %(client)s.",
            amount=self.currency_id.format(sum(partials.mapped("amount"))),
            client=name,
        )
        self.account_id._log_acts([(self.account_id, message)])
        return self._get_done_action(
            message,
            self.env["account.move"],
            offers=[(self.env._("Undo"), self, "action_undo")],
        )

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: remove the allocations."""
        return self._undo_allocations(partials_sudo, self.account_id.display_name)


class ClientCreditApplicationLine(models.TransientModel):
    _name = "client.credit.application.line"
    _description = "Apply Credits Line"
    _inherit = ["client.amount.mixin"]
    _order = "id"

    application_id = fields.Many2one(
        "client.credit.application", required=True, ondelete="cascade", index=True
    )
    credit_line_id = fields.Many2one(
        "account.move.line", string="Credit Item", required=True, ondelete="cascade"
    )
    debit_line_id = fields.Many2one(
        "account.move.line",
        string="Invoice or Charge",
        required=True,
        ondelete="cascade",
    )
    amount = fields.Monetary(help="In the currency of the invoice.")
    currency_id = fields.Many2one("res.currency", compute="_compute_line_values")
    credit_name = fields.Char(string="Credit", compute="_compute_line_values")
    credit_reason = fields.Char(string="Reason", compute="_compute_line_values")
    debit_name = fields.Char(string="Document", compute="_compute_line_values")
    date_due = fields.Date(string="Due Date", compute="_compute_line_values")
    amount_open = fields.Monetary(string="Amount Due", compute="_compute_line_values")

    _amount_range = models.Constraint(
        "CHECK(amount >= 0 AND amount < 1000000000000)",
        "An allocated amount is zero or above, and below 1,000,000,000,000.",
    )

    @api.depends("credit_line_id", "debit_line_id", "application_id.account_id")
    def _compute_line_values(self):
        for line in self:
            # Nothing of an item a caller sent: confirming refuses it in words.
            credit, debit = line._get_item("credit"), line._get_item("debit")
            line.currency_id = debit.currency_id
            line.credit_name = credit.move_id.name
            line.credit_reason = credit.client_credit_reason
            line.debit_name = debit.move_id.display_name
            line.date_due = debit.date_maturity
            line.amount_open = debit.amount_residual_currency

    def _get_item(self, side):
        """Return the credit or debit item, none where it is not the client's.

        :return: `account.move.line` under sudo: officers need no right to read journal
            items of their clients
        """
        self.ensure_one()
        item = self[f"{side}_line_id"].sudo()._origin
        account = self.application_id.account_id.sudo()
        return item if item._belongs_to(account) else item.browse()

    def _get_wizard_clients(self, vals):
        wizard = self.application_id or self.application_id.browse(
            vals.get("application_id") or []
        )
        return wizard.exists().account_id.partner_id
