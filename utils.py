"""Pure helpers: checks of what comes in from outside (amounts, limits, reasons, dates),
and what something is worth for a balance.

Each `get_..._problem` answers the sentence that says what is wrong, for previews; each
`check_...` raises it.
"""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tools import formatLang
from odoo.tools.misc import get_lang

from .const import MAX_AMOUNT, MAX_REASON, MOST_RECORDS

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

# What is read as an amount: digits, and after a point or comma those behind it.
AMOUNT = re.compile(r"[0-9]{1,12}(?:[.,]([0-9]+))?")

EARLIEST_DATE = date(1970, 1, 1)
MOST_YEARS_AHEAD = 10


def in_plain_context(records):
    """Return the records without what a caller's context could bend the books with."""
    context = records.env.context
    return records.with_context(  # pylint: disable=context-overridden
        {key: context[key] for key in PLAIN_CONTEXT_KEYS if key in context}
    )


def come_again(env, job):
    """Have a job come again in a minute for what it could not do, as others were at it;
    not at once: what it has met may last a while.

    :param str job: external id
    """
    env.ref(job)._trigger(fields.Datetime.now() + relativedelta(minutes=1))


def get_unit_total(line):
    """Return what one unit of an order line comes to, taxes included, whatever is
    ordered of it.

    :param line: `sale.order.line`
    :return: currency of the order, not rounded
    :rtype: float
    """
    line.ensure_one()
    base_line = line._prepare_base_line_for_taxes_computation(quantity=1.0)
    line.env["account.tax"]._add_tax_details_in_base_line(
        base_line, line.company_id or line.env.company
    )
    return base_line["tax_details"]["raw_total_included_currency"]


def is_real_number(value):
    """Tell whether `value` is a finite number, not what only converts to one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return isfinite(value) if not isinstance(value, int) else True


def with_defaults(model, vals_list, *names):
    """Return the values of records that are about to be made with defaults of fields.

    The ORM adds them later, and any caller names them: in the context (`default_*`),
    and for itself in the public `ir.default`.

    :param model: empty recordset of what is made
    :param names: of the fields
    :return: list of dicts, in the order of `vals_list`
    """
    defaults = model.default_get(list(names))
    return [{**defaults, **vals} for vals in vals_list]


def is_record_id(value):
    """Tell whether `value` may be the id of a record, as far as one can see."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and 0 < value < MOST_RECORDS


def get_amount_problem(env, client_name, amount, currency):
    """Return why `amount` is none that can be booked in a currency, in words.

    :param str client_name: the client the sentence names
    :param amount: what a caller sent; anything
    :param currency: `res.currency` the amount is in
    :return: a sentence; an empty text for a finite number above zero and below 1e12, no
        finer than an active currency
    :rtype: str
    """
    if not currency or not currency.active:
        return env._(
            "The currency %(currency)s for %(client)s is not active. "
            "Activate it in the accounting settings or choose another one.",
            currency=currency.name or "?",
            client=client_name,
        )
    if not is_real_number(amount):
        return env._(
            "The amount for %(client)s is not a number. "
            "Enter an amount above zero, such as 25.00.",
            client=client_name,
        )
    if amount >= MAX_AMOUNT:
        return env._(
            "The amount for %(client)s is too large. "
            "Enter an amount below 1,000,000,000,000.",
            client=client_name,
        )
    amount = float(max(amount, 0))
    rounded = currency.round(amount)
    if rounded == 0 and amount < currency.rounding * 1e-6:
        return env._(
            "The amount for %(client)s must be above zero. "
            "To take money away, charge the client; to give some, issue a credit.",
            client=client_name,
        )
    if abs(rounded - amount) > max(currency.rounding * 1e-6, amount * 1e-15):
        return env._(
            "The amount %(amount)s for %(client)s is finer than %(currency)s "
            "allows. Round it to %(rounding)s.",
            amount=amount,
            client=client_name,
            currency=currency.name,
            rounding=currency.rounding,
        )
    return ""


def check_amount(env, client_name, amount, currency):
    """Return `amount` as the exact amount of `currency` it stands for.

    A drift far below the currency's smallest unit, as adding floats leaves behind, is
    taken off; an amount that is really finer than the currency is refused.

    :return: the amount, rounded to the currency
    :rtype: float
    :raise UserError: see `get_amount_problem`
    """
    if problem := get_amount_problem(env, client_name, amount, currency):
        raise UserError(problem)
    return currency.round(float(amount))


def parse_amount(text, currency):
    """Return the amount that somebody sent from outside of the back office.

    :param text: anything; digits with at most one point or comma are an amount
    :param currency: `res.currency` the amount is in
    :return: the amount, None for what is none: a sign, an exponent, spaces or other
        letters, zero, finer than the currency or too large. Three digits after the mark
        are none either, unless the currency has as many: who writes 1.000 may mean
        thousand
    """
    match = isinstance(text, str) and AMOUNT.fullmatch(text)
    if not match or len(match[1] or "") > max(currency.decimal_places, 2):
        return None
    amount = float(text.replace(",", "."))
    if not amount or get_amount_problem(currency.env, "", amount, currency):
        return None
    return currency.round(amount)


