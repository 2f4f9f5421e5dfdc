/* Reading on a connection of one's own: one document, marks, history. Scans are in sqlite_scan.c. */
#include "store/sqlite_int.h"

#include <string.h>

#define READER_CACHE_SHARE 4 /* a reader's page cache is this part of the writer's */

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
	*ret_snapshot = (struct store_snapshot *)reader;
	return ERR_OK;
}

void sqlite_reader_free(struct store_snapshot *snapshot)
{
	sqlite_conn_close(&sqlite_reader(snapshot)->conn);
	free(snapshot);
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
	reader->depth++;
	return ERR_OK;
}

void sqlite_snapshot_end(struct sqlite_reader *reader)
{
	if (--reader->depth > 0 || sqlite3_get_autocommit(reader->conn.db))
		return;
	/* Nothing was written. Should it fail all the same, the next snapshot begins with it. */
	(void)!sqlite_run(&reader->conn, SQL_COMMIT, "ending to read", NULL);
}

/* Column 0 of the one row that a text names, copied with the parser's padding. */
static enum err_code get_text(struct sqlite_conn *conn, enum sqlite_sql sql, struct str key, const char *doing,
			      struct arena *arena, struct str *ret_text, bool *ret_row, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_take(conn, sql, &stmt, err);

	if (code)
		return code;
	sqlite_bind_text(stmt, 1, key);
	code = sqlite_step(conn, stmt, doing, ret_row, err);
	if (code == ERR_OK && *ret_row) {
		struct str text = sqlite_text(stmt, 0);
		char *copy = arena_bytes(arena, text.len, STORE_PADDING_BYTES);

		if (copy) {
			memcpy(copy, text.at, text.len);
			*ret_text = (struct str){copy, text.len};
		} else {
			code = err_set(err, ERR_MEMORY, "no memory for %zu bytes of a document", text.len);
		}
	}
	sqlite_give(conn, sql, stmt);
	return code;
}

enum err_code sqlite_get(struct store_snapshot *snapshot, struct str id, struct arena *arena, struct str *ret_bytes,
			 struct error *err)
{
	bool row = false;
	enum err_code code = get_text(&sqlite_reader(snapshot)->conn, SQL_ENTITY_DOC, id, "reading an entity", arena,
				      ret_bytes, &row, err);

	if (code == ERR_OK && !row)
		code = err ? err_set(err, ERR_NOT_FOUND, "entity %.*s is not there", STR_FMT(id)) : ERR_NOT_FOUND;
	return code;
}

enum err_code sqlite_get_meta(struct store_snapshot *snapshot, struct str key, struct arena *arena,
			      struct str *ret_value, struct error *err)
{
	bool row = false;
	enum err_code code = get_text(&sqlite_reader(snapshot)->conn, SQL_META_GET, key, "reading a mark", arena,
				      ret_value, &row, err);

	if (code == ERR_OK && !row)
		*ret_value = STR("");
	return code;
}

/* ---- history ---- */

/* 0 when there is none. */
static enum err_code find_series(struct sqlite_conn *conn, struct str id, struct str attribute_iri,
				 struct str dataset_id, int64_t *ret_sid, struct error *err)
{
	int64_t nid, subject;
	bool row;
	sqlite3_stmt *stmt;
	enum err_code code = sqlite_name_find(conn, attribute_iri, &nid, err);

	*ret_sid = 0;
	if (code || nid == 0)
		return code;
	code = sqlite_take(conn, SQL_SUBJECT_GET, &stmt, err);
	if (code)
		return code;
	sqlite_bind_text(stmt, 1, id);
	code = sqlite_number(conn, SQL_SUBJECT_GET, stmt, "looking up a series", &subject, &row, err);
	if (code || !row)
		return code;
	code = sqlite_take(conn, SQL_SERIES_GET, &stmt, err);
	if (code)
		return code;
	sqlite_bind_int(stmt, 1, subject);
	sqlite_bind_int(stmt, 2, nid);
	sqlite_bind_text(stmt, 3, dataset_id);
	return sqlite_number(conn, SQL_SERIES_GET, stmt, "looking up a series", ret_sid, &row, err);
}

static enum err_code read_points(struct sqlite_conn *conn, int64_t sid, int64_t from_us, int64_t to_us,
				 bool (*visit)(void *self, int64_t at_us, enum change_kind kind, struct str bytes),
				 void *self, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	enum err_code code = sqlite_take(conn, SQL_POINT_READ, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, sid);
	sqlite_bind_int(stmt, 2, from_us);
	sqlite_bind_int(stmt, 3, to_us);
	for (;;) {
		code = sqlite_step(conn, stmt, "reading history", &row, err);
		if (code || !row)
			break;
		int kind = sqlite3_column_int(stmt, 1);

		if (kind < CHANGE_CREATED || kind > CHANGE_DELETED) {
			code = err_set(err, ERR_CORRUPT, "%s: a point of the history is of kind %d", conn->path, kind);
			break;
		}
		if (!visit(self, sqlite3_column_int64(stmt, 0), (enum change_kind)kind, sqlite_text(stmt, 2)))
			break;
	}
	sqlite_give(conn, SQL_POINT_READ, stmt);
	return code;
}

enum err_code sqlite_history(struct store_snapshot *snapshot, struct str id, struct str attribute_iri,
			     struct str dataset_id, int64_t from_us, int64_t to_us,
			     bool (*visit)(void *self, int64_t at_us, enum change_kind kind, struct str bytes),
			     void *self, struct error *err)
{
	struct sqlite_reader *reader = sqlite_reader(snapshot);
	int64_t sid;
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	code = find_series(&reader->conn, id, attribute_iri, dataset_id, &sid, err);
	if (code == ERR_OK && sid)
		code = read_points(&reader->conn, sid, from_us, to_us, visit, self, err);
	sqlite_snapshot_end(reader);
	return code;
}
