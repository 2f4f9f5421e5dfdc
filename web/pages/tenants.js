// The tenants: what each holds, and which one is looked at.
import { html } from "../core/html.js";
import { bytes, number, t } from "../core/i18n.js";
import { ask, tenant } from "../core/api.js";
import { useResource, useSignal } from "../core/hooks.js";
import { parseMetrics, sumOf } from "../core/metrics.js";
import { Badge, Page, Resource, Table } from "../core/ui.js";

const COLUMNS = /** @type {[string, string, (value: number) => string][]} */ ([
	["entities", "machi_store_entities", number], ["history", "machi_store_history_rows", number],
	["database", "machi_store_database_bytes", bytes], ["log", "machi_store_wal_bytes", bytes],
	["writes", "machi_store_writes_total", number], ["waiting", "machi_store_queue_depth", number],
]);

export default function Tenants() {
	const chosen = useSignal(tenant);
	const resource = useResource(async (signal) => parseMetrics(await (await ask("/metrics", { signal, accept: "text/plain" })).text()), [], { refreshMs: 10000 });
	return html`<${Page} title=${t("tenants.title")} lead=${t("tenants.lead")}>
		<${Resource} resource=${resource} lines=${6}>${(/** @type {any[]} */ samples) => {
			const names = [...new Set(samples.filter(({ name }) => name === "machi_store_entities").map(({ labels }) => labels.tenant))].sort();
			return html`<${Table} caption=${t("tenants.title")} rows=${names} rowKey=${(/** @type {string} */ name) => name}
				columns=${[{ key: "name", title: t("tenants.name") }, ...COLUMNS.map(([key]) => ({ key, title: t(`tenants.${key}`), number: true })), { key: "look", title: t("tenants.looked") }]}
				cell=${(/** @type {string} */ name, /** @type {string} */ key) => {
					const column = COLUMNS.find(([one]) => one === key);
					return column ? column[2](sumOf(samples, column[1], { tenant: name }) ?? 0) : key === "name" ? name || t("tenants.default")
						: name === chosen ? html`<${Badge} kind="good">${t("tenants.here")}<//>`
						: html`<button type="button" onClick=${() => tenant.set(name)}>${t("tenants.look", { name: name || t("tenants.default") })}</button>`;
				}} />`;
		}}<//>
	<//>`;
}
