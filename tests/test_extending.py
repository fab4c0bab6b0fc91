import re
from pathlib import Path

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import BaseCase, tagged

from ..exceptions import BalanceRefused
from .common import ClientAccountRequestCommon
from .examples import PAGE, ExamplesMixin, get_examples
from .test_write_off import WriteOffCommon

ROOT = Path(__file__).parents[1]
FOLDERS = ("models", "wizards", "controllers", "bridges/*/models", "bridges/*/wizards")
# A method and its docstring.
METHOD = re.compile(
    r'    def (\w+)\((?:[^"]*?)\):\n        """((?:(?!""").)*)"""', re.DOTALL
)


@tagged("post_install", "-at_install")
class TestExtendingPage(BaseCase):
    """The page for extenders names what there is."""

    def test_every_hook_is_on_the_page(self):
        text = PAGE.read_text()
        found = {
            name
            for folder in FOLDERS
            for path in sorted(ROOT.glob(f"{folder}/*.py"))
            for name, words in METHOD.findall(path.read_text())
            if re.search(r"\bHook\b", words)
        }
        self.assertGreater(len(found), 20)
        self.assertFalse({name for name in found if name not in text})

    def test_every_example_is_run(self):
        tests = [*ROOT.glob("tests/test_*.py"), *ROOT.glob("bridges/*/tests/test_*.py")]
        run = {
            name
            for path in tests
            for names in re.findall(r"examples = \(([^)]*)\)", path.read_text())
            for name in re.findall(r'"(\w+)"', names)
        }
        self.assertEqual(run, get_examples().keys())


