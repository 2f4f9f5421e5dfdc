// Series of a numeric attribute out of the history, rolled up so that no more than a chart can show is sent.
import { get, query, ROOT } from "./api.js";
import { symbol } from "./units.js";

export const RANGES = /** @type {[string, number][]} */ ([["1h", 3600], ["24h", 86400], ["7d", 604800], ["30d", 2592000], ["1y", 31536000], ["all", 0]]);
export const POINTS_MAX = 2000;
const RAW_S_MAX = 86400; // shorter ranges come as they were told, as long as they are no more than the server's page

/** A round length of a roll-up, s, so that no more than POINTS_MAX come. @param {number} seconds */
export function periodOf(seconds) {
	const wanted = seconds / POINTS_MAX;
	return [60, 300, 900, 3600, 21600, 86400].find((step) => step >= wanted) ?? 604800;
}

/**
 * @param {string} id @param {string} name @param {{from: number, to: number} | null} range ms; null: the latest values, whenever
 * @param {string[]} methods of roll-ups (GS CIM 009, 4.5.19) @param {AbortSignal} signal
 * @returns {Promise<{label: string, unit: string, points: [number, number][]}[]>}
 */
export async function loadSeries(id, name, range, methods, signal) {
	const rolled = range !== null && range.to - range.from > RAW_S_MAX * 1000;
	const iso = (/** @type {number} */ at) => new Date(at).toISOString();
	const parameters = { attrs: name, ...(range ? { timerel: "between", timeAt: iso(range.from), endTimeAt: iso(range.to) } : { lastN: POINTS_MAX }),
		options: rolled ? "aggregatedValues" : "temporalValues",
		...(rolled ? { aggrMethods: methods.join(","), aggrPeriodDuration: `PT${periodOf((range.to - range.from) / 1000)}S` } : {}) };
	const [found, entity] = await Promise.all([get(`${ROOT}/temporal/entities/${encodeURIComponent(id)}?${query(parameters)}`, { signal }),
		get(`${ROOT}/entities/${encodeURIComponent(id)}?pick=${encodeURIComponent(name)}`, { signal }).catch(() => ({}))]);
	const told = [found[name]].flat()[0] ?? {}, unit = symbol([entity[name]].flat()[0]?.unitCode);
	/** @param {any[]} rows @returns {[number, number][]} */
	const points = (rows) => rows.filter(([value]) => typeof value === "number").map(([value, at]) => /** @type {[number, number]} */ ([Date.parse(at), value])).sort((a, b) => a[0] - b[0]);
	const lines = rolled ? methods.map((method) => ({ label: `${name} ${method}`, unit, points: points(told[method] ?? []) })) : [{ label: name, unit, points: points(told.values ?? []) }];
	return lines.filter((line) => line.points.length);
}

/** Means by day of the week (Monday first) and hour, in local time; undefined where there is no value.
 * @param {[number, number][]} points @returns {(number | undefined)[][]} [day][hour] */
export function byHour(points) {
	const sums = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => [0, 0]));
	for (const [at, value] of points) {
		const when = new Date(at), cell = sums[(when.getDay() + 6) % 7][when.getHours()];
		cell[0] += value;
		cell[1]++;
	}
	return sums.map((day) => day.map(([sum, count]) => count ? sum / count : undefined));
}
