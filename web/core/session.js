// Who is signed in, and what he may do.
import { Signal } from "./html.js";
import { csrf, get, send, unknown } from "./api.js";

/**
 * @typedef {object} Account
 * @property {string} name
 * @property {string} role
 * @property {string[]} services
 * @property {string[] | null} tenants null: all
 */
/**
 * @typedef {object} Session
 * @property {"accounts" | "open"} mode
 * @property {Account | null} account
 * @property {string[]} permissions
 * @property {string} csrfToken
 * @property {boolean} mustChangePassword
 * @property {string | null} expiresAt
 * @property {string} city
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

/** Somebody has to sign in before anything is shown. */
export const isStranger = () => session.get()?.mode === "accounts" && !session.get()?.account;

let asked = false;
/* The session has ended meanwhile: the server is asked once what is left of it. */
unknown.told = () => {
	if (!asked && !isStranger()) {
		asked = true;
		loadSession().catch(() => {}).finally(() => {
			asked = false;
		});
	}
};

/** @param {string} name @param {string} password */
export async function signIn(name, password) {
	take(await send("POST", "/api/v1/session", { name, password }));
}

export async function signOut() {
	await send("DELETE", "/api/v1/session");
	await loadSession();
}

/** One's own. @param {string} current @param {string} wanted */
export async function changePassword(current, wanted) {
	await send("POST", "/api/v1/session/password", { current, new: wanted });
	await loadSession();
}

/** @param {string} permission such as "feeds:write" */
export function may(permission) {
	return session.get()?.permissions.includes(permission) ?? false;
}
