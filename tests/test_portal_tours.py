from contextlib import contextmanager
from unittest.mock import patch

from odoo.tests import tagged

from .portal_case import PortalCase


class PortalTours:
    """What clients do in the portal, by clicking only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client.email = "ada@example.com"
        # The provider's own page: it leads back at once, before anything is known.
        cls.provider.redirect_form_view_id.arch = (
            "<form action='/my/client_account' method='get'/>"
        )

    def _start(self, tour, path=""):
        self.start_tour(
            f"{self.home}{path}" if path != "/my" else path,
            f"client_account_portal_{tour}",
            login=self.portal_user.login,
        )

    @contextmanager
    def _take_money_at_once(self):
        """Let the provider take the money when a payment begins, and its page lead to
        Odoo's own page that waits for what became of it."""
        transactions = type(self.env["payment.transaction"])

        def take(transaction, _values):
            transaction._set_done()
            return {}

        form = self.provider.redirect_form_view_id
        before = form.arch
        form.arch = "<form action='/payment/status' method='get'/>"
        with patch.object(transactions, "_get_specific_rendering_values", take):
            yield
        form.arch = before

    def test_top_up_and_pay(self):
        """The card pays what credit did not, in Odoo's own form, to the end."""
        self.account.credit_application = "manual"
        invoice = self._make_invoice(80)
        self._start("top_up", "/my")
        [transaction] = self._get_transactions()
        self.assertEqual(transaction.amount, 50)
        self._finish(transaction)
        with self._take_money_at_once():
            self._start("pay")
        [rest] = self.env["payment.transaction"].search(
            [("invoice_ids", "=", invoice.id)]
        )
        self.assertEqual((rest.amount, rest.state), (60, "done"))
        self.assertEqual(rest.payment_id.amount, 60)
        self.assertEqual(invoice.amount_residual, 0)
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))
        self.assertEqual(self.account.balance, 30)

    def test_request(self):
        asked = self.env["client.credit.request"].create(
            {"account_id": self.account.id, "amount": 120, "text": "Ten lessons"}
        )
        asked.action_send()
        self._start("request")
        [transaction] = self._get_transactions()
        self._finish(transaction)
        self.assertEqual(asked.state, "paid")
        self.assertEqual(self.account.balance, 120)

    def test_automatic_top_up(self):
        self.env["payment.token"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.method.id,
                "partner_id": self.client.id,
                "provider_ref": "ref",
                "payment_details": "4242",
            }
        )
        self._start("auto")
        transactions = type(self.env["payment.transaction"])

        def run(answer):
            with (
                patch.object(transactions, "_send_payment_request", answer),
                self.enter_registry_test_mode(),
            ):
                self.env.ref(
                    "client_account.ir_cron_auto_top_up"
                ).method_direct_trigger()

        run(lambda transaction: transaction._set_done())
        self.assertEqual(self.account.balance, 50)
        self.account.charge(20, "Lesson")
        run(lambda transaction: transaction._set_error("Declined"))
        self.assertEqual(self.account.balance, 30)
        self._start("auto_off", "/auto")
        self.assertFalse(self.account.auto_token_id)


@tagged("post_install", "-at_install")
class TestPortalToursDesktop(PortalTours, PortalCase):
    browser_size = "1200x900"


@tagged("post_install", "-at_install")
class TestPortalToursTelephone(PortalTours, PortalCase):
    browser_size = "360x740"
    touch_enabled = True
