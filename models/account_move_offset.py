from odoo import models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    """Entries that set what a client owes off against bills of the same contact.

    Both of their sides are closed in the step that books them, and stay so as long as
    the entry does.
    """

    _inherit = "account.move"

    def _is_offset(self):
        """Tell whether this entry sets off bills."""
        # Sudo: marks are read to decide, not shown.
        return self.sudo().client_adjustment == "offset"

    def _get_payable_items(self):
        """Return the payable items of these documents."""
        return self.line_ids.filtered(
            lambda line: line.account_type == "liability_payable"
        )

    def _get_client_allocations(self):
        """Override: what was set off stands on the payable side, too."""
        lines = self.filtered(lambda move: move._is_offset())._get_payable_items()
        return super()._get_client_allocations() | lines.matched_credit_ids

    def _get_own_allocations(self):
        """Override: all that an entry has set off, on both sides."""
        moves = self.filtered(lambda move: move._is_offset() and move.state == "posted")
        return super()._get_own_allocations() | moves._get_client_allocations()

    def _get_allocations_opened(self):
        """Override: what was set off is open again."""
        moves = self.filtered(lambda move: move._is_offset())
        return super()._get_allocations_opened() | moves._get_client_allocations()

    def _check_offset_closed(self):
        """Make sure an entry that sets off is closed on both sides.

        :raise UserError: otherwise
        """
        self.ensure_one()
        items = self._get_receivable_items() | self._get_payable_items()
        if any(item._get_open_sign() for item in items):
            raise UserError(
                self.env._(
                    "What was set off for %s did not close on both sides. Leave out "
                    "documents in a foreign currency by entering a smaller amount.",
                    self.commercial_partner_id.display_name,
                )
            )

    def _check_adjustment(self):
        """Override: what the company owes is for those who make bills."""
        result = super()._check_adjustment()
        for move in self:
            if move._is_offset():
                move.sudo()._get_client_account().sudo(self.env.su)._check_biller()
        return result

    def _get_keep_reason(self):
        """Override: what is closed on one side is not changed on the other."""
        if not self._is_offset():
            return super()._get_keep_reason()
        return self.env._(
            "%s set off bills and stays as it is. Delete it from the client's account, "
            "and set off another amount.",
            self.display_name,
        )

    def _get_deletion_sentence(self):
        """Override to say that nothing is set off any more."""
        if not self._is_offset():
            return super()._get_deletion_sentence()
        return self.env._(
            "%(amount)s of %(client)s is no longer set off by %(move)s.",
            amount=self._format_adjustment(),
            client=self.commercial_partner_id.display_name,
            move=self.display_name,
        )
