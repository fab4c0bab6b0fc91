import {patch} from "@web/core/utils/patch";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";

patch(OrderPaymentValidation.prototype, {
    /**
     * Say of which orders it is: what is settled of them is committed already.
     *
     * @override
     */
    getClientAccountQuestion() {
        const settled = this.order.lines
            .filter((line) => line.sale_order_origin_id)
            .map((line) => [line.sale_order_origin_id.id, line.priceIncl]);
        return [...super.getClientAccountQuestion(), settled];
    },
});
