"""Measure the run that tells clients and staff about low balances and limits.

Usage: bench_notices.py CONFIG ROUNDS PSQL DATABASE

First nobody crosses a threshold: the time of the run against psql's own for the bare
aggregate, and what memory the run takes. Then one client in fifty crosses. Last, as
many others cross and the job, a process of its own, is killed five times in its course
and run again until it is done: each of them has to be told once.
"""

import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench_tools import (
    SEED,
    Database,
    print_load,
    print_ratio,
    run_rounds,
    start_odoo,
    timed,
    verdict,
)

CRON = "client_account.ir_cron_client_notices"
CROSSING_SHARE = 50
KILLS = 5
# Far from every threshold, and so far that a client crosses them all without it.
HIGH_LIMIT = 100_000
THRESHOLD = 100

BARE_SQL = """
    SELECT contact.commercial_partner_id, -SUM(item.amount_residual)
      FROM account_move_line item
      JOIN res_partner contact ON contact.id = item.partner_id
      JOIN account_account account ON account.id = item.account_id
     WHERE account.account_type = 'asset_receivable'
       AND item.parent_state = 'posted'
       AND item.amount_residual <> 0
     GROUP BY 1
"""
CROSSING_SQL = """
    UPDATE client_account SET credit_limit = 0
     WHERE id IN (
        SELECT account.id
          FROM client_account account
          JOIN account_move_line item ON item.partner_id = account.partner_id
          JOIN account_account ON account_account.id = item.account_id
         WHERE account_account.account_type = 'asset_receivable'
           AND account.credit_limit > 0
         GROUP BY account.id
        HAVING SUM(item.amount_residual) > 0
         ORDER BY md5(account.id::text)
         LIMIT %s)
    RETURNING id
"""


