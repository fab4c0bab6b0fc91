# First what the others inherit from.
from . import client_amount_mixin
from . import client_once_mixin
from . import client_open_lines_mixin
from . import base_module_uninstall
from . import base_partner_merge_automatic_wizard
from . import client_account_adjustment
from . import client_account_deletion
from . import client_account_payment
from . import client_account_payment_line
from . import client_account_post_anyway
from . import client_account_request_delegate
from . import client_account_request_reject
from . import client_account_statement
from . import client_account_suspension
from . import client_credit_allocation
from . import client_credit_allocation_line
from . import client_credit_application
