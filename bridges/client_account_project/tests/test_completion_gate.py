from contextlib import contextmanager

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from odoo.addons.client_account.exceptions import BalanceRefused

from .common import DONE, OPEN, ClientProjectCommon


@tagged("post_install", "-at_install")
class TestCompletionGate(ClientProjectCommon):
    """A task is not marked as done when what it costs is more than its client has."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.line = cls._make_line(quantity=10, price=10)
        cls.tasks = cls._make_tasks(cls.line, 4)
        cls.task = cls.tasks[0]

    def assertOpen(self, *tasks):
        """Check what is stored after what was refused is rolled back."""
        for task in tasks:
            self.assertEqual(task.state, OPEN)

    @contextmanager
    def _refused(self, *patterns):
        """Check that a call is refused in these words, and undo it."""
        with self.assertRaises(BalanceRefused) as caught:
            yield
        self.assertRegex(str(caught.exception), ".*".join(patterns) or ".")

    # === By what ===

    def test_accepted_after_a_credit_and_refused_before(self):
        with self._refused(
            "“Lesson 1” cannot be marked as done: it costs",
            "10.00",
            "a balance of zero",
            "Ada Piano School is short of",
            "10.00",
        ):
            self.task.state = DONE
        self.assertOpen(self.task)
        self._issue_credit(10)
        self.task.state = DONE
        self.assertEqual(self.account._get_done_amount(), 10)
        with self._refused("10.00 done and not billed", "short of", "10.00"):
            self.tasks[1].state = DONE

    def test_limit_counts(self):
        self._grant(15)
        self.task.state = DONE
        with self._refused("a limit in force of", "15.00", "short of", "5.00"):
            self.tasks[1].state = DONE

    @classmethod
    def _grant(cls, limit):
        request = cls.env["client.account.request"].create(
            {
                "partner_id": cls.client.id,
                "requested_limit": limit,
                "reason": "Trusted",
            }
        )
        cls.company.client_request_self_approval = True
        request.sudo().action_submit()
        request.sudo().action_approve()

    def test_exactly_enough_is_enough(self):
        self._issue_credit(30)
        self.tasks[:3].state = DONE
        with self._refused("short of", "70.00"):
            self.tasks[3].state = DONE
        self._issue_credit(70)
        self.tasks[3].state = DONE

    def test_what_is_ordered_does_not_count(self):
        """With an order committed for more than there is, lessons go on."""
        self._issue_credit(10)
        with self._committed({self.account: 100}):
            self.assertLess(self.account.available, 0)
            self.task.state = DONE

    def test_billed_lesson_is_not_judged(self):
        self._issue_credit(20)
        self._bill(self.line, 2)
        self.assertEqual(self.account.balance, 0)
        self.tasks[:2].state = DONE

    def test_policy_allowed_and_setting_off_refuse_nothing(self):
        self.account.negative_balance = "allowed"
        self.task.state = DONE
        self.account.negative_balance = "prevented"
        with self._refused():
            self.tasks[1].state = DONE
        self.company.client_judge_completion = False
        self.tasks[1].state = DONE

    def test_task_that_nobody_pays_for_is_done(self):
        self.task.sale_line_id = False
        self.task.state = DONE

    # === Several ===

    def test_several_name_those_that_do_not_fit(self):
        self._issue_credit(20)
        with self.assertRaises(BalanceRefused) as caught:
            (self.tasks[2] | self.tasks[0] | self.tasks[1]).write({"state": DONE})
        message = str(caught.exception)
        self.assertIn("Lesson 3", message)
        self.assertNotIn("Lesson 1”", message)
        self.assertNotIn("Lesson 2”", message)
        self.assertIn("Nothing was marked as done", message)
        self.assertOpen(*self.tasks)
        self.tasks[:2].state = DONE

    def test_one_that_is_too_much_does_not_take_others_with_it(self):
        big = self._make_tasks(self._make_line(quantity=1, price=500))
        small = self._make_tasks(self._make_line(quantity=1, price=5))
        self._issue_credit(5)
        with self.assertRaises(BalanceRefused) as caught:
            (big | small).write({"state": DONE})
        self.assertIn("500.00", str(caught.exception))
        small.state = DONE
        self.assertEqual(self.account._get_done_amount(), 5)

    def test_no_task_and_twice_in_a_row(self):
        self.tasks.browse().write({"state": DONE})
        self._issue_credit(10)
        self.task.state = DONE
        self.task.write({"state": DONE})
        self.task.write({"state": DONE, "name": "Again"})

    def test_done_stays_done_when_the_balance_falls(self):
        self._issue_credit(10)
        self.task.state = DONE
        self.account.negative_balance = "allowed"
        self._make_invoice(50)
        self.account.negative_balance = "prevented"
        self.task.write({"state": DONE, "priority": "1"})
        self.task.state = OPEN
        with self._refused("50.00 owed|40.00 owed"):
            self.task.state = DONE

    def test_sub_task_recurrence_and_reopening(self):
        self._issue_credit(10)
        child = self._make_tasks(self.line, parent_id=self.task.id)
        child.state = DONE
        self.task.state = DONE
        self.task.state = OPEN
        self.task.state = DONE
        self.tasks[1].write(
            {
                "recurring_task": True,
                "repeat_interval": 1,
                "repeat_unit": "week",
                "repeat_type": "forever",
            }
        )
        count = self.env["project.task"].search_count([])
        with self._refused("Lesson 2"):
            self.tasks[1].state = DONE
        self.assertEqual(self.env["project.task"].search_count([]), count)

    def test_task_of_another_company_is_judged_there(self):
        other = self.setup_other_company()["company"]
        self.env.user.company_ids |= other
        other.write(
            {"client_negative_balance": "prevented", "client_judge_completion": True}
        )
        env = self.env(
            context={"allowed_company_ids": [other.id, self.company.id]},
        )
        line = self._make_line(company_id=other.id)
        project = self._make_project(company_id=other.id)
        task = self._make_tasks(line, 2, project_id=project.id)[0]
        account = self._get_account(self.client, other)
        self._issue_credit(1000)
        with self._refused("Lesson 1"):
            task.state = DONE
        task.with_env(env).client_account_id.issue_credit(10, "Gift")
        task.state = DONE
        self.assertEqual(account._get_done_amount(), 10)
        self.assertEqual(self.account._get_done_amount(), 0)

    def test_who_gets_the_invoices_is_judged(self):
        children = self.env["res.partner"].create([{"name": "Bob"}, {"name": "Eva"}])
        tasks = self.env["project.task"].union(
            *(
                self._make_tasks(
                    self._make_line(client=child, partner_invoice_id=self.client.id), 2
                )[0]
                for child in children
            )
        )
        self._issue_credit(10)
        with self._refused("Ada Piano School"):
            tasks.write({"state": DONE})
        tasks[0].state = DONE
        with self._refused("Ada Piano School"):
            tasks[1].state = DONE

    # === By every route ===

    def test_created_as_done(self):
        with self._refused("New lesson"):
            self._make_tasks(self.line, name="New lesson", state=DONE)

    def test_form_and_web_save(self):
        with self._refused(), Form(self.task) as form:
            form.state = DONE
        with self._refused():
            self.task.web_save({"state": DONE}, {"state": {}})
        with self._refused():
            self.env["project.task"].browse().web_save(
                {
                    "name": "By the web client",
                    "project_id": self.project.id,
                    "sale_line_id": self.line.id,
                    "state": DONE,
                },
                {"name": {}},
            )

    def test_more_on_what_is_done(self):
        """An order line for a task that is done, or more hours on it, have more done as
        marking it later would have."""
        free = self.env["project.task"].create(
            {
                "name": "Free",
                "project_id": self.project.id,
                "sale_line_id": False,
                "partner_id": self.client.id,
            }
        )
        free.sale_line_id = False
        free.state = DONE
        with self._refused("Free"):
            free.sale_line_id = self.line
        hours = self._make_product("Hours", uom_id=self.hour.id)
        task = self._make_tasks(self._make_line(product=hours), 2, allocated_hours=1)[0]
        self._issue_credit(10)
        task.state = DONE
        with self._refused("short of", "10.00"):
            task.allocated_hours = 2
        task.allocated_hours = 0.5

    def test_order_line_that_is_taken_over(self):
        """Tasks without one take that of their project, or of the task above."""
        project = self._make_project()
        free, parent = self.env["project.task"].create(
            [{"name": name, "project_id": project.id} for name in ("Free", "Parent")]
        )
        child = free.create(
            {"name": "Child", "project_id": project.id, "parent_id": parent.id}
        )
        for task in (free, child):
            self.assertFalse(task.sale_line_id)
            task.state = DONE
        with self._refused("Free"):
            project.sale_line_id = self.line
        self.assertFalse(free.sale_line_id)
        with self._refused("Free"):
            project.write({"sale_line_id": self.line.id, "allow_billable": True})
        self._issue_credit(1000)
        project.sale_line_id = self.line
        self.assertEqual(free.sale_line_id, self.line)

    def test_order_line_of_a_milestone_that_is_taken_over(self):
        self.project.allow_milestones = True
        milestone = self.env["project.milestone"].create(
            {"name": "First", "project_id": self.project.id}
        )
        free = self.env["project.task"].create(
            {
                "name": "Free",
                "project_id": self.project.id,
                "milestone_id": milestone.id,
            }
        )
        free.sale_line_id = False
        free.state = DONE
        with self._refused("Free"):
            milestone.sale_line_id = self.line
        self._issue_credit(1000)
        milestone.sale_line_id = self.line
        self.assertEqual(free.sale_line_id, self.line)

    def test_sub_task_that_is_left_alone_on_the_line_of_its_parent(self):
        """It cost nothing beside it: with the line taken off the parent it does."""
        parent = self._make_tasks(self.line)
        child = self._make_tasks(self.line, parent_id=parent.id)
        child.state = DONE
        self.assertEqual(self.account._get_done_amount(), 0)
        routes = (
            {"sale_line_id": False},
            {"sale_line_id": self._make_line().id},
            {"partner_id": self.other_client.id},
        )
        for vals in routes:
            with self.subTest(vals), self._refused("Lesson 1"):
                parent.write(vals)
        with self._refused("Lesson 1"):
            child.parent_id = False

    def test_portal_collaborator(self):
        portal = new_test_user(
            self.env,
            "cp_portal",
            "base.group_portal",
            partner_id=self.env["res.partner"]
            .create({"name": "Pia", "email": "pia@example.com"})
            .id,
        )
        self.project.write(
            {
                "privacy_visibility": "portal",
                "collaborator_ids": [
                    Command.create({"partner_id": portal.partner_id.id})
                ],
            }
        )
        self.task.message_subscribe(portal.partner_id.ids)
        with self.assertRaises(BalanceRefused) as caught:
            self.task.with_user(portal).write({"state": DONE})
        self.assertNotRegex(str(caught.exception), r"\d\.\d\d|Ada")
        self.assertFalse(any(caught.exception.args[1].values()))
        self._issue_credit(10)
        self.task.with_user(portal).write({"state": DONE})
        self.assertEqual(self.task.state, DONE)

    def test_milestone_by_every_route(self):
        product = self._make_product("Course", service_type="milestones")
        line = self._make_line(product=product, quantity=2, price=50)
        vals = {
            "name": "Half",
            "project_id": self.project.id,
            "sale_line_id": line.id,
            "quantity_percentage": 0.5,
        }
        milestone = self.env["project.milestone"].create(vals)
        with self._refused("“Half” cannot be marked as done: it costs", "50.00"):
            milestone.toggle_is_reached(True)
        with self._refused("Half"):
            milestone.with_user(self.tutor).sudo().write({"is_reached": True})
        with self._refused("Full"):
            milestone.create({**vals, "name": "Full", "is_reached": True})
        self._issue_credit(60)
        milestone.is_reached = True
        with self._refused("short of", "40.00"):
            milestone.quantity_percentage = 1
        milestone.is_reached = False
        self.assertEqual(self.account._get_done_amount(), 0)

    # === Who sees what ===

    def test_who_may_not_see_figures_is_told_none(self):
        with self.assertRaises(BalanceRefused) as caught:
            self.task.with_user(self.tutor).state = DONE
        message, actions, title = caught.exception.args
        self.assertNotRegex(message, r"\d\.\d\d")
        self.assertIn("Ada Piano School", message)
        self.assertEqual(title, "Not Done")
        self.assertFalse(actions["receive"] or actions["post_anyway"])
        self.assertTrue(actions["request"])

    def test_roles_are_told_figures_and_what_to_do(self):
        offers = {
            self.viewer: ("request",),
            self.officer: ("receive", "request"),
            self.approver: ("post_anyway", "receive", "request"),
        }
        for user, names in offers.items():
            with self.assertRaises(BalanceRefused) as caught:
                self.task.with_user(user).state = DONE
            message, actions, _title = caught.exception.args
            self.assertRegex(message, r"short of \$\s?10\.00")
            self.assertEqual(
                tuple(sorted(name for name in actions if actions[name])), names
            )

    def test_tutor_without_accounting_rights_completes(self):
        self._issue_credit(10)
        self.task.with_user(self.tutor).state = DONE
        self.assertEqual(self.task.state, DONE)

    # === Anyway ===

    def _do_anyway(self, user, reason, tasks=None):
        tasks = (tasks or self.task).with_user(user)
        action = self.env["client.account.post.anyway"]._get_window(tasks)
        wizard = (
            self.env["client.account.post.anyway"]
            .with_user(user)
            .with_context(**action["context"])
            .create({"reason": reason})
        )
        return wizard.action_post_anyway()

    def test_window_says_what_it_does(self):
        action = self.task.with_user(self.approver)._get_done_anyway_action()
        self.assertEqual(action["name"], "Mark as Done Anyway")
        windows = self.env["client.account.post.anyway"].with_user(self.approver)
        arch = etree.fromstring(windows.get_view(view_type="form")["arch"])
        shown = {
            button.get("string")
            for button in arch.iter("button")
            if button.get("name") == "action_post_anyway"
            and not safe_eval(
                button.get("invisible") or "False", {"res_model": "project.task"}
            )
        }
        self.assertEqual(shown, {"Mark as Done Anyway"})

    def test_approver_completes_anyway(self):
        self._do_anyway(self.approver, "Agreed by telephone")
        self.assertEqual(self.task.state, DONE)
        for record in (self.task, self.account):
            bodies = " ".join(record.message_ids.mapped("body"))
            self.assertIn("Agreed by telephone", bodies)
            self.assertIn("cp_approver", bodies)
        self.assertIn("10.00", " ".join(self.account.message_ids.mapped("body")))
        self.assertEqual(self.account._get_done_amount(), 10)
        with self._refused():
            self.tasks[1].with_user(self.approver).state = DONE

    def test_several_anyway(self):
        self._do_anyway(self.approver, "Agreed", self.tasks)
        self.assertEqual(self.tasks.mapped("state"), [DONE] * 4)

    def test_anyway_needs_an_approver_and_a_reason(self):
        for user in (self.tutor, self.viewer, self.officer):
            with self.assertRaises(AccessError):
                self.task.with_user(user).action_client_post_anyway("Please")
        with self.assertRaisesRegex(UserError, "Give a reason to let"):
            self.task.with_user(self.approver).action_client_post_anyway("  ")
        self.assertOpen(self.task)

    def test_context_of_a_caller_opens_nothing(self):
        for value in (True, "Please", {"reason": "Please"}):
            with self._refused():
                self.task.with_context(client_post_anyway=value).state = DONE

    def test_only_approvers_change_the_setting(self):
        manager = self._make_user("cp_erp", "base.group_erp_manager")
        with self.assertRaisesRegex(AccessError, "Only approvers"):
            self.company.with_user(manager).client_judge_completion = False
