/* The @context of a request and of its answer. Source: GS CIM 009 V1.9.1 clauses 5.5.5, 6.3.5, 6.3.6. */
#include "api/api_int.h"

#include "ngsild/expand.h"

static void on_context_ready(void *request)
{
	http_request_wake(request);
}

static void release_context(void *context)
{
	(void)context_unref(context);
}

enum err_code call_context(struct call *call, const struct json *value, struct context **ret)
{
	struct context *context = NULL;
	enum err_code code = broker_context(call->api->options.broker, value, on_context_ready, call->request, &context,
					    &call->error);

	if (code == ERR_TIMEOUT) {
		/* The promise to wake stands even if this was one try too many, so wait for it and give up then. */
		call->context_tries++;
		call_wait(call, call->resume);
		return code;
	}
	call->context_tries = 0;
	/* The standard has no error for a @context that is too large; the data that names it is what is wrong. */
	if (code == ERR_LIMIT)
		code = ERR_INVALID;
	if (code != ERR_OK)
		return code;
	if (!call_on_end(call, release_context, context)) {
		(void)context_unref(context);
		return err_set(&call->error, ERR_MEMORY, "no memory for the @context");
	}
	*ret = context;
	return ERR_OK;
}

static void context_resolve(struct call *call)
{
	if (call->context_tries > API_CONTEXT_TRIES_MAX) {
		(void)err_set(&call->error, ERR_CONTEXT, "the @context did not come in %u tries",
			      API_CONTEXT_TRIES_MAX);
		answer_error(call, ERR_CONTEXT, &call->error);
		return;
	}
	call->resume = context_resolve;
	enum err_code code = call_context(call, call->context_value, &call->context);

	if (code == ERR_TIMEOUT)
		return;
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call->next(call);
}

/* GET and DELETE, and bodies of application/json: from the Link header. */
static bool context_from_link(struct call *call)
{
	struct str url, link = http_request_header(call->request, STR("Link"));

	if (!link.at)
		return true;
	if (!link_context(link, &url)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "the Link header is malformed or names more than one @context");
		return false;
	}
	if (!url.at)
		return true;
	if (!expand_is_uri(url)) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "the Link header's @context is no URI: \"%.*s\"",
			       STR_FMT(url));
		return false;
	}
	if (call->ld_body) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "with application/ld+json the @context belongs into the body, not into a Link header");
		return false;
	}
	call->context_value = json_new(call->arena, json_string(url));
	return true;
}

/* Bodies: application/json carries no @context, application/ld+json must. Lists carry it in their items. */
static bool context_from_body(struct call *call)
{
	bool object = json_is(call->body, JSON_OBJECT);
	struct json *value = object ? json_get(call->body, STR("@context")) : NULL;

	if (!object)
		return true;
	if (value && !call->ld_body) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA,
			       "a body with @context has to be sent as application/ld+json");
		return false;
	}
	if (!value && call->ld_body) {
		answer_problem(call, PROBLEM_BAD_REQUEST_DATA, "a body of application/ld+json needs an @context");
		return false;
	}
	if (value) {
		call->context_value = json_new(call->arena, *value);
		(void)json_remove(call->body, STR("@context"));
	}
	return true;
}

void call_with_context(struct call *call, void (*next)(struct call *call))
{
	if (!context_from_link(call) || (call->body && !context_from_body(call)))
		return;
	call->next = next;
	context_resolve(call);
}

/* GeoJSON carries the @context in its body unless the client asks otherwise (6.3.6; RFC 7240). */
static bool prefers_json_body(const struct call *call)
{
	struct str preference, rest = http_request_header(call->request, STR("Prefer"));

	while (rest.at && str_next(&rest, ',', &preference))
		if (str_eq_nocase(str_trim(preference), STR("body=json")))
			return true;
	return false;
}

void call_context_out(struct call *call, const struct context **context, const struct json **ret_member)
{
	static const struct json core = {
		.kind = JSON_STRING, .count = sizeof(NGSILD_CORE_CONTEXT_URL) - 1, .text = NGSILD_CORE_CONTEXT_URL};

	*ret_member = call->context_value ? call->context_value : &core;
	if (call->media == MEDIA_LD_JSON || (call->media == MEDIA_GEO_JSON && !prefers_json_body(call)))
		return;
	struct str url = context_lone_url(*ret_member);

	*ret_member = NULL;
	if (!url.at) {
		url = STR(NGSILD_CORE_CONTEXT_URL);
		*context = broker_core_context(call->api->options.broker);
	}
	call->context_link = arena_concat(call->arena, arena_concat(call->arena, STR("<"), url),
					  STR(">; rel=\"" LINK_REL_CONTEXT "\"; type=\"application/ld+json\""));
}
