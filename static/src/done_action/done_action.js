import {registry} from "@web/core/registry";

/**
 * Say what was done and offer what comes next, see `client.once.mixin._get_done_action`.
 *
 * Each offer is a method of a record, which may answer an action of its own. Reloading
 * shows on the page below what the offer has changed.
 */
async function sayDone(env, {params}) {
    const {action, notification, orm} = env.services;
    const reload = () =>
        action.doAction({type: "ir.actions.client", tag: "soft_reload"});
    const take = async ({model, id, method}) => {
        close();
        const answer = await orm.call(model, method, [[id]]);
        if (answer && answer.type) {
            await action.doAction(answer, {onClose: reload});
        } else {
            await reload();
        }
    };
    const close = notification.add(params.message, {
        type: params.type || "success",
        sticky: Boolean(params.sticky),
        autocloseDelay: params.offers.length ? 15000 : 4000,
        buttons: params.offers.map((offer, index) => ({
            name: offer.label,
            primary: index === 0,
            onClick: () => take(offer),
        })),
    });
    return params.next;
}

registry.category("actions").add("client_account_done", sayDone);
