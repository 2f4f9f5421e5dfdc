/* Purging (5.6.21), and what expires (4.22), through the broker, on the memory store and on SQLite.
 *
 * Goal: what has expired is absent for every operation from its moment on, and the sweep removes it with its history;
 * a purge takes what matches and nothing else, in bounded transactions between which other writes have their turn, and
 * says what it did not purge. Time is a number that the test moves. */
#include "base/time_value.h"
#include "broker/purge.h"
#include "check.h"
#include "folder_util.h"
#include "ngsild/expand.h"
#include "store/expiry.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */
#define EXPIRES "\"expiresAt\":\"2026-11-22T04:22:00Z\"" /* a minute later */
#define AFTER_US (START_US + 60 * US_PER_S)
#define MANY 3000

static atomic_int_fast64_t clock_now;
static const char *folder; /* NULL: memory */
static struct broker *broker;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return atomic_load(&clock_now);
}

/* ---- set-up ---- */

static void open_broker(void)
{
	struct broker_options options = {.data_path = folder, .create = true, .clock_us = test_clock};

	atomic_store(&clock_now, START_US);
	if (!CHECK_OK(broker_new(&options, &broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, &err), &err))
		abort();
}

static void close_broker(void)
{
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
	arena_clear(&arena);
}

/* A tenant of its own for every case. */
static const char *tenant;

static struct store *tenant_store(void)
{
	struct store *store = NULL;

	CHECK_OK(broker_tenant(broker, str_from(tenant), true, &store, &err), &err);
	return store;
}

static struct json *expanded(const char *text, bool merge)
{
	struct expand_options options = {
		.context = broker_core_context(broker), .now_us = test_clock(), .fragment = merge, .merge = merge};
	struct json *body, *entity = NULL;

	if (CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &body, &err), &err))
		CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err);
	return entity;
}

static enum err_code apply(struct broker_item *item)
{
	struct broker_write write = {.items = item, .item_count = 1, .arena = &arena};

	if (!CHECK_OK(broker_apply(broker, tenant_store(), &write, &err), &err))
		return ERR_INTERNAL;
	return item->outcome.code;
}

static enum err_code put(enum broker_operation operation, const char *text)
{
	struct json *entity = expanded(text, operation == BROKER_MERGE);
	struct broker_item item = {
		.operation = operation, .id = document_id(entity), .entity = entity, .overwrite = true};

	return apply(&item);
}

static struct json *retrieved(const char *id)
{
	struct json *entity = NULL;

	err = (struct error){0};
	return broker_retrieve(reader, str_from(tenant), str_from(id), &arena, &entity, &err) == ERR_OK ? entity : NULL;
}

static bool has(const struct json *entity, const char *name)
{
	return entity && json_get(entity, arena_concat(&arena, STR(V), str_from(name)));
}

static struct query *query_of(const struct query_text *text)
{
	struct query *query = NULL;

	CHECK_OK(query_new(&arena, parser, text, broker_core_context(broker), &query, &err), &err);
	return query;
}

static bool visit_none(void *self, const struct json *entity)
{
	(void)self;
	(void)entity;
	return true;
}

static uint64_t count_of(const struct query_text *text)
{
	const struct broker_page page = {.limit = 0, .count = true};
	struct broker_page_result result = {0};
	struct query *query = query_of(text);

	CHECK_OK(broker_query(reader, str_from(tenant), query, &page, visit_none, NULL, &result, &err), &err);
	query_done(query);
	return result.total;
}

/* ---- history ---- */

struct points {
	int created, updated, deleted;
	enum change_kind last;
};

static bool take_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct points *points = self;

	(void)at_us;
	(void)bytes;
	points->created += kind == CHANGE_CREATED;
	points->updated += kind == CHANGE_UPDATED;
	points->deleted += kind == CHANGE_DELETED;
	points->last = kind;
	return true;
}

static struct points points_of(const char *id, const char *name)
{
	struct store_reader *store_reader = NULL;
	struct points points = {0};

	if (!CHECK_OK(store_reader_new(tenant_store(), &store_reader, &err), &err))
		return points;
	CHECK_OK(store_history(store_reader, str_from(id), arena_concat(&arena, STR(V), str_from(name)), STR_NONE, 0,
			       INT64_MAX, take_point, &points, &err),
		 &err);
	(void)store_reader_free(store_reader);
	return points;
}

