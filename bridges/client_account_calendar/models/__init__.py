from . import calendar_event
from . import client_account
from . import res_partner
