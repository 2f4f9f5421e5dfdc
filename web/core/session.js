// Who is signed in, and what he may do.
import { Signal } from "./html.js";
import { csrf, get } from "./api.js";

/**
 * @typedef {object} Account
 * @property {string} name
 * @property {string} displayName
 * @property {string} role
 * @property {string[]} services
 * @property {string[] | null} tenants
 * @property {string} language
 */
/**
 * @typedef {object} Session
 * @property {"accounts" | "open"} mode
 * @property {Account | null} account
 * @property {string[]} permissions
 * @property {string} csrfToken
 * @property {boolean} mustChangePassword
 * @property {string | null} expiresAt
 * @property {{title: string, url: string} | null} oidc
 * @property {string} version
 */

/** @type {Signal<Session | null>} null: not yet known */
export const session = new Signal(/** @type {Session | null} */ (null));

/** @param {Session} found */
function take(found) {
	csrf.token = found.csrfToken ?? "";
	session.set(found);
}

export async function loadSession() {
	take(await get("/api/v1/session"));
}

/** @param {string} permission such as "feeds:write" */
export function may(permission) {
	return session.get()?.permissions.includes(permission) ?? false;
}
