from . import report_client_account_statement
