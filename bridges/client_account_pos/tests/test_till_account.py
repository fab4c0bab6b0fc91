from datetime import timedelta

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ClientTillCommon


@tagged("post_install", "-at_install")
class TestTillAccount(ClientTillCommon):
    """What tills book on accounts, until and after the session is closed."""

    # === The method ===

    def test_each_company_with_a_chart_has_the_method_once_and_no_till_uses_it(self):
        other = self.setup_other_company()["company"]
        self.assertEqual(len(self._get_account_method(other)), 1)
        self.assertFalse(self._get_account_method(other).config_ids)
        (self.company | other)._setup_client_till()
        self.env["res.company"]._setup_client_tills()
        for company in self.company | other:
            method = self._get_account_method(company)
            self.assertEqual(len(method), 1)
            self.assertRecordValues(
                method, [{"type": "pay_later", "split_transactions": True}]
            )

    def test_an_archived_method_is_not_made_again(self):
        other = self.setup_other_company()["company"]
        self._get_account_method(other).active = False
        other._setup_client_till()
        self.assertFalse(self._get_account_method(other))

    def test_a_method_of_the_account_has_no_journal_and_knows_the_client(self):
        method = self.method.copy({"client_is_account": True})
        with self.assertRaises(ValidationError):
            method.split_transactions = False

    # === Closing ===

    def test_closing_has_the_client_owe_what_was_on_account(self):
        self._prevent(100)
        order = self._sell(60)
        self._close()
        self.assertFigures(-60, 40)
        self.assertEqual(self._get_committed(), 0)
        item = self._get_receivable(self.till_session.move_id).filtered("partner_id")
        self.assertEqual(item.partner_id, self.client)
        self.assertIn(order.name, item.name)

    def test_closing_pays_what_was_on_account_with_credit(self):
        self._issue_credit(45)
        self._sell(30)
        self._sell(40)
        self.assertFigures(45)
        self._close()
        self.assertFigures(-25)
        self.assertNothingBesideCredit()

    def test_closing_is_never_refused(self):
        self._prevent(100)
        self._sell(100)
        self.account._set_limit(10, "granted")
        self._close()
        self.assertFigures(-100, -90)

    def test_closing_a_session_with_a_product_not_payable_pays_with_credit(self):
        self._issue_credit(30)
        self._sell([(self.cash, 30)], lines=[(self.plan, 1, 30)])
        self._sell(30)
        self._close()
        self.assertFigures(0)
        self.assertNothingBesideCredit()

    def test_closing_pays_the_client_of_each_order(self):
        self._issue_credit(10)
        self._issue_credit(20, self.other_client)
        self._sell(10)
        self._sell(20, client=self.other_client)
        self._close()
        for client in self.client | self.other_client:
            self.assertNothingBesideCredit(client)
            self.assertEqual(self._get_ledger_balance(client), 0)

    def test_policy_manual_does_not_hold_what_the_till_was_told_to_take(self):
        self.account.credit_application = "manual"
        self._issue_credit(30)
        self._sell(30)
        self._close()
        self.assertNothingBesideCredit()

    # === Invoices ===

    def test_an_order_invoiced_at_the_till_is_paid_with_credit(self):
        self._issue_credit(20)
        self._prevent(10)
        order = self._sell(30, to_invoice=True)
        self.assertEqual(order.account_move.amount_residual, 10)
        self.assertFigures(-10, 0)
        self._close()
        self.assertFigures(-10, 0)

    def test_an_invoice_paid_in_cash_takes_no_credit_and_no_limit(self):
        self._issue_credit(20)
        self._prevent(0)
        order = self._sell([(self.cash, 500)], to_invoice=True)
        self.assertEqual(order.account_move.payment_state, "paid")
        self.assertFigures(20, 20)
        self._close()
        self.assertFigures(20, 20)

    def test_an_invoice_paid_in_part_with_the_account_takes_that_part(self):
        self._issue_credit(50)
        self._prevent(0)
        payments = [(self.method, 30), (self.cash, 70)]
        order = self._sell(payments, to_invoice=True)
        self.assertEqual(order.account_move.amount_residual, 0)
        self.assertFigures(20, 20)
        self._close()
        self.assertFigures(20, 20)
        self.assertNothingBesideCredit()

    def test_who_pays_up_front_is_invoiced_at_the_till(self):
        self._issue_credit(30)
        self.account.pay_later = "disabled"
        payments = [(self.method, 30), (self.cash, 70)]
        order = self._sell(payments, to_invoice=True)
        self.assertEqual(order.account_move.amount_residual, 0)
        self.assertFigures(0)

    def test_invoiced_before_closing_in_the_back_office(self):
        self._issue_credit(20)
        self._prevent(10)
        order = self._sell(30)
        order.action_pos_order_invoice()
        self.assertFigures(-10, 0)
        self.assertEqual(order.account_move.amount_residual, 10)
        self._close()
        self.assertFigures(-10, 0)
        self.assertNothingBesideCredit()

    def test_invoiced_after_closing(self):
        self._issue_credit(20)
        self._prevent(10)
        order = self._sell(30)
        self._close()
        self.assertFigures(-10, 0)
        order.action_pos_order_invoice()
        self.assertFigures(-10, 0)
        self.assertNothingBesideCredit()

    def test_invoiced_after_closing_while_there_is_more_credit(self):
        self._sell(30)
        self._close()
        order = self.till_session.order_ids
        self._issue_credit(100)
        order.action_pos_order_invoice()
        self.assertFigures(70)
        self.assertEqual(order.account_move.amount_residual, 0)
        self.assertNothingBesideCredit()

    def test_invoiced_after_closing_while_it_is_owed_the_invoice_is_owed(self):
        self._sell(30)
        self._close()
        order = self.till_session.order_ids
        order.action_pos_order_invoice()
        self.assertEqual(order.account_move.amount_residual, 30)
        self.assertFigures(-30)
        self.assertNothingBesideCredit()

    def test_invoiced_after_closing_beyond_a_limit_that_has_fallen(self):
        """The invoice takes the place of what closing had the client owe."""
        self._issue_credit(20)
        order = self._sell(60)
        self._close()
        self._prevent(0)
        order.action_pos_order_invoice()
        self.assertEqual(order.account_move.amount_residual, 40)
        self.assertFigures(-40, -40)
        self.assertNothingBesideCredit()

    # === Given to the account ===

    def test_a_top_up_is_credit_at_once_and_used_by_the_next_invoice(self):
        self._prevent(0)
        order = self._top_up(50)
        self.assertFigures(50, 50)
        entry = order.payment_ids.account_move_id
        self.assertTrue(entry.client_account_credit)
        self.assertIn("Top-up at Desk", entry.ref)
        invoice = self._make_invoice(20)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertFigures(30, 30)
        self._close()
        self.assertFigures(30, 30)
        self.assertTrue(all(self._get_waiting(order).mapped("reconciled")))

    def test_paying_what_is_owed_pays_the_oldest_debts(self):
        first = self._make_invoice(20, date_due=self.today - timedelta(days=9))
        second = self._make_invoice(30)
        self._top_up(40, purpose="charges")
        self.assertEqual(first.amount_residual, 0)
        self.assertEqual(second.amount_residual, 10)
        self._close()
        self.assertFigures(-10)
        self.assertNothingBesideCredit()

    def test_money_pays_what_account_credit_does_not(self):
        invoice = self._make_plan_invoice()
        first = self._top_up(20, purpose="charges").payment_ids.account_move_id
        self.assertEqual(invoice.amount_residual, 10)
        self.assertFalse(first.client_account_credit)
        second = self._top_up(15, purpose="charges").payment_ids.account_move_id
        self.assertEqual(invoice.amount_residual, 0)
        self.assertTrue(second.client_account_credit)
        self._close()
        self.assertFigures(5)
        self.assertNothingBesideCredit()

    def test_what_is_given_back_for_products_is_no_money(self):
        """Whatever the till says it is for: it does not pay what credit does not."""
        invoice = self._make_plan_invoice()
        order = self._sell(
            [(self.method, -30)], lines=[(self.book, -1, 30)], client_purpose="charges"
        )
        self.assertEqual(invoice.amount_residual, 30)
        entry = order.payment_ids.account_move_id
        self.assertTrue(entry.client_account_credit)
        self.assertIn("Refund at Desk", entry.ref)

    def test_the_account_does_not_pay_the_money_that_it_gets(self):
        """It would pay what credit does not, and what it owes with what it owes."""
        self._issue_credit(30)
        invoice = self._make_plan_invoice()
        for purpose in ("charges", "top_up"):
            payments = [(self.method, -30), (self.method, 30)]
            self.assertOrderRefused(
                lambda payments=payments, purpose=purpose: self._sell(
                    payments, lines=[], client_purpose=purpose
                ),
                "brings money for the account of Ada Piano School",
            )
        paid = self._top_up(20, purpose="charges").payment_ids
        cash = paid.filtered(lambda payment: payment.amount > 0)
        self.assertOrderRefused(
            lambda: cash.write({"payment_method_id": self.method.id}), "brings money"
        )
        self.assertEqual(invoice.amount_residual, 10)

    def test_money_passes_over_debts_for_which_other_money_is_on_its_way(self):
        invoice = self._make_invoice(30)
        self.env["payment.transaction"].create(
            {
                "reference": "On its way",
                "provider_id": self.env["payment.provider"]
                .create({"name": "Cards"})
                .id,
                "payment_method_id": self.env.ref("payment.payment_method_unknown").id,
                "amount": 30,
                "currency_id": self.company.currency_id.id,
                "partner_id": self.client.id,
                "invoice_ids": [Command.set(invoice.ids)],
                "state": "pending",
            }
        )
        later = self._make_invoice(30)
        self._top_up(40, purpose="charges")
        self.assertEqual(invoice.amount_residual, 30)
        self.assertEqual(later.amount_residual, 0)

    def test_paying_what_is_on_account_at_the_till(self):
        self._prevent(50)
        self._sell(50)
        self._top_up(50, purpose="charges")
        self.assertFigures(50, 50)
        self._close()
        self.assertFigures(0, 50)
        self.assertNothingBesideCredit()

    def test_a_refund_to_the_account_is_credit_at_once(self):
        self._prevent(30)
        sold = self._sell(30)
        order = self._refund(sold)
        self.assertFigures(30, 30)
        self.assertIn("Refund at Desk", order.payment_ids.account_move_id.ref)
        self._close()
        self.assertFigures(0, 30)
        self.assertNothingBesideCredit()

    def test_a_refund_of_what_was_paid_in_cash_is_credit(self):
        sold = self._sell([(self.cash, 30)])
        self._refund(sold)
        self._close()
        self.assertFigures(30)

    def test_a_refund_in_a_later_session_pays_what_is_owed_for_it(self):
        """Sold on account and owed since the session was closed; with an invoice or
        not."""
        for invoiced in (False, True):
            with self.subTest(invoiced):
                session = self.till.current_session_id or self._open_session(self.till)
                sold = self._sell(30, to_invoice=invoiced, session=session)
                self._close(session)
                session = self._open_session(self.till)
                self._refund(sold, session=session)
                self.assertFigures(0)
                self.assertNothingBesideCredit()
                self._close(session)
                self.assertFigures(0)
                self.assertNothingBesideCredit()

    def test_a_refund_that_is_invoiced_is_credit_once(self):
        sold = self._sell(30, to_invoice=True)
        self.assertFigures(-30)
        order = self._refund(sold, to_invoice=True)
        self.assertTrue(order.account_move.client_account_credit)
        self.assertFigures(0)
        self._close()
        self.assertFigures(0)
        self.assertNothingBesideCredit()

    def test_a_refund_invoiced_before_closing_is_credit_once(self):
        order = self._refund(self._sell([(self.cash, 30)]))
        self.assertFigures(30)
        waiting = self._get_waiting(order)
        order.action_pos_order_invoice()
        self.assertFigures(30)
        self.assertTrue(all(waiting.mapped("reconciled")))
        self.assertNothingBesideCredit()
        self._close()
        self.assertFigures(30)
        self.assertNothingBesideCredit()

    def test_a_refund_that_is_spent_and_then_invoiced_is_credit_once(self):
        order = self._refund(self._sell([(self.cash, 30)]))
        invoice = self._make_invoice(20)
        order.action_pos_order_invoice()
        self.assertEqual(invoice.amount_residual, 0)
        self.assertFigures(10)
        self._close()
        self.assertFigures(10)
        self.assertNothingBesideCredit()

    def test_a_refund_invoiced_after_closing_is_credit_once(self):
        order = self._refund(self._sell([(self.cash, 30)]))
        self._close()
        order.action_pos_order_invoice()
        self.assertFigures(30)
        self.assertNothingBesideCredit()

    def test_change_on_an_invoice_is_account_credit(self):
        payments = [(self.cash, 120), (self.method, -20)]
        order = self._sell(payments, to_invoice=True)
        paid = order.payment_ids.account_move_id
        self.assertEqual(order.account_move.payment_state, "paid")
        self.assertFalse(order.account_move.client_account_credit)
        self.assertTrue(paid.client_account_credit)
        self.assertFigures(20)
        self._close()
        self.assertFigures(20)
        self.assertNothingBesideCredit()

    def test_change_that_is_invoiced_later_is_account_credit_once(self):
        payments = [(self.cash, 120), (self.method, -20)]
        early, late = self._sell(payments), self._sell(payments)
        early.action_pos_order_invoice()
        self.assertFigures(40)
        self._close()
        late.action_pos_order_invoice()
        for order in early | late:
            self.assertEqual(order.account_move.amount_residual, 0)
            self.assertFalse(order.account_move.client_account_credit)
        self.assertFigures(40)
        self.assertNothingBesideCredit()

    def test_a_register_is_closed_after_a_top_up_was_taken_back(self):
        reversed_entry = self._top_up(50).payment_ids.account_move_id
        reversed_entry._reverse_moves([{"date": reversed_entry.date}], cancel=True)
        cancelled = self._top_up(20).payment_ids.account_move_id
        cancelled.button_draft()
        cancelled.button_cancel()
        self._top_up(7)
        self.assertFigures(7)
        self._close()
        self.assertFigures(7)

    def test_a_refund_that_was_taken_back_is_invoiced_as_credit_once(self):
        for take_back in ("reverse", "cancel"):
            order = self._refund(self._sell([(self.cash, 30)]))
            entry = order.payment_ids.account_move_id
            if take_back == "reverse":
                entry._reverse_moves([{"date": entry.date}], cancel=True)
            else:
                entry.button_draft()
                entry.button_cancel()
            order.action_pos_order_invoice()
        self.assertFigures(60)
        self._close()
        self.assertFigures(60)
        self.assertNothingBesideCredit()

    def test_what_was_given_to_an_account_is_not_changed(self):
        order = self._top_up(50)
        given = order.payment_ids.filtered(lambda one: one.amount < 0)
        for call in (
            lambda: given.write({"amount": -5}),
            lambda: given.write({"payment_method_id": self.cash.id}),
            given.unlink,
        ):
            with self.assertRaisesRegex(UserError, "Ada Piano School"):
                call()

    def test_what_is_booked_on_an_account_stays_with_its_client(self):
        child = self.env["res.partner"].create(
            {"name": "Ada's pupil", "parent_id": self.client.id}
        )
        given = self._top_up(50)
        on_account, in_cash = self._sell(30), self._sell([(self.cash, 30)])
        invoiced = self._sell(20, to_invoice=True)
        self._close()
        for order in given | on_account | invoiced:
            for client in (self.other_client.id, False):
                with self.assertRaisesRegex(UserError, order.name):
                    order.write({"partner_id": client})
            order.write({"partner_id": child.id})
        in_cash.write({"partner_id": self.other_client.id})

    # === The receipt ===

    def test_the_receipt_says_how_the_account_stands_afterwards(self):
        self._issue_credit(45)
        self.assertIn("15.00 in credit", self._sell(30).client_balance_after)
        self.assertIn("5.00 owed", self._sell(20).client_balance_after)
        self.assertIn("45.00 in credit", self._top_up(50).client_balance_after)
        self.assertFalse(self._sell([(self.cash, 30)]).client_balance_after)

    def test_the_receipt_keeps_what_the_client_is_not_to_see(self):
        self.account.balance_visibility = "hidden"
        self.assertFalse(self._sell(30).client_balance_after)

    # === Rounding, currencies, companies ===

    def test_cash_rounding(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Five cents",
                "rounding": 0.05,
                "rounding_method": "HALF-UP",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        till = self._make_till(
            "Rounded",
            self._make_cash_method("Cash 2", "CSH8"),
            cash_rounding=True,
            rounding_method=rounding.id,
        )
        session = self._open_session(till)
        self._prevent(10)
        self._sell([(self.method, 10)], lines=[(self.book, 1, 9.98)], session=session)
        self.assertFigures(0, 0)
        self._close(session)
        self.assertFigures(-10, 0)

    def test_a_till_in_another_currency(self):
        self._set_rate(self.today, 0.5)
        till, cash = self._make_euro_till()
        session = self._open_session(till)
        self._issue_credit(30)
        self._prevent(50)
        values = {"session": session, "pricelist_id": till.pricelist_id.id}
        order = self._build_order([(self.method, 40)], **values)
        self.assertEqual(self._request(order, session=session), "")
        self.assertFigures(30, 0)
        self._sync(order)
        self.assertFigures(30, 0)
        self.assertOrderRefused(lambda: self._sell(0.01, **values))
        self._sell([(self.method, -10), (cash, 10)], lines=[], **values)
        self.assertFigures(50, 20)
        seen = session.with_user(self.seeing_cashier)
        [figures] = seen.client_get_figures(self.client.ids).values()
        self.assertEqual(figures["owed"], 15)
        self._close(session)
        self.assertFigures(-30, 20)
        self.assertNothingBesideCredit()

    def test_what_a_till_was_allowed_arrives_though_the_rate_has_changed(self):
        self._set_rate(self.today, 0.5)
        till, _cash = self._make_euro_till()
        session = self._open_session(till)
        self._prevent(60)
        values = {"session": session, "pricelist_id": till.pricelist_id.id}
        order = self._build_order([(self.method, 30)], **values)
        self.assertEqual(self._request(order, session=session), "")
        more = {"uuid": order["uuid"], **values}
        more = self._build_order([(self.method, 30.01)], **more)
        self.env["res.currency.rate"].search(
            [("currency_id", "=", self.eur.id), ("name", "=", self.today)]
        ).rate = 0.4
        self.assertOrderRefused(lambda: self._sync(more))
        self._sync(order)
        self.assertFigures(0, -15)
        self.assertOrderRefused(lambda: self._sell(0.01, **values))

    def test_another_company_has_its_own_account(self):
        other = self.setup_other_company()["company"]
        other_account = self._get_account(self.client, other)
        self._prevent(0, other_account)
        self._prevent(100)
        self._sell(100)
        self.assertFigures(0, 0, other_account)
        self.env.user.company_ids |= other
        cash = self._make_cash_method("Cash", "CSO", company_id=other.id)
        session = self._open_session(self._make_till("Other", cash))
        self.cashier.company_ids |= other
        method = self._get_account_method(other)
        order = self._build_order([(method, 1)], session=session)
        user = self.cashier.with_company(other)
        self.assertOrderRefused(
            lambda: (
                self.env["pos.order"]
                .with_user(user)
                .with_company(other)
                .sync_from_ui([order])
            )
        )

    def test_a_till_of_a_branch_is_on_the_account_of_its_root(self):
        self._make_invoice(1)
        branch = self.env["res.company"].create(
            {
                "name": "Branch",
                "parent_id": self.company.id,
                "country_id": self.company.account_fiscal_country_id.id,
            }
        )
        (self.env.user | self.cashier).company_ids |= branch
        branch._setup_client_till()
        method = self._get_account_method(branch)
        cash = self._make_cash_method(
            "Cash",
            "CSB",
            company_id=branch.id,
            profit_account_id=self.company_data["default_account_revenue"].id,
            loss_account_id=self.company_data["default_account_expense"].id,
        )
        session = self._open_session(self._make_till("Branch", cash))
        self._prevent(101)
        user = self.cashier.with_company(branch)
        orders = self.env["pos.order"].with_user(user).with_company(branch)

        def sell(*payments, **values):
            orders.sync_from_ui(
                [self._build_order(list(payments), session=session, **values)]
            )

        sell((method, 60))
        self.assertFigures(-1, 40)
        sell((method, -20), (cash, 20), lines=[], client_purpose="charges")
        self.assertFigures(19, 60)
        self.assertOrderRefused(lambda: sell((method, 60.01)))
        session = session.with_user(user).with_company(branch)
        session.post_closing_cash_details(session.cash_register_balance_end)
        self.assertTrue(session.close_session_from_ui()["successful"])
        self.assertFigures(-41, 60)
        self.assertNothingBesideCredit()

    # === Helpers ===

    def _make_euro_till(self):
        """Make a till that counts in EUR; return it and its method of cash."""
        journal = self.env["account.journal"].create(
            {
                "name": "Sales EUR",
                "type": "sale",
                "code": "SEUR",
                "company_id": self.company.id,
                "currency_id": self.eur.id,
            }
        )
        cash = self._make_cash_method("Euros", "CSE", currency_id=self.eur.id)
        pricelist = self.env["product.pricelist"].create(
            {"name": "EUR", "currency_id": self.eur.id}
        )
        till = self._make_till(
            "Euro",
            cash,
            journal_id=journal.id,
            invoice_journal_id=journal.id,
            use_pricelist=True,
            available_pricelist_ids=[Command.set(pricelist.ids)],
            pricelist_id=pricelist.id,
        )
        return till, cash

    def _make_plan_invoice(self):
        """Make an invoice of 30.00 that account credit does not pay."""
        invoice = self._make_invoice(30, post=False)
        invoice.invoice_line_ids.product_id = self.plan
        invoice.invoice_line_ids.write({"price_unit": 30, "tax_ids": [Command.clear()]})
        invoice.action_post()
        return invoice

    def _refund(self, order, **values):
        """Refund an order of one line to the account."""
        line = order.lines
        refund = self._build_order(
            [(self.method, -order.amount_total)],
            lines=[(line.product_id, -1, order.amount_total)],
            is_refund=True,
            **values,
        )
        refund["lines"][0][2]["refunded_orderline_id"] = line.id
        return self._sync(refund)

    def _get_waiting(self, order):
        """Return the items of an order's entries that waited for closing."""
        entries = order.payment_ids.account_move_id
        return entries.line_ids.filtered(lambda line: not line.partner_id)


@tagged("post_install", "-at_install")
class TestTillProfile(ClientTillCommon):
    """What stands behind the figure."""

    def _get_box(self, user):
        boxes = self.account.with_user(user).profile["boxes"]
        return next((box for box in boxes if box["name"] == "till"), None)

    def test_the_profile_lists_what_is_on_account(self):
        self.assertIsNone(self._get_box(self.seeing_cashier))
        orders = self._sell(30) | self._sell(20)
        self._sell([(self.cash, 10)])
        self.env.invalidate_all()
        box = self._get_box(self.seeing_cashier)
        self.assertIn("50.00", box["value"])
        self.assertEqual(box["lines"][0]["value"], "2")
        action = self.account.with_user(self.seeing_cashier).action_view_till_orders()
        listed = self.env["pos.order"].search(action["domain"])
        self.assertEqual(listed, orders)
        self.assertEqual(sum(listed.mapped("client_on_account")), 50)
        self._close()
        self.env.invalidate_all()
        self.assertIsNone(self._get_box(self.seeing_cashier))

    def test_who_cannot_read_the_tills_orders_sees_the_figure_alone(self):
        self._sell(30)
        self.env.invalidate_all()
        box = self._get_box(self.viewer)
        self.assertIn("30.00", box["value"])
        self.assertIsNone(box["link"])

    def test_the_figure_is_by_contact_before_there_is_an_account(self):
        action = self.client.with_user(
            self.seeing_cashier
        ).action_client_view_till_orders()
        self.assertEqual(action["domain"], [("id", "in", [])])
