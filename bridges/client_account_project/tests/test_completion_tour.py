from odoo.tests import HttpCase, tagged

from .common import DONE, OPEN, ClientProjectCommon


@tagged("post_install", "-at_install")
class TestCompletionTour(ClientProjectCommon, HttpCase):
    def test_lesson_is_dragged_to_done_refused_and_accepted_after_a_credit(self):
        line = self._make_line()
        first, second, third = self._make_tasks(line, 3)
        first.write({"name": "First lesson", "sale_line_id": False})
        first.state = DONE
        second.name = "Second lesson"
        third.name = "Third lesson"
        action = self.env["ir.actions.act_window"].create(
            {
                "name": "Lessons",
                "res_model": "project.task",
                "view_mode": "kanban,form",
                "domain": [("project_id", "=", self.project.id)],
                "context": {"group_by": ["state"]},
            }
        )
        self.start_tour(
            f"/odoo/action-{action.id}",
            "client_account_project_lesson",
            login=self.env.user.login,
        )
        self.assertEqual((second.state, third.state), (DONE, OPEN))
        self.assertRecordValues(self.account, [{"balance": 10.0}])
        self.assertEqual(self.account._get_done_amount(), 10)
