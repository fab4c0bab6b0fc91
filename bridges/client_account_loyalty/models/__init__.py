from . import client_account
from . import loyalty_card
from . import loyalty_history
from . import loyalty_program
from . import res_partner
