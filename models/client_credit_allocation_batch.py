from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import split_every

# Clients planned for with one look at the books.
PLANNED_AT_ONCE = 500


class ClientCreditAllocationBatch(models.Model):
    """Show which credits would go to which debts of many clients, to be changed and
    then applied."""

    _name = "client.credit.allocation.batch"
    _description = "Bulk Allocation"
    _inherit = ["client.batch.mixin"]
    _order = "id desc"
    _batch_job = "client_account.ir_cron_allocation_batches"
    _batch_content = frozenset(("company_id", "account_ids", "rule"))

    rule = fields.Selection(
        [
            ("exact", "Exact matches first, then earliest due"),
            ("earliest", "Earliest due first"),
            ("full", "Only where it covers the invoice in full"),
        ],
        default="exact",
        required=True,
        help="An exact match is a credit of just the amount that is due on a document.",
    )
    account_ids = fields.Many2many(
        "client.account",
        string="Clients",
        help="Empty: all clients of the company who have open credit and open debts.",
    )
    line_ids = fields.One2many(
        "client.credit.allocation.batch.line", "batch_id", string="Lines"
    )

    # === CRUD ===

    def write(self, vals):
        """Override of the ORM to forget a preview that was made by another rule."""
        result = super().write(vals)
        if not self._batch_content.isdisjoint(vals):
            self.line_ids.unlink()
        return result

    # === The preview ===

    def action_plan(self):
        """Fill the lines with what would be set against what, as the books are now.

        :return: True
        :raise UserError: when one is no draft
        """
        accounts = self.env["client.account"]
        accounts._check_officer()
        self._check_draft()
        for batch in self:
            batch.line_ids.unlink()
            for ids in split_every(PLANNED_AT_ONCE, batch._search_accounts().ids):
                self._get_lines().create(batch._plan_lines(accounts.browse(ids)))
        return True

    def _search_accounts(self):
        """Return the accounts that have open credit and open debts."""
        domain = [
            ("company_id", "=", self.company_id.id),
            ("credit_available", ">", 0),
            ("amount_owed", ">", 0),
        ]
        if self.account_ids:
            domain.append(("id", "in", self.account_ids.ids))
        return self.env["client.account"].search(domain)

    def _plan_lines(self, accounts):
        """Return the values of the lines of some clients.

        :param accounts: `client.account`
        """
        accounts._check_officer()
        items = accounts._search_open_items()
        credits = items._filter_open_credits()._filter_begun()
        debits = items._filter_open_debts()._filter_creditable()
        by_client = [items._group_by_client() for items in (credits, debits)]
        vals_list = []
        for account in accounts:
            key = account.partner_id, account.sudo().company_id
            own = [items.get(key, debits.browse()) for items in by_client]
            vals_list += [
                {
                    "batch_id": self.id,
                    "account_id": account.id,
                    "credit_line_id": credit.id,
                    "debit_line_id": debit.id,
                    "amount": amount,
                }
                for credit, debit, amount in self._plan_client(*own)
            ]
        return vals_list

    def _plan_client(self, credits, debits):
        """Plan for one client, by the rule.

        :return: list of (credit item, debit item, amount in the debit item's currency)
        """
        credits, debits = (
            items._sorted_for_allocation() for items in (credits, debits)
        )
        plan = []
        if self.rule == "exact":
            plan = self._plan_exact(credits, debits)
            for credit, debit, _amount in plan:
                credits -= credit
                debits -= debit
        return plan + credits._plan_allocations(
            credits, debits, full_only=self.rule == "full"
        )

    @api.model
    def _plan_exact(self, credits, debits):
        """Plan the credits of just the amount that is due on a document.

        An invoice of several instalments is due with all of them.

        :return: list as of `_plan_client`
        """
        by_amount = defaultdict(list)
        for credit in credits:
            by_amount[self._get_exact_key(credit)].append(credit)
        plan = []
        for move, dues in debits.grouped("move_id").items():
            if move._get_client_debts() - dues or len(dues.account_id) > 1:
                continue
            fitting = by_amount[self._get_exact_key(dues)]
            if fitting:
                credit = fitting.pop(0)
                plan += [(credit, due, due.amount_residual_currency) for due in dues]
        return plan

    @api.model
    def _get_exact_key(self, items):
        """Return what a credit and a document have alike that match exactly."""
        currency = items[0].currency_id
        amount = abs(sum(items.mapped("amount_residual_currency")))
        return items[0].account_id.id, currency.id, currency.round(amount)

    # === Applying ===

    def _start(self):
        """Override of `client.batch.mixin` to plan where nobody has looked yet."""
        if self.state == "draft" and not self.line_count:
            self.action_plan()
            self.invalidate_recordset(flush=False)
        return super()._start()

    def _get_nothing_ready_message(self):
        """Override of `client.batch.mixin`."""
        if not self.line_count:
            return self.env._(
                "There is no open credit that fits an open document of these clients."
            )
        return super()._get_nothing_ready_message()

    @api.model
    def _open_for(self, accounts):
        """Make a draft with the preview for some clients, and open it.

        :param accounts: `client.account` of one company
        :return: a window action
        """
        if len(accounts.company_id) > 1:
            raise UserError(
                self.env._(
                    "%s have accounts in several companies. Choose clients of one "
                    "company at a time.",
                    ", ".join(accounts.mapped("display_name")[:5]),
                )
            )
        batch = self.create(
            {
                "company_id": (accounts.company_id or self.env.company).id,
                "account_ids": [Command.set(accounts.ids)],
            }
        )
        batch.action_plan()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Bulk Allocation"),
            "res_model": self._name,
            "res_id": batch.id,
            "views": [[False, "form"]],
        }
