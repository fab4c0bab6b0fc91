from odoo import api, fields, models
from odoo.exceptions import UserError

from .client_once_mixin import books_once


class ClientCreditRequestSend(models.TransientModel):
    """Ask clients to pay an amount in advance, by e-mail with a link."""

    _name = "client.credit.request.send"
    _description = "Ask Clients to Pay in Advance"
    _inherit = ["client.once.mixin"]
    _check_company_auto = True

    account_ids = fields.Many2many("client.account", string="Clients")
    company_id = fields.Many2one("res.company", compute="_compute_company_id")
    currency_id = fields.Many2one(related="company_id.currency_id")
    amount = fields.Monetary(help="From each client.")
    text = fields.Text(help="What the client reads it is for.")
    date_due = fields.Date(
        string="Due Date",
        help="Clients are reminded once on this day. Empty: they are not.",
    )
    unreachable = fields.Char(
        compute="_compute_unreachable",
        help="Clients without an e-mail address, who cannot be asked.",
    )

    @api.depends("account_ids")
    def _compute_company_id(self):
        for wizard in self:
            wizard.company_id = (
                wizard.account_ids[:1].company_id or self.env.company.root_id
            )

    @api.depends("account_ids")
    def _compute_unreachable(self):
        for wizard in self:
            accounts = wizard.account_ids._origin.filtered(
                lambda account: not account._get_notice_contact().email
            )
            wizard.unreachable = ", ".join(accounts.mapped("display_name"))

    def _get_wizard_clients(self, vals):
        wizard = self
        if not self.account_ids and vals.get("account_ids"):
            wizard = self.new({"account_ids": vals["account_ids"]})
        return wizard.account_ids._origin.partner_id

    @books_once
    def action_send(self):
        """Ask each client.

        :return: an action that says who was asked
        :raise UserError: when a value is refused, or a client has no address
        """
        if not self.account_ids:
            raise UserError(self.env._("Choose at least one client."))
        if len(self.account_ids.company_id) > 1:
            raise UserError(
                self.env._(
                    "%s have accounts in several companies. Choose clients of one "
                    "company at a time.",
                    ", ".join(self.account_ids.mapped("display_name")[:5]),
                )
            )
        self.account_ids._check_officer()
        requests = self.env["client.credit.request"].create(
            [
                {
                    "account_id": account.id,
                    "amount": self.amount,
                    "text": self.text,
                    "date_due": self.date_due,
                }
                for account in self.account_ids
            ]
        )
        requests.action_send()
        amount = self.currency_id.format(self.amount)
        message = (
            self.env._(
                "%(client)s is asked for %(amount)s by e-mail.",
                client=self.account_ids.display_name,
                amount=amount,
            )
            if len(requests) == 1
            else self.env._(
                "%(count)s clients are asked for %(amount)s each by e-mail.",
                count=len(requests),
                amount=amount,
            )
        )
        offers = [(self.env._("Undo"), self, "action_undo")]
        self.sudo().booked = {"moves": [], "partials": [], "requests": requests.ids}
        return self._get_done_action(message, requests, offers=offers)

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: cancel the requests."""
        requests = self.env["client.credit.request"].browse(self.booked["requests"])
        requests.action_cancel()
        return self.env._("%s no longer asked for.", ", ".join(requests.mapped("name")))
