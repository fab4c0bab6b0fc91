from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from odoo.addons.client_account.utils import is_real_number, is_record_id


class PosSession(models.Model):
    """What the till asks about clients' accounts before the receipt."""

    _inherit = "pos.session"

    # === Asking ===

    def client_request_account(
        self, order_uuid, partner_id, amount, product_ids, settled=()
    ):
        """Answer whether an order of this session may be paid with the account; what is
        allowed counts as taken until the order arrives.

        Asked again about one order, the last answer stands.

        :param str order_uuid: the order's identifier at the till
        :param int partner_id: id of the `res.partner` who pays
        :param float amount: on account, in the till's currency; nothing is asked about
            zero and below, which is given to the account
        :param list product_ids: ids of `product.product` in the order
        :param list settled: of what was ordered before, [id of the order, amount] of
            each line; in the till's currency
        :return: {`refusal`: whole sentences, empty where it may}
        :raise UserError: when the session is not open, or a value is none
        """
        self._check_till_request(order_uuid, partner_id, amount)
        self._check_till_contents(product_ids, settled)
        client = self.env["res.partner"].browse(partner_id).commercial_partner_id
        orders = self.env["pos.order"]
        # Sudo: what tills were allowed is the addon's own, and orders are looked at to
        # decide, not shown.
        grants_sudo = self.env["client.till.grant"].sudo()
        grants_sudo._find_grants([order_uuid])._withdraw()
        is_paid = orders.sudo().search_count(
            [("uuid", "=", order_uuid), ("state", "in", ("paid", "done"))]
        )
        products = self.env["product.product"].browse(product_ids).exists()
        if is_paid or self.currency_id.compare_amounts(amount, 0) <= 0:
            return {"refusal": ""}
        refusal = orders._get_products_refusal(products)
        # What is settled counts already, until the order arrives.
        amount -= self._get_settled_amount(client, settled)
        worth = self._convert_to_company(amount)
        if self.company_id.currency_id.compare_amounts(worth, 0) <= 0:
            return {"refusal": refusal}
        return {
            "refusal": refusal
            or grants_sudo._request(
                client,
                # Sudo: a branch's user need not read the root company.
                self.sudo().company_id.root_id,
                {
                    "order_uuid": order_uuid,
                    "amount": worth,
                    "till_amount": amount,
                    "till_currency_id": self.currency_id.id,
                    "product_ids": [Command.set(products.ids)],
                },
            )
        }

    def _get_settled_amount(self, client, settled):
        """Return how much of an order a client has committed already.

        Hook: a glue addon to what is ordered before the till sells it knows.

        :param client: `res.partner`, a commercial partner
        :param list settled: as of `client_request_account`
        :return: currency of the till
        """
        self.ensure_one()
        return 0.0

    def _check_till_request(self, order_uuid, partner_id, amount):
        """Make sure that a till may ask, and asks about something.

        :raise UserError: otherwise
        """
        self.ensure_one()
        self.check_access("read")
        if self.state != "opened":
            raise UserError(
                self.env._(
                    "%s is not open. Open the register before you take payments.",
                    self.display_name,
                )
            )
        client = self.env["res.partner"]
        if is_record_id(partner_id):
            client = client.browse(partner_id).exists()
        if not client:
            raise UserError(
                self.env._("Choose the client whose account pays this order.")
            )
        client.check_access("read")
        if not isinstance(order_uuid, str) or not order_uuid:
            raise UserError(
                self.env._(
                    "The order has no identifier. Reload the till and try again."
                )
            )
        if not is_real_number(amount):
            raise UserError(
                self.env._("What the account of %s pays is no amount.", client.name)
            )

    def _check_till_contents(self, record_ids, settled):
        """Make sure that a till says what its order is about.

        :param list record_ids: of products, or of contacts
        :param list settled: as of `client_request_account`
        :raise UserError: otherwise
        """
        pairs = settled if isinstance(settled, list | tuple) else [None]
        ids = record_ids if isinstance(record_ids, list | tuple) else [None]
        if not all(map(is_record_id, ids)) or not all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and is_record_id(pair[0])
            and is_real_number(pair[1])
            for pair in pairs
        ):
            raise UserError(
                self.env._(
                    "What the till sent is not readable. Reload the till and try again."
                )
            )

    def _convert_to_company(self, amount):
        """Return an amount of one session's currency in its company's, as of now."""
        self.ensure_one()
        company = self.company_id
        return self.currency_id._convert(
            amount, company.currency_id, company, fields.Datetime.now()
        )

    # === Showing ===

    def client_get_figures(self, partner_ids, settled=()):
        """Return how the accounts of clients stand, for whoever may see that.

        :param list partner_ids: ids of `res.partner`
        :param list settled: of what was ordered before and is sold now, as of
            `client_request_account`: it is available for that
        :return: {id as text: {`words`: the balance in words, `available`: likewise,
            `owed`: in the till's currency}}, empty for whoever may not see figures;
            without clients that have no account yet
        :raise UserError: when a value is none
        """
        self.ensure_one()
        self.check_access("read")
        self._check_till_contents(partner_ids, settled)
        if not self.env["pos.order"]._may_show_till_figures():
            return {}
        partners = self.env["res.partner"].browse(partner_ids).exists()
        partners = partners._filtered_access("read")
        accounts = self.env["client.account"]._find_accounts(partners, self.company_id)
        figures = accounts._get_till_figures(self, settled)
        by_client = {account.partner_id: figures[account] for account in accounts}
        return {
            str(partner.id): by_client[partner.commercial_partner_id]
            for partner in partners
            if partner.commercial_partner_id in by_client
        }
