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

const fillCart = [
    {content: "Take a lesson", trigger: "#add_to_cart:visible", run: "click"},
    go(
        "Open the cart",
        "body:has(.my_cart_quantity:contains('1')) a[href^='/shop/cart']:visible"
    ),
    go("Check out", "a[name='website_sale_main_button']:visible"),
];

/** A client buys a lesson of 110 with credit. */
tours.add("client_account_website_sale_credit", {
    steps: () => [
        ...fillCart,
        see("All is covered", ".o_client_pay_order:contains('110.00')"),
        go("Pay with credit", ".o_client_pay_order button[type='submit']"),
        see(
            "It says what was paid",
            ".o_client_order_paid:contains('110.00'):not(:contains('left to pay'))"
        ),
    ],
});

/** Credit of 40 covers a part; the rest is paid on the invoice's page. */
tours.add("client_account_website_sale_part", {
    steps: () => [
        ...fillCart,
        see("A part is covered", ".o_client_pay_order:contains('40.00')"),
        see("It says so", ".o_client_pay_order:contains('What remains is due')"),
        go("Pay with credit", ".o_client_pay_order button[type='submit']"),
        see("It says what was paid", ".o_client_order_paid:contains('40.00')"),
        go(
            "Pay the rest",
            ".o_client_order_paid:contains('70.00') a[href^='/my/invoices/']"
        ),
        {
            content: "Choose to pay by card",
            trigger: "a[data-bs-target='#pay_with']:visible",
            run: "click",
        },
        see("70 are left", "#pay_with.show:contains('70.00')"),
        {
            content: "Choose the card",
            trigger: "#o_payment_form input[name='o_payment_radio']",
            run: "click",
        },
        go(
            "Pay",
            "#o_payment_form [name='o_payment_submit_button']:not([disabled]):not(:disabled)"
        ),
        see("The card's page leads back", "h3:contains('Balance')"),
    ],
});
