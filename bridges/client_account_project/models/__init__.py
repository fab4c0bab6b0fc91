# First what the others inherit from.
from . import client_payer_mixin
from . import client_work_mixin
from . import client_account_work
from . import client_account_profile
from . import project_milestone
from . import project_project
from . import project_task
from . import res_company
from . import res_config_settings
from . import res_partner
