import json
import logging
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..const import MAX_AMOUNT, MOST_LOCKS, OFFICER
from ..utils import in_plain_context

_logger = logging.getLogger(__name__)


class ClientAccount(models.Model):
    _name = "client.account"
    _description = "Client Account"
    # First comes what takes the approval out of the context before others write.
    _inherit = [
        "client.touched.mixin",
        # A document of the account is shown beside its page.
        "mail.thread.main.attachment",
        "mail.activity.mixin",
    ]
    _order = "partner_id, id"
    _rec_name = "partner_id"
    _rec_names_search = ["partner_id"]

    # === Identity ===
    partner_id = fields.Many2one(
        "res.partner",
        string="Client",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
        copy=False,
        written_by="creator",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
        copy=False,
        help="The root company; its branches share the account.",
        written_by="creator",
    )
    # Stored so that lists can sum the figures by currency.
    currency_id = fields.Many2one(
        related="company_id.currency_id", store=True, written_by="workflow"
    )
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")

    # === Decisions ===
    state = fields.Selection(
        [
            ("not_granted", "No Limit Granted"),
            ("granted", "Granted"),
            ("suspended", "Suspended"),
            ("closed", "Closed"),
        ],
        default="not_granted",
        required=True,
        readonly=True,
        tracking=True,
        copy=False,
        index=True,
        written_by="workflow",
    )
    credit_limit = fields.Monetary(
        readonly=True,
        tracking=True,
        copy=False,
        help="How far below zero the balance may go. Zero is a decision too: the "
        "client pays up front. It counts while the account is granted.",
        written_by="workflow",
    )

    _partner_company_unique = models.Constraint(
        "UNIQUE(partner_id, company_id)",
        "A client has one account per company.",
    )
    _credit_limit_range = models.Constraint(
        "CHECK(credit_limit >= 0 AND credit_limit < 1000000000000)",
        "A credit limit is zero or above, and below 1,000,000,000,000.",
    )

    # === CRUD ===

    def write(self, vals):
        """Override of the ORM to keep the figures of clients fresh."""
        result = super().write(vals)
        if not {"state", "credit_limit"}.isdisjoint(vals):
            self.env["res.partner"]._invalidate_client_figures()
        return result

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of a client account change only by approval: "
            "request an update for %(clients)s instead.",
            fields=self._get_protected_labels(names),
            clients=", ".join(self.sudo().mapped("display_name")[:5])
            or self.env._("the client"),
        )

    # === Making accounts ===

    @api.model
    def _get_or_create(self, partners, company):
        """Return the accounts of these clients in a company, made where missing.

        Safe when two transactions make the same account at once: one waits for the
        other and, when that commits, fails to serialize and is retried by Odoo.

        :param partners: `res.partner`, contacts stand for their commercial partner
        :param company: `res.company`, a branch stands for its root
        :return: `client.account`, one for each commercial partner
        """
        clients = partners.commercial_partner_id
        # Sudo: a branch's user need not read the root company.
        root = company.sudo().root_id
        if not clients or not root:
            return self.browse()
        # Sudo: making the account is part of the document that needs it.
        accounts = self.sudo()._find_accounts(clients, root)
        if missing := clients - accounts.partner_id:
            if len(missing) <= MOST_LOCKS:
                # Before the rows, as whoever posts a client's first document does.
                self._lock_keys({(client, root) for client in missing})
            self._insert_accounts(
                SQL(
                    "SELECT id, %s FROM res_partner WHERE id = ANY(%s)",
                    root.id,
                    missing.ids,
                )
            )
            accounts = self.sudo()._find_accounts(clients, root)
        return self.browse(accounts.ids)

    @api.model
    def _find_accounts(self, partners, company):
        """Return the accounts of clients in a company, those there are.

        :param partners: `res.partner`, contacts stand for their commercial partner
        :param company: `res.company`, a branch stands for its root
        """
        # Sudo: a branch's user need not read the root company.
        return self.search(
            [
                ("partner_id", "in", partners.commercial_partner_id.ids),
                ("company_id", "=", company.sudo().root_id.id),
            ]
        )

    @api.model
    def _create_missing_accounts(self):
        """Make the accounts of all clients with receivable items or a native limit.

        A native credit limit above zero becomes the account's, granted. Run at install,
        in one statement.
        """
        self.env.flush_all()
        self._insert_accounts(
            SQL(
                """
                SELECT client.partner_id, client.company_id, limits.amount > 0,
                       COALESCE(limits.amount, 0)
                  FROM (
                    SELECT contact.commercial_partner_id AS partner_id,
                           split_part(branch.parent_path, '/', 1)::integer AS company_id
                      FROM account_move_line line
                      JOIN res_partner contact ON contact.id = line.partner_id
                      JOIN res_company branch ON branch.id = line.company_id
                      JOIN account_account account ON account.id = line.account_id
                     WHERE account.account_type = 'asset_receivable'
                       AND line.parent_state = 'posted'
                     UNION
                    SELECT partner.id, company.id
                      FROM res_partner partner
                      CROSS JOIN res_company company
                     WHERE partner.commercial_partner_id = partner.id
                       AND company.parent_id IS NULL
                       AND (partner.credit_limit ->> company.id::text)::numeric > 0
                  ) client
                  JOIN res_partner partner ON partner.id = client.partner_id
                  CROSS JOIN LATERAL (
                    SELECT LEAST(
                        GREATEST(
                            COALESCE(
                                partner.credit_limit ->> client.company_id::text,
                                %(defaults)s::jsonb ->> client.company_id::text
                            )::numeric,
                            0
                        ),
                        %(most)s
                    ) AS amount
                  ) limits
                """,
                most=MAX_AMOUNT - 1,
                defaults=json.dumps(self._get_native_default_limits()),
            ),
            with_limit=True,
        )

    @api.model
    def _open_missing_accounts(self, chart_accounts=None, contacts=None):
        """Open the accounts of clients who have posted receivable items and none yet.

        :param chart_accounts: `account.account` whose items to look at, None for all
        :param contacts: `res.partner` whose items to look at, None for all
        :return: the accounts that were missing
        """
        lines = self.env["account.move.line"]._fields
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT contact.commercial_partner_id,
                       split_part(branch.parent_path, '/', 1)::integer
                  FROM (
                    SELECT DISTINCT line.partner_id, line.company_id
                      FROM account_move_line line
                     WHERE line.parent_state = 'posted'
                       AND line.account_id = ANY(%(accounts)s)
                       %(of_contacts)s
                  ) item
                  JOIN res_partner contact ON contact.id = item.partner_id
                  JOIN res_company branch ON branch.id = item.company_id
                 WHERE NOT EXISTS (
                       SELECT FROM client_account account
                        WHERE account.partner_id = contact.commercial_partner_id
                          AND account.company_id =
                              split_part(branch.parent_path, '/', 1)::integer)
                """,
                accounts=(chart_accounts or self._search_receivable_accounts()).ids,
                of_contacts=SQL()
                if contacts is None
                else SQL("AND line.partner_id = ANY(%s)", contacts.ids),
                to_flush=(
                    lines["partner_id"],
                    lines["account_id"],
                    lines["parent_state"],
                    self.env["res.partner"]._fields["commercial_partner_id"],
                ),
            )
        )
        opened = self.browse()
        companies = self.env["res.company"].sudo()
        for root_id in {root_id for _client_id, root_id in rows}:
            clients = self.env["res.partner"].browse(
                client_id for client_id, company_id in rows if company_id == root_id
            )
            opened |= self._get_or_create(clients, companies.browse(root_id))
        return opened

    def _search_contacts(self):
        """Return the clients of these accounts with all contacts below them."""
        # Sudo: whose items count is not for the reader's rights to say.
        contacts = self.env["res.partner"].sudo().with_context(active_test=False)
        return contacts.search([("commercial_partner_id", "in", self.partner_id.ids)])

    @api.model
    def _search_receivable_accounts(self):
        """Return the receivable accounts of all charts, archived ones too."""
        # Sudo: which accounts there are is no secret, and asked for any user.
        accounts = self.env["account.account"].sudo().with_context(active_test=False)
        return accounts.search([("account_type", "=", "asset_receivable")])

    @api.model
    def _cron_open_missing_accounts(self):
        """Find once a day what came about in no known way, and say so in the log."""
        if opened := self._open_missing_accounts():
            _logger.warning(
                "%s clients had receivable items and no account; theirs are opened "
                "now: %s.",
                len(opened),
                opened.ids[:100],
            )
        if marked := self.env["account.move.line"]._mark_crossing_where(SQL("TRUE")):
            _logger.warning(
                "%s items are matched to drafts or other clients and were not marked; "
                "now they are: %s.",
                len(marked),
                marked[:100],
            )

    @api.model
    def _get_native_default_limits(self):
        """Return {root company id: native limit of whoever has none of their own}.

        Odoo stores no limit on a partner where it equals the company's default.
        """
        # Sudo: run at install, for all companies.
        partners = self.env["res.partner"].sudo()
        native = partners._fields["credit_limit"]
        return {
            company.id: native.get_company_dependent_fallback(
                partners.with_company(company)
            )
            for company in self.env["res.company"].sudo().search([]).root_id
        }

    @api.model
    def _insert_accounts(self, source, with_limit=False):
        """Insert accounts for the rows of a query, leaving those there are.

        `INSERT ... ON CONFLICT` because a unique violation is not retried by Odoo while
        a serialization failure is. It names every column that has a default.

        :param SQL source: a query of partner id and company id and, with `with_limit`,
            whether the limit is granted and its amount
        """
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        self.env["res.company"].flush_model(["currency_id"])
        limit = (
            SQL(
                "CASE WHEN source.granted THEN 'granted' ELSE 'not_granted' END, "
                "source.amount"
            )
            if with_limit
            else SQL("'not_granted', 0")
        )
        columns = (
            SQL("source(partner_id, company_id, granted, amount)")
            if with_limit
            else SQL("source(partner_id, company_id)")
        )
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO client_account (
                    partner_id, company_id, currency_id, state, credit_limit,
                    lock_version, create_uid, create_date, write_uid, write_date )
                    SELECT source.partner_id, source.company_id, company.currency_id,
                    %(limit)s, 0, %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT
                    TIME ZONE 'UTC' FROM (%(source)s) AS %(columns)s JOIN res_company
                    company ON company.id = source.company_id ON CONFLICT (partner_id,
                    company_id) DO NOTHING
                """,
                limit=limit,
                uid=self.env.uid,
                source=source,
                columns=columns,
            )
        )
        self.env["res.partner"]._invalidate_client_accounts()

    # === Rights ===

    def _check_officer(self):
        """Make sure the user may act on these accounts' money.

        :raise AccessError: when not an officer, or an account is out of reach
        """
        if self.env.su:
            return
        if not self.env.user.has_group(OFFICER):
            raise AccessError(
                self.env._(
                    "Only officers of client accounts may give credits, charge, "
                    "allocate or suspend. Ask an administrator for the right “Client "
                    "Accounts: Officer”."
                )
            )
        self.check_access("write")

    def _check_one(self):
        """Make sure this is one account.

        :raise UserError: otherwise
        """
        if len(self) != 1:
            raise UserError(
                self.env._(
                    "Select one client only; these are selected: %s.",
                    ", ".join(self.mapped("display_name")[:5]) or self.env._("none"),
                )
            )

    # === Credits and charges ===

    def _get_receivable_account(self):
        """Return the receivable account of one client.

        :raise UserError: when neither the client nor the company has one
        """
        self.ensure_one()
        company = self.sudo().company_id
        account = (
            self.partner_id.sudo().with_company(company).property_account_receivable_id
        )
        if not account:
            raise UserError(
                self.env._(
                    "%(client)s has no receivable account in %(company)s. "
                    "Choose one on the contact, or load a chart of accounts.",
                    client=self.display_name,
                    company=company.display_name,
                )
            )
        return account

    # === Applying credit ===

    def apply_credits(self):
        """Apply open credits to open debts, oldest first.

        Credits of any source are used, as this is an explicit order. Invoices that are
        blocked, wait for a payment transaction or hold a product not payable with
        account credit are passed over, and so are credits dated ahead.

        :return: the amount applied, company currency
        :rtype: float
        """
        self._check_officer()
        return self._apply_credits()

    def _apply_credits(self, full_only=False):
        """Apply all open credits of these accounts, see `apply_credits`.

        :param bool full_only: only to debts the credits cover whole
        """
        applied = 0.0
        for account in self:
            open_lines = account._search_open_items()
            applied += open_lines._filter_open_credits()._apply_to(
                open_lines._filter_open_debts(), full_only=full_only
            )
        return applied

    def _plan_credits(self):
        """Plan what `apply_credits` would apply for one account.

        :return: list of (credit item, debit item, amount in the debit item's currency)
        """
        self.ensure_one()
        open_lines = self._search_open_items()
        return open_lines._filter_open_credits()._plan_application(
            open_lines._filter_open_debts()
        )

    def _search_open_items(self):
        """Return the open items of these accounts, in a plain context to book with."""
        # Sudo: allocating is the officer's right, journal items need not be.
        lines = in_plain_context(self.env["account.move.line"].sudo())
        return lines.search(self._get_open_items_domain())

    @api.model
    def _build_items_domain(self, clients, roots):
        """Return the domain of all posted receivable items of clients in root
        companies, for searching.

        Of the ORM's own terms the planner makes sub-queries, and reads the whole ledger
        for them where few clients hold most of it.
        """
        return Domain.custom(
            to_sql=lambda model, alias, query: self._get_client_items_sql(
                SQL.identifier(alias), clients.ids, roots.ids
            )
        )

    def _get_items_domain(self):
        """Return the domain of all posted receivable items of these accounts."""
        return Domain.OR(
            self._build_items_domain(accounts.partner_id, root)
            for root, accounts in self.sudo().grouped("company_id").items()
        )

    def _get_open_items_domain(self):
        """Return the domain of the open receivable items of these accounts."""
        lines = self.env["account.move.line"]
        return self._get_items_domain() & lines._get_open_item_domain()

    # === Actions ===

    def action_receive_payment(self):
        """Open the wizard that receives money from one client."""
        return self._open_payment_wizard("inbound", self.env._("Receive a Payment"))

    def action_pay_back(self):
        """Open the wizard that pays credit back to one client."""
        return self._open_payment_wizard("outbound", self.env._("Pay Credit Back"))

    def _open_payment_wizard(self, payment_type, title):
        self._check_officer()
        self._check_one()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "client.account.payment",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_account_id": self.id,
                "default_payment_type": payment_type,
                # The window starts from what is owed; whoever makes one by code says
                # what it receives.
                "client_from_owed": payment_type == "inbound",
            },
        }

    def action_new_invoice(self):
        """Open a new invoice of one client."""
        self._check_one()
        self.env["account.move"].check_access("create")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Invoice"),
            "res_model": "account.move",
            "views": [[False, "form"]],
            "context": {
                "default_move_type": "out_invoice",
                "default_partner_id": self.partner_id.id,
            },
        }

    def action_create_batch(self):
        """Make bulk credits for these clients, and open them.

        :return: a window action
        :raise UserError: when there is none, or they are of several companies
        """
        self._check_officer()
        if len(self.company_id) > 1:
            raise UserError(
                self.env._(
                    "%s have accounts in several companies. Choose clients of one "
                    "company at a time.",
                    ", ".join(self.mapped("display_name")[:5]),
                )
            )
        company = self.company_id or self.env.company
        return self.env["client.credit.batch"]._open_for(self.partner_id, company)

    def action_bulk_allocate(self):
        """Make a preview of how the credits of these clients are allocated.

        :return: a window action
        """
        self._check_officer()
        return self.env["client.credit.allocation.batch"]._open_for(self)

    def action_open_application(self):
        """Open the window that shows how credits of one account would be applied."""
        self._check_officer()
        self._check_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Apply Credits"),
            "res_model": "client.credit.application",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_account_id": self.id},
        }

    def action_apply_credits(self):
        """Apply open credits to open debts and say how much was applied."""
        applied = defaultdict(float)
        for account in self:
            applied[account.currency_id] += account.apply_credits()
        amounts = ", ".join(
            currency.format(currency.round(amount))
            for currency, amount in applied.items()
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if any(applied.values()) else "warning",
                "message": self.env._("%(amount)s of credit applied.", amount=amounts)
                if any(applied.values())
                else self.env._("There is no open credit that fits an open invoice."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_view_items(self):
        """Open all posted receivable items of these accounts."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "client_account.client_account_items_action"
        )
        action["domain"] = list(self._get_posted_items_domain())
        return action

    def _get_posted_items_domain(self):
        """Return the domain of all posted receivable items of these accounts, in terms
        of ids, for the web client to take along."""
        return (
            Domain("account_id", "in", self._search_receivable_accounts().ids)
            & Domain("parent_state", "=", "posted")
            & Domain.OR(
                Domain("partner_id", "in", accounts._search_contacts().ids)
                & Domain("company_id", "child_of", root.id)
                for root, accounts in self.sudo().grouped("company_id").items()
            )
        )

    def action_view_credits(self):
        """Open all credits of these accounts, those that are used up too."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "client_account.client_credit_action"
        )
        action["domain"] = list(
            self._get_posted_items_domain() & Domain("balance", "<", 0)
        )
        action["context"] = {}
        return action

    def action_view_open_items(self):
        """Open the open receivable items of these accounts."""
        action = self.action_view_items()
        action["context"] = {"search_default_open": 1}
        return action

    def action_view_partner(self):
        """Open the client of one account."""
        self._check_one()
        return self.partner_id._get_records_action()
