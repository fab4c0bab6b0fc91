from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Domain

from ..const import BILLER, MAX_ITEM_REASON, MAX_REASON
from ..utils import check_amount, in_plain_context


class OffsetPlan(NamedTuple):
    """What of one client's debts is set off against what of its bills.

    Both are lists of (item, amount in company currency), the earliest due first, and
    come to the same sum. Left out are items in a foreign currency that this sum would
    not close whole.
    """

    debts: list
    bills: list
    left_out: models.BaseModel

    @property
    def amount(self):
        return sum(amount for _item, amount in self.debts)


class ClientAccount(models.Model):
    """What a client owes set off against what the company owes the same contact."""

    _inherit = "client.account"

    can_set_off = fields.Boolean(
        compute="_compute_can_set_off",
        help="The company allows it, the user makes bills, and both sides are open.",
    )

    @api.depends_context("uid")
    @api.depends("partner_id", "company_id")
    def _compute_can_set_off(self):
        may_bill = self.env.user.has_group(BILLER)
        for account in self:
            # Sudo: a branch's user need not read the root company.
            account.can_set_off = bool(
                may_bill
                and account.sudo().company_id.client_payable_offset
                and account.amount_owed
                and account._search_open_bills(limit=1)
            )

    # === Public API ===

    def set_off_bills(self, amount=None):
        """Set what one client owes off against open bills of the same contact.

        One entry closes exact parts of both, the earliest due first, whatever their
        receivable and payable accounts. Documents that are blocked, being paid or not
        payable with credit are passed over. An item in a foreign currency is taken
        whole only, so that it closes in its own and in the company's currency alike.

        :param float amount: company currency; all that is open on both sides when
            empty
        :return: id of the posted `account.move`
        :rtype: int
        :raise UserError: when the company does not allow it, or the amount is not
            open on both sides; nothing is booked
        :raise AccessError: when the user makes no bills, or is no officer
        """
        self._check_may_set_off()
        self._check_one()
        # Over RPC, False says that there is none.
        if amount is not None and amount is not False:
            amount = check_amount(self.env, self.display_name, amount, self.currency_id)
        else:
            amount = None
        plan = self._plan_offset(amount)
        self._check_offset_plan(plan, amount)
        return self._create_offset(plan).id

    # === Checks ===

    def _check_biller(self):
        """Make sure the user may act on what the company owes.

        :raise AccessError: when the user makes no bills, or is no officer
        """
        if not self.env.su and not self.env.user.has_group(BILLER):
            raise AccessError(
                self.env._(
                    "Only those who make invoices and bills may set one off against "
                    "the other. Ask an administrator for the right “Invoicing”."
                )
            )
        self._check_officer()

    def _check_may_set_off(self):
        """Make sure the user and the company may set off for these accounts.

        :raise AccessError: when the user may not
        :raise UserError: when a company does not allow it
        """
        self._check_biller()
        # Sudo: a branch's user need not read the root company.
        refused = self.sudo().company_id.filtered(
            lambda company: not company.client_payable_offset
        )
        if refused:
            raise UserError(
                self.env._(
                    "%s does not set bills off against what clients owe. Allow it in "
                    "the settings, under Client Accounts.",
                    ", ".join(refused.mapped("display_name")),
                )
            )

    def _check_offset_plan(self, plan, amount):
        """Make sure a plan closes something, and what was asked for.

        :param OffsetPlan plan: from `_plan_offset`
        :param float amount: company currency, None for all there is
        :raise UserError: otherwise
        """
        currency = self.currency_id
        if currency.is_zero(plan.amount):
            message = self.env._(
                "There is nothing to set off for %s: an open debt and an open bill in "
                "the company's currency are needed.",
                self.display_name,
            )
        elif amount is not None and currency.compare_amounts(amount, plan.amount):
            message = self.env._(
                "%(amount)s cannot be set off for %(client)s, but %(most)s can. Enter "
                "that, or less.",
                amount=currency.format(amount),
                client=self.display_name,
                most=currency.format(plan.amount),
            )
        else:
            return
        raise UserError(" ".join(filter(None, (message, self._tell_left_out(plan)))))

    @api.model
    def _tell_left_out(self, plan):
        """Return which documents in a foreign currency are left out, in words.

        :param OffsetPlan plan: from `_plan_offset`
        :return: an empty text where none is
        """
        if not plan.left_out:
            return ""
        return self.env._(
            "Left out, as they would not close whole in their own currency: %s.",
            ", ".join(plan.left_out.move_id.mapped("display_name")[:5]),
        )

    # === Planning ===

    def _search_open_debts(self):
        """Return the open debts of one account that bills may be set off against.

        :return: `account.move.line` under sudo, the earliest due first
        """
        debts = self._search_open_items()._filter_open_debts()
        return debts._filter_creditable()._sorted_for_allocation()

    def _search_open_bills(self, limit=None):
        """Return what is open on the bills of one account's contact, and not being
        paid already.

        :return: `account.move.line` under sudo, the earliest due first
        """
        self.ensure_one()
        # Sudo: what the company owes is the biller's to see, in all branches.
        lines = in_plain_context(self.env["account.move.line"].sudo())
        return lines.search(
            Domain("account_type", "=", "liability_payable")
            & Domain("parent_state", "=", "posted")
            & Domain("amount_residual", "<", 0)
            & Domain("move_id.move_type", "in", ("in_invoice", "in_receipt"))
            & Domain("move_id.payment_state", "not in", ("blocked", "in_payment"))
            & Domain("partner_id", "in", self._search_contacts().ids)
            & Domain("company_id", "child_of", self.sudo().company_id.id),
            limit=limit,
        )._sorted_for_allocation()

    def _plan_offset(self, amount=None):
        """Plan what is set off for one account.

        :param float amount: at most so much, company currency; None for all there is
        :rtype: OffsetPlan
        """
        self.ensure_one()
        debts, bills = self._search_open_debts(), self._search_open_bills()
        sides = [abs(sum(side.mapped("amount_residual"))) for side in (debts, bills)]
        most = min(sides) if amount is None else min(*sides, amount)
        left_out = debts.browse()
        while True:
            most = self.currency_id.round(most)
            (debt_parts, passed), (bill_parts, passed_too) = (
                self._fill_offset(side, most) for side in (debts, bills)
            )
            left_out |= passed | passed_too
            reached = min(
                sum(part for _item, part in parts) for parts in (debt_parts, bill_parts)
            )
            if self.currency_id.compare_amounts(reached, most) >= 0:
                return OffsetPlan(debt_parts, bill_parts, left_out)
            # What closes whole only has left a gap: the other side gives less, too.
            most = reached

    def _fill_offset(self, items, amount):
        """Return which parts of items come to an amount, the first items first.

        :param items: `account.move.line` in the order in which they are closed
        :param float amount: company currency
        :return: list of (item, amount in company currency), and the items in a foreign
            currency that are passed over, as they would not close whole
        """
        currency = self.currency_id
        parts, passed = [], items.browse()
        for item in items:
            residual = abs(item.amount_residual)
            if currency.is_zero(amount) or currency.is_zero(residual):
                continue
            whole = currency.compare_amounts(residual, amount) <= 0
            if not whole and item.currency_id != currency:
                passed |= item
                continue
            parts.append((item, min(residual, amount)))
            amount = currency.round(amount - parts[-1][1])
        return parts, passed

    # === Booking ===

    def _create_offset(self, plan):
        """Book, post and match the entry that sets off for one account.

        :param OffsetPlan plan: from `_plan_offset`
        :return: the posted `account.move`
        """
        groups = self._group_offset_parts(plan)
        # Sudo: what is booked follows from what is open on both sides.
        moves_sudo = in_plain_context(self.env["account.move"].sudo())
        move_sudo = moves_sudo.create(self._prepare_offset_move_vals(plan, groups))
        move_sudo._post(soft=False)
        # In the order in which they were made.
        lines = move_sudo.line_ids.sorted("id")
        pairs = []
        for line, group in zip(lines, groups, strict=True):
            for item, part in group:
                credit, debit = (item, line) if line.balance > 0 else (line, item)
                pairs.append((credit, debit, part))
        lines._reconcile_planned(pairs)
        move_sudo._check_offset_closed()
        note = self.env._(
            "%(amount)s set off with %(move)s against %(bills)s.",
            amount=self.currency_id.format(plan.amount),
            move=move_sudo.name,
            bills=move_sudo.client_adjustment_reason,
        )
        self._log_acts([(self, note)])
        return move_sudo.sudo(self.env.su)

    def _group_offset_parts(self, plan):
        """Return the parts that each item of the entry closes: in the company's
        currency all of one account, in another each by itself.

        :param OffsetPlan plan: from `_plan_offset`
        :return: list of lists of (item, amount in company currency)
        """
        groups = {}
        for item, part in (*plan.debts, *plan.bills):
            own = item.currency_id == self.currency_id
            groups.setdefault((item.account_id, own or item), []).append((item, part))
        return list(groups.values())

    def _prepare_offset_move_vals(self, plan, groups):
        """Return the values of the entry that sets off for one account.

        Hook: override to fill more fields.

        :param OffsetPlan plan: from `_plan_offset`
        :param groups: from `_group_offset_parts`
        """
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        bills = ", ".join(bill.ref or bill.name for bill in self._get_set_off(plan))
        return {
            "move_type": "entry",
            "journal_id": company._get_client_adjustment_journal().id,
            "company_id": company.id,
            "partner_id": self.partner_id.id,
            "date": fields.Date.context_today(self),
            "ref": self.env._("Set off against %s", bills[:100]),
            "client_adjustment": "offset",
            "client_adjustment_reason": bills[:MAX_REASON],
            "line_ids": [
                Command.create(self._prepare_offset_line_vals(group, bills))
                for group in groups
            ],
        }

    @api.model
    def _get_set_off(self, plan):
        """Return the bills that a plan closes, in whole or in part."""
        bills = self.env["account.move"]
        return bills.union(*(item.move_id for item, _part in plan.bills))

    def _prepare_offset_line_vals(self, group, name):
        """Return the values of the item that closes some items of one account.

        :param group: list of (item, amount in company currency)
        """
        item = group[0][0]
        own = item.currency_id == self.currency_id
        sign = -1 if item.balance > 0 else 1
        balance = sign * self.currency_id.round(sum(part for _item, part in group))
        return {
            "partner_id": self.partner_id.id,
            "account_id": item.account_id.id,
            "currency_id": item.currency_id.id,
            "name": name[:MAX_ITEM_REASON],
            "balance": balance,
            # Another currency's item is closed whole.
            "amount_currency": balance if own else -item.amount_residual_currency,
            "date_maturity": fields.Date.context_today(self),
        }

    # === Actions ===

    def action_open_offset(self):
        """Open the window that sets what one client owes off against its bills."""
        self._check_may_set_off()
        self._check_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Set Off Bills"),
            "res_model": "client.account.offset",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_account_id": self.id},
        }
