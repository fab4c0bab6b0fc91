import {Component} from "@odoo/owl";
import {Dialog} from "@web/core/dialog/dialog";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardErrorDialogProps} from "@web/core/errors/error_dialogs";
import {useService} from "@web/core/utils/hooks";

/**
 * Say why a client's balance policies refuse a document, and what can be done.
 *
 * The arguments of the error are its message and the window actions by what they are
 * for, see `exceptions.py`.
 */
export class BalanceRefusedDialog extends Component {
    static template = "client_account.BalanceRefusedDialog";
    static components = {Dialog};
    static props = {...standardErrorDialogProps};

    setup() {
        this.actionService = useService("action");
        const [message, actions, title] = this.props.data.arguments;
        this.title = title || _t("Not Posted");
        this.message = message;
        this.actions = actions;
    }

    async openAction(name) {
        this.props.close();
        await this.actionService.doAction(this.actions[name]);
    }
}

registry
    .category("error_dialogs")
    .add("odoo.addons.client_account.exceptions.BalanceRefused", BalanceRefusedDialog);
