from . import client_account_profile
