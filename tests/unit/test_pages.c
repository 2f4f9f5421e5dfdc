/* Pages of queries: in the order of creation, in an order asked for, and out of entity maps, on the memory store and on
 * SQLite (GS CIM 009 V1.9.1 clauses 4.23, 5.5.9, 6.3.10).
 *
 * Method: some hundreds of entities with values that the test knows; what a page must hold is worked out here, by
 * sorting numbers with qsort(), never by asking twice. */
#include "base/time_value.h"
#include "broker/entity_map.h"
#include "broker/read_int.h"
#include "check.h"
#include "ngsild/expand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define COUNT 300
#define START_US (INT64_C(1795321260) * US_PER_S)

static atomic_int_fast64_t clock_now;
static struct broker *broker;
static struct broker_reader *reader;
static struct json_parser *parser;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return atomic_load(&clock_now);
}

/* ---- entities: the i-th has n = ns[i], and half of them a second key ---- */

struct known {
	int index; /* order of creation */
	int n;
	bool gone;
};

static struct known known[COUNT];

/* A small generator of our own (Knuth's MMIX): the same numbers in every run. */
static int draw(uint64_t *state, int below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int)((*state >> 33) % (uint64_t)below);
}

static const char *name_of(int index)
{
	return arena_printf(&arena, "urn:x:%03d", index).at;
}

static enum err_code apply(struct broker_item *item)
{
	struct broker_write write = {.items = item, .item_count = 1, .arena = &arena};
	struct store *store;

	if (!CHECK_OK(broker_tenant(broker, STR_NONE, true, &store, &err), &err) ||
	    !CHECK_OK(broker_apply(broker, store, &write, &err), &err))
		return ERR_INTERNAL;
	return item->outcome.code;
}

static void put(enum broker_operation operation, int index, int n)
{
	struct expand_options options = {.context = broker_core_context(broker), .now_us = test_clock()};
	struct str text =
		arena_printf(&arena, "{\"id\":\"%s\",\"type\":\"%s\",\"n\":{\"type\":\"Property\",\"value\":%d}}",
			     name_of(index), index % 2 ? "Odd" : "Even", n);
	struct json *body, *entity = NULL;

	CHECK_OK(json_parse(parser, &arena, text, NULL, &body, &err), &err);
	CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err);
	struct broker_item item = {.operation = operation, .id = document_id(entity), .entity = entity};

	CHECK(apply(&item) == ERR_OK);
}

static void take_away(int index)
{
	struct broker_item item = {.operation = BROKER_DELETE, .id = str_from(name_of(index))};

	CHECK(apply(&item) == ERR_OK);
	known[index].gone = true;
}

static void fill(void)
{
	uint64_t state = 7;

	for (int i = 0; i < COUNT; i++) {
		known[i] = (struct known){.index = i, .n = draw(&state, 40)};
		put(BROKER_CREATE, i, known[i].n);
	}
}

/* ---- asking ---- */

struct seen {
	int indices[COUNT];
	int count;
};

static bool see(void *self, const struct json *entity)
{
	struct seen *seen = self;
	int64_t index = -1;

	CHECK(str_to_int64(str_part(document_id(entity), 6, 9), &index));
	seen->indices[seen->count++] = (int)index;
	return true;
}

static struct query *query_of(struct query_text text)
{
	struct query *query = NULL;

	CHECK_OK(query_new(&arena, parser, &text, broker_core_context(broker), &query, &err), &err);
	return query;
}

static struct order *order_of(const char *order_by)
{
	const struct order_text text = {.order_by = str_from(order_by)};
	struct order *order = NULL;

	CHECK_OK(order_new(&arena, parser, &text, broker_core_context(broker), &order, &err), &err);
	return order;
}

static struct broker_page_result ask(struct query *query, struct broker_page page, struct seen *seen)
{
	struct broker_page_result result = {0};

