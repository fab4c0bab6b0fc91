from odoo import models


class LoyaltyHistory(models.Model):
    _inherit = "loyalty.history"

    def _get_order_description(self):
        """Override of `loyalty` to say which meeting took or gave back a credit.

        The description stands for a meeting that is deleted.
        """
        self.ensure_one()
        if self.order_model != "calendar.event":
            return super()._get_order_description()
        event = self.env["calendar.event"].browse(self.order_id).exists()
        if not event:
            return self.description
        return event._get_session_label(event.display_name)
