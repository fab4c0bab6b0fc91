from odoo.tests import HttpCase, tagged

from .common import BookingCommon


@tagged("post_install", "-at_install")
class TestBookingTours(BookingCommon, HttpCase):
    def test_credit_is_taken_refused_overridden_and_given_back(self):
        [card] = self._make_cards(1)
        first = self._make_meeting(self.approver.partner_id, name="Scales")
        second = self._make_meeting(self.approver.partner_id, name="Chords", days=2)
        self.start_tour(
            f"/odoo/calendar.event/{first.id}",
            "client_session_taken",
            login=self.approver.login,
        )
        self.assertPoints((card, 0))
        self.start_tour(
            f"/odoo/calendar.event/{second.id}",
            "client_session_without",
            login=self.approver.login,
        )
        self.assertPoints((card, 0))
        self.assertIn("Trial lesson", second.client_sessions)
        self.start_tour(
            f"/odoo/calendar.event/{first.id}",
            "client_session_given_back",
            login=self.approver.login,
        )
        self.assertPoints((card, 1))
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_session_history",
            login=self.approver.login,
        )
        self.assertEqual(card.points, 3)
