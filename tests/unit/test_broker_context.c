/* The broker's @contexts: fetched once, kept for a while, served stale, and never waited for on an event loop.
 *
 * Goal: what broker_context() promises, with a network that is a function and a clock that the test moves. */
#include "base/time_value.h"
#include "broker/context_store.h"
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */

static atomic_int_fast64_t clock_now;
static struct broker *broker;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return atomic_load(&clock_now);
}

/* ---- the network of the tests ---- */

static atomic_int fetches;
static atomic_int network_is_down;
static sem_t fetch_gate; /* waited for by URLs that contain "slow" */

static atomic_int conditions; /* fetches that said what they had */
static atomic_int version; /* of what the network serves */
static atomic_int fresh_s; /* what sources state; negative: nothing */

static enum err_code test_fetch(void *self, const struct context_request *request, struct context_answer *answer,
				struct buf *body, struct error *error)
{
	const char *url = request->url;
	struct str address = str_from(url);

	(void)self;
	(void)atomic_fetch_add(&fetches, 1);
	if (answer->fresh_s != -1 || answer->etag[0])
		abort(); /* comes empty */
	answer->fresh_s = atomic_load(&fresh_s);
	answer->heuristic = str_contains(address, STR("guess"));
	answer->no_store = str_contains(address, STR("no-store"));
	(void)snprintf(answer->etag, sizeof(answer->etag), "\"%d\"", atomic_load(&version));
	if (str_contains(address, STR("moved")))
		(void)snprintf(answer->url, sizeof(answer->url), "https://e.org/there/moved.jsonld");
	if (request->etag && !atomic_load(&network_is_down)) {
		(void)atomic_fetch_add(&conditions, 1);
		answer->not_modified = strcmp(request->etag, answer->etag) == 0;
		if (answer->not_modified)
			return ERR_OK;
	}
	if (str_contains(address, STR("core-context")))
		abort(); /* never asked for */
	if (str_contains(address, STR("slow")))
		(void)sem_wait(&fetch_gate);
	if (atomic_load(&network_is_down) || str_contains(address, STR("missing")))
		return err_set(error, ERR_IO, "no route to %s", url);
	if (str_contains(address, STR("nested")))
		buf_put(body, STR("{\"@context\":[\"https://e.org/a.jsonld\",\"https://e.org/b.jsonld\"]}"));
	else if (str_contains(address, STR("broken")))
		buf_put(body, STR("{"));
	else if (str_contains(address, STR("scoped")))
		buf_put(body, STR("{\"@context\":{\"a\":{\"@id\":\"urn:x:a\",\"@context\":{}}}}"));
	else if (str_contains(address, STR("moved")))
		buf_put(body, STR("{\"@context\":[\"beside.jsonld\"],\"more\":1}"));
	else if (str_contains(address, STR("version")))
		buf_printf(body, "{\"@context\":{\"speed\":\"urn:x:%d\"}}", atomic_load(&version));
	else
		buf_printf(body, "{\"@context\":{\"name%d\":\"https://e.org/%s/name\",\"speed\":\"%s#speed\"}}",
			   (int)atomic_load(&fetches), strrchr(url, '/') + 1, url);
	return ERR_OK;
}

/* ---- contexts ---- */

static struct context *context_of(const char *text, enum err_code *ret_code)
{
	struct context *context = NULL;
	struct json *value;

	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &value, &err), &err);
	*ret_code = broker_context(broker, value, NULL, NULL, &context, &err);
	return context;
}

static bool expands(struct context *context, const char *name, const char *to)
{
	struct str iri;
	bool same = context && context_expand(context, &arena, str_from(name), &iri, &err) == ERR_OK &&
		    str_eq(iri, str_from(to));

	(void)context_unref(context);
	return same;
}

