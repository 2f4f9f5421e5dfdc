// The console's frame: who is signed in, the pages and the way between them. A page is loaded when it is first gone to.
import { html, render, useEffect, useState } from "./core/html.js";
import { language, LANGUAGES, preferred, speak, t } from "./core/i18n.js";
import { tenant } from "./core/api.js";
import { useSignal } from "./core/hooks.js";
import { isStranger, loadSession, may, session, signOut } from "./core/session.js";
import { place, startRouter } from "./core/router.js";
import { Icon, Skeleton, Trouble } from "./core/ui.js";

const THEME_KEPT = "machi.theme";

/** path, page file, icon, permission needed; groups of the menu */
const MENU = /** @type {[string, [string, string, string][]][]} */ ([
	["city", [["", "city", "city:read"], ["entities", "entities", "city:read"], ["history", "history", "city:read"]]],
	["services", [["consumption", "consumption", "city:read"]]],
	["connections", [["feeds", "feeds", "feeds:read"], ["subscriptions", "subscriptions", "subscriptions:read"],
		["notifications", "notifications", "notifications:read"], ["registrations", "registrations", "registrations:read"]]],
	["house", [["tenants", "tenants", "system:read"], ["system", "system", "system:read"], ["accounts", "accounts", "accounts:read"],
		["audit", "audit", "audit:read"], ["api", "api", ""]]],
]);
const KNOWN = [...MENU.flatMap(([, entries]) => entries.map(([path]) => path)), "account"];

/** @type {Map<string, any>} */
const pages = new Map();

/** @param {string} name */
async function loadPage(name) {
	if (!pages.has(name)) {
		pages.set(name, (await import(`./pages/${name}.js`)).default);
	}
	return pages.get(name);
}

/** @param {string} path @returns {{name: string, rest: string}} */
function pageOf(path) {
	const [, first = "", ...rest] = path.split("/");
	const name = first === "" ? "city" : first === "entities" && rest.length ? "entity" : first;
	return { name: KNOWN.includes(first) ? name : "missing", rest: decodeURIComponent(rest.join("/")) };
}

function applyTheme() {
	const theme = localStorage.getItem(THEME_KEPT);
	if (theme) {
		document.documentElement.dataset.theme = theme;
	} else {
		delete document.documentElement.dataset.theme;
	}
}

function flipTheme() {
	const dark = document.documentElement.dataset.theme === "dark"
		|| !document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches;
	localStorage.setItem(THEME_KEPT, dark ? "light" : "dark");
	applyTheme();
	dispatchEvent(new Event("machi-theme"));
}

/** @param {{current: string, close: () => void}} props */
function Menu({ current, close }) {
	useSignal(session);
	const groups = MENU.map(([name, entries]) => /** @type {[string, [string, string, string][]]} */ (
		[name, entries.filter(([, , needed]) => !needed || may(needed))])).filter(([, entries]) => entries.length);
	return html`<nav id="menu" aria-label=${t("nav.pages")}>${groups.map(([name, entries]) => html`
		<div class="nav-group" key=${name}><div class="nav-title" id=${`nav-${name}`}>${t(`nav.${name}`)}</div>
		<ul aria-labelledby=${`nav-${name}`}>${entries.map(([path, page]) => html`<li key=${page}>
			<a href=${`/${path}`} aria-current=${current === page || current === "entity" && page === "entities" ? "page" : undefined}
				onClick=${close}><${Icon} name=${page} /><span>${t(`${page}.title`)}</span></a></li>`)}</ul></div>`)}
	</nav>`;
}

