from odoo import fields, models

from ..const import MARKS, VIEWER


class AccountMove(models.Model):
    """Entries that write off a small difference of a client."""

    _inherit = "account.move"

    client_write_off = fields.Boolean(
        string="Write-Off",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="Says that this entry writes off what was left open on a document of a "
        "client.",
        written_by="addon",
    )

    def _is_write_off_kept(self):
        """Tell whether each of these is a posted write-off that nobody has reversed."""
        return all(
            move.client_write_off
            and move.state == "posted"
            and "posted" not in move.reversal_move_ids.mapped("state")
            for move in self
        )

    def _get_write_offs(self):
        """Return the posted entries that wrote off what was left open on these."""
        documents = self._get_client_allocations()._get_documents() - self
        return documents.filtered(
            lambda move: move.client_write_off and move.state == "posted"
        )

    def _get_allocations_opened(self):
        """Override: what was written off of these goes with them."""
        opened = super()._get_allocations_opened()
        return opened - self._get_write_offs()._get_client_allocations()
