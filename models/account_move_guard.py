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
        """Refuse to make another kind of document of one that was posted, or to have
        what takes an entry back take back another one, or none.

        :raise UserError: when one was posted, or is posted by this
        """
        if self.env.su:
            return
        if "reversed_entry_id" in vals:
            self._check_reversed_stays(vals["reversed_entry_id"])
        if "move_type" not in vals:
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

    def _check_reversed_stays(self, reversed_id):
        """Keep to which entries these documents belong that were posted: what an entry
        gave is taken back once.

        :param reversed_id: of the entry that they are to belong to
        :raise UserError: when one would belong to another one
        """
        for move in self:
            # Sudo: the entry is looked at to decide, not shown.
            known = move.sudo().reversed_entry_id
            if move.posted_before and known.id != (reversed_id or False):
                raise UserError(
                    self.env._(
                        "%s was posted, so which entry it reverses stays as it is. "
                        "Cancel it and make a new one instead.",
                        move.display_name,
                    )
                )

    def _check_raw_unlink(self):
        """Refuse to delete what stands, or stood, in the ledger of a client.

        :raise UserError: when a document is posted on a client, an adjustment or a
            write-off
        """
        if self.env.su:
            return
        # Sudo: items are looked at to decide, not shown.
        for move in self.sudo():
            if (
                move.client_adjustment
                or move.client_write_off
                or move._get_posted_receivable_items()
            ):
                move._refuse_deletion()

    def _refuse_deletion(self):
        """Say that one document of a client stays.

        :raise UserError: always
        """
        raise UserError(
            self.env._(
                "%s stands in the ledger of a client and is never deleted. Reverse it "
                "instead.",
                self.display_name,
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
            move_sudo._is_booked_by_accountants(self.env)
            or bool(self.env["client.account"]._get_watch().exchanges)
            or move_sudo._is_bank_line()
            or move_sudo._is_own_payment()
            or move_sudo._is_true_reversal()
        )

    def _filter_not_taken_back(self):
        """Return those of these posted documents that may go and be told, not refused.

        Not what somebody has reversed already, who would take it back twice; entries by
        hand are the accountant's.
        """
        # Sudo: reversals are looked at to decide, not shown.
        return self.filtered(
            lambda move: (
                "posted" not in move.sudo().reversal_move_ids.mapped("state")
                or move.sudo()._is_booked_by_accountants(self.env)
            )
        )

    def _is_booked_by_accountants(self, env):
        """Tell whether accountants or Odoo's own code book this by hand.

        What somebody has left to the job that posts entries on their day is booked by
        whoever wrote it, or wrote what it repeats, not by the job.

        :param env: the environment in which it is booked
        """
        if not env.su:
            return self._is_accountant(env.user)
        if self.auto_post == "no":
            return True
        moves = self | self.auto_post_origin_id
        writers = moves.create_uid | moves.write_uid
        writers |= moves.line_ids.create_uid | moves.line_ids.write_uid
        return all(
            user._is_superuser() or self._is_accountant(user) for user in writers
        )

    @api.model
    def _is_accountant(self, user):
        return any(user.has_group(group) for group in ACCOUNTANTS)

    def _is_bank_line(self):
        """Tell whether this is the entry of a line of a bank statement."""
        return bool(self) and self.statement_line_id.move_id == self

    def _is_own_payment(self):
        """Tell whether this is the entry of a payment, with its amount, which leaves or
        enters an account of its journal."""
        payment = self.origin_payment_id
        if payment.move_id != self:
            return False
        accounts = payment._get_valid_liquidity_accounts()
        money = self.line_ids.filtered(
            lambda line: (
                line.account_id in accounts
                and line.account_id.internal_group in ("asset", "liability")
            )
        )
        # Client by client: what one is given is not another's to lose.
        taken = sum(
            max(sum(items.mapped("balance")), 0.0)
            for items in self._get_receivable_items()._group_by_client().values()
        )
        moved, worth = (
            abs(sum(money.mapped(name))) for name in ("amount_currency", "balance")
        )
        return (
            payment.currency_id.compare_amounts(moved, payment.amount) <= 0
            and self.company_currency_id.compare_amounts(taken, worth) <= 0
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
            # Sudo: a branch's user need not read the root company.
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
