from odoo import api, models
from odoo.exceptions import UserError

from ..const import MAX_AMOUNT
from ..utils import check_amount, clean_text, is_real_number, is_record_id


class ClientAmountMixin(models.AbstractModel):
    """Refuse in words what is no amount, before the ORM turns it into one.

    The ORM makes 1.0 of True and 1000.0 of "1e3", stores NaN and rounds what is finer
    than the currency. Zero and empty pass: a form starts with them, and confirming
    refuses them.
    """

    _name = "client.amount.mixin"
    _description = "Client Amounts"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to check the amounts as they were sent."""
        defaults = {
            key.removeprefix("default_"): value
            for key, value in self.env.context.items()
            if key.startswith("default_")
        }
        texts = {
            name: value
            for name, value in defaults.items()
            if isinstance(value, str) and name in self._fields
        }
        sent_list = [{**defaults, **vals} for vals in vals_list]
        for sent in sent_list:
            self._check_sent_amounts(sent)
            self._check_sent_records(sent)
        wizards = super().create(
            [self._clean_sent_texts({**texts, **vals}) for vals in vals_list]
        )
        for wizard, sent in zip(wizards, sent_list, strict=True):
            wizard._check_sent_precision(sent)
        return wizards

    def write(self, vals):
        """Override of the ORM to check the amounts as they were sent."""
        self._check_sent_amounts(vals)
        self._check_sent_records(vals)
        result = super().write(self._clean_sent_texts(vals))
        for wizard in self:
            wizard._check_sent_precision(vals)
        return result

    @api.model
    def _clean_sent_texts(self, vals):
        """Return the values without what the database cannot store of a text."""
        return {
            name: clean_text(value) if isinstance(value, str) else value
            for name, value in vals.items()
        }

    @api.model
    def _filter_sent_amounts(self, vals):
        """Return {field: value} of the amounts a caller sent, without empty ones."""
        return {
            field: vals[name]
            for name, field in self._fields.items()
            if name in vals
            and field.type == "monetary"
            and field.store
            and vals[name] is not False
            and vals[name] is not None
        }

    @api.model
    def _check_sent_amounts(self, vals):
        """Refuse amounts that are no finite number, below zero or too large.

        :raise UserError: naming the field
        """
        for field, value in self._filter_sent_amounts(vals).items():
            if not is_real_number(value) or not 0 <= value < MAX_AMOUNT:
                raise UserError(
                    self.env._(
                        "%(field)s of %(client)s is no amount. Enter a number above "
                        "zero and below 1,000,000,000,000, such as 25.00.",
                        field=field.get_description(self.env, ["string"])["string"],
                        client=self._get_sent_client_name(vals),
                    )
                )

    @api.model
    def _check_sent_records(self, vals):
        """Refuse what stands for no record.

        :raise UserError: naming the field
        """
        for name, value in vals.items():
            field = self._fields.get(name)
            if field is None or field.type != "many2one" or not value:
                continue
            if not is_record_id(value):
                raise UserError(
                    self.env._(
                        "%s is no record. Choose one from the list.",
                        field.get_description(self.env, ["string"])["string"],
                    )
                )

    def _check_one_wizard(self):
        """Make sure this is one wizard.

        :raise UserError: otherwise
        """
        if len(self) != 1:
            raise UserError(
                self.env._("Open this window for one client at a time and confirm it.")
            )

    def _check_sent_precision(self, vals):
        """Refuse amounts of one wizard that are finer than their currency.

        :raise UserError: naming the client
        """
        self.ensure_one()
        for field, value in self._filter_sent_amounts(vals).items():
            currency = self[field.get_currency_field(self)]
            if value and currency:
                name = self._get_sent_client_name(vals)
                check_amount(self.env, name, value, currency)

    def _get_sent_client_name(self, vals):
        """Return the name of the client the values are for.

        :param dict vals: as sent to `create` or `write`, not trusted
        """
        clients = self._get_wizard_clients(vals)
        return ", ".join(clients.mapped("display_name")[:5]) or self.env._("the client")

    def _get_wizard_clients(self, vals):
        """Return the clients this wizard acts on: that of its account, where it has
        one; others override this.

        :param dict vals: as sent to `create` or `write`, not trusted
        :return: `res.partner`
        """
        if "account_id" not in self._fields:
            return self.env["res.partner"]
        account = self.account_id or self.account_id.browse(
            vals.get("account_id") or []
        )
        return account.exists().partner_id
