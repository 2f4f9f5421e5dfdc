/* The broker's @contexts: fetched once, kept for a while, served stale, and never waited for on an event loop.
 *
 * Goal: what broker_context() promises, with a network that is a function and a clock that the test moves. */
#include "base/time_value.h"
#include "broker/broker.h"
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

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

static enum err_code test_fetch(const char *url, struct buf *body, struct error *error)
{
	struct str address = str_from(url);

	(void)atomic_fetch_add(&fetches, 1);
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

int main(void)
{
	struct broker_options options = {.clock_us = test_clock, .fetch = test_fetch, .context_keep_s = 100};

	atomic_store(&clock_now, START_US);
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
	broker = broker_free(broker);
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
