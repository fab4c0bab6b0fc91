from odoo import api, models


class ResPartner(models.Model):
    """Contacts whose address a notice of a client account waits for."""

    _inherit = "res.partner"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to send what waited for an address."""
        contacts = super().create(vals_list)
        contacts.filtered("email")._wake_client_notices()
        return contacts

    def write(self, vals):
        """Override of the ORM to send what waited for an address."""
        result = super().write(vals)
        if not {"email", "active", "type", "parent_id"}.isdisjoint(vals):
            self._wake_client_notices()
        return result

    def _wake_client_notices(self):
        """Have the job run where a notice waits for an address of these clients."""
        if not self:
            return
        # Sudo: whoever writes an address need not see accounts.
        notices = self.env["client.account.notice"].sudo()
        domain = [
            *notices._get_unmailed_domain(),
            ("account_id.partner_id", "in", self.commercial_partner_id.ids),
        ]
        if notices.search_count(domain, limit=1):
            self.env["client.account"]._trigger_notices()
