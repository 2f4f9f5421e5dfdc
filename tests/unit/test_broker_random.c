/* Operations at random on the memory store and on SQLite, side by side.
 *
 * Goal: rows that hold packed documents and updates that compare only what a fragment names leave what storing whole
 * texts leaves: every document is the same in both stores to the letter, and SQLite's check, which makes all index rows
 * and the census from the documents anew, finds nothing. Method: batches of every kind of operation on few entities,
 * with datasets, sub-attributes, places, scopes, things that expire, and new names; some batches fail in their middle
 * and are taken back with their names; the store is closed and opened between. Time is a number that the test moves. */
#include "base/time_value.h"
#include "broker/broker.h"
#include "check.h"
#include "folder_util.h"
#include "ngsild/expand.h"
#include "random_util.h"
#include "store/store.h"

#include <stdatomic.h>

#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */
#define ENTITIES 6u
#define ROUNDS 400u
#define ROUNDS_OPEN 40u /* then the stores are opened anew */
#define ITEMS_MAX 5u
#define SIDES 2u

static atomic_int_fast64_t clock_now;
static unsigned changes; /* that both took */
static struct random dice = {.state = 20261130};
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return atomic_load(&clock_now);
}

struct side {
	const char *folder; /* NULL: memory */
	struct broker *broker;
	struct broker_reader *reader;
	struct store *store;
};

