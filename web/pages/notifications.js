// Not made yet: see app.js.
import { html } from "../core/html.js";
import { t } from "../core/i18n.js";
import { Page } from "../core/ui.js";

export default function Here() {
	return html`<${Page} title=${t("notifications.title")} />`;
}
