from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestLoyaltyDemo(TransactionCase):
    def test_three_sessions_of_ten_are_used(self):
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_loyalty", "demo/loyalty_demo.xml"),
        ):
            convert_file(self.env, module, path, {}, mode="init", noupdate=True)
        client = self.env.ref("client_account.demo_credits")
        boxes = {box["name"]: box for box in client.client_profile["boxes"]}
        self.assertEqual(boxes["sessions"]["value"], "7 sessions")
        history = client.client_session_history_ids
        self.assertEqual(sum(history.mapped("issued")) - sum(history.mapped("used")), 7)
        self.assertEqual(len(history), 4)
        # Demo data writes to nobody.
        mails = self.env["mail.mail"].sudo()
        self.assertFalse(
            mails.search([("recipient_ids.commercial_partner_id", "=", client.id)])
        )
