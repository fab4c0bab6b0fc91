from odoo.tests import tagged

from .server_case import ServerCase

BATCH = "client.credit.batch"


@tagged("post_install", "-at_install")
class TestBatchRaces(ServerCase):
    """Documents of many lines that several start, stop and change at once."""

    def _make_batch(self, clients, **values):
        return self.admin.call(
            BATCH,
            "create",
            {
                "reason": "Race",
                "line_ids": [
                    (0, 0, {"partner_id": client, "amount": 20}) for client in clients
                ],
                **values,
            },
        )

    def _count_entries(self, clients):
        [(count,)] = self._query(
            "SELECT COUNT(*) FROM account_move WHERE commercial_partner_id = ANY(%s)"
            " AND state = 'posted'",
            clients,
        )
        return count

    def _call(self, batch_id, method, *args):
        return lambda: self.admin.call_until_answered(BATCH, method, [batch_id], *args)

    def test_run_by_several_at_once_each_line_is_booked_once(self):
        clients = self._make_clients(6)
        batch_id = self._make_batch(clients)
        run = self._call(batch_id, "action_run")
        answers = self._race([run] * 4, "client_credit_batch_line")
        self.assertEqual(answers, [True] * 4)
        self.assertEqual(self._count_entries(clients), 6)
        [(state, done)] = self._query(
            "SELECT batch.state, COUNT(line.move_id) FROM client_credit_batch batch"
            " JOIN client_credit_batch_line line ON line.batch_id = batch.id"
            " WHERE batch.id = %s GROUP BY 1",
            batch_id,
        )
        self.assertEqual((state, done), ("done", 6))

    def test_reversed_by_several_at_once(self):
        clients = self._make_clients(4)
        batch_id = self._make_batch(clients)
        self._call(batch_id, "action_run")()
        reverse = self._call(batch_id, "action_reverse", "Race")
        self._race([reverse] * 3, "client_credit_batch_line")
        self.assertEqual(self._count_entries(clients), 0)
        [(total,)] = self._query(
            "SELECT COALESCE(SUM(line.balance), 0) FROM account_move_line line"
            " WHERE line.partner_id = ANY(%s) AND line.parent_state = 'posted'",
            clients,
        )
        self.assertEqual(total, 0)

    def test_two_documents_of_charges_stay_within_one_limit(self):
        """Each is checked when the other is not committed; the gate sees both."""
        [client] = self._make_clients(1)
        self.admin.call(
            "res.partner", "write", [client], {"client_negative_balance": "prevented"}
        )
        [credit] = [self._make_batch([client])]
        self._call(credit, "action_run")()
        batches = [
            self._make_batch([client], kind="charge", reason=f"Charge {number}")
            for number in range(3)
        ]
        self._race(
            [self._call(batch_id, "action_run") for batch_id in batches],
            "account_move",
        )
        [(total,)] = self._query(
            "SELECT SUM(line.balance) FROM account_move_line line"
            " JOIN account_account chart ON chart.id = line.account_id"
            " WHERE line.partner_id = %s AND line.parent_state = 'posted'"
            " AND chart.account_type = 'asset_receivable'",
            client,
        )
        self.assertEqual(total, 0)
        lines = self._query(
            "SELECT move_id IS NULL, problem IS NULL FROM client_credit_batch_line"
            " WHERE batch_id = ANY(%s)",
            batches,
        )
        self.assertEqual(sorted(lines), [(False, True), (True, False), (True, False)])
