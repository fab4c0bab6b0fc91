from odoo import api, models
from odoo.exceptions import UserError

from .account_move_line_allocation import CreditWorth


class AccountMoveLine(models.Model):
    """Items of write-offs: settled to the cent in both currencies, and asked for."""

    _inherit = "account.move.line"

    @api.model
    def _with_credit_worth(self, debit_values, credit_values, held_back):
        """Extend it to settle a write-off at the rate of what is left.

        What is left of an item may be at another rate than the item, as exchange
        differences and roundings fall to the last part: the two would be closed by an
        exchange difference each, in opposite directions.
        """
        debit, credit = debit_values["aml"], credit_values["aml"]
        currency, residual = debit.currency_id, debit_values["amount_residual"]
        if (
            credit.currency_id == currency != debit.company_currency_id
            and residual
            and debit_values["amount_residual_currency"]
            and residual == -credit_values["amount_residual"]
            # Sudo: the marks are read to decide, not shown.
            and any((debit | credit).sudo().move_id.mapped("client_write_off"))
        ):
            left = debit_values["amount_residual_currency"]
            return self.with_context(
                client_credit_worth=CreditWorth(left, left / residual)
            )
        return super()._with_credit_worth(debit_values, credit_values, held_back)

    def action_write_off_client_rest(self):
        """Open the window that writes off what is open on the documents of these items.

        :raise UserError: when no document may be written off, or they are of several
            companies
        """
        # Sudo: officers need no right to read journal items of their clients.
        items_sudo = self.sudo().filtered(
            lambda item: item.partner_id and item.account_type == "asset_receivable"
        )
        keys = list(items_sudo._group_by_client())
        roots = {root for _client, root in keys}
        if len(roots) != 1:
            raise UserError(
                self.env._("Tick open items of clients of one company first.")
            )
        accounts = self.env["client.account"]
        accounts = accounts._get_or_create(
            self.env["res.partner"].union(*(client for client, _root in keys)),
            *roots,
        ).sudo(self.env.su)
        accounts._check_officer()
        moves = items_sudo.move_id
        if not accounts._search_small_rests(moves=moves):
            raise UserError(accounts._get_no_rest_message(moves))
        action = accounts.action_write_off()
        action["context"]["client_write_off_move_ids"] = moves.ids
        return action
