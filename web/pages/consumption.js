// What meters take: the load curve of chosen ones, each or their sum, against the same days a week before; peak, base load, energy,
// load factor. Which attributes are meters is told by their units; the arithmetic is core/load.js.
import { html, useMemo, useState } from "../core/html.js";
import { date, dateTime, number, t } from "../core/i18n.js";
import { allEntities, ask, get, query as queryOf, ROOT } from "../core/api.js";
import { Chart } from "../core/chart.js";
import { useResource } from "../core/hooks.js";
import { changeOf, curveOf, figuresOf, kindOf, piecesOf, POWER, scaleOf, sumOf } from "../core/load.js";
import { entityPath, go, setQuery } from "../core/router.js";
import { Age, Card, Choice, Field, Figure, Notice, Page, Resource, Skeleton, sortRows, Stale, Table, Trouble, shortName, typeName } from "../core/ui.js";
import { quantity, symbol } from "../core/units.js";

const DAYS = /** @type {Record<string, number>} */ ({ "1d": 1, "3d": 3, "7d": 7 });
const WEEK_DAYS = 7;
const PERIOD_MS = 15 * 60000, HOUR_MS = 3600000;
const ROLLED_S = 300; // where there are more values than the server sends
const REFRESH_MS = 60000;
const CHOSEN_MAX = 24, CHOSEN_FIRST = 6, LINES_MAX = 6, ROWS_FIRST = 50;
const METERS_MOST = 5000;
const UNITS_ASKED = ["WTT", "KWT", "WHR", "KWH"]; // of numbers that came without a unit
const LIKELY = /power|energy|consum|electric|watt|kwh|^load$/i;
const UNLIKELY = /max|min(imum)?[A-Z]|limit|rated|remaining|capacity|setting|threshold|instruct|apparent|reactive|powerState|factor|delivered|offered|interval/i;

/** @typedef {{id: string, name: string, unit: string}} Chosen */
/** @typedef {{key: string, id: string, type: string, title: string, name: string, unit: string | undefined, value: number, at: string | undefined}} Meter */

/** @param {{id: string, name: string}} one */
const keyOf = ({ id, name }) => `${id} ${name}`;

/** Numbers that are powers or energies by their units, or may be by their names. @param {AbortSignal} signal @returns {Promise<Meter[]>} */
async function loadMeters(signal) {
	const attributes = /** @type {any[]} */ (await get(`${ROOT}/attributes?details=true`, { signal }));
	const likely = attributes.filter(({ attributeName }) => /^\w+$/.test(attributeName) && LIKELY.test(attributeName) && !UNLIKELY.test(attributeName));
	const types = [...new Set(likely.flatMap(({ typeNames }) => typeNames))].filter((type) => type !== "EVChargingSession"); // its counter ends with it
	if (!types.length) {
		return [];
	}
	const names = likely.map(({ attributeName }) => attributeName);
	const found = await allEntities({ type: types.join(","), pick: ["id", "type", "name", ...names].join(",") }, { signal, most: METERS_MOST });
	return found.flatMap((entity) => names.filter((name) => entity[name]).map((name) => ({ instance: [entity[name]].flat()[0], name }))
		.filter(({ instance }) => typeof instance.value === "number" && (instance.unitCode === undefined || kindOf(instance.unitCode)))
		.map(({ instance, name }) => ({ key: keyOf({ id: entity.id, name }), id: entity.id, type: [entity.type].flat()[0], title: String(entity.name?.value ?? shortName(entity.id)),
			name, unit: instance.unitCode, value: instance.value, at: instance.observedAt })));
}

/** What the address says: "id attribute" or "id attribute unit" each. @param {URLSearchParams} query @param {Meter[]} meters @returns {Chosen[]} */
function chosenOf(query, meters) {
	const unitOf = (/** @type {string} */ key) => meters.find((meter) => meter.key === key)?.unit;
	if (query.has("s")) {
		return query.getAll("s").slice(0, CHOSEN_MAX).map((text) => text.split(" ")).filter(([id, name]) => id && name)
			.map(([id, name, unit]) => ({ id, name, unit: unitOf(keyOf({ id, name })) ?? unit ?? "" })).filter(({ unit }) => kindOf(unit));
	}
	if (query.has("none")) {
		return [];
	}
	const first = new Map(); // of each entity one, a power if it has one: twice the same in a sum would be wrong
	for (const meter of meters) {
		if (meter.unit && (!first.has(meter.id) || kindOf(first.get(meter.id).unit) !== "power" && kindOf(meter.unit) === "power")) {
			first.set(meter.id, meter);
		}
	}
	return [...first.values()].slice(0, CHOSEN_FIRST);
}

