from odoo import api, fields, models
from odoo.exceptions import UserError

# Odoo's own limit. Writing either changes it in the current company.
NATIVE_FIELDS = frozenset(("credit_limit", "use_partner_credit_limit"))
# In the context it says that contacts are merged; being an object, no RPC caller can
# send it.
_MERGING = object()


class ResPartner(models.Model):
    """Odoo's own credit limit of a client, which the account's replaces once somebody
    decided about it."""

    _inherit = "res.partner"

    client_limit_decided = fields.Boolean(
        compute="_compute_client_limit_decided",
        groups="account.group_account_invoice,account.group_account_readonly",
        copy=False,
        help="The credit limit of this client is decided by account requests.",
    )

    @api.depends_context("company")
    @api.depends("commercial_partner_id.client_account_ids.state")
    def _compute_client_limit_decided(self):
        # Sudo: who sees Odoo's own limit need not see accounts.
        accounts_sudo = self.env["client.account"].sudo()
        accounts_sudo = accounts_sudo._find_accounts(self, self.env.company)
        decided = accounts_sudo.filtered(lambda item: item._is_limit_decided())
        for partner in self:
            client = partner.commercial_partner_id._origin
            partner.client_limit_decided = client in decided.partner_id

    def write(self, vals):
        """Override of the ORM to leave decided limits to account requests."""
        if not NATIVE_FIELDS.isdisjoint(vals):
            if self.env.context.get("client_contacts_merge") is _MERGING:
                vals = self._without_decided_limit(vals)
            else:
                self._check_native_limit(vals)
        return super().write(vals)

    def _with_contacts_merge(self):
        """Return the contacts in a context in which merging writes what it takes over
        from others."""
        return self.with_context(client_contacts_merge=_MERGING)

    def _without_decided_limit(self, vals):
        """Return what merging writes without Odoo's own limit, which counts no more."""
        if not self.sudo().filtered("client_limit_decided"):
            return vals
        return {name: vals[name] for name in vals.keys() - NATIVE_FIELDS}

    def _check_native_limit(self, vals):
        """Keep Odoo's own limit of clients about whose account somebody decided.

        :raise UserError: when one would change
        """
        # Sudo: who writes contacts need not see Odoo's own limit, nor accounts.
        partners_sudo = self.sudo()
        if clients := partners_sudo.filtered(
            lambda partner: (
                partner.client_limit_decided
                and any(
                    partner[name] != vals[name] for name in NATIVE_FIELDS & vals.keys()
                )
            )
        ):
            raise UserError(
                self.env._(
                    "The credit limit of %(clients)s is decided by account requests. "
                    "Request an update of the account instead of writing the limit on "
                    "the contact.",
                    clients=", ".join(clients.mapped("display_name")[:5]),
                )
            )
