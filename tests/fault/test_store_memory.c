/* Refused memory: the n-th allocation fails, in our code (malloc and its kin are wrapped by the linker) and in SQLite
 * (its allocator is replaced), for n = 1, 2, … until the scenario passes untouched. Every failure is answered with
 * ERR_MEMORY or is no loss (a cache that stays empty); nothing crashes or leaks, no write is half there, and with
 * memory back everything works. */
#include "../unit/store_util.h"

#include "store/census.h"
#include "store/outbox.h"

#include <sqlite3.h>
#include <stdatomic.h>

static atomic_long countdown; /* allocations until one fails; 0 or less: none does */
static atomic_bool fired;

static bool refuse(void)
{
	if (atomic_load(&countdown) <= 0 || atomic_fetch_sub(&countdown, 1) != 1)
		return false;
	atomic_store(&fired, true);
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return refuse() ? NULL : __real_realloc(old, size);
}

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int size)
{
	return refuse() ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
	return refuse() ? NULL : sqlite_memory.xRealloc(old, size);
}

static void install(void)
{
	sqlite3_mem_methods failing;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) != SQLITE_OK)
		abort();
	failing = sqlite_memory;
	failing.xMalloc = sqlite_malloc;
	failing.xRealloc = sqlite_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
		abort();
}

static char first[] = "{\"id\":\"urn:bus:1\",\"type\":[\"" BUS_IRI "\"],\"scope\":[\"/a\"],\"createdAt\":1,\"" SPEED_IRI
		      "\":[{\"type\":\"Property\",\"value\":1,\"createdAt\":1}]}";
static char second[] = "{\"id\":\"urn:bus:1\",\"type\":[\"" STOP_IRI
		       "\"],\"createdAt\":1,\"expiresAt\":\"1970-01-01T00:00:01Z\",\"" NAME_IRI
		       "\":[{\"type\":\"Property\",\"value\":\"x\",\"createdAt\":1}],\"" LOCATION_IRI
		       "\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[1,1]},"
		       "\"createdAt\":1}]}";

static enum err_code put_and_tell(struct store_txn *txn, void *self, struct error *err)
{
	struct json *entity = NULL, *before = NULL;
	struct merge_result result = {0};
	uint32_t rows;
	enum err_code code =
		json_parse(store_txn_parser(txn), store_txn_arena(txn), str_from(self), NULL, &entity, err);

	if (code)
		return code;
	code = store_txn_get(txn, document_id(entity), &before, err);
	if (code && code != ERR_NOT_FOUND)
		return code;
	code = store_txn_put(txn, before, entity, err);
	if (code == ERR_OK)
		code = merge_whole(store_txn_arena(txn), entity, CHANGE_CREATED, &result, err);
	if (code == ERR_OK)
		code = store_txn_history(txn, document_id(entity), result.changes, 1000, err);
	if (code == ERR_OK)
		code = store_txn_set_meta(txn, STR("mark"), STR("x"), err);
	return code ? code : store_txn_prune_history(txn, STR("urn:none"), 1, 10, &rows, err);
}

static int64_t owed_first; /* the first number that a write below gave */

/* Three are owed, of which the second replaces the first; one dies and comes back. */
static enum err_code owe_and_tell(struct store_txn *txn, void *self, struct error *err)
{
	struct store_owed owed = {.subscription = 1, .entity_id = STR("urn:bus:1"), .due_us = 9, .body = STR("x")};
	int64_t number = 0;
	bool more;
	enum err_code code = store_txn_owe(txn, &owed, true, &owed_first, err);

	(void)self;
	if (code == ERR_OK)
		code = store_txn_owe(txn, &owed, true, NULL, err);
	if (code == ERR_OK)
		code = store_txn_owe(txn, &owed, false, &number, err);
	if (code == ERR_OK)
		code = store_txn_owed_retry(txn, number, 10, 1, err);
	if (code == ERR_OK)
		code = store_txn_owed_bury(txn, number, 11, STR("why"), err);
	if (code == ERR_OK)
		code = store_txn_dead_replay(txn, number, 12, err);
	if (code == ERR_OK)
		code = store_txn_owed_bury(txn, number, 13, STR("why"), err);
	return code ? code : store_txn_owed_drop(txn, 2, true, 10, &more, err);
}