/** @param {Chosen[]} chosen */
function choose(chosen) {
	const query = new URLSearchParams(location.search);
	query.delete("s");
	query.delete("none");
	chosen.forEach((one) => query.append("s", `${keyOf(one)} ${one.unit}`));
	if (!chosen.length) {
		query.set("none", "1");
	}
	go(`${location.pathname}?${query}`, { replace: true });
}

/** The days that are looked at, by the local calendar, and the same a week before. @param {URLSearchParams} query */
function spanOf(query) {
	const days = DAYS[query.get("range") ?? "1d"] ?? 1, until = query.get("until");
	const last = until && /^\d{4}-\d\d-\d\d$/.test(until) ? new Date(`${until}T00:00:00`) : null;
	last?.setDate(last.getDate() + 1);
	const to = last ? last.getTime() : Math.ceil(Date.now() / PERIOD_MS) * PERIOD_MS;
	const back = (/** @type {number} */ count) => {
		const at = new Date(to);
		at.setDate(at.getDate() - count);
		return at.getTime();
	};
	return { from: back(days), to, before: { from: back(days + WEEK_DAYS), to: back(WEEK_DAYS) } };
}

/** Values of a meter; those of an hour before too, for they may hold until then, and after, for a counter tells then what was. @param {Chosen} one @param {number} from @param {number} to
 * @param {AbortSignal} signal @returns {Promise<[number, number][]>} */
async function pointsOf({ id, name, unit }, from, to, signal) {
	const path = `${ROOT}/temporal/entities/${encodeURIComponent(id)}`;
	const asked = { attrs: name, timerel: "between", timeAt: new Date(from - HOUR_MS).toISOString(), endTimeAt: new Date(to + HOUR_MS).toISOString() };
	const method = kindOf(unit) === "power" ? "avg" : "max";
	try {
		const response = await ask(`${path}?${queryOf({ ...asked, options: "temporalValues" })}`, { signal });
		const whole = response.status !== 206;
		const found = whole ? await response.json()
			: await get(`${path}?${queryOf({ ...asked, options: "aggregatedValues", aggrMethods: method, aggrPeriodDuration: `PT${ROLLED_S}S` })}`, { signal });
		const told = [found[name]].flat()[0] ?? {};
		return /** @type {any[]} */ ((whole ? told.values : told[method]) ?? []).filter(([value]) => typeof value === "number")
			.map(([value, at]) => /** @type {[number, number]} */ ([Date.parse(at), value])).sort((a, b) => a[0] - b[0]);
	} catch (error) {
		if (/** @type {any} */ (error).status === 404) { // nothing in this time
			return [];
		}
		throw error;
	}
}

/** @param {Chosen} one @param {{from: number, to: number}} span @param {AbortSignal} signal */
async function loadCurve(one, span, signal) {
	const points = await pointsOf(one, span.from, span.to, signal);
	return { curve: curveOf(piecesOf(points, one.unit, Math.min(span.to, Date.now())), span.from, span.to, PERIOD_MS), latest: points.findLast(([at]) => at <= span.to)?.[0] };
}

/** @param {Chosen[]} chosen @param {ReturnType<typeof spanOf>} span @param {AbortSignal} signal */
async function loadLoad(chosen, span, signal) {
	const [now, before] = await Promise.all([span, span.before].map((one) => Promise.all(chosen.map((meter) => loadCurve(meter, one, signal)))));
	const sum = sumOf(now.map(({ curve }) => curve)), old = sumOf(before.map(({ curve }) => curve));
	return { span, each: now.map(({ curve }) => curve), sum, before: old, figures: figuresOf(sum, span.from, PERIOD_MS), old: figuresOf(old, span.before.from, PERIOD_MS),
		change: changeOf(sum, old), latest: Math.max(0, ...now.map(({ latest }) => latest ?? 0)) };
}

