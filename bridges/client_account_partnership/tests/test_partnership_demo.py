from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestPartnershipDemo(TransactionCase):
    def test_member_pays_each_month_and_next(self):
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_partnership", "demo/membership_demo.xml"),
        ):
            convert_file(self.env, module, path, {}, mode="init", noupdate=True)
        member = self.env.ref("client_account.demo_member")
        box = member.client_profile["boxes"][0]
        self.assertEqual((box["name"], box["value"]), ("membership", "Study Circle"))
        self.assertEqual(
            [line["label"] for line in box["lines"]],
            ["Since", "Order", "Next Payment"],
        )
        self.assertRecordValues(member.client_account_id, [{"balance": 0.0}])
        order = self.env.ref("client_account_partnership.demo_membership_order")
        self.assertEqual(order.invoice_status, "invoiced")
        moves = self.env["account.move"].search([("partner_id", "=", member.id)])
        self.env["account.chart.template"]._load_client_demo()
        self.assertEqual(
            self.env["account.move"].search([("partner_id", "=", member.id)]), moves
        )
