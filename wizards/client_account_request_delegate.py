from odoo import api, fields, models


class ClientAccountRequestDelegate(models.TransientModel):
    _name = "client.account.request.delegate"
    _description = "Delegate an Account Request"

    request_id = fields.Many2one(
        "client.account.request", required=True, ondelete="cascade"
    )
    candidate_ids = fields.Many2many("res.users", compute="_compute_candidate_ids")
    user_id = fields.Many2one(
        "res.users", string="Approver", domain="[('id', 'in', candidate_ids)]"
    )

    @api.depends("request_id")
    def _compute_candidate_ids(self):
        for wizard in self:
            wizard.candidate_ids = wizard.request_id._get_delegates()

    def action_delegate(self):
        """Hand the decision to the approver chosen.

        :return: an action that closes the window
        :raise UserError: when that one may not decide
        """
        self.ensure_one()
        self.request_id.action_delegate(self.user_id.id)
        return {"type": "ir.actions.act_window_close"}
