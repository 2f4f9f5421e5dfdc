/* Named records in SQLite: one table, found by kind and id. */
#include "store/sqlite_int.h"

#include <string.h>

static struct sqlite_conn *writer_of(struct store_backend *backend)
{
	return &((struct sqlite_store *)backend)->writer;
}

static enum err_code not_there(struct str kind, struct str id, struct error *err)
{
	return err ? err_set(err, ERR_NOT_FOUND, "there is no %.*s %.*s", STR_FMT(kind), STR_FMT(id)) : ERR_NOT_FOUND;
}

static enum err_code take(struct sqlite_conn *conn, enum sqlite_sql sql, struct str kind, struct str id,
			  sqlite3_stmt **ret_stmt, struct error *err)
{
	enum err_code code = sqlite_take(conn, sql, ret_stmt, err);

	if (code == ERR_OK) {
		sqlite_bind_text(*ret_stmt, 1, kind);
		sqlite_bind_text(*ret_stmt, 2, id.at ? id : STR(""));
	}
	return code;
}

enum err_code sqlite_txn_record_put(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str doc, struct error *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = take(writer_of(backend), SQL_RECORD_PUT, kind, id, &stmt, err);

	if (code)
		return code;
	txn->changed = true;
	sqlite_bind_text(stmt, 3, doc);
	return sqlite_finish(writer_of(backend), SQL_RECORD_PUT, stmt, "storing a record", err);
}

enum err_code sqlite_txn_record_delete(struct store_backend *backend, struct store_txn *txn, struct str kind,
				       struct str id, struct error *err)
{
	struct sqlite_conn *conn = writer_of(backend);
	sqlite3_stmt *stmt;
	enum err_code code = take(conn, SQL_RECORD_DELETE, kind, id, &stmt, err);

	if (code)
		return code;
	code = sqlite_finish(conn, SQL_RECORD_DELETE, stmt, "deleting a record", err);
	if (code)
		return code;
	if (sqlite3_changes(conn->db) == 0)
		return not_there(kind, id, err);
	txn->changed = true;
	return ERR_OK;
}

static enum err_code get(struct sqlite_conn *conn, struct str kind, struct str id, struct arena *arena,
			 struct str *ret_doc, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = take(conn, SQL_RECORD_GET, kind, id, &stmt, err);

	if (code)
		return code;
	code = sqlite_step(conn, stmt, "reading a record", &row, err);
	if (code == ERR_OK && !row)
		code = not_there(kind, id, err);
	if (code == ERR_OK) {
		struct str text = sqlite_text(stmt, 0);
		char *copy = arena_bytes(arena, text.len, STORE_PADDING_BYTES);

		if (copy) {
			memcpy(copy, text.at, text.len);
			*ret_doc = (struct str){copy, text.len};
		} else {
			code = err_set(err, ERR_MEMORY, "no memory for %zu bytes of a record", text.len);
		}
	}
	sqlite_give(conn, SQL_RECORD_GET, stmt);
	return code;
}

enum err_code sqlite_txn_record_get(struct store_backend *backend, struct store_txn *txn, struct str kind,
				    struct str id, struct str *ret_doc, struct error *err)
{
	return get(writer_of(backend), kind, id, &txn->arena, ret_doc, err);
}

enum err_code sqlite_record_get(struct store_snapshot *snapshot, struct str kind, struct str id, struct arena *arena,
				struct str *ret_doc, struct error *err)
{
	return get(&((struct sqlite_reader *)snapshot)->conn, kind, id, arena, ret_doc, err);
}

static enum err_code each(struct sqlite_conn *conn, struct str kind, struct str after,
			  bool (*visit)(void *self, struct str id, struct str doc), void *self, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row;
	enum err_code code = take(conn, SQL_RECORD_EACH, kind, after, &stmt, err);

	if (code)
		return code;
	do {
		code = sqlite_step(conn, stmt, "reading records", &row, err);
	} while (code == ERR_OK && row && visit(self, sqlite_text(stmt, 0), sqlite_text(stmt, 1)));
	sqlite_give(conn, SQL_RECORD_EACH, stmt);
	return code;
}

enum err_code sqlite_record_each(struct store_snapshot *snapshot, struct str kind, struct str after,
				 bool (*visit)(void *self, struct str id, struct str doc), void *self,
				 struct error *err)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)snapshot;
	enum err_code code = sqlite_snapshot_begin(reader, err);

	if (code)
		return code;
	code = each(&reader->conn, kind, after, visit, self, err);
	sqlite_snapshot_end(reader);
	return code;
}
