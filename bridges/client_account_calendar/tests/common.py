from datetime import timedelta

from odoo import fields

from odoo.addons.client_account.tests.common import ClientAccountCommon


class ClientCalendarCommon(ClientAccountCommon):
    """A client with two contacts, who it meets, and who reads of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.now = fields.Datetime.now().replace(microsecond=0)
        cls.pupil, cls.parent = cls.env["res.partner"].create(
            [
                {"name": "Ida Pupil", "parent_id": cls.client.id},
                {
                    "name": "Olga Parent",
                    "parent_id": cls.client.id,
                    "email": "olga@client.example",
                },
            ]
        )
        cls.client.comment = "<p>Allergic to nuts</p>"
        cls.teacher = cls._make_user("cal_teacher", "base.group_user")
        cls.viewer = cls._make_user(
            "cal_viewer", "client_account.group_client_account_viewer"
        )

    @classmethod
    def _make_meeting(cls, *partners, days=1, user=None, **values):
        """Make a meeting of an hour with these partners, so many days from now.

        Its organizer is the teacher unless another user is named.
        """
        user = user or cls.teacher
        start = values.pop("start", cls.now + timedelta(days=days))
        return (
            cls.env["calendar.event"]
            .with_user(user)
            .create(
                {
                    "name": "Lesson",
                    "start": start,
                    "stop": start + timedelta(hours=1),
                    "partner_ids": [
                        partner.id for partner in (user.partner_id, *partners)
                    ],
                    **values,
                }
            )
        )
