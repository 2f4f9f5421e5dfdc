// Preact and htm under one name: components are functions, their markup is a tagged template, nothing is compiled.
import { h, render, Fragment, createContext } from "preact";
import htm from "htm";

export const html = htm.bind(h);
export { render, Fragment, createContext };
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useContext, useId } from "preact/hooks";

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
