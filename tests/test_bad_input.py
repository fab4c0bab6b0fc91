import random
from datetime import timedelta
from decimal import Decimal

from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from ..const import MAX_REASON
from .common import ClientAccountCommon

NOT_NUMBERS = (
    float("nan"),
    float("inf"),
    float("-inf"),
    1e400,
    Decimal("NaN"),
    True,
    "",
    "25",
    "1e3",
    "12,5",
    [25],
    {"amount": 25},
)
TOO_LARGE = (1e12, 1e13, int("9" * 30), 10**400)
TOO_FINE = (0.005, 12.345)
NEGATIVE = (-0.01, -25, -1e13, -(10**400))
# A form starts empty, so wizards take these until they are confirmed.
EMPTY = (0, 0.0, -0.0, False, None)
BAD_AMOUNTS = NOT_NUMBERS + TOO_LARGE + TOO_FINE + NEGATIVE + EMPTY

BAD_DATES = ("2026-02-30", "tomorrow", "31/01/2026", 5, 1.5, True, ["2026-01-31"])
BAD_REASONS = (
    "",
    "   ",
    "\n\t",
    None,
    False,
    True,
    5,
    ["Ill"],
    b"Ill",
    "\x00",
    " \x00 ",
)

# What a refusal of an amount tells the user to do.
ADVICE = r"Enter (an? (amount|number)|zero)|To take money away|Round it|Activate it"


