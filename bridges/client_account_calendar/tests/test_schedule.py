from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ..models.res_partner import SHOWN_MEETINGS
from .common import ClientCalendarCommon


@tagged("post_install", "-at_install")
class TestSchedule(ClientCalendarCommon):
    """The meetings of a client and its contacts on its account and contact."""

    def _get_schedule(self, record=None, user=None):
        """Return the meetings to come and those over, with how many there are."""
        self.env.invalidate_all()
        partner = (record or self.client).with_user(user or self.teacher)
        return (
            partner.client_upcoming_meeting_ids,
            partner.client_upcoming_meeting_count,
            partner.client_past_meeting_ids,
            partner.client_past_meeting_count,
        )

    def test_without_meetings_the_lists_are_empty(self):
        upcoming, upcoming_count, past, past_count = self._get_schedule()
        self.assertFalse(upcoming | past)
        self.assertEqual((upcoming_count, past_count), (0, 0))

    def test_next_comes_first_and_latest_over_comes_first(self):
        later = self._make_meeting(self.client, days=5)
        sooner = self._make_meeting(self.pupil, days=2)
        long_ago = self._make_meeting(self.parent, days=-9)
        yesterday = self._make_meeting(self.client, self.pupil, days=-1)
        self._make_meeting(self.other_client, days=3)
        upcoming, upcoming_count, past, past_count = self._get_schedule()
        self.assertEqual(upcoming.ids, (sooner + later).ids)
        self.assertEqual(past.ids, (yesterday + long_ago).ids)
        self.assertEqual((upcoming_count, past_count), (2, 2))

    def test_the_account_and_each_contact_show_the_same(self):
        meeting = self._make_meeting(self.pupil)
        over = self._make_meeting(self.parent, days=-3)
        self.assertEqual(self._get_schedule(self.parent), (meeting, 1, over, 1))
        self.assertRecordValues(
            self.account.with_user(self.viewer),
            [
                {
                    "upcoming_meeting_ids": meeting.ids,
                    "upcoming_meeting_count": 1,
                    "past_meeting_ids": over.ids,
                    "past_meeting_count": 1,
                }
            ],
        )

    def test_meeting_under_way_is_to_come_and_one_of_today_too(self):
        under_way = self._make_meeting(
            self.client, start=self.now - timedelta(minutes=30)
        )
        today = fields.Date.context_today(self.teacher)
        all_day = self._make_meeting(
            self.client, allday=True, start_date=today, stop_date=today
        )
        upcoming, _count, past, _count = self._get_schedule()
        self.assertEqual(upcoming, under_way | all_day)
        self.assertFalse(past)

    def test_archived_meeting_is_left_out_and_archived_contact_is_not(self):
        kept = self._make_meeting(self.pupil)
        self._make_meeting(self.client).action_archive()
        self.pupil.action_archive()
        upcoming, count, _past, _count = self._get_schedule()
        self.assertEqual((upcoming, count), (kept, 1))

    def test_private_meeting_of_others_is_left_out(self):
        private = self._make_meeting(self.client, privacy="private")
        self.assertEqual(self._get_schedule()[:2], (private, 1))
        self.assertEqual(
            self._get_schedule(user=self.viewer)[:2], (private.browse(), 0)
        )
        action = self.client.with_user(self.viewer).action_client_view_meetings()
        events = self.env["calendar.event"].with_user(self.viewer)
        self.assertFalse(events.search(action["domain"]))

    def test_private_meeting_is_shown_to_who_attends_it(self):
        private = self._make_meeting(
            self.client, self.viewer.partner_id, privacy="private"
        )
        self.assertEqual(self._get_schedule(user=self.viewer)[:2], (private, 1))

    def test_meetings_of_a_private_calendar_are_left_out(self):
        self.teacher.with_user(self.teacher).calendar_default_privacy = "private"
        meeting = self._make_meeting(self.client)
        self.assertEqual(self._get_schedule()[:2], (meeting, 1))
        self.assertFalse(self._get_schedule(user=self.viewer)[0])

    def test_user_of_another_company_sees_the_meetings(self):
        """Meetings have no company, and neither has the schedule."""
        company = self.setup_other_company()["company"]
        meeting = self._make_meeting(self.client)
        stranger = self._make_user("cal_stranger", "base.group_user", company)
        self.assertEqual(self._get_schedule(user=stranger)[:2], (meeting, 1))

    def test_portal_user_reads_no_schedule(self):
        portal = self._make_user(
            "cal_portal", "base.group_portal", partner_id=self.parent.id
        )
        self._make_meeting(self.parent)
        for name in ("client_upcoming_meeting_ids", "client_past_meeting_count"):
            with self.assertRaises(AccessError):
                self.parent.with_user(portal).read([name])

    def test_lists_are_bounded_and_counts_are_not(self):
        more = SHOWN_MEETINGS + 3
        attendees = [Command.link(self.client.id)]
        self.env["calendar.event"].create(
            [
                {
                    "name": f"Lesson {number}",
                    "start": self.now + timedelta(days=number + 1),
                    "stop": self.now + timedelta(days=number + 1, hours=1),
                    "partner_ids": attendees,
                }
                for number in range(more)
            ]
        )
        upcoming, count, _past, _count = self._get_schedule()
        self.assertEqual((len(upcoming), count), (SHOWN_MEETINGS, more))
        self.assertEqual(upcoming[:1].name, "Lesson 0")
        action = self.account.with_user(self.viewer).action_view_meetings()
        events = self.env["calendar.event"].with_user(self.teacher)
        self.assertEqual(events.search_count(action["domain"]), more)

    def test_queries_do_not_grow_with_the_meetings(self):
        def count_queries():
            self.env.invalidate_all()
            partner = self.client.with_user(self.teacher)
            # What any page reads first.
            partner.read(["name", "commercial_partner_id"])
            self.teacher.has_group("base.group_user")
            before = self.env.cr.sql_log_count
            partner.read(["client_upcoming_meeting_ids", "client_past_meeting_ids"])
            return self.env.cr.sql_log_count - before

        self._make_meeting(self.client)
        self._make_meeting(self.client, days=-1)
        count_queries()
        few = count_queries()
        for days in range(1, 9):
            self._make_meeting(self.client, days=days)
            self._make_meeting(self.pupil, days=-days)
        self.assertEqual(count_queries(), few)

    def test_every_row_opens_its_meeting(self):
        meeting = self._make_meeting(self.client)
        action = meeting.with_user(self.viewer).action_open_client_meeting()
        self.assertEqual(
            (action["res_model"], action["res_id"]), ("calendar.event", meeting.id)
        )
        view = self.env.ref("client_account_calendar.calendar_event_view_list_client")
        self.assertIn('action="action_open_client_meeting"', view.arch)

    def test_the_page_is_there_for_who_sees_no_figures_too(self):
        for user in (self.teacher, self.viewer):
            form = Form(self.client.with_user(user))
            self.assertIn("client_upcoming_meeting_ids", form._view["fields"])
