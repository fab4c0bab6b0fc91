import {AlertDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {ConnectionLostError} from "@web/core/network/rpc";
import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";
import OrderPaymentValidation from "@point_of_sale/app/utils/order_payment_validation";

patch(OrderPaymentValidation.prototype, {
    /**
     * Ask the server before the receipt whether the client's account may pay. Without
     * an answer it may not. The till with rewards looks before the cashier was asked for
     * the client, who is asked for then, and looks again.
     *
     * @override
     */
    async isOrderValid(isForceValidate) {
        if (!(await super.isOrderValid(isForceValidate))) {
            return false;
        }
        if (!this.order.clientAccountPayments.length || !this.order.getPartner()) {
            return true;
        }
        const refusal = await this.requestClientAccount();
        if (refusal) {
            this.pos.dialog.add(AlertDialog, {
                title: _t("Not Paid with the Account"),
                body: refusal,
            });
        }
        return !refusal;
    },

    /** What the server is asked about the order. */
    getClientAccountQuestion() {
        const order = this.order;
        return [
            [this.pos.session.id],
            order.uuid,
            order.getPartner().id,
            order.clientAccountAmount,
            order.lines
                .filter((line) => line.qty > 0)
                .map((line) => line.product_id.id),
            order.clientSettled,
        ];
    },

    /** Return why the client's account may not pay, in words; empty where it may. */
    async requestClientAccount() {
        const order = this.order;
        try {
            const answer = await this.pos.data.call(
                "pos.session",
                "client_request_account",
                this.getClientAccountQuestion()
            );
            return answer.refusal;
        } catch (error) {
            if (error instanceof ConnectionLostError) {
                return _t(
                    "There is no connection to the server, so nobody knows what the " +
                        "account of %s allows. Choose another payment method.",
                    order.getPartner().name
                );
            }
            throw error;
        }
    },
});
