from odoo import api, models

from ..const import MILESTONE_WORK_FIELDS


class ProjectMilestone(models.Model):
    _name = "project.milestone"
    _inherit = ["project.milestone", "client.work.mixin"]

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `project` to judge milestones that are made as reached."""
        model, anyway = self._take_post_anyway()
        milestones = super(ProjectMilestone, model).create(vals_list)
        if reached := milestones.sudo().filtered("is_reached"):
            reached.sudo(self.env.su)._judge_done({}, anyway, are_new=True)
        return milestones

    def write(self, vals):
        """Override of `project` to judge milestones that are reached, or of which more
        is to be billed than before."""
        milestones, anyway = self._take_post_anyway()
        tasks = self.env["project.task"]
        if vals.get("sale_line_id"):
            # Those that have no order line take it over.
            tasks = tasks._search_done([("milestone_id", "in", self.ids)])
        if not tasks and not milestones._may_be_done_by(vals):
            return super(ProjectMilestone, milestones).write(vals)
        tasks_before = tasks._get_done_pieces()
        before = milestones._get_done_pieces()
        result = super(ProjectMilestone, milestones).write(vals)
        # They stay done with a refusal, so there is nothing to be done anyway.
        tasks._judge_done(tasks_before, are_new=True)
        milestones._judge_done(before, anyway)
        return result

    def _may_be_done_by(self, vals):
        """Tell whether writing these values may have more reached than before."""
        return bool(vals.get("is_reached")) or (
            not MILESTONE_WORK_FIELDS.isdisjoint(vals)
            # Sudo: whoever writes need not read.
            and any(self.sudo().mapped("is_reached"))
        )

    def _get_done_vals(self):
        """Override of `client.work.mixin`."""
        return {"is_reached": True}
