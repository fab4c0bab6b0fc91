from odoo import api, fields, models
from odoo.exceptions import UserError

# How many cards, and lines of history, a list has; the rest stands behind its button.
SHOWN_SESSIONS = 40


class ResPartner(models.Model):
    """Session credits of a client on its contact, for who may read its cards."""

    _inherit = "res.partner"

    client_session_card_ids = fields.Many2many(
        "loyalty.card",
        string="Client Session Cards",
        compute="_compute_client_sessions",
        compute_sudo=True,
        groups="base.group_user",
        copy=False,
        help="The 40 cards that expire first.",
    )
    client_session_history_ids = fields.Many2many(
        "loyalty.history",
        compute="_compute_client_sessions",
        compute_sudo=True,
        groups="base.group_user",
        copy=False,
        help="The newest 40 lines.",
    )

    @api.depends_context("uid", "company", "allowed_company_ids")
    @api.depends("commercial_partner_id")
    def _compute_client_sessions(self):
        # Under sudo the fields are set, which takes a right to cards; what they hold is
        # found with the user's own rights.
        cards = self.env["loyalty.card"].sudo(False)
        history = self.env["loyalty.history"].sudo(False)
        self.client_session_card_ids = self.client_session_history_ids = False
        if not cards.has_access("read"):
            return
        for partner in self:
            domain = partner._origin._get_client_session_domain(self.env.company)
            partner.client_session_card_ids = cards.search(
                domain, limit=SHOWN_SESSIONS, order="expiration_date, id"
            )
            if partner.client_session_card_ids and history.has_access("read"):
                partner.client_session_history_ids = history.search(
                    [("card_id", "any", domain)],
                    limit=SHOWN_SESSIONS,
                    order="create_date DESC, id DESC",
                )

    def _get_client_session_domain(self, company):
        """Return the domain of the cards with session credits of one client."""
        return self.env["loyalty.card"]._get_client_session_domain(
            self.commercial_partner_id, company
        )

    def _open_session_adjustment(self, company):
        """Open the window that adjusts the session credits of one client.

        :return: a window action, of the cards where there are several
        :raise UserError: when the client has no card
        """
        self.ensure_one()
        cards = self.env["loyalty.card"].search(
            self._get_client_session_domain(company), limit=2
        )
        if not cards:
            raise UserError(
                self.env._(
                    "%s has no card that holds session credits. Sell a pack of "
                    "sessions, or make a card in its loyalty program first.",
                    self.commercial_partner_id.display_name,
                )
            )
        if len(cards) > 1:
            return self._open_session_cards(company)
        return cards.action_client_adjust_sessions()

    def _open_session_cards(self, company):
        """Open all cards with session credits of one client.

        :return: a window action
        """
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "client_account_loyalty.loyalty_card_session_action"
        )
        # In terms of ids, for the web client to take them along.
        cards = self.env["loyalty.card"]._search(
            self._get_client_session_domain(company)
        )
        action["domain"] = [("id", "in", list(cards))]
        return action

    def _open_session_history(self, company):
        """Open the whole history of session credits of one client.

        :return: a window action
        """
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "client_account_loyalty.loyalty_history_session_action"
        )
        cards = self.env["loyalty.card"]._search(
            self._get_client_session_domain(company)
        )
        action["domain"] = [("card_id", "in", list(cards))]
        return action

    def action_client_adjust_sessions(self):
        """Open the window that adjusts the session credits of one client.

        :return: a window action, of the cards where there are several
        """
        return self._open_session_adjustment(self.env.company)

    def action_client_view_session_cards(self):
        """Open all cards with session credits of one client.

        :return: a window action
        """
        return self._open_session_cards(self.env.company)

    def action_client_view_session_history(self):
        """Open the whole history of session credits of one client.

        :return: a window action
        """
        return self._open_session_history(self.env.company)
