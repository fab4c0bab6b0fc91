{
    "name": "Client Accounts: Orders at the Till",
    "summary": "Orders that a till settles are committed for the rest only",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account_pos", "client_account_sale", "pos_sale"],
    "assets": {
        "point_of_sale._assets_pos": ["client_account_pos_sale/static/src/app/**/*"],
        "web.assets_tests": ["client_account_pos_sale/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
