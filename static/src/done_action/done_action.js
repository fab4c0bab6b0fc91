import {registry} from "@web/core/registry";

let toasts = 0;

/** Return the key that takes an offer, which is shown on it while Alt is held. */
function getHotkey({method}, index) {
    return `alt+shift+${method === "action_undo" ? "z" : ["y", "w"][index]}`;
}

/**
 * Say what was done and offer what comes next, see `client.once.mixin._get_done_action`.
 *
 * Each offer is a method of a record, which may answer an action of its own. Reloading
 * shows on the page below what the offer has changed. As the toast goes by itself and
 * stands behind all there is on the page, each offer has a key of its own.
 *
 * On a telephone it goes when the next window opens, whose top it would cover.
 */
async function sayDone(env, {params}) {
    const {action, hotkey, notification} = env.services;
    const name = `o_client_done_${++toasts}`;
    const reload = () =>
        action.doAction({type: "ir.actions.client", tag: "soft_reload"});
    const take = async ({model, id, method}) => {
        close();
        // As a button: what opens a window comes with its views only then.
        await action.doActionButton({
            type: "object",
            name: method,
            resModel: model,
            resId: id,
            onClose: reload,
        });
    };
    const forgetKeys = params.offers.map((offer, index) =>
        hotkey.add(getHotkey(offer, index), () => take(offer), {
            bypassEditableProtection: true,
            global: true,
            withOverlay: () =>
                document.querySelectorAll(`.${name} .o_notification_buttons button`)[
                    index
                ],
        })
    );
    const makeWay = ({detail: mode}) =>
        env.isSmall && !params.sticky && mode === "new" && close();
    env.bus.addEventListener("ACTION_MANAGER:UI-UPDATED", makeWay);
    const close = notification.add(params.message, {
        type: params.type || "success",
        sticky: Boolean(params.sticky),
        className: name,
        onClose: () => {
            env.bus.removeEventListener("ACTION_MANAGER:UI-UPDATED", makeWay);
            forgetKeys.forEach((forget) => forget());
        },
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
