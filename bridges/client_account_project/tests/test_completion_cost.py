from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import DONE, OPEN, ClientProjectCommon


@tagged("post_install", "-at_install")
class TestCompletionCost(ClientProjectCommon):
    """What it costs to complete a task, and what is done and not billed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # What is done is counted here; the refusals have a file of their own.
        cls.company.client_judge_completion = False
        cls.company.client_negative_balance = "allowed"

    def assertDone(self, amount, account=None):
        self.assertEqual((account or self.account)._get_done_amount(), amount)

    def test_lesson_costs_one_unit(self):
        tasks = self._make_tasks(self._make_line(), 3)
        self.assertEqual(tasks.mapped("client_completion_cost"), [10, 10, 10])
        tasks[0].state = DONE
        self.assertDone(10)
        self.assertEqual(self._get_cost(tasks[0]), 0)
        self.assertEqual(self._get_cost(tasks[1]), 10)

    def test_task_without_order_costs_nothing(self):
        task = self.env["project.task"].create(
            {"name": "Chat", "project_id": self.project.id}
        )
        self.assertEqual(task.client_completion_cost, 0)
        self.assertEqual(task.browse().mapped("client_completion_cost"), [])

    def test_last_open_task_takes_the_rest(self):
        tasks = self._make_tasks(self._make_line(quantity=10), 4)
        tasks[:3].state = DONE
        self.assertEqual(self._get_cost(tasks[3]), 70)
        tasks[3].state = DONE
        self.assertDone(100)

    def test_more_tasks_than_units_cost_what_is_left(self):
        tasks = self._make_tasks(self._make_line(quantity=2), 4)
        tasks[:2].state = DONE
        self.assertEqual(self._get_cost(tasks[2]), 0)
        self.assertDone(20)

    def test_reopened_task_costs_again(self):
        tasks = self._make_tasks(self._make_line(), 2)
        tasks[0].state = DONE
        tasks[0].state = OPEN
        self.assertEqual(self._get_cost(tasks[0]), 10)
        self.assertDone(0)

    def test_canceled_task_is_not_open(self):
        tasks = self._make_tasks(self._make_line(quantity=3), 3)
        tasks[0].state = "1_canceled"
        tasks[1].state = DONE
        self.assertEqual(self._get_cost(tasks[2]), 20)

    def test_cancelling_the_last_one_does_nothing(self):
        tasks = self._make_tasks(self._make_line(), 3)
        tasks[:2].state = DONE
        tasks[2].state = "1_canceled"
        self.assertDone(20)
        tasks[2].state = OPEN
        tasks[2].active = False
        self.assertDone(20)

    def test_billed_lessons_cost_nothing(self):
        line = self._make_line()
        tasks = self._make_tasks(line, 4)
        self._bill(line, 2)
        self.assertEqual(self._get_cost(tasks[0]), 0)
        tasks[:2].state = DONE
        self.assertDone(0)
        self.assertEqual(self._get_cost(tasks[2]), 10)

    def test_draft_invoice_bills_nothing(self):
        line = self._make_line()
        tasks = self._make_tasks(line, 2)
        tasks[0].state = DONE
        move = self._bill(line, 1, post=False)
        self.assertDone(10)
        move.action_post()
        self.assertDone(0)

    def test_credit_note_bills_it_back(self):
        line = self._make_line()
        tasks = self._make_tasks(line, 2)
        tasks[0].state = DONE
        move = self._bill(line, 1)
        reverse = move._reverse_moves([{"invoice_date": self.today}], cancel=True)
        self.assertEqual(reverse.state, "posted")
        self.assertDone(10)

    def test_down_payment_covers_work_first(self):
        line = self._make_line()
        tasks = self._make_tasks(line, 8)
        wizard = (
            self.env["sale.advance.payment.inv"]
            .with_context(active_model="sale.order", active_ids=line.order_id.ids)
            .create({"advance_payment_method": "percentage", "amount": 30})
        )
        wizard.create_invoices()
        line.order_id.invoice_ids.action_post()
        tasks[:3].state = DONE
        self.assertDone(0)
        self.assertEqual(self._get_cost(tasks[3]), 10)

    def test_taxes_and_discount_are_in_the_cost(self):
        tax = self.env["account.tax"].create(
            {"name": "20 %", "amount": 20, "type_tax_use": "sale"}
        )
        line = self._make_line(tax_ids=[Command.set(tax.ids)], discount=50)
        self.assertEqual(self._make_tasks(line, 2)[0].client_completion_cost, 6)

    def test_taxes_are_in_the_cost_where_nothing_is_ordered(self):
        tax = self.env["account.tax"].create(
            {"name": "Ten", "amount": 10, "company_id": self.company.id}
        )
        line = self._make_line(
            quantity=0, price=100, discount=50, tax_ids=[Command.set(tax.ids)]
        )
        line.qty_delivered = 1
        task = self._make_tasks(line)
        self.assertEqual(self._get_cost(task), 55)

    def test_hours_count_in_the_unit_of_the_line(self):
        product = self._make_product("Hours", uom_id=self.hour.id)
        task = self._make_tasks(
            self._make_line(product=product), 2, allocated_hours=1.5
        )[0]
        self.assertEqual(task.client_completion_cost, 15)
        day = self.env.ref("uom.product_uom_day")
        line = self._make_line(product=product, price=80, product_uom_id=day.id)
        task = self._make_tasks(line, 2, allocated_hours=4)[0]
        self.assertEqual(task.client_completion_cost, 40)
        task.allocated_hours = 0
        self.assertEqual(self._get_cost(task), 80)

    def test_hours_of_a_lesson_sold_by_the_piece_count_as_one(self):
        task = self._make_tasks(self._make_line(), 2, allocated_hours=3)[0]
        self.assertEqual(task.client_completion_cost, 10)

    def test_dozen_billed_in_units(self):
        dozen = self.env.ref("uom.product_uom_dozen")
        dozen.active = True
        line = self._make_line(quantity=2, price=120, product_uom_id=dozen.id)
        tasks = self._make_tasks(line, 3)
        tasks[0].state = DONE
        unit = self.env.ref("uom.product_uom_unit")
        self._bill(line, 6, product_uom_id=unit.id, price_unit=10)
        self.assertDone(60)

    def test_sub_task_on_the_line_of_its_parent_costs_nothing(self):
        line = self._make_line()
        parent = self._make_tasks(line, 2)[0]
        child = self._make_tasks(line, parent_id=parent.id)
        self.assertEqual(child.client_completion_cost, 0)
        child.state = DONE
        self.assertDone(0)
        own = self._make_tasks(self._make_line(price=7), 2, parent_id=parent.id)
        self.assertEqual(own[0].client_completion_cost, 7)

    def test_open_sub_task_does_not_keep_the_rest(self):
        line = self._make_line()
        parent = self._make_tasks(line)
        self._make_tasks(line, parent_id=parent.id)
        self.assertEqual(self._get_cost(parent), 100)

    def test_recurring_task_is_never_the_last(self):
        task = self._make_tasks(
            self._make_line(),
            recurring_task=True,
            repeat_interval=1,
            repeat_unit="week",
            repeat_type="forever",
            date_deadline=fields.Datetime.now(),
        )
        self.assertEqual(task.client_completion_cost, 10)
        task.state = DONE
        self.assertDone(10)
        following = task.recurrence_id.task_ids - task
        self.assertEqual(following.sale_line_id, task.sale_line_id)
        self.assertEqual(following.client_completion_cost, 10)

    def test_recurrence_that_ends_takes_the_rest(self):
        task = self._make_tasks(
            self._make_line(),
            recurring_task=True,
            repeat_interval=1,
            repeat_unit="week",
            repeat_type="until",
            repeat_until=self.today + timedelta(days=1),
            date_deadline=fields.Datetime.now(),
        )
        self.assertEqual(task.client_completion_cost, 100)
        task.state = DONE
        self.assertDone(100)

    def test_second_currency_goes_by_the_rate_of_the_order(self):
        self.env["res.currency.rate"].create(
            {
                "name": self.today,
                "rate": 2,
                "currency_id": self.eur.id,
                "company_id": self.company.id,
            }
        )
        pricelist = self.env["product.pricelist"].create(
            {"name": "EUR", "currency_id": self.eur.id}
        )
        line = self._make_line(pricelist_id=pricelist.id)
        tasks = self._make_tasks(line, 2)
        self.assertEqual(tasks[0].client_completion_cost, 5)
        tasks[0].state = DONE
        self.assertDone(5)

    def test_who_gets_the_invoices_pays(self):
        child = self.env["res.partner"].create({"name": "Bob"})
        line = self._make_line(client=child, partner_invoice_id=self.client.id)
        task = self._make_tasks(line, 2)[0]
        self.assertEqual(task.client_account_id, self.account)
        task.state = DONE
        self.assertDone(10)

    def test_milestones(self):
        product = self._make_product("Course", service_type="milestones")
        line = self._make_line(product=product, quantity=2, price=50)
        milestones = self.env["project.milestone"].create(
            [
                {
                    "name": name,
                    "project_id": self.project.id,
                    "sale_line_id": line.id,
                    "quantity_percentage": share,
                }
                for name, share in (("Half", 0.5), ("End", 0.5))
            ]
        )
        task = self._make_tasks(line)
        self.assertEqual(task.client_completion_cost, 0)
        task.state = DONE
        self.assertDone(0)
        milestones[0].is_reached = True
        self.assertDone(50)
        self._bill(line, 1)
        self.assertDone(0)

    def test_quotation_and_cancelled_order_cost_nothing(self):
        line = self._make_line()
        tasks = self._make_tasks(line, 2)
        tasks[0].state = DONE
        line.order_id._action_cancel()
        self.assertDone(0)
        self.assertEqual(self._get_cost(tasks[1]), 0)

    def test_cost_of_many_takes_as_many_queries_as_of_one(self):
        tasks = self._make_tasks(self._make_line(quantity=40), 40)
        self.env.flush_all()

        def count(records):
            self.env.invalidate_all()
            records.mapped("state")
            before = self.cr.sql_log_count
            records.mapped("client_completion_cost")
            return self.cr.sql_log_count - before

        count(tasks)
        self.assertEqual(count(tasks), count(tasks[0]))
