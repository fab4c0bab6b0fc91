from . import test_committed
from . import test_order_demo
from . import test_order_gate
from . import test_order_portal
from . import test_order_portal_security
from . import test_order_profile
from . import test_order_races
from . import test_order_tours
