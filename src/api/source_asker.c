/* A snapshot's query, asked of this server as a client asks it. */
#include "api/source_asker.h"

#include "api/api.h"
#include "api/source_request.h"
#include "base/time_value.h"
#include "net/http_sender.h"
#include "ngsild/context.h"
#include "ngsild/temporal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ASK_TIMEOUT_MS 120000u /* of a page; sources have their own, shorter ones */
#define ASK_FAILURES_MAX 3u /* no answer in time, or 503 */
#define LOOK_MS 200u /* how often it looks whether it is over */
#define QUERY_ARENA_BYTES_MAX ((size_t)16 << 20)
#define PAGE_ARENA_BYTES_MAX ((size_t)512 << 20)
#define ANSWER_BYTES_MAX ((size_t)256 << 20)
#define BODY_BYTES_MAX ((size_t)8 << 20)
#define RESTARTS_MAX 3u /* when its entity map is lost */

enum { WANTED_LINK, WANTED_MAP, WANTED_WARNING, WANTED_RANGE, WANTED_COUNT };

struct asking {
	const struct snapshot_asking *wanted;
	const struct source_asker *asker;
	struct arena arena; /* of the query */
	struct arena page;
	struct http_sender *sender; /* owned; freed before the post goes */
	struct http_post_header headers[5];
	struct http_post_wanted given[WANTED_COUNT];
	struct buf answer;
	struct json *query; /* in arena: what is sent */
	struct str body; /* its text */
	struct str authorization; /* in arena; STR_NONE: none */
	struct http_post post;
	struct http_post_result result;
	bool ended;
	struct str next, map; /* in arena: what follows the page, the map that it is of; STR_NONE: none */
	struct arena rest; /* of the body that asks for the rest of a page's evolutions */
	struct error *err;
};

/* ---- the server ---- */

void source_asker_serve(struct source_asker *asker, const char *address, uint16_t port)
{
	bool bracketed = strchr(address, ':') != NULL;

	(void)snprintf(asker->url, sizeof(asker->url), bracketed ? "http://[%s]:%u" : "http://%s:%u", address, port);
	atomic_store(&asker->serves, true);
}

void source_asker_set_page(struct source_asker *asker, uint32_t entities_max)
{
	atomic_store(&asker->page, entities_max);
}

/* ---- a request ---- */

static void on_done(struct http_post *post, const struct http_post_result *result)
{
	struct asking *a = post->self;

	a->result = *result;
	a->ended = true;
}

static enum err_code over(struct asking *a)
{
	return err_set(a->err, ERR_CONFLICT, "the snapshot is not wanted any more");
}

static void wait_a_moment(void)
{
	const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};

	(void)nanosleep(&moment, NULL);
}

static enum err_code send_once(struct asking *a, const char *method, const char *url, struct str body)
{
	size_t count = 2;

	/* A page's rest is of the page's own map. */
	if (a->wanted->tenant.len)
		a->headers[count++] = (struct http_post_header){STR("NGSILD-Tenant"), a->wanted->tenant};
	if (a->map.at)
		a->headers[count++] = (struct http_post_header){STR("NGSILD-EntityMap"), a->map};
	if (a->authorization.at)
		a->headers[count++] = (struct http_post_header){STR("Authorization"), a->authorization};
	a->ended = false;
	a->answer.len = 0;
	a->post = (struct http_post){.url = url,
				     .method = method,
				     .headers = a->headers,
				     .header_count = count,
				     .body = body,
				     .timeout_ms = ASK_TIMEOUT_MS,
				     .answer = &a->answer,
				     .wanted = a->given,
				     .wanted_count = WANTED_COUNT,
				     .arena = &a->page,
				     .done = on_done,
				     .self = a};
	enum err_code code = http_sender_post(a->sender, &a->post, a->err);