static uint64_t stored_entities(void)
{
	struct store_stats stats = {0};

	CHECK_OK(store_stats(tenant_store(), &stats, &err), &err);
	return stats.entities;
}

static int64_t next_expiry(void)
{
	struct store_reader *store_reader = NULL;
	int64_t us = 0;

	if (!CHECK_OK(store_reader_new(tenant_store(), &store_reader, &err), &err))
		return 0;
	CHECK_OK(store_next_expiry(store_reader, &us, &err), &err);
	(void)store_reader_free(store_reader);
	return us;
}

static uint64_t swept(void)
{
	uint64_t entities = 0;

	CHECK_OK(broker_sweep(broker, tenant_store(), &entities, &err), &err);
	return entities;
}

/* ---- what expires ---- */

static void fill_transient(void)
{
	CHECK(put(BROKER_CREATE, "{\"id\":\"urn:a:1\",\"type\":\"A\"," EXPIRES ",\"n\":1,\"m\":1}") == ERR_OK);
	CHECK(put(BROKER_CREATE, "{\"id\":\"urn:a:2\",\"type\":\"A\",\"n\":{\"value\":2," EXPIRES "},\"m\":2}") ==
	      ERR_OK);
	CHECK(put(BROKER_CREATE,
		  "{\"id\":\"urn:a:3\",\"type\":\"A\",\"n\":{\"value\":3,\"p\":{\"value\":1," EXPIRES "}}}") == ERR_OK);
	CHECK(put(BROKER_CREATE, "{\"id\":\"urn:a:4\",\"type\":\"A\",\"n\":4}") == ERR_OK);
}

static void what_has_expired_is_absent_for_readers(void)
{
	const struct query_text by_type = {.type = STR("A")}, by_n = {.q = STR("n>0")}, by_p = {.q = STR("n.p==1")};
	const struct query_text by_attrs = {.attrs = STR("n")};

	tenant = "readers";
	fill_transient();
	CHECK(next_expiry() == AFTER_US);
	atomic_store(&clock_now, AFTER_US - 1);
	CHECK(count_of(&by_type) == 4 && count_of(&by_n) == 4 && count_of(&by_p) == 1 && count_of(&by_attrs) == 4);
	CHECK(has(retrieved("urn:a:1"), "n") && has(retrieved("urn:a:2"), "n"));
	atomic_store(&clock_now, AFTER_US);
	CHECK(count_of(&by_type) == 3 && count_of(&by_n) == 2 && count_of(&by_p) == 0 && count_of(&by_attrs) == 2);
	CHECK(!retrieved("urn:a:1") && err.code == ERR_NOT_FOUND);
	CHECK(!has(retrieved("urn:a:2"), "n") && has(retrieved("urn:a:2"), "m"));
	const struct json *n = document_instance(retrieved("urn:a:3"), STR(V "n"), STR_NONE);

	CHECK(n && !json_get(n, STR(V "p")));
	CHECK(stored_entities() == 4);
	atomic_store(&clock_now, START_US);
}

static void what_has_expired_is_absent_for_writers(void)
{
	struct broker_item item = {
		.operation = BROKER_DELETE_ATTRIBUTE, .id = STR("urn:a:2"), .attribute_iri = STR(V "n")};

	tenant = "writers";
	fill_transient();
	atomic_store(&clock_now, AFTER_US);
	CHECK(put(BROKER_MERGE, "{\"id\":\"urn:a:1\",\"m\":5}") == ERR_NOT_FOUND);
	CHECK(apply(&item) == ERR_NOT_FOUND);
	/* Merging would have kept the member of what has expired. */
	CHECK(put(BROKER_MERGE, "{\"id\":\"urn:a:2\",\"n\":{\"value\":20}}") == ERR_OK);
	const struct json *n = document_instance(retrieved("urn:a:2"), STR(V "n"), STR_NONE);

	CHECK(n && !json_get(n, STR("expiresAt")) && document_created_us(n) == AFTER_US);
	struct points points = points_of("urn:a:2", "n");

	CHECK(points.created == 2 && points.deleted == 1 && points.updated == 0 && points.last == CHANGE_CREATED);
	/* The place of an entity that has expired is free, and its end is in the history. */
	CHECK(put(BROKER_CREATE, "{\"id\":\"urn:a:1\",\"type\":\"A\",\"m\":9}") == ERR_OK);
	CHECK(!has(retrieved("urn:a:1"), "n") && has(retrieved("urn:a:1"), "m"));
	points = points_of("urn:a:1", "n");
	CHECK(points.created == 1 && points.deleted == 1);
	points = points_of("urn:a:1", "m");
	CHECK(points.created == 2 && points.deleted == 1 && points.last == CHANGE_CREATED);
	/* A write that changes nothing leaves the rest to the sweep. */
	CHECK(put(BROKER_MERGE, "{\"id\":\"urn:a:3\",\"n\":3}") == ERR_OK);
	CHECK(points_of("urn:a:3", "n").updated == 0);
	atomic_store(&clock_now, START_US);
}

