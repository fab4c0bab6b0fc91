from odoo.tests import tagged

from .faults import FaultRun
from .server_case import ServerCase


@tagged("post_install", "-at_install")
class TestBatchFaults(ServerCase):
    """A short form of `dev/faults`."""

    def test_killed_and_cut_off_nothing_is_lost_or_done_twice(self):
        run = FaultRun(self.server, clients=120)
        run.run(kills=3, cuts=2)
        self.assertEqual((run.kills, run.cuts), (3, 2))
        self.assertGreater(run.small_charges, 0)
        found = run.count()
        self.assertEqual(found, dict.fromkeys(found, 0))
