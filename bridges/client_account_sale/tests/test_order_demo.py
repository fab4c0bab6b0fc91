from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestOrderDemo(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.ref("base.main_company")
        cls.env.user.company_ids |= cls.company
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_sale", "demo/sale_order_demo.xml"),
        ):
            convert_file(cls.env, module, path, {}, mode="init", noupdate=True)

    def _get_account(self, name):
        partner = self.env.ref(f"client_account.{name}")
        return self.env["client.account"]._find_accounts(partner, self.company)

    def test_order_billed_in_part_is_committed_for_the_rest(self):
        account = self._get_account("demo_on_account")
        self.assertRecordValues(account, [{"balance": -1400, "available": 300}])
        order = self.env.ref("client_account_sale.demo_order_school")
        self.assertEqual(order.client_committed, 300)

    def test_quotation_would_be_refused_and_is(self):
        quotation = self.env.ref("client_account_sale.demo_quotation_refused")
        self.assertIn("240", quotation.client_confirmation_preview)
        with self.assertRaises(UserError):
            quotation.action_confirm()
        self.assertEqual(quotation.state, "draft")

    def test_loaded_again_confirms_and_bills_nothing(self):
        order = self.env.ref("client_account_sale.demo_order_school")
        moves = order.invoice_ids
        self.assertEqual(len(moves), 1)
        self.assertTrue(self.env["account.chart.template"]._load_client_demo())
        self.assertEqual(order.invoice_ids, moves)