	seen->count = 0;
	CHECK_OK(broker_query(reader, STR_NONE, query, &page, see, seen, &result, &err), &err);
	CHECK(result.returned == (uint64_t)seen->count);
	return result;
}

/* ---- what must come ---- */

static int by_n(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n ? -1 : 1) : x->index - y->index;
}

static int by_n_down(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) : x->index - y->index;
}

/* Those with n >= least that are not gone, sorted (NULL: by creation). */
static int wanted(struct known out[COUNT], int least, int (*order)(const void *a, const void *b))
{
	int count = 0;

	for (int i = 0; i < COUNT; i++)
		if (known[i].n >= least && !known[i].gone)
			out[count++] = known[i];
	if (order)
		qsort(out, (size_t)count, sizeof(*out), order);
	return count;
}

static void check_page(const struct seen *seen, const struct known *want, int count, uint64_t offset, uint64_t limit)
{
	int expected = offset >= (uint64_t)count ? 0 : count - (int)offset;

	if ((uint64_t)expected > limit)
		expected = (int)limit;
	if (!CHECK(seen->count == expected))
		printf("# %d instead of %d at %llu\n", seen->count, expected, (unsigned long long)offset);
	for (int i = 0; i < expected && i < seen->count; i++)
		CHECK(seen->indices[i] == want[(int)offset + i].index);
}

/* ---- cases ---- */

static void every_page_of_every_order_is_what_sorting_gives(void)
{
	static const struct {
		const char *by;
		int (*order)(const void *a, const void *b);
	} orders[] = {{NULL, NULL}, {"n", by_n}, {"n;desc", by_n_down}, {"n;asc,id", by_n}};
	static const uint64_t limits[] = {1, 7, 100, COUNT, UINT64_MAX};
	struct known want[COUNT];
	struct seen seen;

	for (size_t o = 0; o < 4; o++) {
		struct order *order = orders[o].by ? order_of(orders[o].by) : NULL;

		for (int least = 0; least <= 40; least += 10) {
			struct query *query = query_of(
				(struct query_text){.type = least ? STR_NONE : STR("Odd,Even"),
						    .q = least ? arena_printf(&arena, "n>=%d", least) : STR_NONE});
			int count = wanted(want, least, orders[o].order);

			for (size_t l = 0; l < 5; l++) {
				uint64_t step = limits[l] > 100 ? 100 : limits[l] * 13;

				for (uint64_t offset = 0; offset <= COUNT + 1; offset += step) {
					struct broker_page_result result = ask(query,
									       (struct broker_page){.offset = offset,
												    .limit = limits[l],
												    .count = true,
												    .order = order},
									       &seen);

					check_page(&seen, want, count, offset, limits[l]);
					CHECK(result.total == (uint64_t)count);
					CHECK(result.more ==
					      (offset < (uint64_t)count && limits[l] < (uint64_t)count - offset));
				}
			}
			query_done(query);
		}
		order_done(order);
	}
}

static void an_offset_beyond_the_end_gives_the_last_one(void)
{
	struct query *queries[] = {query_of((struct query_text){.type = STR("Even")}),
				   query_of((struct query_text){.q = STR("n>=0"), .type = STR("Even")})};
	struct query *none = query_of((struct query_text){.type = STR("Neither")});
	struct order *order = order_of("id");
	struct seen seen;

	for (int i = 0; i < 4; i++) {
		struct broker_page page = {.limit = 10, .last_when_beyond = true, .order = i < 2 ? NULL : order};

		page.offset = COUNT / 2; /* as many as there are: nothing follows */
		CHECK(ask(queries[i % 2], page, &seen).returned == 0);
		page.offset = UINT64_MAX;
		struct broker_page_result result = ask(queries[i % 2], page, &seen);

		CHECK(seen.count == 1 && seen.indices[0] == COUNT - 2);
		CHECK(result.first == COUNT / 2 - 1 && result.before == COUNT / 2 - 11 && !result.more);
		CHECK(ask(none, page, &seen).returned == 0);
		page.last_when_beyond = false;
		CHECK(ask(queries[i % 2], page, &seen).returned == 0);
	}
	order_done(order);
	query_done(queries[0]);
	query_done(queries[1]);
	query_done(none);
}

