from unittest.mock import patch

from odoo.exceptions import AccessError, RedirectWarning, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ..wizards import client_account_write_off
from .common import ClientAccountCommon

VIEWER = "client_account.group_client_account_viewer"
OFFICER = "client_account.group_client_account_officer"
APPROVER = "client_account.group_client_account_approver"


class WriteOffCommon(ClientAccountCommon):
    """A company that writes off up to 0.05, and its officer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user("wo_officer", OFFICER)
        cls.loss, cls.gain = cls._set_write_off(cls.company, 0.05)
        cls.company.client_credit_application = "manual"

    @classmethod
    def _set_write_off(cls, company, limit):
        """Have a company write off up to a limit; return its loss and gain account."""
        loss, gain = cls.env["account.account"].create(
            [
                {
                    "name": name,
                    "code": code,
                    "account_type": account_type,
                    "company_ids": [Command.set(company.ids)],
                }
                for name, code, account_type in (
                    ("Small losses", "699901", "expense"),
                    ("Small gains", "799901", "income_other"),
                )
            ]
        )
        company.write(
            {
                "client_write_off_limit": limit,
                "client_write_off_account_id": loss.id,
                "client_write_off_gain_account_id": gain.id,
                "client_write_off_reason": "Cents that nobody pays",
            }
        )
        return loss, gain

    def _make_window(self, accounts=None, user=None, **values):
        """Open the window for accounts, the first client's by default."""
        accounts = self.account if accounts is None else accounts
        return (
            self.env["client.account.write.off"]
            .with_user(user or self.officer)
            .create({"account_ids": [Command.set(accounts.ids)], **values})
        )

    def _write_off(self, accounts=None, user=None, **values):
        """Write off all that the window offers; return the entries."""
        action = self._make_window(accounts, user, **values).action_confirm()
        return self.env["account.move"].browse(action["infos"]["res_ids"])

    def _make_rest(self, rest, partner=None, **values):
        """Make an invoice of which only a rest is left open."""
        invoice = self._make_invoice(100, partner=partner, **values)
        payment = self._make_payment(100 - rest, partner=partner)
        credit = self._get_receivable(payment.move_id)
        credit._allocate(self._get_receivable(invoice), 100 - rest)
        self.assertAlmostEqual(invoice.amount_residual, rest)
        return invoice

    def _make_entry(self, *amounts):
        """Post an entry with a receivable item for each (balance, contact)."""
        receivable = self.company_data["default_account_receivable"]
        revenue = self.company_data["default_account_revenue"]
        total = sum(balance for balance, _partner in amounts)
        nobody = self.env["res.partner"]
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": account.id,
                            "partner_id": partner.id,
                            "balance": balance,
                        }
                    )
                    for account, balance, partner in (
                        *((receivable, *amount) for amount in amounts),
                        (revenue, -total, nobody),
                    )
                ],
            }
        )
        entry.action_post()
        return entry

    def _get_offered(self, window):
        """Return {document: amount} of what a window offers."""
        return {line.sudo().move_id: line.amount for line in window.line_ids}

    def assertClosed(self, items):
        self.assertFalse(any(items.mapped("amount_residual")))
        self.assertFalse(any(items.mapped("amount_residual_currency")))
        self.assertTrue(all(items.mapped("reconciled")))


