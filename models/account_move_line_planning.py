from datetime import date

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.constants import PREFETCH_MAX

from ..utils import in_plain_context
from .account_move_line_allocation import AllocationCaps, CappedPlan


class AccountMoveLine(models.Model):
    """Planning of allocations: which credit goes to which debt, and how much of it."""

    _inherit = "account.move.line"

    # === Order ===

    def _sorted_for_allocation(self):
        """Return the items in the order they are applied: by due date, then number.

        Credits that expire are spent first, the earliest last day before the others.
        """
        if len(self) > PREFETCH_MAX and all(self._ids):
            return self._sorted_by_database()
        return self.sorted(
            lambda line: (
                line.balance < 0 and line.sudo().move_id.client_expiry_date or date.max,
                line.date_maturity or line.date,
                line.move_name or "",
                line.id,
            )
        )

    def _sorted_by_database(self):
        """Return the items as `_sorted_for_allocation` does, without reading them.

        Of thousands that are open, a credit seldom pays more than the first.
        """
        fields = self._fields
        rows = self.env.execute_query(
            SQL(
                "SELECT line.id FROM account_move_line line WHERE line.id = ANY(%s)"
                " ORDER BY CASE WHEN line.balance < 0 THEN (SELECT client_expiry_date"
                " FROM account_move WHERE id = line.move_id) END,"
                " COALESCE(line.date_maturity, line.date),"
                # As Python compares texts, whatever the language of the database.
                " COALESCE(line.move_name, '') COLLATE \"C\", line.id",
                list(self._ids),
                to_flush=(
                    *(fields[name] for name in ("balance", "date_maturity", "date")),
                    *(fields[name] for name in ("move_name", "move_id")),
                    self.env["account.move"]._fields["client_expiry_date"],
                ),
            )
        )
        return self.browse([item_id for (item_id,) in rows])

    # === Simulation ===

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
        taken = self._simulate_in_one_currency(credit_values, debit_values, amount)
        if taken is not None:
            return taken
        caps = AllocationCaps()
        if amount is not None:
            caps[debit.id, credit.id] = amount
        engine = self.with_context(client_allocation_caps=caps)
        engine._prepare_reconciliation_single_partial(debit_values, credit_values)
        return debit.currency_id.round(
            before - debit_values["amount_residual_currency"]
        )

    @api.model
    def _simulate_in_one_currency(self, credit_values, debit_values, amount):
        """Compute what the engine would match where there is nothing to convert: the
        smaller of the two residuals, or the amount where it is smaller still.

        There may be thousands of items, and the engine takes a while for each.

        :return: as `_simulate_allocation`, None where the engine has to say it
        """
        debit, credit = debit_values["aml"], credit_values["aml"]
        currency = debit.company_currency_id
        if debit.currency_id != currency or credit.currency_id != currency:
            return None
        most = min(debit_values["amount_residual"], -credit_values["amount_residual"])
        taken = most if amount is None else amount
        if taken <= 0 or currency.compare_amounts(taken, most) > 0:
            return None
        taken = currency.round(taken)
        for values, change in ((debit_values, -taken), (credit_values, taken)):
            for name in ("amount_residual", "amount_residual_currency"):
                values[name] = currency.round(values[name] + change)
        return taken

    # === Planning ===

    @api.model
    def _plan_allocations(self, credits, debits, full_only=False):
        """Plan which credit goes to which debt, both in the order given.

        :param credits: open credit items of one client
        :param debits: open debit items of the same client
        :param bool full_only: leave out debts the credits do not cover whole
        :return: list of (credit item, debit item, amount in the debit item's currency)
        """
        groups = debits._group_for_planning() if full_only else debits
        return self._plan_groups(credits, groups, full_only)

    @api.model
    def _plan_groups(self, credits, groups, full_only=False):
        """Plan as `_plan_allocations` does, taking what is due only as far as the
        credits go.

        :param groups: debit items that are settled together, one after another
        """
        engine = in_plain_context(self)
        plan = []
        remaining = [credit._get_residual_values() for credit in credits]
        for debts in groups:
            trial = [dict(values) for values in remaining] if full_only else remaining
            taken = []
            settled = [engine._plan_debit(debit, trial, taken) for debit in debts]
            if full_only and not all(settled):
                continue
            plan.extend(taken)
            remaining = [values for values in trial if not self._is_settled(values)]
            if not remaining:
                break
        return plan

    def _filter_creditable(self):
        """Return the items whose documents may be given credit, see
        `account.move._without_credit_exclusion`."""
        moves = self.move_id
        # A set: looked up in a recordset, thousands take their square in time.
        allowed = set(moves._without_credit_exclusion(moves)._ids)
        return self.filtered(lambda line: line.move_id.id in allowed)

    def _iterate_creditable(self):
        """Give the items that `_filter_creditable` returns, one after another, with no
        more of them read than are asked for."""
        for start in range(0, len(self), PREFETCH_MAX):
            yield from self[start : start + PREFETCH_MAX]._filter_creditable()

    def _group_for_planning(self):
        """Return the debit items invoice by invoice.

        An invoice is whole with all of its instalments: those with open ones that are
        not among these items are left out.
        """
        return [
            debts
            for move, debts in self.grouped("move_id").items()
            if not move._get_client_debts() - debts
        ]

    @api.model
    def _plan_debit(self, debit, remaining, taken):
        """Plan which credits go to one debit item.

        :param remaining: residual values of credits, reduced by what is planned
        :param list taken: to which what is planned is added
        :return: whether it settles the item
        """
        debit_values = debit._get_residual_values()
        for credit_values in remaining:
            credit = credit_values["aml"]
            if credit.account_id != debit.account_id or self._is_settled(credit_values):
                continue
            amount = self._simulate_allocation(credit_values, debit_values)
            if amount > 0:
                taken.append((credit, debit, amount))
            if self._is_settled(debit_values):
                return True
        return False

    @api.model
    def _is_settled(self, values):
        """Tell whether nothing is left of an item, in neither currency.

        :param dict values: from `_get_residual_values`
        """
        line = values["aml"]
        return line.company_currency_id.is_zero(
            values["amount_residual"]
        ) and line.currency_id.is_zero(values["amount_residual_currency"])

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
