// Attributes of entities over time, side by side: by ranges, zoomed into, as a picture by hour and weekday, taken along as CSV or PNG.
import { html, useState } from "../core/html.js";
import { dateTime, number, t, weekdays } from "../core/i18n.js";
import { entities, get, ROOT } from "../core/api.js";
import { Chart } from "../core/chart.js";
import { useResource } from "../core/hooks.js";
import { entityPath, setQuery } from "../core/router.js";
import { byHour, loadSeries, RANGES } from "../core/series.js";
import { Card, Choice, Field, Icon, Page, Resource, shortName } from "../core/ui.js";

const SERIES_MAX = 6;
const STEPS = 5; // shades of the heat map

/** What is compared: "id attribute" each. @param {URLSearchParams} query @returns {{id: string, name: string}[]} */
function chosen(query) {
	return query.getAll("s").slice(0, SERIES_MAX).map((text) => ({ id: text.slice(0, text.lastIndexOf(" ")), name: text.slice(text.lastIndexOf(" ") + 1) }));
}

/** @param {{id: string, name: string}[]} series */
function put(series) {
	const query = new URLSearchParams(location.search);
	query.delete("s");
	series.forEach(({ id, name }) => query.append("s", `${id} ${name}`));
	setQuery({});
	history.replaceState(null, "", `${location.pathname}?${query}`);
	setQuery({});
}

/** @param {URLSearchParams} query @returns {{from: number, to: number} | null} */
function rangeOf(query) {
	const from = Number(query.get("from")), to = Number(query.get("to"));
	if (from && to) {
		return { from, to };
	}
	const seconds = RANGES.find(([key]) => key === (query.get("range") ?? "all"))?.[1];
	return seconds ? { from: Date.now() - seconds * 1000, to: Date.now() } : null;
}

/** @param {{series: {id: string, name: string}[]}} props */
function Add({ series }) {
	const [find, setFind] = useState("");
	const [name, setName] = useState("");
	const attributes = useResource((signal) => get(`${ROOT}/attributes`, { signal }), []);
	const matches = useResource(async (signal) => find.length < 2 ? { entities: [] } : entities(/^[a-z]+:/i.test(find) ? { idPattern: `^${find.replace(/[.*+?^$()[\]{}|\\]/g, "\\$&")}`, limit: 20, pick: "id,type,name", options: "keyValues" }
		: { q: `name~="${find.replace(/["\\]/g, "")}"`, limit: 20, pick: "id,type,name", options: "keyValues" }, { signal }), [find]);
	const names = (attributes.data?.attributeList ?? []).filter((/** @type {string} */ one) => /^\w+$/.test(one));
	const add = (/** @type {Event} */ event) => {
		event.preventDefault();
		const id = matches.data?.entities[0]?.id ?? find;
		put([...series, { id, name }]);
	};
	return html`<form class="card" onSubmit=${add}><div class="grid">
		<${Field} label=${t("history.entity")} help=${matches.data?.entities[0] ? `${matches.data.entities[0].name ?? ""} ${matches.data.entities[0].id}` : t("history.entityHelp")} value=${find} onInput=${setFind} required
			list=${(matches.data?.entities ?? []).map((/** @type {any} */ one) => one.id)} autocomplete="off" />
		<${Field} label=${t("history.attribute")} help=${t("history.attributeHelp")} value=${name} onInput=${setName} required list=${names} autocomplete="off" /></div>
		<div class="actions"><button class="primary" disabled=${series.length >= SERIES_MAX}><${Icon} name="plus" />${t("history.add")}</button></div></form>`;
}

/** Means by hour and weekday, by shades and as numbers. @param {{points: [number, number][], unit: string, label: string}} props */
function Heat({ points, unit, label }) {
	const cells = byHour(points), values = cells.flat().filter((value) => value !== undefined);
	const low = Math.min(...values), high = Math.max(...values), days = weekdays();
	const shade = (/** @type {number} */ value) => Math.min(STEPS, 1 + Math.floor((value - low) / (high - low || 1) * STEPS));
	return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${label}><table class="heat"><caption>${label} ${unit && `(${unit})`}</caption>
		<thead><tr><th scope="col"><span class="visually-hidden">${t("history.day")}</span></th>${Array.from({ length: 24 }, (_, hour) => html`<th scope="col" key=${hour}>${hour}</th>`)}</tr></thead>
		<tbody>${cells.map((day, at) => html`<tr key=${at}><th scope="row">${days[at]}</th>${day.map((value, hour) => html`<td key=${hour} class=${value === undefined ? "" : `shade-${shade(value)}`}>${value === undefined ? "" : number(value, { maximumSignificantDigits: 3 })}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** @param {{query: URLSearchParams}} props */
export default function History({ query }) {
	const series = chosen(query), range = rangeOf(query), key = query.get("range") ?? "all";
	const zoomed = Boolean(query.get("from"));
	const methods = series.length > 1 ? ["avg"] : ["avg", "min", "max"];
	const resource = useResource(async (signal) => (await Promise.all(series.map(async ({ id, name }) => (await loadSeries(id, name, range, methods, signal))
		.map((line) => ({ ...line, label: series.length > 1 ? `${shortName(id)} ${line.label}` : line.label }))))).flat(), [query.toString()]);
	return html`<${Page} title=${t("history.title")} lead=${t("history.lead")}>
		<${Add} series=${series} />
		${series.length > 0 && html`<ul class="list">${series.map(({ id, name }, at) => html`<li key=${id + name} class="row"><a href=${entityPath(id)}>${shortName(id)}</a> ${name}
			<button type="button" class="plain" aria-label=${t("history.without", { name: `${shortName(id)} ${name}` })} onClick=${() => put(series.filter((_, other) => other !== at))}><${Icon} name="close" /></button></li>`)}</ul>`}
		<div class="row"><${Choice} label=${t("history.range")} value=${zoomed ? "" : key} options=${RANGES.map(([one]) => [one, t(`history.ranges.${one}`)])} onChange=${(/** @type {string} */ one) => setQuery({ range: one, from: null, to: null })} />
			${zoomed && range && html`<span class="quiet">${dateTime(range.from)} – ${dateTime(range.to)}</span>`}</div>
		${series.length === 0 ? html`<div class="empty">${t("history.empty")}</div>` : html`<${Resource} resource=${resource} lines=${8} empty=${t("history.none")}>${(/** @type {any[]} */ lines) => html`
			<${Card} title=${t("history.overTime")}><${Chart} series=${lines} title=${series.map(({ id, name }) => `${shortName(id)} ${name}`).join(", ")}
				onZoom=${(/** @type {number} */ from, /** @type {number} */ to) => setQuery({ from: Math.round(from), to: Math.round(to) }, { push: true })} /><//>
			<${Card} title=${t("history.byHour")}><${Heat} points=${lines[0].points} unit=${lines[0].unit} label=${lines[0].label} /><//>`}<//>`}
	<//>`;
}
