import xmlrpc.client

from odoo.tests import tagged

from odoo.addons.client_account.tests.server import is_busy, is_refusal
from odoo.addons.client_account.tests.server_case import ServerCase

from .common import DONE

CALLERS = 8
PRICE = 10.0
MOST_REPEATS = 60


@tagged("post_install", "-at_install")
class TestCompletionRaces(ServerCase):
    """Lessons that are completed at once, on a real server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        [(cls.company_id,)] = cls._query(
            "SELECT company_id FROM res_users WHERE id = %s", cls.admin.uid
        )
        cls._write_company(client_judge_completion=True)
        cls.addClassCleanup(
            cls._write_company,
            client_negative_balance="allowed",
            client_judge_completion=False,
        )
        cls.tutor = cls._sign_in(
            "race_tutor", "race tutor", "group_project_user", module="project"
        )

    @classmethod
    def _write_company(cls, **values):
        cls.admin.call("res.company", "write", [cls.company_id], values)

    # === Fixtures ===

    def _make_lessons(self, client_id, count, quantity, lines=1):
        """Make an order of a client with lessons as tasks, and return their ids."""
        # Orders may be judged by what they commit; here it is the work that is.
        self._write_company(client_negative_balance="allowed")
        [product_id] = self.admin.call(
            "product.product",
            "create",
            [
                {
                    "name": "Lesson",
                    "type": "service",
                    "service_type": "manual",
                    "invoice_policy": "delivery",
                    "taxes_id": [(5, 0, 0)],
                }
            ],
        )
        line = {
            "product_id": product_id,
            "product_uom_qty": quantity,
            "price_unit": PRICE,
            "tax_ids": [(5, 0, 0)],
        }
        [order_id] = self.admin.call(
            "sale.order",
            "create",
            [{"partner_id": client_id, "order_line": [(0, 0, line)] * lines}],
        )
        self.admin.call("sale.order", "action_confirm", [order_id])
        line_ids = self.admin.call(
            "sale.order.line", "search", [("order_id", "=", order_id)]
        )
        [project_id] = self.admin.call(
            "project.project",
            "create",
            [
                {
                    "name": "Race",
                    "allow_billable": True,
                    "partner_id": client_id,
                    "company_id": self.company_id,
                }
            ],
        )
        return self.admin.call(
            "project.task",
            "create",
            [
                {
                    "name": f"Lesson {number + 1}",
                    "project_id": project_id,
                    "partner_id": client_id,
                    "sale_line_id": line_ids[number % lines],
                }
                for number in range(count)
            ],
        )

    def _give(self, client_id, amount):
        """Issue a credit to a client."""
        action = self.admin.call("res.partner", "action_open_client_account", client_id)
        self.admin.call(
            "client.account", "issue_credit", [action["res_id"]], amount, "Gift"
        )

    def _complete(self, task_id):
        """Return a call that completes a lesson, again while others are in the way."""

        def call():
            for _repeat in range(MOST_REPEATS):
                try:
                    return self.tutor.call(
                        "project.task", "write", [task_id], {"state": DONE}
                    )
                except xmlrpc.client.Fault as fault:
                    if is_refusal(fault):
                        return fault
                    if not is_busy(fault):
                        raise
            raise AssertionError("A caller never got an answer.")

        return call

    def _count_done(self, task_ids):
        [(count,)] = self._query(
            "SELECT COUNT(*) FROM project_task WHERE state = %s AND id = ANY(%s)",
            DONE,
            task_ids,
        )
        return count

    # === Tests ===

    def test_parallel_completions_are_exact(self):
        """Of eight lessons of 10 at once, on two lines, four fit into 40."""
        [client_id] = self._make_clients(1)
        task_ids = self._make_lessons(client_id, CALLERS, 20, lines=2)
        self._write_company(client_negative_balance="prevented")
        self._give(client_id, 4 * PRICE)
        answers = self._race(
            [self._complete(task_id) for task_id in task_ids], "project_task"
        )
        self.assertEqual(self._count_done(task_ids), 4, answers)
        self.assertEqual(len(self._get_refusals(answers)), 4)

    def test_the_last_of_a_line_takes_the_rest_in_parallel(self):
        """Two lessons on one line of ten: each alone is 10, who is last takes 90."""
        [client_id] = self._make_clients(1)
        task_ids = self._make_lessons(client_id, 2, 10)
        self._write_company(client_negative_balance="prevented")
        self._give(client_id, 99.0)
        answers = self._race(
            [self._complete(task_id) for task_id in task_ids], "project_task"
        )
        self.assertEqual(self._count_done(task_ids), 1, answers)
        self._give(client_id, 1.0)
        for task_id in task_ids:
            self._complete(task_id)()
        self.assertEqual(self._count_done(task_ids), 2)
