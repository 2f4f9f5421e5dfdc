/* Batches and sweeps of many entities through the broker, on the memory store and on SQLite.
 *
 * Goal: a batch needs no more memory than its greatest entity, however many it has; all that it touches gets one stamp
 * (GS CIM 009 V1.9.1 clause 5.5.11.0), that of the moment when it is written, so that the history is in the order in
 * which things happened. Time is a number that the test moves. */
#include "base/time_value.h"
#include "broker/broker.h"
#include "check.h"
#include "folder_util.h"
#include "ngsild/expand.h"
#include "store/census.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */
#define LARGE_NODES 60000 /* of one entity; so many of them, at 32 bytes and more, and … */
#define LARGE_ITEMS 160 /* … so many times would be beyond what a write may use as scratch (512 MiB) */
#define EXPIRING 600

static atomic_int_fast64_t clock_now, clock_step;
static const char *folder; /* NULL: memory */
static struct broker *broker;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return atomic_fetch_add(&clock_now, atomic_load(&clock_step));
}

static void open_broker(void)
{
	struct broker_options options = {.data_path = folder, .create = true, .clock_us = test_clock};

	atomic_store(&clock_now, START_US);
	atomic_store(&clock_step, 0);
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

static struct broker_item item_of(enum broker_operation operation, struct str text, bool fragment)
{
	struct expand_options options = {
		.context = broker_core_context(broker), .now_us = test_clock(), .fragment = fragment};
	struct json *body, *entity = NULL;

	if (CHECK_OK(json_parse(parser, &arena, text, NULL, &body, &err), &err))
		CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err);
	return (struct broker_item){
		.operation = operation, .id = document_id(entity), .entity = entity, .overwrite = true};
}

static bool apply(struct broker_item *items, size_t count)
{
	struct broker_write write = {.items = items, .item_count = count, .arena = &arena};
	bool good = CHECK_OK(broker_apply(broker, tenant_store(), &write, &err), &err);

	for (size_t i = 0; good && i < count; i++)
		good = CHECK_OK(items[i].outcome.code, &items[i].outcome.error);
	return good;
}

static struct json *retrieved(const char *id)
{
	struct json *entity = NULL;

	CHECK_OK(broker_retrieve(reader, str_from(tenant), str_from(id), &arena, &entity, &err), &err);
	return entity;
}

/* ---- memory ---- */

/* {"id", "type", "a": [[],[], …]}: each of the inner arrays is a node of the tree and three bytes of the text. */
static struct str large_entity(void)
{
	struct str head = STR("{\"id\":\"urn:a:1\",\"type\":\"A\",\"a\":{\"type\":\"Property\",\"value\":[[]");
	struct str tail = STR("]}}");
	char *text = arena_bytes(&arena, head.len + 3 * LARGE_NODES + tail.len, 1);
	size_t len = head.len;

	if (!text)
		abort();
	memcpy(text, head.at, head.len);
	for (size_t i = 0; i < LARGE_NODES; i++, len += 3)
		memcpy(text + len, ",[]", 3);
	memcpy(text + len, tail.at, tail.len);
	return (struct str){text, len + tail.len};
}

static void a_batch_of_many_large_entities_is_not_too_much_at_once(void)
{
	static struct broker_item items[LARGE_ITEMS];

	items[0] = item_of(BROKER_CREATE, large_entity(), false);
	if (!apply(items, 1))
		return;
	for (int i = 0; i < LARGE_ITEMS; i++)
		items[i] = item_of(BROKER_APPEND_ATTRIBUTES,
				   arena_printf(&arena,
						"{\"id\":\"urn:a:1\",\"type\":\"A\",\"b\":{\"type\":\"Property\","
						"\"value\":%d}}",
						i),
				   true);
	if (!apply(items, LARGE_ITEMS))
		return;
	const struct json *value = document_value(document_instance(retrieved("urn:a:1"), STR(V "b"), STR_NONE));

	CHECK(value && value->number == LARGE_ITEMS - 1);
}

/* ---- stamps ---- */

static int64_t attribute_modified_us(const struct json *entity)
{
	return document_modified_us(document_instance(entity, STR(V "a"), STR_NONE));
}

#define ENTITY(id, value)                                                                                              \
	STR("{\"id\":\"" id "\",\"type\":\"A\",\"a\":{\"type\":\"Property\",\"value\":" value                          \
	    ",\"s\":{\"type\":\"Property\",\"value\":" value "}}}")

static void what_a_batch_creates_and_what_it_updates_get_one_stamp(void)
{
	struct broker_item items[2] = {item_of(BROKER_CREATE, ENTITY("urn:a:1", "1"), false)};

	if (!apply(items, 1))
		return;
	atomic_fetch_add(&clock_now, US_PER_S);
	items[0] = item_of(BROKER_UPSERT, ENTITY("urn:a:1", "2"), false);
	items[1] = item_of(BROKER_UPSERT, ENTITY("urn:a:2", "2"), false);
	atomic_fetch_add(&clock_now, 5000); /* as long as it waits to be written */
	if (!apply(items, 2))
		return;
	const struct json *old = retrieved("urn:a:1"), *new = retrieved("urn:a:2");
	const struct json *sub = document_instance(document_instance(new, STR(V "a"), STR_NONE), STR(V "s"), STR_NONE);

	CHECK(document_modified_us(old) == START_US + US_PER_S + 5000);
	CHECK(document_modified_us(new) == document_modified_us(old));
	CHECK(document_created_us(new) == document_modified_us(old));
	CHECK(attribute_modified_us(old) == document_modified_us(old));
	CHECK(attribute_modified_us(new) == document_modified_us(old));
	CHECK(document_created_us(sub) == document_modified_us(old));
}

