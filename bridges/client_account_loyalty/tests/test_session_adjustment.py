import math

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import ClientLoyaltyCommon


@tagged("post_install", "-at_install")
class TestSessionAdjustment(ClientLoyaltyCommon):
    """Session credits are adjusted in Odoo's own window, without a word to clients."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        template = cls.env["mail.template"].create(
            {
                "name": "Milestone",
                "model_id": cls.env["ir.model"]._get_id("loyalty.card"),
                "subject": "You reached a milestone",
                "partner_to": "{{ object.partner_id.id }}",
                "body_html": "<p>Well done</p>",
            }
        )
        cls.piano.communication_plan_ids = [
            Command.create(
                {
                    "trigger": "points_reach",
                    "points": 5,
                    "mail_template_id": template.id,
                }
            )
        ]
        cls.card = cls._make_card(2, cls.pupil)

    def _adjust(self, balance, description="Lesson cancelled", user=None, card=None):
        """Adjust a card in the window that the button opens."""
        card = (card or self.card).with_user(user or self.officer)
        action = card.action_client_adjust_sessions()
        wizard = (
            card.env[action["res_model"]]
            .with_context(**action["context"])
            .create({"new_balance": balance, "description": description})
        )
        return wizard.action_update_card_point()

    def _get_told(self):
        """Return how many mails and messages to the client there are."""
        messages = self.env["mail.message"].sudo()
        return (
            self.env["mail.mail"].sudo().search_count([]),
            messages.search_count([("partner_ids", "in", self.pupil.ids)]),
        )

    def test_button_opens_the_window_and_it_adjusts(self):
        action = self.account.with_user(self.officer).action_adjust_sessions()
        self.assertEqual(
            (action["res_model"], action["target"]),
            ("loyalty.card.update.balance", "new"),
        )
        # It says whose sessions these are, and begins with what is left.
        self.assertIn(self.pupil.name, action["name"])
        self.assertEqual(action["context"]["default_new_balance"], 2)
        self.assertTrue(action["context"]["loyalty_no_mail"])
        wizards = self.env[action["res_model"]].with_user(self.officer)
        with Form(wizards.with_context(**action["context"])) as form:
            self.assertEqual(form.old_balance, 2)
            form.new_balance = 12
            form.description = "Ten more, lesson cancelled"
        form.record.action_update_card_point()
        self.assertEqual(self.card.points, 12)
        self.assertRecordValues(
            self.card.history_ids,
            [{"issued": 10, "used": 0, "description": "Ten more, lesson cancelled"}],
        )
        self.assertEqual(self.card.history_ids.create_uid, self.officer)

    def test_less_is_used(self):
        self._adjust(0.5)
        self.assertEqual(self.card.points, 0.5)
        self.assertRecordValues(self.card.history_ids, [{"issued": 0, "used": 1.5}])

    def test_client_gets_no_message(self):
        before = self._get_told()
        self._adjust(6)
        self.assertEqual(self._get_told(), before)

    def test_client_gets_no_message_by_rpc_either(self):
        before = self._get_told()
        wizard = (
            self.env["loyalty.card.update.balance"]
            .with_user(self.officer)
            .create(
                {"card_id": self.card.id, "new_balance": 9, "description": "A gift"}
            )
        )
        wizard.action_update_card_point()
        self.assertEqual((self.card.points, self._get_told()), (9, before))

    def test_milestones_reached_otherwise_are_told_as_ever(self):
        before = self._get_told()
        self.card.points = 7
        self.assertNotEqual(self._get_told(), before)

    def test_an_order_whose_sessions_are_used_is_not_cancelled(self):
        """Nor does anybody write less than nothing by hand."""
        pack = self.env["product.product"].create(
            {"name": "Pack", "type": "service", "invoice_policy": "order"}
        )
        self.piano.sudo().rule_ids = [
            Command.clear(),
            Command.create(
                {
                    "reward_point_mode": "unit",
                    "reward_point_amount": 10,
                    "product_ids": [Command.set(pack.ids)],
                }
            ),
        ]
        self.card.points = 0
        salesperson = self._make_user(
            "loy_salesperson", "sales_team.group_sale_manager"
        )
        order = (
            self.env["sale.order"]
            .with_user(salesperson)
            .create(
                {
                    "partner_id": self.card.partner_id.id,
                    "order_line": [Command.create({"product_id": pack.id})],
                }
            )
        )
        order.action_confirm()
        self.assertEqual(self.card.points, 10)
        self.card.points = 7
        with self.assertRaisesRegex(UserError, "has 7 session credits"):
            with self.env.cr.savepoint():
                order._action_cancel()
        self.assertEqual((self.card.points, order.state), (7, "sale"))
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.card.with_user(self.seller).points = -1
        self.card.points = 10
        order._action_cancel()
        self.assertEqual((self.card.points, order.state), (0, "cancel"))

    def test_negative_and_absurd_balances_are_refused(self):
        for balance in (-1, -0.01, math.nan, math.inf, 100_000, 1e12, 2.345):
            with (
                self.subTest(balance=balance),
                self.assertRaisesRegex(UserError, "Piano Pack.*session credits"),
                self.env.cr.savepoint(),
            ):
                self._adjust(balance)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._adjust(2)
        self.assertEqual(self.card.points, 2)
        self.assertFalse(self.card.history_ids)

    def test_reason_is_needed(self):
        for description in (" ", "x" * 3000):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                self._adjust(4, description)
        self.assertEqual(self.card.points, 2)

    def test_who_sells_adjusts_too_and_others_do_not(self):
        self._adjust(3, user=self.seller)
        self.assertEqual(self.card.points, 3)
        for user in (self.viewer, self.employee):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self._adjust(9, user=user)
        self.assertEqual(self.card.points, 3)

    def test_officer_changes_cards_by_the_window_alone(self):
        with self.assertRaises(AccessError):
            self.card.with_user(self.officer).points = 50
        history = self.env["loyalty.history"].with_user(self.officer)
        with self.assertRaises(AccessError):
            history.create({"card_id": self.card.id, "description": "x", "issued": 1})

    def test_card_of_another_company_is_not_adjusted(self):
        other = self.setup_other_company()["company"]
        theirs = self._make_card(
            1, program=self._make_program("Theirs", company_id=other.id)
        )
        wizard = (
            self.env["loyalty.card.update.balance"]
            .with_user(self.officer)
            .create({"card_id": theirs.id, "new_balance": 9, "description": "A gift"})
        )
        with self.assertRaises(AccessError):
            wizard.action_update_card_point()
        self.assertEqual(theirs.points, 1)

    def test_several_cards_are_chosen_from(self):
        second = self._make_card(3)
        action = self.account.with_user(self.officer).action_adjust_sessions()
        cards = self.env["loyalty.card"].with_user(self.officer)
        self.assertEqual(cards.search(action["domain"]), self.card + second)
        self._adjust(4, card=second)
        self.assertEqual((self.card.points, second.points), (2, 4))

    def test_client_without_card_is_told_what_to_do(self):
        account = self._get_account(self.other_client).with_user(self.officer)
        with self.assertRaisesRegex(UserError, "Bela Chess Club has no card"):
            account.action_adjust_sessions()

    def test_cards_of_money_are_adjusted_as_ever(self):
        card = self._make_card(10, program=self._make_program("Wallet", "ewallet"))
        wizard = (
            self.env["loyalty.card.update.balance"]
            .with_user(self.seller)
            .create({"card_id": card.id, "new_balance": 123.456, "description": "x"})
        )
        wizard.action_update_card_point()
        self.assertEqual(card.points, 123.456)