static void the_sweep_removes_what_has_expired_with_its_history(void)
{
	tenant = "sweep";
	fill_transient();
	CHECK(swept() == 0 && stored_entities() == 4);
	atomic_store(&clock_now, AFTER_US);
	CHECK(swept() == 3 && stored_entities() == 3);
	CHECK(next_expiry() == INT64_MAX && swept() == 0);
	CHECK(points_of("urn:a:1", "n").deleted == 1 && points_of("urn:a:1", "m").deleted == 1);
	CHECK(points_of("urn:a:2", "n").deleted == 1 && points_of("urn:a:2", "m").deleted == 0);
	CHECK(points_of("urn:a:3", "n").updated == 1 && points_of("urn:a:4", "n").last == CHANGE_CREATED);
	/* What was removed stays so when time is set back. */
	atomic_store(&clock_now, START_US);
	CHECK(!retrieved("urn:a:1") && !has(retrieved("urn:a:2"), "n") && has(retrieved("urn:a:2"), "m"));
	CHECK(document_modified_us(retrieved("urn:a:2")) == AFTER_US);
}

/* Many entities of two types in few writes; every third has an attribute that expires. */
static void fill_many(void)
{
	struct broker_item *items = arena_array(&arena, struct broker_item, MANY);
	struct broker_write write = {.items = items, .item_count = MANY, .arena = &arena};

	for (int i = 0; items && i < MANY; i++) {
		struct json *entity =
			expanded(arena_printf(&arena, "{\"id\":\"urn:m:%d\",\"type\":\"%s\",\"n\":%d%s}", i,
					      i % 2 ? "B" : "A", i, i % 3 ? "" : ",\"x\":{\"value\":1," EXPIRES "}")
					 .at,
				 false);

		items[i] =
			(struct broker_item){.operation = BROKER_CREATE, .id = document_id(entity), .entity = entity};
	}
	CHECK_OK(broker_apply(broker, tenant_store(), &write, &err), &err);
}

static void a_large_sweep_goes_in_small_transactions(void)
{
	const struct query_text by_x = {.attrs = STR("x")};
	struct store_stats before, after;

	tenant = "large-sweep";
	fill_many();
	atomic_store(&clock_now, AFTER_US);
	CHECK(count_of(&by_x) == 0);
	CHECK_OK(store_stats(tenant_store(), &before, &err), &err);
	CHECK(swept() == MANY / 3);
	CHECK_OK(store_stats(tenant_store(), &after, &err), &err);
	CHECK(after.commits - before.commits >= MANY / 3 / 256);
	CHECK(after.entities == MANY && points_of("urn:m:999", "x").deleted == 1);
	atomic_store(&clock_now, START_US);
}

static void the_thread_sweeps_by_itself(void)
{
	struct broker_options options = {.create = true, .clock_us = test_clock, .sweep_interval_ms = 5};
	struct broker *other = broker;
	uint64_t entities = 0, failures = 0;

	tenant = "thread";
	if (!CHECK_OK(broker_new(&options, &broker, &err), &err))
		abort();
	fill_transient();
	atomic_store(&clock_now, AFTER_US);
	for (int i = 0; i < 6000 && entities < 3; i++) {
		(void)usleep(10000);
		broker_sweep_stats(broker, &entities, &failures);
	}
	CHECK(entities == 3 && failures == 0 && stored_entities() == 3);
	(void)broker_free(broker);
	broker = other;
	atomic_store(&clock_now, START_US);
}

