import {JournalDashboardGraphField} from "@web/views/fields/journal_dashboard_graph/journal_dashboard_graph_field";
import {Component, onWillDestroy, useState} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";
import {useRecordObserver} from "@web/model/relational_model/utils";
import {useService} from "@web/core/utils/hooks";

/**
 * Draw the balance of an account after the page is shown: a year of a client with many
 * items takes longer to add up than everything else on the page.
 */
export class ClientBalanceGraph extends Component {
    static template = "client_account.BalanceGraph";
    static components = {JournalDashboardGraphField};
    static props = {...standardWidgetProps};

    setup() {
        this.orm = useService("orm");
        this.state = useState({graph: false});
        this.asked = 0;
        onWillDestroy(() => this.asked++);
        // Not awaited, for the page not to wait for it.
        useRecordObserver((record) => {
            this.load(record.resId);
        });
    }

    async load(resId) {
        const asked = ++this.asked;
        const [values] = resId
            ? await this.orm.silent.read("client.account", [resId], ["balance_graph"])
            : [];
        // Another record, or the same one after an action, was asked for meanwhile.
        if (asked === this.asked) {
            this.state.graph = values ? values.balance_graph : false;
        }
    }

    get fieldProps() {
        return {
            record: {data: {balance_graph: this.state.graph}},
            name: "balance_graph",
            graphType: "line",
        };
    }
}

registry.category("view_widgets").add("client_balance_graph", {
    component: ClientBalanceGraph,
});
