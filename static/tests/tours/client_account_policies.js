import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const page = {
    content: "Open the policies",
    trigger: "body:not(:has(.modal)) .o_form_view .nav-link[name='policies']",
    run: "click",
};
const save = [
    {content: "Save", trigger: ".o_form_button_save", run: "click"},
    {
        content: "It is saved",
        trigger: ".o_form_view:not(:has(.o_form_button_save:visible))",
    },
];
const inForce = (name, label) => ({
    content: `It is this client's: ${label}`,
    trigger:
        `.o_client_policy:has(.o_field_widget[name='${name}'])` +
        `:contains('This client: ${label}')`,
});

/** Choose a policy without saving it. */
const choose = (name, label) => [
    {
        content: `Open what ${name} may be`,
        trigger: `.o_client_policy .o_field_widget[name='${name}'] input`,
        run: "click",
    },
    {
        content: `Choose ${label}`,
        trigger: `.o_select_menu_item:contains('${label}')`,
        run: "click",
    },
    {
        content: `${label} is chosen`,
        trigger: `.o_client_policy .o_field_widget[name='${name}'] input:value(${label})`,
    },
];
const set = (name, label) => [
    page,
    ...choose(name, label),
    ...save,
    inForce(name, label),
];

/** Charge an amount from the profile. */
const charge = (amount, reason) => [
    {
        content: "Charge an amount",
        trigger: ".o_client_profile button[name='action_charge']",
        run: "click",
    },
    {
        content: "Type it",
        trigger: ".modal .o_field_widget[name='amount'] input",
        run: `edit ${amount}`,
    },
    {
        content: "Give the reason",
        trigger: ".modal .o_field_widget[name='reason'] textarea",
        run: `edit ${reason}`,
    },
    {
        content: "Confirm",
        trigger: ".modal button[name='action_confirm']:visible",
        run: "click",
    },
];

/** The charge is refused in these words; close them and the window. */
const refused = (words) => [
    {
        content: `It is refused: ${words}`,
        trigger: `.modal:has(.o_client_balance_refused [role='alert']:contains('${words}')), .modal .o_client_balance_refused:has([role='alert']:contains('${words}'))`,
    },
    {
        content: "Close it",
        trigger: ".modal:has([role='alert']) button:contains('Close')",
        run: "click",
    },
    {
        content: "Leave the window",
        trigger:
            ".modal:not(:has([role='alert'])) button[special='cancel'], .modal footer button:contains('Discard')",
        run: "click",
    },
];
const balance = (text) => ({
    content: `The balance is: ${text}`,
    trigger: `body:not(:has(.modal)) .o_client_profile div[name='balance']:contains('${text}')`,
});

/** What takes the balance below zero is refused, until it may again. */
tours.add("client_account_policy_negative_balance", {
    steps: () => [
        ...set("negative_balance", "Prevented"),
        ...charge(30, "Late cancellation"),
        ...refused("30.00 is missing"),
        balance("nothing owed"),
        ...set("negative_balance", "Allowed"),
        ...charge(30, "Late cancellation"),
        balance("30.00 owed"),
    ],
});

/** The client pays up front: a red ribbon says so, and what is owed is refused. */
tours.add("client_account_policy_pay_later", {
    steps: () => [
        {
            content: "No ribbon yet",
            trigger: ".o_form_view:not(:has(.ribbon:visible)) .o_client_profile",
        },
        ...set("pay_later", "Disabled"),
        {
            content: "The ribbon is red",
            trigger: ".ribbon .text-bg-danger:contains('Pays Up Front')",
        },
        ...charge(20, "Late cancellation"),
        ...refused("pays up front"),
        balance("nothing owed"),
        ...set("pay_later", "Allowed"),
        {
            content: "The ribbon is gone",
            trigger: ".o_form_view:not(:has(.ribbon:visible)) .o_client_profile",
        },
    ],
});

/** Over the limit and paying up front: the ribbon covers no button of the banner. */
tours.add("client_account_policy_ribbon", {
    steps: () => [
        {
            content: "All of the last button is in sight",
            trigger: ".o_form_view:has(.ribbon:visible) div[name='banner'] button:last",
            run({anchor}) {
                const button = anchor.getBoundingClientRect();
                const ribbon = document
                    .querySelector(".ribbon")
                    .getBoundingClientRect();
                // The ribbon runs from the left above to the right below.
                const aside = ribbon.right - button.right;
                if (aside + button.top - ribbon.top < ribbon.width) {
                    throw new Error(`The ribbon covers ${anchor.innerText}`);
                }
            },
        },
    ],
});

