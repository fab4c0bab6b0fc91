from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.client_account.exceptions import BalanceRefused
from odoo.addons.client_account_project.tests.common import (
    DONE,
    ClientProjectCommon,
)


@tagged("post_install", "-at_install")
class TestTimesheetCost(ClientProjectCommon):
    """Tasks that are billed by their timesheets."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref(
            "hr_timesheet.group_timesheet_manager"
        ) | cls.env.ref("hr.group_hr_manager")
        cls.hours = cls._make_product(
            "Hours", service_type="timesheet", uom_id=cls.hour.id
        )
        cls.project.allow_timesheets = True
        cls.ada, cls.bob = cls.env["hr.employee"].create(
            [{"name": "Ada"}, {"name": "Bob"}]
        )
        cls.line = cls._make_line(quantity=10, price=20, product=cls.hours)
        cls.tasks = cls._make_tasks(cls.line, 2)
        cls.task = cls.tasks[0]

    def _log(self, hours, task=None, employee=None):
        return self.env["account.analytic.line"].create(
            {
                "name": "Lesson",
                "project_id": self.project.id,
                "task_id": (task or self.task).id,
                "employee_id": (employee or self.ada).id,
                "unit_amount": hours,
            }
        )

    def assertDone(self, amount):
        self.assertEqual(self.account._get_done_amount(), amount)

    def test_task_costs_its_own_hours(self):
        self.assertEqual(self.task.client_completion_cost, 0)
        self._log(1.5)
        self._log(3, self.tasks[1])
        self.assertEqual(self._get_cost(self.task), 30)
        self.assertEqual(self._get_cost(self.tasks[1]), 60)

    def test_refused_and_accepted_after_a_credit(self):
        self._log(2)
        with self.assertRaisesRegex(BalanceRefused, r"short of \$\s?40\.00"):
            with self.cr.savepoint():
                self.task.state = DONE
        self._issue_credit(40)
        self.task.state = DONE
        self.assertDone(40)

    def test_hours_are_delivered_when_logged_and_done_with_the_task(self):
        self._issue_credit(1000)
        self._log(2)
        self.assertDone(0)
        self.task.state = DONE
        self.assertDone(40)
        # What is logged afterwards has happened.
        self._log(1)
        self.assertDone(60)

    def test_billed_hours_cost_nothing(self):
        self._issue_credit(1000)
        self._log(2)
        move = self.line.order_id._create_invoices()
        self.assertEqual(self._get_cost(self.task), 40, "a draft bills nothing")
        move.action_post()
        self.assertEqual(self._get_cost(self.task), 0)
        self._log(1)
        self.assertEqual(self._get_cost(self.task), 20)
        self.task.state = DONE
        self.assertDone(20)
        move._reverse_moves([{"invoice_date": self.today}]).action_post()
        self.assertDone(60)

    def test_billed_hours_of_other_tasks_do_not_cover_these(self):
        self._issue_credit(1000)
        self._log(5, self.tasks[1])
        self.line.order_id._create_invoices().action_post()
        self._log(1)
        self.assertEqual(self._get_cost(self.task), 20)

    def test_each_employee_at_their_own_rate(self):
        dear = self._make_line(quantity=10, price=50, product=self.hours)
        self.project.sale_line_employee_ids = [
            Command.create({"employee_id": self.ada.id, "sale_line_id": self.line.id}),
            Command.create({"employee_id": self.bob.id, "sale_line_id": dear.id}),
        ]
        self.assertEqual(self.project.pricing_type, "employee_rate")
        self._log(1)
        self._log(1, employee=self.bob)
        self.assertEqual(self._get_cost(self.task), 70)
        self._issue_credit(69)
        with self.assertRaisesRegex(BalanceRefused, r"short of \$\s?1\.00"):
            with self.cr.savepoint():
                self.task.state = DONE

    def test_prepaid_hours_are_billed_with_their_line(self):
        prepaid = self._make_product(
            "Prepaid",
            service_type="timesheet",
            invoice_policy="order",
            uom_id=self.hour.id,
        )
        line = self._make_line(quantity=3, price=20, product=prepaid)
        task = self._make_tasks(line)
        self._log(2, task)
        self.assertEqual(self._get_cost(task), 40)
        self._issue_credit(60)
        line.order_id._create_invoices().action_post()
        self.assertEqual(self._get_cost(task), 0)
        self._log(5, task)
        task.state = DONE
        self.assertDone(0)

    def test_line_in_days(self):
        day = self.env.ref("uom.product_uom_day")
        line = self._make_line(price=160, product=self.hours, product_uom_id=day.id)
        task = self._make_tasks(line)
        self._log(2, task)
        self.assertEqual(self._get_cost(task), 40)

    def test_hours_on_a_task_of_a_fixed_line_count_once(self):
        task = self._make_tasks(self._make_line(), 2)[0]
        self._log(3, task)
        self.assertEqual(self._get_cost(task), 10)

    def test_sub_task_on_the_line_of_its_parent_costs_nothing(self):
        child = self._make_tasks(self.line, parent_id=self.task.id)
        self._log(2, child)
        self.assertEqual(self._get_cost(child), 0)

    def test_no_tasks(self):
        tasks = self.env["project.task"]
        self.assertEqual(tasks.mapped("client_completion_cost"), [])
        tasks.write({"state": DONE})
