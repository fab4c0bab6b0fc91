from odoo import api, fields, models

# How many meetings a list of the schedule has; the rest stands behind its button.
SHOWN_MEETINGS = 40


class ResPartner(models.Model):
    """The schedule of a client on its contact: meetings to come and those over."""

    _inherit = "res.partner"

    client_upcoming_meeting_ids = fields.Many2many(
        "calendar.event",
        string="Upcoming Client Meetings",
        compute="_compute_client_meetings",
        groups="base.group_user",
        copy=False,
        help="The next 40 meetings of the client and its contacts.",
    )
    client_upcoming_meeting_count = fields.Integer(
        compute="_compute_client_meetings",
        groups="base.group_user",
        copy=False,
    )
    client_past_meeting_ids = fields.Many2many(
        "calendar.event",
        string="Past Client Meetings",
        compute="_compute_client_meetings",
        groups="base.group_user",
        copy=False,
        help="The latest 40 meetings of the client and its contacts.",
    )
    client_past_meeting_count = fields.Integer(
        compute="_compute_client_meetings",
        groups="base.group_user",
        copy=False,
    )

    @api.depends_context("uid", "tz")
    @api.depends("commercial_partner_id")
    def _compute_client_meetings(self):
        events = self.env["calendar.event"]
        upcoming = events._get_upcoming_domain()
        for partner in self:
            mine = events._get_client_meetings_domain(partner._origin)
            for name, domain, order in (
                ("upcoming", mine & upcoming, "start, id"),
                ("past", mine & ~upcoming, "start DESC, id DESC"),
            ):
                meetings = events.search(domain, limit=SHOWN_MEETINGS, order=order)
                count = len(meetings)
                if count == SHOWN_MEETINGS:
                    count = events.search_count(domain)
                partner[f"client_{name}_meeting_ids"] = meetings
                partner[f"client_{name}_meeting_count"] = count

    def action_client_view_meetings(self):
        """Open all meetings of one client and its contacts, the newest first.

        :return: a window action
        """
        self.ensure_one()
        events = self.env["calendar.event"]
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "client_account_calendar.calendar_event_client_action"
        )
        action["domain"] = list(events._get_client_meetings_domain(self))
        return action
