// What stands at an address that no page has.
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { Page } from "../core/ui.js";

export default function Missing() {
	return html`<${Page} title=${t("missing.title")} lead=${t("missing.text", { path: location.pathname })}>
		<p><a class="button primary" href="/">${t("missing.home")}</a></p><//>`;
}
