import secrets

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..utils import check_reason

# The lines whose entry still stands.
LEFT_TO_REVERSE = [("is_done", "=", True), ("is_reversed", "=", False)]


class ClientCreditBatch(models.Model):
    """Many credits or charges in one document."""

    _name = "client.credit.batch"
    _description = "Bulk Credits"
    # The amounts first: what it takes of a caller's context is protected afterwards.
    _inherit = ["client.amount.mixin", "client.batch.mixin", "client.reason.mixin"]
    _order = "id desc"
    _check_company_auto = True
    _batch_job = "client_account.ir_cron_credit_batches"
    _batch_content = frozenset(
        (
            "company_id",
            "kind",
            "reason",
            "reason_id",
            "date",
            "date_due",
            "date_expiry",
            "amount",
        )
    )
    _batch_frame = frozenset(("company_id", "kind"))

    kind = fields.Selection(
        [("credit", "Credits"), ("charge", "Charges")],
        default="credit",
        required=True,
        tracking=True,
    )
    reason = fields.Text(
        help="Shown in the history of each client whose line has no other."
    )
    date = fields.Date(
        copy=False, help="Of the lines that have no other. Empty: the day it is booked."
    )
    date_due = fields.Date(
        string="Due Date",
        copy=False,
        help="Of charges whose line has no other. Empty: their date.",
    )
    date_expiry = fields.Date(
        string="Usable Until",
        copy=False,
        help="The last day of the credits. Empty: as the reason or the company has it.",
    )
    amount = fields.Monetary(
        string="Amount for Each",
        help="Fills the amount of every line; then each can be changed.",
    )
    line_ids = fields.One2many(
        "client.credit.batch.line", "batch_id", string="Lines", copy=True
    )
    amount_total = fields.Monetary(string="Total", compute="_compute_amounts")
    amount_booked = fields.Monetary(string="Booked", compute="_compute_amounts")
    key = fields.Char(
        default=lambda self: secrets.token_hex(4),
        readonly=True,
        copy=False,
        groups="base.group_system",
        help="Begins the keys of its entries, by which each line is booked once.",
        written_by="workflow",
    )
    reverse_reason = fields.Text(
        string="Reversed Because", readonly=True, copy=False, written_by="workflow"
    )

    # === Compute ===

    @api.depends("line_ids.amount", "line_ids.is_done", "line_ids.is_reversed")
    def _compute_amounts(self):
        stored = self.filtered(lambda batch: isinstance(batch.id, int))
        # The sums are of the lines, and for those who may read the document.
        stored.check_access("read")
        for name, domain in (
            ("amount_total", []),
            ("amount_booked", [("is_done", "=", True), ("is_reversed", "=", False)]),
        ):
            sums = self._sum_amounts(stored, domain)
            for batch in stored:
                batch[name] = sums.get(batch, 0.0)
            # While it is edited, nothing of it is booked or read anew.
            for batch in self - stored:
                lines = batch.line_ids.filtered_domain(domain)
                batch[name] = sum(lines.mapped("amount"))

    @api.model
    def _sum_amounts(self, batches, domain):
        """Return {document: sum of its lines that a domain holds for}, in one query
        however many there are."""
        rows = self._get_lines()._read_group(
            [("batch_id", "in", batches.ids), *domain], ["batch_id"], ["amount:sum"]
        )
        return dict(rows)

    @api.onchange("amount")
    def _onchange_amount(self):
        """Give every line the amount for each; it may have another one afterwards."""
        if self.amount:
            for line in self.line_ids:
                line.amount = self.amount

    # === Making them ===

    @api.model
    def _open_for(self, clients, company):
        """Make a draft with a line for each client, and open it.

        :param clients: `res.partner`, contacts stand for their commercial partner
        :param company: `res.company`, a branch stands for its root
        :return: a window action
        :raise UserError: when there is no client
        """
        self.env["client.account"]._check_officer()
        if not clients:
            raise UserError(self.env._("Choose at least one client."))
        clients.check_access("read")
        batch = self.create(
            {
                "company_id": company.id,
                "line_ids": [
                    Command.create({"partner_id": client.id})
                    for client in clients.commercial_partner_id
                ],
            }
        )
        return batch._get_form_action()

    def _get_form_action(self):
        """Return the window action of one document."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Bulk Credits"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [[False, "form"]],
        }

    def action_import_lines(self):
        """Open Odoo's own import for the lines of one document."""
        self.ensure_one()
        self._check_draft()
        return {
            "type": "ir.actions.client",
            "tag": "import",
            "name": self.env._("Import Lines of %s", self.display_name),
            "params": {
                "active_model": self._get_lines()._name,
                "context": {"default_batch_id": self.id},
            },
        }

    def _get_expiry_date(self, date):
        """Return the last day of the credits of one document.

        :param date: of the credit, today when empty
        """
        self.ensure_one()
        # Sudo: a branch's user need not read the root company.
        company = self.sudo().company_id
        return self.date_expiry or company._get_client_expiry_date(date, self.reason_id)

    # === Results ===

    def action_allocate(self):
        """Make a preview of how the credits of the clients of one document, whatever
        they come from, are allocated.

        :return: a window action
        """
        self.ensure_one()
        accounts = self.env["client.account"]._find_accounts(
            self.line_ids.filtered("is_done").partner_id, self.company_id
        )
        return accounts.action_bulk_allocate()

    def action_view_moves(self):
        """Open the entries of one document.

        :return: a window action
        """
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Entries of %s", self.display_name),
            "res_model": "account.move",
            "views": [[False, "list"], [False, "kanban"], [False, "form"]],
            "domain": [("client_batch_line_ids.batch_id", "=", self.id)],
            "context": {"create": False},
        }

    # === Reversing ===

    def action_open_reversal(self):
        """Open the window that asks why one document is reversed."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Reverse %s", self.display_name),
            "res_model": "client.credit.batch.reverse",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_batch_id": self.id},
        }

    def action_reverse(self, reason):
        """Take back all that these documents have booked, by the job where it is much.

        Allocations are removed first. Entries are cancelled, or reversed where the
        books are locked.

        :param str reason: shown on the entries and in the accounts' chatter
        :return: True
        :raise UserError: when one is running or the reason is none
        """
        self.env["client.account"]._check_officer()
        self._check_not_running()
        for batch in self:
            text = check_reason(self.env, batch.display_name, reason)
            if batch.reverse_reason and not batch._has_left_to_reverse():
                continue
            if batch.done_count:
                batch._begin(LEFT_TO_REVERSE, reverse_reason=text)
            else:
                batch.action_cancel()
        return True

    def _has_left_to_reverse(self):
        """Return whether some of what one document has booked still stands."""
        return bool(
            self._get_lines().search_count(
                [("batch_id", "=", self.id), *LEFT_TO_REVERSE], limit=1
            )
        )

    def _check_may_start(self):
        """Override of `client.batch.mixin`."""
        self._check_not_reversed()
        return super()._check_may_start()

    def _check_not_reversed(self):
        """Make sure one document was not taken back.

        :raise UserError: otherwise
        """
        if self.reverse_reason:
            raise UserError(
                self.env._(
                    "%s was reversed. Copy it to book it again.", self.display_name
                )
            )

    def _check_may_reopen(self):
        """Override of `client.batch.mixin`."""
        self._check_not_reversed()
        return super()._check_may_reopen()

    def _get_state_finished(self):
        """Override of `client.batch.mixin`."""
        return "cancelled" if self.reverse_reason else super()._get_state_finished()

    def _get_finished_note(self):
        """Override of `client.batch.mixin`."""
        if self.reverse_reason:
            values = {
                "count": self._get_lines().search_count(
                    [("batch_id", "=", self.id), ("is_reversed", "=", True)]
                ),
                "problems": self.problem_count,
                "reason": self.reverse_reason,
            }
            if self.problem_count:
                return self.env._(
                    "%(count)s lines reversed, %(problems)s with a problem: %(reason)s",
                    **values,
                )
            return self.env._("%(count)s lines reversed: %(reason)s", **values)
        return super()._get_finished_note()
