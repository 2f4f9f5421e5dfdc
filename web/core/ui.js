// The parts that pages are made of. Every one has its states: loading, empty, wrong, stale.
import { html, useEffect, useId, useRef, useState } from "./html.js";
import { age, dateTime, maybe, number, t } from "./i18n.js";
import { useNow } from "./hooks.js";
import { moves } from "./router.js";

/** @typedef {any} Children */

const ICONS = {
	city: "M3 21V9l6-4v16M9 21V3l12 6v12M13 10h4M13 14h4M13 18h4M3 21h18",
	entities: "M4 5h6v6H4zM14 5h6v6h-6zM4 15h6v4H4zM14 15h6v4h-6z",
	history: "M3 17l5-6 4 3 4-7 5 6M3 21h18",
	transit: "M6 4h12v12H6zM6 11h12M9 16l-2 4M15 16l2 4M9 13.5h.01M15 13.5h.01",
	flows: "M8 5a2.5 2.5 0 110 5 2.5 2.5 0 010-5zM3.5 19c0-4 1.5-6 4.5-6s4.5 2 4.5 6M15 8h6M18 5l3 3-3 3M21 16h-6M18 13l-3 3 3 3",
	consumption: "M13 2L5 14h6l-1 8 8-12h-6z",
	feeds: "M4 20a8 8 0 018-8M4 13a4 4 0 014-4M12 20V4M12 4l-4 4M12 4l4 4M16 20h4",
	subscriptions: "M6 9a6 6 0 0112 0c0 6 2 7 2 7H4s2-1 2-7M10 20a2 2 0 004 0",
	registrations: "M12 3v6M12 15v6M5 12h14M5 9h2v6H5zM17 9h2v6h-2zM9 9h6v6H9z",
	tenants: "M3 21V8l9-5 9 5v13M9 21v-6h6v6",
	notifications: "M4 5h16v12H7l-3 3zM8 9h8M8 13h5",
	system: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
	api: "M8 6l-5 6 5 6M16 6l5 6-5 6M14 4l-4 16",
	accounts: "M9 5a4 4 0 110 8 4 4 0 010-8zM2 21a7 7 0 0114 0M16 6a3 3 0 110 6M18 15a6 6 0 014 6",
	audit: "M6 3h9l4 4v14H6zM9 11h7M9 15h7M9 7h3",
	account: "M12 4a4 4 0 110 8 4 4 0 010-8zM4 21a8 8 0 0116 0",
	leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
	menu: "M4 6h16M4 12h16M4 18h16",
	close: "M5 5l14 14M19 5L5 19",
	plus: "M12 5v14M5 12h14",
	minus: "M5 12h14",
	all: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
	search: "M10 4a6 6 0 110 12 6 6 0 010-12zM15 15l5 5",
	sun: "M12 7a5 5 0 110 10 5 5 0 010-10zM12 1v2M12 21v2M1 12h2M21 12h2M4 4l2 2M18 18l2 2M20 4l-2 2M6 18l-2 2",
	moon: "M20 14A8 8 0 1110 4a7 7 0 0010 10z",
	alert: "M12 3l10 18H2zM12 10v5M12 18h.01",
	check: "M4 12l5 5L20 6",
	copy: "M8 8h12v12H8zM4 16V4h12",
	download: "M12 3v12M7 10l5 5 5-5M4 21h16",
	pause: "M8 5v14M16 5v14",
	play: "M7 4l13 8-13 8z",
	trash: "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14",
	language: "M12 3a9 9 0 110 18 9 9 0 010-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
	link: "M10 14a4 4 0 010-6l3-3a4 4 0 016 6l-2 2M14 10a4 4 0 010 6l-3 3a4 4 0 01-6-6l2-2",
};

/** A drawing beside a text, which says the same. @param {{name: string}} props */
export function Icon({ name }) {
	return html`<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
		<path d=${/** @type {Record<string, string>} */ (ICONS)[name] ?? ""} /></svg>`;
}

/** A page: its heading, which takes the focus when the page is gone to, and what can be done with it.
 * @param {{title: string, lead?: Children, actions?: Children, wide?: boolean, children?: Children}} props */
