from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file

ADDON = "client_account_website_sale"


@tagged("post_install", "-at_install")
class TestShopDemo(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.company_ids |= cls.env.ref("base.main_company")
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            (ADDON, "demo/website_sale_demo.xml"),
        ):
            convert_file(cls.env, module, path, {}, mode="init", noupdate=True)
        cls.cart = cls.env.ref(f"{ADDON}.demo_cart")
        cls.account = cls.cart._get_client_account()

    def test_her_credit_covers_the_cart(self):
        self.assertEqual(self.cart.amount_total, 70)
        self.assertEqual(self.cart._get_portal_credit(self.account), 70)

    def test_her_credit_covers_a_part_of_a_pack(self):
        pack = self.env.ref(f"{ADDON}.demo_pack").product_variant_id
        self.cart.order_line.write({"product_id": pack.id, "product_uom_qty": 1})
        self.assertEqual(self.cart.amount_total, 420)
        self.assertEqual(
            self.cart._get_portal_credit(self.account), self.account.balance
        )

    def test_a_first_month_is_not_payable_with_credit(self):
        month = self.env.ref(f"{ADDON}.demo_first_month").product_variant_id
        self.cart.order_line.product_id = month
        self.assertFalse(self.cart._get_portal_credit(self.account))

    def test_she_signs_in_to_the_shop(self):
        user = self.env.ref(f"{ADDON}.demo_user_amelia")
        self.assertEqual(user.partner_id, self.cart.partner_id)
        self.assertTrue(user._is_portal())
