from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from ..exceptions import BalanceRefused
from .common import ClientAccountRequestCommon


@tagged("post_install", "-at_install")
class TestProfile(ClientAccountRequestCommon):
    """What the profile says of an account and offers, to each role."""

    def _get_boxes(self, record, user, field="profile"):
        """Return {name: box} of the profile that a user sees."""
        profile = record.with_user(user)[field]
        return {box["name"]: box for box in profile["boxes"]}

    def _get_texts(self, boxes):
        """Return all that boxes say, in one text."""
        return " ".join(
            f"{box['value']} {line['label']} {line['value']}"
            for box in boxes.values()
            for line in box["lines"] or [{"label": "", "value": ""}]
        )

    def _get_button_names(self, box):
        return [button["name"] for button in box["buttons"]]

    # === What is said ===

    def test_figures_are_said_in_words(self):
        overdue = self.today - timedelta(days=20)
        self._make_invoice(180, date_due=overdue)
        self._make_invoice(150, date_due=self.today + timedelta(days=5))
        self.account.issue_credit(30, "Class cancelled")
        biller = self._make_user("profile_biller", "account.group_account_invoice")
        boxes = self._get_boxes(self.account, biller)
        self.assertEqual(list(boxes), ["balance", "outstanding", "credit", "limit"])
        self.assertIn("300.00 owed", boxes["balance"]["value"])
        self.assertEqual(boxes["balance"]["tone"], "danger")
        text = self._get_texts(boxes)
        self.assertRegex(text, r"Overdue .*180\.00, the oldest since")
        self.assertIn("2 open", text)
        self.assertIn("None granted", text)
        # Nobody decided and nothing prevents it: there is no limit to be over.
        self.assertIn("Available no limit", text)
        self.assertFalse(self.account.with_user(self.officer).profile["banner"])

    def test_a_figure_may_open_what_is_behind_it(self):
        account = self.account.with_user(self.officer)
        self.assertIsNone(account._get_balance_box()["link"])
        link = ("action_view_open_items", "Open Items", None)
        box = account._get_profile_box("x", "X", "1", link=link)
        self.assertEqual(box["link"]["name"], "action_view_open_items")
        self.assertEqual(box["link"]["id"], account.id)
        link = ("action_charge", "Charge", self.APPROVER)
        box = account._get_profile_box("x", "X", "1", link=link)
        self.assertIsNone(box["link"])

    def test_suspended_is_a_banner_on_both_pages(self):
        self.account._set_limit(500)
        self.account.with_user(self.officer).action_suspend("Two invoices overdue")
        client = self.client.with_user(self.officer)
        for record, name in ((self.account, "profile"), (client, "client_profile")):
            banner = record.with_user(self.officer)[name]["banner"]
            self.assertEqual(banner["tone"], "warning")
            self.assertIn("Two invoices overdue", banner["text"])
            self.assertEqual(self._get_button_names(banner), ["action_open_suspension"])
        self.account.charge(30, "Lesson")
        banner = self.account.with_user(self.officer).profile["banner"]
        self.assertEqual(banner["tone"], "danger")
        self.assertIn("30.00", banner["text"])

    def test_over_the_limit_is_a_banner_with_what_to_do(self):
        self._grant(100)
        self._make_invoice(150)
        profile = self.account.with_user(self.officer).profile
        self.assertIn("50.00", profile["banner"]["text"])
        self.assertEqual(
            self._get_button_names(profile["banner"]),
            [
                "action_receive_payment",
                "action_request_update",
                "action_open_suspension",
            ],
        )
        boxes = self._get_boxes(self.account, self.officer)
        self.assertEqual(boxes["limit"]["usage"], 150.0)
        # What is missing does not read like money that is there.
        self.assertRegex(
            self._get_texts(boxes), r"Available nothing, .*50\.00 over the limit"
        )
        self._make_payment(60)
        self.assertFalse(self.account.with_user(self.officer).profile["banner"])

    def test_waiting_request_is_named(self):
        request = self._submit_request(500)
        lines = self._get_boxes(self.account, self.officer)["limit"]["lines"]
        [line] = [line for line in lines if line["target"]]
        self.assertEqual(line["target"], {"model": request._name, "id": request.id})
        self.assertIn("500.00", line["value"])

    def test_zero_account_is_quiet(self):
        boxes = self._get_boxes(self.account, self.officer)
        self.assertEqual(boxes["balance"]["tone"], "muted")
        self.assertEqual(boxes["balance"]["value"], "nothing owed, no credit")
        self.assertNotIn("action_pay_back", self._get_button_names(boxes["credit"]))

    # === Roles ===

    def test_viewer_sees_and_may_only_ask(self):
        self._make_invoice(180)
        boxes = self._get_boxes(self.account, self.viewer)
        self.assertIn("180.00", self._get_texts(boxes))
        names = [n for box in boxes.values() for n in self._get_button_names(box)]
        self.assertEqual(names, ["action_request_update"])

    def test_employee_learns_no_figure(self):
        self._make_invoice(4711.11)
        self._grant(815.15, user=self.other_seller)
        own = self._submit_request(77.77)
        self._reject(own, "Two invoices are overdue")
        profile = self.client.with_user(self.seller).client_profile
        text = str(profile)
        for secret in ("4,711.11", "4711", "815.15", "815"):
            self.assertNotIn(secret, text)
        self.assertFalse(profile["account_id"])
        self.assertFalse(profile["banner"])
        [box] = profile["boxes"]
        self.assertEqual(box["name"], "requests")
        self.assertIn("77.77", text)
        self.assertIn("Two invoices are overdue", text)
        self.assertEqual(
            [(b["name"], b["model"], b["id"]) for b in box["buttons"]],
            [("action_client_request_update", "res.partner", self.client.id)],
        )
        with self.assertRaises(AccessError):
            _value = self.account.with_user(self.seller).profile
        for name in ("client_debit_line_ids", "client_saved_methods"):
            with self.assertRaises(AccessError):
                _value = self.client.with_user(self.seller)[name]

    def test_pages_of_figures_have_their_own_groups(self):
        """The notebook is there for the pages that glue addons add for everybody."""
        figures = {
            f"client_{name}"
            for name in ("debts", "credits", "history", "requests", "notices")
        } | {"client_tokens", "client_policies"}
        for user, shown in ((self.seller, False), (self.viewer, True)):
            arch = Form(self.client.with_user(user))._view["tree"]
            pages = {
                page.get("name")
                for page in arch.xpath("//page[@name='client_account']//page")
            }
            self.assertEqual(bool(pages & figures), shown)
            self.assertTrue(arch.xpath("//page[@name='client_account']/notebook"))

    def test_portal_reads_no_profile(self):
        with self.assertRaises(AccessError):
            _value = self.client.with_user(self.portal).client_profile

    # === Contact and account ===

    def test_contact_and_its_account_say_the_same(self):
        self._make_invoice(180)
        person = self.env["res.partner"].create(
            {"name": "Clara", "parent_id": self.client.id}
        )
        for contact in (self.client, person):
            self.assertEqual(
                contact.with_user(self.officer).client_profile,
                self.account.with_user(self.officer).profile,
            )
            self.assertEqual(contact.client_debit_line_ids, self.account.debit_line_ids)

    def test_new_contact_is_made_in_its_form(self):
        for number, group in enumerate(("base.group_user", self.VIEWER)):
            user = self._make_user(
                f"profile_manager_{number}", f"{group},base.group_partner_manager"
            )
            with Form(self.env["res.partner"].with_user(user)) as form:
                form.name = "New"
            self.assertTrue(form.record.client_profile["boxes"])

    def test_many_contacts_are_credited_from_their_list(self):
        contacts = self.client + self.env["res.partner"].create({"name": "New"})
        for name, kind in (("issue_credit", "credit"), ("charge", "charge")):
            server = self.env.ref(f"client_account.res_partner_action_{name}")
            context = {"active_model": "res.partner", "active_ids": contacts.ids}
            action = server.with_user(self.officer).with_context(**context).run()
            window = Form(
                self.env[action["res_model"]]
                .with_user(self.officer)
                .with_context(**action["context"])
            )
            self.assertEqual(window.kind, kind)
            self.assertEqual(window.account_ids[:].partner_id, contacts)
            with self.assertRaises(AccessError):
                server.with_user(self.viewer).with_context(**context).run()

    def test_contact_without_account_offers_to_begin(self):
        contact = self.env["res.partner"].create({"name": "New"})
        boxes = self._get_boxes(contact, self.officer, "client_profile")
        self.assertFalse(contact.client_account_ids)
        [button, *_rest] = boxes["credit"]["buttons"]
        self.assertEqual(button["model"], "res.partner")
        action = getattr(
            contact.with_user(self.officer).browse(button["id"]), button["name"]
        )()
        self.assertEqual(action["res_model"], "client.account.adjustment")
        self.assertTrue(contact.client_account_ids)

    def test_every_button_is_a_method_of_its_record(self):
        self._grant(100)
        self._make_invoice(150)
        self.account.with_user(self.officer)._get_policy("credit_application")
        self.account.credit_application = "manual"
        self.account.issue_credit(30, "Class cancelled")
        contact = self.env["res.partner"].create({"name": "New"})
        for profile in (
            self.account.with_user(self.officer).profile,
            contact.with_user(self.officer).client_profile,
        ):
            boxes = [*profile["boxes"], profile["banner"] or {"buttons": []}]
            for button in (b for box in boxes for b in box["buttons"]):
                record = self.env[button["model"]].browse(button["id"])
                with self.subTest(button=button["name"]):
                    action = getattr(record.with_user(self.officer), button["name"])()
                    self.assertIn("type", action)

    def test_second_company_and_currency(self):
        other = self.setup_other_company()["company"]
        account = self._get_account(self.client, other)
        self._make_invoice(180)
        allowed = {"allowed_company_ids": [other.id]}
        user = self._make_user("profile_other", self.OFFICER, company=other)
        profile = self.client.with_user(user).with_context(**allowed).client_profile
        self.assertEqual(profile["account_id"], account.id)
        self.assertNotIn("180.00", str(profile))

    def test_bridges_append_boxes(self):
        accounts = self.env.registry["client.account"]
        native = accounts._get_profile_boxes

        def append(account):
            return [
                *native(account),
                account._get_profile_box("orders", "Orders", "2 open"),
            ]

        with patch.object(accounts, "_get_profile_boxes", append):
            boxes = self._get_boxes(self.account, self.officer)
        self.assertEqual(list(boxes)[-1], "orders")

    def test_queries_do_not_grow(self):
        counts = []
        for number in (1, 30):
            for _index in range(number):
                self._make_invoice(10)
            self.env.invalidate_all()
            account = self.account.with_user(self.officer)
            _value = account.profile
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            _value = account.profile
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)

    def test_contact_sums_its_open_items_once(self):
        """On its page and in its profile stand the same figures."""
        self._grant(100)
        self._make_invoice(150)
        contact = self.client.with_user(self.officer)
        accounts = self.env.registry["client.account"]
        expected = self.account.with_user(self.officer).profile
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(contact.client_balance, -150)
        with patch.object(accounts, "_fetch_open_items", side_effect=AssertionError):
            self.assertEqual(contact.client_profile, expected)

    def test_saved_payment_methods_are_the_clients_own(self):
        provider = self.env["payment.provider"].create(
            {"name": "Cards", "company_id": self.company.id}
        )
        methods = self.env["payment.method"].with_context(active_test=False)
        method = methods.search([], limit=1)
        self.env["payment.token"].create(
            [
                {
                    "provider_id": provider.id,
                    "payment_method_id": method.id,
                    "payment_details": details,
                    "partner_id": partner.id,
                    "provider_ref": "secret",
                }
                for partner, details in (
                    (self.client, "4242"),
                    (self.other_client, "1881"),
                )
            ]
        )
        text = self.account.with_user(self.viewer).saved_methods
        self.assertRegex(text, r"4242, Cards, saved by Ada Piano School on")
        for hidden in ("1881", "secret"):
            self.assertNotIn(hidden, text)
        self.assertEqual(self.client.with_user(self.viewer).client_saved_methods, text)

    def test_notes_are_written_with_the_users_own_rights(self):
        self.account.notes = "<p>Calls on Mondays</p>"
        self.assertIn("Mondays", self.client.comment)
        with self.assertRaises(AccessError):
            self.account.with_user(self.officer).notes = "<p>Other</p>"


