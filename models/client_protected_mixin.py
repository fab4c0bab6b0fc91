from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import ormcache

# In the context it says that it is the workflow which writes; being an object, no RPC
# caller can send it.
_APPROVED = object()

# Values of the field attribute `written_by` that let whoever makes a record name the
# field, and those that leave it to the model itself, as it depends on the record.
BY_CREATOR = frozenset(("creator", "requester"))
BY_RECORD = frozenset(("requester", "approver"))

# What the descriptions of fields say a screen may do with them.
USES = frozenset(("searchable", "sortable", "groupable"))


class ClientProtectedMixin(models.AbstractModel):
    """Keep decisions to those who take them, whatever a caller's rights.

    `readonly=True` protects nothing: create, write, web_save, load, copy, `default_*`
    and one2many commands all set such fields. A field says who writes it by its
    attribute `written_by`, one of these or a tuple of them:

    - `workflow`: only code that says so by `_as_workflow`. Not the superuser: Odoo
      writes as superuser for callers, through related fields and commands for one.
    - `creator`: named when the record is made, from then on as `workflow`.
    - `addon`: only the superuser's code. For documents and journal items, which posting
      and matching write deep within Odoo, where no approval is passed on.
    - `provider`: as `addon`, and administrators, who mend transactions by hand.
    - `requester`, `approver`: whom the model itself lets write, by the record's state.

    A field with the attribute `technical` is for the addon alone: no screen offers it
    to filter, sort or group by.
    """

    _name = "client.protected.mixin"
    _description = "Decisions Only the Workflow Writes"

    @api.model
    def _valid_field_parameter(self, field, name):
        """Override of the ORM to know who writes a field, and what is technical."""
        return name in ("written_by", "technical") or super()._valid_field_parameter(
            field, name
        )

    @api.model
    @ormcache()
    def _get_writers(self):
        """Return {name: set of who writes the field} of the fields that say so."""
        writers = {}
        for name, field in self._fields.items():
            if written_by := getattr(field, "written_by", None):
                single = isinstance(written_by, str)
                writers[name] = frozenset([written_by] if single else written_by)
        return writers

    @api.model
    @ormcache()
    def _get_technical_names(self):
        """Return the names of the fields that no screen offers to search by."""
        return frozenset(
            name
            for name, field in self._fields.items()
            if getattr(field, "technical", False)
        )

    @api.model
    def _get_fields_written_by(self, *writers):
        """Return the names of the fields that one of `writers` writes."""
        return {
            name for name, by in self._get_writers().items() if by.intersection(writers)
        }

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Override of the ORM to have no screen offer what is technical."""
        descriptions = super().fields_get(allfields, attributes)
        for name in self._get_technical_names():
            description = descriptions.get(name, {})
            description.update(dict.fromkeys(USES & description.keys(), False))
        return descriptions

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to let only those decide who do."""
        names = {name for vals in vals_list for name in vals}
        self._check_not_protected(names, creating=True)
        return super(ClientProtectedMixin, self._without_approval()).create(vals_list)

    @api.model
    def default_get(self, fields):
        """Override of the ORM to give decisions the model's own defaults only.

        A caller names others by `default_*` in the context, and everybody by the
        public `ir.default`.
        """
        protected = {
            name for name, by in self._get_writers().items() if not by & BY_CREATOR
        }
        defaults = super().default_get(
            [name for name in fields if name not in protected]
        )
        for name in protected.intersection(fields):
            field = self._fields[name]
            if field.default:
                defaults[name] = field.convert_to_write(field.default(self), self)
        return defaults

    def write(self, vals):
        """Override of the ORM to let only those decide who do."""
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

    def _check_not_protected(self, names, creating=False):
        """Refuse to write fields that somebody else writes.

        :param names: of the fields to be written
        :param bool creating: whether a record is made with them
        :raise UserError: when one of them is not the present caller's to write
        """
        writers = self._get_writers()
        refused = {name for name in names if name in writers}
        if refused:
            allowed = self._get_present_writers(creating)
            refused = {name for name in refused if not writers[name] & allowed}
        if not refused:
            return
        # A refusal names records. Who may read them is told in words why; the ORM
        # refuses the others who may not write.
        self.check_access("read")
        raise UserError(self._get_protected_message(refused))

    def _get_present_writers(self, creating):
        """Return the values of `written_by` that the present caller stands for."""
        present = set(BY_CREATOR if creating else BY_RECORD)
        if self._is_workflow():
            present |= {"workflow", "creator"}
        if self.env.su:
            present |= {"addon", "provider"}
        elif self.env.user.has_group("base.group_system"):
            present.add("provider")
        return present

    def _get_protected_labels(self, names):
        """Return what the screens call these fields, in the user's language."""
        labels = self.sudo().fields_get(sorted(names), ["string"]).values()
        return ", ".join(label["string"] for label in labels)

    def _get_protected_message(self, names):
        """Return why the fields with these names are not written by hand."""
        raise NotImplementedError
