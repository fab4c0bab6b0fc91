from odoo.tests import HttpCase, tagged

from .common import ClientCalendarCommon


@tagged("post_install", "-at_install")
class TestCalendarTours(ClientCalendarCommon, HttpCase):
    def test_schedule_is_read_on_the_contact_and_opens_the_meeting(self):
        self._make_invoice(20)
        self._make_meeting(self.pupil, name="Scales")
        self._make_meeting(self.client, days=3, name="Chords")
        self._make_meeting(self.client, days=-3, name="First Steps")
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_account_calendar_schedule",
            login=self.env.user.login,
        )
        self.start_tour(
            f"/odoo/client.account/{self.account.id}",
            "client_account_calendar_account",
            login=self.env.user.login,
        )

    def test_popover_in_the_calendar_shows_balance_and_notes(self):
        self._make_invoice(20)
        user = self.env.user
        self._make_meeting(self.pupil, name="Scales", start=self.now, user=user)
        self.start_tour(
            "/odoo/action-calendar.action_calendar_event",
            "client_account_calendar_popover",
            login=user.login,
        )
