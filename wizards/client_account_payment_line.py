from odoo import api, fields, models


class ClientAccountPaymentLine(models.TransientModel):
    _name = "client.account.payment.line"
    _description = "Client Account Payment Line"
    _inherit = ["client.amount.mixin"]
    _order = "sequence, id"

    payment_id = fields.Many2one(
        "client.account.payment", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    debit_line_id = fields.Many2one(
        "account.move.line",
        string="Invoice or Charge",
        required=True,
        ondelete="cascade",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_line_values")
    document_name = fields.Char(string="Document", compute="_compute_line_values")
    date_due = fields.Date(string="Due Date", compute="_compute_line_values")
    amount_open = fields.Monetary(string="Due", compute="_compute_line_values")
    amount = fields.Monetary(help="In the currency of the invoice.")

    _amount_range = models.Constraint(
        "CHECK(amount >= 0 AND amount < 1000000000000)",
        "An allocated amount is zero or above, and below 1,000,000,000,000.",
    )

    @api.depends("debit_line_id")
    def _compute_line_values(self):
        for line in self:
            # Sudo: officers need no right to read journal items of their clients.
            debit = line.debit_line_id.sudo()._origin
            if not debit._belongs_to(line.payment_id.account_id.sudo()):
                # Nothing of an item a caller sent: confirming refuses it in words.
                debit = debit.browse()
            line.currency_id = debit.currency_id
            line.document_name = debit.move_id.name
            line.date_due = debit.date_maturity
            line.amount_open = debit.amount_residual_currency

    def _get_wizard_clients(self, vals):
        wizard = self.payment_id or self.payment_id.browse(vals.get("payment_id") or [])
        return wizard.exists().account_id.partner_id