struct points {
	int count;
	int64_t first_us, last_us;
	enum change_kind last;
};

static bool take_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct points *points = self;

	(void)bytes;
	points->first_us = points->count++ ? points->first_us : at_us;
	points->last_us = at_us;
	points->last = kind;
	return true;
}

static struct points points_of(struct str id)
{
	struct store_reader *store_reader = NULL;
	struct points points = {0};

	if (!CHECK_OK(store_reader_new(tenant_store(), &store_reader, &err), &err))
		return points;
	CHECK_OK(store_history(store_reader, id, STR(V "a"), STR_NONE, INT64_MIN, INT64_MAX, take_point, &points, &err),
		 &err);
	(void)store_reader_free(store_reader);
	return points;
}

/* Two requests at once: the creation is read first, the deletion is written first. */
static void history_has_a_creation_behind_the_deletion_that_it_waited_for(void)
{
	struct broker_item create = item_of(BROKER_CREATE, ENTITY("urn:a:1", "1"), false);
	struct broker_item again = create, gone = {.operation = BROKER_DELETE, .id = create.id};

	if (!apply(&create, 1))
		return;
	again = item_of(BROKER_CREATE, ENTITY("urn:a:1", "2"), false);
	atomic_fetch_add(&clock_now, 5000);
	if (!apply(&gone, 1))
		return;
	atomic_fetch_add(&clock_now, 5000);
	if (!apply(&again, 1))
		return;
	struct points points = points_of(STR("urn:a:1"));

	CHECK(points.count == 3 && points.last == CHANGE_CREATED);
	CHECK(points.last_us == test_clock());
}

/* Each at a moment of its own, from a minute on. */
static bool put_expiring(void)
{
	static struct broker_item items[EXPIRING];

	for (int i = 0; i < EXPIRING; i++)
		items[i] = item_of(BROKER_CREATE,
				   arena_printf(&arena,
						"{\"id\":\"urn:a:%04d\",\"type\":\"A\",\"expiresAt\":"
						"\"2026-11-22T04:22:%02d.%03dZ\",\"a\":{\"type\":\"Property\","
						"\"value\":1}}",
						i, i / 100, i % 100),
				   false);
	return apply(items, EXPIRING);
}

static bool take_row(void *self, const struct census_row *row)
{
	(void)row;
	++*(int *)self;
	return true;
}

/* The memory store, which is for tests, knows no such bound. */
static void a_census_of_much_that_has_expired_ends_in_time(void)
{
	struct census_question question = {.part = CENSUS_TOTALS, .expired_us = START_US + 120 * US_PER_S};
	struct store_reader *store_reader = NULL;
	int rows = 0;

	if (!put_expiring() || !CHECK_OK(store_reader_new(tenant_store(), &store_reader, &err), &err))
		return;
	CHECK_OK(store_census(store_reader, &question, take_row, &rows, &err), &err);
	CHECK(rows == 0);
	question.until_us = INT64_MAX;
	CHECK_OK(store_census(store_reader, &question, take_row, &rows, &err), &err);
	question.until_us = 1; /* long ago */
	CHECK(store_census(store_reader, &question, take_row, &rows, &err) == (folder ? ERR_TOO_COMPLEX : ERR_OK));
	CHECK(rows == 0);
	question.expired_us = START_US; /* nothing to look at */
	CHECK_OK(store_census(store_reader, &question, take_row, &rows, &err), &err);
	CHECK(rows == 2);
	(void)store_reader_free(store_reader);
}

static void what_a_long_sweep_removes_last_is_stamped_last(void)
{
	uint64_t removed = 0;

	if (!put_expiring())
		return;
	atomic_store(&clock_now, START_US + 120 * US_PER_S);
	atomic_store(&clock_step, 1); /* every look at it takes a while */
	CHECK_OK(broker_sweep(broker, tenant_store(), &removed, &err), &err);
	atomic_store(&clock_step, 0);
	CHECK(removed == EXPIRING);
	struct points first = points_of(STR("urn:a:0000")), last = points_of(STR("urn:a:0599"));

	CHECK(first.last == CHANGE_DELETED && last.last == CHANGE_DELETED);
	CHECK(first.last_us < last.last_us);
}

static void run_cases(void)
{
	open_broker();
	tenant = "large";
	RUN_LARGE(a_batch_of_many_large_entities_is_not_too_much_at_once);
	tenant = "stamps";
	RUN(what_a_batch_creates_and_what_it_updates_get_one_stamp);
	tenant = "again";
	RUN(history_has_a_creation_behind_the_deletion_that_it_waited_for);
	tenant = "expired";
	atomic_store(&clock_now, START_US);
	RUN(a_census_of_much_that_has_expired_ends_in_time);
	tenant = "swept";
	atomic_store(&clock_now, START_US);
	RUN(what_a_long_sweep_removes_last_is_stamped_last);
	close_broker();
}

int main(void)
{
	char path[] = "/tmp/machi-batch-XXXXXX";

	arena_init(&arena, 1u << 30);
	parser = json_parser_new();
	if (!parser || !mkdtemp(path))
		abort();
	run_cases();
	folder = path;
	run_cases();
	remove_folder(path);
	CHECK(access(path, F_OK) != 0);
	parser = json_parser_free(parser);
	arena_done(&arena);
	return check_done();
}
