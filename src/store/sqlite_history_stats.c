/* What the history takes on the disk, by the pages of its tables. */
#include "store/sqlite_int.h"

static enum err_code read_pages(struct sqlite_conn *conn, struct store_history_stats *stats, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_HISTORY_PAGES, &stmt, err);

	if (code)
		return code;
	code = sqlite_step(conn, stmt, "measuring the history", &row, err);
	if (code == ERR_OK && row) {
		stats->rows_bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
		stats->blocks_bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
		stats->subjects_bytes = (uint64_t)sqlite3_column_int64(stmt, 2);
	}
	sqlite_give(conn, SQL_HISTORY_PAGES, stmt);
	return code;
}

static enum err_code read_counts(struct sqlite_conn *conn, struct store_history_stats *stats, struct error *err)
{
	sqlite3_stmt *stmt;
	bool row = false;
	enum err_code code = sqlite_take(conn, SQL_HISTORY_COUNTS, &stmt, err);

	if (code)
		return code;
	code = sqlite_step(conn, stmt, "counting history", &row, err);
	if (code == ERR_OK && row) {
		stats->points_unpacked = (uint64_t)sqlite3_column_int64(stmt, 0);
		stats->points = stats->points_unpacked + (uint64_t)sqlite3_column_int64(stmt, 1);
		stats->blocks = (uint64_t)sqlite3_column_int64(stmt, 2);
		stats->runs = (uint64_t)sqlite3_column_int64(stmt, 3);
		stats->buckets = (uint64_t)sqlite3_column_int64(stmt, 4);
	}
	sqlite_give(conn, SQL_HISTORY_COUNTS, stmt);
	return code;
}

enum err_code sqlite_history_stats(struct store_backend *backend, struct store_history_stats *ret_stats,
				   struct error *err)
{
	const struct sqlite_store *store = (const struct sqlite_store *)backend;
	struct store_history_stats stats = {0};
	struct sqlite_conn conn = {0};
	enum err_code code =
		sqlite_conn_open(&conn, store->path, store->read_only ? SQLITE_USE_READ_ONLY : SQLITE_USE_READ,
				 store->cache_bytes / 4, store->busy_timeout_ms, err);

	if (code == ERR_OK)
		code = sqlite_run(&conn, SQL_BEGIN_READ, "starting to read", err);
	if (code == ERR_OK)
		code = read_counts(&conn, &stats, err);
	if (code == ERR_OK)
		code = read_pages(&conn, &stats, err);
	if (code == ERR_OK)
		code = sqlite_run(&conn, SQL_COMMIT, "ending to read", err);
	sqlite_conn_close(&conn);
	if (code == ERR_OK)
		*ret_stats = stats;
	return code;
}
