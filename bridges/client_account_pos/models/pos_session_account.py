from odoo import models

from ..utils import check_not_by_hand


class PosSession(models.Model):
    """Closing a session: what was on account is owed by the books now, and paid by the
    credit there is; what was given to accounts is booked already."""

    _inherit = "pos.session"

    def write(self, vals):
        """Override of the ORM to have sessions closed by booking them alone.

        What is on account counts until then: closed by hand it would be neither in the
        balance nor in the books.
        """
        if "state" in vals and not self.env["client.account"]._get_watch().depth:
            ended = self.filtered(
                lambda session: "closed" in (session.state, vals["state"])
            )
            check_not_by_hand(ended, vals, {"state"})
        return super().write(vals)

    def _validate_session(
        self,
        balancing_account=False,
        amount_to_balance=0,
        bank_payment_method_diffs=None,
    ):
        """Override of `point_of_sale` to judge the closing entry with what it releases,
        and to leave nothing open beside the credit that pays it."""
        # Sudo: what is on account is looked at to judge, not shown.
        orders_sudo = self.sudo()._get_closed_orders()
        with self.env["client.account"]._watching():
            before = orders_sudo._fetch_committed_tickets()
            result = super()._validate_session(
                balancing_account, amount_to_balance, bank_payment_method_diffs
            )
            move_sudo = self.sudo().move_id
            if self.state == "closed" and move_sudo:
                orders_sudo._note_release(move_sudo, before)
                move_sudo._pay_with_credit_of_client()
        return result

    def _get_split_receivable_vals(self, payment, amount, amount_converted):
        """Override of `point_of_sale` to say of which order it is what a client owes,
        and to close what was given to accounts already against its own entry."""
        vals = super()._get_split_receivable_vals(payment, amount, amount_converted)
        if not payment.payment_method_id._takes_from_account():
            return vals
        vals["name"] = self.env._(
            "%(till)s: %(order)s",
            till=self.config_id.name,
            order=payment.pos_order_id.name,
        )
        if payment._get_given_moves():
            account = payment._get_till_receivable_account()
            vals.update(account_id=account.id, partner_id=False)
        return vals

    def _reconcile_account_move_lines(self, data):
        """Override of `point_of_sale` to match what was given to accounts, as Odoo
        matches payments of invoiced orders."""
        data = super()._reconcile_account_move_lines(data)
        payments = data["split_receivables_pay_later"]
        # Items of methods that do not identify the client come first.
        items = data["pay_later_move_lines"][
            len(data["combine_receivables_pay_later"]) :
        ]
        for payment, item in zip(payments, items, strict=True):
            # Accounting may have reversed or cancelled the entry meanwhile.
            waiting = payment._get_given_moves().line_ids.filtered(
                lambda line, item=item: (
                    line.account_id == item.account_id
                    and not line.partner_id
                    and line.parent_state == "posted"
                    and not line.reconciled
                )
            )
            if waiting and item.account_id.reconcile:
                (waiting | item).reconcile()
        return data
