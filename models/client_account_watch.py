from collections import defaultdict
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from odoo import api, models
from odoo.exceptions import MissingError

from ..utils import NOTHING, Worth

# The watch of each transaction, by its cursor. Notes in `cr.cache` go, and callbacks of
# `cr.precommit` too, with every savepoint that is rolled back, whatever module's it is;
# what was booked before it stays.
WATCHES = WeakKeyDictionary()
# The mark in `cr.cache` by whose absence that is noticed.
WATCH = "client_account_watch"


class Watch:
    """What one transaction has touched of the receivable items of clients."""

    def __init__(self):
        # How many operations are under way, one within the other.
        self.depth = 0
        # {item id: (client key, worth), or None where it did not count}, before the
        # operations that are not judged yet, and before the transaction.
        self.pending = {}
        self.origin = {}
        # {client key: ids of the items that have counted for the client}
        self.items = defaultdict(set)
        # {item id: {client key: `Worth`, below zero}} of what is told, not refused, as
        # what the items stand for has happened already.
        self.told = {}
        # Ids of the matches made by hand, to be looked at once they are complete.
        self.matched = set()
        # How many bookings of exchange differences, runs of Odoo's engine of matching,
        # and postings are under way.
        self.exchanges = 0
        self.engine = 0
        self.posting = 0
        # {id of a document: what lets it past the gate}
        self.anyway = {}
        # {(model, id): its policy and limit before the transaction wrote them}
        self.terms = {}
        # Ids of the contacts whose client the transaction itself changes, and what it
        # has seen to be booked for them: see `res.partner._get_booked_sql`.
        self.moved = set()
        self.booked = set()
        # {name of a glue addon: what it notes of the transaction}
        self.notes = {}

    @contextmanager
    def within(self, name):
        """Count what is under way, for as long as it is.

        :param str name: exchanges, engine or posting
        """
        setattr(self, name, getattr(self, name) + 1)
        try:
            yield
        finally:
            setattr(self, name, getattr(self, name) - 1)

    def note(self, item_id, before):
        """Note what an item was before; what was noted first stands."""
        self.pending.setdefault(item_id, before)
        self.origin.setdefault(item_id, before)
        if before:
            self.items[before[0]].add(item_id)


