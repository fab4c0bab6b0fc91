import json

from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.web.controllers.utils import clean_action

from .common import ClientAccountRequestCommon

# Opens each screen in turn. What a screen logs as an error fails the test by itself;
# what it shows in a dialog, and a screen that does not come, are looked for here.
OPEN_SCREENS = """
const screens = %s;
const isMeasured = %s;
const services = odoo.__WOWL_DEBUG__.root.env.services;

async function waitFor(name, find) {
    for (let round = 0; round < 200; round++) {
        const fault = document.querySelector(".o_error_dialog, .o_error_detail");
        if (fault) {
            fault.querySelector(".btn-link")?.click();
            await new Promise((resolve) => setTimeout(resolve, 500));
            throw new Error(`${name}: ${fault.innerText}`);
        }
        if (find()) {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${name} does not come.`);
}

const aside = [];

/** Keep where the screen, or a list or cards in it, must be moved sideways. */
function measure(name) {
    const parts = document.querySelectorAll(
        ".o_content, .o_list_renderer, .o_kanban_renderer, .o_form_sheet, .modal-body"
    );
    for (const part of [document.scrollingElement, ...parts]) {
        const excess = part.scrollWidth - part.clientWidth;
        if (part.clientWidth && excess > 1) {
            aside.push(`${name}: ${excess} pixels of ${part.className}`);
        }
    }
}

/** Measure each page of a screen. */
async function measurePages(name, inner = document) {
    measure(name);
    const headers = inner.querySelector(".o_notebook_headers");
    for (const link of headers?.querySelectorAll(".nav-link") || []) {
        const page = `${name}, ${link.innerText}`;
        link.click();
        await waitFor(page, () => link.matches(".active"));
        await new Promise((resolve) => setTimeout(resolve, 100));
        const content = headers.parentElement.querySelector(".o_notebook_content");
        await measurePages(page, content);
    }
}

async function openScreens() {
    for (const { name, action, options, selector } of screens) {
        document.querySelectorAll("[data-was-open]").forEach((old) => old.remove());
        for (const view of document.querySelectorAll(selector)) {
            view.dataset.wasOpen = "1";
        }
        console.log(`Opening ${name}`);
        await services.action.doAction(action, options);
        await waitFor(name, () =>
            document.querySelector(`${selector}:not([data-was-open])`)
        );
        if (isMeasured) {
            await measurePages(name);
        }
        if (action.target === "new" || document.querySelector(".modal .o_form_view")) {
            await services.action.doAction({ type: "ir.actions.act_window_close" });
        }
    }
    if (aside.length) {
        throw new Error(`Out of sight: ${aside.join("; ")}`);
    }
    console.log("test successful");
}
openScreens().catch((fault) => console.error(fault.message));
"""

# What the web client marks a view with.
SELECTORS = {"list": "o_list_view", "pivot": "o_pivot", "graph": "o_graph_view"}


