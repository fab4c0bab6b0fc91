import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as PosSale from "@pos_sale/../tests/tours/utils/pos_sale_utils";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";
import {
    figuresAre,
    receiptSays,
    refuse,
    steps,
} from "@client_account_pos/../tests/tours/client_account_pos_util";
import {registry} from "@web/core/registry";

const CLIENT = "Ada Piano School";
const METHOD = "Client Account";

/** Settle the order of this amount, up to the payment screen. */
const settle = (amount, rest, ...change) => [
    PosSale.settleSaleOrderByPrice(amount),
    {trigger: "body:not(:has(.modal))"},
    ProductScreen.totalAmountIs(rest),
    ...change,
    ProductScreen.clickPayButton(),
];

const pay = [PaymentScreen.clickPaymentMethod(METHOD), PaymentScreen.clickValidate()];

// The client may owe 150.00 and has ordered for 40.00 and for 100.00, so 10.00 are left
// beside them: what is settled is available for it.
registry.category("web_tour.tours").add("client_account_pos_sale_settle", {
    steps: () =>
        steps(
            Chrome.startPoS(),
            settle("40.00", "40.00"),
            figuresAre("50.00"),
            pay,
            receiptSays("40.00 owed"),
            ReceiptScreen.clickNextOrder(),

            // A part of an order: the rest stays committed.
            settle(
                "100.00",
                "100.00",
                ProductScreen.clickNumpad("4"),
                ProductScreen.totalAmountIs("40.00")
            ),
            pay,
            receiptSays("80.00 owed"),
            ReceiptScreen.clickNextOrder(),

            // The rest of it, and a book that was not ordered, which is too much.
            settle(
                "100.00",
                "60.00",
                ProductScreen.clickDisplayedProduct("Book"),
                ProductScreen.totalAmountIs("90.00")
            ),
            pay,
            refuse(CLIENT, "20.00"),
            PaymentScreen.clickPaymentlineDelButton(METHOD, "90.00"),
            PaymentScreen.clickPaymentMethod(METHOD),
            PaymentScreen.enterPaymentLineAmount(METHOD, "70", true, {
                remaining: "20.00",
            }),
            PaymentScreen.clickPaymentMethod("Cash"),
            PaymentScreen.clickValidate(),
            receiptSays("150.00 owed"),
            ReceiptScreen.clickNextOrder(),
            ProductScreen.isShown()
        ),
});
