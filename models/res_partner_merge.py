from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import SQL

from ..const import MOST_LOCKS, MOVING_FIELDS
from ..exceptions import get_meeting_message

# In the context it says that a contact gets a company of its own; being an object, no
# RPC caller can send it.
_OWN_COMPANY = object()


class ResPartner(models.Model):
    """Contacts that are merged or put under another client: who may, and what stays."""

    _inherit = "res.partner"

    def write(self, vals):
        """Override of the ORM to keep clients and their accounts together.

        Giving a client a parent moves its posted items, so only an approver does it.
        """
        if MOVING_FIELDS.isdisjoint(vals):
            return super().write(vals)
        # First of all: a refusal names clients.
        self.check_access("write")
        moving = self._filter_moving_clients(vals)
        accounts = moving._check_client_may_move()
        with moving._moving_to_clients(), moving._meeting_bookings():
            result = super().write(vals)
        self.env["client.account"]._invalidate_figures()
        accounts._leave_to_new_clients(
            hand_on=self.env.context.get("client_own_company") is _OWN_COMPANY
        )
        if moving:
            # Items that stand on a contact count for its new client from now on.
            contacts = moving._get_contacts_below()
            accounts._open_missing_accounts(contacts=contacts)
            contacts._mark_crossing_items()
        return result

    @contextmanager
    def _moving_to_clients(self):
        """Put these contacts, which change their client within, under a watch.

        Items that stand on them are for approvers to move, and checked before. Hook: a
        glue addon has judged what else comes to count for the other client, as what
        contacts below these have ordered.
        """
        yield

    @contextmanager
    def _meeting_bookings(self):
        """Put these contacts, which change their client within, where nobody else is
        booking for them: nobody would have looked at what was booked meanwhile.

        The rows are written before the locks are taken, as whoever posts a client's
        first document does, and whoever approves payment terms.

        :raise ConcurrencyError: when something was booked, which Odoo tries again
        """
        if not self:
            yield
            return
        accounts = self.env["client.account"]
        below = self._get_contacts_below()
        watch = accounts._get_watch()
        watch.moved.update(below.ids)
        # Odoo takes the items along.
        booked = self._get_booked_sql(below)
        watch.booked.update(self.env.execute_query(booked))
        # Sudo: clients may be out of the user's reach, and others book anywhere.
        contacts = self.sudo()
        roots = contacts.env["res.company"].search([("parent_id", "=", False)])
        former = contacts.commercial_partner_id
        yield
        self.env.flush_all()
        clients = former | contacts.commercial_partner_id
        if len(clients) * len(roots) <= MOST_LOCKS:
            accounts._lock_keys(
                {(client, root) for client in clients for root in roots}
            )
        else:
            accounts._lock_companies(roots)
        # What this transaction itself has settled or left stands for others as it was.
        known = watch.booked.union(("item", item_id) for item_id in watch.origin)
        if set(accounts._fetch_fresh_rows(booked)).difference(known):
            raise ConcurrencyError(get_meeting_message(self.env))

    def _get_booked_sql(self, below):
        """Return the query of what is booked for these contacts: which accounts there
        are, and which open items.

        :param below: the same with those below them
        """
        return SQL(
            """
            SELECT 'account', id FROM client_account WHERE partner_id = ANY(%(ids)s)
             UNION ALL
            SELECT 'item', line.id
              FROM account_move_line line
             WHERE line.partner_id = ANY(%(below)s) AND %(is_open)s
            """,
            ids=self.ids,
            below=below.ids,
            is_open=self.env["client.account"]._get_open_item_sql(),
        )

    def _mark_crossing_items(self):
        """Mark the items of these contacts that are matched with another client's."""
        self.env["account.move.line"]._mark_crossing_where(
            SQL(
                "debit.partner_id = ANY(%(ids)s) OR credit.partner_id = ANY(%(ids)s)",
                ids=self.ids,
            )
        )

    def _get_contacts_below(self):
        """Return these contacts with all below them, archived ones too."""
        # Sudo: some may be out of the user's reach.
        contacts = self.sudo().with_context(active_test=False)
        return contacts.search([("id", "child_of", self.ids)])

    def create_company(self):
        """Override of `base` to keep what was decided about a contact that gets a
        company of its own: it is the same client."""
        own = self.with_context(client_own_company=_OWN_COMPANY)
        return super(ResPartner, own).create_company()

    def _filter_moving_clients(self, vals):
        """Return those of these contacts that `vals` put under another client."""
        # Sudo: the client may be out of the user's reach.
        contacts = self.sudo()
        parent = contacts.browse(vals.get("parent_id"))
        moving = contacts.browse()
        for contact in contacts:
            if "commercial_partner_id" in vals:
                client = contacts.browse(vals["commercial_partner_id"])
            elif vals.get("is_company", contact.is_company):
                client = contact
            else:
                above = parent if "parent_id" in vals else contact.parent_id
                client = above.commercial_partner_id or contact
            if client != contact.commercial_partner_id:
                moving |= contact
        return self.filtered(lambda contact: contact.id in moving._ids)

    def _check_client_may_move(self):
        """Make sure the user may take these contacts, and what they owe, elsewhere.

        A balance, a limit or an open request would move with them, or be lost.

        :return: the `client.account` in use that are left behind, under sudo
        :raise UserError: when there is such a thing in a company where the user is no
            approver
        """
        # Sudo: whoever manages contacts need not see accounts, nor journal items.
        accounts = self.sudo().client_account_ids
        owing = self._filter_owing_contacts()
        in_use = accounts.filtered(lambda account: account._is_in_use())
        # Whether something stands on an account is for those who may decide: all
        # others get the same answer for each client.
        clients = accounts.partner_id | owing
        companies = accounts.company_id | owing._get_owing_companies()
        if clients and not self._may_decide_in(companies):
            raise UserError(
                self.env._(
                    "%(clients)s cannot be merged or moved under another contact: a "
                    "balance, a credit limit or an open request would move too, if "
                    "there is one. Ask an approver of client accounts to do it.",
                    clients=", ".join(clients.sudo().mapped("display_name")[:5]),
                )
            )
        return in_use

    @api.model
    def _may_decide_in(self, companies):
        """Tell whether the user is an approver of each of these root companies."""
        user = self.env.user
        return user._is_superuser() or all(
            user in company._get_client_approvers() for company in companies
        )

    def _filter_owing_contacts(self):
        """Return those of these contacts on whom, or below whom, items are open."""
        if not self:
            return self
        # Sudo: whoever manages contacts need not see journal items.
        lines = self.env["account.move.line"].sudo()
        return self.filtered(
            lambda contact: lines.search_count(contact._get_owing_domain(), limit=1)
        )

    def _get_owing_companies(self):
        """Return the root companies where items are open on, or below, contacts."""
        if not self:
            return self.env["res.company"]
        # Sudo: whoever manages contacts need not see journal items.
        lines = self.env["account.move.line"].sudo()
        groups = lines._read_group(self._get_owing_domain(), ["company_id"])
        return (
            self.env["res.company"].union(*(company for (company,) in groups)).root_id
        )

    def _get_owing_domain(self):
        """Return the domain of the items that are open on, or below, contacts."""
        return [
            ("partner_id", "child_of", self.ids),
            ("account_id.account_type", "=", "asset_receivable"),
            ("parent_state", "=", "posted"),
            *self.env["account.move.line"]._get_open_item_domain(),
        ]