static void contexts_are_fetched_once_and_served_stale(void)
{
	enum err_code code;
	int before = atomic_load(&fetches);
	struct context *context = context_of("\"https://e.org/one.jsonld\"", &code);

	CHECK(code == ERR_OK && expands(context, "speed", "https://e.org/one.jsonld#speed"));
	for (int i = 0; i < 5; i++) {
		context = context_of("\"https://e.org/one.jsonld\"", &code);
		CHECK(code == ERR_OK && expands(context, "speed", "https://e.org/one.jsonld#speed"));
	}
	CHECK(atomic_load(&fetches) == before + 1);
	/* Older than it may be: asked for again. */
	(void)atomic_fetch_add(&clock_now, 101 * US_PER_S);
	context = context_of("\"https://e.org/one.jsonld\"", &code);
	CHECK(expands(context, "speed", "https://e.org/one.jsonld#speed") && atomic_load(&fetches) == before + 2);
	/* The server is gone: the old one serves, and is not asked for every time. */
	(void)atomic_fetch_add(&clock_now, 101 * US_PER_S);
	atomic_store(&network_is_down, 1);
	for (int i = 0; i < 3; i++) {
		context = context_of("\"https://e.org/one.jsonld\"", &code);
		CHECK(code == ERR_OK && expands(context, "speed", "https://e.org/one.jsonld#speed"));
	}
	CHECK(atomic_load(&fetches) == before + 3);
	atomic_store(&network_is_down, 0);
}

static void failures_are_remembered_for_a_while(void)
{
	enum err_code code;
	int before = atomic_load(&fetches);

	for (int i = 0; i < 3; i++) {
		CHECK(context_of("\"https://e.org/missing.jsonld\"", &code) == NULL && code == ERR_CONTEXT);
		CHECK(str_contains(str_from(err.detail), STR("https://e.org/missing.jsonld")));
	}
	CHECK(atomic_load(&fetches) == before + 1);
	(void)atomic_fetch_add(&clock_now, 31 * US_PER_S);
	CHECK(context_of("\"https://e.org/missing.jsonld\"", &code) == NULL && code == ERR_CONTEXT);
	CHECK(atomic_load(&fetches) == before + 2);
	CHECK(context_of("\"https://e.org/broken.jsonld\"", &code) == NULL && code == ERR_INVALID);
}

static void core_urls_are_never_fetched_and_parts_are(void)
{
	enum err_code code;
	int before = atomic_load(&fetches);
	struct context *context = context_of("\"" NGSILD_CORE_CONTEXT_URL "\"", &code);

	CHECK(context == broker_core_context(broker));
	(void)context_unref(context);
	context = context_of("[{\"x\":\"urn:x:x\"},\"" NGSILD_CORE_CONTEXT_URL "\"]", &code);
	CHECK(expands(context, "x", "urn:x:x"));
	CHECK(broker_context(broker, NULL, NULL, NULL, &context, &err) == ERR_OK &&
	      context == broker_core_context(broker));
	(void)context_unref(context);
	CHECK(atomic_load(&fetches) == before);
	context = context_of("[\"https://e.org/nested.jsonld\",\"" NGSILD_CORE_CONTEXT_URL "\"]", &code);
	CHECK(expands(context, "speed", "https://e.org/b.jsonld#speed"));
	CHECK(atomic_load(&fetches) == before + 3);
}

struct woken {
	sem_t semaphore;
	atomic_int times;
};

static void wake_up(void *self)
{
	struct woken *woken = self;

	(void)atomic_fetch_add(&woken->times, 1);
	(void)sem_post(&woken->semaphore);
}

static void who_cannot_wait_is_woken(void)
{
	struct woken woken[2];
	struct context *context = NULL;
	struct json *value;
	int before = atomic_load(&fetches);

	for (int i = 0; i < 2; i++) {
		(void)sem_init(&woken[i].semaphore, 0, 0);
		atomic_init(&woken[i].times, 0);
	}
	CHECK_OK(json_parse(parser, &arena, STR("\"https://e.org/slow.jsonld\""), NULL, &value, &err), &err);
	for (int i = 0; i < 2; i++)
		CHECK(broker_context(broker, value, wake_up, &woken[i], &context, &err) == ERR_TIMEOUT && !context);
	(void)sem_post(&fetch_gate);
	for (int i = 0; i < 2; i++)
		(void)sem_wait(&woken[i].semaphore);
	CHECK(broker_context(broker, value, wake_up, &woken[0], &context, &err) == ERR_OK);
	CHECK(expands(context, "speed", "https://e.org/slow.jsonld#speed"));
	CHECK(atomic_load(&woken[0].times) == 1 && atomic_load(&woken[1].times) == 1);
	CHECK(atomic_load(&fetches) == before + 1);
	for (int i = 0; i < 2; i++)
		(void)sem_destroy(&woken[i].semaphore);
}

