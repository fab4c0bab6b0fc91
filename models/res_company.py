from odoo import api, fields, models
from odoo.exceptions import (
    AccessError,
    RedirectWarning,
    UserError,
    ValidationError,
)
from odoo.fields import Domain

from ..const import (
    ADJUSTMENT_ACCOUNT_DOMAIN,
    ADJUSTMENT_JOURNAL_CODE,
    APPROVER,
    POLICIES,
    THRESHOLDS,
)
from ..utils import check_threshold, parse_amount, parse_typed_amount

# Writing these may bring accounts below a threshold, or above the share of a limit.
NOTICE_FIELDS = {
    "client_limit_warning_share",
    "client_negative_balance",
    *(f"client_{name}" for pair in THRESHOLDS.items() for name in pair),
}

# What these say goes for all clients, or for who decides: approvers write them.
DECISIONS = (
    *(f"client_{name}" for name in POLICIES),
    "client_request_self_approval",
    "client_two_approvers",
    "client_two_approvers_above",
    "client_credit_approval",
    "client_credit_approval_above",
    "client_write_off_limit",
    "client_payable_offset",
)

# Amounts that a company sets as bounds: the database takes NaN for the largest.
BOUNDS = (
    "client_credit_approval_above",
    "client_top_up_maximum",
    "client_top_up_minimum",
    "client_two_approvers_above",
    "client_write_off_limit",
)


