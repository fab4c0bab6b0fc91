from odoo import models


class AccountChartTemplate(models.AbstractModel):
    _inherit = "account.chart.template"

    def _post_load_data(self, template_code, company, template_data):
        """Override of `account` to give the company its method of the till, too."""
        result = super()._post_load_data(template_code, company, template_data)
        (company or self.env.company)._setup_client_till()
        return result
