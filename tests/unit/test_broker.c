/* The broker's use cases, the same on the memory store and on SQLite.
 *
 * Goal: the operations of GS CIM 009 V1.9.1 clauses 5.6.1 to 5.6.6, 5.6.8 and 5.7 end as the clauses say, whichever
 * store is below; many threads may write at once; a transaction that is repeated leaves the same results. Time is a
 * number that the test moves. */
#include "base/time_value.h"
#include "broker/broker.h"
#include "check.h"
#include "ngsild/expand.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"
#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */

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

static struct store *tenant_store(const char *name)
{
	struct store *store = NULL;

	CHECK_OK(broker_tenant(broker, name ? str_from(name) : STR_NONE, true, &store, &err), &err);
	return store;
}

static struct json *expanded(const char *text, bool fragment)
{
	struct expand_options options = {
		.context = broker_core_context(broker), .now_us = test_clock(), .fragment = fragment};
	struct json *body, *entity = NULL;

	if (CHECK_OK(json_parse(parser, &arena, str_from(text), NULL, &body, &err), &err))
		CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err);
	return entity;
}

#define made(...) expanded(arena_printf(&arena, __VA_ARGS__).at, false)

static struct broker_item item_of(enum broker_operation operation, const struct json *entity)
{
	return (struct broker_item){
		.operation = operation, .id = document_id(entity), .entity = entity, .overwrite = true};
}

static enum err_code apply_to(const char *tenant, struct broker_item *items, size_t count, bool atomic)
{
	struct broker_write write = {.items = items, .item_count = count, .atomic = atomic, .arena = &arena};

	err = (struct error){0};
	return broker_apply(broker, tenant_store(tenant), &write, &err);
}

/* The item's own code. */
static enum err_code apply_one(struct broker_item *item)
{
	if (!CHECK_OK(apply_to(NULL, item, 1, false), &err))
		return ERR_INTERNAL;
	if (item->outcome.code != ERR_OK)
		err = item->outcome.error;
	return item->outcome.code;
}

static enum err_code put(enum broker_operation operation, const struct json *entity)
{
	struct broker_item item = item_of(operation, entity);

	return apply_one(&item);
}

static struct json *retrieved(const char *tenant, const char *id)
{
	struct json *entity = NULL;

	err = (struct error){0};
	return broker_retrieve(reader, tenant ? str_from(tenant) : STR_NONE, str_from(id), &arena, &entity, &err) ==
			       ERR_OK
		       ? entity
		       : NULL;
}

static double value_of(const struct json *entity, const char *name)
{
	const struct json *value =
		document_value(document_instance(entity, arena_concat(&arena, STR(VOCAB), str_from(name)), STR_NONE));

	return value ? value->number : NAN;
}

static bool count_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	(void)at_us;
	(void)kind;
	(void)bytes;
	(*(int *)self)++;
	return true;
}

static int history_points(const char *id, const char *name)
{
	struct store_reader *store_reader = NULL;
	int count = 0;

	if (!CHECK_OK(store_reader_new(tenant_store(NULL), &store_reader, &err), &err))
		return -1;
	CHECK_OK(store_history(store_reader, str_from(id), arena_concat(&arena, STR(VOCAB), str_from(name)), STR_NONE,
			       0, INT64_MAX, count_point, &count, &err),
		 &err);
	(void)store_reader_free(store_reader);
	return count;
}

/* ---- operations ---- */

static void an_entity_is_created_once_and_retrieved(void)
{
	struct json *bus =
		made("{\"id\":\"urn:bus:1\",\"type\":\"Bus\",\"speed\":{\"type\":\"Property\",\"value\":30}}");
	struct broker_item item = item_of(BROKER_CREATE, bus);

	CHECK(retrieved(NULL, "urn:bus:1") == NULL && err.code == ERR_NOT_FOUND);
	CHECK(apply_one(&item) == ERR_OK);
	CHECK(item.outcome.created && item.outcome.changed && !item.outcome.refusals);
	struct json *entity = retrieved(NULL, "urn:bus:1");

	CHECK(entity && json_equal(entity, bus));
	CHECK(document_has_type(entity, STR(VOCAB "Bus")));
	CHECK_NEAR(value_of(entity, "speed"), 30, 0);
	CHECK(apply_one(&item) == ERR_EXISTS);
	CHECK(!item.outcome.created && !item.outcome.changed);
	CHECK(str_contains(str_from(item.outcome.error.detail), STR("urn:bus:1")));
	CHECK(history_points("urn:bus:1", "speed") == 1);
}

