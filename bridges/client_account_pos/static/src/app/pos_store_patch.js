import {ConnectionLostError} from "@web/core/network/rpc";
import {_t} from "@web/core/l10n/translation";
import {parseFloat} from "@web/views/fields/parsers";
import {patch} from "@web/core/utils/patch";
import {AlertDialog} from "@web/core/confirmation_dialog/confirmation_dialog";
import {NumberPopup} from "@point_of_sale/app/components/popups/number_popup/number_popup";
import {makeAwaitable} from "@point_of_sale/app/utils/make_awaitable_dialog";
import {PosStore} from "@point_of_sale/app/services/pos_store";

patch(PosStore.prototype, {
    /**
     * @override
     */
    async setup() {
        // How accounts stand, by id of the contact; nothing for who may not see it.
        this.clientFigures = {};
        await super.setup(...arguments);
    },

    get clientAccountMethod() {
        return this.config.payment_method_ids.find(
            (method) => method.client_is_account
        );
    },

    /**
     * Ask how the accounts of some contacts stand for the order that is sold now. Without
     * a connection nothing shows.
     */
    async fetchClientFigures(partners) {
        const ids = partners.map((partner) => partner.id);
        for (const id of ids) {
            delete this.clientFigures[id];
        }
        if (!ids.length || this.data.network.offline) {
            return;
        }
        try {
            const figures = await this.data.call("pos.session", "client_get_figures", [
                [this.session.id],
                ids,
                this.getOrder()?.clientSettled || [],
            ]);
            Object.assign(this.clientFigures, figures);
        } catch (error) {
            if (!(error instanceof ConnectionLostError)) {
                throw error;
            }
        }
    },

    /**
     * Ask how much a client brings for the account, without a sale, and go on to how it
     * is paid.
     *
     * @param {Object} partner
     * @param {"top_up"|"charges"} purpose
     */
    async receiveForClientAccount(partner, purpose) {
        if (this.data.network.offline) {
            this.dialog.add(AlertDialog, {
                title: _t("No Connection"),
                body: _t(
                    "Money for the account of %s is received once there is a " +
                        "connection to the server again.",
                    partner.name
                ),
            });
            return;
        }
        const owed = this.clientFigures[partner.id]?.owed || 0;
        const entered = await makeAwaitable(this.dialog, NumberPopup, {
            title: purpose === "charges" ? _t("Receive a Payment") : _t("Add Credit"),
            subtitle: partner.name,
            startingValue:
                purpose === "charges" && owed
                    ? this.env.utils.formatCurrency(owed, false)
                    : "",
        });
        const amount = this.currency.round(entered ? parseFloat(entered) : 0);
        if (!(amount > 0)) {
            return;
        }
        const order = this.addNewOrder({partner_id: partner});
        order.setPartner(partner);
        order.setToInvoice(false);
        order.client_purpose = purpose;
        const line = order.addPaymentline(this.clientAccountMethod).data;
        line.setAmount(-amount);
        this.navigate("PaymentScreen", {orderUuid: order.uuid});
    },
});
