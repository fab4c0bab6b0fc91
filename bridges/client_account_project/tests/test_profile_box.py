from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import DONE, ClientProjectCommon


@tagged("post_install", "-at_install")
class TestProfileBox(ClientProjectCommon):
    """Tasks on the client's profile, and the client's balance on tasks and projects."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_judge_completion = False
        cls.line = cls._make_line()
        cls.tasks = cls._make_tasks(cls.line, 8)

    def _get_box(self, user=None, client=None):
        client = (client or self.client).with_user(user or self.env.user)
        client.invalidate_recordset()
        boxes = {box["name"]: box for box in client.client_profile["boxes"]}
        return boxes.get("jobs")

    def test_open_and_done(self):
        self.tasks[:2].state = DONE
        box = self._get_box(self.viewer)
        self.assertEqual(box["value"], "6 open")
        self.assertRegex(box["lines"][0]["value"], "20.00")
        targets = [line["target"] for line in box["lines"] if line["target"]]
        self.assertEqual(
            targets,
            [{"model": "project.task", "id": task.id} for task in self.tasks[2:7]],
        )
        self.assertEqual(
            [button["name"] for button in box["buttons"]],
            ["action_view_tasks", "action_view_projects"],
        )

    def test_nothing_to_show(self):
        self.assertIsNone(self._get_box(client=self.other_client))

    def test_who_may_not_see_figures_sees_tasks(self):
        self.tasks[0].state = DONE
        box = self._get_box(self.tutor)
        self.assertNotIn("10.00", str(box))
        self.assertEqual(box["value"], "7 open")
        self.assertEqual(box["buttons"][0]["name"], "action_client_view_tasks")
        action = self.client.with_user(self.tutor).action_client_view_tasks()
        found = self.env["project.task"].with_user(self.tutor).search(action["domain"])
        self.assertEqual(found, self.tasks)

    def test_who_may_read_no_tasks_sees_no_box(self):
        with patch.object(type(self.tasks), "has_access", return_value=False):
            self.assertIsNone(self._get_box(self.viewer))

    def test_private_project_is_for_its_followers(self):
        self.project.privacy_visibility = "followers"
        self.assertIsNone(self._get_box(self.tutor))

    def test_windows_of_the_buttons(self):
        action = self.account.action_view_tasks()
        self.assertEqual(self.env["project.task"].search(action["domain"]), self.tasks)
        action = self.account.action_view_projects()
        self.assertIn(
            self.project, self.env["project.project"].search(action["domain"])
        )

    def test_who_pays_sees_the_tasks_of_others(self):
        child = self.env["res.partner"].create({"name": "Bob"})
        line = self._make_line(client=child, partner_invoice_id=self.other_client.id)
        self._make_tasks(line, 2)
        box = self._get_box(self.viewer, self.other_client)
        self.assertEqual(box["value"], "2 open")
        self.assertIsNone(self._get_box(self.viewer, child))

    def test_constant_queries(self):
        other_line = self._make_line(client=self.other_client)
        self._make_tasks(other_line)
        self._get_account(self.other_client)
        for _number in range(10):
            self._make_tasks(self._make_line(), 3)
        self.tasks[:3].state = DONE
        self.env.flush_all()

        def count(client):
            self.env.invalidate_all()
            client = client.with_user(self.viewer)
            client.mapped("name")
            before = self.cr.sql_log_count
            client.mapped("client_profile")
            return self.cr.sql_log_count - before

        count(self.client)
        self.assertLessEqual(count(self.client), count(self.other_client) + 2)

    # === On tasks and projects ===

    def test_balance_on_task_and_project(self):
        self._issue_credit(30)
        task = self.tasks[0].with_user(self.viewer)
        self.assertEqual(task.client_account_id, self.account)
        self.assertEqual(task.client_balance, 30)
        project = self.project.with_user(self.viewer)
        self.assertEqual(project.client_balance, 30)
        self._issue_credit(5)
        self.assertEqual(task.client_balance, 35)
        action = task.action_client_view_account()
        self.assertEqual(action["res_id"], self.account.id)

    def test_balance_is_hidden_from_who_may_not_see_figures(self):
        for record in (self.tasks[0], self.project):
            fields = record.with_user(self.tutor).fields_get()
            self.assertFalse([name for name in fields if name.startswith("client_")])
        with Form(self.tasks[0].with_user(self.tutor)) as form:
            form.name = "First"
            self.assertNotIn("client_balance", form._view["fields"])

    def test_staff_see_balances_where_the_company_lets_them(self):
        group = self.env.ref("base.group_user")
        group.implied_ids = [
            Command.link(self.env.ref("client_account.group_client_account_viewer").id)
        ]
        self._issue_credit(30)
        self.assertEqual(self.tasks[0].with_user(self.tutor).client_balance, 30)
        with Form(self.tasks[0].with_user(self.tutor)) as form:
            self.assertEqual(form.client_balance, 30)
        with Form(self.project.with_user(self.viewer)) as form:
            self.assertEqual(form.client_balance, 30)

    def test_client_without_account_and_task_without_client(self):
        stranger = self.env["res.partner"].create({"name": "Nobody"})
        project = self._make_project(client=stranger)
        self.assertFalse(project.client_account_id)
        self.assertFalse(project.client_balance)
        task = self.env["project.task"].create(
            {"name": "Alone", "project_id": self._make_project(partner_id=False).id}
        )
        self.assertFalse(task.client_account_id)
