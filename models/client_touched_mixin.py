from odoo import fields, models
from odoo.tools import SQL


class ClientTouchedMixin(models.AbstractModel):
    """Have two who decide about the same record at once meet, and one start again."""

    _name = "client.touched.mixin"
    _inherit = ["client.protected.mixin"]
    _description = "Records That Are Decided About Once"

    lock_version = fields.Integer(
        default=0,
        required=True,
        readonly=True,
        copy=False,
        groups="base.group_system",
        technical=True,
        written_by="workflow",
    )

    def _touch(self):
        """Write these records' rows first, so that a concurrent change cannot be
        missed.

        The loser of two gets a serialization failure, which Odoo retries; a lock would
        keep the old snapshot. Never catch database errors around it.
        """
        if self:
            self.flush_recordset()
            self.env.execute_query(
                SQL(
                    "UPDATE %s SET lock_version = lock_version + 1"
                    " WHERE id = ANY(%s) RETURNING id",
                    SQL.identifier(self._table),
                    self.ids,
                )
            )
            self.invalidate_recordset(["lock_version"], flush=False)
