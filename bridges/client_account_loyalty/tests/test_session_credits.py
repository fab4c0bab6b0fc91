from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import format_date

from ..models.res_partner import SHOWN_SESSIONS
from .common import ClientLoyaltyCommon


@tagged("post_install", "-at_install")
class TestSessionCredits(ClientLoyaltyCommon):
    """Session credits left, on the profile of a client."""

    def _get_box(self, user=None, record=None):
        """Return the box of session credits as a user sees it, None for none."""
        if not record:
            self.env.invalidate_all()
        record = (record or self.account).with_user(user or self.officer)
        boxes = {box["name"]: box for box in record._get_profile_boxes()}
        return boxes.get("sessions")

    def _get_lines(self, **options):
        box = self._get_box(**options)
        return {line["label"]: line["value"] for line in box["lines"]}

    def test_client_who_never_had_a_card_has_no_box(self):
        self.assertIsNone(self._get_box())

    def test_card_that_is_used_up_says_that_none_is_left(self):
        self._make_card(0)
        box = self._get_box()
        self.assertEqual((box["value"], box["lines"]), ("None left", []))
        self.assertTrue(box["buttons"])

    def test_archived_program_has_no_box(self):
        self._make_card(3)
        self.piano.sudo().action_archive()
        self.assertIsNone(self._get_box())

    def test_cards_of_client_and_contacts_count_by_program(self):
        chess = self._make_program("Chess Pack")
        self._make_card(8, days=40)
        self._make_card(2.5, self.pupil, days=10)
        self._make_card(3, program=chess)
        self._make_card(99, self.other_client)
        box = self._get_box()
        self.assertEqual(box["value"], "13.5 sessions")
        expiry = format_date(self.env, self.today + timedelta(days=10))
        self.assertEqual(
            self._get_lines(),
            {
                "Piano Pack": f"10.5 sessions, the first expire on {expiry}",
                "Chess Pack": "3 sessions",
            },
        )

    def test_programs_with_different_units_are_not_summed(self):
        court = self._make_program("Court Hours", portal_point_name="hours")
        self._make_card(8)
        self._make_card(3, program=court)
        self.assertEqual(self._get_box()["value"], "In 2 programs")
        self.assertEqual(
            self._get_lines(), {"Piano Pack": "8 sessions", "Court Hours": "3 hours"}
        )

    def test_expired_archived_and_empty_cards_count_nothing(self):
        self._make_card(5, days=-1)
        self._make_card(6).action_archive()
        self._make_card(0)
        self.assertEqual(self._get_box()["value"], "None left")
        self._make_card(1, days=0)
        self.assertEqual(self._get_box()["value"], "1 sessions")

    def test_money_is_left_out(self):
        for kind in ("ewallet", "gift_card", "coupons", "promotion"):
            self._make_card(50, program=self._make_program(kind, kind))
        self.assertIsNone(self._get_box())
        self.assertFalse(self.client.with_user(self.officer).client_session_card_ids)

    def test_sessions_are_no_part_of_the_balance(self):
        self._make_invoice(20)
        before = self.account.balance, self.account.available, self._get_books()
        self._make_card(10)
        self.env.invalidate_all()
        after = self.account.balance, self.account.available, self._get_books()
        self.assertEqual(after, before)
        boxes = self.account.with_user(self.officer)._get_profile_boxes()
        money = [box["value"] for box in boxes if box["name"] != "sessions"]
        self.assertNotIn("session", str(money))

    def test_roles(self):
        """Officers and who sells read cards; viewers and plain users read none."""
        card = self._make_card(8)
        for user in (self.officer, self.seller):
            with self.subTest(user=user.login):
                account = self.client.with_user(user)._get_profile_account()
                self.assertEqual(self._get_box(user, account)["value"], "8 sessions")
                self.assertEqual(
                    self.client.with_user(user).client_session_card_ids, card
                )
        for user in (self.viewer, self.employee):
            with self.subTest(user=user.login):
                account = self.client.with_user(user)._get_profile_account()
                self.assertIsNone(self._get_box(user, account))
                client = self.client.with_user(user)
                self.assertFalse(client.client_session_card_ids)
                self.assertFalse(client.client_session_history_ids)
                with self.assertRaises(AccessError):
                    card.with_user(user).read(["points"])
                for record in (client, account if account.id else client):
                    arch = record.get_view(view_type="form")["arch"]
                    self.assertNotIn("loyalty_card_view_list_session", arch)
                Form(client)
        portal = self._make_user(
            "loy_portal", "base.group_portal", partner_id=self.pupil.id
        )
        with self.assertRaises(AccessError):
            self.pupil.with_user(portal).read(["client_session_card_ids"])

    def test_who_sells_has_the_box_and_the_page_without_figures(self):
        self._make_card(8)
        form = Form(self.client.with_user(self.seller))
        self.assertIn("client_session_card_ids", form._view["fields"])
        self.env["loyalty.card"].with_user(self.seller).with_context(
            list_view_ref="client_account_loyalty.loyalty_card_view_list_session"
        ).get_views([(False, "list")])
        boxes = {box["name"]: box for box in form.client_profile["boxes"]}
        self.assertNotIn("balance", boxes)
        [button] = boxes["sessions"]["buttons"]
        self.assertEqual(
            (button["name"], button["model"], button["id"]),
            ("action_client_adjust_sessions", "res.partner", self.client.id),
        )
        action = self.client.with_user(self.seller).action_client_adjust_sessions()
        self.assertEqual(action["res_model"], "loyalty.card.update.balance")

    def test_other_company_has_its_own(self):
        other = self.setup_other_company()["company"]
        theirs = self._make_program("Theirs", company_id=other.id)
        shared = self._make_program("Shared", company_id=False)
        self._make_card(8)
        self._make_card(3, program=theirs)
        self._make_card(2, program=shared)
        self.assertEqual(self._get_box()["value"], "10 sessions")
        self.officer.sudo().company_ids += other
        account = self._get_account(self.client, other).with_context(
            allowed_company_ids=[other.id, self.company.id]
        )
        self.assertEqual(self._get_box(record=account)["value"], "5 sessions")

    def test_page_lists_cards_and_history(self):
        last = self._make_card(1)
        first = self._make_card(2, self.pupil, days=5)
        lines = (
            self.env["loyalty.history"]
            .sudo()
            .create(
                [
                    {"card_id": last.id, "description": "Bought", "issued": 1},
                    {"card_id": first.id, "description": "Gift", "issued": 2},
                ]
            )
        )
        for record, prefix in ((self.account, ""), (self.client, "client_")):
            record = record.with_user(self.officer)
            self.assertEqual(
                record[f"{prefix}session_card_ids"].ids, (first + last).ids
            )
            self.assertEqual(
                record[f"{prefix}session_history_ids"].ids, lines[::-1].ids
            )
        client = self.client.with_user(self.officer)
        cards = self.env["loyalty.card"].with_user(self.officer)
        history = self.env["loyalty.history"].with_user(self.officer)
        for record, name in ((self.account, "action_"), (client, "action_client_")):
            record = record.with_user(self.officer)
            action = getattr(record, f"{name}view_session_cards")()
            self.assertEqual(cards.search(action["domain"]), last + first)
            action = getattr(record, f"{name}view_session_history")()
            self.assertEqual(history.search(action["domain"]), lines)

    def test_lists_are_bounded_and_queries_do_not_grow(self):
        def count_queries():
            self.env.invalidate_all()
            client = self.client.with_user(self.officer)
            client.read(["name", "commercial_partner_id"])
            client.env.user.has_group("base.group_user")
            before = self.env.cr.sql_log_count
            client.read(["client_session_card_ids", "client_session_history_ids"])
            account = self.account.with_user(self.officer)
            account._get_sessions_box()
            return self.env.cr.sql_log_count - before

        history = self.env["loyalty.history"].sudo()
        for partner in (self.client, self.pupil):
            card = self._make_card(1, partner)
            history.create({"card_id": card.id, "description": "Bought", "issued": 1})
        count_queries()
        few = count_queries()
        for _number in range(SHOWN_SESSIONS + 2):
            card = self._make_card(1, self.pupil)
            history.create({"card_id": card.id, "description": "Bought", "issued": 1})
        self.assertEqual(count_queries(), few)
        client = self.client.with_user(self.officer)
        self.assertEqual(len(client.client_session_card_ids), SHOWN_SESSIONS)
        self.assertEqual(len(client.client_session_history_ids), SHOWN_SESSIONS)

    def test_history_names_documents_the_reader_may_see(self):
        self.env["loyalty.history"].with_user(self.officer).check_access("read")
        card = self._make_card(1)
        move = self._make_invoice(5)
        lines = (
            self.env["loyalty.history"]
            .sudo()
            .create(
                [
                    {
                        "card_id": card.id,
                        "description": "From a document",
                        "order_model": model,
                        "order_id": number,
                    }
                    for model, number in (
                        ("account.move", move.id),
                        ("account.move", 2**30),
                        ("no.such.model", 1),
                        (False, False),
                    )
                ]
            )
        )
        self.assertEqual(
            lines.with_user(self.env.user).mapped("client_origin"),
            [move.display_name, False, False, False],
        )
        self.assertFalse(lines[0].with_user(self.officer).client_origin)

    def test_contact_given_to_another_client_takes_its_card_along(self):
        self._make_card(4, self.pupil)
        self.assertEqual(self._get_box()["value"], "4 sessions")
        self.other_client.write({"child_ids": [Command.link(self.pupil.id)]})
        self.assertIsNone(self._get_box())
