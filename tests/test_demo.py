from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file

STORIES = {
    "demo_family": (-280, 0),
    "demo_prepaid": (120, 0),
    "demo_on_account": (-1200, 2000),
    "demo_over_limit": (-320, 200),
    "demo_credits": (285, 0),
    "demo_history": (-180, 0),
}


@tagged("post_install", "-at_install")
class TestDemo(TransactionCase):
    """The demo clients, loaded where there are none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.ref("base.main_company")
        cls.env.user.company_ids |= cls.company
        cls._load("client_account", "demo/res_partner_demo.xml")

    @classmethod
    def _load(cls, module, path):
        convert_file(cls.env, module, path, {}, mode="init", noupdate=True)

    def _get_account(self, name):
        partner = self.env.ref(f"client_account.{name}")
        return self.env["client.account"]._find_accounts(partner, self.company)

    def test_each_client_has_a_story(self):
        for name, (balance, limit) in STORIES.items():
            account = self._get_account(name)
            self.assertRecordValues(
                account, [{"balance": balance, "limit_in_force": limit}]
            )

    def test_over_the_limit_and_overdue(self):
        account = self._get_account("demo_over_limit")
        self.assertRecordValues(account, [{"available": -120, "amount_overdue": 320}])
        self.assertTrue(account.profile["banner"])

    def test_credits_of_three_kinds(self):
        items = self._get_account("demo_credits")._search_open_items()
        moves = items.move_id
        self.assertEqual(len(moves), 3)
        self.assertTrue(moves.filtered("origin_payment_id"))
        self.assertEqual(set(moves.mapped("move_type")), {"entry", "out_refund"})
        self.assertTrue(moves.filtered(lambda move: move.client_adjustment))

    def test_second_currency(self):
        account = self._get_account("demo_foreign")
        items = account._search_open_items()
        self.assertEqual(items.currency_id, self.env.ref("base.EUR"))
        self.assertEqual(sum(items.mapped("amount_residual_currency")), 620)

    def test_loaded_again_books_nothing(self):
        moves = self.env["account.move"]
        count = moves.search_count([])
        self.assertTrue(self.env["account.chart.template"]._load_client_demo())
        self.assertEqual(moves.search_count([]), count)

    def test_without_demo_clients_nothing_is_booked(self):
        self.env["ir.model.data"].search(
            [("module", "=", "client_account"), ("name", "=", "demo_history")]
        ).unlink()
        self.assertFalse(self.env["account.chart.template"]._load_client_demo())
