// The feeds of the city: how each is, what came by it, what of that became nothing and why; paused, resumed, added, removed.
import { html, useRef, useState } from "../core/html.js";
import { bytes, maybe, number, t } from "../core/i18n.js";
import { get, send } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { go } from "../core/router.js";
import { may } from "../core/session.js";
import { Action, Age, Badge, Card, Code, Dialog, Field, Icon, Page, Resource } from "../core/ui.js";

const ROOT = "/api/v1/feeds";
const REFRESH_MS = 3000;
const ORDER = ["waiting", "starting", "paused", "up"];
const MOODS = /** @type {Record<string, string>} */ ({ up: "good", starting: "warn", waiting: "bad", paused: "quiet" });
const EXAMPLE = `name: rooms
mqtt:
  url: mqtt://broker.lan
  topic: sensors/{room}/state
map:
  id: urn:ngsi-ld:Room:{room}
  type: Room
  attributes: {temperature: {kind: number, column: t, unit: CEL}}
`;

/** @param {string} name */
const address = (name) => `${ROOT}/${encodeURIComponent(name)}`;

/** What of a feed became nothing, the most first. @param {any} feed @returns {[string, number][]} */
function drops(feed) {
	return /** @type {[string, number][]} */ (Object.entries(feed.dropped)).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
}

/** Messages a second between the last two looks at a feed. @param {any} feed @param {Map<string, any>} before */
function rateOf(feed, before) {
	const now = performance.now(), last = before.get(feed.name);
	if (!last || now - last.at > 500) {
		const rate = last && feed.messages >= last.messages ? (feed.messages - last.messages) * 1000 / (now - last.at) : undefined;
		before.set(feed.name, { at: now, messages: feed.messages, rate });
	}
	return before.get(feed.name).rate;
}

/** @param {{feed: any, reload: () => void}} props */
function Buttons({ feed, reload }) {
	const paused = feed.state === "paused";
	const remove = async () => {
		await send("DELETE", address(feed.name));
		go("/feeds");
		reload();
	};
	return html`<div class="actions">
		${may("feeds:run") && html`<${Action} icon=${paused ? "play" : "pause"}
			onClick=${() => send("POST", `${address(feed.name)}/${paused ? "resume" : "pause"}`).then(reload)}>
			${paused ? t("feeds.resume") : t("feeds.pause")}<//>`}
		${may("feeds:write") && feed.origin === "api" && html`<${Action} icon="trash" kind="danger" onClick=${remove}
			confirm=${t("feeds.removeAsk", { name: feed.name })}>${t("feeds.remove")}<//>`}
	</div>`;
}

/** @param {{feed: any, rate: number | undefined, reload: () => void, whole?: boolean}} props */
function Feed({ feed, rate, reload, whole }) {
	const lost = drops(feed);
	return html`<${Card} actions=${html`<${Buttons} feed=${feed} reload=${reload} />`}
		title=${whole ? "" : html`<a href=${`/feeds/${encodeURIComponent(feed.name)}`}>${feed.name}</a>`}>
		<p class="row"><${Badge} kind=${MOODS[feed.state]}>${maybe(`feeds.states.${feed.state}`) ?? feed.state}<//>
			<span class="quiet">${[feed.kind, feed.place, feed.tenant].filter(Boolean).join(" · ")}</span></p>
		<dl class="facts">
			<dt>${t("feeds.messages")}</dt><dd>${number(feed.messages)}${rate !== undefined && ` · ${t("feeds.rate", { rate })}`}
				${feed.lastMessage && html` · <${Age} at=${feed.lastMessage} />`}</dd>
			<dt>${t("feeds.entities")}</dt><dd>${t("feeds.entitiesText", { created: feed.entities.created, changed: feed.entities.changed })}</dd>
			${lost.length > 0 && html`<dt>${t("feeds.dropped")}</dt><dd>${lost.map(([why, count]) => `${number(count)} ${why}`).join(", ")}</dd>`}
			${feed.lastDrop && html`<dt>${t("feeds.lastDrop")}</dt><dd>${feed.lastDrop} (<${Age} at=${feed.lastDropAt} />)</dd>`}
			${feed.commands > 0 && html`<dt>${t("feeds.commands")}</dt><dd>${t("feeds.commandsText", { count: feed.commands, failed: feed.commandsFailed })}</dd>`}
			${feed.lastError && html`<dt>${t("feeds.lastError")}</dt><dd class=${feed.state === "waiting" ? "bad" : ""}>${feed.lastError} (<${Age} at=${feed.lastErrorAt} />)</dd>`}
			${whole && html`<dt>${t("feeds.bytes")}</dt><dd>${bytes(feed.bytes)}</dd>
				<dt>${t("feeds.connects")}</dt><dd>${number(feed.connects)}</dd>
				<dt>${t("feeds.commits")}</dt><dd>${t("feeds.commitsText", { count: feed.commits, failed: feed.commitFailures })}</dd>
				<dt>${t("feeds.origin")}</dt><dd>${maybe(`feeds.origins.${feed.origin}`) ?? feed.origin}</dd>`}
		</dl>
	<//>`;
}

