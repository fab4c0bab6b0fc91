from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..utils import in_plain_context


class ClientCreditAllocation(models.TransientModel):
    """Move a part of a credit from one invoice to others, in one step."""

    _inherit = "client.credit.allocation"

    source_line_id = fields.Many2one(
        "account.move.line",
        string="Taken From",
        ondelete="cascade",
        help="The invoice that this credit was allocated to; others get of it.",
    )
    source_name = fields.Char(string="From", compute="_compute_source_name")

    @api.depends("source_line_id", "credit_line_id")
    def _compute_source_name(self):
        for wizard in self:
            # Nothing of an item a caller sent: confirming refuses it in words.
            source = wizard._get_parts().debit_move_id
            wizard.source_name = source.move_id.display_name

    @api.depends("source_line_id")
    def _compute_item(self):
        """Override: no more is moved than the invoice has of the credit."""
        result = super()._compute_item()
        for wizard in self:
            if wizard.source_line_id:
                parts = wizard._get_parts()
                wizard.amount_open = sum(parts.mapped("credit_amount_currency"))
        return result

    def _get_parts(self):
        """Return what the invoice has of the credit, nothing where nothing is left.

        :return: `account.partial.reconcile` under sudo: officers need no right to read
            those of their clients
        """
        self.ensure_one()
        source = self.source_line_id.sudo()._origin
        credit = self.credit_line_id.sudo()._origin
        if source and credit.partner_id:
            self._check_may_see(credit._get_client_account())
        return source.matched_credit_ids.filtered(
            lambda partial: partial.credit_move_id == credit
        )

    def _get_item_values(self):
        """Override: what there is to give is what the invoice has."""
        values = super()._get_item_values()
        if self.source_line_id:
            parts = self._get_parts()
            values["amount_residual"] = -sum(parts.mapped("amount"))
            values["amount_residual_currency"] = -sum(
                parts.mapped("credit_amount_currency")
            )
        return values

    def _check_pair(self, credit, debit):
        """Override: a credit of which nothing is left may give to another invoice."""
        if not self.source_line_id:
            return super()._check_pair(credit, debit)
        if problem := credit._get_pair_problem(debit):
            raise UserError(problem)
        return None

    def _get_nothing_open_message(self):
        """Override to say that there is no other document to move it to."""
        if not self.source_line_id:
            return super()._get_nothing_open_message()
        return self.env._(
            "No other invoice or charge of %(client)s is open that %(document)s could "
            "be moved to. Post an invoice or charge the account first, or remove the "
            "allocation.",
            client=self.partner_id.display_name,
            document=self.document_name,
        )

    def _get_fitting_sql(self):
        """Override to leave out the invoice that the part is taken from."""
        fitting = super()._get_fitting_sql()
        if not self.source_line_id:
            return fitting
        return SQL("%s AND line.id <> %s", fitting, self.source_line_id._origin.id)

    def _plan_oldest_first(self):
        """Override to plan with what the invoice has alone."""
        if not self.source_line_id:
            return super()._plan_oldest_first()
        engine = in_plain_context(self._get_item().sudo()._origin)
        values = self._get_item_values()
        plan = {}
        for debit in self._get_items_to_fill():
            if engine._is_settled(values):
                break
            plan[debit] = engine._simulate_allocation(
                values, debit._get_residual_values()
            )
        return plan

    def _check_item(self):
        """Override to make sure that there is something to move, and the user's to.

        :raise UserError: otherwise
        """
        super()._check_item()
        if not self.source_line_id:
            return
        parts = self._get_parts()
        if not parts:
            raise UserError(
                self.env._(
                    "Nothing of %s is allocated there any more. Open the credit again "
                    "to see where it is.",
                    self.document_name,
                )
            )
        for part in parts:
            part._check_client_allocation(self.env.su)

    def _book(self, allocations):
        """Override to take it off first, and put back what is not moved."""
        if not self.source_line_id:
            return super()._book(allocations)
        parts = self._get_parts()
        credit, source = parts.credit_move_id, parts.debit_move_id
        before = sum(parts.mapped("debit_amount_currency"))
        rest = self._get_rest(parts)
        parts.sudo(self.env.su).action_remove_client_allocation()
        if rest:
            allocations = [(credit, source, rest), *allocations]
        partials = super()._book(allocations)
        # Sudo: what a window has booked is no caller's to write.
        self.sudo().booked = self.booked | {"moved": before}
        return partials

    def _get_done_message(self, partials):
        """Override to say from where to where."""
        message = super()._get_done_message(partials)
        if not self.source_line_id:
            return message
        # Sudo: officers need no right to read journal items of their clients.
        source = self.source_line_id.sudo().move_id
        others = partials.debit_move_id.move_id - source
        return self.env._(
            "%(credit)s of %(client)s moved from %(origin)s to %(others)s.",
            credit=self.document_name,
            client=self.partner_id.display_name,
            origin=source.display_name,
            others=", ".join(others.mapped("display_name")[:5]),
        )

    def _get_rest(self, parts):
        """Return what of the parts stays where it is, in the invoice's currency.

        :param parts: the `account.partial.reconcile`, before they are taken off
        """
        currency = parts.debit_currency_id
        rest = self._simulate_remaining()
        had = sum(parts.mapped("debit_amount_currency"))
        given = sum(parts.mapped("credit_amount_currency"))
        if parts.credit_currency_id != currency and given:
            rest *= had / given
        return currency.round(min(rest, had))

    def _undo(self, moves_sudo, partials_sudo):
        """Override to give the invoice back what was taken from it."""
        before = self.booked.get("moved")
        message = super()._undo(moves_sudo, partials_sudo)
        if not before:
            return message
        # Sudo: officers need no right to read journal items of their clients.
        credit, source = self.credit_line_id.sudo(), self.source_line_id.sudo()
        credit._allocate_amounts([(credit, source, before)])
        return self.env._(
            "%(credit)s is allocated to %(document)s again.",
            credit=self.document_name,
            document=source.move_id.display_name,
        )

    def _reopen(self):
        """Override to keep the window's title."""
        action = super()._reopen()
        if self.source_line_id:
            action["name"] = self.env._("Move Credit to Another Invoice")
        return action
