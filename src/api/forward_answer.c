/* What came back from other context sources: how they did, what they say, and what the client is told of failures.
 * Source: GS CIM 009 V1.9.1 clause 6.3.17. */
#include "api/forward_int.h"

#include <string.h>

#define WARNING_BYTES_MAX ((size_t)4096) /* of all warnings of one answer */
#define REASON_BYTES_MAX 200u

struct str forward_header(const struct forward *forward, enum forward_wanted wanted)
{
	return forward->wanted[wanted].value;
}

bool forward_has_next(const struct forward *forward)
{
	struct str link = forward_header(forward, WANTED_LINK);

	return str_contains(link, STR("rel=\"next\"")) || str_contains(link, STR("rel=next"));
}

bool forward_settle(struct forward *forward, bool absent_is_fine)
{
	int64_t now_us = broker_now_us(forward->round->call->api->options.broker);
	bool absent = forward->status == 404 && absent_is_fine;
	bool good = forward->code == ERR_OK || absent;

	static const enum source_count counts[] = {[SOURCE_ANSWERED] = SOURCE_COUNT_ANSWERED,
						   [SOURCE_REFUSED] = SOURCE_COUNT_REFUSED,
						   [SOURCE_SILENT] = SOURCE_COUNT_SILENT};
	enum source_end end = good ? SOURCE_ANSWERED : forward->status == 0 ? SOURCE_SILENT : SOURCE_REFUSED;

	if (forward->sent) {
		source_ended(forward->source, end, now_us);
		metrics_count_source(forward->round->call->loop, counts[end]);
	}
	forward->sent = false;
	return good;
}

/* ---- the body ---- */

static enum err_code body_parse(struct forward *forward, struct json **ret_body)
{
	struct call *call = forward->round->call;
	struct str text = arena_dup(call->arena, STR(""));
	char *copy = arena_bytes(call->arena, forward->answer.len, 64);
	enum err_code code = ERR_OK;

	if (!text.at || !copy)
		return err_set(&forward->error, ERR_MEMORY, "no memory for the answer of a source");
	if (forward->answer.len)
		memcpy(copy, forward->answer.at, forward->answer.len);
	code = json_parse(broker_reader_parser(call->loop->reader), call->arena,
			  (struct str){copy, forward->answer.len}, NULL, ret_body, &forward->error);
	return code;
}

struct json *forward_body(struct forward *forward)
{
	struct json *body = NULL;

	return forward->answer.len && body_parse(forward, &body) == ERR_OK ? body : NULL;
}

/* The first "@context" of a body, where it lies in bodies: of its items too. */
static struct json *context_in(struct json *body)
{
	if (json_is(body, JSON_ARRAY))
		body = json_at(body, 0);
	return json_get(body, STR("@context"));
}

/* By the body or the Link header; what names the @context that was sent along, or the core, needs nothing fetched. */
static enum err_code context_find(struct forward *forward, struct json *body, struct context **ret_context)
{
	struct call *call = forward->round->call;
	const struct json *value = context_in(body);
	struct str url = STR_NONE, sent = context_lone_url(forward->context_value);

	if (!value && link_context(forward_header(forward, WANTED_LINK), &url) && url.at)
		value = json_new(call->arena, json_string(url));
	if (!value || (url.at && context_url_is_core(url))) {
		*ret_context = broker_core_context(call->api->options.broker);
		return ERR_OK;
	}
	if (value && sent.at && str_eq(context_lone_url(value), sent) && call->context) {
		*ret_context = call->context;
		return ERR_OK;
	}
	return call_context(call, value, ret_context);
}

enum err_code forward_read(struct forward *forward, struct json **ret_body, struct context **ret_context)
{
	struct call *call = forward->round->call;
	struct json *body = NULL;
	enum err_code code = body_parse(forward, &body);

	if (code == ERR_OK)
		code = context_find(forward, body, ret_context);
	if (code != ERR_OK && code != ERR_TIMEOUT && code != ERR_MEMORY)
		forward->error = call->error;
	*ret_body = body;
	return code;
}

/* ---- warnings ---- */

static const char *warning_text(int code)
{
	switch (code) {
	case 110:
		return "Response is Stale";
	case 111:
		return "Revalidation Failed";
	case 199:
		return "Miscellaneous Warning";
	default:
		return "Miscellaneous Persistent Warning";
	}
}

/* As HTTP's Warning was written: code, agent, text. The agent is the registration. */
void forward_warn(struct forward *forward, int code)
{
	struct call *call = forward->round->call;
	struct str id = source_id(forward->source);
	struct str one = arena_printf(call->arena, "%s%d %.*s \"%s\"", call->warnings.len ? ", " : "", code,
				      STR_FMT(str_part(id, 0, REASON_BYTES_MAX)), warning_text(code));

	if (one.at && call->warnings.len + one.len <= WARNING_BYTES_MAX)
		call->warnings = call->warnings.at ? arena_concat(call->arena, call->warnings, one) : one;
}

void forward_warn_failure(struct forward *forward)
{
	forward_warn(forward, forward->status == 0 || forward->status == 508 ? 199 : 299);
}

void forward_warnings_put(struct call *call)
{
	if (call->warnings.len)
		(void)http_response_header(call->request, "NGSILD-Warning", call->warnings);
}

/* ---- problems ---- */

/* What the source itself says is wrong, for the detail. */
static struct str detail_of(struct forward *forward, struct json *body)
{
	struct call *call = forward->round->call;
	struct str detail = json_text(json_get(body, STR("detail"))), title = json_text(json_get(body, STR("title")));

	if (!detail.len)
		detail = title.len ? title : str_from(forward->error.detail);
	return arena_printf(call->arena, "source of registration %.*s: %.*s",
			    STR_FMT(str_part(source_id(forward->source), 0, REASON_BYTES_MAX)),
			    STR_FMT(str_part(detail, 0, REASON_BYTES_MAX)));
}

int forward_problem_write(const struct forward *forward, struct buf *out)
{
	struct forward copy = *forward;
	struct json *body = NULL;
	struct error err;
	enum problem problem = PROBLEM_BAD_GATEWAY;

	if (forward->answer.len && body_parse(&copy, &body) != ERR_OK)
		body = NULL;
	if (forward->status == 404)
		problem = PROBLEM_NOT_FOUND;
	else if (forward->status == 409)
		problem = str_ends(json_text(json_get(body, STR("type"))), STR("/AlreadyExists")) ? PROBLEM_EXISTS
												  : PROBLEM_CONFLICT;
	else if (forward->status == 508)
		problem = PROBLEM_LOOP;
	else if (forward->status == 0 && forward->code == ERR_TIMEOUT)
		problem = PROBLEM_GATEWAY_TIMEOUT;
	(void)err_set(&err, ERR_IO, "%.*s", STR_FMT(detail_of(&copy, body)));
	return problem_kind_write(out, problem, err.detail);
}

enum err_code forward_take(struct forward *forward, struct json **ret_body, struct context **ret_context)
{
	enum err_code code;

	*ret_body = NULL;
	(void)forward_settle(forward, true);
	if (forward->code != ERR_OK) {
		if (forward->status != 404)
			forward_warn_failure(forward);
		return ERR_OK;
	}
	code = forward_read(forward, ret_body, ret_context);
	if (code == ERR_TIMEOUT)
		return code;
	buf_done(&forward->answer);
	if (code == ERR_OK)
		return ERR_OK;
	*ret_body = NULL;
	forward_warn(forward, 111);
	return code == ERR_MEMORY ? code : ERR_OK;
}
