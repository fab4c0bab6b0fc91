from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import SQL

from ..const import WAITING_TRANSACTIONS


class PaymentTransaction(models.Model):
    """Money that clients pay online on their account.

    It is booked once, as account credit of the account's client, whoever pays. Money
    taken is always booked, whatever policies say; what cannot be applied stays credit.
    """

    _inherit = "payment.transaction"

    client_account_id = fields.Many2one(
        "client.account",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The account the money is for, whoever pays it.",
        written_by="provider",
    )
    client_purpose = fields.Selection(
        [
            ("top_up", "Top-Up"),
            ("charges", "Open Charges"),
            ("request", "Payment in Advance"),
            ("auto", "Automatic Top-Up"),
        ],
        string="Paid For",
        readonly=True,
        copy=False,
        written_by="provider",
    )
    client_line_ids = fields.Many2many(
        "account.move.line",
        "client_account_transaction_line_rel",
        "transaction_id",
        "line_id",
        string="Debts Paid",
        readonly=True,
        copy=False,
        help="What the money is for. While it is on its way they count as being paid.",
        written_by="provider",
    )
    client_request_id = fields.Many2one(
        "client.credit.request",
        string="Request Paid",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        written_by="provider",
    )

    client_stale_told = fields.Boolean(
        string="Staff Told of Stale Payment",
        readonly=True,
        copy=False,
        written_by="provider",
        help="Staff was told that this money may have been taken and is not booked.",
    )

    # One charge at a time, whatever starts the job how often. What captures, voids or
    # refunds one is none.
    _client_auto_unique = models.UniqueIndex(
        "(client_account_id) WHERE client_purpose = 'auto'"
        " AND source_transaction_id IS NULL"
        " AND state IN ('draft', 'pending', 'authorized')",
        "An automatic top-up of this account is under way already.",
    )

    def _get_client_values(self):
        """Return what one transaction hands on to those that capture or refund it."""
        self.ensure_one()
        return {
            "client_account_id": self.client_account_id.id,
            "client_purpose": self.client_purpose,
            "client_line_ids": [Command.set(self.client_line_ids.ids)],
            "client_request_id": self.client_request_id.id,
        }

    def _create_child_transaction(
        self, amount, is_refund=False, **custom_create_values
    ):
        """Override of `payment` to say of a part whose money it is."""
        return super()._create_child_transaction(
            amount,
            is_refund=is_refund,
            **(self._get_client_values() | custom_create_values),
        )

    def _get_taken_amount(self):
        """Return how much money one transaction has taken, or a provider promised, that
        no payment has booked.

        What was captured of it in part is booked with transactions of its own, as what
        was voided is given up.

        :return: currency of the transaction
        :rtype: float
        """
        self.ensure_one()
        if self.state not in ("authorized", "done"):
            return 0.0
        if self.payment_id.move_id.state == "posted":
            return 0.0
        parts = self.child_transaction_ids.filtered(
            lambda part: (
                part.operation == self.operation and part.state in ("done", "cancel")
            )
        )
        left = max(self.amount - sum(parts.mapped("amount")), 0.0)
        return left + sum(part._get_taken_amount() for part in parts)

    @api.model
    def _compute_reference_prefix(self, separator, **values):
        """Override of `payment` to name the account in the reference."""
        account_id = values.get("client_account_id")
        if not account_id:
            return super()._compute_reference_prefix(separator, **values)
        return f"ACC{account_id}"

    def _set_authorized(self, **kwargs):
        """Override of `payment` to note what became of an automatic charge."""
        transactions = super()._set_authorized(**kwargs)
        transactions._note_auto_charges()
        return transactions

    def _set_done(self, **kwargs):
        """Override of `payment`, likewise, and to have staff look into money that was
        taken with a payment that is cancelled: Odoo leaves it as it is."""
        for transaction in self.filtered(
            lambda item: item.state == "cancel" and item.client_account_id
        ):
            transaction._tell_not_booked()
        transactions = super()._set_done(**kwargs)
        transactions._note_auto_charges()
        return transactions

    def _set_canceled(self, *args, **kwargs):
        """Override of `payment` to note what became of an automatic charge."""
        transactions = super()._set_canceled(*args, **kwargs)
        transactions._note_auto_charges()
        return transactions

    def _set_error(self, *args, **kwargs):
        """Override of `payment` to note what became of an automatic charge."""
        transactions = super()._set_error(*args, **kwargs)
        transactions._note_auto_charges()
        return transactions

    def _note_auto_charges(self):
        """Note on their accounts what became of automatic charges, whenever the
        provider says so: hours or days after it was asked, with some.

        What captures, voids or refunds one is no charge.
        """
        for transaction in self.filtered(
            lambda item: (
                item.client_purpose == "auto" and not item.source_transaction_id
            )
        ):
            transaction.client_account_id._note_auto_charge(transaction)

    def _tell_not_booked(self):
        """Put before staff, once, that money was taken and is not booked."""
        self.ensure_one()
        if self.client_stale_told:
            return
        self.client_stale_told = True
        account = self.client_account_id
        account._tell_staff_online(
            self.env._("Money taken online that is not booked"),
            self.env._(
                "%(amount)s of %(client)s was taken with %(reference)s and is not "
                "booked. Look into it with the payment provider: receive the money by "
                "hand, or give it back.",
                amount=self.currency_id.format(self.amount),
                client=account.display_name,
                reference=self.reference,
            ),
        )

    # === Booking ===

    def _create_payment(self, **extra_create_values):
        """Override of `account_payment` to book money paid on an account."""
        self.ensure_one()
        account = self.client_account_id
        if not account:
            return super()._create_payment(**extra_create_values)
        values = {
            "partner_id": account.partner_id.id,
            "destination_account_id": self._get_client_receivable().id,
            **extra_create_values,
        }
        transaction = self
        if not self._get_client_method_line().payment_account_id:
            # Credit is an item of the ledger: there is none without an entry.
            transaction = self.with_context(force_payment_move=True)
        payment = super(PaymentTransaction, transaction)._create_payment(**values)
        payment = payment.with_context(force_payment_move=False)
        # Sudo: what an entry books is no caller's to write.
        payment.move_id.sudo().write(
            {
                "client_account_credit": self.operation != "refund",
                "client_transaction_id": self.id,
            }
        )
        self._settle_client_payment(payment.move_id)
        self._mail_client_payment()
        return payment

    def _get_client_receivable(self):
        """Return the receivable account that one transaction is booked on: that of
        what it pays or gives back, else the client's."""
        self.ensure_one()
        source = self.source_transaction_id.payment_id.move_id
        items = self.client_line_ids or source._get_receivable_items()
        return items[:1].account_id or self.client_account_id._get_receivable_account()

    def _get_client_method_line(self):
        """Return the payment method line that Odoo books one transaction by."""
        self.ensure_one()
        lines = self.provider_id.journal_id.inbound_payment_method_line_ids
        return lines.filtered(lambda line: line.payment_provider_id == self.provider_id)

    def _settle_client_payment(self, move):
        """Set money just booked against what it is for.

        What cannot be applied stays credit: the money was taken, so nothing of this may
        undo its booking.

        :param move: the posted `account.move`
        """
        account = self.client_account_id
        items = move._get_receivable_items()
        try:
            with self.env.cr.savepoint():
                if self.operation == "refund":
                    self._settle_client_refund(items)
                elif self.client_purpose == "charges":
                    debts = self.client_line_ids._filter_open_debts()
                    items._reconcile_planned(
                        items._plan_allocations(items, debts._sorted_for_allocation())
                    )
                elif account._get_policy("credit_application") == "all":
                    account._apply_credits()
        except UserError as error:
            account._message_log(
                body=self.env._(
                    "%(amount)s received online with %(reference)s stays credit: "
                    "%(problem)s",
                    amount=self.currency_id.format(self.amount),
                    reference=self.reference,
                    problem=str(error),
                )
            )
        account._log_acts([(account, self._get_client_note(move))])

    def _settle_client_refund(self, items):
        """Close a refund against the money it gives back; where that was spent, the
        rest is owed and staff is told.

        :param items: the receivable items of the refund
        """
        source = self.source_transaction_id.payment_id.move_id._get_receivable_items()
        plan = source._plan_allocations(source._filter_open_credits(), items)
        items._reconcile_planned(plan)
        rest = sum(items.mapped("amount_residual"))
        if items.company_currency_id.compare_amounts(rest, 0) <= 0:
            return
        account = self.client_account_id
        account._tell_staff_online(
            self.env._("Refund of money already spent"),
            self.env._(
                "%(amount)s was given back to %(client)s with %(reference)s; %(rest)s "
                "of it had been spent, and is owed now.",
                amount=self.currency_id.format(abs(self.amount)),
                client=account.display_name,
                reference=self.reference,
                rest=items.company_currency_id.format(rest),
            ),
        )

    def _mail_client_payment(self):
        """Tell by e-mail that money was received or given back, or that the card was
        declined: to whoever paid, or agreed that the card is charged."""
        self.ensure_one()
        if not self.partner_id.email:
            return
        template = self.env.ref(
            "client_account.mail_template_online_payment", raise_if_not_found=False
        )
        if template:
            # Sudo: whoever pays has no right on mails.
            template.sudo().send_mail(
                self.id, email_layout_xmlid="mail.mail_notification_light"
            )
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _get_client_balance_words(self):
        """Return how the account stands, for a mail to whoever paid; empty where the
        payer may not see it."""
        account = self.client_account_id
        own = self.partner_id.commercial_partner_id == account.partner_id
        if not own or account._get_policy("balance_visibility") == "hidden":
            return ""
        account._invalidate_figures()
        lang = self.partner_id.lang
        return account.with_context(lang=lang)._format_balance(account.balance)

    def _get_client_note(self, move):
        """Return what the chatter of the account says of money just booked."""
        values = {
            "amount": self.currency_id.format(abs(self.amount)),
            "payer": self.partner_id.display_name,
            "move": move.name,
            "reference": self.reference,
        }
        if self.operation == "refund":
            return self.env._(
                "%(amount)s given back to %(payer)s with %(move)s (%(reference)s).",
                **values,
            )
        return self.env._(
            "%(amount)s paid online by %(payer)s, booked with %(move)s "
            "(%(reference)s).",
            **values,
        )

    def _log_message_on_linked_documents(self, message):
        """Override of `account_payment` to say it on the account too."""
        result = super()._log_message_on_linked_documents(message)
        if account := self.client_account_id:
            account._message_log(body=message)
        return result

    # === Being paid ===

    @api.model
    def _get_waiting_line_sql(self, line_id, with_wires=True):
        """Return the condition that money for a debt is on its way.

        :param SQL line_id: of the journal item
        :param bool with_wires: whether a wire transfer counts that somebody has chosen,
            and which may never come
        """
        return SQL(
            "EXISTS (SELECT FROM client_account_transaction_line_rel waiting"
            " JOIN payment_transaction transaction"
            " ON transaction.id = waiting.transaction_id"
            " WHERE waiting.line_id = %s AND %s AND %s)",
            line_id,
            self._get_waiting_sql(),
            SQL("TRUE")
            if with_wires
            else SQL(
                "transaction.provider_id NOT IN"
                " (SELECT id FROM payment_provider WHERE code = 'custom')",
                to_flush=self._fields["provider_id"],
            ),
            to_flush=self._fields["client_line_ids"],
        )

    @api.model
    def _get_waiting_invoice_sql(self, move_id):
        """Return the condition that money for an invoice itself is on its way.

        :param SQL move_id: of the invoice
        """
        return SQL(
            "EXISTS (SELECT FROM account_invoice_transaction_rel waiting"
            " JOIN payment_transaction transaction"
            " ON transaction.id = waiting.transaction_id"
            " WHERE waiting.invoice_id = %s AND %s)",
            move_id,
            self._get_waiting_sql(),
            to_flush=self._fields["invoice_ids"],
        )

    @api.model
    def _get_waiting_sql(self):
        """Return the condition that the money of a transaction is not in the books yet.

        :return: `SQL` on the alias `transaction` of payment_transaction
        """
        return SQL(
            "(transaction.state = ANY(%s)"
            " OR transaction.state = 'done' AND transaction.payment_id IS NULL)",
            list(WAITING_TRANSACTIONS),
            to_flush=(self._fields["state"], self._fields["payment_id"]),
        )
