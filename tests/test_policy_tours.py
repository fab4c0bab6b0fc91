from odoo.tests import HttpCase, tagged

from .common import ClientAccountCommon
from .portal_case import PortalCase
from .test_client_notice import NoticeCommon


class PolicyTours:
    """Policies are chosen on the account, by clicking only, and seen to work."""

    def _start(self, tour, user=None, url=None):
        self.start_tour(
            url or f"/odoo/client-accounts/{self.account.id}",
            f"client_account_policy_{tour}",
            login=(user or self.env.user).login,
        )


@tagged("post_install", "-at_install")
class TestPolicyTours(PolicyTours, ClientAccountCommon, HttpCase):
    def test_negative_balance_is_prevented_and_allowed_again(self):
        self._start("negative_balance")
        charges = self.env["account.move"].search(
            [("client_adjustment", "=", "charge"), ("partner_id", "=", self.client.id)]
        )
        self.assertRecordValues(charges, [{"state": "posted", "amount_total": 30.0}])
        self.assertEqual(self._get_ledger_balance(), -30)

    def test_client_pays_up_front_and_later_again(self):
        self._start("pay_later")
        self.assertEqual(self.account.pay_later, "allowed")
        self.assertEqual(self._get_ledger_balance(), 0)

    def test_ribbon_covers_no_button(self):
        self._make_invoice(270)
        self.account.write({"pay_later": "disabled", "negative_balance": "prevented"})
        self._start("ribbon")

    def test_credits_are_applied_as_the_policy_says(self):
        """By hand only: not at all. Next: account credits to the new invoice. All:
        payments too, and to what was open before."""
        payment = self._get_receivable(self._make_payment(50).move_id)
        credit = self._get_receivable(self._issue_credit(12))
        invoices = self.env["account.move"].concat(
            *(self._make_invoice(amount, post=False) for amount in (11, 12, 13))
        )
        for tour, residuals, left in (
            ("manual", (11, 12, 13), (-50, -12)),
            ("next", (11, 0, 13), (-50, 0)),
            ("all", (0, 0, 0), (-26, 0)),
        ):
            self._start(f"apply_{tour}")
            self.assertEqual(
                (*invoices.mapped("amount_residual"),), residuals, f"by {tour}"
            )
            self.assertEqual(
                (payment.amount_residual, credit.amount_residual), left, f"by {tour}"
            )


@tagged("post_install", "-at_install")
class TestPortalPolicyTours(PolicyTours, PortalCase):
    def test_client_sees_what_the_policies_allow(self):
        self._issue_credit(25)
        for sees in ("balance", "nothing", "history"):
            staff = "hidden" if sees == "nothing" else sees
            self._start(f"portal_{staff}")
            self._start(f"sees_{sees}", self.portal_user, "/my")
            answers = {"balance": (200, 404), "nothing": (404, 404)}
            self.assertEqual(
                tuple(self._get(path).status_code for path in ("", "/topup")),
                answers.get(sees, (200, 200)),
            )


@tagged("post_install", "-at_install")
class TestNoticeTours(PolicyTours, NoticeCommon, HttpCase):
    def test_client_and_manager_are_told(self):
        self._set_balance(40)
        self._start("notices")
        self.assertEqual(len(self._run()), 2)
        self._start("notices_given")
