// Other context sources: what each says that it knows, and in which mode it is asked.
import { html, useState } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { get, ROOT, send } from "../core/api.js";
import { Editor } from "../core/documents.js";
import { useResource } from "../core/hooks.js";
import { may } from "../core/session.js";
import { Action, Age, Badge, Card, Code, Icon, Page, Resource, shortName, typeName } from "../core/ui.js";

const PATH = `${ROOT}/csourceRegistrations`;
const FRESH = { type: "ContextSourceRegistration", registrationName: "", mode: "inclusive", operations: ["retrieveOps"],
	information: [{ entities: [{ type: "Vehicle" }] }], endpoint: "http://127.0.0.1:9090" };
const NOT_WRITTEN = ["id", "status", "createdAt", "modifiedAt", "timesSent", "timesFailed", "lastSuccess", "lastFailure"];

/** @param {any} one */
const writable = (one) => Object.fromEntries(Object.entries(one).filter(([name]) => !NOT_WRITTEN.includes(name)));

/** @param {any} one */
function about(one) {
	return (one.information ?? []).flatMap((/** @type {any} */ part) => [...(part.entities ?? []).map((/** @type {any} */ entity) => entity.id ? shortName(entity.id) : entity.idPattern ?? typeName(entity.type)),
		...(part.propertyNames ?? []), ...(part.relationshipNames ?? [])]).join(" · ");
}

export default function Registrations() {
	const resource = useResource((signal) => get(`${PATH}?type=*&limit=1000`, { signal }), [], { refreshMs: 10000 });
	const [editing, setEditing] = useState(/** @type {any} */ (null));
	const save = async (/** @type {any} */ document) => {
		await (editing.id ? send("PATCH", `${PATH}/${encodeURIComponent(editing.id)}`, document) : send("POST", PATH, document));
		resource.reload();
	};
	return html`<${Page} title=${t("registrations.title")} lead=${t("registrations.lead")} actions=${may("registrations:write") && html`
			<button type="button" class="primary" onClick=${() => setEditing({})}><${Icon} name="plus" />${t("registrations.add")}</button>`}>
		<${Resource} resource=${resource} lines=${6} empty=${t("registrations.empty")}>${(/** @type {any[]} */ all) => html`<div class="stack">${all.map((one) => html`
			<${Card} key=${one.id} title=${one.registrationName || shortName(one.id)} actions=${may("registrations:write") && html`
				<button type="button" onClick=${() => setEditing(one)}>${t("common.edit")}</button>
				<${Action} icon="trash" kind="danger" confirm=${t("registrations.removeAsk", { name: one.registrationName || one.id })} onClick=${() => send("DELETE", `${PATH}/${encodeURIComponent(one.id)}`).then(resource.reload)}>${t("common.remove")}<//>`}>
				<p class="row"><${Badge}>${one.mode ?? "inclusive"}<//>${one.status && html`<${Badge} kind=${one.status === "ok" || one.status === "active" ? "good" : "bad"}>${one.status}<//>`}<span class="quiet">${about(one)}</span></p>
				<dl class="facts"><dt>${t("registrations.endpoint")}</dt><dd>${one.endpoint}</dd>
					<dt>${t("registrations.asked")}</dt><dd>${number(one.timesSent ?? 0)} · <${Age} at=${one.lastSuccess} /></dd>
					<dt>${t("registrations.failed")}</dt><dd>${number(one.timesFailed ?? 0)} · <${Age} at=${one.lastFailure} /></dd></dl>
				<details><summary>${t("common.document")}</summary><${Code} text=${JSON.stringify(one, null, 2)} label=${t("common.document")} /></details>
			<//>`)}</div>`}<//>
		${editing && html`<${Editor} title=${editing.id ? t("common.edit") : t("registrations.add")} help=${t("registrations.help")} document=${editing.id ? writable(editing) : FRESH} save=${save} close=${() => setEditing(null)} />`}
	<//>`;
}
