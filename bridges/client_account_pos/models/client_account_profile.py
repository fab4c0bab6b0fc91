from odoo import models
from odoo.tools import SQL

POS_USER = "point_of_sale.group_pos_user"


class ClientAccount(models.Model):
    """The tills' orders of a client, on the profile and in a list of their own."""

    _inherit = "client.account"

    def _get_profile_boxes(self):
        """Override to add what is on account at tills, where there is anything."""
        boxes = super()._get_profile_boxes()
        if self._may_see_figures() and (box := self._get_till_box()):
            boxes.append(box)
        return boxes

    def _get_till_box(self):
        """Return the box of what is on account at tills, None where nothing is."""
        rows = self._fetch_tickets()
        if not rows:
            return None
        may_read = self.env["pos.order"].has_access("read")
        return self._get_profile_box(
            "till",
            self.env._("On Account at the Till"),
            self.currency_id.format(sum(float(amount) for *_ids, amount in rows)),
            lines=[
                self._get_profile_line(
                    self.env._("Orders Until Closing"), str(len(rows))
                )
            ],
            link=may_read
            and (
                "action_view_till_orders",
                self.env._("Show the orders behind this figure"),
                POS_USER,
            ),
        )

    def _fetch_tickets(self):
        """Return what tills' orders of these clients have on account, until their
        sessions are closed.

        :return: list of (id of `pos.order`, client id, root company id, amount in
            company currency)
        """
        # Sudo: a branch's user need not read the root company.
        keys = tuple(
            (account.partner_id._origin.id, account.company_id.id)
            for account in self.sudo()
        )
        return self.env.execute_query(
            SQL(
                "SELECT order_id, partner_id, company_id, amount FROM (%s) tickets"
                " WHERE (partner_id, company_id) IN %s",
                self.env["pos.order"]._get_committed_tickets_sql(),
                keys or ((0, 0),),
            )
        )

    # === Actions ===

    def action_view_till_orders(self):
        """Open the tills' orders that are on account and count against the limits of
        these clients."""
        self.check_access("read")
        self.env["pos.order"].check_access("read")
        listed = self.env.ref("client_account_pos.pos_order_view_list_on_account")
        cards = self.env.ref("client_account_pos.pos_order_view_kanban_on_account")
        order_ids = [order_id for order_id, *_rest in self._fetch_tickets()]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("On Account at the Till"),
            "res_model": "pos.order",
            "views": [[listed.id, "list"], [cards.id, "kanban"], [False, "form"]],
            "domain": [("id", "in", order_ids)],
            "context": {"create": False},
        }
