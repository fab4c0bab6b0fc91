from odoo import api, models
from odoo.fields import Domain


class LoyaltyProgram(models.Model):
    _inherit = "loyalty.program"

    @api.model
    def _get_session_domain(self):
        """Return the domain of the programs whose points are session credits.

        Hook. Points of eWallets and gift cards are money, those of coupons and
        promotions belong to one order: none of them are units that a client holds.
        """
        return Domain("program_type", "=", "loyalty")

    def _filter_sessions(self):
        """Return those of these programs whose points are session credits."""
        return self.filtered_domain(self._get_session_domain())
