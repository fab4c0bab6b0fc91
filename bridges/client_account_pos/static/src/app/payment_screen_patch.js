import {useEffect} from "@odoo/owl";
import {AlertDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";
import {PaymentScreen} from "@point_of_sale/app/screens/payment_screen/payment_screen";

patch(PaymentScreen.prototype, {
    setup() {
        super.setup();
        useEffect(
            (partner) => {
                if (partner) {
                    this.pos.fetchClientFigures([partner]);
                }
            },
            () => [this.currentOrder?.getPartner()]
        );
    },

    /** How the account of the order's client stands, for whoever may see it. */
    get clientFigures() {
        const partner = this.currentOrder.getPartner();
        return partner && this.pos.clientFigures[partner.id];
    },

    /**
     * Offer the client's account only where the server can be asked, and not for the
     * money that it gets itself.
     *
     * @override
     */
    async addNewPaymentLine(paymentMethod) {
        const isAccount =
            paymentMethod.type === "pay_later" && paymentMethod.split_transactions;
        if (isAccount && this.currentOrder.client_purpose) {
            this.dialog.add(AlertDialog, {
                title: _t("Not Paid with the Account"),
                body: _t(
                    "The money is for the account of %s. Choose the payment method it comes in with.",
                    this.currentOrder.getPartner()?.name || ""
                ),
            });
            return false;
        }
        if (isAccount && this.pos.data.network.offline) {
            this.dialog.add(AlertDialog, {
                title: _t("No Connection"),
                body: _t(
                    "%s needs a connection to the server. Choose another payment method.",
                    paymentMethod.name
                ),
            });
            return false;
        }
        return super.addNewPaymentLine(paymentMethod);
    },
});
