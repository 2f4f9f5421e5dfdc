// One entity: every attribute with unit and age, its history as a picture, what it refers to and what refers to it, where it is,
// and the document itself.
import { html, useEffect, useState } from "../core/html.js";
import { dateTime, number, t } from "../core/i18n.js";
import { entities, get, query as queryOf, ROOT, tenant } from "../core/api.js";
import { Chart } from "../core/chart.js";
import { useResource } from "../core/hooks.js";
import { entityPath, setQuery } from "../core/router.js";
import { Stream } from "../core/stream.js";
import { Age, Badge, Card, Choice, Code, Page, Resource, Trouble, shortName, typeName } from "../core/ui.js";
import { loadSeries, RANGES } from "../core/series.js";
import { quantity, symbol } from "../core/units.js";

const REFERRERS = 10;

/** @typedef {{name: string, instance: any}} Attribute an instance each */

/** @param {any} entity @returns {Attribute[]} */
function attributesOf(entity) {
	return Object.entries(entity).filter(([name]) => !["id", "type", "scope", "@context", "createdAt", "modifiedAt"].includes(name))
		.flatMap(([name, value]) => [value].flat().filter((one) => one && typeof one === "object" && one.type).map((instance) => ({ name, instance })));
}

/** @param {{value: any, unit?: string}} props */
function Value({ value, unit }) {
	if (typeof value === "number") {
		return html`<strong>${quantity(value, unit, { maximumFractionDigits: 6 })}</strong>`;
	}
	if (typeof value === "string" || typeof value === "boolean") {
		return html`${String(value)} ${symbol(unit)}`;
	}
	if (value?.type === "Point") {
		return html`${value.coordinates[1]}°, ${value.coordinates[0]}°`;
	}
	const text = JSON.stringify(value, null, 1);
	return text.length < 120 ? html`<code>${text}</code>` : html`<details><summary>${value?.type ?? t("entity.structure")}</summary><pre tabindex="0">${text.slice(0, 20000)}</pre></details>`;
}

/** @param {{instance: any}} props */
function Shown({ instance }) {
	if (instance.type === "Relationship" || instance.type === "ListRelationship") {
		return html`${[instance.object ?? instance.objectList].flat().map((id) => {
			const to = typeof id === "string" ? id : id?.object;
			return html`<a key=${to} href=${entityPath(to)}>${shortName(to)}</a> `;
		})}`;
	}
	if (instance.type === "LanguageProperty") {
		return html`${Object.entries(instance.languageMap).map(([tag, text]) => html`<span key=${tag} lang=${tag}>${text}</span> `)}`;
	}
	return html`<${Value} value=${instance.value ?? instance.json ?? instance.vocab ?? instance.valueList} unit=${instance.unitCode} />`;
}

/** Attributes of an attribute, beside those that have a place of their own. @param {any} instance */
function moreOf(instance) {
	const known = ["type", "value", "object", "unitCode", "observedAt", "createdAt", "modifiedAt", "languageMap", "json", "vocab", "valueList", "objectList", "objectType"];
	return Object.entries(instance).filter(([name]) => !known.includes(name));
}

