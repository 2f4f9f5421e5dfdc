/* Requests to other context sources: whom to ask, what a request says, and sending many side by side. */
#include "api/forward_int.h"

#include <string.h>

#define FORWARDS_FIRST 8u
#define URL_BYTES_MAX ((size_t)1 << 20)

/* ---- whom to ask ---- */

/* The request has been here before. */
static bool is_loop(struct call *call, struct str via)
{
	struct str met[VIA_MAX], alias;
	size_t count = via_read(via, met, VIA_MAX);

	if (count == 0 ||
	    source_alias_make(call->loop->reader, call->tenant, call->arena, &alias, &call->error) != ERR_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		if (str_eq(met[i], alias))
			return true;
	return count == VIA_MAX;
}

bool call_is_first(struct call *call)
{
	struct str via = http_request_header(call->request, STR("Via"));

	if (via.len == 0 || !is_loop(call, via))
		return true;
	answer_problem(call, PROBLEM_LOOP, "this broker has passed the request on already: %.*s",
		       STR_FMT(str_part(via, 0, 120)));
	return false;
}

bool call_is_distributed(struct call *call, bool *ret_answered)
{
	bool local;

	*ret_answered = true;
	if (!call_flag(call, P_LOCAL, &local))
		return false;
	if (!local && !call_is_first(call))
		return false;
	*ret_answered = false;
	return !local && call->api->options.forwarder &&
	       broker_has_registrations(call->api->options.broker, call->tenant);
}

static void release_sources(void *list)
{
	sources_release(list);
}

bool call_has_passed(struct call *call, const struct source *source)
{
	struct str met[VIA_MAX], alias = source_alias(source);
	size_t count = via_read(http_request_header(call->request, STR("Via")), met, VIA_MAX);

	for (size_t i = 0; alias.len && i < count; i++)
		if (str_eq(met[i], alias))
			return true;
	return false;
}

enum err_code call_sources(struct call *call, enum source_operation operation, bool for_change,
			   struct registration_question *match, struct source_list *ret)
{
	struct str via[VIA_MAX];
	struct source_list *list = arena_new(call->arena, struct source_list);
	struct source_question question = {
		.match = match,
		.operation = operation,
		.any_operation = for_change,
		.via = via,
		.via_count = for_change ? 0 : via_read(http_request_header(call->request, STR("Via")), via, VIA_MAX)};

	if (!list)
		return err_set(&call->error, ERR_MEMORY, "no memory for sources");
	match->now_us = broker_now_us(call->api->options.broker);
	enum err_code code =
		broker_sources(call->loop->reader, call->tenant, &question, call->arena, list, &call->error);

	if (code != ERR_OK)
		return code;
	*ret = *list;
	if (call_on_end(call, release_sources, list))
		return ERR_OK;
	sources_release(list);
	return err_set(&call->error, ERR_MEMORY, "no memory for sources");
}

/* ---- texts ---- */

void put_parameter(struct buf *out, struct str name, struct str value)
{
	if (!value.at)
		return;
	if (out->len > 0)
		buf_put_char(out, '&');
	buf_put(out, name);
	buf_put_char(out, '=');
	put_escaped(out, value);
}

struct str entity_path(struct arena *arena, struct str id)
{
	struct buf out;

	buf_init(&out, URL_BYTES_MAX);
	buf_put(&out, STR("/entities/"));
	put_escaped(&out, id);
	return buf_to_arena(&out, arena);
}

enum err_code forward_names(struct call *call, const struct source *source, struct context **ret_names)
{
	struct str url = source_info_value(source, STR("jsonldContext"));
	struct json *value;

	*ret_names = call->context ? call->context : broker_core_context(call->api->options.broker);
	if (!url.at)
		return ERR_OK;
	value = json_new(call->arena, json_string(url));
	return value ? call_context(call, value, ret_names) : err_set(&call->error, ERR_MEMORY, "no memory for a name");
}

enum err_code forward_rename_q(struct call *call, const struct context *names, const struct str *q, struct str *ret_q)
{
	*ret_q = *q;
	if (!q->at || names == call->context)
		return ERR_OK;
	return query_rename_q(call->arena, broker_reader_parser(call->loop->reader), *q, call->context, names, ret_q,
			      &call->error);
}

/* ---- sending ---- */

static void round_release(void *self)
{
	struct forward_round *round = self;

	for (size_t i = 0; i < round->count; i++) {
		(void)forward_settle(round->at[i], true); /* one that nobody looked at */
		buf_done(&round->at[i]->answer);
		arena_done(&round->at[i]->arena);
	}
}

enum err_code forward_round_new(struct call *call, struct forward_round **ret_round)
{
	struct forward_round *round = arena_new(call->arena, struct forward_round);

	if (!round || !call_on_end(call, round_release, round))
		return err_set(&call->error, ERR_MEMORY, "no memory for requests to other sources");
	round->call = call;
	*ret_round = round;
	return ERR_OK;
}

static bool make_room(struct forward_round *round)
{
	struct forward **at = round->count < FORWARDS_MAX
				      ? arena_grow(round->call->arena, round->at, round->count, &round->room,
						   sizeof(struct forward *), FORWARDS_FIRST)
				      : NULL;

	if (at)
		round->at = at;
	return at != NULL;
}

struct forward *forward_add(struct forward_round *round, struct source *source, const char *method, struct str path)
{
	struct forward *forward = arena_new(round->call->arena, struct forward);

	if (!forward || !path.at || !make_room(round)) {
		(void)err_set(&round->call->error, ERR_LIMIT, "this request would make more than %u of other sources",
			      FORWARDS_MAX);
		return NULL;
	}
	forward->source = source;
	forward->method = method;
	forward->path = path;
	forward->round = round;
	buf_init(&forward->answer, FORWARD_ANSWER_BYTES_MAX);
	arena_init(&forward->arena, FORWARD_HEADER_BYTES_MAX);
	round->at[round->count++] = forward;
	return forward;
}

static void round_left(struct forward_round *round, size_t count)
{
	if (atomic_fetch_sub(&round->left, count) == count)
		http_request_wake(round->call->request);
}

/* The forwarder's thread. */
static void on_done(struct http_post *post, const struct http_post_result *result)
{
	struct forward *forward = post->self;

	forward->code = result->code;
	forward->status = result->status;
	forward->error = result->error;
	round_left(forward->round, 1);
}

static bool is_safe(const char *method)
{
	return strcmp(method, "GET") == 0;
}

static enum err_code via_make(struct call *call, struct str *ret_via)
{
	return source_via_make(call->loop->reader, call->tenant, http_request_header(call->request, STR("Via")),
			       call->arena, ret_via, &call->error);
}

static enum err_code post_make(struct forward *forward)
{
	static const char *const names[FORWARD_WANTED] = {"Link", "Content-Type", "NGSILD-Results-Count",
							  "NGSILD-EntityMap", "Content-Range"};
	struct call *call = forward->round->call;
	struct source_request request = {.source = forward->source,
					 .method = forward->method,
					 .path = forward->path,
					 .query = forward->query,
					 .body = forward->body,
					 .context_value = forward->context_value,
					 .entity_map = forward->entity_map,
					 .client = call->request,
					 .arena = call->arena};
	enum err_code code = via_make(call, &request.via);

	for (size_t i = 0; i < FORWARD_WANTED; i++)
		forward->wanted[i].name = names[i];
	forward->post = (struct http_post){
		.timeout_ms = source_timeout_ms(forward->source, call->api->options.source_timeout_ms),
		.waiting_counts = true,
		.once = !is_safe(forward->method),
		.answer = &forward->answer,
		.wanted = forward->wanted,
		.wanted_count = FORWARD_WANTED,
		.arena = &forward->arena,
		.done = on_done,
		.self = forward};
	return code ? code : source_request_make(&request, &forward->post, &forward->error);
}

static bool prepare(struct forward *forward, int64_t now_us)
{
	forward->code = source_begin(forward->source, now_us, &forward->error);
	if (forward->code != ERR_OK)
		metrics_count_source(forward->round->call->loop, SOURCE_COUNT_SKIPPED);
	else
		forward->code = post_make(forward);
	forward->sent = forward->code == ERR_OK;
	return forward->sent;
}

/* All answers of a round together are bounded too. */
static size_t answer_room(size_t count)
{
	size_t share = count ? FORWARD_ANSWERS_BYTES_MAX / count : 0;

	if (share > FORWARD_ANSWER_BYTES_MAX)
		return FORWARD_ANSWER_BYTES_MAX;
	return share > FORWARD_ANSWER_BYTES_MIN ? share : FORWARD_ANSWER_BYTES_MIN;
}

void forward_send(struct forward_round *round, void (*then)(struct call *call))
{
	struct call *call = round->call;
	int64_t now_us = broker_now_us(call->api->options.broker);
	struct http_post **posts = arena_array(call->arena, struct http_post *, round->count);
	size_t count = 0;
	struct error error = {0};

	for (size_t i = 0; i < round->count; i++)
		round->at[i]->answer.bytes_max = answer_room(round->count);
	for (size_t i = 0; i < round->count; i++)
		if (posts && prepare(round->at[i], now_us))
			posts[count++] = &round->at[i]->post;
	atomic_store(&round->left, count);
	enum err_code code = posts ? ERR_OK : err_set(&error, ERR_MEMORY, "no memory for requests to other sources");

	if (count > 0) {
		round->then = then;
		call_wait(call, then);
		code = http_forwarder_send(call->api->options.forwarder, posts, count, &error);
		if (code == ERR_OK)
			return;
	}
	for (size_t i = 0; code != ERR_OK && i < round->count; i++) {
		round->at[i]->code = code;
		round->at[i]->error = error;
		round->at[i]->sent = false;
	}
	if (count > 0)
		http_request_wake(call->request);
	else
		then(call);
}
