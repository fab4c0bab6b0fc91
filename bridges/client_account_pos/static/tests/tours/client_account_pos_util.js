import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";

export const figuresAre = (text) => ({
    content: `the payment screen says ${text}`,
    trigger: `.payment-screen .o_client_account_figures:contains("${text}")`,
});

export const receiptSays = (text) => ({
    content: `the receipt says ${text}`,
    trigger: `.receipt-screen .o_client_account_balance:contains("${text}")`,
    run() {
        // On narrow paper the words go on a line of their own, above what follows.
        const {anchor} = this;
        anchor.style.width = "6rem";
        const end = anchor.querySelector("span").getBoundingClientRect().bottom;
        if (end > anchor.getBoundingClientRect().bottom + 1) {
            throw new Error("The balance runs into what is below it.");
        }
        anchor.style.width = "";
    },
});

export const refuse = (...texts) => [
    ...texts.map((text) => ({
        content: `the refusal says ${text}`,
        trigger: `.modal-body:contains("${text}")`,
    })),
    Dialog.confirm(),
    PaymentScreen.isShown(),
];

// A till takes long to start on a busy machine.
const PATIENCE = 60000;

export const steps = (...parts) =>
    parts
        .flat(Infinity)
        .filter(Boolean)
        .map((step) => ({timeout: PATIENCE, ...step}));
