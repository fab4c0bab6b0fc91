from . import test_membership_box
