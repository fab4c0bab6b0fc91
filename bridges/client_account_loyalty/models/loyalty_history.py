from odoo import api, fields, models


class LoyaltyHistory(models.Model):
    _inherit = "loyalty.history"

    client_origin = fields.Char(
        string="Document",
        compute="_compute_client_origin",
        help="What gave or took the session credits.",
    )

    @api.depends_context("uid", "lang", "tz", "allowed_company_ids")
    @api.depends("order_model", "order_id")
    def _compute_client_origin(self):
        """Name the documents the reader may see, and those there are still."""
        for line in self:
            line.client_origin = line._has_readable_order() and (
                line._get_order_description()
            )

    def _has_readable_order(self):
        """Tell whether one line has a document that is there and open to the user."""
        self.ensure_one()
        if not self.order_id or self.order_model not in self.env:
            return False
        order = self.env[self.order_model].browse(self.order_id).exists()
        return bool(order and order.has_access("read"))
