{
    "name": "Client Accounts: Session Credits",
    "summary": "Session credits of a client on its account, from its loyalty cards",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account", "loyalty"],
    "data": [
        "security/ir.model.access.csv",
        "views/loyalty_card_views.xml",
        "views/client_account_views.xml",
        "views/res_partner_views.xml",
    ],
    "demo": ["demo/loyalty_demo.xml"],
    "auto_install": True,
}