static void several_selectors_are_any_of_them(void)
{
	const struct query_selector selectors[] = {
		{.ids = STR("urn:x:003,urn:x:007,urn:x:004,urn:none:1"), .type = STR("Odd")},
		{.id_pattern = STR("^urn:x:00[5-8]$"), .type = STR("Even")},
		{.ids = STR("urn:x:299"), .type = STR("*")},
	};
	static const int expected[] = {3, 6, 7, 8, 299};
	struct query *query = query_of((struct query_text){.selectors = selectors, .selector_count = 3});
	struct seen seen;
	struct broker_page_result result = ask(query, (struct broker_page){.limit = 50, .count = true}, &seen);

	CHECK(result.total == 5 && seen.count == 5);
	for (int i = 0; i < 5 && i < seen.count; i++)
		CHECK(seen.indices[i] == expected[i]);
	query_done(query);
}

static enum err_code sort_within(struct query *query, const struct order *order, uint64_t keep, uint64_t count_max,
				 uint64_t bytes_max, size_t *ret_count)
{
	struct matching matching;
	struct sorted sorted;

	if (!CHECK_OK(matching_init(&matching, reader, STR_NONE, query, &err), &err))
		return ERR_INTERNAL;
	sorted_init(&sorted, &matching, order, keep);
	sorted.count_max = count_max;
	sorted.bytes_max = bytes_max;
	matching.visit = sorted_take;
	matching.self = &sorted;
	enum err_code code = matching_scan(&matching, 0);

	*ret_count = sorted.count;
	sorted_done(&sorted);
	return code;
}

static void an_order_keeps_no_more_than_it_needs_and_may(void)
{
	struct query *query = query_of((struct query_text){.q = STR("n>=0")});
	struct order *order = order_of("n;desc");
	size_t count;

	CHECK(sort_within(query, order, 10, 1000, 1 << 20, &count) == ERR_OK && count == 10);
	CHECK(sort_within(query, NULL, 10, 1000, 1 << 20, &count) == ERR_OK && count == 10);
	CHECK(sort_within(query, order, 0, 1000, 1 << 20, &count) == ERR_OK && count == 0);
	CHECK(sort_within(query, order, UINT64_MAX, 1000, 1 << 20, &count) == ERR_OK && count == COUNT);
	CHECK(sort_within(query, order, 10, 10, 1 << 20, &count) == ERR_OK && count == 10);
	CHECK(sort_within(query, order, 11, 10, 1 << 20, &count) == ERR_LIMIT && count <= 11);
	CHECK(str_contains(str_from(err.detail), STR("more than 10 entities")));
	CHECK(sort_within(query, order, 1000, 1000, 2000, &count) == ERR_LIMIT);
	CHECK(str_contains(str_from(err.detail), STR("more than 2000 bytes")));
	order_done(order);
	query_done(query);
}

/* ---- entity maps ---- */

static struct entity_map *map_of(struct query *query, struct order *order)
{
	const struct entity_map_marks marks = {1, 2, 3};
	struct entity_map *map = NULL;

	CHECK_OK(broker_map_make(reader, STR_NONE, query, order, &marks, 0, &map, &err), &err);
	return map;
}

static bool count_id(void *self, struct str id, size_t at)
{
	(void)at;
	(void)id;
	++*(int *)self;
	return true;
}

static int ids_in(const struct entity_map *map)
{
	int count = 0;

	entity_map_each(map, count_id, &count);
	return count;
}

