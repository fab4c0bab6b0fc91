from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class LoyaltyCard(models.Model):
    """Cards that hold session credits of a client."""

    _inherit = "loyalty.card"

    def write(self, vals):
        """Override of the ORM to take from nobody session credits that were used: an
        order that gave them is not cancelled before they are adjusted.

        What tills book under sudo has happened already.
        """
        if "points" in vals and not self.env.su:
            self._check_sessions_left(vals["points"])
        return super().write(vals)

    def _check_sessions_left(self, points):
        """Make sure that these cards do not come to hold less than nothing.

        :param float points: that are to be left on each
        :raise UserError: otherwise
        """
        # Sudo: who writes cards need not read programs or contacts.
        for card in self.sudo() if points < 0 else ():
            if points < card.points and card.program_id._filter_sessions():
                raise UserError(
                    self.env._(
                        "%(client)s has %(left)s session credits of %(program)s left, "
                        "and %(taken)s are to be taken: the others are used. Adjust "
                        "the session credits first, with the reason.",
                        client=card.partner_id.name or card.code,
                        left=f"{card.points:g}",
                        program=card.program_id.name,
                        taken=f"{card.points - points:g}",
                    )
                )

    @api.model
    def _get_client_session_domain(self, client, company):
        """Return the domain of the cards of a client that hold session credits.

        :param client: `res.partner`, a contact stands for its commercial partner
        :param company: `res.company`, a branch stands for its root
        """
        programs = self.env["loyalty.program"]._get_session_domain()
        # Sudo: a branch's user need not read the root company.
        root = company.sudo().root_id
        return (
            Domain("partner_id.commercial_partner_id", "=", client.id)
            & Domain("active", "=", True)
            & Domain("program_id.active", "=", True)
            & Domain("program_id", "any", programs)
            & (
                Domain("company_id", "=", False)
                | Domain("company_id", "child_of", root.id)
            )
        )

    @api.model
    def _get_valid_domain(self):
        """Return the domain of the cards that have not expired."""
        today = fields.Date.context_today(self)
        return Domain("expiration_date", "=", False) | Domain(
            "expiration_date", ">=", today
        )

    def action_client_adjust_sessions(self):
        """Open Odoo's own window that adjusts one card; the client gets no message.

        :return: a window action
        """
        self.ensure_one()
        self.check_access("read")
        action = self.action_loyalty_update_balance()
        action["name"] = self.env._(
            "Sessions of %(client)s: %(program)s",
            client=self.partner_id.name,
            program=self.program_id.name,
        )
        # From what is left, as a window that says zero takes all of it by one click.
        action["context"] = {
            **action["context"],
            "default_new_balance": self.points,
            "loyalty_no_mail": True,
        }
        return action

    def action_open_client_card(self):
        """Open one card: a row of the session credits of a client.

        :return: a window action
        """
        self.ensure_one()
        return self._get_records_action()
