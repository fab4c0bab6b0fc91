from . import test_timesheet_cost
