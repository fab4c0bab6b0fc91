import time
import uuid
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor

from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name

from .server import CALL_TIMEOUT, OdooServer

ADMIN = ("admin", "admin")

# How long a call may take to get to the table that is held.
ARRIVAL_TIMEOUT = 20


class ServerCase(BaseCase):
    """Tests on a real server with real clients.

    What they book stays in the database: each test has clients of its own, in the
    main company. There is no transaction of the test itself, which could hold others
    up or show an old state: what is booked is read by short ones of their own.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = OdooServer(get_db_name(), cls._get_server_options())
        cls.addClassCleanup(cls.server.close)
        cls.server.start(*ADMIN)
        cls.admin = cls.server.sign_in(*ADMIN)

    @classmethod
    def _get_server_options(cls):
        """Return more arguments of Odoo's command line."""
        return ()

    def setUp(self):
        super().setUp()
        if not self.server.is_running():
            self.server.start(*ADMIN)

    # === Fixtures ===

    @classmethod
    def _sign_in(cls, login, password, group, module="client_account", **values):
        """Sign a user of a group in, made where a former run has not."""
        if not cls.admin.call("res.users", "search_count", [("login", "=", login)]):
            [(group_id,)] = cls._query(
                "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s",
                module,
                group,
            )
            cls.admin.call(
                "res.users",
                "create",
                {
                    "name": login,
                    "login": login,
                    "password": password,
                    "group_ids": [(6, 0, [group_id])],
                    **values,
                },
                context={"no_reset_password": True},
            )
        return cls.server.sign_in(login, password)

    @classmethod
    def _query(cls, query, *params):
        """Return the rows of a query in a transaction of its own."""
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(query, params)
            return cr.fetchall()

    def _make_clients(self, count):
        """Make clients with names of their own, and return their ids."""
        token = uuid.uuid4().hex[:8]
        return self.admin.call(
            "res.partner",
            "create",
            [{"name": f"Race {token} {number}"} for number in range(count)],
        )

    # === Racing ===

    def _race(self, calls, held_table, mode="SHARE"):
        """Make calls at once; a table is held until each of them waits.

        So all have begun, and read, before any of them has written.

        :param calls: functions without arguments
        :param str mode: how the table is held; others may not write to it at least
        :return: their answers in the same order
        """
        with (
            ThreadPoolExecutor(len(calls)) as pool,
            db_connect(get_db_name()).cursor() as holder,
        ):
            self._hold(holder, held_table, mode)
            futures = [pool.submit(call) for call in calls]
            try:
                self._wait_for_waiting(len(calls), futures)
            finally:
                holder.rollback()
            return [future.result(timeout=2 * CALL_TIMEOUT) for future in futures]

    def _hold(self, holder, table, mode="SHARE"):
        """Keep all others from writing to a table until the holder ends."""
        holder.execute("SET LOCAL lock_timeout = '10s'")
        holder.execute(f'LOCK TABLE "{table}" IN {mode} MODE')

    def _wait_for_waiting(self, count, futures=()):
        """Return once so many transactions wait for a lock."""

        def are_waiting():
            early = [future.result() for future in futures if future.done()]
            self.assertFalse(early, "No call should end before the race.")
            return self._count_waiting() >= count

        self._wait_until(are_waiting, f"{count} calls should wait for a lock.")

    def _count_waiting(self):
        """Return how many transactions wait for a lock."""
        [(count,)] = self._query(
            "SELECT COUNT(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return count

    def _wait_until(self, condition, message):
        deadline = time.monotonic() + ARRIVAL_TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline, message)
            time.sleep(0.05)

    @staticmethod
    def _get_refusals(answers):
        """Return the messages of the calls that were refused."""
        return [
            answer.faultString
            for answer in answers
            if isinstance(answer, xmlrpc.client.Fault)
        ]
