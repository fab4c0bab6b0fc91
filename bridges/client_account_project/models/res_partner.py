from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_client_view_tasks(self):
        """Open the tasks of one client whose account is yet to open."""
        self.ensure_one()
        self.check_access("read")
        return self._get_profile_account().action_view_tasks()

    def action_client_view_projects(self):
        """Open the projects of one client whose account is yet to open."""
        self.ensure_one()
        self.check_access("read")
        return self._get_profile_account().action_view_projects()
