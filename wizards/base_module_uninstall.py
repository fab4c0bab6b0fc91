from odoo import api, fields, models


class BaseModuleUninstall(models.TransientModel):
    _inherit = "base.module.uninstall"

    takes_client_accounts = fields.Boolean(compute="_compute_takes_client_accounts")

    @api.depends("module_ids")
    def _compute_takes_client_accounts(self):
        for wizard in self:
            names = wizard._get_modules().mapped("name")
            wizard.takes_client_accounts = "client_account" in names