/** @param {{load: any, chosen: Chosen[], meters: Meter[], view: string}} props */
function Picture({ load, chosen, meters, view }) {
	const each = view === "each" && chosen.length > 1 && chosen.length <= LINES_MAX;
	const lines = useMemo(() => {
		const curves = each ? load.each : [load.sum, load.before];
		const greatest = Math.max(...curves.flat().map((/** @type {number | null} */ value) => Math.abs(value ?? 0)));
		const [factor, prefix] = scaleOf(greatest);
		/** @param {(number | null)[]} curve */
		const points = (curve) => curve.map((value, at) => [load.span.from + at * PERIOD_MS, value === null ? null : value / factor]);
		const titles = chosen.map((one) => `${meters.find(({ key }) => key === keyOf(one))?.title ?? shortName(one.id)} ${one.name}`);
		const sum = chosen.length > 1 ? t("consumption.sumOf", { count: chosen.length }) : titles[0];
		return each ? load.each.map((/** @type {any} */ curve, /** @type {number} */ at) => ({ label: titles[at], unit: `${prefix}W`, points: points(curve), gaps: true }))
			: [{ label: sum, unit: `${prefix}W`, points: points(load.sum), gaps: true },
				...(load.old ? [{ label: t("consumption.weekBefore"), unit: `${prefix}W`, points: points(load.before), gaps: true, dashed: true, tint: 1 }] : [])];
	}, [load, each]);
	return html`<${Chart} series=${lines} title=${t("consumption.curve")} zero />
		${!each && !load.old && html`<p class="help">${t("consumption.noWeekBefore")}</p>`}`;
}

/** A change as it is shown, so that none stands where 0 % does. @param {number} ratio */
const thousandths = (ratio) => Math.round(1000 * ratio) / 1000;

/** @param {{load: any, now: {watts: number, at: number} | undefined}} props */
function Figures({ load, now }) {
	const { figures, old, change, latest } = load;
	const [factor, prefix] = scaleOf(figures.peak), [energyFactor, energyPrefix] = scaleOf(figures.energy);
	const [nowFactor, nowPrefix] = scaleOf(now?.watts ?? 0);
	return html`<div class="figures">
		${now && html`<${Figure} label=${t("consumption.now")} value=${number(now.watts / nowFactor)} unit=${`${nowPrefix}W`} at=${now.at} />`}
		<${Figure} label=${t("consumption.peak")} value=${number(figures.peak / factor)} unit=${`${prefix}W`} note=${dateTime(figures.peakAt)}
			trend=${old && old.peak > 0 ? thousandths(figures.peak / old.peak - 1) : undefined} trendGood="down" />
		<${Figure} label=${t("consumption.base")} value=${number(figures.base / factor)} unit=${`${prefix}W`} at=${latest} note=${t("consumption.baseNote")} />
		<${Figure} label=${t("consumption.energy")} value=${number(figures.energy / energyFactor)} unit=${`${energyPrefix}Wh`} at=${latest} trend=${change === undefined ? undefined : thousandths(change)} trendGood="down" />
		${figures.loadFactor !== undefined && html`<${Figure} label=${t("consumption.loadFactor")} value=${100 * figures.loadFactor} unit="%" at=${latest} note=${t("consumption.loadFactorNote")} />`}
	</div>
	${(change !== undefined || figures.covered < 0.995) && html`<p class="help">${change !== undefined && t("consumption.trendHelp")}
		${figures.covered < 0.995 && t("consumption.covered", { share: number(figures.covered, { style: "percent", maximumFractionDigits: 0 }) })}</p>`}`;
}

/** What the chosen powers are at this moment, by the entities themselves. @param {Chosen[]} chosen @param {Meter[]} meters */
function nowOf(chosen, meters) {
	const found = chosen.map((one) => meters.find(({ key }) => key === keyOf(one)));
	if (!found.length || found.some((meter, at) => !meter?.at || kindOf(chosen[at].unit) !== "power")) {
		return undefined;
	}
	return { watts: found.reduce((sum, meter, at) => sum + (meter?.value ?? 0) * POWER[chosen[at].unit], 0), at: Math.min(...found.map((meter) => Date.parse(meter?.at ?? ""))) };
}

