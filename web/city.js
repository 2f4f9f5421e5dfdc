// The start page: counts by type with their age, and the vehicles of the city on a map, read from the API like any
// client would. A request that fails leaves what is shown and says so; the next round tries again.
import { CityMap } from "/web/map.js";

const ROOT = "/ngsi-ld/v1/entities";
const PAGE = 1000;
const PAGES_MAX = 20;
const ROUND_MS = 5000;
const TIMEOUT_MS = 20000;
const KINDS = [
	["Vehicle", "vehicles"],
	["GtfsStop", "stops"],
	["GtfsRoute", "routes"],
	["GtfsTrip", "trips"],
	["GtfsAgency", "operators"],
	["GtfsShape", "shapes"],
	["OffStreetParking", "car parks"],
];

const number = new Intl.NumberFormat("en");
const state = document.querySelector("#state");
const note = document.querySelector("#map-note");
const pickLine = document.querySelector("#map-pick");
const tiles = new Map();
const map = new CityMap(document.querySelector("#map"));
let stopsLoaded = 0;

async function ask(path) {
	const response = await fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS) });
	if (!response.ok) {
		const problem = await response.json().catch(() => ({}));
		throw new Error(problem.detail ?? `the server answered ${response.status}`);
	}
	return response;
}

async function count(query) {
	const response = await ask(`${ROOT}?${query}&limit=0&count=true`);
	return Number(response.headers.get("NGSILD-Results-Count"));
}

// Follows rel="next" until the end.
async function all(query) {
	const found = [];
	let path = `${ROOT}?${query}&limit=${PAGE}`;
	for (let page = 0; path && page < PAGES_MAX; page++) {
		const response = await ask(path);
		found.push(...(await response.json()));
		path = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
	}
	return found;
}

function ageText(ms) {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 2) {
		return "just now";
	}
	return seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}

function tile(name) {
	if (!tiles.has(name)) {
		const item = document.createElement("li");
		const parts = ["number", "label", "age"].map((part) => {
			const span = document.createElement("span");
			span.className = part;
			item.append(span);
			return span;
		});
		parts[1].textContent = name;
		tiles.set(name, { item, number: parts[0], age: parts[2], at: 0 });
	}
	return tiles.get(name);
}

function show(name, value) {
	const entry = tile(name);
	entry.number.textContent = number.format(value);
	entry.at = Date.now();
}

function showAges() {
	for (const entry of tiles.values()) {
		entry.age.textContent = entry.at ? ageText(Date.now() - entry.at) : "";
	}
}

async function countAll() {
	const total = await count("local=true");
	const values = await Promise.all(KINDS.map(([type]) => count(`type=${type}`)));
	const list = document.querySelector("#counts");
	show("entities", total);
	KINDS.forEach(([, name], at) => values[at] && show(name, values[at]));
	const known = values.reduce((sum, value) => sum + value, 0);
	if (total > known) {
		show("others", total - known);
	}
	list.replaceChildren(...[...tiles.values()].map((entry) => entry.item));
	showAges();
	return { total, stops: values[1] };
}

function point(entity) {
	const place = entity.location ?? entity.position;
	return place?.type === "Point" ? place.coordinates : null;
}

async function loadStops(wanted) {
	if (wanted === stopsLoaded) {
		return;
	}
	const stops = await all("type=GtfsStop&pick=location&options=keyValues");
	map.setStops(stops.map(point).filter(Boolean));
	stopsLoaded = wanted;
	if (stops.length) {
		const singapore = await count("type=GtfsStop&idPattern=%5Eurn:ngsi-ld:GtfsStop:singapore:");
		document.querySelector("#attribution").textContent = singapore
			? "Contains information from the Land Transport Authority's DataMall, accessed in 2018, made available under the Singapore Open Data Licence 1.0."
			: "";
	}
}

async function loadVehicles() {
	const shown = "id,name,location,speed,nextStop,positionBasis";
	const vehicles = (await all(`type=Vehicle&pick=${shown}&options=keyValues`))
		.map((entity) => ({ entity, at: point(entity) }))
		.filter((vehicle) => vehicle.at);
	const planned = vehicles.filter((vehicle) => vehicle.entity.positionBasis === "scheduled").length;
	const basis = planned === 0 ? "" : planned === vehicles.length
		? ", where the timetable has them" : `, ${number.format(planned)} of them by the timetable`;
	map.setVehicles(vehicles);
	note.textContent = vehicles.length
		? `${number.format(vehicles.length)} vehicles${basis}, at ${new Date().toLocaleTimeString()}`
		: "No vehicle is on its way. Import a timetable (machi import gtfs) and let the daemon move it (--timetable).";
	map.canvas.setAttribute("aria-label",
		`Map of ${number.format(vehicles.length)} vehicles and ${number.format(map.stops.length)} stops`);
}

function label(entity) {
	const said = [String(entity.name ?? entity.id.split(":").pop())];
	if (typeof entity.speed === "number") {
		said.push(`${entity.speed} km/h`);
	}
	if (typeof entity.nextStop === "string") {
		said.push(`next stop ${entity.nextStop.split(":").pop()}`);
	}
	if (entity.positionBasis === "scheduled") {
		said.push("by the timetable");
	}
	return said.join(" · ");
}

map.onPick = (vehicle) => {
	pickLine.hidden = !vehicle;
	if (!vehicle) {
		return;
	}
	const link = document.createElement("a");
	link.href = `${ROOT}/${encodeURIComponent(vehicle.entity.id)}`;
	link.textContent = label(vehicle.entity);
	pickLine.replaceChildren(link);
};

async function round() {
	try {
		const found = await countAll();
		await loadVehicles();
		await loadStops(found.stops);
		state.classList.remove("bad");
		state.textContent = found.total
			? `Up to date at ${new Date().toLocaleTimeString()}.`
			: "The city is empty. Bring it to life with machi import gtfs, or post an entity to the API.";
	} catch (error) {
		state.classList.add("bad");
		state.textContent = `No news from the server (${error.message}); trying again.`;
		if (!map.vehicles.length) {
			note.textContent = "No answer yet.";
		}
	}
	setTimeout(round, document.hidden ? 4 * ROUND_MS : ROUND_MS);
}

document.querySelector("#map-in").addEventListener("click", () => map.zoom(1.6));
document.querySelector("#map-out").addEventListener("click", () => map.zoom(1 / 1.6));
document.querySelector("#map-all").addEventListener("click", () => map.showAll());
setInterval(showAges, 1000);
round();
