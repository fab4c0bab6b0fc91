import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import format_date, split_every

from ..const import MARKS, VIEWER
from ..exceptions import MEETINGS
from ..utils import come_again, in_plain_context

_logger = logging.getLogger(__name__)

# Credits booked back in one transaction.
PORTION = 50
TEMPLATE = "client_account.mail_template_credit_expiring"


class AccountMove(models.Model):
    """Credits that expire: what is unused after their last day is booked back."""

    _inherit = "account.move"

    client_expiry_date = fields.Date(
        string="Last Day of the Credit",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        help="What is not used by then is booked back the day after.",
        written_by="addon",
    )
    client_expiry_told = fields.Boolean(
        string="Client Told of the Last Day",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        written_by="addon",
    )
    client_expired_move_id = fields.Many2one(
        "account.move",
        string="Expired Credit",
        readonly=True,
        copy=False,
        groups=VIEWER,
        prefetch=MARKS,
        index="btree_not_null",
        ondelete="restrict",
        help="The credit of which this entry books back the unused rest.",
        written_by="addon",
    )
    # Serves the job that looks for credits whose last day is over, or near.
    _client_expiry_idx = models.Index(
        "(client_expiry_date) WHERE client_expiry_date IS NOT NULL"
    )

    # === The job ===

    @api.model
    def _cron_expire_client_credits(self):
        """Book back what is left of credits whose last day is over, and tell clients
        of those whose last day is near.

        Each portion is a transaction: a job that is killed goes on with what is still
        open, and nothing is booked back twice, as it is no longer open then.
        """
        cron = self.env["ir.cron"]
        today = fields.Date.context_today(self)
        expired = self._search_expiring([("client_expiry_date", "<", today)])
        ending = self._search_ending(today)
        seconds_left = cron._commit_progress(remaining=len(expired) + len(ending))
        met = False
        for act, ids in (("_expire", expired.ids), ("_tell_ending", ending.ids)):
            for part in split_every(PORTION, ids):
                if seconds_left <= 0:
                    return
                met = self.browse(part)._act_safely(act) or met
                # What was done is in no one's way any more.
                self.env.invalidate_all()
                seconds_left = cron._commit_progress(len(part))
        if met:
            come_again(self.env, "client_account.ir_cron_expire_credits")

    def _act_safely(self, act):
        """Do something with each of these; one that fails stops no other.

        :param str act: the name of a method
        :return: whether some wait as others were at them
        """
        met = False
        try:
            getattr(self, act)()
            self.env.flush_all()
            return met
        except Exception:
            self.env.cr.rollback()
            _logger.info("%s of the credits %s one by one.", act, self.ids)
        for move in self:
            try:
                getattr(move, act)()
                self.env.cr.commit()  # pylint: disable=invalid-commit
            except MEETINGS:
                self.env.cr.rollback()
                met = True
            except Exception:
                # The next run tries again.
                self.env.cr.rollback()
                _logger.exception("%s of the credit %s failed.", act, move.id)
        return met

    @api.model
    def _search_expiring(self, domain):
        """Return the credits with a last day of which something is left.

        :param domain: on the entries
        """
        items = self.env["account.move.line"].search(
            Domain("move_id", "any", domain)
            & Domain("parent_state", "=", "posted")
            & Domain("account_type", "=", "asset_receivable")
            & Domain("amount_residual", "<", 0)
        )
        return items.move_id.sorted("id")

    @api.model
    def _search_ending(self, today):
        """Return the credits whose last day is near, of which clients are to hear."""
        ending = self.browse()
        companies = self.env["res.company"].search(
            [("client_expiry_notice_days", ">", 0), ("parent_id", "=", False)]
        )
        for company in companies:
            last = today + timedelta(days=company.client_expiry_notice_days)
            ending |= self._search_expiring(
                [
                    ("client_expiry_date", ">=", today),
                    ("client_expiry_date", "<=", last),
                    ("client_expiry_told", "=", False),
                    ("company_id", "child_of", company.id),
                ]
            )
        return ending

    # === Booking back ===

    def _expire(self):
        """Book back what is left of these credits, where nothing holds them."""
        credits = self._get_posted_receivable_items()._filter_open_credits()
        credits -= credits._filter_held()
        if not credits:
            return
        moves = in_plain_context(self)
        entries = moves.create([credit._prepare_expiry_vals() for credit in credits])
        entries._hold_credits()._post(soft=False)
        self.env["account.move.line"]._allocate_amounts(
            [
                (credit, entry._get_receivable_items(), -credit.amount_residual)
                for credit, entry in zip(credits, entries, strict=True)
            ]
        )
        for credit, entry in zip(credits, entries, strict=True):
            note = self.env._(
                "%(amount)s of %(credit)s expired on %(date)s and was booked back with "
                "%(entry)s.",
                amount=entry._format_adjustment(),
                credit=credit.move_id.name,
                date=format_date(self.env, credit.move_id.client_expiry_date),
                entry=entry.name,
            )
            credit.move_id._message_log(body=note)
            self.env["client.account"]._log_acts([(entry._get_client_account(), note)])

    def _get_expiry_entries(self):
        """Return the entries that have booked back the rest of these credits."""
        if not any(move.client_expiry_date for move in self):
            return self.browse()
        return self.search(
            [("client_expired_move_id", "in", self.ids), ("state", "=", "posted")]
        )

    def _get_own_allocations(self):
        """Override to leave what has expired of a credit with it."""
        entries = self._get_expiry_entries() | self.filtered("client_expired_move_id")
        return super()._get_own_allocations() | entries._get_client_allocations()

    # === What stays as it is ===

    def _get_keep_reason(self):
        """Override: what was booked back is the rest of a credit, and no charge that
        may be raised past the policies."""
        credit = self.client_expired_move_id
        if not credit:
            return super()._get_keep_reason()
        return self.env._(
            "%(entry)s booked back what was left of %(credit)s after its last day, and "
            "stays as it is. Delete it from the client's account for the credit to be "
            "there again, or delete the credit, which takes both.",
            entry=self.display_name,
            credit=credit.display_name,
        )

    def button_draft(self):
        """Override of `account` to leave no credit in draft whose rest is booked back:
        the client would owe that.

        Modifying and deleting, which are the addon's own, see to both.
        """
        if not self.env.su:
            self._check_none_expired()
        return super().button_draft()

    def _check_none_expired(self):
        """Make sure that nothing of these credits was booked back.

        :raise UserError: otherwise
        """
        # Sudo: marks are looked at to decide, not shown.
        moves = self.sudo()
        entries = moves._get_expiry_entries() - moves
        if entries:
            raise UserError(
                self.env._(
                    "What was left of %(credits)s was booked back with %(entries)s. "
                    "Modify or delete the credit from the client's account, which "
                    "takes care of both.",
                    credits=", ".join(
                        entries.client_expired_move_id.mapped("display_name")[:5]
                    ),
                    entries=", ".join(entries.mapped("display_name")[:5]),
                )
            )

    # === Telling ===

    def _tell_ending(self):
        """Mail their clients that the last day of these credits is near.

        Who has no address, or may see no amounts, is told nothing; an address that is
        entered later is used as long as the credit is there.
        """
        template = self.env.ref(TEMPLATE)
        for credit in self._get_posted_receivable_items()._filter_open_credits():
            account = credit._get_client_account()
            contact = account._get_notice_contact()
            if (
                not contact.email
                or not account.partner_id.active
                or account._get_policy("balance_visibility") == "hidden"
            ):
                continue
            template.send_mail(
                credit.id,
                email_values={"recipient_ids": [Command.link(contact.id)]},
                email_layout_xmlid="mail.mail_notification_light",
            )
            move = credit.move_id
            move.client_expiry_told = True
            note = self.env._(
                "%(client)s was told that %(credit)s is usable until %(date)s.",
                client=account.display_name,
                credit=move.name,
                date=format_date(self.env, move.client_expiry_date),
            )
            self.env["client.account"]._log_acts([(account, note)])