export function Page({ title, lead, actions, wide, children }) {
	const heading = useRef(/** @type {HTMLHeadingElement | null} */ (null));
	useEffect(() => {
		document.title = `${title} · Machi`;
	}, [title]);
	useEffect(() => {
		if (moves.count) {
			heading.current?.focus({ preventScroll: true });
		}
	}, []);
	return html`<div class=${wide ? "page page-wide" : "page"}>
		<div class="page-head">
			<div><h1 ref=${heading} tabindex="-1" id="page-title">${title}</h1>${lead && html`<p class="lead">${lead}</p>`}</div>
			${actions && html`<div class="actions">${actions}</div>`}
		</div>
		${children}
	</div>`;
}

/** @param {{title?: string, actions?: Children, class?: string, children?: Children, level?: number}} props */
export function Card({ title, actions, class: name = "", children }) {
	const id = useId();
	return html`<section class=${`card ${name}`} aria-labelledby=${title ? id : undefined}>
		${(title || actions) && html`<div class="card-head">${title && html`<h2 id=${id}>${title}</h2>`}
			${actions && html`<div class="actions">${actions}</div>`}</div>`}
		${children}
	</section>`;
}

/** How long ago; the moment itself on hover and for those who listen. @param {{at: number | string | null | undefined}} props */
export function Age({ at }) {
	const now = useNow(1000);
	if (!at) {
		return html`<span class="quiet">${t("common.never")}</span>`;
	}
	const moment = new Date(at);
	return html`<time datetime=${moment.toISOString()} title=${dateTime(moment)}>${age(now - moment.getTime())}</time>`;
}

/** A key figure: value, unit, what it is, its age, and how it changed. trend: of the same length before, as a ratio.
 * @param {{label: string, value: number | string | undefined, unit?: string, at?: number, trend?: number | null,
 *   trendGood?: "up" | "down", note?: Children, href?: string, children?: Children}} props */
export function Figure({ label, value, unit, at, trend, trendGood, note, href, children }) {
	const shown = value === undefined ? html`<span class="skeleton">000</span>`
		: typeof value === "number" ? number(value, { maximumFractionDigits: 1 }) : value;
	const direction = !trend ? "" : trend > 0 ? "up" : "down";
	const mood = !trend || !trendGood ? "" : direction === trendGood ? "good" : "bad";
	return html`<div class="figure" aria-busy=${value === undefined}>
		<div class="figure-label">${href ? html`<a href=${href}>${label}</a>` : label}</div>
		<div class="figure-value"><strong>${shown}</strong>${unit && html` <span class="unit">${unit}</span>`}
			${trend !== undefined && trend !== null && html`<span class=${`trend ${mood}`}>
				<span aria-hidden="true">${direction === "up" ? "▲" : direction === "down" ? "▼" : "■"}</span>
				${number(trend, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 1 })}</span>`}</div>
		${children}
		<div class="figure-foot quiet">${at ? html`<${Age} at=${at} />` : ""}${at && note ? " · " : ""}${note}</div>
	</div>`;
}

/** What is wrong, with what can be done about it. @param {{kind?: "bad" | "warn" | "good" | "info", children?: Children,
 *   actions?: Children}} props */
export function Notice({ kind = "info", children, actions }) {
	return html`<div class=${`notice ${kind}`} role=${kind === "bad" ? "alert" : "status"}>
		<${Icon} name=${kind === "good" ? "check" : "alert"} /><div>${children}</div>${actions}</div>`;
}

/** Why something failed, in the words of the server. @param {{error: any, retry?: () => void}} props */
export function Trouble({ error, retry }) {
	const what = error?.status === 0 ? t("common.noAnswer") : error?.status === 403 ? t("common.notAllowed")
		: t("common.refused");
	return html`<${Notice} kind="bad" actions=${retry && html`<button type="button" onClick=${retry}>${t("common.again")}</button>`}>
		<strong>${what}</strong> ${error?.message}<//>`;
}

/**
 * A resource in whichever state it is: a skeleton, trouble, nothing, or what draw() makes of the data, with a line above
 * when that is old because the server is silent.
 * @template T
 * @param {{resource: {data: T | undefined, error: Error | undefined, at: number, reload: () => void},
 *   empty?: Children, isEmpty?: (data: T) => boolean, lines?: number, children: (data: T) => Children}} props
 */
