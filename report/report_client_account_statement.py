from odoo import api, models

from ..const import AGEING


class ReportClientAccountStatement(models.AbstractModel):
    _name = "report.client_account.report_statement"
    _description = "Statement of Client Accounts (PDF)"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return what the statements show.

        :param docids: ids of accounts, None where `data` has them
        :param data: `account_ids`, `date_from` and `date_to` of the window; a mail has
            the dates in its context
        """
        data = data or {}
        context = self.env.context
        accounts = self.env["client.account"].browse(
            docids or data.get("account_ids") or []
        )
        accounts._check_statement_access()
        date_from, date_to = accounts._get_statement_dates(
            data.get("date_from") or context.get("client_statement_from"),
            data.get("date_to") or context.get("client_statement_to"),
        )
        return {
            "doc_ids": accounts.ids,
            "doc_model": accounts._name,
            "docs": accounts,
            "date_from": date_from,
            "date_to": date_to,
            "ageing_names": list(AGEING),
            "currencies": self.env["res.currency"]
            .sudo()
            .with_context(active_test=False),
        }
