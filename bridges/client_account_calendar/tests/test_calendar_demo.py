from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestCalendarDemo(TransactionCase):
    def test_family_has_lessons_of_both_children(self):
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_calendar", "demo/calendar_event_demo.xml"),
        ):
            convert_file(self.env, module, path, {}, mode="init", noupdate=True)
        family = self.env.ref("client_account.demo_family")
        self.assertRecordValues(
            family,
            [{"client_upcoming_meeting_count": 8, "client_past_meeting_count": 4}],
        )
        self.assertIn(
            "Oskar: Rook endings", family.client_upcoming_meeting_ids.mapped("name")
        )
        # Demo data writes to nobody.
        mails = self.env["mail.mail"].sudo()
        self.assertFalse(
            mails.search([("recipient_ids.commercial_partner_id", "=", family.id)])
        )
