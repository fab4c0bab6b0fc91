from contextlib import contextmanager
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import new_test_user
from odoo.tools import SQL

from odoo.addons.account.tests.common import AccountTestInvoicingCommon


class ClientAccountCommon(AccountTestInvoicingCommon):
    """Fixtures and small builders: one client with an account in a fresh company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.client = cls.env["res.partner"].create({"name": "Ada Piano School"})
        cls.other_client = cls.env["res.partner"].create({"name": "Bela Chess Club"})
        cls.account = cls._get_account(cls.client)
        cls.today = fields.Date.context_today(cls.env.user)

    @classmethod
    def _get_account(cls, partner, company=None):
        """Return the account of a client in a company, the first one's by default."""
        return cls.env["client.account"]._get_or_create(partner, company or cls.company)

    @classmethod
    def _make_invoice(cls, amount, partner=None, post=True, date_due=None, **values):
        """Make an invoice without taxes; `amount` may be a list of lines."""
        amounts = amount if isinstance(amount, list) else [amount]
        lines = [
            Command.create({"name": "Lessons", "price_unit": price, "tax_ids": []})
            for price in amounts
        ]
        date_due = date_due or cls.today
        move = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or cls.client).id,
                "invoice_date": min(fields.Date.to_date(date_due), cls.today),
                "invoice_date_due": date_due,
                "invoice_payment_term_id": False,
                "invoice_line_ids": lines,
                **values,
            }
        )
        if post:
            move.action_post()
        return move

    @classmethod
    def _set_native_limit(cls, client, amount):
        """Set Odoo's own limit by SQL, which is refused once somebody decided one."""
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE res_partner SET credit_limit = COALESCE(credit_limit, '{}'::jsonb)"
            " || jsonb_build_object(%s::text, %s::numeric) WHERE id = %s",
            [cls.company.id, amount, client.id],
        )
        cls.env.invalidate_all()

    @classmethod
    def _make_payment(cls, amount, partner=None, **values):
        """Receive a native payment on account."""
        payment = cls.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": (partner or cls.client).id,
                "amount": amount,
                "journal_id": cls.company_data["default_journal_bank"].id,
                **values,
            }
        )
        payment.action_post()
        return payment

    @classmethod
    def _issue_credit(cls, amount, partner=None, reason="Class cancelled", **values):
        """Issue a credit through the account and return its entry."""
        account = cls._get_account(partner or cls.client)
        return cls.env["account.move"].browse(
            account.issue_credit(amount, reason, **values)
        )

    @classmethod
    def _get_receivable(cls, move):
        """Return the receivable items of an entry, in order of due date."""
        return move.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        ).sorted("date_maturity")

    def _get_ledger_balance(self, partner=None):
        """Return the client's balance as the ledger says, by an own query."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT COALESCE(-SUM(line.balance), 0)
              FROM account_move_line line
              JOIN account_account account ON account.id = line.account_id
              JOIN res_partner contact ON contact.id = line.partner_id
             WHERE account.account_type = 'asset_receivable'
               AND line.parent_state = 'posted'
               AND contact.commercial_partner_id = %s
            """,
            [(partner or self.client).commercial_partner_id.id],
        )
        return float(self.env.cr.fetchone()[0])

    @classmethod
    def _make_user(cls, login, groups, company=None, **values):
        """Make a user with these groups, at home in a company."""
        company = company or cls.company
        return new_test_user(
            cls.env, login=login, groups=groups, company_id=company.id, **values
        )

    def _get_books(self):
        """Return what tells whether anything was booked."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT (SELECT COUNT(*) FROM account_move),
                   (SELECT COUNT(*) FROM account_move_line),
                   (SELECT COUNT(*) FROM account_partial_reconcile),
                   (SELECT COUNT(*) FROM account_full_reconcile),
                   (SELECT SUM(ABS(amount_residual)) FROM account_move_line),
                   (SELECT SUM(ABS(amount_residual_currency)) FROM account_move_line)
            """
        )
        return self.env.cr.fetchone()

    @contextmanager
    def assertRefused(self, *patterns, exception=UserError):
        """Check that a call is refused in these words and books nothing.

        Unlike `assertRaises` it rolls nothing back, so that what a call books before it
        refuses is seen.
        """
        before = self._get_books()
        try:
            yield
        except exception as error:
            for pattern in patterns:
                self.assertRegex(str(error), pattern)
        else:
            self.fail("Nothing was refused.")
        self.assertEqual(self._get_books(), before)

    @contextmanager
    def _committed(self, amounts):
        """Have accounts committed amounts, as glue to orders does.

        :param amounts: {account: amount}
        """
        accounts = self.env.registry["client.account"]
        native = accounts._get_committed_sql
        rows = SQL(", ").join(
            SQL(
                "(%s::integer, %s::integer, %s::numeric)",
                account.partner_id.id,
                account.company_id.id,
                amount,
            )
            for account, amount in amounts.items()
        )

        def add(self):
            return SQL(
                "%s UNION ALL SELECT * FROM (VALUES %s) rows", native(self), rows
            )

        with patch.object(accounts, "_get_committed_sql", add):
            self.env.invalidate_all()
            yield
        self.env.invalidate_all()


