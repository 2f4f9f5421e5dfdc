/* What arrives late, or again, on the memory store and on SQLite.
 *
 * Goal: what a sender tells again, because it was not told that it had arrived, changes nothing: neither the entity nor
 * its history, whether that is packed or not. What differs in anything but the stamps that the broker gives is kept,
 * also of one moment. Each case counts the instances that a reader of the history finds. */
#include "base/time_value.h"
#include "broker/broker.h"
#include "check.h"
#include "folder_util.h"
#include "ngsild/expand.h"
#include "store/pack.h"
#include "store/temporal.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define V "https://uri.etsi.org/ngsi-ld/default-context/"
#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */
#define ITEMS_MAX 8
#define MANY 5000 /* more than a chunk of packed history has */

static atomic_int_fast64_t clock_now;
static const char *folder; /* NULL: memory */
static struct broker *broker;
static struct store *store;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return atomic_fetch_add(&clock_now, 1000); /* stamps are never the same */
}

static void open_broker(void)
{
	struct broker_options options = {.data_path = folder, .create = true, .clock_us = test_clock};

	if (!CHECK_OK(broker_new(&options, &broker, &err), &err))
		abort();
}

static void city_begins(const char *tenant)
{
	if (!CHECK_OK(broker_tenant(broker, str_from(tenant), true, &store, &err), &err))
		abort();
	arena_clear(&arena);
}

/* ---- telling ---- */

/* An item as a feed makes it. */
static struct broker_item item_of(const char *attributes)
{
	struct expand_options options = {.context = broker_core_context(broker), .now_us = test_clock()};
	struct str text = arena_printf(&arena, "{\"id\":\"urn:m:1\",\"type\":\"Meter\",%s}", attributes);
	struct json *body, *entity = NULL;

	if (!CHECK_OK(json_parse(parser, &arena, text, NULL, &body, &err), &err) ||
	    !CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err))
		abort();
	return (struct broker_item){.operation = BROKER_APPEND_ATTRIBUTES,
				    .id = document_id(entity),
				    .entity = entity,
				    .overwrite = true,
				    .create_missing = true,
				    .newest_stays = true};
}

static void apply(struct broker_item *items, size_t count)
{
	struct broker_write write = {.items = items, .item_count = count, .arena = &arena};

	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	for (size_t i = 0; i < count; i++)
		CHECK_OK(items[i].outcome.code, &items[i].outcome.error);
}

/* "new" (it is the state now), "late" or "same". */
static struct str said(const struct broker_item *item)
{
	if (item->outcome.late && !item->outcome.changed)
		return STR("late");
	if (item->outcome.late)
		return STR("both");
	return item->outcome.changed ? STR("new") : STR("same");
}

static struct str told(const char *attributes)
{
	struct broker_item item = item_of(attributes);

	apply(&item, 1);
	return said(&item);
}

/* The outcomes of items told in one transaction, joined by spaces. */
static struct str told_together(const char *const *list, size_t count)
{
	struct broker_item items[ITEMS_MAX];
	struct str all = STR("");

	for (size_t i = 0; i < count; i++)
		items[i] = item_of(list[i]);
	apply(items, count);
	for (size_t i = 0; i < count; i++)
		all = arena_printf(&arena, "%.*s%s%.*s", STR_FMT(all), i ? " " : "", STR_FMT(said(&items[i])));
	return all;
}

