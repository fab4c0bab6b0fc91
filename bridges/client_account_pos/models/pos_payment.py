from odoo import api, models
from odoo.exceptions import UserError

from odoo.addons.client_account.utils import with_defaults

from ..utils import check_not_by_hand

# Writing these on a payment may change what its order has on account.
ACCOUNT_FIELDS = frozenset(("amount", "payment_method_id", "pos_order_id"))

# Only booking sets these.
BOOKED_FIELDS = frozenset(("account_move_id",))


class PosPayment(models.Model):
    """Payments with the client's account: they are judged with their order."""

    _inherit = "pos.payment"

    @api.model
    def default_get(self, fields):
        """Override of the ORM to take what booking sets from no default: a caller names
        others in the context, and for itself in `ir.default`."""
        return super().default_get(
            [name for name in fields if name not in BOOKED_FIELDS]
        )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to have the clients judged whose orders grow."""
        for vals in vals_list:
            check_not_by_hand([self.browse()], vals, BOOKED_FIELDS)
        order_ids = {
            vals.get("pos_order_id")
            for vals in with_defaults(self, vals_list, "pos_order_id")
        }
        orders = self.env["pos.order"].browse(filter(None, order_ids))
        with orders._watching_account():
            return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to have the clients judged whose orders grow, and to keep
        what is given to an account already."""
        check_not_by_hand(self, vals, BOOKED_FIELDS)
        if ACCOUNT_FIELDS.isdisjoint(vals):
            return super().write(vals)
        self._check_not_given()
        orders = self.pos_order_id | self.pos_order_id.browse(
            vals.get("pos_order_id") or ()
        )
        with orders._watching_account():
            return super().write(vals)

    def unlink(self):
        """Override of the ORM to have the clients judged whose orders grow, and to keep
        what is given to an account already."""
        self._check_not_given()
        with self.pos_order_id._watching_account():
            return super().unlink()

    def _check_not_given(self):
        """Make sure that these have not given credit to an account.

        :raise UserError: otherwise
        """
        # Sudo: entries are read to decide, not shown.
        for payment in self.sudo():
            if payment._get_given_moves():
                raise UserError(
                    self.env._(
                        "%(order)s has given credit to the account of %(client)s "
                        "already. Sell or refund in a new order instead.",
                        order=payment.pos_order_id.name,
                        client=payment.partner_id.display_name,
                    )
                )

    def _is_given_to_account(self):
        """Tell whether one payment gives credit to the client's account."""
        self.ensure_one()
        method = self.payment_method_id
        below = self.currency_id.compare_amounts(self.amount, 0) < 0
        return below and method.client_is_account

    def _get_given_moves(self):
        """Return the entries by which these have given credit to an account."""
        given = self.filtered(lambda payment: payment._is_given_to_account())
        return given.account_move_id

    def _get_till_receivable_account(self):
        """Return the account on which one payment waits for its session to be closed,
        as Odoo's own do."""
        self.ensure_one()
        return (
            self.payment_method_id.receivable_account_id
            or self.company_id.account_default_pos_receivable_account_id
        )