class ClientAccountRequestCommon(ClientAccountCommon):
    """Who asks and who decides: a salesperson without any right, a leader, others."""

    VIEWER = "client_account.group_client_account_viewer"
    OFFICER = "client_account.group_client_account_officer"
    APPROVER = "client_account.group_client_account_approver"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.eur = cls.env.ref("base.EUR")
        cls.eur.active = True
        cls.seller = cls._make_user("ar_seller", "base.group_user")
        cls.other_seller = cls._make_user("ar_other_seller", "base.group_user")
        cls.viewer = cls._make_user("ar_viewer", cls.VIEWER)
        cls.officer = cls._make_user("ar_officer", cls.OFFICER)
        cls.leader = cls._make_user("ar_leader", cls.APPROVER)
        cls.approver = cls._make_user("ar_approver", cls.APPROVER)
        cls.gone = cls._make_user("ar_gone", cls.APPROVER)
        cls.gone.active = False
        cls.portal = cls._make_user("ar_portal", "base.group_portal")
        cls.company.client_account_leader_id = cls.leader

    @classmethod
    def _make_request(cls, requested_limit=None, user=None, partner=None, **values):
        """Make a draft, the salesperson's unless another user is named."""
        vals = {
            "partner_id": (partner or cls.client).id,
            "reason": "Books every week",
            **values,
        }
        if requested_limit is not None:
            vals["requested_limit"] = requested_limit
        return (
            cls.env["client.account.request"].with_user(user or cls.seller).create(vals)
        )

    @classmethod
    def _submit_request(cls, *args, **values):
        """Make a request and submit it."""
        request = cls._make_request(*args, **values)
        request.action_submit()
        return request

    @classmethod
    def _grant(cls, limit, partner=None, **values):
        """Grant a limit by a request of the salesperson."""
        request = cls._submit_request(limit, partner=partner, **values)
        request.with_user(cls.leader).action_approve()
        return request

    def _reject(self, request, reason, user=None):
        """Reject a request by the wizard."""
        wizard = (
            self.env["client.account.request.reject"]
            .with_user(user or self.leader)
            .create({"request_id": request.id, "reason": reason})
        )
        return wizard.action_reject()

    def _open_request(self, partner=None):
        """Return the request about a client that waits for a decision."""
        account = self._get_account(partner or self.client)
        requests = self.env["client.account.request"].with_user(self.seller)
        return requests._find_open_request(account).sudo(False)

    def _get_activities(self, request):
        """Return the open activities of a request."""
        return request.sudo().activity_ids

    def _get_outcome_mails(self, request):
        """Return the e-mails about the outcome of a request."""
        requester = request.requested_by_id.partner_id
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", request._name), ("res_id", "=", request.id)])
            .filtered(lambda mail: requester in mail.recipient_ids)
        )

    def _get_inbox(self, request, user):
        """Return what a user has in the inbox about a request."""
        return (
            self.env["mail.notification"]
            .sudo()
            .search(
                [
                    ("mail_message_id.model", "=", request._name),
                    ("mail_message_id.res_id", "=", request.id),
                    ("res_partner_id", "=", user.partner_id.id),
                    ("notification_type", "=", "inbox"),
                ]
            )
        )

    @classmethod
    def _set_rate(cls, date, rate):
        """Say how many EUR one USD is from a day on."""
        cls.env["res.currency.rate"].create(
            {
                "name": date,
                "rate": rate,
                "currency_id": cls.eur.id,
                "company_id": cls.company.id,
            }
        )
