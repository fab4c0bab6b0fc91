from odoo import fields, models


class ClientAccount(models.Model):
    """The schedule of a client on its account, as its contact has it."""

    _inherit = "client.account"

    # Not under sudo: private meetings of others stay out, as on the contact.
    upcoming_meeting_ids = fields.Many2many(
        related="partner_id.client_upcoming_meeting_ids",
        string="Upcoming Meetings",
        related_sudo=False,
    )
    upcoming_meeting_count = fields.Integer(
        related="partner_id.client_upcoming_meeting_count", related_sudo=False
    )
    past_meeting_ids = fields.Many2many(
        related="partner_id.client_past_meeting_ids",
        string="Past Meetings",
        related_sudo=False,
    )
    past_meeting_count = fields.Integer(
        related="partner_id.client_past_meeting_count", related_sudo=False
    )

    def action_view_meetings(self):
        """Open all meetings of one client and its contacts, the newest first.

        :return: a window action
        """
        self._check_one()
        return self.partner_id.action_client_view_meetings()
