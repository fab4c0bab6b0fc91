"""Fields on models of others bear the prefix `client_` from this version on, and
reasons have at most 2,000 characters."""

from odoo.tools.sql import column_exists

RENAMED = {
    "res_company": (
        "negative_balance",
        "pay_later",
        "credit_application",
        "top_up_policy",
        "balance_visibility",
        "low_balance_client",
        "low_balance_client_threshold",
        "low_balance_manager",
        "low_balance_manager_threshold",
    ),
    "product_template": ("not_payable_with_credit",),
}

REASONS = {
    "account_move": ("client_adjustment_reason", "client_anyway_reason"),
    "client_account": ("state_reason",),
    "client_account_request": ("reason", "rejection_reason"),
}


def migrate(cr, version):
    """Rename the columns, and the fields with what names them, before they are loaded.

    Renamed again, after an update that was cut short, nothing is lost.
    """
    for table, names in RENAMED.items():
        for name in names:
            if column_exists(cr, table, name):
                _rename(cr, table, name)
    for table, names in REASONS.items():
        for name in names:
            if column_exists(cr, table, name):
                cr.execute(
                    f'UPDATE "{table}" SET "{name}" = left("{name}", 1999) || \'…\''
                    f' WHERE char_length("{name}") > 2000'
                )


def _rename(cr, table, name):
    new = f"client_{name}"
    if column_exists(cr, table, new):
        return
    cr.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{name}" TO "{new}"')
    model = table.replace("_", ".")
    cr.execute(
        "UPDATE ir_model_fields SET name = %s WHERE model = %s AND name = %s",
        (new, model, name),
    )
    cr.execute(
        "UPDATE ir_model_data SET name = %s WHERE module = 'client_account'"
        " AND model = 'ir.model.fields' AND name = %s",
        (f"field_{table}__{new}", f"field_{table}__{name}"),
    )
