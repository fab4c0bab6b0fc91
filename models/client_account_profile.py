from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..const import BILLER, DECIDED_STATES, OFFICER, VIEWER

# Requests of their own that those see who may see no figures.
OWN_REQUESTS = 5


class ClientAccount(models.Model):
    """The profile: what one widget says of a client's account, and what it offers.

    The contact and the account show the same piece. It is plain data, made for the
    present user: whoever may not see figures gets none.
    """

    _inherit = "client.account"

    # No help: it would stand over the figures it is about.
    profile = fields.Json(compute="_compute_profile")

    saved_methods = fields.Text(
        string="Saved Payment Methods",
        compute="_compute_saved_methods",
        help="What the client and its contacts have saved to pay with.",
    )
    document_ids = fields.One2many(
        "ir.attachment",
        "res_id",
        string="Documents",
        domain=[("res_model", "=", "client.account")],
        copy=False,
    )
    notes = fields.Html(
        related="partner_id.comment",
        string="Internal Notes",
        readonly=False,
        # Written with the user's own rights to the contact.
        related_sudo=False,
    )

    @api.depends_context("uid", "lang", "tz", "allowed_company_ids")
    @api.depends("partner_id", "company_id", "state", "credit_limit")
    def _compute_profile(self):
        for account in self:
            account.profile = account._get_profile()

    @api.depends_context("lang")
    @api.depends("partner_id", "company_id")
    def _compute_saved_methods(self):
        # Sudo: Odoo shows saved methods to their owners alone; here their clear part is
        # told, to be seen and never used.
        tokens_sudo = self.env["payment.token"].sudo()
        for account in self:
            tokens = tokens_sudo.search(
                [
                    ("partner_id", "in", account._search_contacts().ids),
                    # Sudo: a branch's user need not read the root company.
                    ("company_id", "child_of", account.sudo().company_id.id),
                ]
            )
            account.saved_methods = "\n".join(
                self.env._(
                    "%(method)s, %(provider)s, saved by %(contact)s on %(date)s",
                    method=token.display_name,
                    provider=token.provider_id.name,
                    contact=token.partner_id.name,
                    date=format_date(self.env, token.create_date),
                )
                for token in tokens
            )

    def _get_profile(self):
        """Return what the profile of one account shows.

        :return: {"account_id": id or False, "banner": dict or False, "boxes": list}
        """
        self.ensure_one()
        may_see = self._may_see_figures()
        return {
            # The chart is asked for by it, after the page is shown.
            "account_id": self._origin.id if may_see else False,
            "banner": self._get_profile_banner() if may_see else False,
            "boxes": self._get_profile_boxes(),
        }

    def _get_profile_boxes(self):
        """Return the boxes of the profile of one account, for the present user.

        Hook: glue addons append theirs. The account may be one that is yet to open.

        :return: list of dicts with

            - `name`, `title`: what it is called in code and on the screen
            - `value`, `tone`: the figure in words, and `danger`, `success`, `muted` or
              an empty text for how it is drawn
            - `lines`: list of {`label`, `value`, `tone`, `target`}, see
              `_get_profile_line`
            - `usage`: the share of something that is used up, in %, or None for no bar
            - `link`: the button (see `_get_profile_buttons`) that a click on the figure
              presses, or None
            - `buttons`: list, see `_get_profile_buttons`
        """
        self.ensure_one()
        if not self._may_see_figures():
            return [self._get_requests_box()]
        return [
            self._get_balance_box(),
            self._get_outstanding_box(),
            self._get_credit_box(),
            self._get_limit_box(),
        ]

    # === Boxes ===

    def _get_balance_box(self):
        return self._get_profile_box(
            "balance",
            self.env._("Balance"),
            self.env._("nothing owed, no credit")
            if self.currency_id.is_zero(self.balance)
            else self._format_balance(self.balance),
            tone=self._get_balance_tone(self.balance),
            lines=[
                self._get_profile_line(
                    self.env._("Available"),
                    self._format_available(),
                    "danger" if self._is_over_limit() else "",
                ),
                self._get_overdue_line(),
                self.ledger_difference
                and self._get_profile_line(
                    self._fields["ledger_difference"]._description_string(self.env),
                    self._format_balance(self.ledger_difference),
                ),
            ],
        )

    def _get_outstanding_box(self):
        count = len(self.debit_line_ids)
        if self.has_more_lines and count:
            documents = self.env._("%s or more open", count)
        else:
            documents = self.env._("%s open", count)
        return self._get_profile_box(
            "outstanding",
            self.env._("Outstanding"),
            self.currency_id.format(self.amount_owed),
            tone="" if self.amount_owed else "muted",
            lines=[
                count and self._get_profile_line(self.env._("Documents"), documents),
                self._get_next_due_line(),
            ],
            buttons=self._get_profile_buttons(
                ("action_receive_payment", self.env._("Receive a Payment"), OFFICER),
                ("action_charge", self.env._("Charge an Amount"), OFFICER),
                ("action_new_invoice", self.env._("New Invoice"), BILLER),
            ),
        )

    def _get_credit_box(self):
        spendable = self.credit_available
        return self._get_profile_box(
            "credit",
            self.env._("Credit"),
            self.currency_id.format(spendable),
            tone="success" if spendable else "muted",
            lines=[
                self.credit_ahead
                and self._get_profile_line(
                    self.env._("Dated Ahead"), self.credit_ahead
                ),
                self._get_waiting_line(credit=True),
            ],
            buttons=self._get_profile_buttons(
                ("action_issue_credit", self.env._("Issue a Credit"), OFFICER),
                spendable
                and self.amount_owed
                and ("action_allocate_credit", self.env._("Allocate"), OFFICER),
                spendable
                and ("action_pay_back", self.env._("Pay Credit Back"), OFFICER),
                spendable
                and ("action_transfer_credit", self.env._("Move Credit"), OFFICER),
            ),
        )

    def _get_limit_box(self):
        decided = self.state in DECIDED_STATES
        return self._get_profile_box(
            "limit",
            self.env._("Limit"),
            self.currency_id.format(self.credit_limit)
            if decided
            else self.env._("Closed")
            if self.state == "closed"
            else self.env._("None granted"),
            tone="" if self.state == "granted" else "muted",
            lines=[
                self.state == "suspended"
                and self._get_profile_line(
                    self.env._("State"), self.env._("Suspended"), "danger"
                ),
                self.limit_until
                and self._get_profile_line(
                    self.env._("Until"), format_date(self.env, self.limit_until)
                ),
                self._get_waiting_line(),
            ],
            usage=self.limit_usage if self.limit_in_force else None,
            buttons=self._get_profile_buttons(
                ("action_request_update", self.env._("Request an Update"), None),
                self.state == "granted"
                and ("action_open_suspension", self.env._("Suspend"), OFFICER),
                self.state == "suspended"
                and ("action_open_suspension", self.env._("Resume"), OFFICER),
            ),
        )

    def _get_requests_box(self):
        """Return the box of those who may see no figures: what they have asked for."""
        requests = self.env["client.account.request"].search(
            [
                ("partner_id", "=", self.partner_id._origin.id),
                # Sudo: a branch's user need not read the root company.
                ("company_id", "=", self.sudo().company_id.id),
            ],
            limit=OWN_REQUESTS,
        )
        return self._get_profile_box(
            "requests",
            self.env._("Account Requests"),
            "" if requests else self.env._("None yet"),
            tone="muted",
            lines=[self._get_request_line(request) for request in requests],
            buttons=self._get_profile_buttons(
                ("action_request_update", self.env._("Request an Update"), None)
            ),
        )

    def _get_profile_banner(self):
        """Return what is wrong with one account and what to do about it, or False."""
        self.ensure_one()
        over, suspended = self._is_over_limit(), self.state == "suspended"
        if not over and not suspended:
            return False
        sentences = [
            suspended
            and self.env._("Suspended, no limit is in force: %s", self.state_reason),
            over
            and self.env._(
                "Over the limit by %s", self.currency_id.format(-self.available)
            ),
        ]
        return {
            "tone": "danger" if over else "warning",
            "text": " · ".join(filter(None, sentences)),
            "buttons": self._get_profile_buttons(
                over
                and (
                    "action_receive_payment",
                    self.env._("Receive a Payment"),
                    OFFICER,
                ),
                over
                and ("action_request_update", self.env._("Request an Update"), None),
                self.state == "granted"
                and ("action_open_suspension", self.env._("Suspend"), OFFICER),
                suspended and ("action_open_suspension", self.env._("Resume"), OFFICER),
            ),
        }

    # === Parts of boxes ===

    def _get_profile_box(
        self, name, title, value, tone="", lines=(), usage=None, buttons=(), link=()
    ):
        """Return a box of the profile, see `_get_profile_boxes`; empty lines go.

        :param link: the tuple of the button behind the figure, see
            `_get_profile_buttons`
        """
        return {
            "name": name,
            "title": title,
            "value": value,
            "tone": tone,
            "lines": [line for line in lines if line],
            "usage": usage,
            "buttons": list(buttons),
            "link": next(iter(self._get_profile_buttons(link)), None),
        }

    @api.model
    def _get_profile_line(self, label, value, tone="", target=None):
        """Return a line of a box.

        :param target: the record that a click opens, None for none
        """
        return {
            "label": label,
            "value": value,
            "tone": tone,
            "target": target and {"model": target._name, "id": target.id},
        }

    def _get_profile_buttons(self, *buttons):
        """Return the buttons of a box that the present user may press.

        :param buttons: tuples of the method of this model, the label and the group it
            is for (None for everybody); false ones are left out
        :return: list of {`name`, `label`, `model`, `id`}
        """
        account = self._origin
        return [
            {
                # An account that is yet to open is made by its client's own method.
                "name": name if account else name.replace("action_", "action_client_"),
                "label": label,
                "model": account._name if account else self.partner_id._name,
                "id": account.id or self.partner_id._origin.id,
            }
            for name, label, group in filter(None, buttons)
            if group is None or self.env.user.has_group(group)
        ]

    def _get_overdue_line(self):
        """Return since when how much is overdue, None where nothing is."""
        if not self.amount_overdue:
            return None
        oldest = self._get_first_debt()
        return self._get_profile_line(
            self.env._("Overdue"),
            self.env._(
                "%(amount)s, the oldest since %(date)s",
                amount=self.currency_id.format(self.amount_overdue),
                date=format_date(self.env, oldest.date_maturity or oldest.date),
            )
            if oldest
            else self.currency_id.format(self.amount_overdue),
            "danger",
        )

    def _get_next_due_line(self):
        """Return when the next debt is due, None where one is overdue or none open."""
        first = not self.amount_overdue and self._get_first_debt()
        if not first:
            return None
        return self._get_profile_line(
            self.env._("Next Due"),
            format_date(self.env, first.date_maturity or first.date),
        )

    def _get_first_debt(self):
        """Return the open debt of one account that is due first.

        :return: `account.move.line` under sudo: whoever may see the figures need not
            read the items they come from
        """
        lines = self.env["account.move.line"].sudo()
        account = self._origin
        if not account or not self.amount_owed:
            return lines
        scope = account._get_whole_scope()
        return lines.browse(account._fetch_first_open_item_ids(1, 1, scope=scope))

    def _get_waiting_line(self, credit=False):
        """Return the request that waits for a decision, None where none does.

        :param bool credit: whether one for a credit, else one about limit and terms
        """
        request = self.env["client.account.request"].search(
            [
                ("account_id", "=", self._origin.id),
                ("state", "=", "submitted"),
                ("subject", "=" if credit else "!=", "credit"),
            ],
            limit=1,
        )
        return request and self._get_request_line(request)

    @api.model
    def _get_request_line(self, request):
        """Return what became of a request."""
        state = dict(request._fields["state"]._description_selection(self.env))[
            request.state
        ]
        asked = (
            request.currency_id.format(request[f"requested_{request.subject}"])
            if request.subject in ("limit", "credit")
            else ""
        )
        outcome = ": ".join(filter(None, (state, request.rejection_reason)))
        return self._get_profile_line(
            request.name,
            " · ".join(filter(None, (asked, outcome))),
            {"submitted": "info", "approved": "success", "rejected": "danger"}.get(
                request.state, "muted"
            ),
            request,
        )

    # === Words ===

    @api.model
    def _may_see_figures(self):
        """Tell whether the present user may see balances and limits."""
        return self.env.user.has_group(VIEWER)

    def _get_balance_tone(self, balance):
        """Return how a balance is drawn."""
        compared = self.currency_id.compare_amounts(balance, 0)
        return {-1: "danger", 0: "muted", 1: "success"}[compared]

    def _is_limitless(self):
        """Tell whether nobody decided how far below zero one client may go, and nothing
        prevents it."""
        self.ensure_one()
        return (
            self.state == "not_granted"
            and self._get_profile_policy("negative_balance") == "allowed"
        )

    def _is_over_limit(self):
        """Tell whether one client owes more than the limit that counts."""
        return (
            not self._is_limitless()
            and self.currency_id.compare_amounts(self.available, 0) < 0
        )

    def _format_available(self, more=0.0):
        """Return what one client can still spend, in words.

        :param float more: beside it, as it is committed for what is spent
        """
        if self._is_limitless():
            return self.env._("no limit")
        available = self.available + more
        if self.currency_id.compare_amounts(available, 0) < 0:
            return self.env._(
                "nothing, %s over the limit", self.currency_id.format(-available)
            )
        return self.currency_id.format(available)

    def _get_profile_policy(self, name):
        """Return a policy of an account, or of its company where it is yet to open."""
        if self._origin:
            return self._origin._get_policy(name)
        return self.sudo().company_id[f"client_{name}"]

    # === Actions ===

    def action_allocate_credit(self):
        """Open the window that allocates the credit of one account that is applied
        first.

        :raise UserError: when there is none
        """
        self._check_officer()
        self._check_one()
        return self._open_first_credit(self._get_whole_scope())

    def _open_first_credit(self, scope):
        """Open the window of the first open credit of one account.

        :param dict scope: where to look, as of `_get_whole_scope`
        :raise UserError: when there is none
        """
        # Sudo: officers need no right to read journal items of their clients.
        lines = self.env["account.move.line"].sudo()
        credit = lines.browse(self._fetch_first_open_item_ids(-1, 1, scope=scope))
        if not credit:
            raise UserError(
                self.env._(
                    "%s has no open credit to allocate here. Issue a credit first.",
                    self.display_name,
                )
            )
        return credit.sudo(self.env.su).action_assign_client_credit()
