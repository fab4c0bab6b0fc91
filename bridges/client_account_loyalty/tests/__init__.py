from . import test_loyalty_demo
from . import test_loyalty_example
from . import test_session_adjustment
from . import test_session_credits
