{
    "name": "Client Accounts: Till",
    "summary": "Clients pay with their account at the till, within their limits",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account", "point_of_sale"],
    "data": [
        "security/ir.model.access.csv",
        "data/pos_payment_method_data.xml",
        "views/pos_order_views.xml",
        "views/pos_payment_method_views.xml",
    ],
    "demo": ["demo/pos_config_demo.xml"],
    "assets": {
        "point_of_sale._assets_pos": ["client_account_pos/static/src/app/**/*"],
        "web.assets_tests": ["client_account_pos/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
