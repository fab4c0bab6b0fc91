from . import test_shop
from . import test_shop_coupons
from . import test_shop_demo
from . import test_shop_gate
from . import test_shop_races
from . import test_shop_security
from . import test_shop_tours
