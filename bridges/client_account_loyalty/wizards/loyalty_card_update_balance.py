import math

from odoo import models
from odoo.exceptions import UserError

from odoo.addons.client_account.const import MAX_REASON

# Nobody holds as many sessions: such a number is a typing mistake.
MAX_SESSIONS = 100_000


class LoyaltyCardUpdateBalance(models.TransientModel):
    """Odoo's window that adjusts a card, where the card holds session credits."""

    _inherit = "loyalty.card.update.balance"

    def action_update_card_point(self):
        """Override of `loyalty` to adjust session credits without a message to the
        client, and to refuse what no client can hold.

        :raise UserError: on a balance that is negative, no number or absurd
        """
        card = self.card_id
        if not card.sudo().program_id._filter_sessions():
            return super().action_update_card_point()
        card.check_access("read")
        self._check_session_balance()
        # Sudo: who may use this window adjusts by it alone and writes no cards.
        quiet_sudo = self.sudo().with_context(loyalty_no_mail=True)
        super(LoyaltyCardUpdateBalance, quiet_sudo).action_update_card_point()
        return {"type": "ir.actions.act_window_close"}

    def _check_session_balance(self):
        """Make sure that the new balance of one card is one a client can hold."""
        self.ensure_one()
        balance = self.new_balance
        names = {"card": self.card_id.display_name, "balance": balance}
        if not math.isfinite(balance) or balance < 0:
            raise UserError(
                self.env._(
                    "%(card)s cannot hold %(balance)s session credits. Type how many "
                    "are to be left: zero or more.",
                    **names,
                )
            )
        if balance >= MAX_SESSIONS:
            raise UserError(
                self.env._(
                    "%(card)s cannot hold %(balance)s session credits: it must be "
                    "below %(most)s. Check the number you typed.",
                    most=MAX_SESSIONS,
                    **names,
                )
            )
        if round(balance, 2) != balance:
            raise UserError(
                self.env._(
                    "%(card)s cannot hold %(balance)s session credits: they have at "
                    "most two decimals.",
                    **names,
                )
            )
        if not (self.description or "").strip():
            raise UserError(
                self.env._(
                    "Say why the session credits of %s are adjusted: it stands in the "
                    "history.",
                    self.card_id.display_name,
                )
            )
        if len(self.description) > MAX_REASON:
            raise UserError(
                self.env._("A reason has at most %s characters.", MAX_REASON)
            )