static void *ask_for_contexts(void *self)
{
	const int *number = self;
	struct arena own;
	struct error error;
	intptr_t good = 0;

	arena_init(&own, 1 << 20);
	for (int i = 0; i < 60; i++) {
		struct context *context = NULL;
		struct str iri;
		struct json value = json_string(arena_printf(&own, "https://e.org/%d.jsonld", (i * 7 + *number) % 20));

		if (broker_context(broker, &value, NULL, NULL, &context, &error) == ERR_OK &&
		    context_expand(context, &own, STR("speed"), &iri, &error) == ERR_OK &&
		    str_starts(iri, json_text(&value)))
			good++;
		(void)context_unref(context);
	}
	arena_done(&own);
	return (void *)good;
}

static void many_threads_ask_for_contexts(void)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	int before = atomic_load(&fetches);

	for (int t = 0; t < THREADS; t++) {
		numbers[t] = t;
		CHECK(pthread_create(&threads[t], NULL, ask_for_contexts, &numbers[t]) == 0);
	}
	for (int t = 0; t < THREADS; t++) {
		void *good = NULL;

		(void)pthread_join(threads[t], &good);
		CHECK((intptr_t)good == 60);
	}
	CHECK(atomic_load(&fetches) == before + 20);
}

static void more_contexts_than_are_kept_still_work(void)
{
	enum err_code code;

	for (int i = 0; i < 600; i++) {
		char text[80];

		(void)snprintf(text, sizeof(text), "\"https://e.org/many/%d.jsonld\"", i);
		struct context *context = context_of(text, &code);

		if (!context && !CHECK(context != NULL))
			break;
		(void)context_unref(context);
		arena_clear(&arena);
	}
}

/* ---- what sources state ---- */

static bool means(const char *text, const char *to)
{
	enum err_code code;
	struct context *context = context_of(text, &code);

	return expands(context, "speed", to);
}

static void a_copy_is_kept_as_long_as_its_source_says(void)
{
	int before = atomic_load(&fetches);

	atomic_store(&fresh_s, 10);
	CHECK(means("\"https://e.org/stated/version\"", "urn:x:0"));
	(void)atomic_fetch_add(&clock_now, 9 * US_PER_S);
	CHECK(means("\"https://e.org/stated/version\"", "urn:x:0") && atomic_load(&fetches) == before + 1);
	(void)atomic_fetch_add(&clock_now, 1 * US_PER_S);
	CHECK(means("\"https://e.org/stated/version\"", "urn:x:0") && atomic_load(&fetches) == before + 2);
	/* Longer than the setting, which is for sources that say nothing. */
	atomic_store(&fresh_s, 1000);
	(void)atomic_fetch_add(&clock_now, 10 * US_PER_S);
	CHECK(means("\"https://e.org/stated/version\"", "urn:x:0") && atomic_load(&fetches) == before + 3);
	(void)atomic_fetch_add(&clock_now, 999 * US_PER_S);
	CHECK(means("\"https://e.org/stated/version\"", "urn:x:0") && atomic_load(&fetches) == before + 3);
	/* Never: asked for again after a second, the unit of the fields. */
	atomic_store(&fresh_s, 0);
	CHECK(means("\"https://e.org/never/version\"", "urn:x:0") && atomic_load(&fetches) == before + 4);
	(void)atomic_fetch_add(&clock_now, 1 * US_PER_S);
	CHECK(means("\"https://e.org/never/version\"", "urn:x:0") && atomic_load(&fetches) == before + 5);
	atomic_store(&fresh_s, -1);
}

