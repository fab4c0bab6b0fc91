from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date


class ClientAccount(models.Model):
    """Session credits of a client: units beside its balance, and no part of it."""

    _name = "client.account"
    _inherit = ["client.account", "client.session.page.mixin"]

    # The contact has those that the user may read.
    session_card_ids = fields.Many2many(
        related="partner_id.client_session_card_ids",
        string="Session Cards",
    )
    session_history_ids = fields.Many2many(
        related="partner_id.client_session_history_ids",
        string="Session History",
    )

    def _get_profile_boxes(self):
        """Override of `client_account` to tell the session credits left."""
        boxes = super()._get_profile_boxes()
        if box := self._get_sessions_box():
            boxes.append(box)
        return boxes

    def _get_sessions_box(self):
        """Return the box of session credits by program.

        :return: see `_get_profile_boxes`; None for who may read no cards, and for
            clients who have none
        """
        cards = self.env["loyalty.card"]
        programs = self.env["loyalty.program"]
        if not cards.has_access("read") or not programs.has_access("read"):
            return None
        domain = self._get_session_domain()
        if not cards.search_count(domain, limit=1):
            return None
        left = cards._read_group(
            domain & cards._get_valid_domain() & Domain("points", ">", 0),
            ["program_id"],
            ["points:sum", "expiration_date:min"],
        )
        may_adjust = self.env["loyalty.card.update.balance"].has_access("create")
        return self._get_profile_box(
            "sessions",
            self.env._("Session Credits"),
            self._format_sessions_left(left),
            tone="" if left else "muted",
            lines=[self._get_program_line(*row) for row in left],
            buttons=self._get_profile_buttons(
                may_adjust
                and ("action_adjust_sessions", self.env._("Adjust Sessions"), None)
            ),
        )

    def _get_session_domain(self):
        """Return the domain of the cards with session credits of one client."""
        self.ensure_one()
        return self.env["loyalty.card"]._get_client_session_domain(
            self.partner_id._origin, self.sudo().company_id
        )

    def _format_sessions_left(self, left):
        """Return how many session credits one client has, in words.

        :param left: list of (program, points, first expiry)
        """
        if not left:
            return self.env._("None left")
        units = {program.portal_point_name for program, _points, _expiry in left}
        if len(units) > 1:
            return self.env._("In %s programs", len(left))
        points = sum(points for _program, points, _expiry in left)
        return self._format_sessions(left[0][0], points)

    def _format_sessions(self, program, points):
        """Return an amount of session credits with their unit, never as money."""
        return f"{points:.2f}".rstrip("0").rstrip(".") + (
            f" {program.portal_point_name}" if program.portal_point_name else ""
        )

    def _get_program_line(self, program, points, expiry):
        """Return the line of a program, see `_get_profile_line`."""
        words = self._format_sessions(program, points)
        if expiry:
            words = self.env._(
                "%(sessions)s, the first expire on %(date)s",
                sessions=words,
                date=format_date(self.env, expiry),
            )
        return self._get_profile_line(program.name, words)

    def action_adjust_sessions(self):
        """Open the window that adjusts the session credits of one client.

        :return: a window action, of the cards where there are several
        """
        self._check_one()
        return self.partner_id._open_session_adjustment(self.sudo().company_id)

    def action_view_session_cards(self):
        """Open all cards with session credits of one client.

        :return: a window action
        """
        self._check_one()
        return self.partner_id._open_session_cards(self.sudo().company_id)

    def action_view_session_history(self):
        """Open the whole history of session credits of one client.

        :return: a window action
        """
        self._check_one()
        return self.partner_id._open_session_history(self.sudo().company_id)