class ScreensCommon(ClientAccountRequestCommon, HttpCase):
    """Opens screens in a browser."""

    def _make_records(self):
        """Make some of everything that the screens show."""
        self._make_invoice(180)
        self._make_payment(30)
        self.account.issue_credit(250, "Class cancelled")
        self.account.charge(20, "Late cancellation")
        self.account.apply_credits()
        self._grant(100)
        self._submit_request(50, partner=self.other_client)
        self.account.write(
            {"low_balance_client": "on", "low_balance_client_threshold": 9999}
        )
        self.account.sudo()._send_notices()

    def _get_own(self, model):
        """Return the records of a model that the addon and its bridges made."""
        names = self.env["ir.model.data"].search(
            [("module", "=like", "client\\_account%"), ("model", "=", model)]
        )
        return self.env[model].browse(names.mapped("res_id")).exists()

    def _iter_menu_screens(self, user):
        """Yield the screens behind the menus that a user sees."""
        visible = self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
        menus = self._get_own("ir.ui.menu")
        for menu in menus.filtered(lambda item: item.id in visible and item.action):
            if menu.action._name == "ir.actions.act_window":
                yield from self._iter_view_screens(
                    menu.complete_name, menu.action, user
                )

    def _iter_view_screens(self, name, action, user):
        """Yield a screen for each view of an action; no form of a record that the user
        may not make."""
        records = self.env[action.res_model].with_user(user)
        for mode in action.view_mode.split(","):
            if mode == "form" and not records.has_access("create"):
                continue
            css = SELECTORS.get(mode, f"o_{mode}_view")
            yield {
                "name": f"{name} ({mode})",
                "action": action.id,
                "options": {"viewType": mode, "clearBreadcrumbs": True},
                "selector": f".o_action_manager .{css}, .modal .{css}",
            }

    def _iter_action_screens(self, user):
        """Yield the screens of all actions whose model a user may read, and the form of
        a record of each."""
        for action in self._get_own("ir.actions.act_window").sudo():
            records = self.env[action.res_model].with_user(user)
            if not records.has_access("read"):
                continue
            if action.target != "new":
                yield from self._iter_view_screens(action.name, action, user)
            if "form" not in action.view_mode or not records._auto:
                continue
            if record := records.search([], limit=1):
                yield {
                    "name": f"{action.name}: {record.display_name}",
                    "action": {
                        "type": "ir.actions.act_window",
                        "res_model": record._name,
                        "res_id": record.id,
                        "views": [[False, "form"]],
                        "target": "current",
                    },
                    "options": {"clearBreadcrumbs": True},
                    "selector": ".o_action_manager .o_form_view",
                }

    def _open_screens(self, login):
        """Open the screens of a user; answer how many."""
        user = self.env["res.users"].search([("login", "=", login)])
        screens = [*self._iter_menu_screens(user), *self._iter_action_screens(user)]
        self.assertTrue(screens, login)
        return self._run_screens(login, screens)

    def _run_screens(self, login, screens, is_measured=False):
        """Open these screens as a user; answer how many they are."""
        self.browser_js(
            "/odoo",
            OPEN_SCREENS % (json.dumps(screens), json.dumps(is_measured)),
            ready="odoo.isReady === true",
            login=login,
            timeout=300,
        )
        return len(screens)


@tagged("post_install", "-at_install")
class TestScreens(ScreensCommon):
    """Every menu and every action of the addon is opened in a browser, by each role."""

    ROLES = {
        "employee": "base.group_user",
        "manager": "base.group_user,base.group_partner_manager",
        "manager of viewers": "base.group_partner_manager,"
        "client_account.group_client_account_viewer",
        "viewer": "client_account.group_client_account_viewer",
        "officer": "client_account.group_client_account_officer",
        "approver": "client_account.group_client_account_approver",
        "biller": "account.group_account_invoice",
        "accountant": "account.group_account_manager",
    }

    def test_technical_fields_are_not_offered(self):
        uses = ("searchable", "sortable", "groupable")
        for model, names in (
            ("client.account", ("lock_version", "low_balance_client_told")),
            ("client.account.request", ("lock_version",)),
            ("account.move.line", ("client_crossing",)),
        ):
            fields = self.env[model].fields_get(list(names), uses)
            for name in names:
                with self.subTest(model=model, name=name):
                    self.assertFalse(any(fields[name][use] for use in uses))
        account = self.env["client.account"].fields_get(["state", "balance"], uses)
        self.assertTrue(all(account[name][use] for name in account for use in uses))

    def test_describing_items_asks_nothing_and_takes_nothing_else_away(self):
        """What Odoo offers on journal items stays; it is asked for in each write."""
        uses = ("searchable", "sortable", "groupable")
        items = self.env["account.move.line"]
        items.fields_get(attributes=uses)
        with self.assertQueryCount(0):
            described = items.fields_get(attributes=uses)
        natives = type(items)._fields
        for name, description in described.items():
            if name != "client_crossing":
                field = natives[name]
                self.assertEqual(
                    description.get("searchable", False),
                    bool(field._description_searchable),
                    name,
                )
        self.assertTrue(all(described["balance"][use] for use in uses))

    def test_every_screen_of_every_role(self):
        """Empty first, then with records."""
        for name, groups in self.ROLES.items():
            self._make_user(f"screens_{name}", groups)
        opened = {}
        for state in ("empty", "with records"):
            if state == "with records":
                self._make_records()
            for name in self.ROLES:
                with self.subTest(role=name, state=state):
                    opened[name, state] = self._open_screens(f"screens_{name}")
        self.assertLess(
            opened["employee", "with records"], opened["approver", "with records"]
        )

    def test_screens_where_staff_may_see_balances(self):
        """The setting gives every employee the viewer's screens."""
        self.env.ref("base.group_user").implied_ids |= self.env.ref(
            "client_account.group_client_account_viewer"
        )
        self._make_user("screens_staff", "base.group_user")
        self._make_records()
        self._open_screens("screens_staff")


