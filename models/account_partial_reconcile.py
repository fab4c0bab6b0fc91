from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    client_debit_document_id = fields.Many2one(
        "account.move", related="debit_move_id.move_id", string="Invoice or Charge"
    )
    client_credit_document_id = fields.Many2one(
        "account.move", related="credit_move_id.move_id", string="Credit Document"
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to keep the figures of client accounts fresh."""
        partials = super().create(vals_list)
        self.env["client.account"]._invalidate_figures()
        return partials

    def unlink(self):
        """Override of the ORM to keep the figures of client accounts fresh."""
        result = super().unlink()
        self.env["client.account"]._invalidate_figures()
        return result

    def action_remove_client_allocation(self):
        """Take allocations off: they return to the credit, the invoice is open again.

        :return: True
        :raise UserError: when one is no allocation of a client's credit
        """
        for partial in self.exists():
            # Sudo: undoing an allocation is the officer's right, partials need not be.
            partial_sudo = partial.sudo()
            debt = partial_sudo.debit_move_id
            if debt.account_type != "asset_receivable":
                raise UserError(
                    self.env._(
                        "%s is no invoice or charge of a client. Undo this matching "
                        "from its journal items.",
                        debt.move_id.display_name,
                    )
                )
            debt._get_client_account().sudo(self.env.su)._check_officer()
            credit = partial_sudo.credit_move_id.move_id
            document = debt.move_id
            amount = partial_sudo.debit_currency_id.format(
                partial_sudo.debit_amount_currency
            )
            partial_sudo.unlink()
            document.message_post(
                body=self.env._(
                    "%(amount)s of %(credit)s was taken off.",
                    amount=amount,
                    credit=credit.display_name,
                )
            )
        return True
