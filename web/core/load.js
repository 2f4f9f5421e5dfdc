// Load curves: what meters say, powers or counters of energy, as mean powers of periods of equal length, and what is told of
// them. Pure functions: times are ms since 1970, powers W, energies Wh. Codes of UN/CEFACT Recommendation 20.

const HOUR_MS = 3600000;
const HOLD_MS = HOUR_MS; // a power holds so long when nothing newer is told, or three of its usual distances
const HOLD_DISTANCES = 3;
const COVERED_MIN = 0.5; // of a period, else nothing is said of it
const BASE_QUANTILE = 0.05;

/** W in a unit of power. @type {Record<string, number>} */
export const POWER = { C31: 1e-3, WTT: 1, KWT: 1e3, MAW: 1e6, A90: 1e9 };
/** Wh in a unit of energy. @type {Record<string, number>} */
export const ENERGY = { WHR: 1, KWH: 1e3, MWH: 1e6, GWH: 1e9, JOU: 1 / 3600, KJO: 1e3 / 3600, "3B": 1e6 / 3600, GV: 1e9 / 3600 };

/** @typedef {[number, number]} Point time and value */
/** @typedef {[number, number, number]} Piece from, to, W */
/** @typedef {(number | null)[]} Curve the mean power of each period; null: not known */

/** Whether a unit is of power or of energy, undefined for any other. @param {string | undefined} unit */
export function kindOf(unit) {
	return unit === undefined ? undefined : Object.hasOwn(POWER, unit) ? "power" : Object.hasOwn(ENERGY, unit) ? "energy" : undefined;
}

/** The middle one of numbers, of an even count the lower one. @param {number[]} values */
function middle(values) {
	return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

/** By the step rule: a power holds until the next one is told, the latest of all until `until`, but none longer than an hour,
 * or three times the middle distance between values where that is more. @param {Point[]} points by time, W
 * @param {number} until @returns {Piece[]} */
export function piecesOfPower(points, until) {
	const distances = points.slice(1).map(([at], index) => at - points[index][0]);
	const hold = Math.max(HOLD_MS, distances.length ? HOLD_DISTANCES * middle(distances) : 0);
	return points.map(([at, watts], index) => /** @type {Piece} */ ([at, Math.min(points[index + 1]?.[0] ?? until, at + hold), watts]))
		.filter(([from, to]) => to > from);
}

/** Between two readings of a counter the power is what was counted over the time. A counter that stands lower than before has
 * begun anew at 0. @param {Point[]} points by time, Wh @returns {Piece[]} */
export function piecesOfCounter(points) {
	const pieces = /** @type {Piece[]} */ ([]);
	for (let index = 1; index < points.length; index++) {
		const [from, before] = points[index - 1], [to, now] = points[index];
		if (to > from) {
			pieces.push([from, to, (now >= before ? now - before : now) * HOUR_MS / (to - from)]);
		}
	}
	return pieces;
}

/** Pieces of what a meter says in its unit. @param {Point[]} points by time @param {string} unit @param {number} until
 * @returns {Piece[]} none for another unit than of power or energy */
export function piecesOf(points, unit, until) {
	const kind = kindOf(unit);
	/** @param {number} factor @returns {Point[]} */
	const times = (factor) => points.map(([at, value]) => [at, value * factor]);
	return kind === "power" ? piecesOfPower(times(POWER[unit]), until) : kind === "energy" ? piecesOfCounter(times(ENERGY[unit])) : [];
}

/** Mean powers by period, weighted by time. A period of which less than half is known is null.
 * @param {Piece[]} pieces @param {number} from @param {number} to @param {number} periodMs @returns {Curve} */
export function curveOf(pieces, from, to, periodMs) {
	const count = Math.ceil((to - from) / periodMs), work = new Float64Array(count), known = new Float64Array(count);
	for (const [begin, end, watts] of pieces) {
		const last = Math.min(end, to);
		for (let at = Math.max(begin, from); at < last;) {
			const period = Math.floor((at - from) / periodMs), next = Math.min(last, from + (period + 1) * periodMs);
			work[period] += watts * (next - at);
			known[period] += next - at;
			at = next;
		}
	}
	return Array.from(work, (sum, period) => known[period] >= COVERED_MIN * periodMs ? sum / known[period] : null);
}

/** The sum of curves of the same periods: known where all of them are. @param {Curve[]} curves @returns {Curve} */
export function sumOf(curves) {
	return (curves[0] ?? []).map((_, at) => curves.reduce((/** @type {number | null} */ sum, curve) => {
		const value = curve[at];
		return sum === null || value === null ? null : sum + value;
	}, 0));
}

/** A quantile between order statistics, linear (Hyndman and Fan's definition 7). @param {number[]} values at least one @param {number} quantile */
export function quantileOf(values, quantile) {
	const sorted = [...values].sort((a, b) => a - b), place = quantile * (sorted.length - 1), low = Math.floor(place);
	const high = Math.min(low + 1, sorted.length - 1);
	return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

/**
 * What is told of a curve, undefined where nothing of it is known: the greatest mean of a period and when that began, the base
 * load (5th percentile), mean, energy of the known periods (Wh), mean over peak, and the share of periods that are known.
 * @param {Curve} curve @param {number} from @param {number} periodMs
 */
export function figuresOf(curve, from, periodMs) {
	const known = curve.filter((value) => value !== null);
	if (!known.length) {
		return undefined;
	}
	const peak = known.reduce((most, value) => Math.max(most, value), -Infinity), sum = known.reduce((all, value) => all + value, 0);
	const mean = sum / known.length;
	return { peak, peakAt: from + curve.indexOf(peak) * periodMs, base: quantileOf(known, BASE_QUANTILE), mean, energy: sum * periodMs / HOUR_MS,
		loadFactor: peak > 0 ? mean / peak : undefined, covered: known.length / curve.length };
}

/** How much more was used than in an earlier curve, as a ratio, by those periods alone that both know; undefined where there
 * are none, or nothing was used then. @param {Curve} now @param {Curve} before */
export function changeOf(now, before) {
	let sum = 0, old = 0;
	now.forEach((value, at) => {
		const then = before[at] ?? null;
		if (value !== null && then !== null) {
			sum += value;
			old += then;
		}
	});
	return old > 0 ? sum / old - 1 : undefined;
}

const SCALE = /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]]);

/** The factor and prefix in which so many W or Wh are read well. @param {number} greatest @returns {[number, string]} */
export function scaleOf(greatest) {
	return SCALE.find(([factor]) => Math.abs(greatest) >= factor) ?? [1, ""];
}
