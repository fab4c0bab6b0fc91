import logging
from datetime import timedelta

from pytz import timezone, utc

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..const import VIEWER, WAITING_TRANSACTIONS
from ..utils import check_amount

_logger = logging.getLogger(__name__)

# After so many declined charges in a row nothing is charged any more.
MOST_DECLINES = 3
# How long nothing is charged after a declined charge.
PAUSE = timedelta(hours=1)
# A charge that was begun and not heard of since is looked into by staff.
STALE = timedelta(hours=1)


class ClientAccount(models.Model):
    """A client's saved card is charged by itself when little is available.

    The client switches it on, with words of consent that are kept. A charge is begun
    and committed before the provider hears of it, and never begun while another one is
    open: killed at any moment, the job charges nothing twice.
    """

    _inherit = "client.account"

    auto_token_id = fields.Many2one(
        "payment.token",
        string="Card of the Automatic Top-Up",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups=VIEWER,
        written_by="workflow",
    )
    auto_threshold = fields.Monetary(
        string="Automatic Top-Up Below",
        readonly=True,
        copy=False,
        groups=VIEWER,
        written_by="workflow",
    )
    auto_maximum = fields.Monetary(
        string="Most a Month",
        readonly=True,
        copy=False,
        groups=VIEWER,
        written_by="workflow",
    )
    auto_minimum = fields.Monetary(
        string="At Least Each Time",
        readonly=True,
        copy=False,
        groups=VIEWER,
        help="The smallest top-up when the client agreed: no more is charged than that "
        "where less is missing.",
        written_by="workflow",
    )
    auto_consent = fields.Text(
        string="Automatic Top-Up",
        readonly=True,
        copy=False,
        groups=VIEWER,
        help="What the client agreed to, word for word.",
        written_by="workflow",
    )
    auto_consent_on = fields.Datetime(
        string="Agreed On",
        readonly=True,
        copy=False,
        groups=VIEWER,
        written_by="workflow",
    )
    auto_consent_by_id = fields.Many2one(
        "res.partner",
        string="Agreed By",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups=VIEWER,
        written_by="workflow",
    )
    auto_declines = fields.Integer(
        string="Declined in a Row",
        readonly=True,
        copy=False,
        technical=True,
        groups=VIEWER,
        written_by="workflow",
    )
    auto_paused_until = fields.Datetime(
        readonly=True,
        copy=False,
        technical=True,
        groups=VIEWER,
        written_by="workflow",
    )

    # === Consent ===

    def _get_auto_consent(self, token, threshold, maximum):
        """Return the words that a client agrees to.

        :param token: `payment.token` that is charged
        :param float threshold: company currency
        :param float maximum: company currency
        """
        self.ensure_one()
        return self.env._(
            "When less than %(threshold)s is available, %(company)s may charge "
            "%(card)s the missing amount, at least %(amount)s, at most %(maximum)s a "
            "month. You are told each time and can stop at any time.",
            threshold=self.currency_id.format(threshold),
            company=self.company_id.name,
            card=token.display_name,
            amount=self.currency_id.format(self.company_id.client_top_up_minimum),
            maximum=self.currency_id.format(maximum),
        )

    def _check_auto_values(self, threshold, maximum):
        """Return a threshold and a monthly maximum, checked.

        :raise UserError: when one is no amount, or the maximum pays for no top-up
        """
        self.ensure_one()
        threshold = check_amount(
            self.env, self.display_name, threshold, self.currency_id
        )
        maximum = check_amount(self.env, self.display_name, maximum, self.currency_id)
        least = self.company_id.client_top_up_minimum
        if self.currency_id.compare_amounts(maximum, least) < 0:
            raise UserError(
                self.env._(
                    "The maximum for a month has to be at least %s, the smallest "
                    "top-up.",
                    self.currency_id.format(least),
                )
            )
        return threshold, maximum

    def _switch_auto_on(self, token, threshold, maximum):
        """Let one client's card be charged by itself, as the client of the login says.

        :param token: `payment.token` of the login's own contact
        :raise UserError: when a value is refused
        """
        self.ensure_one()
        threshold, maximum = self._check_auto_values(threshold, maximum)
        consent = self._get_auto_consent(token, threshold, maximum)
        self._as_workflow().write(
            {
                "auto_token_id": token.id,
                "auto_threshold": threshold,
                "auto_maximum": maximum,
                "auto_minimum": self.company_id.client_top_up_minimum,
                "auto_consent": consent,
                "auto_consent_on": fields.Datetime.now(),
                "auto_consent_by_id": self.env.user.partner_id.id,
                "auto_declines": 0,
                "auto_paused_until": False,
            }
        )
        self._message_log(
            body=self.env._(
                "%(client)s switched automatic top-up on: “%(consent)s”",
                client=self.env.user.name,
                consent=consent,
            )
        )

    def _switch_auto_off(self, reason):
        """Charge nothing by itself any more.

        :param str reason: for the chatter, in a sentence
        """
        for account in self.filtered("auto_token_id"):
            account._as_workflow().write(
                {"auto_token_id": False, "auto_paused_until": False}
            )
            account._message_log(body=self.env._("Automatic top-up is off: %s", reason))

    # === The job ===

    @api.model
    def _cron_auto_top_up(self):
        """Charge the cards of clients of whom less is available than they said.

        Each charge is committed before it is sent, and what comes of it after.
        """
        self._tell_stale_charges()
        accounts = self.search([("auto_token_id", "!=", False)])
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(accounts))
        for account in accounts:
            try:
                account._auto_top_up()
            except Exception:
                # One client stops nobody; what was begun for this one is on record.
                self.env.cr.rollback()
                _logger.exception("Automatic top-up of client account %s", account.id)
            if not cron._commit_progress(1):
                break

    def _auto_top_up(self):
        """Charge one client's card what is missing, if anything is.

        :return: the `payment.transaction`, empty where nothing was charged
        """
        self.ensure_one()
        transactions = self.env["payment.transaction"]
        # Two jobs at once: the second waits, and finds the charge of the first.
        self._touch()
        amount = self._get_auto_amount()
        if not amount:
            return transactions
        transaction = transactions.create(self._prepare_auto_charge(amount))
        # Kept before it is sent: killed from here on, it blocks the next one.
        self.env["ir.cron"]._commit_progress()
        try:
            transaction._charge_with_token()
        except UserError as error:
            transaction._set_error(str(error))
        self.env["ir.cron"]._commit_progress()
        transaction._post_process()
        return transaction

    def _get_auto_amount(self):
        """Return how much is to be charged now, 0.0 for nothing."""
        self.ensure_one()
        if not self._may_be_charged() or self._has_open_auto_charge():
            return 0.0
        self.invalidate_recordset(["available"], flush=False)
        gap = self.currency_id.round(self.auto_threshold - self.available)
        if gap <= 0:
            return 0.0
        left = self.auto_maximum - self._get_auto_charged(fields.Datetime.now())
        # As the client agreed, whatever the company's least top-up is by now.
        least = self.auto_minimum
        amount = min(max(gap, least), left, *self._get_auto_bounds())
        amount = self.currency_id.round(amount)
        too_little = self.currency_id.compare_amounts(amount, least) < 0
        return 0.0 if too_little or amount <= 0 else amount

    def _may_be_charged(self):
        """Tell whether the client of one account still has the card charged by itself.

        Who is no longer the client's, or sees nothing of the account, could neither
        follow the charges nor stop them.
        """
        self.ensure_one()
        payer = self.auto_token_id.partner_id
        paused_until = self.auto_paused_until
        return (
            self.auto_token_id.active
            and self.partner_id.active
            and payer.active
            and payer.commercial_partner_id == self.partner_id
            and self._get_policy("top_up_policy") == "allowed"
            and self._get_policy("balance_visibility") != "hidden"
            and not (paused_until and paused_until > fields.Datetime.now())
        )

    def _get_auto_bounds(self):
        """Return the most that the company, and the provider of one account's card,
        take at once, in company currency."""
        company = self.company_id
        provider = self.auto_token_id.provider_id
        bounds = [company.client_top_up_maximum]
        if provider.maximum_amount:
            bounds.append(
                provider.main_currency_id._convert(
                    provider.maximum_amount, self.currency_id, company
                )
            )
        return bounds

    def _has_open_auto_charge(self):
        """Tell whether money of one account is under way: an automatic charge, or what
        was taken and is not booked yet, which is not available so far.

        Of other payments that stay so staff is told, and books them by hand.
        """
        of_account = Domain("client_account_id", "=", self.id)
        charge = Domain("client_purpose", "=", "auto") & Domain(
            "source_transaction_id", "=", False
        )
        under_way = Domain("state", "in", ("draft", *WAITING_TRANSACTIONS))
        not_booked = self._get_not_booked_domain() & Domain("operation", "!=", "refund")
        untold = Domain("client_stale_told", "=", False)
        return bool(
            self.env["payment.transaction"].search_count(
                of_account & ((charge & under_way) | (not_booked & (charge | untold))),
                limit=1,
            )
        )

    @api.model
    def _get_not_booked_domain(self):
        """Return which transactions have taken money that no payment has booked."""
        return Domain(
            [
                ("state", "=", "done"),
                ("payment_id", "=", False),
                ("operation", "!=", "validation"),
                ("child_transaction_ids", "=", False),
            ]
        )

    def _get_auto_charged(self, now):
        """Return what was charged by itself in the month of a moment, late successes
        of declined charges included.

        What is captured in parts counts with the charge that reserved it.
        """
        charged = self.env["payment.transaction"].search(
            [
                ("client_account_id", "=", self.id),
                ("client_purpose", "=", "auto"),
                ("source_transaction_id", "=", False),
                ("state", "in", ("draft", "done", *WAITING_TRANSACTIONS)),
                ("create_date", ">=", self._get_auto_month_start(now)),
            ]
        )
        return sum(charged.mapped("amount"))

    def _get_auto_month_start(self, now):
        """Return when the month of a moment began for whoever agreed to the charges.

        It is what the statement of the card says: the server's month ends hours before
        or after it.

        :param datetime now: UTC
        :return: UTC
        """
        self.ensure_one()
        zone = timezone(
            self.auto_token_id.partner_id.tz
            or self.partner_id.tz
            or self.company_id.partner_id.tz
            or "UTC"
        )
        local = utc.localize(now).astimezone(zone)
        begun = local.replace(
            day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None
        )
        return zone.localize(begun).astimezone(utc).replace(tzinfo=None)

    def _prepare_auto_charge(self, amount):
        """Return the values of the transaction that charges one client's card."""
        token = self.auto_token_id
        transactions = self.env["payment.transaction"]
        return {
            "provider_id": token.provider_id.id,
            "payment_method_id": token.payment_method_id.id,
            "token_id": token.id,
            "reference": transactions._compute_reference(
                token.provider_id.code, client_account_id=self.id
            ),
            "amount": amount,
            "currency_id": self.currency_id.id,
            "partner_id": token.partner_id.id,
            "operation": "offline",
            "client_account_id": self.id,
            "client_purpose": "auto",
        }

    def _note_auto_charge(self, transaction):
        """Pause or stop after a declined charge, and tell the client.

        :param transaction: the `payment.transaction` that the provider just answered,
            which may be days after it was begun
        """
        self.ensure_one()
        declined = transaction.state in ("error", "cancel")
        # What became of another card says nothing of the one that is charged now.
        if transaction.token_id == self.auto_token_id:
            declines = self.auto_declines + 1 if declined else 0
            pause = declined and fields.Datetime.now() + PAUSE
            self._as_workflow().write(
                {"auto_declines": declines, "auto_paused_until": pause}
            )
            if declines >= MOST_DECLINES:
                self._switch_auto_off(
                    self.env._("the card was declined %s times in a row.", declines)
                )
        if declined:
            transaction._mail_client_payment()

    @api.model
    def _tell_stale_charges(self):
        """Have staff look into charges that nobody heard of for an hour, which are
        never sent again as money may have been taken, and into money taken that could
        not be booked for as long."""
        stale = self.env["payment.transaction"].search(
            [
                ("client_purpose", "=", "auto"),
                ("state", "=", "draft"),
                ("create_date", "<", fields.Datetime.now() - STALE),
                ("client_stale_told", "=", False),
            ]
        )
        for transaction in stale:
            transaction.client_account_id._tell_staff_online(
                self.env._("Automatic top-up to be looked into"),
                self.env._(
                    "%(reference)s of %(amount)s for %(client)s was begun and never "
                    "answered. Ask the payment provider whether money was taken. "
                    "Nothing more is charged until it is done or cancelled.",
                    reference=transaction.reference,
                    amount=transaction.currency_id.format(transaction.amount),
                    client=transaction.client_account_id.display_name,
                ),
            )
        stale.client_stale_told = True
        taken = self.env["payment.transaction"].search(
            self._get_not_booked_domain()
            & Domain("client_account_id", "!=", False)
            & Domain("last_state_change", "<", fields.Datetime.now() - STALE)
        )
        for transaction in taken:
            transaction._tell_not_booked()
