import logging

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..const import MAX_REASON, WAITING_TRANSACTIONS
from ..exceptions import MEETINGS
from ..utils import check_amount, check_date, check_reason, come_again

_logger = logging.getLogger(__name__)

# Written once a request was made; the rest is what its transactions say.
ASKED = {"account_id", "amount", "text", "date_due"}

# What of the transactions a request follows.
PAYMENT_FIELDS = (
    "transaction_ids.state",
    "transaction_ids.operation",
    "transaction_ids.amount",
    "transaction_ids.provider_id",
    "transaction_ids.source_transaction_id",
)


class ClientCreditRequest(models.Model):
    """A client is asked to pay an amount in advance.

    Anybody may pay it by its link; the credit is always the client's. Its state follows
    its online payments.
    """

    _name = "client.credit.request"
    _description = "Request to Pay in Advance"
    _inherit = [
        "client.protected.mixin",
        "portal.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(
        string="Number",
        default=lambda self: self.env._("New"),
        required=True,
        readonly=True,
        copy=False,
        written_by="workflow",
    )
    account_id = fields.Many2one(
        "client.account",
        string="Client Account",
        required=True,
        index=True,
        ondelete="restrict",
        written_by="creator",
    )
    # Stored, so a caller could send others than the account's.
    partner_id = fields.Many2one(
        related="account_id.partner_id",
        string="Client",
        store=True,
        index=True,
        written_by="workflow",
    )
    company_id = fields.Many2one(
        related="account_id.company_id",
        store=True,
        index=True,
        written_by="workflow",
    )
    currency_id = fields.Many2one(related="account_id.currency_id")
    amount = fields.Monetary(required=True, tracking=True, written_by="creator")
    amount_left = fields.Monetary(
        string="Left to Pay",
        compute="_compute_amount_left",
        help="What nobody has paid yet of the amount asked for.",
    )
    text = fields.Text(
        required=True,
        help="What the client reads it is for.",
        written_by="creator",
    )
    date_due = fields.Date(string="Due Date", written_by="creator")
    sent_on = fields.Datetime(readonly=True, copy=False, written_by="workflow")
    reminded_on = fields.Datetime(readonly=True, copy=False, written_by="workflow")
    is_cancelled = fields.Boolean(readonly=True, copy=False, written_by="workflow")
    transaction_ids = fields.One2many(
        "payment.transaction", "client_request_id", string="Online Payments"
    )
    state = fields.Selection(
        [
            ("open", "Open"),
            ("pending", "Being Paid"),
            ("paid", "Paid"),
            ("cancelled", "Cancelled"),
        ],
        compute="_compute_state",
        store=True,
        index=True,
        written_by="workflow",
    )

    _amount_range = models.Constraint(
        "CHECK(amount > 0 AND amount < 1000000000000)",
        "A client is asked for an amount above zero and below 1,000,000,000,000.",
    )
    _text_length = models.Constraint(
        f"CHECK(char_length(text) <= {MAX_REASON})",
        "The text of a request to pay has 2,000 characters at most.",
    )

    @api.depends("amount", *PAYMENT_FIELDS)
    def _compute_amount_left(self):
        """Take off the amount what was paid of it: it may have been raised since a
        payment was begun, or part of one was captured."""
        for request in self:
            paid = sum(request._get_payments("done").mapped("amount"))
            # Rounded by the field, as in a new form there is no currency yet.
            request.amount_left = max(request.amount - paid, 0.0)

    @api.depends("is_cancelled", "amount", *PAYMENT_FIELDS)
    def _compute_state(self):
        for request in self:
            waiting = request._get_payments(*WAITING_TRANSACTIONS)
            paid = request._get_payments("done")
            if paid and request.currency_id.is_zero(request.amount_left):
                request.state = "paid"
            elif waiting and not (
                request.is_cancelled and request._may_never_come(waiting)
            ):
                request.state = "pending"
            else:
                request.state = "cancelled" if request.is_cancelled else "open"

    def _get_payments(self, *states):
        """Return the online payments of one request in some states, under sudo.

        What was captured in parts is paid by these. What is given back was paid.
        """
        self.ensure_one()
        return self.sudo().transaction_ids.filtered(
            lambda payment: (
                payment.state in states
                and payment.operation != "refund"
                and not payment.child_transaction_ids.filtered(
                    lambda part: (
                        part.operation == payment.operation and part.state in states
                    )
                )
            )
        )

    @api.model
    def _may_never_come(self, payments):
        """Tell whether payments are wire transfers alone, which somebody has chosen:
        they block nothing, as on Odoo's own invoices."""
        return set(payments.provider_id.mapped("code")) == {"custom"}

    def _compute_access_url(self):
        """Override of `portal` to say where the client finds it."""
        result = super()._compute_access_url()
        for request in self:
            request.access_url = f"/my/client_account/request/{request.id}"
        return result

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to check what is asked, and number it."""
        names = {name for vals in vals_list for name in vals}
        self._check_not_protected(names, creating=True)
        prepared = [self._prepare_vals(vals) for vals in vals_list]
        return super(ClientCreditRequest, self._as_workflow()).create(prepared)

    @api.model
    def _prepare_vals(self, vals):
        """Return the values of a new request, checked.

        :raise UserError: when the amount or the text is none
        """
        account = self.env["client.account"].browse(vals.get("account_id")).exists()
        if not account:
            raise UserError(self.env._("Choose the client who is asked to pay."))
        account._check_officer()
        name = account.display_name
        return {
            **vals,
            "amount": check_amount(
                self.env, name, vals.get("amount"), account.currency_id
            ),
            "text": check_reason(self.env, name, vals.get("text")),
            "date_due": check_date(self.env, name, vals.get("date_due")),
            "name": self.env["ir.sequence"].next_by_code(self._name),
        }

    def write(self, vals):
        """Override of the ORM to change what is asked as long as nobody has paid."""
        if not self._is_workflow() and (changed := ASKED.intersection(vals)):
            self._check_changeable()
            if "account_id" in changed:
                raise UserError(
                    self.env._(
                        "%s stays its client's. Cancel it and ask the other client.",
                        ", ".join(self.mapped("name")[:5]),
                    )
                )
            vals = dict(vals)
            for request in self:
                client = request.partner_id.display_name
                if "amount" in vals:
                    vals["amount"] = check_amount(
                        self.env, client, vals["amount"], request.currency_id
                    )
                if "date_due" in vals:
                    vals["date_due"] = check_date(self.env, client, vals["date_due"])
                if "text" in vals:
                    vals["text"] = check_reason(self.env, client, vals["text"])
            return super(ClientCreditRequest, self._as_workflow()).write(vals)
        return super().write(vals)

    def _check_changeable(self):
        """Make sure nobody has paid these requests, or is about to.

        :raise UserError: otherwise
        """
        self.check_access("write")
        for request in self:
            if request.state != "open":
                raise UserError(request._get_not_open_message())

    def _get_not_open_message(self):
        """Return that one request is no longer open."""
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "%(request)s of %(client)s is no longer open: its state is “%(state)s”.",
            request=self.name,
            client=self.partner_id.display_name,
            state=states[self.state],
        )

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%s of a request to pay follow from what is paid.",
            self._get_protected_labels(names),
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        """Keep what a client was asked for."""
        if kept := self.filtered("sent_on"):
            raise ValidationError(
                self.env._(
                    "%s was sent to the client and stays on record. Cancel it.",
                    ", ".join(kept.mapped("name")[:5]),
                )
            )

    # === Asking ===

    def action_send(self):
        """Ask the clients by e-mail, with a link to pay.

        :return: True
        :raise UserError: when one is paid, cancelled or has nobody to be mailed to
        """
        self._check_changeable()
        for request in self:
            if not request.account_id._get_notice_contact().email:
                raise UserError(
                    self.env._(
                        "%s has no e-mail address. Enter one on the contact.",
                        request.partner_id.display_name,
                    )
                )
        self._mail("client_account.mail_template_credit_request")
        self._as_workflow().write({"sent_on": fields.Datetime.now()})
        return True

    def _mail(self, template):
        """Mail these requests to their clients, with links that work for them.

        :param str template: external id
        """
        self._portal_ensure_tokens()
        # Sudo: officers need no right on mails.
        self.env.ref(template).sudo().send_mail_batch(
            self.ids, email_layout_xmlid="mail.mail_notification_light"
        )
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _portal_ensure_tokens(self):
        for request in self:
            # Sudo: the token is the portal's, not the officer's to write.
            request.sudo()._portal_ensure_token()

    def action_cancel(self):
        """Take these requests back, as long as nobody has paid.

        :return: True
        """
        self.check_access("write")
        for request in self:
            if not request._is_waiting_for_money():
                raise UserError(request._get_not_open_message())
        self._as_workflow().write({"is_cancelled": True})
        return True

    def _is_waiting_for_money(self):
        """Tell whether one request may still be paid, or taken back."""
        self.ensure_one()
        return self.state == "open" or (
            self.state == "pending"
            and self._may_never_come(self._get_payments(*WAITING_TRANSACTIONS))
        )

    @api.model
    def _cron_remind(self):
        """Remind clients once of what they were asked for, when it is due."""
        today = fields.Date.context_today(self)
        due = self.search(
            [
                ("state", "=", "open"),
                ("sent_on", "!=", False),
                ("reminded_on", "=", False),
                ("date_due", "!=", False),
                ("date_due", "<=", today),
            ]
        )
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(due))
        met = False
        for request in due:
            try:
                request._remind()
                self.env.flush_all()
            except MEETINGS:
                self.env.cr.rollback()
                met = True
            except Exception:
                # One that fails stops no other; the next run tries it again.
                self.env.cr.rollback()
                _logger.exception("Reminding of request %s failed.", request.id)
            if not cron._commit_progress(1):
                break
        if met:
            come_again(self.env, "client_account.ir_cron_remind_credit_requests")

    def _remind(self):
        """Remind one client of what was asked for, where there is an address."""
        self.ensure_one()
        if self.account_id._get_notice_contact().email:
            self._mail("client_account.mail_template_credit_request_reminder")
        self._as_workflow().write({"reminded_on": fields.Datetime.now()})

    # === Paying ===

    def _get_pay_problem(self):
        """Return why one request cannot be paid now, an empty text where it can."""
        self.ensure_one()
        if self.state == "paid":
            return self.env._("This is paid already. Thank you!")
        if self._is_waiting_for_money():
            return ""
        if self.state == "pending":
            return self.env._("A payment of this is being processed.")
        return self.env._("This is no longer asked for.")
