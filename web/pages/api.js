// What /openapi.json says: operations by subject, their parameters, bodies and answers, and a form to try those that read.
import { html, useState } from "../core/html.js";
import { number, t } from "../core/i18n.js";
import { get, tenant } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { setQuery } from "../core/router.js";
import { Badge, Card, Code, Field, Page, Resource } from "../core/ui.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const SHOWN_CHARS_MAX = 100000;

/** What a "$ref" leads to. @param {any} whole @param {any} node @returns {any} */
function resolve(whole, node) {
	return node?.$ref ? node.$ref.split("/").slice(1).reduce((/** @type {any} */ at, /** @type {string} */ part) => at[part], whole) : node;
}

/** @param {any} schema @returns {string} */
function schemaText(schema) {
	return schema?.$ref ? schema.$ref.split("/").pop() : schema?.type === "array" ? `[${schemaText(schema.items)}]` : schema?.type ?? "";
}

/** @param {any} whole @param {any} schema @returns {any} */
function example(whole, schema) {
	const known = resolve(whole, schema);
	return known?.example ?? (known?.type === "array" ? [example(whole, known.items)] : undefined);
}

/** The address that the fields make, and the headers. @param {string} path @param {any[]} parameters @param {Record<string, string>} values */
function requestOf(path, parameters, values) {
	let target = path;
	const query = new URLSearchParams();
	const headers = /** @type {Record<string, string>} */ (tenant.get() ? { "NGSILD-Tenant": tenant.get() } : {});
	for (const { name, in: place } of parameters) {
		const value = values[name] ?? "";
		if (place === "path") {
			target = target.replace(`{${name}}`, encodeURIComponent(value));
		} else if (value && place === "query") {
			query.set(name, value);
		} else if (value) {
			headers[name] = value;
		}
	}
	return { url: query.size ? `${target}?${query.toString().replaceAll("+", "%20")}` : target, headers };
}

/** @param {{path: string, parameters: any[]}} props */
function Try({ path, parameters }) {
	const [values, setValues] = useState(/** @type {Record<string, string>} */ ({}));
	const [answer, setAnswer] = useState("");
	const { url, headers } = requestOf(path, parameters, values);
	const curl = ["curl -g", ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`), `'${location.origin}${url}'`].join(" ");
	const send = async (/** @type {Event} */ event) => {
		event.preventDefault();
		setAnswer("…");
		try {
			const response = await fetch(url, { headers });
			const text = await response.text();
			let shown = text;
			try {
				shown = JSON.stringify(JSON.parse(text), null, 2);
			} catch {
				// not JSON: as it came
			}
			setAnswer(`${response.status} ${response.statusText}\n\n${shown.slice(0, SHOWN_CHARS_MAX)}`);
		} catch (error) {
			setAnswer(/** @type {Error} */ (error).message);
		}
	};
	return html`<form onSubmit=${send}><h3>${t("api.try")}</h3>
		<div class="grid">${parameters.map(({ name, in: place }) => html`<${Field} key=${name} label=${name} required=${place === "path"}
			value=${values[name] ?? ""} autocomplete="off" onInput=${(/** @type {string} */ value) => setValues({ ...values, [name]: value })} />`)}</div>
		<${Code} text=${curl} label="curl" />
		<div class="actions"><button class="primary">${t("api.send")}</button></div>
		${answer && html`<${Code} text=${answer} label=${t("api.answer")} />`}
	</form>`;
}

/** @param {{whole: any, path: string, method: string, operation: any}} props */
function Inside({ whole, path, method, operation }) {
	const parameters = (operation.parameters ?? []).map((/** @type {any} */ one) => resolve(whole, one));
	const body = operation.requestBody;
	const types = body ? Object.keys(body.content) : [];
	const shown = body && example(whole, body.content[types[0]].schema);
	return html`<div class="stack inside">
		${operation.description && html`<p class="quiet">${operation.description}</p>`}
		${parameters.length > 0 && html`<h3>${t("api.parameters")}</h3><dl class="facts">${parameters.map((/** @type {any} */ one) => html`
			<dt key=${one.name}><code>${one.name}</code></dt><dd>${one.description} <span class="quiet">${one.in === "query" ? "" : `${one.in} · `}${one.schema?.type}${one.required ? ` · ${t("api.required")}` : ""}</span></dd>`)}</dl>`}
		${body && html`<h3>${t("api.body")}</h3><p>${schemaText(body.content[types[0]].schema)} <span class="quiet">${types.join(", ")}</span></p>
			${shown !== undefined && html`<${Code} text=${JSON.stringify(shown, null, 2)} />`}`}
		<h3>${t("api.answers")}</h3><dl class="facts">${Object.entries(operation.responses).map(([status, response]) => {
			const known = resolve(whole, response);
			return html`<dt key=${status}>${status}</dt><dd>${known.description} <span class="quiet">${schemaText(/** @type {any} */ (Object.values(known.content ?? {})[0])?.schema)}</span></dd>`;
		})}</dl>
		${method === "get" && html`<${Try} path=${path} parameters=${parameters} />`}
	</div>`;
}

/** @param {{whole: any, path: string, method: string, operation: any}} props */
function Operation(props) {
	const { path, method, operation } = props;
	const [open, setOpen] = useState(false);
	return html`<details id=${operation.operationId} onToggle=${(/** @type {any} */ event) => setOpen(event.target.open)}>
		<summary><${Badge} kind=${method === "get" ? "good" : method === "delete" ? "bad" : "warn"}>${method.toUpperCase()}<//> <code>${path}</code>
			<span class="quiet">${operation.summary}</span></summary>
		${open && html`<${Inside} ...${props} />`}
	</details>`;
}

/** Operations whose text has the words, by their tag. @param {any} whole @param {string} wanted @returns {Map<string, any[]>} */
function groupsOf(whole, wanted) {
	const groups = new Map();
	for (const [path, item] of Object.entries(whole.paths)) {
		for (const method of METHODS) {
			const operation = /** @type {any} */ (item)[method];
			if (operation && `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase().includes(wanted)) {
				const tag = operation.tags?.[0] ?? "";
				groups.set(tag, [...(groups.get(tag) ?? []), { whole, path, method, operation }]);
			}
		}
	}
	return groups;
}

/** @param {{query: URLSearchParams}} props */
export default function Api({ query }) {
	const wanted = query.get("find") ?? "";
	const resource = useResource((signal) => get("/openapi.json", { signal }), []);
	return html`<${Page} title=${t("api.title")} lead=${t("api.lead")} actions=${html`<a class="button" href="/openapi.json" data-native>openapi.json</a>`}>
		<${Field} label=${t("api.find")} type="search" value=${wanted} onInput=${(/** @type {string} */ find) => setQuery({ find })} />
		<${Resource} resource=${resource} lines=${12}>${(/** @type {any} */ whole) => {
			const groups = groupsOf(whole, wanted.trim().toLowerCase());
			const count = [...groups.values()].reduce((sum, one) => sum + one.length, 0);
			return html`<p role="status">${t("api.shown", { count })}</p>
				${[...groups].map(([tag, operations]) => html`<${Card} key=${tag} title=${`${tag} (${number(operations.length)})`}>
					${operations.map((one) => html`<${Operation} key=${one.method + one.path} ...${one} />`)}<//>`)}`;
		}}<//>
	<//>`;
}
