// Renders /openapi.json: operations by tag, their parameters, bodies and answers, and a form to try the reading ones.

const METHODS = ["get", "post", "put", "patch", "delete"];
let description;

function make(tag, text, className) {
	const node = document.createElement(tag);
	if (text !== undefined) {
		node.textContent = text;
	}
	if (className) {
		node.className = className;
	}
	return node;
}

// "#/components/schemas/Entity" to what it names.
function resolve(node) {
	if (!node?.$ref) {
		return node;
	}
	return node.$ref.split("/").slice(1).reduce((at, part) => at[part], description);
}

function schemaText(schema) {
	if (schema?.$ref) {
		return schema.$ref.split("/").pop();
	}
	if (schema?.type === "array") {
		return `array of ${schemaText(schema.items)}`;
	}
	return schema?.type ?? "anything";
}

function example(schema) {
	const known = resolve(schema);
	if (known?.example !== undefined) {
		return known.example;
	}
	return known?.type === "array" ? [example(known.items)] : undefined;
}

function parameterList(parameters) {
	const list = make("dl");
	for (const parameter of parameters) {
		list.append(make("dt", parameter.name));
		const text = make("dd", parameter.description ?? "");
		const where = parameter.in === "query" ? parameter.schema?.type : `${parameter.in}, ${parameter.schema?.type}`;
		text.append(make("span", ` (${where}${parameter.required ? ", required" : ""})`, "quiet"));
		list.append(text);
	}
	return list;
}

function bodyPart(body) {
	const part = make("div");
	const types = Object.keys(body.content);
	const schema = body.content[types[0]].schema;
	part.append(make("h4", "Body"), make("p", `${schemaText(schema)}, as ${types.join(" or ")}`));
	const shown = example(schema);
	if (shown !== undefined) {
		part.append(make("pre", JSON.stringify(shown, null, 2)));
	}
	return part;
}

function responsePart(responses) {
	const part = make("div");
	const list = make("dl");
	for (const [status, response] of Object.entries(responses)) {
		const known = resolve(response);
		const media = Object.entries(known.content ?? {})[0];
		list.append(make("dt", status === "default" ? "otherwise" : status));
		list.append(make("dd", media ? `${known.description} ${schemaText(media[1].schema)}` : known.description));
	}
	part.append(make("h4", "Answers"), list);
	return part;
}

async function send(path, names, form, out) {
	let target = path;
	const query = new URLSearchParams();
	const headers = {};
	for (const { name, in: place } of names) {
		const value = form.elements[name].value;
		if (place === "path") {
			target = target.replace(`{${name}}`, encodeURIComponent(value));
		} else if (value && place === "query") {
			query.set(name, value);
		} else if (value) {
			headers[name] = value;
		}
	}
	const url = query.size ? `${target}?${query.toString().replaceAll("+", "%20")}` : target;
	out.textContent = `GET ${url}\n…`;
	try {
		const response = await fetch(url, { headers });
		const text = await response.text();
		let shown = text;
		try {
			shown = JSON.stringify(JSON.parse(text), null, 2);
		} catch {
			// not JSON: as it came
		}
		out.textContent = `GET ${url}\n${response.status} ${response.statusText}\n\n${shown.slice(0, 100000)}`;
	} catch (error) {
		out.textContent = `GET ${url}\n${error.message}`;
	}
}

function tryPart(path, parameters, id) {
	const form = make("form");
	const fields = make("div", undefined, "fields");
	for (const parameter of parameters) {
		const label = make("label", parameter.name);
		const input = make("input");
		input.name = parameter.name;
		input.id = `${id}-${parameter.name}`;
		input.required = parameter.in === "path";
		input.autocomplete = "off";
		label.htmlFor = input.id;
		const cell = make("div");
		cell.append(label, input);
		fields.append(cell);
	}
	const out = make("pre", "");
	out.hidden = true;
	out.tabIndex = 0;
	const button = make("button", "Try it");
	form.append(make("h4", "Try it"), fields, button, out);
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		out.hidden = false;
		void send(path, parameters, form, out);
	});
	return form;
}

function operationNode(path, method, operation) {
	const node = make("details");
	const head = make("summary");
	head.append(make("span", method.toUpperCase(), `method ${method}`), make("code", path),
		make("span", operation.summary, "what"));
	node.append(head);
	node.id = operation.operationId;
	node.dataset.text = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
	node.addEventListener("toggle", () => { // filled when first opened: forty forms are not needed at once
		if (!node.open || node.childElementCount > 1) {
			return;
		}
		const inside = make("div", undefined, "inside");
		const parameters = operation.parameters.map(resolve);
		if (operation.description) {
			inside.append(make("p", operation.description, "quiet"));
		}
		if (parameters.length) {
			inside.append(make("h4", "Parameters"), parameterList(parameters));
		}
		if (operation.requestBody) {
			inside.append(bodyPart(operation.requestBody));
		}
		inside.append(responsePart(operation.responses));
		if (method === "get") {
			inside.append(tryPart(path, parameters, operation.operationId));
		}
		node.append(inside);
	});
	return node;
}

function render() {
	const groups = new Map();
	for (const [path, item] of Object.entries(description.paths)) {
		for (const method of METHODS) {
			if (item[method]) {
				const tag = item[method].tags?.[0] ?? "other";
				groups.set(tag, [...(groups.get(tag) ?? []), operationNode(path, method, item[method])]);
			}
		}
	}
	const place = document.querySelector("#operations");
	for (const [tag, nodes] of groups) {
		const section = make("section");
		section.append(make("h2", tag), ...nodes);
		place.append(section);
	}
	document.querySelector("#about").textContent = description.info.description;
}

function filter() {
	const wanted = document.querySelector("#filter").value.trim().toLowerCase();
	let shown = 0;
	for (const section of document.querySelectorAll("#operations section")) {
		let any = false;
		for (const node of section.querySelectorAll("details")) {
			node.hidden = !node.dataset.text.includes(wanted);
			any ||= !node.hidden;
			shown += node.hidden ? 0 : 1;
		}
		section.hidden = !any;
	}
	document.querySelector("#found").textContent = `${shown} operations`;
}

function openNamed() {
	const named = location.hash && document.getElementById(location.hash.slice(1));
	if (named) {
		named.open = true;
		named.scrollIntoView();
	}
}

try {
	const response = await fetch("/openapi.json", { headers: { Accept: "application/json" } });
	description = await response.json();
	render();
	filter();
	openNamed();
	document.querySelector("#filter").addEventListener("input", filter);
	addEventListener("hashchange", openNamed);
} catch (error) {
	document.querySelector("#about").textContent = `The description could not be read: ${error.message}`;
}
