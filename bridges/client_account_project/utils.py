"""How much work on orders is done and not billed: pure arithmetic."""

from collections import defaultdict


class Work:
    """The work on the orders of one client: what is done of it and not billed.

    A piece of work is a task, a milestone, or a task's share of an order line: a
    quantity in the unit of its line. What is billed of a line covers what is done of it
    first, and what is paid down on an order covers all its lines.

    :param lines: objects with the attributes that `client.account._get_work_sql` says
    :param pieces: objects with `record_key`, `line_id`, `quantity` and `status`, of the
        records that are judged; the lines count all others
    """

    def __init__(self, lines, pieces):
        self.lines = {line.line_id: line for line in lines}
        self._orders = defaultdict(list)
        for line in self.lines.values():
            self._orders[line.order_id].append(line)
        self._pieces = defaultdict(list)
        self._by_record = defaultdict(list)
        for piece in pieces:
            self._pieces[piece.line_id].append(piece)
            self._by_record[piece.record_key].append(piece)

    def set_status(self, record_key, status):
        """Say what became of a record: `done`, `open` or `gone`."""
        for piece in self._by_record[record_key]:
            piece.status = status

    def get_status(self, record_key):
        """Return the status of a record, None where no order pays for it."""
        for piece in self._by_record[record_key]:
            return piece.status
        return None

    def get_amount(self, line_ids=None, completing=False):
        """Return what is done and not billed, company currency.

        :param line_ids: lines whose orders are looked at, None for all
        :param bool completing: whether it is asked what the last open piece takes
        """
        order_ids = (
            self._orders
            if line_ids is None
            else {self.lines[line_id].order_id for line_id in line_ids}
        )
        return sum(
            self._get_order_amount(order_id, completing) for order_id in order_ids
        )

    def get_cost(self, record_key, keeps_open=False):
        """Return by how much that would be more with one record done.

        :param bool keeps_open: whether another piece follows it on the same line
        """
        pieces = self._by_record[record_key]
        line_ids = {piece.line_id for piece in pieces}
        before = self.get_amount(line_ids)
        statuses = [piece.status for piece in pieces]
        self.set_status(record_key, "done")
        for line_id in line_ids:
            self.lines[line_id].others_open += keeps_open
        after = self.get_amount(line_ids, completing=True)
        for line_id in line_ids:
            self.lines[line_id].others_open -= keeps_open
        for piece, status in zip(pieces, statuses, strict=True):
            piece.status = status
        return max(after - before, 0.0)

    def _get_order_amount(self, order_id, completing):
        lines = self._orders[order_id]
        amount = sum(self._get_line_amount(line, completing) for line in lines)
        return max(amount - lines[0].paid_down, 0.0) / lines[0].rate

    def _get_line_amount(self, line, completing):
        statuses = {piece.status for piece in self._pieces[line.line_id]}
        done = line.others_done + sum(
            piece.quantity
            for piece in self._pieces[line.line_id]
            if piece.status == "done"
        )
        if line.total is not None:
            has_open = line.others_open or "open" in statuses
            # Who completes the last one is asked for whatever is left of the line. It
            # is done with it, too, unless a piece was cancelled, which is not done.
            has_gone = not completing and (line.others_gone or "gone" in statuses)
            if done and line.takes_rest and not has_open and not has_gone:
                done = line.total
            done = min(done, line.total)
        return max(done - line.billed, 0.0) * line.price
