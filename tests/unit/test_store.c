/* What a store promises, on every kind of store: the same cases run against SQLite and memory. Expected values follow
 * from the promises in store/store.h; the order of candidates is that of creation. */
#include "gate_util.h"

static const struct test_folder *folder; /* of the run */
static bool kind_sqlite;

static struct store *open_store(void)
{
	return open_kind(kind_sqlite, folder);
}

static void close_store(struct store *store)
{
	(void)store_free(store);
	if (kind_sqlite) {
		check_clean(folder->file);
		(void)unlink(folder->file);
	}
}

static struct store_reader *open_reader(struct store *store)
{
	struct store_reader *reader = NULL;
	struct error err = {0};

	if (!CHECK_OK(store_reader_new(store, &reader, &err), &err))
		abort();
	return reader;
}

static bool stored_is(struct store_reader *reader, const char *id, const char *text)
{
	struct arena arena;
	struct str bytes = STR_NONE;

	arena_init(&arena, 1 << 24);
	enum err_code code = store_get(reader, str_from(id), &arena, &bytes, NULL);
	bool same = text ? code == ERR_OK && str_eq(bytes, str_from(text)) : code == ERR_NOT_FOUND;

	if (!same)
		printf("# %s: %s, %.*s\n", id, err_name(code), STR_FMT(bytes));
	arena_done(&arena);
	return same;
}

#define ENTITY(id, rest) "{\"id\":\"" id "\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1" rest "}"
#define NUMBER(iri, n) ",\"" iri "\":[{\"type\":\"Property\",\"value\":" n ",\"createdAt\":1}]"

/* ---- one entity ---- */

static void what_is_put_is_read_back_to_the_byte(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct error err = {0};
	const char *text = ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "12.50") NUMBER(NAME_IRI, "\"こまち \\\"3\\\"\""));

	CHECK(stored_is(reader, "urn:bus:1", NULL));
	CHECK_OK(upsert(store, text, &err), &err);
	CHECK(stored_is(reader, "urn:bus:1", text));
	text = ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "9007199254740993"));
	CHECK_OK(upsert(store, text, &err), &err);
	CHECK(stored_is(reader, "urn:bus:1", text));
	CHECK_OK(remove_entity(store, "urn:bus:1", &err), &err);
	CHECK(stored_is(reader, "urn:bus:1", NULL));
	CHECK(remove_entity(store, "urn:bus:1", &err) == ERR_NOT_FOUND);
	(void)store_reader_free(reader);
	close_store(store);
}

static enum err_code put_new(struct store_txn *txn, void *self, struct error *err)
{
	return store_txn_put(txn, NULL, txn_parse(txn, self), err);
}

static enum err_code put_over(struct store_txn *txn, void *self, struct error *err)
{
	struct json *entity = txn_parse(txn, self);

	return store_txn_put(txn, entity, entity, err);
}

static char bus_1[] = ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "1"));
static char bus_no_id[] = "{\"type\":[\"" BUS_IRI "\"]}";

static void a_new_entity_must_be_new_and_an_old_one_there(void)
{
	struct store *store = open_store();
	struct error err = {0};

	CHECK(apply(store, put_over, bus_1, &err) == ERR_NOT_FOUND);
	CHECK_OK(apply(store, put_new, bus_1, &err), &err);
	CHECK(apply(store, put_new, bus_1, &err) == ERR_EXISTS);
	CHECK(str_contains(str_from(err.detail), STR("urn:bus:1")));
	CHECK_OK(apply(store, put_over, bus_1, &err), &err);
	CHECK(apply(store, put_new, bus_no_id, &err) == ERR_INVALID);
	close_store(store);
}

static enum err_code read_own_writes(struct store_txn *txn, void *self, struct error *err)
{
	struct json *entity = NULL;

	(void)self;
	CHECK(store_txn_get(txn, STR("urn:bus:1"), &entity, NULL) == ERR_NOT_FOUND && !entity);
	CHECK_OK(txn_upsert(txn, bus_1, err), err);
	CHECK_OK(store_txn_get(txn, STR("urn:bus:1"), &entity, err), err);
	CHECK_OK(store_txn_delete(txn, entity, err), err);
	CHECK(store_txn_get(txn, STR("urn:bus:1"), &entity, NULL) == ERR_NOT_FOUND);
	CHECK_OK(txn_upsert(txn, bus_1, err), err);
	CHECK_OK(store_txn_get(txn, STR("urn:bus:1"), &entity, err), err);
	return ERR_OK;
}

