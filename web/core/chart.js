// Time series by uPlot, which is loaded with the first chart. Colours are the theme's, numbers and dates the language's; what the
// picture says can be read as a table and taken along as CSV or PNG.
import { html, useEffect, useRef, useState } from "./html.js";
import { clock, dateTime, dayMonth, number, t } from "./i18n.js";
import { Action, Trouble } from "./ui.js";

const HEIGHT_PX = 260;
const ROWS_SHOWN_MAX = 200;

/** @typedef {{label: string, unit: string, points: [number, number | null][], dashed?: boolean, tint?: number, gaps?: boolean}} Series
 *   points: ms since 1970 and value, by time; tint: which of the six colours; gaps: null is a gap in the line */

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One column of times for all series, null where one has no value. @param {Series[]} series @returns {(number | null)[][]} seconds first */
export function joined(series) {
	const times = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
	const place = new Map(times.map((at, index) => [at, index]));
	return [times.map((at) => at / 1000), ...series.map(({ points }) => {
		const column = /** @type {(number | null)[]} */ (new Array(times.length).fill(null));
		for (const [at, value] of points) {
			column[/** @type {number} */ (place.get(at))] = value;
		}
		return column;
	})];
}

/** A field of CSV (RFC 4180, section 2). @param {string} text */
const csvField = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** @param {Series[]} series */
export function csvOf(series) {
	const [times, ...columns] = joined(series);
	const head = ["time", ...series.map(({ label, unit }) => csvField(unit ? `${label} (${unit})` : label))].join(",");
	return [head, ...times.map((at, row) => [new Date(/** @type {number} */ (at) * 1000).toISOString(), ...columns.map((column) => column[row] ?? "")].join(","))].join("\r\n") + "\r\n";
}

/** A moment on an axis whose marks are so many seconds apart. @param {number} at ms @param {number} step */
function moment(at, step) {
	return step >= 86400 ? dayMonth(at) : step >= 60 ? clock(at, false) : clock(at, true);
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	URL.revokeObjectURL(link.href);
}

/** Range of an axis that has 0 in it. @param {any} _plot @param {number | null} low @param {number | null} high */
const fromZero = (_plot, low, high) => {
	const least = Math.min(0, 1.05 * (low ?? 0)), most = Math.max(0, 1.05 * (high ?? 0));
	return [least, most > least ? most : 1];
};

/** @param {any} uPlot @param {Series[]} series @param {number} width @param {(from: number, to: number) => void} zoomed @param {(at: number | null) => void} pointed
 * @param {boolean} zero the axes of values begin at 0 */
function optionsOf(uPlot, series, width, zoomed, pointed, zero) {
	const units = [...new Set(series.map(({ unit }) => unit))];
	const ink = colour("--quiet"), grid = { stroke: colour("--line"), width: 1 };
	return {
		width, height: HEIGHT_PX, legend: { show: false }, cursor: { drag: { x: true, y: false, setScale: false } },
		scales: { x: { time: true }, ...(zero ? Object.fromEntries(units.map((unit) => [`y${unit}`, { range: fromZero }])) : {}) },
		axes: [{ stroke: ink, grid, ticks: grid, space: 90, values: (/** @type {any} */ _, /** @type {number[]} */ splits, /** @type {number} */ _axis, /** @type {number} */ _space, /** @type {number} */ step) =>
			splits.map((at) => moment(at * 1000, step)) }, ...units.slice(0, 2).map((unit, at) => ({ scale: `y${unit}`, side: at ? 1 : 3, stroke: ink,
			grid: at ? { show: false } : grid, ticks: grid, size: 64, values: (/** @type {any} */ _, /** @type {number[]} */ values) => values.map((value) => value === null ? "" : `${number(value)} ${unit}`) }))],
		series: [{}, ...series.map(({ unit, points, dashed, tint, gaps }, at) => ({ scale: `y${unit}`, stroke: colour(`--series-${1 + (tint ?? at) % 6}`), width: 1.5,
			...(dashed ? { dash: [6, 5] } : {}), points: { show: points.length < 60 }, spanGaps: !gaps }))],
		hooks: {
			setSelect: [(/** @type {any} */ plot) => {
				if (plot.select.width > 4) {
					zoomed(plot.posToVal(plot.select.left, "x") * 1000, plot.posToVal(plot.select.left + plot.select.width, "x") * 1000);
				}
				plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
			}],
			setCursor: [(/** @type {any} */ plot) => pointed(plot.cursor.idx ?? null)],
		},
		plugins: [], fmtDate: uPlot.fmtDate,
	};
}

