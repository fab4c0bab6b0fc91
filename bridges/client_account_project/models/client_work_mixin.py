from odoo import api, models

from odoo.addons.client_account.const import VIEWER
from odoo.addons.client_account.exceptions import BalanceRefused


class ClientWorkMixin(models.AbstractModel):
    """What is done for a client, and judged by what it costs when it is done."""

    _name = "client.work.mixin"
    _inherit = ["client.anyway.mixin"]
    _description = "Work for a Client"

    # === To be said by each model ===

    def _get_done_vals(self):
        """Return the values that mark a record as done."""
        raise NotImplementedError

    # === Judging what becomes done ===

    def _get_done_pieces(self):
        """Return what is done of these records, where it is judged at all.

        :return: {(record id, order line id): quantity}
        """
        companies = self.env["res.company"].sudo()
        # Sudo: the policy binds whoever acts, whatever they may see.
        records = self.sudo()
        if not companies.search_count([("client_judge_completion", "=", True)], 1):
            return {}
        done = {}
        for piece in self.env["client.account"]._fetch_record_pieces(records):
            if piece.status == "done":
                key = (piece.record_id, piece.line_id)
                done[key] = done.get(key, 0.0) + piece.quantity
        return done

    def _judge_done(self, before, anyway=None, are_new=False):
        """Judge those of these records of which more is done than before.

        :param before: from `_get_done_pieces`
        :param anyway: a `PostAnyway` of an approver, who lets all pass
        :param bool are_new: whether they go with a refusal
        :raise BalanceRefused: when a client cannot pay for one
        """
        self.env["client.account"]._invalidate_figures()
        risen = {
            record_id
            for (record_id, line_id), quantity in self._get_done_pieces().items()
            if quantity > before.get((record_id, line_id), 0.0)
        }
        if risen:
            # Sudo: the policy binds whoever acts, whatever they may see.
            self.env["client.account"]._judge_work(
                self.browse(risen).sudo(), anyway, are_new
            )

    # === Refusing ===

    @api.model
    def _refuse_done(self, refused, are_new):
        """Refuse to mark records as done.

        :param refused: list of (record, account, message, cost)
        :param bool are_new: whether they go with the refusal
        :raise BalanceRefused: always
        """
        records = self.browse(record.id for record, *_rest in refused).sudo(False)
        account = refused[0][1]
        messages = [message for _record, _account, message, _cost in refused]
        if len(self) > len(records):
            messages.append(
                self.env._("Nothing was marked as done. Repeat it for the others only.")
            )
        raise BalanceRefused(
            "\n\n".join(messages),
            {
                "request": account._get_refusal_request_action(),
                "receive": account._get_refusal_receive_action(),
                "post_anyway": not are_new and records._get_done_anyway_action(),
            },
            self.env._("Not Done"),
        )

    def _get_done_message(self, account, terms, done, cost):
        """Return why one record is not marked as done, in words.

        :param account: the `client.account` under sudo that pays for it
        :param terms: with `balance` and `limit_in_force`, company currency
        :param float done: what is done for the client and not billed
        :param float cost: of completing the record
        """
        self.ensure_one()
        user = self.env.user
        values = {"work": self.display_name, "client": account.display_name}
        if not user._is_internal():
            return self.env._(
                "“%(work)s” cannot be marked as done under the policy of the account "
                "that pays for it. Ask the company to look at it.",
                **values,
            )
        if not user.has_group(VIEWER):
            return self.env._(
                "“%(work)s” cannot be marked as done: the balance policy of %(client)s "
                "does not allow it. Ask the accounting group, or request an update of "
                "the account.",
                **values,
            )
        currency = account.currency_id
        missing = cost + done - terms.balance - terms.limit_in_force
        return self.env._(
            "“%(work)s” cannot be marked as done: it costs %(cost)s, and with "
            "%(balance)s, a limit in force of %(limit)s and %(done)s done and not "
            "billed, %(client)s is short of %(shortfall)s. Receive a payment, issue a "
            "credit or request an update of the account.",
            cost=currency.format(cost),
            balance=account._format_balance(terms.balance),
            limit=currency.format(terms.limit_in_force),
            done=currency.format(done),
            shortfall=currency.format(currency.round(missing)),
            **values,
        )

    # === Doing it anyway ===

    def _get_client_companies(self):
        """Return the root companies whose clients pay for these records."""
        pieces = self.env["client.account"]._fetch_record_pieces(self)
        # Sudo: a branch's user need not read the root company.
        return (
            self.env["res.company"].sudo().browse({piece.root_id for piece in pieces})
        )

    def _get_done_anyway_action(self):
        """Return the window in which an approver marks these records as done anyway.

        :return: a window action, False where there is none for this user
        """
        if not self.env["res.partner"]._may_decide_in(self._get_client_companies()):
            return False
        return self.env["client.account.post.anyway"]._get_window(
            self, self.env._("Mark as Done Anyway")
        )

    def action_client_post_anyway(self, reason):
        """Mark as done what the policies of those who pay for it refuse.

        :param str reason: logged in the chatter, here and on the account
        :return: True
        :raise AccessError: when the user is no approver where the accounts are, or may
            not write here
        :raise UserError: when the reason is blank
        """
        reason = self._check_anyway(reason, self._get_client_companies())
        self._with_post_anyway(reason).write(self._get_done_vals())
        return True

    def _log_done_anyway(self, account, cost, reason):
        """Log that an approver marked one record as done against a policy.

        :param account: the `client.account` under sudo that pays for it
        :param float cost: of completing the record, company currency
        """
        self.ensure_one()
        self._check_may_post_anyway(account.company_id)
        # Sudo: who may write here may say why.
        self.sudo().message_post(
            body=self.env._(
                "%(user)s marked this as done against the client's policies: "
                "%(reason)s",
                user=self.env.user.name,
                reason=reason,
            )
        )
        account.message_post(
            body=self.env._(
                "%(user)s marked “%(work)s” as done against the policies, which costs "
                "%(cost)s: %(reason)s",
                user=self.env.user.name,
                work=self.display_name,
                cost=account.currency_id.format(cost),
                reason=reason,
            )
        )
