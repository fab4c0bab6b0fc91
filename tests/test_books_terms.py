from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestBooksTerms(ClientAccountCommon):
    """What glue addons judge by where not what is committed counts."""

    def test_balance_by_the_books_whatever_is_committed(self):
        self._issue_credit(50)
        self.company.client_negative_balance = "prevented"
        with self._committed({self.account: 80}):
            terms = self.account._get_books_terms()[self.account]
            self.assertEqual((terms.balance, terms.limit_in_force), (50, 0))
            self.assertEqual(self.account.available, -30)

    def test_only_who_may_not_go_below_the_limit_is_named(self):
        other = self._get_account(self.other_client)
        other.negative_balance = "prevented"
        self.assertEqual(list((self.account | other)._get_books_terms()), [other])
        self.assertEqual(self.account.browse()._get_books_terms(), {})

    def test_what_this_transaction_booked_counts(self):
        self.account.negative_balance = "prevented"
        self._make_payment(20)
        self._make_invoice(5)
        terms = self.account._get_books_terms()[self.account]
        self.assertEqual(terms.balance, 15)

    def test_settings_of_glue_addons_are_decisions_and_the_root_companys(self):
        companies = self.env["res.company"]
        names = self.env["res.company"]._get_client_decisions()
        self.assertIn("client_negative_balance", names)
        field = companies._fields["client_charges_online"]
        module, field._module = field._module, "client_account_glue"
        self.addCleanup(setattr, field, "_module", module)
        self.assertEqual(
            companies._get_client_settings({"client_charges_online": True, "name": ""}),
            ["client_charges_online"],
        )
        user = self._make_user("bt_erp", "base.group_erp_manager")
        with self.assertRaises(AccessError):
            self.company.with_user(user).client_negative_balance = "prevented"

    def test_what_was_booked_before_a_savepoint_that_is_undone_counts(self):
        """Whatever module's it is: Odoo forgets its own notes with it."""
        self._issue_credit(50)
        accounts = self.env["client.account"]
        key = (self.client, self.company)
        with self.assertRaises(ValueError), self.cr.savepoint():
            self._issue_credit(7)
            raise ValueError
        self.assertEqual(accounts._get_own_change(key).open, 50)
        self._make_invoice(20)
        self.assertEqual(accounts._get_own_change(key).open, 30)

    def test_what_went_with_a_savepoint_takes_nothing(self):
        """An item that was made and touched within it was never there."""
        self.company.client_negative_balance = "prevented"
        self._make_payment(5)
        accounts = self.env["client.account"]
        with self.assertRaises(ValueError), self.cr.savepoint():
            move = self._issue_credit(50)
            accounts._note_items(self._get_receivable(move))
            raise ValueError
        self.assertFalse(accounts._take_changes())
        self.assertFalse(accounts._get_watch().pending)
