{
    "name": "Client Accounts: Timesheets",
    "summary": "Judge tasks that are billed by their timesheets",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account_project", "sale_timesheet"],
    "auto_install": True,
}