static void a_write_sees_what_it_wrote(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct store_stats stats;
	struct error err = {0};

	CHECK_OK(apply(store, read_own_writes, NULL, &err), &err);
	CHECK(stored_is(reader, "urn:bus:1", bus_1));
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.entities == 1 && stats.writes == 1 && stats.write_errors == 0);
	(void)store_reader_free(reader);
	close_store(store);
}

/* ---- atomicity ---- */

struct failing {
	const char *first, *second;
	enum err_code code;
};

static enum err_code put_then_fail(struct store_txn *txn, void *self, struct error *err)
{
	const struct failing *failing = self;
	enum err_code code = txn_upsert(txn, failing->first, err);

	if (code == ERR_OK && failing->second)
		code = txn_upsert(txn, failing->second, err);
	return code ? code : err_set(err, failing->code, "as wished");
}

static void a_write_that_fails_leaves_nothing(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct store_stats stats;
	struct error err = {0};
	struct failing failing = {ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "2")),
				  ENTITY("urn:bus:2", NUMBER(NOTE_IRI, "\"new name\"")), ERR_INVALID};

	CHECK_OK(upsert(store, bus_1, &err), &err);
	CHECK(apply(store, put_then_fail, &failing, &err) == ERR_INVALID);
	CHECK(str_eq(str_from(err.detail), STR("as wished")));
	CHECK(stored_is(reader, "urn:bus:1", bus_1) && stored_is(reader, "urn:bus:2", NULL));
	/* The attribute's name was new in the write that failed: what was remembered of it must be forgotten. */
	CHECK_OK(upsert(store, failing.second, &err), &err);
	CHECK(stored_is(reader, "urn:bus:2", failing.second));
	struct narrow_attribute note = {.attribute_iri = STR(NOTE_IRI), .op = NARROW_EXISTS};
	struct id_list list;

	CHECK_STR(scan_ids(reader, &(struct narrow){.attributes = &note, .attribute_count = 1}, &list),
		  STR("urn:bus:2"));
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.entities == 2 && stats.write_errors == 1);
	(void)store_reader_free(reader);
	close_store(store);
}

#define BATCH 40

static void failing_writes_take_nobody_with_them(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct store_stats stats;
	struct error err = {0};
	struct gate gate;
	struct queued first, writes[BATCH];
	struct failing failing[BATCH];
	char texts[BATCH][200], other[BATCH][200];

	gate_shut(store, &gate, &first);
	for (int i = 0; i < BATCH; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), ENTITY("urn:bus:%d", NUMBER(SPEED_IRI, "%d")), i, i);
		(void)snprintf(other[i], sizeof(other[i]), ENTITY("urn:stop:%d", ""), i);
		failing[i] = (struct failing){texts[i], other[i], ERR_CONFLICT};
		if (i % 4 == 1) /* fails after two changes */
			gate_submit(store, &gate, &writes[i], put_then_fail, &failing[i]);
		else if (i % 4 == 3) /* fails before any change: the id is there already, from the write before */
			gate_submit(store, &gate, &writes[i], put_new, texts[i - 1]);
		else
			gate_submit(store, &gate, &writes[i], upsert_body, texts[i]);
	}
	gate_open(&gate, BATCH + 1);
	for (int i = 0; i < BATCH; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "urn:bus:%d", i);
		CHECK(stored_is(reader, id, i % 2 ? NULL : texts[i]));
		(void)snprintf(id, sizeof(id), "urn:stop:%d", i);
		CHECK(stored_is(reader, id, NULL));
		CHECK(writes[i].code == (i % 4 == 1 ? ERR_CONFLICT : i % 4 == 3 ? ERR_EXISTS : ERR_OK));
		CHECK(writes[i].order == i + 1 && writes[i].test.runs >= 1 && writes[i].test.runs <= 2);
	}
	CHECK(str_eq(str_from(writes[1].detail), STR("as wished")));
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.writes == BATCH + 1 && stats.write_errors == BATCH / 2);
	CHECK(stats.commits == 2 && stats.replays == 1 && stats.queue_depth == 0);
	(void)store_reader_free(reader);
	close_store(store);
}

static void writes_that_fail_before_a_change_repeat_nobody(void)
{
	struct store *store = open_store();
	struct store_stats stats;
	struct error err = {0};
	struct gate gate;
	struct queued first, writes[BATCH];

	CHECK_OK(upsert(store, bus_1, &err), &err);
	gate_shut(store, &gate, &first);
	for (int i = 0; i < BATCH; i++)
		gate_submit(store, &gate, &writes[i], i % 2 ? put_new : upsert_body, bus_1);
	gate_open(&gate, BATCH + 1);
	for (int i = 0; i < BATCH; i++)
		CHECK(writes[i].test.runs == 1 && writes[i].code == (i % 2 ? ERR_EXISTS : ERR_OK));
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.replays == 0 && stats.commits == 3);
	close_store(store);
}

