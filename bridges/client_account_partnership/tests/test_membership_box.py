from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.client_account.tests.common import ClientAccountCommon

VIEWER = "client_account.group_client_account_viewer"


@tagged("post_install", "-at_install")
class TestMembershipBox(ClientAccountCommon):
    """The membership of a client on its profile."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref("sales_team.group_sale_manager")
        cls.grade = cls.env["res.partner.grade"].create({"name": "Gold"})
        cls.silver = cls.env["res.partner.grade"].create({"name": "Silver"})
        cls.product = cls._make_membership(cls.grade)
        cls.viewer = cls._make_user("ms_viewer", VIEWER)
        cls.seller = cls._make_user(
            "ms_seller", f"{VIEWER},sales_team.group_sale_salesman_all_leads"
        )
        cls.biller = cls._make_user("ms_biller", "account.group_account_invoice")
        cls.plain = cls._make_user("ms_plain", "base.group_user")

    @classmethod
    def _make_membership(cls, grade):
        return cls.env["product.product"].create(
            {
                "name": f"{grade.name} Membership",
                "type": "service",
                "service_tracking": "partnership",
                "grade_id": grade.id,
                "taxes_id": [Command.clear()],
                "list_price": 40,
            }
        )

    def _order(self, product=None, partner=None, date=None, confirm=True):
        order = self.env["sale.order"].create(
            {
                "partner_id": (partner or self.client).id,
                "order_line": [
                    Command.create({"product_id": (product or self.product).id})
                ],
            }
        )
        if confirm:
            order.action_confirm()
        if date:
            order.date_order = date
        return order

    def _make_recurring(self, date, product=None, **values):
        """Make a draft that is posted by itself, and again each month."""
        return self._make_invoice(
            [],
            post=False,
            date_due=date,
            invoice_line_ids=[
                Command.create(
                    {
                        "product_id": (product or self.product).id,
                        "price_unit": 40,
                        "tax_ids": [],
                    }
                )
            ],
            date=date,
            **{"invoice_date": date, "auto_post": "monthly", **values},
        )

    def _get_boxes(self, user=None, partner=None):
        partner = (partner or self.client).with_user(user or self.seller)
        self.env.flush_all()
        self.env.invalidate_all()
        return partner.client_profile["boxes"]

    def _get_box(self, user=None, partner=None):
        boxes = {box["name"]: box for box in self._get_boxes(user, partner)}
        return boxes.get("membership")

    def _get_lines(self, *args):
        return {line["label"]: line for line in self._get_box(*args)["lines"]}

    def test_no_membership_no_box(self):
        self.assertIsNone(self._get_box())
        self.assertFalse(self.env["client.account"].browse().mapped("profile"))

    def test_since_when_and_through_which_order(self):
        order = self._order(date="2025-03-01 12:00:00")
        boxes = self._get_boxes()
        self.assertEqual(boxes[0]["name"], "membership", "under the client's name")
        self.assertEqual(boxes[0]["value"], "Gold")
        lines = self._get_lines()
        self.assertEqual(lines["Since"]["value"], "03/01/2025")
        self.assertEqual(lines["Order"]["value"], order.name)
        self.assertEqual(
            lines["Order"]["target"], {"model": "sale.order", "id": order.id}
        )

    def test_newest_confirmed_order_of_the_level_counts(self):
        self._order(date="2025-03-01 12:00:00")
        newest = self._order(date="2025-05-01 12:00:00")
        self._order(confirm=False)
        # Another level, taken back: the contact has the first one again.
        self._order(self._make_membership(self.silver), date="2025-06-01 12:00:00")
        self.client.grade_id = self.grade
        self.assertEqual(self._get_lines()["Order"]["target"]["id"], newest.id)

    def test_order_of_a_contact_counts_for_its_client(self):
        contact = self.env["res.partner"].create(
            {"name": "Eva", "parent_id": self.client.id}
        )
        order = self._order(partner=contact)
        self.assertEqual(self._get_lines()["Order"]["target"]["id"], order.id)
        self.assertEqual(self._get_box(self.seller, contact)["value"], "Gold")

    def test_cancelled_order_leaves_the_tracking(self):
        order = self._order(date="2025-03-01 12:00:00")
        order._action_cancel()
        self.assertEqual(self.client.grade_id, self.grade)
        self.assertNotIn("Order", self._get_lines())

    def test_level_written_by_hand_tells_the_day(self):
        partner = (
            self.env["res.partner"]
            .with_context(tracking_disable=False, mail_notrack=False)
            .create({"name": "Cora"})
        )
        self.flush_tracking()
        partner.grade_id = self.grade
        self.flush_tracking()
        message = partner.message_ids.filtered("tracking_value_ids")[:1]
        self.assertTrue(message, "the change is tracked")
        message.date = "2025-02-03 12:00:00"
        lines = self._get_lines(self.seller, partner)
        self.assertEqual(lines["Since"]["value"], "02/03/2025")
        self.assertNotIn("Order", lines)

    def flush_tracking(self):
        self.env.flush_all()
        self.cr.precommit.run()

    def test_level_that_nothing_tells_of(self):
        self.client.with_context(tracking_disable=True).grade_id = self.grade
        self.flush_tracking()
        self.assertEqual(self._get_lines(), {})

    def test_next_payment(self):
        self._order()
        self._make_recurring(self.today + timedelta(days=40))
        move = self._make_recurring(fields.Date.to_date("2025-07-01"))
        other = self._make_membership(self.silver)
        self._make_recurring(fields.Date.to_date("2025-06-01"), other)
        self._make_recurring(fields.Date.to_date("2025-06-01"), auto_post="no")
        line = self._get_lines(self.biller)["Next Payment"]
        self.assertRegex(line["value"], r"^\$\s?40\.00 on 07/01/2025$")
        self.assertEqual(line["target"], {"model": "account.move", "id": move.id})

    def test_next_payment_after_the_first_was_posted(self):
        self._order()
        first = self._make_recurring(self.today - timedelta(days=1))
        first.action_post()
        following = first.search([("auto_post_origin_id", "=", first.id)]) - first
        self.assertEqual(following.state, "draft")
        line = self._get_lines(self.biller)["Next Payment"]
        self.assertEqual(line["target"]["id"], following.id)

    def test_who_may_see(self):
        """Whoever sees the contact sees the level; names of documents are for their
        readers, and amounts for who may see figures."""
        self._order()
        self._make_recurring(self.today)
        self.assertEqual(
            list(self._get_lines(self.biller)), ["Since", "Order", "Next Payment"]
        )
        viewer = self._get_lines(self.viewer)
        self.assertEqual(list(viewer), ["Since", "Next Payment"])
        self.assertIsNone(viewer["Next Payment"]["target"])
        self.assertEqual(list(self._get_lines(self.plain)), ["Since"])
        self.assertNotIn("40.00", str(self._get_boxes(self.plain)))

    def test_level_of_another_company(self):
        other = self.setup_other_company()["company"]
        self.grade.company_id = other
        self.client.grade_id = self.grade
        self.assertIsNone(self._get_box())

    def test_order_of_another_company_does_not_tell(self):
        other = self.setup_other_company()["company"]
        self.env.user.company_ids |= other
        self.grade.company_id = False
        order = self._order()
        order.flush_recordset()
        self.cr.execute(
            "UPDATE sale_order SET company_id = %s WHERE id = %s",
            [other.id, order.id],
        )
        self.env.invalidate_all()
        self.assertNotIn("Order", self._get_lines())

    def test_constant_queries(self):
        self._order(partner=self.other_client)
        for _number in range(10):
            self._order()
            self._make_recurring(self.today)
        for client in (self.client, self.other_client):
            self._get_account(client)

        def count(client):
            self.env.flush_all()
            self.env.invalidate_all()
            client = client.with_user(self.biller)
            client.mapped("name")
            before = self.cr.sql_log_count
            client.mapped("client_profile")
            return self.cr.sql_log_count - before

        count(self.client)
        # Two more for the document of the next payment.
        self.assertLessEqual(count(self.client), count(self.other_client) + 3)