static void side_open(struct side *side)
{
	struct broker_options options = {.data_path = side->folder, .create = true, .clock_us = test_clock};

	if (!CHECK_OK(broker_new(&options, &side->broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(side->broker, &side->reader, &err), &err) ||
	    !CHECK_OK(broker_tenant(side->broker, STR_NONE, true, &side->store, &err), &err))
		abort();
}

static void side_close(struct side *side)
{
	side->reader = broker_reader_free(side->reader);
	side->broker = broker_free(side->broker);
}

/* ---- fragments ---- */

static void put_instance(struct buf *text, bool place)
{
	static const char *const values[] = {"1",     "2.50",          "\"a\"", "\"2026-11-22T04:21:00Z\"",
					     "[1,2]", "{\"x\":false}", "1e3"};

	buf_printf(text, "{\"type\":\"%s\",\"value\":", place ? "GeoProperty" : "Property");
	if (place)
		buf_printf(text, "{\"type\":\"Point\",\"coordinates\":[103.%u,1.%u]}", roll(&dice, 1000),
			   roll(&dice, 1000));
	else
		buf_put(text, str_from(values[roll(&dice, sizeof(values) / sizeof(values[0]))]));
	if (roll(&dice, 3) == 0)
		buf_printf(text, ",\"observedAt\":\"2026-11-22T04:%02u:00Z\"", roll(&dice, 60));
	if (roll(&dice, 3) == 0)
		buf_printf(text, ",\"datasetId\":\"urn:dataset:%u\"", roll(&dice, 3));
	if (roll(&dice, 6) == 0)
		buf_printf(text, ",\"expiresAt\":\"2026-11-22T%02u:00:00Z\"", 5 + roll(&dice, 12));
	if (roll(&dice, 5) == 0)
		buf_printf(text, ",\"sub%u\":{\"type\":\"Property\",\"value\":%u}", roll(&dice, 40), roll(&dice, 3));
	buf_put_char(text, '}');
}

static void put_attribute(struct buf *text, unsigned number)
{
	unsigned count = roll(&dice, 4) ? 1 : 2;

	buf_printf(text, ",\"%s%u\":", number % 4 == 0 ? "place" : "attr", number);
	if (count == 1) {
		put_instance(text, number % 4 == 0);
		return;
	}
	/* Two of one datasetId would be refused. */
	buf_printf(text,
		   "[{\"type\":\"Property\",\"value\":%u},{\"type\":\"Property\",\"value\":\"b\",\"datasetId\":\"urn:"
		   "dataset:9\"}]",
		   roll(&dice, 3));
}

static struct str fragment_text(unsigned entity, bool whole)
{
	uint64_t used = 0;
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_printf(&text, "{\"id\":\"urn:bus:%u\"", entity);
	if (whole || roll(&dice, 5) == 0)
		buf_printf(&text, ",\"type\":\"%s\"", roll(&dice, 4) ? "Bus" : "Tram");
	if (roll(&dice, 6) == 0)
		buf_printf(&text, ",\"scope\":\"/line/l%u\"", roll(&dice, 3));
	for (unsigned i = roll(&dice, 6); i > 0; i--) {
		/* Now and then a name that nothing has had. */
		unsigned number = roll(&dice, roll(&dice, 8) ? 8 : 60);

		if (used >> number & 1)
			continue;
		used |= UINT64_C(1) << number;
		put_attribute(&text, number);
	}
	buf_put_char(&text, '}');
	return buf_to_arena(&text, &arena);
}

/* ---- operations ---- */

static struct broker_item make_item(void)
{
	static const enum broker_operation operations[] = {
		BROKER_CREATE, BROKER_UPSERT,  BROKER_UPDATE_ATTRIBUTES, BROKER_APPEND_ATTRIBUTES,
		BROKER_MERGE,  BROKER_REPLACE, BROKER_APPEND_ATTRIBUTES, BROKER_UPDATE_ATTRIBUTES,
		BROKER_DELETE, BROKER_UPSERT};
	enum broker_operation operation = operations[roll(&dice, sizeof(operations) / sizeof(operations[0]))];
	bool whole = operation == BROKER_CREATE || operation == BROKER_UPSERT || operation == BROKER_REPLACE;
	unsigned number = roll(&dice, ENTITIES);
	struct json *body = NULL;
	struct str text = fragment_text(number, whole);
	struct broker_item item = {.operation = operation,
				   .id = arena_printf(&arena, "urn:bus:%u", number),
				   .overwrite = roll(&dice, 3) != 0,
				   .newest_stays = roll(&dice, 4) == 0};

	if (operation == BROKER_DELETE)
		return item;
	CHECK_OK(json_parse(parser, &arena, text, NULL, &body, &err), &err);
	item.entity = body;
	return item;
}

static void expand(struct side *side, struct broker_item *item)
{
	bool whole = item->operation == BROKER_CREATE || item->operation == BROKER_UPSERT ||
		     item->operation == BROKER_REPLACE;
	struct expand_options options = {.context = broker_core_context(side->broker),
					 .now_us = test_clock(),
					 .fragment = !whole,
					 .merge = item->operation == BROKER_MERGE};
	struct json *entity = NULL;

	if (item->entity && !CHECK_OK(expand_entity(&arena, item->entity, &options, &entity, &err), &err))
		abort();
	item->entity = entity;
}

/* Applies the same items to both; they say the same. */
static void apply_both(struct side sides[SIDES], const struct broker_item *items, size_t count, bool atomic)
{
	struct broker_item own[SIDES][ITEMS_MAX];
	enum err_code codes[SIDES];

	for (size_t s = 0; s < SIDES; s++) {
		for (size_t i = 0; i < count; i++) {
			own[s][i] = items[i];
			expand(&sides[s], &own[s][i]);
		}
		struct broker_write write = {.items = own[s], .item_count = count, .arena = &arena, .atomic = atomic};

		codes[s] = broker_apply(sides[s].broker, sides[s].store, &write, &err);
	}
	CHECK(codes[0] == codes[1]);
	for (size_t i = 0; i < count; i++) {
		CHECK(own[0][i].outcome.code == own[1][i].outcome.code);
		CHECK(own[0][i].outcome.changed == own[1][i].outcome.changed);
		changes += own[0][i].outcome.changed;
	}
}

static bool same_text(const struct json *a, const struct json *b)
{
	struct buf x, y;

	buf_init(&x, 1u << 20);
	buf_init(&y, 1u << 20);
	if (a)
		json_write(&x, a);
	if (b)
		json_write(&y, b);
	bool same = CHECK_STR(buf_str(&x), buf_str(&y));

	buf_done(&x);
	buf_done(&y);
	return same;
}

static void compare(struct side sides[SIDES])
{
	for (unsigned i = 0; i < ENTITIES; i++) {
		struct json *entities[SIDES] = {NULL, NULL};
		enum err_code codes[SIDES];
		struct str id = arena_printf(&arena, "urn:bus:%u", i);

		for (size_t s = 0; s < SIDES; s++)
			codes[s] = broker_retrieve(sides[s].reader, STR_NONE, id, &arena, &entities[s], NULL);
		CHECK(codes[0] == codes[1] && (codes[0] == ERR_OK || codes[0] == ERR_NOT_FOUND));
		(void)same_text(entities[0], entities[1]);
	}
}

static void show(void *self, const char *finding)
{
	(void)self;
	printf("# %s\n", finding);
}

static void check_file(const struct side *side)
{
	uint64_t findings = 1;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/machi.db", side->folder);
	CHECK_OK(store_sqlite_check(path, show, NULL, &findings, &err), &err);
	CHECK(findings == 0);
}

static void both_stores_hold_the_same(void)
{
	char folder[] = "/tmp/machi-test-XXXXXX";
	struct side sides[SIDES] = {{0}};

	if (!mkdtemp(folder))
		abort();
	sides[1].folder = folder;
	atomic_store(&clock_now, START_US);
	side_open(&sides[0]);
	side_open(&sides[1]);
	for (unsigned round = 0; round < ROUNDS && check_case_failures == 0; round++) {
		struct broker_item items[ITEMS_MAX];
		size_t count = 1 + roll(&dice, ITEMS_MAX);

		arena_clear(&arena);
		for (size_t i = 0; i < count; i++)
			items[i] = make_item();
		/* An atomic batch ends at its first failure, and all of it is taken back. */
		apply_both(sides, items, count, roll(&dice, 3) == 0);
		compare(sides);
		atomic_fetch_add(&clock_now, (int64_t)roll(&dice, 180) * US_PER_S);
		if (round % ROUNDS_OPEN != ROUNDS_OPEN - 1)
			continue;
		check_file(&sides[1]);
		side_close(&sides[1]);
		side_open(&sides[1]);
		compare(sides);
	}
	CHECK(changes > ROUNDS);
	side_close(&sides[0]);
	side_close(&sides[1]);
	remove_folder(folder);
}

int main(void)
{
	parser = json_parser_new();
	arena_init(&arena, (size_t)64 << 20);
	RUN(both_stores_hold_the_same);
	arena_done(&arena);
	(void)json_parser_free(parser);
	return check_done();
}
