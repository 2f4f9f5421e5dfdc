// The city at a glance: what moves and what stands on the map, live by the stream; the figures of now; what needs attention.
import { html, render, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { allEntities, countEntities, get, ROOT } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { follow, MOVING, placeOf, SHOWN_MOST, Silent } from "../core/moving.js";
import { entityPath, setQuery } from "../core/router.js";
import { may } from "../core/session.js";
import { Age, Badge, Card, Figure, Icon, Notice, Page, Skeleton, Trouble, shortName, typeName } from "../core/ui.js";

const REFRESH_MS = 15000;
const FIRST_KINDS = [MOVING, "OffStreetParking", "GtfsShape"];
const PICK_PX = 18;
const SINGAPORE = "urn:ngsi-ld:GtfsStop:singapore:";

/** @typedef {{type: string, count: number, placed: boolean}} Kind */

/** Types with how many there are and whether they have a place. @param {AbortSignal} signal @returns {Promise<Kind[]>} */
async function loadKinds(signal) {
	const types = /** @type {string[]} */ ((await get(`${ROOT}/types`, { signal })).typeList);
	const kinds = await Promise.all(types.map(async (type) => {
		const [count, [first]] = await Promise.all([countEntities({ type }, { signal }),
			get(`${ROOT}/entities?type=${encodeURIComponent(type)}&limit=1&options=keyValues`, { signal })]);
		return { type, count, placed: Boolean(first && placeOf(first)) };
	}));
	return kinds.filter((kind) => kind.count).sort((a, b) => Number(b.type === MOVING) - Number(a.type === MOVING));
}

/** What needs somebody's attention now. @param {AbortSignal} signal @returns {Promise<{text: string, href: string, kind: string, at?: string}[]>} */
async function loadAttention(signal) {
	const found = [];
	if (may("feeds:read")) {
		for (const feed of (await get("/api/v1/feeds", { signal })).feeds) {
			if (feed.state === "waiting") {
				found.push({ kind: "bad", text: t("city.feedTrouble", { name: feed.name, why: feed.lastError ?? "" }), href: `/feeds/${encodeURIComponent(feed.name)}`, at: feed.lastErrorAt });
			}
		}
	}
	if (may("subscriptions:read")) {
		for (const one of await get(`${ROOT}/subscriptions?limit=1000`, { signal })) {
			if (one.status === "failed" || one.notification?.status === "failed") {
				found.push({ kind: "bad", text: t("city.subscriptionTrouble", { name: one.subscriptionName ?? shortName(one.id) }), href: "/subscriptions", at: one.notification?.lastFailure });
			}
		}
	}
	return found;
}

/** The mean of what a number is in many entities, and their sum. @param {any[]} entities @param {string} name */
function sumOf(entities, name) {
	const values = entities.map((entity) => entity[name]).filter((value) => typeof value === "number");
	return { sum: values.reduce((sum, value) => sum + value, 0), count: values.length };
}

/** How many vehicles there are, how fast, how punctual. @param {any[]} vehicles */
function traffic(vehicles) {
	const speed = sumOf(vehicles, "speed"), delays = vehicles.map(({ scheduledDelay, delay }) => delay ?? scheduledDelay).filter((value) => typeof value === "number");
	return { count: vehicles.length, speed: speed.count ? speed.sum / speed.count : undefined,
		planned: vehicles.filter(({ positionBasis }) => positionBasis === "scheduled").length,
		late: delays.length ? delays.filter((delay) => delay > 300).length / delays.length : undefined };
}

/** @param {{entity: any}} props */
function Told({ entity }) {
	const facts = /** @type {[string, any][]} */ (Object.entries(entity)).filter(([name, value]) => !["id", "type", "name", "location"].includes(name)
		&& ["number", "string"].includes(typeof value) && !String(value).startsWith("urn:")).slice(0, 6);
	return html`<div class="stack"><strong>${String(entity.name ?? shortName(entity.id))}</strong><span class="quiet">${typeName(entity.type)}</span>
		<dl class="facts">${facts.map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${typeof value === "number" ? number(value) : value}</dd>`)}</dl>
		<a href=${entityPath(entity.id)}>${t("city.whole")}</a></div>`;
}

/** @param {{kinds: Kind[], shown: string[], map: any, onTraffic: (told: any) => void}} props map: the module core/map.js */
function Live({ kinds, shown, map: part, onTraffic }) {
	const [state, setState] = useState(/** @type {any} */ (null));
	const [troubles, setTroubles] = useState(/** @type {string[]} */ ([]));
	const here = useRef(/** @type {any} */ (null));
	const data = useRef(/** @type {Map<string, any[]>} */ (new Map())).current;
	const fitted = useRef(false);
	const layer = useMemo(() => {
		const made = new part.MovingLayer("moving");
		made.tint = () => part.kindColour(0);
		return made;
	}, []);
	const [attribution, setAttribution] = useState("");
	const placed = kinds.filter((kind) => kind.placed);

	const home = () => part.boundsOf([...[...data.values()].flat().map((entity) => entity.location),
		...[...layer.things.values()].map((/** @type {any} */ thing) => placeOf(thing.entity))]);
	const fit = () => {
		const box = home();
		if (box && here.current && !fitted.current) {
			here.current.fitBounds(box, { padding: 30, maxZoom: 16, animate: false });
		}
	};

	useEffect(() => {
		let due = 0;
		const tell = () => {
			due ||= setTimeout(() => {
				due = 0;
				onTraffic({ ...traffic([...layer.things.values()].map((/** @type {any} */ thing) => thing.entity)), at: Date.now() });
			}, 1000);
		};
		const followed = follow(layer, tell);
		setState(followed.stream.state);
		followed.load().then(() => {
			fit();
			performance.mark("machi-city-shown");
		}, (error) => setTroubles((old) => [...old, error.message]));
		countEntities({ type: "GtfsStop", idPattern: `^${SINGAPORE}` }).then((count) => setAttribution(count ? t("city.singapore") : ""), () => {});
		return () => {
			clearTimeout(due);
			followed.end();
		};
	}, []);

	const draw = async () => {
		const map = here.current;
		if (!map) {
			return;
		}
		for (const [at, { type }] of placed.entries()) {
			const wanted = shown.includes(type), key = `kind ${type}`;
			if (type === MOVING) {
				if (map.getLayer("moving")) {
					map.setLayoutProperty("moving", "visibility", wanted ? "visible" : "none");
				}
			} else if (!wanted) {
				part.hideKind(map, key);
			} else if (!map.getSource(key)) {
				if (!data.has(type)) {
					data.set(type, []);
					const found = await allEntities({ type, pick: "id,type,name,location,position", options: "keyValues" }, { most: SHOWN_MOST });
					data.set(type, found.map((entity) => ({ ...entity, location: placeOf(entity) })).filter((entity) => entity.location));
				}
				if (here.current === map && !map.getSource(key)) {
					part.showKind(map, key, data.get(type), part.kindColour(at));
				}
			}
		}
	};
	const redraw = () => draw().then(fit, (error) => setTroubles((old) => [...old, error.message]));
	useEffect(() => {
		redraw();
	}, [shown.join(), kinds]);

	const onMap = (/** @type {any} */ map) => {
		here.current = map;
		map.addLayer(layer);
		map.once("dragstart", () => {
			fitted.current = true;
		});
		redraw();
	};
	const close = useRef(() => {});
	const onPick = (/** @type {any} */ map, /** @type {{x: number, y: number}} */ point) => {
		close.current();
		const near = shown.includes(MOVING) ? layer.nearest(point, PICK_PX) : null;
		const box = [[point.x - 8, point.y - 8], [point.x + 8, point.y + 8]];
		const feature = near ? null : map.queryRenderedFeatures(box).find((/** @type {any} */ one) => one.properties.id || one.properties.cluster);
		if (feature?.properties.cluster) {
			map.easeTo({ center: feature.geometry.coordinates, zoom: map.getZoom() + 2, animate: !matchMedia("(prefers-reduced-motion: reduce)").matches });
			return;
		}
		if (!near && !feature) {
			return;
		}
		const content = document.createElement("div");
		close.current = part.popup(map, near?.place ?? map.unproject([point.x, point.y]), content, () => render(null, content));
		if (near) {
			render(html`<${Told} entity=${near.entity} />`, content);
		} else {
			render(html`<${Skeleton} lines=${3} />`, content);
			get(`${ROOT}/entities/${encodeURIComponent(feature.properties.id)}?options=keyValues`).then(
				(entity) => render(html`<${Told} entity=${entity} />`, content), (error) => render(html`<${Trouble} error=${error} />`, content));
		}
	};
	const CityMap = part.CityMap;
	return html`${state && html`<${Silent} state=${state} />`}
		${troubles.length > 0 && html`<${Notice} kind="bad">${troubles[troubles.length - 1]}<//>`}
		<${CityMap} label=${t("city.mapLabel")} onMap=${onMap} onPick=${onPick} home=${home} attribution=${attribution} />`;
}

/** @param {{kinds: Kind[], shown: string[]}} props */
function Kinds({ kinds, shown }) {
	const flip = (/** @type {string} */ type) => setQuery({ shown: (shown.includes(type) ? shown.filter((one) => one !== type) : [...shown, type]).join(",") || "-" });
	return html`<div class="row" role="group" aria-label=${t("city.layers")}>${kinds.filter((kind) => kind.placed).map((kind, at) => html`
		<button type="button" key=${kind.type} class="toggle" aria-pressed=${shown.includes(kind.type)} onClick=${() => flip(kind.type)}>
			<span class=${`dot key-${1 + at % 6}`} aria-hidden="true"></span>${typeName(kind.type)} <span class="quiet">${number(kind.count)}</span></button>`)}</div>`;
}

/** @param {{kinds: Kind[] | undefined, told: any, at: number}} props */
function Figures({ kinds, told, at }) {
	const spots = useResource((signal) => allEntities({ type: "OffStreetParking", pick: "availableSpotNumber", options: "keyValues" }, { signal }), [], { refreshMs: 60000 });
	const total = kinds?.reduce((sum, kind) => sum + kind.count, 0);
	const free = spots.data && sumOf(spots.data, "availableSpotNumber");
	return html`<div class="figures">
		${told && told.count > 0 && html`<${Figure} label=${t("city.vehicles")} value=${told.count} at=${told.at} href="/entities?type=Vehicle"
			note=${told.planned === told.count ? t("city.planned") : ""} />
			${told.speed !== undefined && html`<${Figure} label=${t("city.speed")} value=${told.speed} unit="km/h" at=${told.at} />`}
			${told.late !== undefined && html`<${Figure} label=${t("city.late")} value=${100 * told.late} unit="%" at=${told.at} />`}`}
		${free && free.count > 0 && html`<${Figure} label=${t("city.spots")} value=${free.sum} at=${spots.at} href="/entities?type=OffStreetParking" note=${t("city.parks", { count: free.count })} />`}
		<${Figure} label=${t("city.entities")} value=${total} at=${at || undefined} href="/entities" />
	</div>`;
}

/** @param {{resource: any}} props */
function Attention({ resource }) {
	const { data, error, reload } = resource;
	return html`<${Card} title=${t("city.attention")}>
		${error ? html`<${Trouble} error=${error} retry=${reload} />` : !data ? html`<${Skeleton} lines=${2} />`
		: data.length === 0 ? html`<p class="row"><${Badge} kind="good"><${Icon} name="check" />${t("city.calm")}<//></p>`
		: html`<ul class="list">${data.map((/** @type {any} */ one) => html`<li key=${one.href + one.text}><a href=${one.href}>${one.text}</a> <${Age} at=${one.at} /></li>`)}</ul>`}
	<//>`;
}

