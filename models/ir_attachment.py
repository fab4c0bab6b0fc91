from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ..const import MAX_FILES_A_DAY

REQUEST = "client.account.request"


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to bound what one person attaches to account requests."""
        if count := sum(vals.get("res_model") == REQUEST for vals in vals_list):
            self._check_client_daily_bound(count)
        return super().create(vals_list)

    @api.model
    def _check_client_daily_bound(self, count):
        """Make sure one person attaches no more in a day than approvers can read.

        :param int count: of the files to be attached
        :raise UserError: when it would be more
        """
        since = fields.Datetime.now() - timedelta(days=1)
        # Sudo: files of requests that the user no longer sees count, too.
        attached = self.sudo().search_count(
            [
                ("res_model", "=", REQUEST),
                ("create_uid", "=", self.env.uid),
                ("create_date", ">", since),
            ]
        )
        if attached + count > MAX_FILES_A_DAY and self.env.uid != SUPERUSER_ID:
            raise UserError(
                self.env._(
                    "%(user)s attached %(attached)s files to account requests in the "
                    "last 24 hours, and %(most)s are the most. Attach further ones "
                    "tomorrow.",
                    user=self.env.user.name,
                    attached=attached,
                    most=MAX_FILES_A_DAY,
                )
            )
