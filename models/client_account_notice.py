from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models
from odoo.fields import Command, Domain

from ..const import LIMIT_EXCEEDED_ACTIVITY

TEMPLATES = {
    "low_balance_client": "client_account.mail_template_low_balance_client",
    "low_balance_manager": "client_account.mail_template_low_balance_manager",
    "limit_exceeded": "client_account.mail_template_limit_exceeded",
    "limit_early": "client_account.mail_template_limit_early",
}


class ClientAccountNotice(models.Model):
    """The log of what clients and staff were told about an account.

    Nobody writes it by hand, so that it says what happened.
    """

    _name = "client.account.notice"
    # The layout of mails shows both: "Your Account Notice", and whose it is.
    _description = "Account Notice"
    _order = "id desc"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "client.account",
        string="Client Account",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    partner_id = fields.Many2one(related="account_id.partner_id", string="Client")
    company_id = fields.Many2one(
        related="account_id.company_id", store=True, index=True
    )
    currency_id = fields.Many2one(related="account_id.currency_id")
    kind = fields.Selection(
        [
            ("low_balance_client", "Low Balance, to the Client"),
            ("low_balance_manager", "Low Balance, to the Manager"),
            ("limit_exceeded", "Limit Exceeded"),
            ("limit_early", "Limit Nearly Used Up"),
        ],
        required=True,
        readonly=True,
    )
    threshold = fields.Monetary(
        readonly=True,
        help="The amount that was crossed: of what is available, or owed for a limit.",
    )
    amount = fields.Monetary(
        readonly=True,
        help="What was available then, or what was owed for a limit.",
    )
    amount_hidden = fields.Boolean(
        readonly=True,
        help="The message names no amounts: its reader may not see them.",
    )
    date = fields.Datetime(default=fields.Datetime.now, required=True, readonly=True)
    recipient_ids = fields.Many2many("res.partner", string="Recipients", readonly=True)
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("delivered", "Delivered"),
            ("failed", "Failed"),
            ("not_sent", "Not Sent"),
        ],
        string="Delivery",
        default="waiting",
        required=True,
        readonly=True,
    )
    failure_reason = fields.Text(string="Reason for Failure", readonly=True)
    message_ids = fields.Many2many("mail.message", string="Messages", readonly=True)

    def _render(self, lang):
        """Return what staff is told by these notices, in a language.

        One run of each template for all of them: compiling it costs most.

        :return: {notice: (subject, body as HTML)}
        """
        texts = {}
        for kind, notices in self.grouped("kind").items():
            template = self.env.ref(TEMPLATES[kind]).with_context(lang=lang)
            subjects, bodies = (
                template._render_field(name, notices.ids, set_lang=lang)
                for name in ("subject", "body_html")
            )
            for notice in notices:
                texts[notice] = subjects[notice.id], Markup(bodies[notice.id])
        return texts

    def _mail_clients(self):
        """Queue the mails of those of these notices that go to clients.

        By Odoo's queue alone: it takes whatever waits, so what is also sent here may go
        twice. A mail server that is down rolls nothing back.
        """
        notices = self.filtered(lambda notice: notice.kind == "low_balance_client")
        for notice in notices:
            notice.failure_reason = notice._get_no_mail_reason()
        # The others wait until there is an address, see `_mail_waiting`.
        notices = notices.filtered(lambda notice: not notice.failure_reason)
        if not notices:
            return
        mails = self.env.ref(TEMPLATES["low_balance_client"]).send_mail_batch(
            notices.ids, email_layout_xmlid="mail.mail_notification_light"
        )
        for notice, mail in zip(notices, mails, strict=True):
            notice.message_ids = mail.mail_message_id
        self._trigger_mail_queue()

    def _get_no_mail_reason(self):
        """Return why the client of one notice gets no mail, empty where it does."""
        client = self.partner_id
        if not client.active:
            return self.env._("%s is archived.", client.display_name)
        if not self.recipient_ids.email:
            return self.env._(
                "%s has no e-mail address. Enter one on the contact.",
                client.display_name,
            )
        return ""

    @api.model
    def _get_unmailed_domain(self):
        """Return the domain of the notices to clients that wait for an address."""
        return [
            ("kind", "=", "low_balance_client"),
            ("state", "=", "waiting"),
            ("message_ids", "=", False),
            ("failure_reason", "!=", False),
        ]

    @api.model
    def _fetch_mailable_ids(self):
        """Return the ids of the accounts whose waiting notice has an address now, or
        holds no longer."""
        contact = Domain("partner_id.email", "!=", False)
        contact |= Domain("partner_id.child_ids.email", "!=", False)
        notices = self.search(
            Domain(self._get_unmailed_domain())
            & (
                Domain("account_id.low_balance_client_told", "=", False)
                | (Domain("partner_id.active", "=", True) & contact)
            )
        )
        return notices.account_id.ids

    def _notify_staff(self):
        """Tell users what these notices say; several of one account in one message."""
        notices = self.filtered(lambda item: item.kind != "low_balance_client")
        told = defaultdict(notices.browse)
        for notice in notices:
            users = notice.account_id._get_notified_users(notice.kind)
            if not users:
                notice.write(
                    {
                        "state": "not_sent",
                        "failure_reason": self.env._(
                            "Nobody may decide about client accounts of %s. Give "
                            "somebody the right “Client Accounts: Approver”.",
                            notice.company_id.display_name,
                        ),
                    }
                )
            for user in users:
                told[notice.account_id, user] |= notice
                if notice.kind == "limit_exceeded":
                    notice._schedule_activity(user)
        texts = {
            lang: notices._render(lang)
            for lang in {user.lang for _account, user in told}
        }
        for (_account, user), items in told.items():
            items._notify_user(user, [texts[user.lang][item] for item in items])
        if told:
            self._trigger_mail_queue()
        # Who reads them in the inbox has them.
        for notice in notices.filtered("message_ids"):
            if not notice._get_mails():
                notice.state = "delivered"

    def _get_mails(self):
        """Return the e-mails of these notices."""
        return self.env["mail.mail"].search(
            [("mail_message_id", "in", self.message_ids.ids)]
        )

    def _schedule_activity(self, user):
        """Put one notice before a user as something to do; the message tells it."""
        self.ensure_one()
        account = self.account_id.with_context(
            lang=user.lang, mail_activity_quick_update=True
        )
        account.activity_schedule(
            LIMIT_EXCEEDED_ACTIVITY,
            user_id=user.id,
            summary=account.env._(
                "%(client)s owes %(owed)s, the limit is %(limit)s",
                client=self.partner_id.display_name,
                owed=self.currency_id.format(self.amount),
                limit=self.currency_id.format(self.threshold),
            ),
        )

    @api.model
    def _trigger_mail_queue(self):
        self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()

    def _notify_user(self, user, texts):
        """Tell one user what these notices of one account say, in one message.

        By e-mail or in the inbox, as the user prefers.

        :param texts: list of (subject, body), see `_render`
        """
        account = self.account_id
        # Who may not see the account finds the client by the contact.
        record = account.partner_id if any(self.mapped("amount_hidden")) else account
        message = record.with_context(lang=user.lang).message_notify(
            partner_ids=user.partner_id.ids,
            subject=texts[0][0],
            body=Markup().join(body for _subject, body in texts),
            force_send=False,
            notify_author=True,
            email_add_signature=False,
        )
        self.write({"message_ids": [Command.link(message.id)]})

    @api.model
    def _get_message_models(self):
        """Return the models whose messages may be notices: all others cost nothing."""
        return self._name, "client.account", "res.partner"

    @api.model
    def _get_told_models(self):
        """Return the models whose messages may tell about limits or balances."""
        return *self._get_message_models(), "client.account.request"

    @api.model
    def _log_delivery(self, messages, failure_type, failure_reason):
        """Log whether the mails of these messages went out.

        :param messages: `mail.message`
        :param failure_type: of `mail.mail`, false where they went out
        """
        notices = self.search([("message_ids", "in", messages.ids)])
        if failure_type == "mail_smtp":
            # The server is down; the next run queues the mail again.
            notices.write({"state": "waiting", "failure_reason": failure_reason})
        elif failure_type:
            notices.write({"state": "failed", "failure_reason": failure_reason})
        else:
            for notice in notices:
                others = notice._get_mails().filtered(
                    lambda mail: (
                        mail.mail_message_id not in messages
                        and mail.state in ("outgoing", "exception")
                    )
                )
                if not others:
                    notice.write({"state": "delivered", "failure_reason": False})

    @api.model
    def _queue_again(self):
        """Queue again the mails that no mail server took so far."""
        waiting = self.search(
            [("state", "=", "waiting"), ("failure_reason", "!=", False)]
        )
        mails = self.env["mail.mail"].search(
            [
                ("mail_message_id", "in", waiting.message_ids.ids),
                ("state", "=", "exception"),
            ]
        )
        if mails:
            mails.mark_outgoing()
            self._trigger_mail_queue()
