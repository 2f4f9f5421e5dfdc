/* What expires, by the partial index on the column "expires" of the entity table: the earliest expiry of anything in
 * the document. Entities without any expiresAt are not in it. */
#include "store/sqlite_int.h"

#include "ngsild/expiry.h"

bool sqlite_expires(const struct json *entity, int64_t *ret_us)
{
	return expiry_earliest(entity, ret_us);
}

enum err_code sqlite_next_expiry(struct store_snapshot *snapshot, int64_t *ret_us, struct error *err)
{
	struct sqlite_conn *conn = &((struct sqlite_reader *)snapshot)->conn;
	sqlite3_stmt *stmt;
	int64_t us;
	bool row;
	enum err_code code = sqlite_take(conn, SQL_EXPIRY_FIRST, &stmt, err);

	if (code == ERR_OK)
		code = sqlite_number(conn, SQL_EXPIRY_FIRST, stmt, "looking for what expires", &us, &row, err);
	if (code == ERR_OK)
		*ret_us = row ? us : INT64_MAX;
	return code;
}

/* The ids are read before any is shown: what is shown may be changed, and the index with it. */
static enum err_code read_ids(struct sqlite_conn *conn, struct arena *arena, int64_t now_us, uint32_t count_max,
			      struct str *ids, uint32_t *ret_count, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = true;
	uint32_t count = 0;
	enum err_code code = sqlite_take(conn, SQL_EXPIRED_IDS, &stmt, err);

	if (code)
		return code;
	sqlite_bind_int(stmt, 1, now_us);
	sqlite_bind_int(stmt, 2, count_max);
	while (count < count_max) {
		code = sqlite_step(conn, stmt, "looking for what has expired", &row, err);
		if (code || !row)
			break;
		ids[count] = arena_dup(arena, sqlite_text(stmt, 0));
		if (!ids[count].at) {
			code = err_set(err, ERR_MEMORY, "no memory to list what has expired");
			break;
		}
		count++;
	}
	sqlite_give(conn, SQL_EXPIRED_IDS, stmt);
	*ret_count = count;
	return code;
}

enum err_code sqlite_txn_each_expired(struct store_backend *backend, int64_t now_us, uint32_t count_max,
				      bool (*visit)(void *self, struct str id), void *self, struct error *err)
{
	struct sqlite_conn *conn = &((struct sqlite_store *)backend)->writer;
	struct arena arena; /* visit may use the store's scratch */
	uint32_t count = 0;

	arena_init(&arena, SQLITE_SCRATCH_BYTES_MAX);
	struct str *ids = arena_array(&arena, struct str, count_max);
	enum err_code code = ids ? read_ids(conn, &arena, now_us, count_max, ids, &count, err)
				 : err_set(err, ERR_MEMORY, "no memory to list what has expired");

	for (uint32_t i = 0; code == ERR_OK && i < count; i++)
		if (!visit(self, ids[i]))
			break;
	arena_done(&arena);
	return code;
}
