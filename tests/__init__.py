from . import test_adjustment
from . import test_allocation
from . import test_allocation_currency
from . import test_client_account
from . import test_concurrency
from . import test_figures_sql
from . import test_tours
