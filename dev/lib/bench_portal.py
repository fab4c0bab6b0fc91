"""Measure what a client's page in the portal costs, for the heaviest client and for the
lightest one: the whole answer to a request, with session and template.

Usage: bench_portal.py CONFIG ROUNDS LOPSIDED SHARED

The databases are those of bench_page.py. The newest page of the history is measured and
the oldest one, each time by a request of its own with nothing in cache.
"""

import sys

from bench_page import Pages
from bench_tools import (
    print_load,
    print_ratio,
    recorded_queries,
    run_rounds,
    start_odoo,
    timed,
)
from werkzeug.test import Client

import odoo.http
import odoo.tools

HOME = "/my/client_account"
# As a browser on this machine would come.
ADDRESS = {"REMOTE_ADDR": "127.0.0.1"}
# Before any line.
OLDEST = ("1900-01-01", 0)


class PortalPages(Pages):
    """The portal's pages of the heaviest and of the lightest client of a database."""

    def __init__(self, name):
        super().__init__(name)
        self.sessions = {}
        self.paths = {}
        for label, account_id in self.account_ids.items():
            with self.database.begin() as env:
                account = env["client.account"].browse(account_id)
                last = account._fetch_portal_lines(None, OLDEST, None, None)[-1]
                # The last page that the link to older lines comes to.
                oldest = f"{HOME}?before={last['date']}_{last['id']}"
                self.paths[label] = {"newest": HOME, "oldest": oldest}
                login = self.make_user(account, label)
            self.sessions[label] = self.sign_in(login)

    def make_user(self, account, label):
        """Return the login of a client's user, made where there is none yet."""
        users = account.env["res.users"].with_context(no_reset_password=True)
        login = f"bench_{label}"
        if not users.search_count([("login", "=", login)]):
            users.create(
                {
                    "login": login,
                    "password": login,
                    "partner_id": account.partner_id.id,
                    "group_ids": [(6, 0, account.env.ref("base.group_portal").ids)],
                    "company_id": account.company_id.id,
                    "company_ids": [(6, 0, account.company_id.ids)],
                }
            )
        return login

    def sign_in(self, login):
        """Return a client of HTTP with a session."""
        session = Client(odoo.http.root)
        session.post(
            "/web/session/authenticate",
            environ_overrides=ADDRESS,
            json={
                "params": {
                    "db": self.database.name,
                    "login": login,
                    "password": login,
                }
            },
        )
        return session

    def open_page(self, label, page):
        """Answer the request for a page.

        :raise RuntimeError: when it is not the page
        """
        answer = self.sessions[label].get(
            self.paths[label][page], environ_overrides=ADDRESS
        )
        if answer.status_code != 200 or "o_client_account_portal" not in answer.text:
            raise RuntimeError(f"{answer.status}: {answer.text[:500]}")

    def compare_page(self, page, rounds):
        """Print how a page of the heaviest client compares with the lightest's."""
        labels = list(self.account_ids)
        counts = {}
        for _round in range(2):
            for label in labels:
                with recorded_queries() as queries:
                    self.open_page(label, page)
                counts[label] = len(queries)
        seconds = run_rounds(
            {
                label: lambda label=label: timed(self.open_page, label, page)
                for label in labels
            },
            rounds,
        )
        title = f"{page.capitalize()} page"
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
    odoo.tools.config["db_name"] = [lopsided, shared]
    odoo.http.root.initialize()
    print_load()
    for title, name in (
        ("One client holds most of the books:", lopsided),
        ("Many clients share the books:", shared),
    ):
        print(title)
        pages = PortalPages(name)
        for page in ("newest", "oldest"):
            pages.compare_page(page, int(rounds))
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
