"""Measure what a client's page in the portal costs, for the heaviest client and for the
lightest one.

Usage: bench_portal.py CONFIG ROUNDS LOPSIDED SHARED

The databases are those of bench_page.py. The newest page of the history is measured and
the oldest one, each time in a transaction of its own with nothing in cache.
"""

import sys

from bench_page import Pages
from bench_tools import print_load, print_ratio, run_rounds, start_odoo

# The page that begins after this line is the oldest one.
OLDEST = ("1900-01-01", 0)


class PortalPages(Pages):
    """The portal's pages of the heaviest and of the lightest client of a database."""

    def open_newest(self, account):
        """Gather what the first page shows."""
        account._get_portal_page(account._get_portal_history())

    def open_oldest(self, account):
        """Gather what the last page shows."""
        account._get_portal_page(account._get_portal_history(after=OLDEST))

    def compare(self, title, act, rounds):
        """Print how a page of the heaviest client compares with the lightest's."""
        counts = {}
        for _round in range(2):
            counts = {label: self.count(act, label) for label in self.account_ids}
        seconds = run_rounds(
            {
                label: lambda label=label: self.measure(act, label)
                for label in self.account_ids
            },
            rounds,
        )
        print(
            f"  {title}: {counts['heaviest']} queries for the heaviest client, "
            f"{counts['lightest']} for the lightest."
        )
        print_ratio(
            f"{title}, heaviest to lightest",
            seconds["heaviest"],
            seconds["lightest"],
            2.0,
        )


def main(config, rounds, lopsided, shared):
    """Print the figures."""
    start_odoo(config)
    print_load()
    for title, name in (
        ("One client holds most of the books:", lopsided),
        ("Many clients share the books:", shared),
    ):
        print(title)
        pages = PortalPages(name)
        pages.compare("Newest page", pages.open_newest, int(rounds))
        pages.compare("Oldest page", pages.open_oldest, int(rounds))
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
