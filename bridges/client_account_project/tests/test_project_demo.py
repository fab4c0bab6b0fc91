from odoo.tests import TransactionCase, tagged
from odoo.tools import convert_file


@tagged("post_install", "-at_install")
class TestProjectDemo(TransactionCase):
    def test_lessons_of_two_children_are_on_their_familys_account(self):
        for module, path in (
            ("client_account", "demo/res_partner_demo.xml"),
            ("client_account_project", "demo/project_demo.xml"),
        ):
            convert_file(self.env, module, path, {}, mode="init", noupdate=True)
        company = self.env.ref("base.main_company")
        family = self.env.ref("client_account.demo_family")
        account = self.env["client.account"]._find_accounts(family, company)
        # Three lessons of the piano and one of chess.
        self.assertEqual(account._get_done_amount(), 150)
        boxes = {box["name"]: box for box in account.profile["boxes"]}
        self.assertEqual(boxes["jobs"]["value"], "8 open")
        self.assertTrue(company.client_judge_completion)
