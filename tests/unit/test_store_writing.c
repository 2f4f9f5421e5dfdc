/* How the SQLite store writes: what it remembers, gathers and puts off must not show.
 *
 * Goal: row numbers that are only guessed, index rows written with the commit, sums stored with it, slices of the
 * history, and the log copied back beside the writer. Method: make each of them wrong or full, then ask through readers
 * and let the check compare everything in the file. */
#include "gate_util.h"

#include <time.h>

#define ENTITY(id, more)                                                                                               \
	"{\"id\":\"" id "\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1763785260000000,"                                \
	"\"modifiedAt\":1763785260000000" more "}"
#define NUMBER(iri, value) ",\"" iri "\":[{\"type\":\"Property\",\"value\":" value ",\"createdAt\":1}]"
#define DEADLINE_S 120

static struct store *open_store(const struct test_folder *folder)
{
	const struct store_options options = {.path = folder->file, .create = true};
	struct store *store = NULL;
	struct error err = {0};

	if (store_sqlite_open(&options, &store, &err) != ERR_OK) {
		printf("# %s\n", err.detail);
		abort();
	}
	return store;
}

static bool is_there(struct store_reader *reader, const char *id)
{
	struct arena arena;
	struct str bytes;
	bool there;

	arena_init(&arena, 1 << 20);
	there = store_get(reader, str_from(id), &arena, &bytes, NULL) == ERR_OK && str_contains(bytes, str_from(id));
	arena_done(&arena);
	return there;
}

static struct store_reader *new_reader(struct store *store)
{
	struct store_reader *reader = NULL;
	struct error err = {0};

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	return reader;
}

/* ---- guessed rows ---- */

static enum err_code put_then_fail(struct store_txn *txn, void *self, struct error *err)
{
	enum err_code code = txn_upsert(txn, self, err);

	return code ? code : err_set(err, ERR_INVALID, "as wished");
}

static enum err_code expect_absent(struct store_txn *txn, void *self, struct error *err)
{
	struct json *entity;

	if (store_txn_get(txn, str_from(self), &entity, NULL) == ERR_NOT_FOUND)
		return ERR_OK;
	return err_set(err, ERR_INVALID, "it is there");
}