def parse_typed_amount(text, currency):
    """Return the amount that somebody typed on a page, None for what is none.

    :param text: anything; an amount as for `parse_amount`, or one with the thousands
        set apart as the page's language does
    :param currency: `res.currency` the amount is in
    """
    amount = parse_amount(text, currency)
    mark = get_lang(currency.env).thousands_sep
    if amount is not None or not mark or not isinstance(text, str):
        return amount
    # A space between thousands is a narrow one on pages, and any in an input.
    mark = r"\s" if mark.isspace() else re.escape(mark)
    if re.fullmatch(rf"[1-9]\d{{0,2}}({mark}\d{{3}})+((?!{mark})[.,]\d+)?", text):
        return parse_amount(re.sub(mark, "", text), currency)
    return None


def format_typed_amount(amount, currency):
    """Return an amount as it is typed in the page's language: without the currency, and
    nothing between thousands."""
    digits = currency.decimal_places
    return formatLang(currency.env, amount, digits=digits, grouping=False)


def get_limit_problem(env, client_name, limit, currency):
    """Return why `limit` is no credit limit in a currency, in words.

    Zero is one: the client pays up front.

    :return: a sentence; an empty text for zero and what `get_amount_problem` allows
    :rtype: str
    """
    if is_real_number(limit) and limit <= 0:
        if limit == 0:
            return ""
        return env._(
            "The credit limit of %(client)s cannot be below zero. Enter zero for a "
            "client who pays up front, or an amount such as 500.00.",
            client=client_name,
        )
    return get_amount_problem(env, client_name, limit, currency)


def check_limit(env, client_name, limit, currency):
    """Return a credit limit as the exact amount of its currency.

    :raise UserError: see `get_limit_problem`
    """
    if problem := get_limit_problem(env, client_name, limit, currency):
        raise UserError(problem)
    return currency.round(float(limit))


def check_threshold(env, label, amount):
    """Make sure a threshold is an amount; one below zero counts in the limit.

    :param str label: what the screens call the threshold
    :raise ValidationError: when it is no number, or not within 1e12 of zero
    """
    amount = amount or 0
    if not is_real_number(amount) or abs(amount) >= MAX_AMOUNT:
        raise ValidationError(
            env._(
                "“%s” must be an amount between -1,000,000,000,000 and "
                "1,000,000,000,000.",
                label,
            )
        )


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


def get_length_problem(env, client_name, reason):
    """Return that a reason is too long to be read, in words; an empty text if not."""
    if not isinstance(reason, str) or len(reason) <= MAX_REASON:
        return ""
    return env._(
        "The reason for %(client)s has %(length)s characters. Shorten it to %(most)s "
        "at most.",
        client=client_name,
        length=len(reason),
        most=MAX_REASON,
    )


def get_reason_problem(env, client_name, reason):
    """Return why `reason` is none for an adjustment, in words.

    :return: a sentence; an empty text for a readable one of at most `MAX_REASON`
        characters
    :rtype: str
    """
    reason = clean_reason(reason)
    if not reason:
        return env._(
            "Give a reason for %(client)s: it is shown in the client's history.",
            client=client_name,
        )
    return get_length_problem(env, client_name, reason)


def check_length(env, client_name, reason):
    """Make sure a reason is short enough to be read.

    :raise UserError: see `get_length_problem`
    """
    if problem := get_length_problem(env, client_name, reason):
        raise UserError(problem)


def check_reason(env, client_name, reason):
    """Return the reason of an adjustment without blanks around it.

    :raise UserError: see `get_reason_problem`
    """
    if problem := get_reason_problem(env, client_name, reason):
        raise UserError(problem)
    return clean_reason(reason)


def get_date_problem(env, client_name, value):
    """Return why `value` is no accounting date, in words.

    :param value: a date, or a text as 2026-01-31
    :return: a sentence; an empty text for an empty value, too
    :rtype: str
    """
    day = to_date(value)
    latest = date.today() + relativedelta(years=MOST_YEARS_AHEAD)
    if not value or (day and EARLIEST_DATE <= day <= latest):
        return ""
    return env._(
        "%(value)s is not a valid accounting date. Enter a date for %(client)s as "
        "year-month-day, such as 2026-01-31, up to %(latest)s.",
        value=value if isinstance(value, date) else repr(value)[:40],
        client=client_name,
        latest=latest,
    )


def check_date(env, client_name, value, default=None):
    """Return `value` as a date, `default` when it is empty.

    :raise UserError: see `get_date_problem`
    """
    if problem := get_date_problem(env, client_name, value):
        raise UserError(problem)
    return to_date(value) if value else default


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


class Worth(NamedTuple):
    """What something is worth for a client's balance, in company currency: by what is
    open, and by the sum of all items. Above zero: more credit."""

    open: float = 0.0
    ledger: float = 0.0

    def __add__(self, other):
        return Worth(self.open + other.open, self.ledger + other.ledger)

    def __sub__(self, other):
        return Worth(self.open - other.open, self.ledger - other.ledger)

    def get_loss(self):
        """Return what of it is below zero."""
        return Worth(*(min(amount, 0.0) for amount in self))

    def is_less(self, currency):
        """Tell whether either is below zero."""
        return any(currency.compare_amounts(amount, 0) < 0 for amount in self)


NOTHING = Worth()
