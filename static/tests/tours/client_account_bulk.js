import {registry} from "@web/core/registry";

const FIELD = (name) => `.o_field_widget[name=${name}]`;
const ROW = (number, name) => `.o_data_row:nth-child(${number}) td[name=${name}]`;

function pressed(name, state) {
    return [
        {
            content: `Press ${name}`,
            trigger: `.o_form_statusbar button[name=${name}]:visible`,
            run: "click",
        },
        {
            content: `It is ${state} now`,
            trigger: `.o_arrow_button_current:contains(${state})`,
        },
    ];
}

registry.category("web_tour.tours").add("client_account_bulk_credits", {
    steps: () => [
        {
            content: "Look for the pupils",
            trigger: ".o_searchview_input",
            run: "edit Bulk pupil",
        },
        {
            trigger: ".o_searchview_autocomplete .o-dropdown-item:first",
            run: "click",
        },
        {
            content: "All thirty are there",
            trigger: ".o_pager_value:contains(1-30)",
        },
        {
            content: "Select them all",
            trigger: "thead .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_cp_action_menus button:contains(Actions)",
            run: "click",
        },
        {
            trigger: ".o-dropdown-item:contains(Create Credits)",
            run: "click",
        },
        {
            content: "One amount for all",
            trigger: `${FIELD("amount")} input`,
            run: "edit 20 && press Tab",
        },
        {
            content: "Every line has it",
            trigger: `${ROW(30, "amount")}:contains(20.00)`,
        },
        {
            trigger: `${FIELD("reason")} textarea`,
            run: "edit Strike of the trains",
        },
        {
            content: "One of them gets more",
            trigger: ROW(2, "amount"),
            run: "click",
        },
        {
            trigger: `${ROW(2, "amount")} input`,
            run: "edit 35 && press Tab",
        },
        {
            content: "The total follows",
            trigger: `${FIELD("amount_total")}:contains(615.00)`,
        },
        ...pressed("action_run", "Done"),
        {
            content: "The sum that was booked",
            trigger: `${FIELD("amount_booked")}:contains(615.00)`,
        },
        {
            content: "Allocate what they have",
            trigger: ".o_form_statusbar button[name=action_allocate]",
            run: "click",
        },
        {
            content: "One pupil has an open invoice",
            trigger: `${ROW(1, "amount")}:contains(20.00)`,
        },
        ...pressed("action_run", "Done"),
        {
            content: "Go back",
            trigger:
                ".breadcrumb-item a:contains(BULK/), .o_back_button:contains(BULK/)",
            run: "click",
        },
        {
            trigger: ".o_form_statusbar button[name=action_open_reversal]",
            run: "click",
        },
        {
            trigger: `.modal ${FIELD("reason")} textarea`,
            run: "edit The trains went after all",
        },
        {
            trigger: ".modal button[name=action_reverse]",
            run: "click",
        },
        {
            content: "All of it was taken back",
            trigger: ".o_arrow_button_current:contains(Cancelled)",
        },
        {
            trigger: `${ROW(30, "state")}:contains(Reversed)`,
        },
    ],
});

const FILE = `Client,Amount,Reason
Bulk pupil 01,20,Ill
Nobody known,20,Ill
Bulk pupil 02,-4,Ill
Bulk pupil 01,20,Ill
Bulk pupil 03,35,
`;

registry.category("web_tour.tours").add("client_account_bulk_import", {
    steps: () => [
        {
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: `${FIELD("reason")} textarea`,
            run: "edit Strike",
        },
        {
            trigger: ".o_form_statusbar button[name=action_import_lines]",
            run: "click",
        },
        {
            content: "Wait for the window of the import",
            trigger: ".o_control_panel button:contains(Upload Data File)",
        },
        {
            content: "Give the file",
            trigger: "input[type=file]:not(:visible)",
            run() {
                const files = new DataTransfer();
                files.items.add(new File([FILE], "lines.csv", {type: "text/csv"}));
                this.anchor.files = files.files;
                this.anchor.dispatchEvent(new Event("change", {bubbles: true}));
            },
        },
        {
            content: "Its columns were understood",
            trigger: ".o_import_data_content:contains(Amount)",
        },
        {
            trigger: ".o_control_panel button:contains(/^Import$/)",
            run: "click",
        },
        {
            content: "Each bad line says what is wrong",
            trigger: `${ROW(2, "problem")}:contains(No client is called)`,
        },
        {
            trigger: `${ROW(3, "problem")}:contains(above zero)`,
        },
        {
            trigger: `${ROW(4, "problem")}:contains(same line)`,
        },
        {
            content: "Mend who is meant",
            trigger: ROW(2, "partner_id"),
            run: "click",
        },
        {
            trigger: `${ROW(2, "partner_id")} input`,
            run: "edit Bulk pupil 04",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Bulk pupil 04)",
            run: "click",
        },
        {
            content: "Mend the amount",
            trigger: ROW(3, "amount"),
            run: "click",
        },
        {
            trigger: `${ROW(3, "amount")} input`,
            run: "edit 4 && press Enter",
        },
        {
            content: "The sentence has gone",
            trigger: `${ROW(3, "state")}:contains(Ready)`,
        },
        {
            content: "Back to the document",
            trigger: ".o_breadcrumb a:contains(BULK/):first",
            run: "click",
        },
        {
            content: "What is left is the line that is there twice",
            trigger: ".alert[name=problems]:contains(1 / 5)",
        },
        {
            trigger: `${ROW(4, "is_meant")} .o_boolean_toggle`,
            run: "click",
        },
        {
            content: "Check it again",
            trigger: ".o_form_statusbar button[name=action_check]",
            run: "click",
        },
        {
            trigger: `${ROW(4, "state")}:contains(Ready)`,
        },
        ...pressed("action_run", "Done"),
        {
            trigger: `${FIELD("amount_booked")}:contains(99.00)`,
        },
    ],
});
