import {ClientBalanceChart} from "../balance_chart/balance_chart";
import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

// Keys of what is done most; an account that is yet to open has methods of its own.
const HOTKEYS = {
    receive_payment: "shift+r",
    issue_credit: "shift+k",
    allocate_credit: "shift+l",
    request_update: "shift+p",
};

/**
 * Show what the profile of a client's account says and offers, on the account as on the
 * contact: `client.account._get_profile` makes it, glue addons append boxes.
 */
export class ClientProfile extends Component {
    static template = "client_account.Profile";
    static components = {ClientBalanceChart};
    static props = {...standardFieldProps};

    setup() {
        this.action = useService("action");
    }

    get profile() {
        return this.props.record.data[this.props.name] || {boxes: []};
    }

    get currencyId() {
        const {currency_id, client_account_currency_id} = this.props.record.data;
        return (currency_id || client_account_currency_id)?.id;
    }

    /** The share of a limit that is drawn: at most the whole of it. */
    getDrawnUsage(box) {
        return Math.min(box.usage, 100);
    }

    /** Quiet figures are lighter, not paler: grey is hard to read. */
    getToneClass({tone}) {
        return !tone || tone === "muted" ? "fw-normal" : `fw-bold text-${tone}`;
    }

    /** Return the key of a button, which is pressed with Alt. */
    getHotkey({name}) {
        return HOTKEYS[name.replace(/^action_(client_)?/, "")];
    }

    async press(button) {
        const {record} = this.props;
        if (!(await record.save())) {
            return;
        }
        await this.action.doActionButton({
            type: "object",
            name: button.name,
            resModel: button.model,
            resId: button.id,
            resIds: [button.id],
            context: record.context,
            onClose: () => record.model.root.load(),
        });
    }

    openTarget(target) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: target.model,
            res_id: target.id,
            views: [[false, "form"]],
        });
    }
}

export const clientProfile = {
    component: ClientProfile,
    displayName: _t("Profile of a Client Account"),
    supportedTypes: ["json"],
};

registry.category("fields").add("client_profile", clientProfile);
