from odoo import api, fields, models
from odoo.exceptions import UserError

# What a mail is written with; its report reads them again.
DATE_KEYS = ("client_statement_from", "client_statement_to")


class ClientAccountStatement(models.TransientModel):
    """Print or mail the statements of client accounts for some time."""

    _name = "client.account.statement"
    _description = "Statement of Client Accounts"

    account_ids = fields.Many2many("client.account", string="Clients")
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self._get_default_dates()[0],
    )
    date_to = fields.Date(
        string="To",
        required=True,
        default=lambda self: self._get_default_dates()[1],
        help="What was settled after this day counts as open, as it was then.",
    )

    @api.model
    def _get_default_dates(self):
        return self.env["client.account"]._get_statement_dates()

    def _check_statement(self):
        """Make sure there is something to print and the user may read it.

        :raise UserError: otherwise
        """
        self.ensure_one()
        if not self.account_ids:
            raise UserError(self.env._("Choose at least one client."))
        self.account_ids._check_statement_access()
        if self.date_from > self.date_to:
            raise UserError(
                self.env._(
                    "The statement of %s ends before it begins. Choose a later last "
                    "day.",
                    ", ".join(self.account_ids.mapped("display_name")[:5]),
                )
            )

    def action_print(self):
        """Return the PDF of the statements.

        :raise UserError: when no client is chosen, or the dates are turned round
        """
        self._check_statement()
        report = self.env.ref("client_account.client_account_statement_report")
        return report.report_action(
            self.account_ids,
            data={
                "account_ids": self.account_ids.ids,
                "date_from": fields.Date.to_string(self.date_from),
                "date_to": fields.Date.to_string(self.date_to),
            },
        )

    def action_send(self):
        """Open the mail with the statement: to each client their own.

        :raise UserError: when no client is chosen, or the dates are turned round
        """
        self._check_statement()
        template = self.env.ref("client_account.mail_template_statement")
        days = (fields.Date.to_string(day) for day in (self.date_from, self.date_to))
        many = len(self.account_ids) > 1
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send Statements")
            if many
            else self.env._("Send Statement"),
            "res_model": "mail.compose.message",
            "views": [[False, "form"]],
            "target": "new",
            "context": {
                "default_composition_mode": "mass_mail" if many else "comment",
                "default_model": "client.account",
                "default_res_ids": self.account_ids.ids,
                "default_template_id": template.id,
                "default_email_layout_xmlid": "mail.mail_notification_light",
                **dict(zip(DATE_KEYS, days, strict=True)),
            },
        }
