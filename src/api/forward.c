/* Requests to other context sources: whom to ask, what a request says, and sending many side by side. */
#include "api/forward_int.h"

#include "broker/identity.h"

#include <string.h>

#define FORWARD_TIMEOUT_MS 5000u /* when neither the registration nor the configuration says */
#define VIA_MAX 64u /* sources that a request may have passed */
#define URL_BYTES_MAX ((size_t)1 << 20)
#define HEADERS_MAX 64u
#define ALIAS_PREFIX "machi-"

/* ---- whom to ask ---- */

/* The pseudonyms of a Via header (RFC 9110, 7.6.3): "1.1 one, HTTP/1.1 two (a comment)". */
static size_t via_read(struct str via, struct str *ret, size_t room)
{
	struct str element;
	size_t count = 0;

	while (via.at && count < room && str_next(&via, ',', &element)) {
		struct str word, rest = str_trim(element);

		if (!str_next(&rest, ' ', &word) || !rest.at)
			continue;
		rest = str_trim(rest);
		if (str_next(&rest, ' ', &word) && word.len)
			ret[count++] = word;
	}
	return count;
}

/* Who this broker is to others, for this tenant. */
static enum err_code alias_make(struct call *call, struct str *ret_alias)
{
	struct str uuid;
	enum err_code code = broker_identity(call->loop->reader, call->tenant, call->arena, &uuid, &call->error);

	if (code == ERR_OK)
		*ret_alias = arena_concat(call->arena, STR(ALIAS_PREFIX), uuid);
	return code == ERR_OK && !ret_alias->at ? err_set(&call->error, ERR_MEMORY, "no memory for a name") : code;
}

/* The request has been here before. */
static bool is_loop(struct call *call, struct str via)
{
	struct str met[VIA_MAX], alias;
	size_t count = via_read(via, met, VIA_MAX);

	if (count == 0 || alias_make(call, &alias) != ERR_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		if (str_eq(met[i], alias))
			return true;
	return count == VIA_MAX;
}

bool call_is_distributed(struct call *call, bool *ret_answered)
{
	struct str via = http_request_header(call->request, STR("Via"));
	bool local;

	*ret_answered = true;
	if (!call_flag(call, P_LOCAL, &local))
		return false;
	if (!local && via.len && is_loop(call, via)) {
		answer_problem(call, PROBLEM_LOOP, "this broker has passed the request on already: %.*s",
			       STR_FMT(str_part(via, 0, 120)));
		return false;
	}
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

void put_escaped(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("-._~:", c)))
			buf_put_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", (unsigned int)c);
	}
}

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

struct str buf_to_arena(struct buf *out, struct arena *arena)
{
	struct str text = out->failed ? STR_NONE : arena_dup(arena, out->len ? buf_str(out) : STR(""));

