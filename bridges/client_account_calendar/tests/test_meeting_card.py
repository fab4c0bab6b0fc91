from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import ClientCalendarCommon

CARD = ["client_ids", "client_notes"]


@tagged("post_install", "-at_install")
class TestMeetingCard(ClientCalendarCommon):
    """What a meeting says of the clients who attend it, and to whom."""

    def test_balance_and_notes_of_the_client_stand_on_the_meeting(self):
        self._make_invoice(20)
        meeting = self._make_meeting(self.pupil).with_user(self.viewer)
        self.assertEqual(meeting.client_ids, self.client)
        self.assertEqual(meeting.client_balances, "Ada Piano School: $\xa020.00 owed")
        self.assertIn("Allergic to nuts", meeting.client_notes)

    def test_two_contacts_of_a_client_show_it_once(self):
        meeting = self._make_meeting(self.pupil, self.parent).with_user(self.viewer)
        self.assertEqual(meeting.client_balances, "Ada Piano School: a balance of zero")
        self.assertEqual(meeting.client_notes.count("Allergic"), 1)

    def test_several_clients_stand_side_by_side(self):
        self._get_account(self.other_client)
        self._issue_credit(15, self.other_client)
        self.other_client.comment = "<p>Plays the Sicilian</p>"
        meeting = self._make_meeting(self.client, self.other_client)
        meeting = meeting.with_user(self.viewer)
        self.assertEqual(
            meeting.client_balances,
            "Ada Piano School: a balance of zero · "
            "Bela Chess Club: $\xa015.00 in credit",
        )
        for words in ("Ada Piano School", "Allergic", "Bela Chess Club", "Sicilian"):
            self.assertIn(words, meeting.client_notes)

    def test_meeting_among_colleagues_says_nothing(self):
        meeting = self._make_meeting(self.viewer.partner_id).with_user(self.viewer)
        self.assertFalse(meeting.client_ids)
        self.assertFalse(meeting.client_balances)
        self.assertFalse(meeting.client_notes)

    def test_client_without_account_has_no_balance(self):
        stranger = self.env["res.partner"].create({"name": "Carl Stranger"})
        meeting = self._make_meeting(stranger).with_user(self.viewer)
        self.assertEqual(meeting.client_ids, stranger)
        self.assertFalse(meeting.client_balances)

    def test_plain_user_reads_notes_and_no_balance(self):
        meeting = self._make_meeting(self.client).with_user(self.teacher)
        self.assertIn("Allergic", meeting.client_notes)
        with self.assertRaises(AccessError):
            meeting.read(["client_balances"])
        views = meeting.get_views([(False, "form"), (False, "calendar")])
        self.assertNotIn("client_balances", str(views))
        self.assertIn("client_notes", views["views"]["calendar"]["arch"])
        views = meeting.with_user(self.viewer).get_views([(False, "calendar")])
        self.assertIn("client_balances", views["views"]["calendar"]["arch"])

    def test_staff_who_may_see_balances_by_the_setting_see_it(self):
        """The core's setting decides for all, not this glue."""
        self.env.ref("base.group_user").implied_ids += self.env.ref(
            "client_account.group_client_account_viewer"
        )
        meeting = self._make_meeting(self.client).with_user(self.teacher)
        self.assertIn("Ada Piano School", meeting.client_balances)

    def test_balance_is_that_of_the_current_company(self):
        other = self.setup_other_company()["company"]
        self.viewer.company_ids += other
        self._make_invoice(20)
        self._get_account(self.client, other)
        meeting = self._make_meeting(self.client).with_user(self.viewer)
        self.assertIn("20.00 owed", meeting.client_balances)
        meeting = meeting.with_context(allowed_company_ids=other.ids)
        self.assertIn("a balance of zero", meeting.client_balances)

    def test_client_of_another_company_breaks_nothing(self):
        other = self.setup_other_company()["company"]
        meeting = self._make_meeting(self.client)
        self.client.company_id = other
        meeting = meeting.with_user(self.viewer)
        self.env.invalidate_all()
        self.assertEqual(
            meeting.read([*CARD, "client_balances"])[0],
            {
                "id": meeting.id,
                "client_ids": [],
                "client_notes": False,
                "client_balances": False,
            },
        )

    def test_private_meeting_of_others_comes_back_empty(self):
        self._make_invoice(20)
        meeting = self._make_meeting(self.client, privacy="private")
        for known in (False, True):
            with self.subTest("What is in the cache gives nothing away", known=known):
                self.env.invalidate_all()
                if known:
                    meeting.sudo().read(["partner_ids", "privacy"])
                self.assertEqual(
                    meeting.with_user(self.viewer).read([*CARD, "client_balances"]),
                    [
                        {
                            "id": meeting.id,
                            "client_ids": [],
                            "client_notes": False,
                            "client_balances": False,
                        }
                    ],
                )
        self.env.invalidate_all()
        self.assertIn("Allergic", meeting.with_user(self.teacher).client_notes)

    def test_portal_attendee_reads_neither_by_rpc(self):
        portal = self._make_user(
            "card_portal", "base.group_portal", partner_id=self.parent.id
        )
        meeting = self._make_meeting(self.parent, notes="<p>Pays late</p>")
        mine = meeting.with_user(portal)
        self.assertEqual(mine.read(["name"])[0]["name"], "Lesson")
        for name in ("notes", "client_balances", *CARD):
            with self.assertRaises(AccessError):
                mine.read([name])
        with self.assertRaises(AccessError):
            mine.search([("notes", "ilike", "late")])
        with self.assertRaises(UserError):
            mine.export_data(["notes"])
        self.assertNotIn("notes", mine.fields_get())

    def test_invitation_and_ics_tell_nothing(self):
        self._make_invoice(20)
        messages = self.env["mail.message"].sudo()
        before = messages.search([])
        meeting = self._make_meeting(self.parent, notes="<p>Pays late</p>")
        sent = messages.search([]) - before
        self.assertIn("Accept", " ".join(sent.mapped("body")))
        told = " ".join(sent.mapped("body"))
        told += "".join(
            attachment.raw.decode(errors="replace")
            for attachment in sent.attachment_ids
        )
        told += meeting._get_ics_file()[meeting.id].decode()
        self.assertIn("VCALENDAR", told)
        for secret in ("Allergic", "Pays late", "20.00"):
            self.assertNotIn(secret, told)

    def test_notes_stay_what_colleagues_write(self):
        meeting = self._make_meeting(self.client)
        with Form(meeting.with_user(self.teacher)) as form:
            form.notes = "<p>Bring the score</p>"
        self.assertIn("score", meeting.with_user(self.viewer).notes)
        self.assertIn("score", meeting.copy().notes)

    def test_adding_a_client_shows_it_before_saving(self):
        meeting = self._make_meeting(self.viewer.partner_id)
        with Form(meeting.with_user(self.viewer)) as form:
            self.assertFalse(form.client_balances)
            form.partner_ids.add(self.pupil)
            self.assertIn("Ada Piano School", form.client_balances)
            self.assertIn("Allergic", form.client_notes)
            form.partner_ids.remove(id=self.pupil.id)

    def test_clients_are_opened_from_the_meeting(self):
        meeting = self._make_meeting(self.pupil).with_user(self.viewer)
        action = meeting.action_open_clients()
        self.assertEqual(
            (action["res_model"], action["res_id"]), ("res.partner", self.client.id)
        )

    def test_queries_do_not_grow_with_the_meetings(self):
        events = self.env["calendar.event"].with_user(self.viewer)

        def count_queries(meetings):
            self.env.invalidate_all()
            events.browse(meetings.ids).read(["name"])
            before = self.env.cr.sql_log_count
            events.browse(meetings.ids).read([*CARD, "client_balances"])
            return self.env.cr.sql_log_count - before

        meetings = self._make_meeting(self.client)
        count_queries(meetings)
        few = count_queries(meetings)
        for days in range(2, 9):
            meetings += self._make_meeting(self.pupil, self.other_client, days=days)
        self.assertLessEqual(count_queries(meetings), few + 2)
