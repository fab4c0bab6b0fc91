from . import calendar_attendee
from . import calendar_event
from . import calendar_event_type
from . import client_session_booking
from . import loyalty_history
from . import loyalty_program
from . import res_partner
