import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {formatMonetary} from "@web/views/fields/formatters";
import {MonetaryField, monetaryField} from "@web/views/fields/monetary/monetary_field";

const formatters = registry.category("formatters");

/**
 * Say a balance in words, never as a bare sign.
 *
 * @param {number|false} value above zero: in credit; below: owed
 * @param {Object} [options] as `formatMonetary` takes them
 * @returns {string}
 */
export function formatClientBalance(value, options = {}) {
    const amount = formatMonetary(Math.abs(value || 0), options);
    if (isNothing(value)) {
        return amount;
    }
    return value > 0 ? _t("%s in credit", amount) : _t("%s owed", amount);
}

/**
 * Say what an item did to a balance: "+" paid in, "−" taken out.
 *
 * @param {number|false} value above zero: more credit
 * @param {Object} [options] as `formatMonetary` takes them
 * @returns {string}
 */
export function formatClientChange(value, options = {}) {
    const amount = formatMonetary(Math.abs(value || 0), options);
    if (isNothing(value)) {
        return amount;
    }
    return value > 0 ? _t("%s credited", amount) : _t("%s charged", amount);
}

/**
 * Say what a client can still spend, or by how much they are over.
 *
 * @param {number|false} value below zero: over the limit
 * @param {Object} [options] as `formatMonetary` takes them
 * @returns {string}
 */
export function formatClientAvailable(value, options = {}) {
    const amount = formatMonetary(Math.abs(value || 0), options);
    return value < 0 && !isNothing(value) ? _t("%s over", amount) : amount;
}

// Finer than any currency: what is left of adding floats.
function isNothing(value) {
    return Math.abs(value || 0) < 0.0000005;
}

export class ClientBalanceField extends MonetaryField {
    static template = "client_account.ClientBalanceField";

    get colorClass() {
        if (isNothing(this.value)) {
            return "text-muted";
        }
        return this.value > 0 ? "text-success" : "text-danger";
    }

    get formattedValue() {
        return formatClientBalance(this.value, this.formatOptions);
    }

    get formatOptions() {
        return {digits: this.currencyDigits, currencyId: this.currencyId};
    }
}

export class ClientChangeField extends ClientBalanceField {
    get formattedValue() {
        return formatClientChange(this.value, this.formatOptions);
    }
}

export class ClientAvailableField extends ClientBalanceField {
    get colorClass() {
        return this.value < 0 && !isNothing(this.value) ? "text-danger" : "";
    }

    get formattedValue() {
        return formatClientAvailable(this.value, this.formatOptions);
    }
}

export const clientBalanceField = {
    ...monetaryField,
    component: ClientBalanceField,
    displayName: _t("Client Balance"),
    // What a figure of six digits takes with its words; Odoo leaves half of it to a widget
    // that says nothing.
    listViewWidth: [160],
    supportedTypes: ["monetary"],
};

export const clientChangeField = {
    ...clientBalanceField,
    component: ClientChangeField,
    displayName: _t("Change of a Client Balance"),
};

export const clientAvailableField = {
    ...clientBalanceField,
    component: ClientAvailableField,
    displayName: _t("Available to a Client"),
};

registry.category("fields").add("client_available", clientAvailableField);
registry.category("fields").add("client_balance", clientBalanceField);
registry.category("fields").add("client_change", clientChangeField);
formatters.add("client_available", formatClientAvailable);
formatters.add("client_balance", formatClientBalance);
formatters.add("client_change", formatClientChange);
