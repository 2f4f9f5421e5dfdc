// The map: MapLibre GL with a style of our own that has no glyphs, sprites or tiles from outside. Texts on it are drawn with the
// system's fonts. This module is loaded by pages with a map alone.
import * as maplibre from "maplibre-gl";
import { html, useEffect, useRef, useState } from "./html.js";
import { number, t } from "./i18n.js";
import { get } from "./api.js";
import { calm } from "./hooks.js";
import { Icon, Notice } from "./ui.js";

maplibre.setWorkerUrl("/web/lib/maplibre-gl-worker.mjs");

const WORLD = /** @type {[number, number]} */ ([103.82, 12]); // before anything is known: South-East Asia
const ZOOM_MAX_FIT = 16;
const CLUSTER_RADIUS_PX = 44, CLUSTER_ZOOM_MAX = 14;
const BADGE_PX = 36;
const EARTH_M = 40075016.686; // equator, WGS 84

/** @param {string} name */
export function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Colour of the nth kind of things. @param {number} at */
export const kindColour = (at) => colour(`--series-${1 + at % 6}`);

/** Corners of GeoJSON geometries. @param {Iterable<any>} geometries @returns {[number, number, number, number] | null} */
export function boundsOf(geometries) {
	let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity;
	/** @param {any} at */
	const take = (at) => {
		if (typeof at[0] === "number") {
			west = Math.min(west, at[0]);
			east = Math.max(east, at[0]);
			south = Math.min(south, at[1]);
			north = Math.max(north, at[1]);
		} else {
			at.forEach(take);
		}
	};
	for (const geometry of geometries) {
		if (geometry?.coordinates) {
			take(geometry.coordinates);
		}
	}
	return west <= east ? [west, south, east, north] : null;
}

/** A disc with a number, drawn with the system's font. @param {string} text @param {string} fill */
function badge(text, fill) {
	const canvas = document.createElement("canvas"), ratio = devicePixelRatio || 1;
	canvas.width = canvas.height = Math.round(BADGE_PX * ratio);
	const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
	pen.scale(ratio, ratio);
	pen.beginPath();
	pen.arc(BADGE_PX / 2, BADGE_PX / 2, BADGE_PX / 2 - 2, 0, 2 * Math.PI);
	pen.fillStyle = fill;
	pen.fill();
	pen.lineWidth = 2;
	pen.strokeStyle = colour("--card");
	pen.stroke();
	pen.fillStyle = colour("--card");
	pen.font = "600 12px system-ui, sans-serif";
	pen.textAlign = "center";
	pen.textBaseline = "middle";
	pen.fillText(text, BADGE_PX / 2, BADGE_PX / 2 + 0.5);
	return { data: pen.getImageData(0, 0, canvas.width, canvas.height), ratio };
}

/** @param {string} tiles URL with {z}, {x}, {y}, or "" @param {string} attribution @returns {any} */
function styleOf(tiles, attribution) {
	return {
		version: 8,
		sources: tiles ? { tiles: { type: "raster", tiles: [tiles], tileSize: 256, attribution } } : {},
		layers: [{ id: "background", type: "background", paint: { "background-color": colour("--map") } },
			...(tiles ? [{ id: "tiles", type: "raster", source: "tiles" }] : [])],
	};
}

const VERTEX = `attribute vec2 from_at; attribute vec2 to_at; attribute vec2 times; attribute vec3 tint;
uniform mat4 matrix; uniform float now; uniform float size; varying vec3 fill;
void main() {
	float part = times.y > times.x ? clamp((now - times.x) / (times.y - times.x), 0.0, 1.0) : 1.0;
	gl_Position = matrix * vec4(mix(from_at, to_at, part), 0.0, 1.0);
	gl_PointSize = size;
	fill = tint;
}`;
const FRAGMENT = `precision mediump float; varying vec3 fill; uniform vec3 edge;
void main() {
	float away = length(gl_PointCoord - 0.5);
	if (away > 0.5) { discard; }
	gl_FragColor = vec4(away > 0.38 ? edge : fill, 1.0);
}`;
const FLOATS = 9; // from x y, to x y, start, end, red green blue
const GLIDE_S_MIN = 0.3, GLIDE_S_MAX = 20;

