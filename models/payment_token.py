from odoo import models


class PaymentToken(models.Model):
    """Saved cards that top up an account by themselves."""

    _inherit = "payment.token"

    def _get_client_auto_accounts(self):
        """Return the accounts that are topped up with these cards, under sudo."""
        # Sudo: whoever deletes a card may read no accounts.
        return (
            self.env["client.account"]
            .sudo()
            .search([("auto_token_id", "in", self.ids)])
        )

    def _handle_archiving(self):
        """Override of `payment` to charge a card no more that its owner deleted."""
        result = super()._handle_archiving()
        self._get_client_auto_accounts()._switch_auto_off(
            self.env._("the card was deleted.")
        )
        return result

    def get_linked_records_info(self):
        """Override of `payment` to say what a card is used for before it is deleted."""
        return [
            *super().get_linked_records_info(),
            *(
                {
                    "description": self.env._("Automatic Top-Up"),
                    "id": account.id,
                    "name": account.company_id.name,
                    "url": "/my/client_account/auto",
                }
                for account in self._get_client_auto_accounts()
            ),
        ]
