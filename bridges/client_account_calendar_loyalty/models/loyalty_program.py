from odoo import api, models


class LoyaltyProgram(models.Model):
    """Programs whose session credits meetings cost."""

    _inherit = "loyalty.program"

    @api.constrains("program_type")
    def _check_program_type(self):
        """Keep session credits that meetings cost from coming to be money."""
        # Sudo: what types cost is checked whoever changes the program.
        types_sudo = self.env["calendar.event.type"].sudo()
        types_sudo.search(
            [("client_program_id", "in", self.ids)]
        )._check_client_program_id()