/** @param {{query: URLSearchParams}} props */
export default function City({ query }) {
	const kinds = useResource(loadKinds, [], { refreshMs: REFRESH_MS });
	const attention = useResource(loadAttention, [], { refreshMs: REFRESH_MS });
	const [part, setPart] = useState(/** @type {any} */ (null));
	const [told, setTold] = useState(/** @type {any} */ (null));
	const [trouble, setTrouble] = useState(/** @type {any} */ (null));
	useEffect(() => {
		import("../core/map.js").then(setPart, setTrouble);
	}, []);
	const asked = query.get("shown");
	const shown = asked === null ? FIRST_KINDS : asked.split(",");
	const empty = kinds.data && kinds.data.length === 0;
	return html`<${Page} title=${t("city.title")} wide>
		${kinds.error && html`<${Trouble} error=${kinds.error} retry=${kinds.reload} />`}
		${trouble && html`<${Trouble} error=${trouble} />`}
		${empty ? html`<div class="empty">${t("city.empty")}</div>` : kinds.data && html`<${Kinds} kinds=${kinds.data} shown=${shown} />`}
		${part && kinds.data ? html`<${Live} kinds=${kinds.data} shown=${shown} map=${part} onTraffic=${setTold} />` : html`<div class="map skeleton" role="status">${t("common.loading")}</div>`}
		<${Figures} kinds=${kinds.data} told=${told} at=${kinds.at} />
		<${Attention} resource=${attention} />
	<//>`;
}
