from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import formatLang

from ..const import MAX_AMOUNT, SWITCH, THRESHOLDS
from ..utils import is_real_number


class ClientBalancePolicyMixin(models.AbstractModel):
    """Declare each balance policy once, for the company and for the account.

    On a company a policy is the value in force by default; on an account an empty one
    means the company's, see `client.account._get_policy`.
    """

    _name = "client.balance.policy.mixin"
    _description = "Client Balance Policies"

    # Each model that uses the mixin has its own, which stays as it is.
    currency_id = fields.Many2one("res.currency")
    negative_balance = fields.Selection(
        selection=[("allowed", "Allowed"), ("prevented", "Prevented")],
        help="Prevented: an invoice or charge that takes the balance below zero by "
        "more than the limit in force is not posted.",
    )
    pay_later = fields.Selection(
        selection=[("allowed", "Allowed"), ("disabled", "Disabled")],
        help="Disabled: the client pays up front. An invoice is posted only where open "
        "credit or a payment made with it pays it at once.",
    )
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
    top_up_policy = fields.Selection(
        selection=[("allowed", "Allowed"), ("forbidden", "Forbidden")],
        string="Top-Up",
        help="Whether the client may add credit in the portal.",
    )
    balance_visibility = fields.Selection(
        selection=[
            ("hidden", "Nothing"),
            ("balance", "The balance"),
            ("history", "The balance and the history"),
        ],
        string="Client Sees",
        help="What the client sees of the account, in the portal and in messages.",
    )
    low_balance_client = fields.Selection(
        selection=SWITCH,
        string="Low Balance: Tell Client",
        help="On: the client gets an e-mail when what is available drops below the "
        "threshold.",
    )
    low_balance_client_threshold = fields.Monetary(
        string="Client Threshold",
        help="The client is told when what is available drops below this amount.",
    )
    low_balance_manager = fields.Selection(
        selection=SWITCH,
        string="Low Balance: Tell Manager",
        help="On: the client's salesperson, or else the account leader, is told when "
        "what is available drops below the threshold.",
    )
    low_balance_manager_threshold = fields.Monetary(
        string="Manager Threshold",
        help="The manager is told when what is available drops below this amount.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to take thresholds that are amounts only."""
        for vals in vals_list:
            self._check_thresholds(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to take thresholds that are amounts only."""
        self._check_thresholds(vals)
        return super().write(vals)

    @api.model
    def _check_thresholds(self, vals):
        """Make sure thresholds are amounts; one below zero counts in the limit.

        :raise ValidationError: when one is no number, or not within 1e12 of zero
        """
        for name in THRESHOLDS.keys() & vals.keys():
            amount = vals[name] or 0
            if not is_real_number(amount) or abs(amount) >= MAX_AMOUNT:
                raise ValidationError(
                    self.env._(
                        "“%s” must be an amount between -1,000,000,000,000 and "
                        "1,000,000,000,000.",
                        self._fields[name].string,
                    )
                )

    @api.model
    def _get_policy_label(self, name, value):
        """Return how the screens name a value of a policy.

        :param str name: one of POLICIES
        :param str value: one of its values
        """
        selection = self._fields[name]._description_selection(self.env)
        return dict(selection).get(value, "")

    def _describe_policy(self, name, value, threshold):
        """Return a policy's value in words, with the amount it counts with.

        :param str name: one of POLICIES
        :param str value: one of its values
        :param float threshold: company currency, None for a policy without one
        """
        self.ensure_one()
        if value == "on" and threshold is not None:
            # Sudo: a branch's user need not read the root company.
            return self.env._(
                "below %s",
                formatLang(self.env, threshold, currency_obj=self.sudo().currency_id),
            )
        return self._get_policy_label(name, value)
