"""Race many callers at few clients on real servers, and kill those in between.

Usage: bench_races.py CONFIG OPERATIONS KILLS ADDON PLAIN

Two server processes on one database, 16 callers, mixed operations of a chosen seed on
one client and on fifty. What the addon adds is compared with plain Odoo by what both
can do. A watcher reads what is committed all the time: nobody may be below the limit.
"""

import random
import re
import sys
import threading
import time
import xmlrpc.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bench_tools import Database, print_load, start_odoo, verdict

CALLERS = 16
LIMIT = 300.0
ADMIN = ("admin", "admin")
SEED = 19
CLIENTS = {"one client": 1, "fifty clients": 50}
MOVE, ACCOUNT = "account.move", "client.account"
# How Odoo logs what failed, and that it gives up.
MEETING = r"bad query: b?['\"]?(.{0,300})|maximum number of tries reached"

# What callers do, and how often.
GUARDED = {
    **{"charge": 8, "invoice": 6, "credit": 5, "suspend": 1, "limit": 1},
    **{"policy": 1, "company": 1},
}
# What takes a credit away has happened already: it is told, and may go below the limit.
MIXED = {**GUARDED, "delete": 2, "pay back": 2}
PLAIN = {"invoice": 1, "refund": 1}


def prepare_document(partner_id, amount, move_type="out_invoice"):
    """Return the values of a document of one line."""
    line = {"name": "Lessons", "price_unit": amount, "tax_ids": []}
    return {
        "move_type": move_type,
        "partner_id": partner_id,
        "invoice_payment_term_id": False,
        "invoice_line_ids": [(0, 0, line)],
    }


