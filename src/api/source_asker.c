/* A snapshot's query, asked of this server as a client asks it. */
#include "api/source_asker.h"

#include "api/api.h"
#include "net/http_sender.h"
#include "ngsild/context.h"

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

enum { WANTED_LINK, WANTED_MAP, WANTED_WARNING, WANTED_COUNT };

struct asking {
	const struct snapshot_asking *wanted;
	const struct source_asker *asker;
	struct arena arena; /* of the query */
	struct arena page;
	struct http_sender *sender; /* owned; freed before the post goes */
	struct http_post_header headers[3];
	struct http_post_wanted given[WANTED_COUNT];
	struct buf answer;
	struct str body;
	struct http_post post;
	struct http_post_result result;
	bool ended;
	struct str next, map; /* in arena: what follows the page, the map that it is of; STR_NONE: none */
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
	a->ended = false;
	a->answer.len = 0;
	a->post = (struct http_post){.url = url,
				     .method = method,
				     .headers = a->headers,
				     .header_count = a->wanted->tenant.len ? 3 : 2,
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
static enum err_code send(struct asking *a, const char *url)
{
	size_t failures = 0;

	for (;;) {
		if (a->wanted->is_over(a->wanted->self))
			return over(a);
		arena_clear(&a->page);
		enum err_code code = send_once(a, "POST", url, a->body);

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
static enum err_code ask_page(struct asking *a, const char *url, bool *ret_lost)
{
	enum err_code code = send(a, url);

	if (code != ERR_OK)
		return code;
	if (a->result.status / 100 != 2)
		return refused(a);
	struct str map = a->given[WANTED_MAP].value, next = next_of(a->given[WANTED_LINK].value);

	*ret_lost = a->map.at && !str_eq(map, a->map);
	if (*ret_lost)
		return ERR_OK;
	a->map = map.at ? arena_dup(&a->arena, map) : STR_NONE;
	a->next = next.at ? arena_dup(&a->arena, next) : STR_NONE;
	if ((map.at && !a->map.at) || (next.at && !a->next.at))
		return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	take_warnings(a);
	return give(a);
}

static enum err_code ask_pages(struct asking *a, bool *ret_lost)
{
	uint32_t limit = atomic_load(&a->asker->page);
	struct str first = STR(API_ROOT "/entityOperations/query?options=sysAttrs");
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
	struct error ignored, *err = a->err;
	const char *url = arena_printf(&a->arena, "%s%.*s", a->asker->url, STR_FMT(a->map)).at;

	if (!a->map.at || !url || !str_starts(a->map, STR(API_ROOT "/entityMaps/")))
		return;
	a->err = &ignored;
	(void)send_once(a, "DELETE", url, STR_NONE);
	a->err = err;
}

static enum err_code prepare(struct asking *a)
{
	const struct http_sender_options options = {.connections_max = 1, .user_agent = "machi-snapshots"};
	const struct json *context = a->wanted->context_value;
	struct json *body = json_dup_nodes(&a->arena, a->wanted->query);
	struct buf text;

	a->headers[0] = (struct http_post_header){STR("Content-Type"), STR("application/ld+json")};
	a->headers[1] = (struct http_post_header){STR("Accept"), STR("application/json")};
	a->headers[2] = (struct http_post_header){STR("NGSILD-Tenant"), a->wanted->tenant};
	a->given[WANTED_LINK].name = "Link";
	a->given[WANTED_MAP].name = "NGSILD-EntityMap";
	a->given[WANTED_WARNING].name = "NGSILD-Warning";
	if (!body || !json_add(&a->arena, body, STR("entityMap"), json_bool(true)) ||
	    !json_add(&a->arena, body, STR("@context"), context ? *context : json_string(STR(NGSILD_CORE_CONTEXT_URL))))
		return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	buf_init(&text, BODY_BYTES_MAX);
	json_write(&text, body);
	a->body = arena_dup(&a->arena, buf_str(&text));
	buf_done(&text);
	if (!a->body.len)
		return err_set(a->err, ERR_MEMORY, "no memory for a snapshot's query");
	return http_sender_new(&options, &a->sender, a->err);
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
	buf_init(&a.answer, ANSWER_BYTES_MAX);
	enum err_code code = prepare(&a);

	if (code == ERR_OK)
		code = ask_all(&a);
	if (code == ERR_OK)
		drop_map(&a);
	(void)http_sender_free(a.sender);
	buf_done(&a.answer);
	arena_done(&a.page);
	arena_done(&a.arena);
	return code;
}