@tagged("post_install", "-at_install")
class TestExtending(ExamplesMixin, WriteOffCommon, ClientAccountRequestCommon):
    """The examples of the core do what the page says of them."""

    examples = (
        "committed",
        "released",
        "moving",
        "box",
        "policy",
        "posting",
        "requests",
        "entries",
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_negative_balance = "prevented"
        cls.bookings = cls.env["studio.booking"]
        # Sudo: an addon brings the rights for its models.
        cls.env["ir.model.access"].sudo().create(
            {
                "name": "bookings",
                "model_id": cls.env["ir.model"]._get_id("studio.booking"),
                "group_id": cls.env.ref("base.group_user").id,
                **dict.fromkeys(("perm_read", "perm_write", "perm_create"), True),
            }
        )

    def _make_booking(self, amount, partner=None):
        return self.bookings.create(
            {"partner_id": (partner or self.client).id, "amount": amount}
        )

    def test_booking_is_judged_and_committed(self):
        self._issue_credit(100)
        self._make_booking(60).action_book()
        self.assertEqual(self.account.available, 40)
        self.assertEqual(self.account._get_committed_amounts(), {self.account: 60})
        with self.assertRaisesRegex(BalanceRefused, "Ada Piano School"):
            self._make_booking(41).action_book()
        contact = self.env["res.partner"].create(
            {"name": "Below", "parent_id": self.client.id}
        )
        self._make_booking(40, contact).action_book()
        self.assertEqual(self.account.available, 0)

    def test_booking_of_a_contact_that_moves_is_judged(self):
        mover = self._make_user(
            "booking_mover", "base.group_user,base.group_partner_manager"
        )
        family = self.env["res.partner"].create({"name": "Family", "is_company": True})
        pupil = family.create({"name": "Pupil", "parent_id": family.id})
        self.company.client_negative_balance = "allowed"
        self._make_booking(60, pupil).action_book()
        self.company.client_negative_balance = "prevented"
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            pupil.with_user(mover).parent_id = self.client
        self._issue_credit(60)
        pupil.with_user(mover).parent_id = self.client
        self.assertEqual(self.account.available, 0)

    def test_invoice_of_a_booking_takes_what_it_committed(self):
        self._issue_credit(100)
        booking = self._make_booking(100)
        booking.action_book()
        other = self._make_invoice(10, post=False)
        self.assertIn("10.00 is missing", other.client_posting_preview or "")
        own = self._make_invoice(100, post=False, studio_booking_id=booking.id)
        self.assertNotIn("missing", own.client_posting_preview or "")
        own.action_post()
        self.assertEqual(booking.state, "billed")
        self.assertEqual(self.account._get_committed_amounts().get(self.account, 0), 0)
        own.button_draft()
        self.assertEqual(booking.state, "booked")
        own.invoice_line_ids.price_unit = 101
        with self.assertRaises(BalanceRefused), self.env.cr.savepoint():
            own.action_post()
        own.invoice_line_ids.price_unit = 100
        own.action_post()

    def test_box_shows_bookings_to_who_sees_figures(self):
        self._issue_credit(100)
        self._make_booking(60).action_book()
        self.account.invalidate_recordset()
        boxes = {box["name"]: box for box in self.account._get_profile_boxes()}
        self.assertIn("60.00 booked", boxes["bookings"]["value"].replace("\xa0", ""))
        [line] = boxes["bookings"]["lines"]
        self.assertEqual((line["label"], line["value"]), ("Rooms", "1"))
        requester = self.account.with_user(self.seller)
        names = {box["name"] for box in requester._get_profile_boxes()}
        self.assertNotIn("bookings", names)

    def test_policy_is_the_companys_or_the_accounts(self):
        self.assertEqual(self.account._get_policy("booking_ahead"), "free")
        self.assertEqual(
            self.account.booking_ahead_origin, "Company default: At any time"
        )
        self.company.client_booking_ahead_least = 5
        self.account.booking_ahead_least = 7
        self.assertEqual(self.account._get_policy("booking_ahead_least"), 5)
        self.account.booking_ahead = "paid"
        self.assertEqual(self.account._get_policy("booking_ahead_least"), 7)
        system = self._make_user("ext_system", "base.group_system")
        approver = self.env.ref(self.APPROVER)
        (approver.all_implied_by_ids & system.group_ids).implied_ids -= approver
        with self.assertRaises(AccessError):
            self.company.with_user(system).client_booking_ahead = "paid"

    def test_posting_knows_of_bookings(self):
        key = (self.client, self.company)
        accounts = self.env["client.account"]
        self.assertFalse(accounts._get_postings({key})[key].has_bookings)
        self._issue_credit(100)
        self._make_booking(60).action_book()
        self.assertTrue(accounts._fetch_postings({key})[key].has_bookings)

    def test_requests_go_another_way(self):
        self.client.user_id = self.approver
        request = self._make_request(20000)
        self.assertEqual(request._get_deciders(), self.approver)
        self.assertEqual(request._get_required_approvals(), 1)
        request.action_submit()
        self.assertEqual(request._get_required_approvals(), 2)
        self.assertEqual(
            self.account._get_suggested_limit({"invoiced_recent": 600}), 100
        )

    def test_entries_are_prepared_with_more(self):
        moves = self.env["account.move"]
        self.company.client_payable_offset = True
        adjustment = moves.browse(self.account.issue_credit(100, "Class cancelled"))
        target = self._get_account(self.other_client)
        transfer = moves.browse(self.account.transfer_credit(target, 100, "Family"))
        self.company.client_negative_balance = "allowed"
        self._make_invoice(50)
        self._make_invoice(50, move_type="in_invoice").ref = "B1"
        offset = moves.browse(self.account.set_off_bills(50))
        for move, words in (
            (adjustment, "Booked at the studio"),
            (transfer, "Moved at the studio"),
            (offset, "Set off at the studio"),
        ):
            self.assertIn(words, move.narration)

    def test_windows_prepare_more(self):
        self.company.client_negative_balance = "allowed"
        values = {"account_ids": [Command.set(self.account.ids)], "reason": "Late"}
        window = self.env["client.account.adjustment"].create(
            {
                **values,
                "kind": "charge",
                "amount": 10,
                "document": "invoice",
                "product_id": self.product_a.id,
                "tax_ids": [],
            }
        )
        window.action_confirm()
        invoice = self.env["account.move"].search(
            [("partner_id", "=", self.client.id), ("move_type", "=", "out_invoice")]
        )
        self.assertIn("Invoiced at the studio", invoice.narration)
        window = self.env["client.account.payment"].create(
            {"account_id": self.account.id, "amount": 9.96}
        )
        window.action_confirm()
        payment = self.env["account.payment"].search(
            [("partner_id", "=", self.client.id)]
        )
        self.assertEqual(payment.memo, "Paid at the studio")
        self.account.apply_credits()
        self.env["client.account.write.off"].create(
            {"account_ids": [Command.set(self.account.ids)]}
        ).action_confirm()
        written = self.env["account.move"].search([("client_write_off", "=", True)])
        self.assertIn("Written off at the studio", written.narration)
