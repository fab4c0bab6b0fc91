from odoo import api, models
from odoo.exceptions import UserError

from ..utils import MAX_AMOUNT, is_real_number


class ClientAmountMixin(models.AbstractModel):
    """Refuse in words what is no amount, before the ORM turns it into one.

    The ORM makes 1.0 of True and 1000.0 of "1e3", and stores NaN. Zero and empty pass:
    a form starts with them, and confirming refuses them.
    """

    _name = "client.amount.mixin"
    _description = "Client Amounts"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to check the amounts as they were sent."""
        for vals in vals_list:
            self._check_sent_amounts(vals)
        self._check_sent_amounts(
            {
                key.removeprefix("default_"): value
                for key, value in self.env.context.items()
                if key.startswith("default_")
            }
        )
        return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to check the amounts as they were sent."""
        self._check_sent_amounts(vals)
        return super().write(vals)

    @api.model
    def _check_sent_amounts(self, vals):
        """Refuse monetary values that are no finite number, or too large.

        :raise UserError: naming the field
        """
        for name, value in vals.items():
            field = self._fields.get(name)
            if (
                field is None
                or field.type != "monetary"
                or value is False
                or value is None
            ):
                continue
            if not is_real_number(value) or abs(value) >= MAX_AMOUNT:
                raise UserError(
                    self.env._(
                        "%(field)s of %(client)s is no amount. Enter a number above "
                        "zero and below 1,000,000,000,000, such as 25.00.",
                        field=field.get_description(self.env, ["string"])["string"],
                        client=self._get_sent_client_name(vals),
                    )
                )

    def _get_sent_client_name(self, vals):
        """Return the name of the client the values are for.

        :param dict vals: as sent to `create` or `write`, not trusted
        """
        clients = self._get_wizard_clients(vals)
        return ", ".join(clients.mapped("display_name")[:5]) or self.env._("the client")

    def _get_wizard_clients(self, vals):
        """Return the clients this wizard acts on; to be overridden.

        :param dict vals: as sent to `create` or `write`, not trusted
        :return: `res.partner`
        """
        return self.env["res.partner"]
