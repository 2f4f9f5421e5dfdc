// Expected values are calculated by hand from the rule of histogram_quantile() in Prometheus' documentation.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMetrics, quantileOf, sumOf } from "../../../web/core/metrics.js";

const TEXT = `# HELP a_total what
# TYPE a_total counter
a_total{tenant="",code="2xx"} 10
a_total{tenant="x \\"y\\"",code="2xx"} 2.5e1
up 1
d_bucket{le="0.1"} 4
d_bucket{le="0.2"} 8
d_bucket{le="+Inf"} 10
`;

test("samples with their labels", () => {
	const samples = parseMetrics(TEXT);
	assert.equal(samples.length, 6);
	assert.deepEqual(samples[1], { name: "a_total", labels: { tenant: 'x "y"', code: "2xx" }, value: 25 });
	assert.equal(sumOf(samples, "a_total"), 35);
	assert.equal(sumOf(samples, "a_total", { tenant: "" }), 10);
	assert.equal(sumOf(samples, "nothing"), undefined);
});

test("quantiles lie within their bucket", () => {
	const samples = parseMetrics(TEXT);
	assert.ok(Math.abs(quantileOf(samples, "d", 0.5) - 0.125) < 1e-12); // 5 of 10: a quarter of the way from 4 to 8
	assert.equal(quantileOf(samples, "d", 0.99), 0.2); // beyond the last bound
	assert.equal(quantileOf([], "d", 0.5), undefined);
	assert.ok(Math.abs(quantileOf(samples, "d", 0.5, parseMetrics('d_bucket{le="0.1"} 4\nd_bucket{le="0.2"} 4\nd_bucket{le="+Inf"} 6\n')) - 0.15) < 1e-12);
});
