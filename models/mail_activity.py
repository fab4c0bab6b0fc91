from odoo import models
from odoo.exceptions import UserError

from .client_account_request import ACTIVITY_TYPE

# Writing these takes an activity from whom it waits for.
MOVING_FIELDS = frozenset(
    ("user_id", "res_id", "res_model_id", "res_model", "activity_type_id", "active")
)


class MailActivity(models.Model):
    """Activities of account requests: those who ask do not tick off that they wait."""

    _inherit = "mail.activity"

    def write(self, vals):
        """Override of the ORM to leave waiting requests with who decides."""
        if not MOVING_FIELDS.isdisjoint(vals):
            self._check_not_own_request()
        return super().write(vals)

    def unlink(self):
        """Override of the ORM to leave waiting requests with who decides."""
        self._check_not_own_request()
        return super().unlink()

    def _action_done(self, feedback=False, attachment_ids=None):
        """Override of `mail` to leave waiting requests with who decides."""
        self._check_not_own_request()
        return super()._action_done(feedback=feedback, attachment_ids=attachment_ids)

    def _check_not_own_request(self):
        """Refuse to take away what reminds others to decide about one's own request.

        :raise UserError: when the request waits and the user has asked
        """
        if self.env.su:
            return
        kind = self.env.ref(ACTIVITY_TYPE, raise_if_not_found=False)
        # Sudo: requests are looked at to decide; one's own may be named.
        waiting = self.sudo().filtered(
            lambda activity: (
                activity.res_model == "client.account.request"
                and activity.activity_type_id == kind
            )
        )
        requests = self.env["client.account.request"].sudo()
        requests = requests.browse(waiting.mapped("res_id")).exists()
        for request in requests:
            if (
                request.state == "submitted"
                and request.requested_by_id == self.env.user
            ):
                raise UserError(
                    self.env._(
                        "%s waits for a decision, which is for others to take. "
                        "Withdraw the request if it is no longer wanted.",
                        request.display_name,
                    )
                )