export function Resource({ resource, empty, isEmpty, lines = 3, children }) {
	const { data, error, at, reload } = resource;
	if (data === undefined) {
		return error ? html`<${Trouble} error=${error} retry=${reload} />` : html`<${Skeleton} lines=${lines} />`;
	}
	const nothing = isEmpty ? isEmpty(data) : Array.isArray(data) && data.length === 0;
	return html`${error && html`<${Stale} at=${at} error=${error} retry=${reload} />`}
		${nothing ? html`<div class="empty">${empty ?? t("common.nothing")}</div>` : children(data)}`;
}

/** @param {{at: number, error?: Error, retry?: () => void}} props */
export function Stale({ at, error, retry }) {
	return html`<${Notice} kind="warn" actions=${retry && html`<button type="button" onClick=${retry}>${t("common.again")}</button>`}>
		${t("common.stale")} <${Age} at=${at} />. ${error?.message}<//>`;
}

/** @param {{lines?: number}} props */
export function Skeleton({ lines = 3 }) {
	return html`<div class="skeletons" role="status"><span class="visually-hidden">${t("common.loading")}</span>
		${Array.from({ length: lines }, (_, line) => html`<div class="skeleton" key=${line}>${"\u00a0"}</div>`)}</div>`;
}

/** @param {{kind?: string, children?: Children}} props kind: good, warn, bad, quiet */
export function Badge({ kind = "quiet", children }) {
	return html`<span class=${`badge ${kind}`}>${children}</span>`;
}

/**
 * A table that scrolls sideways by itself on a phone.
 * @param {{caption: string, columns: {key: string, title: Children, number?: boolean, sort?: string}[], rows: any[],
 *   cell: (row: any, key: string) => Children, rowKey: (row: any) => string, sorted?: string, onSort?: (sorted: string) => void}} props
 *   sort: what a press on the column's title sorts by; sorted: that name, with "-" before it from the greatest on
 */
