// The entities of the city: found by type, text, query language and place; what is looked for is in the address.
import { html, useEffect, useState } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { entities, get, ROOT } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { entityPath, setQuery } from "../core/router.js";
import { Field, Icon, Page, Resource, Table, shortName, typeName } from "../core/ui.js";

const PAGE = 50;
const TOLD = 4; // attributes beside the name
const SKIPPED = ["id", "type", "name", "location", "@context"];

/** A POSIX expression that finds the text in capitals or not. @param {string} text */
export function anyCase(text) {
	return [...text].map((letter) => {
		const [low, high] = [letter.toLowerCase(), letter.toUpperCase()];
		return low !== high && low.length === 1 && high.length === 1 ? `[${low}${high}]` : /[\\^$.|?*+()[\]{}"]/.test(letter) ? `\\${letter}` : letter;
	}).join("");
}

/** What is asked of the API. @param {URLSearchParams} query */
function parametersOf(query) {
	const find = query.get("find")?.trim(), q = query.get("q")?.trim(), type = query.get("type");
	const lon = query.get("lon"), lat = query.get("lat"), within = query.get("within");
	const byId = find && /^[a-z][a-z0-9+.-]*:/i.test(find);
	const terms = [q && `(${q})`, find && !byId && `name~="${anyCase(find)}"`].filter(Boolean);
	return {
		type: type || undefined, idPattern: byId ? `^${anyCase(find)}` : undefined, q: terms.join(";") || undefined, local: type || terms.length || byId ? undefined : true,
		...(lon && lat && within ? { georel: `near;maxDistance==${within}`, geometry: "Point", coordinates: `[${lon},${lat}]` } : {}),
		limit: PAGE, offset: (Number(query.get("page") ?? 1) - 1) * PAGE, options: "keyValues",
	};
}

/** Attributes that most of these have and that fit into a cell. @param {any[]} rows @returns {string[]} */
function telling(rows) {
	/** @type {Map<string, number>} */
	const counts = new Map();
	for (const [name, value] of rows.flatMap((row) => Object.entries(row))) {
		if (!SKIPPED.includes(name) && (typeof value === "number" || typeof value === "boolean" || typeof value === "string" && !value.startsWith("urn:"))) {
			counts.set(name, (counts.get(name) ?? 0) + (typeof value === "number" ? 1.5 : 1));
		}
	}
	return [...counts].sort((a, b) => b[1] - a[1]).slice(0, TOLD).map(([name]) => name);
}

/** @param {{query: URLSearchParams}} props */
function Search({ query }) {
	const types = useResource((signal) => get(`${ROOT}/types`, { signal }), []);
	const [typed, setTyped] = useState(() => Object.fromEntries(["find", "q", "lon", "lat", "within"].map((name) => [name, query.get(name) ?? ""])));
	const put = (/** @type {string} */ name) => (/** @type {string} */ value) => setTyped({ ...typed, [name]: value });
	useEffect(() => {
		setTyped(Object.fromEntries(["find", "q", "lon", "lat", "within"].map((name) => [name, query.get(name) ?? ""])));
	}, [query]);
	const submit = (/** @type {Event} */ event) => {
		event.preventDefault();
		setQuery({ ...typed, page: null }, { push: true });
	};
	const here = () => navigator.geolocation.getCurrentPosition(({ coords }) => setTyped({ ...typed, lon: coords.longitude.toFixed(5), lat: coords.latitude.toFixed(5), within: typed.within || "500" }));
	const list = types.data?.typeList ?? [];
	const type = query.get("type") ?? "";
	return html`<form class="card" onSubmit=${submit}>
		<div class="grid">
			<${Field} label=${t("entities.type")} value=${type} options=${[["", t("common.all")], ...[...new Set([...list, ...(type ? [type] : [])])].map((one) => [one, typeName(one)])]}
				onInput=${(/** @type {string} */ value) => setQuery({ type: value, page: null }, { push: true })} />
			<${Field} label=${t("entities.find")} help=${t("entities.findHelp")} type="search" value=${typed.find} onInput=${put("find")} />
			<${Field} label=${t("entities.q")} help=${t("entities.qHelp")} value=${typed.q} onInput=${put("q")} spellcheck=${false} autocomplete="off" />
		</div>
		<details open=${Boolean(typed.lon)}><summary>${t("entities.near")}</summary><div class="grid">
			<${Field} label=${t("entities.lon")} type="number" step="any" min=${-180} max=${180} value=${typed.lon} onInput=${put("lon")} />
			<${Field} label=${t("entities.lat")} type="number" step="any" min=${-90} max=${90} value=${typed.lat} onInput=${put("lat")} />
			<${Field} label=${t("entities.within")} type="number" min=${1} value=${typed.within} onInput=${put("within")} />
			<div class="actions"><button type="button" onClick=${here}>${t("entities.here")}</button></div></div></details>
		<div class="actions"><button class="primary"><${Icon} name="search" />${t("entities.search")}</button></div>
	</form>`;
}

/** @param {{page: number, total: number}} props */
function Paging({ page, total }) {
	const last = Math.max(1, Math.ceil(total / PAGE));
	return html`<nav class="actions" aria-label=${t("entities.paging")}>
		<button type="button" disabled=${page <= 1} onClick=${() => setQuery({ page: page - 1 }, { push: true })}>${t("entities.previous")}</button>
		<span>${t("entities.page", { page, last })}</span>
		<button type="button" disabled=${page >= last} onClick=${() => setQuery({ page: page + 1 }, { push: true })}>${t("entities.next")}</button></nav>`;
}

/** @param {{query: URLSearchParams}} props */
export default function Entities({ query }) {
	const page = Math.max(1, Number(query.get("page") ?? 1));
	const resource = useResource((signal) => entities(parametersOf(query), { signal }), [query.toString()]);
	return html`<${Page} title=${t("entities.title")} lead=${t("entities.lead")}>
		<${Search} query=${query} />
		<${Resource} resource=${resource} lines=${10} isEmpty=${(/** @type {any} */ found) => found.total === 0} empty=${t("entities.none")}>${(/** @type {any} */ { entities: rows, total }) => {
			const names = telling(rows);
			return html`<div class="row"><strong role="status">${t("entities.count", { count: total })}</strong></div>
				<${Table} caption=${t("entities.title")} rows=${rows} rowKey=${(/** @type {any} */ row) => row.id}
					columns=${[{ key: "name", title: t("entities.name") }, { key: "type", title: t("entities.type") }, ...names.map((name) => ({ key: name, title: name, number: rows.some((/** @type {any} */ row) => typeof row[name] === "number") }))]}
					cell=${(/** @type {any} */ row, /** @type {string} */ key) => key === "name" ? html`<a href=${entityPath(row.id)}>${typeof row.name === "string" ? row.name : shortName(row.id)}</a>`
						: key === "type" ? [row.type].flat().map(typeName).join(", ") : typeof row[key] === "number" ? number(row[key]) : String(row[key] ?? "")} />
				<${Paging} page=${page} total=${total} />`;
		}}<//>
	<//>`;
}
