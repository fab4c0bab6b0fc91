from odoo import api, fields, models

from odoo.addons.client_account.const import VIEWER

from ..const import CANCELED, DONE, TASK_LINE_FIELDS, TASK_WORK_FIELDS


class ProjectTask(models.Model):
    _name = "project.task"
    _inherit = ["project.task", "client.work.mixin", "client.payer.mixin"]

    client_completion_cost = fields.Monetary(
        string="Cost When Done",
        compute="_compute_client_completion_cost",
        currency_field="client_account_currency_id",
        groups=VIEWER,
        copy=False,
        help="What marking this as done takes from the client: its part of the order "
        "that is not billed yet, taxes included.",
    )

    @api.depends(
        "sale_line_id.order_id.partner_invoice_id",
        "sale_line_id.company_id",
        "partner_id",
        "company_id",
        "project_id.company_id",
    )
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_client_account_id(self):
        return super()._compute_client_account_id()

    @api.depends("state", "sale_line_id", "allocated_hours", "parent_id")
    def _compute_client_completion_cost(self):
        # Sudo: what is asked is the price of the order, whoever may read that.
        tasks = self._origin.sudo()
        work, root_ids = self.env["client.account"]._get_work_of(tasks)
        for task in self:
            record = task._origin.sudo()
            cost = 0.0
            if record.id in root_ids and record.state != DONE:
                key = (record._name, record.id)
                cost = work.get_cost(key, keeps_open=record._recurs_when_done())
                company = record.env["res.company"].browse(root_ids[record.id])
                cost = company.currency_id.round(cost)
            task.client_completion_cost = cost

    def _recurs_when_done(self):
        """Tell whether one task is followed by its next occurrence once it is done."""
        self.ensure_one()
        recurrence = self.recurrence_id
        if not recurrence or self.state in (DONE, CANCELED):
            return False
        last_ids = recurrence._get_last_task_id_per_recurrence_id()
        if last_ids.get(recurrence.id) != self.id:
            return False
        if recurrence.repeat_type != "until" or not self.date_deadline:
            return True
        following = self.date_deadline + recurrence._get_recurrence_delta()
        return bool(
            recurrence.repeat_until and following.date() <= recurrence.repeat_until
        )

    # === CRUD ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `project` to judge tasks that are made as done."""
        model, anyway = self._take_post_anyway()
        tasks = super(ProjectTask, model).create(vals_list)
        # Sudo: who makes a task need not read it afterwards.
        if done := tasks.filtered(lambda task: task.sudo().state == DONE):
            done._judge_done({}, anyway, are_new=True)
        return tasks

    def write(self, vals):
        """Override of `project` to judge tasks that are marked as done, or of which
        more is done than before."""
        tasks, anyway = self._take_post_anyway()
        following = tasks
        if not TASK_LINE_FIELDS.isdisjoint(vals):
            following |= tasks._get_all_below()
        if not following._may_be_done_by(vals):
            return super(ProjectTask, tasks).write(vals)
        before = following._get_done_pieces()
        result = super(ProjectTask, tasks).write(vals)
        following._judge_done(before, anyway)
        return result

    def _get_all_below(self):
        """Return the tasks below these, whose cost goes by the order line above: those
        that have none take it over, and those on the same one cost nothing."""
        # Sudo: they may be out of the user's reach.
        return self.sudo()._get_all_subtasks().sudo(self.env.su)

    def _may_be_done_by(self, vals):
        """Tell whether writing these values may have more done than before."""
        if vals.get("state") == DONE:
            return True
        return not TASK_WORK_FIELDS.isdisjoint(vals) and any(
            # Sudo: whoever writes need not read.
            task.state == DONE
            for task in self.sudo()
        )

    @api.model
    def _search_done(self, domain):
        """Return the tasks of a domain that are done, and those below: what their
        order line becomes elsewhere may have them cost more.

        :param domain: of tasks, whoever may read them
        """
        # Sudo: the policy binds whoever acts, whatever they may see.
        tasks = self.sudo().with_context(active_test=False).search(domain)
        tasks |= tasks._get_all_subtasks()
        return tasks.filtered(lambda task: task.state == DONE).with_env(self.env)

    # === Work for a client ===

    def _get_done_vals(self):
        """Override of `client.work.mixin`."""
        return {"state": DONE}

    def _get_client_payer(self):
        """Override of `client.payer.mixin`."""
        self.ensure_one()
        return self._get_payer_of(
            self.sale_line_id.order_id,
            self.partner_id,
            self.company_id or self.project_id.company_id,
        )