static void a_guess_lies_within_bounds(void)
{
	int before = atomic_load(&fetches);

	/* At least a minute, at most the setting (100 s). */
	atomic_store(&fresh_s, 1);
	CHECK(means("\"https://e.org/guess-less/version\"", "urn:x:0"));
	atomic_store(&fresh_s, 1000000);
	CHECK(means("\"https://e.org/guess-more/version\"", "urn:x:0"));
	(void)atomic_fetch_add(&clock_now, 59 * US_PER_S);
	CHECK(means("\"https://e.org/guess-less/version\"", "urn:x:0") && atomic_load(&fetches) == before + 2);
	(void)atomic_fetch_add(&clock_now, 1 * US_PER_S);
	CHECK(means("\"https://e.org/guess-less/version\"", "urn:x:0") && atomic_load(&fetches) == before + 3);
	(void)atomic_fetch_add(&clock_now, 39 * US_PER_S);
	CHECK(means("\"https://e.org/guess-more/version\"", "urn:x:0") && atomic_load(&fetches) == before + 3);
	(void)atomic_fetch_add(&clock_now, 1 * US_PER_S);
	CHECK(means("\"https://e.org/guess-more/version\"", "urn:x:0") && atomic_load(&fetches) == before + 4);
	atomic_store(&fresh_s, -1);
}

static void what_did_not_change_is_not_sent_again(void)
{
	int before = atomic_load(&conditions);

	CHECK(means("\"https://e.org/tag/version\"", "urn:x:0") && atomic_load(&conditions) == before);
	(void)atomic_fetch_add(&clock_now, 101 * US_PER_S);
	CHECK(means("\"https://e.org/tag/version\"", "urn:x:0") && atomic_load(&conditions) == before + 1);
	atomic_store(&version, 1);
	(void)atomic_fetch_add(&clock_now, 101 * US_PER_S);
	CHECK(means("\"https://e.org/tag/version\"", "urn:x:1") && atomic_load(&conditions) == before + 2);
	atomic_store(&version, 0);
}

/* Asks again, a second at a time, until a fetch behind the scenes has come. */
static bool comes_to_mean(const char *text, const char *to)
{
	for (int i = 0; i < 3000; i++) {
		if (means(text, to))
			return true;
		(void)atomic_fetch_add(&clock_now, US_PER_S);
		(void)usleep(10000);
	}
	return false;
}

static void a_source_that_hangs_again_is_not_waited_for(void)
{
	static const char url[] = "\"https://e.org/slow-again/version\"";
	struct context *context = NULL;
	struct woken woken;
	struct json *value;

	(void)sem_init(&woken.semaphore, 0, 0);
	atomic_init(&woken.times, 0);
	(void)sem_post(&fetch_gate);
	CHECK(means(url, "urn:x:0"));
	(void)atomic_fetch_add(&clock_now, 101 * US_PER_S);
	atomic_store(&network_is_down, 1);
	(void)sem_post(&fetch_gate);
	CHECK(means(url, "urn:x:0")); /* had to wait: the source was good until now */
	(void)atomic_fetch_add(&clock_now, 31 * US_PER_S);
	/* It failed last time and does not answer now: the copy serves at once, to those who could not wait as well. */
	CHECK_OK(json_parse(parser, &arena, str_from(url), NULL, &value, &err), &err);
	CHECK(broker_context(broker, value, wake_up, &woken, &context, &err) == ERR_OK);
	CHECK(expands(context, "speed", "urn:x:0") && means(url, "urn:x:0"));
	atomic_store(&network_is_down, 0);
	atomic_store(&version, 1);
	(void)sem_post(&fetch_gate);
	CHECK(comes_to_mean(url, "urn:x:1") && atomic_load(&woken.times) == 0);
	atomic_store(&version, 0);
	(void)sem_destroy(&woken.semaphore);
}

