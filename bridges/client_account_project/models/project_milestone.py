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
        if not milestones._may_be_done_by(vals):
            return super(ProjectMilestone, milestones).write(vals)
        before = milestones._get_done_pieces()
        result = super(ProjectMilestone, milestones).write(vals)
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
