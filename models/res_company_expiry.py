from datetime import timedelta

from odoo import fields, models


class ResCompany(models.Model):
    """After how many days credits expire, and who hears of it."""

    _inherit = "res.company"

    client_expiry_days = fields.Integer(
        string="Credits Expire after",
        help="So many days after its date a credit issued to a client is no longer "
        "usable, unless its reason or whoever issues it says otherwise. Zero: never.",
    )
    client_expiry_waits = fields.Boolean(
        string="Keep for Due Invoices",
        help="A credit is not booked back while an invoice that was due by its last "
        "day, and that it could pay, is open.",
    )
    client_expiry_notice_days = fields.Integer(
        string="Tell Clients before",
        help="So many days before the last day of a credit its client is told by "
        "e-mail. Zero: clients are not told.",
    )

    _client_expiry_range = models.Constraint(
        "CHECK(client_expiry_days BETWEEN 0 AND 3650"
        " AND client_expiry_notice_days BETWEEN 0 AND 3650)",
        "Credits expire after, and clients are told before, 0 to 3,650 days.",
    )

    def _get_client_expiry_date(self, date=None, reason=None):
        """Return the last day of a credit, as the company or its reason has it.

        :param date: of the credit, today when empty
        :param reason: `client.adjustment.reason`, empty perhaps
        :return: a date, None where it does not expire
        """
        days = (reason and reason.expiry_days) or self.client_expiry_days
        if not days:
            return None
        return (date or fields.Date.context_today(self)) + timedelta(days=days)