static void too_many_fetches_are_a_context_not_available(void)
{
	enum { FETCHES = 64 };
	static struct woken woken[FETCHES];
	struct context *context = NULL;
	struct json *value;
	int begun = 0;

	CHECK(means("\"https://e.org/busy/version\"", "urn:x:0"));
	(void)atomic_fetch_add(&clock_now, 101 * US_PER_S);
	for (; begun < FETCHES; begun++) {
		(void)sem_init(&woken[begun].semaphore, 0, 0);
		value = json_new(&arena, json_string(arena_printf(&arena, "https://e.org/slow/%d.jsonld", begun)));
		if (!CHECK(broker_context(broker, value, wake_up, &woken[begun], &context, &err) == ERR_TIMEOUT))
			break;
	}
	/* There is no place for one more; what has a copy goes on with it. */
	value = json_new(&arena, json_string(STR("https://e.org/one-more.jsonld")));
	CHECK(broker_context(broker, value, wake_up, &woken[0], &context, &err) == ERR_CONTEXT);
	value = json_new(&arena, json_string(STR("https://e.org/busy/version")));
	CHECK(broker_context(broker, value, wake_up, &woken[0], &context, &err) == ERR_OK);
	CHECK(expands(context, "speed", "urn:x:0"));
	for (int i = 0; i < begun; i++)
		(void)sem_post(&fetch_gate);
	for (int i = 0; i < begun; i++) {
		(void)sem_wait(&woken[i].semaphore);
		(void)sem_destroy(&woken[i].semaphore);
	}
}

static void references_are_relative_to_where_a_document_was_found(void)
{
	CHECK(means("\"https://e.org/moved\"", "https://e.org/there/beside.jsonld#speed"));
}

static void an_invalid_document_is_bad_data_and_not_stored(void)
{
	struct stored_context stored;
	enum err_code code;

	CHECK(context_of("\"https://e.org/scoped\"", &code) == NULL && code == ERR_INVALID);
	CHECK(str_contains(str_from(err.detail), STR("scoped contexts")));
	CHECK(stored_context_find(broker, STR_NONE, STR("https://e.org/scoped"), &arena, &stored, &err) ==
	      ERR_NOT_FOUND);
}

/* ---- stored ones ---- */

struct waited {
	struct stored_context_write write; /* first */
	sem_t semaphore;
	enum err_code code;
};

static void on_stored(struct stored_context_write *write, enum err_code code, const struct error *error)
{
	struct waited *waited = (struct waited *)write;

	(void)error;
	waited->code = code;
	(void)sem_post(&waited->semaphore);
}

static enum err_code wait_for(struct waited *waited, enum err_code code)
{
	if (code == ERR_OK) {
		(void)sem_wait(&waited->semaphore);
		code = waited->code;
	}
	(void)sem_destroy(&waited->semaphore);
	return code;
}

static void waited_init(struct waited *waited, const char *tenant)
{
	*waited = (struct waited){.write = {.done = on_stored, .tenant = str_from(tenant)}};
	(void)sem_init(&waited->semaphore, 0, 0);
}

static enum err_code add(enum stored_context_kind kind, const char *tenant, const char *text, struct str *ret_id)
{
	struct waited waited;
	struct json *value;

	waited_init(&waited, tenant);
	CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &value, &err), &err);
	enum err_code code = wait_for(&waited, stored_context_add(broker, kind, value, &waited.write, &err));

	if (code == ERR_OK)
		*ret_id = arena_dup(&arena, str_from(waited.write.id));
	return code;
}

static enum err_code delete_stored(const char *tenant, struct str name)
{
	struct waited waited;

	waited_init(&waited, tenant);
	return wait_for(&waited, stored_context_delete(broker, name, &waited.write, &err));
}

static const char *quoted(const char *before, struct str id)
{
	return arena_printf(&arena, "\"%s%.*s\"", before, STR_FMT(id)).at;
}

