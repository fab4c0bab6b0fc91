from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

# In the context it says that it is the workflow which writes; being an object, no RPC
# caller can send it.
_APPROVED = object()


class ClientProtectedMixin(models.AbstractModel):
    """Keep decisions to the workflow, whatever a caller's rights.

    `readonly=True` protects nothing: create, write, web_save, load, copy, `default_*`
    and one2many commands all set such fields.
    """

    _name = "client.protected.mixin"
    _description = "Decisions Only the Workflow Writes"

    # Names that only the workflow writes, and those of them that a creation may name.
    _protected_fields = frozenset()
    _protected_fields_on_create = frozenset()

    lock_version = fields.Integer(
        default=0, required=True, readonly=True, copy=False, groups="base.group_system"
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to let only the workflow decide."""
        if not self._is_workflow():
            self._check_not_protected(
                name
                for vals in vals_list
                for name in vals
                if name not in self._protected_fields_on_create
            )
        return super(ClientProtectedMixin, self._without_approval()).create(vals_list)

    @api.model
    def default_get(self, fields):
        """Override of the ORM to give decisions the model's own defaults only.

        A caller names others by `default_*` in the context, and everybody by the
        public `ir.default`.
        """
        protected = self._protected_fields - self._protected_fields_on_create
        defaults = super().default_get(
            [name for name in fields if name not in protected]
        )
        for name in protected.intersection(fields):
            field = self._fields[name]
            if field.default:
                defaults[name] = field.convert_to_write(field.default(self), self)
        return defaults

    def write(self, vals):
        """Override of the ORM to let only the workflow decide."""
        if not self._is_workflow():
            # First of all: a refusal names records. Who may read them is told in words
            # why; the ORM refuses the others who may not write.
            self.check_access("read")
            self._check_not_protected(vals)
        return super(ClientProtectedMixin, self._without_approval()).write(vals)

    def _is_workflow(self):
        """Tell whether it is the workflow that writes on these records."""
        return self.env.context.get("client_account_approved") is _APPROVED

    def _as_workflow(self):
        """Return the records in a context that lets the next create or write decide."""
        return self.with_context(client_account_approved=_APPROVED)

    def _without_approval(self):
        """Return the records in a context that no longer carries the approval.

        It would leak into nested calls and into actions, where it cannot be turned into
        JSON.
        """
        if "client_account_approved" not in self.env.context:
            return self
        context = dict(self.env.context)
        del context["client_account_approved"]
        return self.with_context(context)  # pylint: disable=context-overridden

    def _check_not_protected(self, names):
        """Refuse to write fields that move only by the workflow.

        :raise UserError: when a protected field is among the names
        """
        if refused := self._protected_fields.intersection(names):
            labels = [
                description["string"]
                for description in self.sudo()
                .fields_get(sorted(refused), ["string"])
                .values()
            ]
            raise UserError(self._get_protected_message(", ".join(labels)))

    def _get_protected_message(self, labels):
        """Return why the fields with these labels are not written by hand."""
        raise NotImplementedError

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
