// Expected values are calculated by hand from the definitions of power, energy and load factor.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, curveOf, figuresOf, kindOf, piecesOf, piecesOfCounter, piecesOfPower, quantileOf, scaleOf, sumOf } from "../../../web/core/load.js";

const MIN = 60000, HOUR = 60 * MIN, QUARTER = 15 * MIN;
/** @param {number} found @param {number} wanted */
const near = (found, wanted) => assert.ok(Math.abs(found - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted)), `${found}, not ${wanted}`);

test("units are of power, of energy, or of neither", () => {
	assert.equal(kindOf("KWT"), "power");
	assert.equal(kindOf("KWH"), "energy");
	assert.equal(kindOf("VLT"), undefined);
	assert.equal(kindOf("toString"), undefined);
	assert.equal(kindOf(undefined), undefined);
});

test("units as W and Wh", () => {
	for (const [unit, watts] of [["WTT", 2], ["KWT", 2000], ["MAW", 2e6], ["A90", 2e9]]) {
		assert.deepEqual(piecesOf([[0, 2]], unit, MIN), [[0, MIN, watts]]);
	}
	// 3.6 of the unit in one hour: 1 kWh is 3.6 MJ
	for (const [unit, watts] of [["WHR", 3.6], ["KWH", 3600], ["MWH", 3.6e6], ["GWH", 3.6e9], ["JOU", 1e-3], ["KJO", 1], ["3B", 1000], ["GV", 1e6]]) {
		near(piecesOf([[0, 0], [HOUR, 3.6]], unit, HOUR)[0][2], watts);
	}
	assert.deepEqual(piecesOf([[0, 230]], "VLT", MIN), []);
});

test("a power holds until the next one", () => {
	assert.deepEqual(piecesOfPower([[0, 100], [10 * MIN, 400], [20 * MIN, 200]], 30 * MIN),
		[[0, 10 * MIN, 100], [10 * MIN, 20 * MIN, 400], [20 * MIN, 30 * MIN, 200]]);
});

test("but no longer than an hour, or three of its usual distances", () => {
	assert.deepEqual(piecesOfPower([[0, 100], [10 * MIN, 400], [5 * HOUR, 200]], 9 * HOUR)[1], [10 * MIN, 70 * MIN, 400]);
	// every 2 h: 6 h
	assert.deepEqual(piecesOfPower([[0, 1], [2 * HOUR, 1], [4 * HOUR, 1]], 24 * HOUR)[2], [4 * HOUR, 10 * HOUR, 1]);
	assert.deepEqual(piecesOfPower([], HOUR), []);
});

test("a counter's power is what it counted over the time", () => {
	// 500 Wh in half an hour: 1 kW; 100 Wh in an hour: 100 W
	assert.deepEqual(piecesOfCounter([[0, 1000], [30 * MIN, 1500], [90 * MIN, 1600]]), [[0, 30 * MIN, 1000], [30 * MIN, 90 * MIN, 100]]);
});

test("a counter that was reset counts from 0", () => {
	// 99,000 → 300 Wh in an hour: at least 300 Wh
	assert.deepEqual(piecesOfCounter([[0, 99000], [HOUR, 300], [2 * HOUR, 800]]).map(([, , watts]) => watts), [300, 500]);
	assert.deepEqual(piecesOfCounter([[0, 5], [0, 6]]), []); // two readings of one moment
});

test("means of periods are weighted by time", () => {
	// the first quarter: 5 min of 300 W, 10 min of 600 W: 500 W
	assert.deepEqual(curveOf([[0, 5 * MIN, 300], [5 * MIN, 30 * MIN, 600]], 0, 30 * MIN, QUARTER), [500, 600]);
});

test("pieces before and after are cut", () => {
	assert.deepEqual(curveOf([[-HOUR, HOUR, 40]], 0, 30 * MIN, QUARTER), [40, 40]);
});

test("less than half a period known is nothing", () => {
	assert.deepEqual(curveOf([[0, 7 * MIN, 300], [QUARTER, QUARTER + 8 * MIN, 300]], 0, 30 * MIN, QUARTER), [null, 300]);
});

test("energy is kept when a counter is put into periods", () => {
	// readings at 0:05 and 1:05, 1200 Wh apart: the quarters between have 1200 W; the ends are covered by two thirds and one third
	const curve = curveOf(piecesOfCounter([[5 * MIN, 0], [65 * MIN, 1200]]), 0, 90 * MIN, QUARTER);
	assert.deepEqual(curve, [1200, 1200, 1200, 1200, null, null]);
});

test("a sum is known where all are", () => {
	assert.deepEqual(sumOf([[1, 2, null, 4], [10, null, 30, 40]]), [11, null, null, 44]);
	assert.deepEqual(sumOf([[1, null]]), [1, null]);
	assert.deepEqual(sumOf([]), []);
});

test("quantiles between order statistics", () => {
	assert.equal(quantileOf([4, 1, 3, 2], 0.5), 2.5);
	near(quantileOf([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 0.05), 5);
	assert.equal(quantileOf([7], 0.05), 7);
});

test("figures of a curve", () => {
	// four quarters, 100 + 100 + 400 + 200 = 800 W·¼h = 200 Wh; the mean is 200 W, half the peak
	const found = figuresOf([100, 100, 400, null, 200], 1000, QUARTER);
	assert.equal(found.peak, 400);
	assert.equal(found.peakAt, 1000 + 2 * QUARTER);
	near(found.energy, 200);
	assert.equal(found.mean, 200);
	assert.equal(found.loadFactor, 0.5);
	assert.equal(found.covered, 0.8);
	assert.equal(found.base, 100); // 5 % of the way over 100, 100, 200, 400: between the first two
	assert.equal(figuresOf([null, null], 0, QUARTER), undefined);
	assert.equal(figuresOf([0, 0], 0, QUARTER).loadFactor, undefined);
});

test("generation is negative, and its least is no load factor", () => {
	const found = figuresOf([-100, -300], 0, HOUR);
	assert.equal(found.energy, -400);
	assert.equal(found.loadFactor, undefined);
});

test("a change is of the periods that both have", () => {
	near(changeOf([110, 220, null, 900], [100, 200, 500, null]), 0.1);
	assert.equal(changeOf([1], [null]), undefined);
	assert.equal(changeOf([1], [0]), undefined);
});

test("scales by thousands", () => {
	assert.deepEqual(scaleOf(999), [1, ""]);
	assert.deepEqual(scaleOf(1000), [1e3, "k"]);
	assert.deepEqual(scaleOf(-2.5e6), [1e6, "M"]);
	assert.deepEqual(scaleOf(3e9), [1e9, "G"]);
});
