{
    "name": "Client Accounts: Meetings Paid with Session Credits",
    "summary": "A meeting takes one session credit of each client, and gives it back",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account_calendar", "client_account_loyalty"],
    "data": [
        "security/ir.model.access.csv",
        "views/calendar_event_views.xml",
        "views/calendar_event_type_views.xml",
    ],
    "demo": ["demo/calendar_event_demo.xml"],
    "assets": {
        "web.assets_tests": [
            "client_account_calendar_loyalty/static/tests/tours/**/*",
        ],
    },
    "auto_install": True,
}
