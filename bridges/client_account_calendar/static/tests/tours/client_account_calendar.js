import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");

/** Return the steps from a page that shows the schedule to a meeting on it. */
function readSchedule(prefix, page) {
    const list = (name) => `.o_field_widget[name='${prefix}${name}_meeting_ids']`;
    return [
        {
            content: "Open the schedule",
            trigger: `.o_form_view .nav-link[name='${page}']`,
            run: "click",
        },
        {
            content: "The next meeting comes first, the one that is over stands apart",
            trigger:
                `.o_form_view:has(${list("upcoming")} .o_data_row:eq(1):contains('Chords'))` +
                `:has(${list("past")} .o_data_row:eq(0):contains('First Steps'))` +
                `:has(.o_field_widget[name='${prefix}upcoming_meeting_count']:contains('2')) ` +
                `${list("upcoming")} .o_data_row:eq(0) .o_data_cell:contains('Scales')`,
            run: "click",
        },
        {
            content: "The meeting opens, with what the client owes",
            trigger:
                ".o_calendar_event_form_view .o_field_widget[name='client_balances']:contains('20.00 owed')",
        },
        {
            content: "Its notes stand on a page of their own",
            trigger: ".o_calendar_event_form_view .nav-link[name='client_notes']",
            run: "click",
        },
        {
            content: "Read them",
            trigger:
                ".o_calendar_event_form_view .o_field_widget[name='client_notes']:contains('Allergic')",
        },
    ];
}

/** The schedule on a contact: two meetings to come and one over. */
tours.add("client_account_calendar_schedule", {
    steps: () => [
        {
            content: "Open the page of the account",
            trigger: ".o_form_view .nav-link[name='client_account']",
            run: "click",
        },
        ...readSchedule("client_", "client_schedule"),
    ],
});

/** The same on the account. */
tours.add("client_account_calendar_account", {
    steps: () => readSchedule("", "schedule"),
});

/** The card of a meeting in the calendar says what the client owes, and the notes. */
tours.add("client_account_calendar_popover", {
    steps: () => [
        {
            content: "Open the card of the meeting",
            trigger: ".o_calendar_view .fc-event:contains('Scales')",
            run: "click",
        },
        {
            content: "Read what the client owes, and the notes",
            trigger:
                ".o_cw_popover:has(:contains('20.00 owed')):contains('Allergic to nuts')",
        },
    ],
});