class ClientAccount(models.Model):
    """The watch: whatever touches posted receivable items goes through here, with what
    they were before, and is judged by client when the operation ends.

    Each operation counts what it changes by the items themselves, so that it costs the
    same whatever is in the books.
    """

    _inherit = "client.account"

    @api.model
    def _get_watch(self):
        """Return the watch of this transaction."""
        cr = self.env.cr
        watch = WATCHES.get(cr)
        if watch is None:
            watch = WATCHES[cr] = Watch()

            def forget():
                WATCHES.pop(cr, None)

            cr.postcommit.add(forget)
            cr.postrollback.add(forget)
        elif WATCH not in cr.cache:
            self._forget_undone(watch)
            if watch.pending:
                self._judge_before_commit()
        cr.cache[WATCH] = True
        return watch

    @api.model
    def _forget_undone(self, watch):
        """Forget what was noted of items that went with a savepoint, as they were made
        within it."""
        made = [
            item_id
            for item_id, before in watch.pending.items()
            if before and watch.origin[item_id] is None
        ]
        # Sudo: whether items are there is looked at to judge, not shown.
        there = self.env["account.move.line"].sudo().browse(made).exists()
        for item_id in set(made).difference(there._ids):
            del watch.pending[item_id]

    @contextmanager
    def _watching(self):
        """Watch an operation; when the outermost ends, clients are judged.

        What an operation that failed has left is judged with the next one, or before
        the commit.

        :return: the `Watch`
        """
        watch = self._get_watch()
        watch.depth += 1
        try:
            yield watch
            if watch.depth == 1:
                self._end_watching(watch)
        finally:
            watch.depth -= 1
            if not watch.depth:
                watch.anyway.clear()
                if watch.pending:
                    self._judge_before_commit()
                else:
                    watch.told.clear()

    @api.model
    def _end_watching(self, watch):
        """Judge what the outermost operation has done."""
        if watch.matched:
            # Sudo: matches are looked at to judge, not shown.
            partials = self.env["account.partial.reconcile"].sudo()
            matched, watch.matched = watch.matched, set()
            partials.browse(matched).exists()._check_matched()
        if watch.pending:
            self._judge_watched()

    @api.model
    def _judge_before_commit(self):
        """Have judged before the commit what no operation has judged."""
        cr, accounts = self.env.cr, self.env["client.account"]

        def judge():
            watch = WATCHES.get(cr)
            # In a savepoint within an operation, the end of that judges.
            if watch and watch.pending and not watch.depth:
                accounts._judge_watched()

        self._insist_before_commit(judge)

    @api.model
    def _insist_before_commit(self, judge):
        """Have something judged whenever a commit is tried, until it passes.

        Odoo does so with every savepoint that begins, too: whoever catches the refusal
        there, and goes on, is refused again.

        :param judge: a function without parameters, which raises what it refuses
        """
        cr = self.env.cr

        def insist():
            try:
                judge()
            except Exception:
                cr.precommit.add(insist)
                raise

        cr.precommit.add(insist)

    @api.model
    def _note_items(self, items):
        """Note what items are before they are touched.

        :param items: `account.move.line`, posted ones or not
        """
        watch = self._get_watch()
        # Sudo: items are looked at to judge, not shown.
        for item in items.sudo():
            if item.id not in watch.pending:
                watch.note(item.id, item._get_worth())

    @api.model
    def _note_new_items(self, items):
        """Note items that were just made: whatever was noted of them while they were
        made was not before."""
        watch = self._get_watch()
        for item_id in items.ids:
            watch.pending[item_id] = watch.origin[item_id] = None

    @contextmanager
    def _telling(self, items):
        """Have it told, not refused, what these items lose within: that and no more, as
        whatever else the operation takes of them is judged.

        :param items: `account.move.line`, which may be gone afterwards
        """
        before = self._get_worths(items.ids)
        yield
        self._tell_losses(items.ids, before)

    @api.model
    def _tell_losses(self, item_ids, before):
        """Note what clients have less by items now, see `_telling`.

        :param before: {item id: (client key, `Worth`)} of those that counted
        """
        told = self._get_watch().told
        after = self._get_worths(item_ids)
        for item_id in item_ids:
            was, now = before.get(item_id), after.get(item_id)
            for key in {end[0] for end in (was, now) if end}:
                change = NOTHING
                if was and was[0] == key:
                    change -= was[1]
                if now and now[0] == key:
                    change += now[1]
                losses = told.setdefault(item_id, {})
                losses[key] = losses.get(key, NOTHING) + change.get_loss()

    @api.model
    def _get_untold(self, key, changes):
        """Return what of the changes of one client is to be judged.

        :param key: (`res.partner` client, `res.company` root)
        :param changes: {item id: `Worth` by which it changed}
        :return: likewise, without the losses that are told, nor the items of which
            nothing else is lost
        """
        told = self._get_watch().told
        untold = {}
        for item_id, worth in changes.items():
            if losses := told.get(item_id, {}).get(key):
                # No more than is lost after all.
                worth = (worth.get_loss() - losses).get_loss()
                if not any(worth):
                    continue
            untold[item_id] = worth
        return untold

    @api.model
    def _take_changes(self):
        """Return what has changed by client since it was last asked, and forget it.

        :return: {client key: {item id: `Worth` by which it changed}}
        """
        watch = self._get_watch()
        pending, watch.pending = watch.pending, {}
        after = self._get_worths(pending)
        changes = defaultdict(lambda: defaultdict(Worth))
        for item_id, before in pending.items():
            if before:
                changes[before[0]][item_id] -= before[1]
            if now := after.get(item_id):
                changes[now[0]][item_id] += now[1]
                watch.items[now[0]].add(item_id)
        return changes

    @api.model
    def _get_worths(self, item_ids):
        """Return {item id: (client key, `Worth`)} of the items that count now."""
        # Sudo: the policy binds whoever acts, whatever they may see.
        items = self.env["account.move.line"].sudo().browse(item_ids)
        try:
            return {item.id: item._get_worth() for item in items}
        except MissingError:
            return {item.id: item._get_worth() for item in items.exists()}

    @api.model
    def _get_own_change(self, key):
        """Return by how much this transaction has changed what a client has.

        It is read from the items anew each time, so that it holds also where a part of
        the transaction was rolled back.

        :param key: (`res.partner` client, `res.company` root)
        """
        changes = self._get_own_item_changes(key)
        released = self._get_released({key: changes})
        return sum(changes.values(), released[key])

    @api.model
    def _get_own_item_changes(self, key):
        """Return {item id: `Worth` by which this transaction has changed it} of a
        client, see `_get_own_change`."""
        watch = self._get_watch()
        after = self._get_worths(watch.items[key])
        changes = dict.fromkeys(watch.items[key], Worth())
        for item_id in changes:
            before = watch.origin.get(item_id)
            if before and before[0] == key:
                changes[item_id] -= before[1]
            if (now := after.get(item_id)) and now[0] == key:
                changes[item_id] += now[1]
        return changes

    @api.model
    def _get_released(self, changes):
        """Return what documents that take something now had committed before.

        :param changes: {client key: {item id: `Worth` by which it changed}}
        :return: {client key: `Worth`}, nothing for others
        """
        released = defaultdict(Worth)
        moves = self._get_taking_documents(changes)
        for key, amount in moves._get_released_amounts().items():
            released[key] = Worth(amount, amount)
        return released

    @api.model
    def _get_released_judged(self, changes):
        """Return what of `_get_released` was judged when it was committed, so that
        taking it now leaves nobody with less.

        :param changes: as there
        """
        return self._get_released(changes)

    @api.model
    def _get_taking_documents(self, changes):
        """Return the documents that take something now, as far as they are there.

        :param changes: see `_get_released`
        """
        return self._get_documents(
            item_id
            for items in changes.values()
            for item_id, worth in items.items()
            if min(worth) < 0
        )

    @api.model
    def _get_documents(self, item_ids):
        """Return the documents of items, as far as they are there."""
        # Sudo: as above.
        items = self.env["account.move.line"].sudo().browse(set(item_ids))
        try:
            return items.move_id
        except MissingError:
            return items.exists().move_id