static void attributes_are_updated_appended_patched_and_deleted(void)
{
	const char *id = "urn:bus:2";
	struct broker_item item;

	CHECK(put(BROKER_CREATE, made("{\"id\":\"%s\",\"type\":\"Bus\",\"speed\":{\"type\":\"Property\",\"value\":1}}",
				      id)) == ERR_OK);
	/* 5.6.2: what is there is replaced, what is not is appended. */
	item = item_of(BROKER_UPDATE_ATTRIBUTES,
		       expanded("{\"speed\":{\"type\":\"Property\",\"value\":2},\"load\":{\"type\":\"Property\","
				"\"value\":5}}",
				true));
	item.id = str_from(id);
	(void)atomic_fetch_add(&clock_now, US_PER_S);
	CHECK(apply_one(&item) == ERR_OK && item.outcome.changed && !item.outcome.created && !item.outcome.refusals);
	CHECK_NEAR(value_of(retrieved(NULL, id), "speed"), 2, 0);
	CHECK_NEAR(value_of(retrieved(NULL, id), "load"), 5, 0);
	/* 5.6.3 with noOverwrite: what is there stays and is named. */
	item.operation = BROKER_APPEND_ATTRIBUTES;
	item.entity = expanded("{\"load\":{\"type\":\"Property\",\"value\":6}}", true);
	item.overwrite = false;
	CHECK(apply_one(&item) == ERR_OK && !item.outcome.changed);
	if (CHECK(item.outcome.refusals != NULL)) {
		CHECK_STR(item.outcome.refusals->attribute_iri, STR(VOCAB "load"));
		CHECK(item.outcome.refusals->reason && !item.outcome.refusals->next);
	}
	CHECK_NEAR(value_of(retrieved(NULL, id), "load"), 5, 0);
	/* 5.6.4 */
	struct json *patch = expanded("{\"load\":{\"type\":\"Property\",\"value\":7}}", true);
	struct broker_item partial = {.operation = BROKER_PARTIAL_UPDATE,
				      .id = str_from(id),
				      .attribute_iri = STR(VOCAB "load"),
				      .instances = json_get(patch, STR(VOCAB "load"))};

	CHECK(apply_one(&partial) == ERR_OK && partial.outcome.changed);
	CHECK_NEAR(value_of(retrieved(NULL, id), "load"), 7, 0);
	partial.attribute_iri = STR(VOCAB "nothing");
	CHECK(apply_one(&partial) == ERR_NOT_FOUND);
	/* 5.6.5 */
	struct broker_item removal = {
		.operation = BROKER_DELETE_ATTRIBUTE, .id = str_from(id), .attribute_iri = STR(VOCAB "load")};

	CHECK(apply_one(&removal) == ERR_OK && removal.outcome.changed);
	CHECK(apply_one(&removal) == ERR_NOT_FOUND);
	CHECK(isnan(value_of(retrieved(NULL, id), "load")));
	/* created 5, patched 7, deleted: three points. */
	CHECK(history_points(id, "load") == 3);
	/* Of an entity that is not there. */
	partial.id = removal.id = item.id = STR("urn:bus:none");
	CHECK(apply_one(&partial) == ERR_NOT_FOUND && apply_one(&removal) == ERR_NOT_FOUND);
	CHECK(apply_one(&item) == ERR_NOT_FOUND);
}

static void deleting_removes_the_entity(void)
{
	struct json *bus = made("{\"id\":\"urn:bus:3\",\"type\":\"Bus\",\"n\":{\"type\":\"Property\",\"value\":1}}");
	struct broker_item item = {.operation = BROKER_DELETE, .id = STR("urn:bus:3")};

	CHECK(apply_one(&item) == ERR_NOT_FOUND);
	CHECK(put(BROKER_CREATE, bus) == ERR_OK);
	CHECK(apply_one(&item) == ERR_OK && item.outcome.changed);
	CHECK(retrieved(NULL, "urn:bus:3") == NULL && err.code == ERR_NOT_FOUND);
	CHECK(apply_one(&item) == ERR_NOT_FOUND);
	CHECK(history_points("urn:bus:3", "n") == 2);
	CHECK(put(BROKER_CREATE, bus) == ERR_OK);
}