class Race:
    """Callers at the clients of one database, through two servers."""

    def __init__(self, name, guarded):
        from odoo.addons.client_account.tests.server import OdooServer, is_refusal

        self.is_refusal = is_refusal
        self.database = Database(name)
        self.guarded = guarded
        self.servers = [OdooServer(name), OdooServer(name)]
        self.sessions = []
        for server in self.servers:
            server.start(*ADMIN)
            self.sessions.append(server.sign_in(*ADMIN))
        self.lock = threading.Lock()
        self.read = {}
        self.company_id = None

    def report_conflicts(self):
        """Print by which SQL transactions have met, and where Odoo gave up repeating
        them, and forget it."""
        conflicts, lasting = Counter(), Counter()
        for server in self.servers:
            log = server.read_log()
            seen = self.read.get(server, 0)
            self.read[server] = len(log)
            query = ""
            for found in re.finditer(MEETING, log[seen:], re.S):
                if found[1]:
                    query = " ".join(found[1].replace("\\n", " ").split())[:90]
                    conflicts[query] += 1
                else:
                    lasting[query] += 1
        for query, number in conflicts.most_common(12):
            print(f"    {number} times two met at: {query}")
        for query, number in lasting.most_common():
            print(f"    {number} met until Odoo gave up, last at: {query}", flush=True)

    def close(self):
        """End the servers."""
        for server in self.servers:
            server.close()

    # === Fixtures ===

    def make_clients(self, count):
        """Make clients with a limit; return the ids of contacts and accounts."""
        with self.database.begin() as env:
            company = env.ref("base.user_admin").company_id
            self.company_id = company.id
            clients = env["res.partner"].create(
                [
                    {"name": f"Race {number}", "customer_rank": 1}
                    for number in range(count)
                ]
            )
            if not self.guarded:
                return [(client.id, None) for client in clients]
            accounts = env[ACCOUNT]._get_or_create(clients, company)
            accounts.negative_balance = "prevented"
            accounts.credit_application = "manual"
            accounts._set_limit(LIMIT)
            return [(account.partner_id.id, account.id) for account in accounts]

    # === Operations ===

    def act(self, kind, client, dice, made):
        """Do one operation as a caller.

        :param made: ids of credits that this caller has issued
        """
        session = dice.choice(self.sessions)
        partner_id, account_id = client
        if kind in ("invoice", "refund"):
            self.post_document(session, kind, partner_id, dice.choice((10, 20, 30)))
        elif kind == "charge":
            session.call(ACCOUNT, "charge", [account_id], 10.0, "Race")
        elif kind == "credit":
            credit = session.call(ACCOUNT, "issue_credit", [account_id], 15.0, "Race")
            made.append(credit)
        elif kind == "delete" and made:
            session.call(MOVE, "action_client_adjustment_delete", [made.pop()])
        elif kind == "pay back":
            self.pay_back(session, account_id)
        else:
            self.change_terms(session, kind, account_id, dice)

    def change_terms(self, session, kind, account_id, dice):
        """Change under which terms a client is judged; with all of them the floor
        holds, which is what the watcher looks at."""
        if kind == "suspend":
            session.call(ACCOUNT, "action_suspend", [account_id], "Race")
            session.call(ACCOUNT, "action_resume", [account_id], "Race")
        elif kind == "limit":
            self.grant_limit(session, account_id)
        elif kind == "policy":
            for choice in ("disabled", False):
                session.call(ACCOUNT, "write", [account_id], {"pay_later": choice})
        elif kind == "company":
            # The accounts have a policy of their own; the company's lock is taken.
            policy = {"client_negative_balance": dice.choice(("allowed", "prevented"))}
            session.call("res.company", "write", [self.company_id], policy)

    def post_document(self, session, kind, partner_id, amount):
        """Make and post an invoice or a refund."""
        move_ids = session.call(
            MOVE, "create", [prepare_document(partner_id, amount, f"out_{kind}")]
        )
        session.call(MOVE, "action_post", move_ids)

    def pay_back(self, session, account_id):
        """Pay credit back through the window."""
        values = {"account_id": account_id, "payment_type": "outbound", "amount": 5.0}
        window = session.call("client.account.payment", "create", [values])
        session.call("client.account.payment", "action_confirm", window)

    def grant_limit(self, session, account_id):
        """Ask for a limit and approve it."""
        model = "client.account.request"
        values = {"account_id": account_id, "requested_limit": LIMIT, "reason": "Race"}
        request = session.call(model, "create", [values])
        session.call(model, "action_submit", request)
        session.call(model, "action_approve", request)

    def run(self, kinds, clients, count):
        """Have all callers at work; return the seconds and what became of it all.

        :return: (seconds, Counter of outcomes, list of seconds by operation)
        """
        outcomes, times = Counter(), []

        def work(number):
            dice, made = random.Random(SEED + number), []
            for _turn in range(count // CALLERS):
                [kind] = dice.choices(list(kinds), list(kinds.values()))
                client = dice.choice(clients)
                start = time.perf_counter()
                try:
                    self.act(kind, client, dice, made)
                    outcome = "done"
                except xmlrpc.client.Fault as fault:
                    outcome = (
                        "refused"
                        if self.is_refusal(fault)
                        else fault.faultString.strip().splitlines()[-1][:100]
                    )
                except OSError:
                    # The server was killed under it.
                    outcome = "cut off"
                    time.sleep(0.2)
                with self.lock:
                    outcomes[outcome] += 1
                    times.append(time.perf_counter() - start)

        start = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(work, range(CALLERS)))
        return time.perf_counter() - start, outcomes, sorted(times)

    # === Watching ===

    def watch(self, clients, stop):
        """Return the lowest balance that was ever committed, by either reckoning.

        :param stop: event that ends it
        """
        lowest = 0.0
        while not stop.is_set():
            with self.database.registry.cursor() as cr:
                cr.execute(
                    """
                    SELECT MIN(LEAST(open, ledger)) FROM (
                        SELECT -SUM(line.amount_residual) AS open,
                               -SUM(line.balance) AS ledger
                          FROM account_move_line line
                          JOIN account_account chart ON chart.id = line.account_id
                         WHERE line.partner_id = ANY(%s)
                           AND chart.account_type = 'asset_receivable'
                           AND line.parent_state = 'posted'
                         GROUP BY line.partner_id) client
                    """,
                    [[client_id for client_id, _account in clients]],
                )
                [(found,)] = cr.fetchall()
            lowest = min(lowest, float(found or 0))
            time.sleep(0.005)
        return lowest

    def run_watched(self, kinds, clients, count):
        """Run callers while somebody watches; return what both have seen."""
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(self.watch, clients, stop)
            result = self.run(kinds, clients, count)
            stop.set()
            return (*result, future.result())

    def kill_now_and_then(self, count, stop):
        """Kill one of the servers at moments of chance, and start it again."""
        dice = random.Random(SEED)
        kills = 0
        while kills < count and not stop.is_set():
            time.sleep(dice.uniform(0.2, 1.5))
            index = dice.randrange(len(self.servers))
            self.servers[index].kill()
            self.servers[index].start(*ADMIN)
            self.sessions[index] = self.servers[index].sign_in(*ADMIN)
            kills += 1
        return kills

    def find_half_done(self, clients):
        """Return how many entries of clients do not balance, or matches are lame."""
        with self.database.registry.cursor() as cr:
            cr.execute(
                """
                SELECT COUNT(*) FROM (
                    SELECT move_id FROM account_move_line
                     WHERE move_id IN (SELECT move_id FROM account_move_line
                                        WHERE partner_id = ANY(%(ids)s))
                     GROUP BY 1 HAVING ABS(SUM(balance)) > 0.001) unbalanced
                """,
                {"ids": [client_id for client_id, _account in clients]},
            )
            return cr.fetchone()[0]