#define TOGETHER(...)                                                                                                  \
	told_together((const char *const[]){__VA_ARGS__},                                                              \
		      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- looking ---- */

/* "second:value …" of what the history has of `a` from the minute 04:21 on. */
static struct str history_of(struct str dataset)
{
	const struct store_window window = {.by = STORE_OBSERVED_AT, .from_us = INT64_MIN, .to_us = INT64_MAX};
	struct store_reader *reader = NULL;
	struct store_instances found = {0};
	struct buf text;

	buf_init(&text, 1u << 20);
	if (CHECK_OK(store_reader_new(store, &reader, &err), &err))
		CHECK_OK(store_series_read(reader, STR("urn:m:1"), STR(V "a"), dataset, &window, false, 2 * MANY,
					   &arena, &found, &err),
			 &err);
	for (size_t i = 0; i < found.count; i++) {
		buf_printf(&text, "%s%lld:", i ? " " : "",
			   (long long)((found.at[i].observed_us - START_US) / US_PER_S));
		json_write(&text, &found.at[i].value);
	}
	struct str shown = arena_dup(&arena, buf_str(&text));

	(void)store_reader_free(reader);
	buf_done(&text);
	return shown;
}

#define HISTORY() history_of(STR_NONE)

static void pack(void)
{
	struct store_pack_result result;
	const struct store_pack_options options = {.now_us = test_clock() + US_PER_DAY, .all = true};

	CHECK_OK(store_pack(store, &options, &result, &err), &err);
	CHECK(!folder || result.points > 0);
}

#define AT(second) "\"observedAt\":\"2026-11-22T04:21:" second "Z\""
#define A(second, value) "\"a\":{\"type\":\"Property\",\"value\":" value "," AT(second) "}"

/* ---- cases ---- */

static void what_is_told_again_is_there_once(void)
{
	city_begins("again");
	CHECK_STR(told(A("10", "1")), STR("new"));
	CHECK_STR(told(A("30", "3")), STR("new"));
	CHECK_STR(told(A("20", "2")), STR("late"));
	CHECK_STR(told(A("20", "2")), STR("same"));
	/* All of it, as after a crash. */
	CHECK_STR(told(A("10", "1")), STR("same"));
	CHECK_STR(told(A("30", "3")), STR("same"));
	CHECK_STR(told(A("20", "2")), STR("same"));
	CHECK_STR(HISTORY(), STR("10:1 20:2 30:3"));
	/* The same number and the same moment, written otherwise. */
	CHECK_STR(told(A("20.000", "2.0")), STR("same"));
	CHECK_STR(HISTORY(), STR("10:1 20:2 30:3"));
}

static void what_is_told_again_in_one_batch_is_there_once(void)
{
	city_begins("batch");
	CHECK_STR(TOGETHER(A("30", "3"), A("10", "1"), A("10", "1"), A("30", "3"), A("20", "2"), A("10", "1")),
		  STR("new late same same late same"));
	CHECK_STR(TOGETHER(A("10", "1"), A("20", "2"), A("30", "3"), A("40", "4"), A("35", "3"), A("35", "3")),
		  STR("same same same new late same"));
	CHECK_STR(HISTORY(), STR("10:1 20:2 30:3 35:3 40:4"));
}

static void another_value_of_the_same_moment_is_kept(void)
{
	city_begins("value");
	CHECK_STR(told(A("10", "1")), STR("new"));
	CHECK_STR(told(A("30", "3")), STR("new"));
	CHECK_STR(told(A("10", "1.5")), STR("late"));
	CHECK_STR(told(A("10", "\"1\"")), STR("late"));
	CHECK_STR(told(A("10", "1.5")), STR("same"));
	CHECK_STR(told(A("11", "1")), STR("late"));
	CHECK_STR(HISTORY(), STR("10:1 10:1.5 10:\"1\" 11:1 30:3"));
}

static void packed_history_is_looked_into(void)
{
	city_begins("packed");
	CHECK_STR(TOGETHER(A("10", "1"), A("20", "2"), A("30", "3")), STR("new new new"));
	pack();
	CHECK_STR(TOGETHER(A("10", "1"), A("20", "2"), A("30", "3")), STR("same same same"));
	CHECK_STR(told(A("10", "7")), STR("late"));
	CHECK_STR(told(A("15", "1")), STR("late"));
	CHECK_STR(TOGETHER(A("10", "7"), A("15", "1")), STR("same same"));
	pack();
	CHECK_STR(TOGETHER(A("10", "7"), A("10", "1"), A("15", "1"), A("10", "8")), STR("same same same late"));
	CHECK_STR(HISTORY(), STR("10:1 10:7 10:8 15:1 20:2 30:3"));
}

static struct str moment(unsigned i)
{
	return arena_printf(&arena,
			    "\"a\":{\"type\":\"Property\",\"value\":%u,\"observedAt\":\"2026-11-22T%02u:%02u:%02uZ\"}",
			    i % 7, i / 3600, i / 60 % 60, i % 60);
}

static void in_a_long_history_each_is_found(void)
{
	struct broker_item *items = calloc(MANY, sizeof(*items));

	if (!items)
		abort();
	city_begins("long");
	for (unsigned i = 0; i < MANY; i++)
		items[i] = item_of(moment(i).at);
	apply(items, MANY);
	pack();
	for (unsigned i = 0; i < MANY; i += 97)
		CHECK_STR(told(moment(i).at), STR("same"));
	CHECK_STR(told(moment(MANY - 1).at), STR("same"));
	CHECK_STR(told("\"a\":{\"type\":\"Property\",\"value\":9,\"observedAt\":\"2026-11-22T00:00:07Z\"}"),
		  STR("late"));
	free(items);
}

static void datasets_are_apart(void)
{
#define D(second, value, dataset)                                                                                      \
	"\"a\":{\"type\":\"Property\",\"value\":" value "," AT(second) ",\"datasetId\":\"urn:d:" dataset "\"}"
	city_begins("dataset");
	CHECK_STR(TOGETHER(A("10", "1"), A("30", "3"), D("30", "3", "1"), D("30", "3", "2")), STR("new new new new"));
	CHECK_STR(told(D("10", "1", "1")), STR("late"));
	CHECK_STR(told(D("10", "1", "2")), STR("late"));
	CHECK_STR(TOGETHER(D("10", "1", "1"), D("10", "1", "2"), A("10", "1")), STR("same same same"));
	pack();
	CHECK_STR(TOGETHER(D("10", "1", "1"), D("10", "1", "2"), A("10", "1")), STR("same same same"));
	CHECK_STR(history_of(STR("urn:d:1")), STR("10:1 30:3"));
	CHECK_STR(history_of(STR("urn:d:2")), STR("10:1 30:3"));
	CHECK_STR(HISTORY(), STR("10:1 30:3"));
}

/* Each told late, then again before and after packing: what is different in one thing is another one. */
static void every_kind_of_instance_is_compared_whole(void)
{
	static const char *const kinds[] = {
		"\"a\":{\"type\":\"Property\",\"value\":1," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":1,\"unitCode\":\"CEL\"," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":1,\"unitCode\":\"KEL\"," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":true," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":\"open\"," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":\"開\"," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":{\"x\":1,\"y\":[1,2]}," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":{\"x\":1,\"y\":[2,1]}," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":[1,2,3]," AT("10") "}",
		"\"a\":{\"type\":\"Relationship\",\"object\":\"urn:b:1\"," AT("10") "}",
		"\"a\":{\"type\":\"Relationship\",\"object\":\"urn:b:2\"," AT("10") "}",
		"\"a\":{\"type\":\"Relationship\",\"object\":[\"urn:b:1\",\"urn:b:2\"]," AT("10") "}",
		"\"a\":{\"type\":\"LanguageProperty\",\"languageMap\":{\"en\":\"a\",\"ja\":\"あ\"}," AT("10") "}",
		"\"a\":{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[139.7,35.6]}," AT(
			"10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":1,\"s\":{\"type\":\"Property\",\"value\":1}," AT("10") "}",
		"\"a\":{\"type\":\"Property\",\"value\":1,\"s\":{\"type\":\"Property\",\"value\":2}," AT("10") "}",
	};
	size_t count = sizeof(kinds) / sizeof(kinds[0]);

	city_begins("kinds");
	CHECK_STR(told(A("30", "3")), STR("new"));
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < count; i++)
			CHECK_STR(told(kinds[i]), round ? STR("same") : STR("late"));
		if (round == 1)
			pack();
	}
}

