/* A disk that fails under the SQLite store: the n-th write, sync or truncation, for n = 1, 2, … until the scenario
 * passes untouched. Whatever fails: no crash, no half write, what was acknowledged is there, what was refused is not,
 * reading goes on, and when the disk is well again so is the store. A power cut at the n-th operation: what was
 * acknowledged before it is found afterwards, whatever became of writes that no sync covered. */
#include "../unit/store_util.h"
#include "faulty_vfs.h"

#include <sqlite3.h>

#define WRITES 5
#define CUTS_PER_POINT 2

#define DOCUMENT                                                                                                       \
	"{\"id\":\"urn:%s:%d\",\"type\":[\"" BUS_IRI "\"],\"createdAt\":1,\"" SPEED_IRI                                \
	"\":[{\"type\":\"Property\",\"value\":%d,\"createdAt\":1}],\"" LOCATION_IRI                                    \
	"\":[{\"type\":\"GeoProperty\",\"value\":{\"type\":\"Point\",\"coordinates\":[103.%d,1.3]},\"createdAt\":1}]}"

struct pair { /* one write: two entities and the history of one */
	int number;
	bool acknowledged;
	bool failed;
};

static bool is_disk_error(enum err_code code)
{
	return code == ERR_IO || code == ERR_NO_ROOM;
}

static enum err_code put_pair(struct store_txn *txn, void *self, struct error *err)
{
	const struct pair *pair = self;
	struct merge_result result = {0};
	char text[600];

	(void)snprintf(text, sizeof(text), DOCUMENT, "a", pair->number, pair->number, 600 + pair->number);
	enum err_code code = txn_upsert(txn, text, err);

	if (code == ERR_OK)
		code = merge_whole(store_txn_arena(txn), txn_parse(txn, text), CHANGE_CREATED, &result, err);
	if (code == ERR_OK)
		code = store_txn_history(txn, document_id(txn_parse(txn, text)), result.changes, pair->number, err);
	(void)snprintf(text, sizeof(text), DOCUMENT, "b", pair->number, pair->number, 600 + pair->number);
	return code ? code : txn_upsert(txn, text, err);
}

static void write_pairs(struct store *store, struct pair pairs[static WRITES])
{
	for (int i = 0; i < WRITES; i++) {
		struct error err = {0};

		pairs[i] = (struct pair){.number = i};
		enum err_code code = apply(store, put_pair, &pairs[i], &err);

		pairs[i].failed = code != ERR_OK;
		pairs[i].acknowledged = code == ERR_OK && !faulty_vfs_is_cut();
		if (code && !CHECK(is_disk_error(code) && strlen(err.detail) > 0))
			printf("# %s: %s\n", err_name(code), err.detail);
	}
}

static bool is_there(struct store_reader *reader, const char *kind, int number)
{
	char id[32];
	struct arena arena;
	struct str bytes;
	struct error err = {0};

	(void)snprintf(id, sizeof(id), "urn:%s:%d", kind, number);
	arena_init(&arena, 1 << 20);
	enum err_code code = store_get(reader, str_from(id), &arena, &bytes, &err);

	if (!CHECK(code == ERR_OK || code == ERR_NOT_FOUND))
		printf("# %s: %s\n", id, err.detail);
	arena_done(&arena);
	return code == ERR_OK;
}

/* Acknowledged pairs are there; refused ones are not, unless refused_may_be_there; no pair is half there. */
static void look_at(struct store *store, const struct pair pairs[static WRITES], bool refused_may_be_there)
{
	struct store_reader *reader = NULL;
	struct error err = {0};

	CHECK_OK(store_reader_new(store, &reader, &err), &err);
	for (int i = 0; i < WRITES; i++) {
		bool a = is_there(reader, "a", i), b = is_there(reader, "b", i);

		CHECK(a == b);
		CHECK(a || !pairs[i].acknowledged);
		CHECK(!a || !pairs[i].failed || refused_may_be_there);
	}
	(void)store_reader_free(reader);
}

static struct store *try_open(const struct test_folder *folder, struct error *err)
{
	struct store *store = NULL;

	return store_sqlite_open(&(struct store_options){.path = folder->file, .create = true, .busy_timeout_ms = 100},
				 &store, err) == ERR_OK
		       ? store
		       : NULL;
}