/* Follows the pointers from the first page to the last; what comes is written behind what has come. */
static int follow(struct query *query, struct entity_map *map, uint64_t limit, int *out)
{
	struct broker_page page = {.limit = limit, .map = map};
	struct seen seen;
	int count = 0;

	for (bool more = true; more;) {
		struct broker_page_result result = ask(query, page, &seen);

		for (int i = 0; i < seen.count; i++)
			out[count++] = seen.indices[i];
		CHECK(!result.more || result.returned == limit); /* pages are filled to the maximum */
		more = result.more;
		page.offset = result.behind;
	}
	return count;
}

static void a_map_keeps_the_set_while_entities_come_go_and_change(void)
{
	struct query *query = query_of((struct query_text){.q = STR("n>=20"), .type = STR("Odd,Even")});
	struct known want[COUNT];
	int count = wanted(want, 20, NULL), got[COUNT], again;
	struct entity_map *map = map_of(query, NULL);
	struct seen seen;

	CHECK(ids_in(map) == count);
	CHECK(follow(query, map, 7, got) == count);
	for (int i = 0; i < count; i++)
		CHECK(got[i] == want[i].index);
	/* One leaves, one no longer matches, one new entity matches: it is not of the set. */
	take_away(want[1].index);
	put(BROKER_UPSERT, want[3].index, 0);
	put(BROKER_CREATE, 900, 39);
	struct broker_page_result result = ask(query, (struct broker_page){.limit = 3, .map = map}, &seen);

	CHECK(seen.count == 3 && seen.indices[0] == want[0].index && seen.indices[1] == want[2].index &&
	      seen.indices[2] == want[4].index);
	CHECK(result.behind == 5 && result.more && result.first == 0);
	CHECK(ids_in(map) == count - 2);
	again = follow(query, map, 5, got);
	CHECK(again == count - 2);
	for (int i = 0; i < again; i++)
		CHECK(got[i] != 900 && got[i] != want[1].index && got[i] != want[3].index);
	/* Back from the place that the first page ended at: its three are found again. */
	result = ask(query, (struct broker_page){.offset = result.behind, .limit = 3, .map = map}, &seen);
	CHECK(seen.count == 3 && result.before == 0);
	/* The count is of those that match now. */
	result = ask(query, (struct broker_page){.limit = 0, .count = true, .map = map}, &seen);
	CHECK(result.total == (uint64_t)(count - 2) && result.more);
	/* Far beyond the end: the last one. */
	result = ask(query, (struct broker_page){.offset = 9999, .limit = 3, .map = map, .last_when_beyond = true},
		     &seen);
	CHECK(seen.count == 1 && seen.indices[0] == want[count - 1].index && !result.more);
	struct broker_item item = {.operation = BROKER_DELETE, .id = STR("urn:x:900")};

	CHECK(apply(&item) == ERR_OK);
	put(BROKER_UPSERT, want[3].index, want[3].n);
	(void)entity_map_unref(map);
	query_done(query);
}

static void another_query_does_not_thin_the_map(void)
{
	struct query *all = query_of((struct query_text){.type = STR("Odd,Even")});
	struct query *few = query_of((struct query_text){.q = STR("n>=35"), .type = STR("Odd,Even")});
	struct entity_map *map = map_of(all, NULL);
	struct known want[COUNT];
	struct seen seen;
	int all_count = wanted(want, 0, NULL), count = wanted(want, 35, NULL);

	ask(few, (struct broker_page){.limit = COUNT, .map = map, .map_keeps = true}, &seen);
	CHECK(seen.count == count && ids_in(map) == all_count);
	ask(few, (struct broker_page){.limit = COUNT, .map = map}, &seen);
	CHECK(seen.count == count && ids_in(map) == count);
	(void)entity_map_unref(map);
	query_done(all);
	query_done(few);
}