/* ---- purging ---- */

static void purge(const struct query_text *text, const struct merge_reduction *reduction, struct broker_purge *ret)
{
	struct query *query = query_of(text);

	*ret = (struct broker_purge){.tenant = str_from(tenant), .query = query, .reduction = reduction};
	CHECK_OK(broker_purge_apply(broker, reader, ret, &err), &err);
	query_done(query);
}

static size_t entries_in(const struct broker_purge *purge, enum broker_purge_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < purge->count; i++)
		count += purge->entries[i].state == state;
	return count;
}

static void a_purge_deletes_what_matches_and_nothing_else(void)
{
	const struct query_text odd = {.type = STR("B"), .q = STR("n<1000")}, all = {.id_pattern = STR("urn:m:.*")};
	struct broker_purge done;
	struct store_stats before, after;

	tenant = "purge";
	fill_many();
	CHECK_OK(store_stats(tenant_store(), &before, &err), &err);
	purge(&odd, NULL, &done);
	CHECK_OK(store_stats(tenant_store(), &after, &err), &err);
	CHECK(done.count == 500 && entries_in(&done, PURGE_DONE) == 500 && done.failed == 0);
	CHECK_STR(done.entries[0].id, STR("urn:m:1"));
	broker_purge_clear(&done);
	CHECK(after.commits - before.commits >= 2 && after.entities == MANY - 500);
	CHECK(count_of(&odd) == 0 && count_of(&all) == MANY - 500);
	CHECK(!retrieved("urn:m:999") && retrieved("urn:m:1001") && retrieved("urn:m:998"));
	CHECK(points_of("urn:m:999", "n").deleted == 1 && points_of("urn:m:998", "n").deleted == 0);
	purge(&odd, NULL, &done);
	CHECK(done.count == 0 && done.failed == 0);
	broker_purge_clear(&done);
}

static void a_purge_in_part_takes_attributes(void)
{
	const struct query_text even = {.type = STR("A")}, with_x = {.attrs = STR("x")};
	const struct str x[] = {STR(V "x")}, nothing_else[] = {STR(V "y")};
	const struct merge_reduction drop_x = {.drop = x, .drop_count = 1},
				     keep_y = {.keep = nothing_else, .keep_count = 1};
	struct broker_purge done;

	tenant = "parts";
	fill_many();
	purge(&even, &drop_x, &done);
	CHECK(done.count == MANY / 2 && entries_in(&done, PURGE_DONE) == MANY / 2);
	broker_purge_clear(&done);
	CHECK(count_of(&with_x) == MANY / 6 && stored_entities() == MANY);
	CHECK(has(retrieved("urn:m:0"), "n") && !has(retrieved("urn:m:0"), "x") && has(retrieved("urn:m:3"), "x"));
	CHECK(points_of("urn:m:0", "x").deleted == 1 && points_of("urn:m:0", "n").deleted == 0);
	/* An entity from which nothing goes is not touched. */
	CHECK(document_modified_us(retrieved("urn:m:2")) == START_US);
	purge(&even, &keep_y, &done);
	broker_purge_clear(&done);
	CHECK(retrieved("urn:m:0") && !has(retrieved("urn:m:0"), "n") && has(retrieved("urn:m:1"), "n"));
}

struct rival { /* deletes and changes entities while they are purged */
	struct broker_write write;
	struct broker_item items[2];
	struct arena arena;
	sem_t done;
};

static void rival_done(struct broker_write *write, enum err_code code, const struct error *error)
{
	(void)error;
	CHECK(code == ERR_OK);
	(void)sem_post(&((struct rival *)write->self)->done);
}

static void await_purge(struct broker_purge *done, enum err_code code, const struct error *error)
{
	(void)error;
	CHECK(code == ERR_OK);
	(void)sem_post(done->self);
}

