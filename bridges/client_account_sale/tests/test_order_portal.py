import re
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.client_account.tests.portal_case import PortalCase

from .common import ClientOrderCommon

# One white pixel, as a signature.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/x8AAwMCAO+ip1sAAAAA"
    "SUVORK5CYII="
)


class OrderPortalCase(ClientOrderCommon, PortalCase):
    """Clients with quotations in the portal."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"portal_confirmation_sign": False, "portal_confirmation_pay": True}
        )

    @classmethod
    def _send_order(cls, *args, **values):
        order = cls._make_order(*args, **values)
        order.action_quotation_sent()
        return order

    def _open_order(self, order, user=None, token=None):
        """Return the page of an order as a client sees it."""
        self._sign_in(self.portal_user if user is None else user)
        path = f"/my/orders/{order.id}"
        return self.url_open(path + (f"?access_token={token}" if token else ""))

    def _get_message(self, order):
        """Return the page that the last answer leads to, in the same session."""
        return self.url_open(f"/my/orders/{order.id}").text

    def _get_form(self, order, **values):
        """Return the fields of the form that pays an order with credit."""
        page = self._open_order(order, **values).text
        form = re.search(r"(?s)<form[^>]*o_client_pay_order.*?</form>", page)
        return form and dict(
            re.findall(r'name="(total|credit)" value="([^"]*)"', form[0])
        )

    def _pay_order(self, order, user=None, csrf=True, **data):
        """Press “Pay With Credit”, and return the answer."""
        data = {"total": "110.00", "credit": "110.00", **data}
        return self._post(f"/order/{order.id}", data, user, csrf)


@tagged("post_install", "-at_install")
class TestOrderPortal(OrderPortalCase):
    """Quotations paid with account credit, and signed, in the portal."""

    def test_a_quotation_is_paid_with_credit(self):
        self._issue_credit(150)
        order = self._send_order()
        self.assertEqual(self._get_form(order), {"total": "110.00", "credit": "110.00"})
        answer = self._pay_order(order)
        self.assertEqual(answer.status_code, 303)
        self.assertTrue(answer.headers["Location"].endswith(f"/my/orders/{order.id}"))
        self.assertEqual(order.state, "sale")
        self.assertRecordValues(
            order.invoice_ids,
            [{"state": "posted", "payment_state": "paid", "amount_total": 110.0}],
        )
        self.assertEqual(self.account.balance, 40.0)
        self.assertEqual(self._get_committed(), 0.0)
        page = self._get_message(order)
        self.assertIn("paid with your credit", page)
        self.assertNotIn("o_client_pay_order", page)
        self.assertLess(
            page.index("paid with your credit"),
            page.index("o_portal_sidebar_content"),
            "first on a telephone, where the sidebar is above the page",
        )

    def test_pressed_twice_it_is_paid_once(self):
        self._issue_credit(500)
        order = self._send_order()
        self._pay_order(order)
        self._pay_order(order)
        self.assertEqual(len(order.invoice_ids), 1)
        self.assertEqual(self.account.balance, 390.0)
        self.assertIn("confirmed already", self._get_message(order))

    def test_any_credit_pays_where_policies_apply_none_by_themselves(self):
        self.account.credit_application = "manual"
        self.client.email = "ada@example.com"
        self._make_payment(60)
        self._issue_credit(60)
        order = self._send_order()
        self._pay_order(order)
        self.assertEqual(order.invoice_ids.payment_state, "paid")
        self.assertEqual(self.account.balance, 10.0)
        mails = self.env["mail.mail"].search(
            [("model", "=", "account.move"), ("recipient_ids", "=", self.client.id)]
        )
        self.assertEqual(mails.mapped("res_id"), order.invoice_ids.ids)

    def test_of_a_part_the_rest_is_due_on_the_invoice(self):
        self.company.portal_confirmation_pay = False
        self._issue_credit(40)
        order = self._send_order()
        self.assertEqual(self._get_form(order), {"total": "110.00", "credit": "40.00"})
        answer = self._pay_order(order, credit="40.00")
        [invoice] = order.invoice_ids
        self.assertTrue(
            answer.headers["Location"].endswith(f"/my/invoices/{invoice.id}")
        )
        self.assertEqual(invoice.amount_residual, 70.0)
        self.assertEqual(self.account.balance, -70.0)

    def test_a_part_is_not_offered_where_the_rest_has_to_be_paid_first(self):
        self._issue_credit(40)
        order = self._send_order()
        self.assertTrue(order.require_payment)
        self.assertFalse(self._get_form(order))
        self._pay_order(order, credit="40.00")
        self.assertEqual(order.state, "sent")
        order.prepayment_percent = 0.3
        self.assertEqual(self._get_form(order)["credit"], "40.00")
        self.account.pay_later = "disabled"
        self.assertFalse(self._get_form(order))

    def test_a_part_is_judged_and_refused_without_a_figure(self):
        self.company.portal_confirmation_pay = False
        self._prevent(50)
        self._issue_credit(40)
        order = self._send_order()
        self._pay_order(order, credit="40.00")
        self.assertEqual(order.state, "sent")
        self.assertFalse(order.invoice_ids)
        page = self._get_message(order)
        self.assertIn("cannot be confirmed online now", page)
        self.assertNotIn("limit in force", page)
        self.account._set_limit(70, "granted")
        self._pay_order(order, credit="40.00")
        self.assertEqual(order.state, "sale")
        self.assertEqual(self.account.available, 0.0)

    def test_what_the_policy_refuses_is_not_offered(self):
        self.company.portal_confirmation_pay = False
        self._prevent(50)
        self._issue_credit(40)
        for judged in ("orders", "invoices"):
            self.company.client_judged_documents = judged
            self.account._set_limit(69, "granted")
            order = self._send_order()
            self.assertFalse(self._get_form(order))
            self._pay_order(order, credit="40.00")
            self.assertEqual(order.state, "sent")
            self.assertIn("cannot be confirmed online now", self._get_message(order))
            with patch.object(
                self.env.registry["sale.order"],
                "_is_credit_refused",
                lambda _order, _account: False,
            ):
                self._pay_order(order, credit="40.00")
            self.assertEqual(order.state, "sent", "the gate itself refuses it")
            self.assertFalse(order.invoice_ids)
            self.account._set_limit(70, "granted")
            self.assertEqual(self._get_form(order)["credit"], "40.00")

    def test_who_pays_up_front_is_offered_no_credit_that_is_needed_elsewhere(self):
        self._issue_credit(150)
        self._confirm_order()
        self.account.pay_later = "disabled"
        order = self._send_order()
        self.assertFalse(self._get_form(order))
        self._pay_order(order)
        self.assertEqual(order.state, "sent")
        self.assertIn("cannot be confirmed online now", self._get_message(order))

    def test_who_pays_up_front_pays_with_credit(self):
        self.account.pay_later = "disabled"
        self._issue_credit(110)
        order = self._send_order()
        self._pay_order(order)
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.invoice_ids.payment_state, "paid")

    def test_what_is_not_payable_with_credit_is_not_offered(self):
        self._issue_credit(500)
        self.lesson.client_not_payable_with_credit = True
        order = self._send_order()
        self.assertFalse(self._get_form(order))
        self._pay_order(order)
        self.assertEqual(order.state, "sent")
        self.lesson.client_not_payable_with_credit = False
        self.company.client_first_order_without_credit = True
        self.assertFalse(self._get_form(order))
        self._pay_order(order)
        self.assertEqual(order.state, "sent")

    def test_delivered_later_is_invoiced_now(self):
        self._issue_credit(110)
        order = self._send_order(product=self.book)
        self._pay_order(order)
        self.assertEqual(order.invoice_ids.amount_total, 110.0)
        self.assertEqual(self._get_committed(), 0.0)

    def test_hidden_accounts_pay_nothing(self):
        self._issue_credit(500)
        order = self._send_order()
        self.account.balance_visibility = "hidden"
        self.assertFalse(self._get_form(order))
        self.assertEqual(self._pay_order(order).status_code, 404)
        self.assertEqual(order.state, "sent")

    def test_what_is_signed_first_is_not_offered_before(self):
        self._issue_credit(500)
        order = self._send_order(require_signature=True)
        self.assertFalse(self._get_form(order))
        self._pay_order(order)
        self.assertEqual(order.state, "sent")

    def test_expired_cancelled_and_paid_orders_are_not_offered(self):
        self._issue_credit(500)
        order = self._send_order(validity_date="2020-01-01")
        self.assertFalse(self._get_form(order))
        cancelled = self._send_order()
        cancelled._action_cancel()
        self.assertFalse(self._get_form(cancelled))
        self.assertFalse(self._get_form(self._send_order(price=0)))
        for item in (order, cancelled):
            self._pay_order(item)
            self.assertFalse(item.invoice_ids)

    def test_an_order_in_euro_is_paid_with_credit(self):
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": self.eur.id}
        )
        self._set_rate("2020-01-01", 0.5)
        self._issue_credit(300)
        order = self._send_order(product=self.plain, pricelist_id=pricelist.id)
        form = self._get_form(order)
        self.assertEqual(form, {"total": "100.00", "credit": "100.00"})
        self._pay_order(order, **form)
        self.assertEqual(order.invoice_ids.payment_state, "paid")
        self.assertEqual(self.account.balance, 100.0)

    # === Signature ===

    def _sign(self, order, **params):
        self._sign_in(params.pop("user", False))
        return self.url_open(
            f"/my/orders/{order.id}/accept",
            json={
                "jsonrpc": "2.0",
                "method": "call",
                "params": {
                    "access_token": order._portal_ensure_token(),
                    "name": "Ada",
                    "signature": PIXEL,
                    **params,
                },
            },
        ).json()

    def test_a_signature_is_refused_without_a_figure_and_rolled_back(self):
        self._prevent(100)
        order = self._send_order(require_signature=True, require_payment=False)
        for user in (False, self.portal_user, self.other_user):
            answer = self._sign(order, user=user)
            data = answer["error"]["data"]
            self.assertIn("cannot be confirmed online now", data["message"])
            self.assertNotRegex(str(answer["error"]["data"]["arguments"]), "limit|owed")
            self.env.invalidate_all()
            self.assertEqual(order.state, "sent")
            self.assertFalse(order.signature)
        self.account._set_limit(110, "granted")
        self.assertIn("redirect_url", self._sign(order)["result"])
        self.assertEqual(order.state, "sale")

    # === Online payment ===

    def _take_money(self, order, amount, state="done", **values):
        """Take money for an order as the portal does."""
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.method.id,
                "amount": amount,
                "currency_id": order.currency_id.id,
                "partner_id": self.client.id,
                "operation": "online_redirect",
                "sale_order_ids": [Command.set(order.ids)],
                **values,
            }
        )
        if state == "authorized":
            self.provider.support_manual_capture = "full_only"
            transaction._set_authorized()
            transaction._post_process()
        else:
            self._finish(transaction, state)
        return transaction

    def test_an_order_that_was_paid_is_never_refused(self):
        self._prevent(0)
        order = self._send_order()
        self.assertOrderRefused(order.action_confirm)
        transaction = self._take_money(order, 110)
        self.assertEqual(order.state, "sale")
        self.assertEqual(transaction.payment_id.amount, 110.0)
        self.assertEqual(self.account.available, 0.0)

    def test_an_order_whose_payment_is_authorized_is_never_refused(self):
        self._prevent(0)
        self.account.pay_later = "disabled"
        order = self._send_order(require_payment=True)
        self._take_money(order, 110, state="authorized")
        self.assertEqual(order.state, "sale")
        self.assertOrderRefused(lambda: order.order_line.write({"price_unit": 101}))

    def test_money_that_was_given_up_is_not_taken(self):
        """Of what was authorized a part is captured, and booked, the rest voided."""
        self._prevent(0)
        order = self._send_order()
        transaction = self._take_money(order, 110, state="authorized")
        self.provider.support_manual_capture = "partial"
        captured = transaction._create_child_transaction(60)
        self._finish(captured, "done")
        self.assertEqual(order._get_taken_amount(), 50.0)
        transaction._create_child_transaction(50)._set_canceled()
        self.assertEqual(transaction.state, "done")
        self.assertEqual(order._get_taken_amount(), 0.0)
        self.assertEqual(self.account.balance, 60.0)
        # It was confirmed in good time; not so again, with the rest given up.
        order._action_cancel()
        order.action_draft()
        self.assertOrderRefused(order.action_confirm)

    def test_pending_money_pays_nothing(self):
        self._prevent(0)
        order = self._send_order()
        self._take_money(order, 110, state="pending")
        self.assertEqual(order.state, "sent")
        self.assertOrderRefused(order.action_confirm)
        self._issue_credit(500)
        self.assertFalse(self._get_form(order), "money is on its way")

    def test_money_that_is_not_enough_is_booked_and_the_order_stays(self):
        self._prevent(0)
        order = self._send_order(require_payment=False)
        transaction = self._take_money(order, 50)
        self.assertEqual(order.state, "sent")
        self.assertEqual(transaction.payment_id.amount, 50.0)
        self.assertEqual(self.account.balance, 50.0)
        self.assertIn(
            "not enough to confirm it", " ".join(order.message_ids.mapped("body"))
        )
        self.account._set_limit(60, "granted")
        order.action_confirm()
        self.assertEqual(self.account.available, 0.0)

    def test_an_automatic_invoice_of_a_paid_order_is_posted(self):
        self.env["ir.config_parameter"].set_param("sale.automatic_invoice", "True")
        self._prevent(0)
        order = self._send_order()
        self._take_money(order, 110)
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertEqual(self.account.available, 0.0)

    def _begin_transaction(self, order):
        """Choose a payment method for an order, and return the answer as JSON."""
        self._sign_in(self.portal_user)
        return self.url_open(
            f"/my/orders/{order.id}/transaction",
            json={
                "jsonrpc": "2.0",
                "method": "call",
                "params": {
                    "provider_id": self.provider.id,
                    "payment_method_id": self.method.id,
                    "token_id": None,
                    "amount": 110.0,
                    "flow": "redirect",
                    "tokenization_requested": False,
                    "landing_route": "/my",
                    "access_token": order._portal_ensure_token(),
                },
            },
        ).json()

    def _set_provider_code(self, code):
        """Make the provider one whose addon need not be installed."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE payment_provider SET code = %s WHERE id = %s",
            [code, self.provider.id],
        )
        self.provider.invalidate_recordset()

    def test_what_is_confirmed_unpaid_is_refused_before_the_payment_begins(self):
        """As payment on delivery is: within the payment it would be refused in vain."""
        self._prevent(50)
        order = self._send_order()
        providers = self.env.registry["payment.provider"]
        self._set_provider_code("custom")
        with patch.object(providers, "_confirms_unpaid_orders", lambda _provider: True):
            error = self._begin_transaction(order)["error"]["data"]["message"]
            self.assertIn("cannot be paid later", error)
            self.assertNotIn("60.00", error)
            self.assertFalse(order.transaction_ids)
            self.account._set_limit(110, "granted")
            self.assertIn("result", self._begin_transaction(order))
        self.account._set_limit(50, "granted")
        self._set_provider_code("none")
        self.assertIn("result", self._begin_transaction(order), "money confirms it")

    def test_who_pays_first_pays_with_no_wire_transfer(self):
        order = self._send_order()
        self._set_provider_code("custom")
        self.assertIn("result", self._begin_transaction(order))
        self.account.pay_later = "disabled"
        error = self._begin_transaction(order)["error"]["data"]["message"]
        self.assertIn("cannot be paid later", error)
        self._set_provider_code("none")
        self.assertIn("result", self._begin_transaction(order), "a card takes money")

    def test_who_pays_first_does_so_where_orders_are_not_judged(self):
        self.company.client_judged_documents = "invoices"
        self.account.pay_later = "disabled"
        order = self._send_order()
        providers = self.env.registry["payment.provider"]
        self._set_provider_code("custom")
        with patch.object(providers, "_confirms_unpaid_orders", lambda _provider: True):
            error = self._begin_transaction(order)["error"]["data"]["message"]
            self.assertIn("cannot be paid later", error)
            self._issue_credit(109)
            self.assertIn("error", self._begin_transaction(order))
            self._issue_credit(1)
            self.assertIn("result", self._begin_transaction(order))

    def test_what_is_invoiced_no_card_pays_again(self):
        """In a tab of the order's page that was left open."""
        self.company.portal_confirmation_pay = False
        self._issue_credit(150)
        for product in (self.lesson, self.book):
            order = self._send_order(product=product)
            credit = min(order.amount_total, self.account.balance)
            self._pay_order(order, credit=f"{credit:.2f}")
            self.assertEqual(order.invoice_ids.state, "posted")
            error = self._begin_transaction(order)["error"]["data"]["message"]
            self.assertIn("Pay what is left on its invoice", error)
            self.assertFalse(order.transaction_ids)

    def test_what_is_rounded_as_a_whole_is_invoiced_in_full(self):
        self.company.tax_calculation_rounding_method = "round_globally"
        order = self._confirm_order([{"price_unit": 0.33}] * 3)
        self._invoice(order)
        self.assertLess(order.amount_invoiced, order.amount_total)
        self.assertIn("error", self._begin_transaction(order))

    def test_the_rest_after_a_down_payment_is_paid_by_card(self):
        order = self._confirm_order()
        self.assertIn("result", self._begin_transaction(order))
        self._pay_down(order, 44)
        self.assertIn("result", self._begin_transaction(order))
        self._invoice(order, post=False)
        self.assertIn("result", self._begin_transaction(order), "only a draft")

    def test_a_transaction_writes_its_order(self):
        """So whoever pays it at once with credit is retried, and sees the money."""
        order = self._send_order()
        order._portal_ensure_token()
        self.env.flush_all()
        versions = [self._get_version(order)]
        self.assertIn("result", self._begin_transaction(order))
        versions.append(self._get_version(order))
        self.assertNotEqual(*versions)

    def _get_version(self, order):
        """Return which version of its row an order is, as others see it."""
        [(version,)] = self.env.execute_query(
            SQL("SELECT ctid FROM sale_order WHERE id = %s", order.id)
        )
        return version

    def test_nobody_puts_transactions_on_orders_by_hand(self):
        order = self._send_order()
        other = self._send_order(partner_id=self.other_client.id)
        transaction = self._take_money(other, 110)
        biller = self._make_user(
            "order_biller",
            "account.group_account_invoice,sales_team.group_sale_salesman_all_leads",
        )
        with self.assertRaises(UserError):
            order.with_user(biller).transaction_ids = transaction
        with self.assertRaises(UserError):
            transaction.with_user(biller).sale_order_ids = order
