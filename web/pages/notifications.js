// Notifications that were given up after all tries: why, and sent again or dropped.
import { html } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { get, query as queryOf, send } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { entityPath, setQuery } from "../core/router.js";
import { may } from "../core/session.js";
import { Action, Age, Card, Code, Page, Resource, shortName } from "../core/ui.js";

const PATH = "/api/v1/notifications/dead";
const SHOWN = 50;

/** @param {{query: URLSearchParams}} props */
export default function Notifications({ query }) {
	const after = query.get("after");
	const resource = useResource((signal) => get(`${PATH}?${queryOf({ limit: SHOWN, after })}`, { signal }), [after], { refreshMs: 5000 });
	const act = (/** @type {string} */ verb, /** @type {any} */ which) => send("POST", `${PATH}/${verb}`, which).then(resource.reload);
	const writes = may("notifications:write");
	return html`<${Page} title=${t("notifications.title")} lead=${t("notifications.lead")} actions=${writes && resource.data?.dead.length > 0 && html`
			<${Action} icon="play" kind="primary" onClick=${() => act("replay", { all: true })}>${t("notifications.replayAll")}<//>
			<${Action} icon="trash" kind="danger" confirm=${t("notifications.dropAsk")} onClick=${() => act("drop", { all: true })}>${t("notifications.dropAll")}<//>`}>
		<${Resource} resource=${resource} lines=${6} isEmpty=${(/** @type {any} */ data) => data.dead.length === 0} empty=${t("notifications.empty")}>${(/** @type {any} */ data) => html`
			<div class="stack">${data.dead.map((/** @type {any} */ one) => html`<${Card} key=${one.number} title=${`${number(one.number)} · ${one.subscription ? shortName(one.subscription) : t("notifications.gone")}`} actions=${writes && html`
				<${Action} icon="play" onClick=${() => act("replay", { numbers: [one.number] })}>${t("notifications.replay")}<//>
				<${Action} icon="trash" kind="danger" onClick=${() => act("drop", { numbers: [one.number] })}>${t("notifications.drop")}<//>`}>
				<dl class="facts"><dt>${t("notifications.why")}</dt><dd class="bad">${one.why}</dd>
					<dt>${t("notifications.entity")}</dt><dd><a href=${entityPath(one.entity)}>${shortName(one.entity)}</a></dd>
					<dt>${t("notifications.made")}</dt><dd><${Age} at=${one.madeAt} /></dd>
					<dt>${t("notifications.givenUp")}</dt><dd><${Age} at=${one.deadAt} /> · ${t("notifications.tries", { count: one.tries })}</dd></dl>
				<details><summary>${t("common.document")}</summary><${Code} text=${JSON.stringify(one.notification, null, 2)} label=${t("common.document")} /></details><//>`)}</div>
			${data.next && html`<div class="actions"><button type="button" onClick=${() => setQuery({ after: data.next }, { push: true })}>${t("notifications.more")}</button></div>`}`}<//>
	<//>`;
}
