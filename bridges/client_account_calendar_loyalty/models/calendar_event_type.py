from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class CalendarEventType(models.Model):
    """Types of meetings that cost a session credit of each client."""

    _inherit = "calendar.event.type"

    client_program_id = fields.Many2one(
        "loyalty.program",
        string="Costs a Session of",
        domain=[("program_type", "=", "loyalty")],
        ondelete="restrict",
        index="btree_not_null",
        groups="base.group_user",
        help="Each client who is added to a meeting of this type pays one session "
        "credit of this program. Clients who are on a meeting already pay nothing.",
    )

    @api.constrains("client_program_id")
    def _check_client_program_id(self):
        for event_type in self:
            # Sudo: what a type costs is checked whoever may read programs.
            program = event_type.client_program_id.sudo()
            if program and not program._filter_sessions():
                raise ValidationError(
                    self.env._(
                        "%(program)s does not hold session credits, so meetings of "
                        "the type %(type)s cannot cost any: choose a program of the "
                        "type Loyalty Cards.",
                        program=program.name,
                        type=event_type.name,
                    )
                )

    def write(self, vals):
        """Override of the ORM to keep what meetings cost that have taken credits."""
        if "client_program_id" in vals:
            self.filtered(
                lambda event_type: (
                    event_type.client_program_id.id != vals["client_program_id"]
                )
            )._check_no_session_taken()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_session_taken(self):
        self._check_no_session_taken()

    def _check_no_session_taken(self):
        """Make sure that no meeting holds a session credit for one of these types.

        :raise UserError: when some do
        """
        # Sudo: credits count whose meeting the user may not see, too.
        bookings_sudo = self.env["client.session.booking"].sudo()
        for event_type in self.filtered("client_program_id"):
            if bookings_sudo.search_count(
                [
                    ("event_id.categ_ids", "in", event_type.ids),
                    ("program_id", "=", event_type.client_program_id.id),
                ],
                limit=1,
            ):
                raise UserError(
                    self.env._(
                        "Meetings of the type %(type)s have taken session credits of "
                        "%(program)s. Make a new type for what is to cost something "
                        "else, or take this one off those meetings first.",
                        type=event_type.name,
                        program=event_type.client_program_id.name,
                    )
                )
