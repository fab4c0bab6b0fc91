from functools import partial
from operator import ge, gt, le, lt

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..const import POLICIES, THRESHOLDS, VIEWER
from ..utils import is_real_number

# The policies of the account as fields of its client: name here, name there.
PARTNER_POLICIES = {f"client_{name}": name for name in (*POLICIES, *THRESHOLDS)}
PARTNER_ORIGINS = {f"client_{name}_origin": f"{name}_origin" for name in POLICIES}

# Operator: the one that says the opposite, and how it compares.
OPPOSITES = {
    "<": (">=", lt),
    ">": ("<=", gt),
    "<=": (">", le),
    ">=": ("<", ge),
}


def policy_field(field_type, name, label, **options):
    """Return the partner's field of one policy of its account.

    It is no related field: written on a client without an account that would be lost,
    and with its groups anybody could still search it.

    :param field_type: the class of the field
    :param str name: a field of `client.balance.policy.mixin`
    :param str label: of the partner's own, where there are other labels
    """
    if field_type is fields.Selection:
        options["selection"] = lambda partner: (
            partner.env["client.account"]
            ._fields[name]
            ._description_selection(partner.env)
        )
    return field_type(
        string=label,
        compute="_compute_client_policies",
        inverse=partial_method("_inverse_client_policy", name),
        search=partial_method("_search_client_policy", name),
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
        **options,
    )


def partial_method(method, name):
    """Return a function that calls a method of the records with a policy's name."""

    def call(records, *args):
        return getattr(records, method)(name, *args)

    return call


def origin_field(label):
    """Return the partner's field that says what is in force, and whence."""
    return fields.Char(
        string=label,
        compute="_compute_client_policy_origins",
        groups=VIEWER,
        copy=False,
        help="The value in force, and where it comes from.",
    )


policy_selection = partial(policy_field, fields.Selection)
policy_amount = partial(
    policy_field, fields.Monetary, currency_field="client_account_currency_id"
)


class ResPartner(models.Model):
    """The balance policies of a client, those of its account in the current company."""

    _inherit = "res.partner"

    client_negative_balance = policy_selection(
        "negative_balance", "Client Negative Balance"
    )
    client_pay_later = policy_selection("pay_later", "Client Pay Later")
    client_credit_application = policy_selection(
        "credit_application", "Client Credit Application"
    )
    client_top_up_policy = policy_selection("top_up_policy", "Client Top-Up")
    client_balance_visibility = policy_selection(
        "balance_visibility", "Client Sees of the Account"
    )
    client_low_balance_client = policy_selection(
        "low_balance_client", "Client Low Balance: Tell Client"
    )
    client_low_balance_client_threshold = policy_amount(
        "low_balance_client_threshold", "Threshold to Tell the Client"
    )
    client_low_balance_manager = policy_selection(
        "low_balance_manager", "Client Low Balance: Tell Manager"
    )
    client_low_balance_manager_threshold = policy_amount(
        "low_balance_manager_threshold", "Threshold to Tell the Manager"
    )

    client_negative_balance_origin = origin_field("Client Negative Balance in Force")
    client_pay_later_origin = origin_field("Client Pay Later in Force")
    client_credit_application_origin = origin_field(
        "Client Credit Application in Force"
    )
    client_top_up_policy_origin = origin_field("Client Top-Up in Force")
    client_balance_visibility_origin = origin_field("Client Sees in Force")
    client_low_balance_client_origin = origin_field(
        "Client Low Balance: Tell Client in Force"
    )
    client_low_balance_manager_origin = origin_field(
        "Client Low Balance: Tell Manager in Force"
    )
    client_pay_later_disabled = fields.Boolean(
        compute="_compute_client_policy_origins",
        search="_search_client_pay_later_disabled",
        groups=VIEWER,
        copy=False,
        help="The client pays up front, by the account's policy or the company's.",
    )

    @api.depends_context("company")
    @api.depends(
        "commercial_partner_id",
        *(f"client_account_ids.{name}" for name in (*POLICIES, *THRESHOLDS)),
    )
    def _compute_client_policies(self):
        for partner in self:
            for name, policy in PARTNER_POLICIES.items():
                partner[name] = partner.client_account_id[policy]

    # Not with the policies: while one is written, what is computed with it stays.
    @api.depends_context("company", "lang")
    @api.depends(
        "commercial_partner_id",
        *(f"client_account_ids.{name}" for name in (*POLICIES, *THRESHOLDS)),
    )
    def _compute_client_policy_origins(self):
        # What a client without an account has: the company's defaults. Sudo: a branch's
        # user need not read the root company.
        nobodys = self.env["client.account"].new(
            {"company_id": self.env.company.sudo().root_id.id}
        )
        for partner in self:
            account = partner.client_account_id or nobodys
            for name, origin in PARTNER_ORIGINS.items():
                partner[name] = account[origin]
            partner.client_pay_later_disabled = account.pay_later_disabled

    def _inverse_client_policy(self, name):
        """Write one policy on the clients' accounts, made where there are none."""
        for partner in self:
            value = partner[f"client_{name}"]
            account = partner.client_account_id
            if value and not account:
                account = partner._get_or_create_client_account()
            if account:
                account[name] = value

    @api.model
    def _search_client_policy(self, name, operator, value):
        """Return the domain of the clients whose own policy compares so to `value`.

        A client without an account has none: empty, or a threshold of zero.
        """
        if name in THRESHOLDS:
            return self._search_client_threshold(name, operator, value)
        if operator != "in":
            return NotImplemented
        condition = Domain(name, "in", value)
        if False in value:
            return ~self._get_account_domain(~condition)
        return self._get_account_domain(condition)

    @api.model
    def _search_client_threshold(self, name, operator, value):
        """Return the domain of the clients whose own threshold compares so to `value`.

        Where zero does, it is that of all clients but those of whom the opposite is
        true: a threshold nobody entered is NULL, which compares to nothing.
        """
        if operator != "in" and operator not in OPPOSITES:
            return NotImplemented
        self._check_searched_amounts(value if operator == "in" else [value])
        if operator == "in":
            amounts = [item for item in value if item]
            if len(amounts) == len(value):
                return self._get_account_domain(Domain(name, "in", amounts))
            others = Domain(name, "<", 0) | Domain(name, ">", 0)
            return ~self._get_account_domain(others & Domain(name, "not in", amounts))
        opposite, matches = OPPOSITES[operator]
        if matches(0, value):
            return ~self._get_account_domain(Domain(name, opposite, value))
        return self._get_account_domain(Domain(name, operator, value))

    @api.model
    def _check_searched_amounts(self, values):
        """Refuse to search a threshold by something else than numbers.

        :raise UserError: when one of the values is no number
        """
        if any(item and not is_real_number(item) for item in values):
            raise UserError(
                self.env._(
                    "Thresholds of clients are searched by numbers. Enter an amount "
                    "such as 25.00."
                )
            )

    @api.model
    def _get_account_domain(self, condition):
        """Return the domain of the clients with such an account in this company."""
        return Domain(
            "commercial_partner_id.client_account_ids",
            "any",
            Domain("company_id", "=", self.env.company.root_id.id) & condition,
        )

    @api.model
    def _search_client_pay_later_disabled(self, operator, value):
        if operator != "in":
            return NotImplemented
        own = self._get_account_domain(Domain("pay_later", "=", "disabled"))
        # Sudo: a branch's user need not read the root company.
        if self.env.company.sudo().root_id.pay_later == "disabled":
            own = ~self._get_account_domain(Domain("pay_later", "=", "allowed"))
        if True in value and False in value:
            return Domain.TRUE
        return own if True in value else ~own
