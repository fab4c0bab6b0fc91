# First what the others inherit from.
from . import client_protected_mixin
from . import client_balance_policy_mixin
from . import account_chart_template
from . import account_move
from . import account_move_line
from . import account_partial_reconcile
from . import client_account
from . import client_account_limit
from . import client_account_request
from . import product_template
from . import res_company
from . import res_config_settings
from . import res_partner
