from operator import ge, gt, le, lt

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..const import POLICIES, TERMS, VIEWER
from ..utils import is_real_number

# Operator: the one that says the opposite, and how it compares.
OPPOSITES = {
    "<": (">=", lt),
    ">": ("<=", gt),
    "<=": (">", le),
    ">=": ("<", ge),
}


def origin_field(label):
    """Return the partner's field that says what is in force, and whence."""
    return fields.Char(
        string=label,
        compute="_compute_client_policy_origins",
        groups=VIEWER,
        copy=False,
        help="The value in force, and where it comes from.",
    )


class ResPartner(models.Model):
    """The balance policies of a client, those of its account in the current company.

    They are no related fields: written on a client without an account those would be
    lost, and with their groups anybody could still search them.
    """

    _inherit = "res.partner"

    client_negative_balance = fields.Selection(
        selection=POLICIES["negative_balance"],
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_negative_balance",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_pay_later = fields.Selection(
        selection=POLICIES["pay_later"],
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_pay_later",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_credit_application = fields.Selection(
        selection=POLICIES["credit_application"],
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_credit_application",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_top_up_policy = fields.Selection(
        selection=POLICIES["top_up_policy"],
        string="Client Top-Up",
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_top_up_policy",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_balance_visibility = fields.Selection(
        selection=POLICIES["balance_visibility"],
        string="Client Sees of the Account",
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_balance_visibility",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_low_balance_client = fields.Selection(
        selection=POLICIES["low_balance_client"],
        string="Client Low Balance: Tell Client",
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_low_balance_client",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_low_balance_client_threshold = fields.Monetary(
        string="Threshold to Tell the Client",
        currency_field="client_account_currency_id",
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_low_balance_client_threshold",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_low_balance_manager = fields.Selection(
        selection=POLICIES["low_balance_manager"],
        string="Client Low Balance: Tell Manager",
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_low_balance_manager",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
    )
    client_low_balance_manager_threshold = fields.Monetary(
        string="Threshold to Tell the Manager",
        currency_field="client_account_currency_id",
        compute="_compute_client_policies",
        inverse="_inverse_client_policies",
        search="_search_client_low_balance_manager_threshold",
        groups=VIEWER,
        copy=False,
        help="Empty: as the company's settings say.",
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

    @api.model
    def _get_client_policy_names(self):
        """Return {field of the contact: policy or threshold of its account}.

        A glue addon's policy is among them where it has a field on contacts.
        """
        accounts = self.env["client.account"]
        names = (*accounts._get_policy_names(), *accounts._get_policy_thresholds())
        return {
            f"client_{name}": name for name in names if f"client_{name}" in self._fields
        }

    # === Compute ===

    @api.depends_context("company")
    @api.depends(
        lambda self: (
            "commercial_partner_id",
            *(
                f"client_account_ids.{name}"
                for name in self._get_client_policy_names().values()
            ),
        )
    )
    def _compute_client_policies(self):
        names = self._get_client_policy_names()
        for partner in self:
            for name, policy in names.items():
                partner[name] = partner.client_account_id[policy]

    # Not with the policies: while one is written, what is computed with it stays.
    @api.depends_context("company", "lang")
    @api.depends(
        lambda self: (
            "commercial_partner_id",
            *(
                f"client_account_ids.{name}"
                for name in self._get_client_policy_names().values()
            ),
        )
    )
    def _compute_client_policy_origins(self):
        # What a client without an account has: the company's defaults. Sudo: a branch's
        # user need not read the root company.
        nobodys = self.env["client.account"].new(
            {"company_id": self.env.company.sudo().root_id.id}
        )
        origins = [
            f"{policy}_origin"
            for policy in self._get_client_policy_names().values()
            if f"client_{policy}_origin" in self._fields
        ]
        for partner in self:
            account = partner.client_account_id or nobodys
            for origin in origins:
                partner[f"client_{origin}"] = account[origin]
            partner.client_pay_later_disabled = account.pay_later_disabled

    def _inverse_client_policies(self):
        """Write what was changed on the clients' accounts, made where missing."""
        names = self._get_client_policy_names()
        changes = {}
        for partner in self:
            account = partner.client_account_id
            changed = {
                policy: partner[name]
                for name, policy in names.items()
                if partner[name] != account[policy]
            }
            if changed:
                changes[partner] = changed
        # Sudo: a branch's user need not read the root company.
        root = self.env.company.sudo().root_id
        # What is written on the contacts themselves comes before the locks, as whoever
        # posts or moves them has it.
        self.flush_recordset()
        self.env["client.account"]._lock_keys(
            {
                (partner.commercial_partner_id, root)
                for partner, changed in changes.items()
                if not TERMS.isdisjoint(changed)
            }
        )
        for partner, changed in changes.items():
            account = partner.client_account_id
            account = account or partner._get_or_create_client_account()
            account.write(changed)

    # === Search ===

    def _search_client_negative_balance(self, operator, value):
        return self._search_client_policy("negative_balance", operator, value)

    def _search_client_pay_later(self, operator, value):
        return self._search_client_policy("pay_later", operator, value)

    def _search_client_credit_application(self, operator, value):
        return self._search_client_policy("credit_application", operator, value)

    def _search_client_top_up_policy(self, operator, value):
        return self._search_client_policy("top_up_policy", operator, value)

    def _search_client_balance_visibility(self, operator, value):
        return self._search_client_policy("balance_visibility", operator, value)

    def _search_client_low_balance_client(self, operator, value):
        return self._search_client_policy("low_balance_client", operator, value)

    def _search_client_low_balance_client_threshold(self, operator, value):
        return self._search_client_policy(
            "low_balance_client_threshold", operator, value
        )

    def _search_client_low_balance_manager(self, operator, value):
        return self._search_client_policy("low_balance_manager", operator, value)

    def _search_client_low_balance_manager_threshold(self, operator, value):
        return self._search_client_policy(
            "low_balance_manager_threshold", operator, value
        )

    @api.model
    def _search_client_policy(self, name, operator, value):
        """Return the domain of the clients whose own policy compares so to `value`.

        A client without an account has none: empty, or a threshold of zero.
        """
        if name in self.env["client.account"]._get_policy_thresholds():
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
        if self.env.company.sudo().root_id.client_pay_later == "disabled":
            own = ~self._get_account_domain(Domain("pay_later", "=", "allowed"))
        if True in value and False in value:
            return Domain.TRUE
        return own if True in value else ~own