/** Every meter there is; which are looked at is chosen here. @param {{meters: Meter[], chosen: Chosen[], load: any}} props */
function Meters({ meters, chosen, load }) {
	const [find, setFind] = useState("");
	const [sorted, setSorted] = useState("title");
	const [all, setAll] = useState(false);
	const place = new Map(chosen.map((one, at) => [keyOf(one), at]));
	/** @param {Meter} meter */
	const figures = (meter) => {
		const at = place.get(meter.key);
		return at === undefined || !load?.each[at] ? undefined : figuresOf(load.each[at], load.span.from, PERIOD_MS);
	};
	/** @param {Meter} meter @param {string} by */
	const valueOf = (meter, by) => by === "chosen" ? Number(place.has(meter.key)) : by === "peak" || by === "energy" ? figures(meter)?.[by] : /** @type {any} */ (meter)[by];
	const matching = sortRows(meters.filter(({ key, title, type }) => `${key} ${title} ${typeName(type)}`.toLowerCase().includes(find.toLowerCase())), sorted, valueOf);
	const rows = all ? matching : matching.slice(0, ROWS_FIRST);
	/** @param {Meter} meter @param {string | undefined} unit */
	const flip = (meter, unit) => choose(unit && chosen.length < CHOSEN_MAX ? [...chosen.filter((one) => keyOf(one) !== meter.key), { ...meter, unit }] : chosen.filter((one) => keyOf(one) !== meter.key));
	/** @param {number | undefined} value @param {string} unit */
	const scaled = (value, unit) => {
		const [factor, prefix] = scaleOf(value ?? 0);
		return value === undefined ? "–" : `${number(value / factor)}\u00a0${prefix}${unit}`;
	};
	/** @param {Meter} meter @param {string} column */
	const cell = (meter, column) => {
		const unit = chosen[place.get(meter.key) ?? -1]?.unit, label = `${meter.title} ${meter.name}`;
		switch (column) {
		case "chosen":
			return meter.unit ? html`<input type="checkbox" checked=${place.has(meter.key)} disabled=${!place.has(meter.key) && chosen.length >= CHOSEN_MAX} aria-label=${label} onChange=${() => flip(meter, place.has(meter.key) ? undefined : meter.unit)} />`
				: html`<select aria-label=${t("consumption.unitOf", { name: label })} value=${unit ?? ""} onChange=${(/** @type {any} */ event) => flip(meter, event.target.value)}>
					<option value="" selected=${!unit}>${t("consumption.unit")}</option>${UNITS_ASKED.map((code) => html`<option key=${code} value=${code} selected=${code === unit}>${symbol(code)}</option>`)}</select>`;
		case "title":
			return html`<a href=${entityPath(meter.id)}>${meter.title}</a> <span class="quiet">${typeName(meter.type)}</span>`;
		case "value":
			return html`${quantity(meter.value, meter.unit)}`;
		case "at":
			return html`<${Age} at=${meter.at} />`;
		case "peak":
			return scaled(figures(meter)?.peak, "W");
		case "energy":
			return scaled(figures(meter)?.energy, "Wh");
		default:
			return meter.name;
		}
	};
	return html`<${Card} title=${t("consumption.meters")}>
		<div class="stack">${meters.length > 8 && html`<${Field} label=${t("consumption.find")} value=${find} onInput=${setFind} type="search" />`}
		<${Table} caption=${t("consumption.meters")} rows=${rows} rowKey=${(/** @type {Meter} */ meter) => meter.key} cell=${cell} sorted=${sorted} onSort=${setSorted} columns=${[
			{ key: "chosen", title: t("consumption.shown"), sort: "chosen" }, { key: "title", title: t("consumption.meter"), sort: "title" }, { key: "name", title: t("consumption.attribute"), sort: "name" },
			{ key: "value", title: t("consumption.latest"), number: true }, { key: "at", title: t("consumption.age"), sort: "at" },
			{ key: "peak", title: t("consumption.peak"), number: true, sort: "peak" }, { key: "energy", title: t("consumption.energy"), number: true, sort: "energy" }]} />
		${rows.length < matching.length && html`<div class="actions"><button type="button" onClick=${() => setAll(true)}>${t("common.showAllOf", { count: matching.length })}</button></div>`}</div><//>`;
}

