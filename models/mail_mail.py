from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of `mail` to log whether notices of client accounts went out."""
        # Before: mails that went out may be deleted by what comes now.
        # Sudo: nobody may write the log.
        notices = self.env["client.account.notice"].sudo()
        if messages := self.mail_message_id.filtered(
            lambda message: message.model in notices._get_message_models()
        ):
            notices._log_delivery(
                messages,
                failure_type,
                failure_reason
                or ", ".join(set(self.mapped("failure_reason")) - {False}),
            )
        return super()._postprocess_sent_message(
            success_pids,
            success_emails,
            failure_reason=failure_reason,
            failure_type=failure_type,
        )