static void replacing_writes_only_what_differs(void)
{
	struct broker_item item = item_of(
		BROKER_REPLACE, made("{\"id\":\"urn:bus:4\",\"type\":\"Bus\",\"a\":{\"type\":\"Property\",\"value\":1},"
				     "\"b\":{\"type\":\"Property\",\"value\":1}}"));

	CHECK(apply_one(&item) == ERR_OK && item.outcome.created && item.outcome.changed);
	(void)atomic_fetch_add(&clock_now, US_PER_S);
	item.entity = made("{\"id\":\"urn:bus:4\",\"type\":\"Bus\",\"a\":{\"type\":\"Property\",\"value\":1},"
			   "\"b\":{\"type\":\"Property\",\"value\":1}}");
	CHECK(apply_one(&item) == ERR_OK && !item.outcome.created && !item.outcome.changed);
	CHECK(history_points("urn:bus:4", "a") == 1);
	item.entity = made("{\"id\":\"urn:bus:4\",\"type\":\"Bus\",\"a\":{\"type\":\"Property\",\"value\":1},"
			   "\"b\":{\"type\":\"Property\",\"value\":2}}");
	CHECK(apply_one(&item) == ERR_OK && !item.outcome.created && item.outcome.changed);
	CHECK(history_points("urn:bus:4", "a") == 1 && history_points("urn:bus:4", "b") == 2);
	item.no_history = true;
	item.entity = made("{\"id\":\"urn:bus:4\",\"type\":\"Bus\",\"b\":{\"type\":\"Property\",\"value\":3}}");
	CHECK(apply_one(&item) == ERR_OK && item.outcome.changed);
	CHECK(history_points("urn:bus:4", "a") == 1 && history_points("urn:bus:4", "b") == 2);
	CHECK(isnan(value_of(retrieved(NULL, "urn:bus:4"), "a")));
}

static void an_upsert_creates_or_updates_and_a_strict_replacement_creates_nothing(void)
{
	const struct json *first =
		made("{\"id\":\"urn:bus:ups\",\"type\":\"Bus\",\"a\":{\"type\":\"Property\",\"value\":1},"
		     "\"b\":{\"type\":\"Property\",\"value\":1}}");
	const struct json *second =
		made("{\"id\":\"urn:bus:ups\",\"type\":\"Bus\",\"a\":{\"type\":\"Property\",\"value\":2}}");
	struct broker_item strict = item_of(BROKER_REPLACE, first);

	strict.must_exist = true;
	CHECK(apply_one(&strict) == ERR_NOT_FOUND);
	CHECK(!retrieved(NULL, "urn:bus:ups"));
	struct broker_item item = item_of(BROKER_UPSERT, first);

	CHECK(apply_one(&item) == ERR_OK && item.outcome.created);
	item = item_of(BROKER_UPSERT, second);
	CHECK(apply_one(&item) == ERR_OK && !item.outcome.created && item.outcome.changed);
	struct json *entity = retrieved(NULL, "urn:bus:ups");

	CHECK(json_get(entity, STR(NGSILD_DEFAULT_VOCAB "b")) != NULL);
	const struct json *a = json_at(json_get(entity, STR(NGSILD_DEFAULT_VOCAB "a")), 0);

	CHECK(document_value(a) && document_value(a)->number == 2);
	strict = item_of(BROKER_REPLACE, second);
	strict.must_exist = true;
	CHECK(apply_one(&strict) == ERR_OK);
	CHECK(!json_get(retrieved(NULL, "urn:bus:ups"), STR(NGSILD_DEFAULT_VOCAB "b")));
}

static void items_of_a_batch_fail_on_their_own_unless_it_is_atomic(void)
{
	struct broker_item items[3] = {item_of(BROKER_CREATE, made("{\"id\":\"urn:batch:1\",\"type\":\"T\"}")),
				       item_of(BROKER_CREATE, made("{\"id\":\"urn:batch:1\",\"type\":\"T\"}")),
				       item_of(BROKER_CREATE, made("{\"id\":\"urn:batch:2\",\"type\":\"T\"}"))};

	CHECK(apply_to(NULL, items, 3, true) == ERR_EXISTS);
	CHECK(retrieved(NULL, "urn:batch:1") == NULL && retrieved(NULL, "urn:batch:2") == NULL);
	CHECK(apply_to(NULL, items, 3, false) == ERR_OK);
	CHECK(items[0].outcome.code == ERR_OK && items[1].outcome.code == ERR_EXISTS);
	CHECK(items[2].outcome.code == ERR_OK && items[2].outcome.created);
	CHECK(retrieved(NULL, "urn:batch:1") && retrieved(NULL, "urn:batch:2"));
	static struct broker_item many[BROKER_BATCH_ENTITIES_MAX + 1];

	CHECK(apply_to(NULL, many, BROKER_BATCH_ENTITIES_MAX + 1, false) == ERR_LIMIT);
	CHECK(apply_to(NULL, NULL, 0, false) == ERR_OK);
}

