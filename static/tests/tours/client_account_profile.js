import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const box = (name, text) => `.o_client_profile div[name='${name}']:contains('${text}')`;

/**
 * Everything about a client's account from the contact's page: money is received for a
 * ticked invoice, a credit issued by two clicks beside typing and undone, and all that is
 * owed received. The client owes 180, overdue, and 150. Starts on the contact.
 */
tours.add("client_account_profile", {
    steps: () => [
        {
            content: "Open the page of the account",
            trigger: ".o_form_view .nav-link[name='client_account']",
            run: "click",
        },
        {
            content: "Read balance and what is overdue, see the chart: tick an invoice",
            trigger:
                `.o_form_view:has(${box("balance", "330.00 owed")})` +
                ":has(.o_client_profile_line:contains('180.00, the oldest since'))" +
                ":has(.o_client_balance_chart canvas) " +
                ".o_field_widget[name='client_debit_line_ids'] .o_data_row:eq(1) .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Receive money for it",
            trigger:
                ".o_client_items_buttons button[name='action_receive_client_payment']",
            run: "click",
        },
        {
            content: "Its amount is filled in, and the button names the sum",
            trigger:
                ".modal footer button[name='action_confirm']:contains('Receive $ 150.00')",
            run: "click",
        },
        {
            content: "The chart is drawn anew",
            trigger: ".o_client_balance_chart canvas[aria-label$='180.00 owed']",
        },
        {
            content: "What is left is owed: issue a credit",
            trigger:
                `body:not(:has(.modal)) .o_form_view:has(${box("balance", "180.00 owed")}) ` +
                "button[name='action_issue_credit']",
            run: "click",
        },
        {
            content: "The kind is not asked again; letters are no amount",
            trigger:
                ".modal:not(:has(.o_field_widget[name='kind'])) .o_field_widget[name='amount'] input:focus",
            run: "edit abc",
        },
        {
            content: "Give the reason",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "edit Two classes cancelled",
        },
        {
            content: "Confirm, which is refused",
            trigger: ".modal button[name='action_confirm']:visible",
            run: "click",
        },
        {
            content: "The amount is marked: type one",
            trigger: ".modal .o_field_widget[name='amount'].o_field_invalid input",
            run: "edit 50",
        },
        {
            content: "Leave the field, for the line below to say what happens",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "click",
        },
        {
            content: "Confirm",
            trigger:
                ".modal:has(.o_field_widget[name='preview']:contains('then $ 130.00 owed')) " +
                "button[name='action_confirm']:visible",
            run: "click",
        },
        {
            content: "It is said what was done: undo it",
            trigger:
                ".o_notification:contains('50.00 credited to Ada Piano School'):contains('130.00 owed') " +
                "button:contains('Undo')",
            run: "click",
        },
        {
            content: "The balance is as it was: receive it",
            trigger:
                `body:not(:has(.modal)) .o_form_view:has(${box("balance", "180.00 owed")}) ` +
                "button[name='action_receive_payment']",
            run: "click",
        },
        {
            content: "The window starts from what is owed",
            trigger:
                ".modal footer button[name='action_confirm']:contains('Receive $ 180.00')",
            run: "click",
        },
        {
            content: "Nothing is owed: open the history",
            trigger:
                `body:not(:has(.modal)) .o_form_view:has(${box("balance", "nothing owed")}) ` +
                ".nav-link[name='client_history']",
            run: "click",
        },
        {
            content: "The history shows the payments; a row opens its document",
            trigger:
                ".o_field_widget[name='client_history_line_ids'] .o_data_row:contains('180.00 credited') td[name='move_name']",
            run: "click",
        },
        {
            content: "It is open",
            trigger:
                ".o_form_view:not(:has(.o_client_profile)) .o_field_widget[name='date']",
        },
    ],
});

/** A person without any right of accounting: from the app's menu to the answer. */
tours.add("client_account_profile_staff", {
    steps: () => [
        {
            content: "Open the client from the list, which shows no balance",
            trigger:
                ".o_list_view:not(:has(th[data-name='client_balance'])) .o_data_row:contains('Ada Piano School') td[name='complete_name']",
            run: "click",
        },
        {
            content: "Open the page of the account",
            trigger: ".o_form_view .nav-link[name='client_account']",
            run: "click",
        },
        {
            content: "Nothing was asked yet, and no figure is told: ask",
            trigger:
                `.o_form_view:has(${box("requests", "None yet")}):not(:contains('330')) ` +
                "button[name='action_client_request_update']",
            run: "click",
        },
        {
            content: "The request opens",
            trigger: ".o_form_view .o_field_widget[name='requested_limit'] input",
        },
    ],
});
