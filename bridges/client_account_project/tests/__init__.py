from . import test_completion_cost
from . import test_completion_gate
from . import test_completion_races
from . import test_completion_tour
from . import test_profile_box
from . import test_project_demo
from . import test_work_example
