from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import SQL, format_date

from ..const import MAX_OPEN_TRANSACTIONS
from ..utils import in_plain_context, is_real_number

# How many lines of the history, open debts and online payments a page shows.
HISTORY_LENGTH = 20
OPEN_LENGTH = 10
ONLINE_LENGTH = 5

# The drawing of the balance: its width and height, and what is left free above and
# below.
GRAPH_SIZE = (360.0, 90.0)
GRAPH_MARGIN = 6.0


class ClientAccount(models.Model):
    """What clients see and do in the portal, as their policies let them.

    Everything runs under sudo: portal users have no rights of their own here. What they
    may see is decided by these methods alone, for the account of the session.
    """

    _inherit = "client.account"

    transaction_ids = fields.One2many(
        "payment.transaction",
        "client_account_id",
        string="Online Payments",
        readonly=True,
        groups="account.group_account_invoice",
    )

    @api.model
    def _get_portal_accounts(self, partner):
        """Return the accounts that a contact may look at, under sudo.

        :param partner: `res.partner` of the login
        """
        # Sudo: portal users may read no accounts; these are their own client's.
        accounts_sudo = self.sudo().search(
            [("partner_id", "=", partner.sudo().commercial_partner_id.id)]
        )
        return accounts_sudo.filtered(
            lambda account: account._get_policy("balance_visibility") != "hidden"
        ).sorted(lambda account: (account.company_id.sequence, account.company_id.id))

    # === The page ===

    def _get_portal_page(self, history=None):
        """Return what one client's page shows.

        :param dict history: of `_get_portal_history`, where policy shows it
        :return: dict for the template; amounts in company currency
        """
        self.ensure_one()
        shows_history = self._get_policy("balance_visibility") == "history"
        debts = self._get_portal_debts()
        return {
            "account": self,
            "currency": self.currency_id,
            "balance": self.ledger_balance,
            "balance_words": self._format_balance(self.ledger_balance),
            **self._get_portal_words(),
            "debts": debts[:OPEN_LENGTH],
            "has_more_debts": len(debts) > OPEN_LENGTH,
            "has_charges_due": self._has_charges_due(debts),
            "charges_online": self.company_id.client_charges_online,
            "can_top_up": self._get_policy("top_up_policy") == "allowed",
            "requests": self._get_open_credit_requests(),
            "online": self._get_portal_online(),
            "history": history if shows_history else None,
            "graph": self._get_portal_graph() if shows_history else None,
            "can_choose_application": self.company_id.client_choose_application,
            "applies_credit": self._get_policy("credit_application") != "manual",
        }

    def _get_portal_words(self):
        """Return what one client's page says beside the balance, in whole sentences:
        none where there is nothing to say."""
        self.ensure_one()
        currency, difference = self.currency_id, self.ledger_difference
        return {
            "overdue_words": self.amount_overdue
            and self.env._("%s overdue", currency.format(self.amount_overdue)),
            "available_words": self.limit_in_force
            and self.env._(
                "%s available, credit limit included",
                currency.format(max(self.available, 0.0)),
            ),
            "difference_words": not currency.is_zero(difference)
            and self.env._(
                "%s of it is matched to drafts or to other clients' documents",
                currency.format(difference),
            ),
            "graph_label": self.env._(
                "The balance of the last twelve months. Now: %s",
                self._format_balance(self.ledger_balance),
            ),
        }

    def _format_due(self, day):
        """Return until when something is to be paid, in words."""
        return self.env._("Due %s", format_date(self.env, day))

    def _format_part(self, part):
        """Return in words where a part of a credit of one account went.

        :param dict part: from `_add_portal_parts`
        """
        amount = self.currency_id.format(part["amount"])
        if not part["document"]:
            return self.env._("%s for another account", amount)
        return self.env._(
            "%(amount)s for %(document)s", amount=amount, document=part["document"]
        )

    def _format_left(self, line):
        """Return in words what is left of a credit of one account.

        :param dict line: of the history
        """
        amount = self.currency_id.format(line["left"])
        if not line["until"]:
            return self.env._("%s left", amount)
        return self.env._(
            "%(amount)s left, usable until %(date)s",
            amount=amount,
            date=format_date(self.env, line["until"]),
        )

    def _get_portal_debts(self):
        """Return the first open debts of one client, the earliest due first; one more
        than the page shows where there are more.

        :return: `account.move.line` under sudo
        """
        self.ensure_one()
        ids = self._fetch_first_open_item_ids(
            1, OPEN_LENGTH + 1, scope=self._get_whole_scope()
        )
        return self.env["account.move.line"].browse(ids)

    def _get_open_credit_requests(self):
        """Return what one client is asked to pay in advance and has not paid."""
        return self.env["client.credit.request"].search(
            [
                ("account_id", "=", self.id),
                ("state", "in", ("open", "pending")),
                ("sent_on", "!=", False),
            ]
        )

    def _get_portal_online(self):
        """Return the online payments of one account that a client wants to know about:
        the newest that are on their way, failed or were booked in the last month."""
        since = fields.Datetime.now() - relativedelta(months=1)
        return self.env["payment.transaction"].search(
            [
                ("client_account_id", "=", self.id),
                ("state", "!=", "draft"),
                "|",
                ("state", "in", ("pending", "authorized")),
                ("last_state_change", ">", since),
            ],
            order="id desc",
            limit=ONLINE_LENGTH,
        )

    def _get_portal_graph(self):
        """Return the drawing of twelve months' balance as an SVG: points of the line
        and where zero is, both within GRAPH_SIZE.

        :return: dict of points, zero, width, height, first and last (date, balance)
        """
        self.ensure_one()
        points = self._get_balance_points()
        balances = [balance for _date, balance in points]
        low, high = min(0.0, *balances), max(0.0, *balances)
        width, height = GRAPH_SIZE
        scale = (height - 2 * GRAPH_MARGIN) / ((high - low) or 1.0)
        step = width / max(len(points) - 1, 1)

        def get_height(balance):
            return round(height - GRAPH_MARGIN - (balance - low) * scale, 1)

        return {
            "points": " ".join(
                f"{round(index * step, 1)},{get_height(balance)}"
                for index, balance in enumerate(balances)
            ),
            "zero": get_height(0.0),
            "width": width,
            "height": height,
            "first": points[0],
            "last": points[-1],
        }

    # === History ===

    def _get_portal_history(
        self, before=None, after=None, date_from=None, date_to=None
    ):
        """Return a page of one client's ledger, the newest first, with the balance
        after each line.

        :param tuple before: (date, id) of the line that the page ends before
        :param tuple after: likewise, that it begins after: the page of newer lines
        :param date_from: the first day, None for any
        :param date_to: the last day, None for any
        :return: dict of lines (see `_fetch_portal_lines`, with balance and parts),
            older and newer: keys of the pages beside it, None where there is none
        """
        self.ensure_one()
        rows = self._fetch_portal_lines(before, after, date_from, date_to)
        more = len(rows) > HISTORY_LENGTH
        rows = rows[:HISTORY_LENGTH]
        if after:
            rows.reverse()
        if more or after or date_from:
            balance = self._fetch_balance_after(rows[0]) if rows else 0.0
        else:
            # The page ends with the very first line, so it has all there is below.
            balance = sum(row["change"] for row in rows)
        for row in rows:
            row["balance"] = self.currency_id.round(balance)
            balance -= row["change"]
        self._add_portal_parts(rows)
        return {
            "lines": rows,
            "older": self._get_key(rows[-1:]) if (more or after) else None,
            "newer": self._get_key(rows[:1]) if (before or (after and more)) else None,
        }

    @api.model
    def _get_key(self, rows):
        """Return the key of a line of the history as it stands in an address."""
        return f"{rows[0]['date']}_{rows[0]['id']}" if rows else None

    def _fetch_portal_lines(self, before, after, date_from, date_to):
        """Return lines of one client's ledger next to a key, one more than a page has.

        Each contact and receivable account gives its own from the end of their index.

        :return: list of dicts of id, date, move_id, document, move_type, adjustment,
            until (the last day of a credit), reason, is_payment, due, change and
            residual (company currency, above zero: credited)
        """
        self.env["account.move"].flush_model()
        self.env["account.move.line"].flush_model()
        conditions = [SQL("TRUE")]
        if before:
            conditions.append(SQL("(line.date, line.id) < (%s, %s)", *before))
        if after:
            conditions.append(SQL("(line.date, line.id) > (%s, %s)", *after))
        if date_from:
            conditions.append(SQL("line.date >= %s", date_from))
        if date_to:
            conditions.append(SQL("line.date <= %s", date_to))
        order = SQL("ASC") if after else SQL("DESC")
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT line.id, line.date, line.move_id, line.move_name AS document,
                       move.move_type, move.client_adjustment AS adjustment,
                       move.client_expiry_date AS until,
                       %(reason)s AS reason,
                       move.origin_payment_id IS NOT NULL AS is_payment,
                       -line.balance::float AS change,
                       CASE WHEN line.balance > 0 THEN line.date_maturity END AS due,
                       -line.amount_residual::float AS residual
                  FROM unnest(%(contacts)s) contact, unnest(%(accounts)s) account,
               LATERAL (
                    SELECT line.id, line.date
                      FROM account_move_line line
                     WHERE line.partner_id = contact
                       AND line.account_id = account
                       AND line.parent_state = 'posted'
                       AND line.company_id = ANY(%(companies)s)
                       AND %(condition)s
                     ORDER BY line.date %(order)s, line.id %(order)s
                     LIMIT %(limit)s
                  ) item
                  JOIN account_move_line line ON line.id = item.id
                  JOIN account_move move ON move.id = line.move_id
                 ORDER BY item.date %(order)s, item.id %(order)s
                 LIMIT %(limit)s
                """,
                **self._get_whole_scope(),
                reason=self._get_item_reason_sql(),
                condition=SQL(" AND ").join(conditions),
                order=order,
                limit=HISTORY_LENGTH + 1,
            )
        )
        return self._word_items(rows)

    def _fetch_balance_after(self, row):
        """Return the balance of one client's ledger after a line of it: the closing
        one, less what is newer.

        :param dict row: with date and id
        """
        [(newer,)] = self.env.execute_query(
            SQL(
                "SELECT COALESCE(-SUM(line.balance), 0) FROM %s",
                self._get_ledger_sql(
                    SQL("(line.date, line.id) > (%s, %s)", row["date"], row["id"]),
                    by_date=True,
                ),
            )
        )
        return self.ledger_balance - float(newer)

    def _add_portal_parts(self, rows):
        """Say beside each credit where it went, part by part, and what is left.

        :param rows: from `_fetch_portal_lines`, which get `parts` (dicts of document,
            empty where it is another client's, and amount) and `left`
        """
        partials = self.env["account.partial.reconcile"]._fields
        parts = {}
        for line_id, document, amount in self.env.execute_query(
            SQL(
                """
                SELECT part.credit_move_id,
                       CASE WHEN %(own)s THEN other.move_name END,
                       part.amount::float
                  FROM account_partial_reconcile part
                  JOIN account_move_line other ON other.id = part.debit_move_id
                 WHERE part.credit_move_id = ANY(%(ids)s)
                 ORDER BY part.id
                """,
                own=self._get_client_items_sql(
                    SQL("other"), self.partner_id.ids, self.company_id.ids
                ),
                ids=[row["id"] for row in rows if row["change"] > 0],
                to_flush=(
                    partials["amount"],
                    partials["debit_move_id"],
                    partials["credit_move_id"],
                ),
            )
        ):
            parts.setdefault(line_id, []).append(
                {"document": document or "", "amount": amount}
            )
        for row in rows:
            row["parts"] = parts.get(row["id"], [])
            row["left"] = row["residual"] if row["change"] > 0 else 0.0

    # === Paying ===

    def _get_charges_due(self):
        """Return what is due of the charges of one client: debts that are no invoice
        with a page of its own, money for which is not on its way. A wire transfer that
        somebody has chosen blocks nothing, as on Odoo's own invoices.

        One payment goes to one receivable account: those on another one are due once
        these are paid. Debts in another currency are paid at the desk.

        :return: `account.move.line` under sudo, the earliest due first
        """
        self.ensure_one()
        transactions = self.env["payment.transaction"]
        ids = self._fetch_first_open_item_ids(
            1,
            # All of them are paid at once.
            2**31 - 1,
            scope=self._get_whole_scope(),
            condition=SQL(
                "line.currency_id = %s AND NOT %s"
                " AND EXISTS (SELECT FROM account_move WHERE id = line.move_id"
                " AND move_type NOT IN ('out_invoice', 'out_refund')"
                " AND client_adjustment IS DISTINCT FROM 'transfer' OFFSET 0)",
                self.currency_id.id,
                transactions._get_waiting_line_sql(SQL("line.id"), with_wires=False),
            ),
        )
        debts = self.env["account.move.line"].browse(ids)
        first = debts[:1].account_id
        return debts.filtered(lambda debt: debt.account_id == first)

    def _has_charges_due(self, debts):
        """Tell whether any charge of one client is due, without reading all that is.

        :param debts: the first open debts, which have one as a rule where there is any
        """
        self.ensure_one()
        [(has_charges,)] = self.env.execute_query(
            SQL(
                "SELECT EXISTS (SELECT FROM account_move move"
                " JOIN account_move_line line ON line.move_id = move.id"
                " WHERE move.commercial_partner_id = %s"
                " AND move.client_adjustment = 'charge' AND %s AND %s)",
                self.partner_id.id,
                self._get_client_items_sql(
                    SQL("line"), self.partner_id.ids, self.company_id.ids
                ),
                self._get_open_item_sql(1),
                to_flush=self.env["account.move"]._fields["client_adjustment"],
            )
        )
        return has_charges or any(
            not debt.move_id.is_invoice() and not debt.move_id._is_transfer()
            for debt in debts
        )

    def _check_open_transactions(self):
        """Make sure not too many payments of one account are begun and left open.

        :raise UserError: otherwise
        """
        self.ensure_one()
        since = fields.Datetime.now() - relativedelta(hours=1)
        begun = self.env["payment.transaction"].search_count(
            [
                ("client_account_id", "=", self.id),
                ("state", "=", "draft"),
                ("create_date", ">", since),
            ]
        )
        if begun >= MAX_OPEN_TRANSACTIONS:
            raise UserError(
                self.env._(
                    "Too many payments were begun in the last hour. Try again later."
                )
            )

    def _get_usable_credit(self, invoice):
        """Return how much of one client's credit an invoice may be paid with.

        :param invoice: `account.move` under sudo
        :return: list of (credit item, debit item, amount in the invoice's currency)
        """
        self.ensure_one()
        if (
            invoice.move_type != "out_invoice"
            or invoice.state != "posted"
            or invoice.commercial_partner_id != self.partner_id
            or invoice.company_id.root_id != self.company_id
            or not invoice._without_credit_exclusion(invoice)
        ):
            return []
        debts = in_plain_context(invoice)._get_client_debts()
        if not debts:
            return []
        credits = debts[:1]._search_open_credits()._filter_begun()
        return debts._plan_allocations(
            credits._sorted_for_allocation(), debts._sorted_for_allocation()
        )

    def _pay_with_credit(self, invoice, amount, shown):
        """Pay an invoice of one client with account credit, whole or in part.

        :param invoice: `account.move` under sudo
        :param float amount: of the invoice's currency
        :param float shown: what was due when the client saw the invoice
        :raise UserError: when it is no longer so, or the credit does not reach
        """
        self.ensure_one()
        currency = invoice.currency_id
        if currency.compare_amounts(invoice.amount_residual, shown):
            raise UserError(
                self.env._(
                    "What is due on %(invoice)s has changed: %(due)s. Look at it again "
                    "before you pay.",
                    invoice=invoice.name,
                    due=currency.format(invoice.amount_residual),
                )
            )
        allocations, rest = [], amount
        for credit, debit, most in self._get_usable_credit(invoice):
            taken = currency.round(min(most, rest))
            if is_real_number(taken) and taken > 0:
                allocations.append((credit, debit, taken))
                rest = currency.round(rest - taken)
        if rest > 0 or not allocations:
            raise UserError(
                self.env._(
                    "%(amount)s of %(invoice)s cannot be paid with your credit. The "
                    "page shows what can.",
                    amount=currency.format(amount),
                    invoice=invoice.name,
                )
            )
        in_plain_context(self.env["account.move.line"])._allocate_amounts(allocations)
        invoice.message_post(
            body=self.env._(
                "%(amount)s paid with account credit in the portal.",
                amount=currency.format(amount),
            ),
            author_id=self.env.user.partner_id.id,
        )
        self._mail_credit_used(invoice, amount)

    def _mail_credit_used(self, invoice, amount):
        """Confirm by e-mail to whoever paid that credit was used.

        :param invoice: the `account.move` it pays
        :param float amount: of the invoice's currency
        """
        template = self.env.ref(
            "client_account.mail_template_credit_used", raise_if_not_found=False
        )
        payer = self.env.user.partner_id
        if template and payer.email:
            # Sudo: clients have no right on mails.
            template.sudo().with_context(
                client_paid=invoice.currency_id.format(amount), client_payer=payer
            ).send_mail(
                invoice.id,
                email_values={"recipient_ids": [Command.set(payer.ids)]},
                email_layout_xmlid="mail.mail_notification_light",
            )
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _choose_application(self, applies):
        """Switch on or off that one client's credit pays new invoices by itself.

        :param bool applies: whether it does
        :raise UserError: where the company leaves no choice
        """
        self.ensure_one()
        if not self.company_id.client_choose_application:
            raise UserError(
                self.env._("Ask %s to change this.", self.company_id.display_name)
            )
        company_value = self.company_id.client_credit_application
        value = "manual"
        if applies:
            value = company_value if company_value != "manual" else "next"
        if self._get_policy("credit_application") != value:
            self.credit_application = value
            self._message_log(
                body=self.env._(
                    "%s chose in the portal that credit pays new invoices by itself.",
                    self.env.user.name,
                )
                if applies
                else self.env._(
                    "%s chose in the portal that credit no longer pays new invoices by "
                    "itself.",
                    self.env.user.name,
                ),
                author_id=self.env.user.partner_id.id,
            )

    # === Staff ===

    def action_ask_payment(self):
        """Open the window that asks these clients to pay an amount in advance."""
        self._check_officer()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Ask to Pay in Advance"),
            "res_model": "client.credit.request.send",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_account_ids": [Command.set(self.ids)]},
        }

    def _tell_staff_online(self, summary, note):
        """Put what happened to online money of one account before who leads accounts.

        :param str summary: in a few words
        :param str note: in a sentence
        """
        self.ensure_one()
        for user in self.company_id._get_client_deciders():
            self.activity_schedule(
                "mail.mail_activity_data_todo",
                user_id=user.id,
                summary=summary,
                note=note,
            )
