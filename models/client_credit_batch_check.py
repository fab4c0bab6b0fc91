from collections import defaultdict
from types import SimpleNamespace

from odoo import api, fields, models
from odoo.tools import SQL

from ..utils import get_amount_problem, get_date_problem, get_reason_problem

# By what a text of a file may name a client, the surest first.
NAMES = (
    ("ref",),
    ("email", "email_normalized"),
    ("vat", "company_registry"),
    ("name", "complete_name"),
)


class ClientCreditBatchLine(models.Model):
    """What is wrong with the lines of bulk credits, said before anything is booked.

    Many lines are looked at with a fixed number of queries.
    """

    _inherit = "client.credit.batch.line"

    # === Who is meant ===

    @api.model
    def _match_clients(self, texts):
        """Return the clients that texts name, whatever their case.

        A reference is surer than an e-mail address, that surer than a number, and a
        name is taken last. Contacts stand for their client.

        :param texts: set of texts
        :return: {text: `res.partner`, several where it is not clear}
        """
        partners = self.env["res.partner"]
        found = dict.fromkeys(texts, partners)
        if not texts:
            return found
        query = partners._search([])
        columns = [name for names in NAMES for name in names]
        values = [
            SQL("lower(%s)", partners._field_to_sql(query.table, name, query))
            for name in columns
        ]
        query.add_where(
            SQL(
                "ARRAY[%s] && %s",
                SQL(", ").join(values),
                [text.lower() for text in texts],
            )
        )
        rows = self.env.execute_query(
            query.select(SQL.identifier(query.table, "id"), *values)
        )
        by_name = defaultdict(set)
        for partner_id, *row in rows:
            for name, value in zip(columns, row, strict=True):
                if value:
                    by_name[name, value].add(partner_id)
        for text in texts:
            for names in NAMES:
                ids = set().union(*(by_name[name, text.lower()] for name in names))
                if ids:
                    found[text] = partners.browse(sorted(ids)).commercial_partner_id
                    break
        return found

    def _get_client_problem(self, known):
        """Return why it is not clear for whom one line is, in words.

        :param known: from `_fetch_known`
        """
        partner = self.partner_id
        if not partner:
            if not self.client:
                return self.env._("Choose the client of this line.")
            clients = known.matches[self.client]
            if not clients:
                return self.env._(
                    "No client is called “%s”. Choose the contact who is meant.",
                    self.client,
                )
            return self.env._(
                "“%(text)s” may be %(clients)s. Choose the contact who is meant.",
                text=self.client,
                clients=", ".join(clients.mapped("display_name")[:5]),
            )
        if partner not in known.readable:
            return self.env._("You may not see the contact of this line. Remove it.")
        # Sudo: a branch's user need not read the root company.
        company = partner.sudo().company_id.root_id
        if company and company != self.company_id:
            return self.env._(
                "%(client)s belongs to %(company)s. Choose a contact of %(own)s.",
                client=partner.display_name,
                company=company.display_name,
                own=self.sudo().company_id.display_name,
            )
        client_sudo = partner.commercial_partner_id.sudo()
        if not client_sudo.with_company(self.company_id).property_account_receivable_id:
            return self.env._(
                "%s has no receivable account. Choose one on the contact.",
                partner.display_name,
            )
        return ""

    # === What is wrong ===

    def _get_problems(self):
        """Override of `client.batch.line.mixin`."""
        if not self:
            return {}
        self.batch_id.ensure_one()
        # Nothing can be booked without them: raises in words.
        self.sudo().company_id._get_client_adjustment_settings(self.batch_id.kind)
        known = self._fetch_known()
        problems = {}
        for line in self.sorted("id"):
            if problem := line._get_problem(known):
                problems[line] = problem
        return problems

    def _get_problem(self, known):
        """Return what is wrong with one line, in words; an empty text if nothing is.

        :param known: from `_fetch_known`
        """
        if problem := self._get_client_problem(known):
            return problem
        name = self.partner_id.commercial_partner_id.display_name
        values = self._get_values()
        problem = (
            get_amount_problem(self.env, name, self.amount, self.currency_id)
            or get_reason_problem(self.env, name, values.reason)
            or get_date_problem(self.env, name, values.date)
            or get_date_problem(self.env, name, values.date_due)
            or get_date_problem(self.env, name, values.date_expiry)
            or self.env["client.account"]._get_order_problem(
                name, values.date, values.date_due, values.date_expiry
            )
        )
        return (
            problem
            or self._get_twin_problem(known)
            or self._get_policy_problem(known, values)
        )

    def _get_values(self):
        """Return reason and dates that count for one line."""
        batch = self.batch_id
        charged = batch.kind == "charge"
        return SimpleNamespace(
            reason=self.reason or batch.reason,
            date=self.date or batch.date,
            date_due=(self.date_due or batch.date_due) if charged else False,
            date_expiry=False if charged else batch.date_expiry,
        )

    def _get_twin_problem(self, known):
        """Return that one line is there twice, in words, unless that is meant."""
        twin = known.twins.get(self.id)
        if not twin or self.is_meant:
            return ""
        return self.env._(
            "The same line is there already: %(amount)s for %(client)s. Remove one, or "
            "tick “Book Although Alike” to book both.",
            amount=self.currency_id.format(self.amount),
            client=self.partner_id.commercial_partner_id.display_name,
        )

    def _get_policy_problem(self, known, values):
        """Return which policy does not allow one line, in words.

        What lines before it take of a client is gone for it.
        """
        client = self.partner_id.commercial_partner_id
        account = known.accounts.get(client) or self.env["client.account"].new(
            {"partner_id": client.id, "company_id": self.company_id.id}
        )
        if self.kind == "credit":
            return account._get_credit_approval_problem(self.amount)
        terms = known.terms[client]
        compare = self.currency_id.compare_amounts
        if terms.pay_later == "disabled":
            later = values.date_due and values.date_due > (values.date or known.today)
            if later or compare(self.amount, terms.credit) > 0:
                return self.env._(
                    "%(client)s pays up front, and %(amount)s is not covered by credit "
                    "at once. Issue a credit first, or remove the line.",
                    client=client.display_name,
                    amount=self.currency_id.format(self.amount),
                )
        elif terms.negative_balance == "prevented" and (
            compare(self.amount, terms.available) > 0
        ):
            return account._get_available_message(
                self.amount, terms.available - terms.limit, terms.limit
            )
        terms.available -= self.amount
        terms.credit -= self.amount
        return ""

    # === What is known of all of them ===

    def _fetch_known(self):
        """Return what checking these lines needs to know, in few queries.

        :return: namespace of matches, readable, accounts, terms, twins and today
        """
        open_texts = {
            line.client for line in self if line.client and not line.partner_id
        }
        readable = self.partner_id._filtered_access("read")
        clients = readable.commercial_partner_id
        company = self.company_id
        # Sudo: the policies bind whoever charges, whatever they may see.
        accounts = self.env["client.account"].sudo()._find_accounts(clients, company)
        charging = self.batch_id.kind == "charge"
        return SimpleNamespace(
            today=fields.Date.context_today(self),
            matches=self._match_clients(open_texts),
            readable=readable,
            accounts={
                account.partner_id: account.sudo(self.env.su) for account in accounts
            },
            terms=self._fetch_terms(accounts, clients) if charging else {},
            twins=self._fetch_twins(),
        )

    def _fetch_terms(self, accounts, clients):
        """Return under which terms clients are charged.

        :param accounts: `client.account` under sudo, those there are
        :return: {client: namespace of negative_balance, pay_later, limit, available and
            credit}, amounts in company currency
        """
        company_sudo = self.sudo().company_id
        names = ("negative_balance", "pay_later")
        terms = {
            client: SimpleNamespace(
                **{name: company_sudo[f"client_{name}"] for name in names},
                limit=0.0,
                available=0.0,
                credit=0.0,
            )
            for client in clients
        }
        for account in accounts:
            values = terms[account.partner_id]
            vars(values).update(
                negative_balance=account._get_policy("negative_balance"),
                pay_later=account._get_policy("pay_later"),
                limit=account.limit_in_force,
                available=account.available,
                credit=account.credit_available,
            )
        return terms

    def _fetch_twins(self):
        """Return which of these lines are there twice in their document, with the
        reason and the dates that count for them.

        :return: {id: id of the line that is like it and comes before it}
        """
        self.flush_model()
        self.batch_id.flush_model(["reason", "date", "date_due"])
        # Clients that were made just now are not all written yet.
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id, first
                  FROM (
                    SELECT line.id,
                           min(line.id) OVER (
                               PARTITION BY client.commercial_partner_id, line.amount,
                                            COALESCE(NULLIF(line.reason, ''),
                                                     batch.reason, ''),
                                            COALESCE(line.date, batch.date, %s),
                                            COALESCE(line.date_due, batch.date_due)
                           ) AS first
                      FROM client_credit_batch_line line
                      JOIN client_credit_batch batch ON batch.id = line.batch_id
                      JOIN res_partner client ON client.id = line.partner_id
                     WHERE line.batch_id = %s
                  ) lines
                 WHERE id <> first AND id = ANY(%s)
                """,
                fields.Date.context_today(self),
                self.batch_id.id,
                self.ids,
            )
        )
        return dict(rows)
