from odoo.tools import SQL

from . import controllers
from . import demo
from . import models
from . import report
from . import wizards


def post_init_hook(env):
    """Set up the companies, open the accounts of the clients there already are and find
    the adjustments of a former installation."""
    env["res.company"].search([])._setup_client_adjustments()
    env["client.account"]._create_missing_accounts()
    env["account.move"]._rebuild_adjustments()
    env["account.move.line"]._mark_crossing_where(SQL("TRUE"))


def uninstall_hook(env):
    """Leave granted limits to Odoo's own field, where installing again finds them."""
    env["client.account"]._leave_native_limits()
