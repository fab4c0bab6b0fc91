import {patch} from "@web/core/utils/patch";
import {PosOrder} from "@point_of_sale/app/models/pos_order";

patch(PosOrder.prototype, {
    /** Payments that the client's account makes, or gets where they are below zero. */
    get clientAccountPayments() {
        return this.payment_ids.filter(
            ({payment_method_id: method}) =>
                method.type === "pay_later" && method.split_transactions
        );
    },

    /** What was ordered before and is sold now: [id of the order, amount] of each line. */
    get clientSettled() {
        return [];
    },

    /** What the client's account pays, in the currency of the till. */
    get clientAccountAmount() {
        return this.currency.round(
            this.clientAccountPayments.reduce((sum, line) => sum + line.amount, 0)
        );
    },
});
