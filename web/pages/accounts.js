// Who may sign in, and as what.
import { html, useState } from "../core/html.js";
import { t } from "../core/i18n.js";
import { get, send } from "../core/api.js";
import { useResource } from "../core/hooks.js";
import { may, session } from "../core/session.js";
import { Action, Age, Badge, Code, Dialog, Field, Notice, Page, Resource, Table } from "../core/ui.js";
import { Tokens } from "./account.js";

const PATH = "/api/v1/accounts";
const ROLES = ["viewer", "operator", "engineer", "officer", "auditor", "administrator"];
const SERVICES = ["transit", "energy", "security", "payment", "people", "environment"];

const pathOf = (/** @type {string} */ name) => `${PATH}/${encodeURIComponent(name)}`;
/** "a, b" as ["a", "b"]; "" as null: all. "-" is the default tenant. @param {string} text */
const tenantsOf = (text) => text.trim() ? text.split(",").map((one) => one.trim()).map((one) => one === "-" ? "" : one) : null;

/** @param {{account: any, save: (document: any) => Promise<any>}} props account null: a new one */
function Form({ account, save }) {
	const [name, setName] = useState(account?.name ?? "");
	const [displayName, setDisplayName] = useState(account?.displayName ?? "");
	const [role, setRole] = useState(account?.role ?? "viewer");
	const [services, setServices] = useState(/** @type {string[]} */ (account?.services ?? []));
	const [tenants, setTenants] = useState((account?.tenants ?? []).map((/** @type {string} */ one) => one || "-").join(", "));
	const [disabled, setDisabled] = useState(account?.disabled ?? false);
	const document = { ...(account ? { disabled } : { name: name.trim() }), displayName, role, services: role === "officer" ? services : [], tenants: tenantsOf(tenants) };
	return html`<div class="stack">
		${!account && html`<${Field} label=${t("accounts.name")} value=${name} onInput=${setName} help=${t("accounts.nameHelp")} spellcheck=${false} />`}
		<${Field} label=${t("accounts.displayName")} value=${displayName} onInput=${setDisplayName} />
		<${Field} label=${t("accounts.role")} value=${role} onInput=${setRole} options=${ROLES.map((one) => [one, t(`roles.${one}`)])} help=${t(`roleHelp.${role}`)} />
		${role === "officer" && html`<fieldset><legend>${t("accounts.services")}</legend><div class="boxes">${SERVICES.map((one) => html`<${Field} key=${one} type="checkbox"
			label=${t(`services.${one}`)} value=${services.includes(one)} onInput=${(/** @type {boolean} */ on) => setServices(on ? [...services, one] : services.filter((other) => other !== one))} />`)}</div></fieldset>`}
		<${Field} label=${t("accounts.tenants")} value=${tenants} onInput=${setTenants} help=${t("accounts.tenantsHelp")} spellcheck=${false} />
		${account && html`<${Field} type="checkbox" label=${t("accounts.disabled")} value=${disabled} onInput=${setDisabled} />`}
		<div class="actions"><${Action} kind="primary" disabled=${!account && !name.trim()} onClick=${() => save(document)}>${t("common.save")}<//></div>
	</div>`;
}

/** @param {{name: string, password: string}} props */
function OneTime({ name, password }) {
	return html`<${Notice} kind="good">${t("accounts.once", { name })}<//><${Code} text=${password} label=${t("accounts.oneTime")} />`;
}

export default function Accounts() {
	const resource = useResource((signal) => get(PATH, { signal }), []);
	const [edited, setEdited] = useState(/** @type {any} */ (undefined));
	const [given, setGiven] = useState(/** @type {{name: string, password: string} | undefined} */ (undefined));
	const writes = may("accounts:write");
	const saved = async (/** @type {any} */ document) => {
		const answer = edited ? await send("PATCH", pathOf(edited.name), document) : await send("POST", PATH, document);
		setGiven(answer.oneTimePassword ? { name: answer.name, password: answer.oneTimePassword } : undefined);
		setEdited(undefined);
		resource.reload();
	};
	const reset = async (/** @type {string} */ name) => {
		const answer = await send("POST", `${pathOf(name)}/password`);
		setGiven({ name, password: answer.oneTimePassword });
		resource.reload();
	};
	const state = (/** @type {any} */ row) => row.disabled ? html`<${Badge} kind="bad">${t("accounts.disabled")}<//>` : row.lockedUntil ? html`<${Badge} kind="warn">${t("accounts.locked")}<//>`
		: row.mustChangePassword ? html`<${Badge} kind="warn">${t("accounts.fresh")}<//>` : html`<${Badge} kind="good">${t("accounts.good")}<//>`;
	return html`<${Page} title=${t("accounts.title")} lead=${t("accounts.lead")}
		actions=${writes && html`<button type="button" class="primary" onClick=${() => setEdited(null)}>${t("accounts.add")}</button>`}>
		${session.get()?.mode === "open" && html`<${Notice} kind="warn">${t("nav.openHelp")}<//>`}
		${given && html`<${OneTime} ...${given} />`}
		<${Resource} resource=${resource} isEmpty=${(/** @type {any} */ data) => data.accounts.length === 0}>${(/** @type {any} */ data) => html`
			<${Table} caption=${t("accounts.title")} rows=${data.accounts} rowKey=${(/** @type {any} */ row) => row.name}
				columns=${[{ key: "name", title: t("accounts.name") }, { key: "role", title: t("accounts.role") }, { key: "tenants", title: t("accounts.tenants") },
					{ key: "state", title: t("accounts.state") }, { key: "signedIn", title: t("accounts.signedIn") }, ...(writes ? [{ key: "do", title: t("common.actions") }] : [])]}
				cell=${(/** @type {any} */ row, /** @type {string} */ key) => key === "name" ? html`<strong>${row.name}</strong> <span class="quiet">${row.displayName}</span>`
					: key === "role" ? html`${t(`roles.${row.role}`)}${row.services.length > 0 && html` <span class="quiet">${row.services.map((/** @type {string} */ one) => t(`services.${one}`)).join(", ")}</span>`}`
					: key === "tenants" ? row.tenants ? row.tenants.map((/** @type {string} */ one) => one || t("tenants.default")).join(", ") : t("common.all")
					: key === "state" ? state(row) : key === "signedIn" ? html`<${Age} at=${row.lastSignInAt} />`
					: html`<div class="actions"><button type="button" aria-label=${t("accounts.edit", { name: row.name })} onClick=${() => setEdited(row)}>${t("common.edit")}</button>
						<${Action} confirm=${t("accounts.resetAsk", { name: row.name })} onClick=${() => reset(row.name)}>${t("accounts.reset")}<span class="visually-hidden"> ${row.name}</span><//>
						<${Action} icon="trash" kind="danger" label=${t("accounts.remove", { name: row.name })} confirm=${t("accounts.removeAsk", { name: row.name })}
							onClick=${() => send("DELETE", pathOf(row.name)).then(resource.reload)} /></div>`} />`}<//>
		<${Tokens} account="" />
		${edited !== undefined && html`<${Dialog} title=${edited ? t("accounts.edit", { name: edited.name }) : t("accounts.add")} onClose=${() => setEdited(undefined)}>
			<${Form} account=${edited} save=${saved} /><//>`}
	<//>`;
}