class ResCompany(models.Model):
    _inherit = "res.company"

    # === Balance policies: in force where an account says nothing ===
    # Nothing is prevented and nobody is told anything until somebody says so.
    client_negative_balance = fields.Selection(
        tracking=True,
        selection=POLICIES["negative_balance"],
        string="Negative Balance",
        default="allowed",
        required=True,
        help="Prevented: an invoice or charge that takes the balance below zero by "
        "more than the limit in force is not posted.",
    )
    client_pay_later = fields.Selection(
        tracking=True,
        selection=POLICIES["pay_later"],
        string="Pay Later",
        default="allowed",
        required=True,
        help="Disabled: the client pays up front. An invoice is posted only where open "
        "credit or a payment made with it pays it at once.",
    )
    client_credit_application = fields.Selection(
        tracking=True,
        selection=POLICIES["credit_application"],
        string="Credit Application",
        default="next",
        required=True,
        help="By hand only: nothing is applied by itself.\n"
        "Account credits to each new invoice: what is left of credits given or "
        "received through the account goes to each invoice or charge when it is "
        "posted.\nAny credit to any open invoice: payments and credit notes are "
        "applied too, also to invoices already open, earliest due first.",
    )
    client_top_up_policy = fields.Selection(
        tracking=True,
        selection=POLICIES["top_up_policy"],
        string="Top-Up",
        default="allowed",
        required=True,
        help="Whether the client may add credit in the portal.",
    )
    client_balance_visibility = fields.Selection(
        tracking=True,
        selection=POLICIES["balance_visibility"],
        string="Client Sees",
        default="history",
        required=True,
        help="What the client sees of the account, in the portal and in messages.",
    )
    client_low_balance_client = fields.Selection(
        tracking=True,
        selection=POLICIES["low_balance_client"],
        string="Low Balance: Tell Client",
        default="off",
        required=True,
        help="On: the client gets an e-mail when what is available drops below the "
        "threshold.",
    )
    client_low_balance_client_threshold = fields.Monetary(
        string="Client Threshold",
        help="The client is told when what is available drops below this amount.",
    )
    client_low_balance_manager = fields.Selection(
        tracking=True,
        selection=POLICIES["low_balance_manager"],
        string="Low Balance: Tell Manager",
        default="off",
        required=True,
        help="On: the client's salesperson, or else the account leader, is told when "
        "what is available drops below the threshold.",
    )
    client_low_balance_manager_threshold = fields.Monetary(
        string="Manager Threshold",
        help="The manager is told when what is available drops below this amount.",
    )

    client_limit_warning_share = fields.Float(
        string="Early Warning at (%)",
        digits=(16, 1),
        default=80.0,
        required=True,
        help="The account leader is told when a client has taken up this share of the "
        "limit in force. Zero: not before the limit is exceeded.",
    )

    client_adjustment_journal_id = fields.Many2one(
        "account.journal",
        check_company=True,
        domain="[('type', '=', 'general')]",
        help="Journal in which credits and charges of client accounts are booked.",
    )
    client_credit_account_id = fields.Many2one(
        "account.account",
        check_company=True,
        domain=ADJUSTMENT_ACCOUNT_DOMAIN,
        help="Account debited when a credit is issued to a client.",
    )
    client_charge_account_id = fields.Many2one(
        "account.account",
        check_company=True,
        domain=ADJUSTMENT_ACCOUNT_DOMAIN,
        help="Account credited when an amount is charged to a client.",
    )

    # === Account requests ===
    client_account_leader_id = fields.Many2one(
        "res.users",
        string="Account Leader",
        ondelete="set null",
        help="Who is asked to decide about account requests. Without one, or where the "
        "leader is no approver, every approver of the company is asked.",
    )
    client_request_self_approval = fields.Boolean(
        tracking=True,
        string="Approvers May Approve Their Own Requests",
        help="An approver may decide about a request of their own.",
    )
    client_two_approvers = fields.Boolean(
        tracking=True,
        string="Two Approvers for High Limits",
        help="Two different approvers have to agree to a limit above the amount.",
    )
    client_two_approvers_above = fields.Monetary(
        tracking=True,
        string="Two Approvers Above",
        help="A limit above this amount needs two approvers.",
    )

    client_credit_approval = fields.Boolean(
        tracking=True,
        string="High Credits Need an Approver",
        help="A credit above the amount is asked for and booked when it is approved.",
    )
    client_credit_approval_above = fields.Monetary(
        tracking=True,
        string="Approver Above",
        help="A credit above this amount, taxes included, needs an approver.",
    )

    client_payable_offset = fields.Boolean(
        tracking=True,
        string="Set Bills Off Against Debts",
        help="What a client owes may be set off against bills of the same contact.",
    )

    # === Many at once ===
    client_batch_at_once = fields.Integer(
        string="Booked at Once up to",
        default=200,
        required=True,
        help="Bulk credits with more lines are booked by a job, in portions.",
    )

    # === Portal ===
    client_top_up_minimum = fields.Monetary(
        tracking=True,
        string="Least Top-Up",
        default=5.0,
        help="The smallest amount a client adds to the account at once.",
    )
    client_top_up_maximum = fields.Monetary(
        tracking=True,
        string="Largest Top-Up",
        default=1000.0,
        help="The largest amount a client adds to the account at once.",
    )
    client_top_up_presets = fields.Char(
        string="Suggested Top-Ups",
        default="20, 50, 100",
        help="Amounts that clients choose from, such as: 20, 50, 100.",
    )
    client_charges_online = fields.Boolean(
        tracking=True,
        string="Charges Are Payable Online",
        help="Clients pay open charges in the portal. Otherwise it says that they are "
        "paid at the desk.",
    )
    client_choose_application = fields.Boolean(
        tracking=True,
        string="Clients Choose the Use of Credit",
        help="Clients switch on or off in the portal that their credit pays new "
        "invoices by itself.",
    )

    _client_top_up_range = models.Constraint(
        "CHECK(client_top_up_minimum >= 0"
        " AND client_top_up_maximum >= client_top_up_minimum)",
        "The largest top-up is at or above the least, and neither is below zero.",
    )
    _client_batch_at_once_range = models.Constraint(
        "CHECK(client_batch_at_once >= 0 AND client_batch_at_once <= 1000)",
        "Between 0 and 1,000 lines are booked at once; more are booked by the job.",
    )
    _client_limit_warning_share_range = models.Constraint(
        "CHECK(client_limit_warning_share >= 0 AND client_limit_warning_share <= 100)",
        "The share of the limit at which the account leader hears is between 0 and "
        "100 %.",
    )
    _client_two_approvers_above_positive = models.Constraint(
        "CHECK(client_two_approvers_above >= 0)",
        "The amount above which two approvers have to agree is zero or above.",
    )
    _client_credit_approval_above_positive = models.Constraint(
        "CHECK(client_credit_approval_above >= 0)",
        "The amount above which a credit needs an approver is zero or above.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to take thresholds that are amounts only."""
        for vals in vals_list:
            self._check_client_thresholds(vals)
        companies = super().create(vals_list)
        for company, vals in zip(companies, vals_list, strict=True):
            company._check_client_top_up_presets(vals)
            if company.parent_id and (names := self._get_client_settings(vals)):
                defaults = self.default_get(names)
                company._refuse_client_settings(
                    {
                        name: vals[name]
                        for name in names
                        if (vals[name] or False) != (defaults.get(name) or False)
                    }
                )
        return companies

    def write(self, vals):
        """Override of the ORM to take thresholds that are amounts only.

        Accounts are looked at whose thresholds move.
        """
        self._check_client_thresholds(vals)
        self._check_client_branch(vals)
        self._check_may_decide_for_all(vals)
        if not {"client_negative_balance", "client_pay_later"}.isdisjoint(vals):
            accounts = self.env["client.account"]
            accounts._lock_companies(self)
            for company in self:
                accounts._get_watch().terms.setdefault(
                    (self._name, company.id), company.client_negative_balance
                )
        result = super().write(vals)
        self._check_client_top_up_presets(vals)
        if not NOTICE_FIELDS.isdisjoint(vals):
            self.env["client.account"]._trigger_notices()
        return result

    def _check_may_decide_for_all(self, vals):
        """Leave what is decided for all clients of a company to approvers.

        :raise AccessError: when somebody else would change it
        """
        if self.env.user._is_superuser() or self.env.user.has_group(APPROVER):
            return
        changed = [
            name
            for name in self._get_client_decisions()
            if name in vals and any(company[name] != vals[name] for company in self)
        ]
        if changed:
            raise AccessError(
                self.env._(
                    "Only approvers of client accounts may change %(fields)s of "
                    "%(companies)s. Ask one of them.",
                    fields=", ".join(
                        description["string"]
                        for description in self.fields_get(changed, ["string"]).values()
                    ),
                    companies=", ".join(self.mapped("display_name")[:5]),
                )
            )

    @api.model
    def _get_client_decisions(self):
        """Return the names of the settings that approvers alone change.

        Hook: a glue addon adds those of its own that go for all clients.
        """
        return DECISIONS

    @api.model
    def _get_client_settings(self, vals):
        """Return which of the values are settings of client accounts, those of glue
        addons among them."""
        return [
            name
            for name in vals
            if (getattr(self._fields.get(name), "_module", None) or "").startswith(
                "client_account"
            )
        ]

    def _check_client_branch(self, vals):
        """Keep the settings of client accounts to root companies, which branches share.

        :raise UserError: when one of a branch would change
        """
        names = self._get_client_settings(vals)
        # Sudo: a branch's user need not read the root company.
        for branch in self.sudo().filtered("parent_id") if names else ():
            branch._refuse_client_settings(
                {
                    name: vals[name]
                    for name in names
                    if (vals[name] or False)
                    != (
                        self._fields[name].convert_to_write(branch[name], branch)
                        or False
                    )
                }
            )

    def _refuse_client_settings(self, vals):
        """Refuse to change settings of client accounts on one branch.

        :param dict vals: what would change, nothing perhaps
        :raise UserError: when there is something
        """
        self.ensure_one()
        if vals:
            raise UserError(
                self.env._(
                    "%(branch)s is a branch and shares the client accounts of "
                    "%(root)s. Set “%(fields)s” on %(root)s.",
                    branch=self.display_name,
                    root=self.root_id.display_name,
                    fields="”, “".join(self._fields[name].string for name in vals),
                )
            )

    @api.model
    def _check_client_thresholds(self, vals):
        """Make sure thresholds are amounts, see `check_threshold`.

        :raise ValidationError: when one is none
        """
        thresholds = self.env["client.account"]._get_policy_thresholds()
        for name in (*(f"client_{threshold}" for threshold in thresholds), *BOUNDS):
            if name in vals:
                check_threshold(self.env, self._fields[name].string, vals[name])

    # === Portal ===

    def _check_client_top_up_presets(self, vals):
        """Make sure that presets somebody writes are amounts.

        Not by a constraint: Odoo activates the currency of a new company after it is
        made, and the defaults may be no amounts in it.

        :raise ValidationError: when one is none
        """
        if "client_top_up_presets" in vals:
            for company in self:
                company._get_top_up_presets(strict=True)

    def _get_top_up_presets(self, strict=False):
        """Return the amounts that clients choose from, within the company's bounds.

        :param bool strict: whether to refuse what is no amount
        :raise ValidationError: when strict and one is none
        """
        self.ensure_one()
        presets = []
        for text in (self.client_top_up_presets or "").split(","):
            amount = parse_amount(text.strip(), self.currency_id)
            if amount is None and text.strip() and strict:
                raise ValidationError(
                    self.env._(
                        "“%(text)s” is no amount that clients of %(company)s could "
                        "add. Enter amounts with commas between them: 20, 50, 100.",
                        text=text.strip(),
                        company=self.display_name,
                    )
                )
            if amount and not self._get_top_up_problem(amount):
                presets.append(amount)
        return presets

    def _parse_top_up(self, text):
        """Return the amount that a client typed, None for what is none."""
        self.ensure_one()
        return parse_typed_amount(text, self.currency_id)

    def _get_top_up_problem(self, amount):
        """Return why a client may not add an amount, an empty text where it may.

        :param amount: of the company's currency, None for what is no amount
        """
        self.ensure_one()
        least, most = self.client_top_up_minimum, self.client_top_up_maximum
        bounds = {
            "least": self.currency_id.format(least),
            "most": self.currency_id.format(most),
        }
        compare = self.currency_id.compare_amounts
        if not amount or compare(amount, least) < 0 or compare(amount, most) > 0:
            return self.env._("Enter an amount from %(least)s to %(most)s.", **bounds)
        return ""

    # === Set-up ===

    def _setup_client_adjustments(self):
        """Give each root company with a chart the journal and accounts of adjustments.

        What is set already stays; companies without a chart are left alone, and
        branches use what their root has.
        """
        # Sudo: set-up runs for whoever loads a chart.
        for company in self.sudo().root_id.filtered("chart_template"):
            company = company.with_company(company)
            vals = {}
            if not company.client_adjustment_journal_id:
                journal = company._get_or_create_client_adjustment_journal()
                vals["client_adjustment_journal_id"] = journal.id
            for field_name, account_type, name in (
                ("client_credit_account_id", "expense", self.env._("Client Credits")),
                (
                    "client_charge_account_id",
                    "income_other",
                    self.env._("Client Charges"),
                ),
            ):
                if not company[field_name]:
                    account = company._get_or_create_account_of_type(account_type, name)
                    vals[field_name] = account.id
            if vals:
                company.write(vals)

    def _get_or_create_client_adjustment_journal(self):
        """Return the company's journal for adjustments, made where it has none.

        :return: `account.journal` of type general
        """
        self.ensure_one()
        journals = self.env["account.journal"]
        journal = journals.with_context(active_test=False).search(
            [
                *journals._check_company_domain(self),
                ("type", "=", "general"),
                ("code", "=", ADJUSTMENT_JOURNAL_CODE),
            ],
            limit=1,
        )
        return journal or journals.create(
            {
                "name": self.env._("Client Adjustments"),
                "code": ADJUSTMENT_JOURNAL_CODE,
                "type": "general",
                "company_id": self.id,
                "show_on_dashboard": False,
            }
        )

    def _get_or_create_account_of_type(self, account_type, name):
        """Return the first free account of this type, made where the chart has none.

        Accounts the company uses for exchange differences, discounts and the like are
        passed over: adjustments would blur what those say.

        :param str account_type: an `account.account.account_type`
        :param str name: the name of an account made here
        :return: `account.account`
        """
        self.ensure_one()
        accounts = self.env["account.account"]
        account = accounts.search(
            Domain(accounts._check_company_domain(self))
            & Domain("account_type", "=", account_type)
            & Domain("id", "not in", self._get_special_accounts().ids),
            order="code",
            limit=1,
        )
        if account:
            return account
        like = accounts.search(
            Domain(accounts._check_company_domain(self))
            & Domain("internal_group", "=", account_type.split("_")[0]),
            order="code desc",
            limit=1,
        )
        return accounts.create(
            {
                "name": name,
                "code": accounts._search_new_account_code(like.code or "700000"),
                "account_type": account_type,
                "company_ids": [fields.Command.link(self.id)],
            }
        )

    def _get_special_accounts(self):
        """Return the accounts Odoo itself books to by a setting of this company."""
        self.ensure_one()
        return (
            self.income_currency_exchange_account_id
            | self.expense_currency_exchange_account_id
            | self.default_cash_difference_income_account_id
            | self.default_cash_difference_expense_account_id
            | self.account_journal_early_pay_discount_gain_account_id
            | self.account_journal_early_pay_discount_loss_account_id
        )

    # === Business methods ===

    def _get_client_adjustment_settings(self, kind):
        """Return where adjustments of this company are booked.

        :param str kind: `credit` or `charge`
        :return: tuple of `account.journal` and the `account.account` against receivable
        :raise RedirectWarning: when one is not set, with a button to the settings
        """
        # Sudo: what is booked where is the company's choice, not the user's to read.
        company = self.root_id.sudo()
        account = (
            company.client_credit_account_id
            if kind == "credit"
            else company.client_charge_account_id
        )
        company._check_client_adjustment_settings(account)
        return company.client_adjustment_journal_id, account

    def _get_client_adjustment_journal(self):
        """Return the journal in which this company books for its clients.

        :raise RedirectWarning: when it is not set, with a button to the settings
        """
        # Sudo: as above.
        company = self.root_id.sudo()
        company._check_client_adjustment_settings()
        return company.client_adjustment_journal_id

    def _check_client_adjustment_settings(self, *accounts):
        """Make sure this root company has the journal, and accounts, to book with.

        :raise RedirectWarning: otherwise, with a button to the settings
        """
        if not all((self.client_adjustment_journal_id, *accounts)):
            raise RedirectWarning(
                self.env._(
                    "%(company)s has no journal or account for client credits and "
                    "charges. Choose them in the settings, under Client Accounts.",
                    company=self.display_name,
                ),
                self.env.ref("account.action_account_config").id,
                self.env._("Open the settings"),
            )

    # === Account requests ===

    def _get_client_companies(self):
        """Return a root company with all its branches, which share its accounts."""
        # Sudo: the user need not be in every branch.
        return self.sudo().search([("id", "child_of", self.root_id.ids)])

    def _get_client_approvers(self):
        """Return the active users who may decide about client accounts here.

        :return: `res.users` under sudo, approvers of the root company or a branch
        """
        self.ensure_one()
        group = self.env.ref(APPROVER)
        # Sudo: who may decide is not everybody's to read.
        return (
            self.env["res.users"]
            .sudo()
            .search(
                [
                    ("all_group_ids", "in", group.ids),
                    # Said here: a caller's context may ask for archived users too.
                    ("active", "=", True),
                    ("share", "=", False),
                    ("company_ids", "in", self._get_client_companies().ids),
                ]
            )
        )

    def _get_client_leader(self):
        """Return the account leader, nobody when they may not decide any more."""
        self.ensure_one()
        # Sudo: who leads is not everybody's to read.
        return self.root_id.sudo().client_account_leader_id & (
            self._get_client_approvers()
        )

    def _get_client_deciders(self):
        """Return the account leader, or all approvers where there is none."""
        return self._get_client_leader() or self._get_client_approvers()
