from . import test_till_orders
