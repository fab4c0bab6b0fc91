from odoo import api, models
from odoo.tools import SQL


class ClientAccount(models.Model):
    """What glue addons judge by where something else counts than what is committed:
    work that is done, for one."""

    _inherit = "client.account"

    def _get_books_terms(self):
        """Return the terms and the balance by the books alone, to be judged by.

        Waits for the clients' locks, so that nobody lowers a balance meanwhile who
        judges. Balances, limits and policies are as others have committed them by now
        and as this transaction has changed them.

        :return: {account: terms} of those of whom `negative_balance` is prevented, with
            `limit_in_force` and `balance`, company currency
        """
        # Sudo: the policy binds whoever acts, whatever they may see.
        asked = {
            (account.partner_id, account.company_id): account for account in self.sudo()
        }
        postings = self._get_postings(set(asked), set(asked))
        fresh = self._fetch_fresh(set(asked)) if asked else {}
        found = {}
        for key, account in asked.items():
            terms = self._get_terms(key, postings[key], fresh.get(key))
            if terms.negative_balance == "prevented":
                terms.balance = min(self._measure_books(key, key in fresh))
                found[account.sudo(self.env.su)] = terms
        return found

    @api.model
    def _measure_books(self, key, is_known):
        """Return what all items of a client are worth, whatever is committed.

        :param key: (`res.partner` client, `res.company` root)
        :param bool is_known: whether others know of the client's account
        :return: `Worth`, as others have committed it and as this transaction changed it
        """
        nothing = SQL(
            "SELECT NULL::integer AS partner_id, NULL::integer AS company_id,"
            " 0::numeric AS amount WHERE FALSE"
        )
        if not is_known:
            return self._measure(key, nothing)
        worth = self._measure_fresh(key, nothing)
        return sum(self._get_own_item_changes(key).values(), worth)
