// The one-time password is changed before anything else.
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { signOut } from "../core/session.js";
import { Card, Page } from "../core/ui.js";
import { PasswordForm } from "./account.js";

export default function Password() {
	return html`<${Page} title=${t("password.title")} lead=${t("password.lead")}
		actions=${html`<button type="button" onClick=${signOut}>${t("account.signOut")}</button>`}>
		<${Card}><${PasswordForm} /><//><//>`;
}
