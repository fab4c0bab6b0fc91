from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from .common import ClientOrderCommon


@tagged("post_install", "-at_install")
class TestOrderProfile(ClientOrderCommon):
    """Orders on the account, on the contact and on their own page, by role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.biller = cls._make_user("profile_biller", "account.group_account_invoice")
        cls.own_seller = cls._make_user(
            "profile_own",
            "sales_team.group_sale_salesman,client_account.group_client_account_viewer",
        )

    def _get_box(self, user, record=None):
        record = (record or self.account).with_user(user)
        name = "profile" if record._name == "client.account" else "client_profile"
        boxes = {box["name"]: box for box in record[name]["boxes"]}
        return boxes.get("committed")

    def test_the_box_says_what_is_committed(self):
        self.assertEqual(self._get_box(self.viewer)["tone"], "muted")
        self._confirm_order()
        self._make_order()
        for record in (self.account, self.client):
            with self.subTest(record._name):
                box = self._get_box(self.selling_viewer, record)
                self.assertEqual(box["value"], "$\xa0110.00")
                self.assertEqual(
                    [(line["label"], line["value"]) for line in box["lines"]],
                    [("Orders to Invoice", "1")],
                )
                self.assertEqual(box["link"]["name"], "action_view_committed_orders")
                self.assertEqual(
                    [button["name"] for button in box["buttons"]],
                    ["action_view_orders", "action_new_quotation"],
                )

    def test_who_may_not_read_orders_gets_no_buttons(self):
        self._confirm_order()
        box = self._get_box(self.viewer)
        self.assertFalse(box["link"])
        self.assertFalse(box["buttons"])
        with self.assertRaises(AccessError):
            self.account.with_user(self.viewer).action_view_orders()

    def test_who_may_see_no_figures_gets_no_box(self):
        self._confirm_order()
        self.assertFalse(self._get_box(self.salesperson, self.client))

    def test_a_biller_sees_orders_and_makes_none(self):
        self._confirm_order()
        box = self._get_box(self.biller)
        self.assertTrue(box["link"])
        self.assertEqual(
            [button["name"] for button in box["buttons"]], ["action_view_orders"]
        )

    def test_a_client_without_account_has_the_box_too(self):
        client = self.env["res.partner"].create({"name": "New"})
        box = self._get_box(self.selling_viewer, client)
        self.assertEqual(box["value"], "$\xa00.00")
        self.assertEqual(box["link"]["name"], "action_client_view_committed_orders")
        mine = client.with_user(self.selling_viewer)
        for name in (
            "action_client_view_committed_orders",
            "action_client_view_orders",
            "action_client_new_quotation",
        ):
            self.assertEqual(getattr(mine, name)()["res_model"], "sale.order")

    def test_where_orders_do_not_count_the_box_says_so(self):
        self._confirm_order()
        self.company.client_judged_documents = "invoices"
        box = self._get_box(self.selling_viewer)
        self.assertEqual(box["value"], "$\xa0110.00")
        self.assertEqual(box["tone"], "muted")
        self.assertIn("Counts Against the Limit", str(box["lines"]))

    def test_the_orders_behind_the_figure_are_listed(self):
        first = self._confirm_order()
        second = self._confirm_order(2)
        done = self._confirm_order(3)
        self._invoice(done)
        quotation = self._make_order()
        action = self.account.action_view_committed_orders()
        found = self.env["sale.order"].search(action["domain"])
        self.assertEqual(found, second | first)
        self.assertEqual(sum(found.mapped("client_committed")), self._get_committed())
        everything = self.env["sale.order"].search(
            self.account.action_view_orders()["domain"]
        )
        self.assertEqual(everything, first | second | done | quotation)
        self.assertEqual(self.account.order_ids, everything)
        self.assertEqual(self.client.client_order_ids, everything)

    def test_a_salesperson_sees_own_orders_only(self):
        mine = self._confirm_order(user_id=self.own_seller.id)
        self._confirm_order(2, user_id=self.salesperson.id)
        account = self.account.with_user(self.own_seller)
        self.assertEqual(account.order_ids, mine)
        self.assertEqual(self._get_box(self.own_seller)["value"], "$\xa0330.00")

    def test_the_list_has_the_newest_forty(self):
        orders = self.env["sale.order"]
        for number in range(42):
            orders |= self._make_order(
                price=number + 1, date_order=f"2026-01-{number % 28 + 1:02} 10:00:00"
            )
        self.assertEqual(len(self.account.order_ids), 40)

    def test_queries_of_the_profile_do_not_grow_with_orders(self):
        self._confirm_order()
        counts = []
        for _turn in range(3):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertTrue(self.account.profile)
            self.assertTrue(self.account.order_ids.mapped("client_committed"))
            counts.append(self.env.cr.sql_log_count - before)
            if len(counts) == 2:
                for _number in range(30):
                    self._confirm_order()
        # The first time fills what is kept beyond a transaction.
        self.assertEqual(counts[1], counts[2])

    # === Windows ===

    def test_the_order_form_opens_for_each_role(self):
        self._prevent(50)
        order = self._make_order()
        for user in (self.salesperson, self.selling_viewer, self.selling_approver):
            with self.subTest(user.login):
                form = Form(order.with_user(user))
                self.assertEqual(form.partner_id, self.client)
        form = Form(self.env["sale.order"].with_user(self.selling_viewer))
        form.partner_id = self.client
        with form.order_line.new() as line:
            line.product_id = self.lesson
        self.assertIn("60.00 is missing", form.client_confirmation_preview)
        self.assertIn("Ada Piano School", form.client_account_words)
        saved = form.save()
        self.assertIn("60.00 is missing", saved.client_confirmation_preview)

    def test_account_and_contact_open_for_each_role(self):
        self._confirm_order()
        for user in (self.viewer, self.selling_viewer, self.biller, self.officer):
            with self.subTest(user.login):
                Form(self.account.with_user(user))
                Form(self.client.with_user(user))

    def test_the_account_of_an_order_opens(self):
        order = self._make_order(partner_invoice_id=self.other_client.id)
        action = order.with_user(self.selling_viewer).action_view_client_account()
        account = self._get_account(self.other_client)
        self.assertEqual(
            (action["res_model"], action["res_id"]), ("client.account", account.id)
        )
        with self.assertRaises(AccessError):
            order.with_user(self.salesperson).action_view_client_account()

    def test_settings_show_the_choice(self):
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.client_judged_documents, "both")
        settings.client_judged_documents = "orders"
        settings.client_first_order_without_credit = True
        settings.execute()
        self.assertEqual(self.company.client_judged_documents, "orders")
        self.assertTrue(self.company.client_first_order_without_credit)