	while (code == ERR_OK && !a->ended) {
		code = http_sender_run(a->sender, LOOK_MS, a->err);
		if (code == ERR_OK && !a->ended && a->wanted->is_over(a->wanted->self))
			code = over(a);
	}
	return code;
}

/* Was it no answer that will do, and may be another time? */
static bool is_worth_another(const struct asking *a, size_t *failures)
{
	if (a->result.status == 503 || a->result.code == ERR_TIMEOUT)
		return ++*failures < ASK_FAILURES_MAX;
	return a->result.status == 0 && a->result.code == ERR_IO; /* it does not listen, yet or any more */
}

/* Until there is an answer. */
static enum err_code send(struct asking *a, const char *url, struct str body)
{
	size_t failures = 0;

	for (;;) {
		if (a->wanted->is_over(a->wanted->self))
			return over(a);
		arena_clear(&a->page);
		enum err_code code = send_once(a, "POST", url, body);

		if (code != ERR_OK)
			return code;
		if (!is_worth_another(a, &failures))
			break;
		wait_a_moment();
	}
	if (a->result.status)
		return ERR_OK;
	*a->err = a->result.error;
	return a->result.code;
}

/* ---- what it says ---- */

/* Table 5.5.2-1 */
static enum err_code code_of(struct str type)
{
	static const struct {
		const char *name;
		enum err_code code;
	} known[] = {
		{"BadRequestData", ERR_INVALID},        {"InvalidRequest", ERR_INVALID},
		{"TooComplexQuery", ERR_TOO_COMPLEX},   {"TooManyResults", ERR_LIMIT},
		{"LdContextNotAvailable", ERR_CONTEXT}, {"NonexistentTenant", ERR_TENANT},
		{"OperationNotSupported", ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ends(type, str_from(known[i].name)))
			return known[i].code;
	return ERR_IO;
}

static enum err_code refused(struct asking *a)
{
	struct json *problem = NULL;
	struct error ignored;
	enum err_code code = json_parse(a->wanted->parser, &a->page, buf_str(&a->answer), NULL, &problem, &ignored);
	struct str title, detail;

	if (code != ERR_OK)
		return err_set(a->err, ERR_IO, "the query was answered with %d", a->result.status);
	title = json_text(json_get(problem, STR("title")));
	detail = json_text(json_get(problem, STR("detail")));
	return err_set(a->err, code_of(json_text(json_get(problem, STR("type")))), "%.*s",
		       STR_FMT(detail.len ? detail : title));
}

/* The reference of rel="next" (RFC 8288); ">" stands in none. */
static struct str next_of(struct str link)
{
	struct str rest = link, piece, target;

	(void)str_next(&rest, '<', &piece);
	while (rest.at && str_next(&rest, '<', &piece))
		if (str_next(&piece, '>', &target) && piece.at && str_contains(piece, STR("rel=\"next\"")))
			return target;
	return STR_NONE;
}

/* Sentences of sources that failed, each once. */
static void take_warnings(struct asking *a)
{
	struct str warning = a->given[WANTED_WARNING].value;
	struct buf *all = a->wanted->warnings;

	if (!warning.len || str_contains(buf_str(all), warning))
		return;
	if (all->len)
		buf_put(all, STR("; "));
	buf_put(all, warning);
}

static enum err_code give(struct asking *a)
{
	struct json *page = NULL;
	enum err_code code = json_parse(a->wanted->parser, &a->page, buf_str(&a->answer), NULL, &page, a->err);

	if (code == ERR_OK && !json_is(page, JSON_ARRAY))
		code = err_set(a->err, ERR_IO, "the query was answered with something else than an array");
	for (uint32_t i = 0; code == ERR_OK && i < page->count; i++)
		if (!a->wanted->take(a->wanted->self, &page->items[i]))
			code = over(a);
	return code;
}

/* ---- pages ---- */

/* *ret_lost: the entity map of the pages before is gone, and this page is of another. */
static enum err_code ask_part(struct asking *a, const char *url, struct str body, bool *ret_lost)
{
	enum err_code code = send(a, url, body);

