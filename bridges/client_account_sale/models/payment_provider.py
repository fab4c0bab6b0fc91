from odoo import models

# Modes of providers with the code `custom` that confirm an order before anybody pays.
UNPAID_MODES = ("cash_on_delivery", "on_site")


class PaymentProvider(models.Model):
    _inherit = "payment.provider"

    def _confirms_unpaid_orders(self):
        """Tell whether an order is confirmed with one provider before it is paid.

        `delivery` and `website_sale_collect` have them, by a field of
        `payment_custom`.
        """
        self.ensure_one()
        return (
            self.code == "custom"
            and "custom_mode" in self._fields
            and self.custom_mode in UNPAID_MODES
        )
