from psycopg2.errors import ForeignKeyViolation

from odoo import api, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL

from ..exceptions import get_meeting_message


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Override of `base` to let only approvers merge away a client with a balance,
        a limit or an open request."""
        contacts = self.env["res.partner"].browse(partner_ids).exists()
        if len(contacts) <= 1:
            return super()._merge(partner_ids, dst_partner, extra_checks)
        if not dst_partner or dst_partner not in contacts:
            dst_partner = self._get_ordered_partner(contacts.ids)[-1]
        (contacts - dst_partner)._check_client_may_move()
        watch = self.env["client.account"]._get_watch()
        watch.moved.update(contacts._get_contacts_below().ids)
        # Now: in a transaction that failed, no language is looked up.
        message = get_meeting_message(self.env)
        try:
            with contacts._moving_to_clients():
                return super()._merge(partner_ids, dst_partner, extra_checks)
        except ForeignKeyViolation as fault:
            # All there was is the other contact's by now: somebody else has booked for
            # the one that goes, and it is theirs that is left on it.
            raise ConcurrencyError(message) from fault

    @api.model
    def _update_values(self, src_partners, dst_partner):
        """Override of `base` to take no limit over that somebody decided about."""
        return super()._update_values(src_partners, dst_partner._with_contacts_merge())

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Override of `base` to merge accounts before it deletes those in the way."""
        if not dst_partner.is_company and any(src_partners.mapped("is_company")):
            # As `base` does later on; who the client is has to be known now.
            dst_partner.is_company = True
        self._lock_merged(src_partners, dst_partner)
        # Sudo: whoever may merge need not see each company's accounts.
        accounts_sudo = src_partners.sudo().client_account_ids
        client = dst_partner.commercial_partner_id
        accounts_sudo._lock_keys_at_once(
            {
                (partner, account.company_id)
                for account in accounts_sudo
                for partner in account.partner_id | client
            }
        )
        for account in accounts_sudo:
            target = account._get_or_create(client, account.company_id).sudo()
            account._merge_into(target)
        result = super()._update_foreign_keys(src_partners, dst_partner)
        # With the contacts below, who come along.
        dst_partner._get_contacts_below()._mark_crossing_items()
        return result

    @api.model
    def _lock_merged(self, src_partners, dst_partner):
        """Wait for whoever is booking for contacts that are merged, and keep all others
        waiting, before their clients' locks are taken.

        Whoever posts writes rows first, and waits for the lock then.
        """
        self.env.flush_all()
        for partners, mode in (
            (src_partners, SQL("UPDATE")),
            (dst_partner, SQL("NO KEY UPDATE")),
        ):
            self.env.execute_query(
                SQL(
                    "SELECT id FROM res_partner WHERE id = ANY(%s) ORDER BY id FOR %s",
                    partners.ids,
                    mode,
                )
            )
        for table, column in self._get_fk_on("res_partner"):
            if "base_partner_merge_" in table:
                # The windows themselves, which Odoo leaves alone, too.
                continue
            self.env.execute_query(
                SQL(
                    "SELECT COUNT(*) FROM"
                    " (SELECT FROM %s WHERE %s = ANY(%s) FOR NO KEY UPDATE) locked",
                    SQL.identifier(table),
                    SQL.identifier(column),
                    src_partners.ids,
                )
            )
