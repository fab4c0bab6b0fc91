import email
import email.policy
import logging
import xmlrpc.client
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from threading import Barrier, Event

from aiosmtpd.controller import Controller

from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged

from .server import CALL_TIMEOUT, HOST, find_free_port
from .server_case import ADMIN, ServerCase

REQUEST = "client.account.request"
REJECT = "client.account.request.reject"
APPROVERS = tuple(f"race_approver_{number}" for number in range(4))
REQUESTERS = ("race_requester_1", "race_requester_2")

# What each of the four approvers does at once, and whether the requester withdraws.
# Granting is to write a limit of one's own, and to approve then.
APPROVE, GRANT, REJECT_IT = "approve", "grant", "reject"
DELEGATE, WITHDRAW = "delegate", "withdraw"
ROUNDS = (
    (APPROVE, APPROVE, APPROVE, APPROVE),
    (GRANT, GRANT, GRANT, GRANT),
    (APPROVE, APPROVE, REJECT_IT, REJECT_IT),
    (APPROVE, REJECT_IT, GRANT, REJECT_IT, WITHDRAW),
    (APPROVE, APPROVE, APPROVE, APPROVE, WITHDRAW),
    (REJECT_IT, REJECT_IT, REJECT_IT, REJECT_IT, WITHDRAW),
)
ROUND_COUNT = 50
# Each kind of round is held twice: all have begun before any has written.
HELD_COUNT = 2 * len(ROUNDS)
OUTCOMES = {
    APPROVE: "approved",
    GRANT: "approved",
    REJECT_IT: "rejected",
    WITHDRAW: "withdrawn",
}

ASKED = 500.0
FORMER = 300.0
# What each of the four approvers grants who does not grant what is asked.
OTHERS = (100.0, 200.0, 300.0, 400.0)

# A loser of a round reads one of these. The second: another limit came too late.
REFUSALS = "does not wait for a decision|cannot be written here"


Ended = namedtuple(
    "Ended",
    "name state decider previous granted account limit granted_by activities",
)


