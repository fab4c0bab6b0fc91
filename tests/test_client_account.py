import json
from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from ..models.client_account_figures import FIGURES
from ..models.res_partner import PARTNER_FIGURES
from .common import ClientAccountCommon


class FiguresCommon(ClientAccountCommon):
    """Clients whose credit stays where it is put."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Nothing is applied by itself: these tests are about what the ledger says.
        cls.company.client_credit_application = "manual"
        cls.yesterday = cls.today - timedelta(days=1)

    def _read_figures(self, client, account):
        return {name: account[name] for name in FIGURES}, {
            name: client[name] for name in PARTNER_FIGURES
        }

    def assertFigures(self, expected, client=None, account=None):
        """Compare figures of an account, then all cached ones with the database's."""
        client = client or self.client
        account = account or self.account
        on_account, on_partner = self._read_figures(client, account)
        self.assertEqual({name: on_account[name] for name in expected}, expected)
        for partner_name, name in PARTNER_FIGURES.items():
            self.assertEqual(on_partner[partner_name], on_account[name], partner_name)
        self.env.invalidate_all()
        self.assertEqual(
            self._read_figures(client, account),
            (on_account, on_partner),
            "stale figures",
        )


@tagged("post_install", "-at_install")
class TestClientAccount(FiguresCommon):
    # === What counts ===

    def test_account_without_items_has_zero_figures(self):
        self.assertFigures(dict.fromkeys(FIGURES, 0.0))

    def test_unsaved_account_has_zero_figures(self):
        self._make_invoice(100)
        unsaved = self.env["client.account"].new(
            {"partner_id": self.client.id, "company_id": self.company.id}
        )
        self.assertEqual([unsaved[name] for name in FIGURES], [0.0] * len(FIGURES))

    def test_figures_of_no_account_are_none(self):
        accounts = self.env["client.account"]
        self.assertEqual(accounts._fetch_figures(), {})
        self.assertEqual(accounts.mapped("balance"), [])

    def test_balance_is_credit_less_debts(self):
        self._make_invoice(100, date_due=self.yesterday)
        self._make_invoice(50.25)
        self._make_payment(20)
        self._issue_credit(10.1)
        self.account._set_limit(200)
        self.assertFigures(
            {
                "balance": -120.15,
                "amount_owed": 150.25,
                "amount_overdue": 100.0,
                "credit_available": 30.1,
                "limit_in_force": 200.0,
                "available": 79.85,
                "limit_usage": 60.1,
            }
        )

    def test_charge_counts_from_its_due_date(self):
        self.account.charge(40, "Book", date=self.yesterday, date_due=self.yesterday)
        self.account.charge(7, "Pen", date_due=self.today)
        self.assertFigures(
            {"balance": -47.0, "amount_owed": 47.0, "amount_overdue": 40.0}
        )

    def test_credit_note_counts_as_credit(self):
        self._make_invoice(100)
        self._make_invoice(30, move_type="out_refund")
        self.assertFigures({"balance": -70.0, "credit_available": 30.0})

    def test_draft_and_cancelled_documents_do_not_count(self):
        self._make_invoice(100, post=False)
        self._make_invoice(60, post=False).button_cancel()
        self._make_invoice(5)
        self.assertFigures({"balance": -5.0, "amount_owed": 5.0})

    def test_vendor_bill_does_not_count(self):
        self._make_invoice(100, move_type="in_invoice")
        self._make_invoice(3)
        self.assertFigures({"balance": -3.0})

    def test_item_of_amount_zero_changes_nothing(self):
        self._make_invoice(0, date_due=self.yesterday)
        self.assertFigures(dict.fromkeys(FIGURES, 0.0))
        self._make_invoice(1, date_due=self.yesterday)
        self.assertFigures({"balance": -1.0, "amount_overdue": 1.0})

    def test_future_dated_posted_item_counts_and_is_not_overdue(self):
        self.account.charge(25, "Next term", date=self.today + timedelta(days=40))
        self.assertFigures(
            {"balance": -25.0, "amount_owed": 25.0, "amount_overdue": 0.0}
        )
        self.assertEqual(self.account.ledger_balance, -25.0)

    def test_contacts_of_the_client_count(self):
        """Case 22: a child contact's invoice counts for the commercial partner."""
        child = self.env["res.partner"].create(
            {"name": "Cleo", "parent_id": self.client.id}
        )
        grandchild = self.env["res.partner"].create(
            {"name": "Dora", "parent_id": child.id}
        )
        self._make_invoice(10)
        self._make_invoice(20, partner=child)
        self._make_invoice(40, partner=grandchild)
        # An item on the contact itself, as an import may make.
        receivable = self._get_receivable(self._make_invoice(80, partner=child))
        receivable.partner_id = grandchild
        self._make_invoice(1000, partner=self.other_client)
        self.assertFigures({"balance": -150.0})
        self.assertEqual(self.account.ledger_balance, -150.0)
        self.assertEqual((child | grandchild).mapped("client_balance"), [-150.0] * 2)

    def test_company_below_a_company_is_its_own_client(self):
        branch_office = self.env["res.partner"].create(
            {"name": "Ada South", "parent_id": self.client.id, "is_company": True}
        )
        self._make_invoice(30, partner=branch_office)
        self._make_invoice(4)
        self.assertFigures({"balance": -4.0})
        self.assertEqual(branch_office.client_balance, -30.0)

    def test_foreign_invoice_counts_once_at_its_own_rate(self):
        """Case 20: EUR 100 = USD 200 counts 200, not 400."""
        euro = self.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        invoice = self._make_invoice(100, currency_id=euro.id, date_due=self.yesterday)
        self.assertEqual(self._get_receivable(invoice).amount_residual_currency, 100.0)
        self.assertFigures(
            {"balance": -200.0, "amount_owed": 200.0, "amount_overdue": 200.0}
        )
        self.assertEqual(self.account.ledger_balance, -200.0)
        # A later rate changes nothing of what is booked.
        self.env["res.currency.rate"].create(
            {
                "currency_id": euro.id,
                "name": self.today,
                "rate": 4.0,
                "company_id": self.company.id,
            }
        )
        self.assertFigures({"balance": -200.0})

    def test_several_receivable_accounts_count_together(self):
        other_receivable = self.company_data["default_account_receivable"].copy()
        self._make_invoice(10)
        self.client.property_account_receivable_id = other_receivable
        self._make_invoice(5)
        self.assertFigures({"balance": -15.0})

    # === Limit ===

    def test_limit_of_zero_is_prepaid(self):
        """Case 19: limit 0 is prepaid, not unlimited."""
        self._issue_credit(30)
        self.account._set_limit(0)
        self.assertEqual(self.account.state, "granted")
        self.assertFigures(
            {"limit_in_force": 0.0, "available": 30.0, "limit_usage": 0.0}
        )

    def test_account_nobody_granted_has_nothing_in_force(self):
        """Case 19: an account nobody granted has no usage and 0 available."""
        self._make_invoice(10)
        self.assertEqual(self.account.state, "not_granted")
        self.assertFigures(
            {"limit_in_force": 0.0, "available": -10.0, "limit_usage": 0.0}
        )

    def test_suspended_account_keeps_its_limit_on_record(self):
        """Case 19: a suspended account has 0 in force."""
        self._make_invoice(10)
        self.account._set_limit(100)
        self.assertFigures({"limit_in_force": 100.0, "available": 90.0})
        self.account._set_limit(100, state="suspended")
        self.assertEqual(self.account.credit_limit, 100.0)
        self.assertFigures(
            {"limit_in_force": 0.0, "available": -10.0, "limit_usage": 0.0}
        )
        self.account._set_limit(self.account.credit_limit)
        self.assertFigures({"limit_in_force": 100.0, "limit_usage": 10.0})

    def test_closed_account_has_nothing_in_force(self):
        self.account._set_limit(100, state="closed")
        self.assertFigures({"limit_in_force": 0.0, "available": 0.0})

    def test_usage_counts_debt_beyond_credit_only(self):
        self.account._set_limit(200)
        self._issue_credit(50)
        self.assertFigures({"limit_usage": 0.0})
        self._make_invoice(100)
        self.assertFigures({"limit_usage": 25.0})
        self._make_invoice(200)
        self.assertFigures({"limit_usage": 125.0, "available": -50.0})

    def test_limit_is_set_on_many_accounts(self):
        accounts = self.account | self._get_account(self.other_client)
        accounts._set_limit(75)
        self.assertEqual(accounts.mapped("credit_limit"), [75.0, 75.0])
        self.assertEqual(accounts.mapped("state"), ["granted", "granted"])
        self.env["client.account"]._set_limit(50)
        self.assertEqual(accounts.mapped("credit_limit"), [75.0, 75.0])

    def test_limit_refused_when_it_is_no_amount(self):
        self.account._set_limit(60)
        for bad in (
            float("nan"),
            float("inf"),
            float("-inf"),
            True,
            False,
            None,
            "",
            "100",
            [100],
            -1,
            0.001,
            1e12,
            10**30,
        ):
            with self.subTest(limit=bad), self.assertRefused("Ada Piano School"):
                self.account._set_limit(bad)
            self.assertEqual(self.account.credit_limit, 60.0)
        self.account._set_limit(0.01)
        self.assertEqual(self.account.credit_limit, 0.01)

    def test_committed_amounts_lower_what_is_available(self):
        self.account._set_limit(100)
        other = self._get_account(self.other_client)
        other._set_limit(100)
        self._make_invoice(10)
        with self._committed({self.account: 15.5}):
            self.assertEqual((self.account | other).mapped("available"), [74.5, 100.0])
            self.assertEqual(self.client.client_available, 74.5)
            self.assertEqual(self.account.balance, -10.0)
            self.assertEqual(
                self.account._get_committed_amounts(), {self.account: 15.5}
            )
        self.env.invalidate_all()
        self.assertEqual(self.account.available, 90.0)

    def test_committed_amounts_count_in_search_sort_and_sum(self):
        """A client without a single item has commitments, too."""
        other = self._get_account(self.other_client)
        (self.account | other)._set_limit(100)
        accounts = self.account | other
        with self._committed({self.account: 15.5, other: 30.25}):
            for records, name in (
                (accounts, "available"),
                (accounts.partner_id, "client_available"),
            ):
                mine = [("id", "in", records.ids)]
                self.assertEqual(
                    records.search([*mine, (name, "<", 80)]), records[1], name
                )
                self.assertEqual(
                    records.search(mine, order=f"{name} desc").mapped(name),
                    [84.5, 69.75],
                )
                [(total,)] = records._read_group(mine, [], [f"{name}:sum"])
                self.assertEqual(total, 154.25)

    # === Fresh in the same transaction ===

    def test_figures_are_fresh_after_posting(self):
        invoice = self._make_invoice(100, post=False, date_due=self.yesterday)
        self.assertFigures({"balance": 0.0})
        self._read_figures(self.client, self.account)
        invoice.action_post()
        self.assertFigures(
            {"balance": -100.0, "amount_owed": 100.0, "amount_overdue": 100.0}
        )

    def test_figures_are_fresh_after_posting_an_entry_written_line_by_line(self):
        self._read_figures(self.client, self.account)
        entry = self.env["account.move"].create(
            {
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "partner_id": self.client.id,
                            "account_id": account.id,
                            "balance": balance,
                        }
                    )
                    for account, balance in (
                        (self.company_data["default_account_receivable"], 12.0),
                        (self.company_data["default_account_revenue"], -12.0),
                    )
                ],
            }
        )
        entry.action_post()
        self.assertFigures({"balance": -12.0})

    def test_figures_are_fresh_after_paying(self):
        invoice = self._make_invoice(100)
        self.assertFigures({"amount_owed": 100.0})
        self._read_figures(self.client, self.account)
        self._register_payment(invoice, amount=30.0)
        self.assertFigures({"balance": -70.0, "amount_owed": 70.0})

    def test_figures_are_fresh_after_reconciling_and_unreconciling(self):
        invoice = self._make_invoice(100)
        credit = self._issue_credit(40)
        items = self._get_receivable(invoice | credit)
        self.assertFigures({"amount_owed": 100.0, "credit_available": 40.0})
        self._read_figures(self.client, self.account)
        items.reconcile()
        self.assertFigures(
            {"balance": -60.0, "amount_owed": 60.0, "credit_available": 0.0}
        )
        self._read_figures(self.client, self.account)
        items.remove_move_reconcile()
        self.assertFigures(
            {"balance": -60.0, "amount_owed": 100.0, "credit_available": 40.0}
        )

    def test_figures_are_fresh_after_allocating_through_the_account(self):
        self._make_invoice(100)
        self._issue_credit(40)
        self._read_figures(self.client, self.account)
        self.assertEqual(self.account.apply_credits(), 40.0)
        self.assertFigures({"amount_owed": 60.0, "credit_available": 0.0})

    def test_figures_are_fresh_after_resetting_to_draft(self):
        invoice = self._make_invoice(100)
        self._read_figures(self.client, self.account)
        invoice.button_draft()
        self.assertFigures({"balance": 0.0, "amount_owed": 0.0})
        self._read_figures(self.client, self.account)
        invoice.action_post()
        self.assertFigures({"balance": -100.0})

    def test_figures_are_fresh_after_cancelling(self):
        invoice = self._make_invoice(100)
        self._read_figures(self.client, self.account)
        invoice.button_cancel()
        self.assertFigures({"balance": 0.0, "amount_owed": 0.0})

    def test_figures_are_fresh_after_cancelling_a_payment(self):
        payment = self._make_payment(25)
        self.assertFigures({"balance": 25.0})
        self._read_figures(self.client, self.account)
        payment.action_draft()
        self.assertFigures({"balance": 0.0})
        self._read_figures(self.client, self.account)
        payment.action_cancel()
        self.assertFigures({"balance": 0.0})

    def test_figures_are_fresh_after_reversing(self):
        invoice = self._make_invoice(100)
        self._read_figures(self.client, self.account)
        invoice._reverse_moves(cancel=True)
        self.assertFigures({"balance": 0.0, "credit_available": 0.0})

    def test_figures_are_fresh_after_changing_a_due_date(self):
        receivable = self._get_receivable(self._make_invoice(100))
        self.assertFigures({"amount_overdue": 0.0})
        self._read_figures(self.client, self.account)
        receivable.date_maturity = self.yesterday
        self.assertFigures({"amount_overdue": 100.0, "amount_owed": 100.0})

    def test_figures_are_fresh_after_changing_the_invoice_due_date(self):
        invoice = self._make_invoice(100)
        self._read_figures(self.client, self.account)
        invoice.invoice_date_due = self.yesterday
        invoice.flush_recordset()
        overdue = sum(
            line.amount_residual
            for line in self._get_receivable(invoice)
            if line.date_maturity < self.today
        )
        self.assertFigures({"amount_overdue": overdue})

    def test_figures_are_fresh_after_moving_an_item_to_another_client(self):
        receivable = self._get_receivable(self._make_invoice(100))
        other_account = self._get_account(self.other_client)
        self._read_figures(self.client, self.account)
        self._read_figures(self.other_client, other_account)
        receivable.partner_id = self.other_client
        self.assertFigures({"balance": 0.0})
        self.assertFigures({"balance": -100.0}, self.other_client, other_account)

    def test_figures_are_fresh_after_moving_an_item_to_another_account(self):
        receivable = self._get_receivable(self._make_invoice(100))
        self._read_figures(self.client, self.account)
        receivable.account_id = self.company_data["default_account_receivable"].copy()
        self.assertFigures({"balance": -100.0})

    def test_figures_are_fresh_after_changing_a_parent(self):
        contact = self.env["res.partner"].create({"name": "Emil"})
        self._make_invoice(100, partner=contact)
        self.assertFigures({"balance": 0.0})
        self.assertEqual(contact.client_balance, -100.0)
        self._read_figures(self.client, self.account)
        contact.parent_id = self.client
        self.assertFigures({"balance": -100.0})
        self.assertEqual(contact.client_balance, -100.0)
        contact.parent_id = self.other_client
        self.assertEqual(
            contact.client_balance, self._get_account(self.other_client).balance
        )

    def test_figures_are_fresh_after_making_a_contact_a_company(self):
        contact = self.env["res.partner"].create(
            {"name": "Finn", "parent_id": self.client.id}
        )
        self._make_invoice(100, partner=contact)
        self.assertFigures({"balance": -100.0})
        self._read_figures(self.client, self.account)
        contact.is_company = True
        self.assertEqual(contact.commercial_partner_id, contact)
        account = self._get_account(contact)
        self.assertEqual(
            self.account.balance + account.balance,
            -100.0,
            "the item belongs to one of the two",
        )
        self.assertFigures({}, contact, account)
        self.assertFigures({})

    def test_figures_are_fresh_after_setting_the_limit(self):
        self._read_figures(self.client, self.account)
        self.account._set_limit(80)
        self.assertFigures({"limit_in_force": 80.0, "available": 80.0})
        self._read_figures(self.client, self.account)
        self.account._set_limit(80, state="suspended")
        self.assertFigures({"limit_in_force": 0.0, "available": 0.0})

    def test_details_page_is_fresh_after_posting(self):
        def read_details():
            return (
                self.account.ledger_balance,
                self.account.debit_line_ids,
                self.account.credit_line_ids,
                self.account.history_line_ids,
                self._read_graph(self.account)[-1],
            )

        self.assertEqual(read_details()[0], 0.0)
        invoice = self._make_invoice(100)
        item = self._get_receivable(invoice)
        none = item.browse()
        self.assertEqual(read_details(), (-100.0, item, none, item, -100.0))
        invoice.button_draft()
        self.assertEqual(read_details(), (0.0, none, none, none, 0.0))

    # === Ledger and history ===

    def _read_graph(self, account):
        [graph] = json.loads(account.balance_graph)
        return [point["y"] for point in graph["values"]]

    def test_ledger_balance_differs_by_money_left_on_a_draft(self):
        """Case 17: a payment stays on an invoice that is reset to draft."""
        invoice = self._make_invoice(100)
        self._register_payment(invoice, amount=40.0)
        self.assertFigures({"balance": -60.0})
        self.assertEqual(self.account.ledger_difference, 0.0)
        invoice.button_draft()
        self.assertFigures({"balance": 0.0, "credit_available": 0.0})
        self.assertEqual(self.account.ledger_balance, 40.0)
        self.assertEqual(self.account.ledger_difference, 40.0)
        self.assertEqual(self.account.ledger_balance, self._get_ledger_balance())
        invoice.action_post()
        self.assertFigures({"balance": -60.0})
        self.assertEqual(self.account.ledger_difference, 0.0)

    def test_ledger_balance_differs_by_items_matched_to_another_client(self):
        credit = self._issue_credit(70)
        invoice = self._make_invoice(100, partner=self.other_client)
        other_account = self._get_account(self.other_client)
        self._get_receivable(credit | invoice).reconcile()
        self.assertEqual((self.account | other_account).mapped("balance"), [0.0, -30.0])
        self.assertEqual(
            (self.account | other_account).mapped("ledger_balance"), [70.0, -100.0]
        )
        self.assertEqual(
            (self.account | other_account).mapped("ledger_difference"), [70.0, -70.0]
        )

    def test_ledger_balance_is_balance_and_difference(self):
        self._make_invoice(33.33)
        self._register_payment(self._make_invoice(66.67), amount=11.11)
        left_on_draft = self._make_invoice(50)
        self._register_payment(left_on_draft)
        left_on_draft.button_draft()
        self._issue_credit(0.1)
        self._issue_credit(0.2)
        account = self.account
        self.assertEqual(account.ledger_difference, 50.0)
        self.assertEqual(
            account.currency_id.round(account.balance + account.ledger_difference),
            account.ledger_balance,
        )
        self.assertEqual(account.ledger_balance, self._get_ledger_balance())

    def test_ledger_balance_ignores_the_second_client(self):
        self._make_invoice(5)
        self._make_invoice(7, partner=self.other_client)
        accounts = self.account | self._get_account(self.other_client)
        self.assertEqual(accounts.mapped("ledger_balance"), [-5.0, -7.0])

    def test_history_runs_in_order_of_date_and_number(self):
        first = self._make_invoice(100, date_due=self.today - timedelta(days=30))
        second = self._issue_credit(30, date=self.today - timedelta(days=20))
        third = self._make_invoice(50, date_due=self.today - timedelta(days=20))
        fourth = self._make_payment(120.05).move_id
        future = self._issue_credit(1, date=self.today + timedelta(days=20))
        self._make_invoice(999, partner=self.other_client)
        items = self._get_receivable(first | second | third | fourth | future)
        history = self.account.history_line_ids
        self.assertEqual(history, items.sorted(lambda line: (line.date, line.id))[::-1])
        self.assertEqual(
            history.mapped("client_history_balance"),
            [1.05, 0.05, -120.0, -70.0, -100.0],
        )
        self.assertEqual(history.mapped("client_history_change")[:2], [1.0, 120.05])
        # Each by itself too: the balance before it is a sum of its own.
        self.env.invalidate_all()
        self.assertEqual(history[2].client_history_balance, -120.0)

    def test_history_of_items_of_several_clients_keeps_them_apart(self):
        items = self._get_receivable(
            self._make_invoice(10)
            | self._make_invoice(20, partner=self.other_client)
            | self._issue_credit(4)
        )
        self.assertEqual(
            {line.move_id: line.client_history_balance for line in items.sorted("id")},
            dict(zip(items.sorted("id").move_id, [-10.0, -20.0, -6.0], strict=True)),
        )

    def test_history_leaves_out_drafts(self):
        item = self._get_receivable(self._make_invoice(10, post=False))
        self.assertEqual(item.client_history_balance, 0.0)
        self.assertFalse(self.account.history_line_ids)
        item.move_id.action_post()
        self.assertEqual(item.client_history_balance, -10.0)
        self.assertEqual(self.account.history_line_ids, item)

    def test_history_shows_what_a_difference_makes_up_for(self):
        """Case 17: history and closing balance are the ledger."""
        invoice = self._make_invoice(100)
        self._register_payment(invoice, amount=40.0)
        invoice.button_draft()
        self.assertEqual(
            self.account.history_line_ids[:1].client_history_balance,
            self.account.balance + self.account.ledger_difference,
        )

    def test_graph_ends_at_the_closing_balance(self):
        self._make_invoice(100, date_due=self.today - timedelta(days=500))
        self._make_invoice(20, date_due=self.today - timedelta(days=40))
        self._issue_credit(15.5, date=self.yesterday)
        points = self._read_graph(self.account)
        # Each amount once: a run of equal points is a flat part of the line.
        self.assertEqual(list(dict.fromkeys(points)), [-100.0, -120.0, -104.5])
        self.assertEqual(
            points[-1], self.account.history_line_ids[:1].client_history_balance
        )
        self.assertEqual(points[-1], self.account.ledger_balance)

    def test_graph_reaches_items_dated_in_the_future(self):
        self._make_invoice(100)
        self.account.charge(20, "Next term", date=self.today + timedelta(days=60))
        points = self._read_graph(self.account)
        self.assertEqual(list(dict.fromkeys(points)), [0.0, -100.0, -120.0])
        self.assertEqual(
            self.account.history_line_ids[:1].client_history_balance, -120.0
        )
        self.assertEqual(self.account.balance, -120.0)

    def test_graph_of_an_account_without_items_is_flat(self):
        self.assertEqual(set(self._read_graph(self.account)), {0.0})
        self._make_invoice(10)
        self.assertEqual(set(self._read_graph(self.account)), {0.0, -10.0})

    def test_graph_takes_one_query(self):
        for amount in (10, 20, 30):
            self._make_invoice(amount)
        self.env.flush_all()
        self.assertEqual(self._read_graph(self.account)[-1], -60.0)
        self.account.invalidate_recordset(["balance_graph"])
        with self.assertQueryCount(1):
            self.assertEqual(self._read_graph(self.account)[-1], -60.0)

    def test_open_items_are_listed_oldest_first(self):
        late = self._make_invoice(10)
        early = self._make_invoice(20, date_due=self.yesterday)
        paid = self._make_invoice(30)
        self._register_payment(paid)
        credit = self._issue_credit(5)
        self.assertEqual(
            self.account.debit_line_ids.ids,
            (self._get_receivable(early) + self._get_receivable(late)).ids,
        )
        self.assertEqual(self.account.credit_line_ids, self._get_receivable(credit))

    # === Policies ===

    def test_policy_is_the_company_s_where_the_account_says_nothing(self):
        self.company.client_credit_application = "next"
        self.assertFalse(self.account.credit_application)
        self.assertEqual(self.account._get_policy("credit_application"), "next")
        self.account.credit_application = "all"
        other = self._get_account(self.other_client)
        self.assertEqual(
            (self.account | other)._get_policies(["credit_application"]),
            {
                self.account: {"credit_application": "all"},
                other: {"credit_application": "next"},
            },
        )
        self.account.credit_application = False
        self.assertEqual(self.account._get_policy("credit_application"), "next")

    # === Making accounts ===

    def _search_accounts(self, partner):
        return self.env["client.account"].search([("partner_id", "=", partner.id)])

    def _make_client(self, **values):
        return self.env["res.partner"].create({"name": "Gwen", **values})

    def test_account_is_opened_by_the_first_invoice(self):
        client = self._make_client()
        invoice = self._make_invoice(10, partner=client, post=False)
        self.assertFalse(self._search_accounts(client))
        invoice.action_post()
        account = self._search_accounts(client)
        self.assertRecordValues(
            account,
            [
                {
                    "partner_id": client.id,
                    "company_id": self.company.id,
                    "currency_id": self.company.currency_id.id,
                    "state": "not_granted",
                    "credit_limit": 0.0,
                    "credit_application": False,
                    "create_uid": self.env.uid,
                    "balance": -10.0,
                }
            ],
        )
        self.assertEqual(client.client_account_id, account)
        self._make_invoice(20, partner=client)
        self.assertEqual(self._search_accounts(client), account)

    def test_account_is_opened_by_the_first_payment(self):
        client = self._make_client()
        self.assertFalse(self._search_accounts(client))
        self._make_payment(10, partner=client)
        self.assertEqual(self._search_accounts(client).balance, 10.0)

    def test_account_is_opened_by_the_first_credit_note(self):
        client = self._make_client()
        self._make_invoice(10, partner=client, move_type="out_refund")
        self.assertEqual(self._search_accounts(client).balance, 10.0)

    def test_account_is_opened_by_the_first_credit_or_charge(self):
        for action, balance in (
            ("action_client_issue_credit", 10.0),
            ("action_client_charge", -10.0),
        ):
            client = self._make_client()
            wizard_action = getattr(client, action)()
            wizard = (
                self.env["client.account.adjustment"]
                .with_context(**wizard_action["context"])
                .create({"amount": 10, "reason": "First"})
            )
            wizard.action_confirm()
            self.assertEqual(self._search_accounts(client).balance, balance)

    def test_no_account_is_opened_by_a_vendor_bill(self):
        client = self._make_client()
        self._make_invoice(10, partner=client, move_type="in_invoice")
        self.assertFalse(self._search_accounts(client))
        self._make_invoice(10, partner=client)
        self.assertTrue(self._search_accounts(client))

    def test_account_of_a_contact_is_its_client_s(self):
        client = self._make_client()
        contact = self._make_client(parent_id=client.id)
        self._make_invoice(10, partner=contact)
        self.assertFalse(self._search_accounts(contact))
        account = self._search_accounts(client)
        self.assertEqual(self._get_account(contact), account)
        self.assertEqual(self._get_account(client | contact), account)
        self.assertEqual(contact.client_account_id, account)

    def test_account_is_made_once(self):
        clients = self._make_client() | self._make_client()
        accounts = self._get_account(clients)
        self.assertEqual(accounts.partner_id, clients)
        self.assertEqual(self._get_account(clients), accounts)
        self.assertEqual(len(self._search_accounts(clients[0])), 1)
        # With some there and one missing, all are answered.
        third = self._make_client()
        self.assertEqual(self._get_account(clients | third).partner_id, clients | third)

    def test_no_account_is_made_for_nobody(self):
        count = self.env["client.account"].search_count([])
        nobody = self.env["res.partner"]
        accounts = self.env["client.account"]
        self.assertFalse(accounts._get_or_create(nobody, self.company))
        self.assertFalse(accounts._get_or_create(self._make_client(), self.company[:0]))
        self.assertEqual(accounts.search_count([]), count)

    def test_many_accounts_are_made_in_a_few_queries(self):
        clients = self.env["res.partner"].create(
            [{"name": f"Client {number}"} for number in range(50)]
        )
        self.env.flush_all()
        # Search, lock, insert, search again.
        with self.assertQueryCount(4):
            accounts = self._get_account(clients)
        self.assertEqual(len(accounts), 50)
        # Search, and the partners of what was found.
        with self.assertQueryCount(2):
            self.assertEqual(self._get_account(clients), accounts)

    def test_install_opens_accounts_for_clients_with_items_or_a_limit(self):
        invoiced = self._make_client(name="Invoiced")
        contact = self._make_client(parent_id=invoiced.id)
        self._make_invoice(10, partner=contact)
        limited = self._make_client(name="Limited", credit_limit=250.5)
        both = self._make_client(name="Both", credit_limit=80)
        self._make_invoice(10, partner=both)
        drafted = self._make_client(name="Drafted")
        self._make_invoice(10, partner=drafted, post=False)
        supplier = self._make_client(name="Supplier")
        self._make_invoice(10, partner=supplier, move_type="in_invoice")
        kept = self.account
        self.client.credit_limit = 999
        kept._set_limit(33)
        clients = invoiced | limited | both | drafted | supplier | self.client
        self.env["client.account"]._create_missing_accounts()
        self.env.flush_all()
        # As on a database that never had the addon, but for one account; other tests
        # have left payments there.
        self.env.cr.execute("UPDATE payment_transaction SET client_account_id = NULL")
        self.env.cr.execute("DELETE FROM client_account WHERE id != %s", [kept.id])
        self.env.invalidate_all()
        # The companies, then one statement whatever the number of clients.
        with self.assertQueryCount(3):
            self.env["client.account"]._create_missing_accounts()
        accounts = self.env["client.account"].search(
            [("partner_id", "in", (clients | contact).ids)]
        )
        self.assertEqual(
            {
                account.partner_id: (
                    account.state,
                    account.credit_limit,
                    account.balance,
                )
                for account in accounts
            },
            {
                invoiced: ("not_granted", 0.0, -10.0),
                limited: ("granted", 250.5, 0.0),
                both: ("granted", 80.0, -10.0),
                self.client: ("granted", 33.0, 0.0),
            },
        )
        self.assertEqual(accounts.company_id, self.company)
        self.assertEqual(accounts.currency_id, self.company.currency_id)
        self.assertEqual(accounts.mapped("lock_version"), [0] * 4)
        count = self.env["client.account"].search_count([])
        self.env["client.account"]._create_missing_accounts()
        self.assertEqual(self.env["client.account"].search_count([]), count)

    def test_install_takes_the_limit_that_follows_the_company_default(self):
        """Odoo stores no limit where it equals the company's default one."""
        invoiced = self._make_client()
        self.env["ir.default"].set(
            "res.partner", "credit_limit", 400.0, company_id=self.company.id
        )
        self._make_invoice(10, partner=invoiced)
        self.assertEqual(invoiced.credit_limit, 400.0)
        self.env.flush_all()
        self._search_accounts(invoiced).flush_recordset()
        self.env.cr.execute(
            "DELETE FROM client_account WHERE partner_id = %s", [invoiced.id]
        )
        self.env.invalidate_all()
        self.env["client.account"]._create_missing_accounts()
        account = self._search_accounts(invoiced)
        self.assertEqual((account.state, account.credit_limit), ("granted", 400.0))

    # === Actions ===

    def test_items_action_shows_posted_receivable_items_of_the_accounts(self):
        item = self._get_receivable(self._make_invoice(10))
        other = self._get_receivable(self._make_invoice(5, partner=self.other_client))
        self._make_invoice(20, post=False)
        action = self.account.action_view_items()
        found = self.env["account.move.line"].search(action["domain"])
        self.assertEqual(found, item)
        both = self.account | self._get_account(self.other_client)
        found = self.env["account.move.line"].search(both.action_view_items()["domain"])
        self.assertEqual(found, item | other)

    def test_credits_action_shows_what_is_used_up_too(self):
        used = self._get_receivable(self._issue_credit(10))
        self._make_invoice(10)
        self.account.apply_credits()
        self.assertTrue(used.reconciled)
        left = self._get_receivable(self._issue_credit(5))
        action = self.account.action_view_credits()
        found = self.env["account.move.line"].search(action["domain"])
        self.assertEqual(found, used | left)
        self.assertFalse(action["context"])
        action = self.client.action_client_view_credits()
        self.assertEqual(
            self.env["account.move.line"].search(action["domain"]), used | left
        )

    def test_apply_credits_action_says_how_much(self):
        action = self.account.action_apply_credits()
        self.assertEqual(action["params"]["type"], "warning")
        self._make_invoice(10)
        self._issue_credit(4)
        action = self.account.action_apply_credits()
        self.assertEqual(action["params"]["type"], "success")
        self.assertIn("4.00", action["params"]["message"])
        self.assertEqual(self.account.amount_owed, 6.0)