static enum err_code pay(struct store_txn *txn, void *self, struct error *err)
{
	bool more;
	enum err_code code = store_txn_owed_done(txn, &(int64_t){owed_first + 1}, 1, err);

	(void)self;
	return code ? code : store_txn_owed_drop(txn, 1, true, 10, &more, err);
}

static bool visit_any(void *self, struct str bytes)
{
	*(int *)self += bytes.len > 0;
	return true;
}

static bool visit_tree(void *self, struct json *entity)
{
	*(int *)self += json_is(entity, JSON_OBJECT);
	return true;
}

static bool point_any(void *self, int64_t at_us, enum change_kind kind, struct str bytes)
{
	(void)self;
	(void)at_us;
	(void)kind;
	return bytes.len > 0;
}

static bool row_any(void *self, const struct census_row *row)
{
	(void)self;
	return row->count > 0;
}

/* The codes that a refusal may end in. A busy or lost transaction says so by ERR_MEMORY too. */
static bool is_fair(enum err_code code, const struct error *err)
{
	if (code == ERR_OK || code == ERR_MEMORY)
		return true;
	printf("# %s: %s\n", err_name(code), err->detail);
	return false;
}

static enum err_code read_all(struct store *store, struct error *err)
{
	struct store_reader *reader = NULL;
	struct narrow_attribute exists = {.attribute_iri = STR(NAME_IRI), .op = NARROW_EXISTS};
	struct str type = STR(STOP_IRI);
	struct narrow narrow = {.type_iris = &type,
				.type_count = 1,
				.attributes = &exists,
				.attribute_count = 1,
				.scope_prefix = STR("/a"),
				.id_prefix = STR("urn:"),
				.geo_attribute_iri = STR(LOCATION_IRI),
				.geo_box = {0, 0, 2, 2}};
	struct arena arena;
	struct str bytes;
	const struct census_question question = {.part = CENSUS_ALL, .expired_us = 2 * US_PER_S};
	uint64_t count;
	int visited = 0;
	enum err_code code = store_reader_new(store, &reader, err);

	if (code)
		return code;
	struct json_parser *parser = json_parser_new();
	struct json *entity;
	struct arena scratch;
	const struct store_tree_sight sight = {
		.visit = visit_tree, .self = &visited, .parser = parser, .arena = &scratch};

	arena_init(&arena, 1 << 20);
	arena_init(&scratch, 1 << 20);
	code = parser ? store_get(reader, STR("urn:bus:1"), &arena, &bytes, err) : ERR_MEMORY;
	if (code == ERR_OK)
		code = store_get_tree(reader, STR("urn:bus:1"), parser, &arena, &entity, err);
	if (code == ERR_NOT_FOUND)
		code = ERR_OK;
	if (code == ERR_OK)
		code = store_scan_trees(reader, &narrow, &sight, err);
	if (code == ERR_OK)
		code = store_scan(reader, &narrow, visit_any, &visited, err);
	if (code == ERR_OK)
		code = store_count(reader, &narrow, &count, err);
	if (code == ERR_OK)
		code = store_get_meta(reader, STR("mark"), &arena, &bytes, err);
	if (code == ERR_OK)
		code = store_history(reader, STR("urn:bus:1"), STR(SPEED_IRI), STR_NONE, 0, 10, point_any, NULL, err);
	if (code == ERR_OK)
		code = store_census(reader, &question, row_any, NULL, err);
	arena_done(&scratch);
	(void)json_parser_free(parser);
	arena_done(&arena);
	(void)store_reader_free(reader);
	return code;
}