static void a_map_is_in_its_order_and_can_be_put_into_another(void)
{
	struct query *query = query_of((struct query_text){.q = STR("n>=10"), .type = STR("Odd,Even")});
	struct order *up = order_of("n"), *down = order_of("n;desc");
	struct entity_map *map = map_of(query, up);
	struct known want[COUNT];
	int got[COUNT] = {0}, count = wanted(want, 10, by_n);
	struct seen seen;

	CHECK(follow(query, map, 11, got) == count);
	for (int i = 0; i < count; i++)
		CHECK(got[i] == want[i].index);
	CHECK(wanted(want, 10, by_n_down) == count);
	struct broker_page_result result =
		ask(query, (struct broker_page){.offset = 5, .limit = 20, .map = map, .order = down}, &seen);

	/* Equals keep the map's order: that of creation, as before. */
	check_page(&seen, want, count, 5, 20);
	CHECK(result.behind == 25 && result.before == 0);
	(void)entity_map_unref(map);
	order_done(up);
	order_done(down);
	query_done(query);
}

static void maps_expire_are_deleted_and_belong_to_a_tenant(void)
{
	struct query *query = query_of((struct query_text){.type = STR("Odd")});
	const struct entity_map_marks marks = {1, 2, 3};
	struct entity_map *map = map_of(query, NULL), *found = NULL;
	struct str id = arena_dup(&arena, entity_map_id(map));

	CHECK(str_starts(id, STR(ENTITY_MAP_ID_PREFIX)));
	CHECK(entity_map_expires_us(map) == test_clock() + ENTITY_MAP_LIFE_US);
	CHECK_OK(broker_map_find(broker, STR_NONE, id, &found, &err), &err);
	CHECK(found == map && entity_map_marks(found)->query == 2);
	(void)entity_map_unref(found);
	CHECK(broker_map_find(broker, STR("osaka"), id, &found, &err) == ERR_NOT_FOUND);
	CHECK(broker_map_delete(broker, STR("osaka"), id, &err) == ERR_NOT_FOUND);
	CHECK_OK(broker_map_set_expiry(broker, STR_NONE, id, INT64_MAX, &err), &err);
	CHECK(entity_map_expires_us(map) == test_clock() + ENTITY_MAP_LIFE_US_MAX);
	CHECK_OK(broker_map_set_expiry(broker, STR_NONE, id, test_clock() + 5, &err), &err);
	atomic_fetch_add(&clock_now, 5);
	CHECK(broker_map_find(broker, STR_NONE, id, &found, &err) == ERR_NOT_FOUND);
	CHECK(broker_map_set_expiry(broker, STR_NONE, id, INT64_MAX, &err) == ERR_NOT_FOUND);
	(void)entity_map_unref(map); /* whoever holds one may read on */
	CHECK_OK(broker_map_make(reader, STR_NONE, query, NULL, &marks, INT64_MAX, &map, &err), &err);
	CHECK(entity_map_expires_us(map) == test_clock() + ENTITY_MAP_LIFE_US_MAX);
	CHECK_OK(broker_map_delete(broker, STR_NONE, entity_map_id(map), &err), &err);
	CHECK(broker_map_delete(broker, STR_NONE, entity_map_id(map), &err) == ERR_NOT_FOUND);
	(void)entity_map_unref(map);
	query_done(query);
}

static void the_map_unused_for_longest_makes_room(void)
{
	const struct entity_map_marks marks = {0, 0, 0};
	struct entity_map *map, *found;
	struct str first = STR_NONE, second = STR_NONE;

	for (unsigned i = 0; i <= ENTITY_MAPS_MAX; i++) {
		CHECK_OK(broker_map_make_one(broker, STR_NONE, STR("urn:x:000"), &marks, 0, &map, &err), &err);
		if (i == 0)
			first = arena_dup(&arena, entity_map_id(map));
		else if (i == 1)
			second = arena_dup(&arena, entity_map_id(map));
		(void)entity_map_unref(map);
		if (broker_map_find(broker, STR_NONE, first, &found, &err) == ERR_OK)
			(void)entity_map_unref(found);
		else
			CHECK(false);
	}
	CHECK(broker_map_find(broker, STR_NONE, second, &found, &err) == ERR_NOT_FOUND);
}

