from odoo import api, models
from odoo.fields import Command

MONTHS = 5
DUES = 45


class AccountChartTemplate(models.AbstractModel):
    """The dues of the demo client who is a member."""

    _inherit = "account.chart.template"

    @api.model
    def _load_client_demo(self):
        """Override of `client_account` to bill the member, once."""
        if not super()._load_client_demo():
            return False
        product = self.env.ref(
            "client_account_partnership.demo_membership", raise_if_not_found=False
        )
        moves = self.env["account.move"]
        if product and not moves.search_count(
            [("invoice_line_ids.product_id", "=", product.id)], limit=1
        ):
            company = self.env.ref("base.main_company")
            self.with_company(company)._tell_member(product)
        return True

    def _tell_member(self, product):
        """A member since some months: each month is paid, and the next invoice is
        posted by itself.

        :param product: the `product.product` of the membership
        """
        self._get_demo_account("demo_member").credit_application = "all"
        lines = [
            Command.create(
                {
                    "product_id": product.id,
                    "price_unit": DUES,
                    "tax_ids": [Command.clear()],
                }
            )
        ]
        for month in range(MONTHS, 0, -1):
            days = 10 - 30 * month
            move = self._bill_demo(
                "demo_member", "", 0, days, days, invoice_line_ids=lines
            )
            if month == MONTHS:
                # The order is for the first month, and committed no more.
                order = self.env.ref("client_account_partnership.demo_membership_order")
                move.invoice_line_ids.sale_line_ids = order.order_line
            self._pay_demo("demo_member", DUES, days + 2)
        self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.env.ref("client_account.demo_member").id,
                "invoice_date": self._day(10),
                "date": self._day(10),
                "invoice_date_due": self._day(10),
                "invoice_payment_term_id": False,
                "auto_post": "monthly",
                "invoice_line_ids": lines,
            }
        )
