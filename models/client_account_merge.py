from odoo import models
from odoo.exceptions import UserError

from ..const import DECIDED_STATES


class ClientAccount(models.Model):
    """Accounts of clients that are merged, or put under another contact."""

    _inherit = "client.account"

    def _is_in_use(self):
        """Tell whether a balance, a limit or an open request stands on one account."""
        self.ensure_one()
        return bool(
            self.amount_owed
            or self.credit_available
            or self.state in DECIDED_STATES
            or self.request_ids._find_open_request(self)
        )

    def _leave_to_new_clients(self, hand_on=False):
        """Close these accounts, as their items now stand on another client's.

        Limits stay as decided: that of the other client does not change.

        :param bool hand_on: whether the other client is the same one under another
            name, who has the limit and the policies on
        """
        self._lock_keys(
            {
                (client, account.company_id)
                for account in self
                for client in (
                    account.partner_id | account.partner_id.commercial_partner_id
                )
            }
        )
        for account in self:
            client = account.partner_id.commercial_partner_id
            if client == account.partner_id:
                continue
            target = account._get_or_create(client, account.company_id).sudo()
            waiting = account.request_ids._find_open_request(account)
            account._hand_on_requests(waiting, target)
            note = account._get_moved_note(client)
            target.message_post(body=note)
            account.message_post(body=note)
            if hand_on:
                account._hand_on_decisions(target)
            if account.state != "closed":
                account._set_limit(0, "closed")

    def _hand_on_decisions(self, target):
        """Let one account's limit and policies be another's, which has none yet."""
        self.ensure_one()
        if self._decides_for(target):
            target._set_limit(self.credit_limit, self.state, self.limit_request_id)
            target._as_workflow().write({"state_reason": self.state_reason})
        names = (*self._get_policy_names(), *self._get_policy_thresholds())
        target.write({name: self[name] for name in names if self[name]})

    def _hand_on_requests(self, requests, target):
        """Let requests about one account be about another one.

        :raise UserError: when requests about both wait for a decision
        """
        self.ensure_one()
        waiting = requests._find_open_request(target)
        if waiting and requests._find_open_request(self):
            raise UserError(waiting._get_open_request_message())
        # Who agreed has agreed about this client, not about the other one.
        requests.filtered(lambda item: item.state == "submitted")._withdraw_agreements()
        requests._as_workflow().write(
            {"account_id": target.id, "partner_id": target.partner_id.id}
        )

    def _get_moved_note(self, client):
        """Return what the chatter says of one account whose items move to a client."""
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "The journal items of %(old)s now count for %(new)s. The account of "
            "%(old)s (%(state)s, limit %(limit)s) is closed; the limit of %(new)s "
            "stays as it was decided.",
            old=self.partner_id.display_name,
            new=client.display_name,
            state=states[self.state],
            limit=self.currency_id.format(self.credit_limit),
        )

    def _merge_into(self, target):
        """Hand one account's requests and messages on to the account it merges into.

        The limit of `target` stays as decided; where nobody decided one, it takes this
        account's decision, which would be lost otherwise.

        :param target: the `client.account` that stays
        :raise UserError: when requests about both wait for a decision
        """
        self.ensure_one()
        self._hand_on_requests(self.request_ids, target)
        target.message_post(body=self._get_merged_note(target))
        if self._decides_for(target):
            target._set_limit(self.credit_limit, self.state, self.limit_request_id)
            target._as_workflow().write({"state_reason": self.state_reason})
        self.notice_ids.write({"account_id": target.id})
        # Messages, files, activities and followers go along, as with merged contacts.
        wizard = self.env["base.partner.merge.automatic.wizard"]
        wizard._update_reference_fields_generic(self._name, self, target)
        self.invalidate_recordset()
        self.unlink()

    def _decides_for(self, target):
        """Tell whether a target nobody decided about takes this account's limit."""
        return target.state == "not_granted" and self.state in DECIDED_STATES

    def _get_merged_note(self, target):
        """Return what the chatter says of one account that merges into another."""
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        values = {
            "old": self.partner_id.display_name,
            "state": states[self.state],
            "limit": self.currency_id.format(self.credit_limit),
            "owed": self.currency_id.format(self.amount_owed),
            "credit": self.currency_id.format(self.credit_available),
        }
        if self._decides_for(target):
            return self.env._(
                "%(old)s was merged into this client: %(owed)s owed and %(credit)s in "
                "credit moved here, and the decision about the limit, %(limit)s "
                "(%(state)s).",
                **values,
            )
        return self.env._(
            "%(old)s was merged into this client: %(owed)s owed and %(credit)s in "
            "credit moved here. The limit here stays as decided; that of %(old)s, "
            "%(limit)s (%(state)s), is gone.",
            **values,
        )