def report(title, seconds, outcomes, times, count):
    """Print what became of a run."""
    print(
        f"  {title}: {count} operations in {seconds:.1f} s; 95 % within "
        f"{times[int(len(times) * 0.95)]:.2f} s, the slowest {times[-1]:.2f} s."
    )
    for outcome, number in outcomes.most_common():
        print(f"    {number} {outcome}", flush=True)


def race_mixed(race, count):
    """Run the mixed operations on one client and on fifty."""
    for title, number in CLIENTS.items():
        for kinds, text in ((GUARDED, "What is refused"), (MIXED, "All kinds")):
            clients = race.make_clients(number)
            seconds, outcomes, times, lowest = race.run_watched(
                kinds, clients, count // 2
            )
            report(f"{text}, on {title}", seconds, outcomes, times, count // 2)
            race.report_conflicts()
            if kinds is GUARDED:
                print(
                    f"    The lowest balance ever committed was {lowest:.2f} with a "
                    f"limit of {LIMIT:.2f}; {verdict(-lowest, LIMIT)}"
                )


def race_plain(addon, plain, count):
    """Compare what both can do, in turns."""
    for title, number in CLIENTS.items():
        seconds = {}
        for name, race in (("addon", addon), ("plain", plain)) * 2:
            clients = race.make_clients(number)
            taken, outcomes, _times = race.run(PLAIN, clients, count // 4)
            seconds[name] = seconds.get(name, 0.0) + taken
            print(f"    {name}: {taken:.1f} s, {dict(outcomes)}", flush=True)
        ratio = seconds["addon"] / seconds["plain"]
        print(
            f"  Invoices and credit notes of {title}, to plain Odoo: {ratio:.3f}; "
            f"{verdict(ratio, 1.3)}"
        )


def race_batch(race):
    """Post 500 invoices of 50 clients in one call beside small charges."""
    clients = race.make_clients(50)
    session = race.sessions[0]
    move_ids = session.call(
        MOVE,
        "create",
        [prepare_document(clients[number % 50][0], 1) for number in range(500)],
    )
    waits, stop = [], threading.Event()

    def charge():
        dice = random.Random(SEED)
        while not stop.is_set():
            start = time.perf_counter()
            client = dice.choice(clients)
            race.sessions[1].call(ACCOUNT, "charge", [client[1]], 1.0, "Small")
            waits.append(time.perf_counter() - start)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(charge)
        start = time.perf_counter()
        session.call(MOVE, "action_post", move_ids)
        taken = time.perf_counter() - start
        stop.set()
        future.result()
    print(
        f"  500 invoices of 50 clients in one call: posted in {taken:.1f} s, beside "
        f"{len(waits)} charges, of which the slowest took {max(waits):.2f} s.",
        flush=True,
    )
    race.report_conflicts()


def race_kills(race, count, kills):
    """Run the mixed operations while the servers are killed."""
    clients = race.make_clients(10)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(race.kill_now_and_then, kills, stop)
        done = 0
        outcomes = Counter()
        while not future.done():
            _seconds, found, _times = race.run(MIXED, clients, count // 4)
            outcomes += found
            done += count // 4
        stop.set()
        killed = future.result()
    half_done = race.find_half_done(clients)
    print(f"  {killed} kills during {done} operations: {half_done} entries half done.")
    for outcome, number in outcomes.most_common():
        print(f"    {number} {outcome}", flush=True)


def main(config, operations, kills, addon, plain):
    """Print the figures."""
    start_odoo(config)
    print_load()
    guarded = Race(addon, guarded=True)
    unguarded = Race(plain, guarded=False)
    try:
        race_mixed(guarded, int(operations))
        race_batch(guarded)
        race_plain(guarded, unguarded, int(operations))
        race_kills(guarded, int(operations), int(kills))
    finally:
        guarded.close()
        unguarded.close()
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
