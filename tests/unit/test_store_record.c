/* Named records: what store.h promises of them, the same for every kind of store; their durability, and what the check
 * says of them.
 *
 * Method: every case on the memory store and on SQLite; files in a folder of the test's own. */
#include "check.h"
#include "store/store.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/machi-record-XXXXXX";
static char path[64];
static struct store *store;
static struct store_reader *reader;
static struct arena arena;
static struct error err;

struct change_write {
	struct store_write write; /* first */
	const char *kind, *id, *doc; /* doc NULL: delete */
	enum err_code fail; /* what run() returns at its end */
	char seen[64]; /* what the record was after the change, in the transaction */
};

static enum err_code run_change(struct store_write *write, struct store_txn *txn, struct error *error)
{
	struct change_write *change = (struct change_write *)write;
	struct str kind = str_from(change->kind), id = str_from(change->id), doc;
	enum err_code code = change->doc ? store_txn_record_put(txn, kind, id, str_from(change->doc), error)
					 : store_txn_record_delete(txn, kind, id, error);

	if (code)
		return code;
	change->seen[0] = '\0';
	if (store_txn_record_get(txn, kind, id, &doc, NULL) == ERR_OK)
		(void)snprintf(change->seen, sizeof(change->seen), "%.*s", STR_FMT(doc));
	return change->fail ? err_set(error, change->fail, "as the test wants") : ERR_OK;
}

static enum err_code change(const char *kind, const char *id, const char *doc, enum err_code fail)
{
	struct change_write write = {.write = {.run = run_change}, .kind = kind, .id = id, .doc = doc, .fail = fail};
	enum err_code code = store_apply(store, &write.write, &err);

	if (code == ERR_OK)
		CHECK_STR(str_from(write.seen), doc ? str_from(doc) : STR(""));
	return code;
}

static bool is(const char *kind, const char *id, const char *doc)
{
	struct str got;
	enum err_code code = store_record_get(reader, str_from(kind), str_from(id), &arena, &got, NULL);

	return doc ? code == ERR_OK && str_eq(got, str_from(doc)) : code == ERR_NOT_FOUND;
}

struct listing {
	char text[256];
	size_t len, count, count_max;
};

static bool list_one(void *self, struct str id, struct str doc)
{
	struct listing *listing = self;
	int wrote = snprintf(listing->text + listing->len, sizeof(listing->text) - listing->len, "%.*s=%.*s ",
			     STR_FMT(id), STR_FMT(doc));

	listing->len += wrote > 0 ? (size_t)wrote : 0;
	return ++listing->count < listing->count_max;
}

static struct str list(const char *kind, struct str after, size_t count_max)
{
	static struct listing listing;

	listing = (struct listing){.count_max = count_max};
	CHECK_OK(store_record_each(reader, str_from(kind), after, list_one, &listing, &err), &err);
	return (struct str){listing.text, listing.len};
}

static void open_store(bool sqlite)
{
	struct store_options options = {.path = sqlite ? path : NULL, .create = true};

	CHECK_OK(store_sqlite_open(&options, &store, &err), &err);
	CHECK_OK(store_reader_new(store, &reader, &err), &err);
}

static void close_store(void)
{
	reader = store_reader_free(reader);
	store = store_free(store);
	arena_clear(&arena);
}

static void a_record_is_put_replaced_read_and_deleted(void)
{
	CHECK(is("context", "urn:a", NULL));
	CHECK_OK(change("context", "urn:a", "{\"n\":1}", ERR_OK), &err);
	CHECK(is("context", "urn:a", "{\"n\":1}"));
	CHECK_OK(change("context", "urn:a", "{\"n\":2}", ERR_OK), &err);
	CHECK(is("context", "urn:a", "{\"n\":2}"));
	CHECK(is("context", "urn:b", NULL));
	CHECK(is("subscription", "urn:a", NULL));
	CHECK_OK(change("context", "urn:a", NULL, ERR_OK), &err);
	CHECK(is("context", "urn:a", NULL));
	CHECK(change("context", "urn:a", NULL, ERR_OK) == ERR_NOT_FOUND);
}

