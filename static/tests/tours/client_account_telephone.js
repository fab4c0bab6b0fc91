import {registry} from "@web/core/registry";

/** Fail where a list, or the page, has to be moved sideways to be read, or where a cell
 * of ours, or the word above it, is cut off. */
function expectNothingAside() {
    const lists = [...document.querySelectorAll(".o_list_renderer")];
    for (const element of [document.scrollingElement, ...lists]) {
        const aside = element.scrollWidth - element.clientWidth;
        if (aside > 1) {
            throw new Error(`${aside} pixels are out of sight: ${element.innerText}`);
        }
    }
    for (const cell of document.querySelectorAll(
        ":is(.o_field_client_items, .o_field_client_lines) :is(.o_data_cell, th .text-truncate)"
    )) {
        // A box to tick says nothing that could be cut off.
        if (cell.innerText.trim() && cell.scrollWidth - cell.clientWidth > 1) {
            throw new Error(`The end of this is cut off: ${cell.innerText}`);
        }
    }
}

/** Fail where the number of a document is broken in two. */
function expectNumbersWhole() {
    for (const cell of document.querySelectorAll(".modal td[name='document_name']")) {
        const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        const range = document.createRange();
        while (words.nextNode() && !words.currentNode.data.trim()) {
            // Blanks between the elements of the cell.
        }
        range.selectNodeContents(words.currentNode);
        if (range.getClientRects().length > 1) {
            throw new Error(`This is on two lines: ${cell.innerText}`);
        }
    }
}

const read = (content, trigger) => ({content, trigger, run: expectNothingAside});
const openPage = (name, text) => [
    {
        content: `Open ${name}`,
        trigger: `body:not(:has(.modal)) .o_form_view .nav-link[name='${name}']`,
        run: "click",
    },
    read(
        `All of ${name} is in sight`,
        `.o_notebook_content .tab-pane.active .tab-pane.active .o_data_row:contains('${text}')`
    ),
];

/**
 * On a telephone: the figures of each list of a client's account, and of the windows that
 * set money against invoices, are in sight. The client owes 180 and 150 and has 250 in
 * credit. Starts on the list of clients.
 */
registry.category("web_tour.tours").add("client_account_telephone", {
    steps: () => [
        {
            content: "The client and what is owed are read: open it",
            trigger:
                ".o_kanban_record:contains('Ada Piano School'):contains('80.00 owed')",
            run: "click",
        },
        {
            content: "Open the page of the account",
            trigger: ".o_form_view .nav-link[name='client_account']",
            run: "click",
        },
        ...openPage("client_debts", "180.00"),
        ...openPage("client_history", "180.00 charged"),
        {
            content: "An invoice, which has no reason, is called by its number",
            trigger:
                ".o_data_row:contains('180.00 charged') td[name='move_id']:contains('INV/')",
        },
        ...openPage("client_requests", "900.00"),
        ...openPage("client_credits", "250.00"),
        {
            content: "Allocate the credit",
            trigger: "button[name='action_assign_client_credit']",
            run: "click",
        },
        read(
            "All of the window is in sight, the amount to type too",
            ".modal .o_data_row:contains('180.00') td[name='amount']"
        ),
        {
            content: "Leave it",
            trigger: ".modal footer button[special='cancel']",
            run: "click",
        },
        {
            content: "Receive a payment",
            trigger: "body:not(:has(.modal)) button[name='action_receive_payment']",
            run: "click",
        },
        read(
            "All of the window is in sight, the amount to type too",
            ".modal .o_data_row:contains('180.00') td[name='amount']"
        ),
        {
            content: "Numbers are read at once",
            trigger: ".modal .o_data_row:contains('180.00')",
            run: expectNumbersWhole,
        },
    ],
});

/**
 * On a telephone: the window that writes small differences off shows them whole, and no
 * calendar over them. Somebody owes 0.02. Starts on the window.
 */
registry.category("web_tour.tours").add("client_account_write_off_telephone", {
    steps: () => [
        read(
            "All of the window is in sight",
            "body:not(:has(.o_datetime_picker)) .modal .o_data_row:contains('0.02')"
        ),
    ],
});
