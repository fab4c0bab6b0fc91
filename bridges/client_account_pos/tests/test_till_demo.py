from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestTillDemo(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.ref("base.main_company")
        cls.env.user.company_ids |= cls.company
        files = [
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_pos", "demo/pos_config_demo.xml"),
        ]
        if "loyalty.program" in cls.env:
            files.insert(1, ("client_account_loyalty", "demo/loyalty_demo.xml"))
        for module, path in files:
            convert_file(cls.env, module, path, {}, mode="init", noupdate=True)
        cls.till = cls.env.ref("client_account_pos.demo_till")

    def test_the_till_takes_cash_and_accounts(self):
        methods = self.till.payment_method_ids
        self.assertEqual(set(methods.mapped("type")), {"cash", "pay_later"})
        self.assertEqual(len(methods.filtered("client_is_account")), 1)

    def test_loaded_again_makes_no_second_method(self):
        methods = self.till.payment_method_ids
        self.assertTrue(self.env["account.chart.template"]._load_client_demo())
        self.assertEqual(self.till.payment_method_ids, methods)

    def test_the_till_opens(self):
        """Where *Loyalty* is installed, it looks at what programs give."""
        self.till.with_company(self.company).open_ui()
        self.assertTrue(self.till.current_session_id)
