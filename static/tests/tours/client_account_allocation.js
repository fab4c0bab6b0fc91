import {registry} from "@web/core/registry";

/**
 * A client owes 180 and 150. A credit of 250 is issued with a reason; 100 of it goes to
 * the first invoice and 150 to the second. Starts on the client's contact.
 */
registry.category("web_tour.tours").add("client_account_allocation", {
    steps: () => [
        {
            content: "Read the balance in words on the contact and open the account",
            trigger:
                "button[name='action_open_client_account']:contains('330.00 owed')",
            run: "click",
        },
        {
            content: "Issue a credit",
            trigger:
                ".o_form_view:has(div[name='balance']:contains('330.00 owed')) " +
                "button[name='action_issue_credit']",
            run: "click",
        },
        {
            content: "Type the amount",
            trigger: ".modal .o_field_widget[name='amount'] input",
            run: "edit 250",
        },
        {
            content: "Give the reason",
            trigger: ".modal .o_field_widget[name='reason'] textarea",
            run: "edit Two classes cancelled by the teacher",
        },
        {
            content: "Confirm",
            trigger:
                ".modal button[name='action_confirm']:contains('Issue the Credit')",
            run: "click",
        },
        {
            content: "See the balance move, then open the credits",
            trigger:
                "body:not(:has(.modal)) .o_form_view:has(div[name='balance']:contains('80.00 owed')) " +
                ".nav-link[name='credits']",
            run: "click",
        },
        {
            content: "Allocate the credit",
            trigger:
                ".o_field_widget[name='credit_line_ids'] " +
                "tr:contains('Two classes cancelled') button[name='action_assign_client_credit']",
            run: "click",
        },
        {
            content: "Give 100 to the older invoice",
            trigger:
                ".modal .o_field_widget[name='line_ids'] .o_data_row:first td[name='amount']",
            run: "click",
        },
        {
            content: "Type 100",
            trigger:
                ".modal .o_field_widget[name='line_ids'] .o_data_row:first td[name='amount'] input",
            run: "edit 100",
        },
        {
            content: "Give the rest to the other invoice",
            trigger:
                ".modal .o_field_widget[name='line_ids'] .o_data_row:eq(1) td[name='amount']",
            run: "click",
        },
        {
            content: "Type 150",
            trigger:
                ".modal .o_field_widget[name='line_ids'] .o_data_row:eq(1) td[name='amount'] input",
            run: "edit 150",
        },
        {
            content: "Leave the cell, so that the remainder is computed",
            trigger: ".modal .o_field_widget[name='document_name']:first",
            run: "click",
        },
        {
            content: "Nothing remains: allocate",
            trigger:
                ".modal:has(.o_field_widget[name='amount_remaining']:contains('0.00'):not(:contains('250'))) " +
                "footer button[name='action_allocate']",
            run: "click",
        },
        {
            content: "The balance stays, the credit is used up, 80 is owed",
            trigger:
                "body:not(:has(.modal)) .o_form_view:has(div[name='balance']:contains('80.00 owed'))" +
                ":has(div[name='credit']:contains('0.00'):not(:contains('250')))" +
                ":has(div[name='outstanding']:contains('80.00')) .nav-link[name='debts']",
            run: "click",
        },
        {
            content: "One invoice is open, with 80.00",
            trigger:
                ".o_field_widget[name='debit_line_ids'] tbody:not(:has(.o_data_row:eq(1))) " +
                ".o_data_row:first td[name='amount_residual']:contains('80.00')",
        },
    ],
});
