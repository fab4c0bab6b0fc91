from datetime import timedelta

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import BookingCommon


@tagged("post_install", "-at_install")
class TestBookingRecurrence(BookingCommon):
    """Series of meetings: each pays, and a series that is written anew pays once."""

    def _make_series(self, *partners, count=3, **values):
        """Make a series of daily lessons; return its meetings in order."""
        first = self._make_meeting(
            *partners,
            recurrency=True,
            rrule_type_ui="daily",
            rrule_type="daily",
            interval=1,
            end_type="count",
            count=count,
            event_tz="UTC",
            **values,
        )
        return self._get_series(first)

    def _get_series(self, meeting):
        return meeting.recurrence_id.calendar_event_ids.sorted("start")

    def test_each_meeting_pays(self):
        [card] = self._make_cards(3)
        series = self._make_series(self.client)
        self.assertEqual(len(series), 3)
        self.assertPoints((card, 0))
        self.assertEqual(set(card.history_ids.mapped("order_id")), set(series.ids))

    def test_too_few_refuse_the_whole_series(self):
        [card] = self._make_cards(2)
        meetings = self.events.search_count([])
        with self.assertRaisesRegex(UserError, "Ada.*has no session"):
            with self.env.cr.savepoint():
                self._make_series(self.client)
        with self.assertRaisesRegex(UserError, "2 meetings remain without one"):
            with self.env.cr.savepoint():
                self._make_series(self.client, count=4)
        self.assertPoints((card, 2))
        self.assertEqual(self.events.search_count([]), meetings)

    def test_cards_that_expire_pay_the_first_meetings(self):
        never, soon = self._make_cards(2) + self._make_cards(2, days=2)
        self._make_series(self.client, count=4)
        self.assertPoints((never, 0), (soon, 0))

    def test_meeting_turned_into_a_series_pays_for_the_others(self):
        [card] = self._make_cards(3)
        meeting = self._make_meeting(self.client)
        self.assertPoints((card, 2))
        meeting.write(
            {
                "recurrency": True,
                "rrule_type_ui": "daily",
                "rrule_type": "daily",
                "interval": 1,
                "end_type": "count",
                "count": 3,
                "event_tz": "UTC",
            }
        )
        self.assertPoints((card, 0))

    def test_client_added_to_all_pays_for_each(self):
        [card] = self._make_cards(3)
        series = self._make_series()
        series[0].write(
            {
                "partner_ids": [(4, self.client.id)],
                "recurrence_update": "all_events",
            }
        )
        self.assertPoints((card, 0))

    def test_client_added_to_some_pays_for_those(self):
        [card] = self._make_cards(3)
        series = self._make_series()
        series[1].write(
            {
                "partner_ids": [(4, self.client.id)],
                "recurrence_update": "future_events",
            }
        )
        self.assertPoints((card, 1))
        series[0].write({"partner_ids": [(4, self.pupil.id)]})
        self.assertPoints((card, 0))

    def test_client_taken_off_all_gets_all_back(self):
        [card] = self._make_cards(3)
        series = self._make_series(self.client)
        series[0].write(
            {
                "partner_ids": [(3, self.client.id)],
                "recurrence_update": "all_events",
            }
        )
        self.assertPoints((card, 3))

    def test_series_moved_as_a_whole_keeps_its_credits(self):
        [card] = self._make_cards(3)
        series = self._make_series(self.client)
        lines = len(card.history_ids)
        first = series[0]
        first.write(
            {
                "start": first.start + timedelta(hours=2),
                "stop": first.stop + timedelta(hours=2),
                "recurrence_update": "all_events",
            }
        )
        self.assertPoints((card, 0))
        series = self._get_series(first)
        self.assertEqual(len(card.history_ids), lines)
        self.assertEqual(set(card.history_ids.mapped("order_id")), set(series.ids))
        self.assertEqual(
            sorted(line._get_order_description() for line in card.history_ids),
            sorted(meeting._get_session_label() for meeting in series),
        )

    def test_rest_of_a_series_moved_keeps_its_credits(self):
        [card] = self._make_cards(3)
        series = self._make_series(self.client)
        second = series[1]
        second.write(
            {
                "start": second.start + timedelta(hours=2),
                "stop": second.stop + timedelta(hours=2),
                "recurrence_update": "future_events",
            }
        )
        self.assertPoints((card, 0))
        self.assertEqual(
            len(self.bookings.search([("card_id", "=", card.id)]).event_id), 3
        )

    def test_longer_and_shorter_series(self):
        [card] = self._make_cards(4)
        first = self._make_series(self.client)[0]
        first.write({"count": 4, "recurrence_update": "all_events"})
        self.assertPoints((card, 0))
        with self.assertRaises(UserError), self.env.cr.savepoint():
            first.write({"count": 6, "recurrence_update": "all_events"})
        first.write({"count": 2, "recurrence_update": "all_events"})
        self.assertPoints((card, 2))

    def test_deleting_one_the_rest_and_all(self):
        [card] = self._make_cards(4)
        series = self._make_series(self.client, count=4)
        series[1].unlink()
        self.assertPoints((card, 1))
        series[2].action_mass_deletion("future_events")
        self.assertPoints((card, 3))
        series[0].action_mass_deletion("all_events")
        self.assertPoints((card, 4))

    def test_archiving_one_the_rest_and_all(self):
        [card] = self._make_cards(4)
        series = self._make_series(self.client, count=4)
        series[1].action_mass_archive("self_only")
        self.assertPoints((card, 1))
        series[2].action_mass_archive("future_events")
        self.assertPoints((card, 3))
        series[0].action_mass_archive("all_events")
        self.assertPoints((card, 4))

    def test_series_cut_off_gives_back(self):
        [card] = self._make_cards(3)
        series = self._make_series(self.client)
        series[0].write({"recurrency": False, "recurrence_update": "all_events"})
        self.assertPoints((card, 2))

    def test_answer_to_all_meetings(self):
        [card] = self._make_cards(3)
        series = self._make_series(self.pupil)
        attendees = series.attendee_ids.filtered(
            lambda attendee: attendee.partner_id == self.pupil
        )
        attendees.do_decline()
        self.assertPoints((card, 3))
        attendees.do_accept()
        self.assertPoints((card, 0))
