from odoo import api, fields, models
from odoo.fields import Domain

from ..const import VIEWER


class AccountMove(models.Model):
    """What posting a draft will do to its client, said before anybody posts it."""

    _inherit = "account.move"

    client_posting_preview = fields.Char(
        compute="_compute_client_posting_preview",
        groups=VIEWER,
        help="What posting this draft does to the client's account.",
    )

    @api.depends(
        "state", "move_type", "partner_id", "company_id", "amount_total_signed"
    )
    def _compute_client_posting_preview(self):
        """Say before anybody presses Post what credit will be applied and what is
        missing."""
        for move in self:
            move.client_posting_preview = (
                move._get_posting_preview()
                if move.state == "draft"
                and move.move_type in ("out_invoice", "out_receipt")
                and move.partner_id
                and move.amount_total_signed > 0
                else False
            )

    def _get_posting_preview(self):
        """Return what posting this draft does to the client's account, in words."""
        self.ensure_one()
        account = self._get_warning_account(self)
        if not account:
            return False
        format_amount = account.currency_id.format
        amount = self.amount_total_signed
        texts = []
        if usable := min(self._get_usable_credit(account), amount):
            due = account.currency_id.round(amount - usable)
            texts.append(
                self.env._(
                    "%(credit)s of account credit will be applied; %(due)s stays due.",
                    credit=format_amount(usable),
                    due=format_amount(due),
                )
                if due
                else self.env._(
                    "%s of account credit will be applied; nothing stays due.",
                    format_amount(usable),
                )
            )
        released = self._get_released_ahead(account)
        taken = amount - released + self._get_unjudged_ahead(account)
        missing = amount - released - account.available
        if (
            account._get_policy("negative_balance") == "prevented"
            and not self._tells_what_happened()
            and account.currency_id.compare_amounts(min(taken, missing), 0) > 0
        ):
            texts.append(
                self.env._(
                    "%s is missing under the client's policy.",
                    format_amount(account.currency_id.round(missing)),
                )
            )
        return " ".join(texts) or False

    def _get_usable_credit(self, account):
        """Return how much credit policies apply to this draft by themselves.

        :param account: its `client.account` under sudo
        :return: company currency
        """
        policy = account._get_policy("credit_application")
        up_front = account._get_policy("pay_later") == "disabled"
        if (policy == "manual" and not up_front) or self._filter_credit_excluded():
            return 0.0
        # Sudo: the amount is for who may see figures, of whichever items.
        lines = self.env["account.move.line"].sudo()
        domain = account._get_items_domain() & lines._get_open_item_domain(-1)
        domain &= lines._get_begun_domain()
        if policy != "all" and not up_front:
            domain &= Domain("move_id.client_account_credit", "=", True)
        [(residual,)] = lines._read_group(domain, [], ["amount_residual:sum"])
        return -(residual or 0.0)
