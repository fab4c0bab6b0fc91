from odoo import models
from odoo.exceptions import UserError

from ..utils import in_plain_context


class AccountMove(models.Model):
    """Entries that move credit from one client to another.

    The giver's item is closed in the step that posts it, and stays so as long as the
    entry does: it is never a debt. The receiver's item is account credit as any other.
    """

    _inherit = "account.move"

    def _is_transfer(self):
        """Tell whether this entry moves credit from one client to another."""
        # Sudo: marks are read to decide, not shown.
        return self.sudo().client_adjustment == "transfer"

    def _get_transfer_debits(self):
        """Return the items of givers of those of these entries that move credit."""
        return (
            self.filtered(lambda move: move._is_transfer())
            ._get_receivable_items()
            .filtered(lambda line: line.balance > 0)
        )

    def _get_giver_account(self):
        """Return the account that this entry has moved credit from."""
        client = self._get_transfer_debits().partner_id
        return self.env["client.account"]._get_or_create(client, self.company_id)

    # === Posting ===

    def _is_balance_gated(self):
        """Override to guard the giver as from a charge: who moves credit wants to."""
        return super()._is_balance_gated() or self._is_transfer()

    def _get_refused_name(self):
        """Override to name what a user did instead of an entry."""
        if self and self._is_transfer():
            return self.env._("The move of credit")
        return super()._get_refused_name()

    def _gives_credit_by_itself(self):
        """Override: what the receiver gets may be applied at once."""
        return super()._gives_credit_by_itself() or self._is_transfer()

    def _settle_posted(self, receivables):
        """Override to close what these take from givers, once that is judged."""
        result = super()._settle_posted(receivables)
        self._close_transfer_debits()
        return result

    def _close_transfer_debits(self):
        """Set the items of givers against their open credits, the oldest first.

        :raise UserError: when the credits do not reach
        """
        # Sudo: it is part of posting, journal items need not be the user's.
        for debit in in_plain_context(self.sudo())._get_transfer_debits():
            credits = debit._search_open_credits()._filter_begun()
            debit._reconcile_planned(debit._plan_allocations(credits, debit))
            if debit._get_open_sign():
                raise UserError(
                    self.env._(
                        "The open credit of %(client)s is %(missing)s short at the "
                        "rates of today. Move a smaller amount.",
                        client=debit._get_client_name(),
                        missing=debit.currency_id.format(
                            debit.amount_residual_currency
                        ),
                    )
                )
            debit.move_id._keep_last_day(debit.matched_credit_ids.credit_move_id)

    def _keep_last_day(self, credits):
        """Let moved credit expire where all that it was taken from does, on the latest
        of those days: moving gives no credit for good, and takes none early.

        :param credits: the items it was taken from
        """
        days = credits.move_id.mapped("client_expiry_date")
        if days and all(days):
            self.client_expiry_date = max(days)

    # === As an adjustment ===

    def _get_adjustment_amount(self):
        """Override: what one client gives, another receives."""
        if not self._is_transfer():
            return super()._get_adjustment_amount()
        return sum(self._get_transfer_debits().mapped("balance"))

    def _get_adjustment_accounts(self):
        """Override to name the giver's account, too."""
        accounts = super()._get_adjustment_accounts()
        if self._is_transfer():
            accounts |= self._get_giver_account()
        return accounts

    def _is_adjustment_of(self, account, values):
        """Override: the account gives, and the receiver is the same."""
        if not self._is_transfer() or values["kind"] != "transfer":
            return super()._is_adjustment_of(account, values)
        receiver = values["receiver"].sudo().partner_id
        return (
            self._get_giver_account() == account
            and self.commercial_partner_id == receiver
        )

    def _get_own_allocations(self):
        """Override: what the giver's item was set against."""
        debits = self.filtered(lambda move: move.state == "posted")
        return (
            super()._get_own_allocations()
            | debits._get_transfer_debits().matched_credit_ids
        )

    def _get_keep_reason(self):
        """Override: what is closed already on one side is not changed on the other."""
        if not self._is_transfer():
            return super()._get_keep_reason()
        return self.env._(
            "%s moved credit from one client to another and stays as it is. Delete it "
            "from the client's account, and move another amount.",
            self.display_name,
        )

    def _get_deletion_sentence(self):
        """Override to say whose the credit is again."""
        if not self._is_transfer():
            return super()._get_deletion_sentence()
        return self.env._(
            "The credit of %(amount)s that %(move)s moved to %(client)s is %(giver)s's "
            "again.",
            amount=self._format_adjustment(),
            move=self.display_name,
            client=self.commercial_partner_id.display_name,
            giver=self._get_giver_account().display_name,
        )

    # === Reset and reverse ===

    def button_draft(self):
        """Override of `account` to keep together what moved credit, on both sides.

        Deleting, which is the addon's own, takes both back.
        """
        self._check_none_moved()
        if not self.env.su:
            self._check_may_change()
        return super().button_draft()

    def _check_none_moved(self):
        """Make sure that no credit of these documents is another client's now.

        :raise UserError: otherwise
        """
        # Sudo: matches are looked at to decide, not shown.
        moves = self.sudo()
        parts = moves._get_receivable_items().matched_debit_ids
        transfers = parts.debit_move_id.move_id.filtered(
            lambda move: move.state == "posted" and move._is_transfer()
        )
        if transfers - moves:
            raise UserError(
                self.env._(
                    "Credit of %(credits)s was moved to another client with "
                    "%(transfers)s. Delete that first, for the credit to be here "
                    "again.",
                    credits=", ".join(moves.mapped("display_name")[:5]),
                    transfers=", ".join(transfers.mapped("display_name")[:5]),
                )
            )

    def _reconcile_reversed_moves(self, reverse_moves, move_reverse_cancel):
        """Override of `account` to match each client's items with each other: Odoo
        takes all of an account, and these are of two clients."""
        # As Odoo pairs them: it may have lost one of two that reverse the same entry.
        pairs = list(zip(self, reverse_moves, strict=False))
        for move, reversal in pairs:
            if move._is_transfer():
                items = (move | reversal)._get_receivable_items()
                for lines in items._group_by_client().values():
                    lines.filtered(lambda line: not line.reconciled).reconcile()
        others = [pair for pair in pairs if not pair[0]._is_transfer()]
        super(
            AccountMove, self.browse(move.id for move, _reversal in others)
        )._reconcile_reversed_moves(
            self.browse(reversal.id for _move, reversal in others), move_reverse_cancel
        )
        return reverse_moves

    # === Chatter ===

    def _log_transfer(self):
        """Write on both accounts that this entry has moved credit."""
        self.ensure_one()
        giver, receiver = self._get_giver_account(), self._get_client_account()
        values = {
            "amount": self._format_adjustment(),
            "move": self.name,
            "reason": self.client_adjustment_reason,
        }
        self.env["client.account"]._log_acts(
            [
                (
                    giver,
                    self.env._(
                        "%(amount)s of credit moved to %(client)s with %(move)s: "
                        "%(reason)s",
                        client=receiver.display_name,
                        **values,
                    ),
                ),
                (
                    receiver,
                    self.env._(
                        "%(amount)s of credit moved here from %(client)s with "
                        "%(move)s: %(reason)s",
                        client=giver.display_name,
                        **values,
                    ),
                ),
            ]
        )


class AccountMoveLine(models.Model):
    """What staff reads of moved credit, and of bills that were set off."""

    _inherit = "account.move.line"

    def _get_adjustment_words(self):
        """Return to or from whom this item moved credit, or against which bills it was
        set off, in words.

        :return: a sentence with the reason; an empty text for other items
        """
        self.ensure_one()
        if self.move_id._is_offset():
            return self.env._(
                "Set off against bills: %(bills)s",
                bills=self.move_id.sudo().client_adjustment_reason,
            )
        # Sudo: whoever may read one side of the entry is told the other's name.
        move_sudo = self.move_id.sudo()
        if not move_sudo._is_transfer() or self.account_type != "asset_receivable":
            return ""
        reason = move_sudo.client_adjustment_reason or ""
        if self.balance > 0:
            return self.env._(
                "Credit moved to %(client)s: %(reason)s",
                client=move_sudo.commercial_partner_id.display_name,
                reason=reason,
            )
        return self.env._(
            "Credit moved from %(client)s: %(reason)s",
            client=move_sudo._get_transfer_debits().partner_id.display_name,
            reason=reason,
        )
