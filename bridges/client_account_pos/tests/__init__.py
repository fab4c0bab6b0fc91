from . import test_till_account
from . import test_till_gate
