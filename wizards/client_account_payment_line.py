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
    amount_open = fields.Monetary(string="Amount Due", compute="_compute_line_values")
    discount = fields.Monetary(
        string="Early Payment Discount",
        compute="_compute_discount",
        help="Granted where what is due less the discount is paid in time.",
    )
    amount = fields.Monetary(help="In the currency of the invoice.")
    is_paid = fields.Boolean(
        string="Pay",
        compute="_compute_is_paid",
        readonly=False,
        help="Fills in what is due, less the early payment discount.",
    )

    _amount_range = models.Constraint(
        "CHECK(amount >= 0 AND amount < 1000000000000)",
        "An allocated amount is zero or above, and below 1,000,000,000,000.",
    )

    @api.depends("debit_line_id")
    def _compute_line_values(self):
        for line in self:
            # Nothing of an item a caller sent: confirming refuses it in words.
            debit = line._get_debit()
            line.currency_id = debit.currency_id
            line.document_name = debit.move_id.display_name
            line.date_due = debit.date_maturity
            line.amount_open = debit.amount_residual_currency

    @api.depends("debit_line_id", "payment_id.date", "payment_id.currency_id")
    def _compute_discount(self):
        """Apart from what is shown: it is asked of all lines, which may be thousands.
        Few have one, so none is the answer for all at once."""
        self.discount = 0.0
        for line in self:
            if discount := line.payment_id._get_discount(line._get_debit()):
                line.discount = discount

    @api.depends("amount")
    def _compute_is_paid(self):
        for line in self:
            line.is_paid = bool(line.amount)

    @api.onchange("is_paid")
    def _onchange_is_paid(self):
        if self.is_paid != bool(self.amount):
            debit = self.is_paid and self._get_debit()
            self.amount = self.payment_id._get_net_due(debit) if debit else 0.0

    def _get_debit(self):
        """Return the item of this line, none where it is not the client's.

        :return: `account.move.line` under sudo: officers need no right to read journal
            items of their clients
        """
        self.ensure_one()
        debit = self.debit_line_id.sudo()._origin
        account = self.payment_id.account_id.sudo()
        return debit if debit._belongs_to(account) else debit.browse()

    def _takes_discount(self):
        """Tell whether this line pays what is due less the discount."""
        self.ensure_one()
        return bool(self.discount) and not self.currency_id.compare_amounts(
            self.amount, self.amount_open - self.discount
        )

    def _get_wizard_clients(self, vals):
        wizard = self.payment_id or self.payment_id.browse(vals.get("payment_id") or [])
        return wizard.exists().account_id.partner_id