@tagged("post_install", "-at_install")
class TestTelephoneScreens(ScreensCommon):
    """What a screen opens with on a telephone is read without being moved sideways."""

    browser_size = "390x844"
    touch_enabled = True

    def _make_hard_records(self):
        """Make what is hard to show: long names, problems, large amounts."""
        long = self.env["res.partner"].create(
            {"name": "Bartholomew-Wolfeschlegelsteinhausen Conservatory for Strings"}
        )
        self._make_invoice(1234567.89, long, date_due=self.today)
        self._issue_credit(234567.89, long, "Two classes cancelled by the teacher")
        lines = [
            {"partner_id": long.id, "amount": 20},
            {"partner_id": long.id, "amount": 20},
            {"partner_id": self.client.id, "amount": 1234567.89},
            {"client": "Nobody of this long name is known here", "amount": 5},
        ]
        credits = self.env["client.credit.batch"].create(
            {
                "kind": "credit",
                "reason": "Class cancelled",
                "line_ids": [Command.create(line) for line in lines],
            }
        )
        credits.action_check()
        self.assertTrue(credits.problem_count)
        booked = credits.copy(
            {"line_ids": [Command.create({"partner_id": long.id, "amount": 20})]}
        )
        booked.action_run()
        allocation = self.env["client.credit.allocation.batch"].create(
            {"rule": "earliest", "account_ids": self._get_account(long).ids}
        )
        allocation.action_plan()
        self.assertTrue(allocation.line_ids)
        self.batches = (credits, booked, allocation)

    def _iter_record_screens(self):
        """Yield the forms of records, and the lists that their buttons open."""
        account = self.account
        for record in (*self.batches, account, self.client):
            yield {
                "name": record.display_name,
                "action": {**record._get_records_action(), "views": [[False, "form"]]},
                "options": {"clearBreadcrumbs": True},
                "selector": ".o_action_manager .o_form_view",
            }
        for open_list in (
            *(batch.action_view_lines for batch in self.batches),
            account.action_view_items,
            account.action_view_open_items,
            account.action_view_credits,
        ):
            action = open_list()
            yield {
                "name": action["name"],
                "action": clean_action(action, self.env),
                "options": {"clearBreadcrumbs": True},
                "selector": ".o_action_manager > :is(.o_kanban_view, .o_list_view)",
            }

    def _iter_first_screens(self):
        """Yield what each list of records of the addon opens with: cards."""
        for action in self._get_own("ir.actions.act_window"):
            if "list" in action.view_mode:
                yield {
                    "name": action.name,
                    "action": action.id,
                    "options": {"clearBreadcrumbs": True},
                    "selector": ".o_action_manager > :is(.o_kanban_view, .o_list_view)",
                }

    def test_nothing_is_out_of_sight_on_a_telephone(self):
        self._make_records()
        self._make_hard_records()
        screens = [*self._iter_first_screens(), *self._iter_record_screens()]
        self._run_screens(self.env.user.login, screens, is_measured=True)