static void fail_at(uint64_t n, int result_code, bool for_good, bool *ret_fired)
{
	struct test_folder folder;
	struct pair pairs[WRITES], again[WRITES];
	struct error err = {0};

	folder_make(&folder);
	struct store *store = open_kind(true, &folder);

	faulty_vfs_fail(n, result_code, for_good);
	write_pairs(store, pairs);
	look_at(store, pairs, false);
	*ret_fired = faulty_vfs_fired();
	faulty_vfs_fail(0, SQLITE_OK, false);
	look_at(store, pairs, false);
	write_pairs(store, again);
	for (int i = 0; i < WRITES; i++)
		CHECK(!again[i].failed);
	look_at(store, again, false);
	(void)store_free(store);
	check_clean(folder.file);
	store = try_open(&folder, &err);
	CHECK(store != NULL);
	if (store)
		look_at(store, again, false);
	(void)store_free(store);
	folder_remove(&folder);
}

static void every_failing_operation(int result_code, bool for_good)
{
	bool fired = true;
	uint64_t n;

	for (n = 1; fired && check_case_failures == 0; n++)
		fail_at(n, result_code, for_good, &fired);
	printf("# %llu operations failed in turn\n", (unsigned long long)n - 2);
	CHECK(n > WRITES);
}

static void one_operation_that_fails_costs_no_more_than_its_batch(void)
{
	every_failing_operation(SQLITE_IOERR, false);
}

static void a_full_disk_refuses_writes_and_serves_reads(void)
{
	every_failing_operation(SQLITE_FULL, true);
}

static void opening_on_a_failing_disk_says_so(void)
{
	struct test_folder folder;
	bool fired = true;

	for (uint64_t n = 1; fired && check_case_failures == 0; n++) {
		struct error err = {0};

		folder_make(&folder);
		faulty_vfs_fail(n, n % 2 ? SQLITE_IOERR : SQLITE_FULL, true);
		struct store *store = try_open(&folder, &err);

		fired = faulty_vfs_fired();
		CHECK(store || (is_disk_error(err.code) && strlen(err.detail) > 0));
		(void)store_free(store);
		faulty_vfs_fail(0, SQLITE_OK, false);
		store = try_open(&folder, &err);
		if (!CHECK(store != NULL))
			printf("# %s\n", err.detail);
		(void)store_free(store);
		check_clean(folder.file);
		folder_remove(&folder);
	}
}

/* Power is cut at the n-th operation after opening. */
static void cut_at(uint64_t n, uint64_t seed, bool *ret_cut)
{
	struct test_folder folder, found;
	struct pair pairs[WRITES];
	struct error err = {0};

	folder_make(&folder);
	folder_make(&found);
	faulty_vfs_cut(0);
	struct store *store = open_kind(true, &folder);
	uint64_t opened = faulty_vfs_operations();

	(void)store_free(store);
	folder_remove(&folder);
	folder_make(&folder);
	faulty_vfs_cut(opened + n);
	store = open_kind(true, &folder);
	write_pairs(store, pairs);
	(void)store_free(store);
	*ret_cut = faulty_vfs_is_cut();
	faulty_vfs_after_cut(folder.path, found.path, seed);
	store = try_open(&found, &err);
	if (CHECK(store != NULL)) {
		look_at(store, pairs, true);
		(void)store_free(store);
		check_clean(found.file);
	} else {
		printf("# %s\n", err.detail);
	}
	folder_remove(&folder);
	folder_remove(&found);
}

static void what_was_acknowledged_survives_a_power_cut(void)
{
	bool cut = true;
	uint64_t n;

	for (n = 1; cut && check_case_failures == 0; n++)
		for (uint64_t k = 0; k < CUTS_PER_POINT; k++)
			cut_at(n, n * 1000 + k, &cut);
	printf("# power cut after each of %llu operations\n", (unsigned long long)n - 2);
	CHECK(n > WRITES);
}

int main(void)
{
	faulty_vfs_install();
	RUN(one_operation_that_fails_costs_no_more_than_its_batch);
	RUN(a_full_disk_refuses_writes_and_serves_reads);
	RUN(opening_on_a_failing_disk_says_so);
	RUN(what_was_acknowledged_survives_a_power_cut);
	return check_done();
}
