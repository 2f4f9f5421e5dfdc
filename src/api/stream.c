/* /api/v1/stream: changes as they happen, as Server-Sent Events (WHATWG HTML 9.2) or over a WebSocket (RFC 6455).
 *
 * The parameters are made a subscription's document, so that a stream selects exactly as a subscription does.
 * EventSource can set no headers, hence tenant, context and lastEventId beside NGSILD-Tenant, Link and Last-Event-ID.
 * "+" is a blank, as URLSearchParams writes it. */
#include "api/form.h"

#include "broker/streams.h"
#include "ngsild/expand.h"
#include "ngsild/subscription.h"

#define ANY_TYPE STR("*")

enum own_parameter { OWN_TRIGGER, OWN_TENANT, OWN_CONTEXT, OWN_LAST_EVENT_ID, OWN_COUNT };

static const struct str own_names[OWN_COUNT] = {
	[OWN_TRIGGER] = {"trigger", 7},
	[OWN_TENANT] = {"tenant", 6},
	[OWN_CONTEXT] = {"context", 7},
	[OWN_LAST_EVENT_ID] = {"lastEventId", 11},
};

static const enum parameter taken[] = {P_TYPE,    P_ID,     P_ID_PATTERN, P_ATTRS,       P_Q,
				       P_SCOPE_Q, P_GEOREL, P_GEOMETRY,   P_COORDINATES, P_GEOPROPERTY,
				       P_OPTIONS, P_FORMAT, P_PICK,       P_OMIT};

struct stream_call {
	struct stream_open open;
	bool websocket;
	struct str own[OWN_COUNT]; /* STR_NONE: absent */
};

/* ---- parameters ---- */

static struct str *parameter_place(struct call *call, struct str name)
{
	struct stream_call *work = call->work;

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (str_eq(name, parameter_rules[taken[i]].name))
			return &call->parameters[taken[i]];
	for (size_t i = 0; i < OWN_COUNT; i++)
		if (str_eq(name, own_names[i]))
			return &work->own[i];
	return NULL;
}

static bool take_parameters(struct call *call)
{
	struct form form;
	enum err_code code = form_read_url(call, &form, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return false;
	}
	for (size_t i = 0; i < form.count; i++) {
		struct str *place = parameter_place(call, form.fields[i].name);

		if (!place || place->at) {
			answer_problem(call, PROBLEM_INVALID_REQUEST,
				       place ? "the parameter \"%.*s\" comes twice"
					     : "streamChanges has no parameter \"%.*s\"",
				       STR_FMT(form.fields[i].name));
			return false;
		}
		*place = form.fields[i].value;
	}
	if (call->parameters[P_TYPE].at || call->parameters[P_ID].at || call->parameters[P_ID_PATTERN].at ||
	    call->parameters[P_ATTRS].at)
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
		       "a stream needs type, id, idPattern or attrs; type=* is any entity");
	return false;
}

static bool take_tenant(struct call *call)
{
	const struct stream_call *work = call->work;
	struct str header = http_request_header(call->request, STR("NGSILD-Tenant"));
	struct str tenant = header.at ? header : work->own[OWN_TENANT];

	return tenant.at ? call_tenant(call, tenant) : call_default_tenant(call);
}

/* A Link header goes before; call_with_context() looks at it. */
static bool take_context(struct call *call)
{
	const struct stream_call *work = call->work;
	struct str url = work->own[OWN_CONTEXT];

	if (!url.at)
		return true;
	if (!expand_is_uri(url)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "context is no URI: \"%.*s\"",
			       STR_FMT(str_part(url, 0, 150)));
		return false;
	}
	call->context_value = json_new(call->arena, json_string(url));
	return true;
}

/* A client that comes back sends the header, whatever its URL said at first. */
static bool take_place(struct call *call)
{
	struct stream_call *work = call->work;
	struct str header = http_request_header(call->request, STR("Last-Event-ID"));
	struct str text = header.len ? header : work->own[OWN_LAST_EVENT_ID];

	work->open.resumes = text.at;
	if (!text.at || str_to_uint64(text, &work->open.last_number))
		return true;
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "%s is no event's number: \"%.*s\"",
		       header.len ? "Last-Event-ID" : "lastEventId", STR_FMT(str_part(text, 0, 80)));
	return false;
}

/* ---- the document ---- */

static bool add_text(struct arena *arena, struct json *object, struct str name, struct str text)
{
	return !text.at || json_add(arena, object, name, json_string(text));
}

