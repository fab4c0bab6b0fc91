from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import SQL

from ..const import MAX_ITEM_REASON, WRITE_OFF_TAG
from ..utils import check_date, check_reason, in_plain_context


class OpenRest(NamedTuple):
    """What is open on one document of one client, see `_fetch_rests`."""

    # The `client.account`, the `account.move` and its open items, both under sudo.
    account: models.BaseModel
    move: models.BaseModel
    items: models.BaseModel
    # Company currency, above zero for debts and credits alike.
    amount: float
    # Whether the document is blocked or money for it is on its way.
    waits: bool


class ClientAccount(models.Model):
    """Small differences: what is left open on documents up to an amount is written off.

    What a document has open is judged in one place, `_fetch_rests`: whoever asks names
    documents, never amounts.
    """

    _inherit = "client.account"

    # === What is small ===

    def _search_small_rests(self, moves=None, limit=None):
        """Return the open rests of these accounts that may be written off.

        :param moves: the `account.move` to look at, None for all
        :param int limit: how many at most, None for all
        :return: list of `OpenRest`, in the order of clients and documents
        """
        rests = []
        # Sudo: a branch's user need not read the root company.
        for root, accounts in self.sudo().grouped("company_id").items():
            left = None if limit is None else limit - len(rests)
            rests += self._fetch_small_rests(root, accounts.partner_id, moves, left)
        return rests

    @api.model
    def _fetch_small_rests(self, root, clients=None, moves=None, limit=None):
        """Return the open rests of clients of a root company that may be written off.

        Those whose amount is not above what the company writes off; not those of what
        is blocked, being paid or waits for an online payment.

        :param clients: `res.partner`, None for all of the company
        :param moves: the `account.move` to look at, None for all
        :param int limit: how many at most, None for all
        :return: list of `OpenRest`
        """
        # Sudo: what is small is the company's choice, not the user's to read.
        root = root.sudo()
        most = root.currency_id.round(root.client_write_off_limit)
        if root.currency_id.compare_amounts(most, 0) <= 0:
            return []
        return self._fetch_rests(root, clients, moves, limit, most)

    @api.model
    def _fetch_rests(self, root, clients=None, moves=None, limit=None, most=None):
        """Return what is open on each document for each client, in one query.

        A document that has debts and credits open counts with the sum of both, so that
        none hides the other.

        :param float most: leave out what is above it, and what waits; None for neither
        :return: list of `OpenRest`, see `_fetch_small_rests`
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT * FROM (
                    SELECT rest.*, %(waits)s AS waits
                      FROM (
                        SELECT contact.commercial_partner_id AS client_id, line.move_id,
                               ARRAY_AGG(line.id ORDER BY line.id) AS item_ids,
                               SUM(ABS(line.amount_residual)) AS amount
                          FROM account_move_line line
                          JOIN res_partner contact ON contact.id = line.partner_id
                         WHERE %(is_open)s
                           AND line.company_id = ANY(%(companies)s)
                           AND %(scope)s
                         GROUP BY contact.commercial_partner_id, line.move_id
                        HAVING %(is_small)s
                      ) rest
                  ) judged
                 WHERE %(is_free)s
                 ORDER BY client_id, move_id
                 LIMIT %(limit)s
                """,
                waits=self._get_rest_waits_sql(SQL("rest.move_id")),
                is_open=self._get_open_item_sql(),
                companies=root._get_client_companies().ids,
                scope=self._get_rest_scope_sql(clients, moves),
                is_small=self._get_rest_small_sql(most),
                is_free=SQL("TRUE") if most is None else SQL("NOT waits"),
                limit=limit,
                to_flush=self.env["account.move.line"]._fields["move_id"],
            )
        )
        return self._build_rests(root, rows)

    @api.model
    def _build_rests(self, root, rows):
        """Return the `OpenRest` of each row of `_fetch_rests`."""
        clients = self.env["res.partner"].browse({row[0] for row in rows})
        accounts = {
            account.partner_id.id: account.sudo(self.env.su)
            for account in self._get_or_create(clients, root).sudo()
        }
        # Sudo: writing off is the officer's right, journal items need not be.
        lines = in_plain_context(self.env["account.move.line"].sudo())
        items = lines.browse(item_id for row in rows for item_id in row[2])
        moves = items.move_id.browse(row[1] for row in rows)
        return [
            OpenRest(
                accounts[client_id],
                move.with_prefetch(moves.ids),
                lines.browse(item_ids).with_prefetch(items.ids),
                float(amount),
                waits,
            )
            for (client_id, _move_id, item_ids, amount, waits), move in zip(
                rows, moves, strict=True
            )
        ]

    @api.model
    def _get_rest_scope_sql(self, clients, moves):
        """Return the condition that an item is of one of these clients and documents.

        :return: `SQL` on the alias `line` of account_move_line
        """
        scope = []
        if clients is not None:
            scope.append(self._get_client_items_sql(SQL("line"), clients.ids))
        if moves is not None:
            scope.append(SQL("line.move_id = ANY(%s)", moves.ids))
        return SQL(" AND ").join(scope) or SQL("TRUE")

    @api.model
    def _get_rest_small_sql(self, most):
        """Return the condition that what is open on a document is small.

        An entry closes both residuals of an item, so they have the same sign.

        :param float most: company currency, None where nothing is left out
        """
        if most is None:
            return SQL("TRUE")
        return SQL(
            "SUM(ABS(line.amount_residual)) <= %s AND"
            " BOOL_AND(line.amount_residual * line.amount_residual_currency >= 0)",
            most,
        )

    @api.model
    def _get_rest_waits_sql(self, move_id):
        """Return the condition that a document is blocked or is being paid, or that
        money for it is on its way: what is open on it may not stay so.

        :param SQL move_id: of the document
        """
        transactions = self.env["payment.transaction"]
        return SQL(
            "(EXISTS (SELECT FROM account_move WHERE id = %(move)s"
            " AND payment_state IN ('blocked', 'in_payment'))"
            " OR %(own)s"
            " OR EXISTS (SELECT FROM account_move_line line"
            " WHERE line.move_id = %(move)s AND %(item)s))",
            move=move_id,
            own=transactions._get_waiting_invoice_sql(move_id),
            item=transactions._get_waiting_line_sql(SQL("line.id")),
            to_flush=self.env["account.move"]._fields["payment_state"],
        )

    # === Why not ===

    def _get_no_rest_message(self, moves):
        """Return why nothing of documents of these accounts may be written off.

        :param moves: `account.move`, of which the first with a reason is named
        """
        # Sudo: what is small is the company's choice, not the user's to read.
        root = self[:1].sudo().company_id or self.env.company.sudo().root_id
        most = root.client_write_off_limit
        if root.currency_id.compare_amounts(most, 0) <= 0:
            return self.env._(
                "%s writes off no small differences. Set an amount in the settings, "
                "under Client Accounts.",
                root.display_name,
            )
        rests = self._fetch_rests(root, self.sudo().partner_id, moves) if moves else []
        if not rests:
            return self.env._(
                "Nothing is open any more on %s. Choose documents with an open rest.",
                ", ".join(self._filter_own_documents(moves).mapped("display_name")[:5])
                or self.env._("what was chosen"),
            )
        rest = rests[0]
        values = {
            "document": rest.move.display_name,
            "client": rest.account.display_name,
            "amount": root.currency_id.format(rest.amount),
            "most": root.currency_id.format(most),
        }
        if rest.waits:
            return self.env._(
                "%(document)s of %(client)s is blocked, or a payment for it is on its "
                "way. Write off what is left once that is done.",
                **values,
            )
        if root.currency_id.compare_amounts(rest.amount, most) <= 0:
            return self.env._(
                "What is open on %(document)s of %(client)s is owed in one currency "
                "and in credit in the other. Match it from its journal items.",
                **values,
            )
        return self.env._(
            "%(amount)s is open on %(document)s of %(client)s, and only up to %(most)s "
            "is written off. Allocate a credit or receive a payment instead.",
            **values,
        )

    def _filter_own_documents(self, moves):
        """Return those of documents that have items of these accounts, under sudo: of
        others nothing is said, as they may be none of the user's business."""
        # Sudo: officers need no right to read journal entries of their clients.
        accounts = self.sudo()
        keys = {(account.partner_id, account.company_id) for account in accounts}
        return (
            moves.sudo()
            .exists()
            .filtered(
                lambda move: (
                    not keys.isdisjoint(move._get_receivable_items()._group_by_client())
                )
            )
        )

    # === Booking ===

    @api.model
    def _write_off(self, documents, date=None):
        """Write off what is open on documents of clients, as it is now.

        :param documents: list of (`client.account`, its `account.move`); those of which
            nothing small is open are passed over
        :param date: accounting date, today when empty
        :return: (the posted `account.move`, the list of `OpenRest` of each)
        :raise UserError: when nothing is left to write off
        """
        accounts = self.browse({account.id for account, _move in documents})
        moves = self.env["account.move"].browse(
            {move.id for _account, move in documents}
        )
        accounts._check_officer()
        asked = {(account.id, move.id) for account, move in documents}
        rests = [
            rest
            for rest in accounts._search_small_rests(moves=moves)
            if (rest.account.id, rest.move.id) in asked
        ]
        if not rests:
            raise UserError(accounts._get_no_rest_message(moves))
        date = check_date(self.env, rests[0].account.display_name, date)
        # Sudo: officers need no right to make journal entries; what is booked is fixed.
        entries_sudo = in_plain_context(self.env["account.move"].sudo()).create(
            [self._prepare_write_off_vals(rest, date) for rest in rests]
        )
        # Nothing else takes what is about to be closed.
        entries_sudo._hold_credits()._post(soft=False)
        entries_sudo._tell_moved_dates([date] * len(rests))
        self._settle_write_offs(entries_sudo, rests)
        self._log_acts(
            (rest.account, self._get_write_off_note(entry, rest))
            for entry, rest in zip(entries_sudo, rests, strict=True)
        )
        return entries_sudo.sudo(self.env.su), rests

    @api.model
    def _settle_write_offs(self, entries_sudo, rests):
        """Match each item with its own of a write-off, all in one run of the engine.

        :param entries_sudo: the posted entries
        :param rests: the `OpenRest` of each
        """
        plan = []
        for entry, rest in zip(entries_sudo, rests, strict=True):
            # As they were made: what closes an item, then what is against that.
            closing = entry.line_ids.sorted("id")[::2]
            for item, other in zip(rest.items, closing, strict=True):
                debit, credit = (
                    (item, other) if item._get_open_sign() > 0 else (other, item)
                )
                plan.append((credit, debit, debit.amount_residual_currency))
        self.env["account.move.line"].sudo()._reconcile_planned(plan)

    @api.model
    def _prepare_write_off_vals(self, rest, date=None):
        """Return the values of the entry that writes off what is open on a document.

        Hook: override to book to other accounts or to fill more fields.

        :param rest: `OpenRest`
        :param date: accounting date, today when empty
        """
        account = rest.account
        # Sudo: a branch's user need not read the root company.
        company = account.sudo().company_id
        journal, loss, gain, reason = company._get_write_off_settings()
        reason = check_reason(self.env, account.display_name, reason)
        date = date or fields.Date.context_today(self)
        lines = []
        for item in rest.items:
            other = loss if item._get_open_sign() > 0 else gain
            lines += self._prepare_write_off_line_vals(item, other, reason, date)
        return {
            "move_type": "entry",
            "journal_id": journal.id,
            "company_id": company.id,
            "partner_id": account.partner_id.id,
            "date": date,
            "ref": " ".join(
                (reason.splitlines()[0][:120], rest.move.name or "", WRITE_OFF_TAG)
            ),
            "client_write_off": True,
            "client_adjustment_reason": reason,
            "line_ids": [Command.create(vals) for vals in lines],
        }

    @api.model
    def _prepare_write_off_line_vals(self, item, other, reason, date):
        """Return the values of the two items that write off one: what closes it in its
        own currency and the company's, then what is against that.

        :param item: the open `account.move.line`
        :param other: the `account.account` against receivable
        """
        common = {
            "partner_id": item.partner_id.id,
            "currency_id": item.currency_id.id,
            "name": reason[:MAX_ITEM_REASON],
        }
        balance, amount = item.amount_residual, item.amount_residual_currency
        return [
            {
                **common,
                "account_id": item.account_id.id,
                "balance": -balance,
                "amount_currency": -amount,
                "date_maturity": date,
            },
            {
                **common,
                "account_id": other.id,
                "balance": balance,
                "amount_currency": amount,
            },
        ]

    @api.model
    def _get_write_off_note(self, entry, rest):
        """Return that a rest was written off, in a sentence with its reason."""
        return self.env._(
            "%(amount)s of %(document)s written off with %(move)s: %(reason)s",
            amount=rest.account.currency_id.format(rest.amount),
            document=rest.move.name,
            move=entry.name,
            reason=entry.client_adjustment_reason,
        )

    # === Actions ===

    def action_write_off(self):
        """Open the window that writes off small differences of these accounts."""
        self._check_officer()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Write Off Small Differences"),
            "res_model": "client.account.write.off",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_account_ids": [Command.set(self.ids)]},
        }
