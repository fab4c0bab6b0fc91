from odoo import models
from odoo.exceptions import UserError
from odoo.http import request

from ..exceptions import MEETINGS, get_meeting_message


class IrHttp(models.AbstractModel):
    """Say in words that others were in the way.

    What meets others is repeated by Odoo itself. Where they last longer than that,
    whoever asked would read the words of the database, which say nothing of what to do.
    """

    _inherit = "ir.http"

    @classmethod
    def _handle_error(cls, exception):
        """Override of `http` to answer a sentence where repeating has not helped."""
        if isinstance(exception, MEETINGS):
            exception = UserError(get_meeting_message(request.env))
        return super()._handle_error(exception)
