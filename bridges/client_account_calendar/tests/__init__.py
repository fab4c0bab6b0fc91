from . import test_calendar_demo
from . import test_calendar_tours
from . import test_meeting_card
from . import test_schedule
