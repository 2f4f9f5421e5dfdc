/* Fuzz target: bytes in the place of a stored document.
 *
 * As a row written behind the store's back, they may make reading and the check say that they are wrong, never crash.
 * When they are a JSON object with an id, the store can put it, find it, put it again over itself and delete it, and
 * the check finds nothing wrong in between: index rows follow from any document, however odd. */
#include "../unit/store_util.h"
#include "demand.h"

#include <sqlite3.h>

#define DOCUMENT_BYTES_MAX ((size_t)64 << 10)

static struct test_folder folder;
static struct store *store;
static struct store_reader *reader;
static sqlite3 *outside;

static void remove_files(void)
{
	(void)sqlite3_close(outside);
	(void)store_reader_free(reader);
	(void)store_free(store);
	folder_remove(&folder);
}

static void start(void)
{
	struct error err;

	folder_make(&folder);
	demand(store_sqlite_open(&(struct store_options){.path = folder.file, .create = true}, &store, &err) == ERR_OK);
	demand(store_reader_new(store, &reader, &err) == ERR_OK);
	demand(sqlite3_open(folder.file, &outside) == SQLITE_OK);
	demand(atexit(remove_files) == 0);
}

static void set_row(const char *sql, struct str bytes)
{
	sqlite3_stmt *stmt;

	demand(sqlite3_prepare_v2(outside, sql, -1, &stmt, NULL) == SQLITE_OK);
	if (sqlite3_bind_parameter_count(stmt) > 0)
		demand(sqlite3_bind_text(stmt, 1, bytes.at, (int)bytes.len, SQLITE_STATIC) == SQLITE_OK);
	demand(sqlite3_step(stmt) == SQLITE_DONE);
	demand(sqlite3_finalize(stmt) == SQLITE_OK);
}

static bool visit(void *self, struct str bytes)
{
	*(size_t *)self += bytes.len;
	return true;
}

static uint64_t findings(void)
{
	struct error err;
	uint64_t count = 0;

	demand(store_sqlite_check(folder.file, NULL, NULL, &count, &err) == ERR_OK);
	return count;
}

static enum err_code put_over_and_delete(struct store_txn *txn, void *self, struct error *err)
{
	struct json *before = NULL;
	enum err_code code = store_txn_get(txn, STR("urn:row"), &before, err);

	(void)self;
	if (code == ERR_OK && str_eq(document_id(before), STR("urn:row")))
		code = store_txn_put(txn, before, before, err);
	/* In any case nothing of this stays. */
	return err_set(err, code ? code : ERR_CONFLICT, "done");
}

/* The bytes as a row that the store has not written. */
static void behind_its_back(struct str bytes)
{
	struct error err;
	size_t sum = 0;

	set_row("INSERT INTO entity(subject, id, created, modified, doc) VALUES (1, 'urn:row', 0, 0, ?1)", bytes);
	(void)!store_scan(reader, &(struct narrow){.exact = true}, visit, &sum, &err);
	demand(sum == bytes.len);
	(void)!apply(store, put_over_and_delete, NULL, &err);
	demand(findings() > 0); /* the counter of entities, at least */
	set_row("DELETE FROM entity", STR_NONE);
}

static enum err_code put_body(struct store_txn *txn, void *self, struct error *err)
{
	return store_txn_put(txn, NULL, self, err);
}

static enum err_code put_again_body(struct store_txn *txn, void *self, struct error *err)
{
	struct json *before;
	enum err_code code = store_txn_get(txn, *(struct str *)self, &before, err);

	return code ? code : store_txn_put(txn, before, before, err);
}

static enum err_code delete_body(struct store_txn *txn, void *self, struct error *err)
{
	struct json *before;
	enum err_code code = store_txn_get(txn, *(struct str *)self, &before, err);

	return code ? code : store_txn_delete(txn, before, err);
}

static void through_the_door(struct json *entity)
{
	struct str id = document_id(entity);
	struct error err;

	if (!json_is(entity, JSON_OBJECT) || id.len == 0)
		return;
	demand(apply(store, put_body, entity, &err) == ERR_OK);
	demand(apply(store, put_again_body, &id, &err) == ERR_OK);
	demand(findings() == 0);
	demand(apply(store, delete_body, &id, &err) == ERR_OK);
	demand(findings() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct json_parser *parser = json_parser_new();
	struct json *entity = NULL;
	struct arena arena;

	if (!store)
		start();
	demand(parser != NULL);
	arena_init(&arena, 1 << 24);
	if (size <= DOCUMENT_BYTES_MAX) {
		behind_its_back(bytes);
		if (json_parse(parser, &arena, bytes, NULL, &entity, NULL) == ERR_OK)
			through_the_door(entity);
	}
	arena_done(&arena);
	(void)json_parser_free(parser);
	return 0;
}
