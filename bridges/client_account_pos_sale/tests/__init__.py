from . import test_till_order_tours
from . import test_till_orders
