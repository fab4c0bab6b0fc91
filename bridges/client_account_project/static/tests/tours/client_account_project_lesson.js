import {registry} from "@web/core/registry";

const column = (title) => `.o_kanban_group:has(.o_column_title:contains('${title}'))`;
const lesson = (title) => `${column(title)} .o_kanban_record:contains('Second lesson')`;
const drag = {
    content: "Drag the lesson to what is done",
    trigger: `body:not(:has(.modal)) ${lesson("In Progress")}`,
    run: `drag_and_drop(${column("Done")})`,
};

/**
 * A lesson is dragged to “Done” and refused, as its client has nothing left. Money is
 * received from the refusal itself, and the lesson is done. The form of the last one says
 * that it takes the rest. Starts on the tasks of a project, by state; the first is done.
 */
registry.category("web_tour.tours").add("client_account_project_lesson", {
    steps: () => [
        drag,
        {
            content: "Read what is missing, and receive a payment",
            trigger:
                ".modal:contains('Not Done'):contains('short of $ 10.00') button[name='receive']",
            run: "click",
        },
        {
            content: "Give the amount",
            trigger: ".modal .o_field_widget[name='amount'] input",
            run: "edit 10 && press Tab",
        },
        {
            content: "Receive it",
            trigger:
                ".modal footer button[name='action_confirm']:contains('Receive $ 10.00')",
            run: "click",
        },
        {
            content: "The lesson is where it was",
            trigger: `body:not(:has(.modal)) ${lesson("In Progress")}`,
        },
        drag,
        {
            content: "The lesson is done",
            trigger: lesson("Done"),
        },
        {
            content: "Open the next one",
            trigger: `${column("In Progress")} .o_kanban_record:contains('Third lesson')`,
            run: "click",
        },
        {
            content: "Read what it costs and what its client has",
            trigger:
                ".o_form_view:has(.o_field_widget[name='client_completion_cost']:contains('$ 90.00')) " +
                ".o_field_widget[name='client_balance']:contains('$ 10.00 in credit')",
        },
        {
            content: "Open the account of the client",
            trigger: "button[name='action_client_view_account']",
            run: "click",
        },
        {
            content: "Read what is done, and open a task",
            trigger:
                ".o_client_profile_box[data-box='jobs']:contains('Done, Not Billed'):contains('$ 10.00') " +
                "button:contains('Third lesson')",
            run: "click",
        },
        {
            content: "It is the task",
            trigger: ".o_form_view .o_field_widget[name='client_completion_cost']",
        },
    ],
});
