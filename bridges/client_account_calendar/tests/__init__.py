from . import test_calendar_tours
from . import test_meeting_card
from . import test_schedule
