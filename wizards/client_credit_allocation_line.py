from odoo import api, fields, models


class ClientCreditAllocationLine(models.TransientModel):
    _name = "client.credit.allocation.line"
    _description = "Client Credit Allocation Line"
    _inherit = ["client.amount.mixin"]
    _order = "sequence, id"

    allocation_id = fields.Many2one(
        "client.credit.allocation", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    debit_line_id = fields.Many2one(
        "account.move.line", string="Invoice or Charge", ondelete="cascade"
    )
    credit_line_id = fields.Many2one(
        "account.move.line", string="Credit", ondelete="cascade"
    )
    amount = fields.Monetary(help="In the currency of the invoice.")
    is_ticked = fields.Boolean(
        string="Allocate",
        compute="_compute_is_ticked",
        readonly=False,
        help="Fills in what is due, as far as there is still something to give.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_line_values")
    document_name = fields.Char(string="Document", compute="_compute_line_values")
    document_reason = fields.Char(string="Reason", compute="_compute_line_values")
    date = fields.Date(compute="_compute_line_values")
    date_due = fields.Date(string="Due Date", compute="_compute_line_values")
    amount_open = fields.Monetary(
        string="Open",
        compute="_compute_line_values",
        currency_field="open_currency_id",
        help="What is due on the invoice, or left of the credit.",
    )
    open_currency_id = fields.Many2one("res.currency", compute="_compute_line_values")

    _amount_range = models.Constraint(
        "CHECK(amount >= 0 AND amount < 1000000000000)",
        "An allocated amount is zero or above, and below 1,000,000,000,000.",
    )

    @api.depends(
        "debit_line_id",
        "credit_line_id",
        "allocation_id.debit_line_id",
        "allocation_id.credit_line_id",
    )
    def _compute_line_values(self):
        for wizard, lines in self.grouped("allocation_id").items():
            # Sudo: officers need no right to read journal items of their clients.
            own = wizard._get_item().sudo()._origin
            side = "debit_line_id" if wizard.credit_line_id else "credit_line_id"
            for line in lines:
                item = line.sudo()[side]._origin
                debit = item if wizard.credit_line_id else own
                line.currency_id = debit.currency_id
                if not item._is_same_client(own):
                    # Nothing of an item a caller sent: confirming refuses it in words.
                    item = item.browse()
                line.document_name = item.move_id.name
                line.document_reason = item.client_credit_reason
                line.date = item.date
                line.date_due = item.date_maturity
                line.amount_open = abs(item.amount_residual_currency)
                line.open_currency_id = item.currency_id

    @api.depends("amount")
    def _compute_is_ticked(self):
        for line in self:
            line.is_ticked = bool(line.amount)

    @api.onchange("is_ticked")
    def _onchange_is_ticked(self):
        if self.is_ticked and not self.amount:
            self.allocation_id._fill_line(self)
            self.is_ticked = bool(self.amount)
        elif not self.is_ticked and self.amount:
            self.amount = 0.0

    def _get_pair(self):
        """Return the credit and the debit item: one is always the wizard's.

        :return: tuple of two `account.move.line`, under sudo as officers need no right
            to read journal items of their clients
        """
        self.ensure_one()
        wizard = self.allocation_id.sudo()
        if wizard.credit_line_id:
            return wizard.credit_line_id, self.sudo().debit_line_id
        return self.sudo().credit_line_id, wizard.debit_line_id

    def _get_wizard_clients(self, vals):
        wizard = self.allocation_id or self.allocation_id.browse(
            vals.get("allocation_id") or []
        )
        return wizard.exists()._get_wizard_clients({})
