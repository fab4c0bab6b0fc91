{
    "name": "Client Accounts: Orders",
    "summary": "What clients have ordered counts against their credit limits",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account", "sale"],
    "data": [
        "views/sale_order_views.xml",
        "views/client_account_views.xml",
        "views/portal_templates.xml",
        "views/res_config_settings_views.xml",
        "views/res_partner_views.xml",
    ],
    "demo": ["demo/sale_order_demo.xml"],
    "assets": {
        "web.assets_tests": ["client_account_sale/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
