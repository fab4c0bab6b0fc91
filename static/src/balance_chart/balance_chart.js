import {Component, onWillDestroy, useEffect, useRef, useState} from "@odoo/owl";
import {loadBundle} from "@web/core/assets";
import {formatMonetary} from "@web/views/fields/formatters";
import {useRecordObserver} from "@web/model/relational_model/utils";
import {useService} from "@web/core/utils/hooks";

const MOST_DAYS_SHOWN = 6;
const MOST_DAYS_ON_TELEPHONE = 3;
const MOST_AMOUNTS_SHOWN = 5;

/**
 * @param {string} color as the browser computes it, rgb(red, green, blue)
 * @param {number} opacity from 0 to 1
 * @returns {string} the same, so much of it
 */
function fade(color, opacity) {
    const [red, green, blue] = color.match(/[\d.]+/g);
    return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

/**
 * Draw the balance of an account over a year: what is in credit above a line at zero,
 * what is owed below it, dashed and hatched in another colour.
 *
 * It is asked for after the page is shown, as a year of a client with many items takes
 * longer to add up than everything else on the page.
 */
export class ClientBalanceChart extends Component {
    static template = "client_account.BalanceChart";
    static props = {accountId: Number, currencyId: {optional: true}, record: Object};

    setup() {
        this.orm = useService("orm");
        this.canvas = useRef("canvas");
        this.ink = useRef("ink");
        this.credit = useRef("credit");
        this.owed = useRef("owed");
        this.state = useState({points: []});
        this.asked = 0;
        onWillDestroy(() => this.asked++);
        // Not awaited, for the page not to wait for it.
        useRecordObserver((record) => {
            this.load(record.data, this.props.accountId);
        });
        useEffect(
            (canvas, points) => {
                if (!canvas || !points.length) {
                    return;
                }
                const chart = new Chart(canvas, this.getConfig(points));
                return () => chart.destroy();
            },
            () => [this.canvas.el, this.state.points]
        );
    }

    async load(_data, accountId) {
        const asked = ++this.asked;
        const [[values]] = await Promise.all([
            this.orm.silent.read("client.account", [accountId], ["balance_graph"]),
            loadBundle("web.chartjs_lib"),
        ]);
        // Another record, or the same one after an action, was asked for meanwhile.
        if (asked === this.asked) {
            this.state.points = values
                ? JSON.parse(values.balance_graph)[0].values
                : [];
        }
    }

    /** What the chart says to whoever does not see it. */
    get summary() {
        const {points} = this.state;
        const last = points[points.length - 1];
        return `${points[0].x}: ${points[0].words}; ${last.x}: ${last.words}`;
    }

    getConfig(points) {
        // The colours of the words beside it, whatever the theme.
        const getColor = (name) => getComputedStyle(this[name].el).color;
        const [ink, credit, owed] = ["ink", "credit", "owed"].map(getColor);
        const grid = fade(ink, 0.15);
        const isOwed = ({p0, p1}) => p0.parsed.y + p1.parsed.y < 0;
        const format = (value) =>
            formatMonetary(Math.abs(value), {
                currencyId: this.props.currencyId,
                humanReadable: Math.abs(value) >= 10000,
            });
        return {
            type: "line",
            data: {
                labels: points.map((point) => point.x),
                datasets: [
                    {
                        data: points.map((point) => point.y),
                        borderWidth: 2,
                        borderColor: credit,
                        pointRadius: 0,
                        segment: {
                            borderColor: (segment) => (isOwed(segment) ? owed : credit),
                            borderDash: (segment) => (isOwed(segment) ? [5, 3] : []),
                        },
                        fill: {
                            target: "origin",
                            above: fade(credit, 0.2),
                            below: fade(owed, 0.2),
                        },
                    },
                ],
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: {intersect: false, mode: "index"},
                plugins: {
                    legend: {display: false},
                    tooltip: {
                        displayColors: false,
                        callbacks: {label: ({dataIndex}) => points[dataIndex].words},
                    },
                },
                scales: {
                    x: {
                        grid: {display: false},
                        ticks: {
                            color: ink,
                            maxRotation: 0,
                            autoSkip: true,
                            maxTicksLimit: this.env.isSmall
                                ? MOST_DAYS_ON_TELEPHONE
                                : MOST_DAYS_SHOWN,
                        },
                    },
                    y: {
                        grace: "5%",
                        suggestedMin: 0,
                        suggestedMax: 0,
                        grid: {
                            color: ({tick}) => (tick?.value === 0 ? ink : grid),
                            lineWidth: ({tick}) => (tick?.value === 0 ? 2 : 1),
                        },
                        ticks: {
                            color: ink,
                            maxTicksLimit: MOST_AMOUNTS_SHOWN,
                            callback: (value) =>
                                value < 0 ? `− ${format(value)}` : format(value),
                        },
                    },
                },
            },
        };
    }
}