/** "#0b6e66" as three numbers up to 1. @param {string} text */
function rgb(text) {
	const value = parseInt(text.slice(1), 16);
	return [value >> 16 & 255, value >> 8 & 255, value & 255].map((part) => part / 255);
}

/**
 * Things that move, thousands of them: a point each, which glides from where it was to where it was last heard of, on the
 * GPU; the processor writes 36 bytes when news of one comes. A thing takes as long as lay between its last two news.
 * Positions are Mercator's, relative to an origin in the city, so that single precision is good to a millimetre.
 */
export class MovingLayer {
	/** @param {string} id */
	constructor(id) {
		this.id = id;
		this.type = /** @type {"custom"} */ ("custom");
		this.renderingMode = /** @type {"2d"} */ ("2d");
		/** @type {Map<string, {slot: number, at: number, entity: any}>} */
		this.things = new Map();
		this.room = new Float32Array(FLOATS * 1024);
		/** @type {string[]} */
		this.slots = [];
		/** @type {{x: number, y: number} | null} */
		this.origin = null;
		this.start = performance.now();
		this.movesUntil = 0;
		this.dirtyFrom = Infinity;
		this.dirtyTo = 0;
		this.frames = 0;
		/** @type {any} */
		this.map = null;
	}

	now() {
		return (performance.now() - this.start) / 1000;
	}

	/** @param {number} slot @param {number} now @returns {[number, number]} relative to the origin */
	shownAt(slot, now) {
		const [fx, fy, tx, ty, begin, end] = this.room.subarray(slot * FLOATS, slot * FLOATS + 6);
		const part = end > begin ? Math.min(Math.max((now - begin) / (end - begin), 0), 1) : 1;
		return [fx + (tx - fx) * part, fy + (ty - fy) * part];
	}

	/** News of a thing. @param {string} id @param {[number, number]} lonLat @param {string} tint "#rrggbb" @param {any} entity */
	put(id, lonLat, tint, entity) {
		const place = maplibre.MercatorCoordinate.fromLngLat(lonLat);
		this.origin ??= { x: place.x, y: place.y };
		const x = place.x - this.origin.x, y = place.y - this.origin.y, now = this.now();
		let thing = this.things.get(id), from = /** @type {[number, number]} */ ([x, y]), end = now;
		if (thing) {
			if (!calm()) {
				from = this.shownAt(thing.slot, now);
				end = now + Math.min(Math.max(now - thing.at, GLIDE_S_MIN), GLIDE_S_MAX);
			}
			thing.at = now;
			thing.entity = { ...thing.entity, ...entity };
		} else {
			thing = { slot: this.slots.push(id) - 1, at: now, entity };
			this.things.set(id, thing);
			if (this.slots.length * FLOATS > this.room.length) {
				const more = new Float32Array(this.room.length * 2);
				more.set(this.room);
				this.room = more;
			}
		}
		this.room.set([...from, x, y, now, end, ...rgb(tint)], thing.slot * FLOATS);
		this.movesUntil = Math.max(this.movesUntil, end);
		this.touch(thing.slot);
	}

	/** @param {number} slot @private */
	touch(slot) {
		this.dirtyFrom = Math.min(this.dirtyFrom, slot);
		this.dirtyTo = Math.max(this.dirtyTo, slot + 1);
		this.map?.triggerRepaint();
	}

	/** @param {string} id */
	remove(id) {
		const thing = this.things.get(id);
		if (!thing) {
			return;
		}
		const last = /** @type {string} */ (this.slots.pop());
		this.things.delete(id);
		if (last !== id) {
			const moved = /** @type {{slot: number}} */ (this.things.get(last));
			this.room.copyWithin(thing.slot * FLOATS, moved.slot * FLOATS, (moved.slot + 1) * FLOATS);
			moved.slot = thing.slot;
			this.slots[thing.slot] = last;
		}
		this.touch(Math.min(thing.slot, this.slots.length));
	}

