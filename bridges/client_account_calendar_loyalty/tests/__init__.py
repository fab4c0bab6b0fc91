from . import test_booking_demo
from . import test_booking_example
from . import test_booking_races
from . import test_booking_recurrence
from . import test_booking_roles
from . import test_booking_routes
from . import test_booking_rules
from . import test_booking_tours
