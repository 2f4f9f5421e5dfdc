// Signing in: a name and a password, and in the server's words why not.
import { html, useState } from "../core/html.js";
import { t } from "../core/i18n.js";
import { signIn } from "../core/session.js";
import { Card, Field, Notice, Page } from "../core/ui.js";

export default function SignIn() {
	const [name, setName] = useState("");
	const [password, setPassword] = useState("");
	const [state, setState] = useState(/** @type {{busy: boolean, error: any}} */ ({ busy: false, error: undefined }));
	const submit = async (/** @type {Event} */ event) => {
		event.preventDefault();
		setState({ busy: true, error: undefined });
		try {
			await signIn(name.trim(), password);
		} catch (error) {
			setState({ busy: false, error });
			setPassword("");
		}
	};
	return html`<${Page} title=${t("signIn.title")}><${Card}>
		<form class="stack" onSubmit=${submit}>
			${state.error && html`<${Notice} kind="bad">${state.error.status === 0 ? t("common.noAnswer") : state.error.status === 429
				? t("signIn.locked") : state.error.status === 401 ? t("signIn.wrong") : state.error.message}<//>`}
			<${Field} label=${t("signIn.name")} name="username" value=${name} onInput=${setName} autocomplete="username" required=${true} spellcheck=${false} />
			<${Field} label=${t("signIn.password")} name="password" type="password" value=${password} onInput=${setPassword}
				autocomplete="current-password" required=${true} help=${t("signIn.help")} />
			<button type="submit" class="primary" disabled=${state.busy} aria-busy=${state.busy}>${t("signIn.do")}</button>
		</form><//><//>`;
}
