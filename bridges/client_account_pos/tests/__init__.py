from . import test_till_account
from . import test_till_demo
from . import test_till_gate
from . import test_till_races
from . import test_till_sync_races
from . import test_till_tours