/** @param {{series: Series[], title: string, onZoom?: (from: number, to: number) => void, zero?: boolean}} props zero: axes begin at 0 */
export function Chart({ series, title, onZoom, zero = false }) {
	const place = useRef(/** @type {HTMLDivElement | null} */ (null));
	const [uPlot, setUPlot] = useState(/** @type {any} */ (null));
	const [trouble, setTrouble] = useState(/** @type {any} */ (null));
	const [row, setRow] = useState(/** @type {number | null} */ (null));
	const data = joined(series);
	useEffect(() => {
		import("uplot").then((found) => setUPlot(() => found.default), setTrouble);
	}, []);
	useEffect(() => {
		const box = place.current;
		if (!uPlot || !box) {
			return undefined;
		}
		let plot = /** @type {any} */ (null);
		const draw = () => {
			plot?.destroy();
			plot = new uPlot(optionsOf(uPlot, series, Math.max(box.clientWidth, 100), (from, to) => onZoom?.(from, to), setRow, zero), data, box);
		};
		draw();
		const watch = new ResizeObserver(() => plot.setSize({ width: Math.max(box.clientWidth, 100), height: HEIGHT_PX }));
		const dark = matchMedia("(prefers-color-scheme: dark)");
		watch.observe(box);
		addEventListener("machi-theme", draw);
		dark.addEventListener("change", draw);
		return () => {
			watch.disconnect();
			removeEventListener("machi-theme", draw);
			dark.removeEventListener("change", draw);
			plot.destroy();
		};
	}, [uPlot, series]);
	const at = row ?? Math.max(0, data[1]?.findLastIndex((value) => value !== null) ?? 0);
	const picture = () => /** @type {HTMLCanvasElement} */ (place.current?.querySelector("canvas")).toBlob((blob) => blob && save(blob, `${title}.png`));
	return html`<div class="stack">
		${trouble && html`<${Trouble} error=${trouble} />`}
		<div class="chart" ref=${place} role="img" aria-label=${t("common.chart", { title, from: dateTime(Number(data[0][0]) * 1000), to: dateTime(Number(data[0].at(-1)) * 1000) })}></div>
		<ul class="legend">${series.map(({ label, unit, dashed, tint }, index) => html`<li key=${label}><span class=${`key key-${1 + (tint ?? index) % 6} ${dashed ? "key-dashed" : ""}`} aria-hidden="true"></span>${label}:
			<strong> ${data[index + 1][at] === null || data[index + 1][at] === undefined ? "–" : number(/** @type {number} */ (data[index + 1][at]))}</strong> ${unit}</li>`)}
			<li class="quiet">${data[0].length ? dateTime(Number(data[0][at]) * 1000) : ""}</li></ul>
		<div class="actions"><${Action} icon="download" onClick=${() => save(new Blob([csvOf(series)], { type: "text/csv" }), `${title}.csv`)}>CSV<//>
			<${Action} icon="download" onClick=${picture}>PNG<//></div>
		<details><summary>${t("common.asTable")}</summary><div class="table-scroll" tabindex="0" role="group" aria-label=${title}><table>
			<thead><tr><th scope="col">${t("common.time")}</th>${series.map(({ label, unit }) => html`<th scope="col" class="number" key=${label}>${label} ${unit}</th>`)}</tr></thead>
			<tbody>${data[0].slice(-ROWS_SHOWN_MAX).map((when, index) => html`<tr key=${when}><td>${dateTime(Number(when) * 1000)}</td>${series.map((_, column) => {
				const value = data[column + 1][Math.max(0, data[0].length - ROWS_SHOWN_MAX) + index];
				return html`<td class="number" key=${column}>${value === null ? "" : number(/** @type {number} */ (value))}</td>`;
			})}</tr>`)}</tbody></table></div></details>
	</div>`;
}

