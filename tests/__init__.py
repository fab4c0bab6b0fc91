from . import test_adjustment
from . import test_tours
