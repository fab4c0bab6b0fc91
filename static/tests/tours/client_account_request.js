import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");

/** Fill in a request on the client's contact and submit it. */
function requestLimit(limit, reason) {
    return [
        {
            content: "Open the client's page about the account",
            trigger: ".o_form_view .nav-link[name='client_account']",
            run: "click",
        },
        {
            content: "Request an update",
            trigger: "button[name='action_client_request_update']",
            run: "click",
        },
        {
            content: "The client is there, and the limit is to be typed at once",
            trigger:
                ".o_form_view:has(.o_field_widget[name='partner_id']:contains(Ada Piano School)) " +
                ".o_field_widget[name='requested_limit'] input:focus",
            run: `edit ${limit}`,
        },
        {
            content: "Give the reason",
            trigger: ".o_field_widget[name='reason'] textarea",
            run: `edit ${reason}`,
        },
        {
            content: "Submit",
            trigger: "button[name='action_submit']",
            run: "click",
        },
        {
            content: "The page says who is to decide",
            trigger:
                ".o_form_view:has(.o_arrow_button_current:contains('Submitted')) " +
                "div[name='decision_note']:contains('Waits for a decision of')",
        },
    ];
}

/** Open the request from the message about it in the inbox. */
function openFromInbox(text) {
    return [
        {
            content: `The inbox says: ${text}`,
            trigger: `.o-mail-Message:contains('${text}') a:contains('REQ/')`,
            run: "click",
        },
    ];
}

tours.add("client_account_request_ask", {
    steps: () => requestLimit(900, "Books every week"),
});

tours.add("client_account_request_delegate", {
    steps: () => [
        ...openFromInbox("900.00 for Ada Piano School"),
        {
            content: "Delegate",
            trigger: "button[name='action_open_delegate']",
            run: "click",
        },
        {
            content: "Choose the other approver",
            trigger: ".modal .o_field_widget[name='user_id'] input",
            run: "edit ar_approver",
        },
        {
            content: "It is offered",
            trigger: ".o-autocomplete--dropdown-menu a:contains('ar_approver')",
            run: "click",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name='action_delegate']",
            run: "click",
        },
        {
            content: "The page says who decides now",
            trigger:
                "body:not(:has(.modal)) div[name='decision_note']:contains('ar_approver')",
        },
    ],
});

tours.add("client_account_request_reject", {
    steps: () => [
        {
            content: "The activity menu counts one request",
            trigger: ".o-mail-ActivityMenu-counter:contains('1')",
        },
        {
            content: "Open the activity menu",
            trigger: ".o_menu_systray .dropdown-toggle:has(.fa-clock-o)",
            run: "click",
        },
        {
            content: "Open the requests",
            trigger: ".o-mail-ActivityGroup:contains('Client Account Request')",
            run: "click",
        },
        {
            content: "Open the request",
            trigger: ".o_data_row td[name='name']",
            run: "click",
        },
        {
            content: "See what to decide on, and reject",
            trigger:
                ".o_form_view:has(.o_field_widget[name='balance']:contains('330.00 owed'))" +
                ":has(.o_field_widget[name='suggested_limit']) button[name='action_open_reject']",
            run: "click",
        },
        {
            content: "Give the reason",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "edit Two invoices are overdue",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name='action_reject']",
            run: "click",
        },
        {
            content: "The page says why",
            trigger:
                "body:not(:has(.modal)) div[name='rejection']:contains('Two invoices are overdue')",
        },
    ],
});

tours.add("client_account_request_hear", {
    steps: () => [
        ...openFromInbox("Two invoices are overdue"),
        {
            content: "The request says why",
            trigger: "div[name='rejection']:contains('Two invoices are overdue')",
        },
    ],
});

tours.add("client_account_request_ask_again", {
    steps: () => requestLimit(400, "All is paid within a week"),
});

