// What components share: watching a signal, asking for something again and again, time that passes.
import { useEffect, useRef, useState } from "./html.js";

/**
 * The signal's value; the component is drawn again when it changes.
 * @template T
 * @param {import("./html.js").Signal<T>} signal
 * @returns {T}
 */
export function useSignal(signal) {
	const [, again] = useState(0);
	useEffect(() => signal.watch(() => again((n) => n + 1)), [signal]);
	return signal.get();
}

/** The time now, ms since 1970, renewed each `ms`. @param {number} ms */
export function useNow(ms = 1000) {
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), ms);
		return () => clearInterval(timer);
	}, [ms]);
	return now;
}

/**
 * What load() gives, now and every refreshMs (four times as seldom in a hidden tab). What fails leaves what was there:
 * error says why, at says of when the data is.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {any[]} dependencies asked anew when one of these changes
 * @param {{refreshMs?: number}} [options]
 * @returns {{data: T | undefined, error: Error | undefined, at: number, loading: boolean, reload: () => void}}
 */
export function useResource(load, dependencies, { refreshMs = 0 } = {}) {
	const [state, setState] = useState(/** @type {{data: any, error: any, at: number, loading: boolean}} */ (
		{ data: undefined, error: undefined, at: 0, loading: true }));
	const kick = useRef(() => {});
	useEffect(() => {
		const controller = new AbortController();
		let timer = 0;
		const round = async () => {
			clearTimeout(timer);
			try {
				const data = await load(controller.signal);
				if (!controller.signal.aborted) {
					setState({ data, error: undefined, at: Date.now(), loading: false });
				}
			} catch (error) {
				if (!controller.signal.aborted) {
					setState((old) => ({ ...old, error, loading: false }));
				}
			}
			if (refreshMs && !controller.signal.aborted) {
				timer = setTimeout(round, document.hidden ? 4 * refreshMs : refreshMs);
			}
		};
		kick.current = round;
		setState({ data: undefined, error: undefined, at: 0, loading: true });
		round();
		return () => {
			controller.abort();
			clearTimeout(timer);
		};
	}, dependencies);
	return { ...state, reload: () => kick.current() };
}

/** Whether a media query holds. @param {string} query */
export function useMedia(query) {
	const [matches, setMatches] = useState(() => matchMedia(query).matches);
	useEffect(() => {
		const list = matchMedia(query);
		const told = () => setMatches(list.matches);
		list.addEventListener("change", told);
		told();
		return () => list.removeEventListener("change", told);
	}, [query]);
	return matches;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