static void a_hosted_context_is_known_by_its_url_and_its_id(void)
{
	struct str id = STR_NONE, document;
	struct stored_context stored;
	enum err_code code;
	int before = atomic_load(&fetches);

	CHECK_OK(add(CONTEXT_HOSTED, NULL, "{\"speed\":\"urn:h:speed\"}", &id), &err);
	CHECK(str_starts(id, STR("urn:uuid:")) && id.len == CONTEXT_ID_BYTES - 1);
	CHECK(means(quoted("http://any.host:1/ngsi-ld/v1/jsonldContexts/", id), "urn:h:speed"));
	CHECK(means(quoted("", id), "urn:h:speed"));
	CHECK(means(arena_printf(&arena, "\"http://h/ngsi-ld/v1/jsonldContexts/urn%%3auuid%%3A%.*s\"",
				 STR_FMT(str_part(id, 9, id.len)))
			    .at,
		    "urn:h:speed"));
	CHECK(atomic_load(&fetches) == before);
	CHECK_OK(stored_context_serve(broker, STR_NONE, id, &arena, &document, &err), &err);
	CHECK_STR(document, STR("{\"@context\":{\"speed\":\"urn:h:speed\"}}"));
	CHECK_OK(stored_context_find(broker, STR_NONE, id, &arena, &stored, &err), &err);
	CHECK(stored.kind == CONTEXT_HOSTED && !stored.url.at && stored.hits == 4 && stored.last_usage_us > 0);
	CHECK_OK(delete_stored(NULL, id), &err);
	CHECK(delete_stored(NULL, id) == ERR_NOT_FOUND);
	CHECK(stored_context_serve(broker, STR_NONE, id, &arena, &document, &err) == ERR_NOT_FOUND);
	/* Built contexts that used it are gone too; its id is no URL that could be fetched now. */
	CHECK(!context_of(quoted("", id), &code) && code == ERR_CONTEXT);
	CHECK(atomic_load(&fetches) == before);
}

static void a_hosted_context_must_be_valid(void)
{
	static const char *const texts[] = {"1", "{\"a\":1}", "{\"a\":{\"@id\":\"urn:x:a\",\"@context\":{}}}", "[[]]",
					    "{\"@version\":2}"};
	struct str id;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(add(CONTEXT_HOSTED, NULL, texts[i], &id) == ERR_INVALID);
	CHECK_OK(add(CONTEXT_HOSTED, NULL, "[\"https://nowhere.invalid/x\",\"beside\",{\"a\":\"urn:x:a\"}]", &id),
		 &err);
	CHECK_OK(delete_stored(NULL, id), &err);
}

static void hosted_contexts_belong_to_their_tenant(void)
{
	struct str id = STR_NONE, document;
	struct stored_context *list, stored;
	size_t count = 9;

	CHECK_OK(add(CONTEXT_HOSTED, "a", "{\"speed\":\"urn:a:speed\"}", &id), &err);
	CHECK_OK(stored_context_list(broker, STR("a"), ~0u, &arena, &list, &count, &err), &err);
	CHECK(count == 1 && str_eq(list[0].id, id));
	CHECK_OK(stored_context_list(broker, STR("b"), ~0u, &arena, &list, &count, &err), &err);
	CHECK(count == 0);
	CHECK(stored_context_find(broker, STR("b"), id, &arena, &stored, &err) == ERR_NOT_FOUND);
	CHECK(stored_context_serve(broker, STR("b"), id, &arena, &document, &err) == ERR_NOT_FOUND);
	/* Who only has the URL gets the content. */
	CHECK_OK(stored_context_serve(broker, STR_NONE, id, &arena, &document, &err), &err);
	CHECK(delete_stored(NULL, id) == ERR_NOT_FOUND && delete_stored("b", id) == ERR_NOT_FOUND);
	CHECK_OK(delete_stored("a", id), &err);
}

static void the_same_context_is_created_implicitly_once(void)
{
	struct str one = STR_NONE, two = STR_NONE, three = STR_NONE;

	CHECK_OK(add(CONTEXT_IMPLICIT, NULL, "[\"https://e.org/a\",{\"b\":\"urn:x:b\"}]", &one), &err);
	CHECK_OK(add(CONTEXT_IMPLICIT, NULL, "[\"https://e.org/a\",{\"b\":\"urn:x:b\"}]", &two), &err);
	CHECK_OK(add(CONTEXT_IMPLICIT, "t", "[\"https://e.org/a\",{\"b\":\"urn:x:b\"}]", &three), &err);
	CHECK(str_eq(one, two) && !str_eq(one, three));
	CHECK_OK(delete_stored(NULL, one), &err);
	CHECK_OK(delete_stored("t", three), &err);
}