/** @param {{chosen: Chosen[], meters: Meter[], load: any, view: string}} props */
function Shown({ chosen, meters, load, view }) {
	const newest = meters.filter(({ key, at }) => at && chosen.some((one) => keyOf(one) === key)).map(({ at }) => Date.parse(/** @type {string} */ (at))).sort((a, b) => b - a)[0];
	const there = newest ? new Date(newest) : null;
	const day = there && `${there.getFullYear()}-${String(there.getMonth() + 1).padStart(2, "0")}-${String(there.getDate()).padStart(2, "0")}`;
	const elsewhere = newest && newest < load.span.from && html`<${Notice} kind="warn" actions=${html`<button type="button" onClick=${() => setQuery({ until: day })}>${t("consumption.goThere")}</button>`}>
		${t("consumption.old", { date: date(newest) })} (<${Age} at=${newest} />)<//>`;
	if (!load.figures) {
		return html`${elsewhere}<div class="empty">${t("consumption.none")}</div>`;
	}
	return html`${elsewhere}<${Card} title=${t("consumption.curve")} actions=${chosen.length > 1 && html`<${Choice} label=${t("consumption.view")} value=${view}
			options=${[["sum", t("consumption.sum")], ...(chosen.length <= LINES_MAX ? [["each", t("consumption.each")]] : [])]} onChange=${(/** @type {string} */ one) => setQuery({ view: one === "sum" ? null : one })} />`}>
			<${Picture} load=${load} chosen=${chosen} meters=${meters} view=${view} /><//>
		<${Figures} load=${load} now=${nowOf(chosen, meters)} />`;
}

/** @param {{query: URLSearchParams}} props */
export default function Consumption({ query }) {
	const meters = useResource(loadMeters, [], { refreshMs: REFRESH_MS });
	const known = meters.data ?? [], chosen = chosenOf(query, known);
	const key = JSON.stringify([chosen.map(({ id, name, unit }) => [id, name, unit]), query.get("range"), query.get("until"), Boolean(meters.data)]);
	const load = useResource(async (signal) => chosen.length ? loadLoad(chosen, spanOf(query), signal) : null, [key], { refreshMs: REFRESH_MS });
	const range = query.get("range") ?? "1d", view = query.get("view") ?? "sum";
	const ranges = /** @type {[string, string][]} */ (Object.entries(DAYS).map(([one, days]) => [one, t("consumption.days", { count: days })]));
	const fresh = load.data && load.data.each.length === chosen.length ? load.data : null;
	return html`<${Page} title=${t("consumption.title")} lead=${t("consumption.lead", { minutes: PERIOD_MS / 60000 })}>
		<${Resource} resource=${meters} lines=${10} empty=${html`<p>${t("consumption.empty")}</p><p><a href="/feeds">${t("consumption.toFeeds")}</a></p>`}>${() => html`
			<div class="row row-end"><${Choice} label=${t("consumption.range")} value=${range} options=${ranges} onChange=${(/** @type {string} */ one) => setQuery({ range: one })} />
				<${Field} label=${t("consumption.until")} type="date" value=${query.get("until") ?? ""} onInput=${(/** @type {string} */ day) => setQuery({ until: day })} /></div>
			${!chosen.length ? html`<div class="empty">${t("consumption.choose")}</div>`
			: load.error && !fresh ? html`<${Trouble} error=${load.error} retry=${load.reload} />`
			: !fresh ? html`<${Card} title=${t("consumption.curve")}><div class="chart skeleton"></div><//><${Skeleton} lines=${3} />`
			: html`${load.error && html`<${Stale} at=${load.at} error=${load.error} retry=${load.reload} />`}
				<${Shown} chosen=${chosen} meters=${known} load=${fresh} view=${view} />`}
			<${Meters} meters=${known} chosen=${chosen} load=${fresh} />`}<//>
	<//>`;
}
