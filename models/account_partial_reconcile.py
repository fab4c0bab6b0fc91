from odoo import api, fields, models
from odoo.exceptions import UserError

from ..const import VIEWER

# The two items of a match, and what writing changes who has how much.
ENDS = ("debit_move_id", "credit_move_id")
MATCHING_FIELDS = frozenset(
    (*ENDS, "amount", "debit_amount_currency", "credit_amount_currency")
)


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    client_debit_document_id = fields.Many2one(
        "account.move",
        related="debit_move_id.move_id",
        string="Invoice or Charge",
        groups=VIEWER,
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to keep the figures of client accounts fresh."""
        accounts = self.env["client.account"]
        with accounts._watching() as watch:
            crossing = self._get_crossing_items(vals_list)
            accounts._note_items(crossing)
            partials = super().create(vals_list)
            accounts._invalidate_figures()
            if crossing:
                crossing._mark_crossing()
            if not self.env.su and not watch.engine:
                partials._check_raw_match()
                watch.matched |= set(partials.ids)
        partials._trigger_client_notices()
        return partials

    def unlink(self):
        """Override of the ORM to keep the figures of client accounts fresh, and to have
        the clients judged whose items are no longer matched."""
        if not self:
            # Odoo calls it so for each item it writes.
            return super().unlink()
        if not self.env.su:
            self._check_kept_together()
            self._check_may_take_off()
        accounts = self.env["client.account"]
        self._trigger_client_notices()
        # Sudo: whose items these are is looked at to judge, not shown.
        crossing = self.sudo().filtered(
            lambda part: part._is_crossing(part.debit_move_id | part.credit_move_id)
        )
        items = crossing.debit_move_id | crossing.credit_move_id
        with accounts._watching():
            accounts._note_items(items)
            # What they were matched with has gone: told, not refused.
            with accounts._telling(items):
                result = super().unlink()
            accounts._invalidate_figures()
        return result

    def write(self, vals):
        """Override of the ORM to have the clients judged whose items are matched
        otherwise, and to match no more than is open."""
        if MATCHING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        accounts = self.env["client.account"]
        # Sudo: whose items these are is looked at to judge, not shown.
        partials = self.sudo()
        new = partials.debit_move_id.browse(
            vals[name] for name in ENDS if vals.get(name)
        )
        items = partials.debit_move_id | partials.credit_move_id | new
        with accounts._watching() as watch:
            accounts._note_items(items)
            result = super().write(vals)
            accounts._invalidate_figures()
            items._mark_crossing()
            if not self.env.su:
                self._check_raw_match()
                watch.matched |= set(self.ids)
        partials._trigger_client_notices()
        return result

    @api.model
    def _get_crossing_items(self, vals_list):
        """Return the items of matches to be made that do not count for the same client.

        :param vals_list: values of matches, as sent to `create`
        :return: `account.move.line` under sudo, as they are looked at, not shown
        """
        lines = self.env["account.move.line"].sudo()
        crossing = lines
        for vals in vals_list:
            items = lines.browse(
                item_id for name in ENDS if (item_id := vals.get(name))
            )
            if self._is_crossing(items):
                crossing |= items
        return crossing

    @api.model
    def _is_crossing(self, items):
        """Tell whether two items do not count for the same client account, see
        `account.move.line._mark_crossing`.

        The matches of others change nobody's balance.
        """
        receivable = items.filtered(
            lambda item: item.account_type == "asset_receivable"
        )
        counted = receivable.filtered(
            lambda item: item.partner_id and item.parent_state == "posted"
        )
        return bool(receivable) and (
            len(counted) < 2 or len({item._get_client_key() for item in counted}) > 1
        )

    def _trigger_client_notices(self):
        """Have the balances of clients looked at whose items these match."""
        if "asset_receivable" in self.debit_move_id.mapped("account_type"):
            self.env["client.account"]._trigger_notices()

    # === What matches by hand may do ===

    def _check_raw_match(self):
        """Refuse matches by hand that Odoo's own engine would not make.

        :raise UserError: when an item is no posted one of an account that is reconciled
        """
        # Sudo: items are looked at to decide; the refusal names documents of the match.
        for item in (self.debit_move_id | self.credit_move_id).sudo():
            if item.parent_state != "posted" or not (
                item.account_id.reconcile
                or item.account_type in ("asset_cash", "liability_credit_card")
            ):
                raise UserError(
                    self.env._(
                        "%s cannot be matched: only posted items of accounts that are "
                        "reconciled are. Post it first.",
                        item.move_id.display_name,
                    )
                )

    def _check_matched(self):
        """Refuse to match more of an item than is open on it.

        :raise UserError: when what is open has changed its sign
        """
        for item in (self.debit_move_id | self.credit_move_id).exists():
            sign = 1 if item.balance > 0 or item.amount_currency > 0 else -1
            company, currency = item.company_currency_id, item.currency_id
            if (
                company.compare_amounts(sign * item.amount_residual, 0) < 0
                or currency.compare_amounts(sign * item.amount_residual_currency, 0) < 0
            ):
                raise UserError(
                    self.env._(
                        "More is matched with %s than is open on it. Match no more "
                        "than is open.",
                        item.move_id.display_name,
                    )
                )

    def _check_may_take_off(self):
        """Keep credit on the document that was posted with it.

        Who pays up front would pay the next document with the same credit. Whoever
        resets the document takes it off with the debt.

        :raise UserError: when the client pays up front and the user is no approver
        """
        # Sudo: whose items these are is looked at to decide, not shown.
        for part in self.sudo():
            document = part.debit_move_id.move_id
            if (
                document.state != "posted"
                or not document._is_balance_gated()
                or not part.debit_move_id.partner_id
            ):
                continue
            client, root = part.debit_move_id._get_client_key()
            policy = self.env["client.account"]._get_client_policy(
                client, root, "pay_later"
            )
            if policy == "disabled" and not self.env["res.partner"]._may_decide_in(
                root
            ):
                raise UserError(
                    self.env._(
                        "%(client)s pays up front, and %(document)s was posted with "
                        "this credit. Ask an approver of client accounts to take it "
                        "off, or reset the document.",
                        client=client.display_name,
                        document=document.display_name,
                    )
                )

    def _check_kept_together(self):
        """Keep on a document what it settled in the step that booked it: moved credit
        whose debit was open would look like a debt.

        :raise UserError: when one is such an allocation
        """
        # Sudo: documents are looked at to decide, not shown.
        for part in self.sudo():
            for move in part._get_documents():
                # Of a credit that expired it is the other entry that says why.
                reason = move._get_keep_reason()
                if reason and part in move._get_own_allocations():
                    raise UserError(reason)

    def _get_documents(self):
        """Return the documents on either side of these allocations."""
        return self.debit_move_id.move_id | self.credit_move_id.move_id

    # === Taking allocations off ===

    def action_remove_client_allocation(self):
        """Take allocations off: they return to the credit, the invoice is open again.

        :return: True
        :raise UserError: when one is no allocation of a client's credit
        """
        # Sudo: undoing an allocation is the officer's right, partials need not be.
        partials_sudo = self.sudo().exists()
        for partial in partials_sudo:
            partial._check_client_allocation(self.env.su)
        if not self.env.su:
            partials_sudo.sudo(False)._check_may_take_off()
        notes = [
            (
                partial.debit_move_id.move_id,
                self.env._(
                    "The allocation of %(amount)s of %(credit)s was removed.",
                    amount=partial.debit_currency_id.format(
                        partial.debit_amount_currency
                    ),
                    credit=partial.credit_move_id.move_id.display_name,
                ),
            )
            for partial in partials_sudo
        ]
        partials_sudo.unlink()
        for document, note in notes:
            document.message_post(body=note)
        return True

    def action_move_client_allocation(self):
        """Open the window that moves this allocation, or a part of it, to other
        invoices.

        :raise UserError: when it is no allocation of a client's credit
        """
        self.ensure_one()
        # Sudo: moving an allocation is the officer's right, partials need not be.
        partial_sudo = self.sudo()
        partial_sudo._check_client_allocation(self.env.su)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Move Credit to Another Invoice"),
            "res_model": "client.credit.allocation",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_credit_line_id": partial_sudo.credit_move_id.id,
                "default_source_line_id": partial_sudo.debit_move_id.id,
            },
        }

    def _check_client_allocation(self, su):
        """Make sure this partial is an allocation the user may undo.

        :param bool su: whether the caller is beyond rights
        :raise UserError: when it is none
        :raise AccessError: when the user is no officer of its clients' accounts
        """
        items = self.debit_move_id | self.credit_move_id
        if any(
            item.account_type != "asset_receivable" or not item.partner_id
            for item in items
        ):
            raise UserError(
                self.env._(
                    "%s is no invoice or charge of a client. Undo this matching from "
                    "its journal items.",
                    self.debit_move_id.move_id.display_name,
                )
            )
        for item in items:
            item._get_client_account().sudo(su)._check_officer()
        self._check_kept_together()
        if exchange := items.move_id._filter_exchange_differences():
            raise UserError(
                self.env._(
                    "%s only books an exchange difference. Remove the invoice's own "
                    "part: the difference goes with it.",
                    exchange.display_name,
                )
            )