export function Table({ caption, columns, rows, cell, rowKey, sorted = "", onSort }) {
	/** @param {string} by */
	const order = (by) => sorted === by ? "ascending" : sorted === `-${by}` ? "descending" : undefined;
	/** @param {{sort?: string, number?: boolean, title: Children}} column */
	const head = ({ sort, number: numeric, title }) => sort && onSort ? html`<button type="button" class="sort"
		onClick=${() => onSort(order(sort) === (numeric ? "descending" : "ascending") ? (numeric ? sort : `-${sort}`) : numeric ? `-${sort}` : sort)}>${title}
		<span aria-hidden="true">${order(sort) === "ascending" ? "▲" : order(sort) === "descending" ? "▼" : ""}</span></button>` : title;
	return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${caption}><table>
		<caption class="visually-hidden">${caption}</caption>
		<thead><tr>${columns.map((column) => html`<th scope="col" key=${column.key} class=${column.number ? "number" : ""}
			aria-sort=${column.sort ? order(column.sort) : undefined}>${head(column)}</th>`)}</tr></thead>
		<tbody>${rows.map((row) => html`<tr key=${rowKey(row)}>${columns.map((column) => html`<td key=${column.key}
			class=${column.number ? "number" : ""}>${cell(row, column.key)}</td>`)}</tr>`)}</tbody>
	</table></div>`;
}

/**
 * A labelled input with help and, when it is wrong, why.
 * @param {{label: string, help?: Children, error?: string, type?: string, value: any, onInput: (value: any) => void,
 *   options?: [string, string][], rows?: number, required?: boolean, autocomplete?: string, placeholder?: string,
 *   disabled?: boolean, min?: number | string, max?: number | string, step?: number | string, list?: string[],
 *   spellcheck?: boolean, name?: string}} props options makes it a choice, rows a text of so many lines, type "checkbox" a box
 */
export function Field({ label, help, error, type = "text", value, onInput, options, rows, list, ...more }) {
	const id = useId();
	const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
	const shared = { id, "aria-describedby": described, "aria-invalid": error ? "true" : undefined, ...more };
	/** @param {any} event */
	const typed = (event) => onInput(type === "checkbox" ? event.target.checked : event.target.value);
	const control = options ? html`<select ...${shared} value=${value} onChange=${typed}>
			${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}</select>`
		: rows ? html`<textarea ...${shared} rows=${rows} value=${value} onInput=${typed}></textarea>`
		: type === "checkbox" ? html`<input ...${shared} type="checkbox" checked=${value} onChange=${typed} />`
		: html`<input ...${shared} type=${type} value=${value} onInput=${typed} list=${list ? `${id}-list` : undefined} />`;
	return html`<div class=${`field ${type === "checkbox" ? "field-box" : ""}`}>
		<label for=${id}>${label}</label>${control}
		${list && html`<datalist id=${`${id}-list`}>${list.map((one) => html`<option key=${one} value=${one} />`)}</datalist>`}
		${help && html`<div class="help" id=${`${id}-help`}>${help}</div>`}
		${error && html`<div class="field-error" id=${`${id}-error`}>${error}</div>`}
	</div>`;
}

/** A button that waits for what it does, and shows when that fails. @param {{onClick: () => Promise<any> | any, kind?: string,
 *   icon?: string, children?: Children, confirm?: string, disabled?: boolean, label?: string}} props confirm: asked first */
export function Action({ onClick, kind = "", icon, children, confirm: question, disabled, label }) {
	const [state, setState] = useState(/** @type {{busy: boolean, error: any}} */ ({ busy: false, error: undefined }));
	const run = async () => {
		if (question && !window.confirm(question)) {
			return;
		}
		setState({ busy: true, error: undefined });
		try {
			await onClick();
			setState({ busy: false, error: undefined });
		} catch (error) {
			setState({ busy: false, error });
		}
	};
	return html`<span class="action"><button type="button" class=${kind} onClick=${run} disabled=${disabled || state.busy}
		aria-busy=${state.busy} aria-label=${label} title=${label}>${icon && html`<${Icon} name=${icon} />`}${children}</button>
		${state.error && html`<span class="field-error" role="alert">${state.error.message}</span>`}</span>`;
}

/** A dialog over the page. @param {{title: string, onClose: () => void, children?: Children}} props */
export function Dialog({ title, onClose, children }) {
	const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
	const id = useId();
	useEffect(() => {
		element.current?.showModal();
	}, []);
	return html`<dialog ref=${element} aria-labelledby=${id} onClose=${onClose}>
		<div class="card-head"><h2 id=${id}>${title}</h2>
			<button type="button" class="plain" aria-label=${t("common.close")} onClick=${() => element.current?.close()}><${Icon} name="close" /></button></div>
		${children}
	</dialog>`;
}

/** Text to be copied: commands, documents, secrets. @param {{text: string, label?: string}} props */
export function Code({ text, label }) {
	const [copied, setCopied] = useState(false);
	const copy = async () => {
		await navigator.clipboard.writeText(text);
		setCopied(true);
		setTimeout(() => setCopied(false), 2000);
	};
	return html`<div class="code"><pre tabindex="0" aria-label=${label ?? t("common.text")}><code>${text}</code></pre>
		<button type="button" class="plain" onClick=${copy}><${Icon} name=${copied ? "check" : "copy"} />
			<span>${copied ? t("common.copied") : t("common.copy")}</span></button></div>`;
}

/** Rows by what a column shows; those that have nothing there stand last either way. @template T @param {T[]} rows
 * @param {string} sorted as Table takes it @param {(row: T, by: string) => any} valueOf @returns {T[]} */
export function sortRows(rows, sorted, valueOf) {
	const down = sorted.startsWith("-"), by = down ? sorted.slice(1) : sorted;
	const compare = new Intl.Collator(undefined, { numeric: true }).compare;
	return rows.map((row) => ({ row, value: valueOf(row, by) })).sort((a, b) => {
		if (a.value === undefined || b.value === undefined) {
			return Number(a.value === undefined) - Number(b.value === undefined);
		}
		const order = typeof a.value === "number" ? a.value - b.value : compare(String(a.value), String(b.value));
		return down ? -order : order;
	}).map(({ row }) => row);
}

/** One of several views. @param {{label: string, value: string, options: [string, string][], onChange: (value: string) => void}} props */
export function Choice({ label, value, options, onChange }) {
	return html`<div class="choice" role="group" aria-label=${label}>${options.map(([key, text]) => html`<button type="button"
		key=${key} aria-pressed=${key === value} onClick=${() => onChange(key)}>${text}</button>`)}</div>`;
}

/** Short name of a type or attribute: what stands behind the last "/", "#" or ":". @param {string} iri */
export function shortName(iri) {
	return /[^/#:]*$/.exec(iri)?.[0] || iri;
}

/** A type in the reader's language, where it has a name there. @param {string} type */
export function typeName(type) {
	return maybe(`types.${shortName(type)}`) ?? shortName(type);
}
