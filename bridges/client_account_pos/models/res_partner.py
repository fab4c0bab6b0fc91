from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    # === Actions ===

    def action_client_view_till_orders(self):
        """Open the tills' orders that one client has on account."""
        return self._get_or_create_client_account().action_view_till_orders()
