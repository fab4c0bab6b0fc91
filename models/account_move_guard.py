from odoo import api, models
from odoo.exceptions import UserError

# A document's rate that is further than this from the day's needs an approver.
RATE_TOLERANCE = 0.1

ACCOUNTANTS = ("account.group_account_user", "account.group_account_manager")


class AccountMove(models.Model):
    """What nobody writes raw on documents of clients, and what entries by hand are.

    Odoo's own checks are switched off by keys in the context, which any caller sends.
    None of these looks at the context.
    """

    _inherit = "account.move"

    def _check_raw_write(self, vals):
        """Refuse to make another kind of document of one that was posted.

        :raise UserError: when one was posted, or is posted by this
        """
        if self.env.su or "move_type" not in vals:
            return
        for move in self:
            if move.move_type != vals["move_type"] and (
                move.posted_before or move.state != "draft"
            ):
                raise UserError(
                    self.env._(
                        "%s was posted and stays the kind of document it is. Cancel it "
                        "and make a new one instead.",
                        move.display_name,
                    )
                )

    def _check_raw_unlink(self):
        """Refuse to delete what stands, or stood, in the ledger of a client.

        :raise UserError: when a document is posted on a client, or an adjustment
        """
        if self.env.su:
            return
        for move in self.sudo():
            if move.client_adjustment or (
                move.state == "posted" and move._get_posted_receivable_items()
            ):
                raise UserError(
                    self.env._(
                        "%s stands in the ledger of a client and is never deleted. "
                        "Reverse it instead.",
                        move.display_name,
                    )
                )

    # === Entries by hand ===

    def _tells_what_happened(self):
        """Tell whether this document only says what has happened already, so that it is
        told, not refused, where it leaves a client with less.

        Entries of payments and of bank lines, true reversals, and what accountants and
        Odoo's own code book by hand.
        """
        self.ensure_one()
        if self._is_balance_gated():
            return False
        # Sudo: the policy binds whoever posts, whatever they may see.
        move_sudo = self.sudo()
        return (
            self.env.su
            or any(self.env.user.has_group(group) for group in ACCOUNTANTS)
            or bool(self.env["client.account"]._get_watch().exchanges)
            or move_sudo.statement_line_id.move_id == move_sudo
            and bool(move_sudo.statement_line_id)
            or move_sudo._is_own_payment()
            or move_sudo._is_true_reversal()
        )

    def _is_own_payment(self):
        """Tell whether this is the entry of a payment, with its amount."""
        payment = self.origin_payment_id
        amounts = self._get_receivable_items().mapped("amount_currency")
        return (
            bool(payment)
            and payment.move_id == self
            and payment.currency_id.compare_amounts(abs(sum(amounts)), payment.amount)
            <= 0
        )

    def _is_true_reversal(self):
        """Tell whether this takes back what another posted entry gave, once."""
        origin = self.reversed_entry_id
        others = origin.reversal_move_ids - self
        if origin.state != "posted" or "posted" in others.mapped("state"):
            return False
        given = {
            key: sum(items.mapped("balance"))
            for key, items in origin._get_receivable_items()._group_by_client().items()
        }
        return all(
            self.company_currency_id.compare_amounts(
                sum(items.mapped("balance")), -given.get(key, 0.0)
            )
            <= 0
            for key, items in self._get_receivable_items()._group_by_client().items()
        )

    # === Rates ===

    def _check_own_rates(self, postings):
        """Refuse a rate of somebody's own that makes a debt look smaller or larger.

        :param postings: {client key: posting} of the documents' clients
        :raise UserError: when it is more than a tenth off the day's, the client's
            balance is guarded, and the user is no approver
        """
        for move in self._group_gated(postings):
            if move.currency_id == move.company_currency_id:
                continue
            rate = move.invoice_currency_rate
            day = move.expected_currency_rate
            if not day or abs(rate / day - 1) <= RATE_TOLERANCE:
                continue
            if self.env["res.partner"]._may_decide_in(move.company_id.sudo().root_id):
                continue
            raise UserError(
                self.env._(
                    "The rate of %(document)s, %(rate)s, is more than a tenth off the "
                    "%(day)s of its day. Take the rate of the day, or ask an approver "
                    "of client accounts to post it.",
                    document=move.display_name,
                    rate=f"{rate:.6g}",
                    day=f"{day:.6g}",
                )
            )

    def _group_gated(self, postings):
        """Return those of these documents that are gated for a client whose balance is
        guarded."""
        return self.filtered(
            lambda move: (
                move._is_balance_gated()
                and any(
                    key in postings and postings[key].negative_balance == "prevented"
                    for key in move._get_receivable_items()._group_by_client()
                )
            )
        )


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _check_raw_unlink(self):
        """Refuse to delete posted items of clients, which Odoo does for the lines of a
        bank statement alone.

        :raise UserError: otherwise
        """
        if self.env.su:
            return
        for item in self.sudo():
            if item._get_worth() and not item.move_id.statement_line_id:
                raise UserError(
                    self.env._(
                        "%s stands in the ledger of a client and is never deleted. "
                        "Reverse it instead.",
                        item.move_id.display_name,
                    )
                )

    @api.model
    def _create_exchange_difference_moves(self, exchange_diff_values_list):
        """Override of `account`: what these entries book, the rates have done."""
        watch = self.env["client.account"]._get_watch()
        watch.exchanges += 1
        try:
            return super()._create_exchange_difference_moves(exchange_diff_values_list)
        finally:
            watch.exchanges -= 1

    @api.model
    def _reconcile_plan(self, reconciliation_plan):
        """Override of `account`: what its engine matches it has looked at itself."""
        watch = self.env["client.account"]._get_watch()
        watch.engine += 1
        try:
            return super()._reconcile_plan(reconciliation_plan)
        finally:
            watch.engine -= 1


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    def _check_raw_match(self):
        """Refuse matches by hand that Odoo's own engine would not make.

        :raise UserError: when an item is no posted one of an account that is reconciled
        """
        for item in (self.debit_move_id | self.credit_move_id).sudo():
            if item.parent_state != "posted" or not (
                item.account_id.reconcile
                or item.account_type in ("asset_cash", "liability_credit_card")
            ):
                raise UserError(
                    self.env._(
                        "%s cannot be matched: only posted items of accounts that are "
                        "reconciled are. Post it first.",
                        item.move_id.display_name,
                    )
                )

    def _check_matched(self):
        """Refuse to match more of an item than is open on it.

        :raise UserError: when what is open has changed its sign
        """
        for item in (self.debit_move_id | self.credit_move_id).exists():
            sign = 1 if item.balance > 0 or item.amount_currency > 0 else -1
            company, currency = item.company_currency_id, item.currency_id
            if (
                company.compare_amounts(sign * item.amount_residual, 0) < 0
                or currency.compare_amounts(sign * item.amount_residual_currency, 0) < 0
            ):
                raise UserError(
                    self.env._(
                        "More is matched with %s than is open on it. Match no more "
                        "than is open.",
                        item.move_id.display_name,
                    )
                )

    def _check_may_take_off(self):
        """Keep credit on the document that was posted with it.

        Who pays up front would pay the next document with the same credit. Whoever
        resets the document takes it off with the debt.

        :raise UserError: when the client pays up front and the user is no approver
        """
        # Sudo: whose items these are is looked at to decide, not shown.
        for part in self.sudo():
            document = part.debit_move_id.move_id
            if (
                document.state != "posted"
                or not document._is_balance_gated()
                or not part.debit_move_id.partner_id
            ):
                continue
            client, root = part.debit_move_id._get_client_key()
            policy = self.env["client.account"]._get_client_policy(
                client, root, "pay_later"
            )
            if policy == "disabled" and not self.env["res.partner"]._may_decide_in(
                root
            ):
                raise UserError(
                    self.env._(
                        "%(client)s pays up front, and %(document)s was posted with "
                        "this credit. Ask an approver of client accounts to take it "
                        "off, or reset the document.",
                        client=client.display_name,
                        document=document.display_name,
                    )
                )
