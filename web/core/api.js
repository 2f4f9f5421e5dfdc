// Asking the server: what is refused becomes an ApiError with the problem document's words (RFC 7807).
import { Signal } from "./html.js";

const TIMEOUT_MS = 30000;
const PAGES_MAX = 100;
const TENANT_KEPT = "machi.tenant";

export const ROOT = "/ngsi-ld/v1";

/** The tenant that is looked at; "" is the default one. */
export const tenant = new Signal(sessionStorage.getItem(TENANT_KEPT) ?? "");
tenant.watch(() => sessionStorage.setItem(TENANT_KEPT, tenant.get()));

/** Token against forged requests, of the session; session.js sets it. */
export const csrf = { token: "" };

/** Told when the server does not know (any more) who asks; session.js sets it. */
export const unknown = { told: () => {} };

export class ApiError extends Error {
	/** @param {number} status 0: no answer @param {string} detail @param {any} [problem] */
	constructor(status, detail, problem = {}) {
		super(detail);
		this.status = status;
		this.problem = problem;
	}
}

/**
 * @typedef {object} Asking
 * @property {string} [method]
 * @property {any} [body] sent as JSON, or a string with its type
 * @property {string} [type] media type of a string body
 * @property {string} [accept]
 * @property {AbortSignal} [signal]
 * @property {number} [timeoutMs]
 * @property {string} [tenant] another one than that which is looked at
 */

/** @param {string} path @param {Asking} [asking] @returns {Promise<Response>} */
export async function ask(path, asking = {}) {
	const { method = "GET", body, accept = "application/json" } = asking;
	/** @type {Record<string, string>} */
	const headers = { Accept: accept };
	const name = asking.tenant ?? tenant.get();
	if (name) {
		headers["NGSILD-Tenant"] = name;
	}
	if (method !== "GET") {
		headers["X-CSRF-Token"] = csrf.token;
		headers["Content-Type"] = asking.type ?? "application/json";
	}
	const timeout = AbortSignal.timeout(asking.timeoutMs ?? TIMEOUT_MS);
	let response;
	try {
		response = await fetch(path, {
			method, headers, credentials: "same-origin", cache: "no-store",
			body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
			signal: asking.signal ? AbortSignal.any([asking.signal, timeout]) : timeout,
		});
	} catch (error) {
		if (asking.signal?.aborted) {
			throw error;
		}
		throw new ApiError(0, /** @type {Error} */ (error).message);
	}
	if (!response.ok) {
		const problem = await response.json().catch(() => ({}));
		if (response.status === 401) {
			unknown.told();
		}
		throw new ApiError(response.status, problem.detail ?? problem.title ?? `${response.status}`, problem);
	}
	return response;
}

/** @param {string} path @param {Asking} [asking] @returns {Promise<any>} */
export async function get(path, asking) {
	return (await ask(path, asking)).json();
}

/** What a changing request answers, undefined without a body. @param {string} method @param {string} path
 * @param {any} [body] @param {Asking} [asking] @returns {Promise<any>} */
export async function send(method, path, body, asking = {}) {
	const response = await ask(path, { ...asking, method, body });
	const text = await response.text();
	return text ? JSON.parse(text) : undefined;
}

/** "a=1&b=2" of what is neither undefined, null nor "". @param {Record<string, any>} parameters */
export function query(parameters) {
	const all = new URLSearchParams();
	for (const [name, value] of Object.entries(parameters)) {
		if (value !== undefined && value !== null && value !== "") {
			all.set(name, String(value));
		}
	}
	return all.toString();
}

/** How many entities match. @param {Record<string, any>} parameters @param {Asking} [asking] */
export async function countEntities(parameters, asking) {
	const response = await ask(`${ROOT}/entities?${query({ ...parameters, limit: 0, count: true })}`, asking);
	return Number(response.headers.get("NGSILD-Results-Count"));
}

/** One page of entities with how many there are. @param {Record<string, any>} parameters @param {Asking} [asking]
 * @returns {Promise<{entities: any[], total: number}>} */
export async function entities(parameters, asking) {
	const response = await ask(`${ROOT}/entities?${query({ count: true, ...parameters })}`, asking);
	return { entities: await response.json(), total: Number(response.headers.get("NGSILD-Results-Count")) };
}

/** All entities that match, by rel="next", at most `most` of them. @param {Record<string, any>} parameters
 * @param {Asking & {most?: number, from?: string}} [asking] from: "temporal/entities" for evolutions @returns {Promise<any[]>} */
export async function allEntities(parameters, asking = {}) {
	const found = [];
	/** @type {string | undefined} */
	let path = `${ROOT}/${asking.from ?? "entities"}?${query({ limit: 1000, ...parameters })}`;
	for (let page = 0; path && page < PAGES_MAX && found.length < (asking.most ?? Infinity); page++) {
		const response = await ask(path, asking);
		found.push(...(await response.json()));
		const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
		path = next && new URL(next, location.href).pathname + new URL(next, location.href).search;
	}
	return found;
}
