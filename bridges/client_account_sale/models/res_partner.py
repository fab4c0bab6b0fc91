from contextlib import contextmanager

from odoo import api, fields, models

from odoo.addons.client_account.const import VIEWER


class ResPartner(models.Model):
    """The orders of a client's account, on its contact."""

    _inherit = "res.partner"

    client_order_ids = fields.Many2many(
        "sale.order",
        string="Client Orders",
        compute="_compute_client_order_ids",
        groups=VIEWER,
        copy=False,
        help="The newest 40 that you may see: quotations and orders.",
    )

    @api.depends_context("uid", "company", "allowed_company_ids")
    @api.depends("commercial_partner_id")
    def _compute_client_order_ids(self):
        for partner in self:
            partner.client_order_ids = partner.client_account_id.order_ids

    @api.model
    def _invalidate_client_figures(self):
        """Override to forget the list with the figures."""
        result = super()._invalidate_client_figures()
        self.env["res.partner"].invalidate_model(["client_order_ids"], flush=False)
        return result

    @contextmanager
    def _moving_to_clients(self):
        """Override to have the clients judged who come to be committed by orders that
        are invoiced to these contacts, or below them; approvers move them anyway."""
        with super()._moving_to_clients():
            orders = self._search_orders_to_move()
            if self._may_decide_in(orders.company_id.root_id):
                yield
                return
            with orders._watching_commitments():
                yield

    def _search_orders_to_move(self):
        """Return the confirmed orders that are invoiced to these contacts or below,
        under sudo: they count whoever may read them."""
        orders_sudo = self.env["sale.order"].sudo()
        if not self:
            return orders_sudo
        return orders_sudo.search(
            [("partner_invoice_id", "child_of", self.ids), ("state", "=", "sale")]
        )

    # === Actions ===

    def action_client_view_orders(self):
        """Open the orders of one client, quotations too."""
        return self._get_or_create_client_account().action_view_orders()

    def action_client_view_committed_orders(self):
        """Open the orders that make up what one client has committed."""
        return self._get_or_create_client_account().action_view_committed_orders()

    def action_client_new_quotation(self):
        """Open a new quotation of one client."""
        return self._get_or_create_client_account().action_new_quotation()