static void of_one_message_only_what_is_new_is_kept(void)
{
#define B(second, value) "\"b\":{\"type\":\"Property\",\"value\":" value "," AT(second) "}"
	city_begins("parts");
	CHECK_STR(told(A("10", "1") "," B("10", "1")), STR("new"));
	CHECK_STR(told(A("30", "3") "," B("30", "3")), STR("new"));
	CHECK_STR(told(A("10", "1") "," B("10", "2")), STR("late"));
	CHECK_STR(told(A("10", "1") "," B("40", "4")), STR("new"));
	CHECK_STR(told(A("20", "2") "," B("50", "5")), STR("both"));
	CHECK_STR(told(A("20", "2") "," B("50", "5")), STR("same"));
	CHECK_STR(HISTORY(), STR("10:1 20:2 30:3"));
}

/* An atomic write that fails takes back what it appended; so it is not there afterwards. */
static void what_was_taken_back_is_not_there(void)
{
	city_begins("undone");
	CHECK_STR(told(A("30", "3")), STR("new"));
	struct broker_item items[2] = {item_of(A("10", "1")), item_of(A("10", "1"))};
	struct broker_write write = {.items = items, .item_count = 2, .atomic = true, .arena = &arena};

	items[1].operation = BROKER_CREATE; /* it exists */
	CHECK(broker_apply(broker, store, &write, &err) == ERR_EXISTS);
	CHECK_STR(HISTORY(), STR("30:3"));
	CHECK_STR(told(A("10", "1")), STR("late"));
	CHECK_STR(told(A("10", "1")), STR("same"));
}