/** @param {{city: string, open: boolean, toggle: (() => void) | undefined}} props toggle: of the menu, where there is one */
function Bar({ city, open, toggle }) {
	const now = useSignal(session);
	const spoken = useSignal(language);
	const name = useSignal(tenant);
	return html`<header class="bar">
		${toggle && html`<button type="button" class="plain menu-button" aria-expanded=${open} aria-controls="menu" onClick=${toggle}>
			<${Icon} name=${open ? "close" : "menu"} /><span class="visually-hidden">${t("nav.menu")}</span></button>`}
		<a class="brand" href="/"><img src="/web/icon.svg" alt="" width="28" height="28" /><span>${city || "Machi"}</span>
			${!city && html`<span lang="ja" class="quiet">町</span>`}</a>
		${name && html`<a class="badge warn" href="/tenants">${name}</a>`}
		${now?.mode === "open" && html`<span class="badge warn" title=${t("nav.openHelp")}>${t("nav.open")}</span>`}
		<div class="bar-end">
			<label class="language"><${Icon} name="language" /><span class="visually-hidden">${t("nav.language")}</span>
				<select value=${spoken} onChange=${(/** @type {any} */ event) => speak(event.target.value, true)}>
				${LANGUAGES.map(([code, title]) => html`<option key=${code} value=${code} lang=${code} selected=${code === spoken}>${title}</option>`)}</select></label>
			<button type="button" class="plain" onClick=${flipTheme} aria-label=${t("nav.theme")} title=${t("nav.theme")}>
				<span class="when-light"><${Icon} name="moon" /></span><span class="when-dark"><${Icon} name="sun" /></span></button>
			${now?.account && html`<a class="account" href="/account" title=${t("account.title")}><${Icon} name="account" /><span>${now.account.name}</span></a>
				<button type="button" class="plain" onClick=${signOut} aria-label=${t("account.signOut")} title=${t("account.signOut")}><${Icon} name="leave" /></button>`}
		</div>
	</header>`;
}

/** @param {{name: string, rest: string, query: URLSearchParams}} props */
function PageHere({ name, rest, query }) {
	const [loaded, setLoaded] = useState(/** @type {{name: string, page: any, error: any}} */ ({ name: "", page: pages.get(name), error: undefined }));
	const load = () => loadPage(name).then((page) => setLoaded({ name, page, error: undefined }),
		(error) => setLoaded({ name, page: undefined, error }));
	useEffect(() => {
		load();
	}, [name]);
	if (loaded.name !== name && !pages.has(name)) {
		return html`<div class="page"><${Skeleton} lines=${6} /></div>`;
	}
	if (loaded.error) {
		return html`<div class="page"><${Trouble} error=${loaded.error} retry=${load} /></div>`;
	}
	const Here = pages.get(name);
	return html`<${Here} rest=${rest} query=${query} key=${`${name} ${rest}`} />`;
}

/** @param {{name: string}} props */
function Door({ name }) {
	return html`<main id="main" class="door" tabindex="-1"><${PageHere} name=${name} rest="" query=${new URLSearchParams()} /></main>`;
}

function App() {
	const now = useSignal(session);
	const at = useSignal(place);
	useSignal(language);
	useSignal(tenant);
	const [open, setOpen] = useState(false);
	const [city, setCity] = useState("");
	const { name, rest } = pageOf(at.path);
	useEffect(() => {
		setCity(now?.city ?? "");
	}, [now?.city]);
	useEffect(() => {
		setOpen(false);
	}, [at.path]);
	if (isStranger() || now?.mustChangePassword) {
		return html`<${Bar} city=${city} open=${false} toggle=${undefined} />
			<${Door} name=${now?.mustChangePassword ? "password" : "sign-in"} />`;
	}
	return html`<a class="skip" href="#main">${t("nav.skip")}</a>
		<${Bar} city=${city} open=${open} toggle=${() => setOpen(!open)} />
		<div class=${`frame ${open ? "menu-open" : ""}`}>
			<${Menu} current=${name} close=${() => setOpen(false)} />
			<main id="main" tabindex="-1"><${PageHere} name=${name} rest=${rest} query=${at.query} /></main>
		</div>`;
}

async function start() {
	const root = /** @type {HTMLElement} */ (document.getElementById("app"));
	applyTheme();
	startRouter();
	await speak(preferred());
	for (;;) {
		try {
			await loadSession();
			break;
		} catch (error) {
			root.replaceChildren();
			render(html`<div class="boot"><${Trouble} error=${error} /></div>`, root);
			await new Promise((resume) => setTimeout(resume, 3000));
		}
	}
	root.replaceChildren();
	render(html`<${App} />`, root);
}

start();
