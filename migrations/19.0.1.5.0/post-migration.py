"""Mails to clients say what is owed and what to do, and requests may be for a credit,
from this version on."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Read the templates again that nobody has changed since they were installed.

    They are data that an update leaves alone.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    names = env["ir.model.data"].search(
        [("module", "=", "client_account"), ("model", "=", "mail.template")]
    )
    templates = env["mail.template"].browse(names.mapped("res_id")).exists()
    templates.filtered(
        lambda template: template.write_date == template.create_date
    ).reset_template()
