from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..utils import get_amount_problem


class ClientCreditAllocationBatchLine(models.Model):
    """What of one credit is set against one open item, of many."""

    _name = "client.credit.allocation.batch.line"
    _description = "Line of Bulk Allocation"
    # The amounts first: what it takes of a caller's context is protected afterwards.
    _inherit = ["client.amount.mixin", "client.batch.line.mixin"]
    _line_content = frozenset(
        ("batch_id", "account_id", "credit_line_id", "debit_line_id", "amount")
    )

    batch_id = fields.Many2one(
        "client.credit.allocation.batch",
        string="Bulk Allocation",
        required=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    company_id = fields.Many2one(
        related="batch_id.company_id", store=True, index=True, written_by="workflow"
    )
    account_id = fields.Many2one(
        "client.account",
        string="Client",
        required=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    credit_line_id = fields.Many2one(
        "account.move.line",
        string="Credit Item",
        required=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    debit_line_id = fields.Many2one(
        "account.move.line",
        string="Open Item",
        required=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_item_values")
    credit_name = fields.Char(string="Credit", compute="_compute_item_values")
    credit_left = fields.Monetary(
        compute="_compute_item_values",
        currency_field="credit_currency_id",
    )
    credit_currency_id = fields.Many2one(
        "res.currency", string="Credit's Currency", compute="_compute_item_values"
    )
    debit_name = fields.Char(string="Document", compute="_compute_item_values")
    date_due = fields.Date(string="Due Date", compute="_compute_item_values")
    amount_open = fields.Monetary(string="Amount Due", compute="_compute_item_values")
    amount = fields.Monetary(help="To allocate, in the currency of the document.")
    amount_done = fields.Monetary(
        string="Allocated",
        readonly=True,
        copy=False,
        help="Less than was planned where not so much was left any more.",
        written_by="workflow",
    )

    _amount_range = models.Constraint(
        "CHECK(amount >= 0 AND amount < 1000000000000)",
        "An allocated amount is zero or above, and below 1,000,000,000,000.",
    )
    # Serves `client.batch.mixin._work`: the lines that wait for their turn.
    _waiting_idx = models.Index("(batch_id, id) WHERE is_waiting")

    @api.depends("account_id", "credit_line_id", "debit_line_id")
    def _compute_item_values(self):
        items = self.env["account.move.line"].sudo()
        seen = self.account_id._origin._filtered_access("read")
        for line in self:
            credit = debit = items
            if line.account_id._origin in seen:
                # Nothing of an item a caller sent that is not the client's.
                credit, debit = line._get_item("credit"), line._get_item("debit")
            line.currency_id = debit.currency_id
            line.credit_name = credit.move_id.name
            line.credit_left = -credit.amount_residual_currency
            line.credit_currency_id = credit.currency_id
            line.debit_name = debit.move_id.display_name
            line.date_due = debit.date_maturity
            line.amount_open = debit.amount_residual_currency

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("account_id")
    def _compute_display_name(self):
        seen = self.account_id._origin._filtered_access("read")
        for line in self:
            line.display_name = (line.account_id._origin & seen).display_name

    @api.constrains("account_id", "credit_line_id", "debit_line_id")
    def _check_items(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_officer()
        for line in self:
            items = line.credit_line_id | line.debit_line_id
            if any(
                item.account_type != "asset_receivable"
                or item.company_id.root_id != line.company_id
                for item in items
            ):
                raise ValidationError(
                    self.env._(
                        "Choose credits and open documents of %s only.",
                        line.account_id.display_name,
                    )
                )

    def _get_item(self, side):
        """Return the credit or debit item, none where it is not the client's.

        :return: `account.move.line` under sudo: officers need no right to read journal
            items of their clients
        """
        item = self[f"{side}_line_id"].sudo()._origin
        account = self.account_id.sudo()
        company = self.batch_id.sudo().company_id
        if account.company_id != company or not item._belongs_to(account):
            return item.browse()
        return item

    def _get_wizard_clients(self, vals):
        account = self.account_id[:1] or self.account_id.browse(
            vals.get("account_id") or []
        )
        return account.exists().partner_id

    # === Checking ===

    def _get_problems(self):
        """Override of `client.batch.line.mixin`."""
        problems = {}
        for line in self:
            credit, debit = line._get_item("credit"), line._get_item("debit")
            name = line.account_id.display_name
            if not credit or not debit:
                problems[line] = self.env._(
                    "Choose credits and open documents of %s only.", name
                )
            elif problem := get_amount_problem(
                self.env, name, line.amount, debit.currency_id
            ):
                problems[line] = problem
        return problems

    # === Applying ===

    def _do(self):
        """Override of `client.batch.line.mixin`: allocate what there is by now.

        What changed since it was planned is computed again: no more is taken than a
        credit has left and an open item is due.
        """
        self.account_id._check_officer()
        debits = self.env["account.move.line"].sudo()
        for line in self:
            debits |= line._get_item("debit")
        allowed = self.env["account.move"]._without_credit_exclusion(debits.move_id)
        residuals = {}
        allocations = {}
        for line in self:
            credit, debit = line._get_item("credit"), line._get_item("debit")
            problem = line._get_item_problem(credit, debit, allowed)
            amount = 0.0
            if not problem:
                amount = line._plan_amount(credit, debit, residuals)
                problem = not amount and line._get_nothing_left_problem(credit, debit)
            if problem:
                line._as_workflow().write({"problem": problem})
            else:
                allocations[line] = credit, debit, amount
        if allocations:
            debits._allocate_amounts(list(allocations.values()))
        for line, (_credit, _debit, amount) in allocations.items():
            line._as_workflow().write({"is_done": True, "amount_done": amount})
        self._log_allocations(allocations)

    def _get_item_problem(self, credit, debit, allowed):
        """Return why one line's items do not fit any more, in words.

        :param allowed: the `account.move` that may be paid with credit
        """
        problem = credit._get_credit_problem() or credit._get_pair_problem(debit)
        if not problem and debit.move_id not in allowed:
            problem = self.env._(
                "%(document)s of %(client)s is being paid, is blocked or holds a "
                "product that is not payable with account credit. Remove the line.",
                document=debit.move_id.display_name,
                client=self.account_id.display_name,
            )
        return problem

    def _get_nothing_left_problem(self, credit, debit):
        """Return that there is nothing left to allocate of one line, in words."""
        return self.env._(
            "Nothing is left of %(credit)s for %(document)s of %(client)s. Remove the "
            "line.",
            credit=credit.move_id.display_name,
            document=debit.move_id.display_name,
            client=self.account_id.display_name,
        )

    def _plan_amount(self, credit, debit, residuals):
        """Return how much of one line there still is, less what lines before it take.

        :param dict residuals: {item: residual values}, reduced by it
        :return: in the currency of the debit item
        """
        credit_values, debit_values = (
            residuals.setdefault(item, item._get_residual_values())
            for item in (credit, debit)
        )
        simulate = debit._simulate_allocation
        most = simulate(dict(credit_values), dict(debit_values))
        amount = debit.currency_id.round(min(self.amount, most))
        if debit.currency_id.compare_amounts(amount, 0) <= 0:
            return 0.0
        partly = debit.currency_id.compare_amounts(amount, most) < 0
        return simulate(credit_values, debit_values, amount if partly else None)

    def _log_allocations(self, allocations):
        """Write in the accounts' chatter what was allocated.

        :param allocations: {line: (credit item, debit item, amount)}
        """
        self.env["client.account"]._log_acts(
            (
                line.account_id,
                self.env._(
                    "%(amount)s of %(credit)s allocated to %(document)s.",
                    amount=debit.currency_id.format(amount),
                    credit=credit.move_id.display_name,
                    document=debit.move_id.display_name,
                ),
            )
            for line, (credit, debit, amount) in allocations.items()
        )
