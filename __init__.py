from . import models
from . import wizards


def post_init_hook(env):
    """Set up the companies and open the accounts of the clients there already are."""
    env["res.company"].search([])._setup_client_adjustments()
    env["client.account"]._create_missing_accounts()
