from contextlib import contextmanager

from odoo import api, models

from odoo.addons.client_account.const import MOVING_FIELDS
from odoo.addons.client_account.utils import with_defaults


class ResPartner(models.Model):
    """Meetings are written from the side of their attendees, too, and what they have
    taken follows contacts that come to be another client's."""

    _inherit = "res.partner"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to take credits for meetings a contact is made with."""
        commands = [
            command
            for vals in with_defaults(self, vals_list, "meeting_ids")
            for command in vals.get("meeting_ids") or ()
        ]
        if not commands:
            return super().create(vals_list)
        events = self.env["calendar.event"].browse(_get_named_ids(commands))
        with events._changing_sessions():
            return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to take and give back credits for its meetings."""
        if not MOVING_FIELDS.isdisjoint(vals):
            # What it has paid moves along first; meetings that are new are the new
            # client's to pay.
            rest = dict(vals)
            meetings = rest.pop("meeting_ids", None)
            with self._keeping_paid_meetings():
                result = super().write(rest)
            if "meeting_ids" in vals:
                self.write({"meeting_ids": meetings})
            return result
        if "meeting_ids" not in vals:
            return super().write(vals)
        # Sudo: private meetings of others count, too.
        events = self.sudo().meeting_ids
        named = events.browse(_get_named_ids(vals["meeting_ids"]))
        with (events | named)._changing_sessions():
            return super().write(vals)

    @contextmanager
    def _keeping_paid_meetings(self):
        """Have meetings stay paid whose attendees come to be another client's."""
        # Sudo: who moves contacts need not see their meetings or credits.
        bookings_sudo = self.env["client.session.booking"].sudo()
        bookings_sudo = bookings_sudo.search(
            [("partner_id", "in", self.commercial_partner_id.ids)]
        )
        with bookings_sudo._following_contacts():
            yield

    def unlink(self):
        """Override of the ORM to give back the credits of a contact that is deleted."""
        # Sudo: who deletes a contact need not see its meetings or its credits.
        bookings_sudo = self.env["client.session.booking"].sudo()
        bookings_sudo = bookings_sudo.search(
            [("partner_id", "in", self.commercial_partner_id.ids)]
        )
        with bookings_sudo.event_id._changing_sessions():
            return super().unlink()


def _get_named_ids(commands):
    """Return the ids of records that commands of a relation name."""
    ids = set()
    for command in commands or ():
        if isinstance(command, int):
            ids.add(command)
        elif len(command) > 1 and command[1]:
            ids.add(command[1])
        if isinstance(command, (list, tuple)) and len(command) > 2:
            ids.update(command[2] if isinstance(command[2], (list, tuple)) else ())
    return ids