static void the_queue_is_bounded_and_drained_at_the_end(void)
{
	struct store *store = open_store();
	struct error err = {0};
	struct gate gate;
	struct queued first;
	CLEANUP_MEMORY struct queued *writes = calloc(STORE_QUEUE_MAX + 1, sizeof(*writes));

	gate_shut(store, &gate, &first);
	for (int i = 0; i < STORE_QUEUE_MAX; i++)
		gate_submit(store, &gate, &writes[i], upsert_body, bus_1);
	writes[STORE_QUEUE_MAX] = writes[0];
	CHECK(store_submit(store, &writes[STORE_QUEUE_MAX].test.write, &err) == ERR_LIMIT);
	gate_open(&gate, 0);
	close_store(store); /* finishes what waits */
	CHECK(gate.done == STORE_QUEUE_MAX + 1);
	for (int i = 0; i < STORE_QUEUE_MAX; i++)
		CHECK(writes[i].code == ERR_OK && writes[i].order == i + 1);
}

/* ---- marks and ids ---- */

static enum err_code set_marks(struct store_txn *txn, void *self, struct error *err)
{
	bool second = self != NULL;
	enum err_code code = store_txn_set_meta(txn, STR("feed"), second ? STR("") : STR("2026-11"), err);

	if (code == ERR_OK)
		code = store_txn_set_meta(txn, STR("other"), second ? STR_NONE : STR("x"), err);
	return code;
}

static enum err_code set_reserved_mark(struct store_txn *txn, void *self, struct error *err)
{
	(void)self;
	return store_txn_set_meta(txn, STR("schema_version"), STR("9"), err);
}

static bool mark_is(struct store_reader *reader, const char *key, const char *value)
{
	struct arena arena;
	struct str got = STR("?");
	struct error err = {0};

	arena_init(&arena, 1 << 16);
	CHECK_OK(store_get_meta(reader, str_from(key), &arena, &got, &err), &err);
	bool same = str_eq(got, str_from(value));

	arena_done(&arena);
	return same;
}

static void marks_are_kept_beside_the_entities(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct error err = {0};
	int second = 1;

	CHECK(mark_is(reader, "feed", ""));
	CHECK_OK(apply(store, set_marks, NULL, &err), &err);
	CHECK(mark_is(reader, "feed", "2026-11") && mark_is(reader, "other", "x"));
	CHECK_OK(apply(store, set_marks, &second, &err), &err);
	CHECK(mark_is(reader, "feed", "") && mark_is(reader, "other", ""));
	CHECK(apply(store, set_reserved_mark, NULL, &err) == ERR_INVALID);
	(void)store_reader_free(reader);
	close_store(store);
}

struct ids {
	struct store_txn *txn;
	char text[8192];
	size_t len;
	int count, stop_at;
	bool remove;
};

static bool take_id(void *self, struct str id)
{
	struct ids *ids = self;
	struct json *before;
	struct error err = {0};

	if (ids->remove) {
		CHECK_OK(store_txn_get(ids->txn, id, &before, &err), &err);
		CHECK_OK(store_txn_delete(ids->txn, before, &err), &err);
	} else if (ids->len < sizeof(ids->text)) {
		ids->len += (size_t)snprintf(ids->text + ids->len, sizeof(ids->text) - ids->len, "%.*s ", STR_FMT(id));
	}
	return ++ids->count != ids->stop_at;
}

static enum err_code each_bus(struct store_txn *txn, void *self, struct error *err)
{
	((struct ids *)self)->txn = txn;
	return store_txn_each_id(txn, STR("urn:bus:"), take_id, self, err);
}

static enum err_code put_many(struct store_txn *txn, void *self, struct error *err)
{
	char text[128];

	for (int i = 0; i < *(int *)self; i++) {
		(void)snprintf(text, sizeof(text), ENTITY("urn:bus:%04d", ""), i);
		enum err_code code = txn_upsert(txn, text, err);

		if (code)
			return code;
	}
	return ERR_OK;
}

static void ids_with_a_prefix_come_in_byte_order(void)
{
	struct store *store = open_store();
	struct error err = {0};
	struct ids ids = {.count = 0};

	CHECK_OK(upsert(store, ENTITY("urn:bus:Z", ""), &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:a", ""), &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:", ""), &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus;", ""), &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bu", ""), &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:あ", ""), &err), &err);
	CHECK_OK(apply(store, each_bus, &ids, &err), &err);
	CHECK_STR(str_from(ids.text), STR("urn:bus: urn:bus:Z urn:bus:a urn:bus:あ "));
	ids = (struct ids){.stop_at = 2};
	CHECK_OK(apply(store, each_bus, &ids, &err), &err);
	CHECK_STR(str_from(ids.text), STR("urn:bus: urn:bus:Z "));
	close_store(store);
}

