"""A real Odoo server for races and kills.

`HttpCase` serves all requests within the test's own transaction. This server is a
process of its own on the test database: each request has its own transaction, and what
it books is committed for good.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import xmlrpc.client
from pathlib import Path

from odoo.tools import config

HOST = "127.0.0.1"
START_TIMEOUT = 90
STOP_TIMEOUT = 20
# A call that met others is tried again up to five times, after up to half a minute.
CALL_TIMEOUT = 120

# Runs Odoo until the process that started it ends, even where that one was killed: its
# end of the pipe is closed then.
LAUNCHER = """
import os, runpy, signal, threading

def end_with_parent():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=end_with_parent, daemon=True).start()
runpy.run_module("odoo", run_name="__main__", alter_sys=True)
"""

# What Odoo answers when it has given up repeating by itself: the caller is to do it.
BUSY_MESSAGES = (
    "could not serialize access",
    "deadlock detected",
    "could not obtain lock",
    "Somebody else is changing the same records",
)
MAX_REPEATS = 10

# The fault codes of a `UserError` and of an `AccessError`, and their names in JSON-RPC.
REFUSED = 2
ACCESS_REFUSED = 4
REFUSED_NAMES = frozenset(
    f"odoo.exceptions.{name}"
    for name in ("UserError", "ValidationError", "AccessError", "MissingError")
)


def find_free_port():
    """Return a port of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class TimedTransport(xmlrpc.client.Transport):
    """A transport that gives up on a server that does not answer."""

    def make_connection(self, host):
        connection = super().make_connection(host)
        connection.timeout = CALL_TIMEOUT
        return connection


class JsonFault(Exception):
    """The error that a call over JSON-RPC raised on the server."""

    def __init__(self, error):
        data = error.get("data", {})
        self.name = data.get("name", "")
        self.message = data.get("message") or error.get("message", "")
        super().__init__(f"{self.name}: {self.message}")


def is_busy(fault):
    """Tell whether a call met others until Odoo gave up: it is to be repeated."""
    is_json = isinstance(fault, JsonFault)
    said = fault.message if is_json else fault.faultString
    return any(message in said for message in BUSY_MESSAGES)


def is_refusal(fault):
    """Tell whether a call was refused in words, and did not crash."""
    if is_busy(fault):
        return False
    if isinstance(fault, JsonFault):
        return fault.name in REFUSED_NAMES
    return fault.faultCode in (REFUSED, ACCESS_REFUSED)


class OdooServer:
    """Starts and ends a server process; at its own number, as others may run too."""

    def __init__(self, database, options=()):
        self.database = database
        self._options = options
        self.url = None
        self._process = None
        self._folder = Path(tempfile.mkdtemp(prefix="client_account_server_"))
        self._log = self._folder / "odoo.log"

    def start(self, login, password):
        """Start the server, and return once this user can sign in.

        The port is another one each time: that of a killed server may still be taken.

        :raise RuntimeError: with the end of the log, when it does not start
        """
        port = find_free_port()
        self.url = f"http://{HOST}:{port}"
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-c", LAUNCHER),
                    f"--config={self._write_config()}",
                    f"--database={self.database}",
                    f"--http-interface={HOST}",
                    f"--http-port={port}",
                    "--workers=0",
                    "--max-cron-threads=0",
                    *self._options,
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers(login, password):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Odoo did not start:\n{self.read_log()[-5000:]}")
            time.sleep(0.2)

    def _write_config(self):
        """Hand the configuration of this process on; return the path."""
        path = self._folder / "odoo.conf"
        values = {
            "addons_path": ",".join(config["addons_path"]),
            "list_db": False,
            **{
                name: config[name]
                for name in ("data_dir", "db_host", "db_port", "db_user", "db_password")
                if config[name]
            },
        }
        lines = [f"{name} = {value}" for name, value in values.items()]
        path.touch(mode=0o600)
        path.write_text("\n".join(["[options]", *lines, ""]))
        return path

    def _answers(self, login, password):
        try:
            self.sign_in(login, password)
        except OSError:
            return False
        return True

    def sign_in(self, login, password):
        """Return a client of this server.

        :raise AssertionError: when the password is wrong
        """
        with self.open_service("common") as common:
            uid = common.authenticate(self.database, login, password, {})
        if not uid:
            raise AssertionError(f"{login} cannot sign in.")
        return ServerClient(self, uid, password)

    def open_session(self, login, password):
        """Return a client of this server that calls as the web client does.

        :raise AssertionError: when the password is wrong
        """
        try:
            return JsonClient(self, login, password)
        except JsonFault as fault:
            raise AssertionError(f"{login} cannot sign in.") from fault

    def open_service(self, name):
        return xmlrpc.client.ServerProxy(
            f"{self.url}/xmlrpc/2/{name}", transport=TimedTransport(), allow_none=True
        )

    @property
    def pid(self):
        """The number of the process."""
        return self._process.pid

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def read_log(self):
        return self._log.read_text(errors="replace")

    def kill(self):
        """End the process at once, wherever it is in its work."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT)
            self._process.stdin.close()

    def close(self):
        """End the process in good order, and remove its files."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT)
            self.kill()
        shutil.rmtree(self._folder)


class ServerClient:
    """A signed-in user; threads may share it, as each call has its own connection."""

    def __init__(self, server, uid, password):
        self.server = server
        self.uid = uid
        self._password = password

    def prepare_arguments(self, model, method, *args, **kwargs):
        """Return the arguments of `execute_kw`."""
        return (
            self.server.database,
            self.uid,
            self._password,
            model,
            method,
            args,
            kwargs,
        )

    def call(self, model, method, *args, **kwargs):
        """Call a method once.

        :raise xmlrpc.client.Fault: when it raises an error
        """
        arguments = self.prepare_arguments(model, method, *args, **kwargs)
        with self.server.open_service("object") as models:
            return models.execute_kw(*arguments)

    def call_until_answered(self, model, method, *args, **kwargs):
        """Call a method again as long as the server finds its records too busy.

        :return: its answer, or the `Fault` with which it was refused
        """
        for repeats in range(MAX_REPEATS):
            try:
                return self.call(model, method, *args, **kwargs)
            except xmlrpc.client.Fault as fault:
                if is_refusal(fault):
                    return fault
                if not is_busy(fault) or repeats == MAX_REPEATS - 1:
                    raise


class JsonClient:
    """A user with a session; its calls pass the web client's own controller."""

    def __init__(self, server, login, password):
        self.server = server
        # No proxy: the server is this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
        )
        session = self._post(
            "/web/session/authenticate",
            {"db": server.database, "login": login, "password": password},
        )
        self.uid = session["uid"]

    def call(self, model, method, *args, **kwargs):
        """Call a method once.

        :raise JsonFault: when it raises an error
        """
        return self._post(
            "/web/dataset/call_kw",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def _post(self, path, params):
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        request = urllib.request.Request(
            self.server.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=CALL_TIMEOUT) as response:
            answer = json.load(response)
        if "error" in answer:
            raise JsonFault(answer["error"])
        return answer.get("result")