@tagged("post_install", "-at_install")
class TestClientAccountCompanies(FiguresCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "child_ids": [
                    Command.create({"name": "North"}),
                    Command.create({"name": "South"}),
                ]
            }
        )
        # Odoo gives branches their chart at the end of the transaction.
        cls.cr.precommit.run()
        cls.north, cls.south = cls.company.child_ids
        cls.euro = cls.setup_other_currency("EUR", rates=[("1900-01-01", 0.5)])
        cls.other_company = cls.setup_other_company(
            name="Sister", currency_id=cls.euro.id
        )["company"]
        cls.env.user.company_ids |= cls.north | cls.south | cls.other_company
        cls.other_company.client_credit_application = "manual"
        cls.sister_account = cls._get_account(cls.client, cls.other_company)

    def _make_invoice_in(self, company, amount, **values):
        # A journal of the company itself is found by Odoo.
        return self._make_invoice(
            amount,
            company_id=company.id,
            journal_id=self.env["account.journal"]
            .search(
                [
                    ("type", "=", "sale"),
                    ("company_id", "parent_of", company.id),
                ],
                limit=1,
            )
            .id,
            **values,
        )

    def test_branches_share_the_account_of_the_root(self):
        """Case 21: branches share the root's account."""
        self._make_invoice(10)
        self._make_invoice_in(self.north, 20, date_due=self.yesterday)
        self._make_invoice_in(self.south, 40)
        self.assertFigures(
            {"balance": -70.0, "amount_owed": 70.0, "amount_overdue": 20.0}
        )
        self.assertEqual(self.account.ledger_balance, -70.0)
        self.assertEqual(len(self.account.history_line_ids), 3)
        self.assertEqual(self.sister_account.balance, 0.0)

    def test_account_of_a_branch_is_the_root_s(self):
        """Case 21: the account is the root's, whatever branch asks for it."""
        for company in (self.company, self.north, self.south):
            self.assertEqual(self._get_account(self.client, company), self.account)
        client = self.env["res.partner"].create({"name": "Hanna"})
        self._make_invoice_in(self.north, 20, partner=client)
        account = self.env["client.account"].search([("partner_id", "=", client.id)])
        self.assertEqual(account.company_id, self.company)
        self.assertEqual(account.balance, -20.0)

    def test_install_opens_the_account_of_a_branch_s_client_in_the_root(self):
        client = self.env["res.partner"].create({"name": "Ines"})
        self._make_invoice_in(self.north, 20, partner=client)
        self._make_invoice_in(self.south, 20, partner=client)
        self._make_invoice_in(self.other_company, 5, partner=client)
        self.env.flush_all()
        self.env.cr.execute(
            "DELETE FROM client_account WHERE partner_id = %s", [client.id]
        )
        self.env.invalidate_all()
        self.env["client.account"]._create_missing_accounts()
        accounts = self.env["client.account"].search([("partner_id", "=", client.id)])
        self.assertEqual(accounts.company_id, self.company | self.other_company)
        self.assertEqual(len(accounts), 2)

    def test_companies_do_not_share_figures(self):
        """Case 21: balance and limit are the company's whose invoice it is."""
        self.account._set_limit(100)
        self.sister_account._set_limit(10)
        self._make_invoice(30)
        self._make_invoice_in(self.other_company, 7)
        self.assertFigures({"balance": -30.0, "available": 70.0})
        in_sister = self.client.with_company(self.other_company)
        self.assertFigures(
            {"balance": -7.0, "available": 3.0},
            in_sister,
            self.sister_account.with_company(self.other_company),
        )
        both = self.account | self.sister_account
        self.assertEqual(both.mapped("ledger_balance"), [-30.0, -7.0])
        self.assertEqual(self.client.client_balance, -30.0)

    def test_figures_do_not_follow_the_company_switcher(self):
        """Case 21: whatever company the user has open."""
        self._make_invoice_in(self.north, 20)
        for company in (self.company, self.north, self.south, self.other_company):
            account = self.account.with_context(allowed_company_ids=company.ids)
            account.invalidate_recordset()
            self.assertEqual(account.sudo().balance, -20.0, company.name)
            self.assertEqual(account.sudo().ledger_balance, -20.0, company.name)

    def test_figures_of_a_foreign_company_are_in_its_currency(self):
        """Case 20: a foreign invoice counts once, in the company's currency."""
        dollar = self.company.currency_id
        self.env["res.currency.rate"].create(
            {
                "currency_id": dollar.id,
                "name": "1900-01-01",
                "rate": 2.0,
                "company_id": self.other_company.id,
            }
        )
        self._make_invoice_in(self.other_company, 100, currency_id=dollar.id)
        self.assertEqual(self.sister_account.currency_id, self.euro)
        self.assertEqual(self.sister_account.balance, -50.0)
        self.assertEqual(
            self.client.with_company(self.other_company).client_account_currency_id,
            self.euro,
        )
        self.assertEqual(
            self.client.with_company(self.north).client_account_currency_id,
            self.company.currency_id,
        )

    def test_policy_is_the_account_s_company_s(self):
        """Case 21: switches are the invoice company's."""
        self.company.client_credit_application = "all"
        self.other_company.client_credit_application = "next"
        account = self.account.with_company(self.other_company)
        self.assertEqual(account._get_policy("credit_application"), "all")
        self.assertEqual(self.sister_account._get_policy("credit_application"), "next")

    def test_credit_of_a_branch_client_is_booked_in_the_root(self):
        account = self._get_account(self.client, self.north).with_company(self.north)
        move = self.env["account.move"].browse(account.issue_credit(10, "Sorry"))
        self.assertEqual(move.company_id, self.company)
        self._make_invoice_in(self.north, 25)
        self.assertEqual(self.account.apply_credits(), 10.0)
        self.assertFigures({"balance": -15.0, "credit_available": 0.0})
