from odoo import fields, models


class ClientBalancePolicyMixin(models.AbstractModel):
    """Declare each balance policy once, for the company and for the account.

    On a company a policy is the value in force by default; on an account an empty one
    means the company's, see `client.account._get_policy`.
    """

    _name = "client.balance.policy.mixin"
    _description = "Client Balance Policies"

    credit_application = fields.Selection(
        selection=[
            ("manual", "By hand only"),
            ("next", "Account credits to each new invoice"),
            ("all", "Any credit to any open invoice"),
        ],
        help="By hand only: nothing is applied by itself.\n"
        "Account credits to each new invoice: what is left of credits given or "
        "received through the account goes to each invoice or charge when it is "
        "posted.\nAny credit to any open invoice: payments and credit notes are "
        "applied too, also to invoices already open, oldest first.",
    )
