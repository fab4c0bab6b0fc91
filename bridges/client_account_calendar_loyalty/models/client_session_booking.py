from collections import defaultdict
from contextlib import contextmanager
from datetime import date

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from odoo.addons.client_account.const import APPROVER


class SessionChanges:
    """What is changing of meetings that may cost session credits."""

    def __init__(self):
        # {id of a meeting: the claims on credits there were before}
        self.before = {}
        # Ids of the bookings whose meeting is deleted.
        self.orphan_ids = set()
        # Why clients without a credit may come.
        self.reason = None

    def forget(self, event_ids):
        """Take meetings for new, whatever was noted of them while they were made."""
        self.before.update((event_id, frozenset()) for event_id in event_ids)


class ClientSessionBooking(models.Model):
    """A session credit that a meeting has taken of a client.

    It says what to give back, and keeps a meeting from taking twice. Nobody writes it
    but the meeting's own changes.
    """

    _name = "client.session.booking"
    _description = "Session Credit of a Meeting"
    _order = "id desc"
    _rec_name = "label"

    # Empty for a moment only, while the credit of a deleted meeting is given back.
    event_id = fields.Many2one(
        "calendar.event", string="Meeting", ondelete="set null", index=True
    )
    partner_id = fields.Many2one(
        "res.partner", string="Client", required=True, ondelete="cascade", index=True
    )
    program_id = fields.Many2one("loyalty.program", required=True, ondelete="cascade")
    card_id = fields.Many2one(
        "loyalty.card",
        ondelete="set null",
        index="btree_not_null",
        help="The card that the credit is from. Empty where the client came without.",
    )
    history_id = fields.Many2one("loyalty.history", ondelete="set null")
    label = fields.Char(required=True, help="What the history calls the meeting.")
    reason = fields.Text(help="Why the client came without a credit.")

    _event_client_program_unique = models.Constraint(
        "UNIQUE(event_id, partner_id, program_id)",
        "A meeting takes one session credit of a client.",
    )

    def _get_words(self):
        """Return what one booking tells whoever sees its meeting."""
        self.ensure_one()
        names = {
            "client": self.partner_id.display_name,
            "program": self.program_id.name,
        }
        if self.reason:
            return self.env._(
                "%(client)s: no credit of %(program)s. %(reason)s",
                reason=self.reason,
                **names,
            )
        return self.env._("%(client)s: one credit of %(program)s", **names)

    # === Who pays ===

    @api.model
    def _note_claims(self, changes, event_ids):
        """Note who pays for meetings that are about to change.

        :param changes: `SessionChanges`
        :param event_ids: those of them that were not noted yet
        """
        claims = self._fetch_claims(event_ids)
        for event_id in event_ids:
            changes.before[event_id] = frozenset(
                claim
                for claim, (comes, _began) in claims.items()
                if comes and claim[0] == event_id
            )

    @api.model
    def _fetch_claims(self, event_ids):
        """Return which meetings cost which clients a credit of which programs.

        A client comes unless each of its contacts that are invited has declined. It is
        asked in SQL: what the ORM has in its cache of private meetings is masked.

        :return: {(event id, client id, program id): (comes, the meeting has begun)}
        """
        for model, names in (
            ("calendar.event", ["active", "start"]),
            ("calendar.event.type", ["client_program_id"]),
            ("calendar.attendee", ["event_id", "partner_id", "state"]),
            ("res.partner", ["commercial_partner_id", "partner_share"]),
        ):
            self.env[model].flush_model(names)
        rows = self.env.execute_query(
            SQL(
                """
                WITH invited AS (
                    SELECT calendar_event_id AS event_id, res_partner_id AS partner_id,
                           NULL AS state
                      FROM calendar_event_res_partner_rel
                     WHERE calendar_event_id = ANY(%(ids)s)
                     UNION ALL
                    SELECT event_id, partner_id, COALESCE(state, 'needsAction')
                      FROM calendar_attendee
                     WHERE event_id = ANY(%(ids)s)
                ), person AS (
                    SELECT event_id, partner_id,
                           COALESCE(BOOL_AND(state = 'declined'), FALSE) AS declined
                      FROM invited
                     GROUP BY event_id, partner_id
                )
                SELECT event.id, contact.commercial_partner_id, type.client_program_id,
                       BOOL_OR(NOT person.declined), event.start <= %(now)s
                  FROM calendar_event event
                  JOIN meeting_category_rel tag ON tag.event_id = event.id
                  JOIN calendar_event_type type ON type.id = tag.type_id
                  JOIN person ON person.event_id = event.id
                  JOIN res_partner contact ON contact.id = person.partner_id
                 WHERE event.id = ANY(%(ids)s)
                   AND event.active
                   AND type.client_program_id IS NOT NULL
                   AND contact.partner_share
                 GROUP BY 1, 2, 3
                """,
                ids=list(event_ids),
                now=fields.Datetime.now(),
            )
        )
        return {row[:3]: row[3:] for row in rows}

    @api.model
    def _settle(self, changes):
        """Take credits of who came to pay for meetings, and give back the others'.

        :param changes: `SessionChanges`
        :raise UserError: when a client has none left
        """
        if not changes.before and not changes.orphan_ids:
            return
        event_ids = list(changes.before)
        claims = self._fetch_claims(event_ids)
        # Sudo: who arranges meetings need not read cards, and nobody writes bookings.
        held = self.sudo().search([("event_id", "in", event_ids)])
        held |= held.browse(changes.orphan_ids).exists()
        held.invalidate_recordset(["event_id"], flush=False)
        paid = {booking._get_claim() for booking in held}
        # Who declines once the meeting has begun has missed it, and gets nothing back.
        surplus = held.filtered(
            lambda booking: not any(claims.get(booking._get_claim(), ()))
        )
        missing = {
            claim
            for claim, (comes, _began) in claims.items()
            if comes and claim not in paid and claim not in changes.before[claim[0]]
        }
        surplus, missing = surplus._move_to(missing)
        surplus._give_back()
        surplus._take(missing, changes.reason)

    def _get_claim(self):
        """Return what one booking is for: (event id, client id, program id)."""
        self.ensure_one()
        return (self.event_id.id, self.partner_id.id, self.program_id.id)

    def _move_to(self, missing):
        """Have these bookings, which are free, serve meetings that came about instead.

        A series that is written anew gets new meetings for the old ones: they take over
        what those have paid, and the history names them.

        :param missing: {(event id, client id, program id)}
        :return: the bookings and the claims that are left
        """
        free = defaultdict(list)
        for booking in self:
            free[booking._get_claim()[1:]].append(booking)
        left = set()
        for claim in self._sort_claims(missing):
            bookings = free[claim[1:]]
            if not bookings:
                left.add(claim)
                continue
            booking = bookings.pop(0)
            event = self.env["calendar.event"].sudo().browse(claim[0])
            booking.write({"event_id": event.id, "label": event._get_session_label()})
            booking.history_id.write(
                {"order_id": event.id, "description": booking.label}
            )
        return self.browse().union(
            *(item for items in free.values() for item in items)
        ), left

    @api.model
    def _sort_claims(self, claims):
        """Return claims in the order of their meetings."""
        events = self.env["calendar.event"].sudo()
        return sorted(claims, key=lambda claim: (events.browse(claim[0]).start, *claim))

    # === Contacts that come to be another client's ===

    @contextmanager
    def _following_contacts(self):
        """Have these bookings go on paying for who comes, though contacts change their
        client within: the credit stays taken of the card that it was taken of.

        Where the new client has paid for the same meeting too, it is given back.
        """
        if not self:
            yield
            return
        event_ids = self.event_id.ids
        before = self._fetch_claims(event_ids).keys()
        coming = self.filtered(lambda booking: booking._get_claim() in before)
        yield
        coming.invalidate_recordset(["partner_id"], flush=False)
        claims = self._fetch_claims(event_ids).keys()
        came = {(claim[0], claim[2]): claim[1] for claim in claims - before}
        surplus = self.browse()
        for booking in coming.exists():
            event_id, _client_id, program_id = claim = booking._get_claim()
            if claim in claims:
                continue
            if client_id := came.pop((event_id, program_id), None):
                booking.partner_id = client_id
            else:
                surplus |= booking
        surplus._give_back()

    def _give_back_twins(self, clients):
        """Give back what these clients, who become one, have paid twice."""
        twins = self.browse()
        for bookings in (
            self.filtered(lambda item: item.partner_id in clients)
            .grouped(lambda item: (item.event_id, item.program_id))
            .values()
        ):
            # Who came without a credit has none to give back.
            twins |= bookings.sorted(lambda item: not item.card_id)[1:]
        twins._give_back()

    # === Taking ===

    @api.model
    def _take(self, claims, reason):
        """Take a session credit for each claim, from the card that expires first.

        :param claims: {(event id, client id, program id)}
        :param reason: why clients without a credit may come, None for may not
        :raise UserError: when a client has none left
        """
        if not claims:
            return
        cards = self._lock_cards({claim[1:] for claim in claims})
        events = self.env["calendar.event"].sudo()
        lacking, vals_list = [], []
        for claim in self._sort_claims(claims):
            event = events.browse(claim[0])
            day = event._get_session_day()
            card = next(
                (
                    card
                    for card in cards[claim[1:]]
                    if card["left"] >= 1
                    and (not card["expiry"] or card["expiry"] >= day)
                ),
                None,
            )
            if card:
                card["left"] -= 1
            else:
                lacking.append(claim)
            vals_list.append(
                {
                    "event_id": claim[0],
                    "partner_id": claim[1],
                    "program_id": claim[2],
                    "card_id": card and card["id"],
                    "label": event._get_session_label(),
                    "reason": False if card else reason,
                }
            )
        if lacking and not reason:
            raise UserError(self._get_refusal(lacking))
        self.create(vals_list)._book_taken()

    @api.model
    def _lock_cards(self, keys):
        """Lock the cards that credits may be taken from, until the transaction ends.

        Who comes second waits, and is tried again by Odoo on what the first has left.

        :param keys: {(client id, program id)}
        :return: {key: list of {`id`, `left`, `expiry`}}, those that expire first first
        """
        self.env["loyalty.card"].flush_model()
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT contact.commercial_partner_id, card.program_id,
                       card.id, card.points, card.expiration_date
                  FROM loyalty_card card
                  JOIN res_partner contact ON contact.id = card.partner_id
                 WHERE (contact.commercial_partner_id, card.program_id) IN %(keys)s
                   AND card.active
                   AND card.points >= 1
                   AND (card.expiration_date IS NULL
                        OR card.expiration_date >= %(today)s)
                 ORDER BY card.id
                   FOR NO KEY UPDATE OF card
                """,
                keys=tuple(keys),
                today=fields.Date.context_today(self),
            )
        )
        cards = defaultdict(list)
        for client_id, program_id, card_id, points, expiry in rows:
            cards[client_id, program_id].append(
                {"id": card_id, "left": points, "expiry": expiry}
            )
        for found in cards.values():
            found.sort(key=lambda card: (card["expiry"] or date.max, card["id"]))
        return cards

    def _book_taken(self):
        """Take the credits of these new bookings off their cards, with their history.

        Those without a card are told where clients are followed up.
        """
        paid = self.filtered("card_id")
        lines = (
            self.env["loyalty.history"]
            .sudo()
            .create([booking._prepare_history_vals(used=1) for booking in paid])
        )
        for booking, line in zip(paid, lines, strict=True):
            booking.history_id = line
        paid._change_points(-1)
        for booking in self - paid:
            booking._log_without_credit()

    def _prepare_history_vals(self, used=0, issued=0):
        """Return the values of the line in the card's history about one booking.

        Hook: whoever wants to tell more of the meeting adds it here.
        """
        self.ensure_one()
        label = self.label
        if issued:
            label = self.env._("Given back: %s", label)
        return {
            "card_id": self.card_id.id,
            "description": label,
            "used": used,
            "issued": issued,
            "order_model": "calendar.event",
            "order_id": self.history_id.order_id or self.event_id.id,
        }

    def _change_points(self, change):
        """Add to the points of the card of each booking; clients get no message."""
        for card, bookings in self.grouped("card_id").items():
            card.with_context(loyalty_no_mail=True).points += change * len(bookings)

    def _log_without_credit(self):
        """Tell in the meeting, and in the client's account, who let whom come."""
        self.ensure_one()
        body = self.env._(
            "%(client)s comes to %(meeting)s without a session credit of %(program)s. "
            "%(user)s: %(reason)s",
            client=self.partner_id.display_name,
            meeting=self.label,
            program=self.program_id.name,
            user=self.env.user.name,
            reason=self.reason,
        )
        self.event_id._message_log(body=body)
        accounts = self.env["client.account"]._find_accounts(
            self.partner_id, self.env.company
        )
        for account in accounts:
            account._message_log(body=body)

    @api.model
    def _get_refusal(self, lacking):
        """Return why clients cannot be added to meetings, and what to do.

        :param lacking: list of (event id, client id, program id)
        """
        short = defaultdict(list)
        for event_id, client_id, program_id in lacking:
            short[client_id, program_id].append(event_id)
        sentences = []
        for (client_id, program_id), event_ids in short.items():
            event = self.env["calendar.event"].sudo().browse(event_ids[0])
            names = {
                "client": self.env["res.partner"].sudo().browse(client_id).display_name,
                "program": self.env["loyalty.program"].sudo().browse(program_id).name,
                "meeting": event._get_session_label(),
            }
            sentences.append(
                self.env._(
                    "%(client)s has no session credit of %(program)s left for "
                    "%(meeting)s.",
                    **names,
                )
                if len(event_ids) == 1
                else self.env._(
                    "%(client)s has too few session credits of %(program)s left: "
                    "%(count)s meetings remain without one, the first of them "
                    "%(meeting)s.",
                    count=len(event_ids),
                    **names,
                )
            )
        return "\n".join([*sentences, self._get_refusal_advice()])

    @api.model
    def _get_refusal_advice(self):
        """Return what whoever was refused can do about it."""
        if not self.env.user._is_internal():
            # Who follows a link in an invitation is a client.
            return self.env._("Please get in touch with us to get more of them.")
        if self.env.user.has_group(APPROVER):
            return self.env._(
                "Sell or give session credits first, or say under “Without a Session "
                "Credit” why the client may come all the same, and save again."
            )
        return self.env._(
            "Sell or give session credits first, or ask an approver of client accounts "
            "to add the client with a reason."
        )

    # === Giving back ===

    def _give_back(self):
        """Give the credits of these bookings back to their cards, and forget them."""
        paid = self.filtered("card_id")
        for booking in paid:
            booking.card_id = booking._find_card_to_give_back_to()
        self.env["loyalty.history"].sudo().create(
            [booking._prepare_history_vals(issued=1) for booking in paid]
        )
        paid._change_points(1)
        self.unlink()

    def _find_card_to_give_back_to(self):
        """Return the card that the credit of one booking goes back to.

        Where cards of two contacts were merged, that is the one that is left.
        """
        card = self.card_id
        if card.active:
            return card
        return (
            card.search(
                [
                    ("partner_id.commercial_partner_id", "=", self.partner_id.id),
                    ("program_id", "=", self.program_id.id),
                ],
                limit=1,
            )
            or card
        )
