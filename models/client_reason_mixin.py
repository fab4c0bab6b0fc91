from odoo import api, fields, models


class ClientReasonMixin(models.AbstractModel):
    """A reason in words, with one of the company's list beside it to analyse by."""

    _name = "client.reason.mixin"
    _description = "Reason of Credits and Charges"

    reason = fields.Text(help="Shown in the client's history.")
    reason_id = fields.Many2one(
        "client.adjustment.reason",
        string="Kind of Reason",
        check_company=True,
        help="From the company's list: credits and charges are analysed by it.",
    )
    has_reasons = fields.Boolean(
        compute="_compute_has_reasons", help="The company keeps a list of reasons."
    )

    @api.depends("company_id")
    def _compute_has_reasons(self):
        reasons = self.env["client.adjustment.reason"]
        for record in self:
            record.has_reasons = bool(
                reasons.search(
                    reasons._check_company_domain(record.company_id), limit=1
                )
            )

    @api.onchange("reason_id")
    def _onchange_reason_id(self):
        """Start the text with the chosen reason, as long as nobody wrote another."""
        reason = self.reason or ""
        reasons = self.env["client.adjustment.reason"]
        if self.reason_id and (
            not reason or reasons.search_count([("name", "=", reason)], limit=1)
        ):
            self.reason = self.reason_id.name