@tagged("post_install", "-at_install")
class TestUndo(ClientAccountRequestCommon):
    """Each window says what it did, and undoes it while nobody has gone on from it."""

    def _adjust(self, kind="credit", amount=250, user=None, **values):
        """Issue a credit or charge in its window; return the window and its answer."""
        window = (
            self.env["client.account.adjustment"]
            .with_user(user or self.officer)
            .create(
                {
                    "account_ids": self.account.ids,
                    "kind": kind,
                    "amount": amount,
                    "reason": "Class cancelled",
                    **values,
                }
            )
        )
        return window, window.action_confirm()

    def _receive(self, amount, amounts=None, user=None, payment_type="inbound"):
        """Receive or pay back money in its window."""
        window = (
            self.env["client.account.payment"]
            .with_user(user or self.officer)
            .create(
                {
                    "account_id": self.account.id,
                    "payment_type": payment_type,
                    "amount": amount,
                    "journal_id": self.company_data["default_journal_bank"].id,
                }
            )
        )
        for line in window.line_ids:
            line.amount = (amounts or {}).get(line.debit_line_id.move_id, 0)
        return window, window.action_confirm()

    def _get_offers(self, answer):
        return [offer["method"] for offer in answer["params"]["offers"]]

    def test_toast_says_what_was_done_and_what_comes_next(self):
        self._make_invoice(330)
        self.account.credit_application = "manual"
        window, answer = self._adjust()
        self.assertEqual(answer["tag"], "client_account_done")
        self.assertRegex(
            answer["params"]["message"],
            r"250\.00 credited to Ada Piano School\. Balance: .*80\.00 owed\.",
        )
        self.assertEqual(
            self._get_offers(answer), ["action_allocate_now", "action_undo"]
        )
        self.assertEqual(
            window.action_allocate_now()["res_model"], "client.credit.allocation"
        )

    def test_credit_is_undone_with_what_it_paid_by_itself(self):
        invoice = self._make_invoice(100)
        self.account.credit_application = "all"
        window, _answer = self._adjust()
        self.assertEqual(invoice.amount_residual, 0)
        said = window.action_undo()
        self.assertRegex(said["params"]["message"], r"deleted.*100\.00 owed")
        self.assertEqual(self.account.balance, -100)
        self.assertEqual(invoice.amount_residual, 100)
        with self.assertRefused("nothing of this window left to undo"):
            window.action_undo()

    def test_credit_that_was_allocated_since_is_not_undone(self):
        invoice = self._make_invoice(100)
        self.account.credit_application = "manual"
        window, answer = self._adjust()
        credit = self.env["account.move"].browse(answer["infos"]["res_ids"])
        self._get_receivable(credit)._allocate(self._get_receivable(invoice), 60)
        with self.assertRefused("allocated anew since"):
            window.action_undo()
        self.assertEqual(self.account.balance, 150)

    def test_charge_is_undone(self):
        window, _answer = self._adjust("charge", 20)
        self.assertEqual(self.account.balance, -20)
        window.action_undo()
        self.assertEqual(self.account.balance, 0)

    def test_money_received_is_undone(self):
        invoice = self._make_invoice(100)
        window, answer = self._receive(150, {invoice: 100})
        self.assertRegex(
            answer["params"]["message"], r"150\.00 received from .*50\.00 in credit"
        )
        self.assertEqual(self.account.balance, 50)
        # Others have gone on in the same journal.
        self._make_payment(3, partner=self.other_client)
        window.action_undo()
        self.assertEqual(self.account.balance, -100)
        self.assertEqual(invoice.amount_residual, 100)
        self.assertEqual(
            self.env["account.payment"]
            .search([("partner_id", "=", self.client.id)])
            .mapped("state"),
            ["canceled"],
        )
        move = self.env["account.move"].browse(answer["infos"]["res_ids"])
        self.assertEqual(move.state, "cancel")

    def test_money_is_not_undone_once_the_bank_has_it_or_books_are_closed(self):
        window, answer = self._receive(150)
        move = self.env["account.move"].browse(answer["infos"]["res_ids"])
        item = move.line_ids - self._get_receivable(move)
        other = self.env["account.move"].create(
            {
                "line_ids": [
                    (0, 0, {"account_id": item.account_id.id, "credit": 150}),
                    (
                        0,
                        0,
                        {
                            "account_id": self.company_data[
                                "default_account_revenue"
                            ].id,
                            "debit": 150,
                        },
                    ),
                ]
            }
        )
        item.account_id.reconcile = True
        other.action_post()
        (item | other.line_ids[0]).reconcile()
        with self.assertRefused("matched with a bank statement"):
            window.action_undo()
        item.remove_move_reconcile()
        self.company.fiscalyear_lock_date = self.today
        with self.assertRefused("books are closed"):
            window.action_undo()
        self.assertEqual(self.account.balance, 150)

    def test_money_that_posted_an_invoice_is_the_approvers_to_undo(self):
        """Who pays up front would be left with an invoice that nothing pays."""
        self.account.pay_later = "disabled"
        product = self.env["product.product"].create(
            {"name": "First payment", "client_not_payable_with_credit": True}
        )
        invoice = self._make_invoice(100, post=False)
        invoice.invoice_line_ids.product_id = product
        invoice.invoice_line_ids.price_unit = 100
        invoice.invoice_line_ids.tax_ids = False
        biller = self._make_user("undo_biller", "account.group_account_invoice")
        window, _answer = self._receive(100, {invoice: 100}, user=biller)
        self.assertRecordValues(invoice, [{"state": "posted", "amount_residual": 0}])
        with self.assertRefused("was posted with this credit"):
            window.action_undo()
        self.assertEqual(invoice.amount_residual, 0)
        biller.group_ids |= self.env.ref(self.APPROVER)
        window.action_undo()
        self.assertEqual(invoice.amount_residual, 100)

    def test_credit_paid_back_is_undone(self):
        self.account.issue_credit(80, "Class cancelled")
        window, _answer = self._receive(80, payment_type="outbound")
        self.assertEqual(self.account.balance, 0)
        window.action_undo()
        self.assertEqual(self.account.balance, 80)

    def test_allocation_is_undone(self):
        invoice = self._make_invoice(100)
        self.account.credit_application = "manual"
        credit = self._get_receivable(self._issue_credit(250))
        window = (
            self.env["client.credit.allocation"]
            .with_user(self.officer)
            .create({"credit_line_id": credit.id})
        )
        window.line_ids.amount = 60
        answer = window.action_allocate()
        self.assertIn("allocated to", answer["params"]["message"])
        self.assertEqual(invoice.amount_residual, 40)
        window.action_undo()
        self.assertEqual(invoice.amount_residual, 100)
        with self.assertRefused("nothing of this window left"):
            window.action_undo()

    def test_what_a_window_has_booked_is_no_callers_to_write(self):
        payment = self._make_payment(40)
        window, _answer = self._receive(10)
        for name in ("booked", "answer"):
            with self.assertRefused("kept automatically"):
                window.write({name: {"moves": payment.move_id.ids, "partials": []}})
            with self.assertRaises(UserError):
                window.create(
                    {
                        "account_id": self.account.id,
                        name: {"moves": payment.move_id.ids, "partials": []},
                    }
                )
        other = self._make_user("undo_other", self.OFFICER)
        with self.assertRaises(AccessError):
            window.with_user(other).action_undo()

    def test_chatter_tells_who_did_what_and_why(self):
        _window, answer = self._adjust()
        note = self.account.message_ids[0]
        self.assertEqual(note.author_id, self.officer.partner_id)
        self.assertIn("Class cancelled", note.body)
        self.assertIn("250.00", note.body)
        move = self.env["account.move"].browse(answer["infos"]["res_ids"])
        deletion = (
            self.env["client.account.deletion"]
            .with_user(self.officer)
            .create({"move_id": move.id, "reason": "Wrong client"})
        )
        self.assertIn("250.00", deletion.summary)
        deletion.action_delete()
        for record in (self.account, move.with_user(self.env.user)):
            with self.subTest(record=record):
                bodies = " ".join(record.sudo().message_ids.mapped("body"))
                self.assertIn("Wrong client", bodies)
        self.assertEqual(self.account.balance, 0)
        with self.assertRefused("was deleted"):
            deletion.action_delete()

    def test_deletion_names_the_invoices_that_open_again(self):
        invoices = self._make_invoice(100) + self._make_invoice(150)
        self.account.credit_application = "all"
        move = self._issue_credit(250)
        self.assertEqual(sum(invoices.mapped("amount_residual")), 0)
        deletion = self.env["client.account.deletion"].with_user(self.officer)
        deletion = deletion.create({"move_id": move.id})
        self.assertTrue(deletion.is_allocated)
        for invoice in invoices:
            self.assertIn(invoice.name, deletion.summary)
        deletion.action_delete()
        self.assertEqual(sum(invoices.mapped("amount_residual")), 250)

    def test_deletion_shows_nothing_of_other_documents(self):
        invoice = self._make_invoice(4711)
        deletion = self.env["client.account.deletion"].with_user(self.officer)
        with self.assertRefused("no posted adjustment"):
            _text = deletion.create({"move_id": invoice.id}).summary