/* ---- queries ---- */

struct seen {
	int count, stop_after;
	double first, last;
};

static bool see(void *self, const struct json *entity)
{
	struct seen *seen = self;

	if (seen->count++ == 0)
		seen->first = value_of(entity, "n");
	seen->last = value_of(entity, "n");
	return seen->stop_after == 0 || seen->count < seen->stop_after;
}

static struct broker_page_result queried(const struct query_text *text, struct broker_page page, struct seen *seen)
{
	struct broker_page_result result = {0};
	struct query *query = NULL;

	if (!CHECK_OK(query_new(&arena, parser, text, broker_core_context(broker), &query, &err), &err))
		return result;
	CHECK_OK(broker_query(reader, STR_NONE, query, &page, see, seen, &result, &err), &err);
	query_done(query);
	return result;
}

static void queries_give_pages_and_counts(void)
{
	struct query_text by_type = {.type = STR("Counter")};
	struct query_text by_value = {.type = STR("Counter"), .q = STR("n>=10")};
	struct broker_page_result result;
	struct seen seen = {0};

	for (int i = 0; i < 25; i++)
		CHECK(put(BROKER_CREATE, made("{\"id\":\"urn:counter:%02d\",\"type\":\"Counter\",\"n\":{\"type\":"
					      "\"Property\",\"value\":%d}}",
					      i, i)) == ERR_OK);
	result = queried(&by_type, (struct broker_page){.limit = 10, .count = true}, &seen);
	CHECK(result.total == 25 && result.returned == 10 && result.more && seen.count == 10);
	CHECK_NEAR(seen.first, 0, 0);
	CHECK_NEAR(seen.last, 9, 0);
	seen = (struct seen){0};
	result = queried(&by_type, (struct broker_page){.offset = 20, .limit = 10}, &seen);
	CHECK(result.returned == 5 && !result.more && seen.count == 5);
	CHECK_NEAR(seen.first, 20, 0);
	seen = (struct seen){0};
	result = queried(&by_value, (struct broker_page){.offset = 5, .limit = 5, .count = true}, &seen);
	CHECK(result.total == 15 && result.returned == 5 && result.more);
	CHECK_NEAR(seen.first, 15, 0);
	CHECK_NEAR(seen.last, 19, 0);
	seen = (struct seen){0};
	result = queried(&by_value, (struct broker_page){.offset = 10, .limit = 5}, &seen);
	CHECK(result.returned == 5 && !result.more);
	seen = (struct seen){0};
	result = queried(&by_value, (struct broker_page){.limit = 0, .count = true}, &seen);
	CHECK(result.total == 15 && result.returned == 0 && seen.count == 0 && result.more);
	result = queried(&by_type, (struct broker_page){.limit = 0, .count = true}, &seen);
	CHECK(result.total == 25 && result.returned == 0 && seen.count == 0 && result.more);
	result = queried(&by_type, (struct broker_page){.offset = 100, .limit = 10, .count = true}, &seen);
	CHECK(result.total == 25 && result.returned == 0 && !result.more && seen.count == 0);
	seen = (struct seen){.stop_after = 3};
	result = queried(&by_value, (struct broker_page){.limit = 10}, &seen);
	CHECK(seen.count == 3 && result.returned == 3);
}

