from collections import defaultdict
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import UserError

from ..utils import check_amount, in_plain_context


class AllocationCaps(dict):
    """How much of a pair of items may be matched: {(debit id, credit id): amount}.

    In the context it is known by its class, which no RPC caller can send.
    """


class CreditWorth(NamedTuple):
    """What a credit is worth in the currency of a debt, see `_with_credit_worth`.

    In the context it is known by its class, which no RPC caller can send.
    """

    residual: float
    rate: float | None


class CappedPlan(list):
    """A reconciliation plan in which some pairs are matched up to an amount only."""

    def __init__(self, pairs, caps):
        super().__init__(pairs)
        self.caps = caps


class AccountMoveLine(models.Model):
    """Allocation: exact parts of a credit through Odoo's engine."""

    _inherit = "account.move.line"

    # === Exact amounts ===

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

    # === Checks ===

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
        if self.account_type != "asset_receivable" or self._get_open_sign() >= 0:
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
            or debit_line._get_open_sign() <= 0
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
        return debit_line._get_draft_problem() or debit_line._get_being_paid_problem()

    def _get_being_paid_problem(self):
        """Return that this item's document is being paid already, None where not.

        Where payments have no entry until the bank confirms them, its residual is still
        open then.
        """
        if self.move_id.payment_state != "in_payment":
            return None
        return self.env._(
            "%(document)s of %(client)s is being paid already. Match its payment with "
            "the bank, or cancel it first.",
            document=self.move_id.display_name,
            client=self._get_client_name(),
        )

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

    # === Engine ===

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
        caps = plan.get("client_caps")
        if caps is not None:
            self = self.with_context(client_allocation_caps=caps)
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
        if not isinstance(caps, AllocationCaps):
            return super()._prepare_reconciliation_single_partial(
                debit_values, credit_values, shadowed_aml_values=shadowed_aml_values
            )
        debit, credit = debit_values["aml"], credit_values["aml"]
        amount = caps.pop((debit.id, credit.id), None)
        if amount and self._is_taken_anyway(debit_values, credit_values, amount):
            amount = None
        held_back = {}
        if amount is not None:
            held_back = self._hold_back(debit_values, amount)
        engine = self._with_credit_worth(debit_values, credit_values, held_back)
        results = super(AccountMoveLine, engine)._prepare_reconciliation_single_partial(
            debit_values, credit_values, shadowed_aml_values=shadowed_aml_values
        )
        if amount is None:
            return results
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
    def _is_taken_anyway(self, debit_values, credit_values, amount):
        """Tell whether the engine takes just this amount where nothing is held back.

        So what was planned with the engine is accepted to the cent.
        """
        natural = self._simulate_allocation(dict(credit_values), dict(debit_values))
        return debit_values["aml"].currency_id.compare_amounts(natural, amount) == 0

    @api.model
    def _hold_back(self, values, amount):
        """Leave only `amount` of a debit item's residuals in `values`.

        What is left in company currency is worth, at the item's own rate, what is left
        in its own: so roundings do not add up over many slices.

        :param dict values: residuals of a debit item, changed in place
        :param float amount: in the item's currency
        :return: dict of the residuals held back
        """
        line = values["aml"]
        company_currency = line.company_currency_id
        residual, residual_currency = (
            values["amount_residual"],
            values["amount_residual_currency"],
        )
        if line.currency_id.compare_amounts(amount, residual_currency) == 0:
            return {}
        left_currency = line.currency_id.round(residual_currency - amount)
        left = left_currency
        if line.currency_id != company_currency:
            rate = line.balance / line.amount_currency
            left = company_currency.round(left_currency * rate)
            left = max(0.0, min(left, residual))
        part = company_currency.round(residual - left)
        values.update(amount_residual=part, amount_residual_currency=amount)
        return {"amount_residual": left, "amount_residual_currency": left_currency}

    @api.model
    def _with_credit_worth(self, debit_values, credit_values, held_back):
        """Let a credit pay a foreign debt without leaving what is only rounding.

        What is left of a credit is rounded to the company's currency, and 1 USD cent is
        160 IDR: it is worth all that is asked within that rounding. Where the rate has
        not moved since the debt was booked, both fall by the debt's own part in company
        currency, so that slices add up on both sides.

        :param dict debit_values: residuals of the debit item, reduced to what is asked;
            a rounding more of it is taken where that uses the credit up
        :param dict credit_values: residuals of the credit item
        :param dict held_back: from `_hold_back`, changed likewise
        :return: the model, with what the credit is worth in its context
        """
        debit, currency = debit_values["aml"], debit_values["aml"].currency_id
        if currency == debit.company_currency_id:
            return self
        worth = self._prepare_move_line_residual_amounts(
            credit_values, currency, other_aml_values=debit_values
        ).get(currency)
        if not worth or not worth["rate"]:
            return self
        rate, residual = worth["rate"], -worth["residual"]
        asked = debit_values["amount_residual_currency"]
        excess = currency.compare_amounts(asked, residual)
        if excess > 0:
            left = credit_values["amount_residual"]
            if credit_values["aml"].currency_id == currency or not debit._is_rounding(
                asked + left * rate, rate
            ):
                return self
        same_rate = None
        if debit._is_rounding(debit.amount_currency - debit.balance * rate, rate):
            part = self._match_parts(debit_values, credit_values, held_back, excess)
            same_rate = asked / part if part else 0.0
        return self.with_context(
            client_credit_worth=CreditWorth(
                asked if excess > 0 else residual, same_rate
            )
        )

    @api.model
    def _match_parts(self, debit_values, credit_values, held_back, excess):
        """Return how much both items fall by in company currency.

        :param int excess: zero or above where what is asked uses the credit up
        """
        due, left = debit_values["amount_residual"], -credit_values["amount_residual"]
        if held_back:
            most = due + held_back["amount_residual"]
            part = min(left, most if excess >= 0 else due)
            held_back["amount_residual"] += due - part
            debit_values["amount_residual"] = part
            return part
        return min(due, left)

    def _is_rounding(self, difference, rate):
        """Tell whether an amount of this item's currency comes from rounding alone.

        :param float difference: in the item's currency
        :param float rate: of the company's currency into the item's
        """
        most = self.company_currency_id.rounding * rate + self.currency_id.rounding
        return abs(difference) <= most / 2 * (1 + 1e-6)

    @api.model
    def _prepare_move_line_residual_amounts(
        self,
        aml_values,
        counterpart_currency,
        shadowed_aml_values=None,
        other_aml_values=None,
    ):
        """Override of `account` to take the rate of `_with_credit_worth`."""
        amounts = super()._prepare_move_line_residual_amounts(
            aml_values,
            counterpart_currency,
            shadowed_aml_values=shadowed_aml_values,
            other_aml_values=other_aml_values,
        )
        worth = self.env.context.get("client_credit_worth")
        if isinstance(worth, CreditWorth):
            line = aml_values["aml"]
            if line.currency_id == line.company_currency_id:
                amounts[counterpart_currency]["residual"] = -worth.residual
                currency = counterpart_currency
            else:
                currency = line.currency_id
            if worth.rate is not None:
                amounts[currency]["rate"] = worth.rate
        return amounts

    # === Actions ===

    def action_assign_client_credit(self):
        """Open the wizard that sets this credit against debts of its client."""
        self.ensure_one()
        if self.account_type != "asset_receivable" or self._get_open_sign() >= 0:
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
            "name": self.env._("Allocate Credit"),
            "res_model": "client.credit.allocation",
            "view_mode": "form",
            "target": "new",
            "context": {key: self.id},
        }
