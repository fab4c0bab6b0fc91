import {getTabableElements} from "@web/core/utils/ui";
import {queryFirst} from "@odoo/hoot-dom";
import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const box = (name, text) => `.o_client_profile div[name='${name}']:contains('${text}')`;

// Pages have no more than so many places to stop at.
const MOST_STOPS = 250;
const PAUSE = 50;

/** Press a key where the focus is, once `trigger` is there. */
const press = (content, trigger, keys) => ({content, trigger, run: `press ${keys}`});

/**
 * Press Tab as browsers do it: hoot stays, or leaves the page, where the next place is
 * hidden, and on the last one. Where the page itself took the key, nothing is added to
 * what it did.
 */
async function pressTab({press}) {
    let isLeftToBrowser = false;
    const listen = (ev) => {
        isLeftToBrowser = !ev.defaultPrevented;
    };
    const before = document.activeElement;
    window.addEventListener("keydown", listen);
    await press("Tab");
    window.removeEventListener("keydown", listen);
    if (isLeftToBrowser && [before, document.body].includes(document.activeElement)) {
        const stops = getTabableElements().filter((element) =>
            element.checkVisibility({visibilityProperty: true})
        );
        (stops[stops.indexOf(before) + 1] || stops[0]).focus();
    }
}

/** Press a key again and again until the focus is on `target`, as people do. */
const go = (content, target, key = "Tab") => ({
    content,
    trigger: target,
    async run(helpers) {
        for (let stop = 0; stop < MOST_STOPS; stop++) {
            // Looked for each time, as a page that is read anew draws it anew.
            if (document.activeElement === queryFirst(target)) {
                return;
            }
            await (key === "Tab" ? pressTab(helpers) : helpers.press(key));
            // Nobody presses faster; a date draws its input once the focus is there.
            await new Promise((resolve) => setTimeout(resolve, PAUSE));
        }
        throw new Error(`${key} does not lead to ${target}`);
    },
});

/** Type key by key where the focus is, over what is there. */
const type = (content, trigger, text) => ({
    content,
    trigger: `${trigger}:focus`,
    async run(helpers) {
        await helpers.press("Control+a");
        for (const key of text) {
            await helpers.press(key);
        }
    },
});

const amount = ".modal .o_field_widget[name='amount'] input";
const reason = ".modal .o_field_widget[name='reason'] textarea";
const noModal = "body:not(:has(.modal))";

/** The window is open, with the focus on the amount: fill it in and confirm. */
const fillIn = (sum, text) => [
    type("The amount is where one types first", amount, sum),
    go("Go to the reason", reason),
    type("Give it", reason, text),
    press("Confirm", ".modal button[name='action_confirm']:visible", "alt+q"),
];

/**
 * Without a mouse, from the client's contact: a credit is issued, undone, issued again and
 * allocated, what is owed received, a document of the history opened, and an update
 * requested. The client owes 180 and 150.
 */
tours.add("client_account_keyboard", {
    steps: () => [
        go(
            "Go to the page of the account",
            ".o_form_view .nav-link[name='client_account']"
        ),
        press("Open it", ".nav-link[name='client_account']:focus", "Enter"),
        go(
            "Go to the button",
            `.o_form_view:has(${box("balance", "330.00 owed")}) button[name='action_issue_credit']`
        ),
        press("Issue a credit", "button[name='action_issue_credit']:focus", "Enter"),
        ...fillIn("60", "two classes cancelled"),
        press(
            "The toast offers to undo it",
            `${noModal}:has(${box("balance", "270.00 owed")}) ` +
                ".o_notification:contains('60.00 credited') button:contains('Undo')",
            "alt+shift+z"
        ),
        press(
            "It is undone: issue another by its key",
            `${noModal}:not(:has(.o_notification:contains('60.00 credited'))) ` +
                `.o_form_view:has(${box("balance", "330.00 owed")}) button[name='action_issue_credit']`,
            "alt+shift+k"
        ),
        ...fillIn("50", "one class cancelled"),
        press(
            "The toast offers to allocate it",
            `${noModal} .o_notification:contains('50.00 credited') button:contains('Allocate')`,
            "alt+shift+y"
        ),
        press(
            "The window is there; leave it",
            ".modal footer button[name='action_allocate']:visible",
            "alt+x"
        ),
        go(
            "Go to the credits instead",
            `${noModal} .o_form_view .nav-link[name='client_credits']`
        ),
        press("Open them", ".nav-link[name='client_credits']:focus", "Enter"),
        go(
            "Go to the button of the credit",
            ".o_data_row:contains('one class cancelled') button[name='action_assign_client_credit']"
        ),
        press(
            "Allocate it",
            "button[name='action_assign_client_credit']:focus",
            "Enter"
        ),
        go(
            "Go to the first invoice",
            ".modal .o_field_widget[name='line_ids'] .o_data_row:first td[name='document_name']"
        ),
        go(
            "Go on to its amount",
            ".modal .o_field_widget[name='line_ids'] .o_data_row:first td[name='amount']",
            "ArrowRight"
        ),
        press("Begin to type", ".modal td[name='amount']:focus", "Enter"),
        type("Type it", ".modal .o_data_row:first td[name='amount'] input", "50"),
        press("Leave the cell", ".modal td[name='amount'] input:focus", "Tab"),
        press(
            "Nothing remains: allocate",
            ".modal:has(.o_field_widget[name='amount_remaining']:contains('0.00'):not(:contains('50'))) " +
                "footer button[name='action_allocate']:visible",
            "alt+q"
        ),
        press(
            "It is allocated: receive what is owed",
            `${noModal} .o_form_view:has(${box("credit", "0.00")}:not(:contains('50'))) ` +
                "button[name='action_receive_payment']",
            "alt+shift+r"
        ),
        press(
            "All that is owed is in the window",
            ".modal footer button[name='action_confirm']:contains('Receive $ 280.00')",
            "alt+q"
        ),
        go(
            "Nothing is owed: go to the history",
            `${noModal} .o_form_view:has(${box("balance", "nothing owed")}) .nav-link[name='client_history']`
        ),
        press("Open it", ".nav-link[name='client_history']:focus", "Enter"),
        go(
            "Go to a document of it",
            ".o_field_widget[name='client_history_line_ids'] .o_data_row:first td[name='date']"
        ),
        press(
            "Open it",
            ".o_field_widget[name='client_history_line_ids'] td[name='date']:focus",
            "Enter"
        ),
        press(
            "It is there: go back",
            ".o_form_view:not(:has(.nav-link[name='client_account'])) .o_field_widget[name='date']",
            "alt+b"
        ),
        go("Go to the page again", ".o_form_view .nav-link[name='client_account']"),
        press("Open it", ".nav-link[name='client_account']:focus", "Enter"),
        press(
            "Request an update",
            ".o_form_view button[name='action_request_update']",
            "alt+shift+p"
        ),
        go(
            "Go to the limit",
            ".o_form_view .o_field_widget[name='requested_limit'] input"
        ),
        type("Type it", ".o_field_widget[name='requested_limit'] input", "900"),
        go("Go to the reason", ".o_form_view .o_field_widget[name='reason'] textarea"),
        type("Give it", ".o_field_widget[name='reason'] textarea", "books every week"),
        press("Submit", "button[name='action_submit']", "alt+q"),
        {
            content: "It waits for a decision",
            trigger:
                ".o_form_view:has(.o_arrow_button_current:contains('Submitted')) " +
                "div[name='decision_note']:contains('Waits for a decision of')",
        },
    ],
});