class BadInputCommon(ClientAccountCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.credit_application = "manual"
        cls.bank = cls.company_data["default_journal_bank"]

    def assertEachRefused(self, call, values, *patterns):
        """Check that `call` refuses each value, in a sentence that names the client."""
        for value in values:
            with (
                self.subTest(value=repr(value)[:30]),
                self.assertRefused("Ada Piano School", r"\.$", *patterns),
            ):
                call(value)

    def _get_sending_ways(self, model, values, field="amount"):
        """Return the ways a value reaches a record from outside: {name: function}."""
        records = self.env[model]

        def write(value):
            record = records.create(values)
            record.write({field: value})
            return record

        def web_save(value):
            record = records.create(values)
            record.web_save({field: value}, {field: {}})
            return record

        def web_save_new(value):
            (saved,) = records.web_save({**values, field: value}, {"id": {}})
            return records.browse(saved["id"])

        return {
            "create": lambda value: records.create({**values, field: value}),
            "write": write,
            "web_save": web_save,
            "web_save of a new record": web_save_new,
            "default": lambda value: records.with_context(
                **{f"default_{field}": value}
            ).create(values),
        }


@tagged("post_install", "-at_install")
class TestBadAmounts(BadInputCommon):
    """Case 29: bad amounts are refused in words at every entry point."""

    def test_refused_to_issue_a_bad_credit(self):
        self.assertEachRefused(
            lambda amount: self.account.issue_credit(amount, "Ill"), BAD_AMOUNTS, ADVICE
        )
        for amount in (0.01, 25, Decimal("25.50"), 999999999999.99):
            self.account.issue_credit(amount, "Ill")
        self.assertEqual(self.account.balance, 1000000000050.5)

    def test_refused_to_charge_a_bad_amount(self):
        self.assertEachRefused(
            lambda amount: self.account.charge(amount, "Window"), BAD_AMOUNTS, ADVICE
        )
        self.account.charge(0.01, "Window")
        self.assertEqual(self.account.balance, -0.01)

    def test_drift_of_floats_is_no_bad_amount(self):
        """Case 11: a drift of 1e-14 is taken off."""
        move = self.env["account.move"].browse(
            self.account.issue_credit(0.1 + 0.2, "Ill")
        )
        self.assertEqual(self._get_receivable(move).balance, -0.3)

    def test_refused_to_allocate_a_bad_amount(self):
        debt = self._get_receivable(self._make_invoice(60))
        credit = self._get_receivable(self._issue_credit(100))
        self.assertEachRefused(
            lambda amount: credit._allocate(debt, amount), BAD_AMOUNTS, ADVICE
        )
        credit._allocate(debt, 25)
        self.assertEqual(debt.amount_residual, 35)

    def test_refused_to_set_a_bad_limit(self):
        self.account._set_limit(40)
        bad = [amount for amount in BAD_AMOUNTS if amount not in (0, None)]
        self.assertEachRefused(self.account._set_limit, [*bad, False, None], ADVICE)
        self.assertEqual(self.account.credit_limit, 40)
        self.account._set_limit(0)
        self.assertRecordValues(self.account, [{"credit_limit": 0, "state": "granted"}])

    def test_refused_to_confirm_a_bad_adjustment(self):
        for kind, document in (
            ("credit", "entry"),
            ("charge", "entry"),
            ("credit", "invoice"),
            ("charge", "invoice"),
        ):
            ways = self._get_sending_ways(
                "client.account.adjustment",
                {
                    "account_ids": [Command.set(self.account.ids)],
                    "kind": kind,
                    "document": document,
                    "reason": "Ill",
                    "product_id": self.product_a.id,
                    "tax_ids": False,
                },
            )
            for way, send in ways.items():
                with self.subTest(kind=kind, document=document, way=way):
                    before = self.account.balance
                    self.assertEachRefused(
                        lambda amount, send=send: send(amount).action_confirm(),
                        BAD_AMOUNTS,
                        ADVICE,
                    )
                    send(25).action_confirm()
                    self.assertEqual(abs(self.account.balance - before), 25)

    def test_refused_to_modify_to_a_bad_amount(self):
        move = self._issue_credit(40)
        context = move.action_client_adjustment_modify()["context"]
        wizards = self.env["client.account.adjustment"].with_context(**context)
        bad = [amount for amount in BAD_AMOUNTS if amount is not None]
        self.assertEachRefused(
            lambda amount: wizards.create({"amount": amount}).action_confirm(), bad
        )
        wizards.create({"amount": 25}).action_confirm()
        self.assertEqual(self.account.balance, 25)

    def test_refused_to_confirm_a_bad_payment(self):
        self._issue_credit(1000)
        for payment_type, change in (("inbound", 25), ("outbound", -25)):
            ways = self._get_sending_ways(
                "client.account.payment",
                {
                    "account_id": self.account.id,
                    "journal_id": self.bank.id,
                    "payment_type": payment_type,
                },
            )
            for way, send in ways.items():
                with self.subTest(payment_type=payment_type, way=way):
                    before = self.account.balance
                    self.assertEachRefused(
                        lambda amount, send=send: send(amount).action_confirm(),
                        BAD_AMOUNTS,
                        ADVICE,
                    )
                    send(25).action_confirm()
                    self.assertEqual(self.account.balance - before, change)

    def _check_lines(self, model, make_wizard, key, confirm):
        """Check the amounts of a wizard's lines, sent alone or with the wizard.

        :param str model: the lines' model
        :param make_wizard: function that returns a wizard with one line
        :param str key: the lines' link to the wizard
        :param str confirm: the wizard's button
        """
        item = make_wizard().line_ids.debit_line_id
        bad = [amount for amount in BAD_AMOUNTS if amount not in (0, None)]
        for way in self._get_sending_ways(model, {}):

            def send(amount, way=way):
                wizard = make_wizard()
                wizard.line_ids.unlink()
                values = {key: wizard.id, "debit_line_id": item.id}
                line = self._get_sending_ways(model, values)[way](amount)
                self.assertEqual(wizard.line_ids, line)
                getattr(wizard, confirm)()

            def send_with_wizard(amount):
                wizard = make_wizard()
                wizard.web_save(
                    {
                        "line_ids": [
                            Command.update(wizard.line_ids.id, {"amount": amount})
                        ]
                    },
                    {},
                )
                getattr(wizard, confirm)()

            with self.subTest(way=way):
                self.assertEachRefused(send, bad, ADVICE)
                residual = item.amount_residual
                send(25)
                self.assertEqual(residual - item.amount_residual, 25)
        self.assertEachRefused(send_with_wizard, bad, ADVICE)
        residual = item.amount_residual
        send_with_wizard(25)
        self.assertEqual(residual - item.amount_residual, 25)

    def test_refused_to_pay_a_bad_amount_of_an_invoice(self):
        self._make_invoice(1000)
        self._check_lines(
            "client.account.payment.line",
            lambda: self.env["client.account.payment"].create(
                {
                    "account_id": self.account.id,
                    "journal_id": self.bank.id,
                    "amount": 25,
                }
            ),
            "payment_id",
            "action_confirm",
        )

    def test_refused_to_assign_a_bad_amount(self):
        self._make_invoice(1000)
        credit = self._get_receivable(self._issue_credit(1000))
        self._check_lines(
            "client.credit.allocation.line",
            lambda: self.env["client.credit.allocation"].create(
                {"credit_line_id": credit.id}
            ),
            "allocation_id",
            "action_allocate",
        )

    def test_refused_to_assign_nothing(self):
        self._make_invoice(60)
        credit = self._get_receivable(self._issue_credit(100))
        wizard = self.env["client.credit.allocation"].create(
            {"credit_line_id": credit.id}
        )

        def send(amount):
            wizard.line_ids.amount = amount
            wizard.action_allocate()

        self.assertEachRefused(send, (0, 0.0, -0.0, False, None), "Enter an amount")
        send(25)
        self.assertEqual(credit.amount_residual, -75)

    # === Currency ===

    def _set_active(self, currency, active):
        """Switch a currency on or off, behind the checks of the ORM."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_currency SET active = %s WHERE id = %s", [active, currency.id]
        )
        self.env.invalidate_all()

    def test_refused_in_an_inactive_company_currency(self):
        self._set_active(self.company.currency_id, False)
        for call in (self.account.issue_credit, self.account.charge):
            with self.assertRefused("Ada Piano School", "USD", "Activate it"):
                call(25, "Ill")
        self._set_active(self.company.currency_id, True)
        self.account.issue_credit(25, "Ill")
        self.assertEqual(self.account.balance, 25)

    def test_refused_to_allocate_in_an_inactive_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        debt = self._get_receivable(self._make_invoice(100, currency_id=euro.id))
        credit = self._get_receivable(self._issue_credit(100))
        self._set_active(euro, False)
        with self.assertRefused("Ada Piano School", "EUR", "Activate it"):
            credit._allocate(debt, 10)
        self._set_active(euro, True)
        credit._allocate(debt, 10)
        self.assertEqual(debt.amount_residual_currency, 90)

    def test_refused_to_receive_in_an_inactive_currency(self):
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        wizard = self.env["client.account.payment"].create(
            {
                "account_id": self.account.id,
                "journal_id": self.bank.id,
                "amount": 10,
                "currency_id": euro.id,
            }
        )
        self._set_active(euro, False)
        with self.assertRefused("Ada Piano School", "EUR", "Activate it"):
            wizard.action_confirm()
        self._set_active(euro, True)
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 20)

    def test_refused_when_the_currency_changes_to_one_without_decimals(self):
        """Case 12: JPY 0.4 rounds to nothing, 10.4 is finer than the currency."""
        yen = self.setup_other_currency(
            "JPY", rates=[("1900-01-01", 100)], rounding=1.0
        )
        values = {"account_id": self.account.id, "journal_id": self.bank.id}
        wizard = self.env["client.account.payment"].create({**values, "amount": 10.4})
        wizard.currency_id = yen
        with self.assertRefused("Ada Piano School", "finer", "JPY"):
            wizard.action_confirm()
        for amount in (0.4, 10.4):
            with self.assertRefused("Ada Piano School", "finer", "JPY"):
                wizard.write({"amount": amount, "currency_id": yen.id})
        wizard.amount = 1000
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 10)


@tagged("post_install", "-at_install")
class TestBadDatesAndReasons(BadInputCommon):
    def test_refused_with_a_bad_date(self):
        for call in (
            lambda date: self.account.issue_credit(25, "Ill", date=date),
            lambda date: self.account.charge(25, "Ill", date=date),
            lambda date: self.account.charge(25, "Ill", date_due=date),
        ):
            self.assertEachRefused(call, BAD_DATES, "Enter a date", "2026-01-31")
        for date in ("2026-01-31", "", None, False, self.today):
            self.account.issue_credit(25, "Ill", date=date)
        self.assertEqual(self.account.balance, 125)

    def test_refused_without_a_reason(self):
        for call in (
            lambda reason: self.account.issue_credit(25, reason),
            lambda reason: self.account.charge(25, reason),
        ):
            self.assertEachRefused(call, BAD_REASONS, "Give a reason")
        with self.assertRaises(TypeError):
            self.account.issue_credit(25)
        self.account.issue_credit(25, "Ill")
        self.assertEqual(self.account.balance, 25)

    def test_refused_to_confirm_without_a_reason(self):
        for document in ("entry", "invoice"):
            ways = self._get_sending_ways(
                "client.account.adjustment",
                {
                    "account_ids": [Command.set(self.account.ids)],
                    "document": document,
                    "product_id": self.product_a.id,
                    "tax_ids": False,
                    "amount": 25,
                },
                field="reason",
            )
            for way, send in ways.items():
                with self.subTest(document=document, way=way):
                    before = self.account.balance
                    self.assertEachRefused(
                        lambda reason, send=send: send(reason).action_confirm(),
                        ("", "   ", "\n\t", None, False, "\x00"),
                        "Give a reason",
                    )
                    send("Ill").action_confirm()
                    self.assertEqual(self.account.balance - before, 25)

    def test_refused_to_confirm_an_empty_wizard(self):
        wizard = self.env["client.account.adjustment"].create({})
        with self.assertRefused("Choose at least one client"):
            wizard.action_confirm()
        wizard.account_ids = self.account
        with self.assertRefused("Ada Piano School", "above zero"):
            wizard.action_confirm()
        wizard.amount = 25
        with self.assertRefused("Ada Piano School", "Give a reason"):
            wizard.action_confirm()
        wizard.reason = "Ill"
        wizard.action_confirm()
        self.assertEqual(self.account.balance, 25)


@tagged("post_install", "-at_install")
class TestStrangeReasons(BadInputCommon):
    """Case 30: whatever a reason holds is booked and shown as text."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # What does not compress, and more than fits the reference.
        letters = random.Random(30).choices(
            "abcdefghijklmnopqrstuvwxyzäß€", k=MAX_REASON
        )
        cls.reasons = {
            "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
            "qweb": "{{ 7 * 7 }} ${7 * 7} <t t-out='7 * 7'/> %(client)s %s %",
            "direction": "Refund \u202eevil\u202c \u2066x\u2069",
            "emoji": "\U0001f3b9 piano \U0001f468\u200d\U0001f469\u200d\U0001f467",
            "lines": "First line\nSecond line\r\nThird line",
            "long": "".join(letters),
        }

    def _check_booked(self, move, reason):
        """Check that the entry holds the reason and its first line, all as text."""
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(move.state, "posted")
        self.assertEqual(move.client_adjustment_reason, reason)
        first_line = reason.splitlines()[0]
        self.assertEqual(move.ref, first_line[:120])
        item = self._get_receivable(move)
        self.assertEqual(item.client_credit_reason, first_line[:250])
        (shown,) = move.web_read({"client_adjustment_reason": {}, "display_name": {}})
        self.assertEqual(shown["client_adjustment_reason"], reason)

    def test_refused_to_book_a_longer_reason(self):
        """A reason of 2,000 characters is booked, one of a character more, or of a
        megabyte, is not."""
        for length in (MAX_REASON + 1, 1_000_000):
            for call in (self.account.issue_credit, self.account.charge):
                with self.assertRefused("Ada Piano School", "Shorten it to 2000"):
                    call(5, "x" * length)

    def test_no_longer_reason_is_stored(self):
        """The database holds the bound, whatever writes."""
        move = self.env["account.move"].browse(self.account.issue_credit(5, "Goodwill"))
        request = self.env["client.account.request"].create(
            {"account_id": self.account.id, "requested_limit": 5}
        )
        self.env.flush_all()
        for record, name in (
            (move, "client_adjustment_reason"),
            (move, "client_anyway_reason"),
            (self.account, "state_reason"),
            (request, "reason"),
            (request, "rejection_reason"),
        ):
            with self.subTest(field=name):
                self._write_by_sql(record, name, "x" * MAX_REASON)
                with (
                    self.assertRaises(IntegrityError),
                    mute_logger("odoo.sql_db"),
                    self.env.cr.savepoint(),
                ):
                    self._write_by_sql(record, name, "x" * (MAX_REASON + 1))

    def _write_by_sql(self, record, name, value):
        table, column = SQL.identifier(record._table), SQL.identifier(name)
        self.env.cr.execute(
            SQL("UPDATE %s SET %s = %s WHERE id = %s", table, column, value, record.id)
        )

    def test_reasons_are_booked_as_text(self):
        for name, reason in self.reasons.items():
            with self.subTest(reason=name):
                for call in (self.account.issue_credit, self.account.charge):
                    move = self.env["account.move"].browse(call(5, reason))
                    self._check_booked(move, reason)
        self.assertEqual(self.account.balance, 0)
        self.assertEqual(len(self.account.history_line_ids), 2 * len(self.reasons))

    def test_reasons_of_the_wizard_are_booked_as_text(self):
        for document in ("entry", "invoice"):
            for name, reason in self.reasons.items():
                with self.subTest(document=document, reason=name):
                    wizard = self.env["client.account.adjustment"].create(
                        {
                            "account_ids": [Command.set(self.account.ids)],
                            "document": document,
                            "product_id": self.product_a.id,
                            "amount": 5,
                            "reason": reason,
                        }
                    )
                    self.assertEqual(Form(wizard).reason, reason)
                    wizard.action_confirm()
                    move = self.account.history_line_ids.move_id.sorted("id")[-1]
                    self._check_booked(move, reason)

    def test_modified_reason_is_booked_as_text(self):
        move = self._issue_credit(5)
        context = move.action_client_adjustment_modify()["context"]
        for reason in self.reasons.values():
            self.env["client.account.adjustment"].with_context(**context).create(
                {"reason": reason}
            ).action_confirm()
            self._check_booked(move, reason)

    def test_what_the_database_cannot_store_is_left_out(self):
        for reason in ("Teacher\x00 ill", "\x00Teacher ill\ud83c"):
            move = self.env["account.move"].browse(self.account.issue_credit(5, reason))
            self._check_booked(move, "Teacher ill")
            wizard = self.env["client.account.adjustment"].create(
                {
                    "account_ids": [Command.set(self.account.ids)],
                    "amount": 5,
                    "reason": reason,
                }
            )
            self.assertEqual(wizard.reason, "Teacher ill")
            wizard.reason = reason
            wizard.action_confirm()
        self.assertEqual(self.account.balance, 20)

    def test_chatter_shows_reasons_as_text(self):
        reason = self.reasons["script"]
        credit = self._issue_credit(5, reason=reason)
        invoice = self._make_invoice(5)
        item = self._get_receivable(credit)
        item._allocate(self._get_receivable(invoice), 5)
        item.matched_debit_ids.action_remove_client_allocation()
        item._allocate(self._get_receivable(invoice), 5)
        invoice.button_draft()
        bodies = " ".join((credit | invoice).message_ids.mapped("body"))
        self.assertIn("was removed", bodies)
        self.assertIn("&lt;script&gt;", bodies)
        self.assertNotIn("<script", bodies)
        self.assertNotIn("<img", bodies)

    def test_chatter_evaluates_nothing_in_reasons(self):
        reason = self.reasons["qweb"]
        asked = self.today.replace(day=1) - timedelta(days=5)
        self.company.sudo().fiscalyear_lock_date = asked
        credit = self._issue_credit(5, reason=reason, date=asked)
        invoice = self._make_invoice(5)
        item = self._get_receivable(credit)
        item._allocate(self._get_receivable(invoice), 5)
        item.matched_debit_ids.action_remove_client_allocation()
        bodies = " ".join((credit | invoice).message_ids.mapped("body"))
        self.assertIn("was removed", bodies)
        self.assertIn("{{ 7 * 7 }} ${7 * 7}", bodies)
        self.assertNotIn("49", bodies.replace(credit.name, ""))

    def test_refusals_hold_reasons_as_text(self):
        reason = self.reasons["script"]
        credit = self._issue_credit(5, reason=reason)
        invoice = self._make_invoice(5)
        item = self._get_receivable(credit)
        item._allocate(self._get_receivable(invoice), 5)
        with self.assertRaises(UserError) as refusal:
            credit.action_client_adjustment_delete()
        self.assertIs(type(refusal.exception.args[0]), str)
        credit.action_client_adjustment_release_delete()
        self.assertEqual(credit.state, "cancel")

    def test_memo_of_a_payment_is_shown_as_text(self):
        for name, memo in self.reasons.items():
            with self.subTest(memo=name):
                wizard = self.env["client.account.payment"].create(
                    {
                        "account_id": self.account.id,
                        "journal_id": self.bank.id,
                        "amount": 5,
                        "memo": f"{memo}\x00",
                    }
                )
                before = self.account.balance
                wizard.action_confirm()
                self.env.flush_all()
                self.assertEqual(self.account.balance - before, 5)
                payment = self.env["account.payment"].search(
                    [("partner_id", "=", self.client.id)], order="id desc", limit=1
                )
                self.assertEqual(payment.memo, memo[:120])
                bodies = " ".join(payment.message_ids.mapped("body"))
                self.assertNotIn("<script", bodies)

    def test_strange_keys_find_their_entry_again(self):
        for key in ("<script>", "{{ 7 * 7 }}", "\u202ekey", "\U0001f3b9", "100%"):
            first = self.account.issue_credit(5, "Ill", key=key)
            self.assertEqual(self.account.issue_credit(5, "Ill", key=key), first)
        self.assertEqual(self.account.balance, 25)
