from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from ..const import MARKS, MAX_REASON, VIEWER
from ..utils import check_length, clean_reason


class PostAnyway:
    """In the context it lets records past the gate; being an object, no RPC caller can
    send it.

    :param reason: why an approver lets them pass
    """

    def __init__(self, reason):
        self.reason = reason


class ClientAnywayMixin(models.AbstractModel):
    """What clients' policies refuse and an approver lets pass all the same.

    A model of it has a method `action_client_post_anyway(reason)`.
    """

    _name = "client.anyway.mixin"
    _description = "Passes Against a Client's Policies"

    def _check_may_post_anyway(self, companies):
        """Make sure the user is an approver of client accounts in companies.

        :raise AccessError: otherwise
        """
        if not self.env["res.partner"]._may_decide_in(companies.sudo().root_id):
            raise AccessError(
                self.env._(
                    "Only approvers of client accounts may post against a client's "
                    "policies. Request an update of the account instead."
                )
            )

    def _check_anyway(self, reason, companies):
        """Make sure the user may let these records pass, and says why.

        :param companies: where the accounts of their clients are
        :return: the reason, cleaned
        :raise AccessError: when the user is no approver there, or may not write here
        :raise UserError: when the reason is blank or too long
        """
        self.check_access("write")
        self._check_may_post_anyway(companies)
        names = ", ".join(self.mapped("display_name")[:5])
        reason = clean_reason(reason)
        if not reason:
            raise UserError(
                self.env._(
                    "Give a reason to let %s pass anyway: it is logged there and on "
                    "the client's account.",
                    names,
                )
            )
        check_length(self.env, names, reason)
        return reason

    def _with_post_anyway(self, reason):
        """Return the records in a context that lets what is done next pass."""
        return self.with_context(client_post_anyway=PostAnyway(reason))

    def _take_post_anyway(self):
        """Return the records without what lets them past the gate, and that.

        What is done with them makes other records, and returns actions that are turned
        into JSON.

        :return: (records, `PostAnyway` or None)
        """
        if "client_post_anyway" not in self.env.context:
            return self, None
        context = dict(self.env.context)
        anyway = context.pop("client_post_anyway")
        records = self.with_context(context)  # pylint: disable=context-overridden
        return records, anyway if isinstance(anyway, PostAnyway) else None


class ClientAnywayMarkMixin(models.AbstractModel):
    """Records that tell themselves who let them pass, when and why."""

    _name = "client.anyway.mark.mixin"
    _inherit = ["client.protected.mixin", "client.anyway.mixin"]
    _description = "Marked as Passed Against a Client's Policies"

    client_anyway_reason = fields.Text(
        string="Passed Anyway Because",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="Why an approver let this pass against the client's policies.",
        written_by="addon",
    )
    client_anyway_user_id = fields.Many2one(
        "res.users",
        string="Passed Anyway by",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        written_by="addon",
    )
    client_anyway_date = fields.Datetime(
        string="Passed Anyway on",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        written_by="addon",
    )

    _client_anyway_reason_length = models.Constraint(
        f"CHECK(char_length(client_anyway_reason) <= {MAX_REASON})",
        "The reason for letting it pass has 2,000 characters at most.",
    )

    def _mark_anyway(self, reason):
        """Note on these records that the user lets them pass."""
        # Sudo: these fields are the addon's own to write.
        self.sudo().write(
            {
                "client_anyway_reason": reason,
                "client_anyway_user_id": self.env.uid,
                "client_anyway_date": fields.Datetime.now(),
            }
        )

    def _forget_anyway(self):
        """Take the approval off what is undone: it was for what was there then."""
        # Sudo: these fields are the addon's own to write.
        if marked := self.sudo().filtered("client_anyway_reason"):
            marked.write(
                {
                    "client_anyway_reason": False,
                    "client_anyway_user_id": False,
                    "client_anyway_date": False,
                }
            )