static void records_are_listed_by_kind_in_pages(void)
{
	static const char *const ids[] = {"c", "a", "bb", "b", "d"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		CHECK_OK(change("list", ids[i], "1", ERR_OK), &err);
	CHECK_OK(change("lis", "z", "2", ERR_OK), &err);
	CHECK_OK(change("list2", "a", "3", ERR_OK), &err);
	CHECK_STR(list("list", STR_NONE, 100), STR("a=1 b=1 bb=1 c=1 d=1 "));
	CHECK_STR(list("list", STR_NONE, 2), STR("a=1 b=1 "));
	CHECK_STR(list("list", STR("b"), 2), STR("bb=1 c=1 "));
	CHECK_STR(list("list", STR("ba"), 100), STR("bb=1 c=1 d=1 "));
	CHECK_STR(list("list", STR("d"), 100), STR(""));
	CHECK_STR(list("nothing", STR_NONE, 100), STR(""));
}

static void what_failed_left_no_record(void)
{
	CHECK_OK(change("kept", "x", "1", ERR_OK), &err);
	CHECK(change("kept", "x", "2", ERR_INVALID) == ERR_INVALID);
	CHECK(is("kept", "x", "1"));
	CHECK(change("kept", "y", "1", ERR_CONFLICT) == ERR_CONFLICT);
	CHECK(is("kept", "y", NULL));
	CHECK(change("kept", "x", NULL, ERR_CONFLICT) == ERR_CONFLICT);
	CHECK(is("kept", "x", "1"));
	CHECK(change("", "x", "1", ERR_OK) == ERR_INVALID);
	CHECK(change("kept", "", "1", ERR_OK) == ERR_INVALID);
}

static void a_record_survives_closing(void)
{
	char *long_doc = malloc(100003);

	if (!CHECK(long_doc != NULL))
		return;
	memset(long_doc, 'x', 100002);
	long_doc[0] = long_doc[100001] = '"';
	long_doc[100002] = '\0';
	CHECK_OK(change("durable", "small", "{}", ERR_OK), &err);
	struct change_write write = {.write = {.run = run_change}, .kind = "durable", .id = "large", .doc = long_doc};

	CHECK_OK(store_apply(store, &write.write, &err), &err);
	close_store();
	open_store(true);
	CHECK(is("durable", "small", "{}"));
	CHECK(is("durable", "large", long_doc));
	free(long_doc);
}

static void print_finding(void *self, const char *finding)
{
	(void)snprintf(self, 200, "%s", finding);
}

static void the_check_finds_a_record_that_is_no_json(void)
{
	uint64_t findings = 1;
	char finding[200] = "";
	sqlite3 *db;

	CHECK_OK(change("checked", "x", "{}", ERR_OK), &err);
	close_store();
	CHECK_OK(store_sqlite_check(path, print_finding, finding, &findings, &err), &err);
	CHECK(findings == 0);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "UPDATE record SET doc = '{' WHERE kind = 'checked'", NULL, NULL, NULL) == SQLITE_OK);
	(void)sqlite3_close(db);
	CHECK_OK(store_sqlite_check(path, print_finding, finding, &findings, &err), &err);
	CHECK(findings == 1 && str_contains(str_from(finding), STR("record checked x")));
	open_store(true);
}

int main(void)
{
	arena_init(&arena, 64u << 20);
	if (!CHECK(mkdtemp(folder) != NULL))
		return check_done();
	(void)snprintf(path, sizeof(path), "%s/r.db", folder);
	for (int sqlite = 0; sqlite < 2; sqlite++) {
		open_store(sqlite);
		RUN(a_record_is_put_replaced_read_and_deleted);
		RUN(records_are_listed_by_kind_in_pages);
		RUN(what_failed_left_no_record);
		if (sqlite) {
			RUN(a_record_survives_closing);
			RUN(the_check_finds_a_record_that_is_no_json);
		}
		close_store();
	}
	(void)unlink(path);
	(void)rmdir(folder);
	arena_done(&arena);
	return check_done();
}
