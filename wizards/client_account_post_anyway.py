from odoo import api, fields, models
from odoo.exceptions import UserError


class ClientAccountPostAnyway(models.TransientModel):
    """Do what clients' policies refuse, with a reason: post documents, or whatever a
    glue addon has refused by `client.account._check_available`."""

    _name = "client.account.post.anyway"
    _description = "Post Against the Client's Policies"

    move_ids = fields.Many2many("account.move", string="Documents")
    res_model = fields.Char(help="The model of what is no journal entry.")
    res_ids = fields.Json(string="Records", help="The ids of its records.")
    record_names = fields.Char(compute="_compute_record_names")
    reason = fields.Text(help="Logged on the document and on the client's account.")

    @api.depends("res_model", "res_ids")
    def _compute_record_names(self):
        for window in self:
            records = window.res_model and window._get_records()
            window.record_names = records and ", ".join(records.mapped("display_name"))

    def action_post_anyway(self):
        """Do what the policies refuse.

        :return: an action that shows the records as they are now
        :raise UserError: when the reason is blank, or a document is no draft
        :raise AccessError: when the user is no approver
        """
        self.ensure_one()
        self._get_records().action_client_post_anyway(self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _get_records(self):
        """Return the records that ask, each of a model with a method
        `action_client_post_anyway(reason)`.

        :raise UserError: when there is no such model
        """
        if not self.res_model:
            return self.move_ids
        model = self.env.get(self.res_model)
        ids = self.res_ids
        if (
            model is None
            or not isinstance(ids, list)
            or not hasattr(type(model), "action_client_post_anyway")
            or any(type(record_id) is not int for record_id in ids)
        ):
            raise UserError(
                self.env._("Open this window from a document that was refused.")
            )
        return model.browse(ids).exists()

    @api.model
    def _get_window(self, records, name=None):
        """Return the window in which an approver lets records pass anyway.

        :param records: of a model with a method `action_client_post_anyway(reason)`
        :param str name: what the act is called, by default to post anyway
        """
        return {
            "type": "ir.actions.act_window",
            "name": name or self.env._("Post Anyway"),
            "res_model": self._name,
            "views": [[False, "form"]],
            "target": "new",
            "context": {
                "default_res_model": records._name,
                "default_res_ids": records.ids,
            },
        }
