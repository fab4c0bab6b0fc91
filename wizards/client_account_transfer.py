from odoo import api, fields, models
from odoo.exceptions import UserError

from .client_once_mixin import books_once


class ClientAccountTransfer(models.TransientModel):
    """Move credit of one client to another."""

    _name = "client.account.transfer"
    _description = "Move Credit"
    _inherit = ["client.once.mixin"]
    _check_company_auto = True

    account_id = fields.Many2one(
        "client.account", string="From", required=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="account_id.company_id")
    currency_id = fields.Many2one(related="account_id.currency_id")
    partner_id = fields.Many2one(
        "res.partner",
        string="Receiver",
        check_company=True,
        help="Any contact: the account opens by itself.",
    )
    amount = fields.Monetary(
        compute="_compute_amount",
        store=True,
        readonly=False,
        help="At first all of the open credit whose date has come.",
    )
    reason = fields.Text(help="Shown in the history of both clients.")
    preview = fields.Char(
        compute="_compute_preview",
        help="The balance of who gives, now and as it will be.",
    )

    # === Compute ===

    @api.depends("account_id")
    def _compute_amount(self):
        for wizard in self:
            account = wizard._get_seen_account()
            wizard.amount = account and account._get_movable_credit().left

    @api.depends("account_id", "amount")
    def _compute_preview(self):
        for wizard in self:
            account = wizard._get_seen_account()
            wizard.preview = account and wizard._format_preview(account, -wizard.amount)

    def _get_seen_account(self):
        """Return the account that gives, which the user has to be an officer of.

        :raise AccessError: otherwise
        """
        # Computes may run under sudo, which says nothing of the user's own rights.
        account = self.account_id._origin.sudo(False)
        account._check_officer()
        return account

    @api.constrains("account_id")
    def _check_account_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_officer()

    # === Actions ===

    @books_once
    def action_confirm(self):
        """Move the credit.

        :return: an action that says so
        :raise UserError: when a value is refused; nothing is booked
        """
        account = self.account_id
        account._check_officer()
        if not self.partner_id:
            raise UserError(
                self.env._(
                    "Choose the client that credit of %s is moved to.",
                    account.display_name,
                )
            )
        self.partner_id.check_access("read")
        receiver = account._get_or_create(self.partner_id, self.company_id)
        move_id = account.transfer_credit(receiver, self.amount, self.reason)
        move = self.env["account.move"].browse(move_id)
        self._keep_booked(move)
        message = self.env._(
            "%(amount)s moved from %(client)s to %(receiver)s.",
            amount=self.currency_id.format(self.amount),
            client=account.display_name,
            receiver=receiver.display_name,
        )
        return self._get_done_action(
            f"{message} {self._format_new_balance(account)}",
            move,
            offers=[(self.env._("Undo"), self, "action_undo")],
        )

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: delete the entry, on both sides."""
        message = self._undo_adjustments(moves_sudo, partials_sudo)
        return f"{message} {self._format_new_balance(self.account_id)}"
