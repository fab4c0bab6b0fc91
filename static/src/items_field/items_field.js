import {X2ManyField, x2ManyField} from "@web/views/fields/x2many/x2many_field";
import {ClientLinesRenderer} from "../lines_field/lines_field";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useState} from "@odoo/owl";

class ClientItemsRenderer extends ClientLinesRenderer {
    static props = [...ClientLinesRenderer.props, "onTick"];

    /** Override, as lists within a form answer an empty selection. */
    get selectAll() {
        const {records} = this.props.list;
        return records.length > 0 && records.every((record) => record.selected);
    }

    /** Override, as lists within a form cannot tick all at once. */
    toggleSelection() {
        const selected = !this.selectAll;
        for (const record of this.props.list.records) {
            record.toggleSelection(selected);
        }
        this.props.onTick();
    }

    toggleRecordSelection(record, ev) {
        super.toggleRecordSelection(record, ev);
        this.props.onTick();
    }
}

/**
 * A list within a form that does what lists of their own do: rows open by the action it
 * names, and where its header has buttons, they act on the rows that are ticked.
 */
export class ClientItemsField extends X2ManyField {
    static template = "client_account.ItemsField";
    static components = {...X2ManyField.components, ListRenderer: ClientItemsRenderer};

    setup() {
        super.setup();
        this.ticked = useState({times: 0});
    }

    /** Draw the buttons anew once the model has ticked what was clicked. */
    async onTick() {
        await this.props.record.model.mutex.getUnlockedDef();
        this.ticked.times++;
    }

    get headerButtons() {
        return this.archInfo.headerButtons || [];
    }

    get selectedIds() {
        // Read for this to be drawn again, see `onTick`.
        const records = this.ticked.times ? this.list.records : [];
        return records
            .filter((record) => record.selected)
            .map((record) => record.resId);
    }

    get rendererProps() {
        if (this.props.viewMode !== "list") {
            return super.rendererProps;
        }
        const props = {
            ...super.rendererProps,
            allowSelectors: Boolean(this.headerButtons.length),
            onTick: this.onTick.bind(this),
        };
        if (this.archInfo.openAction) {
            props.openRecord = (record) => this.openByAction(record);
        }
        return props;
    }

    /** Open a row by what its list names as the action, as lists of their own do. */
    async openByAction({resId}) {
        const {action, type} = this.archInfo.openAction;
        if (await this.props.record.save()) {
            await this.action.doActionButton({
                name: action,
                type,
                resModel: this.list.resModel,
                resId,
                resIds: [resId],
                context: this.props.record.context,
                onClose: () => this.props.record.model.root.load(),
            });
        }
    }

    async pressHeaderButton(button) {
        const {record} = this.props;
        const resIds = this.selectedIds;
        if (!resIds.length || !(await record.save())) {
            return;
        }
        await this.action.doActionButton({
            ...button.clickParams,
            resModel: this.list.resModel,
            resId: resIds[0],
            resIds,
            context: record.context,
            onClose: () => record.model.root.load(),
        });
    }
}

export const clientItemsField = {
    ...x2ManyField,
    component: ClientItemsField,
    displayName: _t("Items of a Client Account"),
};

registry.category("fields").add("client_items", clientItemsField);
