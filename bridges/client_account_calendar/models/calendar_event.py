from markupsafe import Markup

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import is_html_empty

from odoo.addons.client_account.const import VIEWER


class CalendarEvent(models.Model):
    """What a meeting tells colleagues of the clients who attend it.

    All of it is computed with the reader's own rights, and nothing of it leaves the
    house: it is no part of invitations, and its groups keep it from portal users.
    """

    _inherit = "calendar.event"

    # For internal use by its own comment, yet attendees read it through the portal's
    # right to their meetings.
    notes = fields.Html(groups="base.group_user")
    client_ids = fields.Many2many(
        "res.partner",
        string="Clients",
        compute="_compute_client_ids",
        groups="base.group_user",
        help="The clients who attend, themselves or by their contacts.",
    )
    client_balances = fields.Char(
        string="Client Balance",
        compute="_compute_client_balances",
        groups=VIEWER,
        help="What the clients who attend owe or have in credit in this company.",
    )
    client_notes = fields.Html(
        compute="_compute_client_notes",
        groups="base.group_user",
        help="The internal notes of the clients who attend; attendees never see them.",
    )

    # === Compute ===

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_ids", "privacy", "user_id")
    def _compute_client_ids(self):
        private = self.filtered(lambda event: event._check_private_event_conditions())
        private.client_ids = False
        events = self - private
        # Sudo: who attends may belong to a company of others; what the user may not
        # read of them is left out.
        attendees_sudo = events.partner_ids._origin.sudo()
        clients_sudo = attendees_sudo.filtered("partner_share").commercial_partner_id
        readable = clients_sudo.sudo(False)._filtered_access("read")
        for event in events:
            attendees = event.partner_ids._origin.sudo().filtered("partner_share")
            event.client_ids = attendees.commercial_partner_id.sudo(False) & readable

    @api.depends_context("uid", "lang", "company", "allowed_company_ids")
    @api.depends("client_ids")
    def _compute_client_balances(self):
        accounts = self.env["client.account"]._find_accounts(
            self.client_ids._origin, self.env.company
        )
        words = {
            account.partner_id: self.env._(
                "%(client)s: %(balance)s",
                client=account.partner_id.display_name,
                balance=account._format_balance(account.balance),
            )
            for account in accounts
        }
        for event in self:
            told = [words[item] for item in event.client_ids._origin if item in words]
            event.client_balances = " · ".join(told) or False

    @api.depends_context("uid", "lang", "allowed_company_ids")
    @api.depends("client_ids")
    def _compute_client_notes(self):
        for event in self:
            noted = event.client_ids._origin.filtered(
                lambda client: not is_html_empty(client.comment)
            )
            # Whose notes these are is plain where there is but one client.
            many = len(event.client_ids) > 1
            event.client_notes = (
                Markup().join(
                    (
                        Markup("<strong>%s</strong>") % client.display_name
                        if many
                        else ""
                    )
                    + client.comment
                    for client in noted
                )
                or False
            )

    # === Schedule ===

    @api.model
    def _get_client_meetings_domain(self, client):
        """Return the domain of the meetings of a client and its contacts.

        Private meetings of others are no part of it: who attends them is not for the
        reader to know.

        :param client: `res.partner`, a contact stands for its commercial partner
        """
        # Sudo: a meeting of a contact is the client's, whatever the reader may see.
        contacts = self.env["res.partner"].sudo().with_context(active_test=False)
        contacts = contacts.search(
            [("commercial_partner_id", "in", client.commercial_partner_id.ids)]
        )
        return (
            Domain("partner_ids", "in", contacts.ids)
            & Domain("active", "=", True)
            & (
                Domain(self._get_default_privacy_domain())
                | Domain("partner_ids", "in", self.env.user.partner_id.ids)
            )
        )

    @api.model
    def _get_upcoming_domain(self):
        """Return the domain of the meetings that are not over yet."""
        return (
            Domain("allday", "=", False) & Domain("stop", ">=", fields.Datetime.now())
        ) | (
            # The hours of a meeting that lasts all day mean nothing.
            Domain("allday", "=", True)
            & Domain("stop_date", ">=", fields.Date.context_today(self))
        )

    def action_open_client_meeting(self):
        """Open one meeting: a row of the schedule of a client.

        :return: a window action
        """
        self.ensure_one()
        return self._get_records_action()

    def action_open_clients(self):
        """Open the clients of one meeting.

        :return: a window action
        """
        self.ensure_one()
        return self.client_ids._get_records_action(name=self.env._("Clients"))
