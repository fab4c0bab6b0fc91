"""Pure checks of what comes in from outside: amounts, reasons and dates."""

from decimal import Decimal
from math import isfinite

from odoo import fields
from odoo.exceptions import UserError

# Amounts at or above this are typing mistakes, and floats stop being exact to the cent
# not far above it.
MAX_AMOUNT = 1e12


def is_real_number(value):
    """Tell whether `value` is a finite number, not what only converts to one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return isfinite(value) if not isinstance(value, int) else True


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
    if not currency or not currency.active:
        raise UserError(
            env._(
                "The currency %(currency)s for %(client)s is not active. "
                "Activate it in the accounting settings or choose another one.",
                currency=currency.name or "?",
                client=client_name,
            )
        )
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
    if amount <= 0:
        raise UserError(
            env._(
                "The amount for %(client)s must be above zero. "
                "To take money away, charge the client; to give some, issue a credit.",
                client=client_name,
            )
        )
    amount = float(amount)
    rounded = currency.round(amount)
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


def check_reason(env, client_name, reason):
    """Return the reason without blanks around it.

    :raise UserError: when it is no text, or blank
    """
    reason = clean_text(reason).strip() if isinstance(reason, str) else None
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

    :raise UserError: when it is no date
    """
    if not value:
        return default
    try:
        return fields.Date.to_date(value)
    except (TypeError, ValueError, AttributeError):
        raise UserError(
            env._(
                "%(value)s is not a date. Enter a date for %(client)s as "
                "year-month-day, such as 2026-01-31.",
                value=repr(value)[:40],
                client=client_name,
            )
        ) from None
