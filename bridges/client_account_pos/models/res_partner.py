from contextlib import contextmanager

from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    @contextmanager
    def _moving_to_clients(self):
        """Override to have the clients judged who come to have on account what tills
        have sold to these contacts, or below them; approvers move them anyway."""
        with super()._moving_to_clients():
            tickets = self._search_tickets_to_move()
            if self._may_decide_in(tickets.company_id.root_id):
                yield
                return
            with tickets._watching_account():
                yield

    def _search_tickets_to_move(self):
        """Return the tills' orders of these contacts, or below, that are not in the
        books yet, under sudo: they count whoever may read them."""
        tickets_sudo = self.env["pos.order"].sudo()
        if not self:
            return tickets_sudo
        return tickets_sudo.search(
            [
                ("partner_id", "child_of", self.ids),
                ("state", "in", ("paid", "done")),
                ("session_id.state", "!=", "closed"),
            ]
        )

    # === Actions ===

    def action_client_view_till_orders(self):
        """Open the tills' orders that one client has on account."""
        return self._get_or_create_client_account().action_view_till_orders()