class AccountMoveLine(models.Model):
    """The open item of a credit that expires."""

    _inherit = "account.move.line"

    client_expiry_date = fields.Date(
        related="move_id.client_expiry_date", string="Usable Until", groups=VIEWER
    )

    def _filter_unexpired(self):
        """Return the credits among these items whose last day is not over."""
        today = fields.Date.context_today(self)
        return self.filtered(
            lambda line: (
                not line.sudo().move_id.client_expiry_date
                or line.sudo().move_id.client_expiry_date >= today
            )
        )

    def _filter_held(self):
        """Return the credits among these items that their company keeps while they can
        pay a debt that was due by their last day."""
        items = self.filtered(lambda line: line.company_id.root_id.client_expiry_waits)
        accounts = items._group_by_client()
        if not accounts:
            return items
        debts = (
            self.env["client.account"]
            .union(*(credits._get_client_account() for credits in accounts.values()))
            ._search_open_items()
            ._filter_open_debts()
        )
        by_client = debts._filter_creditable()._group_by_client()
        return items.filtered(
            lambda credit: any(
                debt.account_id == credit.account_id
                and debt.date_maturity
                and debt.date_maturity <= credit.move_id.client_expiry_date
                for debt in by_client.get(credit._get_client_key(), ())
            )
        )

    def _prepare_expiry_vals(self):
        """Return the values of the entry that books back what is left of this credit.

        It goes back to where the credit was taken from.
        """
        move = self.move_id
        account = self._get_client_account()
        values = {
            "kind": "charge",
            "amount": -self.amount_residual,
            "reason": self.env._(
                "Expired on %(date)s: %(credit)s, %(reason)s",
                date=format_date(self.env, move.client_expiry_date),
                credit=move.name,
                reason=move.client_adjustment_reason or "",
            )[:250],
            "date": None,
            "date_due": None,
        }
        vals = account._prepare_adjustment_move_vals(values)
        receivable, other = (command[2] for command in vals["line_ids"])
        receivable["account_id"] = self.account_id.id
        sources = (move.line_ids - move._get_receivable_items()).account_id
        if len(sources) != 1:
            sources = account.company_id.client_credit_account_id
        other["account_id"] = sources.id
        return vals | {
            "client_expired_move_id": move.id,
            "client_adjustment_reason_id": move.client_adjustment_reason_id.id,
        }
