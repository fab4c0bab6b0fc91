import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const FORM = ".o_calendar_event_form_view";
const PARTNERS = `${FORM} .o_field_widget[name='partner_ids']`;
const SESSIONS = `${FORM} .o_field_widget[name='client_sessions']`;

/** Return the steps that add a client to the meeting that is open. */
function addClient(name) {
    return [
        {
            content: "Look for the client",
            trigger: `${PARTNERS} input`,
            run: `edit ${name}`,
        },
        {
            content: "Add the client",
            trigger: `.o-autocomplete--dropdown-item:contains('${name}')`,
            run: "click",
        },
        {
            content: "Wait for the client",
            trigger: `${PARTNERS} .o_tag:contains('${name}')`,
        },
    ];
}

const save = {
    content: "Save the meeting",
    trigger: `${FORM} .o_form_button_save`,
    run: "click",
};

/** A client is added to a meeting that costs a session, and pays it. */
tours.add("client_session_taken", {
    steps: () => [
        ...addClient("Ada Piano School"),
        save,
        {
            content: "The client has paid",
            trigger: `${SESSIONS}:contains('Ada Piano School: one credit of Piano Pack')`,
        },
    ],
});

/** Another meeting is refused, and an approver says why it takes place all the same. */
tours.add("client_session_without", {
    steps: () => [
        ...addClient("Ada Piano School"),
        save,
        {
            content: "None is left, says the refusal",
            trigger:
                ".modal:contains('Ada Piano School has no session credit of Piano Pack left for Chords') .modal-footer button",
            run: "click",
        },
        {
            content: "Say why the client may come",
            trigger: `body:not(:has(.modal)) ${FORM} .o_field_widget[name='client_session_reason'] input`,
            run: "edit Trial lesson",
        },
        save,
        {
            content: "The meeting says so",
            trigger: `${SESSIONS}:contains('no credit of Piano Pack. Trial lesson')`,
        },
        {
            content: "The reason is used up",
            trigger: `${FORM} .o_field_widget[name='client_session_reason'] input:not(:value('Trial'))`,
        },
    ],
});

/** The client is taken off the meeting, and gets the session back. */
tours.add("client_session_given_back", {
    steps: () => [
        {
            content: "Take the client off",
            trigger: `${PARTNERS} .o_tag:contains('Ada Piano School')`,
            run: "hover && click .o_tag:contains('Ada Piano School') .o_delete",
        },
        save,
        {
            content: "The meeting has taken nothing",
            trigger: `${FORM}:not(:has(.o_field_widget[name='client_sessions'])) .o_form_status_indicator_buttons.invisible:not(:visible)`,
        },
    ],
});

/** The client's page tells what was taken and given back; the rest is adjusted there. */
tours.add("client_session_history", {
    steps: () => [
        {
            content: "Open the page of the account",
            trigger: ".o_form_view .nav-link[name='client_account']",
            run: "click",
        },
        {
            content: "One session is left: open its page",
            trigger:
                ".o_form_view:has(.o_client_profile div[name='sessions']:contains('1 sessions')) .nav-link[name='client_sessions']",
            run: "click",
        },
        {
            content: "The history names the meeting: adjust the card",
            trigger:
                ".o_form_view:has(.o_field_widget[name='client_session_history_ids'] .o_data_row:eq(0):contains('Given back: Scales'))" +
                ":has(.o_field_widget[name='client_session_history_ids'] .o_data_row:eq(1):contains('Scales')) " +
                ".o_field_widget[name='client_session_card_ids'] .o_data_row button[name='action_client_adjust_sessions']",
            run: "click",
        },
        {
            content: "Type how many are to be left",
            trigger: ".modal .o_field_widget[name='new_balance'] input",
            run: "edit 3",
        },
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name='description'] input",
            run: "edit Two for a cancelled course",
        },
        {
            content: "Confirm",
            trigger: ".modal button[name='action_update_card_point']",
            run: "click",
        },
        {
            content: "Three are left",
            trigger:
                "body:not(:has(.modal)) .o_form_view:has(.o_client_profile div[name='sessions']:contains('3 sessions'))",
        },
    ],
});
