from . import test_adjustment
from . import test_client_account
from . import test_concurrency
from . import test_figures_sql
from . import test_tours
