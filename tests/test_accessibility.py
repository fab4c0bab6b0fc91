import json
import os
from pathlib import Path

from odoo.tests import tagged

from .portal_case import PortalCase

# Where dev/test keeps the script that judges a page.
AXE = "CLIENT_ACCOUNT_AXE"

CHECK_SCREENS = """
%(axe)s
const screens = %(screens)s;

async function waitFor(selector) {
    for (let round = 0; round < 600; round++) {
        if (document.querySelector(selector)) {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${selector} does not come.`);
}

// What Odoo's own widgets are at fault for, on every screen of theirs, is not ours.
const settings = {
    resultTypes: ["violations"],
    rules: {"scrollable-region-focusable": {enabled: false}},
};

async function checkScreens() {
    for (const {steps, scopes} of screens) {
        for (const {press, wait} of steps) {
            if (press) {
                document.querySelector(press).click();
            }
            await waitFor(wait);
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
        for (const scope of scopes) {
            const {violations} = await axe.run(scope, settings);
            for (const {id, impact, nodes} of violations) {
                if (["serious", "critical"].includes(impact)) {
                    throw new Error(`${scope}: ${id}: ${nodes[0].html}`);
                }
            }
            console.log(`No serious fault in ${scope}`);
        }
    }
    console.log("test successful");
}
checkScreens().catch((fault) => console.error(fault.message));
"""


# Not among the standard tests: dev/test, which runs them all, brings the script.
@tagged("post_install", "-at_install", "-standard", "client_account_axe")
class TestAccessibility(PortalCase):
    """What the addon draws itself has no serious fault by axe."""

    def _check_page(self, url, screens, login, ready):
        script = CHECK_SCREENS % {
            "axe": Path(os.environ[AXE]).read_text(),
            "screens": json.dumps(screens),
        }
        self.browser_js(url, script, ready, login=login, timeout=120)

    def test_profile(self):
        self._make_invoice(180)
        self._make_invoice(20, date_due="2020-01-31")
        self.account.issue_credit(50, "Class cancelled")
        self._check_page(
            f"/odoo/client-accounts/{self.account.id}",
            [
                {
                    "steps": [{"wait": ".o_client_profile_box"}],
                    "scopes": [".o_client_profile"],
                },
                {
                    "steps": [
                        {
                            "press": "button[name='action_issue_credit']",
                            "wait": ".modal .o_client_preview",
                        }
                    ],
                    "scopes": [".modal .o_client_preview"],
                },
            ],
            self.env.user.login,
            "odoo.isReady",
        )

    def test_portal(self):
        self.company.client_charges_online = True
        self.account.charge(20, "Late cancellation")
        self._make_invoice(180)
        self.account.issue_credit(50, "Class cancelled")
        for path in ("", "/topup", "/topup?amount=abc", "/charges"):
            # What Odoo's own payment form is at fault for is not ours.
            scope = ".o_client_account_portal > :not(form)"
            if path == "/charges":
                scope = ".o_client_account_portal h3"
            self._check_page(
                f"{self.home}{path}",
                [{"steps": [{"wait": scope}], "scopes": [scope]}],
                self.portal_user.login,
                "document.readyState === 'complete'",
            )
