"""Notices to clients go to the contact for invoices from this version on."""

from odoo import SUPERUSER_ID, api

OLD_RECIPIENT = "{{ object.partner_id.id }}"
NEW_RECIPIENT = "{{ object.recipient_ids[:1].id }}"


def migrate(cr, version):
    """Change the recipient in the template where nobody else has."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    template = env.ref(
        "client_account.mail_template_low_balance_client", raise_if_not_found=False
    )
    if template and template.partner_to == OLD_RECIPIENT:
        template.partner_to = NEW_RECIPIENT
