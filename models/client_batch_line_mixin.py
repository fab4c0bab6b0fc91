from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from ..const import CHECKED_AT_ONCE


class ClientBatchLineMixin(models.AbstractModel):
    """Lines of documents that are worked through, see `client.batch.mixin`."""

    _name = "client.batch.line.mixin"
    _description = "A Line Worked Through in Its Turn"
    _inherit = ["client.protected.mixin"]
    _order = "id"

    # What is the user's to write until the line is done.
    _line_content = frozenset()

    is_checked = fields.Boolean(readonly=True, copy=False, written_by="workflow")
    is_waiting = fields.Boolean(
        readonly=True,
        copy=False,
        help="Its turn comes while the document is running.",
        written_by="workflow",
    )
    is_done = fields.Boolean(readonly=True, copy=False, written_by="workflow")
    problem = fields.Text(
        readonly=True,
        copy=False,
        help="Why the line is not done, and what to do about it.",
        written_by="workflow",
    )
    state = fields.Selection(
        [
            ("draft", "Not Checked"),
            ("ready", "Ready"),
            ("problem", "To Mend"),
            ("waiting", "Waiting"),
            ("done", "Done"),
        ],
        compute="_compute_state",
    )

    # === Compute ===

    @api.depends("is_checked", "is_done", "is_waiting", "problem", "batch_id.state")
    def _compute_state(self):
        for line in self:
            line.state = line._get_state()

    def _get_state(self):
        """Return the state of one line."""
        if self.problem:
            return "problem"
        if self.is_done:
            return "done"
        if self.is_waiting and self.batch_id.state == "running":
            return "waiting"
        return "ready" if self.is_checked else "draft"

    # === CRUD ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to add lines to drafts only."""
        lines = super().create(vals_list)
        lines.batch_id._check_draft()
        return lines

    def write(self, vals):
        """Override of the ORM to change no line that is done or has its turn.

        What was checked is checked again: the sentence is about what there was.
        """
        if self._line_content.isdisjoint(vals):
            return super().write(vals)
        self._check_open()
        result = super().write(vals)
        self.filtered("is_checked")._check_again()
        return result

    def _check_again(self):
        """Say of each of these lines, of whichever documents, what is wrong with it."""
        for lines in self.grouped("batch_id").values():
            for ids in split_every(CHECKED_AT_ONCE, lines.ids):
                part = lines.browse(ids)
                part._keep_problems(part._get_problems())

    def _check_open(self):
        """Make sure these lines may change.

        :raise UserError: naming the document
        """
        self.batch_id._check_not_running()
        for line in self:
            if line.is_done:
                raise UserError(
                    self.env._(
                        "%(line)s of %(batch)s is done, so the line can no longer "
                        "change.",
                        line=line.display_name,
                        batch=line.batch_id.display_name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_done(self):
        self._check_open()

    def _get_protected_message(self, names):
        """Override of `client.protected.mixin`."""
        return self.env._(
            "%(fields)s of the lines of %(batches)s are kept automatically. Check "
            "or run it instead.",
            fields=self._get_protected_labels(names),
            batches=", ".join(self.batch_id.mapped("display_name")[:5])
            or self.env._("a document"),
        )

    # === Checking ===

    def _get_problems(self):
        """Return what is wrong with these lines of one document, in few queries for
        all of them; to be overridden.

        :return: {line: sentence}, without those that are right
        """
        raise NotImplementedError

    def _keep_problems(self, problems):
        """Keep what is wrong with these lines, in one statement.

        :param problems: {line: sentence}, without those that are right
        """
        if not self:
            return
        names = ("is_checked", "problem")
        self.flush_recordset(names)
        self.env.cr.execute(
            SQL(
                """
                UPDATE %s line
                   SET is_checked = TRUE, problem = checked.problem,
                       write_uid = %s, write_date = now() AT TIME ZONE 'UTC'
                  FROM unnest(%s::integer[], %s::text[]) checked(id, problem)
                 WHERE line.id = checked.id
                """,
                SQL.identifier(self._table),
                self.env.uid,
                self.ids,
                [problems.get(line) for line in self],
            )
        )
        self.invalidate_recordset(names, flush=False)
        self.modified(names)

    def _uncheck(self):
        """Forget what is wrong with these lines: something else of them changed."""
        self._as_workflow().write({"is_checked": False, "problem": False})

    # === Working ===

    def _do(self):
        """Do these lines of one document, all or none; to be overridden.

        :raise UserError: when one cannot be done
        """
        raise NotImplementedError

    def _do_in_parts(self):
        """Do these lines; those that are refused say why, and stop no other.

        They are done together, and where that is refused by halves: one of them costs
        a few attempts, not as many as there are lines.
        """
        try:
            with self.env.cr.savepoint():
                self._do()
            return
        except UserError as error:
            if len(self) == 1:
                self._as_workflow().write({"problem": str(error)})
                return
        half = len(self) // 2
        self[:half]._do_in_parts()
        self[half:]._do_in_parts()