/** Choose how credits are applied, and post a draft of the client. */
const apply = (label, amount, paid) => [
    ...set("credit_application", label),
    {
        content: "Go to the contact",
        trigger: "button[name='action_view_partner']",
        run: "click",
    },
    {
        content: "Open the invoices",
        trigger: "button[name='action_view_partner_invoices']",
        run: "click",
    },
    {
        content: "Open the draft",
        trigger: `.o_list_view .o_data_row:contains('${amount}.00') td[name='name']`,
        run: "click",
    },
    {
        content: "Confirm it",
        trigger: "button[name='action_post']:visible",
        run: "click",
    },
    {
        content: paid ? "It is paid by the credit" : "It is posted, and not paid",
        trigger: paid
            ? ".o_form_view .ribbon:contains('Paid')"
            : ".o_form_view:has(.o_arrow_button_current:contains('Posted')):not(:has(.ribbon:visible))",
    },
];

tours.add("client_account_policy_apply_manual", {
    steps: () => apply("By hand only", 11, false),
});
tours.add("client_account_policy_apply_next", {
    steps: () => apply("Account credits to each new invoice", 12, true),
});
tours.add("client_account_policy_apply_all", {
    steps: () => apply("Any credit to any open invoice", 13, true),
});

/** What the client sees in the portal is set in the account, and seen there. */
tours.add("client_account_policy_portal_balance", {
    steps: () => [
        ...set("balance_visibility", "The balance"),
        ...set("top_up_policy", "Forbidden"),
    ],
});
tours.add("client_account_policy_sees_balance", {
    steps: () => [
        {
            content: "Open the account",
            trigger: "a[href='/my/client_account']:visible",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The balance alone, and nothing to top up",
            trigger:
                ":not(:has(section[name='history'], a[href='/my/client_account/topup'])) > " +
                "section:has([name='balance']:contains('25.00 in credit'))",
        },
    ],
});
tours.add("client_account_policy_portal_hidden", {
    steps: () => set("balance_visibility", "Nothing"),
});
tours.add("client_account_policy_sees_nothing", {
    steps: () => [
        {
            content: "The portal's home does not speak of it",
            trigger: ".o_portal_my_home:not(:has(a[href='/my/client_account']))",
        },
    ],
});
tours.add("client_account_policy_portal_history", {
    steps: () => [
        ...set("balance_visibility", "The balance and the history"),
        ...set("top_up_policy", "Allowed"),
    ],
});
tours.add("client_account_policy_sees_history", {
    steps: () => [
        {
            content: "Open the account",
            trigger: "a[href='/my/client_account']:visible",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The history is there",
            trigger: "section[name='history']:contains('Class cancelled')",
        },
        {
            content: "Top up",
            trigger: "a[href='/my/client_account/topup']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The amount is asked for",
            trigger: "form[action='/my/client_account/topup'] input[name='amount']",
        },
    ],
});

/** Client and manager are to be told below an amount; then they were. */
tours.add("client_account_policy_notices", {
    steps: () => [
        page,
        ...choose("low_balance_client", "On"),
        {
            content: "Below 50",
            trigger: ".o_field_widget[name='low_balance_client_threshold'] input",
            run: "edit 50",
        },
        ...choose("low_balance_manager", "On"),
        {
            content: "Below 60",
            trigger: ".o_field_widget[name='low_balance_manager_threshold'] input",
            run: "edit 60",
        },
        ...save,
        inForce("low_balance_client", "below $ 50.00"),
        inForce("low_balance_manager", "below $ 60.00"),
        {
            content: "Nobody was told yet",
            trigger: ".o_form_view:not(:has(.nav-link[name='notices']))",
        },
    ],
});
tours.add("client_account_policy_notices_given", {
    steps: () => [
        {
            content: "Open the notices",
            trigger: ".o_form_view .nav-link[name='notices']",
            run: "click",
        },
        {
            content: "The client and the manager were told",
            trigger:
                ".o_field_widget[name='notice_ids']:has(.o_data_row:contains('Low Balance, to the Client'):contains('50.00'))" +
                ":has(.o_data_row:contains('Low Balance, to the Manager'):contains('60.00'))",
        },
    ],
});