static void ids_may_be_deleted_while_they_are_listed(void)
{
	struct store *store = open_store();
	struct store_stats stats;
	struct error err = {0};
	struct ids ids = {.remove = true};
	int count = 1000;

	CHECK_OK(apply(store, put_many, &count, &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:stop:1", ""), &err), &err);
	CHECK_OK(apply(store, each_bus, &ids, &err), &err);
	CHECK(ids.count == count);
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.entities == 1);
	close_store(store);
}

/* ---- history ---- */

struct points {
	char text[4096];
	size_t len;
};

static bool take_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct points *points = self;

	points->len += (size_t)snprintf(points->text + points->len, sizeof(points->text) - points->len, "%lld%c%.*s ",
					(long long)at_us, "cud"[kind], STR_FMT(bytes));
	return true;
}

static const char *points_of(struct store_reader *reader, const char *id, const char *dataset, int64_t from, int64_t to,
			     struct points *points)
{
	struct error err = {0};

	*points = (struct points){.len = 0};
	CHECK_OK(store_history(reader, str_from(id), STR(SPEED_IRI), str_from(dataset), from, to, take_point, points,
			       &err),
		 &err);
	return points->text;
}

struct happening {
	const char *id, *dataset, *before, *after;
	enum change_kind kind;
	int64_t now_us;
	bool fail;
};

static enum err_code happen(struct store_txn *txn, void *self, struct error *err)
{
	const struct happening *h = self;
	struct change change = {.kind = h->kind,
				.attribute_iri = STR(SPEED_IRI),
				.dataset_id = str_from(h->dataset),
				.before = h->before ? txn_parse(txn, h->before) : NULL,
				.after = h->after ? txn_parse(txn, h->after) : NULL};
	enum err_code code = store_txn_history(txn, str_from(h->id), &change, h->now_us, err);

	return code ? code : h->fail ? err_set(err, ERR_CONFLICT, "as wished") : ERR_OK;
}

static void do_happen(struct store *store, struct happening h)
{
	struct error err = {0};

	CHECK(apply(store, happen, &h, &err) == (h.fail ? ERR_CONFLICT : ERR_OK));
}

#define S1 "{\"type\":\"Property\",\"value\":1,\"createdAt\":10}"
#define S2 "{\"type\":\"Property\",\"value\":2.50,\"createdAt\":10,\"modifiedAt\":20,\"urn:x:sub\":[{\"a\":[1]}]}"
#define S3 "{\"type\":\"Property\",\"value\":3,\"observedAt\":\"1970-01-01T00:00:00.000015Z\",\"createdAt\":10}"

static void history_is_told_in_time_order_to_the_byte(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct store_stats stats;
	struct error err = {0};
	struct points points;

	do_happen(store, (struct happening){"urn:bus:1", "", NULL, S1, CHANGE_CREATED, 10, false});
	do_happen(store, (struct happening){"urn:bus:1", "", S1, S2, CHANGE_UPDATED, 20, false});
	/* Observed between the two, reported an hour later. */
	do_happen(store, (struct happening){"urn:bus:1", "", S2, S3, CHANGE_UPDATED, 3600 * US_PER_S, false});
	do_happen(store, (struct happening){"urn:bus:1", "", S3, NULL, CHANGE_DELETED, 7200 * US_PER_S, false});
	do_happen(store, (struct happening){"urn:bus:1", "urn:d", NULL, S1, CHANGE_CREATED, 10, false});
	do_happen(store, (struct happening){"urn:bus:2", "", NULL, S1, CHANGE_CREATED, 10, false});
	do_happen(store, (struct happening){"urn:bus:1", "", NULL, S1, CHANGE_CREATED, 10, true});
	CHECK_STR(str_from(points_of(reader, "urn:bus:1", "", INT64_MIN, INT64_MAX, &points)),
		  STR("10c" S1 " 15u" S3 " 20u" S2 " 7200000000d" S3 " "));
	CHECK_STR(str_from(points_of(reader, "urn:bus:1", "", 15, 20, &points)), STR("15u" S3 " 20u" S2 " "));
	CHECK_STR(str_from(points_of(reader, "urn:bus:1", "urn:d", 0, 100, &points)), STR("10c" S1 " "));
	CHECK_STR(str_from(points_of(reader, "urn:bus:3", "", 0, 100, &points)), STR(""));
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.history_rows == 6);
	(void)store_reader_free(reader);
	close_store(store);
}

