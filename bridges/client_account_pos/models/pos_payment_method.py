from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class PosPaymentMethod(models.Model):
    """Methods that have the client's account pay."""

    _inherit = "pos.payment.method"

    client_is_account = fields.Boolean(
        string="Client Account",
        copy=False,
        help="What is paid with this method is taken from the client's account credit, "
        "or owed where the client's policies allow it. What is given back with it is "
        "account credit at once.",
    )

    @api.constrains("client_is_account", "journal_id", "split_transactions")
    def _check_client_is_account(self):
        """Make sure that the client is known and nothing but the account pays."""
        for method in self.filtered("client_is_account"):
            if method.journal_id or not method.split_transactions:
                raise ValidationError(
                    self.env._(
                        "%s has the client's account pay, so it needs the customer "
                        "identified and no journal.",
                        method.display_name,
                    )
                )

    @api.model
    def _load_pos_data_fields(self, config):
        """Override of `point_of_sale` to tell the till which method is the account."""
        return [*super()._load_pos_data_fields(config), "client_is_account"]

    def _takes_from_account(self):
        """Tell whether what is paid with one method is owed by the client."""
        self.ensure_one()
        return self.type == "pay_later" and self.split_transactions

    @api.model
    def _get_account_condition(self, alias):
        """Return the condition of `_takes_from_account`.

        :param str alias: of pos_payment_method
        :rtype: SQL
        """
        method = SQL.identifier(alias)
        return SQL(
            "(%(method)s.split_transactions AND NOT EXISTS (SELECT FROM account_journal"
            " WHERE id = %(method)s.journal_id AND type IN ('cash', 'bank')))",
            method=method,
            to_flush=[
                self._fields["split_transactions"],
                self._fields["journal_id"],
                self.env["account.journal"]._fields["type"],
            ],
        )
