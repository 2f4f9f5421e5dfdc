// Who changed what, the latest first.
import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { get, query as queryOf } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { setQuery } from "../core/router.js";
import { Age, Badge, Field, Page, Resource, Table } from "../core/ui.js";

const SHOWN = 100;

/** @param {{query: URLSearchParams}} props */
export default function Audit({ query }) {
	const account = query.get("account") ?? "", action = query.get("action") ?? "", before = query.get("before") ?? "";
	const resource = useResource((signal) => get(`/api/v1/audit?${queryOf({ account, action, before, limit: SHOWN })}`, { signal }), [account, action, before], { refreshMs: before ? 0 : 10000 });
	return html`<${Page} title=${t("audit.title")} lead=${t("audit.lead")}>
		<div class="filters"><${Field} label=${t("accounts.name")} value=${account} onInput=${(/** @type {string} */ value) => setQuery({ account: value, before: "" })} />
			<${Field} label=${t("audit.action")} value=${action} onInput=${(/** @type {string} */ value) => setQuery({ action: value, before: "" })} help=${t("audit.actionHelp")} /></div>
		<${Resource} resource=${resource} lines=${8} isEmpty=${(/** @type {any} */ data) => data.events.length === 0} empty=${t("audit.empty")}>${(/** @type {any} */ data) => html`
			<${Table} caption=${t("audit.title")} rows=${data.events} rowKey=${(/** @type {any} */ row) => String(row.id)}
				columns=${[{ key: "at", title: t("audit.when") }, { key: "account", title: t("accounts.name") }, { key: "action", title: t("audit.action") }, { key: "target", title: t("audit.target") },
					{ key: "status", title: t("audit.status") }, { key: "count", title: t("audit.count"), number: true }, { key: "by", title: t("audit.by") }]}
				cell=${(/** @type {any} */ row, /** @type {string} */ key) => key === "at" ? html`<${Age} at=${row.at} />`
					: key === "status" ? row.status ? html`<${Badge} kind=${row.status < 400 ? "good" : "bad"}>${String(row.status)}<//>` : html`<${Badge}>${t("audit.open")}<//>`
					: key === "count" ? number(row.count) : key === "target" ? html`${row.target ?? ""}${row.tenant ? html` <${Badge}>${row.tenant}<//>` : ""}`
					: key === "by" ? `${row.by ?? ""} ${row.peer ?? ""}` : row[key] ?? ""} />
			${data.events.length === SHOWN && html`<div class="actions"><button type="button" onClick=${() => setQuery({ before: String(data.events[SHOWN - 1].id) }, { push: true })}>${t("audit.earlier")}</button></div>`}`}<//>
	<//>`;
}
