import logging

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..exceptions import MEETINGS
from ..utils import come_again, with_defaults

_logger = logging.getLogger(__name__)

# Lines worked through in one transaction: what a kill costs, what is held in memory,
# and how long others may wait for a client.
PORTION = 100
# How often a portion that meets others is tried again before others have their turn.
MOST_TRIES = 5


class ClientBatchMixin(models.AbstractModel):
    """Documents with many lines that are worked through, in portions by a job where
    they are many.

    A portion is a transaction: what was killed goes on with the next one, and each line
    is done once, as the line itself says that it is. Two that take the same line at
    once meet at its row, and one of them starts again.
    """

    _name = "client.batch.mixin"
    _description = "Many Lines Worked Through in Portions"
    _inherit = ["client.protected.mixin", "mail.thread", "bus.listener.mixin"]

    # The job that works through what is too much to be done at once.
    _batch_job = ""
    # What is the user's to write in a draft, and nobody's later.
    _batch_content = frozenset(("company_id",))
    # What of it all lines have in common: it stays once one of them is done.
    _batch_frame = frozenset(("company_id",))

    name = fields.Char(
        string="Number",
        default=lambda self: self.env._("New"),
        required=True,
        readonly=True,
        copy=False,
        index="trigram",
        written_by="workflow",
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company.root_id,
        required=True,
        index=True,
        ondelete="cascade",
        help="The root company; its branches share the accounts.",
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("running", "Running"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
        index=True,
        written_by="workflow",
    )
    run_by_id = fields.Many2one(
        "res.users",
        readonly=True,
        copy=False,
        help="In whose name the job works.",
        written_by="workflow",
    )
    line_count = fields.Integer(string="Number of Lines", compute="_compute_counts")
    ready_count = fields.Integer(
        string="Ready",
        compute="_compute_counts",
        help="Lines without a problem that are not done yet.",
    )
    done_count = fields.Integer(string="Lines Done", compute="_compute_counts")
    problem_count = fields.Integer(string="Problems", compute="_compute_counts")
    progress = fields.Float(
        compute="_compute_counts",
        help="The share of the lines that have had their turn, in percent.",
    )

    # === Compute ===

    @api.depends(
        "state",
        "line_ids.is_done",
        "line_ids.is_waiting",
        "line_ids.problem",
    )
    def _compute_counts(self):
        counts = self._origin._fetch_counts()
        for batch in self:
            lines, done, problems, waiting, ready = counts.get(
                batch._origin.id, (0, 0, 0, 0, 0)
            )
            if not batch._origin:
                lines = ready = len(batch.line_ids)
            batch.line_count = lines
            batch.done_count = done
            batch.problem_count = problems
            batch.ready_count = ready
            batch.progress = 100.0 * (lines - waiting) / lines if lines else 0.0

    def _fetch_counts(self):
        """Return how many lines these documents have, in one query.

        What is done has a problem where it could not be taken back.

        :return: {id: (lines, done, with a problem, waiting for their turn, ready)}
        """
        lines = self._get_lines()
        lines.flush_model(["batch_id", "is_done", "is_waiting", "problem"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT batch_id, COUNT(*), COUNT(*) FILTER (WHERE is_done),
                       COUNT(*) FILTER (WHERE problem IS NOT NULL),
                       COUNT(*) FILTER (WHERE is_waiting),
                       COUNT(*) FILTER (
                           WHERE problem IS NULL AND is_done IS NOT TRUE)
                  FROM %s
                 WHERE batch_id = ANY(%s)
                 GROUP BY batch_id
                """,
                SQL.identifier(lines._table),
                self.ids,
            )
        )
        return {row[0]: row[1:] for row in rows}

    @api.model
    def _get_lines(self):
        """Return the empty recordset of the lines' model."""
        return self.env[self._fields["line_ids"].comodel_name]

    # === CRUD ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to number what is made, in the root company."""
        self._check_not_protected(
            {name for vals in vals_list for name in vals}, creating=True
        )
        self.env["client.account"]._check_officer()
        prepared = []
        for vals in with_defaults(self, vals_list, "company_id"):
            vals = self._in_root_company(vals)
            # Sudo: numbers are drawn by those who may not set them up.
            number = self.env["ir.sequence"].sudo().next_by_code(self._name)
            prepared.append({**vals, "name": number})
        return super(ClientBatchMixin, self._as_workflow()).create(prepared)

    @api.model
    def _in_root_company(self, vals):
        """Return the values with the root company for a branch of it."""
        if not vals.get("company_id"):
            return vals
        # Sudo: a branch's user need not read the root company.
        company_sudo = self.env["res.company"].sudo().browse(vals["company_id"])
        return {**vals, "company_id": company_sudo.root_id.id}

    def write(self, vals):
        """Override of the ORM to change nothing of what has begun."""
        changed = not self._batch_content.isdisjoint(vals)
        if changed:
            self._check_draft()
            vals = self._in_root_company(vals)
        if not self._batch_frame.isdisjoint(vals):
            self._check_nothing_done()
        result = super().write(vals)
        if changed:
            self._get_lines().search([("batch_id", "in", self.ids)])._uncheck()
        return result

    def _check_draft(self):
        """Make sure nothing of these has begun.

        :raise UserError: naming the one that has
        """
        for batch in self:
            if batch.state != "draft":
                raise UserError(
                    self.env._(
                        "%s has begun, so it can no longer change. Copy it to make "
                        "another one.",
                        batch.display_name,
                    )
                )

    def _check_nothing_done(self):
        """Make sure no line of these is done: a draft may have been cancelled midway.

        :raise UserError: naming the one that has such a line
        """
        for batch in self:
            if batch.done_count:
                raise UserError(
                    self.env._(
                        "%(count)s lines of %(batch)s are done, so it stays of the "
                        "same kind and company. Make another one for what is left.",
                        count=batch.done_count,
                        batch=batch.display_name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_begun(self):
        for batch in self:
            if batch.state == "running" or batch.done_count:
                raise UserError(
                    self.env._(
                        "%s has begun, so it is not deleted. Cancel it where it is "
                        "running, or reverse what it has booked.",
                        batch.display_name,
                    )
                )

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of %(batches)s are kept automatically. Use its buttons "
            "instead.",
            fields=self._get_protected_labels(names),
            batches=", ".join(self.mapped("display_name")[:5])
            or self.env._("a new document"),
        )

    # === Checking ===

    def action_check(self):
        """Say of each line what is wrong with it, before anything is booked.

        :return: True
        :raise UserError: when one is running
        """
        self.env["client.account"]._check_officer()
        for batch in self:
            batch._check_not_running()
            batch._check_lines()
        return True

    def _check_lines(self):
        """Check the lines of one document that are not done."""
        self._get_lines().search(
            [("batch_id", "=", self.id), ("is_done", "=", False)]
        )._check_again()

    def _check_not_running(self):
        """Make sure none of these is being worked through.

        :raise UserError: naming the one that is
        """
        for batch in self:
            if batch.state == "running":
                raise UserError(
                    self.env._(
                        "%s is running. Wait until it is done, or cancel it.",
                        batch.display_name,
                    )
                )

    # === Running ===

    def action_run(self):
        """Work through the lines without a problem, by the job where they are many.

        What is done already stays; run again, it goes on with what was mended since.

        :return: True
        :raise UserError: when no line can be done
        """
        self.env["client.account"]._check_officer()
        for batch in self.sorted("id"):
            if batch.state != "running":
                batch._start()
        return True

    def _start(self):
        """Begin with the lines of one document that have no problem."""
        self.ensure_one()
        self._check_may_start()
        self._check_lines()
        self.invalidate_recordset(flush=False)
        if not self.ready_count:
            if self.state == "done":
                # What is left stands beside its lines.
                return
            raise UserError(self._get_nothing_ready_message())
        self._begin([("is_done", "=", False), ("problem", "=", False)])

    def _check_may_start(self):
        """Make sure one document may be run now; to be extended."""
        if self.state == "cancelled":
            raise UserError(
                self.env._(
                    "%s is cancelled. Set it to draft to go on with it.",
                    self.display_name,
                )
            )

    def _get_nothing_ready_message(self):
        """Return that no line of one document can be done, in words."""
        if not self.line_count:
            return self.env._("%s has no lines. Add at least one.", self.display_name)
        return self.env._(
            "No line of %(batch)s can be booked: %(problem)s",
            batch=self.display_name,
            problem=self._get_lines()
            .search([("batch_id", "=", self.id), ("problem", "!=", False)], limit=1)
            .problem,
        )

    def _begin(self, domain, **values):
        """Have lines of one document wait for their turn, and work through them: at
        once where they are few, by the job where they are many.

        :param domain: of the lines
        :param values: to be written on the document
        """
        own = [("batch_id", "=", self.id)]
        lines = self._get_lines()
        waiting = lines.search([*own, *domain])
        # Left from a run that was cancelled: their turn is over.
        left = lines.search([*own, ("is_waiting", "=", True)]) - waiting
        left._as_workflow().write({"is_waiting": False})
        waiting._as_workflow().write({"is_waiting": True, "problem": False})
        self._as_workflow().write(
            {"state": "running", "run_by_id": self.env.uid, **values}
        )
        if len(waiting) > self._get_most_at_once():
            # Sudo: who may run this need not have rights on jobs.
            self.env.ref(self._batch_job).sudo()._trigger()
            self._tell_progress()
        else:
            while self._work():
                pass

    def _get_most_at_once(self):
        """Return how many lines are done without the job."""
        # Sudo: a branch's user need not read the root company.
        return self.sudo().company_id.client_batch_at_once

    def _work(self):
        """Work through the next portion of one document.

        :return: how many lines had their turn, 0 once it has ended
        """
        lines = self._get_lines().search(
            [("batch_id", "=", self.id), ("is_waiting", "=", True)],
            order="id",
            limit=PORTION,
        )
        if lines:
            lines._do_in_parts()
            lines._as_workflow().write({"is_waiting": False})
        if len(lines) < PORTION:
            self._finish()
            return 0
        self._tell_progress()
        return len(lines)

    def _finish(self):
        """End one document whose lines have all had their turn."""
        self._as_workflow().write({"state": self._get_state_finished()})
        self.env.flush_all()
        self.invalidate_recordset(flush=False)
        self._message_log(body=self._get_finished_note())
        self._tell_progress()

    def _get_state_finished(self):
        """Return the state of one document whose lines have all had their turn."""
        return "done"

    def _get_finished_note(self):
        """Return what became of one document, in words."""
        if self.problem_count:
            return self.env._(
                "%(done)s of %(lines)s lines done, %(problems)s with a problem.",
                done=self.done_count,
                lines=self.line_count,
                problems=self.problem_count,
            )
        return self.env._(
            "%(done)s of %(lines)s lines done.",
            done=self.done_count,
            lines=self.line_count,
        )

    def action_cancel(self):
        """Stop these after the portion that is being worked on; drafts are given up.

        What is done stays as it is.

        :return: True
        :raise UserError: when one has ended
        """
        self.env["client.account"]._check_officer()
        for batch in self:
            if batch.state == "done":
                raise UserError(
                    self.env._(
                        "%s is done. Reverse it to take back what it has booked.",
                        batch.display_name,
                    )
                )
        batches = self.filtered(lambda batch: batch.state != "cancelled")
        # Not the lines: that would stop the portion that is being worked on.
        batches._as_workflow().write({"state": "cancelled"})
        for batch in batches:
            batch._tell_progress()
        return True

    def action_draft(self):
        """Go on with documents that were cancelled.

        :return: True
        """
        self.env["client.account"]._check_officer()
        for batch in self.filtered(lambda batch: batch.state == "cancelled"):
            batch._check_may_reopen()
            batch._as_workflow().write({"state": "draft"})
        return True

    def _check_may_reopen(self):
        """Make sure a cancelled document may become a draft again; to be extended."""

    def action_view_lines(self):
        """Open the lines of one document, those with a problem first where some have.

        :return: a window action
        """
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Lines of %s", self.display_name),
            "res_model": self._get_lines()._name,
            # Cards on a telephone, which open one line at a time.
            "views": [[False, "list"], [False, "kanban"], [False, "form"]],
            "domain": [("batch_id", "=", self.id)],
            "context": {
                "search_default_with_problem": int(bool(self.problem_count)),
                "default_batch_id": self.id,
                "create": self.state == "draft",
            },
        }

    # === The job ===

    @api.model
    def _cron_run(self):
        """Work through all documents that are running, a portion of each in turn.

        Each portion is committed, so that a job that is killed goes on where it was.
        """
        cron = self.env["ir.cron"]
        tries = {}
        seconds_left = cron._commit_progress(remaining=self._count_waiting())
        while seconds_left > 0:
            batches = self.search([("state", "=", "running")], order="id").filtered(
                lambda batch: tries.get(batch.id, 0) < MOST_TRIES
            )
            if not batches:
                break
            for batch in batches:
                done = batch._work_in_job()
                tries[batch.id] = 0 if done is not None else tries.get(batch.id, 0) + 1
                # What was done is in no one's way any more.
                self.env.invalidate_all()
                seconds_left = cron._commit_progress(done or 0)
        if any(tries.values()):
            come_again(self.env, self._batch_job)

    @api.model
    def _count_waiting(self):
        """Return how many lines the job has before it."""
        return self._get_lines().search_count(
            [("is_waiting", "=", True), ("batch_id.state", "=", "running")]
        )

    def _work_in_job(self):
        """Work through the next portion of one document, in the name of who ran it.

        :return: how many lines had their turn, None where it is to be tried again, as
            others were met or nothing could be done
        """
        if problem := self._get_runner_problem():
            self._stop(problem)
            return 0
        try:
            done = self._as_runner()._work()
            self.env.flush_all()
            return done
        except MEETINGS:
            self.env.cr.rollback()
            return None
        except Exception:
            self.env.cr.rollback()
            _logger.exception("A portion of %s is tried line by line.", self)
        try:
            return self._as_runner()._work_line_by_line() or None
        except Exception:
            self.env.cr.rollback()
            _logger.exception("%s is tried again, and stops no other.", self)
            return None

    def _get_runner_problem(self):
        """Return why the job does not go on in the name of who ran one document, in
        words; an empty text where it does."""
        user = self.run_by_id
        batch = user and self._as_runner()
        try:
            if batch:
                batch.env["client.account"]._check_officer()
                batch.check_access("write")
                return ""
        except AccessError:
            _logger.info("%s may no longer work through %s.", user, self)
        return self.env._(
            "Stopped: %(user)s may no longer work on %(batch)s. Set it to draft, and "
            "have somebody run it who may.",
            user=user.display_name or self.env._("who ran it"),
            batch=self.display_name,
        )

    def _stop(self, problem):
        """Cancel one document that is running, and say why.

        :param str problem: for its chatter
        """
        self._as_workflow().write({"state": "cancelled"})
        self._message_log(body=problem)
        self._tell_progress()

    def _as_runner(self):
        """Return one document in the environment of who ran it."""
        user = self.run_by_id
        return self.with_user(user).with_context(
            allowed_company_ids=user._get_company_ids(), lang=user.lang, tz=user.tz
        )

    def _work_line_by_line(self):
        """Work through a portion of which a line fails otherwise than in words.

        :return: how many lines had their turn
        """
        lines = self._get_lines().search(
            [("batch_id", "=", self.id), ("is_waiting", "=", True)],
            order="id",
            limit=PORTION,
        )
        done = 0
        for line in lines:
            try:
                line._do_in_parts()
                line._as_workflow().write({"is_waiting": False})
                self.env.cr.commit()  # pylint: disable=invalid-commit
                done += 1
            except MEETINGS:
                # It stays waiting.
                self.env.cr.rollback()
            except Exception as fault:
                self.env.cr.rollback()
                _logger.exception("Line %s of %s failed.", line.id, self)
                # Some faults of Odoo say more than words, after them.
                words = fault.args[0] if fault.args else ""
                problem = str(words).strip()[:1000] or self.env._(
                    "An error occurred that does not say what is wrong (%s). Ask an "
                    "administrator to look at the server's log, and try again.",
                    type(fault).__name__,
                )
                line._as_workflow().write({"is_waiting": False, "problem": problem})
                self.env.cr.commit()  # pylint: disable=invalid-commit
                done += 1
        self._tell_progress()
        return done

    # === Progress ===

    def _tell_progress(self):
        """Tell whoever looks at one document how far it is, once this is committed."""
        self.env.flush_all()
        self.invalidate_recordset(
            ["done_count", "problem_count", "progress"], flush=False
        )
        self._bus_send(
            "client_account.batch_progress",
            {
                "model": self._name,
                "id": self.id,
                "state": self.state,
                "progress": self.progress,
            },
        )
