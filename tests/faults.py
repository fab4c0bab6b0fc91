"""Work of many lines that is killed and cut off at moments of chance, taken up again,
and counted afterwards.

Bulk credits, bulk charges, a bulk allocation and the job of credits that expire, one
after another on a real server, with small charges to the same clients beside them.
"""

import random
import threading
import time
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from http.client import HTTPException
from xml.parsers.expat import ExpatError

from odoo.sql_db import db_connect

from .server import is_refusal

ADMIN = ("admin", "admin")
SEED = 19
ACCOUNT, BATCH = "client.account", "client.credit.batch"
ALLOCATION = "client.credit.allocation.batch"
AT_ONCE = 200
CREDIT, CHARGE, SMALL = 20.0, 12.0, 1.0
# What a caller meets whose server is killed, or whose database connection is cut.
BROKEN = (
    OSError,
    HTTPException,
    ExpatError,
    xmlrpc.client.Fault,
    xmlrpc.client.ProtocolError,
)
# How often a call that is broken is made again, and how long a job may take in all.
MOST_TRIES = 200
LONGEST = 3600
# Within these moments after it began, in seconds, the work is struck.
MOMENTS = (0.2, 4.0)


class FaultRun:
    """One run: what is done, how it is struck, and what is there in the end."""

    def __init__(self, server, clients):
        """Make clients with accounts whose credit is applied by hand only.

        :param server: a running `OdooServer`
        :param int clients: how many
        """
        self.server = server
        self.admin = server.sign_in(*ADMIN)
        self.dice = random.Random(SEED)
        self.kills = self.cuts = 0
        self.waits = []
        self.small_charges = 0
        self._stop = threading.Event()
        call = self.admin.call
        self.partner_ids = call(
            "res.partner",
            "create",
            [{"name": f"Fault {number:05}"} for number in range(clients)],
        )
        [(self.company_id, self.journal_id)] = self._query(
            "SELECT company.id, company.client_adjustment_journal_id"
            " FROM res_users JOIN res_company company"
            " ON company.id = res_users.company_id WHERE login = %s",
            ADMIN[0],
        )
        self._set_at_once(0)
        # A policy that somebody sets on a contact opens its account.
        by_hand = {"client_credit_application": "manual"}
        call("res.partner", "write", self.partner_ids, by_hand)
        self.account_ids = call(
            ACCOUNT, "search", [("partner_id", "in", self.partner_ids)], 0, None, "id"
        )
        self._last_number = self._get_last_number()

    def _set_at_once(self, lines):
        """Say up to how many lines the job is not needed."""
        values = {"client_batch_at_once": lines}
        self._insist("res.company", "write", [self.company_id], values)

    def _query(self, query, *params):
        """Return the rows of a query in a transaction of its own."""
        with db_connect(self.server.database).cursor() as cr:
            cr.execute(query, params)
            return cr.fetchall()

    def _get_last_number(self):
        return self._query(
            "SELECT COALESCE(MAX(id), 0) FROM account_move WHERE journal_id = %s",
            self.journal_id,
        )[0][0]

    def _make_batch(self, kind, amount, **values):
        """Make bulk credits or charges with a line for each client."""
        return self.admin.call(
            BATCH,
            "create",
            {
                "kind": kind,
                "reason": f"Fault {kind}",
                "line_ids": [
                    (0, 0, {"partner_id": client, "amount": amount})
                    for client in self.partner_ids
                ],
                **values,
            },
        )

    # === What is done ===

    def run(self, kills, cuts):
        """Do everything, struck so often in all, with small charges beside it."""
        faults = ["kill"] * kills + ["cut"] * cuts
        self.dice.shuffle(faults)
        parts = [faults[number::4] for number in range(4)]
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(self._charge_beside)
            try:
                self._run_batches(parts[:2])
                self._run_allocation(parts[2])
                self._run_expiry(parts[3])
            finally:
                self._stop.set()
                future.result()
                # Other tests share the company.
                self._set_at_once(AT_ONCE)

    def _run_batches(self, faults):
        self.credit_id = self._make_batch(
            "credit",
            CREDIT,
            date=str(date.today() - timedelta(days=20)),
            date_expiry=str(date.today()),
        )
        self.charge_id = self._make_batch("charge", CHARGE)
        for batch_id, part in zip(
            (self.credit_id, self.charge_id), faults, strict=True
        ):
            self._insist(BATCH, "action_run", [batch_id])
            self._run_job(
                "ir_cron_credit_batches", self._is_done(BATCH, batch_id), part
            )

    def _run_allocation(self, faults):
        [self.allocation_id] = self.admin.call(
            ALLOCATION, "create", [{"account_ids": [(6, 0, self.account_ids)]}]
        )
        self._insist(ALLOCATION, "action_plan", [self.allocation_id])
        # Small charges may be in the plan: what is counted is what the lines say.
        self._insist(ALLOCATION, "action_run", [self.allocation_id])
        self._run_job(
            "ir_cron_allocation_batches",
            self._is_done(ALLOCATION, self.allocation_id),
            faults,
        )

    def _run_expiry(self, faults):
        # A day goes by.
        self._query(
            "UPDATE account_move SET client_expiry_date = client_expiry_date - 1"
            " WHERE id IN (SELECT move_id FROM client_credit_batch_line"
            " WHERE batch_id = %s) RETURNING id",
            self.credit_id,
        )
        self._run_job("ir_cron_expire_credits", lambda: not self._count_open(), faults)

    def _is_done(self, model, record_id):
        table = model.replace(".", "_")

        def is_done():
            [(state,)] = self._query(
                f"SELECT state FROM {table} WHERE id = %s",  # noqa: S608
                record_id,
            )
            return state == "done"

        return is_done

    def _count_open(self):
        """Return how many credits of the run have something left."""
        return self._query(
            """
            SELECT COUNT(*)
              FROM client_credit_batch_line line
              JOIN account_move_line item ON item.move_id = line.move_id
              JOIN account_account chart ON chart.id = item.account_id
             WHERE line.batch_id = %s AND item.amount_residual < 0
               AND chart.account_type = 'asset_receivable'
            """,
            self.credit_id,
        )[0][0]

    def _insist(self, model, method, *args):
        """Call a method until it is answered, or refused in words."""
        for _try in range(MOST_TRIES):
            try:
                return self.admin.call(model, method, *args)
            except BROKEN as fault:
                if isinstance(fault, xmlrpc.client.Fault) and is_refusal(fault):
                    raise
                time.sleep(0.3)
        raise AssertionError(f"{method} of {model} was not answered.")

    # === How it is struck ===

    def _run_job(self, job, is_done, faults):
        """Run a job until its work is done, struck at moments of chance."""
        [(cron_id,)] = self._query(
            "SELECT res_id FROM ir_model_data"
            " WHERE module = 'client_account' AND name = %s",
            job,
        )
        faults = list(faults)
        deadline = time.monotonic() + LONGEST
        while not is_done():
            if time.monotonic() > deadline:
                raise AssertionError(f"{job} did not come to an end.")
            with ThreadPoolExecutor(1) as pool:
                future = pool.submit(self._call_job, cron_id)
                if faults:
                    time.sleep(self.dice.uniform(*MOMENTS))
                    if not future.done():
                        getattr(self, f"_{faults.pop()}")()
                future.result()
        # Struck more often than the work took: the rest falls on what is next.
        while faults:
            getattr(self, f"_{faults.pop()}")()

    def _call_job(self, cron_id):
        # Odoo takes a job that was killed three times before its first portion for one
        # that takes too long, and passes it over once. Called directly it fails with
        # that and rolls back that it did so: here is what its scheduler does.
        self._query(
            "UPDATE ir_cron_progress SET timed_out_counter = 0"
            " WHERE cron_id = %s AND timed_out_counter > 2 RETURNING id",
            cron_id,
        )
        try:
            self.admin.call("ir.cron", "method_direct_trigger", [cron_id])
        except BROKEN:
            time.sleep(0.3)

    def _kill(self):
        self.server.kill()
        self.server.start(*ADMIN)
        self.kills += 1

    def _cut(self):
        """End all connections of the server to the database."""
        self._query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            f"odoo-{self.server.pid}",
        )
        self.cuts += 1

    def _charge_beside(self):
        """Charge the clients small amounts, each once whatever it takes."""
        dice = random.Random(SEED + 1)
        while not self._stop.is_set():
            account_id = dice.choice(self.account_ids)
            self.small_charges += 1
            key = f"fault-{self.credit_key}-{self.small_charges}"
            for _try in range(MOST_TRIES):
                start = time.perf_counter()
                try:
                    self.admin.call(
                        ACCOUNT, "charge", [account_id], SMALL, "Small", None, None, key
                    )
                    self.waits.append(time.perf_counter() - start)
                    break
                except BROKEN:
                    # Lost or not, the same key books it once.
                    time.sleep(0.3)
            time.sleep(0.05)

    @property
    def credit_key(self):
        """What the keys of this run have that others have not."""
        return f"{self.partner_ids[0]}"

    # === What is there in the end ===

    def count(self):
        """Return what was found, by name; all are zero where nothing went wrong."""
        return {
            **self._count_lines(),
            **self._count_entries(),
            **self._count_books(),
            "credits not booked back": self._count_open(),
        }

    def _count_lines(self):
        """Return what is wrong with the lines, and with the small charges."""
        lines = len(self.partner_ids)
        [(booked, twice)] = self._query(
            "SELECT COUNT(*) FILTER (WHERE move_id IS NOT NULL),"
            " COUNT(move_id) - COUNT(DISTINCT move_id)"
            " FROM client_credit_batch_line WHERE batch_id = ANY(%s)",
            [self.credit_id, self.charge_id],
        )
        [(small,)] = self._query(
            "SELECT COUNT(*) FROM account_move WHERE client_adjustment_key LIKE %s"
            " AND state = 'posted'",
            f"fault-{self.credit_key}-%",
        )
        return {
            "lines not booked": 2 * lines - booked,
            "lines booked twice": twice,
            "small charges lost or booked twice": self.small_charges - small,
        }

    def _count_entries(self):
        """Return what is wrong with the entries of the clients, and their numbers."""
        moves = (
            "id IN (SELECT move_id FROM account_move_line WHERE partner_id = ANY(%s))"
        )
        [(entries,)] = self._query(
            f"SELECT COUNT(*) FROM account_move WHERE {moves}"  # noqa: S608
            " AND state = 'posted' AND client_adjustment_reason LIKE 'Fault %%'",
            self.partner_ids,
        )
        [(unbalanced,)] = self._query(
            f"""
            SELECT COUNT(*) FROM (
                SELECT move_id FROM account_move_line
                 WHERE move_{moves}
                 GROUP BY 1 HAVING ABS(SUM(balance)) > 0.001) entry
            """,  # noqa: S608
            self.partner_ids,
        )
        [(gaps,)] = self._query(
            """
            SELECT COALESCE(SUM(missing), 0) FROM (
                SELECT MAX(sequence_number) - MIN(sequence_number) + 1 - COUNT(*)
                       AS missing
                  FROM account_move
                 WHERE journal_id = %s AND id > %s AND state <> 'draft'
                 GROUP BY sequence_prefix) numbers
            """,
            self.journal_id,
            self._last_number,
        )
        return {
            "entries too many": entries - 2 * len(self.partner_ids),
            "entries that do not balance": unbalanced,
            "numbers missing": int(gaps),
        }

    def _count_books(self):
        """Return what is wrong with what the clients owe in the end.

        Credits are used up or booked back: what is owed is what was charged.
        """
        rows = self._query(
            """
            SELECT SUM(item.balance), SUM(item.balance - item.amount_residual)
              FROM account_move_line item
              JOIN account_account chart ON chart.id = item.account_id
             WHERE item.partner_id = ANY(%s) AND item.parent_state = 'posted'
               AND chart.account_type = 'asset_receivable'
             GROUP BY item.partner_id
            """,
            self.partner_ids,
        )
        total = sum(float(balance) for balance, _closed in rows)
        wrong = [closed for _balance, closed in rows if abs(closed) > 0.001]
        return {
            "clients whose open items differ from their ledger": len(wrong),
            "cents the sum is off": self._get_cents_off(total),
        }

    def _get_cents_off(self, total):
        """Return by how many cents the clients' ledger differs from what was done."""
        [(expired,)] = self._query(
            """
            SELECT COALESCE(SUM(item.balance), 0)
              FROM account_move entry
              JOIN account_move_line item ON item.move_id = entry.id
              JOIN account_account chart ON chart.id = item.account_id
             WHERE item.partner_id = ANY(%s) AND entry.state = 'posted'
               AND entry.client_expired_move_id IS NOT NULL
               AND chart.account_type = 'asset_receivable'
            """,
            self.partner_ids,
        )
        lines = len(self.partner_ids)
        expected = (
            lines * (CHARGE - CREDIT) + self.small_charges * SMALL + float(expired)
        )
        return round(abs(total - expected) * 100)

    def get_longest_portion(self):
        """Return the longest time between the beginnings of two portions that followed
        each other, in seconds."""
        rows = self._query(
            "SELECT DISTINCT write_date FROM client_credit_batch_line"
            " WHERE batch_id = ANY(%s) ORDER BY 1",
            [self.credit_id, self.charge_id],
        )
        moments = [moment for (moment,) in rows]
        gaps = [
            (after - before).total_seconds()
            for before, after in zip(moments, moments[1:], strict=False)
        ]
        return max(gaps, default=0.0)
