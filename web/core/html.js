// Preact and htm under one name: components are functions, their markup is a tagged template, nothing is compiled.
import { h, render } from "preact";
import { useState } from "preact/hooks";
import htm from "htm";

export const html = htm.bind(h);
export { render };
export { useState, useEffect, useMemo, useRef } from "preact/hooks";

let lastId = 0;

/** An id that no other element of the document has; the component's own for as long as it is there. @returns {string} */
export function useId() {
	return useState(() => `id-${++lastId}`)[0];
}

/**
 * Something that components watch: get() is its value, set() tells those who watch.
 * @template T
 */
export class Signal {
	/** @param {T} value */
	constructor(value) {
		this.value = value;
		/** @type {Set<() => void>} */
		this.watchers = new Set();
	}

	get() {
		return this.value;
	}

	/** @param {T} value */
	set(value) {
		if (value === this.value) {
			return;
		}
		this.value = value;
		for (const watcher of [...this.watchers]) {
			watcher();
		}
	}

	/** @param {() => void} watcher @returns {() => void} ends it */
	watch(watcher) {
		this.watchers.add(watcher);
		return () => {
			this.watchers.delete(watcher);
		};
	}
}
