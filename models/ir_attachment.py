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
        files = super().create(vals_list)
        # What is created may be told by the context as well.
        if any(file.res_model == REQUEST for file in files):
            self._check_client_daily_bound()
        return files

    def write(self, vals):
        """Override of `base`, as a file of a message is attached after it was made."""
        result = super().write(vals)
        if vals.get("res_model") == REQUEST:
            self._check_client_daily_bound()
        return result

    @api.model
    def _check_client_daily_bound(self):
        """Make sure one person attaches no more in a day than approvers can read.

        :raise UserError: when it has become more
        """
        since = fields.Datetime.now() - timedelta(days=1)
        # Sudo: files of requests that the user no longer sees count, too.
        attached = self.sudo().search_count(
            [
                ("res_model", "=", REQUEST),
                ("write_uid", "=", self.env.uid),
                ("write_date", ">", since),
            ]
        )
        if attached > MAX_FILES_A_DAY and self.env.uid != SUPERUSER_ID:
            raise UserError(
                self.env._(
                    "%(user)s attached more than %(most)s files to account requests in "
                    "the last 24 hours. Attach further ones tomorrow.",
                    user=self.env.user.name,
                    most=MAX_FILES_A_DAY,
                )
            )
