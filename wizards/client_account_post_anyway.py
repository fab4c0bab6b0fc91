from odoo import fields, models


class ClientAccountPostAnyway(models.TransientModel):
    _name = "client.account.post.anyway"
    _description = "Post Against the Client's Policies"

    move_ids = fields.Many2many("account.move", string="Documents")
    reason = fields.Text(help="Logged on the document and on the client's account.")

    def action_post_anyway(self):
        """Post the documents that their clients' policies refuse.

        :return: an action that shows them as they are now
        :raise UserError: when the reason is blank, or a document is no draft
        :raise AccessError: when the user is no approver
        """
        self.ensure_one()
        self.move_ids.action_client_post_anyway(self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