	/** The thing that is shown nearest to a point of the screen. @param {{x: number, y: number}} point @param {number} withinPx */
	nearest(point, withinPx) {
		let found = null, best = withinPx;
		const now = this.now();
		for (const [id, thing] of this.things) {
			const [x, y] = this.shownAt(thing.slot, now);
			const place = new maplibre.MercatorCoordinate(x + (this.origin?.x ?? 0), y + (this.origin?.y ?? 0)).toLngLat();
			const there = this.map.project(place);
			const away = Math.hypot(there.x - point.x, there.y - point.y);
			if (away < best) {
				best = away;
				found = { id, entity: thing.entity, place };
			}
		}
		return found;
	}

	/** @param {any} map @param {WebGLRenderingContext} gl */
	onAdd(map, gl) {
		this.map = map;
		/** @param {number} type @param {string} source */
		const compile = (type, source) => {
			const shader = /** @type {WebGLShader} */ (gl.createShader(type));
			gl.shaderSource(shader, source);
			gl.compileShader(shader);
			return shader;
		};
		const program = /** @type {WebGLProgram} */ (gl.createProgram());
		gl.attachShader(program, compile(gl.VERTEX_SHADER, VERTEX));
		gl.attachShader(program, compile(gl.FRAGMENT_SHADER, FRAGMENT));
		gl.linkProgram(program);
		this.program = program;
		this.buffer = gl.createBuffer();
		/** @type {number} */
		this.bufferFloats = 0;
		this.places = ["from_at", "to_at", "times", "tint"].map((name) => gl.getAttribLocation(program, name));
		this.uniforms = Object.fromEntries(["matrix", "now", "size", "edge"].map((name) => [name, gl.getUniformLocation(program, name)]));
	}

	/** @param {any} _map @param {WebGLRenderingContext} gl */
	onRemove(_map, gl) {
		gl.deleteBuffer(this.buffer ?? null);
		gl.deleteProgram(this.program ?? null);
		this.map = null;
	}

	/** @param {WebGLRenderingContext} gl @private */
	upload(gl) {
		gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer ?? null);
		if (this.bufferFloats !== this.room.length) {
			gl.bufferData(gl.ARRAY_BUFFER, this.room, gl.DYNAMIC_DRAW);
			this.bufferFloats = this.room.length;
		} else if (this.dirtyFrom < this.dirtyTo) {
			gl.bufferSubData(gl.ARRAY_BUFFER, this.dirtyFrom * FLOATS * 4, this.room.subarray(this.dirtyFrom * FLOATS, this.dirtyTo * FLOATS));
		}
		this.dirtyFrom = Infinity;
		this.dirtyTo = 0;
	}

	/** @param {WebGLRenderingContext} gl @param {any} input */
	render(gl, input) {
		if (!this.slots.length || !this.origin) {
			return;
		}
		const now = this.now(), matrix = Float64Array.from(input.defaultProjectionData.mainMatrix);
		for (let row = 0; row < 4; row++) { // moved to the origin, in double precision
			matrix[12 + row] += matrix[row] * this.origin.x + matrix[4 + row] * this.origin.y;
		}
		gl.useProgram(this.program ?? null);
		this.upload(gl);
		[2, 2, 2, 3].reduce((offset, size, at) => {
			const place = /** @type {number[]} */ (this.places)[at];
			gl.enableVertexAttribArray(place);
			gl.vertexAttribPointer(place, size, gl.FLOAT, false, FLOATS * 4, offset);
			return offset + size * 4;
		}, 0);
		const uniforms = /** @type {Record<string, WebGLUniformLocation | null>} */ (this.uniforms);
		gl.uniformMatrix4fv(uniforms.matrix, false, new Float32Array(matrix));
		gl.uniform1f(uniforms.now, now);
		gl.uniform1f(uniforms.size, Math.min(Math.max(this.map.getZoom() - 5, 4), 13) * (devicePixelRatio || 1));
		gl.uniform3fv(uniforms.edge, rgb(colour("--card")));
		gl.drawArrays(gl.POINTS, 0, this.slots.length);
		this.frames++;
		if (now < this.movesUntil && !document.hidden) {
			this.map.triggerRepaint();
		}
	}
}

/**
 * Entities of one kind on the map: points gather in discs with a number, lines and areas are drawn.
 * @param {any} map @param {string} kind @param {any[]} entities with location @param {string} tint
 */
