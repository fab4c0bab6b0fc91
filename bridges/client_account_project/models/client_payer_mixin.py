from odoo import api, fields, models

from odoo.addons.client_account.const import VIEWER


class ClientPayerMixin(models.AbstractModel):
    """The account of who pays, and what is on it, for those who may see figures."""

    _name = "client.payer.mixin"
    _description = "Paid by a Client"

    client_account_id = fields.Many2one(
        "client.account",
        compute="_compute_client_account_id",
        groups=VIEWER,
        copy=False,
        help="The account of the client who gets the invoices.",
    )
    client_account_currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_client_balance",
        groups=VIEWER,
        copy=False,
    )
    client_balance = fields.Monetary(
        compute="_compute_client_balance",
        currency_field="client_account_currency_id",
        groups=VIEWER,
        copy=False,
    )

    def _get_client_payer(self):
        """Return who pays for one record, and the company that bills it.

        :return: (`res.partner`, `res.company`), under sudo
        """
        raise NotImplementedError

    @api.model
    def _get_payer_of(self, order, partner, company):
        """Return who pays for something, see `_get_client_payer`.

        :param order: the `sale.order` that it is done for, under sudo; empty for none
        :param partner: the `res.partner` it is for, where there is no order
        :param company: its `res.company`, perhaps empty
        """
        return (
            (order.partner_invoice_id or partner).commercial_partner_id,
            order.company_id or company or self.env.company,
        )

    def _compute_client_account_id(self):
        payers = {record: record.sudo()._get_client_payer() for record in self}
        accounts = {}
        for root in {company.root_id for _client, company in payers.values()}:
            clients = self.env["res.partner"].union(
                *(
                    client
                    for client, company in payers.values()
                    if company.root_id == root
                )
            )
            for account in self.env["client.account"]._find_accounts(clients, root):
                accounts[account.partner_id, root] = account
        for record, (client, company) in payers.items():
            record.client_account_id = accounts.get((client, company.root_id))

    # The balance has no path that could be named here: it is forgotten with the figures
    # of the account, see `client.account._invalidate_figures`.
    @api.depends("client_account_id")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_client_balance(self):
        for record in self:
            account = record.client_account_id
            record.client_account_currency_id = (
                account.currency_id or record.env.company.currency_id
            )
            record.client_balance = account.balance

    def action_client_view_account(self):
        """Open the account of who pays for one record."""
        self.ensure_one()
        self.check_access("read")
        return self.client_account_id._get_records_action()
