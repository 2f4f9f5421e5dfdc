// One's own account: what one may do, the password, and API tokens for one's programs.
import { html, useState } from "../core/html.js";
import { dateTime, t } from "../core/i18n.js";
import { get, send } from "../core/api.js";
import { useResource, useSignal } from "../core/hooks.js";
import { changePassword, session } from "../core/session.js";
import { Action, Age, Badge, Card, Code, Field, Notice, Page, Resource, Table } from "../core/ui.js";

const PATH = "/api/v1/tokens";
const DAYS = ["30", "90", "365", ""];

/** Changes the password of whoever is signed in. @param {{done?: () => void}} props */
export function PasswordForm({ done }) {
	const [current, setCurrent] = useState("");
	const [wanted, setWanted] = useState("");
	const [again, setAgain] = useState("");
	const [state, setState] = useState(/** @type {{busy: boolean, error: any}} */ ({ busy: false, error: undefined }));
	const differs = again !== "" && again !== wanted;
	const submit = async (/** @type {Event} */ event) => {
		event.preventDefault();
		if (wanted !== again) {
			return;
		}
		setState({ busy: true, error: undefined });
		try {
			await changePassword(current, wanted);
			setCurrent("");
			setWanted("");
			setAgain("");
			setState({ busy: false, error: undefined });
			done?.();
		} catch (error) {
			setState({ busy: false, error });
		}
	};
	return html`<form class="stack" onSubmit=${submit}>
		${state.error && html`<${Notice} kind="bad">${state.error.message}<//>`}
		<${Field} label=${t("password.current")} type="password" value=${current} onInput=${setCurrent} autocomplete="current-password" required=${true} />
		<${Field} label=${t("password.wanted")} type="password" value=${wanted} onInput=${setWanted} autocomplete="new-password" required=${true} help=${t("password.rule")} />
		<${Field} label=${t("password.again")} type="password" value=${again} onInput=${setAgain} autocomplete="new-password" required=${true}
			error=${differs ? t("password.differs") : undefined} />
		<button type="submit" class="primary" disabled=${state.busy || differs} aria-busy=${state.busy}>${t("password.do")}</button>
	</form>`;
}

/** @param {{scopes: string[], made: () => void}} props scopes: that may be given */
function TokenForm({ scopes, made }) {
	const [title, setTitle] = useState("");
	const [days, setDays] = useState("90");
	const [chosen, setChosen] = useState(/** @type {string[]} */ (["city:read"]));
	const [token, setToken] = useState("");
	const make = async () => {
		const tenants = session.get()?.account?.tenants ?? null;
		const answer = await send("POST", PATH, { title, scopes: chosen, ...(tenants ? { tenants } : {}),
			...(days ? { expiresAt: new Date(Date.now() + Number(days) * 86400000).toISOString() } : {}) });
		setToken(answer.token);
		setTitle("");
		made();
	};
	return html`<div class="stack">
		<${Field} label=${t("tokens.name")} value=${title} onInput=${setTitle} help=${t("tokens.nameHelp")} />
		<${Field} label=${t("tokens.life")} value=${days} onInput=${setDays} options=${DAYS.map((one) => [one, one ? t("tokens.days", { count: Number(one) }) : t("tokens.forEver")])} />
		<fieldset><legend>${t("tokens.scopes")}</legend><div class="boxes">${scopes.map((scope) => html`<${Field} key=${scope} type="checkbox" label=${scope} value=${chosen.includes(scope)}
			onInput=${(/** @type {boolean} */ on) => setChosen(on ? [...chosen, scope] : chosen.filter((one) => one !== scope))} />`)}</div></fieldset>
		<div class="actions"><${Action} kind="primary" icon="plus" disabled=${!title.trim() || !chosen.length} onClick=${make}>${t("tokens.do")}<//></div>
		${token && html`<${Notice} kind="good">${t("tokens.once")}<//><${Code} text=${token} label=${t("tokens.token")} />`}
	</div>`;
}

/** @param {{account: string}} props whose tokens; "": all that the server shows */
export function Tokens({ account }) {
	const resource = useResource((signal) => get(PATH, { signal }), []);
	const now = session.get();
	const own = account === now?.account?.name;
	return html`<${Card} title=${t("tokens.title")}>
		<p class="quiet">${t("tokens.lead")}</p>
		<${Resource} resource=${resource} isEmpty=${(/** @type {any} */ data) => !data.tokens.some((/** @type {any} */ one) => !account || one.account === account)} empty=${t("tokens.empty")}>
			${(/** @type {any} */ data) => html`<${Table} caption=${t("tokens.title")} rowKey=${(/** @type {any} */ row) => String(row.id)}
				rows=${data.tokens.filter((/** @type {any} */ one) => !account || one.account === account)}
				columns=${[...(account ? [] : [{ key: "account", title: t("accounts.name") }]), { key: "title", title: t("tokens.name") }, { key: "scopes", title: t("tokens.scopes") },
					{ key: "used", title: t("tokens.used") }, { key: "expires", title: t("tokens.expires") }, { key: "remove", title: t("common.actions") }]}
				cell=${(/** @type {any} */ row, /** @type {string} */ key) => key === "scopes" ? row.scopes.join(" ") : key === "used" ? html`<${Age} at=${row.lastUsedAt} />`
					: key === "expires" ? row.expiresAt ? html`${dateTime(new Date(row.expiresAt))} ${Date.parse(row.expiresAt) < Date.now() && html`<${Badge} kind="bad">${t("tokens.expired")}<//>`}` : t("tokens.forEver")
					: key === "remove" ? html`<${Action} icon="trash" kind="danger" label=${t("tokens.remove", { name: row.title })} confirm=${t("tokens.removeAsk", { name: row.title })}
						onClick=${() => send("DELETE", `${PATH}/${row.id}`).then(resource.reload)} />` : row[key]} />`}<//>
		${own && html`<details><summary>${t("tokens.add")}</summary><${TokenForm} scopes=${now?.permissions ?? []} made=${resource.reload} /></details>`}
	<//>`;
}

export default function Account() {
	const now = useSignal(session);
	const [changed, setChanged] = useState(false);
	const account = now?.account;
	if (!account) {
		return html`<${Page} title=${t("account.title")}><${Notice}>${t("account.nobody")}<//><//>`;
	}
	return html`<${Page} title=${t("account.title")} lead=${account.name}>
		<${Card} title=${t("account.may")}><dl class="facts">
			<dt>${t("accounts.role")}</dt><dd>${t(`roles.${account.role}`)}</dd>
			${account.services.length > 0 && html`<dt>${t("accounts.services")}</dt><dd>${account.services.map((one) => t(`services.${one}`)).join(", ")}</dd>`}
			<dt>${t("accounts.tenants")}</dt><dd>${account.tenants ? account.tenants.map((one) => one || t("tenants.default")).join(", ") : t("common.all")}</dd>
			<dt>${t("account.permissions")}</dt><dd>${now.permissions.join(" ")}</dd>
			${now.expiresAt && html`<dt>${t("account.until")}</dt><dd>${dateTime(new Date(now.expiresAt))}</dd>`}</dl><//>
		<${Card} title=${t("password.title")}>
			${changed && html`<${Notice} kind="good">${t("password.changed")}<//>`}
			<${PasswordForm} done=${() => setChanged(true)} /><//>
		<${Tokens} account=${account.name} />
	<//>`;
}