export function showKind(map, kind, entities, tint) {
	const data = { type: "FeatureCollection", features: entities.map((entity) => ({ type: "Feature", geometry: entity.location,
		properties: { id: entity.id, name: typeof entity.name === "string" ? entity.name : "" } })) };
	const points = data.features.length > 0 && data.features.every(({ geometry }) => geometry?.type === "Point");
	map.addSource(kind, { type: "geojson", data, ...(points ? { cluster: true, clusterRadius: CLUSTER_RADIUS_PX, clusterMaxZoom: CLUSTER_ZOOM_MAX } : {}) });
	const under = map.getLayer("moving") ? "moving" : undefined;
	if (points) {
		map.addLayer({ id: `${kind} point`, type: "circle", source: kind, filter: ["!", ["has", "point_count"]],
			paint: { "circle-radius": 5, "circle-color": tint, "circle-stroke-width": 1.5, "circle-stroke-color": colour("--card") } }, under);
		map.addLayer({ id: `${kind} cluster`, type: "symbol", source: kind, filter: ["has", "point_count"], layout: {
			"icon-image": ["concat", `badge ${tint} `, ["to-string", ["get", "point_count"]]], "icon-allow-overlap": true } }, under);
	} else {
		map.addLayer({ id: `${kind} area`, type: "fill", source: kind, filter: ["==", ["geometry-type"], "Polygon"],
			paint: { "fill-color": tint, "fill-opacity": 0.15 } }, under);
		map.addLayer({ id: `${kind} line`, type: "line", source: kind, paint: { "line-color": colour("--edge"), "line-width": 1, "line-opacity": 0.4 } }, under);
	}
}

/** @param {any} map @param {string} kind */
export function hideKind(map, kind) {
	for (const part of ["point", "cluster", "area", "line"]) {
		if (map.getLayer(`${kind} ${part}`)) {
			map.removeLayer(`${kind} ${part}`);
		}
	}
	if (map.getSource(kind)) {
		map.removeSource(kind);
	}
}

/** Length of a bar of the scale: a round number of metres that is at most so many pixels. @param {any} map @param {number} px */
function scaleOf(map, px) {
	const metres = EARTH_M * Math.cos(map.getCenter().lat * Math.PI / 180) / 2 ** map.getZoom() / 512 * px;
	const power = 10 ** Math.floor(Math.log10(metres));
	const round = [5, 2, 1].map((step) => step * power).find((step) => step <= metres) ?? power;
	return { px: px * round / metres, text: round >= 1000 ? number(round / 1000, { style: "unit", unit: "kilometer" }) : number(round, { style: "unit", unit: "meter" }) };
}

/** @param {any} map */
function Scale({ map }) {
	const bar = useRef(/** @type {HTMLElement | null} */ (null));
	const [scale, setScale] = useState(() => scaleOf(map, 100));
	useEffect(() => {
		const moved = () => setScale(scaleOf(map, 100));
		map.on("moveend", moved);
		return () => map.off("moveend", moved);
	}, [map]);
	useEffect(() => {
		if (bar.current) {
			bar.current.style.width = `${scale.px}px`;
		}
	}, [scale]);
	return html`<div class="map-over bottom-left"><span class="map-note"><span class="scale-bar" ref=${bar} aria-hidden="true"></span>${scale.text}</span></div>`;
}

/**
 * @param {{label: string, onMap: (map: any) => (void | (() => void)), home?: () => [number, number, number, number] | null, small?: boolean,
 *   onPick?: (map: any, point: {x: number, y: number}) => void, attribution?: string, children?: any}} props
 *   onMap: the map is ready; again after the theme has changed, for all layers are new then. onPick: a place is clicked, or
 *   Enter pressed, which takes the middle.
 */
