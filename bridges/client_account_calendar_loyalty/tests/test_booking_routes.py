from datetime import timedelta

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import BookingCommon


@tagged("post_install", "-at_install")
class TestBookingRoutes(BookingCommon, HttpCase):
    """Whoever comes by whatever route pays, and gets back by whatever route."""

    def setUp(self):
        super().setUp()
        [self.card] = self._make_cards(1)

    def _check_one_is_taken(self, meeting):
        """Check that a meeting has taken the only credit, so the next is refused."""
        self.assertPoints((self.card, 0))
        self.assertTrue(meeting.client_sessions)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._make_meeting(self.parent, days=9)

    def test_commands_on_partners(self):
        meeting = self._make_meeting()
        meeting.write({"partner_ids": [Command.set(self.pupil.ids)]})
        self._check_one_is_taken(meeting)
        meeting.write({"partner_ids": [Command.clear()]})
        self.assertPoints((self.card, 1))
        meeting.write({"partner_ids": [Command.link(self.client.id)]})
        self._check_one_is_taken(meeting)
        meeting.write({"partner_ids": [Command.unlink(self.client.id)]})
        self.assertPoints((self.card, 1))

    def test_commands_on_attendees(self):
        meeting = self._make_meeting()
        meeting.write({"attendee_ids": [Command.create({"partner_id": self.pupil.id})]})
        self._check_one_is_taken(meeting)
        attendee = meeting.attendee_ids.filtered(
            lambda attendee: attendee.partner_id == self.pupil
        )
        meeting.write({"attendee_ids": [Command.delete(attendee.id)]})
        self.assertPoints((self.card, 1))

    def test_attendees_by_themselves(self):
        meeting = self._make_meeting()
        attendees = self.env["calendar.attendee"].with_user(self.teacher)
        attendee = attendees.create(
            {"event_id": meeting.id, "partner_id": self.pupil.id}
        )
        self._check_one_is_taken(meeting)
        other = self._make_meeting(types=self.talk)
        attendee.event_id = other
        self.assertPoints((self.card, 1))
        attendee.event_id = meeting
        self._check_one_is_taken(meeting)
        attendee.unlink()
        self.assertPoints((self.card, 1))

    def test_meeting_made_with_attendees_of_its_own(self):
        meeting = self.events.create(
            {
                "name": "Scales",
                "start": self.now,
                "stop": self.now + timedelta(hours=1),
                "categ_ids": [Command.link(self.lesson.id)],
                "attendee_ids": [
                    Command.create({"partner_id": partner.id})
                    for partner in self.pupil + self.parent
                ],
            }
        )
        self._check_one_is_taken(meeting)

    def test_meetings_of_a_contact(self):
        meeting = self._make_meeting()
        # Sudo: contacts are others' to write, and what is asked is the meeting.
        pupil = self.pupil.sudo()
        pupil.write({"meeting_ids": [Command.link(meeting.id)]})
        self._check_one_is_taken(meeting)
        pupil.write({"meeting_ids": [Command.clear()]})
        self.assertPoints((self.card, 1))
        pupil.create(
            {
                "name": "Nina New",
                "parent_id": self.client.id,
                "meeting_ids": [Command.set(meeting.ids)],
            }
        )
        self._check_one_is_taken(meeting)

    def test_meetings_of_a_contact_that_is_given_its_client_again(self):
        meeting = self._make_meeting()
        self.pupil.sudo().write(
            {
                "parent_id": self.client.id,
                "meeting_ids": [Command.link(meeting.id)],
            }
        )
        self._check_one_is_taken(meeting)

    def test_meetings_of_a_contact_that_moves_meanwhile(self):
        """The new client pays for the meeting that is new, and for that alone."""
        [theirs] = self._make_cards(2, partner=self.other_client)
        self._make_meeting(self.pupil)
        meeting = self._make_meeting()
        self.pupil.sudo().write(
            {
                "parent_id": self.other_client.id,
                "meeting_ids": [Command.link(meeting.id)],
            }
        )
        self.assertPoints((self.card, 0), (theirs, 1))

    def test_defaults_of_the_context(self):
        meeting = self._make_meeting()
        attendees = self.env["calendar.attendee"].with_user(self.teacher)
        attendee = attendees.with_context(default_event_id=meeting.id).create(
            {"partner_id": self.pupil.id}
        )
        self._check_one_is_taken(meeting)
        attendee.unlink()
        self.assertPoints((self.card, 1))
        contacts = self.pupil.sudo().with_context(default_meeting_ids=meeting.ids)
        contacts.create({"name": "Nina New", "parent_id": self.client.id})
        self._check_one_is_taken(meeting)

    def test_contact_made_on_a_meeting_lets_others_stay_free(self):
        """Who was on a meeting before it cost anything pays nothing for it."""
        [theirs] = self._make_cards(1, partner=self.other_client)
        meeting = self._make_meeting(self.other_client, types=self.talk)
        self.talk.client_program_id = self.piano
        self.pupil.sudo().create(
            {
                "name": "Nina New",
                "parent_id": self.client.id,
                "meeting_ids": [Command.link(meeting.id)],
            }
        )
        self.assertPoints((self.card, 0), (theirs, 1))

    def test_contact_made_with_a_meeting_of_its_own(self):
        self.pupil.sudo().create(
            {
                "name": "Nina New",
                "parent_id": self.client.id,
                "meeting_ids": [
                    Command.create(
                        {
                            "name": "Scales",
                            "start": self.now,
                            "stop": self.now,
                            "categ_ids": self.lesson.ids,
                        }
                    )
                ],
            }
        )
        self.assertPoints((self.card, 0))

    def test_who_joins(self):
        meeting = self._make_meeting()
        meeting.action_join_meeting(self.pupil.id)
        self._check_one_is_taken(meeting)

    def test_default_attendees(self):
        meeting = self.events.with_context(default_partner_ids=self.client.ids).create(
            {
                "name": "Scales",
                "start": self.now,
                "stop": self.now + timedelta(hours=1),
                "categ_ids": self.lesson.ids,
            }
        )
        self.assertIn(self.client, meeting.partner_ids)
        self._check_one_is_taken(meeting)

    def test_deletion_by_the_window_of_the_calendar(self):
        meeting = self._make_meeting(self.client)
        action = meeting.action_unlink_event()
        wizard = (
            self.env[action["res_model"]]
            .with_user(self.teacher)
            .with_context(**action["context"])
            .create({})
        )
        wizard.action_delete()
        self.assertFalse(meeting.exists())
        self.assertPoints((self.card, 1))

    # === Invitations ===

    def _get_attendee(self, meeting, partner):
        return meeting.attendee_ids.filtered(
            lambda attendee: attendee.partner_id == partner
        )

    def test_who_declines_gets_it_back_and_pays_on_accepting(self):
        meeting = self._make_meeting(self.pupil)
        attendee = self._get_attendee(meeting, self.pupil)
        for answer in ("do_accept", "do_tentative"):
            getattr(attendee, answer)()
            self.assertPoints((self.card, 0))
        attendee.do_decline()
        self.assertPoints((self.card, 1))
        meeting.write({"name": "Chords", "partner_ids": [Command.link(self.pupil.id)]})
        self.assertPoints((self.card, 1))
        attendee.do_accept()
        self._check_one_is_taken(meeting)

    def test_accepting_with_none_left_is_refused(self):
        meeting = self._make_meeting(self.pupil)
        attendee = self._get_attendee(meeting, self.pupil)
        attendee.do_decline()
        self._make_meeting(self.client, days=2)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            attendee.do_accept()
        self.assertEqual(attendee.state, "declined")
        self.assertPoints((self.card, 0))

    def test_client_comes_as_long_as_one_contact_does(self):
        meeting = self._make_meeting(self.pupil, self.parent)
        self._get_attendee(meeting, self.pupil).do_decline()
        self.assertPoints((self.card, 0))
        self._get_attendee(meeting, self.parent).do_decline()
        self.assertPoints((self.card, 1))

    def test_who_declines_once_it_has_begun_has_missed_it(self):
        meeting = self._make_meeting(self.pupil, start=self.now - timedelta(minutes=20))
        self._get_attendee(meeting, self.pupil).do_decline()
        self.assertPoints((self.card, 0))
        meeting.name = "Missed"
        meeting.partner_ids += self.other_client.browse()
        self.assertPoints((self.card, 0))
        meeting.partner_ids -= self.pupil
        self.assertPoints((self.card, 1))

    def test_links_in_the_invitation(self):
        """Nobody is signed in who follows them; the meeting is private."""
        meeting = self._make_meeting(self.parent, privacy="private")
        attendee = self._get_attendee(meeting, self.parent)

        def follow(answer):
            response = self.url_open(
                f"/calendar/meeting/{answer}"
                f"?token={attendee.access_token}&id={meeting.id}"
            )
            self.env.invalidate_all()
            return response

        follow("decline").raise_for_status()
        self.assertPoints((self.card, 1))
        follow("accept").raise_for_status()
        self.assertPoints((self.card, 0))
        follow("decline")
        other = self._make_meeting(self.client, days=2)
        with mute_logger("odoo.http"):
            response = follow("accept")
        self.assertEqual(response.status_code, 422)
        self.assertIn("has no session credit of Piano Pack left", response.text)
        self.assertIn("get in touch with us", response.text)
        self.assertEqual(attendee.state, "declined")
        other.unlink()
        self.assertPoints((self.card, 1))

    def test_private_meeting_masked_in_the_cache_keeps_its_credit(self):
        meeting = self._make_meeting(self.pupil, self.parent, privacy="private")
        self.env.invalidate_all()
        masked = meeting.with_user(self.viewer)
        self.assertFalse(masked.partner_ids)
        self._get_attendee(meeting.sudo(), self.pupil)
        attendees = self.env["calendar.attendee"].sudo()
        attendees.search(
            [("event_id", "=", meeting.id), ("partner_id", "=", self.pupil.id)]
        ).do_decline()
        self.assertPoints((self.card, 0))