static void points_of_one_moment_keep_their_order(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct points points;

	do_happen(store, (struct happening){"urn:bus:1", "", NULL, S1, CHANGE_CREATED, 10, false});
	do_happen(store, (struct happening){"urn:bus:1", "", S1, NULL, CHANGE_DELETED, 10, false});
	do_happen(store, (struct happening){"urn:bus:1", "", NULL, S1, CHANGE_CREATED, 11, false});
	CHECK_STR(str_from(points_of(reader, "urn:bus:1", "", 10, 10, &points)), STR("10c" S1 " 10d" S1 " 10c" S1 " "));
	(void)store_reader_free(reader);
	close_store(store);
}

static void history_survives_the_entity(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct error err = {0};
	struct points points;

	CHECK_OK(upsert(store, bus_1, &err), &err);
	do_happen(store, (struct happening){"urn:bus:1", "", NULL, S1, CHANGE_CREATED, 10, false});
	CHECK_OK(remove_entity(store, "urn:bus:1", &err), &err);
	CHECK_OK(upsert(store, bus_1, &err), &err);
	do_happen(store, (struct happening){"urn:bus:1", "", S1, S2, CHANGE_UPDATED, 20, false});
	CHECK_STR(str_from(points_of(reader, "urn:bus:1", "", 0, 100, &points)), STR("10c" S1 " 20u" S2 " "));
	(void)store_reader_free(reader);
	close_store(store);
}

struct prune {
	const char *prefix;
	int64_t before_us;
	uint32_t rows_max, rows;
	bool fail;
};

static enum err_code prune_body(struct store_txn *txn, void *self, struct error *err)
{
	struct prune *prune = self;
	enum err_code code = store_txn_prune_history(txn, str_from(prune->prefix), prune->before_us, prune->rows_max,
						     &prune->rows, err);

	return code ? code : prune->fail ? err_set(err, ERR_CONFLICT, "as wished") : ERR_OK;
}

static uint32_t do_prune(struct store *store, struct prune prune)
{
	struct error err = {0};

	CHECK(apply(store, prune_body, &prune, &err) == (prune.fail ? ERR_CONFLICT : ERR_OK));
	return prune.rows;
}

/* 40 moments, 20 s apart, of three subjects, so that they lie in several slices. */
static void fill_history(struct store *store)
{
	static const char *const ids[] = {"urn:bus:1", "urn:bus:2", "urn:stop:1"};
	char text[160];

	for (int i = 0; i < 40; i++) {
		int64_t at_us = i * 20 * US_PER_S;

		for (int k = 0; k < 3; k++) {
			(void)snprintf(text, sizeof(text), "{\"type\":\"Property\",\"value\":%d,\"createdAt\":%lld}", i,
				       (long long)at_us);
			do_happen(store, (struct happening){ids[k], "", NULL, text, CHANGE_CREATED, at_us, false});
		}
	}
}

static size_t count_points(struct store_reader *reader, const char *id)
{
	struct points points;
	const char *text = points_of(reader, id, "", INT64_MIN, INT64_MAX, &points);
	size_t count = 0;

	for (; *text; text++)
		count += *text == ' ';
	return count;
}

static void old_history_is_pruned_by_prefix_in_bounded_steps(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct store_stats stats;
	struct error err = {0};
	int64_t half = 20 * 20 * US_PER_S;

	fill_history(store);
	CHECK(do_prune(store, (struct prune){.prefix = "urn:bus:", .before_us = half, .rows_max = 100, .fail = true}) ==
	      40);
	CHECK(count_points(reader, "urn:bus:1") == 40);
	CHECK(do_prune(store, (struct prune){.prefix = "urn:bus:", .before_us = half, .rows_max = 7}) == 7);
	CHECK(do_prune(store, (struct prune){.prefix = "urn:bus:", .before_us = half, .rows_max = 7}) == 7);
	CHECK(do_prune(store, (struct prune){.prefix = "urn:bus:", .before_us = half, .rows_max = 1000}) == 26);
	CHECK(do_prune(store, (struct prune){.prefix = "urn:bus:", .before_us = half, .rows_max = 1000}) == 0);
	CHECK(count_points(reader, "urn:bus:1") == 20 && count_points(reader, "urn:bus:2") == 20);
	CHECK(count_points(reader, "urn:stop:1") == 40);
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.history_rows == 80);
	/* One step further, then all of it. */
	CHECK(do_prune(store, (struct prune){.prefix = "urn:bus:", .before_us = half + 1, .rows_max = 1000}) == 2);
	CHECK(do_prune(store, (struct prune){.prefix = "", .before_us = INT64_MAX, .rows_max = 10}) == 10);
	CHECK(do_prune(store, (struct prune){.prefix = "", .before_us = INT64_MAX, .rows_max = 1000}) == 68);
	CHECK_OK(store_stats(store, &stats, &err), &err);
	CHECK(stats.history_rows == 0 && count_points(reader, "urn:stop:1") == 0);
	(void)store_reader_free(reader);
	close_store(store);
}