static bool add_list(struct arena *arena, struct json *object, struct str name, struct str text)
{
	struct json list = json_array();
	struct str item;

	if (!text.at)
		return true;
	while (str_next(&text, ',', &item))
		if (!json_push(arena, &list, json_string(str_trim(item))))
			return false;
	return json_add(arena, object, name, list);
}

static bool add_selector(struct call *call, struct json *document)
{
	const struct str *texts = call->parameters;
	struct json selector = json_object(), entities = json_array();

	if (!texts[P_TYPE].at && !texts[P_ID].at && !texts[P_ID_PATTERN].at)
		return true;
	return add_text(call->arena, &selector, STR("type"), texts[P_TYPE].at ? texts[P_TYPE] : ANY_TYPE) &&
	       add_list(call->arena, &selector, STR("id"), texts[P_ID]) &&
	       add_text(call->arena, &selector, STR("idPattern"), texts[P_ID_PATTERN]) &&
	       json_push(call->arena, &entities, selector) &&
	       json_add(call->arena, document, STR("entities"), entities);
}

static bool add_geo(struct call *call, struct json *document)
{
	const struct str *texts = call->parameters;
	struct json geo = json_object();

	return add_text(call->arena, &geo, STR("georel"), texts[P_GEOREL]) &&
	       add_text(call->arena, &geo, STR("geometry"), texts[P_GEOMETRY]) &&
	       add_text(call->arena, &geo, STR("coordinates"), texts[P_COORDINATES]) &&
	       add_text(call->arena, &geo, STR("geoproperty"), texts[P_GEOPROPERTY]) &&
	       (geo.count == 0 || json_add(call->arena, document, STR("geoQ"), geo));
}

/* options: sysAttrs and a format; format goes before. */
static bool add_options(struct call *call, struct json *notification)
{
	struct str keyword, format = call->parameters[P_FORMAT], rest = call->parameters[P_OPTIONS];
	bool system = false;

	while (rest.at && str_next(&rest, ',', &keyword)) {
		keyword = str_trim(keyword);
		if (str_eq(keyword, STR("sysAttrs")))
			system = true;
		else if (!call->parameters[P_FORMAT].at)
			format = keyword; /* subscription_check() knows which there are */
	}
	return add_text(call->arena, notification, STR("format"), format) &&
	       (!system || json_add(call->arena, notification, STR("sysAttrs"), json_bool(true)));
}

static bool add_notification(struct call *call, struct json *document)
{
	struct json notification = json_object(), endpoint = json_object();

	/* A subscription has to have an endpoint; nothing is sent there. */
	return add_text(call->arena, &endpoint, STR("uri"), STR("http://localhost/")) &&
	       json_add(call->arena, &notification, STR("endpoint"), endpoint) && add_options(call, &notification) &&
	       add_list(call->arena, &notification, STR("pick"), call->parameters[P_PICK]) &&
	       add_list(call->arena, &notification, STR("omit"), call->parameters[P_OMIT]) &&
	       json_add(call->arena, document, STR("notification"), notification);
}

static bool make_document(struct call *call, struct json *document)
{
	const struct stream_call *work = call->work;

	*document = json_object();
	return add_text(call->arena, document, STR("id"), STR("urn:ngsi-ld:Subscription:stream")) &&
	       add_text(call->arena, document, STR("type"), STR("Subscription")) && add_selector(call, document) &&
	       add_list(call->arena, document, STR("watchedAttributes"), call->parameters[P_ATTRS]) &&
	       add_list(call->arena, document, STR("notificationTrigger"), work->own[OWN_TRIGGER]) &&
	       add_text(call->arena, document, STR("q"), call->parameters[P_Q]) &&
	       add_text(call->arena, document, STR("scopeQ"), call->parameters[P_SCOPE_Q]) && add_geo(call, document) &&
	       add_notification(call, document);
}

struct named_member {
	const char *member, *parameter;
};

/* What is wrong in the document is wrong in a parameter of another name. */
static void answer_wrong(struct call *call, enum err_code code)
{
	static const struct named_member names[] = {
		{"watchedAttributes", "attrs"},
		{"notificationTrigger", "trigger"},
		{"notification.format", "options"},
		{"notification.pick", "pick"},
		{"notification.omit", "omit"},
		{"].idPattern", "idPattern"},
		{"].id", "id"},
		{"].type", "type"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!str_contains(str_from(call->error.detail), str_from(names[i].member)))
			continue;
		code = err_while(&call->error, "reading the parameter %s", names[i].parameter);
		break;
	}
	answer_error(call, code, &call->error);
}

