from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..const import MAX_REASON, OFFICER, VIEWER
from ..utils import (
    check_amount,
    check_date,
    check_length,
    check_reason,
    clean_reason,
)


class ClientAccountRequest(models.Model):
    """Credits that somebody asks for: booked once they are approved.

    Anybody may ask for one. Above the amount the company sets nobody but an approver
    gives one, see `client.account._needs_credit_approval`.
    """

    _inherit = "client.account.request"

    requested_credit = fields.Monetary(
        tracking=True,
        help="The credit the client should have; with a product, its price as on an "
        "invoice line.",
        written_by="requester",
    )
    granted_credit = fields.Monetary(
        copy=False,
        help="The credit the approver grants: as requested, or another one.",
        written_by=("workflow", "approver"),
    )
    requested_amount = fields.Monetary(string="Requested", compute="_compute_amounts")
    granted_amount = fields.Monetary(string="Granted", compute="_compute_amounts")
    credit_reason = fields.Text(
        string="Reason for the Client",
        help="Shown in the client's history.",
        written_by=("requester", "approver"),
    )
    credit_reason_id = fields.Many2one(
        "client.adjustment.reason",
        string="Kind of Reason",
        check_company=True,
        # Who may not read it copies the rest.
        copy=False,
        ondelete="set null",
        groups=VIEWER,
        help="From the company's list: credits and charges are analysed by it.",
        written_by=("requester", "approver"),
    )
    credit_date = fields.Date(
        help="The accounting date of the credit. Empty: the day it is approved.",
        written_by=("requester", "approver"),
    )
    credit_date_expiry = fields.Date(
        string="Credit Usable Until",
        help="The last day of the credit. Empty: as its reason or the company has it.",
        written_by=("requester", "approver"),
    )
    credit_product_id = fields.Many2one(
        "product.product",
        string="Product of the Credit Note",
        check_company=True,
        # Who may not read it copies the rest.
        copy=False,
        ondelete="restrict",
        groups=OFFICER,
        help="A credit note is booked for it. Empty: an adjustment entry, without "
        "taxes.",
        written_by="requester",
    )
    credit_tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes of the Credit Note",
        check_company=True,
        # Who may not read it copies the rest.
        copy=False,
        groups=OFFICER,
        domain="[('type_tax_use', '=', 'sale')]",
        written_by="requester",
    )
    credit_move_id = fields.Many2one(
        "account.move",
        string="Booked as",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups=VIEWER,
        written_by="workflow",
    )

    _requested_credit_range = models.Constraint(
        "CHECK(requested_credit >= 0 AND requested_credit < 1000000000000)",
        "A requested credit is zero or above, and below 1,000,000,000,000.",
    )
    _granted_credit_range = models.Constraint(
        "CHECK(granted_credit >= 0 AND granted_credit < 1000000000000)",
        "A granted credit is zero or above, and below 1,000,000,000,000.",
    )
    _credit_reason_length = models.Constraint(
        f"CHECK(char_length(credit_reason) <= {MAX_REASON})",
        "The reason of a credit has 2,000 characters at most.",
    )

    @api.depends(
        "subject",
        "requested_limit",
        "granted_limit",
        "requested_credit",
        "granted_credit",
    )
    def _compute_amounts(self):
        """Take what is asked for, a limit or a credit, for lists of both."""
        for request in self:
            name = "credit" if request.subject == "credit" else "limit"
            request.requested_amount = request[f"requested_{name}"]
            request.granted_amount = request[f"granted_{name}"]

    @api.model
    def _check_vals(self, vals, account):
        """Override to take credits that are amounts, and texts that can be stored."""
        vals = super()._check_vals(vals, account)
        # Sudo: whoever requests need not see the account.
        account_sudo = account.sudo()
        for name in {"requested_credit", "granted_credit"} & vals.keys():
            # The web client sends an empty amount as zero or false.
            vals[name] = vals[name] not in (False, None, 0) and check_amount(
                self.env, account_sudo.display_name, vals[name], account.currency_id
            )
        for name in {"credit_date", "credit_date_expiry"} & vals.keys():
            vals[name] = vals[name] and check_date(
                self.env, account_sudo.display_name, vals[name]
            )
        if "credit_reason" in vals:
            vals["credit_reason"] = clean_reason(vals["credit_reason"])
            check_length(self.env, account_sudo.display_name, vals["credit_reason"])
        return vals

    def _prepare_submit_vals(self):
        """Override to check a credit that is asked for; nothing is booked yet."""
        vals = super()._prepare_submit_vals()
        if self.subject != "credit":
            return vals | {
                "credit_date": False,
                "credit_date_expiry": False,
                "granted_credit": 0.0,
            }
        client = self._get_client_name()
        return vals | {
            "granted_credit": check_amount(
                self.env, client, self.requested_credit, self.currency_id
            ),
            "credit_reason": check_reason(self.env, client, self.credit_reason),
            "payment_term_id": False,
        }

    def _check_asks_for_something(self, account):
        """Override: a credit is always something."""
        if self.subject == "credit":
            return None
        return super()._check_asks_for_something(account)

    def _check_only_open_request(self):
        """Override: credits are asked for one beside another, and beside a limit."""
        if self.subject == "credit":
            return None
        return super()._check_only_open_request()

    def _get_summary(self):
        """Override to name the credit."""
        self.ensure_one()
        if self.subject != "credit":
            return super()._get_summary()
        return self.env._(
            "Credit of %(amount)s for %(client)s",
            amount=self.currency_id.format(self.requested_credit),
            client=self._get_client_name(),
        )

    def _grant(self, agreed):
        """Override to book the credit that one request asks for."""
        if self.subject == "credit":
            client = self._get_client_name()
            check_amount(self.env, client, self.granted_credit, self.currency_id)
        result = super()._grant(agreed)
        if self.subject == "credit":
            self._book_credit()
        return result

    def _book_credit(self):
        """Book the credit of one approved request, as its approver."""
        self.ensure_one()
        # Sudo: an approver decides about credits, whatever else they may book.
        window = self.sudo().env["client.account.adjustment"]
        move = window.create(self._prepare_credit_vals())._book()
        # Sudo: an approver no longer writes on what is decided.
        self.sudo()._as_workflow().write({"credit_move_id": move.id})

    def _prepare_credit_vals(self):
        """Return the values of the window that books the credit of one request."""
        self.ensure_one()
        request = self.sudo()
        expiry = request.credit_date_expiry
        return ({"date_expiry": expiry} if expiry else {}) | {
            "account_ids": [Command.set(request.account_id.ids)],
            "kind": "credit",
            "document": "invoice" if request.credit_product_id else "entry",
            "amount": request.granted_credit,
            "reason": request.credit_reason,
            "reason_id": request.credit_reason_id.id,
            "date": request.credit_date or fields.Date.context_today(self),
            "product_id": request.credit_product_id.id,
            "tax_ids": [Command.set(request.credit_tax_ids.ids)],
        }

    def action_view_credit(self):
        """Open the credit that one request has booked."""
        self.ensure_one()
        self.check_access("read")
        # Sudo: officers need no right to read journal entries.
        items = self.sudo().credit_move_id._get_receivable_items()
        if not items:
            raise UserError(
                self.env._("Nothing is booked for %s so far.", self.display_name)
            )
        return items[:1].sudo(self.env.su).action_open_client_credit()
