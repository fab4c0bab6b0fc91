import {X2ManyField, x2ManyField} from "@web/views/fields/x2many/x2many_field";
import {ListRenderer} from "@web/views/list/list_renderer";
import {_t} from "@web/core/l10n/translation";
import {getActiveHotkey} from "@web/core/hotkeys/hotkey_service";
import {registry} from "@web/core/registry";

/**
 * A list within a form that is reached and used without a mouse: Tab leads to the first
 * cell of each row, from where Odoo's own arrows and Enter go on.
 */
export class ClientLinesRenderer extends ListRenderer {
    static recordRowTemplate = "client_account.LinesRenderer.RecordRow";

    /** A row that is being edited has its inputs to go to. */
    getCellTabIndex(column, record) {
        const isFirst = this.getColumns(record)[0] === column;
        return isFirst && !this.editedRecord ? "0" : "-1";
    }

    /** Override, as Enter on a button of a row opened the row. */
    onCellKeydown(ev, group = null, record = null) {
        const isButton = ev.target.closest("button");
        if (!isButton || getActiveHotkey(ev) !== "enter") {
            super.onCellKeydown(ev, group, record);
        }
    }
}

export class ClientLinesField extends X2ManyField {
    static components = {...X2ManyField.components, ListRenderer: ClientLinesRenderer};
}

export const clientLinesField = {
    ...x2ManyField,
    component: ClientLinesField,
    displayName: _t("Lines Used without a Mouse"),
};

registry.category("fields").add("client_lines", clientLinesField);
