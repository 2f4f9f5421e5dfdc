// The feeds of the city: state, what came and what of it became nothing, as /api/v1/feeds tells it, again and again. A
// round that fails leaves what is shown and says how old it is.

const ROOT = "/api/v1/feeds";
const ROUND_MS = 3000;
const TIMEOUT_MS = 20000;
const STATES = { up: "up", starting: "connecting", waiting: "with trouble", paused: "paused" };
const ORDER = ["waiting", "starting", "paused", "up"];

const number = new Intl.NumberFormat("en");
const rate = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const state = document.querySelector("#state");
const list = document.querySelector("#feeds");
const cards = new Map();
let readAt = 0;

async function ask(path, options = {}) {
	const response = await fetch(path, { headers: { Accept: "application/json", ...options.headers },
		method: options.method, body: options.body, signal: AbortSignal.timeout(TIMEOUT_MS) });
	if (!response.ok) {
		const problem = await response.json().catch(() => ({}));
		throw new Error(problem.detail ?? `the server answered ${response.status}`);
	}
	return response;
}

function make(tag, className, text) {
	const node = document.createElement(tag);
	if (className) {
		node.className = className;
	}
	if (text !== undefined) {
		node.textContent = text;
	}
	return node;
}

function ageText(ms) {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 2) {
		return "just now";
	}
	if (seconds < 120) {
		return `${seconds} s ago`;
	}
	return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

function age(time) {
	return time ? ageText(Date.now() - Date.parse(time)) : "never";
}

// ---- a feed ----

function makeCard(name) {
	const card = { item: make("li", "feed"), lines: make("dl"), buttons: make("p", "feed-buttons"), told: make("p", "state") };
	card.dot = make("span", "feed-state");
	card.title = make("h2", "", name);
	card.about = make("p", "quiet");
	card.toggle = make("button");
	card.remove = make("button", "", "Remove");
	card.toggle.type = card.remove.type = "button";
	card.told.setAttribute("role", "status");
	card.title.append(" ", card.dot);
	card.buttons.append(card.toggle, card.remove);
	card.item.append(card.title, card.about, card.lines, card.told, card.buttons);
	card.toggle.addEventListener("click", () => change(card, name, "POST", `/${card.paused ? "resume" : "pause"}`));
	card.remove.addEventListener("click", () => {
		if (confirm(`Remove the feed ${name}? What it brought stays.`)) {
			change(card, name, "DELETE", "");
		}
	});
	return card;
}

async function change(card, name, method, tail) {
	card.toggle.disabled = card.remove.disabled = true;
	card.told.textContent = "One moment…";
	card.told.classList.remove("bad");
	try {
		// A type that no form can have: so the server knows that no other page's form sends this.
		await ask(`${ROOT}/${encodeURIComponent(name)}${tail}`, { method, headers: { "Content-Type": "application/json" } });
		card.told.textContent = "";
	} catch (error) {
		card.told.textContent = error.message;
		card.told.classList.add("bad");
	}
	card.toggle.disabled = card.remove.disabled = false;
	round();
}

function line(card, name, value, bad) {
	const text = make("dd", bad ? "state bad" : "", value);
	card.lines.append(make("dt", "", name), text);
}

function perSecond(card, feed) {
	const now = performance.now();
	const before = card.before;
	card.before = { at: now, messages: feed.messages };
	if (!before || now - before.at < 500 || feed.messages < before.messages) {
		return "";
	}
	return `, ${rate.format(((feed.messages - before.messages) * 1000) / (now - before.at))} a second now`;
}

function fill(card, feed) {
	const dropped = Object.entries(feed.dropped).filter(([, count]) => count > 0);
	const entities = feed.entities;
	card.paused = feed.state === "paused";
	card.dot.className = `feed-state ${feed.state}`;
	card.dot.textContent = STATES[feed.state] ?? feed.state;
	card.about.textContent = [feed.kind, feed.place, feed.tenant && `tenant ${feed.tenant}`].filter(Boolean).join(" · ");
	card.toggle.textContent = card.paused ? "Resume" : "Pause";
	card.remove.hidden = feed.origin !== "api";
	card.lines.replaceChildren();
	const now = perSecond(card, feed);
	line(card, "Messages", feed.messages
		? `${number.format(feed.messages)}${now}; the last one ${age(feed.lastMessage)}` : "none yet");
	line(card, "Entities", `${number.format(entities.created)} created, ${number.format(entities.changed)} changed`);
	if (dropped.length) {
		line(card, "Became nothing", dropped.map(([why, count]) => `${number.format(count)} ${why}`).join(", "));
		line(card, "Why, the last", `${feed.lastDrop} (${age(feed.lastDropAt)})`);
	}
	if (feed.commands) {
		line(card, "Commands", `${number.format(feed.commands)}, ${number.format(feed.commandsFailed)} failed`);
	}
	if (feed.lastError) {
		line(card, "Last trouble", `${feed.lastError} (${age(feed.lastErrorAt)})`, feed.state === "waiting");
	}
}

// ---- all ----

function summary(feeds) {
	if (feeds.length === 0) {
		return "There are no feeds yet. Add one below, or in the configuration.";
	}
	const counts = ORDER.map((one) => [one, feeds.filter((feed) => feed.state === one).length]).filter(([, count]) => count);
	return `${number.format(feeds.length)} ${feeds.length === 1 ? "feed" : "feeds"}: ${
		counts.map(([one, count]) => `${count} ${STATES[one]}`).join(", ")}`;
}

function show(feeds) {
	feeds.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name));
	for (const name of cards.keys()) {
		if (!feeds.some((feed) => feed.name === name)) {
			cards.get(name).item.remove();
			cards.delete(name);
		}
	}
	feeds.forEach((feed, at) => {
		if (!cards.has(feed.name)) {
			cards.set(feed.name, makeCard(feed.name));
		}
		const card = cards.get(feed.name);
		fill(card, feed);
		if (list.children[at] !== card.item && !card.item.contains(document.activeElement)) {
			list.insertBefore(card.item, list.children[at] ?? null);
		}
	});
	state.textContent = summary(feeds);
	state.classList.remove("bad");
}

async function round() {
	try {
		show((await (await ask(ROOT)).json()).feeds);
		readAt = Date.now();
	} catch (error) {
		state.textContent = `${error.message}. What is shown is of ${readAt ? ageText(Date.now() - readAt) : "no time yet"}.`;
		state.classList.add("bad");
	}
}

async function rounds() {
	for (;;) {
		if (!document.hidden) {
			await round();
		}
		await new Promise((resume) => setTimeout(resume, ROUND_MS));
	}
}

document.querySelector("#add").addEventListener("submit", async (event) => {
	const told = document.querySelector("#added");
	event.preventDefault();
	told.classList.remove("bad");
	told.textContent = "Adding…";
	try {
		const response = await ask(ROOT, { method: "POST", headers: { "Content-Type": "application/yaml" },
			body: document.querySelector("#document").value });
		told.textContent = `Added ${decodeURIComponent(response.headers.get("Location").split("/").pop())}.`;
	} catch (error) {
		told.textContent = error.message;
		told.classList.add("bad");
	}
	round();
});

rounds();