@tagged("post_install", "-at_install")
class TestWindows(ClientAccountRequestCommon):
    """What windows start with and say before they book."""

    def _open(self, action, user=None):
        """Return the form of a window action."""
        model = self.env[action["res_model"]].with_user(user or self.env.user)
        return Form(model.with_context(**action["context"]))

    def test_credit_says_what_it_does(self):
        self._make_invoice(330)
        form = self._open(self.account.action_issue_credit())
        form.amount = 250
        self.assertRegex(form.preview, r"now .*330\.00 owed, then .*80\.00 owed")
        form = self._open(self.account.action_charge())
        form.amount = 20
        self.assertRegex(form.preview, r"then .*350\.00 owed")

    def test_modification_says_the_difference(self):
        move = self._issue_credit(100)
        form = self._open(move.action_client_adjustment_modify())
        form.amount = 30
        self.assertRegex(form.preview, r"now .*100\.00 in credit, then .*30\.00 in")

    def test_any_contact_is_credited_account_or_not(self):
        contacts = self.env["res.partner"].create([{"name": "New"}, {"name": "Other"}])
        form = Form(self.env["client.account.adjustment"].with_user(self.officer))
        for contact in contacts:
            form.partner_ids.add(contact)
            if contact == contacts[0]:
                form.amount = 20
                self.assertRegex(form.preview, r"^one client, .*20\.00$")
        form.reason = "Welcome"
        self.assertRegex(form.preview, r"2 clients, .*40\.00 in all")
        answer = form.save().action_confirm()
        self.assertIn("2 clients", answer["params"]["message"])
        self.assertEqual(contacts.client_account_ids.mapped("balance"), [20, 20])

    def test_contacts_are_counted_with_an_account_and_without(self):
        contact = self.env["res.partner"].create({"name": "New"})
        form = Form(self.env["client.account.adjustment"].with_user(self.officer))
        form.partner_ids.add(self.client)
        form.amount = 20
        self.assertRegex(form.preview, r"then .*20\.00 in credit")
        form.partner_ids.add(contact)
        self.assertRegex(form.preview, r"2 clients, .*40\.00 in all")

    def test_receiving_starts_from_what_is_owed(self):
        early = self._make_invoice(100, date_due=self.today - timedelta(days=3))
        late = self._make_invoice(150, date_due=self.today + timedelta(days=3))
        form = self._open(self.account.action_receive_payment())
        self.assertEqual(form.amount, 250)
        self.assertIn("250.00", form.confirm_label)
        self.assertRegex(form.preview, r"250\.00 owed, then a balance of zero")
        # The total follows the lines ...
        with form.line_ids.edit(1) as line:
            line.is_paid = False
        self.assertEqual(form.amount, 100)
        with form.line_ids.edit(1) as line:
            line.is_paid = True
            self.assertEqual(line.amount, 150)
        self.assertEqual(form.amount, 250)
        # ... and the lines the total, what is more staying as credit.
        form.amount = 120
        self.assertEqual(
            [form.line_ids.edit(index).amount for index in (0, 1)], [100, 20]
        )
        form.amount = 300
        self.assertEqual(form.amount_remaining, 50)
        with form.line_ids.edit(0) as line:
            line.is_paid = False
        self.assertEqual(form.amount, 200)
        self.assertEqual(form.amount_remaining, 50)
        form.save().action_confirm()
        self.assertEqual(early.amount_residual, 100)
        self.assertEqual(late.amount_residual, 0)
        self.assertEqual(self.account.balance, -50)

    def test_all_and_overdue(self):
        self._make_invoice(100, date_due=self.today - timedelta(days=3))
        self._make_invoice(150, date_due=self.today + timedelta(days=3))
        window = (
            self.env["client.account.payment"]
            .with_user(self.officer)
            .create({"account_id": self.account.id, "amount": 7})
        )
        window.action_fill_overdue()
        self.assertEqual(window.amount, 100)
        self.assertEqual(window.line_ids.mapped("amount"), [100, 0])
        window.action_fill_all()
        self.assertEqual(window.amount, 250)
        self.assertEqual(window.line_ids.mapped("amount"), [100, 150])

    def test_ticked_invoices_are_received_or_allocated(self):
        invoices = self._make_invoice(100) + self._make_invoice(150)
        items = self._get_receivable(invoices[1]).with_user(self.officer)
        form = self._open(items.action_receive_client_payment(), self.officer)
        self.assertEqual(form.amount, 150)
        self.account.credit_application = "manual"
        self.account.issue_credit(60, "Class cancelled")
        form = self._open(items.action_allocate_client_credit(), self.officer)
        self.assertEqual(form.amount_remaining, 0)
        form.save().action_allocate()
        self.assertEqual(invoices.mapped("amount_residual"), [100, 90])

    def test_ticked_items_on_another_account_take_the_credit_there(self):
        """The first credit would fit none of them."""
        self.account.credit_application = "manual"
        self._issue_credit(30, date=self.today - timedelta(days=5))
        other = self.company_data["default_account_receivable"].copy()
        self.client.property_account_receivable_id = other
        invoice = self._make_invoice(100)
        item = self._get_receivable(invoice).with_user(self.officer)
        self.assertEqual(item.account_id.sudo(), other)
        with self.assertRefused("no open credit to allocate here"):
            item.action_allocate_client_credit()
        credit = self._get_receivable(self._issue_credit(60))
        form = self._open(item.action_allocate_client_credit(), self.officer)
        self.assertEqual(form.credit_line_id, credit)
        form.save().action_allocate()
        self.assertEqual(invoice.amount_residual, 40)

    def test_allocating_without_credit_is_refused_in_words(self):
        self._make_invoice(100)
        with self.assertRefused("no open credit to allocate"):
            self.account.with_user(self.officer).action_allocate_credit()

    def test_what_is_no_id_is_not_ticked(self):
        invoice = self._make_invoice(100)
        theirs = self._get_receivable(self._make_invoice(7, partner=self.other_client))
        item = self._get_receivable(invoice)
        for ids, amount in (
            ("abc", 0),
            (5, 0),
            ([True, "x", None, 1.5], 0),
            ([theirs.id], 0),
            ([item.id, item.id, theirs.id, "x"], 100),
        ):
            with self.subTest(ids=ids):
                window = (
                    self.env["client.account.payment"]
                    .with_user(self.officer)
                    .with_context(client_paid_item_ids=ids)
                    .create({"account_id": self.account.id})
                )
                self.assertEqual(window.amount, amount)

    def test_ticked_items_of_two_clients_are_refused(self):
        invoices = self._make_invoice(100) + self._make_invoice(
            150, partner=self.other_client
        )
        items = self._get_receivable(invoices).with_user(self.officer)
        with self.assertRefused("one client"):
            items.action_receive_client_payment()
        with self.assertRaises(AccessError):
            items[0].with_user(self.viewer).action_receive_client_payment()

    def test_invoice_says_what_credit_pays_it(self):
        invoice = self._make_invoice(100)
        self.assertFalse(invoice.client_paid_with)
        self._make_payment(10)
        credit = self._issue_credit(40)
        self.account.apply_credits()
        self.assertEqual(invoice.client_paid_with, credit.name)
        action = invoice.with_user(
            self._make_user("profile_biller", "account.group_account_invoice")
        ).action_view_client_account()
        self.assertEqual(action["res_id"], self.account.id)

    def test_too_much_stays_visible(self):
        self._make_invoice(300)
        self.account.credit_application = "manual"
        credit = self._get_receivable(self._issue_credit(250))
        window = (
            self.env["client.credit.allocation"]
            .with_user(self.officer)
            .create({"credit_line_id": credit.id})
        )
        window.line_ids.amount = 300
        self.assertEqual(window.amount_remaining, -50)
        self.assertTrue(window.problem)
        with self.assertRefused("is more than .* has left"):
            window.action_allocate()

    def test_delegate_is_offered_where_somebody_else_may_decide(self):
        request = self._submit_request(100)
        self.assertTrue(request.with_user(self.leader).can_delegate)
        companies = self.env.registry["res.company"]
        with patch.object(
            companies, "_get_client_approvers", lambda company: self.leader
        ):
            request.invalidate_recordset()
            self.assertFalse(request.with_user(self.leader).can_delegate)

    def test_refusal_offers_to_receive_money(self):
        self.account.negative_balance = "prevented"
        biller = self._make_user("profile_biller", "account.group_account_invoice")
        invoice = self._make_invoice(100, post=False)
        with self.assertRaises(BalanceRefused) as refused:
            invoice.with_user(biller).action_post()
        action = refused.exception.args[1]["receive"]
        self.assertEqual(action["res_model"], "client.account.payment")
        self.assertEqual(action["context"]["default_account_id"], self.account.id)

    # === Apply Credits ===

    def _open_application(self):
        window = self.env["client.credit.application"].with_user(self.officer)
        return window.create({"account_id": self.account.id})

    def test_application_is_shown_changed_applied_and_undone(self):
        self.account.credit_application = "manual"
        first = self._make_invoice(100, date_due=self.today - timedelta(days=3))
        second = self._make_invoice(150, date_due=self.today + timedelta(days=3))
        self._issue_credit(60)
        self._issue_credit(90)
        window = self._open_application()
        self.assertEqual(window.line_ids.mapped("amount"), [60, 40, 50])
        self.assertEqual(window.total, 150)
        window.line_ids[1].amount = 10
        self.assertEqual(window.total, 120)
        answer = window.action_apply()
        self.assertIn("120.00 of credit applied", answer["params"]["message"])
        self.assertEqual(first.amount_residual, 30)
        self.assertEqual(second.amount_residual, 100)
        self.assertEqual(window.action_apply(), answer)
        window.action_undo()
        self.assertEqual(first.amount_residual, 100)
        self.assertEqual(second.amount_residual, 150)

    def test_application_of_nothing_or_of_others_is_refused(self):
        window = self._open_application()
        self.assertFalse(window.line_ids)
        with self.assertRefused("No amount of credit is left"):
            window.action_apply()
        theirs = self._get_receivable(self._make_invoice(50, partner=self.other_client))
        credit = self._get_receivable(self._issue_credit(60))
        window = self._open_application()
        window.line_ids.create(
            {
                "application_id": window.id,
                "credit_line_id": credit.id,
                "debit_line_id": theirs.id,
                "amount": 5,
            }
        )
        self.assertFalse(window.line_ids.debit_name)
        with self.assertRefused("of Ada Piano School only"):
            window.action_apply()

    def test_application_is_the_officers(self):
        with self.assertRaises(AccessError):
            self.account.with_user(self.viewer).action_open_application()
        other = self.setup_other_company()["company"]
        stranger = self._make_user("application_other", self.OFFICER, company=other)
        with self.assertRaises(AccessError):
            window = self.env["client.credit.application"].with_user(stranger)
            window.create({"account_id": self.account.id})
