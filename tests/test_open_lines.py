from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools import SQL

from ..models import account_move_line_planning
from ..wizards.client_open_lines_mixin import LINES_SHOWN
from .common import ClientAccountCommon


@tagged("post_install", "-at_install")
class TestOpenLines(ClientAccountCommon):
    """Windows with open documents load what is shown, and find the rest."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.client_credit_application = "manual"
        cls.credit = cls._issue_credit(1000, reason="Term refunded")
        cls.invoices = cls.env["account.move"]
        for number in range(LINES_SHOWN + 20):
            cls.invoices |= cls._make_invoice(
                number + 1,
                date_due=f"2024-03-{number % 28 + 1:02}",
                ref=f"Term {number}",
            )
        cls.items = cls._get_receivable(cls.invoices)._sorted_for_allocation()

    def _get_windows(self, user=None):
        """Yield the windows that list open debts of the client."""
        env = self.env(user=user or self.env.user)
        credit = self._get_receivable(self.credit)
        yield env["client.credit.allocation"].create({"credit_line_id": credit.id})
        yield env["client.account.payment"].create(
            {"account_id": self.account.id, "amount": 1000}
        )

    def _get_forms(self):
        credit = self._get_receivable(self.credit)
        yield (
            "allocation",
            Form(
                self.env["client.credit.allocation"].with_context(
                    default_credit_line_id=credit.id
                )
            ),
        )
        yield (
            "payment",
            Form(
                self.env["client.account.payment"].with_context(
                    default_account_id=self.account.id
                )
            ),
        )

    def test_first_ones_are_shown_and_more_on_demand(self):
        for window in self._get_windows():
            with self.subTest(window=window._name):
                self.assertEqual(
                    window.line_ids.debit_line_id, self.items[:LINES_SHOWN]
                )
                self.assertTrue(window.has_more_lines)
                window.action_show_more()
                self.assertEqual(window.line_ids.debit_line_id, self.items)
                self.assertFalse(window.has_more_lines)
                window.action_show_more()
                self.assertEqual(len(window.line_ids), len(self.items))

    def test_search_finds_what_is_not_shown(self):
        last = self.items[-1]
        searches = {
            last.move_name: last,
            last.move_id.ref.upper(): last,
            f"{last.amount_residual:.2f}": last,
            "TERM 1": self.items.filtered(
                lambda item: item.move_id.ref.startswith("Term 1")
            ),
            "50%": last.browse(),
            "_": last.browse(),
            "1e400": last.browse(),
            "nan": last.browse(),
        }
        for window, form in self._get_forms():
            for text, found in searches.items():
                with self.subTest(window=window, text=text):
                    form.search_text = text
                    names = [
                        form.line_ids.edit(index).document_name.split(" (")[0]
                        for index in range(len(form.line_ids))
                    ]
                    self.assertEqual(sorted(names), sorted(found.mapped("move_name")))
            form.search_text = ""
            self.assertEqual(len(form.line_ids), LINES_SHOWN)

    def test_search_keeps_what_is_typed(self):
        for window, form in self._get_forms():
            with self.subTest(window=window):
                with form.line_ids.edit(0) as line:
                    typed = line.document_name
                    line.amount = 0.5
                form.search_text = self.items[-1].move_name
                names = []
                for index in range(len(form.line_ids)):
                    with form.line_ids.edit(index) as line:
                        names.append((line.document_name.split(" (")[0], line.amount))
                self.assertEqual(
                    names,
                    [(typed.split(" (")[0], 0.5), (self.items[-1].move_name, 0.0)],
                )
                with form.line_ids.edit(1) as line:
                    line.amount = 2
                if window == "payment":
                    # The total follows the lines.
                    self.assertEqual(form.amount, 2.5)
                wizard = form.save()
                self.assertEqual(
                    dict(
                        zip(
                            wizard.line_ids.debit_line_id,
                            wizard.line_ids.mapped("amount"),
                            strict=True,
                        )
                    ),
                    {self.items[0]: 0.5, self.items[-1]: 2.0},
                )

    def test_earliest_due_first_reaches_what_is_not_shown(self):
        for window in self._get_windows():
            with self.subTest(window=window._name):
                window.action_oldest_first()
                amounts = {line.debit_line_id: line.amount for line in window.line_ids}
                left = 1000.0
                for item in self.items:
                    self.assertEqual(
                        amounts.get(item, 0.0), min(left, item.amount_residual)
                    )
                    left -= min(left, item.amount_residual)
                self.assertEqual(window.amount_remaining, 0.0)
                window.action_oldest_first()
                self.assertEqual(len(window.line_ids), len(amounts))
                window.action_clear()
                self.assertFalse(any(window.line_ids.mapped("amount")))

    def test_earliest_due_first_takes_what_is_found(self):
        for window in self._get_windows():
            window.search_text = self.items[-1].move_name
            window.action_oldest_first()
            filled = window.line_ids.filtered("amount")
            self.assertEqual(filled.debit_line_id, self.items[-1], window._name)

    def test_earliest_due_first_takes_as_many_queries_for_many_as_for_few(self):
        for window in self._get_windows():
            counts = []
            for limit in (3, 3, 45):
                self.env.flush_all()
                for item in self.items[limit:]:
                    item.move_id.payment_state = "in_payment"
                self.env.flush_all()
                window.action_clear()
                self.env.invalidate_all()
                before = self.env.cr.sql_log_count
                window.action_oldest_first()
                counts.append(self.env.cr.sql_log_count - before)
                self.env.flush_all()
                self.items.move_id.payment_state = "not_paid"
                filled = window.line_ids.filtered("amount")
                self.assertGreaterEqual(len(filled), limit - 5)
            self.assertEqual(counts[1], counts[2], window._name)

    def test_many_are_planned_as_few_are(self):
        """Thousands are sorted by the database and looked at in portions."""
        self.invoices[5].payment_state = "blocked"
        for window in self._get_windows():
            amounts = []
            for portion in (1000, 2, 3):
                with patch.object(account_move_line_planning, "PREFETCH_MAX", portion):
                    window.action_clear()
                    window.action_oldest_first()
                filled = window.line_ids.filtered("amount")
                amounts.append({line.debit_line_id: line.amount for line in filled})
            with self.subTest(window=window._name):
                self.assertEqual(sum(amounts[0].values()), 1000.0)
                self.assertEqual(amounts, amounts[:1] * 3)

    def test_no_more_are_looked_at_than_the_credit_goes_to(self):
        credit = self._get_receivable(self._issue_credit(5))
        window = self.env["client.credit.allocation"].create(
            {"credit_line_id": credit.id}
        )
        moves = type(self.env["account.move"])
        asked = []
        judge = moves._without_credit_exclusion

        def watch(model, documents):
            asked.append(documents)
            return judge(model, documents)

        with (
            patch.object(account_move_line_planning, "PREFETCH_MAX", 4),
            patch.object(moves, "_without_credit_exclusion", watch),
        ):
            window.action_oldest_first()
        self.assertEqual(asked, [self.items[:4].move_id])

    def test_database_sorts_as_python_does(self):
        today = fields.Date.context_today(self.env.user)
        items = self.items[:8] | self._get_receivable(self.credit)
        for days in (9, 3):
            self.company.client_expiry_days = days
            items |= self._get_receivable(self._issue_credit(10))
        names = (None, "inv/1", "INV/2", "_INV/3", "ÎNV/4", "INV 5", "INV/10", "INV/2")
        self.env.flush_all()
        for item, name in zip(self.items[:8], names, strict=True):
            self.env.cr.execute(
                SQL(
                    "UPDATE account_move_line SET move_name = %s, date_maturity = %s"
                    " WHERE id = %s",
                    name,
                    name and "2024-03-01",
                    item.id,
                )
            )
        self.env.invalidate_all()
        expected = items._sorted_for_allocation()
        self.assertEqual(expected._ids, items._sorted_by_database()._ids)
        self.assertEqual(
            expected[:2].move_id.mapped("client_expiry_date"),
            [today + timedelta(days=days) for days in (3, 9)],
        )

    def test_refused_in_anothers_window(self):
        officer = self._make_user(
            "lines_officer", "client_account.group_client_account_officer"
        )
        for window in self._get_windows():
            window.search_text = "Term"
            self.env.flush_all()
            self.env.invalidate_all()
            for name in ("action_oldest_first", "action_clear", "action_show_more"):
                with self.subTest(window=window._name, name=name):
                    with self.assertRaises(AccessError), self.env.cr.savepoint():
                        getattr(window.with_user(officer), name)()
        for window in self._get_windows(officer):
            window.action_oldest_first()
            self.assertTrue(any(window.line_ids.mapped("amount")))

    def test_conditions_are_looked_at_document_by_document(self):
        """Joined, all open documents would be read and sorted for the first ones."""
        for window in self._get_windows():
            condition = window._get_payable_sql()
            if window._name == "client.credit.allocation":
                condition = window._get_fitting_sql()
            rows = self.env.execute_query(
                SQL("EXPLAIN SELECT id FROM account_move_line line WHERE %s", condition)
            )
            plan = "\n".join(row for (row,) in rows)
            with self.subTest(window=window._name):
                self.assertIn("SubPlan", plan)
                self.assertNotIn("Join", plan.split("SubPlan", maxsplit=1)[0])