static enum err_code read_outbox(struct store *store, struct error *err)
{
	struct store_reader *reader = NULL;
	struct store_owed_list list = {0};
	struct store_debt *debts;
	struct store_dead *dead;
	size_t debt_count = 0, dead_count = 0;
	struct arena arena;
	enum err_code code = store_reader_new(store, &reader, err);

	if (code)
		return code;
	arena_init(&arena, 1 << 20);
	code = store_owed_read(reader, 1, 0, 100, 1000, &arena, &list, err);
	if (code == ERR_OK)
		code = store_debts(reader, &arena, &debts, &debt_count, err);
	if (code == ERR_OK)
		code = store_dead_read(reader, 0, 0, 100, 1000, &arena, &dead, &dead_count, err);
	/* All of the write or nothing: one owed, one dead. */
	if (code == ERR_OK)
		CHECK(list.count == debt_count && dead_count == debt_count && debt_count <= 1);
	arena_done(&arena);
	(void)store_reader_free(reader);
	return code;
}

/* Beginning with an open store: opening is the other case's. */
static void fail_outbox_at(const struct test_folder *folder, long n)
{
	struct store *store = open_kind(true, folder);
	struct error err = {0};

	atomic_store(&fired, false);
	atomic_store(&countdown, n);
	CHECK(is_fair(apply(store, owe_and_tell, NULL, &err), &err));
	CHECK(is_fair(read_outbox(store, &err), &err));
	CHECK(is_fair(apply(store, pay, NULL, &err), &err));
	atomic_store(&countdown, 0);
	CHECK_OK(apply(store, pay, NULL, &err), &err);
	CHECK_OK(apply(store, owe_and_tell, NULL, &err), &err);
	CHECK_OK(read_outbox(store, &err), &err);
	(void)store_free(store);
}

static void every_refused_allocation_of_the_outbox_is_answered(void)
{
	struct test_folder folder;
	long n = 1;

	do {
		folder_make(&folder);
		fail_outbox_at(&folder, n);
		check_clean(folder.file);
		folder_remove(&folder);
		n += n < 50 ? 1 : 3;
	} while (atomic_load(&fired) && check_case_failures == 0);
	printf("# up to allocation %ld\n", n);
	CHECK(n > 200);
}

static void fail_at(const struct test_folder *folder, long n)
{
	struct store *store = NULL;
	struct store_stats stats;
	struct error err = {0};

	atomic_store(&fired, false);
	atomic_store(&countdown, n);
	enum err_code code =
		store_sqlite_open(&(struct store_options){.path = folder->file, .create = true}, &store, &err);

	CHECK(is_fair(code, &err));
	if (!store)
		return;
	CHECK(is_fair(apply(store, put_and_tell, first, &err), &err));
	CHECK(is_fair(apply(store, put_and_tell, second, &err), &err));
	CHECK(is_fair(read_all(store, &err), &err));
	CHECK(is_fair(store_stats(store, &stats, &err), &err));
	atomic_store(&countdown, 0);
	/* Memory is back. */
	CHECK_OK(apply(store, put_and_tell, first, &err), &err);
	CHECK_OK(read_all(store, &err), &err);
	(void)store_free(store);
}

static void every_refused_allocation_is_answered(void)
{
	struct test_folder folder;
	long n = 1;

	do {
		folder_make(&folder);
		fail_at(&folder, n);
		atomic_store(&countdown, 0);
		/* Opening may have left no more than an empty file. */
		(void)store_free(open_kind(true, &folder));
		check_clean(folder.file);
		folder_remove(&folder);
		/* The first part is SQLite's own making of the schema: every seventh will do there and later. */
		n += n < 50 ? 1 : 7;
	} while (atomic_load(&fired) && check_case_failures == 0);
	printf("# up to allocation %ld\n", n);
	CHECK(n > 200);
}

int main(void)
{
	install();
	RUN(every_refused_allocation_is_answered);
	RUN(every_refused_allocation_of_the_outbox_is_answered);
	return check_done();
}