/* ---- candidates ---- */

static void put_scene(struct store *store)
{
	static const char *const texts[] = {
		"{\"id\":\"urn:bus:1\",\"type\":[\"" BUS_IRI
		"\"],\"scope\":[\"/sg/west\",\"fleet/a\",\"/fleet/a\"],\"createdAt\":1" NUMBER(
			SPEED_IRI, "30") ",\"" LOCATION_IRI
					 "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":"
					 "[103.70,1.35]},\"createdAt\":1}]}",
		"{\"id\":\"urn:stop:1\",\"type\":[\"" STOP_IRI
		"\",\"https://example.org/Shelter\"],\"scope\":[\"/sg\"],\"createdAt\":2" NUMBER(
			NAME_IRI, "\"Jurong East\"") ",\"" LOCATION_IRI
						     "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\","
						     "\"coordinates\":[103.74,1.33]},\"createdAt\":1}]}",
		"{\"id\":\"urn:bus:2\",\"type\":[\"" BUS_IRI
		"\"],\"scope\":[\"/sgx\"],\"createdAt\":3" NUMBER(SPEED_IRI, "-4.5")
			NUMBER(NAME_IRI, "[\"Alpha\",7,{\"x\":1}]") "}",
		"{\"id\":\"urn:stop:2\",\"type\":[\"" STOP_IRI "\"],\"createdAt\":4" NUMBER(SPEED_IRI, "true")
			NUMBER(NAME_IRI, "\"Zoo\"") "}",
		"{\"id\":\"urn:bus:3\",\"type\":[\"" BUS_IRI "\",\"" STOP_IRI "\"],\"createdAt\":5,\"" SPEED_IRI
		"\":[{\"type\":\"Property\",\"value\":10,\"createdAt\":1},"
		"{\"type\":\"Property\",\"value\":80,\"datasetId\":\"urn:gps\",\"createdAt\":1}]}",
	};
	struct error err = {0};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK_OK(upsert(store, texts[i], &err), &err);
}

static void expect_ids(struct store_reader *reader, const struct narrow *narrow, const char *ids, int line)
{
	struct id_list list;
	struct error err = {0};
	uint64_t count = 0, expected = *ids != '\0';

	for (const char *c = ids; *c; c++)
		expected += *c == ' ';
	check_str(scan_ids(reader, narrow, &list), str_from(ids), "candidates", __FILE__, line);
	CHECK_OK(store_count(reader, narrow, &count, &err), &err);
	check_true(count == expected, "count of candidates", __FILE__, line);
}

#define EXPECT_IDS(ids, ...) expect_ids(reader, &(struct narrow){__VA_ARGS__}, ids, __LINE__)
#define TYPES(...)                                                                                                     \
	.type_iris = (const struct str[]){__VA_ARGS__},                                                                \
	.type_count = sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)
#define IDS(...)                                                                                                       \
	.ids = (const struct str[]){__VA_ARGS__},                                                                      \
	.id_count = sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)
#define ATTRIBUTE(iri, ...)                                                                                            \
	.attributes = &(const struct narrow_attribute){.attribute_iri = STR(iri), __VA_ARGS__}, .attribute_count = 1

static void candidates_by_type_and_id(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);

	put_scene(store);
	EXPECT_IDS("urn:bus:1 urn:stop:1 urn:bus:2 urn:stop:2 urn:bus:3", .exact = true);
	EXPECT_IDS("urn:bus:1 urn:bus:2 urn:bus:3", TYPES(STR(BUS_IRI)), .exact = true);
	EXPECT_IDS("urn:bus:1 urn:stop:1 urn:bus:2 urn:stop:2 urn:bus:3", TYPES(STR(BUS_IRI), STR(STOP_IRI)),
		   .exact = true);
	EXPECT_IDS("urn:stop:1", TYPES(STR("https://example.org/Shelter"), STR("https://example.org/None")),
		   .exact = true);
	EXPECT_IDS("", TYPES(STR("https://example.org/None")), .exact = true);
	EXPECT_IDS("urn:bus:1 urn:bus:3", IDS(STR("urn:bus:3"), STR("urn:none"), STR("urn:bus:1"), STR("urn:bus:3")),
		   .exact = true);
	EXPECT_IDS("urn:bus:3", IDS(STR("urn:bus:3"), STR("urn:stop:1")), TYPES(STR(BUS_IRI)), .exact = true);
	EXPECT_IDS("", IDS(STR("urn:none")), .exact = true);
	EXPECT_IDS("urn:stop:1 urn:stop:2", .id_prefix = STR("urn:stop"));
	EXPECT_IDS("urn:bus:3", .id_prefix = STR("urn:bus:3"));
	(void)store_reader_free(reader);
	close_store(store);
}

