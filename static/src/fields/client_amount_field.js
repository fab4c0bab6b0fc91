import {MonetaryField, monetaryField} from "@web/views/fields/monetary/monetary_field";
import {FIELD_WIDTHS} from "@web/views/list/column_width_hook";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/**
 * An amount to be typed: letters are refused, where Odoo's own field reads "abc" as 0 and
 * "12 twelve" as 12.
 */
export class ClientAmountField extends MonetaryField {
    get inputOptions() {
        const options = super.inputOptions;
        return {...options, parse: (text) => options.parse(this.checkText(text))};
    }

    /**
     * @param {string} text as it was typed
     * @returns {string} the same
     * @throws {Error} when it has letters beside those of its currency
     */
    checkText(text) {
        const known = [this.currencySymbol, this.currency?.name].filter(Boolean);
        const rest = known.reduce((left, word) => left.replace(word, ""), text);
        if (/\p{L}/u.test(rest)) {
            throw new Error(_t("“%s” is not an amount.", text));
        }
        return text;
    }
}

registry.category("fields").add("client_amount", {
    ...monetaryField,
    component: ClientAmountField,
    displayName: _t("Amount to Type"),
    listViewWidth: FIELD_WIDTHS.monetary,
    supportedTypes: ["monetary"],
});
