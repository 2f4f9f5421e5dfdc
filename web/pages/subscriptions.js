// Who is told of what: subscriptions with how their notifications fare; written, paused, removed.
import { html, useState } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { get, ROOT, send } from "../core/api.js";
import { Editor } from "../core/documents.js";
import { useResource } from "../core/hooks.js";
import { may } from "../core/session.js";
import { Action, Age, Badge, Card, Code, Icon, Page, Resource, shortName, typeName } from "../core/ui.js";

const PATH = `${ROOT}/subscriptions`;
const FRESH = { type: "Subscription", subscriptionName: "", entities: [{ type: "Vehicle" }], watchedAttributes: ["location"], throttling: 5,
	notification: { format: "keyValues", endpoint: { uri: "http://127.0.0.1:9000/notify", accept: "application/json" } } };
const MOODS = /** @type {Record<string, string>} */ ({ active: "good", ok: "good", paused: "quiet", expired: "warn", failed: "bad" });
const NOT_WRITTEN = ["id", "status", "createdAt", "modifiedAt", "jsonldContext"];
const TOLD = ["status", "timesSent", "timesFailed", "lastNotification", "lastSuccess", "lastFailure"];

/** The members that a client writes. @param {any} one */
function writable(one) {
	const copy = Object.fromEntries(Object.entries(structuredClone(one)).filter(([name]) => !NOT_WRITTEN.includes(name)));
	TOLD.forEach((name) => delete copy.notification?.[name]);
	return copy;
}

/** @param {any} one */
function about(one) {
	return [...(one.entities ?? []).map((/** @type {any} */ entity) => entity.id ? shortName(entity.id) : entity.idPattern ?? typeName(entity.type)), ...(one.watchedAttributes ?? []), one.q].filter(Boolean).join(" · ");
}

/** @param {{one: any, reload: () => void, edit: () => void}} props */
function Subscription({ one, reload, edit }) {
	const path = `${PATH}/${encodeURIComponent(one.id)}`, told = one.notification ?? {};
	const paused = one.isActive === false || one.status === "paused";
	return html`<${Card} title=${one.subscriptionName || shortName(one.id)} actions=${may("subscriptions:write") && html`
			<${Action} icon=${paused ? "play" : "pause"} onClick=${() => send("PATCH", path, { type: "Subscription", isActive: paused }).then(reload)}>${paused ? t("subscriptions.resume") : t("subscriptions.pause")}<//>
			<button type="button" onClick=${edit}>${t("common.edit")}</button>
			<${Action} icon="trash" kind="danger" confirm=${t("subscriptions.removeAsk", { name: one.subscriptionName || one.id })} onClick=${() => send("DELETE", path).then(reload)}>${t("common.remove")}<//>`}>
		<p class="row"><${Badge} kind=${MOODS[one.status]}>${one.status}<//>${told.status && html`<${Badge} kind=${MOODS[told.status]}>${t("subscriptions.delivery", { status: told.status })}<//>`}
			<span class="quiet">${about(one)}</span></p>
		<dl class="facts"><dt>${t("subscriptions.endpoint")}</dt><dd>${told.endpoint?.uri}</dd>
			<dt>${t("subscriptions.sent")}</dt><dd>${number(told.timesSent ?? 0)} · <${Age} at=${told.lastNotification} /></dd>
			<dt>${t("subscriptions.failed")}</dt><dd>${number(told.timesFailed ?? 0)} · <${Age} at=${told.lastFailure} /></dd></dl>
		<details><summary>${t("common.document")}</summary><${Code} text=${JSON.stringify(one, null, 2)} label=${t("common.document")} /></details>
	<//>`;
}

export default function Subscriptions() {
	const resource = useResource((signal) => get(`${PATH}?limit=1000`, { signal }), [], { refreshMs: 5000 });
	const [editing, setEditing] = useState(/** @type {any} */ (null));
	const save = async (/** @type {any} */ document) => {
		await (editing.id ? send("PATCH", `${PATH}/${encodeURIComponent(editing.id)}`, document) : send("POST", PATH, document));
		resource.reload();
	};
	return html`<${Page} title=${t("subscriptions.title")} lead=${t("subscriptions.lead")} actions=${may("subscriptions:write") && html`
			<button type="button" class="primary" onClick=${() => setEditing({})}><${Icon} name="plus" />${t("subscriptions.add")}</button>`}>
		<${Resource} resource=${resource} lines=${6} empty=${t("subscriptions.empty")}>${(/** @type {any[]} */ all) => html`<div class="stack">${all.map((one) => html`
			<${Subscription} key=${one.id} one=${one} reload=${resource.reload} edit=${() => setEditing(one)} />`)}</div>`}<//>
		${editing && html`<${Editor} title=${editing.id ? t("common.edit") : t("subscriptions.add")} help=${t("subscriptions.help")} document=${editing.id ? writable(editing) : FRESH} save=${save} close=${() => setEditing(null)} />`}
	<//>`;
}
