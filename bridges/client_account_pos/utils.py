"""What several models of the glue to tills share."""

from odoo.exceptions import AccessError


def check_not_by_hand(records, vals, names):
    """Make sure that nobody writes by hand what booking says: it decides what is on
    account. Odoo itself books without regard to the user's rights.

    `client.protected.mixin` refuses a field by its name. A till sends every field of an
    order with it, so here what is sent as it stands passes.

    :param records: that are written; a list with no record where one is made
    :param dict vals: that are written
    :param names: of the fields that only booking sets
    :raise AccessError: otherwise
    """
    for record in records:
        # Sudo: what is there is read to decide, not shown.
        record_sudo = record.sudo()
        for name in () if record.env.su else names & vals.keys():
            field = record._fields[name]
            there = field.convert_to_write(record_sudo[name], record_sudo)
            if (vals[name] or False) != (there or False):
                raise AccessError(
                    record.env._(
                        "“%(field)s” of %(record)s is set when it is booked, and not "
                        "by hand. Leave it out.",
                        field=field._description_string(record.env),
                        record=record_sudo.display_name
                        or record.env["ir.model"]._get(record._name).name,
                    )
                )
