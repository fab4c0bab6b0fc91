import re

from odoo import models

from ..const import VIEWER

# A channel that a screen asks for: the document it looks at.
CHANNEL = re.compile(r"(client\.credit(?:\.[a-z]+)?\.batch)_([0-9]{1,9})")


class IrWebsocket(models.AbstractModel):
    """Let those who may see a document of many lines hear how far it is."""

    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Override of `bus` to know the documents that screens ask for."""
        others = []
        for channel in channels:
            match = isinstance(channel, str) and CHANNEL.fullmatch(channel)
            if not match:
                others.append(channel)
            elif self.env.user.has_group(VIEWER) and match[1] in self.env:
                batch = self.env[match[1]].browse(int(match[2])).exists()
                others += batch._filtered_access("read")
        return super()._build_bus_channel_list(others)
