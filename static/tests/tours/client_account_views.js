import {registry} from "@web/core/registry";

/**
 * Every view of the client accounts draws, for a client over the limit and with overdue
 * debts. Starts on the list.
 */
registry.category("web_tour.tours").add("client_account_views", {
    steps: () => [
        {
            content: "The list says the balance in words",
            trigger:
                ".o_list_view .o_data_row:contains('Ada Piano School') td[name='balance']:contains('330.00 owed')",
            run({anchor}) {
                if (anchor.scrollWidth > anchor.clientWidth + 1) {
                    throw new Error("What the balance means is cut off");
                }
            },
        },
        {
            content: "Open the cards",
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            content:
                "The card says what is overdue and by how much the limit is passed",
            trigger:
                ".o_kanban_record:contains('Ada Piano School'):contains('overdue')" +
                ":contains('Limit:'):contains('230.00 over')",
        },
        {
            content: "Open the graph",
            trigger: ".o_switch_view.o_graph",
            run: "click",
        },
        {
            content: "The graph draws",
            trigger: ".o_graph_renderer canvas",
        },
        {
            content: "Open the pivot",
            trigger: ".o_switch_view.o_pivot",
            run: "click",
        },
        {
            content: "The pivot sums",
            trigger: ".o_pivot td:contains('330.00')",
        },
    ],
});
