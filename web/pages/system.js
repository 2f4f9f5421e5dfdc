// How the daemon is: what it costs, how fast it answers, what the stores hold, by its own figures (/metrics).
import { html, useRef } from "../core/html.js";
import { bytes, duration, number, t } from "../core/i18n.js";
import { ask } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { parseMetrics, quantileOf, sumOf } from "../core/metrics.js";
import { Card, Code, Figure, Page, Resource, Table } from "../core/ui.js";

const REFRESH_MS = 3000;
const LATENCY = "machi_api_request_duration_seconds";

/** How much a counter grew a second. @param {any[]} now @param {{at: number, samples: any[]} | null} before @param {string} name @param {number} at */
function rateOf(now, before, name, at) {
	const value = sumOf(now, name), earlier = before ? sumOf(before.samples, name) : undefined;
	return before && value !== undefined && earlier !== undefined && value >= earlier ? (value - earlier) * 1000 / (at - before.at) : undefined;
}

/** @param {{samples: any[], before: any, at: number}} props */
function Figures({ samples, before, at }) {
	const p99 = quantileOf(samples, LATENCY, 0.99, before?.samples) ?? quantileOf(samples, LATENCY, 0.99);
	return html`<div class="figures">
		<${Figure} label=${t("system.uptime")} value=${duration(sumOf(samples, "machi_uptime_seconds") ?? 0)} at=${at} note=${`Machi ${samples.find(({ name }) => name === "machi_build_info")?.labels.version}`} />
		<${Figure} label=${t("system.memory")} value=${bytes(sumOf(samples, "process_resident_memory_bytes") ?? 0)} at=${at} />
		<${Figure} label=${t("system.requests")} value=${rateOf(samples, before, "machi_http_requests_total", at)} unit="/s" at=${at} note=${t("system.all", { count: sumOf(samples, "machi_http_requests_total") ?? 0 })} />
		<${Figure} label=${t("system.latency")} value=${p99 === undefined ? "–" : p99 * 1000} unit="ms" at=${at} />
		<${Figure} label=${t("system.errors")} value=${sumOf(samples, "machi_http_responses_5xx_total") ?? 0} at=${at} />
		<${Figure} label=${t("system.connections")} value=${sumOf(samples, "machi_http_connections_open") ?? 0} at=${at} note=${t("system.refused", { count: sumOf(samples, "machi_http_connections_refused_total") ?? 0 })} />
	</div>`;
}

/** @param {{samples: any[]}} props */
function Operations({ samples }) {
	/** @type {Map<string, any>} */
	const rows = new Map();
	for (const { labels, value } of samples.filter(({ name }) => name === "machi_api_requests_total")) {
		const row = rows.get(labels.operation) ?? { operation: labels.operation, count: 0, failed: 0 };
		row.count += value;
		row.failed += /^[45]/.test(labels.code) ? value : 0;
		rows.set(labels.operation, row);
	}
	const list = [...rows.values()].sort((a, b) => b.count - a.count);
	return html`<${Card} title=${t("system.operations")}><${Table} caption=${t("system.operations")} rows=${list} rowKey=${(/** @type {any} */ row) => row.operation}
		columns=${[{ key: "operation", title: t("system.operation") }, { key: "count", title: t("system.count"), number: true }, { key: "failed", title: t("system.failed"), number: true }]}
		cell=${(/** @type {any} */ row, /** @type {string} */ key) => typeof row[key] === "number" ? number(row[key]) : row[key]} /><//>`;
}

export default function System() {
	const before = useRef(/** @type {{at: number, samples: any[]}[]} */ ([]));
	const resource = useResource(async (signal) => {
		const samples = parseMetrics(await (await ask("/metrics", { signal, accept: "text/plain" })).text());
		before.current = [...before.current.slice(-1), { at: Date.now(), samples }];
		return samples;
	}, [], { refreshMs: REFRESH_MS });
	return html`<${Page} title=${t("system.title")} lead=${t("system.lead")}>
		<${Resource} resource=${resource} lines=${8}>${(/** @type {any[]} */ samples) => html`
			<${Figures} samples=${samples} before=${before.current.length > 1 ? before.current[0] : null} at=${resource.at} />
			<${Operations} samples=${samples} />
			<${Card} title=${t("system.inForce")}><p>${t("system.inForceHelp")}</p><${Code} text="machi config show" /><//>`}<//>
	<//>`;
}