static void a_row_that_another_entity_got_is_not_taken_for_the_first(void)
{
	struct test_folder folder;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_store(&folder);
	struct store_reader *reader = new_reader(store);

	/* The failed write has made the store remember a row number, which the next entity gets. */
	CHECK(apply(store, put_then_fail, (void *)(uintptr_t)ENTITY("urn:bus:gone", NUMBER(SPEED_IRI, "1")), &err) ==
	      ERR_INVALID);
	CHECK_OK(upsert(store, ENTITY("urn:bus:here", NUMBER(SPEED_IRI, "2")), &err), &err);
	CHECK(!is_there(reader, "urn:bus:gone"));
	CHECK(is_there(reader, "urn:bus:here"));
	CHECK_OK(apply(store, expect_absent, (void *)(uintptr_t) "urn:bus:gone", &err), &err);
	/* The same by deletion: the last row's number is free again. */
	CHECK_OK(remove_entity(store, "urn:bus:here", &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:next", NUMBER(SPEED_IRI, "3")), &err), &err);
	CHECK(!is_there(reader, "urn:bus:here"));
	CHECK_OK(apply(store, expect_absent, (void *)(uintptr_t) "urn:bus:here", &err), &err);
	CHECK_OK(upsert(store, ENTITY("urn:bus:here", NUMBER(SPEED_IRI, "4")), &err), &err);
	CHECK(is_there(reader, "urn:bus:here"));
	CHECK(is_there(reader, "urn:bus:next"));
	(void)store_reader_free(reader);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- what is stored with the commit ---- */

struct job {
	int number;
	bool fails, prunes;
};

/* Moves one of three entities to a new speed, there and back, with history; may prune, may fail in the end. */
static enum err_code run_job(struct store_txn *txn, void *self, struct error *err)
{
	const struct job *job = self;
	char text[300];
	uint32_t rows;
	enum err_code code = ERR_OK;

	for (int step = 0; code == ERR_OK && step < 3; step++) {
		int number = job->number + step % 2;

		(void)snprintf(text, sizeof(text), ENTITY("urn:bus:%d", NUMBER(SPEED_IRI, "%d")), job->number % 3,
			       number);
		struct json *entity = txn_parse(txn, text), *before = NULL;
		const struct json *instance = json_at(json_get(entity, STR(SPEED_IRI)), 0);
		struct change change = {.kind = CHANGE_UPDATED, .attribute_iri = STR(SPEED_IRI), .after = instance};

		(void)!store_txn_get(txn, document_id(entity), &before, NULL);
		code = store_txn_put(txn, before, entity, err);
		if (code == ERR_OK)
			code = store_txn_history(txn, document_id(entity), &change, 1000000 * (job->number + 1), err);
	}
	if (code == ERR_OK && job->prunes)
		code = store_txn_prune_history(txn, STR(""), 1000000 * job->number, 5, &rows, err);
	return code == ERR_OK && job->fails ? err_set(err, ERR_INVALID, "as wished") : code;
}

static void sums_and_indices_are_right_whichever_write_of_a_batch_fails(void)
{
	struct test_folder folder;
	struct job jobs[24];

	folder_make(&folder);
	struct store *store = open_store(&folder);

	for (int round = 0; round < 6; round++) {
		struct gate gate;
		struct queued first, queued[24];

		gate_shut(store, &gate, &first);
		for (int i = 0; i < 24; i++) {
			jobs[i] = (struct job){.number = round * 24 + i,
					       .fails = round > 0 && i % (round + 1) == round,
					       .prunes = i % 5 == 4};
			gate_submit(store, &gate, &queued[i], run_job, &jobs[i]);
		}
		gate_open(&gate, 0);
		(void)store_free(store); /* all are done */
		for (int i = 0; i < 24; i++)
			CHECK(queued[i].code == (jobs[i].fails ? ERR_INVALID : ERR_OK));
		check_clean(folder.file);
		store = open_store(&folder);
	}
	(void)store_free(store);
	folder_remove(&folder);
}

#define MANY_ROWS 3000 /* entities of twelve values: more rows than are gathered */

static enum err_code put_many_rows(struct store_txn *txn, void *self, struct error *err)
{
	const int *version = self;
	enum err_code code = ERR_OK;
	char text[1200];

	for (int i = 0; code == ERR_OK && i < MANY_ROWS; i++) {
		size_t len = (size_t)snprintf(text, sizeof(text),
					      "{\"id\":\"urn:bus:%d\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1", i);

		for (int k = 0; k < 12; k++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, NUMBER("urn:a%d", "%d"), k,
						(i * 7919 + k * *version) % 100003);
		(void)snprintf(text + len, sizeof(text) - len, "}");
		code = txn_upsert(txn, text, err);
		arena_clear(store_txn_arena(txn));
	}
	return code;
}

static void more_index_rows_than_are_gathered_are_all_written(void)
{
	struct test_folder folder;
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_store(&folder);

	for (int version = 1; version <= 2; version++)
		CHECK_OK(apply(store, put_many_rows, &version, &err), &err);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- history ---- */

struct step {
	int first, count;
	int64_t now_us;
};

static enum err_code add_points(struct store_txn *txn, void *self, struct error *err)
{
	const struct step *step = self;
	enum err_code code = ERR_OK;
	char text[200];

	for (int i = step->first; code == ERR_OK && i < step->first + step->count; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"type\":\"Property\",\"value\":%d,\"createdAt\":1,\"modifiedAt\":%d}", i, i + 2);
		struct change change = {
			.kind = CHANGE_UPDATED, .attribute_iri = STR(SPEED_IRI), .after = txn_parse(txn, text)};

		code = store_txn_history(txn, STR("urn:bus:1"), &change, step->now_us, err);
		arena_clear(store_txn_arena(txn));
	}
	return code;
}

struct order {
	int64_t last_us;
	int count;
	bool good;
};

static bool see_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct order *order = self;

	(void)bytes;
	order->good = order->good && at_us > order->last_us && kind == CHANGE_UPDATED;
	order->last_us = at_us;
	order->count++;
	return true;
}

static void a_full_slice_is_followed_by_another_and_read_on(void)
{
	struct test_folder folder;
	struct error err = {0};
	struct order order = {.last_us = -1, .good = true}, part = {.last_us = -1, .good = true};

	folder_make(&folder);
	struct store *store = open_store(&folder);

	/* Slices that fill within moments, and one of a single large write; the clock is once set back. */
	for (int i = 0; i < 30; i++)
		CHECK_OK(apply(store, add_points, &(struct step){i * 100, 100, 5000000 + i * 2000}, &err), &err);
	CHECK_OK(apply(store, add_points, &(struct step){3000, 5000, 6000000}, &err), &err);
	CHECK_OK(apply(store, add_points, &(struct step){8000, 10, 1000000}, &err), &err);
	struct store_reader *reader = new_reader(store);

	CHECK_OK(store_history(reader, STR("urn:bus:1"), STR(SPEED_IRI), STR_NONE, INT64_MIN, INT64_MAX, see_point,
			       &order, &err),
		 &err);
	CHECK(order.good && order.count == 8010);
	CHECK_OK(store_history(reader, STR("urn:bus:1"), STR(SPEED_IRI), STR_NONE, 1002, 1101, see_point, &part, &err),
		 &err);
	CHECK(part.good && part.count == 100);
	(void)store_reader_free(reader);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- many points of one write ---- */

#define ATTRIBUTES 7

struct act {
	int version; /* of all attributes; -1: the entity goes */
	int changed; /* how many of them change */
	int64_t now_us;
};

/* Changes the first attributes of urn:bus:1, each observed at a time of its own. */
static enum err_code change_many(struct store_txn *txn, void *self, struct error *err)
{
	static const struct str datasets[] = {{"", 0}, {"urn:d:\"1\\", 9}};
	const struct act *act = self;
	struct change changes[ATTRIBUTES];
	char text[300], iri[32];

	for (int i = 0; i < act->changed; i++) {
		(void)snprintf(
			text, sizeof(text),
			"{\"type\":\"Property\",\"value\":[%d,27.350,123456789012345678901,\"\\u00e9\\n\",{\"b\":1e2}],"
			"\"createdAt\":1,\"modifiedAt\":%lld}",
			act->version, (long long)act->now_us - i * 1000);
		(void)snprintf(iri, sizeof(iri), "urn:a%d", i);
		const struct json *instance = txn_parse(txn, text);

		changes[i] = (struct change){.kind = act->version < 0 ? CHANGE_DELETED : CHANGE_UPDATED,
					     .attribute_iri = arena_dup(store_txn_arena(txn), str_from(iri)),
					     .dataset_id = datasets[i % 2],
					     .before = instance,
					     .after = instance,
					     .next = i + 1 < act->changed ? &changes[i + 1] : NULL};
	}
	return store_txn_history(txn, STR("urn:bus:1"), changes, act->now_us, err);
}

struct dump {
	char text[1 << 16];
	size_t len;
};

static bool dump_point(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	struct dump *dump = self;

	dump->len += (size_t)snprintf(dump->text + dump->len, sizeof(dump->text) - dump->len, "%lld %d %.*s\n",
				      (long long)at_us, (int)kind, STR_FMT(bytes));
	return true;
}

static void dump_history(struct store *store, int64_t from_us, int64_t to_us, struct dump *dump)
{
	struct store_reader *reader = new_reader(store);
	struct error err = {0};
	char iri[32];

	dump->len = 0;
	dump->text[0] = '\0';
	for (int i = 0; i < ATTRIBUTES; i++) {
		(void)snprintf(iri, sizeof(iri), "urn:a%d", i);
		CHECK_OK(store_history(reader, STR("urn:bus:1"), str_from(iri), i % 2 ? STR("urn:d:\"1\\") : STR_NONE,
				       from_us, to_us, dump_point, dump, &err),
			 &err);
	}
	(void)store_reader_free(reader);
}

struct cut {
	int64_t before_us;
	uint32_t rows_max, rows;
	struct str prefix;
};

static enum err_code prune_some(struct store_txn *txn, void *self, struct error *err)
{
	struct cut *cut = self;

	return store_txn_prune_history(txn, cut->prefix, cut->before_us, cut->rows_max, &cut->rows, err);
}

/* SQLite, which keeps many points of one write in one row, against the memory store, which does not. */
static void histories_of_many_points_are_those_of_single_ones(void)
{
	static struct dump dumps[2];
	static const struct str prefixes[] = {{"", 0}, {"urn:b", 5}, {"urn:c", 5}};
	struct test_folder folder;
	struct store *stores[2] = {NULL, NULL};
	struct error err = {0};

	folder_make(&folder);
	stores[0] = open_store(&folder);
	CHECK_OK(store_memory_open(&stores[1], &err), &err);
	for (int i = 0; i < 40; i++)
		for (int k = 0; k < 2; k++) {
			/* Some at the same moment, some in another slice; one to seven of them. */
			struct act act = {i % 9 == 8 ? -1 : i, 1 + i * 5 % ATTRIBUTES,
					  (int64_t)20000000 * (i / 10) + 100000 * (i / 2)};

			CHECK_OK(apply(stores[k], change_many, &act, &err), &err);
		}
	for (int round = 0; round < 60; round++) {
		struct cut cuts[2];

		for (int k = 0; k < 2; k++) {
			cuts[k] = (struct cut){.before_us = (int64_t)1100000 * round - 3500,
					       .rows_max = round % 2 ? UINT32_MAX : 1 + (uint32_t)round / 2,
					       .prefix = prefixes[round % 3]};
			CHECK_OK(apply(stores[k], prune_some, &cuts[k], &err), &err);
			CHECK(cuts[k].rows <= cuts[k].rows_max);
			/* Which of the old ones go first is not promised: the rest follows. */
			cuts[k].rows_max = UINT32_MAX;
			CHECK_OK(apply(stores[k], prune_some, &cuts[k], &err), &err);
			dump_history(stores[k], round % 4 * 20000000, INT64_MAX, &dumps[k]);
		}
		CHECK_STR(str_from(dumps[0].text), str_from(dumps[1].text));
	}
	CHECK(dumps[0].len == 0);
	for (int k = 0; k < 2; k++)
		(void)store_free(stores[k]);
	check_clean(folder.file);
	folder_remove(&folder);
}

struct life {
	bool history;
	int64_t prune_before_us; /* 0: nothing is pruned */
	const char *text; /* NULL: the entity goes */
};

static enum err_code live(struct store_txn *txn, void *self, struct error *err)
{
	const struct life *life = self;
	struct json *before = NULL, *entity = life->text ? txn_parse(txn, life->text) : NULL;
	uint32_t rows;

	(void)!store_txn_get(txn, STR("urn:bus:1"), &before, NULL);
	const struct json *from = entity ? entity : before;
	const struct json *instance = json_at(json_get(from, STR(SPEED_IRI)), 0);
	struct change change = {.kind = entity ? CHANGE_CREATED : CHANGE_DELETED,
				.attribute_iri = STR(SPEED_IRI),
				.before = instance,
				.after = instance};
	enum err_code code = entity ? store_txn_put(txn, before, entity, err) : store_txn_delete(txn, before, err);

	if (code == ERR_OK && life->history)
		code = store_txn_history(txn, STR("urn:bus:1"), &change, 1000, err);
	if (code == ERR_OK && life->prune_before_us)
		code = store_txn_prune_history(txn, STR(""), life->prune_before_us, 1000, &rows, err);
	return code;
}

static void history_goes_on_for_an_entity_that_came_back_without_it(void)
{
	static const char *const texts[] = {ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "1")),
					    ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "2")),
					    ENTITY("urn:bus:1", NUMBER(SPEED_IRI, "3"))};
	const struct life lives[] = {
		{.history = true, .text = texts[0]},
		{.history = true}, /* is gone, with two points */
		{.text = texts[1]},
		{.text = texts[2]}, /* came back and names its subject again */
		{.text = texts[1], .prune_before_us = 9000000}, /* no point is left */
		{.history = true, .text = texts[2]},
	};
	struct test_folder folder;
	struct error err = {0};
	struct order order = {.last_us = -1};

	folder_make(&folder);
	struct store *store = open_store(&folder);

	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		CHECK_OK(apply(store, live, (void *)(uintptr_t)&lives[i], &err), &err);
	struct store_reader *reader = new_reader(store);

	CHECK_OK(store_history(reader, STR("urn:bus:1"), STR(SPEED_IRI), STR_NONE, INT64_MIN, INT64_MAX, see_point,
			       &order, &err),
		 &err);
	CHECK(order.count == 1);
	(void)store_reader_free(reader);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

