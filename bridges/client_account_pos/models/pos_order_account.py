from odoo import fields, models
from odoo.fields import Command

from odoo.addons.client_account.utils import in_plain_context

# What tills show of an order, and do not decide.
TOLD_FIELDS = frozenset(
    ("client_balance_after", "client_on_account", "client_company_currency_id")
)


class PosOrder(models.Model):
    """What tills book on clients' accounts: credit that is given is booked at once, and
    an invoice is paid as the till has paid its order."""

    _inherit = "pos.order"

    def _process_order(self, order, existing_order):
        """Override of `point_of_sale` to take nothing back that tills are only told:
        they send every field, also those that the cashier may not write."""
        for name in TOLD_FIELDS & order.keys():
            del order[name]
        return super()._process_order(order, existing_order)

    def _process_saved_order(self, draft):
        """Override of `point_of_sale` to book what is given to the client's account,
        and to note how it stands afterwards, for the receipt."""
        result = super()._process_saved_order(draft)
        if not draft and self.state != "cancel":
            # Sudo: till users need no right to journal entries; what is booked is
            # fixed by the order.
            self.sudo()._give_to_account()
            self.sudo()._note_balance_after()
        return result

    def _note_balance_after(self):
        """Note on one paid order how the account it is on stands now, in words; unless
        its client is not to see that."""
        self.ensure_one()
        methods = self.payment_ids.payment_method_id
        client = self.partner_id.commercial_partner_id
        if not client or not methods.filtered(lambda one: one._takes_from_account()):
            return
        account = self.env["client.account"]._get_or_create(client, self.company_id)
        hidden = account._get_policy("balance_visibility") == "hidden"
        [balance] = account._get_balances_at_tills().values()
        self.client_balance_after = not hidden and account._format_balance(balance)

    # === Given to the account ===

    def _give_to_account(self):
        """Book what one paid order gives to the client's account: money received there,
        and refunds. On an invoice it is booked already."""
        self.ensure_one()
        if self.account_move or self.state not in ("paid", "done"):
            return
        payments = self._get_account_payments()
        purpose = self._get_money_purpose()
        for payment in payments.filtered(lambda one: one._is_given_to_account()):
            move = in_plain_context(self.env["account.move"]).create(
                self._prepare_given_move_vals(payment)
            )
            payment.account_move_id = move
            move._post(soft=False)
            if purpose == "charges":
                move._pay_debts_of_client()
            elif not purpose:
                move._pay_debts_in(self._get_refunded_documents())

    def _get_money_purpose(self):
        """Return why money came in by one order without a sale; nothing where what the
        account gets is given back for products."""
        self.ensure_one()
        brings = self.currency_id.compare_amounts(self._compute_amount_paid(), 0) >= 0
        return brings and self.client_purpose

    def _get_refunded_documents(self):
        """Return the `account.move` by which is owed what these orders take back:
        invoices, and entries of sessions that are closed."""
        refunded = self.lines.refunded_orderline_id.order_id
        by_session = refunded.filtered(lambda order: not order.account_move)
        return refunded.account_move | by_session.session_id.move_id

    def _prepare_given_move_vals(self, payment):
        """Return the values of the entry that gives an amount to the client's account.

        Its other side waits for the session to be closed, as that of Odoo's own entries
        for payments of invoiced orders does.

        :param payment: `pos.payment` with an amount below zero
        """
        self.ensure_one()
        session, company = self.session_id, self.company_id
        client = self.partner_id.commercial_partner_id.with_company(company)
        name = self._get_given_name()
        given = session._update_amounts(
            {"amount": 0.0, "amount_converted": 0.0},
            {"amount": -payment.amount},
            payment.payment_date,
        )
        amounts = given["amount"], given["amount_converted"]
        return {
            "move_type": "entry",
            "journal_id": session.config_id.journal_id.id,
            "company_id": company.id,
            "partner_id": client.id,
            "date": self._get_till_day(),
            "ref": name,
            # Money for what is owed is credit as far as it is left, see
            # `_pay_debts_of_client`.
            "client_account_credit": self._get_money_purpose() != "charges",
            "line_ids": [
                Command.create(
                    session._credit_amounts(
                        {
                            "account_id": client.property_account_receivable_id.id,
                            "partner_id": client.id,
                            "name": name,
                        },
                        *amounts,
                    )
                ),
                Command.create(
                    session._debit_amounts(
                        {
                            "account_id": payment._get_till_receivable_account().id,
                            "partner_id": False,
                            "name": name,
                        },
                        *amounts,
                    )
                ),
            ],
        }

    def _get_given_name(self):
        """Return what one order gave to the account for, in words."""
        self.ensure_one()
        values = {"order": self.name, "till": self.config_id.name}
        purpose = self._get_money_purpose()
        if purpose == "charges":
            return self.env._("Payment at %(till)s: %(order)s", **values)
        if purpose == "top_up":
            return self.env._("Top-up at %(till)s: %(order)s", **values)
        return self.env._("Refund at %(till)s: %(order)s", **values)

    def _get_till_day(self):
        """Return the day of one order where its till is."""
        return fields.Date.context_today(self, self.date_order)

    # === Invoices ===

    def _get_invoice_post_context(self):
        """Override of `point_of_sale` to have the till's own payments pay first: what
        the account pays is applied once those are."""
        held = self.env["account.move"]._hold_credits().env.context
        return {
            **super()._get_invoice_post_context(),
            "client_credits_held": held["client_credits_held"],
        }

    def _generate_pos_order_invoice(self):
        """Override of `point_of_sale` to judge an invoice with what the till took for
        it, and to leave nothing open beside the credit that pays it."""
        # Sudo: what is on account is looked at to judge, not shown.
        orders_sudo = self.sudo()
        accounts = self.env["client.account"]
        with accounts._watching():
            # What closed sessions have had clients owe, the invoice has them owe now.
            closing_sudo = orders_sudo.session_id.move_id
            accounts._note_items(closing_sudo._get_till_receivables(1))
            before = orders_sudo._fetch_committed_tickets()
            given = orders_sudo._get_given_moves_to_take_back()
            invoice = super()._generate_pos_order_invoice()
            orders_sudo._note_release(invoice, before)
            orders_sudo._settle_invoice(invoice.sudo(), given)
        return invoice

    def _get_given_moves_to_take_back(self):
        """Return the entries that have given refunds of these orders to the account,
        in sessions that are not closed: of closed ones Odoo takes it back itself, and
        accounting may have taken it back already."""
        open_orders = self.filtered(lambda order: order.session_id.state != "closed")
        return open_orders.payment_ids._get_given_moves().filtered(
            lambda move: (
                move.state == "posted"
                and "posted" not in move.reversal_move_ids.mapped("state")
            )
        )

    def _note_release(self, move, before):
        """Note what these orders had on account and have no longer, as a document was
        posted.

        :param move: the posted `account.move`
        :param before: what they had, of `_fetch_committed_tickets`
        """
        after = self._fetch_committed_tickets()
        less = {key: amount - after.get(key, 0.0) for key, amount in before.items()}
        self._get_till_watch().released[move.id] = less
        self.env["client.account"]._invalidate_figures()

    def _settle_invoice(self, invoice, given):
        """Set what is on account of an invoice against the client's credit, and what
        closing the session had booked of it against the invoice.

        :param invoice: posted `account.move` of these orders
        :param given: the entries that had given these orders' refunds to the account,
            which the credit note does now
        """
        for entry in given:
            entry._take_back_given()
        reversals = self.env["account.move"].search(
            [("reversed_pos_order_id", "in", self.ids), ("state", "=", "posted")]
        )
        if reversals:
            closing = self.session_id.move_id
            reversals._settle_reversals(closing, invoice)
        elif self._get_account_payments():
            invoice._pay_with_credit_of_client()
        if any(payment._is_given_to_account() for payment in self.payment_ids):
            self._mark_given_on_invoice(invoice)

    def _mark_given_on_invoice(self, invoice):
        """Mark what gives credit to the account now that these orders are invoiced: the
        credit note of a refund, and of change what the till's payments leave.

        :param invoice: posted `account.move` of these orders
        """
        moves = self.payment_ids.account_move_id.filtered(
            lambda move: move._get_till_receivables(-1)
        )
        if invoice.move_type == "out_refund":
            moves |= invoice
        moves.client_account_credit = True
        moves._pay_debts_in(self._get_refunded_documents())
