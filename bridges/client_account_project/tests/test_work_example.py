from odoo.tests import tagged

from odoo.addons.client_account.tests.examples import ExamplesMixin

from .common import DONE, ClientProjectCommon


@tagged("post_install", "-at_install")
class TestWorkExample(ExamplesMixin, ClientProjectCommon):
    """The example of the documentation about the cost of work."""

    examples = ("work",)

    def test_lesson_that_takes_place_twice_costs_twice(self):
        self._make_payment(50)
        tasks = self._make_tasks(self._make_line(), 3)
        tasks[0].name = "Scales (twice)"
        self.assertEqual(tasks[0].client_completion_cost, 20)
        self.assertEqual(tasks[1].client_completion_cost, 10)
        tasks[0].state = DONE
        self.assertEqual(self.account._get_done_amount(), 20)
