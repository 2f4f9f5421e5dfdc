// Languages: texts from one file each, numbers, dates and ages by the locale. A text that a language lacks is English.
import { Signal } from "./html.js";

export const LANGUAGES = [
	["en", "English"],
	["ja", "日本語"],
	["km", "ភាសាខ្មែរ"],
	["vi", "Tiếng Việt"],
	["th", "ไทย"],
	["id", "Bahasa Indonesia"],
];
const KEPT = "machi.language";

/** @typedef {{[key: string]: string | Texts}} Texts */

export const language = new Signal("en");
/** @type {Texts} */
let texts = {};
/** @type {Texts} */
let english = {};
/** @type {Map<string, any>} */
let formats = new Map();

/** @param {string} code @returns {Promise<Texts>} */
async function fetchTexts(code) {
	const response = await fetch(`/web/lang/${code}.json`);
	if (!response.ok) {
		throw new Error(`no texts for ${code}: ${response.status}`);
	}
	return response.json();
}

/** The language that was chosen, else the browser's first that there is. @returns {string} */
export function preferred() {
	const known = LANGUAGES.map(([code]) => code);
	const wanted = [localStorage.getItem(KEPT) ?? "", ...navigator.languages];
	return wanted.map((tag) => tag.split("-")[0].toLowerCase()).find((code) => known.includes(code)) ?? "en";
}

/** @param {string} code @param {boolean} keep remember it in this browser */
export async function speak(code, keep = false) {
	const [wanted, fallback] = await Promise.all([fetchTexts(code), code === "en" ? null : fetchTexts("en")]);
	texts = wanted;
	english = fallback ?? wanted;
	formats = new Map();
	if (keep) {
		localStorage.setItem(KEPT, code);
	}
	document.documentElement.lang = code;
	language.set(code);
}

/** @param {Texts} from @param {string} key @returns {string | Texts | undefined} */
function find(from, key) {
	/** @type {any} */
	let at = from;
	for (const part of key.split(".")) {
		at = at?.[part];
	}
	return at;
}

/** @param {string} name @param {() => any} make */
function format(name, make) {
	if (!formats.has(name)) {
		formats.set(name, make());
	}
	return formats.get(name);
}

/** The text of a key, undefined where there is none. @param {string} key @param {Record<string, any>} [values] */
export function maybe(key, values) {
	let text = find(texts, key) ?? find(english, key);
	if (text && typeof text === "object") {
		const rules = format("plural", () => new Intl.PluralRules(language.get()));
		text = text[rules.select(Number(values?.count ?? 0))] ?? text.other;
	}
	if (typeof text !== "string") {
		return undefined;
	}
	return text.replace(/\{(\w+)\}/g, (whole, name) => {
		const value = values?.[name];
		return value === undefined ? whole : typeof value === "number" ? number(value) : String(value);
	});
}

/**
 * The text of a key ("feeds.title"). {name} in it is a value; a text by count is an object with "one" and "other".
 * @param {string} key
 * @param {Record<string, any>} [values]
 * @returns {string}
 */
export function t(key, values) {
	return maybe(key, values) ?? key;
}

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options = {}) {
	return format(`n${JSON.stringify(options)}`,
		() => new Intl.NumberFormat(language.get(), { maximumFractionDigits: 2, ...options })).format(value);
}

/** @param {number | string | Date} at */
export function dateTime(at) {
	return format("dt", () => new Intl.DateTimeFormat(language.get(), { dateStyle: "medium", timeStyle: "medium" }))
		.format(new Date(at));
}

/** @param {number | string | Date} at */
export function date(at) {
	return format("d", () => new Intl.DateTimeFormat(language.get(), { dateStyle: "medium" })).format(new Date(at));
}

/** @param {number | string | Date} at */
export function time(at) {
	return format("t", () => new Intl.DateTimeFormat(language.get(), { timeStyle: "medium" })).format(new Date(at));
}

/** "14:05" or "14:05:30". @param {number} at @param {boolean} seconds */
export function clock(at, seconds) {
	return format(`c${seconds}`, () => new Intl.DateTimeFormat(language.get(), { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hourCycle: "h23" }))
		.format(at);
}

/** "5 Mar", with the year in January. @param {number} at */
export function dayMonth(at) {
	const january = new Date(at).getMonth() === 0 && new Date(at).getDate() <= 7;
	return format(`dm${january}`, () => new Intl.DateTimeFormat(language.get(), { day: "numeric", month: "short", ...(january ? { year: "numeric" } : {}) })).format(at);
}

/** Short names of the days of the week, Monday first. @returns {string[]} */
export function weekdays() {
	const names = new Intl.DateTimeFormat(language.get(), { weekday: "short", timeZone: "UTC" });
	return [0, 1, 2, 3, 4, 5, 6].map((day) => names.format(Date.UTC(2024, 0, 1 + day)));
}

const STEPS = /** @type {[number, Intl.RelativeTimeFormatUnit][]} */ (
	[[60, "second"], [60, "minute"], [24, "hour"], [30, "day"], [12, "month"], [Infinity, "year"]]);

/** "5 seconds ago", of what is so many ms old; negative: in the future. @param {number} ms */
export function age(ms) {
	const words = format("age", () => new Intl.RelativeTimeFormat(language.get(), { numeric: "auto", style: "short" }));
	let value = -ms / 1000;
	for (const [size, unit] of STEPS) {
		if (Math.abs(value) < size) {
			return words.format(Math.round(value), unit);
		}
		value /= size;
	}
	return "";
}

/** "2 h 5 min", of a length of time in seconds. @param {number} seconds */
export function duration(seconds) {
	/** @param {number} value @param {string} unit */
	const part = (value, unit) => number(value, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 });
	if (seconds < 60) {
		return number(seconds, { style: "unit", unit: "second", unitDisplay: "short", maximumFractionDigits: seconds < 10 ? 1 : 0 });
	}
	const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
	if (minutes < 60) {
		return [part(minutes, "minute"), ...(seconds % 60 >= 1 ? [part(seconds % 60, "second")] : [])].join(" ");
	}
	return hours < 24 ? `${part(hours, "hour")} ${part(minutes % 60, "minute")}` : `${part(days, "day")} ${part(hours % 24, "hour")}`;
}

/** "1.5 MiB". @param {number} count */
export function bytes(count) {
	const names = ["B", "KiB", "MiB", "GiB", "TiB"];
	let at = 0;
	while (count >= 1024 && at < names.length - 1) {
		count /= 1024;
		at++;
	}
	return `${number(count, { maximumFractionDigits: count < 10 && at ? 1 : 0 })} ${names[at]}`;
}
