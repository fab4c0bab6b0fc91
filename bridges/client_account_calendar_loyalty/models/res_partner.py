from odoo import api, models


class ResPartner(models.Model):
    """Meetings are written from the side of their attendees, too."""

    _inherit = "res.partner"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to take credits for meetings a contact is made with."""
        partners = super().create(vals_list)
        if any(vals.get("meeting_ids") for vals in vals_list):
            # Sudo: who makes a contact need not see its meetings.
            events = partners.sudo().meeting_ids
            with events._changing_sessions() as changes:
                changes.forget(events.ids)
        return partners

    def write(self, vals):
        """Override of the ORM to take and give back credits for its meetings."""
        if "meeting_ids" not in vals:
            return super().write(vals)
        # Sudo: private meetings of others count, too.
        events = self.sudo().meeting_ids
        named = events.browse(_get_named_ids(vals["meeting_ids"]))
        with (events | named)._changing_sessions():
            return super().write(vals)

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
