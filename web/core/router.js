// Addresses of pages: links stay links, a click on one changes the page without loading it anew.
import { Signal } from "./html.js";

/** @typedef {{path: string, query: URLSearchParams}} Place */

/** @returns {Place} */
function here() {
	return { path: decodePath(location.pathname), query: new URLSearchParams(location.search) };
}

/** @param {string} path */
function decodePath(path) {
	return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

export const place = new Signal(here());
/** How often a page was gone to since the document was loaded; from the first time on a page's heading takes the focus. */
export const moves = { count: 0 };

function arrive() {
	const there = here();
	if (there.path !== place.get().path) {
		moves.count++;
	}
	place.set(there);
}

/** @param {string} path with its query @param {{replace?: boolean}} [options] */
export function go(path, { replace = false } = {}) {
	if (path !== location.pathname + location.search) {
		history[replace ? "replaceState" : "pushState"](null, "", path);
	}
	arrive();
}

/** Changes members of the query, so that what is looked at has an address; "" and null take one away.
 * @param {Record<string, any>} members @param {{push?: boolean}} [options] */
export function setQuery(members, { push = false } = {}) {
	const query = new URLSearchParams(location.search);
	for (const [name, value] of Object.entries(members)) {
		if (value === null || value === undefined || value === "") {
			query.delete(name);
		} else {
			query.set(name, String(value));
		}
	}
	const text = query.toString();
	go(location.pathname + (text ? `?${text}` : ""), { replace: !push });
}

/** Address of an entity's page. @param {string} id */
export const entityPath = (id) => `/entities/${encodeURIComponent(id)}`;

export function startRouter() {
	addEventListener("popstate", arrive);
	document.addEventListener("click", (event) => {
		const link = /** @type {Element} */ (event.target).closest?.("a[href]");
		if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0 || event.ctrlKey
			|| event.metaKey || event.shiftKey || event.altKey || link.target || link.hasAttribute("download")
			|| link.dataset.native !== undefined) {
			return;
		}
		const url = new URL(link.href);
		if (url.origin !== location.origin || url.hash && url.pathname === location.pathname
			|| /^\/(ngsi-ld|api\/|metrics|health|openapi|web\/)/.test(url.pathname)) {
			return;
		}
		event.preventDefault();
		go(url.pathname + url.search);
		scrollTo(0, 0);
	});
}
