import {registry} from "@web/core/registry";

/**
 * Two clients owe some cents. All accounts are ticked in their list, the first client's
 * document is left open, the other's is written off and undone.
 */
registry.category("web_tour.tours").add("client_account_write_off", {
    steps: () => [
        {
            content: "Tick all accounts",
            trigger:
                ".o_list_view:has(.o_data_row) thead .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Look at their small differences",
            trigger: "button[name='action_write_off']",
            run: "click",
        },
        {
            content: "Untick the first",
            trigger:
                "body:not(:has(.o_datetime_picker)) " +
                ".modal:has(.o_field_widget[name='total']:contains('0.05')) " +
                ".o_data_row:contains('Ada Piano School'):contains('0.02'):contains('Owed') " +
                "td[name='is_ticked']",
            run: "click",
        },
        {
            content: "Write off the other",
            trigger:
                ".modal:has(.o_field_widget[name='total']:contains('0.03')) " +
                "button[name='action_confirm']:visible",
            run: "click",
        },
        {
            content: "It says so; undo it",
            trigger:
                ".o_notification:contains('0.03 written off'):contains('Bela Chess Club') " +
                "button:contains('Undo')",
            run: "click",
        },
        {
            content: "It says that, too",
            trigger: ".o_notification:contains('deleted again')",
        },
    ],
});

/**
 * Money is received a second time: the window points out the first payment, and books the
 * second with a tick. Starts on the client's account.
 */
registry.category("web_tour.tours").add("client_account_duplicate_payment", {
    steps: () => [
        {
            content: "Receive a payment",
            trigger: ".o_form_view button[name='action_receive_payment']",
            run: "click",
        },
        {
            content: "Type the amount",
            trigger: ".modal .o_field_widget[name='amount'] input",
            run: "edit 50",
        },
        {
            content: "Type the memo",
            trigger:
                ".modal:not(:has(.o_field_widget[name='duplicate_warning'])) " +
                ".o_field_widget[name='memo'] input",
            run: "edit Term fee && press Tab",
        },
        {
            content: "The first payment is named; say that this is another",
            trigger:
                ".modal .alert:has(.o_field_widget[name='duplicate_warning']:contains('looks like')) " +
                ".o_field_widget[name='book_anyway'] input",
            run: "click",
        },
        {
            content: "Book it",
            trigger:
                ".modal:has(.o_field_widget[name='book_anyway'] input:checked) " +
                "footer button[name='action_confirm']:contains('50.00')",
            run: "click",
        },
        {
            content: "It says so",
            trigger: ".o_notification:contains('50.00 received')",
        },
    ],
});
