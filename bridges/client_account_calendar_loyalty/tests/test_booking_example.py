from odoo.tests import tagged

from odoo.addons.client_account.tests.examples import ExamplesMixin

from .common import BookingCommon


@tagged("post_install", "-at_install")
class TestBookingExample(ExamplesMixin, BookingCommon):
    """The example of the documentation about the history of session credits."""

    examples = ("session_history",)

    def test_history_names_the_place(self):
        [card] = self._make_cards(2)
        self._make_meeting(self.client, location="Hall 2")
        self._make_meeting(self.client, days=2)
        with_place, without = card.history_ids.sorted("id")
        self.assertIn("(Hall 2)", with_place.description)
        self.assertNotIn("(", without.description)
