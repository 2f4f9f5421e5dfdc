// Pages of JSON-LD documents that are listed, written and removed: subscriptions and registrations.
import { html, useState } from "./html.js";
import { t } from "./i18n.js";
import { Dialog, Field } from "./ui.js";

/**
 * A document written in a dialog. What the server says of it stands at the field.
 * @param {{title: string, help: any, document: any, save: (document: any) => Promise<any>, close: () => void}} props
 */
export function Editor({ title, help, document: first, save, close }) {
	const [text, setText] = useState(() => JSON.stringify(first, null, 2));
	const [wrong, setWrong] = useState("");
	const [busy, setBusy] = useState(false);
	const submit = async (/** @type {Event} */ event) => {
		event.preventDefault();
		setBusy(true);
		try {
			await save(JSON.parse(text));
			close();
		} catch (error) {
			setWrong(/** @type {Error} */ (error).message);
		}
		setBusy(false);
	};
	return html`<${Dialog} title=${title} onClose=${close}><form onSubmit=${submit}><p>${help}</p>
		<${Field} label=${t("common.document")} rows=${18} value=${text} onInput=${setText} error=${wrong} spellcheck=${false} />
		<div class="actions"><button class="primary" disabled=${busy}>${t("common.save")}</button></div></form><//>`;
}
