import {Component, onWillUnmount, useEffect, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

const MESSAGE = "client_account.batch_progress";

/**
 * A bar that moves while the job works on the document, as the server tells it by the
 * bus after each portion. Once the document has ended, its form is read again.
 */
export class BatchProgress extends Component {
    static template = "client_account.BatchProgress";
    static props = {...standardFieldProps};

    setup() {
        this.bus = useService("bus_service");
        this.state = useState({progress: this.props.record.data[this.props.name]});
        this.onMessage = this.onMessage.bind(this);
        this.bus.subscribe(MESSAGE, this.onMessage);
        useEffect(
            (channel) => {
                this.bus.addChannel(channel);
                return () => this.bus.deleteChannel(channel);
            },
            () => [this.channel]
        );
        useEffect(
            (progress) => {
                this.state.progress = progress;
            },
            () => [this.props.record.data[this.props.name]]
        );
        onWillUnmount(() => this.bus.unsubscribe(MESSAGE, this.onMessage));
    }

    get channel() {
        const {resModel, resId} = this.props.record;
        return `${resModel}_${resId}`;
    }

    get percent() {
        return Math.floor(this.state.progress);
    }

    get label() {
        return _t("%s %% done", this.percent);
    }

    async onMessage({model, id, state, progress}) {
        const {record} = this.props;
        if (model !== record.resModel || id !== record.resId) {
            return;
        }
        this.state.progress = progress;
        if (state !== record.data.state && !(await record.isDirty())) {
            await record.load();
        }
    }
}

registry.category("fields").add("client_batch_progress", {
    component: BatchProgress,
    supportedTypes: ["float"],
});
