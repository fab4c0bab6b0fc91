import {onWillStart} from "@odoo/owl";
import {patch} from "@web/core/utils/patch";
import {PartnerLine} from "@point_of_sale/app/screens/partner_list/partner_line/partner_line";
import {PartnerList} from "@point_of_sale/app/screens/partner_list/partner_list";

// So many are shown at first at most; who is searched for is asked about when found.
const MOST_SHOWN = 200;

patch(PartnerList.prototype, {
    setup() {
        super.setup();
        onWillStart(() => {
            const shown = this.getPartners(this.state.initialPartners);
            return this.pos.fetchClientFigures(shown.slice(0, MOST_SHOWN));
        });
    },

    /**
     * @override
     */
    get isBalanceDisplayed() {
        return (
            super.isBalanceDisplayed || Object.keys(this.pos.clientFigures).length > 0
        );
    },

    /**
     * @override
     */
    async getNewPartners() {
        const partners = await super.getNewPartners();
        await this.pos.fetchClientFigures(partners);
        return partners;
    },
});

patch(PartnerLine.prototype, {
    get clientFigures() {
        return this.pos.clientFigures[this.props.partner.id];
    },

    async receiveForClientAccount(purpose) {
        this.props.close();
        await this.pos.receiveForClientAccount(this.props.partner, purpose);
    },
});