static void without_history_nothing_is_kept(void)
{
	city_begins("none");
	CHECK_STR(told(A("30", "3")), STR("new"));
	struct broker_item item = item_of(A("10", "1"));

	item.no_history = true;
	apply(&item, 1);
	CHECK_STR(said(&item), STR("same"));
	CHECK_STR(HISTORY(), STR("30:3"));
}

/* Rather twice than lost. */
static void where_the_history_is_damaged_all_is_kept(void)
{
	struct store_stats before, after;
	char path[300];
	sqlite3 *db = NULL;

	city_begins("damaged");
	if (!folder)
		return;
	CHECK_STR(TOGETHER(A("10", "1"), A("20", "2"), A("30", "3")), STR("new new new"));
	pack();
	(void)snprintf(path, sizeof(path), "%s/tenants/damaged.db", folder);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "UPDATE block SET doc = zeroblob(length(doc))", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_changes(db) == 1);
	(void)sqlite3_close(db);
	CHECK_OK(store_stats(store, &before, &err), &err);
	CHECK_STR(told(A("10", "1")), STR("late"));
	CHECK_OK(store_stats(store, &after, &err), &err);
	CHECK(after.damaged_reads == before.damaged_reads + 1);
	CHECK_STR(told(A("10", "1")), STR("same"));
}

static void run_all(const char *path)
{
	folder = path;
	atomic_store(&clock_now, START_US);
	printf("# store: %s\n", path ? path : "memory");
	open_broker();
	RUN(what_is_told_again_is_there_once);
	RUN(what_is_told_again_in_one_batch_is_there_once);
	RUN(another_value_of_the_same_moment_is_kept);
	RUN(packed_history_is_looked_into);
	RUN(in_a_long_history_each_is_found);
	RUN(datasets_are_apart);
	RUN(every_kind_of_instance_is_compared_whole);
	RUN(of_one_message_only_what_is_new_is_kept);
	RUN(what_was_taken_back_is_not_there);
	RUN(without_history_nothing_is_kept);
	RUN(where_the_history_is_damaged_all_is_kept);
	broker = broker_free(broker);
}

int main(void)
{
	char path[] = "/tmp/machi-test-XXXXXX";

	if (!mkdtemp(path))
		return EXIT_FAILURE;
	parser = json_parser_new();
	arena_init(&arena, (size_t)256 << 20);
	run_all(NULL);
	run_all(path);
	remove_folder(path);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return check_done();
}
