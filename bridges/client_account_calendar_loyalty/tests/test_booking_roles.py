from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import BookingCommon


@tagged("post_install", "-at_install")
class TestBookingRoles(BookingCommon):
    """Who lets a client come without a credit, and who learns what."""

    def _get_notes(self, record):
        return " ".join(record.sudo().message_ids.mapped("body"))

    def test_approver_gives_a_reason_and_it_is_logged(self):
        meeting = self._make_meeting(self.approver.partner_id)
        meeting = meeting.with_user(self.approver)
        vals = {"partner_ids": [Command.link(self.client.id)]}
        with self.assertRaisesRegex(UserError, "say under “Without a Session Credit”"):
            with self.env.cr.savepoint():
                meeting.write(dict(vals))
        meeting.write({**vals, "client_session_reason": "Trial lesson"})
        self.assertEqual(
            meeting.client_sessions,
            "Ada Piano School: no credit of Piano Pack. Trial lesson",
        )
        booking = self.bookings.search([("event_id", "=", meeting.id)])
        self.assertRecordValues(
            booking,
            [
                {
                    "card_id": False,
                    "reason": "Trial lesson",
                    "create_uid": self.approver.id,
                }
            ],
        )
        for record in (meeting, self.account):
            notes = self._get_notes(record)
            self.assertIn("Trial lesson", notes)
            self.assertIn(self.approver.name, notes)
        self.assertFalse(meeting.client_session_reason)

    def test_who_has_a_credit_pays_though_a_reason_is_given(self):
        [card] = self._make_cards(1)
        meeting = self._make_meeting(
            self.client,
            self.other_client,
            user=self.approver,
            client_session_reason="Trial lesson",
        )
        self.assertPoints((card, 0))
        self.assertIn("Bela Chess Club: no credit", meeting.client_sessions)
        self.assertIn("Ada Piano School: one credit", meeting.client_sessions)

    def test_reason_counts_once(self):
        meeting = self._make_meeting(
            self.client, user=self.approver, client_session_reason="Trial lesson"
        )
        with self.assertRaises(UserError), self.env.cr.savepoint():
            meeting.partner_ids += self.other_client
        # Who came without gets nothing back, and needs a reason to come again.
        meeting.partner_ids -= self.client
        self.assertFalse(self.bookings.search([("event_id", "=", meeting.id)]))
        with self.assertRaises(UserError), self.env.cr.savepoint():
            meeting.partner_ids += self.client

    def test_reason_of_a_series_counts_for_all_of_it(self):
        meeting = self._make_meeting(
            self.client,
            user=self.approver,
            client_session_reason="Trial month",
            recurrency=True,
            rrule_type_ui="daily",
            rrule_type="daily",
            interval=1,
            end_type="count",
            count=3,
            event_tz="UTC",
        )
        bookings = self.bookings.search(
            [("event_id", "in", meeting.recurrence_id.calendar_event_ids.ids)]
        )
        self.assertEqual(bookings.mapped("reason"), ["Trial month"] * 3)

    def test_others_give_no_reason(self):
        for user in (self.teacher, self.viewer, self.officer, self.seller):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex(AccessError, "Only approvers"),
                self.env.cr.savepoint(),
            ):
                self._make_meeting(
                    self.client, user=user, client_session_reason="Because"
                )
        context = {"default_client_session_reason": "Because"}
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.events.with_context(**context).create(
                {
                    "name": "Scales",
                    "start": self.now,
                    "stop": self.now,
                    "categ_ids": self.lesson.ids,
                    "partner_ids": self.client.ids,
                }
            )

    def test_blank_and_endless_reasons_are_none(self):
        for reason in (" ", "", False, "x" * 3000):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                self._make_meeting(
                    self.client, user=self.approver, client_session_reason=reason
                )

    def test_nobody_writes_bookings(self):
        [card] = self._make_cards(2)
        self._make_meeting(self.client)
        booking = self.bookings.search([("card_id", "=", card.id)])
        for user in (self.teacher, self.seller, self.officer, self.approver):
            own = booking.with_user(user)
            with self.assertRaises(AccessError):
                own.unlink()
            with self.assertRaises(AccessError):
                own.write({"card_id": False})
            with self.assertRaises(AccessError):
                own.create({"partner_id": self.client.id, "label": "x"})
        self.assertEqual(booking.with_user(self.officer).label, booking.label)
        for user in (self.teacher, self.viewer):
            with self.assertRaises(AccessError):
                booking.with_user(user).read(["card_id"])

    def test_plain_user_arranges_and_learns_nothing_of_cards(self):
        [card] = self._make_cards(7)
        meeting = self._make_meeting(self.client)
        self.assertPoints((card, 6))
        with self.assertRaises(AccessError):
            card.with_user(self.teacher).read(["points"])
        form = Form(meeting)
        self.assertIn("one credit", form.client_sessions)
        self.assertNotIn("client_session_reason", form._view["fields"])
        form = Form(meeting.with_user(self.approver))
        self.assertIn("client_session_reason", form._view["fields"])

    def test_portal_attendee_reads_and_changes_nothing(self):
        portal = self._make_user(
            "book_portal", "base.group_portal", partner_id=self.parent.id
        )
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.parent)
        mine = meeting.with_user(portal)
        for name in ("client_sessions", "client_session_reason"):
            with self.assertRaises(AccessError):
                mine.read([name])
        for vals in ({"active": False}, {"client_session_reason": "x"}):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                mine.write(vals)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            mine.unlink()
        self.assertPoints((card, 0))

    def test_who_may_not_delete_gives_nothing_back(self):
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.client, privacy="private")
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            meeting.with_user(self.viewer).unlink()
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            meeting.with_user(self.viewer).write({"active": False})
        self.assertPoints((card, 0))

    def test_no_context_key_keeps_a_meeting_from_paying(self):
        [card] = self._make_cards(1)
        context = {
            "client_session_changes": True,
            "client_sessions": False,
            "loyalty_no_mail": True,
            "is_calendar_event_new": True,
            "dont_notify": True,
            "skip_attendee_notification": True,
        }
        self._make_meeting()
        self.events.with_context(**context).create(
            {
                "name": "Scales",
                "start": self.now,
                "stop": self.now,
                "categ_ids": self.lesson.ids,
                "partner_ids": self.client.ids,
            }
        )
        self.assertPoints((card, 0))

    def test_administrator_sets_what_a_type_costs(self):
        admin = self._make_user("book_admin", "base.group_system")
        types = self.env["calendar.event.type"].with_user(admin)
        made = types.create({"name": "Duet", "client_program_id": self.piano.id})
        self.assertEqual(made.client_program_id, self.piano)
        with self.assertRaises(AccessError):
            made.with_user(self.teacher).client_program_id = False