tours.add("client_account_request_approve", {
    steps: () => [
        {
            content: "Open the request that waits",
            trigger: ".o_data_row:contains('Ada Piano School') td[name='name']",
            run: "click",
        },
        {
            content: "Grant another amount",
            trigger: ".o_field_widget[name='granted_limit'] input",
            run: "edit 350",
        },
        {
            content: "Approve",
            trigger: "button[name='action_approve']",
            run: "click",
        },
        {
            content: "It is approved: open the account",
            trigger:
                ".o_form_view:has(.o_arrow_button_current:contains('Approved')) " +
                "button[name='action_view_account']",
            run: "click",
        },
        {
            content: "The limit stands on the account: open its requests",
            trigger:
                ".o_form_view:has(div[name='limit']:contains('350.00')) " +
                ".nav-link[name='requests']",
            run: "click",
        },
        {
            content: "The approved request comes first",
            trigger:
                ".o_field_widget[name='request_ids'] .o_data_row:first:contains('Approved')",
        },
        {
            content: "The older request is below the newer one",
            trigger:
                ".o_field_widget[name='request_ids'] .o_data_row:eq(1):contains('Rejected')",
        },
    ],
});

const openRequests = [
    {
        content: "Open the client's page about the account",
        trigger: ".o_form_view .nav-link[name='client_account']",
        run: "click",
    },
    {
        content: "Open its requests",
        trigger: ".o_form_view .nav-link[name='client_requests']",
        run: "click",
    },
];
const row = (text) =>
    `body:not(:has(.modal)) .o_field_widget[name='client_request_ids'] .o_data_row:contains('${text}')`;

/** Reject what waits, from the client's page. */
tours.add("client_account_request_reject_there", {
    steps: () => [
        ...openRequests,
        {
            content: "Reject what waits",
            trigger: `${row("900.00")} button[name='action_open_reject']`,
            run: "click",
        },
        {
            content: "Give the reason",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "edit Too much for a first year",
        },
        {
            content: "Confirm",
            trigger: ".modal footer button[name='action_reject']",
            run: "click",
        },
        {
            content: "It is rejected, and decided about no more",
            trigger: `${row("Rejected")}:not(:has(button:visible))`,
        },
    ],
});

/** Approve what waits, from the client's page; then the client exceeds the limit. */
tours.add("client_account_request_approve_there", {
    steps: () => [
        ...openRequests,
        {
            content: "Approve what waits",
            trigger: `${row("400.00")} button[name='action_approve']`,
            run: "click",
        },
        {
            content: "It is approved, and no banner says anything",
            trigger:
                ".o_form_view:has(.o_client_profile div[name='limit']:contains('400.00'))" +
                ":has(.o_field_widget[name='client_request_ids'] .o_data_row:contains('Approved'))" +
                ":not(:has(div[name='banner'])) button[name='action_charge']",
            run: "click",
        },
        {
            content: "Charge 50 above the limit",
            trigger: ".modal .o_field_widget[name='amount'] input",
            run: "edit 450",
        },
        {
            content: "Give the reason",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "edit Summer course",
        },
        {
            content: "Confirm",
            trigger: ".modal button[name='action_confirm']:visible",
            run: "click",
        },
        {
            content: "The banner says by how much, and offers what to do: receive",
            trigger:
                "body:not(:has(.modal)) .o_client_profile div[name='banner']:contains('Over the limit by $ 50.00')" +
                ":has(button[name='action_request_update']):has(button[name='action_open_suspension']) " +
                "button[name='action_receive_payment']",
            run: "click",
        },
        {
            content: "Receive 60 of it",
            trigger: ".modal .o_field_widget[name='amount'] input",
            run: "edit 60",
        },
        {
            content: "Leave the amount",
            trigger: ".modal .o_field_widget[name='memo'] input",
            run: "click",
        },
        {
            content: "Confirm",
            trigger:
                ".modal footer button[name='action_confirm']:contains('Receive $ 60.00')",
            run: "click",
        },
        {
            content: "The banner is gone",
            trigger:
                "body:not(:has(.modal)) .o_form_view:has(.o_client_profile div[name='balance']:contains('390.00 owed'))" +
                ":not(:has(div[name='banner']))",
        },
    ],
});

/** Every view of the requests draws, with a request in each state. */
tours.add("client_account_request_views", {
    steps: () => [
        {
            content: "The list",
            trigger: ".o_list_view .o_data_row:contains('Rejected')",
        },
        {
            content: "Open the cards",
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            content: "They stand by state, the first one first",
            trigger:
                ".o_kanban_group:first:contains('Draft') .o_kanban_record:contains('Ada Piano School')",
        },
        {
            content: "Open the activities",
            trigger: ".o_switch_view.o_activity",
            run: "click",
        },
        {
            content: "What waits is there",
            trigger: ".o_activity_view .o_activity_record:contains('Bela Chess Club')",
        },
    ],
});
