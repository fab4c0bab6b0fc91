from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from ..const import MAX_ITEM_REASON
from ..utils import check_amount, check_reason, in_plain_context, is_record_id


class MovableCredit(NamedTuple):
    """What one client has of open credit, in company currency: what can be moved now,
    what stands on other receivable accounts, and what is dated ahead."""

    left: float
    elsewhere: float
    ahead: float


class ClientAccount(models.Model):
    """Credit moved from one client to another: one entry, told in both histories."""

    _inherit = "client.account"

    def transfer_credit(self, account, amount, reason, key=None):
        """Move open credit of one client to another client of the company.

        One entry takes it from the giver, whose oldest credits it is set against at
        once, and is account credit of the receiver, applied as the receiver's policy
        says. It gives nothing that was not there, so it needs no approver, however
        high it is; a balance that may not fall below the limit in force is guarded as
        it is from a charge.

        :param account: the receiving `client.account`, or its id
        :param float amount: company currency, above zero, no more than the giver's
            open credit whose date has come
        :param str reason: shown in the history of both clients
        :param str key: makes a repeat harmless, see `issue_credit`
        :return: id of the posted `account.move`
        :rtype: int
        :raise UserError: when a value is refused; nothing is booked
        :raise BalanceRefused: when the giver's policy does not let it through
        """
        self._check_officer()
        self._check_one()
        receiver = self._get_transfer_receiver(account)
        values = self._prepare_transfer(receiver, amount, reason)
        return self._book_once(values, key, self._create_transfer).id

    # === Checks ===

    def _get_transfer_receiver(self, account):
        """Return the account that credit of this one is to be moved to.

        :param account: a `client.account` or an id, as a caller sent it
        :raise UserError: when it is none, this one, or one of another company
        :raise AccessError: when it is out of the user's reach
        """
        ids = []
        if isinstance(account, models.BaseModel) and account._name == self._name:
            ids = account.ids
        elif is_record_id(account):
            ids = [account]
        # In the caller's own environment, whatever rights the record came with.
        receiver = self.browse(ids).exists()
        if len(receiver) != 1:
            raise UserError(
                self.env._(
                    "Choose the one account that credit of %s is moved to.",
                    self.display_name,
                )
            )
        receiver._check_officer()
        if receiver == self:
            raise UserError(
                self.env._(
                    "The credit is %s's already. Choose another client to move it to.",
                    self.display_name,
                )
            )
        # Sudo: a branch's user need not read the root company.
        if receiver.sudo().company_id != self.sudo().company_id:
            raise UserError(
                self.env._(
                    "%(client)s and %(receiver)s have their accounts in different "
                    "companies. Credit moves within one company only: choose the "
                    "receiver's account there.",
                    client=self.display_name,
                    receiver=receiver.display_name,
                )
            )
        return receiver

    def _prepare_transfer(self, receiver, amount, reason):
        """Check the values of moving credit from this account.

        :return: dict for `_create_transfer`, see `_prepare_adjustment`, and receiver
        :raise UserError: when a value is refused
        """
        self.ensure_one()
        name = self.display_name
        return {
            "kind": "transfer",
            "receiver": receiver,
            "amount": check_amount(self.env, name, amount, self.currency_id),
            "reason": check_reason(self.env, name, reason),
            "date": None,
            "date_due": None,
            "date_expiry": None,
        }

    def _check_may_receive(self):
        """Make sure this account takes credit.

        :raise UserError: when it is closed
        """
        if self.state == "closed":
            raise UserError(
                self.env._(
                    "The account of %s is closed. Choose another client, or request an "
                    "update of the account first.",
                    self.display_name,
                )
            )

    def _check_credit_left(self, amount):
        """Make sure this account has so much credit to move: moving makes no debt.

        :param float amount: company currency
        :raise UserError: when it has not, saying what there is
        """
        credit = self._get_movable_credit()
        if self.currency_id.compare_amounts(amount, credit.left) <= 0:
            return
        values = {
            "amount": self.currency_id.format(amount),
            "client": self.display_name,
            "left": self.currency_id.format(credit.left),
        }
        sentences = [
            self.env._(
                "%(amount)s is more than the open credit of %(client)s: %(left)s. "
                "Enter %(left)s or less.",
                **values,
            )
            if credit.left
            else self.env._(
                "%(client)s has no open credit to move. Issue a credit or receive a "
                "payment first.",
                **values,
            )
        ]
        if credit.elsewhere:
            sentences.append(
                self.env._(
                    "%s more stands on another receivable account, which this entry "
                    "does not reach.",
                    self.currency_id.format(credit.elsewhere),
                )
            )
        if credit.ahead:
            sentences.append(
                self.env._(
                    "%s more is dated ahead and moves from its date on.",
                    self.currency_id.format(credit.ahead),
                )
            )
        raise UserError(" ".join(sentences))

    def _get_movable_credit(self):
        """Return how much open credit one account has, and where.

        :rtype: MovableCredit
        """
        self.ensure_one()
        # Sudo: officers need no right to read journal items of their clients.
        lines = self.env["account.move.line"].sudo()
        domain = self._get_items_domain() & lines._get_open_item_domain(-1)
        today = fields.Date.context_today(self)
        begun = {
            account: -residual
            for account, residual in lines._read_group(
                domain & lines._get_begun_domain(),
                ["account_id"],
                ["amount_residual:sum"],
            )
        }
        [(ahead,)] = lines._read_group(
            domain & Domain("date", ">", today), [], ["amount_residual:sum"]
        )
        left = begun.pop(self._get_receivable_account().sudo(), 0.0)
        amounts = (left, sum(begun.values()), -(ahead or 0.0))
        return MovableCredit(*map(self.currency_id.round, amounts))

    # === Booking ===

    def _create_transfer(self, values):
        """Book and post the entry that moves credit from this account.

        :param dict values: from `_prepare_transfer`, with `key` perhaps
        :return: the posted `account.move`
        :raise UserError: when the credit is not there, or the receiver takes none
        """
        values["receiver"]._check_may_receive()
        self._check_credit_left(values["amount"])
        # Sudo: officers need no right to make journal entries; what is booked is fixed.
        moves_sudo = in_plain_context(self.env["account.move"].sudo())
        move_sudo = moves_sudo.create(self._prepare_transfer_move_vals(values))
        move_sudo._post(soft=False)
        move_sudo._log_transfer()
        return move_sudo.sudo(self.env.su)

    def _prepare_transfer_move_vals(self, values):
        """Return the values of the entry that moves credit from this account.

        It is the receiver's document, whose credit is left on it.
        Hook: override to fill more fields.

        :param dict values: from `_prepare_transfer`, with `key` perhaps
        """
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        receiver = values["receiver"]
        return {
            "move_type": "entry",
            "journal_id": company._get_client_adjustment_journal().id,
            "company_id": company.id,
            "partner_id": receiver.partner_id.id,
            "date": fields.Date.context_today(self),
            "ref": self._build_adjustment_ref(values["reason"], values.get("key")),
            "client_adjustment": "transfer",
            "client_adjustment_reason": values["reason"],
            "client_adjustment_key": values.get("key"),
            "client_adjustment_asked": self._get_asked_values(values),
            "client_account_credit": True,
            "line_ids": [
                Command.create(self._prepare_transfer_line_vals(values, 1)),
                Command.create(receiver._prepare_transfer_line_vals(values, -1)),
            ],
        }

    def _prepare_transfer_line_vals(self, values, sign):
        """Return the values of this account's item of an entry that moves credit.

        :param int sign: 1 for who gives, -1 for who receives
        """
        self.ensure_one()
        return {
            "partner_id": self.partner_id.id,
            "account_id": self._get_receivable_account().id,
            "currency_id": self.currency_id.id,
            "name": values["reason"][:MAX_ITEM_REASON],
            "balance": sign * values["amount"],
            "amount_currency": sign * values["amount"],
            "date_maturity": fields.Date.context_today(self),
        }

    # === What the client reads ===

    @api.model
    def _word_items(self, rows):
        """Say what items were for in the words of clients: of moved credit in which
        way it went, and not to or from whom; of a payment without a memo that it is
        one.

        :param rows: dicts with adjustment, change, is_payment, and reason, which is
            changed
        :return: the rows
        """
        payment = self.env._("Payment")
        for row in rows:
            reason = row["reason"] or (payment if row["is_payment"] else "")
            row["reason"] = self._word_item(row["adjustment"], row["change"], reason)
        return rows

    @api.model
    def _word_item(self, adjustment, change, reason):
        """Return what a client reads an item was for.

        :param str adjustment: `client_adjustment` of its document
        :param float change: of the balance
        :param str reason: as it was given
        """
        if adjustment == "offset":
            return self.env._("Set off against your bills: %(bills)s", bills=reason)
        if adjustment != "transfer":
            return reason
        if change < 0:
            return self.env._(
                "Credit moved to another account: %(reason)s", reason=reason
            )
        return self.env._(
            "Credit moved from another account: %(reason)s", reason=reason
        )

    # === Actions ===

    def action_transfer_credit(self):
        """Open the window that moves credit of one account to another client."""
        self._check_officer()
        self._check_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Move Credit"),
            "res_model": "client.account.transfer",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_account_id": self.id},
        }
