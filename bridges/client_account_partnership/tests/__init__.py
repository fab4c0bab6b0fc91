from . import test_membership_box
from . import test_partnership_demo
