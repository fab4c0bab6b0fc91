import email
import email.policy
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from threading import Barrier

from aiosmtpd.controller import Controller

from odoo.tests import tagged

from .server import CALL_TIMEOUT, HOST, find_free_port
from .server_case import ServerCase

REQUEST = "client.account.request"
REJECT = "client.account.request.reject"
APPROVERS = tuple(f"race_approver_{number}" for number in range(4))
REQUESTERS = ("race_requester_1", "race_requester_2")

# What each of the four approvers does at once, and whether the requester withdraws.
APPROVE, REJECT_IT, DELEGATE, WITHDRAW = "approve", "reject", "delegate", "withdraw"
ROUNDS = (
    (APPROVE, APPROVE, APPROVE, APPROVE),
    (APPROVE, APPROVE, REJECT_IT, REJECT_IT),
    (APPROVE, REJECT_IT, APPROVE, REJECT_IT, WITHDRAW),
    (APPROVE, APPROVE, APPROVE, APPROVE, WITHDRAW),
    (REJECT_IT, REJECT_IT, REJECT_IT, REJECT_IT, WITHDRAW),
)
ROUND_COUNT = 50
OUTCOMES = {APPROVE: "approved", REJECT_IT: "rejected", WITHDRAW: "withdrawn"}


class MailSink:
    """A mail server on this machine that keeps what it is sent."""

    def __init__(self):
        self.messages = []
        self.port = find_free_port()
        self._controller = None

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Take a message in, as aiosmtpd asks for."""
        message = email.message_from_bytes(
            envelope.original_content, policy=email.policy.default
        )
        self.messages.append((message["subject"], tuple(envelope.rcpt_tos)))
        return "250 OK"

    def open(self):
        """Listen, on the same port each time."""
        self._controller = Controller(self, hostname=HOST, port=self.port)
        self._controller.start()

    def close(self):
        if self._controller:
            self._controller.stop()
            self._controller = None

    def count(self, number, address):
        """Return how many messages about a request came for an address."""
        return sum(
            # The outcome's subject begins with the number.
            subject.startswith(f"{number} ") and address in recipients
            for subject, recipients in self.messages
        )


@tagged("post_install", "-at_install")
class TestRequestRaces(ServerCase):
    """Decisions at once, on a real server with real clients and a mail server."""

    @classmethod
    def setUpClass(cls):
        cls.sink = MailSink()
        cls.sink.open()
        cls.addClassCleanup(cls.sink.close)
        super().setUpClass()
        cls.approvers = [
            cls._sign_in(
                login,
                login,
                "group_client_account_approver",
                email=f"{login}@example.com",
            )
            for login in APPROVERS
        ]
        cls.requesters = [
            cls._sign_in(
                login, login, "group_user", "base", email=f"{login}@example.com"
            )
            for login in REQUESTERS
        ]
        cls.requester = cls.requesters[0]
        cls.address = f"{REQUESTERS[0]}@example.com"

    @classmethod
    def _get_server_options(cls):
        return (f"--smtp={HOST}", f"--smtp-port={cls.sink.port}")

    # === Fixtures ===

    def _make_request(self, client_id, limit, requester=None, **values):
        """Make a draft about a client, and return its id."""
        vals = {
            "partner_id": client_id,
            "requested_limit": limit,
            "reason": "Books every week",
            **values,
        }
        return (requester or self.requester).call(REQUEST, "create", vals)

    def _submit_request(self, client_id, limit, **values):
        request_id = self._make_request(client_id, limit, **values)
        self.requester.call(REQUEST, "action_submit", [request_id])
        return request_id

    def _read_request(self, request_id):
        """Return what tells how a request ended."""
        [row] = self._query(
            """
            SELECT request.name, request.state, request.decided_by_id,
                   request.previous_limit, account.state, account.credit_limit,
                   (SELECT COUNT(*) FROM mail_activity activity
                     WHERE activity.res_model = 'client.account.request'
                       AND activity.res_id = request.id AND activity.active)
              FROM client_account_request request
              JOIN client_account account ON account.id = request.account_id
             WHERE request.id = %s
            """,
            request_id,
        )
        return row

    def _count_outcome_mails(self, request_id):
        """Return how many e-mails about the outcome were made."""
        [(count,)] = self._query(
            """
            SELECT COUNT(*)
              FROM mail_mail mail
              JOIN mail_message message ON message.id = mail.mail_message_id
              JOIN client_account_request request ON request.id = message.res_id
             WHERE message.model = 'client.account.request' AND request.id = %s
               AND message.subject LIKE request.name || ' %%'
            """,
            request_id,
        )
        return count

    def _prepare_call(self, action, number, request_id):
        """Return a caller's part in a round: a function without arguments."""
        if action == WITHDRAW:
            client, model, method, args = (
                self.requester,
                REQUEST,
                "action_withdraw",
                ([request_id],),
            )
        else:
            client = self.approvers[number]
            model, method, args = REQUEST, "action_approve", ([request_id],)
        if action == REJECT_IT:
            wizard_id = client.call(
                REJECT, "create", {"request_id": request_id, "reason": f"No {number}"}
            )
            model, method, args = REJECT, "action_reject", ([wizard_id],)
        if action == DELEGATE:
            other = self.approvers[(number + 1) % 4]
            method, args = "action_delegate", ([request_id], other.uid)
        return partial(client.call_until_answered, model, method, *args)

    def _run_at_once(self, calls):
        """Make calls that start together, and return their answers."""
        barrier = Barrier(len(calls))

        def run(call):
            barrier.wait(CALL_TIMEOUT)
            return call()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls, timeout=2 * CALL_TIMEOUT))

    # === One outcome, one e-mail ===

    def _run_round(self, actions, client_id, held=False):
        """Let all decide about one request at once; return the id of the request."""
        request_id = self._submit_request(client_id, 500.0)
        calls = [
            self._prepare_call(action, number, request_id)
            for number, action in enumerate(actions)
        ]
        if held:
            answers = self._race(calls, "client_account_request")
        else:
            answers = self._run_at_once(calls)
        deciding = [
            (action, number, answer)
            for number, (action, answer) in enumerate(
                zip(actions, answers, strict=True)
            )
            if action != DELEGATE
        ]
        won = [
            (action, number)
            for action, number, answer in deciding
            if not isinstance(answer, xmlrpc.client.Fault)
        ]
        self.assertEqual(len(won), 1, answers)
        for refusal in self._get_refusals(answers):
            self.assertIn("does not wait for a decision", refusal)
        [(action, number)] = won
        self._assert_decided(request_id, action, number)
        return request_id

    def _assert_decided(self, request_id, action, number):
        """Check that request and account say what the one that got through did."""
        decider = self.requester if action == WITHDRAW else self.approvers[number]
        name, state, decided_by_id, previous, account, limit, activities = (
            self._read_request(request_id)
        )
        self.assertEqual((state, decided_by_id), (OUTCOMES[action], decider.uid), name)
        granted = action == APPROVE
        self.assertEqual(account, "granted" if granted else "not_granted", name)
        self.assertEqual(float(limit), 500.0 if granted else 0.0, name)
        self.assertEqual(float(previous or 0), 0.0, name)
        self.assertEqual(activities, 0, name)
        self.assertEqual(self._count_outcome_mails(request_id), 1, name)

    def test_fifty_rounds_of_four_approvers_have_one_outcome_and_one_mail_each(self):
        """Case 32: approve against reject and withdraw."""
        client_ids = self._make_clients(ROUND_COUNT)
        request_ids = [
            self._run_round(
                ROUNDS[number % len(ROUNDS)], client_id, held=number % 10 == 9
            )
            for number, client_id in enumerate(client_ids)
        ]
        rows = self._query(
            "SELECT name, state FROM client_account_request WHERE id = ANY(%s)",
            request_ids,
        )
        self.assertEqual(len(rows), ROUND_COUNT)
        # Each came first at times, or the rounds race nothing.
        self.assertEqual({state for _name, state in rows}, set(OUTCOMES.values()))
        self._wait_until(
            lambda: all(self.sink.count(name, self.address) for name, _state in rows),
            "Each outcome should be mailed.",
        )
        for name, _state in rows:
            self.assertEqual(self.sink.count(name, self.address), 1, name)

    def test_delegating_and_deciding_at_once_leaves_one_outcome(self):
        for client_id in self._make_clients(5):
            self._run_round((DELEGATE, APPROVE, DELEGATE, REJECT_IT), client_id)

    def test_two_approvals_at_once_are_two_agreements(self):
        """Neither of two who agree at once is lost, and one alone does not decide."""
        [(company_id,)] = self._query("SELECT company_id FROM res_users WHERE id = 2")
        switch = partial(self.admin.call, "res.company", "write", [company_id])
        switch({"client_two_approvers": True, "client_two_approvers_above": 100.0})
        self.addCleanup(switch, {"client_two_approvers": False})
        for client_id in self._make_clients(3):
            request_id = self._submit_request(client_id, 500.0)
            calls = [self._prepare_call(APPROVE, n, request_id) for n in range(2)]
            answers = self._race(calls, "client_account_request")
            self.assertEqual(answers, [True, True])
            [(agreed,)] = self._query(
                "SELECT COUNT(*) FROM client_account_request_agreed_rel"
                " WHERE request_id = %s",
                request_id,
            )
            self.assertEqual(agreed, 2)
            _name, state, *_rest, limit, _activities = self._read_request(request_id)
            self.assertEqual((state, float(limit)), ("approved", 500.0))
            self.assertEqual(self._count_outcome_mails(request_id), 1)

    # === One open request ===

    def test_two_requests_about_one_client_submitted_at_once_are_one(self):
        for client_id in self._make_clients(10):
            calls = [
                partial(
                    requester.call_until_answered,
                    REQUEST,
                    "action_submit",
                    [self._make_request(client_id, 100.0, requester)],
                )
                for requester in self.requesters
            ]
            answers = self._run_at_once(calls)
            [refusal] = self._get_refusals(answers)
            self.assertIn("waits for a decision", refusal)
            self.assertIn(True, answers)
            rows = self._query(
                "SELECT state FROM client_account_request WHERE partner_id = %s",
                client_id,
            )
            self.assertCountEqual(rows, [("draft",), ("submitted",)])

    # === The job and the mail server ===

    def _run_job(self, module, name):
        """Run a scheduled job now."""
        [(cron_id,)] = self._query(
            "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s",
            module,
            name,
        )
        self.admin.call_until_answered("ir.cron", "method_direct_trigger", [cron_id])

    def test_two_jobs_at_once_lapse_a_limit_once(self):
        [client_id] = self._make_clients(1)
        until = date.today() + timedelta(days=3)
        request_id = self._submit_request(client_id, 500.0, limit_until=str(until))
        self.approvers[0].call(REQUEST, "action_approve", [request_id])
        [(account_id,)] = self._query(
            """
            UPDATE client_account SET limit_until = limit_until - 30
             WHERE limit_request_id = %s RETURNING id
            """,
            request_id,
        )
        job = partial(self._run_job, "client_account", "ir_cron_lapse_limits")
        self._run_at_once([job] * 2)
        rows = self._query(
            "SELECT state, credit_limit, limit_until FROM client_account WHERE id = %s",
            account_id,
        )
        self.assertEqual(rows, [("not_granted", 0, None)])
        [(notes,)] = self._query(
            "SELECT COUNT(*) FROM mail_message WHERE model = 'client.account'"
            " AND res_id = %s AND body LIKE '%%lapsed%%'",
            account_id,
        )
        self.assertEqual(notes, 1)

    def test_mail_waits_while_the_mail_server_is_down_and_is_sent_once(self):
        """Case 38."""
        [client_id] = self._make_clients(1)
        request_id = self._submit_request(client_id, 500.0)
        self.sink.close()
        try:
            self.approvers[0].call(REQUEST, "action_approve", [request_id])
            name, state, *_rest = self._read_request(request_id)
            self.assertEqual(state, "approved")
            self.assertEqual(self._count_outcome_mails(request_id), 1)
            self.assertEqual(self.sink.count(name, self.address), 0)
        finally:
            self.sink.open()
        mail_ids = self.admin.call(
            "mail.mail",
            "search",
            [
                ("model", "=", REQUEST),
                ("res_id", "=", request_id),
                ("subject", "=like", f"{name} %"),
                ("state", "in", ("outgoing", "exception")),
            ],
        )
        self.assertEqual(len(mail_ids), 1)
        self.admin.call("mail.mail", "write", mail_ids, {"state": "outgoing"})
        for _run in range(2):
            self._run_job("mail", "ir_cron_mail_scheduler_action")
        self.assertEqual(self.sink.count(name, self.address), 1)