static void candidates_by_value_place_and_scope(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);

	put_scene(store);
	EXPECT_IDS("urn:bus:1 urn:bus:2 urn:stop:2 urn:bus:3", ATTRIBUTE(SPEED_IRI, .op = NARROW_EXISTS));
	EXPECT_IDS("urn:bus:1 urn:bus:3", ATTRIBUTE(SPEED_IRI, .op = NARROW_RANGE, .has_low = true, .low_number = 20));
	EXPECT_IDS("urn:bus:2", ATTRIBUTE(SPEED_IRI, .op = NARROW_RANGE, .has_high = true, .high_number = 0));
	EXPECT_IDS("urn:bus:1", ATTRIBUTE(SPEED_IRI, .op = NARROW_RANGE, .has_low = true, .low_number = 30,
					  .has_high = true, .high_number = 30));
	EXPECT_IDS("urn:stop:2",
		   ATTRIBUTE(NAME_IRI, .op = NARROW_RANGE, .is_text = true, .has_low = true, .low_text = STR("Z")));
	EXPECT_IDS("urn:bus:2",
		   ATTRIBUTE(NAME_IRI, .op = NARROW_RANGE, .is_text = true, .has_high = true, .high_text = STR("B")));
	EXPECT_IDS("urn:bus:2", ATTRIBUTE(NAME_IRI, .op = NARROW_RANGE, .has_low = true, .low_number = 7));
	EXPECT_IDS("", ATTRIBUTE("https://example.org/none", .op = NARROW_EXISTS));
	EXPECT_IDS("urn:bus:1 urn:stop:1", .scope_prefix = STR("/sg"));
	EXPECT_IDS("urn:bus:1", .scope_prefix = STR("/sg/west"));
	EXPECT_IDS("urn:bus:1", .scope_prefix = STR("/fleet"));
	EXPECT_IDS("urn:stop:1", .geo_attribute_iri = STR(LOCATION_IRI), .geo_box = {103.72, 1.30, 103.76, 1.34});
	EXPECT_IDS("", .geo_attribute_iri = STR(LOCATION_IRI), .geo_box = {103.75, 1.30, 103.76, 1.34});
	(void)store_reader_free(reader);
	close_store(store);
}

struct nested {
	struct store_reader *reader;
	size_t visits, inner;
};

static bool count_inner(void *self, struct str bytes)
{
	((struct nested *)self)->inner += bytes.len > 0;
	return true;
}

static bool scan_again(void *self, struct str bytes)
{
	struct nested *nested = self;
	struct error err = {0};
	struct narrow narrow = {TYPES(STR(BUS_IRI))};

	CHECK(bytes.len > 0);
	CHECK_OK(store_scan(nested->reader, &narrow, count_inner, nested, &err), &err);
	CHECK(stored_is(nested->reader, "urn:none", NULL));
	return ++nested->visits < 3;
}

struct tree_list {
	struct buf text;
	size_t count, stop_after;
};

static bool list_tree(void *self, struct json *entity)
{
	struct tree_list *list = self;

	json_write(&list->text, entity);
	return ++list->count != list->stop_after;
}

static bool list_text(void *self, struct str bytes)
{
	buf_put(&((struct tree_list *)self)->text, bytes);
	return true;
}

