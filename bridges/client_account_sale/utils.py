"""What the models of this addon share."""


def follow_again(records, names, following):
    """Compute anew what a caller has written that follows from the rest.

    Odoo takes such fields from any caller, and what an order has committed is read from
    them. The superuser's code writes what it knows.

    :param records: that were written
    :param names: of the fields that were written
    :param following: names of those that follow from others
    """
    if records.env.su:
        return
    for name in following:
        if name in names:
            records.env.add_to_compute(records._fields[name], records)
