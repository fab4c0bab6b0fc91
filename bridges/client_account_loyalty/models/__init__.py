# First what the others inherit from.
from . import client_session_page_mixin
from . import client_account
from . import loyalty_card
from . import loyalty_history
from . import loyalty_program
from . import res_partner
