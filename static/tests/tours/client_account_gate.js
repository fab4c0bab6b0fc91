import {registry} from "@web/core/registry";

const openTab = {
    content: "Open the page of the client's account",
    trigger: ".o_form_view .nav-link[name='client_account']",
    run: "click",
};
const confirm = {
    content: "Confirm the invoice",
    trigger: "body:not(:has(.modal)) button[name='action_post']:visible",
    run: "click",
};

const openInvoice = [
    {
        content: "Open the invoices of the client",
        trigger: "button[name='action_view_partner_invoices']",
        run: "click",
    },
    {
        content: "Open the draft",
        trigger:
            ".o_list_view .o_data_row:contains('120.00') td[name='partner_id'], .o_list_view .o_data_row:contains('120.00') td[name='name']",
        run: "click",
    },
];

/**
 * A client may not go below zero; an invoice of 120 is refused and 120.00 is missing.
 * A credit of 120 is issued, and the same invoice is posted and paid by it. Starts on the
 * client's contact.
 */
registry.category("web_tour.tours").add("client_account_gate", {
    steps: () => [
        openTab,
        {
            content: "Open the policies",
            trigger: ".o_form_view .nav-link[name='client_policies']",
            run: "click",
        },
        {
            content: "Read where the policy comes from, and prevent negative balances",
            trigger:
                ".o_client_policy:contains('Company default: Allowed') " +
                ".o_field_widget[name='client_negative_balance'] input",
            run: "click",
        },
        {
            content: "Choose “Prevented”",
            trigger: ".o_select_menu_item:contains('Prevented')",
            run: "click",
        },
        {
            content: "Save",
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            content: "Read that it is this client's",
            trigger: ".o_client_policy:contains('This client: Prevented')",
        },
        ...openInvoice,
        confirm,
        {
            content: "Read what is missing, and close",
            trigger:
                ".modal:has(.o_client_balance_refused, [role='alert']:contains('120.00 is missing')) " +
                "button:contains('Close')",
            run: "click",
        },
        {
            content: "Go back to the client",
            trigger:
                "body:not(:has(.modal)) .breadcrumb-item a:contains('Ada Piano School')",
            run: "click",
        },
        openTab,
        {
            content: "Issue a credit",
            trigger: "button[name='action_issue_credit']",
            run: "click",
        },
        {
            content: "Type the amount",
            trigger: ".modal .o_field_widget[name='amount'] input",
            run: "edit 120",
        },
        {
            content: "Give the reason",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "edit Paid in advance",
        },
        {
            content: "Confirm the credit",
            trigger:
                ".modal button[name='action_confirm']:contains('Issue the Credit')",
            run: "click",
        },
        {
            content: "See the balance",
            trigger: "body:not(:has(.modal)) .o_form_view:contains('120.00 in credit')",
        },
        ...openInvoice,
        confirm,
        {
            content: "The invoice is posted and paid",
            trigger: ".o_form_view .ribbon:contains('Paid')",
        },
    ],
});