static void expired_entities_are_as_good_as_absent(void)
{
	struct query_text by_type = {.type = STR("Alert")};
	struct query_text by_value = {.type = STR("Alert"), .q = STR("n>=0")};
	struct broker_page page = {.limit = 10, .count = true};
	struct json *short_lived =
		made("{\"id\":\"urn:alert:1\",\"type\":\"Alert\",\"expiresAt\":\"2030-01-01T00:00:00Z\",\"n\":{"
		     "\"type\":\"Property\",\"value\":1}}");
	struct seen seen = {0};

	CHECK(put(BROKER_CREATE, made("{\"id\":\"urn:alert:2\",\"type\":\"Alert\",\"n\":{\"type\":\"Property\","
				      "\"value\":2}}")) == ERR_OK);
	CHECK(put(BROKER_CREATE, short_lived) == ERR_OK);
	CHECK(retrieved(NULL, "urn:alert:1") != NULL);
	CHECK(queried(&by_type, page, &seen).total == 2 && queried(&by_value, page, &seen).total == 2);
	int64_t before = atomic_load(&clock_now), after;

	CHECK(time_parse_iso(STR("2030-01-01T00:00:00Z"), false, &after));
	atomic_store(&clock_now, after);
	CHECK(retrieved(NULL, "urn:alert:1") == NULL && err.code == ERR_NOT_FOUND);
	seen = (struct seen){0};
	struct broker_page_result result = queried(&by_type, page, &seen);

	CHECK(result.total == 1 && result.returned == 1 && !result.more && seen.count == 1);
	CHECK(queried(&by_value, page, &seen).total == 1);
	struct broker_item update = {.operation = BROKER_UPDATE_ATTRIBUTES,
				     .id = STR("urn:alert:1"),
				     .entity = expanded("{\"n\":{\"type\":\"Property\",\"value\":5}}", true)};

	CHECK(apply_one(&update) == ERR_NOT_FOUND);
	update.operation = BROKER_DELETE;
	CHECK(apply_one(&update) == ERR_NOT_FOUND);
	/* Its place is free again. */
	struct broker_item again =
		item_of(BROKER_CREATE, made("{\"id\":\"urn:alert:1\",\"type\":\"Alert\",\"n\":{\"type\":\"Property\","
					    "\"value\":9}}"));

	CHECK(apply_one(&again) == ERR_OK && again.outcome.created);
	CHECK_NEAR(value_of(retrieved(NULL, "urn:alert:1"), "n"), 9, 0);
	CHECK(queried(&by_type, page, &seen).total == 2);
	atomic_store(&clock_now, before);
}

/* ---- tenants ---- */

static void count_tenant(void *self, struct str name, struct store *store)
{
	(void)name;
	*(int *)self += store != NULL;
}

static void tenants_are_apart_and_found_again(void)
{
	struct store *store = NULL, *other = NULL;
	struct broker_item item = item_of(BROKER_CREATE, made("{\"id\":\"urn:t:1\",\"type\":\"T\"}"));
	int count = 0;

	CHECK(broker_tenant(broker, STR("osaka"), false, &store, &err) == ERR_TENANT && !store);
	CHECK(retrieved("osaka", "urn:t:1") == NULL && err.code == ERR_TENANT);
	CHECK(apply_to("osaka", &item, 1, false) == ERR_OK && item.outcome.created);
	CHECK(retrieved("osaka", "urn:t:1") != NULL);
	CHECK(retrieved(NULL, "urn:t:1") == NULL && err.code == ERR_NOT_FOUND);
	CHECK(broker_tenant(broker, STR("osaka"), false, &store, &err) == ERR_OK);
	CHECK(broker_tenant(broker, STR_NONE, false, &other, &err) == ERR_OK && store != other);
	broker_each_tenant(broker, count_tenant, &count);
	CHECK(count == 2);
	static const char *const bad[] = {".", "..", "a/b", "a.db", "a b", "\xc3\xa9", "a%", NULL};

	for (size_t i = 0; bad[i]; i++)
		CHECK(broker_tenant(broker, str_from(bad[i]), true, &store, &err) == ERR_INVALID);
	char long_name[BROKER_TENANT_NAME_BYTES_MAX + 2];

	memset(long_name, 'a', sizeof(long_name));
	CHECK(broker_tenant(broker, (struct str){long_name, sizeof(long_name) - 1}, true, &store, &err) == ERR_INVALID);
	CHECK(broker_tenant(broker, (struct str){long_name, sizeof(long_name) - 2}, true, &store, &err) == ERR_OK);
	if (!folder)
		return;
	close_broker();
	open_broker();
	CHECK(retrieved("osaka", "urn:t:1") != NULL);
	CHECK(retrieved("kobe", "urn:t:1") == NULL && err.code == ERR_TENANT);
	/* For reading only: nothing is made. */
	close_broker();
	struct broker_options options = {.data_path = folder, .read_only = true, .create = true};

	if (!CHECK_OK(broker_new(&options, &broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, &err), &err))
		abort();
	CHECK(retrieved("osaka", "urn:t:1") != NULL);
	CHECK(broker_tenant(broker, STR("kobe"), true, &store, &err) == ERR_TENANT);
	CHECK(apply_to(NULL, &item, 1, false) == ERR_DENIED);
	close_broker();
	open_broker();
}