/* ---- threads ---- */

#define THREADS 4

static void *page_through(void *self)
{
	struct entity_map *map = self;
	struct broker_reader *own = NULL;
	struct json_parser *own_parser = json_parser_new();
	struct arena own_arena;
	struct query *query = NULL;
	struct error own_err;
	const struct query_text text = {.q = STR("n>=5")};
	const struct entity_map_marks marks = {0, 0, 0};

	arena_init(&own_arena, 1u << 20);
	bool good = broker_reader_new(broker, &own, &own_err) == ERR_OK &&
		    query_new(&own_arena, own_parser, &text, broker_core_context(broker), &query, &own_err) == ERR_OK;

	for (int round = 0; good && round < 10; round++) {
		struct broker_page page = {.limit = 20, .map = map};
		struct broker_page_result result = {.more = true};

		while (good && result.more) {
			struct seen seen = {.count = 0};

			good = broker_query(own, STR_NONE, query, &page, see, &seen, &result, &own_err) == ERR_OK;
			page.offset = result.behind;
		}
		struct entity_map *made = NULL, *found = NULL;

		good = good &&
		       broker_map_make_one(broker, STR_NONE, STR("urn:x:1"), &marks, 0, &made, &own_err) == ERR_OK;
		if (good && broker_map_find(broker, STR_NONE, entity_map_id(made), &found, &own_err) == ERR_OK)
			(void)entity_map_unref(found);
		(void)entity_map_unref(made);
	}
	query_done(query);
	(void)broker_reader_free(own);
	(void)json_parser_free(own_parser);
	arena_done(&own_arena);
	return good ? self : NULL;
}

static void threads_share_maps(void)
{
	struct query *query = query_of((struct query_text){.type = STR("Odd,Even")});
	struct entity_map *map = map_of(query, NULL);
	pthread_t threads[THREADS];
	struct known want[COUNT];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, page_through, map) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *good = NULL;

		CHECK(pthread_join(threads[i], &good) == 0 && good);
	}
	CHECK(ids_in(map) == wanted(want, 5, NULL));
	(void)entity_map_unref(map);
	query_done(query);
}

/* ---- running ---- */

static void run_all(const char *path)
{
	struct broker_options options = {.data_path = path, .create = true, .clock_us = test_clock};

	atomic_store(&clock_now, START_US);
	printf("# store: %s\n", path ? path : "memory");
	if (!CHECK_OK(broker_new(&options, &broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, &err), &err))
		abort();
	fill();
	RUN(every_page_of_every_order_is_what_sorting_gives);
	RUN(an_offset_beyond_the_end_gives_the_last_one);
	RUN(several_selectors_are_any_of_them);
	RUN(an_order_keeps_no_more_than_it_needs_and_may);
	RUN(a_map_keeps_the_set_while_entities_come_go_and_change);
	RUN(another_query_does_not_thin_the_map);
	RUN(a_map_is_in_its_order_and_can_be_put_into_another);
	RUN(maps_expire_are_deleted_and_belong_to_a_tenant);
	RUN(the_map_unused_for_longest_makes_room);
	RUN(threads_share_maps);
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
	arena_clear(&arena);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[200], file[300];

	(void)snprintf(path, sizeof(path), "%s/machi-test-pages-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		return EXIT_FAILURE;
	parser = json_parser_new();
	arena_init(&arena, 256u << 20);
	run_all(NULL);
	run_all(path);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(file, sizeof(file), "%s/machi.db%s", path, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
		(void)unlink(file);
	}
	(void)snprintf(file, sizeof(file), "%s/tenants", path);
	(void)rmdir(file);
	(void)rmdir(path);
	arena_done(&arena);
	parser = json_parser_free(parser);
	return check_done();
}