/** @param {{close: () => void, added: () => void}} props */
function Add({ close, added }) {
	const [text, setText] = useState(EXAMPLE);
	const [wrong, setWrong] = useState("");
	const [busy, setBusy] = useState(false);
	const submit = async (/** @type {Event} */ event) => {
		event.preventDefault();
		setBusy(true);
		try {
			await send("POST", ROOT, text, { type: "application/yaml" });
			added();
			close();
		} catch (error) {
			setWrong(/** @type {Error} */ (error).message);
		}
		setBusy(false);
	};
	return html`<${Dialog} title=${t("feeds.add")} onClose=${close}><form onSubmit=${submit}>
		<p>${t("feeds.addHelp")}</p>
		<${Field} label=${t("feeds.document")} rows=${14} value=${text} onInput=${setText} error=${wrong} spellcheck=${false} />
		<div class="actions"><button class="primary" disabled=${busy}>${t("feeds.add")}</button></div>
	</form><//>`;
}

/** @param {{name: string, before: Map<string, any>}} props */
function One({ name, before }) {
	const resource = useResource((signal) => get(address(name), { signal }), [name], { refreshMs: REFRESH_MS });
	return html`<${Page} title=${name} lead=${html`<a href="/feeds">${t("feeds.title")}</a>`}>
		<${Resource} resource=${resource} lines=${8}>${(/** @type {any} */ feed) => html`
			<${Feed} feed=${feed} rate=${rateOf(feed, before)} reload=${resource.reload} whole />
			<${Card} title=${t("feeds.curl")}><${Code} text=${`curl ${location.origin}${address(name)}`} /><//>`}<//>
	<//>`;
}

/** @param {{before: Map<string, any>}} props */
function All({ before }) {
	const resource = useResource((signal) => get(ROOT, { signal }), [], { refreshMs: REFRESH_MS });
	const [adding, setAdding] = useState(false);
	const feeds = [...(resource.data?.feeds ?? [])].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name));
	const counts = ORDER.map((state) => ({ state, count: feeds.filter((feed) => feed.state === state).length })).filter(({ count }) => count);
	return html`<${Page} title=${t("feeds.title")} lead=${t("feeds.lead")} actions=${may("feeds:write") && html`
		<button type="button" class="primary" onClick=${() => setAdding(true)}><${Icon} name="plus" />${t("feeds.add")}</button>`}>
		${counts.length > 0 && html`<p class="row">${counts.map(({ state, count }) => html`<${Badge} key=${state} kind=${MOODS[state]}>
			${number(count)} ${maybe(`feeds.states.${state}`) ?? state}<//>`)}</p>`}
		<${Resource} resource=${resource} lines=${8} isEmpty=${(/** @type {any} */ data) => data.feeds.length === 0}
			empty=${t("feeds.empty")}>${() => html`<div class="grid">${feeds.map((feed) => html`
				<${Feed} key=${feed.name} feed=${feed} rate=${rateOf(feed, before)} reload=${resource.reload} />`)}</div>`}<//>
		${adding && html`<${Add} close=${() => setAdding(false)} added=${resource.reload} />`}
	<//>`;
}

/** @param {{rest: string}} props */
export default function Feeds({ rest }) {
	const before = useRef(/** @type {Map<string, any>} */ (new Map())).current;
	return rest ? html`<${One} name=${rest} before=${before} />` : html`<${All} before=${before} />`;
}
