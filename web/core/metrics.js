// The daemon's own figures: the text of /metrics (Prometheus exposition format 0.0.4) as samples.

/** @typedef {{name: string, labels: Record<string, string>, value: number}} Sample */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** @param {string} text @returns {Sample[]} */
export function parseMetrics(text) {
	const found = [];
	for (const line of text.split("\n")) {
		const parts = line.startsWith("#") ? null : LINE.exec(line);
		if (parts) {
			const labels = Object.fromEntries([...(parts[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value.replace(/\\(.)/g, (_, letter) => letter === "n" ? "\n" : letter)]));
			found.push({ name: parts[1], labels, value: parts[3] === "+Inf" ? Infinity : Number(parts[3]) });
		}
	}
	return found;
}

/** Sum of a metric's samples with these labels, undefined where there is none. @param {Sample[]} samples @param {string} name
 * @param {Record<string, string>} [labels] */
export function sumOf(samples, name, labels = {}) {
	const those = samples.filter((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
	return those.length ? those.reduce((sum, sample) => sum + sample.value, 0) : undefined;
}

/**
 * A quantile of a histogram, as Prometheus' histogram_quantile() takes it: linear within the bucket, the last bound where it
 * lies beyond; undefined where nothing was counted.
 * @param {Sample[]} samples @param {string} name without "_bucket" @param {number} quantile of 0 to 1
 * @param {Sample[]} [before] earlier samples, whose counts are taken away
 */
export function quantileOf(samples, name, quantile, before = []) {
	/** @param {Sample[]} from */
	const buckets = (from) => from.filter((sample) => sample.name === `${name}_bucket`)
		.map((sample) => ({ bound: sample.labels.le === "+Inf" ? Infinity : Number(sample.labels.le), count: sample.value })).sort((a, b) => a.bound - b.bound);
	const old = buckets(before), all = buckets(samples).map(({ bound, count }, at) => ({ bound, count: count - (old[at]?.count ?? 0) }));
	const total = all.at(-1)?.count ?? 0;
	if (!total) {
		return undefined;
	}
	const wanted = quantile * total, at = all.findIndex(({ count }) => count >= wanted);
	const low = at ? all[at - 1] : { bound: 0, count: 0 };
	if (all[at].bound === Infinity) {
		return low.bound;
	}
	return low.bound + (all[at].bound - low.bound) * (wanted - low.count) / (all[at].count - low.count);
}