class Benchmark:
    """The database and the job."""

    def __init__(self, config, psql, name):
        self.config, self.psql, self.name = config, psql, name
        self.database = Database(name)

    def prepare(self):
        """Switch all policies on, far from where anybody crosses."""
        with self.database.begin() as env:
            admin = env.ref("base.user_admin")
            env.company.write(
                {
                    "negative_balance": "prevented",
                    "low_balance_client": "on",
                    "low_balance_client_threshold": THRESHOLD,
                    "low_balance_manager": "on",
                    "low_balance_manager_threshold": 2 * THRESHOLD,
                    "client_account_leader_id": admin.id,
                }
            )
            env.cr.execute(
                "UPDATE client_account SET state = 'granted', credit_limit = %s",
                [HIGH_LIMIT],
            )
            # The worker is to run this job only: no mail leaves, all are counted.
            env["ir.cron"].search([]).active = False
            env.ref(CRON).active = True

    def let_cross(self):
        """Take their limits from some clients who owe; return their accounts' ids."""
        with self.database.begin() as env:
            env.cr.execute("SELECT COUNT(*) / %s FROM client_account", [CROSSING_SHARE])
            env.cr.execute(CROSSING_SQL, env.cr.fetchone())
            return [account_id for (account_id,) in env.cr.fetchall()]

    # -- the job, here and elsewhere ----------------------------------------

    def run_here(self):
        """Return the seconds of a run in this process."""
        with self.database.begin() as env:
            return timed(env["client.account"]._cron_send_notices)

    def ask_psql(self):
        """Return the seconds that psql says the bare aggregate took it."""
        output = subprocess.run(
            [self.psql, "--no-psqlrc", "--quiet", "--output=/dev/null"]
            + ["--dbname", self.name, "--command=\\timing on", "--command", BARE_SQL],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return float(re.search(r"Time: ([\d.]+) ms", output)[1]) / 1000

    def start_job(self):
        """Start the job in a process of its own; return it once Odoo is up."""
        with self.database.begin() as env:
            env.ref(CRON)._trigger()
        script = Path(__file__).with_name("bench_notices_job.py")
        process = subprocess.Popen(
            [sys.executable, str(script), self.config, self.name],
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.stdout.readline() != "ready\n":
            process.kill()
            raise RuntimeError("The job's process did not start.")
        return process

    def run_job(self):
        """Run the job to its end; return what it tells about itself."""
        process = self.start_job()
        output, _errors = process.communicate()
        if process.returncode:
            raise RuntimeError("The job's process failed.")
        return json.loads(output)

    def kill_job(self, delay):
        """Start the job and kill it after some seconds; tell whether it still ran."""
        process = self.start_job()
        time.sleep(delay)
        running = process.poll() is None
        process.kill()
        process.communicate()
        return running

    # -- what came of it ----------------------------------------------------

    def count(self, query, account_ids):
        """Return {how often: number of accounts} for a query of account and count."""
        with self.database.begin() as env:
            env.cr.execute(query, {"accounts": account_ids})
            rows = env.cr.fetchall()
        times = Counter(number for *_key, number in rows)
        if missing := len(account_ids) - len({row[0] for row in rows}):
            times[0] = missing
        return dict(times)

    def count_logged(self, account_ids):
        """Return how often accounts have a notice of one kind in the log."""
        return self.count(
            """
            SELECT account_id, kind, COUNT(*) FROM client_account_notice
             WHERE account_id = ANY(%(accounts)s) GROUP BY 1, 2
            """,
            account_ids,
        )

    def count_mails(self, account_ids):
        """Return how often the accounts' clients have a mail in the queue."""
        return self.count(
            """
            SELECT account.id, COUNT(*)
              FROM client_account account
              JOIN mail_mail_res_partner_rel rel
                ON rel.res_partner_id = account.partner_id
             WHERE account.id = ANY(%(accounts)s) GROUP BY 1
            """,
            account_ids,
        )

    def count_staff(self, account_ids):
        """Return how often staff got a message about an account."""
        return self.count(
            """
            SELECT res_id, COUNT(*) FROM mail_message
             WHERE model = 'client.account' AND message_type = 'user_notification'
               AND res_id = ANY(%(accounts)s) GROUP BY 1
            """,
            account_ids,
        )

    def print_counts(self, account_ids):
        """Print how often each client was told, and whether it is once."""
        for label, count in (
            ("Notices of one kind in the log", self.count_logged),
            ("Mails in the queue to the client", self.count_mails),
            ("Messages to staff about the client", self.count_staff),
        ):
            times = count(account_ids)
            told = ", ".join(
                f"{number} times: {clients}"
                for number, clients in sorted(times.items())
            )
            good = "each once" if set(times) == {1} else "NOT EACH ONCE"
            print(f"  {label}: {good} ({told}).", flush=True)


def print_job(result):
    """Print what a run in a process of its own tells about itself."""
    growth = result["peak"] - result["before"]
    print(
        f"  {result['seconds']:.1f} s; memory: {result['peak']:.0f} MB at most,"
        f" {growth:.0f} MB of it in the run.",
        flush=True,
    )


def main(config, rounds, psql, database):
    """Print the figures."""
    start_odoo(config)
    bench = Benchmark(config, psql, database)
    bench.prepare()
    rounds = int(rounds)
    print_load()

    print(f"Nobody crosses, {rounds} rounds:")
    results = run_rounds({"run": bench.run_here, "psql": bench.ask_psql}, rounds)
    print_ratio("The run to the bare aggregate in psql", *results.values(), 2)
    print("The same in a process of its own:")
    print_job(bench.run_job())

    crossing = bench.let_cross()
    print(f"{len(crossing)} clients cross:")
    result = bench.run_job()
    print_job(result)
    bench.print_counts(crossing)

    crossing = bench.let_cross()
    print(f"{len(crossing)} others cross, and the job is killed {KILLS} times:")
    dice = random.Random(SEED)
    killed = 0
    for _ in range(KILLS):
        killed += bench.kill_job(dice.uniform(0, result["seconds"] / (KILLS + 1)))
        print(f"  Killed; so far in the log: {bench.count_logged(crossing)}.")
    bench.run_job()
    missing = KILLS - killed
    print(f"  Kills that came too late: {missing}; {verdict(missing, 0)}")
    bench.print_counts(crossing)
    print_load()


if __name__ == "__main__":
    main(*sys.argv[1:])