/* ---- the log ---- */

static enum err_code put_big(struct store_txn *txn, void *self, struct error *err)
{
	const int *number = self;
	char *text = arena_alloc(store_txn_arena(txn), (2 << 20) + 400);

	if (!text)
		return err_set(err, ERR_MEMORY, "no memory for the test");
	int len = snprintf(text, 400,
			   "{\"id\":\"urn:bus:%d\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" NOTE_IRI
			   "\":[{\"type\":\"Property\",\"value\":\"",
			   *number % 4);

	memset(text + len, 'a' + *number % 26, 2 << 20);
	(void)snprintf(text + len + (2 << 20), 300, "\",\"createdAt\":1}]}");
	return txn_upsert(txn, text, err);
}

/* Four documents of 2 MB over and over: the log must be copied back and start anew again and again while writes go on,
 * and also once a reader that held an old snapshot has let go of it. */
/* Were the log never to start anew, it would have 1.2 GB, or 480 MB. */
#ifdef __SANITIZE_THREAD__
#define BIG_WRITES 120
#else
#define BIG_WRITES 300
#endif

static void the_log_is_copied_back_while_writes_go_on(void)
{
	struct test_folder folder;
	struct error err = {0};
	struct store_stats stats = {0};
	int64_t until = (int64_t)time(NULL) + DEADLINE_S;
	uint64_t longest = 0;
	int number = 0;

	folder_make(&folder);
	struct store *store = open_store(&folder);

	for (; number < BIG_WRITES && time(NULL) < until; number++) {
		CHECK_OK(apply(store, put_big, &number, &err), &err);
		CHECK_OK(store_stats(store, &stats, &err), &err);
		longest = stats.wal_bytes > longest ? stats.wal_bytes : longest;
	}
	CHECK(number > 60 && stats.database_bytes > (uint64_t)8 << 20);
	if (!CHECK(longest < (uint64_t)160 << 20))
		printf("# the log grew to %llu bytes\n", (unsigned long long)longest);
	(void)store_free(store);
	check_clean(folder.file);
	folder_remove(&folder);
}

int main(void)
{
	RUN(a_row_that_another_entity_got_is_not_taken_for_the_first);
	RUN(sums_and_indices_are_right_whichever_write_of_a_batch_fails);
	RUN(more_index_rows_than_are_gathered_are_all_written);
	RUN(a_full_slice_is_followed_by_another_and_read_on);
	RUN(histories_of_many_points_are_those_of_single_ones);
	RUN(history_goes_on_for_an_entity_that_came_back_without_it);
	RUN(the_log_is_copied_back_while_writes_go_on);
	return check_done();
}
