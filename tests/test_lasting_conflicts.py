from datetime import datetime, timedelta
from unittest.mock import patch
from xmlrpc.client import Fault, ServerProxy

from odoo.exceptions import ConcurrencyError
from odoo.tests import HttpCase, JsonRpcException, get_db_name, tagged
from odoo.tests.common import Transport

from .common import ClientAccountCommon

OFFICER = "client_account.group_client_account_officer"
TRIES = "odoo.service.model.MAX_TRIES_ON_CONCURRENCY_FAILURE"


@tagged("post_install", "-at_install")
class TestLastingConflicts(ClientAccountCommon, HttpCase):
    """What a caller reads whom others kept meeting until Odoo gave up repeating."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = cls._make_user("conflicts_officer", OFFICER)

    def _read_fault(self, act):
        """Return what a caller reads for whom applying credits does something.

        :param act: function of the account
        """
        account_class = self.registry["client.account"]
        self.authenticate("conflicts_officer", "conflicts_officer")
        with (
            patch(TRIES, 1),
            patch.object(account_class, "apply_credits", act),
            self.assertRaises(JsonRpcException) as raised,
            self.assertLogs("odoo", "INFO"),
        ):
            self.make_jsonrpc_request(
                "/web/dataset/call_kw/client.account/apply_credits",
                {
                    "model": "client.account",
                    "method": "apply_credits",
                    "args": [self.account.ids],
                    "kwargs": {},
                },
            )
        return str(raised.exception)

    def test_the_database_s_words_are_not_shown(self):
        def meet(account):
            account.env.cr.execute(
                "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'could not serialize "
                "access', ERRCODE = 'serialization_failure'; END $$"
            )

        fault = self._read_fault(meet)
        self.assertIn("odoo.exceptions.UserError", fault)
        self.assertNotIn("serialize", fault)

    def test_programs_read_a_sentence_too(self):
        def meet(account):
            raise ConcurrencyError("could not serialize access")

        keys = self.env["res.users.apikeys"].with_user(self.officer)
        key = keys._generate("rpc", "Books", datetime.now() + timedelta(days=1))
        with (
            patch(TRIES, 1),
            patch.object(self.registry["client.account"], "apply_credits", meet),
            self.assertLogs("odoo", "INFO"),
        ):
            response = self.url_open(
                "/json/2/client.account/apply_credits",
                json={"ids": self.account.ids},
                headers={"Authorization": f"Bearer {key}"},
            )
        self.assertEqual(response.status_code, 422)
        self.assertIn("Somebody else is changing", response.json()["message"])

    def test_programs_that_speak_older_tongues_read_it_too(self):
        def meet(account):
            raise ConcurrencyError("could not serialize access")

        call = (get_db_name(), self.officer.id, "conflicts_officer")
        what = ("client.account", "apply_credits", self.account.ids)
        with (
            patch(TRIES, 1),
            patch.object(self.registry["client.account"], "apply_credits", meet),
            self.assertLogs("odoo", "INFO"),
        ):
            for path in ("/xmlrpc/2/", "/xmlrpc/"):
                with (
                    self.subTest(path=path),
                    self.assertRaisesRegex(Fault, "Somebody else is changing") as told,
                ):
                    self._open_xmlrpc(path).execute(*call, *what)
                self.assertNotIn("Traceback", str(told.exception))
            with self.assertRaises(JsonRpcException) as raised:
                self.make_jsonrpc_request(
                    "/jsonrpc",
                    {"service": "object", "method": "execute", "args": [*call, *what]},
                )
        self.assertIn("odoo.exceptions.UserError", str(raised.exception))

    def _open_xmlrpc(self, path):
        return ServerProxy(f"{self.base_url()}{path}object", transport=Transport(self))

    def test_taken_connections_are_said_alike(self):
        def meet(account):
            raise ConcurrencyError(account.env._("All connections are taken."))

        self.assertIn("odoo.exceptions.UserError", self._read_fault(meet))

    def test_other_faults_stay_what_they_are(self):
        def fail(account):
            raise ZeroDivisionError

        self.assertNotIn("UserError", self._read_fault(fail))