/* ---- the answer ---- */

static ssize_t on_pull(struct http_request *request, char *at, size_t room, bool beat)
{
	struct call *call = http_request_state(request);
	size_t read = broker_stream_read(call->stream, at, room);

	if (read == BROKER_STREAM_READ_LOST)
		return HTTP_STREAM_END;
	if (read == 0 && beat && room >= 3) {
		memcpy(at, ":\n\n", 3); /* a comment */
		return 3;
	}
	return (ssize_t)read;
}

static ssize_t on_pull_message(struct http_request *request, char *at, size_t room, bool *ret_ends)
{
	struct call *call = http_request_state(request);
	size_t read = broker_stream_read_message(call->stream, at, room, ret_ends);

	return read == BROKER_STREAM_READ_LOST ? HTTP_STREAM_END : (ssize_t)read;
}

static void link_header(struct call *call)
{
	const struct context *context = call->context;
	const struct json *member;

	call->media = MEDIA_JSON;
	call_context_out(call, &context, &member);
	(void)http_response_header(call->request, "Link", call->context_link);
}

static void event_headers(struct call *call)
{
	(void)http_response_header(call->request, "Content-Type", STR("text/event-stream; charset=utf-8"));
	(void)http_response_header(call->request, "Cache-Control", STR("no-store"));
	(void)http_response_header(call->request, "X-Accel-Buffering", STR("no")); /* nginx would gather events */
	(void)http_response_header(call->request, "X-Content-Type-Options", STR("nosniff"));
}

static void answer_stream(struct call *call)
{
	const struct stream_call *work = call->work;

	if (call->write_code != ERR_OK) {
		answer_wrong(call, call->write_code);
		return;
	}
	link_header(call);
	common_headers(call->api, call->request);
	if (work->websocket) {
		http_respond_websocket(call->request, on_pull_message);
		return;
	}
	event_headers(call);
	http_respond_stream(call->request, 200, on_pull);
}

static void on_news(void *self)
{
	http_stream_wake(((struct call *)self)->request);
}

static void on_lost(void *self)
{
	http_stream_cut(((struct call *)self)->request);
}

static void on_open(struct stream_open *open, enum err_code code, const struct error *err)
{
	struct call *call = open->self;

	if (code == ERR_OK)
		call->stream = open->stream;
	call_ended(call, code, err);
}

static void open_stream(struct call *call)
{
	struct stream_call *work = call->work;
	struct json document;

	if (!make_document(call, &document)) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	enum err_code code = subscription_check(&document, SUBSCRIPTION_TO_ENTITIES, false,
						broker_now_us(call->api->options.broker), &call->error);

	work->open.document = &document; /* read by submit alone */
	work->open.context = call->context;
	work->open.context_value = call->context_value;
	work->open.form = work->websocket ? BROKER_STREAM_MESSAGES : BROKER_STREAM_EVENTS;
	work->open.wake = on_news;
	work->open.cut = on_lost;
	work->open.done = on_open;
	work->open.self = call;
	if (code == ERR_OK)
		code = broker_stream_submit(call->api->options.broker, call->tenant, &work->open, &call->error);
	if (code != ERR_OK)
		answer_wrong(call, code);
	else
		call_wait(call, answer_stream);
}

/* Browsers let every page open a WebSocket to every server, and leave it to the server to look who asks. */
static bool take_upgrade(struct call *call)
{
	struct stream_call *work = call->work;
	const char *reason = NULL;
	int status = http_websocket_check(call->request, &reason);

	work->websocket = status == 101;
	if (work->websocket && !origin_trusted(call->api, call->request)) {
		status = 403;
		reason = "pages of this Origin may not listen: http.cors_origins does not name it";
	}
	if (status == 0 || status == 101)
		return true;
	problem_refuse(call->api, call->request, status, reason);
	return false;
}

void stream_changes(struct call *call)
{
	call->work = arena_new(call->arena, struct stream_call);
	if (!call->work) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return;
	}
	if (!take_upgrade(call) || !take_parameters(call) || !take_tenant(call) || !take_context(call) ||
	    !take_place(call))
		return;
	if (str_eq(http_request_method(call->request), STR("HEAD")))
		answer_text(call, 200, STR("text/event-stream; charset=utf-8"), STR(""));
	else
		call_with_context(call, open_stream);
}
