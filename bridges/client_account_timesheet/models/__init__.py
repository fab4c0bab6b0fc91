from . import client_account_work
