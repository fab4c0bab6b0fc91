from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import format_date

# How often a recurring invoice comes back.
RECURRING = ("monthly", "quarterly", "yearly")


class ClientAccount(models.Model):
    """The membership of a client on the profile.

    Odoo keeps a level on the contact, and neither since when nor through which order:
    that is the newest confirmed order that gives the level, or else the day it was
    written on the contact.
    """

    _inherit = "client.account"

    def _get_profile_boxes(self):
        """Override to put the membership first, under the client's name."""
        boxes = super()._get_profile_boxes()
        if grade := self._get_grade():
            boxes.insert(0, self._get_membership_box(grade))
        return boxes

    def _get_grade(self):
        """Return the level of the client of one account, where its company knows it.

        :return: `res.partner.grade` under sudo: its name is shown to whoever sees the
            contact
        """
        self.ensure_one()
        grade = self.partner_id.sudo().grade_id
        if grade.company_id and grade.company_id.root_id != self.sudo().company_id:
            return grade.browse()
        return grade

    def _get_membership_box(self, grade):
        """Return the box of the membership of one client.

        :param grade: from `_get_grade`
        """
        order = self._get_membership_order(grade)
        return self._get_profile_box(
            "membership",
            self.env._("Membership"),
            grade.name,
            lines=[
                self._get_membership_since_line(grade, order),
                order
                and order.sudo(False).has_access("read")
                and self._get_profile_line(
                    self.env._("Order"), order.name, target=order
                ),
                self._may_see_figures() and self._get_next_payment_line(grade),
            ],
        )

    def _get_membership_order(self, grade):
        """Return the newest confirmed order of one client that gives a level.

        :return: `sale.order` under sudo, to say since when; its name is for its readers
        """
        return (
            self.env["sale.order"]
            .sudo()
            .search(
                [
                    ("partner_id", "in", self._search_contacts().ids),
                    ("company_id", "child_of", self.sudo().company_id.ids),
                    ("state", "=", "sale"),
                    ("order_line.product_id.grade_id", "=", grade.id),
                ],
                order="date_order DESC, id DESC",
                limit=1,
            )
        )

    def _get_membership_since_line(self, grade, order):
        """Return since when one client has a level, None where nothing tells."""
        since = order.date_order or self._get_grade_written(grade)
        if not since:
            return None
        return self._get_profile_line(
            self.env._("Since"),
            format_date(self.env, fields.Datetime.context_timestamp(self, since)),
        )

    def _get_grade_written(self, grade):
        """Return when the level of one client was written on the contact last.

        :return: a moment in UTC, None where the chatter does not tell
        """
        # Sudo: the chatter's own changes are for administrators, the day is not.
        change = (
            self.env["mail.tracking.value"]
            .sudo()
            .search(
                [
                    ("mail_message_id.model", "=", "res.partner"),
                    ("mail_message_id.res_id", "=", self.partner_id._origin.id),
                    ("field_id.name", "=", "grade_id"),
                    ("field_id.model", "=", "res.partner"),
                    ("new_value_integer", "=", grade.id),
                ],
                order="id DESC",
                limit=1,
            )
        )
        return change.mail_message_id.date or None

    def _get_next_payment_line(self, grade):
        """Return when what is next to be paid for the level of one client, None where
        no recurring invoice says so."""
        # Sudo: whoever may see the figures need not read invoices.
        move = (
            self.env["account.move"]
            .sudo()
            .search(
                Domain("commercial_partner_id", "=", self.partner_id._origin.id)
                & Domain("company_id", "child_of", self.sudo().company_id.ids)
                & Domain("move_type", "=", "out_invoice")
                & Domain("state", "=", "draft")
                & Domain("auto_post", "in", RECURRING)
                & Domain("invoice_line_ids.product_id.grade_id", "=", grade.id),
                order="date, id",
                limit=1,
            )
        )
        if not move:
            return None
        return self._get_profile_line(
            self.env._("Next Payment"),
            self.env._(
                "%(amount)s on %(date)s",
                amount=move.currency_id.format(move.amount_total),
                date=format_date(self.env, move.invoice_date or move.date),
            ),
            target=move if move.sudo(False).has_access("read") else None,
        )
