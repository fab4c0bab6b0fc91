from datetime import timedelta

from odoo import fields

from odoo.addons.client_account_loyalty.tests.common import ClientLoyaltyCommon


class BookingCommon(ClientLoyaltyCommon):
    """Lessons that cost a session of the piano pack, and who arranges them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.now = fields.Datetime.now().replace(microsecond=0)
        cls.parent = cls.env["res.partner"].create(
            {
                "name": "Olga Parent",
                "parent_id": cls.client.id,
                "email": "olga@client.example",
            }
        )
        # Sudo: types are the administrator's to make.
        cls.types = cls.env["calendar.event.type"].sudo()
        cls.lesson = cls.types.create(
            {"name": "Piano Lesson", "client_program_id": cls.piano.id}
        )
        cls.talk = cls.types.create({"name": "Talk"})
        cls.teacher = cls._make_user("book_teacher", "base.group_user")
        cls.approver = cls._make_user(
            "book_approver", "client_account.group_client_account_approver"
        )
        cls.events = cls.env["calendar.event"].with_user(cls.teacher)
        cls.bookings = cls.env["client.session.booking"].sudo()

    @classmethod
    def _make_meeting(cls, *partners, days=1, user=None, types=None, **values):
        """Make a lesson with these partners, so many days from now."""
        user = user or cls.teacher
        start = values.pop("start", cls.now + timedelta(days=days))
        types = cls.lesson if types is None else types
        return (
            cls.env["calendar.event"]
            .with_user(user)
            .create(
                {
                    "name": "Scales",
                    "start": start,
                    "stop": start + timedelta(hours=1),
                    "categ_ids": types.ids,
                    "partner_ids": [
                        partner.id for partner in (user.partner_id, *partners)
                    ],
                    **values,
                }
            )
        )

    def assertPoints(self, *cards):
        """Check the points of cards, given as pairs, as the database has them."""
        self.env.flush_all()
        self.env.invalidate_all()
        for card, points in cards:
            self.assertEqual(card.points, points)
            moved = sum(line.issued - line.used for line in card.history_ids)
            self.assertEqual(moved, points - self.first_points[card])

    def _make_cards(self, *points, **values):
        """Make cards and keep what they had at first, for `assertPoints`."""
        self.first_points = getattr(self, "first_points", {})
        cards = [self._make_card(number, **values) for number in points]
        self.first_points.update(zip(cards, points, strict=True))
        return cards
