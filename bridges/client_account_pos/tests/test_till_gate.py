from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import ClientTillCommon


@tagged("post_install", "-at_install")
class TestTillGate(ClientTillCommon):
    """What the till may take from accounts, and in which words it may not."""

    # === Judged ===

    def test_what_is_sold_on_account_counts_at_once(self):
        self._prevent(100)
        order = self._sell(60)
        self.assertEqual(order.state, "paid")
        self.assertEqual(order.client_on_account, 60)
        self.assertFigures(0, 40)
        self.assertEqual(self._get_committed(), 60)

    def test_all_that_is_left_may_be_taken_and_not_a_cent_more(self):
        self._prevent(100)
        self._sell(100)
        self.assertOrderRefused(lambda: self._sell(0.01), "Ada Piano School")
        self.assertFigures(0, 0)

    def test_credit_pays_and_what_is_beyond_is_owed(self):
        self._issue_credit(45)
        self._prevent(20)
        self._sell(60)
        self.assertFigures(45, 5)

    def test_a_part_may_be_paid_with_the_account(self):
        self._prevent(10)
        order = self._sell([(self.method, 10), (self.cash, 90)])
        self.assertEqual(order.client_on_account, 10)
        self.assertFigures(0, 0)

    def test_an_order_paid_in_cash_is_not_judged(self):
        self._prevent(0)
        self._sell([(self.cash, 500)])
        self.assertFigures(0, 0)

    def test_without_policy_everything_is_owed(self):
        self._sell(500)
        self.assertFigures(0, -500)

    def test_an_invoice_in_the_back_office_meets_what_is_on_account(self):
        self._prevent(100)
        self._sell(60)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._make_invoice(40.01)
        self._make_invoice(40)
        self.assertFigures(-40, 0)

    def test_an_order_sent_twice_counts_once(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self._sync(order)
        self._sync(order)
        self.assertFigures(0, 40)

    def test_many_orders_in_one_call_are_judged_one_by_one(self):
        self._prevent(100)
        orders = [self._build_order([(self.method, 30)]) for _turn in range(4)]
        self.assertOrderRefused(lambda: self._sync(*orders))
        self.assertFigures(0, 100)
        self._sync(*orders[:3])
        self.assertFigures(0, 10)

    def test_locks_are_taken_in_one_order_whether_it_was_allowed_or_not(self):
        """Asked about first and allowed afterwards, two would wait for each other."""
        clients = self.client | self.other_client
        accounts = type(self.account)
        lock, taken = accounts._get_lock_sql, []

        def note_lock(model, keys):
            if keys:
                taken.append({client for client, _root in keys})
            return lock(model, keys)

        asked = {
            (client, self.company): amount
            for client, amount in zip(clients, (0.0, 10.0), strict=True)
        }
        with patch.object(accounts, "_get_lock_sql", note_lock):
            self.env["pos.order"]._get_account_refusals(asked)
        self.assertEqual(taken[0], set(clients))

    def test_a_draft_counts_once_it_is_paid(self):
        self._prevent(100)
        values = self._build_order([(self.method, 60)], state="draft")
        self._sync(values)
        self.assertEqual(self._get_committed(), 0)
        order = self._sync({**values, "state": "paid", "payment_ids": []})
        self.assertEqual(order.state, "paid")
        self.assertFigures(0, 40)

    def test_a_draft_that_is_too_much_is_refused_when_it_is_paid(self):
        self._prevent(50)
        values = self._build_order([(self.method, 60)], state="draft")
        self._sync(values)
        paid = {**values, "state": "paid", "payment_ids": []}
        self.assertOrderRefused(lambda: self._sync(paid))

    def test_a_payment_changed_to_the_account_is_judged(self):
        self._prevent(50)
        order = self._sell([(self.cash, 60)])
        payment = order.payment_ids
        self.assertOrderRefused(
            lambda: payment.write({"payment_method_id": self.method.id})
        )
        order.write({"partner_id": self.other_client.id})
        payment.write({"payment_method_id": self.method.id})
        other = self._get_account(self.other_client)
        self.assertEqual(self._get_committed(other), 60)
        self.assertOrderRefused(lambda: order.write({"partner_id": self.client.id}))

    def test_a_cancelled_order_is_not_on_account(self):
        self._prevent(50)
        values = self._build_order([(self.method, 40)], state="draft")
        order = self._sync(values)
        order.action_pos_order_cancel()
        self.assertEqual(self._get_committed(), 0)

    def test_a_contact_below_uses_the_clients_account(self):
        child = self.env["res.partner"].create(
            {"name": "Ada's pupil", "parent_id": self.client.id}
        )
        self._prevent(50)
        self._sell(40, client=child)
        self.assertFigures(0, 10)
        self.assertOrderRefused(lambda: self._sell(11))

    def test_what_is_on_account_of_a_contact_that_moves_is_judged(self):
        """It is put under another client, or merged into one of its contacts, before
        the session is closed."""
        mover = self._make_user(
            "till_mover", "base.group_user,base.group_partner_manager"
        )
        family, other = self.env["res.partner"].create(
            [
                {"name": "Family", "is_company": True},
                {"name": "Pupil", "parent_id": self.client.id},
            ]
        )
        pupil = family.create({"name": "Pupil", "parent_id": family.id})
        self._sell(60, client=pupil)
        self._prevent(50)
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(mover)
        routes = (
            lambda: pupil.with_user(mover).write({"parent_id": self.client.id}),
            lambda: wizard.sudo()._merge([pupil.id, other.id], other),
        )
        for number, route in enumerate(routes):
            with self.subTest(number):
                self.assertOrderRefused(route)
                self.assertEqual(self._get_committed(), 0)
        self._prevent(60)
        routes[0]()
        self.assertEqual(self._get_committed(), 60)

    def test_another_method_that_identifies_the_client_is_judged_alike(self):
        native = self.env["pos.payment.method"].create(
            {
                "name": "Customer Account",
                "split_transactions": True,
                "company_id": self.company.id,
            }
        )
        self._close()
        self.till.payment_method_ids |= native
        session = self._open_session(self.till)
        self._prevent(50)
        self._sell([(native, 40)], session=session)
        self.assertFigures(0, 10)
        self.assertOrderRefused(lambda: self._sell([(native, 11)], session=session))

    def test_nothing_is_on_account_of_nobody(self):
        """It would count against no limit, and Odoo closes no session with it."""
        self._prevent(100)
        order = self._sell(100)
        self.assertOrderRefused(
            lambda: order.with_user(self.cashier).write({"partner_id": False}),
            "Choose the client",
        )
        self.assertFigures(0, 0)
        for amount in (30, -30):
            nobodys = self._build_order([(self.method, amount)], partner_id=False)
            self.assertOrderRefused(
                lambda nobodys=nobodys: self._sync(nobodys), "Choose the client"
            )
        self._sync(self._build_order([(self.cash, 30)], partner_id=False))
        self._close()

    # === Words ===

    def test_who_may_see_figures_is_told_what_is_missing(self):
        self._issue_credit(20)
        self._prevent(0)
        refusal = self.assertOrderRefused(
            lambda: self._sell(30, user=self.seeing_cashier),
            "Ada Piano School",
            r"10\.00",
            r"20\.00",
        )
        self.assertIn("cannot be paid with the account", refusal)

    def test_who_may_not_see_figures_is_told_none(self):
        self.env.ref("base.group_user").implied_ids -= self.env.ref(self.VIEWER)
        self._issue_credit(20)
        self._prevent(0)
        refusal = self.assertOrderRefused(lambda: self._sell(30), "Ada Piano School")
        self.assertNotRegex(refusal, r"[123]0\.00")
        order = self._build_order([(self.method, 30)])
        self.assertNotRegex(self._request(order), r"[123]0\.00")

    def test_what_a_till_cannot_mean_is_refused_in_words(self):
        session = self.till_session.with_user(self.cashier)
        order = ["till-1", self.client.id, 10.0, []]
        for place, values in (
            (0, (None, "", ["till-1"])),
            (1, (None, True, "1", 0, -1, 2**31, [self.client.id])),
            (2, (None, True, "10", float("nan"), float("inf"))),
            (3, (None, 1, "1", ["1"], [True], [2**31], [[1]])),
        ):
            for value in values:
                sent = [*order[:place], value, *order[place + 1 :]]
                with self.subTest(sent), self.assertRaises(UserError):
                    session.client_request_account(*sent)
        for settled in (
            *(None, 1, "1", [1], [[1]], [[1, 2, 3]], {"1": 2}),
            *([["1", 2.0]], [[1, "2"]], [[1, float("nan")]], [[2**31, 1.0]]),
        ):
            with self.subTest(settled), self.assertRaises(UserError):
                session.client_request_account(*order, settled)
        self.assertEqual(session.client_request_account(*order), {"refusal": ""})

    def test_figures_are_asked_for_by_ids(self):
        session = self.till_session.with_user(self.seeing_cashier)
        for ids in (
            *(None, 1, "1", True, {"1": 2}, [None], ["1"], [True], [0], [-1], [1.5]),
            *([2**31], [[1]], [self.client.id, "1"]),
        ):
            with self.subTest(ids), self.assertRaises(UserError):
                session.client_get_figures(ids)
        with self.assertRaises(UserError):
            session.client_get_figures(self.client.ids, [["1", 2.0]])
        figures = session.client_get_figures([2**31 - 1, self.client.id])
        self.assertEqual(list(figures), [str(self.client.id)])
        self.assertEqual(session.client_get_figures([]), {})

    def test_figures_are_for_those_who_may_see_them(self):
        self._issue_credit(20)
        self._sell(5)
        seen = self.till_session.with_user(self.seeing_cashier)
        [figures] = seen.client_get_figures(self.client.ids).values()
        self.assertIn("15.00", figures["words"])
        self.assertEqual(figures["owed"], 0)
        unseen = self.till_session.with_user(self.cashier)
        self.assertEqual(unseen.client_get_figures(self.client.ids), {})
        with self.assertRaises(AccessError):
            self.till_session.with_user(self.seller).client_get_figures(self.client.ids)

    # === Pays up front ===

    def test_who_pays_up_front_pays_with_credit_alone(self):
        self._issue_credit(40)
        self.account.pay_later = "disabled"
        self.account._set_limit(100, "granted")
        self.assertOrderRefused(
            lambda: self._sell(41, user=self.seeing_cashier),
            "pays up front",
            r"1\.00",
        )
        self._sell(40)
        self.assertOrderRefused(lambda: self._sell(1))

    def test_who_pays_up_front_spends_at_the_till_what_pays_no_invoice_then(self):
        self._issue_credit(150)
        self.account.pay_later = "disabled"
        self._request(self._build_order([(self.method, 10)]))
        order = self._sell(90)
        invoice = self._make_invoice(50.01, post=False)
        self.assertOrderRefused(
            invoice.action_post, r"0\.01 of the credit was spent at tills"
        )
        self.env.ref("base.group_user").implied_ids -= self.env.ref(self.VIEWER)
        hidden = invoice.with_user(self.cashier).sudo()
        refusal = self.assertOrderRefused(hidden.action_post)
        self.assertRegex(refusal, "was spent at tills already. Ask the accounting")
        self.assertNotRegex(refusal, r"\d\.\d")
        self._make_invoice(50)
        order.action_pos_order_invoice()
        self.assertEqual(order.account_move.amount_residual, 0)
        self._close()
        self.assertFigures(10)

    # === Not payable with credit ===

    def test_what_is_not_payable_with_credit_is_not_paid_with_the_account(self):
        self._issue_credit(500)
        order = self._build_order(
            [(self.method, 10), (self.cash, 20)], lines=[(self.plan, 1, 30)]
        )
        self.assertIn("Plan", self._request(order))
        self.assertOrderRefused(lambda: self._sync(order), "Plan")
        self._sell([(self.cash, 30)], lines=[(self.plan, 1, 30)])

    def test_what_is_given_back_is_not_paid_with_the_account(self):
        """A plan is taken back against a book, and the account pays the rest."""
        order = self._build_order(
            [(self.method, 10)], lines=[(self.plan, -1, 30), (self.book, 1, 40)]
        )
        self._sync(order)
        order = self._build_order(
            [(self.method, -10)], lines=[(self.plan, 1, 30), (self.book, -1, 40)]
        )
        self._sync(order)
        self.assertFigures(10, 0)

    def test_what_is_below_zero_twice_is_sold(self):
        self._issue_credit(500)
        turned = self._build_order([(self.method, 30)], lines=[(self.plan, -1, -30)])
        self.assertOrderRefused(lambda: self._sync(turned), "Plan")
        turned = self._build_order([(self.method, 30)], lines=[(self.plan, -1, 30)])
        turned["amount_total"] = 30
        turned["lines"][0][2].update(
            discount=200, price_subtotal=30, price_subtotal_incl=30
        )
        self.assertOrderRefused(lambda: self._sync(turned), "Plan")

    # === Asked before the receipt ===

    def test_what_was_allowed_counts_until_it_arrives_and_then_once(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self.assertEqual(self._request(order), "")
        self.assertFigures(0, 40)
        self.assertIn("Ada", self._request(self._build_order([(self.method, 41)])))
        self._sync(order)
        self.assertFigures(0, 40)
        self.assertFalse(self.env["client.till.grant"].search([]))

    def test_asked_again_the_last_answer_stands(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self._request(order)
        self.assertEqual(self._request(order), "")
        self.assertFigures(0, 40)
        order["payment_ids"][0][2]["amount"] = 101
        self.assertTrue(self._request(order))
        self.assertFigures(0, 100)

    def test_asked_about_an_order_that_has_arrived_nothing_more_counts(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self._sync(order)
        self.assertEqual(self._request(order), "")
        self.assertFigures(0, 40)

    def test_what_never_arrives_counts_no_longer_after_a_while(self):
        self._prevent(100)
        self._request(self._build_order([(self.method, 60)]))
        self.assertFigures(0, 40)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            self.assertFigures(0, 100)

    def test_an_order_that_grew_after_it_was_allowed_is_judged_for_the_rest(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self._request(order)
        more = self._build_order([(self.method, 101)], uuid=order["uuid"])
        self.assertOrderRefused(lambda: self._sync(more))
        self._sync(self._build_order([(self.method, 100)], uuid=order["uuid"]))
        self.assertFigures(0, 0)

    def test_what_was_allowed_and_not_taken_lets_no_order_grow_later(self):
        self._prevent(100)
        values = self._build_order([(self.method, 60)])
        self._request(values)
        values["payment_ids"][0][2]["payment_method_id"] = self.cash.id
        order = self._sync(values)
        self.assertFigures(0, 100)
        self._sell(100)
        self.assertOrderRefused(
            lambda: order.payment_ids.write({"payment_method_id": self.method.id})
        )

    def test_a_draft_keeps_what_it_was_allowed(self):
        self._prevent(100)
        values = self._build_order([(self.method, 60)])
        self._request(values)
        self._sync({**values, "state": "draft"})
        self.assertFigures(0, 40)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            self._sell(100)
            order = self._sync({**values, "payment_ids": []})
        self.assertEqual(order.state, "paid")

    def test_what_was_allowed_to_one_client_is_not_anothers(self):
        self._prevent(100)
        other = self._get_account(self.other_client)
        self._prevent(0, other)
        order = self._build_order([(self.method, 60)])
        self._request(order)
        order["partner_id"] = self.other_client.id
        self.assertOrderRefused(lambda: self._sync(order))

    def test_what_was_allowed_before_the_line_broke_arrives_late_and_is_told(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self._request(order)
        with freeze_time(fields.Datetime.now() + timedelta(hours=3)):
            self._sell(100)
            late = self._sync(order)
            self._sync(order)
        self.assertEqual(late.state, "paid")
        self.assertFigures(0, -60)
        message = self.account.message_ids.filtered(
            lambda one: "arrived late" in (one.body or "")
        )
        self.assertEqual(len(message), 1)
        self.assertIn("160.00", message.body)
        self.assertIn(self.leader.partner_id, message.notified_partner_ids)

    def test_what_was_allowed_arrives_though_its_product_is_not_payable_now(self):
        order = self._build_order([(self.method, 60)])
        self._request(order)
        more = self._build_order([(self.method, 61)], uuid=order["uuid"])
        other = self._build_order(
            [(self.method, 60)], lines=[(self.plan, 1, 60)], uuid=order["uuid"]
        )
        self.book.client_not_payable_with_credit = True
        self.assertOrderRefused(lambda: self._sync(more), "Book")
        self.assertOrderRefused(lambda: self._sync(other), "Plan")
        self.assertEqual(self._sync(order).state, "paid")
        self.assertOrderRefused(lambda: self._sell(60), "Book")

    def test_what_fits_is_not_told_however_late(self):
        self._prevent(100)
        order = self._build_order([(self.method, 60)])
        self._request(order)
        with freeze_time(fields.Datetime.now() + timedelta(hours=3)):
            self._sync(order)
        self.assertFalse(
            self.account.message_ids.filtered(
                lambda one: "arrived late" in (one.body or "")
            )
        )

    def test_bad_requests_are_refused_in_words(self):
        session = self.till_session.with_user(self.cashier)
        for args in (
            ("", self.client.id, 10.0, []),
            ("a", 0, 10.0, []),
            ("a", self.client.id, float("nan"), []),
            ("a", self.client.id, "ten", []),
            ("a", self.client.id, True, []),
        ):
            with self.assertRaises(UserError):
                session.client_request_account(*args)
        with self.assertRaises(AccessError):
            self.till_session.with_user(self.viewer).client_request_account(
                "a", self.client.id, 10.0, []
            )
        self._close()
        with self.assertRaisesRegex(UserError, "not open"):
            session.client_request_account("a", self.client.id, 10.0, [])

    # === Rights ===

    def test_nobody_but_the_tills_makes_grants(self):
        for user in (self.cashier, self.approver):
            with self.assertRaises(AccessError):
                self.env["client.till.grant"].with_user(user).create(
                    {
                        "order_uuid": "forged",
                        "partner_id": self.client.id,
                        "company_id": self.company.id,
                        "amount": 1000,
                        "granted_on": fields.Datetime.now(),
                    }
                )

    def test_nobody_says_by_hand_what_is_booked(self):
        self._prevent(100)
        [other_move] = self._issue_credit(1)
        forged = self._build_order([(self.method, 200)])
        forged["payment_ids"][0][2]["account_move_id"] = other_move.id
        with self.assertRaisesRegex(AccessError, "by hand"):
            self._sync(forged)
        order = self._sell(60)
        payment = order.payment_ids.with_user(self.cashier)
        with self.assertRaisesRegex(AccessError, "by hand"):
            payment.write({"account_move_id": other_move.id})
        payment.write({"account_move_id": False})
        self.assertFigures(1, 41)

    def test_a_session_is_closed_by_booking_it_alone(self):
        """Closed by hand, what is on account would be neither in the balance nor in
        the books."""
        self._prevent(100)
        self._sell(100)
        session = self.till_session.with_user(self.cashier)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            session.write({"state": "closed"})
        self.assertFigures(0, 0)
        session.write({"state": "closing_control"})
        session.write({"state": "opened"})
        self._close()
        self.assertEqual(session.state, "closed")
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            session.write({"state": "opened"})
        self.assertFigures(-100, 0)

    def test_no_default_says_what_is_booked(self):
        """A caller names defaults in the context, and for itself in `ir.default`."""
        self._prevent(100)
        move = self._issue_credit(1)
        self._sell(60)
        orders = self.env["pos.order"].with_user(self.cashier)
        for name, value in (("account_move", move.id), ("currency_rate", 1000)):
            order = self._build_order([(self.method, 60)])
            order.pop(name, None)
            forging = orders.with_context(**{f"default_{name}": value})
            with self.subTest(name), self.assertRaises(UserError):
                forging.sync_from_ui([order])
        self.assertFigures(1, 41)

    def test_no_default_says_that_a_payment_is_booked(self):
        move = self._issue_credit(1)
        payments = self.env["pos.payment"].with_user(self.cashier)
        self.env["ir.default"].set(
            "pos.payment", "account_move_id", move.id, user_id=self.cashier.id
        )
        for context in ({"default_account_move_id": move.id}, {}):
            order = self._sync(self._build_order([], state="draft"))
            payment = payments.with_context(**context).create(
                {
                    "pos_order_id": order.id,
                    "payment_method_id": self.method.id,
                    "amount": -60,
                }
            )
            self.assertFalse(payment.account_move_id)

    def test_payments_are_judged_whose_order_the_context_names(self):
        self._prevent(100)
        order = self._sell([(self.cash, 60)])
        payments = self.env["pos.payment"].with_user(self.cashier)
        values = {"payment_method_id": self.method.id, "amount": 101}
        self.assertOrderRefused(
            lambda: payments.with_context(default_pos_order_id=order.id).create(values)
        )
        self.assertFigures(0, 100)

    def test_an_entry_on_what_was_taken_does_not_say_it_was_given(self):
        self._prevent(100)
        order = self._sell(60)
        order.payment_ids.sudo().account_move_id = self._issue_credit(1)
        self.assertEqual(self._get_committed(), 60)
        self.assertEqual(order.client_on_account, 60)

    def test_nobody_takes_by_hand_from_what_is_on_account(self):
        self._prevent(100)
        other = self.setup_other_company()["company"]
        move = self._issue_credit(1)
        closed = self.till_session
        self._close()
        session = self._open_session(self.till)
        order = self._sell(60, session=session)
        draft = self._build_order([(self.method, 60)], session=session, state="draft")
        draft = self._sync(draft)
        for one, vals in (
            (order, {"currency_rate": 1000}),
            (order, {"account_move": move.id}),
            (order, {"session_id": closed.id}),
            (order, {"company_id": other.id}),
            (draft, {"currency_rate": 1000}),
        ):
            with self.assertRaisesRegex(AccessError, "by hand"):
                one.with_user(self.cashier).write(vals)
        for vals in ({"currency_rate": 1000}, {"account_move": move.id}):
            forged = self._build_order([(self.method, 60)], session=session, **vals)
            with self.assertRaisesRegex(AccessError, "by hand"):
                self._sync(forged)
        payment = order.payment_ids.with_user(self.cashier)
        payment.write({"session_id": closed.id})
        self.assertEqual(self._get_committed(), 60)
