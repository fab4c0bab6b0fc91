import uuid
from datetime import timedelta
from functools import partial

from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry
from odoo.tests import get_db_name, tagged

from odoo.addons.client_account.tests.server_case import ServerCase

CALLERS = 8


@tagged("post_install", "-at_install")
class TestBookingRaces(ServerCase):
    """Several people arrange meetings of one client at once, on a real server."""

    def setUp(self):
        super().setUp()
        [self.client_id] = self._make_clients(1)
        self.contact_ids = self.admin.call(
            "res.partner",
            "create",
            [
                {"name": f"Contact {number}", "parent_id": self.client_id}
                for number in range(2)
            ],
        )
        with Registry(get_db_name()).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {"loyalty_no_mail": True})
            program = env["loyalty.program"].create(
                {"name": "Race Pack", "program_type": "loyalty"}
            )
            self.type_id = (
                env["calendar.event.type"]
                .create(
                    {
                        "name": f"Race {uuid.uuid4().hex[:8]}",
                        "client_program_id": program.id,
                    }
                )
                .id
            )
            self.program_id = program.id

    def _make_card(self, points):
        with Registry(get_db_name()).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {"loyalty_no_mail": True})
            card = env["loyalty.card"].create(
                {
                    "program_id": self.program_id,
                    "partner_id": self.client_id,
                    "points": points,
                }
            )
            return card.id

    def _prepare_meeting(self, *partner_ids):
        start = fields.Datetime.now().replace(microsecond=0) + timedelta(days=1)
        return {
            "name": "Race",
            "start": fields.Datetime.to_string(start),
            "stop": fields.Datetime.to_string(start + timedelta(hours=1)),
            "categ_ids": [(6, 0, [self.type_id])],
            "partner_ids": [(6, 0, partner_ids)],
        }

    def _get_points(self):
        """Return the points of the client's cards, and what their history says."""
        [(points, least)] = self._query(
            "SELECT SUM(points), MIN(points) FROM loyalty_card WHERE program_id = %s",
            self.program_id,
        )
        [(moved,)] = self._query(
            "SELECT COALESCE(SUM(issued - used), 0) FROM loyalty_history history"
            " JOIN loyalty_card card ON card.id = history.card_id"
            " WHERE card.program_id = %s",
            self.program_id,
        )
        self.assertGreaterEqual(least, 0)
        return points, moved

    def _create_meetings(self, count):
        return [
            partial(
                self.admin.call_until_answered,
                "calendar.event",
                "create",
                self._prepare_meeting(self.client_id),
                context={"no_mail_to_attendees": True},
            )
            for _number in range(count)
        ]

    def test_many_at_once_take_no_more_than_there_are(self):
        self._make_card(2)
        self._make_card(1)
        answers = self._race(self._create_meetings(CALLERS), "loyalty_card")
        refusals = self._get_refusals(answers)
        self.assertEqual(len(refusals), CALLERS - 3)
        for refusal in refusals:
            self.assertIn("has no session credit of Race Pack left", refusal)
        self.assertEqual(self._get_points(), (0, -3))

    def test_two_contacts_added_to_one_meeting_at_once_pay_once(self):
        self._make_card(2)
        meeting_id = self.admin.call(
            "calendar.event", "create", self._prepare_meeting()
        )
        attendees = [
            partial(
                self.admin.call_until_answered,
                "calendar.attendee",
                "create",
                {"event_id": meeting_id, "partner_id": contact_id},
            )
            for contact_id in self.contact_ids
        ]
        answers = self._race(attendees, "loyalty_card")
        self.assertFalse(self._get_refusals(answers))
        self.assertEqual(self._get_points(), (1, -1))

    def test_meeting_cancelled_twice_at_once_gives_back_once(self):
        self._make_card(1)
        meeting_id = self.admin.call(
            "calendar.event", "create", self._prepare_meeting(self.client_id)
        )
        self.assertEqual(self._get_points(), (0, -1))
        cancel = partial(
            self.admin.call_until_answered,
            "calendar.event",
            "write",
            [meeting_id],
            {"active": False},
        )
        self._race([cancel, cancel], "calendar_event")
        self.assertEqual(self._get_points(), (1, 0))
