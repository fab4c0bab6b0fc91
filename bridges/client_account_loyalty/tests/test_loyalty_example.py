from odoo.tests import tagged

from odoo.addons.client_account.tests.examples import ExamplesMixin

from .common import ClientLoyaltyCommon


@tagged("post_install", "-at_install")
class TestLoyaltyExample(ExamplesMixin, ClientLoyaltyCommon):
    """The example of the documentation about session credits."""

    examples = ("sessions",)

    def test_trial_lessons_are_no_session_credits(self):
        trial = self._make_program("Piano (trial)")
        programs = self.piano | trial
        self.assertEqual(programs._filter_sessions(), self.piano)
