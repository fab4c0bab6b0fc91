from contextlib import suppress
from datetime import timedelta

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import BookingCommon


@tagged("post_install", "-at_install")
class TestBookingRules(BookingCommon):
    """What a meeting costs whom, from which card, and when it is given back."""

    def test_client_who_is_added_pays_one_and_gets_it_back(self):
        [card] = self._make_cards(2)
        meeting = self._make_meeting()
        self.assertPoints((card, 2))
        meeting.partner_ids += self.client
        self.assertPoints((card, 1))
        self.assertEqual(
            meeting.client_sessions, "Ada Piano School: one credit of Piano Pack"
        )
        meeting.partner_ids -= self.client
        self.assertPoints((card, 2))
        self.assertFalse(meeting.client_sessions)

    def test_history_says_which_meeting(self):
        [card] = self._make_cards(2)
        meeting = self._make_meeting(self.client)
        meeting.partner_ids -= self.client
        label = meeting._get_session_label()
        self.assertIn("Scales, ", label)
        self.assertRecordValues(
            card.history_ids.sorted("id"),
            [
                {
                    "used": 1,
                    "issued": 0,
                    "description": label,
                    "order_model": "calendar.event",
                    "order_id": meeting.id,
                },
                {
                    "used": 0,
                    "issued": 1,
                    "description": f"Given back: {label}",
                    "order_model": "calendar.event",
                    "order_id": meeting.id,
                },
            ],
        )
        self.assertEqual(
            set(card.history_ids.with_user(self.officer).mapped("client_origin")),
            {label},
        )

    def test_history_of_a_deleted_meeting_still_says_which(self):
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.client)
        label = meeting._get_session_label()
        meeting.unlink()
        self.assertPoints((card, 1))
        taken = card.history_ids.sorted("id")[0]
        self.assertEqual(taken._get_order_description(), label)
        taken.with_user(self.officer).web_read(
            {"order_id": {"fields": {"display_name": {}}}, "client_origin": {}}
        )

    def test_private_meeting_is_not_named(self):
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.client, privacy="private")
        line = card.history_ids
        self.assertIn("Private meeting", line.description)
        self.assertNotIn("Scales", line.description)
        self.env.invalidate_all()
        self.assertNotIn(
            "Scales", line.with_user(self.officer)._get_order_description()
        )
        self.assertFalse(meeting.with_user(self.officer).client_sessions)

    def test_two_contacts_of_a_client_pay_once(self):
        [card] = self._make_cards(2)
        meeting = self._make_meeting(self.pupil, self.parent, self.client)
        self.assertPoints((card, 1))
        meeting.partner_ids += self.pupil
        meeting.partner_ids -= self.pupil
        meeting.partner_ids -= self.client
        self.assertPoints((card, 1))
        meeting.partner_ids -= self.parent
        self.assertPoints((card, 2))

    def test_each_client_pays_and_colleagues_do_not(self):
        [card] = self._make_cards(2)
        [theirs] = self._make_cards(5, partner=self.other_client)
        self._make_meeting(self.client, self.other_client, self.viewer.partner_id)
        self.assertPoints((card, 1), (theirs, 4))

    def test_none_left_is_refused_in_words(self):
        [card] = self._make_cards(1)
        self._make_meeting(self.client)
        pattern = (
            r"Ada Piano School has no session credit of Piano Pack left for Scales"
        )
        with self.assertRaisesRegex(UserError, pattern), self.env.cr.savepoint():
            self._make_meeting(self.client, days=2)
        meeting = self._make_meeting(days=3)
        with self.assertRaisesRegex(UserError, "ask an approver"):
            with self.env.cr.savepoint():
                meeting.partner_ids += self.client
        self.assertPoints((card, 0))

    def test_client_without_any_card_is_refused(self):
        with self.assertRaisesRegex(UserError, "Bela Chess Club has no session"):
            self._make_meeting(self.other_client)

    def test_one_of_two_clients_without_credit_refuses_both(self):
        [card] = self._make_cards(1)
        with self.assertRaisesRegex(UserError, "Bela"), self.env.cr.savepoint():
            self._make_meeting(self.client, self.other_client)
        self.assertPoints((card, 1))

    def test_card_that_expires_first_pays_first(self):
        later, never, sooner = (
            self._make_cards(1, days=20)
            + self._make_cards(1)
            + self._make_cards(1, partner=self.pupil, days=10)
        )
        self._make_meeting(self.client)
        self.assertPoints((sooner, 0), (later, 1), (never, 1))
        self._make_meeting(self.client, days=2)
        self.assertPoints((sooner, 0), (later, 0), (never, 1))
        self._make_meeting(self.client, days=3)
        self.assertPoints((sooner, 0), (later, 0), (never, 0))

    def test_expired_archived_and_broken_cards_pay_nothing(self):
        self._make_cards(5, days=-1)
        self._make_cards(0.5, 0.5)
        self._make_card(5).action_archive()
        with self.assertRaises(UserError):
            self._make_meeting(self.client)

    def test_card_must_last_until_the_meeting(self):
        [card] = self._make_cards(5, days=3)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._make_meeting(self.client, days=5)
        self._make_meeting(self.client, days=2)
        self.assertPoints((card, 4))

    def test_meeting_entered_afterwards_is_paid(self):
        [card] = self._make_cards(5)
        self._make_meeting(self.client, days=-3)
        self.assertPoints((card, 4))

    def test_drag_to_another_day_keeps_the_credit(self):
        [card] = self._make_cards(1, days=5)
        meeting = self._make_meeting(self.client)
        lines = card.history_ids
        for days in (3, 30, -2):
            start = self.now + timedelta(days=days)
            meeting.write({"start": start, "stop": start + timedelta(hours=1)})
            self.assertPoints((card, 0))
        self.assertEqual(card.history_ids, lines)

    def test_archived_meeting_gives_back_and_takes_when_it_is_revived(self):
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.client)
        meeting.action_archive()
        self.assertPoints((card, 1))
        meeting.action_unarchive()
        self.assertPoints((card, 0))
        meeting.action_archive()
        other = self._make_meeting(self.client)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            meeting.action_unarchive()
        other.unlink()
        self.assertPoints((card, 1))

    def test_credit_goes_back_to_its_card_though_it_has_expired(self):
        first, other = self._make_cards(1, days=5) + self._make_cards(1)
        meeting = self._make_meeting(self.client)
        first.expiration_date = self.today - timedelta(days=1)
        meeting.unlink()
        self.assertPoints((first, 1), (other, 1))

    def test_copy_pays_for_itself(self):
        [card] = self._make_cards(2)
        meeting = self._make_meeting(self.client)
        copy = meeting.copy()
        self.assertPoints((card, 0))
        self.assertEqual(len(self.bookings.search([("card_id", "=", card.id)])), 2)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            meeting.copy()
        copy.unlink()
        self.assertPoints((card, 1))

    def test_repeated_calls_take_nothing_more(self):
        [card] = self._make_cards(3)
        meeting = self._make_meeting(self.client)
        for _time in range(2):
            meeting.write({"partner_ids": [Command.link(self.client.id)]})
            meeting.write({"categ_ids": [Command.link(self.lesson.id)]})
            meeting.write({"active": True, "name": "Chords"})
        self.assertPoints((card, 2))
        for _time in range(2):
            meeting.write({"partner_ids": [Command.unlink(self.client.id)]})
        self.assertPoints((card, 3))

    # === Types ===

    def test_type_added_and_removed_later(self):
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.client, types=self.talk)
        self.assertPoints((card, 1))
        meeting.categ_ids += self.lesson
        self.assertPoints((card, 0))
        meeting.categ_ids -= self.talk
        self.assertPoints((card, 0))
        meeting.categ_ids -= self.lesson
        self.assertPoints((card, 1))
        self._make_meeting(self.client)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            meeting.categ_ids += self.lesson

    def test_types_of_two_programs_cost_one_of_each_and_of_one_cost_one(self):
        chess = self._make_program("Chess Pack")
        game = self.types.create({"name": "Game", "client_program_id": chess.id})
        scales = self.types.create(
            {"name": "Scales", "client_program_id": self.piano.id}
        )
        [card] = self._make_cards(2)
        [other] = self._make_cards(2, program=chess)
        meeting = self._make_meeting(self.client, types=self.lesson + scales + game)
        self.assertPoints((card, 1), (other, 1))
        meeting.categ_ids -= self.lesson
        self.assertPoints((card, 1), (other, 1))
        meeting.categ_ids -= game
        self.assertPoints((card, 1), (other, 2))

    def test_type_that_begins_to_cost_is_for_who_comes_from_then_on(self):
        [card] = self._make_cards(3)
        [theirs] = self._make_cards(3, partner=self.other_client)
        meeting = self._make_meeting(self.client, types=self.talk)
        self.talk.client_program_id = self.piano
        meeting.write({"name": "Chords"})
        meeting.partner_ids += self.other_client
        self.assertPoints((card, 3), (theirs, 2))

    def test_type_that_has_taken_credits_keeps_its_program(self):
        [card] = self._make_cards(3)
        chess = self._make_program("Chess Pack")
        meeting = self._make_meeting(self.client)
        for vals in ({"client_program_id": chess.id}, {"client_program_id": False}):
            with self.assertRaisesRegex(UserError, "Piano Lesson"):
                with self.env.cr.savepoint():
                    self.lesson.write(vals)
        self.lesson.write({"client_program_id": self.piano.id, "color": 3})
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.lesson.unlink()
        meeting.categ_ids -= self.lesson
        self.lesson.client_program_id = chess
        self.lesson.unlink()
        self.assertPoints((card, 3))

    def test_type_costs_sessions_and_no_money(self):
        for kind in ("ewallet", "gift_card", "promotion"):
            program = self._make_program(kind, kind)
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.talk.client_program_id = program

    # === Clients ===

    def test_program_that_lessons_cost_does_not_come_to_hold_money(self):
        [card] = self._make_cards(2)
        self._make_meeting(self.pupil)
        for program_type in ("ewallet", "gift_card", "promo_code"):
            with self.assertRaisesRegex(ValidationError, "Piano Pack.*Piano Lesson"):
                with self.env.cr.savepoint():
                    self.piano.program_type = program_type
        self.piano.program_type = "loyalty"
        self.assertPoints((card, 1))
        pack = self._make_program("Pack That Nothing Costs")
        pack.program_type = "ewallet"
        self.assertEqual(pack.program_type, "ewallet")

    def test_client_gets_no_message_when_credits_come_back(self):
        template = self.env["mail.template"].create(
            {
                "name": "Milestone",
                "model_id": self.env["ir.model"]._get_id("loyalty.card"),
                "partner_to": "{{ object.partner_id.id }}",
                "subject": "You reached a milestone",
            }
        )
        self.piano.communication_plan_ids = [
            Command.create(
                {
                    "trigger": "points_reach",
                    "points": 1,
                    "mail_template_id": template.id,
                }
            )
        ]
        [card] = self._make_cards(1)
        meeting = self._make_meeting(self.client)
        mails = self.env["mail.mail"].sudo().search_count([])
        meeting.action_archive()
        self.assertPoints((card, 1))
        self.assertEqual(self.env["mail.mail"].sudo().search_count([]), mails)

    def test_contact_that_is_deleted_gives_back(self):
        [card] = self._make_cards(2)
        meeting = self._make_meeting(self.pupil)
        self.assertPoints((card, 1))
        self.pupil.unlink()
        self.assertPoints((card, 2))
        self.assertFalse(meeting.client_sessions)

    def test_credit_goes_back_to_the_card_that_was_merged(self):
        [card] = self._make_cards(2, partner=self.other_client)
        meeting = self._make_meeting(self.other_client)
        [kept] = self._make_cards(4)
        wizard = self.env["base.partner.merge.automatic.wizard"].sudo().create({})
        wizard._merge((self.client + self.other_client).ids, self.client)
        self.env.invalidate_all()
        self.assertEqual((kept.points, card.active), (5, False))
        meeting.unlink()
        self.assertEqual(kept.points, 6)

    def _merge(self, *partners):
        """Merge these contacts into the last of them."""
        wizard = self.env["base.partner.merge.automatic.wizard"].sudo().create({})
        wizard._merge([partner.id for partner in partners], partners[-1])
        self.env.invalidate_all()

    def test_clients_who_become_one_have_paid_once(self):
        [card] = self._make_cards(2, partner=self.other_client)
        [kept] = self._make_cards(4)
        meeting = self._make_meeting(self.client, self.other_client)
        self.assertPoints((card, 1), (kept, 3))
        self._merge(self.other_client, self.client)
        booking = self.bookings.search([("event_id", "=", meeting.id)])
        self.assertEqual(booking.partner_id, self.client)
        self.assertEqual(kept.points, 3 + 2)
        meeting.unlink()
        self.assertEqual(kept.points, 6)

    def test_contact_who_moves_to_another_client_has_paid(self):
        [card] = self._make_cards(2)
        [theirs] = self._make_cards(1, partner=self.other_client)
        meeting = self._make_meeting(self.pupil)
        self.pupil.sudo().parent_id = self.other_client
        booking = self.bookings.search([("event_id", "=", meeting.id)])
        self.assertEqual(booking.partner_id, self.other_client)
        self.assertPoints((card, 1), (theirs, 1))
        # Whatever changes of the meeting, nobody pays again, nor has it for nothing.
        meeting.write({"name": "Chords", "categ_ids": self.lesson.ids})
        self.assertPoints((card, 1), (theirs, 1))
        meeting.unlink()
        self.assertPoints((card, 2), (theirs, 1))

    def test_contact_who_moves_to_a_client_who_has_paid_gives_back(self):
        [card] = self._make_cards(2)
        [theirs] = self._make_cards(1, partner=self.other_client)
        meeting = self._make_meeting(self.pupil, self.other_client)
        self.assertPoints((card, 1), (theirs, 0))
        self.pupil.sudo().parent_id = self.other_client
        self.assertPoints((card, 2), (theirs, 0))
        meeting.unlink()
        self.assertPoints((card, 2), (theirs, 1))

    def test_contact_who_moves_leaves_what_others_of_the_client_have_paid(self):
        [card] = self._make_cards(2)
        meeting = self._make_meeting(self.pupil, self.parent)
        self.pupil.sudo().parent_id = self.other_client
        self.assertPoints((card, 1))
        meeting.unlink()
        self.assertPoints((card, 2))

    def test_contact_merged_into_one_of_another_client_has_paid(self):
        [card] = self._make_cards(2)
        friend = self.parent.copy({"parent_id": self.other_client.id})
        meeting = self._make_meeting(self.pupil)
        self._merge(self.pupil, friend)
        booking = self.bookings.search([("event_id", "=", meeting.id)])
        self.assertEqual(booking.partner_id, self.other_client)
        meeting.unlink()
        self.assertEqual(card.points, 2)

    def test_savepoint_of_another_module_within_a_change_is_no_trouble(self):
        [card] = self._make_cards(1)
        event = self._make_meeting()
        with event._changing_sessions():
            event.partner_ids += self.client
            with suppress(ZeroDivisionError), self.env.cr.savepoint():
                raise ZeroDivisionError
            event.partner_ids -= self.client
            event.partner_ids += self.other_client
            event.partner_ids -= self.other_client
        self.assertPoints((card, 1))

    def test_program_of_another_company_is_paid_by_its_cards(self):
        other = self.setup_other_company()["company"]
        program = self._make_program("Theirs", company_id=other.id)
        self.talk.client_program_id = program
        [card] = self._make_cards(2, program=program)
        meeting = self._make_meeting(self.client, types=self.talk)
        self.assertPoints((card, 1))
        meeting.unlink()
        self.assertPoints((card, 2))

    def test_queries_do_not_grow_with_the_meetings(self):
        """Held against meetings that cost nothing: Odoo's own queries grow."""
        [card] = self._make_cards(40)

        def count_queries(number, event_type):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.events.with_context(no_mail_to_attendees=True).create(
                [
                    {
                        "name": "Scales",
                        "categ_ids": event_type.ids,
                        "partner_ids": self.client.ids,
                        "start": self.now + timedelta(days=day),
                        "stop": self.now + timedelta(days=day, hours=1),
                    }
                    for day in range(1, number + 1)
                ]
            )
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count_queries(1, self.lesson)
        few = count_queries(2, self.lesson) - count_queries(2, self.talk)
        many = count_queries(20, self.lesson) - count_queries(20, self.talk)
        self.assertPoints((card, 17))
        self.assertLessEqual(many, few + 3)

    def test_empty_recordset_is_no_trouble(self):
        empty = self.events.browse()
        empty.write({"partner_ids": [Command.link(self.client.id)]})
        empty.unlink()
        empty.attendee_ids.unlink()
        self.assertFalse(self.bookings.search([("partner_id", "=", self.client.id)]))
