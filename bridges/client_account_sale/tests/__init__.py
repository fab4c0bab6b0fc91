from . import test_committed
from . import test_order_gate
from . import test_order_portal
