from . import test_adjustment
from . import test_concurrency
from . import test_tours
