from odoo.exceptions import UserError
from odoo.http import request

from odoo.addons.rpc.controllers import RPC

from ..exceptions import MEETINGS, get_meeting_message


class ClientRPC(RPC):
    """Say in words that others were in the way to programs that speak XML-RPC, as
    `ir.http` does to all others: Odoo words these answers before it asks that.

    Odoo serves it where its own addon of these addresses is installed, and the database
    is the only one or told by the host's name.
    """

    def _xmlrpc(self, service):
        """Override of `rpc` to answer a sentence where repeating has not helped."""
        # Now: the cursor of the request is closed, and what it read of languages known.
        message = get_meeting_message(request.env)
        try:
            return super()._xmlrpc(service)
        except MEETINGS as fault:
            raise UserError(message) from fault
