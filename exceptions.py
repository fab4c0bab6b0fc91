"""What the addon refuses in a way of its own."""

from odoo.exceptions import ConcurrencyError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

# What says that others were in the way, which Odoo repeats a call for.
MEETINGS = (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError)


def get_meeting_message(env):
    """Return what whoever met others reads, where trying again has not helped."""
    return env._(
        "Somebody else is changing the same records at this moment, so nothing was "
        "saved. Try again."
    )


class BalanceRefused(UserError):
    """A document that its client's balance policies do not let through.

    It is a `UserError`, which Odoo's own jobs survive where they would not survive a
    `RedirectWarning`. The web client shows it with what the user can do about it, see
    `static/src/balance_refused_dialog`.

    :param str message: whole sentences for the user
    :param dict actions: window actions by `receive`, `request` and `post_anyway`;
        False where there is none for this user
    :param str title: of the dialog; by default that a document was not posted
    """

    def __init__(self, message, actions=None, title=None):
        super().__init__(message)
        self.args = (message, actions or {}, *([title] if title else []))

    def __str__(self):
        return self.args[0]
