from datetime import timedelta

from odoo.tests import HttpCase, tagged

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestTours(ClientAccountCommon, HttpCase):
    def test_credit_of_250_is_given_to_two_invoices_by_clicking(self):
        """The opening scenario: 250 = 100 + 150, and all three figures are right."""
        first = self._make_invoice(180, date_due=self.today - timedelta(days=20))
        second = self._make_invoice(150, date_due=self.today - timedelta(days=10))
        self.start_tour(
            f"/odoo/res.partner/{self.client.id}",
            "client_account_allocation",
            login=self.env.user.login,
        )
        self.assertRecordValues(
            first + second,
            [
                {"amount_residual": 80.0, "payment_state": "partial"},
                {"amount_residual": 0.0, "payment_state": "paid"},
            ],
        )
        self.assertRecordValues(
            self.account,
            [{"balance": -80.0, "amount_owed": 80.0, "credit_available": 0.0}],
        )

    def test_every_view_of_the_accounts_draws(self):
        for amount, days in ((180, 20), (150, 10)):
            self._make_invoice(amount, date_due=self.today - timedelta(days=days))
        self.account._set_limit(100)
        self.start_tour(
            "/odoo/action-client_account.client_account_action",
            "client_account_views",
            login=self.env.user.login,
        )
