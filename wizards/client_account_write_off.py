from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from .client_once_mixin import books_once

# As many entries are booked within a request: the rest stands in the window when it is
# opened again.
MOST_RESTS = 1000


class ClientAccountWriteOff(models.TransientModel):
    """Show which small differences would be written off, to be ticked and booked."""

    _name = "client.account.write.off"
    _description = "Write Off Small Differences"
    _inherit = ["client.once.mixin"]

    account_ids = fields.Many2many(
        "client.account",
        string="Accounts",
        help="The clients whose differences are shown; all of the company without any.",
    )
    company_id = fields.Many2one("res.company", compute="_compute_company_id")
    currency_id = fields.Many2one(related="company_id.currency_id")
    limit = fields.Monetary(
        string="Up to",
        compute="_compute_company_id",
        help="What is open on a document above this amount is not written off.",
    )
    reason = fields.Char(
        compute="_compute_company_id", help="Shown in the client's history."
    )
    date = fields.Date(default=fields.Date.context_today, required=True)
    line_ids = fields.One2many(
        "client.account.write.off.line",
        "write_off_id",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    has_more = fields.Boolean(compute="_compute_has_more")
    total = fields.Monetary(
        compute="_compute_total", help="What is ticked, debts and credits alike."
    )

    # === Compute ===

    @api.depends("account_ids")
    def _compute_company_id(self):
        for wizard in self:
            root = wizard.account_ids[:1].company_id or self.env.company.root_id
            wizard.company_id = root
            # Sudo: a branch's user need not read the root company.
            wizard.limit = root.sudo().client_write_off_limit
            wizard.reason = root.sudo().client_write_off_reason

    @api.depends("account_ids")
    def _compute_line_ids(self):
        for wizard in self:
            wizard.line_ids = [
                Command.clear(),
                *(
                    Command.create({"account_id": account.id, "move_id": move.id})
                    for account, move, *_rest in wizard._search_rests(MOST_RESTS)
                ),
            ]

    @api.depends("account_ids", "line_ids")
    def _compute_has_more(self):
        for wizard in self:
            wizard.has_more = (
                len(wizard.line_ids) >= MOST_RESTS
                and len(wizard._search_rests(MOST_RESTS + 1)) > MOST_RESTS
            )

    @api.depends("line_ids.is_ticked", "line_ids.amount")
    def _compute_total(self):
        for wizard in self:
            wizard.total = sum(wizard.line_ids.filtered("is_ticked").mapped("amount"))

    @api.constrains("account_ids")
    def _check_account_ids(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_ids.sudo(False)._check_officer()

    def _search_rests(self, limit):
        """Return the first rests that may be written off, see
        `client.account._fetch_small_rests`."""
        accounts = self.account_ids._origin
        # Lines are computed under sudo, which says nothing of the user's own rights.
        accounts.sudo(False)._check_officer()
        moves = self._get_asked_moves()
        if accounts:
            return accounts._search_small_rests(moves, limit)
        return accounts._fetch_small_rests(self.company_id, moves=moves, limit=limit)

    def _get_asked_moves(self):
        """Return the documents that the window was opened for, as its caller ticked
        them; None where it was opened for all."""
        ids = self.env.context.get("client_write_off_move_ids")
        if not isinstance(ids, list | tuple):
            return None
        return self.env["account.move"].browse(
            move_id for move_id in ids if type(move_id) is int
        )

    def _get_wizard_clients(self, vals):
        accounts = self.account_ids or self.line_ids.account_id
        return accounts._origin.exists().partner_id

    # === Actions ===

    @books_once
    def action_confirm(self):
        """Write off what is open now on the documents that are ticked.

        :return: an action that says what was written off
        :raise UserError: when nothing of them may be; nothing is booked
        """
        ticked = self.line_ids.filtered("is_ticked")
        accounts = ticked.account_id
        accounts._check_officer()
        if not ticked:
            raise UserError(
                self.env._(
                    "Nothing is ticked to write off for %s. Tick a document first.",
                    self._get_sent_client_name({}),
                )
            )
        if len(accounts.company_id) > 1:
            raise UserError(
                self.env._(
                    "%(clients)s have accounts in several companies. Choose clients "
                    "of one company at a time.",
                    clients=", ".join(accounts.mapped("display_name")[:5]),
                )
            )
        moves, rests = accounts._write_off(
            [(line.account_id, line.move_id) for line in ticked], self.date
        )
        self._keep_booked(moves)
        return self._get_done_action(
            self._get_done_message(ticked, rests),
            moves,
            self.date,
            offers=[(self.env._("Undo"), self, "action_undo")],
        )

    def _get_done_message(self, ticked, rests):
        """Return what was written off and what was passed over, in sentences.

        :param ticked: the lines
        :param rests: the list of `OpenRest` that were written off
        """
        accounts = self.env["client.account"].union(*(rest.account for rest in rests))
        values = {
            "amount": self.currency_id.format(sum(rest.amount for rest in rests)),
            "count": len(rests),
            "document": rests[0].move.name,
            "client": rests[0].account.display_name,
        }
        sentences = [
            self.env._("%(amount)s written off on %(count)s documents.", **values)
            if len(rests) > 1
            else self.env._(
                "%(amount)s written off on %(document)s of %(client)s.", **values
            )
        ]
        asked = {(line.account_id.id, line.move_id.id) for line in ticked}
        if passed_over := len(asked) - len(rests):
            sentences.append(
                self.env._(
                    "Passed over, as no small difference is open any more: %s.",
                    passed_over,
                )
            )
        if len(accounts) == 1:
            sentences.append(self._format_new_balance(accounts))
        return " ".join(sentences)

    def _undo(self, moves_sudo, partials_sudo):
        """Override of `client.once.mixin`: delete the write-offs."""
        accounts = self.line_ids.account_id
        accounts._check_officer()
        names = ", ".join(moves_sudo.mapped("name")[:5])
        if not moves_sudo._is_write_off_kept():
            raise UserError(
                self.env._(
                    "%s was reset or reversed since, so it is not undone. Look at the "
                    "entry where it stands.",
                    names,
                )
            )
        self._check_same_allocations(moves_sudo, partials_sudo)
        moves_sudo.sudo(self.env.su)._delete_adjustments(self.env._("Undone at once"))
        return self.env._("%s deleted again.", names)


class ClientAccountWriteOffLine(models.TransientModel):
    _name = "client.account.write.off.line"
    _description = "Write Off Small Differences Line"
    _inherit = ["client.amount.mixin"]
    _order = "id"

    write_off_id = fields.Many2one(
        "client.account.write.off",
        string="Window",
        required=True,
        ondelete="cascade",
        index=True,
    )
    account_id = fields.Many2one(
        "client.account", string="Client", required=True, ondelete="cascade"
    )
    move_id = fields.Many2one(
        "account.move", string="Entry", required=True, ondelete="cascade"
    )
    is_ticked = fields.Boolean(
        string="Write Off", default=True, help="Untick what is to stay open."
    )
    currency_id = fields.Many2one(related="account_id.currency_id")
    document_name = fields.Char(string="Document", compute="_compute_document")
    document_date = fields.Date(string="Date", compute="_compute_document")
    side = fields.Selection(
        [("debt", "Owed"), ("credit", "In credit"), ("both", "Both")],
        compute="_compute_document",
    )
    amount = fields.Monetary(
        string="Open",
        compute="_compute_document",
        help="What is open on the document now, in company currency.",
    )

    @api.depends("account_id", "move_id")
    def _compute_document(self):
        """Show nothing of a document that is none of the client's, or has nothing open
        that may be written off."""
        accounts = self.account_id._origin
        accounts.sudo(False)._check_officer()
        rests = {
            (rest.account.id, rest.move.id): rest
            for rest in accounts._search_small_rests(self.move_id._origin)
        }
        sides = {1: "debt", -1: "credit"}
        for line in self:
            rest = rests.get((line.account_id._origin.id, line.move_id._origin.id))
            line.document_name = rest and rest.move.display_name
            line.document_date = rest and rest.move.date
            line.amount = rest.amount if rest else 0.0
            signs = {item._get_open_sign() for item in rest.items} if rest else set()
            line.side = (
                sides[signs.pop()] if len(signs) == 1 else bool(signs) and "both"
            )

    @api.constrains("account_id")
    def _check_account_id(self):
        # Constraints run under sudo, which says nothing of the user's own rights.
        self.account_id.sudo(False)._check_officer()
