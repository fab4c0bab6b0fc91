"""Notices to clients go to the contact for invoices from this version on, and what the
ledger of clients is above their open items is looked for among marked items only."""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

OLD_RECIPIENT = "{{ object.partner_id.id }}"
NEW_RECIPIENT = "{{ object.recipient_ids[:1].id }}"


def migrate(cr, version):
    """Change the recipient where nobody else has, and mark the items."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env["account.move.line"]._mark_crossing_where(SQL("TRUE"))
    template = env.ref(
        "client_account.mail_template_low_balance_client", raise_if_not_found=False
    )
    if template and template.partner_to == OLD_RECIPIENT:
        template.partner_to = NEW_RECIPIENT
