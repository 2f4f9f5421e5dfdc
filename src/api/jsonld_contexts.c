/* /jsonldContexts: adding, listing, serving, deleting and reloading stored @contexts.
 * Source: GS CIM 009 V1.9.1 clauses 5.13, 6.29, 6.30. */
#include "api/api_int.h"

#include "base/time_value.h"
#include "broker/context_store.h"

#define KINDS_ALL ((1u << CONTEXT_KIND_COUNT) - 1)

/* The tenant must be there: only clause 5.5.10's operations make one. */
static bool tenant_check(struct call *call)
{
	struct store *store;
	enum err_code code = broker_tenant(call->api->options.broker, call->tenant, false, &store, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	return code == ERR_OK;
}

static void on_written(struct stored_context_write *write, enum err_code code, const struct error *err)
{
	call_ended(write->self, code, err);
}

static struct stored_context_write *write_new(struct call *call)
{
	struct stored_context_write *write = arena_new(call->arena, struct stored_context_write);

	if (!write) {
		answer_problem(call, PROBLEM_UNAVAILABLE, "no memory for this request");
		return NULL;
	}
	write->tenant = call->tenant;
	write->done = on_written;
	write->self = call;
	call->work = write;
	return write;
}

/* ---- add ---- */

static void added(struct call *call)
{
	const struct stored_context_write *write = call->work;

	if (call->write_code != ERR_OK) {
		answer_error(call, call->write_code, &call->error);
		return;
	}
	(void)http_response_header(call->request, "Location",
				   arena_concat(call->arena, STR(CONTEXT_PATH), str_from(write->id)));
	answer_empty(call, 201);
}

void add_context(struct call *call)
{
	const struct json *value = json_get(call->body, STR("@context"));

	if (!tenant_check(call))
		return;
	if (!value) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "the body has no \"@context\"");
		return;
	}
	struct stored_context_write *write = write_new(call);

	if (!write)
		return;
	enum err_code code = stored_context_add(call->api->options.broker, CONTEXT_HOSTED, value, write, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, added);
}

/* ---- list and details ---- */

static bool is_host(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '-' || c == '_' || c == ':' || c == '[' || c == ']';

		if (!good)
			return false;
	}
	return text.len > 0;
}

struct str call_stored_context_url(const struct call *call, struct str id)
{
	const char *public_url = call->api->options.public_url;
	struct str host = http_request_header(call->request, STR("Host"));

	if (public_url && public_url[0])
		return arena_printf(call->arena, "%s" CONTEXT_PATH "%.*s", public_url, STR_FMT(id));
	if (is_host(host))
		return arena_printf(call->arena, "http://%.*s" CONTEXT_PATH "%.*s", STR_FMT(host), STR_FMT(id));
	return arena_concat(call->arena, STR(CONTEXT_PATH), id);
}

/* Where a context can be had: a cached one at its source, others here. */
static struct str url_of(const struct call *call, const struct stored_context *context)
{
	return context->kind == CONTEXT_CACHED ? context->url : call_stored_context_url(call, context->id);
}

static void put_text(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, ",\"%s\":", name);
	json_write_string(out, text);
}

static void put_time(struct buf *out, const char *name, int64_t us)
{
	char text[TIME_ISO_BYTES];

	put_text(out, name, time_format_iso(us, text));
}

/* Clause 5.13.3.5. */
static void write_details(const struct call *call, struct buf *out, const struct stored_context *context)
{
	buf_put(out, STR("{\"URL\":"));
	json_write_string(out, url_of(call, context));
	put_text(out, "localId", context->id);
	put_text(out, "kind", stored_context_kind_name(context->kind));
	put_time(out, "createdAt", context->created_us);
	if (context->expires_us)
		put_time(out, "expiresAt", context->expires_us);
	if (context->last_usage_us)
		put_time(out, "lastUsage", context->last_usage_us);
	buf_printf(out, ",\"numberOfHits\":%llu,\"extraInfo\":{\"bytes\":%zu", (unsigned long long)context->hits,
		   context->bytes);
	if (context->etag.at)
		put_text(out, "etag", context->etag);
	if (context->failure.at)
		put_text(out, "lastFailure", context->failure);
	buf_put(out, STR("}}"));
}

