import {patch} from "@web/core/utils/patch";
import {PosOrder} from "@point_of_sale/app/models/pos_order";

patch(PosOrder.prototype, {
    /**
     * Say of which orders it is: what is settled of them is committed already.
     *
     * @override
     */
    get clientSettled() {
        const settled = this.lines
            .filter((line) => line.sale_order_origin_id)
            .map((line) => [line.sale_order_origin_id.id, line.priceIncl]);
        return [...super.clientSettled, ...settled];
    },
});