static void a_purge_looks_again_and_lets_others_write(void)
{
	const struct query_text all = {.type = STR("A,B"), .q = STR("n>=0")};
	struct query *query;
	struct rival rival = {0};
	sem_t purged;

	tenant = "rivals";
	fill_many();
	query = query_of(&all);
	struct json *fragment = expanded("{\"id\":\"urn:m:2998\",\"n\":-5}", true);

	rival.items[0] = (struct broker_item){.operation = BROKER_DELETE, .id = STR("urn:m:2999")};
	rival.items[1] = (struct broker_item){.operation = BROKER_MERGE, .id = STR("urn:m:2998"), .entity = fragment};
	rival.write = (struct broker_write){
		.items = rival.items, .item_count = 2, .arena = &rival.arena, .done = rival_done, .self = &rival};
	arena_init(&rival.arena, 1u << 20);
	(void)sem_init(&rival.done, 0, 0);
	(void)sem_init(&purged, 0, 0);
	struct broker_purge done = {.tenant = str_from(tenant), .query = query, .done = await_purge, .self = &purged};

	CHECK_OK(broker_purge_submit(broker, &done, &err), &err);
	CHECK_OK(broker_submit(broker, tenant_store(), &rival.write, &err), &err);
	(void)sem_wait(&rival.done);
	(void)sem_wait(&purged);
	/* Whoever came first: nothing is left but what matched no more when its turn came. */
	bool changed = rival.items[1].outcome.code == ERR_OK;

	CHECK(done.failed == 0 && entries_in(&done, PURGE_DONE) + entries_in(&done, PURGE_LEFT) == done.count);
	CHECK(stored_entities() == (changed ? 1u : 0u) && (retrieved("urn:m:2998") != NULL) == changed);
	CHECK(!retrieved("urn:m:2999") && points_of("urn:m:2999", "n").deleted == 1);
	broker_purge_clear(&done);
	query_done(query);
	arena_done(&rival.arena);
	(void)sem_destroy(&rival.done);
	(void)sem_destroy(&purged);
}

static void a_purge_that_is_stopped_says_what_is_left(void)
{
	const struct query_text all = {.type = STR("A")};
	struct broker_purge done;

	/* The last case on this broker: there is no way back. */
	tenant = "stopped";
	fill_many();
	broker_purge_stop(broker);
	purge(&all, NULL, &done);
	CHECK(done.count == MANY / 2 && done.failed == MANY / 2 && entries_in(&done, PURGE_FAILED) == MANY / 2);
	CHECK(done.entries[0].error && done.entries[0].error->code == ERR_CONFLICT);
	CHECK(stored_entities() == MANY);
	broker_purge_clear(&done);
	tenant = "unknown";
	struct query *query = query_of(&all);

	done = (struct broker_purge){.tenant = STR("unknown"), .query = query};
	CHECK(broker_purge_apply(broker, reader, &done, &err) == ERR_TENANT && done.count == 0);
	query_done(query);
}

static void run_cases(void)
{
	open_broker();
	RUN(what_has_expired_is_absent_for_readers);
	RUN(what_has_expired_is_absent_for_writers);
	RUN(the_sweep_removes_what_has_expired_with_its_history);
	RUN(a_large_sweep_goes_in_small_transactions);
	RUN(the_thread_sweeps_by_itself);
	RUN(a_purge_deletes_what_matches_and_nothing_else);
	RUN(a_purge_in_part_takes_attributes);
	RUN(a_purge_looks_again_and_lets_others_write);
	RUN(a_purge_that_is_stopped_says_what_is_left);
	close_broker();
}

static void check_databases(const char *path)
{
	static const char *const names[] = {"readers", "writers", "sweep", "large-sweep", "purge", "parts", "rivals"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t findings = 1;
		struct str file = arena_printf(&arena, "%s/tenants/%s.db", path, names[i]);

		CHECK_OK(store_sqlite_check(file.at, NULL, NULL, &findings, &err), &err);
		CHECK(findings == 0);
	}
}

static const char *database_folder;

static void the_databases_are_consistent_afterwards(void)
{
	check_databases(database_folder);
}

int main(void)
{
	char path[] = "/tmp/machi-transient-XXXXXX";

	arena_init(&arena, 1u << 30);
	parser = json_parser_new();
	if (!parser || !mkdtemp(path))
		abort();
	run_cases();
	folder = path;
	run_cases();
	database_folder = path;
	RUN(the_databases_are_consistent_afterwards);
	remove_folder(path);
	CHECK(access(path, F_OK) != 0);
	parser = json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
