import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as NumberPopup from "@point_of_sale/../tests/generic_helpers/number_popup_util";
import * as Offline from "@point_of_sale/../tests/generic_helpers/offline_util";
import * as PartnerList from "@point_of_sale/../tests/pos/tours/utils/partner_list_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import * as TicketScreen from "@point_of_sale/../tests/pos/tours/utils/ticket_screen_util";
import {
    figuresAre,
    receiptSays,
    refuse,
    steps,
} from "@client_account_pos/../tests/tours/client_account_pos_util";
import {ConnectionLostError} from "@web/core/network/rpc";
import {registry} from "@web/core/registry";

const CLIENT = "Ada Piano School";
const METHOD = "Client Account";

/** Sell one book to the client, up to the payment screen; look at the list before. */
const order = (look) => [
    ProductScreen.clickDisplayedProduct("Book"),
    ProductScreen.clickPartnerButton(),
    look,
    PartnerList.clickPartner(CLIENT),
    {...ProductScreen.back(), isActive: ["mobile"]},
    ProductScreen.clickPayButton(),
];

/** Receive cash for the client's account; do something before it is paid. */
const receive = (item, keys, ...before) => [
    ProductScreen.clickPartnerButton(),
    PartnerList.clickPartnerOptions(CLIENT),
    PartnerList.clickDropDownItemText(item),
    keys && NumberPopup.enterValue(keys),
    Dialog.confirm(),
    ...before,
    PaymentScreen.clickPaymentMethod("Cash"),
    PaymentScreen.clickValidate(),
];

// Credit sold, spent and refunded; an order refused for want of 10.00.
registry.category("web_tour.tours").add("client_account_pos_credit", {
    steps: () =>
        steps(
            Chrome.startPoS(),
            receive("Add Credit", "50"),
            receiptSays("50.00 in credit"),
            ReceiptScreen.clickNextOrder(),

            order({
                content: "the list says what the client has",
                trigger: `.partner-info:contains("${CLIENT}") .o_client_account_figures:contains("50.00 in credit")`,
            }),
            figuresAre("50.00 in credit"),
            PaymentScreen.clickPaymentMethod(METHOD),
            PaymentScreen.clickValidate(),
            receiptSays("20.00 in credit"),
            ReceiptScreen.clickNextOrder(),

            // Without a client first: the till asks for one, who is then looked at.
            ProductScreen.clickDisplayedProduct("Book"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod(METHOD),
            PaymentScreen.clickValidate(),
            Dialog.confirm("Ok"),
            PartnerList.clickPartner(CLIENT),
            figuresAre("20.00 in credit"),
            PaymentScreen.clickValidate(),
            refuse(CLIENT, "10.00"),
            PaymentScreen.clickPaymentlineDelButton(METHOD, "30.00"),
            PaymentScreen.clickPaymentMethod(METHOD),
            PaymentScreen.enterPaymentLineAmount(METHOD, "20", true, {
                remaining: "10.00",
            }),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            receiptSays("balance of zero"),
            ReceiptScreen.clickNextOrder(),

            ProductScreen.clickRefund(),
            TicketScreen.selectOrder("30.00"),
            ProductScreen.clickNumpad("1"),
            TicketScreen.toRefundTextContains("To Refund: 1"),
            TicketScreen.confirmRefund(),
            PaymentScreen.isShown(),
            PaymentScreen.clickPaymentMethod(METHOD),
            PaymentScreen.clickValidate(),
            receiptSays("30.00 in credit"),
            ReceiptScreen.clickNextOrder(),

            // The account does not pay the money that it gets.
            receive(
                "Receive a Payment",
                "15",
                PaymentScreen.clickPaymentMethod(METHOD),
                refuse("The money is for the account of", CLIENT)
            ),
            receiptSays("45.00 in credit"),
            ReceiptScreen.clickNextOrder(),
            ProductScreen.isShown()
        ),
});

const originalOpen = XMLHttpRequest.prototype.open;
const originalSend = XMLHttpRequest.prototype.send;
const originalError = console.error;

/** Have the line break when the order is sent: the server was asked before. */
const breakOnSending = {
    content: "the line breaks when the order is sent",
    trigger: "body",
    run() {
        XMLHttpRequest.prototype.open = function (method, url, ...args) {
            this.isSending = url.includes("/pos.order/sync_from_ui");
            return originalOpen.call(this, method, url, ...args);
        };
        XMLHttpRequest.prototype.send = function (...args) {
            if (this.isSending) {
                throw new ConnectionLostError();
            }
            return originalSend.apply(this, args);
        };
        // The till logs the broken line, as it is to.
        console.error = (...args) => {
            const text = args[0] instanceof Error ? args[0].message : String(args[0]);
            if (!/ConnectionLostError|Connection couldn't be established/.test(text)) {
                originalError.apply(console, args);
            }
        };
    },
};

const mend = {
    content: "the line is mended",
    trigger: "body",
    run() {
        XMLHttpRequest.prototype.open = originalOpen;
        XMLHttpRequest.prototype.send = originalSend;
        console.error = originalError;
    },
};

// Without a connection the account does not pay; what was allowed before it broke
// arrives once.
registry.category("web_tour.tours").add("client_account_pos_offline", {
    steps: () =>
        steps(
            Chrome.startPoS(),
            order(),
            PaymentScreen.clickPaymentMethod(METHOD),
            Offline.setOfflineMode(),
            PaymentScreen.clickValidate(),
            refuse(CLIENT, "no connection"),
            Offline.setOnlineMode(),
            PaymentScreen.clickPaymentlineDelButton(METHOD, "30.00"),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            ReceiptScreen.clickNextOrder(),

            order(),
            PaymentScreen.clickPaymentMethod(METHOD),
            breakOnSending,
            PaymentScreen.clickValidate(),
            Dialog.confirm("Continue with limited functionality"),
            ReceiptScreen.isShown(),
            mend,
            ReceiptScreen.clickNextOrder(),

            order(),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            ReceiptScreen.clickNextOrder(),
            Chrome.isSyncStatusConnected()
        ),
});
