// What moves: the whole once, then each change by the stream. Pages with vehicles share it.
import { html } from "./html.js";
import { t } from "./i18n.js";
import { allEntities } from "./api.js";
import { useNow, useSignal } from "./hooks.js";
import { Stream } from "./stream.js";
import { Age, Notice } from "./ui.js";

export const MOVING = "Vehicle";
export const SHOWN_MOST = 20000; // of one kind
const SILENT_MS = 3000; // shorter breaks are not told

/** Where an entity is: its GeoProperty "location", else any. @param {any} entity */
export function placeOf(entity) {
	const found = [entity.location, entity.position, ...Object.values(entity)].find((value) => value && typeof value === "object"
		&& typeof value.type === "string" && Array.isArray(value.coordinates));
	return found;
}

/** @param {any} layer a MovingLayer, whose tint(entity) is "#rrggbb" @param {() => void} changed */
export function follow(layer, changed) {
	let gone = false;
	/** @param {any} entity */
	const put = (entity) => {
		const place = placeOf(entity);
		if (place?.type === "Point") {
			layer.put(entity.id, place.coordinates, layer.tint(layer.things.get(entity.id)?.entity ?? entity), entity);
		}
	};
	const load = async () => {
		const all = await allEntities({ type: MOVING, options: "keyValues", limit: 1000 }, { most: SHOWN_MOST });
		if (gone) {
			return;
		}
		const there = new Set(all.map((entity) => entity.id));
		for (const id of [...layer.things.keys()]) {
			if (!there.has(id)) {
				layer.remove(id);
			}
		}
		all.forEach(put);
		changed();
	};
	const stream = new Stream({ type: MOVING, trigger: "entityCreated,attributeCreated,attributeUpdated,entityDeleted" }, {
		entity(entity, trigger) {
			if (trigger === "entityDeleted") {
				layer.remove(entity.id);
			} else {
				put(entity);
			}
			changed();
		},
		reset: () => load().catch(() => {}),
	});
	return { stream, load, end() {
		gone = true;
		stream.close();
	} };
}

/** The stream is broken: since when. @param {{state: any}} props state: a Stream's */
export function Silent({ state }) {
	const { live, since, heardAt } = /** @type {any} */ (useSignal(state));
	const now = useNow(1000);
	return live || now - since < SILENT_MS ? null : html`<${Notice} kind="warn">${t("city.silent")} <${Age} at=${heardAt || since} />.<//>`;
}
