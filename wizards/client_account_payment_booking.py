from odoo import models
from odoo.exceptions import UserError

from ..utils import check_amount, check_date, in_plain_context
from .client_once_mixin import books_once


class ClientAccountPayment(models.TransientModel):
    """What the window of payments books, and what it refuses to."""

    _inherit = "client.account.payment"

    # === Actions ===

    @books_once
    def action_confirm(self):
        """Book the payment and allocate it as typed.

        :return: an action that says what was booked
        :raise UserError: when a value is refused; nothing is booked
        """
        self.account_id._check_officer()
        self._check_payment()
        if self.payment_type == "outbound":
            payments_sudo = self._pay_back()
        else:
            payments_sudo = self._receive(self._get_allocations())
        moves = payments_sudo.move_id.sudo(self.env.su)
        self._keep_booked(moves)
        return self._get_done_action(
            self._get_done_message(payments_sudo),
            moves,
            self.date,
            [(self.env._("Undo"), self, "action_undo"), *self._get_receipt_offer()],
        )

    def _get_done_message(self, payments_sudo):
        """Return what was done, in a sentence, which the account's chatter keeps."""
        values = {
            "amount": self.currency_id.format(self.amount),
            "client": self.account_id.display_name,
            "payments": ", ".join(payments_sudo.mapped("name")),
        }
        if self.payment_type == "inbound":
            done = self.env._("%(amount)s received from %(client)s.", **values)
            note = self.env._("%(amount)s received with %(payments)s.", **values)
        else:
            done = self.env._("%(amount)s paid back to %(client)s.", **values)
            note = self.env._("%(amount)s paid back with %(payments)s.", **values)
        self.account_id._log_acts([(self.account_id, note)])
        return f"{done} {self._format_new_balance(self.account_id)}"

    def _get_receipt_offer(self):
        """Return the offer to mail a receipt, to whoever may read payments."""
        payments = self.env["account.payment"].sudo(False)
        if self.payment_type == "inbound" and payments.has_access("read"):
            yield self.env._("Send Receipt"), self, "action_send_receipt"

    def action_send_receipt(self):
        """Open the mail with the receipt of what this window has received."""
        self._check_one_wizard()
        # Sudo: the documents of this window; reading their payments is checked below.
        moves = self.env["account.move"].sudo().browse((self.booked or {}).get("moves"))
        payments = moves.exists().origin_payment_id.sudo(self.env.su)
        if not payments:
            raise UserError(
                self.env._(
                    "There is no payment of %s left to send a receipt for.",
                    self._get_sent_client_name({}),
                )
            )
        payments.check_access("read")
        template = self.env.ref("account.mail_template_data_payment_receipt")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send Receipt"),
            "res_model": "mail.compose.message",
            "views": [[False, "form"]],
            "target": "new",
            "context": {
                "default_composition_mode": "comment",
                "default_model": payments._name,
                "default_res_ids": payments[:1].ids,
                "default_template_id": template.id,
                "mailing_document_based": True,
            },
        }

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: cancel the payments."""
        self.account_id._check_officer()
        self._check_same_allocations(moves_sudo, partials_sudo)
        payments_sudo = in_plain_context(moves_sudo.origin_payment_id)
        for payment in payments_sudo:
            payment._check_client_undo()
        partials_sudo.sudo(self.env.su)._check_may_take_off()
        names = ", ".join(moves_sudo.mapped("name")[:5])
        partials_sudo.unlink()
        # Not by way of a draft, which Odoo deletes where it cancels the payment: the
        # entry stays, cancelled.
        payments_sudo.action_cancel()
        note = self.env._("%s cancelled again.", names)
        self.account_id._log_acts([(self.account_id, note)])
        return f"{note} {self._format_new_balance(self.account_id)}"

    # === Booking ===

    def _receive(self, allocations):
        """Book the money, one payment for each receivable account, and allocate it.

        :param allocations: from `_get_allocations`
        :return: the `account.payment`, under sudo as officers need no right to make
            payments; what is booked is fixed
        """
        shares = self._simulate_shares(allocations)
        account = self.account_id._get_receivable_account().sudo()
        rest = self.amount + self.discount_total - sum(shares.values())
        if not self.currency_id.is_zero(rest):
            shares[account] = shares.get(account, 0.0) + rest
        payments_sudo = self.env["account.payment"].sudo()
        for account, share in shares.items():
            paid = [item for item in allocations if item[0].account_id == account]
            payments_sudo |= self._receive_on(account, share, paid)
        return payments_sudo

    def _receive_on(self, account, share, allocations):
        """Book the money for one receivable account and allocate it.

        :param float share: of the money and the discounts, in the payment's currency
        :param allocations: those on this account
        :return: the `account.payment`, under sudo
        """
        discounted = [item for item in allocations if item[2]]
        discount = sum(discount for _debit, _amount, discount in discounted)
        payment_sudo = self._create_payment_sudo(
            share - discount,
            destination_account_id=account.id,
            write_off_line_vals=self._prepare_discount_vals(discounted),
        )
        item = payment_sudo.move_id._get_receivable_items()
        posted = [pair for pair in allocations if pair[0].parent_state == "posted"]
        item._allocate_amounts([(item, debit, amount) for debit, amount, _d in posted])
        drafts = (
            self.env["account.move"]
            .union(*(debit.move_id for debit, *_rest in allocations))
            .filtered(lambda move: move.state == "draft")
        )
        if drafts:
            drafts._with_money_received(item)._post(soft=False)
        return payment_sudo

    def _prepare_discount_vals(self, allocations):
        """Return the items that book the early payment discounts, as Odoo's own Pay.

        :param allocations: list of (debit item, amount, discount in its currency)
        """
        if not allocations:
            return []
        company = self.company_id.sudo()
        discount = sum(discount for _debit, _amount, discount in allocations)
        values = self.env[
            "account.move"
        ]._get_invoice_counterpart_amls_for_early_payment_discount(
            [
                {
                    "aml": debit,
                    "amount_currency": -debit.amount_residual_currency,
                    "balance": debit.currency_id._convert(
                        -debit.amount_residual_currency,
                        company.currency_id,
                        company,
                        self._get_date(),
                    ),
                }
                for debit, _amount, _discount in allocations
            ],
            self.currency_id._convert(
                discount, company.currency_id, company, self._get_date()
            ),
        )
        return [vals for group in values.values() for vals in group]

    def _pay_back(self):
        """Pay credits back, one payment for each receivable account they are on.

        What is paid beyond them is owed by the client.

        :return: the `account.payment`, under sudo
        """
        left = self.amount
        shares = {}
        for account, credits in self._get_credits_by_account().items():
            share = min(left, self._get_credit_worth(credits))
            if self.currency_id.compare_amounts(share, 0) > 0:
                shares[account] = share
                left = self.currency_id.round(left - share)
        if left:
            account = self.account_id._get_receivable_account().sudo()
            shares[account] = shares.get(account, 0.0) + left
        payments_sudo = self.env["account.payment"].sudo()
        for account, share in shares.items():
            payment_sudo = self._create_payment_sudo(
                share, destination_account_id=account.id
            )
            payment_sudo.move_id._get_receivable_items()._pay_back_credits()
            payments_sudo |= payment_sudo
        return payments_sudo

    def _create_payment_sudo(self, amount, **values):
        """Make and post a payment, always with its journal entry.

        :param float amount: in the payment's currency
        :param values: more values of the payment
        :return: the `account.payment`, under sudo
        """
        payments_sudo = in_plain_context(self.env["account.payment"].sudo())
        payments_sudo = payments_sudo.with_company(self.company_id)
        if not self.payment_method_line_id.sudo().payment_account_id:
            # Without an account the payment would book no entry, so give no credit.
            payments_sudo = payments_sudo.with_context(force_payment_move=True)
        payment_sudo = payments_sudo.create(
            {**self._prepare_payment_vals(), "amount": amount, **values}
        )
        payment_sudo = payment_sudo.with_context(force_payment_move=False)
        payment_sudo.action_post()
        if self.payment_type == "inbound":
            payment_sudo.move_id.client_account_credit = True
        payment_sudo.move_id._tell_moved_dates([self.date])
        return payment_sudo

    def _prepare_payment_vals(self):
        """Return the values of the payment.

        Hook: override to add fields.
        """
        return {
            "payment_type": self.payment_type,
            "partner_type": "customer",
            "partner_id": self.account_id.partner_id.id,
            "currency_id": self.currency_id.id,
            "date": self.date,
            "journal_id": self.journal_id.id,
            "payment_method_line_id": self.payment_method_line_id.id,
            "memo": self.memo and self.memo[:120],
        }

    # === Checks ===

    def _check_payment(self):
        """Make sure the payment can be booked.

        :raise UserError: otherwise
        """
        name = self.account_id.display_name
        check_amount(self.env, name, self.amount, self.currency_id)
        check_date(self.env, name, self.date)
        # Sudo: officers need no right to journals to receive money in one.
        journal = self.journal_id.sudo()
        if journal.type not in ("bank", "cash", "credit"):
            raise UserError(
                self.env._("Choose a bank or cash journal for the payment of %s.", name)
            )
        if self.payment_method_line_id not in self._get_available_method_lines():
            raise UserError(
                self.env._(
                    "Choose a payment method of %(journal)s for the payment of "
                    "%(client)s.",
                    journal=journal.display_name,
                    client=name,
                )
            )
        if self.payment_type == "outbound" and self._get_credit_worth() <= 0:
            raise UserError(
                self.env._(
                    "%s has no open credit to pay back. Issue a credit first.", name
                )
            )
        if self.exceeds_credit and not self.pay_more:
            raise UserError(
                self.env._(
                    "%(client)s has %(credit)s in credit. Pay back that much or less, "
                    "or tick “Pay Back More”: the rest is owed by the client.",
                    client=name,
                    credit=self.currency_id.format(self._get_credit_worth()),
                )
            )

    def _get_allocations(self):
        """Return the typed allocations, checked against what is due.

        :return: list of (debit item, amount allocated in its currency, early payment
            discount that is part of it)
        :raise UserError: when one does not belong here, or too much is allocated
        """
        name = self.account_id.display_name
        allocations = []
        drafts = self._search_waiting_drafts()
        for line in self.line_ids.filtered("amount"):
            debit = line._get_debit()
            if not debit:
                raise UserError(
                    self.env._(
                        "Choose an open invoice or charge of %s in each line with an "
                        "amount.",
                        name,
                    )
                )
            if debit not in drafts and (problem := self._get_receiving_problem(debit)):
                raise UserError(problem)
            amount = check_amount(self.env, name, line.amount, debit.currency_id)
            discount = line.discount if line._takes_discount() else 0.0
            amount = debit.currency_id.round(amount + discount)
            debit._check_amount_due(amount)
            allocations.append((debit, amount, discount))
        self._check_enough_money(allocations)
        return allocations

    def _get_receiving_problem(self, debit):
        """Return why money is not received for an item of the client, None where it is.

        Of drafts only those that wait for just this money are posted here, see
        `_search_waiting_drafts`: no other is this window's to post.
        """
        return debit._get_draft_problem() or debit._get_being_paid_problem()

    def _check_enough_money(self, allocations):
        """Make sure that what is typed in the payment's currency is there.

        :raise UserError: otherwise
        """
        total = sum(amount - discount for _debit, amount, discount in allocations)
        more = self.currency_id.round(total - self.amount)
        if more > 0 and all(
            debit.currency_id == self.currency_id for debit, *_rest in allocations
        ):
            raise UserError(
                self.env._(
                    "%(client)s pays %(amount)s, but %(more)s more is allocated. "
                    "Lower an allocated amount or raise the payment.",
                    client=self.account_id.display_name,
                    amount=self.currency_id.format(self.amount),
                    more=self.currency_id.format(more),
                )
            )