/* The answer is JSON, so a Link header names its @context, the core (6.3.6). */
static void answer_json(struct call *call, struct buf *out)
{
	const struct context *context = broker_core_context(call->api->options.broker);
	const struct json *member;
	enum err_code code = buf_check(out, "the answer", &call->error);

	if (code == ERR_OK) {
		call_context_out(call, &context, &member);
		answer_represented(call, out);
		return;
	}
	buf_done(out);
	answer_error(call, code, &call->error);
}

static bool kinds_take(struct call *call, unsigned int *ret_kinds)
{
	struct str text = call->parameters[P_KIND];

	*ret_kinds = KINDS_ALL;
	if (!text.at)
		return true;
	for (int kind = 0; kind < CONTEXT_KIND_COUNT; kind++) {
		*ret_kinds = 1u << kind;
		if (str_eq(text, stored_context_kind_name((enum stored_context_kind)kind)))
			return true;
	}
	answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "kind is Cached, Hosted or ImplicitlyCreated, not \"%.*s\"",
		       STR_FMT(text));
	return false;
}

void list_contexts(struct call *call)
{
	struct stored_context *list;
	unsigned int kinds;
	size_t count;
	bool details;
	struct buf out;

	if (!tenant_check(call) || !kinds_take(call, &kinds) || !call_flag(call, P_DETAILS, &details))
		return;
	enum err_code code = stored_context_list(call->api->options.broker, call->tenant, kinds, call->arena, &list,
						 &count, &call->error);

	if (code != ERR_OK) {
		answer_error(call, code, &call->error);
		return;
	}
	buf_init(&out, call->api->options.answer_bytes_max);
	buf_put_char(&out, '[');
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, i ? STR(",") : STR(""));
		if (details)
			write_details(call, &out, &list[i]);
		else
			json_write_string(&out, url_of(call, &list[i]));
	}
	buf_put_char(&out, ']');
	answer_json(call, &out);
}

/* ---- serve ---- */

static enum err_code write_one(struct call *call, bool details, struct buf *out)
{
	struct broker *broker = call->api->options.broker;
	struct stored_context context;
	struct str document;
	enum err_code code;

	if (details) {
		code = stored_context_find(broker, call->tenant, call->variables[0], call->arena, &context,
					   &call->error);
		if (code == ERR_OK)
			write_details(call, out, &context);
	} else {
		code = stored_context_serve(broker, call->tenant, call->variables[0], call->arena, &document,
					    &call->error);
		if (code == ERR_OK)
			buf_put(out, document);
	}
	return code;
}

void serve_context(struct call *call)
{
	bool details;
	struct buf out;

	if (!tenant_check(call) || !call_flag(call, P_DETAILS, &details))
		return;
	buf_init(&out, call->api->options.answer_bytes_max);
	enum err_code code = write_one(call, details, &out);

	if (code == ERR_OK) {
		answer_json(call, &out);
		return;
	}
	buf_done(&out);
	answer_error(call, code, &call->error);
}

/* ---- delete and reload ---- */

static void deleted(struct call *call)
{
	if (call->write_code != ERR_OK)
		answer_error(call, call->write_code, &call->error);
	else
		answer_empty(call, 204);
}

static void on_reloaded(void *request)
{
	http_request_wake(request);
}

static void reloaded(struct call *call)
{
	call->write_code =
		stored_context_reloaded(call->api->options.broker, call->tenant, call->variables[0], &call->error);
	deleted(call);
}

static void reload(struct call *call)
{
	enum err_code code = stored_context_reload(call->api->options.broker, call->tenant, call->variables[0],
						   on_reloaded, call->request, &call->error);

	if (code == ERR_TIMEOUT)
		call_wait(call, reloaded);
	else
		answer_error(call, code, &call->error);
}

void delete_context(struct call *call)
{
	struct stored_context_write *write;
	bool again;

	if (!tenant_check(call) || !call_flag(call, P_RELOAD, &again))
		return;
	if (again) {
		reload(call);
		return;
	}
	write = write_new(call);
	if (!write)
		return;
	enum err_code code = stored_context_delete(call->api->options.broker, call->variables[0], write, &call->error);

	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, deleted);
}
