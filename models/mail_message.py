from odoo import api, models


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.depends_context("uid")
    def _compute_display_name(self):
        """Override of the ORM to name messages about accounts to their readers alone.

        Every employee may read what colleagues were notified of, and with that the
        names of the messages, as superuser: their subjects, which hold limits.
        """
        result = super()._compute_display_name()
        names = self.env["client.account.notice"]._get_told_models()
        told = self.filtered(lambda message: message.id and message.model in names)
        readable = told.sudo(False)._filtered_access("read")
        (told - readable).display_name = False
        return result
