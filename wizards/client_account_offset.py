from odoo import api, fields, models

from .client_once_mixin import books_once


class ClientAccountOffset(models.TransientModel):
    """Set what a client owes off against bills of the same contact."""

    _name = "client.account.offset"
    _description = "Set Off Bills"
    _inherit = ["client.once.mixin"]

    account_id = fields.Many2one(
        "client.account", string="Client", required=True, ondelete="cascade"
    )
    currency_id = fields.Many2one(related="account_id.currency_id")
    amount_debts = fields.Monetary(
        string="Open Debts",
        compute="_compute_sides",
        help="Open invoices and charges that may be set off.",
    )
    amount_bills = fields.Monetary(
        string="Open Bills",
        compute="_compute_sides",
        help="What is open on posted bills of the same contact.",
    )
    amount = fields.Monetary(
        compute="_compute_amount",
        store=True,
        readonly=False,
        help="At first all that is open on both sides. The earliest due is closed "
        "first.",
    )
    note = fields.Char(
        compute="_compute_sides", help="Documents that are left out, and why."
    )
    preview = fields.Char(
        compute="_compute_preview", help="The balance now, and as it will be."
    )

    # === Compute ===

    @api.depends("account_id")
    def _compute_sides(self):
        for wizard in self:
            account = wizard._get_seen_account()
            wizard.amount_debts = wizard.amount_bills = 0.0
            wizard.note = ""
            if account:
                debts, bills = (
                    account._search_open_debts(),
                    account._search_open_bills(),
                )
                wizard.amount_debts = sum(debts.mapped("amount_residual"))
                wizard.amount_bills = -sum(bills.mapped("amount_residual"))
                wizard.note = account._tell_left_out(account._plan_offset())

    @api.depends("account_id")
    def _compute_amount(self):
        for wizard in self:
            account = wizard._get_seen_account()
            wizard.amount = account and account._plan_offset().amount

    @api.depends("account_id", "amount")
    def _compute_preview(self):
        for wizard in self:
            account = wizard._get_seen_account()
            wizard.preview = account and wizard._format_preview(account, wizard.amount)

    def _get_seen_account(self):
        """Return the account, whose bills are for the user to see.

        :raise AccessError: otherwise
        """
        # Computes may run under sudo, which says nothing of the user's own rights.
        account = self.account_id._origin.sudo(False)
        account._check_biller()
        return account

    @api.constrains("account_id")
    def _check_account_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_may_set_off()

    # === Actions ===

    @books_once
    def action_confirm(self):
        """Set the amount off.

        :return: an action that says so
        :raise UserError: when a value is refused; nothing is booked
        """
        account = self.account_id
        move = self.env["account.move"].browse(account.set_off_bills(self.amount))
        self._keep_booked(move)
        message = self.env._(
            "%(amount)s of %(client)s set off.",
            amount=self.currency_id.format(self.amount),
            client=account.display_name,
        )
        return self._get_done_action(
            f"{message} {self._format_new_balance(account)}",
            move,
            offers=[(self.env._("Undo"), self, "action_undo")],
        )

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: delete the entry, and open both sides."""
        message = self._undo_adjustments(moves_sudo, partials_sudo)
        return f"{message} {self._format_new_balance(self.account_id)}"