static void a_folder_that_is_not_there_is_an_error_unless_it_may_be_made(void)
{
	struct broker_options options = {.data_path = "/nonexistent/folder/of/a/city"};
	struct broker *none = NULL;

	CHECK(broker_new(&options, &none, &err) == ERR_NOT_FOUND && !none);
	options.create = true;
	CHECK(broker_new(&options, &none, &err) == ERR_IO && !none);
	CHECK(str_contains(str_from(err.detail), STR("/nonexistent/folder")));
}

/* ---- concurrency and repeated transactions ---- */

#define THREADS 4
#define WRITES_EACH 100

struct submitter {
	pthread_t thread;
	int number;
	struct arena arena;
	struct broker_item items[WRITES_EACH][2];
	struct broker_write writes[WRITES_EACH];
	atomic_int done, failed;
};

static void submitted(struct broker_write *write, enum err_code code, const struct error *error)
{
	struct submitter *submitter = write->self;

	(void)error;
	if (code != ERR_OK)
		(void)atomic_fetch_add(&submitter->failed, 1);
	(void)atomic_fetch_add(&submitter->done, 1);
}

static void *submit_all(void *self)
{
	struct submitter *submitter = self;
	struct store *store;
	struct error error;

	if (broker_tenant(broker, STR_NONE, false, &store, &error) != ERR_OK)
		return NULL;
	for (int i = 0; i < WRITES_EACH; i++)
		if (broker_submit(broker, store, &submitter->writes[i], &error) != ERR_OK)
			(void)atomic_fetch_add(&submitter->failed, 1);
	return NULL;
}

/* Every write creates an entity of its own and appends an instance to one entity that all share. Two in ten create
 * what exists already, atomically, after having appended: they must leave no trace. */
static void many_threads_write_at_once(void)
{
	struct submitter *submitters = calloc(THREADS, sizeof(*submitters));
	uint32_t good = 0;

	if (!submitters)
		abort();
	CHECK(put(BROKER_CREATE, made("{\"id\":\"urn:shared\",\"type\":\"Shared\"}")) == ERR_OK);
	CHECK(put(BROKER_CREATE, made("{\"id\":\"urn:taken\",\"type\":\"Taken\"}")) == ERR_OK);
	for (int t = 0; t < THREADS; t++) {
		struct submitter *submitter = &submitters[t];

		arena_init(&submitter->arena, 1 << 20);
		for (int i = 0; i < WRITES_EACH; i++) {
			bool bad = i % 10 < 2;
			struct json *fragment = made("{\"id\":\"urn:shared\",\"type\":\"Shared\",\"n\":{\"type\":"
						     "\"Property\",\"value\":%d,\"datasetId\":\"urn:d:%d:%d\"}}",
						     i, t, i);

			submitter->items[i][0] = item_of(BROKER_APPEND_ATTRIBUTES, fragment);
			submitter->items[i][1] =
				item_of(BROKER_CREATE, bad ? made("{\"id\":\"urn:taken\",\"type\":\"T\"}")
							   : made("{\"id\":\"urn:own:%d:%d\",\"type\":\"Own\"}", t, i));
			submitter->writes[i] = (struct broker_write){.items = submitter->items[i],
								     .item_count = 2,
								     .atomic = true,
								     .arena = &submitter->arena,
								     .done = submitted,
								     .self = submitter};
			good += !bad;
		}
	}
	for (int t = 0; t < THREADS; t++)
		CHECK(pthread_create(&submitters[t].thread, NULL, submit_all, &submitters[t]) == 0);
	for (int t = 0; t < THREADS; t++)
		(void)pthread_join(submitters[t].thread, NULL);
	/* Behind all of them in the queue. */
	CHECK(put(BROKER_CREATE, made("{\"id\":\"urn:last\",\"type\":\"Last\"}")) == ERR_OK);
	for (int t = 0; t < THREADS; t++) {
		CHECK(atomic_load(&submitters[t].done) == WRITES_EACH);
		CHECK(atomic_load(&submitters[t].failed) == WRITES_EACH / 5);
		arena_done(&submitters[t].arena);
	}
	struct query_text own = {.type = STR("Own")};
	struct seen seen = {0};

	CHECK(queried(&own, (struct broker_page){.count = true}, &seen).total == good);
	const struct json *instances = json_get(retrieved(NULL, "urn:shared"), STR(VOCAB "n"));

	CHECK(instances && instances->count == good);
	free(submitters);
}

