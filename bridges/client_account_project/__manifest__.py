{
    "name": "Client Accounts: Projects",
    "summary": "Judge what clients can pay for when tasks are completed",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Client Account contributors",
    "depends": ["client_account", "sale_project"],
    "data": [
        "views/client_account_post_anyway_views.xml",
        "views/project_project_views.xml",
        "views/project_task_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "demo": ["demo/project_demo.xml"],
    "assets": {
        "web.assets_tests": ["client_account_project/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
