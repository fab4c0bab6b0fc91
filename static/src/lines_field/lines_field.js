import {X2ManyField, x2ManyField} from "@web/views/fields/x2many/x2many_field";
import {ListRenderer} from "@web/views/list/list_renderer";
import {_t} from "@web/core/l10n/translation";
import {getActiveHotkey} from "@web/core/hotkeys/hotkey_service";
import {registry} from "@web/core/registry";

// What a figure takes at least on a telephone; what it says in words may wrap.
const NARROW_FIGURE = "85px";

/**
 * A list within a form that is reached and used without a mouse: Tab leads to the first
 * cell of each row, from where Odoo's own arrows and Enter go on. On a telephone it shows
 * its figures without being moved sideways: columns of the class `o_client_wide` are left
 * out, and no other keeps the width that its view gives it. Those of the class
 * `o_client_narrow` stand for them there, and nowhere else.
 */
export class ClientLinesRenderer extends ListRenderer {
    static recordRowTemplate = "client_account.LinesRenderer.RecordRow";

    setup() {
        // Before Odoo's own, which asks for the columns.
        this.narrowColumns = new WeakMap();
        super.setup();
    }

    /** Override, for a telephone. */
    getActiveColumns() {
        const left = this.env.isSmall ? /\bo_client_wide\b/ : /\bo_client_narrow\b/;
        const columns = super
            .getActiveColumns()
            .filter(({className}) => !left.test(className));
        return this.env.isSmall
            ? columns.map((column) => this.getNarrowColumn(column))
            : columns;
    }

    /** Answer the same object each time, as Odoo looks for columns by identity. */
    getNarrowColumn(column) {
        if (!this.narrowColumns.has(column)) {
            const width = column.fieldType === "monetary" ? NARROW_FIGURE : undefined;
            this.narrowColumns.set(column, {
                ...column,
                attrs: {...column.attrs, width},
            });
        }
        return this.narrowColumns.get(column);
    }

    /** Override, as what may be shown beside the rest needs the room of a desk. */
    get displayOptionalFields() {
        return !this.env.isSmall && super.displayOptionalFields;
    }

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