	buf_done(out);
	return text;
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

/* ---- one request ---- */

/* The endpoint is where the interface is found: with the root of the API, or before it. */
static const char *url_make(struct forward *forward)
{
	struct call *call = forward->round->call;
	struct str endpoint = source_endpoint(forward->source);
	struct buf out;

	while (str_ends(endpoint, STR("/")))
		endpoint.len--;
	buf_init(&out, URL_BYTES_MAX);
	buf_put(&out, endpoint);
	if (!str_ends(endpoint, STR(API_ROOT)))
		buf_put(&out, STR(API_ROOT));
	buf_put(&out, forward->path);
	if (forward->query.len) {
		buf_put_char(&out, '?');
		buf_put(&out, forward->query);
	}
	if (source_management(forward->source).local_only && !str_contains(forward->query, STR("local=true"))) {
		buf_put_char(&out, forward->query.len ? '&' : '?');
		buf_put(&out, STR("local=true"));
	}
	return buf_to_arena(&out, call->arena).at;
}

/* Headers that say what this request is, whatever contextSourceInfo says (4.3.6.5, 6.3.19). */
static bool is_ours(struct str key)
{
	static const struct str ours[] = {
		{"accept", 6},
		{"contentType", 11},
		{"jsonldContext", 13},
		{"ngsildConformance", 17},
		{"link", 4},
		{"content-type", 12},
		{"content-length", 14},
		{"content-encoding", 16},
		{"via", 3},
		{"host", 4},
		{"ngsild-tenant", 13},
		{"transfer-encoding", 17},
		{"connection", 10},
		{"te", 2},
		{"trailer", 7},
		{"upgrade", 7},
		{"expect", 6},
		{"keep-alive", 10},
		{"accept-encoding", 15},
		{"ngsild-snapshot", 15},
		{"cookie2", 7},
		{"proxy-connection", 16},
		{"ngsild-entitymap", 16},
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (str_eq_nocase(key, ours[i]))
			return true;
	return false;
}

struct headers {
	struct http_post_header *at;
	size_t count;
};

static void header_add(struct headers *headers, struct str name, struct str value)
{
	if (value.at && headers->count < HEADERS_MAX)
		headers->at[headers->count++] = (struct http_post_header){name, value};
}

static void info_add(struct forward *forward, struct headers *headers)
{
	struct http_request *request = forward->round->call->request;
	struct str key, value;

	for (size_t i = 0; source_info(forward->source, i, &key, &value); i++) {
		if (is_ours(key))
			continue;
		if (str_eq(value, STR("urn:ngsi-ld:request")))
			value = http_request_header(request, key);
		header_add(headers, key, value);
	}
}

static struct str link_make(struct arena *arena, struct str url)
{
	return arena_concat(arena, arena_concat(arena, STR("<"), url),
			    STR(">; rel=\"" LINK_REL_CONTEXT "\"; type=\"application/ld+json\""));
}

/* Where the @context goes: into the body, or into a Link header where there is no body, or the source wants plain JSON
 * (4.3.6.6, 6.3.19). */
static struct str context_place(struct forward *forward, bool *ret_in_body)
{
	struct arena *arena = forward->round->call->arena;
	struct str wanted = source_info_value(forward->source, STR("jsonldContext"));
	struct str type = source_info_value(forward->source, STR("contentType"));
	struct str url = context_lone_url(forward->context_value);

	*ret_in_body = false;
	if (wanted.at)
		return link_make(arena, wanted);
	*ret_in_body = forward->body && (forward->context_value || str_eq(type, STR("application/ld+json"))) &&
		       !(str_eq(type, STR("application/json")) && (url.at || !forward->context_value));
	if (*ret_in_body || !url.at || context_url_is_core(url))
		return STR_NONE;
	return link_make(arena, url);
}

static struct json with_context(struct forward *forward, const struct json *object)
{
	struct arena *arena = forward->round->call->arena;
	struct json copy = json_object();

	for (uint32_t i = 0; i < object->count; i++)
		(void)json_add(arena, &copy, object->members[i].key, object->members[i].value);
	(void)json_add(arena, &copy, STR("@context"),
		       forward->context_value ? *forward->context_value : json_string(STR(NGSILD_CORE_CONTEXT_URL)));
	return copy;
}

static enum err_code body_make(struct forward *forward, bool context_inside)
{
	struct call *call = forward->round->call;
	struct json body = *forward->body;
	struct buf out;

	if (context_inside && json_is(&body, JSON_OBJECT))
		body = with_context(forward, &body);
	if (context_inside && json_is(&body, JSON_ARRAY)) {
		struct json list = json_array();

		for (uint32_t i = 0; i < body.count; i++)
			(void)json_push(call->arena, &list,
					json_is(&body.items[i], JSON_OBJECT) ? with_context(forward, &body.items[i])
									     : body.items[i]);
		body = list;
	}
	buf_init(&out, FORWARD_ANSWER_BYTES_MAX);
	json_write(&out, &body);
	forward->post.body = buf_to_arena(&out, call->arena);
	return forward->post.body.at ? ERR_OK : err_set(&forward->error, ERR_MEMORY, "no memory for a request");
}

static struct str via_make(struct call *call)
{
	struct str via = http_request_header(call->request, STR("Via")), alias = STR_NONE;

	if (alias_make(call, &alias) != ERR_OK)
		return STR_NONE;
	if (via.len)
		return arena_printf(call->arena, "%.*s, 1.1 %.*s", STR_FMT(via), STR_FMT(alias));
	return arena_concat(call->arena, STR("1.1 "), alias);
}

static enum err_code headers_make(struct forward *forward)
{
	struct call *call = forward->round->call;
	struct headers headers = {arena_array(call->arena, struct http_post_header, HEADERS_MAX), 0};
	struct str accept = source_info_value(forward->source, STR("accept"));
	bool inside;
	struct str link = context_place(forward, &inside), version;

	if (!headers.at)
		return err_set(&forward->error, ERR_MEMORY, "no memory for a request");
	header_add(&headers, STR("Accept"), accept.at ? accept : STR("application/json"));
	if (forward->body)
		header_add(&headers, STR("Content-Type"),
			   inside ? STR("application/ld+json") : STR("application/json"));
	header_add(&headers, STR("Link"), link);
	header_add(&headers, STR("Via"), via_make(call));
	header_add(&headers, STR("NGSILD-Tenant"), source_tenant(forward->source));
	header_add(&headers, STR("NGSILD-EntityMap"), forward->entity_map);
	version = source_info_value(forward->source, STR("ngsildConformance"));
	if (version.at && strcmp(forward->method, "GET") == 0)
		header_add(&headers, STR("Prefer"), arena_concat(call->arena, STR("ngsi-ld="), version));
	info_add(forward, &headers);
	forward->post.headers = headers.at;
	forward->post.header_count = headers.count;
	return forward->body ? body_make(forward, inside) : ERR_OK;
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
	size_t room = round->room ? round->room * 2 : 8;

	if (round->count < round->room)
		return true;
	if (round->count == FORWARDS_MAX)
		return false;
	struct forward **grown = arena_array(round->call->arena, struct forward *, room);

	if (!grown)
		return false;
	if (round->count)
		memcpy(grown, round->at, round->count * sizeof(struct forward *));
	round->at = grown;
	round->room = room;
	return true;
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

static enum err_code post_make(struct forward *forward)
{
	static const char *const names[FORWARD_WANTED] = {"Link", "Content-Type", "NGSILD-Results-Count",
							  "NGSILD-EntityMap", "Content-Range"};
	struct call *call = forward->round->call;
	int64_t timeout_ms = source_management(forward->source).timeout_ms;
	uint32_t usual_ms = call->api->options.source_timeout_ms;

	if (!timeout_ms)
		timeout_ms = usual_ms ? usual_ms : FORWARD_TIMEOUT_MS;
	for (size_t i = 0; i < FORWARD_WANTED; i++)
		forward->wanted[i].name = names[i];
	forward->post = (struct http_post){.method = forward->method,
					   .url = url_make(forward),
					   .timeout_ms = (uint32_t)timeout_ms,
					   .waiting_counts = true,
					   .once = !is_safe(forward->method),
					   .answer = &forward->answer,
					   .wanted = forward->wanted,
					   .wanted_count = FORWARD_WANTED,
					   .arena = &forward->arena,
					   .done = on_done,
					   .self = forward};
	if (!forward->post.url)
		return err_set(&forward->error, ERR_MEMORY, "no memory for a request");
	return headers_make(forward);
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