/* A tree stays whole when its reader, and with it the connection, is closed. */
static void trees_say_what_texts_say(void)
{
	struct store *store = open_store();
	struct json_parser *parser = json_parser_new();
	struct tree_list trees = {0}, texts = {0};
	struct narrow all = {.exact = true};
	struct json *entity = NULL;
	struct store_reader *reader = open_reader(store);
	struct error err = {0};
	struct arena arena, kept;
	struct str bytes;
	const struct store_tree_sight sight = {.visit = list_tree, .self = &trees, .parser = parser, .arena = &arena};

	arena_init(&arena, 1 << 20);
	arena_init(&kept, 1 << 20);
	buf_init(&trees.text, 1 << 20);
	buf_init(&texts.text, 1 << 20);
	CHECK_OK(upsert(store, ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "12.50") NUMBER(NAME_IRI, "\"こ\\n\"")), &err),
		 &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:2", NUMBER("urn:other", "1e3")), &err), &err);
	CHECK_OK(store_scan(reader, &all, list_text, &texts, &err), &err);
	CHECK_OK(store_scan_trees(reader, &all, &sight, &err), &err);
	CHECK(trees.count == 2);
	CHECK_STR(buf_str(&trees.text), buf_str(&texts.text));
	trees.stop_after = 3;
	CHECK_OK(store_scan_trees(reader, &all, &sight, &err), &err);
	CHECK(trees.count == 3);
	CHECK(store_get_tree(reader, STR("urn:none"), parser, &kept, &entity, NULL) == ERR_NOT_FOUND);
	CHECK_OK(store_get(reader, STR("urn:bus:1"), &kept, &bytes, &err), &err);
	CHECK_OK(store_get_tree(reader, STR("urn:bus:1"), parser, &kept, &entity, &err), &err);
	(void)store_reader_free(reader);
	buf_clear(&trees.text);
	if (entity)
		json_write(&trees.text, entity);
	CHECK_STR(buf_str(&trees.text), bytes);
	buf_done(&trees.text);
	buf_done(&texts.text);
	arena_done(&arena);
	arena_done(&kept);
	(void)json_parser_free(parser);
	close_store(store);
}

static void a_scan_may_stop_and_hold_another(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct nested nested = {.reader = reader};
	struct narrow narrow = {TYPES(STR(BUS_IRI))};
	struct error err = {0};

	put_scene(store);
	CHECK_OK(store_scan(reader, &narrow, scan_again, &nested, &err), &err);
	CHECK(nested.visits == 3 && nested.inner == 9);
	(void)store_reader_free(reader);
	close_store(store);
}

struct meanwhile {
	struct store *store;
	size_t visits;
};

static bool write_meanwhile(void *self, struct str bytes)
{
	struct meanwhile *meanwhile = self;
	struct error err = {0};
	char text[128];

	CHECK(bytes.len > 0);
	(void)snprintf(text, sizeof(text), ENTITY("urn:new:%zu", ""), meanwhile->visits++);
	CHECK_OK(upsert(meanwhile->store, text, &err), &err);
	return meanwhile->visits < 100;
}

static void a_scan_sees_one_moment_while_others_write(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct meanwhile meanwhile = {.store = store};
	struct narrow narrow = {TYPES(STR(BUS_IRI))};
	struct error err = {0};
	uint64_t count = 0;

	put_scene(store);
	CHECK_OK(store_scan(reader, &narrow, write_meanwhile, &meanwhile, &err), &err);
	CHECK(meanwhile.visits == 3);
	CHECK_OK(store_count(reader, &narrow, &count, &err), &err);
	CHECK(count == 6);
	(void)store_reader_free(reader);
	close_store(store);
}

static void an_entity_that_comes_back_is_the_newest(void)
{
	struct store *store = open_store();
	struct store_reader *reader = open_reader(store);
	struct error err = {0};

	put_scene(store);
	CHECK_OK(remove_entity(store, "urn:bus:1", &err), &err);
	CHECK_OK(upsert(store, bus_1, &err), &err);
	EXPECT_IDS("urn:bus:2 urn:bus:3 urn:bus:1", TYPES(STR(BUS_IRI)), .exact = true);
	(void)store_reader_free(reader);
	close_store(store);
}

int main(void)
{
	struct test_folder made;

	folder_make(&made);
	folder = &made;
	for (int kind = 0; kind < 2; kind++) {
		kind_sqlite = kind == 0;
		printf("# %s\n", kind_sqlite ? "SQLite" : "memory");
		RUN(what_is_put_is_read_back_to_the_byte);
		RUN(a_new_entity_must_be_new_and_an_old_one_there);
		RUN(a_write_sees_what_it_wrote);
		RUN(a_write_that_fails_leaves_nothing);
		RUN(failing_writes_take_nobody_with_them);
		RUN(writes_that_fail_before_a_change_repeat_nobody);
		RUN(the_queue_is_bounded_and_drained_at_the_end);
		RUN(marks_are_kept_beside_the_entities);
		RUN(ids_with_a_prefix_come_in_byte_order);
		RUN(ids_may_be_deleted_while_they_are_listed);
		RUN(history_is_told_in_time_order_to_the_byte);
		RUN(points_of_one_moment_keep_their_order);
		RUN(history_survives_the_entity);
		RUN(old_history_is_pruned_by_prefix_in_bounded_steps);
		RUN(candidates_by_type_and_id);
		RUN(candidates_by_value_place_and_scope);
		RUN(trees_say_what_texts_say);
		RUN(a_scan_may_stop_and_hold_another);
		RUN(a_scan_sees_one_moment_while_others_write);
		RUN(an_entity_that_comes_back_is_the_newest);
	}
	folder_remove(&made);
	return check_done();
}