/** A value of an attribute of an attribute in a line. @param {any} value @returns {string} */
function plain(value) {
	const inside = value?.value ?? value?.object ?? value?.["@value"];
	return inside !== undefined ? plain(inside) : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {{entity: any}} props */
function Attributes({ entity }) {
	return html`<${Card} title=${t("entity.attributes")}><dl class="facts">${attributesOf(entity).map(({ name, instance }, at) => html`
		<dt key=${at}>${name}</dt><dd><${Shown} instance=${instance} />
			<span class="quiet"> · <${Age} at=${instance.observedAt ?? instance.modifiedAt} />${instance.observedAt ? "" : ` ${t("entity.changed")}`}</span>
			${moreOf(instance).map(([more, value]) => html` <${Badge} key=${more}>${more}: ${plain(value)}<//>`)}
		</dd>`)}</dl><//>`;
}

/** @param {{entity: any, query: URLSearchParams}} props */
function History({ entity, query }) {
	const numbers = attributesOf(entity).filter(({ instance }) => typeof instance.value === "number");
	const name = query.get("attr") ?? numbers[0]?.name;
	const range = query.get("range") ?? "all", seconds = RANGES.find(([key]) => key === range)?.[1];
	const resource = useResource(async (signal) => name ? loadSeries(entity.id, name, seconds ? { from: Date.now() - seconds * 1000, to: Date.now() } : null, ["avg", "min", "max"], signal) : [], [entity.id, name, range]);
	if (!name) {
		return null;
	}
	return html`<${Card} title=${t("entity.history")} actions=${html`<a class="button" href=${`/history?${queryOf({ s: `${entity.id} ${name}` })}`}>${t("entity.compare")}</a>`}>
		<div class="row">
			<${Choice} label=${t("entity.attribute")} value=${name} options=${[...new Set(numbers.map((one) => one.name))].map((one) => [one, one])} onChange=${(/** @type {string} */ attr) => setQuery({ attr })} />
			<${Choice} label=${t("entity.range")} value=${range} options=${RANGES.map(([key]) => [key, t(`history.ranges.${key}`)])} onChange=${(/** @type {string} */ wanted) => setQuery({ range: wanted })} /></div>
		<${Resource} resource=${resource} empty=${t("entity.noHistory")}>${(/** @type {any} */ series) => html`<${Chart} series=${series} title=${`${String(entity.name?.value ?? shortName(entity.id))} ${name}`} />`}<//>
	<//>`;
}

/** Names of attributes that are relationships. @param {AbortSignal} signal @returns {Promise<string[]>} */
async function loadRelationships(signal) {
	const names = /** @type {string[]} */ ((await get(`${ROOT}/attributes`, { signal })).attributeList).filter((name) => /^\w+$/.test(name));
	const all = await Promise.all(names.map((name) => get(`${ROOT}/attributes/${name}`, { signal })));
	return names.filter((_, at) => all[at].attributeTypes?.includes("Relationship"));
}

/** @param {{id: string, relationships: string[]}} props */
function Referrers({ id, relationships }) {
	const resource = useResource(async (signal) => (await Promise.all(relationships.map(async (name) =>
		({ name, ...(await entities({ q: `${name}=="${id}"`, limit: REFERRERS, pick: "id,type,name", options: "keyValues" }, { signal })) })))).filter((one) => one.total), [id, relationships.join()]);
	return html`<${Card} title=${t("entity.referrers")}><${Resource} resource=${resource} empty=${t("entity.noReferrers")}>${(/** @type {any[]} */ found) =>
		html`<dl class="facts">${found.map(({ name, entities: rows, total }) => html`<dt key=${name}>${name} <span class="quiet">${number(total)}</span></dt>
			<dd>${rows.map((/** @type {any} */ row) => html`<a key=${row.id} href=${entityPath(row.id)}>${typeof row.name === "string" ? row.name : shortName(row.id)}</a> `)}
			${total > rows.length && html`<a href=${`/entities?${queryOf({ q: `${name}=="${id}"` })}`}>${t("entity.allOfThem")}</a>`}</dd>`)}</dl>`}<//><//>`;
}

/** @param {{entity: any}} props */
function Where({ entity }) {
	const geometry = attributesOf(entity).find(({ instance }) => instance.type === "GeoProperty")?.instance.value;
	const [part, setPart] = useState(/** @type {any} */ (null));
	const [trouble, setTrouble] = useState(/** @type {any} */ (null));
	useEffect(() => {
		if (geometry) {
			import("../core/map.js").then(setPart, setTrouble);
		}
	}, [Boolean(geometry)]);
	if (!geometry || trouble) {
		return trouble && html`<${Trouble} error=${trouble} />`;
	}
	const onMap = (/** @type {any} */ map) => {
		part.showKind(map, "here", [{ id: entity.id, location: geometry }], part.kindColour(0));
		map.fitBounds(part.boundsOf([geometry]), { padding: 40, maxZoom: 15, animate: false });
	};
	return html`<${Card} title=${t("entity.where")}>${part ? html`<${part.CityMap} key=${JSON.stringify(geometry).slice(0, 60)} small label=${`${t("entity.where")}: ${shortName(entity.id)}`} onMap=${onMap} home=${() => part.boundsOf([geometry])} />` : html`<div class="map map-small skeleton"></div>`}<//>`;
}

/** @param {{rest: string, query: URLSearchParams}} props */
export default function Entity({ rest: id, query }) {
	const path = `${ROOT}/entities/${encodeURIComponent(id)}`;
	const resource = useResource((signal) => get(`${path}?options=sysAttrs`, { signal }), [id]);
	const relations = useResource(loadRelationships, []);
	const { reload } = resource;
	useEffect(() => {
		let due = 0;
		const stream = new Stream({ id, type: "*" }, { entity: () => {
			due ||= setTimeout(() => {
				due = 0;
				reload();
			}, 500);
		}, reset: reload });
		return () => {
			clearTimeout(due);
			stream.close();
		};
	}, [id]);
	const relationships = relations.data ?? [];
	const entity = resource.data;
	const header = tenant.get() ? ` -H 'NGSILD-Tenant: ${tenant.get()}'` : "";
	return html`<${Page} title=${entity ? String(entity.name?.value ?? shortName(id)) : shortName(id)}
		lead=${html`<a href="/entities">${t("entities.title")}</a>${entity && html` · ${[entity.type].flat().map((type) => html`<a key=${type} href=${`/entities?type=${encodeURIComponent(type)}`}>${typeName(type)}</a> `)}`} · <code>${id}</code>`}>
		<${Resource} resource=${resource} lines=${12}>${(/** @type {any} */ found) => html`
			<div class="grid"><${Attributes} entity=${found} /><${Where} entity=${found} /></div>
			<${History} entity=${found} query=${query} />
			${relationships.length > 0 && html`<${Referrers} id=${id} relationships=${relationships} />`}
			<${Card} title=${t("entity.curl")}><${Code} text=${`curl -g${header} -H 'Accept: application/ld+json' '${location.origin}${path}'`} label="curl" /><//>
			<${Card} title=${t("entity.document")}><p class="quiet">${t("entity.times", { created: dateTime(found.createdAt), changed: dateTime(found.modifiedAt) })}</p>
				<${Code} text=${JSON.stringify(found, null, 2)} label=${t("entity.document")} /><//>`}<//>
	<//>`;
}
