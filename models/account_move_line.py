from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..utils import check_amount, in_plain_context
from .client_account import VIEWER

# Signs of the columns that show credits as amounts above zero.
CREDIT_COLUMNS = {
    "client_credit_amount": "balance",
    "client_credit_left": "amount_residual",
}


# Writing these changes a client's balance, or only how much of it is overdue.
BALANCE_FIELDS = frozenset(
    (
        "partner_id",
        "account_id",
        "company_id",
        "balance",
        "debit",
        "credit",
        "amount_currency",
    )
)
FIGURE_FIELDS = BALANCE_FIELDS | {"date_maturity", "date", "parent_state"}
# Odoo computes and stores these, and takes them from any caller as well.
COMPUTED_FIELDS = frozenset(
    ("parent_state", "amount_residual", "amount_residual_currency", "reconciled")
)


class AllocationCaps(dict):
    """How much of a pair of items may be matched: {(debit id, credit id): amount}.

    In the context it is known by its class, which no RPC caller can send.
    """


class CappedPlan(list):
    """A reconciliation plan in which some pairs are matched up to an amount only."""

    def __init__(self, pairs, caps):
        super().__init__(pairs)
        self.caps = caps


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    client_credit_source = fields.Selection(
        [
            ("adjustment", "Credit"),
            ("payment", "Payment"),
            ("refund", "Credit Note"),
            ("other", "Other Entry"),
        ],
        string="Source",
        compute="_compute_client_credit_source",
        groups=VIEWER,
    )
    client_credit_reason = fields.Char(
        string="Reason",
        compute="_compute_client_credit_source",
        groups=VIEWER,
    )
    client_adjustment_open = fields.Boolean(
        related="move_id.client_adjustment_open", groups=VIEWER
    )
    client_credit_amount = fields.Monetary(
        string="Credit Amount",
        compute="_compute_client_credit_amounts",
        groups=VIEWER,
        currency_field="company_currency_id",
        aggregator="sum",
    )
    client_credit_left = fields.Monetary(
        string="Remaining",
        compute="_compute_client_credit_amounts",
        groups=VIEWER,
        currency_field="company_currency_id",
        aggregator="sum",
    )
    client_allocation_ids = fields.Many2many(
        "account.partial.reconcile",
        string="Allocations",
        compute="_compute_client_allocation_ids",
        groups=VIEWER,
        help="Parts of this credit set against invoices and charges.",
    )
    client_credit_assigned = fields.Char(
        string="Assigned to",
        compute="_compute_client_allocation_ids",
        groups=VIEWER,
    )
    client_history_balance = fields.Monetary(
        string="Running Balance",
        compute="_compute_client_history_balance",
        groups=VIEWER,
        currency_field="company_currency_id",
        help="The client's balance after this item. Above zero: in credit.",
    )
    client_history_change = fields.Monetary(
        string="Change",
        compute="_compute_client_credit_amounts",
        groups=VIEWER,
        currency_field="company_currency_id",
        help="What this item adds to the client's balance.",
    )

    # Serves `client.account._get_item_sums_sql` and the search for open credits: it
    # holds open items only, so that settled history costs nothing.
    _client_open_items_idx = models.Index(
        "(partner_id, account_id) INCLUDE (company_id, amount_residual, "
        "date_maturity, date) WHERE amount_residual <> 0 AND parent_state = 'posted'"
    )

    # === Compute ===

    @api.depends(
        "name",
        "move_id.client_adjustment",
        "move_id.client_adjustment_reason",
        "move_id.move_type",
        "move_id.name",
        "move_id.origin_payment_id",
        "move_id.ref",
    )
    def _compute_client_credit_source(self):
        for line in self:
            move = line.move_id
            if move.client_adjustment:
                line.client_credit_source = "adjustment"
            elif move.origin_payment_id:
                line.client_credit_source = "payment"
            elif move.move_type == "out_refund":
                line.client_credit_source = "refund"
            else:
                line.client_credit_source = "other"
            reason = move.client_adjustment_reason or move.ref or line.name or ""
            # An invoice's item is named after the invoice, which stands beside it.
            line.client_credit_reason = (
                "" if reason == move.name else reason.split("\n")[0][:250]
            )

    @api.depends("balance", "amount_residual")
    def _compute_client_credit_amounts(self):
        for line in self:
            line.client_credit_amount = -line.balance
            line.client_credit_left = -line.amount_residual
            line.client_history_change = -line.balance

    @api.depends("matched_debit_ids.debit_move_id")
    def _compute_client_allocation_ids(self):
        """Leave out what only books an exchange difference of an allocation."""
        documents = self.matched_debit_ids.debit_move_id.move_id
        exchanges = documents._filter_exchange_differences()
        for line in self:
            allocations = line.matched_debit_ids.filtered(
                lambda partial: partial.debit_move_id.move_id not in exchanges
            )
            line.client_allocation_ids = allocations
            line.client_credit_assigned = ", ".join(
                document.name or "" for document in allocations.debit_move_id.move_id
            )

    @api.depends("balance", "parent_state", "date", "partner_id")
    def _compute_client_history_balance(self):
        """Compute the client's balance after each item, newest last.

        One window per client runs over the items since the oldest one asked for; what
        came before is a single sum.
        """
        by_account = defaultdict(self.browse)
        for line in self._origin.filtered("partner_id"):
            by_account[
                line.partner_id.commercial_partner_id, line.company_id.root_id
            ] += line
        balances = {}
        for (client, root), lines in by_account.items():
            balances |= self._fetch_history_balances(client, root, lines)
        for line in self:
            line.client_history_balance = balances.get(line._origin.id, 0.0)

    @api.model
    def _fetch_history_balances(self, client, root, lines):
        """Return {item id: balance of the client after it} for items of one client."""
        # Sudo: a reader of some items sees the balance of all, as on the account.
        items = self.sudo()
        domain = self.env["client.account"]._build_items_domain(client, root)
        start = min(lines.mapped("date"))
        [(opening,)] = items._read_group(
            domain & Domain("date", "<", start), [], ["balance:sum"]
        )
        query = items._search(domain & Domain("date", ">=", start))
        rows = self.env.execute_query(
            SQL(
                "SELECT id, total FROM ("
                " SELECT account_move_line.id,"
                " -SUM(account_move_line.balance) OVER ("
                "   ORDER BY account_move_line.date, account_move_line.id) AS total"
                " FROM %s WHERE %s) running WHERE id = ANY(%s)",
                query.from_clause,
                query.where_clause,
                lines.ids,
            )
        )
        return {line_id: float(total) - opening for line_id, total in rows}

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of the ORM to sort and sum the columns of the list of credits."""
        if field_expr in CREDIT_COLUMNS:
            self._check_field_access(self._fields[field_expr], "read")
            return SQL(
                "(-%s)", super()._field_to_sql(alias, CREDIT_COLUMNS[field_expr], query)
            )
        return super()._field_to_sql(alias, field_expr, query)

    # === CRUD ===

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Override of the ORM to describe no field where `write` has none in mind.

        For its tracking, Odoo asks for the descriptions of the tracked fields written.
        Where there are none that means all, which are not looked at; this addon's are
        among them, and together they cost a good part of posting.
        """
        if (
            allfields is not None
            and not allfields
            and self.env.context.get("client_spare_descriptions")
        ):
            return {}
        return super().fields_get(allfields, attributes)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to keep the figures of client accounts fresh."""
        for vals in vals_list:
            self._check_no_computed_field(vals)
        lines = super().create(vals_list)
        if any(state == "posted" for state in lines.mapped("parent_state")):
            self.env["client.account"]._invalidate_figures()
        return lines

    def write(self, vals):
        """Override of the ORM to keep the figures of client accounts fresh."""
        self._check_no_computed_field(vals)
        lines = self.with_context(client_spare_descriptions=True)
        result = super(AccountMoveLine, lines).write(vals)
        if not FIGURE_FIELDS.isdisjoint(vals):
            self.env["client.account"]._invalidate_figures()
        if not BALANCE_FIELDS.isdisjoint(vals) and any(
            line.parent_state == "posted" and line.account_type == "asset_receivable"
            for line in self
        ):
            self.env["client.account"]._trigger_notices()
        return result

    def _check_no_computed_field(self, vals):
        """Refuse to write what follows from the books: balances are read from it.

        :raise UserError: when a caller without the superuser's rights does
        """
        if not self.env.su and not COMPUTED_FIELDS.isdisjoint(vals):
            raise UserError(
                self.env._(
                    "%(fields)s of a journal item follow from its entry and what it is "
                    "matched with. Post the entry or match the item instead.",
                    fields=", ".join(
                        self._fields[name].string
                        for name in sorted(COMPUTED_FIELDS.intersection(vals))
                    ),
                )
            )

    def unlink(self):
        """Override of the ORM to keep the figures of client accounts fresh."""
        result = super().unlink()
        self.env["client.account"]._invalidate_figures()
        return result

    # === Allocation: exact amounts through Odoo's engine ===

    def _allocate(self, debit_line, amount):
        """Set exactly `amount` of this credit item against a debit item.

        :param debit_line: the debit `account.move.line`
        :param float amount: in the currency of `debit_line`
        :return: the new `account.partial.reconcile`
        :raise UserError: when the two do not fit or the amount is not there; nothing is
            booked
        """
        self.ensure_one()
        debit_line.ensure_one()
        self._check_allocation(debit_line)
        return self._allocate_amounts([(self, debit_line, amount)])

    @api.model
    def _allocate_amounts(self, allocations):
        """Set exact amounts of credit items against debit items, in one run of the
        engine.

        It does not ask whether a debt may be paid with credit: money received for an
        invoice may.

        :param allocations: list of (credit item, debit item, amount in the debit item's
            currency); amounts of a pair that comes twice add up
        :return: the new `account.partial.reconcile`
        :raise UserError: see `_allocate`
        """
        caps = AllocationCaps()
        pairs = {}
        for credit, debit, amount in allocations:
            credit._check_allocation_pair(debit)
            amount = check_amount(
                self.env, debit._get_client_name(), amount, debit.currency_id
            )
            # A pair that comes twice is one: the engine asks for each cap once.
            pair = (debit.id, credit.id)
            caps[pair] = debit.currency_id.round(caps.get(pair, 0.0) + amount)
            pairs[pair] = credit | debit
        before = {}
        for debit, amount in self._sum_capped_amounts(caps).items():
            debit._check_amount_due(amount)
            before[debit] = debit.matched_credit_ids
        # Sudo: allocating is the officer's right, journal items need not be.
        in_plain_context(self.sudo())._reconcile_plan(CappedPlan(pairs.values(), caps))
        partials = self.env["account.partial.reconcile"]
        for credit, debit, _amount in allocations:
            partials |= (debit.matched_credit_ids - before[debit]).filtered(
                lambda partial, credit=credit: partial.credit_move_id == credit
            )
        return partials

    @api.model
    def _sum_capped_amounts(self, caps):
        """Return {debit item: amount asked of it in all}, in its currency."""
        amounts = defaultdict(float)
        for (debit_id, _credit_id), amount in caps.items():
            amounts[self.browse(debit_id)] += amount
        return amounts

    def _check_amount_due(self, amount):
        """Make sure no more is set against this debit item than is due on it.

        :raise UserError: otherwise
        """
        due = self.amount_residual_currency
        if self.currency_id.compare_amounts(amount, due) > 0:
            raise UserError(
                self.env._(
                    "%(amount)s is more than the %(due)s due on %(document)s of "
                    "%(client)s. Enter %(due)s or less.",
                    amount=self.currency_id.format(amount),
                    due=self.currency_id.format(due),
                    document=self.move_id.display_name,
                    client=self._get_client_name(),
                )
            )

    def _check_allocation(self, debit_line):
        """Make sure this credit item may be set against a debit item.

        :raise UserError: otherwise
        """
        self._check_allocation_pair(debit_line)
        if debit_line.move_id._filter_credit_excluded():
            raise UserError(debit_line._get_credit_excluded_message())

    def _check_allocation_pair(self, debit_line):
        """Make sure two items are an open credit and an open debt that fit each other.

        :raise UserError: otherwise
        """
        problem = self._get_credit_problem() or self._get_pair_problem(debit_line)
        if problem:
            raise UserError(problem)

    def _get_credit_problem(self):
        """Return why this item is no open credit, None when it is one."""
        if self.account_type != "asset_receivable" or self.amount_residual >= 0:
            return self.env._(
                "%(document)s of %(client)s is no open credit. Choose a credit with "
                "an amount left.",
                document=self.move_id.display_name or self.env._("Nothing"),
                client=self._get_client_name(),
            )
        return self._get_draft_problem()

    def _get_draft_problem(self):
        """Return that the document of this item is not posted, None when it is."""
        if self.parent_state == "posted":
            return None
        return self.env._(
            "%(document)s of %(client)s is not posted. Post it first.",
            document=self.move_id.display_name,
            client=self._get_client_name(),
        )

    def _get_pair_problem(self, debit_line):
        """Return why this credit does not go to a debit item, None when it does.

        Of another client's document it says nothing: that may be none of the user's
        business.
        """
        if not self._is_same_client(debit_line):
            return self.env._(
                "%(credit)s belongs to %(client)s. A credit goes to invoices of the "
                "same client in the same company only: choose another document.",
                credit=self.move_id.display_name,
                client=self._get_client_name(),
            )
        if (
            debit_line.account_type != "asset_receivable"
            or debit_line.amount_residual <= 0
        ):
            return self.env._(
                "Nothing is due on %(document)s of %(client)s. Choose an open invoice "
                "or charge.",
                document=debit_line.move_id.display_name,
                client=debit_line._get_client_name(),
            )
        if self.account_id != debit_line.account_id:
            return self.env._(
                "%(credit)s of %(client)s is on the receivable account %(account)s, "
                "%(debit)s on %(other)s. Move one of them to the other's account "
                "first.",
                credit=self.move_id.display_name,
                client=self._get_client_name(),
                account=self.account_id.display_name,
                debit=debit_line.move_id.display_name,
                other=debit_line.account_id.display_name,
            )
        return debit_line._get_draft_problem()

    def _is_same_client(self, other):
        """Tell whether two items belong to the same client account."""
        return (
            bool(self.partner_id)
            and self.partner_id.commercial_partner_id
            == other.partner_id.commercial_partner_id
            and self.company_id.root_id == other.company_id.root_id
        )

    def _belongs_to(self, account):
        """Tell whether this is a receivable item of one client account."""
        return bool(
            self.account_type == "asset_receivable"
            and self.partner_id
            and self.partner_id.commercial_partner_id == account.partner_id
            and self.company_id.root_id == account.company_id
        )

    def _get_client_name(self):
        """Return the name of this item's client for messages."""
        return self.partner_id.commercial_partner_id.display_name or self.env._(
            "no client"
        )

    def _get_credit_excluded_message(self):
        """Return why this item's document may not be paid with account credit."""
        return self.env._(
            "%(document)s of %(client)s holds a product that is not payable with "
            "account credit. Register a payment for it instead.",
            document=self.move_id.display_name,
            client=self._get_client_name(),
        )

    @api.model
    def _optimize_reconciliation_plan(
        self, reconciliation_plan, shadowed_aml_values=None
    ):
        """Override of `account` to carry the caps of a plan to its parts.

        Plans of this addon have been checked before; Odoo's own widgets and wizards may
        not set account credit against documents that exclude it.
        """
        plan_list, lines = super()._optimize_reconciliation_plan(
            reconciliation_plan, shadowed_aml_values=shadowed_aml_values
        )
        if isinstance(reconciliation_plan, CappedPlan):
            for plan in plan_list:
                plan["client_caps"] = reconciliation_plan.caps
        else:
            self.browse()._check_credit_not_excluded(plan_list)
        return plan_list, lines

    @api.model
    def _check_credit_not_excluded(self, plan_list):
        """Make sure no account credit is matched with a document that excludes it.

        :param plan_list: from `_optimize_reconciliation_plan`
        :raise UserError: otherwise
        """
        debits = self.browse()
        for plan in plan_list:
            # Sudo: the marks of credits are read to decide, not shown.
            receivables = (
                plan["amls"]
                .sudo()
                .filtered(lambda line: line.account_type == "asset_receivable")
            )
            if any(
                line.balance < 0 and line.move_id.client_account_credit
                for line in receivables
            ):
                debits |= receivables.filtered(lambda line: line.balance > 0)
        if excluded := debits.move_id._filter_credit_excluded():
            line = debits.filtered(lambda line: line.move_id in excluded)[:1]
            raise UserError(line._get_credit_excluded_message())

    @api.model
    def _prepare_reconciliation_plan(
        self, plan, amls_values_map, shadowed_aml_values=None
    ):
        """Override of `account` to show the caps to what computes the partials.

        The context reaches the computation alone, not the entries it leads to.
        """
        if caps := plan.get("client_caps"):
            self = self.with_context(client_allocation_caps=caps)  # noqa: PLW0642
        return super()._prepare_reconciliation_plan(
            plan, amls_values_map, shadowed_aml_values=shadowed_aml_values
        )

    @api.model
    def _prepare_reconciliation_single_partial(
        self, debit_values, credit_values, shadowed_aml_values=None
    ):
        """Override of `account` to match up to an amount only.

        The engine always takes the smaller residual of two items. What it is to leave
        of the debit item is held back from it and given back after; both sides come
        back as done so that one partial is made.
        """
        caps = self.env.context.get("client_allocation_caps")
        debit, credit = debit_values["aml"], credit_values["aml"]
        amount = None
        if isinstance(caps, AllocationCaps):
            amount = caps.pop((debit.id, credit.id), None)
        if amount is None:
            return super()._prepare_reconciliation_single_partial(
                debit_values, credit_values, shadowed_aml_values=shadowed_aml_values
            )
        held_back = self._hold_back(debit_values, amount)
        results = super()._prepare_reconciliation_single_partial(
            debit_values, credit_values, shadowed_aml_values=shadowed_aml_values
        )
        unmatched = debit_values["amount_residual_currency"]
        if not results.get("partial_values") or not debit.currency_id.is_zero(
            unmatched
        ):
            raise UserError(
                self.env._(
                    "%(amount)s is more than %(credit)s of %(client)s has left. Enter "
                    "a smaller amount or choose another credit.",
                    amount=debit.currency_id.format(amount),
                    credit=credit.move_id.display_name,
                    client=credit._get_client_name(),
                )
            )
        for name, value in held_back.items():
            debit_values[name] += value
        results.update(debit_values=None, credit_values=None)
        return results

    @api.model
    def _hold_back(self, values, amount):
        """Leave only `amount` of a debit item's residuals in `values`.

        The company-currency part keeps the item's own rate; the last slice takes all
        there is, so that slices add up to the whole.

        :param dict values: residuals of a debit item, changed in place
        :param float amount: in the item's currency
        :return: dict of the residuals held back
        """
        line = values["aml"]
        residual, residual_currency = (
            values["amount_residual"],
            values["amount_residual_currency"],
        )
        if line.currency_id.compare_amounts(amount, residual_currency) == 0:
            return {}
        if line.currency_id == line.company_currency_id:
            part = amount
        else:
            part = line.company_currency_id.round(residual * amount / residual_currency)
        values.update(amount_residual=part, amount_residual_currency=amount)
        return {
            "amount_residual": residual - part,
            "amount_residual_currency": residual_currency - amount,
        }

    # === Planning ===

    def _sorted_for_allocation(self):
        """Return the items in the order they are applied: by due date, then number."""
        return self.sorted(
            lambda line: (
                line.date_maturity or line.date,
                line.move_name or "",
                line.id,
            )
        )

    def _get_residual_values(self):
        """Return the residuals of one item as the engine takes them."""
        self.ensure_one()
        return {
            "aml": self,
            "amount_residual": self.amount_residual,
            "amount_residual_currency": self.amount_residual_currency,
            "parent_state": self.parent_state,
        }

    @api.model
    def _simulate_allocation(self, credit_values, debit_values, amount=None):
        """Compute what the engine would match of two items, without booking it.

        :param dict credit_values: from `_get_residual_values`; reduced by what is
            matched
        :param dict debit_values: likewise
        :param float amount: at most so much, in the currency of the debit item
        :return: the amount matched, in the currency of the debit item
        :rtype: float
        """
        before = debit_values["amount_residual_currency"]
        debit, credit = debit_values["aml"], credit_values["aml"]
        engine = self
        if amount is not None:
            caps = AllocationCaps({(debit.id, credit.id): amount})
            engine = self.with_context(client_allocation_caps=caps)
        engine._prepare_reconciliation_single_partial(debit_values, credit_values)
        return debit.currency_id.round(
            before - debit_values["amount_residual_currency"]
        )

    @api.model
    def _plan_allocations(self, credits, debits, full_only=False):
        """Plan which credit goes to which debt, both in the order given.

        :param credits: open credit items of one client
        :param debits: open debit items of the same client
        :param bool full_only: leave out debts the credits do not cover whole
        :return: list of (credit item, debit item, amount in the debit item's currency)
        """
        engine = in_plain_context(self)
        plan = []
        remaining = [credit._get_residual_values() for credit in credits]
        for debit in debits:
            debit_values = debit._get_residual_values()
            trial = [dict(values) for values in remaining] if full_only else remaining
            taken = []
            for credit_values in trial:
                credit = credit_values["aml"]
                if credit.account_id != debit.account_id:
                    continue
                amount = engine._simulate_allocation(credit_values, debit_values)
                if amount > 0:
                    taken.append((credit, debit, amount))
                if debit.currency_id.is_zero(debit_values["amount_residual_currency"]):
                    break
            if full_only:
                if not debit.currency_id.is_zero(
                    debit_values["amount_residual_currency"]
                ):
                    continue
                remaining = trial
            plan.extend(taken)
            remaining = [
                values
                for values in remaining
                if not values["aml"].company_currency_id.is_zero(
                    values["amount_residual"]
                )
            ]
            if not remaining:
                break
        return plan

    # === Applying ===

    def _apply_to(self, debits, full_only=False):
        """Apply these credit items of one client to debit items, oldest first.

        Debts that policies pass over are left out, see `_without_credit_exclusion`.

        :param debits: open debit items of the same client
        :param bool full_only: leave out debts the credits do not cover whole
        :return: the amount applied, company currency
        """
        if not self or not debits:
            return 0.0
        allowed = self.env["account.move"]._without_credit_exclusion(debits.move_id)
        plan = self._plan_allocations(
            self._sorted_for_allocation(),
            debits.filtered(
                lambda line: line.move_id in allowed
            )._sorted_for_allocation(),
            full_only=full_only,
        )
        return self._reconcile_planned(plan)

    @api.model
    def _reconcile_planned(self, plan):
        """Match planned pairs in one run of the engine.

        :param plan: from `_plan_allocations`
        :return: the amount applied, company currency
        """
        if not plan:
            return 0.0
        debits = self.browse(
            dict.fromkeys(debit.id for _credit, debit, _amount in plan)
        )
        before = sum(debits.mapped("amount_residual"))
        # No caps: the engine takes the smaller residual, as planned.
        pairs = [credit | debit for credit, debit, _amount in plan]
        in_plain_context(self)._reconcile_plan(CappedPlan(pairs, AllocationCaps()))
        applied = before - sum(debits.mapped("amount_residual"))
        return debits[0].company_currency_id.round(applied)

    def _get_client_key(self):
        """Return what tells this item's client account: commercial partner, root
        company."""
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        return self.partner_id.commercial_partner_id, self.company_id.sudo().root_id

    def _group_by_client(self):
        """Return {client key: items} of these items, see `_get_client_key`."""
        groups = defaultdict(self.browse)
        for line in self:
            groups[line._get_client_key()] |= line
        return groups

    def _get_client_account(self):
        """Return the account of this item's client.

        :raise UserError: when it has none
        """
        self.ensure_one()
        if not self.partner_id:
            raise UserError(
                self.env._(
                    "%s names no client. Choose an invoice, charge or credit of a "
                    "client.",
                    self.move_id.display_name or self.env._("This document"),
                )
            )
        return self.env["client.account"]._get_or_create(
            self.partner_id.commercial_partner_id, self.company_id
        )

    def _touch_missing_client_accounts(self, terms):
        """Return what posting needs to know of these items' accounts beyond `terms`.

        Posting puts the client of the document on items that name another one.

        :param terms: {client key: `PostingTerms`} of before
        """
        missing = self._group_by_client().keys() - terms.keys()
        if not missing:
            return {}
        debtors = self.filtered(lambda line: line.balance > 0).partner_id
        return self.env["client.account"]._touch_for_posting(
            missing, debtors.commercial_partner_id
        )

    def _pay_back_credits(self):
        """Set this debit item of an outbound payment against its client's credits.

        What is paid beyond the credit left is owed by the client.
        """
        self.ensure_one()
        return self._reconcile_planned(
            self._plan_allocations(self._search_open_credits(), self)
        )

    def _apply_credits_by_policy(self, policies):
        """Apply credit to just posted receivable items as their clients' policies say.

        :param policies: {client key: value of `credit_application`} of the clients who
            may have credit
        """
        # Sudo: the policy binds whoever posts, whatever they may see.
        lines = self.sudo().filtered(
            lambda line: not line.reconciled and line._get_client_key() in policies
        )
        debts = lines.filtered(
            lambda line: line.balance > 0 and line.move_id._takes_credit_by_itself()
        )
        givers = lines.filtered(
            lambda line: line.balance < 0 and line.move_id._gives_credit_by_itself()
        )
        policies = {key: policies[key] for key in (debts | givers)._group_by_client()}
        credits = lines._search_credits_by_policy(policies, debts, givers)
        open_debts = lines._search_debts_by_policy(policies, debts, credits)
        if not open_debts:
            return
        allowed = self.env["account.move"]._without_credit_exclusion(open_debts.move_id)
        credits_by_key = credits._group_by_client()
        plan = []
        for key, client_debts in open_debts._group_by_client().items():
            payable = client_debts.filtered(lambda line: line.move_id in allowed)
            plan += lines._plan_allocations(
                credits_by_key[key]._sorted_for_allocation(),
                payable._sorted_for_allocation(),
            )
        lines._reconcile_planned(plan)

    def _search_credits_by_policy(self, policies, debts, givers):
        """Return the open credits that policies apply now.

        :param policies: {client key: value of `credit_application`}
        :param debts: the debts just posted
        :param givers: the credits just posted that may be applied at once
        """
        indebted = debts._group_by_client()
        clients_next = {key[0] for key in indebted if policies[key] == "next"}
        clients_all = {key[0] for key, policy in policies.items() if policy == "all"}
        if not clients_next and not clients_all:
            return self.browse()
        credits = self.search(
            self._get_open_credits_domain(clients_next | clients_all)
            & (
                Domain("move_id.client_account_credit", "=", True)
                | Domain(
                    "partner_id.commercial_partner_id",
                    "in",
                    [client.id for client in clients_all],
                )
            )
        )
        credits -= self.filtered(lambda line: line.balance < 0) - givers
        return credits.filtered(
            lambda line: (
                policies.get(line._get_client_key()) == "all"
                or (
                    policies.get(line._get_client_key()) == "next"
                    and line.move_id.client_account_credit
                )
            )
        )

    def _search_debts_by_policy(self, policies, debts, credits):
        """Return the open debts of clients with credit that policies apply it to.

        :param policies: {client key: value of `credit_application`}
        :param debts: the debts just posted
        :param credits: from `_search_credits_by_policy`
        """
        keys = set(credits._group_by_client())
        found = debts.filtered(lambda line: line._get_client_key() in keys)
        if clients_all := {key[0] for key in keys if policies[key] == "all"}:
            found |= self.search(
                self._get_open_items_domain(clients_all)
                & Domain("amount_residual", ">", 0)
            ).filtered(lambda line: policies.get(line._get_client_key()) == "all")
        return found

    @api.model
    def _get_open_items_domain(self, clients):
        """Return the domain of the open receivable items of clients, in any company.

        Its conditions are those of the index `_client_open_items_idx`.
        """
        return (
            Domain(
                "partner_id.commercial_partner_id",
                "in",
                [client.id for client in clients],
            )
            & Domain("account_id.account_type", "=", "asset_receivable")
            & Domain("parent_state", "=", "posted")
            & Domain("amount_residual", "!=", 0)
        )

    @api.model
    def _get_open_credits_domain(self, clients):
        """Return the domain of the open credits of clients, in any company."""
        return self._get_open_items_domain(clients) & Domain("amount_residual", "<", 0)

    def _search_open_credits(self, limit=None):
        """Return the open credits that fit this debit item."""
        self.ensure_one()
        credits = self.search(
            self._get_open_credits_domain(self.partner_id.commercial_partner_id)
            & Domain("account_id", "=", self.account_id.id)
            & Domain("company_id", "child_of", self.company_id.sudo().root_id.id),
            limit=limit,
        )
        return credits._sorted_for_allocation()

    # === Actions ===

    def action_assign_client_credit(self):
        """Open the wizard that sets this credit against debts of its client."""
        self.ensure_one()
        if self.account_type != "asset_receivable" or self.amount_residual >= 0:
            raise UserError(
                self.env._(
                    "%(document)s of %(client)s has no credit left. Choose an open "
                    "credit.",
                    document=self.move_id.display_name,
                    client=self._get_client_name(),
                )
            )
        return self._open_allocation_wizard("default_credit_line_id")

    def _open_allocation_wizard(self, key):
        """Return the action of the allocation wizard for this item.

        :param str key: context key that says whether it is the credit or the debit
        """
        self._get_client_account()._check_officer()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Assign Credit"),
            "res_model": "client.credit.allocation",
            "view_mode": "form",
            "target": "new",
            "context": {key: self.id},
        }

    def action_open_client_document(self):
        """Open the document of one item."""
        self.ensure_one()
        return self.move_id._get_records_action()

    def action_modify_client_adjustment(self):
        """Open the wizard that changes the adjustment of one item."""
        return self._get_adjustment().action_client_adjustment_modify()

    def action_delete_client_adjustment(self):
        """Delete the adjustment of one item, of which nothing is allocated."""
        return self._get_adjustment().action_client_adjustment_delete()

    def action_release_delete_client_adjustment(self):
        """Release what is allocated of the adjustment of one item, then delete it."""
        return self._get_adjustment().action_client_adjustment_release_delete()

    def _get_adjustment(self):
        """Return the document of these items, which checks what the user may do."""
        # Sudo: officers need no right to read journal items of their clients.
        return self.sudo().move_id.sudo(self.env.su)
