from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.client_account.models.client_account_page import PAGE_LENGTH

SALESMAN = "sales_team.group_sale_salesman"


class ClientAccount(models.Model):
    """The orders of a client, on the profile and in a list of their own."""

    _inherit = "client.account"

    order_ids = fields.Many2many(
        "sale.order",
        string="Orders",
        compute="_compute_order_ids",
        help="The newest 40 that you may see: quotations and orders.",
    )

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_id", "company_id")
    def _compute_order_ids(self):
        """List the newest orders, those of them that the user may read."""
        orders = self.env["sale.order"]
        may_read = orders.has_access("read")
        for account in self:
            account.order_ids = may_read and orders.search(
                account._get_orders_domain() & Domain("state", "!=", "cancel"),
                order="date_order DESC, id DESC",
                limit=PAGE_LENGTH,
            )

    def _get_orders_domain(self):
        """Return the domain of all orders that are invoiced to these clients.

        In terms of ids, see `_build_items_domain`, and for the web client to take them
        along.
        """
        return Domain.OR(
            Domain("partner_invoice_id", "in", accounts._search_contacts().ids)
            & Domain("company_id", "child_of", root.id)
            # Sudo: a branch's user need not read the root company.
            for root, accounts in self.sudo().grouped("company_id").items()
        )

    @api.model
    def _invalidate_figures(self):
        """Override to forget what each order has committed, too."""
        result = super()._invalidate_figures()
        self.env["client.account"].invalidate_model(["order_ids"], flush=False)
        self.env["sale.order"].invalidate_model(
            ["client_committed", "client_account_words", "client_confirmation_preview"],
            flush=False,
        )
        return result

    # === Profile ===

    def _get_profile_boxes(self):
        """Override to add what is ordered."""
        boxes = super()._get_profile_boxes()
        if self._may_see_figures():
            boxes.append(self._get_orders_box())
        return boxes

    def _get_orders_box(self):
        open_orders, amount = self._fetch_open_orders()
        # Sudo: a branch's user need not read the root company.
        counts = self.sudo().company_id.client_judged_documents != "invoices"
        may_sell = self.env.user.has_group(SALESMAN)
        may_read = self.env["sale.order"].has_access("read")
        return self._get_profile_box(
            "committed",
            self.env._("Committed"),
            self.currency_id.format(amount),
            tone="" if amount and counts else "muted",
            lines=[
                open_orders
                and self._get_profile_line(
                    self.env._("Orders to Invoice"), str(open_orders)
                ),
                amount
                and not counts
                and self._get_profile_line(
                    self.env._("Counts Against the Limit"), self.env._("No")
                ),
            ],
            link=may_read
            and (
                "action_view_committed_orders",
                self.env._("Show the orders behind this figure"),
                None,
            ),
            buttons=self._get_profile_buttons(
                may_read and ("action_view_orders", self.env._("Orders"), None),
                may_sell
                and ("action_new_quotation", self.env._("New Quotation"), SALESMAN),
            ),
        )

    def _fetch_open_orders(self):
        """Return how many orders of one client are not invoiced to the end, and what
        they have committed, whether that counts or not.

        :return: (number, amount in company currency)
        """
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT COUNT(*), COALESCE(SUM(amount), 0)::float FROM (%s) orders"
                " WHERE partner_id = %s AND company_id = %s",
                self.env["sale.order"]._get_committed_orders_sql(SQL("TRUE")),
                self.partner_id._origin.id,
                # Sudo: a branch's user need not read the root company.
                self.sudo().company_id.id,
            )
        )
        return rows[0]

    # === Actions ===

    def action_view_orders(self):
        """Open the orders of these clients, quotations too."""
        self.check_access("read")
        return self._open_orders(self._get_orders_domain(), self.env._("Orders"))

    def action_view_committed_orders(self):
        """Open the orders that make up what these clients have committed."""
        self.check_access("read")
        # Sudo: which orders there are; the list shows those that the user may read.
        orders = self.env["sale.order"].sudo()
        rows = self.env.execute_query(
            SQL(
                "SELECT order_id FROM (%s) orders WHERE (partner_id, company_id) IN %s",
                orders._get_committed_orders_sql(SQL("TRUE")),
                tuple(
                    (account.partner_id.id, account.company_id.id)
                    for account in self.sudo()
                )
                or ((0, 0),),
            )
        )
        domain = Domain("id", "in", [order_id for (order_id,) in rows])
        return self._open_orders(domain, self.env._("Orders to Invoice"))

    def _open_orders(self, domain, name):
        """Return the window of orders with what they have committed."""
        self.env["sale.order"].check_access("read")
        listed = self.env.ref("client_account_sale.sale_order_view_list_committed")
        cards = self.env.ref("client_account_sale.sale_order_view_kanban_committed")
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "sale.order",
            "views": [[listed.id, "list"], [cards.id, "kanban"], [False, "form"]],
            "domain": list(domain),
            "context": {"create": False},
        }

    def action_new_quotation(self):
        """Open a new quotation of one client."""
        self._check_one()
        self.env["sale.order"].check_access("create")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Quotation"),
            "res_model": "sale.order",
            "views": [[False, "form"]],
            "context": {"default_partner_id": self.partner_id.id},
        }
