{
    "name": "Client Accounts: Memberships",
    "summary": "The membership of clients on their account",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account", "partnership"],
    "demo": ["demo/membership_demo.xml"],
    "auto_install": True,
}
