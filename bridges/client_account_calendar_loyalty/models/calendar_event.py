from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tools import format_date, format_datetime

from odoo.addons.client_account.const import APPROVER, MAX_REASON

from .client_session_booking import SessionChanges

# Where the changes that are under way are kept, among the notes of the core's watch: a
# savepoint of another module, rolled back in between, does not clear them.
CHANGES = "client_session_changes"

# Writing these changes who pays for a meeting, and what.
COSTS = frozenset(("active", "partner_ids", "attendee_ids", "categ_ids"))


class CalendarEvent(models.Model):
    """Meetings that take a session credit of each client, and give it back.

    Every route ends in the ORM's own methods here or on attendees. Each says what it is
    about to change; when the outermost ends, credits are taken of who came to pay, and
    given back of who no longer does. So a series that is written anew pays once.
    """

    _inherit = "calendar.event"

    client_sessions = fields.Text(
        string="Session Credits",
        compute="_compute_client_sessions",
        groups="base.group_user",
        help="Which clients have paid for this meeting with a session credit.",
    )
    client_session_reason = fields.Char(
        string="Without a Session Credit",
        store=False,
        copy=False,
        groups=APPROVER,
        help="Why clients who have no session credit left may come all the same. It "
        "counts for those who are added as the meeting is saved.",
    )

    @api.depends_context("uid", "lang", "allowed_company_ids")
    @api.depends("partner_ids", "categ_ids", "active")
    def _compute_client_sessions(self):
        # Sudo: who sees the meeting learns who has paid for it, and nothing of cards.
        bookings_sudo = self.env["client.session.booking"].sudo()
        rows = bookings_sudo.search([("event_id", "in", self._origin.ids)], order="id")
        by_event = rows.grouped("event_id")
        for event in self:
            bookings = by_event.get(event._origin, bookings_sudo)
            if not bookings or event._check_private_event_conditions():
                event.client_sessions = False
                continue
            event.client_sessions = "\n".join(
                booking._get_words() for booking in bookings
            )

    # === CRUD ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `calendar` to take the session credits of new meetings."""
        vals_list = [dict(vals) for vals in vals_list]
        reasons = dict.fromkeys(self._pop_session_reason(vals) for vals in vals_list)
        reason = "; ".join(filter(None, reasons))
        with self.browse()._changing_sessions(reason) as changes:
            events = super().create(vals_list)
            changes.forget(events.ids)
        return events

    def write(self, vals):
        """Override of `calendar` to take and give back credits by what changes."""
        vals = dict(vals)
        if vals.get("partner_ids"):
            # Odoo's own would leave the attendees of a list that is cleared.
            vals["partner_ids"] = [
                Command.set([]) if _is_clear(command) else command
                for command in vals["partner_ids"]
            ]
        reason = self._pop_session_reason(vals)
        touched = self.browse() if COSTS.isdisjoint(vals) else self
        with touched._changing_sessions(reason):
            return super().write(vals)

    def unlink(self):
        """Override of `calendar` to give back the credits of deleted meetings."""
        self.check_access("unlink")
        # Sudo: credits are nobody's to read who deletes a meeting.
        bookings_sudo = self.env["client.session.booking"].sudo()
        with self.browse()._changing_sessions() as changes:
            changes.orphan_ids.update(
                bookings_sudo.search([("event_id", "in", self.ids)]).ids
            )
            return super().unlink()

    # === Session credits ===

    @contextmanager
    def _changing_sessions(self, reason=None):
        """Take and give back session credits by what changes of these meetings within.

        :param str reason: why clients without a credit may come, checked by the caller
        :return: the `SessionChanges`
        :raise UserError: at the end of the outermost, when a client has none left
        """
        notes = self.env["client.account"]._get_watch().notes
        outermost = CHANGES not in notes
        changes = notes.setdefault(CHANGES, SessionChanges())
        bookings = self.env["client.session.booking"]
        try:
            if new_ids := set(self.ids) - changes.before.keys():
                bookings._note_claims(changes, new_ids)
            changes.reason = changes.reason or reason
            yield changes
        finally:
            if outermost:
                notes.pop(CHANGES, None)
        if outermost:
            bookings._settle(changes)

    @api.model
    def _pop_session_reason(self, vals):
        """Take the reason out of values, and make sure that the user may give one.

        :param dict vals: of one meeting
        :return: the reason, None for none
        """
        reason = (vals.pop("client_session_reason", None) or "").strip()
        if not reason:
            return None
        if not self.env.su and not self.env.user.has_group(APPROVER):
            raise AccessError(
                self.env._(
                    "Only approvers of client accounts add clients to a meeting who "
                    "have no session credit left."
                )
            )
        if len(reason) > MAX_REASON:
            raise UserError(
                self.env._("A reason has at most %s characters.", MAX_REASON)
            )
        return reason

    def _get_session_label(self, name=None):
        """Return how the history of credits calls one meeting.

        :param str name: of the meeting, where it is for the reader to know
        """
        self.ensure_one()
        if not name:
            is_private = self.effective_privacy == "private"
            name = self.env._("Private meeting") if is_private else self.name
        day = (
            format_date(self.env, self.start_date)
            if self.allday
            else format_datetime(self.env, self.start, dt_format="short")
        )
        return self.env._("%(meeting)s, %(day)s", meeting=name, day=day)

    def _get_session_day(self):
        """Return the day on which one meeting begins, where the user is."""
        self.ensure_one()
        if self.allday:
            return self.start_date
        return fields.Datetime.context_timestamp(self, self.start).date()


def _is_clear(command):
    """Tell whether this is the command that clears a relation."""
    return isinstance(command, (list, tuple)) and command[0] == Command.CLEAR
