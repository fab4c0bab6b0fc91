from odoo import models


class AccountPaymentTerm(models.Model):
    _inherit = "account.payment.term"

    def _is_immediate(self):
        """Tell whether all is due on the day of the document by one payment term."""
        self.ensure_one()
        return all(
            line.delay_type == "days_after" and line.nb_days <= 0
            for line in self.line_ids
        )
