/* Opening a city for one command. */
#include "main/session.h"

#include "base/cleanup.h"
#include "broker/context_store.h"
#include "main/folder.h"
#include "main/say.h"
#include "net/http_cache.h"
#include "net/http_client.h"

#include <string.h>
#include <time.h>

#define CONTEXT_BYTES_MAX (1u << 20)
#define CONTEXT_ARENA_BYTES_MAX (16u << 20)
#define CONTEXT_HEADERS_BYTES_MAX (1u << 20)
#define FETCH_CONTEXT_MS 10000u
#define FETCH_FEED_MS 600000u
#define FETCH_REDIRECTS_MAX 5u

const char *session_data(const struct call *call)
{
	const char *given = call_text(call, "data");
	const char *environment = getenv("MACHI_DATA");

	if (given)
		return given;
	return environment && environment[0] ? environment : "./city";
}

/* A text too long to keep is as good as none. */
static void copy_text(struct str text, char *to, size_t room)
{
	if (text.len == 0 || text.len >= room)
		return;
	memcpy(to, text.at, text.len);
	to[text.len] = '\0';
}

static void take_answer(const struct http_answer *from, struct context_answer *answer)
{
	const struct http_cache_fields fields = {from->cache_control, from->expires, from->date, from->age,
						 from->last_modified};
	struct http_freshness freshness = http_freshness(&fields, (int64_t)time(NULL));

	answer->not_modified = from->status == 304;
	answer->no_store = freshness.no_store;
	answer->heuristic = freshness.heuristic;
	answer->fresh_s = freshness.stated || freshness.heuristic ? (int64_t)freshness.fresh_s : -1;
	copy_text(from->etag, answer->etag, sizeof(answer->etag));
	copy_text(from->last_modified, answer->last_modified, sizeof(answer->last_modified));
	copy_text(from->url, answer->url, sizeof(answer->url));
}

enum err_code session_fetch_context(void *policy, const struct context_request *request, struct context_answer *answer,
				    struct buf *body, struct error *err)
{
	struct http_fetch_options options = {
		.timeout_ms = FETCH_CONTEXT_MS,
		.redirects_max = FETCH_REDIRECTS_MAX,
		.accept = "application/ld+json, application/json;q=0.9",
		.alternate_type = "application/ld+json",
		.policy = policy,
		.if_none_match = request->etag,
		.if_modified_since = request->last_modified,
	};
	struct http_answer got;
	struct arena arena;

	arena_init(&arena, CONTEXT_HEADERS_BYTES_MAX);
	enum err_code code = http_get(request->url, &options, &arena, &got, body, err);

	if (code == ERR_OK)
		take_answer(&got, answer);
	arena_done(&arena);
	return code;
}

enum err_code session_fetch_feed(void *self, const char *url, struct buf *body, struct error *err)
{
	struct http_fetch_options options = {.timeout_ms = FETCH_FEED_MS, .redirects_max = FETCH_REDIRECTS_MAX};

	(void)self;
	return http_fetch(url, &options, body, err);
}

static bool has_option(const struct call *call, const char *name)
{
	for (const struct option *option = call->command->options; option && option->name; option++)
		if (strcmp(option->name, name) == 0)
			return true;
	return false;
}

static bool is_url(const char *text)
{
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

/* The "@context" value that --context names: the URL, or what stands in the file. */
static enum err_code load_context(struct session *session, struct arena *arena, const char *name, struct error *err)
{
	struct json *value = NULL;
	struct buf text;
	enum err_code code = ERR_OK;

	if (is_url(name)) {
		value = json_new(arena, json_string(str_from(name)));
	} else {
		struct json *document;

		buf_init(&text, CONTEXT_BYTES_MAX);
		code = folder_read_file(name, &text, err);
		if (!code)
			code = json_parse(session->parser, arena, buf_str(&text), NULL, &document, err);
		buf_done(&text);
		if (code)
			return err_while(err, "reading the @context %s", name);
		value = json_get(document, STR("@context"));
		if (!value)
			value = document;
	}
	if (!value)
		return err_set(err, ERR_MEMORY, "no memory for the @context");
	return broker_context(session->broker, value, NULL, NULL, &session->context, err);
}

static enum err_code open_context(struct session *session, const struct call *call, struct error *err)
{
	const char *name = has_option(call, "context") ? call_text(call, "context") : NULL;
	struct arena arena;

	if (!name) {
		session->context = context_ref(broker_core_context(session->broker));
		return ERR_OK;
	}
	arena_init(&arena, CONTEXT_ARENA_BYTES_MAX);
	enum err_code code = load_context(session, &arena, name, err);

	arena_done(&arena);
	return code;
}

static enum err_code open_all(struct session *session, const struct call *call, enum session_use use, struct error *err)
{
	struct broker_options options = {
		.data_path = use == SESSION_EMPTY ? NULL : session->data,
		.create = use == SESSION_CREATES || use == SESSION_EMPTY,
		.read_only = use == SESSION_READS,
		.fetch = session_fetch_context,
	};
	enum err_code code = use == SESSION_CREATES ? folder_make(session->data, err) : ERR_OK;

	if (!code && use != SESSION_EMPTY)
		code = folder_check_city(session->data, use != SESSION_READS, err);
	if (!code && use != SESSION_EMPTY)
		code = folder_lock(session->data, false, &session->lock_fd, err);
	if (!code)
		code = broker_new(&options, &session->broker, err);
	if (!code)
		code = broker_tenant(session->broker, session->tenant, options.create, &session->store, err);
	if (!code)
		code = broker_reader_new(session->broker, &session->reader, err);
	if (code)
		return code;
	session->parser = json_parser_new();
	if (!session->parser)
		return err_set(err, ERR_MEMORY, "no memory for the JSON parser");
	return open_context(session, call, err);
}

enum exit_status session_open(struct session *session, const struct call *call, enum session_use use)
{
	struct error err;

	*session = (struct session){.data = session_data(call), .lock_fd = -1, .tenant = call_str(call, "tenant")};
	enum err_code code = open_all(session, call, use, &err);

	if (!code)
		return EXIT_GOOD;
	enum exit_status status = say_error(&err);

	/* The city is what the command reads from: not there means no input, while 1 is for entities and tenants. */
	return code == ERR_NOT_FOUND && !session->broker ? EXIT_NO_INPUT : status;
}

void session_close(struct session *session)
{
	(void)broker_reader_free(session->reader);
	(void)json_parser_free(session->parser);
	if (session->context)
		(void)context_unref(session->context);
	(void)broker_free(session->broker);
	fd_closep(&session->lock_fd);
	*session = (struct session){.lock_fd = -1};
}
