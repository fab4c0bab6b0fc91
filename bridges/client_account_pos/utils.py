"""What several models of the glue to tills share."""

from odoo.exceptions import AccessError


def check_not_by_hand(records, vals, names):
    """Make sure that nobody writes by hand what booking says: it decides what is on
    account. Odoo itself books without regard to the user's rights.

    :param records: that are written, or none where one is made
    :param dict vals: that are written
    :param names: of the fields that only booking sets
    :raise AccessError: otherwise
    """
    if records.env.su:
        return
    # Sudo: what is there is read to decide, not shown.
    for record in records.sudo() or [records.sudo()]:
        for name in names & vals.keys():
            field = record._fields[name]
            there = field.convert_to_write(record[name], record)
            if (vals[name] or False) != (there or False):
                raise AccessError(
                    records.env._(
                        "“%(field)s” of %(record)s is set when it is booked, and not "
                        "by hand. Leave it out.",
                        field=field._description_string(records.env),
                        record=record.display_name
                        or records.env["ir.model"]._get(record._name).name,
                    )
                )
