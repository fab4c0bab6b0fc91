from odoo import api, models

from odoo.addons.client_account.utils import with_defaults

# Writing these changes who attends a meeting.
ATTENDANCE = frozenset(("state", "event_id", "partner_id"))


class CalendarAttendee(models.Model):
    """Attendees come and go, accept and decline, without a write of their meeting."""

    _inherit = "calendar.attendee"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `calendar` to take session credits of who is invited."""
        event_ids = {
            vals.get("event_id") for vals in with_defaults(self, vals_list, "event_id")
        }
        events = self.env["calendar.event"].browse(filter(None, event_ids))
        with events._changing_sessions():
            return super().create(vals_list)

    def write(self, vals):
        """Override of `calendar` to take and give back credits by who comes."""
        if ATTENDANCE.isdisjoint(vals):
            return super().write(vals)
        events = self.event_id
        if vals.get("event_id"):
            events |= events.browse(vals["event_id"])
        with events._changing_sessions():
            return super().write(vals)

    def unlink(self):
        """Override of `calendar` to give back the credits of who is taken off."""
        with self.event_id._changing_sessions():
            return super().unlink()