struct blocking_write {
	struct store_write write;
	sem_t running, gate;
};

static enum err_code run_blocking(struct store_write *write, struct store_txn *txn, struct error *error)
{
	struct blocking_write *blocking = (struct blocking_write *)(void *)write;

	(void)txn;
	(void)error;
	(void)sem_post(&blocking->running);
	(void)sem_wait(&blocking->gate);
	return ERR_OK;
}

static void blocking_done(struct store_write *write, enum err_code code, const struct error *error)
{
	(void)write;
	(void)code;
	(void)error;
}

/* A write that fails after it changed something makes the store run the others of its transaction again. */
static void a_repeated_transaction_leaves_the_same_results(void)
{
	struct blocking_write blocking = {.write = {.run = run_blocking, .done = blocking_done}};
	struct submitter *submitter = calloc(1, sizeof(*submitter));
	struct store *store = tenant_store(NULL);
	struct store_stats stats;

	if (!submitter)
		abort();
	CHECK(put(BROKER_CREATE,
		  made("{\"id\":\"urn:again:0\",\"type\":\"T\",\"a\":{\"type\":\"Property\",\"value\":1}}")) == ERR_OK);
	(void)sem_init(&blocking.running, 0, 0);
	(void)sem_init(&blocking.gate, 0, 0);
	arena_init(&submitter->arena, 1 << 20);
	/* 0: appends with a refusal, and a creation; 1: changes, then fails. */
	struct json *fragment = made("{\"id\":\"urn:again:0\",\"type\":\"T\",\"a\":{\"type\":\"Property\",\"value\":2},"
				     "\"b\":{\"type\":\"Property\",\"value\":2}}");

	submitter->items[0][0] = item_of(BROKER_APPEND_ATTRIBUTES, fragment);
	submitter->items[0][0].overwrite = false;
	submitter->items[0][1] = item_of(BROKER_CREATE, made("{\"id\":\"urn:again:1\",\"type\":\"T\"}"));
	submitter->items[1][0] = item_of(BROKER_CREATE, made("{\"id\":\"urn:again:2\",\"type\":\"T\"}"));
	submitter->items[1][1] = submitter->items[1][0];
	/* The writer is busy with one transaction while those of the next gather. */
	CHECK(store_submit(store, &blocking.write, &err) == ERR_OK);
	(void)sem_wait(&blocking.running);
	for (int i = 0; i < 2; i++) {
		submitter->writes[i] = (struct broker_write){.items = submitter->items[i],
							     .item_count = 2,
							     .atomic = i == 1,
							     .arena = &submitter->arena,
							     .done = submitted,
							     .self = submitter};
		CHECK_OK(broker_submit(broker, store, &submitter->writes[i], &err), &err);
	}
	(void)sem_post(&blocking.gate);
	CHECK(put(BROKER_CREATE, made("{\"id\":\"urn:again:3\",\"type\":\"T\"}")) == ERR_OK);
	CHECK(atomic_load(&submitter->done) == 2 && atomic_load(&submitter->failed) == 1);
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.replays > 0);
	const struct broker_outcome *outcome = &submitter->items[0][0].outcome;

	CHECK(outcome->code == ERR_OK && outcome->changed && outcome->refusals && !outcome->refusals->next);
	CHECK(submitter->items[0][1].outcome.created);
	CHECK(retrieved(NULL, "urn:again:1") && !retrieved(NULL, "urn:again:2"));
	CHECK_NEAR(value_of(retrieved(NULL, "urn:again:0"), "a"), 1, 0);
	CHECK_NEAR(value_of(retrieved(NULL, "urn:again:0"), "b"), 2, 0);
	CHECK(history_points("urn:again:0", "a") == 1 && history_points("urn:again:0", "b") == 1);
	arena_done(&submitter->arena);
	free(submitter);
	(void)sem_destroy(&blocking.gate);
	(void)sem_destroy(&blocking.running);
}

struct import {
	struct store_write write;
	int count;
};

static enum err_code run_import(struct store_write *write, struct store_txn *txn, struct error *error)
{
	struct import *import = (struct import *)(void *)write;

