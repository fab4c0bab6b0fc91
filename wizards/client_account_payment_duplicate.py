from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

# A payment in one of these states stands; drafts and cancelled ones do not.
STANDING_STATES = ("in_process", "paid")

# Payments that the hint names at most.
PAYMENTS_NAMED = 3


class ClientAccountPayment(models.TransientModel):
    """A payment that looks like one that was booked is pointed out before it is."""

    _inherit = "client.account.payment"

    duplicate_warning = fields.Char(
        compute="_compute_duplicate_warning",
        help="Names the payments of the same client, amount, day and memo.",
    )
    needs_book_anyway = fields.Boolean(compute="_compute_duplicate_warning")
    book_anyway = fields.Boolean(
        string="Book It Anyway",
        help="This is another payment than the one that looks like it.",
    )

    @api.depends(
        "account_id", "payment_type", "amount", "currency_id", "date", "memo", "answer"
    )
    def _compute_duplicate_warning(self):
        for wizard in self:
            payments = wizard._search_same_payments()
            wizard.duplicate_warning = (
                wizard._format_same(payments) if payments else False
            )
            wizard.needs_book_anyway = wizard._needs_book_anyway(payments)

    def _search_same_payments(self):
        """Return the payments that look like this one: of the same client, way, amount,
        currency, day and memo.

        A payment on several receivable accounts was booked as one document each, all at
        one time: they count with their sum, too.

        :return: `account.payment` under sudo: officers need no right to payments
        """
        payments = self.env["account.payment"].sudo()
        account = self.account_id._origin
        if self.answer or not account or not self.currency_id or not self.amount:
            return payments
        # Computed under sudo perhaps, which says nothing of the user's own rights.
        account.sudo(False)._check_officer()
        found = payments.search(
            [
                ("partner_id", "in", account._search_contacts().ids),
                # Sudo: a branch's user need not read the root company.
                ("company_id", "child_of", account.sudo().company_id.id),
                ("payment_type", "=", self.payment_type),
                ("partner_type", "=", "customer"),
                ("currency_id", "=", self.currency_id.id),
                ("date", "=", self._get_date()),
                ("state", "in", STANDING_STATES),
            ],
            order="id",
        )
        found = found.filtered(
            lambda payment: (
                self._get_plain_memo(payment.memo) == self._get_plain_memo(self.memo)
            )
        )
        same = found.filtered(lambda payment: self._is_same_amount(payment.amount))
        for shares in found.grouped("create_date").values():
            if self._is_same_amount(sum(shares.mapped("amount"))):
                same |= shares
        return same

    @api.model
    def _get_plain_memo(self, memo):
        """Return a memo as a payment of this window has it, an empty text for none."""
        return (memo or "")[:120].strip()

    def _is_same_amount(self, amount):
        """Tell whether an amount is this payment's."""
        return self.currency_id.compare_amounts(amount, self.amount) == 0

    def _needs_book_anyway(self, payments):
        """Tell whether this payment is booked only where somebody says it is another.

        Without a memo nothing says which of two payments each is: they are pointed out
        and not refused.

        :param payments: from `_search_same_payments`
        """
        return bool(payments and self._get_plain_memo(self.memo))

    def _format_same(self, payments):
        """Return which payments this one looks like, in a sentence.

        :param payments: from `_search_same_payments`, at least one
        """
        return self.env._(
            "This looks like %(payments)s of %(client)s, which is booked already: the "
            "same %(amount)s on %(date)s with the same memo. Make sure that it is "
            "another payment.",
            payments=", ".join(
                payment.name or payment.display_name
                for payment in payments[:PAYMENTS_NAMED]
            ),
            client=self.account_id.display_name,
            amount=self.currency_id.format(self.amount),
            date=format_date(self.env, self._get_date()),
        )

    def _check_payment(self):
        """Extend it to book what looks like another payment only where somebody says
        that it is none.

        :raise UserError: when nobody does
        """
        result = super()._check_payment()
        payments = self._search_same_payments()
        if self._needs_book_anyway(payments) and not self.book_anyway:
            raise UserError(
                self.env._(
                    "%(hint)s Tick “Book It Anyway” then.",
                    hint=self._format_same(payments),
                )
            )
        return result
