from odoo import api, models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Override of `base` to keep what clients have paid for meetings: who is one
        from now on has paid once."""
        clients = src_partners | dst_partner
        # Sudo: who merges contacts need not see their meetings or credits.
        bookings_sudo = self.env["client.session.booking"].sudo()
        bookings_sudo = bookings_sudo.search(
            [("partner_id", "in", clients.commercial_partner_id.ids)]
        )
        bookings_sudo._give_back_twins(clients)
        with bookings_sudo.exists()._following_contacts():
            return super()._update_foreign_keys(src_partners, dst_partner)