	if (code != ERR_OK)
		return code;
	if (a->result.status / 100 != 2)
		return refused(a);
	struct str map = a->given[WANTED_MAP].value, next = next_of(a->given[WANTED_LINK].value);

	*ret_lost = a->map.at && !str_eq(map, a->map);
	if (*ret_lost)
		return ERR_OK;
	if (!a->map.at && map.at)
		a->map = arena_dup(&a->arena, map);
	a->next = next.at ? arena_dup(&a->arena, next) : STR_NONE;
	if ((map.at && !a->map.at) || (next.at && !a->next.at))
		return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	take_warnings(a);
	return give(a);
}

static enum err_code make_body(struct arena *arena, const struct json *query, struct str *ret, struct error *err)
{
	struct buf text;

	buf_init(&text, BODY_BYTES_MAX);
	json_write(&text, query);
	*ret = buf_to_arena(&text, arena);
	return ret->at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a snapshot's query");
}

/* temporalQ from this time on; that before it began where the evolutions were cut. */
static struct json *later(struct arena *arena, const struct json *temporal, int64_t from_us)
{
	struct str end = json_text(json_get(temporal, STR("endTimeAt"))), from;
	struct json *result = json_dup_nodes(arena, temporal);
	char time[TIME_ISO_BYTES];

	if (str_eq(json_text(json_get(temporal, STR("timerel"))), STR("before")))
		end = json_text(json_get(temporal, STR("timeAt")));
	/* "after" is without its time. */
	from = arena_dup(arena, time_format_iso(from_us - 1, time));
	if (!result || !from.at ||
	    !json_set(arena, result, STR("timerel"), json_string(end.at ? STR("between") : STR("after"))) ||
	    !json_set(arena, result, STR("timeAt"), json_string(from)) ||
	    (end.at && !json_set(arena, result, STR("endTimeAt"), json_string(end))))
		return NULL;
	return result;
}

/* The query for what a partial answer has left out (6.3.10): what lies at its end and behind it. */
static enum err_code ask_later(struct asking *a, int64_t *before_us, struct str *ret_body)
{
	const struct json *temporal = json_get(a->query, STR("temporalQ"));
	int64_t start_us, end_us;

	if (!temporal_range_read(a->given[WANTED_RANGE].value, &start_us, &end_us))
		return err_set(a->err, ERR_IO, "a part of evolutions came without its range of time");
	if (json_get(temporal, STR("lastN")) || end_us <= *before_us)
		return err_set(a->err, ERR_LIMIT, "%s than an answer holds (query.instances_max)",
			       end_us <= *before_us ? "an attribute has more instances at one time"
						    : "lastN of evolutions of several sources asks for more");
	*before_us = end_us;
	arena_clear(&a->rest);
	struct json *changed = later(&a->rest, temporal, end_us), *query = json_dup_nodes(&a->rest, a->query);

	if (!changed || !query || !json_set(&a->rest, query, STR("temporalQ"), *changed))
		return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	return make_body(&a->rest, query, ret_body, a->err);
}

/* A page, with all that its evolutions have. */
static enum err_code ask_page(struct asking *a, const char *url, bool *ret_lost)
{
	int64_t before_us = INT64_MIN;
	struct str body = a->body;
	enum err_code code = ask_part(a, url, body, ret_lost);
	struct str next = a->next;

	while (code == ERR_OK && a->result.status == 206 && !*ret_lost) {
		code = ask_later(a, &before_us, &body);
		if (code == ERR_OK)
			code = ask_part(a, url, body, ret_lost);
	}
	a->next = next;
	return code;
}

static enum err_code ask_pages(struct asking *a, bool *ret_lost)
{
	uint32_t limit = atomic_load(&a->asker->page);
	struct str first = a->wanted->temporal ? STR(API_ROOT "/temporal/entityOperations/query?options=sysAttrs")
					       : STR(API_ROOT "/entityOperations/query?options=sysAttrs");
	const char *url =
		arena_printf(&a->arena, limit ? "%s%.*s&limit=%u" : "%s%.*s", a->asker->url, STR_FMT(first), limit).at;
	enum err_code code = ERR_OK;

