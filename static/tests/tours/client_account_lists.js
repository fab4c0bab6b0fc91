import {registry} from "@web/core/registry";

/** Fail where the word above a column, or a figure in it, is cut off at its end. */
function expectWhole() {
    const figures = ".o_list_number, .o_field_client_balance, .o_field_client_change";
    const cells = document.querySelectorAll(
        `.o_list_renderer :is(th .text-truncate, td:is(${figures}, :has(${figures})))`
    );
    for (const cell of cells) {
        if (cell.offsetParent && cell.scrollWidth - cell.clientWidth > 1) {
            throw new Error(`The end of this is cut off: ${cell.innerText}`);
        }
    }
}

const tours = registry.category("web_tour.tours");

/** A list of its own, on a screen of a desk. */
tours.add("client_account_list_is_whole", {
    steps: () => [
        {
            content: "All of the list is in sight",
            trigger: ".o_list_renderer thead",
            run: expectWhole,
        },
    ],
});

/** The lists of a client who owes more than a million. */
tours.add("client_account_profile_is_whole", {
    steps: () =>
        [
            ["debts", "1,234,567.89"],
            ["history", "1,234,567.89 owed"],
        ].flatMap(([name, text]) => [
            {
                content: `Open ${name}`,
                trigger: `.o_client_notebook .nav-link[name='${name}']`,
                run: "click",
            },
            {
                content: `All of ${name} is in sight`,
                trigger: `.o_client_notebook .tab-pane.active .o_data_row:contains('${text}')`,
                run: expectWhole,
            },
        ]),
});
