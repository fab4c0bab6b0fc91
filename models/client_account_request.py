from datetime import timedelta

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_date

from ..const import DECIDED_STATES, MAX_REASON, MAX_REQUESTS_A_DAY, VIEWER
from ..utils import (
    check_date,
    check_length,
    clean_reason,
    in_plain_context,
    is_record_id,
)

ACTIVITY_TYPE = "client_account.mail_activity_type_account_request"

# What the ledger says of the client, computed for the approver.
REQUEST_FIGURES = (
    "balance",
    "amount_owed",
    "amount_overdue",
    "limit_usage",
    "days_late",
    "invoiced_total",
    "client_since",
    "client_age",
    "suggested_limit",
)

OUTCOME_TEMPLATES = {
    "approved": "client_account.mail_template_request_approved",
    "rejected": "client_account.mail_template_request_rejected",
    "withdrawn": "client_account.mail_template_request_withdrawn",
}


class ClientAccountRequest(models.Model):
    _name = "client.account.request"
    _description = "Client Account Request"
    # First comes what takes the approval out of the context before others write.
    _inherit = ["client.touched.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_names_search = ["name", "partner_id"]
    _check_company_auto = True
    _mail_post_access = "read"

    # === Identity ===
    name = fields.Char(
        string="Number",
        default=lambda self: self.env._("New"),
        required=True,
        readonly=True,
        copy=False,
        written_by="workflow",
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Client",
        required=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company.root_id,
        required=True,
        index=True,
        readonly=True,
        ondelete="cascade",
        help="The root company; its branches share the account.",
        written_by="creator",
    )
    account_id = fields.Many2one(
        "client.account",
        compute="_compute_account_id",
        store=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    currency_id = fields.Many2one(
        related="company_id.currency_id", store=True, written_by="workflow"
    )

    # === What is asked ===
    subject = fields.Selection(
        [
            ("limit", "A credit limit"),
            ("terms", "Only other payment terms"),
            ("close", "To close the account"),
            ("credit", "A credit"),
        ],
        string="Asks for",
        default="limit",
        required=True,
        written_by="requester",
    )
    kind = fields.Selection(
        [
            ("open", "Open an account"),
            ("raise", "Raise the limit"),
            ("lower", "Lower the limit"),
            ("terms", "Change the terms"),
            ("close", "Close the account"),
            ("credit", "Issue a credit"),
        ],
        compute="_compute_kind",
        store=True,
        copy=False,
        groups=VIEWER,
        help="What is asked, compared with the account as it is.",
        written_by="workflow",
    )
    requested_limit = fields.Monetary(
        tracking=True,
        help="How far below zero the client's balance may go. Zero is a limit too: the "
        "client pays up front.",
        written_by="requester",
    )
    limit_until = fields.Date(
        tracking=True,
        help="The last day of the limit; the next day it lapses to the former one. "
        "Empty: it stays until somebody decides anew.",
        written_by=("requester", "approver"),
    )
    payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms",
        tracking=True,
        check_company=True,
        ondelete="restrict",
        help="Empty: the client's payment terms stay as they are.",
        written_by=("requester", "approver"),
    )
    reason = fields.Text(
        help="Why the client should have it: the approver reads this.",
        written_by="requester",
    )

    # === Who asks and who decides ===
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("submitted", "Submitted"),
            ("approved", "Approved"),
            ("rejected", "Rejected"),
            ("withdrawn", "Withdrawn"),
        ],
        default="draft",
        required=True,
        readonly=True,
        tracking=True,
        copy=False,
        index=True,
        group_expand="_group_expand_states",
        written_by="workflow",
    )
    requested_by_id = fields.Many2one(
        "res.users",
        default=lambda self: self.env.user,
        required=True,
        readonly=True,
        copy=False,
        index=True,
        ondelete="restrict",
        written_by="workflow",
    )
    submitted_on = fields.Datetime(readonly=True, copy=False, written_by="workflow")
    approver_id = fields.Many2one(
        "res.users",
        readonly=True,
        tracking=True,
        copy=False,
        ondelete="restrict",
        help="Who is asked to decide. Empty: every approver of the company.",
        written_by="workflow",
    )
    agreed_by_ids = fields.Many2many(
        "res.users",
        "client_account_request_agreed_rel",
        "request_id",
        "user_id",
        string="Agreed",
        readonly=True,
        copy=False,
        help="Approvers who agreed already, where two have to.",
        written_by="workflow",
    )
    granted_limit = fields.Monetary(
        copy=False,
        help="The limit the approver grants: as requested, or another one.",
        written_by=("workflow", "approver"),
    )
    decided_by_id = fields.Many2one(
        "res.users",
        readonly=True,
        copy=False,
        ondelete="restrict",
        written_by="workflow",
    )
    decided_on = fields.Datetime(readonly=True, copy=False, written_by="workflow")
    rejection_reason = fields.Text(
        string="Reason of the Rejection",
        readonly=True,
        copy=False,
        written_by="workflow",
    )

    # === What the decision replaced ===
    previous_state = fields.Selection(
        selection=lambda self: self._get_account_states(),
        string="State Before",
        readonly=True,
        copy=False,
        groups=VIEWER,
        written_by="workflow",
    )
    previous_limit = fields.Monetary(
        string="Limit Before",
        readonly=True,
        copy=False,
        groups=VIEWER,
        written_by="workflow",
    )
    previous_payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms Before",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups=VIEWER,
        written_by="workflow",
    )
    previous_request_id = fields.Many2one(
        "client.account.request",
        string="Limit Before Granted by",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups=VIEWER,
        written_by="workflow",
    )

    # === What the approver decides on ===
    # Computed, not related: one may search, sort and group by a related field without
    # the right to read it, and learn figures so.
    account_state = fields.Selection(
        selection=lambda self: self._get_account_states(),
        string="State of the Account",
        compute="_compute_account_figures",
        groups=VIEWER,
    )
    balance = fields.Monetary(compute="_compute_account_figures", groups=VIEWER)
    amount_owed = fields.Monetary(
        string="Owed", compute="_compute_account_figures", groups=VIEWER
    )
    amount_overdue = fields.Monetary(
        string="Overdue", compute="_compute_account_figures", groups=VIEWER
    )
    present_limit = fields.Monetary(compute="_compute_account_figures", groups=VIEWER)
    limit_usage = fields.Float(
        string="Limit Usage (%)",
        compute="_compute_account_figures",
        digits=(16, 1),
        groups=VIEWER,
    )
    days_late = fields.Float(
        string="Average Days Late",
        compute="_compute_credit_history",
        digits=(16, 1),
        groups=VIEWER,
        help="Of what fell due in the last twelve months: the days from the due date "
        "to the payment, or to today for what is still open; paid in time counts as 0.",
    )
    invoiced_total = fields.Monetary(
        compute="_compute_credit_history",
        string="Invoiced in Total",
        groups=VIEWER,
        help="Customer invoices less credit notes, taxes included.",
    )
    client_since = fields.Date(
        compute="_compute_credit_history",
        groups=VIEWER,
        help="The date of the first invoice.",
    )
    client_age = fields.Char(
        string="Client for", compute="_compute_credit_history", groups=VIEWER
    )
    suggested_limit = fields.Monetary(
        compute="_compute_credit_history",
        groups=VIEWER,
        help="One and a half times the average monthly invoiced total of the last six "
        "months, times one less the share of it paid more than 30 days late (or still "
        "open that long after its due date), rounded down to 100. 0 for a client of "
        "less than three months.",
    )

    # === What the screen needs ===
    is_requester = fields.Boolean(compute="_compute_can_decide")
    can_decide = fields.Boolean(compute="_compute_can_decide")
    can_approve = fields.Boolean(compute="_compute_can_decide")
    can_delegate = fields.Boolean(compute="_compute_can_delegate")
    decision_note = fields.Char(
        string="Decision",
        compute="_compute_decision_note",
        help="Who has to decide, who has agreed and who is missing.",
    )

    _one_open_request = models.UniqueIndex(
        "(account_id) WHERE state = 'submitted' AND subject <> 'credit'",
        "A request about this client waits for a decision already.",
    )
    _requested_limit_range = models.Constraint(
        "CHECK(requested_limit >= 0 AND requested_limit < 1000000000000)",
        "A requested limit is zero or above, and below 1,000,000,000,000.",
    )
    _granted_limit_range = models.Constraint(
        "CHECK(granted_limit >= 0 AND granted_limit < 1000000000000)",
        "A granted limit is zero or above, and below 1,000,000,000,000.",
    )
    _reason_length = models.Constraint(
        f"CHECK(char_length(reason) <= {MAX_REASON})",
        "The reason of a request has 2,000 characters at most.",
    )
    _rejection_reason_length = models.Constraint(
        f"CHECK(char_length(rejection_reason) <= {MAX_REASON})",
        "The reason of a rejection has 2,000 characters at most.",
    )

    @api.model
    def _get_account_states(self):
        """Return the states of an account with their labels."""
        state = self.env["client.account"]._fields["state"]
        return state._description_selection(self.env)

    # === Compute ===

    @api.depends("partner_id", "company_id")
    def _compute_account_id(self):
        # Sudo: whoever requests need not see the account.
        accounts = self.env["client.account"].sudo()
        for request in self:
            request.account_id = accounts.search(
                [
                    ("partner_id", "=", request.partner_id.commercial_partner_id.id),
                    ("company_id", "=", request.company_id.root_id.id),
                ],
                limit=1,
            )

    @api.model
    def _group_expand_states(self, states, _domain):
        """Keep the states in their order, and leave those out that hold nothing: on a
        telephone an empty first column hides that there are others."""
        order = self._fields["state"].get_values(self.env)
        return sorted(states, key=order.index)

    @api.depends(
        "subject", "requested_limit", "account_id.state", "account_id.credit_limit"
    )
    def _compute_kind(self):
        """Compare what is asked with the account, until the request is decided."""
        for request in self:
            if request.state in ("draft", "submitted"):
                request.kind = request._get_kind()
            else:
                request.kind = request.kind

    def _get_kind(self):
        """Return what one request asks for, as a value of `kind`."""
        self.ensure_one()
        if self.subject != "limit":
            return self.subject
        account = self.account_id
        if account.state not in ("granted", "suspended"):
            return "open"
        order = self.currency_id.compare_amounts(
            self.requested_limit, account.credit_limit
        )
        return {-1: "lower", 0: "terms", 1: "raise"}[order]

    @api.depends("account_id.state", "account_id.credit_limit", "account_id.balance")
    def _compute_account_figures(self):
        for request in self:
            # Sudo: the fields' own groups say who may see them.
            account = request.account_id.sudo()
            request.account_state = account.state
            request.balance = account.balance
            request.amount_owed = account.amount_owed
            request.amount_overdue = account.amount_overdue
            request.present_limit = account.credit_limit
            request.limit_usage = account.limit_usage

    @api.model
    def _invalidate_figures(self):
        """Forget the figures in cache, see `client.account._invalidate_figures`."""
        self.env["client.account.request"].invalidate_model(
            REQUEST_FIGURES, flush=False
        )

    @api.depends("account_id")
    def _compute_credit_history(self):
        """Take the client's history from the account, nothing where there is none."""
        # Sudo: the fields' own groups say who may see them.
        history = self.account_id.sudo()._get_credit_history()
        for request in self:
            account = request.account_id.sudo()
            client = history.get(account, {})
            request.days_late = client.get("days_late", 0.0)
            request.invoiced_total = client.get("invoiced_total", 0.0)
            request.client_since = client.get("client_since", False)
            request.client_age = request._get_client_age()
            request.suggested_limit = (
                account._get_suggested_limit(client) if client else 0.0
            )

    def _get_client_age(self):
        """Return in words how long one client is a client."""
        self.ensure_one()
        if not self.client_since:
            return self.env._("not invoiced yet")
        today = fields.Date.context_today(self)
        months = (
            (today.year - self.client_since.year) * 12
            + (today.month - self.client_since.month)
            - (today.day < self.client_since.day)
        )
        if months < 1:
            return self.env._("less than a month")
        if months == 1:
            return self.env._("1 month")
        if months < 24:
            return self.env._("%s months", months)
        return self.env._("%s years", months // 12)

    @api.depends_context("uid")
    @api.depends("state", "requested_by_id", "company_id", "agreed_by_ids")
    def _compute_can_decide(self):
        for request in self:
            request.is_requester = request.requested_by_id == self.env.user
            request.can_decide = not request._get_cannot_decide_reason(self.env.user)
            request.can_approve = not request._get_cannot_approve_reason(self.env.user)

    @api.depends_context("uid")
    @api.depends("state", "approver_id", "company_id", "agreed_by_ids")
    def _compute_can_delegate(self):
        for request in self:
            others = request.state == "submitted" and request._get_delegates()
            request.can_delegate = bool(others and others - self.env.user)

    @api.depends("state", "approver_id", "agreed_by_ids", "granted_limit")
    def _compute_decision_note(self):
        for request in self:
            request.decision_note = request._get_decision_note()

    def _get_decision_note(self):
        """Return in words who has to decide about one request, and who has agreed."""
        self.ensure_one()
        if self.state != "submitted":
            return False
        agreed = self._get_valid_agreements()
        asked = ", ".join(self._get_deciders().mapped("name"))
        asked = asked or self.env._("nobody who may")
        if agreed:
            return self.env._(
                "%(agreed)s agreed. One more approver has to: %(asked)s.",
                agreed=", ".join(agreed.mapped("name")),
                asked=asked,
            )
        if self._get_required_approvals() > 1:
            return self.env._("Two approvers have to agree. Asked: %s.", asked)
        return self.env._("Waits for a decision of %s.", asked)

    def _get_client_name(self):
        """Return the name of one request's client, for messages."""
        # Sudo: a contact may be seen where its company is not.
        return self.sudo().partner_id.display_name

    # === CRUD ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to open the client's account and number the request."""
        names = {name for vals in vals_list for name in vals}
        self._check_not_protected(names, creating=True)
        self._check_daily_bound(len(vals_list))
        prepared = [self._prepare_request_vals(vals) for vals in vals_list]
        return super(ClientAccountRequest, self._as_workflow()).create(prepared)

    @api.model
    def _check_daily_bound(self, count):
        """Make sure one person asks no more in a day than approvers can read.

        :param int count: of the requests to be made
        :raise UserError: when it would be more
        """
        since = fields.Datetime.now() - timedelta(days=1)
        made = self.sudo().search_count(
            [("requested_by_id", "=", self.env.uid), ("create_date", ">", since)]
        )
        if made + count > MAX_REQUESTS_A_DAY and self.env.uid != SUPERUSER_ID:
            raise UserError(
                self.env._(
                    "%(user)s made %(made)s account requests in the last 24 hours, and "
                    "%(most)s are the most. Make further ones tomorrow.",
                    user=self.env.user.name,
                    made=made,
                    most=MAX_REQUESTS_A_DAY,
                )
            )

    def _prepare_request_vals(self, vals):
        """Return the values of a new request, its client and account filled in."""
        # What a form was opened with: its readonly fields are not sent.
        names = {"partner_id", "company_id"} - vals.keys()
        vals = {**self.default_get(list(names)), **vals} if names else vals
        if "subject" not in vals and "requested_limit" not in vals:
            vals = {**vals, "subject": self._get_asked_subject(vals)}
        account = self._get_requested_account(vals)
        return {
            **self._check_vals(vals, account),
            "name": self.env["ir.sequence"].next_by_code(self._name),
            "account_id": account.id,
            "partner_id": account.partner_id.id,
            "company_id": account.company_id.id,
            "requested_by_id": self.env.uid,
            "state": "draft",
        }

    @api.model
    def _get_asked_subject(self, vals):
        """Return what values that name no subject ask for."""
        if vals.get("requested_credit"):
            return "credit"
        return "terms" if vals.get("payment_term_id") else "limit"

    def _get_requested_account(self, vals):
        """Return the account that the values of a new request name, under sudo.

        It is made where the client has none yet.

        :raise UserError: when no client is named, two that differ, or one of another
            company
        :raise AccessError: when the user may not see the client
        """
        # Sudo: whoever requests need not see the account, only the client.
        account = self.env["client.account"].sudo().browse(vals.get("account_id"))
        partner = self.env["res.partner"].browse(
            vals.get("partner_id") or account.partner_id.id
        )
        if not partner.exists():
            raise UserError(self.env._("Choose the client the request is about."))
        partner.check_access("read")
        # Sudo: a branch's user need not read the root company.
        company = account.company_id or self.env["res.company"].sudo().browse(
            vals["company_id"] or self.env.company.id
        )
        root = company.root_id
        client = partner.sudo().commercial_partner_id
        if account and (account.partner_id, account.company_id) != (client, root):
            raise UserError(
                self.env._(
                    "The account named is not that of %s. Name either the client or "
                    "the account.",
                    client.display_name,
                )
            )
        home = client.company_id.root_id
        if home and home != root:
            raise UserError(
                self.env._(
                    "%(client)s is a client of %(home)s only. Switch to that company "
                    "to make the request.",
                    client=client.display_name,
                    home=home.name,
                )
            )
        return account or account._get_or_create(client, root).sudo()

    @api.model
    def _check_vals(self, vals, account):
        """Return values with exact amounts, and texts that the database can store.

        :param account: the `client.account` whose currency the amounts are in
        :raise UserError: when an amount is none of the currency, or a date none of the
            books
        """
        vals = dict(vals)
        for name in {"requested_limit", "granted_limit"} & vals.keys():
            # The web client sends an empty amount as false.
            value = 0.0 if vals[name] in (False, None) else vals[name]
            # Sudo: whoever requests need not see the account.
            vals[name] = account.sudo()._check_limit(value)
        if vals.get("limit_until"):
            name = account.sudo().display_name
            vals["limit_until"] = check_date(self.env, name, vals["limit_until"])
        if "reason" in vals:
            vals["reason"] = clean_reason(vals["reason"])
            check_length(self.env, account.sudo().display_name, vals["reason"])
        return vals

    def write(self, vals):
        """Override of the ORM to let each field be written by whom it concerns."""
        if not self._is_workflow():
            # First of all: a refusal names records. Who may read them is told in words
            # why; the ORM refuses the others who may not write.
            self.check_access("read")
            self._check_not_protected(vals)
            asked = self._get_fields_written_by("requester")
            decided = self._get_fields_written_by("approver")
            names = (asked | decided).intersection(vals)
            for request in self if names else ():
                request._check_may_write(names)
                vals = request._check_vals(vals, request.account_id)
            if not decided.isdisjoint(names):
                self._withdraw_agreements()
        return super(ClientAccountRequest, self._as_workflow()).write(vals)

    def _check_may_write(self, names):
        """Make sure the user may write these fields of one request now.

        :raise UserError: when the request is past that, or theirs to change is not
        """
        self.ensure_one()
        if self.state == "draft":
            allowed = self._get_fields_written_by("requester")
            if not self.env.su and self.requested_by_id != self.env.user:
                allowed = set()
        elif self.state == "submitted":
            allowed = self._get_fields_written_by("approver")
            if why := self._get_cannot_decide_reason(self.env.user):
                raise UserError(why)
        else:
            allowed = set()
        if refused := names - allowed:
            raise UserError(self._get_protected_message(refused))

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of %(requests)s cannot be written here. What is asked changes "
            "while the request is its requester's draft; the rest is set by submitting "
            "it and by the approver's decision.",
            fields=self._get_protected_labels(names),
            requests=", ".join(self.mapped("name")[:5])
            or self.env._("an account request"),
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_submitted(self):
        """Keep requests that somebody was asked to decide."""
        if kept := self.filtered(lambda request: request.state != "draft"):
            raise UserError(
                self.env._(
                    "%s was submitted and stays on record. Withdraw it if it no longer "
                    "counts.",
                    ", ".join(kept.mapped("name")[:5]),
                )
            )

    # === Rights ===

    def _check_requester(self):
        """Make sure these requests are the user's own.

        :raise AccessError: when one is not
        """
        self.check_access("read")
        if others := self.filtered(
            lambda request: request.requested_by_id != self.env.user
        ):
            raise AccessError(
                self.env._(
                    "Only %(users)s can submit or withdraw %(requests)s. Make a "
                    "request of your own.",
                    users=", ".join(others.sudo().requested_by_id.mapped("name")),
                    requests=", ".join(others.mapped("name")[:5]),
                )
            )

    def _get_cannot_decide_reason(self, user):
        """Return why a user may not decide about one request, or an empty text."""
        self.ensure_one()
        if self.state != "submitted":
            return self._get_not_waiting_message()
        # Sudo: who decides is the company's choice, not the user's to read.
        company = self.sudo().company_id
        if user not in company._get_client_approvers():
            return self.env._(
                "%(user)s is no approver of client accounts in %(company)s, so cannot "
                "decide about %(request)s.",
                user=user.sudo().name,
                company=company.name,
                request=self.name,
            )
        own = user == self.requested_by_id
        if own and not company.client_request_self_approval:
            return self.env._(
                "%(request)s is a request of %(user)s, who cannot decide about it. "
                "Delegate it to another approver.",
                request=self.name,
                user=user.sudo().name,
            )
        return ""

    def _get_not_waiting_message(self):
        """Return that one request does not wait for a decision."""
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "%(request)s does not wait for a decision: its state is “%(state)s”.",
            request=self.name,
            state=states[self.state],
        )

    def _get_cannot_approve_reason(self, user):
        """Return why a user may not approve one request, or an empty text."""
        self.ensure_one()
        if why := self._get_cannot_decide_reason(user):
            return why
        if user in self.agreed_by_ids and self._get_required_approvals() > 1:
            return self.env._(
                "%(user)s agreed to %(request)s already. Another approver has to "
                "agree.",
                user=user.sudo().name,
                request=self.name,
            )
        return ""

    # === Submitting ===

    def _touch(self):
        """Override of `client.touched.mixin` to take the clients' locks first, all at
        once, as whoever posts documents of several clients does."""
        # Sudo: whoever asks need not see the account.
        self.account_id.sudo()._lock_clients()
        return super()._touch()

    def action_submit(self):
        """Ask the approvers to decide about these requests.

        :return: True
        :raise UserError: when a request is no draft, asks for nothing or another about
            the client waits for a decision
        :raise AccessError: when one is not the user's
        """
        self = in_plain_context(self)
        self._check_requester()
        self._touch()
        # Sudo: the requester need not see the account. Touched, as two may submit at
        # once.
        self.account_id.sudo()._touch()
        for request in self:
            if request.state != "draft":
                raise UserError(
                    self.env._(
                        "%s was submitted already, once is enough.", request.name
                    )
                )
            request._check_only_open_request()
            request._as_workflow().write(request._prepare_submit_vals())
            request._ask_approvers()
        return True

    def _prepare_submit_vals(self):
        """Check what one request asks for.

        :return: dict of the values it is submitted with
        :raise UserError: when it asks for nothing, or for what cannot be
        """
        self.ensure_one()
        # Sudo: the requester need not see the account.
        account = self.account_id.sudo()
        if not self.reason:
            raise UserError(
                self.env._(
                    "Say in %(request)s why %(client)s should have it: the approver "
                    "decides by your reason.",
                    request=self.name,
                    client=self._get_client_name(),
                )
            )
        self._check_client()
        limit = 0.0
        if self.subject == "limit":
            limit = account._check_limit(self.requested_limit)
        self._check_asks_for_something(account)
        self._check_until()
        company = account.company_id
        leader = company._get_client_leader()
        if not company.client_request_self_approval:
            leader -= self.requested_by_id
        return {
            "state": "submitted",
            "submitted_on": fields.Datetime.now(),
            # What the form no longer shows was filled in before the subject changed.
            "limit_until": self.subject == "limit" and self.limit_until,
            "payment_term_id": self.subject != "close" and self.payment_term_id.id,
            "granted_limit": limit,
            "approver_id": leader.id,
        }

    def _check_client(self):
        """Make sure the client of one request is one still.

        :raise UserError: when it was put under another client
        """
        self.ensure_one()
        # Sudo: a contact may be seen where its company is not.
        contact = self.sudo().partner_id
        client = contact.commercial_partner_id
        if client != contact:
            raise UserError(
                self.env._(
                    "%(contact)s is a contact of %(client)s now. Make a request about "
                    "%(client)s instead of %(request)s.",
                    contact=contact.display_name,
                    client=client.display_name,
                    request=self.name,
                )
            )

    def _check_asks_for_something(self, account):
        """Make sure one request would change anything.

        Who may not see the limit is not told by a refusal either: the approver sees it.

        :raise UserError: otherwise
        """
        self.ensure_one()
        if self.subject == "terms" and not self.payment_term_id:
            raise UserError(
                self.env._(
                    "Choose the payment terms that %s asks for.",
                    self.name,
                )
            )
        if not self.env.user.has_group(VIEWER):
            return
        if not self._changes_something(account):
            raise UserError(
                self.env._(
                    "%(request)s asks for what %(client)s has already. Say what is to "
                    "change.",
                    request=self.name,
                    client=self._get_client_name(),
                )
            )

    def _changes_something(self, account):
        """Tell whether one request asks for anything else than an account has."""
        self.ensure_one()
        if self.subject == "close":
            return account.state in DECIDED_STATES
        terms = self._get_payment_term(account)
        if self.payment_term_id and self.payment_term_id != terms:
            return True
        return self.subject == "limit" and (
            self._get_kind() != "terms" or self.limit_until != account.limit_until
        )

    def _check_until(self):
        """Make sure the limit of one request has not lapsed before it is granted.

        :raise UserError: when its date is past
        """
        self.ensure_one()
        if not self.limit_until or self.subject != "limit":
            return
        if self.limit_until < fields.Date.context_today(self):
            raise UserError(
                self.env._(
                    "%(date)s is past. Choose a later date for the limit of "
                    "%(client)s, or none.",
                    date=format_date(self.env, self.limit_until),
                    client=self._get_client_name(),
                )
            )

    def _get_payment_term(self, account):
        """Return the payment terms the client of an account has now."""
        client = account.partner_id.with_company(account.company_id)
        return client.property_payment_term_id

    def _check_only_open_request(self):
        """Make sure no other request about the client waits for a decision.

        :raise UserError: when one does
        """
        if other := self._find_open_request(self.account_id):
            raise UserError(other._get_open_request_message())

    @api.model
    def _find_open_request(self, account):
        """Return the request about an account that waits for a decision, under sudo.

        Credits that are asked for keep nobody from asking for something else.
        """
        # Sudo: it may be somebody else's, whom a message names.
        return self.sudo().search(
            [
                ("account_id", "=", account.id),
                ("state", "=", "submitted"),
                ("subject", "!=", "credit"),
            ],
            limit=1,
        )

    def _get_open_request_message(self):
        """Return that one request has to be decided before another."""
        self.ensure_one()
        return self.env._(
            "%(request)s of %(user)s about %(client)s waits for a decision. Wait until "
            "it is decided, or ask %(user)s to withdraw it.",
            request=self.name,
            user=self.requested_by_id.name,
            client=self._get_client_name(),
        )

    def _get_delegates(self):
        """Return the users to whom the present one may hand these requests."""
        delegates = self.env["res.users"]
        for request in self:
            # Sudo: who decides is the company's choice, not the user's to read.
            delegates |= (
                request.sudo()
                .company_id._get_client_approvers()
                .filtered(
                    lambda user, request=request: (
                        user != request.approver_id
                        and not request._get_cannot_delegate_reason(user)
                    )
                )
            )
        return delegates

    def _get_deciders(self):
        """Return the users who are asked to decide about one request.

        Hook: override to route requests to others; `_get_cannot_decide_reason` still
        says who may.
        """
        self.ensure_one()
        # Sudo: who decides is the company's choice, not the user's to read.
        request = self.sudo()
        company = request.company_id
        candidates = company._get_client_approvers() - request.agreed_by_ids
        if not company.client_request_self_approval:
            candidates -= request.requested_by_id
        return request.approver_id & candidates or candidates

    def _ask_approvers(self):
        """Put an activity, which notifies, before those who are to decide.

        :raise UserError: when nobody may decide about one of these requests
        """
        # Sudo: scheduling for a colleague asks for rights on them and their mails.
        for request in self.sudo():
            deciders = request._get_deciders()
            if not deciders:
                raise UserError(
                    self.env._(
                        "Nobody may decide about %(request)s in %(company)s. Ask an "
                        "administrator to give somebody else the right “Client "
                        "Accounts: Approver”.",
                        request=request.name,
                        company=request.company_id.name,
                    )
                )
            for user in deciders:
                localized = request.with_context(lang=user.lang)
                localized.activity_schedule(
                    ACTIVITY_TYPE,
                    user_id=user.id,
                    summary=localized._get_summary(),
                    note=localized._get_ask_note(),
                )

    def _get_summary(self):
        """Return one request in a line, in the language of the context."""
        self.ensure_one()
        client = self._get_client_name()
        if self.subject == "close":
            return self.env._("Close the account of %s", client)
        if self.subject == "terms":
            return self.env._(
                "%(terms)s for %(client)s",
                terms=self.payment_term_id.display_name,
                client=client,
            )
        return self.env._(
            "Limit of %(limit)s for %(client)s",
            limit=self.currency_id.format(self.requested_limit),
            client=client,
        )

    def _get_ask_note(self):
        """Return who asks for one request, and why, as HTML."""
        self.ensure_one()
        return Markup("<p>%s</p>") % self.env._(
            "%(user)s asks: %(reason)s",
            user=self.requested_by_id.name,
            reason=self.reason[:2000],
        )

    # === Deciding ===

    def action_approve(self):
        """Approve these requests, or agree where another approver has to as well.

        The limit granted is `granted_limit`, which an approver may change before.

        :return: True
        :raise UserError: when the user may not decide, or a request is decided already
        """
        self = in_plain_context(self)
        self.check_access("read")
        self._lock_clients_of_terms()
        self._touch()
        for request in self:
            if why := request._get_cannot_approve_reason(self.env.user):
                raise UserError(why)
            agreed = request._get_valid_agreements() | self.env.user
            required = request._get_required_approvals()
            if len(agreed) < required:
                request._agree(agreed)
            else:
                request._grant(agreed if required > 1 else agreed.browse())
        return True

    def _lock_clients_of_terms(self):
        """Wait for the contacts on which these requests' payment terms are written.

        Before the clients' locks: whoever moves a contact below another one, or posts
        its first document, writes it first and takes the lock then.
        """
        # Sudo: the client may be out of the approver's reach.
        if clients := self.sudo().filtered("payment_term_id").partner_id:
            self.env.execute_query(
                SQL(
                    "SELECT id FROM res_partner WHERE id = ANY(%s) ORDER BY id"
                    " FOR NO KEY UPDATE",
                    clients.ids,
                )
            )

    def _get_required_approvals(self):
        """Return how many different approvers have to agree to one request.

        Two for a limit above the amount the company sets. Hook: override to route by
        another rule.
        """
        self.ensure_one()
        # Sudo: routing is the company's choice, not the user's to read.
        company = self.sudo().company_id
        above = company.client_two_approvers_above
        double = (
            company.client_two_approvers
            and self.subject == "limit"
            and self.currency_id.compare_amounts(self.granted_limit, above) > 0
        )
        return 2 if double else 1

    def _get_valid_agreements(self):
        """Return who agreed to one request and may still decide."""
        self.ensure_one()
        # Sudo: names of colleagues, whatever their companies.
        return self.sudo().agreed_by_ids.filtered(
            lambda user: not self._get_cannot_decide_reason(user)
        )

    def _agree(self, agreed):
        """Note who agreed to one request, and ask the others."""
        self.ensure_one()
        self._as_workflow().write({"agreed_by_ids": [fields.Command.set(agreed.ids)]})
        self._close_activities()
        self._ask_approvers()
        self.message_post(
            body=self.env._(
                "%(user)s agreed to a limit of %(limit)s. One more approver has to.",
                user=self.env.user.name,
                limit=self.currency_id.format(self.granted_limit),
            )
        )

    def _withdraw_agreements(self):
        """Forget who agreed to these requests, as what they agreed to changes."""
        for request in self.filtered("agreed_by_ids"):
            request._as_workflow().write({"agreed_by_ids": [fields.Command.clear()]})
            request.message_post(
                body=self.env._(
                    "What this request is to grant has changed, so both approvers have "
                    "to agree again."
                )
            )

    def _grant(self, agreed):
        """Do what one request asks for.

        :param agreed: who agreed where two have to, the user included
        """
        self.ensure_one()
        self._check_until()
        # Sudo: approvers decide about limits and terms, whatever else they may write.
        account = self.account_id.sudo()
        account._touch()
        terms = self._get_payment_term(account)
        self._decide(
            "approved",
            agreed_by_ids=[fields.Command.set(agreed.ids)],
            previous_state=account.state,
            previous_limit=account.credit_limit,
            previous_payment_term_id=terms.id,
            previous_request_id=account.limit_request_id.id,
        )
        self._grant_limit(account)
        self._grant_payment_term(account)
        account.message_post(
            body=self.env._(
                "%(request)s of %(user)s was approved by %(approver)s.",
                request=self._get_html_link(),
                user=self.requested_by_id.name,
                approver=self.env.user.name,
            )
        )

    def _grant_limit(self, account):
        """Set the limit that one request asks for; a suspension stays."""
        self.ensure_one()
        if self.subject == "close":
            account._set_limit(0, "closed")
        elif self.subject == "limit":
            state = "suspended" if account.state == "suspended" else "granted"
            account._set_limit(self.granted_limit, state, self)

    def _grant_payment_term(self, account):
        """Give the client the payment terms of one request, in all branches."""
        self.ensure_one()
        if not self.payment_term_id or self.subject == "close":
            return
        for company in account.company_id._get_client_companies():
            client = account.partner_id.with_company(company)
            client.property_payment_term_id = self.payment_term_id

    def _reject(self, reason):
        """Reject these requests.

        :param str reason: mailed to the requester
        :raise UserError: when the reason is blank, the user may not decide, or a
            request is decided already
        """
        self = in_plain_context(self)
        self.check_access("read")
        reason = clean_reason(reason)
        self._touch()
        for request in self:
            if why := request._get_cannot_decide_reason(self.env.user):
                raise UserError(why)
            if not reason:
                raise UserError(
                    self.env._(
                        "Give a reason for rejecting %(request)s: it is mailed to "
                        "%(user)s.",
                        request=request.name,
                        user=request.requested_by_id.name,
                    )
                )
            check_length(self.env, request._get_client_name(), reason)
            request._decide("rejected", rejection_reason=reason)

    def action_withdraw(self):
        """Take these requests back before they are decided.

        :return: True
        :raise UserError: when a request does not wait for a decision
        :raise AccessError: when one is not the user's
        """
        self = in_plain_context(self)
        self._check_requester()
        self._touch()
        for request in self:
            if request.state != "submitted":
                raise UserError(request._get_not_waiting_message())
            request._decide("withdrawn")
        return True

    def _decide(self, state, **values):
        """End one request: the only way it leaves the state `submitted`.

        The outcome goes to the requester.
        """
        self.ensure_one()
        # Sudo: a requester no longer writes on what they withdrew.
        request = self.sudo()
        request._as_workflow().write(
            {
                "state": state,
                "decided_by_id": self.env.uid,
                "decided_on": fields.Datetime.now(),
                **values,
            }
        )
        request._close_activities()
        request._send_outcome()

    def _close_activities(self):
        """Mark the user's own activity on these requests done and remove the rest."""
        # Sudo: the others' activities go too, and a requester withdraws them all.
        requests = self.sudo()
        requests.activity_feedback([ACTIVITY_TYPE], user_id=self.env.uid)
        requests.activity_unlink([ACTIVITY_TYPE])

    def _send_outcome(self):
        """Tell the requester the outcome of one request, by e-mail and in the inbox.

        Sent after the commit: a mail server that is down rolls nothing back. By Odoo's
        queue alone: it takes whatever waits, so what is also sent here may go twice.
        """
        self.ensure_one()
        requester = self.requested_by_id
        template = self.env.ref(OUTCOME_TEMPLATES[self.state], raise_if_not_found=False)
        if not template or not requester.email:
            self.message_post(
                body=self.env._(
                    "The outcome was not mailed: %s has no e-mail address, or the "
                    "template of the mail was deleted.",
                    requester.name,
                )
            )
        else:
            mail_id = template.send_mail(
                self.id, email_layout_xmlid="mail.mail_notification_light"
            )
            # In the chatter the message alone, without the layout it is mailed in.
            # Sudo: mails are nobody's to write.
            message_sudo = self.env["mail.mail"].sudo().browse(mail_id).mail_message_id
            message_sudo.body = self._render_outcome(template, "body_html")
            self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
        if template and requester.notification_type == "inbox":
            # Whoever gets notifications by e-mail has the mail above.
            self.message_notify(
                partner_ids=requester.partner_id.ids,
                subject=self._render_outcome(template, "subject"),
                body=self._render_outcome(template, "body_html"),
            )

    def _render_outcome(self, template, field_name):
        """Return a field of the outcome's template for one request, in the
        requester's language."""
        self.ensure_one()
        return template._render_field(field_name, self.ids, compute_lang=True)[self.id]

    def action_delegate(self, user_id):
        """Hand the decision about these requests to another approver.

        :param int user_id: an active approver of the company
        :return: True
        :raise UserError: when the user may not hand it on, or that one may not decide
        """
        self = in_plain_context(self)
        self.check_access("read")
        # Sudo: whether that one may decide is what is checked.
        user = self.env["res.users"].sudo().browse(self._check_user_id(user_id))
        self._touch()
        for request in self:
            why = request._get_cannot_delegate_reason(user)
            if why:
                raise UserError(why)
            request._as_workflow().write({"approver_id": user.id})
            request._close_activities()
            request._ask_approvers()
        return True

    @api.model
    def _check_user_id(self, user_id):
        """Return the id of a user a caller names.

        :raise UserError: when there is no such user
        """
        known = is_record_id(user_id)
        # Sudo: whether the user may decide is checked next.
        if not known or not self.env["res.users"].sudo().browse(user_id).exists():
            raise UserError(self.env._("Choose the approver who is to decide."))
        return user_id

    def _get_cannot_delegate_reason(self, user):
        """Return why one request cannot be handed to a user, or an empty text."""
        self.ensure_one()
        # Sudo: who decides is the company's choice, not the user's to read.
        if self.env.user not in self.sudo().company_id._get_client_approvers():
            return self.env._(
                "Only approvers of client accounts can delegate %s.", self.name
            )
        return self._get_cannot_approve_reason(user)

    # === Actions ===

    def action_open_reject(self):
        """Open the wizard that asks why one request is rejected."""
        return self._open_decision_wizard(
            "client.account.request.reject", self.env._("Reject")
        )

    def action_open_delegate(self):
        """Open the wizard that asks to whom one request is delegated."""
        return self._open_decision_wizard(
            "client.account.request.delegate", self.env._("Delegate")
        )

    def _open_decision_wizard(self, model, title):
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def action_view_account(self):
        """Open the account one request is about."""
        self.ensure_one()
        self.account_id.check_access("read")
        return self.account_id._get_records_action()
