from datetime import timedelta

from lxml import html

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestStatement(ClientAccountRequestCommon):
    """Statements as of today or a past day, and how old debts are."""

    def _days(self, days):
        return self.today + timedelta(days=days)

    def _get_statement(self, date_from=-60, date_to=0, account=None):
        account = account or self.account
        return account._get_statement(self._days(date_from), self._days(date_to))

    def _render(self, accounts, user=None, **data):
        """Return the statements as HTML."""
        reports = self.env["ir.actions.report"].with_user(user or self.env.user)
        return reports._render_qweb_html(
            "client_account.report_statement", accounts.ids, data
        )[0].decode()

    # === Figures ===

    def test_movements_run_from_opening_to_closing(self):
        self._make_invoice(100, date_due=self._days(-90))
        self._make_invoice(50, date_due=self._days(-10))
        self._issue_credit(30, date=self._days(-5))
        statement = self._get_statement(-60, -1)
        self.assertEqual(statement["opening"], -100)
        self.assertEqual(statement["closing"], -120)
        self.assertEqual(
            [(line["change"], line["balance"]) for line in statement["lines"]],
            [(-50, -150), (30, -120)],
        )
        self.assertEqual(statement["lines"][1]["reason"], "Class cancelled")

    def test_what_was_settled_later_counts_as_open(self):
        invoice = self._make_invoice(100, date_due=self._days(-40))
        payment = self._make_payment(70, date=self._days(-5))
        lines = payment.move_id.line_ids + invoice.line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
        self.assertEqual(invoice.amount_residual, 30)
        before = self._get_statement(-60, -6)
        self.assertEqual([item["open"] for item in before["due"]], [100])
        self.assertEqual(before["ageing"]["overdue_31_60"], 100)
        self.assertEqual(before["credit"], 0)
        self.assertEqual(before["overdue"], 100)
        now = self._get_statement()
        self.assertEqual([item["open"] for item in now["due"]], [30])
        self.account.credit_application = "manual"
        self._issue_credit(12, date=self._days(-1))
        self._make_invoice(500, date_due=self._days(3))
        now = self._get_statement()
        self.assertEqual(now["overdue"], 18)
        self.assertRegex(
            self._render(self.account), r"18\.00</strong> of it is overdue"
        )
        self.assertEqual(now["closing"], -518)

    def test_what_is_dated_ahead_is_not_open_yet(self):
        self.account.credit_application = "manual"
        self._make_invoice(100, date_due=self._days(-40))
        self._issue_credit(30, date=self._days(1))
        self.account.charge(12.5, "Late fee", date=self._days(2))
        self._issue_credit(5, date=self._days(-1))
        self.account.apply_credits()
        for day, due, credit, closing in (
            (0, [95], 0, -95),
            (1, [95], 30, -65),
            (2, [95, 12.5], 30, -77.5),
        ):
            with self.subTest(day=day):
                statement = self._get_statement(-60, day)
                self.assertEqual([item["open"] for item in statement["due"]], due)
                self.assertEqual(statement["credit"], credit)
                self.assertEqual(statement["closing"], closing)

    def test_open_items_of_any_day_add_up_to_the_closing_balance(self):
        self._make_invoice(100, date_due=self._days(-40))
        self._make_invoice(55.5, date_due=self._days(-20))
        self._issue_credit(120, date=self._days(-10))
        self.account.apply_credits()
        self._issue_credit(7.25, date=self._days(-2))
        for day in (-41, -40, -30, -20, -15, -10, -3, -2, 0):
            with self.subTest(day=day):
                statement = self._get_statement(-50, day)
                self.assertAlmostEqual(
                    sum(statement["ageing"].values()) - statement["credit"],
                    -statement["closing"],
                )
                self.assertAlmostEqual(
                    sum(item["open"] for item in statement["due"]),
                    sum(statement["ageing"].values()),
                )

    def test_as_of_today_it_says_what_the_account_says(self):
        for amount, days in ((1, 3), (2, 0), (4, -1), (8, -30), (16, -31), (32, -60)):
            self._make_invoice(amount, date_due=self._days(days))
        for amount, days in ((64, -61), (128, -90), (256, -91)):
            self._make_invoice(amount, date_due=self._days(days))
        ageing = {
            "amount_not_due": 3,
            "overdue_1_30": 12,
            "overdue_31_60": 48,
            "overdue_61_90": 192,
            "overdue_91": 256,
        }
        self.assertRecordValues(self.account, [ageing])
        self.assertEqual(self._get_statement()["ageing"], ageing)
        self.assertEqual(sum(ageing.values()), self.account.amount_owed)
        self.assertEqual(
            sum(ageing.values()) - ageing["amount_not_due"],
            self.account.amount_overdue,
        )

    def test_ageing_is_searched_sorted_summed_and_grouped(self):
        other = self._get_account(self.other_client)
        self._make_invoice(100, date_due=self._days(-45))
        self._make_invoice(300, date_due=self._days(-45), partner=self.other_client)
        both = self.account + other
        accounts = self.env["client.account"].with_user(self.viewer)
        found = accounts.search([("overdue_31_60", ">", 200), ("id", "in", both.ids)])
        self.assertEqual(found, other)
        found = accounts.search([("overdue_91", "=", 0), ("id", "in", both.ids)])
        self.assertEqual(found, both)
        found = accounts.search([("id", "in", both.ids)], order="overdue_31_60 desc")
        self.assertEqual(found[0], other)
        self.client.user_id = self.other_client.user_id = self.seller
        [(seller, total)] = accounts._read_group(
            [("id", "in", both.ids)], ["user_id"], ["overdue_31_60:sum"]
        )
        self.assertEqual((seller, total), (self.seller, 400))

    def test_ageing_follows_what_is_booked(self):
        invoice = self._make_invoice(100, date_due=self._days(-45))
        self.assertEqual(self.account.overdue_31_60, 100)
        self._get_receivable(self._issue_credit(40))
        self.account.apply_credits()
        self.assertEqual(self.account.overdue_31_60, 60)
        self._get_receivable(invoice).date_maturity = self._days(-1)
        self.assertEqual(self.account.overdue_31_60, 0)
        self.assertEqual(self.account.overdue_1_30, 60)

    def test_second_company_and_currency(self):
        other = self.setup_other_company()["company"]
        account = self._get_account(self.client, other)
        self._set_rate("1900-01-01", 0.5)
        self._make_invoice(50, currency_id=self.eur.id, date_due=self._days(-2))
        statement = self._get_statement()
        [line] = statement["lines"]
        self.assertEqual(line["change"], -100)
        self.assertEqual(line["amount_currency"], -50)
        self.assertEqual(self._get_statement(account=account)["lines"], [])
        self.assertIn("50.00", self._render(self.account))

    def _copy_item(self, item, count, rate):
        """Book an item `count` times by SQL, with other amounts and days.

        Two of three are debts of 1 to 7 and the third is a credit of as much.

        :param float rate: how much of the item's currency one of the company's is
        """
        self.env.flush_all()
        amount = SQL("(CASE n %% 3 WHEN 0 THEN -1 ELSE 1 END * (n %% 7 + 1))::numeric")
        in_currency = SQL("%s * %s::numeric", amount, rate)
        day = SQL("%s::date - (n %% 50)::integer", self.today)
        values = {
            "date": day,
            "date_maturity": day,
            "balance": amount,
            "debit": SQL("greatest(%s, 0)", amount),
            "credit": SQL("greatest(-%s, 0)", amount),
            "amount_currency": in_currency,
            "amount_residual": amount,
            "amount_residual_currency": in_currency,
        }
        columns = [
            name
            for name, field in item._fields.items()
            if field.store and field.column_type and name != "id"
        ]
        self.env.cr.execute(
            SQL(
                "INSERT INTO account_move_line (%s) SELECT %s"
                " FROM account_move_line line, generate_series(1, %s) n"
                " WHERE line.id = %s",
                SQL(", ").join(map(SQL.identifier, columns)),
                SQL(", ").join(
                    values.get(name, SQL.identifier("line", name)) for name in columns
                ),
                count,
                item.id,
            )
        )
        self.env.invalidate_all()

    def _read_paper(self):
        """Return the texts of the rows of movements, and of the closing balance."""
        paper = html.fromstring(self._render(self.account, date_from=self._days(-60)))
        [table] = paper.xpath("//table[@name='movements']")
        rows = [
            [" ".join(cell.text_content().split()) for cell in row.iterchildren("td")]
            for row in table.iterfind("tbody/tr")
        ]
        return rows[1:-1], rows[-1][-1]

    def test_paper_of_no_line_one_forty_and_five_thousand(self):
        """Whatever moved, in two currencies: opening, running and closing agree."""
        self._set_rate("1900-01-01", 0.5)
        native = self._make_invoice(100, date_due=self._days(-90))
        foreign = self._make_invoice(
            30, date_due=self._days(-90), currency_id=self.eur.id
        )
        items = [self._get_receivable(invoice) for invoice in (native, foreign)]
        made = foreign_made = 0
        for count in (0, 1, 40, 5000):
            with self.subTest(count=count):
                half = (count - made) // 2
                self._copy_item(items[0], count - made - half, 1)
                self._copy_item(items[1], half, 0.5)
                made, foreign_made = count, foreign_made + half
                statement = self._get_statement()
                self.assertEqual(statement["opening"], -160)
                self.assertEqual(len(statement["lines"]), count)
                self.assertEqual(
                    len({line["currency_id"] for line in statement["lines"]}),
                    min(count, 2),
                )
                running = statement["opening"]
                for line in statement["lines"]:
                    running += line["change"]
                    self.assertAlmostEqual(line["balance"], running)
                self.assertAlmostEqual(statement["closing"], running)
                self.assertAlmostEqual(running, self._get_ledger_balance())
                self.assertAlmostEqual(running, self.account.balance)
                self.assertAlmostEqual(
                    statement["credit"] - sum(statement["ageing"].values()), running
                )
                rows, closing = self._read_paper()
                words = self.account._format_balance(running).replace("\xa0", " ")
                self.assertEqual(closing, words)
                if not count:
                    self.assertEqual(rows, [["Nothing moved in this time."]])
                    continue
                self.assertEqual(len(rows), count)
                self.assertEqual(rows[-1][-1], closing)
                told = [row for row in rows if "€" in row[2]]
                self.assertEqual(len(told), foreign_made)

    # === Paper ===

    def test_paper_has_all_there_is_of_each_client(self):
        self.client.lang = self.other_client.lang = "en_US"
        self._make_invoice(4711, date_due=self._days(-2))
        self._make_invoice(815, date_due=self._days(-2), partner=self.other_client)
        other = self._get_account(self.other_client)
        html = self._render(self.account)
        self.assertIn("4,711.00", html)
        self.assertNotIn("815.00", html)
        self.assertIn("Please pay", html)
        both = self._render(self.account + other)
        self.assertIn("815.00", both)
        self.assertEqual(both.count("Statement of Account"), 2)

    def test_paper_of_nothing(self):
        html = self._render(self.account)
        self.assertIn("Nothing moved in this time.", html)
        self.assertNotIn("Please pay", html)

    def test_paper_speaks_the_clients_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.client.lang = "fr_FR"
        self._make_invoice(1234.5, date_due=self._days(-2))
        html = self._render(self.account)
        self.assertRegex(html, r"1[\s\u202f\u00a0]?234,50")

    def test_pdf_is_made(self):
        self._make_invoice([10] * 40)
        report = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        content, kind = report._render_qweb_pdf(
            "client_account.report_statement", self.account.ids
        )
        self.assertEqual(kind, "pdf")
        self.assertTrue(content.startswith(b"%PDF"))

    def test_dates_of_the_window_are_kept(self):
        self._make_invoice(50, date_due=self._days(-100))
        window = (
            self.env["client.account.statement"]
            .with_user(self.officer)
            .create(
                {
                    "account_ids": self.account.ids,
                    "date_from": self._days(-110),
                    "date_to": self._days(-90),
                }
            )
        )
        action = window.action_print()
        html = self._render(self.account.browse(), self.officer, **action["data"])
        self.assertIn("50.00", html)
        window.date_from = self._days(-80)
        with self.assertRefused("ends before it begins"):
            window.action_print()

    def test_mail_brings_each_client_their_own(self):
        self.client.email, self.other_client.email = "ada@example.com", "b@example.com"
        self._make_invoice(4711, date_due=self._days(-2))
        self._make_invoice(815, date_due=self._days(-2), partner=self.other_client)
        accounts = self.account + self._get_account(self.other_client)
        window = (
            self.env["client.account.statement"]
            .with_user(self.officer)
            .create({"account_ids": accounts.ids})
        )
        action = window.action_send()
        composer = (
            self.env["mail.compose.message"]
            .with_user(self.officer)
            .with_context(**action["context"])
            .create({})
        )
        mails, _messages = composer._action_send_mail()
        self.assertEqual(len(mails), 2)
        for mail, client in zip(
            mails.sorted("res_id"), accounts.sorted("id").partner_id, strict=True
        ):
            self.assertEqual(mail.recipient_ids, client)
            self.assertEqual(len(mail.attachment_ids), 1)

    # === Rights ===

    def test_who_may_print(self):
        self._make_invoice(4711)
        for user in (self.viewer, self.seller):
            with self.assertRaises(AccessError):
                self._render(self.account, user)
        with self.assertRaises(AccessError):
            self.account.with_user(self.viewer).action_open_statement()
        self.assertIn("4,711.00", self._render(self.account, self.officer))
        other = self.setup_other_company()["company"]
        stranger = self._make_user("statement_other", self.OFFICER, company=other)
        with self.assertRaises(AccessError):
            self._render(self.account, stranger)