static void a_cached_context_is_listed_and_deleted_but_not_served(void)
{
	struct str document, url = STR("https://e.org/listed/version");
	struct stored_context stored;
	int before = atomic_load(&fetches);

	CHECK(stored_context_find(broker, STR_NONE, url, &arena, &stored, &err) == ERR_NOT_FOUND);
	CHECK(means("\"https://e.org/listed/version\"", "urn:x:0"));
	CHECK_OK(stored_context_find(broker, STR_NONE, url, &arena, &stored, &err), &err);
	CHECK(stored.kind == CONTEXT_CACHED && str_eq(stored.url, url) && stored.hits == 0);
	CHECK(stored.created_us == test_clock() && stored.expires_us == test_clock() + 100 * US_PER_S);
	CHECK(means("\"https://e.org/listed/version\"", "urn:x:0"));
	CHECK_OK(stored_context_find(broker, STR_NONE, stored.id, &arena, &stored, &err), &err);
	CHECK(stored.hits == 1);
	CHECK(stored_context_serve(broker, STR_NONE, url, &arena, &document, &err) == ERR_UNSUPPORTED);
	CHECK(stored_context_find(broker, STR("t"), url, &arena, &stored, &err) == ERR_NOT_FOUND);
	CHECK_OK(delete_stored(NULL, url), &err);
	CHECK(delete_stored(NULL, url) == ERR_NOT_FOUND && atomic_load(&fetches) == before + 1);
	CHECK(means("\"https://e.org/listed/version\"", "urn:x:0") && atomic_load(&fetches) == before + 2);
}

static enum err_code reload(const char *url)
{
	struct woken woken;

	(void)sem_init(&woken.semaphore, 0, 0);
	atomic_init(&woken.times, 0);
	enum err_code code = stored_context_reload(broker, STR_NONE, str_from(url), wake_up, &woken, &err);

	if (code == ERR_TIMEOUT) {
		(void)sem_wait(&woken.semaphore);
		code = stored_context_reloaded(broker, STR_NONE, str_from(url), &err);
	}
	(void)sem_destroy(&woken.semaphore);
	return code;
}

static void a_reload_replaces_the_copy_or_leaves_it(void)
{
	struct str id = STR_NONE;

	CHECK(means("\"https://e.org/reload/version\"", "urn:x:0"));
	atomic_store(&version, 2);
	CHECK(means("\"https://e.org/reload/version\"", "urn:x:0"));
	CHECK_OK(reload("https://e.org/reload/version"), &err);
	CHECK(means("\"https://e.org/reload/version\"", "urn:x:2"));
	atomic_store(&network_is_down, 1);
	CHECK(reload("https://e.org/reload/version") == ERR_CONTEXT);
	CHECK(means("\"https://e.org/reload/version\"", "urn:x:2"));
	atomic_store(&network_is_down, 0);
	atomic_store(&version, 0);
	CHECK(reload("https://e.org/unknown") == ERR_NOT_FOUND);
	CHECK_OK(add(CONTEXT_HOSTED, NULL, "{}", &id), &err);
	CHECK(reload(id.at) == ERR_INVALID);
	CHECK_OK(delete_stored(NULL, id), &err);
}

/* ---- on disk ---- */

static char folder[] = "/tmp/machi-context-XXXXXX";

static void reopen(bool fetches_allowed)
{
	struct broker_options options = {.data_path = folder,
					 .create = true,
					 .clock_us = test_clock,
					 .fetch = fetches_allowed ? test_fetch : NULL,
					 .context_keep_s = 100};

	broker = broker_free(broker);
	CHECK_OK(broker_new(&options, &broker, &err), &err);
}