export function CityMap({ label, onMap, home, onPick, attribution, small, children }) {
	const place = useRef(/** @type {HTMLDivElement | null} */ (null));
	const [map, setMap] = useState(/** @type {any} */ (null));
	const [trouble, setTrouble] = useState("");
	const [credit, setCredit] = useState("");
	const latest = useRef(/** @type {any} */ ({}));
	latest.current = { onMap, onPick, home };
	useEffect(() => {
		let made = /** @type {any} */ (null), gone = false, undo = /** @type {any} */ (undefined);
		let told = { tiles: "", tilesAttribution: "" };
		const dressed = () => {
			undo?.();
			undo = latest.current.onMap(made);
		};
		const theme = () => {
			if (made) {
				made.setStyle(styleOf(told.tiles, told.tilesAttribution), { diff: false });
				made.once("styledata", dressed);
			}
		};
		const dark = matchMedia("(prefers-color-scheme: dark)");
		const make = () => {
			made = new maplibre.Map({ container: /** @type {HTMLElement} */ (place.current), style: styleOf(told.tiles, told.tilesAttribution), center: WORLD,
				zoom: 4, attributionControl: false, fadeDuration: 0, maxPitch: 0, dragRotate: false, pitchWithRotate: false, locale: { "Map.Title": label } });
			made.touchZoomRotate.disableRotation();
			made.setMissingStyleImageResolver((/** @type {string} */ id) => {
				const [what, tint, ...text] = id.split(" ");
				if (what === "badge" && !made.hasImage(id)) {
					const { data, ratio } = badge(number(Number(text.join(" ")), { notation: "compact" }), tint);
					made.addImage(id, data, { pixelRatio: ratio });
				}
			});
			made.on("click", (/** @type {any} */ event) => latest.current.onPick?.(made, event.point));
			made.getCanvas().addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
				if (event.key === "Enter") {
					const box = made.getCanvas().getBoundingClientRect();
					latest.current.onPick?.(made, { x: box.width / 2, y: box.height / 2 });
				}
			});
			made.once("load", () => {
				dressed();
				setMap(made);
				performance.mark("machi-map-ready");
			});
		};
		get("/api/v1/console").then((found) => {
			told = found;
			setCredit(found.tilesAttribution);
		}, () => {}).then(() => {
			if (gone) {
				return;
			}
			try {
				make();
			} catch (error) { // no WebGL
				setTrouble(/** @type {Error} */ (error).message);
			}
		});
		addEventListener("machi-theme", theme);
		dark.addEventListener("change", theme);
		return () => {
			gone = true;
			removeEventListener("machi-theme", theme);
			dark.removeEventListener("change", theme);
			undo?.();
			made?.remove();
		};
	}, []);
	useEffect(() => {
		map?.getCanvas().setAttribute("aria-label", label);
	}, [map, label]);
	const zoom = (/** @type {number} */ by) => map?.zoomTo(map.getZoom() + by, { animate: !calm() });
	const all = () => {
		const box = latest.current.home?.();
		if (box) {
			map?.fitBounds(box, { padding: 30, maxZoom: ZOOM_MAX_FIT, animate: !calm() });
		}
	};
	return html`<div><div class=${small ? "map map-small" : "map"}>
		<div class="map-place" ref=${place}></div>
		${trouble && html`<${Notice} kind="bad">${t("common.noMap")} ${trouble}<//>`}
		<div class="map-over top-right">
			<button type="button" aria-label=${t("common.zoomIn")} title=${t("common.zoomIn")} onClick=${() => zoom(1)}><${Icon} name="plus" /></button>
			<button type="button" aria-label=${t("common.zoomOut")} title=${t("common.zoomOut")} onClick=${() => zoom(-1)}><${Icon} name="minus" /></button>
			${home && html`<button type="button" aria-label=${t("common.showAll")} title=${t("common.showAll")} onClick=${all}><${Icon} name="all" /></button>`}
		</div>
		${children}
		${map && html`<${Scale} map=${map} />`}
	</div>
		${(attribution || credit) && html`<p class="help">${[credit, attribution].filter(Boolean).join(" · ")}</p>`}
	</div>`;
}

/** A box at a place of the map, of elements; ends with the returned function. @param {any} map @param {any} place @param {HTMLElement} content
 * @param {() => void} onClose */
export function popup(map, place, content, onClose) {
	const box = new maplibre.Popup({ closeButton: false, maxWidth: "none", focusAfterOpen: false }).setLngLat(place).setDOMContent(content).addTo(map);
	box.on("close", onClose);
	return () => box.remove();
}