	a->next = a->map = STR_NONE;
	*ret_lost = false;
	while (code == ERR_OK && url && !*ret_lost) {
		code = ask_page(a, url, ret_lost);
		if (code != ERR_OK || !a->next.at)
			return code;
		url = arena_printf(&a->arena, "%s%.*s", a->asker->url, STR_FMT(a->next)).at;
	}
	return code || url ? code : err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
}

/* What of an entity came before a map was lost comes again, and is put over it. */
static enum err_code ask_all(struct asking *a)
{
	bool lost = true;

	for (size_t i = 0; i < RESTARTS_MAX && lost; i++) {
		enum err_code code = ask_pages(a, &lost);

		if (code != ERR_OK)
			return code;
	}
	return lost ? err_set(a->err, ERR_LIMIT, "its entity map was lost %u times while pages were asked for",
			      RESTARTS_MAX)
		    : ERR_OK;
}

/* Nobody else knows of it; were this to fail, it would go by itself. */
static void drop_map(struct asking *a)
{
	const char *url = arena_printf(&a->arena, "%s%.*s", a->asker->url, STR_FMT(a->map)).at;

	if (a->map.at && url && str_starts(a->map, STR(API_ROOT "/entityMaps/")))
		(void)send_once(a, "DELETE", url, STR_NONE);
}

static enum err_code prepare(struct asking *a)
{
	const struct http_sender_options options = {.connections_max = 1, .user_agent = "machi-snapshots"};
	const struct json *context = a->wanted->context_value;

	a->headers[0] = (struct http_post_header){STR("Content-Type"), STR("application/ld+json")};
	a->headers[1] = (struct http_post_header){STR("Accept"), STR("application/json")};
	a->given[WANTED_LINK].name = "Link";
	a->given[WANTED_MAP].name = "NGSILD-EntityMap";
	a->given[WANTED_WARNING].name = "NGSILD-Warning";
	a->given[WANTED_RANGE].name = "Content-Range";
	if (a->asker->secret[0]) {
		a->authorization = arena_printf(&a->arena, "Bearer %s", a->asker->secret);
		if (!a->authorization.at)
			return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	}
	a->query = json_dup_nodes(&a->arena, a->wanted->query);
	if (!a->query || !json_add(&a->arena, a->query, STR("entityMap"), json_bool(true)) ||
	    !json_add(&a->arena, a->query, STR("@context"),
		      context ? *context : json_string(STR(NGSILD_CORE_CONTEXT_URL))))
		return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	enum err_code code = make_body(&a->arena, a->query, &a->body, a->err);

	return code ? code : http_sender_new(&options, &a->sender, a->err);
}

enum err_code source_asker_ask(void *self, const struct snapshot_asking *asking, struct error *err)
{
	struct asking a = {.wanted = asking, .asker = self, .err = err};

	while (!atomic_load(&a.asker->serves)) {
		if (asking->is_over(asking->self))
			return over(&a);
		wait_a_moment();
	}
	arena_init(&a.arena, QUERY_ARENA_BYTES_MAX);
	arena_init(&a.page, PAGE_ARENA_BYTES_MAX);
	arena_init(&a.rest, QUERY_ARENA_BYTES_MAX);
	buf_init(&a.answer, ANSWER_BYTES_MAX);
	enum err_code code = prepare(&a);

	if (code == ERR_OK)
		code = ask_all(&a);
	if (code == ERR_OK)
		drop_map(&a);
	(void)http_sender_free(a.sender);
	buf_done(&a.answer);
	arena_done(&a.rest);
	arena_done(&a.page);
	arena_done(&a.arena);
	return code;
}
