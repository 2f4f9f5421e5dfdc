/* Reading on a connection of one's own: one document, marks. Scans are in sqlite_scan.c, history in sqlite_series.c. */
#include "store/sqlite_int.h"

#include <string.h>

#define READER_CACHE_SHARE 16 /* a reader's page cache is this part of the writer's */

static struct sqlite_reader *sqlite_reader(struct store_snapshot *snapshot)
{
	return (struct sqlite_reader *)snapshot;
}

enum err_code sqlite_reader_new(struct store_backend *backend, struct store_snapshot **ret_snapshot, struct error *err)
{
	const struct sqlite_store *store = (const struct sqlite_store *)backend;
	struct sqlite_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return err_set(err, ERR_MEMORY, "no memory for a reader");
	enum err_code code =
		sqlite_conn_open(&reader->conn, store->path, store->read_only ? SQLITE_USE_READ_ONLY : SQLITE_USE_READ,
				 store->cache_bytes / READER_CACHE_SHARE, store->busy_timeout_ms, err);

	/* Letting go of a snapshot must not need memory. */
	if (code == ERR_OK)
		code = sqlite_ready(&reader->conn, SQL_COMMIT, err);
	if (code) {
		sqlite_conn_close(&reader->conn);
		free(reader);
		return code;
	}
	reader->places = store->places;
	buf_init(&reader->document, STORE_DOCUMENT_BYTES_MAX);
	*ret_snapshot = (struct store_snapshot *)reader;
	return ERR_OK;
}

void sqlite_reader_free(struct store_snapshot *snapshot)
{
	struct sqlite_reader *reader = sqlite_reader(snapshot);

	sqlite_conn_close(&reader->conn);
	buf_done(&reader->document);
	(void)json_parser_free(reader->parser);
	free(reader);
}

enum err_code sqlite_snapshot_begin(struct sqlite_reader *reader, struct error *err)
{
	if (reader->depth == 0) {
		enum err_code code = ERR_OK;

		if (!sqlite3_get_autocommit(reader->conn.db))
			code = sqlite_run(&reader->conn, SQL_COMMIT, "ending to read", err);
		if (code == ERR_OK)
			code = sqlite_run(&reader->conn, SQL_BEGIN_READ, "starting to read", err);
		if (code)
			return code;
	}
	reader->conn.blocks.on = ++reader->depth > 1;
	return ERR_OK;
}

void sqlite_snapshot_end(struct sqlite_reader *reader)
{
	reader->conn.blocks.on = --reader->depth > 1;
	if (reader->depth > 0)
		return;
	sqlite_block_cache_clear(&reader->conn.blocks);
	if (sqlite3_get_autocommit(reader->conn.db))
		return;
	/* Nothing was written. Should it fail all the same, the next snapshot begins with it. */
	(void)!sqlite_run(&reader->conn, SQL_COMMIT, "ending to read", NULL);
}

enum err_code sqlite_reader_hold(struct store_snapshot *snapshot, struct error *err)
{
	return sqlite_snapshot_begin(sqlite_reader(snapshot), err);
}

void sqlite_reader_release(struct store_snapshot *snapshot)
{
	sqlite_snapshot_end(sqlite_reader(snapshot));
}

/* A text with the parser's padding. */
static enum err_code copy_text(struct str text, struct arena *arena, struct str *ret_text, struct error *err)
{
	char *copy = arena_bytes(arena, text.len, STORE_PADDING_BYTES);

	if (!copy)
		return err_set(err, ERR_MEMORY, "no memory for %zu bytes of a document", text.len);
	memcpy(copy, text.at, text.len);
	*ret_text = (struct str){copy, text.len};
	return ERR_OK;
}

/* The row of an id, which has its document in column 2; to be given back. */
static enum err_code find_document(struct sqlite_reader *reader, struct str id, struct sqlite_row *ret_row,
				   struct error *err)
{
	enum err_code code =
		sqlite_find_row(&reader->conn, reader->places, SQL_ENTITY_DOC_AT, SQL_ENTITY_DOC, id, ret_row, err);

	if (code || ret_row->stmt)
		return code;
	return err ? err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id)) : ERR_NOT_FOUND;
}

enum err_code sqlite_get(struct store_snapshot *snapshot, struct str id, struct arena *arena, struct str *ret_bytes,
			 struct error *err)
{
	struct sqlite_reader *reader = sqlite_reader(snapshot);
	struct sqlite_row row;
	struct str text;
	enum err_code code = find_document(reader, id, &row, err);

	if (code)
		return code;
	code = sqlite_document_text(&reader->conn, row.stmt, 2, &reader->document, &text, err);
	if (code == ERR_OK)
		code = copy_text(text, arena, ret_bytes, err);
	sqlite_give(&reader->conn, row.sql, row.stmt);
	return code;
}

enum err_code sqlite_get_tree(struct store_snapshot *snapshot, struct str id, struct json_parser *parser,
			      struct arena *arena, struct json **ret_entity, struct error *err)
{
	struct sqlite_reader *reader = sqlite_reader(snapshot);
	struct sqlite_row row;
	enum err_code code = find_document(reader, id, &row, err);

	if (code)
		return code;
	code = sqlite_document_read(&reader->conn, row.stmt, 2, parser, arena, ret_entity, err);
	sqlite_give(&reader->conn, row.sql, row.stmt);
	return code;
}

enum err_code sqlite_get_meta(struct store_snapshot *snapshot, struct str key, struct arena *arena,
			      struct str *ret_value, struct error *err)
{
	struct sqlite_conn *conn = &sqlite_reader(snapshot)->conn;
	bool found = false;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, SQL_META_GET, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, key);
	code = sqlite_step(conn, stmt, "reading a mark", &found, err);
	if (code == ERR_OK && found)
		code = copy_text(sqlite_text(stmt, 0), arena, ret_value, err);
	else if (code == ERR_OK)
		*ret_value = STR("");
	sqlite_give(conn, SQL_META_GET, stmt);
	return code;
}
