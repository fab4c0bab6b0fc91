"""Pure checks of what comes in from outside: amounts, reasons and dates."""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from math import isfinite

from dateutil.relativedelta import relativedelta

from odoo.exceptions import UserError

from .const import MAX_AMOUNT

# What a caller's context may tell the code that books under sudo. Odoo's engine takes
# rates and leaves out entries by context keys, which anybody can send.
PLAIN_CONTEXT_KEYS = (
    "lang",
    "tz",
    "allowed_company_ids",
    "mail_create_nolog",
    "mail_create_nosubscribe",
    "mail_notrack",
    "tracking_disable",
)

EARLIEST_DATE = date(1970, 1, 1)
MOST_YEARS_AHEAD = 10


def in_plain_context(records):
    """Return the records without what a caller's context could bend the books with."""
    context = records.env.context
    return records.with_context(  # pylint: disable=context-overridden
        {key: context[key] for key in PLAIN_CONTEXT_KEYS if key in context}
    )


def is_real_number(value):
    """Tell whether `value` is a finite number, not what only converts to one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return isfinite(value) if not isinstance(value, int) else True


def check_currency(env, client_name, currency):
    """Make sure a currency may be booked in.

    :raise UserError: when it is missing or inactive
    """
    if not currency or not currency.active:
        raise UserError(
            env._(
                "The currency %(currency)s for %(client)s is not active. "
                "Activate it in the accounting settings or choose another one.",
                currency=currency.name or "?",
                client=client_name,
            )
        )


def check_number(env, client_name, amount):
    """Make sure an amount is a number that can be booked at all.

    :raise UserError: when it is no finite number below 1e12
    """
    if not is_real_number(amount):
        raise UserError(
            env._(
                "The amount for %(client)s is not a number. "
                "Enter an amount above zero, such as 25.00.",
                client=client_name,
            )
        )
    if amount >= MAX_AMOUNT:
        raise UserError(
            env._(
                "The amount for %(client)s is too large. "
                "Enter an amount below 1,000,000,000,000.",
                client=client_name,
            )
        )


def check_amount(env, client_name, amount, currency):
    """Return `amount` as the exact amount of `currency` it stands for.

    A drift far below the currency's smallest unit, as adding floats leaves behind, is
    taken off; an amount that is really finer than the currency is refused.

    :param str client_name: the client the message names
    :param amount: what a caller sent; anything
    :param currency: `res.currency` the amount is in
    :return: the amount, rounded to the currency
    :rtype: float
    :raise UserError: when it is no finite number above zero and below 1e12, is finer
        than the currency, or the currency is missing or inactive
    """
    check_currency(env, client_name, currency)
    check_number(env, client_name, amount)
    amount = float(max(amount, 0))
    rounded = currency.round(amount)
    if rounded == 0 and amount < currency.rounding * 1e-6:
        raise UserError(
            env._(
                "The amount for %(client)s must be above zero. "
                "To take money away, charge the client; to give some, issue a credit.",
                client=client_name,
            )
        )
    if abs(rounded - amount) > max(currency.rounding * 1e-6, amount * 1e-15):
        raise UserError(
            env._(
                "The amount %(amount)s for %(client)s is finer than %(currency)s "
                "allows. Round it to %(rounding)s.",
                amount=amount,
                client=client_name,
                currency=currency.name,
                rounding=currency.rounding,
            )
        )
    return rounded


def clean_text(value):
    """Return a text without what PostgreSQL cannot store.

    That is the null character, and half of a surrogate pair: a text that was cut in the
    middle of an emoji ends with one.
    """
    return value.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def clean_reason(reason):
    """Return a reason without blanks around it; an empty text where nothing is to read.

    Blanks, controls and what has no width are nothing to read.
    """
    reason = clean_text(reason).strip() if isinstance(reason, str) else ""
    readable = any(unicodedata.category(char)[0] not in "CZ" for char in reason)
    return reason if readable else ""


def check_reason(env, client_name, reason):
    """Return the reason of an adjustment without blanks around it.

    :raise UserError: when it is no text, or blank
    """
    reason = clean_reason(reason)
    if not reason:
        raise UserError(
            env._(
                "Give a reason for %(client)s: it is shown in the client's history.",
                client=client_name,
            )
        )
    return reason


def check_date(env, client_name, value, default=None):
    """Return `value` as a date, `default` when it is empty.

    :param value: a date, or a text as 2026-01-31
    :raise UserError: when it is no date, or one that no books have
    """
    if not value:
        return default
    day = to_date(value)
    latest = date.today() + relativedelta(years=MOST_YEARS_AHEAD)
    if day is None or not EARLIEST_DATE <= day <= latest:
        raise UserError(
            env._(
                "%(value)s is no date for the books. Enter a date for %(client)s as "
                "year-month-day, such as 2026-01-31, up to %(latest)s.",
                value=value if isinstance(value, date) else repr(value)[:40],
                client=client_name,
                latest=latest,
            )
        )
    return day


def to_date(value):
    """Return a date, or a text as 2026-01-31, as a date; None for anything else."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None