class MailSink:
    """A mail server on this machine that keeps what it is sent."""

    def __init__(self):
        self.messages = []
        # It logs each line of the protocol.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self.port = find_free_port()
        self._controller = None

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Take a message in, as aiosmtpd asks for."""
        message = email.message_from_bytes(
            envelope.original_content, policy=email.policy.default
        )
        subject = str(message["subject"])
        self.messages.append((subject, tuple(envelope.rcpt_tos)))
        return "250 OK"

    def open(self):
        """Listen, on the same port each time."""
        self._controller = Controller(self, hostname=HOST, port=self.port)
        self._controller.start()

    def close(self):
        if self._controller:
            self._controller.stop()
            self._controller = None

    def count_first_words(self, address, start=0):
        """Return how often each first word of a subject came for an address.

        An outcome's is the request's number.

        :param int start: how many of all messages to leave out
        """
        return Counter(
            subject.split(" ", 1)[0]
            for subject, recipients in self.messages[start:]
            if address in recipients
        )

    def count(self, number, address):
        """Return how many outcomes of a request came for an address."""
        return self.count_first_words(address)[number]


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
            SELECT request.name, request.state, request.decided_by_id AS decider,
                   COALESCE(request.previous_limit, 0)::float AS previous,
                   request.granted_limit::float AS granted,
                   account.state AS account, account.credit_limit::float AS limit,
                   account.limit_request_id AS granted_by,
                   (SELECT COUNT(*) FROM mail_activity activity
                     WHERE activity.res_model = 'client.account.request'
                       AND activity.res_id = request.id AND activity.active
                   ) AS activities
              FROM client_account_request request
              JOIN client_account account ON account.id = request.account_id
             WHERE request.id = %s
            """,
            request_id,
        )
        return Ended(*row)

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
        client = self.requester if action == WITHDRAW else self.approvers[number]
        call = partial(client.call_until_answered, REQUEST)
        if action == GRANT:
            return partial(self._grant, client, request_id, OTHERS[number])
        if action == WITHDRAW:
            return partial(call, "action_withdraw", [request_id])
        if action == DELEGATE:
            other = self.approvers[(number + 1) % len(self.approvers)]
            return partial(call, "action_delegate", [request_id], other.uid)
        if action == REJECT_IT:
            wizard_id = client.call(
                REJECT, "create", {"request_id": request_id, "reason": f"No {number}"}
            )
            return partial(
                client.call_until_answered, REJECT, "action_reject", [wizard_id]
            )
        return partial(call, "action_approve", [request_id])

    def _grant(self, client, request_id, limit):
        """Approve another limit than is asked, as the form does it: in two calls."""
        answer = client.call_until_answered(
            REQUEST, "write", [request_id], {"granted_limit": limit}
        )
        if isinstance(answer, xmlrpc.client.Fault):
            return answer
        return client.call_until_answered(REQUEST, "action_approve", [request_id])

    def _run_at_once(self, calls):
        """Make calls that start together, and return their answers."""
        barrier = Barrier(len(calls))

        def run(call):
            barrier.wait(CALL_TIMEOUT)
            return call()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls, timeout=2 * CALL_TIMEOUT))

    # === One outcome, one e-mail ===

    def _run_round(self, actions, client_id, held=False, former=False):
        """Let all decide about one request at once.

        :param bool held: whether all have to begin before any writes
        :param bool former: whether the client has a limit already
        :return: the ids of the client's requests
        """
        former_ids = [self._open_with_limit(client_id)] if former else []
        request_id = self._submit_request(client_id, ASKED)
        calls = [
            self._prepare_call(action, number, request_id)
            for number, action in enumerate(actions)
        ]
        if held:
            answers = self._race(calls, "client_account_request")
        else:
            answers = self._run_at_once(calls)
        for refusal in self._get_refusals(answers):
            self.assertRegex(refusal, REFUSALS)
        won = [
            (action, number)
            for number, (action, answer) in enumerate(
                zip(actions, answers, strict=True)
            )
            if action != DELEGATE and not isinstance(answer, xmlrpc.client.Fault)
        ]
        self.assertEqual(len(won), 1, answers)
        [(action, number)] = won
        self._assert_decided(request_id, action, number, *former_ids)
        return [*former_ids, request_id]

    def _open_with_limit(self, client_id):
        """Grant a new client a limit; return the id of the request."""
        request_id = self._submit_request(client_id, FORMER)
        self.approvers[0].call(REQUEST, "action_approve", [request_id])
        return request_id

    def _assert_decided(self, request_id, action, number, former_id=None):
        """Check that request and account say what the one that got through did."""
        decider = self.requester if action == WITHDRAW else self.approvers[number]
        former = FORMER if former_id else 0.0
        ended = self._read_request(request_id)
        approved = OUTCOMES[action] == "approved"
        self.assertEqual(
            ended,
            ended._replace(
                state=OUTCOMES[action],
                decider=decider.uid,
                previous=former if approved else 0.0,
                account="granted" if approved or former_id else "not_granted",
                limit=ended.granted if approved else former,
                granted_by=request_id if approved else former_id,
                activities=0,
            ),
        )
        # Between a limit one writes and one's approval another may write theirs.
        self.assertIn(ended.granted, OTHERS if action == GRANT else (ASKED, *OTHERS))
        self.assertEqual(self._count_outcome_mails(request_id), 1, ended)

    def _send_queue(self):
        """Send the mails that wait, as Odoo's job does."""
        return self._run_job("mail", "ir_cron_mail_scheduler_action")

    def _assert_mailed_once(self, request_ids):
        """Check that the requester got one e-mail about each request's outcome."""
        # What still waits now is sent, and would be a second one.
        self._send_queue()
        rows = self._query(
            "SELECT name FROM client_account_request WHERE id = ANY(%s)", request_ids
        )
        received = {name: self.sink.count(name, self.address) for (name,) in rows}
        self.assertEqual(received, dict.fromkeys(received, 1))
        self.assertEqual(len(received), len(request_ids))

    def test_fifty_rounds_of_four_approvers_have_one_outcome_and_one_mail_each(self):
        """Case 32: approve against reject and withdraw."""
        start = len(self.sink.messages)

        def run(number, client_id):
            return self._run_round(
                ROUNDS[number % len(ROUNDS)],
                client_id,
                held=number < HELD_COUNT,
                former=number // len(ROUNDS) % 4 == 0,
            )

        numbered = list(enumerate(self._make_clients(ROUND_COUNT)))
        batches = [[item] for item in numbered[:HELD_COUNT]]
        # The rest three at once: a loser spends most time waiting to try again.
        batches += [
            numbered[first : first + 3] for first in range(HELD_COUNT, ROUND_COUNT, 3)
        ]
        request_ids = []
        for batch in batches:
            with ThreadPoolExecutor(len(batch)) as pool:
                ended = list(pool.map(run, *zip(*batch, strict=True)))
            for ids in ended:
                self._assert_mailed_once(ids)
                request_ids += ids
        rows = self._query(
            "SELECT name, state FROM client_account_request WHERE id = ANY(%s)",
            request_ids,
        )
        # Each came first at times, or the rounds race nothing.
        self.assertEqual({state for _name, state in rows}, set(OUTCOMES.values()))
        # The requester got no other e-mail, and none later.
        self.assertEqual(
            self.sink.count_first_words(self.address, start),
            dict.fromkeys((name for name, _state in rows), 1),
        )

    def test_delegating_and_deciding_at_once_leaves_one_outcome(self):
        for client_id in self._make_clients(4):
            ids = self._run_round((DELEGATE, APPROVE, DELEGATE, REJECT_IT), client_id)
            self._assert_mailed_once(ids)

    def test_two_approvals_at_once_are_two_agreements(self):
        """Neither of two who agree at once is lost, and one alone does not decide."""
        [(company_id,)] = self._query("SELECT company_id FROM res_users WHERE id = 2")
        switch = partial(self.admin.call, "res.company", "write", [company_id])
        switch({"client_two_approvers": True, "client_two_approvers_above": 100.0})
        self.addCleanup(switch, {"client_two_approvers": False})
        for client_id in self._make_clients(3):
            request_id = self._submit_request(client_id, ASKED)
            calls = [self._prepare_call(APPROVE, n, request_id) for n in range(2)]
            answers = self._race(calls, "client_account_request")
            self.assertEqual(answers, [True, True])
            [(agreed,)] = self._query(
                "SELECT COUNT(*) FROM client_account_request_agreed_rel"
                " WHERE request_id = %s",
                request_id,
            )
            self.assertEqual(agreed, 2)
            ended = self._read_request(request_id)
            self.assertEqual((ended.state, ended.limit), ("approved", ASKED))
            self.assertEqual(self._count_outcome_mails(request_id), 1)
            self._assert_mailed_once([request_id])

    # === One open request ===

    def test_two_requests_about_one_client_submitted_at_once_are_one(self):
        for number, client_id in enumerate(self._make_clients(10)):
            calls = [
                partial(
                    requester.call_until_answered,
                    REQUEST,
                    "action_submit",
                    [self._make_request(client_id, 100.0, requester)],
                )
                for requester in self.requesters
            ]
            if number % 2:
                answers = self._race(calls, "client_account")
            else:
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

    def _get_job(self, module, name):
        """Return the id of a scheduled job."""
        [(cron_id,)] = self._query(
            "SELECT res_id FROM ir_model_data WHERE module = %s AND name = %s",
            module,
            name,
        )
        return cron_id

    def _run_job(self, module, name):
        """Run a scheduled job now."""
        cron_id = self._get_job(module, name)
        return self.admin.call_until_answered(
            "ir.cron", "method_direct_trigger", [cron_id]
        )

    def _make_lapsed(self, count):
        """Grant limits until a day that has passed since; return the accounts' ids."""
        until = str(date.today() + timedelta(days=3))
        request_ids = [
            self._submit_request(client_id, ASKED, limit_until=until)
            for client_id in self._make_clients(count)
        ]
        self.approvers[0].call(REQUEST, "action_approve", request_ids)
        rows = self._query(
            """
            WITH request AS (
                UPDATE client_account_request SET limit_until = limit_until - 30
                 WHERE id = ANY(%s) RETURNING id
            )
            UPDATE client_account SET limit_until = limit_until - 30
              FROM request
             WHERE limit_request_id = request.id RETURNING client_account.id
            """,
            request_ids,
        )
        return [account_id for (account_id,) in rows]

    def _assert_lapsed_once(self, account_ids):
        rows = self._query(
            """
            SELECT account.state, account.credit_limit::float, account.limit_until,
                   (SELECT COUNT(*) FROM mail_message message
                     WHERE message.model = 'client.account'
                       AND message.res_id = account.id
                       AND message.body LIKE '%%lapsed%%')
              FROM client_account account
             WHERE account.id = ANY(%s)
            """,
            account_ids,
        )
        self.assertEqual(rows, [("not_granted", 0.0, None, 1)] * len(account_ids))

    def test_a_job_started_twice_lapses_each_limit_once(self):
        """Odoo lets one job run once at a time, and refuses the second in words."""
        account_ids = self._make_lapsed(3)
        job = partial(self._run_job, "client_account", "ir_cron_lapse_limits")
        answers = self._run_at_once([job] * 2)
        self.assertIn(True, answers)
        for refusal in self._get_refusals(answers):
            self.assertIn("already executing", refusal)
        self._assert_lapsed_once(account_ids)

    def test_two_jobs_at_once_lapse_each_limit_once(self):
        """A copy of the job is a job of its own, which nothing keeps from running."""
        cron_id = self._get_job("client_account", "ir_cron_lapse_limits")
        [copy_id] = self.admin.call("ir.cron", "copy", [cron_id])
        self.addCleanup(self.admin.call, "ir.cron", "unlink", [copy_id])
        account_ids = self._make_lapsed(3)
        jobs = [
            partial(self.admin.call, "ir.cron", "method_direct_trigger", [job_id])
            for job_id in (cron_id, copy_id)
        ]
        # This mode lets both find the accounts, and neither lock the first one.
        answers = self._race(jobs, "client_account", "EXCLUSIVE")
        self.assertEqual(answers, [True, True])
        self._assert_lapsed_once(account_ids)

    def test_a_decision_at_the_time_of_the_lapse_stays(self):
        """Whichever comes first, what an approver grants today is in force."""
        job = partial(self._run_job, "client_account", "ir_cron_lapse_limits")
        for _round in range(3):
            [account_id] = self._make_lapsed(1)
            [(client_id,)] = self._query(
                "SELECT partner_id FROM client_account WHERE id = %s", account_id
            )
            request_id = self._submit_request(client_id, 800.0)
            approve = self._prepare_call(APPROVE, 1, request_id)
            answers = self._race([job, approve], "client_account", "EXCLUSIVE")
            self.assertEqual(answers, [True, True])
            ended = self._read_request(request_id)
            self.assertEqual((ended.state, ended.limit), ("approved", 800.0))

    def _fetch_starts(self, name):
        """Return in how many seconds a job of the addon starts beside its hour."""
        rows = self._query(
            "SELECT EXTRACT(EPOCH FROM call_at - now() AT TIME ZONE 'UTC')::float"
            " FROM ir_cron_trigger WHERE cron_id = %s",
            self._get_job("client_account", name),
        )
        return [seconds for (seconds,) in rows]

    def test_what_others_are_at_lapses_soon_and_not_a_day_later(self):
        held_id, free_id = self._make_lapsed(2)
        job = partial(self._run_job, "client_account", "ir_cron_lapse_limits")
        with db_connect(get_db_name()).cursor() as holder:
            holder.execute(
                "SELECT id FROM client_account WHERE id = %s FOR UPDATE", [held_id]
            )
            job()
        self._assert_lapsed_once([free_id])
        self.assertTrue(
            [s for s in self._fetch_starts("ir_cron_lapse_limits") if s < 120]
        )
        job()
        self._assert_lapsed_once([held_id])

    def test_the_mail_queue_at_work_sends_an_outcome_once(self):
        """The queue takes whatever waits; what is also sent otherwise goes twice."""
        request_ids = [
            self._submit_request(client_id, ASKED)
            for client_id in self._make_clients(10)
        ]
        decided = Event()

        def send_until_decided():
            while not decided.is_set():
                self._send_queue()

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send_until_decided)
            try:
                for request_id in request_ids:
                    self.approvers[0].call(REQUEST, "action_approve", [request_id])
            finally:
                decided.set()
            sending.result(CALL_TIMEOUT)
        self._assert_mailed_once(request_ids)

    def test_a_decision_that_has_to_start_again_is_mailed_once(self):
        """What is sent before the commit goes again with each try."""
        [client_id] = self._make_clients(1)
        [(term_id,)] = self._query("SELECT MIN(id) FROM account_payment_term")
        request_id = self._submit_request(client_id, ASKED, payment_term_id=term_id)
        with (
            ThreadPoolExecutor(1) as pool,
            db_connect(get_db_name()).cursor() as other,
        ):
            # The terms are written to the client last, after the outcome's mail.
            other.execute(
                "UPDATE res_partner SET comment = comment WHERE id = %s", [client_id]
            )
            approving = pool.submit(self._prepare_call(APPROVE, 0, request_id))
            try:
                self._wait_for_waiting(1, [approving])
            finally:
                other.commit()
            self.assertIs(approving.result(CALL_TIMEOUT), True)
        self._assert_decided(request_id, APPROVE, 0)
        self._assert_mailed_once([request_id])

    def _count_queue_starts(self):
        """Return how many starts of the mail queue are due."""
        cron_id = self._get_job("mail", "ir_cron_mail_scheduler_action")
        [(count,)] = self._query(
            "SELECT COUNT(*) FROM ir_cron_trigger WHERE cron_id = %s", cron_id
        )
        return count

    def _fetch_mail_states(self, mail_id):
        return self._query("SELECT state FROM mail_mail WHERE id = %s", mail_id)

    def test_mail_waits_while_the_mail_server_is_down_and_is_sent_once(self):
        """Case 38: the decision stands; the queue sends when somebody retries."""
        [client_id] = self._make_clients(1)
        request_id = self._submit_request(client_id, ASKED)
        # Over XML-RPC, a method that returns nothing cannot answer.
        browser = self.server.open_session(*ADMIN)
        starts = self._count_queue_starts()
        self.sink.close()
        try:
            self.approvers[0].call(REQUEST, "action_approve", [request_id])
            # The queue is to run at once, not when its hour comes.
            self.assertGreater(self._count_queue_starts(), starts)
            name = self._read_request(request_id).name
            [mail_id] = self.admin.call(
                "mail.mail",
                "search",
                [
                    ("model", "=", REQUEST),
                    ("res_id", "=", request_id),
                    ("subject", "=like", f"{name} %"),
                ],
            )
            self._send_queue()
            self._assert_decided_but_unsent(request_id, mail_id)
            browser.call("mail.mail", "action_retry", [mail_id])
            self._send_queue()
            self._assert_decided_but_unsent(request_id, mail_id)
        finally:
            self.sink.open()
        browser.call("mail.mail", "action_retry", [mail_id])
        self._assert_mailed_once([request_id])
        self._assert_mailed_once([request_id])
        self.assertEqual(self._fetch_mail_states(mail_id), [("sent",)])

    def _assert_decided_but_unsent(self, request_id, mail_id):
        ended = self._read_request(request_id)
        self.assertEqual((ended.state, ended.limit), ("approved", ASKED))
        self.assertEqual(self._fetch_mail_states(mail_id), [("exception",)])
        self.assertEqual(self.sink.count(ended.name, self.address), 0)