@tagged("post_install", "-at_install")
class TestWriteOff(WriteOffCommon):
    # === What is booked ===

    def test_debt_is_written_off(self):
        invoice = self._make_rest(0.03)
        self.assertAlmostEqual(self.account.balance, -0.03)
        entry = self._write_off()
        self.assertRecordValues(
            entry,
            [
                {
                    "state": "posted",
                    "move_type": "entry",
                    "journal_id": self.company.client_adjustment_journal_id.id,
                    "date": self.today,
                    "partner_id": self.client.id,
                    "client_write_off": True,
                    "client_adjustment": False,
                    "client_account_credit": False,
                    "client_adjustment_reason": "Cents that nobody pays",
                }
            ],
        )
        receivable = self._get_receivable(invoice).account_id
        self.assertRecordValues(
            entry.line_ids.sorted("balance"),
            [
                {"account_id": receivable.id, "balance": -0.03},
                {"account_id": self.loss.id, "balance": 0.03},
            ],
        )
        self.assertClosed(self._get_receivable(invoice | entry))
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.account.balance, 0.0)
        self.assertEqual(self._get_ledger_balance(), 0.0)

    def test_credit_is_written_off(self):
        credit = self._issue_credit(0.05)
        entry = self._write_off()
        self.assertRecordValues(
            entry.line_ids.sorted("balance"),
            [
                {"account_id": self.gain.id, "balance": -0.05},
                {
                    "account_id": self._get_receivable(credit).account_id.id,
                    "balance": 0.05,
                },
            ],
        )
        self.assertClosed(self._get_receivable(credit | entry))
        self.assertEqual(self.account.balance, 0.0)

    def test_history_and_chatter_say_why(self):
        invoice = self._make_rest(0.03)
        entry = self._write_off()
        self.assertRecordValues(
            self._get_receivable(entry),
            [
                {
                    "client_credit_source": "write_off",
                    "client_credit_reason": "Cents that nobody pays",
                    "client_history_change": 0.03,
                }
            ],
        )
        self.assertIn(self._get_receivable(entry), self.account.history_line_ids)
        chatter = " ".join(self.account.message_ids.mapped("body"))
        for text in (invoice.name, entry.name, "0.03", "Cents that nobody pays"):
            self.assertIn(text, chatter)

    def test_rest_of_a_document_is_the_sum_of_its_items(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Halves",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": days}
                    )
                    for days in (0, 30)
                ],
            }
        )
        small = self._make_invoice(0.04, invoice_payment_term_id=term.id)
        large = self._make_invoice(0.08, invoice_payment_term_id=term.id)
        self.assertEqual(len(self._get_receivable(small)), 2)
        # Each half of it is small, and the document is not.
        self.assertEqual(self._get_receivable(large).mapped("balance"), [0.04, 0.04])
        self.assertEqual(self._get_offered(self._make_window()), {small: 0.04})
        entry = self._write_off()
        self.assertEqual(len(self._get_receivable(entry)), 2)
        self.assertClosed(self._get_receivable(small))
        self.assertEqual(large.amount_residual, 0.08)

    def test_debts_and_credits_of_one_document_hide_nothing(self):
        self._make_entry((100.01, self.client), (-100, self.client))
        self.assertFalse(self._make_window().line_ids)
        small = self._make_entry((0.03, self.client), (-0.01, self.client))
        window = self._make_window()
        self.assertEqual(self._get_offered(window), {small: 0.04})
        self.assertEqual(window.line_ids.side, "both")
        action = window.action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        self.assertRecordValues(
            (entry.line_ids - self._get_receivable(entry)).sorted("balance"),
            [
                {"account_id": self.gain.id, "balance": -0.01},
                {"account_id": self.loss.id, "balance": 0.03},
            ],
        )
        self.assertClosed(self._get_receivable(small | entry))

    def test_document_of_two_clients_is_one_for_each(self):
        entry = self._make_entry((0.02, self.client), (0.03, self.other_client))
        both = self.account | self._get_account(self.other_client)
        self.assertEqual(self._get_offered(self._make_window()), {entry: 0.02})
        window = self._make_window(both)
        self.assertEqual(window.line_ids.mapped("amount"), [0.02, 0.03])
        window.line_ids[0].is_ticked = False
        window.action_confirm()
        self.assertEqual(
            both.mapped("balance"), [-0.02, 0.0], "Only the other client's part goes."
        )

    def test_another_receivable_account_is_closed_on_its_own(self):
        other = self.company_data["default_account_receivable"].copy()
        self.client.property_account_receivable_id = other
        invoice = self._make_rest(0.02)
        self.client.property_account_receivable_id = self.company_data[
            "default_account_receivable"
        ]
        entry = self._write_off()
        self.assertEqual(self._get_receivable(entry).account_id, other)
        self.assertClosed(self._get_receivable(invoice))

    def test_contact_s_document_stays_the_contact_s(self):
        contact = self.env["res.partner"].create(
            {"name": "Parent", "parent_id": self.client.id, "type": "invoice"}
        )
        document = self._make_entry((0.02, contact))
        self.assertEqual(self._get_receivable(document).partner_id, contact)
        entry = self._write_off()
        self.assertEqual(self._get_receivable(entry).partner_id, contact)
        self.assertClosed(self._get_receivable(document))

    def test_credit_that_is_open_does_not_take_what_is_written_off(self):
        self.company.client_credit_application = "all"
        invoice = self._make_rest(0.02)
        self.account.credit_application = "manual"
        credit = self._issue_credit(10)
        self.account.credit_application = "all"
        self._write_off()
        self.assertClosed(self._get_receivable(invoice))
        self.assertEqual(self._get_receivable(credit).amount_residual, -10.0)

    # === The limit ===

    def test_up_to_the_limit_and_no_further(self):
        at, above = self._make_invoice(0.05), self._make_invoice(0.06)
        self.assertEqual(self._get_offered(self._make_window()), {at: 0.05})
        window = self._make_window(
            line_ids=[
                Command.create({"account_id": self.account.id, "move_id": above.id})
            ]
        )
        self.assertEqual(window.line_ids.amount, 0.0)
        with self.assertRefused("0.06 is open on", above.name, "up to .*0.05"):
            window.action_confirm()
        with self.assertRefused(above.name, "up to .*0.05"):
            self._get_receivable(above).with_user(
                self.officer
            ).action_write_off_client_rest()
        self._write_off()
        self.assertEqual(at.amount_residual, 0.0)
        self.assertEqual(above.amount_residual, 0.06)

    def test_zero_writes_nothing_off(self):
        invoice = self._make_invoice(0.01)
        window = self._make_window()
        self.assertEqual(len(window.line_ids), 1)
        self.company.client_write_off_limit = 0
        self.assertFalse(self._make_window().line_ids)
        with self.assertRefused("writes off no small differences"):
            window.action_confirm()
        item = self._get_receivable(invoice).with_user(self.officer)
        with self.assertRefused("writes off no small differences"):
            item.action_write_off_client_rest()

    def test_limit_is_an_approver_s_to_set(self):
        admin = self._make_user("wo_admin", "base.group_erp_manager")
        self.assertFalse(admin.has_group(APPROVER))
        company = self.company.with_user(admin)
        with self.assertRefused("Only approvers", exception=AccessError):
            company.client_write_off_limit = 10
        admin.group_ids |= self.env.ref(APPROVER)
        company.client_write_off_limit = 10
        self.assertEqual(self.company.client_write_off_limit, 10.0)

    def test_limit_is_an_amount(self):
        for value in (float("nan"), float("inf"), 1e12, "5"):
            with (
                self.subTest(value=value),
                self.assertRefused(exception=ValidationError),
            ):
                self.company.client_write_off_limit = value

    def test_settings_write_to_the_company(self):
        settings = self.env["res.config.settings"].create(
            {"client_write_off_limit": 0.5, "client_write_off_reason": "Cents"}
        )
        settings.client_write_off_account_id = self.gain
        settings.execute()
        self.assertRecordValues(
            self.company,
            [
                {
                    "client_write_off_limit": 0.5,
                    "client_write_off_reason": "Cents",
                    "client_write_off_account_id": self.gain.id,
                    "client_write_off_gain_account_id": self.gain.id,
                }
            ],
        )

    def test_refused_where_a_setting_is_empty(self):
        self._make_rest(0.02)
        for name in (
            "client_adjustment_journal_id",
            "client_write_off_account_id",
            "client_write_off_gain_account_id",
            "client_write_off_reason",
        ):
            value = self.company[name]
            self.company[name] = False
            with (
                self.subTest(name=name),
                self.assertRefused(self.company.name, exception=RedirectWarning),
            ):
                self._write_off()
            self.company[name] = value
        self.assertTrue(self._write_off())

    def test_reason_without_a_word_is_refused(self):
        self._make_rest(0.02)
        self.company.client_write_off_reason = " \u200b "
        with self.assertRefused(self.client.name, "reason"):
            self._write_off()

    # === What is passed over ===

    def test_blocked_and_paid_documents_are_passed_over(self):
        blocked, waiting = self._make_invoice(0.02), self._make_invoice(0.03)
        blocked.payment_state = "blocked"
        waiting.payment_state = "in_payment"
        draft = self._make_invoice(0.04, post=False)
        open_invoice = self._make_invoice(0.01)
        self.assertEqual(self._get_offered(self._make_window()), {open_invoice: 0.01})
        for move in (blocked, waiting):
            item = self._get_receivable(move).with_user(self.officer)
            with self.assertRefused(move.name, "blocked, or a payment"):
                item.action_write_off_client_rest()
        item = self._get_receivable(draft).with_user(self.officer)
        with self.assertRefused("Nothing is open"):
            item.action_write_off_client_rest()
        window = self._make_window(
            line_ids=[
                Command.create({"account_id": self.account.id, "move_id": move.id})
                for move in blocked | waiting | draft
            ]
        )
        with self.assertRefused(blocked.name, "blocked, or a payment"):
            window.action_confirm()

    def test_what_changed_meanwhile_is_computed_again(self):
        paid, less, grown = (self._make_invoice(0.04) for _time in range(3))
        window = self._make_window()
        self.assertEqual(len(window.line_ids), 3)
        credit = self._get_receivable(self._issue_credit(0.05))
        credit._allocate(self._get_receivable(paid), 0.04)
        credit._allocate(self._get_receivable(less), 0.01)
        grown.button_draft()
        grown.invoice_line_ids.price_unit = 5
        grown.action_post()
        window.invalidate_recordset()
        action = window.action_confirm()
        entry = self.env["account.move"].browse(action["infos"]["res_ids"])
        self.assertEqual(entry.amount_total, 0.03)
        self.assertEqual(less.amount_residual, 0.0)
        self.assertEqual(grown.amount_residual, 5.0)
        self.assertIn(": 2.", action["params"]["message"])

    def test_nothing_left_is_refused(self):
        invoice = self._make_invoice(0.04)
        window = self._make_window()
        self.assertEqual(self._get_offered(window), {invoice: 0.04})
        self._get_receivable(self._issue_credit(0.04))._allocate(
            self._get_receivable(invoice), 0.04
        )
        with self.assertRefused("Nothing is open any more", invoice.name):
            window.action_confirm()

    # === One, none, many ===

    def test_one_by_one(self):
        first, second = self._make_invoice(0.01), self._make_invoice(0.02)
        window = self._make_window()
        line = window.line_ids.filtered(lambda line: line.sudo().move_id == second)
        line.is_ticked = False
        self.assertEqual(window.total, 0.01)
        window.action_confirm()
        self.assertEqual(first.amount_residual, 0.0)
        self.assertEqual(second.amount_residual, 0.02)

    def test_nothing_ticked_is_refused(self):
        self._make_invoice(0.01)
        window = self._make_window()
        window.line_ids.is_ticked = False
        with self.assertRefused("Nothing is ticked", self.client.name):
            window.action_confirm()

    def test_nothing_small_shows_nothing(self):
        self._make_invoice(100)
        window = self._make_window()
        self.assertFalse(window.line_ids)
        with self.assertRefused("Nothing is ticked"):
            window.action_confirm()

    def test_window_starts_with_everything_ticked(self):
        debt, credit = self._make_rest(0.02), self._issue_credit(0.01)
        accounts = self.account.with_user(self.officer)
        action = accounts.action_write_off()
        windows = self.env[action["res_model"]].with_user(self.officer)
        form = Form(windows.with_context(**action["context"]))
        self.assertEqual(form.limit, 0.05)
        self.assertEqual(form.reason, "Cents that nobody pays")
        self.assertAlmostEqual(form.total, 0.03)
        window = form.save()
        self.assertEqual(
            [
                (line.document_name, line.side, line.amount, line.is_ticked)
                for line in window.line_ids
            ],
            [
                (debt.display_name, "debt", 0.02, True),
                (credit.display_name, "credit", 0.01, True),
            ],
        )
        window.action_confirm()
        self.assertEqual(self.account.balance, 0.0)

    def test_menu_is_for_all_clients_of_the_company(self):
        mine, other = self._make_rest(0.02), self._make_rest(0.03, self.other_client)
        action = self.env.ref("client_account.client_account_write_off_action")
        windows = self.env[action.res_model].with_user(self.officer)
        window = Form(windows).save()
        self.assertEqual(self._get_offered(window), {mine: 0.02, other: 0.03})
        message = window.action_confirm()["params"]["message"]
        self.assertIn("0.05 written off on 2 documents", message)
        self.assertEqual(self.account.balance, 0.0)
        self.assertEqual(self._get_account(self.other_client).balance, 0.0)

    def test_ticked_items_are_the_window_s(self):
        first, second = self._make_invoice(0.01), self._make_invoice(0.02)
        items = self._get_receivable(first).with_user(self.officer)
        action = items.action_write_off_client_rest()
        windows = self.env[action["res_model"]].with_user(self.officer)
        window = Form(windows.with_context(**action["context"])).save()
        self.assertEqual(self._get_offered(window), {first: 0.01})
        window.action_confirm()
        self.assertEqual(second.amount_residual, 0.02)
        with self.assertRefused("Nothing is open"):
            items.action_write_off_client_rest()
        with self.assertRefused("of clients of one company"):
            items.browse().action_write_off_client_rest()

    def test_as_many_queries_for_a_document_as_for_many(self):
        counts = {}
        for number in (10, 40):
            partners = self.env["res.partner"].create(
                [{"name": f"Client {number}/{index}"} for index in range(number)]
            )
            for partner in partners:
                self._make_invoice(0.02, partner=partner)
            window = self._make_window(self._get_account(partners))
            self.assertEqual(len(window.line_ids), number)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            window.action_confirm()
            self.env.flush_all()
            counts[number] = self.env.cr.sql_log_count - before
            self.assertFalse(any(self._get_account(partners).mapped("balance")))
        # Those of Odoo itself, which numbers each entry and looks for its analytics.
        self.assertLess((counts[40] - counts[10]) / 30, 8, counts)

    def test_more_than_a_window_holds_is_left_for_the_next(self):
        for amount in (0.01, 0.02, 0.03):
            self._make_invoice(amount)
        with patch.object(client_account_write_off, "MOST_RESTS", 2):
            window = self._make_window()
            self.assertEqual(len(window.line_ids), 2)
            self.assertTrue(window.has_more)
            window.action_confirm()
            window = self._make_window()
            self.assertEqual(len(window.line_ids), 1)
            self.assertFalse(window.has_more)
            window.action_confirm()
        self.assertEqual(self.account.balance, 0.0)
