{
    "name": "Client Accounts: Calendar",
    "summary": "Meetings of a client on its account, and the account on the meeting",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account", "calendar"],
    "data": [
        "views/calendar_event_views.xml",
        "views/client_account_views.xml",
        "views/res_partner_views.xml",
    ],
    "demo": ["demo/calendar_event_demo.xml"],
    "assets": {
        "web.assets_tests": ["client_account_calendar/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
