"""Mails about a payment in advance ask for what is left of it from this version on, as
its page does."""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

TEMPLATES = (
    "mail_template_credit_request",
    "mail_template_credit_request_reminder",
)


def migrate(cr, version):
    """Change the amount in each language, and nothing else that somebody has written.

    The templates are data that an update leaves alone.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    refs = (
        env.ref(f"client_account.{name}", raise_if_not_found=False)
        for name in TEMPLATES
    )
    ids = [template.id for template in refs if template]
    for column in map(SQL.identifier, ("subject", "body_html")):
        env.execute_query(
            SQL(
                "UPDATE mail_template SET %(column)s = replace(%(column)s::text,"
                " 'object.amount,', 'object.amount_left,')::jsonb"
                " WHERE id = ANY(%(ids)s) RETURNING id",
                column=column,
                ids=ids,
            )
        )
    env["mail.template"].invalidate_model()
