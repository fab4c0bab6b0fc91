import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");

/** Follow a link or send a form, which opens another page. */
const go = (content, trigger) => ({
    content,
    trigger,
    run: "click",
    expectUnloadPage: true,
});
const see = (content, trigger) => ({content, trigger});
const type = (name, value) => ({
    content: `Type ${value}`,
    trigger: `input[name='${name}']`,
    run: `edit ${value}`,
});

const payAndSee = (...after) => [
    see(
        "The payment form is there",
        "#o_payment_form [name='o_payment_submit_button']"
    ),
    {
        content: "Choose the card",
        trigger: "#o_payment_form input[name='o_payment_radio']",
        run: "click",
    },
    go(
        "Pay",
        "#o_payment_form [name='o_payment_submit_button']:not([disabled]):not(:disabled)"
    ),
    ...after,
];
const pay = payAndSee(see("Back on the account", "h3:contains('Balance')"));

/** A client adds 50 to the account, from the portal's home. */
tours.add("client_account_portal_top_up", {
    steps: () => [
        go("Open the account", "a[href='/my/client_account']:visible"),
        go("Top up", "a[href='/my/client_account/topup']"),
        go("Choose 50", "button[name='amount'][value='50.0']"),
        see("50 are to be paid", "#o_payment_summary_amount:contains('50.00')"),
        ...pay,
    ],
});

/**
 * The 50 are there; 20 of an invoice of 80 are paid with them, the rest by card: the
 * provider takes it at once, and the invoice is shown as paid.
 */
tours.add("client_account_portal_pay", {
    steps: () => [
        see("The money is there", "[name='balance']:contains('30.00 owed')"),
        see("It says so", "[name='online']:contains('Received and credited')"),
        go("Open the invoice", "section[name='open'] a.btn"),
        type("amount", "20"),
        go("Pay with credit", ".o_client_pay_with_credit button[type='submit']"),
        see("It is said", "[role='status']:contains('paid with your credit')"),
        {
            content: "Pay the rest by card",
            trigger: "a[data-bs-target='#pay_with']:visible",
            run: "click",
        },
        see("60 are left", "#pay_with.show:contains('60.00')"),
        ...payAndSee(
            see("It is paid", "[name='invoice_paid_badge']:contains('Paid'):visible"),
            see(
                "Nothing is left to pay",
                "body:not(:has([data-bs-target='#pay_with'], .o_client_pay_with_credit))"
            )
        ),
    ],
});

/** A client pays what was asked for in advance. */
tours.add("client_account_portal_request", {
    steps: () => [
        go("Pay what is asked for", "section[name='requests'] a.btn"),
        see("120 are asked for", "#o_payment_summary_amount:contains('120.00')"),
        ...pay,
    ],
});

/** A client agrees that a saved card is charged. */
tours.add("client_account_portal_auto", {
    steps: () => [
        go("Open it", "a[href='/my/client_account/auto']"),
        type("threshold", "50"),
        type("maximum", "200"),
        go("Go on", "form[action='/my/client_account/auto'] button"),
        see("The words are read", "p:contains('You are told each time')"),
        go("Agree", "button[value='agree']"),
        see("It is on", "blockquote:contains('at most')"),
    ],
});

/** The card was declined: the page says so, and the client switches it off. */
tours.add("client_account_portal_auto_off", {
    steps: () => [
        see("It was declined", ".text-danger:contains('declined')"),
        go("Switch it off", "button[value='off']"),
        see("It is off", "input[name='threshold']"),
    ],
});
