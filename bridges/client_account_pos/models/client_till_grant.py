from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..const import GRANT_DAYS, GRANT_MINUTES


class ClientTillGrant(models.Model):
    """What a till was allowed to take from a client's account, before the receipt.

    It counts as taken at once, so that no other till takes it while the order is on its
    way. Should the line break, it is what tells an order that was allowed from one that
    was not, however late it arrives.
    """

    _name = "client.till.grant"
    _description = "Allowance of a Till on Account"
    _order = "id desc"
    _rec_name = "order_uuid"

    order_uuid = fields.Char(string="Identifier of the Order", required=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Client",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        "res.company",
        string="Root Company",
        required=True,
        ondelete="cascade",
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    amount = fields.Monetary(required=True, help="In the currency of the company.")
    till_currency_id = fields.Many2one(
        "res.currency",
        string="Currency of the Till",
        required=True,
        ondelete="cascade",
    )
    till_amount = fields.Monetary(
        string="Amount at the Till",
        currency_field="till_currency_id",
        required=True,
        help="In the currency of the till.",
    )
    product_ids = fields.Many2many(
        "product.product",
        string="Products of the Order",
        help="What was looked at before it was allowed.",
    )
    granted_on = fields.Datetime(required=True)

    _order_uuid_unique = models.Constraint(
        "UNIQUE(order_uuid)", "This order has been allowed to a till already."
    )

    @api.model
    def _get_granted_sql(self):
        """Return what was allowed lately and has not arrived.

        :return: `SQL` of a query with columns partner_id (commercial partner),
            company_id (root) and amount (company currency)
        """
        return SQL(
            "SELECT partner_id, company_id, amount FROM client_till_grant"
            " WHERE granted_on > %s",
            self._get_oldest_counted(),
            to_flush=[
                self._fields[name]
                for name in ("partner_id", "company_id", "amount", "granted_on")
            ],
        )

    @api.model
    def _get_oldest_counted(self):
        """Return since when what was allowed counts as taken."""
        return fields.Datetime.now() - timedelta(minutes=GRANT_MINUTES)

    @api.model
    def _get_allowed_amount(self, key):
        """Return how much a client was allowed lately that has not arrived.

        :param key: (client id, root company id)
        :return: company currency
        """
        client_id, root_id = key
        grants = self.search(
            [
                ("partner_id", "=", client_id),
                ("company_id", "=", root_id),
                ("granted_on", ">", self._get_oldest_counted()),
            ]
        )
        return sum(grants.mapped("amount"))

    # === Granting ===

    @api.model
    def _request(self, client, root, vals):
        """Allow an order to take an amount of a client's account, unless a policy does
        not.

        :param client: `res.partner`, a commercial partner
        :param root: `res.company`
        :param dict vals: what is asked: `order_uuid`, the order's identifier at the
            till, `amount`, above zero, company currency, `till_amount` and
            `till_currency_id`, likewise as the till says it, and `product_ids`
        :return: sentences that say why not, empty where it is allowed
        """
        grant = self.create(
            {
                **vals,
                "partner_id": client.id,
                "company_id": root.id,
                "granted_on": fields.Datetime.now(),
            }
        )
        self._get_touched()[grant.id] = grant._get_key(), 0.0
        asked = {(client, root): grant.amount}
        refusals = self.env["pos.order"]._get_account_refusals(asked)
        if refusals:
            grant._withdraw()
        return "\n\n".join(refusals.values())

    def _withdraw(self):
        """Forget these, which count as taken no longer."""
        touched = self._get_touched()
        for grant in self:
            touched.setdefault(grant.id, (grant._get_key(), grant._get_counted()))
        self.unlink()
        self.env["client.account"]._invalidate_figures()

    def _get_key(self):
        """Return whose one of these is: (client id, root company id)"""
        self.ensure_one()
        return self.partner_id.id, self.company_id.id

    def _covers(self, order):
        """Tell whether one of these allows all that an order has on account, as its
        till counts it: the rate may have changed since.

        :param order: `pos.order` under sudo
        """
        self.ensure_one()
        currency = order.currency_id
        on_account = sum(order._get_account_payments().mapped("amount"))
        return (
            currency == self.till_currency_id
            and currency.compare_amounts(on_account, self.till_amount) <= 0
        )

    def _get_counted(self):
        """Return how much one of these counts as taken now, company currency."""
        self.ensure_one()
        return self.amount if self.granted_on > self._get_oldest_counted() else 0.0

    @api.model
    def _get_touched(self):
        """Return what this transaction has made or forgotten of these.

        :return: {id: ((client id, root id), amount counted before it)}
        """
        return self.env["pos.order"]._get_till_watch().grants

    @api.model
    def _get_own_change(self, key):
        """Return by how much more a client has by what this transaction has made or
        forgotten of these; what was undone with a savepoint is as before.

        :param key: (client id, root id)
        :return: company currency
        """
        touched = self._get_touched()
        had = sum(amount for owner, amount in touched.values() if owner == key)
        there = self.browse(touched).exists()
        mine = there.filtered(lambda grant: grant._get_key() == key)
        return had - sum(grant._get_counted() for grant in mine)

    @api.model
    def _find_grants(self, uuids):
        """Return what orders were allowed.

        :param uuids: identifiers of orders
        """
        return self.search([("order_uuid", "in", list(uuids))])

    @api.autovacuum
    def _gc_grants(self):
        """Forget what no order will ask for any more."""
        oldest = fields.Datetime.now() - timedelta(days=GRANT_DAYS)
        self.search([("granted_on", "<", oldest)]).unlink()
