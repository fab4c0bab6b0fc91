{
    "name": "Client Accounts: Web Shop",
    "summary": "Clients pay orders of the web shop with account credit",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account_sale", "website_sale"],
    "data": ["views/shop_templates.xml"],
    "demo": ["demo/website_sale_demo.xml"],
    "assets": {
        "web.assets_tests": ["client_account_website_sale/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
