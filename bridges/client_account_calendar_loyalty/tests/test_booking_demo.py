from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestBookingDemo(TransactionCase):
    def test_next_lesson_takes_a_session(self):
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_loyalty", "demo/loyalty_demo.xml"),
            ("client_account_calendar_loyalty", "demo/calendar_event_demo.xml"),
        ):
            convert_file(self.env, module, path, {}, mode="init", noupdate=True)
        client = self.env.ref("client_account.demo_credits")
        self.assertEqual(client.client_session_card_ids.points, 6)
        event = self.env.ref("client_account_calendar_loyalty.demo_guitar_lesson")
        self.assertIn("Amelia Grant", event.client_sessions)
        self.assertEqual(client.client_upcoming_meeting_count, 1)
        # Demo data writes to nobody.
        mails = self.env["mail.mail"].sudo()
        self.assertFalse(
            mails.search([("recipient_ids.commercial_partner_id", "=", client.id)])
        )