static void what_is_stored_is_there_after_a_restart(void)
{
	struct str hosted = STR_NONE, implicit = STR_NONE, dropped = STR_NONE;
	struct stored_context *list, stored;
	size_t count = 0;
	int before;

	if (!CHECK(mkdtemp(folder) != NULL))
		return;
	reopen(true);
	CHECK_OK(add(CONTEXT_HOSTED, NULL, "{\"speed\":\"urn:h:speed\"}", &hosted), &err);
	CHECK_OK(add(CONTEXT_IMPLICIT, "t", "{\"speed\":\"urn:i:speed\"}", &implicit), &err);
	CHECK_OK(add(CONTEXT_HOSTED, NULL, "{\"speed\":\"urn:d:speed\"}", &dropped), &err);
	CHECK_OK(delete_stored(NULL, dropped), &err);
	CHECK(means("\"https://e.org/moved\"", "https://e.org/there/beside.jsonld#speed"));
	CHECK(means("\"https://e.org/gone/version\"", "urn:x:0"));
	CHECK(means("\"https://e.org/no-store/version\"", "urn:x:0"));
	CHECK_OK(delete_stored(NULL, STR("https://e.org/gone/version")), &err);
	before = atomic_load(&fetches);
	reopen(true);
	CHECK(means(quoted("", hosted), "urn:h:speed") && means(quoted("", implicit), "urn:i:speed"));
	CHECK(means("\"https://e.org/moved\"", "https://e.org/there/beside.jsonld#speed"));
	CHECK(atomic_load(&fetches) == before);
	CHECK_OK(stored_context_list(broker, STR_NONE, ~0u, &arena, &list, &count, &err), &err);
	CHECK(count == 3); /* hosted, moved, beside */
	CHECK_OK(stored_context_find(broker, STR("t"), implicit, &arena, &stored, &err), &err);
	CHECK(stored.kind == CONTEXT_IMPLICIT && stored.created_us == test_clock());
	/* Old by now, and the network is away: they serve on, from the disk alone. */
	(void)atomic_fetch_add(&clock_now, 1000 * US_PER_S);
	atomic_store(&network_is_down, 1);
	reopen(true);
	CHECK(means("\"https://e.org/moved\"", "https://e.org/there/beside.jsonld#speed"));
	reopen(false);
	CHECK(means("\"https://e.org/moved\"", "https://e.org/there/beside.jsonld#speed"));
	atomic_store(&network_is_down, 0);
	broker = broker_free(broker);
	(void)unlink(arena_printf(&arena, "%s/machi.db", folder).at);
	(void)rmdir(folder);
}

int main(void)
{
	struct broker_options options = {.clock_us = test_clock, .fetch = test_fetch, .context_keep_s = 100};

	atomic_store(&clock_now, START_US);
	atomic_store(&fresh_s, -1);
	parser = json_parser_new();
	arena_init(&arena, 64u << 20);
	(void)sem_init(&fetch_gate, 0, 0);
	if (!CHECK_OK(broker_new(&options, &broker, &err), &err))
		return check_done();
	RUN(contexts_are_fetched_once_and_served_stale);
	RUN(failures_are_remembered_for_a_while);
	RUN(core_urls_are_never_fetched_and_parts_are);
	RUN(who_cannot_wait_is_woken);
	RUN(many_threads_ask_for_contexts);
	RUN(more_contexts_than_are_kept_still_work);
	RUN(a_copy_is_kept_as_long_as_its_source_says);
	RUN(a_guess_lies_within_bounds);
	RUN(what_did_not_change_is_not_sent_again);
	RUN(a_source_that_hangs_again_is_not_waited_for);
	RUN(too_many_fetches_are_a_context_not_available);
	RUN(references_are_relative_to_where_a_document_was_found);
	RUN(an_invalid_document_is_bad_data_and_not_stored);
	RUN(a_hosted_context_is_known_by_its_url_and_its_id);
	RUN(a_hosted_context_must_be_valid);
	RUN(hosted_contexts_belong_to_their_tenant);
	RUN(the_same_context_is_created_implicitly_once);
	RUN(a_cached_context_is_listed_and_deleted_but_not_served);
	RUN(a_reload_replaces_the_copy_or_leaves_it);
	RUN(what_is_stored_is_there_after_a_restart);
	broker = broker_free(broker);
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