	for (int i = 0; i < import->count; i++) {
		struct arena own;
		struct json entity = json_object();
		char id[40];

		arena_init(&own, 1 << 16);
		(void)snprintf(id, sizeof(id), "urn:import:%d", i);
		struct json types = json_array();
		bool good = json_push(&own, &types, json_string(STR(VOCAB "Import"))) &&
			    json_set(&own, &entity, STR("id"), json_string(str_from(id))) &&
			    json_set(&own, &entity, STR("type"), types) &&
			    json_set(&own, &entity, STR("createdAt"), json_int(&own, test_clock()));
		struct broker_item item = item_of(BROKER_REPLACE, &entity);
		enum err_code code = good ? broker_apply_item(broker, txn, &item, &own, error) : ERR_MEMORY;

		arena_done(&own);
		if (code != ERR_OK || item.outcome.code != ERR_OK)
			return code;
	}
	return ERR_OK;
}

static void an_import_applies_items_within_its_own_write(void)
{
	struct import import = {.write = {.run = run_import}, .count = 50};
	struct query_text text = {.type = STR("Import")};
	struct seen seen = {0};

	CHECK_OK(store_apply(tenant_store(NULL), &import.write, &err), &err);
	CHECK(queried(&text, (struct broker_page){.count = true}, &seen).total == 50);
}

/* ---- */

/* The stored form has more levels than the concise one that was sent: taken as they came, 60 arrays in a value made an
 * entity that no reader could parse, that could not be deleted, and that broke every query it was a candidate of. */
static void an_entity_that_could_not_be_read_back_is_refused(void)
{
	char open[JSON_DEPTH_MAX] = "", shut[JSON_DEPTH_MAX] = "";
	int refused = 0;

	for (int depth = 1; depth < JSON_DEPTH_MAX - 3; depth++) {
		open[depth - 1] = '[';
		shut[depth - 1] = ']';
		struct json *entity =
			made("{\"id\":\"urn:deep:%d\",\"type\":\"Deep\",\"a\":{\"value\":1,\"b\":{\"value\":%s%s}}}",
			     depth, open, shut);
		enum err_code code = put(BROKER_CREATE, entity);

		if (code == ERR_OK)
			CHECK(retrieved(NULL, arena_printf(&arena, "urn:deep:%d", depth).at) != NULL);
		else
			CHECK(code == ERR_INVALID && depth > JSON_DEPTH_MAX - 12);
		refused += code != ERR_OK;
	}
	CHECK(refused > 0);
}

static void run_all(const char *path)
{
	folder = path;
	atomic_store(&clock_now, START_US);
	printf("# store: %s\n", path ? path : "memory");
	open_broker();
	RUN(an_entity_is_created_once_and_retrieved);
	RUN(attributes_are_updated_appended_patched_and_deleted);
	RUN(deleting_removes_the_entity);
	RUN(replacing_writes_only_what_differs);
	RUN(an_upsert_creates_or_updates_and_a_strict_replacement_creates_nothing);
	RUN(items_of_a_batch_fail_on_their_own_unless_it_is_atomic);
	RUN(queries_give_pages_and_counts);
	RUN(expired_entities_are_as_good_as_absent);
	RUN(tenants_are_apart_and_found_again);
	RUN(a_folder_that_is_not_there_is_an_error_unless_it_may_be_made);
	RUN(many_threads_write_at_once);
	RUN(a_repeated_transaction_leaves_the_same_results);
	RUN(an_import_applies_items_within_its_own_write);
	RUN(an_entity_that_could_not_be_read_back_is_refused);
	close_broker();
}

/* Removes what the tests leave: the databases with their side files. */
static void remove_folder(const char *path)
{
	static const char *const names[] = {"machi.db", "tenants/osaka.db", NULL};
	static const char *const ends[] = {"", "-wal", "-shm"};
	char file[300], long_name[BROKER_TENANT_NAME_BYTES_MAX + 1] = {0};

	memset(long_name, 'a', BROKER_TENANT_NAME_BYTES_MAX);
	for (size_t e = 0; e < 3; e++) {
		for (size_t i = 0; names[i]; i++) {
			(void)snprintf(file, sizeof(file), "%s/%s%s", path, names[i], ends[e]);
			(void)unlink(file);
		}
		(void)snprintf(file, sizeof(file), "%s/tenants/%s.db%s", path, long_name, ends[e]);
		(void)unlink(file);
	}
	(void)snprintf(file, sizeof(file), "%s/tenants", path);
	(void)rmdir(file);
	CHECK(rmdir(path) == 0);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/machi-test-broker-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		return EXIT_FAILURE;
	parser = json_parser_new();
	arena_init(&arena, 256u << 20);
	run_all(NULL);
	run_all(path);
	remove_folder(path);
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
