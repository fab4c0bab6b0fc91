from odoo import api, fields, models
from odoo.exceptions import UserError

from ..const import MAX_AMOUNT, MAX_REASON, VIEWER
from ..utils import clean_text, is_real_number


class ClientCreditBatchLine(models.Model):
    """One credit or charge of many.

    A line may be wrong as long as it is not booked: checking says so, see
    `client_credit_batch_check`.
    """

    _name = "client.credit.batch.line"
    _description = "Line of Bulk Credits"
    _inherit = ["client.batch.line.mixin"]
    _check_company_auto = True
    _line_content = frozenset(
        (
            "batch_id",
            "client",
            "partner_id",
            "amount",
            "reason",
            "date",
            "date_due",
            "is_meant",
        )
    )

    batch_id = fields.Many2one(
        "client.credit.batch",
        string="Bulk Credits",
        required=True,
        index=True,
        ondelete="cascade",
        written_by="creator",
    )
    company_id = fields.Many2one(
        related="batch_id.company_id", store=True, index=True, written_by="workflow"
    )
    currency_id = fields.Many2one(related="batch_id.currency_id")
    kind = fields.Selection(related="batch_id.kind")
    client = fields.Char(
        help="A name, reference, e-mail address or number, as it stands in a file. The "
        "contact is found by it.",
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Contact",
        index="btree_not_null",
        ondelete="restrict",
        help="The client who is meant; a contact stands for its company.",
    )
    # Not rounded to the currency: what is finer is to be mended, not changed unseen.
    amount = fields.Float(
        compute="_compute_amount",
        store=True,
        precompute=True,
        readonly=False,
        aggregator="sum",
        help="In the company's currency.",
    )
    reason = fields.Text(help="Empty: as above.")
    date = fields.Date(copy=False, help="Empty: as above.")
    date_due = fields.Date(string="Due Date", copy=False, help="Empty: as above.")
    is_meant = fields.Boolean(
        string="Book Although Alike",
        copy=False,
        help="Book it although there is another line like it.",
    )
    move_id = fields.Many2one(
        "account.move",
        string="Entry",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        written_by="workflow",
    )
    is_reversed = fields.Boolean(readonly=True, copy=False, written_by="workflow")
    state = fields.Selection(selection_add=[("reversed", "Reversed")])

    _amount_range = models.Constraint(
        f"CHECK(amount > -{MAX_AMOUNT:.0f} AND amount < {MAX_AMOUNT:.0f})",
        "An amount is a number below 1,000,000,000,000.",
    )
    _reason_length = models.Constraint(
        f"CHECK(char_length(reason) <= {MAX_REASON})",
        "The reason of a line has 2,000 characters at most.",
    )
    # Serves `client.batch.mixin._work`: the lines that wait for their turn.
    _waiting_idx = models.Index("(batch_id, id) WHERE is_waiting")

    # === Compute ===

    @api.depends("batch_id")
    def _compute_amount(self):
        """Start with the amount for each; a change of that fills the lines on the
        screen, see `client.credit.batch._onchange_amount`."""
        for line in self:
            # Computed under sudo, which says nothing of the user's own rights.
            line.amount = line.amount or line.batch_id.sudo(False).amount

    @api.depends_context("uid", "allowed_company_ids")
    @api.depends("partner_id", "client")
    def _compute_display_name(self):
        readable = self.partner_id._filtered_access("read")
        for line in self:
            line.display_name = (
                (line.partner_id & readable).display_name
                or line.client
                or self.env._("A line without a client")
            )

    @api.depends("is_reversed")
    def _compute_state(self):
        return super()._compute_state()

    def _get_state(self):
        """Override of `client.batch.line.mixin`."""
        return "reversed" if self.is_reversed else super()._get_state()

    # === CRUD ===

    @api.model_create_multi
    def create(self, vals_list):
        """Override of the ORM to find the clients that are named by a text."""
        vals_list = [self._clean_vals(vals) for vals in vals_list]
        names = {
            vals["client"]
            for vals in vals_list
            if vals.get("client") and not vals.get("partner_id")
        }
        matches = self._match_clients(names)
        for vals in vals_list:
            clients = matches.get(vals.get("client"))
            if clients and len(clients) == 1 and not vals.get("partner_id"):
                vals["partner_id"] = clients.id
        return super().create(vals_list)

    def write(self, vals):
        """Override of the ORM to find the client that is named by another text."""
        vals = self._clean_vals(vals)
        if vals.get("client") and "partner_id" not in vals:
            clients = self._match_clients({vals["client"]})[vals["client"]]
            vals["partner_id"] = clients.id if len(clients) == 1 else False
        return super().write(vals)

    @api.model
    def load(self, fields, data):
        """Override of the ORM to check what is imported at once: who imports it sees
        which client is meant, and what is to be mended."""
        result = super().load(fields, data)
        self.browse(result["ids"] or ())._check_again()
        return result

    @api.model
    def _clean_vals(self, vals):
        """Return the values as they can be kept.

        :raise UserError: when an amount is no number
        """
        vals = {
            name: clean_text(value) if isinstance(value, str) else value
            for name, value in vals.items()
        }
        amount = vals.get("amount") or 0
        if isinstance(amount, bool) or not is_real_number(amount):
            raise UserError(
                self.env._(
                    "The amount %(amount)s of %(client)s is not a number. Enter an "
                    "amount above zero, such as 25.00.",
                    amount=str(amount)[:40],
                    client=vals.get("client") or self._get_sent_client_name(vals),
                )
            )
        if vals.get("client"):
            # As the ORM would keep whatever a caller sent.
            vals["client"] = str(vals["client"]).strip()
        return vals

    @api.model
    def _get_sent_client_name(self, vals):
        """Return the name of the client that values are for, where it is one."""
        client_id = vals.get("partner_id")
        if type(client_id) is not int:
            return self.env._("the client")
        client = self.env["res.partner"].browse(client_id).exists()
        return client.display_name or self.env._("the client")

    # === Booking ===

    def _do(self):
        """Override of `client.batch.line.mixin` to book, or to take back."""
        if self.batch_id.reverse_reason:
            self._reverse(self.batch_id.reverse_reason)
        else:
            self._book()

    def _book(self):
        """Book these lines of one document."""
        # Sudo: what a line has booked is found whatever the user may read.
        booked = {
            move.client_adjustment_key: move
            for move in self.env["account.move"]
            .sudo()
            .search(
                [
                    ("client_adjustment_key", "in", [line._get_key() for line in self]),
                    ("company_id", "=", self.company_id.id),
                ]
            )
        }
        lines = self.filtered(lambda line: line._get_key() not in booked)
        lines.partner_id.check_access("read")
        accounts = self.env["client.account"]._get_or_create(
            lines.partner_id, self.company_id
        )
        accounts._check_officer()
        by_client = {account.partner_id: account for account in accounts}
        moves = accounts._create_adjustments(
            [
                (account, line._prepare_adjustment(account))
                for line in lines
                for account in by_client[line.partner_id.commercial_partner_id]
            ]
        )
        booked.update(zip([line._get_key() for line in lines], moves, strict=True))
        for line in self:
            line._as_workflow().write(
                {"move_id": booked[line._get_key()].id, "is_done": True}
            )

    def _get_key(self):
        """Return the key by which one line is booked once."""
        batch_sudo = self.sudo().batch_id
        return f"{batch_sudo.name}-{batch_sudo.key}/{self.id}"

    def _prepare_adjustment(self, account):
        """Return the values that one line books to an account.

        :raise UserError: when a value is refused
        """
        batch = self.batch_id
        charged = batch.kind == "charge"
        date = self.date or batch.date
        values = account._prepare_adjustment(
            batch.kind,
            self.amount,
            self.reason or batch.reason,
            date or fields.Date.context_today(self),
            (self.date_due or batch.date_due) if charged else None,
            None if charged else batch._get_expiry_date(date),
        )
        return {**values, "key": self._get_key(), "reason_id": batch.reason_id.id}

    # === Taking back ===

    def _reverse(self, reason):
        """Take back what these lines have booked and nobody has taken back yet."""
        # Sudo: officers need no right to read journal entries; these are adjustments.
        moves_sudo = self.sudo().move_id.filtered("client_adjustment_open")
        moves = moves_sudo.sudo(self.env.su)
        moves._check_adjustment()
        moves._delete_adjustments(reason)
        self._set_reversed()

    def _set_reversed(self):
        """Keep that what these lines have booked was taken back, by whichever way."""
        self._as_workflow().write({"is_reversed": True, "problem": False})


class AccountMove(models.Model):
    _inherit = "account.move"

    client_batch_line_ids = fields.One2many(
        "client.credit.batch.line",
        "move_id",
        string="Lines of Bulk Credits",
        readonly=True,
        copy=False,
        groups=VIEWER,
    )
