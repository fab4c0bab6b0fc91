from odoo import api, models
from odoo.fields import Domain
from odoo.tools import format_date

from ..const import SHOWN_TASKS


class ClientAccount(models.Model):
    """Projects and tasks of a client on the profile."""

    _inherit = "client.account"

    @api.model
    def _invalidate_figures(self):
        """Override to forget what tasks and projects show of it."""
        result = super()._invalidate_figures()
        names = ["client_balance"]
        self.env["project.project"].invalidate_model(names, flush=False)
        self.env["project.task"].invalidate_model(
            [*names, "client_completion_cost"], flush=False
        )
        return result

    def _get_profile_boxes(self):
        """Override to add the client's tasks, for those who may read tasks."""
        boxes = super()._get_profile_boxes()
        if self.env["project.task"].has_access("read"):
            boxes += self._get_jobs_boxes()
        return boxes

    def _get_jobs_boxes(self):
        """Return the box of what is open and what is done and not billed for one
        client, none where there is nothing."""
        domain = self._get_jobs_domain()
        open_domain = domain & Domain("is_closed", "=", False)
        tasks = self.env["project.task"]
        groups = tasks._read_group(open_domain, ["project_id"], ["__count"])
        done = self._get_done_amount() if self._may_see_figures() else 0.0
        if not groups and not done and not tasks.search_count(domain, limit=1):
            return []
        count = sum(count for _project, count in groups)
        shown = tasks.search(
            open_domain, order="date_deadline, priority DESC, id", limit=SHOWN_TASKS
        )
        return [
            self._get_profile_box(
                "jobs",
                self.env._("Tasks"),
                self.env._("%s open", count) if count else self.env._("None open"),
                tone="" if count else "muted",
                lines=[
                    done
                    and self._get_profile_line(
                        self.env._("Done, Not Billed"), self.currency_id.format(done)
                    ),
                    len(groups) > 1
                    and self._get_profile_line(
                        self.env._("Projects"), str(len(groups))
                    ),
                    *(
                        self._get_profile_line(
                            format_date(self.env, task.date_deadline)
                            or task.project_id.display_name,
                            task.name,
                            target=task,
                        )
                        for task in shown
                    ),
                ],
                buttons=self._get_profile_buttons(
                    ("action_view_tasks", self.env._("All Tasks"), None),
                    ("action_view_projects", self.env._("Projects"), None),
                ),
            )
        ]

    def _get_jobs_domain(self):
        """Return the domain of the tasks that these clients pay for.

        Those are the tasks of their orders, and those that name a contact of theirs and
        no order.
        """
        # Sudo: who pays is not for the reader's rights to say.
        roots = self.sudo().company_id
        contact_ids = self._search_contacts().ids
        lines = (
            self.env["sale.order.line"]
            .sudo()
            .search(
                [
                    ("order_id.partner_invoice_id", "in", contact_ids),
                    ("company_id", "child_of", roots.ids),
                    ("state", "=", "sale"),
                    ("is_service", "=", True),
                ]
            )
        )
        companies = Domain("company_id", "=", False) | Domain(
            "company_id", "child_of", roots.ids
        )
        of_order = Domain("sale_line_id", "in", lines.ids)
        of_contact = (
            Domain("sale_line_id", "=", False)
            & Domain("partner_id", "in", contact_ids)
            & companies
        )
        return (
            Domain("project_id", "!=", False)
            & Domain("is_template", "=", False)
            & (of_order | of_contact)
        )

    def action_view_tasks(self):
        """Open the tasks of these clients."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Tasks"),
            "res_model": "project.task",
            "views": [[False, "list"], [False, "kanban"], [False, "form"]],
            "domain": list(self._get_jobs_domain()),
            "context": {"create": False},
        }

    def action_view_projects(self):
        """Open the projects in which these clients have tasks, or that are theirs."""
        tasks = self.env["project.task"].search(self._get_jobs_domain())
        domain = Domain("id", "in", tasks.project_id.ids) | Domain(
            "partner_id", "in", self._search_contacts().ids
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Projects"),
            "res_model": "project.project",
            "views": [[False, "list"], [False, "kanban"], [False, "form"]],
            "domain": list(domain & Domain("is_template", "=", False)),
            "context": {"create": False},
        }
