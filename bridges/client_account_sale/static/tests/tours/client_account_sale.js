import {registry} from "@web/core/registry";

const confirm = {
    content: "Confirm the quotation",
    trigger: "body:not(:has(.modal)) button[name='action_confirm']:visible",
    run: "click",
};

/**
 * An order of 110 is more than the limit of 100: the page says so, confirming is refused,
 * and an approver confirms it anyway, with a reason. Then it stands behind the figure on
 * the client's account. Starts on the quotation.
 */
registry.category("web_tour.tours").add("client_account_sale", {
    steps: () => [
        {
            content: "Read how the account stands",
            trigger:
                "div[name='client_confirmation_banner'] [name='client_account_words']:contains('100.00')",
        },
        {
            content: "Read what would be missing, once",
            trigger:
                ".o_form_view:not(:has([name='partner_credit_warning'])) " +
                "div[name='client_confirmation_banner']:contains('10.00 is missing')",
        },
        confirm,
        {
            content: "Read the refusal, and confirm anyway",
            trigger:
                ".modal:has(.modal-title:contains('Not Confirmed')):has([role='alert']:contains('10.00 is missing')) " +
                "button[name='post_anyway']:contains('Confirm Anyway')",
            run: "click",
        },
        {
            content: "Give a reason",
            trigger:
                ".modal:contains('Confirm Anyway'):has([name='record_names']:not(:empty)) .o_field_widget[name='reason'] textarea",
            run: "edit Agreed with the client by telephone",
        },
        {
            content: "Confirm it",
            trigger:
                ".modal footer button[name='action_post_anyway']:visible:contains('Confirm Anyway')",
            run: "click",
        },
        {
            content: "Read why it was confirmed",
            trigger:
                "body:not(:has(.modal)) div[name='client_anyway_banner']:contains('by telephone')",
        },
        {
            content: "Open the client's account",
            trigger: "button[name='action_view_client_account']",
            run: "click",
        },
        {
            content: "Open the orders behind the figure",
            trigger:
                ".o_client_profile_box[data-box='committed'] " +
                "button[name='action_view_committed_orders']:contains('110.00')",
            run: "click",
        },
        {
            content: "The order is listed with what it has committed",
            trigger:
                ".o_list_view .o_data_row:contains('110.00') " +
                "td[name='client_committed']:contains('110.00')",
        },
    ],
});
