// Changes as they happen, by server-sent events (docs/reference/stream.md). The browser comes back by itself with the
// number of the latest event; what was missed for good is told as a reset, upon which the state is to be read anew.
import { query, tenant } from "./api.js";
import { Signal } from "./html.js";

/** @typedef {{live: boolean, since: number, heardAt: number}} StreamState since: ms of this state; heardAt: of the latest event */

const RETRY_MS = 5000;

export class Stream {
	/**
	 * @param {Record<string, any>} selector parameters of /api/v1/stream, type or attrs at least
	 * @param {{entity: (entity: any, trigger: string) => void, reset?: () => void}} handlers
	 */
	constructor(selector, handlers) {
		this.selector = { options: "keyValues", ...selector };
		this.handlers = handlers;
		this.state = new Signal(/** @type {StreamState} */ ({ live: false, since: Date.now(), heardAt: 0 }));
		this.heardAt = 0;
		this.closed = false;
		this.timer = 0;
		this.open();
	}

	/** @private */
	open() {
		const parameters = { ...this.selector, tenant: tenant.get() };
		const source = new EventSource(`/api/v1/stream?${query(parameters)}`);
		this.source = source;
		source.onopen = () => this.become(true);
		source.onerror = () => {
			this.become(false);
			if (source.readyState === EventSource.CLOSED && !this.closed) {
				this.timer = setTimeout(() => this.open(), RETRY_MS);
			}
		};
		source.addEventListener("change", (event) => {
			this.heardAt = Date.now();
			const notification = JSON.parse(event.data);
			for (const entity of notification.data) {
				this.handlers.entity(entity, notification.trigger ?? "");
			}
		});
		source.addEventListener("reset", () => this.handlers.reset?.());
	}

	/** @param {boolean} live @private */
	become(live) {
		if (live !== this.state.get().live) {
			this.state.set({ live, since: Date.now(), heardAt: this.heardAt });
		}
	}

	close() {
		this.closed = true;
		clearTimeout(this.timer);
		this.source?.close();
	}
}
