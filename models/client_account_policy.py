from odoo import api, fields, models
from odoo.tools import SQL, formatLang

from ..const import POLICIES, THRESHOLDS
from ..utils import check_threshold


def origin_field(label):
    """Return the field that says what is in force of a policy, and whence."""
    return fields.Char(
        string=label,
        compute="_compute_policy_origins",
        help="The value in force, and where it comes from.",
    )


class ClientAccount(models.Model):
    """The balance policies of a client account: what is in force, and whence.

    A glue addon adds a policy by three fields (`x` here, `client_x` on `res.company`
    with a default, `client_x` on `res.partner` where contacts show it) and its name in
    `_get_policy_names`.
    """

    _inherit = "client.account"

    # Who decided otherwise for a client, and when, stands in the chatter.
    negative_balance = fields.Selection(
        selection=POLICIES["negative_balance"],
        tracking=True,
        help="Prevented: an invoice or charge that takes the balance below zero by "
        "more than the limit in force is not posted.",
    )
    pay_later = fields.Selection(
        selection=POLICIES["pay_later"],
        tracking=True,
        help="Disabled: the client pays up front. An invoice is posted only where open "
        "credit or a payment made with it pays it at once.",
    )
    credit_application = fields.Selection(
        selection=POLICIES["credit_application"],
        tracking=True,
        help="By hand only: nothing is applied by itself.\n"
        "Account credits to each new invoice: what is left of credits given or "
        "received through the account goes to each invoice or charge when it is "
        "posted.\nAny credit to any open invoice: payments and credit notes are "
        "applied too, also to invoices already open, earliest due first.",
    )
    top_up_policy = fields.Selection(
        selection=POLICIES["top_up_policy"],
        string="Top-Up",
        tracking=True,
        help="Whether the client may add credit in the portal.",
    )
    balance_visibility = fields.Selection(
        selection=POLICIES["balance_visibility"],
        string="Client Sees",
        tracking=True,
        help="What the client sees of the account, in the portal and in messages.",
    )
    low_balance_client = fields.Selection(
        selection=POLICIES["low_balance_client"],
        string="Low Balance: Tell Client",
        tracking=True,
        help="On: the client gets an e-mail when what is available drops below the "
        "threshold.",
    )
    low_balance_client_threshold = fields.Monetary(
        string="Client Threshold",
        tracking=True,
        help="The client is told when what is available drops below this amount.",
    )
    low_balance_manager = fields.Selection(
        selection=POLICIES["low_balance_manager"],
        string="Low Balance: Tell Manager",
        tracking=True,
        help="On: the client's salesperson, or else the account leader, is told when "
        "what is available drops below the threshold.",
    )
    low_balance_manager_threshold = fields.Monetary(
        string="Manager Threshold",
        tracking=True,
        help="The manager is told when what is available drops below this amount.",
    )

    negative_balance_origin = origin_field("Negative Balance in Force")
    pay_later_origin = origin_field("Pay Later in Force")
    credit_application_origin = origin_field("Credit Application in Force")
    top_up_policy_origin = origin_field("Top-Up in Force")
    balance_visibility_origin = origin_field("Client Sees in Force")
    low_balance_client_origin = origin_field("Low Balance: Tell Client in Force")
    low_balance_manager_origin = origin_field("Low Balance: Tell Manager in Force")
    pay_later_disabled = fields.Boolean(
        compute="_compute_pay_later_disabled",
        help="The client pays up front, by the account's policy or the company's.",
    )

    # === Which policies there are ===

    @api.model
    def _get_policy_names(self):
        """Return the names of all policies that are a choice.

        Hook: a glue addon adds those it brings.

        :return: tuple of field names of `client.account`; the company's are the same
            with the prefix `client_`
        """
        return tuple(POLICIES)

    @api.model
    def _get_policy_thresholds(self):
        """Return {name of a threshold: name of the policy it counts with}.

        Hook: as `_get_policy_names`.
        """
        return dict(THRESHOLDS)

    # === Compute ===

    @api.depends_context("lang")
    @api.depends(
        lambda self: (
            "company_id",
            *(
                f"{prefix}{name}"
                for name in (*self._get_policy_names(), *self._get_policy_thresholds())
                for prefix in ("", "company_id.client_")
            ),
        )
    )
    def _compute_policy_origins(self):
        for account in self:
            for name in self._get_policy_names():
                account[f"{name}_origin"] = account._get_policy_origin(name)

    @api.depends("pay_later", "company_id.client_pay_later")
    def _compute_pay_later_disabled(self):
        for account in self:
            account.pay_later_disabled = account._get_policy("pay_later") == "disabled"

    # === CRUD ===

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
        for name in self._get_policy_thresholds().keys() & vals.keys():
            check_threshold(self.env, self._fields[name].string, vals[name])

    # === In words ===

    def _get_policy_origin(self, name):
        """Return what is in force of a policy of one account, and whence, in words."""
        self.ensure_one()
        value = self._get_policy(name)
        thresholds = self._get_policy_thresholds().items()
        threshold = next((key for key, switch in thresholds if switch == name), "")
        text = self._describe_policy(
            name, value, self._get_policy(threshold) if threshold else None
        )
        if self[name]:
            return self.env._("This client: %s", text)
        return self.env._("Company default: %s", text)

    def _describe_policy(self, name, value, threshold):
        """Return the value of a policy of one account in words, with its amount.

        :param str name: a policy
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
        selection = self._fields[name]._description_selection(self.env)
        return dict(selection).get(value, "")

    # === In force ===

    def _get_policy(self, name):
        """Return the value in force of a policy: the account's, else the company's.

        A threshold of the account counts only where its own switch is set.

        :param str name: a policy or threshold, see `_get_policy_names`
        """
        self.ensure_one()
        # Sudo: a policy binds whoever acts, also where they cannot read the company.
        account_sudo = self.sudo()
        if account_sudo[self._get_policy_thresholds().get(name, name)]:
            return account_sudo[name]
        return account_sudo.company_id[f"client_{name}"]

    def _get_policies(self, names):
        """Return the values in force of several policies for these accounts.

        :return: {account: {name: value}}
        """
        return {
            account: {name: account._get_policy(name) for name in names}
            for account in self
        }

    @api.model
    def _get_policy_sql(self, name):
        """Return the SQL of the value in force of a policy, as `_get_policy`.

        :param str name: a policy or threshold
        :return: `SQL` on the aliases `account` of client_account and `company` of the
            res_company of its root
        """
        switch = self._get_policy_thresholds().get(name, name)
        own, default = self._fields, self.env["res.company"]._fields
        return SQL(
            "CASE WHEN account.%(switch)s IS NULL THEN company.%(default)s"
            " ELSE account.%(name)s END",
            switch=SQL.identifier(switch),
            name=SQL.identifier(name),
            default=SQL.identifier(f"client_{name}"),
            to_flush=(own[switch], own[name], default[f"client_{name}"]),
        )

    @api.model
    def _get_client_policy(self, partner, company, name):
        """Return the value in force of a policy for a client, with an account or not.

        :param partner: `res.partner`, a contact stands for its commercial partner
        :param company: `res.company`, a branch stands for its root
        :param str name: a policy or threshold
        """
        # Sudo: a policy binds whoever acts, whatever they may see.
        account = self.sudo()._find_accounts(partner.sudo(), company)
        if account:
            return account._get_policy(name)
        return company.sudo().root_id[f"client_{name}"]
