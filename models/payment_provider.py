from odoo import api, models

from odoo.addons.payment import utils as payment_utils


class PaymentProvider(models.Model):
    _inherit = "payment.provider"

    @api.model
    def _get_compatible_providers(
        self, company_id, partner_id, *args, report=None, **kwargs
    ):
        """Override of `payment` to offer who pays up front nothing to be paid later.

        Providers with the code `custom` take no money: a wire transfer, or payment
        later.
        """
        providers = super()._get_compatible_providers(
            company_id, partner_id, *args, report=report, **kwargs
        )
        custom = providers.filtered(lambda provider: provider.code == "custom")
        if not custom:
            return providers
        pay_later = self.env["client.account"]._get_client_policy(
            self.env["res.partner"].browse(partner_id),
            self.env["res.company"].browse(company_id),
            "pay_later",
        )
        if pay_later != "disabled":
            return providers
        payment_utils.add_to_report(
            report,
            custom,
            available=False,
            reason=self.env._("the client pays up front"),
        )
        return providers - custom
