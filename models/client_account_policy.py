from odoo import api, fields, models

from ..const import POLICIES, THRESHOLDS


def origin_field(label):
    """Return the field that says what is in force of a policy, and whence."""
    return fields.Char(
        string=label,
        compute="_compute_policy_origins",
        help="The value in force, and where it comes from.",
    )


class ClientAccount(models.Model):
    """The balance policies of a client account: what is in force, and whence."""

    _inherit = "client.account"

    # Who decided otherwise for a client, and when, stands in the chatter.
    negative_balance = fields.Selection(tracking=True)
    pay_later = fields.Selection(tracking=True)
    credit_application = fields.Selection(tracking=True)
    top_up_policy = fields.Selection(tracking=True)
    balance_visibility = fields.Selection(tracking=True)
    low_balance_client = fields.Selection(tracking=True)
    low_balance_client_threshold = fields.Monetary(tracking=True)
    low_balance_manager = fields.Selection(tracking=True)
    low_balance_manager_threshold = fields.Monetary(tracking=True)

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

    @api.depends_context("lang")
    @api.depends(
        "company_id",
        *POLICIES,
        *THRESHOLDS,
        *(f"company_id.{name}" for name in (*POLICIES, *THRESHOLDS)),
    )
    def _compute_policy_origins(self):
        for account in self:
            for name in POLICIES:
                account[f"{name}_origin"] = account._get_policy_origin(name)

    @api.depends("pay_later", "company_id.pay_later")
    def _compute_pay_later_disabled(self):
        for account in self:
            account.pay_later_disabled = account._get_policy("pay_later") == "disabled"

    def _get_policy_origin(self, name):
        """Return what is in force of a policy of one account, and whence, in words."""
        self.ensure_one()
        value = self._get_policy(name)
        threshold = next(
            (key for key, switch in THRESHOLDS.items() if switch == name), ""
        )
        text = self._describe_policy(
            name, value, self._get_policy(threshold) if threshold else None
        )
        if self[name]:
            return self.env._("This client: %s", text)
        return self.env._("Company default: %s", text)

    def _get_policy(self, name):
        """Return the value in force of a policy: the account's, else the company's.

        A threshold of the account counts only where its own switch is set.

        :param str name: a field of `client.balance.policy.mixin`
        """
        self.ensure_one()
        # Sudo: a policy binds whoever acts, also where they cannot read the company.
        account_sudo = self.sudo()
        if account_sudo[THRESHOLDS.get(name, name)]:
            return account_sudo[name]
        return account_sudo.company_id[name]

    def _get_policies(self, names):
        """Return the values in force of several policies for these accounts.

        :return: {account: {name: value}}
        """
        return {
            account: {name: account._get_policy(name) for name in names}
            for account in self
        }

    @api.model
    def _get_client_policy(self, partner, company, name):
        """Return the value in force of a policy for a client, with an account or not.

        :param partner: `res.partner`, a contact stands for its commercial partner
        :param company: `res.company`, a branch stands for its root
        :param str name: a field of `client.balance.policy.mixin`
        """
        # Sudo: a policy binds whoever acts, whatever they may see.
        root = company.sudo().root_id
        account = self.sudo().search(
            [
                ("partner_id", "=", partner.sudo().commercial_partner_id.id),
                ("company_id", "=", root.id),
            ]
        )
        return account._get_policy(name) if account else root[name]
